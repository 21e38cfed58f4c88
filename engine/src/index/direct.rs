//! Numbers of a chunk read in place, row by row.

use super::key::{Domain, KeyRange, of_float, of_integer};
use crate::base::bits::Bits;
use crate::base::number::Decimal;
use crate::column::{BlockView, Cell, known_rows};

/// The numbers of a block that has a value for each row from the first of the chunk on, or NULL.
#[derive(Debug, Clone, Copy)]
pub struct Direct<'c> {
    domain: Domain,
    bytes: &'c [u8],
    width: usize,
    base: i64,
    nulls: Option<&'c [u8]>,
    count: usize,
    /// How many digits decimals have behind the point.
    scale: u8,
    /// What the digits of decimals are multiplied by, to have the scale of the domain.
    factor: i64,
}

impl<'c> Direct<'c> {
    pub(super) fn new(domain: Domain, view: &'c BlockView) -> Option<Direct<'c>> {
        let numbers = view.numbers().filter(|_| view.begins() == Some(0))?;
        let factor = match domain {
            Domain::Decimal(scale) => {
                10_i64.checked_pow(u32::from(scale.checked_sub(view.common_scale()?)?))?
            }
            _ => 1,
        };
        Some(Direct {
            domain,
            bytes: numbers.bytes,
            width: usize::from(numbers.width),
            base: numbers.base,
            nulls: view.null_bits(),
            count: view.count(),
            scale: view.common_scale().unwrap_or(0),
            factor,
        })
    }

    /// The number of a row that is not behind the last, whether it stands for NULL or not.
    #[inline]
    fn stored(&self, row: usize) -> Option<u64> {
        Some(match self.width {
            1 => u64::from(*self.bytes.get(row)?),
            2 => u64::from(u16::from_le_bytes(*self.bytes.as_chunks::<2>().0.get(row)?)),
            4 => u64::from(u32::from_le_bytes(*self.bytes.as_chunks::<4>().0.get(row)?)),
            8 => u64::from_le_bytes(*self.bytes.as_chunks::<8>().0.get(row)?),
            _ if row < self.count => 0,
            _ => return None,
        })
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        let null = |nulls: &[u8]| nulls.get(row / 8).map_or(0, |byte| byte >> (row % 8) & 1);
        self.nulls.map_or(0, null) == 1
    }

    /// What the number of a row lies above the least of the block; nothing for NULL.
    #[inline]
    pub fn number(&self, row: usize) -> Option<u64> {
        if row >= self.count || self.is_null(row) { None } else { self.stored(row) }
    }

    /// Which of some rows have a value; nothing when all have.
    pub fn known_at(&self, rows: &[u16]) -> Option<Vec<bool>> {
        if self.nulls.is_none() && rows.iter().all(|row| usize::from(*row) < self.count) {
            return None;
        }
        let known = |row: usize| row < self.count && !self.is_null(row);
        Some(rows.iter().map(|row| known(usize::from(*row))).collect())
    }

    /// The integers of some rows; of one that has no value any. Of floats their bits.
    pub fn integers(&self, rows: &[u16]) -> Vec<i64> {
        fn all<const WIDTH: usize>(
            bytes: &[u8],
            rows: &[u16],
            of: impl Fn(&[u8; WIDTH]) -> u64,
            base: i64,
        ) -> Vec<i64> {
            let (numbers, _) = bytes.as_chunks::<WIDTH>();
            let ends = rows.first().zip(rows.last());
            let ends = ends.map(|(first, last)| usize::from(*first)..usize::from(*last) + 1);
            // Rows that follow one another need no look for each.
            if let Some(some) = ends.filter(|ends| ends.len() == rows.len())
                && let Some(numbers) = numbers.get(some)
            {
                let number = |bytes: &[u8; WIDTH]| base.wrapping_add(of(bytes).cast_signed());
                return numbers.iter().map(number).collect();
            }
            let number = |row: &u16| numbers.get(usize::from(*row)).map_or(0, &of);
            rows.iter().map(|row| base.wrapping_add(number(row).cast_signed())).collect()
        }
        let base = if self.domain == Domain::Float { 0 } else { self.base };
        match self.width {
            1 => all(self.bytes, rows, |[byte]| u64::from(*byte), base),
            2 => all(self.bytes, rows, |bytes| u64::from(u16::from_le_bytes(*bytes)), base),
            4 => all(self.bytes, rows, |bytes| u64::from(u32::from_le_bytes(*bytes)), base),
            8 => all(self.bytes, rows, |bytes| u64::from_le_bytes(*bytes), base),
            _ => vec![base; rows.len()],
        }
    }

    /// The integer of a row, where the numbers are such; nothing for NULL.
    #[inline]
    pub fn integer(&self, row: u16) -> Option<i64> {
        self.number(usize::from(row)).map(|number| self.base.wrapping_add(number.cast_signed()))
    }

    /// Whether numbers above the least of the block fit 32 bits.
    pub fn is_narrow(&self) -> bool {
        self.width <= 4
    }

    /// The sum of so many values whose numbers above the least of the block come to `above`.
    pub fn total(&self, above: u64, count: u64) -> Decimal {
        let coefficient = i128::from(above) + i128::from(self.base) * i128::from(count);
        Decimal { coefficient, scale: self.scale }
    }

    #[inline]
    fn key_of(&self, number: u64) -> u64 {
        if self.domain == Domain::Float {
            return of_float(f64::from_bits(number));
        }
        let value = self.base.wrapping_add(number.cast_signed());
        of_integer(if self.factor == 1 { value } else { value.saturating_mul(self.factor) })
    }

    /// The key of a row; nothing for NULL.
    #[inline]
    pub fn key(&self, row: u16) -> Option<u64> {
        self.number(usize::from(row)).map(|number| self.key_of(number))
    }

    /// Whether the key of a row is in a range, or, when it is turned, another; never for NULL.
    #[inline]
    pub(super) fn is_in(&self, row: u16, range: KeyRange, turned: bool) -> bool {
        let row = usize::from(row);
        let Some(number) = self.stored(row) else { return false };
        let (known, is_in) = (!self.is_null(row), range.holds(self.key_of(number)) != turned);
        known & is_in
    }

    /// The value of a row, with the digits that it was stored with; nothing for NULL.
    #[inline]
    pub fn cell(&self, row: u16) -> Option<Cell<'static>> {
        self.number(usize::from(row)).map(|number| self.cell_of(number))
    }

    #[inline]
    fn cell_of(&self, number: u64) -> Cell<'static> {
        match self.domain {
            Domain::Float => Cell::Float(f64::from_bits(number)),
            Domain::Decimal(_) => {
                let coefficient = i128::from(self.base.wrapping_add(number.cast_signed()));
                Cell::Decimal(Decimal { coefficient, scale: self.scale })
            }
            domain => domain.cell(of_integer(self.base.wrapping_add(number.cast_signed()))),
        }
    }

    /// Those of some rows that have a value.
    pub fn known(&self, rows: &Bits) -> Bits {
        known_rows(rows, self.nulls, self.count)
    }

    /// The floats of all rows, one after another, when the numbers are floats; those of NULL are any.
    pub fn floats(&self) -> Option<&'c [u8]> {
        (self.domain == Domain::Float && self.width == 8).then_some(self.bytes)
    }

    /// The least and the greatest value of some rows, with their keys; the inner nothing when none has a value, the
    /// outer one when the stored numbers do not stand in the order of values.
    pub fn extremes(&self, rows: &Bits) -> Option<Option<[(u64, Cell<'static>); 2]>> {
        let width = u8::try_from(self.width).ok().filter(|width| *width > 0)?;
        let known = self.known(rows);
        let Some((least, greatest)) = known.extremes(self.bytes, width) else { return Some(None) };
        // The bits of what is below nought, of the other nought, and of what is no number are greater.
        let in_order = self.domain != Domain::Float || greatest <= f64::INFINITY.to_bits();
        in_order.then(|| {
            Some([least, greatest].map(|number| (self.key_of(number), self.cell_of(number))))
        })
    }

    /// The float of a row, when the numbers are floats; nothing for NULL.
    #[inline]
    pub fn float(&self, row: u16) -> Option<f64> {
        self.number(usize::from(row)).map(f64::from_bits)
    }
}
