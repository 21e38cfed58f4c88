//! `nave load --from`: the rows of a table or query of a database.
//!
//! *Invariants:* what is wrong with the flags is found before anything is opened, and what is wrong
//! with the database before a store is made; the watermark is the engine's, which keeps it behind
//! the rows. *Where to start reading:* `load`.

use super::arguments::{Load, LoadAs};
use super::failure::Failure;
use super::output::Output;
use super::progress::{Meter, Stop};
use super::store::Store;
use crate::database::{Address, Answer, Ask, Trouble, Wanted, ask};
use clap::Args;
use navedb::{Following, Input, Phase, Progress};
use std::convert::Infallible;

/// The flags of a load from a database.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// Load from a database: postgres://USER:PASSWORD@HOST/DATABASE, mysql://... or sqlite:FILE
    #[arg(long, value_name = "URL", value_parser = address,
          conflicts_with_all = ["files", "format", "delimiter", "quote", "escape", "encoding"])]
    pub(crate) from: Option<Result<Address, String>>,
    /// The table whose rows are loaded
    #[arg(long, value_name = "NAME", requires = "from", conflicts_with_all = ["query", "files"])]
    pub(crate) table: Option<String>,
    /// The SELECT whose rows are loaded
    #[arg(long, value_name = "SQL", requires = "from", conflicts_with = "files")]
    pub(crate) query: Option<String>,
    /// The name that the watermark of the query is kept under
    #[arg(long, value_name = "NAME", requires = "query")]
    pub(crate) query_name: Option<String>,
    /// The column that grows when a row changes: a later load asks for rows from its greatest
    /// value on
    #[arg(long, value_name = "COLUMN", requires = "from", conflicts_with = "files")]
    pub(crate) watermark: Option<String>,
    /// Ask for all rows, whatever the watermark; those that are known change nothing
    #[arg(long, requires = "watermark")]
    pub(crate) again: bool,
}

/// Reads an address. What is wrong with it is told later: a value that is refused here is printed,
/// and this one may hold a password.
fn address(text: &str) -> Result<Result<Address, String>, Infallible> {
    Ok(Address::parse(text))
}

/// What a load from a database is of: the store, if it is there already, and the rows.
pub(crate) struct Source {
    pub(crate) store: Option<Store>,
    pub(crate) input: Input,
    pub(crate) following: Option<Following>,
    /// What is to be said beside the answer.
    pub(crate) note: Option<String>,
}

/// Asks the database for the rows.
pub(crate) fn source(
    arguments: &Load,
    address: &Result<Address, String>,
    stop: &Stop,
    output: &Output,
) -> Result<Source, Failure> {
    let address = address.as_ref().map_err(|said| Failure::usage(format!("--from: {said}")))?;
    let (wanted, name) = wanted(arguments)?;
    let following = following(arguments)?;
    let store = match Store::open_to_load(&arguments.data, false, output) {
        Err(failure) if failure.kind() == "not_found" => None,
        other => Some(other?),
    };
    let name = format!("{} {name}", address.shown());
    let since = match (&store, &following) {
        (Some(store), Some(following)) if !arguments.database.again => {
            since(store, &arguments.source, following)?
        }
        _ => None,
    };
    let asked = Ask {
        name: name.clone(),
        from: wanted,
        following: following.as_ref().map(|following| (following.column.clone(), since)),
    };
    let mut meter = Meter::new(output);
    let answer = ask(address, &asked, &mut |rows| {
        meter.tell(&Progress {
            file: &name,
            phase: Phase::Plan,
            bytes_done: 0,
            bytes_total: None,
            rows,
        });
        stop.flow()
    });
    meter.end();
    let Answer { input, unplaced } = answer.map_err(|trouble| failure(trouble, &name))?;
    let note = following.as_ref().filter(|_| unplaced > 0).map(|following| {
        format!(
            "note: {unplaced} rows of {name} have no value in '{}' that they could be followed by; \
             they are read again by each load",
            following.column
        )
    });
    Ok(Source { store, input, following, note })
}

/// The rows that are wanted, and what they are called.
fn wanted(arguments: &Load) -> Result<(Wanted, String), Failure> {
    let database = &arguments.database;
    if arguments.kind == LoadAs::Track && arguments.message_id.is_empty() {
        return Err(Failure::usage(
            "--as track from a database needs --message-id COLUMN: rows are read again, and only \
             an id tells whether two equal ones are two events",
        ));
    }
    match (&database.table, &database.query) {
        (Some(table), _) => Ok((Wanted::Table(table.clone()), table.clone())),
        (None, Some(query)) => {
            let name = database.query_name.clone().unwrap_or_else(|| "query".to_owned());
            Ok((Wanted::Query(query.clone()), name))
        }
        (None, None) => Err(Failure::usage("--from needs --table NAME or --query SQL")),
    }
}

fn following(arguments: &Load) -> Result<Option<Following>, Failure> {
    let database = &arguments.database;
    let Some(column) = &database.watermark else { return Ok(None) };
    let query = database.table.as_ref().or(database.query_name.as_ref()).ok_or_else(|| {
        Failure::usage("--query with --watermark needs --query-name NAME, to be known again")
    })?;
    Ok(Some(Following { query: query.clone(), column: column.clone() }))
}

/// The value that rows begin with.
fn since(store: &Store, source: &str, following: &Following) -> Result<Option<String>, Failure> {
    let view = store.session().view();
    let Some(known) = view.watermark(source, &following.query) else { return Ok(None) };
    if known.column != following.column {
        return Err(Failure::new(
            "conflict",
            format!(
                "the watermark of {source} {} is one of the column '{}', not '{}'; --again begins \
                 anew with this one",
                following.query, known.column, following.column
            ),
        ));
    }
    Ok(Some(known.value))
}

fn failure(trouble: Trouble, name: &str) -> Failure {
    match trouble {
        Trouble::Unreachable(said) => Failure::new("io", said),
        Trouble::Refused(said) => Failure::new("invalid", said),
        Trouble::Engine(error) => Failure::from(error),
        Trouble::Stopped => Failure::new(
            "interrupted",
            format!(
                "interrupted while {name} was read, nothing is loaded yet; the same command begins again"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Arguments;
    use clap::Parser;

    #[test]
    fn a_wrong_address_is_not_repeated() {
        for url in ["oracle://ann:s3cret@h/d", "postgres://ann:s3cret@h/d?sslmode=x", "s3cret"] {
            let words = ["nave", "load", "--data", "d", "--source", "s", "--as", "identify"];
            let words = words.into_iter().chain(["--table", "t", "--from", url]);
            let arguments = Arguments::try_parse_from(words).unwrap();
            assert!(!format!("{arguments:?}").contains("s3cret"), "{url}");
        }
    }
}
