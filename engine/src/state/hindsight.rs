//! What later entries say of earlier ones: what is withdrawn, and the definitions in force.
//!
//! *Invariants:* a fold knows all of it before its first entry, so that a withdrawn row is as if it had never been
//! written, and a definition as if it had been there from the beginning; which entries said it does not matter, only
//! what they say together.

use crate::base::ids::{LoadId, Position, SourceId};
use crate::definition::{Definitions, fold_text};
use crate::entry::{DefinitionEntry, Entry, RetractEntry};
use bincode::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// What was withdrawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Retracted {
    /// Whole loads.
    pub loads: BTreeSet<LoadId>,
    /// Single rows.
    pub rows: BTreeSet<Position>,
    /// Sources from a position up to and with another.
    pub sources: BTreeSet<(SourceId, Position, Position)>,
}

impl Retracted {
    /// Whether a row is withdrawn.
    pub fn holds(&self, source: SourceId, load: LoadId, position: Position) -> bool {
        self.loads.contains(&load) || self.holds_row(source, position)
    }

    /// Whether a row of a load in force is withdrawn.
    pub fn holds_row(&self, source: SourceId, position: Position) -> bool {
        let within = |(of, from, to): &(SourceId, Position, Position)| {
            *of == source && (*from..=*to).contains(&position)
        };
        self.rows.contains(&position) || self.sources.iter().any(within)
    }
}

/// What later entries say of earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Hindsight {
    /// What is withdrawn.
    pub retracted: Retracted,
    /// The definitions in force, by kind and name; one that was dropped has no body.
    pub definitions: BTreeMap<(String, String), DefinitionEntry>,
}

impl Hindsight {
    /// The definitions in force, as a fold asks them.
    pub fn compiled(&self) -> Definitions {
        let in_force = self.definitions.values().filter_map(|definition| {
            let body = definition.body.as_deref()?;
            Some((definition.kind.as_str(), definition.name.as_str(), body))
        });
        Definitions::compile(in_force)
    }

    /// Takes note of what an entry says of earlier ones. Says whether a fold listens to it and did not know it yet, so
    /// that one that went past them must begin anew.
    pub fn note(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Retract(retract) => self.note_retraction(retract),
            Entry::Definition(definition) => {
                let place = (definition.kind.clone(), definition.name.clone());
                let known = self.definitions.get(&place);
                if known.is_some_and(|known| known.version >= definition.version) {
                    return false;
                }
                let before = known.and_then(|known| known.body.as_deref());
                let heard = fold_text(&definition.kind, before)
                    != fold_text(&definition.kind, definition.body.as_deref());
                self.definitions.insert(place, definition.clone());
                heard
            }
            _ => false,
        }
    }

    fn note_retraction(&mut self, retract: &RetractEntry) -> bool {
        let Retracted { loads, rows, sources } = &mut self.retracted;
        match retract {
            RetractEntry::Load(load) => loads.insert(*load),
            RetractEntry::Record(position) => rows.insert(*position),
            RetractEntry::Records(positions) => {
                let before = rows.len();
                rows.extend(positions);
                rows.len() > before
            }
            RetractEntry::Source { source, from, to } => sources.insert((*source, *from, *to)),
        }
    }
}
