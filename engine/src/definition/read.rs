//! A cell in the type that its field is declared to have.

use crate::base::number::Decimal;
use crate::base::time::{Timestamp, parse_date, parse_timestamp};
use crate::base::value::{Value, ValueType};
use crate::catalog::Rule;
use crate::entry::TimeUnit;
use crate::record::{CellText, time_of};
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// Whether the text of a cell is one of those that say nothing.
pub fn says_nothing(rule: &Rule, cell: &CellText) -> bool {
    cell.value_type != ValueType::Set && rule.nulls.contains(&cell.text)
}

/// The value of a cell as a rule with a type reads it: nothing when the text is one of those that say nothing.
///
/// # Errors
/// Why it is no such value, in words.
pub fn read(rule: &Rule, cell: &CellText) -> Result<Option<Value>, String> {
    if says_nothing(rule, cell) {
        return Ok(None);
    }
    let wanted = rule.value_type.unwrap_or(ValueType::Text);
    let found = match wanted {
        ValueType::Text if rule.names_zone => {
            let name = cell.text.trim();
            TimeZone::get(name).ok().map(|_| Value::Text(name.to_owned()))
        }
        ValueType::Text => Some(text_of(cell)),
        ValueType::Set => set(rule, cell),
        _ if cell.value_type == ValueType::Set => None,
        ValueType::Integer | ValueType::Decimal | ValueType::Float => number(rule, cell, wanted),
        ValueType::Boolean => boolean(cell.text.trim()).map(Value::Boolean),
        ValueType::Date => date(rule, cell.text.trim()),
        ValueType::Timestamp => {
            let unit = rule.format.as_ref().unwrap_or(&TimeUnit::Iso);
            time_of(&cell.text, unit, &rule.zone).map(Value::Timestamp)
        }
    };
    found.map(Some).ok_or_else(|| {
        let shown: String = cell.text.chars().take(60).collect();
        let declared = if rule.names_zone { "a time zone" } else { wanted.name() };
        format!("'{shown}' cannot be read as {declared}, which is declared")
    })
}

/// The value that another reading gave, in a declared type.
pub fn within(rule: &Rule, value: Value) -> Result<Value, String> {
    let Some(wanted) = rule.value_type else { return Ok(value) };
    let found = match wanted {
        ValueType::Text => Some(Value::Text(value.to_string())),
        wanted => value.widen_to(wanted),
    };
    found.ok_or_else(|| format!("'{value}' is {}, but {wanted} is declared", value.value_type()))
}

fn number(rule: &Rule, cell: &CellText, wanted: ValueType) -> Option<Value> {
    let mut text = Cow::Borrowed(cell.text.trim());
    // What is a number of its source already, such as one of JSON, has no mark of ours.
    if let Some(mark) = rule.decimal_mark.filter(|_| !cell.is_number) {
        text = Cow::Owned(unmarked(&text, mark)?);
    }
    match wanted {
        ValueType::Integer => integer(&text).map(Value::Integer),
        ValueType::Decimal => Decimal::parse(&text).map(Value::Decimal),
        _ => text.parse().ok().filter(|f: &f64| f.is_finite()).map(Value::Float),
    }
}

/// Digits of one group.
const GROUP: usize = 3;

/// A number as we write it: without what groups its digits, and with a point. Nothing when the groups are none of
/// three digits, as then the mark is most likely not the one that is declared.
fn unmarked(text: &str, mark: char) -> Option<String> {
    let (whole, fraction) = match text.split_once(mark) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let other = if mark == ',' { '.' } else { ',' };
    // Blanks that do not break a line, and the marks of Switzerland.
    let groups =
        |c: char| c == other || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}');
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let mut parts = unsigned.split(groups);
    let first = parts.next().unwrap_or_default();
    let mut number = format!("{sign}{first}");
    let mut grouped = false;
    for part in parts {
        if part.len() != GROUP || first.is_empty() || first.len() > GROUP {
            return None;
        }
        grouped = true;
        number.push_str(part);
    }
    if grouped && !number.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) {
        return None;
    }
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(fraction);
    }
    Some(number)
}

fn text_of(cell: &CellText) -> Value {
    Value::Text(cell.text.clone())
}

fn integer(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    // A fraction of nothing but zeros, as tools write integers that may be missing.
    let Decimal { coefficient, scale } = Decimal::parse(text)?.normalized();
    if scale == 0 { i64::try_from(coefficient).ok() } else { None }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

fn date(rule: &Rule, text: &str) -> Option<Value> {
    if let Some(unit) = &rule.format {
        return time_of(text, unit, &TimeZone::UTC).map(|time| Value::Date(time.date()));
    }
    if let Some(date) = parse_date(text) {
        return Some(Value::Date(date));
    }
    // An instant at midnight, as tools write days.
    let (time, _): (Timestamp, bool) = parse_timestamp(text, &TimeZone::UTC)?;
    (time.date().midnight() == time).then(|| Value::Date(time.date()))
}

fn set(rule: &Rule, cell: &CellText) -> Option<Value> {
    if cell.value_type == ValueType::Set {
        return cell.value_as(ValueType::Set);
    }
    let mut texts: Vec<String> = match &rule.separator {
        None => vec![cell.text.clone()],
        Some(separator) => {
            let texts = cell.text.split(separator.as_str()).map(str::trim);
            texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
        }
    };
    texts.sort_unstable();
    texts.dedup();
    Some(Value::Set(texts))
}
