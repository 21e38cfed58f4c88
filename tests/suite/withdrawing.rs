//! Withdrawing and revising: a store is always as one that never saw what is not in force any more.

use crate::rng::Rng;
use crate::store::{self, identify, say, session, track, view};
use navedb::dir::{Crash, Dir, MemoryDir};
use navedb::{
    Db, ErrorKind, Input, Level, LoadId, LoadRequest, Position, RecordKind, Retraction, Said,
};
use std::sync::Arc;

const DAY: &str = "2024-03-01T00:00:00Z";

/// What one write or load said and is still in force: rows by message id.
#[derive(Clone)]
struct Told {
    source: &'static str,
    load: Option<LoadId>,
    /// The name of a column that this load alone has.
    column: String,
    track: bool,
    last: Position,
    rows: Vec<(String, u64)>,
}

fn file(told: &Told) -> Vec<u8> {
    let mut text = format!("user,id,day,amount,{}\n", told.column);
    for (id, content) in &told.rows {
        text.push_str(&format!("u{},{id},2024-02-03,{content},{}\n", content % 7, content % 3));
    }
    text.into_bytes()
}

fn load(db: &Db, told: &Told) -> navedb::LoadReport {
    let kind = if told.track {
        RecordKind::Track(Said::Fixed("purchase".into()))
    } else {
        RecordKind::Identify
    };
    let mut request = LoadRequest::new(told.source, kind);
    request.inputs.push(Input::Bytes { name: "a.csv".into(), bytes: file(told) });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = Some("day".into());
    request.message_id.push("id".into());
    request.level = Some(Level::Memory);
    request.revise = true;
    db.load(&request).unwrap()
}

/// The message of an id and a content: one of three kinds.
fn message(id: &str, content: u64) -> String {
    let user = format!("u{}", content % 7);
    match content % 3 {
        0 => identify(&user, id, DAY, &format!(r#"{{"age":{content}}}"#)),
        1 => track(&user, id, DAY, "view", &format!(r#"{{"page":"p{content}"}}"#)),
        _ => format!(
            r#"{{"type":"entity","entity":"product","id":"{}","messageId":"{id}",
                "timestamp":"{DAY}","traits":{{"price":{content}}}}}"#,
            content % 5
        ),
    }
}

fn put(db: &Db, told: &Told) -> navedb::Receipt {
    let messages: Vec<String> =
        told.rows.iter().map(|(id, content)| message(id, *content)).collect();
    session(db).write(store::batch(told.source, &messages).revise().level(Level::Memory)).unwrap()
}

/// A store that never saw anything but what is in force.
fn fresh(history: &[Told]) -> String {
    let db = store::new();
    for told in history.iter().filter(|told| !told.rows.is_empty()) {
        if told.load.is_some() {
            load(&db, told);
        } else {
            let _ = put(&db, told);
        }
    }
    view(&db).digest().unwrap()
}

/// One more write or load, with ids that are sometimes known.
fn tell(rng: &mut Rng, number: u64, db: &Db, history: &mut Vec<Told>) {
    let mut told = Told {
        source: ["crm", "web"][rng.below(2)],
        load: None,
        column: format!("c{number}"),
        track: rng.below(2) == 0,
        last: Position(0),
        rows: Vec::new(),
    };
    // Ids of files and of messages are apart, so that a row of one never stands for one of the other.
    let from_file = rng.below(2) == 0;
    for _ in 0..1 + rng.below(6) {
        let id = format!("{}{}", if from_file { "f" } else { "m" }, rng.below(25));
        told.rows.push((id, rng.below(1000) as u64));
    }
    let all = told.clone();
    if from_file {
        told.load = load(db, &all).files[0].load;
    } else {
        let _ = put(db, &all);
    }
    told.last = view(db).position();
    told.rows.clear();
    // The plain map: what is known with the same content stays where it is, with other content it goes.
    for (id, content) in all.rows {
        let source = told.source;
        let same_source = history.iter_mut().filter(|before| before.source == source);
        let mut known = false;
        for before in same_source.chain(std::iter::once(&mut told)) {
            let was = before.rows.len();
            before.rows.retain(|(other, old)| *other != id || *old == content);
            known |= was == before.rows.len() && before.rows.iter().any(|(other, _)| *other == id);
        }
        if !known {
            told.rows.push((id, content));
        }
    }
    history.push(told);
}

fn withdraw(rng: &mut Rng, db: &Db, history: &mut [Told]) {
    let at = rng.below(history.len());
    match (rng.below(3), history[at].load) {
        (0, Some(load)) => {
            let found = session(db).retract(&Retraction::Load(load));
            if history[at].rows.is_empty() {
                assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound);
            } else {
                let _ = found.unwrap();
            }
            history[at].rows.clear();
        }
        (1, _) => {
            let (source, rows) = (history[at].source.to_owned(), &mut history[at].rows);
            if let Some((message_id, _)) = rows.pop() {
                let _ = session(db).retract(&Retraction::Record { source, message_id }).unwrap();
            }
        }
        _ => {
            let until = at + rng.below(history.len() - at);
            let from = at.checked_sub(1).map(|before| history[before].last.plus(1));
            let to = (until + 1 < history.len()).then(|| history[until].last);
            let source = history[at].source;
            let inside = history[at..=until].iter_mut().filter(|told| told.source == source);
            let gone: usize = inside.map(|told| std::mem::take(&mut told.rows).len()).sum();
            let what = Retraction::Source { source: source.to_owned(), from, to };
            match session(db).retract(&what) {
                Ok(_) => assert!(gone > 0),
                Err(e) => assert_eq!((gone, e.kind()), (0, ErrorKind::NotFound), "{e}"),
            }
        }
    }
    if let Some(last) = history.last_mut() {
        last.last = view(db).position();
    }
}

#[test]
fn a_store_is_as_one_that_never_saw_what_was_withdrawn_or_revised() {
    for seed in 0..12 {
        let rng = &mut Rng::new(seed);
        let disk = MemoryDir::new();
        let mut db = store::open_with(disk.clone(), store::small()).unwrap();
        let mut history = Vec::new();
        for number in 0..24 {
            if number < 4 || rng.below(3) > 0 {
                tell(rng, number, &db, &mut history);
            } else {
                withdraw(rng, &db, &mut history);
            }
            match rng.below(6) {
                0 => drop(db.checkpoint().unwrap()),
                1 => {
                    db.close().unwrap();
                    db = store::open_with(disk.clone(), store::small()).unwrap();
                }
                2 => {
                    db.close().unwrap();
                    let shared: Arc<dyn Dir> = Arc::new(disk.clone());
                    let clock = store::clock(store::NOON);
                    navedb::rebuild(shared, clock, store::small()).unwrap();
                    db = store::open_with(disk.clone(), store::small()).unwrap();
                }
                _ => {}
            }
            let digest = view(&db).digest().unwrap();
            assert_eq!(digest, fresh(&history), "seed {seed}, step {number}");
        }
    }
}

fn purchases(rows: &[&str], revise: bool) -> LoadRequest {
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".into())));
    let bytes = format!("user,id,day,amount\n{}\n", rows.join("\n")).into_bytes();
    request.inputs.push(Input::Bytes { name: "p.csv".into(), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = Some("day".into());
    request.message_id.push("id".into());
    request.level = Some(Level::Sync);
    request.revise = revise;
    request
}

#[test]
fn a_revised_row_is_in_force_once_and_equal_ones_stay() {
    let db = store::new();
    db.load(&purchases(&["u1,a,2024-01-01,5", "u1,b,2024-01-01,6"], false)).unwrap();
    let revised =
        purchases(&["u1,a,2024-01-01,50", "u1,b,2024-01-01,6", "u1,c,2024-01-01,7"], true);
    let report = db.load(&revised).unwrap();
    let file = &report.files[0];
    assert_eq!((file.written, file.revised, file.duplicates, file.conflicts), (1, 1, 1, 0));
    let sum = "(SELECT sum(e.amount) FROM purchase e) = 63";
    assert_eq!(view(&db).count(sum, navedb::At::Latest), Ok(1));
    let again = db.load(&revised).unwrap();
    assert_eq!((again.files[0].duplicates, again.files[0].load), (3, None), "a second time");
    assert_eq!(view(&db).record("shop", "a").unwrap().unwrap(), b"u1,a,2024-01-01,50");
}

#[test]
fn revising_decides_a_conflict_that_waits() {
    let db = store::new();
    let one = track("ann", "m", DAY, "view", r#"{"n":1}"#);
    let two = track("ann", "m", DAY, "view", r#"{"n":2}"#);
    say(&db, "web", &one);
    assert_eq!(say(&db, "web", &two).conflicts, 1);
    let receipt = session(&db).write(store::batch("web", &[&two]).revise()).unwrap();
    assert_eq!((receipt.written, receipt.revised), (0, 1));
    assert!(view(&db).stats().unwrap().quarantine.is_empty());
    let other = store::new();
    say(&other, "web", &two);
    assert_eq!(view(&db).digest().unwrap(), view(&other).digest().unwrap());
}

#[test]
fn an_interrupted_revision_leaves_one_version_of_each_row() {
    let rows = |amount: u64| -> Vec<String> {
        (0..60).map(|i| format!("u{},m{i},2024-01-01,{amount}", i % 7)).collect()
    };
    let text = |rows: &[String]| -> Vec<u8> {
        let request = purchases(&rows.iter().map(String::as_str).collect::<Vec<_>>(), true);
        let Input::Bytes { bytes, .. } = &request.inputs[0] else { panic!("bytes") };
        bytes.clone()
    };
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    for amount in [1, 2] {
        let mut request = purchases(&[], true);
        request.inputs = vec![Input::Bytes { name: "p.csv".into(), bytes: text(&rows(amount)) }];
        db.load(&request).unwrap();
    }
    for crash in [Crash::KeepAll, Crash::LoseUnsynced] {
        let after = store::open(disk.crash(crash)).unwrap();
        let seen = view(&after);
        let events = seen.stats().unwrap().events;
        assert_eq!(events, [("purchase".to_owned(), 60)]);
        assert_eq!(seen.digest().unwrap(), view(&db).digest().unwrap());
    }
    // Cut anywhere, the log holds each id once.
    let files = disk.files();
    let (name, bytes) = files.iter().find(|(name, _)| name.ends_with(".log")).unwrap();
    for cut in (1..40).map(|part| bytes.len() * part / 40) {
        let torn = MemoryDir::new();
        for (other, bytes) in files.iter().filter(|(other, _)| other.starts_with("log/")) {
            torn.put(other, bytes.clone());
        }
        torn.put(name, bytes[..cut].to_vec());
        let Ok(after) = store::open(torn) else { continue };
        let events = view(&after).stats().unwrap().events;
        assert!(events.iter().all(|(_, count)| *count <= 60), "{events:?} at {cut}");
    }
}

#[test]
fn a_stretch_that_holds_nothing_is_told() {
    let db = store::new();
    say(&db, "web", &track("ann", "m", DAY, "view", "{}"));
    let retract = |source: &str, from: Option<u64>, to: Option<u64>| {
        let (from, to) = (from.map(Position), to.map(Position));
        session(&db).retract(&Retraction::Source { source: source.to_owned(), from, to })
    };
    assert_eq!(retract("app", None, None).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(retract("web", Some(99), None).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(retract("web", None, Some(1)).unwrap_err().kind(), ErrorKind::NotFound);
    let _ = retract("web", None, None).unwrap();
    assert_eq!(retract("web", None, None).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(say(&db, "web", &track("ann", "m", DAY, "view", "{}")).written, 1, "free again");
}
