//! Events of the reserved types, which records of other kinds tell, consents and group memberships, and the engine
//! itself: who entered and left segments.
//!
//! *Invariants:* their properties are text, whatever they look like; channel, purpose, topic and the type of a group
//! are in lower case without white space around them, and a state is one of a closed list. *Where to start reading:*
//! `consent`.

use super::{CellText, FieldValue, RowError};
use crate::base::limits::ENTITY_ID_BYTES_MAX;
use crate::base::value::ValueType;
use crate::entry::{Origin, ToldChange};

/// What no name of an event, and of no entity type, of a source begins with.
const RESERVED: &str = "nave.";
/// The type of the events that say what a person allowed.
pub const CONSENT: &str = "nave.consent";
/// The type of the events that say that a person belongs to a group, or does no longer.
pub const MEMBERSHIP: &str = "nave.membership";
/// The type of the events that say that a person entered a segment.
pub const ENTERED: &str = "nave.entered";
/// The type of the events that say that a person left a segment.
pub const LEFT: &str = "nave.left";
/// The channel, or purpose, of a consent that speaks of all of them.
pub const EVERY: &str = "*";

/// An event of a reserved type that a record tells beside what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The type.
    pub event: &'static str,
    /// The properties.
    pub fields: Vec<(String, FieldValue)>,
}

/// What consents and memberships are about: all that they say but how it stands.
pub(super) fn about(beside: &[Beside]) -> String {
    let told = beside.iter().flat_map(|beside| &beside.fields);
    let about = told.filter(|(name, _)| !matches!(name.as_str(), "state" | "basis" | "text"));
    let words = about.map(|(name, field)| match field {
        FieldValue::Cell(cell) => format!("{name}={}\0", cell.text),
        _ => String::new(),
    });
    words.collect()
}

/// What a person said to a consent, the least strict first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsentState {
    /// It is given.
    Granted,
    /// It was asked for and not given.
    Denied,
    /// It was given once, and is taken back.
    Withdrawn,
}

impl ConsentState {
    /// The state that a word stands for.
    pub fn of(word: &str) -> Option<ConsentState> {
        Some(match word.trim().to_lowercase().as_str() {
            "granted" | "true" | "yes" | "opt-in" => ConsentState::Granted,
            "denied" | "false" | "no" => ConsentState::Denied,
            "withdrawn" | "opt-out" => ConsentState::Withdrawn,
            _ => return None,
        })
    }

    /// The word that is kept.
    pub fn name(self) -> &'static str {
        match self {
            ConsentState::Granted => "granted",
            ConsentState::Denied => "denied",
            ConsentState::Withdrawn => "withdrawn",
        }
    }
}

/// The form in which channels, purposes and topics are compared.
pub fn consent_word(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A name that a source gives: those of a reserved type are refused.
pub fn check_reserved(what: &str, name: &str) -> Result<(), RowError> {
    let start = name.get(..RESERVED.len()).unwrap_or_default();
    if start.eq_ignore_ascii_case(RESERVED) {
        return Err(RowError::new(format!(
            "the {what} '{name}' begins with '{RESERVED}', which is reserved; give it another name \
             (consents and memberships are records of their own kinds)"
        )));
    }
    Ok(())
}

fn text(name: &str, text: String) -> (String, FieldValue) {
    (
        name.to_owned(),
        FieldValue::Cell(CellText { text, value_type: ValueType::Text, is_number: false }),
    )
}

/// What an event says of who entered or left a segment.
pub fn transition(told: &ToldChange, origin: Origin) -> Vec<(String, FieldValue)> {
    let version = told.version.to_string();
    let version = CellText { text: version, value_type: ValueType::Integer, is_number: true };
    vec![
        text("segment", told.segment.clone()),
        text("reason", told.reason.name().to_owned()),
        text("origin", origin.name().to_owned()),
        ("version".to_owned(), FieldValue::Cell(version)),
    ]
}

/// A consent: `said` gives what the record says as channel, purpose, topic, state, basis and text.
///
/// # Errors
/// When channel, purpose or state are missing, or the state is none.
pub fn consent(
    said: impl Fn(&str) -> Result<Option<String>, RowError>,
) -> Result<Beside, RowError> {
    let plain = |name: &str| Ok(said(name)?.filter(|text| !text.trim().is_empty()));
    let word = |name: &str| Ok(plain(name)?.map(|text| consent_word(&text)));
    let needed = |name: &str, found: Option<String>| {
        found.ok_or_else(|| RowError::new(format!("the consent names no {name}; give it one")))
    };
    let mut fields = Vec::with_capacity(6);
    for name in ["channel", "purpose"] {
        fields.push(text(name, needed(name, word(name)?)?));
    }
    fields.extend(word("topic")?.map(|topic| text("topic", topic)));
    let given = needed("state", plain("state")?)?;
    let state = ConsentState::of(&given).ok_or_else(|| {
        let shown: String = given.chars().take(60).collect();
        RowError::new(format!(
            "'{shown}' is no state of a consent; use granted (true, yes, opt-in), denied (false, no) \
             or withdrawn (opt-out)"
        ))
    })?;
    fields.push(text("state", state.name().to_owned()));
    for name in ["basis", "text"] {
        fields.extend(plain(name)?.map(|said| text(name, said)));
    }
    Ok(Beside { event: CONSENT, fields })
}

/// The id of an entity, without white space around it.
///
/// # Errors
/// When it is blank or too long.
pub fn entity_id(given: Option<String>, what: &str) -> Result<String, RowError> {
    let id = given.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| RowError::new(format!("{what} needs an id, text or a number")))?;
    if id.len() > ENTITY_ID_BYTES_MAX {
        return Err(RowError::new(format!(
            "the id has {} bytes; at most {ENTITY_ID_BYTES_MAX} are taken",
            id.len()
        )));
    }
    Ok(id)
}

/// A membership in a group; without a state it is joined.
///
/// # Errors
/// When the type of the group is blank, or the state is none.
pub fn membership(group: &str, id: &str, state: Option<&str>) -> Result<Beside, RowError> {
    let word = state.map(consent_word).filter(|state| !state.is_empty());
    let state = match word.as_deref() {
        None | Some("joined" | "true" | "yes") => "joined",
        Some("left" | "false" | "no") => "left",
        Some(other) => {
            let shown: String = other.chars().take(60).collect();
            return Err(RowError::new(format!(
                "'{shown}' is no state of a membership; use joined (true, yes) or left (false, no)"
            )));
        }
    };
    let fields = [("group", consent_word(group)), ("group_id", id.to_owned())];
    let mut fields: Vec<_> = fields.into_iter().map(|(name, said)| text(name, said)).collect();
    fields.push(text("state", state.to_owned()));
    Ok(Beside { event: MEMBERSHIP, fields })
}
