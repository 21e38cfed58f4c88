//! What an owner does to a store that is not open: check, rebuild, repair.

use super::types::{CheckReport, OpenReport, RepairReport, Settings};
use super::{Db, open};
use crate::base::clock::Clock;
use crate::base::codec::Digest128;
use crate::base::dir::Dir;
use crate::base::error::{Error, Result};
use crate::base::ids::{Position, SourceId};
use crate::entry::{Entry, GAP_KIND, GAP_VERSION, GapEntry, SOURCE_KIND, SourceEntry};
use crate::log::{Frame, GapForm, Header, LogReader, Manifest, SeenKeys, check_files, repair_log};
use crate::state::{DERIVED, Fold, Hindsight, State, load_checkpoint, remove_strays};
use std::sync::Arc;

fn manifest_of(dir: &dyn Dir) -> Result<Manifest> {
    Manifest::read(dir)?.ok_or_else(|| {
        Error::not_found(format!("there is no store in {}; load something first", dir.place()))
    })
}

/// Refuses a folder without a store before anything is made in it.
fn require_store(dir: &dyn Dir) -> Result<()> {
    if dir.list(crate::log::FOLDER)?.is_empty() {
        return Err(Error::not_found(format!(
            "there is no store in {}; load something first",
            dir.place()
        )));
    }
    Ok(())
}

/// Reads every byte of a store that is not open, changes nothing, and reports what does not hold: frames, derived
/// files, and derived files that differ from the log.
///
/// # Errors
/// `NotFound` when there is no store; `Conflict` when it is open; `Io`.
pub fn check(dir: Arc<dyn Dir>) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    require_store(dir.as_ref())?;
    let _lock = dir.lock()?;
    let manifest = match manifest_of(dir.as_ref()) {
        Ok(manifest) => manifest,
        Err(e) if e.kind() == crate::base::error::ErrorKind::Corrupt => {
            report.damage.push(e.message().to_owned());
            return Ok(report);
        }
        Err(e) => return Err(e),
    };
    let mut end = Position(1);
    let damage = check_files(dir.as_ref(), &manifest, &mut |header: &Header| {
        report.frames += 1;
        report.rows += u64::from(header.rows);
        end = header.end();
    })?;
    report.damage = damage;
    if manifest.clean.is_none() {
        report
            .notes
            .push("the store was not closed cleanly; opening it will look for its end".to_owned());
    }
    check_derived(&dir, &manifest, end, &mut report)?;
    Ok(report)
}

fn check_derived(
    dir: &Arc<dyn Dir>,
    manifest: &Manifest,
    end: Position,
    report: &mut CheckReport,
) -> Result<()> {
    let found = match load_checkpoint(dir.as_ref(), &manifest.store) {
        Ok(found) => found,
        Err(e) => {
            report.damage.push(format!("{}; opening the store makes it again", e.message()));
            return Ok(());
        }
    };
    let Some((state, derived)) = found else {
        report
            .notes
            .push("there is no checkpoint; opening the store folds the whole log".to_owned());
        return Ok(());
    };
    if let Err(e) = SeenKeys::open(Arc::clone(dir), DERIVED, &derived.runs, 1) {
        report.damage.push(format!("{}; opening the store makes it again", e.message()));
    }
    if let Err(e) = state.check() {
        report.damage.push(e.message().to_owned());
    }
    let names = derived.names();
    report.derived = names.len() as u64;
    for name in dir.list(DERIVED)?.iter().filter(|name| !names.contains(name)) {
        report.notes.push(format!("{DERIVED}/{name} is a leftover; opening the store removes it"));
    }
    if report.damage.is_empty() {
        if derived.end > end {
            report.damage.push(format!(
                "{DERIVED}/MANIFEST is ahead of the log; opening the store makes it again"
            ));
        } else if !same_fold(dir, manifest, &state)? {
            report.damage.push(
                "the checkpoint differs from the log; `nave rebuild` makes it again".to_owned(),
            );
        }
    }
    Ok(())
}

/// Whether a checkpoint is what the log folds to.
fn same_fold(dir: &Arc<dyn Dir>, manifest: &Manifest, state: &State) -> Result<bool> {
    let reader = LogReader::new(Arc::clone(dir), manifest);
    let mut folded = Fold::new(Hindsight::default());
    // A check changes nothing: what is folded again stays in memory.
    let spill = (None, crate::base::limits::OPEN_BYTES_MAX);
    open::fold_tail(&reader, state.end, &mut folded, spill, None)?;
    folded.freeze()?;
    Ok(folded.state.digest()? == state.digest()?)
}

/// Throws all derived files away, folds the log again, and makes a new checkpoint.
///
/// # Errors
/// As opening.
pub fn rebuild(dir: Arc<dyn Dir>, clock: Arc<dyn Clock>, settings: Settings) -> Result<OpenReport> {
    require_store(dir.as_ref())?;
    {
        let _lock = dir.lock()?;
        manifest_of(dir.as_ref())?;
        remove_strays(dir.as_ref(), &[])?;
        dir.sync_folder(DERIVED)?;
    }
    let db = Db::open_with(dir, clock, settings)?;
    let report = db.open_report().clone();
    db.close()?;
    Ok(report)
}

/// Saves what a damaged log still holds; see `docs/operating.md`.
///
/// # Errors
/// `Corrupt` when nothing can be recognised; `Conflict` when the store is open; `Io`.
pub fn repair(dir: Arc<dyn Dir>, clock: Arc<dyn Clock>) -> Result<RepairReport> {
    require_store(dir.as_ref())?;
    let lock = dir.lock()?;
    let encode = |reason: &str| Entry::Gap(GapEntry { reason: reason.to_owned() }).encode();
    let first = |store: &Digest128, salt: &[u8; 32]| {
        let entry = open::first_entry(*store, *salt);
        Ok((entry.kind(), entry.encode()?))
    };
    let names = source_names(dir.as_ref());
    let source = |number: SourceId| {
        let index = usize::try_from(number.0).ok()?.checked_sub(1)?;
        Entry::Source(SourceEntry { number, name: names.get(index)?.clone() }).encode().ok()
    };
    let form = GapForm {
        kind: GAP_KIND,
        payload_version: GAP_VERSION,
        encode: &encode,
        first: &first,
        source_kind: SOURCE_KIND,
        source: &source,
    };
    let done = repair_log(dir.as_ref(), &form, &identify)?;
    remove_strays(dir.as_ref(), &[])?;
    drop(lock);
    let mut report = RepairReport { actions: done.actions, lost_rows: done.lost };
    let db = Db::open_with(dir, clock, Settings { create: false, ..Settings::default() })?;
    let sources = db.session(super::Caller::all(), super::Purpose::any()).view().stats()?.sources;
    for lost in sources.iter().filter(|s| s.name.starts_with(crate::catalog::LOST_SOURCE)) {
        let message = "records lost the name of their source and are kept under";
        report.actions.push(format!("{} {message} {}", lost.records, lost.name));
    }
    db.close()?;
    report.actions.push("derived files made again from the log".to_owned());
    Ok(report)
}

/// The names of the sources as the checkpoint has them, if there is one that holds.
fn source_names(dir: &dyn Dir) -> Vec<String> {
    let store = Manifest::read(dir).ok().flatten().map(|manifest| manifest.store);
    let checkpoint = store.and_then(|store| load_checkpoint(dir, &store).ok().flatten());
    let names = checkpoint.map(|(state, _)| state.catalog.sources().to_vec()).unwrap_or_default();
    names.iter().map(|name| name.as_ref().to_owned()).collect()
}

/// The name and salt of the store, from its first entry.
fn identify(frame: &Frame) -> Option<(Digest128, [u8; 32])> {
    match Entry::decode(frame.header.kind, frame.header.payload_version, &frame.payload) {
        Ok(Entry::Store(store)) => Some((store.store, store.salt)),
        _ => None,
    }
}
