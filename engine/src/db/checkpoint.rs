//! Checkpoints: what is in memory becomes files, without writers waiting for it.
//!
//! *What it is:* parts in memory are written as one file, and files are merged, on the thread that asks for the
//! checkpoint; the writer is held only to take over what was made, and to write what came meanwhile.
//! *Invariants:* one thread at a time does this beside the writer; what it made is thrown away when what it was made of
//! does not stand any more; only the holder of the writer names files in the manifest. *Where to start reading:*
//! `Inner::checkpoint`.

use super::{Inner, Writer, last_before};
use crate::base::dir::remove_if_there;
use crate::base::error::{ErrorKind, Result};
use crate::base::ids::Position;
use crate::base::limits::PART_WEIGHT_MAX;
use crate::state::{FileRun, write_checkpoint};

impl Inner {
    /// Everything in memory becomes files; then those that are due are merged.
    pub(super) fn checkpoint(&self) -> Result<Position> {
        let _alone = self.beside.lock();
        let run = {
            let mut writer = self.writer.lock();
            self.writable(&mut writer)?;
            writer.fold.hand_over()
        };
        if let Some(run) = run {
            self.make(run)?;
        }
        let position = self.checkpoint_locked(&mut self.writer.lock())?;
        loop {
            let run = self.writer.lock().fold.due_files(PART_WEIGHT_MAX);
            let Some(run) = run else { return Ok(position) };
            if !self.make(run)? {
                return Ok(position);
            }
            let mut writer = self.writer.lock();
            if writer.closed {
                return Ok(position);
            }
            self.checkpoint_locked(&mut writer)?;
        }
    }

    /// Makes one file of parts, and puts it in their place if they still stand; says whether they do.
    fn make(&self, run: FileRun) -> Result<bool> {
        let place = run.place();
        let made = run.merge(self.dir.as_ref());
        let mut writer = self.writer.lock();
        writer.fold.take_back();
        // Closing writes everything by itself, and removes files that it does not know of.
        let stands = match made {
            _ if writer.closed => false,
            Ok(merged) => writer.fold.adopt(merged),
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                self.fold_again(&mut writer)?;
                self.publish(&mut writer)?;
                false
            }
            Err(e) => return Err(e),
        };
        if !stands {
            remove_if_there(self.dir.as_ref(), &place)?;
        }
        Ok(stands)
    }

    /// The same by who holds the writer, who then waits.
    pub(super) fn checkpoint_locked(&self, writer: &mut Writer) -> Result<Position> {
        self.writable(writer)?;
        if writer.stale {
            self.fold_again(writer)?;
        }
        self.publish(writer)?;
        let (file, end) = writer.log.flush_for_sync()?;
        if self.durability.durable_end() < end {
            self.durability.synced(file.as_ref(), end)?;
        }
        let runs = writer.seen.write().spill()?;
        let (dir, most) = (self.dir.as_ref(), self.merged_at_once);
        match write_checkpoint(dir, &mut writer.fold, (runs.clone(), most)) {
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                self.fold_again(writer)?;
                self.publish(writer)?;
                write_checkpoint(dir, &mut writer.fold, (runs, most))?;
            }
            other => other?,
        }
        self.show(writer);
        Ok(last_before(end))
    }
}
