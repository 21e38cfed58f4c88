//! A container of the portable roaring format, read where it lies.
//!
//! *Invariants:* nothing is copied; bytes that are no container of their kind give wrong rows, never a panic. The
//! intersections follow Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software Library" (2018): by
//! galloping where one array is much longer, else by a merge, and by tests of bits against a bitmap.

use super::portable::{self, gallop, number};
use super::{BYTES, Kernels, Stored, WORDS, kernels};

/// The longer array is searched rather than walked when it is so many times as long.
const GALLOP: usize = 32;

/// A container of the portable roaring format in place; its bytes are little-endian and may lie anywhere.
#[derive(Debug, Clone, Copy)]
pub enum Container<'a> {
    /// Rows, ascending, two bytes each.
    Array(&'a [u8]),
    /// A bit for each of 65,536 rows: 8,192 bytes.
    Bitmap(&'a [u8]),
    /// Runs, ascending: their first row and how many follow it, two bytes each.
    Runs(&'a [u8]),
}

impl<'a> Container<'a> {
    /// The words of a bitmap; none for what is no bitmap of the right size.
    pub(super) fn bitmap(self) -> Option<&'a Stored> {
        let Container::Bitmap(bytes) = self else { return None };
        if bytes.len() != BYTES {
            return None;
        }
        bytes.as_chunks::<8>().0.first_chunk::<WORDS>()
    }

    pub(super) fn array(self) -> &'a [[u8; 2]] {
        if let Container::Array(bytes) = self { bytes.as_chunks().0 } else { &[] }
    }

    /// The rows of an array.
    pub(super) fn rows(self) -> impl Iterator<Item = u16> + use<'a> {
        self.array().iter().map(number)
    }

    /// The first and last rows of runs. A run that would leave the chunk ends with it.
    pub(super) fn runs(self) -> impl Iterator<Item = (u16, u16)> + use<'a> {
        let bytes = if let Container::Runs(bytes) = self { bytes } else { &[] };
        bytes.as_chunks::<4>().0.iter().map(portable::run)
    }
}

impl Container<'_> {
    /// How many rows there are.
    pub fn count(&self) -> u32 {
        match self {
            Container::Array(bytes) => (bytes.len() / 2) as u32,
            Container::Bitmap(_) => {
                self.bitmap().map_or(0, |words| (kernels().count_stored)(words))
            }
            Container::Runs(_) => {
                let lengths = self.runs().map(|(first, last)| u32::from(last - first) + 1);
                lengths.fold(0, u32::saturating_add)
            }
        }
    }

    /// How many rows are in both; nothing is made of them.
    pub fn and_count(self, other: Container<'_>) -> u32 {
        self.and_count_with(other, kernels())
    }

    pub(super) fn and_count_with(self, other: Container<'_>, kernels: &Kernels) -> u32 {
        use Container::{Array, Bitmap, Runs};
        match (self, other) {
            (Array(_), Array(_)) => arrays(self.array(), other.array(), kernels),
            (Array(_), Bitmap(_)) => array_and_bitmap(self, other),
            (Bitmap(_), Array(_)) => array_and_bitmap(other, self),
            (Bitmap(_), Bitmap(_)) => match (self.bitmap(), other.bitmap()) {
                (Some(one), Some(two)) => (kernels.and_count_stored)(one, two),
                _ => 0,
            },
            (Bitmap(_), Runs(runs)) | (Runs(runs), Bitmap(_)) => {
                let words = self.bitmap().or(other.bitmap());
                words.map_or(0, |words| (kernels.runs_count_stored)(words, runs.as_chunks().0))
            }
            (Array(_), Runs(_)) => array_and_runs(self, other),
            (Runs(_), Array(_)) => array_and_runs(other, self),
            (Runs(_), Runs(_)) => runs_and_runs(self, other),
        }
    }

    /// Whether a row is in.
    pub fn contains(&self, row: u16) -> bool {
        match self {
            Container::Array(_) => self.array().binary_search_by_key(&row, number).is_ok(),
            Container::Bitmap(bytes) => {
                let byte = bytes.get(usize::from(row >> 3));
                byte.is_some_and(|byte| byte >> (row & 7) & 1 == 1)
            }
            Container::Runs(bytes) => {
                let runs = bytes.as_chunks::<4>().0;
                let after = runs.partition_point(|run| portable::run(run).0 <= row);
                let run = after.checked_sub(1).and_then(|at| runs.get(at));
                run.is_some_and(|run| row <= portable::run(run).1)
            }
        }
    }

    /// Hands each row over, ascending.
    pub fn each(self, mut f: impl FnMut(u16)) {
        match self {
            Container::Array(_) => self.rows().for_each(f),
            Container::Runs(_) => {
                self.runs().for_each(|(first, last)| (first..=last).for_each(&mut f));
            }
            Container::Bitmap(_) => {
                let words = self.bitmap().into_iter().flatten();
                for (word, first) in words.zip((0..=u16::MAX).step_by(64)) {
                    let word = u64::from_le_bytes(*word);
                    portable::each_bit(word, |bit| f(first | bit as u16));
                }
            }
        }
    }
}

fn arrays(one: &[[u8; 2]], two: &[[u8; 2]], kernels: &Kernels) -> u32 {
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    if long.len() / GALLOP < short.len() {
        return (kernels.arrays_count)(short, long);
    }
    portable::gallop_count(short, long)
}

fn array_and_bitmap(array: Container<'_>, bitmap: Container<'_>) -> u32 {
    bitmap.bitmap().map_or(0, |words| portable::array_count(words, array.array()))
}

fn array_and_runs(array: Container<'_>, runs: Container<'_>) -> u32 {
    let array = array.array();
    let (mut count, mut at) = (0, 0);
    for (first, last) in runs.runs() {
        let start = gallop(array, at, first);
        at = match last.checked_add(1) {
            Some(next) => gallop(array, start, next),
            None => array.len().max(start),
        };
        count += (at - start) as u32;
    }
    count
}

fn runs_and_runs(one: Container<'_>, two: Container<'_>) -> u32 {
    let (mut ones, mut twos) = (one.runs(), two.runs());
    let (mut left, mut right) = (ones.next(), twos.next());
    let mut count = 0_u32;
    while let (Some((first, last)), Some((from, to))) = (left, right) {
        let (start, end) = (first.max(from), last.min(to));
        if start <= end {
            count = count.saturating_add(u32::from(end - start) + 1);
        }
        // Whichever ends first can meet nothing more.
        if last <= to {
            left = ones.next();
        } else {
            right = twos.next();
        }
    }
    count
}
