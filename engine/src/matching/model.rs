//! How much each agreement and disagreement tells: the model of Fellegi and Sunter (1969), with rarer values telling
//! more.
//!
//! Pairs of records are of three kinds: of one person; of two persons of one household or house, who share street,
//! place and telephone but no more; of strangers. Without the second kind, families and the shops of one building
//! would be taken for one.

use super::compare::{CHANCE_MAX, Comparer, STEPS, Seen, Step};
use super::comparison::{COMPARISONS, COUNT, Comparison, LEVELS};
use super::people::{People, Record};
use super::text::{NumberHasher, mix};
use super::vocabulary::{Entry, KINDS, Kind, NONE, Word};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// How likely each level of each comparison is.
pub(super) type Likely = [[f64; LEVELS]; COUNT];

/// How likely a level is that a comparison does not have.
pub(super) const UNUSED: f64 = 1e-7;

/// Shares of words by their digests.
pub(super) type Terms = HashMap<u64, f32, BuildHasherDefault<NumberHasher>>;

/// A model that was learnt, or read.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(super) same: Likely,
    pub(super) house: Likely,
    pub(super) strangers: Likely,
    /// The share of all pairs that are of one person.
    pub(super) share_same: f64,
    /// The share of all pairs that are of one house.
    pub(super) share_house: f64,
    /// How many records it was learnt from.
    pub(super) records: u64,
    /// The shares of frequent words, by their digests.
    pub(super) terms: Terms,
    /// For each kind of words the share of one that is not frequent.
    pub(super) rest: [f32; KINDS.len()],
    pub(super) accept: f32,
    pub(super) review: f32,
    /// A digest of all the rest but the thresholds.
    pub(super) id: u64,
}

/// Which of the three zones a score lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// Too unlikely to be shown to anybody.
    Drop,
    /// For a human to decide.
    Review,
    /// Of one person, as far as the two records tell.
    Accept,
}

impl Model {
    /// The score from which a pair is in the zone to accept: at 0 it is as likely of one person as not.
    pub const ACCEPT: f32 = 0.0;
    /// The score from which a pair is in the zone to review: odds of one to twenty.
    pub const REVIEW: f32 = -3.0;

    /// A number for what the model has learnt: models with the same number give the same scores.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Gives the model its number.
    pub(super) fn identify(&mut self) {
        let weights = [&self.same, &self.house, &self.strangers].into_iter().flatten().flatten();
        let shares = [self.share_same, self.share_house];
        let numbers = weights.chain(&shares).map(|share| share.to_bits());
        let rest = self.rest.iter().map(|share| u64::from(share.to_bits()));
        let all = numbers.chain(rest).fold(self.records, |id, number| mix(id ^ number));
        // The order of the terms does not count.
        let term = |(digest, share): (&u64, &f32)| mix(digest ^ u64::from(share.to_bits()));
        self.id = self.terms.iter().map(term).fold(all, u64::wrapping_add);
    }

    /// How many records the model was learnt from. Once a store has several times as many, it is time to learn anew.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The scores from which pairs are accepted and reviewed.
    pub fn thresholds(&self) -> (f32, f32) {
        (self.accept, self.review)
    }

    /// Sets the scores from which pairs are accepted and reviewed; the first is the higher one. Answers whether they
    /// are in order; if not, nothing is changed.
    #[must_use]
    pub fn set_thresholds(&mut self, accept: f32, review: f32) -> bool {
        let sound = accept.is_finite() && review.is_finite() && review <= accept;
        if sound {
            (self.accept, self.review) = (accept, review);
        }
        sound
    }

    /// The zone of a score.
    pub fn zone(&self, score: f32) -> Zone {
        if score >= self.accept {
            Zone::Accept
        } else if score >= self.review {
            Zone::Review
        } else {
            Zone::Drop
        }
    }

    /// The logarithm of the share of records that are taken to say a word.
    pub(super) fn log_share(&self, entry: &Entry) -> f32 {
        let rest = || self.rest.get(entry.kind as usize).copied().unwrap_or(1.0);
        self.terms.get(&entry.digest).copied().unwrap_or_else(rest).ln()
    }

    /// Gives all words the shares of this model.
    pub(super) fn rate(&self, people: &mut People) {
        let rest = self.rest.map(f32::ln);
        people.vocabulary.set_log_shares(|entry| match self.terms.get(&entry.digest) {
            Some(share) => share.ln(),
            None => rest.get(entry.kind as usize).copied().unwrap_or(0.0),
        });
    }

    /// Gives the words of one record the shares of this model.
    pub(super) fn rate_record(&self, people: &mut People, number: u32) {
        let words: Vec<Word> = people.words(number).collect();
        for word in words {
            let share = self.log_share(people.vocabulary.get(word));
            people.vocabulary.set_log_share(word, share);
        }
    }
}

/// Whether two persons of one house agree on what is compared.
pub(super) fn shared_in_a_house(comparison: Comparison) -> bool {
    matches!(
        comparison,
        Comparison::Name
            | Comparison::Street
            | Comparison::Place
            | Comparison::StreetNumber
            | Comparison::Phone
            | Comparison::Email
            | Comparison::State
    )
}

/// A model in the form that is quick to score with: logarithms.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// How much likelier a level is for one person than for strangers, and for one house than for strangers.
    same: Likely,
    house: Likely,
    /// The same for a level whose chance is that of the value.
    same_alone: Likely,
    house_alone: Likely,
    /// The most that a comparison without equality can tell.
    unequal: [f64; COUNT],
    prior: f64,
    share_house: f64,
}

/// What is known of a pair so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    same: f64,
    house: f64,
}

fn at(likely: &Likely, seen: &Seen) -> f64 {
    let levels = likely.get(seen.comparison as usize);
    levels.and_then(|levels| levels.get(usize::from(seen.level))).copied().unwrap_or(0.0)
}

impl Weights {
    pub(super) fn of(model: &Model) -> Weights {
        let mut weights = Weights {
            same: [[0.0; LEVELS]; COUNT],
            house: [[0.0; LEVELS]; COUNT],
            same_alone: model.same.map(|levels| levels.map(f64::ln)),
            house_alone: model.house.map(|levels| levels.map(f64::ln)),
            unequal: [0.0; COUNT],
            prior: (model.share_same / (1.0 - model.share_same)).ln(),
            share_house: model.share_house,
        };
        for (comparison, _) in COMPARISONS {
            for level in 0..LEVELS as u8 {
                let seen = Seen { comparison, level, chance: 0.0 };
                let strangers = at(&model.strangers, &seen).ln();
                let (same, house) = (
                    at(&weights.same_alone, &seen) - strangers,
                    at(&weights.house_alone, &seen) - strangers,
                );
                set(&mut weights.same, &seen, same);
                set(
                    &mut weights.house,
                    &seen,
                    if shared_in_a_house(comparison) { house } else { 0.0 },
                );
            }
            if !shared_in_a_house(comparison)
                && let Some(levels) = weights.house_alone.get_mut(comparison as usize)
            {
                *levels = [0.0; LEVELS];
            }
            let levels = weights.same.get(comparison as usize);
            let levels = levels.into_iter().flatten().take(comparison.levels().len()).skip(1);
            let most = levels.copied().fold(f64::NEG_INFINITY, f64::max);
            if let Some(unequal) = weights.unequal.get_mut(comparison as usize) {
                *unequal = most;
            }
        }
        weights
    }

    /// How much likelier what is seen is for one person, and for one house, than for strangers.
    pub(super) fn of_seen(&self, seen: &Seen) -> (f64, f64) {
        if seen.chance == 0.0 {
            return (at(&self.same, seen), at(&self.house, seen));
        }
        let chance = f64::from(seen.chance);
        let house = if shared_in_a_house(seen.comparison) {
            at(&self.house_alone, seen) - chance
        } else {
            0.0
        };
        (at(&self.same_alone, seen) - chance, house)
    }

    fn add(&self, sum: &mut Sum, seen: &Seen) {
        let (same, house) = self.of_seen(seen);
        sum.same += same;
        sum.house += house;
    }

    /// The logarithm of the odds that two records are of one person.
    fn score(&self, sum: Sum) -> f32 {
        (self.prior + sum.same - self.of_house(sum.house)) as f32
    }

    /// How much likelier strangers become by those who live in one house.
    fn of_house(&self, house: f64) -> f64 {
        (self.share_house * house.exp()).ln_1p()
    }

    /// The same by what is seen of them.
    pub(super) fn score_of(&self, seen: &[Seen]) -> f32 {
        let mut sum = Sum::default();
        seen.iter().for_each(|seen| self.add(&mut sum, seen));
        self.score(sum)
    }

    /// The logarithm of the odds before anything is seen.
    pub(super) fn prior(&self) -> f32 {
        self.prior as f32
    }

    /// What is taken off a score because two persons of one house would show the same.
    pub(super) fn house_of(&self, seen: &[Seen]) -> f32 {
        let house = seen.iter().map(|seen| self.of_seen(seen).1).sum();
        -self.of_house(house) as f32
    }

    fn unequal(&self, comparison: Comparison) -> f64 {
        self.unequal.get(comparison as usize).copied().unwrap_or(0.0)
    }
}

fn set(likely: &mut Likely, seen: &Seen, value: f64) {
    let levels = likely.get_mut(seen.comparison as usize);
    if let Some(place) = levels.and_then(|levels| levels.get_mut(usize::from(seen.level))) {
        *place = value;
    }
}

/// Scores pairs of records.
#[derive(Debug)]
pub(super) struct Scorer<'p> {
    people: &'p People,
    weights: Weights,
    comparer: Comparer<'p>,
}

impl<'p> Scorer<'p> {
    /// Scores pairs, and remembers so many pairs of words: a power of two.
    pub(super) fn of(people: &'p People, weights: Weights, known: usize) -> Scorer<'p> {
        Scorer { people, weights, comparer: Comparer::new(people, known) }
    }

    /// The score of two records.
    pub(super) fn score(&mut self, left: u32, right: u32) -> f32 {
        let (left, right) = (self.people.record(left), self.people.record(right));
        let mut sum = Sum::default();
        for step in STEPS {
            self.comparer.step(step, &left, &right, |seen| self.weights.add(&mut sum, &seen));
        }
        self.weights.score(sum)
    }

    /// The score of two records, unless it is below a least one: a pair is left as soon as what remains to be compared
    /// cannot save it.
    pub(super) fn score_from(&mut self, least: f32, left: &Record, right: u32) -> Option<f32> {
        let right = &self.people.record(right);
        // With room for rounding: only what is hopeless is left.
        let hopeless = f64::from(least) - self.weights.prior - 1e-4;
        let mut sum = Sum::default();
        let street = self.most_of_street(left, right);
        let most = street + self.most_of_name(left, right);
        let all = most + self.most_of_place(left, right);
        let steps =
            [(Step::Whole, all), (Step::Place, most), (Step::Name, street), (Step::Street, 0.0)];
        for (step, most) in steps {
            self.comparer.step(step, left, right, |seen| self.weights.add(&mut sum, &seen));
            if sum.same + most < hopeless {
                return None;
            }
        }
        let score = self.weights.score(sum);
        (score >= least).then_some(score)
    }

    /// The most that the names of two records can tell.
    fn most_of_name(&self, left: &Record, right: &Record) -> f64 {
        let (left, right) = (self.people.names(left), self.people.names(right));
        let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
        let equal = |word: &u32| {
            let share = self.people.vocabulary.get(*word).log_share;
            -f64::from(share.min(CHANCE_MAX))
        };
        let unequal =
            self.weights.unequal(Comparison::Name).max(self.weights.unequal(Comparison::OtherName));
        short
            .iter()
            .map(|word| if long.contains(word) { equal(word).max(unequal) } else { unequal })
            .sum()
    }

    /// The most that the streets of two records can tell.
    fn most_of_street(&self, left: &Record, right: &Record) -> f64 {
        let (left, right) = (self.people.streets(left), self.people.streets(right));
        let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
        let unequal = self.weights.unequal(Comparison::Street);
        if short.is_empty() {
            return 0.0;
        }
        let share = |word: &u32| self.people.vocabulary.get(*word).log_share;
        let most = |short: &[u32], long: &[u32]| {
            let equal: f32 = short.iter().filter(|word| long.contains(word)).map(share).sum();
            // Equal as the comparison takes it, with some room for rounding.
            let all = equal <= short.iter().map(share).sum::<f32>() * 0.998;
            if all { unequal.max(-f64::from(equal.min(CHANCE_MAX))) } else { unequal }
        };
        // Which of two lists of one length is the shorter is for the comparison to say.
        let first = most(short, long);
        if short.len() == long.len() { first.max(most(long, short)) } else { first }
    }

    /// The most that postcodes and places of two records can tell.
    fn most_of_place(&self, left: &Record, right: &Record) -> f64 {
        let rarity =
            |word: u32| -f64::from(self.people.vocabulary.get(word).log_share.min(CHANCE_MAX));
        let (one, other) = (left.single(Kind::Postcode), right.single(Kind::Postcode));
        let unequal = self.weights.unequal(Comparison::Place);
        let places = self.people.places(left);
        if one != NONE && one == other {
            unequal.max(rarity(one))
        } else if !places.is_empty() && places == self.people.places(right) {
            places.iter().map(|word| rarity(*word)).fold(unequal, f64::max)
        } else {
            // Nothing, where both say nothing.
            unequal.max(0.0)
        }
    }
}
