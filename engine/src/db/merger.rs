//! A thread that merges parts in memory, so that no write waits for it; only when the settings ask for one.
//!
//! *Invariants:* the thread sees nothing but parts, which never change; what it made is taken over by the writer when
//! it next publishes. *Why:* without it a write now and then pays for the merging of all that many others wrote.

use crate::base::error::{Error, ErrorKind, Result};
use crate::state::{Fold, Merged, Run};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// The writer's end.
pub(super) struct Merger {
    runs: SyncSender<Run>,
    merged: Receiver<Option<Merged>>,
    busy: bool,
}

/// What is handed to a thread that merges, what comes back, and the thread.
pub(super) type Thread<R> = (SyncSender<R>, Receiver<Option<Merged>>, JoinHandle<()>);

/// Starts a thread that merges one run after another, until nobody hands it any more.
///
/// # Errors
/// `Io` when the system gives no thread.
pub(super) fn start<R: Send + 'static>(
    name: &str,
    merge: impl Fn(R) -> Result<Merged> + Send + 'static,
) -> Result<Thread<R>> {
    let (runs, work) = sync_channel::<R>(1);
    let (done, merged) = sync_channel(1);
    let work = move || {
        for run in work {
            // A part that cannot be read is found by the writer as well, when it merges by itself.
            if done.send(merge(run).ok()).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|e| {
        Error::new(ErrorKind::Io, format!("the system gives no thread for merging: {e}"))
    })?;
    Ok((runs, merged, thread))
}

impl Merger {
    /// Starts the thread; it ends when this is dropped.
    ///
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start() -> Result<Merger> {
        let (runs, merged, _) = start("nave-merge", Run::merge)?;
        Ok(Merger { runs, merged, busy: false })
    }

    /// Takes over what is merged, and hands on what is due. Says whether so much waits that the writer must help.
    pub fn serve(&mut self, fold: &mut Fold) -> bool {
        if let Ok(merged) = self.merged.try_recv() {
            self.busy = false;
            if let Some(merged) = merged {
                fold.adopt(merged);
            }
        }
        if fold.waits_long() {
            return true;
        }
        if !self.busy
            && let Some(run) = fold.due()
        {
            self.busy = self.runs.try_send(run).is_ok();
        }
        false
    }
}
