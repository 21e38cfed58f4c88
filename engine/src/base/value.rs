//! Typed values, as traits and properties hold them.

use super::number::Decimal;
use super::time::{Date, Timestamp};
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// One value of a trait or a property.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Value {
    /// Text, UTF-8, ordered by bytes.
    Text(String),
    /// A 64-bit integer.
    Integer(i64),
    /// An exact decimal of at most 38 digits.
    Decimal(Decimal),
    /// A 64-bit float.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A calendar day.
    Date(Date),
    /// An instant, UTC microseconds.
    Timestamp(Timestamp),
    /// A set of texts, sorted, each once.
    Set(Vec<String>),
}

/// The type of a column of values.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Text.
    Text,
    /// 64-bit integer.
    Integer,
    /// Exact decimal.
    Decimal,
    /// 64-bit float.
    Float,
    /// True or false.
    Boolean,
    /// Calendar day.
    Date,
    /// Instant.
    Timestamp,
    /// Set of texts.
    Set,
}

impl ValueType {
    /// The name in messages and definitions.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::Text => "text",
            ValueType::Integer => "integer",
            ValueType::Decimal => "decimal",
            ValueType::Float => "float",
            ValueType::Boolean => "boolean",
            ValueType::Date => "date",
            ValueType::Timestamp => "timestamp",
            ValueType::Set => "set",
        }
    }

    /// Whether values of the type are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, ValueType::Integer | ValueType::Decimal | ValueType::Float)
    }

    /// Whether values of the type are days or instants.
    pub fn is_temporal(self) -> bool {
        matches!(self, ValueType::Date | ValueType::Timestamp)
    }

    /// The type that holds values of both without contradiction: integer, decimal, float widen in this order, and a
    /// date widens to a timestamp. Nothing when they contradict.
    pub fn widened(self, other: ValueType) -> Option<ValueType> {
        let both =
            (self.is_number() && other.is_number()) || (self.is_temporal() && other.is_temporal());
        if both || self == other { Some(self.max(other)) } else { None }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// The type of this value.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::Text(_) => ValueType::Text,
            Value::Integer(_) => ValueType::Integer,
            Value::Decimal(_) => ValueType::Decimal,
            Value::Float(_) => ValueType::Float,
            Value::Boolean(_) => ValueType::Boolean,
            Value::Date(_) => ValueType::Date,
            Value::Timestamp(_) => ValueType::Timestamp,
            Value::Set(_) => ValueType::Set,
        }
    }

    /// The value in a wider type, as `ValueType::widened` allows; nothing when the types contradict.
    pub fn widen_to(&self, wanted: ValueType) -> Option<Value> {
        match (self, wanted) {
            (value, wanted) if value.value_type() == wanted => Some(value.clone()),
            (Value::Integer(i), ValueType::Decimal) => Some(Value::Decimal(Decimal::from(*i))),
            (Value::Integer(i), ValueType::Float) => Some(Value::Float(*i as f64)),
            (Value::Decimal(d), ValueType::Float) => Some(Value::Float(d.to_f64())),
            (Value::Date(d), ValueType::Timestamp) => Some(Value::Timestamp(d.midnight())),
            _ => None,
        }
    }

    /// Bytes that are equal exactly for equal values of one type, whatever their form: for digests and tie-breaks.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.value_type() as u8];
        match self {
            Value::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            Value::Integer(i) => bytes.extend_from_slice(&i.to_le_bytes()),
            Value::Decimal(d) => bytes.extend_from_slice(d.normalized().to_string().as_bytes()),
            Value::Float(f) => {
                let value = if *f == 0.0 { 0.0 } else { *f };
                let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
                bytes.extend_from_slice(&bits.to_le_bytes());
            }
            Value::Boolean(b) => bytes.push(u8::from(*b)),
            Value::Date(d) => bytes.extend_from_slice(&d.0.to_le_bytes()),
            Value::Timestamp(t) => bytes.extend_from_slice(&t.0.to_le_bytes()),
            Value::Set(texts) => {
                for text in texts {
                    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                    bytes.extend_from_slice(text.as_bytes());
                }
            }
        }
        bytes
    }
}

/// Compares two floats as DuckDB does: NaN equals itself and is greater than all else.
pub fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Integer(i) => write!(f, "{i}"),
            Value::Decimal(d) => write!(f, "{d}"),
            Value::Float(x) => write!(f, "{x}"),
            Value::Boolean(b) => write!(f, "{b}"),
            Value::Date(d) => write!(f, "{d}"),
            Value::Timestamp(t) => write!(f, "{t}"),
            Value::Set(texts) => write!(f, "{{{}}}", texts.join(", ")),
        }
    }
}
