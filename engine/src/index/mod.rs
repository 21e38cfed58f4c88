//! Indexes: from a value or a range of values to the rows of a chunk.
//!
//! *What it is:* `ColumnIndex`, a column over the parts of a snapshot in a form that threads share and that is asked
//! chunk by chunk; `Codes`, rows with one of some texts, by the bitmaps and lists that parts store; `Range`, rows with
//! a number between two; `Labels`, the values that groups are made by. *Invariants:* for each row the newest part that
//! tells of it decides; a bitmap is believed after it was validated, once for each opening of its part. *What it does
//! not know:* what its rows stand for, and conditions. *Where to start reading:* `ColumnIndex`, then `Codes::select`.

mod bins;
mod codes;
mod direct;
mod extent;
mod key;
mod labels;
mod layer;
mod range;
mod table;
#[cfg(test)]
mod tests;

pub use codes::Codes;
pub use direct::Direct;
pub use key::{Domain, KeyRange};
pub use labels::{LabelBytes, Labels};
pub use layer::{ColumnIndex, Layer};
pub use range::Range;
pub use table::{Table, Truths};
