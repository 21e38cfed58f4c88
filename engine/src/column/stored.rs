//! Which parts can tell of a row: those in memory only of rows that were written since the files were.
//!
//! *Invariants:* passing over a part never passes over what it tells; with nothing known all parts are asked. *Why:*
//! the writer reads single rows, and the overlay has many small parts that tell of few.

use super::block::BlockView;
use super::keys::KeysView;
use super::point::Point;
use super::view::{ColumnView, Faults};
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part};
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::sync::Arc;

/// Rows of which parts in memory tell, or may.
#[derive(Debug, Default)]
pub struct Stored {
    /// How many parts, the first ones, are files.
    files: usize,
    /// How many rows these tell of.
    rows: u32,
    /// Which of these rows parts in memory tell of, too.
    touched: RoaringBitmap,
    /// What was opened of the files.
    opened: RefCell<Opened>,
}

/// Columns and keys of files, for the rows that no part in memory tells of.
#[derive(Debug, Default)]
struct Opened {
    columns: Vec<(BlockKey, ColumnView)>,
    keys: Vec<(BlockKey, KeysView)>,
    faults: Faults,
}

impl Stored {
    /// All parts are files now, which tell of so many rows.
    pub fn settled(&mut self, files: usize, rows: u32) {
        (self.files, self.rows) = (files, rows);
        self.touched.clear();
        self.forget();
    }

    /// Lets go of what was opened of files, which are others now.
    pub fn forget(&mut self) {
        *self.opened.get_mut() = Opened::default();
    }

    /// Shows the newest that parts tell of a row in a column, if it is not NULL.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn read<T>(
        &self,
        parts: &[Arc<Part>],
        (column, row): (BlockKey, u32),
        show: impl FnOnce(&BlockView, usize) -> T,
    ) -> Result<Option<T>> {
        if self.touched.contains(row) {
            return Ok(Point::find(parts, column, row)?.map(|point| point.show(show)));
        }
        self.read_once(parts, (column, row), show)
    }

    /// The same of a column that is written once, with the row.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn read_once<T>(
        &self,
        parts: &[Arc<Part>],
        (column, row): (BlockKey, u32),
        show: impl FnOnce(&BlockView, usize) -> T,
    ) -> Result<Option<T>> {
        if row >= self.rows {
            return Ok(Point::find(parts, column, row)?.map(|point| point.show(show)));
        }
        let opened = &mut *self.opened.borrow_mut();
        let place = opened.columns.iter().position(|(key, _)| *key == column);
        let place = place.unwrap_or_else(|| {
            let files = parts.get(..self.files).unwrap_or(parts);
            let view = ColumnView::new(files.iter(), column, None, &opened.faults);
            opened.columns.push((column, view));
            opened.columns.len() - 1
        });
        let view = opened.columns.get(place).map(|(_, view)| view);
        let found = view.and_then(|view| view.find(row));
        let found = found.filter(|(tier, slot)| !tier.view.is_null(*slot));
        match found {
            Some((tier, slot)) => Ok(Some(show(&tier.view, slot))),
            None => opened.faults.check().map(|()| None),
        }
    }

    /// The row of a key, from the part that has it.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find_key(
        &self,
        parts: &[Arc<Part>],
        column: BlockKey,
        key: u128,
    ) -> Result<Option<u32>> {
        let (files, memory) = filed(parts);
        match super::find_key(memory, column, key)? {
            None => self.with_keys(files, column, |keys| keys.find(key)),
            found => Ok(found),
        }
    }

    /// The rows of keys, as `find_key` gives them.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find_together(
        &self,
        parts: &[Arc<Part>],
        column: BlockKey,
        keys: &[u128],
    ) -> Result<Vec<Option<u32>>> {
        let (files, memory) = filed(parts);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(super::find_key(memory, column, *key)?);
        }
        self.with_keys(files, column, |files| files.find_together(keys, &mut found))?;
        Ok(found)
    }

    fn with_keys<T>(
        &self,
        files: &[Arc<Part>],
        column: BlockKey,
        see: impl FnOnce(&KeysView) -> Result<T>,
    ) -> Result<T> {
        let mut opened = self.opened.borrow_mut();
        if let Some((_, keys)) = opened.keys.iter().find(|(known, _)| *known == column) {
            return see(keys);
        }
        let keys = KeysView::new(files, column)?;
        let seen = see(&keys);
        opened.keys.push((column, keys));
        seen
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

/// The files among parts, and those in memory.
fn filed(parts: &[Arc<Part>]) -> (&[Arc<Part>], &[Arc<Part>]) {
    let files = parts.iter().take_while(|part| part.digest().is_some()).count();
    parts.split_at_checked(files).unwrap_or((parts, &[]))
}
