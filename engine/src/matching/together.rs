//! Who is where others are, again and again: pairs that meet at places in buckets of time.
//!
//! *What it is:* sightings are sorted into groups, those at one place in one bucket; each two of a group have met.
//! *Invariants:* a bucket counts once for a pair, at whatever number of places it met there; the order of the sightings
//! does not matter; memory is bounded by the sightings and by the pairs. *Where to start reading:* `meet`.

use crate::base::error::{Error, Result};
use crate::base::limits::TOGETHER_PAIRS_MAX;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Somebody at a place, in a bucket of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// The number of the bucket since 1970.
    pub bucket: i64,
    /// The number of the place.
    pub place: u32,
    /// The number of who was there.
    pub who: u32,
}

/// Which meetings count.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    /// In how many buckets a pair must have met.
    pub least: u32,
    /// The greatest group of which each two have met.
    pub crowd: u32,
    /// How long a bucket is.
    pub bucket_seconds: u32,
}

/// A pair that met often enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetPair {
    /// The lesser number.
    pub left: u32,
    /// The greater number.
    pub right: u32,
    /// In how many buckets they met.
    pub buckets: u32,
    /// What the meetings are worth together, in millionths: one of a group of n is worth 1 / (n - 1).
    pub worth: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Together {
    /// Groups of two or more.
    pub groups: u64,
    /// Those among them that are crowds: in these nobody met anybody.
    pub crowds: u64,
    /// Pairs that met at least once.
    pub met: u64,
    /// Those among them that met often enough, in order.
    pub pairs: Vec<MetPair>,
}

const DAY_SECONDS: i64 = 86_400;
/// The worth of a meeting of two alone.
const ALONE: u32 = 1_000_000;

/// What is known of a pair so far.
struct Meetings {
    /// The last bucket in which it met, and the worth of that.
    bucket: i64,
    worth: u32,
    buckets: u32,
    /// The last day on which it met; how many there are.
    day: i32,
    days: u32,
    total: u64,
}

impl Meetings {
    fn first(bucket: i64, day: i32, worth: u32) -> Meetings {
        Meetings { bucket, worth, buckets: 1, day, days: 1, total: u64::from(worth) }
    }

    /// Takes in a meeting in the last bucket or a later one. At several places in one bucket that of the smallest group
    /// counts.
    fn add(&mut self, bucket: i64, day: i32, worth: u32) {
        if bucket == self.bucket {
            let more = worth.saturating_sub(self.worth);
            self.worth += more;
            self.total += u64::from(more);
            return;
        }
        self.days += u32::from(day != self.day);
        self.buckets += 1;
        (self.bucket, self.day, self.worth) = (bucket, day, worth);
        self.total += u64::from(worth);
    }

    /// One long stay fills many buckets, and tells no more than a short one: who meets again does so on another day.
    fn often_enough(&self, least: u32) -> bool {
        self.buckets >= least && self.days >= least.min(2)
    }
}

/// The pairs that met often enough; `same` says of whom it is known already that they are one.
///
/// The worth of a meeting is that of M. E. J. Newman, "Scientific collaboration networks" (2001), for papers of n
/// authors.
///
/// # Errors
/// `Limit` when more pairs met than are kept in memory.
pub fn meet(
    sightings: Vec<Sighting>,
    sought: &Sought,
    same: impl Fn(u32, u32) -> bool,
) -> Result<Together> {
    meet_within(sightings, sought, same, TOGETHER_PAIRS_MAX)
}

fn meet_within(
    mut sightings: Vec<Sighting>,
    sought: &Sought,
    same: impl Fn(u32, u32) -> bool,
    pairs_max: usize,
) -> Result<Together> {
    // By bucket first, so that what is known of a pair need not remember the buckets before the last.
    sightings.sort_unstable();
    sightings.dedup();
    let mut found = Together::default();
    let mut met: HashMap<(u32, u32), Meetings> = HashMap::new();
    for group in
        sightings.chunk_by(|one, other| (one.bucket, one.place) == (other.bucket, other.place))
    {
        let Some(others) = u32::try_from(group.len() - 1).ok().filter(|others| *others > 0) else {
            continue;
        };
        found.groups += 1;
        if others >= sought.crowd {
            found.crowds += 1;
            continue;
        }
        let worth = ALONE / others;
        for (place, one) in group.iter().enumerate() {
            let day = day_of(one.bucket, sought.bucket_seconds);
            for other in group.iter().skip(place + 1) {
                let pair = (one.who, other.who);
                if same(pair.0, pair.1) {
                    continue;
                }
                let known = met.len();
                match met.entry(pair) {
                    Entry::Occupied(mut entry) => entry.get_mut().add(one.bucket, day, worth),
                    Entry::Vacant(_) if known >= pairs_max => return Err(too_many(pairs_max)),
                    Entry::Vacant(entry) => {
                        entry.insert(Meetings::first(one.bucket, day, worth));
                    }
                }
            }
        }
    }
    found.met = met.len() as u64;
    let often = met.into_iter().filter(|(_, meetings)| meetings.often_enough(sought.least));
    let pairs = often.map(|((left, right), Meetings { buckets, total, .. })| MetPair {
        left,
        right,
        buckets,
        worth: total,
    });
    found.pairs = pairs.collect();
    found.pairs.sort_unstable();
    Ok(found)
}

/// The day on which a bucket begins.
fn day_of(bucket: i64, bucket_seconds: u32) -> i32 {
    let day = bucket.saturating_mul(i64::from(bucket_seconds)).div_euclid(DAY_SECONDS);
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

fn too_many(most: usize) -> Error {
    Error::limit(format!(
        "more than {most} pairs met; ask about fewer event types or namespaces, or about a smaller crowd or a \
         shorter bucket"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: Sought = Sought { least: 2, crowd: 3, bucket_seconds: 3_600 };

    fn sightings(all: &[(i64, u32, u32)]) -> Vec<Sighting> {
        all.iter()
            .map(|(bucket, place, who)| Sighting { bucket: *bucket, place: *place, who: *who })
            .collect()
    }

    fn pairs(all: &[(i64, u32, u32)], sought: &Sought) -> Vec<(u32, u32, u32, u64)> {
        let found = meet(sightings(all), sought, |_, _| false).unwrap();
        found.pairs.iter().map(|pair| (pair.left, pair.right, pair.buckets, pair.worth)).collect()
    }

    #[test]
    fn a_bucket_counts_once_by_its_smallest_group() {
        // In the first hour 1 and 2 are at place 7 with 3, and at place 8 alone; a day later at place 7 with 3.
        let all = [
            (0, 7, 1),
            (0, 7, 2),
            (0, 7, 3),
            (0, 8, 2),
            (0, 8, 1),
            (0, 8, 1),
            (24, 7, 1),
            (24, 7, 2),
            (24, 7, 3),
        ];
        let alone = [(1, 2, 2, 1_500_000), (1, 3, 2, 1_000_000), (2, 3, 2, 1_000_000)];
        assert_eq!(pairs(&all, &HOURS), alone);
        assert_eq!(pairs(&all, &Sought { crowd: 2, ..HOURS }), []);
        assert_eq!(pairs(&all, &Sought { crowd: 2, least: 1, ..HOURS }), [(1, 2, 1, 1_000_000)]);
    }

    #[test]
    fn a_long_stay_is_one_day_and_days_begin_at_midnight_before_1970_too() {
        let stay: Vec<_> = (0..24).flat_map(|hour| [(hour, 7, 1), (hour, 7, 2)]).collect();
        assert_eq!(pairs(&stay, &HOURS), []);
        assert_eq!(pairs(&stay, &Sought { least: 1, ..HOURS }).len(), 1);
        assert_eq!(pairs(&[(-1, 7, 1), (-1, 7, 2), (0, 7, 1), (0, 7, 2)], &HOURS).len(), 1);
        assert_eq!(pairs(&[(-24, 7, 1), (-24, 7, 2), (-1, 7, 1), (-1, 7, 2)], &HOURS).len(), 0);
        let far = [i64::MIN, i64::MAX].into_iter().flat_map(|at| [(at, 7, 1), (at, 7, 2)]);
        assert_eq!(pairs(&far.collect::<Vec<_>>(), &HOURS).len(), 1);
    }

    #[test]
    fn more_pairs_than_are_kept_are_an_error_with_a_remedy() {
        let all = sightings(&[(0, 7, 1), (0, 7, 2), (0, 7, 3), (1, 7, 1), (1, 7, 2)]);
        let within = |most| meet_within(all.clone(), &HOURS, |_, _| false, most);
        assert_eq!(within(3).map(|found| found.met).unwrap(), 3);
        let refused = within(2).unwrap_err();
        assert!(refused.message().contains("smaller crowd"), "{refused:?}");
        // Those who are one already take no room.
        assert_eq!(meet_within(all, &HOURS, |_, _| true, 0).unwrap().groups, 2);
    }
}
