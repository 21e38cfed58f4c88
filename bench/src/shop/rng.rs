//! Random numbers from one seed.

/// splitmix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of one thing of many: those of its neighbours are others.
    pub fn of(seed: u64, kind: u64, number: u64) -> Rng {
        let mut rng = Rng(seed ^ kind.wrapping_mul(0xa076_1d64_78bd_642f));
        Rng(rng.next() ^ number.wrapping_mul(0xe703_7ed1_a0b4_28db))
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low).expect("low is at most high") + 1;
        low + i64::try_from(self.below(width)).expect("a width of less than 64 bits")
    }

    /// A float from 0 to 1, without the latter.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let number = usize::try_from(self.below(from.len() as u64)).expect("an index");
        from.get(number).expect("there is one to pick")
    }

    /// One of several words.
    pub fn word(&mut self, from: &[&'static str]) -> &'static str {
        self.pick::<&'static str>(from)
    }
}
