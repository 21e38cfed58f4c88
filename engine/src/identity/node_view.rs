//! Reading identifiers of a snapshot: their profiles, public ids, names and first times.

use super::node::{FIRST_SEEN, LABEL, LabelOf, NAMESPACE, NOBODY, NODES, PUBLIC, PublicId, VALUE};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::Part;
use crate::base::time::Timestamp;
use crate::column::{CHUNK_BITS, Cell, ColumnView, Faults};
use std::cell::OnceCell;
use std::sync::Arc;

/// The nodes of a snapshot, for reading many.
#[derive(Debug)]
pub struct NodeView {
    parts: Vec<Arc<Part>>,
    faults: Faults,
    namespaces: OnceCell<ColumnView>,
    values: OnceCell<ColumnView>,
    first_seen: OnceCell<ColumnView>,
    labels: OnceCell<ColumnView>,
    publics: OnceCell<ColumnView>,
}

impl NodeView {
    /// The nodes of parts.
    pub fn new(parts: &[Arc<Part>], faults: &Faults) -> NodeView {
        NodeView {
            parts: parts.to_vec(),
            faults: faults.clone(),
            namespaces: OnceCell::new(),
            values: OnceCell::new(),
            first_seen: OnceCell::new(),
            labels: OnceCell::new(),
            publics: OnceCell::new(),
        }
    }

    /// A column, opened when it is first asked for: most questions need one or two.
    #[inline]
    fn column<'c>(&self, slot: &'c OnceCell<ColumnView>, field: u32) -> &'c ColumnView {
        slot.get_or_init(|| {
            ColumnView::new(self.parts.iter(), NODES.field(field), None, &self.faults)
        })
    }

    #[inline]
    fn labels_column(&self) -> &ColumnView {
        self.column(&self.labels, LABEL)
    }

    /// The profile of a node.
    #[inline]
    pub fn label(&self, node: NodeId) -> LabelOf {
        self.labels_column().number(node.0).filter(|label| *label != NOBODY).map(Ordinal)
    }

    /// The profiles of all nodes, by number; `u32::MAX` for those that no record named yet.
    pub fn labels(&self, count: u32) -> Vec<u32> {
        self.labels_column().numbers(count)
    }

    /// Shows every node whose profile these parts tell, and the ordinal; `u32::MAX` for none.
    pub fn each_label(&self, see: &mut dyn FnMut(u32, u32)) {
        for chunk in self.labels_column().own_chunks() {
            for tier in self.labels_column().tiers(chunk) {
                for slot in 0..tier.view.count() {
                    let node = (chunk << CHUNK_BITS) + tier.view.row(slot);
                    see(node, self.labels_column().number(node).unwrap_or(NOBODY));
                }
            }
        }
    }

    /// The public id of a node.
    pub fn public(&self, node: NodeId) -> Option<PublicId> {
        self.column(&self.publics, PUBLIC).wide(node.0).map(PublicId)
    }

    /// The identifier of a node.
    pub fn identifier(&self, node: NodeId) -> Option<(&str, &str)> {
        let namespace = self.namespace(node)?;
        Some((
            namespace,
            std::str::from_utf8(self.column(&self.values, VALUE).bytes(node.0)?).ok()?,
        ))
    }

    /// The namespace of a node.
    pub fn namespace(&self, node: NodeId) -> Option<&str> {
        match self.column(&self.namespaces, NAMESPACE).cell(node.0) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The least event time that a node was seen at.
    pub fn first_seen(&self, node: NodeId) -> Option<Timestamp> {
        self.column(&self.first_seen, FIRST_SEEN).integer(node.0).map(Timestamp)
    }

    /// The profiles that have an identifier of a namespace.
    pub fn with_namespace(&self, namespace: &str) -> roaring::RoaringBitmap {
        let nodes = self
            .column(&self.namespaces, NAMESPACE)
            .matching(&|texts| texts.find(namespace).into_iter().collect());
        nodes.iter().filter_map(|node| Some(self.label(NodeId(node))?.0)).collect()
    }
}
