//! JSON objects as fields, and rows of NDJSON files.

use super::delimited::parse_time;
use super::kinds::{Told, told};
use super::{
    CellText, Children, Decoded, FieldValue, ReadRow, RowError, Wanted, add_identifier,
    message_id_of,
};
use crate::base::limits::NESTING_MAX;
use crate::entry::{FileShape, RowKind};
use serde_json::{Map, Value as Json};

pub(super) fn object_of(original: &[u8]) -> Result<Map<String, Json>, RowError> {
    let value: Json = serde_json::from_slice(original).map_err(|e| {
        // The library counts lines inside the record; the reader knows the line in the file.
        let text = e.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        RowError {
            column: Some(e.column() as u64),
            reason: format!("this is no JSON object: {reason}"),
        }
    })?;
    match value {
        Json::Object(object) => Ok(object),
        _ => Err(RowError::new("this is no JSON object; write {\"name\": value, ...}")),
    }
}

/// The text of a scalar; nothing for null, lists and objects.
pub(super) fn scalar_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The field of a child row that says where in the array its object stands, from 0.
const INDEX: &str = "index";

/// What an object says.
#[derive(Default)]
pub(super) struct Flat {
    pub fields: Vec<(String, FieldValue)>,
    /// The arrays of objects, where these are rows of child tables.
    pub children: Option<Vec<Children>>,
}

impl Flat {
    /// What an object says: of an event, where arrays of objects are child tables, or of something else.
    pub fn of(object: &Map<String, Json>, event: bool) -> Result<Flat, RowError> {
        let mut flat = Flat { fields: Vec::new(), children: event.then(Vec::new) };
        flat.add("", object, 0)?;
        Ok(flat)
    }

    /// Adds the fields of an object, nested ones under names with dots.
    fn add(
        &mut self,
        prefix: &str,
        object: &Map<String, Json>,
        depth: usize,
    ) -> Result<(), RowError> {
        if depth > NESTING_MAX {
            return Err(RowError::new(format!(
                "objects are nested deeper than {NESTING_MAX}; flatten them"
            )));
        }
        for (name, value) in object {
            let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let field = match value {
                Json::Null => FieldValue::Null,
                Json::Bool(value) => FieldValue::Cell(CellText::boolean(*value)),
                Json::Number(number) => FieldValue::Cell(CellText::number(&number.to_string())),
                Json::String(text) => FieldValue::Cell(CellText::string(text)),
                Json::Array(items) => match self.array(&name, value, items, depth)? {
                    Some(field) => field,
                    None => continue,
                },
                Json::Object(inner) => {
                    self.add(&name, inner, depth + 1)?;
                    continue;
                }
            };
            self.fields.push((name, field));
        }
        Ok(())
    }

    /// An array as a field: a set, or a list that is kept in the original alone; nothing when it is a child table.
    fn array(
        &mut self,
        name: &str,
        value: &Json,
        items: &[Json],
        depth: usize,
    ) -> Result<Option<FieldValue>, RowError> {
        if items.iter().all(|item| !item.is_array() && !item.is_object()) {
            return Ok(Some(FieldValue::Cell(CellText::set(value))));
        }
        let Some(children) = &mut self.children else { return Ok(Some(FieldValue::List)) };
        if !items.iter().all(|item| item.is_object() || item.is_null()) {
            return Ok(Some(FieldValue::List));
        }
        let mut rows = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Json::Object(object) = item else { continue };
            // An array of objects in one of these objects is no child table of its own.
            let mut row = Flat::default();
            row.add("", object, depth + 1)?;
            for (name, _) in &mut row.fields {
                if name.to_lowercase() == INDEX {
                    *name = format!("properties.{name}");
                }
            }
            let index = FieldValue::Cell(CellText::number(&index.to_string()));
            row.fields.push((INDEX.to_owned(), index));
            rows.push(row.fields);
        }
        children.push(Children { property: name.to_owned(), rows });
        Ok(None)
    }
}

pub(super) fn text_field(
    object: &Map<String, Json>,
    name: &str,
) -> Result<Option<String>, RowError> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(Json::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(RowError::new(format!("\"{name}\" must be text"))),
    }
}

/// Fields with their names.
type Named = Vec<(String, FieldValue)>;

/// What the JSON in a cell of a column says: fields under the name of the column, and child tables of an event.
pub(super) fn cell(
    name: &str,
    text: &str,
    event: bool,
) -> Result<(Named, Vec<Children>), RowError> {
    let value: Json = serde_json::from_str(text)
        .map_err(|e| RowError::new(format!("column {name} holds no JSON: {e}")))?;
    let mut object = Map::new();
    object.insert(name.to_owned(), value);
    let flat = Flat::of(&object, event)?;
    Ok((flat.fields, flat.children.unwrap_or_default()))
}

/// The rows of a child table that a list of objects of a property makes.
pub fn objects(property: &str, text: &str) -> Option<Children> {
    let mut object = Map::new();
    object.insert(property.to_owned(), serde_json::from_str(text).ok()?);
    Flat::of(&object, true).ok()?.children?.pop()
}

/// The texts of a list of scalars in JSON, or of one scalar: identifiers.
pub(super) fn scalars(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(Json::Array(values)) => values.iter().filter_map(scalar_text).collect(),
        Ok(value) => scalar_text(&value).into_iter().collect(),
        Err(_) => Vec::new(),
    }
}

/// The set that a list of scalars in JSON is; nothing for what is none.
pub(super) fn flat_list(text: &str) -> Option<CellText> {
    // Anything nested is for the slow reader.
    let inner = text.strip_prefix('[')?;
    if inner.contains(['[', '{']) {
        return None;
    }
    let value: Json = serde_json::from_str(text).ok()?;
    value.is_array().then(|| CellText::set(&value))
}

/// Reads a row of an NDJSON file as its load says; columns are names with dots.
pub(super) fn read_row(
    shape: &FileShape,
    original: &[u8],
    wanted: Wanted,
) -> Result<ReadRow, RowError> {
    let object = object_of(original)?;
    let flat = Flat::of(&object, matches!(shape.kind, RowKind::Track(_)))?;
    let column = |name: &str| -> Option<String> {
        flat.fields.iter().find(|(n, _)| n == name).and_then(|(_, value)| match value {
            FieldValue::Cell(cell) => Some(cell.text.clone()),
            _ => None,
        })
    };
    let mut identifiers = Vec::new();
    for (namespace, name) in &shape.ids {
        if let Some(Json::Array(values)) = object.get(name) {
            for value in values.iter().filter_map(scalar_text) {
                add_identifier(&mut identifiers, namespace, &value);
            }
        } else if let Some(value) = column(name) {
            add_identifier(&mut identifiers, namespace, &value);
        }
    }
    let (mut time, mut trouble) = (None, None);
    if let Some(name) = &shape.time
        && let Some(text) = column(name).filter(|t| !t.is_empty())
    {
        time = parse_time(shape, &text);
        trouble = time
            .is_none()
            .then(|| RowError::new(format!("'{text}' in \"{name}\" is no time in the given unit")));
    }
    let listed = |name: &str| object.get(name).is_some_and(Json::is_array);
    // A list is no one identifier, and no score.
    let evidence = matches!(shape.kind, RowKind::Evidence(_));
    let said = |name: &str| if evidence && listed(name) { None } else { column(name) };
    let Told { kind, identifiers: spoken_of, beside } = told(&shape.kind, said, |_| None)?;
    identifiers.extend(spoken_of);
    let ids: Vec<Option<String>> = shape.message_id.iter().map(|name| column(name)).collect();
    let message_id = message_id_of(&ids);
    let fields = flat.fields.into_iter().filter(|(name, _)| wanted.takes(shape, name)).collect();
    let children = flat.children.unwrap_or_default().into_iter();
    let children = children.filter(|children| wanted.takes(shape, &children.property)).collect();
    let record = Decoded { kind, identifiers, time, message_id, fields, children, beside };
    Ok(ReadRow { record, trouble })
}
