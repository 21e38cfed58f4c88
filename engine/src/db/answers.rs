//! What lists of members and explanations of profiles are asked with and answered with, as plain data.

use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::base::limits::MEMBERS_DEFAULT;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::identity::PublicId;
use std::fmt;
use std::str::FromStr;

/// Which members of an audience, and what of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembersRequest {
    /// The traits whose values are given.
    pub select: Vec<String>,
    /// The namespace whose identifiers are given.
    pub with: Option<String>,
    /// How many members at most.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl Default for MembersRequest {
    fn default() -> MembersRequest {
        MembersRequest { select: Vec::new(), with: None, limit: MEMBERS_DEFAULT, after: None }
    }
}

/// A place between the members of an audience: behind those whose profile id is at most this one. It holds over writes,
/// checkpoints and openings, and whether or not there still is a profile of this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub(super) PublicId);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cursor> {
        PublicId::parse(text).map(Cursor).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Error::invalid(format!("'{shown}' is no cursor; give the profile id of the last row"))
        })
    }
}

/// Some members of an audience, in the order of their profile ids.
#[derive(Debug, Clone, PartialEq)]
pub struct MembersPage {
    /// The members.
    pub members: Vec<Member>,
    /// Where the next page begins; nothing when no further members were there.
    pub next: Option<Cursor>,
}

/// A member of an audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The public id of the profile.
    pub profile_id: String,
    /// The values of the traits that were asked for, in that order; nothing is NULL.
    pub traits: Vec<Option<Value>>,
    /// Its identifiers in the namespace that was asked for, sorted.
    pub identifiers: Vec<String>,
}

/// One trait of the profiles of an audience, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregates {
    /// Profiles that have the trait.
    pub count: u64,
    /// The sum; nothing when there is no value, or values are no numbers.
    pub sum: Option<Value>,
    /// The average; nothing when there is no value, or values are no numbers.
    pub avg: Option<Value>,
    /// The least value.
    pub min: Option<Value>,
    /// The greatest value.
    pub max: Option<Value>,
}

/// Why the traits of a profile have their values.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileExplanation {
    /// The public id of the profile.
    pub id: String,
    /// Every trait that something was said about, sorted by name.
    pub traits: Vec<TraitExplanation>,
}

/// What was said about one trait of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct TraitExplanation {
    /// The name of the trait.
    pub name: String,
    /// Which fact wins, as it is defined, such as `the latest`.
    pub rule: String,
    /// What was said, the fact that won first, then from the strongest to the weakest.
    pub facts: Vec<TraitFact>,
}

/// One statement about a trait of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct TraitFact {
    /// The value; nothing is NULL, which removes the trait when it wins.
    pub value: Option<Value>,
    /// When it was so (event time); the time of receipt when the record named none.
    pub time: Timestamp,
    /// Whether the record named the time.
    pub dated: bool,
    /// Who said so.
    pub source: String,
    /// The namespace of the identifier that it was said about.
    pub namespace: String,
    /// The value of the identifier that it was said about.
    pub identifier: String,
    /// The record in the log.
    pub position: Position,
    /// Whether its value is that of the golden record.
    pub won: bool,
    /// Why it lost, unless it won.
    pub reason: Option<WhyLost>,
}

/// What decided against a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLost {
    /// Its event time is earlier.
    Time,
    /// Of the same time, but the name of its source sorts before.
    Source,
    /// Of the same time and source, but its value is less.
    Value,
    /// The same fact, said once more later in the log.
    Repeated,
    /// The rule for the golden value prefers another.
    Rule,
}

impl WhyLost {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            WhyLost::Time => "time",
            WhyLost::Source => "source",
            WhyLost::Value => "value",
            WhyLost::Repeated => "repeated",
            WhyLost::Rule => "rule",
        }
    }
}

impl fmt::Display for WhyLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WhyLost::Time => "an earlier time",
            WhyLost::Source => "the same time, but its source sorts before",
            WhyLost::Value => "the same time and source, but a lesser value",
            WhyLost::Repeated => "the same once more",
            WhyLost::Rule => "the rule prefers another",
        })
    }
}
