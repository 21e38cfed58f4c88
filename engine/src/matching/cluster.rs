//! From scored pairs to persons: two groups become one when their records, taken together, speak for it.
//!
//! A chain of pairs is not enough: where each is likely the whole may be absurd. Pairs are taken the likeliest first;
//! two groups are joined when the mean score over all pairs between them is above zero, pairs that were no candidates
//! scored when they are needed (average linkage, Sokal and Michener 1958).
//!
//! *Invariants:* the groups depend on what the records say and on their keys, not on the order of rows: all that could
//! tell rows apart here is their rank.

use super::model::{Model, Scorer, Weights};
use super::people::People;
use super::text::NumberHasher;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Beyond this a score counts as this much: one very certain pair must not outvote many.
const SCORE_MAX: f32 = 12.0;
/// Pairs between two groups that are looked at: of larger groups as many, evenly spread.
const PAIRS_MAX: usize = 4_096;

/// Two records, by their numbers, and the logarithm of the odds that they are of one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredPair {
    /// The record with the lower number.
    pub left: u32,
    /// The other record.
    pub right: u32,
    /// The natural logarithm of the odds.
    pub score: f32,
}

type Scores = HashMap<u64, f32, BuildHasherDefault<NumberHasher>>;
/// The groups of records that are not alone, each named by a record of it.
pub(super) type GroupOf = HashMap<u32, u32, BuildHasherDefault<NumberHasher>>;

fn pair(left: u32, right: u32) -> u64 {
    (u64::from(left.min(right)) << 32) | u64::from(left.max(right))
}

/// Groups of records, and what is known of the pairs between them.
struct Groups<'a> {
    scorer: Scorer<'a>,
    scores: Scores,
    group: GroupOf,
    /// The records of a group that has several, in the order of joining, at its first record.
    members: HashMap<u32, Vec<u32>, BuildHasherDefault<NumberHasher>>,
}

impl Groups<'_> {
    fn of(&self, record: u32) -> u32 {
        self.group.get(&record).copied().unwrap_or(record)
    }

    fn score(&mut self, left: u32, right: u32) -> f32 {
        let scorer = &mut self.scorer;
        *self.scores.entry(pair(left, right)).or_insert_with(|| scorer.score(left, right))
    }

    fn take(&mut self, group: u32) -> Vec<u32> {
        self.members.remove(&group).unwrap_or_else(|| vec![group])
    }

    /// The mean score of the pairs between two groups.
    fn mean(&mut self, left: &[u32], right: &[u32]) -> f64 {
        let all = left.len() * right.len();
        let step = all.div_ceil(PAIRS_MAX).max(1);
        let mut sum = 0.0;
        let mut count = 0;
        for place in (0..all).step_by(step) {
            let (row, column) = (place / right.len().max(1), place % right.len().max(1));
            if let (Some(one), Some(other)) = (left.get(row), right.get(column)) {
                sum += f64::from(self.score(*one, *other).clamp(-SCORE_MAX, SCORE_MAX));
                count += 1;
            }
        }
        sum / f64::from(count.max(1))
    }

    fn join(&mut self, left: u32, right: u32) {
        let (mut one, mut other) = (self.take(left), self.take(right));
        if self.mean(&one, &other) > 0.0 {
            self.group.extend(other.iter().map(|record| (*record, left)));
            one.append(&mut other);
        }
        for (group, members) in [(left, one), (right, other)] {
            if members.len() > 1 {
                self.members.insert(group, members);
            }
        }
    }
}

/// The group of each record that was joined to another: a record of it, the same for all. `pairs` are those in the
/// zones to accept and to review; `of` tells where a record stands in the order of what records say. Records that no
/// chain of pairs to accept leads to have no say in a group: such a chain can be judged without the rest. The scorer's
/// memory is for `known` pairs of words.
pub(super) fn cluster(
    (people, model): (&People, &Model),
    pairs: &[ScoredPair],
    of: impl Fn(u32) -> u32,
    known: usize,
) -> GroupOf {
    let mut likely: Vec<(f32, u64, u32, u32)> = pairs
        .iter()
        .filter(|pair| pair.score >= model.accept)
        .map(|one| {
            let (left, right) = (one.left, one.right);
            let (left, right) = if of(left) < of(right) { (left, right) } else { (right, left) };
            (one.score, pair(of(left), of(right)), left, right)
        })
        .collect();
    likely.sort_unstable_by(|(a, p, ..), (b, q, ..)| b.total_cmp(a).then(p.cmp(q)));
    let mut scores = Scores::with_capacity_and_hasher(pairs.len(), BuildHasherDefault::default());
    scores.extend(pairs.iter().map(|one| (pair(one.left, one.right), one.score)));
    let mut groups = Groups {
        scorer: Scorer::of(people, Weights::of(model), known),
        scores,
        group: GroupOf::default(),
        members: HashMap::default(),
    };
    for (_, _, left, right) in likely {
        let (left, right) = (groups.of(left), groups.of(right));
        match of(left).cmp(&of(right)) {
            std::cmp::Ordering::Less => groups.join(left, right),
            std::cmp::Ordering::Greater => groups.join(right, left),
            std::cmp::Ordering::Equal => {}
        }
    }
    groups.group
}
