//! What became of profiles: each join, split and change of id, with its cause, kept beside the identifiers concerned.

use super::apply::Fact;
use super::clustering::naming_key;
use super::people::Claimed;
use super::{Fold, HISTORY, PROFILES, Reader};
use crate::base::codec;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, Position};
use crate::base::time::Timestamp;
use crate::event::TableView;
use crate::identity::{Because, Cause, Change, Changed, Namespace, PublicId};
use std::collections::BTreeSet;

/// A change of profiles, and the entry of the log that brought it about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happened {
    /// The record or statement.
    pub position: Position,
    /// Its event time.
    pub time: Timestamp,
    /// What became of profiles.
    pub changed: Changed,
}

impl Fold {
    /// Keeps a change beside nodes that it concerns.
    pub(super) fn tell(
        &mut self,
        changed: &Changed,
        nodes: impl IntoIterator<Item = NodeId>,
        fact: &Fact<'_>,
    ) -> Result<()> {
        let bytes = codec::encode_row(changed)?;
        let nodes: BTreeSet<NodeId> = nodes.into_iter().collect();
        for node in nodes {
            self.open.history.push(&fact.row(node));
            self.open.history.push_bytes(&bytes);
        }
        Ok(())
    }

    /// Tells that two profiles are one, and gives the node that names it.
    pub(super) fn tell_joined(
        &mut self,
        (left, right): (Option<NodeId>, Option<NodeId>),
        claimed: &Claimed,
        fact: &Fact<'_>,
    ) -> Result<Option<NodeId>> {
        let (Some(left), Some(right)) = (left, right) else { return Ok(left.or(right)) };
        let keys = (self.naming_key(left)?, self.naming_key(right)?);
        let (name, new) = if keys.0 < keys.1 { (left, keys.0.2) } else { (right, keys.1.2) };
        let mut old = vec![keys.0.2, keys.1.2];
        old.sort_unstable();
        let cause = claimed.cause(Because::Said);
        let changed = Changed { change: Change::Joined, old, new: vec![new], cause };
        self.tell(&changed, [claimed.nodes.0, claimed.nodes.1], fact)?;
        Ok(Some(name))
    }

    /// Whether a new identifier names a profile from now on; that is told, unless the profile begins with this record.
    pub(super) fn tell_naming(
        &mut self,
        label: Ordinal,
        about: (Namespace, i64, PublicId),
        (claimed, born): (&Claimed, bool),
        fact: &Fact<'_>,
    ) -> Result<bool> {
        let key = naming_key(about, &self.rules());
        let Some(name) = self.open.profiles.look(&self.state.parts, PROFILES, label)?.name else {
            return Ok(true);
        };
        let old = self.naming_key(name)?;
        if key < old && !born {
            let (cause, ids) = (claimed.cause(Because::Said), (old.2, key.2));
            self.tell_renamed(ids, cause, claimed.nodes.0, fact)?;
        }
        Ok(key < old)
    }

    /// Tells that a profile has another id now.
    pub(super) fn tell_renamed(
        &mut self,
        (old, new): (PublicId, PublicId),
        cause: Cause,
        node: NodeId,
        fact: &Fact<'_>,
    ) -> Result<()> {
        let (old, new) = (vec![old], vec![new]);
        self.tell(&Changed { change: Change::Renamed, old, new, cause }, [node], fact)
    }
}

impl Reader<'_> {
    /// What became of the profiles that some identifiers belonged to, in the order of the log.
    pub fn history(&self, members: &[NodeId]) -> Vec<Happened> {
        let table = TableView::new(self.state.parts().iter(), HISTORY, &[], self.faults());
        let mut found = BTreeSet::new();
        for part in table.parts() {
            for row in members.iter().flat_map(|node| part.rows_of(*node)) {
                let changed = self.faults().or_note(codec::decode_row(part.bytes(row)));
                if let Some(changed) = changed {
                    let (position, time) = (part.position(row), part.time(row));
                    found.insert(Happened { position, time, changed });
                }
            }
        }
        found.into_iter().collect()
    }
}
