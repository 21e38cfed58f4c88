//! What persons allowed and which groups they belong to: the newest of what the events of the reserved types say.
//!
//! *Invariants:* consents belong to identifiers, so that they are right again after each join or split of profiles; of
//! two at the same time the stricter counts; order of arrival does not matter. *Where to start reading:*
//! `Reader::consents`.

use super::Reader;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::time::Timestamp;
use crate::event::TablePart;
use crate::record::{CONSENT, ConsentState, MEMBERSHIP};
use std::collections::{BTreeMap, HashMap};

/// What a consent is about, and of which identifier it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsentPlace<'r> {
    /// The identifier.
    pub node: NodeId,
    /// The channel; `*` is every one.
    pub channel: &'r str,
    /// The purpose; `*` is every one.
    pub purpose: &'r str,
    /// The topic; none is all of the purpose.
    pub topic: Option<&'r str>,
}

/// The newest consent of a place.
#[derive(Debug, Clone, Copy)]
pub struct LatestConsent<'r> {
    /// The event time.
    pub time: Timestamp,
    /// What was said.
    pub state: ConsentState,
    /// The source.
    pub source: SourceId,
    /// The record.
    pub position: Position,
    /// The legal basis.
    pub basis: Option<&'r str>,
    /// What the person was shown.
    pub text: Option<&'r str>,
}

/// The newest consents, by place.
#[derive(Debug, Default)]
pub struct Consents<'r>(HashMap<ConsentPlace<'r>, LatestConsent<'r>>);

impl<'r> Consents<'r> {
    fn take(&mut self, place: ConsentPlace<'r>, new: LatestConsent<'r>) {
        let order = |consent: &LatestConsent<'_>| (consent.time, consent.state, consent.position);
        self.0
            .entry(place)
            .and_modify(|known| {
                if order(&new) > order(known) {
                    *known = new;
                }
            })
            .or_insert(new);
    }

    /// The places and what each says; in no order.
    pub fn all(&self) -> impl Iterator<Item = (&ConsentPlace<'r>, ConsentState)> {
        self.0.iter().map(|(place, consent)| (place, consent.state))
    }

    /// What each says, with its identifier; in no order.
    pub fn states(&self) -> impl Iterator<Item = (NodeId, ConsentState)> {
        self.0.iter().map(|(place, consent)| (place.node, consent.state))
    }

    /// The strictest across identifiers, for each channel, purpose and topic.
    pub fn strictest(&self) -> BTreeMap<(&'r str, &'r str, Option<&'r str>), LatestConsent<'r>> {
        let order = |consent: &LatestConsent<'_>| (consent.state, consent.time, consent.position);
        let mut found: BTreeMap<_, LatestConsent<'r>> = BTreeMap::new();
        for (place, consent) in &self.0 {
            found
                .entry((place.channel, place.purpose, place.topic))
                .and_modify(|known| {
                    if order(consent) > order(known) {
                        *known = *consent;
                    }
                })
                .or_insert(*consent);
        }
        found
    }
}

/// The newest that is known of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatestMembership<'r> {
    /// The type of the group.
    pub group: &'r str,
    /// Which one.
    pub id: &'r str,
    /// `joined` or `left`.
    pub state: &'r str,
    /// The event time.
    pub time: Timestamp,
    /// The source.
    pub source: SourceId,
    /// The record.
    pub position: Position,
}

/// The columns of a reserved type, by name.
struct Columns {
    event: usize,
    numbers: Vec<Option<usize>>,
}

impl Reader<'_> {
    fn columns(&self, event: &str, names: &[&str]) -> Option<Columns> {
        let event = self.state.catalog.events().find(event)?;
        let fields = self.state.catalog.properties(event)?;
        Some(Columns { event, numbers: names.iter().map(|name| fields.find(name)).collect() })
    }

    /// The newest consents of all identifiers, of the places that are wanted: one pass.
    pub fn consents(&self, wanted: &dyn Fn(&ConsentPlace<'_>) -> bool) -> Consents<'_> {
        self.newest_consents(wanted, &|part| (0..part.len()).collect())
    }

    /// The newest consents of some identifiers.
    pub fn consents_of(&self, members: &[NodeId]) -> Consents<'_> {
        self.newest_consents(&|_| true, &|part| {
            members.iter().flat_map(|node| part.rows_of(*node)).collect()
        })
    }

    fn newest_consents(
        &self,
        wanted: &dyn Fn(&ConsentPlace<'_>) -> bool,
        rows: &dyn Fn(&TablePart) -> Vec<u32>,
    ) -> Consents<'_> {
        let names = ["channel", "purpose", "topic", "state", "basis", "text"];
        let mut found = Consents::default();
        let Some(columns) = self.columns(CONSENT, &names) else { return found };
        for part in self.events(columns.event).map(|table| table.parts()).unwrap_or_default() {
            for row in rows(part).into_iter().take_while(|_| self.keeps_pace()) {
                let said = |index: usize| {
                    let number = columns.numbers.get(index).copied().flatten()?;
                    part.text(number, row)
                };
                let (Some(channel), Some(purpose)) = (said(0), said(1)) else { continue };
                let place = ConsentPlace { node: part.node(row), channel, purpose, topic: said(2) };
                let state = said(3).and_then(ConsentState::of);
                let Some(state) = state.filter(|_| wanted(&place)) else { continue };
                let (time, source) = (part.time(row), part.source(row));
                let (position, basis, text) = (part.position(row), said(4), said(5));
                found.take(place, LatestConsent { time, state, source, position, basis, text });
            }
        }
        found
    }

    /// The newest that is known of each group of some identifiers; at the same time, that they left.
    pub fn memberships_of(&self, members: &[NodeId]) -> Vec<LatestMembership<'_>> {
        let Some(columns) = self.columns(MEMBERSHIP, &["group", "group_id", "state"]) else {
            return Vec::new();
        };
        let mut found: BTreeMap<(&str, &str), LatestMembership<'_>> = BTreeMap::new();
        for part in self.events(columns.event).map(|table| table.parts()).unwrap_or_default() {
            for row in members.iter().flat_map(|node| part.rows_of(*node)) {
                let said = |index: usize| {
                    let number = columns.numbers.get(index).copied().flatten()?;
                    part.text(number, row)
                };
                let (Some(group), Some(id), Some(state)) = (said(0), said(1), said(2)) else {
                    continue;
                };
                let (time, source, position) =
                    (part.time(row), part.source(row), part.position(row));
                let new = LatestMembership { group, id, state, time, source, position };
                let order = |of: &LatestMembership<'_>| (of.time, of.state == "left", of.position);
                found
                    .entry((group, id))
                    .and_modify(|known| {
                        if order(&new) > order(known) {
                            *known = new;
                        }
                    })
                    .or_insert(new);
            }
        }
        found.into_values().collect()
    }
}
