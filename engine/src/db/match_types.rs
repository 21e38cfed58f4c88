//! What matching is asked with and answered with, as plain data.

use super::Level;
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

/// How profiles are matched as they come and change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatcherRequest {
    /// The roles of traits, by their names, where those of the saved model, or as they are inferred, do not fit.
    pub roles: Vec<(String, String)>,
    /// How many threads build the index; with fewer than two the caller's own.
    pub threads: usize,
    /// The source that what is found is written under.
    pub source: String,
    /// How safe what was found is when it is answered; without one that of records.
    pub level: Option<Level>,
}

/// What following the changes of profiles found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowReport {
    /// Profiles that were judged because they are new or say something else; one that changed by what was found is
    /// judged again.
    pub changed: u64,
    /// Profiles that are no longer what they were, or no longer there.
    pub gone: u64,
    /// Pairs that were compared.
    pub compared: u64,
    /// Pairs that were found to be of one person.
    pub linked: u64,
    /// Pairs for a person to decide.
    pub proposed: u64,
    /// How many of both were not known yet, and are in the log now.
    pub written: u64,
    /// How many of both are in quarantine, because the log has their message id with other content.
    pub conflicts: u64,
    /// Times that so many profiles were tied to one by likely pairs that they were not judged together: such pairs are
    /// proposed, and a run over all profiles decides.
    pub chained: u64,
    /// Whether all profiles were read again, because the model, the traits or most profiles are others.
    pub read_again: bool,
    /// Whether nothing is left to be judged of what there was; if not, the next call goes on.
    pub settled: bool,
    /// The rule that evidence of the model is kept under.
    pub rule: String,
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
