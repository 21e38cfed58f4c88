//! Parquet: one row group after another, so that a broken one does not take the others with it.

use super::declared::{Wanted, is_interval, is_uuid, with_plain_intervals};
use super::schema::{Leaf, LeafBytes, leaves_of};
use super::{BatchTable, Batches, guarded};
use crate::base::dir::Spool;
use crate::base::error::{Error, Result};
use crate::base::limits::{TABLE_BATCH_BYTES, TABLE_BATCH_ROWS};
use crate::intake::input::{self, Packing};
use crate::intake::request::Input;
use crate::intake::rows::Trouble;
use crate::intake::typed::Table;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor};
use std::io::{BufReader, Read};
use std::sync::Arc;

/// The bytes of a file at any place.
#[derive(Clone)]
enum Chunks {
    File(Spool, u64),
    Memory(Bytes),
}

impl Chunks {
    fn open(input: &Input) -> Result<Chunks> {
        let spool = match input {
            Input::Path(path) => Spool::open(path)?,
            Input::Spooled { spool, .. } => spool.clone(),
            Input::Bytes { bytes, .. } => return Ok(Chunks::Memory(Bytes::from(bytes.clone()))),
            Input::Rows(_) => return Err(Error::invalid("rows of typed columns have no bytes")),
        };
        let length = spool.bytes()?;
        Ok(Chunks::File(spool, length))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Chunks::File(_, length) => *length,
            Chunks::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Chunks {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(match self {
            Chunks::File(spool, _) => Box::new(BufReader::new(spool.reader().at(start))),
            Chunks::Memory(bytes) => {
                let rest = usize::try_from(start).ok().filter(|start| *start <= bytes.len());
                let rest = rest.ok_or_else(|| ParquetError::EOF("behind the end".to_owned()))?;
                Box::new(std::io::Cursor::new(bytes.slice(rest..)))
            }
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.len());
        if end.is_none() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are not there")));
        }
        let mut bytes = Vec::with_capacity(length);
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    }
}

/// Stack for the library while it reads a schema, as it follows nested types down.
const SCHEMA_STACK: usize = 256 << 20;

/// What the library knows of a file, and its columns as the file declares them.
type Known = (ArrowReaderMetadata, SchemaDescPtr);

fn metadata_of(chunks: &Chunks) -> std::result::Result<Known, String> {
    let read = |metadata: &Arc<ParquetMetaData>, options| {
        guarded(|| {
            ArrowReaderMetadata::try_new(Arc::clone(metadata), options).map_err(|e| e.to_string())
        })
    };
    stacker::grow(SCHEMA_STACK, || {
        let plain = guarded(|| {
            let options = ArrowReaderOptions::new();
            ArrowReaderMetadata::load(chunks, options).map_err(|e| e.to_string())
        })?;
        let declared = plain.metadata().file_metadata().schema_descr_ptr();
        let plain = match with_plain_intervals(plain.metadata()) {
            Some(changed) => read(&Arc::new(changed), ArrowReaderOptions::new())?,
            None => plain,
        };
        let fields = Wanted::of(&declared).fields(plain.schema().fields());
        let schema = Schema::new_with_metadata(fields, plain.schema().metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        match read(plain.metadata(), options) {
            Ok(wanted) => Ok((wanted, declared)),
            // What the library reads by itself is right but for these columns.
            Err(_) if !Wanted::matters(&declared) => Ok((plain, declared)),
            Err(reason) => Err(reason),
        }
    })
}

/// The rows of a Parquet file.
///
/// # Errors
/// `Invalid` when it is none, or has columns that rows cannot have; `NotFound`, `Io`.
pub fn parquet(input: &Input) -> Result<Box<dyn Table + Send>> {
    let name = input.name();
    let packing = input::open(input)?.packing;
    if packing != Packing::None {
        return Err(Error::invalid(format!(
            "{name}: a Parquet file is packed inside; unpack the {} around it first",
            packing.name()
        )));
    }
    let chunks = Chunks::open(input)?;
    let (metadata, declared) = metadata_of(&chunks)
        .map_err(|reason| Error::invalid(format!("{name} is no whole Parquet file: {reason}")))?;
    let negative = metadata.metadata().row_groups().iter().position(|group| group.num_rows() < 0);
    if let Some(group) = negative {
        let number = group + 1;
        return Err(Error::invalid(format!(
            "{name} is no whole Parquet file: row group {number} says that it has fewer than no rows"
        )));
    }
    let mut leaves = leaves_of(metadata.schema().fields(), &name)?;
    note_bytes(&mut leaves, &declared)
        .map_err(|reason| Error::invalid(format!("{name}: {reason}")))?;
    let groups = Groups { chunks, metadata, next: 0, reader: None, given: 0 };
    Ok(Box::new(BatchTable::new(groups, leaves)))
}

/// Notes of the columns that hold bytes what these are.
fn note_bytes(leaves: &mut [Leaf], declared: &SchemaDescriptor) -> std::result::Result<(), String> {
    for column in declared.columns() {
        let bytes = match column {
            column if is_uuid(column) => LeafBytes::Uuid,
            column if is_interval(column) => LeafBytes::Interval,
            _ => continue,
        };
        let path = column.path().string();
        match leaves.iter_mut().find(|leaf| leaf.name == path) {
            Some(leaf) => leaf.bytes = bytes,
            None if bytes == LeafBytes::Interval => {
                return Err(format!(
                    "column '{path}' has intervals in a list or map, which cannot be read whole; \
                     write them as text"
                ));
            }
            None => {}
        }
    }
    Ok(())
}

/// Row groups, one after another.
struct Groups {
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    /// The row group that is read, or comes next.
    next: usize,
    reader: Option<ParquetRecordBatchReader>,
    /// Rows of it that were given.
    given: u64,
}

impl Groups {
    fn rows(&self) -> u64 {
        let group = self.metadata.metadata().row_groups().get(self.next);
        group.map_or(0, |group| u64::try_from(group.num_rows()).unwrap_or(0))
    }

    /// Rows of a batch: few when they are long.
    fn batch_rows(&self) -> usize {
        let group = self.metadata.metadata().row_groups().get(self.next);
        let bytes = group.map_or(0, |group| u64::try_from(group.total_byte_size()).unwrap_or(0));
        let row = (bytes / self.rows().max(1)).max(1);
        usize::try_from(TABLE_BATCH_BYTES / row).unwrap_or(1).clamp(1, TABLE_BATCH_ROWS)
    }

    fn batch(&mut self) -> std::result::Result<Option<RecordBatch>, String> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                    self.chunks.clone(),
                    self.metadata.clone(),
                );
                let builder =
                    builder.with_row_groups(vec![self.next]).with_batch_size(self.batch_rows());
                guarded(|| builder.build().map_err(|e| e.to_string()))?
            }
        };
        let batch = guarded(|| reader.next().transpose().map_err(|e| e.to_string()))?;
        self.reader = Some(reader);
        Ok(batch)
    }
}

impl Batches for Groups {
    fn next(&mut self, trouble: &mut Trouble) -> Option<RecordBatch> {
        let groups = self.metadata.metadata().num_row_groups();
        while self.next < groups {
            let why = match self.batch() {
                // No row is invented: a damaged page may hold more than its row group has.
                Ok(Some(batch)) => {
                    let left = self.rows().saturating_sub(self.given);
                    if batch.num_rows() as u64 <= left {
                        self.given += batch.num_rows() as u64;
                        return Some(batch);
                    }
                    "it holds more rows than it says".to_owned()
                }
                Ok(None) => "it ends too early".to_owned(),
                Err(reason) => reason,
            };
            let lost = self.rows().saturating_sub(self.given);
            if lost > 0 {
                let number = self.next + 1;
                let said = format!(
                    "row group {number} of {groups} is broken ({why}); {lost} rows of it are lost"
                );
                trouble.add(&said, lost);
            }
            self.next += 1;
            self.given = 0;
            self.reader = None;
        }
        None
    }
}
