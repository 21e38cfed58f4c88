//! Out again: the tables of one snapshot as files.

use super::types::At;
use super::view::View;
use crate::audience::{ask, gives_a_table};
#[cfg(not(feature = "arrow"))]
use crate::base::error::Error;
use crate::base::error::Result;
#[cfg(feature = "arrow")]
use crate::export::RowGroups;
use crate::export::{
    ExportFormat, ExportPart, ExportReport, ExportedTable, FileNames, Names, TableScan, TextFile,
    manifest, statements, tables,
};
use crate::state::{Reader, State};
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;

/// What an export writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// The form of the files.
    pub format: ExportFormat,
    /// An audience: only its profiles are exported, with their identifiers and events. Entities are no persons and are
    /// exported all the same.
    pub audience: Option<String>,
    /// What is exported.
    pub only: Vec<ExportPart>,
    /// Whether the files are compressed with zstd.
    pub compressed: bool,
}

impl ExportRequest {
    /// All of a store: Parquet with zstd inside, or plain text.
    pub fn new(format: ExportFormat) -> ExportRequest {
        ExportRequest {
            format,
            audience: None,
            only: ExportPart::ALL.to_vec(),
            compressed: format == ExportFormat::Parquet,
        }
    }
}

/// Makes a file of an export, or makes it anew.
pub type CreateFile<'a> = &'a mut dyn FnMut(&str) -> Result<Box<dyn Write + Send>>;

/// A file that a table is written into.
enum TableFile {
    Text(TextFile),
    #[cfg(feature = "arrow")]
    Parquet(Box<RowGroups>),
}

impl TableFile {
    fn new(
        out: Box<dyn Write + Send>,
        request: &ExportRequest,
        scan: &TableScan,
    ) -> Result<TableFile> {
        match request.format {
            #[cfg(feature = "arrow")]
            ExportFormat::Parquet => RowGroups::new(out, request.compressed, scan)
                .map(|file| TableFile::Parquet(Box::new(file))),
            #[cfg(not(feature = "arrow"))]
            ExportFormat::Parquet => Err(Error::invalid(
                "this build has no Parquet (feature 'arrow'); use csv or ndjson",
            )),
            format => TextFile::new(out, format, request.compressed, scan).map(TableFile::Text),
        }
    }

    fn write(&mut self, reader: &Reader<'_>, scan: &mut TableScan) -> Result<bool> {
        match self {
            TableFile::Text(file) => file.write(reader, scan),
            #[cfg(feature = "arrow")]
            TableFile::Parquet(file) => file.write(reader, scan),
        }
    }

    fn rows(&self) -> u64 {
        match self {
            TableFile::Text(file) => file.rows(),
            #[cfg(feature = "arrow")]
            TableFile::Parquet(file) => file.rows(),
        }
    }

    fn finish(self) -> Result<u64> {
        match self {
            TableFile::Text(file) => file.finish(),
            #[cfg(feature = "arrow")]
            TableFile::Parquet(file) => file.finish(),
        }
    }
}

impl View {
    /// Writes the tables of the snapshot into files, with a manifest (`manifest.json`) and views and macros for DuckDB
    /// (`nave.sql`) beside them. `create` makes a file of a name; `progress` is told the file and its rows so far.
    ///
    /// # Errors
    /// As `count` for the audience; `Io`; what `create` says; `Corrupt` when a part does not hold and cannot be made
    /// anew.
    pub fn export(
        &self,
        request: &ExportRequest,
        create: CreateFile<'_>,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<ExportReport> {
        // A snapshot with a damaged part is read again when the part was made anew: all files then begin again.
        let outside = RefCell::new((create, progress));
        let report = self.asked(At::Latest, |state, _| {
            let mut outside = outside.borrow_mut();
            let (create, progress) = &mut *outside;
            self.export_state(state, request, create, progress)
        })?;
        let (create, _) = outside.into_inner();
        for (name, text) in
            [("manifest.json", manifest(&report)), ("nave.sql", statements(&report))]
        {
            let mut file = create(name)?;
            let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
            written.map_err(|e| crate::export::failed(&e))?;
        }
        Ok(report)
    }

    fn export_state(
        &self,
        state: &State,
        request: &ExportRequest,
        create: CreateFile<'_>,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<ExportReport> {
        let chosen = self.chosen(state, request.audience.as_deref())?;
        let names = Arc::new(Names::read(&state.reader()));
        let mut files = FileNames::default();
        let mut report = ExportReport {
            format: request.format,
            position: self.position(),
            clock: state.clock,
            audience: request.audience.clone(),
            tables: Vec::new(),
        };
        let ending = match (request.format, request.compressed) {
            (ExportFormat::Parquet, _) | (_, false) => request.format.extension().to_owned(),
            (_, true) => format!("{}.zst", request.format.extension()),
        };
        for table in tables(state) {
            if !request.only.contains(&table.part()) {
                continue;
            }
            // What is read of a table is let go behind it.
            let reader = state.reader();
            let mut scan = TableScan::new(&reader, table, Arc::clone(&names), chosen.clone())?;
            let name = table.name(state);
            let file_name = files.name(table.part(), name, &ending);
            let mut file = TableFile::new(create(&file_name)?, request, &scan)?;
            while file.write(&reader, &mut scan)? {
                progress(&file_name, file.rows());
            }
            report.tables.push(ExportedTable {
                part: table.part(),
                name: name.to_owned(),
                file: file_name,
                rows: file.finish()?,
                columns: scan.columns().to_vec(),
            });
        }
        Ok(report)
    }

    /// The profiles of an audience; none when there is no audience.
    pub(super) fn chosen(
        &self,
        state: &State,
        audience: Option<&str>,
    ) -> Result<Option<Arc<RoaringBitmap>>> {
        let Some(text) = audience else { return Ok(None) };
        let answer = ask(state, &self.inner.workers, self.question(text)?.as_ref(), state.clock)?;
        if answer.table.is_some() {
            return Err(gives_a_table());
        }
        Ok(Some(Arc::new(answer.ordinals)))
    }
}
