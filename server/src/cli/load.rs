//! `nave load`: files into the store, and what became of their rows.
//!
//! *Invariants:* every broken row is told with file, line and column, as far as the engine lists
//! them, and the rest is counted; with `--strict` a broken row is a failure. *Where to start
//! reading:* `load`, then `summary`.

use super::arguments::{Load, Quote};
use super::database;
use super::failure::Failure;
use super::files;
use super::identity_text::follow_text;
use super::kinds::record_kind;
use super::output::Output;
use super::progress::{Meter, Stop};
use super::quality;
use super::store::Store;
use super::text::grouped;
use crate::resp::Reply;
use crate::{identity, shape};
use navedb::{FileReport, FollowReport, LoadReport, LoadRequest, ProfileMatcher};
use std::fmt::Write;

/// `nave load`
pub(crate) fn load(arguments: &Load, output: &Output) -> Result<(), Failure> {
    // Before a store is made for nothing.
    let mut request = request(arguments)?;
    let stop = Stop::listen()?;
    let mut opened = None;
    if let Some(address) = &arguments.database.from {
        let database::Source { store, input, following, note } =
            database::source(arguments, address, &stop, output)?;
        request.inputs.push(input);
        request.following = following;
        opened = store;
        if let Some(note) = note {
            output.note(&note);
        }
    } else {
        request.inputs = files::inputs(&arguments.files, arguments.format, output)?;
    }
    let store = opened.map_or_else(|| Store::open_to_load(&arguments.data, true, output), Ok)?;
    // Before anything is loaded: without a saved model nothing could be matched.
    let mut matcher = arguments.matching.then(|| store.matcher()).transpose()?;
    let report = run(&store, &request, &stop, output)?;
    let followed = matcher.as_mut().map(ProfileMatcher::follow);
    store.close()?;
    tell_broken(&report, output);
    let found = followed.as_ref().and_then(|followed| followed.as_ref().ok());
    output.answer(
        || summary(&report) + &found.map(follow_text).unwrap_or_default(),
        || with_matching(shape::load_report(&report), found),
    )?;
    if let Some(Err(e)) = followed {
        let message = format!(
            "what could be loaded is loaded, and not all of it was matched: {e}; 'nave identity match' goes on"
        );
        return Err(Failure::new("io", message).already_told());
    }
    let broken: u64 = report.files.iter().map(|file| file.broken).sum();
    if arguments.strict && broken > 0 {
        let message = format!(
            "nothing was loaded: {broken} rows are broken; mend them, or leave out --strict"
        );
        return Err(Failure::new("invalid", message).already_told());
    }
    if report.interrupted {
        return Err(Failure::new("interrupted", interrupted(&report)).already_told());
    }
    if report.held {
        let name = &arguments.source;
        output.note(&format!(
            "note: source '{name}' is held: what comes from now on is in the log, and counts when \
             'nave source release' lets it"
        ));
    }
    let failed = report.files.iter().filter(|file| file.failure.is_some()).count();
    if failed > 0 {
        let message =
            format!("{failed} files could not be read whole; what could be read was loaded");
        return Err(Failure::new("invalid", message).already_told());
    }
    quality::tell(&report.breaches, &[], output)
}

/// The report of a load that was matched.
fn with_matching(report: Reply, found: Option<&FollowReport>) -> Reply {
    match (report, found) {
        (Reply::Map(mut fields), Some(found)) => {
            fields.push((Reply::from("matching"), identity::followed(found)));
            Reply::Map(fields)
        }
        (report, _) => report,
    }
}

/// Loads, showing how far it is, until it is done or somebody asks it to stop.
pub(crate) fn run(
    store: &Store,
    request: &LoadRequest,
    stop: &Stop,
    output: &Output,
) -> Result<LoadReport, Failure> {
    let mut meter = Meter::new(output);
    let loaded = store.db().load_with(request, &mut |progress| {
        meter.tell(progress);
        stop.flow()
    });
    meter.end();
    Ok(loaded?)
}

/// What was reached, and how it goes on.
fn interrupted(report: &LoadReport) -> String {
    let rows: u64 = report.files.iter().map(|file| file.rows).sum();
    let safe = if rows == 0 { "nothing is loaded yet" } else { "what is loaded stays" };
    format!(
        "interrupted after {} rows, {safe}; the same command again goes on from there",
        grouped(rows)
    )
}

fn request(arguments: &Load) -> Result<LoadRequest, Failure> {
    let mut request =
        LoadRequest::new(&arguments.source, record_kind(arguments.kind, &arguments.rows)?);
    request.format = arguments.format;
    request.ids.clone_from(&arguments.id);
    request.time.clone_from(&arguments.time);
    request.time_unit = arguments.time_unit.clone();
    request.zone.clone_from(&arguments.zone);
    request.message_id.clone_from(&arguments.message_id);
    request.delimiter = arguments.delimiter;
    request.quote = arguments.quote.unwrap_or(Quote(request.quote)).0;
    request.escape = arguments.escape;
    request.encoding.clone_from(&arguments.encoding);
    request.origin = arguments.origin;
    request.level = arguments.level;
    request.strict = arguments.strict;
    request.revise = arguments.revise;
    Ok(request)
}

fn tell_broken(report: &LoadReport, output: &Output) {
    for file in &report.files {
        let Some(failure) = &file.failure else { continue };
        output.note(&format!("{}: {failure}", file.name));
        if let Some(load) = file.load {
            output.note(&format!(
                "{}: before the mended file is loaded, withdraw these rows: nave retract --load {load}",
                file.name
            ));
        }
    }
    for row in &report.broken {
        output.note(&row.to_string());
    }
    let broken: u64 = report.files.iter().map(|file| file.broken - file.nobody).sum();
    let untold = broken.saturating_sub(report.broken.len() as u64);
    if untold > 0 {
        output.note(&format!("{untold} more broken rows"));
    }
    for file in report.files.iter().filter(|file| file.nobody > 0) {
        output.note(&format!(
            "{}: {} rows name nobody: by the rules of identity all their identifiers stand for no one; \
             'nave quarantine list' shows them, 'nave identity rules' the rules",
            file.name, file.nobody
        ));
    }
}

/// A line per file, and how safe it all is.
pub(crate) fn summary(report: &LoadReport) -> String {
    let mut text = String::new();
    for file in &report.files {
        text.push_str(&file_line(file));
        text.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "position {}, level {}", report.position, report.level);
    text
}

fn file_line(file: &FileReport) -> String {
    if file.rows == 0 && file.failure.is_some() {
        return format!("{}: nothing could be read", file.name);
    }
    if file.rows > 0 && file.duplicates == file.rows {
        return format!("nothing new: every row of {} is already in the store", file.name);
    }
    let mut line = format!(
        "{}: {} rows, {} new, {} duplicates, {} conflicts, {} broken",
        file.name, file.rows, file.written, file.duplicates, file.conflicts, file.broken
    );
    if file.revised > 0 {
        let _ = write!(line, ", {} revised", file.revised);
    }
    if file.quarantined_values > 0 {
        let _ = write!(line, ", {} values in quarantine", file.quarantined_values);
    }
    if file.beyond_names > 0 {
        let _ = write!(line, ", {} values under too many new names", file.beyond_names);
    }
    if let Some(row) = file.continued_at {
        let _ = write!(line, ", continued at row {row}");
    }
    if file.lost > 0 {
        let _ = write!(line, ", {} lost", file.lost);
    }
    if file.failure.is_some() {
        line.push_str(", not read whole");
    }
    if let Some(load) = file.load {
        let _ = write!(line, " (load {load})");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_became_of_a_file() {
        let file = FileReport {
            name: "f.csv".to_owned(),
            load: None,
            rows: 5,
            continued_at: None,
            written: 2,
            revised: 0,
            duplicates: 1,
            conflicts: 1,
            quarantined_values: 0,
            beyond_names: 0,
            broken: 1,
            nobody: 0,
            lost: 0,
            failure: None,
        };
        assert_eq!(file_line(&file), "f.csv: 5 rows, 2 new, 1 duplicates, 1 conflicts, 1 broken");
        let again = FileReport { duplicates: 5, written: 0, conflicts: 0, broken: 0, ..file };
        assert_eq!(file_line(&again), "nothing new: every row of f.csv is already in the store");
    }
}
