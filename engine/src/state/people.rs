//! Which identifiers are one person: the exact union of what records name together.

use super::{Fold, PROFILES};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::time::Timestamp;
use crate::identity::PublicId;
use std::cmp::Reverse;
use std::sync::Arc;

impl Fold {
    /// Takes note of a record: its identifiers (namespace and value, normalised) belong to one person. Returns the node
    /// of the first identifier, to which the record attaches, and its profile.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn observe<'i>(
        &mut self,
        identifiers: impl Iterator<Item = (&'i str, &'i str)>,
        time: Timestamp,
    ) -> Result<Option<(NodeId, Ordinal)>> {
        let salt = self.state.salt;
        let known = identifiers.map(|identifier| (identifier, PublicId::of(identifier, &salt)));
        self.observe_known(known, time)
    }

    /// `observe` of identifiers whose public ids are known.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn observe_known<'i>(
        &mut self,
        identifiers: impl Iterator<Item = ((&'i str, &'i str), PublicId)>,
        time: Timestamp,
    ) -> Result<Option<(NodeId, Ordinal)>> {
        let mut anchor: Option<(NodeId, Ordinal)> = None;
        for (identifier, public) in identifiers {
            let parts = &self.state.parts;
            let found = match self.open.nodes.find(parts, public)? {
                Some(node) => {
                    self.open.nodes.seen_at(parts, node, time)?;
                    self.open.nodes.label(parts, node)?.map(|label| (node, label))
                }
                None => Some(self.new_node(identifier, public, anchor, time)?),
            };
            let Some((node, label)) = found else { continue };
            match &mut anchor {
                None => anchor = Some((node, label)),
                Some((_, profile)) if *profile == label => {}
                Some((first, profile)) => {
                    let (first, left) = (*first, *profile);
                    anchor = Some((first, self.join(left, label)?));
                }
            }
        }
        Ok(anchor)
    }

    /// A new node: in the profile at hand, or in a profile of its own.
    fn new_node(
        &mut self,
        identifier: (&str, &str),
        public: PublicId,
        beside: Option<(NodeId, Ordinal)>,
        time: Timestamp,
    ) -> Result<(NodeId, Ordinal)> {
        let Some((_, profile)) = beside else {
            let profile = self.open.profiles.add(self.open.nodes.count());
            let node = self.open.nodes.add(identifier, public, profile, time);
            return Ok((node, profile));
        };
        let node = self.open.nodes.add(identifier, public, profile, time);
        self.open.profiles.change(&self.state.parts, PROFILES, profile, |row, _| {
            row.members.push(node);
        })?;
        Ok((node, profile))
    }

    /// Joins two profiles: the one with fewer nodes goes into the other.
    fn join(&mut self, left: Ordinal, right: Ordinal) -> Result<Ordinal> {
        let parts = &self.state.parts;
        let size = |ordinal| {
            let row = self.open.profiles.get(parts, PROFILES, ordinal)?;
            Ok((row.members.len(), Reverse(ordinal)))
        };
        let (kept, gone) = if size(left)? < size(right)? { (right, left) } else { (left, right) };
        let moved = self.open.profiles.take(parts, PROFILES, gone)?;
        for node in &moved.members {
            self.open.nodes.set_label(*node, kept);
        }
        let catalog = &self.state.catalog;
        self.open.profiles.change(parts, PROFILES, kept, |row, changed| {
            row.members.extend(&moved.members);
            row.tell_all(moved.traits, catalog.traits(), catalog, changed);
        })?;
        Arc::make_mut(&mut self.state.dead).insert(gone.0);
        Ok(kept)
    }
}
