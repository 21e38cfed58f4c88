//! Finding a record by its key: for exactly-once, for retraction, and to give its bytes back.

use super::open::stub_keys;
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::ids::{LoadId, Position};
use crate::base::row_key::Stretch;
use crate::entry::{Entry, Row};
use crate::identity::PublicId;
use crate::log::{LogReader, SeenKeys};
use crate::record::message_of;
use crate::state::State;

/// A row that is in force.
pub(super) enum Found {
    /// Its bytes, as they were sent.
    Row(Vec<u8>),
    /// Only its key is left.
    Erased,
}

/// The records frame that was last looked at: rows often come in the order of the log.
pub(super) type Compared = Option<(Position, Vec<Row>)>;

/// What a look-up needs; the log must have been flushed.
pub(super) struct Lookup<'a> {
    pub seen: &'a SeenKeys,
    pub reader: &'a LogReader,
    pub state: &'a State,
}

/// Remembers the keys of an entry whose first row has a position.
pub(super) fn remember(seen: &mut SeenKeys, entry: &Entry, first: Position) {
    match entry.stretches() {
        Some(stretches) => {
            for stretch in stretches {
                seen.add_stretch(Stretch {
                    place: first.0.saturating_add(stretch.place),
                    ..stretch
                });
            }
        }
        None => {
            for (index, key) in entry.keys().enumerate() {
                seen.add(&key, first.plus(index as u64));
            }
        }
    }
}

/// The key of a message id that a source gave.
pub(super) fn given_key(source: &str, message_id: &str) -> Digest128 {
    codec::digest_of_parts(&[b"message", source.as_bytes(), message_id.as_bytes()])
}

/// The bytes of a row of a load as its source sent them, without what its batch shares.
pub(super) fn sent<'r>(state: &State, load: LoadId, row: &'r Row) -> &'r [u8] {
    let batched = state.loads.get(&load).is_some_and(|info| info.shape.may_share());
    if batched { message_of(&row.original) } else { &row.original }
}

impl Lookup<'_> {
    /// The row of a key, the newest that the state holds and does not withdraw.
    pub(super) fn row(
        &self,
        key: &Digest128,
        compared: &mut Compared,
    ) -> Result<Option<(Position, Found)>> {
        for position in self.seen.candidates(key) {
            if position < self.state.end
                && let Some(found) = self.row_at(position, key, compared)?
            {
                return Ok(Some((position, found)));
            }
        }
        Ok(None)
    }

    fn row_at(
        &self,
        position: Position,
        key: &Digest128,
        compared: &mut Compared,
    ) -> Result<Option<Found>> {
        let frame = self.reader.frame_at(position)?;
        let (source, load) = (frame.header.source, frame.header.load);
        // Rows whose load lost its entry in a repair cannot be read: their file may be loaded again.
        let lost = load != LoadId(0) && !self.state.loads.contains_key(&load);
        if lost || self.state.hindsight.retracted.holds(source, load, position) {
            return Ok(None);
        }
        let index = usize::try_from(position.0 - frame.header.first.0).unwrap_or(usize::MAX);
        if frame.header.stub {
            let same = stub_keys(&frame.payload).get(index) == Some(key);
            return Ok(same.then_some(Found::Erased));
        }
        if compared.as_ref().is_none_or(|(first, _)| *first != frame.header.first) {
            let entry =
                Entry::decode(frame.header.kind, frame.header.payload_version, &frame.payload)?;
            let rows = match entry {
                Entry::Records(records) => records.rows,
                Entry::Block(block) => block.to_rows(),
                _ => return Ok(None),
            };
            *compared = Some((frame.header.first, rows));
        }
        let row = compared.as_ref().and_then(|(_, rows)| rows.get(index));
        let sent = row.filter(|row| row.key == *key).map(|row| sent(self.state, load, row));
        Ok(sent.map(|sent| Found::Row(sent.to_vec())))
    }

    /// The record of a message id: one that its source gave, or a generated one in its 32 digits.
    pub(super) fn message(
        &self,
        source: &str,
        message_id: &str,
        compared: &mut Compared,
    ) -> Result<Option<(Position, Found)>> {
        if let Some(found) = self.row(&given_key(source, message_id), compared)? {
            return Ok(Some(found));
        }
        // A generated id is its key in digits; it must be one of the source's.
        let Some(id) = PublicId::parse(message_id) else { return Ok(None) };
        let found = self.row(&id.0.to_be_bytes(), compared)?;
        let Some((position, _)) = &found else { return Ok(None) };
        let owner = self.reader.frame_at(*position)?.header.source;
        Ok(found.filter(|_| self.state.catalog.source_name(owner) == source))
    }
}
