//! What makes a row of a file known: its message id, or what stands for one.

use super::super::lookup::given_key;
use super::super::sift::Candidate;
use super::file::FileLoad;
use crate::base::codec::{self, Digest128};
use crate::base::row_key::{self, Stem};
use crate::entry::{RowFormat, RowKind, Said};
use crate::intake::{LineRecord, RawRows};
use crate::record::{
    Decoded, Kind, RowError, RowSight, SpeaksOf, Statement, cell_of, decode_file_row,
};
use std::borrow::Cow;

impl FileLoad<'_> {
    /// Takes note of how far a query was read, when rows of it are done: as far as the last of them says.
    pub(super) fn reach(&mut self, rows: &RawRows) {
        let (Some(following), format) = (&self.request.following, &self.plan.shape.format) else {
            return;
        };
        let RowFormat::Delimited { header, .. } = format else { return };
        let column = header.iter().position(|name| *name == following.column);
        let value = column
            .zip(rows.iter().last())
            .and_then(|(column, (_, original))| cell_of(format, original, column));
        if value.is_some() {
            self.reached = value;
        }
    }

    /// The key of a row that can be read, and whether its message id was given.
    pub(super) fn plain_key(&mut self, sight: &RowSight, original: &[u8]) -> (RowKey, bool) {
        if let Some(id) = sight.message_id(original) {
            return (given_key(self.request.source.as_str(), &id).into(), true);
        }
        let plan = self.plan;
        let (kind, event) = match &plan.shape.kind {
            RowKind::Track(Said::Fixed(event)) => ("track", event.as_str()),
            RowKind::Track(Said::Column(_)) => ("track", sight.about()),
            RowKind::Entity { entity, .. } => ("entity", entity.as_str()),
            RowKind::Consent(_) => ("consent", sight.about()),
            RowKind::Membership { .. } => ("membership", sight.about()),
            RowKind::Message => match sight.speaks_of() {
                SpeaksOf::Person => ("identify", ""),
                SpeaksOf::Event => ("track", sight.about()),
                SpeaksOf::Entity => ("entity", sight.about()),
            },
            _ => ("identify", ""),
        };
        (self.generated_key(kind, event, original), false)
    }

    pub(super) fn candidate(&mut self, line: u64, record: LineRecord) -> Candidate {
        let row = record.original();
        let mut decoded = decode_file_row(&self.plan.shape, &row);
        // What makes a row known is what the request says, whatever is mapped.
        self.keys.looks_back = true;
        let RowKey { key, older } = self.key(&decoded, &record.bytes);
        let key = Some(key);
        if let Some(shape) = &self.mapped {
            decoded = decode_file_row(shape, &row);
        }
        self.report.broken += u64::from(decoded.is_err());
        self.consents |= decoded.as_ref().is_ok_and(Decoded::consents);
        let row = if let Cow::Owned(row) = row { Some(row) } else { None };
        Candidate { key, older, line, original: record.bytes, row, decoded }
    }

    /// The key of a row: its message id, or else content digest, kind and event name, and row number.
    pub(super) fn key(&mut self, decoded: &Result<Decoded, RowError>, original: &[u8]) -> RowKey {
        let source = self.request.source.as_str();
        let record = decoded.as_ref().ok();
        if let Some(id) = record.and_then(|record| record.message_id.as_deref()) {
            return given_key(source, id).into();
        }
        // What a row tells beside what it is makes it another record: one file may be loaded as several kinds, and for
        // consents on several channels.
        let about = record.map(Decoded::about).unwrap_or_default();
        let plan = self.plan;
        let (kind, event) = match (&plan.shape.kind, record.map(|record| &record.kind)) {
            (_, None) => ("broken", ""),
            (RowKind::Consent(_), _) => ("consent", about.as_str()),
            (RowKind::Membership { .. }, _) => ("membership", about.as_str()),
            // By the rule too: one file may be loaded as evidence by several.
            (RowKind::Evidence(_), Some(Kind::Statement(Statement::Link { rule, .. }))) => {
                ("evidence", rule.as_str())
            }
            (_, Some(Kind::Statement(_))) => ("statement", ""),
            (_, Some(Kind::Identify | Kind::Alias)) => ("identify", ""),
            (_, Some(Kind::Track(event))) => ("track", event.as_str()),
            (_, Some(Kind::Entity { entity, .. })) => ("entity", entity.as_str()),
        };
        self.generated_key(kind, event, original)
    }

    /// The key of a row without a message id: a stem, which the rows of one kind and event of this content share, and
    /// the number of the row. Rows of a query that is followed have no number that stays; their bytes stand for it.
    fn generated_key(&mut self, kind: &'static str, event: &str, original: &[u8]) -> RowKey {
        let source = self.request.source.as_bytes();
        let said = [kind.as_bytes(), event.as_bytes()];
        if let Some(following) = &self.request.following {
            let [kind, event] = said;
            let query = following.query.as_bytes();
            let parts: [&[u8]; 6] = [b"row of a query", source, query, kind, event, original];
            return codec::digest_of_parts(&parts).into();
        }
        let (number, content) = (self.report.rows, &self.plan.content);
        let older = || {
            let [kind, event] = said;
            let number = number.to_le_bytes();
            codec::digest_of_parts(&[b"row", source, content, kind, event, &number])
        };
        if number >= row_key::NUMBERS_END {
            return older().into();
        }
        let older = self.keys.looks_back.then(older);
        let stem = self.keys.stem(kind, event, || {
            let [kind, event] = said;
            codec::digest_of_parts(&[b"stem", source, content, kind, event])
        });
        RowKey { key: row_key::numbered(&stem, number), older }
    }
}

/// The key of a row.
pub(super) struct RowKey {
    pub key: Digest128,
    /// The key that earlier versions gave it, where the log may have it.
    pub older: Option<Digest128>,
}

impl From<Digest128> for RowKey {
    fn from(key: Digest128) -> RowKey {
        RowKey { key, older: None }
    }
}

/// More stems than these are not kept at hand.
const STEMS_KEPT: usize = 16;

/// What makes keys of rows, kept from row to row.
#[derive(Default)]
pub(super) struct RowKeys {
    /// Whether the log may have rows of this content under keys of earlier versions.
    pub looks_back: bool,
    stems: Vec<(&'static str, String, Stem)>,
}

impl RowKeys {
    /// The stem of rows of a kind and an event.
    fn stem(
        &mut self,
        kind: &'static str,
        event: &str,
        digest: impl FnOnce() -> Digest128,
    ) -> Stem {
        let known = self.stems.iter().find(|(k, e, _)| *k == kind && e == event);
        if let Some((_, _, stem)) = known {
            return *stem;
        }
        let stem = row_key::stem_of(&digest());
        if self.stems.len() >= STEMS_KEPT {
            self.stems.clear();
        }
        self.stems.push((kind, event.to_owned(), stem));
        stem
    }
}
