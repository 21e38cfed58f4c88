//! How far a query of a database was read.
//!
//! *Invariants:* a mark is appended behind the rows that it covers, never before them; rows at the border are read
//! again and known by their keys, so that none is lost and none counts twice. Each load that brings rows has a mark of
//! its own, so that the watermark falls back when a load is withdrawn: a mark says how far everything is there as long
//! as its load and those of all marks before it stand. Marks change no fold: they only say where the next load begins.
//! *Where to start reading:* `standing`.

use super::expect::key_text;
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

/// What a load says of how far its query was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    column: String,
    /// The greatest value up to which everything is there; none when nothing is for sure.
    value: Option<String>,
    load: LoadId,
    /// Its place among the marks of the query.
    number: u64,
}

impl Mark {
    fn to_body(&self) -> String {
        let mut table = toml::Table::new();
        table.insert("column".to_owned(), self.column.clone().into());
        if let Some(value) = &self.value {
            table.insert("value".to_owned(), value.clone().into());
        }
        // As text: TOML has no unsigned integers.
        table.insert("load".to_owned(), self.load.to_string().into());
        table.insert("number".to_owned(), self.number.to_string().into());
        table.to_string()
    }

    fn from_body(body: &str) -> Option<Mark> {
        let table: toml::Table = body.parse().ok()?;
        let text = |name: &str| table.get(name)?.as_str().map(str::to_owned);
        let load = LoadId(text("load")?.parse().ok()?);
        let number = text("number").and_then(|number| number.parse().ok()).unwrap_or_default();
        Some(Mark { column: text("column")?, value: text("value"), load, number })
    }
}

/// A mark and its entry.
type Known<'h> = (Mark, &'h DefinitionEntry);

/// The marks of a query in their order.
fn marks<'h>(hindsight: &'h Hindsight, source: &str, query: &str) -> Vec<Known<'h>> {
    // Before each load had a mark of its own, there was one of the whole query.
    let whole = (WATERMARK_KIND.to_owned(), format!("{source}/{query}"));
    let place = (WATERMARK_KIND.to_owned(), prefix(source, query));
    let own = hindsight.definitions.range(place.clone()..);
    let own = own.take_while(|(at, _)| at.0 == place.0 && at.1.starts_with(&place.1));
    let entries = hindsight.definitions.get(&whole).into_iter().chain(own.map(|(_, entry)| entry));
    let mut found: Vec<Known<'_>> = entries
        .filter_map(|entry| Some((Mark::from_body(entry.body.as_deref()?)?, entry)))
        .collect();
    found.sort_by_key(|(mark, _)| (mark.number, mark.load));
    found
}

/// What the names of the marks of a query begin with.
fn prefix(source: &str, query: &str) -> String {
    format!("{}.{}.", key_text(source), key_text(query))
}

fn is_withdrawn(hindsight: &Hindsight, mark: &Mark) -> bool {
    hindsight.retracted.loads.contains(&mark.load)
}

/// The newest mark that holds. One behind a load that was withdrawn does not: rows that it took for known are gone.
fn standing(hindsight: &Hindsight, marks: &[Known<'_>]) -> Option<Watermark> {
    let marks = marks.iter().map(|(mark, _)| mark);
    let Mark { column, value, load, .. } =
        marks.take_while(|mark| !is_withdrawn(hindsight, mark)).last()?.clone();
    Some(Watermark { column, value: value?, load })
}

/// The entries that say how far a query was read by a load, behind marks that are known; none when that is known.
fn told(
    hindsight: &Hindsight,
    known: &[Known<'_>],
    prefix: &str,
    (column, value, load): (&str, String, Option<LoadId>),
) -> Vec<DefinitionEntry> {
    let stands = |(mark, _): &&Known<'_>| !is_withdrawn(hindsight, mark);
    // Rows that were all known are those of loads before.
    let last = known.iter().rev().find(stands);
    let load = load.or(last.map(|(mark, _)| mark.load)).unwrap_or(LoadId(0));
    let column = column.to_owned();
    let place = known.iter().position(|one| !stands(&one) || one.0.load == load);
    let (before, after) = known.split_at(place.unwrap_or(known.len()));
    if let [(own, _)] = after
        && own.load == load
        && (&own.column, own.value.as_ref()) == (&column, Some(&value))
    {
        return Vec::new();
    }
    let mut entries = Vec::new();
    let sure = before.last().and_then(|(mark, _)| mark.value.as_ref());
    for (mark, entry) in after.iter().filter(|(mark, _)| mark.load != load) {
        // Marks of withdrawn loads go, as what they covered was asked for again. Those behind them hold no longer by
        // themselves: what they lacked is in the load that asked again.
        let left = Mark { value: sure.cloned(), ..mark.clone() };
        let body = stands(&&(mark.clone(), *entry)).then(|| left.to_body());
        if body != entry.body {
            let (kind, name) = (entry.kind.clone(), entry.name.clone());
            entries.push(DefinitionEntry { kind, name, version: entry.version + 1, body });
        }
    }
    let number = known.last().map_or(1, |(mark, _)| mark.number + 1);
    let own = known.iter().find(|(mark, _)| mark.load == load).map(|(_, entry)| *entry);
    let name = own.map_or_else(|| format!("{prefix}{load}"), |entry| entry.name.clone());
    let kind = WATERMARK_KIND.to_owned();
    let before = hindsight.definitions.get(&(kind.clone(), name.clone()));
    let version = before.map_or(1, |before| before.version + 1);
    let body = Some(Mark { column, value: Some(value), load, number }.to_body());
    entries.push(DefinitionEntry { kind, name, version, body });
    entries
}

impl View {
    /// How far a query of a source was read; nothing when it never was, or when its first load was withdrawn.
    pub fn watermark(&self, source: &str, query: &str) -> Option<Watermark> {
        let hindsight = &self.state().hindsight;
        standing(hindsight, &marks(hindsight, source, query))
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
        let hindsight = &writer.fold.state.hindsight;
        let known = marks(hindsight, source, query);
        let read = (following.column.as_str(), value, load);
        let entries = told(hindsight, &known, &prefix(source, query), read);
        if entries.is_empty() {
            return Ok(());
        }
        self.writable(writer)?;
        let mut drafts = Vec::new();
        let source = writer.source(source, &mut drafts);
        drafts.extend(entries.into_iter().map(|entry| {
            let entry = Entry::Definition(entry);
            Draft { entry, source, load: LoadId(0), decoded: None }
        }));
        writer.append(drafts, request.origin)
    }
}
