//! Files that do not hold: the good rows load, and the rest is named.

use super::{batch, digest, events, loaded, only, parquet_with, people};
use crate::rng::{Rng, scale};
use crate::store::{self, view};
use arrow::array::{Int64Array, StringArray};
use bytes::Bytes;
use flate2::write::GzEncoder;
use navedb::Input;
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::io::Write;
use std::sync::Arc;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn many() -> String {
    let rows =
        (0..20_000).map(|n: u64| format!("u{n},{}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    std::iter::once("user,n\n".to_owned()).chain(rows).collect()
}

#[test]
fn rows_before_a_cut_load_and_the_cut_is_named() {
    let text = many();
    for (name, whole) in [
        ("cut.csv.gz", gzip(text.as_bytes())),
        ("cut.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
    ] {
        let (db, report) = loaded(&events(name, &whole[..whole.len() / 2]));
        let file = only(&report);
        let failure = file.failure.as_deref().unwrap();
        assert!(failure.contains("was cut or is damaged"), "{name}: {failure}");
        assert!(file.written > 1000 && file.broken == 0, "{name}: {file:?}");
        let rows = usize::try_from(file.written).unwrap();
        let before: String = text.split_inclusive('\n').take(rows + 1).collect();
        assert_eq!(digest(&db), digest(&loaded(&events("a.csv", before.as_bytes())).0), "{name}");
        let mut strict = events(name, &whole[..whole.len() / 2]);
        strict.strict = true;
        assert!(store::new().load(&strict).unwrap_err().message().contains("nothing was loaded"));
    }
}

#[test]
fn a_broken_row_group_takes_no_other_with_it() {
    let users = (0..3000).map(|n| Some(format!("u{n}"))).collect::<StringArray>();
    let numbers = Int64Array::from_iter_values((0..3000).map(|n| n * 7919));
    let table = batch(vec![("user", Arc::new(users)), ("n", Arc::new(numbers))]);
    let mut file = parquet_with(&table, 1000, Compression::SNAPPY);
    let reader = SerializedFileReader::new(Bytes::from(file.clone())).unwrap();
    let (start, length) = reader.metadata().row_group(1).column(0).byte_range();
    let start = usize::try_from(start).unwrap();
    file[start..start + usize::try_from(length).unwrap()].fill(0xff);
    let (_, report) = loaded(&events("a.parquet", &file));
    let done = only(&report);
    let failure = done.failure.as_deref().unwrap_or_else(|| panic!("{report:?}"));
    assert!(failure.contains("row group 2 of 3 is broken"), "{failure}");
    assert_eq!((done.written + done.lost, done.broken), (3000, 0), "{done:?}");
    assert!(done.lost > 0 && done.lost <= 1000, "{done:?}");
    let error = store::new().load(&events("b.parquet", &file[..500])).unwrap_err();
    assert!(error.message().contains("no whole Parquet file"), "{error}");
}

#[test]
fn one_bad_file_keeps_no_other_out() {
    let mut request = people("a.csv", b"user,n\nx,1\n");
    for (name, bytes) in [
        ("b.csv", &b"user;n\nx;1\n"[..]),
        ("c.csv", b"user,n,N\nx,1,2\n"),
        ("d.parquet", b"PAR1"),
        ("e.csv", b"user,n\ny,2\n"),
    ] {
        request.inputs.push(Input::Bytes { name: name.into(), bytes: bytes.to_vec() });
    }
    let (db, report) = loaded(&request);
    let failures: Vec<&str> =
        report.files.iter().map(|f| f.failure.as_deref().unwrap_or("")).collect();
    assert_eq!((failures[0], failures[4]), ("", ""));
    assert!(failures[1].contains("give --delimiter ';'"), "{failures:?}");
    assert!(failures[2].contains("'N' comes twice"), "{failures:?}");
    assert!(failures[3].contains("no whole Parquet file"), "{failures:?}");
    assert_eq!(view(&db).stats().unwrap().profiles, 2);
}

#[test]
fn rows_come_back_in_the_encoding_of_their_file() {
    let wide = |text: &str| -> Vec<u8> {
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let (rows, header) = ("1,J\u{fc}rgen \u{20ac}", "user,name\n");
    let text = format!("{header}{rows}\n");
    let latin = b"user,name\n1,J\xfcrgen \x80\n".to_vec();
    let wanted = digest(&loaded(&people("a.csv", text.as_bytes())).0);
    for (bytes, label, row) in [
        (latin.clone(), Some("windows-1252"), b"1,J\xfcrgen \x80".to_vec()),
        (wide(&text), None, wide(rows)[2..].to_vec()),
    ] {
        let mut request = events("a.csv", &bytes);
        request.encoding = label.map(str::to_owned);
        let (db, _) = loaded(&request);
        let timeline = view(&db).timeline("user_id", "1").unwrap().unwrap();
        let record = view(&db).record("shop", &timeline[0].message_id).unwrap().unwrap();
        assert_eq!(record, row, "{label:?}");
        request.kind = navedb::RecordKind::Identify;
        assert_eq!(digest(&loaded(&request).0), wanted);
    }
    let (_, report) = loaded(&people("a.csv", &latin));
    let said = report.broken[0].to_string();
    assert!(said.starts_with("a.csv:2:2: byte 4 is 0xFC") && said.contains("--encoding"), "{said}");
}

/// A Parquet file of 3,000 rows in three row groups.
fn three_groups() -> Vec<u8> {
    let users = (0..3000).map(|n| Some(format!("u{n}"))).collect::<StringArray>();
    let numbers = Int64Array::from_iter_values((0..3000).map(|n| n * 7919));
    let table = batch(vec![("user", Arc::new(users)), ("n", Arc::new(numbers))]);
    parquet_with(&table, 1000, Compression::SNAPPY)
}

#[test]
fn flipped_bytes_of_parquet_invent_no_row_and_are_named() {
    let whole = three_groups();
    let mut rng = Rng::new(6000);
    let mut told = 0;
    for _ in 0..scale(25, 4000) {
        let mut file = whole.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(file.len());
            file[at] ^= 1 << rng.below(8);
        }
        match store::new().load(&events("a.parquet", &file)) {
            Ok(report) => {
                let done = only(&report);
                let rows = done.written + done.broken + done.duplicates + done.lost;
                assert!(rows <= 3000, "{done:?}");
                assert!(rows == 3000 || done.failure.is_some(), "{done:?}");
                told += u32::from(done.failure.is_some());
            }
            Err(error) => {
                assert!(error.message().contains("a.parquet"), "{error}");
                told += 1;
            }
        }
    }
    assert!(told > 0);
}

#[test]
fn nesting_without_end_days_that_are_none_and_halves_of_characters_break_their_row_alone() {
    let deep = format!("{{\"user\":\"x\",\"n\":{}1{}}}", "{\"a\":".repeat(4000), "}".repeat(4000));
    let lists = format!("{{\"user\":\"x\",\"n\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let half = r#"{"user":"x","n":"\ud800"}"#;
    let day = r#"{"user":"x","at":"2024-02-30"}"#;
    let good = r#"{"user":"y","at":"2024-02-29"}"#;
    let text = [good, &deep, &lists, half, day, "{\"user\":\"x\"", good].join("\n");
    let mut request = events("a.ndjson", text.as_bytes());
    request.time = Some("at".to_owned());
    let (db, report) = loaded(&request);
    let done = only(&report);
    assert_eq!((done.rows, done.written, done.broken), (7, 2, 5), "{:?}", report.broken);
    let lines: Vec<u64> = report.broken.iter().map(|broken| broken.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6], "{:?}", report.broken);
    assert_eq!(view(&db).stats().unwrap().profiles, 1);
}
