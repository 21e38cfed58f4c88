//! Types of values: which compare, which add, and what a constant is.

use super::ast::{Arithmetic, Expr, ExprKind, Literal};
use super::number;
use super::resolve::Typed;
use super::resolved::{Condition, Scalar};
use super::text::{ENDS_IN_ESCAPE, ends_in_escape};
use crate::base::error::{Error, Result};
use crate::base::time::Span;
use crate::base::value::{Value, ValueType};
use crate::identity::PublicId;

pub(super) fn negate(condition: Condition, negated: bool) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

pub(super) fn constant(literal: &Literal) -> Typed {
    let value = match literal {
        Literal::Null => return (Scalar::Constant(None), None),
        Literal::Boolean(b) => Value::Boolean(*b),
        Literal::Integer(i) => Value::Integer(*i),
        Literal::Decimal(d) => Value::Decimal(*d),
        Literal::Float(f) => Value::Float(*f),
        Literal::Text(text) => Value::Text(text.clone()),
        Literal::Date(d) => Value::Date(*d),
        Literal::Timestamp(t) | Literal::Local(t) => Value::Timestamp(*t),
    };
    let value_type = value.value_type();
    (Scalar::Constant(Some(value)), Some(value_type))
}

pub(super) fn shifted(
    value: Scalar,
    value_type: Option<ValueType>,
    span: Span,
    at: usize,
) -> Result<Typed> {
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

pub(super) fn arithmetic_type(
    operator: Arithmetic,
    left: Option<ValueType>,
    right: Option<ValueType>,
    at: usize,
) -> Result<Option<ValueType>> {
    match (left, right) {
        (Some(ValueType::Date), Some(ValueType::Date)) if operator == Arithmetic::Subtract => {
            Ok(Some(ValueType::Integer))
        }
        (left, right)
            if left.is_none_or(ValueType::is_number) && right.is_none_or(ValueType::is_number) =>
        {
            Ok(left
                .zip(right)
                .map(|(left, right)| number::result_type(operator, left, right))
                .or(left)
                .or(right))
        }
        (left, right) => {
            let name = |t: Option<ValueType>| t.map_or("NULL", ValueType::name);
            let hint = "arithmetic takes numbers; a time moves by an INTERVAL";
            let message =
                format!("{} {} {} has no answer; {hint}", name(left), operator.sign(), name(right));
            Err(Error::invalid(message).at(at))
        }
    }
}

pub(super) fn comparable(
    left: Option<ValueType>,
    right: Option<ValueType>,
    at: usize,
) -> Result<()> {
    if left == Some(ValueType::Set) || right == Some(ValueType::Set) {
        return Err(Error::invalid("a set is asked with 'x' = ANY(set)").at(at));
    }
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

/// Refuses a pattern that ends with its escape, as far as the question says it.
pub(super) fn check_pattern(pattern: &Scalar, escape: Option<char>, at: usize) -> Result<()> {
    match pattern {
        Scalar::Constant(Some(Value::Text(text))) if ends_in_escape(text, escape) => {
            Err(Error::invalid(ENDS_IN_ESCAPE).at(at))
        }
        _ => Ok(()),
    }
}

/// A condition on the id of the profile. An id that is none, or nobody's, is like no profile.
pub(super) fn profile_in(list: &[Expr]) -> Result<Condition> {
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
