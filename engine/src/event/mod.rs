//! What persons did: one table for each event type; in the same form what was said of them, and quarantine.
//!
//! *What it is:* rows that never change, each of the identifier that its record named first: `OpenTable` gathers them,
//! a part has them in the order of time with a second order by identifier, `TableView` reads them. *Invariants:* a join
//! or split of profiles changes no row; what a row does not have is NULL. *What it does not know:* which profile an
//! identifier belongs to. *Where to start reading:* `TableView`.

#[cfg(test)]
mod congruence;
mod index;
mod merge;
mod open;
mod ordered;
mod values;
mod view;

pub use index::{EventChunk, EventIndex};
pub use merge::merge_table;
pub use open::{EventRow, OpenTable};
pub use ordered::{Kind, Ordered};
pub use values::Values;
pub use view::{TablePart, TableView};

/// The identifier of a row.
const NODE: u32 = 0;
/// When it happened.
const TIME: u32 = 1;
/// Whether its record named a time, and a message id, and whether it is a row of a child table.
const FLAGS: u32 = 2;
/// Who said so.
const SOURCE: u32 = 3;
/// The record in the log.
const POSITION: u32 = 4;
/// The message id: the text that the source gave, or the 16 bytes of a generated one that has no stem.
const MESSAGE: u32 = 5;
/// What is kept of a row as bytes.
const BYTES: u32 = 6;
/// Of a generated message id that is a stem and a number the position less the number, and the stem in digits.
const LAG: u32 = 7;
/// See `LAG`.
const STEM: u32 = 8;
/// The first property.
const PROPERTY: u32 = 16;
/// The form of the block that says how many rows there are.
const HEAD: u8 = 8;
/// The form of the blocks with the rows by identifier.
const BY_NODE: u8 = 9;
/// In files, where the rows of each group of identifiers begin in their order: how many bits number an identifier
/// within its group, the first and the last group, a place for each, where the rows without an identifier begin, and
/// where they end. Rows of that order are then behind the bits that number their identifier, so that who looks for one
/// reads two places and a few rows that stand together, and nothing all over the table.
const GROUPS: u8 = 10;
/// About so many rows a group has.
const GROUP_ROWS: u64 = 16;
/// Numbers that stand before the places.
const GROUPS_HEAD: u32 = 3;
/// Rows below which a table has no groups: its identifiers stand together anyway.
const GROUPED_ROWS_MIN: u32 = 4096;
/// What stands for no identifier.
const NO_NODE: u32 = u32::MAX;

const DATED: u8 = 1;
const GIVEN_ID: u8 = 2;
const CHILD: u8 = 4;
