//! What the store should know, computed in the stupidest way from the list of what was said.
//!
//! Everything is recomputed from the whole list at every question; nothing is shared with the engine but the plain
//! types of values.

mod held;
mod world;

/// The event type of consents.
pub const CONSENT: &str = "nave.consent";

pub use held::{ENTITIES_AND_FUNNELS, HELD};
pub use world::{Entity, Event, Golden, Person, Table, Types, World};

use std::collections::BTreeSet;

/// What was said about a trait, a property or a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    Null,
    Value(navedb::Value),
    /// A list that is no set, which is kept in the original alone.
    Unfolded,
}

/// One thing said about a trait, a property or a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub meaning: Meaning,
    /// The JSON token.
    pub token: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Identify(Vec<(String, Said)>),
    Track(String, Vec<(String, Said)>),
    /// The type, the id and the fields.
    Entity(String, String, Vec<(String, Said)>),
}

/// A record as the generator made it.
#[derive(Debug, Clone)]
pub struct Draft {
    pub source: String,
    pub message_id: Option<String>,
    /// When it happened, if it says so.
    pub time: Option<i64>,
    /// Namespaces and values as they are sent, before normalising.
    pub identifiers: Vec<(String, String)>,
    pub body: Body,
    /// The message that was sent.
    pub json: String,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Written,
    Duplicate,
    Conflict,
    Broken,
}

pub type Identifier = (String, String);

#[derive(Debug, Clone)]
struct Stored {
    draft: Draft,
    time: i64,
    identifiers: Vec<Identifier>,
    retracted: bool,
}

/// Everything that was said, in order.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    stored: Vec<Stored>,
    /// Records that are in quarantine as a whole.
    quarantined: u64,
    /// Message ids, with their sources, that came with different contents.
    contested: BTreeSet<(String, String)>,
}

/// Space, then the namespace's own rule; nothing when it is no identifier at all.
pub fn normalise(namespace: &str, value: &str) -> Option<Identifier> {
    let namespace = namespace.trim().to_lowercase();
    let received = value.trim();
    let value = received;
    let value = match namespace.as_str() {
        "email" => value.to_lowercase(),
        "phone" => {
            let leading = if value.starts_with('+') { "+" } else { "" };
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            if digits.is_empty() { String::new() } else { format!("{leading}{digits}") }
        }
        _ => value.to_owned(),
    };
    let never = |value: &str| ["", "null", "0", "-1"].contains(&value);
    let never = never(&value) || never(received);
    (!never).then_some((namespace, value))
}

impl Oracle {
    /// Says a record at an engine clock.
    pub fn say(&mut self, draft: &Draft, clock: i64) -> Fate {
        if let Some(id) = &draft.message_id {
            let same = |s: &&Stored| {
                !s.retracted
                    && s.draft.source == draft.source
                    && s.draft.message_id.as_ref() == Some(id)
            };
            if let Some(known) = self.stored.iter().find(same) {
                if known.draft.json == draft.json {
                    return Fate::Duplicate;
                }
                self.quarantined += 1;
                self.contested.insert((draft.source.clone(), id.clone()));
                return Fate::Conflict;
            }
        }
        let identifiers: Vec<Identifier> = draft
            .identifiers
            .iter()
            .filter_map(|(namespace, value)| normalise(namespace, value))
            .collect();
        if identifiers.is_empty() && !matches!(draft.body, Body::Entity(..)) {
            self.quarantined += 1;
            return Fate::Broken;
        }
        let time = draft.time.unwrap_or(clock).min(clock);
        self.stored.push(Stored { draft: draft.clone(), time, identifiers, retracted: false });
        Fate::Written
    }

    /// Withdraws a record; says whether there was one.
    pub fn retract(&mut self, source: &str, message_id: &str) -> bool {
        let mut live = self.stored.iter_mut().filter(|s| !s.retracted);
        let found = live.find(|s| {
            s.draft.source == source && s.draft.message_id.as_deref() == Some(message_id)
        });
        found.map(|s| s.retracted = true).is_some()
    }

    fn live(&self) -> impl Iterator<Item = &Stored> {
        self.stored.iter().filter(|s| !s.retracted)
    }

    /// Records in quarantine as a whole.
    pub fn quarantined(&self) -> u64 {
        self.quarantined
    }

    /// Sources and message ids of the records in force that have one.
    pub fn messages(&self) -> Vec<(String, String)> {
        self.live()
            .filter_map(|s| Some((s.draft.source.clone(), s.draft.message_id.clone()?)))
            .collect()
    }

    /// Whether a record's message id came with different contents.
    pub fn contested(&self, draft: &Draft) -> bool {
        let id = draft.message_id.clone().unwrap_or_default();
        self.contested.contains(&(draft.source.clone(), id))
    }
}
