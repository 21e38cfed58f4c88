//! An audience that is asked again and again: resolved once, with its moment left open, and what it looks at.
//!
//! *Invariants:* a change that `Reads` does not name changes no answer; between two moments the answer changes only for
//! profiles that `Moves` leads to. *Where to start reading:* `Prepared`, then `Reads::of`.

use super::ast::{Comparison, Question};
use super::evaluate::choose;
use super::money::Fault;
use super::one::{One, Person};
use super::program::Chosen;
use super::resolve::{resolve, resolve_at};
use super::resolved::{AggregateOf, Column, Condition, EventColumn, Query, Resolved, Rows, Scalar};
use super::row::Row;
use super::{gives_a_table, one};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::base::workers::Workers;
use crate::catalog::{Catalog, folded};
use crate::event::TablePart;
use crate::record::{ENTERED, LEFT};
use crate::state::{Reader, State};
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an audience looks at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// Traits, by number.
    pub traits: BTreeSet<usize>,
    /// The rows of events that can change it, and how: an event that is none of them does not.
    pub rows: Vec<(Rows, Effect)>,
    /// Entity types: a change of one may concern any profile.
    pub entities: BTreeSet<usize>,
    /// Whether it asks of money, whose rates and currencies may concern any profile.
    pub money: bool,
    /// Amounts of money that it takes for numbers, which they are as long as they have one currency.
    pub amounts: BTreeSet<Amount>,
    /// Whether it asks for consents.
    pub consents: bool,
    /// Segments, in the folded form: those whose members it asks for, or who entered and left them.
    pub segments: Vec<String>,
    /// Those of which it asks who entered and left, as they are written.
    pub transitions: Vec<String>,
    /// Whether it asks who entered or left segments without saying which.
    pub any_segment: bool,
    /// Whether it asks which identifiers a profile has, or what its id is.
    pub identity: bool,
    /// How time alone changes it.
    pub moves: Moves,
}

/// An amount of money, by the field that has its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// The event type; nothing for a trait.
    pub event: Option<usize>,
    /// The number of the trait or property.
    pub currency: usize,
}

/// What one more row of events can do to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Make it true, never false.
    Helps,
    /// Make it false, never true.
    Harms,
    /// Either.
    Both,
}

impl Effect {
    /// What it does to the opposite.
    fn turned(self) -> Effect {
        match self {
            Effect::Helps => Effect::Harms,
            Effect::Harms => Effect::Helps,
            Effect::Both => Effect::Both,
        }
    }

    /// What both of two things can do.
    fn with(self, other: Effect) -> Effect {
        if self == other { self } else { Effect::Both }
    }
}

/// How an answer changes when nothing but time goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moves {
    /// Times of events of a type that are compared with a moment: it changes for whom an event lies between the moment
    /// before and after.
    pub events: Vec<(usize, Scalar)>,
    /// Traits that are compared with a moment.
    pub traits: Vec<(usize, Scalar)>,
    /// Moments that stand in other places: when one of them is another, anybody may be concerned.
    pub others: Vec<Scalar>,
}

/// A prepared audience.
#[derive(Debug, Clone)]
pub struct Prepared {
    question: Arc<Question>,
    resolved: Arc<Resolved>,
    /// The digest of what each subquery over events asks: equal ones have equal answers of one reader.
    asked: Arc<[Option<Digest128>]>,
    /// What it looks at.
    pub reads: Reads,
}

impl Prepared {
    /// Prepares an audience for a state, and all that have the same names and types.
    ///
    /// # Errors
    /// `Invalid` with a place in the text; also for a statement that gives a table.
    pub fn new(question: &Arc<Question>, state: &State) -> Result<Prepared> {
        let whole = resolve_at(question, state, None, false)?;
        if whole.resolved.table.is_some() {
            return Err(gives_a_table());
        }
        let mut reads = Reads::of(&whole.resolved);
        reads.amounts = amounts_of(&whole.resolved, state);
        reads.take_transitions(&whole.resolved, &state.catalog);
        let asked = whole.resolved.queries.iter().map(|query| match query {
            Query::Events(query) => Some(codec::digest(format!("{query:?}").as_bytes())),
            _ => None,
        });
        let asked = asked.collect();
        let resolved = Arc::new(whole.resolved);
        Ok(Prepared { question: Arc::clone(question), resolved, asked, reads })
    }

    /// Whether it holds for a profile, at the moment of the reader.
    ///
    /// # Errors
    /// `Invalid` when a number or a time overflows, `Limit`: there is no answer then.
    pub fn holds(&self, person: &Person<'_>) -> Result<bool> {
        One::sharing(person, &self.resolved, &self.asked).holds()
    }

    /// Whether it holds for nobody of whom nothing is known. What asks for an identifier or an id is asked of each.
    ///
    /// # Errors
    /// As `holds`.
    pub fn holds_of_nobody(&self, reader: &Reader<'_>) -> Result<bool> {
        self.holds(&Person::new(reader, Ordinal(u32::MAX)))
    }

    /// All profiles that it holds for at a moment; of some alone, when they are named.
    ///
    /// # Errors
    /// As `ask`.
    pub fn choose(
        &self,
        state: &State,
        workers: &Workers,
        now: Timestamp,
        among: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap> {
        let whole = resolve(&self.question, state, now, false)?;
        let chosen: Chosen = choose(&whole.resolved, state, workers, among)?;
        Ok(chosen.to_set())
    }

    /// The same audience, prepared for another state.
    ///
    /// # Errors
    /// As `new`.
    pub fn again(&self, state: &State) -> Result<Prepared> {
        Prepared::new(&self.question, state)
    }

    /// Whether it asks the same of the same names.
    pub fn is_same(&self, other: &Prepared) -> bool {
        self.resolved == other.resolved
    }

    /// The resolved question.
    pub(super) fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

/// Whether an event could count for its profile.
pub fn passes<'a>(person: &'a Person<'a>, rows: &'a Rows, event: (&'a TablePart, u32)) -> bool {
    one::passes(person, rows, event)
}

/// The value of something that asks of nothing but the moment.
pub fn moment(reader: &Reader<'_>, scalar: &Scalar) -> Option<Value> {
    let fault: Flag<Option<Fault>> = Flag::new(None);
    let (ordinal, answers) = (Ordinal(u32::MAX), Default::default());
    let row = Row::new(reader, answers, ordinal, &fault);
    row.value(scalar).to_value()
}

/// Profiles whose value of a trait is one of two values, or lies between them.
///
/// # Errors
/// `Corrupt`.
pub fn between(
    state: &State,
    workers: &Workers,
    number: usize,
    (one, other): (Value, Value),
) -> Result<RoaringBitmap> {
    let compare = |comparison, value: &Value| {
        Condition::Compare(comparison, Scalar::Trait(number), Scalar::Constant(Some(value.clone())))
    };
    let within = |low: &Value, high: &Value| {
        let above = compare(Comparison::GreaterOrEqual, low);
        Condition::And(vec![above, compare(Comparison::LessOrEqual, high)])
    };
    // Whichever is the lesser: one of the two holds for nobody, or both for those who have the very value.
    let condition = Condition::Or(vec![within(&one, &other), within(&other, &one)]);
    let resolved = Resolved { table: None, condition, queries: Vec::new() };
    choose(&resolved, state, workers, None).map(|chosen| chosen.to_set())
}

/// The amounts of money among the traits and properties that a question reads.
fn amounts_of(resolved: &Resolved, state: &State) -> BTreeSet<Amount> {
    let catalog = &state.catalog;
    let mut found = BTreeSet::new();
    let mut see = |scalar: &Scalar, rows: Option<&Rows>| {
        let (event, currency) = match (scalar, rows) {
            (Scalar::Trait(number), _) => (None, catalog.traits().currency_of(*number)),
            (Scalar::Event(slot, EventColumn::Property(number)), Some(rows))
                if *slot == rows.slot =>
            {
                let fields = catalog.properties(rows.event);
                (Some(rows.event), fields.and_then(|fields| fields.currency_of(*number)))
            }
            _ => return,
        };
        if let Some(currency) = currency {
            found.insert(Amount { event, currency });
        }
    };
    resolved.condition.visit(&mut |scalar| see(scalar, None));
    for query in &resolved.queries {
        match query {
            Query::Events(query) => {
                let rows = Some(&query.rows);
                query.rows.filter.visit(&mut |scalar| see(scalar, rows));
                let value = query.aggregate.as_ref().and_then(|of| of.value.as_ref());
                value.iter().for_each(|value| value.visit(&mut |scalar| see(scalar, rows)));
            }
            Query::Funnel(query) => {
                for step in &query.steps {
                    step.rows.filter.visit(&mut |scalar| see(scalar, Some(&step.rows)));
                    step.between.visit(&mut |scalar| see(scalar, Some(&step.rows)));
                }
            }
            Query::Consents(_) | Query::Segment(_) => {}
        }
    }
    found
}

/// The instant that a value is; the midnight of a day.
pub fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp(time) => Some(*time),
        Value::Date(date) => Some(date.midnight()),
        _ => None,
    }
}

impl Reads {
    fn of(resolved: &Resolved) -> Reads {
        let mut reads = Reads::default();
        reads.condition(&resolved.condition, None);
        let mut effects = vec![None; resolved.queries.len()];
        effects_of(&resolved.condition, Effect::Helps, resolved, &mut effects);
        for (query, effect) in resolved.queries.iter().zip(effects) {
            // A value of a table is another with each row.
            let effect = effect.unwrap_or(Effect::Both);
            match query {
                Query::Events(query) => {
                    reads.of_rows(&query.rows, effect);
                    let value = query.aggregate.as_ref().and_then(|of| of.value.as_ref());
                    value.iter().for_each(|value| reads.loose(value));
                }
                Query::Funnel(query) => {
                    for step in &query.steps {
                        reads.of_rows(&step.rows, effect);
                        reads.condition(&step.between, None);
                    }
                }
                Query::Consents(_) => reads.consents = true,
                Query::Segment(name) => reads.segments.push(name.clone()),
            }
        }
        if let Some(table) = &resolved.table {
            for column in &table.columns {
                if let Column::Value(value)
                | Column::Aggregate(AggregateOf { value: Some(value), .. }) = column
                {
                    reads.loose(value);
                }
            }
        }
        reads
    }

    /// The segments that it asks for by events of who entered and left them.
    fn take_transitions(&mut self, resolved: &Resolved, catalog: &Catalog) {
        let types = [ENTERED, LEFT].map(|event| catalog.events().find(event));
        let rows = resolved.queries.iter().flat_map(|query| match query {
            Query::Events(query) => vec![&query.rows],
            Query::Funnel(query) => query.steps.iter().map(|step| &step.rows).collect(),
            Query::Consents(_) | Query::Segment(_) => Vec::new(),
        });
        for rows in rows.filter(|rows| types.contains(&Some(rows.event))) {
            let named = catalog.properties(rows.event).and_then(|fields| fields.find("segment"));
            let Some(asked) = named.and_then(|property| rows.texts_of(property)) else {
                self.any_segment = true;
                continue;
            };
            self.segments.extend(asked.iter().map(|segment| folded(segment)));
            self.transitions.extend(asked.into_iter().map(str::to_owned));
        }
    }

    fn of_rows(&mut self, rows: &Rows, effect: Effect) {
        match self.rows.iter_mut().find(|(known, _)| known == rows) {
            Some((_, known)) => *known = known.with(effect),
            None => self.rows.push((rows.clone(), effect)),
        }
        for join in &rows.joins {
            self.entities.insert(join.entity);
            self.loose(&join.key);
        }
        self.condition(&rows.filter, Some(rows));
    }

    /// Looks at a condition on profiles, or on the events of rows.
    fn condition(&mut self, condition: &Condition, rows: Option<&Rows>) {
        match condition {
            Condition::Not(inner) => return self.condition(inner, rows),
            Condition::And(parts) | Condition::Or(parts) => {
                return parts.iter().for_each(|part| self.condition(part, rows));
            }
            Condition::HasIdentifier(_) | Condition::ProfileIn { .. } => self.identity = true,
            Condition::Compare(_, left, right) => {
                for (side, other) in [(left, right), (right, left)] {
                    if !is_moment(other) {
                        continue;
                    }
                    match (side, rows) {
                        (Scalar::Event(slot, EventColumn::Time), Some(rows))
                            if *slot == rows.slot =>
                        {
                            let moved = (rows.event, other.clone());
                            if !self.moves.events.contains(&moved) {
                                self.moves.events.push(moved);
                            }
                            return;
                        }
                        (Scalar::Trait(number), _) => {
                            self.traits.insert(*number);
                            let moved = (*number, other.clone());
                            if !self.moves.traits.contains(&moved) {
                                self.moves.traits.push(moved);
                            }
                            return;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        let mut seen = Vec::new();
        top_scalars(condition, &mut seen);
        seen.into_iter().for_each(|scalar| self.loose(scalar));
    }

    /// Looks at a value that stands in a place where its moments are compared as a whole.
    fn loose(&mut self, scalar: &Scalar) {
        if is_moment(scalar) {
            if !self.moves.others.contains(scalar) {
                self.moves.others.push(scalar.clone());
            }
            return;
        }
        match scalar {
            Scalar::Trait(number) => {
                self.traits.insert(*number);
            }
            Scalar::Bucket { .. } => self.identity = true,
            Scalar::Convert(_) => self.money = true,
            _ => {}
        }
        scalar.each_part(&mut |part| self.loose(part));
    }
}

/// What one more row of each subquery can do to a condition, which has an effect itself.
fn effects_of(
    condition: &Condition,
    effect: Effect,
    resolved: &Resolved,
    found: &mut [Option<Effect>],
) {
    let mut note = |number: usize, effect: Effect| {
        if let Some(slot) = found.get_mut(number) {
            *slot = Some(slot.map_or(effect, |known| known.with(effect)));
        }
    };
    match condition {
        Condition::Not(inner) => effects_of(inner, effect.turned(), resolved, found),
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| effects_of(part, effect, resolved, found));
        }
        Condition::Exists(number) => note(*number, effect),
        Condition::Compare(comparison, left, right) => {
            let (number, comparison) = match (left, right) {
                (Scalar::Subquery(number), Scalar::Constant(_)) => (*number, *comparison),
                (Scalar::Constant(_), Scalar::Subquery(number)) => (*number, comparison.turned()),
                _ => return each_subquery(condition, &mut |number| note(number, Effect::Both)),
            };
            // A count grows with each row, or stays.
            let counts = match resolved.queries.get(number) {
                Some(Query::Events(query)) => {
                    query.aggregate.as_ref().is_some_and(AggregateOf::counts)
                }
                _ => false,
            };
            let of = match comparison {
                Comparison::Greater | Comparison::GreaterOrEqual if counts => effect,
                Comparison::Less | Comparison::LessOrEqual if counts => effect.turned(),
                _ => Effect::Both,
            };
            note(number, of);
        }
        _ => each_subquery(condition, &mut |number| note(number, Effect::Both)),
    }
}

fn each_subquery(condition: &Condition, see: &mut dyn FnMut(usize)) {
    condition.visit(&mut |scalar| {
        if let Scalar::Subquery(number) = scalar {
            see(*number);
        }
    });
}

/// Whether a value asks of the moment and of nothing else but constants.
fn is_moment(scalar: &Scalar) -> bool {
    let (mut now, mut else_too) = (false, false);
    scalar.visit(&mut |part| match part {
        Scalar::Now => now = true,
        Scalar::Trait(_)
        | Scalar::Event(..)
        | Scalar::Entity(..)
        | Scalar::Bucket { .. }
        | Scalar::Subquery(_)
        | Scalar::Convert(_) => else_too = true,
        _ => {}
    });
    now && !else_too
}

/// The values that stand in a leaf.
pub(super) fn top_scalars<'c>(condition: &'c Condition, seen: &mut Vec<&'c Scalar>) {
    match condition {
        Condition::Compare(_, left, right)
        | Condition::AnyOf(left, right)
        | Condition::Like { value: left, pattern: right, .. } => seen.extend([left, right]),
        Condition::In(value, options) => {
            seen.push(value);
            seen.extend(options);
        }
        Condition::IsNull(value) | Condition::Is(value) => seen.push(value),
        _ => {}
    }
}
