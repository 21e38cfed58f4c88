//! A filter in front of sorted keys: ten bits a row, so that a key that was never seen costs one cache line.
//!
//! Method: a blocked Bloom filter (Putze, Sanders and Singler 2007): 512-bit blocks, seven bits a key, all in one
//! block. About one unknown key in a hundred passes.

use super::bits;
use super::pieces::Soundness;
use std::ops::Range;

const BLOCK_BYTES: usize = 64;
const BITS_PER_ROW: usize = 10;
const PROBES: u32 = 7;

/// Bytes of the filter for a number of rows.
pub fn bytes_for(rows: usize) -> usize {
    (rows * BITS_PER_ROW).div_ceil(BLOCK_BYTES * 8).max(1) * BLOCK_BYTES
}

/// What makes bytes a filter: their number alone.
pub const SOUNDNESS: Soundness =
    Soundness { beginning: |_| Some(0), begins: is_one, whole: is_one };

/// Whether bytes are a filter: whole blocks, at least one.
pub fn is_one(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len().is_multiple_of(BLOCK_BYTES)
}

/// A key prefix that is looked for in filters: the bits that it has in a block of each.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    prefix: u64,
    bits: [u64; BLOCK_BYTES / 8],
}

impl Probe {
    /// That of a key prefix.
    pub fn of(prefix: u64) -> Probe {
        let mixed = prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut bits = [0; BLOCK_BYTES / 8];
        for probe in 0..PROBES {
            let bit = (mixed >> (probe * 9)) as usize % (BLOCK_BYTES * 8);
            if let Some(word) = bits.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
        }
        Probe { prefix, bits }
    }

    /// Where its block begins in a filter.
    fn block(&self, filter: usize) -> usize {
        let blocks = (filter / BLOCK_BYTES).max(1) as u64;
        // Prefixes are bits of a digest, so they are uniform; the high half of a product picks the block.
        ((u128::from(self.prefix) * u128::from(blocks)) >> 64) as usize * BLOCK_BYTES
    }

    /// Which bytes of a filter of some length tell of it.
    pub fn place_in(&self, filter: usize) -> Range<usize> {
        let block = self.block(filter);
        block..block + BLOCK_BYTES
    }

    /// Asks for the bytes of a filter that tell of it.
    pub fn bring_near(&self, filter: &[u8]) {
        bits::bring_near(filter.get(self.place_in(filter.len())).unwrap_or_default());
    }

    /// Whether it may have been added to a filter. There is no branch before all bits are known, so that a processor
    /// that guesses "no" has the lines of several filters on their way at once.
    #[inline]
    pub fn may_be_in(&self, filter: &[u8]) -> bool {
        let block = filter.get(self.block(filter.len())..).unwrap_or_default();
        let Some(block) = block.first_chunk::<BLOCK_BYTES>() else { return false };
        let (words, _) = block.as_chunks::<8>();
        let missing =
            words.iter().zip(&self.bits).map(|(word, bits)| !u64::from_le_bytes(*word) & bits);
        missing.fold(0, |all, missing| all | missing) == 0
    }
}

/// Adds a key prefix.
pub fn add(filter: &mut [u8], prefix: u64) {
    let probe = Probe::of(prefix);
    let block = probe.block(filter.len());
    let bytes = probe.bits.iter().flat_map(|word| word.to_le_bytes());
    for (slot, bits) in filter.iter_mut().skip(block).zip(bytes) {
        *slot |= bits;
    }
}

/// Whether a key prefix may have been added.
pub fn may_hold(filter: &[u8], prefix: u64) -> bool {
    Probe::of(prefix).may_be_in(filter)
}

#[cfg(test)]
mod tests {
    use super::super::codec::digest;
    use super::*;

    #[test]
    fn all_that_was_added_passes_and_little_else() {
        let prefix = |n: u64| u64::from_le_bytes(digest(&n.to_le_bytes())[..8].try_into().unwrap());
        let mut filter = vec![0; bytes_for(10_000)];
        (0..10_000).for_each(|n| add(&mut filter, prefix(n)));
        assert!((0..10_000).all(|n| may_hold(&filter, prefix(n))));
        let wrong = (10_000..110_000).filter(|n| may_hold(&filter, prefix(*n))).count();
        assert!(wrong < 3_000, "{wrong} of 100,000 unknown keys pass");
    }
}
