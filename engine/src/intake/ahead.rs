//! Rows that a thread of its own reads ahead of the load.
//!
//! *Invariants:* it gives what its reader gives, in the same order; two blocks at most wait, so memory stays bounded;
//! the thread ends with its reader, or when nobody takes rows any more. *Where to start reading:* `Ahead::start`.

use super::rows::{RawRows, Rows, Trouble};
use crate::base::codec::Digest128;
use crate::base::error::{Error, ErrorKind, Result};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// Blocks that wait at most.
const WAITING: usize = 2;

/// What the thread read.
enum Read {
    /// Rows, and how many bytes of the input were read.
    Rows(RawRows, Option<u64>),
    /// Nothing more: what there is to say of all of it.
    End(Digest128, Trouble),
    Failed(Error),
}

/// Rows that are read ahead.
pub struct Ahead {
    /// Nothing once it is to end.
    read: Option<Receiver<Read>>,
    /// Memory that comes back.
    spare: Sender<RawRows>,
    thread: Option<JoinHandle<()>>,
    bytes: Option<u64>,
    content: Digest128,
    trouble: Trouble,
}

impl Ahead {
    /// Starts a thread that reads all that a reader gives.
    ///
    /// # Errors
    /// `Io` when the system gives no thread.
    pub fn start(reader: Box<dyn Rows + Send>) -> Result<Ahead> {
        let (found, read) = sync_channel(WAITING);
        let (spare, returned) = channel();
        let bytes = reader.bytes();
        let work = move || read_all(reader, &found, &returned);
        let thread =
            std::thread::Builder::new().name("nave-read".to_owned()).spawn(work).map_err(|e| {
                Error::new(ErrorKind::Io, format!("the system gives no thread for reading: {e}"))
            })?;
        let (content, trouble) = (Digest128::default(), Trouble::default());
        Ok(Ahead { read: Some(read), spare, thread: Some(thread), bytes, content, trouble })
    }
}

fn read_all(mut reader: Box<dyn Rows + Send>, found: &SyncSender<Read>, spare: &Receiver<RawRows>) {
    loop {
        let mut rows = spare.try_recv().unwrap_or_default();
        let (read, ended) = match reader.next_rows(&mut rows) {
            Err(failed) => (Read::Failed(failed), true),
            Ok(()) if rows.is_empty() => (Read::End(reader.content(), reader.trouble()), true),
            Ok(()) => (Read::Rows(rows, reader.bytes()), false),
        };
        // Nobody takes rows any more when the load was stopped.
        if found.send(read).is_err() || ended {
            return;
        }
    }
}

impl Rows for Ahead {
    fn next_rows(&mut self, into: &mut RawRows) -> Result<()> {
        // The thread may have ended; then nobody needs the memory.
        let _ = self.spare.send(std::mem::take(into));
        into.clear();
        let Some(read) = &self.read else { return Ok(()) };
        match read.recv() {
            Ok(Read::Rows(rows, bytes)) => {
                *into = rows;
                self.bytes = bytes;
                Ok(())
            }
            Ok(Read::End(content, trouble)) => {
                (self.content, self.trouble, self.read) = (content, trouble, None);
                Ok(())
            }
            Ok(Read::Failed(failed)) => Err(failed),
            Err(_) => Err(Error::new(ErrorKind::Io, "the thread that reads the input ended early")),
        }
    }

    fn content(&self) -> Digest128 {
        self.content
    }

    fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without its receiver the thread ends at its next block; what it holds is free when this returns.
        self.read = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
