//! Ast to resolved: names become columns, types are checked, and the implied correlation is written out.

use super::ast::{
    Aggregate, Comparison, Expr, ExprKind, Literal, Question, Select, Subquery, quoted,
};
use super::resolved::{AggregateOf, Condition, EventQuery, Resolved, Scalar};
use crate::base::error::{Error, Result};
use crate::base::limits::AUDIENCE_SUBQUERIES_MAX;
use crate::base::time::{Span, Timestamp};
use crate::base::value::{Value, ValueType};
use crate::catalog::{Fields, folded, nearest};
use crate::identity::PublicId;
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
    Ok(Resolved { condition, subqueries: resolver.subqueries, text: shown.to_string() })
}

/// The event table that names are looked up in first.
#[derive(Clone, Copy)]
struct Scope<'a> {
    event: usize,
    name: &'a str,
}

struct Resolver<'a> {
    state: &'a State,
    now: Timestamp,
    profiles: &'a str,
    statement: bool,
    subqueries: Vec<EventQuery>,
}

/// A resolved value with its type; none is the type of NULL.
type Typed = (Scalar, Option<ValueType>);

enum Named {
    Value(Scalar, Option<ValueType>),
    ProfileId,
}

/// What follows a prefix, whatever the prefix's case.
fn without_prefix<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn same(left: &str, right: &str) -> bool {
    folded(left) == folded(right)
}

impl<'a> Resolver<'a> {
    fn condition(&mut self, expr: &mut Expr, scope: Option<Scope<'_>>) -> Result<Condition> {
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
                    _ => Condition::IsNull(self.scalar(value, scope)?.0),
                };
                negate(condition, *negated)
            }
            ExprKind::Exists { subquery, negated } => {
                let number = self.subquery(subquery, scope, at)?;
                negate(Condition::Exists(number), *negated)
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

    fn scalar(&mut self, expr: &mut Expr, scope: Option<Scope<'_>>) -> Result<Typed> {
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
            ExprKind::Scalar(subquery) => {
                let number = self.subquery(subquery, scope, at)?;
                let aggregate = self.subqueries.get(number).and_then(|q| q.aggregate.as_ref());
                Ok((Scalar::Subquery(number), aggregate.map(|a| a.value_type)))
            }
            _ => Err(Error::invalid("a value is expected here, not a condition").at(at)),
        }
    }

    /// What a name stands for; nothing when the expression is no name.
    fn named(&self, expr: &Expr, scope: Option<Scope<'_>>) -> Result<Option<Named>> {
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

    fn subquery(
        &mut self,
        subquery: &mut Subquery,
        outer: Option<Scope<'_>>,
        at: usize,
    ) -> Result<usize> {
        if outer.is_some() {
            return Err(Error::invalid("a subquery inside a subquery is not understood").at(at));
        }
        if self.subqueries.len() >= AUDIENCE_SUBQUERIES_MAX {
            return Err(Error::limit(format!(
                "an audience has at most {AUDIENCE_SUBQUERIES_MAX} subqueries"
            ))
            .at(at));
        }
        let catalog = &self.state.catalog;
        let Some(event) = catalog.events().find(&subquery.event) else {
            let names = catalog.events().all().iter().map(|f| f.name.as_str());
            let hint = match nearest(&subquery.event, names) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "`nave stats` lists what there is".to_owned(),
            };
            let message = format!("'{}' is no event type; {hint}", subquery.event);
            return Err(Error::invalid(message).at(subquery.event_at));
        };
        let name = subquery.alias.clone().unwrap_or_else(|| subquery.event.clone());
        let scope = Scope { event, name: &name };
        self.correlate(subquery, scope, at)?;
        let filter = match &mut subquery.filter {
            Some(filter) => self.condition(filter, Some(scope))?,
            None => Condition::Constant(Some(true)),
        };
        let aggregate = self.aggregate(&mut subquery.select, scope)?;
        self.subqueries.push(EventQuery { event, aggregate, filter, text: subquery.to_string() });
        Ok(self.subqueries.len() - 1)
    }

    /// Makes sure that the subquery is about the events of the profile at hand.
    fn correlate(&self, subquery: &mut Subquery, scope: Scope<'_>, at: usize) -> Result<()> {
        let is_id = |expr: &Expr, qualifier: Option<&str>| match &expr.kind {
            ExprKind::Name(parts) => match parts.as_slice() {
                [name] => qualifier.is_none_or(|q| same(q, scope.name)) && same(name, "profile_id"),
                [table, name] => {
                    qualifier.is_none_or(|q| same(q, table)) && same(name, "profile_id")
                }
                _ => false,
            },
            _ => false,
        };
        let correlates = |expr: &Expr| match &expr.kind {
            ExprKind::Compare(Comparison::Equal, left, right) => {
                let (inner, outer) = (Some(scope.name), Some(self.profiles));
                (is_id(left, inner) && is_id(right, outer))
                    || (is_id(left, outer) && is_id(right, inner))
            }
            _ => false,
        };
        let there = match &subquery.filter {
            Some(Expr { kind: ExprKind::And(parts), .. }) => parts.iter().any(correlates),
            Some(filter) => correlates(filter),
            None => false,
        };
        if there {
            return Ok(());
        }
        if self.statement {
            let missing = format!("{}.profile_id = {}.profile_id", scope.name, self.profiles);
            return Err(
                Error::invalid(format!("in a statement the subquery needs {missing}")).at(at)
            );
        }
        let name = |table: &str| Expr {
            kind: ExprKind::Name(vec![table.to_owned(), "profile_id".to_owned()]),
            at,
        };
        let kind = ExprKind::Compare(
            Comparison::Equal,
            Box::new(name(scope.name)),
            Box::new(name(self.profiles)),
        );
        let implied = Expr { kind, at };
        let kind = match subquery.filter.take() {
            None => implied.kind,
            Some(Expr { kind: ExprKind::And(parts), .. }) => {
                ExprKind::And(std::iter::once(implied).chain(parts).collect())
            }
            Some(filter) => ExprKind::And(vec![implied, filter]),
        };
        subquery.filter = Some(Expr { kind, at });
        Ok(())
    }

    fn aggregate(&mut self, select: &mut Select, scope: Scope<'_>) -> Result<Option<AggregateOf>> {
        let rows = AggregateOf {
            aggregate: Aggregate::Count,
            distinct: false,
            value: None,
            value_type: ValueType::Integer,
        };
        let (aggregate, distinct, value) = match select {
            Select::Row => return Ok(None),
            Select::CountAll => return Ok(Some(rows)),
            Select::Of { aggregate, distinct, value } => (*aggregate, *distinct, value),
        };
        let at = value.at;
        if let (Some(Named::ProfileId), Aggregate::Count, false) =
            (self.named(value, Some(scope))?, aggregate, distinct)
        {
            return Ok(Some(rows));
        }
        let (scalar, found) = self.scalar(value, Some(scope))?;
        let value_type = match (aggregate, found) {
            (Aggregate::Count, _) => ValueType::Integer,
            (Aggregate::Min | Aggregate::Max, found) => found.unwrap_or(ValueType::Text),
            (Aggregate::Sum, Some(ValueType::Integer | ValueType::Decimal)) => ValueType::Decimal,
            (Aggregate::Sum | Aggregate::Average, Some(t)) if t.is_number() => ValueType::Float,
            (Aggregate::Sum | Aggregate::Average, None) => ValueType::Float,
            (_, Some(found)) => {
                let name = aggregate.name();
                return Err(
                    Error::invalid(format!("{name} takes a number, but this is {found}")).at(at)
                );
            }
        };
        Ok(Some(AggregateOf { aggregate, distinct, value: Some(scalar), value_type }))
    }
}

fn negate(condition: Condition, negated: bool) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

fn constant(literal: &Literal) -> Typed {
    let value = match literal {
        Literal::Null => return (Scalar::Constant(None), None),
        Literal::Boolean(b) => Value::Boolean(*b),
        Literal::Integer(i) => Value::Integer(*i),
        Literal::Decimal(d) => Value::Decimal(*d),
        Literal::Float(f) => Value::Float(*f),
        Literal::Text(text) => Value::Text(text.clone()),
        Literal::Date(d) => Value::Date(*d),
        Literal::Timestamp(t) => Value::Timestamp(*t),
    };
    let value_type = value.value_type();
    (Scalar::Constant(Some(value)), Some(value_type))
}

fn shifted(value: Scalar, value_type: Option<ValueType>, span: Span, at: usize) -> Result<Typed> {
    match value_type {
        None => return Ok((Scalar::Constant(None), None)),
        Some(ValueType::Date | ValueType::Timestamp) => {}
        Some(other) => {
            return Err(Error::invalid(format!(
                "an INTERVAL is added to a time, but this is {other}"
            ))
            .at(at));
        }
    }
    let instant = match &value {
        Scalar::Constant(Some(Value::Timestamp(t))) => Some(*t),
        Scalar::Constant(Some(Value::Date(d))) => Some(d.midnight()),
        _ => None,
    };
    let Some(instant) = instant else {
        return Ok((Scalar::Shift(Box::new(value), span), Some(ValueType::Timestamp)));
    };
    let moved = instant.checked_add(span).filter(|t| t.in_range());
    let moved =
        moved.ok_or_else(|| Error::invalid("the time is out of range: years 1 to 9999").at(at))?;
    Ok((Scalar::Constant(Some(Value::Timestamp(moved))), Some(ValueType::Timestamp)))
}

fn comparable(left: Option<ValueType>, right: Option<ValueType>, at: usize) -> Result<()> {
    let (Some(left), Some(right)) = (left, right) else { return Ok(()) };
    let fits = left == right
        || left.is_number() && right.is_number()
        || left.is_temporal() && right.is_temporal();
    if fits {
        return Ok(());
    }
    let hint = if left.is_temporal() || right.is_temporal() {
        "write a time as DATE '2024-01-31' or TIMESTAMPTZ '2024-01-31T12:00:00Z'"
    } else {
        "compare values of one kind; text stands in single quotes"
    };
    Err(Error::invalid(format!("{left} does not compare with {right}; {hint}")).at(at))
}

/// A condition on the id of the profile. An id that is none, or nobody's, is like no profile.
fn profile_in(list: &[Expr]) -> Result<Condition> {
    let mut ids = Vec::new();
    let mut or_null = false;
    for option in list {
        match &option.kind {
            ExprKind::Literal(Literal::Text(text)) => ids.extend(PublicId::parse(text)),
            ExprKind::Literal(Literal::Null) => or_null = true,
            _ => {
                return Err(Error::invalid("profile_id is compared with text in single quotes")
                    .at(option.at));
            }
        }
    }
    Ok(Condition::ProfileIn { ids, or_null })
}
