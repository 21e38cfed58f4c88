//! One profile: its identifiers, golden record and timeline.

use super::types::{Profile, ProfileIdentifier, ProfileTrait, TimelineEvent};
use crate::base::ids::Ordinal;
use crate::event::EventTable;
use crate::record::normalise;
use crate::state::State;

fn find(state: &State, namespace: &str, value: &str) -> Option<Ordinal> {
    let identifier = normalise(namespace, value)?;
    state.identity.ordinal_of(state.identity.find(&identifier)?)
}

/// The rows of a table that belong to a profile.
fn rows_of<'a>(
    state: &'a State,
    table: &'a EventTable,
    ordinal: Ordinal,
) -> impl Iterator<Item = usize> + 'a {
    let mut nodes = state.identity.members(ordinal).to_vec();
    nodes.sort_unstable();
    let rows = table.nodes().iter().enumerate();
    rows.filter(move |(_, node)| nodes.binary_search(node).is_ok()).map(|(index, _)| index)
}

pub(super) fn profile(state: &State, namespace: &str, value: &str) -> Option<Profile> {
    let ordinal = find(state, namespace, value)?;
    let id = state.identity.profile_id(ordinal)?.to_string();
    let nodes =
        state.identity.members(ordinal).iter().filter_map(|node| state.identity.node(*node));
    let mut identifiers: Vec<ProfileIdentifier> = nodes
        .map(|node| ProfileIdentifier {
            namespace: node.identifier.namespace.clone(),
            value: node.identifier.value.clone(),
            first_seen: node.first_seen,
        })
        .collect();
    identifiers.sort_unstable();
    let mut traits = Vec::new();
    for (number, field) in state.catalog.traits().all().iter().enumerate() {
        let Some(golden) = state.golden.get(number) else { continue };
        let (Some(value), Some(winner)) =
            (golden.value(ordinal).to_value(), golden.winner(ordinal))
        else {
            continue;
        };
        traits.push(ProfileTrait {
            name: field.name.clone(),
            value,
            time: winner.time,
            source: state.catalog.source_name(winner.source).to_owned(),
            position: winner.position,
        });
    }
    traits.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut events = Vec::new();
    for (event, table) in state.catalog.events().all().iter().zip(state.events.iter()) {
        let count = rows_of(state, table, ordinal).count() as u64;
        if count > 0 {
            events.push((event.name.clone(), count));
        }
    }
    events.sort_unstable();
    Some(Profile { id, identifiers, traits, events })
}

pub(super) fn timeline(state: &State, namespace: &str, value: &str) -> Option<Vec<TimelineEvent>> {
    let ordinal = find(state, namespace, value)?;
    let mut found = Vec::new();
    for (number, (event, table)) in
        state.catalog.events().all().iter().zip(state.events.iter()).enumerate()
    {
        let fields = state.catalog.properties(number).map(|f| f.all()).unwrap_or_default();
        for index in rows_of(state, table, ordinal) {
            let Some(row) = table.rows().get(index) else { continue };
            let properties = fields.iter().enumerate().filter_map(|(property, field)| {
                Some((field.name.clone(), table.property(property)?.get(index).to_value()?))
            });
            found.push(TimelineEvent {
                event: event.name.clone(),
                time: row.time,
                source: state.catalog.source_name(row.source).to_owned(),
                message_id: row.message_id.as_ref().to_owned(),
                properties: properties.collect(),
                position: row.position,
            });
        }
    }
    found.sort_by(|a, b| (a.time, &a.event, &a.message_id).cmp(&(b.time, &b.event, &b.message_id)));
    Some(found)
}
