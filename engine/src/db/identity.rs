//! Questions about identity: why two identifiers are one person or are not, what holds a profile together, and what
//! became of it.

use super::identity_types::{
    IdentifierName, IdentityAnswer, IdentityChange, IdentityCluster, IdentityLink, IdentityWhy,
    IdentityWhyNot,
};
use super::view::View;
use crate::base::calendar::Window;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::time::Timestamp;
use crate::identity::{
    Component, EdgeKey, EvidenceId, Fate, Grounds, Kind, Link, PublicId, find_node, spellings_of,
};
use crate::record::identifier_of;
use crate::state::{Reader, State};

/// An identifier as it is asked for: namespace and value.
type Named<'n> = (&'n str, &'n str);

impl View {
    /// Whether two identifiers are one person, and why: the evidence that joins them, or what keeps them apart.
    ///
    /// # Errors
    /// `NotFound` when nothing is known of one of them; `Invalid` when one is nobody's by its form or by the rules;
    /// `Corrupt`.
    pub fn identity(&self, one: Named<'_>, other: Named<'_>) -> Result<IdentityAnswer> {
        self.reading(|state| {
            let reader = state.reader();
            let answer = whether(&reader, one, other)?;
            reader.check().map(|()| answer)
        })
    }

    /// Whether anything was said of an identifier.
    ///
    /// # Errors
    /// `Invalid` when it is nobody's by its form or by the rules; `Corrupt`.
    pub fn identity_known(&self, of: Named<'_>) -> Result<bool> {
        self.reading(|state| match node_of(&state.reader(), of) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            found => found.map(|_| true),
        })
    }

    /// The identifiers of the profile that holds an identifier, with all that was said of them.
    ///
    /// # Errors
    /// As `identity`.
    pub fn identity_cluster(&self, of: Named<'_>) -> Result<IdentityCluster> {
        self.reading(|state| {
            let reader = state.reader();
            let found = cluster(&reader, of)?;
            reader.check().map(|()| found)
        })
    }

    /// A piece of evidence by its id. All evidence is looked through.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn identity_evidence(&self, id: &str) -> Result<Option<IdentityLink>> {
        self.reading(|state| {
            let reader = state.reader();
            let found = evidence(&reader, id)?;
            reader.check().map(|()| found)
        })
    }

    /// The rules of identity in force, in TOML, as they can be defined.
    pub fn identity_rules(&self) -> String {
        self.state().definitions().identity().to_toml()
    }

    /// What became of the profiles that the identifiers of a profile belonged to, in the order of the log.
    ///
    /// # Errors
    /// As `identity`.
    pub fn identity_history(&self, of: Named<'_>) -> Result<Vec<IdentityChange>> {
        self.reading(|state| {
            let reader = state.reader();
            let node = node_of(&reader, of)?;
            let found = history(&reader, &members_of(&reader, node)?);
            reader.check().map(|()| found)
        })
    }

    /// Calls `take` with each identifier and the public id of its profile: in the form in which it is compared, and in
    /// each other in which it was received, in the order in which the store first heard
    /// of them.
    ///
    /// # Errors
    /// `Corrupt`, and then a newer view gives all of them; what `take` fails with.
    pub fn identity_clusters(
        &self,
        take: &mut dyn FnMut(&str, &str, &str) -> Result<()>,
    ) -> Result<()> {
        let found = self.each_identifier(take);
        if found.as_ref().is_err_and(super::telling::is_damage) {
            self.inner.heal();
        }
        found
    }

    fn each_identifier(&self, take: &mut dyn FnMut(&str, &str, &str) -> Result<()>) -> Result<()> {
        let state = self.state();
        let reader = state.reader();
        let mut ids: Vec<Option<String>> = vec![None; state.counts.ordinals as usize];
        for node in (0..state.counts.nodes).map(NodeId) {
            let Some(label) = reader.nodes().label(node) else { continue };
            let Some(place) = ids.get_mut(label.0 as usize) else { continue };
            if place.is_none() {
                *place = reader.profile_id(label).map(|id| id.to_string());
            }
            let known = reader.nodes().identifier(node).zip(place.as_deref());
            if let Some(((namespace, value), id)) = known {
                take(namespace, value, id)?;
                for spelling in spellings_of(state.parts(), node)? {
                    take(namespace, &spelling, id)?;
                }
            }
        }
        reader.check()
    }
}

pub(super) fn named(reader: &Reader<'_>, node: NodeId) -> IdentifierName {
    let (namespace, value) = reader.nodes().identifier(node).unwrap_or_default();
    IdentifierName { namespace: namespace.to_owned(), value: value.to_owned() }
}

/// The node of an identifier.
pub(super) fn node_of(reader: &Reader<'_>, (namespace, value): Named<'_>) -> Result<NodeId> {
    let normal = identifier_of(namespace, value).ok_or_else(|| {
        Error::invalid(format!(
            "{namespace} '{value}' is no identifier: blank, null, 0 and -1 stand for nobody"
        ))
    })?;
    let normal = reader.normal(&normal).ok_or_else(|| {
        Error::invalid(format!("{namespace} '{value}' is no identifier of its kind"))
    })?;
    let state = reader.state;
    let public = PublicId::of((&normal.namespace, &normal.value), &state.salt);
    if let Some(node) = find_node(state.parts(), public)? {
        return Ok(node);
    }
    let number = state.catalog.find_namespace(&normal.namespace).unwrap_or(u16::MAX);
    Err(match reader.rules().blocks(number, &normal.value) {
        Some(pattern) => Error::invalid(format!(
            "{namespace} '{value}' is nobody: the rules of identity block {pattern} ('blocked' and \
             'blocked_builtin' in [identity.person] say which values)"
        )),
        None => Error::not_found(format!("no record names the {namespace} '{value}'")),
    })
}

pub(super) fn public_of(reader: &Reader<'_>, label: Option<Ordinal>) -> String {
    let id = label.and_then(|label| reader.profile_id(label));
    id.map_or_else(String::new, |id| id.to_string())
}

fn whether(reader: &Reader<'_>, one: Named<'_>, other: Named<'_>) -> Result<IdentityAnswer> {
    let (left, right) = (node_of(reader, one)?, node_of(reader, other)?);
    let component = Component::gather(reader, reader.rules(), [left, right])?;
    let labels = (reader.nodes().label(left), reader.nodes().label(right));
    let profiles = (public_of(reader, labels.0), public_of(reader, labels.1));
    let told = |links: Vec<Link>| {
        links.iter().map(|link| told_of(reader, &component, link)).collect::<Vec<_>>()
    };
    if labels.0.is_some() && labels.0 == labels.1 {
        let path = component.why(left, right).unwrap_or_default();
        let weakest = Component::weakest(&path);
        let path = along(told(path), &named(reader, left));
        return Ok(IdentityAnswer::One(IdentityWhy { profile: profiles.0, path, weakest }));
    }
    let path =
        along(told(component.why_not(left, right).unwrap_or_default()), &named(reader, left));
    let refused = path.iter().enumerate().filter(|(_, link)| !link.admitted);
    let refused = refused.map(|(place, _)| place).collect();
    let of = |node: NodeId| reader.nodes().label(node);
    let forbidden = component.links.iter().filter(|link| {
        let ends = (of(link.nodes().0), of(link.nodes().1));
        link.fate == Fate::Forbids && (ends == labels || (ends.1, ends.0) == labels)
    });
    let forbidden = told(forbidden.copied().collect());
    Ok(IdentityAnswer::Apart(IdentityWhyNot { profiles, path, refused, forbidden }))
}

/// Turns the links of a way so that each begins where the one before ends.
fn along(mut path: Vec<IdentityLink>, from: &IdentifierName) -> Vec<IdentityLink> {
    let mut at = from.clone();
    for link in &mut path {
        if link.identifiers.0 != at {
            let (left, right) = link.identifiers.clone();
            link.identifiers = (right, left);
        }
        at = link.identifiers.1.clone();
    }
    path
}

/// The identifiers of the profile that a node belongs to; none for a node that no record named.
fn members_of(reader: &Reader<'_>, node: NodeId) -> Result<Vec<NodeId>> {
    let profile = reader.profile(node)?;
    Ok(profile.map(|profile| reader.members(profile)).transpose()?.unwrap_or_default())
}

fn cluster(reader: &Reader<'_>, of: Named<'_>) -> Result<IdentityCluster> {
    let node = node_of(reader, of)?;
    let members = members_of(reader, node)?;
    let component = Component::gather(reader, reader.rules(), members.iter().copied())?;
    let within = |link: &&Link| {
        let (left, right) = link.nodes();
        members.contains(&left) || members.contains(&right)
    };
    let mut links: Vec<Link> = component.links.iter().filter(within).copied().collect();
    links.sort_by_key(Link::order);
    let links = links.iter().map(|link| told_of(reader, &component, link)).collect();
    let mut identifiers = Vec::with_capacity(members.len());
    let mut crowded = Vec::new();
    for member in &members {
        let (_, first, public) = reader.about(*member)?;
        identifiers.push((named(reader, *member), public.to_string(), Timestamp(first)));
        for namespace in reader.capped(*member) {
            crowded.push((named(reader, *member), namespace_name(reader, namespace)));
        }
    }
    identifiers.sort_unstable();
    let profile = public_of(reader, reader.nodes().label(node));
    Ok(IdentityCluster { profile, identifiers, links, crowded })
}

fn evidence(reader: &Reader<'_>, id: &str) -> Result<Option<IdentityLink>> {
    for node in (0..reader.state.counts.nodes).map(NodeId) {
        for edge in reader.edges(&EdgeKey::all(node))? {
            let (Some(kind), other) = (edge.kind(), edge.key.other()) else { continue };
            let retracts = matches!(kind, Kind::PairUntil | Kind::NodeUntil);
            if other < node || retracts || kind.of_household() {
                continue;
            }
            let ends = (reader.content(node)?, reader.content(other)?);
            let by = (reader.source(edge.key.source()), reader.rule(edge.key.rule()));
            if EvidenceId::of(ends, kind, by.0, by.1).to_string() == id {
                let component = Component::gather(reader, reader.rules(), [node, other])?;
                let link = component.links.iter().find(|link| link.id.to_string() == id);
                return Ok(link.map(|link| told_of(reader, &component, link)));
            }
        }
    }
    Ok(None)
}

fn namespace_name(reader: &Reader<'_>, number: u16) -> String {
    let name = reader.state.catalog.namespaces().get(usize::from(number));
    name.map_or_else(String::new, |name| name.as_ref().to_owned())
}

pub(super) fn told_of(reader: &Reader<'_>, component: &Component, link: &Link) -> IdentityLink {
    let (left, right) = link.nodes();
    let said = link.told.count > 0;
    let (fate, reason) = explained(reader, component, link);
    IdentityLink {
        id: link.id.to_string(),
        identifiers: (named(reader, left), named(reader, right)),
        kind: link.kind.name().to_owned(),
        source: reader.source(link.key.source()).to_owned(),
        rule: reader.rule(link.key.rule()).to_owned(),
        score: if said { f64::from(link.told.strength) / 1000.0 } else { 0.0 },
        first: said.then_some(Timestamp(link.told.first)),
        last: said.then_some(Timestamp(link.told.last)),
        count: link.told.count,
        admitted: link.fate.admitted(),
        fate: fate.to_owned(),
        reason,
    }
}

/// What became of a link, in a word and in a sentence.
fn explained(reader: &Reader<'_>, component: &Component, link: &Link) -> (&'static str, String) {
    match link.fate {
        Fate::Joined => ("joined", String::new()),
        Fate::Redundant => ("redundant", String::new()),
        Fate::OverLimit(held) => {
            let namespace = namespace_name(reader, held.slot.namespace);
            let (count, most) = (held.count, held.most);
            let window = reader.rules().limit(held.slot.namespace).map(|limit| limit.window);
            let per = window.filter(|window| *window != Window::Ever);
            let per = per
                .map_or_else(String::new, |window| format!(" first seen in one {}", window.name()));
            let reason = format!(
                "the profile would hold {count} identifiers of {namespace}{per}; the limit is {most}"
            );
            ("over limit", reason)
        }
        Fate::CannotLink(number) => {
            let forbids = component.links.get(number as usize);
            let said = forbids.map_or_else(String::new, |forbids| {
                let (left, right) = forbids.nodes();
                let by = reader.source(forbids.key.source());
                format!(
                    "{by} said that {} and {} are not one",
                    named(reader, left),
                    named(reader, right)
                )
            });
            ("cannot-link", said)
        }
        Fate::Untrusted => {
            let by = reader.source(link.key.source());
            (
                "untrusted",
                format!("the source '{by}' may not join two profiles that are both known"),
            )
        }
        Fate::Score => {
            ("score", "a score may not join two profiles that are both known".to_owned())
        }
        Fate::Suspended => {
            let most = reader.rules().edges_max();
            let reason = format!(
                "its component has over {most} pieces of evidence: only those of records and people count"
            );
            ("suspended", reason)
        }
        Fate::Capped(node, namespace) => {
            let most = cap_of(reader, node, namespace);
            let (node, namespace) = (named(reader, node), namespace_name(reader, namespace));
            let reason = format!(
                "{node} has more than {most} neighbours of {namespace}, so that none of them counts"
            );
            ("capped", reason)
        }
        Fate::NotAllowed => {
            let by = reader.source(link.key.source());
            ("not allowed", format!("the source '{by}' may not link these namespaces"))
        }
        Fate::Withdrawn => ("withdrawn", "it was withdrawn".to_owned()),
        Fate::Retracted(until) => {
            let reason = format!("what links them up to {} is retracted", Timestamp(until));
            ("retracted", reason)
        }
        Fate::Forbids => ("forbids", String::new()),
        Fate::Proposed => ("proposed", "it waits for a decision: nave identity review".to_owned()),
    }
}

fn cap_of(reader: &Reader<'_>, node: NodeId, neighbour: u16) -> u32 {
    let own = reader.about(node).map(|about| about.0).unwrap_or(u16::MAX);
    reader.rules().cap(own, neighbour).unwrap_or_default()
}

fn history(reader: &Reader<'_>, members: &[NodeId]) -> Vec<IdentityChange> {
    let told = |ids: &[PublicId]| ids.iter().map(ToString::to_string).collect();
    let changes = reader.history(members).into_iter().map(|happened| {
        let key: EdgeKey = happened.changed.cause.key();
        IdentityChange {
            position: happened.position,
            time: happened.time,
            change: happened.changed.change.name().to_owned(),
            old: told(&happened.changed.old),
            new: told(&happened.changed.new),
            because: happened.changed.cause.because.name().to_owned(),
            kind: key.kind().map_or("", Kind::name).to_owned(),
            identifiers: (named(reader, key.node()), named(reader, key.other())),
            source: reader.source(key.source()).to_owned(),
            rule: reader.rule(key.rule()).to_owned(),
        }
    });
    changes.collect()
}

/// What identity is made of, counted.
pub(super) fn stats(state: &State) -> super::identity_types::IdentityStats {
    super::identity_types::IdentityStats {
        retractions: state.counts.retractions,
        crowded: state.crowded().len() as u64,
        watched: state.watched(),
    }
}
