//! What there is in a store, so that questions hit something.

use crate::oracle::{Table, World};
use navedb::{Timestamp, Value};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Known {
    /// Public ids of profiles.
    pub ids: Vec<String>,
    /// Values of traits and properties, no sets among them.
    pub values: Vec<Value>,
    /// The same by table and lower-case name.
    pub columns: BTreeMap<(Table, String), Vec<Value>>,
    /// What is in sets.
    pub labels: Vec<String>,
}

impl Known {
    pub fn new(world: &World) -> Known {
        let mut known = Known::default();
        for person in &world.people {
            known.ids.extend(person.former.iter().chain([&person.id]).cloned());
            for (name, golden) in &person.traits {
                known.add(Table::Traits, name, &golden.value);
            }
            for (event, all) in &person.events {
                for event_row in all {
                    for (name, value) in &event_row.properties {
                        known.add(Table::Event(event.clone()), name, value);
                    }
                    known.values.push(Value::Timestamp(Timestamp(event_row.time)));
                    known.values.extend(event_row.message_id.clone().map(Value::Text));
                }
            }
        }
        for ((kind, _), entity) in &world.entities {
            for (name, value) in &entity.fields {
                known.add(Table::Entity(kind.clone()), name, value);
            }
        }
        known
    }

    fn add(&mut self, table: Table, name: &str, value: &Value) {
        match value {
            Value::Set(texts) => self.labels.extend(texts.iter().cloned()),
            value => {
                self.values.push(value.clone());
                self.columns.entry((table, name.to_owned())).or_default().push(value.clone());
            }
        }
    }
}
