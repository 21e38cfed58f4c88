//! What opening finds: a clean end, a torn tail, or corruption.
//!
//! *Invariants:* a frame at or before the last position known to be durable must hold, else the log is corrupt and is
//! not opened. Behind it, the first frame that does not hold begins a torn tail, unless a later frame proves that it
//! had been durable (its `durable position` says so): that is corruption too. A torn tail is cut back to the end of
//! the last whole batch and reported. Which frames were durable is known from the manifest and from the frames.
//!
//! After an unclean end the file in use is written again, synced, and put in the old one's place, before anything is
//! acknowledged: that bytes can be read does not prove that they are on disk. When a sync fails, Linux marks the pages
//! clean, still shows them, and a later sync succeeds without writing them (Rebello et al., USENIX ATC 2020).

use super::frame::{FILE_HEAD_BYTES, FileHead};
use super::manifest::{CleanEnd, Manifest};
use super::reader::{Damage, FileScan, corrupt};
use super::{FOLDER, file_name};
use crate::base::codec::Digest128;
use crate::base::dir::{Dir, len_if_there, remove_if_there, write_all};
use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::base::time::Timestamp;

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The manifest, as it was read or made.
    pub manifest: Manifest,
    /// Whether the store was made just now.
    pub created: bool,
    /// The first position after the log.
    pub end: Position,
    /// Bytes of the file in use.
    pub length: u64,
    /// The chain of its last frame.
    pub chain: Digest128,
    /// The engine clock of the last frame.
    pub clock: Timestamp,
    /// Where a torn tail was cut, and how many bytes it had.
    pub torn: Option<(String, u64, u64)>,
}

/// The state of a file after its last whole batch.
#[derive(Debug, Clone, Copy)]
struct End {
    position: Position,
    length: u64,
    chain: Digest128,
    clock: Timestamp,
}

/// Opens the log for its writer: reads the manifest, finds the end, cuts a torn tail, and makes the file in use when
/// it is missing. `fresh` gives the manifest of a new store when there is none.
///
/// # Errors
/// `Corrupt` as above; `NotFound` when there is no store and `fresh` gives none; `Io`.
pub fn open_log(
    dir: &dyn Dir,
    fresh: impl FnOnce() -> Result<Manifest>,
    now: Timestamp,
) -> Result<Recovered> {
    let (manifest, created) = match Manifest::read(dir)? {
        Some(manifest) => (manifest, false),
        None if dir.list(FOLDER)?.iter().any(|name| name.ends_with(".log")) => {
            return Err(Error::corrupt(format!(
                "{FOLDER}/MANIFEST in {} is missing; run `nave repair`",
                dir.place()
            )));
        }
        None => {
            let manifest = fresh()?;
            manifest.write(dir)?;
            (manifest, true)
        }
    };
    for sealed in &manifest.sealed {
        let length = len_if_there(dir, &file_name(sealed.number))?;
        if length != Some(sealed.length) {
            return Err(wrong_length(dir, sealed.number, sealed.length, length));
        }
    }
    let (end, torn) = match &manifest.clean {
        Some(clean) => (clean_end(dir, &manifest, clean)?, None),
        None => crashed_end(dir, &manifest)?,
    };
    if let Some(end) = end.filter(|_| manifest.clean.is_none()) {
        write_again(dir, &file_name(manifest.active_number()), end.length)?;
    }
    let Some(end) = end else {
        let head = make_file(dir, &manifest, now)?;
        let length = FILE_HEAD_BYTES as u64;
        let end = manifest.active_first();
        return Ok(Recovered {
            created,
            end,
            length,
            chain: head.chain(),
            clock: head.clock,
            torn,
            manifest,
        });
    };
    let End { position, length, chain, clock } = end;
    Ok(Recovered { manifest, created, end: position, length, chain, clock, torn })
}

fn wrong_length(dir: &dyn Dir, number: u64, wanted: u64, found: Option<u64>) -> Error {
    let name = file_name(number);
    let found = found.map_or_else(|| "is missing".to_owned(), |len| format!("has {len} bytes"));
    Error::corrupt(format!(
        "{name} in {} {found}, but {wanted} were written; run `nave repair`",
        dir.place()
    ))
}

/// Makes the file in use, durably.
pub(super) fn make_file(dir: &dyn Dir, manifest: &Manifest, clock: Timestamp) -> Result<FileHead> {
    let head = FileHead {
        number: manifest.active_number(),
        first: manifest.active_first(),
        store: manifest.store,
        clock,
    };
    let file = dir.append(&file_name(head.number))?;
    write_all(file.as_ref(), &head.bytes())?;
    file.sync()?;
    dir.sync_folder(FOLDER)?;
    Ok(head)
}

const PIECE: usize = 1 << 20;

/// Replaces a log file by a synced copy of its first `length` bytes.
fn write_again(dir: &dyn Dir, name: &str, length: u64) -> Result<()> {
    let new = format!("{name}.new");
    remove_if_there(dir, &new)?;
    let file = dir.append(&new)?;
    let mut offset = 0;
    while offset < length {
        let wanted = PIECE.min(usize::try_from(length - offset).unwrap_or(PIECE));
        let bytes = dir.read_at(name, offset, wanted)?;
        if bytes.is_empty() {
            return Err(Error::corrupt(format!(
                "{name} in {} became shorter while it was read",
                dir.place()
            )));
        }
        write_all(file.as_ref(), &bytes)?;
        offset += bytes.len() as u64;
    }
    file.sync()?;
    dir.rename(&new, name)?;
    dir.sync_folder(FOLDER)
}

fn clean_end(dir: &dyn Dir, manifest: &Manifest, clean: &CleanEnd) -> Result<Option<End>> {
    let number = manifest.active_number();
    let length = len_if_there(dir, &file_name(number))?;
    if length != Some(clean.length) {
        return Err(wrong_length(dir, number, clean.length, length));
    }
    let clock = Timestamp(clean.clock);
    Ok(Some(End { position: clean.end, length: clean.length, chain: clean.chain, clock }))
}

type Torn = Option<(String, u64, u64)>;

/// Walks the file in use after a crash; none when it has to be made.
fn crashed_end(dir: &dyn Dir, manifest: &Manifest) -> Result<(Option<End>, Torn)> {
    let number = manifest.active_number();
    let first = manifest.active_first();
    let name = file_name(number);
    let held = manifest.durable_end > first;
    let Some(length) = len_if_there(dir, &name)? else {
        let missing = held.then(|| wrong_length(dir, number, FILE_HEAD_BYTES as u64, None));
        return missing.map_or(Ok((None, None)), Err);
    };
    let mut scan = match FileScan::from_head(dir, number, length, &manifest.store, first)? {
        Ok(scan) => scan,
        // The head is synced before the first frame is written, so a file with frames has one that holds.
        Err(damage) if held || length > FILE_HEAD_BYTES as u64 => {
            return Err(corrupt(dir, number, &damage));
        }
        Err(_) => {
            dir.remove(&name)?;
            dir.sync_folder(FOLDER)?;
            return Ok((None, (length > 0).then_some((name, 0, length))));
        }
    };
    let chain = scan.chain.unwrap_or_default();
    let mut end = End { position: first, length: scan.offset, chain, clock: scan.made };
    let mut seen = end;
    let mut durable = manifest.durable_end;
    let mut found = None;
    while let Some(frame) = scan.next_frame()? {
        let frame = match frame {
            Ok(frame) => frame,
            Err(damage) => {
                found = Some(damage);
                break;
            }
        };
        durable = durable.max(frame.header.durable);
        let chain = scan.chain.unwrap_or_default();
        seen =
            End { position: scan.expected, length: scan.offset, chain, clock: frame.header.clock };
        if !frame.header.continues {
            end = seen;
        }
    }
    if end.length == length {
        return Ok((Some(end), None));
    }
    let damage = found.unwrap_or(Damage {
        offset: seen.length,
        position: seen.position,
        reason: "a batch is not whole",
    });
    refuse_corruption(dir, number, &damage, durable, &mut scan)?;
    Ok((Some(end), Some((name, end.length, length - end.length))))
}

/// An error when the damaged frame had been durable.
fn refuse_corruption(
    dir: &dyn Dir,
    number: u64,
    damage: &Damage,
    mut durable: Position,
    scan: &mut FileScan<'_>,
) -> Result<()> {
    let mut offset = damage.offset;
    while let Some(frame) = scan.find_frame(offset)? {
        durable = durable.max(frame.header.durable);
        offset = frame.offset + frame.header.frame_bytes();
    }
    if damage.position < durable { Err(corrupt(dir, number, damage)) } else { Ok(()) }
}
