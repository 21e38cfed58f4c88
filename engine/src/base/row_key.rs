//! Keys of rows of files: a stem, which rows of one kind of one file share, and the number of the row.
//!
//! *What it is:* 16 bytes that name a row: 88 bits of a digest of its file and kind, which is enough against chance but
//! not against who chooses both files, and its number. They need not be written down for each row: of rows that follow
//! one another the stem, the first number and a count say all. *Invariants:* whether keys are kept in full or as
//! stretches is found from their bytes alone, and either way the same keys come back. *Where to start reading:*
//! `stretches`.

use super::codec::Digest128;
use bincode::{Decode, Encode};

/// Bytes of a stem.
const STEM: usize = 11;

/// What keys of rows of one kind of one file begin with.
pub type Stem = [u8; STEM];

/// Numbers of rows are below this: the five bytes behind the stem.
pub const NUMBERS_END: u64 = 1 << 40;
/// More stems than these are not kept as stretches.
const STEMS_MAX: usize = 255;
/// So many keys there must be for each stem: others are no keys of rows with numbers, and are kept in full.
const KEYS_A_STEM: usize = 8;
/// Stems that were met last, which are tried first.
const LAST: usize = 4;

/// The stem of a digest of what rows share.
pub fn stem_of(digest: &Digest128) -> Stem {
    split(digest).0
}

/// The key of a row; its number is below `NUMBERS_END`.
pub fn numbered(stem: &Stem, number: u64) -> Digest128 {
    let mut key = [0; 16];
    let (first, rest) = key.split_at_mut(STEM);
    first.copy_from_slice(stem);
    let [_, _, _, number @ ..] = number.to_be_bytes();
    rest.copy_from_slice(&number);
    key
}

/// The stem and the number that a key is.
pub fn split(key: &Digest128) -> (Stem, u64) {
    let number = u128::from_be_bytes(*key) as u64 & (NUMBERS_END - 1);
    (key.first_chunk().copied().unwrap_or_default(), number)
}

/// Stems of rows, each once, in the order in which rows first have them.
#[derive(Debug, Default)]
pub struct Stems {
    pub all: Vec<Stem>,
    last: [u8; LAST],
}

impl Stems {
    /// The place of a stem, new if need be; nothing when they are too many.
    pub fn place(&mut self, stem: &Stem) -> Option<u8> {
        let is = |place: &u8| self.all.get(usize::from(*place)) == Some(stem);
        if let Some(known) = self.last.iter().copied().find(is) {
            return Some(known);
        }
        let known = self.all.iter().position(|known| known == stem);
        let place = match known {
            Some(place) => place,
            None if self.all.len() >= STEMS_MAX => return None,
            None => {
                self.all.push(*stem);
                self.all.len() - 1
            }
        };
        let place = u8::try_from(place).ok()?;
        self.last.rotate_right(1);
        if let Some(first) = self.last.first_mut() {
            *first = place;
        }
        Some(place)
    }

    /// Whether so many keys with these stems are worth keeping as stems and numbers.
    pub fn pay(&self, keys: usize) -> bool {
        self.all.len() * KEYS_A_STEM <= keys
    }
}

/// Rows whose keys have one stem and whose numbers grow as their places do. Rows between them may have other stems.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Stretch {
    /// What their keys begin with.
    pub stem: Stem,
    /// The numbers of the first and the last.
    pub first: u64,
    /// See `first`.
    pub last: u64,
    /// The place of the first: a row, or a position.
    pub place: u64,
}

impl Stretch {
    /// The place that a number would have.
    pub fn place_of(&self, number: u64) -> Option<u64> {
        let within = (self.first..=self.last).contains(&number);
        within.then(|| self.place.checked_add(number - self.first)).flatten()
    }

    /// Takes a stretch in behind the last of this one, when places and numbers go on as before.
    pub fn take(&mut self, other: &Stretch) -> bool {
        let goes_on = other.first > self.last && other.place > self.place;
        let same = goes_on && other.first.abs_diff(self.first) == other.place.abs_diff(self.place);
        if same && self.stem == other.stem {
            self.last = other.last;
            return true;
        }
        false
    }
}

/// The stretches of keys, 16 bytes each, whose places are those of the keys; nothing for keys that are to be kept in
/// full.
pub fn stretches(keys: &[u8]) -> Option<Vec<Stretch>> {
    let (keys, _) = keys.as_chunks::<16>();
    let mut stems = Stems::default();
    let mut found: Vec<Stretch> = Vec::new();
    // For each stem the stretch that may go on.
    let mut open: Vec<usize> = Vec::new();
    for (place, key) in (0..).zip(keys) {
        let (stem, number) = split(key);
        let known = usize::from(stems.place(&stem)?);
        let one = Stretch { stem, first: number, last: number, place };
        if let Some(goes_on) = open.get(known).and_then(|at| found.get_mut(*at))
            && goes_on.take(&one)
        {
            continue;
        }
        match open.get_mut(known) {
            Some(at) => *at = found.len(),
            None => open.push(found.len()),
        }
        found.push(one);
    }
    // Stretches are in memory and in the manifest: as many as keys of their own would take more.
    let few = found.len().checked_mul(KEYS_A_STEM).is_some_and(|least| least <= keys.len());
    (few && stems.pay(keys.len())).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::digest;

    #[test]
    fn a_key_is_its_stem_and_its_number() {
        let stem = stem_of(&digest(b"x"));
        for number in [0, 1, 255, 256, NUMBERS_END - 1] {
            assert_eq!(split(&numbered(&stem, number)), (stem, number));
        }
    }

    #[test]
    fn keys_in_a_row_are_few_stretches_and_digests_are_none() {
        let stems = [stem_of(&digest(b"x")), stem_of(&digest(b"y"))];
        let numbers: Vec<u64> = (5..500).chain(900..1000).chain(7..9).collect();
        let keys: Vec<Digest128> = numbers
            .iter()
            .map(|number| numbered(&stems[usize::from(number % 3 == 0)], *number))
            .collect();
        let found = stretches(&keys.concat()).unwrap();
        assert_eq!(found.len(), 5);
        for (place, (key, number)) in (0..).zip(keys.iter().zip(&numbers)) {
            let (stem, _) = split(key);
            let of = |s: &Stretch| (s.stem == stem).then(|| s.place_of(*number)).flatten();
            assert!(found.iter().filter_map(of).any(|found| found == place));
        }
        // Numbers that never follow one another are kept in full, whatever their stem.
        let odd: Vec<Digest128> = (0..500).map(|n| numbered(&stems[0], n * n)).collect();
        assert_eq!(stretches(&odd.concat()), None);
        let digests: Vec<Digest128> = (0..500_u64).map(|n| digest(&n.to_le_bytes())).collect();
        assert_eq!(stretches(&digests.concat()), None);
        assert_eq!(stretches(&digests[..3].concat()), None);
        assert_eq!(stretches(&[]), Some(Vec::new()));
    }
}
