//! Waiting for something to be published.
//!
//! *Invariants:* who waits holds nothing that the writer needs; while nobody waits, waking costs a look at a number.

use crate::base::clock::Stopwatch;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What those wait at who want to know of what is new.
#[derive(Debug, Default)]
pub(super) struct Waking {
    /// How often something was published.
    count: AtomicU64,
    waiting: AtomicU64,
    lock: Mutex<()>,
    woken: Condvar,
}

impl Waking {
    /// The number of the newest; to be asked before one looks.
    pub fn now(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Wakes all who wait.
    pub fn wake(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock());
            self.woken.notify_all();
        }
    }

    /// Waits until there is something newer, or so long; gives the time that is left.
    pub fn wait(&self, seen: u64, most: Duration) -> Duration {
        let begun = Stopwatch::start();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock();
        let left = || most.saturating_sub(begun.elapsed());
        while self.now() == seen && !left().is_zero() {
            self.woken.wait_for(&mut guard, left());
        }
        drop(guard);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        left()
    }
}
