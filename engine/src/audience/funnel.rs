//! Funnels: for each profile, whether events follow one another, each later than the one before, all within a span of
//! the first.
//!
//! *What it is:* for each chunk of profiles the events of each step, and then a search in the events of each profile.
//! Steps that know nothing of each other need one walk over their events in order of time; steps that are bound to
//! earlier ones are tried one after another, and what was tried in vain is remembered. *Invariants:* exact, both ways;
//! never unknown. *Where to start reading:* `funnel`.

use super::aggregate::{Known, each_row, time_of};
use super::money::Fault;
use super::program::{EventTest, Machine, Wanted, event_test};
use super::resolved::{Condition, FunnelQuery, FunnelStep};
use super::row::{Bound, Row, bind};
use crate::base::bits::Bits;
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::limits::FUNNEL_TRIES_MAX;
use crate::base::time::{Span, Timestamp};
use crate::event::TableView;
use crate::state::Reader;
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;
use std::collections::HashMap;

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
    /// How many profiles have an event for each step.
    pub reached: Vec<u64>,
}

/// Answers a funnel for all profiles.
///
/// # Errors
/// `Invalid` when a number or a time overflows; `Limit` when steps are bound to each other and one profile has too many
/// events to try them all.
pub fn funnel(reader: &Reader<'_>, query: &FunnelQuery) -> Result<Found> {
    let indexes = query.steps.iter().map(|s| reader.state.event_index(s.rows.event, reader));
    let indexes = indexes.collect::<Result<Vec<_>>>()?;
    let tests = indexes.iter().zip(&query.steps).map(|(events, step)| {
        let rows = (&step.rows, None, step.text.as_str());
        event_test(reader, 0, rows, events.as_ref().as_ref()?, Wanted::Exists)
    });
    let fault = Flag::new(None);
    let mut found = Found { through: RoaringBitmap::new(), reached: vec![0; query.steps.len()] };
    match tests.collect::<Option<Vec<EventTest<'_>>>>() {
        Some(tests) => {
            let live = reader.state.alive();
            let machine = Machine::new(reader, (&[], &[]), &live, &fault, false);
            let mut asked = Bits::empty();
            for chunk in (0..live.chunks()).take_while(|_| reader.goes_on()) {
                live.fill(chunk, &mut asked);
                let steps = tests.iter().map(|test| of_chunk(test, &machine, chunk, &asked));
                try_all(reader, query, &fault, &steps.collect::<Vec<_>>(), &mut found)?;
            }
        }
        None => {
            let steps = query.steps.iter().map(|step| candidates(reader, step));
            try_all(reader, query, &fault, &steps.collect::<Result<Vec<_>>>()?, &mut found)?;
        }
    }
    fault.get().map_or(Ok(found), |reason| Err(Error::invalid(reason)))
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
    if query.steps.iter().all(|step| step.between == Condition::TRUE) {
        return Ok(follows(query.span, &events));
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
    test.each(machine, chunk, &rest, |profile, at| {
        let ordinal = chunk << 16 | u32::from(profile);
        let time = at.events.times.get(at.place).copied().unwrap_or_default();
        found.push(Candidate { ordinal, time: Timestamp(time), index: u64::from(at.row()) });
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

/// The last instant of a span that begins with an event. A span that leads out of the calendar never ends.
fn end_of(begin: Timestamp, span: Span) -> Timestamp {
    begin.checked_add(span).unwrap_or(Timestamp(i64::MAX))
}

/// Whether steps that know nothing of each other follow one another.
///
/// Of all chains that have come to a step, the one that may last longest may do whatever the others may, so it alone
/// need be known. It need not be the one that began last: January 30 at noon and January 31 at six both end on the last
/// of February after a month, the later one earlier.
fn follows(span: Span, steps: &[&[Candidate]]) -> bool {
    let mut times: Vec<(Timestamp, usize)> = Vec::new();
    for (step, events) in steps.iter().enumerate() {
        times.extend(events.iter().map(|event| (event.time, step)));
    }
    // At one instant the later steps come first: an event never follows one of its own time.
    times.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut ends: Vec<Option<Timestamp>> = vec![None; steps.len()];
    for (time, step) in times {
        let end = match step.checked_sub(1) {
            None => Some(end_of(time, span)),
            Some(before) => ends.get(before).copied().flatten(),
        };
        let Some(end) = end.filter(|end| time <= *end) else { continue };
        if step + 1 == steps.len() {
            return true;
        }
        if let Some(slot) = ends.get_mut(step) {
            *slot = (*slot).max(Some(end));
        }
    }
    false
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
            alone: Row { reader, answers: Known::default(), ordinal, bound: &[], fault },
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition itself: all ways to choose an event for each step.
    fn stupid(span: Span, steps: &[Vec<Candidate>], begin: Option<Timestamp>, last: i64) -> bool {
        let Some((events, rest)) = steps.split_first() else { return true };
        events.iter().any(|event| {
            let begin = begin.unwrap_or(event.time);
            event.time.0 > last
                && event.time <= end_of(begin, span)
                && stupid(span, rest, Some(begin), event.time.0)
        })
    }

    #[test]
    fn steps_follow_as_the_definition_says() {
        let mut state = 11_u64;
        let mut next = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let mut through = 0;
        for _ in 0..20_000 {
            let steps: Vec<Vec<Candidate>> = (0..next(4) + 2)
                .map(|_| {
                    let mut events: Vec<Candidate> = (0..next(5))
                        .map(|index| Candidate {
                            ordinal: 0,
                            time: Timestamp(next(20).cast_signed()),
                            index,
                        })
                        .collect();
                    events.sort_unstable();
                    events
                })
                .collect();
            let span = Span { months: 0, micros: next(15).cast_signed() };
            let slices: Vec<&[Candidate]> = steps.iter().map(Vec::as_slice).collect();
            let expected = stupid(span, &steps, None, i64::MIN);
            assert_eq!(follows(span, &slices), expected, "{steps:?} within {span:?}");
            through += u32::from(expected);
        }
        assert!(through > 2000, "{through} funnels are too few to tell");
    }
}
