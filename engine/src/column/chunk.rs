//! A block as the rows of a chunk: sets of rows and numbers in place, for what evaluates whole chunks.

use super::block::{BlockView, HEADER};
use super::write::Layout;
use crate::base::bits::Bits;

/// The values of a block as unsigned numbers in place: each value is the base plus its number.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    /// The numbers, little-endian; fewer than slots only when the width is 0.
    pub bytes: &'a [u8],
    /// Bytes of a number: 0 (all are the base), 1, 2, 4 or 8.
    pub width: u8,
    /// What is added to each; 0 for floats, whose numbers are their bits.
    pub base: i64,
}

impl BlockView {
    /// The numbers of integers of records, narrow decimals and floats; nothing for other layouts.
    pub fn numbers(&self) -> Option<Numbers<'_>> {
        let (width, base) = match self.layout() {
            Layout::Integers if !self.is_packed() => (self.width, self.base),
            Layout::Decimals if self.common_scale().is_some() => (self.width, self.base),
            Layout::Floats => (8, 0),
            _ => return None,
        };
        let bytes = self.slice(self.values, self.count * usize::from(width))?;
        Some(Numbers { bytes, width, base })
    }

    /// The first row, when rows follow one another.
    pub fn begins(&self) -> Option<u16> {
        if self.listed { None } else { u16::try_from(self.first).ok() }
    }

    /// The NULLs, a bit for each slot; nothing when there are none.
    pub fn null_bits(&self) -> Option<&[u8]> {
        self.slice(self.nulls?, self.count.div_ceil(8))
    }

    /// Adds the rows of the chunk that it tells of.
    pub fn tell(&self, rows: &mut Bits) {
        match self.begins() {
            Some(first) if self.count > 0 => {
                let last = usize::from(first) + self.count - 1;
                rows.insert_range(first, u16::try_from(last).unwrap_or(u16::MAX));
            }
            Some(_) => {}
            None => {
                let listed = self.slice(HEADER, self.count * 2).unwrap_or_default();
                for row in listed.as_chunks::<2>().0 {
                    rows.insert(u16::from_le_bytes(*row));
                }
            }
        }
    }

    /// The rows of the chunk whose slots are set in `slots`, which become rows: slots are places in this block.
    pub fn rows_of_slots(&self, slots: &mut Bits) {
        match self.begins() {
            Some(0) => {}
            Some(first) => shift_up(slots, first),
            None => {
                let mut rows = Bits::empty();
                slots.each(|slot| rows.insert(self.row(usize::from(slot)) as u16));
                slots.copy_from(&rows);
            }
        }
    }

    /// Makes `rows` the rows of the chunk that have a value.
    pub fn present_rows(&self, rows: &mut Bits) {
        rows.clear();
        match self.null_bits() {
            None => self.tell(rows),
            Some(nulls) => {
                if let Some(last) = self.count.checked_sub(1) {
                    rows.insert_range(0, u16::try_from(last).unwrap_or(u16::MAX));
                }
                and_not_bytes(rows, nulls);
                self.rows_of_slots(rows);
            }
        }
    }
}

/// Those of some rows that have a value, where so many rows follow one another from the first on and `nulls` has a bit
/// for each that is NULL.
pub fn known_rows(rows: &Bits, nulls: Option<&[u8]>, count: usize) -> Bits {
    let mut known = rows.clone();
    if let Some(nulls) = nulls {
        and_not_bytes(&mut known, nulls);
    }
    if let Ok(behind) = u16::try_from(count) {
        known.remove_range(behind, u16::MAX);
    }
    known
}

/// Takes the rows out that are set in bytes, a bit for each row from the first on.
pub fn and_not_bytes(rows: &mut Bits, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain(std::iter::once(&last));
    rows.0.iter_mut().zip(words).for_each(|(word, taken)| *word &= !u64::from_le_bytes(*taken));
}

/// Moves all rows up; those that would leave the chunk are lost.
fn shift_up(rows: &mut Bits, by: u16) {
    let (words, bits) = (usize::from(by / 64), u32::from(by % 64));
    let from = rows.clone();
    let word = |index: Option<usize>| index.and_then(|i| from.0.get(i)).copied().unwrap_or(0);
    for (index, place) in rows.0.iter_mut().enumerate() {
        let high = word(index.checked_sub(words)) << bits;
        let low = word(index.checked_sub(words + 1)).checked_shr(64 - bits).unwrap_or(0);
        *place = high | low;
    }
}

#[cfg(test)]
mod tests {
    use super::super::congruence::Rng;
    use super::*;

    #[test]
    fn rows_move_up_and_leave_as_single_rows_do() {
        let mut rng = Rng(7);
        for by in [0, 1, 63, 64, 65, 700, 65_535] {
            let mut rows = Bits::empty();
            let from: Vec<u16> = (0..300).map(|_| (rng.next() >> 40) as u16).collect();
            from.iter().for_each(|row| rows.insert(*row));
            let mut wanted = Bits::empty();
            from.iter().filter_map(|row| row.checked_add(by)).for_each(|row| wanted.insert(row));
            shift_up(&mut rows, by);
            assert!(rows == wanted, "{by}");
            let bytes: Vec<u8> = (0..1234).map(|_| (rng.next() >> 50) as u8).collect();
            let out = |row: u16| {
                let byte = bytes.get(usize::from(row / 8)).copied().unwrap_or(0);
                byte >> (row % 8) & 1 == 1
            };
            let mut left = rows.clone();
            and_not_bytes(&mut left, &bytes);
            let kept: Vec<u16> = rows.rows().filter(|row| !out(*row)).collect();
            assert_eq!(left.rows().collect::<Vec<_>>(), kept);
        }
    }
}
