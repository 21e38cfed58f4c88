//! Expectations: what a source promises of a kind of its records, and whether it keeps it.
//!
//! An expectation is a definition of the kind `expect` whose name is the source and the event type (or `identify`, or the
//! type of entity). *Invariants:* it is held against the counts of `quality`, nothing else; the least number of rows of a
//! day is asked for when the day is over. *Where to start reading:* `breaches`.

use super::types::{Breach, SourceQuality};
use crate::base::time::{Date, Timestamp};
use crate::catalog::folded;
use crate::state::State;
use std::collections::BTreeMap;

/// The kind of definitions of expectations.
const EXPECT: &str = "expect";

/// What is expected of a kind of records of a source.
#[derive(Debug, Default)]
struct Expectation {
    source: String,
    what: String,
    least: Option<u64>,
    most: Option<u64>,
    /// For all fields.
    max_null: Option<f64>,
    /// For single fields.
    max_nulls: BTreeMap<String, f64>,
    max_lag: Option<i64>,
    hold: bool,
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
    let share = value
        .as_float()
        .or_else(|| value.as_integer().map(|_| value.as_integer() == Some(1)).map(f64::from));
    share.filter(|share| (0.0..=1.0).contains(share))
}

fn count_of(value: &toml::Value) -> Option<u64> {
    value.as_integer().and_then(|number| u64::try_from(number).ok())
}

impl Expectation {
    /// Reads the body of a definition.
    fn read(source: &str, what: &str, body: &str) -> Result<Expectation, String> {
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

    fn rows(&mut self, value: &toml::Value) -> Result<(), String> {
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

    fn nulls(&mut self, value: &toml::Value) -> Result<(), String> {
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

    fn breach(&self, day: Date, message: String) -> Breach {
        let (source, what) = (self.source.clone(), self.what.clone());
        Breach { source, what, day, message, hold: self.hold }
    }

    /// What is wrong with the newest event time among the days. Without one all is from before the first day.
    fn lag(&self, newest: Option<Timestamp>, first: Date, clock: Timestamp) -> Option<String> {
        let newest_at_most = newest.unwrap_or(first.midnight());
        let behind = clock.0.saturating_sub(newest_at_most.0);
        let passed = self.max_lag.is_some_and(|lag| behind > lag);
        let hours = behind / 3_600_000_000;
        passed.then(|| match newest {
            Some(newest) => format!("the newest is of {newest}, {hours} hours before now"),
            None => format!("nothing came since {first}"),
        })
    }

    /// Holds the expectation against the days of its source.
    fn check(
        &self,
        found: Option<&SourceQuality>,
        (first, today): (Date, Date),
        clock: Timestamp,
    ) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut newest = None;
        let days = found.map(|source| source.days.as_slice()).unwrap_or_default();
        let began = days.iter().find(|day| day.kinds.iter().any(|k| folded(&k.what) == self.what));
        // When nothing came at all, yesterday stands for all days.
        let began = began.map_or(Date(today.0 - 1).max(first), |day| day.day);
        for day in (began.0..=today.0).map(Date) {
            let kinds = days.iter().find(|told| told.day == day);
            let kinds = kinds.map(|told| told.kinds.as_slice()).unwrap_or_default();
            let of = || kinds.iter().filter(|kind| folded(&kind.what) == self.what);
            let rows: u64 = of().map(|kind| kind.rows).sum();
            newest = newest.max(of().filter_map(|kind| kind.newest_event).max());
            if let Some(least) = self.least.filter(|least| rows < *least && day < today) {
                breaches
                    .push(self.breach(day, format!("{rows} rows, at least {least} are expected")));
            }
            if let Some(most) = self.most.filter(|most| rows > *most) {
                breaches
                    .push(self.breach(day, format!("{rows} rows, at most {most} are expected")));
            }
            for kind in of() {
                for (field, nulls) in &kind.nulls {
                    let limit = self.max_nulls.get(&folded(field)).copied().or(self.max_null);
                    // Counts of rows are far below what floats hold exactly.
                    #[expect(clippy::cast_precision_loss, reason = "see above")]
                    let passed =
                        limit.is_some_and(|limit| *nulls as f64 > limit * kind.rows as f64);
                    if let Some(limit) = limit.filter(|_| passed) {
                        let message = format!(
                            "'{field}' is not said in {nulls} of {} rows, a share of {limit} is the most",
                            kind.rows
                        );
                        breaches.push(self.breach(day, message));
                    }
                }
            }
        }
        breaches.extend(self.lag(newest, first, clock).map(|said| self.breach(today, said)));
        breaches
    }
}

/// The expectations in force. Those that cannot be read say nothing: a newer version wrote them.
fn expectations(state: &State) -> impl Iterator<Item = Expectation> + '_ {
    state.hindsight.definitions.values().filter_map(|definition| {
        let body = definition.body.as_deref().filter(|_| definition.kind == EXPECT)?;
        let path = path_of(&definition.name)?;
        let [source, what] = path.as_slice() else { return None };
        Expectation::read(source, &folded(what), body).ok()
    })
}

/// The keys that the name of a definition is made of.
fn path_of(name: &str) -> Option<Vec<String>> {
    let mut table: toml::Table = format!("{name} = 0").parse().ok()?;
    let mut path = Vec::new();
    loop {
        let (key, value) = table.into_iter().next()?;
        path.push(key);
        match value {
            toml::Value::Table(inner) => table = inner,
            _ => return Some(path),
        }
    }
}

/// Whether anything is expected of a source.
pub(super) fn any(state: &State, source: &str) -> bool {
    expectations(state).any(|expected| expected.source == source)
}

/// What is expected and not so, in the order of sources, kinds and days.
pub(super) fn breaches(
    state: &State,
    sources: &[SourceQuality],
    days: (Date, Date),
    wanted: Option<&str>,
) -> Vec<Breach> {
    let asked = expectations(state).filter(|e| wanted.is_none_or(|name| name == e.source));
    let of = |expected: Expectation| {
        let found = sources.iter().find(|source| source.name == expected.source);
        expected.check(found, days, state.clock)
    };
    asked.flat_map(of).collect()
}
