//! Numbers of the events of a chunk, in as few bytes as they need, so that kernels test stretches of them.

use crate::base::bits::Bits;

/// A number for each event of a chunk, or nothing.
#[derive(Debug, Default)]
pub struct Values {
    base: u64,
    /// Bytes of a number: 0, 1, 2, 4 or 8.
    width: u8,
    bytes: Vec<u8>,
    count: usize,
    /// A bit for each that has a value.
    present: Vec<u64>,
}

impl Values {
    /// Of numbers, and a bit for each that is a value.
    pub(super) fn new(numbers: &[u64], present: Vec<u64>) -> Values {
        let is_known = |place: usize| known(&present, place);
        let with_places = numbers.iter().enumerate();
        let own = with_places.filter(|(place, _)| is_known(*place)).map(|(_, number)| *number);
        let base = own.clone().min().unwrap_or_default();
        let reach = own.max().unwrap_or_default() - base;
        let width: u8 = match u64::BITS - reach.leading_zeros() {
            0 => 0,
            1..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ => 8,
        };
        let mut bytes = Vec::with_capacity(numbers.len() * usize::from(width));
        for (place, number) in numbers.iter().enumerate() {
            let number = if is_known(place) { number - base } else { 0 };
            bytes.extend(number.to_le_bytes().iter().take(usize::from(width)));
        }
        Values { base, width, bytes, count: numbers.len(), present }
    }

    /// The number at a place; nothing for NULL.
    #[inline]
    pub fn get(&self, place: usize) -> Option<u64> {
        if !known(&self.present, place) {
            return None;
        }
        let number = match self.width {
            0 => 0,
            1 => u64::from(*self.bytes.get(place)?),
            2 => u64::from(u16::from_le_bytes(*self.bytes.as_chunks::<2>().0.get(place)?)),
            4 => u64::from(u32::from_le_bytes(*self.bytes.as_chunks::<4>().0.get(place)?)),
            _ => u64::from_le_bytes(*self.bytes.as_chunks::<8>().0.get(place)?),
        };
        Some(self.base.wrapping_add(number))
    }

    /// Whether there is no value.
    pub(super) fn is_empty(&self) -> bool {
        self.present.iter().all(|word| *word == 0)
    }

    /// Makes `out` those of some places, at most 65,536 from the first on, whose number is no less than `low` and no
    /// greater than `high`. What stands for NULL may be among them, and what is behind the last.
    pub fn between(&self, places: (usize, usize), (low, high): (u64, u64), out: &mut Bits) {
        if low > high || high < self.base {
            return out.clear();
        }
        let (low, high) = (low.saturating_sub(self.base), high - self.base);
        let width = usize::from(self.width);
        if width == 0 {
            return if low == 0 { out.fill() } else { out.clear() };
        }
        let bytes = self.bytes.get(places.0 * width..places.1.min(self.count) * width);
        out.between(bytes.unwrap_or_default(), self.width, low, high);
    }

    /// Makes `out` those of some places, at most 65,536 from the first on, whose number passes. NULL never does.
    pub fn passing(&self, places: (usize, usize), passes: impl Fn(u64) -> bool, out: &mut Bits) {
        for (start, word) in (places.0..).step_by(64).zip(&mut out.0) {
            let bit = |at: usize| u64::from(self.get(start + at).is_some_and(&passes)) << at;
            *word = if start < places.1 { (0..64).fold(0, |bits, at| bits | bit(at)) } else { 0 };
        }
    }

    /// Leaves of the 65,536 places from one on, which is a multiple of 64, those that have a value.
    pub fn leave_known(&self, first: usize, out: &mut Bits) {
        let present = self.present.get(first / 64..).unwrap_or_default();
        let present = present.iter().copied().chain(std::iter::repeat(0));
        out.0.iter_mut().zip(present).for_each(|(word, present)| *word &= present);
    }
}

#[inline]
fn known(present: &[u64], place: usize) -> bool {
    present.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;
    use crate::column::CHUNK_BITS;

    #[test]
    fn stretches_of_numbers_are_tested_as_one_by_one() {
        let mut random = Rng(7);
        for (spread, count) in
            [(1, 70_000_usize), (200, 3), (200, 70_000), (60_000, 66_000), (1 << 40, 65_000)]
        {
            let base = random.below(1 << 50) as u64;
            let numbers: Vec<u64> =
                (0..count).map(|_| base + random.below(spread) as u64).collect();
            let mut present = vec![0_u64; count.div_ceil(64)];
            let known: Vec<bool> = (0..count).map(|_| random.below(9) > 0).collect();
            for place in (0..count).filter(|place| known[*place]) {
                present[place / 64] |= 1 << (place % 64);
            }
            let values = Values::new(&numbers, present);
            let of =
                |place: usize| known.get(place).and_then(|known| known.then(|| numbers[place]));
            assert!((0..count + 200).all(|place| values.get(place) == of(place)), "{spread}");
            let mut found = Bits::empty();
            for _ in 0..40 {
                let first = random.below(count / 64 + 1) * 64;
                let last = count.min(first + 1 + random.below(1 << CHUNK_BITS));
                let (low, high) =
                    (base + random.below(spread) as u64, base + random.below(spread) as u64);
                let agree = |found: &Bits, passes: &dyn Fn(u64) -> bool| {
                    for place in first..last {
                        let at = u16::try_from(place - first).unwrap();
                        assert_eq!(
                            found.contains(at),
                            of(place).is_some_and(passes),
                            "{spread} {place}"
                        );
                    }
                };
                values.between((first, last), (low, high), &mut found);
                values.leave_known(first, &mut found);
                agree(&found, &|number| low <= number && number <= high);
                values.passing((first, last), |number| number % 3 == 1, &mut found);
                agree(&found, &|number| number % 3 == 1);
            }
        }
    }
}
