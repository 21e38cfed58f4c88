//! Ast to resolved: names become columns, types are checked, and the implied correlation is written out.

use super::ast::{Arithmetic, Comparison, Expr, ExprKind, Literal, Part, Question};
use super::names::{Named, Scope};
use super::resolved::{Condition, ConsentQuery, Query, Resolved, Scalar};
use super::saved::write_out;
use super::typing::{
    arithmetic_type, check_pattern, comparable, constant, negate, profile_in, shifted,
};
use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::folded;
use crate::state::State;

/// A question that was resolved, as it can be answered and as it was written, with what was implied written out.
pub struct Whole {
    pub resolved: Resolved,
    pub question: Question,
}

/// Resolves a question against the catalog of a state; `now()` becomes a constant. Texts for `explain` are made when
/// it is asked for.
///
/// # Errors
/// `Invalid`, with the place and the nearest name.
pub fn resolve(question: &Question, state: &State, now: Timestamp, explain: bool) -> Result<Whole> {
    resolve_at(question, state, Some(now), explain)
}

/// As `resolve`; without a moment `now()` stays open.
///
/// # Errors
/// As `resolve`.
pub fn resolve_at(
    question: &Question,
    state: &State,
    now: Option<Timestamp>,
    explain: bool,
) -> Result<Whole> {
    let mut resolver = Resolver {
        state,
        now,
        profiles: &question.alias,
        statement: question.statement,
        queries: Vec::new(),
        passes: 0,
        explain,
    };
    let mut whole = question.clone();
    write_out(&mut whole, state)?;
    let condition = match &mut whole.condition {
        None => Condition::TRUE,
        Some(condition) => resolver.condition(condition, None)?,
    };
    let table = whole.table.as_mut().map(|table| resolver.table(table)).transpose()?;
    let resolved = Resolved { condition, table, queries: resolver.queries };
    Ok(Whole { resolved, question: whole })
}

pub(super) struct Resolver<'a> {
    pub(super) state: &'a State,
    /// The moment; nothing when it is left open.
    pub(super) now: Option<Timestamp>,
    pub(super) profiles: &'a str,
    pub(super) statement: bool,
    pub(super) queries: Vec<Query>,
    /// Passes over events so far: one for each subquery and each step of a funnel.
    pub(super) passes: usize,
    /// Whether texts are wanted.
    pub(super) explain: bool,
}

/// A resolved value with its type; none is the type of NULL.
pub(super) type Typed = (Scalar, Option<ValueType>);

impl Resolver<'_> {
    /// A text for `explain`; empty when nobody asked for it.
    pub(super) fn shown(&self, text: impl FnOnce() -> String) -> String {
        if self.explain { text() } else { String::new() }
    }

    pub(super) fn condition(
        &mut self,
        expr: &mut Expr,
        scope: Option<&Scope>,
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
                negate(self.is_null(value, scope, at)?, *negated)
            }
            ExprKind::Exists { subquery, negated } => {
                let number = self.subquery(subquery, scope, at)?;
                negate(Condition::Exists(number), *negated)
            }
            ExprKind::Funnel { span, steps } => {
                let span = *span;
                Condition::Exists(self.funnel(span, steps, scope, at)?)
            }
            ExprKind::Like { value, pattern, escape, any_case, negated } => {
                let (escape, any_case) = (*escape, *any_case);
                let value = self.typed(value, scope, ValueType::Text)?;
                let pattern = self.pattern(pattern, escape, scope)?;
                negate(Condition::Like { value, pattern, escape, any_case }, *negated)
            }
            ExprKind::AnyOf(value, set) => {
                let value = self.typed(value, scope, ValueType::Text)?;
                Condition::AnyOf(value, self.typed(set, scope, ValueType::Set)?)
            }
            ExprKind::HasIdentifier(namespace) => {
                Condition::HasIdentifier(folded(namespace.trim()))
            }
            ExprKind::InSegment(_) if scope.is_some() => {
                return Err(Error::invalid("in_segment is asked of profiles, not of events").at(at));
            }
            ExprKind::InSegment(name) => self.in_segment(name),
            ExprKind::Consents { channel, purpose, topic } => {
                let asked = ConsentQuery {
                    channel: channel.clone(),
                    purpose: purpose.clone(),
                    topic: topic.clone(),
                };
                Condition::Exists(self.consents(asked, scope, at)?)
            }
            ExprKind::Literal(Literal::Boolean(value)) => Condition::Constant(Some(*value)),
            ExprKind::Literal(Literal::Null) => Condition::Constant(None),
            _ => match self.scalar(expr, scope)? {
                (scalar, None | Some(ValueType::Boolean)) => Condition::Is(scalar),
                (_, found) => {
                    let found = found.map_or("NULL", ValueType::name);
                    let help = "a condition is expected, such as p.country = 'FR'";
                    return Err(Error::invalid(format!("this is {found}; {help}")).at(at));
                }
            },
        })
    }

    fn is_null(&mut self, value: &mut Expr, scope: Option<&Scope>, at: usize) -> Result<Condition> {
        if let Some(Named::ProfileId) = self.named(value, scope)? {
            return Ok(Condition::Constant(Some(false)));
        }
        match self.bare(value, scope)? {
            (_, Some(ValueType::Set)) => {
                let hint = "a set is never NULL, an absent one is empty";
                Err(Error::invalid(format!("{hint}; ask 'x' = ANY(set)")).at(at))
            }
            (scalar, _) => Ok(Condition::IsNull(scalar)),
        }
    }

    fn pattern(
        &mut self,
        pattern: &mut Expr,
        escape: Option<char>,
        scope: Option<&Scope>,
    ) -> Result<Scalar> {
        let at = pattern.at;
        let pattern = self.typed(pattern, scope, ValueType::Text)?;
        check_pattern(&pattern, escape, at).map(|()| pattern)
    }

    fn conditions(&mut self, parts: &mut [Expr], scope: Option<&Scope>) -> Result<Vec<Condition>> {
        parts.iter_mut().map(|part| self.condition(part, scope)).collect()
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        left: &mut Expr,
        right: &mut Expr,
        scope: Option<&Scope>,
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

    fn profile_is(&self, comparison: Comparison, other: &Expr) -> Result<Condition> {
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
        scope: Option<&Scope>,
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

    pub(super) fn scalar(&mut self, expr: &mut Expr, scope: Option<&Scope>) -> Result<Typed> {
        let at = expr.at;
        match &mut expr.kind {
            ExprKind::Literal(literal) => Ok(constant(literal)),
            ExprKind::Now => {
                let constant = |now| Scalar::Constant(Some(Value::Timestamp(now)));
                Ok((self.now.map_or(Scalar::Now, constant), Some(ValueType::Timestamp)))
            }
            ExprKind::Name(_) => match self.named(expr, scope)? {
                Some(Named::Value(scalar, value_type)) => {
                    self.guard(expr, &scalar, scope)?;
                    Ok((scalar, value_type))
                }
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
            ExprKind::InZone(..) | ExprKind::FromZone(..) => self.at_time_zone(expr, scope),
            ExprKind::Bucket { salt, n } => {
                Ok((Scalar::Bucket { salt: salt.clone(), n: *n }, Some(ValueType::Integer)))
            }
            ExprKind::Amount(value) => self.amount(value, scope),
            ExprKind::Convert(convert) => self.convert(convert, scope, at),
            ExprKind::Scalar(subquery) => {
                let number = self.subquery(subquery, scope, at)?;
                let aggregate = match self.queries.get(number) {
                    Some(Query::Events(query)) => query.aggregate.as_ref(),
                    _ => None,
                };
                Ok((Scalar::Subquery(number), aggregate.and_then(|a| a.value_type)))
            }
            _ => Err(Error::invalid("a value is expected here, not a condition").at(at)),
        }
    }

    /// A value of one type, or NULL.
    pub(super) fn typed(
        &mut self,
        expr: &mut Expr,
        scope: Option<&Scope>,
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
    pub(super) fn time(&mut self, expr: &mut Expr, scope: Option<&Scope>) -> Result<Scalar> {
        let at = expr.at;
        match self.scalar(expr, scope)? {
            (scalar, None | Some(ValueType::Date | ValueType::Timestamp)) => Ok(scalar),
            (_, Some(found)) => {
                Err(Error::invalid(format!("a time is expected, but this is {found}")).at(at))
            }
        }
    }

    fn coalesce(&mut self, values: &mut [Expr], scope: Option<&Scope>) -> Result<Typed> {
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
        Ok((Scalar::Coalesce(scalars, common), common))
    }
}
