//! The common forms of cells, read without a copy: plain integers and decimals. All others are for `CellText`.

use crate::base::number::Decimal;

/// Digits that fit 64 bits with room to spare.
const DIGITS: usize = 18;

/// The digits of a number in its plain form (no plus, no leading zero, no exponent): coefficient and scale.
fn digits(text: &str) -> Option<(i64, u8)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if unsigned.is_empty() || unsigned.len() > DIGITS {
        return None;
    }
    let mut coefficient: i64 = 0;
    let mut point = None;
    for (index, byte) in unsigned.iter().enumerate() {
        match byte {
            b'0'..=b'9' => coefficient = coefficient * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && index > 0 => point = Some(index),
            _ => return None,
        }
    }
    let whole = point.unwrap_or(unsigned.len());
    if whole > 1 && unsigned.first() == Some(&b'0') {
        return None;
    }
    let scale = point.map_or(0, |point| unsigned.len() - point - 1);
    if point.is_some() && scale == 0 {
        return None;
    }
    let signed = if text.starts_with('-') { -coefficient } else { coefficient };
    Some((signed, u8::try_from(scale).ok()?))
}

/// An integer in its plain form.
pub fn quick_integer(text: &str) -> Option<i64> {
    digits(text).filter(|(_, scale)| *scale == 0 && !text.contains('.')).map(|(value, _)| value)
}

/// An integer or decimal in its plain form.
pub fn quick_decimal(text: &str) -> Option<Decimal> {
    digits(text).map(|(coefficient, scale)| Decimal { coefficient: i128::from(coefficient), scale })
}

#[cfg(test)]
mod tests {
    use super::super::CellText;
    use super::*;
    use crate::base::value::{Value, ValueType};

    #[test]
    fn what_is_read_quickly_is_what_is_read_slowly() {
        let texts = [
            "0",
            "-0",
            "7",
            "-7",
            "007",
            "0.5",
            "-0.50",
            "00.5",
            ".5",
            "5.",
            "1e3",
            "+1",
            "1.2.3",
            "123456789012345678",
            "1234567890123456789",
            "12345678901234567.8",
            "",
            "-",
            "1 ",
            "a",
            "9223372036854775807",
            "0.000",
            "10",
            "-10.10",
            "1_000",
        ];
        for text in texts {
            let slow = CellText::inferred(text);
            if let Some(quick) = quick_integer(text) {
                assert_eq!(slow.value_type, ValueType::Integer, "{text}");
                assert_eq!(
                    slow.value_as(ValueType::Integer),
                    Some(Value::Integer(quick)),
                    "{text}"
                );
            }
            if let Some(quick) = quick_decimal(text) {
                assert!(slow.value_type <= ValueType::Decimal, "{text}");
                let Some(Value::Decimal(known)) = slow.value_as(ValueType::Decimal) else {
                    panic!("{text}")
                };
                assert_eq!((known.coefficient, known.scale), (quick.coefficient, quick.scale));
            }
        }
        assert_eq!(quick_integer("42"), Some(42));
        assert_eq!(quick_decimal("4.20").map(|d| (d.coefficient, d.scale)), Some((420, 2)));
    }
}
