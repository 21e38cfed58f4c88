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
    if order.low.is_empty() {
        return Ok(());
    }
    write_head(writer, key, order.low.len())?;
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
        let row = take_next(&mut next, number);
        if begins_chunk(row) {
            release(&parts);
        }
        sources.get(number).map_or(0, |source| source.node(row).0)
    });
    let nodes: Vec<u32> = nodes.collect();
    drop(order);
    faults.check()?;
    write_by_node(writer, key, &nodes)
}

fn take_next(next: &mut [u32], number: usize) -> u32 {
    let Some(slot) = next.get_mut(number) else { return 0 };
    *slot += 1;
    *slot - 1
}

/// Which part each new row comes from: a byte of each number, and the rest of it only when there are so many parts that
/// one does not do. A merge holds one of them for each row.
struct Origins {
    low: Vec<u8>,
    high: Option<Vec<u8>>,
}

impl Origins {
    fn new(parts: usize, rows: u64) -> Origins {
        let bytes = || Vec::with_capacity(usize::try_from(rows).unwrap_or(0));
        Origins { low: bytes(), high: (parts > 1 << u8::BITS).then(bytes) }
    }

    fn push(&mut self, number: usize) {
        let [low, high, ..] = number.to_le_bytes();
        self.low.push(low);
        self.high.iter_mut().for_each(|bytes| bytes.push(high));
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let high = self.high.as_deref().unwrap_or_default();
        let high = high.iter().copied().chain(std::iter::repeat(0));
        self.low.iter().zip(high).map(|(low, high)| usize::from(u16::from_le_bytes([*low, high])))
    }
}

/// The origins of the rows in their order.
fn merged_order(table: &TableView, parts: &[Arc<Part>]) -> Origins {
    let sources = table.parts();
    let mut next = vec![0_u32; sources.len()];
    let place = |number: usize, row: u32| {
        let source = sources.get(number).filter(|source| row < source.len())?;
        Some((source.time(row), source.position(row)))
    };
    let mut heads: Vec<_> = (0..sources.len()).map(|number| place(number, 0)).collect();
    let mut order = Origins::new(sources.len(), table.len());
    loop {
        let least = heads.iter().enumerate().filter_map(|(n, head)| head.map(|head| (head, n)));
        let Some((_, number)) = least.min() else { return order };
        order.push(number);
        let row = take_next(&mut next, number) + 1;
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
    order: &Origins,
    writer: &mut PartWriter,
) -> Result<()> {
    let Some(merge) = ColumnMerge::new(parts, key, writer)? else { return Ok(()) };
    let mut column = merge.writer(writer, key);
    let mut next = vec![0; parts.len()];
    for (row, number) in (0..).zip(order.iter()) {
        let old = take_next(&mut next, number);
        merge.take(&mut column, row, number, old)?;
        if begins_chunk(row + 1) {
            release(parts);
        }
    }
    column.finish()?;
    release(parts);
    merge.check()
}

#[cfg(test)]
mod tests {
    use super::Origins;

    #[test]
    fn origins_are_given_back_as_they_were_put() {
        for parts in [1_usize, 2, 256, 257, 60_000] {
            let numbers: Vec<usize> = (0..1000).map(|step| step * 7919 % parts).collect();
            let mut origins = Origins::new(parts, 1000);
            numbers.iter().for_each(|number| origins.push(*number));
            assert_eq!(origins.iter().collect::<Vec<_>>(), numbers, "{parts} parts");
        }
    }
}
