//! The command line.
//!
//! *What it is:* `arguments` says what may be typed; each other module runs a few commands;
//! `output` prints, as text or as one JSON document; `failure` is what goes wrong. *Invariants:*
//! exit code 0 done, 1 failed, 2 wrong usage, 130 interrupted; an error is one line on standard error that names the
//! remedy; a command that only reads never makes a store. *What it does not know:* the network.
//! *Where to start reading:* `arguments`, then `load`.

mod arguments;
mod audience;
mod bench;
mod database;
mod demo;
mod failure;
mod load;
mod maintain;
mod output;
mod profile;
mod progress;
mod serve;
mod statements;
mod store;
mod text;

use arguments::{Arguments, AudienceCommand, Command, ProfileCommand, RecordCommand};
use clap::Parser;
use clap::error::ErrorKind;
use failure::Failure;
use output::Output;
use std::io::Write;
use std::process::ExitCode;

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

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
        Command::Retract(what) => maintain::retract(&what, output),
        Command::Stats(stats) => maintain::stats(&stats, output),
        Command::Check(store) => maintain::check(&store, output),
        Command::Rebuild(store) => maintain::rebuild(&store, output),
        Command::Repair(store) => maintain::repair(&store, output),
        Command::Serve(serve) => serve::serve(&serve, output),
        Command::Docs => serve::docs(output),
    }
}

fn ask(command: AudienceCommand, output: &Output) -> Result<(), Failure> {
    match command {
        AudienceCommand::Count(question) => audience::count(&question, output),
        AudienceCommand::Explain(explain) => audience::explain(&explain, output),
        AudienceCommand::Members(members) => audience::members(&members, output),
        AudienceCommand::Breakdown(breakdown) => audience::breakdown(&breakdown, output),
        AudienceCommand::Top(top) => audience::top(&top, output),
        AudienceCommand::Aggregate(aggregate) => audience::aggregate(&aggregate, output),
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
            ("profile get --data d x", {
                "invalid value 'x' for '<NAMESPACE=VALUE>': 'x' has no '=' between two words; see \
                 'nave --help'"
            }),
        ] {
            let words = std::iter::once("nave").chain(line.split(' '));
            let error = Arguments::try_parse_from(words).unwrap_err();
            assert_eq!(one_line(&error.render().to_string()), wanted, "{line}");
        }
    }
}
