//! The first look at a file: its columns, the types that it shows, and the digest of its content.

use super::request::{BrokenRow, Delimiter, Format, Input, LoadRequest};
use super::rows::{RawRows, RowItem, RowReader};
use crate::base::codec::Digest128;
use crate::base::error::{Error, Result};
use crate::base::value::ValueType;
use crate::catalog::{folded, nearest};
use crate::entry::{ConsentColumns, Dialect, FileShape, InferredType, RowFormat, RowKind, Said};
use crate::record::{
    CellText, ConsentState, Decoded, FieldValue, Kind, Messages, Quoting, Roles, RowSight,
    check_reserved, decode_file_row, joined_type, messages_of, quick_decimal, quick_integer,
    with_shared,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

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

/// Reads a whole file once and says how it will be loaded.
///
/// # Errors
/// `Invalid` when the request does not fit the file; `NotFound` and `Io` when it cannot be read.
pub fn plan_load(request: &LoadRequest, input: &Input) -> Result<LoadPlan> {
    let name = input.name();
    let of_person = !matches!(request.kind, RowKind::Message | RowKind::Entity { .. });
    if request.ids.is_empty() && of_person {
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
    check_kind(request, format)?;
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
        kind: request.kind.clone(),
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
        Some(roles) => infer_columns(&mut plan, &roles, &mut reader, &name)?,
        None => infer(&mut plan, &mut reader, &name)?,
    }
    plan.content = reader.content();
    Ok(plan)
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

/// What rows are must fit the rest of the request.
fn check_kind(request: &LoadRequest, format: Format) -> Result<()> {
    let named = !request.ids.is_empty() || request.time.is_some() || !request.message_id.is_empty();
    let wrong = match &request.kind {
        RowKind::Message if format != Format::Ndjson => {
            "messages are JSON, one a line: format ndjson"
        }
        RowKind::Message if named => {
            "messages say themselves who, when and under which id: leave out --id, --time and \
             --message-id"
        }
        RowKind::Entity { .. } if !request.ids.is_empty() => {
            "an entity is no person and has no identifiers: leave out --id, and name the column of \
             its id with --id-column"
        }
        RowKind::Track(Said::Fixed(name)) => {
            return check_reserved("event", name).map_err(|e| Error::invalid(e.reason));
        }
        RowKind::Entity { entity: name, .. }
        | RowKind::Membership { group: Said::Fixed(name), .. } => {
            return check_reserved("entity type", name).map_err(|e| Error::invalid(e.reason));
        }
        RowKind::Consent(columns) => return check_consent(columns),
        _ => return Ok(()),
    };
    Err(Error::invalid(wrong))
}

/// A state that all rows share must be one.
fn check_consent(columns: &ConsentColumns) -> Result<()> {
    match &columns.state {
        Said::Fixed(state) if ConsentState::of(state).is_none() => Err(Error::invalid(format!(
            "'{state}' is no state of a consent; use granted, denied or withdrawn"
        ))),
        _ => Ok(()),
    }
}

/// Every column that the request names must be there.
fn check_columns(request: &LoadRequest, header: &[String], name: &str) -> Result<()> {
    let mut of_kind = Vec::new();
    request.kind.each_column(&mut |column| of_kind.push(column));
    let wanted = request.ids.iter().map(|(_, column)| column);
    let wanted = wanted.chain(&request.time).chain(&request.message_id).map(String::as_str);
    for column in wanted.chain(of_kind) {
        if !header.iter().any(|known| known == column) {
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
fn infer(plan: &mut LoadPlan, reader: &mut RowReader, name: &str) -> Result<()> {
    let mut types = Types::new();
    while let Some(item) = reader.next_row()? {
        match item {
            RowItem::TooLong { line, reason } => plan.note_broken(name, line, None, reason),
            RowItem::Row { line, original } => {
                let records = plan.records_of(original);
                for record in records {
                    match decode_file_row(&plan.shape, &record.original()) {
                        Err(e) => {
                            let column = e.column.map(|column| column + record.at as u64);
                            plan.note_broken(name, line, column, e.reason);
                        }
                        Ok(record) => note_types(&mut types, record),
                    }
                }
            }
        }
    }
    plan.types = types.into_values().collect();
    Ok(())
}

/// A record of a line.
pub struct LineRecord {
    /// Where it begins in the line.
    at: usize,
    /// Its bytes, as they were sent.
    pub bytes: Vec<u8>,
    /// What its batch shares.
    shared: Rc<[u8]>,
}

impl LineRecord {
    /// The bytes of its row.
    pub fn original(&self) -> Cow<'_, [u8]> {
        with_shared(Cow::Borrowed(&self.bytes), &self.shared)
    }
}

impl LoadPlan {
    /// The records of a line: many for a batch of messages, else one. They are cut out one by one.
    pub fn records_of(&self, line: Vec<u8>) -> impl Iterator<Item = LineRecord> + use<> {
        let Messages { places, shared } = match &self.shape.kind {
            RowKind::Message => messages_of(&line),
            _ => Messages { places: vec![0..line.len()], shared: Vec::new() },
        };
        let (shared, mut line) = (Rc::from(shared), line);
        places.into_iter().map(move |place| {
            let at = place.start;
            let whole = place == (0..line.len());
            let bytes = if whole {
                std::mem::take(&mut line)
            } else {
                line.get(place).unwrap_or_default().to_vec()
            };
            LineRecord { at, bytes, shared: Rc::clone(&shared) }
        })
    }

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
    name: &str,
) -> Result<()> {
    let mut types: Vec<Option<ValueType>> = vec![None; roles.values.len()];
    let mut rows = RawRows::default();
    let mut sight = RowSight::default();
    loop {
        reader.next_rows(&mut rows)?;
        if rows.is_empty() {
            break;
        }
        for (line, reason) in &rows.too_long {
            plan.note_broken(name, *line, None, reason.clone());
        }
        for (line, original) in rows.iter() {
            if !sight.plain(&plan.shape, roles, original) {
                match decode_file_row(&plan.shape, original) {
                    Err(e) => plan.note_broken(name, line, e.column, e.reason),
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
        let (event, name, value_type) = (event.clone(), name.clone(), value_type?);
        Some(InferredType { event, entity: None, name, value_type })
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

/// Types by event type or entity type, and name, all without case.
type Types = BTreeMap<((Option<String>, Option<String>), String), InferredType>;

fn note_types(types: &mut Types, record: Decoded) {
    let (event, entity) = match record.kind {
        Kind::Identify => (None, None),
        Kind::Track(event) => (Some(event), None),
        Kind::Entity { entity, .. } => (None, Some(entity)),
    };
    for children in record.children {
        let table = event.as_deref().map(|event| children.table(event));
        for fields in children.rows {
            note_fields(types, (table.as_ref(), None), fields);
        }
    }
    note_fields(types, (event.as_ref(), entity.as_ref()), record.fields);
}

fn note_fields(
    types: &mut Types,
    (event, entity): (Option<&String>, Option<&String>),
    fields: Vec<(String, FieldValue)>,
) {
    let scope = (event.map(|event| folded(event)), entity.map(|entity| folded(entity)));
    for (name, value) in fields {
        let FieldValue::Cell(cell) = value else { continue };
        let key = (scope.clone(), folded(&name));
        types
            .entry(key)
            .and_modify(|known| known.value_type = joined_type(known.value_type, cell.value_type))
            .or_insert_with(|| InferredType {
                event: event.cloned(),
                entity: entity.cloned(),
                name,
                value_type: cell.value_type,
            });
    }
}
