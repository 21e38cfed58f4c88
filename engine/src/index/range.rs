//! The rows of a chunk whose number is in a range.

use super::bins::is_worth;
use super::key::{Domain, KeyRange};
use super::layer::{ColumnIndex, Tier};
use crate::base::bits::Bits;
use crate::column::and_not_bytes;

/// Fewer rows than these of a chunk are looked at one by one: a pass over all of it reads every value.
const FEW: u32 = 512;

/// The rows of a column with a number in a range.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    column: &'a ColumnIndex,
    domain: Domain,
    range: KeyRange,
    turned: bool,
}

impl<'a> Range<'a> {
    /// The rows of a column whose keys are in a range, or, when it is turned, those of the other values; nothing when
    /// the column has no keys.
    pub fn new(column: &'a ColumnIndex, range: KeyRange, turned: bool) -> Option<Range<'a>> {
        Some(Range { column, domain: column.domain()?, range, turned })
    }

    /// Narrows it to what another of the same column holds, too: whether that can be done.
    pub fn narrow(&mut self, other: &Range<'_>) -> bool {
        let same = std::ptr::eq(self.column, other.column) && !self.turned && !other.turned;
        if same {
            self.range = self.range.and(other.range);
        }
        same
    }

    /// The column.
    pub fn column(&self) -> &'a ColumnIndex {
        self.column
    }

    /// Whether the number of a row is in the range; nothing when it has none.
    #[inline]
    pub fn holds(&self, chunk: u32, row: u16) -> Option<bool> {
        let (view, slot) = self.column.find(chunk, row)?;
        Some(self.range.holds(self.domain.key(view, slot)) != self.turned)
    }

    /// Keeps those of some rows of all chunks, ascending, that are in the range. What is found of one row decides no
    /// jump, so that the processor looks at the next ones while it waits for memory.
    pub fn keep(&self, rows: &mut Vec<u32>) {
        let (mut kept, mut next) = (0, 0);
        while let Some(chunk) = rows.get(next).map(|row| row >> 16) {
            let direct = self.column.direct(chunk);
            while let Some(row) = rows.get(next).copied().filter(|row| row >> 16 == chunk) {
                let low = (row & 0xffff) as u16;
                let is_in = match &direct {
                    Some(direct) => direct.is_in(low, self.range, self.turned),
                    None => self.holds(chunk, low) == Some(true),
                };
                if let Some(slot) = rows.get_mut(kept) {
                    *slot = row;
                }
                kept += usize::from(is_in);
                next += 1;
            }
        }
        rows.truncate(kept);
    }

    /// Makes `rows` those of the rows that are asked for, of a chunk, that are in the range.
    pub fn select(&self, chunk: u32, asked: &Bits, asked_count: u32, rows: &mut Bits) {
        rows.clear();
        if self.range.is_empty() && !self.turned {
            return;
        }
        if asked_count < FEW {
            return self.look(chunk, asked, rows);
        }
        if self.column.told(chunk).is_none() && self.by_bins(chunk, asked, rows) {
            return;
        }
        self.column.gather(chunk, rows, |_, tier, rows| self.scan(tier, rows));
        rows.and(asked);
    }

    /// By the bins of a chunk, when it has them.
    fn by_bins(&self, chunk: u32, asked: &Bits, rows: &mut Bits) -> bool {
        let [tier] = self.column.base.tiers(chunk) else { return false };
        if self.turned || !is_worth(tier) {
            return false;
        }
        let Some(bins) = self.column.base.bins(self.domain) else { return false };
        let Some(of_rows) = bins.chunk(chunk) else { return false };
        let mut unsure = Bits::empty();
        bins.binned(self.range).select(of_rows, rows, &mut unsure);
        unsure.and(asked);
        rows.and(asked);
        self.look(chunk, &unsure, rows);
        true
    }

    /// Adds those of some rows that are in the range, looking at each.
    fn look(&self, chunk: u32, some: &Bits, rows: &mut Bits) {
        match self.column.direct(chunk) {
            Some(direct) => some.each(|row| {
                if direct.key(row).is_some_and(|key| self.range.holds(key) != self.turned) {
                    rows.insert(row);
                }
            }),
            None => some.each(|row| {
                if self.holds(chunk, row) == Some(true) {
                    rows.insert(row);
                }
            }),
        }
    }

    /// All rows of a block that are in the range.
    fn scan(&self, tier: &Tier, rows: &mut Bits) {
        rows.clear();
        let view = &tier.view;
        let Some(numbers) = view.numbers() else { return };
        let mut found = Bits::empty();
        for (low, high) in self.domain.stored(self.range, view, numbers.base).into_iter().flatten()
        {
            match numbers.width {
                0 if low == 0 => {
                    let last = u16::try_from(view.count().saturating_sub(1)).unwrap_or(u16::MAX);
                    found.insert_range(0, last);
                }
                0 => continue,
                width => {
                    let most = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
                    if low > most {
                        continue;
                    }
                    found.between(numbers.bytes, width, low, high.min(most));
                }
            }
            rows.or(&found);
        }
        if self.turned {
            found.copy_from(rows);
            rows.clear();
            let last = u16::try_from(view.count().saturating_sub(1)).unwrap_or(u16::MAX);
            rows.insert_range(0, last);
            rows.and_not(&found);
        }
        if let Some(nulls) = view.null_bits() {
            and_not_bytes(rows, nulls);
        }
        view.rows_of_slots(rows);
    }
}
