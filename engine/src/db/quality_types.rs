//! What goes in and out where the quality of what comes in is looked after, as plain data.

use crate::base::ids::{LoadId, Position};
use crate::base::time::{Date, Timestamp};
use crate::intake::Breach;
use crate::state::QuarantineKind;

/// Which items of the quarantine are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRequest {
    /// Of this source alone.
    pub source: Option<String>,
    /// Of this kind alone.
    pub kind: Option<QuarantineKind>,
    /// Of this trait, property or field alone, in any event and entity type unless it names one: `amount` or
    /// `purchase.amount`.
    pub field: Option<String>,
    /// How many at most; a page ends with the whole of a record, so that it may have a few more.
    pub limit: usize,
    /// Those after this position: where the page before ended.
    pub after: Option<Position>,
}

impl Default for QuarantineRequest {
    fn default() -> QuarantineRequest {
        let limit = crate::base::limits::MEMBERS_DEFAULT;
        QuarantineRequest { source: None, kind: None, field: None, limit, after: None }
    }
}

/// A page of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinePage {
    /// The items, in the order of the log.
    pub items: Vec<QuarantineItem>,
    /// Where the next page begins, when there is more.
    pub next: Option<Position>,
}

/// Something in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineItem {
    /// The record in the log.
    pub position: Position,
    /// The source.
    pub source: String,
    /// Why it is there.
    pub kind: QuarantineKind,
    /// The load, if it came with one.
    pub load: Option<LoadId>,
    /// The file of the load.
    pub file: Option<String>,
    /// The line in the file.
    pub line: Option<u64>,
    /// The trait, or the event or entity type and the property or field, for a value.
    pub field: Option<String>,
    /// The text of the value, or the beginning of the record.
    pub value: String,
    /// The reason in words.
    pub reason: String,
    /// The event time, when the record named one.
    pub time: Option<Timestamp>,
}

/// How much is in quarantine of one source, kind, and field or reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineCount {
    /// The source.
    pub source: String,
    /// The kind.
    pub kind: QuarantineKind,
    /// The field of values, or the reason.
    pub about: String,
    /// How many.
    pub count: u64,
}

/// Which conflicts a replay accepts: the content that came later then takes the place of the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// None but those whose message id is free by now.
    #[default]
    Free,
    /// That at a position.
    One(Position),
    /// All of them.
    AllConflicts,
}

/// What a replay of the quarantine did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayReport {
    /// How much was in quarantine before.
    pub before: u64,
    /// Conflicts that were decided.
    pub accepted: u64,
    /// What is left, by source, kind, and field or reason.
    pub left: Vec<QuarantineCount>,
    /// The position that covers the replay.
    pub position: Position,
}

/// Which quality is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityRequest {
    /// Of this source alone.
    pub source: Option<String>,
    /// How many days of receipt, that of the engine clock with them.
    pub days: u32,
}

impl Default for QualityRequest {
    fn default() -> QualityRequest {
        QualityRequest { source: None, days: crate::base::limits::QUALITY_DAYS_DEFAULT }
    }
}

/// How good what sources say is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quality {
    /// The engine clock.
    pub clock: Timestamp,
    /// The first day that was asked for.
    pub first: Date,
    /// The sources that said anything, by number.
    pub sources: Vec<SourceQuality>,
    /// The expectations that are not met.
    pub breaches: Vec<Breach>,
}

/// How good what one source says is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceQuality {
    /// Its name.
    pub name: String,
    /// When its newest record was received.
    pub newest_receipt: Option<Timestamp>,
    /// The newest event time that it named; that of receipt for records that named none.
    pub newest_event: Option<Timestamp>,
    /// The days on which something came, in order.
    pub days: Vec<DayQuality>,
}

/// What came from a source on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayQuality {
    /// The day of receipt, in UTC.
    pub day: Date,
    /// Its records, by kind.
    pub kinds: Vec<KindQuality>,
    /// Records that could not be understood.
    pub broken: u64,
    /// Records whose message id was known with other content.
    pub conflicts: u64,
    /// Rows of loads that were known, with the same content.
    pub duplicates: u64,
    /// Rows of loads that took the place of others.
    pub revised: u64,
    /// Values in quarantine, by field.
    pub contradictions: Vec<(String, u64)>,
    /// Fields that came for the first time: the kind, a dot, and the name.
    pub new_fields: Vec<String>,
    /// How long after their event time records were received, if any named one.
    pub lateness: Option<Lateness>,
}

/// What came of one kind of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindQuality {
    /// `identify`, `track` or `entity`.
    pub kind: &'static str,
    /// The event type, the type of entity, or `identify`.
    pub what: String,
    /// How many records.
    pub rows: u64,
    /// The newest event time.
    pub newest_event: Option<Timestamp>,
    /// How many of the records did not say each field that the source has said of this kind, or said null.
    pub nulls: Vec<(String, u64)>,
}

/// How long after their event time records were received, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// Half of them within this; at most one percent too great.
    pub p50: i64,
    /// 95 percent of them within this; at most one percent too great.
    pub p95: i64,
    /// The greatest.
    pub most: i64,
}
