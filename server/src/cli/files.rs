//! What is to be loaded: files, folders, patterns and standard input.
//!
//! *Invariants:* files are in the order of the arguments, those of a folder or pattern in the order of their names;
//! what is passed over is told. *Where to start reading:* `inputs`.

use super::failure::Failure;
use super::output::Output;
use navedb::{Format, Input};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The inputs of a load.
pub(crate) fn inputs(
    named: &[PathBuf],
    format: Option<Format>,
    output: &Output,
) -> Result<Vec<Input>, Failure> {
    let mut found = Vec::new();
    let mut standard_input = false;
    for path in named {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut standard_input, true) {
                return Err(Failure::usage("'-' is standard input, which is read but once"));
            }
            if format.is_none() {
                return Err(Failure::usage(
                    "standard input has no name that tells its format; give --format",
                ));
            }
            found.push(Input::spooled("standard input", &mut std::io::stdin().lock())?);
            continue;
        }
        let files = match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => in_folder(path, output)?,
            Ok(_) => vec![path.clone()],
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => matching(path)?,
            Err(e) => return Err(unreadable(path, &e)),
        };
        found.extend(files.into_iter().map(Input::Path));
    }
    Ok(found)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let kind = if error.kind() == std::io::ErrorKind::NotFound { "not_found" } else { "io" };
    Failure::new(kind, format!("cannot read {}: {error}; name an existing file", path.display()))
}

/// The files of a folder and those in it whose names tell a format. Names that begin with a point or a line are for
/// the programs that wrote the folder.
fn in_folder(folder: &Path, output: &Output) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    gather(folder, &mut found, output)?;
    if found.is_empty() {
        let message = format!(
            "{} holds no file whose name tells a format, such as .csv or .parquet",
            folder.display()
        );
        return Err(Failure::new("not_found", message));
    }
    Ok(found)
}

fn gather(folder: &Path, into: &mut Vec<PathBuf>, output: &Output) -> Result<(), Failure> {
    let listed = |e: &std::io::Error| unreadable(folder, e);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| listed(&e))? {
        let entry = entry.map_err(|e| listed(&e))?;
        entries.push((entry.path(), entry.file_type().map_err(|e| listed(&e))?));
    }
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (path, kind) in entries {
        let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
        let hidden = name.starts_with(['.', '_']);
        // A link to a folder may lead back to where it stands.
        let linked_folder = kind.is_symlink() && path.is_dir();
        if kind.is_dir() && !hidden {
            gather(&path, into, output)?;
        } else if !hidden && !linked_folder && Format::of_name(&name).is_some() {
            into.push(path);
        } else {
            output.note(&format!("passed over {}", path.display()));
        }
    }
    Ok(())
}

/// The files that a pattern matches which the shell has not expanded.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Failure> {
    let missing = || unreadable(pattern, &std::io::ErrorKind::NotFound.into());
    let text =
        pattern.to_str().filter(|text| text.contains(['*', '?', '['])).ok_or_else(missing)?;
    let paths =
        glob::glob(text).map_err(|e| Failure::usage(format!("'{text}' is no pattern: {e}")))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|e| unreadable(e.path(), e.error()))?;
        if path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(Failure::new("not_found", format!("no file matches {text}")));
    }
    Ok(found)
}
