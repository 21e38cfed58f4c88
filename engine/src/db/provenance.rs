//! Why the traits of a profile have their values: what was said about each, what won, and why the rest lost.

use super::answers::{ProfileExplanation, TraitExplanation, TraitFact, WhyLost};
use crate::base::error::Result;
use crate::catalog::Golden;
use crate::profile::{RowTrait, Winner, is_counted, order, support, value_order, widened};
use crate::state::State;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The explanation of the profile that holds an identifier.
pub(super) fn explanation(
    state: &State,
    namespace: &str,
    value: &str,
) -> Result<Option<ProfileExplanation>> {
    let reader = state.reader();
    let found = super::profile_view::find(&reader, namespace, value);
    let Some((ordinal, id)) = found.and_then(|o| Some((o, reader.profile_id(o)?))) else {
        return reader.check().map(|()| None);
    };
    let fields = state.catalog.traits();
    let row = reader.row(ordinal);
    let mut said: BTreeMap<u32, Vec<(Option<RowTrait>, TraitFact)>> = BTreeMap::new();
    for node in &row.members {
        let Some((namespace, identifier)) = reader.nodes().identifier(*node) else { continue };
        for told in reader.facts_of(*node) {
            let (time, dated, source, position) =
                (told.time, told.dated, told.source, told.position);
            let winner = Winner { time, dated, source, position };
            let facts = told.traits.iter();
            let facts = facts.map(|(number, value)| RowTrait::told(*number, value.clone(), winner));
            let mut supported: Vec<RowTrait> = facts.collect();
            support(&mut supported, fields);
            // A record that tells of a leader alone says that what follows it has no value.
            let untold = |fact: &&RowTrait| told.traits.iter().all(|(n, _)| *n != fact.number);
            let silent = supported.iter().filter(untold).map(|fact| (fact.number, None));
            let all = told.traits.iter().map(|(number, value)| (*number, value.as_ref()));
            for (number, value) in all.chain(silent) {
                let wanted = fields.get(number as usize).and_then(|field| field.value_type);
                let fact = TraitFact {
                    value: value.map(|value| widened(value, wanted)),
                    time,
                    dated,
                    source: state.catalog.source_name(source).to_owned(),
                    namespace: namespace.to_owned(),
                    identifier: identifier.to_owned(),
                    position,
                    won: false,
                    reason: None,
                };
                let judged = supported.iter().find(|fact| fact.number == number).cloned();
                said.entry(number).or_default().push((judged, fact));
            }
        }
    }
    let traits = said.into_iter().filter_map(|(number, facts)| {
        let name = fields.get(number as usize)?.name.clone();
        let golden =
            fields.rule(number as usize).map_or(Golden::Latest, |rule| rule.golden.clone());
        let rule = golden.describe();
        let facts = match golden {
            Golden::Latest => judged(facts.into_iter().map(|(_, fact)| fact).collect()),
            _ => by_rule(facts, row.get(number), state),
        };
        Some(TraitExplanation { name, rule, facts })
    });
    let mut traits: Vec<TraitExplanation> = traits.collect();
    traits.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    reader.check().map(|()| Some(ProfileExplanation { id: id.to_string(), traits }))
}

/// The facts under a rule that is not simply the latest: those that make the golden value first.
fn by_rule(
    mut facts: Vec<(Option<RowTrait>, TraitFact)>,
    golden: Option<&RowTrait>,
    state: &State,
) -> Vec<TraitFact> {
    let fields = state.catalog.traits();
    facts.sort_by(|(left, one), (right, other)| match (left, right) {
        (Some(left), Some(right)) => {
            let position = left.winner.position.cmp(&right.winner.position);
            order(right, left, fields, &state.catalog).then(position)
        }
        _ => right.is_some().cmp(&left.is_some()).then(one.position.cmp(&other.position)),
    });
    let counted = golden.filter(|golden| is_counted(fields, golden.number));
    let mut told = Vec::with_capacity(facts.len());
    for (place, (judged, mut fact)) in facts.into_iter().enumerate() {
        fact.won = match counted.map(|golden| (golden, fields.rule(golden.number as usize))) {
            Some((golden, Some(rule))) if rule.golden == Golden::Frequent => {
                fact.value.is_some()
                    && value_order(fact.value.as_ref(), golden.value.as_ref()).is_eq()
            }
            Some(_) => fact.value.is_some(),
            None => place == 0 && judged.is_some(),
        };
        fact.reason = (!fact.won).then_some(WhyLost::Rule);
        told.push(fact);
    }
    told.sort_by_key(|fact| !fact.won);
    told
}

/// The facts from the strongest to the weakest, each that lost with its reason.
fn judged(mut facts: Vec<TraitFact>) -> Vec<TraitFact> {
    facts.sort_by(|a, b| strength(b, a).0);
    let mut rest = facts.iter_mut();
    let Some(winner) = rest.next() else { return facts };
    winner.won = true;
    for fact in rest {
        fact.reason = Some(strength(winner, fact).1);
    }
    facts
}

/// How two facts compare as golden records have it, and what decides between them.
fn strength(left: &TraitFact, right: &TraitFact) -> (Ordering, WhyLost) {
    let by_value = value_order(left.value.as_ref(), right.value.as_ref());
    let orders = [
        (left.time.cmp(&right.time), WhyLost::Time),
        (left.source.cmp(&right.source), WhyLost::Source),
        (by_value, WhyLost::Value),
    ];
    let decided = orders.into_iter().find(|(order, _)| order.is_ne());
    // Of equal facts the first in the log is named.
    decided.unwrap_or((right.position.cmp(&left.position), WhyLost::Repeated))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Position;
    use crate::base::time::Timestamp;
    use crate::base::value::Value;

    fn fact(value: Option<i64>, time: i64, source: &str, position: u64) -> TraitFact {
        TraitFact {
            value: value.map(Value::Integer),
            time: Timestamp(time),
            dated: true,
            source: source.to_owned(),
            namespace: "user_id".to_owned(),
            identifier: "7".to_owned(),
            position: Position(position),
            won: false,
            reason: None,
        }
    }

    #[test]
    fn the_strongest_fact_is_first_and_the_others_have_reasons() {
        let judged = judged(vec![
            fact(Some(9), 1, "web", 2),
            fact(None, 5, "web", 3),
            fact(Some(7), 5, "web", 9),
            fact(Some(8), 5, "crm", 5),
            fact(Some(7), 5, "web", 6),
            fact(Some(6), 5, "web", 7),
        ]);
        let told: Vec<_> = judged.iter().map(|f| (f.position.0, f.won, f.reason)).collect();
        assert_eq!(
            told,
            [
                (6, true, None),
                (9, false, Some(WhyLost::Repeated)),
                (7, false, Some(WhyLost::Value)),
                (3, false, Some(WhyLost::Value)),
                (5, false, Some(WhyLost::Source)),
                (2, false, Some(WhyLost::Time)),
            ]
        );
        assert!(super::judged(Vec::new()).is_empty());
    }
}
