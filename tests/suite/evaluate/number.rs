//! Numbers of the oracle: exact until they must be a float, and then rounded once by the standard library's reader of
//! decimal text, which rounds right.

use super::big::Big;
use super::{Fault, Notes};
use crate::ast::Operator;
use crate::calendar::DAY;
use navedb::{Decimal, Timestamp, Value};
use std::cmp::Ordering;

/// A whole number and how many of its digits stand behind the point.
#[derive(Debug, Clone)]
pub struct Exact {
    digits: Big,
    scale: usize,
}

impl Exact {
    /// A number that is no float.
    pub fn of(value: &Value) -> Option<Exact> {
        match value {
            Value::Integer(i) => Some(Exact { digits: Big::of(i128::from(*i)), scale: 0 }),
            Value::Decimal(d) => {
                Some(Exact { digits: Big::of(d.coefficient), scale: usize::from(d.scale) })
            }
            _ => None,
        }
    }

    /// A finite float, which is a decimal with at most 1074 digits behind the point.
    fn of_float(value: f64) -> Exact {
        let text = format!("{value:.1074}");
        Exact { digits: Big::parse(&text.replace('.', "")), scale: 1074 }
    }

    fn at_scale(&self, scale: usize) -> Big {
        self.digits.times_ten_to(scale - self.scale)
    }

    fn compare(&self, other: &Exact) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at_scale(scale).compare(&other.at_scale(scale))
    }

    pub fn plus(&self, other: &Exact) -> Exact {
        let scale = self.scale.max(other.scale);
        Exact { digits: self.at_scale(scale).plus(&other.at_scale(scale)), scale }
    }

    fn negated(&self) -> Exact {
        Exact { digits: self.digits.negated(), scale: self.scale }
    }

    /// The number without its sign.
    pub fn size(&self) -> Exact {
        if self.digits.sign().is_empty() { self.clone() } else { self.negated() }
    }

    /// Whether dividend and divisor are floats themselves, so that dividing them rounds once.
    pub fn divides_plainly(&self, count: u64) -> bool {
        let exact = |digits: &Big| digits.small().is_some_and(|n| n.unsigned_abs() < 1 << 53);
        exact(&self.digits) && exact(&Big::of(i128::from(count)).times_ten_to(self.scale))
    }

    /// As a decimal of 38 digits. Where only zeros at the end are too many, an engine may refuse the number: how many
    /// zeros it carries is its own affair.
    pub fn decimal(&self, notes: &Notes) -> Result<Value, Fault> {
        let fits = |digits: &Big, scale: usize| {
            let digits = digits.small().filter(|_| scale <= 38)?;
            Decimal::new(digits, scale as u8).map(Value::Decimal)
        };
        if let Some(value) = fits(&self.digits, self.scale) {
            return Ok(value);
        }
        let text = self.digits.digits();
        let zeros = text.len() - text.trim_end_matches('0').len();
        let cut = zeros.min(self.scale);
        let shorter = format!("{}0{}", self.digits.sign(), &text[..text.len() - cut]);
        notes.doubt();
        fits(&Big::parse(&shorter), self.scale - cut).ok_or(Fault::Overflow)
    }

    /// The nearest float.
    pub fn float(&self) -> f64 {
        let text = format!("{}0{}e-{}", self.digits.sign(), self.digits.digits(), self.scale);
        text.parse().expect("a number")
    }

    /// The float nearest to the quotient.
    pub fn divided_by(&self, count: u64) -> f64 {
        let count = u128::from(count);
        let (mut text, mut rest) = (String::from("0"), 0);
        let own = self.digits.digits();
        // Enough digits behind the last one to decide every rounding but a tie, and one more that tells a tie apart.
        let more = std::iter::repeat_n(b'0', 60);
        for digit in own.bytes().chain(more) {
            rest = rest * 10 + u128::from(digit - b'0');
            text.push(char::from(b'0' + (rest / count) as u8));
            rest %= count;
        }
        text.push(if rest == 0 { '0' } else { '1' });
        let text = format!("{}{text}e-{}", self.digits.sign(), self.scale + 61);
        text.parse().expect("a number")
    }
}

/// A number as a float.
pub fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(f) => Some(*f),
        Value::Integer(i) => Some(*i as f64),
        _ => Exact::of(value).map(|exact| exact.float()),
    }
}

/// A time in microseconds; a day is its midnight.
pub fn moment(value: &Value) -> Option<i64> {
    match value {
        Value::Date(d) => Some(i64::from(d.0) * DAY),
        Value::Timestamp(t) => Some(t.0),
        _ => None,
    }
}

/// NaN equals itself and is greater than all else.
fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// How two values compare; nothing when they cannot be compared.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Set(a), Value::Set(b)) => a.cmp(b),
        (Value::Float(_), _) | (_, Value::Float(_)) => order_floats(float(left)?, float(right)?),
        _ => match (Exact::of(left), Exact::of(right)) {
            (Some(a), Some(b)) => a.compare(&b),
            _ => moment(left)?.cmp(&moment(right)?),
        },
    })
}

/// Two values combined; what is NULL makes NULL.
pub fn operate(
    operator: Operator,
    left: Option<Value>,
    right: Option<Value>,
    notes: &Notes,
) -> Result<Option<Value>, Fault> {
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    let found = match (&left, &right) {
        (Value::Date(a), Value::Date(b)) if operator == Operator::Minus => {
            Value::Integer(i64::from(a.0) - i64::from(b.0))
        }
        _ if operator == Operator::Divide => {
            let (a, b) = (float(&left), float(&right));
            Value::Float(a.ok_or(Fault::IllTyped)? / b.ok_or(Fault::IllTyped)?)
        }
        (Value::Integer(a), Value::Integer(b)) => Value::Integer(integers(operator, *a, *b)?),
        (Value::Float(_), _) | (_, Value::Float(_)) => {
            let (a, b) = (float(&left), float(&right));
            floats(operator, a.ok_or(Fault::IllTyped)?, b.ok_or(Fault::IllTyped)?)?
        }
        _ => {
            let (a, b) = (Exact::of(&left), Exact::of(&right));
            decimals(operator, &a.ok_or(Fault::IllTyped)?, &b.ok_or(Fault::IllTyped)?, notes)?
        }
    };
    Ok(Some(found))
}

fn integers(operator: Operator, a: i64, b: i64) -> Result<i64, Fault> {
    let (x, y) = (i128::from(a), i128::from(b));
    let found = match operator {
        Operator::Plus => x + y,
        Operator::Minus => x - y,
        Operator::Times => x * y,
        Operator::Remainder if b == 0 => return Err(Fault::ByZero),
        Operator::Remainder => x % y,
        Operator::Divide => return Err(Fault::IllTyped),
    };
    i64::try_from(found).map_err(|_| Fault::Overflow)
}

fn floats(operator: Operator, a: f64, b: f64) -> Result<Value, Fault> {
    Ok(Value::Float(match operator {
        Operator::Plus => a + b,
        Operator::Minus => a - b,
        Operator::Times => a * b,
        Operator::Remainder if b == 0.0 => return Err(Fault::ByZero),
        Operator::Remainder => a % b,
        Operator::Divide => return Err(Fault::IllTyped),
    }))
}

fn decimals(operator: Operator, a: &Exact, b: &Exact, notes: &Notes) -> Result<Value, Fault> {
    let scale = a.scale.max(b.scale);
    if operator != Operator::Times {
        // An engine brings both to one scale before it adds them, which may be too much for it.
        for side in [a, b] {
            if side.at_scale(scale).digits().len() > 38 {
                notes.doubt();
            }
        }
    }
    let found = match operator {
        Operator::Plus => a.plus(b),
        Operator::Minus => a.plus(&b.negated()),
        Operator::Times => Exact { digits: a.digits.times(&b.digits), scale: a.scale + b.scale },
        Operator::Remainder if b.digits.is_zero() => return Err(Fault::ByZero),
        Operator::Remainder => {
            Exact { digits: a.at_scale(scale).remainder(&b.at_scale(scale)), scale }
        }
        Operator::Divide => return Err(Fault::IllTyped),
    };
    found.decimal(notes)
}

/// The number with the other sign.
pub fn negate(value: Option<Value>) -> Result<Option<Value>, Fault> {
    Ok(match value {
        None => None,
        Some(Value::Integer(i)) => Some(Value::Integer(i.checked_neg().ok_or(Fault::Overflow)?)),
        Some(Value::Decimal(d)) => {
            Some(Value::Decimal(Decimal { coefficient: -d.coefficient, scale: d.scale }))
        }
        Some(Value::Float(f)) => Some(Value::Float(-f)),
        Some(_) => return Err(Fault::IllTyped),
    })
}

/// Whether no order of adding finite floats leaves their range.
pub fn sum_stays_in_range(values: &[f64]) -> bool {
    values.iter().filter(|v| v.is_finite()).map(|v| v.abs()).sum::<f64>().is_finite()
}

/// The sum of floats: exact, rounded once.
pub fn sum_of_floats(values: &[f64]) -> f64 {
    if values.iter().any(|v| !v.is_finite()) {
        return values.iter().filter(|v| !v.is_finite()).sum();
    }
    // While nothing is lost, the plain sum is the exact one: the lost part is known by the method of Knuth.
    let (mut sum, mut lost) = (0.0, false);
    for value in values {
        let next: f64 = sum + value;
        let part = next - sum;
        lost |= !next.is_finite() || (sum - (next - part)) + (value - part) != 0.0;
        sum = next;
    }
    if !lost {
        return sum;
    }
    let terms = values.iter().map(|value| Exact::of_float(*value));
    terms.reduce(|a, b| a.plus(&b)).map_or(0.0, |sum| sum.float())
}

/// A value in a wider type; nothing when there is none.
pub fn widened(value: Value, wanted: navedb::ValueType) -> Option<Value> {
    use navedb::ValueType;
    Some(match (&value, wanted) {
        (Value::Integer(i), ValueType::Decimal) => Value::Decimal(Decimal::new(i128::from(*i), 0)?),
        (Value::Integer(_) | Value::Decimal(_), ValueType::Float) => Value::Float(float(&value)?),
        (Value::Date(_), ValueType::Timestamp) => Value::Timestamp(Timestamp(moment(&value)?)),
        _ if value.value_type() == wanted => value,
        _ => return None,
    })
}

#[test]
fn numbers_are_exact_until_they_are_rounded_once() {
    let decimal = |text: &str| Exact::of(&Value::Decimal(Decimal::parse(text).unwrap())).unwrap();
    assert_eq!(decimal("0.1").float(), 0.1);
    assert_eq!(decimal("-12345678901234567890.5").float(), -12345678901234567890.5);
    assert_eq!(decimal("0.6").divided_by(3), 0.2);
    assert_eq!(decimal("10").divided_by(3), 10.0 / 3.0);
    assert_eq!(decimal("9007199254740993").divided_by(1), 9007199254740992.0);
    assert_eq!(decimal("9007199254740993.00000000000000000001").divided_by(1), 9007199254740994.0);
    assert_eq!(sum_of_floats(&[1e308, 1e308, -1e308]), 1e308);
    assert_eq!(sum_of_floats(&[0.1; 10]), 1.0);
    assert_eq!(sum_of_floats(&[1e300, 1.0, -1e300, 5e-324]), 1.0);
    assert!(sum_of_floats(&[f64::INFINITY, -f64::INFINITY]).is_nan());
    assert_eq!(order(&Value::Float(f64::NAN), &Value::Integer(5)), Some(Ordering::Greater));
}
