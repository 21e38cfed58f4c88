//! What became of profiles, so that it can be told: which were, which are, and what brought it about.

use super::evidence::{EdgeKey, Kind, Namespace, RuleId};
use super::node::PublicId;
use crate::base::ids::{NodeId, SourceId};
use bincode::{Decode, Encode};

/// What kind of change profiles underwent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Change {
    /// Several are one.
    Joined,
    /// One is several.
    Split,
    /// Several are several others.
    Rearranged,
    /// One has another id.
    Renamed,
}

impl Change {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Change::Joined => "joined",
            Change::Split => "split",
            Change::Rearranged => "rearranged",
            Change::Renamed => "renamed",
        }
    }

    /// What became of so many profiles that are so many now.
    pub fn of(old: usize, new: usize) -> Change {
        match (old, new) {
            (1, 1) => Change::Renamed,
            (_, 1) => Change::Joined,
            (1, _) => Change::Split,
            _ => Change::Rearranged,
        }
    }
}

/// How a change came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Because {
    /// Evidence was said.
    Said,
    /// Evidence was retracted.
    Retracted,
    /// An identifier was seen earlier than was known.
    SeenEarlier,
}

impl Because {
    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            Because::Said => "said",
            Because::Retracted => "retracted",
            Because::SeenEarlier => "seen earlier",
        }
    }
}

/// What brought a change about: the evidence, by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Cause {
    /// How.
    pub because: Because,
    /// The place of the evidence at one of its nodes.
    key: u128,
}

impl Cause {
    /// Something that happened to evidence.
    pub fn of(because: Because, key: EdgeKey) -> Cause {
        Cause { because, key: key.0 }
    }

    /// Something that happened to an identifier alone.
    pub fn node(because: Because, node: NodeId, namespace: Namespace, source: SourceId) -> Cause {
        let none: RuleId = 0;
        Cause::of(because, EdgeKey::new(node, (node, namespace), Kind::NodeUntil, (source, none)))
    }

    /// The evidence, by its place at one of its nodes.
    pub fn key(&self) -> EdgeKey {
        EdgeKey(self.key)
    }
}

/// A change of profiles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Changed {
    /// What kind of change it is.
    pub change: Change,
    /// The ids of the profiles that were, in order.
    pub old: Vec<PublicId>,
    /// The ids of the profiles that are, in order.
    pub new: Vec<PublicId>,
    /// What brought it about.
    pub cause: Cause,
}
