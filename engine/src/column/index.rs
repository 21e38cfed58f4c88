//! The rows of each code of a column in one part: a bitmap for each code, or, when there are many codes, lists.
//!
//! Bitmaps: the number of codes, then for each its cardinality and the end of its bytes, then the bytes in the portable
//! form of roaring. Lists: the number of codes, the end of each, then rows.

use super::{BITMAPS, POSTINGS, sound};
use crate::base::codec::{u32_at, u64_at};
use crate::base::error::{Error, Result};
use crate::base::limits::BITMAP_CODES_MAX;
use crate::base::part::{Block, BlockKey, Part, PartWriter};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// Rows by code, while a column is written.
pub(super) enum CodeIndex {
    Bitmaps(Vec<RoaringBitmap>),
    /// Code and row.
    Pairs(Vec<(u32, u32)>),
}

impl Default for CodeIndex {
    fn default() -> CodeIndex {
        CodeIndex::Bitmaps(Vec::new())
    }
}

impl CodeIndex {
    /// Takes a row; rows of one code come in ascending order.
    pub(super) fn push(&mut self, code: u32, row: u32) {
        match self {
            CodeIndex::Bitmaps(bitmaps) if (code as usize) < BITMAP_CODES_MAX => {
                while bitmaps.len() <= code as usize {
                    bitmaps.push(RoaringBitmap::new());
                }
                if let Some(bitmap) = bitmaps.get_mut(code as usize) {
                    // Behind the last row, where nearly all stand, nothing is looked for.
                    let behind = bitmap.try_push(row).is_ok();
                    if !behind {
                        bitmap.insert(row);
                    }
                }
            }
            CodeIndex::Bitmaps(bitmaps) => {
                let rows = bitmaps
                    .iter()
                    .zip(0..)
                    .flat_map(|(rows, code)| rows.iter().map(move |row| (code, row)));
                let mut pairs: Vec<(u32, u32)> = rows.collect();
                pairs.push((code, row));
                *self = CodeIndex::Pairs(pairs);
            }
            CodeIndex::Pairs(pairs) => pairs.push((code, row)),
        }
    }

    pub(super) fn write(self, part: &mut PartWriter, key: BlockKey) -> Result<()> {
        match self {
            CodeIndex::Bitmaps(bitmaps) => {
                let mut out = Vec::from((bitmaps.len() as u32).to_le_bytes());
                let mut bytes = Vec::new();
                for mut bitmap in bitmaps {
                    bitmap.optimize();
                    bitmap
                        .serialize_into(&mut bytes)
                        .map_err(|e| Error::limit(format!("cannot write a bitmap: {e}")))?;
                    let cardinality = u32::try_from(bitmap.len()).unwrap_or(u32::MAX);
                    out.extend_from_slice(&cardinality.to_le_bytes());
                    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                }
                out.extend_from_slice(&bytes);
                part.put(key.form(BITMAPS), &out)
            }
            CodeIndex::Pairs(mut pairs) => {
                pairs.sort_unstable();
                let codes = pairs.last().map_or(0, |(code, _)| code + 1);
                let mut out = Vec::from(codes.to_le_bytes());
                let mut index = 0;
                for code in 0..codes {
                    while pairs.get(index).is_some_and(|(known, _)| *known <= code) {
                        index += 1;
                    }
                    out.extend_from_slice(&(index as u32).to_le_bytes());
                }
                pairs.iter().for_each(|(_, row)| out.extend_from_slice(&row.to_le_bytes()));
                part.put(key.form(POSTINGS), &out)
            }
        }
    }
}

/// Rows by code, of a part that has them.
#[derive(Debug, Clone)]
pub enum RowsByCode {
    /// A bitmap in the portable form for each code.
    Bitmaps(Block),
    /// For each code its rows, ascending, four bytes each.
    Postings(Block),
}

pub(super) const BITMAP_ENTRY: usize = 12;

impl RowsByCode {
    /// The rows by code of a column; nothing when the part keeps none.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn open(part: &Arc<Part>, key: BlockKey) -> Result<Option<RowsByCode>> {
        if let Some(block) = part.sound_block(key.form(BITMAPS), sound::bitmaps)? {
            return Ok(Some(RowsByCode::Bitmaps(block)));
        }
        let postings = part.sound_block(key.form(POSTINGS), sound::postings)?;
        Ok(postings.map(RowsByCode::Postings))
    }

    /// Adds the rows of a code, of a column of so many chunks; nothing when the index is not one.
    pub(super) fn add(&self, code: u32, chunks: u32, rows: &mut RoaringBitmap) -> Option<()> {
        let code = code as usize;
        match self {
            RowsByCode::Bitmaps(block) => {
                let codes = u32_at(block, 0)? as usize;
                if code >= codes {
                    return Some(());
                }
                let end = |code: usize| u64_at(block, 4 + code * BITMAP_ENTRY + 4);
                let data = block.get(4 + codes * BITMAP_ENTRY..)?;
                let start = if code == 0 { 0 } else { usize::try_from(end(code - 1)?).ok()? };
                let bytes = data.get(start..usize::try_from(end(code)?).ok()?)?;
                // A run of 65,536 rows is four bytes: what a bitmap may become is bounded before it is made.
                let most = usize::try_from(chunks).unwrap_or(usize::MAX);
                sound::containers(bytes).filter(|containers| *containers <= most)?;
                let found = RoaringBitmap::deserialize_from(bytes).ok()?;
                let stored = u32_at(block, 4 + code * BITMAP_ENTRY)?;
                (found.len() == u64::from(stored)).then_some(())?;
                *rows |= found;
            }
            RowsByCode::Postings(block) => {
                let codes = u32_at(block, 0)? as usize;
                if code >= codes {
                    return Some(());
                }
                let end = |code: usize| u32_at(block, 4 + code * 4).map(|end| end as usize);
                let start = if code == 0 { 0 } else { end(code - 1)? };
                for index in start..end(code)? {
                    rows.insert(u32_at(block, 4 + codes * 4 + index * 4)?);
                }
            }
        }
        Some(())
    }

    /// The bytes of a code, in place; empty for a code that nothing has, nothing when the index is not one.
    pub fn stored(&self, code: u32) -> Option<&[u8]> {
        let code = code as usize;
        let (RowsByCode::Bitmaps(block) | RowsByCode::Postings(block)) = self;
        let codes = u32_at(block, 0)? as usize;
        if code >= codes {
            return Some(&[]);
        }
        let (entry, unit) = match self {
            RowsByCode::Bitmaps(_) => (BITMAP_ENTRY, 1),
            RowsByCode::Postings(_) => (4, 4),
        };
        let end = |code: usize| match self {
            RowsByCode::Bitmaps(_) => usize::try_from(u64_at(block, 8 + code * entry)?).ok(),
            RowsByCode::Postings(_) => u32_at(block, 4 + code * entry).map(|end| end as usize),
        };
        let start = if code == 0 { 0 } else { end(code - 1)? };
        let data = block.get(4 + codes * entry..)?;
        data.get(start * unit..end(code)? * unit)
    }

    /// How many rows a code has.
    pub fn cardinality(&self, code: u32) -> u64 {
        let code = code as usize;
        let (RowsByCode::Bitmaps(block) | RowsByCode::Postings(block)) = self;
        if u32_at(block, 0).is_none_or(|codes| code >= codes as usize) {
            return 0;
        }
        let found = match self {
            RowsByCode::Bitmaps(block) => u32_at(block, 4 + code * BITMAP_ENTRY),
            RowsByCode::Postings(block) => {
                let end = |code: usize| u32_at(block, 4 + code * 4);
                let start = if code == 0 { Some(0) } else { end(code - 1) };
                end(code).zip(start).map(|(end, start)| end.saturating_sub(start))
            }
        };
        u64::from(found.unwrap_or_default())
    }
}
