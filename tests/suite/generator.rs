//! Random schemas, and random records that follow them most of the time.

use crate::calendar::{self, DAY, Unit};
use crate::oracle::{Body, Draft, Said};
use crate::rng::Rng;
use navedb::{Date, Decimal, Timestamp, Value};
use serde_json::{Map, Value as Json, json};

/// What a column holds, and what else is said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text that is also given numbers, days and truth values.
    MixedText,
    Integer,
    /// Integers up to the ends of 64 bits.
    BigInteger,
    /// Integers at first, decimals later.
    Decimal,
    /// Integers and decimals at first, floats later.
    Float,
    Boolean,
    Date,
    /// Days at first, instants later.
    Timestamp,
}

const KINDS: [Kind; 9] = [
    Kind::Text,
    Kind::MixedText,
    Kind::Integer,
    Kind::BigInteger,
    Kind::Decimal,
    Kind::Float,
    Kind::Boolean,
    Kind::Date,
    Kind::Timestamp,
];

#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub struct EventType {
    pub name: String,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone)]
pub struct Schema {
    pub traits: Vec<Field>,
    pub events: Vec<EventType>,
    /// The instant around which everything happens.
    pub base: i64,
}

impl Schema {
    /// The names of the properties of an event type.
    pub fn properties_of(&self, event: &str) -> Vec<String> {
        let event = self.events.iter().find(|e| e.name == event);
        event.map(|e| e.fields.iter().map(|f| f.name.clone()).collect()).unwrap_or_default()
    }
}

const TRAITS: [&str; 18] = [
    "age",
    "country",
    "city",
    "score",
    "vip",
    "signup",
    "plan_2",
    "LastSeen",
    "address.city",
    "address.zip",
    "select",
    "Order",
    "null",
    "favourite colour",
    "größe",
    "名前",
    "say \"hi\"",
    "2nd",
];
const PROPERTIES: [&str; 15] = [
    "amount",
    "sku",
    "qty",
    "time",
    "source",
    "Currency",
    "item.price",
    "group",
    "Ünit price",
    "ok",
    "age",
    "seen",
    "profile_id",
    "x",
    "is-gift",
];
const EVENTS: [&str; 9] = [
    "purchase",
    "Order Completed",
    "page.view",
    "select",
    "Éclair",
    "user",
    "Login_1",
    "refund",
    "2fa \"sent\"",
];
const NAMESPACES: [&str; 6] =
    ["user_id", "anonymous_id", "email", "phone", "loyalty.card", "crm_id"];
const SOURCES: [&str; 4] = ["web", "crm", "shop", "app"];
pub const TEXTS: [&str; 16] = [
    "FR",
    "fr",
    "DE",
    "",
    "it's",
    "naïve",
    "Ω",
    "a b",
    "100%",
    "zzz",
    "2024-02-30",
    "007",
    "\"q\"",
    "a,b",
    "Fr",
    "日本",
];
const JUNK: [&str; 5] = ["", "  ", "null", "0", "-1"];

fn fields(rng: &mut Rng, names: &[&str], count: usize) -> Vec<Field> {
    let mut names = names.to_vec();
    rng.shuffle(&mut names);
    let field = |name: &&str| Field { name: (*name).to_owned(), kind: *rng.pick(&KINDS) };
    names.iter().take(count).map(field).collect()
}

pub fn schema(rng: &mut Rng) -> Schema {
    let mut names = EVENTS.to_vec();
    rng.shuffle(&mut names);
    names.truncate(1 + rng.below(3));
    let traits = 3 + rng.below(6);
    let traits = fields(rng, &TRAITS, traits);
    let mut event = |name: &&str| {
        let count = 1 + rng.below(6);
        EventType { name: (*name).to_owned(), fields: fields(rng, &PROPERTIES, count) }
    };
    let events = names.iter().map(&mut event).collect();
    let days =
        [(2024, 3, 31), (2024, 2, 29), (2023, 3, 1), (2024, 5, 31), (2024, 12, 31), (2023, 2, 28)];
    let (year, month, day) = *rng.pick(&days);
    Schema { traits, events, base: calendar::instant(year, month, day, 43_200) }
}

/// An instant around the base: often exactly where a window may begin, and often one that was used before.
pub fn moment(rng: &mut Rng, base: i64) -> i64 {
    let units = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Month, Unit::Year];
    match rng.below(6) {
        0..=2 => calendar::shift(base, -rng.between(0, 3), *rng.pick(&units)),
        3 => base - rng.between(0, 20) * DAY,
        4 => base - rng.between(0, 400 * DAY),
        _ => calendar::shift(base, -rng.between(0, 2), Unit::Month) + rng.between(-1, 1),
    }
}

fn decimal(rng: &mut Rng) -> Said {
    let scale = rng.below(4) as u8;
    let digits = *rng.pick(&[1999, -50, 10_000, 5, 0, 12_345, 250]) + rng.between(0, 2);
    let value = Decimal::new(i128::from(digits), scale).unwrap();
    // A decimal is recognised by its point.
    let token = if scale == 0 { format!("{value}.0") } else { value.to_string() };
    let value = Decimal::parse(&token).unwrap();
    Said { value: Some(Value::Decimal(value)), token }
}

fn integer(rng: &mut Rng) -> Said {
    let value = if rng.one_in(3) { rng.between(-3, 100) } else { rng.between(0, 5) };
    Said { value: Some(Value::Integer(value)), token: value.to_string() }
}

fn big(rng: &mut Rng) -> Said {
    let ends = [i64::MAX, i64::MIN, i64::MAX - 1, 1 << 53, (1 << 53) + 1, 0, 7];
    let value = *rng.pick(&ends);
    Said { value: Some(Value::Integer(value)), token: value.to_string() }
}

/// Eighths, whose sums are exact.
fn float(rng: &mut Rng) -> Said {
    let value = rng.between(-16, 80) as f64 / 8.0;
    Said { value: Some(Value::Float(value)), token: format!("{value:e}") }
}

fn eighth(rng: &mut Rng) -> Said {
    let token = format!("{:.3}", rng.between(-16, 80) as f64 / 8.0);
    Said { value: Some(Value::Decimal(Decimal::parse(&token).unwrap())), token }
}

fn boolean(rng: &mut Rng) -> Said {
    let value = rng.one_in(2);
    Said { value: Some(Value::Boolean(value)), token: value.to_string() }
}

fn text(text: &str) -> Said {
    Said { value: Some(Value::Text(text.to_owned())), token: Json::from(text).to_string() }
}

fn date(rng: &mut Rng, base: i64) -> Said {
    let date = Date(moment(rng, base).div_euclid(DAY) as i32);
    Said { value: Some(Value::Date(date)), token: format!("\"{date}\"") }
}

/// An instant as ISO text, in one of several spellings.
fn iso(rng: &mut Rng, time: i64) -> String {
    match rng.below(4) {
        0 => Timestamp(time - 5_400_000_000).to_string().replace('Z', "-01:30"),
        1 => Timestamp(time + 7_200_000_000).to_string().replace('Z', "+0200"),
        _ => Timestamp(time).to_string(),
    }
}

fn timestamp(rng: &mut Rng, base: i64) -> Said {
    let time = moment(rng, base);
    Said {
        value: Some(Value::Timestamp(Timestamp(time))),
        token: format!("\"{}\"", iso(rng, time)),
    }
}

/// A value for a column; `first` asks for one that fixes the class.
fn value(rng: &mut Rng, kind: Kind, base: i64, first: bool) -> Said {
    let early = first || rng.one_in(3);
    match kind {
        Kind::Text => text(rng.pick::<&str>(&TEXTS)),
        Kind::MixedText if first => text("free text"),
        Kind::MixedText => match rng.below(6) {
            0 => integer(rng),
            1 => decimal(rng),
            2 => boolean(rng),
            3 => date(rng, base),
            _ => text(rng.pick::<&str>(&TEXTS)),
        },
        Kind::Integer => integer(rng),
        Kind::BigInteger => big(rng),
        Kind::Decimal if early => integer(rng),
        Kind::Decimal => decimal(rng),
        Kind::Float if early => {
            if rng.one_in(2) {
                integer(rng)
            } else {
                eighth(rng)
            }
        }
        Kind::Float => float(rng),
        Kind::Boolean => boolean(rng),
        Kind::Timestamp if !early => timestamp(rng, base),
        Kind::Date | Kind::Timestamp => date(rng, base),
    }
}

/// A value of another class than the column's.
fn contradiction(rng: &mut Rng, kind: Kind, base: i64) -> Said {
    match kind {
        Kind::Text | Kind::MixedText => text("never contradicts"),
        Kind::Integer | Kind::BigInteger | Kind::Decimal | Kind::Float => match rng.below(3) {
            0 => text("n/a"),
            1 => boolean(rng),
            _ => date(rng, base),
        },
        Kind::Boolean => {
            if rng.one_in(2) {
                integer(rng)
            } else {
                text("yes")
            }
        }
        Kind::Date | Kind::Timestamp => {
            if rng.one_in(2) {
                decimal(rng)
            } else {
                text("soon")
            }
        }
    }
}

/// One statement for some of the fields, or with `first` for all of them.
fn statements(rng: &mut Rng, fields: &[Field], base: i64, first: bool) -> Vec<(String, Said)> {
    let mut said = Vec::new();
    for field in fields {
        if !first && rng.one_in(3) {
            continue;
        }
        let what = match rng.below(12) {
            0 if !first => Said { value: None, token: "null".to_owned() },
            1 if !first => contradiction(rng, field.kind, base),
            _ => value(rng, field.kind, base, first),
        };
        let name = if first || !rng.one_in(10) {
            field.name.clone()
        } else {
            field.name.to_ascii_uppercase()
        };
        said.push((name, what));
    }
    said
}

/// The identifiers of one person, as people type them.
fn identifiers(rng: &mut Rng, person: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for _ in 0..1 + rng.below(2) {
        let namespace = *rng.pick(&NAMESPACES);
        let which = person * 2 + rng.below(2);
        let mut value = match namespace {
            "email" => format!("P{which}@Example.org"),
            "phone" => format!("+33 {:03}-{:03}", which, which * 7),
            _ => format!("{}{which:03}", if rng.one_in(9) { "é" } else { "u" }),
        };
        if rng.one_in(3) {
            value = if namespace == "email" { value.to_uppercase() } else { format!(" {value}\t") };
        }
        all.push((namespace.to_owned(), value));
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
        match name.split_once('.').filter(|_| nested) {
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
        Body::Track(event, properties) => {
            message.insert("type".into(), json!("track"));
            message.insert("event".into(), json!(event));
            message.insert("properties".into(), object(rng, properties));
        }
    }
    let mut others = Map::new();
    for (namespace, value) in &draft.identifiers {
        let direct = match namespace.as_str() {
            "user_id" => Some("userId"),
            "anonymous_id" => Some("anonymousId"),
            _ => None,
        };
        match direct.filter(|name| !message.contains_key(*name) && !rng.one_in(3)) {
            Some(name) => drop(message.insert(name.into(), json!(value))),
            None => {
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
    if let Some(time) = draft.time {
        message.insert("timestamp".into(), json!(iso(rng, time)));
    }
    if let Some(id) = &draft.message_id {
        message.insert("messageId".into(), json!(id));
    }
    draft.json = Json::Object(message).to_string();
    draft
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
        let nobody = who
            .iter()
            .all(|(namespace, value)| crate::oracle::normalise(namespace, value).is_none());
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
        let traits = statements(self.rng, &self.schema.traits, self.schema.base, true);
        let mut drafts = vec![self.draft(Body::Identify(traits), true)];
        for event in &self.schema.events {
            let properties = statements(self.rng, &event.fields, self.schema.base, true);
            drafts.push(self.draft(Body::Track(event.name.clone(), properties), true));
        }
        drafts
    }

    /// Any record.
    pub fn another(&mut self) -> Draft {
        let base = self.schema.base;
        if self.rng.one_in(3) {
            let traits = statements(self.rng, &self.schema.traits, base, false);
            return self.draft(Body::Identify(traits), false);
        }
        let event = self.rng.pick(&self.schema.events);
        let properties = statements(self.rng, &event.fields, base, false);
        let name =
            if self.rng.one_in(10) { event.name.to_ascii_lowercase() } else { event.name.clone() };
        self.draft(Body::Track(name, properties), false)
    }

    /// A record with the message id of another and other content.
    pub fn contradicting(&mut self, other: &Draft) -> Draft {
        let somebody =
            |d: &Draft| d.identifiers.iter().any(|(n, v)| crate::oracle::normalise(n, v).is_some());
        let mut draft = self.another();
        while !somebody(&draft) {
            draft = self.another();
        }
        let draft =
            Draft { source: other.source.clone(), message_id: other.message_id.clone(), ..draft };
        with_json(self.rng, draft)
    }
}
