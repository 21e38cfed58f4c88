//! What may be asked about: tables, columns, and what values stand in them.

use crate::shop::words::{
    BRANDS, CAMPAIGNS, CATEGORIES, CITIES, COUNTRIES, CURRENCIES, DEVICES, FLAGS, MATERIALS, NOTES,
    PAGES, PLANS, REASONS, TAGS, ZONES,
};

/// What a column holds, and from where to where.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text(&'static [&'static str]),
    /// The id of a product.
    Product,
    Integer(i64, i64),
    /// Decimals, in hundredths.
    Money(i64, i64),
    /// The same in several currencies.
    Currencies(i64, i64),
    /// Not below zero.
    Float(f64),
    Boolean,
    /// Days of these years.
    Date(i64, i64),
    Time,
    Set(&'static [&'static str]),
}

/// A column under the name that SQL calls it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// A table under the name that SQL calls it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// Whether sources name its records, so that there always is a first and a last one.
    pub(super) ids: bool,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const SOURCES: [&str; 2] = ["web", "crm"];
const NAMES: [&str; 6] =
    ["Ann Smith", "Zoë d'Arc", "O'Neil Li", "Łukasz Ünal", "bob brown", "花子 佐藤"];
const ZIPS: [&str; 4] = ["00007", "F-0100", "01999", "F-2500"];
const THINGS: [&str; 4] = ["Big chair 7", "Élégant lamp 3", "50% déco 11", "x_large rug 99"];
const ORDERS: [&str; 3] = ["o-17", "o-4", "t-3"];

/// Profiles.
pub(super) static PROFILES: Table = Table {
    name: "profiles",
    columns: &[
        column("country", Kind::Text(&COUNTRIES)),
        column("city", Kind::Text(&CITIES)),
        column("name", Kind::Text(&NAMES)),
        column("plan", Kind::Text(&PLANS)),
        column("zone", Kind::Text(&ZONES)),
        column("device", Kind::Text(&DEVICES)),
        column("\"address.zip\"", Kind::Text(&ZIPS)),
        column("age", Kind::Integer(16, 99)),
        column("\"select\"", Kind::Integer(-3, 9)),
        column("visits", Kind::Integer(0, 40)),
        column("balance", Kind::Currencies(-50_000, 500_000)),
        column("\"balance.currency\"", Kind::Text(&CURRENCIES)),
        column("\"größe\"", Kind::Money(14_000, 21_000)),
        column("score", Kind::Float(100.0)),
        column("vip", Kind::Boolean),
        column("\"opt in\"", Kind::Boolean),
        column("born", Kind::Date(1930, 2010)),
        column("\"last seen\"", Kind::Time),
        column("tags", Kind::Set(&TAGS)),
        column("interests", Kind::Set(&CATEGORIES)),
    ],
    ids: false,
};

/// Events.
pub(super) static EVENTS: [Table; 4] = [
    Table {
        name: "view",
        columns: &[
            column("time", Kind::Time),
            column("page", Kind::Text(&PAGES)),
            column("campaign", Kind::Text(&CAMPAIGNS)),
            column("product_id", Kind::Product),
            column("seconds", Kind::Float(600.0)),
            column("depth", Kind::Integer(0, 29)),
            column("\"Gerät\"", Kind::Text(&DEVICES)),
            column("\"first\"", Kind::Boolean),
        ],
        ids: false,
    },
    Table {
        name: "purchase",
        columns: &[
            column("time", Kind::Time),
            column("source", Kind::Text(&SOURCES)),
            column("product_id", Kind::Product),
            column("quantity", Kind::Integer(1, 9)),
            column("price", Kind::Currencies(50, 99_999)),
            column("\"price.currency\"", Kind::Text(&CURRENCIES)),
            column("discount", Kind::Float(0.3)),
            column("campaign", Kind::Text(&CAMPAIGNS)),
            column("gift", Kind::Boolean),
            column("delivery", Kind::Date(2021, 2025)),
            column("note", Kind::Text(&NOTES)),
            column("\"ship.city\"", Kind::Text(&CITIES)),
            column("message_id", Kind::Text(&ORDERS)),
        ],
        ids: true,
    },
    Table {
        name: "refund",
        columns: &[
            column("time", Kind::Time),
            column("reason", Kind::Text(&REASONS)),
            column("amount", Kind::Money(10, 50_000)),
            column("\"order\"", Kind::Text(&ORDERS)),
            column("product_id", Kind::Product),
            column("flags", Kind::Set(&FLAGS)),
            column("fee", Kind::Float(20.0)),
            column("\"properties.source\"", Kind::Text(&DEVICES)),
        ],
        ids: true,
    },
    Table {
        name: "\"Wish List\"",
        columns: &[
            column("time", Kind::Time),
            column("product_id", Kind::Product),
            column("\"item.price\"", Kind::Money(50, 99_999)),
            column("priority", Kind::Integer(-2, 5)),
            column("labels", Kind::Set(&CATEGORIES)),
            column("\"remind at\"", Kind::Time),
        ],
        ids: true,
    },
];

/// Products.
pub(super) static PRODUCT: Table = Table {
    name: "product",
    columns: &[
        column("id", Kind::Product),
        column("name", Kind::Text(&THINGS)),
        column("price", Kind::Currencies(100, 90_000)),
        column("\"price.currency\"", Kind::Text(&CURRENCIES)),
        column("weight", Kind::Float(50.0)),
        column("category", Kind::Text(&CATEGORIES)),
        column("materials", Kind::Set(&MATERIALS)),
        column("launched", Kind::Date(2015, 2024)),
        column("\"in stock\"", Kind::Boolean),
        column("stock", Kind::Integer(0, 500)),
    ],
    ids: false,
};

const BRAND_IDS: [&str; 3] = ["b1", "b17", "b60"];
const OWN_IDS: [&str; 3] = ["B1", "B4", "b4"];

/// Brands.
pub(super) static BRAND: Table = Table {
    name: "brand",
    columns: &[
        column("id", Kind::Text(&BRAND_IDS)),
        column("name", Kind::Text(&BRANDS)),
        column("country", Kind::Text(&COUNTRIES)),
        column("since", Kind::Date(1850, 2020)),
        column("\"fields.id\"", Kind::Text(&OWN_IDS)),
    ],
    ids: false,
};
