//! Finding a place in a sorted list: guesses where keys are spread evenly, halving for the rest.

use std::cmp::Ordering;

/// Keys that are so few are found as quickly by halving.
const NEAR: usize = 64;
/// How often a place is guessed before the rest is halved.
const GUESSES: u32 = 6;

/// A key of which one can say how far it lies between two others.
pub trait Spread: Copy + Ord {
    /// Which share of the way from the least to the greatest it lies behind the least.
    fn share(self, least: Self, greatest: Self) -> f64;
}

impl Spread for u128 {
    fn share(self, least: u128, greatest: u128) -> f64 {
        let (behind, all) = (self.saturating_sub(least), greatest - least.min(greatest));
        // The 63 bits that count of both, since numbers of 64 bits become floats in one step.
        let few = 65_u32.saturating_sub(all.leading_zeros());
        if behind >= all { 1.0 } else { (behind >> few) as i64 as f64 / (all >> few) as i64 as f64 }
    }
}

impl Spread for u32 {
    fn share(self, least: u32, greatest: u32) -> f64 {
        f64::from(self.saturating_sub(least)) / f64::from(greatest - least.min(greatest))
    }
}

/// The first of some places whose key is not less than one (or is greater, with `behind_equal`); the end of them when
/// there is none. By interpolation (Peterson, 1957), since many keys are digests, or numbers that follow one another.
pub fn first_place<K: Spread>(
    places: (usize, usize),
    wanted: K,
    behind_equal: bool,
    at: impl Fn(usize) -> K,
) -> usize {
    first_place_between(places, None, wanted, behind_equal, at)
}

/// The same of keys that lie between two others, where these are known.
pub fn first_place_between<K: Spread>(
    (mut low, mut high): (usize, usize),
    mut ends: Option<(K, K)>,
    wanted: K,
    behind_equal: bool,
    at: impl Fn(usize) -> K,
) -> usize {
    let before = |known: K| known < wanted || (behind_equal && known == wanted);
    let mut guesses = 0;
    while low < high {
        let between = high - low;
        let mut middle = usize::midpoint(low, high);
        if between > NEAR && guesses < GUESSES {
            guesses += 1;
            let (least, greatest) = *ends.get_or_insert_with(|| (at(low), at(high - 1)));
            // First a little before where it should be, then a little behind, so that both ends come near.
            let guess = low + (wanted.share(least, greatest).min(1.0) * between as f64) as usize;
            let margin = between.isqrt();
            middle = if guesses % 2 == 1 { guess.saturating_sub(margin) } else { guess + margin };
            middle = middle.clamp(low, high - 1);
        }
        let known = at(middle);
        if before(known) {
            low = middle + 1;
            ends = ends.map(|(_, greatest)| (known, greatest));
        } else {
            high = middle;
            ends = ends.map(|(least, _)| (least, known));
        }
    }
    low
}

/// A place among sorted keys that is being guessed.
#[derive(Debug, Clone, Copy)]
pub struct Guess<K> {
    wanted: K,
    /// If it is anywhere, it is in these places.
    low: usize,
    high: usize,
    least: K,
    greatest: K,
    /// Which of them is looked at next.
    next: usize,
}

impl<K: Spread> Guess<K> {
    /// Among so many keys, which lie between two others.
    pub fn new(wanted: K, count: usize, (least, greatest): (K, K)) -> Guess<K> {
        Guess { wanted, low: 0, high: count, least, greatest, next: 0 }.aimed()
    }

    /// The place that is looked at next; none when the key is nowhere.
    pub fn next(&self) -> Option<usize> {
        (self.low < self.high).then_some(self.next)
    }

    /// With the place where the key should be.
    fn aimed(mut self) -> Guess<K> {
        let share = self.wanted.share(self.least, self.greatest).min(1.0);
        let ahead = (share * self.high.saturating_sub(self.low) as f64) as usize;
        self.next = (self.low + ahead).min(self.high.saturating_sub(1));
        self
    }

    /// Looks at the key that should be it; gives its place where it is.
    pub fn step(&mut self, at: impl Fn(usize) -> K) -> Option<usize> {
        let place = self.next()?;
        let known = at(place);
        match known.cmp(&self.wanted) {
            Ordering::Equal => return Some(place),
            Ordering::Less => (self.low, self.least) = (place + 1, known),
            Ordering::Greater => (self.high, self.greatest) = (place, known),
        }
        *self = self.aimed();
        None
    }

    /// The first place whose key is not less than the wanted one; the end when there is none.
    pub fn lower(mut self, at: impl Fn(usize) -> K) -> usize {
        for _ in 0..GUESSES {
            if let Some(place) = self.step(&at) {
                return place;
            }
        }
        first_place((self.low, self.high), self.wanted, false, &at)
    }

    /// Looks for it until it is found or cannot be there. Keys that are spread evenly are met after a few guesses, each
    /// of which is nearer by a square root.
    pub fn end(mut self, at: impl Fn(usize) -> K) -> Option<usize> {
        for _ in 0..GUESSES {
            if let Some(place) = self.step(&at) {
                return Some(place);
            }
        }
        let (low, high) = (self.low, self.high);
        let place = first_place((low, high), self.wanted, false, &at);
        (place < high && at(place) == self.wanted).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;

    #[test]
    fn a_guess_finds_what_a_look_at_all_finds() {
        let mut random = Rng(11);
        for round in 0..80 {
            let count = [0, 1, 2, NEAR, NEAR + 1, 700, 3000][round % 7];
            let mut keys: Vec<u32> = (0..count)
                .map(|place| match round % 4 {
                    0 => random.below(1 << 30) as u32,
                    1 => (random.below(5) << random.below(28)) as u32,
                    2 => u32::MAX - random.below(1000) as u32,
                    _ => place as u32 * 3,
                })
                .collect();
            keys.sort_unstable();
            let near = |key: &u32| [key.saturating_sub(1), *key, key.saturating_add(1)];
            let wanted: Vec<u32> = keys.iter().flat_map(near).chain([0, u32::MAX]).collect();
            for wanted in wanted {
                for equal in [false, true] {
                    let from = random.below(count + 1);
                    let place = first_place((from, count), wanted, equal, |place| keys[place]);
                    let plain =
                        keys.partition_point(|key| *key < wanted || (equal && *key == wanted));
                    assert_eq!(place, plain.max(from), "{round}");
                }
                // What lies beside all keys must not lead astray, nor bounds that are wide.
                let ends = keys.first().zip(keys.last()).map_or((0, 0), |(a, b)| (*a, *b));
                for ends in [ends, (0, u32::MAX)] {
                    let found = Guess::new(wanted, count, ends).end(|place| keys[place]);
                    assert_eq!(
                        found.map(|place| keys[place]),
                        keys.binary_search(&wanted).ok().map(|_| wanted),
                        "{round}"
                    );
                }
            }
        }
    }
}
