//! A record that has come or changed, judged with those that it is tied to: what a batch over all records would say of
//! it, without the batch.
//!
//! *Why that is possible:* groups grow along pairs in the zone to accept alone (`cluster`), so that the records that a
//! chain of such pairs leads to are judged by themselves as they are among all others. *Invariants:* the pairs, scores
//! and groups are those of a batch over the records of the index; a chain that is longer than the caller allows is not
//! judged at all, and says so.

use super::cluster::{ScoredPair, cluster};
use super::compare::KNOWN_FEW;
use super::index::Matcher;
use super::model::Scorer;
use super::people::Record;
use std::collections::{BTreeSet, HashMap};

/// Two records by their keys, and what a batch would make of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedPair {
    /// The lesser key.
    pub left: u64,
    /// The greater key.
    pub right: u64,
    /// The natural logarithm of the odds.
    pub score: f32,
    /// Whether both are in one group.
    pub joined: bool,
}

/// What is found of a record, and of all that pairs in the zone to accept tie to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// The keys of the records that were judged together, the one that was asked about first.
    pub members: Vec<u64>,
    /// Their pairs in the zones to accept and to review, among themselves and with others, each once.
    pub pairs: Vec<JudgedPair>,
    /// How many pairs were compared.
    pub compared: u64,
    /// Whether all that is tied to the record was judged. If not, nothing is joined.
    pub whole: bool,
}

impl Matcher<'_> {
    /// Judges a record of the index together with those that it is tied to, at most so many. `tie` tells which of two
    /// records that say the same comes first: the `key` that a batch has of its rows. The keys of the index are in the
    /// order of these rows.
    pub fn judge(&mut self, key: u64, most: usize, tie: &dyn Fn(u64) -> u64) -> Judged {
        let Some(first) = self.index.numbers.get(&key).copied() else { return Judged::default() };
        let mut members = vec![first];
        let mut met = BTreeSet::from([first]);
        let mut asked = BTreeSet::new();
        let mut pairs = Vec::new();
        let (mut compared, mut whole, mut next) = (0, true, 0);
        while let Some(number) = members.get(next).copied() {
            next += 1;
            let found = self.scored(number, &mut compared);
            asked.insert(number);
            for pair in found.into_iter().filter(|pair| !asked.contains(&pair.right)) {
                if pair.score >= self.model.accept && !met.contains(&pair.right) {
                    whole &= members.len() < most;
                    if whole {
                        met.insert(pair.right);
                        members.push(pair.right);
                    }
                }
                pairs.push(pair);
            }
        }
        let name = |number: &u32| self.index.names.get(*number as usize).copied().unwrap_or(0);
        let group = if whole { self.groups(&members, &pairs, tie) } else { HashMap::default() };
        let group = |number: u32| group.get(&number).copied().unwrap_or(number);
        let judged = pairs.iter().map(|pair| {
            let (one, other) = (name(&pair.left), name(&pair.right));
            JudgedPair {
                left: one.min(other),
                right: one.max(other),
                score: pair.score,
                joined: group(pair.left) == group(pair.right),
            }
        });
        let pairs = judged.collect();
        Judged { members: members.iter().map(name).collect(), pairs, compared, whole }
    }

    /// The groups among records that are tied to no others.
    fn groups(
        &self,
        members: &[u32],
        pairs: &[ScoredPair],
        tie: &dyn Fn(u64) -> u64,
    ) -> super::cluster::GroupOf {
        let people = &self.index.people;
        let mut order: Vec<(u64, u64, u64, u32)> = members
            .iter()
            .map(|number| {
                let key = self.index.names.get(*number as usize).copied().unwrap_or(0);
                (people.digest(*number), tie(key), key, *number)
            })
            .collect();
        order.sort_unstable();
        let rank: HashMap<u32, u32> =
            (0..).zip(&order).map(|(place, (.., number))| (*number, place)).collect();
        let of = |number: u32| rank.get(&number).copied().unwrap_or(u32::MAX);
        cluster((people, self.model), pairs, of, KNOWN_FEW)
    }

    /// The pairs of a record in the zones to accept and to review; adds how many were compared.
    pub(super) fn scored(&self, number: u32, compared: &mut u64) -> Vec<ScoredPair> {
        let index = &*self.index;
        let mut scorer = Scorer::of(&index.people, self.weights.clone(), KNOWN_FEW);
        let record: Record = index.people.record(number);
        let partners = index.partners(number);
        *compared += partners.len() as u64;
        let scored = partners.into_iter().filter_map(|right| {
            let score = scorer.score_from(self.model.review, &record, right)?;
            Some(ScoredPair { left: number, right, score })
        });
        scored.collect()
    }
}
