//! Bitmaps of the portable roaring format, read where they lie.
//!
//! The format is <https://github.com/RoaringBitmap/RoaringFormatSpec>: a cookie, with runs a bit for each container
//! that says whether it is of runs, for each container its key (the upper 16 bits of its rows) and its cardinality less
//! one, then, but for less than four containers of a bitmap with runs, where each begins, then the containers.
//!
//! *Invariants:* [`MappedBitmap::validate`] walks all bytes once and accepts only what has one meaning, which the
//! `roaring` crate agrees with; [`MappedBitmap::open`] walks nothing. All slices are checked, so that bytes which were
//! not validated give wrong rows at worst.

use super::{BYTES, Container};
use crate::base::codec::u32_at;

const COOKIE: u32 = 12_346;
/// The lower half of the cookie where there may be runs; the upper half is the number of containers less one.
const COOKIE_RUNS: u32 = 12_347;
/// With runs, so many containers have offsets.
const OFFSETS_FROM: usize = 4;
const CONTAINERS_MAX: usize = 1 << 16;
/// A container without runs is an array up to so many rows, a bitmap beyond.
const ARRAY_MAX: u32 = 4096;

/// A bitmap of the portable roaring format in bytes that were validated. Cheap to copy and to open again.
#[derive(Debug, Clone, Copy)]
pub struct MappedBitmap<'a> {
    bytes: &'a [u8],
    /// A bit for each container; empty without runs.
    runs: &'a [u8],
    /// Keys and cardinalities less one.
    heads: &'a [[u8; 4]],
    /// Where containers begin; empty when that is not stored.
    offsets: &'a [[u8; 4]],
    /// Where the first container begins.
    first: usize,
}

fn key_of([low, high, ..]: &[u8; 4]) -> u16 {
    u16::from_le_bytes([*low, *high])
}

fn cardinality_of([.., low, high]: &[u8; 4]) -> u32 {
    u32::from(u16::from_le_bytes([*low, *high])) + 1
}

impl<'a> MappedBitmap<'a> {
    /// Whether the bytes are one bitmap and nothing else: keys, rows and runs ascend, runs do not touch, counts are
    /// those of the rows, containers follow one another where offsets say, and the last ends with the bytes. Walks all
    /// of them; asked once for each mapping.
    pub fn validate(bytes: &[u8]) -> bool {
        MappedBitmap::open(bytes).is_some_and(|bitmap| bitmap.sound().is_some())
    }

    fn sound(&self) -> Option<()> {
        let keys = self.heads.iter().map(key_of);
        keys.is_sorted_by(|before, after| before < after).then_some(())?;
        let spare = (self.heads.len() % 8) as u32;
        let unused = self.runs.last().filter(|_| spare != 0).map_or(0, |last| last >> spare);
        (unused == 0).then_some(())?;
        let mut at = self.first;
        for (index, head) in self.heads.iter().enumerate() {
            let stored = self.offsets.get(index).map(|offset| u32::from_le_bytes(*offset));
            stored.is_none_or(|offset| offset as usize == at).then_some(())?;
            let (container, end) = self.container_at(index, at)?;
            holds(container, cardinality_of(head)).then_some(())?;
            at = end;
        }
        (at == self.bytes.len()).then_some(())
    }

    /// Opens bytes that [`MappedBitmap::validate`] accepted, at no cost that grows with them. None when they do not
    /// even have the head of a bitmap.
    pub fn open(bytes: &'a [u8]) -> Option<MappedBitmap<'a>> {
        let cookie = u32_at(bytes, 0)?;
        let (containers, runs, heads_at) = if cookie == COOKIE {
            (u32_at(bytes, 4)? as usize, 0..0, 8)
        } else if cookie & 0xffff == COOKIE_RUNS {
            let containers = (cookie >> 16) as usize + 1;
            let end = 4 + containers.div_ceil(8);
            (containers, 4..end, end)
        } else {
            return None;
        };
        if containers > CONTAINERS_MAX {
            return None;
        }
        let runs = bytes.get(runs)?;
        let offsets_at = heads_at + containers * 4;
        let heads = bytes.get(heads_at..offsets_at)?.as_chunks().0;
        let known = runs.is_empty() || containers >= OFFSETS_FROM;
        let first = offsets_at + if known { containers * 4 } else { 0 };
        let offsets = bytes.get(offsets_at..first)?.as_chunks().0;
        Some(MappedBitmap { bytes, runs, heads, offsets, first })
    }

    /// How many containers there are.
    pub fn containers(&self) -> usize {
        self.heads.len()
    }

    /// The upper 16 bits of the rows of a container.
    pub fn key(&self, index: usize) -> Option<u16> {
        self.heads.get(index).map(key_of)
    }

    /// How many rows a container has, as stored; 0 where there is none.
    pub fn cardinality(&self, index: usize) -> u32 {
        self.heads.get(index).map_or(0, cardinality_of)
    }

    /// A container.
    pub fn container(&self, index: usize) -> Option<Container<'a>> {
        let at = match self.offsets.get(index) {
            Some(offset) => u32::from_le_bytes(*offset) as usize,
            // Less than four containers: those before are walked.
            None => (0..index.min(self.heads.len())).try_fold(self.first, |at, before| {
                self.container_at(before, at).map(|(_, end)| end)
            })?,
        };
        self.container_at(index, at).map(|(container, _)| container)
    }

    /// A container that begins at an offset, and where it ends.
    fn container_at(&self, index: usize, at: usize) -> Option<(Container<'a>, usize)> {
        let cardinality = cardinality_of(self.heads.get(index)?);
        let of_runs = self.runs.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        let data = self.bytes.get(at..)?;
        if of_runs {
            let (count, data) = data.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_le_bytes(*count)) * 4;
            return Some((Container::Runs(data.get(..length)?), at + 2 + length));
        }
        if cardinality <= ARRAY_MAX {
            let length = cardinality as usize * 2;
            return Some((Container::Array(data.get(..length)?), at + length));
        }
        Some((Container::Bitmap(data.get(..BYTES)?), at + BYTES))
    }

    /// The container of a key, if there is one.
    pub fn find(&self, key: u16) -> Option<Container<'a>> {
        let index = self.heads.binary_search_by_key(&key, key_of).ok()?;
        self.container(index)
    }

    /// How many rows the container of a key has, as stored; 0 where there is none.
    pub fn count_of(&self, key: u16) -> u32 {
        let index = self.heads.binary_search_by_key(&key, key_of);
        index.map_or(0, |index| self.cardinality(index))
    }

    /// The containers with their keys, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Container<'a>)> + use<'a> {
        let bitmap = *self;
        let indexes = bitmap.heads.iter().map(key_of).enumerate();
        indexes.filter_map(move |(index, key)| Some((key, bitmap.container(index)?)))
    }

    /// How many rows there are, as stored.
    pub fn count(&self) -> u64 {
        self.heads.iter().map(|head| u64::from(cardinality_of(head))).sum()
    }

    /// How many rows are in both; nothing is made of them.
    pub fn and_count(&self, other: &MappedBitmap<'_>) -> u64 {
        let (mut ours, mut theirs) = (self.iter(), other.iter());
        let (mut left, mut right) = (ours.next(), theirs.next());
        let mut count = 0;
        while let (Some((ours_at, one)), Some((theirs_at, two))) = (left, right) {
            if ours_at == theirs_at {
                count += u64::from(one.and_count(two));
            }
            if ours_at <= theirs_at {
                left = ours.next();
            }
            if theirs_at <= ours_at {
                right = theirs.next();
            }
        }
        count
    }
}

/// Whether a container is sound and has so many rows.
fn holds(container: Container<'_>, cardinality: u32) -> bool {
    let sound = match container {
        Container::Array(_) => container.rows().is_sorted_by(|before, after| before < after),
        Container::Bitmap(_) => true,
        Container::Runs(bytes) => {
            let leaves = |run: &[u8; 4]| key_of(run).checked_add(second(run)).is_none();
            // A run that touches the one before would be one with it.
            let apart = |before: &(u16, u16), after: &(u16, u16)| {
                u32::from(before.1) + 1 < u32::from(after.0)
            };
            !bytes.as_chunks().0.iter().any(leaves) && container.runs().is_sorted_by(apart)
        }
    };
    sound && container.count() == cardinality
}

fn second([.., low, high]: &[u8; 4]) -> u16 {
    u16::from_le_bytes([*low, *high])
}
