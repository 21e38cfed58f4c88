//! What definitions change: two states of one log compared.

use super::define::{DefineEffect, FieldChange, QuarantineChange};
use super::regrouping::regrouping;
use crate::base::codec::{self, Digest128, DigestMap};
use crate::base::error::Result;
use crate::base::value::ValueType;
use crate::catalog::{Fields, folded};
use crate::definition::path_text;
use crate::event::TableView;
use crate::state::{Quarantined, State};
use std::collections::BTreeMap;

/// How many examples a report shows.
const SHOWN: usize = 10;

/// What is another in a state than in the one before.
pub(super) fn compare(before: &State, after: &State) -> Result<DefineEffect> {
    let mut effect = DefineEffect {
        profiles: (before.profiles(), after.profiles()),
        identifiers: (u64::from(before.counts.nodes), u64::from(after.counts.nodes)),
        events: events(before, after)?,
        fields: fields(before, after),
        ..DefineEffect::default()
    };
    let grouping = regrouping(before, after)?;
    (effect.joined, effect.split) = (grouping.joined, grouping.split);
    (effect.rearranged, effect.regrouped) = (grouping.rearranged, grouping.examples);
    (effect.quarantined, effect.quarantined_shown) = more(before, after)?;
    (effect.released, effect.released_shown) = more(after, before)?;
    Ok(effect)
}

fn event_counts(state: &State) -> Result<BTreeMap<String, (String, u64)>> {
    let reader = state.reader();
    let mut counts = BTreeMap::new();
    for (number, event) in state.catalog.events().all().iter().enumerate() {
        let count = reader.events(number).map_or(0, TableView::len);
        counts.insert(folded(&event.name), (event.name.clone(), count));
    }
    reader.check().map(|()| counts)
}

fn events(before: &State, after: &State) -> Result<Vec<(String, u64, u64)>> {
    let (old, mut new) = (event_counts(before)?, event_counts(after)?);
    let mut found = Vec::new();
    for (key, (name, count)) in old {
        let now = new.remove(&key).map_or(0, |(_, count)| count);
        if now != count {
            found.push((name, count, now));
        }
    }
    found.extend(new.into_values().filter(|(_, n)| *n > 0).map(|(name, n)| (name, 0, n)));
    found.sort_unstable();
    Ok(found)
}

/// The types of all fields, by their full names in the folded form.
fn types(state: &State) -> BTreeMap<String, (String, ValueType)> {
    let typed = typed_fields(state).into_iter();
    typed.map(|(name, value_type, _)| (folded(&name), (name, value_type))).collect()
}

/// The fields whose types nobody declared, by name.
pub(super) fn inferred(state: &State) -> Vec<(String, ValueType)> {
    let fields = typed_fields(state).into_iter().filter(|(.., declared)| !declared);
    let mut found: Vec<_> = fields.map(|(name, value_type, _)| (name, value_type)).collect();
    found.sort_unstable();
    found
}

/// The full names of all fields with a type, and whether it is declared.
fn typed_fields(state: &State) -> Vec<(String, ValueType, bool)> {
    let mut found = Vec::new();
    let mut add = |path: &[&str], fields: &Fields| {
        for (number, field) in fields.all().iter().enumerate() {
            if let Some(value_type) = field.value_type {
                let path: Vec<&str> = path.iter().copied().chain([field.name.as_str()]).collect();
                let rule = fields.rule(number);
                let declared = rule.is_some_and(|rule| rule.value_type.is_some());
                found.push((path_text(&path), value_type, declared));
            }
        }
    };
    let catalog = &state.catalog;
    add(&["trait"], catalog.traits());
    for (number, event) in catalog.events().all().iter().enumerate() {
        if let Some(fields) = catalog.properties(number) {
            add(&["property", &event.name], fields);
        }
    }
    for (number, entity) in catalog.entities().all().iter().enumerate() {
        if let Some(fields) = catalog.entity_fields(number) {
            add(&["entity", &entity.name], fields);
        }
    }
    found
}

fn fields(before: &State, after: &State) -> Vec<FieldChange> {
    let (old, mut new) = (types(before), types(after));
    let mut found = Vec::new();
    for (key, (name, before)) in old {
        let after = new.remove(&key).map(|(_, value_type)| value_type);
        if after != Some(before) {
            found.push(FieldChange { name, before: Some(before), after });
        }
    }
    let made = new.into_values();
    found.extend(made.map(|(name, t)| FieldChange { name, before: None, after: Some(t) }));
    found.sort_unstable();
    found
}

/// A thing in quarantine, whatever its field is called.
fn key(item: &Quarantined) -> Digest128 {
    let position = item.position.0.to_le_bytes();
    codec::digest_of_parts(&[&position, item.kind.name().as_bytes(), item.text.as_bytes()])
}

/// What is in quarantine in one state and not in another: how much, and the first of it.
fn more(before: &State, after: &State) -> Result<(u64, Vec<QuarantineChange>)> {
    let mut known: DigestMap<Digest128, u64> = DigestMap::default();
    let reader = before.reader();
    for item in reader.quarantine() {
        *known.entry(key(&item)).or_default() += 1;
    }
    reader.check()?;
    let (mut count, mut shown) = (0, Vec::new());
    let reader = after.reader();
    for item in reader.quarantine() {
        if let Some(left) = known.get_mut(&key(&item)).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        count += 1;
        if shown.len() < SHOWN {
            shown.push(QuarantineChange {
                value: item.text,
                field: item.field,
                source: after.catalog.source_name(item.source).to_owned(),
                reason: item.reason,
                position: item.position,
            });
        }
    }
    reader.check().map(|()| (count, shown))
}
