//! The kernels for CPUs with AVX2: 32 bytes at a time.
//!
//! Bits are counted by the method of Harley and Seal as Muła, Kurz and Lemire give it for AVX2 ("Faster Population
//! Counts Using AVX2 Instructions", 2018): carry-save adders gather eight registers into one, whose bits are then
//! looked up by halves of bytes. Arrays meet by blocks of eight rows, each compared with each (Schlegel, Willhalm and
//! Lehner, "Fast Sorted-Set Intersection using SIMD Instructions", 2011).
//!
//! *Invariants:* [`table`] is the only way to the functions here, but for what `avx512` takes under the same condition,
//! and asks the CPU first. Memory is read through references to arrays of the size of a register, by `load` functions
//! alone.

use super::dispatch::{Extremes, Kernels, Rows, Runs, Stored, TwoRanges, Words};
use super::floats::{self, FloatUnits, FloatWindow};
use super::portable::{self, Lane};
use super::x86::for_cpu;
use super::{AMONG_MAX, WORDS};
use std::arch::x86_64::*;

static TABLE: Kernels = Kernels {
    name: "avx2",
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
    let able = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("sse4.2");
    able.then_some(&TABLE)
}

for_cpu! { "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2":
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
    fn arrays_count(one: &Rows, two: &Rows) -> u32 = arrays_count_blocks;
    fn between(words: &mut Words, values: &[u8], width: u8, low: u64, high: u64) = between_lines;
    fn between_both(one: &mut Words, two: &mut Words, values: &[u8], bounds: TwoRanges)
        = between_both_lines;
    fn among(words: &mut Words, values: &[u8], wanted: &[u8]) = among_lines;
    fn sum(words: &Words, values: &[u8], width: u8) -> (u128, u32) = portable::sum;
    fn sum_floats(words: &Words, values: &[u8], window: FloatWindow, others: &mut Words)
        -> FloatUnits = floats::sum_floats;
    fn extremes(words: &Words, values: &[u8], width: u8) -> Extremes = portable::extremes;
    fn histogram(words: &Words, values: &[u8], counts: &mut [u64; 256]) = portable::histogram;
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "a load into a register is through a pointer")]
fn load(line: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is to 32 bytes, which is all that is read, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(line.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "a load into a register is through a pointer")]
fn load_words<A: Lane>(line: &[A; 4]) -> __m256i {
    const { assert!(size_of::<A>() == 8) }
    // SAFETY: the reference is to four lanes of eight bytes, which is all that is read; lanes are `u64` and `[u8; 8]`,
    // of which every byte is written; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(line.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse4.2")]
#[expect(unsafe_code, reason = "a load into a register is through a pointer")]
fn load_rows(rows: &[[u8; 2]; 8]) -> __m128i {
    // SAFETY: the reference is to eight times two bytes, which is all that is read; the load asks for no alignment.
    unsafe { _mm_loadu_si128(rows.as_ptr().cast()) }
}

/// How many bits are set in each 64-bit lane.
#[inline]
#[target_feature(enable = "avx2")]
fn count_bits(register: __m256i) -> __m256i {
    #[rustfmt::skip]
    let bits = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let half = _mm256_set1_epi8(0x0f);
    let low = _mm256_shuffle_epi8(bits, _mm256_and_si256(register, half));
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(register), half);
    let sums = _mm256_add_epi8(low, _mm256_shuffle_epi8(bits, high));
    _mm256_sad_epu8(sums, _mm256_setzero_si256())
}

/// Adds three bits in each place: the carries, and what stays.
#[inline]
#[target_feature(enable = "avx2")]
fn add(a: __m256i, b: __m256i, c: __m256i) -> (__m256i, __m256i) {
    let differ = _mm256_xor_si256(a, b);
    let carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(differ, c));
    (carry, _mm256_xor_si256(differ, c))
}

#[inline]
#[target_feature(enable = "avx2")]
fn both<A: Lane, B: Lane>(one: &[A; 4], two: &[B; 4]) -> __m256i {
    _mm256_and_si256(load_words(one), load_words(two))
}

#[inline]
#[target_feature(enable = "avx2")]
fn count_lines<A: Lane>(words: &[A; WORDS]) -> u32 {
    // The second load of a line is found to be the first.
    and_count_lines(words, words)
}

#[inline]
#[target_feature(enable = "avx2")]
fn and_count_lines<A: Lane, B: Lane>(one: &[A; WORDS], two: &[B; WORDS]) -> u32 {
    let zero = _mm256_setzero_si256();
    let (mut sum, mut ones, mut twos, mut fours) = (zero, zero, zero, zero);
    let lines = one.as_chunks::<4>().0.as_chunks::<8>().0;
    let others = two.as_chunks::<4>().0.as_chunks::<8>().0;
    for ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) in lines.iter().zip(others) {
        let (first, rest) = add(ones, both(a, i), both(b, j));
        let (second, rest) = add(rest, both(c, k), both(d, l));
        let (four, two) = add(twos, first, second);
        let (first, rest) = add(rest, both(e, m), both(f, n));
        let (second, rest) = add(rest, both(g, o), both(h, p));
        let (other_four, two) = add(two, first, second);
        let (eight, left) = add(fours, four, other_four);
        (ones, twos, fours) = (rest, two, left);
        sum = _mm256_add_epi64(sum, count_bits(eight));
    }
    sum = _mm256_slli_epi64::<3>(sum);
    sum = _mm256_add_epi64(sum, _mm256_slli_epi64::<2>(count_bits(fours)));
    sum = _mm256_add_epi64(sum, _mm256_slli_epi64::<1>(count_bits(twos)));
    sum = _mm256_add_epi64(sum, count_bits(ones));
    let halves = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    (_mm_cvtsi128_si64(halves) + _mm_extract_epi64::<1>(halves)) as u32
}

/// Eight rows of one against eight of the other at a time; whichever ends lower makes way for the next eight. As in
/// CRoaring these are branches: guessed well, the next comparison need not wait for this one.
#[inline]
#[target_feature(enable = "sse4.2,popcnt")]
pub(super) fn arrays_count_blocks(one: &Rows, two: &Rows) -> u32 {
    const EACH_WITH_EACH: i32 = _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_ANY | _SIDD_BIT_MASK;
    // The comparison takes a zero for the end; only a first row can be one.
    let (one_zero, one) = without_zero(one);
    let (two_zero, two) = without_zero(two);
    let mut count = u32::from(one_zero && two_zero);
    let (ones, twos) = (one.as_chunks::<8>().0, two.as_chunks::<8>().0);
    let (mut left, mut right) = (0, 0);
    if let (Some(mut a), Some(mut b)) = (ones.first(), twos.first()) {
        loop {
            let same = _mm_cmpistrm::<EACH_WITH_EACH>(load_rows(b), load_rows(a));
            count += _mm_cvtsi128_si32(same).count_ones();
            let ([.., last], [.., end]) = (a, b);
            let (last, end) = (u16::from_le_bytes(*last), u16::from_le_bytes(*end));
            if last <= end {
                left += 1;
                let Some(next) = ones.get(left) else { break };
                a = next;
            }
            if end <= last {
                right += 1;
                let Some(next) = twos.get(right) else { break };
                b = next;
            }
        }
    }
    // A block of which all was met is gone on its side, so that no pair is counted twice.
    let one = one.get(left * 8..).unwrap_or_default();
    let two = two.get(right * 8..).unwrap_or_default();
    // One of them has less than a block.
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    count + portable::gallop_count(short, long)
}

/// Whether rows begin with zero, and those after it.
fn without_zero(rows: &Rows) -> (bool, &Rows) {
    match rows {
        [[0, 0], rest @ ..] => (true, rest),
        _ => (false, rows),
    }
}

/// Whether bytes are no greater, as their upper bits; so for the other widths.
#[inline]
#[target_feature(enable = "avx2")]
fn bytes_within(offsets: __m256i, span: __m256i) -> u32 {
    let within = _mm256_cmpeq_epi8(_mm256_min_epu8(offsets, span), offsets);
    _mm256_movemask_epi8(within) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
fn pairs_within(offsets: __m256i, span: __m256i) -> u32 {
    let within = _mm256_cmpeq_epi16(_mm256_min_epu16(offsets, span), offsets);
    // Packing works in each half of the register; the halves are then put side by side.
    let packed = _mm256_packs_epi16(within, _mm256_setzero_si256());
    _mm256_movemask_epi8(_mm256_permute4x64_epi64::<0b1101_1000>(packed)) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
fn fours_within(offsets: __m256i, span: __m256i) -> u32 {
    let within = _mm256_cmpeq_epi32(_mm256_min_epu32(offsets, span), offsets);
    _mm256_movemask_ps(_mm256_castsi256_ps(within)) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
fn eights_within(offsets: __m256i, span: __m256i) -> u32 {
    // There is no comparison of unsigned numbers; with their upper bits turned, those of signed ones order them.
    let turn = _mm256_set1_epi64x(i64::MIN);
    let above = _mm256_cmpgt_epi64(_mm256_xor_si256(offsets, turn), _mm256_xor_si256(span, turn));
    !_mm256_movemask_pd(_mm256_castsi256_pd(above)) as u32 & 0xf
}

/// A line of values against each that is wanted.
#[inline]
#[target_feature(enable = "avx2")]
fn among_lines(words: &mut Words, values: &[u8], wanted: &[u8]) {
    let mut all = [_mm256_setzero_si256(); AMONG_MAX];
    for (place, value) in all.iter_mut().zip(wanted) {
        *place = _mm256_set1_epi8(value.cast_signed());
    }
    let used = all.get(..wanted.len()).unwrap_or(&all);
    let lines = if wanted.is_empty() { &[] } else { values.as_chunks::<32>().0.as_chunks::<2>().0 };
    let hits = |line: &[u8; 32]| {
        let line = load(line);
        let hit = used.iter().fold(_mm256_setzero_si256(), |hit, value| {
            _mm256_or_si256(hit, _mm256_cmpeq_epi8(line, *value))
        });
        u64::from(_mm256_movemask_epi8(hit) as u32)
    };
    for (word, [low, high]) in words.iter_mut().zip(lines) {
        *word = hits(low) | hits(high) << 32;
    }
    let (words, values) = portable::rest_mut(words, values, 1, lines.len());
    portable::among_words(words, values, wanted);
}

/// A loop over the words and the lines of the values at them.
macro_rules! between_width {
    ($name:ident: $lines:literal, $type:ty, $set:ident, $sub:ident, $compare:ident) => {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn $name(words: &mut Words, values: &[u8], low: u64, high: u64) -> usize {
            let base = $set(low as $type);
            // One comparison: what is below the lower bound wraps to above the span.
            let span = $set((high - low) as $type);
            let groups = values.as_chunks::<32>().0.as_chunks::<$lines>().0;
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
between_width!(between_bytes: 2, i8, _mm256_set1_epi8, _mm256_sub_epi8, bytes_within);
between_width!(between_pairs: 4, i16, _mm256_set1_epi16, _mm256_sub_epi16, pairs_within);
between_width!(between_fours: 8, i32, _mm256_set1_epi32, _mm256_sub_epi32, fours_within);
between_width!(between_eights: 16, i64, _mm256_set1_epi64x, _mm256_sub_epi64, eights_within);

#[inline]
#[target_feature(enable = "avx2")]
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

#[inline]
#[target_feature(enable = "avx2")]
fn between_both_lines(one: &mut Words, two: &mut Words, values: &[u8], bounds: TwoRanges) {
    for (words, (low, high)) in [one, two].into_iter().zip(bounds) {
        between_lines(words, values, 1, u64::from(low), u64::from(high));
    }
}
