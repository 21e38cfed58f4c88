//! Many values as one.

use super::number::{Exact, order, sum_of_floats, sum_stays_in_range};
use super::{Fault, Notes};
use crate::ast::Aggregate;
use crate::oracle::HELD;
use navedb::Value;

/// An aggregate of values of one type, none of them NULL.
pub fn gather(
    aggregate: Aggregate,
    values: &[Value],
    notes: &Notes,
) -> Result<Option<Value>, Fault> {
    let extreme = |greatest: bool| {
        let mut found: Option<&Value> = None;
        for value in values {
            let than = found.map(|best| order(value, best).ok_or(Fault::IllTyped)).transpose()?;
            if than.is_none_or(|o| if greatest { o.is_gt() } else { o.is_lt() }) {
                found = Some(value);
            }
        }
        Ok(found.cloned())
    };
    match aggregate {
        Aggregate::Count => Ok(Some(Value::Integer(values.len() as i64))),
        Aggregate::CountDistinct => {
            let mut seen: Vec<&Value> = Vec::new();
            for value in values {
                if !seen.iter().any(|s| order(s, value).is_some_and(|o| o.is_eq())) {
                    seen.push(value);
                }
            }
            Ok(Some(Value::Integer(seen.len() as i64)))
        }
        Aggregate::Min => extreme(false),
        Aggregate::Max => extreme(true),
        Aggregate::Mode => {
            let same = |a: &Value, b: &Value| order(a, b).is_some_and(|o| o.is_eq());
            let often = |value: &&Value| values.iter().filter(|v| same(v, value)).count();
            let most = values.iter().map(|value| often(&value)).max();
            let best: Vec<Value> =
                values.iter().filter(|value| Some(often(value)) == most).cloned().collect();
            gather(Aggregate::Min, &best, notes)
        }
        Aggregate::Sum | Aggregate::Avg if values.is_empty() => Ok(None),
        Aggregate::Sum => match total(values, notes)? {
            Total::Exact(sum) => sum.decimal(notes).map(Some),
            Total::Float(sum) => Ok(Some(Value::Float(sum))),
        },
        Aggregate::Avg => {
            let count = values.len();
            Ok(Some(Value::Float(match total(values, notes)? {
                Total::Exact(sum) => {
                    // Whether the sum that nobody sees may be too large is left open.
                    if sum.decimal(notes).is_err() {
                        notes.doubt();
                    }
                    if !HELD.averages_round_once && !sum.divides_plainly(count as u64) {
                        return Err(Fault::Unknown);
                    }
                    sum.divided_by(count as u64)
                }
                Total::Float(sum) => sum / count as f64,
            })))
        }
    }
}

enum Total {
    Exact(Exact),
    Float(f64),
}

fn total(values: &[Value], notes: &Notes) -> Result<Total, Fault> {
    let floats: Vec<f64> = values
        .iter()
        .filter_map(|value| if let Value::Float(f) = value { Some(*f) } else { None })
        .collect();
    if floats.len() == values.len() {
        if !HELD.float_sums_may_stray && !sum_stays_in_range(&floats) {
            return Err(Fault::Unknown);
        }
        return Ok(Total::Float(sum_of_floats(&floats)));
    }
    let exact = values.iter().map(|value| Exact::of(value).ok_or(Fault::IllTyped));
    let exact: Vec<Exact> = exact.collect::<Result<_, _>>()?;
    let size = exact.iter().map(Exact::size).reduce(|a, b| a.plus(&b));
    if !HELD.sums_may_stray && size.is_some_and(|size| size.decimal(&Notes::default()).is_err()) {
        notes.doubt();
    }
    let sum = exact.into_iter().reduce(|a, b| a.plus(&b));
    sum.map(Total::Exact).ok_or(Fault::IllTyped)
}
