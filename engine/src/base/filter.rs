//! A filter in front of sorted keys: ten bits a row, so that a key that was never seen costs one cache line.
//!
//! Method: a blocked Bloom filter (Putze, Sanders and Singler 2007): 512-bit blocks, seven bits a key, all in one
//! block. About one unknown key in a hundred passes.

const BLOCK_BYTES: usize = 64;
const BITS_PER_ROW: usize = 10;
const PROBES: u32 = 7;

/// Bytes of the filter for a number of rows.
pub fn bytes_for(rows: usize) -> usize {
    (rows * BITS_PER_ROW).div_ceil(BLOCK_BYTES * 8).max(1) * BLOCK_BYTES
}

/// Whether bytes are a filter: whole blocks, at least one.
pub fn is_one(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len().is_multiple_of(BLOCK_BYTES)
}

/// The bits of a key prefix: byte offsets and masks in the filter.
fn bits(prefix: u64, len: usize) -> impl Iterator<Item = (usize, u8)> {
    let blocks = (len / BLOCK_BYTES).max(1) as u64;
    // Prefixes are bits of a digest, so they are uniform; the high half of a product picks the block.
    let block = ((u128::from(prefix) * u128::from(blocks)) >> 64) as usize;
    let mixed = prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..PROBES).map(move |probe| {
        let bit = (mixed >> (probe * 9)) as usize % (BLOCK_BYTES * 8);
        (block * BLOCK_BYTES + bit / 8, 1 << (bit % 8))
    })
}

/// Adds a key prefix.
pub fn add(filter: &mut [u8], prefix: u64) {
    for (byte, mask) in bits(prefix, filter.len()) {
        if let Some(slot) = filter.get_mut(byte) {
            *slot |= mask;
        }
    }
}

/// Whether a key prefix may have been added.
pub fn may_hold(filter: &[u8], prefix: u64) -> bool {
    bits(prefix, filter.len()).all(|(byte, mask)| filter.get(byte).is_some_and(|b| b & mask != 0))
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
