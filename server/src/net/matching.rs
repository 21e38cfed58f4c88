//! Matching of what arrives: one thread that waits for writes and follows them with the saved model.
//!
//! *Invariants:* what was written before the end is followed before the store is closed; a failure
//! is told once, and what it left undone is tried again with the next write. *Where to start
//! reading:* `Following::start`.

use super::listener::{Refusal, report};
use super::server::Server;
use crate::limits::FOLLOW_WAIT;
use navedb::ProfileMatcher;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

/// The thread, while it runs.
pub(super) struct Following {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Following {
    /// Starts the thread.
    pub(super) fn start(
        server: &Arc<Server>,
        matcher: ProfileMatcher,
    ) -> Result<Following, Refusal> {
        let (end, ended) = channel();
        let server = Arc::clone(server);
        let work = move || follow(&server, matcher, &ended);
        let thread = std::thread::Builder::new().name("matching".to_owned()).spawn(work);
        let thread = thread.map_err(|e| {
            Refusal::Failed(format!(
                "cannot start a thread for matching: {e}; is the machine out of resources?"
            ))
        })?;
        Ok(Following { end, thread })
    }

    /// Ends it when it has followed all that was written.
    pub(super) fn finish(self) {
        drop(self.end);
        if self.thread.join().is_err() {
            report("matching ended early; 'nave identity match' finds what it left out");
        }
    }
}

fn follow(server: &Server, mut matcher: ProfileMatcher, ended: &Receiver<()>) {
    // What was looked at last, and the failure that was told last.
    let (mut seen, mut told) = (None, String::new());
    loop {
        let end = ended.recv_timeout(FOLLOW_WAIT) != Err(RecvTimeoutError::Timeout);
        let position = server.store().view().position();
        if seen != Some(position) {
            match matcher.follow() {
                Ok(found) => {
                    seen = found.settled.then_some(found.position);
                    told.clear();
                    if found.conflicts > 0 {
                        report(&format!(
                            "matching: {} pairs are in quarantine, since their message ids are known with \
                             other content; 'nave quarantine list' shows them",
                            found.conflicts
                        ));
                    }
                }
                Err(failure) => {
                    seen = Some(position);
                    let failure = failure.to_string();
                    if failure != told {
                        report(&format!("matching waits: {failure}"));
                        told = failure;
                    }
                }
            }
        }
        if end {
            return;
        }
    }
}
