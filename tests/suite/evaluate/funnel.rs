//! A funnel, by trying every choice of events.

use super::{Fault, Row, Slot};
use crate::ast::{Events, Interval};
use crate::calendar;
use crate::oracle::Event;

impl<'a> Row<'a> {
    /// Whether there are events, one for each step, in strictly increasing time, the last no later than the interval
    /// after the first. It is never unknown. What an engine looks at on the way is its own affair, so every fault is a
    /// doubt.
    pub(super) fn funnel(
        &self,
        within: &Interval,
        steps: &[Events],
    ) -> Result<Option<bool>, Fault> {
        let found = self.chain(within, steps, None);
        self.alone(steps);
        Ok(Some(found))
    }

    /// Asks each step about all events, with earlier steps that are nothing but NULL: an engine may ask a step before
    /// it knows whether those before it have events.
    fn alone(&self, steps: &[Events]) {
        let nothing = Event { message_id: Some(String::new()), ..Event::default() };
        let (mut scope, mut slots) = (self.scope.clone(), self.slots.to_vec());
        for step in steps {
            let inner = scope.inside(step);
            let row = Row { slots: &slots, scope: &scope, ..*self };
            let own = self.person.events.get(&step.event.to_lowercase());
            for event in own.into_iter().flatten() {
                if let Err(fault) = row.joined(event, step, &inner) {
                    self.notes.masked(fault);
                }
            }
            slots.push(Slot::Event(&nothing));
            slots.extend(step.joins.iter().map(|_| Slot::Entity(None)));
            scope = inner;
        }
    }

    /// Whether the remaining steps can follow; `begun` has the time of the event before, and the end.
    fn chain(&self, within: &Interval, steps: &[Events], begun: Option<(i64, i64)>) -> bool {
        let Some((step, rest)) = steps.split_first() else { return true };
        let scope = self.scope.inside(step);
        let own = self.person.events.get(&step.event.to_lowercase());
        let mut found = false;
        for event in own.into_iter().flatten() {
            let slots: Vec<Slot<'a>> = match self.joined(event, step, &scope) {
                Ok(Some(slots)) => slots,
                Ok(None) => continue,
                Err(fault) => {
                    self.notes.masked(fault);
                    continue;
                }
            };
            let end = match begun {
                Some((before, end)) if before < event.time && event.time <= end => end,
                Some(_) => continue,
                None => match calendar::shift_all(event.time, within) {
                    (Some(end), false) => end,
                    _ => {
                        self.notes.doubt();
                        continue;
                    }
                },
            };
            let row = Row { slots: &slots, scope: &scope, ..*self };
            found |= row.chain(within, rest, Some((event.time, end)));
        }
        found
    }
}
