//! The log through the API: exactly once, retraction, durability levels, transactions and snapshots.

use crate::store::{self, identify, say, session, track, view, write};
use navedb::dir::{Crash, MemoryDir};
use navedb::{At, Batch, Db, Error, ErrorKind, Level, Record, Result, Retraction, View};
use std::sync::mpsc;
use std::time::Duration;

const DAY_1: &str = "2024-03-01T00:00:00Z";
const DAY_2: &str = "2024-03-02T00:00:00Z";

/// How many events of a type the store holds.
fn events(view: &View, name: &str) -> u64 {
    view.stats()
        .unwrap()
        .events
        .iter()
        .filter(|(event, _)| event == name)
        .map(|(_, count)| *count)
        .sum()
}

fn quarantined(view: &View) -> u64 {
    view.stats().unwrap().quarantine.iter().map(|(_, count)| count).sum()
}

fn retract(db: &Db, source: &str, message_id: &str) -> Result<()> {
    let (source, message_id) = (source.to_owned(), message_id.to_owned());
    session(db).retract(&Retraction::Record { source, message_id }).map(|_| ())
}

#[test]
fn the_same_message_is_stored_once() {
    let db = store::new();
    let message = track("ann", "m1", DAY_1, "purchase", r#"{"amount":5}"#);
    let first = say(&db, "web", &message);
    assert_eq!((first.written, first.duplicates, first.conflicts), (1, 0, 0));
    let again = say(&db, "web", &message);
    assert_eq!((again.written, again.duplicates, again.conflicts), (0, 1, 0));
    let other = track("ben", "m2", DAY_1, "purchase", "{}");
    let both = write(&db, "web", &[&other, &other, &message]);
    assert_eq!((both.written, both.duplicates, both.conflicts), (1, 2, 0), "within one batch too");
    let elsewhere = say(&db, "app", &message);
    assert_eq!(elsewhere.written, 1, "an id belongs to its source");
    assert_eq!(events(&view(&db), "purchase"), 3);
    assert_eq!(quarantined(&view(&db)), 0);
}

#[test]
fn a_known_id_with_other_content_is_a_conflict_until_it_is_retracted() {
    let db = store::new();
    let one = track("ann", "m1", DAY_1, "purchase", r#"{"amount":5}"#);
    let two = track("ann", "m1", DAY_1, "purchase", r#"{"amount":6}"#);
    say(&db, "web", &one);
    let receipt = say(&db, "web", &two);
    assert_eq!((receipt.written, receipt.duplicates, receipt.conflicts), (0, 0, 1));
    let now = view(&db);
    assert_eq!(quarantined(&now), 1);
    assert_eq!(now.record("web", "m1").unwrap().unwrap(), one.as_bytes(), "the first stands");
    assert_eq!(now.count("(SELECT sum(e.amount) FROM purchase e) = 5", At::Latest), Ok(1));
    retract(&db, "web", "m1").unwrap();
    assert_eq!(view(&db).record("web", "m1"), Ok(None));
    let three = track("ann", "m1", DAY_1, "purchase", r#"{"amount":7}"#);
    assert_eq!(say(&db, "web", &three).written, 1, "a retracted id is free again");
    assert_eq!(view(&db).record("web", "m1").unwrap().unwrap(), three.as_bytes());
    assert_eq!(say(&db, "web", &three).duplicates, 1);
}

#[test]
fn what_is_not_there_cannot_be_retracted() {
    let db = store::new();
    say(&db, "web", &track("ann", "m1", DAY_1, "purchase", "{}"));
    let before = view(&db).digest().unwrap();
    let unknown = |e: Error| assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    unknown(retract(&db, "web", "m2").unwrap_err());
    unknown(retract(&db, "app", "m1").unwrap_err());
    unknown(session(&db).retract(&Retraction::Load(navedb::LoadId(999))).unwrap_err());
    assert_eq!(view(&db).digest().unwrap(), before);
    retract(&db, "web", "m1").unwrap();
    unknown(retract(&db, "web", "m1").unwrap_err());
}

#[test]
fn exactly_once_survives_runs_on_disk_reopening_and_rebuilding() {
    let disk = MemoryDir::new();
    let message = |i: usize| {
        track(&format!("u{}", i % 7), &format!("m{i}"), DAY_1, "step", &format!(r#"{{"n":{i}}}"#))
    };
    let all: Vec<String> = (0..500).map(message).collect();
    let open = || store::open_with(disk.clone(), store::small()).unwrap();
    let all_known = |db: &Db, when: &str| {
        for part in all.chunks(37) {
            let receipt = write(db, "web", part);
            assert_eq!((receipt.written, receipt.duplicates), (0, part.len() as u64), "{when}");
        }
        assert_eq!(events(&view(db), "step"), 500, "{when}");
    };
    let db = open();
    all.chunks(11).for_each(|part| assert_eq!(write(&db, "web", part).written, part.len() as u64));
    all_known(&db, "live");
    db.checkpoint().unwrap();
    all_known(&db, "after a checkpoint");
    db.close().unwrap();
    let db = open();
    all_known(&db, "after reopening");
    drop(db);
    navedb::rebuild(std::sync::Arc::new(disk.clone()), store::clock(store::NOON), store::small())
        .unwrap();
    all_known(&open(), "after a rebuild");
}

#[test]
fn messages_without_an_id_are_always_new() {
    let db = store::new();
    let message =
        r#"{"type":"track","userId":"ann","event":"ping","timestamp":"2024-03-01T00:00:00Z"}"#;
    let receipt = write(&db, "web", &[message, message]);
    assert_eq!((receipt.written, receipt.duplicates), (2, 0));
    assert_eq!(say(&db, "web", message).written, 1);
    let timeline = view(&db).timeline("user_id", "ann").unwrap().unwrap();
    assert_eq!(timeline.len(), 3);
    for event in &timeline {
        let bytes = view(&db).record("web", &event.message_id).unwrap();
        assert_eq!(bytes.as_deref(), Some(message.as_bytes()), "a generated id names its record");
    }
}

#[test]
fn a_receipt_names_the_level_that_was_reached_and_a_crash_keeps_its_promise() {
    for (level, crash) in [
        (Level::Os, Crash::KeepAll),
        (Level::Group, Crash::LoseUnsynced),
        (Level::Sync, Crash::LoseUnsynced),
    ] {
        let disk = MemoryDir::new();
        let db = store::open(disk.clone()).unwrap();
        let message = track("ann", "m1", DAY_1, "purchase", "{}");
        let receipt = session(&db).write(store::batch("web", &[&message]).level(level)).unwrap();
        assert!(receipt.level >= level, "asked for {level}, got {}", receipt.level);
        let after = store::open(disk.crash(crash)).unwrap();
        let found = view(&after).record("web", "m1").unwrap();
        assert_eq!(found.as_deref(), Some(message.as_bytes()), "{level}");
    }
}

#[test]
fn the_default_level_of_records_is_group() {
    let db = store::new();
    let message = track("ann", "m1", DAY_1, "purchase", "{}");
    let receipt = session(&db).write(store::batch("web", &[&message])).unwrap();
    assert!(receipt.level >= Level::Group, "{}", receipt.level);
    assert!(view(&db).stats().unwrap().durable >= receipt.position);
}

#[test]
fn waiting_raises_the_level() {
    for (level, crash) in [(Level::Os, Crash::KeepAll), (Level::Sync, Crash::LoseUnsynced)] {
        let disk = MemoryDir::new();
        let db = store::open(disk.clone()).unwrap();
        let message = track("ann", "m1", DAY_1, "purchase", "{}");
        let receipt = say(&db, "web", &message);
        session(&db).wait(receipt.position, level).unwrap();
        let after = store::open(disk.crash(crash)).unwrap();
        assert!(view(&after).record("web", "m1").unwrap().is_some(), "{level}");
        session(&db).wait(receipt.position, level).unwrap();
    }
}

/// Runs what must not block for ever.
fn within_seconds<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(what()));
    receiver.recv_timeout(Duration::from_secs(20)).expect("an answer within 20 seconds")
}

#[test]
fn positions_that_do_not_exist_are_an_error_and_not_a_wait_without_end() {
    let db = store::new();
    let receipt = say(&db, "web", &track("ann", "m1", DAY_1, "purchase", "{}"));
    let (session_1, session_2) = (session(&db), session(&db));
    let beyond = receipt.position.plus(1000);
    assert!(within_seconds(move || session_1.wait(beyond, Level::Sync)).is_err());
    assert!(within_seconds(move || session_2.at_least(beyond).map(|_| ())).is_err());
}

#[test]
fn at_least_sees_what_was_written() {
    let db = store::new();
    let mut last = navedb::Position(0);
    for i in 0..20 {
        let receipt = say(&db, "web", &track("ann", &format!("m{i}"), DAY_1, "purchase", "{}"));
        assert!(receipt.position > last, "positions grow");
        last = receipt.position;
        let seen = session(&db).at_least(receipt.position).unwrap();
        assert!(seen.position() >= receipt.position);
        assert_eq!(events(&seen, "purchase"), i + 1);
    }
}

#[test]
fn a_transaction_is_all_or_nothing_and_sees_what_it_decides_on() {
    let db = store::new();
    say(&db, "web", &track("ann", "m0", DAY_1, "claim", "{}"));
    let refused = session(&db).transact(None, |seen| {
        assert_eq!(events(seen, "claim"), 1);
        Err(Error::invalid("no more"))
    });
    assert_eq!(refused.unwrap_err().message(), "no more");
    assert_eq!(events(&view(&db), "claim"), 1);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let session = session(&db);
            scope.spawn(move || {
                for i in 0..10 {
                    let id = format!("t{thread}-{i}");
                    let receipt = session.transact(Some(Level::Memory), |seen| {
                        let free = events(seen, "claim") < 25;
                        let message =
                            Record::message("web", track("ann", &id, DAY_1, "claim", "{}"));
                        Ok(if free { Batch::new().record(message) } else { Batch::new() })
                    });
                    let _ = receipt.unwrap();
                }
            });
        }
    });
    assert_eq!(events(&view(&db), "claim"), 25, "a cap cannot be raced");
}

#[test]
fn a_snapshot_never_changes() {
    let disk = MemoryDir::new();
    let db = store::open_with(disk, store::small()).unwrap();
    for i in 0..40 {
        say(
            &db,
            "web",
            &track(
                &format!("u{}", i % 9),
                &format!("m{i}"),
                DAY_1,
                "step",
                &format!(r#"{{"n":{i}}}"#),
            ),
        );
    }
    say(&db, "crm", &identify("u1", "i1", DAY_1, r#"{"age":30}"#));
    let seen = view(&db);
    let read = |view: &View| {
        let profile = view.profile("user_id", "u1").unwrap().unwrap();
        let timeline = view.timeline("user_id", "u1").unwrap().unwrap();
        let question = "(SELECT count(*) FROM step e WHERE e.n > 9) > 1 OR p.age = 30";
        let members = view.members(question, At::Latest).unwrap();
        // How far the disk is belongs to the store, not to the snapshot.
        let none = navedb::Position(0);
        let stats = navedb::Stats {
            durable: none,
            log_bytes: 0,
            derived_bytes: 0,
            ..view.stats().unwrap()
        };
        (profile, timeline, members, view.digest().unwrap(), view.position(), view.clock(), stats)
    };
    let before = read(&seen);
    say(&db, "crm", &identify("u1", "i2", DAY_2, r#"{"age":31,"new":"x"}"#));
    say(
        &db,
        "web",
        r#"{"type":"identify","userId":"u1","anonymousId":"a","identifiers":{"user_id":"u2"},"traits":{}}"#,
    );
    for i in 40..90 {
        say(
            &db,
            "web",
            &track(&format!("u{}", i % 11), &format!("m{i}"), DAY_2, "step", r#"{"n":1.5}"#),
        );
    }
    retract(&db, "web", "m10").unwrap();
    assert_eq!(read(&seen), before);
    db.checkpoint().unwrap();
    assert_eq!(read(&seen), before, "after a checkpoint");
    assert_ne!(read(&view(&db)).3, before.3, "the store itself moved on");
}

#[test]
fn readers_see_whole_batches_while_a_writer_writes() {
    let db = store::new();
    say(&db, "web", &track("ann", "m", DAY_1, "pair", r#"{"n":0}"#));
    say(&db, "web", &track("ben", "m'", DAY_1, "pair", r#"{"n":0}"#));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (session, done) = (session(&db), &done);
            scope.spawn(move || {
                let (mut last, mut rounds) = (navedb::Position(0), 0_u64);
                while !done.load(std::sync::atomic::Ordering::SeqCst) || rounds == 0 {
                    let seen = session.view();
                    assert!(seen.position() >= last, "snapshots go forward");
                    last = seen.position();
                    let (first, ann) = (
                        events(&seen, "pair"),
                        seen.timeline("user_id", "ann").unwrap().unwrap().len(),
                    );
                    let ben = seen.timeline("user_id", "ben").unwrap().unwrap().len();
                    assert_eq!((ann, first), (ben, 2 * ben as u64), "half a batch was seen");
                    rounds += 1;
                }
            });
        }
        for i in 1..300 {
            let one = track("ann", &format!("a{i}"), DAY_1, "pair", &format!(r#"{{"n":{i}}}"#));
            let two = track("ben", &format!("b{i}"), DAY_1, "pair", &format!(r#"{{"n":{i}}}"#));
            assert_eq!(write(&db, "web", &[one, two]).written, 2);
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    assert_eq!(events(&view(&db), "pair"), 600);
}

#[test]
fn records_that_cannot_be_understood_go_to_quarantine_and_the_rest_is_written() {
    let deep = format!(
        r#"{{"type":"track","userId":"u","event":"e","properties":{}1{}}}"#,
        r#"{"a":"#.repeat(2000),
        "}".repeat(2000)
    );
    let broken = [
        "",
        "{",
        "[]",
        "null",
        "5",
        r#"{"userId":"ann","traits":{}}"#,
        r#"{"type":"dance","userId":"ann"}"#,
        r#"{"type":"track","userId":"ann","properties":{}}"#,
        r#"{"type":"track","event":"purchase","properties":{}}"#,
        r#"{"type":"track","userId":" ","anonymousId":"null","event":"purchase"}"#,
        r#"{"type":"identify","userId":"ann","traits":5}"#,
        r#"{"type":"identify","userId":"ann","traits":{"a":1}} x"#,
        r#"{"type":"track","userId":"ann","event":"purchase","timestamp":"yesterday"}"#,
        &deep,
    ];
    for (number, message) in broken.iter().enumerate() {
        let db = store::new();
        let good = track("ben", "m1", DAY_1, "purchase", "{}");
        let receipt = write(&db, "web", &[good.as_str(), message, "{also broken"]);
        let shown = &message[..message.len().min(80)];
        assert_eq!((receipt.written, receipt.broken.len()), (1, 2), "{number}: {shown}");
        assert_eq!((receipt.broken[0].line, receipt.broken[1].line), (2, 3), "{number}: {shown}");
        assert!(!receipt.broken[0].reason.is_empty() && receipt.broken[0].file == "web");
        assert_eq!(quarantined(&view(&db)), 2, "{number}: {shown}: nothing is dropped in silence");
        assert_eq!(view(&db).stats().unwrap().profiles, 1, "{number}: {shown}");
        let again = say(&db, "web", message);
        assert_eq!(
            (again.written, again.duplicates, again.broken.len()),
            (0, 0, 1),
            "{number}: {shown}"
        );
        assert_eq!(
            quarantined(&view(&db)),
            2,
            "{number}: {shown}: whoever tries again fills nothing"
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_no_record() {
    let db = store::new();
    let record = Record::message(
        "web",
        b"{\"type\":\"track\",\"userId\":\"\xff\xfe\",\"event\":\"e\"}".to_vec(),
    );
    let receipt = session(&db).write(Batch::new().record(record)).unwrap();
    assert_eq!((receipt.written, receipt.broken.len()), (0, 1));
}
