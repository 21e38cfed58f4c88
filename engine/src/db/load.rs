//! Loading files: a first look, then rows in frames of bounded size.

use super::lookup::given_key;
use super::types::{FileReport, LoadReport, LoadRequest};
use super::write::{BatchKeys, Candidate, Draft, check_source};
use super::{Db, Inner, Writer, last_before};
use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position};
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS};
use crate::entry::{Entry, LoadEntry, RecordsEntry};
use crate::intake::{Input, LoadPlan, RowItem, RowReader, plan_load};
use crate::record::{Decoded, Kind, RowError, decode_file_row};

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
            let writer = self.inner.writer.lock();
            self.inner.publish(&writer);
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
        Ok(FileLoad { inner, request, plan, reader, report, load: None })
    }

    fn run(mut self, progress: &mut dyn FnMut(u64)) -> Result<FileReport> {
        if self.plan.header {
            self.reader.next_row()?;
        }
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
        self.put(block)?;
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

    fn candidate(&mut self, line: u64, original: Vec<u8>) -> Candidate {
        let decoded = decode_file_row(&self.plan.shape, &original);
        self.report.broken += u64::from(decoded.is_err());
        let key = self.key(&decoded);
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
            None => ("broken", ""),
        };
        let number = self.report.rows.to_le_bytes();
        let parts: [&[u8]; 6] = [
            b"row",
            source.as_bytes(),
            &self.plan.content,
            kind.as_bytes(),
            event.as_bytes(),
            &number,
        ];
        codec::digest_of_parts(&parts)
    }

    /// Writes a block of rows; the load begins with its first new row.
    fn put(&mut self, block: Vec<Candidate>) -> Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        let mut writer = self.inner.writer.lock();
        self.inner.writable(&writer)?;
        writer.state.clock = writer.log.advance_clock(self.inner.clock.now());
        let mut drafts = Vec::new();
        let source = writer.source(&self.request.source, &mut drafts);
        let sifted =
            writer.sift(&self.request.source, block, &mut BatchKeys::new(), Position(0))?;
        self.report.duplicates += sifted.duplicates;
        self.report.conflicts += sifted.conflicts;
        if sifted.rows.is_empty() {
            return Ok(());
        }
        self.report.written += sifted.understood();
        let load = match self.load {
            Some(load) => load,
            None => {
                let load = LoadId(writer.log.next().plus(drafts.len() as u64).0);
                drafts.push(Draft { entry: self.load_entry(), source, load, decoded: None });
                load
            }
        };
        self.load = Some(load);
        let entry = Entry::Records(RecordsEntry { rows: sifted.rows });
        drafts.push(Draft { entry, source, load, decoded: Some(sifted.decoded) });
        let before = quarantined(&writer);
        writer.append(drafts, self.request.origin)?;
        self.report.quarantined_values += quarantined(&writer) - before;
        Ok(())
    }

    fn load_entry(&self) -> Entry {
        Entry::Load(LoadEntry {
            file: self.report.name.clone(),
            content: self.plan.content,
            shape: self.plan.shape.clone(),
            types: self.plan.types.clone(),
        })
    }
}

/// Values in quarantine so far: records in quarantine are told apart.
fn quarantined(writer: &Writer) -> u64 {
    writer.state.quarantined_values()
}
