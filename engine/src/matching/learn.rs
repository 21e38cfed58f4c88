//! Models are learnt without labels, by expectation and maximisation (Winkler 1988).
//!
//! *Invariants:* what is learnt depends on the records, not on their order: pairs are drawn from the records in the
//! order of what they say.

use super::blocks::{Blocks, Partners};
use super::compare::{Comparer, KNOWN_MANY, Seen};
use super::comparison::{COMPARISONS, COUNT, Comparison, LEVELS};
use super::model::{Likely, Model, Terms, UNUSED, Weights};
use super::people::People;
use super::text::mix;
use super::vocabulary::{Entry, KINDS};
use std::collections::HashMap;

/// Pairs that are looked at to learn.
const SAMPLE: usize = 100_000;
/// Pairs that are drawn by chance for each record, where there are few records.
const DRAWN_EACH: usize = 100;
/// Records that are looked at to tell how many candidates there are.
const LOOKED_AT: usize = 4_096;
/// Rounds of learning; it settles in fewer.
const ROUNDS: usize = 30;
/// How much what is known beforehand counts beside what the pairs show.
const BEFOREHAND: f64 = 0.3;
/// The share of the pairs of one person that pairs of one house must reach, or there are taken to be none.
const HOUSES_MIN: f64 = 0.01;
/// How the best word of two names of one person agrees, before anything is seen.
const NAME_BEFOREHAND: [f64; LEVELS] = [0.88, 0.05, 0.03, 0.015, 0.015, 0.01, 0.0, 0.0];
/// Frequent words of a kind whose shares a model keeps; others are taken to be as rare as one another.
const TERMS_MAX: usize = 10_000;

/// What both records of each pair of a sample show; pairs that show the same are one.
struct Sample {
    seen: Vec<Seen>,
    /// Where each pattern ends in `seen`, and how many pairs show it.
    patterns: Vec<(usize, f64)>,
}

impl Sample {
    fn of(comparer: &mut Comparer<'_>, pairs: impl Iterator<Item = (u32, u32)>) -> Sample {
        let mut sample = Sample { seen: Vec::new(), patterns: Vec::new() };
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut seen = Vec::new();
        for (left, right) in pairs {
            seen.clear();
            comparer.compare(left, right, &mut seen);
            let bits = |one: &Seen| {
                let level = ((one.comparison as u64) << 8) | u64::from(one.level);
                (level << 32) | u64::from(one.chance.to_bits())
            };
            let place = *known.entry(seen.iter().map(bits).collect()).or_insert_with(|| {
                sample.seen.extend_from_slice(&seen);
                sample.patterns.push((sample.seen.len(), 0.0));
                sample.patterns.len() - 1
            });
            if let Some((_, count)) = sample.patterns.get_mut(place) {
                *count += 1.0;
            }
        }
        sample
    }

    /// What pairs show, and how many show it.
    fn iter(&self) -> impl Iterator<Item = (&[Seen], f64)> {
        let mut start = 0;
        self.patterns.iter().map(move |(end, count)| {
            let seen = self.seen.get(start..*end).unwrap_or_default();
            start = *end;
            (seen, *count)
        })
    }
}

impl Model {
    fn beginning(records: f64) -> Model {
        let mut same = [[0.02; LEVELS]; COUNT];
        for levels in &mut same {
            let [equal, first, second, third, ..] = levels;
            (*equal, *first, *second, *third) = (0.8, 0.05, 0.05, 0.05);
        }
        Model {
            house: same,
            same,
            strangers: [[0.1; LEVELS]; COUNT],
            share_same: 1.0 / records,
            share_house: 0.3 / records,
            records: records as u64,
            terms: Terms::default(),
            rest: [1.0; KINDS.len()],
            accept: Model::ACCEPT,
            review: Model::REVIEW,
            id: 0,
        }
    }

    /// Learns from records: `order` has all of them in the order of what they say, by which no row stands before
    /// another because it came first.
    pub(super) fn learn(people: &mut People, blocks: &Blocks, order: &[u32]) -> Model {
        // Records that say nothing tell nothing of how many persons there are, nor of what strangers show.
        let order: Vec<u32> = order.iter().copied().filter(|number| people.says(*number)).collect();
        let order = order.as_slice();
        let records = order.len().max(2) as f64;
        let mut model = Model::beginning(records);
        model.learn_terms(people, records);
        model.rate(people);
        let (alike, weight) = candidates(people, blocks, order);
        let drawn = drawn(people, order);
        let pairs = (records * (records - 1.0) / 2.0).max(1.0);
        for round in 0..ROUNDS {
            model.improve(round == 0, &alike, &drawn, weight / pairs);
        }
        if model.share_house < HOUSES_MIN * model.share_same {
            model.share_house = 0.0;
        }
        for likely in [&mut model.same, &mut model.house, &mut model.strangers] {
            clear_unused(likely);
        }
        model.identify();
        model
    }

    /// How frequent words are. A word that is not among the frequent ones of its kind is as rare as the others, in the
    /// mean over those who say them.
    fn learn_terms(&mut self, people: &People, records: f64) {
        let mut kinds: Vec<Vec<&Entry>> = vec![Vec::new(); KINDS.len()];
        for entry in people.vocabulary.said() {
            kinds.get_mut(entry.kind as usize).into_iter().for_each(|kind| kind.push(entry));
        }
        for (rest, mut entries) in self.rest.iter_mut().zip(kinds) {
            entries.sort_unstable_by_key(|entry| (std::cmp::Reverse(entry.count), entry.digest));
            let frequent =
                entries.iter().take(TERMS_MAX).take_while(|entry| entry.count > 1).count();
            let (frequent, others) = entries.split_at_checked(frequent).unwrap_or_default();
            let share = |count: f64| (count / records).min(1.0) as f32;
            self.terms
                .extend(frequent.iter().map(|entry| (entry.digest, share(f64::from(entry.count)))));
            let said: f64 = others.iter().map(|entry| f64::from(entry.count)).sum();
            let squares: f64 = others.iter().map(|entry| f64::from(entry.count).powi(2)).sum();
            *rest = match (said > 0.0, frequent.is_empty()) {
                (true, _) => share(squares / said),
                // All words are known: one that is not is said by nobody else.
                (false, false) => share(1.0),
                (false, true) => 1.0,
            };
        }
    }

    /// The shares of one person and one house in what is believed of a pair.
    fn belief(&self, weights: &Weights, seen: &[Seen]) -> (f64, f64) {
        let (mut same, mut house) = (0.0, 0.0);
        for one in seen {
            let weight = weights.of_seen(one);
            same += weight.0;
            house += weight.1;
        }
        let (same, house) = (self.share_same * same.exp(), self.share_house * house.exp());
        let total = same + house + 1.0;
        (same / total, house / total)
    }

    /// One round: what is believed of each pair, and the model that makes this the likeliest.
    fn improve(&mut self, first: bool, alike: &Sample, drawn: &Sample, weight: f64) {
        let weights = Weights::of(self);
        let mut counts = [[[0.01; LEVELS]; COUNT]; 3];
        let [same, house, strangers] = &mut counts;
        let (mut of_same, mut of_house) = (0.0, 0.0);
        for (seen, count) in alike.iter() {
            let (one, two) = self.belief(&weights, seen);
            let (one, two) = (one * count, two * count);
            of_same += one;
            of_house += two;
            for level in seen {
                add(same, level, one);
                add(house, level, two);
            }
        }
        for (seen, count) in drawn.iter() {
            let (one, two) = if first { (0.0, 0.0) } else { self.belief(&weights, seen) };
            seen.iter().for_each(|level| add(strangers, level, count * (1.0 - one - two)));
        }
        self.strangers = shares(strangers, 1e-7);
        if first {
            return;
        }
        if let Some(levels) = same.get_mut(Comparison::Name as usize) {
            for (count, share) in levels.iter_mut().zip(NAME_BEFOREHAND) {
                *count += BEFOREHAND * of_same * share;
            }
        }
        self.same = shares(same, 1e-4);
        // Before anything is seen, a house shares its address as a person does.
        for (counts, known) in house.iter_mut().zip(&self.same) {
            for (count, share) in counts.iter_mut().zip(known) {
                *count += BEFOREHAND * (of_house + 1.0) * share;
            }
        }
        self.house = shares(house, 1e-4);
        self.share_same = (of_same * weight).clamp(1e-9, 0.5);
        self.share_house = (of_house * weight).clamp(1e-9, 0.5);
    }
}

/// Levels that a comparison does not have are all as unlikely.
fn clear_unused(likely: &mut Likely) {
    for (levels, (comparison, _)) in likely.iter_mut().zip(COMPARISONS) {
        levels.iter_mut().skip(comparison.levels().len()).for_each(|level| *level = UNUSED);
    }
}

fn add(counts: &mut Likely, seen: &Seen, amount: f64) {
    let levels = counts.get_mut(seen.comparison as usize);
    if let Some(count) = levels.and_then(|levels| levels.get_mut(usize::from(seen.level))) {
        *count += amount;
    }
}

/// Counts as shares, none below a least one.
fn shares(counts: &Likely, least: f64) -> Likely {
    counts.map(|levels| {
        let total: f64 = levels.iter().sum();
        levels.map(|count| (count / total).max(least))
    })
}

/// What candidates show, and how many candidates each of them stands for: those of every so many records.
fn candidates(people: &People, blocks: &Blocks, order: &[u32]) -> (Sample, f64) {
    let mut partners = Partners::default();
    let rough = order.len().div_ceil(LOOKED_AT).max(1);
    let mut met = 0;
    for number in order.iter().step_by(rough) {
        blocks.partners(*number, &mut partners);
        met += partners.numbers.len();
    }
    let step = (met * rough / 2 / SAMPLE).max(1);
    let mut rank = vec![0; people.count() as usize];
    for (place, number) in (0_u32..).zip(order) {
        rank.get_mut(*number as usize).into_iter().for_each(|rank| *rank = place);
    }
    let rank = |number: u32| rank.get(number as usize).copied().unwrap_or(0);
    let mut pairs = Vec::new();
    for number in order.iter().step_by(step) {
        blocks.partners(*number, &mut partners);
        // Each pair belongs to the one of both that stands first.
        partners.numbers.retain(|other| rank(*other) > rank(*number));
        partners.numbers.sort_unstable_by_key(|other| rank(*other));
        pairs.extend(partners.numbers.iter().map(|other| (*number, *other)));
    }
    (Sample::of(&mut Comparer::new(people, KNOWN_MANY), pairs.into_iter()), step as f64)
}

/// What pairs show that are drawn by chance, the same each time.
fn drawn(people: &People, order: &[u32]) -> Sample {
    let mut comparer = Comparer::new(people, KNOWN_MANY);
    let mut state = 0_u64;
    let mut draw = || {
        state += 1;
        order.get((mix(state) % order.len().max(1) as u64) as usize).copied()
    };
    let pairs: Vec<(u32, u32)> = (0..SAMPLE.min(order.len() * DRAWN_EACH))
        .filter_map(|_| {
            let (left, right) = (draw()?, draw()?);
            (left != right).then_some((left, right))
        })
        .collect();
    Sample::of(&mut comparer, pairs.into_iter())
}
