//! How the rows of a load are read: part of the load's entry, so that a replay reads them in the same way.

use crate::base::error::{Error, Result};
use bincode::{Decode, Encode};

/// How the original bytes of a row are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A JSON message that says itself what it is.
    Message,
    /// A row of a file, as the load says.
    File(FileShape),
}

/// How the rows of one file are read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FileShape {
    /// The form of a row.
    pub format: RowFormat,
    /// The event that each row is; none when rows are identify records.
    pub event: Option<EventName>,
    /// Namespace and column of each identifier, the most important first.
    pub ids: Vec<(String, String)>,
    /// The column of the event time.
    pub time: Option<String>,
    /// How the time is written.
    pub time_unit: TimeUnit,
    /// The zone of times that name none.
    pub zone: String,
    /// The columns of the message id; none when it is generated.
    pub message_id: Vec<String>,
}

impl FileShape {
    /// The column, from 1, of the most important identifier; none for JSON.
    pub fn first_identifier_column(&self) -> Option<u64> {
        let (_, wanted) = self.ids.first()?;
        let (RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header }) = &self.format
        else {
            return None;
        };
        header.iter().position(|name| name == wanted).map(|index| index as u64 + 1)
    }
}

/// The form of a row.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RowFormat {
    /// Fields with a delimiter, quoted as in RFC 4180; the header names them.
    Delimited {
        /// The delimiter, one byte.
        delimiter: u8,
        /// The names of the columns.
        header: Vec<String>,
    },
    /// Fields parted by runs of blanks; no quotes.
    Whitespace {
        /// The names of the columns.
        header: Vec<String>,
    },
    /// One JSON object.
    Json,
}

/// Where the name of the event comes from.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum EventName {
    /// All rows are this event.
    Fixed(String),
    /// A column names it.
    Column(String),
}

/// How times are written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub enum TimeUnit {
    /// Seconds since 1970, with or without a fraction.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// ISO 8601.
    #[default]
    Iso,
    /// A pattern in the manner of `strptime`.
    Pattern(String),
}

impl std::str::FromStr for TimeUnit {
    type Err = Error;

    fn from_str(text: &str) -> Result<TimeUnit> {
        Ok(match text {
            "s" => TimeUnit::Seconds,
            "ms" => TimeUnit::Millis,
            "us" => TimeUnit::Micros,
            "ns" => TimeUnit::Nanos,
            "iso" => TimeUnit::Iso,
            pattern if pattern.contains('%') => TimeUnit::Pattern(pattern.to_owned()),
            other => {
                return Err(Error::invalid(format!(
                    "'{other}' is no time unit; use s, ms, us, ns, iso, or a pattern such as %Y%m%d"
                )));
            }
        })
    }
}
