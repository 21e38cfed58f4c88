//! All entries of the log, as plain data.
//!
//! *What it is:* what can be written into the log, and how its payloads are encoded. *Invariants:* a published payload
//! version is frozen: variants and fields are only ever appended under a new version; golden vectors in the tests hold
//! the bytes. *What it does not know:* frames, files, and what an entry means. *Where to start reading:* `Entry`.

mod block;
mod first;
mod group;
mod packed;
mod shape;
mod stream;
mod timer;
mod told;

pub use block::{BlockEntry, TextColumn};
pub use group::{GroupEntry, GroupSays};
pub use shape::{
    ConsentColumns, Dialect, EvidenceColumns, FileShape, Reading, RowFormat, RowKind, Said, Shape,
    TimeUnit,
};
pub use stream::{Became, ItemsEntry, ProfilesChange, ProfilesEntry};
pub use timer::{TimerSays, TimersEntry};
pub use told::{Reason, ToldChange, ToldEntry};

use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::row_key::{self, Stretch};
use crate::base::value::ValueType;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Whether a record tells of now, of the past, or corrects what was said. Triggers take live ones alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// It happens now.
    #[default]
    Live,
    /// It is loaded from the past and must never cause a message to anybody.
    History,
    /// It corrects what was told before.
    Correction,
}

impl Origin {
    /// The byte in a frame.
    pub fn code(self) -> u8 {
        match self {
            Origin::Live => 0,
            Origin::History => 1,
            Origin::Correction => 2,
        }
    }

    /// The origin of a byte in a frame.
    pub fn from_code(code: u8) -> Option<Origin> {
        [Origin::Live, Origin::History, Origin::Correction].into_iter().find(|o| o.code() == code)
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Live => "live",
            Origin::History => "history",
            Origin::Correction => "correction",
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Origin> {
        [Origin::Live, Origin::History, Origin::Correction]
            .into_iter()
            .find(|o| o.name() == text)
            .ok_or_else(|| Error::invalid(format!("'{text}' is no origin; use live or history")))
    }
}

/// The first entry of every log: what the store is, and which versions its folds use.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreEntry {
    /// Names the store; each log file repeats it.
    #[serde(with = "codec::digits")]
    pub store: Digest128,
    /// The key of public ids.
    #[serde(with = "codec::digits")]
    pub salt: [u8; 32],
    /// The version of the normalisers of identifiers.
    pub normalisers: u32,
    /// The version of type inference.
    pub inference: u32,
    /// The version of the time zone tables.
    pub time_zones: String,
}

/// A source and its number in this store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEntry {
    /// The number.
    pub number: SourceId,
    /// The name.
    pub name: String,
}

/// The beginning of a load: how its rows are read, and the types that the whole file showed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadEntry {
    /// The file, as it was named.
    pub file: String,
    /// The digest of its decompressed content.
    #[serde(with = "codec::digits")]
    pub content: Digest128,
    /// How rows are read.
    pub shape: FileShape,
    /// The inferred types.
    pub types: Vec<InferredType>,
}

/// The type that a load showed for one trait or property, or for what would be one if a mapping said so.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InferredType {
    /// The event type for a property; none for a trait.
    pub event: Option<String>,
    /// The entity type for a field of an entity; beside an event type, the property of it that is a child table.
    pub entity: Option<String>,
    /// The trait or property.
    pub name: String,
    /// The type.
    pub value_type: ValueType,
}

/// Records of one source, each with a position of its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordsEntry {
    /// The records.
    pub rows: Vec<Row>,
}

/// What exactly-once decided about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum RowStatus {
    /// It is folded.
    Accepted,
    /// Its message id was known with other content: it is kept in quarantine.
    Conflict,
}

/// One record as its source sent it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Row {
    /// The key of exactly-once: a digest of source and message id.
    pub key: Digest128,
    /// Whether it is folded.
    pub status: RowStatus,
    /// The line in its file, from 1; 0 for a record that came alone.
    pub line: u64,
    /// The bytes.
    pub original: Vec<u8>,
}

/// What is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RetractEntry {
    /// All rows of a load, and what it inferred.
    Load(LoadId),
    /// One row.
    Record(Position),
    /// Many rows.
    Records(Vec<Position>),
    /// All rows of a source from a position up to and with another.
    Source {
        /// The source.
        source: SourceId,
        /// The first position.
        from: Position,
        /// The last position.
        to: Position,
    },
}

/// A definition: something that the owner of the store says of how records are to be understood or kept. Each version
/// of a definition takes the place of the one before; the folds take those in force for the whole log, so that a wrong
/// one is corrected without loading anything again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionEntry {
    /// What it defines, such as `trait` or `mapping`.
    pub kind: String,
    /// Its name among those of its kind.
    pub name: String,
    /// One more than that of the version before; the first is 1.
    pub version: u32,
    /// What it says, in TOML; none when it is dropped.
    pub body: Option<String>,
}

/// What became of the rows of a file: the end of a load. One that was interrupted, or brought nothing new, has none.
/// The load stands in the frame.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedEntry {
    /// The file, as it was named.
    pub file: String,
    /// Rows of the file.
    pub rows: u64,
    /// Rows that were new and understood.
    pub written: u64,
    /// Rows that took the place of others.
    pub revised: u64,
    /// Rows that were known, with the same content.
    pub duplicates: u64,
    /// Rows whose message id was known with other content.
    pub conflicts: u64,
    /// Rows that could not be understood.
    pub broken: u64,
}

/// Positions whose entries were damaged beyond saving; written by repair alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GapEntry {
    /// What was found.
    pub reason: String,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The store.
    Store(StoreEntry),
    /// A source.
    Source(SourceEntry),
    /// The beginning of a load.
    Load(Box<LoadEntry>),
    /// Records.
    Records(RecordsEntry),
    /// A retraction.
    Retract(RetractEntry),
    /// A gap left by repair.
    Gap(GapEntry),
    /// The end of a load.
    Counted(CountedEntry),
    /// Records by column.
    Block(BlockEntry),
    /// A definition.
    Definition(DefinitionEntry),
    /// Who entered and who left segments.
    Told(ToldEntry),
    /// What happened to a group of consumers.
    Group(GroupEntry),
    /// What became of profiles.
    Profiles(ProfilesEntry),
    /// What a program put into a stream.
    Items(ItemsEntry),
    /// What happened to timers.
    Timers(TimersEntry),
}

/// The version of the payloads of gaps, which repair writes.
pub const GAP_VERSION: u16 = 1;

impl Entry {
    /// The kind number in a frame.
    pub fn kind(&self) -> u16 {
        match self {
            Entry::Store(_) => 1,
            Entry::Source(_) => 2,
            Entry::Load(_) => 3,
            Entry::Records(_) => 4,
            Entry::Retract(_) => 5,
            Entry::Gap(_) => 6,
            Entry::Block(_) => 7,
            Entry::Definition(_) => 8,
            Entry::Counted(_) => COUNTED_KIND,
            Entry::Told(_) => TOLD_KIND,
            Entry::Group(_) => GROUP_KIND,
            Entry::Profiles(_) => PROFILES_KIND,
            Entry::Items(_) => ITEMS_KIND,
            Entry::Timers(_) => TIMERS_KIND,
        }
    }

    /// The version of the payload that this engine writes.
    pub fn version(&self) -> u16 {
        match self {
            Entry::Load(load) if matches!(load.shape.kind, RowKind::Evidence(_)) => 3,
            Entry::Load(_) => 2,
            Entry::Block(_) => 4,
            Entry::Group(group) => group.version(),
            _ => 1,
        }
    }

    /// How many positions the entry takes (a gap says so in its frame).
    pub fn rows(&self) -> u32 {
        match self {
            Entry::Records(records) => u32::try_from(records.rows.len()).unwrap_or(u32::MAX),
            Entry::Block(block) => u32::try_from(block.rows()).unwrap_or(u32::MAX),
            Entry::Told(told) => u32::try_from(told.rows()).unwrap_or(u32::MAX),
            Entry::Profiles(told) => u32::try_from(told.rows()).unwrap_or(u32::MAX),
            Entry::Items(put) => u32::try_from(put.items.len()).unwrap_or(u32::MAX),
            Entry::Timers(timers) => u32::try_from(timers.says.len()).unwrap_or(u32::MAX),
            _ => 1,
        }
    }

    /// The keys of exactly-once of its rows, in order.
    pub fn keys(&self) -> impl Iterator<Item = Digest128> {
        let (rows, keys) = match self {
            Entry::Records(records) => (records.rows.as_slice(), [].as_slice()),
            Entry::Block(block) => ([].as_slice(), block.keys.as_slice()),
            _ => ([].as_slice(), [].as_slice()),
        };
        let keys = keys.chunks_exact(16).filter_map(|key| codec::digest_at(key, 0));
        rows.iter().map(|row| row.key).chain(keys)
    }

    /// The stretches of the keys of its rows, whose places are those of the rows; nothing for keys that are to be
    /// remembered one by one.
    pub fn stretches(&self) -> Option<Vec<Stretch>> {
        match self {
            Entry::Block(block) => row_key::stretches(&block.keys),
            Entry::Records(records) => {
                let keys: Vec<Digest128> = records.rows.iter().map(|row| row.key).collect();
                row_key::stretches(keys.as_flattened())
            }
            _ => None,
        }
    }

    /// The payload.
    ///
    /// # Errors
    /// `Limit` when it is too large.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let bytes = match self {
            Entry::Store(entry) => codec::encode(entry),
            Entry::Source(entry) => codec::encode(entry),
            Entry::Load(entry) => codec::encode(entry.as_ref()),
            Entry::Records(entry) => codec::encode(entry),
            Entry::Retract(entry) => codec::encode(entry),
            Entry::Gap(entry) => codec::encode(entry),
            Entry::Block(entry) => packed::encode(entry),
            Entry::Definition(entry) => codec::encode(entry),
            Entry::Counted(entry) => codec::encode(entry),
            Entry::Told(entry) => codec::encode(entry),
            Entry::Group(entry) => entry.encode(),
            Entry::Profiles(entry) => codec::encode(entry),
            Entry::Items(entry) => codec::encode(entry),
            Entry::Timers(entry) => codec::encode(entry),
        }?;
        if bytes.len() > crate::base::limits::PAYLOAD_BYTES_MAX {
            return Err(Error::limit(format!(
                "an entry of {} bytes is too large; split it",
                bytes.len()
            )));
        }
        Ok(bytes)
    }

    /// The entry of a payload whose digest held.
    ///
    /// # Errors
    /// `Corrupt`, or `Invalid` when a newer version wrote it.
    pub fn decode(kind: u16, version: u16, payload: &[u8]) -> Result<Entry> {
        if kind == LOAD_KIND && version == 1 {
            return first::decode_load(payload).map(|load| Entry::Load(Box::new(load)));
        }
        if kind == BLOCK_KIND && version == 1 {
            return BlockEntry::decode_first(payload).map(Entry::Block);
        }
        let known = match kind {
            LOAD_KIND => 2..=3,
            BLOCK_KIND => 2..=4,
            GROUP_KIND => 1..=2,
            _ => 1..=1,
        };
        if !known.contains(&version) {
            return Err(newer(&format!("payload version {version}")));
        }
        Ok(match kind {
            1 => Entry::Store(codec::decode(payload)?),
            2 => Entry::Source(codec::decode(payload)?),
            3 => Entry::Load(Box::new(codec::decode(payload)?)),
            4 => Entry::Records(codec::decode(payload)?),
            5 => Entry::Retract(codec::decode(payload)?),
            6 => Entry::Gap(codec::decode(payload)?),
            7 if version >= 3 => Entry::Block(packed::decode(payload)?),
            7 => Entry::Block(codec::decode(payload)?),
            8 => Entry::Definition(codec::decode(payload)?),
            COUNTED_KIND => Entry::Counted(codec::decode(payload)?),
            TOLD_KIND => Entry::Told(codec::decode(payload)?),
            GROUP_KIND => Entry::Group(GroupEntry::decode(payload, version)?),
            PROFILES_KIND => Entry::Profiles(codec::decode(payload)?),
            ITEMS_KIND => Entry::Items(codec::decode(payload)?),
            TIMERS_KIND => Entry::Timers(codec::decode(payload)?),
            _ => return Err(newer(&format!("entry kind {kind}"))),
        })
    }
}

/// Kind number of sources.
pub const SOURCE_KIND: u16 = 2;
/// Kind number of loads.
pub const LOAD_KIND: u16 = 3;
/// Kind number of definitions.
pub const DEFINITION_KIND: u16 = 8;
/// The kind of definitions that say how far a query of a database was read. They change no fold.
pub const WATERMARK_KIND: &str = "watermark";
/// Kind number of records: replay peeks at it without decoding.
pub const RECORDS_KIND: u16 = 4;
/// Kind number of records by column.
pub const BLOCK_KIND: u16 = 7;
/// Kind number of retractions.
pub const RETRACT_KIND: u16 = 5;
/// Kind number of the ends of loads.
pub const COUNTED_KIND: u16 = 9;
/// Kind number of what was told of segments.
pub const TOLD_KIND: u16 = 10;
/// Kind number of what happened to groups of consumers.
pub const GROUP_KIND: u16 = 11;
/// Kind number of what became of profiles.
pub const PROFILES_KIND: u16 = 12;
/// Kind number of what programs put into streams.
pub const ITEMS_KIND: u16 = 13;
/// Kind number of what happened to timers.
pub const TIMERS_KIND: u16 = 14;
/// Kind number of gaps.
pub const GAP_KIND: u16 = 6;

fn newer(what: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("the log has {what}, which a newer version of Nave wrote; upgrade"),
    )
}

#[cfg(test)]
mod tests;
