//! Ast to resolved: names become columns, types are checked, and the implied correlation is written out.

use super::ast::{Arithmetic, Comparison, Expr, ExprKind, Literal, Part, Question, quoted};
use super::resolved::{Condition, EventQuery, Resolved, Scalar};
use super::typing::{arithmetic_type, comparable, constant, negate, profile_in, shifted};
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::{Fields, folded, nearest};
use crate::state::State;

/// Resolves a question against the catalog of a state; `now()` becomes a constant.
///
/// # Errors
/// `Invalid`, with the place and the nearest name.
pub fn resolve(question: &Question, state: &State, now: Timestamp) -> Result<Resolved> {
    let mut resolver = Resolver {
        state,
        now,
        profiles: &question.alias,
        statement: question.statement,
        subqueries: Vec::new(),
    };
    let mut shown = question.clone();
    let condition = match &mut shown.condition {
        None => Condition::Constant(Some(true)),
        Some(condition) => resolver.condition(condition, None)?,
    };
    let table = shown.table.as_mut().map(|table| resolver.table(table)).transpose()?;
    Ok(Resolved { condition, table, subqueries: resolver.subqueries, text: shown.to_string() })
}

/// The event table that names are looked up in first.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) event: usize,
    pub(super) name: &'a str,
}

pub(super) struct Resolver<'a> {
    pub(super) state: &'a State,
    pub(super) now: Timestamp,
    pub(super) profiles: &'a str,
    pub(super) statement: bool,
    pub(super) subqueries: Vec<EventQuery>,
}

/// A resolved value with its type; none is the type of NULL.
pub(super) type Typed = (Scalar, Option<ValueType>);

pub(super) enum Named {
    Value(Scalar, Option<ValueType>),
    ProfileId,
}

/// What follows a prefix, whatever the prefix's case.
fn without_prefix<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

pub(super) fn same(left: &str, right: &str) -> bool {
    folded(left) == folded(right)
}

impl<'a> Resolver<'a> {
    pub(super) fn condition(
        &mut self,
        expr: &mut Expr,
        scope: Option<Scope<'_>>,
    ) -> Result<Condition> {
        let at = expr.at;
        Ok(match &mut expr.kind {
            ExprKind::And(parts) => Condition::And(self.conditions(parts, scope)?),
            ExprKind::Or(parts) => Condition::Or(self.conditions(parts, scope)?),
            ExprKind::Not(inner) => Condition::Not(Box::new(self.condition(inner, scope)?)),
            ExprKind::Compare(comparison, left, right) => {
                self.compare(*comparison, left, right, scope)?
            }
            ExprKind::Between { value, low, high, negated } => {
                let above = self.compare(Comparison::GreaterOrEqual, value, low, scope)?;
                let below = self.compare(Comparison::LessOrEqual, value, high, scope)?;
                negate(Condition::And(vec![above, below]), *negated)
            }
            ExprKind::In { value, list, negated } => {
                negate(self.is_in(value, list, scope)?, *negated)
            }
            ExprKind::IsNull { value, negated } => {
                let condition = match self.named(value, scope)? {
                    Some(Named::ProfileId) => Condition::Constant(Some(false)),
                    _ => match self.scalar(value, scope)? {
                        (_, Some(ValueType::Set)) => {
                            let hint = "a set is never NULL, an absent one is empty";
                            return Err(
                                Error::invalid(format!("{hint}; ask 'x' = ANY(set)")).at(at)
                            );
                        }
                        (scalar, _) => Condition::IsNull(scalar),
                    },
                };
                negate(condition, *negated)
            }
            ExprKind::Exists { subquery, negated } => {
                let number = self.subquery(subquery, scope, at)?;
                negate(Condition::Exists(number), *negated)
            }
            ExprKind::Like { value, pattern, escape, any_case, negated } => {
                let (escape, any_case, negated) = (*escape, *any_case, *negated);
                let value = self.typed(value, scope, ValueType::Text)?;
                let pattern = self.typed(pattern, scope, ValueType::Text)?;
                negate(Condition::Like { value, pattern, escape, any_case }, negated)
            }
            ExprKind::AnyOf(value, set) => {
                let value = self.typed(value, scope, ValueType::Text)?;
                Condition::AnyOf(value, self.typed(set, scope, ValueType::Set)?)
            }
            ExprKind::HasIdentifier(namespace) => {
                Condition::HasIdentifier(folded(namespace.trim()))
            }
            ExprKind::Literal(Literal::Boolean(value)) => Condition::Constant(Some(*value)),
            ExprKind::Literal(Literal::Null) => Condition::Constant(None),
            _ => match self.scalar(expr, scope)? {
                (scalar, Some(ValueType::Boolean)) => Condition::Is(scalar),
                (_, found) => {
                    let found = found.map_or("NULL", ValueType::name);
                    let help = "a condition is expected, such as p.country = 'FR'";
                    return Err(Error::invalid(format!("this is {found}; {help}")).at(at));
                }
            },
        })
    }

    fn conditions(
        &mut self,
        parts: &mut [Expr],
        scope: Option<Scope<'_>>,
    ) -> Result<Vec<Condition>> {
        parts.iter_mut().map(|part| self.condition(part, scope)).collect()
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        left: &mut Expr,
        right: &mut Expr,
        scope: Option<Scope<'_>>,
    ) -> Result<Condition> {
        let ids = (self.named(left, scope)?, self.named(right, scope)?);
        match ids {
            (Some(Named::ProfileId), Some(Named::ProfileId)) if comparison == Comparison::Equal => {
                return Ok(Condition::Constant(Some(true)));
            }
            (Some(Named::ProfileId), _) => return self.profile_is(comparison, right),
            (_, Some(Named::ProfileId)) => return self.profile_is(comparison, left),
            _ => {}
        }
        let at = left.at;
        let (left, left_type) = self.scalar(left, scope)?;
        let (right, right_type) = self.scalar(right, scope)?;
        comparable(left_type, right_type, at)?;
        Ok(Condition::Compare(comparison, left, right))
    }

    fn profile_is(&mut self, comparison: Comparison, other: &Expr) -> Result<Condition> {
        let condition = profile_in(std::slice::from_ref(other))?;
        match comparison {
            Comparison::Equal => Ok(condition),
            Comparison::NotEqual => Ok(Condition::Not(Box::new(condition))),
            _ => Err(Error::invalid("profile_id is compared with =, <> and IN alone").at(other.at)),
        }
    }

    fn is_in(
        &mut self,
        value: &mut Expr,
        list: &mut [Expr],
        scope: Option<Scope<'_>>,
    ) -> Result<Condition> {
        if let Some(Named::ProfileId) = self.named(value, scope)? {
            return profile_in(list);
        }
        let (scalar, value_type) = self.scalar(value, scope)?;
        let mut options = Vec::with_capacity(list.len());
        for option in list {
            let (option_scalar, option_type) = self.scalar(option, scope)?;
            comparable(value_type, option_type, option.at)?;
            options.push(option_scalar);
        }
        Ok(Condition::In(scalar, options))
    }

    pub(super) fn scalar(&mut self, expr: &mut Expr, scope: Option<Scope<'_>>) -> Result<Typed> {
        let at = expr.at;
        match &mut expr.kind {
            ExprKind::Literal(literal) => Ok(constant(literal)),
            ExprKind::Now => {
                Ok((Scalar::Constant(Some(Value::Timestamp(self.now))), Some(ValueType::Timestamp)))
            }
            ExprKind::Name(_) => match self.named(expr, scope)? {
                Some(Named::Value(scalar, value_type)) => Ok((scalar, value_type)),
                _ => Err(Error::invalid("profile_id is compared with =, <> and IN alone").at(at)),
            },
            ExprKind::Shift(value, span) => {
                let span = *span;
                let (value, value_type) = self.scalar(value, scope)?;
                shifted(value, value_type, span, at)
            }
            ExprKind::Arithmetic(operator, left, right) => {
                let operator = *operator;
                let (left, left_type) = self.scalar(left, scope)?;
                let (right, right_type) = self.scalar(right, scope)?;
                let value_type = arithmetic_type(operator, left_type, right_type, at)?;
                Ok((Scalar::Arithmetic(operator, Box::new(left), Box::new(right)), value_type))
            }
            ExprKind::Negate(inner) => {
                let (inner, value_type) = self.scalar(inner, scope)?;
                let value_type = arithmetic_type(Arithmetic::Subtract, value_type, value_type, at)?;
                Ok((Scalar::Negate(Box::new(inner)), value_type))
            }
            ExprKind::Coalesce(values) => self.coalesce(values, scope),
            ExprKind::Part(part, value) => {
                let value_type =
                    if *part == Part::Epoch { ValueType::Float } else { ValueType::Integer };
                let part = *part;
                Ok((Scalar::Part(part, Box::new(self.time(value, scope)?)), Some(value_type)))
            }
            ExprKind::Truncate(part, value) => {
                let part = *part;
                Ok((
                    Scalar::Truncate(part, Box::new(self.time(value, scope)?)),
                    Some(ValueType::Timestamp),
                ))
            }
            ExprKind::AsDate(value) => {
                Ok((Scalar::AsDate(Box::new(self.time(value, scope)?)), Some(ValueType::Date)))
            }
            ExprKind::InZone(value, zone) => {
                let known = jiff::tz::TimeZone::get(zone);
                let zone = known
                    .map_err(|_| Error::invalid(format!("'{zone}' is no time zone")).at(at))?;
                Ok((
                    Scalar::InZone(Box::new(self.time(value, scope)?), zone),
                    Some(ValueType::Timestamp),
                ))
            }
            ExprKind::Bucket { salt, n } => {
                Ok((Scalar::Bucket { salt: salt.clone(), n: *n }, Some(ValueType::Integer)))
            }
            ExprKind::Scalar(subquery) => {
                let number = self.subquery(subquery, scope, at)?;
                let aggregate = self.subqueries.get(number).and_then(|q| q.aggregate.as_ref());
                Ok((Scalar::Subquery(number), aggregate.map(|a| a.value_type)))
            }
            _ => Err(Error::invalid("a value is expected here, not a condition").at(at)),
        }
    }

    /// A value of one type, or NULL.
    fn typed(
        &mut self,
        expr: &mut Expr,
        scope: Option<Scope<'_>>,
        wanted: ValueType,
    ) -> Result<Scalar> {
        let at = expr.at;
        match self.scalar(expr, scope)? {
            (scalar, None) => Ok(scalar),
            (scalar, Some(found)) if found == wanted => Ok(scalar),
            (_, Some(found)) => {
                Err(Error::invalid(format!("{wanted} is expected, but this is {found}")).at(at))
            }
        }
    }

    /// A day or instant, or NULL.
    fn time(&mut self, expr: &mut Expr, scope: Option<Scope<'_>>) -> Result<Scalar> {
        let at = expr.at;
        match self.scalar(expr, scope)? {
            (scalar, None | Some(ValueType::Date | ValueType::Timestamp)) => Ok(scalar),
            (_, Some(found)) => {
                Err(Error::invalid(format!("a time is expected, but this is {found}")).at(at))
            }
        }
    }

    fn coalesce(&mut self, values: &mut [Expr], scope: Option<Scope<'_>>) -> Result<Typed> {
        let mut scalars = Vec::with_capacity(values.len());
        let mut common = None;
        for value in values {
            let at = value.at;
            let (scalar, value_type) = self.scalar(value, scope)?;
            comparable(common, value_type, at)?;
            common = match (common, value_type) {
                (Some(left), Some(right)) => ValueType::widened(left, right),
                (left, right) => left.or(right),
            };
            scalars.push(scalar);
        }
        Ok((Scalar::Coalesce(scalars), common))
    }

    /// What a name stands for; nothing when the expression is no name.
    pub(super) fn named(&self, expr: &Expr, scope: Option<Scope<'_>>) -> Result<Option<Named>> {
        let ExprKind::Name(parts) = &expr.kind else { return Ok(None) };
        let at = expr.at;
        match (parts.as_slice(), scope) {
            ([name], Some(scope)) => {
                if let Some(found) = self.event_column(scope, name) {
                    return Ok(Some(found));
                }
                self.trait_column(name)
                    .map(Some)
                    .ok_or_else(|| self.unknown(name, Some(scope), true, at))
            }
            ([name], None) => {
                self.trait_column(name).map(Some).ok_or_else(|| self.unknown(name, None, true, at))
            }
            ([qualifier, name], Some(scope)) if same(qualifier, scope.name) => self
                .event_column(scope, name)
                .map(Some)
                .ok_or_else(|| self.unknown(name, Some(scope), false, at)),
            ([qualifier, name], _) if same(qualifier, self.profiles) => {
                self.trait_column(name).map(Some).ok_or_else(|| self.unknown(name, None, true, at))
            }
            ([qualifier, _], _) => {
                let inner = scope.map(|s| format!(" or {}", s.name)).unwrap_or_default();
                Err(Error::invalid(format!(
                    "'{qualifier}' names no table here; use {}{inner}",
                    self.profiles
                ))
                .at(at))
            }
            ([qualifier, rest @ ..], _) => {
                let name = quoted(&rest.join("."));
                Err(Error::invalid(format!("a name with dots needs quotes: {qualifier}.{name}"))
                    .at(at))
            }
            ([], _) => Err(Error::invalid("a name is expected").at(at)),
        }
    }

    fn trait_column(&self, name: &str) -> Option<Named> {
        if same(name, "profile_id") {
            return Some(Named::ProfileId);
        }
        let traits = self.state.catalog.traits();
        let number = traits.find(name).or_else(|| traits.find(without_prefix(name, "traits.")?))?;
        Some(Named::Value(Scalar::Trait(number), traits.get(number)?.value_type))
    }

    fn event_column(&self, scope: Scope<'_>, name: &str) -> Option<Named> {
        Some(match folded(name).as_str() {
            "profile_id" => Named::ProfileId,
            "time" => Named::Value(Scalar::EventTime, Some(ValueType::Timestamp)),
            "source" => Named::Value(Scalar::EventSource, Some(ValueType::Text)),
            "message_id" => Named::Value(Scalar::EventMessage, Some(ValueType::Text)),
            _ => {
                let fields = self.state.catalog.properties(scope.event)?;
                let number = fields
                    .find(name)
                    .or_else(|| fields.find(without_prefix(name, "properties.")?))?;
                Named::Value(Scalar::Property(number), fields.get(number)?.value_type)
            }
        })
    }

    fn unknown(&self, name: &str, scope: Option<Scope<'_>>, traits: bool, at: usize) -> Error {
        let names = |fields: Option<&'a Fields>| {
            fields.into_iter().flat_map(|f| f.all()).map(|f| f.name.as_str())
        };
        let mut candidates: Vec<&str> = vec!["profile_id"];
        if let Some(scope) = scope {
            candidates.extend(["time", "source", "message_id"]);
            candidates.extend(names(self.state.catalog.properties(scope.event)));
        }
        if traits {
            candidates.extend(names(Some(self.state.catalog.traits())));
        }
        let what = match scope {
            Some(scope) => format!("'{name}' is no property of {}", scope.name),
            None => format!("'{name}' is no trait"),
        };
        let hint = match nearest(name, candidates.into_iter()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "`nave stats` lists what there is".to_owned(),
        };
        Error::invalid(format!("{what}; {hint}")).at(at)
    }
}
