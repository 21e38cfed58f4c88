//! Every limit, its reason, and how it relates to the others.

/// Bytes of one payload in the log. Bounds the memory that recovery needs for a frame.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// Bytes of one record as its source sent it. One record must fit well inside a payload.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// Bytes of records that a load gathers into one frame. Large enough to make the frame's cost vanish, small enough for
/// bounded memory.
pub const LOAD_FRAME_BYTES: usize = 1 << 20;

/// Rows that a load gathers into one frame.
pub const LOAD_FRAME_ROWS: usize = 16_384;

/// Rows of one block of a log, however small they are: a block that says that it has more is none.
pub const BLOCK_ROWS_MAX: usize = 1 << 20;

/// Forms that rows of JSON have in one block. Each is learnt by itself; rows of forms beyond are kept as they came.
pub const BLOCK_FORMS_MAX: usize = 1024;

/// Columns of one block of rows of JSON: for each form there is a list of them.
pub const BLOCK_COLUMNS_MAX: usize = 2048;

/// Rows that are taken out of a Parquet file at once.
pub const TABLE_BATCH_ROWS: usize = 8192;

/// Bytes that are taken out of a Parquet file at once, as far as its row groups say how long rows are.
pub const TABLE_BATCH_BYTES: u64 = 8 << 20;

/// Bytes of one message of Arrow IPC, packed or unpacked: a batch is in memory as its writer made it.
pub const ARROW_MESSAGE_BYTES_MAX: u64 = 1 << 30;

/// Records in one batch: a batch is applied as one, under the writer's lock.
pub const BATCH_RECORDS_MAX: usize = 100_000;

/// Bytes of one batch: it is encoded in memory before it is written.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// Bytes of a log file before the next one begins. Rewriting a file (erasure, retention) costs this much at a time.
pub const LOG_FILE_BYTES: u64 = 256 << 20;

/// Bytes of frames that may wait in memory before they are handed to the file system.
pub const LOG_BUFFER_BYTES: usize = 1 << 17;

/// Bytes of one block of a derived file, checked as one.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Message keys held in memory before they are written as a sorted run (24 bytes each).
pub const KEYS_IN_MEMORY: usize = 1 << 19;

/// Small sorted runs of message keys before they are merged.
pub const KEY_RUNS_MAX: usize = 8;

/// Keys of a run beyond which it is merged no further: a merge is held in memory (16 bytes each).
pub const KEY_RUN_ROWS_MAX: usize = 4 << 20;

/// Characters of an identifier after normalising. Longer ones are no identifiers but text.
pub const IDENTIFIER_BYTES_MAX: usize = 1024;

/// Identifiers of one record: each joins all others.
pub const RECORD_IDENTIFIERS_MAX: usize = 64;

/// Bytes of a name of a source, trait, event or property.
pub const NAME_BYTES_MAX: usize = 256;

/// Traits, and properties of one event type. Each is a column.
pub const FIELDS_MAX: usize = 10_000;

/// Event types. Each is a row space.
pub const EVENT_TYPES_MAX: usize = 10_000;

/// Entity types. Each is a row space.
pub const ENTITY_TYPES_MAX: usize = 10_000;

/// Bytes of the id of an entity. Longer ones are no ids but text.
pub const ENTITY_ID_BYTES_MAX: usize = 1024;

/// New names of traits, event types, properties, entity types and fields that one source may bring, unless its
/// definition says otherwise: more is a key that holds a value, and each would be a column.
pub const NEW_NAMES_MAX: u64 = 1000;

/// Names whose types the look at a file learns: the entry of a load and the memory of the look are bounded. Those
/// beyond get their types from their values as they come.
pub const INFERRED_MAX: usize = 20_000;

/// Bytes of a file of definitions: it is read and folded as one. A model of matching, which is one, has up to 130,000
/// frequent words in 36 bytes each.
pub const DEFINITIONS_BYTES_MAX: usize = 8 << 20;

/// Definitions in one file: they are appended as one batch.
pub const DEFINITIONS_MAX: usize = 10_000;

/// Nesting of objects in a record. The decoder must not recurse without end.
pub const NESTING_MAX: usize = 32;

/// Bytes of an audience text.
pub const AUDIENCE_BYTES_MAX: usize = 64 << 10;

/// Nesting of an audience. Each level costs stack in the parser and the evaluator.
pub const AUDIENCE_DEPTH_MAX: usize = 64;

/// Subqueries in one audience. Each is one pass over events.
pub const AUDIENCE_SUBQUERIES_MAX: usize = 64;

/// Entities that are joined in one subquery. Each is a look-up for each row.
pub const AUDIENCE_JOINS_MAX: usize = 8;

/// Steps of a funnel, at least and at most. Each is one pass over events, and a level of the search.
pub const FUNNEL_STEPS: std::ops::RangeInclusive<usize> = 2..=8;

/// Events that a funnel tries for one profile, when its steps are bound to each other, before it gives up: such a
/// search may grow with a power of the events of a profile.
pub const FUNNEL_TRIES_MAX: u64 = 4_000_000;

/// Audiences that are kept as they were parsed.
pub const PLANS_MAX: usize = 1024;

/// Bytes of the texts of audiences that are kept as they were parsed. A tree takes many times the bytes of its text.
pub const PLAN_TEXT_BYTES_MAX: usize = 1 << 20;

/// Values in one IN list.
pub const IN_LIST_MAX: usize = 10_000;

/// Values that a table is grouped by: each is a dimension of the answer.
pub const GROUPS_MAX: usize = 2;

/// Columns of a table that a statement gives.
pub const TABLE_COLUMNS_MAX: usize = 256;

/// Bytes of changes that are gathered in memory before they are written as a file, while nobody reads them. What is
/// allocated for them may be twice as much.
pub const OPEN_BYTES_MAX: usize = 40 << 20;

/// Rows and changes of a part beyond which it is merged no further: bounds the memory (6 bytes for each event) and time
/// of a merge. Fewer parts are what makes questions and look-ups fast: each costs a look for each part.
pub const PART_WEIGHT_MAX: u64 = 64 << 20;

/// Rows and changes that are merged while writers wait, as at a checkpoint; a greater part is made beside them.
pub const MERGED_AT_ONCE_MAX: u64 = 4 << 20;

/// Texts of a column of a part up to which each has a bitmap; beyond, lists of rows are smaller.
pub const BITMAP_CODES_MAX: usize = 4096;

/// Members in one page, and profiles in one list of greatest values: a page is held in memory.
pub const MEMBERS_MAX: usize = 100_000;

/// Members in a page that does not say how many it wants.
pub const MEMBERS_DEFAULT: usize = 1000;

/// Profiles in a list of greatest values that does not say how many it wants.
pub const TOP_DEFAULT: usize = 10;

/// Groups that the quarantine is counted in: reasons may name values, of which there may be any number.
pub const QUARANTINE_GROUPS_MAX: usize = 1000;

/// Bytes of a value or record that a list of the quarantine shows: a page of whole records would take gigabytes.
pub const QUARANTINE_SHOWN_BYTES: usize = 1000;

/// Days of quality that are told: each has counts of every field.
pub const QUALITY_DAYS_MAX: u32 = 3660;

/// Days of quality when nobody says how many.
pub const QUALITY_DAYS_DEFAULT: u32 = 30;

/// Rows in a row space: ordinals have 32 bits.
pub const ROWS_MAX: u32 = u32::MAX - 1;

/// Bytes of the values of one batch or row group of an export: its texts have offsets of 32 bits, and it is held in
/// memory.
pub const EXPORT_BATCH_BYTES: usize = 64 << 20;

/// Bytes of one line of a log as text: an entry whose every byte is escaped (six bytes each), and what stands around.
pub const LOG_LINE_BYTES_MAX: usize = 8 * PAYLOAD_BYTES_MAX;

const _: () = assert!(RECORD_BYTES_MAX * 4 <= PAYLOAD_BYTES_MAX);
const _: () = assert!(LOAD_FRAME_BYTES + RECORD_BYTES_MAX < PAYLOAD_BYTES_MAX);
const _: () = assert!((PAYLOAD_BYTES_MAX as u64) < LOG_FILE_BYTES);
const _: () = assert!(PLAN_TEXT_BYTES_MAX >= 4 * AUDIENCE_BYTES_MAX);
const _: () = assert!(LOAD_FRAME_ROWS <= BATCH_RECORDS_MAX && LOAD_FRAME_ROWS <= BLOCK_ROWS_MAX);
const _: () = assert!(TOP_DEFAULT <= MEMBERS_DEFAULT && MEMBERS_DEFAULT <= MEMBERS_MAX);

/// Namespaces and sources that one rule set of identity speaks of: a rule set is read and compiled as one.
pub const RULES_MAX: usize = 1000;

/// Blocked values of one rule set, in all namespaces: they are kept in memory.
pub const BLOCKED_MAX: usize = 10_000;

/// Blocked values with stars of one rule set: each may have to be tried on each new identifier.
pub const BLOCKED_PATTERNS_MAX: usize = 1000;

/// Bytes of a blocked value: longer than any that is worth blocking, and short enough to try quickly.
pub const BLOCKED_BYTES_MAX: usize = 256;

/// Profiles that a matching model is learnt of, at least, to be kept: of fewer, shares of values and of pairs tell
/// little, and a store that grows would be matched by chance.
pub const MODEL_PROFILES_MIN: u64 = 100;

/// Profiles that are tied to one that arrives by likely pairs, up to which they are judged together: each takes a look
/// at up to hundreds of others, and a chain that is longer is for a run over the whole store.
pub const MATCH_GROUP_MAX: usize = 256;

/// Times that matching of what arrives goes on with what its own links changed, at most, before it answers: who writes
/// all the time would keep it busy for ever.
pub const MATCH_ROUNDS_MAX: usize = 16;

/// Pieces of evidence in a component beyond which only those of records and people count, at most: a change there is
/// judged over all of them.
pub const COMPONENT_EDGES_LIMIT: u32 = 1 << 20;

/// Persons in a household, where the rules name no other number: behind an address with more there is a hostel or an
/// office.
pub const HOUSEHOLD_PERSONS_MAX: u32 = 12;

/// Nodes and pieces of evidence, and ids of these, that the writer keeps at hand for judging components anew, about 64
/// bytes each.
pub const KNOWN_EDGES_MAX: usize = 1 << 20;

/// Pieces of evidence that no file has yet and that the writer keeps at hand in one place beside the parts in memory,
/// about 80 bytes each: of more the parts are asked one by one.
pub const RECENT_EDGES_MAX: usize = 1 << 20;

/// Seconds of a bucket of time in which those who are at one place meet: clocks of devices differ by what is shorter,
/// and what is longer is no meeting.
pub const TOGETHER_BUCKET_SECONDS: std::ops::RangeInclusive<u32> = 60..=31 * 86_400;

/// Events that are looked at for meetings at once: 16 bytes each, and up to 48 for a place that no other has.
pub const TOGETHER_EVENTS_MAX: usize = 1 << 25;

/// Pairs that met, of which it is counted how often: just below what a table of 350 MB holds.
pub const TOGETHER_PAIRS_MAX: usize = 7_000_000;

/// Traits with more values than these are not compared when it is asked what sets an audience apart: names and numbers
/// of persons say nothing of many.
pub const LIFT_VALUES_MAX: usize = 65_536;

/// Audiences whose overlap is asked for at once: the answer is a square of them.
pub const OVERLAP_AUDIENCES_MAX: usize = 100;

/// Saved segments. Each has its members and a place in the index of what touches it.
pub const SEGMENTS_MAX: usize = 20_000;

/// Traits that the feed of one segment tells: they stand in each entry.
pub const SEGMENT_TRAITS_MAX: usize = 32;

/// Bytes of the owner, the purpose and the description of a segment.
pub const SEGMENT_NOTE_BYTES_MAX: usize = 4096;

/// How deep segments and computed traits may stand in one another, when they are written out.
pub const SAVED_DEPTH_MAX: usize = 16;

/// Profiles that are evaluated one by one for a segment; more are evaluated by chunks. A batch of some thousand events
/// is faster one by one, and 300,000 in a load are twice as fast by chunks.
pub const SEGMENT_ROWS_MAX: u64 = 4096;

/// Transitions in one entry of the log: an entry is held in memory as a whole, and has a bounded payload.
pub const TOLD_ROWS_MAX: usize = 500_000;

/// Bytes of the ids and traits in one entry of what was told: it must fit a payload with what stands around them.
pub const TOLD_BYTES_MAX: usize = 8 << 20;

/// Bytes of a trait as a feed tells it; of longer texts the beginning is told. As many as a segment tells of one
/// profile must fit an entry.
pub const TOLD_TEXT_BYTES_MAX: usize = 64 << 10;

/// New events times conditions of segments that are held against each other one by one; beyond, whoever has a new event
/// is evaluated.
pub const SEGMENT_FILTERED_ROWS_MAX: u64 = 4 << 20;

/// Bytes of an item that a program puts into a stream.
pub const STREAM_ITEM_BYTES_MAX: usize = 1 << 20;

/// Items that are put into a stream at once, and their bytes: they are one entry, and must fit a payload with the
/// length of each.
pub const STREAM_PUT_MAX: usize = 100_000;
/// See `STREAM_PUT_MAX`.
pub const STREAM_PUT_BYTES_MAX: usize = 16 << 20;

/// Timers that become items before other writers have their turn: some milliseconds.
pub const TIMERS_AT_ONCE: usize = 1_000;

/// Changes of profiles that are told in one entry; more go into further ones.
pub const IDENTITY_CHANGES_MAX: usize = 10_000;

/// Ids of profiles in one entry of what became of profiles: it must fit a payload.
pub const IDENTITY_IDS_MAX: usize = 400_000;

/// Items of a feed that are read at once: they are gathered in memory.
pub const FEED_ITEMS_MAX: usize = 100_000;

/// Records that are shown behind one part of a segment.
pub const WHY_RECORDS_MAX: usize = 3;

/// Events of one type of one profile that are looked at for the moment at which a part of a segment changes by time.
pub const WHY_EVENTS_MAX: usize = 1000;

/// Steps of the replay of an audience: for each the log is folded again.
pub const REPLAY_STEPS_MAX: i64 = 5000;

/// Items of a feed that the consumers of one group may have without saying that they are done: all are in memory.
pub const GROUP_PENDING_MAX: usize = 100_000;
