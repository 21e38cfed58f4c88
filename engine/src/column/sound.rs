//! Whether the counts inside a block are those of its bytes: asked once for each block of a file, before it is read.
//!
//! A checksum says that bytes are those that were written, not that a writer meant them: a block whose counts do not
//! fit its bytes is no block, and what it claims takes no memory.

use super::block::{
    DECIMAL_BYTES, DECIMALS, HEADER, LEANING, Leaning, NARROW_DECIMALS, PACKED, value_type_of,
};
use super::packed;
use super::write::{Layout, NO_TYPE};
use super::{CHUNK_BITS, index};
use crate::base::bits::MappedBitmap;
use crate::base::codec::{u32_at, u64_at};
use crate::base::number::DECIMAL_DIGITS;
use crate::base::pieces::Soundness;

const CHUNK: usize = 1 << CHUNK_BITS;

/// An unsigned number of a width at an index.
fn number_at(bytes: &[u8], index: usize, width: usize) -> Option<u64> {
    let start = index.checked_mul(width)?;
    let from = bytes.get(start..start.checked_add(width)?)?;
    Some(from.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Whether numbers follow one another in order, up to a last one; with `strictly`, none comes twice.
fn ascend(numbers: impl Iterator<Item = Option<u64>>, strictly: bool, last: Option<u64>) -> bool {
    let mut before: Option<u64> = None;
    for number in numbers {
        let Some(number) = number else { return false };
        if before.is_some_and(|known| number < known || (strictly && number == known)) {
            return false;
        }
        before = Some(number);
    }
    last.is_none_or(|last| before.unwrap_or(0) == last)
}

fn layout_of(kind: u8) -> Option<Layout> {
    Some(match kind {
        0 | PACKED => Layout::Integers,
        1 => Layout::Floats,
        DECIMALS | NARROW_DECIMALS => Layout::Decimals,
        3 => Layout::Sets,
        4 | LEANING => Layout::Bytes,
        5 => Layout::Wide,
        _ => return None,
    })
}

/// Whether a type may have a layout.
fn fits_type(layout: Layout, code: u8) -> bool {
    match value_type_of(code) {
        Some(value_type) => Layout::of(value_type) == layout,
        None => code == NO_TYPE,
    }
}

/// What makes bytes a block of a column: where they begin, for who reads a few slots, and as a whole.
pub(super) const BLOCK: Soundness =
    Soundness { beginning, begins: |bytes| begins(bytes).is_some(), whole: block };

/// How many bytes of a block say which rows it tells of: a slot says the rest of itself.
fn beginning(bytes: &[u8]) -> Option<usize> {
    let count = u32_at(bytes, 4)? as usize;
    let rows = if *bytes.get(1)? > 0 { count.checked_mul(2)? } else { 0 };
    Some(HEADER.checked_add(rows)?.min(bytes.len()))
}

/// Whether the bytes are a block of a column.
pub(super) fn block(bytes: &[u8]) -> bool {
    block_of(bytes).is_some()
}

/// Where the values of a block begin whose header and rows are those of as many bytes.
fn begins(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let byte = |at: usize| header.get(at).copied();
    let (kind, listed, nulls, width) = (byte(0)?, byte(1)?, byte(2)?, usize::from(byte(3)?));
    let (count, first) = (u32_at(header, 4)? as usize, u32_at(header, 8)? as usize);
    let layout = layout_of(kind)?;
    let wide = match kind {
        PACKED => packed::is_width(width) && u32_at(header, 28)? > 0,
        _ => [0, 1, 2, 4, 8].contains(&width),
    };
    let known = listed <= 1 && nulls <= 1 && wide;
    let fits = (1..=CHUNK).contains(&count) && first < CHUNK;
    let typed = fits_type(layout, byte(24)?) && u32::from(byte(12)?) <= DECIMAL_DIGITS;
    (known && fits && typed).then_some(())?;
    let rest = if listed == 1 {
        let (rows, rest) = rest.split_at_checked(count * 2)?;
        ascend((0..count).map(|slot| number_at(rows, slot, 2)), true, None).then_some(())?;
        (number_at(rows, 0, 2)? == first as u64).then_some(rest)?
    } else {
        (first + count <= CHUNK).then_some(rest)?
    };
    let rest = if nulls == 1 { rest.split_at_checked(count.div_ceil(8))?.1 } else { rest };
    let exactly = |each: usize| (rest.len() == count * each).then_some(rest);
    match (layout, kind) {
        (Layout::Floats, _) => exactly(8),
        (Layout::Wide, _) => exactly(16),
        (Layout::Decimals, DECIMALS) => exactly(DECIMAL_BYTES),
        (Layout::Integers, PACKED) => {
            (rest.len() == packed::bytes_for(count, width)).then_some(rest)
        }
        (Layout::Integers | Layout::Decimals, _) => exactly(width),
        (Layout::Sets | Layout::Bytes, _) => {
            let (_, data) = rest.split_at_checked(count * width)?;
            let unit = unit_of(layout, header)?;
            data.len().is_multiple_of(unit).then_some(rest)
        }
    }
}

/// Bytes of what slots of variable length have several of.
fn unit_of(layout: Layout, header: &[u8]) -> Option<usize> {
    let unit = if layout == Layout::Sets { usize::from(*header.get(13)?) } else { 1 };
    [1, 2, 4].contains(&unit).then_some(unit)
}

fn block_of(bytes: &[u8]) -> Option<()> {
    let (header, values) = (bytes.get(..HEADER)?, begins(bytes)?);
    let (kind, width) = (*header.first()?, usize::from(*header.get(3)?));
    let count = u32_at(header, 4)? as usize;
    match (layout_of(kind)?, kind) {
        (Layout::Decimals, DECIMALS) => {
            let mut scales = values.iter().skip(16).step_by(DECIMAL_BYTES);
            scales.all(|scale| u32::from(*scale) <= DECIMAL_DIGITS).then_some(())
        }
        (layout @ (Layout::Sets | Layout::Bytes), _) => {
            let (ends, data) = values.split_at_checked(count * width)?;
            let whole = (data.len() / unit_of(layout, header)?) as u64;
            ascend(ends_of(header, ends, count)?, false, Some(whole)).then_some(())
        }
        _ => Some(()),
    }
}

/// The ends of the slots of a block of variable length.
fn ends_of<'b>(
    header: &'b [u8],
    ends: &'b [u8],
    count: usize,
) -> Option<impl Iterator<Item = Option<u64>> + 'b> {
    let (kind, width) = (*header.first()?, usize::from(*header.get(3)?));
    let leaning = Leaning::of(kind, u64_at(header, 16)?.cast_signed(), u32_at(header, 28)?);
    let number = move |slot: usize| number_at(ends, slot, width);
    Some((0..count).map(move |slot| number(slot).and_then(|number| leaning.end(slot, number))))
}

/// Whether the bytes are a block of the texts that codes stand for.
pub(super) fn texts(bytes: &[u8]) -> bool {
    let head = |at: usize| bytes.get(at).copied();
    let plain = matches!(head(0), Some(4 | LEANING)) && head(1) == Some(0) && head(2) == Some(0);
    let dense = u32_at(bytes, 8) == Some(0) && head(24) == Some(NO_TYPE);
    plain && dense && block(bytes) && texts_of(bytes).is_some()
}

/// Whether what stands between the ends of a block that holds is text.
fn texts_of(bytes: &[u8]) -> Option<()> {
    let (count, width) = (u32_at(bytes, 4)? as usize, usize::from(*bytes.get(3)?));
    let (ends, data) = bytes.get(HEADER..)?.split_at_checked(count * width)?;
    let text = std::str::from_utf8(data).ok()?;
    let mut ends = ends_of(bytes.get(..HEADER)?, ends, count)?;
    let whole = |end: u64| usize::try_from(end).is_ok_and(|end| text.is_char_boundary(end));
    ends.all(|end| end.is_some_and(whole)).then_some(())
}

/// Whether the bytes are one bitmap for each code.
pub(super) fn bitmaps(bytes: &[u8]) -> bool {
    let Some(codes) = u32_at(bytes, 0).map(|codes| codes as usize) else { return false };
    let data = 4 + codes * index::BITMAP_ENTRY;
    let Some(length) = bytes.len().checked_sub(data) else { return false };
    let end = |code: usize| u64_at(bytes, 8 + code * index::BITMAP_ENTRY);
    ascend((0..codes).map(end), true, Some(length as u64))
        && (0..codes).all(|code| {
            let start = if code == 0 { Some(0) } else { end(code - 1) };
            let place = |at: Option<u64>| at.and_then(|at| usize::try_from(at).ok());
            let range = place(start).zip(place(end(code)));
            let stored = u32_at(bytes, 4 + code * index::BITMAP_ENTRY).map(u64::from);
            range.is_some_and(|(from, to)| bitmap(bytes.get(data + from..data + to), stored))
        })
}

/// Whether the bytes are a bitmap of so many rows.
fn bitmap(bytes: Option<&[u8]>, rows: Option<u64>) -> bool {
    let Some(bytes) = bytes.filter(|bytes| MappedBitmap::validate(bytes)) else { return false };
    MappedBitmap::open(bytes).map(|bitmap| bitmap.count()) == rows
}

/// Whether the bytes are the rows of each code.
pub(super) fn postings(bytes: &[u8]) -> bool {
    let Some(codes) = u32_at(bytes, 0).map(|codes| codes as usize) else { return false };
    let Some(length) = bytes.len().checked_sub(4 + codes * 4) else { return false };
    let ends = (0..codes).map(|code| u32_at(bytes, 4 + code * 4).map(u64::from));
    length.is_multiple_of(4) && ascend(ends, false, Some((length / 4) as u64))
}

/// How many chunks the portable form of a bitmap says that it has rows in.
pub fn containers(bitmap: &[u8]) -> Option<usize> {
    // The cookies of <https://github.com/RoaringBitmap/RoaringFormatSpec>.
    let cookie = u32_at(bitmap, 0)?;
    match cookie & 0xffff {
        12_347 => Some((cookie >> 16) as usize + 1),
        _ if cookie == 12_346 => u32_at(bitmap, 4).map(|count| count as usize),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec;
    use crate::base::dir::MemoryDir;
    use crate::base::part::{BlockKey, Part, PartWriter};
    use crate::base::value::{Value, ValueType};
    use crate::column::OpenColumn;
    use std::sync::Arc;

    /// The blocks that a column of values makes, in a file.
    fn blocks_of(value_type: ValueType, rows: &[(u32, Option<Value>)]) -> Vec<(u8, Vec<u8>)> {
        let dir = MemoryDir::new();
        let mut writer = PartWriter::file(crate::base::dir::Dir::append(&dir, "p").unwrap());
        let mut column = OpenColumn::new(value_type);
        rows.iter().for_each(|(row, value)| column.push(*row, value.as_ref()));
        column.write(&mut writer, BlockKey::new(1, 0, 0, 0), None, true).unwrap();
        let digest = writer.into_file(1).unwrap();
        let part = Arc::new(Part::open(&dir, "p", &digest).unwrap());
        let block = |key: BlockKey| (key.form, part.block(key).unwrap().unwrap().to_vec());
        part.keys().map(block).collect()
    }

    fn holds(form: u8, bytes: &[u8]) -> bool {
        match form {
            super::super::TEXTS => texts(bytes),
            super::super::BITMAPS => bitmaps(bytes),
            super::super::POSTINGS => postings(bytes),
            _ => block(bytes),
        }
    }

    #[test]
    fn what_is_written_holds_and_no_other_count_or_length_does() {
        use ValueType::{Boolean, Decimal, Float, Integer, Set, Text};
        let value = |value_type: ValueType, n: u32| match value_type {
            Text => Value::Text(format!("t{}", n % 7)),
            Set => Value::Set(vec![format!("a{}", n % 3), format!("b{}", n % 5)]),
            Float => Value::Float(f64::from(n)),
            Decimal => Value::Decimal(crate::base::number::Decimal::from(i64::from(n))),
            Boolean => Value::Boolean(n.is_multiple_of(2)),
            _ => Value::Integer(i64::from(n) * 70_000),
        };
        for value_type in [Text, Set, Float, Decimal, Boolean, Integer] {
            for step in [1, 3] {
                let null = |n: u32| n % 11 == 5;
                let cell = |n: u32| (n * step, (!null(n)).then(|| value(value_type, n)));
                let rows: Vec<_> = (0..40).map(cell).collect();
                for (form, bytes) in blocks_of(value_type, &rows) {
                    assert!(holds(form, &bytes), "{value_type:?} {form}");
                    for length in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 8]) {
                        let mut other = bytes.clone();
                        other.resize(length, 0);
                        assert!(!holds(form, &other), "{value_type:?} {form} {length}");
                    }
                    let counts = if form < 2 { 4..8 } else { 0..4 };
                    for at in counts {
                        for flip in [1, 2, 16, 128, 255] {
                            let mut other = bytes.clone();
                            other[at] ^= flip;
                            assert!(!holds(form, &other), "{value_type:?} {form} {at} {flip}");
                        }
                    }
                }
            }
        }
        assert_eq!(containers(&codec::digest(b"")), None);
    }
}
