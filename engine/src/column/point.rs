//! Single rows of a column, from the newest part that tells of them: what the writer asks.

use super::CHUNK_BITS;
use super::block::{BlockView, block_of, tells_of};
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

/// The integers of sorted rows, from the newest part that tells of each: nothing for NULL, and for rows of which none
/// tells.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn integers_of(
    parts: &[Arc<Part>],
    column: BlockKey,
    sorted: &[u32],
) -> Result<Vec<Option<i64>>> {
    let mut found = Vec::with_capacity(sorted.len());
    for rows in sorted.chunk_by(|row, next| row >> CHUNK_BITS == next >> CHUNK_BITS) {
        let Some(chunk) = rows.first().map(|row| row >> CHUNK_BITS) else { continue };
        let mut blocks = Vec::new();
        for part in parts.iter().rev() {
            blocks.extend(block_of(part, column.chunk(chunk))?);
        }
        found.extend(rows.iter().map(|row| {
            let (block, slot) =
                blocks.iter().find_map(|block| Some((block, block.slot(row & 0xffff)?)))?;
            (!block.is_null(slot)).then(|| block.integer(slot))
        }));
    }
    Ok(found)
}

impl Point {
    /// The newest that parts tell of a row, if it is not NULL. Of large blocks no more is read than it takes.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find(parts: &[Arc<Part>], column: BlockKey, row: u32) -> Result<Option<Point>> {
        let key = column.chunk(row >> CHUNK_BITS);
        for part in parts.iter().rev() {
            let Some(begun) = part.begun(key, &sound::BLOCK)? else { continue };
            if !tells_of(begun.bytes(), row & 0xffff) {
                continue;
            }
            let block = BlockView::new(begun.block(part)).ok_or_else(|| part.damaged())?;
            if let Some(slot) = block.slot(row & 0xffff) {
                if !block.holds(slot) {
                    return Err(part.damaged());
                }
                return Ok((!block.is_null(slot)).then_some(Point { block, slot }));
            }
        }
        Ok(None)
    }

    /// Shows the block and the slot in it.
    pub fn show<T>(&self, see: impl FnOnce(&BlockView, usize) -> T) -> T {
        see(&self.block, self.slot)
    }

    /// The integer.
    pub fn integer(&self) -> i64 {
        self.block.integer(self.slot)
    }

    /// The number of 128 bits.
    pub fn wide(&self) -> u128 {
        self.block.wide(self.slot)
    }

    /// The integer as a number that is never negative.
    pub fn number(&self) -> u32 {
        self.block.number(self.slot)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.block.bytes(self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dir::{Dir, MemoryDir, write_all};
    use crate::base::number::Decimal;
    use crate::base::part::PartWriter;
    use crate::base::random::Rng;
    use crate::base::value::ValueType;
    use crate::column::Cell;
    use crate::column::keys::KeysView;
    use crate::column::{
        ColumnView, ColumnWriter, Faults, Layout, SortedKeys, find_key, write_keys, write_sorted,
    };

    const COLUMN: BlockKey = BlockKey::new(2, 0, 17, 0);
    const KEYED: BlockKey = BlockKey::new(2, 0, 18, 0);
    const SORTED: BlockKey = BlockKey::new(2, 0, 19, 0);
    const DECIMALS: BlockKey = BlockKey::new(2, 0, 20, 0);

    /// What columns, keys and ranges say of some rows is right, or nothing and a fault.
    fn say_no_wrong(part: &Arc<Part>, rows: &[Vec<u8>], keys: &[(u128, u32)], random: &mut Rng) {
        let faults = Faults::default();
        let bytes = ColumnView::new(std::iter::once(part), COLUMN, None, &faults);
        let decimals = ColumnView::new(std::iter::once(part), DECIMALS, None, &faults);
        for _ in 0..20 {
            let row = random.below(rows.len());
            match bytes.bytes(row as u32) {
                Some(found) => assert_eq!(found, rows[row]),
                None => assert!(faults.check().is_err(), "{row} is lost in silence"),
            }
            match decimals.cell(row as u32) {
                Cell::Decimal(found) => assert_eq!(found, decimal(row)),
                _ => assert!(faults.check().is_err(), "{row} is lost in silence"),
            }
        }
        let all = KeysView::new(std::slice::from_ref(part), KEYED);
        for count in (1..40).map(|round| round % 3) {
            let some: Vec<(u128, u32)> =
                (0..count).map(|_| keys[random.below(keys.len())]).collect();
            let asked: Vec<u128> = some.iter().map(|(key, _)| *key).collect();
            let mut found = vec![None; some.len()];
            let looked = all
                .as_ref()
                .map_err(|e| e.clone())
                .and_then(|all| all.find_together(&asked, &mut found));
            if looked.is_ok() {
                assert!(found.iter().zip(&some).all(|(row, (_, known))| *row == Some(*known)));
            }
        }
        let (first, last) = (random.below(keys.len()), random.below(keys.len()));
        let wanted = keys.get(first..last).unwrap_or_default();
        let mut between = Vec::new();
        let sorted = SortedKeys::open(part, SORTED).and_then(|sorted| {
            let range = keys[first].0..keys[last].0;
            let see = |key, row| {
                between.push((key, row));
                Ok(())
            };
            sorted.map_or(Err(part.damaged()), |sorted| sorted.between(&range, see))
        });
        if sorted.is_ok() {
            let places = (first as u32..).zip(wanted);
            assert!(between.into_iter().eq(places.map(|(place, (key, _))| (*key, place))));
        }
    }

    /// Decimals of two scales, so that each has its own.
    fn decimal(row: usize) -> Decimal {
        Decimal { coefficient: row as i128, scale: (row % 2) as u8 }
    }

    /// Rows of large blocks, of which pieces are read, are right or damaged, whatever is flipped.
    #[test]
    fn rows_of_damaged_blocks_are_right_or_refused() {
        let (dir, mut random) = (MemoryDir::new(), Rng(3));
        let rows: Vec<Vec<u8>> =
            (0..6_000).map(|row| vec![row as u8; 60 + random.below(40)]).collect();
        let mut keys: Vec<(u128, u32)> = (0..30_000_u32)
            .map(|row| ((random.below(usize::MAX) as u128) << 64 | 5, row))
            .collect();
        keys.sort_unstable();
        let mut writer = PartWriter::file(dir.append("p").unwrap());
        let mut column = ColumnWriter::new(&mut writer, COLUMN, Layout::Bytes, None);
        (0..).zip(&rows).for_each(|(row, bytes)| column.bytes(row, bytes).unwrap());
        column.finish().unwrap();
        let kind = Some(ValueType::Decimal);
        let mut column = ColumnWriter::new(&mut writer, DECIMALS, Layout::Decimals, kind);
        (0..rows.len()).for_each(|row| column.decimal(row as u32, decimal(row)).unwrap());
        column.finish().unwrap();
        write_sorted(&mut writer, SORTED, keys.iter().map(|(key, _)| *key)).unwrap();
        write_keys(&mut writer, KEYED, keys.len(), keys.iter().copied()).unwrap();
        let digest = writer.into_file(1).unwrap();
        let bytes = dir.read_at("p", 0, 10_000_000).unwrap();
        let mut refused = 0;
        for round in 0..300 {
            let mut damaged = bytes.clone();
            // One bit anywhere, or many where keys and values are, so that searches meet them on their way.
            let (bits, of) = match round % 2 {
                0 => (usize::from(round > 0), bytes.len()),
                _ => (200, bytes.len() * 3 / 4),
            };
            for _ in 0..bits {
                damaged[random.below(of)] ^= 1 << random.below(8);
            }
            let name = format!("p{round}");
            write_all(dir.append(&name).unwrap().as_ref(), &damaged).unwrap();
            let Ok(part) = Part::open(&dir, &name, &digest) else { continue };
            let parts = [Arc::new(part)];
            say_no_wrong(&parts[0], &rows, &keys, &mut random);
            for _ in 0..20 {
                let row = random.below(rows.len());
                match Point::find(&parts, COLUMN, row as u32) {
                    Ok(found) => assert_eq!(found.unwrap().bytes(), rows[row], "{round}: {row}"),
                    Err(_) => refused += 1,
                }
                let (key, row) = keys[random.below(keys.len())];
                match find_key(&parts, KEYED, key) {
                    Ok(found) => assert_eq!(found, Some(row), "{round}: {key}"),
                    Err(_) => refused += 1,
                }
                let other = find_key(&parts, KEYED, key ^ 2);
                assert!(other.is_err() || other == Ok(None), "{round}: {key}");
            }
            assert!(round > 0 || refused == 0);
            dir.remove(&name).unwrap();
        }
        assert!(refused > 100, "{refused} looks met the damage");
    }
}
