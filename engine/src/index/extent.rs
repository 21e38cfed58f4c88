//! The least and the greatest number of a column.

use super::direct::Direct;
use super::key::Domain;
use super::layer::{ColumnIndex, Layer, Tier};
use crate::base::bits::Bits;
use crate::base::time::DAY_MICROS;

/// The least and the greatest key.
pub(super) type Extent = Option<(u64, u64)>;

fn wider(one: Extent, other: Extent) -> Extent {
    match (one, other) {
        (Some((low, high)), Some((least, greatest))) => Some((low.min(least), high.max(greatest))),
        (one, other) => one.or(other),
    }
}

/// Those of a block.
fn of_tier(tier: &Tier, domain: Domain) -> Extent {
    let direct = Direct::new(domain, &tier.view);
    if let Some(found) = direct.and_then(|direct| direct.extremes(&Bits::full())) {
        return found.map(|[(least, _), (greatest, _)]| (least, greatest));
    }
    let slots = (0..tier.view.count()).filter(|slot| !tier.view.is_null(*slot));
    let keys = slots.map(|slot| domain.key(&tier.view, slot));
    keys.fold(None, |extent, key| wider(extent, Some((key, key))))
}

/// Those of all blocks, of rows that newer blocks tell of too.
pub(super) fn of_layer(layer: &Layer, domain: Domain) -> Extent {
    let tiers = layer.chunks.iter().flatten();
    tiers.fold(None, |extent, tier| wider(extent, of_tier(tier, domain)))
}

impl ColumnIndex {
    /// The first and the last day of a column of instants, or of days before and behind them; nothing when it has none.
    pub fn days(&self) -> Option<(i64, i64)> {
        if self.domain() != Some(Domain::Timestamp) {
            return None;
        }
        let found =
            wider(self.base.extent(Domain::Timestamp), of_layer(&self.over, Domain::Timestamp));
        found.map(|(least, greatest)| {
            let day = |key| super::KeyRange::number(key).div_euclid(DAY_MICROS);
            (day(least), day(greatest))
        })
    }
}
