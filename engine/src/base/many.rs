//! Sums of many floats, exact and quick.
//!
//! Floats of usual size are added as integers of 128 bits; the others, and what the integers come to, go to `FloatSum`.
//! *Invariant:* the sum is that of `FloatSum` over the same values.

use super::sum::FloatSum;

/// Floats of these exponents are added as integers of 128 bits, in units of the least bit of the least of them: from
/// about 10^-9 to 10^8.
const QUICK_EXPONENTS: std::ops::Range<u64> = 993..1050;
/// So many terms below 2^(53 + 57) fit 128 bits.
const QUICK_TERMS: u32 = 1 << 16;

/// A sum of many floats: the usual ones are added as integers, which is exact and quick, the others one by one.
#[derive(Debug, Clone, Default)]
pub struct ManyFloats {
    quick: i128,
    terms: u32,
    sum: FloatSum,
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
        if self.terms == QUICK_TERMS {
            self.settle();
        }
    }

    /// Hands what was added as integers over, in pieces that floats hold exactly.
    fn settle(&mut self) {
        let unit = f64::from_bits((QUICK_EXPONENTS.start - 52) << 52);
        let (mut rest, negative) = (self.quick.unsigned_abs(), self.quick < 0);
        let mut unit = if negative { -unit } else { unit };
        while rest > 0 {
            let piece = (rest & ((1 << 48) - 1)) as u64;
            if piece > 0 {
                self.sum.add(piece as f64 * unit);
            }
            rest >>= 48;
            unit *= f64::from_bits((1023 + 48) << 52);
        }
        (self.quick, self.terms) = (0, 0);
    }

    /// The sum of all.
    pub fn finish(mut self) -> FloatSum {
        self.settle();
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Rng;
    use super::*;

    #[test]
    fn many_floats_add_up_as_one_by_one() {
        let mut numbers = Rng(5);
        for round in 0..200 {
            let (mut many, mut single) = (ManyFloats::default(), FloatSum::default());
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
            }
            assert_eq!(many.finish().value().to_bits(), single.value().to_bits());
        }
        let mut many = ManyFloats::default();
        (0..200_000).for_each(|_| many.add(1e8));
        assert_eq!(many.finish().value(), 2e13);
    }
}
