//! Rows of a snapshot, for reading many, and which rows parts tell of.

use super::stored::Head;
use super::{ANCHOR, GoldenRow, ROW};
use crate::base::codec;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::{BlockKey, Part};
use crate::column::{ColumnView, Faults};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// The rows of a snapshot, for reading many.
#[derive(Debug)]
pub struct RowView {
    rows: ColumnView,
    anchors: ColumnView,
    faults: Faults,
}

impl RowView {
    /// The rows of parts.
    pub fn new(parts: &[Arc<Part>], space: BlockKey, faults: &Faults) -> RowView {
        let column = |field| ColumnView::new(parts.iter(), space.field(field), None, faults);
        RowView { rows: column(ROW), anchors: column(ANCHOR), faults: faults.clone() }
    }

    /// Everything that is known of a row.
    pub fn row(&self, ordinal: Ordinal) -> GoldenRow {
        let read = |bytes: &[u8]| self.faults.or_note(codec::decode_row(bytes)).unwrap_or_default();
        let row = self.rows.bytes(ordinal.0).map(read);
        row.unwrap_or_else(|| GoldenRow::of_anchor(self.anchors.number(ordinal.0).map(NodeId)))
    }

    /// The nodes of a row, and the one that names it: the row itself is read no further.
    pub fn head(&self, ordinal: Ordinal) -> (Vec<NodeId>, Option<NodeId>) {
        let read = |bytes: &[u8]| {
            let head = self.faults.or_note(codec::decode_row_head::<Head>(bytes));
            head.map(|head| (head.members, head.name)).unwrap_or_default()
        };
        self.rows.bytes(ordinal.0).map(read).unwrap_or_else(|| {
            let anchor = self.anchors.number(ordinal.0).map(NodeId);
            (anchor.into_iter().collect(), anchor)
        })
    }
}

/// All rows that parts tell of, those that died among them.
pub fn rows_told(parts: &[Arc<Part>], space: BlockKey, faults: &Faults) -> RoaringBitmap {
    let mut told = RoaringBitmap::new();
    for field in [ROW, ANCHOR] {
        let column = ColumnView::new(parts.iter(), space.field(field), None, faults);
        for chunk in column.own_chunks() {
            column.tiers(chunk).iter().for_each(|tier| told |= tier.view.rows(chunk));
        }
    }
    told
}
