//! Whom a change may concern, by rule and by what brings it about.
//!
//! *Invariants:* what a record concerns is few, and is kept one by one; what concerns many is kept as sets. *Where to
//! start reading:* `Concerned::take`.

use crate::base::ids::Ordinal;
use crate::entry::Reason;
use roaring::RoaringBitmap;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

/// So many profiles of one cause are kept one by one.
const FEW: u64 = 64;

/// Why somebody is concerned; of several the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Time went on.
    Time,
    /// A record said something.
    Event,
    /// What became of profiles.
    Identity,
}

/// Profiles whose membership of one segment may change.
#[derive(Debug, Clone, Default)]
pub struct Those {
    by_event: RoaringBitmap,
    by_time: RoaringBitmap,
    by_identity: RoaringBitmap,
    /// Anybody, for such a reason.
    pub everybody: Option<Reason>,
}

/// One profile of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The place of the rule.
    pub rule: usize,
    /// The profile.
    pub ordinal: u32,
    /// Why.
    pub why: Why,
}

/// Profiles whose memberships may change.
#[derive(Debug, Default)]
pub struct Concerned {
    few: Vec<Pair>,
    many: BTreeMap<usize, Those>,
}

/// What concerns some rules.
pub struct Taken {
    /// One by one: by rule and profile, each pair once, of rules that have nothing in `many`.
    pub few: Vec<Pair>,
    /// By the place of the rule.
    pub many: BTreeMap<usize, Those>,
}

impl Why {
    /// The reason that is told.
    pub fn reason(self) -> Reason {
        match self {
            Why::Time => Reason::Clock,
            Why::Event => Reason::Event,
            Why::Identity => Reason::Identity,
        }
    }
}

impl Those {
    fn of(&mut self, why: Why) -> &mut RoaringBitmap {
        match why {
            Why::Time => &mut self.by_time,
            Why::Event => &mut self.by_event,
            Why::Identity => &mut self.by_identity,
        }
    }

    /// All that are named.
    pub fn named(&self) -> RoaringBitmap {
        let mut named = &self.by_event | &self.by_time;
        named |= &self.by_identity;
        named
    }

    /// Why a profile changes.
    pub fn reason(&self, ordinal: Ordinal) -> Reason {
        if self.by_identity.contains(ordinal.0) {
            Reason::Identity
        } else if self.by_event.contains(ordinal.0) {
            Reason::Event
        } else {
            self.everybody.unwrap_or(Reason::Clock)
        }
    }
}

impl Concerned {
    /// Whether it concerns nobody.
    pub fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    /// Takes what concerns rules of some places; at most so many profiles of a rule are kept one by one.
    pub fn take(&mut self, rules: Range<usize>, most: usize) -> Taken {
        let (mut few, rest): (Vec<Pair>, Vec<Pair>) =
            std::mem::take(&mut self.few).into_iter().partition(|pair| rules.contains(&pair.rule));
        self.few = rest;
        let mut many = self.many.split_off(&rules.start);
        self.many.append(&mut many.split_off(&rules.end));
        // The first of equal pairs has the greatest cause.
        few.sort_unstable_by_key(|pair| (pair.rule, pair.ordinal, Reverse(pair.why)));
        few.dedup_by_key(|pair| (pair.rule, pair.ordinal));
        let mut kept = Vec::with_capacity(few.len());
        for of_rule in few.chunk_by(|a, b| a.rule == b.rule) {
            let Some(rule) = of_rule.first().map(|pair| pair.rule) else { continue };
            if of_rule.len() <= most && !many.contains_key(&rule) {
                kept.extend_from_slice(of_rule);
                continue;
            }
            let those = many.entry(rule).or_default();
            for pair in of_rule {
                those.of(pair.why).insert(pair.ordinal);
            }
        }
        Taken { few: kept, many }
    }

    /// Profiles that are concerned for a cause.
    pub fn add(&mut self, rule: usize, profiles: &RoaringBitmap, why: Why) {
        if profiles.len() <= FEW {
            self.few.extend(profiles.iter().map(|ordinal| Pair { rule, ordinal, why }));
        } else {
            *self.many.entry(rule).or_default().of(why) |= profiles;
        }
    }

    /// One profile that is concerned for a cause.
    pub fn add_one(&mut self, rule: usize, ordinal: u32, why: Why) {
        self.few.push(Pair { rule, ordinal, why });
    }

    /// Anybody, since time went on.
    pub fn everybody(&mut self, rule: usize) {
        self.everybody_for(rule, Reason::Clock);
    }

    /// Anybody, for a reason.
    pub fn everybody_for(&mut self, rule: usize, reason: Reason) {
        let known = &mut self.many.entry(rule).or_default().everybody;
        // What people decided is told before what merely happened.
        *known = (*known).max(Some(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn nobody_is_lost_and_the_greatest_cause_counts() {
        let mut random = Rng(11);
        for _ in 0..300 {
            let (mut concerned, mut plain) = (Concerned::default(), BTreeMap::new());
            for _ in 0..random.below(12) {
                let rule = random.below(6);
                let size = if random.below(4) == 0 { 200 } else { random.below(4) };
                let profiles: RoaringBitmap = (0..size).map(|_| random.below(400) as u32).collect();
                let why = [Why::Time, Why::Event, Why::Identity][random.below(3)];
                concerned.add(rule, &profiles, why);
                for ordinal in profiles {
                    let known = plain.entry((rule, ordinal)).or_insert(why);
                    *known = (*known).max(why);
                }
            }
            let at = random.below(7);
            let mut found = BTreeMap::new();
            let mut rules = BTreeSet::new();
            for range in [0..at, at..6] {
                let most = random.below(300);
                let Taken { few, many } = concerned.take(range.clone(), most);
                assert!(few.chunk_by(|a, b| a.rule == b.rule).all(|of_rule| of_rule.len() <= most));
                assert!(few.is_sorted());
                for (rule, those) in &many {
                    assert!(range.contains(rule) && rules.insert(*rule));
                    for ordinal in those.named() {
                        found.insert((*rule, ordinal), those.reason(Ordinal(ordinal)));
                    }
                }
                for pair in few {
                    assert!(range.contains(&pair.rule) && !many.contains_key(&pair.rule));
                    let known = found.insert((pair.rule, pair.ordinal), pair.why.reason());
                    assert_eq!(known, None, "each once");
                }
            }
            let plain: BTreeMap<_, Reason> =
                plain.into_iter().map(|(pair, why)| (pair, why.reason())).collect();
            assert_eq!(found, plain);
            assert!(concerned.is_empty());
        }
    }
}
