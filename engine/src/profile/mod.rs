//! The golden record: for each trait, the value that won.
//!
//! *What it is:* a column of values and a column of winners for each trait, by profile. *Invariants:* the winner is the
//! greatest fact by (event time, name of the source, value; NULL is the least), so the order of arrival never matters;
//! a NULL that wins removes the trait. *What it does not know:* where facts come from.
//! *Where to start reading:* `Golden::tell`.

use crate::base::chunked::Chunked;
use crate::base::ids::{Ordinal, Position, SourceId};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::Catalog;
use crate::column::{Cell, Column};
use bincode::{Decode, Encode};
use std::cmp::Ordering;

/// Who said the value that won, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Winner {
    /// The event time; the time of receipt when the record named none.
    pub time: Timestamp,
    /// Whether the record named a time.
    pub dated: bool,
    /// The source.
    pub source: SourceId,
    /// The record.
    pub position: Position,
}

/// One trait of all profiles.
#[derive(Debug, Clone, Default)]
pub struct GoldenTrait {
    column: Option<Column>,
    winners: Chunked<Option<Winner>>,
}

/// The golden records of all profiles.
#[derive(Debug, Clone, Default)]
pub struct Golden {
    traits: Vec<GoldenTrait>,
}

impl GoldenTrait {
    /// The values, by ordinal, if any was ever said.
    pub fn column(&self) -> Option<&Column> {
        self.column.as_ref()
    }

    /// Who said the value of a profile (or NULL) that won.
    pub fn winner(&self, ordinal: Ordinal) -> Option<Winner> {
        self.winners.get(ordinal.0 as usize).copied().flatten()
    }

    /// The value of a profile.
    pub fn value(&self, ordinal: Ordinal) -> Cell<'_> {
        self.column.as_ref().map_or(Cell::Null, |column| column.get(ordinal.0 as usize))
    }

    /// Whether a fact beats the one that a profile has.
    fn beats(&self, ordinal: Ordinal, value: Cell<'_>, winner: &Winner, catalog: &Catalog) -> bool {
        let Some(current) = self.winner(ordinal) else { return true };
        let name = |w: &Winner| catalog.source_name(w.source).to_owned();
        let order = winner.time.cmp(&current.time);
        let order = order.then_with(|| {
            if winner.source == current.source {
                Ordering::Equal
            } else {
                name(winner).cmp(&name(&current))
            }
        });
        let order = order.then_with(|| value_order(value, self.value(ordinal)));
        // Of equal facts the first in the log is named, so that a replay names the same one.
        order.then_with(|| current.position.cmp(&winner.position)) == Ordering::Greater
    }

    fn put(&mut self, ordinal: Ordinal, value: Option<&Value>, winner: Option<Winner>) {
        self.winners.set(ordinal.0 as usize, winner, &None);
        if let Some(column) = &mut self.column
            && (value.is_some() || !column.get(ordinal.0 as usize).is_null())
        {
            column.set(ordinal.0 as usize, value);
        }
    }
}

/// NULL is less than every value.
fn value_order(left: Cell<'_>, right: Cell<'_>) -> Ordering {
    match (left.is_null(), right.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.compare(right).unwrap_or(Ordering::Equal),
    }
}

impl Golden {
    /// A trait by its number in the catalog.
    pub fn get(&self, number: usize) -> Option<&GoldenTrait> {
        self.traits.get(number)
    }

    fn slot(&mut self, number: usize) -> Option<&mut GoldenTrait> {
        while self.traits.len() <= number {
            self.traits.push(GoldenTrait::default());
        }
        self.traits.get_mut(number)
    }

    /// Makes the column of a trait have a type, widening what is there.
    pub fn widen(&mut self, number: usize, value_type: ValueType) {
        let Some(slot) = self.slot(number) else { return };
        match &mut slot.column {
            Some(column) if column.value_type() != value_type => {
                *column = column.widened(value_type)
            }
            Some(_) => {}
            None => slot.column = Some(Column::new(value_type)),
        }
    }

    /// Tells a fact: a value of the column's type, or NULL.
    pub fn tell(
        &mut self,
        number: usize,
        ordinal: Ordinal,
        value: Option<&Value>,
        winner: Winner,
        catalog: &Catalog,
    ) {
        let Some(slot) = self.slot(number) else { return };
        if slot.beats(ordinal, value.map_or(Cell::Null, Cell::of), &winner, catalog) {
            slot.put(ordinal, value, Some(winner));
        }
    }

    /// Puts a stored value in its place.
    pub fn restore(
        &mut self,
        number: usize,
        ordinal: Ordinal,
        value: Option<&Value>,
        winner: Winner,
    ) {
        if let Some(slot) = self.slot(number) {
            slot.put(ordinal, value, Some(winner));
        }
    }

    /// Moves the facts of a profile that was joined into another.
    pub fn join(&mut self, kept: Ordinal, gone: Ordinal, catalog: &Catalog) {
        for number in 0..self.traits.len() {
            let Some(slot) = self.traits.get(number) else { continue };
            let Some(winner) = slot.winner(gone) else { continue };
            let value = slot.value(gone).to_value();
            if let Some(slot) = self.traits.get_mut(number) {
                slot.put(gone, None, None);
            }
            self.tell(number, kept, value.as_ref(), winner, catalog);
        }
    }
}
