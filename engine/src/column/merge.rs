//! One column of several parts becomes one column of a new part.

use super::dictionary::{Dictionary, merge_texts};
use super::view::{ColumnView, Faults, Tier};
use super::write::{ColumnWriter, Layout};
use super::{CHUNK_BITS, Cell};
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::value::ValueType;
use std::sync::Arc;

/// How the values of a column go from several parts into one.
pub struct ColumnMerge {
    /// The column of each part alone.
    sources: Vec<ColumnView>,
    layout: Layout,
    value_type: Option<ValueType>,
    /// For each source the new code of each old one.
    codes: Vec<Vec<u32>>,
    faults: Faults,
}

impl ColumnMerge {
    /// Reads the column of parts, the oldest first, and writes the texts that its codes stand for. Nothing when no
    /// part has the column.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold; `Io`.
    pub fn new(
        parts: &[Arc<Part>],
        key: BlockKey,
        writer: &mut PartWriter,
    ) -> Result<Option<ColumnMerge>> {
        let faults = Faults::default();
        let source = |part| ColumnView::new(std::iter::once(part), key, None, &faults).of_all();
        let sources: Vec<ColumnView> = parts.iter().map(source).collect();
        let mut layout = None;
        let mut value_type: Option<ValueType> = None;
        for view in &sources {
            for tier in view.own_chunks().into_iter().flat_map(|chunk| view.tiers(chunk)) {
                layout.get_or_insert(tier.view.layout());
                let found = tier.view.value_type();
                value_type = match (value_type, found) {
                    (Some(known), Some(found)) => Some(known.widened(found).unwrap_or(known)),
                    (known, found) => known.or(found),
                };
            }
        }
        faults.check()?;
        let Some(layout) = layout else { return Ok(None) };
        let layout = value_type.map_or(layout, Layout::of);
        let coded = matches!(value_type, Some(ValueType::Text | ValueType::Set));
        let codes = if coded {
            let open = |part: &Arc<Part>| Dictionary::open(part, key);
            let dictionaries = parts.iter().map(open).collect::<Result<Vec<_>>>()?;
            merge_texts(&dictionaries, writer, key)?
        } else {
            Vec::new()
        };
        let sources = sources.into_iter().map(|view| view.wanting(value_type)).collect();
        Ok(Some(ColumnMerge { sources, layout, value_type, codes, faults }))
    }

    /// The column to write to.
    pub fn writer<'w>(&self, part: &'w mut PartWriter, key: BlockKey) -> ColumnWriter<'w> {
        ColumnWriter::new(part, key, self.layout, self.value_type)
    }

    /// Writes the value that a source has of its row `old` as that of a row, if it tells of it and is not NULL.
    ///
    /// # Errors
    /// `Io`.
    pub fn take(
        &self,
        writer: &mut ColumnWriter<'_>,
        row: u32,
        source: usize,
        old: u32,
    ) -> Result<()> {
        let Some((tier, slot)) = self.sources.get(source).and_then(|view| view.find(old)) else {
            return Ok(());
        };
        if tier.view.is_null(slot) { Ok(()) } else { self.put(writer, row, source, tier, slot) }
    }

    fn put(
        &self,
        writer: &mut ColumnWriter<'_>,
        row: u32,
        source: usize,
        tier: &Tier,
        slot: usize,
    ) -> Result<()> {
        let block = &tier.view;
        let Some(view) = self.sources.get(source).filter(|_| !block.is_null(slot)) else {
            return writer.null(row);
        };
        let code = |old: u32| self.codes.get(source)?.get(old as usize).copied();
        match (self.layout, self.value_type) {
            (Layout::Integers, Some(ValueType::Text)) => {
                let code = code(block.number(slot)).unwrap_or_else(|| {
                    view.note_damage(tier);
                    0
                });
                writer.integer(row, i64::from(code))
            }
            (Layout::Integers, Some(ValueType::Timestamp)) => match view.cell_of(tier, slot) {
                Cell::Timestamp(time) => writer.integer(row, time.0),
                _ => writer.null(row),
            },
            (Layout::Integers, _) => writer.integer(row, block.integer(slot)),
            (Layout::Sets, _) => {
                let old = (0..block.code_count(slot)).filter_map(|i| block.code(slot, i));
                let known = |old: u32| {
                    code(old).or_else(|| {
                        view.note_damage(tier);
                        None
                    })
                };
                writer.codes(row, old.filter_map(known))
            }
            (Layout::Bytes, _) => writer.bytes(row, block.bytes(slot)),
            (Layout::Wide, _) => writer.wide(row, block.wide(slot)),
            (Layout::Floats | Layout::Decimals, _) => writer.cell(row, view.cell_of(tier, slot)),
        }
    }

    /// Fails when something could not be read.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn check(&self) -> Result<()> {
        self.faults.check()
    }
}

/// Lets go of the pages of parts. A merge does so after each chunk: what it has read it does not read again.
pub fn release(parts: &[Arc<Part>]) {
    parts.iter().for_each(|part| part.release());
}

/// What to do with a column whose rows have the same meaning in all parts.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// Whether the rows of each code are kept.
    pub index: bool,
    /// Whether NULLs are: they are nothing when no older part tells of these rows.
    pub nulls: bool,
}

/// Merges a column whose rows have the same meaning in all parts: of each row the newest value stays.
///
/// # Errors
/// `Corrupt` when a block does not hold; `Io`.
pub fn merge_column(
    parts: &[Arc<Part>],
    key: BlockKey,
    writer: &mut PartWriter,
    keeping: Keeping,
) -> Result<()> {
    let Some(merge) = ColumnMerge::new(parts, key, writer)? else { return Ok(()) };
    let mut column = merge.writer(writer, key);
    if keeping.index {
        column = column.indexed();
    }
    let mut chunks: Vec<u32> = merge.sources.iter().flat_map(|view| view.own_chunks()).collect();
    chunks.sort_unstable();
    chunks.dedup();
    // Row, how many sources are newer, slot: in this order the newest of a row comes first.
    let mut told: Vec<(u32, u32, u32)> = Vec::new();
    for chunk in chunks {
        told.clear();
        let tiers: Vec<Option<&Tier>> =
            merge.sources.iter().rev().map(|view| view.tiers(chunk).first()).collect();
        for (age, tier) in (0..).zip(&tiers) {
            let Some(tier) = tier else { continue };
            let slots = 0..u32::try_from(tier.view.count()).unwrap_or(u32::MAX);
            told.extend(slots.map(|slot| (tier.view.row(slot as usize), age, slot)));
        }
        if tiers.iter().flatten().count() > 1 {
            // This sort takes advantage of runs that are sorted already.
            told.sort();
            told.dedup_by_key(|(row, _, _)| *row);
        }
        let start = chunk << CHUNK_BITS;
        for (row, age, slot) in &told {
            let (age, slot) = (*age as usize, *slot as usize);
            let Some(Some(tier)) = tiers.get(age) else { continue };
            if keeping.nulls || !tier.view.is_null(slot) {
                merge.put(&mut column, start + row, tiers.len() - 1 - age, tier, slot)?;
            }
        }
        release(parts);
    }
    column.finish()?;
    merge.check()
}
