//! What is said of identifiers: that two belong together or cannot, and that what was said holds no longer.
//!
//! *Invariants:* what is said of a pair, of one kind, by one source and one rule, is one piece of evidence however
//! often it is said: with an earliest and a latest time and a count. Its id is a digest of its content without these.
//! Retractions need not know what they retract, so they may come first.

use crate::base::codec::{self, Digest128};
use crate::base::ids::{NodeId, SourceId};

/// The number of a namespace.
pub type Namespace = u16;

/// The number of the rule or model by which evidence was said; 0 is what one record says by naming both.
pub type RuleId = u16;

/// The id of evidence: 128 bits of a digest of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EvidenceId(pub u128);

impl std::fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl EvidenceId {
    /// The id of what is said of two identifiers, given by their `content_of`, whichever is named first. Neither
    /// numbers nor the salt are in it, so that all stores judge evidence that is alike in all else in the same order.
    pub fn of(ends: (Digest128, Digest128), kind: Kind, source: &str, rule: &str) -> EvidenceId {
        let (least, greatest) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let digest = codec::digest_of_parts(&[
            &least,
            &greatest,
            &[kind as u8],
            source.as_bytes(),
            rule.as_bytes(),
        ]);
        EvidenceId(u128::from_be_bytes(digest))
    }
}

/// The digest of an identifier, as it goes into ids of evidence.
pub fn content_of(namespace: &str, value: &[u8]) -> Digest128 {
    codec::digest_of_parts(&[namespace.as_bytes(), value])
}

/// What kind of statement evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One record named both.
    Deterministic = 1,
    /// A source said that one is another name of the other.
    Alias = 2,
    /// They resemble each other.
    Fuzzy = 3,
    /// They were at the same places at the same times.
    Behavioural = 4,
    /// A person decided that they belong together.
    ManualLink = 5,
    /// A person decided that they do not.
    CannotLink = 6,
    /// What links a pair is retracted as far as it was said up to a time.
    PairUntil = 7,
    /// What links an identifier to any other is retracted as far as it was said up to a time.
    NodeUntil = 8,
    /// They may be one, and a person is to decide: it links nothing.
    Proposed = 9,
    /// Two persons live together.
    HouseholdLink = 10,
    /// Two persons do not live together.
    HouseholdForbid = 11,
    /// That two persons live together is retracted as far as it was said up to a time.
    HouseholdUntil = 12,
}

/// All kinds.
const KINDS: [Kind; 12] = [
    Kind::Deterministic,
    Kind::Alias,
    Kind::Fuzzy,
    Kind::Behavioural,
    Kind::ManualLink,
    Kind::CannotLink,
    Kind::PairUntil,
    Kind::NodeUntil,
    Kind::Proposed,
    Kind::HouseholdLink,
    Kind::HouseholdForbid,
    Kind::HouseholdUntil,
];

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Deterministic => "deterministic",
            Kind::Alias => "alias",
            Kind::Fuzzy => "fuzzy",
            Kind::Behavioural => "behavioural",
            Kind::ManualLink => "manual link",
            Kind::CannotLink => "cannot-link",
            Kind::PairUntil => "pair until",
            Kind::NodeUntil => "identifier until",
            Kind::Proposed => "proposed",
            Kind::HouseholdLink => "household link",
            Kind::HouseholdForbid => "household cannot-link",
            Kind::HouseholdUntil => "household until",
        }
    }

    fn of(code: u8) -> Option<Kind> {
        KINDS.into_iter().find(|kind| *kind as u8 == code)
    }

    /// The place of the kind in the order of admission: the least is admitted first.
    pub fn tier(self) -> u8 {
        match self {
            Kind::ManualLink | Kind::CannotLink | Kind::PairUntil | Kind::NodeUntil => 0,
            Kind::HouseholdLink | Kind::HouseholdForbid | Kind::HouseholdUntil => 0,
            Kind::Deterministic | Kind::Alias => 1,
            Kind::Fuzzy | Kind::Proposed => 2,
            Kind::Behavioural => 3,
        }
    }

    /// Whether it rests on a score: it never joins two profiles that are both known, and counts only in a component of
    /// bounded size.
    pub fn scored(self) -> bool {
        matches!(self, Kind::Fuzzy | Kind::Behavioural)
    }

    /// Whether it may hold two identifiers together.
    pub fn links(self) -> bool {
        use Kind::{Alias, Behavioural, Deterministic, Fuzzy, ManualLink};
        matches!(self, Deterministic | Alias | Fuzzy | Behavioural | ManualLink)
    }

    /// Whether it speaks of households: it is no evidence of persons.
    pub fn of_household(self) -> bool {
        matches!(self, Kind::HouseholdLink | Kind::HouseholdForbid | Kind::HouseholdUntil)
    }

    /// What is looked for together: times of retraction, what people decided, the rest, and what speaks of households.
    fn class(self) -> u8 {
        match self {
            Kind::PairUntil | Kind::NodeUntil => 0,
            Kind::ManualLink | Kind::CannotLink => 1,
            Kind::HouseholdLink | Kind::HouseholdForbid | Kind::HouseholdUntil => 3,
            _ => 2,
        }
    }
}

/// The place of evidence among all that is said of one of its two identifiers: that identifier, the class of the kind,
/// the namespace of the other, the other, the kind, the source, the rule. In one number, so that what is said of an
/// identifier lies together, in groups by namespace of the neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey(pub u128);

/// Sources beyond this number have no evidence of their own: the key has 24 bits for them.
pub const SOURCES_MAX: u32 = 1 << 24;

const NODE_SHIFT: u32 = 96;
const CLASS_SHIFT: u32 = 94;
const NAMESPACE_SHIFT: u32 = 78;
const OTHER_SHIFT: u32 = 46;
const KIND_SHIFT: u32 = 40;
const SOURCE_SHIFT: u32 = 16;

impl EdgeKey {
    /// The place of what a source says, by a rule, of a node and another of a namespace.
    pub fn new(
        node: NodeId,
        (other, namespace): (NodeId, Namespace),
        kind: Kind,
        (source, rule): (SourceId, RuleId),
    ) -> EdgeKey {
        EdgeKey(
            u128::from(node.0) << NODE_SHIFT
                | u128::from(kind.class()) << CLASS_SHIFT
                | u128::from(namespace) << NAMESPACE_SHIFT
                | u128::from(other.0) << OTHER_SHIFT
                | u128::from(kind as u8) << KIND_SHIFT
                | u128::from(source.0.min(SOURCES_MAX - 1)) << SOURCE_SHIFT
                | u128::from(rule),
        )
    }

    /// The node.
    pub fn node(self) -> NodeId {
        NodeId((self.0 >> NODE_SHIFT) as u32)
    }

    /// The other node.
    pub fn other(self) -> NodeId {
        NodeId((self.0 >> OTHER_SHIFT) as u32)
    }

    /// The namespace of the other node.
    pub fn namespace(self) -> Namespace {
        (self.0 >> NAMESPACE_SHIFT) as u16
    }

    /// The kind; nothing when there is no such kind.
    pub fn kind(self) -> Option<Kind> {
        Kind::of((self.0 >> KIND_SHIFT) as u8 & 0x3f)
    }

    /// Who said so.
    pub fn source(self) -> SourceId {
        SourceId((self.0 >> SOURCE_SHIFT) as u32 & (SOURCES_MAX - 1))
    }

    /// By which rule.
    pub fn rule(self) -> RuleId {
        self.0 as u16
    }

    /// The same evidence as seen from the other node, which sees this one in a namespace.
    pub fn turned(self, namespace: Namespace) -> Option<EdgeKey> {
        let (source, rule) = (self.source(), self.rule());
        Some(EdgeKey::new(self.other(), (self.node(), namespace), self.kind()?, (source, rule)))
    }

    /// The least key of a node, a class and a namespace.
    fn least(node: NodeId, class: u8, namespace: Namespace) -> u128 {
        u128::from(node.0) << NODE_SHIFT
            | u128::from(class) << CLASS_SHIFT
            | u128::from(namespace) << NAMESPACE_SHIFT
    }

    /// The keys of what is said of a node and its neighbours of a namespace, other than by people.
    pub fn group(node: NodeId, namespace: Namespace) -> std::ops::Range<u128> {
        let start = EdgeKey::least(node, 2, namespace);
        start..start + (1 << NAMESPACE_SHIFT)
    }

    /// The keys of all that is said of a node.
    pub fn all(node: NodeId) -> std::ops::Range<u128> {
        let start = EdgeKey::least(node, 0, 0);
        start..start.saturating_add(1 << NODE_SHIFT)
    }

    /// The keys of retractions at a node.
    pub fn retractions(node: NodeId) -> std::ops::Range<u128> {
        EdgeKey::least(node, 0, 0)..EdgeKey::least(node, 1, 0)
    }
}

/// The place of evidence in the order of admission: the least is admitted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey {
    /// Manual before all else, then the tier, then the strength, descending, then the event time: one number, so that
    /// comparing takes one step.
    head: u128,
    id: EvidenceId,
}

impl OrderKey {
    /// The place of evidence that counts since an event time.
    pub fn new(kind: Kind, strength: i32, since: i64, id: EvidenceId) -> OrderKey {
        // Flipping the sign bit makes the order of the bits that of the numbers; inverting turns it round.
        let weakness = !(strength as u32 ^ 1 << 31);
        let rank = u64::from(kind.tier()) << 32 | u64::from(weakness);
        let since = since as u64 ^ 1 << 63;
        OrderKey { head: u128::from(rank) << 64 | u128::from(since), id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind, strength: i32, since: i64, id: u128) -> OrderKey {
        OrderKey::new(kind, strength, since, EvidenceId(id))
    }

    #[test]
    fn the_order_is_manual_tier_strength_time_id() {
        let sorted = [
            key(Kind::ManualLink, -5, 9, 9),
            key(Kind::Deterministic, 7, 9, 9),
            key(Kind::Alias, 0, 9, 9),
            key(Kind::Fuzzy, 3, 9, 9),
            key(Kind::Fuzzy, -1, -3, 9),
            key(Kind::Fuzzy, -1, 5, 9),
            key(Kind::Fuzzy, -1, 5, 1 << 64),
            key(Kind::Fuzzy, i32::MIN, i64::MIN, 0),
            key(Kind::Behavioural, 9, 0, 0),
        ];
        assert!(sorted.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_key_gives_back_what_it_was_made_of() {
        let told = (SourceId(SOURCES_MAX - 1), u16::MAX);
        for kind in KINDS {
            let key = EdgeKey::new(NodeId(u32::MAX - 1), (NodeId(7), 300), kind, told);
            assert_eq!(key.node(), NodeId(u32::MAX - 1));
            assert_eq!((key.other(), key.namespace()), (NodeId(7), 300));
            assert_eq!((key.kind(), key.source(), key.rule()), (Some(kind), told.0, told.1));
            let turned = key.turned(9).unwrap();
            assert_eq!((turned.node(), turned.other()), (NodeId(7), NodeId(u32::MAX - 1)));
            assert!(EdgeKey::all(key.node()).contains(&key.0));
            let grouped = EdgeKey::group(key.node(), 300).contains(&key.0);
            assert_eq!(grouped, kind.class() == 2);
            assert_eq!(EdgeKey::retractions(key.node()).contains(&key.0), kind.class() == 0);
        }
    }
}
