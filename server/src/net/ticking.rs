//! The clock of a store that nobody writes to: one thread that advances it, so that segments which change by time alone
//! do so when their second comes.
//!
//! *Invariants:* it holds nothing that others wait for but what a write holds; a failure is told once. *Where to start
//! reading:* `Ticking::start`.

use super::listener::{Refusal, report};
use super::server::Server;
use crate::limits::TICK_WAIT;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

/// The thread, while it runs.
pub(super) struct Ticking {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Ticking {
    /// Starts the thread.
    pub(super) fn start(server: &Arc<Server>) -> Result<Ticking, Refusal> {
        let (end, ended) = channel();
        let server = Arc::clone(server);
        let work = move || tick(&server, &ended);
        let thread = std::thread::Builder::new().name("ticking".to_owned()).spawn(work);
        let thread = thread.map_err(|e| {
            Refusal::Failed(format!(
                "cannot start a thread for the clock: {e}; is the machine out of resources?"
            ))
        })?;
        Ok(Ticking { end, thread })
    }

    /// Ends it.
    pub(super) fn finish(self) {
        drop(self.end);
        if self.thread.join().is_err() {
            report("the thread of the clock ended early; segments moved with writes alone");
        }
    }
}

fn tick(server: &Server, ended: &Receiver<()>) {
    let mut told = String::new();
    while ended.recv_timeout(TICK_WAIT) == Err(RecvTimeoutError::Timeout) {
        match server.tick() {
            Ok(()) => told.clear(),
            Err(failure) if failure.to_string() == told => {}
            Err(failure) => {
                told = failure.to_string();
                report(&format!("segments wait: {told}"));
            }
        }
    }
}
