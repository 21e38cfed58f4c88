//! `nave define`: what fields, sources and mappings are.
//!
//! *Invariants:* without a file nothing changes; a dry run changes nothing; what changes is told. *Where to start
//! reading:* `define`.

use super::arguments::StoreOnly;
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use super::text::grouped;
use crate::definitions;
use clap::Args;
use navedb::{DefineEffect, DefineReport, DefineRequest, QuarantineChange};
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Define {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// A file of definitions in TOML; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Drop a definition, such as trait.country; may be given many times
    #[arg(long, value_name = "NAME")]
    pub(crate) drop: Vec<String>,
    /// Only tell what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the definitions in force, and what is inferred as comments, as a file to edit
    #[arg(long, conflicts_with_all = ["file", "drop", "dry_run"])]
    pub(crate) show: bool,
    /// Print what is inferred as definitions too
    #[arg(long, conflicts_with_all = ["file", "drop", "dry_run"])]
    pub(crate) all: bool,
}

impl Define {
    /// Defining what a file says, or trying it.
    pub(crate) fn of_file(data: PathBuf, file: PathBuf, dry_run: bool) -> Define {
        let (store, file, drop) = (StoreOnly { data }, Some(file), Vec::new());
        Define { store, file, drop, dry_run, show: false, all: false }
    }
}

/// `nave define`
pub(crate) fn define(arguments: &Define, output: &Output) -> Result<(), Failure> {
    let given = arguments.file.is_some() || !arguments.drop.is_empty();
    if arguments.show || arguments.all {
        return show(&arguments.store, arguments.all, output);
    }
    if !given {
        return Err(Failure::usage("name a FILE of definitions, --drop NAME, or --show"));
    }
    let text = arguments.file.as_deref().map(read).transpose()?.unwrap_or_default();
    let request = DefineRequest { text, drop: arguments.drop.clone(), dry_run: arguments.dry_run };
    let store = Store::open(&arguments.store.data, !arguments.dry_run, output)?;
    let report = store.session().define(&request);
    let report = match (report, arguments.file.as_deref()) {
        (Ok(report), _) => report,
        (Err(error), file) => {
            store.leave();
            let failure = Failure::from(error);
            return Err(match file.filter(|_| failure.place().is_some()) {
                Some(file) => failure.about(&file.display().to_string()),
                None => failure,
            });
        }
    };
    if arguments.dry_run {
        store.leave();
    } else {
        store.close()?;
    }
    output.answer(|| text_of(&report), || definitions::define_report(&report))
}

fn show(store: &StoreOnly, all: bool, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&store.data, false, output)?;
    let view = store.view();
    let answer = output.answer(|| view.definitions_text(all), || definitions::in_force(&view, all));
    store.leave();
    answer
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|e| Failure::new("io", format!("cannot read {}: {e}", path.display())))
}

/// What defining did, as people read it.
pub(crate) fn text_of(report: &DefineReport) -> String {
    let mut text = String::new();
    for one in &report.definitions {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {} (version {})", one.change.name(), one.name, one.version);
    }
    if report.definitions.is_empty() {
        text.push_str("no definitions\n");
    }
    if let Some(effect) = &report.effect {
        effect_text(&mut text, effect);
    }
    if report.dry_run {
        text.push_str("nothing was changed: this was a dry run\n");
    } else {
        let _ = writeln!(text, "position {}, level sync", report.position);
    }
    text
}

fn effect_text(text: &mut String, effect: &DefineEffect) {
    for field in &effect.fields {
        let shown = |known: Option<_>| known.map_or("nothing".to_owned(), |t| format!("{t}"));
        let _ = writeln!(text, "{}: {} -> {}", field.name, shown(field.before), shown(field.after));
    }
    let whole = [("profiles", effect.profiles), ("identifiers", effect.identifiers)];
    let events =
        effect.events.iter().map(|(name, before, after)| (name.as_str(), (*before, *after)));
    for (name, (before, after)) in whole.into_iter().chain(events) {
        if before != after {
            let _ = writeln!(text, "{name}: {} -> {}", grouped(before), grouped(after));
        }
    }
    for (count, what) in [
        (effect.joined, "become one with others"),
        (effect.split, "come apart"),
        (effect.rearranged, "change members with others"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{} profiles {what}", grouped(count));
        }
    }
    for one in &effect.regrouped {
        let (before, after) = (one.before.join(" "), one.after.join(" "));
        let _ = writeln!(text, "  {} {}: {before} -> {after}", one.change, one.of);
    }
    quarantine_text(text, "go into quarantine", effect.quarantined, &effect.quarantined_shown);
    quarantine_text(text, "come out of quarantine", effect.released, &effect.released_shown);
}

fn quarantine_text(text: &mut String, what: &str, count: u64, shown: &[QuarantineChange]) {
    if count == 0 {
        return;
    }
    let _ = writeln!(text, "{} {what}", grouped(count));
    for one in shown {
        let field = one.field.as_deref().unwrap_or("record");
        let _ =
            writeln!(text, "  {} {field} at position {}: {}", one.source, one.position, one.reason);
    }
}
