//! Writing a column into a part: rows come in ascending order, a block is put for each chunk.

use super::block::{DECIMAL_BYTES, HEADER, LEANING, NARROW_DECIMALS, PACKED};
use super::index::CodeIndex;
use super::packed::{self, Packing};
use super::{CHUNK_BITS, Cell};
use crate::base::error::Result;
use crate::base::number::Decimal;
use crate::base::part::{BlockKey, PartWriter};
use crate::base::value::ValueType;

/// The type of what is no value of a record.
pub const NO_TYPE: u8 = 255;

/// How the values of a column are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// 64-bit integers: also codes, days, instants and booleans.
    Integers,
    /// 64-bit floats.
    Floats,
    /// Exact decimals.
    Decimals,
    /// Sets of codes.
    Sets,
    /// Byte strings.
    Bytes,
    /// 128 bits.
    Wide,
}

impl Layout {
    /// The layout of a type.
    pub fn of(value_type: ValueType) -> Layout {
        match value_type {
            ValueType::Float => Layout::Floats,
            ValueType::Decimal => Layout::Decimals,
            ValueType::Set => Layout::Sets,
            _ => Layout::Integers,
        }
    }
}

/// The values of one chunk.
enum Values {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Decimals(Vec<Decimal>),
    Sets(Vec<u64>, Vec<u32>),
    Bytes(Vec<u64>, Vec<u8>),
    Wide(Vec<u128>),
}

impl Values {
    fn new(layout: Layout) -> Values {
        match layout {
            Layout::Integers => Values::Integers(Vec::new()),
            Layout::Floats => Values::Floats(Vec::new()),
            Layout::Decimals => Values::Decimals(Vec::new()),
            Layout::Sets => Values::Sets(Vec::new(), Vec::new()),
            Layout::Bytes => Values::Bytes(Vec::new(), Vec::new()),
            Layout::Wide => Values::Wide(Vec::new()),
        }
    }
}

/// Puts the values of one column into a part.
pub struct ColumnWriter<'w> {
    part: &'w mut PartWriter,
    key: BlockKey,
    value_type: u8,
    chunk: u32,
    rows: Vec<u16>,
    nulls: Vec<bool>,
    any_null: bool,
    values: Values,
    index: Option<CodeIndex>,
}

impl<'w> ColumnWriter<'w> {
    /// A column of a layout; `value_type` is that of the values of records in it.
    pub fn new(
        part: &'w mut PartWriter,
        key: BlockKey,
        layout: Layout,
        value_type: Option<ValueType>,
    ) -> ColumnWriter<'w> {
        ColumnWriter {
            part,
            key,
            value_type: value_type.map_or(NO_TYPE, |value_type| value_type as u8),
            chunk: 0,
            rows: Vec::new(),
            nulls: Vec::new(),
            any_null: false,
            values: Values::new(layout),
            index: None,
        }
    }

    /// Also keeps the rows of each code, in a part that lasts.
    pub fn indexed(mut self) -> ColumnWriter<'w> {
        let wanted = [ValueType::Text as u8, ValueType::Set as u8, ValueType::Boolean as u8];
        if self.part.is_file() && wanted.contains(&self.value_type) {
            self.index = Some(CodeIndex::default());
        }
        self
    }

    #[inline]
    fn at(&mut self, row: u32, null: bool) -> Result<()> {
        let chunk = row >> CHUNK_BITS;
        if chunk != self.chunk {
            self.flush()?;
            self.chunk = chunk;
        }
        self.rows.push((row & 0xffff) as u16);
        self.nulls.push(null);
        self.any_null |= null;
        Ok(())
    }

    /// NULL.
    ///
    /// # Errors
    /// `Io`, as for all pushes.
    pub fn null(&mut self, row: u32) -> Result<()> {
        self.at(row, true)?;
        match &mut self.values {
            Values::Integers(values) => values.push(values.last().copied().unwrap_or_default()),
            Values::Floats(values) => values.push(0.0),
            Values::Decimals(values) => values.push(values.last().copied().unwrap_or_default()),
            Values::Sets(ends, codes) => ends.push(codes.len() as u64),
            Values::Bytes(ends, bytes) => ends.push(bytes.len() as u64),
            Values::Wide(values) => values.push(0),
        }
        Ok(())
    }

    /// An integer, a day, an instant, a boolean or a code.
    ///
    /// # Errors
    /// `Io`.
    #[inline]
    pub fn integer(&mut self, row: u32, value: i64) -> Result<()> {
        self.at(row, false)?;
        if let Values::Integers(values) = &mut self.values {
            values.push(value);
        }
        if let Some(index) = &mut self.index {
            index.push(u32::try_from(value).unwrap_or(u32::MAX), row);
        }
        Ok(())
    }

    /// A float.
    ///
    /// # Errors
    /// `Io`.
    pub fn float(&mut self, row: u32, value: f64) -> Result<()> {
        self.at(row, false)?;
        if let Values::Floats(values) = &mut self.values {
            values.push(value);
        }
        Ok(())
    }

    /// A decimal.
    ///
    /// # Errors
    /// `Io`.
    pub fn decimal(&mut self, row: u32, value: Decimal) -> Result<()> {
        self.at(row, false)?;
        if let Values::Decimals(values) = &mut self.values {
            values.push(value);
        }
        Ok(())
    }

    /// A set of codes, ascending.
    ///
    /// # Errors
    /// `Io`.
    pub fn codes(&mut self, row: u32, set: impl Iterator<Item = u32>) -> Result<()> {
        self.at(row, false)?;
        if let Values::Sets(ends, codes) = &mut self.values {
            let start = codes.len();
            codes.extend(set);
            ends.push(codes.len() as u64);
            if let Some(index) = &mut self.index {
                codes.iter().skip(start).for_each(|code| index.push(*code, row));
            }
        }
        Ok(())
    }

    /// Bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn bytes(&mut self, row: u32, value: &[u8]) -> Result<()> {
        self.at(row, false)?;
        if let Values::Bytes(ends, bytes) = &mut self.values {
            bytes.extend_from_slice(value);
            ends.push(bytes.len() as u64);
        }
        Ok(())
    }

    /// 128 bits.
    ///
    /// # Errors
    /// `Io`.
    pub fn wide(&mut self, row: u32, value: u128) -> Result<()> {
        self.at(row, false)?;
        if let Values::Wide(values) = &mut self.values {
            values.push(value);
        }
        Ok(())
    }

    /// A value that is neither text nor set, in the type of the column.
    ///
    /// # Errors
    /// `Io`.
    pub fn cell(&mut self, row: u32, cell: Cell<'_>) -> Result<()> {
        match cell {
            Cell::Integer(value) => self.integer(row, value),
            Cell::Boolean(value) => self.integer(row, i64::from(value)),
            Cell::Date(value) => self.integer(row, i64::from(value.0)),
            Cell::Timestamp(value) => self.integer(row, value.0),
            Cell::Decimal(value) => self.decimal(row, value),
            Cell::Float(value) => self.float(row, value),
            Cell::Null | Cell::Text(_) | Cell::Digits(_) | Cell::Set(_) => self.null(row),
        }
    }

    /// Puts the last block, and the index.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        match self.index {
            Some(index) => index.write(self.part, self.key),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let Some(first) = self.rows.first().copied() else { return Ok(()) };
        let count = self.rows.len();
        let last = self.rows.last().copied().unwrap_or(first);
        let listed = usize::from(last - first) + 1 != count;
        let mut out = vec![0; HEADER];
        if listed {
            self.rows.iter().for_each(|row| out.extend_from_slice(&row.to_le_bytes()));
        }
        if self.any_null {
            let start = out.len();
            out.resize(start + count.div_ceil(8), 0);
            for (slot, _) in self.nulls.iter().enumerate().filter(|(_, null)| **null) {
                if let Some(byte) = out.get_mut(start + slot / 8) {
                    *byte |= 1 << (slot % 8);
                }
            }
        }
        let head = match &mut self.values {
            Values::Integers(values) if self.value_type == NO_TYPE => {
                let Packing { base, unit, bits } = packed::pack(&mut out, values);
                Head { kind: PACKED, width: bits, base, unit, ..Head::default() }
            }
            Values::Integers(values) => integers(&mut out, values),
            Values::Floats(values) => {
                values.iter().for_each(|v| out.extend_from_slice(&v.to_bits().to_le_bytes()));
                Head { kind: 1, ..Head::default() }
            }
            Values::Decimals(values) => decimals(&mut out, values),
            Values::Sets(ends, codes) => {
                let width = lengths(&mut out, ends);
                let greatest = codes.iter().max().copied().unwrap_or_default();
                let code_width = width_of(u64::from(greatest)).max(1);
                put_offsets(&mut out, code_width, codes.iter().map(|code| u64::from(*code)));
                codes.clear();
                Head { kind: 3, width, code_width, ..Head::default() }
            }
            Values::Bytes(ends, bytes) => {
                let head = leaning(&mut out, ends);
                out.append(bytes);
                head
            }
            Values::Wide(values) => {
                values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
                Head { kind: 5, ..Head::default() }
            }
        };
        self.put_header(&mut out, &head, listed, first);
        self.part.put(self.key.chunk(self.chunk), &out)?;
        self.clear();
        Ok(())
    }

    fn put_header(&self, out: &mut [u8], head: &Head, listed: bool, first: u16) {
        let count = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let mut header = [0; HEADER];
        let (low, rest) = header.split_at_mut(4);
        low.copy_from_slice(&[head.kind, u8::from(listed), u8::from(self.any_null), head.width]);
        let (numbers, rest) = rest.split_at_mut(12);
        let mut words = [0; 12];
        words.iter_mut().zip(count.to_le_bytes()).for_each(|(to, from)| *to = from);
        words
            .iter_mut()
            .skip(4)
            .zip(u32::from(first).to_le_bytes())
            .for_each(|(to, from)| *to = from);
        let narrow = [head.scale, head.code_width];
        words.iter_mut().skip(8).zip(narrow).for_each(|(to, from)| *to = from);
        numbers.copy_from_slice(&words);
        let (base, rest) = rest.split_at_mut(8);
        base.copy_from_slice(&head.base.to_le_bytes());
        if let Some((first, rest)) = rest.split_first_mut() {
            *first = self.value_type;
            rest.iter_mut().skip(3).zip(head.unit.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        if let Some(place) = out.get_mut(..HEADER) {
            place.copy_from_slice(&header);
        }
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.nulls.clear();
        self.any_null = false;
        match &mut self.values {
            Values::Integers(values) => values.clear(),
            Values::Floats(values) => values.clear(),
            Values::Decimals(values) => values.clear(),
            Values::Sets(ends, _) | Values::Bytes(ends, _) => ends.clear(),
            Values::Wide(values) => values.clear(),
        }
    }
}

/// What the header says of the values.
#[derive(Default)]
struct Head {
    kind: u8,
    width: u8,
    scale: u8,
    /// Bytes of a code of a set.
    code_width: u8,
    base: i64,
    /// Of packed integers; of ends the mean length.
    unit: u32,
}

/// Bytes that the greatest distance from the base needs.
fn width_of(greatest: u64) -> u8 {
    match greatest {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn put_offsets(out: &mut Vec<u8>, width: u8, offsets: impl Iterator<Item = u64>) {
    match width {
        0 => {}
        1 => out.extend(offsets.map(|offset| offset as u8)),
        2 => offsets.for_each(|offset| out.extend_from_slice(&(offset as u16).to_le_bytes())),
        4 => offsets.for_each(|offset| out.extend_from_slice(&(offset as u32).to_le_bytes())),
        _ => offsets.for_each(|offset| out.extend_from_slice(&offset.to_le_bytes())),
    }
}

fn integers(out: &mut Vec<u8>, values: &[i64]) -> Head {
    let base = values.iter().min().copied().unwrap_or_default();
    let greatest = values.iter().max().copied().unwrap_or_default();
    let distance = |value: i64| value.wrapping_sub(base).cast_unsigned();
    let width = width_of(distance(greatest));
    put_offsets(out, width, values.iter().map(|value| distance(*value)));
    Head { kind: 0, width, base, ..Head::default() }
}

fn decimals(out: &mut Vec<u8>, values: &[Decimal]) -> Head {
    let scale = values.first().map_or(0, |value| value.scale);
    let narrow = values
        .iter()
        .map(|value| i64::try_from(value.coefficient).ok().filter(|_| value.scale == scale));
    match narrow.collect::<Option<Vec<i64>>>() {
        Some(narrow) => Head { kind: NARROW_DECIMALS, scale, ..integers(out, &narrow) },
        None => {
            for value in values {
                let bytes: [u8; 16] = value.coefficient.to_le_bytes();
                out.extend_from_slice(&bytes);
                out.push(value.scale);
            }
            debug_assert_eq!(DECIMAL_BYTES, 17);
            Head { kind: 2, ..Head::default() }
        }
    }
}

/// Ends as what they lie above the mean length of all slots up to each, where that takes fewer bytes.
fn leaning(out: &mut Vec<u8>, ends: &[u64]) -> Head {
    let last = ends.last().copied().unwrap_or_default();
    let mean = u32::try_from(last / (ends.len() as u64).max(1)).unwrap_or_default();
    let above = |(slot, end): (i64, &u64)| {
        end.cast_signed().wrapping_sub(slot.wrapping_mul(i64::from(mean)))
    };
    let all = || (1..).zip(ends).map(above);
    let base = all().min().unwrap_or_default();
    let distance = |above: i64| above.wrapping_sub(base).cast_unsigned();
    let width = width_of(all().max().map_or(0, distance));
    if width >= width_of(last) {
        return Head { kind: 4, width: lengths(out, ends), ..Head::default() };
    }
    put_offsets(out, width, all().map(distance));
    Head { kind: LEANING, width, base, unit: mean, ..Head::default() }
}

/// Ends are stored with the bytes that the last one needs.
fn lengths(out: &mut Vec<u8>, ends: &[u64]) -> u8 {
    let width = width_of(ends.last().copied().unwrap_or_default());
    put_offsets(out, width, ends.iter().copied());
    width
}
