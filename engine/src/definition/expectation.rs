//! What is expected of the records of a source, as its definition says.

use crate::catalog::folded;
use std::collections::BTreeMap;

/// What was read, or what is wrong with it.
type Found<T> = Result<T, String>;

/// What is expected of a kind of records of a source.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    /// The source.
    pub source: String,
    /// The event type, `identify`, or the type of entity.
    pub what: String,
    /// The least number of rows of a day.
    pub least: Option<u64>,
    /// The greatest.
    pub most: Option<u64>,
    /// The greatest share of rows that do not say a field, for all fields.
    pub max_null: Option<f64>,
    /// For single fields, by their folded names.
    pub max_nulls: BTreeMap<String, f64>,
    /// How far behind now the newest event may be, in microseconds.
    pub max_lag: Option<i64>,
    /// Whether a breach holds the source.
    pub hold: bool,
}

/// A length of time in words: a whole number and its unit.
fn span_of(text: &str) -> Option<i64> {
    let (number, unit) = text.trim().split_once(char::is_whitespace)?;
    let seconds = match unit.trim().trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        _ => return None,
    };
    number.parse::<u32>().ok().and_then(|n| i64::from(n).checked_mul(seconds * 1_000_000))
}

fn share_of(value: &toml::Value) -> Option<f64> {
    let share = match value {
        toml::Value::Float(share) => Some(*share),
        toml::Value::Integer(whole) => i32::try_from(*whole).ok().map(f64::from),
        _ => None,
    };
    share.filter(|share| (0.0..=1.0).contains(share))
}

fn count_of(value: &toml::Value) -> Option<u64> {
    value.as_integer().and_then(|number| u64::try_from(number).ok())
}

impl Expectation {
    /// Reads the body of a definition.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(source: &str, what: &str, body: &str) -> Found<Expectation> {
        let table: toml::Table = body.parse().map_err(|e| format!("it is no TOML: {e}"))?;
        let mut read = Expectation {
            source: source.to_owned(),
            what: what.to_owned(),
            ..Expectation::default()
        };
        for (key, value) in &table {
            match key.as_str() {
                "rows_per_day" => read.rows(value)?,
                "max_null" => read.nulls(value)?,
                "max_lag" => {
                    let span = value.as_str().and_then(span_of);
                    read.max_lag =
                        Some(span.ok_or("'max_lag' must be a length of time such as \"2 days\"")?);
                }
                "on_breach" => match value.as_str() {
                    Some("tell") => read.hold = false,
                    Some("hold") => read.hold = true,
                    _ => return Err("'on_breach' must be \"tell\" or \"hold\"".to_owned()),
                },
                other => {
                    return Err(format!(
                        "'{other}' is no key of an expectation; use rows_per_day, max_null, max_lag or \
                         on_breach"
                    ));
                }
            }
        }
        Ok(read)
    }

    fn rows(&mut self, value: &toml::Value) -> Found<()> {
        const WANTED: &str =
            "'rows_per_day' must be the least number of rows, or { min = number, max = number }";
        if let Some(least) = count_of(value) {
            self.least = Some(least);
            return Ok(());
        }
        for (key, value) in value.as_table().ok_or(WANTED)? {
            let number = Some(count_of(value).ok_or(WANTED)?);
            match key.as_str() {
                "min" => self.least = number,
                "max" => self.most = number,
                _ => return Err(WANTED.to_owned()),
            }
        }
        Ok(())
    }

    fn nulls(&mut self, value: &toml::Value) -> Found<()> {
        const WANTED: &str =
            "'max_null' must be a share from 0 to 1, or { field = share } for single fields";
        if let Some(share) = share_of(value) {
            self.max_null = Some(share);
            return Ok(());
        }
        for (field, value) in value.as_table().ok_or(WANTED)? {
            self.max_nulls.insert(folded(field), share_of(value).ok_or(WANTED)?);
        }
        Ok(())
    }
}
