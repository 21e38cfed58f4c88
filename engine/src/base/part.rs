//! Parts: immutable sets of blocks, in memory or mapped from a file.
//!
//! *What it is:* bytes under keys, each block with a checksum of its own, behind one directory. *Invariants:* a part
//! never changes; a block of a file is believed only after its checksum held, once for each opening; the directory is
//! held by a digest that the manifest knows. *What it does not know:* what the bytes mean.
//! *Where to start reading:* `Part::block`, then `PartWriter`.

use super::codec::{self, Digest128};
use super::dir::{AppendFile, Dir, write_all};
use super::directory::{BlockTable, Entry, PIECE, pieces_of};
use super::error::{Error, Result};
use super::mmap::FileBytes;
use super::pieces::Pieces;
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
/// What a block says of itself fits its bytes, of which some pieces were held against their checksums.
const BEGUN: u8 = 1;
/// The bytes of a block are those of its checksum.
const WRITTEN: u8 = 2;
/// And what it says of itself fits them.
const SOUND: u8 = 3;
/// What a block begins with, for who asks how long its beginning is.
const BEGINNING: usize = 64;
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
    /// The checksums of the pieces of large blocks, in the order of these.
    pieces: Vec<u32>,
}

/// An immutable set of blocks.
#[derive(Debug)]
pub struct Part {
    place: String,
    bytes: FileBytes,
    blocks: BlockTable,
    weight: u64,
    digest: Option<Digest128>,
    pieces: Pieces,
}

/// A block of a part: its bytes, which keep the part alive.
#[derive(Debug, Clone)]
pub struct Block {
    part: Arc<Part>,
    range: Range<usize>,
}

/// A block of which little is read.
#[derive(Debug)]
pub struct Begun<'p> {
    /// Its bytes, of which those may be looked at that hold.
    pub bytes: &'p [u8],
    range: Range<usize>,
    /// The pieces of the part, and the number of its first one; nothing where all of it holds.
    pieces: Option<(&'p Pieces, u32)>,
}

impl Begun<'_> {
    /// Whether bytes of it are those that were written.
    #[inline]
    pub fn holds(&self, within: &Range<usize>) -> bool {
        self.pieces.is_none_or(|(pieces, first)| pieces.believe(first, self.bytes, within))
    }

    /// The block, which keeps the part alive that it is of.
    pub fn block(&self, part: &Arc<Part>) -> Block {
        Block { part: Arc::clone(part), range: self.range.clone() }
    }
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
        let directory: Directory = codec::decode_large(directory)?;
        if !lies_well(&directory.entries, offset as u64) {
            return Err(damaged());
        }
        let Directory { weight, entries, pieces } = directory;
        let wanted = entries.iter().map(|entry| pieces_of(entry.length)).sum::<u64>();
        if pieces.len() as u64 != wanted {
            return Err(damaged());
        }
        let (blocks, pieces) = (BlockTable::new(entries, 0), Pieces::new(pieces));
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

    /// The same as bytes of the part.
    ///
    /// # Errors
    /// As `sound_block`.
    pub fn sound_bytes(
        &self,
        key: BlockKey,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<&[u8]>> {
        let range = self.believed(key, SOUND, sound)?;
        Ok(range.map(|range| self.bytes.get(range).unwrap_or_default()))
    }

    /// Whether a block was held against its checksum and its counts before, so that the next look at it reads no more
    /// than it needs.
    pub fn is_believed(&self, key: BlockKey) -> bool {
        self.blocks.find(key).is_some_and(|held| held.state.load(Ordering::Acquire) >= SOUND)
    }

    /// Whether it may have a block of the space and form of a key: most parts that have none say so at once.
    #[inline]
    pub fn may_have(&self, key: BlockKey) -> bool {
        self.blocks.may_have(key)
    }

    /// A block of which little is read: who looks at bytes of it asks `Begun::holds` first. What `beginning` says that
    /// it takes to tell where its values are is held against the checksums at once; `sound` looks at no more.
    ///
    /// # Errors
    /// As `sound_block`.
    pub fn begun(
        &self,
        key: BlockKey,
        beginning: impl FnOnce(&[u8]) -> Option<usize>,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Begun<'_>>> {
        let Some(held) = self.blocks.find(key) else { return Ok(None) };
        let range = range_of(&held.entry);
        let known = held.state.load(Ordering::Acquire);
        if known >= SOUND || pieces_of(held.entry.length) == 0 {
            self.believed(key, SOUND, sound)?;
            let bytes = self.bytes.get(range.clone()).unwrap_or_default();
            return Ok(Some(Begun { bytes, range, pieces: None }));
        }
        let bytes = self.bytes.get(range.clone()).unwrap_or_default();
        let begun = Begun { bytes, range, pieces: Some((&self.pieces, held.pieces)) };
        if known < BEGUN {
            let holds = |to: usize| begun.holds(&(0..to));
            let whole = holds(BEGINNING).then(|| beginning(bytes)).flatten().is_some_and(holds);
            if !whole || !sound(bytes) {
                return Err(self.damaged());
            }
            held.state.fetch_max(BEGUN, Ordering::AcqRel);
        }
        Ok(Some(begun))
    }

    fn believe(
        self: &Arc<Part>,
        key: BlockKey,
        wanted: u8,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Block>> {
        let range = self.believed(key, wanted, sound)?;
        Ok(range.map(|range| Block { part: Arc::clone(self), range }))
    }

    fn believed(
        &self,
        key: BlockKey,
        wanted: u8,
        sound: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<Range<usize>>> {
        let Some(held) = self.blocks.find(key) else { return Ok(None) };
        let (entry, held) = (&held.entry, &held.state);
        let range = range_of(entry);
        let known = held.load(Ordering::Acquire);
        if known < wanted {
            let bytes = self.bytes.get(range.clone()).unwrap_or_default();
            // Of a block that has begun some pieces alone are known.
            if known < WRITTEN && codec::crc(bytes) != entry.crc {
                return Err(self.damaged());
            }
            if !sound(bytes) {
                return Err(self.damaged());
            }
            held.fetch_max(wanted, Ordering::AcqRel);
        }
        Ok(Some(range))
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
fn range_of(entry: &Entry) -> Range<usize> {
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
    pieces: Vec<(BlockKey, Vec<u32>)>,
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
        let crc = if self.file.is_some() { codec::crc(bytes) } else { 0 };
        if self.file.is_some() && pieces_of(bytes.len() as u64) > 0 {
            let pieces = bytes.chunks(PIECE as usize).map(codec::crc);
            self.pieces.push((key, pieces.collect()));
        }
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
        let blocks = BlockTable::new(self.entries, SOUND);
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
        let pieces = self.pieces.drain(..).flat_map(|(_, pieces)| pieces).collect();
        let directory = codec::encode_large(&Directory { weight, entries, pieces })?;
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
    fn pieces_of_large_blocks_hold_by_themselves() {
        let dir = MemoryDir::new();
        let (key, small) = (BlockKey::new(1, 2, 3, 0), BlockKey::new(1, 2, 4, 0));
        let large: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let mut writer = PartWriter::file(dir.append("p").unwrap());
        writer.put(small, b"small").unwrap();
        writer.put(key, &large).unwrap();
        writer.put(key.chunk(1), &large).unwrap();
        let digest = writer.into_file(1).unwrap();
        let begun = |name: &str| Arc::new(Part::open(&dir, name, &digest).unwrap());
        let head = |bytes: &[u8]| Some(bytes.len().min(100_000));
        let part = begun("p");
        for key in [key, key.chunk(1)] {
            let block = part.begun(key, head, |_| true).unwrap().unwrap();
            assert!(block.bytes == large && block.holds(&(0..large.len())));
            assert!(!part.is_believed(key), "that takes a look at all of it");
            assert_eq!(&*block.block(&part), large.as_slice());
        }
        assert!(part.begun(small, head, |bytes| bytes == b"small").unwrap().is_some());
        assert!(part.begun(key.chunk(2), head, |_| true).unwrap().is_none());
        let bytes = dir.read_at("p", 0, 1_000_000).unwrap();
        let first = bytes.windows(100).position(|bytes| *bytes == large[..100]).unwrap();
        for place in [0, 70_000, 99_999, 131_071, 131_072, 250_000, 299_999] {
            let mut flipped = bytes.clone();
            flipped[first + place] ^= 16;
            let name = format!("f{place}");
            write_all(dir.append(&name).unwrap().as_ref(), &flipped).unwrap();
            let part = begun(&name);
            let found = part.begun(key, head, |_| true);
            // What it begins with lies in four pieces.
            assert_eq!(found.is_err(), place < 131_072, "{place}");
            for start in (0..300_000).step_by(10_000) {
                let Ok(Some(block)) = &found else { continue };
                let touched =
                    start / 32_768 <= place / 32_768 && place / 32_768 <= (start + 9_999) / 32_768;
                assert_eq!(block.holds(&(start..start + 10_000)), !touched, "{place}, {start}");
            }
            assert!(part.block(key).is_err() && part.block(key.chunk(1)).is_ok());
            part.disbelieve();
            assert!(
                part.begun(key.chunk(1), head, |_| true).unwrap().unwrap().holds(&(0..300_000))
            );
        }
    }

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
