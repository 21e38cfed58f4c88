//! Rows that are not in a part yet, with the traits that changed.
//!
//! *Invariants:* what is open is newer than what parts tell; a row that was read for somebody who looks at it is what
//! parts tell. *Where to start reading:* `OpenRows::change`.

use super::stored::Head;
use super::{ANCHOR, GoldenRow, ROW, trait_key};
use crate::base::codec::{self, NumberMap};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::catalog::Fields;
use crate::column::{BlockView, ColumnWriter, Layout, Near, OpenColumn, Stored};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows that are kept after they were read.
const ROWS_READ: usize = 1024;

/// A row that was changed.
#[derive(Debug, Clone, Default)]
struct OpenRow {
    /// None when the ordinal is dead.
    row: Option<GoldenRow>,
    /// The traits whose columns must be told, each once.
    changed: Vec<u32>,
}

/// Rows that are not in a part yet.
#[derive(Debug, Default)]
pub struct OpenRows {
    /// The first new ordinal.
    first: u32,
    /// The anchor of each new ordinal.
    anchors: Vec<u32>,
    rows: BTreeMap<u32, OpenRow>,
    /// Rows of parts that were read and may be read again before the next part.
    read: NumberMap<u32, GoldenRow>,
    stored: Stored,
}

impl OpenRows {
    /// Nothing open; the next new row gets an ordinal.
    pub fn starting_at(first: u32) -> OpenRows {
        OpenRows { first, ..OpenRows::default() }
    }

    /// Takes note that all parts are files.
    pub fn settled(&mut self, files: &[Arc<Part>]) {
        self.stored.settled(files, self.first);
    }

    /// What is open is in a part in memory now: nothing is open any more.
    pub fn frozen(&mut self) -> OpenRows {
        let mut stored = std::mem::take(&mut self.stored);
        stored.touch(self.rows.keys().copied());
        OpenRows { first: self.count(), stored, ..OpenRows::default() }
    }

    /// One more than the greatest ordinal.
    pub fn count(&self) -> u32 {
        self.first + u32::try_from(self.anchors.len()).unwrap_or(u32::MAX - self.first)
    }

    /// How many rows are new or changed.
    pub fn changes(&self) -> usize {
        self.anchors.len() + self.rows.len()
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        let traits = self.rows.values().filter_map(|open| open.row.as_ref());
        let traits = traits.map(|row| row.traits.len() * 96).sum::<usize>();
        self.anchors.len() * 4 + self.rows.len() * 120 + traits
    }

    /// Forgets what is open, which is in a part now, and keeps the memory for what comes next.
    pub fn recycle(&mut self) {
        self.first = self.count();
        self.anchors.clear();
        self.rows.clear();
        self.read.clear();
    }

    /// A new row, for the node that it begins with (for an entity any number).
    pub fn add(&mut self, anchor: u32) -> Ordinal {
        let ordinal = self.count();
        self.anchors.push(anchor);
        Ordinal(ordinal)
    }

    /// Reads a row of parts ahead of those who will look at it.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn fetch(&mut self, parts: &[Arc<Part>], space: BlockKey, ordinal: Ordinal) -> Result<()> {
        let stored = ordinal.0 < self.first && !self.rows.contains_key(&ordinal.0);
        if stored && !self.read.contains_key(&ordinal.0) {
            if self.read.len() >= ROWS_READ {
                self.read.clear();
            }
            let row = self.stored_row(parts, space, ordinal)?;
            self.read.insert(ordinal.0, row);
        }
        Ok(())
    }

    /// Those of some rows that `fetch` would read.
    pub fn unread(&self, ordinals: impl Iterator<Item = Ordinal>) -> Vec<Ordinal> {
        let known = |ordinal: &Ordinal| {
            ordinal.0 >= self.first
                || self.rows.contains_key(&ordinal.0)
                || self.read.contains_key(&ordinal.0)
        };
        ordinals.filter(|ordinal| !known(ordinal)).take(ROWS_READ).collect()
    }

    /// Rows in parts. The memory that one is in comes while others are looked at.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn stored_together(
        &self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinals: &[Ordinal],
    ) -> Result<Vec<GoldenRow>> {
        for near in [Near::Place, Near::Bytes] {
            let places = ordinals.iter().map(|ordinal| (space.field(ROW), ordinal.0));
            places.for_each(|place| self.stored.bring_near(place, near));
        }
        ordinals.iter().map(|ordinal| self.stored_row(parts, space, *ordinal)).collect()
    }

    /// Keeps rows of parts for who will look at them.
    pub fn keep(&mut self, rows: impl Iterator<Item = (Ordinal, GoldenRow)>) {
        if self.read.len() >= ROWS_READ {
            self.read.clear();
        }
        self.read.extend(rows.map(|(ordinal, row)| (ordinal.0, row)));
    }

    /// Everything that is known of a row; a profile that has its first node alone and no traits has only that.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn get(&self, parts: &[Arc<Part>], space: BlockKey, ordinal: Ordinal) -> Result<GoldenRow> {
        if let Some(open) = self.rows.get(&ordinal.0) {
            return Ok(open.row.clone().unwrap_or_default());
        }
        let new = ordinal.0.checked_sub(self.first).and_then(|i| self.anchors.get(i as usize));
        if let Some(anchor) = new {
            return Ok(GoldenRow::of_anchor(Some(NodeId(*anchor))));
        }
        match self.read.get(&ordinal.0) {
            Some(row) => Ok(row.clone()),
            None => self.stored_row(parts, space, ordinal),
        }
    }

    /// The node that names a row.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn name(
        &self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
    ) -> Result<Option<NodeId>> {
        let open = self.rows.get(&ordinal.0).map(|open| open.row.as_ref());
        if let Some(row) = open.or_else(|| self.read.get(&ordinal.0).map(Some)) {
            return Ok(row.and_then(|row| row.name));
        }
        let new = ordinal.0.checked_sub(self.first).and_then(|i| self.anchors.get(i as usize));
        match new {
            Some(anchor) => Ok(Some(NodeId(*anchor))),
            None => {
                let place = |field| (space.field(field), ordinal.0);
                let head = self.stored.read(parts, place(ROW), |block, slot| {
                    codec::decode_row_head::<Head>(block.bytes(slot)).map(|head| head.name)
                });
                match head? {
                    Some(name) => name,
                    None => {
                        let anchor = self.stored.read(parts, place(ANCHOR), BlockView::number)?;
                        Ok(anchor.map(NodeId))
                    }
                }
            }
        }
    }

    /// The row of an ordinal in parts.
    fn stored_row(
        &self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
    ) -> Result<GoldenRow> {
        let place = |field| (space.field(field), ordinal.0);
        let row =
            |block: &BlockView, slot: usize| codec::decode_row::<GoldenRow>(block.bytes(slot));
        if let Some(row) = self.stored.read(parts, place(ROW), row)? {
            return row;
        }
        let anchor = self.stored.read(parts, place(ANCHOR), BlockView::number)?;
        Ok(GoldenRow::of_anchor(anchor.map(NodeId)))
    }

    /// As `get`, without a copy of a row that is open.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn look(
        &self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
    ) -> Result<Cow<'_, GoldenRow>> {
        let open = self.rows.get(&ordinal.0).and_then(|open| open.row.as_ref());
        match open.or_else(|| self.read.get(&ordinal.0)) {
            Some(row) => Ok(Cow::Borrowed(row)),
            None => self.get(parts, space, ordinal).map(Cow::Owned),
        }
    }

    /// Changes a row. `change` gives the traits whose values changed.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn change(
        &mut self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
        change: impl FnOnce(&mut GoldenRow, &mut Vec<u32>),
    ) -> Result<()> {
        if !self.rows.contains_key(&ordinal.0) {
            let row = match self.read.remove(&ordinal.0) {
                Some(row) => row,
                None => self.get(parts, space, ordinal)?,
            };
            self.rows.insert(ordinal.0, OpenRow { row: Some(row), changed: Vec::new() });
        }
        let Some(open) = self.rows.get_mut(&ordinal.0) else { return Ok(()) };
        change(open.row.get_or_insert_default(), &mut open.changed);
        open.changed.sort_unstable();
        open.changed.dedup();
        Ok(())
    }

    /// Takes the row of an ordinal that dies.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn take(
        &mut self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
    ) -> Result<GoldenRow> {
        let known = self.rows.get_mut(&ordinal.0).and_then(|open| open.row.take());
        let row = match known.or_else(|| self.read.remove(&ordinal.0)) {
            Some(row) => row,
            None => self.get(parts, space, ordinal)?,
        };
        let open = self.rows.entry(ordinal.0).or_default();
        open.changed.extend(row.traits.iter().map(|known| known.number));
        open.changed.sort_unstable();
        open.changed.dedup();
        open.row = None;
        Ok(row)
    }

    /// Writes what is open into a part; `fields` has the types in force.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter, space: BlockKey, fields: &Fields) -> Result<()> {
        if !self.anchors.is_empty() {
            let mut anchors = ColumnWriter::new(part, space.field(ANCHOR), Layout::Integers, None);
            for (ordinal, anchor) in (self.first..).zip(&self.anchors) {
                anchors.integer(ordinal, i64::from(*anchor))?;
            }
            anchors.finish()?;
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<Option<OpenColumn>> = Vec::new();
        let mut rows = ColumnWriter::new(part, space.field(ROW), Layout::Bytes, None);
        for (ordinal, open) in &self.rows {
            match &open.row {
                Some(row) => rows.bytes(*ordinal, &codec::encode_row(row)?)?,
                None => rows.null(*ordinal)?,
            }
            for number in &open.changed {
                let Some(value_type) = fields.get(*number as usize).and_then(|f| f.value_type)
                else {
                    continue;
                };
                let known = open.row.as_ref().and_then(|row| row.get(*number));
                let place = *number as usize;
                if columns.len() <= place {
                    columns.resize_with(place + 1, || None);
                }
                if let Some(column) = columns.get_mut(place) {
                    let column = column.get_or_insert_with(|| OpenColumn::new(value_type));
                    column.push(*ordinal, known.and_then(|known| known.value.as_ref()));
                }
            }
        }
        rows.finish()?;
        for (number, column) in columns.into_iter().enumerate() {
            let Some(column) = column else { continue };
            column.write(part, trait_key(space, number), None, true)?;
        }
        Ok(())
    }
}
