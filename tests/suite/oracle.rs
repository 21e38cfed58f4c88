//! What the store should know, computed in the stupidest way from the list of what was said.
//!
//! Everything is recomputed from the whole list at every question; nothing is shared with the engine but the plain
//! types of values.

use crate::evaluate;
use navedb::{Date, Timestamp, Value, ValueType};
use std::collections::{BTreeMap, BTreeSet};

/// One thing said about a trait or a property.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// What it means; nothing for JSON's null.
    pub value: Option<Value>,
    /// The JSON token.
    pub token: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Identify(Vec<(String, Said)>),
    Track(String, Vec<(String, Said)>),
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

#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    pub name: String,
    pub value: Value,
    pub time: i64,
    pub source: String,
}

#[derive(Debug, Clone)]
pub struct Event {
    pub time: i64,
    pub source: String,
    pub message_id: Option<String>,
    /// By lower-case name.
    pub properties: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The public id, which only the engine can know.
    pub id: String,
    /// With the first time that each was seen.
    pub identifiers: BTreeMap<Identifier, i64>,
    /// By lower-case name.
    pub traits: BTreeMap<String, Golden>,
    /// By lower-case event type.
    pub events: BTreeMap<String, Vec<Event>>,
}

/// The profiles at one moment.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub people: Vec<Person>,
    /// Values that contradict the type of their column.
    pub quarantined_values: u64,
}

/// Space, then the namespace's own rule; nothing when it is no identifier at all.
pub fn normalise(namespace: &str, value: &str) -> Option<String> {
    let value = value.trim();
    let value = match namespace {
        "email" => value.to_lowercase(),
        "phone" => {
            let leading = if value.starts_with('+') { "+" } else { "" };
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            if digits.is_empty() { String::new() } else { format!("{leading}{digits}") }
        }
        _ => value.to_owned(),
    };
    let never = ["", "null", "0", "-1"].contains(&value.as_str());
    (!never).then_some(value)
}

/// The class within which types widen.
fn class(kind: ValueType) -> u8 {
    match kind {
        ValueType::Text => 0,
        ValueType::Boolean => 1,
        ValueType::Integer | ValueType::Decimal | ValueType::Float => 2,
        ValueType::Date | ValueType::Timestamp => 3,
        ValueType::Set => 4,
    }
}

fn rank(kind: ValueType) -> u8 {
    match kind {
        ValueType::Integer | ValueType::Date => 0,
        ValueType::Decimal | ValueType::Timestamp => 1,
        _ => 2,
    }
}

/// The wider of two types of one class.
fn wider(left: ValueType, right: ValueType) -> ValueType {
    if rank(left) >= rank(right) { left } else { right }
}

pub fn decimal_to_float(coefficient: i128, scale: u8) -> f64 {
    // Both sides are exact floats for the short numbers of the tests, so the quotient is rounded once.
    coefficient as f64 / 10_f64.powi(i32::from(scale))
}

/// A value as its column holds it; nothing when it contradicts the column.
fn in_column(said: &Said, kind: ValueType) -> Option<Value> {
    let value = said.value.as_ref()?;
    if kind == ValueType::Text {
        return Some(match value {
            Value::Text(text) => Value::Text(text.clone()),
            _ => Value::Text(said.token.trim_matches('"').to_owned()),
        });
    }
    let own = value.value_type();
    if class(own) != class(kind) {
        return None;
    }
    Some(match (value, kind) {
        (Value::Integer(i), ValueType::Decimal) => {
            Value::Decimal(navedb::Decimal::new(i128::from(*i), 0).unwrap())
        }
        (Value::Integer(i), ValueType::Float) => Value::Float(*i as f64),
        (Value::Decimal(d), ValueType::Float) => {
            Value::Float(decimal_to_float(d.coefficient, d.scale))
        }
        (Value::Date(d), ValueType::Timestamp) => Value::Timestamp(midnight(*d)),
        _ => value.clone(),
    })
}

pub fn midnight(date: Date) -> Timestamp {
    Timestamp(i64::from(date.0) * crate::calendar::DAY)
}

/// A column: the lower-case event type (empty for traits), and the lower-case name.
type Column = (String, String);

impl Stored {
    fn fields(&self) -> (&str, &[(String, Said)]) {
        match &self.draft.body {
            Body::Identify(traits) => ("", traits),
            Body::Track(event, properties) => (event, properties),
        }
    }
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
            .filter_map(|(namespace, value)| {
                Some((namespace.clone(), normalise(namespace, value)?))
            })
            .collect();
        if identifiers.is_empty() {
            self.quarantined += 1;
            return Fate::Broken;
        }
        let time = draft.time.unwrap_or(clock).min(clock);
        self.stored.push(Stored { draft: draft.clone(), time, identifiers, retracted: false });
        Fate::Written
    }

    /// Withdraws a record; says whether there was one.
    pub fn retract(&mut self, source: &str, message_id: &str) -> bool {
        let found = self.live_mut().find(|s| {
            s.draft.source == source && s.draft.message_id.as_deref() == Some(message_id)
        });
        found.map(|s| s.retracted = true).is_some()
    }

    fn live_mut(&mut self) -> impl Iterator<Item = &mut Stored> {
        self.stored.iter_mut().filter(|s| !s.retracted)
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

    /// The type of each column: the class of what was said first, as wide as anything said in that class.
    fn types(&self) -> BTreeMap<Column, ValueType> {
        let mut types: BTreeMap<Column, ValueType> = BTreeMap::new();
        for stored in self.live() {
            let (table, fields) = stored.fields();
            for (name, said) in fields {
                let Some(value) = &said.value else { continue };
                let own = value.value_type();
                types
                    .entry((table.to_lowercase(), name.to_lowercase()))
                    .and_modify(|t| {
                        if class(*t) == class(own) {
                            *t = wider(*t, own)
                        }
                    })
                    .or_insert(own);
            }
        }
        types
    }

    /// The spelling of each name that came first.
    fn spellings(&self) -> BTreeMap<Column, String> {
        let mut names = BTreeMap::new();
        for stored in self.live() {
            let (table, fields) = stored.fields();
            for (name, _) in fields {
                names
                    .entry((table.to_lowercase(), name.to_lowercase()))
                    .or_insert_with(|| name.clone());
            }
        }
        names
    }

    /// The groups of identifiers that records join, each as a number.
    fn groups(&self, until: i64) -> BTreeMap<Identifier, usize> {
        let mut group: BTreeMap<Identifier, usize> = BTreeMap::new();
        for (number, stored) in self.live().filter(|s| s.time <= until).enumerate() {
            let joined: BTreeSet<usize> =
                stored.identifiers.iter().filter_map(|i| group.get(i).copied()).collect();
            for value in group.values_mut() {
                if joined.contains(value) {
                    *value = number;
                }
            }
            group.extend(stored.identifiers.iter().map(|i| (i.clone(), number)));
        }
        group
    }

    /// The profiles when what happened after `until` is hidden.
    pub fn world(&self, until: Option<i64>) -> World {
        let until = until.unwrap_or(i64::MAX);
        let (types, spellings) = (self.types(), self.spellings());
        let groups = self.groups(until);
        let mut people: BTreeMap<usize, Person> = BTreeMap::new();
        let mut winners: BTreeMap<(usize, Column), Winner> = BTreeMap::new();
        let mut world = World::default();
        for stored in self.live().filter(|s| s.time <= until) {
            let number = groups[&stored.identifiers[0]];
            let person = people.entry(number).or_default();
            for identifier in &stored.identifiers {
                let first = person.identifiers.entry(identifier.clone()).or_insert(stored.time);
                *first = stored.time.min(*first);
            }
            let (table, fields) = stored.fields();
            let mut properties = BTreeMap::new();
            for (name, said) in fields {
                let column = (table.to_lowercase(), name.to_lowercase());
                let value = types.get(&column).and_then(|kind| in_column(said, *kind));
                if said.value.is_some() && value.is_none() {
                    world.quarantined_values += 1;
                    continue;
                }
                if let Body::Track(..) = stored.draft.body {
                    properties.extend(value.map(|v| (name.to_lowercase(), v)));
                } else {
                    let new =
                        Winner { time: stored.time, source: stored.draft.source.clone(), value };
                    let best = winners.entry((number, column)).or_insert_with(|| new.clone());
                    if new.beats(best) {
                        *best = new;
                    }
                }
            }
            if let Body::Track(event, _) = &stored.draft.body {
                person.events.entry(event.to_lowercase()).or_default().push(Event {
                    time: stored.time,
                    source: stored.draft.source.clone(),
                    message_id: stored.draft.message_id.clone(),
                    properties,
                });
            }
        }
        for ((number, column), winner) in winners {
            if let (Some(value), Some(person)) = (winner.value, people.get_mut(&number)) {
                let name = spellings[&column].clone();
                let golden = Golden { name, value, time: winner.time, source: winner.source };
                person.traits.insert(column.1, golden);
            }
        }
        world.people = people.into_values().collect();
        world
    }
}

/// A statement about a trait that may become the golden value.
#[derive(Debug, Clone)]
struct Winner {
    time: i64,
    source: String,
    value: Option<Value>,
}

impl Winner {
    /// The later beats the earlier, then the greater source, then the greater value; null is the least of values.
    fn beats(&self, other: &Winner) -> bool {
        let values = match (&self.value, &other.value) {
            (Some(own), Some(theirs)) => evaluate::order(own, theirs),
            (own, theirs) => own.is_some().cmp(&theirs.is_some()),
        };
        let order =
            self.time.cmp(&other.time).then_with(|| self.source.cmp(&other.source)).then(values);
        order.is_gt()
    }
}
