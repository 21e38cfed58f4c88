//! A component: identifiers that evidence holds together before any rule on profiles, and what the rules make of them.
//!
//! *Why it is right:* all evidence that may touch the clusters of the seeds is gathered, profile by profile and link by
//! link, and judged from scratch by `admit`. Nothing of what was judged before enters, so what is kept up to date piece
//! by piece equals what a fold of the same evidence gives. *Where to start reading:* `Component::gather`.

use super::admit::{Claim, Forbidden, Member, Reason, Standing, Task, Verdict, admit};
use super::edge::{Edge, Told, node_until, pair_until};
use super::evidence::{EdgeKey, EvidenceId, Kind, Namespace, OrderKey};
use super::grounds::Grounds;
use super::node::PublicId;
use super::rules::{Held, Rules};
use crate::base::codec::NumberMap;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, SourceId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What became of a link, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It joined two clusters.
    Joined,
    /// It was admitted, and joined what was one already.
    Redundant,
    /// A profile would hold too many identifiers of a namespace.
    OverLimit(Held),
    /// Two members were said not to be one, by the link of that number.
    CannotLink(u32),
    /// Its source may not join two known profiles.
    Untrusted,
    /// A score may not join two known profiles.
    Score,
    /// There is too much evidence in its component for its tier to count.
    Suspended,
    /// A node has too many neighbours of a namespace.
    Capped(NodeId, Namespace),
    /// Its source may not link these namespaces.
    NotAllowed,
    /// It was retracted by its id.
    Withdrawn,
    /// What was said of the pair, or of one of its nodes, up to a time was retracted.
    Retracted(i64),
    /// It says what cannot be.
    Forbids,
    /// It waits for a person to decide.
    Proposed,
}

impl Fate {
    /// Whether it holds a profile together.
    pub fn admitted(self) -> bool {
        matches!(self, Fate::Joined | Fate::Redundant)
    }

    /// Whether a rule on profiles keeps it from counting: other evidence may change that.
    fn contested(self) -> bool {
        use Fate::{CannotLink, OverLimit, Score, Suspended, Untrusted};
        matches!(self, OverLimit(_) | CannotLink(_) | Untrusted | Score | Suspended)
    }

    /// Whether it was said, lives, and neither cap nor source keeps it from counting.
    fn counts(self) -> bool {
        self.admitted() || self.contested()
    }
}

/// Evidence between two nodes, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its place at the node with the smaller number.
    pub key: EdgeKey,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: EvidenceId,
    /// How often and when it was said.
    pub told: Told,
    /// Since when it counts: later than it was first said when the beginning is retracted.
    pub since: i64,
    /// What became of it.
    pub fate: Fate,
}

impl Link {
    /// The two nodes, the smaller number first.
    pub fn nodes(&self) -> (NodeId, NodeId) {
        (self.key.node(), self.key.other())
    }

    /// Its place in the order of admission.
    pub fn order(&self) -> OrderKey {
        OrderKey::new(self.kind, self.told.strength, self.since, self.id)
    }
}

/// A cluster: the identifiers of one profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Its nodes, in order.
    pub members: Vec<NodeId>,
    /// Whether evidence beyond plain, trusted and admitted links touches it, so that what comes next must be judged
    /// with all of it.
    pub contested: bool,
    /// Whether evidence that may not join two known profiles holds it together.
    pub conditional: bool,
}

/// A node that must be looked at, with its profile where it is known as one of its members.
type Queued = (NodeId, Option<Ordinal>);

/// What is known of a node of the component.
#[derive(Debug)]
struct Seen {
    namespace: Namespace,
    first: i64,
    public: PublicId,
    /// The profile that it is of.
    profile: Option<Ordinal>,
    /// Up to when all that links it is retracted.
    until: Option<i64>,
    edges: Arc<[Edge]>,
}

/// A component, or several, judged.
#[derive(Debug, Default)]
pub struct Component {
    nodes: Vec<NodeId>,
    seen: Vec<Seen>,
    places: NumberMap<NodeId, u32>,
    /// The profiles of the nodes.
    profiles: NumberMap<Ordinal, ()>,
    /// Evidence of the nodes, and what became of it.
    pub links: Vec<Link>,
    /// Nodes that were found to have too many neighbours of a namespace, and how many there are.
    pub crowded: BTreeMap<(NodeId, Namespace), u32>,
    verdict: Verdict,
    /// Up to when all that links a node is retracted, of those that were asked about.
    untils: NumberMap<NodeId, Option<i64>>,
}

impl Component {
    /// Gathers all that the clusters of some nodes depend on, and judges it.
    ///
    /// # Errors
    /// `Corrupt` when something cannot be read.
    pub fn gather(
        grounds: &impl Grounds,
        rules: &Rules,
        seeds: impl IntoIterator<Item = NodeId>,
    ) -> Result<Component> {
        let mut component = Component::default();
        let mut queue: Vec<Queued> = seeds.into_iter().map(|seed| (seed, None)).collect();
        while let Some(queued) = queue.pop() {
            if !component.places.contains_key(&queued.0) {
                component.visit(grounds, rules, queued, &mut queue)?;
            }
        }
        component.link(grounds, rules)?;
        component.judge(rules);
        Ok(component)
    }

    /// Reads what was said of a node, and finds who must be looked at beside it.
    fn visit(
        &mut self,
        grounds: &impl Grounds,
        rules: &Rules,
        (node, profile): Queued,
        queue: &mut Vec<Queued>,
    ) -> Result<()> {
        let (namespace, first, public) = grounds.about(node)?;
        let capped = grounds.capped(node);
        let edges = edges_beside(grounds, node, &capped)?;
        let until = node_until(&edges);
        if until.is_some() {
            self.untils.insert(node, until);
        }
        let profile = profile.map_or_else(|| grounds.profile(node), |known| Ok(Some(known)))?;
        // The members of a profile are many and each of them leads to it: once is enough.
        if let Some(profile) = profile
            && self.profiles.insert(profile, ()).is_none()
        {
            let members = grounds.members(profile)?;
            grounds.expect(&members)?;
            self.places.reserve(members.len());
            self.nodes.reserve(members.len());
            self.seen.reserve(members.len());
            queue.extend(members.into_iter().map(|member| (member, Some(profile))));
        }
        // Who is beside it, by namespace, and when that was said last.
        let mut beside: Vec<(Namespace, NodeId, i64)> = Vec::new();
        for edge in edges.iter() {
            let (Some(kind), other) = (edge.kind(), edge.key.other()) else { continue };
            if !kind.links() || edge.told.withdrawn {
                continue;
            }
            // Whether the other one is retired is seen when it is visited.
            let retracted = pair_until(&edges, other).max(until);
            let dead = retracted.is_some_and(|until| edge.told.last <= until);
            let source = edge.key.source();
            if dead || !rules.may_link(source, (namespace, edge.key.namespace()), kind) {
                continue;
            }
            if kind == Kind::ManualLink {
                queue.push((other, None));
            } else {
                beside.push((edge.key.namespace(), other, edge.told.last));
            }
        }
        self.follow_beside(grounds, rules, (node, namespace, beside), queue)?;
        let place = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.places.insert(node, place);
        self.nodes.push(node);
        self.seen.push(Seen { namespace, first, public, profile, until, edges });
        Ok(())
    }

    /// Who must be looked at of those beside a node: given by namespace, each with when that was said last.
    fn follow_beside(
        &mut self,
        grounds: &impl Grounds,
        rules: &Rules,
        (node, namespace, mut beside): (NodeId, Namespace, Vec<(Namespace, NodeId, i64)>),
        queue: &mut Vec<Queued>,
    ) -> Result<()> {
        beside
            .sort_unstable_by_key(|(neighbour, other, last)| (*neighbour, *other, Reverse(*last)));
        beside.dedup_by_key(|(neighbour, other, _)| (*neighbour, *other));
        for group in beside.chunk_by(|left, right| left.0 == right.0) {
            let Some((neighbour, ..)) = group.first().copied() else { continue };
            let most = rules.cap(namespace, neighbour);
            let mut others: Vec<NodeId> = group.iter().map(|(_, other, _)| *other).collect();
            if most.is_some_and(|most| others.len() > most as usize) {
                others.clear();
                for (_, other, last) in group {
                    let until = self.until_of(grounds, *other)?;
                    others.extend(until.is_none_or(|until| *last > until).then_some(*other));
                }
            }
            if most.is_some_and(|most| others.len() > most as usize) {
                let count = u32::try_from(others.len()).unwrap_or(u32::MAX);
                self.crowded.insert((node, neighbour), count);
                // Who was held together by it is judged as well.
                queue.extend(others.into_iter().map(|other| (other, None)));
            } else {
                let counts = |other: &NodeId| !grounds.is_capped(*other, namespace);
                let others = others.into_iter().filter(counts);
                queue.extend(others.map(|other| (other, None)));
            }
        }
        Ok(())
    }

    /// Up to when all that links a node is retracted.
    fn until_of(&mut self, grounds: &impl Grounds, node: NodeId) -> Result<Option<i64>> {
        if !grounds.retracts(node) {
            return Ok(None);
        }
        if let Some(until) = self.untils.get(&node) {
            return Ok(*until);
        }
        let until = node_until(&grounds.edges(&EdgeKey::retractions(node))?);
        self.untils.insert(node, until);
        Ok(until)
    }

    /// Makes one link of each piece of evidence, and says of those that do not count why.
    fn link(&mut self, grounds: &impl Grounds, rules: &Rules) -> Result<()> {
        let mut links = Vec::new();
        for other in self.absent() {
            self.until_of(grounds, other)?;
        }
        for (node, seen) in self.nodes.iter().zip(&self.seen) {
            for edge in seen.edges.iter() {
                let (Some(kind), other) = (edge.kind(), edge.key.other()) else { continue };
                if matches!(kind, Kind::PairUntil | Kind::NodeUntil) || kind.of_household() {
                    continue;
                }
                let beside = self.seen_of(other);
                // Evidence between two that are here stands at both.
                if beside.is_some() && other < *node {
                    let skipped =
                        grounds.is_capped(other, seen.namespace) && kind != Kind::ManualLink;
                    if !(skipped && kind.links()) {
                        continue;
                    }
                }
                let key =
                    if *node < other { Some(edge.key) } else { edge.key.turned(seen.namespace) };
                let Some(key) = key else { continue };
                let id = grounds.id(key, || {
                    let contents = (grounds.content(*node)?, grounds.content(other)?);
                    let (source, rule) = (grounds.source(key.source()), grounds.rule(key.rule()));
                    Ok(EvidenceId::of(contents, kind, source, rule))
                })?;
                let retracted = pair_until(&seen.edges, other).max(seen.until);
                let retracted = retracted.max(self.untils.get(&other).copied().flatten());
                let fate = self.inert((*node, seen), edge, kind, retracted, (grounds, rules));
                let after = retracted
                    .filter(|_| kind.links())
                    .map_or(i64::MIN, |until| until.saturating_add(1));
                let since = edge.told.first.max(after);
                let fate = fate.unwrap_or(Fate::Redundant);
                links.push(Link { key, kind, id, told: edge.told, since, fate });
            }
        }
        self.links = links;
        Ok(())
    }

    /// Nodes beside those of the component that evidence would link to them.
    fn absent(&self) -> Vec<NodeId> {
        let edges = self.seen.iter().flat_map(|seen| seen.edges.iter());
        let links = edges.filter(|edge| edge.kind().is_some_and(Kind::links));
        let others = links.map(|edge| edge.key.other());
        others.filter(|other| !self.places.contains_key(other)).collect()
    }

    fn seen_of(&self, node: NodeId) -> Option<&Seen> {
        self.seen.get(*self.places.get(&node)? as usize)
    }

    /// The profile that a node of it is of.
    pub fn profile_of(&self, node: NodeId) -> Option<Ordinal> {
        self.seen_of(node)?.profile
    }

    /// What is known of a node of it, as `Grounds::about` gives it.
    pub fn about(&self, node: NodeId) -> Option<(Namespace, i64, PublicId)> {
        self.seen_of(node).map(|seen| (seen.namespace, seen.first, seen.public))
    }

    /// Why evidence does not count; nothing if it does.
    fn inert(
        &self,
        (node, seen): (NodeId, &Seen),
        edge: &Edge,
        kind: Kind,
        retracted: Option<i64>,
        (grounds, rules): (&impl Grounds, &Rules),
    ) -> Option<Fate> {
        let (other, namespace) = (edge.key.other(), edge.key.namespace());
        if edge.told.withdrawn {
            return Some(Fate::Withdrawn);
        }
        match kind {
            Kind::CannotLink => return Some(Fate::Forbids),
            Kind::Proposed => return Some(Fate::Proposed),
            _ => {}
        }
        if let Some(until) = retracted.filter(|until| edge.told.last <= *until) {
            return Some(Fate::Retracted(until));
        }
        if !rules.may_link(edge.key.source(), (seen.namespace, namespace), kind) {
            return Some(Fate::NotAllowed);
        }
        if kind == Kind::ManualLink {
            return None;
        }
        let capped = |node: NodeId, neighbour: Namespace| {
            let capped =
                self.crowded.contains_key(&(node, neighbour)) || grounds.is_capped(node, neighbour);
            capped.then_some(Fate::Capped(node, neighbour))
        };
        capped(node, namespace).or_else(|| capped(other, seen.namespace))
    }

    fn judge(&mut self, rules: &Rules) {
        let mut task = Task::default();
        for seen in &self.seen {
            task.members.push(Member {
                held: rules.held(seen.namespace, seen.first),
                known: rules.unique(seen.namespace),
            });
        }
        for (number, link) in (0_u32..).zip(&self.links) {
            let (left, right) = link.nodes();
            let places = self.places.get(&left).copied().zip(self.places.get(&right).copied());
            let Some((left, right)) = places else { continue };
            if link.fate == Fate::Forbids {
                task.forbidden.push(Forbidden { left, right, link: number });
            } else if link.fate.counts() {
                let barred = barred(link.kind, link.key.source(), rules);
                let (key, soft) = (link.order(), link.kind.scored());
                task.claims.push(Claim { key, left, right, link: number, soft, barred });
            }
        }
        self.verdict = admit(&mut task, rules.edges_max());
        let reasons: HashMap<u32, Reason> = self.verdict.reasons.iter().copied().collect();
        for (place, claim) in (0_u32..).zip(&task.claims) {
            let standing = self.verdict.standings.get(place as usize);
            let fate = match (standing, reasons.get(&place)) {
                (_, Some(Reason::Limit(held))) => Fate::OverLimit(*held),
                (_, Some(Reason::CannotLink(link))) => Fate::CannotLink(*link),
                (Some(Standing::Forest), _) => Fate::Joined,
                (Some(Standing::Untrusted), _) => Fate::Untrusted,
                (Some(Standing::Score), _) => Fate::Score,
                (Some(Standing::Suspended), _) => Fate::Suspended,
                _ => Fate::Redundant,
            };
            if let Some(link) = self.links.get_mut(claim.link as usize) {
                link.fate = fate;
            }
        }
    }

    /// The clusters, in the order of their least nodes.
    pub fn clusters(&self, rules: &Rules) -> Vec<Cluster> {
        let mut clusters: BTreeMap<u32, Cluster> = BTreeMap::new();
        for ((node, seen), root) in self.nodes.iter().zip(&self.seen).zip(&self.verdict.clusters) {
            if seen.profile.is_some() {
                clusters.entry(*root).or_default().members.push(*node);
            }
        }
        for link in &self.links {
            let (left, right) = link.nodes();
            let soft = link.kind.scored() && link.fate.counts();
            let contested = soft || link.fate.contested() || link.fate == Fate::Forbids;
            let barred = barred(link.kind, link.key.source(), rules).is_some();
            let conditional = link.fate.admitted() && barred;
            if !contested && !conditional {
                continue;
            }
            for node in [left, right] {
                let place =
                    self.places.get(&node).and_then(|p| self.verdict.clusters.get(*p as usize));
                if let Some(cluster) = place.and_then(|root| clusters.get_mut(root)) {
                    cluster.contested |= contested;
                    cluster.conditional |= conditional;
                }
            }
        }
        let mut all: Vec<Cluster> = clusters.into_values().collect();
        all.iter_mut().for_each(|cluster| cluster.members.sort_unstable());
        all.sort_unstable_by_key(|cluster| cluster.members.first().copied());
        all
    }
}

/// What refuses evidence if it would join two known profiles.
pub fn barred(kind: Kind, source: SourceId, rules: &Rules) -> Option<Standing> {
    match kind {
        Kind::ManualLink => None,
        kind if kind.scored() => Some(Standing::Score),
        _ => (!rules.trusts(source.0)).then_some(Standing::Untrusted),
    }
}

/// What was said of a node, but for links in groups that are known to have too many neighbours.
fn edges_beside(grounds: &impl Grounds, node: NodeId, capped: &[Namespace]) -> Result<Arc<[Edge]>> {
    if capped.is_empty() {
        return grounds.all_edges(node);
    }
    let all = EdgeKey::all(node);
    let mut found = Vec::new();
    let mut start = all.start;
    for namespace in capped {
        let group = EdgeKey::group(node, *namespace);
        found.extend(grounds.edges(&(start..group.start))?);
        start = group.end;
    }
    found.extend(grounds.edges(&(start..all.end))?);
    Ok(found.into())
}
