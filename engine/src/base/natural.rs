//! Numbers of 512 bits, as far as quotients need them that are rounded once.

const LIMBS: usize = 8;
/// Bits of a quotient before it is rounded: all that a float has, and then some.
const QUOTIENT_BITS: u32 = 56;

/// A number of 512 bits that is never negative, the highest limb first. What a sum of decimals needs has less than 300.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Natural([u64; LIMBS]);

impl From<u128> for Natural {
    fn from(number: u128) -> Natural {
        let mut limbs = [0; LIMBS];
        let [.., high, low] = &mut limbs;
        (*high, *low) = ((number >> 64) as u64, number as u64);
        Natural(limbs)
    }
}

impl Natural {
    fn bits(&self) -> u32 {
        let empty = self.0.iter().take_while(|limb| **limb == 0).count();
        let top = self.0.get(empty).map_or(0, |limb| 64 - limb.leading_zeros());
        top + 64 * u32::try_from(LIMBS.saturating_sub(empty + 1)).unwrap_or(0)
    }

    fn times(mut self, factor: u64) -> Natural {
        let mut carry = 0;
        for limb in self.0.iter_mut().rev() {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            *limb = product as u64;
            carry = product >> 64;
        }
        self
    }

    /// Times a power of ten.
    pub fn times_ten_to(self, exponent: u32) -> Natural {
        // The greatest power of ten that a limb holds is 10^19.
        let whole = (0..exponent / 19).fold(self, |number, _| number.times(10_u64.pow(19)));
        whole.times(10_u64.pow(exponent % 19))
    }

    /// The sum.
    pub fn plus(mut self, other: &Natural) -> Natural {
        let mut carry = false;
        for (limb, other) in self.0.iter_mut().zip(&other.0).rev() {
            let (sum, first) = limb.overflowing_add(*other);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first || second);
        }
        self
    }

    /// Less a number that is no greater.
    fn minus(mut self, other: &Natural) -> Natural {
        let mut borrow = false;
        for (limb, other) in self.0.iter_mut().zip(&other.0).rev() {
            let (rest, first) = limb.overflowing_sub(*other);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (rest, first || second);
        }
        self
    }

    fn doubled(self, times: u32) -> Natural {
        let whole = (0..times / 32).fold(self, |number, _| number.times(1 << 32));
        whole.times(1 << (times % 32))
    }

    fn halved(mut self) -> Natural {
        let mut above = 0;
        for limb in &mut self.0 {
            let lowest = *limb & 1;
            *limb = (*limb >> 1) | (above << 63);
            above = lowest;
        }
        self
    }

    /// The quotient, rounded once, ties to even.
    pub fn over(self, divisor: Natural) -> f64 {
        if self.bits() == 0 {
            return 0.0;
        }
        let shift = (divisor.bits() + QUOTIENT_BITS).cast_signed() - self.bits().cast_signed();
        let mut rest = self.doubled(u32::try_from(shift).unwrap_or(0));
        let mut step = divisor.doubled(u32::try_from(-shift).unwrap_or(0) + QUOTIENT_BITS);
        let mut quotient = 0_u64;
        for _ in 0..=QUOTIENT_BITS {
            quotient <<= 1;
            if rest >= step {
                rest = rest.minus(&step);
                quotient |= 1;
            }
            step = step.halved();
        }
        // What is left only tells a tie from more than a tie: the last bit lies far below those that a float keeps.
        quotient |= u64::from(rest.bits() > 0);
        let bias = 1023;
        let power = f64::from_bits(u64::from((bias - shift).unsigned_abs()) << 52);
        quotient as f64 * power
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_the_nearest_floats() {
        let of = |a: u128, b: u128| Natural::from(a).over(Natural::from(b));
        assert_eq!(of(0, 7), 0.0);
        assert_eq!(of(1, 3), 1.0 / 3.0);
        assert_eq!(of(u128::MAX, 1), 2_f64.powi(128));
        assert_eq!(of((1 << 53) + 1, 1), 2_f64.powi(53));
        assert_eq!(of((1 << 54) + 3, 1), 2_f64.powi(54) + 4.0);
        let wide = Natural::from(u128::MAX).times_ten_to(38);
        assert_eq!(wide.over(Natural::from(1).times_ten_to(38)), 2_f64.powi(128));
        // A hair above a tie is no tie.
        let tie = Natural::from((1 << 53) + 1).times_ten_to(38);
        let above = tie.plus(&Natural::from(1));
        let one = Natural::from(1).times_ten_to(38);
        assert_eq!(tie.over(one), 2_f64.powi(53));
        assert_eq!(above.over(one), 2_f64.powi(53) + 2.0);
    }
}
