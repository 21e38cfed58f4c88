//! Reading frames: a whole file in order, or the frame of one position.

use super::frame::{FILE_HEAD_BYTES, FileHead, HEADER_BYTES, Header};
use super::manifest::Manifest;
use super::{FOLDER, file_name};
use crate::base::codec::Digest128;
use crate::base::dir::{Dir, len_if_there};
use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::base::sync::{Mutex, RwLock};
use crate::base::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

const WINDOW: usize = 1 << 20;
/// Bytes between two remembered places of a file.
const INDEX_STEP: u64 = 64 << 10;

/// A frame that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its header.
    pub header: Header,
    /// Its stored payload.
    pub payload: Vec<u8>,
    /// The number of its file.
    pub file: u64,
    /// Where it begins in the file.
    pub offset: u64,
}

/// Why a file could not be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) position: Position,
    pub(super) reason: &'static str,
}

/// Walks the frames of one file in order.
pub(super) struct FileScan<'a> {
    dir: &'a dyn Dir,
    number: u64,
    name: String,
    length: u64,
    window: Vec<u8>,
    window_at: u64,
    pub(super) offset: u64,
    pub(super) expected: Position,
    /// The chain so far; none when the walk began inside the file and chains are not followed.
    pub(super) chain: Option<Digest128>,
    /// The engine clock when the file was made.
    pub(super) made: Timestamp,
}

impl<'a> FileScan<'a> {
    /// A walk over a file of `length` bytes from its head; the head must be that of this file of this store.
    pub(super) fn from_head(
        dir: &'a dyn Dir,
        number: u64,
        length: u64,
        store: &Digest128,
        first: Position,
    ) -> Result<std::result::Result<FileScan<'a>, Damage>> {
        let name = file_name(number);
        let head = FileHead::parse(&dir.read_at(&name, 0, FILE_HEAD_BYTES)?);
        let damage = |reason| Damage { offset: 0, position: first, reason };
        let Some(head) = head else { return Ok(Err(damage("its head does not hold"))) };
        if head.store != *store || head.number != number || head.first != first {
            return Ok(Err(damage("it is another log file's")));
        }
        let mut scan = FileScan::inside(dir, number, length, FILE_HEAD_BYTES as u64, first);
        scan.chain = Some(head.chain());
        scan.made = head.clock;
        Ok(Ok(scan))
    }

    /// A walk that follows no chain, to find what still holds in a damaged file.
    pub(super) fn unchained(dir: &'a dyn Dir, number: u64, length: u64) -> FileScan<'a> {
        FileScan::inside(dir, number, length, 0, Position(0))
    }

    fn inside(
        dir: &'a dyn Dir,
        number: u64,
        length: u64,
        offset: u64,
        expected: Position,
    ) -> FileScan<'a> {
        FileScan {
            dir,
            number,
            name: file_name(number),
            length,
            window: Vec::new(),
            window_at: 0,
            offset,
            expected,
            chain: None,
            made: Timestamp::default(),
        }
    }

    /// The bytes at an offset; fewer at the end of the file.
    fn bytes(&mut self, offset: u64, len: usize) -> Result<&[u8]> {
        let end = (offset + len as u64).min(self.length);
        let inside = offset >= self.window_at && end <= self.window_at + self.window.len() as u64;
        if !inside {
            let wanted = len.max(WINDOW).min(usize::try_from(self.length - offset).unwrap_or(len));
            self.window = self.dir.read_at(&self.name, offset, wanted)?;
            self.window_at = offset;
        }
        let from = usize::try_from(offset - self.window_at).unwrap_or(usize::MAX);
        let to = usize::try_from(end - self.window_at).unwrap_or(usize::MAX).min(self.window.len());
        Ok(self.window.get(from..to).unwrap_or_default())
    }

    /// The next frame, damage, or the end of the file.
    pub(super) fn next_frame(&mut self) -> Result<Option<std::result::Result<Frame, Damage>>> {
        if self.offset >= self.length {
            return Ok(None);
        }
        let (offset, position) = (self.offset, self.expected);
        let damage = |reason| Ok(Some(Err(Damage { offset, position, reason })));
        let Some(header) = Header::parse(self.bytes(offset, HEADER_BYTES)?) else {
            return damage("no frame begins here");
        };
        if self.chain.is_some_and(|before| header.chain != header.chain_after(&before)) {
            return damage("the chain of checksums breaks here");
        }
        if header.first != position {
            return damage("positions do not follow each other");
        }
        let payload = self.bytes(offset + HEADER_BYTES as u64, header.stored as usize)?.to_vec();
        if !header.payload_holds(&payload) {
            return damage("the payload is not what was written");
        }
        self.chain = self.chain.map(|_| header.chain);
        self.expected = header.end();
        self.offset += header.frame_bytes();
        Ok(Some(Ok(Frame { header, payload, file: self.number, offset })))
    }

    /// The next valid frame at or after an offset, wherever it begins; chains are not followed.
    pub(super) fn find_frame(&mut self, mut offset: u64) -> Result<Option<Frame>> {
        while offset + HEADER_BYTES as u64 <= self.length {
            if let Some(header) = Header::parse(self.bytes(offset, HEADER_BYTES)?) {
                let payload =
                    self.bytes(offset + HEADER_BYTES as u64, header.stored as usize)?.to_vec();
                if header.payload_holds(&payload) {
                    return Ok(Some(Frame { header, payload, file: self.number, offset }));
                }
            }
            offset += 1;
        }
        Ok(None)
    }
}

/// The error for damage in a file.
pub(super) fn corrupt(dir: &dyn Dir, number: u64, damage: &Damage) -> Error {
    let (name, offset, position) = (file_name(number), damage.offset, damage.position);
    Error::corrupt(format!(
        "{name} in {} is damaged at byte {offset} (position {position}): {}; run `nave repair`",
        dir.place(),
        damage.reason
    ))
}

#[derive(Debug, Clone, Copy)]
struct FileSpan {
    number: u64,
    first: Position,
}

/// Reads what the log has handed to the file system. Shared by the writer and all readers.
pub struct LogReader {
    dir: Arc<dyn Dir>,
    store: Digest128,
    files: RwLock<Vec<FileSpan>>,
    places: Mutex<BTreeMap<Position, (u64, u64)>>,
    last: Mutex<Option<Arc<Frame>>>,
}

impl LogReader {
    /// A reader of the files that a manifest names.
    pub fn new(dir: Arc<dyn Dir>, manifest: &Manifest) -> LogReader {
        let mut files: Vec<FileSpan> =
            manifest.sealed.iter().map(|f| FileSpan { number: f.number, first: f.first }).collect();
        files.push(FileSpan { number: manifest.active_number(), first: manifest.active_first() });
        LogReader {
            dir,
            store: manifest.store,
            files: RwLock::new(files),
            places: Mutex::default(),
            last: Mutex::default(),
        }
    }

    pub(super) fn add_file(&self, number: u64, first: Position) {
        self.files.write().push(FileSpan { number, first });
    }

    /// Remembers where a frame begins, if nothing near it is remembered.
    fn remember(&self, frame: &Frame) {
        let mut places = self.places.lock();
        let near = places.range(..=frame.header.first).next_back();
        let known = near.is_some_and(|(_, (file, offset))| {
            *file == frame.file && frame.offset < offset + INDEX_STEP
        });
        if !known {
            places.insert(frame.header.first, (frame.file, frame.offset));
        }
    }

    /// The frame that holds a position.
    ///
    /// # Errors
    /// `NotFound` when the position is beyond the log; `Corrupt` when its frame does not hold.
    pub fn frame_at(&self, position: Position) -> Result<Arc<Frame>> {
        let held = |f: &Frame| f.header.first <= position && position < f.header.end();
        if let Some(frame) = self.last.lock().clone().filter(|frame| held(frame)) {
            return Ok(frame);
        }
        let missing = || Error::not_found(format!("position {position} is not in the log"));
        let span = self.files.read().iter().rev().find(|f| f.first <= position).copied();
        let span = span.ok_or_else(missing)?;
        let name = file_name(span.number);
        let length = self.dir.len(&name)?;
        let place =
            self.places.lock().range(..=position).next_back().map(|(at, place)| (*at, *place));
        let (at, offset) = match place {
            Some((at, (file, offset))) if file == span.number => (at, offset),
            _ => (span.first, FILE_HEAD_BYTES as u64),
        };
        let mut scan = FileScan::inside(self.dir.as_ref(), span.number, length, offset, at);
        while let Some(frame) = scan.next_frame()? {
            let frame = frame.map_err(|d| corrupt(self.dir.as_ref(), span.number, &d))?;
            self.remember(&frame);
            if held(&frame) {
                let frame = Arc::new(frame);
                *self.last.lock() = Some(Arc::clone(&frame));
                return Ok(frame);
            }
        }
        Err(missing())
    }

    /// Gives the frames from a position (the first of a frame) up to `end` to `each`, in order, following the chains.
    ///
    /// # Errors
    /// `Corrupt` at the first frame that does not hold, or when the log is shorter than `end`; what `each` says.
    pub fn scan(
        &self,
        from: Position,
        end: Position,
        each: &mut dyn FnMut(Frame) -> Result<()>,
    ) -> Result<()> {
        let files = self.files.read().clone();
        let mut reached = from;
        for (index, span) in files.iter().enumerate() {
            let next = files.get(index + 1).map(|f| f.first);
            if next.is_some_and(|first| first <= from) || span.first >= end || from >= end {
                continue;
            }
            let dir = self.dir.as_ref();
            let length = dir.len(&file_name(span.number))?;
            let scan = FileScan::from_head(dir, span.number, length, &self.store, span.first)?;
            let mut scan = scan.map_err(|d| corrupt(dir, span.number, &d))?;
            while scan.expected < end {
                let Some(frame) = scan.next_frame()? else { break };
                let frame = frame.map_err(|d| corrupt(dir, span.number, &d))?;
                self.remember(&frame);
                reached = frame.header.end();
                if frame.header.first >= from {
                    each(frame)?;
                }
            }
            if next.is_some_and(|first| first <= end && reached != first) {
                let damage =
                    Damage { offset: length, position: reached, reason: "the file is too short" };
                return Err(corrupt(dir, span.number, &damage));
            }
        }
        if reached < end {
            return Err(Error::corrupt(format!(
                "the log in {} ends at position {reached}, before {end}; run `nave repair`",
                self.dir.place()
            )));
        }
        Ok(())
    }

    /// Bytes of all log files.
    pub fn bytes(&self) -> u64 {
        let files = self.files.read().clone();
        files.iter().filter_map(|f| self.dir.len(&file_name(f.number)).ok()).sum()
    }
}

/// Reads every frame of a log and collects what does not hold, one line each.
///
/// # Errors
/// `Io` when the files cannot be read at all.
pub fn check_files(
    dir: &dyn Dir,
    manifest: &Manifest,
    each: &mut dyn FnMut(&Header),
) -> Result<Vec<String>> {
    let mut damage = Vec::new();
    let mut files: Vec<(u64, Position)> =
        manifest.sealed.iter().map(|f| (f.number, f.first)).collect();
    files.push((manifest.active_number(), manifest.active_first()));
    for (number, first) in files {
        let name = file_name(number);
        let Some(length) = len_if_there(dir, &name)? else {
            damage.push(format!("{name} is missing"));
            continue;
        };
        let mut found = None;
        match FileScan::from_head(dir, number, length, &manifest.store, first)? {
            Err(head) => found = Some(head),
            Ok(mut scan) => {
                while let Some(frame) = scan.next_frame()? {
                    match frame {
                        Ok(frame) => each(&frame.header),
                        Err(bad) => {
                            found = Some(bad);
                            break;
                        }
                    }
                }
                damage.extend(wrong_end(manifest, number, &scan).filter(|_| found.is_none()));
            }
        }
        if let Some(bad) = found {
            damage.push(format!(
                "{name}: byte {}, position {}: {}",
                bad.offset, bad.position, bad.reason
            ));
        }
    }
    for name in dir.list(FOLDER)? {
        let number = name.strip_suffix(".log").and_then(|n| n.parse::<u64>().ok());
        if number.is_some_and(|n| n > manifest.active_number()) {
            damage.push(format!("{FOLDER}/{name} is not in the manifest"));
        }
    }
    Ok(damage)
}

/// Whether a file that holds ends elsewhere than the manifest says.
fn wrong_end(manifest: &Manifest, number: u64, scan: &FileScan<'_>) -> Option<String> {
    let sealed = manifest.sealed.iter().find(|f| f.number == number);
    let wanted = match sealed {
        Some(file) => Some((file.end, file.chain)),
        None => manifest.clean.as_ref().map(|clean| (clean.end, clean.chain)),
    };
    let (end, chain) = wanted?;
    let same = scan.expected == end && scan.chain == Some(chain);
    (!same).then(|| {
        format!("{} ends at position {}, but {end} was written", file_name(number), scan.expected)
    })
}
