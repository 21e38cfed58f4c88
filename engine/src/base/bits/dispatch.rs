//! Which kernels run: chosen once, by what the CPU can do.
//!
//! *Invariants:* a table of kernels can only be had after the CPU was asked for the instructions that they are made of.
//! Every table answers what `portable` answers; the tests hold each against scalar code.

use super::floats::{self, FloatUnits, FloatWindow};
use super::{WORDS, portable};
use std::sync::OnceLock;

/// The words of a chunk.
pub(super) type Words = [u64; WORDS];
/// The words of a chunk as they are stored: little-endian, anywhere.
pub(super) type Stored = [[u8; 8]; WORDS];
/// Rows of an array as they are stored.
pub(super) type Rows = [[u8; 2]];
/// Runs as they are stored.
pub(super) type Runs = [[u8; 4]];

/// The least and the greatest of values.
pub(super) type Extremes = Option<(u64, u64)>;

/// The least and the greatest byte of each of two ranges.
pub(super) type TwoRanges = [(u8, u8); 2];

/// A kernel for each thing that is asked of words and values.
pub(super) struct Kernels {
    pub(super) name: &'static str,
    pub(super) count: fn(&Words) -> u32,
    pub(super) count_stored: fn(&Stored) -> u32,
    pub(super) and: fn(&mut Words, &Words),
    pub(super) or: fn(&mut Words, &Words),
    pub(super) and_not: fn(&mut Words, &Words),
    pub(super) and_stored: fn(&mut Words, &Stored),
    pub(super) or_stored: fn(&mut Words, &Stored),
    pub(super) and_not_stored: fn(&mut Words, &Stored),
    pub(super) and_count: fn(&Words, &Words) -> u32,
    pub(super) and_count_mixed: fn(&Words, &Stored) -> u32,
    pub(super) and_count_stored: fn(&Stored, &Stored) -> u32,
    pub(super) runs_count: fn(&Words, &Runs) -> u32,
    pub(super) runs_count_stored: fn(&Stored, &Runs) -> u32,
    /// Of two arrays of which neither is much longer.
    pub(super) arrays_count: fn(&Rows, &Rows) -> u32,
    /// Bounds fit the width, and the lower is no greater than the upper.
    pub(super) between: fn(&mut Words, &[u8], u8, u64, u64),
    /// Values of one byte, for two pairs of bounds, of which the lower is no greater than the upper.
    pub(super) between_both: fn(&mut Words, &mut Words, &[u8], TwoRanges),
    /// Values of one byte that are among some, of which there are at most `AMONG_MAX`.
    pub(super) among: fn(&mut Words, &[u8], &[u8]),
    pub(super) sum: fn(&Words, &[u8], u8) -> (u128, u32),
    pub(super) sum_floats: fn(&Words, &[u8], FloatWindow, &mut Words) -> FloatUnits,
    pub(super) extremes: fn(&Words, &[u8], u8) -> Extremes,
    pub(super) histogram: fn(&Words, &[u8], &mut [u64; 256]),
}

/// What every CPU can do.
static PORTABLE: Kernels = Kernels {
    name: "portable",
    count: portable::count,
    count_stored: portable::count,
    and: portable::and,
    or: portable::or,
    and_not: portable::and_not,
    and_stored: portable::and,
    or_stored: portable::or,
    and_not_stored: portable::and_not,
    and_count: portable::and_count,
    and_count_mixed: portable::and_count,
    and_count_stored: portable::and_count,
    runs_count: portable::runs_count,
    runs_count_stored: portable::runs_count,
    arrays_count: portable::arrays_count,
    between: portable::between,
    between_both: portable::between_both,
    among: portable::among,
    sum: portable::sum,
    sum_floats: floats::sum_floats,
    extremes: portable::extremes,
    histogram: portable::histogram,
};

/// The tables that this CPU can run, the best first.
pub(super) fn every() -> impl Iterator<Item = &'static Kernels> {
    #[cfg(target_arch = "x86_64")]
    let tables = [super::avx512::table(), super::avx2::table(), Some(&PORTABLE)];
    #[cfg(not(target_arch = "x86_64"))]
    let tables = [Some(&PORTABLE)];
    tables.into_iter().flatten()
}

/// The best table that this CPU can run.
pub(super) fn kernels() -> &'static Kernels {
    static CHOSEN: OnceLock<&'static Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| every().next().unwrap_or(&PORTABLE))
}

/// The name of the kernels that run on this CPU.
pub fn chosen() -> &'static str {
    kernels().name
}

/// The names of all kernels that this CPU can run, the best first.
pub fn available() -> impl Iterator<Item = &'static str> {
    every().map(|kernels| kernels.name)
}
