//! Whole numbers of any size, in the way of paper and pencil: what the oracle is exact with when 128 bits are too few.

use std::cmp::Ordering;

/// Digits from the least, each below `BASE`; no zero stands at the end. Zero has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Big {
    negative: bool,
    limbs: Vec<u32>,
}

const BASE: u64 = 1_000_000_000;
const LIMB_DIGITS: usize = 9;

impl Big {
    pub fn of(value: i128) -> Big {
        let mut rest = value.unsigned_abs();
        let mut limbs = Vec::new();
        while rest > 0 {
            limbs.push((rest % u128::from(BASE)) as u32);
            rest /= u128::from(BASE);
        }
        Big { negative: value < 0, limbs }
    }

    /// Reads digits with a sign before them.
    pub fn parse(text: &str) -> Big {
        let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
        let limb = |part: &[u8]| part.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
        let limbs = digits.rchunks(LIMB_DIGITS).map(limb).collect();
        Big { negative: text.starts_with('-'), limbs }.trimmed()
    }

    fn trimmed(mut self) -> Big {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
        self.negative &= !self.limbs.is_empty();
        self
    }

    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// The digits without the sign; none for zero.
    pub fn digits(&self) -> String {
        let mut text = String::new();
        for (at, limb) in self.limbs.iter().rev().enumerate() {
            text +=
                &if at == 0 { limb.to_string() } else { format!("{limb:0w$}", w = LIMB_DIGITS) };
        }
        text
    }

    pub fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// The number, if it has no more than 38 digits.
    pub fn small(&self) -> Option<i128> {
        let digits = self.digits();
        if digits.len() > 38 {
            return None;
        }
        Some(format!("{}0{digits}", self.sign()).parse().expect("38 digits fit"))
    }

    pub fn negated(&self) -> Big {
        Big { negative: !self.negative && !self.is_zero(), limbs: self.limbs.clone() }
    }

    fn size(&self, other: &Big) -> Ordering {
        let lengths = self.limbs.len().cmp(&other.limbs.len());
        lengths.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    pub fn compare(&self, other: &Big) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.size(other),
            (true, true) => other.size(self),
        }
    }

    pub fn plus(&self, other: &Big) -> Big {
        let limb = |big: &Big, at: usize| i64::from(big.limbs.get(at).copied().unwrap_or(0));
        let length = self.limbs.len().max(other.limbs.len());
        let same = self.negative == other.negative;
        let (first, second) =
            if !same && self.size(other).is_lt() { (other, self) } else { (self, other) };
        let (mut limbs, mut carry) = (Vec::with_capacity(length + 1), 0);
        for at in 0..length {
            let term = if same { limb(second, at) } else { -limb(second, at) };
            let sum = limb(first, at) + term + carry;
            limbs.push(sum.rem_euclid(BASE as i64) as u32);
            carry = sum.div_euclid(BASE as i64);
        }
        limbs.push(carry as u32);
        Big { negative: first.negative, limbs }.trimmed()
    }

    pub fn times(&self, other: &Big) -> Big {
        let mut limbs = vec![0_u32; self.limbs.len() + other.limbs.len() + 1];
        for (i, a) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            for (j, slot) in limbs[i..].iter_mut().enumerate() {
                let b = other.limbs.get(j).copied().unwrap_or(0);
                let sum = u64::from(*a) * u64::from(b) + u64::from(*slot) + carry;
                *slot = (sum % BASE) as u32;
                carry = sum / BASE;
            }
        }
        Big { negative: self.negative != other.negative, limbs }.trimmed()
    }

    pub fn times_ten_to(&self, power: usize) -> Big {
        if self.is_zero() || power == 0 {
            return self.clone();
        }
        Big::parse(&format!("{}{}{}", self.sign(), self.digits(), "0".repeat(power)))
    }

    /// What is left when the other is taken away as often as it goes in, with the sign of this number.
    pub fn remainder(&self, other: &Big) -> Big {
        let wanted = Big { negative: false, limbs: other.limbs.clone() };
        let mut rest = Big { negative: false, limbs: self.limbs.clone() };
        let most = rest.digits().len().saturating_sub(wanted.digits().len());
        for power in (0..=most).rev() {
            let step = wanted.times_ten_to(power);
            while rest.size(&step).is_ge() {
                rest = rest.plus(&step.negated());
            }
        }
        Big { negative: self.negative, ..rest }.trimmed()
    }
}

#[test]
fn big_numbers_are_right() {
    let numbers =
        [0, 1, -1, 9, -10, 999_999_999, 1_000_000_000, -1_000_000_001, 123_456_789_012_345_678_901];
    for a in numbers {
        for b in numbers {
            let (x, y) = (Big::of(a), Big::of(b));
            assert_eq!(x.plus(&y).small(), Some(a + b), "{a} + {b}");
            assert_eq!(x.compare(&y), a.cmp(&b), "{a} and {b}");
            if let Some(product) = a.checked_mul(b).filter(|p| p.unsigned_abs() < 10_u128.pow(38)) {
                assert_eq!(x.times(&y).small(), Some(product), "{a} * {b}");
            }
            if b != 0 {
                assert_eq!(x.remainder(&y).small(), Some(a % b), "{a} % {b}");
            }
        }
        assert_eq!(Big::parse(&a.to_string()), Big::of(a));
        assert_eq!(Big::of(a).times_ten_to(5).small(), Some(a * 100_000));
    }
}
