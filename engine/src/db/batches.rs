//! The tables of one snapshot as batches of Arrow.

use super::view::View;
use crate::base::error::{Error, Result};
use crate::catalog::{folded, nearest};
use crate::export::{Names, TableId, TableScan, record_batch, schema};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// The tables of a snapshot, for `View::arrow`.
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
    /// Who is in which segment.
    SegmentMembers,
}

/// Which rows and columns `View::arrow` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrowRequest {
    /// The table.
    pub table: ArrowTable,
    /// An audience: only rows of its profiles are given. An entity has no profile.
    pub audience: Option<String>,
    /// The columns, by the names that audiences call them; all when there are none.
    pub columns: Vec<String>,
}

impl ArrowRequest {
    /// All rows and columns of a table.
    pub fn all(table: ArrowTable) -> ArrowRequest {
        ArrowRequest { table, audience: None, columns: Vec::new() }
    }
}

/// Batches of rows of one snapshot, 65,536 rows at most each. After an error there are none.
pub struct ArrowBatches {
    view: View,
    scan: TableScan,
    schema: SchemaRef,
    ended: bool,
}

impl ArrowBatches {
    /// The schema of all batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Iterator for ArrowBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let reader = self.view.state().reader();
        let batch = record_batch(&reader, &mut self.scan, &self.schema).transpose();
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

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
            ArrowTable::SegmentMembers => TableId::Members,
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
        let schema = schema(scan.columns());
        Ok(ArrowBatches { view: self.clone(), scan, schema, ended: false })
    }
}

/// The number of a column of a table.
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
