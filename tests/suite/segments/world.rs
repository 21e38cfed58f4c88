//! What was said, in plain lists, and the segments as they are defined.

use super::rule::Rule;
use std::collections::{BTreeMap, BTreeSet};

pub const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;

/// An identifier.
pub type Name = (String, String);

/// What a message says; the first identifier is the one that it belongs to.
#[derive(Debug, Clone)]
pub enum Fact {
    Traits(Name, i64, Vec<(&'static str, String)>),
    Event(Name, Event),
    Consent(Name, i64, bool),
}

#[derive(Debug, Clone)]
pub struct Event {
    pub name: &'static str,
    pub time: i64,
    pub category: &'static str,
    pub amount: i64,
}

/// All that was said and is not withdrawn, by message id.
#[derive(Debug, Default)]
pub struct World {
    pub facts: BTreeMap<String, Fact>,
    pub segments: BTreeMap<String, Rule>,
}

/// A profile as the engine groups identifiers, with what was said of these.
pub struct Person<'w> {
    pub world: &'w World,
    pub identifiers: BTreeSet<Name>,
}

impl World {
    /// Whether a segment holds for a person.
    pub fn holds(&self, name: &str, person: &Person<'_>, now: i64) -> bool {
        self.segments[name].holds(self, person, now) == Some(true)
    }
}

impl<'w> Person<'w> {
    fn own(&self, name: &Name) -> bool {
        self.identifiers.contains(name)
    }

    pub fn events(&self) -> impl Iterator<Item = &'w Event> + '_ {
        self.world.facts.values().filter_map(|fact| match fact {
            Fact::Event(name, event) if self.own(name) => Some(event),
            _ => None,
        })
    }

    /// The value of a trait that was said last.
    pub fn latest(&self, of: &str) -> Option<&'w str> {
        let said = self.world.facts.values().filter_map(|fact| match fact {
            Fact::Traits(name, time, traits) if self.own(name) => {
                let found = traits.iter().find(|(known, _)| *known == of)?;
                Some((*time, found.1.as_str()))
            }
            _ => None,
        });
        said.max_by_key(|(time, _)| *time).map(|(_, value)| value)
    }

    pub fn number(&self, of: &str) -> Option<i64> {
        self.latest(of).map(|text| text.parse().unwrap())
    }

    pub fn has(&self, namespace: &str) -> bool {
        self.identifiers.iter().any(|(known, _)| known == namespace)
    }

    /// Whether the last that each identifier said is yes, and at least one did.
    pub fn allows(&self) -> bool {
        let mut last: BTreeMap<&Name, (i64, bool)> = BTreeMap::new();
        for fact in self.world.facts.values() {
            if let Fact::Consent(name, time, given) = fact
                && self.own(name)
            {
                let known = last.entry(name).or_insert((*time, *given));
                if *time > known.0 {
                    *known = (*time, *given);
                }
            }
        }
        !last.is_empty() && last.values().all(|(_, given)| *given)
    }
}
