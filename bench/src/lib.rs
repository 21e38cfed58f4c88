//! What the benchmarks share: stores to write into, messages to write, and the CDNOW purchases, loaded.
//!
//! `cargo bench` runs all; `cargo bench --bench write -- memory` runs what has `memory` in its name. The comparison
//! with DuckDB is a script of its own: `bench/duckdb/run.sh`. `figures.py` prints what was measured.

pub mod million;

pub mod shop;

use navedb::clock::SystemClock;
use navedb::dir::{Dir, DiskDir};
use navedb::{
    At, Caller, Db, Delimiter, Input, LoadRequest, Purpose, Record, RecordKind, Said, Session,
    Settings, TimeUnit, Timestamp,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The instant for which the audiences of the demo are asked.
pub const NOW: &str = "1998-07-01T00:00:00Z";

/// A folder that goes when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder below `parent`, which should lie on a real disk: cargo's `CARGO_TARGET_TMPDIR` does.
    pub fn below(parent: &str) -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("nave-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(parent).join(name);
        std::fs::create_dir_all(&path).expect("the target folder can be written");
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder as the engine sees it.
    pub fn dir(&self) -> Arc<dyn Dir> {
        Arc::new(DiskDir::new(&self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the target folder: no reason to fail a measurement.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Opens a store, or makes it.
pub fn open(dir: Arc<dyn Dir>) -> Db {
    Db::open_with(dir, Arc::new(SystemClock), Settings::default()).expect("the store opens")
}

/// A session that may do everything.
pub fn session(db: &Db) -> Session {
    db.session(Caller::all(), Purpose::any())
}

/// A purchase of about 230 bytes, by one of 10,000 persons. Every number has its own message id.
pub fn message(number: u64) -> Record {
    let (person, store, discs) = (number % 10_000, number % 50, number % 7 + 1);
    let amount = format!("{}.{:02}", number * 7919 % 200, number % 100);
    let time = format!("{:02}:{:02}:{:02}", number / 3600 % 24, number / 60 % 60, number % 60);
    Record::message(
        "shop",
        format!(
            r#"{{"type":"track","userId":"user-{person}","event":"purchase","messageId":"order-{number}",
"timestamp":"2026-03-01T{time}Z",
"properties":{{"amount":{amount},"discs":{discs},"store":"store-{store}","coupon":"none"}}}}"#
        ),
    )
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Loads the CDNOW purchases: 69,659 events of 23,570 profiles.
pub fn load_purchases(db: &Db) {
    let mut request =
        LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".to_string())));
    request.inputs = vec![Input::Path(repository("tests/data/cdnow_master.txt"))];
    request.ids = vec![("customer_id".to_string(), "customer_id".to_string())];
    request.time = Some("date".to_string());
    request.time_unit = TimeUnit::Pattern("%Y%m%d".to_string());
    request.delimiter = Some(Delimiter::Whitespace);
    let report = db.load(&request).expect("the purchases load");
    let written: u64 = report.files.iter().map(|file| file.written).sum();
    assert_eq!(written, 69_659, "all purchases load");
}

/// The audiences of the demo: name and text.
pub fn demo_audiences() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(repository("server/src/cli/demo_audiences.sql"))
        .expect("the audiences of the demo are in the repository");
    let mut found = Vec::new();
    let (mut name, mut body) = (String::new(), String::new());
    for line in text.lines() {
        match (line.strip_prefix("--"), line.strip_suffix(';')) {
            (Some(comment), _) if name.is_empty() => name = comment.trim().to_string(),
            // The question in words.
            (Some(_), _) => {}
            (None, Some(last)) => {
                found.push((std::mem::take(&mut name), std::mem::take(&mut body) + last));
            }
            (None, None) => body = body + line + "\n",
        }
    }
    assert!(found.len() >= 10, "the demo asks ten audiences");
    found
}

/// The instant for which to ask.
pub fn at() -> At {
    At::Now(Timestamp::parse(NOW).expect("a time"))
}
