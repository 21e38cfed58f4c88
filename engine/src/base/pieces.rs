//! Checksums of pieces of large blocks: who looks at one row of a block of megabytes holds no more than a piece of it
//! against what was written.
//!
//! *Invariant:* a piece is believed only after its checksum held, once for each opening.

use super::codec;
use super::directory::{PIECE, pieces_of};
use super::error::Result;
use super::part::{BEGUN, Block, BlockKey, Part, SOUND, range_of};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a block begins with, for who asks how long its beginning is.
const BEGINNING: usize = 64;

/// The checksums of the pieces of a block, as they stand in a file.
pub(super) fn checksums_of(block: &[u8]) -> Vec<u8> {
    block.chunks(PIECE as usize).flat_map(|piece| codec::crc(piece).to_le_bytes()).collect()
}

/// The pieces of all large blocks of a part, those of one block after those of another.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Where in the file their checksums stand, four bytes each.
    start: usize,
    /// A bit for each that is believed.
    believed: Vec<AtomicU64>,
}

impl Pieces {
    /// So many pieces of which none is believed, the checksums of which begin at a place.
    pub fn new(start: usize, count: usize) -> Pieces {
        Pieces { start, believed: (0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Believes none any more.
    pub fn disbelieve(&self) {
        self.believed.iter().for_each(|word| word.store(0, Ordering::Release));
    }

    /// Believes some, by number.
    pub fn believe(&self, pieces: Range<usize>) {
        for number in pieces {
            let word = self.believed.get(number / 64);
            word.into_iter().for_each(|word| {
                word.fetch_or(1 << (number % 64), Ordering::AcqRel);
            });
        }
    }

    /// Where the checksums of so many pieces stand, from a number on.
    pub fn place(&self, first: usize, count: usize) -> Range<usize> {
        let start = self.start.saturating_add(first.saturating_mul(4));
        start..start.saturating_add(count.saturating_mul(4))
    }
}

impl Part {
    /// Whether the pieces that have some bytes of a block are those that were written; `first` is the number of its
    /// first piece.
    fn believes(&self, first: u32, block: &Range<usize>, within: &Range<usize>) -> bool {
        let length = block.len();
        if within.start > within.end || within.start > length {
            return false;
        }
        let piece = PIECE as usize;
        let numbers = within.start / piece..within.end.min(length).div_ceil(piece);
        numbers.into_iter().all(|number| {
            let place = first as usize + number;
            let bit = 1 << (place % 64);
            let Some(word) = self.pieces.believed.get(place / 64) else { return false };
            word.load(Ordering::Acquire) & bit != 0 || {
                let (start, end) = (number * piece, length.min((number + 1) * piece));
                let bytes = self.bytes.get(block.start + start..block.start + end);
                let written = codec::u32_at(&self.bytes, self.pieces.place(place, 1).start);
                let holds = bytes.is_some_and(|bytes| Some(codec::crc(bytes)) == written);
                if holds {
                    self.pieces.believe(place..place + 1);
                }
                holds
            }
        })
    }

    /// A block of which little is read: who looks at bytes of it asks `holds` first. What it begins with, which tells
    /// where its values are, is held against the checksums at once.
    ///
    /// # Errors
    /// As `sound_block`.
    pub fn begun(&self, key: BlockKey, soundness: &Soundness) -> Result<Option<Begun<'_>>> {
        let Some(held) = self.blocks.find(key) else { return Ok(None) };
        let range = range_of(&held.entry);
        let known = held.state.load(Ordering::Acquire);
        let few = known & SOUND == 0 && pieces_of(held.entry.length) > 0;
        if !few {
            self.believed(key, SOUND, soundness.whole)?;
        } else if known & BEGUN == 0 {
            let bytes = self.bytes.get(range.clone()).unwrap_or_default();
            let holds = |to: usize| self.believes(held.pieces, &range, &(0..to));
            let beginning = holds(BEGINNING).then(|| (soundness.beginning)(bytes)).flatten();
            if !beginning.is_some_and(holds) || !(soundness.begins)(bytes) {
                return Err(self.damaged());
            }
            held.state.fetch_or(BEGUN, Ordering::AcqRel);
        }
        Ok(Some(Begun { part: self, range, pieces: few.then_some(held.pieces) }))
    }
}

/// How bytes are known to be a block of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Soundness {
    /// How many bytes, of which the first 64 hold, tell where its values are.
    pub beginning: fn(&[u8]) -> Option<usize>,
    /// Whether these bytes fit each other and the length of all.
    pub begins: fn(&[u8]) -> bool,
    /// Whether all bytes fit each other.
    pub whole: fn(&[u8]) -> bool,
}

/// A block of which little is read.
#[derive(Debug)]
pub struct Begun<'p> {
    part: &'p Part,
    range: Range<usize>,
    /// The number of its first piece; nothing where all of it holds.
    pieces: Option<u32>,
}

impl<'p> Begun<'p> {
    /// Its bytes, of which those may be looked at that hold.
    #[inline]
    pub fn bytes(&self) -> &'p [u8] {
        self.part.bytes.get(self.range.clone()).unwrap_or_default()
    }

    /// The block, which keeps the part alive that it is of.
    pub fn block(&self, part: &Arc<Part>) -> Block {
        Block { part: Arc::clone(part), range: self.range.clone(), pieces: self.pieces }
    }
}

impl Block {
    /// Whether all of it is what was written.
    #[inline]
    pub fn is_whole(&self) -> bool {
        self.pieces.is_none()
    }

    /// Whether bytes of it are those that were written: asked of blocks that have begun, before each look.
    #[inline]
    pub fn holds(&self, within: &Range<usize>) -> bool {
        self.pieces.is_none_or(|first| self.part.believes(first, &self.range, within))
    }
}

#[cfg(test)]
mod tests {
    use super::super::dir::{Dir, MemoryDir, write_all};
    use super::super::part::PartWriter;
    use super::super::random::Rng;
    use super::*;

    #[test]
    fn pieces_of_large_blocks_hold_by_themselves() {
        let dir = MemoryDir::new();
        let (key, small) = (BlockKey::new(1, 2, 3, 0), BlockKey::new(1, 2, 4, 0));
        let mut random = Rng(5);
        let large: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
        let mut writer = PartWriter::file(dir.append("p").unwrap());
        writer.put(small, b"small").unwrap();
        writer.put(key, &large).unwrap();
        writer.put(key.chunk(1), &large).unwrap();
        let digest = writer.into_file(1).unwrap();
        let begun = |name: &str| Arc::new(Part::open(&dir, name, &digest).unwrap());
        const KIND: Soundness = Soundness {
            beginning: |bytes| Some(bytes.len().min(10_000)),
            begins: |bytes| bytes.len() == 100_000 || bytes == b"small",
            whole: |bytes| bytes == b"small",
        };
        let part = begun("p");
        for key in [key, key.chunk(1)] {
            let block = part.begun(key, &KIND).unwrap().unwrap().block(&part);
            assert!(*block == *large && block.holds(&(0..large.len())));
            assert!(!part.is_believed(key), "all pieces hold, but nobody asked what they are");
            assert!(!block.is_whole());
            assert!(!block.holds(&(100_001..100_002)));
            // Read whole it is held against all that is known of such blocks.
            assert!(part.sound_block(key, KIND.whole).is_err());
            assert!(part.sound_block(key, |_| true).unwrap().unwrap().is_whole());
            assert!(part.begun(key, &KIND).unwrap().unwrap().block(&part).is_whole());
        }
        assert!(part.begun(small, &KIND).unwrap().unwrap().block(&part).is_whole());
        assert!(part.begun(key.chunk(2), &KIND).unwrap().is_none());
        let bytes = dir.read_at("p", 0, 1_000_000).unwrap();
        let first = bytes.windows(100).position(|bytes| *bytes == large[..100]).unwrap();
        for place in [0, 7_000, 9_999, 12_287, 12_288, 50_000, 99_999] {
            let mut flipped = bytes.clone();
            flipped[first + place] ^= 16;
            let name = format!("f{place}");
            write_all(dir.append(&name).unwrap().as_ref(), &flipped).unwrap();
            let part = begun(&name);
            let found = part.begun(key, &KIND).map(|begun| begun.map(|b| b.block(&part)));
            // What it begins with lies in three pieces.
            assert_eq!(found.is_err(), place < 12_288, "{place}");
            for start in (0..100_000).step_by(1_000) {
                let Ok(Some(block)) = &found else { continue };
                let touched =
                    start / 4_096 <= place / 4_096 && place / 4_096 <= (start + 999) / 4_096;
                assert_eq!(block.holds(&(start..start + 1_000)), !touched, "{place}, {start}");
            }
            assert!(part.block(key).is_err() && part.block(key.chunk(1)).is_ok());
            part.disbelieve();
            let other = part.begun(key.chunk(1), &KIND).unwrap().unwrap().block(&part);
            assert!(other.holds(&(0..100_000)));
        }
        // Damage to the checksums of pieces is seen, too.
        let table =
            bytes.windows(8).rposition(|bytes| bytes == &checksums_of(&large)[..8]).unwrap();
        let mut flipped = bytes.clone();
        flipped[table] ^= 1;
        write_all(dir.append("t").unwrap().as_ref(), &flipped).unwrap();
        let part = begun("t");
        assert!(part.begun(key, &KIND).is_ok() && part.begun(key.chunk(1), &KIND).is_err());
        assert!(
            part.block(key).is_ok() && part.block(key.chunk(1)).is_err() && part.check().is_err()
        );
    }
}
