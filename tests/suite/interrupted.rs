//! Loads that are stopped and started again: in the end, all is as if they had never been stopped.

use crate::rng::Rng;
use crate::store::{self, session, view};
use navedb::dir::{Crash, Fault, FaultDir, FaultPlan, MemoryDir};
use navedb::{
    Db, Input, Level, LoadReport, LoadRequest, Phase, RecordKind, Retraction, Said, Settings,
};
use std::ops::ControlFlow;

/// A file of many frames: rows of ids and texts, rows that are broken, and rows over several lines.
fn csv(rows: usize) -> String {
    let mut text = "user,when,amount,note\n".to_owned();
    for i in 0..rows {
        let note = if i % 11 == 0 { format!("\"two\nlines {i}\"") } else { "x".repeat(i % 40) };
        let when = if i % 97 == 0 { "soon" } else { "2024-01-05T10:00:00Z" };
        text += &format!("u{},{when},{}.25,{note}\n", i % 700, i % 90);
        if i % 50 == 0 {
            text += "\n";
        }
    }
    text
}

fn ndjson(rows: usize) -> String {
    let row = |i: usize| match i % 89 {
        0 => "{\"user\":\n".to_owned(),
        _ => format!("{{\"user\":\"u{}\",\"amount\":{},\"tags\":[1]}}\n", i % 700, i % 90),
    };
    (0..rows).map(row).collect()
}

fn request(name: &str, text: &str) -> LoadRequest {
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".into())));
    let bytes = text.as_bytes().to_vec();
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = name.ends_with("csv").then(|| "when".to_owned());
    request.level = Some(Level::Memory);
    request
}

/// Loads until it is told that it went on `frames` times, then stops it.
fn stopped_after(db: &Db, request: &LoadRequest, phase: Phase, frames: usize) -> LoadReport {
    let mut told = 0;
    let mut tell = |progress: &navedb::Progress<'_>| {
        told += usize::from(progress.phase == phase);
        if told > frames { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    db.load_with(request, &mut tell).unwrap()
}

fn digest(db: &Db) -> String {
    view(db).digest().unwrap()
}

/// What the same request gives when nobody stops it, and the digest of an empty store beside its own.
fn calm(request: &LoadRequest) -> (LoadReport, String) {
    let db = store::new();
    let report = db.load(request).unwrap();
    let digest = digest(&db);
    (report, digest)
}

#[test]
fn a_load_that_is_stopped_goes_on_under_its_id_and_one_retraction_undoes_all() {
    for (name, text) in [("p.csv", csv(35_000)), ("p.ndjson", ndjson(35_000))] {
        let request = request(name, &text);
        let (whole, wanted) = calm(&request);
        let mut went_on = 0;
        for frames in 0..3 {
            let dir = MemoryDir::new();
            let db = store::open(dir.clone()).unwrap();
            let empty = digest(&db);
            let first = stopped_after(&db, &request, Phase::Rows, frames);
            assert!(first.interrupted, "{name} {frames}");
            // Again a little further, then from the log alone, then to the end.
            let second = stopped_after(&db, &request, Phase::Rows, frames + 2);
            db.close().unwrap();
            let db = store::open(dir.clone()).unwrap();
            let last = db.load(&request).unwrap();
            assert!(!last.interrupted);
            let (file, all) = (&last.files[0], &whole.files[0]);
            assert_eq!((file.rows, file.broken), (all.rows, all.broken), "{name} {frames}");
            let second_written = second.files.first().map_or(0, |file| file.written);
            let first_written = first.files.first().map_or(0, |file| file.written);
            assert_eq!(first_written + second_written + file.written, all.written);
            assert_eq!(file.duplicates + file.written + file.broken, file.rows);
            let second_went_on = second.files.first().and_then(|file| file.continued_at);
            went_on += usize::from(file.continued_at.or(second_went_on).is_some());
            assert_eq!(digest(&db), wanted, "{name} {frames}");
            let loads = view(&db).stats().unwrap().loads;
            assert_eq!(loads.len(), 1, "{name} {frames}");
            let again = db.load(&request).unwrap();
            assert_eq!((again.files[0].written, again.files[0].load), (0, None));
            assert_eq!((again.files[0].broken, again.files[0].continued_at), (all.broken, None));
            let _ = session(&db).retract(&Retraction::Load(loads[0].id)).unwrap();
            assert_eq!(digest(&db), empty, "{name} {frames}: one retraction undoes all");
            let again = db.load(&request).unwrap();
            assert_eq!(again.files[0].written, all.written, "what was withdrawn is new");
            assert_eq!(digest(&db), wanted, "{name} {frames}");
        }
        assert!(went_on >= 2, "{name}: the rows of an earlier run were passed over");
    }
}

#[test]
fn a_load_that_is_stopped_before_its_first_row_leaves_nothing() {
    let db = store::new();
    let before = digest(&db);
    let request = request("p.csv", &csv(40_000));
    let report = stopped_after(&db, &request, Phase::Plan, 1);
    assert!(report.interrupted && report.files.is_empty(), "{report:?}");
    assert_eq!(digest(&db), before);
}

#[test]
fn several_files_are_stopped_and_go_on() {
    let mut both = request("a.csv", &csv(20_000));
    both.inputs.extend(request("b.csv", &csv(33_000)).inputs);
    let (_, wanted) = calm(&both);
    for frames in 0..6 {
        let db = store::new();
        let report = stopped_after(&db, &both, Phase::Rows, frames);
        assert!(report.interrupted, "{frames}");
        db.load(&both).unwrap();
        assert_eq!(digest(&db), wanted, "{frames}");
        assert_eq!(view(&db).stats().unwrap().loads.len(), 2, "{frames}");
    }
}

/// Rows are passed over only when they are the beginning of the file; else each is looked up.
#[test]
fn what_is_not_the_beginning_of_the_file_is_looked_up() {
    let text = csv(40_000);
    let mine = request("p.csv", &text);
    let (_, wanted) = calm(&mine);
    // Of another shape, so that it is another load; its rows have the same keys.
    let other = LoadRequest { zone: "Europe/Paris".to_owned(), ..mine.clone() };
    let db = store::new();
    stopped_after(&db, &other, Phase::Rows, 1);
    let first = view(&db).stats().unwrap().loads[0].id;
    stopped_after(&db, &mine, Phase::Rows, 2);
    let loads = view(&db).stats().unwrap().loads;
    assert_eq!(loads.len(), 2, "it has rows from the middle of the file");
    let _ = session(&db).retract(&Retraction::Load(first)).unwrap();
    db.load(&mine).unwrap();
    assert_eq!(digest(&db), wanted);
    assert_eq!(db.load(&mine).unwrap().files[0].written, 0);
}

#[test]
fn a_row_that_was_withdrawn_comes_back_with_its_file() {
    let db = store::new();
    let request = request("p.csv", "user,when,amount\nann,2024-01-01,1\nben,2024-01-02,2\n");
    db.load(&request).unwrap();
    let wanted = digest(&db);
    let event = view(&db).timeline("user_id", "ann").unwrap().unwrap().remove(0);
    let what = Retraction::Record { source: "shop".into(), message_id: event.message_id };
    let _ = session(&db).retract(&what).unwrap();
    assert_ne!(digest(&db), wanted);
    assert_eq!(db.load(&request).unwrap().files[0].written, 1);
    assert_eq!(digest(&db), wanted);
    assert_eq!(view(&db).stats().unwrap().loads.len(), 1);
}

#[test]
fn two_at_once_load_every_row_once() {
    let request = request("p.csv", &csv(60_000));
    let (_, wanted) = calm(&request);
    for begun in 0..3 {
        let db = store::new();
        if begun > 0 {
            stopped_after(&db, &request, Phase::Rows, begun);
        }
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| db.load(&request).unwrap());
            }
        });
        assert_eq!(digest(&db), wanted, "{begun}");
    }
}

/// The disk fails at some call of a load, and whatever a crash then leaves, the same load again completes it.
#[test]
fn a_load_goes_on_after_any_crash() {
    let text = csv(1500);
    let settings =
        || Settings { log_file_bytes: 20_000, keys_in_memory: 100, ..Default::default() };
    let request = LoadRequest { level: Some(Level::Sync), ..request("p.csv", &text) };
    let (_, wanted) = calm(&request);
    let empty = digest(&store::new());
    let mut random = Rng::new(7);
    let mut met = 0;
    // A load of one frame makes few calls, so that none may be left out.
    for at in 1..50 {
        for fault in [Fault::Stop, Fault::Fail, Fault::Tear] {
            let dir = FaultDir::new(MemoryDir::new(), Some(FaultPlan { at, fault }));
            if let Ok(db) = store::open_with(dir.clone(), settings()) {
                let stop = random.below(3);
                let mut told = 0;
                let _ = db.load_with(&request, &mut |_| {
                    told += 1;
                    if told > stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                met += usize::from(db.load(&request).is_err());
            }
            for how in [Crash::KeepAll, Crash::LoseUnsynced, Crash::Tear { seed: at }] {
                let here = format!("{fault:?} at call {at}, {how:?}");
                let db = store::open_with(dir.disk().crash(how), settings()).unwrap();
                db.load(&request).unwrap();
                assert_eq!(digest(&db), wanted, "{here}");
                let loads = view(&db).stats().unwrap().loads;
                assert_eq!(loads.len(), 1, "{here}");
                let _ = session(&db).retract(&Retraction::Load(loads[0].id)).unwrap();
                assert_eq!(digest(&db), empty, "{here}");
            }
        }
    }
    assert!(met > 5, "faults were met {met} times");
}
