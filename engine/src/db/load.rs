//! Loading files: a first look, then rows in frames of bounded size.

use super::lookup::given_key;
use super::sift::{BatchKeys, Candidate, SiftedRow};
use super::types::{FileReport, LoadReport, LoadRequest};
use super::write::{Draft, check_source};
use super::{Db, Inner, Writer, last_before};
use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position};
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS};
use crate::entry::{Entry, FileShape, LoadEntry, RecordsEntry, RowFormat, RowStatus};
use crate::intake::{Input, LoadPlan, RawRows, RowItem, RowReader, plan_load};
use crate::record::{
    BlockBuilder, Decoded, Kind, Roles, RowError, RowSight, decode_file_row, message_id_of,
};

const BROKEN_SHOWN: usize = 100;

impl Db {
    /// Loads files.
    ///
    /// # Errors
    /// `Invalid` when the request does not fit a file, or when it is strict and a row is broken, and then nothing is
    /// loaded; `NotFound`, `Io`, `Closed`.
    pub fn load(&self, request: &LoadRequest) -> Result<LoadReport> {
        self.load_with(request, &mut |_| {})
    }

    /// Loads files and tells how many rows were read so far, now and then.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_with(
        &self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(u64),
    ) -> Result<LoadReport> {
        check_source(&request.source)?;
        if request.inputs.is_empty() {
            return Err(Error::invalid("a load needs at least one file"));
        }
        let mut plans = Vec::with_capacity(request.inputs.len());
        for input in &request.inputs {
            let plan = plan_load(request, input)?;
            if request.strict && plan.broken_count > 0 {
                let first = plan.broken.first().map(ToString::to_string).unwrap_or_default();
                return Err(Error::invalid(format!(
                    "{} broken rows, nothing was loaded; the first is {first}",
                    plan.broken_count
                )));
            }
            plans.push(plan);
        }
        let mut report = LoadReport {
            files: Vec::new(),
            broken: Vec::new(),
            position: Position(0),
            level: request.level,
        };
        let mut before = 0;
        for (input, plan) in request.inputs.iter().zip(&plans) {
            report.broken.extend(plan.broken.iter().cloned());
            let file = FileLoad::new(&self.inner, request, plan, input)?;
            let done = file.run(&mut |rows| progress(before + rows))?;
            before += done.rows;
            report.files.push(done);
        }
        report.broken.truncate(BROKEN_SHOWN);
        let end = {
            let mut writer = self.inner.writer.lock();
            self.inner.publish(&mut writer)?;
            writer.log.next()
        };
        self.inner.reach(end, request.level)?;
        report.position = last_before(end);
        Ok(report)
    }
}

/// The load of one file.
struct FileLoad<'a> {
    inner: &'a Inner,
    request: &'a LoadRequest,
    plan: &'a LoadPlan,
    reader: RowReader,
    report: FileReport,
    load: Option<LoadId>,
    /// How rows are read, when a mapping says otherwise than the request.
    mapped: Option<FileShape>,
}

impl<'a> FileLoad<'a> {
    fn new(
        inner: &'a Inner,
        request: &'a LoadRequest,
        plan: &'a LoadPlan,
        input: &Input,
    ) -> Result<FileLoad<'a>> {
        let reader = RowReader::open(input, plan.quoting)?;
        let report = FileReport { name: input.name(), ..FileReport::default() };
        let snapshot = inner.snapshot.get();
        let mapped = snapshot.state.definitions().shape(&request.source, &plan.shape);
        Ok(FileLoad { inner, request, plan, reader, report, load: None, mapped })
    }

    fn run(mut self, progress: &mut dyn FnMut(u64)) -> Result<FileReport> {
        if self.plan.header {
            self.reader.next_row()?;
        }
        match Roles::of(&self.plan.shape) {
            Some(roles) => self.run_by_column(&roles, progress)?,
            None => self.run_by_row(progress)?,
        }
        progress(self.report.rows);
        if self.reader.content() != self.plan.content {
            let name = &self.report.name;
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{name} changed while it was loaded; load it again"),
            ));
        }
        self.report.load = self.load;
        Ok(self.report)
    }

    fn run_by_row(&mut self, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let mut block = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.reader.next_row()? {
            self.report.rows += 1;
            let RowItem::Row { line, original } = item else {
                self.report.broken += 1;
                continue;
            };
            bytes += original.len() + 64;
            block.push(self.candidate(line, original));
            if block.len() >= LOAD_FRAME_ROWS || bytes >= LOAD_FRAME_BYTES {
                self.put(std::mem::take(&mut block))?;
                bytes = 0;
                progress(self.report.rows);
            }
        }
        self.put(block)
    }

    /// Rows of one kind with delimited fields: a block of columns at a time, and no record for each row.
    fn run_by_column(&mut self, roles: &Roles, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let mut rows = RawRows::default();
        let mut sight = RowSight::default();
        loop {
            self.reader.next_rows(&mut rows)?;
            if rows.is_empty() {
                return Ok(());
            }
            self.put_columns(roles, &rows, &mut sight)?;
            progress(self.report.rows);
        }
    }

    fn put_columns(&mut self, roles: &Roles, rows: &RawRows, sight: &mut RowSight) -> Result<()> {
        let inner = self.inner;
        let mut writer = inner.writer.lock();
        inner.writable(&mut writer)?;
        writer.fold.state.clock = writer.log.advance_clock(inner.clock.now());
        let content_known = self.content_known(&writer);
        let mut batch = BatchKeys::new();
        let mut block = BlockBuilder::new(match &self.plan.shape.format {
            RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header } => header.len(),
            RowFormat::Json => 0,
        });
        let mut too_long = rows.too_long.iter().map(|(line, _)| *line).peekable();
        for (line, original) in rows.iter() {
            // Lines that are too long have their numbers among the rows, which generated keys name.
            while too_long.next_if(|before| *before < line).is_some() {
                self.count_too_long(1);
            }
            self.report.rows += 1;
            let plain = sight.plain(&self.plan.shape, roles, original);
            let (key, given, understood) = if plain {
                self.plain_key(roles, sight, original)
            } else {
                let decoded = decode_file_row(&self.plan.shape, original);
                let given = decoded.as_ref().is_ok_and(|record| record.message_id.is_some());
                (self.key(&decoded), given, decoded.is_ok())
            };
            let mapped = self.mapped.as_ref().map(|shape| decode_file_row(shape, original).is_ok());
            let understood = mapped.unwrap_or(understood);
            self.report.broken += u64::from(!understood);
            // A generated key names the content and the row: it is new when the content is, and two rows of one file
            // never share one.
            let sifted = if given || content_known {
                writer.sift_row(key, original, given.then_some(&mut batch))?
            } else {
                SiftedRow { new: Some((key, RowStatus::Accepted)), ..SiftedRow::default() }
            };
            self.report.duplicates += u64::from(sifted.duplicate && understood);
            self.report.conflicts += u64::from(sifted.conflict);
            let Some((key, status)) = sifted.new else { continue };
            self.report.written += u64::from(status == RowStatus::Accepted && understood);
            let fields = plain.then_some(sight.fields.as_slice());
            block.push(&key, status, line, original, fields);
        }
        self.count_too_long(too_long.count() as u64);
        if block.rows() == 0 {
            return Ok(());
        }
        self.append(&mut writer, Entry::Block(block.finish()), None)
    }

    fn count_too_long(&mut self, lines: u64) {
        self.report.rows += lines;
        self.report.broken += lines;
    }

    /// Whether another load of the same content is in force, so that generated keys may be known. It may have begun
    /// while this one was under way.
    fn content_known(&self, writer: &Writer) -> bool {
        let mut loads = writer.fold.state.loads.iter();
        loads.any(|(id, known)| known.content == self.plan.content && Some(*id) != self.load)
    }

    /// The key of a row that can be read, and whether its message id was given.
    fn plain_key(
        &self,
        roles: &Roles,
        sight: &RowSight,
        original: &[u8],
    ) -> (Digest128, bool, bool) {
        let source = self.request.source.as_str();
        let said = |column: &usize| sight.said(original, *column).map(str::to_owned);
        let parts: Vec<Option<String>> = roles.message_id.iter().map(said).collect();
        if let Some(id) = message_id_of(&parts) {
            return (given_key(source, &id), true, true);
        }
        let (kind, event) = match self.plan.shape.fixed_event() {
            Some(event) => ("track", event),
            None => ("identify", ""),
        };
        (self.generated_key(kind, event), false, true)
    }

    fn candidate(&mut self, line: u64, original: Vec<u8>) -> Candidate {
        let mut decoded = decode_file_row(&self.plan.shape, &original);
        // What makes a row known is what the request says, whatever is mapped.
        let key = self.key(&decoded);
        if let Some(shape) = &self.mapped {
            decoded = decode_file_row(shape, &original);
        }
        self.report.broken += u64::from(decoded.is_err());
        Candidate { key: Some(key), line, original, decoded }
    }

    /// The key of a row: its message id, or else content digest, kind and event name, and row number.
    fn key(&self, decoded: &std::result::Result<Decoded, RowError>) -> Digest128 {
        let source = self.request.source.as_str();
        let record = decoded.as_ref().ok();
        if let Some(id) = record.and_then(|record| record.message_id.as_deref()) {
            return given_key(source, id);
        }
        let (kind, event) = match record.map(|record| &record.kind) {
            Some(Kind::Identify) => ("identify", ""),
            Some(Kind::Track(event)) => ("track", event.as_str()),
            Some(Kind::Entity { entity, .. }) => ("entity", entity.as_str()),
            None => ("broken", ""),
        };
        self.generated_key(kind, event)
    }

    fn generated_key(&self, kind: &str, event: &str) -> Digest128 {
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

    /// Writes rows.
    fn put(&mut self, block: Vec<Candidate>) -> Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        let mut writer = self.inner.writer.lock();
        self.inner.writable(&mut writer)?;
        writer.fold.state.clock = writer.log.advance_clock(self.inner.clock.now());
        let sifted =
            writer.sift(&self.request.source, block, &mut BatchKeys::new(), Position(0))?;
        self.report.duplicates += sifted.duplicates;
        self.report.conflicts += sifted.conflicts;
        if sifted.rows.is_empty() {
            return Ok(());
        }
        self.report.written += sifted.understood();
        let entry = Entry::Records(RecordsEntry { rows: sifted.rows });
        self.append(&mut writer, entry, Some(sifted.decoded))
    }

    /// Appends rows; the load begins with its first new row.
    fn append(
        &mut self,
        writer: &mut Writer,
        entry: Entry,
        decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<()> {
        let mut drafts = Vec::new();
        let source = writer.source(&self.request.source, &mut drafts);
        let load = match self.load {
            Some(load) => load,
            None => {
                let load = LoadId(writer.log.next().plus(drafts.len() as u64).0);
                drafts.push(Draft { entry: self.load_entry(), source, load, decoded: None });
                load
            }
        };
        self.load = Some(load);
        let definitions = writer.fold.state.definitions();
        let same = definitions.shape(&self.request.source, &self.plan.shape) == self.mapped;
        let decoded = decoded.filter(|_| same);
        drafts.push(Draft { entry, source, load, decoded });
        let before = quarantined(writer);
        writer.append(drafts, self.request.origin)?;
        self.inner.writable(writer)?;
        // When no file can be written now, what is gathered stays in memory, and the load counts all the same.
        let dir = Some(self.inner.dir.as_ref());
        let _ = writer.fold.spill_if_large(dir, self.inner.open_bytes);
        writer.seen.read().release();
        writer.fold.release();
        self.report.quarantined_values += quarantined(writer) - before;
        Ok(())
    }

    fn load_entry(&self) -> Entry {
        Entry::Load(Box::new(LoadEntry {
            file: self.report.name.clone(),
            content: self.plan.content,
            shape: self.plan.shape.clone(),
            types: self.plan.types.clone(),
        }))
    }
}

/// Values in quarantine so far: records in quarantine are told apart.
fn quarantined(writer: &Writer) -> u64 {
    writer.fold.state.counts.values
}
