//! The rules of identity in numbers, and what both the fold and its readers know of evidence.

use super::{Reader, State};
use crate::base::codec::Digest128;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, SourceId};
use crate::catalog::Catalog;
use crate::definition::{IdentityRules, NamespaceRules};
use crate::identity::{
    Blocked, Cap, Edge, EdgeKey, EdgeRange, Grounds, Limit, Namespace, NamespaceRule, NamingKey,
    Pattern, PublicId, RuleId, Rules, SourceRule, content_of, edges_in, nobody, point_of,
    point_value,
};
use crate::normalise::Normaliser;
use crate::record::Identifier;
use std::borrow::Cow;
use std::sync::Arc;

/// The order in which namespaces name a profile when no rule says so, the first being the best.
const NAMESPACE_RANK: [&str; 4] = ["user_id", "email", "phone", "anonymous_id"];

/// The rules in force, by the numbers that namespaces and sources have so far.
#[derive(Debug, Clone, Default)]
pub struct Clustering {
    rules: Arc<Rules>,
    /// How the identifiers of each namespace are compared.
    normalisers: Vec<Normaliser>,
    names: Option<(usize, usize)>,
}

impl Clustering {
    /// The rules for the names that a catalog has, in a store of a version of the normalisers.
    fn of(written: &IdentityRules, catalog: &Catalog, version: u32) -> Clustering {
        let own = written.blocked.iter().map(|text| Pattern::text(text));
        let builtin = if written.blocked_builtin { nobody() } else { Vec::new() };
        let mut rules = Rules::default().block(builtin.into_iter().chain(own).collect());
        let unwritten = NamespaceRules::default();
        let mut normalisers = Vec::with_capacity(catalog.namespaces().len());
        for (number, name) in (0..).zip(catalog.namespaces()) {
            let own = written.namespaces.get(name.as_ref()).unwrap_or(&unwritten);
            let normaliser = written.normaliser(name, version);
            rules = rules.with(number, compiled(name, own, &normaliser, catalog));
            normalisers.push(normaliser);
        }
        for (name, own) in &written.sources {
            let Some(number) = catalog.find_source(name) else { continue };
            let of = |allowed: &Vec<String>| {
                allowed.iter().filter_map(|name| catalog.find_namespace(name)).collect()
            };
            let namespaces = own.namespaces.as_ref().map(of);
            rules = rules.with_source(number.0, SourceRule { trust: own.trust, namespaces });
        }
        if let Some(edges) = written.component_edges {
            rules = rules.crowded_above(edges);
        }
        let names = Some((catalog.namespaces().len(), catalog.sources().len()));
        Clustering { rules: Arc::new(rules), normalisers, names }
    }

    /// Takes note of names that came since the rules were compiled.
    pub fn refresh(&mut self, written: &IdentityRules, catalog: &Catalog, version: u32) {
        *self = Clustering::of(written, catalog, version);
    }

    /// Whether the rules are for all names that a catalog has.
    pub fn is_fresh(&self, catalog: &Catalog) -> bool {
        self.names == Some((catalog.namespaces().len(), catalog.sources().len()))
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// How the identifiers of a namespace are compared.
    pub fn normaliser(&self, namespace: Namespace) -> &Normaliser {
        self.normalisers.get(usize::from(namespace)).unwrap_or(&Normaliser::Text)
    }
}

fn compiled(
    name: &str,
    written: &NamespaceRules,
    normaliser: &Normaliser,
    catalog: &Catalog,
) -> NamespaceRule {
    let usual = || NAMESPACE_RANK.iter().position(|ranked| *ranked == name);
    let usual = || usual().and_then(|place| u16::try_from(place).ok());
    let of = written.cap.of.iter().filter_map(|(neighbour, most)| {
        Some(Cap { neighbour: Some(catalog.find_namespace(neighbour)?), most: *most })
    });
    let any = written.cap.any.map(|most| Cap { neighbour: None, most });
    let mut blocked: Vec<Pattern> = Vec::new();
    for value in &written.blocked {
        let as_written = Pattern::text(value);
        let form = normaliser.apply(value).filter(|_| !value.contains('*'));
        let form = form.map(|form| Pattern::text(&form)).filter(|form| *form != as_written);
        blocked.push(as_written);
        blocked.extend(form);
    }
    NamespaceRule {
        limit: written.limit.map(|limit| Limit { most: limit.most, window: limit.per }),
        unique: written.unique,
        rank: written.rank.or_else(usual),
        blocked: Blocked::new(blocked),
        caps: of.chain(any).collect(),
    }
}

impl State {
    /// The rules in force, for the names that there are.
    pub fn clustering(&self) -> Clustering {
        Clustering::of(&self.definitions.identity(), &self.catalog, self.normalisers)
    }

    /// The digest of an identifier: its namespace by name, so that it is the same in every store.
    pub(super) fn content(&self, namespace: Namespace, value: &[u8]) -> Digest128 {
        let name = self.catalog.namespaces().get(usize::from(namespace));
        content_of(name.map_or("", AsRef::as_ref), value)
    }

    /// The public id of an identifier; nothing when it is nobody's.
    pub(super) fn public(&self, identifier: &Identifier) -> Option<PublicId> {
        let Identifier { namespace, value } = identifier;
        let normaliser = self.definitions.identity().normaliser(namespace, self.normalisers);
        Some(PublicId::of((namespace, &normaliser.apply(value)?), &self.salt))
    }

    /// The namespaces of which a node has too many neighbours.
    pub(super) fn capped(&self, node: NodeId) -> Vec<Namespace> {
        let range = (node, 0)..=(node, Namespace::MAX);
        self.crowded.range(range).map(|(_, namespace)| *namespace).collect()
    }
}

impl Reader<'_> {
    /// An identifier in the form in which it is compared; nothing when it is nobody's.
    pub fn normal(&self, identifier: &Identifier) -> Option<Identifier> {
        let Identifier { namespace, value } = identifier;
        let written = self.state.definitions.identity();
        let normaliser = written.normaliser(namespace, self.state.normalisers);
        let value = normaliser.apply(value).map(Cow::into_owned)?;
        Some(Identifier { namespace: namespace.clone(), value })
    }
}

/// What decides whether a node names its profile.
pub fn naming_key(about: (Namespace, i64, PublicId), rules: &Rules) -> NamingKey {
    let (namespace, first, public) = about;
    (rules.rank(namespace), first, public)
}

impl Grounds for Reader<'_> {
    fn about(&self, node: NodeId) -> Result<(Namespace, i64, PublicId)> {
        point_of(self.state.parts(), self.state.parts(), node)
    }

    fn content(&self, node: NodeId) -> Result<Digest128> {
        let value = point_value(self.state.parts(), node)?;
        Ok(self.state.content(self.about(node)?.0, &value))
    }

    fn edges(&self, range: &EdgeRange) -> Result<Vec<Edge>> {
        edges_in(self.state.parts(), None, range)
    }

    fn all_edges(&self, node: NodeId) -> Result<Arc<[Edge]>> {
        Ok(self.edges(&EdgeKey::all(node))?.into())
    }

    fn is_capped(&self, node: NodeId, namespace: Namespace) -> bool {
        self.state.crowded.contains(&(node, namespace))
    }

    fn capped(&self, node: NodeId) -> Vec<Namespace> {
        self.state.capped(node)
    }

    fn profile(&self, node: NodeId) -> Result<Option<Ordinal>> {
        Ok(self.nodes().label(node))
    }

    fn members(&self, profile: Ordinal) -> Result<Vec<NodeId>> {
        Ok(self.row(profile).members)
    }

    fn retracts(&self, _: NodeId) -> bool {
        self.state.counts.retractions > 0
    }

    fn source(&self, source: SourceId) -> &str {
        self.state.catalog.source_name(source)
    }

    fn rule(&self, rule: RuleId) -> &str {
        self.state.catalog.rule_name(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;

    /// A catalog with usual names, and the numbers of four of them.
    fn names() -> (Catalog, [Namespace; 4]) {
        let mut catalog = Catalog::default();
        let numbers = NAMESPACE_RANK.map(|name| catalog.add_namespace(name));
        catalog.add_source("web");
        (catalog, numbers)
    }

    fn compiled(body: &str) -> Clustering {
        let given = [("identity", "person", body)].into_iter();
        Clustering::of(&Definitions::compile(given).identity(), &names().0, 2)
    }

    #[test]
    fn without_rules_nothing_is_limited() {
        let (catalog, [user, email, ..]) = names();
        let written = Definitions::default().identity();
        let rules = Arc::clone(Clustering::of(&written, &catalog, 2).rules());
        assert_eq!([0, 1, 2, 3, 9].map(|number| rules.rank(number)), [0, 1, 2, 3, u16::MAX]);
        assert!(!rules.limit_anything() && !rules.unique(user) && rules.cap(user, email).is_none());
        assert!(rules.trusts(1));
        assert!(rules.blocks(email, "NULL").is_some());
        assert!(rules.blocks(email, "ann@example.org").is_none());
        assert_eq!(rules.edges_max(), 4096);
    }

    #[test]
    fn rules_are_compiled_onto_numbers() {
        let (_, [user, email, phone, anonymous]) = names();
        let clustering = compiled(
            "namespace = { user_id = { limit = 1, unique = true, rank = 7 }, \
             email = { limit = { most = 3, per = \"month\" }, cap = 50, blocked = [\"*@example.com\"] }, \
             phone = { cap = { anonymous_id = 100, any = 1000 }, normaliser = \"phone@2\", \
             region = \"FR\", blocked = [\"01 23 45 67 89\"] } }\n\
             source = { web = { trust = \"unknown\", namespaces = [\"email\", \"anonymous_id\"] } }",
        );
        let rules = clustering.rules();
        assert!(rules.unique(user) && !rules.unique(email));
        assert_eq!([user, email, phone].map(|n| rules.rank(n)), [7, 1, 2]);
        let held = rules.held(email, 0).unwrap();
        assert_eq!((held.most, held.slot.bucket), (3, 1970 * 12));
        assert_eq!(rules.cap(phone, anonymous), Some(100));
        assert_eq!(rules.cap(phone, email), Some(1000));
        assert_eq!(rules.cap(email, user), Some(50));
        assert!(rules.blocks(email, "ann@example.com").is_some());
        assert!(rules.blocks(user, "ann@example.com").is_none());
        // A value is blocked however it is written.
        assert!(rules.blocks(phone, "+33123456789").is_some());
        assert!(rules.blocks(phone, "+33123456788").is_none());
        let kind = crate::identity::Kind::Deterministic;
        assert!(!rules.trusts(1));
        assert!(rules.may_link(SourceId(1), (email, anonymous), kind));
        assert!(!rules.may_link(SourceId(1), (email, user), kind));
        assert_eq!(clustering.normaliser(phone).name(), "phone@2");
    }

    #[test]
    fn built_in_values_can_be_dropped() {
        let clustering = compiled("blocked_builtin = false\nblocked = [\"guest\"]");
        let rules = clustering.rules();
        assert!(rules.blocks(0, "anonymous").is_none() && rules.blocks(0, "Guest").is_some());
    }
}
