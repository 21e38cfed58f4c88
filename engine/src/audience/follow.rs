//! Funnels whose steps know nothing of each other: one walk over the events of all profiles of a chunk, in order of
//! time.
//!
//! *Why it is right:* of all chains of a profile that have come to a step, the one that may last longest may do
//! whatever the others may, so that its end alone need be known. It need not be the chain that began last: January 30
//! at noon and January 31 at six both end on the last of February after a month, the later one earlier.

use super::funnel::Found;
use super::program::{EventTest, Machine, set_of};
use crate::base::bits::Bits;
use crate::base::time::{Span, Timestamp};

/// The end of a chain that did not come to a step: no event is before it.
const NEVER: i64 = i64::MIN;

/// The last instant of a span that begins with an event. A span that leads out of the calendar never ends.
pub(super) fn end_of(begin: Timestamp, span: Span) -> Timestamp {
    begin.checked_add(span).unwrap_or(Timestamp(i64::MAX))
}

/// An event of a step: when, and whose it is within the chunk.
type Event = (i64, u16);

/// How far the profiles of a chunk have come.
pub(super) struct Walk {
    span: Span,
    /// For each step but the last, and each profile, when the chain that lasts longest ends.
    ends: Vec<Vec<i64>>,
    events: Vec<Vec<Event>>,
}

impl Walk {
    /// A walk through so many steps, all within a span.
    pub(super) fn new(steps: usize, span: Span) -> Walk {
        let ends = vec![vec![NEVER; 1 << 16]; steps.saturating_sub(1)];
        Walk { span, ends, events: vec![Vec::new(); steps] }
    }

    /// Takes the profiles of a chunk through the steps, but for those that are answered apart, which it gives. Where
    /// steps are explained it counts who has an event for each, also of those who have none for an earlier one.
    pub(super) fn chunk<'a>(
        &mut self,
        machine: &Machine<'a>,
        tests: &[EventTest<'a>],
        (chunk, asked): (u32, &Bits),
        found: &mut Found,
    ) -> Vec<u16> {
        let (mut rest, mut apart) = (asked.clone(), Vec::new());
        tests.iter().for_each(|test| test.take_apart(chunk, &mut rest, &mut apart));
        let mut seen = Bits::empty();
        let mut within = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        // A step whose events may have no answer is asked of everybody: what nobody needs may not hide that.
        let narrows = !machine.explain && !tests.iter().any(EventTest::can_fail);
        for ((test, events), reached) in tests.iter().zip(&mut self.events).zip(&mut found.reached)
        {
            events.clear();
            seen.clear();
            let times = test.chunk(chunk).map(|of| of.map_or(&[][..], |of| of.times.as_slice()));
            test.each_within(machine, chunk, &rest, within, |profile, at| {
                let time = times.get(at.side).and_then(|times| times.get(at.place));
                seen.insert(profile);
                events.extend(time.map(|time| (*time, profile)));
            });
            // Those of files stand before those of parts in memory.
            if !events.is_sorted_by_key(|(time, _)| *time) {
                events.sort_by_key(|(time, _)| *time);
            }
            *reached += u64::from(seen.count());
            if narrows {
                // Later steps are asked of those alone that have come so far, and of the times that they may have.
                rest.copy_from(&seen);
                let after = events.first().map_or(i64::MAX, |(time, _)| time.saturating_add(1));
                within.0 = within.0.max(Timestamp(after));
                if within.1.0 == i64::MAX && self.span.months == 0 {
                    let last = events.last().map_or(i64::MIN, |(time, _)| *time);
                    within.1 = end_of(Timestamp(last), self.span);
                }
            }
        }
        seen.clear();
        self.follow(&mut seen);
        if !seen.is_empty() {
            found.through |= set_of(chunk, &seen);
        }
        apart
    }

    /// Puts in the profiles that come through, by the events of each step in order of time.
    fn follow(&mut self, through: &mut Bits) {
        let mut next = vec![0; self.events.len()];
        while let Some((step, (time, profile))) = earliest(&self.events, &mut next) {
            let place = usize::from(profile);
            let end = match step.checked_sub(1) {
                None => end_of(Timestamp(time), self.span).0,
                Some(before) => {
                    self.ends.get(before).and_then(|ends| ends.get(place)).copied().unwrap_or(NEVER)
                }
            };
            if end == NEVER || time > end {
                continue;
            }
            match self.ends.get_mut(step).and_then(|ends| ends.get_mut(place)) {
                Some(slot) => *slot = end.max(*slot),
                None => through.insert(profile),
            }
        }
        for (ends, events) in self.ends.iter_mut().zip(&self.events) {
            for (_, profile) in events {
                if let Some(end) = ends.get_mut(usize::from(*profile)) {
                    *end = NEVER;
                }
            }
        }
    }
}

/// The next event of all steps. At one instant the later steps come first: an event never follows one of its own time.
#[inline]
fn earliest(events: &[Vec<Event>], next: &mut [usize]) -> Option<(usize, Event)> {
    let mut found: Option<(usize, Event)> = None;
    for (step, (events, next)) in events.iter().zip(&*next).enumerate().rev() {
        if let Some(event) = events.get(*next)
            && found.is_none_or(|(_, (time, _))| event.0 < time)
        {
            found = Some((step, *event));
        }
    }
    if let Some(next) = found.and_then(|(step, _)| next.get_mut(step)) {
        *next += 1;
    }
    found
}

/// Whether a profile comes through, by the instants of its events of each step, in order.
pub(super) fn follows(span: Span, steps: &[Vec<i64>]) -> bool {
    let mut times: Vec<(i64, usize)> = Vec::new();
    for (step, instants) in steps.iter().enumerate() {
        times.extend(instants.iter().map(|time| (*time, step)));
    }
    times.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut ends: Vec<Option<Timestamp>> = vec![None; steps.len()];
    for (time, step) in times {
        let end = match step.checked_sub(1) {
            None => Some(end_of(Timestamp(time), span)),
            Some(before) => ends.get(before).copied().flatten(),
        };
        let Some(end) = end.filter(|end| time <= end.0) else { continue };
        if step + 1 == steps.len() {
            return true;
        }
        if let Some(slot) = ends.get_mut(step) {
            *slot = (*slot).max(Some(end));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;

    /// The definition itself: all ways to choose an event for each step.
    fn stupid(span: Span, steps: &[Vec<i64>], begin: Option<i64>, last: i64) -> bool {
        let Some((events, rest)) = steps.split_first() else { return true };
        events.iter().any(|time| {
            let begin = begin.unwrap_or(*time);
            *time > last
                && *time <= end_of(Timestamp(begin), span).0
                && stupid(span, rest, Some(begin), *time)
        })
    }

    #[test]
    fn steps_follow_as_the_definition_says() {
        let mut random = Rng(11);
        let mut through = 0;
        for _ in 0..4_000 {
            let count = random.below(4) + 2;
            let span = Span { months: 0, micros: random.below(15) as i64 };
            let mut walk = Walk::new(count, span);
            // Two walks, one after the other, with the same memory.
            for _ in 0..2 {
                let profiles: Vec<Vec<Vec<i64>>> = (0..5)
                    .map(|_| {
                        let instants = |random: &mut Rng| {
                            let count = random.below(5);
                            let mut all: Vec<i64> =
                                (0..count).map(|_| random.below(20) as i64).collect();
                            all.sort_unstable();
                            all
                        };
                        (0..count).map(|_| instants(&mut random)).collect()
                    })
                    .collect();
                for (step, events) in walk.events.iter_mut().enumerate() {
                    events.clear();
                    for (profile, steps) in (0..).zip(&profiles) {
                        events.extend(steps[step].iter().map(|time| (*time, profile)));
                    }
                    events.sort_unstable();
                }
                let mut found = Bits::empty();
                walk.follow(&mut found);
                for (profile, steps) in (0..).zip(&profiles) {
                    let expected = stupid(span, steps, None, i64::MIN);
                    assert_eq!(follows(span, steps), expected, "{steps:?} within {span:?}");
                    assert_eq!(found.contains(profile), expected, "{steps:?} within {span:?}");
                    through += u32::from(expected);
                }
            }
        }
        assert!(through > 2000, "{through} funnels are too few to tell");
    }
}
