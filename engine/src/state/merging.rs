//! Keeping the overlay few parts: whenever eight of about one size stand at its end they become one, at once or on
//! another thread.
//!
//! *Invariants:* a merged part tells what the parts that it replaces told, so it may come late or never; it replaces
//! them only where they still stand. *Where to start reading:* `Fold::merge_overlay`.

use super::Fold;
use super::overlay::merge;
use crate::base::error::Result;
use crate::base::part::{Part, PartWriter};
use std::ops::Range;
use std::sync::Arc;

/// Parts in memory of about one size that become one.
const MEMORY_FAN: usize = 8;
/// So many in a row and no other thread is waited for.
const WAITING_MAX: usize = 64;

/// Parts that are to become one.
#[derive(Debug)]
pub struct Run {
    parts: Vec<Arc<Part>>,
    /// Whether no part is older.
    whole: bool,
}

/// Parts, and the one that they became.
#[derive(Debug)]
pub struct Merged {
    run: Vec<Arc<Part>>,
    part: Arc<Part>,
}

impl Merged {
    /// The name of the file of the part; empty for one in memory.
    pub fn place(&self) -> &str {
        self.part.place()
    }

    pub(super) fn new(run: Vec<Arc<Part>>, part: Arc<Part>) -> Merged {
        Merged { run, part }
    }
}

impl Run {
    /// Makes one part of all.
    ///
    /// # Errors
    /// `Corrupt` when one of them cannot be read.
    pub fn merge(self) -> Result<Merged> {
        let mut writer = PartWriter::memory();
        let weight = merge(&self.parts, &mut writer, self.whole)?;
        Ok(Merged { run: self.parts, part: Arc::new(writer.into_memory(weight)) })
    }
}

/// How many parts at the end are to become one: as many as are no heavier, by class, than the last.
pub(super) fn run_at_end(parts: &[Arc<Part>], fan: u64) -> usize {
    let class = |part: &Arc<Part>| part.weight().max(1).ilog(fan);
    let Some(last) = parts.last().map(class) else { return 0 };
    parts.iter().rev().take_while(|part| class(part) <= last).count()
}

/// The places of a run that is due for merging among parts from a place on. Newer and smaller parts may stand behind
/// it: they are written while a run is merged on another thread.
fn due(parts: &[Arc<Part>], from: usize) -> Option<Range<usize>> {
    let mut end = parts.len();
    while end > from {
        let run = run_at_end(parts.get(from..end).unwrap_or_default(), MEMORY_FAN as u64);
        if run >= MEMORY_FAN {
            return Some(end - run..end);
        }
        end -= run.max(1);
    }
    None
}

impl Fold {
    /// Merges what is due, once after another.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn merge_overlay(&mut self) -> Result<()> {
        while let Some(run) = self.due() {
            let merged = run.merge()?;
            self.adopt(merged);
        }
        Ok(())
    }

    /// The first part that may be merged in memory: those before it are files, or are being made one.
    fn first_free(&self) -> usize {
        let parts = self.state.parts.as_slice();
        let files = parts.iter().take_while(|part| part.digest().is_some()).count();
        self.handed_at().map_or(files, |place| files.max(place + 1))
    }

    /// The place of the last part that was handed over.
    fn handed_at(&self) -> Option<usize> {
        let handed = self.handed.as_ref()?;
        self.state.parts.iter().position(|part| Arc::ptr_eq(part, handed))
    }

    /// What was handed over may be merged again.
    pub fn take_back(&mut self) {
        self.handed = None;
    }

    /// Parts that are due for merging.
    pub fn due(&self) -> Option<Run> {
        let parts = self.state.parts.as_slice();
        let run = due(parts, self.first_free())?;
        let whole = run.start == 0;
        Some(Run { parts: parts.get(run)?.to_vec(), whole })
    }

    /// Whether so many parts are due that it is better to merge them at once.
    pub fn waits_long(&self) -> bool {
        let parts = self.state.parts.as_slice();
        due(parts, self.first_free()).is_some_and(|run| run.len() >= WAITING_MAX)
    }

    /// Puts a merged part in the place of what it was made of, where that still stands; says whether it does.
    pub fn adopt(&mut self, merged: Merged) -> bool {
        let Merged { run, part } = merged;
        let Some(first) = run.first() else { return false };
        let place = self.state.parts.iter().position(|known| Arc::ptr_eq(known, first));
        let Some(place) = place else { return false };
        // A thread that merges in memory may have begun before a part of its run was handed over.
        if self.handed_at().is_some_and(|handed| place <= handed) && part.digest().is_none() {
            return false;
        }
        let standing = self.state.parts.iter().skip(place).zip(&run);
        let same = standing.filter(|(known, merged)| Arc::ptr_eq(known, merged)).count();
        if same == run.len() {
            Arc::make_mut(&mut self.state.parts).splice(place..place + same, [part]);
            self.note_files();
        }
        same == run.len()
    }
}
