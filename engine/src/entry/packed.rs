//! The payload of blocks of versions 3 and 4: their keys as stretches where they can be, and all of it packed by zstd.
//!
//! A payload is the length of what is packed (4 bytes) and one frame of zstd. What is packed: keys, then the rest of
//! the block in the order of version 2. Keys are 0 and 16 bytes for each row, or 1, how many rows there are (4), stems
//! (11 bytes each), the place of the stem of each row (1 byte; none when all have the first), and the rows where
//! numbers do not follow that of the row before, each with its number (4 and 8).

use super::{BlockEntry, TextColumn};
use crate::base::codec;
use crate::base::error::{Error, Result};
use crate::base::limits::{BLOCK_ROWS_MAX, PAYLOAD_BYTES_MAX};
use crate::base::row_key::{self, NUMBERS_END, Stem, Stems};
use bincode::{Decode, Encode};

/// Higher levels take two times the processor time and more for one part in ten.
const LEVEL: i32 = 1;

#[derive(Encode, Decode)]
enum Keys {
    Whole(Vec<u8>),
    Numbered(Numbered),
}

#[derive(Encode, Decode)]
struct Numbered {
    rows: u32,
    stems: Vec<Stem>,
    stem_of: Vec<u8>,
    runs: Vec<(u32, u64)>,
}

/// A block, but for its keys.
type Rest = (
    Vec<u32>,
    Vec<(u32, u64)>,
    Vec<TextColumn>,
    Vec<Vec<Vec<u8>>>,
    Vec<u32>,
    Vec<(u32, Vec<u8>)>,
    Vec<Vec<u32>>,
);

impl Numbered {
    fn of(keys: &[u8]) -> Option<Numbered> {
        let (keys, _) = keys.as_chunks::<16>();
        let (mut stems, mut stem_of, mut runs) = (Stems::default(), Vec::new(), Vec::new());
        let mut next = None;
        for (row, key) in (0..).zip(keys) {
            let (stem, number) = row_key::split(key);
            stem_of.push(stems.place(&stem)?);
            if next != Some(number) {
                runs.push((row, number));
            }
            next = Some(number + 1);
        }
        if stems.all.len() < 2 {
            stem_of.clear();
        }
        let rows = u32::try_from(keys.len()).ok()?;
        stems.pay(keys.len()).then_some(Numbered { rows, stems: stems.all, stem_of, runs })
    }

    /// The keys again; nothing when what is said of them does not fit together.
    fn keys(&self) -> Option<Vec<u8>> {
        let rows = self.rows as usize;
        (rows <= BLOCK_ROWS_MAX).then_some(())?;
        let mut keys = Vec::with_capacity(rows * 16);
        let mut runs = self.runs.iter().peekable();
        let mut next = NUMBERS_END;
        for row in 0..self.rows {
            if let Some((_, number)) = runs.next_if(|(first, _)| *first == row) {
                next = *number;
            }
            let place = match self.stem_of.as_slice() {
                [] => 0,
                places => usize::from(*places.get(row as usize)?),
            };
            (next < NUMBERS_END).then_some(())?;
            keys.extend_from_slice(&row_key::numbered(self.stems.get(place)?, next));
            next += 1;
        }
        runs.next().is_none().then_some(keys)
    }
}

impl Keys {
    fn of(keys: &[u8]) -> Keys {
        match Numbered::of(keys) {
            Some(numbered) => Keys::Numbered(numbered),
            None => Keys::Whole(keys.to_vec()),
        }
    }

    fn keys(self) -> Option<Vec<u8>> {
        match self {
            Keys::Whole(keys) => Some(keys),
            Keys::Numbered(numbered) => numbered.keys(),
        }
    }
}

/// The payload of a block.
///
/// # Errors
/// `Limit` when it is too large.
pub fn encode(block: &BlockEntry) -> Result<Vec<u8>> {
    let BlockEntry { keys, conflicts, lines, columns, forms, form_of, odd, holes } = block;
    let keys = Keys::of(keys);
    let whole = codec::encode(&(keys, conflicts, lines, columns, forms, form_of, odd, holes))?;
    let length = u32::try_from(whole.len()).ok().filter(|_| whole.len() <= PAYLOAD_BYTES_MAX);
    let length = length.ok_or_else(|| {
        Error::limit(format!("a block of {} bytes is too large; split it", whole.len()))
    })?;
    let packed = zstd::bulk::compress(&whole, LEVEL)
        .map_err(|e| Error::limit(format!("cannot pack a block: {e}")))?;
    Ok([length.to_le_bytes().as_slice(), &packed].concat())
}

/// The block of a payload.
///
/// # Errors
/// `Corrupt`.
pub fn decode(payload: &[u8]) -> Result<BlockEntry> {
    let wrong = |why: &str| Error::corrupt(format!("a block cannot be decoded: {why}"));
    let length = codec::u32_at(payload, 0).map(|length| length as usize);
    let length = length.filter(|length| *length <= PAYLOAD_BYTES_MAX);
    let length = length.ok_or_else(|| wrong("its length cannot be"))?;
    let packed = payload.get(4..).unwrap_or_default();
    let whole = zstd::bulk::decompress(packed, length).map_err(|e| wrong(&e.to_string()))?;
    if whole.len() != length {
        return Err(wrong("it is shorter than it says"));
    }
    let (keys, rest): (Keys, Rest) = codec::decode(&whole)?;
    let keys = keys.keys().ok_or_else(|| wrong("its keys do not fit together"))?;
    let (conflicts, lines, columns, forms, form_of, odd, holes) = rest;
    Ok(BlockEntry { keys, conflicts, lines, columns, forms, form_of, odd, holes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::{Digest128, digest};

    #[test]
    fn keys_come_back() {
        let stems: Vec<Stem> = (0..5_u8).map(|n| row_key::stem_of(&digest(&[n]))).collect();
        let numbered = |numbers: &[u64], stems: &[Stem]| -> Vec<u8> {
            let of = |(n, stem): (&u64, &Stem)| row_key::numbered(stem, *n);
            numbers.iter().zip(stems.iter().cycle()).map(of).collect::<Vec<_>>().concat()
        };
        let in_a_row: Vec<u64> = (7..107).collect();
        let with_gaps: Vec<u64> = (0..100).map(|n| n * n % 37).chain([NUMBERS_END - 1]).collect();
        let digests: Vec<Digest128> = (0..40_u64).map(|n| digest(&n.to_le_bytes())).collect();
        for (keys, packed) in [
            (numbered(&in_a_row, &stems[..1]), true),
            (numbered(&in_a_row, &stems), true),
            (numbered(&with_gaps, &stems[..3]), true),
            (numbered(&in_a_row[..5], &stems[..1]), false),
            (digests.concat(), false),
        ] {
            let found = Keys::of(&keys);
            assert_eq!(matches!(found, Keys::Numbered(_)), packed);
            assert_eq!(found.keys().unwrap(), keys);
        }
    }

    #[test]
    fn what_does_not_fit_together_has_no_keys() {
        let numbered = |rows, stems, stem_of, runs| Numbered { rows, stems, stem_of, runs }.keys();
        let stem = [1; 11];
        assert!(numbered(2, vec![stem], vec![], vec![(0, 1)]).is_some());
        assert!(numbered(u32::MAX, vec![stem], vec![], vec![(0, 1)]).is_none());
        assert!(numbered(2, vec![], vec![], vec![(0, 1)]).is_none());
        assert!(numbered(2, vec![stem], vec![0], vec![(0, 1)]).is_none());
        assert!(numbered(2, vec![stem], vec![0, 1], vec![(0, 1)]).is_none());
        assert!(numbered(2, vec![stem], vec![], vec![(1, 1)]).is_none());
        assert!(numbered(2, vec![stem], vec![], vec![(0, 1), (2, 9)]).is_none());
        assert!(numbered(2, vec![stem], vec![], vec![(0, NUMBERS_END - 1)]).is_none());
        assert!(decode(&[]).is_err() && decode(&[0xff; 40]).is_err());
    }
}
