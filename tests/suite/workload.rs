//! A fixed sequence of writes, loads, retractions, checkpoints and openings, run on a disk that may fail, and what a
//! crash may leave of it.

use crate::store::{self, NOON, session, track, view};
use navedb::dir::Dir;
use navedb::{
    Db, ErrorKind, Input, Level, LoadRequest, Position, RecordKind, Result, Retraction, Said,
    Settings, View,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

#[derive(Debug, Clone)]
enum Step {
    Write(Level, std::ops::Range<usize>),
    Load,
    Retract(usize),
    Checkpoint,
    Reopen,
}

fn steps() -> Vec<Step> {
    use Step::*;
    vec![
        Write(Level::Sync, 0..1),
        Write(Level::Group, 1..4),
        Write(Level::Os, 4..5),
        Write(Level::Memory, 5..7),
        Write(Level::Sync, 7..8),
        Load,
        Checkpoint,
        Write(Level::Memory, 8..9),
        Retract(2),
        Write(Level::Group, 9..11),
        Reopen,
        Write(Level::Os, 11..12),
        Write(Level::Group, 12..18),
        Checkpoint,
        Retract(7),
        Write(Level::Memory, 18..20),
        Write(Level::Sync, 20..21),
        Reopen,
        Write(Level::Sync, 21..22),
    ]
}

const ROWS: usize = 12;

/// The calls of a folder that change nothing, as the faulting disk names them.
const READS: [&str; 4] = ["list", "look at", "read", "map"];

/// Source and message id.
type Key = (&'static str, String);

fn message_key(i: usize) -> Key {
    ("web", format!("m{i}"))
}

fn row_key(i: usize) -> Key {
    ("shop", format!("r{i}"))
}

fn message(i: usize) -> String {
    let properties = format!(r#"{{"n":{i},"note":"{}"}}"#, "x".repeat(i * 13 % 90));
    track(&format!("u{}", i % 5), &format!("m{i}"), "2024-03-01T00:00:00Z", "step", &properties)
}

fn row(i: usize) -> String {
    format!("u{},r{i},2024-02-{:02},{}.25", i % 7, 1 + i, i)
}

fn request() -> LoadRequest {
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    let bytes = format!("user,id,day,amount\n{}\n", rows.join("\n")).into_bytes();
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".into())));
    request.inputs.push(Input::Bytes { name: "rows.csv".into(), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = Some("day".into());
    request.message_id.push("id".into());
    request
}

/// The records in force, by source and message id.
pub type Present = BTreeSet<Key>;

/// Files of a few records, and runs of a few keys.
pub fn settings() -> Settings {
    Settings { log_file_bytes: 2000, keys_in_memory: 5, ..Settings::default() }
}

pub fn open(dir: impl Dir + 'static) -> Result<Db> {
    Db::open_with(Arc::new(dir), store::clock(NOON), settings())
}

/// How far a run came. Steps are counted from the start: 3 means that the first three are done.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Steps that had begun.
    pub begun: usize,
    /// Steps that are done for whoever survives the death of the process.
    pub os: usize,
    /// Steps that are done for whoever survives the loss of power.
    pub durable: usize,
    /// The newest position after the last step that is done.
    position: Position,
    /// The error that ended the run.
    pub failed: Option<String>,
}

impl Progress {
    fn acknowledge(&mut self, level: Level) {
        if level >= Level::Os {
            self.os = self.begun;
        }
        if level >= Level::Group {
            self.durable = self.begun;
        }
    }
}

/// A failed read stops nothing; but what is seen must then be what the log says, as the next opening shows.
fn failed_read<D: Dir + Clone + 'static>(db: Db, dir: &D, mut progress: Progress) -> Progress {
    let seen = view(&db).digest().unwrap();
    if db.close().is_ok() {
        progress.os = progress.os.max(progress.begun - 1);
        progress.durable = progress.durable.max(progress.begun - 1);
        if let Ok(next) = open(dir.clone()) {
            assert_eq!(
                view(&next).digest().unwrap(),
                seen,
                "what was seen after {:?}",
                progress.failed
            );
        }
    }
    progress
}

/// After a failed write every other is refused. What was already durable may still be waited for, and then it counts.
fn failed_write(db: &Db, mut progress: Progress) -> Progress {
    let why = progress.failed.clone();
    for level in [Level::Memory, Level::Os, Level::Group, Level::Sync] {
        let late = track("late", "late", "2024-03-01T00:00:00Z", "late", "{}");
        let reply = session(db).write(store::batch("late", &[late]).level(level));
        assert!(reply.is_err(), "a write at the level {level} was acknowledged after {why:?}");
    }
    let position = view(db).position();
    if session(db).wait(position, Level::Sync).is_ok() {
        let done = progress.begun - usize::from(position <= progress.position);
        progress.os = progress.os.max(done);
        progress.durable = progress.durable.max(done);
    }
    progress
}

/// Runs the steps until one fails.
pub fn run<D: Dir + Clone + 'static>(dir: &D) -> Progress {
    let mut progress = Progress::default();
    let mut db = match open(dir.clone()) {
        Ok(db) => db,
        Err(error) => return Progress { failed: Some(error.to_string()), ..progress },
    };
    for step in steps() {
        progress.begun += 1;
        let reply = match &step {
            Step::Write(level, which) => {
                let messages: Vec<String> = which.clone().map(message).collect();
                session(&db).write(store::batch("web", &messages).level(*level)).map(|receipt| {
                    assert_eq!(receipt.conflicts + receipt.broken.len() as u64, 0);
                    receipt.level
                })
            }
            Step::Load => db.load(&request()).map(|report| {
                assert_eq!(report.broken, []);
                report.level
            }),
            Step::Retract(i) => {
                let (source, message_id) = message_key(*i);
                let what = Retraction::Record { source: source.to_owned(), message_id };
                session(&db).retract(&what).map(|receipt| receipt.level)
            }
            Step::Checkpoint => {
                // A checkpoint that fails loses nothing: the log may go on.
                let _ = db.checkpoint();
                Ok(Level::Memory)
            }
            Step::Reopen => {
                let closed = db.close();
                if closed.is_ok() {
                    progress.acknowledge(Level::Sync);
                }
                match closed.and_then(|()| open(dir.clone())) {
                    Ok(next) => db = next,
                    Err(error) => return Progress { failed: Some(error.to_string()), ..progress },
                }
                continue;
            }
        };
        match reply {
            Ok(level) => {
                progress.acknowledge(level);
                progress.position = view(&db).position();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Io, "{step:?}: {error}");
                let why = format!("{step:?}: {error}");
                let read =
                    READS.iter().any(|call| why.ends_with(&format!("planned fault: {call}")));
                let progress = Progress { failed: Some(why), ..progress };
                return if read {
                    failed_read(db, dir, progress)
                } else {
                    failed_write(&db, progress)
                };
            }
        }
    }
    progress
}

/// What is in force after each number of steps, as a set of records and as a digest.
pub struct Truth {
    pub present: Vec<Present>,
    digests: BTreeMap<Present, String>,
}

/// What a run without faults gives, step by step.
pub fn truth() -> &'static Truth {
    static TRUTH: OnceLock<Truth> = OnceLock::new();
    TRUTH.get_or_init(|| {
        let db = open(navedb::dir::MemoryDir::new()).unwrap();
        let mut present = Present::new();
        let mut truth = Truth { present: vec![present.clone()], digests: BTreeMap::new() };
        truth.digests.insert(present.clone(), view(&db).digest().unwrap());
        for step in steps() {
            match step {
                Step::Write(_, which) => {
                    present.extend(which.clone().map(message_key));
                    which.for_each(|i| drop(store::say(&db, "web", &message(i))));
                }
                Step::Load => {
                    present.extend((0..ROWS).map(row_key));
                    db.load(&request()).unwrap();
                }
                Step::Retract(i) => {
                    present.remove(&message_key(i));
                    let (source, message_id) = (message_key(i).0.to_owned(), message_key(i).1);
                    let _ =
                        session(&db).retract(&Retraction::Record { source, message_id }).unwrap();
                }
                Step::Checkpoint | Step::Reopen => {}
            }
            truth.digests.insert(present.clone(), view(&db).digest().unwrap());
            truth.present.push(present.clone());
        }
        truth
    })
}

/// The digest at the end.
pub fn last_digest() -> String {
    let truth = truth();
    truth.digests[truth.present.last().unwrap()].clone()
}

/// The records that a store holds; each must be exactly what was sent.
fn found(view: &View, here: &str) -> Present {
    let mut present = Present::new();
    let keys = (0..30)
        .map(|i| (message_key(i), message(i)))
        .chain((0..ROWS).map(|i| (row_key(i), row(i))));
    for (key, sent) in keys {
        if let Some(bytes) = view.record(key.0, &key.1).unwrap() {
            assert_eq!(String::from_utf8_lossy(&bytes).trim_end(), sent, "{here}: {key:?}");
            present.insert(key);
        }
    }
    let events: u64 = view.stats().unwrap().events.iter().map(|(_, count)| count).sum();
    assert_eq!(events, present.len() as u64, "{here}: an event that nobody sent, or one lost");
    assert_eq!(view.record("late", "late"), Ok(None), "{here}: what was refused is there");
    present
}

/// What was found is what some number of steps from `least` to `most` leaves; a load may have come part of its way.
pub fn is_a_prefix(view: &View, least: usize, most: usize, here: &str) {
    let found = found(view, here);
    let truth = truth();
    if let Some(state) = truth.present[least..=most].iter().find(|state| **state == found) {
        assert_eq!(
            view.digest().unwrap(),
            truth.digests[state],
            "{here}: the digest of what is there"
        );
        return;
    }
    for (at, step) in steps().iter().enumerate().take(most).skip(least.saturating_sub(1)) {
        let mut partial = truth.present[at].clone();
        for i in (0..ROWS).take_while(|_| matches!(step, Step::Load)) {
            partial.insert(row_key(i));
            if at + 1 > least && partial == found {
                return;
            }
        }
    }
    panic!("{here}: not what {least} to {most} steps leave: {found:?}");
}
