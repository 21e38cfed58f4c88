//! Opening and closing a store for one command.
//!
//! *Invariants:* a command that only reads never makes a store; what opening had to do is told; a
//! store is closed at the end, and a failed close of a command that wrote is a failure. *Where to
//! start reading:* `Store::open`.

use super::failure::Failure;
use super::output::Output;
use navedb::clock::{Clock, SystemClock};
use navedb::dir::{Dir, DiskDir};
use navedb::{
    Caller, Db, MatcherRequest, OpenReport, ProfileMatcher, Purpose, Session, Settings, View,
};
use std::path::Path;
use std::sync::Arc;

/// The source that what matching finds is kept under, unless somebody names another.
pub(crate) const MATCHER: &str = "matcher";
/// How many threads read all profiles for matching, unless somebody says how many.
pub(crate) const MATCHER_THREADS: usize = 2;

/// The folder of a store.
pub(crate) fn folder(path: &Path) -> Arc<dyn Dir> {
    Arc::new(DiskDir::new(path))
}

/// The clock of the machine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// An open store.
pub(crate) struct Store {
    db: Db,
}

impl Store {
    /// Opens the store in a folder; makes one, if there is none and `create` says so.
    pub(crate) fn open(path: &Path, create: bool, output: &Output) -> Result<Store, Failure> {
        Store::open_with(path, Settings { create, ..Settings::default() }, output)
    }

    /// Opens the store in a folder for loads; with `create` makes one if there is none.
    pub(crate) fn open_to_load(
        path: &Path,
        create: bool,
        output: &Output,
    ) -> Result<Store, Failure> {
        let settings = Settings { create, load_threads: true, ..Settings::default() };
        Store::open_with(path, settings, output)
    }

    /// Opens the store in a folder, making one if there is none, for a process that stays.
    pub(crate) fn open_to_stay(path: &Path, output: &Output) -> Result<Store, Failure> {
        Store::open_with(
            path,
            Settings {
                merge_thread: true,
                question_threads: std::thread::available_parallelism().map_or(1, usize::from),
                ..Settings::default()
            },
            output,
        )
    }

    fn open_with(path: &Path, settings: Settings, output: &Output) -> Result<Store, Failure> {
        let db = Db::open_with(folder(path), clock(), settings)?;
        tell(db.open_report(), output);
        Ok(Store { db })
    }

    /// The database.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// The session of the person at the keyboard, who may do everything.
    pub(crate) fn session(&self) -> Session {
        self.db.session(Caller::all(), Purpose::any())
    }

    /// What matches profiles as they arrive, by the saved model.
    pub(crate) fn matcher(&self) -> Result<ProfileMatcher, Failure> {
        let (source, threads) = (MATCHER.to_owned(), MATCHER_THREADS);
        let request = MatcherRequest { source, threads, ..MatcherRequest::default() };
        Ok(self.session().matcher(&request)?)
    }

    /// The store as it is now. When the clock cannot be advanced (the store is read-only after a
    /// fault), the last snapshot answers.
    pub(crate) fn view(&self) -> View {
        let _ = self.db.tick();
        self.session().view()
    }

    /// Ends a command that wrote.
    pub(crate) fn close(self) -> Result<(), Failure> {
        Ok(self.db.close()?)
    }

    /// Ends a command that was to write, with what came of it: after a failure there is nothing that closing could add.
    pub(crate) fn end<T, E: Into<Failure>>(self, done: Result<T, E>) -> Result<T, Failure> {
        match done {
            Ok(done) => self.close().map(|()| done),
            Err(error) => {
                self.leave();
                Err(error.into())
            }
        }
    }

    /// Ends a command that read: the answer stands, whatever closing says.
    pub(crate) fn leave(self) {
        let _ = self.db.close();
    }
}

/// Nothing that opening threw away is passed over in silence.
pub(crate) fn tell(report: &OpenReport, output: &Output) {
    if let Some((file, offset)) = &report.torn_at {
        output.note(&format!(
            "note: a torn end of {} bytes was cut off at {file}:{offset}; it was never \
             acknowledged as durable",
            report.torn_bytes
        ));
    }
    if !report.discarded.is_empty() {
        output.note(&format!(
            "note: derived files were damaged or of another version and were made anew: {}",
            report.discarded.join(", ")
        ));
    }
}
