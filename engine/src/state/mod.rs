//! State is a fold of the log.
//!
//! *What it is:* `State`, a snapshot: names and types, counts, and the parts that everything else is in; `Fold`, a
//! state with what is open beside it, which takes one entry after another (`apply`). *Invariants:* `state = fold(log up
//! to a position)` and nothing else: replayed, read from parts and kept up to date live are equal (`digest` tells); a
//! retracted row or load is as if it had never been written; a clone is a snapshot that never changes. *What it does
//! not know:* files of the log, audiences. *Where to start reading:* `apply`, then `overlay`.

mod ahead;
mod apply;
mod block;
mod checkpoint;
mod clustering;
mod consent;
mod digest;
mod entity;
mod event;
mod fields;
mod group;
mod hindsight;
mod history;
mod indexes;
mod inferred;
mod known;
mod membership;
mod memo;
mod merging;
mod message;
mod money;
mod news;
mod opened;
mod overlay;
mod people;
mod read;
mod room;
mod row;
mod saved;
mod settle;
mod since;
mod source;
mod statement;
mod streams;
mod timers;
mod transitions;

pub use apply::{Effect, RecordContext};
pub use checkpoint::{DERIVED, DerivedManifest, load_checkpoint, remove_strays, write_checkpoint};
pub use consent::ConsentPlace;
pub use entity::EntityView;
pub use group::{Group, Groups};
pub use hindsight::{EXPECT, Hindsight, SOURCE};
pub use indexes::{Events, Indexes, Live};
pub use membership::{Ledger, Members, Membership, Memberships};
pub use merging::{Merged, Run};
pub use news::News;
pub use overlay::FileRun;
pub use read::Reader;
pub use saved::Saved;
pub use since::SeenParts;
pub use source::SourceState;
pub use streams::{IDENTITY_STREAM, StreamName, Streams};
pub use timers::Timer;

use crate::base::codec::Digest128;
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, NodeId, Position, SourceId};
use crate::base::part::{BlockKey, Part};
use crate::base::patience::Patience;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::catalog::Catalog;
use crate::definition::Definitions;
use crate::entry::Shape;
use bincode::{Decode, Encode};
use clustering::Clustering;
use known::Known;
use memo::Memo;
use opened::Opened;
use overlay::Open;
use roaring::RoaringBitmap;
use saved::SavedQuestions;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The row space of profiles.
const PROFILES: BlockKey = BlockKey::new(2, 0, 0, 0);
/// What was said of profiles, by identifier.
const FACTS: BlockKey = BlockKey::new(3, 0, 0, 0);
/// The events of the first type.
const EVENTS: BlockKey = BlockKey::new(4, 0, 0, 0);
/// What could not be folded.
const QUARANTINE: BlockKey = BlockKey::new(5, 0, 0, 0);

/// What became of profiles, by identifier.
const HISTORY: BlockKey = BlockKey::new(8, 0, 0, 0);

/// The row space of the events of a type.
const fn events_of(number: u32) -> BlockKey {
    BlockKey { number, ..EVENTS }
}

/// The names of traits, event types, properties, entity types and fields that a source was the first to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Names {
    /// How many.
    pub brought: u64,
    /// Values, and records of unknown types, that stay in the original alone, because their names would be too many.
    pub beyond: u64,
}

/// A load in force.
#[derive(Debug, Clone)]
pub struct LoadInfo {
    /// The source.
    pub source: SourceId,
    /// The file.
    pub file: String,
    /// The digest of its decompressed content.
    pub content: Digest128,
    /// How its rows are read.
    pub shape: Arc<Shape>,
    /// Rows of it in the log.
    pub rows: u64,
    /// How many of them are withdrawn one by one, or with a stretch of the source.
    pub withdrawn: u64,
    /// The line of the last of them in its file.
    pub line: u64,
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

    /// The one word for it, as it is typed.
    pub fn word(self) -> &'static str {
        match self {
            QuarantineKind::Record => "record",
            QuarantineKind::Conflict => "conflict",
            QuarantineKind::Value => "value",
        }
    }
}

impl std::str::FromStr for QuarantineKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<QuarantineKind> {
        [QuarantineKind::Record, QuarantineKind::Conflict, QuarantineKind::Value]
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "'{text}' is no kind of quarantine; use record, conflict or value"
                ))
            })
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
    /// The event type, for a value of a property, or the entity type, for one of a field.
    pub event: Option<String>,
    /// The trait, property or field, for a value.
    pub field: Option<String>,
    /// The text of the value, or the digest of the record.
    pub text: String,
    /// The reason in words.
    pub reason: String,
    /// The event time, when the record named one.
    pub time: Option<Timestamp>,
}

/// The traits that one record told.
type ToldTraits = Vec<(u32, Option<Value>)>;

/// How many things there are, which is cheaper to keep than to count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counts {
    /// Identifiers.
    pub nodes: u32,
    /// Entities, by number of the type.
    pub entities: Vec<u32>,
    /// One more than the greatest ordinal of a profile.
    pub ordinals: u32,
    /// Records in quarantine that cannot be read.
    pub broken: u64,
    /// Records in quarantine whose message id conflicts.
    pub conflicts: u64,
    /// Values in quarantine.
    pub values: u64,
    /// Retractions of evidence.
    pub retractions: u64,
    /// What was said of households.
    pub households: u64,
}

/// Everything that questions are answered from, at one position.
#[derive(Debug, Clone)]
pub struct State {
    /// The store that the log belongs to.
    pub store: Digest128,
    /// The key of public ids.
    pub salt: [u8; 32],
    /// The version of what normalisers do without a definition.
    pub normalisers: u32,
    /// The first position that is not folded.
    pub end: Position,
    /// The engine clock of the last entry.
    pub clock: Timestamp,
    /// Names and types.
    pub catalog: Arc<Catalog>,
    /// How many things there are.
    pub counts: Counts,
    /// The ordinals of profiles that were joined into others.
    dead: Arc<RoaringBitmap>,
    /// The profiles that evidence touches which is more than plain links, and those so large that a cap may be passed.
    watched: Arc<RoaringBitmap>,
    /// Nodes with too many neighbours of a namespace.
    crowded: Arc<BTreeSet<(NodeId, u16)>>,
    /// Loads in force.
    pub loads: Arc<BTreeMap<LoadId, LoadInfo>>,
    /// What is withdrawn and defined.
    pub hindsight: Arc<Hindsight>,
    /// The saved questions among them.
    saved: Arc<SavedQuestions>,
    /// The same definitions, as the fold asks them.
    definitions: Arc<Definitions>,
    /// Records in force, by source.
    pub records: Arc<BTreeMap<SourceId, u64>>,
    /// The names that each source brought.
    pub names: Arc<BTreeMap<SourceId, Names>>,
    /// Records that are held back, by source.
    pub held: Arc<BTreeMap<SourceId, u64>>,
    /// Files first, then parts in memory; each the oldest first.
    parts: Arc<Vec<Arc<Part>>>,
    /// The number of the next file.
    next_file: u64,
    /// What happened later is hidden, when this is the state as of a time.
    as_of: Option<Timestamp>,
    /// Who is in the segments, as the log told it.
    pub memberships: Arc<Memberships>,
    /// Where the items of other streams are.
    pub streams: Arc<Streams>,
    /// Groups of consumers.
    pub groups: Arc<Groups>,
    /// What questions found out; forgotten when the state is changed.
    pub memo: Memo,
    /// How long who asks it waits for an answer.
    pub patience: Patience,
    /// Indexes of the files, for all states that have them.
    indexes: Indexes,
    /// What was opened of parts, for all states.
    opened: Opened,
}

/// A state that entries are folded into.
#[derive(Debug)]
pub struct Fold {
    /// The state; its parts lack what is open.
    pub state: State,
    open: Open,
    rules: Clustering,
    known: Known,
    /// The identifiers of which anything is retracted: what is said of others counts without a look at retractions.
    retracted: RoaringBitmap,
    /// The last of the parts in memory that are being made a file.
    handed: Option<Arc<Part>>,
}

impl State {
    fn new(hindsight: Hindsight) -> State {
        let definitions = hindsight.compiled();
        let mut catalog = Catalog::default();
        definitions.install(&mut catalog);
        let mut state = State {
            store: Digest128::default(),
            salt: [0; 32],
            normalisers: 1,
            end: Position(1),
            clock: Timestamp::default(),
            catalog: Arc::new(catalog),
            counts: Counts::default(),
            dead: Arc::default(),
            watched: Arc::default(),
            crowded: Arc::default(),
            loads: Arc::default(),
            saved: Arc::new(SavedQuestions::of(&hindsight)),
            hindsight: Arc::new(hindsight),
            definitions: Arc::new(definitions),
            records: Arc::default(),
            names: Arc::default(),
            held: Arc::default(),
            parts: Arc::default(),
            next_file: 1,
            as_of: None,
            memberships: Arc::default(),
            streams: Arc::default(),
            groups: Arc::default(),
            memo: Memo::default(),
            patience: Patience::default(),
            indexes: Indexes::default(),
            opened: Opened::default(),
        };
        state.know_transitions();
        state
    }

    /// The parts that all is in.
    pub fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    /// The definitions in force, as the fold asks them.
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Whether this is the state as of a time.
    pub fn is_past(&self) -> bool {
        self.as_of.is_some()
    }

    /// The profiles.
    pub fn live(&self) -> RoaringBitmap {
        let mut live = RoaringBitmap::new();
        if self.counts.ordinals > 0 {
            live.insert_range(0..self.counts.ordinals);
        }
        live -= self.dead.as_ref();
        live
    }

    /// How many profiles there are.
    pub fn profiles(&self) -> u64 {
        u64::from(self.counts.ordinals) - self.dead.len()
    }

    /// Identifiers with too many neighbours of a namespace, so that what links these counts no longer.
    pub fn crowded(&self) -> &BTreeSet<(NodeId, u16)> {
        &self.crowded
    }

    /// How many profiles are looked at more closely at each change of evidence.
    pub fn watched(&self) -> u64 {
        self.watched.len()
    }

    /// The files that it is in.
    pub fn files(&self) -> Vec<String> {
        let stored = self.parts.iter().filter(|part| part.digest().is_some());
        stored.map(|part| part.place().to_owned()).collect()
    }

    /// Bytes of parts that are in memory alone.
    pub fn unsaved_bytes(&self) -> u64 {
        let alone = self.parts.iter().filter(|part| part.digest().is_none());
        alone.map(|part| part.len() as u64).sum()
    }

    /// Holds every block of every part against its checksum.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn check(&self) -> Result<()> {
        self.parts.iter().try_for_each(Part::check)
    }
}

impl Fold {
    /// The state before the first entry, with what the whole log is known to withdraw and define.
    pub fn new(hindsight: Hindsight) -> Fold {
        let mut open = Open::default();
        open.settled(&[]);
        Fold {
            state: State::new(hindsight),
            open,
            rules: Clustering::default(),
            known: Known::default(),
            retracted: RoaringBitmap::new(),
            handed: None,
        }
    }

    /// An empty state to fold the log into again, for a store that has another in use.
    pub fn after(state: &State, hindsight: Hindsight) -> Fold {
        let mut fold = Fold::new(hindsight);
        fold.state.next_file = state.next_file;
        fold
    }

    /// A state to go on from, and the identifiers of which anything is retracted in it.
    pub fn from_state(state: State, retracted: RoaringBitmap) -> Fold {
        let mut open = Open::after(&state.counts);
        if state.parts.iter().all(|part| part.digest().is_some()) {
            open.settled(&state.parts);
        }
        let (rules, known) = (Clustering::default(), Known::default());
        Fold { state, open, rules, known, retracted, handed: None }
    }

    /// An empty state to fold the log into as of a time: names and types are those that are known now.
    pub fn as_of(state: &State, time: Timestamp) -> Fold {
        let mut fold = Fold::new(Hindsight::clone(&state.hindsight));
        fold.state.catalog = Arc::clone(&state.catalog);
        fold.state.names = Arc::clone(&state.names);
        fold.state.as_of = Some(time);
        fold
    }
}
