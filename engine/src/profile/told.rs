//! Which rows parts tell of.

use super::{ANCHOR, ROW};
use crate::base::part::{BlockKey, Part};
use crate::column::{ColumnView, Faults};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// All rows that parts tell of, those that died among them.
pub fn rows_told(parts: &[Arc<Part>], space: BlockKey, faults: &Faults) -> RoaringBitmap {
    let mut told = RoaringBitmap::new();
    for field in [ROW, ANCHOR] {
        let column = ColumnView::new(parts.iter(), space.field(field), None, faults);
        for chunk in 0..column.chunks() {
            column.tiers(chunk).iter().for_each(|tier| told |= tier.view.rows(chunk));
        }
    }
    told
}
