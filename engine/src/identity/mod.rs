//! Identifiers, and the profiles that shared identifiers make.
//!
//! *What it is:* nodes (identifiers), their profiles (ordinals), and the join of two profiles when a record names
//! identifiers of both: the exact union. *Invariants:* the partition is a function of the set of records, never of
//! their order; a node has one profile; the ordinal of a profile that was joined into another is dead and never used
//! again. *What it does not know:* traits and events, which belong to nodes and ordinals of others.
//! *Where to start reading:* `Identity::observe`.

use crate::base::chunked::{Chunked, Sharded};
use crate::base::codec;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::time::Timestamp;
use crate::record::Identifier;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// The order in which namespaces name a profile, the first being the best.
const NAMESPACE_RANK: [&str; 4] = ["user_id", "email", "phone", "anonymous_id"];

/// What is known of an identifier.
#[derive(Debug, Clone)]
pub struct Node {
    /// The identifier.
    pub identifier: Arc<Identifier>,
    /// The least event time that it was seen at.
    pub first_seen: Timestamp,
    /// Its public id: the profile that holds it answers to this id for ever.
    pub public: PublicId,
}

/// A public id: 128 bits of a digest keyed with the store's salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId(pub u128);

impl std::fmt::Display for PublicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl PublicId {
    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<PublicId> {
        let digits =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| u128::from_str_radix(text, 16).ok().map(PublicId)).flatten()
    }
}

/// A profile that was joined into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// The profile that stays.
    pub kept: Ordinal,
    /// The profile whose ordinal is dead now.
    pub gone: Ordinal,
}

/// The identity graph of a store.
#[derive(Debug, Clone)]
pub struct Identity {
    salt: [u8; 32],
    nodes: Chunked<Node>,
    /// The profile of each node, apart from the nodes because every question walks over them.
    labels: Chunked<Ordinal>,
    by_identifier: Sharded<Arc<Identifier>, NodeId>,
    by_public: Sharded<PublicId, NodeId>,
    /// The nodes of each ordinal; empty for dead ones.
    members: Chunked<Arc<Vec<NodeId>>>,
    live: Arc<RoaringBitmap>,
}

impl Identity {
    /// An empty graph with the store's salt.
    pub fn new(salt: [u8; 32]) -> Identity {
        Identity {
            salt,
            nodes: Chunked::default(),
            labels: Chunked::default(),
            by_identifier: Sharded::default(),
            by_public: Sharded::default(),
            members: Chunked::default(),
            live: Arc::default(),
        }
    }

    /// A graph of stored nodes: identifier, ordinal and first time, in order; and how many ordinals there were.
    pub fn from_stored(
        salt: [u8; 32],
        nodes: impl Iterator<Item = (Identifier, Ordinal, Timestamp)>,
        ordinals: u32,
    ) -> Identity {
        let mut graph = Identity::new(salt);
        let mut members: Vec<Vec<NodeId>> = vec![Vec::new(); ordinals as usize];
        for (identifier, ordinal, first_seen) in nodes {
            let node = graph.add_node(&identifier, ordinal, first_seen);
            if let Some(list) = members.get_mut(ordinal.0 as usize) {
                list.push(node);
            }
            Arc::make_mut(&mut graph.live).insert(ordinal.0);
        }
        graph.members = members.into_iter().map(Arc::new).collect();
        graph
    }

    /// The profiles.
    pub fn live(&self) -> &Arc<RoaringBitmap> {
        &self.live
    }

    /// One more than the greatest ordinal.
    pub fn ordinals(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// All nodes with their profiles, by number.
    pub fn labelled(&self) -> impl Iterator<Item = (&Node, Ordinal)> {
        self.nodes.iter().zip(self.labels.iter().copied())
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> &Chunked<Node> {
        &self.nodes
    }

    /// A node.
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(node.0 as usize)
    }

    /// The node of an identifier.
    pub fn find(&self, identifier: &Identifier) -> Option<NodeId> {
        self.by_identifier.get(identifier).copied()
    }

    /// The profile of a node.
    pub fn ordinal_of(&self, node: NodeId) -> Option<Ordinal> {
        self.labels.get(node.0 as usize).copied()
    }

    /// The profile that holds a public id now, whichever of its members the id was made from.
    pub fn resolve(&self, public: PublicId) -> Option<Ordinal> {
        self.by_public.get(&public).and_then(|node| self.ordinal_of(*node))
    }

    /// The nodes of a profile.
    pub fn members(&self, ordinal: Ordinal) -> &[NodeId] {
        self.members.get(ordinal.0 as usize).map_or(&[], |list| list.as_slice())
    }

    /// The public id of a profile: that of its member with the least namespace rank, first time and digest.
    pub fn profile_id(&self, ordinal: Ordinal) -> Option<PublicId> {
        let key = |node: &&Node| {
            let namespace = node.identifier.namespace.as_str();
            let rank =
                NAMESPACE_RANK.iter().position(|n| *n == namespace).unwrap_or(NAMESPACE_RANK.len());
            (rank, node.first_seen, node.public)
        };
        self.members(ordinal).iter().filter_map(|n| self.node(*n)).min_by_key(key).map(|n| n.public)
    }

    /// Takes note of a record: its identifiers belong to one person. Returns the node of the first identifier, to
    /// which the record attaches, and the profiles that were joined.
    pub fn observe(
        &mut self,
        identifiers: &[Identifier],
        time: Timestamp,
    ) -> Option<(NodeId, Vec<Join>)> {
        let mut joins = Vec::new();
        let mut anchor = None;
        for identifier in identifiers {
            let node = match self.find(identifier) {
                Some(node) => {
                    self.seen_at(node, time);
                    node
                }
                None => self.new_node(identifier, anchor, time),
            };
            let Some(first) = anchor else {
                anchor = Some(node);
                continue;
            };
            joins.extend(self.join(first, node));
        }
        anchor.map(|node| (node, joins))
    }

    fn seen_at(&mut self, node: NodeId, time: Timestamp) {
        if self.node(node).is_some_and(|n| n.first_seen > time)
            && let Some(node) = self.nodes.get_mut(node.0 as usize)
        {
            node.first_seen = time;
        }
    }

    /// A new node: in the profile of `beside`, or in a profile of its own.
    fn new_node(
        &mut self,
        identifier: &Identifier,
        beside: Option<NodeId>,
        time: Timestamp,
    ) -> NodeId {
        let ordinal = match beside.and_then(|node| self.ordinal_of(node)) {
            Some(ordinal) => ordinal,
            None => {
                let ordinal = Ordinal(self.ordinals());
                self.members.push(Arc::default());
                Arc::make_mut(&mut self.live).insert(ordinal.0);
                ordinal
            }
        };
        let node = self.add_node(identifier, ordinal, time);
        if let Some(list) = self.members.get_mut(ordinal.0 as usize) {
            Arc::make_mut(list).push(node);
        }
        node
    }

    fn add_node(
        &mut self,
        identifier: &Identifier,
        ordinal: Ordinal,
        first_seen: Timestamp,
    ) -> NodeId {
        let node = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let mut hasher = blake3::Hasher::new_keyed(&self.salt);
        hasher.update(&(identifier.namespace.len() as u64).to_le_bytes());
        hasher.update(identifier.namespace.as_bytes());
        hasher.update(identifier.value.as_bytes());
        let public = PublicId(u128::from_be_bytes(codec::first_half(hasher.finalize())));
        let identifier = Arc::new(identifier.clone());
        self.labels.push(ordinal);
        self.nodes.push(Node { identifier: Arc::clone(&identifier), first_seen, public });
        self.by_identifier.insert(identifier, node);
        self.by_public.insert(public, node);
        node
    }

    /// Joins the profiles of two nodes: the one with fewer nodes goes into the other.
    fn join(&mut self, left: NodeId, right: NodeId) -> Option<Join> {
        let (left, right) = (self.ordinal_of(left)?, self.ordinal_of(right)?);
        if left == right {
            return None;
        }
        let smaller = |ordinal: Ordinal| (self.members(ordinal).len(), std::cmp::Reverse(ordinal));
        let (kept, gone) =
            if smaller(left) < smaller(right) { (right, left) } else { (left, right) };
        let moved = self.members.get_mut(gone.0 as usize).map(std::mem::take)?;
        for node in moved.iter() {
            if let Some(label) = self.labels.get_mut(node.0 as usize) {
                *label = kept;
            }
        }
        if let Some(list) = self.members.get_mut(kept.0 as usize) {
            Arc::make_mut(list).extend(moved.iter());
        }
        Arc::make_mut(&mut self.live).remove(gone.0);
        Some(Join { kept, gone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::normalise;

    fn identifier(value: u64) -> Identifier {
        normalise("user_id", &format!("u{value}")).unwrap()
    }

    #[test]
    fn profiles_are_the_connected_identifiers_whatever_the_order() {
        let mut state = 5_u64;
        let mut next = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..200 {
            let records: Vec<(Vec<Identifier>, Timestamp)> = (0..30)
                .map(|_| {
                    let ids = (0..next(3) + 1).map(|_| identifier(next(25))).collect();
                    (ids, Timestamp(next(5).cast_signed()))
                })
                .collect();
            let fold = |records: &[(Vec<Identifier>, Timestamp)]| {
                let mut graph = Identity::new([1; 32]);
                for (ids, time) in records {
                    graph.observe(ids, *time);
                }
                graph
            };
            let forward = fold(&records);
            let mut reversed = records.clone();
            reversed.reverse();
            let backward = fold(&reversed);
            let ids = |graph: &Identity| -> Vec<_> {
                (0..25)
                    .map(|v| {
                        graph
                            .find(&identifier(v))
                            .and_then(|n| graph.profile_id(graph.ordinal_of(n)?))
                    })
                    .collect()
            };
            assert_eq!(ids(&forward), ids(&backward));
            // Against repeated relabelling, the stupid way.
            let mut label: Vec<usize> = (0..25).collect();
            for _ in 0..30 {
                for (ids, _) in &records {
                    let numbers: Vec<usize> =
                        ids.iter().map(|i| i.value[1..].parse().unwrap()).collect();
                    let least = numbers.iter().map(|n| label[*n]).min().unwrap();
                    numbers.iter().for_each(|n| label[*n] = least);
                }
            }
            for a in 0..25 {
                for b in 0..25 {
                    let (left, right) =
                        (forward.find(&identifier(a)), forward.find(&identifier(b)));
                    if let (Some(left), Some(right)) = (left, right) {
                        let together = forward.ordinal_of(left) == forward.ordinal_of(right);
                        assert_eq!(together, label[a as usize] == label[b as usize]);
                    }
                }
            }
            let members: usize =
                forward.live().iter().map(|o| forward.members(Ordinal(o)).len()).sum();
            assert_eq!(members, forward.nodes().len());
        }
    }
}
