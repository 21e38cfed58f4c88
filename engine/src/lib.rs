//! Nave: an embedded columnar customer-profile database.
//!
//! Open a store with [`Db::open`], take a [`Session`], write [`Batch`]es of [`Record`]s or [`Db::load`] files, and ask
//! a [`View`] for audiences (SQL), profiles and timelines. The log is the truth; everything else is a fold of it.
//!
//! ```
//! use navedb::{At, Batch, Caller, Db, Purpose, Record};
//! # let folder = std::env::temp_dir().join(format!("navedb-doc-{}", std::process::id()));
//! let db = Db::open(&folder)?;
//! let session = db.session(Caller::all(), Purpose::any());
//! let json = r#"{"type":"identify","userId":"7","traits":{"country":"FR"},"messageId":"m1"}"#;
//! let receipt = session.write(Batch::new().record(Record::message("crm", json)))?;
//! let view = session.at_least(receipt.position)?;
//! assert_eq!(view.count("p.country = 'FR'", At::Latest)?, 1);
//! db.close()?;
//! # std::fs::remove_dir_all(&folder).ok();
//! # Ok::<(), navedb::Error>(())
//! ```

mod audience;
mod base;
mod catalog;
mod column;
mod db;
mod definition;
mod entry;
mod event;
mod export;
mod identity;
mod index;
mod intake;
mod log;
mod matching;
mod normalise;
mod profile;
mod record;
mod segment;
mod state;

/// The types of Arrow that [`View::arrow`] gives.
#[cfg(feature = "arrow")]
pub use arrow;
pub use audience::{Lift, Lifts, Table};
/// The kernels over sets of rows, for benches and fuzzing: with the feature `kernels` alone, and without the promise
/// that the next version has them.
#[cfg(feature = "kernels")]
pub use base::bits;
pub use base::error::{Error, ErrorKind, Result};
pub use base::ids::{LoadId, Position};
pub use base::number::Decimal;
pub use base::patience::Cancel;
pub use base::sum::FloatSum;
pub use base::time::{Date, Span, Timestamp};
pub use base::value::{Value, ValueType};
pub use base::{clock, dir, limits};
pub use db::{
    Accept, Aggregates, At, Batch, Became, Breach, BrokenRow, Bucket, Caller, CheckReport,
    ComputedTrait, ConsumerGroup, CreateFile, Cursor, DayQuality, Db, DefineEffect, DefineReport,
    DefineRequest, DefinedOne, Definition, DefinitionChange, Explanation, ExportRequest, FeedItem,
    FeedPage, FieldChange, Follow, FollowReport, Golden, Household, HouseholdCounts,
    HouseholdPerson, HouseholdTie, IdentifierName, Identity, IdentityAnswer, IdentityChange,
    IdentityCluster, IdentityItem, IdentityLink, IdentityStats, IdentityWhy, IdentityWhyNot,
    KindQuality, Lateness, Level, LoadStats, MatchReport, MatchRequest, MatcherRequest, Member,
    MembersPage, MembersRequest, Named, NamedStream, NewTimer, OpenReport, Origin, PendingItem,
    PlanStep, PreparedAudience, Profile, ProfileConsent, ProfileExplanation, ProfileIdentifier,
    ProfileMatcher, ProfileMembership, ProfileTrait, Proposal, Purpose, Quality, QualityRequest,
    QuarantineChange, QuarantineCount, QuarantineItem, QuarantineKind, QuarantinePage,
    QuarantineRequest, Reason, Receipt, Record, RegroupedProfiles, RepairReport, ReplayReport,
    ReplayStep, Retraction, RungTimer, Segment, SegmentPart, SegmentReplay, SegmentRule,
    SegmentTrial, SegmentVersion, SegmentWhy, Session, Settings, SourceQuality, SourceState,
    SourceStats, Stats, Stream, StreamItem, StreamRule, TextLogReport, TimelineEvent, Timer,
    TimerPage, TimerPlace, TogetherReport, TogetherRequest, TraitExplanation, TraitFact, View,
    Watermark, WhyLost, check, import_log, rebuild, repair,
};
#[cfg(feature = "arrow")]
pub use db::{ArrowBatches, ArrowRequest, ArrowTable};
pub use entry::{ConsentColumns, EvidenceColumns, Reading, RowKind as RecordKind, Said, TimeUnit};
pub use export::{ExportColumn, ExportFormat, ExportPart, ExportReport, ExportType, ExportedTable};
pub use identity::UnionFind;
pub use intake::{
    Delimiter, FileReport, Following, Format, Input, LoadReport, LoadRequest, Phase, Progress,
    RowSpool, TypedRows,
};
pub use matching::{
    Comparison, Contribution, DayOrder, Explanation as MatchExplanation, Found, Index, Judged,
    JudgedPair, Matcher, Matches, Model, ModelError, Role, Roles, Rows, ScoredPair, Zone,
    infer_role, match_records,
};
