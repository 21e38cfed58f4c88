//! Where the blocks of a part lie: one look at a table leads to the blocks of a column, which follow one another.
//!
//! *Invariants:* entries are sorted by key, so those of one column stand together in the order of their chunks; the
//! answer is that of a search through all of them. *Why:* the writer asks several parts for each row that it reads, and
//! most of them do not have it.

use super::part::BlockKey;
use bincode::{Decode, Encode};
use std::sync::atomic::AtomicU8;

/// A block in the directory of a part.
#[derive(Debug, Clone, Copy, Encode, Decode)]
pub(super) struct Entry {
    pub key: BlockKey,
    pub offset: u64,
    pub length: u64,
    pub crc: u32,
}

/// Blocks of so many bytes and more have a checksum for each piece, so that a look at one row of them reads no more
/// than a piece.
pub(super) const PIECED_MIN: u64 = 16 << 10;
/// Bytes of a piece; of the last one of a block fewer. A page, which is what a look at a mapped file costs anyway.
pub(super) const PIECE: u64 = 4 << 10;

/// How many pieces a block of so many bytes has.
pub(super) fn pieces_of(length: u64) -> u64 {
    if length < PIECED_MIN { 0 } else { length.div_ceil(PIECE) }
}

/// A block, and how far it is believed.
#[derive(Debug)]
pub(super) struct Held {
    pub entry: Entry,
    pub state: AtomicU8,
    /// The number of its first piece among those of all blocks.
    pub pieces: u32,
}

/// The entries of one column.
#[derive(Debug, Clone, Copy)]
struct Column {
    key: u128,
    start: u32,
    end: u32,
}

/// The blocks of a part.
#[derive(Debug)]
pub(super) struct BlockTable {
    entries: Vec<Held>,
    columns: Vec<Column>,
    /// For each hash one more than the number of a column; nought where there is none.
    slots: Vec<u32>,
    /// By form, the last one for all others: a bit for each space that has it, the last one for all others.
    forms: [u32; FORMS],
}

const FORMS: usize = 16;

/// The form and the bit of a space that a key is noted at.
fn form_of(key: BlockKey) -> (usize, u32) {
    (usize::from(key.form).min(FORMS - 1), 1 << u32::from(key.space).min(31))
}

/// A column as a number: equal for all its chunks.
fn column_of(key: BlockKey) -> u128 {
    let BlockKey { space, number, field, form, .. } = key;
    u128::from(space) << 72 | u128::from(number) << 40 | u128::from(field) << 8 | u128::from(form)
}

/// Where a column begins to be looked for among so many slots, a power of two.
fn slot_of(column: u128, slots: usize) -> usize {
    let mixed = ((column >> 40) as u64 ^ (column as u64).rotate_left(29))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize & (slots - 1)
}

impl BlockTable {
    /// The table of entries that are sorted by key; `state` is how far all of them are believed.
    pub fn new(entries: Vec<Entry>, state: u8) -> BlockTable {
        let mut columns: Vec<Column> = Vec::new();
        for (place, entry) in (0_u32..).zip(&entries) {
            let key = column_of(entry.key);
            match columns.last_mut() {
                Some(last) if last.key == key => last.end = place + 1,
                _ => columns.push(Column { key, start: place, end: place + 1 }),
            }
        }
        let mut slots = vec![0_u32; (columns.len() * 2).next_power_of_two()];
        for (number, column) in (1_u32..).zip(&columns) {
            let mut at = slot_of(column.key, slots.len());
            // There are twice as many slots as columns: one of them is free.
            while slots.get(at).is_some_and(|slot| *slot != 0) {
                at = (at + 1) % slots.len();
            }
            slots.get_mut(at).into_iter().for_each(|slot| *slot = number);
        }
        let mut forms = [0; FORMS];
        for entry in &entries {
            let (form, space) = form_of(entry.key);
            forms.get_mut(form).into_iter().for_each(|spaces| *spaces |= space);
        }
        let mut next = 0_u64;
        let held = |entry: Entry| {
            let pieces = u32::try_from(next).unwrap_or(u32::MAX);
            next += pieces_of(entry.length);
            Held { entry, state: AtomicU8::new(state), pieces }
        };
        BlockTable { entries: entries.into_iter().map(held).collect(), columns, slots, forms }
    }

    /// Whether there may be a block of the space and form of a key.
    #[inline]
    pub fn may_have(&self, key: BlockKey) -> bool {
        let (form, space) = form_of(key);
        self.forms.get(form).is_some_and(|spaces| spaces & space != 0)
    }

    /// The last chunk of the column of a key, if there is one.
    pub fn last_chunk(&self, key: BlockKey) -> Option<u32> {
        self.column(key)?.last().map(|held| held.entry.key.chunk)
    }

    /// The chunks of the column of a key, in order.
    pub fn chunks(&self, key: BlockKey) -> impl Iterator<Item = u32> {
        self.column(key).unwrap_or_default().iter().map(|held| held.entry.key.chunk)
    }

    /// The blocks of a column, in the order of their chunks.
    #[inline]
    fn column(&self, key: BlockKey) -> Option<&[Held]> {
        let wanted = column_of(key);
        let mut at = slot_of(wanted, self.slots.len());
        let column = loop {
            let number = self.slots.get(at)?.checked_sub(1)?;
            let column = self.columns.get(number as usize)?;
            if column.key == wanted {
                break column;
            }
            at = (at + 1) % self.slots.len();
        };
        self.entries.get(column.start as usize..column.end as usize)
    }

    /// A block, if there is one.
    #[inline]
    pub fn find(&self, key: BlockKey) -> Option<&Held> {
        let chunks = self.column(key)?;
        // Chunks mostly follow one another from the first on.
        let first = chunks.first()?.entry.key.chunk;
        let guess = chunks.get(key.chunk.checked_sub(first)? as usize);
        if let Some(held) = guess.filter(|held| held.entry.key.chunk == key.chunk) {
            return Some(held);
        }
        let found = chunks.binary_search_by_key(&key.chunk, |held| held.entry.key.chunk);
        found.ok().and_then(|place| chunks.get(place))
    }

    /// How far each block is believed.
    pub fn states(&self) -> impl Iterator<Item = &AtomicU8> {
        self.entries.iter().map(|held| &held.state)
    }

    /// All blocks, in the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|held| &held.entry)
    }

    /// The keys from one on, in order.
    pub fn keys_from(&self, first: BlockKey) -> impl Iterator<Item = BlockKey> {
        let start = self.entries.partition_point(|held| held.entry.key < first);
        self.entries.get(start..).unwrap_or_default().iter().map(|held| held.entry.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_found_is_what_a_search_finds() {
        let mut state = 7_u64;
        let mut below = |most: u32| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as u32 % most
        };
        for count in [0, 1, 2, 9, 300] {
            let mut key = |_| {
                let space = u8::try_from(below(4)).unwrap();
                let form = u8::try_from(below(3)).unwrap();
                BlockKey::new(space, below(3) << 20, below(9), form).chunk(below(6))
            };
            let keys: BTreeSet<BlockKey> = (0..count).map(&mut key).collect();
            let entry = |key: &BlockKey| Entry { key: *key, offset: 0, length: 0, crc: 0 };
            let table = BlockTable::new(keys.iter().map(entry).collect(), 0);
            let asked: Vec<BlockKey> = (0..2000).map(&mut key).chain(keys.clone()).collect();
            for key in asked {
                let found = table.find(key).map(|held| held.entry.key);
                assert_eq!(found, keys.get(&key).copied(), "{key:?} of {count}");
                assert!(table.keys_from(key).eq(keys.range(key..).copied()));
            }
        }
    }
}
