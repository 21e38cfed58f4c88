//! Exact sums of the floats at rows, as two integers.
//!
//! *Why it is exact:* of floats whose exponents lie in a window, adding 1.5 times a large power of two leaves in the
//! last bits how many of a unit the float is, rounded; what rounding took away is a whole number of a smaller unit.
//! Both are integers that a chunk of rows cannot bring beyond 64 bits in eight lanes. This is the extraction of
//! Rump, Ogita and Oishi (2008), with integers in the place of floats, so that no order of rows matters.

use super::portable::{each_bit, within};
use super::{Bits, WORDS, kernels};

/// The exponents that are summed at once: the floats with an exponent below `end`, as floats have it in their bits,
/// that are no more than so many powers of two below it. Nought is among them.
const EXPONENTS: u64 = 47;
/// The ends that a window may have: both units are floats, and no piece of a sum is beyond them.
const ENDS: std::ops::RangeInclusive<u64> = 200..=1900;
/// The bits behind the exponent.
const FRACTION: u32 = 52;

/// Which floats are summed at once, by their exponents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloatWindow {
    end: u64,
}

impl Default for FloatWindow {
    /// From about 10^-6 to 10^8.
    fn default() -> FloatWindow {
        FloatWindow { end: 1050 }
    }
}

impl FloatWindow {
    /// The window that has a float near its upper end.
    pub fn around(value: f64) -> FloatWindow {
        let end = (value.to_bits() >> FRACTION & 0x7ff) + 3;
        FloatWindow { end: end.clamp(*ENDS.start(), *ENDS.end()) }
    }

    /// The bits of the least float, without its sign, and how far the greatest one is from it.
    #[inline]
    pub(super) fn bounds(self) -> (u64, u64) {
        ((self.end - EXPONENTS) << FRACTION, EXPONENTS << FRACTION)
    }

    /// What is added to a float to have it in units, and what to the rest.
    #[inline]
    pub(super) fn shifters(self) -> [f64; 2] {
        let shifter = |exponent: u64| f64::from_bits(exponent << FRACTION | 1 << (FRACTION - 1));
        [shifter(self.end + 3), shifter(self.end - EXPONENTS)]
    }

    /// The units of both integers.
    pub fn units(self) -> [f64; 2] {
        let unit = |exponent: u64| f64::from_bits((exponent - u64::from(FRACTION)) << FRACTION);
        [unit(self.end + 3), unit(self.end - EXPONENTS)]
    }

    /// Whether a float is summed at once.
    #[inline]
    fn holds(self, bits: u64) -> bool {
        let (least, span) = self.bounds();
        let size = bits & (u64::MAX >> 1);
        size == 0 || size.wrapping_sub(least) < span
    }
}

/// What the floats at rows come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FloatUnits {
    /// How many of the units of the window.
    pub units: [i128; 2],
    /// How many rows have a float, those out of the window too.
    pub count: u32,
    /// How many of them are out of the window.
    pub others: u32,
}

impl FloatUnits {
    pub(super) fn add(&mut self, more: FloatUnits) {
        self.units.iter_mut().zip(more.units).for_each(|(own, more)| *own += more);
        self.count += more.count;
        self.others += more.others;
    }
}

impl Bits {
    /// The sum of the floats at rows that a window has; `others` becomes the rows of those that it has not. Rows past
    /// the last float do not count.
    pub fn sum_floats(&self, values: &[u8], window: FloatWindow, others: &mut Bits) -> FloatUnits {
        others.clear();
        (kernels().sum_floats)(&self.0, values, window, &mut others.0)
    }
}

#[inline(always)]
pub(super) fn sum_floats(
    words: &[u64; WORDS],
    values: &[u8],
    window: FloatWindow,
    others: &mut [u64; WORDS],
) -> FloatUnits {
    sum_words(words, values, window, others)
}

#[inline(always)]
pub(super) fn sum_words(
    words: &[u64],
    values: &[u8],
    window: FloatWindow,
    others: &mut [u64],
) -> FloatUnits {
    let shifters = window.shifters();
    let [whole, rest] = shifters;
    let [of_whole, of_rest] = shifters.map(f64::to_bits);
    let mut found = FloatUnits::default();
    let lines = values.as_chunks::<8>().0.chunks(64);
    for ((word, line), other) in words.iter().zip(lines).zip(others) {
        let word = within(*word, line.len());
        let (mut high, mut low) = (0_u64, 0_u64);
        each_bit(word, |bit| {
            let Some(value) = line.get(bit as usize) else { return };
            let bits = u64::from_le_bytes(*value);
            if !window.holds(bits) {
                *other |= 1 << bit;
                return;
            }
            let value = f64::from_bits(bits);
            let shifted = value + whole;
            let left = value - (shifted - whole);
            high = high.wrapping_add(shifted.to_bits().wrapping_sub(of_whole));
            low = low.wrapping_add((left + rest).to_bits().wrapping_sub(of_rest));
        });
        found.add(FloatUnits {
            units: [high, low].map(|sum| i128::from(sum.cast_signed())),
            count: word.count_ones(),
            others: other.count_ones(),
        });
    }
    found
}
