//! Parquet and Arrow: record batches as typed rows.
//!
//! *Invariants:* one batch is in memory, and rows are written from it as they are asked for; a part of a file that does
//! not hold is named with the rows that it had, and the parts behind it are read. *Where to start reading:*
//! `BatchTable`.

mod cells;
mod declared;
mod ipc;
mod nested;
mod parquet;
mod schema;

pub use ipc::arrow;
pub use parquet::parquet;

use super::rows::{RawRows, Trouble};
use super::typed::{Columns, Table, next_cell};
use crate::base::error::Result;
use ::arrow::array::RecordBatch;
use cells::CellWriter;
use schema::Leaf;

/// Where batches come from.
trait Batches {
    /// The next batch; notes what cannot be read.
    fn next(&mut self, trouble: &mut Trouble) -> Option<RecordBatch>;
}

/// Batches as typed rows.
struct BatchTable<B> {
    batches: B,
    columns: Columns,
    leaves: Vec<Leaf>,
    /// The batch at hand, and the row that comes next.
    batch: Option<(RecordBatch, usize)>,
    line: u64,
}

impl<B: Batches> BatchTable<B> {
    fn new(batches: B, leaves: Vec<Leaf>) -> BatchTable<B> {
        let columns = leaves.iter().map(|leaf| (leaf.name.clone(), leaf.reading)).collect();
        BatchTable { batches, columns, leaves, batch: None, line: 0 }
    }
}

impl<B: Batches> Table for BatchTable<B> {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn read(&mut self, into: &mut RawRows, trouble: &mut Trouble) -> Result<()> {
        while !into.is_full() {
            if self.batch.as_ref().is_none_or(|(batch, next)| *next >= batch.num_rows()) {
                let Some(batch) = self.batches.next(trouble) else { return Ok(()) };
                self.batch = Some((batch, 0));
            }
            let Some((batch, next)) = &mut self.batch else { return Ok(()) };
            let arrays = schema::leaf_arrays(batch);
            let mut writers = Vec::with_capacity(arrays.len());
            for ((array, nulls), leaf) in arrays.iter().zip(&self.leaves) {
                writers.push(CellWriter::new(array.as_ref(), nulls.as_ref(), leaf));
            }
            while *next < batch.num_rows() && !into.is_full() {
                self.line += 1;
                into.write(self.line, |row| {
                    for (index, writer) in writers.iter().enumerate() {
                        next_cell(row, index == 0);
                        writer.write(*next, row);
                    }
                    Ok(())
                })?;
                *next += 1;
            }
        }
        Ok(())
    }
}

/// Does what a library does with bytes of others: a panic of it is an error like any other.
fn guarded<T>(
    work: impl FnOnce() -> std::result::Result<T, String>,
) -> std::result::Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("its bytes contradict each other".to_owned()))
}
