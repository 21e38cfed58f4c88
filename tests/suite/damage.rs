//! A store whose bytes were changed behind its back: every change is found, or does no harm.

use crate::rng::{Rng, asked_seed, full, scale};
use crate::store::{self, NOON, identify, track, view, write};
use navedb::dir::{Crash, Dir, MemoryDir};
use navedb::{At, Db, ErrorKind, Level, Result, Settings};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const DAY_1: &str = "2024-03-01T00:00:00Z";
const RECORDS: usize = 192;
const BATCH: usize = 6;

/// More than the head of any file with the header of its first frame or block.
const HEAD_BYTES: u64 = 176;

fn settings() -> Settings {
    Settings { log_file_bytes: 12_000, keys_in_memory: 64, ..Settings::default() }
}

fn open(disk: &MemoryDir) -> Result<Db> {
    Db::open_with(Arc::new(disk.clone()), store::clock(NOON), settings())
}

fn message(i: usize) -> String {
    let (user, id) = (format!("u{}", i % 31), format!("m{i}"));
    if i.is_multiple_of(5) {
        identify(
            &user,
            &id,
            DAY_1,
            &format!(r#"{{"age":{},"city":"C{}","score":{}.5}}"#, i % 60, i % 7, i % 9),
        )
    } else {
        track(
            &user,
            &id,
            DAY_1,
            "step",
            &format!(r#"{{"n":{i},"price":{}.25,"sku":"S{}"}}"#, i % 50, i % 17),
        )
    }
}

/// A cleanly closed store, what it knows, and the same store as it was closed earlier.
struct Victim {
    disk: MemoryDir,
    earlier: MemoryDir,
    digest: String,
    answers: Vec<u64>,
}

const QUESTIONS: [&str; 4] = [
    "p.age > 30 AND p.city <> 'C3'",
    "(SELECT sum(e.n) FROM step e WHERE e.sku = 'S4') > 100",
    "EXISTS (SELECT 1 FROM step e WHERE e.price > 40) OR p.score IS NULL",
    "(SELECT count(*) FROM step e) BETWEEN 5 AND 8",
];

fn victim() -> Victim {
    let disk = MemoryDir::new();
    let all: Vec<String> = (0..RECORDS).map(message).collect();
    let mut earlier = MemoryDir::new();
    for (round, part) in all.chunks(RECORDS / 3).enumerate() {
        let db = open(&disk).unwrap();
        part.chunks(BATCH).for_each(|batch| drop(write(&db, "web", batch)));
        db.close().unwrap();
        if round == 1 {
            earlier = disk.crash(Crash::KeepAll);
        }
    }
    let db = open(&disk).unwrap();
    let seen = view(&db);
    let answers = QUESTIONS.map(|text| seen.count(text, At::Latest).unwrap()).to_vec();
    let digest = seen.digest().unwrap();
    assert!(answers.iter().all(|a| *a > 0), "{answers:?}");
    drop(seen);
    db.close().unwrap();
    Victim { disk, earlier, digest, answers }
}

impl Victim {
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.disk.files().into_iter().filter(|(name, _)| name != "LOCK").collect()
    }

    fn with(&self, name: &str, bytes: Vec<u8>) -> MemoryDir {
        let copy = self.disk.crash(Crash::KeepAll);
        copy.put(name, bytes);
        copy
    }

    /// Whether `check` finds something wrong.
    fn is_found(&self, disk: &MemoryDir) -> bool {
        let shared: Arc<dyn Dir> = Arc::new(disk.clone());
        match navedb::check(shared) {
            Ok(report) => !report.damage.is_empty(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                true
            }
        }
    }

    /// Opening fails as corrupt, or every answer is right; if it opened, says how many derived files were thrown away.
    fn opens_right(&self, disk: &MemoryDir, rng: &mut Rng, here: &str) -> Option<usize> {
        let db = match open(disk) {
            Ok(db) => db,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{here}: {error}");
                assert!(
                    !error.message().contains('\n') && error.message().contains("repair"),
                    "{here}: {error}"
                );
                return None;
            }
        };
        let seen = view(&db);
        assert_eq!(seen.digest().unwrap(), self.digest, "{here}");
        for (text, expected) in QUESTIONS.iter().zip(&self.answers) {
            assert_eq!(seen.count(text, At::Latest), Ok(*expected), "{here}");
        }
        let first = rng.below(10);
        for i in (first..RECORDS).step_by(10) {
            match seen.record("web", &format!("m{i}")) {
                Ok(bytes) => {
                    assert_eq!(bytes.as_deref(), Some(message(i).as_bytes()), "{here}: record {i}")
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{here}: {error}"),
            }
        }
        let i = rng.below(RECORDS);
        if let Ok(receipt) = store::session(&db).write(store::batch("web", &[message(i)])) {
            assert_eq!(
                (receipt.written, receipt.duplicates),
                (0, 1),
                "{here}: record {i} was known"
            );
        }
        Some(db.open_report().discarded.len())
    }

    /// The rule for all damage: found by `check`, or derived and thrown away; and never believed.
    fn judge(&self, name: &str, bytes: Vec<u8>, rng: &mut Rng, here: &str) {
        let disk = self.with(name, bytes);
        let found = self.is_found(&disk);
        let discarded = self.opens_right(&disk, rng, here);
        if !found {
            let harmless = name.starts_with("derived/") && discarded.is_some_and(|count| count > 0);
            assert!(harmless, "{here}: nobody noticed");
        }
    }
}

/// Judges many pieces of damage on two threads.
fn judge_all(
    victim: &Victim,
    damage: &[(usize, u64)],
    change: impl Fn(&mut Vec<u8>, u64) + Sync,
    what: &str,
) {
    let files = victim.files();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((file, place)) =
                    damage.get(next.fetch_add(1, Ordering::SeqCst) as usize)
                {
                    let (name, bytes) = &files[*file];
                    let mut bytes = bytes.clone();
                    change(&mut bytes, *place);
                    let here = format!("{what} {place} of {name}");
                    victim.judge(name, bytes, &mut Rng::new(*place), &here);
                }
            });
        }
    });
    let total: usize = files.iter().map(|f| f.1.len()).sum();
    println!("{} times '{what}' in {} files of {total} bytes", damage.len(), files.len());
}

#[test]
fn every_flipped_bit_is_found_or_does_no_harm() {
    let victim = victim();
    let mut rng = Rng::new(asked_seed().unwrap_or(77));
    let mut damage = Vec::new();
    let files = victim.files();
    let mut kinds = BTreeSet::new();
    for (file, (name, bytes)) in files.iter().enumerate() {
        // The heads of files are alike: in a plain run those of the first file of each kind are enough.
        let kind = (name.split('/').next(), name.rsplit('.').next());
        let bits = bytes.len() as u64 * 8;
        let head = match kinds.insert(kind) {
            _ if full() || name.ends_with("MANIFEST") => bits,
            true => bits.min(HEAD_BYTES * 8),
            false => 0,
        };
        damage.extend((0..head).map(|bit| (file, bit)));
    }
    for _ in 0..if full() { 0 } else { 4000 } {
        let file = rng.below(files.len());
        damage.push((file, rng.below(files[file].1.len() * 8) as u64));
    }
    judge_all(
        &victim,
        &damage,
        |bytes, bit| bytes[bit as usize / 8] ^= 1 << (bit % 8),
        "flipped bit",
    );
}

#[test]
fn every_truncation_is_found_or_does_no_harm() {
    let victim = victim();
    let mut rng = Rng::new(asked_seed().unwrap_or(78));
    let mut damage = Vec::new();
    for (file, (_, bytes)) in victim.files().iter().enumerate() {
        let len = bytes.len();
        for kept in 0..len {
            let edge = kept < 20 || kept + 20 > len;
            if full() || edge || rng.one_in(len / 60 + 1) {
                damage.push((file, kept as u64));
            }
        }
    }
    judge_all(&victim, &damage, |bytes, kept| bytes.truncate(kept as usize), "truncation to");
}

#[test]
fn bytes_appended_or_overwritten_are_found_or_do_no_harm() {
    let victim = victim();
    let mut rng = Rng::new(asked_seed().unwrap_or(79));
    let files = victim.files();
    let count = scale(300, 20_000) as usize;
    let damage: Vec<(usize, u64)> =
        (0..count).map(|_| (rng.below(files.len()), rng.next())).collect();
    let change = |bytes: &mut Vec<u8>, seed: u64| {
        let mut rng = Rng::new(seed);
        let before = bytes.clone();
        let size = 1 + rng.below(600);
        let at = rng.below(bytes.len().max(1));
        let end = (at + size).min(bytes.len());
        match rng.below(4) {
            0 => bytes.extend((0..size).map(|_| (seed >> 7) as u8)),
            1 => bytes[at..end].fill(0),
            2 => bytes[at..end].reverse(),
            _ => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
        if *bytes == before {
            bytes.push(0);
        }
    };
    judge_all(&victim, &damage, change, "change with seed");
}

#[test]
fn files_that_are_swapped_missing_or_of_another_time_are_never_believed() {
    let victim = victim();
    let (files, mut rng) = (victim.files(), Rng::new(3));
    for (name, bytes) in &files {
        for (other, content) in
            files.iter().filter(|(other, content)| other != name && content != bytes)
        {
            victim.judge(
                name,
                content.clone(),
                &mut rng,
                &format!("{name} holds what belongs to {other}"),
            );
        }
        victim.judge(name, Vec::new(), &mut rng, &format!("{name} is empty"));
        let copy = victim.disk.crash(Crash::KeepAll);
        copy.delete(name);
        let discarded = victim.opens_right(&copy, &mut rng, &format!("without {name}"));
        let is_log = name.starts_with("log/") && name.ends_with(".log");
        assert!(!is_log || discarded.is_none(), "without {name} it opened");
    }
    for (name, bytes) in victim.earlier.files() {
        let same = files.iter().any(|(n, b)| *n == name && *b == bytes);
        if name != "LOCK" && !same {
            let copy = victim.with(&name, bytes);
            victim.opens_right(&copy, &mut rng, &format!("{name} as it was earlier"));
        }
    }
    for folder in ["log/", "derived/"] {
        let copy = victim.disk.crash(Crash::KeepAll);
        let inside = |name: &String| name.starts_with(folder);
        copy.files().into_iter().map(|f| f.0).filter(inside).for_each(|name| copy.delete(&name));
        for (name, bytes) in victim.earlier.files().into_iter().filter(|(name, _)| inside(name)) {
            copy.put(&name, bytes);
        }
        if folder == "derived/" {
            let opened = victim.opens_right(&copy, &mut rng, "derived files as they were earlier");
            assert!(opened.is_some(), "derived files never stop a store");
        } else if let Ok(db) = open(&copy) {
            // An older log is an older store: what it holds is right, and nothing of the later state shows.
            let old = open(&victim.earlier.crash(Crash::KeepAll)).unwrap();
            assert_eq!(
                view(&db).digest().unwrap(),
                view(&old).digest().unwrap(),
                "an older log under newer derived files"
            );
        }
    }
}

/// A store that was not closed: only what the last sync may not have covered can be a torn tail.
#[test]
fn damage_to_what_was_durable_is_no_torn_tail() {
    const COUNT: usize = 12;
    let disk = MemoryDir::new();
    let db = open(&disk).unwrap();
    for i in 0..COUNT {
        let batch = store::batch("web", &[message(i)]).level(Level::Sync);
        assert_eq!(store::session(&db).write(batch).unwrap().written, 1);
    }
    let crashed = disk.crash(Crash::LoseUnsynced);
    let name = "log/00000001.log";
    let log = crashed.files().into_iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes).unwrap();
    let present = |db: &Db, here: &str| {
        let found = |i: &usize| match view(db).record("web", &format!("m{i}")).unwrap() {
            None => false,
            Some(bytes) => {
                assert_eq!(bytes, message(*i).as_bytes(), "{here}");
                true
            }
        };
        let count = (0..COUNT).take_while(found).count();
        assert_eq!((count..COUNT).filter(found).count(), 0, "{here}: no prefix");
        count
    };
    let mut rng = Rng::new(asked_seed().unwrap_or(81));
    let (mut corrupt, mut torn) = (0, 0);
    for _ in 0..scale(400, 4000) {
        let bit = rng.below(log.len() * 8);
        let mut bytes = log.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let copy = crashed.crash(Crash::KeepAll);
        copy.put(name, bytes);
        let here = format!("bit {bit} of {name} after a crash");
        let report = navedb::check(Arc::new(copy.clone())).unwrap();
        match open(&copy) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{here}: {error}");
                assert!(!report.damage.is_empty(), "{here}: {report:?}");
                corrupt += 1;
            }
            Ok(db) => {
                assert!(db.open_report().torn_bytes > 0, "{here}: cut in silence");
                let said = !report.damage.is_empty() || !report.notes.is_empty();
                assert!(said, "{here}: check says nothing");
                assert_eq!(present(&db, &here), COUNT - 1, "{here}: more than the last group");
                torn += 1;
            }
        }
    }
    assert!(corrupt > 5 * torn && torn > 0, "{corrupt} times corrupt, {torn} times torn");
    for kept in 0..log.len() {
        let copy = crashed.crash(Crash::KeepAll);
        copy.put(name, log[..kept].to_vec());
        if let Ok(db) = open(&copy) {
            present(&db, &format!("the first {kept} bytes of {name} after a crash"));
        }
    }
}

/// Frames that hold by themselves, but follow others than those they were written after.
#[test]
fn frames_of_another_history_are_never_believed() {
    let start = MemoryDir::new();
    let db = open(&start).unwrap();
    write(&db, "web", &[message(1)]);
    db.close().unwrap();
    let name = "log/00000001.log";
    let log = |disk: &MemoryDir| {
        disk.files().into_iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes).unwrap()
    };
    let history = |mark: &str| {
        let disk = start.crash(Crash::KeepAll);
        let db = open(&disk).unwrap();
        let mut ends = Vec::new();
        for i in 0..4 {
            let said = track("ann", &format!("{mark}{i}"), DAY_1, "step", "{}");
            let batch = store::batch("web", &[said]).level(Level::Sync);
            assert_eq!(store::session(&db).write(batch).unwrap().written, 1);
            ends.push(log(&disk).len());
        }
        let digest = view(&db).digest().unwrap();
        db.close().unwrap();
        (disk, ends, digest)
    };
    let (one, ends, digest) = history("a");
    let (two, others, _) = history("b");
    assert_eq!(ends, others, "the frames have the same places");
    for (from, to) in [(ends[0], ends[1]), (ends[1], ends[2]), (ends[1], ends[3])] {
        let mut bytes = log(&one);
        bytes[from..to].copy_from_slice(&log(&two)[from..to]);
        for without_derived in [false, true] {
            let disk = one.crash(Crash::KeepAll);
            disk.put(name, bytes.clone());
            let derived = |n: &String| without_derived && n.starts_with("derived/");
            disk.files().into_iter().map(|f| f.0).filter(derived).for_each(|n| disk.delete(&n));
            let here = format!("bytes {from} to {to} of another history");
            let report = navedb::check(Arc::new(disk.clone())).unwrap();
            assert!(!report.damage.is_empty(), "{here}: {report:?}");
            match open(&disk) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{here}: {error}"),
                Ok(db) => {
                    assert_eq!(view(&db).digest().unwrap(), digest, "{here}");
                    for i in 0..4 {
                        let foreign = view(&db).record("web", &format!("b{i}"));
                        assert!(!matches!(foreign, Ok(Some(_))), "{here}: {foreign:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn repair_keeps_all_that_is_outside_of_the_damage_and_tells_the_loss() {
    let victim = victim();
    let person = |db: &Db| view(db).profile("user_id", "u2").unwrap().map(|profile| profile.id);
    let public_id = person(&open(&victim.disk.crash(Crash::KeepAll)).unwrap());
    let mut rng = Rng::new(asked_seed().unwrap_or(80));
    let logs: Vec<(String, Vec<u8>)> =
        victim.files().into_iter().filter(|(name, _)| name.ends_with(".log")).collect();
    // Bits of the first entry and of the entry that names the source, then any.
    let mut chosen = vec![1919, 600];
    for round in 0..scale(40, 2000) {
        let wanted = chosen.pop();
        let log = if wanted.is_some() { &logs[0] } else { rng.pick(&logs) };
        let (name, mut bytes) = log.clone();
        let bit = wanted.unwrap_or_else(|| rng.below(bytes.len() * 8));
        bytes[bit / 8] ^= 1 << (bit % 8);
        let disk = victim.with(&name, bytes);
        let here = format!("round {round}: bit {bit} of {name}");
        if !victim.is_found(&disk) {
            panic!("{here}: nobody noticed");
        }
        let shared: Arc<dyn Dir> = Arc::new(disk.clone());
        let report = navedb::repair(shared.clone(), store::clock(NOON))
            .unwrap_or_else(|e| panic!("{here}: {e}"));
        assert!(!report.actions.is_empty(), "{here}: {report:?}");
        let db = open(&disk).unwrap_or_else(|e| panic!("{here}: it does not open: {e}"));
        let id = person(&db);
        assert!(id.is_none() || id == public_id, "{here}: public ids stay");
        let mut lost = 0;
        for i in 0..RECORDS {
            match view(&db).record("web", &format!("m{i}")).unwrap() {
                Some(bytes) => assert_eq!(bytes, message(i).as_bytes(), "{here}: record {i}"),
                None => lost += 1,
            }
        }
        assert!(lost <= 2 * BATCH, "{here}: {lost} records lost for one bit: {report:?}");
        assert!(report.lost_rows >= lost as u64, "{here}: {lost} lost, told {report:?}");
        let all: Vec<String> = (0..RECORDS).map(message).collect();
        assert_eq!(
            write(&db, "web", &all).written,
            lost as u64,
            "{here}: what was lost can be sent again"
        );
        assert_eq!(view(&db).digest().unwrap(), victim.digest, "{here}: and then all is there");
        db.close().unwrap();
        assert_eq!(navedb::check(shared).unwrap().damage, Vec::<String>::new(), "{here}");
    }
}
