//! What happened to a group of consumers of a stream.

use crate::base::codec;
use crate::base::error::Result;
use crate::base::ids::Position;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Something that happened to a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Whether the stream is one of those that have names of their own; otherwise it is the feed of a segment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    /// The name of the stream, or of the segment.
    pub stream: String,
    /// The name of the group.
    pub group: String,
    /// What happened.
    pub says: GroupSays,
}

/// The same of the feed of a segment, as the first version of the payload has it.
#[derive(Encode, Decode)]
struct OfSegment {
    segment: String,
    group: String,
    says: GroupSays,
}

impl GroupEntry {
    /// The version of its payload: groups of segments have the first.
    pub(super) fn version(&self) -> u16 {
        if self.named { 2 } else { 1 }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        if self.named {
            return codec::encode(self);
        }
        let GroupEntry { stream: segment, group, says, .. } = self.clone();
        codec::encode(&OfSegment { segment, group, says })
    }

    pub(super) fn decode(payload: &[u8], version: u16) -> Result<GroupEntry> {
        if version > 1 {
            return codec::decode(payload);
        }
        let OfSegment { segment, group, says } = codec::decode(payload)?;
        Ok(GroupEntry { named: false, stream: segment, group, says })
    }
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
