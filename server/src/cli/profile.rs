//! `nave profile get`, `explain` and `timeline`, and `nave record get`.
//!
//! *Invariant:* a record is printed byte for byte. *Where to start reading:* `get`.

use super::arguments::{Which, Who};
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use super::text::{Side, columns, pairs, section};
use crate::resp::Reply;
use crate::shape;
use navedb::{
    Profile, ProfileConsent, ProfileExplanation, ProfileIdentifier, ProfileMembership,
    ProfileTrait, TimelineEvent, TraitFact, View,
};

/// `nave profile get`
pub(crate) fn get(who: &Who, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&who.store.data, false, output)?;
    let found =
        view(&store, who).and_then(|view| view.profile(&who.identifier.0, &who.identifier.1));
    store.leave();
    let profile = found?.ok_or_else(|| nobody(who))?;
    output.answer(|| profile_text(&profile), || shape::profile(&profile))
}

/// `nave profile explain`
pub(crate) fn explain(who: &Who, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&who.store.data, false, output)?;
    let found = view(&store, who)
        .and_then(|view| view.explain_profile(&who.identifier.0, &who.identifier.1));
    store.leave();
    let explanation = found?.ok_or_else(|| nobody(who))?;
    output.answer(|| explanation_text(&explanation), || shape::profile_explanation(&explanation))
}

/// `nave profile timeline`
pub(crate) fn timeline(who: &Who, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&who.store.data, false, output)?;
    let found =
        view(&store, who).and_then(|view| view.timeline(&who.identifier.0, &who.identifier.1));
    store.leave();
    let events = found?.ok_or_else(|| nobody(who))?;
    output.answer(
        || timeline_text("", &events),
        || Reply::map([("events", shape::timeline(&events))]),
    )
}

/// `nave record get`
pub(crate) fn record(which: &Which, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&which.store.data, false, output)?;
    let found = store.view().record(&which.source, &which.message_id);
    store.leave();
    let bytes = found?.ok_or_else(|| {
        let message = format!(
            "source '{}' sent no record '{}'; 'nave stats' lists the sources",
            which.source, which.message_id
        );
        Failure::new("not_found", message)
    })?;
    output.bytes(&bytes, || {
        let (text, hex) = match std::str::from_utf8(&bytes) {
            Ok(text) => (Reply::from(text), Reply::Null),
            Err(_) => (Reply::Null, Reply::Bytes(bytes.clone())),
        };
        Reply::map([
            ("source", Reply::from(which.source.as_str())),
            ("message_id", Reply::from(which.message_id.as_str())),
            ("record", text),
            ("record_hex", hex),
        ])
    })
}

/// What is known now, or what was so at a time.
fn view(store: &Store, who: &Who) -> navedb::Result<View> {
    let newest = store.view();
    who.as_of.map_or(Ok(newest.clone()), |time| newest.as_of(time))
}

fn nobody(who: &Who) -> Failure {
    let (namespace, value) = &who.identifier;
    let message =
        format!("nobody has the {namespace} '{value}'; try another identifier of the person");
    Failure::new("not_found", message)
}

/// A profile as people read it.
pub(crate) fn profile_text(profile: &Profile) -> String {
    let mut text = format!("profile {}\n", profile.id);
    let identifiers: Vec<_> = profile.identifiers.iter().map(identifier_row).collect();
    section(&mut text, "identifiers", &[Side::Left; 3], &identifiers);
    let traits: Vec<_> = profile.traits.iter().map(trait_row).collect();
    section(&mut text, "traits", &[Side::Left; 4], &traits);
    let events = pairs(profile.events.iter().map(|(name, count)| (name.as_str(), *count)));
    section(&mut text, "events", &[Side::Left, Side::Right], &events);
    let consents: Vec<_> = profile.consents.iter().map(consent_row).collect();
    section(&mut text, "consents", &[Side::Left; 4], &consents);
    let memberships: Vec<_> = profile.memberships.iter().map(membership_row).collect();
    section(&mut text, "memberships", &[Side::Left; 4], &memberships);
    let computed = profile
        .computed
        .iter()
        .map(|(name, value)| vec![name.clone(), value.to_string(), value.value_type().to_string()]);
    section(&mut text, "computed traits", &[Side::Left; 3], &computed.collect::<Vec<_>>());
    text
}

fn consent_row(known: &ProfileConsent) -> Vec<String> {
    let topic = known.topic.as_ref().map_or_else(String::new, |topic| format!(" ({topic})"));
    let said = format!("{} said so at {}", known.source, known.time);
    let basis = known.basis.as_ref().map_or_else(String::new, |basis| format!(", basis {basis}"));
    let purpose = format!("{}{topic}", known.purpose);
    vec![known.channel.clone(), purpose, known.state.clone(), said + &basis]
}

fn membership_row(known: &ProfileMembership) -> Vec<String> {
    let said = format!("{} said so at {}", known.source, known.time);
    vec![known.group.clone(), known.id.clone(), known.state.clone(), said]
}

fn identifier_row(identifier: &ProfileIdentifier) -> Vec<String> {
    let seen = format!("first seen {}", identifier.first_seen);
    vec![identifier.namespace.clone(), identifier.value.clone(), seen]
}

fn trait_row(winner: &ProfileTrait) -> Vec<String> {
    let said = format!("{} said so at {}", winner.source, winner.time);
    let kind = winner.value.value_type().to_string();
    vec![winner.name.clone(), winner.value.to_string(), kind, said]
}

/// What was said about each trait, as people read it.
fn explanation_text(explanation: &ProfileExplanation) -> String {
    let mut text = format!("profile {}\n", explanation.id);
    for explained in &explanation.traits {
        let facts: Vec<_> = explained.facts.iter().map(fact_row).collect();
        section(&mut text, &explained.name, &[Side::Left; 6], &facts);
    }
    text
}

fn fact_row(fact: &TraitFact) -> Vec<String> {
    let value = fact.value.as_ref().map_or_else(|| "NULL".to_owned(), ToString::to_string);
    let received = if fact.dated { "" } else { " (received)" };
    let reason = fact.reason.map_or_else(String::new, |reason| format!(": {reason}"));
    vec![
        value,
        fact.source.clone(),
        format!("{}{received}", fact.time),
        format!("{}={}", fact.namespace, fact.identifier),
        format!("position {}", fact.position),
        format!("{}{reason}", if fact.won { "won" } else { "lost" }),
    ]
}

/// Events as people read them, oldest first.
pub(crate) fn timeline_text(indent: &str, events: &[TimelineEvent]) -> String {
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            let said = event.properties.iter().map(|(name, value)| format!("{name}={value}"));
            let said = said.collect::<Vec<_>>().join("  ");
            vec![event.time.to_string(), event.event.clone(), event.source.clone(), said]
        })
        .collect();
    columns(indent, &[Side::Left; 4], &rows)
}
