//! What later entries say of earlier ones: what is withdrawn, and the definitions in force.
//!
//! *Invariants:* a fold knows all of it before its first entry, so that a withdrawn row is as if it had never been
//! written, and a definition as if it had been there from the beginning; which entries said it does not matter, only
//! what they say together.

use super::source::{SourceRule, SourceState};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::catalog::folded;
use crate::definition::{Definitions, SEGMENT, SegmentRule, fold_text};
use crate::entry::{DefinitionEntry, Entry, RetractEntry, WATERMARK_KIND};
use bincode::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// What was withdrawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Retracted {
    /// Whole loads.
    pub loads: BTreeSet<LoadId>,
    /// Single rows.
    rows: BTreeSet<Position>,
    /// Of each source the stretches that are withdrawn, by their first positions: apart from each other, each up to and
    /// with a last position. A look-up takes as long however many there were.
    sources: BTreeMap<SourceId, BTreeMap<Position, Position>>,
}

impl Retracted {
    /// Whether a row is withdrawn.
    pub fn holds(&self, source: SourceId, load: LoadId, position: Position) -> bool {
        self.loads.contains(&load) || self.holds_row(source, position)
    }

    /// Whether a row of a load in force is withdrawn.
    pub fn holds_row(&self, source: SourceId, position: Position) -> bool {
        let within = |stretches: &BTreeMap<Position, Position>| {
            let before = stretches.range(..=position).next_back();
            before.is_some_and(|(_, last)| position <= *last)
        };
        self.rows.contains(&position) || self.sources.get(&source).is_some_and(within)
    }

    /// How many rows of a frame are withdrawn, other than with their load.
    pub fn count(&self, source: SourceId, first: Position, rows: u64) -> u64 {
        let end = first.plus(rows);
        let reaches = |stretches: &BTreeMap<Position, Position>| {
            stretches.range(..end).next_back().is_some_and(|(_, last)| first <= *last)
        };
        if self.rows.range(first..end).next().is_none()
            && !self.sources.get(&source).is_some_and(reaches)
        {
            return 0;
        }
        (0..rows).filter(|row| self.holds_row(source, first.plus(*row))).count() as u64
    }

    /// Withdraws a stretch of a source. Says whether it was not wholly withdrawn before.
    fn add_stretch(&mut self, source: SourceId, from: Position, to: Position) -> bool {
        if from > to {
            return false;
        }
        let stretches = self.sources.entry(source).or_default();
        let known = stretches.range(..=from).next_back();
        if known.is_some_and(|(_, last)| to <= *last) {
            return false;
        }
        // What touches it becomes one with it.
        let (mut first, mut last) = (from, to);
        while let Some((start, end)) =
            stretches.range(..=last.plus(1)).next_back().map(|(start, end)| (*start, *end))
            && end.plus(1) >= first
        {
            stretches.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        stretches.insert(first, last);
        true
    }
}

/// The kind of definitions of sources.
pub const SOURCE: &str = "source";
/// The kind of definitions of what is expected.
pub const EXPECT: &str = "expect";

/// What later entries say of earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Hindsight {
    /// What is withdrawn.
    pub retracted: Retracted,
    /// The definitions in force, by kind and name; one that was dropped has no body.
    pub definitions: BTreeMap<(String, String), DefinitionEntry>,
    /// Sources that are not simply live, by name.
    pub sources: BTreeMap<String, SourceRule>,
    /// Segments that are or were defined, by the folded name.
    segments: BTreeSet<String>,
    /// Those of them whose transitions are events; one that was dropped stays among them.
    pub evented: BTreeSet<String>,
}

impl Hindsight {
    /// The definitions in force, as a fold asks them.
    pub fn compiled(&self) -> Definitions {
        let heard = self.definitions.values().filter(|one| one.kind != WATERMARK_KIND);
        let in_force = heard.filter_map(|definition| {
            let body = definition.body.as_deref()?;
            Some((definition.kind.as_str(), definition.name.as_str(), body))
        });
        Definitions::compile(in_force)
    }

    /// Takes note of what an entry says of earlier ones; `at` is its position. Says whether a fold listens to it and
    /// did not know it yet, so that one that went past them must begin anew.
    pub fn note(&mut self, entry: &Entry, at: Position) -> bool {
        match entry {
            Entry::Retract(retract) => self.note_retraction(retract),
            Entry::Definition(definition) => {
                let place = (definition.kind.clone(), definition.name.clone());
                let known = self.definitions.get(&place);
                if known.is_some_and(|known| known.version >= definition.version) {
                    return false;
                }
                let before = known.and_then(|known| known.body.as_deref());
                let heard = fold_text(&definition.kind, &definition.name, before)
                    != fold_text(&definition.kind, &definition.name, definition.body.as_deref());
                self.definitions.insert(place, definition.clone());
                if definition.kind == SEGMENT {
                    return self.note_segment(definition);
                }
                if definition.kind == SOURCE {
                    return self.note_source(definition, at) | heard;
                }
                // No fold listens to what is expected, or to how far a query was read.
                heard && definition.kind != EXPECT && definition.kind != WATERMARK_KIND
            }
            _ => false,
        }
    }

    /// Whether the transitions of a segment that may have told some are events now and were not, or no longer.
    fn note_segment(&mut self, definition: &DefinitionEntry) -> bool {
        let says = definition.body.as_deref().and_then(SegmentRule::of_text);
        let name = folded(&plain_name(&definition.name));
        let is_new = self.segments.insert(name.clone());
        let changed = match says {
            Some(says) if says.events => self.evented.insert(name),
            Some(_) => self.evented.remove(&name),
            None => false,
        };
        changed && !is_new
    }

    /// The state of a source, and whether rows that were held back are to be folded now. Holding changes nothing of
    /// what was folded.
    fn note_source(&mut self, definition: &DefinitionEntry, at: Position) -> bool {
        let state = SourceState::of_body(definition.body.as_deref());
        let name = plain_name(&definition.name);
        let before = self.sources.get(&name).and_then(|rule| rule.since);
        let since = match state {
            SourceState::Live => None,
            SourceState::Held => before.or(Some(at)),
            // What was held back stays so: nobody said that it is to be folded.
            SourceState::Refused => before,
        };
        if state == SourceState::Live {
            self.sources.remove(&name);
        } else {
            self.sources.insert(name, SourceRule { state, since });
        }
        before.is_some() && since.is_none()
    }

    /// What holds for a source.
    pub fn source(&self, name: &str) -> SourceRule {
        self.sources.get(name).copied().unwrap_or_default()
    }

    fn note_retraction(&mut self, retract: &RetractEntry) -> bool {
        let Retracted { loads, rows, .. } = &mut self.retracted;
        match retract {
            RetractEntry::Load(load) => loads.insert(*load),
            RetractEntry::Record(position) => rows.insert(*position),
            RetractEntry::Records(positions) => {
                let before = rows.len();
                rows.extend(positions);
                rows.len() > before
            }
            RetractEntry::Source { source, from, to } => {
                self.retracted.add_stretch(*source, *from, *to)
            }
        }
    }
}

/// The name that a definition is of: it is kept as a key as TOML writes it.
pub(super) fn plain_name(name: &str) -> String {
    let table: toml::Table = format!("{name} = 0").parse().unwrap_or_default();
    table.keys().next().cloned().unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_hold_what_a_plain_list_of_them_would() {
        let mut seed = 7_u64;
        let mut random = |most: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        for _ in 0..200 {
            let (mut real, mut plain) = (Hindsight::default(), Vec::new());
            for _ in 0..random(20) {
                let source = SourceId(u32::try_from(random(2)).unwrap());
                let (from, to) = (Position(random(60)), Position(random(60)));
                let inside =
                    |of: SourceId, position: u64, plain: &[(SourceId, Position, Position)]| {
                        let position = Position(position);
                        plain.iter().any(|(s, f, t)| *s == of && *f <= position && position <= *t)
                    };
                let new = (from.0..=to.0).any(|position| !inside(source, position, &plain));
                let entry = Entry::Retract(RetractEntry::Source { source, from, to });
                assert_eq!(real.note(&entry, Position(99)), new, "{from} to {to}");
                plain.push((source, from, to));
                for of in [SourceId(0), SourceId(1)] {
                    let held = |p: &u64| inside(of, *p, &plain);
                    for position in 0..62 {
                        let said = real.retracted.holds_row(of, Position(position));
                        assert_eq!(said, held(&position), "{position} after {plain:?}");
                    }
                    let (first, rows) = (random(50), random(12));
                    let count = (first..first + rows).filter(held).count() as u64;
                    assert_eq!(real.retracted.count(of, Position(first), rows), count);
                }
            }
        }
    }
}
