//! Resolved to ordinals: three-valued logic over sets of profiles.
//!
//! *Invariants:* every condition splits the profiles that it is asked about into true, unknown and the rest, which is
//! false; NOT is taken against the profiles that were asked about, never against dead ordinals. AND asks its later
//! parts only about profiles that its earlier parts leave; cheap parts are asked first.

use super::aggregate::{Answers, answer};
use super::resolved::{Condition, Resolved, Scalar};
use super::row::Row;
use super::table::{Table, fill};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::state::State;
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;

/// One step of the evaluation, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How deep it stands in the plan.
    pub depth: usize,
    /// What it does.
    pub text: String,
    /// How many profiles it was asked about, where it was asked.
    pub asked: Option<u64>,
    /// How many profiles it selected.
    pub selected: u64,
}

pub struct Evaluated {
    pub selected: RoaringBitmap,
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
    state: &'a State,
    answers: Vec<Answers>,
    fault: Flag<Option<&'static str>>,
    steps: Vec<Step>,
}

/// Answers a resolved question.
///
/// # Errors
/// `Invalid` when a sum or a time overflows.
pub fn evaluate(resolved: &Resolved, state: &State) -> Result<Evaluated> {
    let mut steps = Vec::new();
    let mut answers = Vec::new();
    for (number, query) in resolved.subqueries.iter().enumerate() {
        let found = answer(state, query)?;
        let rows = state.events.get(query.event).map_or(0, crate::event::EventTable::len);
        let text = format!("subquery {}: scan {rows} events for {}", number + 1, query.text);
        let selected = match &found {
            Answers::Exists(set) => set.len(),
            Answers::Count(counts) => counts.iter().filter(|c| **c > 0).count() as u64,
            Answers::Values(values) => values.iter().flatten().count() as u64,
        };
        steps.push(Step { depth: 0, text, asked: None, selected });
        answers.push(found);
    }
    let mut evaluator = Evaluator { state, answers, fault: Flag::new(None), steps };
    let live = state.identity.live();
    let truth = evaluator.truth(&resolved.condition, live, 0);
    if let Some(reason) = evaluator.fault.get() {
        return Err(Error::invalid(reason));
    }
    let Evaluator { answers, steps, .. } = evaluator;
    let table = resolved.table.as_ref().map(|table| fill(table, state, &answers, &truth.yes));
    Ok(Evaluated { selected: truth.yes, steps, table: table.transpose()? })
}

impl Evaluator<'_> {
    /// The truth of a condition for the profiles that it is asked about.
    fn truth(&mut self, condition: &Condition, asked: &RoaringBitmap, depth: usize) -> Truth {
        let place = self.steps.len();
        let text = describe(condition, self.state);
        self.steps.push(Step { depth, text, asked: Some(asked.len()), selected: 0 });
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
                for part in by_cost(parts) {
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
                for part in by_cost(parts) {
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
            leaf => self.leaf(leaf, asked),
        };
        if let Some(step) = self.steps.get_mut(place) {
            step.selected = truth.yes.len();
        }
        truth
    }

    fn profiles(
        &self,
        ids: &[crate::identity::PublicId],
        or_null: bool,
        asked: &RoaringBitmap,
    ) -> Truth {
        let found = ids.iter().filter_map(|id| self.state.identity.resolve(*id));
        let yes = found.map(|o| o.0).collect::<RoaringBitmap>() & asked;
        let unknown = if or_null { asked - &yes } else { RoaringBitmap::new() };
        Truth { yes, unknown }
    }

    fn leaf(&self, condition: &Condition, asked: &RoaringBitmap) -> Truth {
        let (mut yes, mut unknown) = (Vec::new(), Vec::new());
        for ordinal in asked {
            let row = Row {
                state: self.state,
                answers: &self.answers,
                ordinal: Ordinal(ordinal),
                event: None,
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

/// The parts of AND or OR, the cheap ones first; otherwise in the order of the text.
fn by_cost(parts: &[Condition]) -> Vec<&Condition> {
    let mut ordered: Vec<&Condition> = parts.iter().collect();
    ordered.sort_by_key(|part| cost(part));
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

/// A step in words.
fn describe(condition: &Condition, state: &State) -> String {
    let value = |scalar: &Scalar| describe_value(scalar, state);
    match condition {
        Condition::Constant(Some(true)) => "everybody".to_owned(),
        Condition::Constant(Some(false)) => "nobody".to_owned(),
        Condition::Constant(None) => "unknown".to_owned(),
        Condition::Compare(comparison, left, right) => {
            format!("{} {} {}", value(left), comparison.sign(), value(right))
        }
        Condition::In(scalar, options) => format!("{} in {} values", value(scalar), options.len()),
        Condition::IsNull(scalar) => format!("{} is null", value(scalar)),
        Condition::Is(scalar) => value(scalar),
        Condition::Like { value: text, pattern, any_case, .. } => {
            let like = if *any_case { "ilike" } else { "like" };
            format!("{} {like} {}", value(text), value(pattern))
        }
        Condition::AnyOf(text, set) => format!("{} in {}", value(text), value(set)),
        Condition::HasIdentifier(namespace) => format!("has an identifier {namespace}"),
        Condition::ProfileIn { ids, .. } => format!("one of {} profiles", ids.len()),
        Condition::Exists(number) => format!("subquery {} has a row", number + 1),
        Condition::Not(_) => "not".to_owned(),
        Condition::And(_) => "all of".to_owned(),
        Condition::Or(_) => "any of".to_owned(),
    }
}

fn describe_value(scalar: &Scalar, state: &State) -> String {
    match scalar {
        Scalar::Constant(value) => value.as_ref().map_or("NULL".to_owned(), |v| format!("'{v}'")),
        Scalar::Trait(number) => {
            state.catalog.traits().get(*number).map_or_else(String::new, |f| f.name.clone())
        }
        Scalar::Shift(inner, _) => format!("{} moved", describe_value(inner, state)),
        Scalar::Arithmetic(operator, left, right) => {
            format!(
                "({} {} {})",
                describe_value(left, state),
                operator.sign(),
                describe_value(right, state)
            )
        }
        Scalar::Negate(inner) => format!("-{}", describe_value(inner, state)),
        Scalar::Coalesce(values) => {
            let values: Vec<String> = values.iter().map(|v| describe_value(v, state)).collect();
            format!("coalesce({})", values.join(", "))
        }
        Scalar::Part(part, inner) | Scalar::Truncate(part, inner) => {
            format!("{} of {}", part.name(), describe_value(inner, state))
        }
        Scalar::AsDate(inner) => format!("day of {}", describe_value(inner, state)),
        Scalar::InZone(inner, _) => format!("{} in a zone", describe_value(inner, state)),
        Scalar::Bucket { n, .. } => format!("bucket of {n}"),
        Scalar::Subquery(number) => format!("subquery {}", number + 1),
        Scalar::Property(_) | Scalar::EventTime | Scalar::EventSource | Scalar::EventMessage => {
            "event".to_owned()
        }
    }
}
