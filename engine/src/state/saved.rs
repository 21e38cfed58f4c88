//! What owners saved of questions, read once: the segments, the computed traits and the streams in force.
//!
//! *Invariant:* it is what the definitions say, and nothing else; names are found in any case.

use super::State;
use super::hindsight::{Hindsight, plain_name};
use crate::catalog::folded;
use crate::definition::{COMPUTED, ComputedTrait, SEGMENT, STREAM, SegmentRule, StreamRule};
use crate::entry::DefinitionEntry;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A saved question in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved<T> {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// What it says.
    pub says: T,
}

/// Saved questions of one kind, by the name in its folded form and as it is spelled; nothing for those that were
/// dropped.
type OfKind<T> = BTreeMap<(String, String), Option<Arc<Saved<T>>>>;

/// All saved questions.
#[derive(Debug, Clone, Default)]
pub(super) struct SavedQuestions {
    segments: OfKind<SegmentRule>,
    computed: OfKind<ComputedTrait>,
    streams: OfKind<StreamRule>,
}

fn note<T>(of: &mut OfKind<T>, definition: &DefinitionEntry, read: impl Fn(&str) -> Option<T>) {
    let name = plain_name(&definition.name);
    let says = definition.body.as_deref().and_then(read);
    let version = definition.version;
    let saved = says.map(|says| Arc::new(Saved { name: name.clone(), version, says }));
    of.insert((folded(&name), name), saved);
}

fn find<'s, T>(of: &'s OfKind<T>, name: &str) -> Option<&'s Arc<Saved<T>>> {
    let key = folded(name);
    let same = of.range((key.clone(), String::new())..).take_while(|((known, _), _)| *known == key);
    same.filter_map(|(_, saved)| saved.as_ref()).next()
}

impl SavedQuestions {
    /// Those of all definitions.
    pub fn of(hindsight: &Hindsight) -> SavedQuestions {
        let mut saved = SavedQuestions::default();
        hindsight.definitions.values().for_each(|definition| saved.note(definition));
        saved
    }

    /// Takes note of a definition that is in force now.
    pub fn note(&mut self, definition: &DefinitionEntry) {
        match definition.kind.as_str() {
            SEGMENT => note(&mut self.segments, definition, SegmentRule::of_text),
            COMPUTED => note(&mut self.computed, definition, ComputedTrait::of_text),
            STREAM => note(&mut self.streams, definition, StreamRule::of_text),
            _ => {}
        }
    }
}

impl State {
    /// Puts other definitions in the place of those that there are.
    pub fn set_hindsight(&mut self, hindsight: Hindsight) {
        self.saved = Arc::new(SavedQuestions::of(&hindsight));
        self.hindsight = Arc::new(hindsight);
        self.know_transitions();
    }

    /// Takes note of the definition of a kind and name that is in force now.
    pub(super) fn note_saved(&mut self, place: (String, String)) {
        if let Some(known) = self.hindsight.definitions.get(&place) {
            Arc::make_mut(&mut self.saved).note(known);
        }
    }

    /// The names of all segments that are or were defined.
    pub fn segment_names(&self) -> impl Iterator<Item = &str> {
        self.saved.segments.keys().map(|(_, name)| name.as_str())
    }

    /// A segment in force, by its name in any case.
    pub fn segment_rule(&self, name: &str) -> Option<&Arc<Saved<SegmentRule>>> {
        find(&self.saved.segments, name)
    }

    /// The segments in force, by name.
    pub fn segment_rules(&self) -> impl Iterator<Item = &Arc<Saved<SegmentRule>>> {
        self.saved.segments.values().flatten()
    }

    /// A computed trait in force, by its name in any case.
    pub fn computed_trait(&self, name: &str) -> Option<&Arc<Saved<ComputedTrait>>> {
        find(&self.saved.computed, name)
    }

    /// The computed traits in force, by name.
    pub fn computed_traits(&self) -> impl Iterator<Item = &Arc<Saved<ComputedTrait>>> {
        self.saved.computed.values().flatten()
    }

    /// A stream in force that has a name of its own, in any case.
    pub fn stream_rule(&self, name: &str) -> Option<&Arc<Saved<StreamRule>>> {
        find(&self.saved.streams, name)
    }

    /// The streams in force that have names of their own, by name.
    pub fn stream_rules(&self) -> impl Iterator<Item = &Arc<Saved<StreamRule>>> {
        self.saved.streams.values().flatten()
    }

    /// Whether there is a computed trait.
    pub fn has_computed_traits(&self) -> bool {
        self.computed_traits().next().is_some()
    }
}
