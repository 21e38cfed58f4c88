//! What files there are: every format, type, packing and encoding, and files that do not hold.

mod arrays;
mod bounded;
mod columns;
mod decimal_marks;
mod evidence;
mod given_back;
mod malformed;
mod tables;
mod types;

use crate::store::{self, view};
use arrow::array::{ArrayRef, RecordBatch};
use navedb::{Db, FileReport, Input, Level, LoadReport, LoadRequest, RecordKind, Said};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// A request to load a file of events.
fn events(name: &str, bytes: &[u8]) -> LoadRequest {
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("buy".to_owned())));
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes: bytes.to_vec() });
    request.ids.push(("user_id".to_owned(), "user".to_owned()));
    request.level = Some(Level::Memory);
    request
}

/// The same request for what persons are.
fn people(name: &str, bytes: &[u8]) -> LoadRequest {
    LoadRequest { kind: RecordKind::Identify, ..events(name, bytes) }
}

/// Loads into a new store.
fn loaded(request: &LoadRequest) -> (Db, LoadReport) {
    let db = store::new();
    let report = db.load(request).unwrap();
    (db, report)
}

fn digest(db: &Db) -> String {
    view(db).digest().unwrap()
}

fn only(report: &LoadReport) -> &FileReport {
    assert_eq!(report.files.len(), 1);
    &report.files[0]
}

/// A batch of named columns.
fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .unwrap()
}

/// A Parquet file with row groups of so many rows.
fn parquet_with(batch: &RecordBatch, group: usize, compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_compression(compression)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    parquet_with(batch, 1 << 20, Compression::SNAPPY)
}

/// An Arrow stream of one batch.
fn stream(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

/// An Arrow file of one batch.
fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}
