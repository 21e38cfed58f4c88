//! A byte for each row of a column of wide numbers: which of some hundred bins its number is in.
//!
//! A range reads one byte a row instead of eight, and looks at numbers in the two bins alone that its ends are in
//! (candidate checks at bin borders, as in Sinha and Winslett's multi-resolution bitmap indexes, 2007). Bins hold about
//! equally many rows, by a sample, but for some at both ends, which hold few.

use super::key::{Domain, KeyRange};
use super::layer::{Layer, Tier};
use crate::base::bits::Bits;

/// The bin of rows without a number.
const NONE: u8 = 255;
/// Borders at quantiles that are equally far from one another.
const EVEN: usize = 248;
/// One in so many rows lies beyond each further border at both ends: the greatest and the least are asked for often.
const ENDS: [usize; 3] = [1 << 10, 1 << 12, 1 << 14];
const _: () = assert!(EVEN + 2 * ENDS.len() < NONE as usize);
/// Numbers of which quantiles are taken.
const SAMPLE: usize = 1 << 16;
/// A block of so many rows takes longer to put its rows in place than to read all bins.
const MANY: usize = 2048;

/// The bins of the numbers of a column.
#[derive(Debug)]
pub(super) struct Bins {
    pub domain: Domain,
    /// The least key of each bin but the first, ascending.
    bounds: Vec<u64>,
    /// The bins of the rows of a chunk; empty where it has several blocks, or one whose numbers are as quick to read.
    chunks: Vec<Vec<u8>>,
}

/// Whether bins are quicker to read than the numbers of a block: these are wide, or do not stand by row.
pub(super) fn is_worth(tier: &Tier) -> bool {
    let width = tier.view.numbers().map_or(0, |numbers| numbers.width);
    width > 2 || (width > 0 && tier.view.begins() != Some(0) && tier.view.count() > MANY)
}

/// Which bins a range takes.
pub(super) struct Binned {
    /// Those that are in it with all their rows.
    whole: Option<(u8, u8)>,
    /// The first and the last of which any rows may be.
    all: (u8, u8),
}

impl Bins {
    /// The bins of a layer whose numbers are of a domain.
    pub fn new(layer: &Layer, domain: Domain) -> Bins {
        let bounds = bounds(layer, domain);
        let chunks = layer.chunks.iter().map(|tiers| {
            let [tier] = tiers.as_slice() else { return Vec::new() };
            if !is_worth(tier) {
                return Vec::new();
            }
            let mut bins = vec![NONE; 1 << 16];
            for slot in (0..tier.view.count()).filter(|slot| !tier.view.is_null(*slot)) {
                let key = domain.key(&tier.view, slot);
                if let Some(bin) = bins.get_mut(tier.view.row(slot) as usize) {
                    *bin = bounds.partition_point(|bound| *bound <= key) as u8;
                }
            }
            bins
        });
        let chunks = chunks.collect();
        Bins { domain, bounds, chunks }
    }

    fn bin(&self, key: u64) -> u8 {
        self.bounds.partition_point(|bound| *bound <= key) as u8
    }

    /// The bins of the rows of a chunk.
    pub fn chunk(&self, chunk: u32) -> Option<&[u8]> {
        self.chunks.get(chunk as usize).map(Vec::as_slice).filter(|bins| !bins.is_empty())
    }

    /// Which bins a range that is not empty takes.
    pub fn binned(&self, range: KeyRange) -> Binned {
        let (first, last) = (self.bin(range.low), self.bin(range.high));
        let begins = first == 0 && range.low == 0
            || first.checked_sub(1).and_then(|at| self.bounds.get(usize::from(at)))
                == Some(&range.low);
        let ends = match self.bounds.get(usize::from(last)) {
            Some(next) => range.high == next - 1,
            None => range.high == u64::MAX,
        };
        let low = if begins { u16::from(first) } else { u16::from(first) + 1 };
        let high = if ends { i32::from(last) } else { i32::from(last) - 1 };
        let whole = (i32::from(low) <= high).then_some((low as u8, high as u8));
        Binned { whole, all: (first, last) }
    }
}

impl Binned {
    /// Makes `rows` those that are in the range for sure, and `unsure` those that must be looked at.
    pub fn select(&self, bins: &[u8], rows: &mut Bits, unsure: &mut Bits) {
        let (first, last) = self.all;
        match self.whole {
            Some(whole) if whole == self.all => {
                rows.between(bins, 1, u64::from(first), u64::from(last));
                unsure.clear();
            }
            Some(whole) => {
                rows.between_both(unsure, bins, [whole, self.all]);
                unsure.and_not(rows);
            }
            None => {
                rows.clear();
                unsure.between(bins, 1, u64::from(first), u64::from(last));
            }
        }
    }
}

/// The borders between bins: quantiles of a sample that is spread over all chunks.
fn bounds(layer: &Layer, domain: Domain) -> Vec<u64> {
    let tiers: Vec<_> = layer.chunks.iter().filter_map(|tiers| tiers.first()).collect();
    let each = (SAMPLE / tiers.len().max(1)).max(1);
    let mut keys = Vec::with_capacity(SAMPLE);
    for tier in tiers {
        let step = (tier.view.count() / each).max(1);
        let slots = (0..tier.view.count()).step_by(step).filter(|slot| !tier.view.is_null(*slot));
        keys.extend(slots.map(|slot| domain.key(&tier.view, slot)));
    }
    keys.sort_unstable();
    let count = keys.len();
    let even = (1..=EVEN).map(|bin| bin * count / (EVEN + 1));
    let ends = ENDS.into_iter().map(|share| count / share);
    let ends = ends.flat_map(|place| [Some(place), count.checked_sub(1 + place)]).flatten();
    let places = even.chain(ends);
    let mut bounds: Vec<u64> = places.filter_map(|place| keys.get(place).copied()).collect();
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_take_the_bins_that_they_should() {
        let bounds = vec![10, 20, 30];
        let bins = Bins { domain: Domain::Integer, bounds, chunks: Vec::new() };
        for low in 0..40_u64 {
            for high in low..40 {
                let found = bins.binned(KeyRange { low, high });
                for key in 0..40_u64 {
                    let bin = bins.bin(key);
                    let whole = found.whole.is_some_and(|(from, to)| from <= bin && bin <= to);
                    let edge = found.all.0 <= bin && bin <= found.all.1 && !whole;
                    let inside = low <= key && key <= high;
                    assert!(!whole || (inside && !edge));
                    assert!(whole || edge || !inside);
                }
            }
        }
        let all = bins.binned(KeyRange { low: 0, high: u64::MAX });
        assert_eq!((all.whole, all.all), (Some((0, 3)), (0, 3)));
        // No bin is looked at that is in the range with all its rows, and no third one.
        let some = bins.binned(KeyRange { low: 10, high: 25 });
        assert_eq!((some.whole, some.all), (Some((1, 1)), (1, 2)));
    }
}
