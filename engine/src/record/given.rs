//! A record given back: the bytes that its source sent, or for rows of typed columns their values.

use super::cell::CellText;
use super::delimited::fields_of;
use super::encoding;
use crate::base::value::ValueType;
use crate::entry::{FileShape, Reading, RowFormat};
use std::io::Write;

/// The bytes of a row as its file has them. A row of typed columns, which has no bytes in any file, is a JSON object
/// with a value for each column: text is a string, a number a number, NULL is null, a day or an instant its text in
/// ISO 8601.
pub fn given_back(shape: &FileShape, original: Vec<u8>) -> Vec<u8> {
    if shape.is_typed() {
        return typed(shape, &original).unwrap_or(original);
    }
    encoding::in_file(shape, original)
}

fn typed(shape: &FileShape, original: &[u8]) -> Option<Vec<u8>> {
    let RowFormat::Delimited { header, .. } = &shape.format else { return None };
    let fields = fields_of(&shape.format, original).ok()?;
    let mut json = b"{".to_vec();
    for (index, (name, (text, quoted))) in header.iter().zip(&fields).enumerate() {
        if index > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, name).ok()?;
        json.push(b':');
        let reading = shape.reading(name).unwrap_or(Reading::Plain);
        if text.is_empty() && !quoted {
            json.extend_from_slice(b"null");
        } else if reading == Reading::Json || is_bare(text, reading) {
            write!(json, "{text}").ok()?;
        } else {
            serde_json::to_writer(&mut json, text.as_ref()).ok()?;
        }
    }
    json.push(b'}');
    Some(json)
}

/// Whether the text of a value is JSON as it stands.
fn is_bare(text: &str, reading: Reading) -> bool {
    let number = |text: &str| serde_json::from_str::<serde_json::Number>(text).is_ok();
    match reading {
        Reading::Text | Reading::Json => false,
        Reading::Float => number(text),
        Reading::Plain => match CellText::inferred(text).value_type {
            ValueType::Boolean => matches!(text, "true" | "false"),
            value_type => value_type.is_number() && number(text),
        },
    }
}
