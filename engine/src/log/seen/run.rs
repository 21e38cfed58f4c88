//! A sorted run on disk: rows of 16 bytes in order of key prefix, behind a filter.
//!
//! ```text
//! offset size field
//!      0    8 magic  "NAVEKEYS"
//!      8    4 version 1
//!     12    4 reserved 0
//!     16    8 rows
//!     24    8 bytes of the filter
//!     32   16 BLAKE3-128 of bytes 48 to the end, and of bytes 0..32
//!     48      rows: prefix (8), position (8), sorted
//!             the filter
//! ```

use super::SeenRow;
use crate::base::codec::{self, Digest128};
use crate::base::dir::{Dir, remove_if_there, write_all};
use crate::base::error::{Error, Result};
use crate::base::filter;
use crate::base::ids::Position;
use crate::base::mmap::FileBytes;
use bincode::{Decode, Encode};

const MAGIC: &[u8; 8] = b"NAVEKEYS";
const HEAD: usize = 48;
const ROW: usize = 16;
const PIECE: usize = 1 << 20;

/// The name of a run: its number and the digest that its file must have.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RunName {
    /// The file's name in its folder.
    pub file: String,
    /// The digest in its head.
    pub digest: Digest128,
}

/// A run that is mapped.
pub(super) struct Run {
    name: RunName,
    bytes: FileBytes,
    rows: usize,
}

fn digest_of(head: &[u8], body: &[u8]) -> Digest128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(body);
    hasher.update(head);
    codec::first_half(hasher.finalize())
}

impl Run {
    /// Maps a run and checks all of it.
    pub(super) fn open(dir: &dyn Dir, folder: &str, name: &RunName) -> Result<Run> {
        let path = format!("{folder}/{}", name.file);
        let bytes = dir.map(&path)?;
        let damaged = || Error::corrupt(format!("{path} is damaged"));
        let (head, body) = bytes.split_at_checked(HEAD).ok_or_else(damaged)?;
        let rows =
            codec::u64_at(head, 16).and_then(|n| usize::try_from(n).ok()).ok_or_else(damaged)?;
        let behind =
            codec::u64_at(head, 24).and_then(|n| usize::try_from(n).ok()).ok_or_else(damaged)?;
        let digest = codec::digest_at(head, 32).ok_or_else(damaged)?;
        let holds = head.get(..8) == Some(MAGIC)
            && codec::u32_at(head, 8) == Some(1)
            && rows.checked_mul(ROW).and_then(|n| n.checked_add(behind)) == Some(body.len())
            && body.get(body.len() - behind..).is_some_and(filter::is_one)
            && digest == name.digest
            && digest == digest_of(head.get(..32).unwrap_or_default(), body);
        if !holds {
            return Err(damaged());
        }
        // Its digest took the whole run into memory; look-ups need little of it.
        bytes.release();
        Ok(Run { name: name.clone(), bytes, rows })
    }

    /// Writes sorted rows as a run and maps it.
    pub(super) fn write(
        dir: &dyn Dir,
        folder: &str,
        count: usize,
        rows: impl Iterator<Item = SeenRow>,
    ) -> Result<Run> {
        let mut filter = vec![0; filter::bytes_for(count)];
        let mut body = Vec::with_capacity(count * ROW + filter.len());
        for row in rows {
            filter::add(&mut filter, row.prefix);
            body.extend_from_slice(&row.prefix.to_le_bytes());
            body.extend_from_slice(&row.position.0.to_le_bytes());
        }
        body.extend_from_slice(&filter);
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&1_u32.to_le_bytes());
        head.extend_from_slice(&0_u32.to_le_bytes());
        head.extend_from_slice(&(count as u64).to_le_bytes());
        head.extend_from_slice(&(filter.len() as u64).to_le_bytes());
        let digest = digest_of(&head, &body);
        head.extend_from_slice(&digest);
        let file = format!("keys-{}.run", codec::hex(digest.first_chunk::<8>().unwrap_or(&[0; 8])));
        let path = format!("{folder}/{file}");
        remove_if_there(dir, &path)?;
        let handle = dir.append(&path)?;
        write_all(handle.as_ref(), &head)?;
        for piece in body.chunks(PIECE) {
            write_all(handle.as_ref(), piece)?;
        }
        handle.sync()?;
        dir.sync_folder(folder)?;
        Run::open(dir, folder, &RunName { file, digest })
    }

    pub(super) fn release(&self) {
        self.bytes.release();
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn name(&self) -> RunName {
        self.name.clone()
    }

    fn row(&self, index: usize) -> Option<SeenRow> {
        if index >= self.rows {
            return None;
        }
        let at = HEAD + index * ROW;
        Some(SeenRow {
            prefix: codec::u64_at(&self.bytes, at)?,
            position: Position(codec::u64_at(&self.bytes, at + 8)?),
        })
    }

    fn filter(&self) -> &[u8] {
        self.bytes.get(HEAD + self.rows * ROW..).unwrap_or_default()
    }

    /// Adds the positions of a prefix to `found`.
    pub(super) fn find(&self, prefix: u64, found: &mut Vec<Position>) {
        if !filter::may_hold(self.filter(), prefix) {
            return;
        }
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row(middle).is_some_and(|row| row.prefix < prefix) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        found.extend(
            (low..self.rows)
                .map_while(|i| self.row(i).filter(|r| r.prefix == prefix))
                .map(|r| r.position),
        );
    }
}

/// The rows of several runs in order.
pub(super) fn merge(runs: &[Run]) -> impl Iterator<Item = SeenRow> {
    let mut next: Vec<usize> = vec![0; runs.len()];
    std::iter::from_fn(move || {
        let heads = runs.iter().zip(&next).enumerate();
        let (least, row) = heads
            .filter_map(|(number, (run, index))| Some((number, run.row(*index)?)))
            .min_by_key(|(_, row)| *row)?;
        if let Some(index) = next.get_mut(least) {
            *index += 1;
        }
        Some(row)
    })
}
