//! Conditions on one trait and constants, decided once for each value that the trait has.
//!
//! *Invariants:* what is found for a value is what a look at a profile that has it says. Where that fails or is unknown
//! for a value, or there are too many values, nothing is found, and profiles are looked at.

use super::super::aggregate::Known;
use super::super::indexed::{Test, test_of};
use super::super::resolved::Condition;
use super::super::row::Row;
use crate::base::ids::Ordinal;
use crate::base::time::{DAY_MICROS, Date};
use crate::base::value::{Value, ValueType};
use crate::column::{Cell, Dictionary};
use crate::index::{Codes, ColumnIndex, KeyRange, Range, Table, Truths};
use crate::state::Reader;
use std::cell::Cell as Flag;
use std::sync::Arc;

/// So many values are always decided one by one.
const FEW: u64 = 1 << 12;
/// Of more values a look at those profiles that other conditions leave may take less time.
const PROFILES_A_VALUE: u64 = 64;
/// To look for more ranges takes as long as a look at each number.
const RANGES_MAX: usize = 16;

/// The values that a condition is true of; it is false of the others.
pub(super) struct Decided {
    /// The number of the trait.
    number: usize,
    values: Values,
    /// What it is of NULL.
    null: Option<bool>,
}

enum Values {
    /// The codes of each part of both layers, ascending.
    Codes([Vec<Vec<u32>>; 2]),
    Keys(Vec<KeyRange>),
    Table(Arc<Truths>),
}

/// How the rows of a condition are found.
pub(super) enum Found<'a> {
    Codes(Codes<'a>),
    Ranges(Vec<Range<'a>>),
    Table(Table<'a>),
}

/// Decides a condition on one trait, whose column is given.
pub(super) fn decide(
    condition: &Condition,
    number: usize,
    column: &ColumnIndex,
    reader: &Reader<'_>,
) -> Option<Decided> {
    if let Some((_, Test::Like(pattern))) = test_of(condition, reader) {
        let passing = |texts: &Dictionary| {
            let fits = |code: &u32| texts.text(*code).is_some_and(|text| pattern.fits(text));
            (0..texts.len()).filter(fits).collect()
        };
        let values = Values::Codes(column.each_dictionary(passing));
        return Some(Decided { number, values, null: None });
    }
    let most = (reader.state.alive().count() / PROFILES_A_VALUE).max(FEW);
    let fault = Flag::new(None);
    let answer = |cell: Cell<'_>| {
        let somebody = Row::new(reader, Known::default(), Ordinal(0), &fault);
        Row { standing: Some((number, cell)), ..somebody }.holds(condition)
    };
    let mut sure = true;
    let mut is_true = |cell: Cell<'_>| {
        // Nobody waits for the rest once the outcome is known, or the time is over.
        sure = sure && reader.keeps_pace();
        let answer = if sure { answer(cell) } else { None };
        sure &= answer.is_some() && fault.get().is_none();
        answer == Some(true)
    };
    let values = match column.value_type()? {
        ValueType::Text if column.texts() as u64 <= most => {
            let codes = |texts: &Dictionary| {
                let text = |code: u32| texts.text(code).map_or(Cell::Null, Cell::Text);
                (0..texts.len()).filter(|code| is_true(text(*code))).collect()
            };
            Values::Codes(column.each_dictionary(codes))
        }
        ValueType::Boolean => {
            let truths = [false, true].map(|truth| is_true(Cell::Boolean(truth)));
            let codes: Vec<u32> =
                (0..).zip(truths).filter_map(|(code, is)| is.then_some(code)).collect();
            Values::Codes(column.each_dictionary(|_| codes.clone()))
        }
        ValueType::Integer | ValueType::Date => {
            let labels = column.labels().filter(|labels| labels.len() as u64 <= most)?;
            let least = match labels.value(0)? {
                Value::Integer(number) => *number,
                Value::Date(date) => i64::from(date.0),
                _ => return None,
            };
            let values = (0..labels.len()).filter_map(|place| labels.value(place));
            let each = values.map(|value| is_true(Cell::of(value))).collect();
            Values::of(Truths { least, unit: 1, each })
        }
        ValueType::Timestamp if condition.is_of_day() => {
            let (first, last) = column.days()?;
            (last.checked_sub(first)?.cast_unsigned() < most).then_some(())?;
            let mut each = Vec::new();
            for day in first..=last {
                let begin = Date(i32::try_from(day).ok()?).midnight();
                each.push(is_true(Cell::Timestamp(begin)));
            }
            Values::of(Truths { least: first.checked_mul(DAY_MICROS)?, unit: DAY_MICROS, each })
        }
        _ => return None,
    };
    let null = answer(Cell::Null);
    (sure && fault.get().is_none()).then_some(Decided { number, values, null })
}

impl Values {
    fn of(truths: Truths) -> Values {
        let key = |(first, last)| KeyRange { low: KeyRange::key(first), high: KeyRange::key(last) };
        match truths.stretches(RANGES_MAX) {
            Some(none) if none.is_empty() => Values::Keys(vec![KeyRange::NONE]),
            Some(stretches) => Values::Keys(stretches.into_iter().map(key).collect()),
            None => Values::Table(Arc::new(truths)),
        }
    }
}

impl Decided {
    /// The number of the trait.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What the condition is of NULL.
    pub fn of_null(&self) -> Option<bool> {
        self.null
    }

    /// How the rows are found in the column of the trait.
    pub fn found<'a>(&self, column: &'a ColumnIndex) -> Option<Found<'a>> {
        match &self.values {
            Values::Codes([base, over]) => {
                Codes::of(column, [base.clone(), over.clone()]).map(Found::Codes)
            }
            Values::Keys(ranges) => {
                let range = |range: &KeyRange| Range::new(column, *range, false);
                ranges.iter().map(range).collect::<Option<_>>().map(Found::Ranges)
            }
            Values::Table(truths) => Some(Found::Table(Table::new(column, Arc::clone(truths)))),
        }
    }
}
