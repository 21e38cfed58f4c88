//! Saving what a damaged log still holds.
//!
//! *Invariants:* every frame that holds is kept with its position; positions whose frames do not hold become gap
//! entries, so that the log says itself what was lost; a damaged file is kept beside the new one as `NAME.damaged`.
//! Only a person who asks for it starts a repair.

use super::frame::{FILE_HEAD_BYTES, FileHead, Header, write_frame};
use super::manifest::{CleanEnd, Manifest, SealedFile};
use super::reader::{FileScan, Frame};
use super::{FOLDER, file_name};
use crate::base::codec::Digest128;
use crate::base::dir::{Dir, len_if_there, remove_if_there, write_all};
use crate::base::error::{Error, Result};
use crate::base::ids::{Epoch, LoadId, Position, SourceId};
use crate::base::time::Timestamp;

/// What the repair of a log did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repaired {
    /// One line for each thing done.
    pub actions: Vec<String>,
    /// Positions that became gaps.
    pub lost: u64,
    /// The greatest number of a source that the files so far name.
    named: SourceId,
}

/// Bytes of a gap's payload, by its reason; the caller encodes it, for the log knows no entries.
pub struct GapForm<'a> {
    /// The kind number.
    pub kind: u16,
    /// The version of the payload.
    pub payload_version: u16,
    /// Encodes a reason.
    pub encode: &'a dyn Fn(&str) -> Result<Vec<u8>>,
    /// The kind number and payload of a store's first entry.
    pub first: &'a FirstEntry<'a>,
    /// The kind number of entries that name a source.
    pub source_kind: u16,
    /// The payload that names a source, when its name is known from elsewhere.
    pub source: &'a dyn Fn(SourceId) -> Option<Vec<u8>>,
}

/// Makes the kind number and payload of a store's first entry from its name and salt.
pub type FirstEntry<'a> = dyn Fn(&Digest128, &[u8; 32]) -> Result<(u16, Vec<u8>)> + 'a;

/// Reads the name and salt of the store from its first entry.
pub type Identify<'a> = dyn Fn(&Frame) -> Option<(Digest128, [u8; 32])> + 'a;

/// A file that is being written again.
struct Rewrite {
    store: Digest128,
    salt: [u8; 32],
    bytes: Vec<u8>,
    chain: Digest128,
    next: Position,
    clock: Timestamp,
    /// The greatest number of a source that an entry named so far.
    named: SourceId,
    lost: u64,
}

impl Rewrite {
    /// Fills the positions up to `until` with a gap; in it the first entry and the names of sources up to `source` are
    /// written again, where they are known.
    fn gap(
        &mut self,
        until: Position,
        source: SourceId,
        epoch: Epoch,
        form: &GapForm<'_>,
    ) -> Result<()> {
        let rows = until.0.saturating_sub(self.next.0);
        let Ok(rows) = u32::try_from(rows) else {
            return Err(Error::corrupt("the gap is too wide to be repaired; restore a backup"));
        };
        if rows == 0 {
            return Ok(());
        }
        let mut rows = rows;
        if self.next == Position(1) {
            // What the first entry says is in the manifest too: public ids must not change.
            let (kind, payload) = (form.first)(&self.store, &self.salt)?;
            self.put(kind, (0, SourceId(0)), 1, epoch, form, &payload);
            rows -= 1;
        }
        while rows > 0 && self.named < source {
            let number = SourceId(self.named.0 + 1);
            let Some(payload) = (form.source)(number) else { break };
            self.put(form.source_kind, (0, number), 1, epoch, form, &payload);
            self.named = number;
            rows -= 1;
        }
        if rows > 0 {
            let payload = (form.encode)(&format!("{rows} rows were damaged"))?;
            self.put(form.kind, (2, SourceId(0)), rows, epoch, form, &payload);
            self.lost += u64::from(rows);
        }
        Ok(())
    }

    /// Writes an entry of the repair's own.
    fn put(
        &mut self,
        kind: u16,
        (origin, source): (u8, SourceId),
        rows: u32,
        epoch: Epoch,
        form: &GapForm<'_>,
        payload: &[u8],
    ) {
        let mut header = Header {
            kind,
            payload_version: form.payload_version,
            origin,
            continues: false,
            length: 0,
            first: self.next,
            rows,
            epoch,
            clock: self.clock,
            load: LoadId(0),
            durable: self.next,
            source,
            digest: Digest128::default(),
            chain: Digest128::default(),
            stored: 0,
            stub: false,
        };
        write_frame(&mut self.bytes, &mut header, payload, &self.chain);
        self.chain = header.chain;
        self.next = header.end();
    }

    fn keep(&mut self, frame: &Frame, form: &GapForm<'_>) {
        let mut header = frame.header.clone();
        if header.kind == form.source_kind {
            self.named = self.named.max(header.source);
        }
        if header.stub {
            header.chain = header.chain_after(&self.chain);
            self.bytes.extend_from_slice(&super::frame::raw_frame(&header, &frame.payload));
        } else {
            write_frame(&mut self.bytes, &mut header, &frame.payload, &self.chain);
        }
        self.chain = header.chain;
        self.next = header.end();
        self.clock = self.clock.max(header.clock);
    }
}

/// Repairs the log of a folder that the caller holds the lock of. `store` and `salt` come from the first entry when
/// the manifest is lost.
///
/// # Errors
/// `Corrupt` when nothing of the log can be recognised; `Io`.
pub fn repair_log(dir: &dyn Dir, form: &GapForm<'_>, identify: &Identify<'_>) -> Result<Repaired> {
    let mut done = Repaired::default();
    let manifest = match Manifest::read(dir) {
        Ok(Some(manifest)) => manifest,
        _ => guess_manifest(dir, identify, &mut done)?,
    };
    let numbers = log_numbers(dir)?;
    let mut sealed: Vec<SealedFile> = Vec::new();
    let mut epoch = manifest.epoch;
    let mut clock = manifest.clean.as_ref().map_or(Timestamp::default(), |c| Timestamp(c.clock));
    let last = numbers.last().copied().unwrap_or(1).max(manifest.active_number());
    for number in 1..=last {
        let known = manifest.sealed.iter().find(|f| f.number == number);
        let clean_end =
            manifest.clean.as_ref().filter(|_| number == manifest.active_number()).map(|c| c.end);
        // After a crash the durable end is the least that the file in use held.
        let floor = (number == manifest.active_number()).then_some(manifest.durable_end);
        let wanted = known.map(|f| f.end).or(clean_end).or(floor);
        let first = sealed.last().map_or(Position(1), |f| f.end);
        let file = repair_file(dir, number, first, wanted, &manifest, form, &mut done)?;
        epoch = epoch.max(file.1);
        clock = clock.max(file.2);
        sealed.push(file.0);
    }
    let active = sealed.pop().ok_or_else(|| Error::corrupt("the log has no file"))?;
    let clean =
        CleanEnd { end: active.end, length: active.length, chain: active.chain, clock: clock.0 };
    let manifest = Manifest {
        epoch: Epoch(epoch.0 + 1),
        durable_end: active.end,
        sealed,
        clean: Some(clean),
        ..manifest
    };
    manifest.write(dir)?;
    done.actions
        .push(format!("{FOLDER}/MANIFEST written: the log ends at position {}", active.end));
    Ok(done)
}

fn log_numbers(dir: &dyn Dir) -> Result<Vec<u64>> {
    let names = dir.list(FOLDER)?;
    Ok(names.iter().filter_map(|n| n.strip_suffix(".log")?.parse().ok()).collect())
}

/// The manifest of a log that lost it: store and salt are in the first entry.
fn guess_manifest(dir: &dyn Dir, identify: &Identify<'_>, done: &mut Repaired) -> Result<Manifest> {
    let numbers = log_numbers(dir)?;
    let first = numbers.first().copied().ok_or_else(|| {
        Error::not_found(format!("there is no log in {}; nothing to repair", dir.place()))
    })?;
    let length = dir.len(&file_name(first))?;
    let mut scan = FileScan::unchained(dir, first, length);
    let found = scan.find_frame(0)?.as_ref().and_then(identify).ok_or_else(|| {
        Error::corrupt("neither manifest nor first entry can be read; restore a backup")
    })?;
    done.actions
        .push(format!("{FOLDER}/MANIFEST was damaged; store and salt read from the first entry"));
    let mut manifest = Manifest::new(found.0, found.1);
    for number in &numbers {
        let scan = dir.read_at(&file_name(*number), 0, FILE_HEAD_BYTES)?;
        let known = FileHead::parse(&scan).filter(|head| head.number > 1);
        if let (Some(head), Some(previous)) = (known, number.checked_sub(1)) {
            manifest.sealed.push(SealedFile {
                number: previous,
                first: manifest.active_first(),
                end: head.first,
                length: 0,
                chain: Digest128::default(),
            });
        }
    }
    Ok(manifest)
}

/// The greatest source that must have been named before a frame.
fn source_before(header: &Header, form: &GapForm<'_>) -> SourceId {
    match header.source {
        SourceId(n) if header.kind == form.source_kind => SourceId(n.saturating_sub(1)),
        source => source,
    }
}

/// Writes a file again when it is damaged; returns what the manifest says of it, its last epoch and clock.
fn repair_file(
    dir: &dyn Dir,
    number: u64,
    first: Position,
    wanted: Option<Position>,
    manifest: &Manifest,
    form: &GapForm<'_>,
    done: &mut Repaired,
) -> Result<(SealedFile, Epoch, Timestamp)> {
    let name = file_name(number);
    let length = len_if_there(dir, &name)?.unwrap_or(0);
    let head = if length == 0 {
        None
    } else {
        FileHead::parse(&dir.read_at(&name, 0, FILE_HEAD_BYTES)?)
    };
    let clock = head.as_ref().map_or(Timestamp::default(), |h| h.clock);
    let head = FileHead { number, first, store: manifest.store, clock };
    let chain = head.chain();
    let mut rewrite = Rewrite {
        store: manifest.store,
        salt: manifest.salt,
        bytes: head.bytes(),
        chain,
        next: first,
        clock,
        named: done.named,
        lost: 0,
    };
    let mut epoch = Epoch(0);
    if length > 0 {
        let mut scan = FileScan::unchained(dir, number, length);
        let mut offset = 0;
        while let Some(frame) = scan.find_frame(offset)? {
            offset = frame.offset + frame.header.frame_bytes();
            let outside =
                wanted.is_some_and(|end| manifest.clean.is_some() && frame.header.first >= end);
            if frame.header.first < rewrite.next || outside {
                continue;
            }
            let source = source_before(&frame.header, form);
            rewrite.gap(frame.header.first, source, frame.header.epoch, form)?;
            rewrite.keep(&frame, form);
            epoch = epoch.max(frame.header.epoch);
        }
    }
    if let Some(end) = wanted {
        rewrite.gap(end, SourceId(0), epoch, form)?;
    }
    done.named = rewrite.named;
    let sealed = SealedFile {
        number,
        first,
        end: rewrite.next,
        length: rewrite.bytes.len() as u64,
        chain: rewrite.chain,
    };
    let same = length == sealed.length
        && dir.read_at(&name, 0, rewrite.bytes.len())?.as_slice() == rewrite.bytes.as_slice();
    if !same {
        replace_damaged(dir, &name, &rewrite.bytes, length > 0)?;
        done.actions
            .push(format!("{name} written again; {} rows could not be saved", rewrite.lost));
        done.lost += rewrite.lost;
    }
    Ok((sealed, epoch, rewrite.clock))
}

fn replace_damaged(dir: &dyn Dir, name: &str, bytes: &[u8], there: bool) -> Result<()> {
    let new = format!("{name}.new");
    remove_if_there(dir, &new)?;
    let file = dir.append(&new)?;
    write_all(file.as_ref(), bytes)?;
    file.sync()?;
    if there {
        dir.rename(name, &format!("{name}.damaged"))?;
    }
    dir.rename(&new, name)?;
    dir.sync_folder(FOLDER)
}
