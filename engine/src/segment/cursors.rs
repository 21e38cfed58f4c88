//! Whom time alone concerns: an event leaves a window, a day of a contract comes.
//!
//! *What it is:* for each pair of an event type and a moment such as `now() - INTERVAL '30 days'` a cursor over the
//! events in the order of time, for each pair of a trait and a moment another. *Invariants:* between two clocks exactly
//! those may change who have an event, or a value, between the moments of both; so nothing is kept for each member, and
//! a restart or a jump loses nothing. *Where to start reading:* `Cursors::moved`.

use super::concerned::{Concerned, Why};
use crate::audience::{Moves, Scalar, between, instant, moment};
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::state::{Reader, State};

/// A cursor over the events of a type.
#[derive(Debug)]
struct EventCursor {
    event: usize,
    moment: Scalar,
    rules: Vec<usize>,
    /// The first event at or behind the moment, when that is known; the end of time when there is none.
    next: Option<Timestamp>,
}

/// What time changes.
#[derive(Debug, Default)]
pub struct Cursors {
    events: Vec<EventCursor>,
    traits: Vec<(usize, Scalar, Vec<usize>)>,
    /// Moments that stand in other places.
    others: Vec<(Scalar, Vec<usize>)>,
}

impl Cursors {
    /// Adds what moves a rule.
    pub fn add(&mut self, rule: usize, moves: &Moves) {
        for (event, moment) in &moves.events {
            let known = self.events.iter_mut().find(|c| c.event == *event && c.moment == *moment);
            match known {
                Some(cursor) => cursor.rules.push(rule),
                None => self.events.push(EventCursor {
                    event: *event,
                    moment: moment.clone(),
                    rules: vec![rule],
                    next: None,
                }),
            }
        }
        for (number, moment) in &moves.traits {
            let known = self.traits.iter_mut().find(|(n, m, _)| n == number && m == moment);
            match known {
                Some((.., rules)) => rules.push(rule),
                None => self.traits.push((*number, moment.clone(), vec![rule])),
            }
        }
        for moment in &moves.others {
            match self.others.iter_mut().find(|(known, _)| known == moment) {
                Some((_, rules)) => rules.push(rule),
                None => self.others.push((moment.clone(), vec![rule])),
            }
        }
    }

    /// Takes note that there are new events of a type, of which this is the first.
    pub fn arrived(&mut self, event: usize, first: Timestamp) {
        for cursor in self.events.iter_mut().filter(|cursor| cursor.event == event) {
            cursor.next = cursor.next.map(|next| next.min(first));
        }
    }

    /// Names whom time concerns between two clocks, both of them whole seconds.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn moved(
        &mut self,
        (state, workers): (&State, &Workers),
        (before, after): (&Reader<'_>, &Reader<'_>),
        concerned: &mut Concerned,
    ) -> Result<()> {
        for cursor in &mut self.events {
            let moments = (at(before, &cursor.moment), at(after, &cursor.moment));
            let (Some(from), Some(to)) = moments else {
                cursor.rules.iter().for_each(|rule| concerned.everybody(*rule));
                continue;
            };
            if to >= from && cursor.next.is_some_and(|next| next > to) {
                continue;
            }
            let owners = after.owners_between(cursor.event, (from.min(to), from.max(to)));
            cursor.next = Some(after.next_event(cursor.event, to).unwrap_or(Timestamp(i64::MAX)));
            cursor.rules.iter().for_each(|rule| concerned.add(*rule, &owners, Why::Time));
        }
        for (number, of, rules) in &self.traits {
            let (from, to) = (moment(before, of), moment(after, of));
            if from == to {
                continue;
            }
            let (Some(from), Some(to)) = (from, to) else {
                rules.iter().for_each(|rule| concerned.everybody(*rule));
                continue;
            };
            let owners = between(state, workers, *number, (from, to))?;
            rules.iter().for_each(|rule| concerned.add(*rule, &owners, Why::Time));
        }
        for (of, rules) in &self.others {
            if moment(before, of) != moment(after, of) {
                rules.iter().for_each(|rule| concerned.everybody(*rule));
            }
        }
        Ok(())
    }
}

fn at(reader: &Reader<'_>, of: &Scalar) -> Option<Timestamp> {
    moment(reader, of).as_ref().and_then(instant)
}
