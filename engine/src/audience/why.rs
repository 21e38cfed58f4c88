//! Why an audience holds for a profile, or does not: each part of it with its truth, its values, the records behind
//! them, and when it changes if nothing new is said.

use super::ast::{Expr, ExprKind, Question};
use super::explain::describe_value;
use super::one::{One, Person};
use super::prepared::{Prepared, instant, top_scalars};
use super::resolve::resolve_at;
use super::resolved::{Condition, Query, Rows, Scalar};
use crate::base::error::{ErrorKind, Result};
use crate::base::ids::{Ordinal, Position, SourceId};
use crate::base::limits::{WHY_EVENTS_MAX, WHY_RECORDS_MAX};
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::state::{Reader, State};
use std::collections::BTreeSet;
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// How far a flip is looked for: a hundred years.
const HORIZON: i64 = 36_525 * DAY;

/// A part of an audience, and what is so of one profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The part, as it is written.
    pub text: String,
    /// Whether it is true; nothing for unknown.
    pub truth: Option<bool>,
    /// What is compared in it, by name.
    pub values: Vec<(String, Option<Value>)>,
    /// The records behind it, the newest first.
    pub records: Vec<Behind>,
    /// When it will be otherwise if nothing new is said; nothing when it will not.
    pub flips: Option<Timestamp>,
    /// Why there is no answer, when a number or a time overflows.
    pub trouble: Option<String>,
}

/// A record behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Behind {
    /// When it happened.
    pub time: Timestamp,
    /// Where it stands in the log.
    pub position: Position,
    /// Who said so.
    pub source: SourceId,
}

/// The parts of an audience for a profile at a moment.
///
/// # Errors
/// As `ask`.
pub fn why(
    question: &Question,
    state: &State,
    ordinal: Ordinal,
    now: Timestamp,
) -> Result<Vec<Part>> {
    let whole = resolve_at(question, state, None, false)?.question;
    let mut parts = Vec::new();
    if let Some(condition) = &whole.condition {
        collect(condition, &mut parts);
    }
    let looking = Looking { state, ordinal, now };
    let part = |expr: &Expr| {
        let condition = Some(expr.clone());
        let alone = Question { condition, table: None, ..whole.clone() };
        looking.part(expr.to_string(), Prepared::new(&Arc::new(alone), state)?)
    };
    parts.into_iter().map(part).collect()
}

/// The parts of a condition that are no AND, OR or NOT.
fn collect<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Not(inner) => collect(inner, found),
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            parts.iter().for_each(|part| collect(part, found));
        }
        _ => found.push(expr),
    }
}

struct Looking<'a> {
    state: &'a State,
    ordinal: Ordinal,
    now: Timestamp,
}

impl Looking<'_> {
    fn part(&self, text: String, prepared: Prepared) -> Result<Part> {
        let reader = self.state.reader().at(self.now);
        let person = Person::new(&reader, self.ordinal);
        let resolved = prepared.resolved();
        let one = One::new(&person, resolved);
        let (truth, trouble) = answered(one.truth(&resolved.condition))?;
        let mut scalars = Vec::new();
        all_scalars(&resolved.condition, &mut scalars);
        let mut values = Vec::new();
        for scalar in scalars.into_iter().filter(|of| !matches!(of, Scalar::Constant(_))) {
            let (value, _) = answered(one.value(scalar))?;
            values.push((describe_value(scalar, self.state), value));
        }
        let mut records = self.of_traits(&prepared, &reader);
        for rows in queried(&resolved.queries) {
            one.each_row(rows, &mut |_, (part, row, _)| {
                let (time, position) = (part.time(row), part.position(row));
                records.insert(Behind { time, position, source: part.source(row) });
                if records.len() > WHY_RECORDS_MAX {
                    records.pop_first();
                }
                Ok(true)
            })?;
        }
        let records = records.into_iter().rev().collect();
        let flips = self.flips(&prepared, &person, &reader, truth)?;
        reader.check()?;
        Ok(Part { text, truth, values, records, flips, trouble })
    }

    /// The records that the traits of a part come from.
    fn of_traits(&self, prepared: &Prepared, reader: &Reader<'_>) -> BTreeSet<Behind> {
        let row = reader.row(self.ordinal);
        let is_read = |number: u32| prepared.reads.traits.contains(&(number as usize));
        let told = row.traits.iter().filter(|told| is_read(told.number)).map(|told| {
            let winner = &told.winner;
            Behind { time: winner.time, position: winner.position, source: winner.source }
        });
        told.collect()
    }

    /// The first whole second behind now at which a part has another truth.
    fn flips(
        &self,
        prepared: &Prepared,
        person: &Person<'_>,
        reader: &Reader<'_>,
        truth: Option<bool>,
    ) -> Result<Option<Timestamp>> {
        let moves = &prepared.reads.moves;
        let mut moments = BTreeSet::new();
        for (event, moment) in &moves.events {
            for time in person.times(*event).into_iter().take(WHY_EVENTS_MAX) {
                self.passing(moment, time, &mut moments);
            }
        }
        for (number, moment) in &moves.traits {
            let value = reader.trait_cell(*number, self.ordinal).to_value();
            if let Some(time) = value.as_ref().and_then(instant) {
                self.passing(moment, time, &mut moments);
            }
        }
        if !moves.others.is_empty() {
            let from = self.now.0;
            moments.extend((1..=48).map(|n| Timestamp((from.div_euclid(HOUR) + n) * HOUR)));
            moments.extend((1..=400).map(|n| Timestamp((from.div_euclid(DAY) + n) * DAY)));
        }
        for moment in moments {
            let later = self.state.reader().at(moment);
            let person = Person::new(&later, self.ordinal);
            let one = One::new(&person, prepared.resolved());
            let (found, _) = answered(one.truth(&prepared.resolved().condition))?;
            if found != truth {
                return Ok(Some(moment));
            }
        }
        Ok(None)
    }

    /// The whole seconds at which a moment, which goes forward with time, reaches and passes an instant.
    fn passing(&self, moment: &Scalar, time: Timestamp, found: &mut BTreeSet<Timestamp>) {
        let at = |second: i64| {
            let reader = self.state.reader().at(Timestamp(second * SECOND));
            super::prepared::moment(&reader, moment).as_ref().and_then(instant)
        };
        for wanted in [time, Timestamp(time.0.saturating_add(1))] {
            let (mut low, mut high) =
                (self.now.0.div_euclid(SECOND), (self.now.0 + HORIZON).div_euclid(SECOND));
            if at(high).is_none_or(|end| end < wanted) || at(low).is_none_or(|now| now >= wanted) {
                continue;
            }
            while low + 1 < high {
                let middle = i64::midpoint(low, high);
                if at(middle).is_some_and(|of| of >= wanted) { high = middle } else { low = middle }
            }
            found.insert(Timestamp(high * SECOND));
        }
    }
}

/// An answer, or that there is none and why.
fn answered<T>(found: Result<Option<T>>) -> Result<(Option<T>, Option<String>)> {
    match found {
        Ok(found) => Ok((found, None)),
        Err(e) if matches!(e.kind(), ErrorKind::Invalid | ErrorKind::Limit) => {
            Ok((None, Some(e.message().to_owned())))
        }
        Err(e) => Err(e),
    }
}

/// The values of a condition and of the parts of it.
fn all_scalars<'c>(condition: &'c Condition, found: &mut Vec<&'c Scalar>) {
    match condition {
        Condition::Not(inner) => all_scalars(inner, found),
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| all_scalars(part, found));
        }
        leaf => {
            let mut scalars = Vec::new();
            top_scalars(leaf, &mut scalars);
            scalars.retain(|scalar| !found.contains(scalar));
            found.extend(scalars);
        }
    }
}

fn queried(queries: &[Query]) -> Vec<&Rows> {
    let mut found = Vec::new();
    for query in queries {
        match query {
            Query::Events(query) => found.push(&query.rows),
            Query::Funnel(query) => found.extend(query.steps.iter().map(|step| &step.rows)),
            Query::Consents(_) | Query::Segment(_) => {}
        }
    }
    found
}
