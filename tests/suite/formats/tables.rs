//! Whole tables: the same rows in every format are the same store.

use super::{arrow_file, batch, digest, events, loaded, only, parquet, parquet_with, stream};
use crate::store;
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray};
use navedb::{
    Date, Format, Input, Level, LoadRequest, Reading, RecordKind, RowSpool, Said, TimeUnit,
};
use parquet::basic::{Compression, ZstdLevel};
use std::sync::Arc;

fn path() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cdnow_master.txt")
}

fn purchases(input: Input) -> LoadRequest {
    let mut request = LoadRequest::new("cdnow", RecordKind::Track(Said::Fixed("purchase".into())));
    request.inputs.push(input);
    request.ids.push(("user_id".into(), "customer_id".into()));
    request.time = Some("date".into());
    request.time_unit = TimeUnit::Pattern("%Y%m%d".into());
    request.level = Some(Level::Memory);
    request
}

fn bytes(name: &str, bytes: Vec<u8>) -> Input {
    Input::Bytes { name: name.to_owned(), bytes }
}

#[test]
fn the_real_purchases_are_the_same_in_every_format() {
    let text = std::fs::read_to_string(path()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    let (db, report) = loaded(&purchases(Input::Path(path())));
    assert_eq!(only(&report).written, 69_659);
    let wanted = digest(&db);

    let tabs: Vec<String> = rows.iter().map(|row| row.join("\t")).collect();
    let tabs = tabs.join("\n").into_bytes();
    assert_eq!(digest(&loaded(&purchases(bytes("c.tsv", tabs))).0), wanted);

    let column = |index: usize| rows[1..].iter().map(move |row| row[index]);
    let day = |text: &str| {
        let number = |from: usize, to: usize| text[from..to].parse::<i16>().unwrap();
        let month = i8::try_from(number(4, 6)).unwrap();
        Date::from_ymd(number(0, 4), month, i8::try_from(number(6, 8)).unwrap()).unwrap().0
    };
    let cents = column(3).map(|text| text.replace('.', "").parse::<i128>().unwrap());
    let cents: Decimal128Array = cents.map(Some).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", Arc::new(column(0).map(Some).collect::<StringArray>())),
        ("date", Arc::new(column(1).map(day).map(Some).collect::<Date32Array>())),
        ("number_of_cds", Arc::new(column(2).map(|n| n.parse().ok()).collect::<Int64Array>())),
        ("dollar_value", Arc::new(cents.with_precision_and_scale(12, 2).unwrap())),
    ];
    let table = batch(columns);
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for (name, file) in [
        ("c.parquet", parquet(&table)),
        ("d.parquet", parquet_with(&table, 10_000, zstd)),
        ("c.arrow", arrow_file(&table)),
        ("c.arrows", stream(&table)),
    ] {
        let mut request = purchases(bytes(name, file));
        request.time_unit = TimeUnit::Iso;
        let (db, report) = loaded(&request);
        let file = only(&report);
        assert_eq!((file.rows, file.written, file.broken), (69_659, 69_659, 0), "{name}");
        assert_eq!((file.failure.as_deref(), file.quarantined_values), (None, 0));
        assert_eq!(digest(&db), wanted, "{name}");
    }
}

#[test]
fn the_same_rows_are_the_same_content_however_they_are_packed() {
    let users = (0..1000).map(|n| Some(format!("u{n}"))).collect::<StringArray>();
    let table = batch(vec![
        ("user", Arc::new(users)),
        ("n", Arc::new(Int64Array::from_iter_values(0..1000))),
    ]);
    let (db, report) = loaded(&events("a.parquet", &parquet(&table)));
    assert_eq!(only(&report).written, 1000);
    let before = digest(&db);
    for (name, file) in [
        ("a.parquet", parquet(&table)),
        ("b.parquet", parquet_with(&table, 100, Compression::UNCOMPRESSED)),
        ("b.arrow", arrow_file(&table)),
        ("b.arrow.zst", zstd::encode_all(stream(&table).as_slice(), 1).unwrap()),
        ("c.arrow.zst", zstd::encode_all(arrow_file(&table).as_slice(), 1).unwrap()),
    ] {
        let report = db.load(&events(name, &file)).unwrap();
        assert_eq!((only(&report).written, only(&report).duplicates), (0, 1000), "{name}");
        assert_eq!(digest(&db), before);
    }
    // What is told by its first bytes needs no name.
    let report = db.load(&events("nameless", &parquet(&table))).unwrap();
    assert_eq!(only(&report).duplicates, 1000);
    let mut wrong = events("a.csv", &parquet(&table));
    wrong.format = Some(Format::Csv);
    let error = db.load(&wrong).unwrap_err();
    assert!(error.message().contains("give --format parquet"), "{error}");
    let packed = zstd::encode_all(parquet(&table).as_slice(), 1).unwrap();
    let error = db.load(&events("a.parquet.zst", &packed)).unwrap_err();
    assert!(error.message().contains("unpack the zstd around it first"), "{error}");
}

#[test]
fn rows_that_come_but_once_are_loaded_like_a_file() {
    let columns = vec![
        ("user".to_owned(), Reading::Text),
        ("n".to_owned(), Reading::Plain),
        ("score".to_owned(), Reading::Float),
        ("tags".to_owned(), Reading::Json),
    ];
    let spool = || {
        let mut rows = RowSpool::new("orders", columns.clone()).unwrap();
        rows.push(&[Some("a\u{1e}\u{1f}\n\"b"), Some("5"), Some("1"), Some("[\"x\",\"y\"]")])
            .unwrap();
        rows.push(&[Some("00012"), None, None, None]).unwrap();
        rows.push(&[Some(""), Some("7"), None, None]).unwrap();
        assert!(rows.push(&[None]).is_err());
        rows.finish().unwrap()
    };
    let mut request = events("", b"");
    request.inputs = vec![spool()];
    let (db, report) = loaded(&request);
    let file = only(&report);
    assert_eq!((file.rows, file.written, file.broken), (3, 2, 1));
    request.inputs = vec![spool()];
    assert_eq!(only(&db.load(&request).unwrap()).duplicates, 2, "the same rows are known");
    let timeline = store::view(&db).timeline("user_id", "a\u{1e}\u{1f}\n\"b").unwrap().unwrap();
    let record = store::view(&db).record("shop", &timeline[0].message_id).unwrap().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"user": "a\u{1e}\u{1f}\n\"b", "n": 5, "score": 1, "tags": ["x", "y"]})
    );
    let twice = vec![("a".to_owned(), Reading::Text), ("A".to_owned(), Reading::Text)];
    assert!(RowSpool::new("x", twice).unwrap_err().message().contains("comes twice"));
}
