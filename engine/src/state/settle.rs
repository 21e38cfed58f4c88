//! What must be judged anew: whole components, by all that was ever said of them.
//!
//! *Invariants:* a profile is a cluster that a fold from scratch would find; what is known of it is what was said of
//! its members, so that after a split each side has exactly what it would have had alone. *Where to start reading:*
//! `Fold::settle`.

use super::apply::Fact;
use super::clustering::naming_key;
use super::opened::OpenedParts;
use super::people::Unsettled;
use super::{FACTS, Fold, PROFILES, State};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, SourceId};
use crate::base::tagged::Told;
use crate::column::Near;
use crate::event::TableView;
use crate::identity::{
    Cause, Change, Changed, Cluster, Component, Edge, EdgeKey, EdgeRange, EvidenceId, Grounds,
    Namespace, NamingKey, PublicId, RuleId, Rules, edges_in,
};
use crate::profile::{GoldenRow, RowTrait, Winner};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Grounds for Fold {
    fn about(&self, node: NodeId) -> Result<(Namespace, i64, PublicId)> {
        self.known.about(node, || self.open.nodes.about(&self.state.parts, node))
    }

    fn content(&self, node: NodeId) -> Result<Digest128> {
        self.known.content(node, || {
            let value = self.open.nodes.value(&self.state.parts, node)?;
            Ok(self.state.content(self.about(node)?.0, &value))
        })
    }

    fn id(&self, key: EdgeKey, make: impl FnOnce() -> Result<EvidenceId>) -> Result<EvidenceId> {
        self.known.id(key, make)
    }

    fn edges(&self, range: &EdgeRange) -> Result<Vec<Edge>> {
        edges_in(&self.state.parts, Some(&self.open.edges), range)
    }

    fn all_edges(&self, node: NodeId) -> Result<Arc<[Edge]>> {
        self.known.edges(node, || self.edges(&EdgeKey::all(node)))
    }

    fn is_capped(&self, node: NodeId, namespace: Namespace) -> bool {
        self.state.crowded.contains(&(node, namespace))
    }

    fn capped(&self, node: NodeId) -> Vec<Namespace> {
        self.state.capped(node)
    }

    fn profile(&self, node: NodeId) -> Result<Option<Ordinal>> {
        self.open.nodes.label(&self.state.parts, node)
    }

    fn members(&self, label: Ordinal) -> Result<Vec<NodeId>> {
        Ok(self.open.profiles.look(&self.state.parts, PROFILES, label)?.members.clone())
    }

    fn expect(&self, nodes: &[NodeId]) -> Result<()> {
        let unknown = |node: &&NodeId| !self.known.has_edges(**node);
        let unknown: Vec<NodeId> = nodes.iter().take(TOGETHER).filter(unknown).copied().collect();
        for node in &unknown {
            self.open.nodes.bring_near(*node);
            self.open.nodes.bring_value_near(*node, Near::Place);
        }
        self.open.edges.bring_near(&unknown)?;
        unknown.iter().for_each(|node| self.open.nodes.bring_value_near(*node, Near::Bytes));
        Ok(())
    }

    fn retracts(&self, node: NodeId) -> bool {
        self.retracted.contains(node.0)
    }

    fn source(&self, source: SourceId) -> &str {
        self.state.catalog.source_name(source)
    }

    fn rule(&self, rule: RuleId) -> &str {
        self.state.catalog.rule_name(rule)
    }
}

/// Nodes whose memory is asked for at once, at most.
const TOGETHER: usize = 64;

/// A cluster with what becomes of it.
struct Settled {
    cluster: Cluster,
    /// The profiles that its members are of.
    from: BTreeSet<Ordinal>,
    /// The profile that it is.
    label: Ordinal,
    /// Its row; nothing when the one that it has stays.
    row: Option<GoldenRow>,
}

/// What was said of identifiers, in parts.
struct FactsTable {
    table: TableView,
    opened: Arc<OpenedParts>,
}

impl FactsTable {
    fn new(state: &State) -> FactsTable {
        let opened = state.opened();
        let tables = opened.opened.iter().filter_map(|part| part.table(FACTS, &[]));
        FactsTable { table: TableView::of(tables.collect()), opened }
    }

    fn check(&self) -> Result<()> {
        self.opened.opened.iter().try_for_each(|part| part.faults.check())
    }
}

impl Fold {
    /// Judges all that some nodes depend on anew, and brings profiles up to date.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn settle(&mut self, unsettled: Unsettled, fact: &Fact<'_>) -> Result<()> {
        let Some(cause) = unsettled.cause else { return Ok(()) };
        let rules = self.rules();
        for seed in &unsettled.seeds {
            // All members of these will be looked at, each with its profile.
            if let Some(label) = self.open.nodes.label(&self.state.parts, *seed)? {
                self.open.profiles.fetch(&self.state.parts, PROFILES, label)?;
            }
        }
        let component = Component::gather(self, &rules, unsettled.seeds)?;
        for (node, namespace) in component.crowded.keys() {
            if !self.state.crowded.contains(&(*node, *namespace)) {
                Arc::make_mut(&mut self.state.crowded).insert((*node, *namespace));
            }
        }
        let clusters = component.clusters(&rules);
        let mut before: BTreeMap<Ordinal, GoldenRow> = BTreeMap::new();
        for node in clusters.iter().flat_map(|cluster| &cluster.members) {
            let Some(label) = component.profile_of(*node) else { continue };
            if let std::collections::btree_map::Entry::Vacant(place) = before.entry(label) {
                place.insert(self.open.profiles.get(&self.state.parts, PROFILES, label)?);
            }
        }
        let settled = self.assign(clusters, &component, &before)?;
        self.tell_settled(&settled, &component, &before, (cause, fact))?;
        self.put_settled(settled, &component, before, &rules)
    }

    /// Which profile each cluster is: that of most of its members, the largest cluster choosing first; or a new one.
    fn assign(
        &mut self,
        mut clusters: Vec<Cluster>,
        component: &Component,
        before: &BTreeMap<Ordinal, GoldenRow>,
    ) -> Result<Vec<Settled>> {
        clusters.sort_by_key(|c| (std::cmp::Reverse(c.members.len()), c.members.first().copied()));
        let mut taken = BTreeSet::new();
        let facts = OnceCell::new();
        let mut settled = Vec::with_capacity(clusters.len());
        for cluster in clusters {
            let mut counts: BTreeMap<Ordinal, usize> = BTreeMap::new();
            for label in cluster.members.iter().filter_map(|node| component.profile_of(*node)) {
                *counts.entry(label).or_default() += 1;
            }
            let free = counts.iter().filter(|(label, _)| !taken.contains(*label));
            let most = free.max_by_key(|(label, count)| (**count, std::cmp::Reverse(**label)));
            let whole = counts.iter().all(|(label, count)| {
                before.get(label).is_some_and(|row| row.members.len() == *count)
            });
            let label = match most {
                Some((label, _)) => *label,
                None => {
                    let first = cluster.members.first().map_or(0, |node| node.0);
                    self.open.profiles.add(first)
                }
            };
            taken.insert(label);
            let from: BTreeSet<Ordinal> = counts.into_keys().collect();
            let same = whole && from.len() == 1 && from.contains(&label);
            let mut row = if same {
                None
            } else if whole {
                Some(self.united(&cluster, label, &from, before))
            } else {
                let facts = facts.get_or_init(|| FactsTable::new(&self.state));
                Some(self.told_of(&cluster, facts)?)
            };
            if let Some(row) = &mut row {
                row.name = self.naming_in(component, &row.members)?.map(|(_, node)| node);
            }
            settled.push(Settled { cluster, from, label, row });
        }
        Ok(settled)
    }

    /// The row of several whole profiles that are one.
    fn united(
        &self,
        cluster: &Cluster,
        label: Ordinal,
        from: &BTreeSet<Ordinal>,
        before: &BTreeMap<Ordinal, GoldenRow>,
    ) -> GoldenRow {
        let catalog = &self.state.catalog;
        let mut row = before.get(&label).cloned().unwrap_or_default();
        row.members.clone_from(&cluster.members);
        for other in from.iter().filter(|other| **other != label) {
            let traits = before.get(other).map(|row| row.traits.clone()).unwrap_or_default();
            row.tell_all(traits, catalog.traits(), catalog, &mut Vec::new());
        }
        row
    }

    /// The row of a cluster by what was said of its members.
    fn told_of(&self, cluster: &Cluster, facts: &FactsTable) -> Result<GoldenRow> {
        let catalog = &self.state.catalog;
        let mut row = GoldenRow { members: cluster.members.clone(), ..GoldenRow::default() };
        let mut tell = |winner: Winner, bytes: &[u8]| -> Result<()> {
            let Told(told) = codec::decode_row(bytes)?;
            let facts =
                told.into_iter().map(|(number, value)| RowTrait::told(number, value, winner));
            row.tell_record(facts.collect(), catalog.traits(), catalog, &mut Vec::new());
            Ok(())
        };
        for node in &cluster.members {
            for part in facts.table.parts() {
                for at in part.rows_of(*node) {
                    let (time, dated) = (part.time(at), part.dated(at));
                    let (source, position) = (part.source(at), part.position(at));
                    tell(Winner { time, dated, source, position }, part.bytes(at))?;
                }
            }
            for at in self.open.facts.rows_of(*node) {
                if let Some((time, dated, source, position)) = self.open.facts.head(at) {
                    let winner = Winner { time, dated, source, position };
                    tell(winner, self.open.facts.bytes(at))?;
                }
            }
        }
        facts.check().map(|()| row)
    }

    /// Tells what became of profiles: those that share members, before and after, are one change.
    fn tell_settled(
        &mut self,
        settled: &[Settled],
        component: &Component,
        before: &BTreeMap<Ordinal, GoldenRow>,
        (cause, fact): (Cause, &Fact<'_>),
    ) -> Result<()> {
        let mut rest: Vec<&Settled> = settled.iter().filter(|one| one.row.is_some()).collect();
        while let Some(first) = rest.pop() {
            let (mut old, mut new) = (first.from.clone(), vec![first]);
            loop {
                let (shared, apart): (Vec<&Settled>, Vec<&Settled>) =
                    rest.iter().partition(|one| !one.from.is_disjoint(&old));
                rest = apart;
                if shared.is_empty() {
                    break;
                }
                old.extend(shared.iter().flat_map(|one| one.from.iter().copied()));
                new.extend(shared);
            }
            let mut olds = Vec::new();
            let mut nodes = Vec::new();
            for row in old.iter().filter_map(|label| before.get(label)) {
                olds.extend(self.naming_in(component, &row.members)?.map(|(key, _)| key.2));
                nodes.extend(row.members.first().copied());
            }
            let mut news = Vec::new();
            for one in &new {
                news.extend(self.naming_in(component, &one.cluster.members)?.map(|(key, _)| key.2));
                nodes.extend(one.cluster.members.first().copied());
            }
            olds.sort_unstable();
            news.sort_unstable();
            if olds != news {
                let change = Change::of(olds.len(), news.len());
                self.tell(&Changed { change, old: olds, new: news, cause }, nodes, fact)?;
            }
        }
        Ok(())
    }

    /// What names a profile of nodes that were judged.
    fn naming_in(
        &mut self,
        component: &Component,
        members: &[NodeId],
    ) -> Result<Option<(NamingKey, NodeId)>> {
        let rules = self.rules();
        let mut least = None;
        for node in members {
            let about = component.about(*node).map_or_else(|| self.about(*node), Ok)?;
            let key = naming_key(about, &rules);
            if least.is_none_or(|(known, _)| key < known) {
                least = Some((key, *node));
            }
        }
        Ok(least)
    }

    fn put_settled(
        &mut self,
        settled: Vec<Settled>,
        component: &Component,
        before: BTreeMap<Ordinal, GoldenRow>,
        rules: &Rules,
    ) -> Result<()> {
        let kept: BTreeSet<Ordinal> = settled.iter().map(|one| one.label).collect();
        for gone in before.keys().filter(|label| !kept.contains(*label)) {
            self.open.profiles.take(&self.state.parts, PROFILES, *gone)?;
            Arc::make_mut(&mut self.state.dead).insert(gone.0);
            if self.state.watched.contains(gone.0) {
                Arc::make_mut(&mut self.state.watched).remove(gone.0);
            }
        }
        for Settled { cluster, label, row, .. } in settled {
            for node in &cluster.members {
                if component.profile_of(*node) != Some(label) {
                    self.open.nodes.set_label(*node, label);
                }
            }
            let conditional = cluster.conditional;
            let known = before.get(&label);
            if row.is_some() || known.is_some_and(|known| known.conditional != conditional) {
                self.open.profiles.change(
                    &self.state.parts,
                    PROFILES,
                    label,
                    |place, changed| {
                        if let Some(row) = row {
                            let was = place.traits.iter().map(|known| known.number);
                            changed.extend(was.chain(row.traits.iter().map(|known| known.number)));
                            *place = row;
                        }
                        place.conditional = conditional;
                    },
                )?;
            }
            let large =
                rules.least_cap().is_some_and(|least| cluster.members.len() > least as usize);
            let watched = cluster.contested || large;
            if self.state.watched.contains(label.0) != watched {
                let all = Arc::make_mut(&mut self.state.watched);
                let _ = if watched { all.insert(label.0) } else { all.remove(label.0) };
            }
        }
        Ok(())
    }
}
