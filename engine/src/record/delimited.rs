//! Rows with fields parted by a delimiter (RFC 4180, or another dialect) or by blanks.
//!
//! A field that begins with a quote ends at the next quote that is not doubled or, where the dialect has an escape, not
//! escaped; a quote elsewhere is a character like any other. Our own reader, because libraries do not tell an empty
//! quoted field (empty text) from an empty unquoted one (nothing was said), and do not give back the bytes of a row.

use super::kinds::{Told, told};
use super::{
    CellText, Decoded, FieldValue, ReadRow, RowError, Wanted, add_identifier, json, message_id_of,
    time_of,
};
use crate::entry::{Dialect, FileShape, Reading, RowFormat, RowKind};
use std::borrow::Cow;
use std::io::BufRead;

/// Whether fields may be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// As the dialect says.
    Dialect(Dialect),
    /// Never.
    None,
}

/// Where a line ends. The standard library looks many bytes at once where it reads up to one.
fn end_of_line(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let used = rest.skip_until(b'\n').ok()?;
    used.checked_sub(1).filter(|end| bytes.get(*end) == Some(&b'\n'))
}

/// Where the first record of `bytes` ends: its length without and with the end of its line. Nothing when the end is
/// not in `bytes`; at the end of the input (`last`), what is left is the record.
pub fn split_record(bytes: &[u8], quoting: Quoting, last: bool) -> Option<(usize, usize)> {
    // Most lines have no quote: the first end of a line is then the end of the record.
    let quote = match quoting {
        Quoting::Dialect(dialect) => dialect.quote,
        Quoting::None => None,
    };
    if let Some(end) = end_of_line(bytes) {
        let content = bytes.get(..end).unwrap_or_default();
        if quote.is_none_or(|quote| !content.contains(&quote)) {
            return Some((content.strip_suffix(b"\r").unwrap_or(content).len(), end + 1));
        }
    }
    let mut quoted = false;
    let mut field_start = true;
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        match quoting {
            Quoting::Dialect(dialect) if quoted => {
                if dialect.escape == Some(*byte) && dialect.escape != quote {
                    index += 1;
                } else if quote == Some(*byte) {
                    let doubled = dialect.escape.is_none_or(|escape| quote == Some(escape));
                    if doubled && bytes.get(index + 1) == Some(byte) {
                        index += 1;
                    } else if doubled && index + 1 == bytes.len() && !last {
                        return None;
                    } else {
                        quoted = false;
                    }
                }
            }
            _ if *byte == b'\n' => {
                let content = bytes.get(..index).unwrap_or_default();
                let length = content.strip_suffix(b"\r").unwrap_or(content).len();
                return Some((length, index + 1));
            }
            Quoting::Dialect(dialect) => {
                quoted = field_start && quote == Some(*byte);
                field_start = *byte == dialect.delimiter;
            }
            Quoting::None => {}
        }
        index += 1;
    }
    let content = bytes.strip_suffix(b"\r").filter(|_| !quoted).unwrap_or(bytes);
    (last && !bytes.is_empty()).then_some((content.len(), bytes.len()))
}

/// A field: its text, and whether it was quoted.
type Field<'a> = (Cow<'a, str>, bool);

/// The fields of a record.
fn fields(record: &str, dialect: Dialect) -> Result<Vec<Field<'_>>, RowError> {
    let Dialect { delimiter, quote, .. } = dialect;
    let mut found = Vec::new();
    let mut rest = record;
    loop {
        let quoted = quote.and_then(|quote| rest.strip_prefix(char::from(quote)));
        let (field, after) = if let Some(inner) = quoted {
            quoted_field(inner, dialect, found.len())?
        } else {
            let end = rest.bytes().position(|b| b == delimiter).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            ((Cow::Borrowed(field), false), after)
        };
        found.push(field);
        match after.as_bytes().first() {
            None => return Ok(found),
            Some(byte) if *byte == delimiter => rest = after.get(1..).unwrap_or_default(),
            Some(_) => {
                return Err(RowError::in_column(
                    found.len() - 1,
                    "text follows a closing quote; double the quotes inside",
                ));
            }
        }
    }
}

/// The field after an opening quote, and what follows its closing quote.
fn quoted_field(
    inner: &str,
    dialect: Dialect,
    column: usize,
) -> Result<(Field<'_>, &str), RowError> {
    let bytes = inner.as_bytes();
    let escape = dialect.escape.filter(|escape| dialect.quote != Some(*escape));
    // What stands before a quote that does not end the field.
    let before_quote = escape.or(dialect.quote);
    let mut plain = Vec::new();
    let mut start = 0;
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let next = bytes.get(index + 1).copied();
        let escaped = match escape {
            Some(escape) => *byte == escape && next.is_some(),
            None => dialect.quote == Some(*byte) && next == before_quote,
        };
        if escaped {
            plain.extend_from_slice(bytes.get(start..index).unwrap_or_default());
            start = index + 1;
            index += 2;
        } else if dialect.quote == Some(*byte) {
            let after = inner.get(index + 1..).unwrap_or_default();
            let last = bytes.get(start..index).unwrap_or_default();
            if plain.is_empty() && start == 0 {
                return Ok(((Cow::Borrowed(inner.get(..index).unwrap_or_default()), true), after));
            }
            plain.extend_from_slice(last);
            // Only whole ASCII characters were left out.
            let text = String::from_utf8(plain)
                .map_err(|_| RowError::in_column(column, "an escape stands inside a character"))?;
            return Ok(((Cow::Owned(text), true), after));
        } else {
            index += 1;
        }
    }
    Err(RowError::in_column(column, "a quote is never closed"))
}

fn text_of(original: &[u8]) -> Result<&str, RowError> {
    std::str::from_utf8(original).map_err(|e| {
        RowError::new(format!(
            "byte {} is not UTF-8; convert the file to UTF-8",
            e.valid_up_to() + 1
        ))
    })
}

/// The names in a header row.
///
/// # Errors
/// When a quote is not closed.
pub fn header_names(text: &str, dialect: Dialect) -> Result<Vec<String>, RowError> {
    Ok(fields(text, dialect)?.into_iter().map(|(name, _)| name.trim().to_owned()).collect())
}

/// What a row says in a column; nothing when the field is empty and not quoted, or the row cannot be read.
pub fn cell_of(format: &RowFormat, original: &[u8], column: usize) -> Option<String> {
    let (text, quoted) = fields_of(format, original).ok()?.into_iter().nth(column)?;
    (quoted || !text.is_empty()).then(|| text.into_owned())
}

/// The fields of a row, as many as the header has.
pub(super) fn fields_of<'a>(
    format: &RowFormat,
    original: &'a [u8],
) -> Result<Vec<Field<'a>>, RowError> {
    let text = text_of(original)?;
    let (fields, header) = match format {
        RowFormat::Delimited { dialect, header } => (fields(text, *dialect)?, header),
        RowFormat::Whitespace { header } => {
            (text.split_ascii_whitespace().map(|f| (Cow::Borrowed(f), false)).collect(), header)
        }
        RowFormat::Json => return Err(RowError::new("a JSON row has no delimited fields")),
    };
    if fields.len() != header.len() {
        let reason =
            format!("the row has {} fields, but the header names {}", fields.len(), header.len());
        return Err(RowError::in_column(fields.len().min(header.len()), reason));
    }
    Ok(fields)
}

/// Reads a row as its load says.
pub(super) fn read_row(
    shape: &FileShape,
    original: &[u8],
    wanted: Wanted,
) -> Result<ReadRow, RowError> {
    let header = match &shape.format {
        RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header } => header,
        RowFormat::Json => return Err(RowError::new("a JSON row has no delimited fields")),
    };
    let fields = fields_of(&shape.format, original)?;
    let at = |name: &str| header.iter().position(|h| h == name);
    let said = |index: usize| {
        fields
            .get(index)
            .filter(|(text, quoted)| *quoted || !text.is_empty())
            .map(|(text, _)| text.as_ref())
    };
    let column = |name: &str| at(name).and_then(said);

    let mut identifiers = Vec::new();
    for (namespace, name) in &shape.ids {
        let Some(value) = column(name) else { continue };
        if shape.reading(name) == Some(Reading::Json) {
            for value in json::scalars(value) {
                add_identifier(&mut identifiers, namespace, &value);
            }
        } else {
            add_identifier(&mut identifiers, namespace, value);
        }
    }
    let (mut time, mut trouble) = (None, None);
    if let Some((name, index)) = shape.time.as_deref().and_then(|name| Some((name, at(name)?)))
        && let Some(text) = said(index)
    {
        time = parse_time(shape, text);
        trouble = time.is_none().then(|| {
            let reason = format!("'{text}' in column {name} is no time in the given unit");
            RowError::in_column(index, reason)
        });
    }
    let place = |name: &str| at(name).map(|index| index as u64 + 1);
    // A list is no one identifier, and no score.
    let evidence = matches!(shape.kind, RowKind::Evidence(_));
    let listed = |name: &str| evidence && shape.reading(name) == Some(Reading::Json);
    let said_in = |name: &str| column(name).filter(|_| !listed(name)).map(str::to_owned);
    let Told { kind, identifiers: spoken_of, beside } = told(&shape.kind, said_in, place)?;
    identifiers.extend(spoken_of);
    let ids: Vec<Option<String>> =
        shape.message_id.iter().map(|name| column(name).map(str::to_owned)).collect();
    let message_id = message_id_of(&ids);
    let mut record = Decoded {
        kind,
        identifiers,
        time,
        message_id,
        fields: Vec::with_capacity(header.len()),
        children: Vec::new(),
        beside,
    };
    add_fields(&mut record, shape, (header, &fields), wanted)?;
    Ok(ReadRow { record, trouble })
}

/// Adds the fields of a row to its record.
fn add_fields(
    record: &mut Decoded,
    shape: &FileShape,
    (header, fields): (&[String], &[Field<'_>]),
    wanted: Wanted,
) -> Result<(), RowError> {
    let shown = wanted == Wanted::AnyMapping;
    // A header in the midst of files that were put together shows no types.
    if shown && fields.iter().zip(header).all(|((text, _), name)| text == name) {
        return Ok(());
    }
    for (index, (name, (text, quoted))) in header.iter().zip(fields).enumerate() {
        if !wanted.takes(shape, name) || (text.is_empty() && !quoted) {
            continue;
        }
        match shape.reading(name) {
            Some(Reading::Json) => {
                let event = matches!(shape.kind, RowKind::Track(_));
                match json::cell(name, text, event) {
                    Ok((fields, tables)) => {
                        record.fields.extend(fields);
                        record.children.extend(tables);
                    }
                    // What names a person or a time need be no JSON.
                    Err(_) if shown && used_up(shape, name) => {}
                    Err(e) => return Err(RowError { column: Some(index as u64 + 1), ..e }),
                }
            }
            reading => {
                let cell = FieldValue::Cell(CellText::read(text, reading));
                record.fields.push((name.clone(), cell));
            }
        }
    }
    Ok(())
}

/// Whether a column has another role than being a trait or property.
pub(super) fn used_up(shape: &FileShape, name: &str) -> bool {
    used_always(shape, name)
        || shape.time.as_deref() == Some(name)
        || shape.ids.iter().any(|(_, column)| column == name)
}

/// Whether a field, or a child table, is of a column with another role: JSON in a column gives several.
pub fn is_of_role(shape: &FileShape, field: &str) -> bool {
    let inside = |column: &str| {
        field.strip_prefix(column).is_some_and(|rest| rest.starts_with('.'))
            && shape.reading(column) == Some(Reading::Json)
    };
    let column = match &shape.format {
        RowFormat::Delimited { header, .. } if !header.iter().any(|name| name == field) => {
            header.iter().find(|name| inside(name)).map(String::as_str)
        }
        _ => None,
    };
    used_up(shape, column.unwrap_or(field))
}

/// Whether a column has a role that no mapping takes from it.
pub(super) fn used_always(shape: &FileShape, name: &str) -> bool {
    shape.kind.names(name) || shape.message_id.iter().any(|column| column == name)
}

/// A time in the unit and zone of a load.
pub(super) fn parse_time(shape: &FileShape, text: &str) -> Option<crate::base::time::Timestamp> {
    let zone = if shape.zone == "UTC" {
        jiff::tz::TimeZone::UTC
    } else {
        jiff::tz::TimeZone::get(&shape.zone).ok()?
    };
    time_of(text, &shape.time_unit, &zone)
}
