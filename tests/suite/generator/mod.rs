//! Random schemas, records that follow them most of the time, and questions about them.

mod consents;
mod known;
mod literals;
mod money;
mod questions;
mod records;
mod scalars;
mod smaller;
mod tables;
mod values;

pub use known::Known;
pub use money::CURRENCY;
pub use questions::Questions;
pub use records::Records;
pub use smaller::{smaller, smaller_table};

use crate::ast::Space;
use crate::calendar::{self, DAY, Unit};
use crate::oracle::{ENTITIES_AND_FUNNELS, Table, Types};
use crate::rng::Rng;
use navedb::ValueType;

/// What a column holds, and what else is said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text that is also given numbers, days, truth values and lists.
    MixedText,
    Integer,
    /// Integers up to the ends of 64 bits.
    BigInteger,
    /// Integers at first, decimals later.
    Decimal,
    /// Decimals of up to 38 digits.
    BigDecimal,
    /// Integers and decimals at first, floats later.
    Float,
    /// Floats of all sizes, whose sums are not exact.
    WideFloat,
    Boolean,
    Date,
    /// Days at first, instants later.
    Timestamp,
    /// Days and instants from the first to the last year.
    FarTime,
    Set,
    /// Nothing but NULL.
    Nothing,
    /// The currency of the amounts of the column whose name stands before, one of so many.
    Currency(usize),
    /// One of the currencies.
    Code,
    /// A day from which on a rate holds.
    RateDay,
    /// The id of an entity.
    Reference,
    /// A text of each record alone, by which the tests find it again.
    Mark,
}

const KINDS: [Kind; 13] = [
    Kind::Text,
    Kind::MixedText,
    Kind::Integer,
    Kind::BigInteger,
    Kind::Decimal,
    Kind::BigDecimal,
    Kind::Float,
    Kind::WideFloat,
    Kind::Boolean,
    Kind::Date,
    Kind::Timestamp,
    Kind::FarTime,
    Kind::Set,
];

impl Kind {
    /// The type that a column has in the end, as a rule.
    fn usual_type(self) -> Option<ValueType> {
        Some(match self {
            Kind::Text
            | Kind::MixedText
            | Kind::Currency(_)
            | Kind::Code
            | Kind::Reference
            | Kind::Mark => ValueType::Text,
            Kind::Integer | Kind::BigInteger => ValueType::Integer,
            Kind::Decimal | Kind::BigDecimal => ValueType::Decimal,
            Kind::Float | Kind::WideFloat => ValueType::Float,
            Kind::Boolean => ValueType::Boolean,
            Kind::Date | Kind::RateDay => ValueType::Date,
            Kind::Timestamp | Kind::FarTime => ValueType::Timestamp,
            Kind::Set => ValueType::Set,
            Kind::Nothing => return None,
        })
    }
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
}

/// An event type or an entity type.
#[derive(Debug, Clone)]
pub struct RowType {
    pub name: String,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone)]
pub struct Schema {
    pub traits: Vec<Field>,
    pub events: Vec<RowType>,
    pub entities: Vec<RowType>,
    /// The instant around which everything happens.
    pub base: i64,
}

/// The name of the column of marks.
pub const MARK: &str = "mark";

impl Schema {
    /// The columns of a table in scope.
    pub fn columns_of(&self, space: &Space) -> &[Field] {
        let (types, name) = match space {
            Space::Event(name) => (&self.events, name),
            Space::Entity(name) => (&self.entities, name),
        };
        types.iter().find(|t| t.name == *name).map(|t| t.fields.as_slice()).unwrap_or_default()
    }

    /// Their names.
    pub fn fields_of(&self, space: &Space) -> Vec<String> {
        self.columns_of(space).iter().map(|field| field.name.clone()).collect()
    }

    /// The types that the columns have as a rule.
    pub fn usual_types(&self) -> Types {
        let mut types = Types::new();
        let mut add = |table: Table, fields: &[Field]| {
            for field in fields {
                let column = (table.clone(), field.name.to_lowercase());
                types.extend(field.kind.usual_type().map(|kind| (column, kind)));
            }
        };
        add(Table::Traits, &self.traits);
        for event in &self.events {
            add(Table::Event(event.name.to_lowercase()), &event.fields);
        }
        for entity in &self.entities {
            add(Table::Entity(entity.name.to_lowercase()), &entity.fields);
        }
        types
    }
}

const TRAITS: [&str; 20] = [
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
    "profile_id",
    "tags",
];
const PROPERTIES: [&str; 16] = [
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
    "Labels",
];
const FIELDS: [&str; 10] =
    ["id", "price", "name", "tags", "Größe", "since", "active", "stock", "order", "item.price"];
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
const ENTITIES: [&str; 5] = ["product", "Brand", "the store", "group", "Straße"];

fn fields(rng: &mut Rng, names: &[&str], count: usize) -> Vec<Field> {
    let mut names = names.to_vec();
    rng.shuffle(&mut names);
    let field = |name: &&str| Field { name: (*name).to_owned(), kind: *rng.pick(&KINDS) };
    names.iter().take(count).map(field).collect()
}

pub fn schema(rng: &mut Rng) -> Schema {
    let mark = Field { name: MARK.to_owned(), kind: Kind::Mark };
    let mut names = EVENTS.to_vec();
    rng.shuffle(&mut names);
    names.truncate(1 + rng.below(3));
    let traits = 4 + rng.below(8);
    let mut traits = fields(rng, &TRAITS, traits);
    if rng.one_in(4) {
        traits.push(Field { name: "Nothing".to_owned(), kind: Kind::Nothing });
    }
    traits.push(mark.clone());
    money::money(rng, &mut traits);
    let entities = if ENTITIES_AND_FUNNELS { entity_types(rng) } else { Vec::new() };
    let mut event = |name: &&str| {
        let count = 2 + rng.below(6);
        let mut fields = fields(rng, &PROPERTIES, count);
        fields.push(mark.clone());
        money::money(rng, &mut fields);
        if !entities.is_empty() {
            fields.push(Field { name: "product_id".to_owned(), kind: Kind::Reference });
        }
        RowType { name: (*name).to_owned(), fields }
    };
    let events = names.iter().map(&mut event).collect();
    let days = [
        (2024, 3, 31),
        (2024, 2, 29),
        (2023, 3, 1),
        (2024, 5, 31),
        (2024, 12, 31),
        (2023, 2, 28),
        (2024, 11, 3),
        (2021, 1, 3),
        (1970, 1, 3),
    ];
    let (year, month, day) = *rng.pick(&days);
    Schema { traits, events, entities, base: calendar::instant(year, month, day, 43_200) }
}

fn entity_types(rng: &mut Rng) -> Vec<RowType> {
    let mut names = ENTITIES.to_vec();
    rng.shuffle(&mut names);
    names.truncate(1 + rng.below(2));
    let mut entity = |name: &&str| {
        let count = 1 + rng.below(5);
        let mut fields = fields(rng, &FIELDS, count);
        fields.push(Field { name: "brand_id".to_owned(), kind: Kind::Reference });
        RowType { name: (*name).to_owned(), fields }
    };
    let mut entities: Vec<RowType> = names.iter().map(&mut entity).collect();
    for entity in &mut entities {
        money::money(rng, &mut entity.fields);
    }
    if !rng.one_in(4) {
        entities.push(money::rates(rng));
    }
    entities
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
