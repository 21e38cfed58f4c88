//! One block of a column: which rows of a chunk it tells of, which of them are NULL, and their values.
//!
//! Layout, little-endian: a header of 32 bytes (kind, selector, NULLs, width, count, first row, base, type), the rows
//! (none when they follow one another), a bit for each NULL, the values. Integers are the base plus 0, 1, 2, 4 or 8
//! bytes (frame of reference: Zukowski and others, 2006); those of the engine itself take bits instead (`packed`), and
//! the header has their unit at 28. Where bytes of a slot end is a number of this kind, too: what it lies above the
//! base and the mean length, which stands at 28, of all slots up to it.

use super::packed::Packing;
use super::sound;
use super::write::Layout;
use crate::base::bits;
use crate::base::error::Result;
use crate::base::number::{DECIMAL_DIGITS, Decimal};
use crate::base::part::{Block, BlockKey, Part};
use crate::base::value::ValueType;
use roaring::RoaringBitmap;
use std::ops::Range;
use std::sync::Arc;

pub(super) const HEADER: usize = 32;
/// Decimals with a scale each.
pub(super) const DECIMALS: u8 = 2;
/// Decimals of one scale whose digits fit 64 bits.
pub(super) const NARROW_DECIMALS: u8 = 6;
pub(super) const DECIMAL_BYTES: usize = 17;
/// Integers of the engine itself, in bits.
pub(super) const PACKED: u8 = 7;

/// Bytes whose ends lean on a mean length.
pub(super) const LEANING: u8 = 8;

/// Where slots of variable length end: what their numbers are added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Leaning {
    /// What the numbers lie above.
    pub base: i64,
    /// The length that each slot has, about.
    pub mean: u32,
}

impl Leaning {
    /// Of a block of a kind, by its header.
    pub(super) fn of(kind: u8, base: i64, mean: u32) -> Leaning {
        if kind == LEANING { Leaning { base, mean } } else { Leaning::default() }
    }

    /// Where a slot ends, by its number.
    #[inline]
    pub(super) fn end(self, slot: usize, number: u64) -> Option<u64> {
        let slots = i64::try_from(slot).ok()?.checked_add(1)?;
        let leaning = slots.checked_mul(i64::from(self.mean))?.checked_add(self.base)?;
        number.checked_add_signed(leaning)
    }
}

/// What memory is asked for before it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Near {
    /// Where the value of a slot stands: of bytes where they end.
    Place,
    /// The bytes of a slot, when where they end has come.
    Bytes,
}

/// A block that is being read.
#[derive(Debug, Clone)]
pub struct BlockView {
    block: Block,
    kind: u8,
    pub(super) listed: bool,
    pub(super) nulls: Option<usize>,
    pub(super) width: u8,
    pub(super) count: usize,
    pub(super) first: u32,
    pub(super) base: i64,
    packing: Option<Packing>,
    leaning: Leaning,
    value_type: Option<ValueType>,
    pub(super) values: usize,
}

pub(super) fn value_type_of(code: u8) -> Option<ValueType> {
    use ValueType::{Boolean, Date, Decimal, Float, Integer, Set, Text, Timestamp};
    [Text, Integer, Decimal, Float, Boolean, Date, Timestamp, Set]
        .into_iter()
        .find(|value_type| *value_type as u8 == code)
}

/// A block of a column of a part, which holds.
///
/// # Errors
/// `Corrupt` when it does not.
pub fn block_of(part: &Arc<Part>, key: BlockKey) -> Result<Option<BlockView>> {
    let Some(block) = part.sound_block(key, sound::block)? else { return Ok(None) };
    BlockView::new(block).map(Some).ok_or_else(|| part.damaged())
}

/// The same of which little is read: who looks at a slot asks `holds` first.
///
/// # Errors
/// `Corrupt` when it does not hold as far as it says which rows it tells of.
pub(super) fn begun_block(part: &Arc<Part>, key: BlockKey) -> Result<Option<BlockView>> {
    let Some(begun) = part.begun(key, &sound::BLOCK)? else { return Ok(None) };
    BlockView::new(begun.block(part)).map(Some).ok_or_else(|| part.damaged())
}

/// A block of a column that a part has in a layout, the rows of which follow one another from the first of the chunk,
/// for who reads few of them: what is read of a slot `holds`, or the block is damaged.
///
/// # Errors
/// `Corrupt` when it does not hold as far as it says which rows it has, or is another.
pub fn dense_block(part: &Arc<Part>, key: BlockKey, layout: Layout) -> Result<Option<BlockView>> {
    let Some(view) = begun_block(part, key)? else { return Ok(None) };
    let view = Some(view).filter(|view| view.layout() == layout && view.is_dense());
    view.ok_or_else(|| part.damaged()).map(Some)
}

/// Whether the bytes of a block that holds tell of a row of the chunk; to be asked of many blocks, of which few do.
pub(super) fn tells_of(bytes: &[u8], row: u32) -> bool {
    let number = |at: usize| crate::base::codec::u32_at(bytes, at).unwrap_or_default();
    let (count, first) = (number(4), number(8));
    let Some(distance) = row.checked_sub(first) else { return false };
    if bytes.get(1) != Some(&1) {
        return distance < count;
    }
    let rows = bytes.get(HEADER..HEADER + count as usize * 2).unwrap_or_default();
    let (rows, _) = rows.as_chunks::<2>();
    rows.binary_search_by_key(&row, |row| u32::from(u16::from_le_bytes(*row))).is_ok()
}

impl BlockView {
    /// Reads the header of a block whose checksum held.
    pub fn new(block: Block) -> Option<BlockView> {
        let header = block.get(..HEADER)?;
        let byte = |at: usize| header.get(at).copied();
        let number = |at: usize| crate::base::codec::u32_at(header, at);
        let (kind, listed, width) = (byte(0)?, byte(1)? == 1, byte(3)?);
        let (count, first) = (number(4)? as usize, number(8)?);
        let base = crate::base::codec::u64_at(header, 16)?.cast_signed();
        let value_type = value_type_of(byte(24)?);
        let unit = number(28)?;
        let packing = (kind == PACKED).then_some(Packing { base, unit, bits: width });
        let mut values = HEADER + if listed { count * 2 } else { 0 };
        let nulls = (byte(2)? == 1).then_some(values);
        if nulls.is_some() {
            values += count.div_ceil(8);
        }
        Some(BlockView {
            kind,
            listed,
            nulls,
            width,
            count,
            first,
            base,
            packing,
            leaning: Leaning::of(kind, base, unit),
            value_type,
            values,
            block,
        })
    }

    /// How many rows it tells of.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The type of its values; none for what is no value of a record.
    pub fn value_type(&self) -> Option<ValueType> {
        self.value_type
    }

    /// Whether its rows follow one another from the first of the chunk.
    pub(super) fn is_dense(&self) -> bool {
        !self.listed && self.first == 0
    }

    /// Whether its integers stand in bits.
    pub(super) fn is_packed(&self) -> bool {
        self.packing.is_some()
    }

    /// How values are laid out.
    pub fn layout(&self) -> Layout {
        match self.kind {
            0 | PACKED => Layout::Integers,
            1 => Layout::Floats,
            3 => Layout::Sets,
            4 | LEANING => Layout::Bytes,
            5 => Layout::Wide,
            _ => Layout::Decimals,
        }
    }

    pub(super) fn slice(&self, start: usize, length: usize) -> Option<&[u8]> {
        self.block.get(start..start.checked_add(length)?)
    }

    fn u16_at(&self, start: usize) -> u16 {
        let bytes = self.slice(start, 2).and_then(|b| b.try_into().ok());
        u16::from_le_bytes(bytes.unwrap_or_default())
    }

    fn u32_at(&self, start: usize) -> u32 {
        let bytes = self.slice(start, 4).and_then(|b| b.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default())
    }

    fn u64_at(&self, start: usize) -> u64 {
        let bytes = self.slice(start, 8).and_then(|b| b.try_into().ok());
        u64::from_le_bytes(bytes.unwrap_or_default())
    }

    /// The row of a slot, within the chunk.
    #[inline]
    pub fn row(&self, slot: usize) -> u32 {
        if self.listed {
            u32::from(self.u16_at(HEADER + slot * 2))
        } else {
            self.first + u32::try_from(slot).unwrap_or(u32::MAX)
        }
    }

    /// The slot of a row of the chunk, if the block tells of it.
    #[inline]
    pub fn slot(&self, row: u32) -> Option<usize> {
        if !self.listed {
            let slot = row.checked_sub(self.first)? as usize;
            return (slot < self.count).then_some(slot);
        }
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.row(middle).cmp(&row) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Whether the value of a slot is NULL.
    #[inline]
    pub fn is_null(&self, slot: usize) -> bool {
        let Some(nulls) = self.nulls else { return false };
        self.block.get(nulls + slot / 8).is_some_and(|byte| byte >> (slot % 8) & 1 == 1)
    }

    #[inline]
    fn offset(&self, at: usize, index: usize, width: u8) -> u64 {
        match width {
            0 => 0,
            1 => u64::from(self.block.get(at + index).copied().unwrap_or_default()),
            2 => u64::from(self.u16_at(at + index * 2)),
            4 => u64::from(self.u32_at(at + index * 4)),
            _ => self.u64_at(at + index * 8),
        }
    }

    /// The integer of a slot.
    #[inline]
    pub fn integer(&self, slot: usize) -> i64 {
        let Some(packing) = self.packing else {
            return self
                .base
                .wrapping_add(self.offset(self.values, slot, self.width).cast_signed());
        };
        let (at, shift) = packing.place(slot);
        // Numbers of no bits have no bytes, and what is behind the block is none of theirs.
        packing.value(self.u64_at(self.values + at), shift)
    }

    /// The code or row number of a slot.
    #[inline]
    pub fn number(&self, slot: usize) -> u32 {
        u32::try_from(self.integer(slot)).unwrap_or(u32::MAX)
    }

    /// The float of a slot.
    #[inline]
    pub fn float(&self, slot: usize) -> f64 {
        f64::from_bits(self.u64_at(self.values + slot * 8))
    }

    /// The decimal of a slot.
    pub fn decimal(&self, slot: usize) -> Decimal {
        if self.kind == NARROW_DECIMALS {
            let scale = self.first_byte_of_scale();
            return Decimal { coefficient: i128::from(self.integer(slot)), scale };
        }
        let start = self.values + slot * DECIMAL_BYTES;
        let coefficient = self.slice(start, 16).and_then(|b| b.try_into().ok());
        let scale = self.block.get(start + 16).copied().unwrap_or_default();
        Decimal { coefficient: i128::from_le_bytes(coefficient.unwrap_or_default()), scale }
    }

    /// The scale that all its decimals have, when their digits are stored as integers.
    pub fn common_scale(&self) -> Option<u8> {
        (self.kind == NARROW_DECIMALS).then(|| self.first_byte_of_scale())
    }

    /// Bytes of a code of a set.
    fn code_width(&self) -> u8 {
        self.block.get(13).copied().unwrap_or_default()
    }

    fn first_byte_of_scale(&self) -> u8 {
        self.block.get(12).copied().unwrap_or_default()
    }

    /// The 128 bits of a slot.
    pub fn wide(&self, slot: usize) -> u128 {
        let bytes = self.slice(self.values + slot * 16, 16).and_then(|b| b.try_into().ok());
        u128::from_le_bytes(bytes.unwrap_or_default())
    }

    /// The same, with a note when it is not what was written.
    pub(super) fn sound_wide(&self, slot: usize, sound: &std::cell::Cell<bool>) -> u128 {
        if !self.holds(slot) {
            sound.set(false);
        }
        self.wide(slot)
    }

    /// Where a slot of variable length begins and ends behind the table of ends.
    fn ends(&self, slot: usize) -> (usize, usize) {
        let end = |index: usize| {
            let end = self.leaning.end(index, self.offset(self.values, index, self.width));
            end.and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX)
        };
        (if slot == 0 { 0 } else { end(slot - 1) }, end(slot))
    }

    /// Whether what is read of a slot is what was written: to be asked of a block that has begun before each look.
    #[inline]
    pub fn holds(&self, slot: usize) -> bool {
        self.block.is_whole() || self.pieces_hold(slot)
    }

    fn pieces_hold(&self, slot: usize) -> bool {
        if let Some(nulls) = self.nulls
            && !self.block.holds(&(nulls + slot / 8..nulls + slot / 8 + 1))
        {
            return false;
        }
        self.is_null(slot)
            || self.place_of(slot).is_some_and(|place| self.block.holds(&place))
                && (self.kind != DECIMALS || u32::from(self.decimal(slot).scale) <= DECIMAL_DIGITS)
    }

    /// Which bytes the value of a slot stands in; nothing where it says of itself what cannot be.
    fn place_of(&self, slot: usize) -> Option<Range<usize>> {
        let each = |bytes: usize| {
            let start = self.values + slot * bytes;
            Some(start..start + bytes)
        };
        match self.layout() {
            Layout::Bytes | Layout::Sets => {
                let width = usize::from(self.width);
                let first = self.values + slot.saturating_sub(1) * width;
                if !self.block.holds(&(first..self.values + (slot + 1) * width)) {
                    return None;
                }
                let unit = if self.layout() == Layout::Sets { self.code_width().into() } else { 1 };
                let data = self.values + self.count * width;
                let (start, end) = self.ends(slot);
                let place = |end: usize| end.checked_mul(unit)?.checked_add(data);
                let (start, end) = (place(start)?, place(end)?);
                (start <= end && end <= self.block.len()).then_some(start..end)
            }
            Layout::Integers if self.packing.is_some() => {
                let start = self.values + self.packing.map_or(0, |packing| packing.place(slot).0);
                Some(start..(start + 8).min(self.block.len()))
            }
            Layout::Decimals if self.kind == DECIMALS => each(DECIMAL_BYTES),
            Layout::Integers | Layout::Decimals => each(usize::from(self.width)),
            Layout::Floats => each(8),
            Layout::Wide => each(16),
        }
    }

    /// The bytes of a slot.
    pub fn bytes(&self, slot: usize) -> &[u8] {
        let (start, end) = self.ends(slot);
        let data = self.values + self.count * usize::from(self.width);
        self.block.get(data.saturating_add(start)..data.saturating_add(end)).unwrap_or_default()
    }

    /// Asks for the memory that tells of a slot.
    pub(super) fn bring_near(&self, slot: usize, near: Near) {
        match near {
            Near::Place => self.bring_place_near(slot),
            Near::Bytes => bits::bring_near(self.bytes(slot)),
        }
    }

    fn bring_place_near(&self, slot: usize) {
        let (start, length) = match self.layout() {
            Layout::Integers if self.packing.is_some() => {
                (self.packing.map_or(0, |packing| packing.place(slot).0), 8)
            }
            Layout::Wide => (slot * 16, 16),
            Layout::Floats => (slot * 8, 8),
            _ => (slot * usize::from(self.width), usize::from(self.width)),
        };
        bits::bring_near(self.slice(self.values + start, length).unwrap_or_default());
        if let Some(nulls) = self.nulls {
            bits::bring_near(self.slice(nulls + slot / 8, 1).unwrap_or_default());
        }
    }

    /// How many codes the set of a slot has.
    pub fn code_count(&self, slot: usize) -> usize {
        let (start, end) = self.ends(slot);
        end.saturating_sub(start)
    }

    /// A code of the set of a slot.
    pub fn code(&self, slot: usize, index: usize) -> Option<u32> {
        let (start, end) = self.ends(slot);
        let data = self.values + self.count * usize::from(self.width);
        let code = || self.offset(data, start + index, self.code_width());
        (start + index < end).then(|| u32::try_from(code()).unwrap_or(u32::MAX))
    }

    /// The greatest code of the set of a slot.
    pub(super) fn last_code(&self, slot: usize) -> Option<u32> {
        self.code(slot, self.code_count(slot).checked_sub(1)?)
    }

    /// Whether it tells of the same rows as another block, and has a value for the same ones of them.
    pub(super) fn tells_as(&self, other: &BlockView) -> bool {
        let head = |block: &BlockView| (block.count, block.first, block.listed, block.nulls);
        let same = |to: usize| self.block.get(HEADER..to) == other.block.get(HEADER..to);
        head(self) == head(other) && same(self.values)
    }

    /// The rows of the whole space that it tells of, when it is of a chunk.
    pub fn rows(&self, chunk: u32) -> RoaringBitmap {
        let start = chunk << super::CHUNK_BITS;
        let mut rows = RoaringBitmap::new();
        if !self.listed && self.count > 0 {
            let first = start + self.first;
            rows.insert_range(first..=first + u32::try_from(self.count - 1).unwrap_or(0));
            return rows;
        }
        (0..self.count).for_each(|slot| {
            rows.insert(start + self.row(slot));
        });
        rows
    }

    /// The rows of the whole space that have a value, when it is of a chunk.
    pub fn present(&self, chunk: u32) -> RoaringBitmap {
        let mut rows = self.rows(chunk);
        if self.nulls.is_some() {
            let start = chunk << super::CHUNK_BITS;
            for slot in (0..self.count).filter(|slot| self.is_null(*slot)) {
                rows.remove(start + self.row(slot));
            }
        }
        rows
    }
}
