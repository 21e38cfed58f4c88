//! A table of several parts becomes a table of one.

use super::open::{write_by_node, write_head};
use super::view::TableView;
use super::{BYTES, LAG, MESSAGE, NODE, PROPERTY, STEM};
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::column::{ColumnMerge, Faults, begins_chunk, release};
use std::sync::Arc;

/// Merges the rows of a table by time and position. Each part has its rows in this order, so it is enough to know
/// which part each new row comes from.
///
/// # Errors
/// `Corrupt` when a block does not hold; `Io`.
pub fn merge_table(parts: &[Arc<Part>], key: BlockKey, writer: &mut PartWriter) -> Result<()> {
    let faults = Faults::default();
    // The first look at a part holds its blocks against their checksums, which reads all of them.
    for part in parts {
        drop(TableView::new(std::iter::once(part), key, &[], &faults));
        part.release();
    }
    let table = TableView::new(parts.iter(), key, &[], &faults);
    let sources = table.parts();
    let order = merged_order(&table, parts);
    faults.check()?;
    if order.is_empty() {
        return Ok(());
    }
    write_head(writer, key, order.len())?;
    let parts: Vec<Arc<Part>> =
        sources.iter().map(|source| Arc::clone(source.source_part())).collect();
    let mut fields: Vec<u32> = (NODE..=MESSAGE).chain([LAG, STEM]).collect();
    let same_table = |other: &BlockKey| (other.space, other.number) == (key.space, key.number);
    for part in &parts {
        let keys = part.keys_from(key.field(BYTES)).take_while(same_table).map(|key| key.field);
        fields.extend(keys.filter(|field| *field == BYTES || *field >= PROPERTY));
    }
    fields.sort_unstable();
    fields.dedup();
    for field in fields {
        merge_field(&parts, key.field(field), &order, writer)?;
    }
    let mut next = vec![0; sources.len()];
    let nodes = order.iter().map(|number| {
        let row = take_next(&mut next, *number);
        if begins_chunk(row) {
            release(&parts);
        }
        sources.get(usize::from(*number)).map_or(0, |source| source.node(row).0)
    });
    let nodes: Vec<u32> = nodes.collect();
    drop(order);
    faults.check()?;
    write_by_node(writer, key, &nodes)
}

fn take_next(next: &mut [u32], number: u16) -> u32 {
    let Some(slot) = next.get_mut(usize::from(number)) else { return 0 };
    *slot += 1;
    *slot - 1
}

/// Which part each new row comes from.
fn merged_order(table: &TableView, parts: &[Arc<Part>]) -> Vec<u16> {
    let sources = table.parts();
    let mut next = vec![0_u32; sources.len()];
    let place = |number: usize, row: u32| {
        let source = sources.get(number).filter(|source| row < source.len())?;
        Some((source.time(row), source.position(row)))
    };
    let mut heads: Vec<_> = (0..sources.len()).map(|number| place(number, 0)).collect();
    let mut order = Vec::with_capacity(usize::try_from(table.len()).unwrap_or(0));
    loop {
        let least = heads.iter().enumerate().filter_map(|(n, head)| head.map(|head| (head, n)));
        let Some((_, number)) = least.min() else { return order };
        let short = u16::try_from(number).unwrap_or(u16::MAX);
        order.push(short);
        let row = take_next(&mut next, short) + 1;
        if begins_chunk(row) {
            release(parts);
        }
        if let Some(head) = heads.get_mut(number) {
            *head = place(number, row);
        }
    }
}

fn merge_field(
    parts: &[Arc<Part>],
    key: BlockKey,
    order: &[u16],
    writer: &mut PartWriter,
) -> Result<()> {
    let Some(merge) = ColumnMerge::new(parts, key, writer)? else { return Ok(()) };
    let mut column = merge.writer(writer, key);
    let mut next = vec![0; parts.len()];
    for (row, number) in (0..).zip(order) {
        let old = take_next(&mut next, *number);
        merge.take(&mut column, row, usize::from(*number), old)?;
        if begins_chunk(row + 1) {
            release(parts);
        }
    }
    column.finish()?;
    release(parts);
    merge.check()
}
