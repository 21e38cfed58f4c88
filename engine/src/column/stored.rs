//! Which parts can tell of a row: those in memory only of rows that were written since the files were.
//!
//! *Invariants:* passing over a part never passes over what it tells; with nothing known all parts are asked. *Why:*
//! the writer reads single rows, and the overlay has many small parts that tell of few.

use crate::base::part::Part;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// Rows of which parts in memory tell, or may.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// How many parts, the first ones, are files.
    files: usize,
    /// How many rows these tell of.
    rows: u32,
    /// Which of these rows parts in memory tell of, too.
    touched: RoaringBitmap,
}

impl Stored {
    /// All parts are files now, which tell of so many rows.
    pub fn settled(&mut self, files: usize, rows: u32) {
        (self.files, self.rows) = (files, rows);
        self.touched.clear();
    }

    /// A part in memory will tell of rows.
    pub fn touch(&mut self, rows: impl Iterator<Item = u32>) {
        self.touched.extend(rows);
    }

    /// The parts that may tell of a row in a column that is rewritten.
    pub fn of<'p>(&self, parts: &'p [Arc<Part>], row: u32) -> &'p [Arc<Part>] {
        if self.touched.contains(row) { parts } else { self.first_of(parts, row) }
    }

    /// The parts that may tell of a row in a column that is written once, with the row.
    pub fn first_of<'p>(&self, parts: &'p [Arc<Part>], row: u32) -> &'p [Arc<Part>] {
        if row < self.rows { parts.get(..self.files).unwrap_or(parts) } else { parts }
    }
}
