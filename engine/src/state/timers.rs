//! Timers: which are set, which are due.
//!
//! *Invariants:* a timer is pending while nothing was said of its name in its stream behind its setting; rows stand in
//! the order of what is due, so that what is due next is found without those that are not; timers are a fold of their
//! own entries alone, which no retraction and no definition changes. *Where to start reading:* `TimerView::pending`.

use super::{Fold, RecordContext, State};
use crate::base::codec;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::part::BlockKey;
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::column::Faults;
use crate::entry::{TimerSays, TimersEntry};
use crate::event::{EventRow, TablePart, TableView};
use bincode::{Decode, Encode};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Timers that were set, in the order in which they are due, and those that were taken back.
pub(super) const TIMERS: BlockKey = BlockKey::new(10, 0, 0, 0);
/// Timers that were due and became items, in the same order.
pub(super) const RUNG: BlockKey = BlockKey::new(10, 1, 0, 0);

/// What a row of both tables says.
#[derive(Encode, Decode)]
struct TimerRow {
    /// The stream.
    stream: String,
    /// The timer.
    name: String,
    /// What it will say, where it was set.
    text: Option<String>,
}

/// A timer that is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The stream that its text becomes an item of.
    pub stream: String,
    /// Its name, which no other pending timer of the stream has.
    pub name: String,
    /// When it is due.
    pub due: Timestamp,
    /// What the item will say.
    pub text: String,
    /// Where in the log it was set.
    pub position: Position,
}

/// Rows of one name stand together: timers have no identifiers, so that the digest of the name takes their place.
fn node_of(stream: &str, name: &str) -> NodeId {
    let digest = codec::digest_of_parts(&[folded(stream).as_bytes(), name.as_bytes()]);
    NodeId(codec::u32_at(&digest, 0).unwrap_or_default())
}

impl Fold {
    /// Follows what happened to timers.
    pub(super) fn apply_timers(&mut self, at: &RecordContext, entry: &TimersEntry) -> Result<()> {
        let stream = &entry.stream;
        for (number, says) in (0_u64..).zip(&entry.says) {
            let position = at.first.plus(number);
            let (table, name, time, text) = match says {
                TimerSays::Set { name, due, text } => {
                    (&mut self.open.timers, name, *due, Some(text.clone()))
                }
                TimerSays::Cancelled { name } => (&mut self.open.timers, name, at.clock, None),
                TimerSays::Rung { name, due, .. } => (&mut self.open.rung, name, *due, None),
            };
            let (node, key) = (node_of(stream, name), codec::digest(&position.0.to_le_bytes()));
            let (source, message_id, child) = (SourceId(0), None, false);
            let dated = true;
            let row =
                EventRow { node, time, dated, source, message_id, key: &key, position, child };
            table.push(&row);
            let row = TimerRow { stream: stream.clone(), name: name.clone(), text };
            table.push_bytes(&codec::encode_row(&row)?);
        }
        if entry.has_items() {
            self.state.note_items(stream, at);
        }
        Ok(())
    }
}

/// The timers of a state.
pub struct TimerView {
    set: TableView,
    rung: TableView,
    faults: Faults,
}

impl State {
    /// Begins to read timers.
    pub fn timers(&self) -> TimerView {
        let faults = Faults::default();
        let table = |key| TableView::new(self.parts.iter(), key, &[], &faults);
        TimerView { set: table(TIMERS), rung: table(RUNG), faults }
    }

    /// Whether a timer was ever set.
    pub fn has_timers(&self) -> bool {
        self.parts.iter().any(|part| part.last_chunk(TIMERS).is_some())
    }
}

impl TimerView {
    /// Fails when something could not be read.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn check(&self) -> Result<()> {
        self.faults.check()
    }

    /// When the last one was due of those that became items: none before it is pending.
    pub fn last_rung(&self) -> Timestamp {
        let last = |part: &TablePart| part.len().checked_sub(1).map(|row| part.time(row));
        let all = self.rung.parts().iter().filter_map(|part| last(part));
        all.max().unwrap_or(Timestamp(i64::MIN))
    }

    /// When the first one behind an instant is due, pending or not; nothing when there is none.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let (from, last) = (Timestamp(instant.0.checked_add(1)?), Timestamp(i64::MAX));
        let first =
            |part: &TablePart| part.rows_between(from, last).next().map(|row| part.time(row));
        self.set.parts().iter().filter_map(|part| first(part)).min()
    }

    /// The pending timer of a name.
    pub fn named(&self, stream: &str, name: &str) -> Option<Timer> {
        let node = node_of(stream, name);
        let mut found: Option<Timer> = None;
        for part in self.set.parts() {
            for row in part.rows_of(node) {
                let timer = self.timer(part, row);
                let is_it =
                    |timer: &Timer| folded(&timer.stream) == folded(stream) && timer.name == name;
                let newer = |timer: &Timer| {
                    found.as_ref().is_none_or(|known| known.position < timer.position)
                };
                if let Some(timer) = timer.filter(|timer| is_it(timer) && newer(timer)) {
                    found = Some(timer);
                }
            }
        }
        found.filter(|timer| self.is_pending(timer))
    }

    /// The pending timers behind a place that are due by an instant, the soonest first, and of those that are due
    /// together the one first that was set first.
    pub fn pending(
        &self,
        after: (Timestamp, Position),
        to: Timestamp,
    ) -> impl Iterator<Item = Timer> {
        let parts = self.set.parts();
        let behind = |part: &TablePart| {
            let rows = part.rows_between(after.0, to);
            let is_before = |row: u32| (part.time(row), part.position(row)) <= after;
            let (mut low, mut high) = (rows.start, rows.end);
            while low < high {
                let middle = u32::midpoint(low, high);
                if is_before(middle) { low = middle + 1 } else { high = middle }
            }
            low..rows.end
        };
        let mut rows: Vec<_> = parts.iter().map(|part| behind(part)).collect();
        let mut heads = BinaryHeap::new();
        let next = |rows: &mut Vec<std::ops::Range<u32>>, number: usize| {
            let (part, row) = (parts.get(number)?, rows.get_mut(number)?.next()?);
            Some(Reverse((part.time(row), part.position(row), number, row)))
        };
        for number in 0..parts.len() {
            heads.extend(next(&mut rows, number));
        }
        std::iter::from_fn(move || {
            loop {
                let Reverse((_, _, number, row)) = heads.pop()?;
                heads.extend(next(&mut rows, number));
                let timer = parts.get(number).and_then(|part| self.timer(part, row));
                if let Some(timer) = timer.filter(|timer| self.is_pending(timer)) {
                    return Some(timer);
                }
            }
        })
    }

    /// What was set by a row; nothing when it takes a timer back.
    fn timer(&self, part: &TablePart, row: u32) -> Option<Timer> {
        let said: Option<TimerRow> = self.faults.or_note(codec::decode_row(part.bytes(row)));
        let TimerRow { stream, name, text } = said?;
        let (due, position) = (part.time(row), part.position(row));
        Some(Timer { stream, name, due, text: text?, position })
    }

    /// Whether nothing was said of a timer since it was set.
    fn is_pending(&self, timer: &Timer) -> bool {
        let node = node_of(&timer.stream, &timer.name);
        let later = |part: &TablePart, row: u32| {
            part.position(row) > timer.position && {
                let said: Option<TimerRow> =
                    self.faults.or_note(codec::decode_row(part.bytes(row)));
                said.is_some_and(|said| {
                    said.name == timer.name && folded(&said.stream) == folded(&timer.stream)
                })
            }
        };
        let mut parts = self.set.parts().iter().chain(self.rung.parts());
        !parts.any(|part| part.rows_of(node).into_iter().any(|row| later(part, row)))
    }
}
