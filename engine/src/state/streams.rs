//! Streams that have names of their own: where in the log their items are.
//!
//! *Invariant:* what is here is a fold of the entries of the streams alone, which no retraction and no definition
//! changes.

use super::membership::Ledger;
use crate::base::ids::Position;
use crate::catalog::folded;
use bincode::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The stream that tells what became of profiles.
pub const IDENTITY_STREAM: &str = "identity";

/// Which stream is meant, by its name in the folded form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct StreamName {
    /// Whether it has a name of its own; otherwise it is the feed of a segment.
    pub named: bool,
    /// That name, or the segment's.
    pub name: String,
}

impl StreamName {
    /// The feed of a segment.
    pub fn of_segment(name: &str) -> StreamName {
        StreamName { named: false, name: folded(name) }
    }

    /// A stream with a name of its own.
    pub fn named(name: &str) -> StreamName {
        StreamName { named: true, name: folded(name) }
    }
}

/// All streams that ever had an item.
#[derive(Debug, Clone, Default)]
pub struct Streams(BTreeMap<String, Arc<Ledger>>);

impl Streams {
    /// Where the items of a stream are; nothing when it never had one.
    pub fn ledger(&self, name: &str) -> Option<&Ledger> {
        self.0.get(&folded(name)).map(Arc::as_ref)
    }

    /// All of them with their folded names.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Ledger)> {
        self.0.iter().map(|(name, ledger)| (name.as_str(), ledger.as_ref()))
    }

    /// Puts a stream back that was kept.
    pub(super) fn put(&mut self, name: String, ledger: Ledger) {
        self.0.insert(name, Arc::new(ledger));
    }

    /// Takes note of an entry with items.
    pub(super) fn note(&mut self, name: &str, first: Position, rows: u32) {
        let ledger = Arc::make_mut(self.0.entry(folded(name)).or_default());
        ledger.note(first, first.plus(u64::from(rows)));
    }
}
