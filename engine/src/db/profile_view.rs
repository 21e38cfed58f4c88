//! One profile: its identifiers, golden record and timeline.

use super::types::{
    Golden, Profile, ProfileConsent, ProfileIdentifier, ProfileMembership, ProfileTrait,
    TimelineEvent,
};
use crate::audience::{Person, value_asked};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::value::Value;
use crate::event::TablePart;
use crate::profile::{GoldenRow, widened};
use crate::record::identifier_of;
use crate::segment::prepared_trait;
use crate::state::{Reader, State};

pub(super) fn find(reader: &Reader<'_>, namespace: &str, value: &str) -> Option<Ordinal> {
    reader.find(&identifier_of(namespace, value)?)
}

/// The events of a type that belong to some identifiers; rows of child tables are no events.
fn rows_of<'a>(
    reader: &'a Reader<'_>,
    event: usize,
    members: &'a [NodeId],
) -> impl Iterator<Item = (&'a TablePart, u32)> {
    let parts = reader.events(event).map(|table| table.parts()).unwrap_or_default();
    parts.iter().flat_map(move |part| {
        let rows = members.iter().flat_map(|node| part.rows_of(*node));
        rows.filter(|row| !part.child(*row)).map(move |row| (part.as_ref(), row))
    })
}

pub(super) fn profile(state: &State, namespace: &str, value: &str) -> Result<Option<Profile>> {
    let reader = state.reader();
    let found = find(&reader, namespace, value).and_then(|ordinal| whole(&reader, ordinal));
    reader.check().map(|()| found)
}

pub(super) fn golden(state: &State, namespace: &str, value: &str) -> Result<Option<Golden>> {
    let reader = state.reader();
    let found = find(&reader, namespace, value).and_then(|ordinal| {
        let id = reader.profile_id(ordinal)?.to_string();
        Some(Golden { id, traits: traits_of(&reader, &reader.row(ordinal)) })
    });
    reader.check().map(|()| found)
}

/// The traits of a profile that have a value, by name.
fn traits_of(reader: &Reader<'_>, row: &GoldenRow) -> Vec<ProfileTrait> {
    let catalog = &reader.state.catalog;
    let traits = row.traits.iter().filter_map(|known| {
        let field = catalog.traits().get(known.number as usize)?;
        Some(ProfileTrait {
            name: field.name.clone(),
            value: widened(known.value.as_ref()?, field.value_type),
            time: known.winner.time,
            source: catalog.source_name(known.winner.source).to_owned(),
            position: known.winner.position,
        })
    });
    let mut traits: Vec<ProfileTrait> = traits.collect();
    traits.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    traits
}

fn whole(reader: &Reader<'_>, ordinal: Ordinal) -> Option<Profile> {
    let catalog = &reader.state.catalog;
    let id = reader.profile_id(ordinal)?.to_string();
    let row = reader.row(ordinal);
    let identifiers = row.members.iter().filter_map(|node| {
        let (namespace, value) = reader.nodes().identifier(*node)?;
        Some(ProfileIdentifier {
            namespace: namespace.to_owned(),
            value: value.to_owned(),
            first_seen: reader.nodes().first_seen(*node)?,
        })
    });
    let mut identifiers: Vec<ProfileIdentifier> = identifiers.collect();
    identifiers.sort_unstable();
    let traits = traits_of(reader, &row);
    let events = catalog.events().all().iter().enumerate().map(|(number, event)| {
        (event.name.clone(), rows_of(reader, number, &row.members).count() as u64)
    });
    let mut events: Vec<(String, u64)> = events.filter(|(_, count)| *count > 0).collect();
    events.sort_unstable();
    let consents = consents(reader, &row.members);
    let memberships = reader.memberships_of(&row.members).into_iter().map(|known| {
        let source = catalog.source_name(known.source).to_owned();
        ProfileMembership {
            group: known.group.to_owned(),
            id: known.id.to_owned(),
            state: known.state.to_owned(),
            time: known.time,
            source,
            position: known.position,
        }
    });
    let memberships = memberships.collect();
    let computed = computed(reader, ordinal);
    Some(Profile { id, identifiers, traits, events, consents, memberships, computed })
}

/// The computed traits of a profile; none for those that have no answer.
fn computed(reader: &Reader<'_>, ordinal: Ordinal) -> Vec<(String, Value)> {
    let person = Person::new(reader, ordinal);
    let values = reader.state.computed_traits().filter_map(|known| {
        let prepared = prepared_trait(&known.says, reader.state).ok()?;
        Some((known.name.clone(), value_asked(&prepared, &person)?))
    });
    values.collect()
}

fn consents(reader: &Reader<'_>, members: &[NodeId]) -> Vec<ProfileConsent> {
    let latest = reader.consents_of(members);
    let found = latest.strictest().into_iter().map(|((channel, purpose, topic), known)| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        ProfileConsent {
            channel: channel.to_owned(),
            purpose: purpose.to_owned(),
            topic: owned(topic),
            state: known.state.name().to_owned(),
            time: known.time,
            source: reader.state.catalog.source_name(known.source).to_owned(),
            basis: owned(known.basis),
            text: owned(known.text),
            position: known.position,
        }
    });
    found.collect()
}

pub(super) fn timeline(
    state: &State,
    namespace: &str,
    value: &str,
) -> Result<Option<Vec<TimelineEvent>>> {
    let reader = state.reader();
    let Some(ordinal) = find(&reader, namespace, value) else {
        return reader.check().map(|()| None);
    };
    let members = reader.row(ordinal).members;
    let mut found = Vec::new();
    for (number, event) in state.catalog.events().all().iter().enumerate() {
        let fields = state.catalog.properties(number).map(|f| f.all()).unwrap_or_default();
        for (part, row) in rows_of(&reader, number, &members) {
            let properties = fields.iter().enumerate().filter_map(|(property, field)| {
                Some((field.name.clone(), part.cell(property, row).to_value()?))
            });
            let mut properties: Vec<(String, Value)> = properties.collect();
            // By name, since the order in which a store first saw the names means nothing.
            properties.sort_by(|a, b| a.0.cmp(&b.0));
            found.push(TimelineEvent {
                event: event.name.clone(),
                time: part.time(row),
                source: state.catalog.source_name(part.source(row)).to_owned(),
                message_id: part.message_id(row).into_owned(),
                properties,
                position: part.position(row),
            });
        }
    }
    found.sort_by(|a, b| (a.time, &a.event, &a.message_id).cmp(&(b.time, &b.event, &b.message_id)));
    reader.check().map(|()| Some(found))
}
