//! What is said of segments and their feeds.

pub use crate::definition::{SegmentRule, StreamRule};
pub use crate::entry::{Became, Reason};

use super::types::Origin;
use crate::base::ids::Position;
use crate::base::time::Timestamp;
use crate::base::value::Value;

/// A segment in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its version: 1 for the first.
    pub version: u32,
    /// What it says.
    pub rule: SegmentRule,
    /// How many profiles are in it.
    pub count: u64,
    /// Why its audience cannot be answered now, so that its members stay as they were.
    pub stalled: Option<String>,
    /// A stalled segment that it asks for, itself or through others: it takes the members which that one had.
    pub asks_stalled: Option<String>,
}

/// A computed trait in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputedTrait {
    /// Its name.
    pub name: String,
    /// Its version: 1 for the first.
    pub version: u32,
    /// Its value, in the audience language.
    pub value: String,
    /// What it is.
    pub description: Option<String>,
    /// Why it cannot be answered now.
    pub stalled: Option<String>,
}

/// Somebody who entered or left a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedItem {
    /// Where it stands in the log: positions grow, and each has one item.
    pub position: Position,
    /// The segments' clock when it was told.
    pub time: Timestamp,
    /// Whether it entered; otherwise it left.
    pub entered: bool,
    /// The public id of the profile.
    pub profile_id: String,
    /// Why.
    pub reason: Reason,
    /// Whether what happened was live, of the past, or a correction.
    pub origin: Origin,
    /// The version of the segment.
    pub version: u32,
    /// The traits that the segment tells, in its order, as text.
    pub traits: Vec<Option<String>>,
}

/// Some of a stream; without more words, of the feed of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage<Item = FeedItem> {
    /// The items, in order.
    pub items: Vec<Item>,
    /// Where to go on: behind the last item; what was asked for when there is none.
    pub next: Position,
    /// Whether there are further items already.
    pub more: bool,
    /// Items before this position are kept no longer; nothing when all are.
    pub trimmed: Option<Position>,
}

/// What became of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityItem {
    /// Where it stands in the log: positions grow, and each has one item.
    pub position: Position,
    /// The engine clock when it was told.
    pub time: Timestamp,
    /// What became of them.
    pub became: Became,
    /// Why.
    pub reason: Reason,
    /// Whether what happened was live, of the past, or a correction.
    pub origin: Origin,
    /// The public ids that they had, in order.
    pub before: Vec<String>,
    /// For each of these the id of the profile that it belongs to now; nothing where that is gone.
    pub now: Vec<Option<String>>,
    /// The public ids that they have, in order.
    pub after: Vec<String>,
}

/// What a program put into a stream of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamItem {
    /// Where it stands in the log: positions grow, and each has one item.
    pub position: Position,
    /// The engine clock when it was put there.
    pub time: Timestamp,
    /// What it says.
    pub text: String,
    /// The timer that it was; nothing when a program put it there.
    pub timer: Option<RungTimer>,
}

/// A timer that was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungTimer {
    /// Its name.
    pub name: String,
    /// When it was due.
    pub due: Timestamp,
}

/// A stream in force that has a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStream {
    /// Its name.
    pub name: String,
    /// Its version: 1 for the first.
    pub version: u32,
    /// What it says.
    pub rule: StreamRule,
}

/// What a segment would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTrial {
    /// How many profiles would be in it.
    pub count: u64,
    /// How many of all profiles are.
    pub profiles: u64,
    /// How many would enter and leave, beside the version in force.
    pub entered: u64,
    /// How many would leave.
    pub left: u64,
    /// Ids of some who would be in it, who would enter, and who would leave.
    pub members: Vec<String>,
    /// Ids of some who would enter.
    pub entering: Vec<String>,
    /// Ids of some who would leave.
    pub leaving: Vec<String>,
}

/// Why a profile is in a segment, or is not.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentWhy {
    /// The public id of the profile.
    pub profile_id: String,
    /// Whether it is in the segment.
    pub member: bool,
    /// The version of the segment.
    pub version: u32,
    /// Why the rule cannot be answered now, so that the member stays what it was; there are no parts then.
    pub stalled: Option<String>,
    /// The parts of the rule that are no AND, OR or NOT, in the order of the text.
    pub parts: Vec<SegmentPart>,
}

/// A part of the rule of a segment, and what is so of one profile.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentPart {
    /// The part, as it is written.
    pub text: String,
    /// Whether it is true; nothing for unknown.
    pub truth: Option<bool>,
    /// What is compared in it, by name.
    pub values: Vec<(String, Option<Value>)>,
    /// The newest records behind it: when, where in the log, and whose.
    pub records: Vec<(Timestamp, Position, String)>,
    /// When it will be otherwise if nothing new is said; nothing when it will not.
    pub flips: Option<Timestamp>,
    /// Why there is no answer, when a number or a time overflows: the profile is no member then.
    pub trouble: Option<String>,
}

/// A version of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentVersion {
    /// The version.
    pub version: u32,
    /// Where it was defined.
    pub position: Position,
    /// When it was defined.
    pub time: Timestamp,
    /// Its audience; nothing when the segment was dropped.
    pub audience: Option<String>,
    /// Who answered for it.
    pub owner: Option<String>,
}

/// Who would have been in a segment, and what its feed would have told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentReplay {
    /// The public ids of those who would have been in it at the beginning, sorted.
    pub members: Vec<String>,
    /// What would have been told, at the end of each step.
    pub steps: Vec<ReplayStep>,
}

/// A step of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Its end.
    pub time: Timestamp,
    /// Public ids of those who would have entered, sorted.
    pub entered: Vec<String>,
    /// Public ids of those who would have left, sorted.
    pub left: Vec<String>,
    /// How many would have been in it then.
    pub count: u64,
}

/// A group of consumers of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroup {
    /// Its name.
    pub name: String,
    /// The position of the last item that was given to any of its consumers.
    pub given: Position,
    /// How many items are given and not done.
    pub pending: u64,
}

/// An item that a consumer has and that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingItem {
    /// The item.
    pub position: Position,
    /// Who has it.
    pub consumer: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it was given to somebody.
    pub deliveries: u32,
}
