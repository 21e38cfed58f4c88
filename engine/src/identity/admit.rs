//! Which evidence of one component is admitted: the rule that makes clusters a pure function of evidence and rules.
//!
//! *What it is:* evidence is taken in one total order and admitted while every rule holds of what it joins.
//! *Invariants:* the verdict depends on the members, claims and cannot-links alone, not on the order in which they are
//! given, nor on numbers. *Where to start reading:* `admit`.

use super::evidence::OrderKey;
use super::rules::{Held, Holding};
use super::union_find::UnionFind;

/// What became of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Standing {
    /// It joined two clusters.
    Forest,
    /// It was admitted, and joined what was one already.
    Redundant,
    /// A cannot-link refused it.
    CannotLink,
    /// The limit of a namespace refused it.
    Limit,
    /// Its source may not join two known profiles.
    Untrusted,
    /// A score may not join two known profiles.
    Score,
    /// There is too much evidence in its component for its tier to count.
    Suspended,
}

/// An identifier of the component.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// What it counts against.
    pub held: Option<Held>,
    /// Whether its namespace is unique.
    pub known: bool,
}

/// Evidence that counts.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Its place in the order.
    pub key: OrderKey,
    /// One of the members, by place in the task.
    pub left: u32,
    /// The other.
    pub right: u32,
    /// The number of its link.
    pub link: u32,
    /// Whether it counts only in a component of bounded size.
    pub soft: bool,
    /// What refuses it if it would join two known profiles.
    pub barred: Option<Standing>,
}

/// Two members that cannot be one.
#[derive(Debug, Clone, Copy)]
pub struct Forbidden {
    /// One of the members, by place in the task.
    pub left: u32,
    /// The other.
    pub right: u32,
    /// The number of its link.
    pub link: u32,
}

/// What is to be judged.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// The identifiers.
    pub members: Vec<Member>,
    /// The evidence between them.
    pub claims: Vec<Claim>,
    /// The cannot-links between them.
    pub forbidden: Vec<Forbidden>,
}

/// Why a rule refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There would be too many identifiers of a namespace.
    Limit(Held),
    /// A cannot-link, by the number of its link.
    CannotLink(u32),
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What became of each claim, in the order of admission, in which the claims of the task are then.
    pub standings: Vec<Standing>,
    /// For each member the least of its cluster, by place.
    pub clusters: Vec<u32>,
    /// Claims, by place, that a limit or a cannot-link refused.
    pub reasons: Vec<(u32, Reason)>,
}

/// Judges a task, and sorts its claims by the order of admission. In a component of more than so many edges only the
/// manual and deterministic tiers count.
pub fn admit(task: &mut Task, edges_max: u32) -> Verdict {
    task.claims.sort_unstable_by_key(|claim| claim.key);
    let (components, over) = components(task, edges_max);
    let mut clusters = Partition::new(task);
    let mut verdict = Verdict::default();
    verdict.standings.reserve(task.claims.len());
    for (place, claim) in task.claims.iter().enumerate() {
        let root = components.get(claim.left as usize).copied().unwrap_or_default();
        let suspended = claim.soft && over.get(root as usize).copied().unwrap_or(false);
        let (standing, reason) = match suspended {
            true => (Standing::Suspended, None),
            false => clusters.offer(claim),
        };
        verdict.standings.push(standing);
        verdict.reasons.extend(reason.map(|reason| (place as u32, reason)));
    }
    verdict.clusters = clusters.sets.labels();
    verdict
}

/// The component of each member, and which of them have too many edges; nothing where none can have.
fn components(task: &Task, edges_max: u32) -> (Vec<u32>, Vec<bool>) {
    if task.claims.len() <= edges_max as usize {
        return (Vec::new(), Vec::new());
    }
    let count = task.members.len() as u32;
    let mut sets = UnionFind::new(count);
    for claim in &task.claims {
        sets.join(claim.left, claim.right);
    }
    let components = sets.labels();
    let mut edges = vec![0_u32; task.members.len()];
    for claim in &task.claims {
        let root = components.get(claim.left as usize).copied().unwrap_or_default();
        if let Some(number) = edges.get_mut(root as usize) {
            *number += 1;
        }
    }
    let over = edges.into_iter().map(|number| number > edges_max).collect();
    (components, over)
}

/// The clusters as far as evidence was admitted, with what rules ask of them. What is said of a cluster stands at the
/// place of its least member.
#[derive(Debug)]
struct Partition<'t> {
    task: &'t Task,
    sets: UnionFind,
    known: Vec<bool>,
    holdings: Vec<Holding>,
    /// The cannot-links of each cluster, by place in the task; empty when there are none at all.
    forbidden: Vec<Vec<u32>>,
}

impl<'t> Partition<'t> {
    fn new(task: &'t Task) -> Partition<'t> {
        let mut holdings = vec![Holding::default(); task.members.len()];
        for (holding, member) in holdings.iter_mut().zip(&task.members) {
            if let Some(held) = member.held {
                holding.add(held);
            }
        }
        let mut forbidden = Vec::new();
        if !task.forbidden.is_empty() {
            forbidden.resize(task.members.len(), Vec::new());
        }
        for (place, pair) in task.forbidden.iter().enumerate() {
            for member in [pair.left, pair.right] {
                if let Some(list) = forbidden.get_mut(member as usize) {
                    list.push(place as u32);
                }
            }
        }
        let known = task.members.iter().map(|member| member.known).collect();
        let sets = UnionFind::new(task.members.len() as u32);
        Partition { task, sets, known, holdings, forbidden }
    }

    /// Admits a claim, or says why not.
    fn offer(&mut self, claim: &Claim) -> (Standing, Option<Reason>) {
        let (left, right) = (self.sets.find(claim.left), self.sets.find(claim.right));
        if left == right {
            return (Standing::Redundant, None);
        }
        if let Some(pair) = self.forbidding(left, right) {
            return (Standing::CannotLink, Some(Reason::CannotLink(pair)));
        }
        let of = |root: u32| self.holdings.get(root as usize);
        let excess = of(left).zip(of(right)).and_then(|(one, other)| one.excess_with(other));
        if let Some(held) = excess {
            return (Standing::Limit, Some(Reason::Limit(held)));
        }
        let known = |root: u32| self.known.get(root as usize).copied().unwrap_or(false);
        if let Some(standing) = claim.barred
            && known(left)
            && known(right)
        {
            return (standing, None);
        }
        self.unite(left.min(right), left.max(right));
        (Standing::Forest, None)
    }

    /// The first cannot-link between two clusters, by number of its link.
    fn forbidding(&mut self, left: u32, right: u32) -> Option<u32> {
        let of = |root: u32| self.forbidden.get(root as usize).map_or(0, Vec::len);
        let (few, root, other) =
            if of(left) <= of(right) { (of(left), left, right) } else { (of(right), right, left) };
        if few == 0 {
            return None;
        }
        let list = self.forbidden.get(root as usize)?;
        let mut found: Option<u32> = None;
        for place in list {
            let pair = self.task.forbidden.get(*place as usize)?;
            let ends = (self.sets.find(pair.left), self.sets.find(pair.right));
            if ends == (root, other) || ends == (other, root) {
                found = Some(found.map_or(pair.link, |least| least.min(pair.link)));
            }
        }
        found
    }

    /// Joins two clusters; the place of the first is that of both then.
    fn unite(&mut self, kept: u32, gone: u32) {
        self.sets.join(kept, gone);
        if let Ok([kept, gone]) = self.known.get_disjoint_mut([kept as usize, gone as usize]) {
            *kept |= *gone;
        }
        if let Ok([kept, gone]) = self.holdings.get_disjoint_mut([kept as usize, gone as usize]) {
            if kept.slots() < gone.slots() {
                std::mem::swap(kept, gone);
            }
            kept.add_all(&std::mem::take(gone));
        }
        if let Ok([kept, gone]) = self.forbidden.get_disjoint_mut([kept as usize, gone as usize]) {
            if kept.len() < gone.len() {
                std::mem::swap(kept, gone);
            }
            kept.append(gone);
        }
    }
}
