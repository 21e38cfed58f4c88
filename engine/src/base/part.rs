//! Parts: immutable sets of blocks, in memory or mapped from a file.
//!
//! *What it is:* bytes under keys, each block with a checksum of its own, behind one directory. *Invariants:* a part
//! never changes; a block of a file is believed only after its checksum held, once for each opening; the directory is
//! held by a digest that the manifest knows, and its checksums of large blocks hold those of their pieces. *What it
//! does not know:* what the bytes mean. *Where to start reading:* `Part::block`, then `PartWriter`.

use super::codec::{self, Digest128};
use super::dir::{AppendFile, Dir, write_all};
use super::directory::{BlockTable, Entry, Held, pieces_of};
use super::error::{Error, Result};
use super::mmap::FileBytes;
use super::pieces::{Pieces, checksums_of};
use bincode::{Decode, Encode};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const MAGIC: &[u8; 8] = b"NAVEPART";
/// Bytes behind the directory: its offset, its length and its digest.
const TAIL: usize = 32;
/// Blocks begin at multiples of this.
const ALIGNMENT: usize = 8;
/// A block is 65,536 rows, and rows have 32 bits.
const CHUNKS_MAX: u32 = 1 << 16;
/// What a block begins with, which says which rows it tells of, fits the length of it.
pub(super) const BEGUN: u8 = 1;
/// All bytes of a block are those of its checksum.
const WRITTEN: u8 = 2;
/// And all that it says of itself fits them.
pub(super) const SOUND: u8 = 4;
/// Bytes that are gathered before they are handed to the file system.
const BUFFER: usize = 1 << 20;

/// The name of a block in its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct BlockKey {
    /// The kind of row space.
    pub space: u8,
    /// Which of this kind: the number of an event type or entity type.
    pub number: u32,
    /// The column.
    pub field: u32,
    /// What of the column: values, dictionary, index.
    pub form: u8,
    /// Which 65,536 rows.
    pub chunk: u32,
}

impl BlockKey {
    /// The first block of a column of a row space.
    pub const fn new(space: u8, number: u32, field: u32, form: u8) -> BlockKey {
        BlockKey { space, number, field, form, chunk: 0 }
    }

    /// Another chunk of the same.
    pub const fn chunk(self, chunk: u32) -> BlockKey {
        BlockKey { chunk, ..self }
    }

    /// Another form of the same column.
    pub const fn form(self, form: u8) -> BlockKey {
        BlockKey { form, chunk: 0, ..self }
    }

    /// Another column of the same row space.
    pub const fn field(self, field: u32) -> BlockKey {
        BlockKey { field, chunk: 0, ..self }
    }
}

#[derive(Encode, Decode)]
struct Directory {
    weight: u64,
    entries: Vec<Entry>,
}

/// An immutable set of blocks.
#[derive(Debug)]
pub struct Part {
    place: String,
    pub(super) bytes: FileBytes,
    pub(super) blocks: BlockTable,
    weight: u64,
    digest: Option<Digest128>,
    pub(super) pieces: Pieces,
}

/// A block of a part: its bytes, which keep the part alive.
#[derive(Debug, Clone)]
pub struct Block {
    pub(super) part: Arc<Part>,
    pub(super) range: Range<usize>,
    /// Of a block that has begun the number of its first piece.
    pub(super) pieces: Option<u32>,
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.part.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

impl Part {
    /// Maps the part of a file whose directory has a digest.
    ///
    /// # Errors
    /// `Corrupt` when it is not that file; `Io`.
    pub fn open(dir: &dyn Dir, name: &str, digest: &Digest128) -> Result<Part> {
        let bytes = dir.map(name).map_err(|e| Error::corrupt(e.message().to_owned()))?;
        let damaged = || Error::corrupt(format!("{name} is damaged"));
        let tail = bytes.len().checked_sub(TAIL).ok_or_else(damaged)?;
        let number = |at: usize| {
            let number = codec::u64_at(&bytes, at).and_then(|n| usize::try_from(n).ok());
            number.ok_or_else(damaged)
        };
        let (offset, length) = (number(tail)?, number(tail + 8)?);
        let end = offset.checked_add(length).filter(|end| *end == tail).ok_or_else(damaged)?;
        let directory = bytes.get(offset..end).ok_or_else(damaged)?;
        let known = codec::digest_at(&bytes, tail + 16) == Some(*digest);
        if !known || !bytes.starts_with(MAGIC) || codec::digest(directory) != *digest {
            return Err(damaged());
        }
        let Directory { weight, entries } = codec::decode_large(directory)?;
        let count = entries.iter().fold(0, |sum: u64, e| sum.saturating_add(pieces_of(e.length)));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        // The checksums of pieces stand between the blocks and the directory.
        let start = offset.checked_sub(count.saturating_mul(4)).ok_or_else(damaged)?;
        if !lies_well(&entries, start as u64) {
            return Err(damaged());
        }
        let (blocks, pieces) = (BlockTable::new(entries, 0), Pieces::new(start, count));
        Ok(Part { place: name.to_owned(), bytes, blocks, weight, digest: Some(*digest), pieces })
    }

    /// The name of its file; empty for one in memory.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The digest of the directory of its file; none for one in memory.
    pub fn digest(&self) -> Option<Digest128> {
        self.digest
    }

    /// Its bytes, those between blocks among them.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How much is in it, for the choice of what to merge: rows and changes.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// The keys of its blocks, in order.
    pub fn keys(&self) -> impl Iterator<Item = BlockKey> {
        self.blocks.entries().map(|entry| entry.key)
    }

    /// The last chunk of the column of a key, if the part has any of it.
    pub fn last_chunk(&self, key: BlockKey) -> Option<u32> {
        self.blocks.last_chunk(key)
    }

    /// The chunks of the column of a key that the part has, in order.
    pub fn chunks_of(&self, key: BlockKey) -> impl Iterator<Item = u32> {
        self.blocks.chunks(key)
    }

    /// The keys from one on, in order.
    pub fn keys_from(&self, first: BlockKey) -> impl Iterator<Item = BlockKey> {
        self.blocks.keys_from(first)
    }

    /// A block, if there is one.
    ///
    /// # Errors
    /// `Corrupt` when its bytes are not those that were written.
    pub fn block(self: &Arc<Part>, key: BlockKey) -> Result<Option<Block>> {
        self.believe(key, WRITTEN, |_| true)
    }

    /// A block whose counts hold against its bytes, which `sound` says once for each opening.
    ///
    /// # Errors
    /// `Corrupt` when its bytes are not those that were written, or are no such block.
    pub fn sound_block(
        self: &Arc<Part>,
        key: BlockKey,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Block>> {
        self.believe(key, SOUND, sound)
    }

    /// Whether a block was held against its checksum and its counts before, so that the next look at it reads no more
    /// than it needs.
    pub fn is_believed(&self, key: BlockKey) -> bool {
        self.blocks.find(key).is_some_and(|held| held.state.load(Ordering::Acquire) & SOUND != 0)
    }

    /// Whether it may have a block of the space and form of a key: most parts that have none say so at once.
    #[inline]
    pub fn may_have(&self, key: BlockKey) -> bool {
        self.blocks.may_have(key)
    }

    fn believe(
        self: &Arc<Part>,
        key: BlockKey,
        wanted: u8,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Block>> {
        let range = self.believed(key, wanted, sound)?;
        Ok(range.map(|range| Block { part: Arc::clone(self), range, pieces: None }))
    }

    pub(super) fn believed(
        &self,
        key: BlockKey,
        wanted: u8,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Range<usize>>> {
        let Some(held) = self.blocks.find(key) else { return Ok(None) };
        let range = range_of(&held.entry);
        let known = held.state.load(Ordering::Acquire);
        if known & wanted == 0 {
            let bytes = self.bytes.get(range.clone()).unwrap_or_default();
            let written = known & WRITTEN != 0 || self.is_written(held, bytes);
            if !written || !sound(bytes) {
                return Err(self.damaged());
            }
            held.state.fetch_or(wanted | WRITTEN, Ordering::AcqRel);
        }
        Ok(Some(range))
    }

    /// Whether all bytes of a block are those that were written. The checksum of a block of pieces is that of theirs.
    fn is_written(&self, held: &Held, bytes: &[u8]) -> bool {
        let Ok(count @ 1..) = usize::try_from(pieces_of(held.entry.length)) else {
            return codec::crc(bytes) == held.entry.crc;
        };
        let checksums = checksums_of(bytes);
        let first = held.pieces as usize;
        let holds = codec::crc(&checksums) == held.entry.crc
            && self.bytes.get(self.pieces.place(first, count)) == Some(checksums.as_slice());
        if holds {
            self.pieces.believe(first..first + count);
        }
        holds
    }

    /// Believes nothing any more: each block is held against its checksum again when it is next looked at.
    pub fn disbelieve(&self) {
        self.blocks.states().for_each(|state| state.store(0, Ordering::Release));
        self.pieces.disbelieve();
    }

    /// Lets go of the memory that mapped blocks take, until they are next needed.
    pub fn release(&self) {
        self.bytes.release();
    }

    /// What is said when a block does not hold.
    pub fn damaged(&self) -> Error {
        Error::corrupt(format!(
            "{} is damaged; it is made anew from the log: ask again, or run `nave rebuild`",
            if self.place.is_empty() { "a part in memory" } else { &self.place }
        ))
    }

    /// Holds every block against its checksum, and what is between them against zero.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn check(self: &Arc<Part>) -> Result<()> {
        self.keys().try_for_each(|key| self.block(key).map(|_| ()))?;
        let mut ranges: Vec<(u64, u64)> = self
            .blocks
            .entries()
            .map(|entry| (entry.offset, entry.offset + entry.length))
            .collect();
        ranges.sort_unstable();
        let mut end = MAGIC.len();
        for (from, to) in ranges {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let between = self.bytes.get(end..from.max(end)).unwrap_or_default();
            if self.digest.is_some() && between.iter().any(|byte| *byte != 0) {
                return Err(self.damaged());
            }
            end = usize::try_from(to).unwrap_or(usize::MAX);
        }
        Ok(())
    }
}

/// Where a block lies in its file.
pub(super) fn range_of(entry: &Entry) -> Range<usize> {
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    place(entry.offset)..place(entry.offset).saturating_add(place(entry.length))
}

/// Whether blocks come in order of their keys, lie before the directory, and share no bytes: all of them together are
/// then no larger than the file.
fn lies_well(entries: &[Entry], directory: u64) -> bool {
    let keys = entries.iter().zip(entries.iter().skip(1));
    let ordered = keys.fold(true, |ordered, (before, after)| ordered && before.key < after.key);
    let mut ranges = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(end) = entry.offset.checked_add(entry.length) else { return false };
        if entry.offset < MAGIC.len() as u64 || end > directory || entry.key.chunk >= CHUNKS_MAX {
            return false;
        }
        ranges.push((entry.offset, end));
    }
    ranges.sort_unstable();
    let beside = ranges.iter().zip(ranges.iter().skip(1));
    ordered && beside.fold(true, |apart, (before, after)| apart && before.1 <= after.0)
}

/// Writes a part: in memory, or as a file.
pub struct PartWriter {
    file: Option<Arc<dyn AppendFile>>,
    buffer: Vec<u8>,
    /// Bytes that the file has already.
    written: usize,
    entries: Vec<Entry>,
    /// The checksums of the pieces of large blocks.
    pieces: Vec<(BlockKey, Vec<u8>)>,
}

impl PartWriter {
    /// A part in memory.
    pub fn memory() -> PartWriter {
        let (buffer, entries, pieces) = Default::default();
        PartWriter { file: None, buffer, written: 0, entries, pieces }
    }

    /// A part in a new file.
    pub fn file(file: Arc<dyn AppendFile>) -> PartWriter {
        let buffer = Vec::from(MAGIC);
        let (entries, pieces) = Default::default();
        PartWriter { file: Some(file), buffer, written: 0, entries, pieces }
    }

    /// Whether it will be a file: what is only worth its cost in parts that last asks for this.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Puts a block. Each key once, in any order.
    ///
    /// # Errors
    /// `Io`.
    pub fn put(&mut self, key: BlockKey, bytes: &[u8]) -> Result<()> {
        let offset = (self.written + self.buffer.len()).next_multiple_of(ALIGNMENT);
        self.buffer.resize(offset - self.written, 0);
        self.buffer.extend_from_slice(bytes);
        let crc = match (&self.file, pieces_of(bytes.len() as u64)) {
            (None, _) => 0,
            (Some(_), 0) => codec::crc(bytes),
            (Some(_), _) => {
                let checksums = checksums_of(bytes);
                let crc = codec::crc(&checksums);
                self.pieces.push((key, checksums));
                crc
            }
        };
        self.entries.push(Entry { key, offset: offset as u64, length: bytes.len() as u64, crc });
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if let Some(file) = &self.file {
            write_all(file.as_ref(), &self.buffer)?;
            self.written += self.buffer.len();
            self.buffer.clear();
        }
        Ok(())
    }

    /// The part, when it is in memory.
    pub fn into_memory(mut self, weight: u64) -> Part {
        self.entries.sort_unstable_by_key(|entry| entry.key);
        let blocks = BlockTable::new(self.entries, BEGUN | WRITTEN | SOUND);
        let bytes = FileBytes::Heap(Arc::new(self.buffer));
        let pieces = Pieces::default();
        Part { place: String::new(), bytes, blocks, weight, digest: None, pieces }
    }

    /// Ends the file, makes it durable, and gives the digest of its directory.
    ///
    /// # Errors
    /// `Io`.
    pub fn into_file(mut self, weight: u64) -> Result<Digest128> {
        self.entries.sort_unstable_by_key(|entry| entry.key);
        let entries = std::mem::take(&mut self.entries);
        self.pieces.sort_unstable_by_key(|(key, _)| *key);
        self.pieces.iter().for_each(|(_, checksums)| self.buffer.extend_from_slice(checksums));
        let directory = codec::encode_large(&Directory { weight, entries })?;
        let digest = codec::digest(&directory);
        let offset = (self.written + self.buffer.len()) as u64;
        self.buffer.extend_from_slice(&directory);
        self.buffer.extend_from_slice(&offset.to_le_bytes());
        self.buffer.extend_from_slice(&(directory.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(&digest);
        self.flush()?;
        if let Some(file) = &self.file {
            file.sync()?;
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::dir::MemoryDir;
    use super::*;

    #[test]
    fn a_file_and_memory_give_the_same_blocks_and_damage_is_found() {
        let dir = MemoryDir::new();
        let key = BlockKey::new(1, 2, 3, 0);
        let fill = |mut writer: PartWriter| {
            writer.put(key.chunk(1), b"second").unwrap();
            writer.put(key, b"first").unwrap();
            writer
        };
        let digest = fill(PartWriter::file(dir.append("p").unwrap())).into_file(7).unwrap();
        let mapped = Arc::new(Part::open(&dir, "p", &digest).unwrap());
        let memory = Arc::new(fill(PartWriter::memory()).into_memory(7));
        for part in [&mapped, &memory] {
            assert_eq!(&*part.block(key).unwrap().unwrap(), b"first");
            assert_eq!(&*part.block(key.chunk(1)).unwrap().unwrap(), b"second");
            assert!(part.block(key.chunk(2)).unwrap().is_none());
            assert_eq!((part.weight(), part.keys().count()), (7, 2));
        }
        let bytes = dir.read_at("p", 0, 10_000).unwrap();
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 4;
            let name = format!("f{place}");
            write_all(dir.append(&name).unwrap().as_ref(), &flipped).unwrap();
            let found = Part::open(&dir, &name, &digest).map(Arc::new);
            assert!(found.is_err() || found.is_ok_and(|part| part.check().is_err()), "{place}");
        }
    }
}
