//! `nave demo`: real purchases, the questions of a shop, segments while the months go by, and what to try next.
//!
//! *Invariants:* the data and the questions are part of the program, so the demo needs no file and
//! no network; the questions are asked for the day after the last purchase; a second run finds
//! every row known and answers the same. *Where to start reading:* `demo`.

use super::arguments::Demo;
use super::bench::{Timing, time};
use super::demo_segments;
use super::failure::Failure;
use super::load;
use super::maintain::shown;
use super::output::Output;
use super::profile::{profile_text, timeline_text};
use super::progress::Stop;
use super::statements::{self, Statement};
use super::store::Store;
use super::text::{grouped, indented, size};
use crate::resp::Reply;
use crate::shape;
use navedb::{
    At, Delimiter, Format, Input, LoadReport, LoadRequest, Origin, Profile, RecordKind, Said,
    Stats, TimeUnit, TimelineEvent, Timestamp,
};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

const PURCHASES: &[u8] = include_bytes!("../../../tests/data/cdnow_master.txt");
const QUESTIONS: &str = include_str!("demo_audiences.sql");
const NOW: &str = "1998-07-01T00:00:00Z";
const RUNS: u32 = 21;

/// A customer of January 1997 who spent much, stayed, and came back.
const CUSTOMER: (&str, &str) = ("user_id", "01909");

/// Who buys often, for those who try a segment themselves.
const LOYAL: &str =
    "(SELECT count(*) FROM purchase e WHERE e.time >= now() - INTERVAL '180 days') >= 3";

const INTRODUCTION: &str = "\
Nave demo: the purchases of an online music shop, January 1997 to June 1998.
Data: the CDNOW set, published by P. Fader and B. Hardie for research, as shipped in the
MIT-licensed package `lifetimes`.

";

/// `nave demo`
pub(crate) fn demo(arguments: &Demo, output: &Output) -> Result<(), Failure> {
    let data = arguments.data.clone().map_or_else(new_folder, Ok)?;
    output.piece(INTRODUCTION)?;
    let store = Store::open(&data, true, output)?;
    let start = Instant::now();
    let stop = Stop::listen()?;
    let report = load::run(&store, &request(), &stop, output)?;
    if report.interrupted {
        store.close()?;
        let message = "interrupted; the same command again goes on from there";
        return Err(Failure::new("interrupted", message));
    }
    let seconds = start.elapsed().as_secs_f64();
    let view = store.view();
    output.piece(&loaded(&view.stats()?, &report, &data, seconds))?;
    let at = At::Now(Timestamp::parse(NOW)?);
    let statements = statements::read(QUESTIONS);
    let mut timings = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let timing =
            time(&view, &statement.text, at, RUNS).map_err(|f| f.about(&statement.name))?;
        output.piece(&asked(index + 1, statement, &timing))?;
        timings.push(timing);
    }
    let missing = || {
        Failure::new("not_found", "this folder holds other data; choose a new one with --data DIR")
    };
    let profile = view.profile(CUSTOMER.0, CUSTOMER.1)?.ok_or_else(missing)?;
    let events = view.timeline(CUSTOMER.0, CUSTOMER.1)?.ok_or_else(missing)?;
    store.close()?;
    output.piece(&met(&profile, &events))?;
    let purchases = String::from_utf8_lossy(PURCHASES);
    let replayed = demo_segments::replay(&purchases, Timestamp::parse(NOW)?, &stop)?;
    output.piece(&replayed.text())?;
    output.answer(
        || next(&data),
        || {
            Reply::map([
                ("data", Reply::from(data.display().to_string())),
                ("now", Reply::from(NOW)),
                ("load", shape::load_report(&report)),
                ("seconds", Reply::Double(seconds)),
                ("audiences", audiences(&statements, &timings)),
                ("profile", shape::profile(&profile)),
                ("timeline", shape::timeline(&events)),
                ("replay", replayed.reply()),
            ])
        },
    )
}

/// A folder that does not exist yet.
fn new_folder() -> Result<PathBuf, Failure> {
    let parent = std::env::temp_dir();
    let name = |number: u32| parent.join(format!("nave-demo-{}-{number}", std::process::id()));
    (1..1000).map(name).find(|path| !path.exists()).ok_or_else(|| {
        let message =
            format!("{} is full of demos; choose a folder with --data DIR", parent.display());
        Failure::new("conflict", message)
    })
}

fn request() -> LoadRequest {
    let kind = RecordKind::Track(Said::Fixed("purchase".to_owned()));
    let mut request = LoadRequest::new("cdnow", kind);
    let name = "cdnow_master.txt".to_owned();
    request.inputs = vec![Input::Bytes { name, bytes: PURCHASES.to_vec() }];
    request.format = Some(Format::Csv);
    request.delimiter = Some(Delimiter::Whitespace);
    request.ids = vec![("user_id".to_owned(), "customer_id".to_owned())];
    request.time = Some("date".to_owned());
    request.time_unit = TimeUnit::Pattern("%Y%m%d".to_owned());
    request.origin = Origin::History;
    request
}

fn loaded(stats: &Stats, report: &LoadReport, data: &Path, seconds: f64) -> String {
    let events: u64 = stats.events.iter().map(|(_, count)| count).sum();
    format!(
        "{}In {}, after {seconds:.2} s: {} customers, {} purchases, {} of log.\n\n\
         The questions, as if today were {NOW}; each time is the median of {RUNS} runs:\n\n",
        load::summary(report),
        shown(data),
        grouped(stats.profiles),
        grouped(events),
        size(stats.log_bytes),
    )
}

fn asked(number: usize, statement: &Statement, timing: &Timing) -> String {
    format!(
        "{number:>2}. {}\n{}    => {} customers, {} µs\n\n",
        statement.comment,
        indented("      ", &statement.text),
        grouped(timing.answer),
        grouped(timing.median_us.round() as u64),
    )
}

fn met(profile: &Profile, events: &[TimelineEvent]) -> String {
    let (namespace, value) = CUSTOMER;
    format!(
        "One of the customers of question 7, {namespace} {value}:\n\n{}\nand the timeline:\n\n{}\n",
        indented("  ", &profile_text(profile)),
        timeline_text("  ", events)
    )
}

fn audiences(statements: &[Statement], timings: &[Timing]) -> Reply {
    Reply::list(statements.iter().zip(timings), |(statement, timing)| {
        Reply::map([
            ("name", Reply::from(statement.name.as_str())),
            ("question", Reply::from(statement.comment.as_str())),
            ("text", Reply::from(statement.text.as_str())),
            ("answer", Reply::count(timing.answer)),
            ("median_us", Reply::Double(timing.median_us)),
        ])
    })
}

/// Commands that can be typed as they stand.
fn next(data: &Path) -> String {
    let program =
        std::env::args_os().next().map_or_else(|| "nave".to_owned(), |p| shown(Path::new(&p)));
    let data = shown(data);
    let (namespace, value) = CUSTOMER;
    let count = format!("{program} audience count --data {data}");
    let explain = format!("{program} audience explain --data {data} --now {NOW}");
    let define = format!("{program} segment define --data {data}");
    let replay = format!("{program} segment replay --data {data}");
    let commands = [
        (
            "ask in one line: a condition on p, joins to the profile may be left out",
            format!("{count} --now {NOW} \"(SELECT sum(dollar_value) FROM purchase) > 500\""),
        ),
        (
            "see how it is answered",
            format!("{explain} \"EXISTS (SELECT 1 FROM purchase WHERE dollar_value > 200)\""),
        ),
        (
            "ask what was true earlier: what happened later is hidden",
            format!("{count} --as-of 1997-07-01 \"(SELECT count(*) FROM purchase) >= 2\""),
        ),
        (
            "look at a customer",
            format!("{program} profile timeline --data {data} {namespace}={value}"),
        ),
        (
            "save a segment, and see who was in it, month by month",
            format!(
                "{define} loyal \"{LOYAL}\" && {replay} loyal --from 1998-01-01 --to 1998-07-01 --every 30d"
            ),
        ),
        (
            "see what is inside, and that every byte holds",
            format!("{program} stats --data {data} && {program} check --data {data}"),
        ),
        ("load it again: every row is known", format!("{program} demo --data {data}")),
        ("serve it until Ctrl-C", format!("{program} serve --data {data}")),
        (
            "and ask from another terminal",
            format!("redis-cli -p 6283 PROFILE.GET {namespace} {value}"),
        ),
    ];
    let mut text = "What to try next:\n\n".to_owned();
    for (why, command) in commands {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  # {why}\n      {command}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_questions_are_named_and_asked_in_words() {
        let statements = statements::read(QUESTIONS);
        assert!(statements.len() >= 10);
        let names: HashSet<_> = statements.iter().map(|statement| &statement.name).collect();
        assert_eq!(names.len(), statements.len());
        for statement in &statements {
            assert!(statement.comment.ends_with('?'), "{}", statement.name);
            assert!(
                statement.text.starts_with("SELECT count(*) FROM profiles p"),
                "{}",
                statement.name
            );
        }
    }
}
