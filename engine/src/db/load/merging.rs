//! A thread that merges the files that a load wrote, while the load goes on.
//!
//! *Invariants:* it sees nothing but parts, which never change; what it made is taken over between blocks, or thrown
//! away when what it was made of does not stand any more. It ends with its load. *Why:* a load writes what it changed
//! as one small file after another, and each value is merged into larger ones once or twice.

use super::super::Writer;
use super::super::merger::start;
use crate::base::dir::{Dir, remove_if_there};
use crate::base::error::Result;
use crate::base::limits::PART_WEIGHT_MAX;
use crate::base::sync::Mutex;
use crate::state::{FileRun, Merged};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::thread::JoinHandle;

/// The end of the load.
pub(super) struct FileMerger {
    dir: Arc<dyn Dir>,
    runs: Option<SyncSender<FileRun>>,
    merged: Receiver<Option<Merged>>,
    busy: bool,
    /// How many parts there were when one could not be merged.
    failed_at: usize,
    thread: Option<JoinHandle<()>>,
}

impl FileMerger {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(dir: &Arc<dyn Dir>) -> Result<FileMerger> {
        let folder = Arc::clone(dir);
        let merge = move |run: FileRun| run.merge(folder.as_ref());
        let (runs, merged, thread) = start("nave-merge-files", merge)?;
        let (dir, busy, failed_at) = (Arc::clone(dir), false, 0);
        let (runs, thread) = (Some(runs), Some(thread));
        Ok(FileMerger { dir, runs, merged, busy, failed_at, thread })
    }

    /// Takes over what is merged, and hands on what is due. When much waits it waits too.
    pub fn serve(&mut self, writer: &mut Writer) {
        if self.busy {
            let merged = if writer.fold.many_files_wait() {
                self.merged.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.merged.try_recv()
            };
            match merged {
                Ok(merged) => self.adopt(merged, writer),
                Err(TryRecvError::Empty) => return,
                // The thread is gone; from now on the writer merges by itself.
                Err(TryRecvError::Disconnected) => self.runs = None,
            }
        }
        // What cannot be merged now, as on a full disk, is not tried again before there is more.
        let same = self.failed_at == writer.fold.state.parts().len();
        let Some(runs) = self.runs.as_ref().filter(|_| !same) else { return };
        if let Some(run) = writer.fold.due_files(PART_WEIGHT_MAX) {
            self.busy = runs.try_send(run).is_ok();
        }
    }

    /// Whether the thread is there.
    pub fn lives(&self) -> bool {
        self.runs.is_some()
    }

    fn adopt(&mut self, merged: Option<Merged>, writer: &mut Writer) {
        self.busy = false;
        let Some(merged) = merged else {
            self.failed_at = writer.fold.state.parts().len();
            return;
        };
        let place = merged.place().to_owned();
        // A checkpoint meanwhile has removed a file that it did not know of.
        let there = self.dir.len(&place).is_ok();
        if !(there && writer.fold.adopt(merged)) {
            // A leftover is removed when the store is opened as well.
            let _ = remove_if_there(self.dir.as_ref(), &place);
        }
    }

    /// Waits until nothing is due any more, while others write, and ends the thread.
    pub fn finish(mut self, writer: &Mutex<Writer>) {
        while self.busy
            && let Ok(merged) = self.merged.recv()
        {
            let mut writer = writer.lock();
            self.adopt(merged, &mut writer);
            self.serve(&mut writer);
        }
    }
}

impl Drop for FileMerger {
    fn drop(&mut self) {
        self.runs = None;
        // A merge that nobody takes over any more leaves its file; it is removed when the store is opened.
        drop(self.merged.try_recv());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
