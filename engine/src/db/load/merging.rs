//! A thread that merges the files that a load wrote, while the load goes on.
//!
//! *Invariants:* it sees nothing but parts, which never change; what it made is taken over between blocks, or thrown
//! away when what it was made of does not stand any more. It ends with its load. *Why:* a load writes what it changed
//! as one small file after another, and each value is merged into larger ones once or twice.

use super::super::Writer;
use crate::base::dir::{Dir, remove_if_there};
use crate::base::error::{Error, ErrorKind, Result};
use crate::state::{FileRun, Merged};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// The end of the load.
pub(super) struct FileMerger {
    dir: Arc<dyn Dir>,
    runs: Option<SyncSender<FileRun>>,
    merged: Receiver<Option<Merged>>,
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl FileMerger {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(dir: &Arc<dyn Dir>) -> Result<FileMerger> {
        let (runs, work) = sync_channel::<FileRun>(1);
        let (done, merged) = sync_channel(1);
        let folder = Arc::clone(dir);
        let work = move || {
            for run in work {
                // What cannot be merged now is found by the writer as well, when it merges by itself.
                if done.send(run.merge(folder.as_ref()).ok()).is_err() {
                    return;
                }
            }
        };
        let thread =
            std::thread::Builder::new().name("nave-merge".to_owned()).spawn(work).map_err(|e| {
                Error::new(ErrorKind::Io, format!("the system gives no thread for merging: {e}"))
            })?;
        let dir = Arc::clone(dir);
        Ok(FileMerger { dir, runs: Some(runs), merged, busy: false, thread: Some(thread) })
    }

    /// Takes over what is merged, and hands on what is due. When much waits it waits too.
    pub fn serve(&mut self, writer: &mut Writer) {
        if self.busy {
            let merged = if writer.fold.many_files_wait() {
                self.merged.recv().ok()
            } else {
                self.merged.try_recv().ok()
            };
            let Some(merged) = merged else { return };
            self.adopt(merged, writer);
        }
        let Some(runs) = &self.runs else { return };
        if let Some(run) = writer.fold.due_files() {
            self.busy = runs.try_send(run).is_ok();
        }
    }

    fn adopt(&mut self, merged: Option<Merged>, writer: &mut Writer) {
        self.busy = false;
        let Some(merged) = merged else { return };
        let place = merged.place().to_owned();
        // A checkpoint meanwhile has removed a file that it did not know of.
        let there = self.dir.len(&place).is_ok();
        if !(there && writer.fold.adopt(merged)) {
            // A leftover is removed when the store is opened as well.
            let _ = remove_if_there(self.dir.as_ref(), &place);
        }
    }

    /// Waits for what is under way, takes it over, and ends the thread.
    pub fn finish(mut self, writer: &mut Writer) {
        if self.busy
            && let Ok(merged) = self.merged.recv()
        {
            self.adopt(merged, writer);
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
