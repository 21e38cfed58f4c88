//! What happened to a group of consumers of a stream.

use crate::base::ids::Position;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Something that happened to a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// The stream: the name of a segment.
    pub stream: String,
    /// The name of the group.
    pub group: String,
    /// What happened.
    pub says: GroupSays,
}

/// What happened to a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GroupSays {
    /// It begins behind a position.
    Begins(Position),
    /// A consumer was given items that nobody had.
    Given {
        /// Who.
        consumer: String,
        /// Their positions.
        items: Vec<Position>,
    },
    /// A consumer took over items that others had for too long.
    Taken {
        /// Who.
        consumer: String,
        /// Their positions.
        items: Vec<Position>,
    },
    /// Items are done.
    Done(Vec<Position>),
    /// It ended.
    Ends,
}
