//! Sorted keys of a part whose rows are their places: those of a range are found.

use super::block::{BlockView, Near, dense_block};
use super::keys::{STEPS, fences_of};
use super::write::Layout;
use super::{CHUNK_BITS, KEYS};
use crate::base::error::{Error, Result};
use crate::base::part::{BlockKey, Part};
use crate::base::search::Guess;
use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// The sorted keys of a part.
#[derive(Debug)]
pub struct SortedKeys {
    part: Arc<Part>,
    column: BlockKey,
    /// The first key of each chunk.
    fences: Vec<u128>,
    chunks: Vec<OnceLock<BlockView>>,
}

impl SortedKeys {
    /// Those that a part has in a column, if any.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn open(part: &Arc<Part>, column: BlockKey) -> Result<Option<SortedKeys>> {
        let Some(fences) = fences_of(part, column)? else { return Ok(None) };
        let chunks = fences.iter().map(|_| OnceLock::new()).collect();
        Ok(Some(SortedKeys { part: Arc::clone(part), column, fences, chunks }))
    }

    /// What is said when the part does not hold.
    pub fn damaged(&self) -> Error {
        self.part.damaged()
    }

    fn chunk(&self, place: usize) -> Result<Option<&BlockView>> {
        let Some(slot) = self.chunks.get(place) else { return Ok(None) };
        if let Some(known) = slot.get() {
            return Ok(Some(known));
        }
        let chunk = u32::try_from(place).unwrap_or(u32::MAX);
        let keys = dense_block(&self.part, self.column.form(KEYS).chunk(chunk), Layout::Wide)?;
        let keys = keys.ok_or_else(|| self.damaged())?;
        Ok(Some(slot.get_or_init(|| keys)))
    }

    /// Where a key should be in a chunk.
    fn guess(&self, chunk: usize, keys: &BlockView, key: u128) -> Guess<u128> {
        let fence = |chunk: usize| self.fences.get(chunk).copied();
        // Keys are not spread up to the greatest that there could be.
        let greatest = || keys.count().checked_sub(1).map_or(u128::MAX, |last| keys.wide(last));
        let ends = (fence(chunk).unwrap_or_default(), fence(chunk + 1).unwrap_or_else(greatest));
        Guess::new(key, keys.count(), ends)
    }

    /// Asks for the memory that is looked at on the way to some keys, all steps of one after another together; gives
    /// about where each is.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn bring_near(&self, wanted: impl Iterator<Item = u128>) -> Result<Vec<u32>> {
        let mut waiting = Vec::new();
        for key in wanted {
            let chunk = self.fences.partition_point(|fence| *fence <= key).saturating_sub(1);
            if let Some(keys) = self.chunk(chunk)? {
                waiting.push((chunk, keys, self.guess(chunk, keys, key)));
            }
        }
        let near = |keys: &BlockView, guess: &Guess<u128>| {
            guess.next().into_iter().for_each(|place| keys.bring_near(place, Near::Place));
        };
        waiting.iter().for_each(|(_, keys, guess)| near(keys, guess));
        for _ in 0..STEPS {
            for (_, keys, guess) in &mut waiting {
                if guess.step(|place| keys.wide(place)).is_none() {
                    near(keys, guess);
                }
            }
        }
        let row = |(chunk, _, guess): (usize, &BlockView, Guess<u128>)| {
            let (chunk, place) = (u32::try_from(chunk).ok()?, u32::try_from(guess.next()?).ok()?);
            Some(chunk << CHUNK_BITS | place)
        };
        Ok(waiting.into_iter().filter_map(row).collect())
    }

    /// Calls `take` with each key that lies in a range, and its row, in order. No more is read than the way to them
    /// takes.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold; what `take` fails with.
    pub fn between(
        &self,
        range: &Range<u128>,
        mut take: impl FnMut(u128, u32) -> Result<()>,
    ) -> Result<()> {
        let fence = |chunk: usize| self.fences.get(chunk).copied();
        let before = self.fences.partition_point(|fence| *fence <= range.start).saturating_sub(1);
        for chunk in before..self.fences.len() {
            let Some(least) = fence(chunk).filter(|fence| *fence < range.end) else {
                return Ok(());
            };
            let Some(keys) = self.chunk(chunk)? else { return Ok(()) };
            let sound = Cell::new(true);
            let at = |place: usize| keys.sound_wide(place, &sound);
            let first = match range.start <= least {
                true => 0,
                false => self.guess(chunk, keys, range.start).lower(at),
            };
            for slot in first..keys.count() {
                let key = at(slot);
                if !sound.get() {
                    return Err(self.damaged());
                }
                if key >= range.end {
                    return Ok(());
                }
                let (number, slot) = (u32::try_from(chunk), u32::try_from(slot));
                take(key, number.unwrap_or(u32::MAX) << CHUNK_BITS | slot.unwrap_or(u32::MAX))?;
            }
            if !sound.get() {
                return Err(self.damaged());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::part::PartWriter;
    use crate::base::random::Rng;
    use crate::column::keys::{KeysView, find_key, write_keys, write_sorted};
    use std::collections::BTreeMap;

    const COLUMN: BlockKey = BlockKey::new(1, 0, 7, 0);
    const PLACES: BlockKey = BlockKey::new(1, 0, 8, 0);

    /// Keys of several chunks and parts: in memory, where all is whole; spread evenly, or in clumps.
    #[test]
    fn keys_of_many_chunks_are_found_one_by_one_and_together() {
        let mut random = Rng(23);
        for clumps in [false, true] {
            let mut rows: BTreeMap<u128, u32> = BTreeMap::new();
            let mut parts = Vec::new();
            for count in [200_000_u32, 70_000, 90, 1] {
                let first = rows.len() as u32;
                let mut own: BTreeMap<u128, u32> = BTreeMap::new();
                while own.len() < count as usize {
                    let high = random.below(usize::MAX) as u128;
                    let high = if clumps { ((high % 7) << 40) | (high % (1 << 30)) } else { high };
                    let key = high << 64 | random.below(4) as u128;
                    if !rows.contains_key(&key) {
                        own.entry(key).or_insert(first + random.below(1 << 20) as u32);
                    }
                }
                let mut writer = PartWriter::memory();
                let pairs = own.iter().map(|(key, row)| (*key, *row));
                write_keys(&mut writer, COLUMN, own.len(), pairs).unwrap();
                write_sorted(&mut writer, PLACES, own.keys().copied()).unwrap();
                let part = Arc::new(writer.into_memory(0));
                ranges_are_those_of(&own, &part, &mut random);
                rows.extend(own);
                parts.push(part);
            }
            let view = KeysView::new(&parts, COLUMN).unwrap();
            let fences: Vec<u128> =
                parts.iter().flat_map(|part| fences_of(part, COLUMN).unwrap().unwrap()).collect();
            let all: Vec<u128> = rows.keys().copied().collect();
            let known = (0..3_000).map(|_| all[random.below(all.len())]).chain(fences);
            let near = known.flat_map(|key| [key.saturating_sub(1), key, key.saturating_add(1)]);
            let asked: Vec<u128> = near.chain([0, 1, u128::MAX - 1, u128::MAX]).collect();
            let mut together = vec![None; asked.len()];
            view.find_together(&asked, &mut together).unwrap();
            for (key, together) in asked.iter().zip(together) {
                let row = rows.get(key).copied();
                assert_eq!(together, row, "{key:x}");
                assert_eq!(view.find(*key).unwrap(), row, "{key:x}");
                assert_eq!(find_key(&parts, COLUMN, *key).unwrap(), row, "{key:x}");
            }
        }
    }

    /// The keys of a range are those that a plain map has there, each with its place.
    fn ranges_are_those_of(own: &BTreeMap<u128, u32>, part: &Arc<Part>, random: &mut Rng) {
        let all: Vec<u128> = own.keys().copied().collect();
        let sorted = SortedKeys::open(part, PLACES).unwrap().unwrap();
        for round in 0..300_usize {
            let start = match round {
                0 => 0,
                // On a border of chunks, and beside it.
                1..9 => all[(round / 3 * 65_536 + round % 3).min(all.len() - 1)].saturating_sub(1),
                _ => all[random.below(all.len())].saturating_add(random.below(3) as u128),
            };
            let first = all.partition_point(|key| *key < start);
            let last = (first + random.below(90)).min(all.len() - 1);
            let end = all[last].saturating_add(random.below(2) as u128).max(start);
            let mut found = Vec::new();
            let see = |key, row| {
                found.push((key, row as usize));
                Ok(())
            };
            sorted.between(&(start..end), see).unwrap();
            let plain = (first..).zip(&all[first..]).take_while(|(_, key)| **key < end);
            assert!(found.into_iter().eq(plain.map(|(place, key)| (*key, place))), "{start:x}");
        }
    }
}
