//! What all connections together hold in unfinished requests, queues and unread replies.
//!
//! *Invariant:* the sum of all shares is `used`, and a share that is dropped is given back. *Where
//! to start reading:* `Share::hold`.

use std::sync::atomic::{AtomicU64, Ordering};

/// The sum, and how far it may go.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicU64,
    most: u64,
}

impl Memory {
    /// Nothing held, at most `most` bytes.
    pub(crate) fn new(most: u64) -> Memory {
        Memory { used: AtomicU64::new(0), most }
    }

    /// Bytes held now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// What one connection holds.
#[derive(Debug)]
pub(super) struct Share<'a> {
    memory: &'a Memory,
    held: u64,
}

impl<'a> Share<'a> {
    /// A share of nothing.
    pub(super) fn new(memory: &'a Memory) -> Share<'a> {
        Share { memory, held: 0 }
    }

    /// States what the connection holds now. False when it grew and all together hold too much: it
    /// must let go.
    #[must_use]
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let grown = bytes.saturating_sub(self.held);
        let before = self.memory.used.fetch_add(grown, Ordering::Relaxed);
        self.memory.used.fetch_sub(self.held.saturating_sub(bytes), Ordering::Relaxed);
        self.held = bytes;
        grown == 0 || before.saturating_add(grown) <= self.memory.most
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_are_given_back() {
        let memory = Memory::new(100);
        let mut first = Share::new(&memory);
        let mut second = Share::new(&memory);
        assert!(first.hold(60));
        assert!(second.hold(40));
        assert!(!second.hold(41));
        assert!(second.hold(41), "nothing grew");
        assert!(first.hold(10));
        assert_eq!(memory.used(), 51);
        drop(second);
        assert_eq!(memory.used(), 10);
    }
}
