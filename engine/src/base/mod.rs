//! The ground floor: what every other module may use.
//!
//! *What it is:* ids, values, errors, limits, the clock, the codec, all file access, mapped files, parts, what threads
//! meet at, and sets of rows as bits with what is counted of them. *Invariants:* nothing here knows records, profiles
//! or audiences; only `dir` touches the file system and only `clock` the wall clock. *Where to start reading:* `error`,
//! then `dir`.

#[cfg_attr(
    not(feature = "kernels"),
    allow(dead_code, unused_imports, reason = "some of it is asked by benches and fuzzing alone")
)]
pub mod bits;
pub mod calendar;
pub mod clock;
pub mod codec;
pub mod dir;
mod directory;
pub mod error;
pub mod filter;
pub mod ids;
pub mod limits;
pub mod many;
pub mod mmap;
pub mod natural;
pub mod nearest;
pub mod number;
pub mod paged;
pub mod part;
pub mod patience;
pub mod pieces;
#[cfg(test)]
pub mod random;
pub mod row_key;
pub mod search;
pub mod sum;
pub mod sync;
pub mod tagged;
pub mod time;
pub mod value;
pub mod workers;
