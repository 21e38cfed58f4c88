//! Numbers that look like chance, from one seed.

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Chance(pub u64);

impl Chance {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// From 0 to 1, without the latter.
    pub fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in this share of cases.
    pub fn often(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let place = self.below(list.len());
        list.get(place).copied().unwrap_or_default()
    }

    /// A place in a list whose first members are the most frequent: as Zipf and Mandelbrot have it, with `flat` for how
    /// many at the top are about as frequent.
    pub fn ranked(&mut self, count: usize, flat: f64) -> usize {
        let rank = flat * ((count as f64 + flat) / flat).powf(self.unit()) - flat;
        (rank as usize).min(count.saturating_sub(1))
    }

    pub fn frequent<'a>(&mut self, list: &'a [String], flat: f64) -> &'a str {
        let place = self.ranked(list.len(), flat);
        list.get(place).map_or("", String::as_str)
    }
}
