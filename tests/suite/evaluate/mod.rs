//! What a question's answer is: row by row, in three-valued logic, without any plan.
//!
//! An expression may have no value: it overflows, divides by zero, or leaves the calendar. Then the question has no
//! answer either, whatever an engine does first. But where another part decides a row alone (`FALSE AND ...`), an
//! engine may or may not come to the part without a value: that is a doubt, and answer and error are both right.

mod aggregate;
mod big;
mod consent;
mod funnel;
mod kind;
mod md5;
mod money;
pub mod number;
mod table;
mod text;
mod value;

pub use kind::{Scope, kind_of, table_of};
pub use money::currency_of;
pub use table::table;

use crate::ast::{Comparison, Events, Predicate, Scalar, scalars_of};
use crate::oracle::{Entity, Event, HELD, Person, World};
use navedb::Value;
use std::cell::Cell;

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A number is too large.
    Overflow,
    /// A remainder by zero.
    ByZero,
    /// A time outside the years 1 to 9999.
    Range,
    /// It computes with amounts of several currencies.
    Currencies,
    /// An amount without a currency, or without a rate for its day.
    Rate,
    /// The oracle does not know: the question should not be asked.
    Unknown,
    /// The question mixes types that do not mix: it should not be asked either.
    IllTyped,
}

/// What came up on the way to an answer.
#[derive(Debug, Default)]
pub struct Notes {
    doubt: Cell<bool>,
    unknown: Cell<bool>,
    rates: Cell<bool>,
}

impl Notes {
    /// An engine may refuse the question.
    pub fn doubt(&self) {
        self.doubt.set(true);
    }

    /// A rate was used.
    pub fn by_rate(&self) {
        self.rates.set(true);
    }

    /// A part that does not decide had no value.
    fn masked(&self, fault: Fault) {
        match fault {
            Fault::Unknown | Fault::IllTyped => self.unknown.set(true),
            _ => self.doubt(),
        }
    }
}

/// The answer that an engine must give, or why it must give none.
#[derive(Debug, Clone)]
pub struct Expected<T> {
    pub answer: Result<T, Fault>,
    /// Whether an engine may refuse all the same.
    pub doubt: bool,
    /// Whether a rate was used.
    pub rates: bool,
}

impl<T> Expected<T> {
    pub(crate) fn new(answer: Result<T, Fault>, notes: &Notes) -> Expected<T> {
        let answer = if notes.unknown.get() { Err(Fault::Unknown) } else { answer };
        Expected { answer, doubt: notes.doubt.get(), rates: notes.rates.get() }
    }

    /// Whether the oracle can tell.
    pub fn known(&self) -> bool {
        !matches!(self.answer, Err(Fault::Unknown | Fault::IllTyped))
    }
}

/// A row of a table in scope.
#[derive(Debug, Clone, Copy)]
pub enum Slot<'a> {
    Event(&'a Event),
    /// Nothing when an event names no entity.
    Entity(Option<&'a Entity>),
}

/// What names mean: the profile, and inside a subquery rows of its tables.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub world: &'a World,
    pub person: &'a Person,
    pub scope: &'a Scope,
    pub slots: &'a [Slot<'a>],
    pub now: i64,
    pub notes: &'a Notes,
}

type Truth = Result<Option<bool>, Fault>;

/// The public ids of the members, sorted.
pub fn members(world: &World, predicate: &Predicate, now: i64) -> Expected<Vec<String>> {
    let notes = Notes::default();
    if money::clashes(world, predicate) {
        return Expected::new(Err(Fault::Currencies), &notes);
    }
    let found = selected(world, Some(predicate), now, &notes);
    let ids = found.map(|people| people.iter().map(|person| person.id.clone()).collect());
    let sorted = ids.map(|mut ids: Vec<String>| {
        ids.sort();
        ids
    });
    let mut scalars = Vec::new();
    scalars_of(predicate, &mut |scalar| scalars.push(scalar));
    constants(world, &scalars, now, &notes);
    Expected::new(sorted, &notes)
}

/// Constants without a value may be found before anybody is asked for.
fn constants(world: &World, scalars: &[&Scalar], now: i64, notes: &Notes) {
    let (person, scope) = (Person::default(), Scope::default());
    let row = Row { world, person: &person, scope: &scope, slots: &[], now, notes };
    for scalar in scalars.iter().filter(|scalar| scalar.is_constant()) {
        if let Err(fault) = row.value(scalar) {
            notes.masked(fault);
        }
    }
}

/// The profiles for which a condition is true. All are asked, so that no fault is missed.
fn selected<'a>(
    world: &'a World,
    predicate: Option<&Predicate>,
    now: i64,
    notes: &Notes,
) -> Result<Vec<&'a Person>, Fault> {
    let scope = Scope::default();
    let (mut found, mut fault) = (Vec::new(), None);
    for person in &world.people {
        let row = Row { world, person, scope: &scope, slots: &[], now, notes };
        match predicate.map_or(Ok(true), |predicate| row.selected(predicate)) {
            Ok(true) => found.push(person),
            Ok(false) => {}
            Err(why) => fault = Some(why),
        }
    }
    fault.map_or(Ok(found), Err)
}

fn not(value: Option<bool>, negated: bool) -> Option<bool> {
    value.map(|v| v != negated)
}

/// AND: a part that is false decides, and masks the faults of the others.
fn all(values: impl Iterator<Item = Truth>, notes: &Notes) -> Truth {
    let (mut result, mut fault) = (Some(true), None);
    for value in values {
        match value {
            Ok(Some(true)) => {}
            Ok(Some(false)) => result = Some(false),
            Ok(None) => result = result.filter(|r| !r),
            Err(why) => fault = Some(why),
        }
    }
    match fault {
        None => Ok(result),
        Some(why) if result == Some(false) => {
            notes.masked(why);
            Ok(result)
        }
        Some(why) => Err(why),
    }
}

fn any(values: impl Iterator<Item = Truth>, notes: &Notes) -> Truth {
    Ok(not(all(values.map(|v| Ok(not(v?, true))), notes)?, true))
}

impl<'a> Row<'a> {
    /// Whether a filter selects the row. Unknown does not, so it decides like false, and masks faults like false.
    pub fn selected(&self, filter: &Predicate) -> Result<bool, Fault> {
        let one = |part: &Predicate| self.selected(part).map(Some);
        let found = match filter {
            Predicate::And(parts) => all(parts.iter().map(one), self.notes),
            Predicate::Or(parts) => any(parts.iter().map(one), self.notes),
            Predicate::Between { subject, low, high, negated: false } => {
                let subject = self.value(subject);
                let above = compared(Comparison::GreaterOrEqual, &subject, &self.value(low));
                let below = compared(Comparison::LessOrEqual, &subject, &self.value(high));
                let known = |part: Truth| part.map(|part| Some(part == Some(true)));
                all([known(above), known(below)].into_iter(), self.notes)
            }
            other => self.holds(other),
        };
        Ok(found? == Some(true))
    }

    pub fn holds(&self, predicate: &Predicate) -> Truth {
        match predicate {
            Predicate::Constant(value) => Ok(*value),
            Predicate::And(parts) => all(parts.iter().map(|p| self.holds(p)), self.notes),
            Predicate::Or(parts) => any(parts.iter().map(|p| self.holds(p)), self.notes),
            Predicate::Not(part) => Ok(not(self.holds(part)?, true)),
            Predicate::Compare(comparison, left, right) => {
                compared(*comparison, &self.value(left), &self.value(right))
            }
            Predicate::Between { subject, low, high, negated } => {
                let subject = self.value(subject);
                let above = compared(Comparison::GreaterOrEqual, &subject, &self.value(low));
                let below = compared(Comparison::LessOrEqual, &subject, &self.value(high));
                Ok(not(all([above, below].into_iter(), self.notes)?, *negated))
            }
            Predicate::In { subject, list, negated } => {
                let subject = self.value(subject)?;
                let equal =
                    |item| compared(Comparison::Equal, &Ok(subject.clone()), &self.value(item));
                let items: Vec<Truth> = list.iter().map(equal).collect();
                if subject.is_none() {
                    // Nothing is like NULL: an engine need not look at the list.
                    let faults = items.iter().filter_map(|item| item.as_ref().err());
                    faults.for_each(|fault| self.notes.masked(*fault));
                    return Ok(None);
                }
                Ok(not(any(items.into_iter(), self.notes)?, *negated))
            }
            Predicate::IsNull { subject, negated } => {
                Ok(Some(self.value(subject)?.is_none() != *negated))
            }
            Predicate::Like { subject, pattern, escape, any_case, negated } => {
                match (self.value(subject)?, self.value(pattern)?) {
                    (Some(Value::Text(text)), Some(Value::Text(pattern))) => {
                        Ok(Some(text::like(&text, &pattern, *escape, *any_case) != *negated))
                    }
                    (None, _) | (_, None) => Ok(None),
                    _ => Err(Fault::IllTyped),
                }
            }
            Predicate::AnyOf(text, set) => self.any_of(text, set),
            Predicate::HasIdentifier(namespace) => {
                let namespace = namespace.trim().to_lowercase();
                let mut own = self.person.identifiers.keys();
                Ok(Some(own.any(|(known, _)| *known == namespace)))
            }
            Predicate::Consents { channel, purpose, topic } => {
                let allowed = consent::consents(self.person, channel, purpose, topic.as_deref());
                Ok(Some(allowed))
            }
            Predicate::Profile { ids, negated, .. } => Ok(not(self.is_one_of(ids), *negated)),
            Predicate::Exists { events, negated } => {
                Ok(Some(self.passing(events)?.is_empty() == *negated))
            }
            Predicate::Funnel { within, steps } => self.funnel(within, steps),
            Predicate::Bare(scalar)
                if !HELD.untyped_columns_stand_everywhere && {
                    kind_of(scalar, &self.world.types, self.scope).is_none()
                } =>
            {
                Err(Fault::Unknown)
            }
            Predicate::Bare(scalar) => match self.value(scalar)? {
                None => Ok(None),
                Some(Value::Boolean(b)) => Ok(Some(b)),
                Some(_) => Err(Fault::IllTyped),
            },
        }
    }

    /// A set is never NULL: an absent one is empty, and nothing is in it, not even NULL.
    fn any_of(&self, text: &Scalar, set: &Scalar) -> Truth {
        let (text, set) = (self.value(text)?, self.value(set)?);
        let full = matches!(&set, Some(Value::Set(texts)) if !texts.is_empty());
        if !HELD.empty_sets_hold_no_null && text.is_none() && !full {
            return Err(Fault::Unknown);
        }
        match (text, set) {
            (_, None) => Ok(Some(false)),
            (_, Some(Value::Set(texts))) if texts.is_empty() => Ok(Some(false)),
            (None, Some(Value::Set(_))) => Ok(None),
            (Some(Value::Text(text)), Some(Value::Set(texts))) => Ok(Some(texts.contains(&text))),
            _ => Err(Fault::IllTyped),
        }
    }

    fn is_one_of(&self, ids: &[Option<String>]) -> Option<bool> {
        let own = |id: &String| *id == self.person.id || self.person.former.contains(id);
        if ids.iter().flatten().any(own) {
            Some(true)
        } else {
            (!ids.contains(&None)).then_some(false)
        }
    }

    /// The rows of a subquery that pass its filter. All are asked.
    fn passing(&self, events: &Events) -> Result<Vec<Vec<Slot<'a>>>, Fault> {
        let scope = self.scope.inside(events);
        let own = self.person.events.get(&events.event.to_lowercase());
        let (mut found, mut fault) = (Vec::new(), None);
        for event in own.into_iter().flatten() {
            match self.joined(event, events, &scope) {
                Ok(slots) => found.extend(slots),
                Err(why) => fault = Some(why),
            }
        }
        fault.map_or(Ok(found), Err)
    }

    /// An event with the entities that it names, if it passes the joins and the filter.
    fn joined(
        &self,
        event: &'a Event,
        events: &Events,
        scope: &Scope,
    ) -> Result<Option<Vec<Slot<'a>>>, Fault> {
        let mut slots: Vec<Slot<'a>> = self.slots.to_vec();
        slots.push(Slot::Event(event));
        for join in &events.joins {
            let row = Row { slots: &slots, scope, ..*self };
            let id = match row.value(&join.on)? {
                None => None,
                Some(Value::Text(id)) => Some(id),
                Some(_) => return Err(Fault::IllTyped),
            };
            let key = id.map(|id| (join.entity.to_lowercase(), id));
            let entity = key.and_then(|key| self.world.entities.get(&key));
            if entity.is_none() && !join.left {
                return Ok(None);
            }
            slots.push(Slot::Entity(entity));
        }
        let row = Row { slots: &slots, scope, ..*self };
        let passes = events.filter.as_ref().map_or(Ok(true), |filter| row.selected(filter))?;
        Ok(passes.then_some(slots))
    }
}

fn compared(
    comparison: Comparison,
    left: &Result<Option<Value>, Fault>,
    right: &Result<Option<Value>, Fault>,
) -> Truth {
    let (Some(left), Some(right)) = (left.clone()?, right.clone()?) else { return Ok(None) };
    let order = number::order(&left, &right).ok_or(Fault::IllTyped)?;
    Ok(Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Different => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }))
}

#[test]
fn three_valued_logic_is_that_of_sql() {
    let notes = Notes::default();
    let and = |values: &[Truth]| all(values.iter().copied(), &notes);
    let or = |values: &[Truth]| any(values.iter().copied(), &notes);
    assert_eq!(and(&[Ok(Some(true)), Ok(None), Ok(Some(false))]), Ok(Some(false)));
    assert_eq!(and(&[Ok(Some(true)), Ok(None)]), Ok(None));
    assert_eq!(and(&[]), Ok(Some(true)));
    assert_eq!(or(&[Ok(None), Ok(Some(true))]), Ok(Some(true)));
    assert_eq!(or(&[Ok(None), Ok(Some(false))]), Ok(None));
    assert_eq!(or(&[]), Ok(Some(false)));
    assert_eq!(and(&[Ok(None), Err(Fault::ByZero)]), Err(Fault::ByZero));
    assert!(!notes.doubt.get());
    assert_eq!(or(&[Ok(Some(true)), Err(Fault::ByZero)]), Ok(Some(true)));
    assert!(notes.doubt.get());
}
