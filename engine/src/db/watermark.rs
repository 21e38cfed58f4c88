//! How far a query of a database was read.
//!
//! *Invariants:* a watermark is appended behind the rows that it covers, never before them; rows at the border are read
//! again and known by their keys, so that none is lost and none counts twice. It changes no fold: it only says where
//! the next load begins.

use super::types::LoadRequest;
use super::write::Draft;
use super::{Inner, View, Writer};
use crate::base::error::Result;
use crate::base::ids::LoadId;
use crate::entry::{DefinitionEntry, Entry, WATERMARK_KIND};
use crate::intake::Following;
use crate::state::Hindsight;

/// How far a query was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The column that rows are ordered by.
    pub column: String,
    /// The greatest value that was read, as the cell has it.
    pub value: String,
    /// The load that read it; 0 when all of its rows were known.
    pub load: LoadId,
}

impl Watermark {
    fn to_body(&self) -> String {
        let mut table = toml::Table::new();
        table.insert("column".to_owned(), self.column.clone().into());
        table.insert("value".to_owned(), self.value.clone().into());
        // As text: TOML has no unsigned integers.
        table.insert("load".to_owned(), self.load.to_string().into());
        table.to_string()
    }

    fn from_body(body: &str) -> Option<Watermark> {
        let table: toml::Table = body.parse().ok()?;
        let text = |name: &str| table.get(name)?.as_str().map(str::to_owned);
        let load = LoadId(text("load")?.parse().ok()?);
        Some(Watermark { column: text("column")?, value: text("value")?, load })
    }
}

/// The name of a watermark among those of the store.
fn name_of(source: &str, query: &str) -> String {
    format!("{source}/{query}")
}

/// The entry of a watermark that is in force.
fn entry_of<'h>(
    hindsight: &'h Hindsight,
    source: &str,
    query: &str,
) -> Option<&'h DefinitionEntry> {
    hindsight.definitions.get(&(WATERMARK_KIND.to_owned(), name_of(source, query)))
}

impl View {
    /// How far a query of a source was read; nothing when it never was, or when the load that got so far was withdrawn.
    pub fn watermark(&self, source: &str, query: &str) -> Option<Watermark> {
        let hindsight = &self.state().hindsight;
        let body = entry_of(hindsight, source, query)?.body.as_deref()?;
        let watermark = Watermark::from_body(body)?;
        (!hindsight.retracted.loads.contains(&watermark.load)).then_some(watermark)
    }
}

impl Inner {
    /// Appends how far the query of a request was read, behind its rows; nothing when that is known.
    pub(super) fn keep_watermark(
        &self,
        writer: &mut Writer,
        request: &LoadRequest,
        following: &Following,
        value: String,
        load: Option<LoadId>,
    ) -> Result<()> {
        let (source, query) = (request.source.as_str(), following.query.as_str());
        let known = entry_of(&writer.fold.state.hindsight, source, query);
        let before = known.and_then(|known| Watermark::from_body(known.body.as_deref()?));
        let load = load.or(before.as_ref().map(|before| before.load)).unwrap_or(LoadId(0));
        let watermark = Watermark { column: following.column.clone(), value, load };
        if before.as_ref() == Some(&watermark) {
            return Ok(());
        }
        let entry = Entry::Definition(DefinitionEntry {
            kind: WATERMARK_KIND.to_owned(),
            name: name_of(source, query),
            version: known.map_or(1, |known| known.version + 1),
            body: Some(watermark.to_body()),
        });
        self.writable(writer)?;
        let mut drafts = Vec::new();
        let source = writer.source(source, &mut drafts);
        drafts.push(Draft { entry, source, load: LoadId(0), decoded: None });
        writer.append(drafts, request.origin)
    }
}
