//! The rows of one file by column: a block at a time, and no record for each row.

use super::super::sift::{BatchKeys, SiftedRow};
use super::file::FileLoad;
use crate::base::codec::Digest128;
use crate::base::error::Result;
use crate::entry::{Entry, RowKind, RowStatus};
use crate::intake::{RawRows, Watch};
use crate::record::{BlockBuilder, Decoded, RowError, RowSight, decode_file_row};

/// How rows are split, as the request says and as a mapping says.
struct Sights {
    asked: RowSight,
    mapped: Option<RowSight>,
}

/// What a row is.
struct Looked {
    key: Digest128,
    /// Whether its message id was given.
    given: bool,
    understood: bool,
    /// What the fold is told of a row that is kept as it came.
    decoded: Option<std::result::Result<Decoded, RowError>>,
}

impl FileLoad<'_> {
    /// Rows of one kind. Says whether it was not stopped.
    pub(super) fn run_by_column(&mut self, asked: RowSight, watch: &mut Watch<'_>) -> Result<bool> {
        let mut rows = RawRows::default();
        let mapped = self.mapped.as_ref().and_then(RowSight::of);
        let mut sights = Sights { asked, mapped };
        self.reader.next_rows(&mut rows)?;
        while !rows.is_empty() {
            self.put_columns(&rows, &mut sights)?;
            self.reach(&rows);
            if !self.next_block(&mut rows, watch)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put_columns(&mut self, rows: &RawRows, sights: &mut Sights) -> Result<()> {
        let inner = self.inner;
        let mut writer = inner.writer.lock();
        inner.writable(&mut writer)?;
        writer.fold.state.clock = writer.log.advance_clock(inner.clock.now());
        let first = self.first_row(&writer);
        let mut replaced = Vec::new();
        let content_known = self.known.may_be_known(&writer, self.plan);
        let mut batch = BatchKeys::new();
        sights.asked.begin_block();
        sights.mapped.iter_mut().for_each(RowSight::begin_block);
        let mut block = BlockBuilder::new(&self.plan.shape);
        let mut odd = Vec::new();
        for (line, original) in rows.items() {
            // Lines that are too long have their numbers among the rows, which generated keys name.
            self.report.rows += 1;
            let Some(original) = original else {
                self.report.broken += 1;
                continue;
            };
            let Looked { key, given, understood, decoded } = self.look(sights, original);
            self.report.broken += u64::from(!understood);
            // A generated key names the content and the row: it is new when the content is, and two rows of one file
            // never share one.
            let given = given || self.request.following.is_some();
            let sifted = if given || content_known {
                let at = (first.plus(block.rows() as u64), self.request.revise);
                writer.sift_row(key, original, given.then_some(&mut batch), at)?
            } else {
                SiftedRow { new: Some((key, RowStatus::Accepted)), ..SiftedRow::default() }
            };
            self.report.duplicates += u64::from(sifted.duplicate && understood);
            self.report.conflicts += u64::from(sifted.conflict);
            let Some((key, status)) = sifted.new else { continue };
            let revised = !sifted.replaced.is_empty();
            self.report.revised += u64::from(revised);
            replaced.extend(sifted.replaced);
            self.report.written +=
                u64::from(status == RowStatus::Accepted && understood && !revised);
            self.not_understood += u64::from(status == RowStatus::Accepted && !understood);
            let sight = decoded.is_none().then_some(&sights.asked);
            odd.extend(decoded);
            block.push(&key, status, line, original, sight);
        }
        if block.rows() == 0 {
            return Ok(());
        }
        self.append(&mut writer, (Entry::Block(block.finish()), Some(odd)), replaced)
    }

    /// What a row is. What makes it known is what the request says, whatever is mapped.
    fn look(&mut self, sights: &mut Sights, original: &[u8]) -> Looked {
        let plain = sights.asked.plain(original);
        let (key, given, mut decoded) = if plain {
            let (key, given) = self.plain_key(&sights.asked, original);
            (key, given, None)
        } else {
            let decoded = decode_file_row(&self.plan.shape, original);
            let given = decoded.as_ref().is_ok_and(|record| record.message_id.is_some());
            (self.key(&decoded, original), given, Some(decoded))
        };
        let mut understood = decoded.as_ref().is_none_or(|decoded| decoded.is_ok());
        if let Some(shape) = &self.mapped {
            understood = sights.mapped.as_mut().is_some_and(|sight| sight.plain(original));
            if !understood || !plain {
                let read = decode_file_row(shape, original);
                understood = read.is_ok();
                decoded = decoded.map(|_| read);
            }
        }
        self.consents |= understood && matches!(self.plan.shape.kind, RowKind::Consent(_));
        Looked { key, given, understood, decoded }
    }
}
