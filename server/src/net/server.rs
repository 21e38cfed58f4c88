//! What all connections of a server share.
//!
//! *Invariants:* every connection that counts is in `peers`; after `stop` no new one is added.
//! *Where to start reading:* `Server`.

use super::memory::Memory;
use super::password::Password;
use crate::limits::{READ_AHEAD_BYTES, READ_AHEAD_SLICE, SHARED_BYTES, UNSAVED_BYTES};
use navedb::{Caller, Db, Purpose, Session as Store, View};
use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The open store, the password, the peers and the counters.
pub(crate) struct Server {
    db: Db,
    store: Store,
    password: Option<Password>,
    address: SocketAddr,
    started: Instant,
    memory: Memory,
    stopping: AtomicBool,
    peers: Mutex<HashMap<u64, Arc<TcpStream>>>,
    connections: AtomicU64,
    requests: AtomicU64,
    rejected: AtomicU64,
    /// How long a question may take.
    within: Option<Duration>,
    /// Bytes in memory alone that a checkpoint is made for.
    unsaved_most: u64,
    /// Bytes of files that are read before anybody asks for them.
    ahead_most: u64,
    /// How many of them were.
    ahead: AtomicU64,
}

impl Server {
    /// A server over an open store, at the address that it listens on.
    pub(crate) fn new(db: Db, password: Option<Password>, address: SocketAddr) -> Server {
        Server {
            store: db.session(Caller::all(), Purpose::any()),
            db,
            password,
            address,
            started: Instant::now(),
            memory: Memory::new(SHARED_BYTES),
            stopping: AtomicBool::new(false),
            peers: Mutex::default(),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            within: None,
            unsaved_most: UNSAVED_BYTES,
            ahead_most: READ_AHEAD_BYTES,
            ahead: AtomicU64::new(0),
        }
    }

    /// The same, with so much time for a question; none is without an end.
    pub(crate) fn within(self, most: Duration) -> Server {
        Server { within: Some(most).filter(|most| !most.is_zero()), ..self }
    }

    /// The same, with a checkpoint whenever so many bytes are in memory alone.
    pub(crate) fn saving(self, unsaved_most: u64) -> Server {
        Server { unsaved_most, ..self }
    }

    /// The same, with so many bytes of files read before anybody asks for them.
    pub(crate) fn reading_ahead(self, ahead_most: u64) -> Server {
        Server { ahead_most, ..self }
    }

    /// Bytes of changes that no checkpoint has yet.
    pub(crate) fn unsaved_bytes(&self) -> u64 {
        self.db.unsaved_bytes()
    }

    /// The store, to write to.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The store as it is now, to read. When the clock cannot be advanced (the store is read-only
    /// after a fault), reads go on with the last snapshot.
    pub(crate) fn view(&self) -> View {
        let _ = self.db.tick();
        let view = self.store.view();
        self.within.map_or(view.clone(), |most| view.within(most))
    }

    /// Advances the clock of a store that has segments, which change by it.
    pub(super) fn tick(&self) -> navedb::Result<()> {
        if self.store.view().has_segments() {
            self.db.tick()?;
        }
        Ok(())
    }

    /// Makes a checkpoint when much is in memory alone.
    pub(super) fn checkpoint_if_due(&self) -> navedb::Result<()> {
        let unsaved = self.db.unsaved_bytes();
        if unsaved > 0 && unsaved >= self.unsaved_most {
            self.db.checkpoint()?;
        }
        Ok(())
    }

    /// Reads some files more before anybody asks for them.
    pub(super) fn read_ahead(&self) -> navedb::Result<()> {
        let some = self.ahead.load(Ordering::Relaxed).saturating_add(READ_AHEAD_SLICE);
        let read = self.db.read_ahead(some.min(self.ahead_most))?;
        self.ahead.store(read, Ordering::Relaxed);
        Ok(())
    }

    /// The password, if one is asked for.
    pub(crate) fn password(&self) -> Option<&Password> {
        self.password.as_ref()
    }

    /// The address that the server listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long the server has been running.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// What all connections hold.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Connections now.
    pub(crate) fn connected(&self) -> usize {
        self.peers().len()
    }

    /// Connections since the start.
    pub(crate) fn connections_ever(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests since the start.
    pub(crate) fn requests_ever(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Connections refused since the start, because there were too many.
    pub(crate) fn rejected_ever(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Counts a request.
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds a peer, unless there are `most`; its number, which is never used again.
    pub(super) fn admit(&self, stream: &Arc<TcpStream>, most: usize) -> Option<u64> {
        let mut peers = self.peers();
        if peers.len() >= most || self.is_stopping() {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let id = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        peers.insert(id, Arc::clone(stream));
        Some(id)
    }

    /// Forgets a peer.
    pub(super) fn dismiss(&self, id: u64) {
        self.peers().remove(&id);
    }

    /// Shuts all connections: for reading, so that each ends after the request at hand; or both
    /// ways, at once.
    pub(super) fn shut(&self, how: Shutdown) {
        for stream in self.peers().values() {
            // A peer that is gone already is what is wanted.
            let _ = stream.shutdown(how);
        }
    }

    /// Whether the end was asked for.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Asks for the end; whether it is the first time.
    pub(super) fn ask_to_stop(&self) -> bool {
        !self.stopping.swap(true, Ordering::SeqCst)
    }

    /// Flushes, checkpoints and closes the store.
    pub(super) fn close_store(&self) -> navedb::Result<()> {
        self.db.clone().close()
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<u64, Arc<TcpStream>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
