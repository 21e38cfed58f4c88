//! What becomes of profiles between two states of one log: which would be one, which would come apart.

use super::define::RegroupedProfiles;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::identity::{Change, UnionFind, find_node};
use crate::state::{Reader, State};
use std::collections::{BTreeMap, BTreeSet};

/// How many examples a report shows.
const SHOWN: usize = 10;

/// What is another in the grouping of identifiers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Regrouping {
    pub joined: u64,
    pub split: u64,
    pub rearranged: u64,
    pub examples: Vec<RegroupedProfiles>,
}

/// The profiles of a state that an identifier of the other is in too, paired with those of the other.
pub(super) fn shared(
    before: &State,
    reader: &Reader<'_>,
    after: &Reader<'_>,
) -> Result<Vec<(u32, u32)>> {
    let mut pairs = Vec::new();
    for node in (0..before.counts.nodes).map(NodeId) {
        let Some(old) = reader.nodes().label(node) else { continue };
        let public = crate::identity::Grounds::about(reader, node)?.2;
        let new =
            find_node(after.state.parts(), public)?.and_then(|node| after.nodes().label(node));
        if let Some(new) = new {
            pairs.push((old.0, new.0));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

/// Profiles before and after that have to do with each other, by ordinal.
pub(super) type Groups = Vec<(BTreeSet<u32>, BTreeSet<u32>)>;

/// The groups that pairs of profiles make, each of one before and one after with an identifier in common.
pub(super) fn groups(pairs: &[(u32, u32)]) -> Groups {
    let sorted = |of: &dyn Fn(&(u32, u32)) -> u32| -> Vec<u32> {
        let mut all: Vec<u32> = pairs.iter().map(of).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (olds, news) = (sorted(&|pair| pair.0), sorted(&|pair| pair.1));
    let place = |all: &[u32], of: u32| all.partition_point(|known| *known < of) as u32;
    // Those after stand behind those before.
    let behind = olds.len() as u32;
    let mut sets = UnionFind::new(behind + news.len() as u32);
    for (old, new) in pairs {
        sets.join(place(&olds, *old), behind + place(&news, *new));
    }
    let mut groups: BTreeMap<u32, (BTreeSet<u32>, BTreeSet<u32>)> = BTreeMap::new();
    for (old, new) in pairs {
        let (before, after) = groups.entry(sets.find(place(&olds, *old))).or_default();
        before.insert(*old);
        after.insert(*new);
    }
    groups.into_values().collect()
}

/// What is another in the grouping of the identifiers that both states have.
pub(super) fn regrouping(before: &State, after: &State) -> Result<Regrouping> {
    let (old, new) = (before.reader(), after.reader());
    let pairs = shared(before, &old, &new)?;
    let mut found = Regrouping::default();
    for (olds, news) in groups(&pairs) {
        if olds.len() == 1 && news.len() == 1 {
            continue;
        }
        let change = Change::of(olds.len(), news.len());
        match change {
            Change::Joined => found.joined += olds.len() as u64,
            Change::Split => found.split += 1,
            _ => found.rearranged += olds.len() as u64,
        }
        if found.examples.len() < SHOWN {
            let ids = |reader: &Reader<'_>, labels: &BTreeSet<u32>| {
                let ids = labels.iter().filter_map(|label| reader.profile_id(Ordinal(*label)));
                ids.map(|id| id.to_string()).collect()
            };
            let change = change.name().to_owned();
            let (before, after) = (ids(&old, &olds), ids(&new, &news));
            let member =
                olds.first().and_then(|label| old.row(Ordinal(*label)).members.first().copied());
            let of = member.and_then(|node| old.nodes().identifier(node));
            let of =
                of.map(|(namespace, value)| format!("{namespace}={value}")).unwrap_or_default();
            found.examples.push(RegroupedProfiles { change, before, after, of });
        }
    }
    old.check()?;
    new.check().map(|()| found)
}
