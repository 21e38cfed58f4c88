//! What the text of a cell is: its lexical type, its value in a wanted type, and its time.

use crate::base::number::Decimal;
use crate::base::time::{Date, Timestamp, Twice, parse_date, parse_timestamp};
use crate::base::value::{Value, ValueType};
use crate::entry::{Reading, TimeUnit};
use jiff::tz::TimeZone;

/// The text of a value as its source wrote it, and the narrowest type that it reads as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellText {
    /// The text.
    pub text: String,
    /// Its type.
    pub value_type: ValueType,
    /// Whether its source sent a number, as JSON and typed columns can, and not text that reads as one.
    pub is_number: bool,
}

impl CellText {
    /// A cell of a delimited file: its type is inferred from its text. Digits with a leading zero are text.
    pub fn inferred(text: &str) -> CellText {
        let value_type = match text.as_bytes().first() {
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
                number_type(text).or_else(|| time_type(text)).unwrap_or(ValueType::Text)
            }
            Some(b't' | b'f' | b'T' | b'F') if is_boolean(text) => ValueType::Boolean,
            _ => ValueType::Text,
        };
        CellText { text: text.to_owned(), value_type, is_number: false }
    }

    /// A cell of a column with a type of its own, save one that holds JSON.
    pub fn read(text: &str, reading: Option<Reading>) -> CellText {
        match reading {
            None | Some(Reading::Json) => CellText::inferred(text),
            Some(Reading::Plain) => CellText { is_number: true, ..CellText::inferred(text) },
            Some(Reading::Text) => CellText::string(text),
            Some(Reading::Float) => {
                let text = text.to_owned();
                CellText { text, value_type: ValueType::Float, is_number: true }
            }
        }
    }

    /// A JSON string: text, or a day or instant in ISO 8601.
    pub fn string(text: &str) -> CellText {
        let value_type = time_type(text).unwrap_or(ValueType::Text);
        CellText { text: text.to_owned(), value_type, is_number: false }
    }

    /// A JSON number, as it was written.
    pub fn number(text: &str) -> CellText {
        let value_type = number_type(text).unwrap_or(ValueType::Float);
        CellText { text: text.to_owned(), value_type, is_number: true }
    }

    /// A JSON boolean.
    pub fn boolean(value: bool) -> CellText {
        let text = value.to_string();
        CellText { text, value_type: ValueType::Boolean, is_number: false }
    }

    /// A JSON list of scalars: a set of their texts. Its own text is the list in JSON.
    pub fn set(list: &serde_json::Value) -> CellText {
        CellText { text: list.to_string(), value_type: ValueType::Set, is_number: false }
    }

    /// Whether it is a number that no float holds, or none that can be compared.
    pub fn is_beyond_floats(&self) -> bool {
        self.value_type == ValueType::Float && !self.text.parse().is_ok_and(f64::is_finite)
    }

    /// The value in a type that holds it: its own, a wider one, or text. Nothing when it contradicts.
    pub fn value_as(&self, wanted: ValueType) -> Option<Value> {
        if wanted == ValueType::Text {
            return Some(Value::Text(self.text.clone()));
        }
        let own = match self.value_type {
            ValueType::Text => return None,
            ValueType::Integer => Value::Integer(self.text.parse().ok()?),
            ValueType::Decimal => Value::Decimal(Decimal::parse(&self.text)?),
            ValueType::Float => Value::Float(self.text.parse().ok()?),
            ValueType::Boolean => Value::Boolean(self.text.eq_ignore_ascii_case("true")),
            ValueType::Date => Value::Date(parse_date(&self.text)?),
            ValueType::Timestamp => {
                Value::Timestamp(parse_timestamp(&self.text, &TimeZone::UTC)?.0)
            }
            ValueType::Set => Value::Set(set_of(&self.text)?),
        };
        own.widen_to(wanted)
    }
}

/// The texts of a JSON list of scalars, sorted, each once; null says nothing.
fn set_of(text: &str) -> Option<Vec<String>> {
    let serde_json::Value::Array(items) = serde_json::from_str(text).ok()? else { return None };
    let texts = items.into_iter().filter_map(|item| match item {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    });
    Some(texts.collect::<std::collections::BTreeSet<String>>().into_iter().collect())
}

fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false" | "TRUE" | "FALSE" | "True" | "False")
}

fn time_type(text: &str) -> Option<ValueType> {
    if parse_date(text).is_some() {
        return Some(ValueType::Date);
    }
    let instant = matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    (instant && parse_timestamp(text, &TimeZone::UTC).is_some()).then_some(ValueType::Timestamp)
}

/// Integer, decimal or float; nothing for what is no number, has a leading zero, or more digits than a decimal.
fn number_type(text: &str) -> Option<ValueType> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if fraction.is_some_and(|f| !all_digits(f)) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let finite = all_digits(exponent) && text.parse::<f64>().is_ok_and(f64::is_finite);
        return finite.then_some(ValueType::Float);
    }
    // A leading plus marks telephone numbers more often than sums.
    if text.starts_with('+') {
        return None;
    }
    if fraction.is_none() && text.parse::<i64>().is_ok() {
        return Some(ValueType::Integer);
    }
    Decimal::parse(text).map(|_| ValueType::Decimal)
}

/// The instant that a text stands for, in a unit; texts in ISO or in a pattern without a zone are taken in `zone`.
pub fn time_of(text: &str, unit: &TimeUnit, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    let found = match unit {
        TimeUnit::Iso => parse_timestamp(text, zone)?.0,
        TimeUnit::Seconds => scaled(text, 6)?,
        TimeUnit::Millis => scaled(text, 3)?,
        TimeUnit::Micros => scaled(text, 0)?,
        TimeUnit::Nanos => Timestamp(text.parse::<i64>().ok()?.div_euclid(1000)),
        TimeUnit::Pattern(pattern) => by_pattern(text, pattern, zone)?,
    };
    found.in_range().then_some(found)
}

/// Digits with at most one point, times a power of ten; what lies below a microsecond is cut.
fn scaled(text: &str, power: u32) -> Option<Timestamp> {
    let Decimal { coefficient, scale } = Decimal::parse(text)?;
    let micros = coefficient
        .checked_mul(10_i128.pow(power))?
        .div_euclid(10_i128.checked_pow(u32::from(scale))?);
    i64::try_from(micros).ok().map(Timestamp)
}

fn by_pattern(text: &str, pattern: &str, zone: &TimeZone) -> Option<Timestamp> {
    let parsed = jiff::fmt::strtime::parse(pattern, text).ok()?;
    if parsed.offset().is_some() || parsed.iana_time_zone().is_some() {
        return Some(Timestamp(parsed.to_timestamp().ok()?.as_microsecond()));
    }
    let local = match parsed.to_datetime() {
        Ok(local) => local,
        Err(_) => parsed.to_date().ok()?.to_datetime(jiff::civil::Time::midnight()),
    };
    let day = Date::from_ymd(local.year(), local.month(), local.day())?;
    let of_day = local.time().duration_since(jiff::civil::Time::midnight()).as_micros();
    let shown = Timestamp(day.midnight().0 + i64::try_from(of_day).ok()?);
    shown.clock_in(zone, Twice::First)
}
