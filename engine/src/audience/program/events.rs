//! A condition on the events of profiles: whether there is one, how many, or what they add up to.
//!
//! The events of a chunk of profiles stand in the order of time, so a window is one stretch of them. Conditions on
//! one property and a constant are tested over the property's values in the same order; what is left is asked row by
//! row. Profiles that have other identifiers than the index says, and sums beyond 64 bits, are answered from their
//! rows.

use super::super::aggregate::Answers;
use super::super::ast::{Aggregate, Comparison};
use super::super::resolved::{AggregateOf, Rows, Scalar};
use super::super::row::{Row, bind};
use super::machine::{Asked, Machine, ordinal};
use super::measure::{Measure, property_of};
use super::tests::Tests;
use crate::base::bits::{Bits, WORDS};
use crate::base::ids::Ordinal;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::column::Cell;
use crate::event::{EventChunk, EventIndex, Ordered, TablePart, TableView};
use crate::index::KeyRange;
use crate::state::Events;
use std::cell::Cell as Flag;
use std::ops::Range;
use std::sync::Arc;

/// Of fewer events than these each is tested by itself: a kernel has a whole chunk of bits to fill.
const ONE_BY_ONE: usize = 256;

/// Events that are looked at together, for those of them that are of profiles that are asked about.
const TOGETHER: usize = 256;

/// Every row of a chunk.
static ALL: Bits = Bits([u64::MAX; WORDS]);

/// What is asked of the events that pass.
#[derive(Clone, Copy)]
pub(in super::super) enum Wanted<'a> {
    /// That there is one.
    Exists,
    /// How what is computed of them compares with a constant.
    Compare(Comparison, &'a Value),
    /// What is computed of them, for a condition that asks more.
    Value,
}

/// Where an event is in its index.
#[derive(Clone, Copy)]
pub(in super::super) struct At {
    /// 0 for files, 1 for parts in memory.
    pub side: usize,
    /// The place among the events of a chunk.
    pub place: usize,
}

/// A condition on the events of profiles.
pub(in super::super) struct EventTest<'a> {
    /// The number of the subquery, and the subquery in words.
    pub number: usize,
    pub text: &'a str,
    pub rows: &'a Rows,
    pub aggregate: Option<&'a AggregateOf>,
    pub(super) table: &'a TableView,
    pub(super) events: &'a Events,
    pub(super) tests: Tests<'a>,
    pub(super) wanted: Wanted<'a>,
    /// What is measured, when that has a quick form; and the keys of it that make the condition true, and whether all
    /// others do instead.
    pub(super) measure: Option<Measure>,
    pub(super) range: Option<(KeyRange, bool)>,
    /// The values of the property that is computed with, of files and of parts in memory.
    pub(super) values: Option<[Arc<Ordered>; 2]>,
    /// How many events were looked at, and for how many profiles one passed.
    pub looked: Flag<u64>,
    pub found: Flag<u64>,
}

impl<'a> EventTest<'a> {
    /// About how much work it is.
    pub(super) fn weight(&self) -> u64 {
        self.events.base.len() + self.events.over.len()
    }

    /// How many times as long as a count a look at an event takes, about.
    pub(super) fn dearness(&self) -> u64 {
        match (&self.wanted, self.measure.as_ref().zip(self.range)) {
            _ if self.tests.by_row => 20,
            (Wanted::Exists, _) => 1,
            (_, Some((measure, (range, _)))) if measure.counts_by_bytes(range) => 1,
            (_, Some(_)) => 3,
            _ => 20,
        }
    }

    /// Whether a look at an event may fail, or what is computed of them.
    pub(in super::super) fn can_fail(&self) -> bool {
        let computed = self.aggregate.is_some_and(|of| {
            let plain = |value: &Scalar| property_of(value, self.rows.slot).is_some();
            let sum = matches!(of.aggregate, Aggregate::Sum | Aggregate::Average);
            sum || !of.value.as_ref().is_none_or(plain)
        });
        self.tests.by_row || computed
    }

    /// Whether it is true or false of every profile.
    pub(super) fn is_total(&self) -> bool {
        matches!(self.wanted, Wanted::Exists) || self.counts()
    }

    /// Takes note of what was looked at.
    pub(super) fn note(&self, looked: usize, found: u32) {
        self.looked.set(self.looked.get() + looked as u64);
        self.found.set(self.found.get() + u64::from(found));
    }

    fn sides(&self) -> [&'a EventIndex; 2] {
        [&self.events.base, &self.events.over]
    }

    /// The events of a chunk, of each side.
    pub(in super::super) fn chunk(&self, chunk: u32) -> [Option<&'a EventChunk>; 2] {
        self.sides().map(|side| side.chunk(chunk))
    }

    /// Shows the events that pass, of profiles of a chunk that are asked about: the profile, and where the event is.
    #[inline(always)]
    pub(in super::super) fn each(
        &self,
        machine: &Machine<'a>,
        chunk: u32,
        asked: &Bits,
        see: impl FnMut(u16, At),
    ) {
        self.each_within(machine, chunk, asked, self.tests.window, see);
    }

    /// The same of those from one instant to another, both included.
    #[inline(always)]
    pub(in super::super) fn each_within(
        &self,
        machine: &Machine<'a>,
        chunk: u32,
        asked: &Bits,
        (from, to): (Timestamp, Timestamp),
        mut see: impl FnMut(u16, At),
    ) {
        let all = asked.count() == 1 << 16;
        let (from, to) = (from.max(self.tests.window.0), to.min(self.tests.window.1));
        for (events, side) in self.chunk(chunk).into_iter().zip(0..) {
            let Some(events) = events else { continue };
            let window = events.window(from, to);
            self.note(window.len(), 0);
            if !self.tests.is_empty() {
                self.each_passing(machine, (events, side, chunk), (window, asked), &mut see);
                continue;
            }
            let profiles = events.profiles.get(window.clone()).unwrap_or_default();
            if all {
                let places = profiles.iter().zip(window);
                places.for_each(|(profile, place)| see(*profile, At { side, place }));
                continue;
            }
            for (profiles, first) in profiles.chunks(TOGETHER).zip(window.step_by(TOGETHER)) {
                // Whether an event is of one who is asked about is as good as random: nothing branches on it.
                let (mut of_asked, mut count) = ([0_u8; TOGETHER], 0);
                for (profile, at) in profiles.iter().zip(0..=u8::MAX) {
                    of_asked.get_mut(count).into_iter().for_each(|slot| *slot = at);
                    count += usize::from(asked.contains(*profile));
                }
                for at in of_asked.iter().take(count).map(|at| usize::from(*at)) {
                    let Some(profile) = profiles.get(at) else { continue };
                    see(*profile, At { side, place: first + at });
                }
            }
        }
    }

    /// The same of events of one side that are tested.
    fn each_passing(
        &self,
        machine: &Machine<'a>,
        (events, side, chunk): (&'a EventChunk, usize, u32),
        (window, asked): (Range<usize>, &Bits),
        see: &mut impl FnMut(u16, At),
    ) {
        let passing = self.tests.over(side, chunk);
        let mut take = |place: usize| {
            let profile = events.profiles.get(place).copied().unwrap_or_default();
            if asked.contains(profile) && self.rest_passes(machine, (chunk, events, place)) {
                see(profile, At { side, place });
            }
        };
        if window.len() < ONE_BY_ONE {
            return window.filter(|place| passing.holds(*place)).for_each(take);
        }
        let (mut spare, mut found) = ([Bits::empty(), Bits::empty()], Bits::empty());
        // Places of a stretch begin at a whole word of the bits that say which events have a value.
        for first in (window.start & !63..window.end).step_by(1 << 16) {
            passing.stretch((first, window.end.min(first + (1 << 16))), &mut spare, &mut found);
            found.each(|at| {
                let place = first + usize::from(at);
                if place >= window.start {
                    take(place);
                }
            });
        }
    }

    /// Makes `out` those of the profiles that are asked about of which it is `wanted`.
    pub(super) fn select(
        &self,
        machine: &mut Machine<'a>,
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) {
        let (mut apart, mut rest) = (Vec::new(), machine.take());
        rest.copy_from(asked.rows);
        self.take_apart(chunk, &mut rest, &mut apart);
        match (&self.wanted, self.measure.as_ref().zip(self.range)) {
            (Wanted::Exists, _) => {
                out.clear();
                // To ask about everybody and to take some is quicker than to ask about each.
                if self.tests.is_empty() {
                    self.each(machine, chunk, &ALL, |profile, _| out.insert(profile));
                    out.and(&rest);
                } else {
                    self.each(machine, chunk, &rest, |profile, _| out.insert(profile));
                }
                self.noted(machine, out);
                turn(wanted, &rest, out);
            }
            (_, Some((measure, (range, turned)))) if measure.counts_by_bytes(range) => {
                self.counted(machine, measure, range, chunk, &rest, out);
                turn(wanted != turned, &rest, out);
            }
            (_, Some((measure, range))) => {
                let mut found = self.measured(machine, measure, chunk, &rest, &mut apart);
                found.take_in_range(range, wanted, &rest, out);
                machine.counters.give(found);
            }
            _ => self.compared(machine, wanted, chunk, &rest, (out, &mut apart)),
        }
        apart.sort_unstable();
        apart.dedup();
        for row in apart {
            out.remove(row);
            if self.holds(machine, ordinal(chunk, row)) == Some(wanted) {
                out.insert(row);
            }
        }
        machine.give(rest);
    }

    /// Takes note of how many profiles had an event that passed.
    pub(super) fn noted(&self, machine: &Machine<'a>, seen: &Bits) {
        if machine.explain {
            self.note(0, seen.count());
        }
    }

    /// By the answers of all profiles that have an event that passes.
    fn compared(
        &self,
        machine: &mut Machine<'a>,
        wanted: bool,
        chunk: u32,
        rest: &Bits,
        (out, apart): (&mut Bits, &mut Vec<u16>),
    ) {
        let (answers, mut seen) = self.answers(machine, chunk, rest, apart);
        out.clear();
        // Of those without an event the answer is one: none, or nothing.
        let nobody = Answers::Some {
            first: 0,
            places: Vec::new(),
            answers: Box::new(Answers::Count(Vec::new())),
            counts: answers.counts(),
        };
        if self.truth(&nobody, Ordinal(0)) == Some(wanted) {
            out.copy_from(rest);
            out.and_not(&seen);
        }
        seen.and(rest);
        seen.each(|row| {
            if self.truth(&answers, Ordinal(ordinal(chunk, row))) == Some(wanted) {
                out.insert(row);
            }
        });
        if let Answers::Measured(used) = answers {
            machine.counters.give(used);
        }
        machine.give(seen);
    }

    /// Takes the profiles out that have other identifiers than the index says: they are answered from their rows.
    pub(in super::super) fn take_apart(&self, chunk: u32, rest: &mut Bits, apart: &mut Vec<u16>) {
        let first = ordinal(chunk, 0);
        let moved = self.events.moved.range(first..=first | 0xffff).map(|ordinal| ordinal as u16);
        for row in moved {
            if rest.contains(row) {
                rest.remove(row);
                apart.push(row);
            }
        }
    }

    /// The truth of a comparison by an answer.
    pub(super) fn truth(&self, answers: &Answers, of: Ordinal) -> Option<bool> {
        match &self.wanted {
            Wanted::Compare(comparison, constant) => {
                let order = answers.value(of).compare(Cell::of(constant));
                order.map(|order| comparison.holds(order))
            }
            Wanted::Exists | Wanted::Value => Some(answers.exists(of)),
        }
    }

    /// The truth for one profile, from its rows.
    pub(super) fn holds(&self, machine: &mut Machine<'a>, of: u32) -> Option<bool> {
        let answers = self.answers_of(machine, of);
        self.truth(&answers, Ordinal(of))
    }

    /// Whether an event of the index that passes the quick tests passes the others.
    #[inline]
    fn rest_passes(
        &self,
        machine: &Machine<'a>,
        (chunk, events, place): (u32, &EventChunk, usize),
    ) -> bool {
        !self.tests.by_row || {
            let profile = events.profiles.get(place).copied().unwrap_or_default();
            let number = events.rows.get(place).copied().unwrap_or(u32::MAX);
            let event = self.table.locate(u64::from(number));
            let profile = Ordinal(ordinal(chunk, profile));
            event.is_some_and(|event| self.row_passes(machine, profile, event, true))
        }
    }

    /// Whether an event is a row of the subquery; with `rest` only what tests did not ask is asked.
    pub(super) fn row_passes(
        &self,
        machine: &Machine<'a>,
        profile: Ordinal,
        event: (&'a TablePart, u32),
        rest: bool,
    ) -> bool {
        let mut bound = Vec::new();
        let alone = machine.row(profile.0);
        if !bind(&alone, self.rows, event, &mut bound) {
            return false;
        }
        let whole = Row { bound: &bound, ..alone };
        if !rest {
            return whole.holds(&self.rows.filter) == Some(true);
        }
        self.tests.rest.iter().all(|condition| whole.holds(condition) == Some(true))
    }
}

/// Of the rows that something is true of makes those of some that it is `wanted` of.
fn turn(wanted: bool, asked: &Bits, rows: &mut Bits) {
    if wanted {
        return rows.and(asked);
    }
    let mut rest = asked.clone();
    rest.and_not(rows);
    rows.copy_from(&rest);
}
