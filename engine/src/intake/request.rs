//! What a load asks for and what it did, as plain data.

use super::typed::TypedRows;
use crate::base::dir::{Spool, SpoolWriter, input_len};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position};
use crate::base::time::Date;
use crate::entry::{Origin, RowKind as RecordKind, TimeUnit};
use crate::log::Level;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

/// Files of one source to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadRequest {
    /// The source.
    pub source: String,
    /// What a row is.
    pub kind: RecordKind,
    /// The files, in order.
    pub inputs: Vec<Input>,
    /// Their format; none goes by the name of each file.
    pub format: Option<Format>,
    /// Namespace and column of each identifier, the most important first.
    pub ids: Vec<(String, String)>,
    /// The column of the event time; none takes the time of receipt.
    pub time: Option<String>,
    /// How the time is written.
    pub time_unit: TimeUnit,
    /// The zone of times that name none, as in the IANA tables.
    pub zone: String,
    /// The columns of the message id; none generates it from the content of the file and the number of the row.
    pub message_id: Vec<String>,
    /// What parts the fields; none goes by the name of each file.
    pub delimiter: Option<Delimiter>,
    /// What stands around a field that holds a delimiter or the end of a line; none when fields are never quoted.
    pub quote: Option<u8>,
    /// What stands before a quote inside a quoted field; none when such a quote is doubled.
    pub escape: Option<u8>,
    /// The encoding of text files, by a label of the WHATWG Encoding Standard; none is UTF-8, or UTF-16 when a file
    /// begins with its mark.
    pub encoding: Option<String>,
    /// Whether the rows tell of now or of the past.
    pub origin: Origin,
    /// How durable the load is before it is reported; none is group, and sync when there are consents in it.
    pub level: Option<Level>,
    /// Load nothing when any row is broken.
    pub strict: bool,
    /// A row whose message id is known with other content takes the place of the one that has it; without it such a
    /// row is a conflict.
    pub revise: bool,
    /// The query that the rows come from, when it is asked again and again.
    pub following: Option<Following>,
}

/// A query of a database that is asked again and again, each time from the greatest value of a column on.
///
/// Its rows come in the order of that column. Those without a message id are known by the name of the query and all of
/// their values, not by the place where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// The name of the query among those of its source.
    pub query: String,
    /// The column.
    pub column: String,
}

impl LoadRequest {
    /// A request with defaults: ISO times in UTC, origin live.
    pub fn new(source: impl Into<String>, kind: RecordKind) -> LoadRequest {
        LoadRequest {
            source: source.into(),
            kind,
            inputs: Vec::new(),
            format: None,
            ids: Vec::new(),
            time: None,
            time_unit: TimeUnit::Iso,
            zone: "UTC".to_owned(),
            message_id: Vec::new(),
            delimiter: None,
            quote: Some(b'"'),
            escape: None,
            encoding: None,
            origin: Origin::Live,
            level: None,
            strict: false,
            revise: false,
            following: None,
        }
    }
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file on disk.
    Path(PathBuf),
    /// Bytes in memory, under a name.
    Bytes {
        /// The name.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Bytes that could be read but once, such as those of standard input, kept in a temporary file.
    Spooled {
        /// The name.
        name: String,
        /// The file.
        spool: Spool,
    },
    /// Rows of typed columns.
    Rows(TypedRows),
}

impl Input {
    /// The name in reports.
    pub fn name(&self) -> String {
        match self {
            Input::Path(path) => path.display().to_string(),
            Input::Bytes { name, .. } | Input::Spooled { name, .. } => name.clone(),
            Input::Rows(rows) => rows.name.clone(),
        }
    }

    /// Its bytes as they are stored; none when it does not tell.
    pub(crate) fn stored_bytes(&self) -> Option<u64> {
        match self {
            Input::Path(path) => input_len(path),
            Input::Bytes { bytes, .. } => Some(bytes.len() as u64),
            Input::Spooled { spool, .. } => spool.bytes().ok(),
            Input::Rows(rows) => rows.stored_bytes(),
        }
    }

    /// Keeps all bytes of a reader in a temporary file: a load reads its inputs twice.
    ///
    /// # Errors
    /// `Io`.
    pub fn spooled(name: impl Into<String>, bytes: &mut dyn Read) -> Result<Input> {
        let name = name.into();
        let mut writer = SpoolWriter::new()?;
        writer.copy(bytes, &name)?;
        Ok(Input::Spooled { spool: writer.finish()?, name })
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fields with a delimiter, the first row names them.
    Csv,
    /// Fields with tabs between them, the first row names them.
    Tsv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC, as a file or as a stream.
    Arrow,
}

impl Format {
    /// The format that the name of a file tells, without regard to how it is packed.
    pub fn of_name(name: &str) -> Option<Format> {
        let name = name.to_lowercase();
        let endings = [".gz", ".zst", ".zstd"];
        let plain = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        let (_, ending) = plain.rsplit_once('.')?;
        Some(match ending {
            "csv" | "txt" => Format::Csv,
            "tsv" | "tab" => Format::Tsv,
            "ndjson" | "jsonl" | "json" => Format::Ndjson,
            "parquet" | "pq" => Format::Parquet,
            "arrow" | "arrows" | "feather" | "ipc" => Format::Arrow,
            _ => return None,
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Format> {
        Ok(match text {
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            "ndjson" => Format::Ndjson,
            "parquet" => Format::Parquet,
            "arrow" => Format::Arrow,
            other => {
                return Err(Error::invalid(format!(
                    "'{other}' is no format; use csv, tsv, ndjson, parquet or arrow"
                )));
            }
        })
    }
}

/// What parts the fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// One byte.
    Byte(u8),
    /// Runs of blanks.
    Whitespace,
}

impl FromStr for Delimiter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Delimiter> {
        match (text, text.as_bytes()) {
            ("tab" | "\\t", _) => Ok(Delimiter::Byte(b'\t')),
            ("whitespace", _) => Ok(Delimiter::Whitespace),
            (_, [byte]) if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Delimiter::Byte(*byte)),
            _ => Err(Error::invalid(format!(
                "'{text}' is no delimiter; use one ASCII character, tab or whitespace"
            ))),
        }
    }
}

/// What a load did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadReport {
    /// For each file.
    pub files: Vec<FileReport>,
    /// The first hundred rows that could not be understood.
    pub broken: Vec<BrokenRow>,
    /// The position that covers the load.
    pub position: Position,
    /// The level that was reached.
    pub level: Level,
    /// Whether it was stopped before the end. What it had written is in force; the same request goes on from there.
    pub interrupted: bool,
    /// Whether the source is held: the rows are in the log, and are folded when it is released.
    pub held: bool,
    /// The expectations that are not met today. A source whose expectations ask for it is held from now on.
    pub breaches: Vec<Breach>,
}

/// What the load of one file did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReport {
    /// The file.
    pub name: String,
    /// The load, when anything was new.
    pub load: Option<LoadId>,
    /// Rows of the file that were read.
    pub rows: u64,
    /// The row, from 1, that it went on at, when an earlier run had loaded those before it.
    pub continued_at: Option<u64>,
    /// Rows that were new and understood.
    pub written: u64,
    /// Rows that took the place of others with their message ids.
    pub revised: u64,
    /// Rows that were known, with the same content.
    pub duplicates: u64,
    /// Rows whose message id was known with other content; they are in quarantine.
    pub conflicts: u64,
    /// Values that contradict the type in force; they are in quarantine.
    pub quarantined_values: u64,
    /// Values that stay in the original alone, because their source may bring no more new names.
    pub beyond_names: u64,
    /// Rows that could not be understood.
    pub broken: u64,
    /// The broken rows whose identifiers are all nobody's by the rules of identity; they are in quarantine.
    pub nobody: u64,
    /// Rows that are known to be lost in parts of the file that could not be read.
    pub lost: u64,
    /// Why the file, or a part of it, could not be read; what could be read was loaded.
    pub failure: Option<String>,
}

/// A row or record that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRow {
    /// The file, or the source of a record.
    pub file: String,
    /// The line, from 1 (for a record of a batch: its number, from 1).
    pub line: u64,
    /// The field of a delimited row, or the character of a JSON record, from 1, when the trouble is at one.
    pub column: Option<u64>,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for BrokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// An expectation that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The source.
    pub source: String,
    /// The event type, the type of entity, or `identify`.
    pub what: String,
    /// The day.
    pub day: Date,
    /// What is so, and what is expected.
    pub message: String,
    /// Whether the source is to be held for it.
    pub hold: bool,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach { source, what, day, message, .. } = self;
        write!(f, "{source} {what} {day}: {message}")
    }
}
