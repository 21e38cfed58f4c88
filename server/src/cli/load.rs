//! `nave load`: files into the store, and what became of their rows.
//!
//! *Invariants:* every broken row is told with file, line and column, as far as the engine lists
//! them, and the rest is counted; with `--strict` a broken row is a failure. *Where to start
//! reading:* `load`, then `summary`.

use super::arguments::{Load, LoadAs};
use super::failure::Failure;
use super::output::Output;
use super::quality;
use super::store::Store;
use super::text::grouped;
use crate::shape;
use navedb::{FileReport, Input, LoadReport, LoadRequest, RecordKind, Said};
use std::fmt::Write;

/// `nave load`
pub(crate) fn load(arguments: &Load, output: &Output) -> Result<(), Failure> {
    let request = request(arguments)?;
    // Before a store is made for nothing.
    for file in &arguments.files {
        std::fs::metadata(file).map_err(|e| {
            let message = format!("cannot read {}: {e}; name an existing file", file.display());
            Failure::new(
                if e.kind() == std::io::ErrorKind::NotFound { "not_found" } else { "io" },
                message,
            )
        })?;
    }
    let store = Store::open(&arguments.data, true, output)?;
    let report = run(&store, &request, output)?;
    store.close()?;
    tell_broken(&report, output);
    output.answer(|| summary(&report), || shape::load_report(&report))?;
    let broken: u64 = report.files.iter().map(|file| file.broken).sum();
    if arguments.strict && broken > 0 {
        let message = format!(
            "nothing was loaded: {broken} rows are broken; mend them, or leave out --strict"
        );
        return Err(Failure::new("invalid", message).already_told());
    }
    if report.held {
        let name = &arguments.source;
        output.note(&format!(
            "note: source '{name}' is held: what comes from now on is in the log, and counts when \
             'nave source release' lets it"
        ));
    }
    quality::tell(&report.breaches, &[], output)
}

/// Loads, showing how far it is.
pub(crate) fn run(
    store: &Store,
    request: &LoadRequest,
    output: &Output,
) -> Result<LoadReport, Failure> {
    let mut shown = 0;
    let loaded = store.db().load_with(request, &mut |rows| {
        shown += 1;
        output.progress(&format!("{} rows", grouped(rows)));
    });
    if shown > 0 {
        output.progress("");
    }
    Ok(loaded?)
}

fn request(arguments: &Load) -> Result<LoadRequest, Failure> {
    let mut request = LoadRequest::new(&arguments.source, record_kind(arguments)?);
    request.inputs = arguments.files.iter().cloned().map(Input::Path).collect();
    request.format = arguments.format;
    request.ids.clone_from(&arguments.id);
    request.time.clone_from(&arguments.time);
    request.time_unit = arguments.time_unit.clone();
    request.zone.clone_from(&arguments.zone);
    request.message_id.clone_from(&arguments.message_id);
    request.delimiter = arguments.delimiter;
    request.origin = arguments.origin;
    request.level = arguments.level;
    request.strict = arguments.strict;
    request.revise = arguments.revise;
    Ok(request)
}

fn record_kind(arguments: &Load) -> Result<RecordKind, Failure> {
    match (arguments.kind, &arguments.event, &arguments.event_column) {
        (LoadAs::Identify, None, None) => Ok(RecordKind::Identify),
        (LoadAs::Identify, ..) => {
            Err(Failure::usage("--event and --event-column go with --as track; leave them out"))
        }
        (LoadAs::Track, Some(name), _) => Ok(RecordKind::Track(Said::Fixed(name.clone()))),
        (LoadAs::Track, None, Some(column)) => Ok(RecordKind::Track(Said::Column(column.clone()))),
        (LoadAs::Track, None, None) => {
            Err(Failure::usage("--as track needs --event NAME or --event-column COLUMN"))
        }
    }
}

fn tell_broken(report: &LoadReport, output: &Output) {
    for row in &report.broken {
        output.note(&row.to_string());
    }
    let broken: u64 = report.files.iter().map(|file| file.broken).sum();
    let untold = broken.saturating_sub(report.broken.len() as u64);
    if untold > 0 {
        output.note(&format!("{untold} more broken rows"));
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
            written: 2,
            revised: 0,
            duplicates: 1,
            conflicts: 1,
            quarantined_values: 0,
            broken: 1,
        };
        assert_eq!(file_line(&file), "f.csv: 5 rows, 2 new, 1 duplicates, 1 conflicts, 1 broken");
        let again = FileReport { duplicates: 5, written: 0, conflicts: 0, broken: 0, ..file };
        assert_eq!(file_line(&again), "nothing new: every row of f.csv is already in the store");
    }
}
