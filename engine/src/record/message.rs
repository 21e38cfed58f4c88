//! Messages that say themselves what they are: those of Segment (identify, track, page, screen, group, alias), and two
//! more (entity, consent).
//!
//! *Invariants:* null is like nothing said; a message is read from its bytes, and those that its batch shares, alone;
//! what is not named here stays in the original alone. *Where to start reading:* `decode_message`.

use super::batch::merge;
use super::json::{Flat, object_of, scalar_text, text_field};
use super::reserved::{Beside, ConsentState, consent, entity_id, membership};
use super::statement::{STATEMENTS, statement};
use super::{Decoded, FieldValue, Identifier, Kind, RowError, add_identifier, check_reserved};
use crate::base::time::{Span, Timestamp, parse_timestamp};
use serde_json::{Map, Value as Json};

type Object = Map<String, Json>;

/// The event that Segment's consent managers send, with categories in the context.
pub(super) const CATEGORIES_UPDATED: &str = "segment consent preference updated";
/// What a group is whose message does not say its type.
pub(super) const GROUP: &str = "group";
const TYPES: &str = "identify, track, page, screen, group, alias, entity or consent, or of identifiers link, \
                     propose, forbid, unlink, retire or withdraw";

/// Reads a message, with what its batch says for all of its messages.
pub(super) fn decode_message(original: &[u8], shared: &[u8]) -> Result<Decoded, RowError> {
    let mut object = object_of(original)?;
    merge(&mut object, shared)?;
    let given = text_field(&object, "type")?;
    let Some(given) = given.as_deref() else {
        return Err(RowError::new(if object.contains_key("batch") {
            "a batch is no message: send its messages one by one, or load it with --as messages, in \
             lines that hold fewer of them"
                .to_owned()
        } else {
            format!("\"type\" is missing; use {TYPES}")
        }));
    };
    if STATEMENTS.contains(&given) {
        return stated(&object, given);
    }
    let identifiers = if given == "entity" { Vec::new() } else { identifiers(&object, given)? };
    let mut beside = Vec::new();
    let kind = match given {
        "identify" => Kind::Identify,
        "alias" => Kind::Alias,
        "track" => {
            let event = text_field(&object, "event")?.filter(|e| !e.is_empty());
            let event = event.ok_or_else(|| RowError::new("a track message needs \"event\""))?;
            check_reserved("event", &event)?;
            if event.to_lowercase() == CATEGORIES_UPDATED {
                beside = categories(&object)?;
            }
            Kind::Track(event)
        }
        "page" | "screen" => Kind::Track(given.to_owned()),
        "group" => {
            let entity = group_type(&object)?;
            let id = entity_id(text_field(&object, "groupId")?, "\"groupId\": a group")?;
            let state = object.get("state").and_then(scalar_text);
            beside.push(membership(&entity, &id, state.as_deref())?);
            Kind::Entity { entity, id }
        }
        "entity" => entity(&object)?,
        "consent" => {
            beside.push(consent(|name| match object.get(name) {
                Some(value @ Json::Bool(_)) => Ok(scalar_text(value)),
                _ => text_field(&object, name),
            })?);
            Kind::Identify
        }
        other => return Err(RowError::new(format!("type \"{other}\" is unknown; use {TYPES}"))),
    };
    let flat = fields(&object, given)?;
    Ok(Decoded {
        kind,
        identifiers,
        time: time(&object)?,
        message_id: text_field(&object, "messageId")?.filter(|id| !id.is_empty()),
        fields: flat.fields,
        children: flat.children.unwrap_or_default(),
        beside,
    })
}

/// A message that says something of identifiers themselves.
fn stated(object: &Object, given: &str) -> Result<Decoded, RowError> {
    let (said, identifiers) = statement(object, given)?;
    Ok(Decoded {
        kind: Kind::Statement(said),
        identifiers,
        time: time(object)?,
        message_id: text_field(object, "messageId")?.filter(|id| !id.is_empty()),
        fields: Vec::new(),
        children: Vec::new(),
        beside: Vec::new(),
    })
}

/// An object in an object; nothing where there is none.
fn inner<'o>(object: Option<&'o Object>, name: &str) -> Option<&'o Object> {
    object?.get(name)?.as_object()
}

fn context(object: &Object) -> Option<&Object> {
    inner(Some(object), "context")
}

/// The traits or properties.
fn fields(object: &Object, given: &str) -> Result<Flat, RowError> {
    let (name, event) = match given {
        "alias" | "consent" => return Ok(Flat::default()),
        "track" | "page" | "screen" => ("properties", true),
        _ => ("traits", false),
    };
    let mut flat = match object.get(name) {
        None | Some(Json::Null) => Flat::default(),
        Some(Json::Object(given)) => Flat::of(given, event)?,
        Some(_) => return Err(RowError::new(format!("\"{name}\" must be an object"))),
    };
    let mut more = Vec::new();
    match given {
        // Some libraries say in the context alone what a person is.
        "identify" => {
            if let Some(traits) = inner(context(object), "traits") {
                more = Flat::of(traits, false)?.fields;
            }
        }
        "page" | "screen" => {
            let said = ["name", "category"].into_iter();
            let said = said.filter_map(|name| Some((name.to_owned(), object.get(name)?.clone())));
            more = Flat::of(&said.collect(), false)?.fields;
        }
        _ => {}
    }
    let known: Vec<String> = flat.fields.iter().map(|(name, _)| name.to_lowercase()).collect();
    let new = |(name, value): &(String, FieldValue)| {
        *value != FieldValue::Null && !known.contains(&name.to_lowercase())
    };
    flat.fields.extend(more.into_iter().filter(new));
    Ok(flat)
}

/// The identifiers of a message, the most important first.
fn identifiers(object: &Object, given: &str) -> Result<Vec<Identifier>, RowError> {
    let mut found = Vec::new();
    if let Some(value) = text_field(object, "userId")? {
        add_identifier(&mut found, "user_id", &value);
    }
    if given == "alias" {
        if found.is_empty() {
            return Err(RowError::new("an alias message needs \"userId\", the new id"));
        }
        let previous = text_field(object, "previousId")?;
        let previous = previous.filter(|id| super::identifier_of("user_id", id).is_some());
        let previous =
            previous.ok_or_else(|| RowError::new("an alias message needs \"previousId\""))?;
        // It may be either, and which one must not depend on what else is known by then.
        add_identifier(&mut found, "user_id", &previous);
        add_identifier(&mut found, "anonymous_id", &previous);
    }
    named(object, &mut found)?;
    external(object, &mut found)?;
    if let Some(value) = text_field(object, "anonymousId")? {
        add_identifier(&mut found, "anonymous_id", &value);
    }
    let device = inner(context(object), "device");
    for (name, namespace) in [("id", "device_id"), ("advertisingId", "advertising_id")] {
        let value = device.and_then(|device| device.get(name)).and_then(scalar_text);
        // A device that may not be followed says noughts, as all others of its kind do.
        let value = value.filter(|value| value.chars().any(|c| !matches!(c, '0' | '-')));
        value.iter().for_each(|value| add_identifier(&mut found, namespace, value));
    }
    Ok(found)
}

/// Those in `identifiers`: namespaces, each with a value or a list of values.
fn named(object: &Object, found: &mut Vec<Identifier>) -> Result<(), RowError> {
    let given = match object.get("identifiers") {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Object(given)) => given,
        Some(_) => {
            return Err(RowError::new("\"identifiers\" must be an object: {\"email\": \"...\"}"));
        }
    };
    for (namespace, value) in given {
        let values = match value {
            Json::Array(values) => values.as_slice(),
            single => std::slice::from_ref(single),
        };
        for value in values {
            match value {
                Json::Null => {}
                Json::String(text) => add_identifier(found, namespace, text),
                Json::Number(number) => add_identifier(found, namespace, &number.to_string()),
                _ => {
                    let reason = format!("identifier \"{namespace}\" must be text");
                    return Err(RowError::new(reason));
                }
            }
        }
    }
    Ok(())
}

/// Those in `context.externalIds`: the type is the namespace. Those of other collections than users name no persons.
fn external(object: &Object, found: &mut Vec<Identifier>) -> Result<(), RowError> {
    let Some(list) = context(object).and_then(|context| context.get("externalIds")) else {
        return Ok(());
    };
    let wrong = || {
        RowError::new(
            "\"context.externalIds\" must be a list like [{\"id\": \"7\", \"type\": \"crm_id\"}]",
        )
    };
    let list = match list {
        Json::Null => return Ok(()),
        Json::Array(list) => list,
        _ => return Err(wrong()),
    };
    for item in list {
        let item = item.as_object().ok_or_else(wrong)?;
        let (id, namespace) = (item.get("id").and_then(scalar_text), text_field(item, "type")?);
        let (id, namespace) = id.zip(namespace).ok_or_else(wrong)?;
        if text_field(item, "collection")?.is_none_or(|collection| collection == "users") {
            add_identifier(found, &namespace, &id);
        }
    }
    Ok(())
}

pub(super) fn instant(object: &Object, name: &str) -> Result<Option<Timestamp>, RowError> {
    let Some(text) = text_field(object, name)? else { return Ok(None) };
    let found = parse_timestamp(text.trim(), &jiff::tz::TimeZone::UTC);
    let found = found.ok_or_else(|| {
        RowError::new(format!("\"{name}\" is '{text}'; write it like 2026-01-31T12:00:00Z"))
    })?;
    Ok(Some(found.0))
}

/// When it happened: what it says itself; else by the clock of the device, set right where both clocks are known; else
/// when its collector received it.
fn time(object: &Object) -> Result<Option<Timestamp>, RowError> {
    if let Some(time) = instant(object, "timestamp")? {
        return Ok(Some(time));
    }
    let received = instant(object, "receivedAt")?;
    let Some(original) = instant(object, "originalTimestamp")? else { return Ok(received) };
    Ok(Some(right_time(original, received, instant(object, "sentAt")?)))
}

/// A time by the clock of a device, set right where it is known when by that clock and by another a message was sent.
pub(super) fn right_time(
    original: Timestamp,
    received: Option<Timestamp>,
    sent: Option<Timestamp>,
) -> Timestamp {
    let right = received.zip(sent).and_then(|(received, sent)| {
        let micros = received.0.checked_sub(sent.0)?;
        original.checked_add(Span { months: 0, micros }).filter(|time| time.in_range())
    });
    right.unwrap_or(original)
}

/// An entity message: its type, and its id, text or a number.
fn entity(object: &Object) -> Result<Kind, RowError> {
    let entity =
        text_field(object, "entity")?.filter(|name| !name.is_empty()).ok_or_else(|| {
            RowError::new("an entity message needs \"entity\", its type, such as \"product\"")
        })?;
    check_reserved("entity type", &entity)?;
    Ok(Kind::Entity { entity, id: entity_id(text_field(object, "id")?, "\"id\": an entity")? })
}

/// The entity type of a group.
fn group_type(object: &Object) -> Result<String, RowError> {
    let given = text_field(object, "groupType")?.map(|name| name.trim().to_owned());
    let entity = given.filter(|name| !name.is_empty()).unwrap_or_else(|| GROUP.to_owned());
    check_reserved("type of group", &entity).map(|()| entity)
}

/// The consents of Segment's consent managers: each category is a purpose, on every channel.
fn categories(object: &Object) -> Result<Vec<Beside>, RowError> {
    let given = inner(inner(context(object), "consent"), "categoryPreferences");
    let consents = given.into_iter().flatten().map(|(category, value)| {
        let Json::Bool(allowed) = value else {
            return Err(RowError::new(format!(
                "\"context.consent.categoryPreferences\" must say true or false of '{category}'"
            )));
        };
        let state = if *allowed { ConsentState::Granted } else { ConsentState::Denied };
        consent(|name| {
            Ok(match name {
                "channel" => Some(super::EVERY.to_owned()),
                "purpose" => Some(category.clone()),
                "state" => Some(state.name().to_owned()),
                _ => None,
            })
        })
    });
    consents.collect()
}
