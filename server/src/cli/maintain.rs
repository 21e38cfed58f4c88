//! `nave retract`, `stats`, `check`, `rebuild` and `repair`: keeping a store.
//!
//! *Invariants:* `check` changes nothing and fails when anything is damaged; what was done and what
//! was lost is told. *Where to start reading:* `check`.

use super::arguments::{Retract, Stats as StatsArguments, StoreOnly};
use super::failure::Failure;
use super::output::Output;
use super::store::{Store, clock, folder, tell};
use super::text::{Side, grouped, pairs, section, size};
use crate::resp::Reply;
use crate::shape;
use navedb::{LoadStats, Retraction, Settings, Stats};
use std::fmt::Write;
use std::path::Path;

/// `nave retract`
pub(crate) fn retract(arguments: &Retract, output: &Output) -> Result<(), Failure> {
    let (what, named) = withdrawn(arguments)?;
    let store = Store::open(&arguments.store.data, false, output)?;
    let receipt = store.session().retract(&what)?;
    store.close()?;
    output.answer(
        || format!("retracted {named}\nposition {}, level {}\n", receipt.position, receipt.level),
        || shape::receipt(&receipt),
    )
}

/// What the arguments name, and the words for it.
fn withdrawn(arguments: &Retract) -> Result<(Retraction, String), Failure> {
    let (from, to) = (arguments.from, arguments.to);
    Ok(match (arguments.load, &arguments.source, &arguments.message_id) {
        (Some(load), ..) => (Retraction::Load(load), format!("load {load}")),
        (None, Some(source), Some(id)) => (
            Retraction::Record { source: source.clone(), message_id: id.clone() },
            format!("record '{id}' of source '{source}'"),
        ),
        (None, Some(source), None) if from.is_some() || to.is_some() => {
            let first = from.map_or_else(|| "the first".to_owned(), |p| p.to_string());
            let last = to.map_or_else(|| "the newest".to_owned(), |p| p.to_string());
            (
                Retraction::Source { source: source.clone(), from, to },
                format!("source '{source}' from position {first} to {last}"),
            )
        }
        _ => {
            return Err(Failure::usage(
                "name --load ID, or --source NAME and --message-id ID, or --source NAME and --from \
                 or --to POSITION",
            ));
        }
    })
}

/// `nave stats`
pub(crate) fn stats(arguments: &StatsArguments, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&arguments.store.data, false, output)?;
    let view = store.view();
    let answer = if arguments.digest {
        let digest = view.digest()?;
        output.answer(
            || format!("{digest}\n"),
            || Reply::map([("digest", Reply::from(digest.as_str()))]),
        )
    } else {
        let stats = view.stats()?;
        output.answer(|| stats_text(&stats), || shape::stats(&stats))
    };
    store.leave();
    answer
}

fn stats_text(stats: &Stats) -> String {
    const NAMED: [Side; 2] = [Side::Left, Side::Right];
    let mut text = String::new();
    let named = |list: &[(String, u64)]| pairs(list.iter().map(|(name, n)| (name.as_str(), *n)));
    let whole = [("profiles", stats.profiles), ("identifiers", stats.identifiers)];
    section(&mut text, "store", &NAMED, &pairs(whole));
    section(&mut text, "events", &NAMED, &named(&stats.events));
    let properties = stats.properties.iter();
    let properties: Vec<_> = properties
        .map(|(event, name, kind)| vec![format!("{event}.{name}"), kind.to_string()])
        .collect();
    section(&mut text, "properties", &[Side::Left; 2], &properties);
    let traits = stats.traits.iter();
    let traits: Vec<_> =
        traits.map(|(name, kind, n)| vec![name.clone(), kind.to_string(), grouped(*n)]).collect();
    section(&mut text, "traits", &[Side::Left, Side::Left, Side::Right], &traits);
    let sources = pairs(stats.sources.iter().map(|source| (source.name.as_str(), source.records)));
    section(&mut text, "records by source", &NAMED, &sources);
    let many = stats.sources.iter().filter(|source| source.beyond_names > 0);
    let many = pairs(many.map(|source| (source.name.as_str(), source.beyond_names)));
    section(&mut text, "values under too many new names", &NAMED, &many);
    let loads: Vec<_> = stats.loads.iter().map(load_row).collect();
    section(&mut text, "loads", &[Side::Right, Side::Left, Side::Left, Side::Right], &loads);
    let identity = [
        ("retractions", stats.identity.retractions),
        ("identifiers with too many neighbours", stats.identity.crowded),
        ("profiles under rules", stats.identity.watched),
    ];
    let identity = identity.into_iter().filter(|(_, count)| *count > 0);
    section(&mut text, "identity", &NAMED, &pairs(identity));
    section(&mut text, "in quarantine", &NAMED, &named(&stats.quarantine));
    section(&mut text, "log and disk", &[Side::Left; 2], &state_rows(stats));
    if let Some(reason) = &stats.read_only {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "the store takes no writes: {reason}");
    }
    text
}

fn load_row(load: &LoadStats) -> Vec<String> {
    vec![load.id.to_string(), load.source.clone(), load.file.clone(), grouped(load.rows)]
}

fn state_rows(stats: &Stats) -> Vec<Vec<String>> {
    let mut rows = vec![
        ("position", stats.position.to_string()),
        ("durable up to", stats.durable.to_string()),
        ("clock", stats.clock.to_string()),
        ("log", size(stats.log_bytes)),
        ("derived files", size(stats.derived_bytes)),
    ];
    if stats.torn_tails > 0 {
        rows.push(("torn ends cut off", stats.torn_tails.to_string()));
    }
    if stats.lists_not_folded > 0 {
        rows.push(("lists kept in the original alone", grouped(stats.lists_not_folded)));
    }
    rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

/// `nave check`
pub(crate) fn check(arguments: &StoreOnly, output: &Output) -> Result<(), Failure> {
    let report = navedb::check(folder(&arguments.data))?;
    output.answer(
        || {
            let mut text = format!(
                "{} frames with {} rows and {} derived files hold\n",
                grouped(report.frames),
                grouped(report.rows),
                grouped(report.derived)
            );
            let notes = report.notes.iter().map(|line| format!("note: {line}\n"));
            let damage = report.damage.iter().map(|line| format!("damage: {line}\n"));
            text.extend(notes.chain(damage));
            text
        },
        || shape::check_report(&report),
    )?;
    if report.damage.is_empty() {
        return Ok(());
    }
    let (places, data) = (report.damage.len(), shown(&arguments.data));
    let first = report.damage.first().map(String::as_str).unwrap_or_default();
    let message = format!(
        "{places} places are damaged: {first}; damaged derived files are made anew by 'nave rebuild \
         --data {data}', a damaged log is saved as far as it holds by 'nave repair --data {data}'"
    );
    Err(Failure::new("corrupt", message).already_told())
}

/// `nave rebuild`
pub(crate) fn rebuild(arguments: &StoreOnly, output: &Output) -> Result<(), Failure> {
    let settings = Settings { create: false, ..Settings::default() };
    let report = navedb::rebuild(folder(&arguments.data), clock(), settings)?;
    tell(&report, output);
    output.answer(
        || {
            format!(
                "all derived files were made anew from {} rows of the log\n",
                grouped(report.replayed)
            )
        },
        || shape::open_report(&report),
    )
}

/// `nave repair`
pub(crate) fn repair(arguments: &StoreOnly, output: &Output) -> Result<(), Failure> {
    let report = navedb::repair(folder(&arguments.data), clock())?;
    output.answer(
        || {
            let mut text: String = report.actions.iter().map(|line| format!("{line}\n")).collect();
            if report.actions.is_empty() {
                text.push_str("nothing to repair\n");
            }
            if report.lost_rows > 0 {
                let _ = writeln!(text, "{} rows could not be saved", grouped(report.lost_rows));
            }
            text
        },
        || shape::repair_report(&report),
    )
}

/// A path as it can be typed into a shell.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
