//! The frame: the bytes of one entry in a log file. This file is the specification; `docs/format.md` repeats it.
//!
//! All numbers are little-endian. A frame is a header of 104 bytes and the stored payload.
//!
//! ```text
//! offset size field
//!      0    4 magic            "NAVE"
//!      4    2 version          1
//!      6    2 kind             which entry (see `entry`)
//!      8    2 payload version  how the payload is encoded
//!     10    1 origin           0 live, 1 history, 2 correction
//!     11    1 flags            bit 0: the next frame belongs to the same batch
//!     12    4 length           bytes of the payload as it was first written
//!     16    8 first position   of the first row
//!     24    4 rows             how many positions the entry takes, at least 1
//!     28    4 epoch            which writer wrote it
//!     32    8 engine clock     microseconds since 1970, never going back
//!     40    8 load             the load's id, 0 for none
//!     48    8 durable position all positions before it were known to be durable when the frame was made
//!     56    4 source           the source's number, 0 for the engine
//!     60    4 reserved         0
//!     64   16 payload digest   BLAKE3-128 of the payload as it was first written
//!     80   16 chain            BLAKE3-128 of (chain of the frame before | bytes 0..80)
//!     96    4 stored           bytes that follow; bit 31 says that they are a stub
//!    100    4 seal             CRC-32C of bytes 0..100
//! ```
//!
//! **Valid** is a frame whose magic, version and seal hold, whose chain follows from the frame before (for the first
//! frame: from the file's header), whose first position follows the frame before, and whose payload has the digest.
//!
//! **A stub** stands in for a payload that was erased. Header bytes 0..96 stay as they were, so the chain still holds;
//! `stored` and `seal` change. A stub is the 16-byte key of each row, then a CRC-32C of those bytes.
//!
//! **A batch** is a run of frames of which all but the last have flag bit 0. It is there as a whole or not at all.

use crate::base::codec::{self, Digest128};
use crate::base::ids::{Epoch, LoadId, Position, SourceId};
use crate::base::time::Timestamp;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 104;
const MAGIC: &[u8; 4] = b"NAVE";
const VERSION: u16 = 1;
const STUB: u32 = 1 << 31;
const CONTINUES: u8 = 1;
/// The bytes that the chain covers.
const CHAINED: usize = 80;

/// What a frame says about its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which entry.
    pub kind: u16,
    /// How the payload is encoded.
    pub payload_version: u16,
    /// The code of the origin.
    pub origin: u8,
    /// Whether the next frame belongs to the same batch.
    pub continues: bool,
    /// Bytes of the payload as it was first written.
    pub length: u32,
    /// The position of the first row.
    pub first: Position,
    /// How many positions it takes.
    pub rows: u32,
    /// Which writer wrote it.
    pub epoch: Epoch,
    /// The engine clock.
    pub clock: Timestamp,
    /// The load.
    pub load: LoadId,
    /// All positions before this were known to be durable when it was made.
    pub durable: Position,
    /// The source.
    pub source: SourceId,
    /// The digest of the payload as it was first written.
    pub digest: Digest128,
    /// The chain.
    pub chain: Digest128,
    /// Bytes that follow.
    pub stored: u32,
    /// Whether they are a stub.
    pub stub: bool,
}

impl Header {
    /// The first position after the frame.
    pub fn end(&self) -> Position {
        self.first.plus(u64::from(self.rows))
    }

    /// Bytes of header and stored payload.
    pub fn frame_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.stored)
    }

    /// The chained bytes of the header.
    fn chained(&self) -> [u8; CHAINED] {
        let mut bytes = [0; CHAINED];
        let mut rest = bytes.as_mut_slice();
        let mut put = |field: &[u8]| {
            let (slot, tail) = std::mem::take(&mut rest).split_at_mut(field.len());
            slot.copy_from_slice(field);
            rest = tail;
        };
        put(MAGIC);
        put(&VERSION.to_le_bytes());
        put(&self.kind.to_le_bytes());
        put(&self.payload_version.to_le_bytes());
        put(&[self.origin, u8::from(self.continues) * CONTINUES]);
        put(&self.length.to_le_bytes());
        put(&self.first.0.to_le_bytes());
        put(&self.rows.to_le_bytes());
        put(&self.epoch.0.to_le_bytes());
        put(&self.clock.0.to_le_bytes());
        put(&self.load.0.to_le_bytes());
        put(&self.durable.0.to_le_bytes());
        put(&self.source.0.to_le_bytes());
        put(&0_u32.to_le_bytes());
        put(&self.digest);
        bytes
    }

    /// The chain that must follow `before` with this header.
    pub fn chain_after(&self, before: &Digest128) -> Digest128 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(before);
        hasher.update(&self.chained());
        codec::first_half(hasher.finalize())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&self.chained());
        bytes.extend_from_slice(&self.chain);
        let stored = if self.stub { self.stored | STUB } else { self.stored };
        bytes.extend_from_slice(&stored.to_le_bytes());
        let seal = codec::crc(&bytes);
        bytes.extend_from_slice(&seal.to_le_bytes());
        bytes
    }

    /// Reads a header; nothing when magic, version or seal do not hold. The chain is not looked at.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        if bytes.get(..4)? != MAGIC || codec::u32_at(bytes, 100)? != codec::crc(bytes.get(..100)?) {
            return None;
        }
        let flags = *bytes.get(11)?;
        if short(4)? != VERSION || flags & !CONTINUES != 0 || codec::u32_at(bytes, 60)? != 0 {
            return None;
        }
        let stored = codec::u32_at(bytes, 96)?;
        let header = Header {
            kind: short(6)?,
            payload_version: short(8)?,
            origin: *bytes.get(10)?,
            continues: flags & CONTINUES != 0,
            length: codec::u32_at(bytes, 12)?,
            first: Position(codec::u64_at(bytes, 16)?),
            rows: codec::u32_at(bytes, 24)?,
            epoch: Epoch(codec::u32_at(bytes, 28)?),
            clock: Timestamp(codec::u64_at(bytes, 32)?.cast_signed()),
            load: LoadId(codec::u64_at(bytes, 40)?),
            durable: Position(codec::u64_at(bytes, 48)?),
            source: SourceId(codec::u32_at(bytes, 56)?),
            digest: codec::digest_at(bytes, 64)?,
            chain: codec::digest_at(bytes, 80)?,
            stored: stored & !STUB,
            stub: stored & STUB != 0,
        };
        let sized = header.stub || header.stored == header.length;
        let bounded = header.stored as usize <= crate::base::limits::PAYLOAD_BYTES_MAX;
        (sized && bounded && header.rows > 0).then_some(header)
    }

    /// Whether these are the payload's bytes, or its stub's.
    pub fn payload_holds(&self, payload: &[u8]) -> bool {
        if payload.len() != self.stored as usize {
            return false;
        }
        if self.stub {
            let Some((keys, check)) = payload.split_last_chunk::<4>() else { return false };
            return codec::crc(keys) == u32::from_le_bytes(*check);
        }
        codec::digest(payload) == self.digest
    }
}

/// Appends a frame to `out`, setting the header's length, digest and chain from the payload and the chain before.
pub fn write_frame(out: &mut Vec<u8>, header: &mut Header, payload: &[u8], before: &Digest128) {
    header.length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    header.stored = header.length;
    header.stub = false;
    header.digest = codec::digest(payload);
    header.chain = header.chain_after(before);
    out.extend_from_slice(&header.bytes());
    out.extend_from_slice(payload);
}

/// The bytes of a frame whose payload was erased: the same header, and the keys of its rows.
#[cfg(test)]
pub fn stub_frame(header: &Header, keys: &[Digest128]) -> Vec<u8> {
    let mut stub: Vec<u8> = keys.concat();
    let check = codec::crc(&stub);
    stub.extend_from_slice(&check.to_le_bytes());
    let stored = u32::try_from(stub.len()).unwrap_or(u32::MAX);
    let mut bytes = Header { stub: true, stored, ..header.clone() }.bytes();
    bytes.extend_from_slice(&stub);
    bytes
}

/// The bytes of a frame exactly as its header says, for a stub that is moved to another chain.
pub(super) fn raw_frame(header: &Header, stored: &[u8]) -> Vec<u8> {
    let mut bytes = header.bytes();
    bytes.extend_from_slice(stored);
    bytes
}

/// The head of a log file, 64 bytes: magic "NAVELOG" and 0, version (4), reserved (4), file number (8), first
/// position (8), store (16), engine clock (8), reserved (4), CRC-32C of the 60 bytes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHead {
    /// The number of the file, from 1.
    pub number: u64,
    /// The position of its first row.
    pub first: Position,
    /// The store that it belongs to.
    pub store: Digest128,
    /// The engine clock when it was made.
    pub clock: Timestamp,
}

/// Bytes of the head of a log file.
pub const FILE_HEAD_BYTES: usize = 64;
const FILE_MAGIC: &[u8; 8] = b"NAVELOG\0";

impl FileHead {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_HEAD_BYTES);
        bytes.extend_from_slice(FILE_MAGIC);
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first.0.to_le_bytes());
        bytes.extend_from_slice(&self.store);
        bytes.extend_from_slice(&self.clock.0.to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        let check = codec::crc(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads a head; nothing when it does not hold.
    pub fn parse(bytes: &[u8]) -> Option<FileHead> {
        let bytes = bytes.get(..FILE_HEAD_BYTES)?;
        let holds = bytes.get(..8)? == FILE_MAGIC
            && codec::u32_at(bytes, 8)? == 1
            && codec::u32_at(bytes, 60)? == codec::crc(bytes.get(..60)?);
        holds.then_some(FileHead {
            number: codec::u64_at(bytes, 16)?,
            first: Position(codec::u64_at(bytes, 24)?),
            store: codec::digest_at(bytes, 32)?,
            clock: Timestamp(codec::u64_at(bytes, 48)?.cast_signed()),
        })
    }

    /// The chain that the first frame of the file follows.
    pub fn chain(&self) -> Digest128 {
        codec::digest(&self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            kind: 4,
            payload_version: 1,
            origin: 1,
            continues: true,
            length: 0,
            first: Position(10),
            rows: 2,
            epoch: Epoch(3),
            clock: Timestamp(-5),
            load: LoadId(6),
            durable: Position(7),
            source: SourceId(8),
            digest: [0; 16],
            chain: [0; 16],
            stored: 0,
            stub: false,
        }
    }

    #[test]
    fn every_bit_of_a_frame_is_guarded() {
        let mut bytes = Vec::new();
        let mut written = header();
        write_frame(&mut bytes, &mut written, b"payload", &[9; 16]);
        let whole = |bytes: &[u8]| {
            let parsed = Header::parse(bytes)?;
            let chained = parsed.chain == parsed.chain_after(&[9; 16]);
            (chained && parsed.payload_holds(&bytes[HEADER_BYTES..])).then_some(parsed)
        };
        assert_eq!(whole(&bytes), Some(written));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(whole(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn a_stub_keeps_the_chain() {
        let mut bytes = Vec::new();
        let mut first = header();
        write_frame(&mut bytes, &mut first, b"to be erased", &[0; 16]);
        let mut second = Header { first: first.end(), ..header() };
        write_frame(&mut bytes, &mut second, b"kept", &first.chain);

        let stub = stub_frame(&first, &[[1; 16], [2; 16]]);
        assert!(!stub.windows(5).any(|w| w == b"erase"));
        let read = Header::parse(&stub).unwrap();
        assert!(read.stub && read.payload_holds(&stub[HEADER_BYTES..]));
        assert_eq!(read.chain, read.chain_after(&[0; 16]));
        assert_eq!(second.chain, second.chain_after(&read.chain));
        for bit in 0..stub.len() * 8 {
            let mut flipped = stub.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let holds =
                Header::parse(&flipped).is_some_and(|h| h.payload_holds(&flipped[HEADER_BYTES..]));
            assert!(!holds, "bit {bit}");
        }
    }

    #[test]
    fn the_bytes_of_version_one_are_frozen() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &mut header(), b"x", &[0; 16]);
        assert_eq!(codec::hex(&codec::digest(&bytes)), "cef1e004bbe7290709c261ac29c78669");
        let head = FileHead { number: 1, first: Position(1), store: [5; 16], clock: Timestamp(2) };
        assert_eq!(FileHead::parse(&head.bytes()), Some(head.clone()));
        assert_eq!(codec::hex(&head.chain()), "115918204dd518cb7b182d30d82cd974");
    }
}
