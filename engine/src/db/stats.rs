//! What a store holds, counted.

use super::last_before;
use super::types::{LoadStats, SourceStats, Stats};
use super::view::View;
use crate::base::error::Result;
use crate::event::TableView;
use crate::state::{DERIVED, QuarantineKind, Reader, State};
use std::collections::BTreeMap;

impl View {
    pub(super) fn stats_of(&self, state: &State) -> Result<Stats> {
        let reader = state.reader();
        let catalog = &state.catalog;
        let sources = sources_of(state);
        let loads = state.loads.iter().map(|(id, info)| LoadStats {
            id: *id,
            source: catalog.source_name(info.source).to_owned(),
            file: info.file.clone(),
            rows: info.rows,
        });
        let mut stats = Stats {
            profiles: state.profiles(),
            identifiers: u64::from(state.counts.nodes),
            events: Vec::new(),
            traits: Vec::new(),
            properties: Vec::new(),
            entities: Vec::new(),
            entity_fields: Vec::new(),
            sources,
            loads: loads.collect(),
            quarantine: quarantine_of(state),
            identity: super::identity::stats(state),
            lists_not_folded: 0,
            position: self.position(),
            durable: last_before(self.inner.durability.durable_end()),
            clock: self.clock(),
            log_bytes: self.inner.reader.bytes(),
            derived_bytes: self.derived_bytes(),
            read_only: self.inner.durability.failure().map(ToString::to_string),
            torn_tails: self.inner.torn_tails,
        };
        add_events(&reader, &mut stats);
        add_traits(&reader, &mut stats);
        add_entities(state, &mut stats);
        reader.check().map(|()| stats)
    }

    fn derived_bytes(&self) -> u64 {
        let dir = self.inner.dir.as_ref();
        let names = dir.list(DERIVED).unwrap_or_default();
        names.iter().filter_map(|name| dir.len(&format!("{DERIVED}/{name}")).ok()).sum()
    }
}

/// The sources that have records, or are not simply live.
fn sources_of(state: &State) -> Vec<SourceStats> {
    let catalog = &state.catalog;
    let mut found: BTreeMap<String, SourceStats> = BTreeMap::new();
    for (id, records) in state.records.iter() {
        found.entry(catalog.source_name(*id).to_owned()).or_default().records = *records;
    }
    for (id, names) in state.names.iter() {
        let source = found.entry(catalog.source_name(*id).to_owned()).or_default();
        (source.names, source.beyond_names) = (names.brought, names.beyond);
    }
    for (id, held) in state.held.iter() {
        found.entry(catalog.source_name(*id).to_owned()).or_default().held = *held;
    }
    for (name, rule) in &state.hindsight.sources {
        let source = found.entry(name.clone()).or_default();
        (source.state, source.since) = (rule.state, rule.since);
    }
    let named = found.into_iter().map(|(name, source)| SourceStats { name, ..source });
    named.collect()
}

/// How much of each kind is in quarantine, where there is any.
fn quarantine_of(state: &State) -> Vec<(String, u64)> {
    let counts = &state.counts;
    let kinds = [
        (QuarantineKind::Record, counts.broken),
        (QuarantineKind::Value, counts.values),
        (QuarantineKind::Conflict, counts.conflicts),
    ];
    let mut found: Vec<(String, u64)> = kinds
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.name().to_owned(), count))
        .collect();
    found.sort_unstable();
    found
}

/// Adds the event types, their properties, and the lists that those keep.
fn add_events(reader: &Reader<'_>, stats: &mut Stats) {
    let catalog = &reader.state.catalog;
    for (number, event) in catalog.events().all().iter().enumerate() {
        let count = reader.events(number).map_or(0, TableView::len);
        stats.events.push((event.name.clone(), count));
        for field in catalog.properties(number).into_iter().flat_map(|fields| fields.all()) {
            stats.lists_not_folded += field.lists;
            let known = field.value_type.map(|t| (event.name.clone(), field.name.clone(), t));
            stats.properties.extend(known);
        }
    }
    stats.events.sort_unstable();
    stats.properties.sort_unstable();
}

/// Adds the traits, with how many profiles have each.
fn add_traits(reader: &Reader<'_>, stats: &mut Stats) {
    for (number, field) in reader.state.catalog.traits().all().iter().enumerate() {
        stats.lists_not_folded += field.lists;
        let present = || reader.trait_column(number).map_or(0, |column| column.present().len());
        stats.traits.extend(field.value_type.map(|t| (field.name.clone(), t, present())));
    }
    stats.traits.sort_unstable();
}

/// Adds the entity types, their fields, and the lists that those keep.
fn add_entities(state: &State, stats: &mut Stats) {
    for (number, entity) in state.catalog.entities().all().iter().enumerate() {
        let count = state.counts.entities.get(number).copied().unwrap_or_default();
        stats.entities.push((entity.name.clone(), u64::from(count)));
        let fields = state.catalog.entity_fields(number);
        for field in fields.into_iter().flat_map(|fields| fields.all()) {
            stats.lists_not_folded += field.lists;
            let known = field.value_type.map(|t| (entity.name.clone(), field.name.clone(), t));
            stats.entity_fields.extend(known);
        }
    }
    stats.entities.sort_unstable();
    stats.entity_fields.sort_unstable();
}
