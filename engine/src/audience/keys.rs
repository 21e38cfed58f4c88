//! What groups are made by: a trait, or a value of one trait, each row's as a number.
//!
//! *Invariants:* a group has the value that a look at each of its profiles gives. A value of a trait is found once for
//! each value of the trait, or once for each day where it is the same all day; where that fails for a value, or there
//! are too many, nothing is found, and profiles are looked at.

use super::aggregate::Known;
use super::resolved::Scalar;
use super::row::Row;
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::time::{DAY_MICROS, Date};
use crate::base::value::{Value, ValueType};
use crate::column::Cell;
use crate::index::{ColumnIndex, LabelBytes, Labels};
use crate::state::Reader;
use std::cell::Cell as Flag;
use std::collections::HashMap;
use std::sync::Arc;

/// Values of a trait, or days, of which each is asked for the value that groups are made by.
const ASKED_MAX: usize = 1 << 16;

/// What groups are made by, numbered from 0 on; the last number is that of NULL.
pub(super) struct Key {
    column: Arc<ColumnIndex>,
    numbers: Numbers,
}

enum Numbers {
    /// Those of the values of the trait itself.
    Own,
    /// The number of the value for each number of the trait, that of NULL behind them.
    OfLabels(Numbered),
    /// The number of the value for each day from the first on, that of NULL behind them.
    OfDays(i64, Numbered),
}

/// Values that were found one after another.
#[derive(Default)]
struct Numbered {
    values: Vec<Value>,
    /// For each that was asked, `u32::MAX` for NULL.
    numbers: Vec<u32>,
}

impl Numbered {
    /// The values of a scalar for each of some values of the trait that it is of, and NULL.
    fn of<'c>(
        scalar: &Scalar,
        number: usize,
        reader: &Reader<'_>,
        asked: impl Iterator<Item = Cell<'c>>,
    ) -> Option<Numbered> {
        let fault = Flag::new(None);
        let value = |cell: Cell<'_>| {
            let somebody = Row::new(reader, Known::default(), Ordinal(0), &fault);
            Row { standing: Some((number, cell)), ..somebody }.value(scalar).to_value()
        };
        let (mut found, mut known) = (Numbered::default(), HashMap::new());
        for cell in asked.chain([Cell::Null]) {
            let value = value(cell);
            if fault.get().is_some() || !reader.keeps_pace() {
                return None;
            }
            let Some(value) = value else {
                found.numbers.push(u32::MAX);
                continue;
            };
            let next = u32::try_from(found.values.len()).ok()?;
            let number = *known.entry(value.canonical_bytes()).or_insert(next);
            match found.values.get(number as usize) {
                None => found.values.push(value),
                Some(known) if is_alike(known, &value) => {}
                // A group shows the form that its first profile has, who is not known here.
                Some(_) => return None,
            }
            found.numbers.push(number);
        }
        let null = u32::try_from(found.values.len()).ok()?;
        found.numbers.iter_mut().filter(|number| **number == u32::MAX).for_each(|n| *n = null);
        Some(found)
    }

    /// The number of what was asked at a place.
    fn at(&self, place: usize) -> Option<u32> {
        self.numbers.get(place).copied()
    }
}

/// Whether equal values have the same form: decimals as many digits, and nought the same sign.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Decimal(one), Value::Decimal(other)) => one.scale == other.scale,
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        _ => true,
    }
}

impl Key {
    /// What a scalar makes groups by; nothing when that has no quick form.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn of(scalar: &Scalar, reader: &Reader<'_>, most: usize) -> Result<Option<Key>> {
        let Some(number) = scalar.single_trait() else { return Ok(None) };
        let column = reader.state.trait_index(number)?;
        let own = matches!(scalar, Scalar::Trait(_));
        // What is not numbered yet may be too much to number.
        if column.texts() >= if own { most } else { ASKED_MAX } {
            return Ok(None);
        }
        let numbers = Key::numbers(scalar, number, &column, reader);
        Ok(numbers.map(|numbers| Key { column, numbers }))
    }

    fn numbers(
        scalar: &Scalar,
        number: usize,
        column: &ColumnIndex,
        reader: &Reader<'_>,
    ) -> Option<Numbers> {
        if column.value_type() == Some(ValueType::Timestamp) && scalar.is_of_day() {
            let (first, last) = column.days()?;
            let days = usize::try_from(last.checked_sub(first)?).ok()?;
            (days < ASKED_MAX).then_some(())?;
            let day = |day: i64| Some(Cell::Timestamp(Date(i32::try_from(day).ok()?).midnight()));
            let asked: Vec<Cell<'_>> = (first..=last).map(day).collect::<Option<_>>()?;
            let found = Numbered::of(scalar, number, reader, asked.into_iter())?;
            return Some(Numbers::OfDays(first, found));
        }
        // Sets make no groups, which was refused before.
        let labels = column.labels()?;
        if matches!(scalar, Scalar::Trait(_)) {
            return Some(Numbers::Own);
        }
        let single = column.value_type() != Some(ValueType::Set) && labels.len() <= ASKED_MAX;
        let asked = (0..labels.len()).filter_map(|label| labels.value(label).map(Cell::of));
        let found = single.then(|| Numbered::of(scalar, number, reader, asked))??;
        Some(Numbers::OfLabels(found))
    }

    fn labels(&self) -> Option<&Labels> {
        self.column.labels()
    }

    /// How many numbers there are, that of NULL among them.
    pub fn len(&self) -> usize {
        1 + match &self.numbers {
            Numbers::Own => self.labels().map_or(0, Labels::len),
            Numbers::OfLabels(found) | Numbers::OfDays(_, found) => found.values.len(),
        }
    }

    /// The value of a number; nothing is NULL.
    pub fn value(&self, number: usize) -> Option<Value> {
        match &self.numbers {
            Numbers::Own => self.labels()?.value(number).cloned(),
            Numbers::OfLabels(found) | Numbers::OfDays(_, found) => {
                found.values.get(number).cloned()
            }
        }
    }

    /// A byte for each row of a chunk, with the number of each byte, when it has that form.
    pub fn bytes(&self, chunk: u32) -> Option<LabelBytes<'_>> {
        let labels = self.labels()?;
        let mut bytes = labels.bytes(&self.column, chunk)?;
        match &self.numbers {
            Numbers::Own => Some(bytes),
            Numbers::OfDays(..) => None,
            Numbers::OfLabels(found) => {
                let null = u32::try_from(found.values.len()).ok()?;
                (found.at(labels.len()) == Some(null)).then_some(())?;
                for number in &mut bytes.numbers {
                    *number = found.at(*number as usize)?;
                }
                Some(bytes)
            }
        }
    }

    /// Puts the number of each row that is asked for, in order. Nothing when a row has a value that has none.
    pub fn of_rows(&self, chunk: u32, asked: &Bits, numbers: &mut Vec<u32>) -> Option<()> {
        match &self.numbers {
            Numbers::Own => self.labels()?.of_rows(&self.column, chunk, asked, numbers),
            Numbers::OfLabels(found) => {
                self.labels()?.of_rows(&self.column, chunk, asked, numbers)?;
                for number in numbers {
                    *number = found.at(*number as usize)?;
                }
                Some(())
            }
            Numbers::OfDays(first, found) => {
                numbers.clear();
                let (behind, mut whole) = (found.numbers.len() - 1, true);
                let number = |micros: Option<i64>| match micros {
                    None => found.at(behind),
                    Some(micros) => {
                        let day = micros.div_euclid(DAY_MICROS).checked_sub(*first)?;
                        usize::try_from(day)
                            .ok()
                            .filter(|day| *day < behind)
                            .and_then(|d| found.at(d))
                    }
                };
                let mut push = |micros: Option<i64>| {
                    let number = number(micros);
                    whole &= number.is_some();
                    numbers.push(number.unwrap_or_default());
                };
                match self.column.direct(chunk) {
                    Some(direct) => asked.each(|row| push(direct.integer(row))),
                    None => asked.each(|row| {
                        let found = self.column.find(chunk, row);
                        push(found.map(|(view, slot)| view.integer(slot)));
                    }),
                }
                whole.then_some(())
            }
        }
    }
}
