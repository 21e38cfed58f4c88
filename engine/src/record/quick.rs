//! The common forms of cells, read without a copy: plain integers and decimals. All others are for `CellText`.

use crate::base::number::Decimal;
use crate::base::value::ValueType;

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

/// The type of a day or an instant in its most common forms: `2024-02-28` up to the 28th, and `2024-02-28T12:00:00Z`
/// with any time of day.
pub fn quick_time(text: &str) -> Option<ValueType> {
    let bytes = text.as_bytes();
    let number = |from: usize| match bytes.get(from..from + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    };
    let mark = |at: usize, wanted: u8| bytes.get(at) == Some(&wanted);
    let day = number(0)? >= 10
        && number(2).is_some()
        && (mark(4, b'-') && mark(7, b'-'))
        && (1..=12).contains(&number(5)?)
        && (1..=28).contains(&number(8)?);
    match bytes.len() {
        10 if day => Some(ValueType::Date),
        20 if day => {
            let marks = mark(10, b'T') && mark(13, b':') && mark(16, b':') && mark(19, b'Z');
            let time = number(11)? < 24 && number(14)? < 60 && number(17)? < 60;
            (marks && time).then_some(ValueType::Timestamp)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::CellText;
    use super::*;
    use crate::base::value::Value;

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

    #[test]
    fn times_are_known_quickly() {
        for text in [
            "2024-02-28",
            "2024-02-29",
            "0999-01-01",
            "1000-12-01",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024/01/01",
            "2024-01-0x",
            "2024-01-01T00:00:00Z",
            "9999-01-01T23:59:59Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00+",
            "2024-01-01T00:00:00",
        ] {
            if let Some(quick) = quick_time(text) {
                assert_eq!(CellText::inferred(text).value_type, quick, "{text}");
                assert_eq!(CellText::string(text).value_type, quick, "{text}");
            }
        }
        assert_eq!(quick_time("2024-02-28"), Some(ValueType::Date));
        assert_eq!(quick_time("2024-02-28T12:30:00Z"), Some(ValueType::Timestamp));
    }
}
