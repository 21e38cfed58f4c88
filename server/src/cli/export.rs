//! `nave export`, `nave log export` and `nave log import`: out again, and in again.
//!
//! *Invariants:* files are written into a folder beside the one that was named, and get its name when they are whole;
//! nothing is overwritten but what an export made, and that only when asked. *Where to start reading:* `export`.

use super::arguments::StoreOnly;
use super::failure::Failure;
use super::maintain::shown;
use super::output::Output;
use super::store::{Store, folder};
use super::text::grouped;
use crate::resp::Reply;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use navedb::{
    Error, ErrorKind, ExportFormat, ExportPart, ExportReport, ExportRequest, TextLogReport,
};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file that an export has and no other folder.
const MANIFEST: &str = "manifest.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// zstd
    Zstd,
    /// Not at all
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    store: StoreOnly,
    /// The folder of the files; it is made
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// parquet, csv or ndjson
    #[arg(long, value_name = "F", default_value = "parquet", value_parser = engine::<ExportFormat>)]
    format: ExportFormat,
    /// Only these profiles, with their identifiers and events
    #[arg(long = "where", value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,
    /// Some of profiles, identifiers, events and entities
    #[arg(long, value_name = "PART[,PART]", value_delimiter = ',', value_parser = engine::<ExportPart>)]
    only: Vec<ExportPart>,
    /// zstd or none; without it Parquet is compressed and text is not
    #[arg(long, value_name = "C", hide_possible_values = true)]
    compress: Option<Compression>,
    /// Replace a folder that an export made
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Write all that was said as lines of JSON
    Export(LogExport),
    /// Make a store of such lines
    Import(LogImport),
}

#[derive(Debug, Args)]
pub(crate) struct LogExport {
    #[command(flatten)]
    store: StoreOnly,
    /// The file; '-' is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LogImport {
    /// The folder of the store, which must be empty or not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The file that 'nave log export' wrote; '-' is standard input
    file: PathBuf,
}

fn engine<T: std::str::FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: Error| e.message().to_owned())
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new("io", format!("cannot {what} {}: {error}", shown(path)))
}

/// The path beside another, with an ending of its own.
fn beside(path: &Path, ending: &str) -> Result<PathBuf, Failure> {
    let name = path.file_name().ok_or_else(|| {
        Failure::usage(format!("{} has no name; name a folder of its own", shown(path)))
    })?;
    let mut name = OsString::from(name);
    name.push(ending);
    Ok(path.with_file_name(name))
}

/// Whether there is nothing at a path, or an empty folder.
fn is_free(path: &Path) -> Result<bool, Failure> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(failed("look into", path, &e)),
    }
}

/// A folder that is filled under another name, and goes when it is not finished.
struct Draft {
    path: PathBuf,
    finished: bool,
}

impl Draft {
    /// Makes the folder; one that was left by an interrupted command is thrown away.
    fn new(target: &Path) -> Result<Draft, Failure> {
        let path = beside(target, ".unfinished")?;
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &path, &e));
            }
            _ => {}
        }
        fs::create_dir_all(&path).map_err(|e| failed("make", &path, &e))?;
        Ok(Draft { path, finished: false })
    }

    /// Gives the folder its name, durably.
    fn finish(mut self, target: &Path, replaced: bool) -> Result<(), Failure> {
        sync_all(&self.path)?;
        let old = beside(target, ".replaced")?;
        if replaced {
            let _ = fs::remove_dir_all(&old);
            fs::rename(target, &old).map_err(|e| failed("move away", target, &e))?;
        }
        if let Err(e) = fs::rename(&self.path, target) {
            if replaced {
                // The old one stays when the new one cannot take its place.
                let _ = fs::rename(&old, target);
            }
            return Err(failed("name", target, &e));
        }
        self.finished = true;
        if replaced {
            fs::remove_dir_all(&old).map_err(|e| failed("remove", &old, &e))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // What is left is thrown away by the next command.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Makes the files of a folder durable.
fn sync_all(path: &Path) -> Result<(), Failure> {
    let entries = fs::read_dir(path).map_err(|e| failed("look into", path, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| failed("look into", path, &e))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_all(&entry.path())?;
            continue;
        }
        let synced = File::open(entry.path()).and_then(|file| file.sync_all());
        synced.map_err(|e| failed("sync", &entry.path(), &e))?;
    }
    Ok(())
}

/// Rows a second.
fn rate(rows: u64, spent: Duration) -> String {
    grouped((rows as f64 / spent.as_secs_f64().max(1e-3)) as u64)
}

/// `nave export`
pub(crate) fn export(arguments: &Export, output: &Output) -> Result<(), Failure> {
    let target = &arguments.to;
    let free = is_free(target)?;
    if !free && !arguments.force {
        return Err(Failure::new(
            "conflict",
            format!("{} is not empty; name another folder, or add --force", shown(target)),
        ));
    }
    if !free && !target.join(MANIFEST).is_file() {
        return Err(Failure::new(
            "conflict",
            format!(
                "{} is no export (it has no {MANIFEST}), and is not replaced; name another folder",
                shown(target)
            ),
        ));
    }
    let mut request = ExportRequest::new(arguments.format);
    request.audience.clone_from(&arguments.audience);
    if !arguments.only.is_empty() {
        request.only.clone_from(&arguments.only);
    }
    if let Some(compression) = arguments.compress {
        request.compressed = compression == Compression::Zstd;
    }
    let store = Store::open(&arguments.store.data, false, output)?;
    let begin = Instant::now();
    let draft = Draft::new(target)?;
    let mut create = |name: &str| -> navedb::Result<Box<dyn Write + Send>> {
        let path = draft.path.join(name);
        let file = File::create(&path).map_err(|e| {
            Error::new(ErrorKind::Io, format!("cannot make {}: {e}", path.display()))
        })?;
        Ok(Box::new(BufWriter::new(file)))
    };
    let mut told = begin;
    let mut progress = |file: &str, rows: u64| {
        if told.elapsed() > Duration::from_millis(200) {
            told = Instant::now();
            output.progress(&format!("{file}: {} rows", grouped(rows)));
        }
    };
    let report = store.view().export(&request, &mut create, &mut progress);
    output.progress("");
    let report = report.map_err(|e| match &arguments.audience {
        Some(text) if e.place().is_some() => Failure::in_text(e, text),
        _ => Failure::from(e),
    })?;
    draft.finish(target, !free)?;
    let spent = begin.elapsed();
    store.leave();
    output.answer(|| export_text(&report, target, spent), || export_shape(&report, spent))
}

fn export_text(report: &ExportReport, target: &Path, spent: Duration) -> String {
    let mut text = String::new();
    let mut whole = 0;
    for table in &report.tables {
        whole += table.rows;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}: {} rows, {} columns",
            shown(&target.join(&table.file)),
            grouped(table.rows),
            table.columns.len()
        );
    }
    let _ = writeln!(
        text,
        "{} rows in {:.1} s: {} a second; position {}, now() is {}",
        grouped(whole),
        spent.as_secs_f64(),
        rate(whole, spent),
        report.position,
        report.clock
    );
    text
}

fn export_shape(report: &ExportReport, spent: Duration) -> Reply {
    let tables = Reply::list(&report.tables, |table| {
        Reply::map([
            ("kind", Reply::from(table.part.name())),
            ("name", Reply::from(table.name.as_str())),
            ("file", Reply::from(table.file.as_str())),
            ("rows", Reply::count(table.rows)),
        ])
    });
    Reply::map([
        ("position", Reply::count(report.position.0)),
        ("clock", Reply::Text(report.clock.to_string())),
        ("seconds", Reply::Double(spent.as_secs_f64())),
        ("tables", tables),
    ])
}

/// `nave log export`
pub(crate) fn log_export(arguments: &LogExport, output: &Output) -> Result<(), Failure> {
    let target = &arguments.to;
    let begin = Instant::now();
    let mut told = begin;
    let mut progress = |rows: u64| {
        if told.elapsed() > Duration::from_millis(200) {
            told = Instant::now();
            output.progress(&format!("{} rows", grouped(rows)));
        }
    };
    if target.as_os_str() == "-" {
        // The lines are the answer, in either form.
        let store = Store::open(&arguments.store.data, false, output)?;
        let mut out = BufWriter::new(io::stdout().lock());
        store.view().export_log(&mut out, &mut progress)?;
        store.leave();
        return Ok(());
    }
    if fs::symlink_metadata(target).is_ok() {
        return Err(Failure::new(
            "conflict",
            format!("{} is there already; name another file", shown(target)),
        ));
    }
    let store = Store::open(&arguments.store.data, false, output)?;
    let draft = beside(target, ".unfinished")?;
    let file = File::create(&draft).map_err(|e| failed("make", &draft, &e))?;
    let mut out = BufWriter::new(file);
    let written = store.view().export_log(&mut out, &mut progress);
    output.progress("");
    let report = match written {
        Ok(report) => report,
        Err(e) => {
            let _ = fs::remove_file(&draft);
            return Err(e.into());
        }
    };
    let named = out.get_ref().sync_all().and_then(|()| fs::rename(&draft, target));
    named.map_err(|e| failed("name", target, &e))?;
    store.leave();
    let spent = begin.elapsed();
    output.answer(|| log_text(&report, target, spent), || log_shape(&report, None))
}

/// `nave log import`
pub(crate) fn log_import(arguments: &LogImport, output: &Output) -> Result<(), Failure> {
    let target = &arguments.data;
    if !is_free(target)? {
        return Err(Failure::new(
            "conflict",
            format!("{} is not empty; import into a new folder", shown(target)),
        ));
    }
    let begin = Instant::now();
    let mut input: Box<dyn io::BufRead> = if arguments.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&arguments.file).map_err(|e| failed("open", &arguments.file, &e))?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let mut told = begin;
    let mut progress = |rows: u64| {
        if told.elapsed() > Duration::from_millis(200) {
            told = Instant::now();
            output.progress(&format!("{} rows", grouped(rows)));
        }
    };
    let draft = Draft::new(target)?;
    let imported = navedb::import_log(folder(&draft.path), input.as_mut(), &mut progress);
    output.progress("");
    let report =
        imported.map_err(|e| Failure::from(e).about(&arguments.file.display().to_string()))?;
    // Folding it shows that it can be folded, and leaves a checkpoint.
    let store = Store::open(&draft.path, false, output)?;
    let digest = store.view().digest()?;
    store.close()?;
    draft.finish(target, false)?;
    let spent = begin.elapsed();
    output.answer(
        || log_text(&report, target, spent) + &format!("digest {digest}\n"),
        || log_shape(&report, Some(&digest)),
    )
}

fn log_text(report: &TextLogReport, target: &Path, spent: Duration) -> String {
    format!(
        "{}: {} entries, {} rows up to position {}, in {:.1} s: {} rows a second\n",
        shown(target),
        grouped(report.entries),
        grouped(report.rows),
        report.position,
        spent.as_secs_f64(),
        rate(report.rows, spent)
    )
}

fn log_shape(report: &TextLogReport, digest: Option<&str>) -> Reply {
    Reply::map([
        ("entries", Reply::count(report.entries)),
        ("rows", Reply::count(report.rows)),
        ("position", Reply::count(report.position.0)),
        ("digest", Reply::optional(digest)),
    ])
}
