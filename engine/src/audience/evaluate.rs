//! Resolved to ordinals: three-valued logic over sets of profiles.
//!
//! *Invariants:* every condition splits the profiles that it is asked about into true, unknown and the rest, which is
//! false; NOT is taken against the profiles that were asked about, never against dead ordinals. AND asks its later
//! parts only about profiles that its earlier parts leave; cheap parts are asked first.

use super::aggregate::{Answers, answer};
use super::consent::consents;
use super::explain::{Step, Steps};
use super::funnel::funnel;
use super::indexed::{at_most, by_index};
use super::money::Fault;
use super::resolved::{Condition, Query, Resolved};
use super::row::Row;
use super::table::{Table, fill};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::state::{Reader, State};
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;

pub struct Evaluated {
    pub selected: RoaringBitmap,
    /// The steps, when they were asked for.
    pub steps: Vec<Step>,
    pub table: Option<Table>,
}

/// The profiles for which a condition is true, and for which it is unknown.
#[derive(Default)]
struct Truth {
    yes: RoaringBitmap,
    unknown: RoaringBitmap,
}

struct Evaluator<'a> {
    reader: &'a Reader<'a>,
    answers: Vec<Answers>,
    fault: Flag<Option<Fault>>,
    steps: Steps<'a>,
}

/// Answers a resolved question, and tells the steps if they are asked for.
///
/// # Errors
/// `Invalid` when a sum, a number or a time overflows; `Limit` when a funnel has too much to try.
pub fn evaluate(resolved: &Resolved, state: &State, explain: bool) -> Result<Evaluated> {
    let reader = &state.reader();
    let mut steps = Steps::new(reader, explain);
    let mut answers = Vec::new();
    for query in &resolved.queries {
        answers.push(match query {
            Query::Events(query) => {
                let found = answer(reader, query)?;
                steps.subquery(answers.len(), query, &found);
                found
            }
            Query::Funnel(query) => {
                let found = funnel(reader, query)?;
                steps.funnel(answers.len(), query, &found);
                Answers::Exists(found.through)
            }
            Query::Consents(query) => {
                let allowed = consents(reader, query);
                steps.consents(answers.len(), query, allowed.len());
                Answers::Exists(allowed)
            }
        });
    }
    let mut evaluator = Evaluator { reader, answers, fault: Flag::new(None), steps };
    let truth = evaluator.truth(&resolved.condition, &state.live(), 0);
    if let Some(reason) = evaluator.fault.get() {
        return Err(Error::invalid(reason));
    }
    let Evaluator { answers, steps, .. } = evaluator;
    let table = resolved.table.as_ref().map(|table| fill(table, reader, &answers, &truth.yes));
    reader.check()?;
    Ok(Evaluated { selected: truth.yes, steps: steps.done(), table: table.transpose()? })
}

impl Evaluator<'_> {
    /// The truth of a condition for the profiles that it is asked about.
    fn truth(&mut self, condition: &Condition, asked: &RoaringBitmap, depth: usize) -> Truth {
        let place = self.steps.condition(condition, asked.len(), depth);
        let truth = match condition {
            Condition::Constant(Some(true)) => Truth { yes: asked.clone(), ..Truth::default() },
            Condition::Constant(Some(false)) => Truth::default(),
            Condition::Constant(None) => Truth { unknown: asked.clone(), ..Truth::default() },
            Condition::Not(inner) => {
                let inner = self.truth(inner, asked, depth + 1);
                Truth { yes: asked - &inner.yes - &inner.unknown, unknown: inner.unknown }
            }
            Condition::And(parts) => {
                let mut all = Truth { yes: asked.clone(), ..Truth::default() };
                for part in by_cost(parts, self.reader) {
                    let left = &all.yes | &all.unknown;
                    let part = self.truth(part, &left, depth + 1);
                    all.unknown = &left & (&part.yes | &part.unknown);
                    all.yes &= &part.yes;
                    all.unknown -= &all.yes;
                }
                all
            }
            Condition::Or(parts) => {
                let mut any = Truth::default();
                for part in by_cost(parts, self.reader) {
                    let left = asked - &any.yes;
                    let part = self.truth(part, &left, depth + 1);
                    any.yes |= part.yes;
                    any.unknown |= part.unknown;
                    any.unknown -= &any.yes;
                }
                any
            }
            Condition::Exists(number) => match self.answers.get(*number) {
                Some(Answers::Exists(set)) => Truth { yes: set & asked, ..Truth::default() },
                _ => Truth::default(),
            },
            Condition::ProfileIn { ids, or_null } => self.profiles(ids, *or_null, asked),
            leaf => match by_index(leaf, self.reader, asked) {
                Some((yes, unknown)) => Truth { yes, unknown },
                None => self.leaf(leaf, asked),
            },
        };
        self.steps.selected(place, truth.yes.len());
        truth
    }

    fn profiles(
        &self,
        ids: &[crate::identity::PublicId],
        or_null: bool,
        asked: &RoaringBitmap,
    ) -> Truth {
        let found = ids.iter().filter_map(|id| self.reader.resolve(*id));
        let yes = found.map(|o| o.0).collect::<RoaringBitmap>() & asked;
        let unknown = if or_null { asked - &yes } else { RoaringBitmap::new() };
        Truth { yes, unknown }
    }

    fn leaf(&self, condition: &Condition, asked: &RoaringBitmap) -> Truth {
        let (mut yes, mut unknown) = (Vec::new(), Vec::new());
        for ordinal in asked {
            let row = Row {
                reader: self.reader,
                answers: &self.answers,
                ordinal: Ordinal(ordinal),
                bound: &[],
                fault: &self.fault,
            };
            match row.holds(condition) {
                Some(true) => yes.push(ordinal),
                Some(false) => {}
                None => unknown.push(ordinal),
            }
        }
        let set = |sorted: Vec<u32>| RoaringBitmap::from_sorted_iter(sorted).unwrap_or_default();
        Truth { yes: set(yes), unknown: set(unknown) }
    }
}

/// The parts of AND or OR, the cheap ones first; of those that indexes answer, the ones that select few; otherwise in
/// the order of the text.
fn by_cost<'c>(parts: &'c [Condition], reader: &Reader<'_>) -> Vec<&'c Condition> {
    let mut ordered: Vec<&Condition> = parts.iter().collect();
    ordered.sort_by_cached_key(|part| match at_most(part, reader) {
        Some(selected) => (1, selected),
        None => (cost(part), 0),
    });
    ordered
}

fn cost(condition: &Condition) -> u32 {
    match condition {
        Condition::Constant(_) | Condition::Exists(_) | Condition::ProfileIn { .. } => 0,
        Condition::IsNull(_)
        | Condition::Is(_)
        | Condition::Compare(..)
        | Condition::HasIdentifier(_) => 2,
        Condition::Like { .. } | Condition::AnyOf(..) => 4,
        Condition::In(_, options) => 2 + u32::try_from(options.len() / 8).unwrap_or(u32::MAX / 2),
        Condition::Not(inner) => cost(inner),
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().map(cost).fold(1, u32::saturating_add)
        }
    }
}
