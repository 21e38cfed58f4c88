//! Random records.

use super::consents::{consent, is_consent, spell};
use super::money::{RATES, pairs};
use super::values::{dated, iso, statements, text};
use super::{CURRENCY, Field, Kind, MARK, RowType, Schema, moment};
use crate::calendar::DAY;
use crate::oracle::{Body, CONSENT, Draft, Said, normalise};
use crate::rng::Rng;
use serde_json::{Map, Value as Json, json};

const NAMESPACES: [&str; 6] =
    ["user_id", "anonymous_id", "email", "phone", "loyalty.card", "crm_id"];
const SOURCES: [&str; 4] = ["web", "crm", "shop", "app"];
const JUNK: [&str; 5] = ["", "  ", "null", "0", "-1"];

/// The id of an entity that there may be.
pub fn entity_id(rng: &mut Rng) -> String {
    match rng.below(12) {
        0 => "É 7".to_owned(),
        1 => "42".to_owned(),
        other => format!("e{}", other % 8),
    }
}

/// The identifiers of one person, as people type them.
fn identifiers(rng: &mut Rng, person: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for _ in 0..1 + rng.below(2) {
        let namespace = *rng.pick(&NAMESPACES);
        let which = person * 2 + rng.below(2);
        let mut value = match namespace {
            "email" => format!("P{which}@Example.org"),
            "phone" => format!("+33 6 {:04}-{:04}", which, which * 7),
            _ => format!("{}{which:03}", if rng.one_in(9) { "é" } else { "u" }),
        };
        if rng.one_in(3) {
            value = if namespace == "email" { value.to_uppercase() } else { format!(" {value}\t") };
        }
        let shown = if namespace == "email" && rng.one_in(4) { "Email" } else { namespace };
        all.push((shown.to_owned(), value));
    }
    if rng.one_in(8) {
        all.push(((*rng.pick(&NAMESPACES)).to_owned(), (*rng.pick(&JUNK)).to_owned()));
    }
    all
}

/// The fields as a JSON object; names with dots sometimes as objects in objects.
fn object(rng: &mut Rng, said: &[(String, Said)]) -> Json {
    let nested = rng.one_in(2);
    let mut root = Map::new();
    for (name, said) in said {
        let value: Json = serde_json::from_str(&said.token).expect("a JSON token");
        match name.split_once('.').filter(|_| nested && !name.ends_with(CURRENCY)) {
            Some((outer, inner)) => {
                let inside = root.entry(outer).or_insert_with(|| json!({}));
                inside.as_object_mut().expect("an object").insert(inner.to_owned(), value);
            }
            None => drop(root.insert(name.clone(), value)),
        }
    }
    Json::Object(root)
}

/// Fills in the message of a draft.
fn with_json(rng: &mut Rng, mut draft: Draft) -> Draft {
    let mut message = Map::new();
    match &draft.body {
        Body::Identify(traits) => {
            message.insert("type".into(), json!("identify"));
            message.insert("traits".into(), object(rng, traits));
        }
        Body::Track(event, said) if is_consent(event) => spell(rng, said, &mut message),
        Body::Track(event, properties) => {
            message.insert("type".into(), json!("track"));
            message.insert("event".into(), json!(event));
            message.insert("properties".into(), object(rng, properties));
        }
        Body::Entity(kind, id, fields) => {
            message.insert("type".into(), json!("entity"));
            message.insert("entity".into(), json!(kind));
            let number = (id == "42" && rng.one_in(2)).then(|| json!(42));
            message.insert("id".into(), number.unwrap_or_else(|| json!(id)));
            message.insert("traits".into(), object(rng, fields));
        }
    }
    draft.identifiers = who(rng, draft.identifiers, &mut message);
    if let Some(time) = draft.time {
        message.insert("timestamp".into(), json!(iso(rng, time)));
    }
    if let Some(id) = &draft.message_id {
        message.insert("messageId".into(), json!(id));
    }
    draft.json = Json::Object(message).to_string();
    draft
}

/// Names the identifiers in a message, in one of the places where they may stand, and gives them in the order in which
/// they are then read: the record belongs to the first.
fn who(
    rng: &mut Rng,
    identifiers: Vec<(String, String)>,
    message: &mut Map<String, Json>,
) -> Vec<(String, String)> {
    let mut others = Map::new();
    let mut places = Vec::new();
    for (namespace, value) in identifiers {
        let direct = match namespace.as_str() {
            "user_id" => Some("userId"),
            "anonymous_id" => Some("anonymousId"),
            _ => None,
        };
        match direct.filter(|name| !message.contains_key(*name) && !rng.one_in(3)) {
            Some(name) => {
                message.insert(name.into(), json!(value));
                places.push((if name == "userId" { 0 } else { usize::MAX }, namespace, value));
            }
            None => {
                let known = others.keys().position(|known| *known == namespace);
                places.push((1 + known.unwrap_or(others.len()), namespace.clone(), value.clone()));
                let list = others.entry(namespace.clone()).or_insert_with(|| json!([]));
                list.as_array_mut().expect("a list").push(json!(value));
            }
        }
    }
    for value in others.values_mut() {
        if let Some([one]) = value.as_array().map(Vec::as_slice) {
            *value = one.clone();
        }
    }
    if !others.is_empty() {
        message.insert("identifiers".into(), Json::Object(others));
    }
    places.sort_by_key(|(place, ..)| *place);
    places.into_iter().map(|(_, namespace, value)| (namespace, value)).collect()
}

/// Makes the records of one store.
pub struct Records<'a> {
    pub rng: &'a mut Rng,
    pub schema: &'a Schema,
    pub people: usize,
    /// Leave out what makes the answer depend on the order of arrival.
    pub tame: bool,
    made: usize,
}

impl<'a> Records<'a> {
    pub fn new(rng: &'a mut Rng, schema: &'a Schema, people: usize) -> Records<'a> {
        Records { rng, schema, people, tame: false, made: 0 }
    }

    /// Something about each field, and the record's own mark.
    fn statements(&mut self, fields: &[Field], first: bool) -> Vec<(String, Said)> {
        let mut said = statements(self.rng, fields, self.schema.base, first);
        if fields.iter().any(|field| field.kind == Kind::Mark) {
            let place = self.rng.below(said.len() + 1);
            said.insert(place, (MARK.to_owned(), text(&format!("k{}", self.made))));
        }
        said
    }

    fn draft(&mut self, body: Body, first: bool) -> Draft {
        let rng = &mut *self.rng;
        self.made += 1;
        let one = rng.below(self.people);
        let mut who = identifiers(rng, one);
        if rng.one_in(25) {
            // Two people turn out to be one.
            let other = rng.below(self.people);
            who.extend(identifiers(rng, other));
        }
        if !first && !self.tame && rng.one_in(40) {
            who = vec![((*rng.pick(&NAMESPACES)).to_owned(), (*rng.pick(&JUNK)).to_owned())];
        }
        let entity = matches!(body, Body::Entity(..));
        if entity {
            who.clear();
        }
        let nobody = !entity && who.iter().all(|(name, value)| normalise(name, value).is_none());
        let time = match rng.below(15) {
            0 if !self.tame => None,
            1 if !self.tame => Some(self.schema.base + rng.between(0, 3 * DAY)),
            _ => Some(moment(rng, self.schema.base - DAY)),
        };
        let named = self.tame || (!rng.one_in(10) && !nobody);
        let draft = Draft {
            source: (*rng.pick(&SOURCES)).to_owned(),
            message_id: named.then(|| format!("m{}", self.made)),
            time,
            identifiers: who,
            body,
            json: String::new(),
        };
        with_json(rng, draft)
    }

    /// The records that fix the class of every column: they are written first, one by one.
    pub fn first(&mut self) -> Vec<Draft> {
        let schema = self.schema;
        let traits = self.statements(&schema.traits, true);
        let mut drafts = vec![self.draft(Body::Identify(traits), true)];
        for event in &schema.events {
            let properties = self.statements(&event.fields, true);
            drafts.push(self.draft(Body::Track(event.name.clone(), properties), true));
        }
        for entity in &schema.entities {
            let fields = self.statements(&entity.fields, true);
            let body = Body::Entity(entity.name.clone(), "e1".to_owned(), fields);
            drafts.push(self.draft(body, true));
            if entity.name == RATES && !self.rng.one_in(3) {
                drafts.extend(self.known_rates(entity));
            }
        }
        drafts.push(self.consent(true));
        drafts
    }

    /// Rates between all currencies, from before all that happens.
    fn known_rates(&mut self, rates: &RowType) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (number, (from, to)) in pairs().enumerate() {
            let mut said = self.statements(&rates.fields, true);
            for (name, said) in &mut said {
                match name.as_str() {
                    "from" => *said = text(from),
                    "to" => *said = text(to),
                    "rate" => {}
                    _ => *said = dated(navedb::Date(-3653)),
                }
            }
            let body = Body::Entity(rates.name.clone(), format!("e{}", number + 2), said);
            drafts.push(self.draft(body, true));
        }
        drafts
    }

    fn consent(&mut self, first: bool) -> Draft {
        let said = consent(self.rng, self.made);
        self.draft(Body::Track(CONSENT.to_owned(), said), first)
    }

    /// Any record.
    pub fn another(&mut self) -> Draft {
        let schema = self.schema;
        if self.rng.one_in(5) {
            return self.consent(false);
        }
        if !schema.entities.is_empty() && self.rng.one_in(5) {
            let last = schema.entities.last().filter(|_| self.rng.one_in(3));
            let entity = last.unwrap_or_else(|| self.rng.pick(&schema.entities));
            let fields = self.statements(&entity.fields, false);
            let mut id = entity_id(self.rng);
            if self.rng.one_in(8) {
                id = format!(" {id} ");
            }
            return self.draft(Body::Entity(entity.name.clone(), id, fields), false);
        }
        if self.rng.one_in(3) {
            let traits = self.statements(&schema.traits, false);
            return self.draft(Body::Identify(traits), false);
        }
        let event = self.rng.pick(&schema.events);
        let properties = self.statements(&event.fields, false);
        let name = if self.rng.one_in(10) { event.name.to_lowercase() } else { event.name.clone() };
        self.draft(Body::Track(name, properties), false)
    }

    /// A record with the message id of another and other content.
    pub fn contradicting(&mut self, other: &Draft) -> Draft {
        let somebody = |d: &Draft| {
            matches!(d.body, Body::Entity(..))
                || d.identifiers.iter().any(|(n, v)| normalise(n, v).is_some())
        };
        let mut draft = self.another();
        while !somebody(&draft) {
            draft = self.another();
        }
        let draft =
            Draft { source: other.source.clone(), message_id: other.message_id.clone(), ..draft };
        with_json(self.rng, draft)
    }
}
