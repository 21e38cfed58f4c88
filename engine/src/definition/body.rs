//! The body of a definition: reading its keys, and writing it in the one form in which the log keeps it.

use super::trouble::{Found, Trouble};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the file, which reads its own keys.
#[derive(Debug, Clone, Copy)]
pub struct Body<'t> {
    /// The table.
    pub table: &'t DeTable<'t>,
    /// Where it stands.
    at: (usize, usize),
}

/// A key and its value, with where they stand.
pub type Pair<'t> = (&'t str, Range<usize>, &'t Spanned<DeValue<'t>>);

/// What a value of a kind is called in messages.
fn wants<T>(key: &str, at: Range<usize>, what: &str) -> Found<T> {
    Err(Trouble::new(at, format!("'{key}' must be {what}")))
}

impl<'t> Body<'t> {
    /// The body that a table is.
    pub fn new(table: &'t DeTable<'t>, at: Range<usize>) -> Body<'t> {
        Body { table, at: (at.start, at.end) }
    }

    /// Where it stands.
    pub fn at(&self) -> Range<usize> {
        self.at.0..self.at.1
    }

    /// The keys and values in the order of the text.
    pub fn pairs(&self) -> Vec<Pair<'t>> {
        pairs_of(self.table)
    }

    /// Refuses keys that are not known.
    pub fn check_keys(&self, what: &str, known: &[&str]) -> Found<()> {
        for (key, at, _) in self.pairs() {
            if !known.contains(&key) {
                return Err(Trouble::unknown(at, &format!("key of {what}"), key, known));
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Where the value of a key stands; the body itself when it is not there.
    pub fn place(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.at(), Spanned::span)
    }

    /// A text.
    pub fn text(&self, key: &str) -> Found<Option<&'t str>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref().as_str() {
            Some(text) => Ok(Some(text)),
            None => wants(key, value.span(), "text in quotes"),
        }
    }

    /// A list of texts; one text is a list of one.
    pub fn texts(&self, key: &str) -> Found<Vec<&'t str>> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        match value.get_ref() {
            DeValue::String(text) => Ok(vec![text.as_ref()]),
            DeValue::Array(items) => items
                .iter()
                .map(|item| match item.get_ref().as_str() {
                    Some(text) => Ok(text),
                    None => wants(key, item.span(), "a list of texts"),
                })
                .collect(),
            _ => wants(key, value.span(), "a list of texts"),
        }
    }

    /// A number that is not negative.
    pub fn whole(&self, key: &str) -> Found<Option<u64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.get_ref().as_integer().and_then(|number| number.as_str().parse().ok());
        match number {
            Some(number) => Ok(Some(number)),
            None => wants(key, value.span(), "a whole number that is not negative"),
        }
    }

    /// True or false; false when it is not there.
    pub fn flag(&self, key: &str) -> Found<bool> {
        let Some(value) = self.get(key) else { return Ok(false) };
        match value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => wants(key, value.span(), "true or false"),
        }
    }

    /// A table.
    pub fn table(&self, key: &str) -> Found<Option<Body<'t>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref().as_table() {
            Some(table) => Ok(Some(Body::new(table, value.span()))),
            None => wants(key, value.span(), "a table: { name = value }"),
        }
    }
}

fn pairs_of<'t>(table: &'t DeTable<'t>) -> Vec<Pair<'t>> {
    let mut pairs: Vec<Pair<'t>> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    pairs.sort_by_key(|(_, at, _)| at.start);
    pairs
}

/// A text in quotes, in one line.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A key as TOML writes it: bare when it can be.
pub fn key_text(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quoted(key) }
}

/// A path of keys, with dots between them.
pub fn path_text<T: AsRef<str>>(path: &[T]) -> String {
    path.iter().map(|key| key_text(key.as_ref())).collect::<Vec<_>>().join(".")
}

/// A value in one line.
fn value_text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| value_text(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => {
            let pairs = pairs_of(table);
            let pairs = pairs.iter().map(|(key, _, value)| {
                format!("{} = {}", key_text(key), value_text(value.get_ref()))
            });
            let pairs: Vec<String> = pairs.collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
    }
}

/// A body in the form in which the log keeps it: a line for each key that is wanted, in the order of the text.
pub fn body_text(table: &DeTable<'_>, wanted: impl Fn(&str, &DeValue<'_>) -> bool) -> String {
    let mut text = String::new();
    for (key, _, value) in pairs_of(table) {
        if wanted(key, value.get_ref()) {
            text.push_str(&format!("{} = {}\n", key_text(key), value_text(value.get_ref())));
        }
    }
    text
}
