//! Sums of many floats, exact and quick.
//!
//! Floats of usual size are added as integers of 128 bits; the others, and what the integers come to, go to `FloatSum`.
//! *Invariant:* the sum is that of `FloatSum` over the same values.

use super::bits::{Bits, FloatWindow};
use super::sum::FloatSum;

/// Floats of these exponents are added as integers of 128 bits, in units of the least bit of the least of them: from
/// about 10^-9 to 10^8.
const QUICK_EXPONENTS: std::ops::Range<u64> = 993..1050;
/// Of floats at rows one in so many may be added by itself before another window is tried.
const OTHERS_FEW: u32 = 8;
/// So many terms below 2^(53 + 57) fit 128 bits.
const QUICK_TERMS: u32 = 1 << 16;

/// A sum of many floats: the usual ones are added as integers, which is exact and quick, the others one by one.
#[derive(Debug, Clone, Default)]
pub struct ManyFloats {
    quick: i128,
    terms: u32,
    sum: FloatSum,
    /// Which floats of rows are summed at once.
    window: FloatWindow,
}

impl ManyFloats {
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let exponent = bits >> 52 & 0x7ff;
        if !QUICK_EXPONENTS.contains(&exponent) {
            return self.sum.add(value);
        }
        let digits =
            i128::from(bits & ((1 << 52) - 1) | 1 << 52) << (exponent - QUICK_EXPONENTS.start);
        self.quick += if bits >> 63 == 1 { -digits } else { digits };
        self.terms += 1;
        if self.terms >= QUICK_TERMS {
            self.settle();
        }
    }

    /// Adds the floats at rows; says how many there are.
    pub fn add_at(&mut self, rows: &Bits, values: &[u8]) -> u32 {
        let mut others = Bits::empty();
        let found = rows.sum_floats(values, self.window, &mut others);
        for (units, unit) in found.units.into_iter().zip(self.window.units()) {
            self.add_units(units, unit);
        }
        if found.others > 0 {
            let mut greatest = 0.0_f64;
            let values = values.as_chunks::<8>().0;
            others.each(|row| {
                let value = values.get(usize::from(row)).map_or(0.0, |v| f64::from_le_bytes(*v));
                self.add(value);
                greatest = if value.is_finite() { greatest.max(value.abs()) } else { greatest };
            });
            // Rows that come next are about as large.
            if found.others > found.count / OTHERS_FEW {
                self.window = FloatWindow::around(greatest);
            }
        }
        found.count
    }

    /// Adds so many of a unit, in pieces that floats hold exactly.
    fn add_units(&mut self, units: i128, unit: f64) {
        let (mut rest, mut unit) = (units.unsigned_abs(), if units < 0 { -unit } else { unit });
        while rest > 0 {
            let piece = (rest & ((1 << 48) - 1)) as u64;
            if piece > 0 {
                self.sum.add(piece as f64 * unit);
            }
            rest >>= 48;
            unit *= f64::from_bits((1023 + 48) << 52);
        }
    }

    /// Adds what others came to.
    pub fn merge(&mut self, mut other: ManyFloats) {
        other.settle();
        self.sum.merge(&other.sum);
    }

    /// Hands what was added as integers over.
    fn settle(&mut self) {
        self.add_units(self.quick, f64::from_bits((QUICK_EXPONENTS.start - 52) << 52));
        (self.quick, self.terms) = (0, 0);
    }

    /// The sum of all.
    pub fn finish(mut self) -> FloatSum {
        self.settle();
        self.sum
    }
}

/// Terms after which a batch is handed over: so many of 53 bits fit 63.
const BATCH_TERMS: u32 = 1 << 10;

/// Floats on their way to a sum: those of one exponent are added as integers of 64 bits, which takes fewer steps than
/// 128, but room for each exponent.
#[derive(Debug)]
pub struct FloatBatch {
    by_exponent: [i64; 64],
    terms: u32,
}

impl Default for FloatBatch {
    fn default() -> FloatBatch {
        FloatBatch { by_exponent: [0; 64], terms: 0 }
    }
}

impl FloatBatch {
    /// Adds one value to the sum.
    #[inline]
    pub fn add(&mut self, value: f64, sum: &mut ManyFloats) {
        let bits = value.to_bits();
        let place = (bits >> 52 & 0x7ff).wrapping_sub(QUICK_EXPONENTS.start);
        let exponents = QUICK_EXPONENTS.end - QUICK_EXPONENTS.start;
        let slot = usize::try_from(place).ok().filter(|_| place < exponents);
        let Some(slot) = slot.and_then(|place| self.by_exponent.get_mut(place)) else {
            return sum.add(value);
        };
        let digits = (bits & ((1 << 52) - 1) | 1 << 52).cast_signed();
        *slot += if bits >> 63 == 1 { -digits } else { digits };
        self.terms += 1;
        if self.terms == BATCH_TERMS {
            self.settle(sum);
        }
    }

    /// Hands over what it has.
    pub fn settle(&mut self, sum: &mut ManyFloats) {
        for (shift, digits) in self.by_exponent.iter_mut().enumerate() {
            sum.quick += i128::from(std::mem::take(digits)) << shift;
        }
        sum.terms += std::mem::take(&mut self.terms);
        if sum.terms >= QUICK_TERMS - BATCH_TERMS {
            sum.settle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Rng;
    use super::*;

    #[test]
    fn floats_at_rows_add_up_as_one_by_one() {
        let mut numbers = Rng(6);
        for round in 0..60 {
            let (mut many, mut single) = (ManyFloats::default(), FloatSum::default());
            // Chunks after one another of which each may be of another size.
            for _ in 0..6 {
                let middle = 1 + numbers.below(2046) as u64;
                let spread = [2, 30, 70][round % 3];
                let mut rows = Bits::empty();
                let mut bytes = Vec::new();
                for row in 0..=numbers.below(3000) as u16 {
                    let low = middle.saturating_sub(spread / 2);
                    let exponent = (low + numbers.below(spread as usize) as u64).min(2046);
                    let digits =
                        (numbers.below(1 << 26) as u64) << 26 | numbers.below(1 << 26) as u64;
                    let sign = (numbers.below(2) as u64) << 63;
                    let value = match numbers.below(40) {
                        0 => 0.0,
                        1 => -0.0,
                        _ => f64::from_bits(sign | exponent << 52 | digits),
                    };
                    bytes.extend(value.to_le_bytes());
                    if numbers.below(3) > 0 {
                        rows.insert(row);
                        single.add(value);
                    }
                }
                assert_eq!(many.add_at(&rows, &bytes), rows.count());
            }
            assert_eq!(many.finish().value().to_bits(), single.value().to_bits(), "{round}");
        }
        let mut many = ManyFloats::default();
        let bytes: Vec<u8> =
            [1.5, f64::INFINITY, 2.0].into_iter().flat_map(f64::to_le_bytes).collect();
        assert_eq!(many.add_at(&Bits::full(), &bytes), 3);
        assert_eq!(many.finish().value(), f64::INFINITY);
    }

    #[test]
    fn many_floats_add_up_as_one_by_one() {
        let mut numbers = Rng(5);
        for round in 0..200 {
            let (mut many, mut single) = (ManyFloats::default(), FloatSum::default());
            let (mut batched, mut other) = (ManyFloats::default(), ManyFloats::default());
            let mut batch = FloatBatch::default();
            for _ in 0..numbers.below(3000) as u64 {
                let spread = if round % 2 == 0 { 60 } else { 500 };
                let exponent = 1023 - spread / 2 + numbers.below(spread as usize) as u64;
                let digits = (numbers.below(1 << 44) as u64) << 8;
                let sign = (numbers.below(2) as u64) << 63;
                let value = match numbers.below(50) {
                    0 => 0.0,
                    1 => -0.0,
                    2 => 5e-324,
                    _ => f64::from_bits(sign | exponent << 52 | digits),
                };
                many.add(value);
                single.add(value);
                let into = if numbers.below(2) == 0 { &mut batched } else { &mut other };
                batch.add(value, into);
                if numbers.below(300) == 0 {
                    batch.settle(into);
                }
            }
            batch.settle(&mut other);
            batched.merge(other);
            assert_eq!(many.finish().value().to_bits(), single.value().to_bits());
            assert_eq!(batched.finish().value().to_bits(), single.value().to_bits());
        }
        let mut many = ManyFloats::default();
        (0..200_000).for_each(|_| many.add(1e8));
        assert_eq!(many.finish().value(), 2e13);
        let (mut many, mut batch) = (ManyFloats::default(), FloatBatch::default());
        (0..200_000).for_each(|_| batch.add(1e8, &mut many));
        batch.settle(&mut many);
        assert_eq!(many.finish().value(), 2e13);
    }
}
