//! Whether a request fits itself and its files, and what it leaves to be found out.

use super::request::{Delimiter, Format, LoadRequest};
use crate::base::error::{Error, Result};
use crate::base::limits::NAME_BYTES_MAX;
use crate::catalog::nearest;
use crate::entry::{ConsentColumns, Dialect, EvidenceColumns, RowKind, Said};
use crate::record::{Charset, ConsentState, Evidence, check_reserved};

/// The format of an input: as the request says, by its first bytes, or by its name.
pub(super) fn format_of(
    request: &LoadRequest,
    name: &str,
    shown: Option<Format>,
) -> Result<Format> {
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
pub(super) fn delimiter_of(request: &LoadRequest, format: Format, name: &str) -> Delimiter {
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
    let of_person =
        !matches!(request.kind, RowKind::Message | RowKind::Entity { .. } | RowKind::Evidence(_));
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

/// What parts and surrounds the fields of a file.
pub(super) fn dialect_of(request: &LoadRequest, delimiter: u8) -> Result<Dialect> {
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
pub(super) fn charset_of(request: &LoadRequest, marked: Option<Charset>) -> Result<Charset> {
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
pub(super) fn check_delimiter(request: &LoadRequest, header: &[String], name: &str) -> Result<()> {
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
        RowKind::Evidence(_) if !request.ids.is_empty() => {
            "evidence is of two identifiers: leave out --id, and name their columns with --left and \
             --right"
        }
        RowKind::Track(Said::Fixed(name)) => {
            return check_reserved("event", name).map_err(|e| Error::invalid(e.reason));
        }
        RowKind::Entity { entity: name, .. }
        | RowKind::Membership { group: Said::Fixed(name), .. } => {
            return check_reserved("entity type", name).map_err(|e| Error::invalid(e.reason));
        }
        RowKind::Consent(columns) => return check_consent(columns),
        RowKind::Evidence(columns) => return check_evidence(columns),
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

/// What all rows of evidence share must make them evidence.
fn check_evidence(columns: &EvidenceColumns) -> Result<()> {
    let EvidenceColumns { left, right, kind, score, rule } = columns;
    let wrong = match Evidence::of(kind) {
        None | Some(Evidence::Forbidden) => format!(
            "'{kind}' is no kind of evidence that links; use fuzzy, behavioural, deterministic, alias or manual"
        ),
        Some(Evidence::Fuzzy) if score.is_none() => {
            "fuzzy evidence needs a score: --score COLUMN, such as --score match_probability"
                .to_owned()
        }
        _ if left == right => format!(
            "--left and --right are both {}={}; name the columns of two identifiers",
            left.0, left.1
        ),
        _ => match rule {
            Some(Said::Fixed(rule)) if rule.len() > NAME_BYTES_MAX => {
                format!("the rule has {} bytes; at most {NAME_BYTES_MAX} are taken", rule.len())
            }
            _ => return Ok(()),
        },
    };
    Err(Error::invalid(wrong))
}

/// Every column that the request names must be there.
pub(super) fn check_columns(request: &LoadRequest, header: &[String], name: &str) -> Result<()> {
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
