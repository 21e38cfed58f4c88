//! What is known of identifiers and their evidence that were judged and may be judged again: components that rules look
//! at closely are judged at each change.
//!
//! *Invariants:* what is kept is what reading it now would give: it is forgotten when it changes. What is kept is
//! bounded. *What it does not know:* where things are read.

use crate::base::codec::{Digest128, NumberMap};
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::limits::KNOWN_EDGES_MAX;
use crate::identity::{Edge, EdgeKey, EvidenceId, Namespace, PublicId};
use std::cell::RefCell;
use std::hash::Hash;
use std::sync::Arc;

/// What is known of a node: its namespace, the least event time that it was seen at, its public id.
pub(super) type About = (Namespace, i64, PublicId);

#[derive(Debug, Default)]
struct Kept {
    about: NumberMap<NodeId, About>,
    content: NumberMap<NodeId, Digest128>,
    edges: NumberMap<NodeId, Arc<[Edge]>>,
    ids: NumberMap<EdgeKey, EvidenceId>,
    /// How much evidence is kept.
    weight: usize,
}

/// What is known of nodes.
#[derive(Debug, Default)]
pub(super) struct Known(RefCell<Kept>);

impl Known {
    /// What is known of a node, or is read now.
    pub fn about(&self, node: NodeId, read: impl FnOnce() -> Result<About>) -> Result<About> {
        self.known(node, |kept| &mut kept.about, read, |_| 1)
    }

    /// The digest of what a node is.
    pub fn content(
        &self,
        node: NodeId,
        read: impl FnOnce() -> Result<Digest128>,
    ) -> Result<Digest128> {
        self.known(node, |kept| &mut kept.content, read, |_| 1)
    }

    /// The id of evidence.
    pub fn id(
        &self,
        key: EdgeKey,
        make: impl FnOnce() -> Result<EvidenceId>,
    ) -> Result<EvidenceId> {
        self.known(key, |kept| &mut kept.ids, make, |_| 1)
    }

    /// Whether all that was said of a node is at hand.
    pub fn has_edges(&self, node: NodeId) -> bool {
        self.0.borrow().edges.contains_key(&node)
    }

    /// All that was said of a node.
    pub fn edges(
        &self,
        node: NodeId,
        read: impl FnOnce() -> Result<Vec<Edge>>,
    ) -> Result<Arc<[Edge]>> {
        let read = || read().map(Arc::from);
        self.known(node, |kept| &mut kept.edges, read, |edges: &Arc<[Edge]>| edges.len())
    }

    /// What one of the maps has, or is read now.
    fn known<K: Copy + Eq + Hash, T: Clone>(
        &self,
        key: K,
        map: fn(&mut Kept) -> &mut NumberMap<K, T>,
        read: impl FnOnce() -> Result<T>,
        weight: fn(&T) -> usize,
    ) -> Result<T> {
        if let Some(known) = map(&mut self.0.borrow_mut()).get(&key) {
            return Ok(known.clone());
        }
        let read = read()?;
        let mut kept = self.0.borrow_mut();
        kept.weight += weight(&read);
        if kept.weight > KNOWN_EDGES_MAX {
            *kept = Kept { weight: weight(&read), ..Kept::default() };
        }
        map(&mut kept).insert(key, read.clone());
        Ok(read)
    }

    /// Forgets when a node was first seen.
    pub fn seen(&mut self, node: NodeId) {
        self.0.get_mut().about.remove(&node);
    }

    /// Forgets what was said of a node.
    pub fn said(&mut self, node: NodeId) {
        self.0.get_mut().edges.remove(&node);
    }
}
