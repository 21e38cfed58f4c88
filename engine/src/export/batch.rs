//! Tables as Arrow batches, and these as Parquet.

use super::table::{ROWS, RowRef, TableScan};
use super::text::at;
use super::{ExportColumn, ExportType};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::limits::EXPORT_BATCH_BYTES;
use crate::column::Cell;
use crate::state::Reader;
use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

const ZONE: &str = "UTC";

fn data_type(kind: ExportType) -> DataType {
    match kind {
        ExportType::Text | ExportType::DecimalText => DataType::Utf8,
        ExportType::Integer => DataType::Int64,
        ExportType::Decimal { digits, scale } => {
            DataType::Decimal128(digits, i8::try_from(scale).unwrap_or(i8::MAX))
        }
        ExportType::Float => DataType::Float64,
        ExportType::Boolean => DataType::Boolean,
        ExportType::Date => DataType::Date32,
        ExportType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into())),
        ExportType::Texts => DataType::List(Arc::new(item())),
    }
}

/// The texts of a list are never NULL.
fn item() -> Field {
    Field::new("item", DataType::Utf8, false)
}

/// The schema of a table.
pub fn schema(columns: &[ExportColumn]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|c| Field::new(&c.name, data_type(c.kind), c.kind != ExportType::Texts))
        .collect();
    Arc::new(Schema::new(fields))
}

/// A column that is being filled.
enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Texts(ListBuilder<StringBuilder>),
}

impl Builder {
    fn new(kind: ExportType) -> Builder {
        match kind {
            ExportType::Text | ExportType::DecimalText => Builder::Text(StringBuilder::new()),
            ExportType::Integer => Builder::Integer(Int64Builder::new()),
            ExportType::Decimal { scale, .. } => {
                let typed = Decimal128Builder::new().with_data_type(data_type(kind));
                Builder::Decimal(typed, scale)
            }
            ExportType::Float => Builder::Float(Float64Builder::new()),
            ExportType::Boolean => Builder::Boolean(BooleanBuilder::new()),
            ExportType::Date => Builder::Date(Date32Builder::new()),
            ExportType::Timestamp => {
                Builder::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(ZONE))
            }
            ExportType::Texts => {
                Builder::Texts(ListBuilder::new(StringBuilder::new()).with_field(item()))
            }
        }
    }

    /// Appends the value of a row; returns about how many bytes it takes.
    fn push(
        &mut self,
        reader: &Reader<'_>,
        scan: &TableScan,
        column: usize,
        row: &RowRef,
    ) -> usize {
        if let Builder::Texts(list) = self {
            let mut bytes = 4;
            scan.texts(reader, column, row, |text| {
                bytes += text.len() + 4;
                list.values().append_value(text);
            });
            list.append(true);
            return bytes;
        }
        let cell = scan.cell(reader, column, row);
        match (self, cell) {
            (Builder::Text(to), Cell::Decimal(d)) => to.append_value(d.to_string()),
            (Builder::Text(to), cell) => {
                let text = cell.text();
                to.append_option(text);
                return text.map_or(4, |text| text.len() + 4);
            }
            (Builder::Integer(to), Cell::Integer(i)) => to.append_value(i),
            (Builder::Integer(to), _) => to.append_null(),
            (Builder::Decimal(to, scale), Cell::Decimal(d)) => {
                to.append_option(at(d, *scale).map(|d| d.coefficient));
            }
            (Builder::Decimal(to, _), _) => to.append_null(),
            (Builder::Float(to), Cell::Float(x)) => to.append_value(x),
            (Builder::Float(to), _) => to.append_null(),
            (Builder::Boolean(to), Cell::Boolean(b)) => to.append_value(b),
            (Builder::Boolean(to), _) => to.append_null(),
            (Builder::Date(to), Cell::Date(d)) => to.append_value(d.0),
            (Builder::Date(to), _) => to.append_null(),
            (Builder::Timestamp(to), Cell::Timestamp(t)) => to.append_value(t.0),
            (Builder::Timestamp(to), _) => to.append_null(),
            (Builder::Texts(_), _) => {}
        }
        16
    }

    fn finish(self) -> ArrayRef {
        match self {
            Builder::Text(mut b) => Arc::new(b.finish()),
            Builder::Integer(mut b) => Arc::new(b.finish()),
            Builder::Decimal(mut b, _) => Arc::new(b.finish()),
            Builder::Float(mut b) => Arc::new(b.finish()),
            Builder::Boolean(mut b) => Arc::new(b.finish()),
            Builder::Date(mut b) => Arc::new(b.finish()),
            Builder::Timestamp(mut b) => Arc::new(b.finish()),
            Builder::Texts(mut b) => Arc::new(b.finish()),
        }
    }
}

/// The next rows of a table, 65,536 at most and fewer when their texts are long; none behind the last.
///
/// # Errors
/// `Corrupt` when a part does not hold.
pub fn record_batch(
    reader: &Reader<'_>,
    scan: &mut TableScan,
    schema: &SchemaRef,
) -> Result<Option<RecordBatch>> {
    let rows = scan.rows(reader, ROWS);
    let mut builders: Vec<Builder> = scan.columns().iter().map(|c| Builder::new(c.kind)).collect();
    let (mut bytes, mut taken) = (0, 0);
    for row in &rows {
        for (column, builder) in builders.iter_mut().enumerate() {
            bytes += builder.push(reader, scan, column, row);
        }
        taken += 1;
        scan.go_on(row);
        if bytes >= EXPORT_BATCH_BYTES {
            break;
        }
    }
    reader.check()?;
    if taken == 0 {
        return Ok(None);
    }
    let columns = builders.into_iter().map(Builder::finish).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(taken));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
    batch.map(Some).map_err(|e| refused(&e))
}

fn refused(error: &ArrowError) -> Error {
    Error::new(ErrorKind::Io, format!("rows do not fit an Arrow batch: {error}"))
}

fn unwritten(error: &ParquetError) -> Error {
    Error::new(
        ErrorKind::Io,
        format!("the export cannot be written as Parquet: {error}; is the disk full?"),
    )
}

/// A Parquet file that a table is written into, a batch a row group.
pub struct RowGroups {
    writer: ArrowWriter<Box<dyn Write + Send>>,
    schema: SchemaRef,
    rows: u64,
}

impl RowGroups {
    /// Begins a file.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(
        out: Box<dyn Write + Send>,
        compressed: bool,
        scan: &TableScan,
    ) -> Result<RowGroups> {
        let compression = if compressed {
            Compression::ZSTD(ZstdLevel::default())
        } else {
            Compression::UNCOMPRESSED
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(ROWS))
            .build();
        let schema = schema(scan.columns());
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties));
        Ok(RowGroups { writer: writer.map_err(|e| unwritten(&e))?, schema, rows: 0 })
    }

    /// Writes the next rows of a table; says whether there were any.
    ///
    /// # Errors
    /// `Io`; `Corrupt` when a part does not hold.
    pub fn write(&mut self, reader: &Reader<'_>, scan: &mut TableScan) -> Result<bool> {
        let Some(batch) = record_batch(reader, scan, &self.schema)? else { return Ok(false) };
        self.rows += batch.num_rows() as u64;
        let written = self.writer.write(&batch).and_then(|()| self.writer.flush());
        written.map(|()| true).map_err(|e| unwritten(&e))
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<u64> {
        let mut out = self.writer.into_inner().map_err(|e| unwritten(&e))?;
        out.flush().map(|()| self.rows).map_err(|e| super::failed(&e))
    }
}
