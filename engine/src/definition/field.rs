//! Definitions of traits, properties and fields of entities, and the types in mappings: how a field is read.

use super::body::Body;
use super::trouble::{Found, Trouble};
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::value::ValueType;
use crate::catalog::{Currency, Declared, Golden, Rule, folded};
use crate::entry::TimeUnit;
use jiff::tz::TimeZone;

/// The keys that say how a value is read.
pub const RULE_KEYS: [&str; 8] =
    ["type", "separator", "format", "decimal_mark", "zone", "null", "currency", "currency_from"];

const FIELD_KEYS: [&str; 10] = [
    "type",
    "separator",
    "format",
    "decimal_mark",
    "zone",
    "null",
    "currency",
    "currency_from",
    "aliases",
    "golden",
];

const TYPES: [(&str, ValueType); 8] = [
    ("text", ValueType::Text),
    ("integer", ValueType::Integer),
    ("decimal", ValueType::Decimal),
    ("float", ValueType::Float),
    ("boolean", ValueType::Boolean),
    ("date", ValueType::Date),
    ("timestamp", ValueType::Timestamp),
    ("set", ValueType::Set),
];
const MONEY: &str = "money";
const ZONE: &str = "zone";

/// A field as its definition says.
pub fn declared(name: &str, body: &Body<'_>) -> Found<Declared> {
    body.check_keys("a field", &FIELD_KEYS)?;
    check_name(name, body)?;
    let mut aliases: Vec<String> = Vec::new();
    for alias in body.texts("aliases")? {
        let known = aliases.iter().any(|known| folded(known) == folded(alias));
        if known || folded(alias) == folded(name) || alias.is_empty() {
            let message = format!("the alias '{alias}' says nothing new; leave it out");
            return Err(Trouble::new(body.place("aliases"), message));
        }
        aliases.push(alias.to_owned());
    }
    let golden = golden(name, body)?;
    let rule = Rule { golden, ..rule(body)? };
    if rule.money.is_some() && rule.golden.counts() {
        let message =
            "amounts of money are not counted, since each has its currency; use another rule";
        return Err(Trouble::new(body.place("golden"), message));
    }
    Ok(Declared { name: name.to_owned(), aliases, rule })
}

/// The rules for golden values that are one word.
const GOLDEN: [(&str, Golden); 8] = [
    ("latest", Golden::Latest),
    ("earliest", Golden::Earliest),
    ("min", Golden::Least),
    ("max", Golden::Greatest),
    ("longest", Golden::Longest),
    ("most_frequent", Golden::Frequent),
    ("sum", Golden::Sum),
    ("union", Golden::Union),
];
/// Those that are a table of one key.
const GOLDEN_KEYS: [&str; 3] = ["sources", "verified", "follow"];

/// Which of the facts about a field is its golden value: a word, or `{ sources = [...] }`, `{ verified = FLAG }` or
/// `{ follow = NAME }`.
fn golden(name: &str, body: &Body<'_>) -> Found<Golden> {
    let at = || body.place("golden");
    if let Ok(Some(table)) = body.table("golden") {
        table.check_keys("a rule for golden values", &GOLDEN_KEYS)?;
        let sources: Vec<String> = table.texts("sources")?.into_iter().map(str::to_owned).collect();
        let (verified, follow) = (table.text("verified")?, table.text("follow")?);
        return match (sources.is_empty(), verified, follow) {
            (false, None, None) => Ok(Golden::Sources(sources)),
            (true, Some(flag), None) => Ok(Golden::Verified(flag.to_owned())),
            (true, None, Some(leader)) if folded(leader) != folded(name) => {
                Ok(Golden::Follow(leader.to_owned()))
            }
            (true, None, Some(_)) => Err(Trouble::new(at(), "a field does not follow itself")),
            _ => Err(Trouble::new(at(), "give one of 'sources', 'verified' and 'follow'")),
        };
    }
    let Some(word) = body.text("golden")? else { return Ok(Golden::Latest) };
    let Some((_, golden)) = GOLDEN.iter().find(|(known, _)| *known == word) else {
        let known: Vec<&str> = GOLDEN.iter().map(|(known, _)| *known).collect();
        return Err(Trouble::unknown(at(), "rule for golden values", word, &known));
    };
    let named = body.text("type")?;
    match golden {
        Golden::Sum if !matches!(named, Some("integer" | "decimal" | "float")) => {
            Err(Trouble::new(
                at(),
                "only numbers are summed; set 'type' to integer, decimal or float (events with amounts of \
             money are summed by audiences)",
            ))
        }
        Golden::Union if named != Some("set") => {
            Err(Trouble::new(at(), "only sets are united; set 'type' to set"))
        }
        golden => Ok(golden.clone()),
    }
}

/// A name of a field must be one.
pub fn check_name(name: &str, body: &Body<'_>) -> Found<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let message = format!("a name has 1 to {NAME_BYTES_MAX} bytes");
        return Err(Trouble::new(body.at(), message));
    }
    Ok(())
}

/// How the values of a field are read.
pub fn rule(body: &Body<'_>) -> Found<Rule> {
    let mut rule = Rule::default();
    let named = body.text("type")?;
    let mut known: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    known.extend([MONEY, ZONE]);
    rule.value_type = match named {
        None => None,
        Some(MONEY) => Some(ValueType::Decimal),
        Some(ZONE) => Some(ValueType::Text),
        Some(name) => match TYPES.iter().find(|(known, _)| *known == name) {
            Some((_, value_type)) => Some(*value_type),
            None => return Err(Trouble::unknown(body.place("type"), "type", name, &known)),
        },
    };
    rule.names_zone = named == Some(ZONE);
    if named == Some(MONEY) {
        rule.money = Some(currency(body)?);
    }
    let fits = |key: &str, fitting: bool, types: &str| {
        if fitting || body.place(key) == body.at() {
            return Ok(());
        }
        Err(Trouble::new(body.place(key), format!("'{key}' is for {types} alone; set 'type'")))
    };
    let temporal = rule.value_type.is_some_and(ValueType::is_temporal);
    fits("separator", rule.value_type == Some(ValueType::Set), "sets")?;
    fits("format", temporal, "dates and timestamps")?;
    let number = rule.value_type.is_some_and(ValueType::is_number);
    fits("decimal_mark", number, "numbers and money")?;
    fits("zone", rule.value_type == Some(ValueType::Timestamp), "timestamps")?;
    fits("currency", rule.money.is_some(), "money")?;
    fits("currency_from", rule.money.is_some(), "money")?;
    rule.separator = body.text("separator")?.map(str::to_owned);
    if rule.separator.as_deref() == Some("") {
        return Err(Trouble::new(body.place("separator"), "a separator is not empty"));
    }
    rule.format = body.text("format")?.map(|text| unit(body, "format", text)).transpose()?;
    rule.decimal_mark = match body.text("decimal_mark")? {
        None => None,
        Some(",") => Some(','),
        Some(".") => Some('.'),
        Some(_) => {
            let message = "a decimal mark is \",\" (1.234,56) or \".\" (1,234.56)";
            return Err(Trouble::new(body.place("decimal_mark"), message));
        }
    };
    if let Some(text) = body.text("zone")? {
        rule.zone = zone(body, text)?;
    }
    rule.nulls = body.texts("null")?.into_iter().map(str::to_owned).collect();
    Ok(rule)
}

fn currency(body: &Body<'_>) -> Found<Currency> {
    match (body.text("currency")?, body.text("currency_from")?) {
        (Some(_), Some(_)) => Err(Trouble::new(
            body.place("currency"),
            "'currency' and 'currency_from' exclude each other; keep one",
        )),
        (Some(code), None) => match code_of(code) {
            Some(code) => Ok(Currency::Fixed(code)),
            None => Err(Trouble::new(
                body.place("currency"),
                format!("'{code}' is no currency; use three letters, such as EUR"),
            )),
        },
        (None, Some(field)) => Ok(Currency::From(field.to_owned())),
        (None, None) => Ok(Currency::Beside),
    }
}

/// The code of a currency, in capitals.
pub fn code_of(text: &str) -> Option<String> {
    let code = text.trim();
    let letters = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| code.to_ascii_uppercase())
}

/// A time unit or a pattern that the reader of times knows.
pub fn unit(body: &Body<'_>, key: &str, text: &str) -> Found<TimeUnit> {
    let unit: TimeUnit = text.parse().map_err(|e: crate::base::error::Error| {
        Trouble::new(body.place(key), e.message().to_owned())
    })?;
    if let TimeUnit::Pattern(pattern) = &unit
        && let Err(e) = jiff::fmt::strtime::format(pattern, jiff::Timestamp::UNIX_EPOCH)
    {
        return Err(Trouble::new(body.place(key), format!("'{pattern}' is no pattern: {e}")));
    }
    Ok(unit)
}

/// A time zone.
pub fn zone(body: &Body<'_>, text: &str) -> Found<TimeZone> {
    TimeZone::get(text).map_err(|_| {
        let message = format!("'{text}' is no time zone; use a name such as Europe/Paris");
        Trouble::new(body.place("zone"), message)
    })
}
