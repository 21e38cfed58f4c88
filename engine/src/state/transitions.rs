//! Transitions of segments as events of the profiles: of those segments whose definition says so.
//!
//! *Invariant:* an event is a fold of what was told, like any other; it belongs to the identifier whose id was told,
//! and so goes with it when profiles are joined and split.

use super::apply::{Fact, RecordContext};
use super::fields::Owner;
use super::{Fold, State};
use crate::base::error::Result;
use crate::base::value::ValueType;
use crate::catalog::folded;
use crate::entry::ToldEntry;
use crate::identity::PublicId;
use crate::record::{ENTERED, LEFT, transition};
use std::sync::Arc;

impl State {
    /// Whether the transitions of a segment are events.
    pub fn are_events(&self, segment: &str) -> bool {
        !self.hindsight.evented.is_empty() && self.hindsight.evented.contains(&folded(segment))
    }

    /// Whether the transitions of any segment are events.
    pub fn makes_events(&self) -> bool {
        !self.hindsight.evented.is_empty()
    }

    /// Makes the types of such events known, so that they can be asked about before there is one.
    pub(super) fn know_transitions(&mut self) {
        if self.hindsight.evented.is_empty() || self.catalog.events().find(LEFT).is_some() {
            return;
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        for event in [ENTERED, LEFT] {
            // Where there is no room for them, no such segment is defined.
            let Ok(number) = catalog.event_number(event) else { return };
            let Some(fields) = catalog.properties_mut(number) else { return };
            for (name, value_type) in [
                ("segment", ValueType::Text),
                ("reason", ValueType::Text),
                ("origin", ValueType::Text),
                ("version", ValueType::Integer),
            ] {
                if let Ok(number) = fields.number(name) {
                    fields.fit(number, value_type);
                }
            }
        }
    }
}

impl Fold {
    /// Folds what was told of segments whose transitions are events.
    pub(super) fn apply_transitions(&mut self, at: &RecordContext, told: &ToldEntry) -> Result<()> {
        if self.state.as_of.is_some_and(|limit| told.clock > limit) {
            return Ok(());
        }
        let mut position = at.first;
        for change in &told.changes {
            let rows = change.rows() as u64;
            if !self.state.are_events(&change.segment) {
                position = position.plus(rows);
                continue;
            }
            let entered = change.entered.iter().map(|id| (*id, ENTERED));
            let all = entered.chain(change.left.iter().map(|id| (*id, LEFT)));
            for (id, event) in all {
                let found = self.open.nodes.find(&self.state.parts, PublicId(id))?;
                let number = self.state.catalog.events().find(event);
                // An identifier that is no more, since all that named it was withdrawn, did nothing.
                if let (Some(node), Some(number)) = (found, number) {
                    let message_id = position.to_string();
                    let fact = Fact {
                        record: at,
                        position,
                        time: told.clock,
                        dated: true,
                        key: &[0; 16],
                        message_id: Some(&message_id),
                    };
                    let fields = transition(change, at.origin);
                    let told = self.fitting(&fact, Owner::Event(number, event), None, &fields)?;
                    self.push_event(number, &fact.row(node), told);
                }
                position = position.plus(1);
            }
        }
        Ok(())
    }
}
