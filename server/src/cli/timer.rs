//! `nave timer`: texts that become items of a stream at an instant.
//!
//! *Where to start reading:* `run`.

use super::arguments::{StoreOnly, engine_time, rows};
use super::failure::Failure;
use super::output::Output;
use super::segment::ask;
use super::store::Store;
use crate::resp::Reply;
use crate::segments;
use clap::{Args, Subcommand};
use navedb::{Level, NewTimer, Position, TimerPage, TimerPlace, Timestamp, limits};
use std::fmt::Write as _;

#[derive(Debug, Subcommand)]
pub(crate) enum TimerCommand {
    /// Set a timer: at its instant TEXT becomes an item of the stream; one of the same name is replaced
    Set(Set),
    /// Take timers back
    Cancel(Cancel),
    /// List the timers of a stream that are pending, the soonest first
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    store: StoreOnly,
    /// The stream
    stream: String,
    /// The name of the timer within the stream
    name: String,
    /// When it is due; what is due already is due now
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    at: Timestamp,
    /// What the item says
    text: String,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    store: StoreOnly,
    /// The stream
    stream: String,
    /// The names of the timers
    #[arg(required = true)]
    names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreOnly,
    /// The stream
    stream: String,
    /// Go on behind this one: the words of the note behind a page
    #[arg(long, value_name = "TIME/POSITION", value_parser = place)]
    after: Option<TimerPlace>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = limits::MEMBERS_DEFAULT, value_parser = rows)]
    limit: usize,
}

fn place(text: &str) -> Result<TimerPlace, String> {
    let bad = || format!("'{text}' is no place: TIME/POSITION, as the note behind a page says");
    let (due, position) = text.split_once('/').ok_or_else(bad)?;
    let due = Timestamp::parse(due).map_err(|_| bad())?;
    Ok((due, Position(position.parse().map_err(|_| bad())?)))
}

/// `nave timer ...`
pub(crate) fn run(command: TimerCommand, output: &Output) -> Result<(), Failure> {
    match command {
        TimerCommand::Set(what) => set(what, output),
        TimerCommand::Cancel(what) => cancel(&what, output),
        TimerCommand::List(what) => list(&what, output),
    }
}

fn open(store: &StoreOnly, output: &Output) -> Result<Store, Failure> {
    Store::open(&store.data, false, output)
}

fn set(what: Set, output: &Output) -> Result<(), Failure> {
    let store = open(&what.store, output)?;
    let timer = NewTimer { name: what.name, due: what.at, text: what.text };
    let done = store.session().set_timers(&what.stream, vec![timer], Level::Group);
    let position = store.end(done)?;
    output.answer(
        || format!("set at position {position}\n"),
        || Reply::map([("position", Reply::count(position.0))]),
    )
}

fn cancel(what: &Cancel, output: &Output) -> Result<(), Failure> {
    let store = open(&what.store, output)?;
    let names: Vec<&str> = what.names.iter().map(String::as_str).collect();
    let done = store.session().cancel_timers(&what.stream, &names, Level::Group);
    let count = store.end(done)?;
    output.answer(
        || format!("{count} of {} were pending, and are no more\n", names.len()),
        || Reply::map([("cancelled", Reply::count(count))]),
    )
}

fn list(what: &List, output: &Output) -> Result<(), Failure> {
    let name = &what.stream;
    let page = ask(&what.store, output, |view| view.timers(name, what.after, what.limit))?;
    output.answer(|| text(&page), || segments::timers(&page))?;
    if let Some(last) = page.timers.last().filter(|_| page.more) {
        let (due, position) = (last.due, last.position);
        output.note(&format!("note: there is more; go on with --after {due}/{position}"));
    }
    Ok(())
}

fn text(page: &TimerPage) -> String {
    let mut text = "due\tname\ttext\n".to_owned();
    let plain = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    for timer in &page.timers {
        let _ = writeln!(text, "{}\t{}\t{}", timer.due, plain(&timer.name), plain(&timer.text));
    }
    text
}
