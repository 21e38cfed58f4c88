//! Why two identifiers are one, and why they are not: ways through the links of a component that was judged.
//!
//! *Invariants:* explanations read the very verdict that makes clusters, so they cannot differ from it.

use super::component::{Component, Fate, Link};
use crate::base::ids::NodeId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What it costs a way to use a link that a rule on profiles refused: more than any way through admitted ones.
const REFUSED: u64 = 1 << 20;
/// What it costs to use one that does not count at all.
const INERT: u64 = 1 << 40;

fn cost(fate: Fate) -> Option<u64> {
    match fate {
        Fate::Joined | Fate::Redundant => Some(1),
        Fate::Forbids | Fate::Proposed => None,
        Fate::OverLimit(_)
        | Fate::CannotLink(_)
        | Fate::Untrusted
        | Fate::Score
        | Fate::Suspended => Some(REFUSED),
        Fate::Capped(..) | Fate::NotAllowed | Fate::Withdrawn | Fate::Retracted(_) => Some(INERT),
    }
}

impl Component {
    /// The links that admission joined two nodes by, from one to the other. No other way through admitted links has a
    /// stronger weakest one. Nothing when they are not one; none when they are the same.
    pub fn why(&self, from: NodeId, to: NodeId) -> Option<Vec<Link>> {
        self.way(from, to, |fate| (fate == Fate::Joined).then_some(1))
    }

    /// A way from one node to another through as few links as can be that do not count, then as few as can be that a
    /// rule refused: what would have made them one. Nothing when nothing that was said leads from one to the other.
    pub fn why_not(&self, from: NodeId, to: NodeId) -> Option<Vec<Link>> {
        self.way(from, to, cost)
    }

    /// The link that was admitted last of some.
    pub fn weakest(links: &[Link]) -> Option<usize> {
        let places = links.iter().enumerate();
        places.max_by_key(|(_, link)| link.order()).map(|(place, _)| place)
    }

    fn way(
        &self,
        from: NodeId,
        to: NodeId,
        cost: impl Fn(Fate) -> Option<u64>,
    ) -> Option<Vec<Link>> {
        let mut links: HashMap<NodeId, Vec<(NodeId, usize, u64)>> = HashMap::new();
        for (number, link) in self.links.iter().enumerate() {
            let Some(cost) = cost(link.fate) else { continue };
            let (left, right) = link.nodes();
            links.entry(left).or_default().push((right, number, cost));
            links.entry(right).or_default().push((left, number, cost));
        }
        let mut best: HashMap<NodeId, u64> = HashMap::from([(from, 0)]);
        let mut came: HashMap<NodeId, (NodeId, usize)> = HashMap::new();
        let mut queue = BinaryHeap::from([Reverse((0_u64, from))]);
        while let Some(Reverse((far, node))) = queue.pop() {
            if node == to {
                break;
            }
            if best.get(&node).is_some_and(|known| *known < far) {
                continue;
            }
            for (next, number, cost) in links.get(&node).into_iter().flatten() {
                let far = far.saturating_add(*cost);
                if best.get(next).is_none_or(|known| far < *known) {
                    best.insert(*next, far);
                    came.insert(*next, (node, *number));
                    queue.push(Reverse((far, *next)));
                }
            }
        }
        let mut way = Vec::new();
        let mut at = to;
        while at != from {
            let (before, number) = came.get(&at)?;
            way.push(*self.links.get(*number)?);
            at = *before;
        }
        way.reverse();
        Some(way)
    }
}
