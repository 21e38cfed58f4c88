//! What matching is asked with and answered with, as plain data.

use super::Level;
use super::identity_types::IdentityLink;
use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::base::limits::TOGETHER_BUCKET_SECONDS;
use std::fmt;
use std::str::FromStr;

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

/// How long who is at one place meets there: buckets of time of one length, from 1970 on, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket(u32);

/// The units of a bucket, the greatest first.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Bucket {
    /// How many seconds it has.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for Bucket {
    /// An hour.
    fn default() -> Bucket {
        Bucket(3_600)
    }
}

impl FromStr for Bucket {
    type Err = Error;

    fn from_str(text: &str) -> Result<Bucket> {
        let unit =
            UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
        let seconds =
            unit.and_then(|(count, seconds)| count.parse::<u32>().ok()?.checked_mul(seconds));
        let within = seconds.filter(|seconds| TOGETHER_BUCKET_SECONDS.contains(seconds));
        within.map(Bucket).ok_or_else(|| {
            Error::invalid(format!(
                "'{text}' is no bucket of time; write a number and a unit (s, m, h, d), such as 30m, 1h or 1d, from \
                 one minute to 31 days"
            ))
        })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, seconds)| self.0.is_multiple_of(*seconds));
        whole.map_or(Ok(()), |(unit, seconds)| write!(f, "{}{unit}", self.0 / seconds))
    }
}

/// How identifiers are linked that are at the same places at the same times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TogetherRequest {
    /// The property of events that says where, such as `store_id`.
    pub place: String,
    /// The event types that are looked at; without any all that have the property.
    pub events: Vec<String>,
    /// How long they may be apart at a place, at most, to have met.
    pub bucket: Bucket,
    /// In how many buckets two must have met; where that is two or more, also on two days.
    pub least: u32,
    /// With more identifiers at one place in one bucket nobody met anybody.
    pub crowd: u32,
    /// The namespaces of the identifiers; without any all.
    pub namespaces: Vec<String>,
    /// Only tell what would be linked.
    pub dry_run: bool,
    /// The source that what is found is written under.
    pub source: String,
}

impl TogetherRequest {
    /// The request for a place: three buckets of an hour, a crowd of more than twenty, the source `matcher`.
    pub fn new(place: impl Into<String>) -> TogetherRequest {
        TogetherRequest {
            place: place.into(),
            events: Vec::new(),
            bucket: Bucket::default(),
            least: 3,
            crowd: 20,
            namespaces: Vec::new(),
            dry_run: false,
            source: "matcher".to_owned(),
        }
    }
}

/// Who was at the same places at the same times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TogetherReport {
    /// The rule that this evidence is kept under: of the place and the bucket.
    pub rule: String,
    /// Events that say where and when.
    pub events: u64,
    /// Events that say where, and were passed over since their records name no time.
    pub undated: u64,
    /// Groups: two identifiers or more at one place in one bucket.
    pub groups: u64,
    /// Those among them that are crowds, and were passed over.
    pub crowded: u64,
    /// Pairs of different profiles that met at least once.
    pub met: u64,
    /// Those among them that met often enough, and are linked.
    pub linked: u64,
    /// Links that were not known already.
    pub written: u64,
    /// Profiles before and after.
    pub profiles: (u64, u64),
    /// The position that covers what was written.
    pub position: Position,
}
