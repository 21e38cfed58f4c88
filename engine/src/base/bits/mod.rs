//! Sets of rows as bits, and the kernels that work on them.
//!
//! *What it is:* [`Bits`], the rows of one chunk; [`Container`] and [`MappedBitmap`], the portable roaring format read
//! where it lies, without a copy; and what is asked of both at once: counts of intersections, rows whose values lie
//! between two bounds, sums, extremes and histograms of the values at rows. *Invariants:* what a kernel answers does
//! not depend on the CPU, only how fast; mapped bytes are validated once before what they say is believed, and bytes
//! that are not sound give wrong rows at worst, never a panic. *Where to start reading:* [`Bits`], then `dispatch` for
//! which kernel runs where, and `portable` for what each of them must answer.
//!
//! Only the files with intrinsics have `unsafe`, and in them only loads, stores and hints through references of a fixed
//! size and the step into functions whose instructions the CPU was asked for.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod container;
mod dispatch;
mod floats;
mod near;
mod portable;
mod roaring;
mod values;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_floats;
#[cfg(test)]
mod tests_values;

pub use container::Container;
pub use dispatch::{available, chosen};
pub use floats::{FloatUnits, FloatWindow};
pub use near::bring_near;
pub use roaring::MappedBitmap;

use dispatch::{Kernels, Stored, kernels};

/// 64-bit words of a chunk of 65,536 rows.
pub const WORDS: usize = 1024;
/// Values that a row may have one of, for the kernels that hold all of them in registers.
pub const AMONG_MAX: usize = 16;
/// Bytes of the words of a chunk.
const BYTES: usize = WORDS * 8;

/// The rows of one chunk, a bit each: row `r` is bit `r % 64` of word `r / 64`.
#[repr(C, align(64))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits(pub [u64; WORDS]);

impl Default for Bits {
    fn default() -> Bits {
        Bits::empty()
    }
}

/// The word and the bit of a row.
const fn place(row: u16) -> (usize, u64) {
    ((row >> 6) as usize, 1 << (row & 63))
}

impl Bits {
    /// No row.
    pub const fn empty() -> Bits {
        Bits([0; WORDS])
    }

    /// Every row.
    pub fn full() -> Bits {
        Bits([u64::MAX; WORDS])
    }

    /// No row, on the heap.
    pub fn boxed() -> Box<Bits> {
        Box::new(Bits::empty())
    }

    /// Takes every row out.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Puts every row in.
    pub fn fill(&mut self) {
        self.0.fill(u64::MAX);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        // Eight words at a time: one test for a line of the cache, and an early end.
        self.0
            .as_chunks::<8>()
            .0
            .iter()
            .all(|line| line.iter().fold(0, |all, word| all | word) == 0)
    }

    /// How many rows there are.
    pub fn count(&self) -> u32 {
        (kernels().count)(&self.0)
    }

    /// Whether a row is in.
    pub fn contains(&self, row: u16) -> bool {
        let (word, bit) = place(row);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Puts a row in if so, without a branch.
    #[inline]
    pub fn insert_if(&mut self, row: u16, is: bool) {
        let word = self.0.get_mut(usize::from(row >> 6));
        word.into_iter().for_each(|word| *word |= u64::from(is) << (row & 63));
    }

    /// Puts a row in.
    pub fn insert(&mut self, row: u16) {
        let (word, bit) = place(row);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: u16) {
        let (word, bit) = place(row);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Puts the rows from a first to a last one in, both of them too.
    pub fn insert_range(&mut self, first: u16, last: u16) {
        self.range(first, last, |word, mask| *word |= mask);
    }

    /// Takes the rows from a first to a last one out, both of them too.
    pub fn remove_range(&mut self, first: u16, last: u16) {
        self.range(first, last, |word, mask| *word &= !mask);
    }

    fn range(&mut self, first: u16, last: u16, change: impl Fn(&mut u64, u64)) {
        if first > last {
            return;
        }
        let (from, to) = (place(first).0, place(last).0);
        let (head, tail) = (u64::MAX << (first & 63), u64::MAX >> (63 - (last & 63)));
        match self.0.get_mut(from..=to) {
            Some([word]) => change(word, head & tail),
            Some([word, between @ .., end]) => {
                change(word, head);
                between.iter_mut().for_each(|word| change(word, u64::MAX));
                change(end, tail);
            }
            _ => {}
        }
    }

    /// Becomes a copy of others.
    pub fn copy_from(&mut self, other: &Bits) {
        self.0 = other.0;
    }

    /// Keeps the rows that are in others too.
    pub fn and(&mut self, other: &Bits) {
        (kernels().and)(&mut self.0, &other.0);
    }

    /// Puts the rows of others in.
    pub fn or(&mut self, other: &Bits) {
        (kernels().or)(&mut self.0, &other.0);
    }

    /// Takes the rows of others out.
    pub fn and_not(&mut self, other: &Bits) {
        (kernels().and_not)(&mut self.0, &other.0);
    }

    /// How many rows are in both; writes nothing.
    pub fn and_count(&self, other: &Bits) -> u32 {
        (kernels().and_count)(&self.0, &other.0)
    }

    /// Becomes the rows of a container.
    pub fn load(&mut self, container: Container<'_>) {
        match container.bitmap() {
            Some(words) => {
                let pairs = self.0.iter_mut().zip(words);
                pairs.for_each(|(word, stored)| *word = u64::from_le_bytes(*stored));
            }
            None => {
                self.clear();
                self.or_container(container);
            }
        }
    }

    /// Puts the rows of a container in.
    pub fn or_container(&mut self, container: Container<'_>) {
        match container {
            Container::Array(_) => container.rows().for_each(|row| self.insert(row)),
            Container::Runs(_) => {
                container.runs().for_each(|(first, last)| self.insert_range(first, last));
            }
            Container::Bitmap(_) => {
                if let Some(words) = container.bitmap() {
                    (kernels().or_stored)(&mut self.0, words);
                }
            }
        }
    }

    /// Keeps the rows that are in a container too.
    pub fn and_container(&mut self, container: Container<'_>) {
        match (container, container.bitmap()) {
            (Container::Bitmap(_), Some(words)) => (kernels().and_stored)(&mut self.0, words),
            (Container::Bitmap(_), None) => self.clear(),
            (Container::Array(_), _) => {
                // Through a copy: setting bits in cleared words takes no branch that depends on the rows.
                let mut mask = Bits::empty();
                mask.or_container(container);
                self.and(&mask);
            }
            (Container::Runs(_), _) => {
                let mut next = 0_u32;
                for (first, last) in container.runs() {
                    if u32::from(first) > next {
                        self.remove_range(next as u16, first - 1);
                    }
                    next = next.max(u32::from(last) + 1);
                }
                if let Ok(next) = u16::try_from(next) {
                    self.remove_range(next, u16::MAX);
                }
            }
        }
    }

    /// Takes the rows of a container out.
    pub fn and_not_container(&mut self, container: Container<'_>) {
        match container {
            Container::Array(_) => container.rows().for_each(|row| self.remove(row)),
            Container::Runs(_) => {
                container.runs().for_each(|(first, last)| self.remove_range(first, last));
            }
            Container::Bitmap(_) => {
                if let Some(words) = container.bitmap() {
                    (kernels().and_not_stored)(&mut self.0, words);
                }
            }
        }
    }

    /// How many rows are in both; writes nothing.
    pub fn and_count_container(&self, container: Container<'_>) -> u32 {
        match container {
            Container::Array(_) => portable::array_count(&self.0, container.array()),
            Container::Runs(bytes) => (kernels().runs_count)(&self.0, bytes.as_chunks().0),
            Container::Bitmap(_) => {
                container.bitmap().map_or(0, |words| (kernels().and_count_mixed)(&self.0, words))
            }
        }
    }

    /// The rows, ascending.
    pub fn rows(&self) -> impl Iterator<Item = u16> {
        let mut words = self.0.iter().zip((0..=u16::MAX).step_by(64));
        let (mut word, mut first) = (0_u64, 0_u16);
        std::iter::from_fn(move || {
            while word == 0 {
                let (next, at) = words.next()?;
                (word, first) = (*next, at);
            }
            let row = first | word.trailing_zeros() as u16;
            word &= word - 1;
            Some(row)
        })
    }

    /// Hands each row over, ascending.
    pub fn each(&self, mut f: impl FnMut(u16)) {
        for (word, first) in self.0.iter().zip((0..=u16::MAX).step_by(64)) {
            portable::each_bit(*word, |bit| f(first | bit as u16));
        }
    }
}
