//! The database: the one module that sees every floor and wires them.
//!
//! *What it is:* opening and closing (`open`), sessions that write (`write`), loads (`load`), views that answer
//! (`view`; lists in `members`, where values come from in `provenance`), how these meet (`publish`), and what an owner
//! does to a store (`maintain`).
//! *Invariants:* one writer, behind a mutex; readers take a snapshot and never lock; decode, deduplicate, append,
//! apply, publish, sync, reply, in this order.
//! *Where to start reading:* `Db`, then `write`.

mod answers;
#[cfg(feature = "arrow")]
mod batches;
mod checkpoint;
mod continuation;
mod define;
mod effect;
mod expect;
mod export;
mod feed;
mod groups;
mod household;
mod identity;
mod identity_feed;
mod identity_types;
mod load;
mod lookup;
mod maintain;
mod match_rows;
mod match_types;
mod matcher;
mod matches;
mod members;
mod merger;
mod open;
mod plans;
mod profile_view;
mod provenance;
mod publish;
mod quality;
mod quality_types;
mod quarantine;
mod regrouping;
mod retract;
mod segment_past;
mod segment_types;
mod segments;
mod sift;
mod sources;
mod stats;
mod streams;
mod telling;
mod text_log;
mod timers;
mod together;
mod told_portions;
mod types;
mod view;
mod waking;
mod watermark;
mod write;

pub use crate::state::Timer;
pub use answers::*;
#[cfg(feature = "arrow")]
pub use batches::{ArrowBatches, ArrowRequest, ArrowTable};
pub use define::{
    DefineEffect, DefineReport, DefineRequest, DefinedOne, Definition, DefinitionChange,
    FieldChange, QuarantineChange, RegroupedProfiles,
};
pub use export::*;
pub use identity_types::*;
pub use maintain::{check, rebuild, repair};
pub use match_types::*;
pub use matcher::ProfileMatcher;
pub use quality_types::*;
pub use segment_types::*;
pub use segments::PreparedAudience;
pub use streams::{Follow, Identity, Named, Stream};
pub use text_log::{TextLogReport, import_log};
pub use timers::{NewTimer, TimerPage, TimerPlace};
pub use types::*;
pub use view::View;

use crate::base::clock::Clock;
use crate::base::dir::{Dir, DiskDir};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::Position;
use crate::base::sync::{Mutex, Newest, RwLock};
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::log::{Durability, LogReader, LogWriter, SeenKeys};
use crate::state::{Fold, State};
use lookup::Compared;
use merger::Merger;
use publish::Snapshot;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use telling::Telling;

/// An open store. A clone is the same store.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

/// What the one writer holds.
struct Writer {
    log: LogWriter,
    fold: Fold,
    /// What exactly-once remembers; only the writer changes it, views look things up.
    seen: Arc<RwLock<SeenKeys>>,
    /// Whether the fold lacks entries, because a part could not be read while they were folded: it is made anew before
    /// anybody sees or uses it.
    broken: bool,
    /// Whether entries said something of earlier ones that the fold has as they were: it is made anew before anybody
    /// sees it. What exactly-once needs of it is right all the same.
    stale: bool,
    /// The records frame that was last compared with, for rows that come in the order of the log.
    compared: Compared,
    /// The thread that merges parts, if there is one.
    merger: Option<Merger>,
    /// Threads that large batches borrow.
    workers: Workers,
    /// What is kept of segments.
    telling: Telling,
    closed: bool,
    lock: Option<Box<dyn Send + Sync>>,
}

struct Inner {
    dir: Arc<dyn Dir>,
    clock: Arc<dyn Clock>,
    writer: Mutex<Writer>,
    seen: Arc<RwLock<SeenKeys>>,
    snapshot: Newest<Snapshot>,
    durability: Arc<Durability>,
    reader: Arc<LogReader>,
    /// Bytes of changes that are gathered before they are written as a file.
    open_bytes: usize,
    /// Rows and changes of files that are merged while writers wait.
    merged_at_once: u64,
    /// Held by who writes or merges files beside the writer.
    beside: Mutex<()>,
    load_threads: bool,
    report: OpenReport,
    closed: AtomicBool,
    /// Torn tails that were cut since the store was made.
    torn_tails: u64,
    /// The last state that was folded as of a time, with the end of the snapshot that it belongs to.
    past: Mutex<Option<(Position, Timestamp, Arc<State>)>>,
    /// Audiences as they were parsed.
    plans: plans::Plans,
    /// Wakes those who wait for something to be published.
    news: waking::Waking,
    /// Threads that questions borrow.
    workers: Workers,
}

/// A caller and a purpose, who read and write.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    #[expect(
        dead_code,
        reason = "access by caller comes with the access floor; the shape of the API is fixed now"
    )]
    caller: Caller,
    #[expect(
        dead_code,
        reason = "access by purpose comes with the access floor; the shape of the API is fixed now"
    )]
    purpose: Purpose,
}

impl Db {
    /// Opens a store in a folder, making it when there is none.
    ///
    /// # Errors
    /// `Conflict` when another process has it open; `Corrupt` when the log is damaged; `Io`.
    pub fn open(path: impl AsRef<Path>) -> Result<Db> {
        Db::open_with(
            Arc::new(DiskDir::new(path)),
            Arc::new(crate::base::clock::SystemClock),
            Settings::default(),
        )
    }

    /// Opens a store in any folder with any clock.
    ///
    /// # Errors
    /// As `open`; `NotFound` when there is no store and the settings do not make one.
    pub fn open_with(dir: Arc<dyn Dir>, clock: Arc<dyn Clock>, settings: Settings) -> Result<Db> {
        open::open(dir, clock, settings).map(|inner| Db { inner: Arc::new(inner) })
    }

    /// What opening found and did.
    pub fn open_report(&self) -> &OpenReport {
        &self.inner.report
    }

    /// A session for a caller and a purpose.
    pub fn session(&self, caller: Caller, purpose: Purpose) -> Session {
        Session { inner: Arc::clone(&self.inner), caller, purpose }
    }

    /// Advances the engine clock to the time now and publishes it, unless a write is under way, which does so itself.
    ///
    /// # Errors
    /// `Closed`.
    pub fn tick(&self) -> Result<Timestamp> {
        self.inner.tick()
    }

    /// Writes the whole state as derived files, so that the next opening need not fold the log up to here.
    ///
    /// # Errors
    /// `Io`; the checkpoint before stays in force, or this one, when only older files could not be merged.
    pub fn checkpoint(&self) -> Result<Position> {
        self.inner.checkpoint()
    }

    /// Reads derived files before anybody asks, up to so many bytes: identifiers, evidence and golden rows first, then
    /// events, then the rest. A first look at a row otherwise waits for the system to bring its page, and for its
    /// checksum. To be called by a thread of the host; what was read before costs next to nothing. Gives how many bytes
    /// are at hand. A file that is damaged is made anew from the log.
    ///
    /// # Errors
    /// `Corrupt` when a file is damaged and cannot be made anew.
    pub fn read_ahead(&self, most: u64) -> Result<u64> {
        View::new(Arc::clone(&self.inner)).reading(|state| state.read_ahead(most))
    }

    /// Bytes of changes that are in memory and that no checkpoint has: what one is worth making for.
    pub fn unsaved_bytes(&self) -> u64 {
        self.inner.snapshot.get().state.unsaved_bytes()
    }

    /// Closes the store: everything is durable, a checkpoint is made, and the end of the log is recorded. Every other
    /// clone and session of this store gets `Closed` when it writes; views stay as they are.
    ///
    /// # Errors
    /// `Io`; the next opening then recovers as after a crash.
    pub fn close(self) -> Result<()> {
        self.inner.close()
    }
}

impl Inner {
    /// Refuses when the store is closed or read-only. A fold that lacks entries is made anew.
    fn writable(&self, writer: &mut Writer) -> Result<()> {
        if writer.closed {
            return Err(Error::new(ErrorKind::Closed, "the store is closed; open it again"));
        }
        writer.log.writable()?;
        if writer.broken { self.fold_again(writer) } else { Ok(()) }
    }

    fn close(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        if writer.closed {
            return Ok(());
        }
        let checkpoint = self.checkpoint_locked(&mut writer).map(|_| ());
        let clock = writer.fold.state.clock;
        writer.log.advance_clock(clock);
        // The clean end does not need the checkpoint: without it the next opening folds the log.
        let ended = writer.log.close();
        writer.closed = true;
        writer.merger = None;
        self.closed.store(true, Ordering::Release);
        writer.lock = None;
        ended.and(checkpoint)
    }
}

/// The last position before an end.
fn last_before(end: Position) -> Position {
    Position(end.0.saturating_sub(1))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session of the store at {}", self.inner.dir.place())
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db at {}", self.inner.dir.place())
    }
}
