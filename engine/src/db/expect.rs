//! Expectations: what a source promises of a kind of its records, and whether it keeps it.
//!
//! An expectation is a definition of the kind `expect` whose name is the source and the event type (or `identify`, or
//! the type of entity). *Invariants:* it is held against the counts of `quality`, nothing else; the least number of
//! rows of a day is asked for when the day is over. *Where to start reading:* `breaches`.

use super::quality::field_name;
use super::quality_types::{KindQuality, SourceQuality};
use super::types::Breach;
use super::write::{Draft, check_source};
use super::{Level, Session, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::time::{Date, Timestamp};
use crate::catalog::{Catalog, folded};
use crate::definition::Expectation;
use crate::entry::{DefinitionEntry, Entry, Origin};
use crate::state::{EXPECT, State};

/// Holds an expectation against what came; the catalog knows the other names of fields.
struct Judge<'s>(Expectation, &'s Catalog);

impl Judge<'_> {
    fn breach(&self, day: Date, message: String) -> Breach {
        let (source, what) = (self.0.source.clone(), self.0.what.clone());
        Breach { source, what, day, message, hold: self.0.hold }
    }

    /// The greatest share of rows of a kind that may leave out a field.
    fn most_nulls(&self, kind: &KindQuality, field: &str) -> Option<f64> {
        let of = (kind.kind, kind.what.as_str());
        let own = self
            .0
            .max_nulls
            .iter()
            .find(|(name, _)| folded(field_name(self.1, of, name)) == folded(field));
        own.map(|(_, most)| *most).or(self.0.max_null)
    }

    /// What is wrong with the newest event time among the days. Without one all is from before the first day.
    fn lag(&self, newest: Option<Timestamp>, first: Date, clock: Timestamp) -> Option<String> {
        let newest_at_most = newest.unwrap_or(first.midnight());
        let behind = clock.0.saturating_sub(newest_at_most.0);
        let passed = self.0.max_lag.is_some_and(|lag| behind > lag);
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
        let began =
            days.iter().find(|day| day.kinds.iter().any(|k| folded(&k.what) == self.0.what));
        // When nothing came at all, yesterday stands for all days.
        let began = began.map_or(Date(today.0 - 1).max(first), |day| day.day);
        for day in (began.0..=today.0).map(Date) {
            let kinds = days.iter().find(|told| told.day == day);
            let kinds = kinds.map(|told| told.kinds.as_slice()).unwrap_or_default();
            let of = || kinds.iter().filter(|kind| folded(&kind.what) == self.0.what);
            let rows: u64 = of().map(|kind| kind.rows).sum();
            newest = newest.max(of().filter_map(|kind| kind.newest_event).max());
            if let Some(least) = self.0.least.filter(|least| rows < *least && day < today) {
                breaches
                    .push(self.breach(day, format!("{rows} rows, at least {least} are expected")));
            }
            if let Some(most) = self.0.most.filter(|most| rows > *most) {
                breaches
                    .push(self.breach(day, format!("{rows} rows, at most {most} are expected")));
            }
            for kind in of() {
                for (field, nulls) in &kind.nulls {
                    let limit = self.most_nulls(kind, field);
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

impl Session {
    /// Says what is expected of a kind of records of a source (an event type, a type of entity, or `identify`), in
    /// TOML; nothing takes it back. Level sync.
    ///
    /// # Errors
    /// `Invalid` when it is no expectation; `Closed`, `Io`.
    pub fn expect(&self, source: &str, what: &str, body: Option<&str>) -> Result<Position> {
        check_source(source)?;
        if let Some(Err(message)) = body.map(|body| Expectation::read(source, what, body)) {
            return Err(Error::invalid(message));
        }
        let name = format!("{}.{}", key_text(source), key_text(what));
        let end = {
            let mut writer = self.inner.writer.lock();
            self.inner.writable(&mut writer)?;
            let definitions = &writer.fold.state.hindsight.definitions;
            let known = definitions.get(&(EXPECT.to_owned(), name.clone()));
            let version = known.map_or(1, |known| known.version.saturating_add(1));
            let (kind, body) = (EXPECT.to_owned(), body.map(str::to_owned));
            let entry = Entry::Definition(DefinitionEntry { kind, name, version, body });
            let draft = Draft { entry, source: SourceId(0), load: LoadId(0), decoded: None };
            writer.append(vec![draft], Origin::Live)?;
            self.inner.publish(&mut writer)?;
            writer.log.next()
        };
        self.inner.reach(end, Level::Sync)?;
        Ok(last_before(end))
    }
}

/// A key as TOML writes it: bare when it can be.
pub(super) fn key_text(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        toml::Value::String(key.to_owned()).to_string()
    }
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
        Judge(expected, &state.catalog).check(found, days, state.clock)
    };
    asked.flat_map(of).collect()
}
