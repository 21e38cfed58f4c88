//! Numbers, days and instants as unsigned keys in the same order.

use super::layer::Layer;
use crate::base::number::Decimal;
use crate::base::time::{Date, Timestamp};
use crate::base::value::ValueType;
use crate::column::{BlockView, Cell};
use std::cmp::Ordering;

const SIGN: u64 = 1 << 63;
/// No day is further from 1970 than this, and its midnight has microseconds.
const DAYS: i64 = 100_000_000;

/// What the keys of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// 64-bit integers.
    Integer,
    /// Days.
    Date,
    /// Instants.
    Timestamp,
    /// 64-bit floats; all that are no number are one key, the greatest.
    Float,
    /// Decimals with so many digits behind the point.
    Decimal(u8),
}

/// Keys from one to another, both included; none when the first is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRange {
    /// The least key.
    pub low: u64,
    /// The greatest key.
    pub high: u64,
}

impl KeyRange {
    /// No key.
    pub const NONE: KeyRange = KeyRange { low: 1, high: 0 };

    /// The key of an integer.
    #[inline]
    pub fn key(value: i64) -> u64 {
        of_integer(value)
    }

    /// The integer of a key: integers stand in the order of their keys.
    #[inline]
    pub fn number(key: u64) -> i64 {
        to_integer(key)
    }

    /// The key of a float.
    #[inline]
    pub fn of_float(value: f64) -> u64 {
        of_float(value)
    }

    /// The key of a number that is no decimal, or of a time.
    #[inline]
    pub fn of_cell(cell: Cell<'_>) -> Option<u64> {
        Some(match cell {
            Cell::Integer(number) => of_integer(number),
            Cell::Float(number) => of_float(number),
            Cell::Date(day) => of_integer(i64::from(day.0)),
            Cell::Timestamp(time) => of_integer(time.0),
            _ => return None,
        })
    }

    /// The keys that are in both.
    pub fn and(self, other: KeyRange) -> KeyRange {
        KeyRange { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// The integers of its ends.
    pub fn integers(self) -> (i64, i64) {
        (to_integer(self.low), to_integer(self.high))
    }

    /// Whether it has no key.
    pub fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// Whether a key is in it.
    #[inline]
    pub fn holds(self, key: u64) -> bool {
        self.low <= key && key <= self.high
    }
}

/// The key of an integer.
#[inline]
pub(super) fn of_integer(value: i64) -> u64 {
    value.cast_unsigned() ^ SIGN
}

/// The integer of a key.
#[inline]
pub(super) fn to_integer(key: u64) -> i64 {
    (key ^ SIGN).cast_signed()
}

/// The key of a float: both zeros are one, and so is all that is no number.
#[inline]
pub(super) fn of_float(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Whether all digits of a block of narrow decimals fit 64 bits when so many of them stand behind the point.
fn fits(view: &BlockView, scale: u8) -> bool {
    let ends = || {
        let (own, numbers) = (view.common_scale()?, view.numbers()?);
        let factor = 10_i128.checked_pow(u32::from(scale.checked_sub(own)?))?;
        let base = i128::from(numbers.base);
        // Digits of one scale are stored as they are, and fit. Of others the width says how far they may reach.
        let reach = if factor == 1 { 0 } else { (1_i128 << (8 * numbers.width)) - 1 };
        let end = |digits: i128| i64::try_from(digits.checked_mul(factor)?).ok();
        end(base)?;
        end(base + reach)
    };
    ends().is_some()
}

fn to_float(key: u64) -> f64 {
    if key == u64::MAX {
        return f64::NAN;
    }
    // Below the least float there is none: the order of keys has no gap.
    let key = key.max(of_float(f64::NEG_INFINITY));
    f64::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
}

impl Domain {
    /// The domain of a column of a type, when all its blocks have keys in it.
    pub(super) fn of(wanted: ValueType, layers: [&Layer; 2]) -> Option<Domain> {
        let mut views = layers.into_iter().flat_map(|layer| layer.chunks.iter().flatten());
        let same = |view: &BlockView| view.value_type() == Some(wanted);
        Some(match wanted {
            ValueType::Decimal => {
                let scale = views.clone().try_fold(0, |most: u8, tier| {
                    let scale = tier.view.common_scale().filter(|_| same(&tier.view))?;
                    Some(most.max(scale))
                })?;
                views.all(|tier| fits(&tier.view, scale)).then_some(())?;
                Domain::Decimal(scale)
            }
            ValueType::Integer | ValueType::Date | ValueType::Timestamp | ValueType::Float => {
                views.all(|tier| same(&tier.view)).then_some(())?;
                match wanted {
                    ValueType::Integer => Domain::Integer,
                    ValueType::Date => Domain::Date,
                    ValueType::Timestamp => Domain::Timestamp,
                    _ => Domain::Float,
                }
            }
            ValueType::Text | ValueType::Boolean | ValueType::Set => return None,
        })
    }

    /// The value of a key.
    pub fn cell(self, key: u64) -> Cell<'static> {
        match self {
            Domain::Integer => Cell::Integer(to_integer(key)),
            Domain::Date => Cell::Date(Date(to_integer(key).clamp(-DAYS, DAYS) as i32)),
            Domain::Timestamp => Cell::Timestamp(Timestamp(to_integer(key))),
            Domain::Float => Cell::Float(to_float(key)),
            Domain::Decimal(scale) => {
                Cell::Decimal(Decimal { coefficient: i128::from(to_integer(key)), scale })
            }
        }
    }

    /// The key of a value of the domain's type; nothing for others, for NULL, and for digits that do not fit.
    pub fn key_of(self, cell: Cell<'_>) -> Option<u64> {
        Some(match (self, cell) {
            (Domain::Integer, Cell::Integer(value)) => of_integer(value),
            (Domain::Date, Cell::Date(day)) => of_integer(i64::from(day.0)),
            (Domain::Timestamp, Cell::Timestamp(time)) => of_integer(time.0),
            (Domain::Float, Cell::Float(value)) => of_float(value),
            (Domain::Decimal(scale), Cell::Decimal(decimal)) => {
                let factor = 10_i128.checked_pow(u32::from(scale.checked_sub(decimal.scale)?))?;
                of_integer(i64::try_from(decimal.coefficient.checked_mul(factor)?).ok()?)
            }
            _ => return None,
        })
    }

    /// The keys of values that compare so with a constant; nothing when they do not compare. Values and constants of
    /// any types are compared as rows are: the order of keys is that of values, so the border is found by bisection.
    fn compared(self, constant: Cell<'_>, orders: &[Ordering]) -> Option<KeyRange> {
        self.cell(SIGN).compare(constant)?;
        let order = |key: u64| self.cell(key).compare(constant);
        let first = |before: &dyn Fn(Ordering) -> bool| {
            let (mut low, mut high) = (0_u64, u64::MAX);
            // The least key that is not before; one more than the greatest when all are.
            while low < high {
                let middle = low + (high - low) / 2;
                if order(middle).is_some_and(before) { low = middle + 1 } else { high = middle }
            }
            if order(low).is_some_and(before) { u128::from(low) + 1 } else { u128::from(low) }
        };
        let equal = first(&|order| order == Ordering::Less);
        let greater = first(&|order| order != Ordering::Greater);
        let has = |order| orders.contains(&order);
        let low = match (has(Ordering::Less), has(Ordering::Equal), has(Ordering::Greater)) {
            (true, _, _) => 0,
            (false, true, _) => equal,
            (false, false, true) => greater,
            (false, false, false) => return Some(KeyRange::NONE),
        };
        let end = match (has(Ordering::Less), has(Ordering::Equal), has(Ordering::Greater)) {
            (_, _, true) => 1 << 64,
            (_, true, false) => greater,
            (_, false, false) => equal,
        };
        if low >= end {
            return Some(KeyRange::NONE);
        }
        Some(KeyRange { low: low as u64, high: (end - 1) as u64 })
    }

    /// The keys of values that a comparison with a constant holds for, and whether it is all others instead; nothing
    /// when they do not compare.
    pub fn comparing(
        self,
        constant: Cell<'_>,
        holds: impl Fn(Ordering) -> bool,
    ) -> Option<(KeyRange, bool)> {
        let all = [Ordering::Less, Ordering::Equal, Ordering::Greater];
        let orders: Vec<Ordering> = all.into_iter().filter(|order| holds(*order)).collect();
        match orders.as_slice() {
            [Ordering::Less, Ordering::Greater] => {
                Some((self.compared(constant, &[Ordering::Equal])?, true))
            }
            orders => Some((self.compared(constant, orders)?, false)),
        }
    }

    /// The key of a slot that is not NULL, of a block of this domain.
    #[inline]
    pub fn key(self, view: &BlockView, slot: usize) -> u64 {
        match self {
            Domain::Float => of_float(view.float(slot)),
            Domain::Decimal(scale) => {
                let own = view.common_scale().unwrap_or(scale);
                let factor = 10_i64.checked_pow(u32::from(scale.saturating_sub(own)));
                // They fit, or the column has no domain.
                of_integer(view.integer(slot).saturating_mul(factor.unwrap_or(i64::MAX)))
            }
            _ => of_integer(view.integer(slot)),
        }
    }

    /// The value of a slot that is not NULL, with the digits that it was stored with.
    pub fn stored_cell(self, view: &BlockView, slot: usize) -> Cell<'static> {
        match self {
            Domain::Float => Cell::Float(view.float(slot)),
            Domain::Decimal(_) => Cell::Decimal(view.decimal(slot)),
            _ => self.cell(of_integer(view.integer(slot))),
        }
    }

    /// The ranges of the numbers of a block, as they are stored, whose keys are in a range.
    pub(super) fn stored(self, range: KeyRange, view: &BlockView, base: i64) -> Stored {
        if range.is_empty() {
            return [None; 4];
        }
        if self == Domain::Float {
            return stored_floats(range);
        }
        let (low, high) = (to_integer(range.low), to_integer(range.high));
        let (mut low, mut high) = (i128::from(low), i128::from(high));
        if let Domain::Decimal(scale) = self {
            let own = view.common_scale().unwrap_or(scale);
            let factor = 10_i128.pow(u32::from(scale.saturating_sub(own)));
            // Digits of a smaller scale reach past the borders of the domain: those are open.
            let up = low.div_euclid(factor) + i128::from(low.rem_euclid(factor) != 0);
            low = if range.low == 0 { i128::from(i64::MIN) } else { up };
            let down = high.div_euclid(factor);
            high = if range.high == u64::MAX { i128::from(i64::MAX) } else { down };
        }
        let (low, high) = (low - i128::from(base), high - i128::from(base));
        if high < 0 || low > high {
            return [None; 4];
        }
        let fit = |number: i128| u64::try_from(number.max(0)).unwrap_or(u64::MAX);
        [Some((fit(low), fit(high))), None, None, None]
    }
}

/// Ranges of stored numbers, both ends included.
pub(super) type Stored = [Option<(u64, u64)>; 4];

/// The bits of floats whose keys are in a range: those below zero, in turned order; those from zero on; zero with a
/// sign; and what is no number with a sign.
fn stored_floats(range: KeyRange) -> Stored {
    let (zero, infinity) = (SIGN, of_float(f64::INFINITY));
    let low = range.low.max(of_float(f64::NEG_INFINITY));
    let high = range.high.min(zero - 1);
    let below = (low <= high).then_some((!high, !low));
    let above = (range.high >= zero).then(|| {
        let low = range.low.max(zero) ^ zero;
        (low, if range.high > infinity { SIGN - 1 } else { range.high ^ zero })
    });
    let none = range.holds(u64::MAX).then(|| (f64::NEG_INFINITY.to_bits() + 1, u64::MAX));
    [below, above, range.holds(zero).then_some((SIGN, SIGN)), none]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::value::compare_floats;

    #[test]
    fn keys_of_floats_are_in_their_order() {
        let values = [
            f64::NEG_INFINITY,
            -1e300,
            -1.5,
            -f64::MIN_POSITIVE,
            -0.0,
            0.0,
            5e-324,
            1.0,
            1e300,
            f64::INFINITY,
            f64::NAN,
            -f64::NAN,
        ];
        for left in values {
            for right in values {
                let keys = of_float(left).cmp(&of_float(right));
                assert_eq!(keys, compare_floats(left, right), "{left} {right}");
            }
            assert_eq!(of_float(to_float(of_float(left))), of_float(left));
        }
    }

    #[test]
    fn borders_are_those_of_the_comparison_of_rows() {
        let half = Cell::Decimal(Decimal::parse("2.5").unwrap());
        let domain = Domain::Integer;
        let range = domain.compared(half, &[Ordering::Less]).unwrap();
        assert!(range.holds(of_integer(2)) && !range.holds(of_integer(3)) && range.holds(0));
        assert!(domain.compared(half, &[Ordering::Equal]).unwrap().is_empty());
        let equal = domain.compared(Cell::Integer(7), &[Ordering::Equal]).unwrap();
        assert_eq!(equal, KeyRange { low: of_integer(7), high: of_integer(7) });
        assert_eq!(domain.compared(Cell::Text("x"), &[Ordering::Equal]), None);
        let most = domain.compared(Cell::Integer(i64::MAX), &[Ordering::Greater]).unwrap();
        assert!(most.is_empty());
        let zero = Domain::Float.compared(Cell::Float(-0.0), &[Ordering::Equal]).unwrap();
        assert!(zero.holds(of_float(0.0)) && !zero.holds(of_float(5e-324)));
    }
}
