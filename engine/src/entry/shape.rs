//! How the rows of a load are read: part of the load's entry, so that a replay reads them in the same way.

use crate::base::error::{Error, Result};
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// How the original bytes of a row are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A JSON message that says itself what it is.
    Message,
    /// A row of a file, as the load says.
    File(Box<FileShape>),
}

impl Shape {
    /// Whether rows may have behind them what the batch that they came in shares.
    pub fn may_share(&self) -> bool {
        matches!(self, Shape::File(shape) if shape.may_share())
    }
}

/// How the rows of one file are read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileShape {
    /// The form of a row.
    pub format: RowFormat,
    /// What each row is.
    pub kind: RowKind,
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
    /// The encoding of the file, by its name in the WHATWG Encoding Standard, in lower case. Rows are kept in UTF-8.
    pub encoding: String,
    /// How the cells of columns with a type of their own are read; those of others are inferred from their texts.
    pub readings: Vec<(String, Reading)>,
}

impl FileShape {
    /// How many columns a row has; none for JSON.
    pub fn columns(&self) -> Option<usize> {
        match &self.format {
            RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header } => {
                Some(header.len())
            }
            RowFormat::Json => None,
        }
    }

    /// Whether rows may have behind them what the batch that they came in shares: they are messages.
    pub fn may_share(&self) -> bool {
        self.kind == RowKind::Message
    }

    /// The name of the event that all rows are.
    pub fn fixed_event(&self) -> Option<&str> {
        match &self.kind {
            RowKind::Track(Said::Fixed(event)) => Some(event),
            _ => None,
        }
    }

    /// How the cells of a column are read that has a type of its own.
    pub fn reading(&self, name: &str) -> Option<Reading> {
        self.readings.iter().find(|(column, _)| column == name).map(|(_, reading)| *reading)
    }

    /// Whether its rows are rows of typed columns: no file has them, they were made from one with types of its own.
    pub fn is_typed(&self) -> bool {
        matches!(self.format, RowFormat::Delimited { dialect, .. } if dialect == Dialect::TYPED)
    }

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
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RowFormat {
    /// Fields with a delimiter; the header names them.
    Delimited {
        /// What stands between fields and around them.
        dialect: Dialect,
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

/// How fields of a row are parted and quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// What stands between fields.
    pub delimiter: u8,
    /// What stands around a field that holds a delimiter or the end of a line; none when fields are never quoted.
    pub quote: Option<u8>,
    /// What stands before a quote inside a quoted field; none when such a quote is doubled.
    pub escape: Option<u8>,
}

impl Dialect {
    /// The dialect of rows of typed columns: characters that no text holds for another purpose. Cells that hold text
    /// are quoted, others are not; an empty cell without quotes is NULL.
    pub const TYPED: Dialect = Dialect { delimiter: 0x1f, quote: Some(0x1e), escape: None };

    /// The dialect of RFC 4180 with another delimiter.
    pub fn standard(delimiter: u8) -> Dialect {
        Dialect { delimiter, quote: Some(b'"'), escape: None }
    }
}

/// What each row of a file is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RowKind {
    /// What a person is.
    Identify,
    /// What a person did; the name of the event.
    Track(Said),
    /// A message that says itself what it is.
    Message,
    /// What a thing that is no person is.
    Entity {
        /// The type of entity.
        entity: String,
        /// The column of its id.
        id: String,
    },
    /// That a person belongs to a group, or does no longer.
    Membership {
        /// The type of the group, such as `account`.
        group: Said,
        /// The column of the id of the group.
        id: String,
        /// The column that says `joined` or `left`; without it all rows say joined.
        state: Option<String>,
    },
    /// What a person allowed.
    Consent(ConsentColumns),
    /// That two identifiers are one person: what another matcher found.
    Evidence(EvidenceColumns),
}

impl RowKind {
    /// Shows each column that says what a row is.
    pub fn each_column<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        match self {
            RowKind::Identify | RowKind::Message => {}
            RowKind::Track(event) => event.column().into_iter().for_each(see),
            RowKind::Entity { id, .. } => see(id),
            RowKind::Membership { group, id, state } => {
                group.column().into_iter().for_each(&mut *see);
                see(id);
                state.iter().for_each(|state| see(state));
            }
            RowKind::Consent(columns) => {
                let ConsentColumns { channel, purpose, topic, state, basis, text } = columns;
                let all = [Some(channel), Some(purpose), Some(state)];
                let all = all.into_iter().chain([topic.as_ref(), basis.as_ref(), text.as_ref()]);
                all.flatten().filter_map(Said::column).for_each(see);
            }
            RowKind::Evidence(EvidenceColumns { left, right, score, rule, .. }) => {
                see(&left.1);
                see(&right.1);
                score.iter().for_each(|score| see(score));
                rule.as_ref().and_then(Said::column).into_iter().for_each(see);
            }
        }
    }

    /// Whether a column says what a row is.
    pub fn names(&self, column: &str) -> bool {
        let mut found = false;
        self.each_column(&mut |known| found |= known == column);
        found
    }
}

/// Where a record of a consent says what.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentColumns {
    /// The channel, such as `email`.
    pub channel: Said,
    /// The purpose, such as `marketing`.
    pub purpose: Said,
    /// The topic; none when rows name none.
    pub topic: Option<Said>,
    /// Whether it is given or refused.
    pub state: Said,
    /// The legal basis.
    pub basis: Option<Said>,
    /// What the person was shown.
    pub text: Option<Said>,
}

/// Where a row of evidence says what of which two identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceColumns {
    /// Namespace and column of one identifier.
    pub left: (String, String),
    /// Those of the other.
    pub right: (String, String),
    /// The kind of evidence: a word as in a message of the type `link`, such as `fuzzy`.
    pub kind: String,
    /// The column of the score.
    pub score: Option<String>,
    /// The rule or model that says so.
    pub rule: Option<Said>,
}

/// A word that is the same for all rows, or stands in a column.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    /// All rows say this.
    Fixed(String),
    /// A column says it.
    Column(String),
}

impl Said {
    /// The column that says it.
    pub fn column(&self) -> Option<&str> {
        match self {
            Said::Fixed(_) => None,
            Said::Column(column) => Some(column),
        }
    }
}

/// How a cell is read whose column has a type of its own, as in Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reading {
    /// Text, as a JSON string is read: text, or a day or instant in ISO 8601.
    Text,
    /// An integer, decimal, boolean, day or instant in its usual form: as it is inferred.
    Plain,
    /// A float, also when it has no fraction.
    Float,
    /// A list, an object, or a list of objects, in JSON.
    Json,
}

/// How times are written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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
