//! Groups of consumers: how far each was given of its stream, and what is not done yet.
//!
//! *Invariants:* an item is given to one consumer of a group at a time, and stays pending until it is done, whatever
//! happens to the consumer; the state of a group is a fold of its entries alone, which no retraction and no definition
//! changes.

use super::streams::StreamName;
use crate::base::ids::Position;
use crate::base::time::Timestamp;
use crate::entry::{GroupEntry, GroupSays};
use bincode::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An item that a consumer has and that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Pending {
    /// Who has it.
    pub consumer: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it was given or taken over.
    pub deliveries: u32,
}

/// A group of consumers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Group {
    /// The last position that was given; what is behind it is for the next who asks.
    pub given: Position,
    /// What is not done, by position.
    pub pending: BTreeMap<Position, Pending>,
}

/// All groups, by stream and name.
#[derive(Debug, Clone, Default)]
pub struct Groups(BTreeMap<(StreamName, String), Arc<Group>>);

impl Groups {
    /// A group of a stream.
    pub fn get(&self, stream: &StreamName, group: &str) -> Option<&Group> {
        self.0.get(&(stream.clone(), group.to_owned())).map(Arc::as_ref)
    }

    /// The groups of a stream, by name.
    pub fn of(&self, stream: StreamName) -> impl Iterator<Item = (&str, &Group)> {
        let first = (stream.clone(), String::new());
        let all = self.0.range(first..).take_while(move |((of, _), _)| *of == stream);
        all.map(|((_, name), group)| (name.as_str(), group.as_ref()))
    }

    /// All groups with their names.
    pub fn all(&self) -> impl Iterator<Item = (&(StreamName, String), &Group)> {
        self.0.iter().map(|(name, group)| (name, group.as_ref()))
    }

    /// Puts a group back that was kept.
    pub(super) fn put(&mut self, name: (StreamName, String), group: Group) {
        self.0.insert(name, Arc::new(group));
    }

    /// Follows what happened to a group, at an engine clock.
    pub(super) fn note(&mut self, entry: &GroupEntry, clock: Timestamp) {
        let of = if entry.named { StreamName::named } else { StreamName::of_segment };
        let name = (of(&entry.stream), entry.group.clone());
        match &entry.says {
            GroupSays::Begins(given) => {
                let group = Group { given: *given, pending: BTreeMap::new() };
                self.0.insert(name, Arc::new(group));
            }
            GroupSays::Ends => drop(self.0.remove(&name)),
            GroupSays::Given { consumer, items } | GroupSays::Taken { consumer, items } => {
                let Some(group) = self.0.get_mut(&name).map(Arc::make_mut) else { return };
                for item in items {
                    let known = group.pending.get(item).map_or(0, |known| known.deliveries);
                    let (consumer, deliveries) = (consumer.clone(), known.saturating_add(1));
                    group.pending.insert(*item, Pending { consumer, since: clock, deliveries });
                    group.given = group.given.max(*item);
                }
            }
            GroupSays::Done(items) => {
                let Some(group) = self.0.get_mut(&name).map(Arc::make_mut) else { return };
                for item in items {
                    group.pending.remove(item);
                }
            }
        }
    }
}
