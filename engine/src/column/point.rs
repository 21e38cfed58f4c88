//! Single rows of a column, from the newest part that tells of them: what the writer asks.

use super::CHUNK_BITS;
use super::block::{BlockView, block_of, tells_of};
use super::sound;
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part};
use std::sync::Arc;

/// A row of a block.
#[derive(Debug)]
pub struct Point {
    block: BlockView,
    slot: usize,
}

/// The integers of sorted rows, from the newest part that tells of each: nothing for NULL, and for rows of which none
/// tells.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn integers_of(
    parts: &[Arc<Part>],
    column: BlockKey,
    sorted: &[u32],
) -> Result<Vec<Option<i64>>> {
    let mut found = Vec::with_capacity(sorted.len());
    for rows in sorted.chunk_by(|row, next| row >> CHUNK_BITS == next >> CHUNK_BITS) {
        let Some(chunk) = rows.first().map(|row| row >> CHUNK_BITS) else { continue };
        let mut blocks = Vec::new();
        for part in parts.iter().rev() {
            blocks.extend(block_of(part, column.chunk(chunk))?);
        }
        found.extend(rows.iter().map(|row| {
            let (block, slot) =
                blocks.iter().find_map(|block| Some((block, block.slot(row & 0xffff)?)))?;
            (!block.is_null(slot)).then(|| block.integer(slot))
        }));
    }
    Ok(found)
}

impl Point {
    /// The newest that parts tell of a row, if it is not NULL.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find(parts: &[Arc<Part>], column: BlockKey, row: u32) -> Result<Option<Point>> {
        let key = column.chunk(row >> CHUNK_BITS);
        for part in parts.iter().rev() {
            let Some(bytes) = part.sound_bytes(key, sound::block)? else { continue };
            if !tells_of(bytes, row & 0xffff) {
                continue;
            }
            let Some(block) = part.sound_block(key, sound::block)? else { continue };
            let block = BlockView::new(block).ok_or_else(|| part.damaged())?;
            if let Some(slot) = block.slot(row & 0xffff) {
                return Ok((!block.is_null(slot)).then_some(Point { block, slot }));
            }
        }
        Ok(None)
    }

    /// The integer.
    pub fn integer(&self) -> i64 {
        self.block.integer(self.slot)
    }

    /// The integer as a number that is never negative.
    pub fn number(&self) -> u32 {
        self.block.number(self.slot)
    }

    /// The number of 128 bits.
    pub fn wide(&self) -> u128 {
        self.block.wide(self.slot)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.block.bytes(self.slot)
    }
}
