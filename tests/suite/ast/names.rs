//! Names as they are written: in quotes where they need them and sometimes where they do not.

use crate::rng::Rng;

/// Words that are names only in quotes.
const RESERVED: [&str; 15] = [
    "select", "order", "group", "from", "where", "null", "user", "not", "table", "in", "all",
    "case", "limit", "between", "to",
];

/// The columns that every event has; a property of such a name is `"properties.name"`.
pub(super) const EVENT_COLUMNS: [&str; 4] = ["profile_id", "time", "source", "message_id"];
/// The column that every entity has; a field of such a name is `"fields.id"`.
pub(super) const ENTITY_COLUMNS: [&str; 1] = ["id"];

/// A name in any case.
pub(super) fn spelled(rng: &mut Rng, name: &str) -> String {
    let plain = name
        .bytes()
        .enumerate()
        .all(|(at, b)| b == b'_' || b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit()));
    let reserved = RESERVED.contains(&name.to_lowercase().as_str());
    let cased = match rng.below(8) {
        0 => name.to_ascii_uppercase(),
        1 => name.to_lowercase(),
        _ => name.to_owned(),
    };
    if plain && !reserved && !rng.one_in(5) { cased } else { quoted(&cased) }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
