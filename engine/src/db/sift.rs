//! Exactly-once: which rows are new, which are known, and which say something else under a known message id.

use super::Writer;
use super::lookup::{Compared, Found, Lookup};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::ids::Position;
use crate::entry::{Row, RowStatus};
use crate::record::{Decoded, RowError};
use std::collections::HashMap;

/// A row that was read and may be written.
pub(super) struct Candidate {
    /// Its key, when it names a message id or has a generated one that is the same each time.
    pub key: Option<Digest128>,
    /// The key that earlier versions gave it, when it is another: who has that is known.
    pub older: Option<Digest128>,
    pub line: u64,
    /// The bytes as they were sent, which exactly-once compares.
    pub original: Vec<u8>,
    /// The bytes that are kept, when they are not these alone: a message, and what its batch shares.
    pub row: Option<Vec<u8>>,
    pub decoded: std::result::Result<Decoded, RowError>,
}

impl Candidate {
    /// How many bytes it takes in a frame, about.
    pub(super) fn size(&self) -> usize {
        self.row.as_ref().unwrap_or(&self.original).len() + 64
    }
}

/// What exactly-once says of rows.
#[derive(Default)]
pub(super) struct Sifted {
    pub rows: Vec<Row>,
    pub decoded: Vec<std::result::Result<Decoded, RowError>>,
    pub duplicates: u64,
    pub conflicts: u64,
    /// Rows that take the place of others.
    pub revised: u64,
    /// The rows whose place is taken.
    pub replaced: Vec<Position>,
}

impl Sifted {
    /// How many rows are understood, and new.
    pub(super) fn understood(&self) -> u64 {
        let rows = self.rows.iter().zip(&self.decoded);
        let accepted = |(row, decoded): &(&Row, &std::result::Result<_, _>)| {
            row.status == RowStatus::Accepted && decoded.is_ok()
        };
        (rows.filter(accepted).count() as u64).saturating_sub(self.revised)
    }
}

/// What exactly-once says of one row.
#[derive(Default)]
pub(super) struct SiftedRow {
    /// The key to write it under, and whether it is folded, when it is to be written.
    pub new: Option<(Digest128, RowStatus)>,
    /// It was known with the same content.
    pub duplicate: bool,
    /// Its message id was known with other content.
    pub conflict: bool,
    /// The rows whose place it takes: the one that has its message id, and one that waits with the same content.
    pub replaced: Vec<Position>,
}

/// Keys, content digests and positions of the rows of a batch that are not in the log yet.
pub(super) type BatchKeys = HashMap<Digest128, (Digest128, Position)>;

/// The key of a row that conflicts: the same content again is then known.
pub(super) fn conflict_key(key: &Digest128, original: &[u8]) -> Digest128 {
    codec::digest_of_parts(&[b"conflict", key, &codec::digest(original)])
}

enum Known {
    New,
    Same,
    /// The row with the same key.
    Other(Position),
}

impl Writer {
    /// Looks rows up, with everything readable from the log.
    pub(super) fn lookup<T>(
        &mut self,
        find: impl FnOnce(&Lookup<'_>, &mut Compared) -> Result<T>,
    ) -> Result<T> {
        self.log.flush()?;
        let reader = self.log.reader();
        let seen = self.seen.read();
        let lookup = Lookup { seen: &seen, reader: &reader, state: &self.fold.state };
        find(&lookup, &mut self.compared)
    }

    pub(super) fn find_row(&mut self, key: &Digest128) -> Result<Option<(Position, Found)>> {
        if self.seen.read().candidates(key).is_empty() {
            return Ok(None);
        }
        self.lookup(|lookup, compared| lookup.row(key, compared))
    }

    /// Sorts rows into new ones, duplicates and conflicts, or with `revise` those that take the place of others.
    /// `batch` remembers the rows of the batch that are not in the log yet; `first` is the position of the first row.
    pub(super) fn sift(
        &mut self,
        source: &str,
        candidates: Vec<Candidate>,
        (batch, revise): (&mut BatchKeys, bool),
        first: Position,
    ) -> Result<Sifted> {
        let mut sifted = Sifted::default();
        for candidate in candidates {
            let Candidate { key, older, line, original, row: kept, decoded } = candidate;
            let at = first.plus(sifted.rows.len() as u64);
            if let Some(older) = older
                && self.find_row(&older)?.is_some()
            {
                sifted.duplicates += u64::from(decoded.is_ok());
                continue;
            }
            let key = key.unwrap_or_else(|| {
                let number = at.0;
                codec::digest_of_parts(&[
                    b"single",
                    source.as_bytes(),
                    &number.to_le_bytes(),
                    &original,
                ])
            });
            let row = self.sift_row(key, &original, Some(batch), (at, revise))?;
            sifted.duplicates += u64::from(row.duplicate && decoded.is_ok());
            sifted.conflicts += u64::from(row.conflict);
            sifted.revised += u64::from(!row.replaced.is_empty());
            sifted.replaced.extend(row.replaced);
            let Some((key, status)) = row.new else { continue };
            let original = kept.unwrap_or(original);
            sifted.rows.push(Row { key, status, line, original });
            sifted.decoded.push(decoded);
        }
        Ok(sifted)
    }

    /// What exactly-once says of one row. `batch` has the rows that are not in the log yet; without it none has its
    /// key. `at` is the position that the row will have.
    pub(super) fn sift_row(
        &mut self,
        key: Digest128,
        original: &[u8],
        batch: Option<&mut BatchKeys>,
        (at, revise): (Position, bool),
    ) -> Result<SiftedRow> {
        let mut sifted = SiftedRow::default();
        let (key, status) = match self.known(&key, original, batch.as_deref())? {
            Known::New => (key, RowStatus::Accepted),
            Known::Same => {
                sifted.duplicate = true;
                return Ok(sifted);
            }
            Known::Other(before) if revise => {
                sifted.replaced.push(before);
                // What waits in quarantine with this content is decided by it.
                let waiting = self.find_row(&conflict_key(&key, original))?;
                sifted.replaced.extend(waiting.map(|(position, _)| position));
                (key, RowStatus::Accepted)
            }
            Known::Other(_) => {
                let conflict = conflict_key(&key, original);
                sifted.conflict = true;
                if !matches!(self.known(&conflict, original, batch.as_deref())?, Known::New) {
                    return Ok(sifted);
                }
                (conflict, RowStatus::Conflict)
            }
        };
        if let Some(batch) = batch {
            batch.insert(key, (codec::digest(original), at));
        }
        sifted.new = Some((key, status));
        Ok(sifted)
    }

    fn known(
        &mut self,
        key: &Digest128,
        original: &[u8],
        batch: Option<&BatchKeys>,
    ) -> Result<Known> {
        if let Some((content, position)) = batch.and_then(|batch| batch.get(key)) {
            return Ok(if *content == codec::digest(original) {
                Known::Same
            } else {
                Known::Other(*position)
            });
        }
        Ok(match self.find_row(key)? {
            None => Known::New,
            Some((_, Found::Erased)) => Known::Same,
            Some((_, Found::Row(known))) if known == original => Known::Same,
            Some((position, _)) => Known::Other(position),
        })
    }
}
