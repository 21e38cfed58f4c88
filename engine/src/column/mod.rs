//! Typed values by ordinal.
//!
//! *What it is:* one column of a row space, in copy-on-write chunks, with NULL where nothing was said. *Invariants:* a
//! column has one type; widening it keeps every value. *What it does not know:* what its ordinals stand for.
//! *Where to start reading:* `Column`.

use crate::base::chunked::{Chunked, Sharded};
use crate::base::number::Decimal;
use crate::base::time::{Date, Timestamp};
use crate::base::value::{Value, ValueType, compare_floats};
use std::cmp::Ordering;
use std::sync::Arc;

/// A value in a column, borrowed, or NULL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Nothing was said.
    Null,
    /// Text.
    Text(&'a str),
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
    /// Codes into a dictionary, in order of their texts.
    Codes(&'a [u32], &'a Dictionary),
    /// Texts, sorted.
    Texts(&'a [String]),
}

impl<'a> SetCell<'a> {
    fn len(self) -> usize {
        match self {
            SetCell::Codes(codes, _) => codes.len(),
            SetCell::Texts(texts) => texts.len(),
        }
    }

    /// The texts, sorted.
    pub fn texts(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).filter_map(move |index| match self {
            SetCell::Codes(codes, texts) => texts.text(*codes.get(index)?),
            SetCell::Texts(texts) => texts.get(index).map(String::as_str),
        })
    }

    /// Whether a text is in the set.
    pub fn holds(self, text: &str) -> bool {
        match self {
            SetCell::Codes(codes, texts) => {
                texts.find(text).is_some_and(|code| codes.contains(&code))
            }
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
            Cell::Text(text) => Value::Text(text.to_owned()),
            Cell::Integer(i) => Value::Integer(i),
            Cell::Decimal(d) => Value::Decimal(d),
            Cell::Float(f) => Value::Float(f),
            Cell::Boolean(b) => Value::Boolean(b),
            Cell::Date(d) => Value::Date(d),
            Cell::Timestamp(t) => Value::Timestamp(t),
            Cell::Set(set) => Value::Set(set.texts().map(str::to_owned).collect()),
        })
    }

    /// Whether it is NULL.
    pub fn is_null(self) -> bool {
        self == Cell::Null
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

/// Texts and their codes, in order of first appearance.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    texts: Chunked<Arc<str>>,
    codes: Sharded<Arc<str>, u32>,
}

impl Dictionary {
    /// The code of a text, new if need be.
    pub fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let code = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.codes.insert(text, code);
        code
    }

    /// The code of a text, if it has one.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.codes.get(text).copied()
    }

    /// The text of a code.
    pub fn text(&self, code: u32) -> Option<&str> {
        self.texts.get(code as usize).map(AsRef::as_ref)
    }
}

/// The values of a column. Absent ones hold a filler; `present` tells.
#[derive(Debug, Clone)]
enum Values {
    /// Codes into a dictionary.
    Text(Chunked<u32>, Dictionary),
    /// Integers.
    Integer(Chunked<i64>),
    /// Decimals.
    Decimal(Chunked<Decimal>),
    /// Floats.
    Float(Chunked<f64>),
    /// Booleans.
    Boolean(Chunked<bool>),
    /// Days.
    Date(Chunked<Date>),
    /// Instants.
    Timestamp(Chunked<Timestamp>),
    /// Sets of codes into a dictionary.
    Set(Chunked<Arc<[u32]>>, Dictionary),
}

/// One column: a type, values, and which of them are there.
#[derive(Debug, Clone)]
pub struct Column {
    values: Values,
    present: Chunked<bool>,
    count: u64,
}

impl Column {
    /// An empty column of a type.
    pub fn new(value_type: ValueType) -> Column {
        let values = match value_type {
            ValueType::Text => Values::Text(Chunked::default(), Dictionary::default()),
            ValueType::Integer => Values::Integer(Chunked::default()),
            ValueType::Decimal => Values::Decimal(Chunked::default()),
            ValueType::Float => Values::Float(Chunked::default()),
            ValueType::Boolean => Values::Boolean(Chunked::default()),
            ValueType::Date => Values::Date(Chunked::default()),
            ValueType::Timestamp => Values::Timestamp(Chunked::default()),
            ValueType::Set => Values::Set(Chunked::default(), Dictionary::default()),
        };
        Column { values, present: Chunked::default(), count: 0 }
    }

    /// The type.
    pub fn value_type(&self) -> ValueType {
        match self.values {
            Values::Text(..) => ValueType::Text,
            Values::Integer(_) => ValueType::Integer,
            Values::Decimal(_) => ValueType::Decimal,
            Values::Float(_) => ValueType::Float,
            Values::Boolean(_) => ValueType::Boolean,
            Values::Date(_) => ValueType::Date,
            Values::Timestamp(_) => ValueType::Timestamp,
            Values::Set(..) => ValueType::Set,
        }
    }

    /// How many values are there.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// One more than the greatest index that was ever set.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// The value at an index.
    pub fn get(&self, index: usize) -> Cell<'_> {
        if self.present.get(index) != Some(&true) {
            return Cell::Null;
        }
        let cell = match &self.values {
            Values::Text(codes, texts) => {
                codes.get(index).and_then(|c| texts.text(*c)).map(Cell::Text)
            }
            Values::Integer(values) => values.get(index).map(|v| Cell::Integer(*v)),
            Values::Decimal(values) => values.get(index).map(|v| Cell::Decimal(*v)),
            Values::Float(values) => values.get(index).map(|v| Cell::Float(*v)),
            Values::Boolean(values) => values.get(index).map(|v| Cell::Boolean(*v)),
            Values::Date(values) => values.get(index).map(|v| Cell::Date(*v)),
            Values::Timestamp(values) => values.get(index).map(|v| Cell::Timestamp(*v)),
            Values::Set(sets, texts) => {
                sets.get(index).map(|codes| Cell::Set(SetCell::Codes(codes, texts)))
            }
        };
        cell.unwrap_or(Cell::Null)
    }

    /// Sets or clears the value at an index. A value of another type than the column's clears it: callers widen first.
    pub fn set(&mut self, index: usize, value: Option<&Value>) {
        let there = match (&mut self.values, value) {
            (_, None) => false,
            (Values::Text(codes, texts), Some(Value::Text(text))) => {
                let code = texts.code(text);
                codes.set(index, code, &0);
                true
            }
            (Values::Integer(values), Some(Value::Integer(v))) => put(values, index, *v),
            (Values::Decimal(values), Some(Value::Decimal(v))) => put(values, index, *v),
            (Values::Float(values), Some(Value::Float(v))) => put(values, index, *v),
            (Values::Boolean(values), Some(Value::Boolean(v))) => put(values, index, *v),
            (Values::Date(values), Some(Value::Date(v))) => put(values, index, *v),
            (Values::Timestamp(values), Some(Value::Timestamp(v))) => put(values, index, *v),
            (Values::Set(sets, texts), Some(Value::Set(set))) => {
                let codes: Arc<[u32]> = set.iter().map(|text| texts.code(text)).collect();
                sets.set(index, codes, &Arc::from([]));
                true
            }
            (_, Some(_)) => false,
        };
        let before = self.present.get(index) == Some(&true);
        if before != there || self.present.len() <= index {
            self.present.set(index, there, &false);
        }
        self.count = self.count + u64::from(there) - u64::from(before);
    }

    /// The same column in a wider type.
    pub fn widened(&self, value_type: ValueType) -> Column {
        let mut wider = Column::new(value_type);
        for index in 0..self.len() {
            let value = self.get(index).to_value().and_then(|v| v.widen_to(value_type));
            wider.set(index, value.as_ref());
        }
        wider
    }
}

fn put<T: Clone + Default>(values: &mut Chunked<T>, index: usize, value: T) -> bool {
    values.set(index, value, &T::default());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_and_widens() {
        let mut column = Column::new(ValueType::Integer);
        column.set(3, Some(&Value::Integer(7)));
        column.set(1, Some(&Value::Integer(1)));
        column.set(1, None);
        assert_eq!((column.count(), column.len()), (1, 4));
        assert_eq!(
            (column.get(1), column.get(3), column.get(9)),
            (Cell::Null, Cell::Integer(7), Cell::Null)
        );
        let wider = column.widened(ValueType::Decimal);
        assert_eq!(wider.get(3), Cell::Decimal(Decimal::from(7)));
        assert_eq!(wider.count(), 1);
    }

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
