//! From files to entries.
//!
//! *What it is:* reads files twice: once to learn their content digest, their columns and the types that they show
//! (`plan`), once for the rows (`rows`). *Invariants:* a row's bytes are kept as the file has them; a broken row is
//! named with file and line and the rest loads; memory is bounded by one record. *What it does not know:* the store.
//! *Where to start reading:* `plan_load`.

mod ahead;
mod checks;
mod infer;
mod input;
mod plan;
mod request;
mod rows;
#[cfg(feature = "arrow")]
mod table;
mod transcode;
mod typed;
mod watch;

pub use checks::check_request;
pub use plan::{LineRecord, LoadPlan, plan_load};
pub use request::{
    Breach, BrokenRow, Delimiter, FileReport, Following, Format, Input, LoadReport, LoadRequest,
};
pub use rows::{RawRows, Rows};
pub use typed::{RowSpool, TypedRows};
pub use watch::{Phase, Progress, Watch};
