//! Every type that a column of Parquet or Arrow has becomes what `docs/formats.md` says, in every encoding, page and
//! packing.

use super::arrays::{self, Told};
use super::columns::{self, Cells, Column};
use super::{events, loaded, only, parquet};
use crate::rng::{Rng, scale, seeds};
use crate::store::view;
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use navedb::{Db, Decimal, Value};
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use std::collections::BTreeMap;
use std::sync::Arc;

const ROWS: usize = 60;

fn properties(rng: &mut Rng, columns: &[Column]) -> WriterProperties {
    let compression = *rng.pick(&[
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ]);
    let version = *rng.pick(&[WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]);
    let mut builder = WriterProperties::builder()
        .set_compression(compression)
        .set_writer_version(version)
        .set_data_page_row_count_limit(1 + rng.below(40))
        .set_write_batch_size(1 + rng.below(20));
    for (number, column) in columns.iter().enumerate() {
        let path = ColumnPath::from(format!("c{number}"));
        let dictionary = rng.one_in(3);
        builder = builder.set_column_dictionary_enabled(path.clone(), dictionary);
        if !dictionary && !column.encodings.is_empty() && !rng.one_in(4) {
            builder = builder.set_column_encoding(path, *rng.pick(column.encodings));
        } else if !dictionary {
            builder = builder.set_column_encoding(path, Encoding::PLAIN);
        }
    }
    builder.build()
}

/// Writes the cells of a column, those that are not NULL, with the levels that say which are.
fn put<T: DataType>(
    writer: &mut parquet::column::writer::ColumnWriterImpl<'_, T>,
    cells: &[Option<impl Clone + Into<T::T>>],
) {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.iter().flatten().cloned().map(Into::into).collect();
    writer.write_batch(&values, Some(&levels), None).unwrap();
}

fn put_cells(writer: &mut ColumnWriter<'_>, cells: &Cells, rows: std::ops::Range<usize>) {
    match (writer, cells) {
        (ColumnWriter::BoolColumnWriter(w), Cells::Boolean(c)) => put(w, &c[rows]),
        (ColumnWriter::Int32ColumnWriter(w), Cells::Int32(c)) => put(w, &c[rows]),
        (ColumnWriter::Int64ColumnWriter(w), Cells::Int64(c)) => put(w, &c[rows]),
        (ColumnWriter::Int96ColumnWriter(w), Cells::Int96(c)) => put(w, &c[rows]),
        (ColumnWriter::FloatColumnWriter(w), Cells::Float(c)) => put(w, &c[rows]),
        (ColumnWriter::DoubleColumnWriter(w), Cells::Double(c)) => put(w, &c[rows]),
        (ColumnWriter::ByteArrayColumnWriter(w), Cells::Bytes(c)) => put(w, &c[rows]),
        (ColumnWriter::FixedLenByteArrayColumnWriter(w), Cells::Fixed(c)) => put(w, &c[rows]),
        _ => panic!("the schema declares another type"),
    }
}

/// A file of the columns, with a column `user` that names each row, in row groups of any size.
fn file(rng: &mut Rng, columns: &[Column]) -> Vec<u8> {
    let mut message = "message rows { required binary user (STRING);".to_owned();
    for (number, Column { declared: (kind, annotation), .. }) in columns.iter().enumerate() {
        let note = if annotation.is_empty() { String::new() } else { format!(" ({annotation})") };
        message += &format!("\noptional {kind} c{number}{note};");
    }
    let schema = Arc::new(parse_message_type(&(message + "}")).unwrap());
    let properties = Arc::new(properties(rng, columns));
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut first = 0;
    while first < ROWS {
        let rows = first..(first + 1 + rng.below(ROWS)).min(ROWS);
        first = rows.end;
        let mut group = writer.next_row_group().unwrap();
        let mut number = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            match column.untyped() {
                ColumnWriter::ByteArrayColumnWriter(w) if number == 0 => {
                    let names: Vec<ByteArray> =
                        rows.clone().map(|row| format!("u{row}").as_str().into()).collect();
                    w.write_batch(&names, None, None).unwrap();
                }
                writer => put_cells(writer, &columns[number - 1].cells, rows.clone()),
            }
            column.close().unwrap();
            number += 1;
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

/// The properties of the only event of a user, by name.
pub(super) fn told(db: &Db, user: &str) -> BTreeMap<String, Value> {
    let mut timeline = view(db).timeline("user_id", user).unwrap().unwrap();
    assert_eq!(timeline.len(), 1, "{user}");
    timeline.remove(0).properties.into_iter().collect()
}

/// A column is of one type, so that an integer may be told as a decimal.
pub(super) fn same(told: Option<&Value>, wanted: Option<&Value>) -> bool {
    match (told, wanted) {
        (Some(Value::Decimal(told)), Some(Value::Integer(wanted))) => {
            *told == Decimal::from(*wanted)
        }
        (Some(Value::Integer(told)), Some(Value::Decimal(wanted))) => {
            Decimal::from(*told) == *wanted
        }
        // An empty set is like none.
        (None, Some(Value::Set(wanted))) => wanted.is_empty(),
        (told, wanted) => told == wanted,
    }
}

#[test]
fn parquet_columns_of_every_type_are_what_the_documents_say() {
    for seed in seeds(4000, scale(6, 200)) {
        let mut rng = Rng::new(seed);
        let columns = columns::all(&mut rng, ROWS);
        let file = file(&mut rng, &columns);
        let (db, report) = loaded(&events("a.parquet", &file));
        let done = only(&report);
        assert_eq!((done.written, done.broken, done.failure.as_deref()), (ROWS as u64, 0, None));
        let odd: u64 = columns.iter().map(|column| column.odd).sum();
        for row in 0..ROWS {
            let told = told(&db, &format!("u{row}"));
            for (number, column) in columns.iter().enumerate() {
                let (told, wanted) = (told.get(&format!("c{number}")), &column.wanted[row]);
                assert!(
                    same(told, wanted.as_ref()),
                    "NAVE_SEED={seed}: {:?} in row {row}: {told:?}, not {wanted:?}",
                    column.declared
                );
            }
        }
        assert_eq!(done.quarantined_values, odd, "NAVE_SEED={seed}");
    }
}

/// The batch in every packing of its own that Arrow IPC has, as file and stream.
fn written(batch: &RecordBatch, packing: Option<CompressionType>) -> [Vec<u8>; 2] {
    let options = IpcWriteOptions::default().try_with_compression(packing).unwrap();
    let schema = batch.schema();
    let (mut file, mut stream) = (Vec::new(), Vec::new());
    let mut writer = FileWriter::try_new_with_options(&mut file, &schema, options.clone()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut writer = StreamWriter::try_new_with_options(&mut stream, &schema, options).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    [file, stream]
}

#[test]
fn arrow_columns_of_every_type_are_what_the_documents_say() {
    for seed in seeds(4500, scale(4, 100)) {
        let mut rng = Rng::new(seed);
        let arrays = arrays::all(&mut rng, ROWS);
        let users: StringArray = (0..ROWS).map(|row| Some(format!("u{row}"))).collect();
        let named = |wanted: fn(&Told) -> bool| {
            let users: (String, ArrayRef) = ("user".to_owned(), Arc::new(users.clone()));
            let kept = arrays.iter().enumerate().filter(|(_, told)| wanted(told));
            let columns = kept.map(|(n, told)| (format!("c{n}"), Arc::clone(&told.array)));
            let columns = std::iter::once(users).chain(columns).map(|(n, a)| (n, a, true));
            RecordBatch::try_from_iter_with_nullable(columns).unwrap()
        };
        let packing =
            *rng.pick(&[None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)]);
        let [file, stream] = written(&named(|_| true), packing);
        let fitting = parquet(&named(|told| told.in_parquet));
        let of_parquet = |told: &Told| told.in_parquet;
        for (name, file, all) in
            [("a.arrow", file, true), ("a.arrows", stream, true), ("a.parquet", fitting, false)]
        {
            let here = format!("NAVE_SEED={seed} {name}");
            let (db, report) = loaded(&events(name, &file));
            let done = only(&report);
            let counts = (done.written, done.broken, done.failure.as_deref());
            assert_eq!(counts, (ROWS as u64, 0, None), "{here}");
            for row in 0..ROWS {
                let said = told(&db, &format!("u{row}"));
                let kept = arrays.iter().enumerate().filter(|(_, told)| all || of_parquet(told));
                for (number, column) in kept {
                    for (part, wanted) in &column.wanted {
                        let (said, wanted) =
                            (said.get(&format!("c{number}{part}")), wanted[row].as_ref());
                        let kind = column.array.data_type();
                        assert!(
                            same(said, wanted),
                            "{here}: {kind}{part} in row {row}: {said:?}, not {wanted:?}"
                        );
                    }
                }
            }
        }
    }
}
