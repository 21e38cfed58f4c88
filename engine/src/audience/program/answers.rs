//! What is computed of the events of profiles, for conditions that compare it with more than a constant, and for
//! aggregates that are no counters.

use super::super::aggregate::{Answers, Gather};
use super::super::resolved::{AggregateOf, EventColumn, Scalar};
use super::super::row::{Row, bind};
use super::events::EventTest;
use super::machine::{Machine, ordinal};
use super::measure::property_of;
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::time::Timestamp;
use crate::column::Cell;
use crate::event::{EventChunk, Kind, TablePart, TableView};

/// Where an event is in its index.
#[derive(Clone, Copy)]
struct Place<'a> {
    events: &'a EventChunk,
    side: usize,
    chunk: u32,
    place: usize,
}

/// An event that is computed with: the place of its profile among some, the number of its row, and where it is in the
/// index, when it comes from there.
struct Taken<'a> {
    owner: u32,
    row: u32,
    at: Option<Place<'a>>,
}

impl<'a> EventTest<'a> {
    /// What is computed for the profiles of a chunk that are asked about, and which of them have an event that passes,
    /// or of which something is known. Those of whom a number is too large for that join those that are answered apart.
    pub(super) fn answers(
        &self,
        machine: &mut Machine<'a>,
        chunk: u32,
        asked: &Bits,
        apart: &mut Vec<u16>,
    ) -> (Answers, Box<Bits>) {
        if let Some(measure) = self.measure.as_ref().filter(|measure| measure.is_exact()) {
            let found = self.measured(machine, measure, chunk, asked, apart);
            let mut seen = machine.take();
            seen.copy_from(&found.seen);
            return (Answers::Measured(found), seen);
        }
        let (mut places, mut seen) = (vec![0; 1 << 16], machine.take());
        let (mut owners, mut rows, chunks) = (Vec::new(), Vec::new(), self.chunk(chunk));
        seen.clear();
        self.each(machine, chunk, asked, |profile, at| {
            let Some(slot) = places.get_mut(usize::from(profile)) else { return };
            if *slot == 0 {
                owners.push(Ordinal(ordinal(chunk, profile)));
                *slot = u32::try_from(owners.len()).unwrap_or(u32::MAX);
                seen.insert(profile);
            }
            let Some(events) = chunks.get(at.side).copied().flatten() else { return };
            let row = events.rows.get(at.place).copied().unwrap_or(u32::MAX);
            let at = Place { events, side: at.side, chunk, place: at.place };
            rows.push(Taken { owner: *slot - 1, row, at: Some(at) });
        });
        self.noted(machine, &seen);
        let found = computed(machine, self, &owners, &rows);
        (self.some(machine, ordinal(chunk, 0), places, found), seen)
    }

    /// The events of one profile that pass, found by its identifiers: when, and the numbers of their rows.
    pub(in super::super) fn rows_of(
        &self,
        machine: &Machine<'a>,
        of: u32,
    ) -> Vec<(Timestamp, u32)> {
        let (from, to) = self.tests.window;
        let mut rows = Vec::new();
        for node in machine.reader.row(Ordinal(of)).members {
            let mut first = 0_u32;
            for part in self.table.parts() {
                for row in part.rows_of(node) {
                    let time = part.time(row);
                    if from <= time
                        && time <= to
                        && self.row_passes(machine, Ordinal(of), (part, row), false)
                    {
                        rows.push((time, first.saturating_add(row)));
                    }
                }
                first = first.saturating_add(part.len());
            }
        }
        rows
    }

    /// What is computed for one profile, from its rows.
    pub(super) fn answers_of(&self, machine: &mut Machine<'a>, of: u32) -> Answers {
        let rows = self.rows_of(machine, of).into_iter();
        let rows: Vec<Taken<'a>> = rows.map(|(_, row)| Taken { owner: 0, row, at: None }).collect();
        let places = vec![u32::from(!rows.is_empty())];
        let owners: &[Ordinal] = if rows.is_empty() { &[] } else { &[Ordinal(of)] };
        let found = computed(machine, self, owners, &rows);
        self.some(machine, of, places, found)
    }

    /// Answers by the places of profiles; an error is kept for the end of the question.
    fn some(
        &self,
        machine: &mut Machine<'a>,
        first: u32,
        places: Vec<u32>,
        found: Result<Answers>,
    ) -> Answers {
        let found = found.unwrap_or_else(|error| {
            machine.failed.get_or_insert(error);
            Answers::Count(Vec::new())
        });
        let counts = self.counts();
        Answers::Some { first, places, answers: Box::new(found), counts }
    }

    /// Whether it counts, so that nothing is nought.
    pub(super) fn counts(&self) -> bool {
        self.aggregate.is_some_and(AggregateOf::counts)
    }
}

/// Computes what a subquery asks of rows of its table.
fn computed<'a>(
    machine: &Machine<'a>,
    test: &EventTest<'a>,
    owners: &[Ordinal],
    rows: &[Taken<'a>],
) -> Result<Answers> {
    let value = test.aggregate.and_then(|aggregate| aggregate.value.as_ref());
    if let Some((value, last)) = test.aggregate.and_then(AggregateOf::edge) {
        let chosen = at_edge(test.table, owners.len(), rows, last);
        let values = chosen.iter().zip(owners).map(|(row, owner)| {
            let event = test.table.locate(u64::from((*row)?))?;
            with_row(machine, test, *owner, event, |row| row.value(value).to_value())
        });
        return Ok(Answers::Values(values.collect()));
    }
    if let Some(counts) = distinct(test, owners.len(), rows) {
        return Ok(Answers::Count(counts));
    }
    let time = Scalar::Event(test.rows.slot, EventColumn::Time);
    let is_time = value == Some(&time);
    let mut gather = Gather::new(test.aggregate, owners.len());
    for taken in rows {
        let owner = Ordinal(taken.owner);
        let Some(value) = value else {
            gather.take(owner, None)?;
            continue;
        };
        let ordered = taken.at.zip(test.values.as_ref());
        let ordered = ordered.and_then(|(at, of)| of.get(at.side)?.cell(at.chunk, at.place));
        let time = taken.at.filter(|_| is_time).and_then(|at| at.events.times.get(at.place));
        let ordered = ordered.or(time.map(|time| Cell::Timestamp(Timestamp(*time))));
        if let Some(cell) = ordered {
            gather.take(owner, Some(cell))?;
            continue;
        }
        let Some(event) = test.table.locate(u64::from(taken.row)) else { continue };
        let Some(profile) = owners.get(taken.owner as usize).copied() else { continue };
        match property_of(value, test.rows.slot) {
            Some(number) => gather.take(owner, Some(event.0.cell(number, event.1)))?,
            None => with_row(machine, test, profile, event, |row| {
                gather.take(owner, Some(row.value(value)))
            })?,
        }
    }
    gather.finish(owners.len())
}

/// How many different texts each profile has, when that is asked and they have codes of one list.
fn distinct(test: &EventTest<'_>, profiles: usize, rows: &[Taken<'_>]) -> Option<Vec<u64>> {
    test.aggregate.filter(|of| of.distinct && of.counts())?;
    let mut pairs = Vec::with_capacity(rows.len());
    for taken in rows {
        let at = taken.at.filter(|at| at.side == 0)?;
        let values = test.values.as_ref()?.first()?;
        let Kind::Codes(_) = values.kind() else { return None };
        if let Some(code) = values.values(at.chunk)?.get(at.place) {
            pairs.push(u64::from(taken.owner) << 32 | code);
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut counts = vec![0; profiles];
    for pair in pairs {
        if let Some(count) = counts.get_mut((pair >> 32) as usize) {
            *count += 1;
        }
    }
    Some(counts)
}

/// Shows a row with the entities beside it.
fn with_row<'a, T>(
    machine: &Machine<'a>,
    test: &EventTest<'a>,
    owner: Ordinal,
    event: (&'a TablePart, u32),
    see: impl FnOnce(&Row<'_>) -> T,
) -> T {
    let mut bound = Vec::new();
    let alone = machine.row(owner.0);
    bind(&alone, test.rows, event, &mut bound);
    see(&Row { bound: &bound, ..alone })
}

/// The first or last row of each profile, by time and message id.
fn at_edge(table: &TableView, profiles: usize, rows: &[Taken<'_>], last: bool) -> Vec<Option<u32>> {
    let time = |taken: &Taken<'_>| match taken.at {
        Some(at) => at.events.times.get(at.place).copied(),
        None => table.locate(u64::from(taken.row)).map(|(part, row)| part.time(row).0),
    };
    // Rows of one record, of a child table, share all but their place.
    let rest = |number: u32| {
        let (part, row) = table.locate(u64::from(number))?;
        Some((part.message_id(row), part.position(row), number))
    };
    let mut chosen: Vec<Option<(Option<i64>, u32)>> = vec![None; profiles];
    for taken in rows {
        let Some(slot) = chosen.get_mut(taken.owner as usize) else { continue };
        let time = time(taken);
        let better = slot.is_none_or(|(known, row)| match time.cmp(&known) {
            std::cmp::Ordering::Equal => (rest(taken.row) > rest(row)) == last,
            order => order.is_gt() == last,
        });
        if better {
            *slot = Some((time, taken.row));
        }
    }
    chosen.into_iter().map(|slot| slot.map(|(_, row)| row)).collect()
}
