//! Whether a profile belongs to an audience: row by row, in three-valued logic, without any plan.

use crate::ast::{Aggregate, Comparison, Events, Predicate, Scalar};
use crate::calendar;
use crate::oracle::{Event, Person, World, decimal_to_float, midnight};
use navedb::{Decimal, Timestamp, Value};
use std::cmp::Ordering;

/// The row that names mean: the profile, and inside a subquery one of its events.
#[derive(Clone, Copy)]
struct Row<'a> {
    person: &'a Person,
    event: Option<&'a Event>,
    now: i64,
}

/// The public ids of the members, sorted.
pub fn members(world: &World, predicate: &Predicate, now: i64) -> Vec<String> {
    let belongs =
        |person: &&Person| holds(predicate, Row { person, event: None, now }) == Some(true);
    let mut ids: Vec<String> = world.people.iter().filter(belongs).map(|p| p.id.clone()).collect();
    ids.sort();
    ids
}

fn not(value: Option<bool>, negated: bool) -> Option<bool> {
    value.map(|v| v != negated)
}

fn all(values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for value in values {
        match value {
            Some(false) => return Some(false),
            None => result = None,
            Some(true) => {}
        }
    }
    result
}

fn any(values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    not(all(values.map(|v| not(v, true))), true)
}

fn holds(predicate: &Predicate, row: Row) -> Option<bool> {
    match predicate {
        Predicate::And(parts) => all(parts.iter().map(|p| holds(p, row))),
        Predicate::Or(parts) => any(parts.iter().map(|p| holds(p, row))),
        Predicate::Not(part) => not(holds(part, row), true),
        Predicate::Compare(comparison, left, right) => {
            compared(*comparison, &value(left, row), &value(right, row))
        }
        Predicate::Between { subject, low, high, negated } => {
            let subject = value(subject, row);
            let above = compared(Comparison::GreaterOrEqual, &subject, &value(low, row));
            let below = compared(Comparison::LessOrEqual, &subject, &value(high, row));
            not(all([above, below].into_iter()), *negated)
        }
        Predicate::In { subject, list, negated } => {
            let subject = value(subject, row);
            let equal = |item: &Scalar| compared(Comparison::Equal, &subject, &value(item, row));
            not(any(list.iter().map(equal)), *negated)
        }
        Predicate::IsNull { subject, negated } => Some(value(subject, row).is_none() != *negated),
        Predicate::Exists { events, negated } => Some(passing(events, row).is_empty() == *negated),
        Predicate::Bare(scalar) => match value(scalar, row) {
            None => None,
            Some(Value::Boolean(b)) => Some(b),
            Some(other) => panic!("{other:?} is no truth value"),
        },
    }
}

fn compared(comparison: Comparison, left: &Option<Value>, right: &Option<Value>) -> Option<bool> {
    let order = order(left.as_ref()?, right.as_ref()?);
    Some(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::Different => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

/// A number as digits and a scale, if it is exact.
fn exact(value: &Value) -> Option<(i128, u8)> {
    match value {
        Value::Integer(i) => Some((i128::from(*i), 0)),
        Value::Decimal(d) => Some((d.coefficient, d.scale)),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(f) => Some(*f),
        _ => exact(value).map(|(digits, scale)| decimal_to_float(digits, scale)),
    }
}

fn moment(value: &Value) -> Option<i64> {
    match value {
        Value::Date(d) => Some(midnight(*d).0),
        Value::Timestamp(t) => Some(t.0),
        _ => None,
    }
}

fn digits_at(digits: i128, scale: u8, wanted: u8) -> i128 {
    digits * 10_i128.pow(u32::from(wanted - scale))
}

/// How two values compare that may be compared.
pub fn order(left: &Value, right: &Value) -> Ordering {
    if let (Some((a, i)), Some((b, j))) = (exact(left), exact(right)) {
        let scale = i.max(j);
        return digits_at(a, i, scale).cmp(&digits_at(b, j, scale));
    }
    if let (Some(a), Some(b)) = (float(left), float(right)) {
        return a.partial_cmp(&b).expect("the tests make no NaN");
    }
    if let (Some(a), Some(b)) = (moment(left), moment(right)) {
        return a.cmp(&b);
    }
    match (left, right) {
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        _ => panic!("{left:?} and {right:?} cannot be compared"),
    }
}

fn value(scalar: &Scalar, row: Row) -> Option<Value> {
    match scalar {
        Scalar::Literal(value) => value.clone(),
        Scalar::Trait(name) => Some(row.person.traits.get(&name.to_lowercase())?.value.clone()),
        Scalar::ProfileId => Some(Value::Text(row.person.id.clone())),
        Scalar::Property(name) => row.event?.properties.get(&name.to_lowercase()).cloned(),
        Scalar::EventTime => Some(Value::Timestamp(Timestamp(row.event?.time))),
        Scalar::EventSource => Some(Value::Text(row.event?.source.clone())),
        Scalar::EventMessage => {
            // An id that the engine made equals none that a question can name.
            let id = row.event?.message_id.clone();
            Some(Value::Text(id.unwrap_or_else(|| "\u{10ffff}".to_owned())))
        }
        Scalar::Now => Some(Value::Timestamp(Timestamp(row.now))),
        Scalar::Shifted { base, count, unit } => {
            let from = moment(&value(base, row)?).expect("only times are shifted");
            Some(Value::Timestamp(Timestamp(calendar::shift(from, *count, *unit))))
        }
        Scalar::CountAll(events) => Some(Value::Integer(passing(events, row).len() as i64)),
        Scalar::Aggregate(aggregate, argument, events) => {
            let inner = |event| value(argument, Row { event: Some(event), ..row });
            let values: Vec<Value> = passing(events, row).into_iter().filter_map(inner).collect();
            aggregated(*aggregate, &values)
        }
    }
}

/// The events of the profile that a subquery selects.
fn passing<'a>(events: &Events, row: Row<'a>) -> Vec<&'a Event> {
    let all =
        row.person.events.get(&events.event.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
    let passes = |event: &&Event| match &events.filter {
        None => true,
        Some(filter) => holds(filter, Row { event: Some(*event), ..row }) == Some(true),
    };
    all.iter().filter(passes).collect()
}

fn aggregated(aggregate: Aggregate, values: &[Value]) -> Option<Value> {
    match aggregate {
        Aggregate::Count => Some(Value::Integer(values.len() as i64)),
        Aggregate::CountDistinct => {
            let mut seen: Vec<&Value> = Vec::new();
            for value in values {
                if !seen.iter().any(|s| order(s, value) == Ordering::Equal) {
                    seen.push(value);
                }
            }
            Some(Value::Integer(seen.len() as i64))
        }
        Aggregate::Min => {
            values.iter().cloned().reduce(|a, b| if order(&b, &a).is_lt() { b } else { a })
        }
        Aggregate::Max => {
            values.iter().cloned().reduce(|a, b| if order(&b, &a).is_gt() { b } else { a })
        }
        Aggregate::Sum => total(values),
        Aggregate::Avg => {
            let count = values.len() as f64;
            Some(Value::Float(match total(values)? {
                Value::Float(sum) => sum / count,
                Value::Decimal(d) => {
                    d.coefficient as f64 / (count * 10_f64.powi(i32::from(d.scale)))
                }
                other => panic!("{other:?} is no sum"),
            }))
        }
    }
}

/// The sum: exact for integers and decimals; the floats of the tests are eighths, whose sums are exact too.
fn total(values: &[Value]) -> Option<Value> {
    if values.is_empty() {
        return None;
    }
    let scale = values.iter().map(|v| exact(v).map(|e| e.1)).max()?;
    if let (Some(scale), true) = (scale, values.iter().all(|v| exact(v).is_some())) {
        let sum = values
            .iter()
            .filter_map(exact)
            .map(|(digits, own)| digits_at(digits, own, scale))
            .sum();
        return Some(Value::Decimal(Decimal { coefficient: sum, scale }));
    }
    Some(Value::Float(values.iter().filter_map(float).sum()))
}

#[test]
fn three_valued_logic_is_that_of_sql() {
    assert_eq!(all([Some(true), None, Some(false)].into_iter()), Some(false));
    assert_eq!(all([Some(true), None].into_iter()), None);
    assert_eq!(all(std::iter::empty()), Some(true));
    assert_eq!(any([None, Some(true)].into_iter()), Some(true));
    assert_eq!(any([None, Some(false)].into_iter()), None);
    assert_eq!(any(std::iter::empty()), Some(false));
}
