//! What is known of identifiers and their evidence that were judged and may be judged again: components that rules look
//! at closely are judged at each change.
//!
//! *Invariants:* what is kept is what reading it now would give: it is forgotten when it changes. What is kept is
//! bounded. *What it does not know:* where things are read.

use crate::base::codec::{Digest128, NumberMap};
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::limits::KNOWN_EDGES_MAX;
use crate::identity::{Edge, Namespace, PublicId};
use std::cell::RefCell;
use std::sync::Arc;

/// What is known of a node: its namespace, the least event time that it was seen at, its public id.
pub(super) type About = (Namespace, i64, PublicId);

#[derive(Debug, Default)]
struct Kept {
    about: NumberMap<NodeId, About>,
    content: NumberMap<NodeId, Digest128>,
    edges: NumberMap<NodeId, Arc<[Edge]>>,
    /// How much evidence is kept.
    weight: usize,
}

/// What is known of nodes.
#[derive(Debug, Default)]
pub(super) struct Known(RefCell<Kept>);

impl Known {
    /// What is known of a node, or is read now.
    pub fn about(&self, node: NodeId, read: impl FnOnce() -> Result<About>) -> Result<About> {
        if let Some(about) = self.0.borrow().about.get(&node) {
            return Ok(*about);
        }
        let about = read()?;
        self.make_room(1).about.insert(node, about);
        Ok(about)
    }

    /// The digest of what a node is.
    pub fn content(
        &self,
        node: NodeId,
        read: impl FnOnce() -> Result<Digest128>,
    ) -> Result<Digest128> {
        if let Some(content) = self.0.borrow().content.get(&node) {
            return Ok(*content);
        }
        let content = read()?;
        self.make_room(1).content.insert(node, content);
        Ok(content)
    }

    /// All that was said of a node.
    pub fn edges(
        &self,
        node: NodeId,
        read: impl FnOnce() -> Result<Vec<Edge>>,
    ) -> Result<Arc<[Edge]>> {
        if let Some(edges) = self.0.borrow().edges.get(&node) {
            return Ok(Arc::clone(edges));
        }
        let edges: Arc<[Edge]> = read()?.into();
        self.make_room(edges.len()).edges.insert(node, Arc::clone(&edges));
        Ok(edges)
    }

    /// Forgets when a node was first seen.
    pub fn seen(&mut self, node: NodeId) {
        self.0.get_mut().about.remove(&node);
    }

    /// Forgets what was said of a node.
    pub fn said(&mut self, node: NodeId) {
        self.0.get_mut().edges.remove(&node);
    }

    /// Keeps some more, and forgets all when that is too much.
    fn make_room(&self, more: usize) -> std::cell::RefMut<'_, Kept> {
        let mut kept = self.0.borrow_mut();
        kept.weight += more;
        if kept.weight > KNOWN_EDGES_MAX {
            *kept = Kept { weight: more, ..Kept::default() };
        }
        kept
    }
}
