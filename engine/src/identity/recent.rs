//! Evidence that no file has yet, in one place beside the parts in memory that have it, by node.
//!
//! *Invariant:* what is put twice under one key is one piece. *Why by node:* all that asks, asks for one node; nearly
//! all nodes have few pieces, which lie together, and those that have many are searched.

use super::edge::{Edge, EdgeRange, Told};
use super::evidence::EdgeKey;
use crate::base::codec::NumberMap;
use crate::base::ids::NodeId;
use std::collections::BTreeMap;

/// Pieces of a node that lie in a list.
const FEW: usize = 24;

/// What was said of a node.
#[derive(Debug)]
enum OfNode {
    /// In the order of keys.
    Few(Vec<Edge>),
    Many(BTreeMap<EdgeKey, Told>),
}

/// Evidence by node.
#[derive(Debug, Default)]
pub(super) struct Recent {
    nodes: NumberMap<NodeId, OfNode>,
    len: usize,
}

impl Recent {
    /// How many pieces there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes note of what was said.
    pub fn put(&mut self, key: EdgeKey, told: &Told) {
        let of_node = self.nodes.entry(key.node()).or_insert_with(|| OfNode::Few(Vec::new()));
        if let OfNode::Few(edges) = of_node {
            match edges.binary_search_by_key(&key, |edge| edge.key) {
                Ok(place) => edges.iter_mut().skip(place).take(1).for_each(|e| e.told.add(told)),
                Err(place) if edges.len() < FEW => {
                    edges.insert(place, Edge { key, told: *told });
                    self.len += 1;
                }
                Err(_) => {
                    let many = std::mem::take(edges).into_iter();
                    *of_node = OfNode::Many(many.map(|edge| (edge.key, edge.told)).collect());
                }
            }
        }
        if let OfNode::Many(edges) = of_node {
            self.len += usize::from(!edges.contains_key(&key));
            put(edges, key, told);
        }
    }

    /// Gives what was said under the keys of a range, which are of one node.
    pub fn range(&self, range: &EdgeRange, found: &mut Vec<Edge>) {
        match self.nodes.get(&EdgeKey(range.start).node()) {
            Some(OfNode::Few(edges)) => {
                found.extend(edges.iter().filter(|edge| range.contains(&edge.key.0)));
            }
            Some(OfNode::Many(edges)) => put_range(edges, range, found),
            None => {}
        }
    }
}

/// Takes note of what was said of some evidence.
pub(super) fn put(rows: &mut BTreeMap<EdgeKey, Told>, key: EdgeKey, told: &Told) {
    rows.entry(key).and_modify(|known| known.add(told)).or_insert(*told);
}

/// Gives what was said under the keys of a range.
pub(super) fn put_range(rows: &BTreeMap<EdgeKey, Told>, range: &EdgeRange, found: &mut Vec<Edge>) {
    let rows = rows.range(EdgeKey(range.start)..EdgeKey(range.end));
    found.extend(rows.map(|(key, told)| Edge { key: *key, told: *told }));
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Kind;
    use super::*;
    use crate::base::ids::SourceId;
    use crate::base::random::Rng;

    #[test]
    fn what_nodes_with_few_and_with_many_pieces_heard_is_what_was_put() {
        let mut random = Rng(7);
        for others in [3, FEW - 1, FEW, FEW + 1, 200] {
            let (mut recent, mut plain) = (Recent::default(), BTreeMap::new());
            for _ in 0..600 {
                let node = NodeId(random.below(3) as u32);
                let other = (NodeId(random.below(others) as u32), 0);
                let kind = if random.below(2) == 0 { Kind::PairUntil } else { Kind::Deterministic };
                let key = EdgeKey::new(node, other, kind, (SourceId(0), 0));
                let told = Told::once(random.below(50) as i64, random.below(3) as i32);
                recent.put(key, &told);
                put(&mut plain, key, &told);
                assert_eq!(recent.len(), plain.len());
                let node = NodeId(random.below(4) as u32);
                for range in [EdgeKey::all(node), EdgeKey::retractions(node), key.0..key.0 + 1] {
                    let (mut found, mut expected) = (Vec::new(), Vec::new());
                    recent.range(&range, &mut found);
                    put_range(&plain, &range, &mut expected);
                    assert_eq!(found, expected);
                }
            }
        }
    }
}
