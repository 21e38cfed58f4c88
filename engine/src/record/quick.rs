//! The common forms of cells, read without a copy: plain integers and decimals, days, instants, and lists of strings.
//! All others are for `CellText`.

use crate::base::number::Decimal;
use crate::base::time::{Date, Timestamp};
use crate::base::value::Value;

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

/// A day or an instant in its most common forms: `2024-02-28` up to the 28th, and `2024-02-28T12:00:00Z` with any time
/// of day and digits of a second.
pub fn quick_instant(text: &str) -> Option<Value> {
    let bytes = text.as_bytes();
    let number = |from: usize| match bytes.get(from..from + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    };
    let mark = |at: usize, wanted: u8| bytes.get(at) == Some(&wanted);
    let year = number(0).filter(|century| *century >= 10)? * 100 + number(2)?;
    let month = number(5).filter(|month| (1..=12).contains(month) && mark(4, b'-'))?;
    let day = number(8).filter(|day| (1..=28).contains(day) && mark(7, b'-'))?;
    let date = Date(days_of(year, month, day));
    let [_, _, _, _, _, _, _, _, _, _, clock @ ..] = bytes else { return None };
    if clock.is_empty() {
        return Some(Value::Date(date));
    }
    let marks = mark(10, b'T') && mark(13, b':') && mark(16, b':');
    let hours = number(11).filter(|hours| marks && *hours < 24)?;
    let minutes = number(14).filter(|minutes| *minutes < 60)?;
    let seconds = number(17).filter(|seconds| *seconds < 60)?;
    let micros = match clock.get(9..)? {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            let digits = digits.iter().chain(b"000000").take(6);
            let mut micros = 0;
            for digit in digits {
                micros = micros * 10 + i64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
            }
            micros
        }
        _ => return None,
    };
    let of_day = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros;
    Some(Value::Timestamp(Timestamp(date.midnight().0 + of_day)))
}

/// Days from 1970 to a day of the proleptic Gregorian calendar, by counting years from March on (Hinnant, 2013).
fn days_of(year: i64, month: i64, day: i64) -> i32 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// The texts of a list in JSON that holds plain strings and nothing else, not even blanks: sorted, each once.
pub fn quick_set(text: &str) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    each_of_list(text, |text| texts.push(text.to_owned()))?;
    texts.sort_unstable();
    texts.dedup();
    Some(texts)
}

/// Whether a text is a list in JSON that holds plain strings and nothing else.
pub fn is_quick_list(text: &str) -> bool {
    each_of_list(text, |_| {}).is_some()
}

fn each_of_list<'t>(text: &'t str, mut see: impl FnMut(&'t str)) -> Option<()> {
    let mut rest = text.strip_prefix('[')?.strip_suffix(']')?;
    if rest.is_empty() {
        return Some(());
    }
    loop {
        rest = rest.strip_prefix('"')?;
        let end = rest.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))?;
        let (item, behind) = rest.split_at_checked(end)?;
        see(item);
        rest = behind.strip_prefix('"')?;
        if rest.is_empty() {
            return Some(());
        }
        rest = rest.strip_prefix(',')?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::CellText;
    use super::*;
    use crate::base::value::ValueType;

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
            "2024-01-01T00:00:00.5Z",
            "2024-01-01T00:00:00.123456Z",
            "2024-01-01T00:00:00.1234567Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00.1xZ",
            "1969-12-28T23:59:59.000001Z",
        ] {
            if let Some(quick) = quick_instant(text) {
                for slow in [CellText::inferred(text), CellText::string(text)] {
                    assert_eq!(slow.value_type, quick.value_type(), "{text}");
                    assert_eq!(slow.value_as(quick.value_type()), Some(quick.clone()), "{text}");
                }
            }
        }
        assert_eq!(quick_instant("2024-02-28").unwrap().value_type(), ValueType::Date);
        assert!(quick_instant("2024-02-28T12:30:00.25Z").is_some());
        for day in (-354_000..2_932_000).step_by(17) {
            let text = Date(day).to_string();
            if let Some(quick) = quick_instant(&text) {
                assert_eq!(quick, Value::Date(Date(day)), "{text}");
            }
        }
    }

    #[test]
    fn lists_are_read_quickly() {
        for text in [
            "[]",
            "[\"\"]",
            "[\"b\",\"a\",\"b\"]",
            "[\"é\",\"日本\"]",
            "[\"a\", \"b\"]",
            "[ ]",
            "[1]",
            "[null]",
            "[\"a\",]",
            "[\"a\"\"b\"]",
            "[\"a\\n\"]",
            "[\"a\tb\"]",
            "[\"a]",
            "[\"]",
            "[",
            "\"a\"",
            "[[\"a\"]]",
            "[\"[\"]",
        ] {
            assert_eq!(quick_set(text).is_some(), is_quick_list(text), "{text}");
            if let Some(quick) = quick_set(text) {
                let list: serde_json::Value = serde_json::from_str(text).unwrap();
                let slow = CellText::set(&list).value_as(ValueType::Set);
                assert_eq!(slow, Some(Value::Set(quick)), "{text}");
            }
        }
        assert!(is_quick_list("[\"a\",\"b\"]"));
    }
}
