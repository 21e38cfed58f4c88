//! Changes that are written as files long before a checkpoint, and merges of such files: at every call the disk fails
//! in every way, or is full for ever or for a while.

use crate::rng::full;
use crate::store::{self, NOON, identify, left_to_the_disk, session, track, view};
use navedb::dir::{AppendFile, Crash, Dir, Fault, FaultDir, FaultPlan, MemoryDir};
use navedb::{
    Db, Error, ErrorKind, Input, Level, LoadId, LoadRequest, RecordKind, Result, Retraction, Said,
    Settings,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

const DAY: &str = "2024-03-01T00:00:00Z";

/// Under these, every block of a load and every frame of a replay becomes a file.
fn settings() -> Settings {
    Settings { keys_in_memory: 30, open_bytes: 1, merged_at_once: 1, ..Settings::default() }
}

fn open(dir: impl Dir + 'static) -> Result<Db> {
    store::open_with(dir, settings())
}

/// A file of a few rows; people meet again in other files, so that merged rows come from several parts.
fn request(numbers: std::ops::Range<usize>, events: bool) -> LoadRequest {
    let kind =
        if events { RecordKind::Track(Said::Fixed("buy".into())) } else { RecordKind::Identify };
    let mut request = LoadRequest::new("shop", kind);
    for number in numbers {
        let row = |i: usize| {
            format!("u{},c{},{},{}.{}\n", (i * number) % 11, i + number % 2, i % 3, i, number)
        };
        let rows: String = (0..8).map(row).collect();
        let bytes = format!("user,card,colour,amount\n{rows}").into_bytes();
        request.inputs.push(Input::Bytes { name: format!("{number}.csv"), bytes });
    }
    request.ids.push(("user_id".into(), "user".into()));
    request.ids.push(("card".into(), "card".into()));
    request.level = Some(Level::Sync);
    request
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Load(usize, bool),
    Retract(usize),
    Checkpoint,
    Reopen,
}

/// Each load is of one file, so that a step happens as a whole or not at all.
fn steps() -> Vec<Step> {
    use Step::*;
    let mut steps = vec![Write(0)];
    steps.extend((1..6).map(|number| Load(number, number % 2 == 0)));
    steps.extend([Checkpoint, Write(1), Load(6, true), Retract(2), Load(7, false), Write(2)]);
    steps.extend([Reopen, Load(8, true), Load(9, true), Checkpoint, Retract(1), Load(10, false)]);
    steps
}

fn messages(number: usize) -> Vec<String> {
    vec![
        identify("u1", &format!("m{number}"), DAY, &format!(r#"{{"colour":{number},"age":7}}"#)),
        track("u2", &format!("n{number}"), DAY, "buy", r#"{"amount":1}"#),
    ]
}

/// The load of a file by its name.
fn load_of(db: &Db, number: usize) -> Option<LoadId> {
    let loads = view(db).stats().unwrap().loads;
    loads.iter().find(|load| load.file == format!("{number}.csv")).map(|load| load.id)
}

fn step(db: &Db, step: &Step) -> Result<()> {
    match step {
        Step::Write(number) => {
            let batch = store::batch("web", &messages(*number)).level(Level::Sync);
            session(db).write(batch).map(|_| ())
        }
        Step::Load(number, events) => db.load(&request(*number..*number + 1, *events)).map(|_| ()),
        Step::Retract(number) => match load_of(db, *number) {
            Some(load) => session(db).retract(&Retraction::Load(load)).map(|_| ()),
            None => Ok(()),
        },
        // A checkpoint that fails loses nothing.
        Step::Checkpoint => db.checkpoint().map(|_| ()).or(Ok(())),
        Step::Reopen => Ok(()),
    }
}

/// The digest after each number of steps.
fn truth() -> &'static [String] {
    static TRUTH: OnceLock<Vec<String>> = OnceLock::new();
    TRUTH.get_or_init(|| {
        // Without spills, so that the two are also held against each other.
        let db = store::new();
        let mut digests = vec![view(&db).digest().unwrap()];
        for next in steps() {
            step(&db, &next).unwrap();
            digests.push(view(&db).digest().unwrap());
        }
        digests
    })
}

/// Runs the steps until one fails; gives how many are done, and had begun.
fn run<D: Dir + Clone + 'static>(dir: &D) -> (usize, usize) {
    let Ok(mut db) = open(dir.clone()) else { return (0, 0) };
    for (number, next) in steps().iter().enumerate() {
        if let Step::Reopen = next {
            if db.close().is_err() {
                return (number, number);
            }
            match open(dir.clone()) {
                Ok(opened) => db = opened,
                Err(_) => return (number, number),
            }
        }
        if step(&db, next).is_err() {
            return (number, number + 1);
        }
        assert_eq!(view(&db).digest().unwrap(), truth()[number + 1], "after step {number}");
    }
    (steps().len(), steps().len())
}

fn verify(disk: &MemoryDir, (done, begun): (usize, usize), how: Crash, here: &str) {
    let left = disk.crash(how);
    let db = open(left.clone()).unwrap_or_else(|e| panic!("{here}: it does not open: {e}"));
    let digest = view(&db).digest().unwrap();
    assert!(
        truth()[done..=begun].contains(&digest),
        "{here}: not what {done} to {begun} steps leave"
    );
    drop(db);
    // Everything is sent once more; what was withdrawn is withdrawn again.
    let db = open(left.clone()).unwrap();
    for next in &steps() {
        step(&db, next).unwrap();
    }
    assert_eq!(view(&db).digest().unwrap(), *truth().last().unwrap(), "{here}: sent once more");
    db.close().unwrap();
    let report = navedb::check(Arc::new(left)).unwrap();
    assert_eq!(report.damage, Vec::<String>::new(), "{here}");
    assert_eq!(report.notes, Vec::<String>::new(), "{here}");
}

const FAULTS: [Fault; 5] =
    [Fault::Stop, Fault::Fail, Fault::FailForever, Fault::Tear, Fault::Shorten];

#[test]
fn every_call_of_loads_that_spill_fails_in_turn() {
    let dir = FaultDir::new(MemoryDir::new(), None);
    assert_eq!(run(&dir), (steps().len(), steps().len()));
    let calls = dir.calls();
    let files = dir.disk().files().into_iter().filter(|(name, _)| name.contains("part-")).count();
    assert!(files > 0 && calls > 300, "{files} files, {calls} calls");
    let all: Vec<(u64, Fault)> = (1..=calls)
        .flat_map(|at| FAULTS.map(|fault| (at, fault)))
        .filter(|(at, fault)| full() || (*at + *fault as u64).is_multiple_of(19))
        .collect();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, fault)) = all.get(next.fetch_add(1, Ordering::SeqCst) as usize)
                {
                    let plan = FaultPlan { at: *at, fault: *fault };
                    let dir = FaultDir::new(MemoryDir::new(), Some(plan));
                    let done = run(&dir);
                    for how in [Crash::LoseUnsynced, Crash::Tear { seed: *at }] {
                        let here = format!("{fault:?} at call {at} of {calls}, {how:?}, {done:?}");
                        verify(dir.disk(), done, how, &here);
                    }
                }
            });
        }
    });
    println!("{calls} calls, {} faults", all.len());
}

/// A disk on which derived files find no room while the switch is on; the log is on another.
#[derive(Clone)]
struct FullDir {
    disk: MemoryDir,
    full: Arc<AtomicBool>,
    room: Arc<AtomicU64>,
}

struct FullFile {
    file: Arc<dyn AppendFile>,
    dir: FullDir,
}

fn no_room() -> Error {
    Error::new(ErrorKind::Io, "planned fault: no space left on the device")
}

impl FullDir {
    fn refuses(&self, name: &str) -> bool {
        name.starts_with("derived/")
            && self.full.load(Ordering::SeqCst)
            && self.room.load(Ordering::SeqCst) == 0
    }
}

impl AppendFile for FullFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        if !self.dir.full.load(Ordering::SeqCst) {
            return self.file.write(bytes);
        }
        let room = self.dir.room.load(Ordering::SeqCst) as usize;
        let taken = bytes.len().min(room);
        self.dir.room.fetch_sub(taken as u64, Ordering::SeqCst);
        if taken == 0 { Err(no_room()) } else { self.file.write(&bytes[..taken]) }
    }

    fn sync(&self) -> Result<()> {
        self.file.sync()
    }
}

impl Dir for FullDir {
    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        if self.refuses(name) {
            return Err(no_room());
        }
        let file = self.disk.append(name)?;
        if name.starts_with("derived/") {
            return Ok(Arc::new(FullFile { file, dir: self.clone() }));
        }
        Ok(file)
    }

    left_to_the_disk!();
}

/// The disk of derived files is full from some step to some other: nothing is lost, no answer is wrong.
#[test]
fn a_full_disk_stops_no_load_and_changes_no_answer() {
    let count = steps().len();
    let rooms: Vec<u64> = (0..6000).step_by(if full() { 70 } else { 2900 }).collect();
    for from in (0..count).step_by(if full() { 1 } else { 2 }) {
        for to in [from + 2, count] {
            for room in &rooms {
                let dir = FullDir {
                    disk: MemoryDir::new(),
                    full: Arc::default(),
                    room: Arc::new(AtomicU64::new(*room)),
                };
                let here = format!("full from step {from} to {to}, room for {room} bytes");
                let db = open(dir.clone()).unwrap();
                for (number, next) in steps().iter().enumerate() {
                    dir.full.store((from..to).contains(&number), Ordering::SeqCst);
                    let done = step(&db, next);
                    if done.is_err() && matches!(next, Step::Retract(_)) {
                        // Folding again needs room; nothing was withdrawn then.
                        assert_eq!(view(&db).digest().unwrap(), truth()[number], "{here}");
                        dir.full.store(false, Ordering::SeqCst);
                        step(&db, next).unwrap_or_else(|e| panic!("{here}, again: {e}"));
                    } else {
                        done.unwrap_or_else(|e| panic!("{here}, step {number}: {e}"));
                    }
                    assert_eq!(
                        view(&db).digest().unwrap(),
                        truth()[number + 1],
                        "{here}, {number}"
                    );
                }
                dir.full.store(false, Ordering::SeqCst);
                db.close().unwrap();
                let report = navedb::check(Arc::new(dir.disk.clone())).unwrap();
                assert_eq!((report.damage, report.notes), (vec![], vec![]), "{here}");
                let db = open(dir.disk.clone()).unwrap();
                assert_eq!(view(&db).digest().unwrap(), truth()[count], "{here}");
            }
        }
    }
}

#[test]
fn a_check_changes_nothing() {
    let disk = MemoryDir::new();
    assert_eq!(run(&disk).0, steps().len());
    for how in [Crash::KeepAll, Crash::LoseUnsynced] {
        let left = disk.crash(how);
        let before = left.files();
        assert!(before.iter().filter(|(name, _)| name.contains("part-")).count() > 1);
        assert_eq!(navedb::check(Arc::new(left.clone())).unwrap().damage, Vec::<String>::new());
        assert!(left.files() == before);
    }
    navedb::rebuild(Arc::new(disk.clone()), store::clock(NOON), settings()).unwrap();
    assert_eq!(view(&open(disk).unwrap()).digest().unwrap(), *truth().last().unwrap());
}
