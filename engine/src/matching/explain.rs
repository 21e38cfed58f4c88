//! Why two records have the score that they have.

use super::compare::{Comparer, KNOWN_FEW};
use super::comparison::Comparison;
use super::model::{Model, Weights, Zone};
use super::people::People;

/// What one comparison tells of two records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// What is compared.
    pub comparison: Comparison,
    /// How well it agrees: 0 is equal.
    pub level: u8,
    /// What the level means.
    pub meaning: &'static str,
    /// What it adds to the score.
    pub weight: f32,
    /// How likely two records of different persons agree on this very value, where that decides the weight.
    pub chance: Option<f32>,
}

/// Why two records have the score that they have: `prior`, the weights of all contributions and `house` together.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The natural logarithm of the odds that both are of one person.
    pub score: f32,
    /// The zone of the score.
    pub zone: Zone,
    /// The logarithm of the odds of two records of which nothing is known.
    pub prior: f32,
    /// What is taken off because two persons of one house would show the same; never above zero.
    pub house: f32,
    /// What each comparison tells; what either record does not say tells nothing and is not here.
    pub contributions: Vec<Contribution>,
}

/// Explains the score of two records.
pub(super) fn explain(people: &People, model: &Model, left: u32, right: u32) -> Explanation {
    let weights = Weights::of(model);
    let mut seen = Vec::new();
    Comparer::new(people, KNOWN_FEW).compare(left, right, &mut seen);
    let contributions = seen.iter().map(|one| Contribution {
        comparison: one.comparison,
        level: one.level,
        meaning: one.comparison.levels().get(usize::from(one.level)).copied().unwrap_or_default(),
        weight: weights.of_seen(one).0 as f32,
        chance: (one.chance != 0.0).then(|| one.chance.exp()),
    });
    let score = weights.score_of(&seen);
    Explanation {
        score,
        zone: model.zone(score),
        prior: weights.prior(),
        house: weights.house_of(&seen),
        contributions: contributions.collect(),
    }
}
