//! The log: append-only files of frames, the only truth.
//!
//! *What it is:* frames and files (`frame`), what is known about the files (`manifest`), what opening finds
//! (`recovery`), writing (`writer`), one sync for all that wait (`durability`), reading (`reader`), what exactly-once
//! remembers (`seen`), and saving what a damaged log still holds (`repair`). *Invariants:* positions follow each other
//! without a gap; nothing is acknowledged above the level that was reached; after the first failed write or sync
//! nothing more is written. *What it does not know:* what an entry means. *Where to start reading:* `frame`, then
//! `recovery`.

mod durability;
mod frame;
mod manifest;
mod reader;
mod recovery;
mod repair;
mod seen;
mod writer;

pub use durability::Durability;
pub use frame::Header;
pub use manifest::{Manifest, read_sealed_bytes, sealed_bytes};
pub use reader::{Frame, LogReader, check_files};
pub use recovery::open_log;
pub use repair::{GapForm, repair_log};
pub use seen::{SeenKeys, SeenNames};
pub use writer::{Append, LogWriter};

use crate::base::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// The folder of the log.
pub const FOLDER: &str = "log";

/// How far a write has come before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// In the memory of this process: survives nothing.
    Memory,
    /// Handed to the system: survives the death of the process, not of the machine.
    Os,
    /// On disk, by one sync for all writers that wait.
    Group,
    /// On disk, by a sync that waits for nobody else.
    Sync,
}

const LEVELS: [(Level, &str); 4] =
    [(Level::Memory, "memory"), (Level::Os, "os"), (Level::Group, "group"), (Level::Sync, "sync")];

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LEVELS.iter().find(|(level, _)| level == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Level> {
        LEVELS.iter().find(|(_, name)| *name == text).map(|(level, _)| *level).ok_or_else(|| {
            Error::invalid(format!("'{text}' is no level; use memory, os, group or sync"))
        })
    }
}

/// The name of a log file.
pub fn file_name(number: u64) -> String {
    format!("{FOLDER}/{number:08}.log")
}
