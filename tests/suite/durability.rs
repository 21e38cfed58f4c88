//! The store on its disk: shared syncs, the first failed write, the lock, files, opening and closing.

use crate::scratch::Scratch;
use crate::slow_dir::SlowDir;
use crate::store::{self, NOON, identify, say, session, small, track, view, write};
use navedb::dir::{Crash, Fault, FaultDir, FaultPlan, MemoryDir};
use navedb::{At, Db, ErrorKind, Level, Settings};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const DAY_1: &str = "2024-03-01T00:00:00Z";

fn step(i: usize) -> String {
    track(&format!("u{}", i % 9), &format!("m{i}"), DAY_1, "step", &format!(r#"{{"n":{i}}}"#))
}

/// Many small records and one profile with traits.
fn fill(db: &Db, count: usize) {
    let all: Vec<String> = (0..count).map(step).collect();
    all.chunks(7).for_each(|part| drop(write(db, "web", part)));
    say(db, "crm", &identify("u1", "i1", DAY_1, r#"{"age":30,"city":"Nice"}"#));
}

fn log_files(disk: &MemoryDir) -> usize {
    disk.files()
        .iter()
        .filter(|(name, _)| name.starts_with("log/") && name.ends_with(".log"))
        .count()
}

#[test]
fn writers_who_wait_share_one_sync() {
    let disk = SlowDir::default();
    let db = store::open(disk.clone()).unwrap();
    let before = disk.syncs.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let session = session(&db);
            scope.spawn(move || {
                for i in 0..50 {
                    let message = step(thread * 1000 + i);
                    let receipt = session
                        .write(store::batch("web", &[&message]).level(Level::Group))
                        .unwrap();
                    assert!(receipt.written == 1 && receipt.level >= Level::Group);
                }
            });
        }
    });
    let syncs = disk.syncs.load(Ordering::SeqCst) - before;
    println!("400 durable writes of 8 threads took {syncs} syncs");
    assert!(syncs < 200, "400 writes took {syncs} syncs");
    let after = store::open(disk.disk.crash(Crash::LoseUnsynced)).unwrap();
    assert_eq!(view(&after).stats().unwrap().events, [("step".to_owned(), 400)]);
}

#[test]
fn after_the_first_failed_write_or_sync_nothing_is_taken_and_nothing_is_tried_again() {
    for fault in [Fault::Fail, Fault::FailForever] {
        let mut failures = 0;
        for ahead in 1..12 {
            let base = MemoryDir::new();
            let db = store::open(base.clone()).unwrap();
            fill(&db, 10);
            db.close().unwrap();
            let opened = FaultDir::new(base.crash(Crash::KeepAll), None);
            let db = store::open(opened.clone()).unwrap();
            let at = opened.calls() + ahead;
            drop(db);
            let disk = FaultDir::new(base.crash(Crash::KeepAll), Some(FaultPlan { at, fault }));
            let db = store::open(disk.clone()).unwrap();
            let write =
                |i: usize| session(&db).write(store::batch("web", &[step(i)]).level(Level::Sync));
            let Err(error) = write(100) else { continue };
            failures += 1;
            let here = format!("{fault:?} at call {ahead} after opening: {error}");
            assert_eq!(error.kind(), ErrorKind::Io, "{here}");
            let calls = disk.calls();
            for i in 101..104 {
                let refused = write(i).unwrap_err();
                assert!(
                    matches!(refused.kind(), ErrorKind::Io | ErrorKind::Closed),
                    "{here}: {refused}"
                );
            }
            let position = view(&db).position();
            let waited = session(&db).wait(position, Level::Sync);
            assert_eq!(disk.calls(), calls, "{here}: the disk was asked again");
            let stats = view(&db).stats().unwrap();
            let durable = stats.durable >= position;
            assert!(waited.is_err() || durable, "{here}: a failed sync never acknowledges");
            assert!(stats.read_only.is_some(), "{here}");
            assert_eq!(view(&db).count("p.age = 30", At::Latest), Ok(1), "{here}: reads go on");
            drop(db);
            let lost = store::open(disk.disk().crash(Crash::LoseUnsynced)).unwrap();
            let found = view(&lost).record("web", "m100").unwrap();
            assert!(found.is_none_or(|bytes| bytes == step(100).as_bytes()), "{here}");
        }
        assert!(failures >= 2, "{fault:?}: a write and a sync can fail, {failures} did");
    }
}

#[test]
fn a_store_belongs_to_one_process() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    assert_eq!(store::open(disk.clone()).err().map(|e| e.kind()), Some(ErrorKind::Conflict));
    let shared: Arc<dyn navedb::dir::Dir> = Arc::new(disk.clone());
    assert_eq!(navedb::check(shared.clone()).err().map(|e| e.kind()), Some(ErrorKind::Conflict));
    assert_eq!(
        navedb::repair(shared, store::clock(NOON)).err().map(|e| e.kind()),
        Some(ErrorKind::Conflict)
    );
    let other = db.clone();
    drop(db);
    assert!(store::open(disk.clone()).is_err(), "a clone still holds it");
    drop(other);
    store::open(disk.clone()).unwrap().close().unwrap();
    store::open(disk).unwrap();
}

#[test]
fn a_closed_store_answers_closed() {
    let db = store::new();
    fill(&db, 5);
    let (other, reader) = (db.clone(), session(&db));
    let seen = reader.view();
    db.close().unwrap();
    let closed = |error: navedb::Error| assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    closed(reader.write(store::batch("web", &[step(99)])).unwrap_err());
    closed(other.checkpoint().unwrap_err());
    closed(other.tick().unwrap_err());
    closed(session(&other).transact(None, |_| Ok(store::batch("web", &[step(98)]))).unwrap_err());
    assert_eq!(seen.count("p.age = 30", At::Latest), Ok(1), "a snapshot outlives its store");
}

#[test]
fn a_store_is_made_only_when_asked() {
    let disk = MemoryDir::new();
    let never = Settings { create: false, ..Settings::default() };
    let error = store::open_with(disk.clone(), never.clone()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(
        disk.files().iter().filter(|(name, _)| name != "LOCK").count(),
        0,
        "nothing was made"
    );
    store::open(disk.clone()).unwrap().close().unwrap();
    store::open_with(disk, never).unwrap();
}

#[test]
fn a_log_file_ends_and_the_next_begins() {
    let disk = MemoryDir::new();
    let db = store::open_with(disk.clone(), small()).unwrap();
    fill(&db, 400);
    let digest = view(&db).digest().unwrap();
    db.close().unwrap();
    assert!(log_files(&disk) > 3, "{} log files", log_files(&disk));
    for settings in [small(), Settings::default()] {
        let db = store::open_with(disk.clone(), settings).unwrap();
        assert_eq!(view(&db).digest().unwrap(), digest);
        assert_eq!(view(&db).record("web", "m0").unwrap().unwrap(), step(0).as_bytes());
    }
    let clean = navedb::check(Arc::new(disk.clone())).unwrap();
    assert_eq!(clean.damage, Vec::<String>::new());
    assert!(clean.frames > 0 && clean.rows >= 401, "{clean:?}");
}

#[test]
fn a_clean_close_leaves_nothing_to_replay_and_a_crash_does() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    assert_eq!(db.open_report().checkpoint, None);
    fill(&db, 50);
    let digest = view(&db).digest().unwrap();
    db.close().unwrap();
    let db = store::open(disk.clone()).unwrap();
    assert!(db.open_report().checkpoint.is_some());
    assert_eq!((db.open_report().replayed, db.open_report().torn_bytes), (0, 0));
    assert_eq!(view(&db).digest().unwrap(), digest);
    for i in 50..60 {
        say(&db, "web", &step(i));
    }
    session(&db).wait(view(&db).position(), Level::Sync).unwrap();
    let digest = view(&db).digest().unwrap();
    let after = store::open(disk.crash(Crash::LoseUnsynced)).unwrap();
    assert_eq!(after.open_report().replayed, 10, "the ten rows after the checkpoint");
    assert_eq!(view(&after).digest().unwrap(), digest);
}

#[test]
fn a_checkpoint_is_used_after_a_crash() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    fill(&db, 50);
    let position = db.checkpoint().unwrap();
    assert_eq!(position, view(&db).position());
    for i in 50..60 {
        say(&db, "web", &step(i));
    }
    session(&db).wait(view(&db).position(), Level::Sync).unwrap();
    let after = store::open(disk.crash(Crash::LoseUnsynced)).unwrap();
    assert_eq!(
        (after.open_report().checkpoint, after.open_report().replayed),
        (Some(position), 10)
    );
    assert_eq!(view(&after).digest().unwrap(), view(&db).digest().unwrap());
}

#[test]
fn a_torn_tail_is_cut_counted_and_told() {
    let base = MemoryDir::new();
    let db = store::open(base.clone()).unwrap();
    fill(&db, 10);
    db.close().unwrap();
    let counting = FaultDir::new(base.crash(Crash::KeepAll), None);
    drop(store::open(counting.clone()).unwrap());
    let mut torn = 0;
    for ahead in 1..6 {
        let plan = FaultPlan { at: counting.calls() + ahead, fault: Fault::Tear };
        let disk = FaultDir::new(base.crash(Crash::KeepAll), Some(plan));
        let db = store::open(disk.clone()).unwrap();
        let digest = view(&db).digest().unwrap();
        let written = session(&db).write(store::batch("web", &[step(100)]).level(Level::Os));
        drop(db);
        let left = disk.disk().crash(Crash::KeepAll);
        let db = store::open(left.clone()).unwrap();
        let report = db.open_report().clone();
        if report.torn_bytes == 0 {
            continue;
        }
        torn += 1;
        assert!(written.is_err(), "what is torn was not acknowledged");
        let (file, offset) = report.torn_at.clone().unwrap();
        assert!(file.ends_with(".log") && offset > 0, "{report:?}");
        assert_eq!(view(&db).digest().unwrap(), digest, "{report:?}");
        assert_eq!(view(&db).stats().unwrap().torn_tails, 1, "{report:?}");
        db.close().unwrap();
        let db = store::open(left).unwrap();
        assert_eq!((db.open_report().torn_bytes, view(&db).stats().unwrap().torn_tails), (0, 1));
    }
    assert!(torn > 0, "no write was torn");
}

fn closed_store() -> (MemoryDir, String) {
    let disk = MemoryDir::new();
    let db = store::open_with(disk.clone(), small()).unwrap();
    fill(&db, 120);
    db.checkpoint().unwrap();
    (120..150).for_each(|i| drop(say(&db, "web", &step(i))));
    let digest = view(&db).digest().unwrap();
    db.close().unwrap();
    (disk, digest)
}

fn derived(disk: &MemoryDir) -> Vec<String> {
    disk.files().into_iter().map(|f| f.0).filter(|name| name.starts_with("derived/")).collect()
}

#[test]
fn without_derived_files_the_answers_are_the_same() {
    let (disk, digest) = closed_store();
    let names = derived(&disk);
    assert!(!names.is_empty());
    for name in &names {
        let copy = disk.crash(Crash::KeepAll);
        copy.delete(name);
        let db = store::open_with(copy, small()).unwrap();
        assert_eq!(view(&db).digest().unwrap(), digest, "without {name}");
        assert_eq!(write(&db, "web", &[step(3)]).duplicates, 1, "without {name}");
    }
    names.iter().for_each(|name| disk.delete(name));
    let db = store::open_with(disk.clone(), small()).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest, "without any");
    assert!(db.open_report().replayed >= 151);
    let all: Vec<String> = (0..150).map(step).collect();
    assert_eq!(write(&db, "web", &all).duplicates, 150);
}

#[test]
fn damaged_derived_files_are_thrown_away_and_rebuilt() {
    let (disk, digest) = closed_store();
    for (name, bytes) in disk.files().into_iter().filter(|(name, _)| name.starts_with("derived/")) {
        let copy = disk.crash(Crash::KeepAll);
        let mut bytes = bytes;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        copy.put(&name, bytes);
        let damage = navedb::check(Arc::new(copy.clone())).unwrap().damage;
        assert!(damage.iter().any(|found| found.contains(&name)), "{name}: {damage:?}");
        let db = store::open_with(copy.clone(), small()).unwrap();
        // A block of a part is looked at when it is first needed, and then made anew; all else is looked at now.
        let part = name.contains("part-");
        assert!(part || !db.open_report().discarded.is_empty(), "{name}: {:?}", db.open_report());
        assert_eq!(view(&db).digest().unwrap(), digest, "{name}");
        db.close().unwrap();
        let report = navedb::check(Arc::new(copy.clone())).unwrap();
        assert_eq!(report.damage, Vec::<String>::new(), "{name}: the damage is gone");
        assert!(
            store::open_with(copy, small()).unwrap().open_report().discarded.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn rebuilding_gives_the_same_and_closes() {
    let (disk, digest) = closed_store();
    let shared: Arc<dyn navedb::dir::Dir> = Arc::new(disk.clone());
    let report = navedb::rebuild(shared, store::clock(NOON), small()).unwrap();
    assert!(report.replayed >= 151, "{report:?}");
    let db = store::open_with(disk, small()).unwrap();
    assert_eq!(db.open_report().replayed, 0);
    assert_eq!(view(&db).digest().unwrap(), digest);
}

#[test]
fn a_real_folder_holds_a_store() {
    let scratch = Scratch::new();
    let folder = std::path::PathBuf::from(scratch.path("data"));
    let db = Db::open(&folder).unwrap();
    fill(&db, 60);
    session(&db).wait(view(&db).position(), Level::Sync).unwrap();
    let digest = view(&db).digest().unwrap();
    assert_eq!(Db::open(&folder).err().map(|e| e.kind()), Some(ErrorKind::Conflict));
    db.close().unwrap();
    let db = Db::open(&folder).unwrap();
    assert_eq!((db.open_report().replayed, view(&db).digest().unwrap()), (0, digest.clone()));
    drop(db);
    std::fs::remove_dir_all(folder.join("derived")).unwrap();
    let db = Db::open(&folder).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest);
}
