//! What goes in and out of the database: requests, receipts and reports, as plain data.

use crate::base::ids::{LoadId, Position};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};

pub use super::watermark::Watermark;
pub use crate::audience::Step as PlanStep;
pub use crate::entry::Origin;
pub use crate::intake::{Breach, BrokenRow, FileReport, LoadReport, LoadRequest};
pub use crate::log::Level;
pub use crate::state::{QuarantineKind, SourceState};

/// Who asks. Until there are roles, the one caller who may do everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(());

impl Caller {
    /// The caller who may do everything.
    pub fn all() -> Caller {
        Caller(())
    }
}

/// What the answer is for. Until purposes are enforced, any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose(());

impl Purpose {
    /// Any purpose.
    pub fn any() -> Purpose {
        Purpose(())
    }
}

/// How the store behaves. Nothing here changes bytes that are already on disk.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Make the store when there is none (else opening it is an error).
    pub create: bool,
    /// Bytes of a log file before the next one begins.
    pub log_file_bytes: u64,
    /// Message keys held in memory before they are written as a sorted run.
    pub keys_in_memory: usize,
    /// Bytes of changes that a load or a replay gathers in memory before it writes them as a file.
    pub open_bytes: usize,
    /// Rows and changes of files that a checkpoint merges while writers wait; more it merges beside them.
    pub merged_at_once: u64,
    /// Start a thread that merges what writes left in memory. Without one the writes do it, so that one in eight takes
    /// longer, and one in some hundreds much longer.
    pub merge_thread: bool,
    /// Start threads for each load: one that reads the input ahead, and one that merges the files that the load wrote.
    pub load_threads: bool,
    /// How many threads a question or a batch with much to do may use, the one that asks or writes among them. With 1,
    /// and with 0, none is started.
    pub question_threads: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            create: true,
            log_file_bytes: crate::base::limits::LOG_FILE_BYTES,
            keys_in_memory: crate::base::limits::KEYS_IN_MEMORY,
            open_bytes: crate::base::limits::OPEN_BYTES_MAX,
            merged_at_once: crate::base::limits::MERGED_AT_ONCE_MAX,
            merge_thread: false,
            load_threads: false,
            question_threads: 1,
        }
    }
}

/// One record to write: a JSON message, kept byte for byte.
///
/// The message has `type`, and all but entities at least one identifier: `userId`, `anonymousId`, or `identifiers:
/// {namespace: value or list of values}`. It may have `timestamp` (ISO 8601) and `messageId`. An `identify` has
/// `traits`; a `track` has `event` and `properties`, in which an array of objects is a table of its own, called as the
/// event and the property; `page` and `screen` have `name` and `properties`; a `group` has `groupId` and `traits`; an
/// `alias` has
/// `previousId`; an `entity` has `entity` (its type, such as `product`), `id` and `traits`; a `consent` has `channel`,
/// `purpose` and `state`. `docs/messages.md` says what each means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) source: String,
    pub(crate) json: Vec<u8>,
}

impl Record {
    /// A message of a source.
    pub fn message(source: impl Into<String>, json: impl Into<Vec<u8>>) -> Record {
        Record { source: source.into(), json: json.into() }
    }
}

/// Records that are written together: all or none.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) level: Option<Level>,
    pub(crate) origin: Origin,
    pub(crate) revise: bool,
}

impl Batch {
    /// An empty batch: origin live, the default level of what it holds.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// The batch with one more record.
    #[must_use]
    pub fn record(mut self, record: Record) -> Batch {
        self.records.push(record);
        self
    }

    /// The batch with a level of durability.
    #[must_use]
    pub fn level(mut self, level: Level) -> Batch {
        self.level = Some(level);
        self
    }

    /// The batch whose records take the place of those that have their message ids and other content: these are
    /// withdrawn. Without it such a record is a conflict.
    #[must_use]
    pub fn revise(mut self) -> Batch {
        self.revise = true;
        self
    }

    /// The batch with an origin.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Batch {
        self.origin = origin;
        self
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Receipt {
    /// The position that covers the batch: reads `at_least` it see all of it.
    pub position: Position,
    /// The level that was reached before the reply.
    pub level: Level,
    /// The level of such a batch when it names none: group, and sync when it tells what persons allowed.
    pub default_level: Level,
    /// Records that were new.
    pub written: u64,
    /// Records that took the place of others with their message ids.
    pub revised: u64,
    /// Records whose message id was known, with the same content.
    pub duplicates: u64,
    /// Records whose message id was known with other content; they are in quarantine.
    pub conflicts: u64,
    /// Records that could not be understood; they are in quarantine with the reason.
    pub broken: Vec<BrokenRow>,
}

/// What to withdraw, as if it had never been said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retraction {
    /// All records of a load.
    Load(LoadId),
    /// One record of a source.
    Record {
        /// The name of the source.
        source: String,
        /// The message id that the source gave.
        message_id: String,
    },
    /// All records of a source between two positions, both with them.
    Source {
        /// The name of the source.
        source: String,
        /// The first position; the first of the log when there is none.
        from: Option<Position>,
        /// The last position; the newest of the log when there is none.
        to: Option<Position>,
    },
}

/// The instant that a question is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum At {
    /// `now()` is the clock of the snapshot.
    #[default]
    Latest,
    /// `now()` is this instant; nothing is hidden.
    Now(Timestamp),
    /// `now()` is this instant, and what happened later is hidden.
    AsOf(Timestamp),
}

/// One identifier of a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileIdentifier {
    /// The namespace, such as `email`.
    pub namespace: String,
    /// The value after normalising.
    pub value: String,
    /// The first time that it was seen (event time).
    pub first_seen: Timestamp,
}

/// One trait of a profile's golden record.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileTrait {
    /// The name of the trait.
    pub name: String,
    /// The winning value.
    pub value: Value,
    /// When the winning value was said (event time).
    pub time: Timestamp,
    /// The source that won.
    pub source: String,
    /// The record that won.
    pub position: Position,
}

/// The golden record of a profile alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// The public id, which every identifier's id resolves to.
    pub id: String,
    /// Its traits, sorted by name.
    pub traits: Vec<ProfileTrait>,
}

/// A profile: its identifiers and its golden record.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The public id, which every identifier's id resolves to.
    pub id: String,
    /// Its identifiers, sorted.
    pub identifiers: Vec<ProfileIdentifier>,
    /// Its traits, sorted by name.
    pub traits: Vec<ProfileTrait>,
    /// How many events it has, by event type, sorted by name.
    pub events: Vec<(String, u64)>,
    /// What the person allowed: for each channel, purpose and topic the strictest of what is the latest for each
    /// identifier. Sorted.
    pub consents: Vec<ProfileConsent>,
    /// The groups of the person, and those that they left. Sorted.
    pub memberships: Vec<ProfileMembership>,
    /// The computed traits that have a value, sorted by name. They are true at the clock of the snapshot.
    pub computed: Vec<(String, Value)>,
}

/// What a person allowed, or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileConsent {
    /// The channel; `*` is every one.
    pub channel: String,
    /// The purpose; `*` is every one.
    pub purpose: String,
    /// The topic; none is all of the purpose.
    pub topic: Option<String>,
    /// `granted`, `denied` or `withdrawn`.
    pub state: String,
    /// When it was said (event time).
    pub time: Timestamp,
    /// The source that said so.
    pub source: String,
    /// The legal basis.
    pub basis: Option<String>,
    /// What the person was shown.
    pub text: Option<String>,
    /// The record that said so.
    pub position: Position,
}

/// That a person belongs to a group, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileMembership {
    /// The type of the group: an entity type.
    pub group: String,
    /// Which one.
    pub id: String,
    /// `joined` or `left`.
    pub state: String,
    /// When (event time).
    pub time: Timestamp,
    /// The source that said so.
    pub source: String,
    /// The record that said so.
    pub position: Position,
}

/// One event of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineEvent {
    /// The event type.
    pub event: String,
    /// When it happened.
    pub time: Timestamp,
    /// Who said so.
    pub source: String,
    /// The message id: the source's, or the generated one.
    pub message_id: String,
    /// The properties that it has, by name.
    pub properties: Vec<(String, Value)>,
    /// The record in the log.
    pub position: Position,
}

/// How an audience is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The whole question, with what was implied written out.
    pub text: String,
    /// The question in the SQL of a warehouse (DuckDB), without a function that only Nave knows.
    pub sql: String,
    /// The plan, one indented line a step.
    pub plan: Vec<String>,
    /// The same steps as data.
    pub steps: Vec<PlanStep>,
    /// The answer.
    pub count: u64,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// What identity is made of.
    pub identity: super::IdentityStats,
    /// Profiles.
    pub profiles: u64,
    /// Identifiers.
    pub identifiers: u64,
    /// Events, by type, sorted by name.
    pub events: Vec<(String, u64)>,
    /// Traits with their types and how many profiles have one, sorted by name.
    pub traits: Vec<(String, ValueType, u64)>,
    /// Properties with their types, by event type, sorted.
    pub properties: Vec<(String, String, ValueType)>,
    /// Entities, by type, sorted by name.
    pub entities: Vec<(String, u64)>,
    /// Fields with their types, by entity type, sorted.
    pub entity_fields: Vec<(String, String, ValueType)>,
    /// The sources that have records or are not simply live, sorted by name.
    pub sources: Vec<SourceStats>,
    /// The loads that are in force, oldest first.
    pub loads: Vec<LoadStats>,
    /// Records and values in quarantine, by reason.
    pub quarantine: Vec<(String, u64)>,
    /// Values kept in the original alone, because they are lists.
    pub lists_not_folded: u64,
    /// The position of the snapshot.
    pub position: Position,
    /// The last position known to be durable.
    pub durable: Position,
    /// The engine clock of the snapshot.
    pub clock: Timestamp,
    /// Bytes of the log and of the derived files.
    pub log_bytes: u64,
    /// Bytes of the derived files.
    pub derived_bytes: u64,
    /// Why the writer takes nothing more, if so.
    pub read_only: Option<String>,
    /// Torn tails that openings have cut since the store was made.
    pub torn_tails: u64,
}

/// What one source said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceStats {
    /// Its name.
    pub name: String,
    /// Records in force.
    pub records: u64,
    /// Whether what it says is taken.
    pub state: SourceState,
    /// The position from which on its records are held back, if they are.
    pub since: Option<Position>,
    /// Records that are held back.
    pub held: u64,
    /// Names of traits, event types, properties, entity types and fields that it was the first to say.
    pub names: u64,
    /// Values, and records of unknown types, that stay in the original alone: their names would be more than
    /// `max_new_names` of the source.
    pub beyond_names: u64,
}

/// One load.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadStats {
    /// Its id, which `retract` takes.
    pub id: LoadId,
    /// The source.
    pub source: String,
    /// The file.
    pub file: String,
    /// Rows of it in the log.
    pub rows: u64,
}

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// The position of the checkpoint that was used, if one was.
    pub checkpoint: Option<Position>,
    /// Rows folded from the log after it.
    pub replayed: u64,
    /// Bytes of a torn tail that were cut, if any: they were never acknowledged as durable.
    pub torn_bytes: u64,
    /// The file and offset of the cut.
    pub torn_at: Option<(String, u64)>,
    /// Derived files that were damaged or of another version and were thrown away.
    pub discarded: Vec<String>,
}

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Frames of the log that hold.
    pub frames: u64,
    /// Rows of the log that hold.
    pub rows: u64,
    /// Derived files that hold.
    pub derived: u64,
    /// What is wrong, one line each, with file and offset.
    pub damage: Vec<String>,
    /// What is unusual but harmless, one line each.
    pub notes: Vec<String>,
}

/// What `repair` did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepairReport {
    /// What was done, one line each.
    pub actions: Vec<String>,
    /// Rows that could not be saved.
    pub lost_rows: u64,
}
