//! Funnels: for each profile, whether events follow one another, each later than the one before, all within a span of
//! the first.
//!
//! *What it is:* for each chunk of profiles the events of each step. Steps that know nothing of each other need one
//! walk over the events of all profiles in order of time (`follow`); steps that are bound to earlier ones are tried one
//! after another, profile by profile, and what was tried in vain is remembered. *Invariants:* exact, both ways; never
//! unknown. *Where to start reading:* `funnel`.

use super::aggregate::{Known, each_row, time_of};
use super::follow::{Walk, end_of, follows};
use super::money::Fault;
use super::program::{EventTest, Machine, Wanted, event_test};
use super::resolved::{Condition, FunnelQuery, FunnelStep};
use super::row::{Bound, Row, bind};
use crate::base::bits::Bits;
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::limits::FUNNEL_TRIES_MAX;
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::event::TableView;
use crate::state::{Events, Reader};
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// An event that may be a step, by what can be said of it alone. They are ordered by profile, then by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    ordinal: u32,
    time: Timestamp,
    index: u64,
}

/// What a funnel answers.
pub struct Found {
    /// The profiles that go through it.
    pub through: RoaringBitmap,
    /// How many profiles have an event for each step, when that is to be explained.
    pub reached: Vec<u64>,
}

/// Answers a funnel for all profiles.
///
/// # Errors
/// `Invalid` when a number or a time overflows; `Limit` when steps are bound to each other and one profile has too many
/// events to try them all.
pub fn funnel(
    (reader, workers): (&Reader<'_>, &Workers),
    query: &FunnelQuery,
    explain: bool,
) -> Result<Found> {
    let indexes = query.steps.iter().map(|s| reader.state.event_index(s.rows.event, reader));
    let indexes = indexes.collect::<Result<Vec<_>>>()?;
    let mut found = Found::none(query);
    if indexes.iter().all(|index| index.is_some()) {
        let events: u64 = indexes.iter().filter_map(|index| index.as_ref().as_ref()).map(all).sum();
        let (state, next) = (reader.state, AtomicU32::new(0));
        let work = || by_chunk(&state.reader(), query, (&indexes, &next), explain);
        let shares = match workers.are_worth(events) {
            true => workers.share(work),
            false => vec![by_chunk(reader, query, (&indexes, &next), explain)],
        };
        shares.into_iter().try_for_each(|share| share.map(|share| found.join(&share)))?;
        return Ok(found);
    }
    let fault = Flag::new(None);
    let steps = query.steps.iter().map(|step| candidates(reader, step));
    try_all(reader, query, &fault, &steps.collect::<Result<Vec<_>>>()?, &mut found)?;
    fault.get().map_or(Ok(found), |reason| Err(Error::invalid(reason)))
}

/// How many events an index has.
fn all(events: &Events) -> u64 {
    events.base.len() + events.over.len()
}

/// Answers a funnel for the profiles of the chunks that are next.
fn by_chunk(
    reader: &Reader<'_>,
    query: &FunnelQuery,
    (indexes, next): (&[Arc<Option<Events>>], &AtomicU32),
    explain: bool,
) -> Result<Found> {
    let tests = indexes.iter().zip(&query.steps).filter_map(|(events, step)| {
        let rows = (&step.rows, None, step.text.as_str());
        event_test(reader, 0, rows, events.as_ref().as_ref()?, Wanted::Exists)
    });
    let tests: Vec<EventTest<'_>> = tests.collect();
    let mut found = Found::none(query);
    if tests.len() < query.steps.len() {
        return Ok(found);
    }
    let (fault, live) = (Flag::new(None), reader.state.alive());
    let machine = Machine::new(reader, (&[], &[]), &live, &fault, explain);
    let mut walk = is_plain(query).then(|| Walk::new(tests.len(), query.span));
    let (mut asked, mut some) = (Bits::empty(), Bits::empty());
    while reader.goes_on() {
        let chunk = next.fetch_add(1, Relaxed);
        if chunk >= live.chunks() {
            break;
        }
        live.fill(chunk, &mut asked);
        let asked = match &mut walk {
            Some(walk) => {
                some.clear();
                let apart = walk.chunk(&machine, &tests, (chunk, &asked), &mut found);
                apart.into_iter().for_each(|profile| some.insert(profile));
                &some
            }
            None => &asked,
        };
        if !asked.is_empty() {
            let steps = tests.iter().map(|test| of_chunk(test, &machine, chunk, asked));
            try_all(reader, query, &fault, &steps.collect::<Vec<_>>(), &mut found)?;
        }
    }
    reader.check()?;
    fault.get().map_or(Ok(found), |reason| Err(Error::invalid(reason)))
}

/// Whether no step looks at another.
fn is_plain(query: &FunnelQuery) -> bool {
    query.steps.iter().all(|step| step.between == Condition::TRUE)
}

impl Found {
    fn none(query: &FunnelQuery) -> Found {
        Found { through: RoaringBitmap::new(), reached: vec![0; query.steps.len()] }
    }

    /// Takes what was found in other chunks.
    fn join(&mut self, other: &Found) {
        self.through |= &other.through;
        self.reached.iter_mut().zip(&other.reached).for_each(|(own, other)| *own += other);
    }
}

/// Whether a profile goes through a funnel, whose steps have these events of it: when, and the numbers of their rows.
///
/// # Errors
/// `Limit`, as `funnel`.
pub(super) fn goes_through(
    reader: &Reader<'_>,
    query: &FunnelQuery,
    ordinal: Ordinal,
    steps: &[Vec<(Timestamp, u64)>],
    fault: &Flag<Option<Fault>>,
) -> Result<bool> {
    let of_step = |events: &Vec<(Timestamp, u64)>| {
        let candidate = |(time, index): &(Timestamp, u64)| Candidate {
            ordinal: ordinal.0,
            time: *time,
            index: *index,
        };
        let mut found: Vec<Candidate> = events.iter().map(candidate).collect();
        found.sort_unstable();
        found
    };
    let steps: Vec<Vec<Candidate>> = steps.iter().map(of_step).collect();
    let events = steps.iter().map(Vec::as_slice).collect();
    goes(reader, query, events, ordinal, fault)
}

fn goes<'a>(
    reader: &'a Reader<'a>,
    query: &'a FunnelQuery,
    events: Vec<&'a [Candidate]>,
    ordinal: Ordinal,
    fault: &'a Flag<Option<Fault>>,
) -> Result<bool> {
    if is_plain(query) {
        let times = |events: &&[Candidate]| events.iter().map(|event| event.time.0).collect();
        return Ok(follows(query.span, &events.iter().map(times).collect::<Vec<_>>()));
    }
    Search::new(reader, query, events, ordinal, fault).begin()
}

/// Tries the profiles that have events for all steps.
fn try_all(
    reader: &Reader<'_>,
    query: &FunnelQuery,
    fault: &Flag<Option<Fault>>,
    steps: &[(Vec<Candidate>, RoaringBitmap)],
    found: &mut Found,
) -> Result<()> {
    let mut common: Option<RoaringBitmap> = None;
    for ((_, profiles), reached) in steps.iter().zip(&mut found.reached) {
        *reached += profiles.len();
        common = Some(common.map_or_else(|| profiles.clone(), |common| common & profiles));
    }
    for ordinal in common.unwrap_or_default().into_iter().take_while(|_| reader.keeps_pace()) {
        let events: Vec<&[Candidate]> =
            steps.iter().map(|(all, _)| events_of(all, ordinal)).collect();
        if goes(reader, query, events, Ordinal(ordinal), fault)? {
            found.through.insert(ordinal);
        }
    }
    Ok(())
}

/// The events of profiles of a chunk that may be a step, in order, and the profiles that have one.
fn of_chunk<'a>(
    test: &EventTest<'a>,
    machine: &Machine<'a>,
    chunk: u32,
    asked: &Bits,
) -> (Vec<Candidate>, RoaringBitmap) {
    let (mut found, mut rest, mut apart) = (Vec::new(), asked.clone(), Vec::new());
    test.take_apart(chunk, &mut rest, &mut apart);
    let chunks = test.chunk(chunk);
    test.each(machine, chunk, &rest, |profile, at| {
        let ordinal = chunk << 16 | u32::from(profile);
        let Some(events) = chunks.get(at.side).copied().flatten() else { return };
        let event = events.times.get(at.place).zip(events.rows.get(at.place));
        found.extend(event.map(|(time, row)| Candidate {
            ordinal,
            time: Timestamp(*time),
            index: u64::from(*row),
        }));
    });
    for profile in apart {
        let ordinal = chunk << 16 | u32::from(profile);
        let rows = test.rows_of(machine, ordinal).into_iter();
        found.extend(rows.map(|(time, row)| Candidate { ordinal, time, index: u64::from(row) }));
    }
    found.sort_unstable();
    let profiles = found.iter().map(|candidate| candidate.ordinal).collect();
    (found, profiles)
}

/// The events that may be a step, in order, and the profiles that have one.
fn candidates(reader: &Reader<'_>, step: &FunnelStep) -> Result<(Vec<Candidate>, RoaringBitmap)> {
    let mut found = Vec::new();
    let mut profiles = RoaringBitmap::new();
    if let Some(table) = reader.events(step.rows.event) {
        each_row(reader, &step.rows, &mut |row, index| {
            if let Some(time) = time_of(table, index) {
                found.push(Candidate { ordinal: row.ordinal.0, time, index });
                profiles.insert(row.ordinal.0);
            }
            Ok(())
        })?;
    }
    found.sort_unstable();
    Ok((found, profiles))
}

/// The candidates of a profile.
fn events_of(all: &[Candidate], ordinal: u32) -> &[Candidate] {
    let from = all.partition_point(|c| c.ordinal < ordinal);
    let to = all.partition_point(|c| c.ordinal <= ordinal);
    all.get(from..to).unwrap_or_default()
}

/// The search in the events of one profile.
struct Search<'a> {
    query: &'a FunnelQuery,
    /// The events of each step, by time, and the table that they are in.
    steps: Vec<(&'a TableView, &'a [Candidate])>,
    /// For each step, which earlier ones it or a later one looks at.
    needs: Vec<Vec<usize>>,
    alone: Row<'a>,
    bound: Vec<Bound<'a>>,
    /// The event of each step so far, by its row.
    chosen: Vec<u64>,
    /// What was tried in vain, by the step, the end, and the events that are looked at: the least time of the event
    /// before. What comes after a later one is less.
    vain: HashMap<(usize, Timestamp, Vec<u64>), Timestamp>,
    tries: u64,
}

impl<'a> Search<'a> {
    fn new(
        reader: &'a Reader<'a>,
        query: &'a FunnelQuery,
        events: Vec<&'a [Candidate]>,
        ordinal: Ordinal,
        fault: &'a Flag<Option<Fault>>,
    ) -> Search<'a> {
        let tables = query.steps.iter().filter_map(|step| reader.events(step.rows.event));
        let looked_at = |step: usize, earlier: &usize| {
            let later = query.steps.iter().skip(step);
            later.into_iter().any(|s| s.looks_at.get(*earlier) == Some(&true))
        };
        let needs = (0..query.steps.len())
            .map(|step| (0..step).filter(|earlier| looked_at(step, earlier)).collect());
        Search {
            query,
            steps: tables.zip(events).collect(),
            needs: needs.collect(),
            alone: Row::new(reader, Known::default(), ordinal, fault),
            bound: Vec::new(),
            chosen: Vec::new(),
            vain: HashMap::new(),
            tries: 0,
        }
    }

    fn begin(mut self) -> Result<bool> {
        self.follows(0, Timestamp(i64::MIN), Timestamp(i64::MAX))
    }

    /// Whether a step and all later ones follow an event before a time, up to an end.
    fn follows(&mut self, step: usize, after: Timestamp, end: Timestamp) -> Result<bool> {
        let Some((of, (table, events))) =
            self.query.steps.get(step).zip(self.steps.get(step).copied())
        else {
            return Ok(true);
        };
        let needs = self.needs.get(step).map_or(&[][..], Vec::as_slice);
        let seen = needs.iter().filter_map(|earlier| self.chosen.get(*earlier).copied()).collect();
        let here = (step, end, seen);
        if self.vain.get(&here).is_some_and(|least| *least <= after) {
            return Ok(false);
        }
        // Where all earlier events are looked at, no two ways lead to the same place.
        let remember = needs.len() < step;
        // When no later step looks at this one, and it is not the one that says when the end is, its first event is as
        // good as any.
        let first_alone =
            step > 0 && !self.needs.get(step + 1).is_some_and(|needs| needs.contains(&step));
        let from = events.partition_point(|event| event.time <= after);
        for event in events.iter().skip(if step == 0 { 0 } else { from }) {
            if event.time > end {
                break;
            }
            self.tries += 1;
            if self.tries > FUNNEL_TRIES_MAX {
                let message = "a profile has too many events for steps that are bound to each \
                               other; bind fewer steps, or narrow them by conditions of their own";
                return Err(Error::limit(message).at(self.query.at));
            }
            let Some(located) = table.locate(event.index) else { continue };
            bind(&self.alone, &of.rows, located, &mut self.bound);
            let row = Row { bound: &self.bound, ..self.alone };
            if row.holds(&of.between) != Some(true) {
                continue;
            }
            let end = if step == 0 { end_of(event.time, self.query.span) } else { end };
            self.chosen.truncate(step);
            self.chosen.push(event.index);
            if self.follows(step + 1, event.time, end)? {
                return Ok(true);
            }
            if first_alone {
                break;
            }
        }
        if remember {
            self.vain.insert(here, after);
        }
        Ok(false)
    }
}
