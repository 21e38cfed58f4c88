//! The first rows of a table that is ordered by one number and cut, found chunk by chunk.
//!
//! *Invariant:* whoever may be among the first is found, with all that are ordered alike with the last.

use super::program::Chosen;
use super::resolved::{Column, Scalar, TableOf};
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::base::workers::Workers;
use crate::index::{KeyRange, Range};
use crate::state::State;

/// About how many nanoseconds a chunk takes in which the first are looked for.
const FIRST_NANOS: u64 = 5_000;

/// The profiles that may be among the first rows of a table that is ordered by one number and cut; nothing when it is
/// no such table, or has not so many profiles with a number. All that are ordered alike with the last are among them.
///
/// # Errors
/// `Corrupt` when a part does not hold.
pub(super) fn first(
    table: &TableOf,
    (state, workers): (&State, &Workers),
    chosen: &Chosen,
) -> Result<Option<Vec<u32>>> {
    let (None, [(column, down)], Some(limit)) =
        (&table.groups, table.order.as_slice(), table.limit)
    else {
        return Ok(None);
    };
    let Some(Column::Value(Scalar::Trait(number))) = table.columns.get(*column) else {
        return Ok(None);
    };
    let column = state.trait_index(*number)?;
    let Some(domain) = column.domain() else { return Ok(None) };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 || limit as u64 > chosen.count() / 4 {
        return Ok(None);
    }
    let none = Best { limit, down: *down, keys: Vec::new(), border: None };
    let nanos = (chosen.chunks().count() as u64).saturating_mul(FIRST_NANOS);
    let found = chosen.shares(workers, nanos, &|chunks| {
        let (mut best, mut rows) = (none.clone(), Bits::empty());
        for (chunk, asked) in chunks {
            let range = Range::new(&column, best.range(), false)?;
            range.select(*chunk, asked, asked.count(), &mut rows);
            let direct = column.direct(*chunk);
            rows.each(|row| {
                let key = match &direct {
                    Some(direct) => direct.key(row),
                    None => column.find(*chunk, row).map(|(view, slot)| domain.key(view, slot)),
                };
                if let Some(key) = key {
                    best.see(key, *chunk << 16 | u32::from(row));
                }
            });
            best.settle();
        }
        Some(best)
    });
    let Some(found) = found.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let mut best = none;
    best.keys = found.into_iter().flat_map(|share| share.keys).collect();
    best.settle();
    let found = best.border.map(|_| best.keys.iter().map(|(_, ordinal)| *ordinal).collect());
    Ok(found)
}

/// The best keys so far.
#[derive(Clone)]
struct Best {
    limit: usize,
    down: bool,
    keys: Vec<(u64, u32)>,
    /// The worst of as many as are wanted.
    border: Option<u64>,
}

impl Best {
    /// The keys that are not worse than the border.
    fn range(&self) -> KeyRange {
        match (self.border, self.down) {
            (None, _) => KeyRange { low: 0, high: u64::MAX },
            (Some(border), true) => KeyRange { low: border, high: u64::MAX },
            (Some(border), false) => KeyRange { low: 0, high: border },
        }
    }

    fn see(&mut self, key: u64, ordinal: u32) {
        if self.range().holds(key) {
            self.keys.push((key, ordinal));
        }
        if self.keys.len() >= self.limit.saturating_mul(4).max(4096) {
            self.settle();
        }
    }

    /// Finds the border anew and forgets what is worse.
    fn settle(&mut self) {
        if self.keys.len() < self.limit {
            return;
        }
        let down = self.down;
        let place = self.limit - 1;
        let worse =
            |a: &(u64, u32), b: &(u64, u32)| if down { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) };
        let (_, (border, _), _) = self.keys.select_nth_unstable_by(place, worse);
        self.border = Some(*border);
        let range = self.range();
        self.keys.retain(|(key, _)| range.holds(*key));
    }
}
