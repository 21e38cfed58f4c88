//! Evidence as rows: what is said of each identifier, under keys that lie together, in parts and beside them.
//!
//! *Invariants:* evidence between two nodes stands twice, once at each. A part has what was said since the part before:
//! of rows with one key in several parts all count, and a merge makes one of them, so that the order in which they were
//! written never matters. *What it does not know:* which evidence counts.

use super::evidence::{EdgeKey, Kind};
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::column::{
    BlockView, CHUNK_BITS, ColumnView, ColumnWriter, Faults, KEYS, Layout, Stored, dense_block,
    release, sorted_between, write_fences, write_sorted,
};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// The row space of evidence.
pub(super) const EDGES: BlockKey = BlockKey::new(7, 0, 0, 0);
const KEY: u32 = 0;
const FIRST: u32 = 1;
const LAST: u32 = 2;
const COUNT: u32 = 3;
const STRENGTH: u32 = 4;
const WITHDRAWN: u32 = 5;
/// The columns beside the keys.
const COLUMNS: [u32; 5] = [FIRST, LAST, COUNT, STRENGTH, WITHDRAWN];

/// How often and when evidence was said, and how strongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The earliest event time, in microseconds; greater than `last` when it was only withdrawn.
    pub first: i64,
    /// The latest one; of a retraction the time up to which it reaches.
    pub last: i64,
    /// How often.
    pub count: u32,
    /// The strength that was said last, in thousandths; of several at one time the greatest.
    pub strength: i32,
    /// Whether it is withdrawn whenever it was or will be said.
    pub withdrawn: bool,
}

impl Told {
    /// Said once, at a time.
    pub fn once(time: i64, strength: i32) -> Told {
        Told { first: time, last: time, count: 1, strength, withdrawn: false }
    }

    /// Withdrawn, and never said.
    pub fn withdrawn() -> Told {
        Told { first: i64::MAX, last: i64::MIN, count: 0, strength: i32::MIN, withdrawn: true }
    }

    /// Takes in what was said of the same evidence elsewhere.
    pub fn add(&mut self, other: &Told) {
        self.strength = match self.last.cmp(&other.last) {
            std::cmp::Ordering::Less => other.strength,
            std::cmp::Ordering::Equal => self.strength.max(other.strength),
            std::cmp::Ordering::Greater => self.strength,
        };
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = self.count.saturating_add(other.count);
        self.withdrawn |= other.withdrawn;
    }

    fn columns(&self) -> [i64; 5] {
        let (count, strength) = (i64::from(self.count), i64::from(self.strength));
        [self.first, self.last, count, strength, i64::from(self.withdrawn)]
    }

    fn of_columns([first, last, count, strength, withdrawn]: [i64; 5]) -> Told {
        Told {
            first,
            last,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            strength: i32::try_from(strength).unwrap_or(i32::MIN),
            withdrawn: withdrawn != 0,
        }
    }
}

/// A piece of evidence, as one of its nodes sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Its place.
    pub key: EdgeKey,
    /// How often and when it was said.
    pub told: Told,
}

impl Edge {
    /// Its kind.
    pub fn kind(&self) -> Option<Kind> {
        self.key.kind()
    }
}

/// Evidence that is not in a part yet.
#[derive(Debug, Default)]
pub struct OpenEdges {
    rows: BTreeMap<EdgeKey, Told>,
    /// By node.
    stored: Stored,
}

impl OpenEdges {
    /// How many rows there are.
    pub fn changes(&self) -> usize {
        self.rows.len()
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        self.rows.len() * (size_of::<EdgeKey>() + size_of::<Told>() + 16)
    }

    /// Takes note that all parts are files, which tell of so many nodes.
    pub fn settled(&mut self, files: usize, nodes: u32) {
        self.stored.settled(files, nodes);
    }

    /// What is open is in a part in memory now: nothing is open any more.
    pub fn frozen(&mut self) -> OpenEdges {
        let mut stored = std::mem::take(&mut self.stored);
        stored.touch(self.rows.keys().map(|key| key.node().0));
        OpenEdges { stored, ..OpenEdges::default() }
    }

    /// The parts that may have keys of a range, which are those of one node.
    fn parts_of<'p>(&self, parts: &'p [Arc<Part>], range: &EdgeRange) -> &'p [Arc<Part>] {
        self.stored.of(parts, EdgeKey(range.start).node().0)
    }

    /// Forgets what is in a part now.
    pub fn recycle(&mut self) {
        self.rows.clear();
    }

    /// Takes note of what was said.
    pub fn say(&mut self, key: EdgeKey, told: &Told) {
        self.rows.entry(key).and_modify(|known| known.add(told)).or_insert(*told);
    }

    /// Writes what is open into a part.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        write_sorted(part, EDGES.field(KEY), self.rows.keys().map(|key| key.0))?;
        for (place, field) in COLUMNS.into_iter().enumerate() {
            let values = self.rows.values().filter_map(|told| told.columns().get(place).copied());
            write_column(part, field, (0..).zip(values))?;
        }
        Ok(())
    }
}

fn write_column(
    part: &mut PartWriter,
    field: u32,
    rows: impl Iterator<Item = (u32, i64)>,
) -> Result<()> {
    let mut column = ColumnWriter::new(part, EDGES.field(field), Layout::Integers, None);
    for (row, value) in rows {
        column.integer(row, value)?;
    }
    column.finish()
}

/// A range of keys of one node.
pub type EdgeRange = Range<u128>;

/// What was said under the keys of a range, in parts and open: each piece once, in order.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn edges_in(
    parts: &[Arc<Part>],
    open: Option<&OpenEdges>,
    range: &EdgeRange,
) -> Result<Vec<Edge>> {
    let mut found: Vec<Edge> = Vec::new();
    let mut sources = 0;
    for part in open.map_or(parts, |open| open.parts_of(parts, range)) {
        let before = found.len();
        rows_of_part(part, range, &mut found)?;
        sources += usize::from(found.len() > before);
    }
    if let Some(open) = open {
        let before = found.len();
        let rows = open.rows.range(EdgeKey(range.start)..EdgeKey(range.end));
        found.extend(rows.map(|(key, told)| Edge { key: *key, told: *told }));
        sources += usize::from(found.len() > before);
    }
    if sources > 1 {
        found.sort_by_key(|edge| edge.key);
        found.dedup_by(|next, kept| {
            let same = next.key == kept.key;
            if same {
                kept.told.add(&next.told);
            }
            same
        });
    }
    Ok(found)
}

fn rows_of_part(part: &Arc<Part>, range: &EdgeRange, found: &mut Vec<Edge>) -> Result<()> {
    let mut chunk: Option<(u32, Vec<BlockView>)> = None;
    sorted_between(part, EDGES.field(KEY), range, |key, row| {
        let number = row >> CHUNK_BITS;
        if chunk.as_ref().is_none_or(|(known, _)| *known != number) {
            let block = |field| {
                let block = dense_block(part, EDGES.field(field).chunk(number), Layout::Integers)?;
                block.ok_or_else(|| part.damaged())
            };
            chunk = Some((number, COLUMNS.into_iter().map(block).collect::<Result<_>>()?));
        }
        let slot = (row & 0xffff) as usize;
        let Some((_, blocks)) = &chunk else { return Ok(ControlFlow::Break(())) };
        let mut values = [0; 5];
        for (value, block) in values.iter_mut().zip(blocks) {
            if slot >= block.count() || !block.holds(slot) {
                return Err(part.damaged());
            }
            *value = block.integer(slot);
        }
        found.push(Edge { key: EdgeKey(key), told: Told::of_columns(values) });
        Ok(ControlFlow::Continue(()))
    })
}

/// Calls `take` with all that was said, in the order of its keys.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn all_edges(parts: &[Arc<Part>], mut take: impl FnMut(&Edge)) -> Result<()> {
    let faults = Faults::default();
    for (key, told) in Merging::new(parts, &faults) {
        take(&Edge { key: EdgeKey(key), told });
    }
    faults.check()
}

/// Merges the evidence of parts.
///
/// # Errors
/// `Corrupt` when a block does not hold; `Io`.
pub fn merge_edges(parts: &[Arc<Part>], writer: &mut PartWriter) -> Result<()> {
    if parts.iter().all(|part| part.keys_from(EDGES).next().is_none_or(|k| k.space != EDGES.space))
    {
        return Ok(());
    }
    let faults = Faults::default();
    let mut merging = Merging::new(parts, &faults);
    let mut fences = Vec::new();
    let mut rows: Vec<(u128, Told)> = Vec::new();
    for start in (0_u32..).step_by(1 << CHUNK_BITS) {
        rows.clear();
        rows.extend(merging.by_ref().take(1 << CHUNK_BITS));
        let Some((first, _)) = rows.first() else { break };
        fences.push(*first);
        let mut keys = ColumnWriter::new(writer, EDGES.field(KEY).form(KEYS), Layout::Wide, None);
        for (row, (key, _)) in (start..).zip(&rows) {
            keys.wide(row, *key)?;
        }
        keys.finish()?;
        for (place, field) in COLUMNS.into_iter().enumerate() {
            let values = rows.iter().filter_map(|(_, told)| told.columns().get(place).copied());
            write_column(writer, field, (start..).zip(values))?;
        }
        release(parts);
    }
    write_fences(writer, EDGES.field(KEY), fences)?;
    faults.check()
}

/// Reads the rows of parts in the order of their keys, each key once.
struct Merging<'p> {
    parts: &'p [Arc<Part>],
    faults: &'p Faults,
    keys: Vec<ColumnView>,
    columns: Vec<Vec<ColumnView>>,
    next: Vec<u32>,
    /// The key of the next row of each part.
    heads: Vec<Option<u128>>,
}

impl<'p> Merging<'p> {
    fn new(parts: &'p [Arc<Part>], faults: &'p Faults) -> Merging<'p> {
        let open = |key: BlockKey| {
            let view = |part| ColumnView::new(std::iter::once(part), key, None, faults).of_all();
            parts.iter().map(view).collect::<Vec<_>>()
        };
        let keys = open(EDGES.field(KEY).form(KEYS));
        let heads = keys.iter().map(|keys| keys.wide(0)).collect();
        let columns = COLUMNS.into_iter().map(|field| open(EDGES.field(field))).collect();
        Merging { parts, faults, keys, columns, next: vec![0; parts.len()], heads }
    }

    fn told(&self, part: usize, row: u32) -> Option<Told> {
        let mut values = [0; 5];
        for (value, columns) in values.iter_mut().zip(&self.columns) {
            *value = columns.get(part)?.integer(row)?;
        }
        Some(Told::of_columns(values))
    }
}

impl Iterator for Merging<'_> {
    type Item = (u128, Told);

    fn next(&mut self) -> Option<(u128, Told)> {
        let least = self.heads.iter().flatten().min().copied()?;
        let mut merged: Option<Told> = None;
        for (number, part) in self.parts.iter().enumerate() {
            if self.heads.get(number) != Some(&Some(least)) {
                continue;
            }
            let place = self.next.get_mut(number)?;
            let row = *place;
            *place += 1;
            let head = self.heads.get_mut(number)?;
            *head = self.keys.get(number)?.wide(row + 1);
            let Some(told) = self.told(number, row) else {
                // A key without the rest would be lost in silence.
                self.faults.note(part.damaged());
                return None;
            };
            match &mut merged {
                Some(known) => known.add(&told),
                None => merged = Some(told),
            }
        }
        Some((least, merged?))
    }
}
