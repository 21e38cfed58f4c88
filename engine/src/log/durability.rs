//! How far the log is durable: one sync for all that wait, and none after a failure.
//!
//! *Invariants:* what is called durable was handed to the system before a sync began that succeeded, and no sync had
//! failed before that one; syncs take turns; whoever waits is woken by every change, and one of those who wait always
//! leads. *Where to start reading:* `Durability::wait`.

use crate::base::dir::AppendFile;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::Position;
use crate::base::sync::{Condvar, Mutex};
use std::sync::{Arc, OnceLock};

/// How far the log is durable, and who syncs.
#[derive(Debug, Default)]
pub struct Durability {
    state: Mutex<SyncState>,
    changed: Condvar,
    /// Held during a sync. The system tells of a failed sync once: another beside it would seem to hold.
    turn: Mutex<()>,
    failed: OnceLock<Error>,
}

#[derive(Debug, Default)]
struct SyncState {
    durable_end: Position,
    /// Whether one of those who wait flushes and syncs for all.
    led: bool,
}

/// The one who flushes and syncs for all that wait. Whatever becomes of it, a panic included, the others are told.
struct Leader<'a> {
    durability: &'a Durability,
    reached: Position,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut state = self.durability.state.lock();
        state.led = false;
        state.durable_end = state.durable_end.max(self.reached);
        self.durability.changed.notify_all();
    }
}

impl Durability {
    /// The first position that is not known to be durable.
    pub fn durable_end(&self) -> Position {
        self.state.lock().durable_end
    }

    /// Why nothing more is written, if so.
    pub fn failure(&self) -> Option<&Error> {
        self.failed.get()
    }

    /// Takes note of the first failure; gives the error for whoever caused this one.
    pub(super) fn fail(&self, error: Error) -> Error {
        let _ = self.failed.set(error);
        self.refusal().unwrap_or_else(|| Error::new(ErrorKind::Io, "the writer failed"))
    }

    /// The error that every write gets after the first failure.
    pub(super) fn refusal(&self) -> Option<Error> {
        let cause = self.failed.get()?;
        Some(Error::new(
            ErrorKind::Io,
            format!(
                "the store is read-only since a write failed ({cause}); mend the disk and open it again"
            ),
        ))
    }

    /// Takes note that everything before `end` is durable.
    pub(super) fn reached(&self, end: Position) {
        let mut state = self.state.lock();
        state.durable_end = state.durable_end.max(end);
        self.changed.notify_all();
    }

    fn sync(&self, file: &dyn AppendFile) -> Result<()> {
        let _turn = self.turn.lock();
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        file.sync().map_err(|e| self.fail(e))
    }

    /// Syncs a file that holds everything before `end`, for a caller who holds the writer.
    ///
    /// # Errors
    /// `Io`; the writer is then read-only.
    pub fn synced(&self, file: &dyn AppendFile, end: Position) -> Result<()> {
        self.sync(file)?;
        self.reached(end);
        Ok(())
    }

    /// Waits until everything before `end` is durable. The first that waits syncs for all: `flush` hands what is
    /// written to the system and returns the file with the position that it now holds.
    ///
    /// # Errors
    /// `Io` when the write or sync failed, now or before.
    pub fn wait(
        &self,
        end: Position,
        flush: impl FnOnce() -> Result<(Arc<dyn AppendFile>, Position)>,
    ) -> Result<()> {
        let mut state = self.state.lock();
        loop {
            if state.durable_end >= end {
                return Ok(());
            }
            if let Some(refusal) = self.refusal() {
                return Err(refusal);
            }
            if !state.led {
                break;
            }
            state = self.changed.wait(state);
        }
        state.led = true;
        drop(state);
        let mut leader = Leader { durability: self, reached: Position(0) };
        let (file, written) = flush()?;
        self.sync(file.as_ref())?;
        leader.reached = written;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dir::{Dir, MemoryDir};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn when_the_one_who_leads_panics_the_next_leads() {
        let durability = Durability::default();
        let panics = catch_unwind(AssertUnwindSafe(|| {
            durability.wait(Position(5), || panic!("a panic within a flush"))
        }));
        assert!(panics.is_err());
        let file = MemoryDir::new().append("log/1").unwrap();
        durability.wait(Position(5), || Ok((file, Position(7)))).unwrap();
        assert_eq!(durability.durable_end(), Position(7));
    }

    #[test]
    fn after_a_failure_what_is_durable_may_be_waited_for_and_nothing_else() {
        let durability = Durability::default();
        let file = MemoryDir::new().append("log/1").unwrap();
        durability.synced(file.as_ref(), Position(3)).unwrap();
        let failed = durability.wait(Position(5), || Err(durability.fail(Error::invalid("full"))));
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
        durability.wait(Position(3), || panic!("it is durable")).unwrap();
        assert!(durability.wait(Position(4), || panic!("nobody leads now")).is_err());
        assert!(durability.synced(file.as_ref(), Position(9)).is_err());
        assert_eq!(durability.durable_end(), Position(3));
    }
}
