//! The rules of a clustering, compiled: what a profile may hold, which values are nobody's, whom to trust.
//!
//! *Invariants:* rules speak of namespaces and sources by number. A namespace or source that they do not mention has no
//! limit, no cap, is not unique, ranks last, and is trusted. *What it does not know:* how rules are written down.
//! *Where to start reading:* `Rules`.

use super::blocked::{self, Blocked, Pattern};
use super::evidence::{Kind, Namespace};
use crate::base::calendar::Window;
use crate::base::ids::SourceId;
use crate::catalog::Trust;

/// How many identifiers of a namespace a profile may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many and no more; at least one.
    pub most: u32,
    /// Counted for ever, or among the identifiers that were first seen in one bucket of the calendar.
    pub window: Window,
}

/// How many neighbours of a namespace an identifier may have before what links them counts no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The namespace of the neighbours; nothing for every namespace that has no cap of its own.
    pub neighbour: Option<Namespace>,
    /// So many distinct neighbours and no more.
    pub most: u32,
}

/// What holds for a namespace.
#[derive(Debug, Clone, Default)]
pub struct NamespaceRule {
    /// How many a profile may hold.
    pub limit: Option<Limit>,
    /// Whether who holds one is known: scores and untrusted sources never join two that are.
    pub unique: bool,
    /// The least names a profile; nothing ranks last.
    pub rank: Option<u16>,
    /// Values that are nobody's, beside those that are so in every namespace.
    pub blocked: Blocked,
    /// How many neighbours one identifier may have.
    pub caps: Vec<Cap>,
}

/// Values that programs write when they know nobody.
const NOBODY: [&str; 22] = [
    "",
    "0",
    "null",
    "(null)",
    "<null>",
    "nil",
    "none",
    "undefined",
    "unknown",
    "anonymous",
    "guest",
    "invalid",
    "nan",
    "n/a",
    "#n/a",
    "na",
    "-1",
    "-",
    "test",
    "test@*",
    "[object object]",
    "noreply@*",
];

/// The values that are nobody's in every namespace, unless a definition says otherwise.
pub fn nobody() -> Vec<Pattern> {
    let texts = NOBODY.iter().map(|text| Pattern::text(text));
    texts.chain([Pattern::Only(String::from("0-:"))]).collect()
}

/// What holds for a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRule {
    /// How far it is believed.
    pub trust: Trust,
    /// The namespaces whose identifiers it may link, in order; nothing when it may link all.
    pub namespaces: Option<Vec<Namespace>>,
}

/// The rules of a clustering.
#[derive(Debug, Clone)]
pub struct Rules {
    namespaces: Vec<NamespaceRule>,
    blocked: Blocked,
    /// In the order of their numbers.
    sources: Vec<(u32, SourceRule)>,
    edges_max: u32,
}

/// So much evidence may count in a component before only the manual and deterministic tiers do.
pub const COMPONENT_EDGES_MAX: u32 = 4096;

impl Default for Rules {
    /// No limits, no caps, everybody trusted, and the values that are nobody's everywhere.
    fn default() -> Rules {
        Rules {
            namespaces: Vec::new(),
            blocked: Blocked::new(nobody()),
            sources: Vec::new(),
            edges_max: COMPONENT_EDGES_MAX,
        }
    }
}

impl Rules {
    /// Sets what holds for a namespace.
    #[must_use]
    pub fn with(mut self, namespace: Namespace, rule: NamespaceRule) -> Rules {
        let index = usize::from(namespace);
        if self.namespaces.len() <= index {
            self.namespaces.resize(index + 1, NamespaceRule::default());
        }
        if let Some(place) = self.namespaces.get_mut(index) {
            *place = rule;
        }
        self
    }

    /// Sets what holds for a source.
    #[must_use]
    pub fn with_source(mut self, source: u32, mut rule: SourceRule) -> Rules {
        rule.namespaces.iter_mut().for_each(|allowed| allowed.sort_unstable());
        match self.sources.binary_search_by_key(&source, |(number, _)| *number) {
            Ok(at) => {
                if let Some(place) = self.sources.get_mut(at) {
                    place.1 = rule;
                }
            }
            Err(at) => self.sources.insert(at, (source, rule)),
        }
        self
    }

    fn of_source(&self, source: u32) -> Option<&SourceRule> {
        let at = self.sources.binary_search_by_key(&source, |(number, _)| *number).ok()?;
        self.sources.get(at).map(|(_, rule)| rule)
    }

    /// Sets how much evidence may count in a component before only the manual and deterministic tiers do.
    #[must_use]
    pub fn crowded_above(mut self, edges: u32) -> Rules {
        self.edges_max = edges;
        self
    }

    /// How much evidence may count in a component before only the manual and deterministic tiers do.
    #[inline]
    pub fn edges_max(&self) -> u32 {
        self.edges_max
    }

    /// Replaces the values that are nobody's in every namespace.
    #[must_use]
    pub fn block(mut self, patterns: Vec<Pattern>) -> Rules {
        self.blocked = Blocked::new(patterns);
        self
    }

    fn of(&self, namespace: Namespace) -> Option<&NamespaceRule> {
        self.namespaces.get(usize::from(namespace))
    }

    /// Which pattern says that a value is nobody's.
    pub fn blocks(&self, namespace: Namespace, value: &str) -> Option<&Pattern> {
        let value = blocked::plain(value);
        let own = || self.of(namespace)?.blocked.find_plain(&value);
        self.blocked.find_plain(&value).or_else(own)
    }

    /// The rank of a namespace: the least names a profile.
    #[inline]
    pub fn rank(&self, namespace: Namespace) -> u16 {
        self.of(namespace).and_then(|rule| rule.rank).unwrap_or(u16::MAX)
    }

    /// Whether who holds an identifier of a namespace is known.
    #[inline]
    pub fn unique(&self, namespace: Namespace) -> bool {
        self.of(namespace).is_some_and(|rule| rule.unique)
    }

    /// Whether a source may join two known profiles.
    #[inline]
    pub fn trusts(&self, source: u32) -> bool {
        self.of_source(source).is_none_or(|rule| rule.trust == Trust::Full)
    }

    /// Whether evidence of a source may link identifiers of two namespaces. What it may not link is kept as evidence
    /// that does not count, so that other rules can let it count.
    #[inline]
    pub fn may_link(
        &self,
        source: SourceId,
        namespaces: (Namespace, Namespace),
        kind: Kind,
    ) -> bool {
        let Some(rule) = self.of_source(source.0) else { return true };
        let allowed = |namespace: &Namespace| {
            let all = rule.namespaces.as_ref();
            all.is_none_or(|all| all.binary_search(namespace).is_ok())
        };
        // A decision passes caps and unique namespaces: only a source that is trusted says that a person decided.
        let trusted = match kind {
            Kind::ManualLink => rule.trust == Trust::Full,
            _ => rule.trust != Trust::Nothing,
        };
        trusted && allowed(&namespaces.0) && allowed(&namespaces.1)
    }

    /// Whether the number of identifiers of a namespace is limited by calendar bucket.
    pub fn limited_by_time(&self, namespace: Namespace) -> bool {
        let limit = self.of(namespace).and_then(|rule| rule.limit);
        limit.is_some_and(|limit| limit.window != Window::Ever)
    }

    /// Whether any namespace has a limit.
    pub fn limit_anything(&self) -> bool {
        self.namespaces.iter().any(|rule| rule.limit.is_some())
    }

    /// What an identifier that was first seen at a time counts against.
    #[inline]
    pub fn held(&self, namespace: Namespace, first: i64) -> Option<Held> {
        let limit = self.of(namespace)?.limit?;
        let slot = Slot { namespace, bucket: limit.window.bucket(first) };
        Some(Held { slot, most: limit.most.max(1), count: 1 })
    }

    /// How many identifiers of a namespace a profile may hold.
    pub fn limit(&self, namespace: Namespace) -> Option<Limit> {
        self.of(namespace)?.limit
    }

    /// The least of all caps: a profile that is no larger passes none.
    pub fn least_cap(&self) -> Option<u32> {
        self.namespaces.iter().flat_map(|rule| &rule.caps).map(|cap| cap.most).min()
    }

    /// How many neighbours of a namespace an identifier may have.
    pub fn cap(&self, namespace: Namespace, neighbour: Namespace) -> Option<u32> {
        let caps = &self.of(namespace)?.caps;
        let own = caps.iter().find(|cap| cap.neighbour == Some(neighbour));
        own.or_else(|| caps.iter().find(|cap| cap.neighbour.is_none())).map(|cap| cap.most)
    }
}

/// What is counted together: a namespace, within a bucket of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The namespace.
    pub namespace: Namespace,
    /// The bucket; 0 when the limit is for ever.
    pub bucket: i32,
}

/// How many identifiers of a slot a profile holds, and may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The slot.
    pub slot: Slot,
    /// So many and no more.
    pub most: u32,
    /// So many there are.
    pub count: u32,
}

/// What a profile holds of all that is limited, in the order of slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding(Vec<Held>);

impl Holding {
    /// Counts some more, and says how many there are now.
    pub fn add(&mut self, held: Held) {
        match self.0.binary_search_by_key(&held.slot, |own| own.slot) {
            Ok(at) => {
                if let Some(own) = self.0.get_mut(at) {
                    own.count += held.count;
                }
            }
            Err(at) => self.0.insert(at, held),
        }
    }

    /// Counts all of another holding.
    pub fn add_all(&mut self, other: &Holding) {
        other.0.iter().for_each(|held| self.add(*held));
    }

    /// How many slots it has.
    pub fn slots(&self) -> usize {
        self.0.len()
    }

    /// The first slot of which there is too much.
    pub fn excess(&self) -> Option<Held> {
        self.0.iter().find(|held| held.count > held.most).copied()
    }

    /// The first slot of which two holdings together have too much.
    pub fn excess_with(&self, other: &Holding) -> Option<Held> {
        let (small, large) =
            if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        small.0.iter().find_map(|held| {
            let at = large.0.binary_search_by_key(&held.slot, |own| own.slot).ok()?;
            let count = held.count + large.0.get(at)?.count;
            (count > held.most).then_some(Held { count, ..*held })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_values_are_blocked() {
        let own = NamespaceRule {
            blocked: Blocked::new(vec![Pattern::text("*@example.*")]),
            ..Default::default()
        };
        let rules = Rules::default().with(1, own);
        let zeros = "00000000-0000-0000-0000-000000000000";
        for value in
            ["", " ", "NULL", "0", "-1", "Anonymous", "undefined", "N/A", "Test@x.org", zeros]
        {
            assert!(rules.blocks(0, value).is_some(), "{value:?}");
        }
        for value in ["10", "nullary", "a-test@x.org", "0a", "ann@example.com"] {
            assert!(rules.blocks(0, value).is_none(), "{value:?}");
        }
        assert!(rules.blocks(1, "ann@example.com").is_some());
        assert!(rules.blocks(2, "ann@example.com").is_none());
    }

    #[test]
    fn a_source_links_what_it_may() {
        let web = SourceRule { trust: Trust::Unknown, namespaces: Some(vec![3, 1]) };
        let nothing = SourceRule { trust: Trust::Nothing, namespaces: None };
        let rules = Rules::default()
            .with_source(9, web)
            .with_source(4, nothing)
            .with_source(7, SourceRule { trust: Trust::Unknown, namespaces: None });
        assert!(
            rules.may_link(SourceId(9), (1, 3), Kind::Deterministic)
                && rules.may_link(SourceId(9), (1, 1), Kind::Deterministic)
        );
        assert!(
            !rules.may_link(SourceId(9), (1, 2), Kind::Deterministic)
                && !rules.may_link(SourceId(9), (2, 1), Kind::Deterministic)
        );
        assert!(!rules.may_link(SourceId(4), (1, 3), Kind::Deterministic));
        assert!(
            rules.may_link(SourceId(7), (1, 2), Kind::Deterministic)
                && rules.may_link(SourceId(0), (1, 2), Kind::Deterministic)
        );
        assert_eq!([0, 4, 7, 9].map(|source| rules.trusts(source)), [true, false, false, false]);
    }
}
