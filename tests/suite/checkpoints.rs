//! Checkpoints beside writers: nobody waits for the file that is being written, whatever is written, merged, loaded and
//! closed meanwhile.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, identify, left_to_the_disk, session, track, view};
use navedb::dir::{AppendFile, Dir, MemoryDir};
use navedb::{Db, ErrorKind, Input, Level, LoadRequest, RecordKind, Result, Settings};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const DAY: &str = "2024-03-01T00:00:00Z";

/// A disk in memory on which nobody gets on with the file of a part while it is shut.
#[derive(Clone, Default)]
struct Gate {
    disk: MemoryDir,
    shut: Arc<(Mutex<Waiting>, Condvar)>,
}

#[derive(Default)]
struct Waiting {
    shut: bool,
    waiting: usize,
    /// Somebody waited so long that the gate opened by itself.
    forced: bool,
}

/// Longer than anything here takes, and what a test that is broken ends after.
const PATIENCE: Duration = Duration::from_secs(30);

impl Gate {
    fn shut(&self) {
        self.shut.0.lock().unwrap().shut = true;
    }

    /// Opens it; fails when it opened by itself.
    fn open(&self) {
        let mut state = self.shut.0.lock().unwrap();
        assert!(!state.forced, "who should not wait waited for the file of a part");
        state.shut = false;
        self.shut.1.notify_all();
    }

    /// Waits until somebody stands before it.
    fn await_someone(&self) {
        let begun = Instant::now();
        while self.shut.0.lock().unwrap().waiting == 0 {
            assert!(begun.elapsed() < PATIENCE, "nobody writes a part");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn pass(&self, name: &str) {
        if !name.contains("part-") {
            return;
        }
        let mut state = self.shut.0.lock().unwrap();
        state.waiting += 1;
        while state.shut {
            let (next, waited) = self.shut.1.wait_timeout(state, PATIENCE).unwrap();
            state = next;
            if waited.timed_out() {
                (state.forced, state.shut) = (true, false);
            }
        }
        state.waiting -= 1;
    }
}

impl Dir for Gate {
    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        self.pass(name);
        self.disk.append(name)
    }

    left_to_the_disk!();
}

fn settings() -> Settings {
    Settings { merged_at_once: 1, merge_thread: true, ..store::small() }
}

fn say(db: &Db, number: usize) {
    let user = format!("u{}", number * 31 % 97);
    let messages = [
        identify(&user, &format!("m{number}"), DAY, &format!(r#"{{"age":{}}}"#, number % 90)),
        track(&user, &format!("e{number}"), DAY, "buy", &format!(r#"{{"amount":{number}}}"#)),
    ];
    let batch = store::batch("web", &messages).level(Level::Memory);
    drop(session(db).write(batch).unwrap());
}

fn bought(db: &Db) -> u64 {
    let events = view(db).stats().unwrap().events;
    events.iter().find(|(name, _)| name == "buy").map_or(0, |(_, count)| *count)
}

/// The files of parts.
fn parts(disk: &MemoryDir) -> Vec<String> {
    let mut names = disk.list("derived").unwrap();
    names.retain(|name| name.starts_with("part-"));
    names.sort();
    names
}

/// Whether a store is what its log folds to, and has no file too many.
fn agrees(disk: &MemoryDir, digest: &str) {
    let before = parts(disk);
    let db = store::open_with(disk.clone(), settings()).unwrap();
    assert_eq!(parts(disk), before, "files that nothing names");
    assert_eq!(view(&db).digest().unwrap(), digest);
    db.close().unwrap();
    let anew = MemoryDir::new();
    let files = disk.files().into_iter().filter(|(name, _)| !name.starts_with("derived"));
    files.for_each(|(name, bytes)| anew.put(&name, bytes));
    assert_eq!(view(&store::open(anew).unwrap()).digest().unwrap(), digest);
}

#[test]
fn writers_go_on_while_a_checkpoint_writes_its_file() {
    let gate = Gate::default();
    let db = store::open_with(gate.clone(), settings()).unwrap();
    (0..300).for_each(|number| say(&db, number));
    let before = db.unsaved_bytes();
    gate.shut();
    std::thread::scope(|scope| {
        let checkpoint = scope.spawn(|| db.checkpoint().unwrap());
        gate.await_someone();
        (300..900).for_each(|number| say(&db, number));
        assert_eq!(bought(&db), 900);
        gate.open();
        // What was written meanwhile is in it as well.
        assert_eq!(checkpoint.join().unwrap(), view(&db).position());
    });
    assert!(before > 0 && db.unsaved_bytes() == 0, "{before} {}", db.unsaved_bytes());
    let crashed = store::copy(&gate.disk);
    let digest = view(&db).digest().unwrap();
    let reopened = store::open(crashed).unwrap();
    assert_eq!(reopened.open_report().replayed, 0);
    assert_eq!(view(&reopened).digest().unwrap(), digest);
    db.close().unwrap();
    agrees(&gate.disk, &digest);
}

#[test]
fn a_store_is_closed_while_a_checkpoint_writes_its_file() {
    let gate = Gate::default();
    let db = store::open_with(gate.clone(), settings()).unwrap();
    (0..300).for_each(|number| say(&db, number));
    let digest = view(&db).digest().unwrap();
    gate.shut();
    std::thread::scope(|scope| {
        let checkpoint = scope.spawn(|| db.checkpoint());
        gate.await_someone();
        let close = scope.spawn(|| db.clone().close());
        // The file of the one that closes waits as well.
        gate.open();
        close.join().unwrap().unwrap();
        let ended = checkpoint.join().unwrap();
        assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == ErrorKind::Closed));
    });
    agrees(&gate.disk, &digest);
}

fn load(db: &Db, number: usize) {
    let rows: String =
        (0..40).map(|row| format!("u{},{}\n", row * number % 53, row * 1_000 + number)).collect();
    let bytes = format!("user,amount\n{rows}").into_bytes();
    let mut request =
        LoadRequest::new("till", RecordKind::Track(navedb::Said::Fixed("buy".into())));
    request.inputs.push(Input::Bytes { name: format!("{number}.csv"), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.level = Some(Level::Os);
    db.load(&request).unwrap();
}

/// Writers, loads that merge on threads of their own, and two who make checkpoints, all at once.
#[test]
fn checkpoints_beside_writers_and_loads_lose_nothing() {
    for seed in seeds(1, scale(2, 20)) {
        let disk = MemoryDir::new();
        let threads = Settings { load_threads: true, open_bytes: 1_500, ..settings() };
        let db = store::open_with(disk.clone(), threads).unwrap();
        let (writes, loads) = (scale(600, 3_000), scale(12, 60));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        db.checkpoint().unwrap();
                    }
                });
            }
            let loading = scope.spawn(|| (1..=loads).for_each(|number| load(&db, number as usize)));
            let mut rng = Rng::new(seed);
            for number in 0..writes as usize {
                say(&db, number);
                if rng.below(50) == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            loading.join().unwrap();
            done.store(true, Ordering::SeqCst);
        });
        assert_eq!(bought(&db), writes + loads * 40, "seed {seed}");
        let digest = view(&db).digest().unwrap();
        db.checkpoint().unwrap();
        assert!(parts(&disk).len() < 24, "seed {seed}: {:?}", parts(&disk));
        db.close().unwrap();
        agrees(&disk, &digest);
    }
}
