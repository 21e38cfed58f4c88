//! Which persons are one household, as a pure function of what they have alike, of what was said, and of rules.
//!
//! *Invariants:* the answer depends on the persons, their digests and the statements alone, not on their order: all is
//! admitted in one total order by `admit`. Persons come apart or together without regard to households. *What it does
//! not know:* traits, where statements are kept. *Where to start reading:* `households`.

use super::admit::{Claim, Forbidden, Member, Reason, Standing, Task, admit};
use super::evidence::{EvidenceId, Kind, OrderKey};
use super::rules::{Held, Slot};
use crate::base::codec::{Digest128, digest_of_parts};
use std::collections::BTreeMap;

/// A person who may live with others.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// The digest of the identifier that names the person.
    pub content: Digest128,
}

/// Persons who are alike in all traits of a list.
#[derive(Debug, Clone)]
pub struct Alike {
    /// The number of the list.
    pub list: u32,
    /// The digest of what they have alike.
    pub digest: Digest128,
    /// By place.
    pub persons: Vec<u32>,
}

/// What was said of two persons.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// The persons, by place.
    pub persons: (u32, u32),
    /// Whether they live together; else they do not.
    pub together: bool,
    /// The earliest event time at which it was said.
    pub since: i64,
    /// Its number among what was said, as the caller has it.
    pub number: u32,
}

/// What holds two persons together, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// They are alike, by the number of the group.
    Alike(u32),
    /// It was said, by the number of the statement.
    Said(u32),
}

/// What keeps two persons apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// There would be too many persons.
    TooMany,
    /// It was said, by the number of the statement.
    Said(u32),
}

/// Two persons and what holds them together, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// The persons, by place.
    pub persons: (u32, u32),
    /// What holds them together.
    pub ground: Ground,
    /// Why it does not.
    pub apart: Option<Apart>,
}

/// Persons by household.
#[derive(Debug, Clone, Default)]
pub struct Households {
    /// For each person the least of the household, by place.
    pub labels: Vec<u32>,
    /// What was admitted and what was not, in the order of admission.
    pub ties: Vec<Tie>,
}

/// Groups of more persons than `most` hold nobody together, and no household has more. Each of the others is tied to
/// the first of the group, by digest.
pub fn households(
    persons: &[Person],
    alike: &[Alike],
    said: &[Statement],
    most: u32,
) -> Households {
    let mut task = Task::default();
    let slot = Slot { namespace: 0, bucket: 0 };
    let held = Some(Held { slot, most, count: 1 });
    task.members = persons.iter().map(|_| Member { held, known: false }).collect();
    let content = |person: u32| persons.get(person as usize).map(|p| p.content).unwrap_or_default();
    let mut grounds: Vec<(Ground, (u32, u32))> = Vec::new();
    let mut claim = |task: &mut Task, ground, (left, right): (u32, u32), key| {
        let link = u32::try_from(grounds.len()).unwrap_or(u32::MAX);
        grounds.push((ground, (left, right)));
        task.claims.push(Claim { key, left, right, link, soft: false, barred: None });
    };
    for (number, group) in (0_u32..).zip(alike) {
        if group.persons.len() > most as usize {
            continue;
        }
        let first = group.persons.iter().copied().min_by_key(|person| content(*person));
        for person in group.persons.iter().copied().filter(|person| Some(*person) != first) {
            let Some(first) = first else { break };
            let (least, greatest) = order(content(first), content(person));
            let digest = digest_of_parts(&[&least, &greatest, &group.digest]);
            let id = EvidenceId(u128::from_be_bytes(digest));
            // The first list is the surest.
            let strength = i32::try_from(group.list).map_or(i32::MIN, |list| -list);
            let key = OrderKey::new(Kind::Deterministic, strength, 0, id);
            claim(&mut task, Ground::Alike(number), (first, person), key);
        }
    }
    for one in said {
        let (left, right) = one.persons;
        if one.together {
            let (least, greatest) = order(content(left), content(right));
            let id = EvidenceId(u128::from_be_bytes(digest_of_parts(&[&least, &greatest])));
            let key = OrderKey::new(Kind::ManualLink, 0, one.since, id);
            claim(&mut task, Ground::Said(one.number), (left, right), key);
        } else {
            task.forbidden.push(Forbidden { left, right, link: one.number });
        }
    }
    let verdict = admit(&mut task, u32::MAX);
    let reasons: BTreeMap<u32, Reason> = verdict.reasons.into_iter().collect();
    let ties = (0_u32..).zip(&task.claims).zip(&verdict.standings).filter_map(|(one, standing)| {
        let (place, claim) = one;
        let (ground, persons) = *grounds.get(claim.link as usize)?;
        let apart = match reasons.get(&place) {
            Some(Reason::Limit(_)) => Some(Apart::TooMany),
            Some(Reason::CannotLink(number)) => Some(Apart::Said(*number)),
            None if matches!(standing, Standing::Forest | Standing::Redundant) => None,
            None => Some(Apart::TooMany),
        };
        Some(Tie { persons, ground, apart })
    });
    Households { ties: ties.collect(), labels: verdict.clusters }
}

fn order(one: Digest128, other: Digest128) -> (Digest128, Digest128) {
    (one.min(other), one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn person(number: u8) -> Person {
        Person { content: [number; 16] }
    }

    /// Admits the same ties by hand: all in order, each looked at against lists of members.
    fn slowly(
        persons: &[Person],
        alike: &[Alike],
        said: &[Statement],
        most: usize,
    ) -> BTreeSet<BTreeSet<u32>> {
        /// Tier, list, time, digest, and the two.
        type InOrder = (u8, u32, i64, Digest128, (u32, u32));
        let mut ties: Vec<InOrder> = Vec::new();
        let content = |person: u32| persons[person as usize].content;
        for group in alike.iter().filter(|group| group.persons.len() <= most) {
            let first = *group.persons.iter().min_by_key(|person| content(**person)).unwrap();
            for other in group.persons.iter().filter(|person| **person != first) {
                let (least, greatest) = order(content(first), content(*other));
                let digest = digest_of_parts(&[&least, &greatest, &group.digest]);
                ties.push((1, group.list, 0, digest, (first, *other)));
            }
        }
        for one in said.iter().filter(|one| one.together) {
            let (least, greatest) = order(content(one.persons.0), content(one.persons.1));
            let digest = digest_of_parts(&[&least, &greatest]);
            ties.push((0, 0, one.since, digest, one.persons));
        }
        ties.sort_unstable();
        let mut of: Vec<BTreeSet<u32>> =
            (0..persons.len() as u32).map(|person| BTreeSet::from([person])).collect();
        for (.., (left, right)) in ties {
            let both: BTreeSet<u32> =
                of[left as usize].union(&of[right as usize]).copied().collect();
            let inside = |pair: (u32, u32)| both.contains(&pair.0) && both.contains(&pair.1);
            let refused = said.iter().any(|one| !one.together && inside(one.persons));
            if both.len() <= most && !refused {
                both.iter().for_each(|person| of[*person as usize] = both.clone());
            }
        }
        of.into_iter().collect()
    }

    #[test]
    fn households_are_what_a_slow_judge_says_whatever_the_order() {
        let mut state = 5_u64;
        let mut below = |most: u32| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as u32 % most
        };
        for round in 0..400 {
            let count = 2 + below(9);
            let persons: Vec<Person> = (0..count).map(|n| person(n as u8 * 7 % 251)).collect();
            let mut alike: Vec<Alike> = (0..below(5))
                .map(|number| {
                    let chosen = (0..count).filter(|_| below(3) == 0).collect();
                    let digest = [number as u8; 16];
                    Alike { list: below(2), digest, persons: chosen }
                })
                .filter(|group| group.persons.len() > 1)
                .collect();
            let mut said: Vec<Statement> = (0..below(4))
                .map(|number| Statement {
                    persons: (below(count), below(count)),
                    together: below(2) == 0,
                    since: i64::from(below(3)),
                    number,
                })
                .filter(|one| one.persons.0 != one.persons.1)
                .collect();
            let most = 2 + below(5);
            let sets = |found: &Households| {
                let mut sets: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
                for (person, label) in (0..).zip(&found.labels) {
                    sets.entry(*label).or_default().insert(person);
                }
                sets.into_values().collect::<BTreeSet<_>>()
            };
            let found = sets(&households(&persons, &alike, &said, most));
            assert_eq!(found, slowly(&persons, &alike, &said, most as usize), "round {round}");
            alike.reverse();
            said.reverse();
            assert_eq!(sets(&households(&persons, &alike, &said, most)), found, "round {round}");
        }
    }
}
