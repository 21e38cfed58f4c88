//! What questions about identity are answered with, as plain data.

use crate::base::ids::Position;
use crate::base::time::Timestamp;

/// An identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentifierName {
    /// The namespace.
    pub namespace: String,
    /// The value, normalised.
    pub value: String,
}

impl std::fmt::Display for IdentifierName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.namespace, self.value)
    }
}

/// A piece of evidence between two identifiers, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityLink {
    /// Its id: the same in every copy of the store.
    pub id: String,
    /// The two identifiers.
    pub identifiers: (IdentifierName, IdentifierName),
    /// What kind of statement it is, such as `deterministic`.
    pub kind: String,
    /// Who said it.
    pub source: String,
    /// The rule or model by which it was said; `record` when one record named both.
    pub rule: String,
    /// How sure; only scores have one.
    pub score: f64,
    /// The first event time at which it was said; none when it was only withdrawn.
    pub first: Option<Timestamp>,
    /// The last one.
    pub last: Option<Timestamp>,
    /// How often it was said.
    pub count: u32,
    /// Whether it holds a profile together.
    pub admitted: bool,
    /// What became of it, in one word or two, such as `joined` or `over limit`.
    pub fate: String,
    /// Why, in a sentence; empty when it was admitted.
    pub reason: String,
}

/// Why two identifiers are one person.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityWhy {
    /// The public id of the profile.
    pub profile: String,
    /// The evidence from the first to the second; none when they are the same identifier.
    pub path: Vec<IdentityLink>,
    /// Which of the path was admitted last: without it something weaker would have to hold them together.
    pub weakest: Option<usize>,
}

/// Why two identifiers are not one person.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityWhyNot {
    /// The public ids of the two profiles.
    pub profiles: (String, String),
    /// The evidence that leads from one to the other, whether or not it counts; none when nothing does.
    pub path: Vec<IdentityLink>,
    /// Those of the path that keep them apart: if these counted, the two would be one.
    pub refused: Vec<usize>,
    /// What was said that they cannot be one, wherever it stands between their profiles.
    pub forbidden: Vec<IdentityLink>,
}

/// Whether two identifiers are one person, and why.
#[derive(Debug, Clone, PartialEq)]
pub enum IdentityAnswer {
    /// They are.
    One(IdentityWhy),
    /// They are not.
    Apart(IdentityWhyNot),
}

/// A whole cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityCluster {
    /// The public id of the profile.
    pub profile: String,
    /// Its identifiers with the public id of each and the first event time.
    pub identifiers: Vec<(IdentifierName, String, Timestamp)>,
    /// What was said of them, whatever became of it: links to others among it.
    pub links: Vec<IdentityLink>,
    /// Its identifiers that have too many neighbours of a namespace: which, which namespace.
    pub crowded: Vec<(IdentifierName, String)>,
}

/// A change of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// The record that brought it about.
    pub position: Position,
    /// Its event time.
    pub time: Timestamp,
    /// What it was: `joined`, `split`, `rearranged` or `renamed`.
    pub change: String,
    /// The public ids of the profiles that were.
    pub old: Vec<String>,
    /// The public ids of the profiles that are.
    pub new: Vec<String>,
    /// How it came about, such as `said` or `retracted`.
    pub because: String,
    /// The kind of evidence.
    pub kind: String,
    /// The identifiers that it speaks of; twice the same when it speaks of one.
    pub identifiers: (IdentifierName, IdentifierName),
    /// Who said so.
    pub source: String,
    /// By which rule.
    pub rule: String,
}

/// What identity is made of, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdentityStats {
    /// Retractions of evidence, of pairs and of identifiers.
    pub retractions: u64,
    /// Identifiers with too many neighbours of a namespace, each namespace counted: what links these does not count.
    pub crowded: u64,
    /// Profiles that limits, cannot-links, scores or size make worth a closer look at each change.
    pub watched: u64,
}

/// A person of a household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdPerson {
    /// The public id of the profile.
    pub profile: String,
    /// The identifier that names it.
    pub identifier: IdentifierName,
}

/// What ties two persons of a household, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdTie {
    /// The public ids of their profiles.
    pub profiles: (String, String),
    /// What they have alike, or who said that they live together.
    pub because: String,
    /// Whether it ties them.
    pub admitted: bool,
    /// Why it does not; empty when it does.
    pub reason: String,
}

/// A household: persons who live together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Household {
    /// Its public id: that of one of its profiles.
    pub id: String,
    /// Its persons.
    pub persons: Vec<HouseholdPerson>,
    /// What ties them, or would tie them to others, in the order of admission.
    pub ties: Vec<HouseholdTie>,
    /// What too many persons have alike for it to tie any: in words, and how many they are.
    pub crowded: Vec<(String, u64)>,
}

/// How many persons and households there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HouseholdCounts {
    /// Profiles.
    pub persons: u64,
    /// Households, those of one person too.
    pub households: u64,
    /// Households of more than one person.
    pub shared: u64,
    /// Persons of the largest household.
    pub largest: u64,
    /// Groups of persons who are alike, and too many.
    pub crowded: u64,
}
