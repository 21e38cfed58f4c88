//! The store under thousands of schedules: which thread goes on at each lock, wait, write and sync is chosen by
//! `shuttle`, at random and by PCT (few changes of priority at random places), and a failure names its schedule.
//!
//! It is the engine itself, built with `RUSTFLAGS='--cfg nave_shuttle'` over the locks of `shuttle`; without that there
//! are no tests here. `NAVE_FULL=1` tries many more schedules.
#![cfg(nave_shuttle)]
#![forbid(unsafe_code)]

#[path = "schedules/disk.rs"]
mod disk;

use disk::{TurnDir, logged};
use navedb::clock::ManualClock;
use navedb::{
    Batch, Caller, Db, ErrorKind, Level, Position, Purpose, Record, Retraction, Session, Settings,
    Timestamp, View,
};
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, FailurePersistence, Runner};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Changes of priority in a schedule of PCT.
const DEPTH: usize = 4;

/// Runs a test under as many schedules of each kind.
fn schedules(count: usize, test: fn()) {
    let full = std::env::var("NAVE_FULL").is_ok_and(|v| v == "1");
    let count = if full { count * 20 } else { count };
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config.failure_persistence = FailurePersistence::Print;
    Runner::new(RandomScheduler::new(count), config.clone()).run(test);
    Runner::new(PctScheduler::new(DEPTH, count), config).run(test);
}

/// A store whose log files hold a few records, with one record in it.
struct Store {
    db: Db,
    clock: Arc<ManualClock>,
    dir: TurnDir,
}

impl Store {
    fn on(dir: TurnDir) -> navedb::Result<Store> {
        let clock = Arc::new(ManualClock::new(Timestamp(1_711_886_400_000_000)));
        let settings = Settings { log_file_bytes: 1500, ..Settings::default() };
        let db = Db::open_with(Arc::new(dir.clone()), clock.clone(), settings)?;
        let store = Store { db, clock, dir };
        let first = store.session().write(batch("first", 1).level(Level::Group))?;
        assert_eq!(first.position, Position(3), "after the store and the source");
        Ok(store)
    }

    fn new() -> Store {
        Store::on(TurnDir::new(None)).unwrap()
    }

    fn session(&self) -> Session {
        self.db.session(Caller::all(), Purpose::any())
    }
}

/// Records of new profiles; `name` begins their ids.
fn batch(name: &str, records: u64) -> Batch {
    let record = |n: u64| {
        let json = format!(
            r#"{{"type":"identify","userId":"{name}-{n}","messageId":"{name}-{n}",
                "timestamp":"2024-03-01T00:00:00Z","traits":{{"n":{n}}}}}"#
        );
        Record::message("web", json)
    };
    (0..records).fold(Batch::new(), |batch, n| batch.record(record(n)))
}

/// What a view says, and that it holds all of it: after the entries of the store and of the source, each position is
/// the record of one profile, and batches are whole.
fn whole(view: &View) -> String {
    let stats = view.stats().unwrap();
    let records: u64 = stats.sources.iter().map(|source| source.records).sum();
    assert_eq!(view.position(), Position(records + 2), "a record for each position");
    assert_eq!(records % 2, 1, "the first record, and batches of two");
    assert_eq!(stats.profiles, records, "a profile for each record");
    assert_eq!(view.clock(), stats.clock);
    view.digest().unwrap()
}

/// What was seen at each position, by whomever.
type Seen = Arc<Mutex<BTreeMap<Position, String>>>;

/// Takes views: whole, never going back, and at a position the same for all.
fn read(session: &Session, seen: &Seen) {
    let (mut position, mut clock) = (Position(0), Timestamp(0));
    for _ in 0..3 {
        let view = session.view();
        assert!(view.position() >= position && view.clock() >= clock, "a view goes back");
        (position, clock) = (view.position(), view.clock());
        let digest = whole(&view);
        assert!(view.record("web", "first-0").unwrap().is_some(), "the first record is there");
        let known = seen.lock().unwrap().insert(position, digest.clone());
        assert!(known.is_none_or(|known| known == digest), "two states at {position}");
    }
}

/// Writes, and finds what it wrote.
fn write(session: &Session, name: &str, level: Level) {
    let receipt = session.write(batch(name, 2).level(level)).unwrap();
    let view = session.at_least(receipt.position).unwrap();
    assert!(view.profile("user_id", &format!("{name}-1")).unwrap().is_some(), "{name}");
    whole(&view);
}

fn checkpoint(db: &Db) {
    let position = db.checkpoint().unwrap();
    assert!(db.session(Caller::all(), Purpose::any()).at_least(position).is_ok());
}

fn join(threads: Vec<JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Readers beside writers, a checkpoint and a clock that ticks.
fn reading() {
    let store = Store::new();
    let seen = Seen::default();
    let mut threads = Vec::new();
    for name in ["a", "b"] {
        let session = store.session();
        threads.push(thread::spawn(move || {
            (0..2).for_each(|n| write(&session, &format!("{name}{n}"), Level::Memory));
        }));
    }
    for _ in 0..2 {
        let (session, seen) = (store.session(), Arc::clone(&seen));
        threads.push(thread::spawn(move || read(&session, &seen)));
    }
    let (db, clock) = (store.db.clone(), Arc::clone(&store.clock));
    threads.push(thread::spawn(move || {
        for _ in 0..3 {
            clock.advance(1_000_000);
            let before = db.tick().unwrap();
            assert!(db.session(Caller::all(), Purpose::any()).view().clock() >= before);
        }
    }));
    let db = store.db.clone();
    threads.push(thread::spawn(move || checkpoint(&db)));
    join(threads);
    whole(&store.session().view());
}

#[test]
fn readers_see_whole_states_that_never_go_back() {
    schedules(300, reading);
}

/// What is decided on the newest state is written before anything else is.
fn deciding() {
    let store = Store::new();
    let mut threads = Vec::new();
    for _ in 0..2 {
        let session = store.session();
        threads.push(thread::spawn(move || {
            for _ in 0..2 {
                let decided = session.transact(Some(Level::Group), |view| {
                    Ok(batch(&format!("number-{}", whole_count(view)), 2))
                });
                assert_eq!(decided.unwrap().written, 2, "another took the number");
            }
        }));
    }
    let session = store.session();
    threads.push(thread::spawn(move || write(&session, "a", Level::Memory)));
    let db = store.db.clone();
    threads.push(thread::spawn(move || checkpoint(&db)));
    join(threads);
    assert_eq!(whole_count(&store.session().view()), 11);
}

fn whole_count(view: &View) -> u64 {
    whole(view);
    view.stats().unwrap().profiles
}

#[test]
fn nothing_comes_between_a_decision_and_its_write() {
    schedules(150, deciding);
}

/// Whoever knows the position of a retraction does not see what it withdrew, whatever is written beside it.
fn retracting() {
    let store = Store::new();
    write(&store.session(), "gone", Level::Memory);
    let mut threads = Vec::new();
    let session = store.session();
    threads.push(thread::spawn(move || {
        let what = Retraction::Record { source: "web".to_owned(), message_id: "gone-1".to_owned() };
        let receipt = session.retract(&what).unwrap();
        let view = session.at_least(receipt.position).unwrap();
        assert!(view.profile("user_id", "gone-1").unwrap().is_none(), "what was withdrawn");
        assert!(view.profile("user_id", "gone-0").unwrap().is_some(), "what was not");
    }));
    let session = store.session();
    threads.push(thread::spawn(move || {
        for name in ["a", "b"] {
            let receipt = session.write(batch(name, 2).level(Level::Memory)).unwrap();
            let view = session.at_least(receipt.position).unwrap();
            assert!(view.profile("user_id", &format!("{name}-1")).unwrap().is_some(), "{name}");
        }
    }));
    let session = store.session();
    threads.push(thread::spawn(move || {
        let (mut position, mut gone) = (Position(0), false);
        for _ in 0..4 {
            let view = session.view();
            let is_gone = view.profile("user_id", "gone-1").unwrap().is_none();
            assert!(view.position() >= position && is_gone >= gone, "a view goes back");
            assert_eq!(view.record("web", "gone-1").unwrap().is_none(), is_gone);
            (position, gone) = (view.position(), is_gone);
        }
    }));
    let db = store.db.clone();
    threads.push(thread::spawn(move || checkpoint(&db)));
    join(threads);
}

#[test]
fn a_retraction_is_seen_whole() {
    schedules(150, retracting);
}

/// Who waits for a sync beside others gets its reply, and the disk has what was acknowledged.
fn committing() {
    let store = Store::new();
    let mut threads = Vec::new();
    for (name, level) in [("a", Level::Group), ("b", Level::Group), ("c", Level::Sync)] {
        let (session, dir) = (store.session(), store.dir.clone());
        threads.push(thread::spawn(move || {
            for n in 0..2 {
                let name = format!("{name}{n}");
                let receipt = session.write(batch(&name, 2).level(level)).unwrap();
                assert_eq!((receipt.written, receipt.level), (2, level));
                assert!(logged(&dir.left(), &format!("\"{name}-1\"")), "{name} was lost");
            }
        }));
    }
    let (session, dir) = (store.session(), store.dir.clone());
    threads.push(thread::spawn(move || {
        let receipt = session.write(batch("d", 2).level(Level::Memory)).unwrap();
        session.wait(receipt.position, Level::Group).unwrap();
        assert!(logged(&dir.left(), "\"d-1\""), "what was waited for was lost");
    }));
    let db = store.db.clone();
    threads.push(thread::spawn(move || checkpoint(&db)));
    join(threads);
}

#[test]
fn group_commit_acknowledges_what_is_durable_and_forgets_nobody() {
    schedules(300, committing);
}

/// The calls of a disk until a store is open.
fn opening_calls() -> u64 {
    let dir = TurnDir::new(None);
    let store = Store::on(dir.clone()).unwrap();
    let calls = dir.calls();
    drop(store);
    calls
}

/// A disk that fails somewhere: nobody waits for ever, nothing is acknowledged that was lost, nothing is taken after
/// the failure, and the next opening finds what was acknowledged.
fn failing() {
    let at = opening_calls() + shuttle::rand::thread_rng().gen_range(1..40);
    let store = Store::on(TurnDir::new(Some(at))).unwrap();
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut threads = Vec::new();
    for name in ["a", "b", "c"] {
        let (session, acknowledged) = (store.session(), Arc::clone(&acknowledged));
        let dir = store.dir.clone();
        threads.push(thread::spawn(move || {
            let mut refused = false;
            for n in 0..3 {
                let name = format!("{name}{n}");
                match session.write(batch(&name, 2).level(Level::Group)) {
                    Ok(_) => {
                        assert!(!refused, "{name} was taken after a failed write");
                        assert!(logged(&dir.left(), &format!("\"{name}-1\"")), "{name} was lost");
                        acknowledged.lock().unwrap().push(name);
                    }
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::Io, "{e}");
                        refused = true;
                    }
                }
            }
        }));
    }
    let db = store.db.clone();
    threads.push(thread::spawn(move || {
        // A file of derived data may fail and the next one be written: then the store goes on. When the log failed, it
        // is read-only for good.
        let refused = |found: navedb::Result<_>| found.is_err_and(|e| e.kind() == ErrorKind::Io);
        let failed = (0..2).any(|_| refused(db.checkpoint()));
        let read_only = db.session(Caller::all(), Purpose::any()).view().stats().unwrap().read_only;
        assert!(read_only.is_none() || (failed | refused(db.checkpoint())), "the log failed");
    }));
    join(threads);
    let left = store.dir.left();
    drop(store);
    let db = Db::open_with(
        Arc::new(left),
        Arc::new(ManualClock::new(Timestamp(1_711_886_400_000_000))),
        Settings::default(),
    );
    let view = db.unwrap().session(Caller::all(), Purpose::any()).view();
    for name in acknowledged.lock().unwrap().iter() {
        assert!(view.profile("user_id", &format!("{name}-1")).unwrap().is_some(), "{name}");
    }
}

#[test]
fn a_failing_disk_acknowledges_nothing_that_it_lost() {
    schedules(300, failing);
}
