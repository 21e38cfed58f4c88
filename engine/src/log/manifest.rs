//! What is known about the files of the log: which are complete, and whether the store was closed cleanly.
//!
//! The file `log/MANIFEST` is replaced atomically. It holds sealed bytes: magic "NAVEMANI" (8), version (4), payload
//! length (4), payload digest (16), payload. It is written when the store is made, opened for writing, closed, and when
//! a log file is complete. A store without it, or with a damaged one, is corrupt: it is never guessed.

use crate::base::codec::{self, Digest128};
use crate::base::dir::{Dir, replace};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{Epoch, Position};
use bincode::{Decode, Encode};

const NAME: &str = "log/MANIFEST";
const MAGIC: &[u8; 8] = b"NAVEMANI";
const VERSION: u32 = 1;
const HEAD: usize = 32;

/// A complete log file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedFile {
    /// Its number.
    pub number: u64,
    /// The position of its first row.
    pub first: Position,
    /// The first position after it.
    pub end: Position,
    /// Its bytes.
    pub length: u64,
    /// The chain of its last frame.
    pub chain: Digest128,
}

/// Where the log ended when the store was closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CleanEnd {
    /// The first position after the log.
    pub end: Position,
    /// Bytes of the last file.
    pub length: u64,
    /// The chain of its last frame.
    pub chain: Digest128,
    /// The engine clock.
    pub clock: i64,
}

/// What is known about the files of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// Names the store.
    pub store: Digest128,
    /// The key of public ids, so that the first entry can be made again after a crash at birth.
    pub salt: [u8; 32],
    /// The last writer.
    pub epoch: Epoch,
    /// The first position that was not durable when this was written: all before it was.
    pub durable_end: Position,
    /// The complete files, in order; the next number is the file in use.
    pub sealed: Vec<SealedFile>,
    /// Where the log ended, when it was closed cleanly.
    pub clean: Option<CleanEnd>,
    /// Torn tails that were cut since the store was made.
    pub torn_tails: u64,
}

/// Bytes with a head that guards them: of the manifests of log and derived files.
pub fn sealed_bytes(magic: &[u8; 8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + payload.len());
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&codec::digest(payload));
    bytes.extend_from_slice(payload);
    bytes
}

/// The payload of guarded bytes; nothing when they do not hold.
pub fn read_sealed_bytes<'a>(magic: &[u8; 8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let payload = bytes.get(HEAD..)?;
    let holds = bytes.get(..8)? == magic
        && codec::u32_at(bytes, 8)? == VERSION
        && codec::u32_at(bytes, 12)? as usize == payload.len()
        && codec::digest_at(bytes, 16)? == codec::digest(payload);
    holds.then_some(payload)
}

impl Manifest {
    /// The manifest of a store that was just made.
    pub fn new(store: Digest128, salt: [u8; 32]) -> Manifest {
        Manifest {
            store,
            salt,
            epoch: Epoch(0),
            durable_end: Position(1),
            sealed: Vec::new(),
            clean: None,
            torn_tails: 0,
        }
    }

    /// The number of the file in use.
    pub fn active_number(&self) -> u64 {
        self.sealed.last().map_or(1, |file| file.number + 1)
    }

    /// The position of the first row of the file in use.
    pub fn active_first(&self) -> Position {
        self.sealed.last().map_or(Position(1), |file| file.end)
    }

    /// Reads the manifest; nothing when there is none.
    ///
    /// # Errors
    /// `Corrupt` when it does not hold.
    pub fn read(dir: &dyn Dir) -> Result<Option<Manifest>> {
        let len = match dir.len(NAME) {
            Ok(len) => len,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let bytes = dir.read_at(NAME, 0, usize::try_from(len).unwrap_or(usize::MAX))?;
        let payload = read_sealed_bytes(MAGIC, &bytes).ok_or_else(|| {
            Error::corrupt(format!("{NAME} in {} is damaged; run `nave repair`", dir.place()))
        })?;
        codec::decode(payload).map(Some)
    }

    /// Replaces the manifest, durably.
    ///
    /// # Errors
    /// `Io`; the old one is then still whole.
    pub fn write(&self, dir: &dyn Dir) -> Result<()> {
        replace(dir, NAME, &sealed_bytes(MAGIC, &codec::encode(self)?))
    }
}
