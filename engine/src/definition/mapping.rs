//! Mappings: what the fields of a source are, and where its rows say who and when.

use super::body::{Body, key_text};
use super::field::{RULE_KEYS, check_name, rule, unit, zone};
use super::trouble::{Found, Trouble};
use crate::base::limits::RECORD_IDENTIFIERS_MAX;
use crate::catalog::{Rule, folded};
use crate::entry::{FileShape, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;
use toml::de::DeValue;

/// The keys of a mapping. A table of any other name in `[mapping.SOURCE.track]` is one of an event.
pub const MAPPING_KEYS: [&str; 6] = ["ids", "time", "time_unit", "zone", "message_id", "fields"];

/// What becomes of a field of a source.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// It is kept in the original alone.
    Ignored,
    /// It is a field of another name, or read in another way.
    Field(String, Option<Arc<Rule>>),
}

/// How records of one kind of a source are understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// Namespace and column of each identifier of a row of a file, in place of what its load said.
    ids: Option<Vec<(String, String)>>,
    time: Option<String>,
    time_unit: Option<TimeUnit>,
    zone: Option<String>,
    /// By the folded name that the source gives.
    fields: HashMap<String, Target>,
}

impl Mapping {
    /// What a body says.
    pub fn read(body: &Body<'_>) -> Found<Mapping> {
        body.check_keys("a mapping", &MAPPING_KEYS)?;
        if body.place("message_id") != body.at() {
            return Err(Trouble::new(
                body.place("message_id"),
                "the message id cannot be mapped: what makes a record known is decided when it \
                 comes in; name it when you load",
            ));
        }
        let mut mapping = Mapping {
            ids: body.table("ids")?.map(|ids| read_ids(&ids)).transpose()?,
            time: body.text("time")?.map(str::to_owned),
            ..Mapping::default()
        };
        if let Some(text) = body.text("time_unit")? {
            mapping.time_unit = Some(unit(body, "time_unit", text)?);
        }
        if let Some(text) = body.text("zone")? {
            zone(body, text)?;
            mapping.zone = Some(text.to_owned());
        }
        if let Some(fields) = body.table("fields")? {
            for (name, at, value) in fields.pairs() {
                let target = read_target(name, value.get_ref(), &fields, at.clone())?;
                if mapping.fields.insert(folded(name), target).is_some() {
                    return Err(Trouble::new(at, format!("'{name}' comes twice; keep one")));
                }
            }
        }
        Ok(mapping)
    }

    /// This mapping, with what another says that it does not say.
    pub fn over(&self, other: &Mapping) -> Mapping {
        let mut fields = other.fields.clone();
        fields.extend(self.fields.clone());
        Mapping {
            ids: self.ids.clone().or_else(|| other.ids.clone()),
            time: self.time.clone().or_else(|| other.time.clone()),
            time_unit: self.time_unit.clone().or_else(|| other.time_unit.clone()),
            zone: self.zone.clone().or_else(|| other.zone.clone()),
            fields,
        }
    }

    /// What becomes of a field.
    pub fn target(&self, name: &str) -> Option<&Target> {
        if self.fields.is_empty() {
            return None;
        }
        self.fields.get(name).or_else(|| self.fields.get(&folded(name)))
    }

    /// How rows are read that a load said to be read in a way.
    pub fn shape(&self, shape: &FileShape) -> Option<FileShape> {
        let mut changed = shape.clone();
        if let Some(ids) = &self.ids {
            changed.ids.clone_from(ids);
        }
        if self.time.is_some() {
            changed.time.clone_from(&self.time);
        }
        if let Some(unit) = &self.time_unit {
            changed.time_unit = unit.clone();
        }
        if let Some(zone) = &self.zone {
            changed.zone.clone_from(zone);
        }
        (changed != *shape).then_some(changed)
    }
}

fn read_ids(ids: &Body<'_>) -> Found<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (namespace, at, value) in ids.pairs() {
        let columns: Vec<&str> = match value.get_ref() {
            DeValue::String(column) => vec![column.as_ref()],
            DeValue::Array(columns) => {
                columns.iter().filter_map(|c| c.get_ref().as_str()).collect()
            }
            _ => Vec::new(),
        };
        if columns.is_empty() || columns.contains(&"") {
            let message = format!("'{namespace}' must name a column: {namespace} = \"column\"");
            return Err(Trouble::new(at, message));
        }
        found.extend(columns.into_iter().map(|c| (namespace.to_owned(), c.to_owned())));
    }
    if found.is_empty() || found.len() > RECORD_IDENTIFIERS_MAX {
        let message = format!("name 1 to {RECORD_IDENTIFIERS_MAX} columns of identifiers");
        return Err(Trouble::new(ids.at(), message));
    }
    Ok(found)
}

fn read_target(
    name: &str,
    value: &DeValue<'_>,
    fields: &Body<'_>,
    at: std::ops::Range<usize>,
) -> Found<Target> {
    match value {
        DeValue::Boolean(false) => Ok(Target::Ignored),
        DeValue::String(to) => {
            check_name(to, fields)?;
            Ok(Target::Field(to.as_ref().to_owned(), None))
        }
        DeValue::Table(table) => {
            let body = Body::new(table, fields.place(name));
            let mut keys = vec!["to"];
            keys.extend(RULE_KEYS.iter().filter(|key| !key.starts_with("currency")));
            body.check_keys("a mapped field", &keys)?;
            let to = body.text("to")?.unwrap_or(name);
            check_name(to, &body)?;
            let rule = rule(&body)?;
            if rule.money.is_some() {
                let message = "a mapping renames; define the trait or property as money";
                return Err(Trouble::new(body.place("type"), message));
            }
            let told = (rule != Rule::default()).then(|| Arc::new(rule));
            Ok(Target::Field(to.to_owned(), told))
        }
        _ => Err(Trouble::new(
            at,
            format!(
                "write {} = \"name\", = false to keep it in the original alone, or = {{ to = \
                 \"name\", type = \"...\" }}",
                key_text(name)
            ),
        )),
    }
}
