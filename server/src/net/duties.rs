//! What is done now and then while a store is served: a thread that advances the clock, so that segments which change
//! by time alone do so when their second comes, and one that makes a checkpoint when much is in memory alone.
//!
//! *Invariants:* they hold nothing that others wait for but what a write holds; a failure is told once. *Where to start
//! reading:* `NowAndThen::start`.

use super::listener::{Refusal, report};
use super::server::Server;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is to be done, and what does not happen while it fails.
pub(super) struct Duty {
    pub name: &'static str,
    pub wait: Duration,
    pub work: fn(&Server) -> navedb::Result<()>,
    pub failing: &'static str,
}

/// The thread, while it runs.
pub(super) struct NowAndThen {
    end: Sender<()>,
    thread: JoinHandle<()>,
    name: &'static str,
}

impl NowAndThen {
    /// Starts the thread.
    pub(super) fn start(server: &Arc<Server>, duty: Duty) -> Result<NowAndThen, Refusal> {
        let (end, ended) = channel();
        let (server, name) = (Arc::clone(server), duty.name);
        let work = move || go_on(&server, &duty, &ended);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let thread = thread.map_err(|e| {
            Refusal::Failed(format!(
                "cannot start a thread for {name}: {e}; is the machine out of resources?"
            ))
        })?;
        Ok(NowAndThen { end, thread, name })
    }

    /// Ends it.
    pub(super) fn finish(self) {
        drop(self.end);
        if self.thread.join().is_err() {
            report(&format!("the thread for {} ended early", self.name));
        }
    }
}

fn go_on(server: &Server, duty: &Duty, ended: &Receiver<()>) {
    let mut told = String::new();
    while ended.recv_timeout(duty.wait) == Err(RecvTimeoutError::Timeout) {
        match (duty.work)(server) {
            Ok(()) => told.clear(),
            Err(failure) if failure.to_string() == told => {}
            Err(failure) => {
                told = failure.to_string();
                report(&format!("{}: {told}", duty.failing));
            }
        }
    }
}
