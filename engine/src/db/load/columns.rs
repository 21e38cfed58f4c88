//! The rows of one file by column: a block at a time, and no record for each row.

use super::super::Writer;
use super::super::sift::{BatchKeys, SiftedRow};
use super::file::FileLoad;
use super::keys::RowKey;
use crate::base::codec::Digest128;
use crate::base::error::Result;
use crate::base::ids::Position;
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS};
use crate::entry::{Entry, RowKind, RowStatus};
use crate::intake::{RawRows, Watch};
use crate::record::{BlockBuilder, Decoded, RowError, RowSight, decode_file_row};

/// How rows are split, as the request says and as a mapping says.
struct Sights {
    asked: RowSight,
    mapped: Option<RowSight>,
}

/// Rows on their way into an entry.
struct Gathered {
    block: BlockBuilder,
    /// What the fold is told of rows that are kept as they came.
    odd: Vec<std::result::Result<Decoded, RowError>>,
    replaced: Vec<Position>,
    batch: BatchKeys,
    /// The position of the first row.
    first: Position,
    /// Whether generated keys may be known.
    content_known: bool,
    /// Bytes of rows that were looked at, those that are known among them: their forms are kept as well.
    bytes: usize,
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.block.rows() >= LOAD_FRAME_ROWS || self.bytes >= LOAD_FRAME_BYTES
    }
}

/// A row, and whether the sight can read it.
struct SentRow<'r> {
    line: u64,
    /// Its bytes as they were sent, which exactly-once compares.
    sent: &'r [u8],
    /// The bytes that are kept: a message, and what its batch shares.
    row: &'r [u8],
    plain: bool,
}

/// What a row is.
struct Looked {
    key: Digest128,
    /// The key that earlier versions gave it, where its content may be known.
    older: Option<Digest128>,
    /// Whether its message id was given.
    given: bool,
    understood: bool,
    /// What the fold is told of a row that is kept as it came.
    decoded: Option<std::result::Result<Decoded, RowError>>,
}

impl FileLoad<'_> {
    /// Rows of one kind, or messages. Says whether it was not stopped.
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
        let mut going = self.begin_columns(&mut writer, sights)?;
        for (line, original) in rows.items() {
            // Lines that are too long have their numbers among the rows, which generated keys name.
            let Some(original) = original else {
                self.report.rows += 1;
                self.report.broken += 1;
                continue;
            };
            let plain = sights.asked.plain(original) && !sights.asked.shares();
            if !plain && self.plan.shape.kind == RowKind::Message {
                for record in self.plan.records_of(original.to_vec()) {
                    let row = record.original();
                    let plain = sights.asked.plain(&row);
                    let row = SentRow { line, sent: &record.bytes, row: &row, plain };
                    self.put_row(&mut writer, &mut going, sights, &row)?;
                    // One line may be a batch of many messages.
                    if going.is_full() {
                        self.end_columns(&mut writer, going)?;
                        going = self.begin_columns(&mut writer, sights)?;
                    }
                }
                continue;
            }
            let row = SentRow { line, sent: original, row: original, plain };
            self.put_row(&mut writer, &mut going, sights, &row)?;
        }
        self.end_columns(&mut writer, going)
    }

    fn begin_columns(&mut self, writer: &mut Writer, sights: &mut Sights) -> Result<Gathered> {
        self.inner.writable(writer)?;
        writer.fold.state.clock = writer.log.advance_clock(self.inner.clock.now());
        sights.asked.begin_block();
        sights.mapped.iter_mut().for_each(RowSight::begin_block);
        let content_known = self.known.may_be_known(writer, self.plan);
        self.keys.looks_back = content_known;
        Ok(Gathered {
            block: BlockBuilder::new(&self.plan.shape),
            odd: Vec::new(),
            replaced: Vec::new(),
            batch: BatchKeys::new(),
            first: self.first_row(writer),
            content_known,
            bytes: 0,
        })
    }

    fn end_columns(&mut self, writer: &mut Writer, going: Gathered) -> Result<()> {
        if going.block.rows() == 0 {
            return Ok(());
        }
        let entry = Entry::Block(going.block.finish());
        self.append(writer, (entry, Some(going.odd)), going.replaced)
    }

    fn put_row(
        &mut self,
        writer: &mut Writer,
        going: &mut Gathered,
        sights: &mut Sights,
        row: &SentRow<'_>,
    ) -> Result<()> {
        self.report.rows += 1;
        going.bytes += row.row.len() + 64;
        let Looked { key, older, given, understood, decoded } = self.look(sights, row);
        self.report.broken += u64::from(!understood);
        // A generated key names the content and the row: it is new when the content is, and two rows of one file
        // never share one.
        let given = given || self.request.following.is_some();
        let known_of_old = match older {
            Some(older) => writer.find_row(&older)?.is_some(),
            None => false,
        };
        let sifted = if known_of_old {
            SiftedRow { duplicate: true, ..SiftedRow::default() }
        } else if given || going.content_known {
            let at = (going.first.plus(going.block.rows() as u64), self.request.revise);
            writer.sift_row(key, row.sent, given.then_some(&mut going.batch), at)?
        } else {
            SiftedRow { new: Some((key, RowStatus::Accepted)), ..SiftedRow::default() }
        };
        self.report.duplicates += u64::from(sifted.duplicate && understood);
        self.report.conflicts += u64::from(sifted.conflict);
        let Some((key, status)) = sifted.new else { return Ok(()) };
        let revised = !sifted.replaced.is_empty();
        self.report.revised += u64::from(revised);
        going.replaced.extend(sifted.replaced);
        self.report.written += u64::from(status == RowStatus::Accepted && understood && !revised);
        self.not_understood += u64::from(status == RowStatus::Accepted && !understood);
        let sight = decoded.is_none().then_some(&sights.asked);
        going.odd.extend(decoded);
        going.block.push(&key, status, row.line, row.row, sight);
        Ok(())
    }

    /// What a row is. What makes it known is what the request says, whatever is mapped.
    fn look(&mut self, sights: &mut Sights, row: &SentRow<'_>) -> Looked {
        let SentRow { sent, row: original, plain, .. } = *row;
        let (RowKey { key, older }, given, mut decoded) = if plain {
            let (key, given) = self.plain_key(&sights.asked, original);
            (key, given, None)
        } else {
            let decoded = decode_file_row(&self.plan.shape, original);
            let given = decoded.as_ref().is_ok_and(|record| record.message_id.is_some());
            (self.key(&decoded, sent), given, Some(decoded))
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
        self.consents |= match self.plan.shape.kind {
            RowKind::Consent(_) => understood,
            // A message that tells a consent is none that is read by column.
            RowKind::Message => matches!(&decoded, Some(Ok(record)) if record.consents()),
            _ => false,
        };
        Looked { key, older, given, understood, decoded }
    }
}
