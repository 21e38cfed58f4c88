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
    use crate::base::part::PartWriter;
    use crate::base::random::Rng;
    use crate::column::{ColumnWriter, Layout, find_key, write_keys};

    const COLUMN: BlockKey = BlockKey::new(2, 0, 17, 0);
    const KEYED: BlockKey = BlockKey::new(2, 0, 18, 0);

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
        write_keys(&mut writer, KEYED, keys.len(), keys.iter().copied()).unwrap();
        let digest = writer.into_file(1).unwrap();
        let bytes = dir.read_at("p", 0, 10_000_000).unwrap();
        let mut refused = 0;
        for round in 0..300 {
            let mut damaged = bytes.clone();
            if round > 0 {
                let place = random.below(bytes.len());
                damaged[place] ^= 1 << random.below(8);
            }
            let name = format!("p{round}");
            write_all(dir.append(&name).unwrap().as_ref(), &damaged).unwrap();
            let Ok(part) = Part::open(&dir, &name, &digest) else { continue };
            let parts = [Arc::new(part)];
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
