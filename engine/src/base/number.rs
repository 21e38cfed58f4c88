//! Exact decimals.

use bincode::{Decode, Encode};
use std::cmp::Ordering;
use std::fmt;

/// The most digits a decimal may have.
pub const DECIMAL_DIGITS: u32 = 38;

/// A decimal number: `coefficient / 10^scale`, at most 38 digits. Equal numbers compare equal whatever their scale.
#[derive(Debug, Clone, Copy, Default, Encode, Decode)]
pub struct Decimal {
    /// The digits, with the sign.
    pub coefficient: i128,
    /// How many of the digits stand behind the point, 0 to 38.
    pub scale: u8,
}

fn power_of_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

const LIMIT: i128 = 10_i128.pow(DECIMAL_DIGITS) - 1;

/// Powers of ten that are floats as they are.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

impl Decimal {
    /// A decimal of these digits, or nothing when it has more than 38 or the scale is above 38.
    pub fn new(coefficient: i128, scale: u8) -> Option<Decimal> {
        let fits = coefficient.unsigned_abs() <= LIMIT.unsigned_abs()
            && u32::from(scale) <= DECIMAL_DIGITS;
        fits.then_some(Decimal { coefficient, scale })
    }

    /// Reads digits with at most one point and a sign: `-12.50`. No exponent, no spaces.
    pub fn parse(text: &str) -> Option<Decimal> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut coefficient: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            coefficient = coefficient.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
        }
        let signed = if text.starts_with('-') { -coefficient } else { coefficient };
        Decimal::new(signed, u8::try_from(fraction.len()).ok()?)
    }

    /// The same number without zeros at its end.
    pub fn normalized(self) -> Decimal {
        let mut result = self;
        while result.scale > 0 && result.coefficient % 10 == 0 {
            result = Decimal { coefficient: result.coefficient / 10, scale: result.scale - 1 };
        }
        result
    }

    /// The nearest float: correctly rounded.
    pub fn to_f64(self) -> f64 {
        // Both are floats as they are, and one division of such is rounded correctly (Clinger, 1990).
        match POWERS.get(usize::from(self.scale)) {
            Some(power) if self.coefficient.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS => {
                self.coefficient as f64 / power
            }
            _ => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The sum, exact, or nothing on overflow.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        if self.scale == other.scale {
            return Decimal::new(self.coefficient.checked_add(other.coefficient)?, self.scale);
        }
        let scale = self.scale.max(other.scale);
        let left = self.rescaled(scale)?;
        let right = other.rescaled(scale)?;
        Decimal::new(left.checked_add(right)?, scale)
    }

    /// The remainder of a division towards zero, or nothing on overflow or by zero.
    pub fn checked_rem(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        Decimal::new(self.rescaled(scale)?.checked_rem(other.rescaled(scale)?)?, scale)
    }

    fn rescaled(self, scale: u8) -> Option<i128> {
        let factor = power_of_ten(u32::from(scale.checked_sub(self.scale)?))?;
        self.coefficient.checked_mul(factor)
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Decimal {
        Decimal { coefficient: i128::from(value), scale: 0 }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        if self.scale == other.scale {
            return self.coefficient.cmp(&other.coefficient);
        }
        let scale = self.scale.max(other.scale);
        match (self.rescaled(scale), other.rescaled(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            // Only the side that had to grow can overflow, and then it is the greater in size.
            (None, _) => self.coefficient.cmp(&0),
            (_, None) => 0.cmp(&other.coefficient),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.coefficient.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        let sign = if self.coefficient < 0 { "-" } else { "" };
        if fraction.is_empty() {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_value() {
        let d = |t: &str| Decimal::parse(t).unwrap();
        assert_eq!(d("1.50"), d("1.5"));
        assert!(d("-0.01") < d("0"));
        assert!(
            d("99999999999999999999999999999999999999")
                > d("0.00000000000000000000000000000000000001")
        );
        assert!(d("-99999999999999999999999999999999999999") < d("0.1"));
        assert_eq!(d("-12.050").to_string(), "-12.050");
        assert_eq!(d("100").normalized().to_string(), "100");
        assert_eq!(d(".5").to_string(), "0.5");
        for bad in ["", "-", ".", "1e5", "1.2.3", " 1", "999999999999999999999999999999999999999"] {
            assert!(Decimal::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn floats_of_decimals_are_the_nearest_ones() {
        let mut random = crate::base::random::Rng(3);
        for _ in 0..20_000 {
            let coefficient = i128::from(random.below(usize::MAX) as i64 >> random.below(64));
            let wide = coefficient * 10_i128.pow(random.below(19) as u32);
            for coefficient in [coefficient, wide] {
                let decimal = Decimal { coefficient, scale: random.below(39) as u8 };
                let parsed: f64 = decimal.to_string().parse().unwrap();
                assert_eq!(decimal.to_f64().to_bits(), parsed.to_bits(), "{decimal}");
            }
        }
    }
}
