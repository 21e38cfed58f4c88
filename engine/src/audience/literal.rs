//! Numbers, times and intervals, as they are written in an audience.

use super::ast::{Expr, ExprKind, Literal, Part};
use crate::base::error::{Error, Result};
use crate::base::number::Decimal;
use crate::base::time::{DAY_MICROS, Date, Span, Timestamp};
use sqlparser::ast::{self as sql, Expr as Sql};

pub(super) fn not_understood(what: &str, at: usize) -> Error {
    let shown: String = what.chars().take(80).collect();
    let known = "comparisons, BETWEEN, IN, LIKE, IS NULL, AND, OR, NOT, arithmetic, EXISTS and aggregates over events";
    Error::invalid(format!("{shown} is not understood; the language has {known}")).at(at)
}

pub(super) fn number(digits: &str) -> Option<Literal> {
    if digits.contains(['e', 'E']) {
        return digits.parse().ok().filter(|f: &f64| f.is_finite()).map(Literal::Float);
    }
    if let Ok(integer) = digits.parse() {
        return Some(Literal::Integer(integer));
    }
    Decimal::parse(digits).map(Literal::Decimal)
}

/// A minus before a number makes a negative number; before anything else it is an operation.
pub(super) fn negative(inner: Expr) -> ExprKind {
    let literal = match &inner.kind {
        ExprKind::Literal(Literal::Integer(i)) => i.checked_neg().map(Literal::Integer),
        ExprKind::Literal(Literal::Decimal(d)) => {
            let negated = Decimal { coefficient: -d.coefficient, scale: d.scale };
            // The least integer is one further from zero than the greatest.
            let least = d.scale == 0 && negated.coefficient == i128::from(i64::MIN);
            Some(if least { Literal::Integer(i64::MIN) } else { Literal::Decimal(negated) })
        }
        ExprKind::Literal(Literal::Float(f)) => Some(Literal::Float(-f)),
        _ => None,
    };
    literal.map_or_else(|| ExprKind::Negate(Box::new(inner)), ExprKind::Literal)
}

pub(super) fn part_of(name: &str, at: usize) -> Result<Part> {
    Part::parse(name).ok_or_else(|| {
        let known =
            "year, quarter, month, week, day, hour, minute, second, dow, isodow, doy and epoch";
        Error::invalid(format!("'{}' is no part of a time; there are {known}", name.to_lowercase()))
            .at(at)
    })
}

pub(super) fn typed_literal(typed: sql::TypedString, at: usize) -> Result<Literal> {
    let kind = typed.data_type.to_string().to_uppercase();
    let Some(text) = typed.value.into_string() else { return Err(not_understood(&kind, at)) };
    match kind.as_str() {
        "DATE" => Date::parse(&text).map(Literal::Date),
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => {
            Timestamp::parse(&text).map(Literal::Timestamp)
        }
        "TIMESTAMP" => Timestamp::parse(&text).map(Literal::Local),
        _ => return Err(not_understood(&format!("{kind} '{text}'"), at)),
    }
    .map_err(|e| e.at(at))
}

/// The span of `INTERVAL '1 month 3 days'`, `INTERVAL '30' DAY` or `INTERVAL 30 DAY`.
pub(super) fn span_of(interval: &sql::Interval) -> Option<Span> {
    if interval.last_field.is_some() || interval.leading_precision.is_some() {
        return None;
    }
    let Sql::Value(value) = interval.value.as_ref() else { return None };
    let text = match &value.value {
        sql::Value::SingleQuotedString(text) | sql::Value::Number(text, false) => text.clone(),
        _ => return None,
    };
    let text = match &interval.leading_field {
        Some(field) => format!("{text} {field}"),
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let mut span = Span::default();
    let mut parts = 0;
    while let Some(count) = words.next() {
        let count: i64 = count.parse().ok()?;
        let unit = words.next()?.to_lowercase();
        let (months, micros) = match unit.strip_suffix('s').unwrap_or(&unit) {
            "year" => (12, 0),
            "month" => (1, 0),
            "week" => (0, 7 * DAY_MICROS),
            "day" => (0, DAY_MICROS),
            "hour" => (0, 3_600_000_000),
            "minute" => (0, 60_000_000),
            "second" => (0, 1_000_000),
            "millisecond" => (0, 1000),
            "microsecond" => (0, 1),
            _ => return None,
        };
        let months: i64 = count.checked_mul(months)?;
        span.months = span.months.checked_add(i32::try_from(months).ok()?)?;
        span.micros = span.micros.checked_add(count.checked_mul(micros)?)?;
        parts += 1;
    }
    (parts > 0).then_some(span)
}
