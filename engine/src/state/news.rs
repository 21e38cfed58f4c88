//! What parts say that was not there when somebody last looked: which profiles, traits, events and entities.
//!
//! *Invariants:* nothing that changed is left out; of parts that were merged meanwhile, all that is in them is named.

use super::entity::ENTITIES;
use super::{EVENTS, HISTORY, PROFILES, Reader, SeenParts, State};
use crate::base::codec;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::{BlockKey, Part};
use crate::base::time::Timestamp;
use crate::column::ColumnView;
use crate::event::{TablePart, TableView};
use crate::identity::{Changed, NodeView};
use crate::profile::{rows_told, trait_key};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// Parts that are new.
#[derive(Debug)]
pub struct News {
    parts: Vec<Arc<Part>>,
}

impl State {
    /// What is new since parts were looked at.
    pub fn news(&self, seen: &SeenParts) -> News {
        let new = self.parts.iter().filter(|part| !seen.holds(part));
        News { parts: new.cloned().collect() }
    }
}

impl News {
    /// Whether nothing is new.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Profiles of which anything is told, those that are gone among them.
    pub fn profiles(&self, reader: &Reader<'_>) -> RoaringBitmap {
        rows_told(&self.parts, PROFILES, reader.faults())
    }

    /// Profiles of which a trait is told.
    pub fn told_trait(&self, number: usize, reader: &Reader<'_>) -> RoaringBitmap {
        let key = trait_key(PROFILES, number);
        let column = ColumnView::new(self.parts.iter(), key, None, reader.faults());
        let mut told = RoaringBitmap::new();
        for chunk in column.own_chunks() {
            column.tiers(chunk).iter().for_each(|tier| told |= tier.view.rows(chunk));
        }
        told
    }

    /// The event types of which there are new rows, by number.
    pub fn event_types(&self) -> Vec<usize> {
        self.numbers(EVENTS.space)
    }

    /// The entity types of which there are new rows, by number.
    pub fn entity_types(&self) -> Vec<usize> {
        self.numbers(ENTITIES.space)
    }

    fn numbers(&self, space: u8) -> Vec<usize> {
        let first = BlockKey::new(space, 0, 0, 0);
        let mut found: Vec<usize> = Vec::new();
        for part in &self.parts {
            let mut next = first;
            while let Some(key) = part.keys_from(next).next().filter(|key| key.space == space) {
                found.push(key.number as usize);
                let Some(number) = key.number.checked_add(1) else { break };
                next = BlockKey { number, ..first };
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The new rows of an event type.
    pub fn events(&self, number: usize, reader: &Reader<'_>) -> TableView {
        reader.events_in(&self.parts, number)
    }

    /// The profiles that the new rows of an event type belong to now.
    pub fn owners(&self, number: usize, reader: &Reader<'_>) -> RoaringBitmap {
        let mut owners = RoaringBitmap::new();
        for part in self.events(number, reader).parts() {
            let labels = (0..part.len()).filter_map(|row| reader.nodes().label(part.node(row)));
            owners.extend(labels.map(|ordinal| ordinal.0));
        }
        owners
    }

    /// Profiles that were joined, split or renamed, or whose identifiers changed hands: those of before, which
    /// `earlier` reads, and those of now.
    pub fn regrouped(&self, earlier: &Reader<'_>, reader: &Reader<'_>) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        let nodes = earlier.state.counts.nodes;
        NodeView::new(&self.parts, reader.faults()).each_label(&mut |node, label| {
            let known = earlier.nodes().label(NodeId(node)).filter(|_| node < nodes);
            if known.is_some_and(|known| known.0 != label) {
                found.extend(known.map(|known| known.0));
                found.extend(Some(label).filter(|label| *label != u32::MAX));
            }
        });
        for changed in self.changes(reader) {
            found.extend(changed.old.iter().filter_map(|id| earlier.resolve(*id)).map(|o| o.0));
            found.extend(changed.old.iter().filter_map(|id| reader.resolve(*id)).map(|o| o.0));
            found.extend(changed.new.iter().filter_map(|id| reader.resolve(*id)).map(|o| o.0));
        }
        found
    }

    /// What became of profiles.
    pub fn changes(&self, reader: &Reader<'_>) -> Vec<Changed> {
        let table = TableView::new(self.parts.iter(), HISTORY, &[], reader.faults());
        let mut found: Vec<Changed> = Vec::new();
        for part in table.parts() {
            let rows = (0..part.len()).map(|row| part.bytes(row));
            found
                .extend(rows.filter_map(|bytes| reader.faults().or_note(codec::decode_row(bytes))));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Reader<'_> {
    /// Profiles that have an event of a type between two instants, both of them included.
    pub fn owners_between(
        &self,
        number: usize,
        (from, to): (Timestamp, Timestamp),
    ) -> RoaringBitmap {
        let mut owners = RoaringBitmap::new();
        for part in self.events(number).map(TableView::parts).unwrap_or_default() {
            let rows = part.rows_between(from, to);
            let labels = rows.filter_map(|row| self.nodes().label(part.node(row)));
            owners.extend(labels.map(|Ordinal(ordinal)| ordinal));
        }
        owners
    }

    /// The time of the first event of a type at or behind an instant.
    pub fn next_event(&self, number: usize, from: Timestamp) -> Option<Timestamp> {
        let parts = self.events(number).map(TableView::parts).unwrap_or_default();
        let last = Timestamp(i64::MAX);
        let first =
            |part: &Arc<TablePart>| part.rows_between(from, last).next().map(|row| part.time(row));
        parts.iter().filter_map(first).min()
    }
}
