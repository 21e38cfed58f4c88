//! Single rows of a column, from the newest part that tells of them: what the writer asks.

use super::CHUNK_BITS;
use super::block::BlockView;
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

impl Point {
    /// The newest that parts tell of a row, if it is not NULL.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find(parts: &[Arc<Part>], column: BlockKey, row: u32) -> Result<Option<Point>> {
        let key = column.chunk(row >> CHUNK_BITS);
        for part in parts.iter().rev() {
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
