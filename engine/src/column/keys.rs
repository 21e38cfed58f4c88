//! From a 128-bit key to a row: sorted keys in blocks of a chunk, found by the first key of each block.

use super::block::{BlockView, Near, dense_block};
use super::sound;
use super::view::{ColumnView, Faults};
use super::write::{ColumnWriter, Layout};
use super::{FENCES, FILTER, KEYS, ROWS, begins_chunk, release};
use crate::base::error::Result;
use crate::base::filter::{self, Probe};
use crate::base::part::{Block, BlockKey, Part, PartWriter};
use crate::base::search::{Guess, first_place};
use std::cell::Cell as Flag;
use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

fn view(part: &Arc<Part>, key: BlockKey, layout: Layout) -> Result<Option<BlockView>> {
    let Some(block) = part.sound_block(key, sound::block)? else { return Ok(None) };
    let view = BlockView::new(block).filter(|view| view.layout() == layout && view.is_dense());
    view.ok_or_else(|| part.damaged()).map(Some)
}

/// How far one looks behind the place of the key before, at first.
const NEAR: usize = 64;

/// How many keys of a block are less than one (or not greater, with `equal`).
fn lower(block: &BlockView, key: u128, equal: bool) -> usize {
    lower_from(block, 0, key, equal)
}

/// The same, of a key that is not less than the one before a place.
fn lower_from(block: &BlockView, from: usize, key: u128, equal: bool) -> usize {
    let before = |known: u128| known < key || (equal && known == key);
    let (mut low, mut high) = (from, block.count());
    // Many keys that are looked up in their order are near each other.
    if from > 0 {
        let mut step = NEAR;
        while low + step < high {
            if !before(block.wide(low + step)) {
                high = low + step;
                break;
            }
            low += step + 1;
            step *= 2;
        }
    }
    first_place((low, high), key, equal, |place| block.wide(place))
}

/// Fewer keys than these are found as quickly without a filter.
const FILTERED: usize = 64;

/// Keys are digests: half of their bits serve.
fn prefix_of(key: u128) -> u64 {
    (key >> 64) as u64
}

/// The keys of parts, opened for who looks for many of them one by one.
#[derive(Debug, Default)]
pub struct KeysView(Vec<PartKeys>);

/// The keys of a part.
#[derive(Debug)]
struct PartKeys {
    part: Arc<Part>,
    column: BlockKey,
    filter: Option<Block>,
    /// The first key of each chunk.
    fences: Vec<u128>,
    chunks: Vec<OnceLock<Chunk>>,
}

impl KeysView {
    /// Those of parts, in any order: a key is in one of them.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn new(parts: &[Arc<Part>], column: BlockKey) -> Result<KeysView> {
        let mut opened = Vec::new();
        for part in parts {
            opened.extend(PartKeys::open(part, column)?);
        }
        // Most keys are in the largest.
        opened.sort_by_key(|part| Reverse(part.fences.len()));
        Ok(KeysView(opened))
    }

    /// The row of a key.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find(&self, key: u128) -> Result<Option<u32>> {
        let probe = Probe::of(prefix_of(key));
        for part in &self.0 {
            if let Some(row) = part.find(key, &probe)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// The rows of those of some keys that have none yet.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn find_together(&self, keys: &[u128], found: &mut [Option<u32>]) -> Result<()> {
        let probed = |key: &u128| (*key, Probe::of(prefix_of(*key)));
        let keys: Vec<(u128, Probe)> = keys.iter().map(probed).collect();
        self.0.iter().try_for_each(|part| part.find_together(&keys, found))
    }
}

impl PartKeys {
    fn open(part: &Arc<Part>, column: BlockKey) -> Result<Option<PartKeys>> {
        let Some(fences) = fences_of(part, column)? else { return Ok(None) };
        let filter = filter_of(part, column)?;
        let chunks = fences.iter().map(|_| OnceLock::new()).collect();
        Ok(Some(PartKeys { part: Arc::clone(part), column, filter, fences, chunks }))
    }

    /// The row of a key.
    fn find(&self, key: u128, probe: &Probe) -> Result<Option<u32>> {
        if !passes(&self.part, self.filter.as_ref(), probe)? {
            return Ok(None);
        }
        let Some((chunk, guess)) = self.begin(key)? else { return Ok(None) };
        chunk.end(&self.part, guess)
    }

    /// The chunk that has a key, if any has it.
    fn begin(&self, key: u128) -> Result<Option<(&Chunk, Guess<u128>)>> {
        let place = self.fences.partition_point(|fence| *fence <= key).checked_sub(1);
        let Some((place, slot)) = place.and_then(|at| Some((at, self.chunks.get(at)?))) else {
            return Ok(None);
        };
        let chunk = match slot.get() {
            Some(known) => known,
            None => {
                let opened = Chunk::open(&self.part, self.column, place)?;
                slot.get_or_init(|| opened)
            }
        };
        let fence = |place: usize| self.fences.get(place).copied();
        let bounds = (fence(place).unwrap_or_default(), fence(place + 1).unwrap_or(u128::MAX));
        Ok(Some((chunk, Guess::new(key, chunk.keys.count(), bounds))))
    }

    /// The rows of those of some keys that have none yet. All keys take one step after another together: the memory
    /// that one waits for comes while others are looked at.
    fn find_together(&self, keys: &[(u128, Probe)], found: &mut [Option<u32>]) -> Result<()> {
        let mut waiting = Vec::with_capacity(keys.len());
        let wanted = || keys.iter().zip(&*found).filter(|(_, row)| row.is_none());
        if let Some(bits) = &self.filter {
            wanted().for_each(|((_, probe), _)| probe.bring_near(bits));
        }
        for ((key, probe), found) in keys.iter().zip(found).filter(|(_, row)| row.is_none()) {
            if passes(&self.part, self.filter.as_ref(), probe)?
                && let Some((chunk, guess)) = self.begin(*key)?
            {
                chunk.bring_near(&guess);
                waiting.push((chunk, guess, found));
            }
        }
        let sound = Flag::new(true);
        for _ in 0..STEPS {
            for (chunk, guess, _) in &mut waiting {
                chunk.step(guess, &sound);
            }
        }
        if !sound.get() {
            return Err(self.part.damaged());
        }
        for (chunk, guess, found) in waiting {
            *found = chunk.end(&self.part, guess)?;
        }
        Ok(())
    }
}

/// Steps that many keys take together: most are found by then, or a few places away.
pub(super) const STEPS: usize = 3;

/// The keys of a chunk, and their rows.
#[derive(Debug)]
struct Chunk {
    keys: BlockView,
    rows: BlockView,
}

impl Chunk {
    fn open(part: &Arc<Part>, column: BlockKey, chunk: usize) -> Result<Chunk> {
        let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
        let keys = dense_block(part, column.form(KEYS).chunk(chunk), Layout::Wide)?;
        let rows = dense_block(part, column.form(ROWS).chunk(chunk), Layout::Integers)?;
        let both = keys.zip(rows).filter(|(keys, rows)| keys.count() == rows.count());
        let (keys, rows) = both.ok_or_else(|| part.damaged())?;
        Ok(Chunk { keys, rows })
    }

    /// Takes one step towards a key, or, where that is found already, towards its row.
    fn step(&self, guess: &mut Guess<u128>, sound: &Flag<bool>) {
        let before = *guess;
        if let Some(place) = guess.step(|place| self.keys.sound_wide(place, sound)) {
            self.rows.bring_near(place, Near::Place);
            *guess = before;
        } else {
            self.bring_near(guess);
        }
    }

    /// Asks for the key that is looked at next.
    fn bring_near(&self, guess: &Guess<u128>) {
        if let Some(place) = guess.next() {
            self.keys.bring_near(place, Near::Place);
        }
    }

    /// The row of a key. No more is read than the way to it takes.
    fn end(&self, part: &Part, guess: Guess<u128>) -> Result<Option<u32>> {
        let sound = Flag::new(true);
        match guess.end(|place| self.keys.sound_wide(place, &sound)) {
            _ if !sound.get() => Err(part.damaged()),
            Some(place) if !self.rows.holds(place) => Err(part.damaged()),
            Some(place) => Ok(Some(self.rows.number(place))),
            None => Ok(None),
        }
    }
}

/// Whether a part may have a key. One that it does not have costs one look into its filter, which keeps writers of new
/// identifiers from touching all pages of all parts.
fn passes(part: &Part, filter: Option<&Block>, probe: &Probe) -> Result<bool> {
    let Some(bits) = filter else { return Ok(true) };
    if bits.holds(&probe.place_in(bits.len())) {
        Ok(probe.may_be_in(bits))
    } else {
        Err(part.damaged())
    }
}

/// The first key of each chunk, if a part has any keys.
pub(super) fn fences_of(part: &Arc<Part>, column: BlockKey) -> Result<Option<Vec<u128>>> {
    if !part.may_have(column.form(FENCES)) {
        return Ok(None);
    }
    let fences = view(part, column.form(FENCES), Layout::Wide)?;
    Ok(fences.map(|fences| (0..fences.count()).map(|chunk| fences.wide(chunk)).collect()))
}

fn filter_of(part: &Arc<Part>, column: BlockKey) -> Result<Option<Block>> {
    let begun = part.begun(column.form(FILTER), &filter::SOUNDNESS)?;
    Ok(begun.map(|bits| bits.block(part)))
}

/// The row of a key in one part.
fn find_in(
    part: &Arc<Part>,
    column: BlockKey,
    (key, probe): (u128, &Probe),
) -> Result<Option<u32>> {
    if !part.may_have(column.form(FENCES))
        || !passes(part, filter_of(part, column)?.as_ref(), probe)?
    {
        return Ok(None);
    }
    let Some(fences) = view(part, column.form(FENCES), Layout::Wide)? else { return Ok(None) };
    let Some(chunk) = lower(&fences, key, true).checked_sub(1) else { return Ok(None) };
    let next = (chunk + 1 < fences.count()).then(|| fences.wide(chunk + 1));
    let bounds = (fences.wide(chunk), next.unwrap_or(u128::MAX));
    let chunk = Chunk::open(part, column, chunk)?;
    chunk.end(part, Guess::new(key, chunk.keys.count(), bounds))
}

/// Keys that are looked up before the pages that they touched are let go of.
const HELD: usize = 256;

/// Gives the rows of sorted keys that have none yet, from the newest part that has each of them. Pages are let go of
/// behind some keys, and behind each first look at a block, which reads all of it: a load that looks up what it brings
/// never holds a whole index in memory.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn find_keys(
    parts: &[Arc<Part>],
    column: BlockKey,
    sorted: &[u128],
    found: &mut [Option<u32>],
) -> Result<()> {
    for part in parts.iter().rev() {
        let Some(fences) = view(part, column.form(FENCES), Layout::Wide)? else { continue };
        let bits = part.sound_block(column.form(FILTER), filter::is_one)?;
        let mut at_hand: Option<(u32, BlockView, BlockView, usize)> = None;
        let (mut fence, mut touched) = (0, 0);
        for (key, found) in sorted.iter().zip(found.iter_mut()).filter(|(_, row)| row.is_none()) {
            if bits.as_ref().is_some_and(|bits| !filter::may_hold(bits, prefix_of(*key))) {
                continue;
            }
            fence = lower_from(&fences, fence, *key, true);
            let Some(chunk) = fence.checked_sub(1).and_then(|n| u32::try_from(n).ok()) else {
                continue;
            };
            if at_hand.as_ref().is_none_or(|(known, ..)| *known != chunk) {
                if touched >= HELD {
                    part.release();
                    touched = 0;
                }
                if !part.is_believed(column.form(KEYS).chunk(chunk)) {
                    touched = HELD;
                }
                let keys = view(part, column.form(KEYS).chunk(chunk), Layout::Wide)?;
                let rows = view(part, column.form(ROWS).chunk(chunk), Layout::Integers)?;
                let both = keys.zip(rows).filter(|(keys, rows)| keys.count() == rows.count());
                let (keys, rows) = both.ok_or_else(|| part.damaged())?;
                at_hand = Some((chunk, keys, rows, 0));
            }
            let Some((_, keys, rows, from)) = &mut at_hand else { continue };
            touched += 1;
            *from = lower_from(keys, *from, *key, false);
            if *from < keys.count() && keys.wide(*from) == *key {
                *found = Some(rows.number(*from));
            }
        }
        part.release();
    }
    Ok(())
}

/// The row of a key, from the newest part that has it.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn find_key(parts: &[Arc<Part>], column: BlockKey, key: u128) -> Result<Option<u32>> {
    let probe = Probe::of(prefix_of(key));
    for part in parts.iter().rev() {
        if let Some(row) = find_in(part, column, (key, &probe))? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Writes keys alone, sorted; the row of a key is its place.
///
/// # Errors
/// `Io`.
pub fn write_sorted(
    part: &mut PartWriter,
    column: BlockKey,
    sorted: impl Iterator<Item = u128>,
) -> Result<()> {
    let mut fences = Vec::new();
    let mut keys = ColumnWriter::new(part, column.form(KEYS), Layout::Wide, None);
    for (place, key) in (0_u32..).zip(sorted) {
        if begins_chunk(place) {
            fences.push(key);
        }
        keys.wide(place, key)?;
    }
    keys.finish()?;
    write_fences(part, column, fences)
}

/// Writes the first key of each chunk of sorted keys. All of them are one block however many there are: 16 bytes for
/// 65,536 keys.
///
/// # Errors
/// `Io`.
pub fn write_fences(part: &mut PartWriter, column: BlockKey, fences: Vec<u128>) -> Result<()> {
    let mut writer = ColumnWriter::new(part, column.form(FENCES), Layout::Wide, None);
    for (place, fence) in (0_u32..).zip(fences) {
        writer.wide(place, fence)?;
    }
    writer.finish()
}

/// Writes keys, sorted, with their rows; `count` is how many there are.
///
/// # Errors
/// `Io`.
pub fn write_keys(
    part: &mut PartWriter,
    column: BlockKey,
    count: usize,
    pairs: impl Iterator<Item = (u128, u32)>,
) -> Result<()> {
    let mut bits = vec![0; if count < FILTERED { 0 } else { filter::bytes_for(count) }];
    let mut fences = Vec::new();
    let mut rows = Vec::new();
    let mut keys = ColumnWriter::new(part, column.form(KEYS), Layout::Wide, None);
    for (place, (key, row)) in (0_u32..).zip(pairs) {
        if begins_chunk(place) {
            fences.push(key);
        }
        keys.wide(place, key)?;
        rows.push(row);
        if !bits.is_empty() {
            filter::add(&mut bits, prefix_of(key));
        }
    }
    keys.finish()?;
    if !bits.is_empty() {
        part.put(column.form(FILTER), &bits)?;
    }
    let mut writer = ColumnWriter::new(part, column.form(ROWS), Layout::Integers, None);
    for (place, row) in (0_u32..).zip(rows) {
        writer.integer(place, i64::from(row))?;
    }
    writer.finish()?;
    write_fences(part, column, fences)
}

/// Merges the keys of parts; a key is in one of them only.
///
/// # Errors
/// `Corrupt` when a block does not hold; `Io`.
pub fn merge_keys(parts: &[Arc<Part>], column: BlockKey, writer: &mut PartWriter) -> Result<()> {
    let faults = Faults::default();
    let open = |form| {
        let view = |part| {
            ColumnView::new(std::iter::once(part), column.form(form), None, &faults).of_all()
        };
        parts.iter().map(view).collect::<Vec<_>>()
    };
    let (keys, rows) = (open(KEYS), open(ROWS));
    let mut next = vec![0_u32; parts.len()];
    let merged = std::iter::from_fn(|| {
        let heads = keys.iter().zip(&next).enumerate();
        let least = heads.filter_map(|(n, (keys, row))| Some((keys.wide(*row)?, n))).min();
        let (key, number) = least?;
        let place = next.get_mut(number)?;
        *place += 1;
        let row = rows.get(number)?.number(*place - 1)?;
        if begins_chunk(*place) {
            release(parts);
        }
        Some((key, row))
    });
    let mut count = 0;
    for keys in &keys {
        for chunk in 0..keys.chunks() {
            count += keys.tiers(chunk).iter().map(|tier| tier.view.count()).sum::<usize>();
            // The first look at a block reads all of it.
            release(parts);
        }
    }
    let mut merged = merged.peekable();
    if merged.peek().is_some() {
        write_keys(writer, column, count, merged)?;
    }
    release(parts);
    faults.check()
}

#[cfg(test)]
mod tests {
    use super::super::congruence::Rng;
    use super::*;
    use std::collections::BTreeSet;

    /// Keys that are spread evenly, stand in clumps far from each other, or differ in their last bits alone.
    fn keys(rng: &mut Rng, shape: u64, count: usize) -> BTreeSet<u128> {
        let mut keys = BTreeSet::new();
        while keys.len() < count {
            let (high, low) = (rng.next(), rng.next());
            keys.insert(match shape {
                0 => u128::from(high) << 64 | u128::from(low),
                1 => u128::from(high % 5) << (high % 128) | u128::from(low % 4096),
                2 => u128::MAX - u128::from(low % 100_000),
                _ => u128::from(keys.len() as u64) << 96 | u128::from(low % 3),
            });
        }
        keys
    }

    #[test]
    fn a_guess_finds_what_a_look_at_all_finds() {
        let mut rng = Rng(11);
        let column = BlockKey::new(1, 0, 0, 0);
        for round in 0..60 {
            let count = [1, 2, NEAR, NEAR + 1, 700, 3000][round % 6];
            let sorted: Vec<u128> = keys(&mut rng, round as u64 % 4, count).into_iter().collect();
            let mut writer = PartWriter::memory();
            write_sorted(&mut writer, column, sorted.iter().copied()).unwrap();
            let part = Arc::new(writer.into_memory(0));
            let block = view(&part, column.form(KEYS), Layout::Wide).unwrap().unwrap();
            let near = |key: &u128| [key.saturating_sub(1), *key, key.saturating_add(1)];
            let random = (0..200).map(|_| u128::from(rng.next()) << 64 | u128::from(rng.next()));
            let random: Vec<u128> = random.chain([0, u128::MAX]).collect();
            for key in sorted.iter().flat_map(near).chain(random) {
                let (less, not_greater) = (lower(&block, key, false), lower(&block, key, true));
                assert_eq!(less, sorted.iter().filter(|known| **known < key).count(), "{round}");
                assert_eq!(not_greater, sorted.iter().filter(|known| **known <= key).count());
            }
        }
    }
}
