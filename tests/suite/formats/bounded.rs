//! Files that are small and become large, and lines without an end: memory stays bounded, and the good rows load.

use super::{only, people};
use crate::rng::scale;
use crate::scratch::Scratch;
use crate::store::view;
use flate2::write::GzEncoder;
use navedb::{Db, Input, LoadRequest};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

const CHILD: &str = "NAVE_BOUNDED_CHILD";
/// Memory that a process which loads may have taken at its peak, in KiB: a record of 4 MiB at most stands in a few
/// buffers at once, and changes are gathered up to 40 MiB.
const MOST_KIB: u64 = 400_000;

/// Writes a head, a piece again and again up to so many MiB, and a tail.
fn fill(mut into: impl Write, head: &str, piece: &str, mebibytes: u64, tail: &str) {
    let block = piece.repeat((1 << 20) / piece.len());
    into.write_all(head.as_bytes()).unwrap();
    for _ in 0..mebibytes {
        into.write_all(block.as_bytes()).unwrap();
    }
    into.write_all(tail.as_bytes()).unwrap();
    into.flush().unwrap();
}

/// The most memory that this process has had at once, in KiB; nothing where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A packed file, small on the disk.
fn packed(folder: &Scratch, name: &str, (head, piece, tail): (&str, &str, &str)) -> PathBuf {
    // One that is large in a plain run too.
    let large = scale(if name.starts_with("long") { 40 } else { 6 }, 1100);
    let path = PathBuf::from(folder.path(name));
    let file = std::fs::File::create(&path).unwrap();
    if name.ends_with(".zst") {
        let encoder = zstd::Encoder::new(file, 1).unwrap().auto_finish();
        fill(encoder, head, piece, large, tail);
    } else {
        let encoder = GzEncoder::new(file, flate2::Compression::fast());
        fill(encoder, head, piece, large, tail);
    }
    path
}

#[test]
fn loads_of_bombs() {
    // Its work is done when the test below runs it as a process of its own.
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let folder = Scratch::new();
    let (head, tail) = ("user,n\na,1\n", "\nb,2\nc,3\n");
    let zeros = "\0".repeat(1 << 16);
    let long = "x".repeat(1 << 16);
    let lines = [
        ("zeros.csv.gz", (head, zeros.as_str(), tail)),
        ("long.csv.zst", (head, long.as_str(), tail)),
        ("quoted.csv.zst", ("user,n\na,1\nq,\"", long.as_str(), tail)),
        (
            "object.ndjson.zst",
            (
                "{\"user\":\"a\"}\n{\"user\":\"",
                long.as_str(),
                "\"}\n{\"user\":\"b\"}\n{\"user\":\"c\"}",
            ),
        ),
        ("deep.ndjson.gz", ("{\"user\":\"a\"}\n", "[", "\n{\"user\":\"b\"}\n{\"user\":\"c\"}")),
    ];
    for (name, parts) in lines {
        let db = Db::open(folder.path(&format!("store {name}"))).unwrap();
        let mut request = people(name, b"");
        request.inputs = vec![Input::Path(packed(&folder, name, parts))];
        let report = db.load(&request).unwrap();
        let file = only(&report);
        let here = format!("{name}: {file:?} {:?}", report.broken);
        assert_eq!((file.written, file.broken, file.failure.as_deref()), (3, 1, None), "{here}");
        let said = report.broken[0].to_string();
        let line = if name.contains("csv") { 3 } else { 2 };
        assert!(said.contains(&format!("/{name}:{line}: ")), "{said}");
        assert!(said.contains("a record has at most 4194304"), "{said}");
        assert_eq!(view(&db).stats().unwrap().profiles, 3, "{here}");
        db.close().unwrap();
    }
    rows_without_end(&folder);
    println!("peak {} KiB", peak().unwrap_or(0));
}

/// Rows that say the same again and again: all of them are loaded, and take no memory.
fn rows_without_end(folder: &Scratch) {
    let name = "rows.csv.gz";
    let path = PathBuf::from(folder.path(name));
    let encoder =
        GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
    fill(encoder, "user,n\n", "one,1234\n", scale(1, 64), "");
    let db = Db::open(folder.path("store rows")).unwrap();
    let request = LoadRequest { inputs: vec![Input::Path(path)], ..people(name, b"") };
    let report = db.load(&request).unwrap();
    let rows = ((1 << 20) / 9) * scale(1, 64);
    assert_eq!((only(&report).written, only(&report).broken), (rows, 0));
    assert_eq!(view(&db).stats().unwrap().profiles, 1);
    db.close().unwrap();
}

#[test]
fn what_becomes_large_takes_no_memory_and_no_good_row() {
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "formats::bounded::loads_of_bombs", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && told.contains("1 passed"), "{told}");
    let line = told.lines().find_map(|line| line.split_once("peak ")).expect("it tells its peak");
    let peak: u64 = line.1.trim_end_matches(" KiB").parse().unwrap();
    println!("{peak} KiB at the peak");
    assert!(peak < MOST_KIB, "{peak} KiB at the peak; at most {MOST_KIB}");
}
