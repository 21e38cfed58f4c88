//! Loading files: a first look, then rows in frames of bounded size.

use super::continuation::Continuation;
use super::lookup::given_key;
use super::sift::{BatchKeys, Candidate, SiftedRow};
use super::types::{FileReport, LoadReport, LoadRequest};
use super::write::{Draft, check_source};
use super::{Db, Inner, Writer, last_before};
use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position};
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS};
use crate::entry::{Entry, LoadEntry, RecordsEntry, RowFormat, RowStatus};
use crate::intake::{
    Input, LoadPlan, Phase, Progress, RawRows, RowItem, RowReader, Watch, plan_load,
};
use crate::record::{
    BlockBuilder, Decoded, Kind, Roles, RowError, RowSight, decode_file_row, message_id_of,
};
use std::ops::ControlFlow;

const BROKEN_SHOWN: usize = 100;

impl Db {
    /// Loads files. The same request again goes on where an earlier one was interrupted.
    ///
    /// # Errors
    /// `Invalid` when the request does not fit a file, or when it is strict and a row is broken, and then nothing is
    /// loaded; `NotFound`, `Io`, `Closed`.
    pub fn load(&self, request: &LoadRequest) -> Result<LoadReport> {
        self.load_with(request, &mut |_| ControlFlow::Continue(()))
    }

    /// Loads files and tells how far it is, at the end of each frame. Who is told may stop the load there: what it has
    /// written stays in force, and the same request again goes on behind it.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_with(
        &self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<LoadReport> {
        check_source(&request.source)?;
        if request.inputs.is_empty() {
            return Err(Error::invalid("a load needs at least one file"));
        }
        let mut watch = Watch::new(progress, &request.inputs);
        let mut report = LoadReport {
            files: Vec::new(),
            broken: Vec::new(),
            position: Position(0),
            level: request.level,
            interrupted: false,
        };
        match plans(request, &mut watch)? {
            Some(plans) => self.load_planned(request, &plans, &mut watch, &mut report)?,
            None => report.interrupted = true,
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

    fn load_planned(
        &self,
        request: &LoadRequest,
        plans: &[LoadPlan],
        watch: &mut Watch<'_>,
        report: &mut LoadReport,
    ) -> Result<()> {
        for (input, plan) in request.inputs.iter().zip(plans) {
            watch.begin(Phase::Rows, input.name());
            report.interrupted |= !watch.goes_on(0, 0);
            if report.interrupted {
                return Ok(());
            }
            report.broken.extend(plan.broken.iter().cloned());
            let mut file = FileLoad::new(&self.inner, request, plan, input)?;
            let whole = file.run(input, watch)?;
            let done = file.finish()?;
            report.interrupted |= !whole;
            report.files.push(done);
        }
        Ok(())
    }
}

/// Looks at all files; nothing when it was told to stop.
fn plans(request: &LoadRequest, watch: &mut Watch<'_>) -> Result<Option<Vec<LoadPlan>>> {
    let mut plans = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        let Some(plan) = plan_load(request, input, watch)? else { return Ok(None) };
        if request.strict && plan.broken_count > 0 {
            let first = plan.broken.first().map(ToString::to_string).unwrap_or_default();
            return Err(Error::invalid(format!(
                "{} broken rows, nothing was loaded; the first is {first}",
                plan.broken_count
            )));
        }
        plans.push(plan);
    }
    Ok(Some(plans))
}

/// The load of one file.
struct FileLoad<'a> {
    inner: &'a Inner,
    request: &'a LoadRequest,
    plan: &'a LoadPlan,
    reader: RowReader,
    report: FileReport,
    known: Continuation,
    /// Rows that were passed over, because the log has them, and lines among them that are too long.
    passed: (u64, u64),
    /// The value of the column that a query is followed by, in the last row that is done.
    reached: Option<String>,
}

/// The rows of an input, behind its header.
fn open_rows(input: &Input, plan: &LoadPlan) -> Result<RowReader> {
    let mut reader = RowReader::open(input, plan.quoting)?;
    if plan.header {
        reader.next_row()?;
    }
    Ok(reader)
}

impl<'a> FileLoad<'a> {
    fn new(
        inner: &'a Inner,
        request: &'a LoadRequest,
        plan: &'a LoadPlan,
        input: &Input,
    ) -> Result<FileLoad<'a>> {
        let reader = open_rows(input, plan)?;
        let report = FileReport { name: input.name(), ..FileReport::default() };
        let known = Continuation::find(&inner.writer.lock(), request, plan);
        Ok(FileLoad { inner, request, plan, reader, report, known, passed: (0, 0), reached: None })
    }

    /// Loads the file; says whether all of it.
    fn run(&mut self, input: &Input, watch: &mut Watch<'_>) -> Result<bool> {
        let mut whole = true;
        if let Some((rows, line)) = self.known.prefix() {
            whole = self.pass_over(rows, line, watch)?;
            if whole && self.passed.0 == 0 {
                // They are not the beginning of the file: each row is looked up.
                self.known.exact = false;
                self.reader = open_rows(input, self.plan)?;
            }
        }
        whole = whole
            && match Roles::of(&self.plan.shape) {
                Some(roles) => self.run_by_column(&roles, watch)?,
                None => self.run_by_row(watch)?,
            };
        if whole {
            watch.goes_on(self.reader.bytes(), self.report.rows);
            if self.reader.content() != self.plan.content {
                let name = &self.report.name;
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{name} changed while it was loaded; load it again"),
                ));
            }
        }
        self.tell_passed(whole);
        Ok(whole)
    }

    /// Keeps how far the query was read, if the rows are of one, and gives the report.
    fn finish(self) -> Result<FileReport> {
        if let (Some(following), Some(value)) = (&self.request.following, self.reached) {
            let mut writer = self.inner.writer.lock();
            let load = self.report.load;
            self.inner.keep_watermark(&mut writer, self.request, following, value, load)?;
        }
        Ok(self.report)
    }

    /// Passes over the rows that the log has, which end with a line; says whether it was not stopped.
    fn pass_over(&mut self, mut left: u64, last: u64, watch: &mut Watch<'_>) -> Result<bool> {
        let mut rows = RawRows::default();
        let (mut passed, mut too_long, mut line) = (0, 0, None);
        while left > 0 {
            self.reader.next_rows(&mut rows, left)?;
            let (count, ends) = rows.count();
            if rows.is_empty() {
                return Ok(true);
            }
            left -= count;
            passed += count;
            too_long += rows.too_long.len() as u64;
            line = ends.or(line);
            if !watch.goes_on(self.reader.bytes(), passed + too_long) {
                self.report.rows = passed + too_long;
                self.passed = (passed, too_long);
                return Ok(false);
            }
        }
        if line == Some(last) {
            self.report.rows = passed + too_long;
            self.passed = (passed, too_long);
        }
        Ok(true)
    }

    /// Counts the rows that were passed over among those that were known or could not be understood: the plan has
    /// counted those of the whole file.
    fn tell_passed(&mut self, whole: bool) {
        let (rows, too_long) = self.passed;
        let broken = if whole {
            self.plan.broken_count.saturating_sub(self.report.broken)
        } else {
            too_long
        };
        if rows == 0 {
            return;
        }
        self.report.broken += broken;
        self.report.duplicates += (rows + too_long).saturating_sub(broken);
        if self.report.rows > rows + too_long {
            self.report.continued_at = Some(rows + too_long + 1);
        }
    }

    fn run_by_row(&mut self, watch: &mut Watch<'_>) -> Result<bool> {
        let mut block = Vec::new();
        let mut bytes = 0;
        while let Some(item) = self.reader.next_row()? {
            if block.len() >= LOAD_FRAME_ROWS || bytes >= LOAD_FRAME_BYTES {
                self.put(std::mem::take(&mut block))?;
                bytes = 0;
                if !watch.goes_on(self.reader.bytes(), self.report.rows) {
                    return Ok(false);
                }
            }
            self.report.rows += 1;
            let RowItem::Row { line, original } = item else {
                self.report.broken += 1;
                continue;
            };
            bytes += original.len() + 64;
            block.push(self.candidate(line, original));
        }
        self.put(block)?;
        Ok(true)
    }

    /// Rows of one kind with delimited fields: a block of columns at a time, and no record for each row.
    fn run_by_column(&mut self, roles: &Roles, watch: &mut Watch<'_>) -> Result<bool> {
        let mut rows = RawRows::default();
        let mut sight = RowSight::default();
        self.reader.next_rows(&mut rows, u64::MAX)?;
        while !rows.is_empty() {
            self.put_columns(roles, &rows, &mut sight)?;
            let goes_on = watch.goes_on(self.reader.bytes(), self.report.rows);
            self.reader.next_rows(&mut rows, u64::MAX)?;
            if !goes_on && !rows.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put_columns(&mut self, roles: &Roles, rows: &RawRows, sight: &mut RowSight) -> Result<()> {
        let inner = self.inner;
        let mut writer = inner.writer.lock();
        inner.writable(&mut writer)?;
        writer.fold.state.clock = writer.log.advance_clock(inner.clock.now());
        let content_known = self.known.may_be_known(&writer, self.plan);
        let follow = self.followed();
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
                if let Some(value) = follow.and_then(|column| sight.said(original, column)) {
                    self.reached = Some(value.to_owned());
                }
                self.plain_key(roles, sight, original)
            } else {
                let decoded = decode_file_row(&self.plan.shape, original);
                let given = decoded.as_ref().is_ok_and(|record| record.message_id.is_some());
                (self.key(&decoded, original), given, decoded.is_ok())
            };
            self.report.broken += u64::from(!understood);
            // A generated key names the content and the row: it is new when the content is, and two rows of one file
            // never share one.
            let given = given || self.request.following.is_some();
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

    /// The column that the query is followed by.
    fn followed(&self) -> Option<usize> {
        let following = self.request.following.as_ref()?;
        let RowFormat::Delimited { header, .. } = &self.plan.shape.format else { return None };
        header.iter().position(|name| *name == following.column)
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
        (self.generated_key(kind, event, original), false, true)
    }

    fn candidate(&mut self, line: u64, original: Vec<u8>) -> Candidate {
        let decoded = decode_file_row(&self.plan.shape, &original);
        self.report.broken += u64::from(decoded.is_err());
        let key = self.key(&decoded, &original);
        Candidate { key: Some(key), line, original, decoded }
    }

    /// The key of a row: its message id, or else content digest, kind and event name, and row number.
    fn key(&self, decoded: &std::result::Result<Decoded, RowError>, original: &[u8]) -> Digest128 {
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
        self.generated_key(kind, event, original)
    }

    fn generated_key(&self, kind: &str, event: &str, original: &[u8]) -> Digest128 {
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

    /// Appends rows; a new load begins with its first new row.
    fn append(
        &mut self,
        writer: &mut Writer,
        entry: Entry,
        decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<()> {
        let mut drafts = Vec::new();
        let source = writer.source(&self.request.source, &mut drafts);
        let load = match self.known.load {
            Some(load) if !writer.fold.state.loads.contains_key(&load) => {
                let name = &self.report.name;
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("load {load} was withdrawn while {name} was loaded; load it again"),
                ));
            }
            Some(load) => load,
            None => {
                let load = LoadId(writer.log.next().plus(drafts.len() as u64).0);
                drafts.push(Draft { entry: self.load_entry(), source, load, decoded: None });
                load
            }
        };
        self.report.load = Some(load);
        self.known.wrote(load, u64::from(entry.rows()));
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
