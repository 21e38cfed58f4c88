//! A form of messages with the places of its values in their stead, from which plans are made.
//!
//! *Invariants:* what is looked for, and in which order, is what `decode_message` looks for; where it would find an
//! object instead of a value, there is no plan.

use super::batch::{apart, merge};
use super::json::object_of;
use super::plan::{MessagePlan, PlannedId, Rank, TimePlaces, What};
use super::roles::ValueColumn;
use serde_json::{Map, Value as Json};

type Object = Map<String, Json>;

/// The place of a scalar of a name, if there is one; nothing where an object stands.
pub(super) fn scalar(object: &Object, name: &str) -> Option<Option<usize>> {
    match object.get(name) {
        None => Some(None),
        Some(value) => place_of(value).map(Some),
    }
}

fn place_of(value: &Json) -> Option<usize> {
    usize::try_from(value.as_number()?.as_u64()?).ok()
}

/// The places of the values of an object, nested ones under names with dots.
fn flatten(prefix: &str, object: &Object, into: &mut Vec<(String, usize)>) {
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Json::Object(inner) => flatten(&name, inner, into),
            value => into.extend(place_of(value).map(|place| (name, place))),
        }
    }
}

/// A form with the places of its values in their stead.
#[derive(Debug)]
pub(super) struct Template {
    pub object: Object,
    /// Places where null would let the batch speak.
    said: Vec<usize>,
}

impl Template {
    /// The template of the pieces of a form; nothing when messages of it are for the slow reader.
    pub fn of(pieces: &[Vec<u8>]) -> Option<Template> {
        let mut text = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            if let Some(place) = number.checked_sub(1) {
                text.extend_from_slice(place.to_string().as_bytes());
            }
            text.extend_from_slice(piece);
        }
        let (message, shared) = apart(&text);
        let mut object = object_of(message).ok()?;
        // A list of messages is none.
        if object.contains_key("batch") {
            return None;
        }
        let mut said = Vec::new();
        if !shared.is_empty() {
            let names = object_of(shared).ok()?;
            said.extend(names.keys().filter_map(|name| place_of(object.get(name)?)));
        }
        merge(&mut object, shared).ok()?;
        Some(Template { object, said })
    }

    fn inner(&self, names: &[&str]) -> Option<&Object> {
        let mut object = &self.object;
        for name in names {
            object = object.get(*name)?.as_object()?;
        }
        Some(object)
    }

    fn what(&self, given: &str) -> Option<What> {
        let at = |name: &str| scalar(&self.object, name);
        Some(match given {
            "identify" => What::Identify,
            "alias" => What::Alias,
            "track" => What::Track(at("event")??),
            "page" => What::Called("page"),
            "screen" => What::Called("screen"),
            "group" => What::Group {
                entity: at("groupType")?,
                id: at("groupId")??,
                state: self.object.get("state").and_then(place_of),
            },
            "entity" => What::Entity { entity: at("entity")??, id: at("id")?? },
            _ => return None,
        })
    }

    /// The identifiers in their order; nothing when the message can have none that the slow reader understands.
    fn ids(&self, what: &What, null: &mut Vec<usize>) -> Option<Vec<PlannedId>> {
        let mut ids = Vec::new();
        let mut add = |namespace: &str, place, rank| {
            let namespace = namespace.trim().to_lowercase();
            ids.push(PlannedId { namespace, place, rank });
        };
        let user = scalar(&self.object, "userId")?;
        if matches!(what, What::Entity { .. }) {
            return Some(ids);
        }
        if matches!(what, What::Alias) {
            let previous = scalar(&self.object, "previousId")??;
            add("user_id", user?, Rank::Needed);
            add("user_id", previous, Rank::Needed);
            add("anonymous_id", previous, Rank::Text);
        } else {
            user.into_iter().for_each(|place| add("user_id", place, Rank::Text));
        }
        match self.object.get("identifiers") {
            Some(Json::Object(named)) => {
                for (namespace, value) in named {
                    add(namespace, place_of(value)?, Rank::Text);
                }
            }
            other => null.extend(other.and_then(place_of)),
        }
        let context = self.inner(&["context"]);
        match context.and_then(|context| context.get("externalIds")) {
            Some(Json::Object(_)) => return None,
            other => null.extend(other.and_then(place_of)),
        }
        let anonymous = scalar(&self.object, "anonymousId")?;
        anonymous.into_iter().for_each(|place| add("anonymous_id", place, Rank::Text));
        let device = self.inner(&["context", "device"]);
        for (name, namespace) in [("id", "device_id"), ("advertisingId", "advertising_id")] {
            let value = device.and_then(|device| device.get(name)).and_then(place_of);
            value.into_iter().for_each(|place| add(namespace, place, Rank::Device));
        }
        Some(ids)
    }

    /// The fields with their places, and those that null does not take away.
    fn fields(&self, what: &What, null: &mut Vec<usize>) -> (Vec<(String, usize)>, Vec<usize>) {
        let mut fields = Vec::new();
        let name = match what {
            What::Alias => return (fields, Vec::new()),
            What::Track(_) | What::Called(_) => "properties",
            _ => "traits",
        };
        match self.object.get(name) {
            Some(Json::Object(given)) => flatten("", given, &mut fields),
            other => null.extend(other.and_then(place_of)),
        }
        let mut more = Vec::new();
        match what {
            What::Identify => {
                let traits = self.inner(&["context", "traits"]);
                traits.into_iter().for_each(|traits| flatten("", traits, &mut more));
            }
            What::Called(_) => {
                for name in ["name", "category"] {
                    match self.object.get(name) {
                        Some(Json::Object(inner)) => flatten(name, inner, &mut more),
                        other => {
                            let place = other.and_then(place_of);
                            more.extend(place.map(|place| (name.to_owned(), place)));
                        }
                    }
                }
            }
            _ => {}
        }
        let known: Vec<String> = fields.iter().map(|(name, _)| name.to_lowercase()).collect();
        more.retain(|(name, _)| !known.contains(&name.to_lowercase()));
        let unless_null = more.iter().map(|(_, place)| *place).collect();
        fields.extend(more);
        (fields, unless_null)
    }

    /// What messages of the form and a type say.
    pub fn plan(&self, given: &str) -> Option<MessagePlan> {
        let at = |name: &str| scalar(&self.object, name);
        let what = self.what(given)?;
        let mut null = Vec::new();
        let ids = self.ids(&what, &mut null)?;
        let (fields, unless_null) = self.fields(&what, &mut null);
        let field = |(name, column)| ValueColumn { column, name, reading: None };
        Some(MessagePlan {
            what,
            ids,
            time: TimePlaces {
                timestamp: at("timestamp")?,
                received: at("receivedAt")?,
                original: at("originalTimestamp")?,
                sent: at("sentAt")?,
            },
            message_id: at("messageId")?,
            null,
            said: self.said.clone(),
            fields: fields.into_iter().map(field).collect(),
            names: Vec::new(),
            unless_null,
        })
    }
}
