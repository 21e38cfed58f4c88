//! Out again: the tables of one snapshot as files, or as batches of Arrow.

use super::types::At;
use super::view::View;
use crate::audience::{ask, gives_a_table};
use crate::base::error::{Error, Result};
#[cfg(feature = "arrow")]
use crate::catalog::{folded, nearest};
#[cfg(feature = "arrow")]
use crate::export::RowGroups;
use crate::export::{
    ExportFormat, ExportPart, ExportReport, ExportedTable, FileNames, Names, TableId, TableScan,
    TextFile, manifest, statements, tables,
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
    fn chosen(&self, state: &State, audience: Option<&str>) -> Result<Option<Arc<RoaringBitmap>>> {
        let Some(text) = audience else { return Ok(None) };
        let answer = ask(state, self.question(text)?.as_ref(), state.clock)?;
        if answer.table.is_some() {
            return Err(gives_a_table());
        }
        Ok(Some(Arc::new(answer.ordinals)))
    }
}

/// The tables of a snapshot, for `View::arrow`.
#[cfg(feature = "arrow")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrowTable {
    /// Profiles with their golden records.
    Profiles,
    /// Identifiers with their profiles.
    Identifiers,
    /// The events of a type.
    Events(String),
    /// The entities of a type.
    Entities(String),
}

/// Which rows and columns `View::arrow` gives.
#[cfg(feature = "arrow")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrowRequest {
    /// The table.
    pub table: ArrowTable,
    /// An audience: only rows of its profiles are given. An entity has no profile.
    pub audience: Option<String>,
    /// The columns, by the names that audiences call them; all when there are none.
    pub columns: Vec<String>,
}

#[cfg(feature = "arrow")]
impl ArrowRequest {
    /// All rows and columns of a table.
    pub fn all(table: ArrowTable) -> ArrowRequest {
        ArrowRequest { table, audience: None, columns: Vec::new() }
    }
}

/// Batches of rows of one snapshot, 65,536 rows at most each. After an error there are none.
#[cfg(feature = "arrow")]
pub struct ArrowBatches {
    view: View,
    scan: TableScan,
    schema: arrow::datatypes::SchemaRef,
    ended: bool,
}

#[cfg(feature = "arrow")]
impl ArrowBatches {
    /// The schema of all batches.
    pub fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(feature = "arrow")]
impl Iterator for ArrowBatches {
    type Item = Result<arrow::record_batch::RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let reader = self.view.state().reader();
        let batch = crate::export::record_batch(&reader, &mut self.scan, &self.schema).transpose();
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

#[cfg(feature = "arrow")]
impl View {
    /// A table of the snapshot as Arrow batches.
    ///
    /// ```
    /// use navedb::{ArrowRequest, ArrowTable, Batch, Caller, Db, Purpose, Record};
    /// # let folder = std::env::temp_dir().join(format!("navedb-arrow-{}", std::process::id()));
    /// let db = Db::open(&folder)?;
    /// let session = db.session(Caller::all(), Purpose::any());
    /// let json = r#"{"type":"identify","userId":"7","traits":{"country":"FR"}}"#;
    /// let receipt = session.write(Batch::new().record(Record::message("crm", json)))?;
    /// let request = ArrowRequest {
    ///     table: ArrowTable::Profiles,
    ///     audience: Some("p.country = 'FR'".to_owned()),
    ///     columns: vec!["profile_id".to_owned(), "country".to_owned()],
    /// };
    /// let batches = session.at_least(receipt.position)?.arrow(&request)?;
    /// assert_eq!(batches.schema().field(1).name(), "country");
    /// let rows: usize = batches.map(|batch| Ok(batch?.num_rows())).sum::<navedb::Result<usize>>()?;
    /// assert_eq!(rows, 1);
    /// db.close()?;
    /// # std::fs::remove_dir_all(&folder).ok();
    /// # Ok::<(), navedb::Error>(())
    /// ```
    ///
    /// # Errors
    /// As `count` for the audience; `NotFound` when there is no such table or column; `Corrupt`.
    pub fn arrow(&self, request: &ArrowRequest) -> Result<ArrowBatches> {
        let state = self.state();
        let events = state.catalog.events();
        let entities = state.catalog.entities();
        let missing = |what: &str, name: &str| {
            Error::not_found(format!("'{name}' is no {what}; `nave stats` lists what there is"))
        };
        let table = match &request.table {
            ArrowTable::Profiles => TableId::Profiles,
            ArrowTable::Identifiers => TableId::Identifiers,
            ArrowTable::Events(name) => {
                TableId::Events(events.find(name).ok_or_else(|| missing("event type", name))?)
            }
            ArrowTable::Entities(name) => {
                TableId::Entities(entities.find(name).ok_or_else(|| missing("entity type", name))?)
            }
        };
        let reader = state.reader();
        let chosen = self.chosen(state, request.audience.as_deref())?;
        let names = Arc::new(Names::read(&reader));
        let mut scan = TableScan::new(&reader, table, names, chosen)?;
        if !request.columns.is_empty() {
            let wanted: Vec<usize> =
                request.columns.iter().map(|name| column(&scan, name)).collect::<Result<_>>()?;
            scan = scan.with_columns(&wanted);
        }
        let schema = crate::export::schema(scan.columns());
        Ok(ArrowBatches { view: self.clone(), scan, schema, ended: false })
    }
}

/// The number of a column of a table.
#[cfg(feature = "arrow")]
fn column(scan: &TableScan, name: &str) -> Result<usize> {
    let wanted = folded(name);
    let known = scan.columns().iter().map(|column| column.name.as_str());
    known.clone().position(|known| folded(known) == wanted).ok_or_else(|| {
        let hint = match nearest(name, known) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "`nave stats` lists what there is".to_owned(),
        };
        Error::not_found(format!("'{name}' is no column of this table; {hint}"))
    })
}
