//! Arithmetic: integers of 64 bits, decimals of 38 digits, floats; overflow is an error.

use super::ast::Arithmetic;
use crate::base::number::Decimal;
use crate::base::value::ValueType;
use crate::column::Cell;

/// Why a number cannot be given.
pub const OVERFLOW: &str = "a number has more than 64 bits (integer) or 38 digits (decimal)";
pub const BY_ZERO: &str = "a remainder by zero has no answer";

/// The type that an operation on two numbers gives.
pub fn result_type(operator: Arithmetic, left: ValueType, right: ValueType) -> ValueType {
    if operator == Arithmetic::Divide { ValueType::Float } else { left.max(right) }
}

/// An operation on two numbers; NULL when one is NULL.
///
/// # Errors
/// `OVERFLOW`, `BY_ZERO`.
pub fn operate(
    operator: Arithmetic,
    left: Cell<'_>,
    right: Cell<'_>,
) -> Result<Cell<'static>, &'static str> {
    match (left, right) {
        (Cell::Null, _) | (_, Cell::Null) => Ok(Cell::Null),
        (Cell::Date(a), Cell::Date(b)) => Ok(Cell::Integer(i64::from(a.0) - i64::from(b.0))),
        _ if operator == Arithmetic::Divide => Ok(Cell::Float(float(left) / float(right))),
        (Cell::Integer(a), Cell::Integer(b)) => integers(operator, a, b).map(Cell::Integer),
        (Cell::Float(_), _) | (_, Cell::Float(_)) => floats(operator, float(left), float(right)),
        _ => match (decimal(left), decimal(right)) {
            (Some(a), Some(b)) => decimals(operator, a, b).map(Cell::Decimal),
            _ => Ok(Cell::Null),
        },
    }
}

/// The number with the other sign.
///
/// # Errors
/// `OVERFLOW`.
pub fn negate(cell: Cell<'_>) -> Result<Cell<'static>, &'static str> {
    Ok(match cell {
        Cell::Integer(i) => Cell::Integer(i.checked_neg().ok_or(OVERFLOW)?),
        Cell::Decimal(d) => Cell::Decimal(Decimal { coefficient: -d.coefficient, scale: d.scale }),
        Cell::Float(f) => Cell::Float(-f),
        _ => Cell::Null,
    })
}

fn integers(operator: Arithmetic, a: i64, b: i64) -> Result<i64, &'static str> {
    if operator == Arithmetic::Remainder && b == 0 {
        return Err(BY_ZERO);
    }
    match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        // The least integer by -1 overflows in the processor; its remainder is 0.
        Arithmetic::Remainder | Arithmetic::Divide => Some(a.checked_rem(b).unwrap_or(0)),
    }
    .ok_or(OVERFLOW)
}

fn decimals(operator: Arithmetic, a: Decimal, b: Decimal) -> Result<Decimal, &'static str> {
    let negative = Decimal { coefficient: -b.coefficient, scale: b.scale };
    match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_add(negative),
        Arithmetic::Multiply => {
            let product = a.coefficient.checked_mul(b.coefficient);
            product.and_then(|product| Decimal::new(product, a.scale.checked_add(b.scale)?))
        }
        Arithmetic::Remainder | Arithmetic::Divide if b.coefficient == 0 => return Err(BY_ZERO),
        Arithmetic::Remainder | Arithmetic::Divide => a.checked_rem(b),
    }
    .ok_or(OVERFLOW)
}

fn floats(operator: Arithmetic, a: f64, b: f64) -> Result<Cell<'static>, &'static str> {
    if operator == Arithmetic::Remainder && b == 0.0 {
        return Err(BY_ZERO);
    }
    Ok(Cell::Float(match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => a % b,
    }))
}

fn decimal(cell: Cell<'_>) -> Option<Decimal> {
    match cell {
        Cell::Integer(i) => Some(Decimal::from(i)),
        Cell::Decimal(d) => Some(d),
        _ => None,
    }
}

/// A number as a float.
pub fn float(cell: Cell<'_>) -> f64 {
    match cell {
        Cell::Float(f) => f,
        other => decimal(other).map_or(f64::NAN, Decimal::to_f64),
    }
}
