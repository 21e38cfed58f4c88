//! MySQL and MariaDB.
//!
//! *Where to start reading:* `ask`, then `Form::of`.

use super::address::Encryption;
use super::{Address, Answer, Ask, GoesOn, Rows, Trouble, base64, quoted};
use mysql::consts::{ColumnFlags, ColumnType};
use mysql::prelude::Queryable;
use mysql::{Column, Conn, Opts, OptsBuilder, Params, SslOpts, Value};
use navedb::Reading;
use std::time::Duration;

const QUOTE: char = '`';

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What makes values the same whatever the settings of the server, and keeps us from writing.
const SETTINGS: [&str; 3] =
    ["SET NAMES utf8mb4", "SET SESSION time_zone = '+00:00'", "SET SESSION TRANSACTION READ ONLY"];

/// What a server says when it ends a connection: a shutdown, a kill.
const GONE: [u16; 4] = [1053, 1152, 1317, 1927];

/// The character set of columns that hold bytes.
const BINARY: u16 = 63;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Integer,
    Decimal,
    /// A float of 32 bits.
    Single,
    Float,
    Date,
    /// A day and a time of day, in no zone.
    Local,
    /// An instant.
    Instant,
    Text,
    /// A time of day, or how long something took.
    Time,
    /// One word of several.
    Word,
    Bits,
    Bytes,
    Json,
    /// Words with commas between them.
    Words,
}

impl Form {
    fn of(column: &Column) -> Option<Form> {
        use ColumnType::{
            MYSQL_TYPE_BIT, MYSQL_TYPE_BLOB, MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME,
            MYSQL_TYPE_DATETIME2, MYSQL_TYPE_DECIMAL, MYSQL_TYPE_DOUBLE, MYSQL_TYPE_ENUM,
            MYSQL_TYPE_FLOAT, MYSQL_TYPE_INT24, MYSQL_TYPE_JSON, MYSQL_TYPE_LONG,
            MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_NEWDATE,
            MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_NULL, MYSQL_TYPE_SET, MYSQL_TYPE_SHORT,
            MYSQL_TYPE_STRING, MYSQL_TYPE_TIME, MYSQL_TYPE_TIME2, MYSQL_TYPE_TIMESTAMP,
            MYSQL_TYPE_TIMESTAMP2, MYSQL_TYPE_TINY, MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_VAR_STRING,
            MYSQL_TYPE_VARCHAR, MYSQL_TYPE_YEAR,
        };
        let flags = column.flags();
        Some(match column.column_type() {
            MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_LONG | MYSQL_TYPE_INT24
            | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_YEAR => Form::Integer,
            MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => Form::Decimal,
            MYSQL_TYPE_FLOAT => Form::Single,
            MYSQL_TYPE_DOUBLE => Form::Float,
            MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => Form::Date,
            MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 => Form::Local,
            MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => Form::Instant,
            MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => Form::Time,
            MYSQL_TYPE_NULL => Form::Text,
            MYSQL_TYPE_BIT => Form::Bits,
            MYSQL_TYPE_JSON => Form::Json,
            MYSQL_TYPE_SET => Form::Words,
            MYSQL_TYPE_ENUM => Form::Word,
            MYSQL_TYPE_STRING
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_VARCHAR
            | MYSQL_TYPE_BLOB
            | MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB => {
                if flags.contains(ColumnFlags::SET_FLAG) {
                    Form::Words
                } else if flags.contains(ColumnFlags::ENUM_FLAG) {
                    Form::Word
                } else if column.character_set() == BINARY {
                    Form::Bytes
                } else {
                    Form::Text
                }
            }
            _ => return None,
        })
    }

    fn reading(self) -> Reading {
        match self {
            Form::Integer
            | Form::Decimal
            | Form::Date
            | Form::Local
            | Form::Instant
            | Form::Bits => Reading::Plain,
            Form::Single | Form::Float => Reading::Float,
            Form::Text | Form::Time | Form::Word | Form::Bytes => Reading::Text,
            Form::Json | Form::Words => Reading::Json,
        }
    }

    /// What a bound value is made into, so that it is compared as one of the column; or what the column holds, when
    /// its order is not that of what we compare.
    fn bound(self) -> Result<&'static str, &'static str> {
        match self {
            Form::Integer | Form::Bits | Form::Decimal => Ok("CAST(? AS DECIMAL(65, 30))"),
            Form::Single | Form::Float | Form::Text => Ok("?"),
            Form::Date => Ok("CAST(? AS DATE)"),
            Form::Local | Form::Instant => Ok("CAST(? AS DATETIME(6))"),
            Form::Time => Err("times of day"),
            Form::Word | Form::Words => Err("words of a list"),
            Form::Bytes => Err("bytes"),
            Form::Json => Err("documents"),
        }
    }

    /// The watermark as it is bound.
    fn value(self, text: &str) -> Value {
        let float = match self {
            // As the server widens it: the text of 0.7 is more than the value.
            Form::Single => text.parse::<f32>().ok().map(f64::from),
            Form::Float => text.parse().ok(),
            _ => None,
        };
        // The cell of an instant ends with its zone, which is that of the connection.
        let text = text.strip_suffix('Z').filter(|_| self == Form::Instant).unwrap_or(text);
        float.map_or_else(|| Value::from(text), Value::Double)
    }

    /// Whether a day is always more than a zero date.
    fn has_days(self) -> bool {
        matches!(self, Form::Date | Form::Local | Form::Instant)
    }
}

pub(super) fn ask(
    address: &Address,
    ask: &Ask,
    goes_on: &mut GoesOn<'_>,
) -> Result<Answer, Trouble> {
    let mut connection = connect(address)?;
    let plain = connection.prep(ask.nested("*", QUOTE)).map_err(|e| refused(ask, &e))?;
    let mut columns: Vec<(String, Form)> = Vec::new();
    for column in plain.columns().iter() {
        let name = column.name_str().into_owned();
        let form = Form::of(column).ok_or_else(|| {
            let kind = column.column_type();
            Trouble::Refused(format!(
                "{}: column '{name}' is of the type {kind:?}, which has no exact text; cast it in \
                 the query, such as ST_AsText(...) of a geometry",
                ask.name
            ))
        })?;
        columns.push((name, form));
    }
    let followed = ask.followed(columns.iter().map(|(name, _)| name.as_str()))?;
    let mut sql = ask.nested("*", QUOTE);
    let mut bound = Params::Empty;
    if let Some((column, form)) = followed.and_then(|at| columns.get(at)) {
        let value = form.bound().map_err(|holds| ask.not_followed(column, holds))?;
        let column = quoted(column, QUOTE);
        if let Some(since) = ask.since(form.reading()) {
            sql.push_str(&format!("\nWHERE {column} >= {value} OR {column} IS NULL"));
            if form.has_days() {
                // Zero dates, before the first day that there is.
                sql.push_str(&format!(" OR {column} < '1000-01-01'"));
            }
            bound = Params::Positional(vec![form.value(since)]);
        }
        sql.push_str(&format!("\nORDER BY {column}"));
    }
    let readings = columns.iter().map(|(name, form)| (name.clone(), form.reading())).collect();
    let mut gathered = Rows::new(ask, readings, followed, goes_on)?;
    let mut rows = connection.exec_iter(sql, bound).map_err(|e| refused(ask, &e))?;
    let mut cells: Vec<Option<String>> = Vec::with_capacity(columns.len());
    for row in rows.by_ref() {
        let row = row.map_err(|e| gathered.lost(refused(ask, &e)))?;
        cells.clear();
        for (index, (name, form)) in columns.iter().enumerate() {
            let value = row.as_ref(index).unwrap_or(&Value::NULL);
            cells.push(cell(value, *form).map_err(|said| {
                Trouble::Refused(format!("{}: column '{name}': {said}", ask.name))
            })?);
        }
        let cells: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        gathered.push(&cells)?;
    }
    drop(rows);
    gathered.finish()
}

fn connect(address: &Address) -> Result<Conn, Trouble> {
    let shown = address.shown();
    let opts = Opts::from_url(address.url())
        .map_err(|e| Trouble::Refused(format!("the address {shown} cannot be read: {e}")))?;
    let encrypted = (address.encryption == Encryption::Required)
        .then(|| SslOpts::default().with_root_cert_path(address.certificates.clone()));
    let opts = OptsBuilder::from_opts(opts)
        .tcp_connect_timeout(Some(PATIENCE))
        .ssl_opts(encrypted)
        .init(SETTINGS.map(str::to_owned).to_vec());
    Conn::new(opts)
        .map_err(|e| Trouble::Unreachable(format!("cannot connect to {shown}: {}", said(&e))))
}

/// The text of a value.
fn cell(value: &Value, form: Form) -> Result<Option<String>, String> {
    Ok(Some(match value {
        Value::NULL => return Ok(None),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Double(number) => format!("{number:?}"),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let zone = if form == Form::Instant { "Z" } else { "" };
            match form {
                Form::Date => date,
                _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{micros:06}{zone}"),
            }
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u32::from(*hours) + days * 24;
            let fraction = if *micros > 0 { format!(".{micros:06}") } else { String::new() };
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
        }
        Value::Bytes(bytes) => return bytes_cell(bytes, form).map(Some),
    }))
}

fn bytes_cell(bytes: &[u8], form: Form) -> Result<String, String> {
    match form {
        Form::Bytes => return Ok(base64(bytes)),
        Form::Bits => {
            let wide = bytes.iter().fold(0u128, |sum, byte| sum << 8 | u128::from(*byte));
            return Ok(wide.to_string());
        }
        _ => {}
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| "a text is not UTF-8; give it as HEX(...)".to_owned())?;
    if form == Form::Words {
        let words: Vec<&str> = text.split(',').filter(|word| !word.is_empty()).collect();
        return Ok(serde_json::Value::from(words).to_string());
    }
    Ok(text.to_owned())
}

fn refused(ask: &Ask, error: &mysql::Error) -> Trouble {
    let message = format!("{} cannot be read: {}", ask.name, said(error));
    match error {
        mysql::Error::MySqlError(error) if !GONE.contains(&error.code) => Trouble::Refused(message),
        _ => Trouble::Unreachable(message),
    }
}

fn said(error: &mysql::Error) -> String {
    match error {
        mysql::Error::MySqlError(error) => error.message.clone(),
        other => other.to_string(),
    }
}
