//! The profiles and entities at one moment: types in force, groups of identifiers, winning values, events.

use super::{Body, Identifier, Meaning, Oracle, Said, Stored};
use crate::evaluate::number::{order, widened};
use navedb::{Value, ValueType};
use std::collections::{BTreeMap, BTreeSet};

/// A row space with columns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Traits,
    /// An event type, by its lower-case name.
    Event(String),
    /// An entity type, by its lower-case name.
    Entity(String),
}

/// The table and the lower-case name.
type Column = (Table, String);

/// The types in force.
pub type Types = BTreeMap<Column, ValueType>;

#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    pub name: String,
    pub value: Value,
    pub time: i64,
    pub source: String,
}

#[derive(Debug, Clone, Default)]
pub struct Event {
    pub time: i64,
    /// The identifier that its record named first.
    pub owner: Identifier,
    pub source: String,
    /// The source's, or the generated one, which only the engine can know.
    pub message_id: Option<String>,
    /// By lower-case name.
    pub properties: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default)]
pub struct Entity {
    pub id: String,
    /// By lower-case name.
    pub fields: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The public id, which only the engine can know.
    pub id: String,
    /// Ids that were public before others joined.
    pub former: Vec<String>,
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
    /// By lower-case entity type and id.
    pub entities: BTreeMap<(String, String), Entity>,
    pub types: Types,
    /// Values that contradict the type of their column.
    pub quarantined_values: u64,
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

/// The wider of two types of one class.
pub fn wider(left: ValueType, right: ValueType) -> ValueType {
    let rank = |kind: ValueType| match kind {
        ValueType::Integer | ValueType::Date => 0,
        ValueType::Decimal | ValueType::Timestamp => 1,
        _ => 2,
    };
    if rank(left) >= rank(right) { left } else { right }
}

/// A value as its column holds it; nothing when it contradicts the column.
fn in_column(value: &Value, token: &str, kind: ValueType) -> Option<Value> {
    match (value, kind) {
        (Value::Text(_), ValueType::Text) => Some(value.clone()),
        (_, ValueType::Text) => Some(Value::Text(token.trim_matches('"').to_owned())),
        _ => widened(value.clone(), kind),
    }
}

impl Stored {
    fn fields(&self) -> (Table, &[(String, Said)]) {
        match &self.draft.body {
            Body::Identify(traits) => (Table::Traits, traits),
            Body::Track(event, properties) => (Table::Event(event.to_lowercase()), properties),
            Body::Entity(kind, _, fields) => (Table::Entity(kind.to_lowercase()), fields),
        }
    }
}

/// Whom a golden value belongs to: a group of identifiers, or an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Group(usize),
    Entity(String),
}

impl Oracle {
    /// The type of each column: the class of what was said first, as wide as anything said in that class.
    pub fn types(&self) -> Types {
        let mut types = Types::new();
        for stored in self.live() {
            let (table, fields) = stored.fields();
            for (name, said) in fields {
                let Meaning::Value(value) = &said.meaning else { continue };
                let own = value.value_type();
                types
                    .entry((table.clone(), name.to_lowercase()))
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
                let column = (table.clone(), name.to_lowercase());
                names.entry(column).or_insert_with(|| name.clone());
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
        let groups = self.groups(until);
        let mut people: BTreeMap<usize, Person> = BTreeMap::new();
        let mut winners: BTreeMap<(Owner, Column), Winner> = BTreeMap::new();
        let mut world = World { types: self.types(), ..World::default() };
        for stored in self.live().filter(|s| s.time <= until) {
            let (table, values) = self.folded(stored, &mut world);
            let owner = match &stored.draft.body {
                Body::Entity(kind, id, _) => {
                    let (kind, id) = (kind.to_lowercase(), id.trim().to_owned());
                    let entity = Entity { id: id.clone(), ..Entity::default() };
                    world.entities.entry((kind, id.clone())).or_insert(entity);
                    Owner::Entity(id)
                }
                _ => Owner::Group(groups[&stored.identifiers[0]]),
            };
            if let Owner::Group(number) = owner {
                let person = people.entry(number).or_default();
                for identifier in &stored.identifiers {
                    let first = person.identifiers.entry(identifier.clone()).or_insert(stored.time);
                    *first = stored.time.min(*first);
                }
                if let Table::Event(event) = table {
                    person.events.entry(event).or_default().push(Event {
                        time: stored.time,
                        owner: stored.identifiers[0].clone(),
                        source: stored.draft.source.clone(),
                        message_id: stored.draft.message_id.clone(),
                        properties: values.into_iter().filter_map(|(n, v)| Some((n, v?))).collect(),
                    });
                    continue;
                }
            }
            for (name, value) in values {
                let column = (table.clone(), name);
                let new = Winner { time: stored.time, source: stored.draft.source.clone(), value };
                let best = winners.entry((owner.clone(), column)).or_insert_with(|| new.clone());
                if new.beats(best) {
                    *best = new;
                }
            }
        }
        self.crown(winners, &mut people, &mut world);
        world.people = people.into_values().collect();
        world
    }

    /// The values of a record as their columns hold them; NULL is none. Those that contradict are counted.
    fn folded(&self, stored: &Stored, world: &mut World) -> (Table, Vec<(String, Option<Value>)>) {
        let (table, fields) = stored.fields();
        let mut values = Vec::new();
        for (name, said) in fields {
            let column = (table.clone(), name.to_lowercase());
            match &said.meaning {
                Meaning::Unfolded => {}
                Meaning::Null => values.push((column.1, None)),
                Meaning::Value(value) => {
                    let kind = world.types[&column];
                    match in_column(value, &said.token, kind) {
                        Some(value) => values.push((column.1, Some(value))),
                        None => world.quarantined_values += 1,
                    }
                }
            }
        }
        (table, values)
    }

    /// Gives the winning values to their owners.
    fn crown(
        &self,
        winners: BTreeMap<(Owner, Column), Winner>,
        people: &mut BTreeMap<usize, Person>,
        world: &mut World,
    ) {
        let spellings = self.spellings();
        for ((owner, column), winner) in winners {
            let Some(value) = winner.value else { continue };
            match (owner, &column.0) {
                (Owner::Group(number), _) => {
                    let person = people.get_mut(&number).expect("the group of a record");
                    let name = spellings[&column].clone();
                    let golden = Golden { name, value, time: winner.time, source: winner.source };
                    person.traits.insert(column.1, golden);
                }
                (Owner::Entity(id), Table::Entity(kind)) => {
                    let entity = world.entities.get_mut(&(kind.clone(), id)).expect("an entity");
                    entity.fields.insert(column.1, value);
                }
                _ => unreachable!("an entity has fields of its type"),
            }
        }
    }
}

/// A statement about a trait or field that may become the golden value.
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
            (Some(own), Some(theirs)) => order(own, theirs).expect("values of one column"),
            (own, theirs) => own.is_some().cmp(&theirs.is_some()),
        };
        let order =
            self.time.cmp(&other.time).then_with(|| self.source.cmp(&other.source)).then(values);
        order.is_gt()
    }
}
