//! Typed values by row, in parts.
//!
//! *What it is:* `Cell`, one value; `ColumnWriter`, which puts the values of a column into a part, 65,536 rows a block;
//! `ColumnView`, which reads a column over all parts of a snapshot, the newest first. *Invariants:* a block has one
//! type, and a column is read in the widest type that its catalog names; the codes of a text column are in the order of
//! its texts. *What it does not know:* what its rows stand for. *Where to start reading:* `ColumnView::cell`.

mod beside;
mod block;
mod chunk;
#[cfg(test)]
pub mod congruence;
mod dictionary;
mod index;
mod keys;
mod merge;
mod open;
mod packed;
mod point;
mod sorted;
mod sound;
mod spread;
mod stored;
mod view;
mod write;

pub use block::{BlockView, Near, block_of};
pub use chunk::{and_not_bytes, known_rows};
pub use dictionary::Dictionary;
pub use index::RowsByCode;
pub use keys::{find_key, find_keys, merge_keys, write_fences, write_keys, write_sorted};
pub use merge::{ColumnMerge, Keeping, merge_column, release};
pub use open::OpenColumn;
pub use point::{Point, integers_of};
pub use sorted::SortedKeys;
pub use sound::containers;
pub use stored::Stored;
pub use view::{ColumnView, Faults, Tier, rows_in};
pub use write::{ColumnWriter, Layout};

use crate::base::number::Decimal;
use crate::base::time::{Date, Timestamp};
use crate::base::value::{Value, ValueType, compare_floats};
use std::cmp::Ordering;

/// Rows of a block, as a power of two: a chunk.
pub const CHUNK_BITS: u32 = 16;
/// Whether a row is the first of a chunk.
pub const fn begins_chunk(row: u32) -> bool {
    row & ((1 << CHUNK_BITS) - 1) == 0
}

/// The form of a block with the texts that the codes of a column stand for.
pub const TEXTS: u8 = 1;
/// The form of a block with one bitmap for each code.
pub const BITMAPS: u8 = 2;
/// The form of a block with the rows of each code.
pub const POSTINGS: u8 = 3;
/// The form of a block with sorted keys.
pub const KEYS: u8 = 4;
/// The form of a block with the rows of sorted keys.
pub const ROWS: u8 = 5;
/// The form of a block with the first key of each block of keys.
pub const FENCES: u8 = 6;
/// The form of a block with the filter in front of keys.
pub const FILTER: u8 = 7;

/// A value in a column, borrowed, or NULL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Nothing was said.
    Null,
    /// Text.
    Text(&'a str),
    /// Text of 32 hexadecimal digits that is written nowhere: a generated message id.
    Digits([u8; 32]),
    /// An integer.
    Integer(i64),
    /// A decimal.
    Decimal(Decimal),
    /// A float.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A day.
    Date(Date),
    /// An instant.
    Timestamp(Timestamp),
    /// A set of texts.
    Set(SetCell<'a>),
}

/// A set of texts: in a column, or a value of its own.
#[derive(Debug, Clone, Copy)]
pub enum SetCell<'a> {
    /// Codes in a block, ascending, into the dictionary of its part.
    Codes(&'a BlockView, usize, &'a Dictionary),
    /// Texts, sorted.
    Texts(&'a [String]),
}

impl<'a> SetCell<'a> {
    fn len(self) -> usize {
        match self {
            SetCell::Codes(block, slot, _) => block.code_count(slot),
            SetCell::Texts(texts) => texts.len(),
        }
    }

    /// The texts, sorted.
    pub fn texts(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).filter_map(move |index| match self {
            SetCell::Codes(block, slot, texts) => texts.text(block.code(slot, index)?),
            SetCell::Texts(texts) => texts.get(index).map(String::as_str),
        })
    }

    /// Whether a text is in the set.
    pub fn holds(self, text: &str) -> bool {
        match self {
            SetCell::Codes(..) => self.texts().any(|known| known == text),
            SetCell::Texts(texts) => texts.iter().any(|known| known == text),
        }
    }
}

impl PartialEq for SetCell<'_> {
    fn eq(&self, other: &SetCell<'_>) -> bool {
        self.texts().eq(other.texts())
    }
}

impl<'a> Cell<'a> {
    /// The cell of a value.
    pub fn of(value: &'a Value) -> Cell<'a> {
        match value {
            Value::Text(text) => Cell::Text(text),
            Value::Integer(i) => Cell::Integer(*i),
            Value::Decimal(d) => Cell::Decimal(*d),
            Value::Float(f) => Cell::Float(*f),
            Value::Boolean(b) => Cell::Boolean(*b),
            Value::Date(d) => Cell::Date(*d),
            Value::Timestamp(t) => Cell::Timestamp(*t),
            Value::Set(texts) => Cell::Set(SetCell::Texts(texts)),
        }
    }

    /// The value, owned; nothing for NULL.
    pub fn to_value(self) -> Option<Value> {
        Some(match self {
            Cell::Null => return None,
            Cell::Text(_) | Cell::Digits(_) => Value::Text(self.text()?.to_owned()),
            Cell::Integer(i) => Value::Integer(i),
            Cell::Decimal(d) => Value::Decimal(d),
            Cell::Float(f) => Value::Float(f),
            Cell::Boolean(b) => Value::Boolean(b),
            Cell::Date(d) => Value::Date(d),
            Cell::Timestamp(t) => Value::Timestamp(t),
            Cell::Set(set) => Value::Set(set.texts().map(str::to_owned).collect()),
        })
    }

    /// The cell in a wider type, as `ValueType::widened` allows; as it is when it has that type already.
    pub fn widened(self, wanted: ValueType) -> Cell<'a> {
        match (self, wanted) {
            (Cell::Integer(i), ValueType::Decimal) => Cell::Decimal(Decimal::from(i)),
            (Cell::Integer(i), ValueType::Float) => Cell::Float(i as f64),
            (Cell::Decimal(d), ValueType::Float) => Cell::Float(d.to_f64()),
            (Cell::Date(d), ValueType::Timestamp) => Cell::Timestamp(d.midnight()),
            (cell, _) => cell,
        }
    }

    /// Whether it is NULL.
    pub fn is_null(self) -> bool {
        self == Cell::Null
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            Cell::Digits(digits) => std::str::from_utf8(digits).ok(),
            _ => None,
        }
    }

    fn as_decimal(self) -> Option<Decimal> {
        match self {
            Cell::Integer(i) => Some(Decimal::from(i)),
            Cell::Decimal(d) => Some(d),
            _ => None,
        }
    }

    fn as_float(self) -> Option<f64> {
        match self {
            Cell::Integer(i) => Some(i as f64),
            Cell::Decimal(d) => Some(d.to_f64()),
            Cell::Float(f) => Some(f),
            _ => None,
        }
    }

    fn as_instant(self) -> Option<Timestamp> {
        match self {
            Cell::Date(d) => Some(d.midnight()),
            Cell::Timestamp(t) => Some(t),
            _ => None,
        }
    }

    /// The order of two values; nothing when one is NULL or their types do not compare.
    ///
    /// Integers and decimals compare exactly; beside a float both are floats. A day is its midnight beside an instant.
    pub fn compare(self, other: Cell<'_>) -> Option<Ordering> {
        match (self, other) {
            (Cell::Text(a), Cell::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Cell::Integer(a), Cell::Integer(b)) => Some(a.cmp(&b)),
            (Cell::Boolean(a), Cell::Boolean(b)) => Some(a.cmp(&b)),
            (Cell::Timestamp(a), Cell::Timestamp(b)) => Some(a.cmp(&b)),
            (Cell::Set(a), Cell::Set(b)) => Some(a.texts().cmp(b.texts())),
            _ => {
                if let (Some(a), Some(b)) = (self.text(), other.text()) {
                    return Some(a.as_bytes().cmp(b.as_bytes()));
                }
                if let (Some(a), Some(b)) = (self.as_decimal(), other.as_decimal()) {
                    return Some(a.cmp(&b));
                }
                if let (Some(a), Some(b)) = (self.as_float(), other.as_float()) {
                    return Some(compare_floats(a, b));
                }
                Some(self.as_instant()?.cmp(&other.as_instant()?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_across_types() {
        let half = Cell::Decimal(Decimal::parse("0.5").unwrap());
        assert_eq!(Cell::Integer(1).compare(half), Some(Ordering::Greater));
        assert_eq!(Cell::Float(0.5).compare(half), Some(Ordering::Equal));
        assert_eq!(Cell::Text("1").compare(Cell::Integer(1)), None);
        assert_eq!(
            Cell::Date(Date(1)).compare(Cell::Timestamp(Timestamp(5))),
            Some(Ordering::Greater)
        );
    }
}
