//! A log that an earlier version wrote: it is read, what it has is known, and what comes new stands beside it.

use crate::store;
use navedb::dir::MemoryDir;
use navedb::{Db, Input, LoadReport, LoadRequest, RecordKind, Said};
use std::path::PathBuf;

/// What that version said of all logical state.
const DIGEST: &str = "bd0351e85edddf1ef25db6232e52e177";

fn file(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "data", "log1", name].iter().collect();
    std::fs::read(path).unwrap()
}

fn earlier() -> MemoryDir {
    let dir = MemoryDir::new();
    for name in ["MANIFEST", "00000001.log"] {
        dir.put(&format!("log/{name}"), file(name));
    }
    dir
}

fn digest(db: &Db) -> String {
    store::view(db).digest().unwrap()
}

fn load(db: &Db, name: &str, change: impl FnOnce(&mut LoadRequest)) -> LoadReport {
    let (source, kind, time) = match name {
        "buys.csv" => ("shop", RecordKind::Track(Said::Column("kind".into())), "day"),
        _ => ("crm", RecordKind::Identify, "at"),
    };
    let mut request = LoadRequest::new(source, kind);
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes: file(name) });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = Some(time.into());
    change(&mut request);
    db.load(&request).unwrap()
}

#[test]
fn a_log_of_before_is_read_and_its_rows_are_known() {
    let dir = earlier();
    let db = store::open(dir.clone()).unwrap();
    assert_eq!(digest(&db), DIGEST);
    for name in ["buys.csv", "people.ndjson"] {
        // As it was loaded, the load goes on; read otherwise, each row is looked up.
        for zone in ["UTC", "Europe/Paris"] {
            let report = load(&db, name, |request| request.zone = zone.to_owned());
            let file = &report.files[0];
            assert_eq!((file.written, file.duplicates), (0, file.rows), "{name} {zone}");
        }
    }
    assert_eq!(digest(&db), DIGEST);
    // What is no row of before is new, and known from then on, beside what was there and after opening again.
    for (round, written) in [(0, 40), (1, 0)] {
        let fixed = |request: &mut LoadRequest| {
            request.kind = RecordKind::Track(Said::Fixed("purchase".into()));
        };
        let report = load(&db, "buys.csv", fixed);
        assert_eq!(report.files[0].written, written, "{round}");
    }
    let wanted = digest(&db);
    db.close().unwrap();
    let db = store::open(dir).unwrap();
    assert_eq!(digest(&db), wanted);
    let zone = |request: &mut LoadRequest| {
        request.kind = RecordKind::Track(Said::Fixed("purchase".into()));
        request.zone = "Asia/Tokyo".to_owned();
    };
    assert_eq!(load(&db, "buys.csv", zone).files[0].written, 0);
    assert_eq!(
        load(&db, "people.ndjson", |request| request.zone = "Asia/Tokyo".into()).files[0].written,
        0
    );
    assert_eq!(digest(&db), wanted);
}

/// Threads change nothing of what a load leaves behind.
#[test]
fn a_load_with_threads_is_one_without() {
    let mut digests = Vec::new();
    for load_threads in [false, true] {
        let settings = navedb::Settings { load_threads, open_bytes: 1, ..store::small() };
        let dir = MemoryDir::new();
        let db = store::open_with(dir.clone(), settings.clone()).unwrap();
        let rows = |from: usize| {
            let row = |i: usize| format!("u{},2024-01-0{},{}.5,{}\n", i % 900, i % 9 + 1, i, i % 5);
            let header = "user,day,amount,kind\n".to_owned();
            std::iter::once(header).chain((from..from + 60_000).map(row)).collect::<String>()
        };
        for from in [0, 60_000, 120_000] {
            let bytes = rows(from).into_bytes();
            let name = "buys.csv".to_owned();
            let report = load(&db, "buys.csv", |request| {
                request.inputs = vec![Input::Bytes { name: name.clone(), bytes: bytes.clone() }];
            });
            assert_eq!(report.files[0].written, 60_000);
        }
        digests.push(digest(&db));
        db.close().unwrap();
        let named = |name: &str| name.starts_with("derived/part-");
        let files = dir.files().into_iter().filter(|(name, _)| named(name)).count();
        assert!((1..20).contains(&files), "{files} files");
        let db = store::open_with(dir, settings).unwrap();
        digests.push(digest(&db));
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
}
