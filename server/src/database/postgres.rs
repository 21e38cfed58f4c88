//! PostgreSQL.
//!
//! Every column is asked for as text, in a form that is the same whatever the settings of the
//! server: so every type has an exact text, those that we never heard of too. *Where to start
//! reading:* `ask`.

use super::address::Encryption;
use super::{Address, Answer, Ask, GoesOn, Rows, Trouble, quoted};
use navedb::Reading;
use postgres::config::SslMode;
use postgres::error::{ErrorPosition, SqlState};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{Kind, Type};
use postgres::{Client, Config, Transaction};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error as _;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

const QUOTE: char = '"';

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What makes texts the same whatever the settings of the server.
const SETTINGS: &str = "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; \
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmloption = 'content'; \
    SET TimeZone = 'UTC'";

pub(super) fn ask(
    address: &Address,
    ask: &Ask,
    goes_on: &mut GoesOn<'_>,
) -> Result<Answer, Trouble> {
    let mut client = connect(address)?;
    client.batch_execute(SETTINGS).map_err(|e| refused(ask, &e, 0))?;
    let started = client.build_transaction().read_only(true).start();
    let mut transaction = started.map_err(|e| refused(ask, &e, 0))?;
    let plain = ask.nested("*", QUOTE);
    let before = plain.find('\n').map_or(0, |line| line + 1);
    let statement = transaction.prepare(&plain).map_err(|e| refused(ask, &e, before))?;
    let columns: Vec<(String, Type)> = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_().clone()))
        .collect();
    let followed = ask.followed(columns.iter().map(|(name, _)| name.as_str()))?;
    let texts: Vec<String> = columns.iter().map(|(name, kind)| as_text(name, kind)).collect();
    let mut sql = ask.nested(&texts.join(", "), QUOTE);
    let mut bound: Vec<&str> = Vec::new();
    if let Some((column, kind)) = followed.and_then(|at| columns.get(at)) {
        let since = ask.since(reading(kind));
        sql.push_str(&order(&mut transaction, ask, (column, kind), since.is_some())?);
        bound.extend(since);
    }
    let before = sql.find('\n').map_or(0, |line| line + 1);
    let readings = columns.iter().map(|(name, kind)| (name.clone(), reading(kind))).collect();
    let mut gathered = Rows::new(ask, readings, followed, goes_on)?;
    let mut rows =
        transaction.query_raw(sql.as_str(), bound).map_err(|e| refused(ask, &e, before))?;
    while let Some(row) = rows.next().map_err(|e| gathered.lost(refused(ask, &e, before)))? {
        let mut cells: Vec<Option<&str>> = Vec::with_capacity(columns.len());
        for (index, (name, _)) in columns.iter().enumerate() {
            cells.push(row.try_get(index).map_err(|e| {
                Trouble::Refused(format!(
                    "{}: column '{name}' cannot be read: {e}; cast it in the query",
                    ask.name
                ))
            })?);
        }
        gathered.push(&cells)?;
    }
    gathered.finish()
}

/// What asks for the rows from the watermark on, and orders them: first those without a place in the order, so that
/// the last row has the greatest value.
fn order(
    transaction: &mut Transaction<'_>,
    ask: &Ask,
    (name, kind): (&str, &Type),
    from_watermark: bool,
) -> Result<String, Trouble> {
    let base = base_of(kind);
    match (base.kind(), base) {
        (Kind::Array(_), _) => return Err(ask.not_followed(name, "lists")),
        (Kind::Composite(_), _) | (_, &Type::JSON | &Type::JSONB) => {
            return Err(ask.not_followed(name, "documents"));
        }
        (_, &Type::BYTEA) => return Err(ask.not_followed(name, "bytes")),
        (_, &Type::BOOL) => return Err(ask.not_followed(name, "yes or no")),
        _ => {}
    }
    let column = format!("nave_rows.{}", quoted(name, QUOTE));
    let mut unplaced = format!("{column} IS NULL");
    // What is least for ever, said so that an index on the column serves; NaN and infinity are greatest, so `>=` has
    // them.
    let mut least = unplaced.clone();
    match *base {
        Type::DATE | Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            unplaced.push_str(&format!(" OR NOT isfinite({column})"));
            least.push_str(&format!(" OR {column} = '-infinity'"));
        }
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => {
            unplaced.push_str(&format!(
                " OR CAST({column} AS text) IN ('NaN', 'Infinity', '-Infinity')"
            ));
            // Servers before 14 have no infinity among decimals, and refuse its name.
            least.push_str(&match *base {
                Type::NUMERIC => format!(" OR {column} < CAST('-1e131071' AS numeric)"),
                _ => format!(" OR {column} = '-infinity'"),
            });
        }
        _ => {}
    }
    let mut sql = String::new();
    if from_watermark {
        let kind = name_of(transaction, ask, kind)?;
        sql.push_str(&format!("\nWHERE {column} >= CAST(CAST($1 AS text) AS {kind}) OR {least}"));
    }
    sql.push_str(&format!("\nORDER BY ({unplaced}) DESC, {column}"));
    Ok(sql)
}

/// The type that a domain is of.
fn base_of(kind: &Type) -> &Type {
    match kind.kind() {
        Kind::Domain(inner) => base_of(inner),
        _ => kind,
    }
}

fn connect(address: &Address) -> Result<Client, Trouble> {
    let shown = address.shown();
    let wrong = |e: &dyn std::fmt::Display| {
        Trouble::Refused(format!("the address {shown} cannot be read: {e}"))
    };
    let mut config: Config = address.url().parse().map_err(|e: postgres::Error| wrong(&e))?;
    config.application_name("nave");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    config.ssl_mode(match address.encryption {
        Encryption::Preferred => SslMode::Prefer,
        Encryption::Disabled => SslMode::Disable,
        Encryption::Required => SslMode::Require,
    });
    let mut trusted = RootCertStore::empty();
    match &address.certificates {
        None => trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let all = CertificateDer::pem_file_iter(file).map_err(|e| wrong(&e))?;
            for one in all {
                trusted.add(one.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
            }
        }
    }
    let tls = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    config
        .connect(MakeRustlsConnect::new(tls))
        .map_err(|e| Trouble::Unreachable(format!("cannot connect to {shown}: {}", whole(&e))))
}

/// How the texts of a type are read.
fn reading(kind: &Type) -> Reading {
    let base = base_of(kind);
    if matches!(base.kind(), Kind::Array(_) | Kind::Composite(_)) {
        return Reading::Json;
    }
    match *base {
        Type::BOOL
        | Type::INT2
        | Type::INT4
        | Type::INT8
        | Type::OID
        | Type::NUMERIC
        | Type::DATE
        | Type::TIMESTAMP
        | Type::TIMESTAMPTZ => Reading::Plain,
        Type::FLOAT4 | Type::FLOAT8 => Reading::Float,
        Type::JSON | Type::JSONB => Reading::Json,
        _ => Reading::Text,
    }
}

/// The expression that gives the text of a column.
fn as_text(name: &str, kind: &Type) -> String {
    let column = format!("nave_rows.{}", quoted(name, QUOTE));
    let base = base_of(kind);
    let instant = |form: &str| {
        // Neither a day before our era nor infinity has a form in ISO 8601: their own text tells.
        format!(
            "CASE WHEN isfinite({column}) AND {column} >= '0001-01-01' AND {column} < \
             '10000-01-01' THEN to_char({column}, '{form}') ELSE CAST({column} AS text) END"
        )
    };
    let text = match (base.kind(), base) {
        (Kind::Array(_) | Kind::Composite(_), _) => format!("CAST(to_json({column}) AS text)"),
        (_, &Type::TIMESTAMP) => instant("YYYY-MM-DD\"T\"HH24:MI:SS.US"),
        (_, &Type::TIMESTAMPTZ) => instant("YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\""),
        (_, &Type::BYTEA) => format!("replace(encode({column}, 'base64'), E'\\n', '')"),
        _ => format!("CAST({column} AS text)"),
    };
    format!("{text} AS {}", quoted(name, QUOTE))
}

/// The name of a type, as the server writes it.
fn name_of(transaction: &mut Transaction<'_>, ask: &Ask, kind: &Type) -> Result<String, Trouble> {
    // With -1, since else the name of a type that has a length is that of the length 1.
    let sql = "SELECT pg_catalog.format_type($1, -1)";
    let row = transaction.query_one(sql, &[&kind.oid()]).map_err(|e| refused(ask, &e, 0))?;
    row.try_get(0).map_err(|e| refused(ask, &e, 0))
}

/// What the server said, with the place in the query: `before` bytes stand before it in the text.
fn refused(ask: &Ask, error: &postgres::Error, before: usize) -> Trouble {
    let Some(said) = error.as_db_error() else {
        return Trouble::Unreachable(format!("{} cannot be read: {}", ask.name, whole(error)));
    };
    let mut message = format!("{} cannot be read: {}", ask.name, said.message());
    if let Some(detail) = said.detail() {
        message.push_str(&format!(" ({detail})"));
    }
    if let Some(ErrorPosition::Original(at)) = said.position()
        && let Some(at) = usize::try_from(*at).ok().and_then(|at| at.checked_sub(before))
        && before > 0
    {
        let near: String = ask.select(QUOTE).chars().skip(at.saturating_sub(1)).take(30).collect();
        message.push_str(&format!(" (at character {at}, near \"{near}\")"));
    }
    if let Some(hint) = said.hint() {
        message.push_str(&format!("; {hint}"));
    }
    let gone = [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN];
    if gone.contains(&said.code()) {
        return Trouble::Unreachable(message);
    }
    Trouble::Refused(message)
}

/// An error with what it came from.
fn whole(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(&format!(": {said}"));
        }
        source = cause.source();
    }
    text
}
