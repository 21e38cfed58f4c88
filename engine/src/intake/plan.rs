//! The first look at a file: its columns, the types that it shows, and the digest of its content.

use super::request::{BrokenRow, Delimiter, Format, Input, LoadRequest};
use super::rows::{RawRows, RowReader, Rows, Trouble};
use super::typed::{TypedReader, check_names};
use super::watch::{Phase, Watch};
use crate::base::codec::Digest128;
use crate::base::error::{Error, Result};
use crate::base::limits::INFERRED_MAX;
use crate::base::value::ValueType;
use crate::catalog::{folded, nearest};
use crate::entry::{
    ConsentColumns, Dialect, FileShape, InferredType, Reading, RowFormat, RowKind, Said,
};
use crate::record::{
    Charset, ConsentState, Decoded, FieldValue, Kind, Messages, Quoting, Roles, RowSight,
    ValueColumn, check_reserved, decode_file_row, joined_type, messages_of, quick_decimal,
    quick_integer, undecodable, with_shared,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How a file is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadPlan {
    /// How its rows are read.
    pub shape: FileShape,
    /// How its rows are found.
    form: Form,
    /// The digest of its decompressed content, or of its typed rows.
    pub content: Digest128,
    /// Rows that it has, with lines that are too long.
    pub rows: u64,
    /// The types that it showed.
    pub types: Vec<InferredType>,
    /// The first hundred rows that could not be understood.
    pub broken: Vec<BrokenRow>,
    /// How many could not.
    pub broken_count: u64,
    /// What could not be read.
    pub trouble: Trouble,
}

/// How the rows of an input are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Lines, or records with quotes, of text.
    Text { quoting: Quoting, charset: Charset, header: bool },
    /// Rows of typed columns.
    Typed(Option<Format>),
}

const BROKEN_SHOWN: usize = 100;

/// The format of an input: as the request says, by its first bytes, or by its name.
fn format_of(request: &LoadRequest, name: &str, shown: Option<Format>) -> Result<Format> {
    let text = request.delimiter.is_some().then_some(Format::Csv);
    let found = request.format.or_else(|| Format::of_name(name)).or(shown).or(text);
    let format = found.ok_or_else(|| {
        Error::invalid(format!(
            "the name {name} does not tell the format; give --format csv, tsv, ndjson, parquet or arrow"
        ))
    })?;
    if let Some(shown) = shown.filter(|shown| *shown != format) {
        return Err(Error::invalid(format!(
            "{name} is to be read as {format}, but its first bytes are those of {shown}; give --format {shown}"
        )));
    }
    Ok(format)
}

/// What parts the fields of a text format.
fn delimiter_of(request: &LoadRequest, format: Format, name: &str) -> Delimiter {
    let usual = match format {
        Format::Tsv => Delimiter::Byte(b'\t'),
        _ if request.format.is_none() && name.contains(".txt") => Delimiter::Whitespace,
        _ => Delimiter::Byte(b','),
    };
    request.delimiter.unwrap_or(usual)
}

/// What is wrong with a request, whatever its files hold.
///
/// # Errors
/// `Invalid`.
pub fn check_request(request: &LoadRequest) -> Result<()> {
    check_kind(request)?;
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
    Ok(())
}

/// The rows of an input with typed columns.
fn open_typed(input: &Input, format: Option<Format>) -> Result<TypedReader> {
    let table = match (input, format) {
        (Input::Rows(rows), _) => rows.table(),
        #[cfg(feature = "arrow")]
        (_, Some(Format::Parquet)) => super::table::parquet(input)?,
        #[cfg(feature = "arrow")]
        (_, Some(Format::Arrow)) => super::table::arrow(input)?,
        _ => {
            return Err(Error::invalid(format!(
                "{} is Parquet or Arrow, which this build cannot read; build it with the feature arrow",
                input.name()
            )));
        }
    };
    Ok(TypedReader::new(table))
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
    let (mut format, mut charset) = (None, Charset::UTF_8);
    if !matches!(input, Input::Rows(_)) {
        let opened = super::input::open(input)?;
        format = Some(format_of(request, &name, opened.format)?);
        charset = charset_of(request, opened.charset)?;
    }
    if request.kind == RowKind::Message && format != Some(Format::Ndjson) {
        return Err(Error::invalid("messages are JSON, one a line: format ndjson"));
    }
    let mut reader: Box<dyn Rows>;
    let (form, row_format, readings);
    match format {
        None | Some(Format::Parquet | Format::Arrow) => {
            let typed = open_typed(input, format)?;
            readings = typed.columns().clone();
            let header: Vec<String> = readings.iter().map(|(column, _)| column.clone()).collect();
            check_columns(request, &header, &name)?;
            form = Form::Typed(format);
            row_format = RowFormat::Delimited { dialect: Dialect::TYPED, header };
            reader = Box::new(typed);
        }
        Some(Format::Ndjson) => {
            form = Form::Text { quoting: Quoting::None, charset, header: false };
            (row_format, readings) = (RowFormat::Json, Vec::new());
            reader = Box::new(RowReader::open(input, Quoting::None, charset)?);
        }
        Some(format) => {
            let delimiter = delimiter_of(request, format, &name);
            let quoting = match delimiter {
                Delimiter::Whitespace => Quoting::None,
                Delimiter::Byte(byte) => Quoting::Dialect(dialect_of(request, byte)?),
            };
            let mut text = RowReader::open(input, quoting, charset)?;
            let header = read_header(&mut text, quoting, charset, &name)?;
            check_delimiter(request, &header, &name)?;
            check_columns(request, &header, &name)?;
            form = Form::Text { quoting, charset, header: true };
            readings = Vec::new();
            row_format = delimited(quoting, header);
            reader = Box::new(text);
        }
    }
    let shape = FileShape {
        format: row_format,
        kind: request.kind.clone(),
        ids: request.ids.clone(),
        time: request.time.clone(),
        time_unit: request.time_unit.clone(),
        zone: request.zone.clone(),
        message_id: request.message_id.clone(),
        encoding: charset.name(),
        readings,
    };
    let mut plan = LoadPlan {
        shape,
        form,
        content: Digest128::default(),
        rows: 0,
        types: Vec::new(),
        broken: Vec::new(),
        broken_count: 0,
        trouble: Trouble::default(),
    };
    match Roles::of(&plan.shape) {
        Some(roles) => infer_columns(&mut plan, &roles, reader.as_mut(), watch)?,
        None => infer(&mut plan, reader.as_mut(), watch)?,
    }
    plan.content = reader.content();
    plan.trouble = reader.trouble();
    Ok((!watch.stopped()).then_some(plan))
}

/// What parts and surrounds the fields of a file.
fn dialect_of(request: &LoadRequest, delimiter: u8) -> Result<Dialect> {
    let dialect = Dialect { delimiter, quote: request.quote, escape: request.escape };
    let bytes = [Some(delimiter), dialect.quote, dialect.escape];
    if bytes.iter().flatten().any(|byte| !byte.is_ascii() || matches!(byte, b'\n' | b'\r')) {
        return Err(Error::invalid(
            "delimiter, quote and escape are ASCII characters, no ends of lines",
        ));
    }
    if dialect.quote == Some(delimiter) || dialect.escape == Some(delimiter) {
        return Err(Error::invalid("the delimiter can be neither the quote nor the escape"));
    }
    if dialect.escape.is_some() && dialect.quote.is_none() {
        return Err(Error::invalid("an escape stands in quoted fields; give a --quote too"));
    }
    Ok(dialect)
}

/// The encoding of a file: as the request says, or its mark; UTF-8 without either.
fn charset_of(request: &LoadRequest, marked: Option<Charset>) -> Result<Charset> {
    let Some(label) = &request.encoding else { return Ok(marked.unwrap_or(Charset::UTF_8)) };
    let named = Charset::labelled(label).ok_or_else(|| {
        Error::invalid(format!(
            "'{label}' is no encoding; give a name such as utf-8, utf-16le, windows-1252 or iso-8859-15"
        ))
    })?;
    // A mark says in which order the bytes of UTF-16 stand.
    Ok(marked.filter(|marked| named.is_wide() && marked.is_wide()).unwrap_or(named))
}

/// A header of one column that holds what elsewhere parts columns was most likely not split as its writer meant.
fn check_delimiter(request: &LoadRequest, header: &[String], name: &str) -> Result<()> {
    let [column] = header else { return Ok(()) };
    if request.delimiter.is_some() {
        return Ok(());
    }
    if column.starts_with('{') {
        return Err(Error::invalid(format!(
            "{name}:1: the header looks like JSON; give --format ndjson"
        )));
    }
    let found = [(';', "';'"), ('\t', "tab"), ('|', "'|'"), (',', "','")];
    let found = found.into_iter().find(|(delimiter, _)| column.contains(*delimiter));
    let Some((_, word)) = found else { return Ok(()) };
    Err(Error::invalid(format!(
        "{name}:1: the header is one column, '{}'; if fields are parted otherwise, give --delimiter {word}",
        column.escape_debug()
    )))
}

fn delimited(quoting: Quoting, header: Vec<String>) -> RowFormat {
    match quoting {
        Quoting::Dialect(dialect) => RowFormat::Delimited { dialect, header },
        Quoting::None => RowFormat::Whitespace { header },
    }
}

fn read_header(
    reader: &mut RowReader,
    quoting: Quoting,
    charset: Charset,
    name: &str,
) -> Result<Vec<String>> {
    let original = match reader.first_row()? {
        Some((_, Ok(original))) => original,
        Some((line, Err(reason))) => {
            return Err(Error::invalid(format!("{name}:{line}: {reason}")));
        }
        None => {
            return Err(Error::invalid(format!(
                "{name} is empty; its first row should name the columns"
            )));
        }
    };
    let text = std::str::from_utf8(&original).map_err(|_| {
        let format = delimited(quoting, Vec::new());
        let place = undecodable(&format, &charset.name(), &original);
        let column = place.column.unwrap_or(1);
        Error::invalid(format!("{name}:1:{column}: {}", place.reason))
    })?;
    let names: Vec<String> = match quoting {
        Quoting::None => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Quoting::Dialect(dialect) => crate::record::header_names(text, dialect)
            .map_err(|e| Error::invalid(format!("{name}:1: {}", e.reason)))?,
    };
    check_names(names.iter().map(String::as_str), |column| format!("{name}:1:{column}"))?;
    Ok(names)
}

/// What rows are must fit the rest of the request.
fn check_kind(request: &LoadRequest) -> Result<()> {
    let named = !request.ids.is_empty() || request.time.is_some() || !request.message_id.is_empty();
    let wrong = match &request.kind {
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
fn infer(plan: &mut LoadPlan, reader: &mut dyn Rows, watch: &mut Watch<'_>) -> Result<()> {
    let mut types = Types::default();
    let mut rows = RawRows::default();
    while plan.next_rows(reader, &mut rows, watch)? {
        let name = watch.file();
        for (line, original) in rows.iter() {
            for record in plan.records_of(original.to_vec()) {
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
    plan.types = types.into_types();
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
            _ => Messages { places: Vec::from([0..line.len()]), shared: Vec::new() },
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

    /// The rows of the input from the first on.
    ///
    /// # Errors
    /// As `plan_load`.
    pub fn open(&self, input: &Input) -> Result<Box<dyn Rows>> {
        Ok(match self.form {
            Form::Typed(format) => Box::new(open_typed(input, format)?),
            Form::Text { quoting, charset, header } => {
                let mut reader = RowReader::open(input, quoting, charset)?;
                if header {
                    reader.first_row()?;
                }
                Box::new(reader)
            }
        })
    }

    /// Takes the next rows and tells how far it is; says whether there are any to go on with.
    fn next_rows(
        &mut self,
        reader: &mut dyn Rows,
        rows: &mut RawRows,
        watch: &mut Watch<'_>,
    ) -> Result<bool> {
        reader.next_rows(rows)?;
        self.rows += rows.count().0 + rows.too_long.len() as u64;
        let goes_on = watch.goes_on(reader.bytes(), self.rows);
        for (line, reason) in &rows.too_long {
            self.note_broken(watch.file(), *line, None, reason.clone());
        }
        Ok(goes_on && !rows.is_empty())
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
    reader: &mut dyn Rows,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let mut types: Vec<Option<ValueType>> = vec![None; roles.values.len()];
    let mut inner = Types::default();
    let mut rows = RawRows::default();
    let mut sight = RowSight::default();
    while plan.next_rows(reader, &mut rows, watch)? {
        let name = watch.file();
        for (line, original) in rows.iter() {
            if !sight.plain(&plan.shape, roles, original) {
                match decode_file_row(&plan.shape, original) {
                    Err(e) => plan.note_broken(name, line, e.column, e.reason),
                    Ok(record) => note_slowly(&mut types, &mut inner, roles, record),
                }
                continue;
            }
            for (column, known) in roles.values.iter().zip(&mut types) {
                if let Some(text) = sight.said(original, column.column) {
                    *known = widened_by(*known, text, column);
                }
            }
        }
    }
    let event = plan.shape.fixed_event().map(str::to_owned);
    let shown = roles.values.iter().zip(types).filter_map(|(column, value_type)| {
        let (event, name, value_type) = (event.clone(), column.name.clone(), value_type?);
        Some(InferredType { event, entity: None, name, value_type })
    });
    let mut shown: Vec<InferredType> = shown.chain(inner.into_types()).collect();
    shown.sort_by_key(|inferred| (inferred.event.clone(), folded(&inferred.name)));
    plan.types = shown;
    Ok(())
}

/// The type of a column that may have shown one and shows a text.
fn widened_by(known: Option<ValueType>, text: &str, column: &ValueColumn) -> Option<ValueType> {
    match (known, column.reading) {
        (Some(ValueType::Text), _) => return known,
        (Some(ValueType::Integer), None | Some(Reading::Plain))
            if quick_integer(text).is_some() =>
        {
            return known;
        }
        (Some(ValueType::Decimal), None | Some(Reading::Plain))
            if quick_decimal(text).is_some() =>
        {
            return known;
        }
        _ => {}
    }
    joined_cell(known, column.cell(text).value_type, column.reading)
}

/// The type of a column with a cell more. A cell that is no value of a column with a type of its own, such as a day
/// beyond the calendar, does not make the column one of text.
fn joined_cell(
    known: Option<ValueType>,
    cell: ValueType,
    reading: Option<Reading>,
) -> Option<ValueType> {
    let own = matches!(reading, Some(Reading::Plain | Reading::Float));
    if own && cell == ValueType::Text {
        return known;
    }
    Some(known.map_or(cell, |known| joined_type(known, cell)))
}

/// What a record shows: the types of columns, and those of fields that JSON in a column holds.
fn note_slowly(
    types: &mut [Option<ValueType>],
    inner: &mut Types,
    roles: &Roles,
    mut record: Decoded,
) {
    let is_column = |name: &str| roles.values.iter().any(|column| column.name == name);
    for (name, value) in record.fields.extract_if(.., |(name, _)| is_column(name)) {
        let FieldValue::Cell(cell) = value else { continue };
        let column = roles.values.iter().position(|column| column.name == name);
        if let Some(at) = column
            && let (Some(known), Some(column)) = (types.get_mut(at), roles.values.get(at))
        {
            *known = joined_cell(*known, cell.value_type, column.reading);
        }
    }
    note_types(inner, record);
}

/// Types by event type or entity type, and name, all without case.
#[derive(Default)]
struct Types(BTreeMap<((Option<String>, Option<String>), String), (InferredType, u64)>);

impl Types {
    /// The types, those of names that are said most first: where a source may bring no more names, it is the rare ones
    /// that go without.
    fn into_types(self) -> Vec<InferredType> {
        let mut types: Vec<(InferredType, u64)> = self.0.into_values().collect();
        types.sort_by_key(|(_, said)| std::cmp::Reverse(*said));
        types.into_iter().map(|(inferred, _)| inferred).collect()
    }
}

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
        if let Some((known, said)) = types.0.get_mut(&key) {
            known.value_type = joined_type(known.value_type, cell.value_type);
            *said += 1;
        } else if types.0.len() < INFERRED_MAX {
            let (event, entity) = (event.cloned(), entity.cloned());
            let inferred = InferredType { event, entity, name, value_type: cell.value_type };
            types.0.insert(key, (inferred, 1));
        }
    }
}
