//! Which identifiers are one person: what records say together becomes evidence, and evidence joins at once where that
//! is sure.
//!
//! *Why it is sure:* while no evidence touches two profiles but plain links of trusted sources that were all admitted,
//! a new one that passes no limit and no cap joins them in whatever order evidence came: each part of an admissible
//! cluster is admissible. In all other cases `settle` judges all that is concerned anew.

use super::apply::Fact;
use super::clustering::{Clustering, naming_key};
use super::room::Room;
use super::{Fold, PROFILES};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, SourceId};
use crate::identity::{
    Because, Cause, EdgeKey, Grounds as _, Kind, Namespace, NamingKey, PublicId, RuleId, Rules,
    Told, barred, edges_in,
};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An identifier of a record, in the form in which it is compared, and as it was received.
#[derive(Debug)]
pub(super) struct Normal<'i> {
    pub namespace: &'i str,
    pub number: Namespace,
    pub value: Cow<'i, str>,
    pub received: &'i str,
    pub public: PublicId,
}

/// What is still to be judged when all that a record says is noted.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    pub seeds: Vec<NodeId>,
    pub cause: Option<Cause>,
}

impl Unsettled {
    pub fn add(&mut self, nodes: impl IntoIterator<Item = NodeId>, cause: Cause) {
        self.seeds.extend(nodes);
        self.cause.get_or_insert(cause);
    }
}

/// Evidence at hand: of which nodes, with their namespaces, of which kind, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimed {
    pub nodes: (NodeId, NodeId),
    pub namespaces: (Namespace, Namespace),
    pub kind: Kind,
    pub source: SourceId,
    pub rule: RuleId,
}

impl Claimed {
    /// Its places at both nodes.
    pub fn keys(&self) -> (EdgeKey, EdgeKey) {
        let ((left, right), (of_left, of_right)) = (self.nodes, self.namespaces);
        let by = (self.source, self.rule);
        (
            EdgeKey::new(left, (right, of_right), self.kind, by),
            EdgeKey::new(right, (left, of_left), self.kind, by),
        )
    }

    pub fn cause(&self, because: Because) -> Cause {
        Cause::of(because, self.keys().0)
    }
}

impl Fold {
    /// The rules in force, for the names that there are.
    pub(super) fn rules(&mut self) -> Arc<Rules> {
        Arc::clone(self.clustering().rules())
    }

    pub(super) fn clustering(&mut self) -> &Clustering {
        if !self.rules.is_fresh(&self.state.catalog) {
            let written = self.state.definitions.identity();
            self.rules.refresh(&written, &self.state.catalog, self.state.normalisers);
        }
        &self.rules
    }

    /// The form in which an identifier of a namespace is compared; nothing when it is nobody's.
    pub(super) fn normal<'v>(
        &mut self,
        namespace: Namespace,
        value: &'v str,
    ) -> Option<Cow<'v, str>> {
        self.clustering().normaliser(namespace).apply(value)
    }

    /// Why an identifier is nobody's, in words.
    pub(super) fn nobody(&mut self, namespace: &str, received: &str) -> String {
        let number = self.namespace(namespace);
        let normal = self.normal(number, received);
        let rules = self.rules();
        match normal.as_deref().map(|value| rules.blocks(number, value)) {
            Some(Some(pattern)) => {
                format!("{namespace} '{received}' is nobody: the rules of identity block {pattern}")
            }
            _ => format!("{namespace} '{received}' has no form in which it is compared"),
        }
    }

    /// Takes note of a record: its identifiers (namespace and value, normalised) belong to one person. Returns the node
    /// of the first identifier, to which the record attaches, and its profile; nothing when all are nobody's.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn observe<'i>(
        &mut self,
        identifiers: impl Iterator<Item = (&'i str, &'i str)>,
        kind: Kind,
        fact: &Fact<'_>,
    ) -> Result<Option<(NodeId, Ordinal)>> {
        let salt = self.state.salt;
        let mut known: Vec<Normal<'i>> = Vec::new();
        for (namespace, received) in identifiers {
            let number = self.namespace(namespace);
            if let Some(value) = self.normal(number, received) {
                let public = PublicId::of((namespace, &value), &salt);
                known.push(Normal { namespace, number, value, received, public });
            }
        }
        self.observe_known(&known, kind, fact)
    }

    /// `observe` of identifiers that are in the form in which they are compared.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn observe_known<'i>(
        &mut self,
        identifiers: &[Normal<'i>],
        kind: Kind,
        fact: &Fact<'_>,
    ) -> Result<Option<(NodeId, Ordinal)>> {
        let mut unsettled = Unsettled::default();
        let mut anchor: Option<(NodeId, Namespace)> = None;
        let source = fact.record.source;
        // Profiles that begin with this record have nothing that could be told of them.
        let mut born = false;
        for Normal { namespace, number, value, received, public } in identifiers {
            let (namespace, value) = (*namespace, value.as_ref());
            let (number, public) = (*number, *public);
            let found = self.open.nodes.find(&self.state.parts, public)?;
            if found.is_none() && self.rules().blocks(number, value).is_some() {
                continue;
            }
            let node = match (found, anchor) {
                (Some(node), _) => {
                    born |= self.seen(node, number, fact, &mut unsettled)?;
                    node
                }
                (None, None) => {
                    born = true;
                    self.new_node((namespace, value), (number, public), fact)?
                }
                (None, Some(beside)) => {
                    let identifier = ((namespace, value), (number, public));
                    self.new_beside(identifier, (beside, kind), fact, born, &mut unsettled)?
                }
            };
            if value != *received {
                self.open.spellings.note(node, received);
            }
            match anchor {
                None => anchor = Some((node, number)),
                Some((first, _)) if first == node || found.is_none() => {}
                Some((first, of_first)) => {
                    let (nodes, namespaces) = ((first, node), (of_first, number));
                    let claimed = Claimed { nodes, namespaces, kind, source, rule: 0 };
                    self.say(&claimed, &Told::once(fact.time.0, 0));
                    self.follow(&claimed, fact, &mut unsettled)?;
                }
            }
        }
        if !unsettled.seeds.is_empty() {
            self.settle(unsettled, fact)?;
        }
        let Some((node, _)) = anchor else { return Ok(None) };
        Ok(self.open.nodes.label(&self.state.parts, node)?.map(|label| (node, label)))
    }

    /// The number of a namespace, new if need be.
    pub(super) fn namespace(&mut self, name: &str) -> Namespace {
        let known = self.state.catalog.find_namespace(name);
        known.unwrap_or_else(|| Arc::make_mut(&mut self.state.catalog).add_namespace(name))
    }

    /// A new identifier in a profile of its own.
    pub(super) fn new_node(
        &mut self,
        identifier: (&str, &str),
        named: (Namespace, PublicId),
        fact: &Fact<'_>,
    ) -> Result<NodeId> {
        let profile = self.open.profiles.add(self.open.nodes.count());
        Ok(self.open.nodes.add(identifier, named, Some((profile, fact.time))))
    }

    /// A new identifier that is named beside another: in its profile where that is sure.
    fn new_beside(
        &mut self,
        (identifier, (number, public)): ((&str, &str), (Namespace, PublicId)),
        ((first, of_first), kind): ((NodeId, Namespace), Kind),
        fact: &Fact<'_>,
        born: bool,
        unsettled: &mut Unsettled,
    ) -> Result<NodeId> {
        let node = NodeId(self.open.nodes.count());
        let claimed = Claimed {
            nodes: (first, node),
            namespaces: (of_first, number),
            kind,
            source: fact.record.source,
            rule: 0,
        };
        let label = self.open.nodes.label(&self.state.parts, first)?;
        let row = match label {
            Some(label) if !self.state.watched.contains(label.0) => {
                let about = (number, fact.time.0, public);
                let fits = self.counts(&claimed, fact.time.0)? == Some(true)
                    && self.fits_beside(&claimed, label, about)?;
                fits.then_some(label)
            }
            _ => None,
        };
        let Some(label) = row else {
            self.new_node(identifier, (number, public), fact)?;
            self.say(&claimed, &Told::once(fact.time.0, 0));
            self.follow(&claimed, fact, unsettled)?;
            return Ok(node);
        };
        let about = (number, fact.time.0, public);
        let names = self.tell_naming(label, about, (&claimed, born), fact)?;
        self.open.nodes.add(identifier, (number, public), Some((label, fact.time)));
        self.say(&claimed, &Told::once(fact.time.0, 0));
        let rules = self.rules();
        let conditional = barred(claimed.kind, claimed.source, &rules).is_some();
        let mut size = 0;
        self.open.profiles.change(&self.state.parts, PROFILES, label, |row, _| {
            row.members.push(node);
            row.conditional |= conditional;
            if names {
                row.name = Some(node);
            }
            size = row.members.len();
        })?;
        self.watch_if_large(label, size, &rules);
        Ok(node)
    }

    /// A profile that is so large that a cap may be passed within it is looked at more closely from now on.
    pub(super) fn watch_if_large(&mut self, label: Ordinal, size: usize, rules: &Rules) {
        if rules.least_cap().is_some_and(|least| size > least as usize) {
            Arc::make_mut(&mut self.state.watched).insert(label.0);
        }
    }

    /// Takes note that a node was named; says whether its profile begins with that.
    pub(super) fn seen(
        &mut self,
        node: NodeId,
        namespace: Namespace,
        fact: &Fact<'_>,
        unsettled: &mut Unsettled,
    ) -> Result<bool> {
        let parts = &self.state.parts;
        let cause = || Cause::node(Because::SeenEarlier, node, namespace, fact.record.source);
        let Some(label) = self.open.nodes.label(parts, node)? else {
            // Only evidence spoke of it so far.
            self.open.nodes.seen_at(parts, node, fact.time)?;
            self.known.seen(node);
            let profile = self.open.profiles.add(node.0);
            self.open.nodes.set_label(node, profile);
            unsettled.add([node], cause());
            return Ok(true);
        };
        if !self.open.nodes.seen_at(parts, node, fact.time)? {
            return Ok(false);
        }
        self.known.seen(node);
        let name = self.open.profiles.name(parts, PROFILES, label)?;
        if let Some(name) = name.filter(|name| *name != node) {
            let (old, new) = (self.naming_key(name)?, self.naming_key(node)?);
            if new < old {
                self.tell_renamed((old.2, new.2), cause(), node, fact)?;
                self.open.profiles.change(&self.state.parts, PROFILES, label, |row, _| {
                    row.name = Some(node);
                })?;
            }
        }
        if self.rules().limited_by_time(namespace) {
            unsettled.add([node], cause());
        }
        Ok(false)
    }

    /// Writes down what was said, at both nodes.
    pub(super) fn say(&mut self, claimed: &Claimed, told: &Told) {
        let (left, right) = claimed.keys();
        for key in [left, right] {
            self.open.edges.say(key, told);
            self.known.said(key.node());
        }
    }

    /// Whether evidence that is said at a time counts: nothing when that cannot be said without judging anew.
    fn counts(&mut self, claimed: &Claimed, time: i64) -> Result<Option<bool>> {
        let rules = self.rules();
        let ((left, right), (of_left, of_right)) = (claimed.nodes, claimed.namespaces);
        if !rules.may_link(claimed.source, claimed.namespaces, claimed.kind) {
            return Ok(Some(false));
        }
        let crowded = &self.state.crowded;
        // No cap concerns what a person decided.
        if claimed.kind != Kind::ManualLink
            && !crowded.is_empty()
            && (crowded.contains(&(left, of_right)) || crowded.contains(&(right, of_left)))
        {
            return Ok(Some(false));
        }
        if !self.retracted.contains(left.0) && !self.retracted.contains(right.0) {
            return Ok(Some(true));
        }
        for (node, other) in [(left, right), (right, left)] {
            let range = EdgeKey::retractions(node);
            let rows = edges_in(&self.state.parts, Some(&self.open.edges), &range)?;
            let concerns =
                |key: EdgeKey| key.other() == other || key.kind() == Some(Kind::NodeUntil);
            if rows.iter().any(|row| concerns(row.key) && row.told.last >= time) {
                return Ok(None);
            }
        }
        let key = claimed.keys().0.0;
        let known = edges_in(&self.state.parts, Some(&self.open.edges), &(key..key + 1))?;
        Ok(if known.iter().any(|edge| edge.told.withdrawn) { None } else { Some(true) })
    }

    /// Whether evidence that does not count, since one of its nodes has too many neighbours, gives the other too many.
    fn crowds(&mut self, claimed: &Claimed) -> Result<bool> {
        let rules = self.rules();
        if !rules.may_link(claimed.source, claimed.namespaces, claimed.kind) {
            return Ok(false);
        }
        let ((left, right), (of_left, of_right)) = (claimed.nodes, claimed.namespaces);
        for (node, own, neighbour) in [(left, of_left, of_right), (right, of_right, of_left)] {
            let Some(most) = rules.cap(own, neighbour) else { continue };
            if self.state.crowded.contains(&(node, neighbour)) {
                continue;
            }
            let group = EdgeKey::group(node, neighbour);
            let edges = edges_in(&self.state.parts, Some(&self.open.edges), &group)?;
            let others: BTreeSet<NodeId> = edges.iter().map(|edge| edge.key.other()).collect();
            if others.len() > most as usize {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether two profiles, which nothing but plain links touches, may be one: no limit and no cap is passed, and not
    /// both are known where that matters.
    fn fits(&mut self, claimed: &Claimed, (left, right): (Ordinal, Ordinal)) -> Result<bool> {
        let rules = self.rules();
        let parts = &self.state.parts;
        self.open.profiles.fetch(parts, PROFILES, left)?;
        self.open.profiles.fetch(parts, PROFILES, right)?;
        let left = self.open.profiles.look(parts, PROFILES, left)?;
        let right = self.open.profiles.look(parts, PROFILES, right)?;
        let conditional = left.conditional || right.conditional;
        let size = left.members.len() + right.members.len();
        let room = Room { rules: &rules, claimed, size, conditional };
        let members = left.members.iter().chain(&right.members);
        let about = |node: &NodeId| self.open.nodes.about(parts, *node);
        room.has(members.map(about))
    }

    /// The same for a new identifier that goes into a profile.
    fn fits_beside(
        &mut self,
        claimed: &Claimed,
        label: Ordinal,
        new: (Namespace, i64, PublicId),
    ) -> Result<bool> {
        let rules = self.rules();
        let parts = &self.state.parts;
        self.open.profiles.fetch(parts, PROFILES, label)?;
        let row = self.open.profiles.look(parts, PROFILES, label)?;
        let (size, conditional) = (row.members.len() + 1, row.conditional);
        let room = Room { rules: &rules, claimed, size, conditional };
        let members = row.members.iter().map(|node| self.open.nodes.about(parts, *node));
        room.has(members.chain([Ok(new)]))
    }

    /// Follows evidence that was noted: joins two profiles where that is sure, or leaves it to be judged.
    pub(super) fn follow(
        &mut self,
        claimed: &Claimed,
        fact: &Fact<'_>,
        unsettled: &mut Unsettled,
    ) -> Result<()> {
        let parts = &self.state.parts;
        let (first, node) = claimed.nodes;
        let labels = (self.open.nodes.label(parts, first)?, self.open.nodes.label(parts, node)?);
        let judge = [first, node];
        let (Some(left), Some(right)) = labels else {
            unsettled.add(judge, claimed.cause(Because::Said));
            return Ok(());
        };
        let watched = &self.state.watched;
        let plain =
            !(claimed.kind.scored() || watched.contains(left.0) || watched.contains(right.0));
        if plain && left == right {
            return Ok(());
        }
        match self.counts(claimed, fact.time.0)? {
            Some(false) => {
                if self.crowds(claimed)? {
                    unsettled.add(judge, claimed.cause(Because::Said));
                }
                return Ok(());
            }
            Some(true) if plain && self.fits(claimed, (left, right))? => {
                return self.join((left, right), claimed, fact);
            }
            _ => {}
        }
        unsettled.add(judge, claimed.cause(Because::Said));
        Ok(())
    }

    /// Joins two profiles: the one with fewer nodes goes into the other.
    fn join(
        &mut self,
        (left, right): (Ordinal, Ordinal),
        claimed: &Claimed,
        fact: &Fact<'_>,
    ) -> Result<()> {
        let look = |label| {
            let row = self.open.profiles.look(&self.state.parts, PROFILES, label)?;
            Ok((row.members.len(), row.name))
        };
        let ((left_size, left_name), (right_size, right_name)) = (look(left)?, look(right)?);
        let swap = (left_size, Reverse(left)) < (right_size, Reverse(right));
        let (kept, gone) = if swap { (right, left) } else { (left, right) };
        let name = self.tell_joined((left_name, right_name), claimed, fact)?;
        let rules = self.rules();
        let conditional = barred(claimed.kind, claimed.source, &rules).is_some();
        let moved = self.open.profiles.take(&self.state.parts, PROFILES, gone)?;
        for node in &moved.members {
            self.open.nodes.set_label(*node, kept);
        }
        let catalog = &self.state.catalog;
        let mut size = 0;
        self.open.profiles.change(&self.state.parts, PROFILES, kept, |row, changed| {
            row.members.extend(&moved.members);
            row.name = name;
            row.conditional |= moved.conditional || conditional;
            row.tell_all(moved.traits, catalog.traits(), catalog, changed);
            size = row.members.len();
        })?;
        Arc::make_mut(&mut self.state.dead).insert(gone.0);
        self.watch_if_large(kept, size, &rules);
        Ok(())
    }

    /// What decides whether a node names its profile.
    pub(super) fn naming_key(&mut self, node: NodeId) -> Result<NamingKey> {
        let rules = self.rules();
        Ok(naming_key(self.about(node)?, &rules))
    }
}
