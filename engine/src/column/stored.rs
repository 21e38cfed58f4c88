//! Which parts can tell of a row, those in memory only of rows that were written since the files were; and what the
//! writer opened of the files.
//!
//! *Invariants:* passing over a part never passes over what it tells; with nothing known all parts are asked. Files may
//! be merged meanwhile: those that were there when nothing was in memory tell the same, and are asked until there are
//! others. *Why:* the writer reads single rows, and the overlay has many small parts that tell of few.

use super::block::{BlockView, Near};
use super::keys::KeysView;
use super::point::Point;
use super::view::{ColumnView, Faults};
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part};
use roaring::RoaringBitmap;
use std::sync::{Arc, OnceLock};

/// Rows of which parts in memory tell, or may.
#[derive(Debug, Default)]
pub struct Stored {
    /// The files that there were when all parts were files last.
    files: Vec<Arc<Part>>,
    /// How many rows these tell of.
    rows: u32,
    /// Which of these rows parts in memory tell of, too.
    touched: RoaringBitmap,
    /// What was opened of the files.
    opened: Opened,
}

/// Columns of a row space of which single rows are asked for, at most.
const COLUMNS: usize = 8;

/// Columns and keys of files, for the rows that no part in memory tells of.
#[derive(Debug, Default)]
struct Opened {
    columns: [OnceLock<(BlockKey, ColumnView)>; COLUMNS],
    keys: OnceLock<(BlockKey, KeysView)>,
    faults: Faults,
}

impl Stored {
    /// All parts are files now, which tell of so many rows.
    pub fn settled(&mut self, files: &[Arc<Part>], rows: u32) {
        (self.files, self.rows) = (files.to_vec(), rows);
        self.touched.clear();
        self.opened = Opened::default();
    }

    /// The parts behind the files that were there already. What was merged since is among them.
    fn since<'p>(&self, parts: &'p [Arc<Part>]) -> &'p [Arc<Part>] {
        let known =
            parts.iter().zip(&self.files).take_while(|(part, file)| Arc::ptr_eq(part, file));
        parts.get(known.count()..).unwrap_or_default()
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
            return newest(parts, (column, row), show);
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
            return newest(self.since(parts), (column, row), show);
        }
        let Some(view) = self.column(column) else {
            return newest(parts, (column, row), show);
        };
        match view.find(row).filter(|(tier, slot)| !tier.view.is_null(*slot)) {
            Some((tier, slot)) => Ok(Some(show(&tier.view, slot))),
            None => self.opened.faults.check().map(|()| None),
        }
    }

    /// Asks for the memory of files that tells of a row, which will be read next. What parts in memory tell of was
    /// written lately.
    pub fn bring_near(&self, (column, row): (BlockKey, u32), near: Near) {
        if row < self.rows
            && !self.touched.contains(row)
            && let Some(view) = self.column(column)
        {
            view.bring_near(row, near);
        }
    }

    /// A column of the files; nothing where there is no room to keep it open.
    fn column(&self, column: BlockKey) -> Option<&ColumnView> {
        let open = || ColumnView::new(self.files.iter(), column, None, &self.opened.faults);
        let slots = self.opened.columns.iter();
        let mut known = slots.map(|slot| slot.get_or_init(|| (column, open())));
        known.find(|(key, _)| *key == column).map(|(_, view)| view)
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
        match super::find_key(self.since(parts), column, key)? {
            None => self.with_keys(column, |keys| keys.find(key)),
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
        let since = self.since(parts);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(super::find_key(since, column, *key)?);
        }
        self.with_keys(column, |files| files.find_together(keys, &mut found))?;
        Ok(found)
    }

    /// Shows the keys of the files.
    fn with_keys<T>(
        &self,
        column: BlockKey,
        see: impl FnOnce(&KeysView) -> Result<T>,
    ) -> Result<T> {
        if let Some((_, keys)) = self.opened.keys.get().filter(|(known, _)| *known == column) {
            return see(keys);
        }
        let keys = KeysView::new(&self.files, column)?;
        let seen = see(&keys);
        // Another thread may have opened them meanwhile.
        drop(self.opened.keys.set((column, keys)));
        seen
    }

    /// A part in memory will tell of rows.
    pub fn touch(&mut self, rows: impl Iterator<Item = u32>) {
        self.touched.extend(rows);
    }
}

/// Shows the newest that any of some parts tells of a row, if it is not NULL.
fn newest<T>(
    parts: &[Arc<Part>],
    (column, row): (BlockKey, u32),
    show: impl FnOnce(&BlockView, usize) -> T,
) -> Result<Option<T>> {
    Ok(Point::find(parts, column, row)?.map(|point| point.show(show)))
}
