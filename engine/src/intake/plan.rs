//! The first look at a file: its columns, the types that it shows, and the digest of its content.

use super::ahead::Ahead;
use super::checks::{
    charset_of, check_columns, check_delimiter, delimiter_of, dialect_of, format_of,
};
use super::infer::infer;
use super::request::{BrokenRow, Delimiter, Format, Input, LoadRequest};
use super::rows::{RawRows, RowReader, Rows, Trouble};
use super::typed::{TypedReader, check_names};
use super::watch::{Phase, Watch};
use crate::base::codec::Digest128;
use crate::base::error::{Error, Result};
use crate::entry::{Dialect, FileShape, InferredType, Reading, RowFormat, RowKind};
use crate::record::{Charset, Messages, Quoting, messages_of, undecodable, with_shared};
use std::borrow::Cow;
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

/// The rows of a reader, read by a thread of its own if that is asked for.
fn ahead_of(reader: Box<dyn Rows + Send>, ahead: bool) -> Result<Box<dyn Rows>> {
    if ahead { Ok(Box::new(Ahead::start(reader)?)) } else { Ok(reader) }
}

/// Reads a whole file once and says how it will be loaded; nothing when it was told to stop. With `ahead` a thread of
/// its own reads it.
///
/// # Errors
/// `Invalid` when the request does not fit the file; `NotFound` and `Io` when it cannot be read.
pub fn plan_load(
    request: &LoadRequest,
    input: &Input,
    watch: &mut Watch<'_>,
    ahead: bool,
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
    let reader: Box<dyn Rows + Send>;
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
    let shape = shape_of(request, row_format, charset, readings);
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
    let mut reader = ahead_of(reader, ahead)?;
    infer(&mut plan, reader.as_mut(), watch)?;
    plan.content = reader.content();
    plan.trouble = reader.trouble();
    Ok((!watch.stopped()).then_some(plan))
}

/// How the rows of a file are read.
fn shape_of(
    request: &LoadRequest,
    format: RowFormat,
    charset: Charset,
    readings: Vec<(String, Reading)>,
) -> FileShape {
    FileShape {
        format,
        kind: request.kind.clone(),
        ids: request.ids.clone(),
        time: request.time.clone(),
        time_unit: request.time_unit.clone(),
        zone: request.zone.clone(),
        message_id: request.message_id.clone(),
        encoding: charset.name(),
        readings,
    }
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

/// A record of a line.
pub struct LineRecord {
    /// Where it begins in the line.
    pub(super) at: usize,
    /// Its bytes, as they were sent.
    pub bytes: Vec<u8>,
    /// What its batch shares; none where rows are no messages, whose bytes may be any.
    shared: Option<Rc<[u8]>>,
}

impl LineRecord {
    /// The bytes of its row.
    pub fn original(&self) -> Cow<'_, [u8]> {
        let bytes = Cow::Borrowed(self.bytes.as_slice());
        match &self.shared {
            Some(shared) => with_shared(bytes, shared),
            None => bytes,
        }
    }
}

impl LoadPlan {
    /// The records of a line: many for a batch of messages, else one. They are cut out one by one.
    pub fn records_of(&self, line: Vec<u8>) -> impl Iterator<Item = LineRecord> + use<> {
        let Messages { places, shared } = match &self.shape.kind {
            RowKind::Message => messages_of(&line),
            _ => Messages { places: std::iter::once(0..line.len()).collect(), shared: Vec::new() },
        };
        let shared = (self.shape.kind == RowKind::Message).then(|| Rc::from(shared));
        let mut line = line;
        places.into_iter().map(move |place| {
            let at = place.start;
            let whole = place == (0..line.len());
            let bytes = if whole {
                std::mem::take(&mut line)
            } else {
                line.get(place).unwrap_or_default().to_vec()
            };
            LineRecord { at, bytes, shared: shared.clone() }
        })
    }

    /// The rows of the input from the first on. With `ahead` a thread of its own reads them.
    ///
    /// # Errors
    /// As `plan_load`.
    pub fn open(&self, input: &Input, ahead: bool) -> Result<Box<dyn Rows>> {
        let reader: Box<dyn Rows + Send> = match self.form {
            Form::Typed(format) => Box::new(open_typed(input, format)?),
            Form::Text { quoting, charset, header } => {
                let mut reader = RowReader::open(input, quoting, charset)?;
                if header {
                    reader.first_row()?;
                }
                Box::new(reader)
            }
        };
        ahead_of(reader, ahead)
    }

    /// Takes the next rows and tells how far it is; says whether there are any to go on with.
    pub(super) fn next_rows(
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

    pub(super) fn note_broken(
        &mut self,
        name: &str,
        line: u64,
        column: Option<u64>,
        reason: String,
    ) {
        self.broken_count += 1;
        if self.broken.len() < BROKEN_SHOWN {
            self.broken.push(BrokenRow { file: name.to_owned(), line, column, reason });
        }
    }
}
