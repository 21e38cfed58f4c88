//! `nave quality`: how good what the sources say is, day by day, and which expectations are not met.
//!
//! *Invariant:* with `--check` a breach is told and is exit code 3. *Where to start reading:* `quality`.

use super::care::Quality as Asked;
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use super::text::{Side, grouped, section};
use crate::care;
use navedb::{Breach, DayQuality, Quality, QualityRequest, SourceQuality};
use std::fmt::Write;

/// `nave quality`
pub(crate) fn quality(arguments: &Asked, output: &Output) -> Result<(), Failure> {
    let request = QualityRequest { source: arguments.source.clone(), days: arguments.days };
    let store = Store::open(&arguments.store.data, false, output)?;
    if !arguments.check {
        let quality = store.view().quality(&request)?;
        store.leave();
        return output.answer(|| text(&quality), || care::quality(&quality));
    }
    store.db().tick()?;
    let (quality, held) = store.session().check_quality(&request)?;
    store.close()?;
    output.answer(|| text(&quality), || care::quality(&quality))?;
    tell(&quality.breaches, &held, output)
}

/// Tells what is not as it is expected.
pub(crate) fn tell(breaches: &[Breach], held: &[String], output: &Output) -> Result<(), Failure> {
    for breach in breaches {
        output.note(&format!("breach: {breach}"));
    }
    for name in held {
        output.note(&format!(
            "note: source '{name}' is held from now on; 'nave source release' lets it go on"
        ));
    }
    if breaches.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} expectations are not met; mend the source, or change what is expected of it",
        breaches.len()
    );
    Err(Failure::new("breach", message).already_told())
}

fn text(quality: &Quality) -> String {
    let mut text = String::new();
    for source in &quality.sources {
        source_text(&mut text, source);
    }
    if text.is_empty() {
        text.push_str("no source said anything\n");
    }
    text
}

fn source_text(text: &mut String, source: &SourceQuality) {
    let when = |time: Option<navedb::Timestamp>| {
        time.map_or_else(|| "never".to_owned(), |time| time.to_string())
    };
    let (event, receipt) = (when(source.newest_event), when(source.newest_receipt));
    let title = format!("{} (newest event {event}, newest receipt {receipt})", source.name);
    let rows: Vec<Vec<String>> = source.days.iter().map(day_row).collect();
    let mut sides = vec![Side::Left];
    sides.extend([Side::Right; 6]);
    sides.push(Side::Left);
    let named = ["day", "rows", "broken", "conflicts", "duplicates", "values", "late p95", "what"];
    let head = vec![named.map(str::to_owned).to_vec()];
    section(text, &title, &sides, &[head, rows].concat());
    for day in &source.days {
        let told = |text: &mut String, what: &str, list: Vec<String>| {
            if !list.is_empty() {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "  {} {what}: {}", day.day, list.join(", "));
            }
        };
        for kind in &day.kinds {
            let nulls = kind.nulls.iter().filter(|(_, nulls)| *nulls > 0);
            let nulls = nulls.map(|(field, nulls)| {
                let tenths = nulls * 1000 / kind.rows.max(1);
                format!("{field} {}.{} %", tenths / 10, tenths % 10)
            });
            told(text, &format!("not said in {}", kind.what), nulls.collect());
        }
        told(text, "new fields", day.new_fields.clone());
        let contradictions = day.contradictions.iter();
        let contradictions = contradictions.map(|(field, n)| format!("{field} {}", grouped(*n)));
        told(text, "values in quarantine", contradictions.collect());
    }
}

fn day_row(day: &DayQuality) -> Vec<String> {
    let rows: u64 = day.kinds.iter().map(|kind| kind.rows).sum();
    let values: u64 = day.contradictions.iter().map(|(_, count)| count).sum();
    let late = day.lateness.map_or_else(String::new, |late| seconds(late.p95));
    let kinds = day.kinds.iter().map(|kind| format!("{} {}", kind.what, grouped(kind.rows)));
    let counts = [rows, day.broken, day.conflicts, day.duplicates, values].map(grouped);
    let mut row = vec![day.day.to_string()];
    row.extend(counts);
    row.extend([late, kinds.collect::<Vec<_>>().join(", ")]);
    row
}

/// A length of time in the greatest unit that it fills.
fn seconds(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
