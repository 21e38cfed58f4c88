//! The digest is one word for everything that the store knows: equal when what was said is equal, and only then.

use crate::generator::{self, Records};
use crate::oracle::{Body, Draft};
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, identify, say, session, track, view};
use navedb::dir::{Dir, MemoryDir};
use navedb::{
    Batch, Db, Input, Level, LoadReport, LoadRequest, Record, RecordKind, Retraction, Said, View,
};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

const DAY_1: &str = "2024-03-01T00:00:00Z";

/// Writes drafts in batches of random sizes.
fn tell(rng: &mut Rng, db: &Db, mut drafts: &[Draft]) {
    while !drafts.is_empty() {
        let (now, later) = drafts.split_at(1 + rng.below(drafts.len().min(30)));
        let record = |d: &Draft| Record::message(d.source.clone(), d.json.clone());
        let batch = now.iter().fold(Batch::new(), |batch, d| batch.record(record(d)));
        let receipt = session(db).write(batch.level(Level::Memory)).unwrap();
        assert_eq!(receipt.written, now.len() as u64);
        drafts = later;
    }
}

#[test]
fn it_does_not_depend_on_order_or_on_batches() {
    for seed in seeds(900, scale(10, 100)) {
        let mut rng = Rng::new(seed);
        let schema = generator::schema(&mut rng);
        let mut records = Records::new(&mut rng, &schema, 12);
        records.tame = true;
        let first = records.first();
        let mut rest: Vec<Draft> = (0..120).map(|_| records.another()).collect();
        let mut digests = BTreeSet::new();
        for round in 0..4 {
            let db = store::open_with(MemoryDir::new(), store::small()).unwrap();
            tell(&mut rng, &db, &first);
            tell(&mut rng, &db, &rest);
            if round == 3 {
                db.checkpoint().unwrap();
            }
            digests.insert(view(&db).digest().unwrap());
            rng.shuffle(&mut rest);
        }
        assert_eq!(digests.len(), 1, "NAVE_SEED={seed}");
        let db = store::new();
        tell(&mut rng, &db, &first);
        // An event always shows; a trait may have lost against another.
        let event = rest.iter().position(|d| matches!(d.body, Body::Track(..))).expect("an event");
        rest.remove(event);
        tell(&mut rng, &db, &rest);
        assert!(
            !digests.contains(&view(&db).digest().unwrap()),
            "NAVE_SEED={seed}: a record less is another digest"
        );
    }
}

#[test]
fn it_does_not_depend_on_when_things_were_received() {
    let tell = |start: i64| {
        let clock = store::clock(start);
        let disk = Arc::new(MemoryDir::new());
        let db = Db::open_with(disk, clock.clone(), navedb::Settings::default()).unwrap();
        say(&db, "web", &track("ann", "1", DAY_1, "purchase", r#"{"amount":1}"#));
        clock.advance(start / 1000);
        say(&db, "web", &identify("ann", "2", DAY_1, r#"{"age":3}"#));
        view(&db).digest().unwrap()
    };
    assert_eq!(tell(store::NOON), tell(store::NOON + 999_999_999));
}

#[test]
fn every_part_of_the_state_changes_it() {
    let message = |user: &str, time: &str, event: &str, amount: &str| {
        track(user, "1", time, event, &format!(r#"{{"amount":{amount}}}"#))
    };
    let states: Vec<Vec<(&str, String)>> = vec![
        vec![],
        vec![("web", message("ann", DAY_1, "purchase", "1"))],
        vec![("app", message("ann", DAY_1, "purchase", "1"))],
        vec![("web", message("ben", DAY_1, "purchase", "1"))],
        vec![("web", message("ann", "2024-03-01T00:00:01Z", "purchase", "1"))],
        vec![("web", message("ann", DAY_1, "refund", "1"))],
        vec![("web", message("ann", DAY_1, "purchase", "2"))],
        vec![("web", message("ann", DAY_1, "purchase", "1.5"))],
        vec![("web", message("ann", DAY_1, "purchase", "\"1\""))],
        vec![("web", message("ann", DAY_1, "purchase", "true"))],
        vec![("web", track("ann", "1", DAY_1, "purchase", "{}"))],
        vec![("web", track("ann", "2", DAY_1, "purchase", r#"{"amount":1}"#))],
        vec![("web", identify("ann", "1", DAY_1, r#"{"amount":1}"#))],
        vec![("web", identify("ann", "1", DAY_1, r#"{"amount":2}"#))],
        vec![("web", identify("ann", "1", DAY_1, r#"{"total":1}"#))],
        vec![
            ("web", message("ann", DAY_1, "purchase", "1")),
            ("web", message("ann", DAY_1, "purchase", "2")),
        ],
        vec![("web", message("ann", DAY_1, "purchase", "1")), ("web", "nonsense".to_owned())],
        vec![
            ("web", message("ann", DAY_1, "purchase", "1")),
            ("web", r#"{"type":"identify","userId":"ann","anonymousId":"x"}"#.to_owned()),
        ],
    ];
    let mut seen: Vec<String> = Vec::new();
    for (number, state) in states.iter().enumerate() {
        let db = store::new();
        state.iter().for_each(|(source, message)| drop(say(&db, source, message)));
        let digest = view(&db).digest().unwrap();
        assert!(
            !digest.is_empty() && digest.bytes().all(|b| b.is_ascii_hexdigit()),
            "{digest} is one hex word"
        );
        if let Some(same) = seen.iter().position(|d| *d == digest) {
            panic!("states {same} and {number} have the same digest");
        }
        seen.push(digest);
    }
}

/// A file of purchases: equal rows among them, with or without an id column.
fn purchases(ids: bool) -> Vec<String> {
    let row = |i: usize| {
        let row = format!("u{},2024-02-{:02},{}.50", i % 13, 1 + i % 28, i % 5);
        if ids { format!("{row},m{i}") } else { row }
    };
    (0..200).map(row).collect()
}

fn file(rows: &[String], ids: bool) -> Vec<u8> {
    let header = if ids { "user,day,amount,id" } else { "user,day,amount" };
    format!("{header}\n{}\n", rows.join("\n")).into_bytes()
}

fn load(db: &Db, name: &str, bytes: Vec<u8>, ids: bool) -> LoadReport {
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".into())));
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = Some("day".into());
    request.level = Some(Level::Memory);
    if ids {
        request.message_id.push("id".into());
    }
    db.load(&request).unwrap()
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_file_loaded_twice_zipped_or_under_another_name_changes_nothing() {
    let (db, rows) = (store::new(), purchases(false));
    let bytes = file(&rows, false);
    let first = load(&db, "a.csv", bytes.clone(), false);
    assert_eq!((first.files[0].rows, first.files[0].written), (200, 200), "equal rows all count");
    let digest = view(&db).digest().unwrap();
    for (name, bytes) in
        [("a.csv", bytes.clone()), ("b.csv", bytes.clone()), ("a.csv.gz", zipped(&bytes))]
    {
        let again = load(&db, name, bytes, false);
        assert_eq!((again.files[0].written, again.files[0].duplicates), (0, 200), "{name}");
        assert_eq!(view(&db).digest().unwrap(), digest, "{name}");
    }
    let other = store::new();
    load(&other, "z.csv.gz", zipped(&bytes), false);
    assert_eq!(view(&other).digest().unwrap(), digest, "zipped or not");
    let members: Vec<u8> = [zipped(&bytes[..1000]), zipped(&bytes[1000..])].concat();
    let other = store::new();
    load(&other, "z.csv.gz", members, false);
    assert_eq!(
        view(&other).digest().unwrap(),
        digest,
        "a file of several zipped parts is their concatenation"
    );
}

#[test]
fn a_damaged_zip_is_an_error_that_names_the_file() {
    let db = store::new();
    let mut bytes = zipped(&file(&purchases(false), false));
    bytes.truncate(bytes.len() / 2);
    let mut request = LoadRequest::new("shop", RecordKind::Identify);
    request.inputs.push(Input::Bytes { name: "a.csv.gz".into(), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    let said = match db.load(&request) {
        Err(error) => error.to_string(),
        Ok(report) => {
            let failed = report.files.iter().filter(|file| file.failure.is_some());
            failed.map(|file| format!("{}: {:?}", file.name, file.failure)).collect()
        }
    };
    assert!(said.contains("a.csv.gz"), "{said:?}");
}

#[test]
fn a_shuffled_file_with_message_ids_is_the_same_file() {
    let mut rows = purchases(true);
    let db = store::new();
    load(&db, "a.csv", file(&rows, true), true);
    let digest = view(&db).digest().unwrap();
    let mut rng = Rng::new(5);
    rng.shuffle(&mut rows);
    let again = load(&db, "b.csv", file(&rows, true), true);
    assert_eq!((again.files[0].written, again.files[0].duplicates), (0, 200));
    assert_eq!(view(&db).digest().unwrap(), digest);
    let other = store::new();
    load(&other, "b.csv", file(&rows[..90], true), true);
    load(&other, "c.csv", file(&rows[50..], true), true);
    assert_eq!(view(&other).digest().unwrap(), digest, "in two parts that overlap");
}

#[test]
fn load_and_retract_is_never_loaded() {
    let disk = MemoryDir::new();
    let db = store::open_with(disk.clone(), store::small()).unwrap();
    say(&db, "web", &identify("u1", "1", DAY_1, r#"{"city":"Nice"}"#));
    let before = view(&db);
    let report = load(&db, "a.csv", file(&purchases(false), false), false);
    assert_ne!(view(&db).digest().unwrap(), before.digest().unwrap());
    let id = report.files[0].load.unwrap();
    let _ = session(&db).retract(&Retraction::Load(id)).unwrap();
    let unloaded = |after: &View, when: &str| {
        assert_eq!(after.digest().unwrap(), before.digest().unwrap(), "{when}");
        let (now, then) = (after.stats().unwrap(), before.stats().unwrap());
        assert_eq!((now.profiles, now.events), (then.profiles, then.events), "{when}");
        assert_eq!(now.loads, [], "{when}");
        let purchased = after.count("EXISTS (SELECT 1 FROM purchase e)", navedb::At::Latest);
        assert!(purchased.is_err(), "{when}: nobody said purchase");
    };
    unloaded(&view(&db), "live");
    db.close().unwrap();
    unloaded(&view(&store::open_with(disk.clone(), store::small()).unwrap()), "reopened");
    let shared: Arc<dyn Dir> = Arc::new(disk.clone());
    navedb::rebuild(shared, store::clock(store::NOON), store::small()).unwrap();
    let db = store::open_with(disk, store::small()).unwrap();
    unloaded(&view(&db), "rebuilt");
    let again = load(&db, "a.csv", file(&purchases(false), false), false);
    assert_eq!(again.files[0].written, 200, "its ids are free again");
    let other = store::new();
    say(&other, "web", &identify("u1", "1", DAY_1, r#"{"city":"Nice"}"#));
    load(&other, "a.csv", file(&purchases(false), false), false);
    assert_eq!(view(&db).digest().unwrap(), view(&other).digest().unwrap());
}

#[test]
fn csv_ndjson_and_messages_that_say_the_same_are_the_same() {
    let csv = store::new();
    load(&csv, "a.csv", file(&purchases(true), true), true);
    let ndjson = store::new();
    let line = |row: &String| {
        let cells: Vec<&str> = row.split(',').collect();
        format!(
            r#"{{"user":"{}","day":"{}","amount":{},"id":"{}"}}"#,
            cells[0], cells[1], cells[2], cells[3]
        )
    };
    let lines: Vec<String> = purchases(true).iter().map(line).collect();
    load(&ndjson, "a.ndjson", lines.join("\n").into_bytes(), true);
    assert_eq!(view(&ndjson).digest().unwrap(), view(&csv).digest().unwrap(), "CSV and NDJSON");
    let messages = store::new();
    for row in purchases(true) {
        let cells: Vec<&str> = row.split(',').collect();
        let time = format!("{}T00:00:00Z", cells[1]);
        let properties = format!(r#"{{"amount":{}}}"#, cells[2]);
        say(&messages, "shop", &track(cells[0], cells[3], &time, "purchase", &properties));
    }
    assert_eq!(
        view(&messages).digest().unwrap(),
        view(&csv).digest().unwrap(),
        "files and messages"
    );
}
