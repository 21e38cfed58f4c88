//! Rows by what is known of each number that a column may have, or of each stretch of equally many numbers.

use super::layer::ColumnIndex;
use crate::base::bits::Bits;
use std::sync::Arc;

/// Truths of numbers that follow one another.
#[derive(Debug)]
pub struct Truths {
    /// The number that the first begins with.
    pub least: i64,
    /// How many numbers each is of; not 0.
    pub unit: i64,
    /// Whether it is true of those; of all other numbers it is false.
    pub each: Vec<bool>,
}

impl Truths {
    #[inline]
    fn of(&self, number: i64) -> bool {
        let place =
            number.checked_sub(self.least).map(|behind| behind.div_euclid(self.unit.max(1)));
        let place = place.and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.each.get(place)) == Some(&true)
    }

    /// The stretches of numbers that it is true of, from the first to the last; nothing when there are more than some.
    pub fn stretches(&self, most: usize) -> Option<Vec<(i64, i64)>> {
        let mut found: Vec<(i64, i64)> = Vec::new();
        for (place, _) in (0_i64..).zip(&self.each).filter(|(_, truth)| **truth) {
            let first = self.least.checked_add(place.checked_mul(self.unit)?)?;
            let last = first.checked_add(self.unit - 1)?;
            if let Some(before) = found.last_mut().filter(|(_, before)| before + 1 == first) {
                before.1 = last;
            } else if found.len() == most {
                return None;
            } else {
                found.push((first, last));
            }
        }
        Some(found)
    }
}

/// The rows of a column of integers, days or instants of whose number something is true.
#[derive(Debug)]
pub struct Table<'a> {
    column: &'a ColumnIndex,
    truths: Arc<Truths>,
}

impl<'a> Table<'a> {
    /// Those of a column.
    pub fn new(column: &'a ColumnIndex, truths: Arc<Truths>) -> Table<'a> {
        Table { column, truths }
    }

    /// The column.
    pub fn column(&self) -> &'a ColumnIndex {
        self.column
    }

    /// Makes `rows` those of the rows that are asked for, of a chunk, that it is true of.
    pub fn select(&self, chunk: u32, asked: &Bits, rows: &mut Bits) {
        rows.clear();
        match self.column.direct(chunk) {
            Some(direct) => asked.each(|row| {
                if direct.integer(row).is_some_and(|number| self.truths.of(number)) {
                    rows.insert(row);
                }
            }),
            None => asked.each(|row| {
                if self.holds(chunk, row) == Some(true) {
                    rows.insert(row);
                }
            }),
        }
    }

    /// Whether it is true of a row; nothing when that has no value.
    pub fn holds(&self, chunk: u32, row: u16) -> Option<bool> {
        let (view, slot) = self.column.find(chunk, row)?;
        Some(self.truths.of(view.integer(slot)))
    }
}
