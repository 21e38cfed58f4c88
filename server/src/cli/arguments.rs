//! What may be typed: every command with its arguments.
//!
//! *Invariant:* whatever is wrong with the arguments alone is found here or in the first lines of a
//! command, before any store is opened, and is wrong usage. *Where to start reading:* `Command`.

use super::care::{Quality, QuarantineCommand, SourceCommand};
use super::database::Database;
use super::export::{Export, LogCommand};
use super::identity_arguments::IdentityCommand;
use super::kinds::RowArguments;
use super::moment::Moment;
use super::page::Page;
use super::segment_arguments::{SegmentCommand, TraitCommand};
use super::serve::Serve;
use super::stream::StreamCommand;
use super::timer::TimerCommand;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use navedb::{Delimiter, Format, Level, LoadId, Origin, Position, TimeUnit, Timestamp, limits};
use std::path::PathBuf;
use std::str::FromStr;

/// A customer-profile database: loads records, recognises the person behind many identifiers,
/// answers audiences in SQL.
#[derive(Debug, Parser)]
#[command(name = "nave", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load real purchases, ask what a shop would ask, and show what to try next
    Demo(Demo),
    /// Load files of records
    Load(Box<Load>),
    /// Ask audiences: how many, who, which values
    #[command(subcommand)]
    Audience(AudienceCommand),
    /// Look at one profile
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Look at one record
    #[command(subcommand)]
    Record(RecordCommand),
    /// Look at who is one person and why, and decide it
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Save audiences whose members are kept up to date, and read who enters and leaves
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// Read what becomes of profiles, and keep streams of your own
    #[command(subcommand)]
    Stream(StreamCommand),
    /// Set texts that become items of a stream at an instant, list them, take them back
    #[command(subcommand)]
    Timer(TimerCommand),
    /// Save values of the audience language as traits
    #[command(subcommand)]
    Trait(TraitCommand),
    /// Look at what could not be folded, and decide it
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Say whether what a source says is taken
    #[command(subcommand)]
    Source(SourceCommand),
    /// Tell how good what the sources say is, day by day
    Quality(Quality),
    /// Withdraw a record, a load, or a source between two positions, as if it had never been said
    Retract(Retract),
    /// Write profiles, identifiers, events and entities as files for other programs
    Export(Export),
    /// The log as text: all that was said, out and in again
    #[command(subcommand)]
    Log(LogCommand),
    /// Define what fields, sources and mappings are, or show what is defined
    Define(super::define::Define),
    /// Tell what the store holds
    Stats(Stats),
    /// Check every byte of the store, changing nothing
    Check(StoreOnly),
    /// Throw away all derived files and make them anew from the log
    Rebuild(StoreOnly),
    /// Save what a damaged log still holds
    Repair(StoreOnly),
    /// Serve the store to Redis clients
    Serve(Serve),
    /// Print the table of network commands that docs/commands.md contains
    #[command(hide = true, alias = "help-commands")]
    Docs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AudienceCommand {
    /// Print how many profiles the audience has
    Count(Question),
    /// Print the whole question and how it is answered
    Explain(Explain),
    /// Print the members, a page at a time
    Members(Members),
    /// Print how many profiles have each value of one trait, or of two
    Breakdown(Breakdown),
    /// Print the profiles with the greatest values of a trait
    Top(Top),
    /// Print count, sum, avg, min and max of a trait
    Aggregate(Aggregate),
    /// Print how many profiles each of some audiences shares with each other one
    Overlap(Overlap),
    /// Print the values of traits that the audience has more often than everybody
    Lift(Lift),
    /// Print the table of a statement: columns of profiles, or aggregates of groups
    Query(Question),
    /// Print how long audiences take, measured inside the process
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Print the identifiers, traits and numbers of events
    Get(Who),
    /// Print the facts about each trait, the one that won first
    Explain(Who),
    /// Print the events, oldest first
    Timeline(Who),
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Print the bytes, as the source sent them
    Get(Which),
}

#[derive(Debug, Args)]
pub(crate) struct StoreOnly {
    /// The folder of the store
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The folder of the store; without it a new one under the system's folder for temporary files
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadAs {
    /// What persons are
    Identify,
    /// What persons did
    Track,
    /// Messages that say themselves what they are, as Segment sends them
    Messages,
    /// What things that are no persons are
    Entity,
    /// Which groups persons belong to
    Membership,
    /// What persons allowed
    Consent,
    /// That two identifiers are one person: what another matcher found
    Evidence,
}

/// What stands around cells that hold a delimiter, if anything does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote(pub(crate) Option<u8>);

fn quote(text: &str) -> Result<Quote, String> {
    if text == "none" { Ok(Quote(None)) } else { one_byte(text).map(|byte| Quote(Some(byte))) }
}

fn one_byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err("give one ASCII character".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The folder of the store; it is made when there is none
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The system that the files come from
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    /// What the rows are: what persons are (traits) or did (events), messages, entities, memberships or consents
    #[arg(
        long = "as",
        value_name = "identify|track|messages|entity|membership|consent",
        hide_possible_values = true
    )]
    pub(crate) kind: LoadAs,
    #[command(flatten)]
    pub(crate) rows: RowArguments,
    /// csv, tsv, ndjson, parquet or arrow; without it by the file's name
    #[arg(long, value_name = "F", value_parser = engine::<Format>)]
    pub(crate) format: Option<Format>,
    /// A column that identifies the person; may be given many times
    #[arg(long, value_name = "NAMESPACE=COLUMN", value_parser = pair)]
    pub(crate) id: Vec<(String, String)>,
    /// The column that says when; without it the time of receipt counts
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time: Option<String>,
    /// How the time is written: s, ms, us, ns since 1970, iso, or a pattern such as %d/%m/%Y
    #[arg(long, value_name = "UNIT", default_value = "iso", value_parser = engine::<TimeUnit>)]
    pub(crate) time_unit: TimeUnit,
    /// The zone of times that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) zone: String,
    /// The columns that together name a row, so that it counts once however often it is loaded
    #[arg(long, value_name = "COLUMN[,COLUMN]", value_delimiter = ',')]
    pub(crate) message_id: Vec<String>,
    /// What stands between the cells: one character, tab or whitespace
    #[arg(long, value_name = "C", value_parser = engine::<Delimiter>, allow_hyphen_values = true)]
    pub(crate) delimiter: Option<Delimiter>,
    /// What stands around cells that hold a delimiter: one character, or none
    #[arg(long, value_name = "C", value_parser = quote)]
    pub(crate) quote: Option<Quote>,
    /// What stands before a quote in a quoted cell; without it such a quote is doubled
    #[arg(long, value_name = "C", value_parser = one_byte)]
    pub(crate) escape: Option<u8>,
    /// The encoding of text files, such as windows-1252; without it UTF-8, or UTF-16 by its mark
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,
    /// live, or history, which never causes a message to anybody
    #[arg(long, value_name = "ORIGIN", default_value = "live", value_parser = origin)]
    pub(crate) origin: Origin,
    /// When the load is done: memory, os, group or sync; without it group, and sync when there are consents in it
    #[arg(long, value_name = "LEVEL", value_parser = engine::<Level>)]
    pub(crate) level: Option<Level>,
    /// Load nothing when a row is broken
    #[arg(long)]
    pub(crate) strict: bool,
    /// A row whose message id is known with other content takes its place, instead of being a conflict
    #[arg(long)]
    pub(crate) revise: bool,
    /// Match the profiles that the load touched with all others, by the saved model
    #[arg(long = "match")]
    pub(crate) matching: bool,
    #[command(flatten)]
    pub(crate) database: Database,
    /// Files, plain, gzip or zstd, folders of them, patterns such as 'data/*.csv', or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "from")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Question {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    #[command(flatten)]
    pub(crate) moment: Moment,
    /// A condition on p, or SELECT count(*) FROM profiles p WHERE ...
    pub(crate) text: String,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) question: Question,
    /// Print a statement for a warehouse (DuckDB) instead
    #[arg(long)]
    pub(crate) sql: bool,
    /// Print what was expected of each step, too, and how long it took
    #[arg(long, conflicts_with = "sql")]
    pub(crate) analyze: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Members {
    #[command(flatten)]
    pub(crate) question: Question,
    #[command(flatten)]
    pub(crate) page: Page,
}

#[derive(Debug, Args)]
pub(crate) struct Breakdown {
    #[command(flatten)]
    pub(crate) question: Question,
    /// One trait or two
    #[arg(long, value_name = "TRAIT[,TRAIT]", value_delimiter = ',', required = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) by: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) question: Question,
    /// The trait
    #[arg(long, value_name = "TRAIT")]
    pub(crate) by: String,
    /// How many profiles at most
    #[arg(long, value_name = "N", default_value_t = limits::TOP_DEFAULT, value_parser = rows)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Aggregate {
    #[command(flatten)]
    pub(crate) question: Question,
    /// The trait
    #[arg(long, value_name = "TRAIT")]
    pub(crate) of: String,
}

#[derive(Debug, Args)]
pub(crate) struct Overlap {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    #[command(flatten)]
    pub(crate) moment: Moment,
    /// The audiences
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Lift {
    #[command(flatten)]
    pub(crate) question: Question,
    /// How many values at most
    #[arg(long, value_name = "N", default_value_t = limits::TOP_DEFAULT, value_parser = rows)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    #[command(flatten)]
    pub(crate) moment: Moment,
    /// Audiences, separated by ';', each named by a line '-- name' before it
    #[arg(
        long,
        value_name = "QUERIES.sql",
        conflicts_with = "text",
        required_unless_present = "text"
    )]
    pub(crate) file: Option<PathBuf>,
    /// How often each audience is timed
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = runs)]
    pub(crate) runs: u32,
    /// One audience
    pub(crate) text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Who {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Any identifier of the person, such as email=someone@example.org
    #[arg(value_name = "NAMESPACE=VALUE", value_parser = pair)]
    pub(crate) identifier: (String, String),
    /// Show what was so at a time: what happened later is hidden
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    pub(crate) as_of: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The source that sent the record
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    /// The message id that the source gave it
    pub(crate) message_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Retract {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// All records of a load; 'nave stats' lists the loads
    #[arg(long, value_name = "ID", value_parser = load_id,
          conflicts_with_all = ["source", "message_id", "from", "to"])]
    pub(crate) load: Option<LoadId>,
    /// The source that sent the record or records
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// The message id that the source gave the record
    #[arg(long, value_name = "ID", requires = "source", conflicts_with_all = ["from", "to"])]
    pub(crate) message_id: Option<String>,
    /// All records of the source from this position on
    #[arg(long, value_name = "POSITION", requires = "source", value_parser = position)]
    pub(crate) from: Option<Position>,
    /// All records of the source up to and with this position
    #[arg(long, value_name = "POSITION", requires = "source", value_parser = position)]
    pub(crate) to: Option<Position>,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Print a digest of all logical state instead, which is equal for equal content
    #[arg(long)]
    pub(crate) digest: bool,
}

pub(crate) fn engine<T: FromStr<Err = navedb::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: navedb::Error| e.message().to_owned())
}

pub(crate) fn engine_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|e| e.message().to_owned())
}

/// Corrections have rules of their own and are not loaded from files.
fn origin(text: &str) -> Result<Origin, String> {
    match text {
        "live" => Ok(Origin::Live),
        "history" => Ok(Origin::History),
        _ => Err(format!("'{text}' is no origin; use live or history")),
    }
}

fn runs(text: &str) -> Result<u32, String> {
    const MOST: u32 = 1_000_000;
    let runs = text.parse().ok().filter(|runs| (1..=MOST).contains(runs));
    runs.ok_or_else(|| format!("'{text}' is no number of runs; use 1 to {MOST}"))
}

pub(crate) fn rows(text: &str) -> Result<usize, String> {
    const MOST: usize = limits::MEMBERS_MAX;
    let rows = text.parse().ok().filter(|rows| (1..=MOST).contains(rows));
    rows.ok_or_else(|| format!("'{text}' is no number of rows; use 1 to {MOST}"))
}

fn load_id(text: &str) -> Result<LoadId, String> {
    text.parse()
        .map(LoadId)
        .map_err(|_| format!("'{text}' is no load; 'nave stats' lists the loads"))
}

pub(crate) fn position(text: &str) -> Result<Position, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(Position).ok_or_else(|| {
        format!(
            "'{text}' is no position; use a number from 1, as 'nave quarantine list' shows them"
        )
    })
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(format!("'{text}' needs a '=' between a name and what it says, both not empty")),
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
