//! How far a load is, and whether it is to stop.
//!
//! *Invariants:* a load asks at the ends of frames alone, so that what it has written when it stops is whole; bytes are
//! those of the inputs as they are stored, so that their sum is known before the first is read.

use super::request::Input;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'p> {
    /// The input that is read now.
    pub file: &'p str,
    /// What it is read for.
    pub phase: Phase,
    /// Bytes of all inputs that this phase has read, as they are stored (packed, if they are).
    pub bytes_done: u64,
    /// Bytes of all inputs; none when one does not tell its length.
    pub bytes_total: Option<u64>,
    /// Rows of all inputs that this phase has read; those that an earlier run had loaded count.
    pub rows: u64,
}

/// What an input is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// To learn its columns and their types. Nothing is written yet.
    Plan,
    /// To load its rows.
    Rows,
}

/// Who is told how far a load is, and may stop it.
pub type Tell<'t> = dyn FnMut(&Progress<'_>) -> ControlFlow<()> + 't;

/// Tells how far a load is, over all its inputs.
pub struct Watch<'w> {
    tell: &'w mut Tell<'w>,
    total: Option<u64>,
    phase: Phase,
    file: String,
    /// Bytes and rows of the inputs that this phase is done with.
    before: (u64, u64),
    /// Bytes and rows of the input that is read now.
    now: (u64, u64),
    stopped: bool,
}

impl<'w> Watch<'w> {
    /// A watch over the load of some inputs.
    pub fn new(tell: &'w mut Tell<'w>, inputs: &[Input]) -> Watch<'w> {
        Watch {
            tell,
            total: inputs.iter().map(Input::stored_bytes).sum(),
            phase: Phase::Plan,
            file: String::new(),
            before: (0, 0),
            now: (0, 0),
            stopped: false,
        }
    }

    /// The next input is read.
    pub fn begin(&mut self, phase: Phase, file: String) {
        let ((bytes, rows), (more_bytes, more_rows)) = (self.before, self.now);
        self.before =
            if phase == self.phase { (bytes + more_bytes, rows + more_rows) } else { (0, 0) };
        self.now = (0, 0);
        self.phase = phase;
        self.file = file;
    }

    /// Tells how many bytes (if it is known) and rows of the input were read, and says whether the load goes on.
    pub fn goes_on(&mut self, bytes: Option<u64>, rows: u64) -> bool {
        let known = bytes.is_some();
        let bytes = bytes.unwrap_or(self.now.0);
        self.now = (bytes, rows);
        let progress = Progress {
            file: &self.file,
            phase: self.phase,
            bytes_done: self.before.0 + bytes,
            bytes_total: self.total.filter(|_| known),
            rows: self.before.1 + rows,
        };
        self.stopped |= (self.tell)(&progress).is_break();
        !self.stopped
    }

    /// The name of the input that is read now.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the load was told to stop.
    pub fn stopped(&self) -> bool {
        self.stopped
    }
}

/// Counts the bytes that are read.
pub struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Counted<R> {
    /// A reader, and where its count can be seen.
    pub fn new(inner: R) -> (Counted<R>, Arc<AtomicU64>) {
        let bytes = Arc::new(AtomicU64::new(0));
        (Counted { inner, bytes: Arc::clone(&bytes) }, bytes)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
