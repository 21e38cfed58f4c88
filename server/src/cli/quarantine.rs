//! `nave quarantine list`, `count` and `replay`: what could not be folded, and what to do about it.
//!
//! *Invariants:* a page says how to go on; a replay tells what is left and why. *Where to start
//! reading:* `list`.

use super::arguments::StoreOnly;
use super::care::{QuarantineList, QuarantineReplay};
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use super::text::{Side, grouped, section};
use crate::care;
use navedb::{Accept, QuarantineCount, QuarantineItem, QuarantineRequest};

/// `nave quarantine count`
pub(crate) fn count(arguments: &StoreOnly, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&arguments.data, false, output)?;
    let counts = store.view().quarantine_counts()?;
    store.leave();
    output.answer(|| counts_text(&counts), || care::quarantine_counts(&counts))
}

/// `nave quarantine list`
pub(crate) fn list(arguments: &QuarantineList, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&arguments.store.data, false, output)?;
    let page = store.view().quarantine(&QuarantineRequest {
        source: arguments.source.clone(),
        kind: arguments.kind,
        field: arguments.field.clone(),
        limit: arguments.limit,
        after: arguments.after,
    })?;
    store.leave();
    output.answer(
        || page.items.iter().map(|item| line(item) + "\n").collect(),
        || care::quarantine(&page),
    )?;
    if let Some(next) = page.next {
        output.note(&format!("note: there is more; go on with --after {next}"));
    }
    Ok(())
}

/// `nave quarantine replay`
pub(crate) fn replay(arguments: &QuarantineReplay, output: &Output) -> Result<(), Failure> {
    let accept = match arguments.accept {
        Some(position) => Accept::One(position),
        None if arguments.all_conflicts => Accept::AllConflicts,
        None => Accept::Free,
    };
    let store = Store::open(&arguments.store.data, false, output)?;
    let report = store.session().replay(accept)?;
    store.close()?;
    let left: u64 = report.left.iter().map(|count| count.count).sum();
    output.answer(
        || {
            let mut text = format!(
                "{} in quarantine before, {} conflicts decided, {} left\n",
                grouped(report.before),
                grouped(report.accepted),
                grouped(left)
            );
            text.push_str(&counts_text(&report.left));
            text
        },
        || care::replay_report(&report),
    )
}

fn counts_text(counts: &[QuarantineCount]) -> String {
    let rows: Vec<Vec<String>> = counts
        .iter()
        .map(|count| {
            let kind = count.kind.word().to_owned();
            vec![grouped(count.count), count.source.clone(), kind, count.about.clone()]
        })
        .collect();
    let mut text = String::new();
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    section(&mut text, "in quarantine", &sides, &rows);
    if rows.is_empty() { "nothing is in quarantine\n".to_owned() } else { text }
}

/// An item: where it is, what it is, and why.
fn line(item: &QuarantineItem) -> String {
    let place = match (&item.file, item.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => String::new(),
    };
    let load = item.load.map(|load| load.to_string()).unwrap_or_default();
    let fields = [
        item.position.to_string(),
        item.source.clone(),
        load,
        place,
        item.kind.word().to_owned(),
        item.field.clone().unwrap_or_default(),
        item.value.clone(),
        item.reason.clone(),
    ];
    fields.map(|field| field.replace(['\t', '\r', '\n'], " ")).join("\t")
}
