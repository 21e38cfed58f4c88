//! What is asked of the values of a chunk: which rows lie between bounds, and sums, extremes and counts at rows.
//!
//! Values are unsigned little-endian numbers of 1, 2, 4 or 8 bytes, one after the other, anywhere in memory. There are
//! none of another width. Of more values than a chunk has rows, the first 65,536 count.

use super::{AMONG_MAX, Bits, kernels, portable};

impl Bits {
    /// Becomes the rows whose values are no less than `low` and no greater than `high`. Rows past the last value are
    /// not among them.
    pub fn between(&mut self, values: &[u8], width: u8, low: u64, high: u64) {
        // What no value of the width can exceed bounds nothing.
        let most = match width {
            1 => u64::from(u8::MAX),
            2 => u64::from(u16::MAX),
            4 => u64::from(u32::MAX),
            _ => u64::MAX,
        };
        let high = high.min(most);
        if low > high {
            self.clear();
        } else {
            (kernels().between)(&mut self.0, values, width, low, high);
        }
    }

    /// Becomes the rows whose values of one byte are within the first bounds, and makes `other` those within the
    /// second; no lower bound is greater than its upper. Rows past the last value are in neither.
    pub fn between_both(&mut self, other: &mut Bits, values: &[u8], bounds: [(u8, u8); 2]) {
        (kernels().between_both)(&mut self.0, &mut other.0, values, bounds);
    }

    /// Becomes the rows whose values of one byte are among some. Rows past the last value are not among them.
    pub fn among(&mut self, values: &[u8], wanted: &[u8]) {
        if wanted.len() > AMONG_MAX {
            portable::among(&mut self.0, values, wanted);
        } else {
            (kernels().among)(&mut self.0, values, wanted);
        }
    }

    /// The sum of the values at rows, and how many these are. Rows past the last value do not count.
    pub fn sum(&self, values: &[u8], width: u8) -> (u128, u32) {
        (kernels().sum)(&self.0, values, width)
    }

    /// The least and the greatest of the values at rows; none where no row has a value.
    pub fn extremes(&self, values: &[u8], width: u8) -> Option<(u64, u64)> {
        (kernels().extremes)(&self.0, values, width)
    }

    /// Adds to the count of each value how often it stands at a row.
    pub fn histogram(&self, values: &[u8], counts: &mut [u64; 256]) {
        (kernels().histogram)(&self.0, values, counts);
    }
}
