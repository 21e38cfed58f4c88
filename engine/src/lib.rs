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
mod identity;
mod intake;
mod log;
mod profile;
mod record;
mod state;

pub use audience::Table;
pub use base::error::{Error, ErrorKind, Result};
pub use base::ids::{LoadId, Position};
pub use base::number::Decimal;
pub use base::sum::FloatSum;
pub use base::time::{Date, Span, Timestamp};
pub use base::value::{Value, ValueType};
pub use base::{clock, dir, limits};
pub use db::{
    Aggregates, At, Batch, BrokenRow, Caller, CheckReport, Cursor, Db, DefineEffect,
    DefineReport, DefineRequest, DefinedOne, Definition, DefinitionChange, Explanation, FieldChange, Level,
    LoadStats, Member, MembersPage, MembersRequest, OpenReport, Origin, PlanStep, Profile,
    QuarantineChange,
    ProfileExplanation, ProfileIdentifier, ProfileTrait, Purpose, Receipt, Record, RepairReport,
    Retraction, Session, Settings, SourceStats, Stats, TimelineEvent, TraitExplanation, TraitFact,
    View, WhyLost, check, rebuild, repair,
};
pub use entry::{Said, TimeUnit};
pub use intake::{Delimiter, FileReport, Format, Input, LoadReport, LoadRequest, RecordKind};
