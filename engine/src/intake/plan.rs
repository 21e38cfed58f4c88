//! The first look at a file: its columns, the types that it shows, and the digest of its content.

use super::request::{BrokenRow, Delimiter, Format, Input, LoadRequest, RecordKind};
use super::rows::{RawRows, RowItem, RowReader};
use super::watch::{Phase, Watch};
use crate::base::codec::Digest128;
use crate::base::error::{Error, Result};
use crate::base::limits::LOAD_FRAME_ROWS;
use crate::base::value::ValueType;
use crate::catalog::{folded, nearest};
use crate::entry::{Dialect, FileShape, InferredType, RowFormat, RowKind, Said};
use crate::record::{
    CellText, Decoded, FieldValue, Kind, Quoting, Roles, RowSight, decode_file_row, joined_type,
    quick_decimal, quick_integer,
};
use std::collections::BTreeMap;

/// How a file is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadPlan {
    /// How its rows are read.
    pub shape: FileShape,
    /// How its rows are split.
    pub quoting: Quoting,
    /// Whether the first row is a header.
    pub header: bool,
    /// The digest of its decompressed content.
    pub content: Digest128,
    /// The types that it showed.
    pub types: Vec<InferredType>,
    /// The first hundred rows that could not be understood.
    pub broken: Vec<BrokenRow>,
    /// How many could not.
    pub broken_count: u64,
}

const BROKEN_SHOWN: usize = 100;

fn format_of(request: &LoadRequest, name: &str) -> Result<(Format, Delimiter)> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let ending = plain.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    let format = match (request.format, ending.as_str()) {
        (Some(format), _) => format,
        (None, "csv") => Format::Csv,
        (None, "tsv" | "tab") => Format::Tsv,
        (None, "ndjson" | "jsonl" | "json") => Format::Ndjson,
        (None, _) if request.delimiter.is_some() => Format::Csv,
        (None, "txt") => return Ok((Format::Csv, Delimiter::Whitespace)),
        (None, _) => {
            return Err(Error::invalid(format!(
                "the name {name} does not tell the format; give --format csv, tsv or ndjson"
            )));
        }
    };
    let usual = if format == Format::Tsv { b'\t' } else { b',' };
    Ok((format, request.delimiter.unwrap_or(Delimiter::Byte(usual))))
}

/// Reads a whole file once and says how it will be loaded; nothing when it was told to stop.
///
/// # Errors
/// `Invalid` when the request does not fit the file; `NotFound` and `Io` when it cannot be read.
pub fn plan_load(
    request: &LoadRequest,
    input: &Input,
    watch: &mut Watch<'_>,
) -> Result<Option<LoadPlan>> {
    let name = input.name();
    watch.begin(Phase::Plan, name.clone());
    if request.ids.is_empty() {
        return Err(Error::invalid(
            "a load needs an identifier: --id NAMESPACE=COLUMN, such as --id email=mail",
        ));
    }
    if request.zone != "UTC" && jiff::tz::TimeZone::get(&request.zone).is_err() {
        let zone = &request.zone;
        return Err(Error::invalid(format!(
            "'{zone}' is no time zone; use an IANA name such as Europe/Paris"
        )));
    }
    let (format, delimiter) = format_of(request, &name)?;
    let quoting = match (format, delimiter) {
        (Format::Ndjson, _) | (_, Delimiter::Whitespace) => Quoting::None,
        (_, Delimiter::Byte(byte)) => Quoting::Dialect(Dialect::standard(byte)),
    };
    let mut reader = RowReader::open(input, quoting)?;
    let header = format != Format::Ndjson;
    let row_format = if header {
        let names = read_header(&mut reader, delimiter, &name)?;
        check_columns(request, &names, &name)?;
        match delimiter {
            Delimiter::Byte(delimiter) => {
                RowFormat::Delimited { dialect: Dialect::standard(delimiter), header: names }
            }
            Delimiter::Whitespace => RowFormat::Whitespace { header: names },
        }
    } else {
        RowFormat::Json
    };
    let shape = FileShape {
        format: row_format,
        kind: match &request.kind {
            RecordKind::Identify => RowKind::Identify,
            RecordKind::Track(event) => RowKind::Track(event.clone()),
        },
        ids: request.ids.clone(),
        time: request.time.clone(),
        time_unit: request.time_unit.clone(),
        zone: request.zone.clone(),
        message_id: request.message_id.clone(),
        encoding: "utf-8".to_owned(),
        readings: Vec::new(),
    };
    let mut plan = LoadPlan {
        shape,
        quoting,
        header,
        content: Digest128::default(),
        types: Vec::new(),
        broken: Vec::new(),
        broken_count: 0,
    };
    match Roles::of(&plan.shape) {
        Some(roles) => infer_columns(&mut plan, &roles, &mut reader, watch)?,
        None => infer(&mut plan, &mut reader, watch)?,
    }
    plan.content = reader.content();
    Ok((!watch.stopped()).then_some(plan))
}

fn read_header(reader: &mut RowReader, delimiter: Delimiter, name: &str) -> Result<Vec<String>> {
    let original = match reader.next_row()? {
        Some(RowItem::Row { original, .. }) => original,
        Some(RowItem::TooLong { reason, .. }) => {
            return Err(Error::invalid(format!("{name}:1: {reason}")));
        }
        None => {
            return Err(Error::invalid(format!(
                "{name} is empty; its first row should name the columns"
            )));
        }
    };
    let text = std::str::from_utf8(&original).map_err(|_| {
        Error::invalid(format!("{name}:1: the header is not UTF-8; convert the file to UTF-8"))
    })?;
    let names: Vec<String> = match delimiter {
        Delimiter::Whitespace => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Delimiter::Byte(byte) => crate::record::header_names(text, Dialect::standard(byte))
            .map_err(|e| Error::invalid(format!("{name}:1: {}", e.reason)))?,
    };
    for (index, column) in names.iter().enumerate() {
        if column.is_empty() {
            return Err(Error::invalid(format!("{name}:1:{}: the column has no name", index + 1)));
        }
        if names.iter().take(index).any(|before| folded(before) == folded(column)) {
            return Err(Error::invalid(format!(
                "{name}:1:{}: the name '{column}' comes twice",
                index + 1
            )));
        }
    }
    Ok(names)
}

/// Every column that the request names must be there.
fn check_columns(request: &LoadRequest, header: &[String], name: &str) -> Result<()> {
    let event = match &request.kind {
        RecordKind::Track(Said::Column(column)) => Some(column),
        _ => None,
    };
    let wanted = request.ids.iter().map(|(_, column)| column);
    for column in wanted.chain(&request.time).chain(&request.message_id).chain(event) {
        if !header.contains(column) {
            let hint = match nearest(column, header.iter().map(String::as_str)) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("the columns are {}", header.join(", ")),
            };
            return Err(Error::invalid(format!("{name} has no column '{column}'; {hint}")));
        }
    }
    Ok(())
}

/// Reads all rows for the types that they show.
fn infer(plan: &mut LoadPlan, reader: &mut RowReader, watch: &mut Watch<'_>) -> Result<()> {
    let mut types = Types::new();
    let mut rows = 0;
    while let Some(item) = reader.next_row()? {
        rows += 1;
        if rows % LOAD_FRAME_ROWS as u64 == 0 && !watch.goes_on(reader.bytes(), rows) {
            return Ok(());
        }
        let (line, column, reason) = match item {
            RowItem::TooLong { line, reason } => (line, None, reason),
            RowItem::Row { line, original } => match decode_file_row(&plan.shape, &original) {
                Err(e) => (line, e.column, e.reason),
                Ok(record) => {
                    note_types(&mut types, record);
                    continue;
                }
            },
        };
        plan.note_broken(reader.name(), line, column, reason);
    }
    watch.goes_on(reader.bytes(), rows);
    plan.types = types.into_values().collect();
    Ok(())
}

impl LoadPlan {
    fn note_broken(&mut self, name: &str, line: u64, column: Option<u64>, reason: String) {
        self.broken_count += 1;
        if self.broken.len() < BROKEN_SHOWN {
            self.broken.push(BrokenRow { file: name.to_owned(), line, column, reason });
        }
    }
}

/// Reads all rows of a file of one kind for the types that its columns show.
fn infer_columns(
    plan: &mut LoadPlan,
    roles: &Roles,
    reader: &mut RowReader,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let mut types: Vec<Option<ValueType>> = vec![None; roles.values.len()];
    let mut rows = RawRows::default();
    let mut read = 0;
    let mut sight = RowSight::default();
    loop {
        reader.next_rows(&mut rows, u64::MAX)?;
        read += rows.count().0 + rows.too_long.len() as u64;
        let goes_on = watch.goes_on(reader.bytes(), read);
        if rows.is_empty() {
            break;
        }
        if !goes_on {
            return Ok(());
        }
        for (line, reason) in &rows.too_long {
            plan.note_broken(reader.name(), *line, None, reason.clone());
        }
        for (line, original) in rows.iter() {
            if !sight.plain(&plan.shape, roles, original) {
                match decode_file_row(&plan.shape, original) {
                    Err(e) => plan.note_broken(reader.name(), line, e.column, e.reason),
                    Ok(record) => note_slowly(&mut types, roles, record),
                }
                continue;
            }
            for ((column, _), known) in roles.values.iter().zip(&mut types) {
                if let Some(text) = sight.said(original, *column) {
                    *known = Some(widened_by(*known, text));
                }
            }
        }
    }
    let event = plan.shape.fixed_event().map(str::to_owned);
    let shown = roles.values.iter().zip(types).filter_map(|((_, name), value_type)| {
        Some(InferredType { event: event.clone(), name: name.clone(), value_type: value_type? })
    });
    let mut shown: Vec<InferredType> = shown.collect();
    shown.sort_by_key(|inferred| folded(&inferred.name));
    plan.types = shown;
    Ok(())
}

/// The type of a column that has shown one and shows a text.
fn widened_by(known: Option<ValueType>, text: &str) -> ValueType {
    match known {
        Some(ValueType::Text) => ValueType::Text,
        Some(ValueType::Integer) if quick_integer(text).is_some() => ValueType::Integer,
        Some(ValueType::Decimal) if quick_decimal(text).is_some() => ValueType::Decimal,
        Some(known) => joined_type(known, CellText::inferred(text).value_type),
        None => CellText::inferred(text).value_type,
    }
}

fn note_slowly(types: &mut [Option<ValueType>], roles: &Roles, record: Decoded) {
    for (name, value) in record.fields {
        let FieldValue::Cell(cell) = value else { continue };
        let column = roles.values.iter().position(|(_, known)| *known == name);
        if let Some(known) = column.and_then(|column| types.get_mut(column)) {
            *known = Some(known.map_or(cell.value_type, |k| joined_type(k, cell.value_type)));
        }
    }
}

/// Types by event and name, both without case.
type Types = BTreeMap<(Option<String>, String), InferredType>;

fn note_types(types: &mut Types, record: Decoded) {
    let event = match record.kind {
        Kind::Identify => None,
        Kind::Track(event) => Some(event),
        // No file has rows of this kind; a message says its types by itself.
        Kind::Entity { .. } => return,
    };
    for children in record.children {
        let table = event.as_deref().map(|event| children.table(event));
        children.rows.into_iter().for_each(|fields| note_fields(types, table.as_ref(), fields));
    }
    note_fields(types, event.as_ref(), record.fields);
}

fn note_fields(types: &mut Types, event: Option<&String>, fields: Vec<(String, FieldValue)>) {
    for (name, value) in fields {
        let FieldValue::Cell(cell) = value else { continue };
        let key = (event.map(|event| folded(event)), folded(&name));
        types
            .entry(key)
            .and_modify(|known| known.value_type = joined_type(known.value_type, cell.value_type))
            .or_insert_with(|| InferredType {
                event: event.cloned(),
                name,
                value_type: cell.value_type,
            });
    }
}
