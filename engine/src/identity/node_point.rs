//! What parts tell of single nodes, looked up by itself: who asks once opens no view.

use super::evidence::Namespace;
use super::node::{
    FIRST_SEEN, LABEL, LabelOf, NOBODY, NODES, NUMBER, PUBLIC, PublicId, VALUE, no_identifier,
};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::Part;
use crate::column::{Point, find_key};
use std::sync::Arc;

/// The node of a public id in parts.
///
/// # Errors
/// `Corrupt`.
pub fn find_node(parts: &[Arc<Part>], public: PublicId) -> Result<Option<NodeId>> {
    Ok(find_key(parts, NODES.field(PUBLIC), public.0)?.map(NodeId))
}

/// What parts tell of a node: its namespace, the least event time that it was seen at, and its public id. `once` are
/// the parts that may have what is written once.
///
/// # Errors
/// `Corrupt`, also when there is no such node.
pub fn point_of(
    once: &[Arc<Part>],
    parts: &[Arc<Part>],
    node: NodeId,
) -> Result<(Namespace, i64, PublicId)> {
    let of = |parts, field| {
        let point = Point::find(parts, NODES.field(field), node.0)?;
        point.ok_or_else(|| no_identifier(node))
    };
    let number = u16::try_from(of(once, NUMBER)?.number()).unwrap_or(u16::MAX);
    Ok((number, of(parts, FIRST_SEEN)?.integer(), PublicId(of(once, PUBLIC)?.wide())))
}

/// The value of a node in parts.
///
/// # Errors
/// `Corrupt`, also when there is no such node.
pub fn point_value(parts: &[Arc<Part>], node: NodeId) -> Result<Vec<u8>> {
    let point = Point::find(parts, NODES.field(VALUE), node.0)?;
    Ok(point.ok_or_else(|| no_identifier(node))?.bytes().to_vec())
}

/// The profile of a node in parts.
///
/// # Errors
/// `Corrupt`.
pub fn point_label(parts: &[Arc<Part>], node: NodeId) -> Result<LabelOf> {
    let point = Point::find(parts, NODES.field(LABEL), node.0)?;
    Ok(point.map(|point| point.number()).filter(|label| *label != NOBODY).map(Ordinal))
}
