//! The file of definitions that people write: TOML, in which each table is one definition.

use super::body::{Body, body_text, path_text};
use super::compiled::Definitions;
use super::kinds::{KINDS, Kind, Levels, kind_names, kind_of};
use super::mapping::MAPPING_KEYS;
use super::trouble::{Found, Trouble};
use crate::base::error::{Error, Result};
use crate::base::limits::{DEFINITIONS_BYTES_MAX, DEFINITIONS_MAX, NAME_BYTES_MAX};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A definition as a file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The kind.
    pub kind: &'static str,
    /// The name: the other keys of its table.
    pub name: String,
    /// The body, in the form in which the log keeps it.
    pub body: String,
}

/// The definitions of a file.
///
/// # Errors
/// `Invalid` with line and column when it is no TOML, or says what no definition can say; `Limit`.
pub fn parse_file(text: &str) -> Result<Vec<Given>> {
    if text.len() > DEFINITIONS_BYTES_MAX {
        return Err(Error::limit(format!(
            "a file of definitions has at most {DEFINITIONS_BYTES_MAX} bytes; split it"
        )));
    }
    let table = DeTable::parse(text)
        .map_err(|e| Trouble::new(e.span().unwrap_or(0..0), e.message()))
        .map_err(|trouble| placed(text, &trouble))?;
    let found = read_kinds(table.get_ref()).map_err(|trouble| placed(text, &trouble))?;
    if found.len() > DEFINITIONS_MAX {
        return Err(Error::limit(format!(
            "a file has at most {DEFINITIONS_MAX} definitions; split it"
        )));
    }
    Ok(found)
}

/// The keys that a name in the log is made of.
pub fn parse_name(name: &str) -> Option<Vec<String>> {
    let text = format!("{name} = 0");
    let table = DeTable::parse(&text).ok()?;
    let mut path = Vec::new();
    let mut table = table.get_ref();
    loop {
        let (key, value) = table.iter().next()?;
        path.push(key.get_ref().as_ref().to_owned());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return Some(path),
        }
    }
}

/// The error of a trouble: its line and column, both from 1.
fn placed(text: &str, trouble: &Trouble) -> Error {
    let at = trouble.at.start.min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::invalid(format!("{line}:{column}: {}", trouble.message)).at(at)
}

fn read_kinds(table: &DeTable<'_>) -> Found<Vec<Given>> {
    let root = Body::new(table, 0..0);
    let mut reader = Reader::default();
    for (name, at, value) in root.pairs() {
        let Some(kind) = kind_of(name) else {
            return Err(Trouble::unknown(at, "kind of definition", name, &kind_names()));
        };
        let inner = table_of(kind, at, value.get_ref(), value.span())?;
        match kind.levels {
            Levels::Named(names) => reader.named(kind, &inner, names.len(), &mut Vec::new())?,
            Levels::Mapping => reader.mappings(kind, &inner)?,
        }
    }
    Ok(reader.found)
}

/// How the tables of a kind are written.
fn example(kind: &Kind) -> String {
    match kind.levels {
        Levels::Named(names) => format!("[{}.{}]", kind.name, names.join(".")),
        Levels::Mapping => format!(
            "[{0}.SOURCE.identify], [{0}.SOURCE.track], [{0}.SOURCE.track.EVENT] or \
             [{0}.SOURCE.entity.TYPE]",
            kind.name
        ),
    }
}

fn table_of<'t>(
    kind: &Kind,
    key: Range<usize>,
    value: &'t DeValue<'t>,
    at: Range<usize>,
) -> Found<Body<'t>> {
    match value.as_table() {
        Some(table) => Ok(Body::new(table, at)),
        None => Err(Trouble::new(key, format!("a definition is a table; write {}", example(kind)))),
    }
}

#[derive(Default)]
struct Reader {
    found: Vec<Given>,
    /// What the bodies say, which nobody asks here: reading them finds what is wrong.
    read: Definitions,
}

impl Reader {
    fn named(
        &mut self,
        kind: &'static Kind,
        table: &Body<'_>,
        levels: usize,
        path: &mut Vec<String>,
    ) -> Found<()> {
        for (name, key, value) in table.pairs() {
            let inner = table_of(kind, key, value.get_ref(), value.span())?;
            path.push(name.to_owned());
            if levels > 1 {
                self.named(kind, &inner, levels - 1, path)?;
            } else {
                self.take(kind, path, &inner)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn mappings(&mut self, kind: &'static Kind, sources: &Body<'_>) -> Found<()> {
        for (source, key, value) in sources.pairs() {
            let inner = table_of(kind, key, value.get_ref(), value.span())?;
            for (of, key, value) in inner.pairs() {
                let table = table_of(kind, key.clone(), value.get_ref(), value.span())?;
                let path = |last: Option<&str>| -> Vec<String> {
                    [source, of].into_iter().chain(last).map(str::to_owned).collect()
                };
                match of {
                    "identify" => self.take(kind, &path(None), &table)?,
                    "track" => self.track(kind, &table, &path)?,
                    "entity" => {
                        for (entity, key, value) in table.pairs() {
                            let body = table_of(kind, key, value.get_ref(), value.span())?;
                            self.take(kind, &path(Some(entity)), &body)?;
                        }
                    }
                    _ => {
                        let known = ["identify", "track", "entity"];
                        return Err(Trouble::unknown(key, "kind of records", of, &known));
                    }
                }
            }
        }
        Ok(())
    }

    /// The mapping of all events, and those of single ones, whose tables stand in its own.
    fn track(
        &mut self,
        kind: &'static Kind,
        table: &Body<'_>,
        path: &dyn Fn(Option<&str>) -> Vec<String>,
    ) -> Found<()> {
        let is_event = |key: &str, value: &DeValue<'_>| {
            value.as_table().is_some() && !MAPPING_KEYS.contains(&key)
        };
        let mut own = DeTable::new();
        for (key, value) in table.table {
            if !is_event(key.get_ref(), value.get_ref()) {
                own.insert(key.clone(), value.clone());
            }
        }
        if !own.is_empty() || table.table.is_empty() {
            self.take(kind, &path(None), &Body::new(&own, table.at()))?;
        }
        for (event, _, value) in table.pairs() {
            if let Some(body) = value.get_ref().as_table()
                && is_event(event, value.get_ref())
            {
                self.take(kind, &path(Some(event)), &Body::new(body, value.span()))?;
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: &'static Kind, path: &[String], body: &Body<'_>) -> Found<()> {
        if let Some(name) = path.iter().find(|n| n.is_empty() || n.len() > NAME_BYTES_MAX) {
            let message = format!("'{name}' is no name: names have 1 to {NAME_BYTES_MAX} bytes");
            return Err(Trouble::new(body.at(), message));
        }
        (kind.read)(path, body, &mut self.read)?;
        self.found.push(Given {
            kind: kind.name,
            name: path_text(path),
            body: body_text(body.table, |_, _| true),
        });
        Ok(())
    }
}

/// A name of a definition that is to be dropped: its kind, a dot, and its name.
///
/// # Errors
/// `Invalid` when it is no such name.
pub fn parse_full_name(text: &str) -> Result<(&'static str, String)> {
    let wrong = |hint: &str| {
        Error::invalid(format!("'{text}' names no definition; {hint}, such as trait.country"))
    };
    let path = parse_name(text).ok_or_else(|| wrong("write its kind and its name"))?;
    let (kind, rest) = path.split_first().ok_or_else(|| wrong("write its kind and its name"))?;
    let Some(kind) = kind_of(kind) else {
        let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(wrong(&format!("the kinds are {}", kinds.join(", "))));
    };
    Ok((kind.name, path_text(rest)))
}
