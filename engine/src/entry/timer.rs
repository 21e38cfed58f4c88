//! Timers: texts that become items of a stream at an instant.

use super::told::micros;
use crate::base::time::Timestamp;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What happened to timers of one stream. Each of them has a position of its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimersEntry {
    /// The name of the stream.
    pub stream: String,
    /// What happened, in this order.
    pub says: Vec<TimerSays>,
}

/// What happened to a timer, which has a name within its stream.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerSays {
    /// It was set, in the place of another of its name.
    Set {
        /// Its name.
        name: String,
        /// When it is due: not before the engine clock of its entry.
        #[serde(with = "micros")]
        due: Timestamp,
        /// What the item will say.
        text: String,
    },
    /// It was taken back.
    Cancelled {
        /// Its name.
        name: String,
    },
    /// It was due: this is an item of the stream.
    Rung {
        /// Its name.
        name: String,
        /// When it was due.
        #[serde(with = "micros")]
        due: Timestamp,
        /// What the item says.
        text: String,
    },
}

impl TimersEntry {
    /// Whether it has items of the stream; none of it is anything else then.
    pub fn has_items(&self) -> bool {
        self.says.iter().any(|says| matches!(says, TimerSays::Rung { .. }))
    }
}
