//! The rows of one file, in frames of bounded size.

use super::super::continuation::Continuation;
use super::super::sift::{BatchKeys, Candidate};
use super::super::types::{FileReport, LoadRequest};
use super::super::write::Draft;
use super::super::{Inner, Writer};
use super::keys::RowKeys;
use super::merging::FileMerger;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS};
use crate::entry::{CountedEntry, Entry, FileShape, LoadEntry, RecordsEntry};
use crate::intake::{Input, LoadPlan, RawRows, Rows, Watch};
use crate::record::{Decoded, RowError, RowSight};

/// The load of one file.
pub(super) struct FileLoad<'a> {
    pub(super) inner: &'a Inner,
    pub(super) request: &'a LoadRequest,
    pub(super) plan: &'a LoadPlan,
    pub(super) reader: Box<dyn Rows>,
    pub(super) report: FileReport,
    pub(super) known: Continuation,
    /// How rows are read, when a mapping says otherwise than the request.
    pub(super) mapped: Option<FileShape>,
    /// Whether a row tells what a person allowed.
    pub(super) consents: bool,
    /// Rows that were passed over, because the log has them, and lines among them that are too long.
    pub(super) passed: (u64, u64),
    /// Bytes of the input as it is stored.
    pub(super) stored: Option<u64>,
    /// Rows of the entry at hand that cannot be understood.
    pub(super) not_understood: u64,
    /// The value of the column that a query is followed by, in the last row that is done.
    pub(super) reached: Option<String>,
    /// What makes keys of rows.
    pub(super) keys: RowKeys,
    /// What merges the files that are written, when a thread does.
    merger: Option<FileMerger>,
}

impl<'a> FileLoad<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        request: &'a LoadRequest,
        plan: &'a LoadPlan,
        input: &Input,
    ) -> Result<FileLoad<'a>> {
        let reader = plan.open(input, inner.load_threads)?;
        let merger = inner.load_threads.then(|| FileMerger::start(&inner.dir)).transpose()?;
        let report = FileReport { name: input.name(), ..FileReport::default() };
        let known = Continuation::find(&inner.writer.lock(), request, plan);
        let snapshot = inner.snapshot.get();
        let mapped = snapshot.state.definitions().shape(&request.source, &plan.shape);
        Ok(FileLoad {
            inner,
            request,
            plan,
            reader,
            report,
            known,
            mapped,
            consents: false,
            passed: (0, 0),
            stored: input.stored_bytes(),
            not_understood: 0,
            reached: None,
            keys: RowKeys::default(),
            merger,
        })
    }

    /// Loads the file; says whether all of it.
    pub(super) fn run(&mut self, input: &Input, watch: &mut Watch<'_>) -> Result<bool> {
        let mut whole = true;
        if let Some((rows, line)) = self.known.prefix() {
            whole = self.pass_over(rows, line, watch)?;
            if whole && self.passed.0 == 0 {
                // They are not the beginning of the file: each row is looked up.
                self.known.exact = false;
                self.reader = self.plan.open(input, self.inner.load_threads)?;
            }
        }
        whole = whole
            && match RowSight::of(&self.plan.shape) {
                Some(sight) => self.run_by_column(sight, watch)?,
                None => self.run_by_row(watch)?,
            };
        if whole {
            watch.goes_on(self.bytes(), self.report.rows);
            if self.reader.content() != self.plan.content {
                let name = &self.report.name;
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{name} changed while it was loaded; load it again"),
                ));
            }
        }
        self.tell_passed(whole);
        self.report.broken += self.report.nobody;
        let trouble = &self.plan.trouble;
        self.report.lost = trouble.lost;
        if !trouble.said.is_empty() {
            self.report.failure = Some(trouble.said.clone());
        }
        Ok(whole)
    }

    /// Bytes of the input that were read; of a format that does not tell, the share of its rows.
    fn bytes(&self) -> Option<u64> {
        self.reader.bytes().or_else(|| {
            let share = self.report.rows as f64 / self.plan.rows.max(1) as f64;
            Some((self.stored? as f64 * share.min(1.0)) as u64)
        })
    }

    /// Keeps how far the query was read, if the rows are of one, counts what became of the whole file, and gives the
    /// report.
    pub(super) fn finish(self, whole: bool) -> Result<FileReport> {
        if let (Some(following), Some(value)) = (&self.request.following, self.reached.clone()) {
            let mut writer = self.inner.writer.lock();
            let load = self.report.load;
            self.inner.keep_watermark(&mut writer, self.request, following, value, load)?;
        }
        if whole {
            self.count()?;
        }
        Ok(self.report)
    }

    /// Writes down what became of the rows of the file: the load came to its end. Nothing when nothing of it was new:
    /// then nothing changes.
    fn count(&self) -> Result<()> {
        let FileReport {
            name, rows, written, revised, duplicates, conflicts, broken, load, ..
        } = &self.report;
        let Some(load) = *load else { return Ok(()) };
        let entry = Entry::Counted(CountedEntry {
            file: name.clone(),
            rows: *rows,
            written: *written,
            revised: *revised,
            duplicates: *duplicates,
            conflicts: *conflicts,
            broken: *broken,
        });
        let mut writer = self.inner.writer.lock();
        self.inner.writable(&mut writer)?;
        let mut drafts = Vec::new();
        let source = writer.source(&self.request.source, &mut drafts);
        drafts.push(Draft { entry, source, load, decoded: None });
        writer.append(drafts, self.request.origin)
    }

    /// Passes over the rows that the log has, which end with a line and, as all that a load writes, with a block; says
    /// whether it was not stopped.
    fn pass_over(&mut self, wanted: u64, last: u64, watch: &mut Watch<'_>) -> Result<bool> {
        let mut rows = RawRows::default();
        let (mut passed, mut too_long, mut line) = (0, 0, None);
        while passed < wanted {
            self.reader.next_rows(&mut rows)?;
            if rows.is_empty() {
                break;
            }
            let (count, ends) = rows.count();
            passed += count;
            too_long += rows.too_long.len() as u64;
            line = ends.or(line);
            self.report.rows = passed + too_long;
            if !watch.goes_on(self.bytes(), self.report.rows) {
                self.passed = (passed, too_long);
                return Ok(false);
            }
        }
        if passed == wanted && line == Some(last) {
            self.passed = (passed, too_long);
        } else {
            self.report.rows = 0;
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

    /// Rows that are records each; says whether it was not stopped.
    fn run_by_row(&mut self, watch: &mut Watch<'_>) -> Result<bool> {
        let mut rows = RawRows::default();
        self.reader.next_rows(&mut rows)?;
        while !rows.is_empty() {
            let (mut block, mut bytes) = (Vec::new(), 0);
            for (line, original) in rows.items() {
                let Some(original) = original else {
                    self.report.rows += 1;
                    self.report.broken += 1;
                    continue;
                };
                for record in self.plan.records_of(original.to_vec()) {
                    self.report.rows += 1;
                    let candidate = self.candidate(line, record);
                    bytes += candidate.size();
                    block.push(candidate);
                    // One line may be a batch of many messages.
                    if block.len() >= LOAD_FRAME_ROWS || bytes >= LOAD_FRAME_BYTES {
                        self.put(std::mem::take(&mut block))?;
                        bytes = 0;
                    }
                }
            }
            self.put(block)?;
            self.reach(&rows);
            if !self.next_block(&mut rows, watch)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells how far it is and takes the next rows; says whether it goes on with them.
    pub(super) fn next_block(&mut self, rows: &mut RawRows, watch: &mut Watch<'_>) -> Result<bool> {
        let goes_on = watch.goes_on(self.bytes(), self.report.rows);
        self.reader.next_rows(rows)?;
        Ok(goes_on || rows.is_empty())
    }

    /// Writes rows.
    fn put(&mut self, block: Vec<Candidate>) -> Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        let mut writer = self.inner.writer.lock();
        self.inner.writable(&mut writer)?;
        writer.fold.state.clock = writer.log.advance_clock(self.inner.clock.now());
        let first = self.first_row(&writer);
        let batch = (&mut BatchKeys::new(), self.request.revise);
        let sifted = writer.sift(&self.request.source, block, batch, first)?;
        self.report.duplicates += sifted.duplicates;
        self.report.revised += sifted.revised;
        self.report.conflicts += sifted.conflicts;
        if sifted.rows.is_empty() {
            return Ok(());
        }
        self.report.written += sifted.understood();
        self.not_understood = sifted.decoded.iter().filter(|read| read.is_err()).count() as u64;
        let entry = Entry::Records(RecordsEntry { rows: sifted.rows });
        self.append(&mut writer, (entry, Some(sifted.decoded)), sifted.replaced)
    }

    /// The position that the next row has: before it may stand the entries of the source and of the load.
    pub(super) fn first_row(&self, writer: &Writer) -> Position {
        let known = writer.fold.state.catalog.find_source(&self.request.source).is_some();
        writer.log.next().plus(u64::from(!known) + u64::from(self.known.load.is_none()))
    }

    /// Appends rows, which take the place of others; a new load begins with its first new row.
    pub(super) fn append(
        &mut self,
        writer: &mut Writer,
        (entry, decoded): (Entry, Option<Vec<std::result::Result<Decoded, RowError>>>),
        replaced: Vec<Position>,
    ) -> Result<()> {
        writer.taken(&self.request.source)?;
        if let Some(load) = self.known.load
            && writer.fold.state.hindsight.retracted.loads.contains(&load)
        {
            let name = &self.report.name;
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "load {load} of {name} was retracted while it was under way; load it again"
                ),
            ));
        }
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
        let definitions = writer.fold.state.definitions();
        let same = definitions.shape(&self.request.source, &self.plan.shape) == self.mapped;
        let decoded = decoded.filter(|_| same);
        drafts.push(Draft { entry, source, load, decoded });
        let (withdrawn, gone) = self.inner.draft_replaced(writer, replaced, source, load)?;
        drafts.extend(withdrawn);
        let (before, beyond_before) = (quarantined(writer), writer.beyond_names(source));
        let nobodies = writer.fold.state.counts.broken + std::mem::take(&mut self.not_understood);
        writer.append(drafts, self.request.origin)?;
        writer.note_gone(&gone);
        self.inner.writable(writer)?;
        writer.seen.read().release();
        writer.fold.release();
        // When no file can be written now, what is gathered stays in memory, and the load counts all the same.
        let dir = Some(self.inner.dir.as_ref());
        match &mut self.merger {
            Some(merger) if merger.lives() => {
                let _ = writer.fold.spill_unmerged(self.inner.dir.as_ref(), self.inner.open_bytes);
                merger.serve(writer);
            }
            _ => drop(writer.fold.spill_if_large(dir, self.inner.open_bytes)),
        }
        // A fold that is made anew may know less of what is in quarantine.
        let (values, beyond) = (quarantined(writer), writer.beyond_names(source));
        // Rows whose identifiers are nobody's, as only the rules of identity know.
        let nobodies = writer.fold.state.counts.broken.saturating_sub(nobodies);
        self.report.written = self.report.written.saturating_sub(nobodies);
        self.report.nobody += nobodies;
        self.report.quarantined_values += values.saturating_sub(before);
        self.report.beyond_names += beyond.saturating_sub(beyond_before);
        Ok(())
    }

    /// Waits for the thread that merges files.
    pub(super) fn end_merging(&mut self) {
        if let Some(merger) = self.merger.take() {
            merger.finish(&self.inner.writer);
        }
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

impl Writer {
    /// Values of a source so far whose names would be too many.
    fn beyond_names(&self, source: SourceId) -> u64 {
        self.fold.state.names.get(&source).map_or(0, |names| names.beyond)
    }
}

/// Values in quarantine so far: records in quarantine are told apart.
fn quarantined(writer: &Writer) -> u64 {
    writer.fold.state.counts.values
}
