//! Sums that are exact until they are read, so that the order of their terms never matters.

use super::natural::Natural;
use super::number::{DECIMAL_DIGITS, Decimal};

/// One more than the greatest coefficient of a decimal.
const UNIT: u128 = 10_u128.pow(DECIMAL_DIGITS);

fn power_of_ten(exponent: u8) -> i128 {
    10_i128.checked_pow(u32::from(exponent)).unwrap_or(i128::MAX)
}

/// A sum of decimals with the number of its terms. Only what it comes to must have at most 38 digits, not what it is on
/// the way.
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    /// The digits, as long as 128 bits hold them.
    coefficient: i128,
    count: u64,
    /// The sum from when they no longer did.
    wide: Option<Box<Wide>>,
    /// How many digits stand behind the point: as many as in the term that has the most.
    scale: u8,
}

/// A number of any size that a sum of decimals can have: `high * 10^38 + low + fraction / 10^38`, where `low` and
/// `fraction` are below 10^38 and never negative.
#[derive(Debug, Clone, Copy, Default)]
struct Wide {
    high: i64,
    low: u128,
    fraction: u128,
}

impl Wide {
    fn add(&mut self, coefficient: i128, scale: u8) {
        let unit = power_of_ten(scale);
        let whole = coefficient.div_euclid(unit);
        let above = DECIMAL_DIGITS.saturating_sub(u32::from(scale));
        self.fraction += coefficient.rem_euclid(unit).unsigned_abs() * 10_u128.pow(above);
        let unit = UNIT.cast_signed();
        self.low += whole.rem_euclid(unit).unsigned_abs() + self.fraction / UNIT;
        self.fraction %= UNIT;
        self.high += i64::try_from(whole.div_euclid(unit)).unwrap_or(0)
            + i64::try_from(self.low / UNIT).unwrap_or(0);
        self.low %= UNIT;
    }

    fn join(&mut self, other: &Wide) {
        self.fraction += other.fraction;
        self.low += other.low + self.fraction / UNIT;
        self.fraction %= UNIT;
        self.high += other.high + i64::try_from(self.low / UNIT).unwrap_or(0);
        self.low %= UNIT;
    }

    /// The number without its sign, and whether it is negative.
    fn magnitude(self) -> (Wide, bool) {
        if self.high >= 0 {
            return (self, false);
        }
        let fraction = (UNIT - self.fraction) % UNIT;
        let below = self.low + u128::from(fraction > 0);
        let low = (UNIT - below) % UNIT;
        (Wide { high: -self.high - i64::from(below > 0), low, fraction }, true)
    }

    /// The digits when so many of them stand behind the point; nothing when that changes the number, or there are more
    /// than a decimal has.
    fn decimal(self, scale: u8) -> Option<Decimal> {
        let (Wide { high: 0, low, fraction }, negative) = self.magnitude() else { return None };
        let cut = 10_u128.pow(DECIMAL_DIGITS.checked_sub(u32::from(scale))?);
        if fraction % cut != 0 {
            return None;
        }
        let digits = low.checked_mul(10_u128.pow(u32::from(scale)))?.checked_add(fraction / cut)?;
        let digits = i128::try_from(digits).ok()?;
        Decimal::new(if negative { -digits } else { digits }, scale)
    }
}

impl ExactSum {
    /// Adds a term.
    pub fn add(&mut self, term: Decimal) {
        self.count += 1;
        let scale = self.scale.max(term.scale);
        if self.wide.is_none() {
            let sum = rescaled(self.coefficient, self.scale, scale)
                .zip(rescaled(term.coefficient, term.scale, scale))
                .and_then(|(sum, term)| sum.checked_add(term));
            if let Some(sum) = sum {
                (self.coefficient, self.scale) = (sum, scale);
                return;
            }
        }
        self.widened().add(term.coefficient, term.scale);
        self.scale = scale;
    }

    /// Adds what so many terms of one scale come to.
    pub fn add_many(&mut self, sum: Decimal, terms: u64) {
        if terms > 0 {
            self.add(sum);
            self.count += terms - 1;
        }
    }

    /// Adds what other terms come to.
    pub fn merge(&mut self, other: &ExactSum) {
        match &other.wide {
            None => {
                let (coefficient, scale) = (other.coefficient, other.scale);
                self.add_many(Decimal { coefficient, scale }, other.count);
            }
            Some(wide) => {
                self.widened().join(wide);
                self.scale = self.scale.max(other.scale);
                self.count += other.count;
            }
        }
    }

    /// The sum as a number of any size.
    fn widened(&mut self) -> &mut Wide {
        self.wide.get_or_insert_with(|| {
            let mut wide = Wide::default();
            wide.add(self.coefficient, self.scale);
            Box::new(wide)
        })
    }

    /// Counts a term that is summed elsewhere.
    pub fn count_one(&mut self) {
        self.count += 1;
    }

    /// How many terms there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum; nothing when it has more than 38 digits. It has as many digits behind the point as the term with the
    /// most, or fewer when there is no room for zeros.
    pub fn value(&self) -> Option<Decimal> {
        match &self.wide {
            None => {
                let sum = Decimal { coefficient: self.coefficient, scale: self.scale };
                let shorter = sum.normalized();
                Decimal::new(sum.coefficient, sum.scale)
                    .or_else(|| Decimal::new(shorter.coefficient, shorter.scale))
            }
            Some(wide) => {
                wide.decimal(self.scale).or_else(|| (0..self.scale).find_map(|s| wide.decimal(s)))
            }
        }
    }

    /// The sum divided by the number of its terms, rounded once; NaN when there is none.
    pub fn average(&self) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        let exact = |number: u128| (number <= 1 << f64::MANTISSA_DIGITS).then_some(number as f64);
        let (size, scale, negative) = match &self.wide {
            None => {
                let size = self.coefficient.unsigned_abs();
                let divisor = power_of_ten(self.scale).unsigned_abs();
                let divisor = divisor.checked_mul(u128::from(self.count));
                if let Some((size, divisor)) = exact(size).zip(divisor.and_then(exact)) {
                    return if self.coefficient < 0 { -(size / divisor) } else { size / divisor };
                }
                (Natural::from(size), u32::from(self.scale), self.coefficient < 0)
            }
            Some(wide) => {
                let (size, negative) = wide.magnitude();
                let high = Natural::from(u128::from(size.high.unsigned_abs()));
                let whole = high.times_ten_to(DECIMAL_DIGITS).plus(&Natural::from(size.low));
                let all = whole.times_ten_to(DECIMAL_DIGITS).plus(&Natural::from(size.fraction));
                (all, DECIMAL_DIGITS, negative)
            }
        };
        let quotient = size.over(Natural::from(u128::from(self.count)).times_ten_to(scale));
        if negative { -quotient } else { quotient }
    }
}

fn rescaled(coefficient: i128, scale: u8, wanted: u8) -> Option<i128> {
    if scale == wanted {
        return Some(coefficient);
    }
    coefficient.checked_mul(power_of_ten(wanted.checked_sub(scale)?))
}

/// Half of the power of two above all floats.
const HALF: f64 = f64::from_bits(0x7FE0_0000_0000_0000);

/// A sum of floats. It may stray beyond the range of floats on the way; where it ends there, it is an infinity.
///
/// Method: Shewchuk's growing expansions of non-overlapping partials (1997), rounded as in Python's `math.fsum`, with a
/// count of powers of two that no float holds, as in the proposal `Math.sumPrecise` of ECMAScript.
#[derive(Debug, Clone, Default)]
pub struct FloatSum {
    partials: Vec<f64>,
    special: f64,
    /// How many times 2^1024 stands beside the partials.
    beyond: i32,
}

/// The rounded sum of two floats and what rounding took away.
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let (big, small) = if x.abs() < y.abs() { (y, x) } else { (x, y) };
    let high = big + small;
    (high, small - (high - big))
}

impl FloatSum {
    /// Adds one value. Infinities and NaN are kept apart and decide the result.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.special += value;
            return;
        }
        let mut x = value;
        let mut kept = 0;
        for index in 0..self.partials.len() {
            let Some(&y) = self.partials.get(index) else { break };
            let (mut high, mut low) = two_sum(x, y);
            if high.is_infinite() {
                // Both are so large that twice the half can be taken away without rounding.
                let half = HALF.copysign(high);
                let (big, small) = if x.abs() < y.abs() { (y, x) } else { (x, y) };
                (high, low) = two_sum((big - half) - half, small);
                self.beyond += if half > 0.0 { 1 } else { -1 };
            }
            if low != 0.0 {
                if let Some(slot) = self.partials.get_mut(kept) {
                    *slot = low;
                }
                kept += 1;
            }
            x = high;
        }
        self.partials.truncate(kept);
        self.partials.push(x);
    }

    /// Adds what other values come to.
    pub fn merge(&mut self, other: &FloatSum) {
        other.partials.iter().for_each(|partial| self.add(*partial));
        self.special += other.special;
        self.beyond += other.beyond;
    }

    /// The sum, rounded once to the nearest float, ties to even.
    pub fn value(&self) -> f64 {
        if self.special != 0.0 || self.special.is_nan() {
            return self.special;
        }
        let mut rest: Vec<f64> = self.partials.clone();
        let mut high = 0.0;
        if self.beyond != 0 {
            match self.brought_back(&mut rest) {
                Ok(finite) => high = finite,
                Err(end) => return end,
            }
        }
        let mut low = 0.0;
        while let Some(partial) = rest.pop() {
            (high, low) = two_sum(high, partial);
            if low != 0.0 {
                break;
            }
        }
        let below = rest.last().copied().unwrap_or(0.0);
        // A tie was rounded to even though a smaller part lies beyond it: step to the true neighbour.
        if low != 0.0 && ((low < 0.0 && below < 0.0) || (low > 0.0 && below > 0.0)) {
            let doubled = low * 2.0;
            let stepped = high + doubled;
            if doubled == stepped - high {
                return stepped;
            }
        }
        high
    }

    /// The greatest partial together with what stands beyond the floats, when a float holds that; the end of the range
    /// when none does.
    fn brought_back(&self, rest: &mut Vec<f64>) -> Result<f64, f64> {
        let sign = f64::from(self.beyond.signum());
        let infinity = f64::INFINITY.copysign(sign);
        let next = rest.pop().unwrap_or(0.0);
        if self.beyond.abs() > 1 || next * sign >= 0.0 {
            return Err(infinity);
        }
        // With half of everything there is room.
        let (half, low) = two_sum(HALF * sign, next / 2.0);
        let low = low * 2.0;
        if (half * 2.0).is_infinite() {
            // Half a unit below 2^1024 is a tie that rounds away from the floats, unless something takes more away.
            let tie = (f64::MAX - f64::MAX.next_down()) / 2.0;
            let below = rest.last().copied().unwrap_or(0.0);
            let stays = low * sign == -tie && below * sign < 0.0;
            return Err(if stays { f64::MAX * sign } else { infinity });
        }
        if low != 0.0 {
            rest.push(low);
        }
        Ok(half * 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers by a linear congruence.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 20
        }

        fn below(&mut self, n: u64) -> u64 {
            self.next() % n
        }

        fn shuffle<T>(&mut self, items: &mut [T]) {
            for i in (1..items.len()).rev() {
                let j = self.below(i as u64 + 1) as usize;
                items.swap(i, j);
            }
        }

        fn decimal(&mut self) -> Decimal {
            let digits = self.below(39) as u32;
            let scale = [0, 0, 2, 38, self.below(39) as u8][self.below(5) as usize];
            let size = ((u128::from(self.next()) << 84) | (u128::from(self.next()) << 40))
                % 10_u128.pow(digits);
            let sign = if self.below(2) == 0 { 1 } else { -1 };
            Decimal::new(size.cast_signed() * sign, scale).unwrap()
        }
    }

    fn sum_of(terms: &[Decimal]) -> ExactSum {
        let mut sum = ExactSum::default();
        terms.iter().for_each(|term| sum.add(*term));
        sum
    }

    #[test]
    fn sums_of_parts_are_the_sum_of_all() {
        let mut numbers = Numbers(17);
        for _ in 0..500 {
            let terms: Vec<Decimal> = (0..numbers.below(12)).map(|_| numbers.decimal()).collect();
            let (left, right) = terms.split_at(numbers.below(terms.len() as u64 + 1) as usize);
            let (mut merged, whole) = (sum_of(left), sum_of(&terms));
            merged.merge(&sum_of(right));
            assert_eq!((merged.value(), merged.count()), (whole.value(), whole.count()));
        }
    }

    #[test]
    fn sums_of_decimals_may_stray() {
        let d = |text: &str| Decimal::parse(text).unwrap();
        let big = "60000000000000000000000000000000000000";
        let minus = format!("-{big}");
        for order in [[big, big, &minus], [big, &minus, big], [&minus, big, big]] {
            assert_eq!(sum_of(&order.map(d)).value().unwrap().to_string(), big);
        }
        assert_eq!(sum_of(&[d(big), d(big)]).value(), None);
        assert_eq!(sum_of(&[d(&minus), d(&minus)]).value(), None);
        let one = d("0.00000000000000000000000000000000000001");
        assert_eq!(sum_of(&[d(big), one]).value(), None);
        assert_eq!(sum_of(&[d(big), one, d(&minus)]).value(), Some(one));
        assert_eq!(sum_of(&[d(&minus), one, d(big)]).value(), Some(one));
        assert_eq!(sum_of(&[d("1.50"), d("2.50")]).value().unwrap().to_string(), "4.00");
        assert_eq!(sum_of(&[d(big), d("0.5"), d("0.5")]).value().unwrap().to_string().len(), 38);
        assert_eq!(sum_of(&[d("-0.5"), d("0.2")]).value().unwrap().to_string(), "-0.3");
    }

    #[test]
    fn the_order_of_decimals_never_matters() {
        let mut numbers = Numbers(5);
        let (mut wide, mut none) = (0, 0);
        for _ in 0..4000 {
            let count = numbers.below(12) + 1;
            let mut terms: Vec<Decimal> = (0..count).map(|_| numbers.decimal()).collect();
            // Pairs that take each other away let sums stray.
            for _ in 0..numbers.below(4) {
                let term = terms[numbers.below(terms.len() as u64) as usize];
                terms.push(Decimal { coefficient: -term.coefficient, ..term });
            }
            let first = sum_of(&terms);
            numbers.shuffle(&mut terms);
            let second = sum_of(&terms);
            assert_eq!(first.value(), second.value(), "{terms:?}");
            assert_eq!(first.value().map(|d| d.scale), second.value().map(|d| d.scale));
            assert_eq!(first.average().to_bits(), second.average().to_bits(), "{terms:?}");
            wide += u32::from(first.wide.is_some());
            none += u32::from(first.value().is_none());
        }
        assert!(wide > 500 && none > 200, "{wide} {none}");
    }

    #[test]
    fn averages_are_rounded_once() {
        let thrice = [Decimal::from(9_007_199_254_740_993); 3];
        assert_eq!(sum_of(&thrice).average(), 9_007_199_254_740_992.0);
        let mut numbers = Numbers(7);
        for _ in 0..4000 {
            // A divisor without other factors than 2 and 5 gives digits that end.
            let (twos, fives) = (numbers.below(6) as u32, numbers.below(3) as u32);
            let count = 2_u64.pow(twos) * 5_u64.pow(fives);
            let term = numbers.decimal();
            let mut sum = ExactSum::default();
            sum.add(term);
            (1..count).for_each(|_| sum.count_one());
            let digits = twos.max(fives);
            let factor = 5_u128.pow(digits - fives) * 2_u128.pow(digits - twos);
            let Some(numerator) = term.coefficient.unsigned_abs().checked_mul(factor) else {
                continue;
            };
            let sign = if term.coefficient < 0 { "-" } else { "" };
            let text = format!("{sign}{numerator}e-{}", digits + u32::from(term.scale));
            let wanted: f64 = text.parse().unwrap();
            assert_eq!(sum.average(), wanted, "{term} / {count}");
        }
        let big = Decimal::parse("99999999999999999999999999999999999999").unwrap();
        assert_eq!(sum_of(&[big; 5]).average(), 1e38);
        let least = Decimal::parse("-0.00000000000000000000000000000000000001").unwrap();
        let both = sum_of(&[big, least]);
        assert_eq!(both.value(), None);
        assert_eq!(both.average(), 5e37);
    }

    #[test]
    fn float_sums_do_not_depend_on_order() {
        let values = [1e300, 1.0, -1e300, 1e-300, 0.1, 0.2, -0.3, 1e16, 1.0, -1e16];
        let mut forward = FloatSum::default();
        let mut backward = FloatSum::default();
        values.iter().for_each(|v| forward.add(*v));
        values.iter().rev().for_each(|v| backward.add(*v));
        assert_eq!(forward.value(), backward.value());
        let mut tenths = FloatSum::default();
        (0..10).for_each(|_| tenths.add(0.1));
        assert_eq!(tenths.value(), 1.0);
    }

    fn floats(values: &[f64]) -> f64 {
        let mut sum = FloatSum::default();
        values.iter().for_each(|v| sum.add(*v));
        sum.value()
    }

    #[test]
    fn float_sums_may_stray_beyond_the_range() {
        assert_eq!(floats(&[1e308, 1e308]), f64::INFINITY);
        assert_eq!(floats(&[-1e308, -1e308, 3.0]), f64::NEG_INFINITY);
        assert_eq!(floats(&[1e308, 1e308, -1e308]), 1e308);
        let ulp = f64::MAX - f64::MAX.next_down();
        assert_eq!(floats(&[f64::MAX, ulp / 2.0]), f64::INFINITY);
        assert_eq!(floats(&[f64::MAX, ulp / 2.0, -1e-300]), f64::MAX);
        assert_eq!(floats(&[-f64::MAX, -ulp / 2.0, 1e-300]), -f64::MAX);
        assert_eq!(floats(&[f64::MAX, ulp, -ulp]), f64::MAX);
        // In units of 2^950 such sums are integers.
        let unit = 2_f64.powi(950);
        let mut numbers = Numbers(11);
        let (mut strayed, mut beyond) = (0, 0);
        for _ in 0..20_000 {
            let terms: Vec<i128> = (0..numbers.below(9) + 1)
                .map(|_| {
                    let mantissa = i128::from((numbers.next() << 9) | numbers.below(512));
                    let sign = if numbers.below(2) == 0 { 1 } else { -1 };
                    // Between half the greatest float and the greatest, or anywhere below.
                    match numbers.below(3) {
                        0 => (((1 << 53) - 1 - i128::from(numbers.below(3))) * sign) << 21,
                        1 => ((mantissa | (1 << 52)) * sign) << 21,
                        _ => (mantissa * sign) << numbers.below(21),
                    }
                })
                .collect();
            let values: Vec<f64> = terms.iter().map(|t| *t as f64 * unit).collect();
            assert!(values.iter().all(|v| v.is_finite()));
            let wanted = terms.iter().sum::<i128>() as f64 * unit;
            assert_eq!(floats(&values), wanted, "{values:?}");
            strayed += u32::from(values.iter().sum::<f64>().is_nan() || wanted.is_finite());
            beyond += u32::from(wanted.is_infinite());
        }
        assert!(strayed > 2000 && beyond > 2000, "{strayed} {beyond}");
    }
}
