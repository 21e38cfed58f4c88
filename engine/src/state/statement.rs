//! Statements of identifiers: what people and matchers decide, and what is taken back.
//!
//! *Invariants:* a statement is evidence, or a retraction that lies beside evidence, and comes before or after what it
//! speaks of with the same end. Identifiers that only a retraction or a cannot-link names belong to nobody until a
//! record names them. *Where to start reading:* `Fold::apply_statement`.

use super::apply::Fact;
use super::people::{Claimed, Unsettled};
use super::{Fold, QuarantineKind};
use crate::base::error::Result;
use crate::base::ids::{NodeId, SourceId};
use crate::base::time::Timestamp;
use crate::entry::Row;
use crate::identity::{Because, Cause, EdgeKey, Kind, Namespace, PublicId, RuleId, Told, edges_in};
use crate::record::{Decoded, Evidence, Household, Identifier, Statement};
use std::borrow::Cow;
use std::sync::Arc;

/// The kind of evidence that a statement speaks of.
fn kind_of(evidence: Evidence) -> Kind {
    match evidence {
        Evidence::Deterministic => Kind::Deterministic,
        Evidence::Alias => Kind::Alias,
        Evidence::Fuzzy => Kind::Fuzzy,
        Evidence::Behavioural => Kind::Behavioural,
        Evidence::Manual => Kind::ManualLink,
        Evidence::Forbidden => Kind::CannotLink,
    }
}

/// The kind of what is said of households, and the time that it is kept with.
fn of_household(said: Household, time: Timestamp) -> (Kind, Timestamp) {
    match said {
        Household::Link => (Kind::HouseholdLink, time),
        Household::Forbid => (Kind::HouseholdForbid, time),
        Household::Unlink(until) => (Kind::HouseholdUntil, until.unwrap_or(time)),
    }
}

impl Fold {
    /// Takes in what a record says of identifiers.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub(super) fn apply_statement(
        &mut self,
        fact: &Fact<'_>,
        row: &Row,
        record: &Decoded,
        statement: &Statement,
    ) -> Result<()> {
        let identifiers = self.normal_pair(&record.identifiers);
        let identifiers = match identifiers.and_then(|pair| self.sourced(statement).map(|()| pair))
        {
            Ok(identifiers) => identifiers,
            Err(reason) => {
                return self.reject_record(fact, QuarantineKind::Record, None, row, reason);
            }
        };
        let mut unsettled = Unsettled::default();
        let names = matches!(statement, Statement::Link { .. });
        let nodes = self.all_spoken_of(&identifiers, record, names, fact, &mut unsettled)?;
        *Arc::make_mut(&mut self.state.records).entry(fact.record.source).or_default() += 1;
        let source = fact.record.source;
        match (statement, nodes.as_slice()) {
            (Statement::Link { evidence, strength, rule }, [left, right]) => {
                let by = (source, self.rule_number(rule));
                let claimed = claimed(*left, *right, kind_of(*evidence), by);
                self.say(&claimed, &Told::once(fact.time.0, *strength));
                self.follow(&claimed, fact, &mut unsettled)?;
            }
            (Statement::Propose { strength, rule }, [left, right]) => {
                let by = (source, self.rule_number(rule));
                let claimed = claimed(*left, *right, Kind::Proposed, by);
                self.say(&claimed, &Told::once(fact.time.0, *strength));
            }
            (Statement::Forbid, [left, right]) => {
                let claimed = claimed(*left, *right, Kind::CannotLink, (source, 0));
                self.say(&claimed, &Told::once(fact.time.0, 0));
                unsettled.add([left.0, right.0], claimed.cause(Because::Said));
            }
            (Statement::Unlink(until), [left, right]) => {
                let until = until.unwrap_or(fact.time);
                let claimed = claimed(*left, *right, Kind::PairUntil, (SourceId(0), 0));
                self.say(&claimed, &Told::once(until.0, 0));
                self.note_retraction([left.0, right.0]);
                self.recount((left.0, right.1), (right.0, left.1));
                unsettled.add([left.0, right.0], claimed.cause(Because::Retracted));
            }
            (Statement::Retire(until), [node]) => {
                let until = until.unwrap_or(fact.time);
                self.retire(*node, until.0, source, &mut unsettled)?;
            }
            (Statement::Household(said), [left, right]) => {
                let (kind, time) = of_household(*said, fact.time);
                self.say(&claimed(*left, *right, kind, (source, 0)), &Told::once(time.0, 0));
                self.state.counts.households += 1;
            }
            (Statement::Withdraw { evidence, source: by, rule }, [left, right]) => {
                let Some(by) = self.state.catalog.find_source(by) else { return Ok(()) };
                let by = (by, self.rule_number(rule));
                let claimed = claimed(*left, *right, kind_of(*evidence), by);
                self.say(&claimed, &Told::withdrawn());
                self.note_retraction([left.0, right.0]);
                self.recount((left.0, right.1), (right.0, left.1));
                unsettled.add([left.0, right.0], claimed.cause(Because::Retracted));
            }
            _ => {}
        }
        if unsettled.seeds.is_empty() { Ok(()) } else { self.settle(unsettled, fact) }
    }

    /// Why what a statement withdraws cannot be looked for: nobody of that name said anything yet. They may one day;
    /// but evidence is kept by the numbers of sources, and this one has none yet.
    fn sourced(&self, statement: &Statement) -> std::result::Result<(), String> {
        match statement {
            Statement::Withdraw { source, .. }
                if self.state.catalog.find_source(source).is_none() =>
            {
                Err(format!("there is no source '{source}'; `nave stats` lists the sources"))
            }
            _ => Ok(()),
        }
    }

    /// The nodes of the identifiers of a statement, which of a link are known as received, too.
    fn all_spoken_of(
        &mut self,
        identifiers: &[Identifier],
        record: &Decoded,
        names: bool,
        fact: &Fact<'_>,
        unsettled: &mut Unsettled,
    ) -> Result<Vec<(NodeId, Namespace)>> {
        let mut nodes = Vec::with_capacity(2);
        for (identifier, received) in identifiers.iter().zip(&record.identifiers) {
            let (node, namespace) = self.spoken_of(identifier, names, fact, unsettled)?;
            if names && identifier.value != received.value {
                self.open.spellings.note(node, &received.value);
            }
            nodes.push((node, namespace));
        }
        Ok(nodes)
    }

    /// The identifiers of a statement in the form in which they are compared, or why they are none.
    fn normal_pair(
        &mut self,
        received: &[Identifier],
    ) -> std::result::Result<Vec<Identifier>, String> {
        let mut identifiers = Vec::with_capacity(2);
        for Identifier { namespace, value } in received {
            let number = self.namespace(namespace);
            let normal = self.normal(number, value).map(Cow::into_owned);
            let normal = normal.filter(|value| self.rules().blocks(number, value).is_none());
            let normal = normal.ok_or_else(|| self.nobody(namespace, value))?;
            identifiers.push(Identifier { namespace: namespace.clone(), value: normal });
        }
        if identifiers.first() == identifiers.get(1) {
            let same = "both identifiers are the same in the form in which they are compared";
            return Err(same.to_owned());
        }
        Ok(identifiers)
    }

    fn rule_number(&mut self, name: &str) -> RuleId {
        if name.is_empty() {
            return 0;
        }
        // Rules beyond the numbers that there are share one.
        Arc::make_mut(&mut self.state.catalog).rule_number(name).unwrap_or(RuleId::MAX)
    }

    /// The node of an identifier that a statement names: somebody's, when the statement says that it is one.
    fn spoken_of(
        &mut self,
        identifier: &Identifier,
        names: bool,
        fact: &Fact<'_>,
        unsettled: &mut Unsettled,
    ) -> Result<(NodeId, Namespace)> {
        let Identifier { namespace, value } = identifier;
        let public = PublicId::of((namespace, value), &self.state.salt);
        let number = self.namespace(namespace);
        let named = (namespace.as_str(), value.as_str());
        let node = match (self.open.nodes.find(&self.state.parts, public)?, names) {
            (Some(node), true) => {
                self.seen(node, number, fact, unsettled)?;
                node
            }
            (Some(node), false) => node,
            (None, true) => self.new_node(named, (number, public), fact)?,
            (None, false) => self.open.nodes.add(named, (number, public), None),
        };
        Ok((node, number))
    }

    /// Lets groups of neighbours be counted again, where there were too many.
    fn recount(&mut self, left: (NodeId, Namespace), right: (NodeId, Namespace)) {
        for group in [left, right] {
            if self.state.crowded.contains(&group) {
                Arc::make_mut(&mut self.state.crowded).remove(&group);
            }
        }
    }

    fn note_retraction(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        self.state.counts.retractions += 1;
        self.retracted.extend(nodes.into_iter().map(|node| node.0));
    }

    /// From a time on an identifier is somebody else's.
    fn retire(
        &mut self,
        (node, namespace): (NodeId, Namespace),
        until: i64,
        source: SourceId,
        unsettled: &mut Unsettled,
    ) -> Result<()> {
        let key = EdgeKey::new(node, (node, namespace), Kind::NodeUntil, (SourceId(0), 0));
        self.open.edges.say(key, &Told::once(until, 0));
        self.known.said(node);
        self.note_retraction([node]);
        let cause = Cause::node(Because::Retracted, node, namespace, source);
        unsettled.add([node], cause);
        let capped = self.state.capped(node);
        let all = EdgeKey::all(node);
        for edge in edges_in(&self.state.parts, Some(&self.open.edges), &all)? {
            let group = (edge.key.other(), namespace);
            let crowded = self.state.crowded.contains(&group);
            if crowded {
                Arc::make_mut(&mut self.state.crowded).remove(&group);
            }
            // Without this evidence there may be little enough of it beside the other for scores to count there.
            if crowded || !capped.contains(&edge.key.namespace()) {
                unsettled.add([group.0], cause);
            }
        }
        for neighbour in capped {
            Arc::make_mut(&mut self.state.crowded).remove(&(node, neighbour));
        }
        Ok(())
    }
}

/// Evidence of two nodes.
fn claimed(
    left: (NodeId, Namespace),
    right: (NodeId, Namespace),
    kind: Kind,
    (source, rule): (SourceId, RuleId),
) -> Claimed {
    Claimed { nodes: (left.0, right.0), namespaces: (left.1, right.1), kind, source, rule }
}
