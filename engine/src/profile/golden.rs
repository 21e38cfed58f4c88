//! Which of the facts about a trait is its golden value, as its definition says.
//!
//! *Invariants:* what is found depends on the set of facts alone, never on their order: either one fact is the greatest
//! in a total order, or the facts are counted and what is told is a function of the counts. *Where to start reading:*
//! `order`, then `counted`.

use super::{RowTrait, Winner, value_order};
use crate::base::number::Decimal;
use crate::base::sum::{ExactSum, FloatSum};
use crate::base::value::{Value, ValueType};
use crate::catalog::{Catalog, Fields, Golden};
use bincode::{Decode, Encode};
use std::cmp::Ordering;

/// What a trait needs beside its value, where its definition asks for more than the latest fact.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub enum Support {
    /// Nothing.
    #[default]
    None,
    /// The record says that the value is verified.
    Verified,
    /// What the record tells of the trait that this one follows.
    Leader(Option<Value>, Winner),
    /// All values that were told, in their order: how often, and by whom last.
    Counts(Vec<(Value, u64, Winner)>),
}

/// The rule of a trait.
fn golden_of(fields: &Fields, number: u32) -> &Golden {
    fields.rule(number as usize).map_or(&Golden::Latest, |rule| &rule.golden)
}

/// The order of two facts of the same trait in which the greater one wins.
pub fn order(fact: &RowTrait, known: &RowTrait, fields: &Fields, catalog: &Catalog) -> Ordering {
    let latest = || latest(fact, known, catalog);
    // Under all rules but these two NULL says nothing of a trait that has a value.
    let told = || fact.value.is_some().cmp(&known.value.is_some());
    let value = || value_order(fact.value.as_ref(), known.value.as_ref());
    match golden_of(fields, fact.number) {
        Golden::Latest | Golden::Frequent | Golden::Sum | Golden::Union => latest(),
        Golden::Follow(leader) => {
            let of = |trait_: &RowTrait| match &trait_.support {
                Support::Leader(value, winner) => Some(RowTrait {
                    number: fields.find(leader).and_then(|n| u32::try_from(n).ok())?,
                    value: value.clone(),
                    winner: *winner,
                    support: Support::None,
                }),
                _ => None,
            };
            match (of(fact), of(known)) {
                // Definitions are checked for it: a ring of traits that follow one another would have no end.
                (Some(fact), Some(known)) if golden_of(fields, fact.number).leads() => {
                    order(&fact, &known, fields, catalog).then_with(value)
                }
                (fact, known) => fact.is_some().cmp(&known.is_some()).then_with(latest),
            }
        }
        Golden::Earliest => told().then_with(|| {
            let times = known.winner.time.cmp(&fact.winner.time);
            times.then_with(|| sources(fact, known, catalog)).then_with(value)
        }),
        Golden::Least => told().then_with(|| value().reverse()).then_with(latest),
        Golden::Greatest => told().then_with(value).then_with(latest),
        Golden::Longest => {
            let length = |of: &RowTrait| of.value.as_ref().map(length);
            told().then_with(|| length(fact).cmp(&length(known))).then_with(latest)
        }
        Golden::Sources(ranked) => {
            let rank = |of: &RowTrait| {
                let name = catalog.source_name(of.winner.source);
                ranked.iter().position(|ranked| ranked == name).unwrap_or(ranked.len())
            };
            told().then_with(|| rank(known).cmp(&rank(fact))).then_with(latest)
        }
        Golden::Verified(_) => {
            let verified = |of: &RowTrait| of.support == Support::Verified;
            told().then_with(|| verified(fact).cmp(&verified(known))).then_with(latest)
        }
    }
}

/// Whether the facts about a trait are counted.
pub fn is_counted(fields: &Fields, number: u32) -> bool {
    golden_of(fields, number).counts()
}

/// What was said last wins.
fn latest(fact: &RowTrait, known: &RowTrait, catalog: &Catalog) -> Ordering {
    let order = fact.winner.time.cmp(&known.winner.time);
    let order = order.then_with(|| sources(fact, known, catalog));
    order.then_with(|| value_order(fact.value.as_ref(), known.value.as_ref()))
}

fn sources(fact: &RowTrait, known: &RowTrait, catalog: &Catalog) -> Ordering {
    let (new, old) = (&fact.winner, &known.winner);
    if new.source == old.source {
        return Ordering::Equal;
    }
    catalog.source_name(new.source).cmp(catalog.source_name(old.source))
}

/// How long a value is, in characters of its text.
fn length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.chars().count(),
        Value::Set(texts) => texts.iter().map(|text| text.chars().count()).sum(),
        other => other.to_string().chars().count(),
    }
}

/// Gives the facts of one record what their rules ask for beside the values.
pub fn support(facts: &mut Vec<RowTrait>, fields: &Fields) {
    let rules: Vec<(usize, &Golden)> = fields.golden().collect();
    for (number, golden) in rules {
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        let place = facts.iter().position(|fact| fact.number == short);
        let named = |name: &String| {
            let number = fields.find(name).and_then(|n| u32::try_from(n).ok())?;
            facts.iter().find(|fact| fact.number == number)
        };
        match golden {
            Golden::Verified(flag) => {
                let says = named(flag).and_then(|flag| flag.value.as_ref());
                let verified = match says {
                    Some(Value::Boolean(says)) => *says,
                    Some(Value::Text(says)) => says.eq_ignore_ascii_case("true"),
                    Some(Value::Integer(says)) => *says == 1,
                    _ => false,
                };
                if let Some(fact) = place.and_then(|p| facts.get_mut(p)).filter(|_| verified) {
                    fact.support = Support::Verified;
                }
            }
            Golden::Follow(leader) => match (named(leader).cloned(), place) {
                (None, Some(place)) => drop(facts.remove(place)),
                (Some(leader), place) => {
                    let support = Support::Leader(leader.value, leader.winner);
                    match place.and_then(|p| facts.get_mut(p)) {
                        Some(fact) => fact.support = support,
                        // The record that tells of the leader and not of this says that there is none.
                        None => facts.push(RowTrait {
                            number: short,
                            value: None,
                            winner: leader.winner,
                            support,
                        }),
                    }
                }
                (None, None) => {}
            },
            _ => {}
        }
    }
}

/// Takes a fact, or what a row knows, into what is counted of a trait.
pub fn count(
    known: Option<&RowTrait>,
    fact: RowTrait,
    fields: &Fields,
    catalog: &Catalog,
) -> RowTrait {
    let mut counts = match known.map(|known| known.support.clone()) {
        Some(Support::Counts(counts)) => counts,
        _ => Vec::new(),
    };
    let new = match fact.support {
        Support::Counts(new) => new,
        _ => fact.value.iter().map(|value| (value.clone(), 1, fact.winner)).collect(),
    };
    for (value, times, winner) in new {
        let place = counts.binary_search_by(|(known, ..)| value_order(Some(known), Some(&value)));
        match place {
            Err(place) => counts.insert(place, (value, times, winner)),
            Ok(place) => {
                if let Some((known, count, last)) = counts.get_mut(place) {
                    *count = count.saturating_add(times);
                    if is_later(&winner, last, catalog) {
                        (*known, *last) = (value, winner);
                    }
                }
            }
        }
    }
    let (value, winner) = counted(&counts, golden_of(fields, fact.number), catalog);
    RowTrait {
        number: fact.number,
        value,
        winner: winner.unwrap_or(fact.winner),
        support: Support::Counts(counts),
    }
}

/// Who said something later; at one time the source whose name is the greater.
fn later(winner: &Winner, known: &Winner, catalog: &Catalog) -> Ordering {
    let name = |of: &Winner| catalog.source_name(of.source).to_owned();
    winner.time.cmp(&known.time).then_with(|| name(winner).cmp(&name(known)))
}

/// Whether one who said the same is named instead of another: of two alike the first in the log.
fn is_later(winner: &Winner, known: &Winner, catalog: &Catalog) -> bool {
    let position = || known.position.cmp(&winner.position);
    later(winner, known, catalog).then_with(position) == Ordering::Greater
}

/// What counted values come to, and who is named for it.
fn counted(
    counts: &[(Value, u64, Winner)],
    golden: &Golden,
    catalog: &Catalog,
) -> (Option<Value>, Option<Winner>) {
    let order = |one: &(Value, u64, Winner), other: &(Value, u64, Winner)| {
        let often = if *golden == Golden::Frequent { one.1.cmp(&other.1) } else { Ordering::Equal };
        let order = often.then_with(|| later(&one.2, &other.2, catalog));
        order.then_with(|| value_order(Some(&one.0), Some(&other.0)))
    };
    let last = counts.iter().max_by(|one, other| order(one, other));
    let winner = last.map(|(.., winner)| *winner);
    let value = match golden {
        Golden::Union => {
            let mut all: Vec<String> = counts.iter().flat_map(|(value, ..)| texts(value)).collect();
            all.sort_unstable();
            all.dedup();
            (!all.is_empty()).then_some(Value::Set(all))
        }
        Golden::Sum => sum(counts),
        _ => last.map(|(value, ..)| value.clone()),
    };
    (value, winner)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Set(texts) => texts.clone(),
        Value::Text(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// The sum of counted numbers: exact, but for floats, whose sum is exact before it is rounded. Nothing when it has more
/// digits than its type has.
fn sum(counts: &[(Value, u64, Winner)]) -> Option<Value> {
    let (mut exact, mut floats, mut wide) = (ExactSum::default(), FloatSum::default(), None);
    for (value, times, _) in counts {
        let decimal = match value {
            Value::Integer(number) => Decimal::new(i128::from(*number), 0),
            Value::Decimal(number) => Some(*number),
            _ => None,
        };
        let all = decimal.and_then(|one| {
            Decimal::new(one.coefficient.checked_mul(i128::from(*times))?, one.scale)
        });
        match (all, decimal, value) {
            (Some(all), ..) => exact.add(all),
            (None, Some(one), _) => (0..*times).for_each(|_| exact.add(one)),
            (None, None, Value::Float(number)) => (0..*times).for_each(|_| floats.add(*number)),
            _ => {}
        }
        let found = value.value_type();
        wide = match wide {
            None => Some(found),
            Some(known) => ValueType::widened(known, found),
        };
    }
    let exact = exact.value()?;
    match wide? {
        ValueType::Float => Some(Value::Float(floats.value() + exact.to_f64())),
        ValueType::Integer => {
            i64::try_from(exact.normalized().coefficient).ok().map(Value::Integer)
        }
        _ => Some(Value::Decimal(exact)),
    }
}
