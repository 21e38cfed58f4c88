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
use std::sync::atomic::{AtomicBool, Ordering};

/// A block that is looked at more often is read whole: that takes about as long as a hundred pieces, and looks at it
/// are quicker then.
const LOOKS: u8 = 8;

/// What a block begins with, for who asks how long its beginning is.
const BEGINNING: usize = 64;

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

/// A block of which little is read.
#[derive(Debug)]
pub struct Begun<'p> {
    /// Its bytes, of which those may be looked at that hold.
    pub bytes: &'p [u8],
    range: Range<usize>,
    /// The pieces of the part, and the number of its first one; nothing where all of it holds.
    pieces: Option<(&'p Pieces, u32)>,
}

impl Begun<'_> {
    /// Whether bytes of it are those that were written.
    #[inline]
    pub fn holds(&self, within: &Range<usize>) -> bool {
        self.pieces.is_none_or(|(pieces, first)| pieces.believe(first, self.bytes, within))
    }

    /// The block, which keeps the part alive that it is of.
    pub fn block(&self, part: &Arc<Part>) -> Block {
        Block { part: Arc::clone(part), range: self.range.clone() }
    }
}

impl Part {
    /// A block of which little is read: who looks at bytes of it asks `Begun::holds` first. What `beginning` says that
    /// it takes to tell where its values are is held against the checksums at once; `sound` looks at no more.
    ///
    /// # Errors
    /// As `sound_block`.
    pub fn begun(
        &self,
        key: BlockKey,
        beginning: impl FnOnce(&[u8]) -> Option<usize>,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Begun<'_>>> {
        let Some(held) = self.blocks.find(key) else { return Ok(None) };
        let range = range_of(&held.entry);
        let known = held.state.load(Ordering::Acquire);
        let few = pieces_of(held.entry.length) > 0 && held.looks.load(Ordering::Relaxed) < LOOKS;
        if known >= SOUND || !few {
            self.believed(key, SOUND, sound)?;
            let bytes = self.bytes.get(range.clone()).unwrap_or_default();
            return Ok(Some(Begun { bytes, range, pieces: None }));
        }
        let bytes = self.bytes.get(range.clone()).unwrap_or_default();
        let begun = Begun { bytes, range, pieces: Some((&self.pieces, held.pieces)) };
        if known < BEGUN {
            let holds = |to: usize| begun.holds(&(0..to));
            let whole = holds(BEGINNING).then(|| beginning(bytes)).flatten().is_some_and(holds);
            if !whole || !sound(bytes) {
                return Err(self.damaged());
            }
            held.state.fetch_max(BEGUN, Ordering::AcqRel);
        }
        held.looks.fetch_add(1, Ordering::Relaxed);
        Ok(Some(begun))
    }
}

#[cfg(test)]
mod tests {
    use super::super::dir::{Dir, MemoryDir, write_all};
    use super::super::part::PartWriter;
    use super::*;

    #[test]
    fn pieces_of_large_blocks_hold_by_themselves() {
        let dir = MemoryDir::new();
        let (key, small) = (BlockKey::new(1, 2, 3, 0), BlockKey::new(1, 2, 4, 0));
        let large: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let mut writer = PartWriter::file(dir.append("p").unwrap());
        writer.put(small, b"small").unwrap();
        writer.put(key, &large).unwrap();
        writer.put(key.chunk(1), &large).unwrap();
        let digest = writer.into_file(1).unwrap();
        let begun = |name: &str| Arc::new(Part::open(&dir, name, &digest).unwrap());
        let head = |bytes: &[u8]| Some(bytes.len().min(100_000));
        let part = begun("p");
        for key in [key, key.chunk(1)] {
            let block = part.begun(key, head, |_| true).unwrap().unwrap();
            assert!(block.bytes == large && block.holds(&(0..large.len())));
            assert!(!part.is_believed(key), "that takes a look at all of it");
            assert!((1..8).all(|_| part.begun(key, head, |_| true).unwrap().is_some()));
            assert!(!part.is_believed(key));
            assert!(part.begun(key, head, |_| true).unwrap().is_some() && part.is_believed(key));
            assert_eq!(&*block.block(&part), large.as_slice());
        }
        assert!(part.begun(small, head, |bytes| bytes == b"small").unwrap().is_some());
        assert!(part.begun(key.chunk(2), head, |_| true).unwrap().is_none());
        let bytes = dir.read_at("p", 0, 1_000_000).unwrap();
        let first = bytes.windows(100).position(|bytes| *bytes == large[..100]).unwrap();
        for place in [0, 70_000, 99_999, 131_071, 131_072, 250_000, 299_999] {
            let mut flipped = bytes.clone();
            flipped[first + place] ^= 16;
            let name = format!("f{place}");
            write_all(dir.append(&name).unwrap().as_ref(), &flipped).unwrap();
            let part = begun(&name);
            let found = part.begun(key, head, |_| true);
            // What it begins with lies in four pieces.
            assert_eq!(found.is_err(), place < 131_072, "{place}");
            for start in (0..300_000).step_by(10_000) {
                let Ok(Some(block)) = &found else { continue };
                let touched =
                    start / 32_768 <= place / 32_768 && place / 32_768 <= (start + 9_999) / 32_768;
                assert_eq!(block.holds(&(start..start + 10_000)), !touched, "{place}, {start}");
            }
            assert!(part.block(key).is_err() && part.block(key.chunk(1)).is_ok());
            part.disbelieve();
            assert!(
                part.begun(key.chunk(1), head, |_| true).unwrap().unwrap().holds(&(0..300_000))
            );
        }
    }
}
