//! How identifiers were written where that is not the form in which they are compared.
//!
//! *Invariants:* each spelling of a node stands once in a part; a merge keeps one of those that are the same.

use crate::base::codec;
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::column::{
    ColumnView, ColumnWriter, Faults, KEYS, Layout, Point, SortedKeys, release, write_sorted,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The row space of spellings.
const SPELLINGS: BlockKey = BlockKey::new(9, 0, 0, 0);
const KEY: u32 = 0;
const TEXT: u32 = 1;
const NODE_SHIFT: u32 = 96;

/// The place of a spelling: its node, and bits of a digest of it.
fn place(node: NodeId, text: &str) -> u128 {
    let digest = u128::from_le_bytes(codec::digest(text.as_bytes()));
    u128::from(node.0) << NODE_SHIFT | digest >> (128 - NODE_SHIFT)
}

/// Spellings that are not in a part yet.
#[derive(Debug, Clone, Default)]
pub struct OpenSpellings {
    rows: BTreeMap<u128, Box<str>>,
    bytes: usize,
}

impl OpenSpellings {
    /// How many there are.
    pub fn changes(&self) -> usize {
        self.rows.len()
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        self.bytes + self.rows.len() * 48
    }

    /// Forgets what is in a part now.
    pub fn recycle(&mut self) {
        self.rows.clear();
        self.bytes = 0;
    }

    /// Takes note of how a node was written.
    pub fn note(&mut self, node: NodeId, text: &str) {
        let place = place(node, text);
        if !self.rows.contains_key(&place) {
            self.bytes += text.len();
            self.rows.insert(place, Box::from(text));
        }
    }

    /// Writes them into a part.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        write_sorted(part, SPELLINGS.field(KEY), self.rows.keys().copied())?;
        let mut texts = ColumnWriter::new(part, SPELLINGS.field(TEXT), Layout::Bytes, None);
        for (row, text) in (0..).zip(self.rows.values()) {
            texts.bytes(row, text.as_bytes())?;
        }
        texts.finish()
    }
}

/// How a node was written, other than in the form in which it is compared.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn spellings_of(parts: &[Arc<Part>], node: NodeId) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let start = u128::from(node.0) << NODE_SHIFT;
    for part in parts {
        let range = start..start.saturating_add(1 << NODE_SHIFT);
        let Some(keys) = SortedKeys::open(part, SPELLINGS.field(KEY))? else { continue };
        keys.between(&range, |_, row| {
            let text = Point::find(std::slice::from_ref(part), SPELLINGS.field(TEXT), row)?;
            let text = text.ok_or_else(|| part.damaged())?;
            found.insert(String::from_utf8_lossy(text.bytes()).into_owned());
            Ok(())
        })?;
    }
    Ok(found)
}

/// Merges the spellings of parts.
///
/// # Errors
/// `Corrupt`, `Io`.
pub fn merge_spellings(parts: &[Arc<Part>], writer: &mut PartWriter) -> Result<()> {
    let faults = Faults::default();
    let open = |field: BlockKey| {
        let view = |part| ColumnView::new(std::iter::once(part), field, None, &faults).of_all();
        parts.iter().map(view).collect::<Vec<_>>()
    };
    let keys = open(SPELLINGS.field(KEY).form(KEYS));
    if keys.iter().all(|keys| keys.slots() == 0) {
        return faults.check();
    }
    let texts = open(SPELLINGS.field(TEXT));
    // Which part has each key, in the order of keys.
    let merged = || {
        let mut next = vec![0_u32; parts.len()];
        let keys = &keys;
        std::iter::from_fn(move || {
            let heads = keys.iter().zip(&next).filter_map(|(keys, row)| keys.wide(*row));
            let least = heads.min()?;
            let mut place = None;
            for (number, row) in next.iter_mut().enumerate() {
                if keys.get(number).and_then(|keys| keys.wide(*row)) == Some(least) {
                    place.get_or_insert((number, *row));
                    *row += 1;
                }
            }
            place.map(|place| (least, place))
        })
    };
    write_sorted(writer, SPELLINGS.field(KEY), merged().map(|(key, _)| key))?;
    let mut column = ColumnWriter::new(writer, SPELLINGS.field(TEXT), Layout::Bytes, None);
    for (place, (_, (number, row))) in (0..).zip(merged()) {
        match texts.get(number).and_then(|texts| texts.bytes(row)) {
            Some(text) => column.bytes(place, text)?,
            None => parts.get(number).into_iter().for_each(|part| faults.note(part.damaged())),
        }
    }
    column.finish()?;
    release(parts);
    faults.check()
}
