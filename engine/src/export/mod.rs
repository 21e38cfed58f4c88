//! Out again: profiles, identifiers, events and entities as tables of files, and the log as lines of text.
//!
//! *What it is:* `table` says which tables a snapshot has, with their columns and rows; `text` writes them as CSV or
//! NDJSON, `batch` as Arrow and Parquet; `catalogue` names the files and tells what is in each, also to DuckDB; `line`
//! is an entry of the log as JSON, there and back. *Invariants:* all tables are of one state; rows are taken some ten
//! thousand at a time; a value is written with all its digits. *What it does not know:* where the bytes go.
//! *Where to start reading:* `TableScan`.

#[cfg(feature = "arrow")]
mod batch;
mod catalogue;
mod line;
mod table;
mod text;

#[cfg(feature = "arrow")]
pub use batch::{RowGroups, record_batch, schema};
pub use catalogue::{ExportReport, ExportedTable, FileNames, manifest, statements};
pub use line::{EntryLine, EntryText, RowLine, TailLine};
#[cfg(feature = "arrow")]
pub use table::TableId;
pub use table::{Names, TableScan, tables};
pub use text::TextFile;

use crate::base::error::{Error, ErrorKind, Result};
use std::str::FromStr;

/// The form of the files of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Parquet; needs the feature `arrow`.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl ExportFormat {
    /// The end of the names of files.
    pub fn extension(self) -> &'static str {
        match self {
            ExportFormat::Parquet => "parquet",
            ExportFormat::Csv => "csv",
            ExportFormat::Ndjson => "ndjson",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<ExportFormat> {
        [ExportFormat::Parquet, ExportFormat::Csv, ExportFormat::Ndjson]
            .into_iter()
            .find(|format| format.extension() == text)
            .ok_or_else(|| {
                Error::invalid(format!("'{text}' is no format; use parquet, csv or ndjson"))
            })
    }
}

/// What an export is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportPart {
    /// Profiles with their golden records.
    Profiles,
    /// Identifiers with their profiles.
    Identifiers,
    /// Events, a table for each type.
    Events,
    /// Entities, a table for each type.
    Entities,
    /// Who is in which segment, where segments are defined.
    Segments,
}

impl ExportPart {
    /// All of them.
    pub const ALL: [ExportPart; 5] = [
        ExportPart::Profiles,
        ExportPart::Identifiers,
        ExportPart::Events,
        ExportPart::Entities,
        ExportPart::Segments,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            ExportPart::Profiles => "profiles",
            ExportPart::Identifiers => "identifiers",
            ExportPart::Events => "events",
            ExportPart::Entities => "entities",
            ExportPart::Segments => "segments",
        }
    }
}

impl FromStr for ExportPart {
    type Err = Error;

    fn from_str(text: &str) -> Result<ExportPart> {
        ExportPart::ALL.into_iter().find(|part| part.name() == text).ok_or_else(|| {
            Error::invalid(format!(
                "'{text}' is not exported; use profiles, identifiers, events, entities or \
                 segments"
            ))
        })
    }
}

/// The type of an exported column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportType {
    /// Text.
    Text,
    /// A 64-bit integer.
    Integer,
    /// A decimal of so many digits, of which so many stand behind the point.
    Decimal {
        /// How many digits at most: 18 or 38.
        digits: u8,
        /// How many behind the point.
        scale: u8,
    },
    /// Decimals that no one scale of 38 digits holds, as text.
    DecimalText,
    /// A 64-bit float.
    Float,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// An instant, UTC microseconds.
    Timestamp,
    /// A list of texts: a set. Never NULL; what was not said is the empty list.
    Texts,
}

impl std::fmt::Display for ExportType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ExportType::Text => "text",
            ExportType::Integer => "int64",
            ExportType::Decimal { digits, scale } => {
                return write!(f, "decimal({digits},{scale})");
            }
            ExportType::DecimalText => "decimal as text",
            ExportType::Float => "double",
            ExportType::Boolean => "boolean",
            ExportType::Date => "date",
            ExportType::Timestamp => "timestamp(us, UTC)",
            ExportType::Texts => "list of text",
        })
    }
}

/// A column of an exported table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportColumn {
    /// The name by which audiences call it.
    pub name: String,
    /// Its type.
    pub kind: ExportType,
}

/// Turns the error of a writer into one of the engine.
pub(crate) fn failed(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the export cannot be written: {error}; is the disk full?"))
}
