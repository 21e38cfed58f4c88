//! What judging asks about: identifiers and what was said of them, wherever they are kept.

use super::edge::{Edge, EdgeRange};
use super::evidence::{EdgeKey, EvidenceId, Namespace, RuleId};
use super::node::PublicId;
use crate::base::codec::Digest128;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, SourceId};
use std::sync::Arc;

/// Who knows what was said of identifiers, and where they belong.
pub trait Grounds {
    /// The namespace of a node, the least event time that it was seen at, and its public id.
    ///
    /// # Errors
    /// `Corrupt`, as for all here.
    fn about(&self, node: NodeId) -> Result<(Namespace, i64, PublicId)>;

    /// The digest of what a node is, as `content_of` makes it.
    ///
    /// # Errors
    /// `Corrupt`.
    fn content(&self, node: NodeId) -> Result<Digest128>;

    /// The id of evidence, which is made if it is not at hand.
    ///
    /// # Errors
    /// Those of `make`.
    fn id(&self, _: EdgeKey, make: impl FnOnce() -> Result<EvidenceId>) -> Result<EvidenceId> {
        make()
    }

    /// What was said under the keys of a range.
    ///
    /// # Errors
    /// `Corrupt`.
    fn edges(&self, range: &EdgeRange) -> Result<Vec<Edge>>;

    /// All that was said of a node.
    ///
    /// # Errors
    /// `Corrupt`.
    fn all_edges(&self, node: NodeId) -> Result<Arc<[Edge]>>;

    /// Whether a node is known to have too many neighbours of a namespace.
    fn is_capped(&self, node: NodeId, namespace: Namespace) -> bool;

    /// The namespaces of which a node is known to have too many neighbours.
    fn capped(&self, node: NodeId) -> Vec<Namespace>;

    /// The profile that a node belongs to now; none for a node that no record named.
    ///
    /// # Errors
    /// `Corrupt`.
    fn profile(&self, node: NodeId) -> Result<Option<Ordinal>>;

    /// The members of a profile.
    ///
    /// # Errors
    /// `Corrupt`.
    fn members(&self, profile: Ordinal) -> Result<Vec<NodeId>>;

    /// All will be asked about some nodes.
    ///
    /// # Errors
    /// `Corrupt`.
    fn expect(&self, _: &[NodeId]) -> Result<()> {
        Ok(())
    }

    /// Whether anything may be retracted of a node.
    fn retracts(&self, node: NodeId) -> bool;

    /// The name of a source.
    fn source(&self, source: SourceId) -> &str;

    /// The name of a rule.
    fn rule(&self, rule: RuleId) -> &str;
}
