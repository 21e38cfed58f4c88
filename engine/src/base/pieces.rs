//! Checksums of pieces of large blocks: who looks at one row of a block of megabytes holds no more than a piece of it
//! against what was written.
//!
//! *Invariant:* a piece is believed only after its checksum held, once for each opening.

use super::codec;
use super::directory::PIECE;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// The pieces of all large blocks of a part, those of one block after those of another.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<(u32, AtomicBool)>);

impl Pieces {
    /// Pieces of which none is believed, by their checksums.
    pub fn new(checksums: Vec<u32>) -> Pieces {
        Pieces(checksums.into_iter().map(|crc| (crc, AtomicBool::new(false))).collect())
    }

    /// Believes none any more.
    pub fn disbelieve(&self) {
        self.0.iter().for_each(|(_, believed)| believed.store(false, Ordering::Release));
    }

    /// Whether the pieces that have some bytes of a block are those that were written; `first` is the number of its
    /// first piece.
    pub fn believe(&self, first: u32, block: &[u8], within: &Range<usize>) -> bool {
        let piece = PIECE as usize;
        let numbers = within.start / piece..within.end.min(block.len()).div_ceil(piece);
        numbers.into_iter().all(|number| {
            let Some((crc, believed)) = self.0.get(first as usize + number) else { return false };
            if believed.load(Ordering::Acquire) {
                return true;
            }
            let bytes = block.get(number * piece..block.len().min((number + 1) * piece));
            let holds = bytes.is_some_and(|bytes| codec::crc(bytes) == *crc);
            if holds {
                believed.store(true, Ordering::Release);
            }
            holds
        })
    }
}
