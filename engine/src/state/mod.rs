//! State is a fold of the log.
//!
//! *What it is:* everything that questions are answered from: catalog, identity, golden records, events, quarantine.
//! *Invariants:* `state = fold(log up to a position)` and nothing else: replayed, restored from a checkpoint and kept
//! up to date live are equal (`digest` tells); a retracted row or load is as if it had never been written; a clone is a
//! snapshot that never changes. *What it does not know:* files of the log, audiences. *Where to start reading:*
//! `apply`.

mod apply;
mod checkpoint;
mod digest;

pub use apply::{Effect, RecordContext};
pub use checkpoint::{DERIVED, DerivedManifest, load_checkpoint, remove_strays, write_checkpoint};

use crate::base::chunked::Chunked;
use crate::base::codec::Digest128;
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::time::Timestamp;
use crate::catalog::Catalog;
use crate::entry::Shape;
use crate::event::EventTable;
use crate::identity::Identity;
use crate::profile::Golden;
use bincode::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was withdrawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Retracted {
    /// Whole loads.
    pub loads: BTreeSet<LoadId>,
    /// Single rows.
    pub rows: BTreeSet<Position>,
}

impl Retracted {
    /// Whether a row is withdrawn.
    pub fn holds(&self, load: LoadId, position: Position) -> bool {
        self.loads.contains(&load) || self.rows.contains(&position)
    }
}

/// A load in force.
#[derive(Debug, Clone)]
pub struct LoadInfo {
    /// The source.
    pub source: SourceId,
    /// The file.
    pub file: String,
    /// How its rows are read.
    pub shape: Arc<Shape>,
    /// Rows of it in the log.
    pub rows: u64,
}

/// Why something is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum QuarantineKind {
    /// The record cannot be read.
    Record,
    /// The message id was known with other content.
    Conflict,
    /// A value contradicts the type in force, or passes a limit.
    Value,
}

impl QuarantineKind {
    /// The words for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            QuarantineKind::Record => "broken record",
            QuarantineKind::Conflict => "conflicting message id",
            QuarantineKind::Value => "contradicting value",
        }
    }
}

/// Something that could not be folded; its record is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Quarantined {
    /// The record.
    pub position: Position,
    /// Its source.
    pub source: SourceId,
    /// Why.
    pub kind: QuarantineKind,
    /// The event type, for a value of a property.
    pub event: Option<String>,
    /// The trait or property, for a value.
    pub field: Option<String>,
    /// The text of the value, or the digest of the record.
    pub text: String,
    /// The reason in words.
    pub reason: String,
    /// The event time, when the record named one.
    pub time: Option<Timestamp>,
}

/// Everything that questions are answered from.
#[derive(Debug, Clone)]
pub struct State {
    /// The store that the log belongs to.
    pub store: Digest128,
    /// The first position that is not folded.
    pub end: Position,
    /// The engine clock of the last entry.
    pub clock: Timestamp,
    /// Names and types.
    pub catalog: Arc<Catalog>,
    /// Identifiers and profiles.
    pub identity: Identity,
    /// Golden records.
    pub golden: Arc<Golden>,
    /// Events, by number of the type.
    pub events: Arc<Vec<EventTable>>,
    /// What could not be folded.
    pub quarantine: Chunked<Quarantined>,
    /// Loads in force.
    pub loads: Arc<BTreeMap<LoadId, LoadInfo>>,
    /// What was withdrawn.
    pub retracted: Arc<Retracted>,
    /// Records in force, by source.
    pub records: Arc<BTreeMap<SourceId, u64>>,
    /// What happened later is hidden, when this is the state as of a time.
    as_of: Option<Timestamp>,
}

impl State {
    /// The state before the first entry, with what the whole log is known to withdraw.
    pub fn new(retracted: Retracted) -> State {
        State {
            store: Digest128::default(),
            end: Position(1),
            clock: Timestamp::default(),
            catalog: Arc::default(),
            identity: Identity::new([0; 32]),
            golden: Arc::default(),
            events: Arc::default(),
            quarantine: Chunked::default(),
            loads: Arc::default(),
            retracted: Arc::new(retracted),
            records: Arc::default(),
            as_of: None,
        }
    }

    /// An empty state to fold the log into as of a time: names and types are those that are known now.
    pub fn as_of(&self, time: Timestamp) -> State {
        let mut state = State::new(Retracted::clone(&self.retracted));
        state.catalog = Arc::clone(&self.catalog);
        state.as_of = Some(time);
        state.prepare_columns();
        state
    }

    /// Makes every column that the catalog knows.
    fn prepare_columns(&mut self) {
        let golden = Arc::make_mut(&mut self.golden);
        for (number, field) in self.catalog.traits().all().iter().enumerate() {
            if let Some(value_type) = field.value_type {
                golden.widen(number, value_type);
            }
        }
        let events = Arc::make_mut(&mut self.events);
        for number in 0..self.catalog.events().all().len() {
            let mut table = EventTable::default();
            for (property, field) in
                self.catalog.properties(number).into_iter().flat_map(|p| p.all()).enumerate()
            {
                if let Some(value_type) = field.value_type {
                    table.widen(property, value_type);
                }
            }
            events.push(table);
        }
    }

    /// How many values are in quarantine, records not counted.
    pub fn quarantined_values(&self) -> u64 {
        self.quarantine.iter().filter(|q| q.kind == QuarantineKind::Value).count() as u64
    }
}
