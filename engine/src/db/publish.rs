//! Where the writer meets readers and those who wait: publishing, ticking, and waiting for a level.
//!
//! *What it is:* the snapshot, and how a new one takes its place. *Invariants:* only the holder of the writer
//! publishes, and never anything but the newest state, so positions never go back; a write is published before it waits
//! for its level, so whoever knows its position finds it; who waits for others to sync does not hold the writer. All
//! locks are those of `base::sync`, so that tests run this code under many schedules.

use super::telling::is_damage;
use super::{Inner, Level, Writer, open};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::Position;
use crate::base::time::Timestamp;
use crate::entry::Reason;
use crate::state::{Fold, Hindsight, State};
use std::sync::atomic::Ordering;

/// One moment of a store: it never changes.
pub(super) struct Snapshot {
    pub state: State,
}

/// Merges what is due, unless that is for the thread that there may be.
fn merge(writer: &mut Writer) -> Result<()> {
    let Some(merger) = &mut writer.merger else { return writer.fold.freeze() };
    if merger.serve(&mut writer.fold) { writer.fold.freeze() } else { Ok(()) }
}

impl Inner {
    /// Makes the newest state the one that readers get.
    pub(super) fn publish(&self, writer: &mut Writer) -> Result<()> {
        if writer.broken || writer.stale || writer.fold.freeze_alone().is_err() {
            self.fold_again(writer)?;
        }
        match self.catch_up_with(writer) {
            Err(e) if is_damage(&e) => {
                self.fold_again(writer)?;
                self.catch_up_with(writer)?;
            }
            told => told?,
        }
        if merge(writer).is_err() {
            // What was told now is shown first, so that it is not told again.
            self.show(writer);
            self.fold_again(writer)?;
            self.tell(writer)?;
        }
        self.show(writer);
        Ok(())
    }

    /// Follows the clock and what was folded: timers ring, segments are told.
    fn catch_up_with(&self, writer: &mut Writer) -> Result<()> {
        self.ring(writer)?;
        self.tell(writer)
    }

    /// Shows readers the newest state, whose segments are up to date.
    pub(super) fn show(&self, writer: &mut Writer) {
        writer.telling.keeper.look(&writer.fold.state);
        self.snapshot.set(Snapshot { state: writer.fold.state.clone() });
        writer.telling.shown();
        writer.fold.state.let_go();
        self.news.wake();
    }

    /// Advances the engine clock and publishes it, unless a write is under way, which does so itself.
    pub(super) fn tick(&self) -> Result<Timestamp> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the store is closed; open it again"));
        }
        let mut late = false;
        while late || self.clock.now() > self.snapshot.get().state.clock {
            let writer = self.writer.try_lock().filter(|writer| !writer.stale);
            let Some(mut writer) = writer else { break };
            writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
            self.publish(&mut writer)?;
            // Others have their turn before more timers become items.
            late = Inner::rings_on(&writer);
            if !late {
                break;
            }
        }
        Ok(self.snapshot.get().state.clock)
    }

    /// Makes everything that is derived anew from the log, because a part of it does not hold.
    pub(super) fn fold_again(&self, writer: &mut Writer) -> Result<()> {
        writer.log.flush()?;
        writer.note_refold(&self.snapshot.get().state, Reason::Correction)?;
        let before = &writer.fold.state;
        let hindsight = Hindsight::clone(&before.hindsight);
        let end = writer.log.next();
        let mut fold = Fold::after(before, hindsight);
        open::fold_into(&self.reader, end, &mut fold, (Some(self.dir.as_ref()), self.open_bytes))?;
        fold.state.clock = fold.state.clock.max(before.clock);
        fold.freeze()?;
        writer.fold = fold;
        (writer.broken, writer.stale) = (false, false);
        Ok(())
    }

    /// After a part that a question needed was found damaged: the next question finds it whole.
    pub(super) fn heal(&self) {
        if let Some(mut writer) = self.writer.try_lock() {
            self.heal_locked(&mut writer);
        }
    }

    /// The same, by who holds the writer.
    pub(super) fn heal_locked(&self, writer: &mut Writer) {
        if self.writable(writer).is_ok() && self.fold_again(writer).is_ok() {
            // What is true of segments is told by the next write, if it cannot be now.
            let _ = self.publish(writer);
        }
    }

    /// Waits until everything before `end` has reached a level.
    pub(super) fn reach(&self, end: Position, level: Level) -> Result<()> {
        if self.durability.durable_end() >= end || level == Level::Memory {
            return Ok(());
        }
        if level == Level::Os {
            return self.writer.lock().log.flush();
        }
        self.durability.wait(end, || self.writer.lock().log.flush_for_sync())
    }
}
