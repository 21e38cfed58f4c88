//! What makes a row of a file known: its message id, or what stands for one.

use super::super::lookup::given_key;
use super::super::sift::Candidate;
use super::file::FileLoad;
use crate::base::codec::{self, Digest128};
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
    pub(super) fn plain_key(&self, sight: &RowSight, original: &[u8]) -> (Digest128, bool) {
        if let Some(id) = sight.message_id(original) {
            return (given_key(self.request.source.as_str(), &id), true);
        }
        let (kind, event) = match &self.plan.shape.kind {
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
        let key = Some(self.key(&decoded, &record.bytes));
        if let Some(shape) = &self.mapped {
            decoded = decode_file_row(shape, &row);
        }
        self.report.broken += u64::from(decoded.is_err());
        self.consents |= decoded.as_ref().is_ok_and(Decoded::consents);
        let row = if let Cow::Owned(row) = row { Some(row) } else { None };
        Candidate { key, line, original: record.bytes, row, decoded }
    }

    /// The key of a row: its message id, or else content digest, kind and event name, and row number.
    pub(super) fn key(&self, decoded: &Result<Decoded, RowError>, original: &[u8]) -> Digest128 {
        let source = self.request.source.as_str();
        let record = decoded.as_ref().ok();
        if let Some(id) = record.and_then(|record| record.message_id.as_deref()) {
            return given_key(source, id);
        }
        // What a row tells beside what it is makes it another record: one file may be loaded as several kinds, and for
        // consents on several channels.
        let about = record.map(Decoded::about).unwrap_or_default();
        let (kind, event) = match (&self.plan.shape.kind, record.map(|record| &record.kind)) {
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

    pub(super) fn generated_key(&self, kind: &str, event: &str, original: &[u8]) -> Digest128 {
        if let Some(following) = &self.request.following {
            let source = self.request.source.as_bytes();
            let (query, kind, event) =
                (following.query.as_bytes(), kind.as_bytes(), event.as_bytes());
            let parts: [&[u8]; 6] = [b"row of a query", source, query, kind, event, original];
            return codec::digest_of_parts(&parts);
        }
        let number = self.report.rows.to_le_bytes();
        let parts: [&[u8]; 6] = [
            b"row",
            self.request.source.as_bytes(),
            &self.plan.content,
            kind.as_bytes(),
            event.as_bytes(),
            &number,
        ];
        codec::digest_of_parts(&parts)
    }
}
