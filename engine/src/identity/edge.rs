//! Evidence as rows: what is said of each identifier, under keys that lie together, in parts and beside them.
//!
//! *Invariants:* evidence between two nodes stands twice, once at each. A part has what was said since the part before:
//! of rows with one key in several parts all count, and a merge makes one of them, so that the order in which they were
//! written never matters. *What it does not know:* which evidence counts.

use super::evidence::{EdgeKey, Kind};
use super::recent::{Recent, put, put_range};
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::limits::RECENT_EDGES_MAX;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::column::{
    CHUNK_BITS, ColumnView, ColumnWriter, Faults, KEYS, Layout, Near, SortedKeys, release,
    write_fences, write_sorted,
};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
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
    /// What stands in parts that are no files yet, in one place; nothing where that would be too much, or is not known.
    recent: Option<Recent>,
    /// The files that there were when all parts were files last.
    files: EdgeFiles,
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

    /// Takes note that all parts are files.
    pub fn settled(&mut self, files: &[Arc<Part>]) {
        self.files = EdgeFiles::of(files);
        self.recent = Some(Recent::default());
    }

    /// What is open is in a part in memory now: nothing is open any more.
    pub fn frozen(&mut self) -> OpenEdges {
        let mut next = std::mem::take(self);
        let rows = std::mem::take(&mut next.rows);
        if let Some(recent) = &mut next.recent {
            rows.into_iter().for_each(|(key, told)| recent.put(key, &told));
        }
        if next.recent.as_ref().is_some_and(|recent| recent.len() > RECENT_EDGES_MAX) {
            next.recent = None;
        }
        next
    }

    /// Forgets what is in a part now.
    pub fn recycle(&mut self) {
        self.rows.clear();
    }

    /// Takes note of what was said.
    pub fn say(&mut self, key: EdgeKey, told: &Told) {
        put(&mut self.rows, key, told);
    }

    /// Asks for the memory of files that tells what was said of some nodes.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn bring_near(&self, nodes: &[NodeId]) -> Result<()> {
        for part in self.files.opened()? {
            let starts = nodes.iter().map(|node| EdgeKey::all(*node).start);
            for row in part.keys.bring_near(starts)? {
                part.columns.iter().for_each(|column| column.bring_near(row, Near::Place));
            }
        }
        Ok(())
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
    let mut count = |found: &Vec<Edge>, before: usize| sources += usize::from(found.len() > before);
    match open.and_then(|open| Some((open, open.recent.as_ref()?))) {
        Some((open, recent)) => {
            for part in open.files.opened()? {
                let before = found.len();
                part.rows_of(range, &mut found)?;
                count(&found, before);
            }
            let before = found.len();
            recent.range(range, &mut found);
            count(&found, before);
        }
        None => {
            for part in parts {
                let before = found.len();
                if let Some(part) = PartEdges::open(part)? {
                    part.rows_of(range, &mut found)?;
                }
                count(&found, before);
            }
        }
    }
    if let Some(open) = open {
        let before = found.len();
        put_range(&open.rows, range, &mut found);
        count(&found, before);
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

/// Up to when what links a node to another is retracted, among all that was said of the node.
pub(super) fn pair_until(edges: &[Edge], other: NodeId) -> Option<i64> {
    let pairs = edges
        .iter()
        .take_while(|edge| matches!(edge.kind(), Some(Kind::PairUntil | Kind::NodeUntil)));
    let of_pair = |edge: &&Edge| edge.kind() == Some(Kind::PairUntil) && edge.key.other() == other;
    pairs.filter(of_pair).map(|edge| edge.told.last).max()
}

/// Up to when all that links a node is retracted, among what was said of it.
pub(super) fn node_until(edges: &[Edge]) -> Option<i64> {
    let of_node = edges.iter().filter(|edge| edge.kind() == Some(Kind::NodeUntil));
    of_node.map(|edge| edge.told.last).max()
}

/// The evidence of files, opened when it is first looked at.
#[derive(Debug, Default)]
struct EdgeFiles {
    files: Vec<Arc<Part>>,
    opened: OnceCell<Vec<PartEdges>>,
}

impl EdgeFiles {
    fn of(files: &[Arc<Part>]) -> EdgeFiles {
        EdgeFiles { files: files.to_vec(), opened: OnceCell::new() }
    }

    fn opened(&self) -> Result<&[PartEdges]> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let mut opened = Vec::new();
        for file in &self.files {
            opened.extend(PartEdges::open(file)?);
        }
        Ok(self.opened.get_or_init(|| opened))
    }
}

/// The evidence of a part.
#[derive(Debug)]
struct PartEdges {
    keys: SortedKeys,
    columns: [ColumnView; COLUMNS.len()],
    faults: Faults,
}

impl PartEdges {
    fn open(part: &Arc<Part>) -> Result<Option<PartEdges>> {
        let Some(keys) = SortedKeys::open(part, EDGES.field(KEY))? else { return Ok(None) };
        let faults = Faults::default();
        let column =
            |field| ColumnView::new(std::iter::once(part), EDGES.field(field), None, &faults);
        Ok(Some(PartEdges { keys, columns: COLUMNS.map(column), faults }))
    }

    fn rows_of(&self, range: &EdgeRange, found: &mut Vec<Edge>) -> Result<()> {
        self.keys.between(range, |key, row| {
            let mut values = [0; COLUMNS.len()];
            for (value, column) in values.iter_mut().zip(&self.columns) {
                let Some(known) = column.integer(row) else {
                    self.faults.check()?;
                    return Err(self.keys.damaged());
                };
                *value = known;
            }
            found.push(Edge { key: EdgeKey(key), told: Told::of_columns(values) });
            Ok(())
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::SourceId;
    use crate::base::random::Rng;

    fn frozen(open: &mut OpenEdges) -> Option<Arc<Part>> {
        let mut writer = PartWriter::memory();
        open.write(&mut writer).unwrap();
        let changes = open.changes() as u64;
        *open = open.frozen();
        (changes > 0).then(|| Arc::new(writer.into_memory(changes)))
    }

    /// Evidence of files, of parts that are none yet and of what is open, wherever it stands and whoever merges parts
    /// meanwhile: what was said, each piece once. A writer that keeps none at hand reads the same.
    #[test]
    fn what_is_said_is_read_from_wherever_it_stands() {
        for seed in 0..20 {
            let mut random = Rng(seed + 1);
            let (mut keeping, mut plain) = (OpenEdges::default(), OpenEdges::default());
            keeping.settled(&[]);
            let mut said: BTreeMap<EdgeKey, Told> = BTreeMap::new();
            let mut parts: Vec<Arc<Part>> = Vec::new();
            for _ in 0..400 {
                // Two nodes hear most of it, and have more than others.
                let node = NodeId(random.below(12).min(random.below(12)) as u32);
                match random.below(12) {
                    0 => {
                        parts.extend(frozen(&mut keeping));
                        frozen(&mut plain);
                    }
                    1 if keeping.changes() == 0 => keeping.settled(&parts),
                    2 if parts.len() > 1 => {
                        let first = random.below(parts.len() - 1);
                        let mut writer = PartWriter::memory();
                        merge_edges(&parts[first..], &mut writer).unwrap();
                        parts.splice(first.., [Arc::new(writer.into_memory(1))]);
                    }
                    _ => {
                        let other = (NodeId(random.below(40) as u32), random.below(3) as u16);
                        let by = (SourceId(random.below(2) as u32), 0);
                        let key = EdgeKey::new(node, other, Kind::Deterministic, by);
                        let told = Told::once(random.below(50) as i64, 0);
                        put(&mut said, key, &told);
                        keeping.say(key, &told);
                        plain.say(key, &told);
                    }
                }
                let range = EdgeKey::all(node);
                let mut expected = Vec::new();
                put_range(&said, &range, &mut expected);
                let of = |edges: Vec<Edge>| {
                    edges.into_iter().map(|edge| (edge.key, edge.told)).collect::<Vec<_>>()
                };
                let expected = of(expected);
                assert_eq!(of(edges_in(&parts, Some(&keeping), &range).unwrap()), expected);
                assert_eq!(of(edges_in(&parts, Some(&plain), &range).unwrap()), expected);
            }
        }
    }
}
