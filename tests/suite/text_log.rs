//! The log as text: random stores, written out and read in again, are the same stores.

use crate::blocks::{Form, file};
use crate::messages::{self, load_request};
use crate::objects;
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, NOON, identify, session, small, track, view};
use navedb::dir::{Dir, MemoryDir};
use navedb::{
    Batch, Db, ErrorKind, Level, LoadRequest, Origin, Record, Result, Retraction, Settings,
    TextLogReport, View, import_log,
};
use std::sync::Arc;

fn exported(view: &View) -> Vec<u8> {
    let mut lines = Vec::new();
    view.export_log(&mut lines, &mut |_| {}).unwrap();
    lines
}

fn imported(lines: &[u8]) -> Result<(MemoryDir, TextLogReport)> {
    let dir = MemoryDir::new();
    let report = import_log(Arc::new(dir.clone()), &mut &*lines, &mut |_| {})?;
    Ok((dir, report))
}

/// Texts that JSON must escape, and others that it must not touch.
const TEXTS: [&str; 7] =
    ["plain", "größe 日本 😀", "say \\\"so\\\"", "a\\\\b", "\\u0000\\u001f", "line\\nend", ""];

fn records(rng: &mut Rng, number: usize) -> Vec<Vec<u8>> {
    let user = format!("u{}", rng.below(12));
    let (text, day) = (*rng.pick(&TEXTS), format!("2024-0{}-01T00:00:00Z", 1 + rng.below(9)));
    let amount = rng.between(-999, 999);
    let told = format!(r#"{{"a":"{text}","n":{amount},"tags":["{text}","x"],"z":null}}"#);
    let id = format!("m{}", number - rng.below(2));
    vec![
        identify(&user, &format!("i{number}"), &day, &told).into_bytes(),
        track(&user, &id, &day, "Wish List", &format!(r#"{{"p":{amount}.25,"q":"{text}"}}"#))
            .into_bytes(),
        format!(
            r#"{{"type":"entity","entity":"product","id":"p{}","messageId":"e{number}","traits":{told}}}"#,
            rng.below(5)
        )
        .into_bytes(),
        // No message at all, and no text.
        [b"\xff\xfe broken \x00".as_slice(), &number.to_le_bytes()].concat(),
    ]
}

/// A store of everything that a log can hold, and the loads that it took.
fn random(seed: u64) -> (MemoryDir, Vec<LoadRequest>) {
    let mut rng = Rng::new(seed);
    let disk = MemoryDir::new();
    let mut db = store::open_with(disk.clone(), small()).unwrap();
    let mut loads = Vec::new();
    for number in 1..4 + rng.below(12) {
        match rng.below(6) {
            0 | 1 => {
                let records = records(&mut rng, number);
                let batch = records.into_iter().fold(Batch::new(), |batch, json| {
                    batch.record(Record::message(*rng.pick(&["web", "crm"]), json))
                });
                let origin = *rng.pick(&[Origin::Live, Origin::History]);
                let _ = session(&db).write(batch.level(Level::Memory).origin(origin)).unwrap();
            }
            2 | 3 => {
                let seed = seed + number as u64;
                let request = if rng.one_in(3) {
                    let form = objects::Form::random(&mut rng);
                    load_request(&messages::file(seed, &form, rng.below(40), rng.one_in(3)))
                } else if rng.one_in(2) {
                    let form = Form::random(&mut rng);
                    let bytes = file(seed, &form, rng.below(40));
                    form.request(&bytes, rng.one_in(3))
                } else {
                    let form = objects::Form::random(&mut rng);
                    let bytes = objects::file(seed, &form, rng.below(40), rng.one_in(3));
                    form.request(&bytes, rng.one_in(3))
                };
                // A file without a row that can be read is refused, and that is judged elsewhere.
                if db.load(&request).is_ok() {
                    loads.push(request);
                }
            }
            4 => {
                let known = view(&db).stats().unwrap().loads;
                let what = match known.first().filter(|_| rng.one_in(2)) {
                    Some(load) => Retraction::Load(load.id),
                    None => Retraction::Record {
                        source: "web".into(),
                        message_id: format!("i{}", 1 + rng.below(9)),
                    },
                };
                let _ = session(&db).retract(&what);
            }
            _ => {
                db.close().unwrap();
                db = store::open_with(disk.clone(), small()).unwrap();
            }
        }
    }
    db.close().unwrap();
    (disk, loads)
}

fn profiles(view: &View) -> Vec<String> {
    view.members("TRUE", navedb::At::Latest).unwrap()
}

fn reopened(dir: &MemoryDir) -> Db {
    store::open_with(dir.clone(), small()).unwrap()
}

#[test]
fn a_store_comes_back_from_its_text() {
    for seed in seeds(1, scale(25, 400)) {
        let here = format!("NAVE_SEED={seed}");
        let (disk, loads) = random(seed);
        let db = reopened(&disk);
        let lines = exported(&view(&db));
        let (copy, report) = imported(&lines).unwrap_or_else(|e| panic!("{here}: {e}"));
        assert_eq!(report.position, view(&db).position(), "{here}");
        let other = reopened(&copy);
        let (before, after) = (view(&db), view(&other));
        assert_eq!(after.digest().unwrap(), before.digest().unwrap(), "{here}");
        assert_eq!(profiles(&after), profiles(&before), "{here}: public ids");
        assert_eq!(exported(&after), lines, "{here}: the same text again");
        // What is known already is known again.
        for request in &loads {
            let [first, second] = [&db, &other].map(|db| {
                let told = &db.load(request).unwrap().files[0];
                (told.rows, told.written, told.duplicates, told.conflicts, told.broken)
            });
            assert_eq!(first, second, "{here}");
        }
        assert_eq!(view(&db).digest().unwrap(), view(&other).digest().unwrap(), "{here}");
        other.close().unwrap();
        let checked = navedb::check(Arc::new(copy)).unwrap();
        assert_eq!(checked.damage, Vec::<String>::new(), "{here}");
    }
}

#[test]
fn a_text_that_is_not_whole_is_refused_by_its_line() {
    let (disk, _) = random(7);
    let lines = exported(&view(&reopened(&disk)));
    let all: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    let refused = |text: &[u8], here: &str| {
        let error = imported(text).map(|(_, report)| report).expect_err(here);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{here}: {error}");
        assert!(error.message().contains("line "), "{here}: {error}");
        error.message().to_owned()
    };
    assert_eq!(imported(b"").map(|_| ()).unwrap_err().message(), "the file is empty");
    for cut in 1..all.len() {
        let without: Vec<u8> = all
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != cut)
            .flat_map(|(_, l)| *l)
            .copied()
            .collect();
        refused(&without, &format!("without line {}", cut + 1));
        refused(&all[..cut].concat(), &format!("cut behind line {cut}"));
        let mut inside = all[..cut].concat();
        inside.extend_from_slice(&all[cut][..all[cut].len() / 2]);
        let told = refused(&inside, "cut inside a line");
        assert!(told.starts_with(&format!("line {}: ", cut + 1)), "{told}");
    }
    // A byte of a record that is another one is no longer what was exported.
    let text = String::from_utf8(lines.clone()).unwrap();
    let told = refused(text.replace("Wish List", "Wish Lost").as_bytes(), "another text");
    assert!(told.contains("digest"), "{told}");
    let told = refused(text.replacen("\"origin\"", "\"oregano\"", 1).as_bytes(), "unknown");
    assert!(told.starts_with("line 1: ") && told.contains("oregano"), "{told}");
    refused(&[lines.as_slice(), b"{}\n"].concat(), "something behind the end");
    // Numbers that no log can have would cost memory for all that they skip.
    for (word, other) in [
        ("\"number\":1,", "\"number\":4000000000,"),
        ("\"source\":1,", "\"source\":4000000000,"),
        ("\"load\":0,\"more\"", "\"load\":4000000000,\"more\""),
        ("\"position\":2,", "\"position\":3,"),
        ("\"clock\":1", "\"clock\":-9"),
        ("\"key\":\"", "\"key\":\"0"),
    ] {
        assert!(text.contains(word), "{word}");
        refused(text.replacen(word, other, 1).as_bytes(), word);
    }
}

#[test]
fn a_store_is_never_overwritten() {
    let (disk, _) = random(3);
    let lines = exported(&view(&reopened(&disk)));
    let before = disk.list("log").unwrap();
    let error = import_log(Arc::new(disk.clone()), &mut lines.as_slice(), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(disk.list("log").unwrap(), before);
    // An open store cannot be the place either.
    let open = MemoryDir::new();
    let _db = Db::open_with(Arc::new(open.clone()), store::clock(NOON), Settings::default());
    let error = import_log(Arc::new(open), &mut lines.as_slice(), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}
