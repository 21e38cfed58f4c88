//! Blocks that list their rows, with a place for each row of the chunk instead.
//!
//! *Why:* of a list a row is found by halves and a set of rows by going through all; what is asked of whole chunks
//! wants to find a row where it stands. *Invariant:* the values at rows are the same; rows that the block did not tell
//! of are NULL, so that it may stand only where no older block tells of them.

use super::CHUNK_BITS;
use super::block::{BlockView, HEADER};
use crate::base::error::Result;
use crate::base::part::{BlockKey, PartWriter};
use std::sync::Arc;

/// A list of fewer rows than one in so many of a chunk stays as it is: its places would take more memory than that
/// saves time.
const SPREAD: usize = 4;

impl BlockView {
    /// The block with a place for each row up to the last, when it lists many and has numbers in place.
    ///
    /// # Errors
    /// Whatever writing in memory may say.
    pub fn spread(&self) -> Result<Option<BlockView>> {
        if !self.listed || self.count < (1 << CHUNK_BITS) / SPREAD {
            return Ok(None);
        }
        let (Some(numbers), Some(header)) = (self.numbers(), self.slice(0, HEADER)) else {
            return Ok(None);
        };
        let width = usize::from(numbers.width);
        let rows = self.row(self.count - 1) as usize + 1;
        let nulls = rows.div_ceil(8);
        let mut bytes = vec![u8::MAX; HEADER + nulls];
        bytes.resize(HEADER + nulls + rows * width, 0);
        let (head, rest) = bytes.split_at_mut(HEADER);
        head.copy_from_slice(header);
        let count = u32::try_from(rows).unwrap_or(u32::MAX).to_le_bytes();
        for (place, byte) in [(1, 0), (2, 1)].into_iter().chain((4..8).zip(count)) {
            head.get_mut(place).into_iter().for_each(|at| *at = byte);
        }
        head.get_mut(8..12).into_iter().for_each(|first| first.fill(0));
        let (null_bits, values) = rest.split_at_mut(nulls);
        for slot in (0..self.count).filter(|slot| !self.is_null(*slot)) {
            let row = self.row(slot) as usize;
            null_bits.get_mut(row / 8).into_iter().for_each(|byte| *byte &= !(1 << (row % 8)));
            let to = values.get_mut(row * width..(row + 1) * width);
            let from = numbers.bytes.get(slot * width..(slot + 1) * width);
            to.zip(from).into_iter().for_each(|(to, from)| to.copy_from_slice(from));
        }
        let key = BlockKey::new(0, 0, 0, 0);
        let mut part = PartWriter::memory();
        part.put(key, &bytes)?;
        let block = Arc::new(part.into_memory(0)).block(key)?;
        Ok(block.and_then(BlockView::new))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, ColumnWriter, Layout};
    use super::*;
    use crate::base::bits::Bits;
    use crate::base::random::Rng;
    use crate::base::value::ValueType;
    use crate::column::block_of;

    #[test]
    fn a_block_with_places_has_the_values_of_its_list() {
        let (mut random, mut seen) = (Rng(31), 0);
        for round in 0..24 {
            let layout = [Layout::Integers, Layout::Floats, Layout::Decimals][round % 3];
            let key = BlockKey::new(1, 0, 0, 0);
            let mut writer = PartWriter::memory();
            let types = [ValueType::Integer, ValueType::Float, ValueType::Decimal];
            let mut column =
                ColumnWriter::new(&mut writer, key, layout, types.get(round % 3).copied());
            let share = 2 + random.below(5);
            let most = [1, 200, 60_000, 1 << 40][random.below(4)];
            for row in 0..65_536 - random.below(300) as u32 {
                if random.below(share) == 0 {
                    continue;
                }
                let number = random.below(most) as i64;
                let value = match random.below(9) {
                    0 => Cell::Null,
                    _ if layout == Layout::Integers => Cell::Integer(number),
                    _ if layout == Layout::Floats => Cell::Float(number as f64 / 8.0),
                    _ => Cell::Decimal(crate::base::number::Decimal {
                        coefficient: i128::from(number),
                        scale: 2,
                    }),
                };
                column.cell(row, value).unwrap();
            }
            column.finish().unwrap();
            let part = Arc::new(writer.into_memory(0));
            let listed = block_of(&part, key).unwrap().unwrap();
            let spread = listed.spread().unwrap();
            let many = listed.listed && listed.count >= 16_384;
            assert_eq!(spread.is_some(), many && listed.numbers().is_some());
            let Some(spread) = spread else { continue };
            seen += 1;
            assert_eq!(spread.begins(), Some(0));
            let (mut one, mut other) = (Bits::empty(), Bits::empty());
            listed.present_rows(&mut one);
            spread.present_rows(&mut other);
            assert!(one == other);
            one.each(|row| {
                let at = |view: &BlockView| {
                    let slot = view.slot(u32::from(row)).unwrap();
                    match layout {
                        Layout::Floats => view.float(slot).to_bits().cast_signed(),
                        _ => view.integer(slot),
                    }
                };
                assert_eq!(at(&listed), at(&spread), "{row}");
            });
        }
        assert!(seen > 5, "{seen}");
    }
}
