//! Random numbers from one seed, and how a failure is replayed.
//!
//! `NAVE_SEED=n` runs the random tests with that seed alone; `NAVE_FULL=1` chooses the large counts.

/// splitmix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Whether the large counts were asked for.
pub fn full() -> bool {
    std::env::var("NAVE_FULL").is_ok_and(|v| v == "1")
}

/// `plain` in a plain run, `large` in a full one.
pub fn scale(plain: u64, large: u64) -> u64 {
    if full() { large } else { plain }
}

/// The seed that was asked for by hand, if one was.
pub fn asked_seed() -> Option<u64> {
    let text = std::env::var("NAVE_SEED").ok()?;
    Some(text.trim().parse().expect("NAVE_SEED is a whole number"))
}

/// The seeds of a random test: the one asked for, or `count` from `first`.
pub fn seeds(first: u64, count: u64) -> Vec<u64> {
    asked_seed().map_or_else(|| (first..first + count).collect(), |seed| vec![seed])
}
