//! The kernels in plain Rust: what every CPU can run, and what the others are held against.
//!
//! Everything here is always inlined: the files with intrinsics take what a compiler does well enough from here and
//! have it compiled for the instructions of their CPU.

use super::WORDS;
use super::dispatch::TwoRanges;

/// A word of a chunk: as a number, or as bytes that are stored.
pub(super) trait Lane: Copy {
    fn word(self) -> u64;
}

impl Lane for u64 {
    #[inline(always)]
    fn word(self) -> u64 {
        self
    }
}

impl Lane for [u8; 8] {
    #[inline(always)]
    fn word(self) -> u64 {
        u64::from_le_bytes(self)
    }
}

/// A value of a column: an unsigned little-endian number of a width.
pub(super) trait Cell: Copy {
    fn value(self) -> u64;
}

macro_rules! cell {
    ($($number:ty: $width:literal),*) => {$(
        impl Cell for [u8; $width] {
            #[inline(always)]
            fn value(self) -> u64 {
                u64::from(<$number>::from_le_bytes(self))
            }
        }
    )*};
}
cell!(u8: 1, u16: 2, u32: 4, u64: 8);

/// Calls what takes cells with values of a width; other widths have none.
macro_rules! by_width {
    ($width:expr, $values:expr, $cells:ident => $call:expr, $none:expr) => {
        match $width {
            1 => {
                let $cells = $values.as_chunks::<1>().0;
                $call
            }
            2 => {
                let $cells = $values.as_chunks::<2>().0;
                $call
            }
            4 => {
                let $cells = $values.as_chunks::<4>().0;
                $call
            }
            8 => {
                let $cells = $values.as_chunks::<8>().0;
                $call
            }
            _ => $none,
        }
    };
}

/// Hands the numbers of the set bits over, ascending.
#[inline(always)]
pub(super) fn each_bit(mut word: u64, mut f: impl FnMut(u32)) {
    while word != 0 {
        f(word.trailing_zeros());
        word &= word - 1;
    }
}

/// The first and the last row of a run. One that would leave the chunk ends with it.
#[inline(always)]
pub(super) fn run([first, second, third, fourth]: &[u8; 4]) -> (u16, u16) {
    let start = u16::from_le_bytes([*first, *second]);
    (start, start.saturating_add(u16::from_le_bytes([*third, *fourth])))
}

#[inline(always)]
pub(super) fn count<A: Lane>(words: &[A; WORDS]) -> u32 {
    words.iter().map(|word| word.word().count_ones()).sum()
}

#[inline(always)]
pub(super) fn and<A: Lane>(words: &mut [u64; WORDS], other: &[A; WORDS]) {
    words.iter_mut().zip(other).for_each(|(word, other)| *word &= other.word());
}

#[inline(always)]
pub(super) fn or<A: Lane>(words: &mut [u64; WORDS], other: &[A; WORDS]) {
    words.iter_mut().zip(other).for_each(|(word, other)| *word |= other.word());
}

#[inline(always)]
pub(super) fn and_not<A: Lane>(words: &mut [u64; WORDS], other: &[A; WORDS]) {
    words.iter_mut().zip(other).for_each(|(word, other)| *word &= !other.word());
}

#[inline(always)]
pub(super) fn and_count<A: Lane, B: Lane>(one: &[A; WORDS], two: &[B; WORDS]) -> u32 {
    one.iter().zip(two).map(|(one, two)| (one.word() & two.word()).count_ones()).sum()
}

/// How many bits are set in runs.
#[inline(always)]
pub(super) fn runs_count<A: Lane>(words: &[A; WORDS], runs: &[[u8; 4]]) -> u32 {
    let mut count = 0_u32;
    for (first, last) in runs.iter().map(run) {
        let (head, tail) = (u64::MAX << (first & 63), u64::MAX >> (63 - (last & 63)));
        let inside = match words.get(usize::from(first >> 6)..=usize::from(last >> 6)) {
            Some([word]) => (word.word() & head & tail).count_ones(),
            Some([word, between @ .., end]) => {
                let between: u32 = between.iter().map(|word| word.word().count_ones()).sum();
                (word.word() & head).count_ones() + between + (end.word() & tail).count_ones()
            }
            _ => 0,
        };
        // Runs that are sound cannot have more than all rows; those that are not may lie on one another.
        count = count.saturating_add(inside);
    }
    count
}

/// How many rows of an array are set.
pub(super) fn array_count<A: Lane>(words: &[A; WORDS], array: &[[u8; 2]]) -> u32 {
    let bit = |row: &[u8; 2]| {
        let row = number(row);
        let word = words.get(usize::from(row >> 6)).map_or(0, |word| word.word());
        (word >> (row & 63)) as u32 & 1
    };
    // Four at a time: the sums need not wait for one another.
    let (fours, rest) = array.as_chunks::<4>();
    let mut sums = [0; 4];
    for rows in fours {
        sums.iter_mut().zip(rows).for_each(|(sum, row)| *sum += bit(row));
    }
    sums.iter().sum::<u32>() + rest.iter().map(bit).sum::<u32>()
}

/// How many rows two arrays share: a merge without branches that depend on the rows.
#[inline(always)]
pub(super) fn arrays_count(one: &[[u8; 2]], two: &[[u8; 2]]) -> u32 {
    let (mut left, mut right, mut count) = (0, 0, 0);
    while let (Some(a), Some(b)) = (one.get(left), two.get(right)) {
        let (a, b) = (u16::from_le_bytes(*a), u16::from_le_bytes(*b));
        count += u32::from(a == b);
        left += usize::from(a <= b);
        right += usize::from(b <= a);
    }
    count
}

/// How many rows two arrays share, of which one is much longer: each row of the shorter is searched for.
pub(super) fn gallop_count(short: &[[u8; 2]], long: &[[u8; 2]]) -> u32 {
    let (mut count, mut at) = (0, 0);
    for row in short.iter().map(number) {
        at = gallop(long, at, row);
        count += u32::from(long.get(at).is_some_and(|found| number(found) == row));
    }
    count
}

/// The first index from `from` on whose row is no less than `row`: by steps that double, then by halves.
pub(super) fn gallop(array: &[[u8; 2]], from: usize, row: u16) -> usize {
    let (mut low, mut step) = (from, 1);
    while array.get(low + step).is_some_and(|found| number(found) < row) {
        low += step;
        step *= 2;
    }
    let high = (low + step).min(array.len());
    let between = array.get(low..high).unwrap_or_default();
    low + between.partition_point(|found| number(found) < row)
}

/// A row of an array.
#[inline(always)]
pub(super) fn number(bytes: &[u8; 2]) -> u16 {
    u16::from_le_bytes(*bytes)
}

/// The bits of a word that there are values for.
#[inline(always)]
pub(super) fn within(word: u64, values: usize) -> u64 {
    if values >= 64 { word } else { word & ((1 << values) - 1) }
}

/// The words after so many, and the values at them.
#[cfg(target_arch = "x86_64")]
pub(super) fn rest<'a>(
    words: &'a [u64; WORDS],
    values: &'a [u8],
    width: u8,
    done: usize,
) -> (&'a [u64], &'a [u8]) {
    let values = values.get(done * 64 * usize::from(width)..);
    (words.get(done..).unwrap_or_default(), values.unwrap_or_default())
}

/// The same, with words that change.
#[cfg(target_arch = "x86_64")]
pub(super) fn rest_mut<'a>(
    words: &'a mut [u64; WORDS],
    values: &'a [u8],
    width: u8,
    done: usize,
) -> (&'a mut [u64], &'a [u8]) {
    let values = values.get(done * 64 * usize::from(width)..);
    (words.get_mut(done..).unwrap_or_default(), values.unwrap_or_default())
}

#[inline(always)]
pub(super) fn between(words: &mut [u64; WORDS], values: &[u8], width: u8, low: u64, high: u64) {
    between_words(words, values, width, low, high);
}

#[inline(always)]
pub(super) fn between_words(words: &mut [u64], values: &[u8], width: u8, low: u64, high: u64) {
    by_width!(width, values, cells => between_cells(words, cells, low, high), words.fill(0));
}

#[inline(always)]
fn between_cells<C: Cell>(words: &mut [u64], cells: &[C], low: u64, high: u64) {
    let span = high.wrapping_sub(low);
    let mut chunks = cells.chunks(64);
    for word in words.iter_mut() {
        let cells = chunks.next().unwrap_or_default();
        *word = cells.iter().zip(0..).fold(0, |found, (cell, bit): (&C, u32)| {
            // One comparison: what is below the lower bound wraps to above the span.
            found | u64::from(cell.value().wrapping_sub(low) <= span) << bit
        });
    }
}

/// The rows whose value of one byte is between two bounds, for two pairs of them.
pub(super) fn between_both(
    one: &mut [u64; WORDS],
    two: &mut [u64; WORDS],
    values: &[u8],
    bounds: TwoRanges,
) {
    for (words, (low, high)) in [one, two].into_iter().zip(bounds) {
        between_words(words, values, 1, u64::from(low), u64::from(high));
    }
}

/// The rows whose value of one byte is among some.
#[inline(always)]
pub(super) fn among(words: &mut [u64; WORDS], values: &[u8], wanted: &[u8]) {
    among_words(words, values, wanted);
}

#[inline(always)]
pub(super) fn among_words(words: &mut [u64], values: &[u8], wanted: &[u8]) {
    let mut table = [false; 256];
    for value in wanted {
        if let Some(place) = table.get_mut(usize::from(*value)) {
            *place = true;
        }
    }
    let mut lines = values.chunks(64);
    for word in words.iter_mut() {
        let line = lines.next().unwrap_or_default();
        *word = line.iter().zip(0..).fold(0, |found, (value, bit): (&u8, u32)| {
            let hit = table.get(usize::from(*value)).copied().unwrap_or(false);
            found | u64::from(hit) << bit
        });
    }
}

/// How many of 64 rows may be set for them to be looked at one by one rather than all together.
const FEW: u32 = 12;

#[inline(always)]
pub(super) fn sum(words: &[u64; WORDS], values: &[u8], width: u8) -> (u128, u32) {
    sum_words(words, values, width)
}

#[inline(always)]
pub(super) fn sum_words(words: &[u64], values: &[u8], width: u8) -> (u128, u32) {
    by_width!(width, values, cells => sum_cells(words, cells), (0, 0))
}

/// Sums the lower and the upper halves of values apart: neither sum can leave 64 bits.
#[inline(always)]
fn sum_cells<C: Cell>(words: &[u64], cells: &[C]) -> (u128, u32) {
    const HALF: u64 = u32::MAX as u64;
    let (mut lower, mut upper, mut number) = (0_u64, 0_u64, 0);
    for (word, cells) in words.iter().zip(cells.chunks(64)) {
        let word = within(*word, cells.len());
        let set = word.count_ones();
        number += set;
        if set <= FEW {
            each_bit(word, |bit| {
                let value = cells.get(bit as usize).map_or(0, |cell| cell.value());
                lower += value & HALF;
                upper += value >> 32;
            });
        } else {
            for (cell, bit) in cells.iter().zip(0..) {
                let value = cell.value() & (word >> bit & 1).wrapping_neg();
                lower += value & HALF;
                upper += value >> 32;
            }
        }
    }
    (u128::from(lower) + (u128::from(upper) << 32), number)
}

#[inline(always)]
pub(super) fn extremes(words: &[u64; WORDS], values: &[u8], width: u8) -> Option<(u64, u64)> {
    extremes_words(words, values, width)
}

#[inline(always)]
pub(super) fn extremes_words(words: &[u64], values: &[u8], width: u8) -> Option<(u64, u64)> {
    by_width!(width, values, cells => extremes_cells(words, cells), None)
}

#[inline(always)]
fn extremes_cells<C: Cell>(words: &[u64], cells: &[C]) -> Option<(u64, u64)> {
    let (mut least, mut greatest, mut any) = (u64::MAX, 0, 0);
    for (word, cells) in words.iter().zip(cells.chunks(64)) {
        let word = within(*word, cells.len());
        any |= word;
        if word.count_ones() <= FEW {
            each_bit(word, |bit| {
                if let Some(cell) = cells.get(bit as usize) {
                    least = least.min(cell.value());
                    greatest = greatest.max(cell.value());
                }
            });
        } else {
            for (cell, bit) in cells.iter().zip(0..) {
                // All ones where the row is set: a row that is not is the greatest and the least.
                let mask = (word >> bit & 1).wrapping_neg();
                least = least.min(cell.value() | !mask);
                greatest = greatest.max(cell.value() & mask);
            }
        }
    }
    (any != 0).then_some((least, greatest))
}

/// Counts in four tables by turns: the same value twice in a row would else wait for its own count.
#[inline(always)]
pub(super) fn histogram(words: &[u64; WORDS], values: &[u8], counts: &mut [u64; 256]) {
    let mut tables = [[0_u32; 256]; 4];
    let [first, second, third, fourth] = &mut tables;
    let add = |table: &mut [u32; 256], value: u8| {
        if let Some(count) = table.get_mut(usize::from(value)) {
            *count += 1;
        }
    };
    for (word, values) in words.iter().zip(values.chunks(64)) {
        let word = within(*word, values.len());
        if word == u64::MAX {
            for [a, b, c, d] in values.as_chunks::<4>().0 {
                add(first, *a);
                add(second, *b);
                add(third, *c);
                add(fourth, *d);
            }
        } else {
            each_bit(word, |bit| {
                if let Some(value) = values.get(bit as usize) {
                    add(if bit & 1 == 0 { &mut *first } else { &mut *second }, *value);
                }
            });
        }
    }
    let sums = first.iter().zip(second.iter()).zip(third.iter().zip(fourth.iter()));
    for (count, ((a, b), (c, d))) in counts.iter_mut().zip(sums) {
        *count += u64::from(a + b + c + d);
    }
}
