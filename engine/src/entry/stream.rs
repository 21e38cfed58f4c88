//! What streams beside the feeds of segments say: what became of profiles, and what programs put into streams of their
//! own. Like the feeds, such entries are never computed again.

use super::told::{Reason, ids, micros};
use crate::base::time::Timestamp;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What became of profiles.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// Nothing: from here on it is told.
    Begun,
    /// Several are one.
    Joined,
    /// One is several.
    Split,
    /// Several are several others.
    Rearranged,
    /// One has another id.
    Renamed,
    /// They are no more: all that named them was withdrawn.
    Gone,
}

impl Became {
    /// What became of so many profiles that are so many now.
    pub fn of(old: usize, new: usize) -> Became {
        match (old, new) {
            (_, 0) => Became::Gone,
            (1, 1) => Became::Renamed,
            (_, 1) => Became::Joined,
            (1, _) => Became::Split,
            _ => Became::Rearranged,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Became::Begun => "begun",
            Became::Joined => "joined",
            Became::Split => "split",
            Became::Rearranged => "rearranged",
            Became::Renamed => "renamed",
            Became::Gone => "gone",
        }
    }
}

impl std::fmt::Display for Became {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of profiles at one moment. Each change has a position of its own. Without a change it says that all was
/// folded anew and nothing became of them, and takes one position.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilesEntry {
    /// The engine clock then.
    #[serde(with = "micros")]
    pub clock: Timestamp,
    /// What became of them.
    pub changes: Vec<ProfilesChange>,
}

impl ProfilesEntry {
    /// How many positions it takes.
    pub fn rows(&self) -> usize {
        self.changes.len().max(1)
    }
}

/// What became of profiles that have to do with each other.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilesChange {
    /// What.
    pub became: Became,
    /// Why.
    pub reason: Reason,
    /// The public ids that they had, ascending.
    #[serde(with = "ids")]
    pub old: Vec<u128>,
    /// For each of these the public id of the profile that it is of now; nothing where the profile is gone.
    #[serde(with = "ids")]
    pub now: Vec<u128>,
    /// The public ids that they have, ascending.
    #[serde(with = "ids")]
    pub new: Vec<u128>,
}

/// What a program put into a stream of its own. Each item has a position of its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsEntry {
    /// The name of the stream.
    pub stream: String,
    /// The items.
    pub items: Vec<String>,
}
