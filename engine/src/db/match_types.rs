//! What matching is asked with and answered with, as plain data.

use super::identity_types::IdentityLink;
use crate::base::ids::Position;

/// How profiles are matched that no identifier joins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatchRequest {
    /// The roles of traits, by their names, where they are not to be inferred: such as `("town", "city")`. Identifiers
    /// of a namespace are a trait of its name.
    pub roles: Vec<(String, String)>,
    /// Learn a new model, although one is saved.
    pub learn: bool,
    /// How many threads work; with fewer than two the caller's own.
    pub threads: usize,
    /// Only tell what would be linked and proposed.
    pub dry_run: bool,
    /// The source that what is found is written under.
    pub source: String,
}

/// What matching found.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchReport {
    /// Profiles that were compared.
    pub records: u64,
    /// The role of each trait that says something.
    pub roles: Vec<(String, String)>,
    /// Pairs that were compared.
    pub compared: u64,
    /// The rule that evidence of this model is kept under.
    pub rule: String,
    /// Whether the model was learnt now, from these records.
    pub learnt: bool,
    /// Whether the model is saved as the definition `model.person`.
    pub saved: bool,
    /// How many profiles the model was learnt of.
    pub model_profiles: u64,
    /// Pairs of one person, written as evidence.
    pub linked: u64,
    /// Pairs for a person to decide.
    pub proposed: u64,
    /// Profiles before and after.
    pub profiles: (u64, u64),
    /// The position that covers what was written.
    pub position: Position,
}

/// A pair that waits for a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What was proposed: the two identifiers, the score and the model.
    pub link: IdentityLink,
    /// The profiles that they belong to.
    pub profiles: (String, String),
}
