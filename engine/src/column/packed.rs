//! Integers in as many bits as they need: what the engine itself counts and numbers, which no kernel reads in place.
//!
//! A value is the base plus its number times the unit, which is the greatest common divisor of all distances from the
//! base: times of whole seconds take 20 bits for a fortnight. Numbers stand in order, the lowest bit first, with seven
//! bytes behind the last, so that each is read by one load of 64 bits.

/// Bytes behind the last number.
const MARGIN: usize = 7;
/// More bits than these, and a number does not fit a load that may begin seven bits before it.
const BITS_MAX: u8 = 56;
/// The width of numbers that need more bits.
const WHOLE: u8 = 64;

/// How integers are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packing {
    pub base: i64,
    pub unit: u32,
    /// Bits of a number: 0 to 56, or 64.
    pub bits: u8,
}

/// Whether numbers may have so many bits.
pub(super) fn is_width(bits: usize) -> bool {
    bits <= usize::from(BITS_MAX) || bits == usize::from(WHOLE)
}

/// Bytes that so many numbers take.
pub(super) fn bytes_for(count: usize, bits: usize) -> usize {
    if bits == 0 { 0 } else { (count * bits).div_ceil(8) + MARGIN }
}

fn divisor(left: u64, right: u64) -> u64 {
    let (mut left, mut right) = (left, right);
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// The greatest unit of distances that 32 bits hold.
fn unit_of(distances: impl Iterator<Item = u64>) -> u32 {
    let mut unit = 0;
    for distance in distances {
        if unit == 1 {
            break;
        }
        if unit == 0 || distance % unit != 0 {
            unit = divisor(unit, distance);
        }
    }
    // A unit that is too large is one of distances that are few.
    u32::try_from(unit).unwrap_or(1).max(1)
}

/// Appends integers.
pub(super) fn pack(out: &mut Vec<u8>, values: &[i64]) -> Packing {
    let base = values.iter().min().copied().unwrap_or_default();
    let distance = |value: &i64| value.wrapping_sub(base).cast_unsigned();
    let unit = unit_of(values.iter().map(distance));
    let wide = u64::from(unit);
    let greatest = values.iter().max().map_or(0, distance) / wide;
    let needed = u64::BITS - greatest.leading_zeros();
    let bits = u8::try_from(needed).ok().filter(|bits| *bits <= BITS_MAX).unwrap_or(WHOLE);
    let (mut held, mut filled) = (0_u128, 0);
    let start = out.len();
    for value in values.iter().filter(|_| bits > 0) {
        let number = if unit == 1 { distance(value) } else { distance(value) / wide };
        held |= u128::from(number) << filled;
        filled += u32::from(bits);
        if filled >= u64::BITS {
            out.extend_from_slice(&(held as u64).to_le_bytes());
            held >>= u64::BITS;
            filled -= u64::BITS;
        }
    }
    out.extend_from_slice(&(held as u64).to_le_bytes());
    out.resize(start + bytes_for(values.len(), usize::from(bits)), 0);
    Packing { base, unit, bits }
}

impl Packing {
    /// The bit at which a number begins: bytes, and bits within the byte.
    #[inline]
    pub(super) fn place(self, slot: usize) -> (usize, u32) {
        let bit = slot * usize::from(self.bits);
        (bit / 8, (bit % 8) as u32)
    }

    /// The integer whose 64 bits were read from the byte at which its number begins.
    #[inline]
    pub(super) fn value(self, word: u64, shift: u32) -> i64 {
        let mask = if self.bits >= WHOLE { u64::MAX } else { (1 << self.bits) - 1 };
        let number = word >> shift & mask;
        self.base.wrapping_add(number.wrapping_mul(u64::from(self.unit)).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_whatever_their_width() {
        let spread = |step: u64, bits: u32| -> Vec<i64> {
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let mixed = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) & mask;
            (0..300).map(|n| mixed(n).wrapping_mul(step).cast_signed()).collect()
        };
        let mut all =
            vec![vec![], vec![7], vec![i64::MIN, i64::MAX], vec![-5; 9], vec![0, 1 << 40]];
        for bits in 1..=64 {
            all.extend([1, 3, 1_000_000].map(|step| spread(step, bits)));
        }
        for values in all {
            let mut out = vec![9];
            let packing = pack(&mut out, &values);
            assert!(is_width(usize::from(packing.bits)));
            let bytes = &out[1..];
            assert_eq!(bytes.len(), bytes_for(values.len(), usize::from(packing.bits)));
            for (slot, value) in values.iter().enumerate() {
                let (at, shift) = packing.place(slot);
                let word = if packing.bits == 0 {
                    0
                } else {
                    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
                };
                assert_eq!(packing.value(word, shift), *value, "{packing:?}");
            }
        }
        let seconds = pack(&mut Vec::new(), &[0, 86_400_000_000, 3_600_000_000]);
        assert_eq!((seconds.unit, seconds.bits), (3_600_000_000, 5));
    }
}
