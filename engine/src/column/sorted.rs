//! Sorted keys of a part whose rows are their places: those of a range are found.

use super::block::BlockView;
use super::keys::{dense_block, fences_of};
use super::write::Layout;
use super::{CHUNK_BITS, KEYS};
use crate::base::error::{Error, Result};
use crate::base::part::{BlockKey, Part};
use crate::base::search::first_place_between;
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
            let ends = fence(chunk + 1).map(|greatest| (least, greatest));
            let first = match range.start <= least {
                true => 0,
                false => first_place_between((0, keys.count()), ends, range.start, false, at),
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
