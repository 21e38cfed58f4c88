//! From the bytes that a source sent to identifiers, time and fields; the same at intake and at replay.
//!
//! *What it is:* pure functions of the bytes and the shape of their load. *Invariants:* nothing is guessed that the
//! shape does not say; a row that cannot be read gives a reason, never a part of itself. *What it does not know:* types
//! in force, profiles, the log. *Where to start reading:* `decode`.

mod batch;
mod block;
mod cell;
mod delimited;
mod encoding;
mod fields;
mod forks;
mod given;
mod identifier;
mod json;
mod kinds;
mod message;
mod object;
mod plan;
mod quick;
mod reserved;
mod roles;
mod sight;
mod statement;
mod template;
mod token;
mod words;

pub use batch::{Messages, message_of, messages_of, with_shared};
pub use block::BlockBuilder;
pub use cell::{CellText, time_of};
pub use delimited::{Quoting, cell_of, header_names, is_of_role, split_record};
use delimited::{used_always, used_up};
pub use encoding::{Charset, undecodable};
pub use fields::Fields;
pub use given::given_back;
pub use identifier::{Identifier, identifier_of, identifier_text};
pub use json::objects;
pub use plan::{MessageKind, MessagePlan, MessagePlans};
pub use quick::{is_quick_list, quick_decimal, quick_instant, quick_integer, quick_set};
pub use reserved::{
    Beside, CONSENT, ConsentState, ENTERED, EVERY, LEFT, MEMBERSHIP, check_reserved, consent_word,
    entity_id, transition,
};
pub use roles::{Roles, ValueColumn};
pub use sight::{RowSight, SpeaksOf, Times};
pub use statement::{Evidence, Household, Statement};
pub use token::Token;
pub use words::{Meaning, Words};

use crate::base::limits::{RECORD_BYTES_MAX, RECORD_IDENTIFIERS_MAX};
use crate::base::time::Timestamp;
use crate::base::value::ValueType;
use crate::entry::{FileShape, RowFormat, RowKind, Shape};

/// The version of type inference that `cell` implements.
pub const INFERENCE_VERSION: u32 = 1;

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// What a person is.
    Identify,
    /// That an identifier is another name of a person.
    Alias,
    /// What a person did.
    Track(String),
    /// What a thing that is no person is.
    Entity {
        /// The type of entity.
        entity: String,
        /// Which one, without white space around it.
        id: String,
    },
    /// Something of the identifiers themselves.
    Statement(Statement),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// JSON null: removes.
    Null,
    /// A value.
    Cell(CellText),
    /// A list with lists or objects in it, kept in the original alone.
    List,
}

/// An array of objects in a track event: rows of a child table of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Children {
    /// The property that it is.
    pub property: String,
    /// The fields of each object, with their place in the array.
    pub rows: Vec<Vec<(String, FieldValue)>>,
}

impl Children {
    /// The name of the child table of an event.
    pub fn table(&self, event: &str) -> String {
        table_name(event, &self.property)
    }
}

/// The name of the child table that a property of an event makes.
pub fn table_name(event: &str, property: &str) -> String {
    format!("{event}_{property}")
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What it is.
    pub kind: Kind,
    /// Its identifiers after normalising, the most important first; empty for an entity alone.
    pub identifiers: Vec<Identifier>,
    /// The event time; none when it names none.
    pub time: Option<Timestamp>,
    /// The message id that the source gave.
    pub message_id: Option<String>,
    /// Traits or properties.
    pub fields: Vec<(String, FieldValue)>,
    /// The arrays of objects of a track event.
    pub children: Vec<Children>,
    /// The consents and memberships that it tells beside: of the person whom the identifiers name.
    pub beside: Vec<Beside>,
}

impl Decoded {
    /// The identifiers: namespace and value.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.identifiers.iter().map(|i| (i.namespace.as_str(), i.value.as_str()))
    }

    /// Whether it says something of a person.
    pub fn of_person(&self) -> bool {
        !matches!(self.kind, Kind::Entity { .. }) || !self.beside.is_empty()
    }

    /// What its consents and memberships are about: all that they say but how it stands.
    pub fn about(&self) -> String {
        reserved::about(&self.beside)
    }

    /// Whether it tells what a person allowed.
    pub fn consents(&self) -> bool {
        self.beside.iter().any(|beside| beside.event == CONSENT)
    }
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The field of a delimited row, or the character of a JSON record, from 1, when the trouble is at one.
    pub column: Option<u64>,
    /// What is wrong and what to do.
    pub reason: String,
}

impl RowError {
    /// A row whose load lost its entry: nothing says how to read it.
    pub fn lost_load() -> RowError {
        RowError::new("the entry that says how this load is read was lost; load the file again")
    }

    fn new(reason: impl Into<String>) -> RowError {
        RowError { column: None, reason: reason.into() }
    }

    fn in_column(column: usize, reason: impl Into<String>) -> RowError {
        RowError { column: Some(column as u64 + 1), reason: reason.into() }
    }
}

/// Reads a record.
///
/// # Errors
/// The reason, with the column where it has one.
pub fn decode(shape: &Shape, original: &[u8]) -> Result<Decoded, RowError> {
    match shape {
        Shape::Message => {
            check_size(original)?;
            let record = message::decode_message(original, &[])?;
            check_identifiers(&record, None).map(|()| record)
        }
        Shape::File(shape) => decode_file_row(shape, original),
    }
}

/// Reads a row of a file.
///
/// # Errors
/// The reason, with the column where it has one.
pub fn decode_file_row(shape: &FileShape, original: &[u8]) -> Result<Decoded, RowError> {
    let ReadRow { record, trouble } = read_file_row(shape, original, Wanted::Fields)?;
    match trouble {
        Some(e) => Err(e),
        None => Ok(record),
    }
}

/// Reads a row of a file for the types that it shows. Its fields are those of all columns that are traits or properties
/// under some mapping: which columns name the person and the time, and so whether a row is a record, may be said
/// otherwise later.
///
/// # Errors
/// When it is no record whatever is mapped: the reason, with the column where it has one.
pub fn show_file_row(shape: &FileShape, original: &[u8]) -> Result<ReadRow, RowError> {
    if shape.kind == RowKind::Message {
        return decode_file_row(shape, original).map(|record| ReadRow { record, trouble: None });
    }
    read_file_row(shape, original, Wanted::AnyMapping)
}

/// Which columns of a row become fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those that have no other role.
    Fields,
    /// Those that have no other role under some mapping.
    AnyMapping,
}

impl Wanted {
    fn takes(self, shape: &FileShape, name: &str) -> bool {
        let used = match self {
            Wanted::Fields => used_up(shape, name),
            Wanted::AnyMapping => used_always(shape, name),
        };
        !used && kinds::fields_wanted(&shape.kind)
    }
}

/// A row that was read.
pub struct ReadRow {
    /// What it says.
    pub record: Decoded,
    /// Why it is no record, when its identifiers or its time are none.
    pub trouble: Option<RowError>,
}

fn read_file_row(shape: &FileShape, original: &[u8], wanted: Wanted) -> Result<ReadRow, RowError> {
    check_size(original)?;
    if std::str::from_utf8(original).is_err() {
        return Err(undecodable(&shape.format, &shape.encoding, original));
    }
    let ReadRow { record, trouble } = match (&shape.kind, &shape.format) {
        (RowKind::Message, _) => {
            let (message, shared) = batch::apart(original);
            ReadRow { record: message::decode_message(message, shared)?, trouble: None }
        }
        (_, RowFormat::Json) => json::read_row(shape, original, wanted)?,
        _ => delimited::read_row(shape, original, wanted)?,
    };
    let column = shape.first_identifier_column();
    let trouble = trouble.or_else(|| check_identifiers(&record, column).err());
    Ok(ReadRow { record, trouble })
}

fn check_size(original: &[u8]) -> Result<(), RowError> {
    if original.len() > RECORD_BYTES_MAX {
        return Err(RowError::new(format!(
            "the record has {} bytes; at most {RECORD_BYTES_MAX} are taken",
            original.len()
        )));
    }
    Ok(())
}

/// `column` is where an identifier would stand.
fn check_identifiers(decoded: &Decoded, column: Option<u64>) -> Result<(), RowError> {
    if decoded.of_person() && decoded.identifiers.is_empty() {
        let reason = "there is no identifier (blank, null, 0 and -1 are none); give at least one";
        return Err(RowError { column, reason: reason.to_owned() });
    }
    if decoded.identifiers.len() > RECORD_IDENTIFIERS_MAX {
        return Err(RowError::new(format!(
            "there are {} identifiers; at most {RECORD_IDENTIFIERS_MAX} are taken",
            decoded.identifiers.len()
        )));
    }
    Ok(())
}

/// Reads only the message id of a row of a file: for exactly-once, before anything else is believed.
pub fn message_id_of(parts: &[Option<String>]) -> Option<String> {
    let mut joined = String::new();
    for (index, part) in parts.iter().enumerate() {
        let part = part.as_ref()?;
        if index > 0 {
            joined.push(',');
        }
        if parts.len() == 1 {
            joined.push_str(part);
        } else {
            joined.push_str(&part.replace('\\', "\\\\").replace(',', "\\,"));
        }
    }
    (!joined.is_empty()).then_some(joined)
}

/// Adds an identifier if it is one and new to the record.
fn add_identifier(identifiers: &mut Vec<Identifier>, namespace: &str, value: &str) {
    if let Some(identifier) = identifier_of(namespace, value)
        && !identifiers.contains(&identifier)
    {
        identifiers.push(identifier);
    }
}

/// The type that values of two types have together when a whole file is looked at: text when they contradict.
pub fn joined_type(left: ValueType, right: ValueType) -> ValueType {
    left.widened(right).unwrap_or(ValueType::Text)
}

#[cfg(test)]
mod tests;
