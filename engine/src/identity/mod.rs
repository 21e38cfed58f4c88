//! Which identifiers are one person, as a pure function of what was said of them and of rules.
//!
//! *What it is:* `node` keeps the identifiers, `edge` the evidence between them, as rows of parts; `rules` say what a
//! profile may hold; `admit` judges the evidence of a component in one total order, and `component` gathers what it
//! judges. *Invariants:* clusters follow from the set of live evidence and the rules alone: neither the order of
//! arrival nor the numbers of nodes matter. Evidence is never rewritten by what is made of it. *What it does not know:*
//! traits, events, where nodes and evidence are kept, how rules are written down. *Where to start reading:*
//! `Component::gather`, then `admit`.

mod admit;
mod blocked;
mod change;
mod component;
mod edge;
mod evidence;
mod explain;
mod grounds;
mod household;
mod node;
mod node_point;
mod node_view;
mod recent;
mod rules;
mod spelling;
mod union_find;

pub use blocked::{Blocked, Pattern};
pub use change::{Because, Cause, Change, Changed};
pub use component::{Cluster, Component, Fate, Link, barred};
pub use edge::{Edge, EdgeRange, OpenEdges, Told, all_edges, edges_in, merge_edges};
pub use evidence::{EdgeKey, EvidenceId, Kind, Namespace, RuleId, content_of};
pub use grounds::Grounds;
pub use household::{Alike, Apart, Ground, Households, Person, Statement, households};
pub use node::{NamingKey, OpenNodes, PublicId, merge_nodes, nodes_in};
pub use node_point::{find_node, point_label, point_of, point_value};
pub use node_view::NodeView;
pub use rules::{Cap, Holding, Limit, NamespaceRule, Rules, SourceRule, nobody};
pub use spelling::{OpenSpellings, merge_spellings, spellings_of};
pub use union_find::UnionFind;

use crate::base::part::BlockKey;

/// Whether a block is of identifiers or of what was said of them.
pub fn is_identity(key: BlockKey) -> bool {
    key.space == node::NODES.space || key.space == edge::EDGES.space
}
