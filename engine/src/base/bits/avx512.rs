//! The kernels for CPUs with AVX-512 (F, BW and VPOPCNTDQ): 64 bytes at a time, with a mask for each comparison.
//!
//! *Invariants:* [`table`] is the only way to the functions here, and asks the CPU first. Memory is read and written
//! through references to arrays of the size of a register, by `load` and `bytes_of` alone; `bring_near` reads nothing.
//! What is left over of values is answered by `portable`.

use super::dispatch::{Extremes, Kernels, Rows, Runs, Stored, TwoRanges, Words};
use super::floats::{self, FloatUnits, FloatWindow};
use super::portable::{self, Cell, Lane};
use super::x86::{bring_near, for_cpu};
use super::{AMONG_MAX, WORDS, avx2};
use std::arch::x86_64::*;

/// Bytes of a page of memory.
const PAGE: usize = 4096;

static TABLE: Kernels = Kernels {
    name: "avx512",
    count,
    count_stored,
    and,
    or,
    and_not,
    and_stored,
    or_stored,
    and_not_stored,
    and_count,
    and_count_mixed,
    and_count_stored,
    runs_count,
    runs_count_stored,
    arrays_count,
    between,
    between_both,
    among,
    sum,
    sum_floats,
    extremes,
    histogram,
};

/// The table, where the CPU can run it.
pub(super) fn table() -> Option<&'static Kernels> {
    let wide = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vpopcntdq");
    // Whatever the table of AVX2 needs is needed here too.
    (wide && avx2::table().is_some()).then_some(&TABLE)
}

for_cpu! { "avx512f,avx512bw,avx512vpopcntdq,avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2":
    fn count(words: &Words) -> u32 = count_lines;
    fn count_stored(words: &Stored) -> u32 = count_lines;
    fn and(words: &mut Words, other: &Words) = portable::and;
    fn or(words: &mut Words, other: &Words) = portable::or;
    fn and_not(words: &mut Words, other: &Words) = portable::and_not;
    fn and_stored(words: &mut Words, other: &Stored) = portable::and;
    fn or_stored(words: &mut Words, other: &Stored) = portable::or;
    fn and_not_stored(words: &mut Words, other: &Stored) = portable::and_not;
    fn and_count(one: &Words, two: &Words) -> u32 = and_count_lines;
    fn and_count_mixed(one: &Words, two: &Stored) -> u32 = and_count_lines;
    fn and_count_stored(one: &Stored, two: &Stored) -> u32 = and_count_lines;
    fn runs_count(words: &Words, runs: &Runs) -> u32 = portable::runs_count;
    fn runs_count_stored(words: &Stored, runs: &Runs) -> u32 = portable::runs_count;
    fn arrays_count(one: &Rows, two: &Rows) -> u32 = avx2::arrays_count_blocks;
    fn between(words: &mut Words, values: &[u8], width: u8, low: u64, high: u64) = between_lines;
    fn between_both(one: &mut Words, two: &mut Words, values: &[u8], bounds: TwoRanges)
        = between_both_lines;
    fn among(words: &mut Words, values: &[u8], wanted: &[u8]) = among_lines;
    fn sum(words: &Words, values: &[u8], width: u8) -> (u128, u32) = sum_lines;
    fn sum_floats(words: &Words, values: &[u8], window: FloatWindow, others: &mut Words)
        -> FloatUnits = sum_float_lines;
    fn extremes(words: &Words, values: &[u8], width: u8) -> Extremes = extremes_lines;
    fn histogram(words: &Words, values: &[u8], counts: &mut [u64; 256]) = portable::histogram;
}

#[inline]
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "a load into a register is through a pointer")]
fn load(line: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is to 64 bytes, which is all that is read, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "a load into a register is through a pointer")]
fn load_words<A: Lane>(line: &[A; 8]) -> __m512i {
    const { assert!(size_of::<A>() == 8) }
    // SAFETY: the reference is to eight lanes of eight bytes, which is all that is read; lanes are `u64` and `[u8; 8]`,
    // of which every byte is written; the load asks for no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "a store from a register is through a pointer")]
fn bytes_of(register: __m512i) -> [u8; 64] {
    let mut bytes = [0; 64];
    // SAFETY: the array has the 64 bytes that are written, and the store asks for no alignment.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), register) };
    bytes
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
fn count_lines<A: Lane>(words: &[A; WORDS]) -> u32 {
    // The second load of a line is found to be the first.
    and_count_lines(words, words)
}

/// Four sums by turns: an addition need not wait for the one before.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
fn and_count_lines<A: Lane, B: Lane>(one: &[A; WORDS], two: &[B; WORDS]) -> u32 {
    let mut sums = [_mm512_setzero_si512(); 4];
    let ones = one.as_chunks::<8>().0.as_chunks::<4>().0;
    let twos = two.as_chunks::<8>().0.as_chunks::<4>().0;
    for (ones, twos) in ones.iter().zip(twos) {
        for (sum, (one, two)) in sums.iter_mut().zip(ones.iter().zip(twos)) {
            let both = _mm512_and_si512(load_words(one), load_words(two));
            *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(both));
        }
    }
    let [a, b, c, d] = sums;
    let sum = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d));
    _mm512_reduce_add_epi64(sum) as u32
}

/// The values of 64 rows at a time, as lines of 64 bytes.
fn groups<const LINES: usize>(values: &[u8]) -> &[[[u8; 64]; LINES]] {
    values.as_chunks::<64>().0.as_chunks::<LINES>().0
}

/// The same with those a page ahead, since what the CPU foresees by itself ends with the page.
#[inline]
fn with_ahead<const LINES: usize>(
    groups: &[[[u8; 64]; LINES]],
) -> impl Iterator<Item = (&[[u8; 64]; LINES], &[[u8; 64]])> {
    let ahead = groups.iter().skip(PAGE / (64 * LINES)).map(<[_; LINES]>::as_slice);
    groups.iter().zip(ahead.chain(std::iter::repeat([].as_slice())))
}

/// A loop over the words and the lines of the values at them, then what is left over.
macro_rules! between_width {
    ($name:ident: $lines:literal, $type:ty, $set:ident, $sub:ident, $compare:ident) => {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw")]
        fn $name(words: &mut Words, values: &[u8], low: u64, high: u64) -> usize {
            let base = $set(low as $type);
            // One comparison: what is below the lower bound wraps to above the span.
            let span = $set((high - low) as $type);
            let groups = groups::<$lines>(values);
            for (word, lines) in words.iter_mut().zip(groups) {
                *word = 0;
                for (line, shift) in lines.iter().zip((0..64).step_by(64 / $lines)) {
                    *word |= u64::from($compare($sub(load(line), base), span)) << shift;
                }
            }
            groups.len()
        }
    };
}
between_width!(between_bytes: 1, i8, _mm512_set1_epi8, _mm512_sub_epi8, _mm512_cmple_epu8_mask);
between_width!(between_pairs: 2, i16, _mm512_set1_epi16, _mm512_sub_epi16, _mm512_cmple_epu16_mask);
between_width!(between_fours: 4, i32, _mm512_set1_epi32, _mm512_sub_epi32, _mm512_cmple_epu32_mask);
between_width!(between_eights: 8, i64, _mm512_set1_epi64, _mm512_sub_epi64, _mm512_cmple_epu64_mask);

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn between_lines(words: &mut Words, values: &[u8], width: u8, low: u64, high: u64) {
    let done = match width {
        1 => between_bytes(words, values, low, high),
        2 => between_pairs(words, values, low, high),
        4 => between_fours(words, values, low, high),
        8 => between_eights(words, values, low, high),
        _ => 0,
    };
    let (words, values) = portable::rest_mut(words, values, width, done);
    portable::between_words(words, values, width, low, high);
}

/// Each line of values of one byte is read once for both pairs of bounds.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn between_both_lines(one: &mut Words, two: &mut Words, values: &[u8], bounds: TwoRanges) {
    let [(first, first_span), (second, second_span)] = bounds.map(|(low, high)| {
        let set = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
        (set(low), set(high.wrapping_sub(low)))
    });
    let groups = groups::<1>(values);
    let words = one.iter_mut().zip(two.iter_mut());
    for ((one, two), ([line], ahead)) in words.zip(with_ahead(groups)) {
        ahead.iter().for_each(|[first, ..]| bring_near(first));
        let line = load(line);
        *one = _mm512_cmple_epu8_mask(_mm512_sub_epi8(line, first), first_span);
        *two = _mm512_cmple_epu8_mask(_mm512_sub_epi8(line, second), second_span);
    }
    for (words, (low, high)) in [one, two].into_iter().zip(bounds) {
        let (words, values) = portable::rest_mut(words, values, 1, groups.len());
        portable::between_words(words, values, 1, u64::from(low), u64::from(high));
    }
}

/// A line of values against each that is wanted.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn among_lines(words: &mut Words, values: &[u8], wanted: &[u8]) {
    // What is left of the places repeats the first that is wanted, so that the loop has one length.
    let mut all = [_mm512_set1_epi8(wanted.first().copied().unwrap_or(0).cast_signed()); AMONG_MAX];
    for (place, value) in all.iter_mut().zip(wanted) {
        *place = _mm512_set1_epi8(value.cast_signed());
    }
    let lines = if wanted.is_empty() { &[] } else { values.as_chunks::<64>().0 };
    let used = all.get(..wanted.len()).unwrap_or(&all);
    for (word, line) in words.iter_mut().zip(lines) {
        let line = load(line);
        *word = used.iter().fold(0, |hit, value| hit | _mm512_cmpeq_epi8_mask(line, *value));
    }
    let (words, values) = portable::rest_mut(words, values, 1, lines.len());
    portable::among_words(words, values, wanted);
}

/// The lower halves of 64-bit lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn lower(register: __m512i) -> __m512i {
    _mm512_and_si512(register, _mm512_set1_epi64(i64::from(u32::MAX)))
}

/// A loop over the words that have rows and the lines of the values at them: each line is masked by its bits and
/// added to the sums of lower and of upper halves.
macro_rules! sum_width {
    ($name:ident: $lines:literal, $mask:ty, $keep:ident, $add:expr) => {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,popcnt")]
        fn $name(words: &Words, values: &[u8]) -> (__m512i, __m512i, u32, usize) {
            let zero = _mm512_setzero_si512();
            let (mut lowers, mut uppers, mut number) = (zero, zero, 0);
            let groups = groups::<$lines>(values);
            let all = words.iter().zip(with_ahead(groups));
            for (word, (lines, ahead)) in all.filter(|(word, _)| **word != 0) {
                ahead.iter().for_each(|[first, ..]| bring_near(first));
                number += word.count_ones();
                for (line, shift) in lines.iter().zip((0..64).step_by(64 / $lines)) {
                    let kept = $keep((word >> shift) as $mask, load(line));
                    (lowers, uppers) = $add(lowers, uppers, kept);
                }
            }
            (lowers, uppers, number, groups.len())
        }
    };
}
sum_width!(sum_bytes: 1, u64, _mm512_maskz_mov_epi8, add_bytes);
sum_width!(sum_pairs: 2, u32, _mm512_maskz_mov_epi16, add_pairs);
sum_width!(sum_fours: 4, u16, _mm512_maskz_mov_epi32, add_fours);
sum_width!(sum_eights: 8, u8, _mm512_maskz_mov_epi64, add_eights);

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_bytes(lowers: __m512i, uppers: __m512i, line: __m512i) -> (__m512i, __m512i) {
    // Differences from zero: the sum of each eight bytes.
    (_mm512_add_epi64(lowers, _mm512_sad_epu8(line, _mm512_setzero_si512())), uppers)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_pairs(lowers: __m512i, uppers: __m512i, line: __m512i) -> (__m512i, __m512i) {
    // The sums of the lower and of the upper bytes, which the differences from zero give in 64 bits.
    let zero = _mm512_setzero_si512();
    let low = _mm512_sad_epu8(_mm512_and_si512(line, _mm512_set1_epi16(0xff)), zero);
    let high = _mm512_sad_epu8(_mm512_srli_epi16::<8>(line), zero);
    let both = _mm512_add_epi64(low, _mm512_slli_epi64::<8>(high));
    (_mm512_add_epi64(lowers, both), uppers)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_fours(lowers: __m512i, uppers: __m512i, line: __m512i) -> (__m512i, __m512i) {
    let both = _mm512_add_epi64(lower(line), _mm512_srli_epi64::<32>(line));
    (_mm512_add_epi64(lowers, both), uppers)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_eights(lowers: __m512i, uppers: __m512i, line: __m512i) -> (__m512i, __m512i) {
    let uppers = _mm512_add_epi64(uppers, _mm512_srli_epi64::<32>(line));
    (_mm512_add_epi64(lowers, lower(line)), uppers)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,popcnt")]
fn sum_lines(words: &Words, values: &[u8], width: u8) -> (u128, u32) {
    let (lowers, uppers, number, done) = match width {
        1 => sum_bytes(words, values),
        2 => sum_pairs(words, values),
        4 => sum_fours(words, values),
        8 => sum_eights(words, values),
        _ => return (0, 0),
    };
    let whole = |sums: __m512i| -> u128 {
        bytes_of(sums).as_chunks::<8>().0.iter().map(|sum| u128::from(sum.value())).sum()
    };
    let (words, values) = portable::rest(words, values, width, done);
    let (sum, more) = portable::sum_words(words, values, width);
    (whole(lowers) + (whole(uppers) << 32) + sum, number + more)
}

/// Eight floats at a time. What is at no row is nought, which adds the shifter alone to a lane: as often as there are
/// lines.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,popcnt")]
fn sum_float_lines(
    words: &Words,
    values: &[u8],
    window: FloatWindow,
    others: &mut Words,
) -> FloatUnits {
    let (least, span) = window.bounds();
    // Twice the bits of a float have no sign.
    let (least, span) = (least << 1, span << 1);
    let (least, span) =
        (_mm512_set1_epi64(least.cast_signed()), _mm512_set1_epi64(span.cast_signed()));
    let shifters = window.shifters();
    let [whole, rest] = shifters.map(|shifter| _mm512_set1_pd(shifter));
    let mut sums = [_mm512_setzero_si512(); 2];
    let (mut lines_seen, mut found) = (0_u64, FloatUnits::default());
    let groups = groups::<8>(values);
    let all = words.iter().zip(with_ahead(groups)).zip(others.iter_mut());
    for ((word, (lines, ahead)), other) in all.filter(|((word, _), _)| **word != 0) {
        ahead.iter().for_each(|[first, ..]| bring_near(first));
        found.count += word.count_ones();
        lines_seen += 8;
        for (line, shift) in lines.iter().zip((0..64).step_by(8)) {
            let (mut rows, line) = ((word >> shift) as u8, load(line));
            let size = _mm512_slli_epi64::<1>(line);
            let from_least = _mm512_sub_epi64(size, least);
            let out = _mm512_mask_cmpge_epu64_mask(rows, from_least, span);
            let out = _mm512_mask_test_epi64_mask(out, size, size);
            if out != 0 {
                *other |= u64::from(out) << shift;
                rows &= !out;
            }
            let value = _mm512_castsi512_pd(line);
            let shifted = _mm512_mask_add_pd(whole, rows, value, whole);
            let left = _mm512_maskz_sub_pd(rows, value, _mm512_sub_pd(shifted, whole));
            let [high, low] = sums;
            sums = [
                _mm512_add_epi64(high, _mm512_castpd_si512(shifted)),
                _mm512_add_epi64(low, _mm512_castpd_si512(_mm512_add_pd(left, rest))),
            ];
        }
        found.others += other.count_ones();
    }
    for ((units, sums), shifter) in found.units.iter_mut().zip(sums).zip(shifters) {
        let added = shifter.to_bits().wrapping_mul(lines_seen);
        for lane in bytes_of(sums).as_chunks::<8>().0 {
            *units += i128::from(lane.value().wrapping_sub(added).cast_signed());
        }
    }
    let (words, values) = portable::rest(words, values, 8, groups.len());
    let others = others.get_mut(groups.len()..).unwrap_or_default();
    found.add(floats::sum_words(words, values, window, others));
    found
}

/// A loop over the words that have rows and the lines of the values at them; what is not at a row changes nothing.
macro_rules! extremes_width {
    ($name:ident: $lines:literal, $mask:ty, $width:literal, $min:ident, $max:ident) => {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw")]
        fn $name(words: &Words, values: &[u8]) -> (Extremes, usize) {
            let (mut least, mut greatest) = (_mm512_set1_epi8(-1), _mm512_setzero_si512());
            let mut any = 0;
            let groups = groups::<$lines>(values);
            let all = words.iter().zip(with_ahead(groups));
            for (word, (lines, ahead)) in all.filter(|(word, _)| **word != 0) {
                ahead.iter().for_each(|[first, ..]| bring_near(first));
                any |= word;
                for (line, shift) in lines.iter().zip((0..64).step_by(64 / $lines)) {
                    let (rows, line) = ((word >> shift) as $mask, load(line));
                    least = $min(least, rows, least, line);
                    greatest = $max(greatest, rows, greatest, line);
                }
            }
            let (least, greatest) = (bytes_of(least), bytes_of(greatest));
            let least = least.as_chunks::<$width>().0.iter().map(|cell| cell.value()).min();
            let greatest = greatest.as_chunks::<$width>().0.iter().map(|cell| cell.value()).max();
            (least.zip(greatest).filter(|_| any != 0), groups.len())
        }
    };
}
extremes_width!(extremes_bytes: 1, u64, 1, _mm512_mask_min_epu8, _mm512_mask_max_epu8);
extremes_width!(extremes_pairs: 2, u32, 2, _mm512_mask_min_epu16, _mm512_mask_max_epu16);
extremes_width!(extremes_fours: 4, u16, 4, _mm512_mask_min_epu32, _mm512_mask_max_epu32);
extremes_width!(extremes_eights: 8, u8, 8, _mm512_mask_min_epu64, _mm512_mask_max_epu64);

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn extremes_lines(words: &Words, values: &[u8], width: u8) -> Extremes {
    let (found, done) = match width {
        1 => extremes_bytes(words, values),
        2 => extremes_pairs(words, values),
        4 => extremes_fours(words, values),
        8 => extremes_eights(words, values),
        _ => return None,
    };
    let (words, values) = portable::rest(words, values, width, done);
    let more = portable::extremes_words(words, values, width);
    match (found, more) {
        (Some((least, greatest)), Some((low, high))) => Some((least.min(low), greatest.max(high))),
        (one, other) => one.or(other),
    }
}
