//! What was told of segments: who entered and who left. Such an entry is never computed again: a rebuild compares it
//! with what is true, and tells the difference.

use super::Origin;
use crate::base::time::Timestamp;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Why somebody entered or left a segment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A record said something new of the profile, or of what the segment asks beside it.
    Event,
    /// Time went on.
    Clock,
    /// Profiles were joined, split or renamed.
    Identity,
    /// The segment, or something that it is made of, was defined, changed or dropped.
    Definition,
    /// Something was retracted, or what had been told was not what is true.
    Correction,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 5] =
        [Reason::Event, Reason::Clock, Reason::Identity, Reason::Definition, Reason::Correction];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Event => "event",
            Reason::Clock => "clock",
            Reason::Identity => "identity",
            Reason::Definition => "definition",
            Reason::Correction => "correction",
        }
    }

    /// The origin of what is told for it, when what brought it about has another one.
    pub fn origin(self, cause: Origin) -> Origin {
        match self {
            Reason::Event | Reason::Identity => cause,
            Reason::Clock => Origin::Live,
            Reason::Definition => Origin::History,
            Reason::Correction => Origin::Correction,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Who entered and who left segments at one moment. Each of them has a position of its own: those of the first change
/// come first, and in each who entered before who left.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldEntry {
    /// The segments' clock then.
    #[serde(with = "micros")]
    pub clock: Timestamp,
    /// What was told, by segment and reason.
    pub changes: Vec<ToldChange>,
}

/// Who entered and who left one segment for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldChange {
    /// The name of the segment.
    pub segment: String,
    /// The version of its definition.
    pub version: u32,
    /// Why.
    pub reason: Reason,
    /// Public ids of those who entered, ascending.
    #[serde(with = "ids")]
    pub entered: Vec<u128>,
    /// Public ids of those who left, ascending.
    #[serde(with = "ids")]
    pub left: Vec<u128>,
    /// The traits that the segment tells, as text, those of one profile after those of another; empty when it tells
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traits: Vec<Option<String>>,
}

impl ToldChange {
    /// How many entered or left.
    pub fn rows(&self) -> usize {
        self.entered.len() + self.left.len()
    }
}

impl ToldEntry {
    /// How many entered or left.
    pub fn rows(&self) -> usize {
        self.changes.iter().map(ToldChange::rows).sum()
    }
}

/// An instant in microseconds since 1970.
pub(super) mod micros {
    use crate::base::time::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp)
    }
}

/// Public ids as they are shown: 32 digits.
pub(super) mod ids {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(ids: &[u128], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(ids.iter().map(|id| format!("{id:032x}")))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u128>, D::Error> {
        let read = |text: &String| u128::from_str_radix(text, 16).map_err(D::Error::custom);
        Vec::<String>::deserialize(from)?.iter().map(read).collect()
    }
}
