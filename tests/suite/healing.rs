//! Parts that are damaged while the store is open, on the real disk: an answer is right, or there is none and the next
//! one is right; and what is written meanwhile is not lost.

use crate::rng::{Rng, asked_seed, scale};
use crate::scratch::Scratch;
use crate::store::{self, NOON, identify, session, track, view};
use navedb::dir::DiskDir;
use navedb::{
    At, Db, ErrorKind, Input, Level, LoadRequest, RecordKind, Result, Retraction, Said, Settings,
    Timestamp, View,
};
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DAY: &str = "2024-03-01T00:00:00Z";
const PEOPLE: usize = 40;

fn settings() -> Settings {
    Settings { keys_in_memory: 64, open_bytes: 30_000, ..Settings::default() }
}

fn open(folder: &Path) -> Db {
    Db::open_with(Arc::new(DiskDir::new(folder)), store::clock(NOON), settings()).unwrap()
}

fn message(i: usize) -> String {
    let (user, id) = (format!("u{}", i % PEOPLE), format!("m{i}"));
    match i % 4 {
        0 => identify(&user, &id, DAY, &format!(r#"{{"age":{i},"city":"C{}"}}"#, i % 7)),
        1 => format!(
            r#"{{"type":"entity","entity":"product","id":"p{}","messageId":"{id}","timestamp":"{DAY}",
                "traits":{{"price":{i}.5,"tags":["a","t{}"]}}}}"#,
            i % 9,
            i % 3
        ),
        _ => track(&user, &id, DAY, "step", &format!(r#"{{"n":{i},"sku":"p{}"}}"#, i % 9)),
    }
}

/// Rows whose ids join some profiles of messages.
fn request(number: usize) -> LoadRequest {
    let kind = RecordKind::Track(Said::Fixed("buy".into()));
    let mut request = LoadRequest::new("shop", kind);
    let row = |i: usize| format!("u{},c{},{}.25\n", (i + number) % PEOPLE, i % 30, i + number);
    let rows: String = (0..60).map(row).collect();
    let bytes = format!("user,card,amount\n{rows}").into_bytes();
    request.inputs.push(Input::Bytes { name: format!("{number}.csv"), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.ids.push(("card".into(), "card".into()));
    request.level = Some(Level::Memory);
    request
}

const QUESTIONS: [&str; 6] = [
    "p.age > 30 AND p.city <> 'C3'",
    "p.city LIKE 'C%' OR p.age IS NULL",
    "(SELECT sum(e.n) FROM step e) > 100",
    "(SELECT max(d.price) FROM step e JOIN product d ON d.id = e.sku WHERE 't1' = ANY(d.tags)) > 9",
    "has_identifier('card') AND EXISTS (SELECT 1 FROM buy e WHERE e.amount > 20)",
    "(SELECT count(*) FROM buy e) BETWEEN 3 AND 50",
];

/// Everything that a view can be asked, as one text.
fn ask_all(seen: &View) -> Result<String> {
    let mut told = seen.digest()?;
    for text in QUESTIONS {
        told += &format!(" {}", seen.count(text, At::Latest)?);
    }
    for user in (0..PEOPLE).step_by(7) {
        let profile = seen.profile("user_id", &format!("u{user}"))?;
        told += &format!(" {}", profile.map_or(0, |p| p.traits.len() + p.identifiers.len()));
        let events = seen.timeline("user_id", &format!("u{user}"))?.unwrap_or_default();
        told += &format!(" {}", events.len());
    }
    let stats = seen.stats()?;
    Ok(format!("{told} {:?} {:?} {:?}", stats.traits, stats.events, stats.entities))
}

const BEFORE: usize = 160;

/// A closed store of several parts.
fn victim(folder: &Path) {
    for round in 0..3 {
        let db = open(folder);
        let messages: Vec<String> =
            (0..BEFORE / 3).map(|i| message(round * BEFORE / 3 + i)).collect();
        messages.chunks(20).for_each(|batch| drop(store::write(&db, "web", batch)));
        db.load(&request(round)).unwrap();
        db.close().unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for folder in ["log", "derived"] {
        fs::create_dir_all(to.join(folder)).unwrap();
        for file in fs::read_dir(from.join(folder)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(folder).join(file.file_name())).unwrap();
        }
    }
}

pub fn parts(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("derived")).unwrap().map(|file| file.unwrap().path());
    let mut parts: Vec<PathBuf> =
        files.filter(|path| path.to_str().unwrap().contains("part-")).collect();
    parts.sort();
    parts
}

/// Changes bytes of a file in place; who has it mapped sees them.
pub fn flip(path: &Path, rng: &mut Rng, flips: usize) {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    for _ in 0..flips {
        let at = SeekFrom::Start(8 + rng.below(len - 8) as u64);
        let mut byte = [0];
        file.seek(at).unwrap();
        file.read_exact(&mut byte).unwrap();
        file.seek(at).unwrap();
        file.write_all(&[byte[0] ^ (1 << rng.below(8))]).unwrap();
    }
}

fn is_damage<T: std::fmt::Debug>(found: &Result<T>) -> bool {
    matches!(found, Err(e) if e.kind() == ErrorKind::Corrupt)
}

/// What is asked or done first after the damage.
fn act(db: &Db, action: usize, here: &str) {
    let seen = view(db);
    let fine = |found: Result<()>| assert!(found.is_ok() || is_damage(&found), "{here}: {found:?}");
    match action {
        0 => fine(ask_all(&seen).map(|_| ())),
        1 => fine(seen.count(QUESTIONS[3], At::Latest).map(|_| ())),
        2 => drop(store::write(db, "web", &[message(0)])),
        3 => fine(db.checkpoint().map(|_| ())),
        4 => {
            let past = At::AsOf(Timestamp::parse("2024-02-01T00:00:00Z").unwrap());
            assert_eq!(seen.count(QUESTIONS[5], past), Ok(0), "{here}");
        }
        5 => {
            let what = Retraction::Record { source: "web".into(), message_id: "m2".into() };
            let _ = session(db).retract(&what).unwrap();
            store::write(db, "web", &[message(2)]);
        }
        6 => drop(db.load(&request(0)).unwrap()),
        7 => fine(db.read_ahead(u64::MAX).map(|_| ())),
        _ => {
            let decided = session(db).transact(Some(Level::Memory), |seen| {
                seen.count(QUESTIONS[1], At::Latest)?;
                seen.digest()?;
                Ok(store::batch("web", &[message(0)]))
            });
            fine(decided.map(|_| ()));
            let again = session(db).transact(Some(Level::Memory), |seen| {
                seen.digest()?;
                Ok(store::batch("web", &[message(0)]))
            });
            assert!(again.is_ok(), "{here}: a transaction heals what it needs: {again:?}");
        }
    }
}

/// What a store answers that had the same records, and no damage.
fn reference(source: &Path) -> [String; 2] {
    let scratch = Scratch::new();
    let folder = PathBuf::from(scratch.path("fine"));
    copy(source, &folder);
    let db = open(&folder);
    let before = ask_all(&view(&db)).unwrap();
    go_on(&db, "without damage");
    [before, ask_all(&view(&db)).unwrap()]
}

/// Writes what is new.
fn go_on(db: &Db, here: &str) {
    for i in BEFORE..BEFORE + 40 {
        assert_eq!(store::say(db, "web", &message(i)).written, 1, "{here}");
    }
    assert_eq!(db.load(&request(9)).unwrap().files[0].written, 60, "{here}");
}

#[test]
fn a_part_that_is_damaged_while_it_is_open_never_gives_a_wrong_answer() {
    let scratch = Scratch::new();
    let source = PathBuf::from(scratch.path("victim"));
    victim(&source);
    let [before, after] = reference(&source);
    let seed = asked_seed().unwrap_or(17);
    let mut healed = 0;
    for round in 0..scale(24, 3000) {
        let mut rng = Rng::new(seed * 100_000 + round);
        let folder = PathBuf::from(scratch.path(&format!("round-{round}")));
        copy(&source, &folder);
        let files = parts(&folder);
        let here = format!("round {round} of seed {seed}, {} parts", files.len());
        let db = open(&folder);
        let held = view(&db);
        let damaged: Vec<&PathBuf> = files.iter().filter(|_| rng.one_in(2)).collect();
        damaged.iter().for_each(|file| flip(file, &mut rng, 1 + round as usize % 30));
        let action = rng.below(9);
        act(&db, action, &format!("{here}, action {action}"));
        for _ in 0..3 {
            let found = ask_all(&view(&db));
            assert!(
                is_damage(&found) || found.as_ref() == Ok(&before),
                "{here}, {action}: {found:?}"
            );
        }
        assert_eq!(ask_all(&view(&db)).as_ref(), Ok(&before), "{here}, action {action}: healed");
        go_on(&db, &here);
        assert_eq!(ask_all(&view(&db)).as_ref(), Ok(&after), "{here}, action {action}: written on");
        let found = ask_all(&held);
        assert!(is_damage(&found) || found.as_ref() == Ok(&before), "{here}: {found:?}");
        db.close().unwrap();
        let report = navedb::check(Arc::new(DiskDir::new(&folder))).unwrap();
        let db = open(&folder);
        if is_damage(&found) {
            // What was found was made anew; what nobody looked at is made anew at the next opening, or when it is
            // asked.
            assert_eq!(report.damage, Vec::<String>::new(), "{here}, action {action}");
            assert_eq!(db.open_report().discarded, Vec::<String>::new(), "{here}");
            healed += 1;
        }
        assert_eq!(ask_all(&view(&db)).as_ref(), Ok(&after), "{here}: opened again");
        drop((db, held));
        fs::remove_dir_all(&folder).unwrap();
    }
    assert!(healed > 10, "only {healed} rounds found the damage");
}

/// The tail of a log needs old parts while it is folded.
#[test]
fn a_part_that_is_damaged_before_a_replay_never_stops_the_opening() {
    let scratch = Scratch::new();
    let source = PathBuf::from(scratch.path("victim"));
    victim(&source);
    let [_, after] = reference(&source);
    let db = open(&source);
    go_on(&db, "before the crash");
    let late = store::batch("web", &[message(0)]).level(Level::Os);
    assert_eq!(session(&db).write(late).unwrap().duplicates, 1);
    session(&db).wait(view(&db).position(), Level::Os).unwrap();
    // Nobody closes it.
    drop(db);
    let mut discarded = 0;
    for round in 0..scale(24, 2000) {
        let mut rng = Rng::new(round);
        let folder = PathBuf::from(scratch.path(&format!("round-{round}")));
        copy(&source, &folder);
        parts(&folder).iter().for_each(|file| flip(file, &mut rng, 1 + round as usize));
        let db = open(&folder);
        discarded += db.open_report().discarded.len();
        let found = ask_all(&view(&db));
        assert!(is_damage(&found) || found.as_ref() == Ok(&after), "round {round}: {found:?}");
        assert_eq!(ask_all(&view(&db)).as_ref(), Ok(&after), "round {round}");
        db.close().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
    assert!(discarded > 5, "{discarded} times the replay found the damage");
}
