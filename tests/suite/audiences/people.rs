//! The profiles of a view beside those of the oracle: who is who, and whether they are alike.

use super::history::Story;
use crate::generator::MARK;
use crate::oracle::{CONSENT, Event, Golden, Oracle, Person, World};
use navedb::{At, Profile, TimelineEvent, Timestamp, Value, View};
use std::collections::{BTreeMap, BTreeSet};

/// The mark of an event, by which it is found again.
fn mark_of(event: &Event) -> String {
    event.properties.get(MARK).unwrap_or_else(|| &event.properties[CONSENT_MARK]).to_string()
}

/// The property of consents that is their mark.
const CONSENT_MARK: &str = "basis";

/// A table of everybody's marks tells which profile is whose: the mark of the trait, and the greatest mark among the
/// events of each type. Every record has its own, so no two profiles have the same.
fn marks_text(story: &Story) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let of = |name: &str| {
        let event = quoted(name);
        format!(", (SELECT max(e.{MARK}) FROM {event} e WHERE e.profile_id = p.profile_id)")
    };
    let events: String = story.schema.events.iter().map(|event| of(&event.name)).collect();
    let consents = of(CONSENT).replace(MARK, CONSENT_MARK);
    format!("SELECT p.profile_id, p.{MARK}{events}{consents} FROM profiles p")
}

fn marks(story: &Story, person: &Person) -> Vec<Option<String>> {
    let own = person.traits.get(MARK).map(|golden| golden.value.to_string());
    let of = |name: &String| person.events.get(&name.to_lowercase());
    let events = story.schema.events.iter().map(|event| event.name.clone());
    let events = events.chain([CONSENT.to_owned()]);
    let greatest = events.map(|event| of(&event)?.iter().map(mark_of).max());
    std::iter::once(own).chain(greatest).collect()
}

/// The profiles as the oracle sees them at a moment, with the engine's public ids and message ids filled in.
pub fn world(story: &Story, view: &View, until: Option<i64>) -> World {
    let seed = story.seed;
    let mut world = story.oracle.world(until);
    let at = until.map_or(At::Latest, |until| At::AsOf(Timestamp(until)));
    let table = view.query(&marks_text(story), at).unwrap();
    let mut ids = BTreeMap::new();
    for row in table.rows {
        let mut texts = row.into_iter().map(|cell| cell.map(|value| value.to_string()));
        let id = texts.next().flatten().expect("a profile has an id");
        let known = ids.insert(texts.collect::<Vec<_>>(), id);
        assert_eq!(known, None, "seed {seed}: two profiles have the same marks");
    }
    assert_eq!(ids.len(), world.people.len(), "seed {seed}, {at:?}: number of profiles");
    let messages = message_ids(&story.oracle.world(None), view);
    for person in &mut world.people {
        let marks = marks(story, person);
        let id = ids.get(&marks);
        person.id =
            id.unwrap_or_else(|| panic!("seed {seed}, {at:?}: nobody has {marks:?}")).clone();
        for event in person.events.values_mut().flatten() {
            event.message_id = Some(messages[&mark_of(event)].clone());
        }
    }
    world
}

/// The message id of each event, by its mark.
fn message_ids(world: &World, view: &View) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for person in &world.people {
        let (namespace, value) = person.identifiers.keys().next().expect("somebody");
        for event in view.timeline(namespace, value).unwrap().expect("a timeline") {
            let mark = if event.event == CONSENT { CONSENT_MARK } else { MARK };
            let marked = |(name, _): &&(String, Value)| name.eq_ignore_ascii_case(mark);
            let (_, mark) = event.properties.iter().find(marked).expect("every event has a mark");
            ids.insert(mark.to_string(), event.message_id);
        }
    }
    ids
}

/// Public ids of an earlier moment, with the identifiers that the profile had.
pub fn ids_of(oracle: &Oracle, view: &View) -> Vec<(String, BTreeSet<(String, String)>)> {
    let people = oracle.world(None).people.into_iter();
    let with_id = people.map(|person| {
        let (namespace, value) = person.identifiers.keys().next().expect("somebody");
        let id = view.profile(namespace, value).unwrap().expect("a profile").id;
        (id, person.identifiers.into_keys().collect())
    });
    with_id.collect()
}

/// An id belongs to one of the identifiers that the profile had; while these are together, it is understood.
pub fn remember(world: &mut World, former: &[(String, BTreeSet<(String, String)>)]) {
    for person in &mut world.people {
        let still = |had: &BTreeSet<(String, String)>| {
            had.iter().all(|identifier| person.identifiers.contains_key(identifier))
        };
        person.former =
            former.iter().filter(|(_, had)| still(had)).map(|(id, _)| id.clone()).collect();
    }
}

/// Compares profiles, timelines and counts with those of the oracle.
pub fn compare(story: &Story, view: &View, world: &World) {
    let seed = story.seed;
    let ids: BTreeSet<&String> = world.people.iter().map(|p| &p.id).collect();
    assert_eq!(ids.len(), world.people.len(), "seed {seed}: profiles share a public id");
    let stats = view.stats().unwrap();
    assert_eq!(stats.profiles, world.people.len() as u64, "seed {seed}: number of profiles");
    let quarantined: u64 = stats.quarantine.iter().map(|(_, count)| count).sum();
    let expected = story.oracle.quarantined() + world.quarantined_values;
    assert_eq!(quarantined, expected, "seed {seed}: {:?}", stats.quarantine);
    for person in &world.people {
        for (namespace, value) in person.identifiers.keys() {
            let profile = view.profile(namespace, value).unwrap();
            let id = profile.map(|profile| profile.id);
            assert_eq!(id.as_ref(), Some(&person.id), "seed {seed}: id of {namespace} {value}");
        }
        let (namespace, value) = person.identifiers.keys().next().unwrap();
        let here = format!("seed {seed}: {namespace} {value}");
        let profile = view.profile(namespace, value).unwrap().unwrap();
        let mut golden: Vec<Golden> = person.traits.values().cloned().collect();
        golden.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(golden_of(&profile), golden, "{here}: golden record");
        let seen: Vec<_> = profile
            .identifiers
            .iter()
            .map(|i| ((i.namespace.clone(), i.value.clone()), i.first_seen.0))
            .collect();
        let expected: Vec<_> = person.identifiers.clone().into_iter().collect();
        assert_eq!(seen, expected, "{here}: identifiers");
        let timeline = view.timeline(namespace, value).unwrap().unwrap();
        assert!(timeline.is_sorted_by_key(|e| e.time), "{here}: the timeline is not in order");
        assert_eq!(told(&timeline), happened(person), "{here}: timeline");
    }
}

fn golden_of(profile: &Profile) -> Vec<Golden> {
    let mut golden: Vec<Golden> = profile
        .traits
        .iter()
        .map(|t| Golden {
            name: t.name.clone(),
            value: t.value.clone(),
            time: t.time.0,
            source: t.source.clone(),
        })
        .collect();
    golden.sort_by(|a, b| a.name.cmp(&b.name));
    golden
}

/// An event with what makes it this one, to compare lists of events in which ties stand in any order.
type EventKey = (i64, String, String, String, Vec<String>);

/// A value as text, the same for equal values.
fn shown(value: &Value) -> String {
    match value {
        Value::Decimal(decimal) => format!("decimal {}", decimal.normalized()),
        other => format!("{other:?}"),
    }
}

fn told(timeline: &[TimelineEvent]) -> Vec<EventKey> {
    let property =
        |(name, value): &(String, Value)| format!("{} {}", name.to_lowercase(), shown(value));
    let mut events: Vec<EventKey> = timeline
        .iter()
        .map(|e| {
            let mut properties: Vec<String> = e.properties.iter().map(property).collect();
            properties.sort();
            let (event, id) = (e.event.to_lowercase(), e.message_id.clone());
            (e.time.0, event, e.source.clone(), id, properties)
        })
        .collect();
    events.sort();
    events
}

fn happened(person: &Person) -> Vec<EventKey> {
    let mut events = Vec::new();
    for (name, all) in &person.events {
        for event in all {
            let mut properties: Vec<String> = event
                .properties
                .iter()
                .map(|(name, value)| format!("{name} {}", shown(value)))
                .collect();
            properties.sort();
            let id = event.message_id.clone().unwrap_or_default();
            events.push((event.time, name.clone(), event.source.clone(), id, properties));
        }
    }
    events.sort();
    events
}

/// A profile in a few lines, for whoever must find out what is wrong.
pub fn described(person: &Person) -> String {
    let mut text = format!("profile {}\n", person.id);
    for golden in person.traits.values() {
        text += &format!("  {:?} = {}\n", golden.name, shown(&golden.value));
    }
    for (name, events) in &person.events {
        for event in events {
            let properties: Vec<String> =
                event.properties.iter().map(|(n, v)| format!("{n:?} = {}", shown(v))).collect();
            let (time, source) = (Timestamp(event.time), &event.source);
            let id = event.message_id.as_deref().unwrap_or("?");
            text += &format!("  {name:?} {time} {source} {id}: {}\n", properties.join(", "));
        }
    }
    text
}
