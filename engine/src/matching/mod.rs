//! Which records are of one person although no identifier says so.
//!
//! *What it is:* probabilistic matching of records by their fields: the role of each field (`role`), texts in one form
//! (`text`, `address`, `value`), candidates by shared keys (`blocks`, `index`), levels of agreement (`compare`),
//! weights that are learnt without labels (`learn`, `model`) and saved (`saved`), and groups that are more than chains
//! of pairs (`cluster`); and of those who meet at the same places (`together`). *Invariants:* one fixed setting for all
//! data; the same records give the same answer in whatever order they come and by however many threads; a record that
//! arrives has the scores of a batch; nothing is learnt from labels; a saved model holds no text of any record. *What
//! it does not know:* the store, files, identifiers. *Where to start reading:* `match_records`.
//!
//! ```
//! use navedb::{Index, Matcher, Model, ModelError, Roles, Zone, match_records};
//!
//! let rows = vec![
//!     vec!["Anna", "Berg", "1980-03-12", "Lyon"],
//!     vec!["Ana", "Berg", "12/03/1980", "Lyon"],
//!     vec!["Paul", "Roux", "1971-10-30", "Nice"],
//! ];
//! let roles = Roles::infer(&["first_name", "last_name", "birth_date", "city"], &rows);
//! let found = match_records(&roles, &rows, None, 1);
//! assert_eq!(found.groups.len(), 3);
//! let saved = found.model.to_text();
//!
//! let model = Model::from_text(&saved)?;
//! let mut index = Index::new(roles);
//! let mut matcher = Matcher::against(&model, &mut index);
//! assert!(matcher.arrive(1, &[Some("Anna"), Some("Berg"), None, Some("Lyon")]).is_empty());
//! for found in matcher.arrive(2, &[Some("Anna"), Some("Berg"), None, Some("Lyon")]) {
//!     assert!(found.key == 1 && found.zone >= Zone::Review);
//! }
//! # Ok::<(), ModelError>(())
//! ```

mod address;
mod arrive;
mod blocks;
mod cluster;
mod compare;
mod comparison;
mod distance;
mod draft;
mod explain;
mod index;
mod learn;
mod model;
mod people;
mod place;
mod role;
mod saved;
mod text;
mod threads;
mod together;
mod value;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use arrive::{Judged, JudgedPair};
pub use cluster::ScoredPair;
pub use comparison::Comparison;
pub use explain::{Contribution, Explanation};
pub use index::{Found, Index, Matcher};
pub use model::{Model, Zone};
pub use people::Rows;
pub use role::{Role, Roles, infer_role};
pub use saved::ModelError;
pub use together::{MetPair, Sighting, Sought, meet};
pub use value::DayOrder;

use blocks::{Blocks, Partners};
use compare::KNOWN_MANY;
use model::{Scorer, Weights};
use people::People;
use threads::in_pieces;

/// What matching found.
#[derive(Debug, Clone)]
pub struct Matches {
    /// The model: that which was given, or what was learnt.
    pub model: Model,
    /// The group of each row, named by a row of it: rows of one group are taken to be of one person.
    pub groups: Vec<u32>,
    /// The pairs in the zones to accept and to review, the likeliest first. A pair to accept whose rows are in two
    /// groups was refused by what the groups say together; it is for a human to decide.
    pub pairs: Vec<ScoredPair>,
    /// How many pairs were compared.
    pub compared: u64,
    people: People,
}

/// Records whose pairs are scored at once.
const PIECE: usize = 4_096;

/// Matches rows: the texts of their columns by the roles of these. Without a model one is learnt. The work is done by
/// so many threads; with fewer than two, by the caller's own.
///
/// The method: Fellegi and Sunter, "A theory for record linkage" (1969), learnt by expectation and maximisation, with
/// the rarity of values, a class of pairs of one household, and average linkage.
pub fn match_records<R: Rows + ?Sized>(
    roles: &Roles,
    rows: &R,
    model: Option<&Model>,
    threads: usize,
) -> Matches {
    let mut people = People::read(roles, rows, threads);
    let blocks = Blocks::of(&people, threads);
    let order = order(&people, rows, threads);
    let model = match model {
        Some(model) => {
            model.rate(&mut people);
            model.clone()
        }
        None => Model::learn(&mut people, &blocks, &order),
    };
    let (mut pairs, compared) = score(&people, &model, &blocks, threads);
    drop(blocks);
    let mut rank = vec![0; order.len()];
    for (place, number) in (0_u32..).zip(&order) {
        rank.get_mut(*number as usize).into_iter().for_each(|rank| *rank = place);
    }
    let of = |record: u32| rank.get(record as usize).copied().unwrap_or(record);
    let joined = cluster::cluster((&people, &model), &pairs, of, KNOWN_MANY);
    let groups = (0..people.count()).map(|row| joined.get(&row).copied().unwrap_or(row)).collect();
    pairs.sort_unstable_by(|a, b| {
        b.score.total_cmp(&a.score).then((a.left, a.right).cmp(&(b.left, b.right)))
    });
    Matches { model, groups, pairs, compared, people }
}

/// All records in the order of what they say, and of their keys where they say the same.
fn order<R: Rows + ?Sized>(people: &People, rows: &R, threads: usize) -> Vec<u32> {
    let count = people.count();
    let pieces = (count as usize).div_ceil(PIECE);
    let keyed = in_pieces(
        threads,
        pieces,
        || (),
        |(), piece| {
            let from = (piece * PIECE) as u32;
            let some = from..(from + PIECE as u32).min(count);
            some.map(|row| (people.digest(row), rows.key(row as usize), row)).collect::<Vec<_>>()
        },
    );
    let mut keyed: Vec<(u64, u64, u32)> = keyed.concat();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

fn score(
    people: &People,
    model: &Model,
    blocks: &Blocks,
    threads: usize,
) -> (Vec<ScoredPair>, u64) {
    let weights = Weights::of(model);
    let count = people.count();
    let begin = || (Scorer::of(people, weights.clone(), KNOWN_MANY), Partners::default());
    let pieces = (count as usize).div_ceil(PIECE);
    let scored = in_pieces(threads, pieces, begin, |(scorer, partners), piece| {
        let from = (piece * PIECE) as u32;
        let (mut pairs, mut compared) = (Vec::new(), 0);
        for left in from..(from + PIECE as u32).min(count) {
            blocks.later(left, partners);
            compared += partners.numbers.len() as u64;
            let record = people.record(left);
            people.fetch(&partners.numbers);
            pairs.extend(partners.numbers.iter().filter_map(|right| {
                let score = scorer.score_from(model.review, &record, *right)?;
                Some(ScoredPair { left, right: *right, score })
            }));
        }
        (pairs, compared)
    });
    let compared = scored.iter().map(|(_, compared)| compared).sum();
    (scored.into_iter().flat_map(|(pairs, _)| pairs).collect(), compared)
}

impl Matches {
    /// Why two rows have the score that they have.
    pub fn explain(&self, left: u32, right: u32) -> Explanation {
        explain::explain(&self.people, &self.model, left, right)
    }

    /// Whether two rows are in one group.
    pub fn joined(&self, left: u32, right: u32) -> bool {
        let group = |row: u32| self.groups.get(row as usize);
        group(left).is_some() && group(left) == group(right)
    }

    /// Bytes of memory that the words and values of the rows take.
    pub fn bytes(&self) -> usize {
        self.people.bytes()
    }
}
