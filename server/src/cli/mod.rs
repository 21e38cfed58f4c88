//! The command line.
//!
//! *What it is:* `arguments` says what may be typed; each other module runs a few commands;
//! `output` prints, as text or as one JSON document; `failure` is what goes wrong. *Invariants:*
//! exit code 0 done, 1 failed, 2 wrong usage, 3 done but an expectation is not met, 130 interrupted;
//! an error is one line on standard error that names the remedy; a command that only reads never makes a store. *What
//! it does not know:* the network.
//! *Where to start reading:* `arguments`, then `load`.

mod arguments;
mod audience;
mod bench;
mod care;
mod database;
mod define;
mod demo;
mod demo_segments;
mod export;
mod failure;
mod files;
mod household;
mod identity;
mod identity_arguments;
mod identity_text;
mod kinds;
mod load;
mod maintain;
mod moment;
mod output;
mod page;
mod profile;
mod progress;
mod quality;
mod quarantine;
mod segment;
mod segment_arguments;
mod segment_text;
mod serve;
mod sources;
mod statements;
mod store;
mod stream;
mod text;
mod timer;

use arguments::{Arguments, AudienceCommand, Command, ProfileCommand, RecordCommand};
use care::{QuarantineCommand, SourceCommand};
use clap::Parser;
use clap::error::ErrorKind;
use export::LogCommand;
use failure::Failure;
use navedb::SourceState;
use output::Output;
use std::io::Write;
use std::process::ExitCode;

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
const BREACH: u8 = 3;

/// Reads the arguments, runs the command, and tells how it went.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let mut output = Output::new(arguments.json);
    let failure = match dispatch(arguments.command, &mut output) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    output.fail(&failure);
    ExitCode::from(match failure.kind() {
        "usage" => WRONG_USAGE,
        "interrupted" => progress::INTERRUPTED,
        "breach" => BREACH,
        _ => FAILED,
    })
}

fn dispatch(command: Command, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Demo(demo) => demo::demo(&demo, output),
        Command::Load(load) => load::load(&load, output),
        Command::Audience(command) => ask(command, output),
        Command::Profile(ProfileCommand::Get(who)) => profile::get(&who, output),
        Command::Profile(ProfileCommand::Explain(who)) => profile::explain(&who, output),
        Command::Profile(ProfileCommand::Timeline(who)) => profile::timeline(&who, output),
        Command::Record(RecordCommand::Get(which)) => profile::record(&which, output),
        Command::Identity(command) => identity::run(command, output),
        Command::Segment(command) => segment::run(command, output),
        Command::Stream(command) => stream::run(command, output),
        Command::Timer(command) => timer::run(command, output),
        Command::Trait(command) => segment::run_trait(command, output),
        Command::Quarantine(QuarantineCommand::List(list)) => quarantine::list(&list, output),
        Command::Quarantine(QuarantineCommand::Count(store)) => quarantine::count(&store, output),
        Command::Quarantine(QuarantineCommand::Replay(how)) => quarantine::replay(&how, output),
        Command::Source(command) => source(command, output),
        Command::Quality(what) => quality::quality(&what, output),
        Command::Retract(what) => maintain::retract(&what, output),
        Command::Export(what) => export::export(&what, output),
        Command::Log(LogCommand::Export(what)) => export::log_export(&what, output),
        Command::Log(LogCommand::Import(what)) => export::log_import(&what, output),
        Command::Define(what) => define::define(&what, output),
        Command::Stats(stats) => maintain::stats(&stats, output),
        Command::Check(store) => maintain::check(&store, output),
        Command::Rebuild(store) => maintain::rebuild(&store, output),
        Command::Repair(store) => maintain::repair(&store, output),
        Command::Serve(serve) => serve::serve(&serve, output),
        Command::Docs => serve::docs(output),
    }
}

fn source(command: SourceCommand, output: &Output) -> Result<(), Failure> {
    let (name, state) = match command {
        SourceCommand::List(store) => return sources::list(&store, output),
        SourceCommand::Hold(name) => (name, SourceState::Held),
        SourceCommand::Release(name) => (name, SourceState::Live),
        SourceCommand::Refuse(name) => (name, SourceState::Refused),
    };
    sources::set(&name, state, output)
}

fn ask(command: AudienceCommand, output: &Output) -> Result<(), Failure> {
    match command {
        AudienceCommand::Count(question) => audience::count(&question, output),
        AudienceCommand::Explain(explain) => audience::explain(&explain, output),
        AudienceCommand::Members(members) => audience::members(&members, output),
        AudienceCommand::Breakdown(breakdown) => audience::breakdown(&breakdown, output),
        AudienceCommand::Top(top) => audience::top(&top, output),
        AudienceCommand::Aggregate(aggregate) => audience::aggregate(&aggregate, output),
        AudienceCommand::Overlap(overlap) => audience::overlap(&overlap, output),
        AudienceCommand::Lift(lift) => audience::lift(&lift, output),
        AudienceCommand::Query(question) => audience::query(&question, output),
        AudienceCommand::Bench(bench) => bench::bench(&bench, output),
    }
}

/// Help and version are answers; all else is wrong usage, told in one line.
fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has seen enough is no failure.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(WRONG_USAGE)
        }
        _ => {
            let _ = writeln!(std::io::stderr(), "nave: {}", one_line(&error.render().to_string()));
            ExitCode::from(WRONG_USAGE)
        }
    }
}

/// The lines of a usage error up to the usage itself, as one, and where to read more.
fn one_line(rendered: &str) -> String {
    let (error, usage) = rendered.split_once("Usage: ").unwrap_or((rendered, "nave"));
    let told = error.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = told.take_while(|line| !line.starts_with("For more")).collect();
    let told = told.join("; ").replace(":; ", ": ");
    let words = usage.split_whitespace().take_while(|word| word.starts_with(char::is_alphabetic));
    let command = words.collect::<Vec<_>>().join(" ");
    format!("{}; see '{command} --help'", told.strip_prefix("error: ").unwrap_or(&told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_one_line_that_names_the_help() {
        for (line, wanted) in [
            ("frob", "unrecognized subcommand 'frob'; see 'nave --help'"),
            (
                "check",
                "the following required arguments were not provided: --data <DIR>; see 'nave check \
                 --help'",
            ),
            (
                "profile get --data d x",
                "invalid value 'x' for '<NAMESPACE=VALUE>': 'x' needs a '=' between a name and what it \
                 says, both not empty; see 'nave --help'",
            ),
        ] {
            let words = std::iter::once("nave").chain(line.split(' '));
            let error = Arguments::try_parse_from(words).unwrap_err();
            assert_eq!(one_line(&error.render().to_string()), wanted, "{line}");
        }
    }
}
