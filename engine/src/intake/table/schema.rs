//! The columns of a schema: structs are flattened, and each leaf has a reading.

use crate::base::error::{Error, Result};
use crate::base::limits::{FIELDS_MAX, NESTING_MAX};
use crate::entry::Reading;
use crate::intake::typed::check_names;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};

/// A column of typed rows.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Its name, with dots between those of the structs that it is in.
    pub name: String,
    /// How its cells are read.
    pub reading: Reading,
    /// What its values are, when they are bytes.
    pub bytes: LeafBytes,
}

/// What the values of a column of bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafBytes {
    /// Anything: text in Base64.
    Any,
    /// Sixteen bytes each: a UUID.
    Uuid,
    /// Twelve bytes each: months, days and milliseconds.
    Interval,
}

/// The leaves of a schema.
///
/// # Errors
/// `Invalid` when there are none or too many, when names come twice, when it is nested too deep, and when a type is
/// none that rows can have.
pub fn leaves_of(fields: &Fields, file: &str) -> Result<Vec<Leaf>> {
    let mut leaves = Vec::new();
    for field in fields {
        gather(field, "", 0, &mut leaves)
            .map_err(|reason| Error::invalid(format!("{file}: {reason}")))?;
    }
    check_names(leaves.iter().map(|leaf| leaf.name.as_str()), |column| {
        format!("{file}: column {column}")
    })?;
    if leaves.is_empty() {
        return Err(Error::invalid(format!("{file} has no columns")));
    }
    if leaves.len() > FIELDS_MAX {
        return Err(Error::invalid(format!(
            "{file} has {} columns; at most {FIELDS_MAX} are taken",
            leaves.len()
        )));
    }
    Ok(leaves)
}

fn gather(
    field: &Field,
    prefix: &str,
    depth: usize,
    into: &mut Vec<Leaf>,
) -> std::result::Result<(), String> {
    if depth > NESTING_MAX {
        return Err(format!("columns are nested deeper than {NESTING_MAX}; flatten them"));
    }
    let name =
        if prefix.is_empty() { field.name().clone() } else { format!("{prefix}.{}", field.name()) };
    if let DataType::Struct(inner) = field.data_type() {
        for field in inner {
            gather(field, &name, depth + 1, into)?;
        }
        return Ok(());
    }
    let reading = reading_of(field.data_type(), depth)
        .map_err(|reason| format!("column '{name}' {reason}"))?;
    let uuid = field.metadata().get("ARROW:extension:name").is_some_and(|n| n == "arrow.uuid");
    let bytes = if uuid { LeafBytes::Uuid } else { LeafBytes::Any };
    into.push(Leaf { name, reading, bytes });
    Ok(())
}

/// How cells of a type are read.
fn reading_of(data_type: &DataType, depth: usize) -> std::result::Result<Reading, String> {
    if depth > NESTING_MAX {
        return Err(format!("is nested deeper than {NESTING_MAX}; flatten it"));
    }
    Ok(match data_type {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..) => Reading::Plain,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Reading::Float,
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_)
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Interval(_) => Reading::Text,
        DataType::Dictionary(_, values) => reading_of(values, depth + 1)?,
        DataType::RunEndEncoded(_, values) => reading_of(values.data_type(), depth + 1)?,
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::Map(inner, _) => {
            reading_of(inner.data_type(), depth + 1)?;
            Reading::Json
        }
        DataType::Struct(fields) => {
            for field in fields {
                reading_of(field.data_type(), depth + 1)?;
            }
            Reading::Json
        }
        DataType::Union(..) => {
            return Err("is a union; write a column for each of its types".to_owned());
        }
    })
}

/// An array and where it, or a struct that it is in, is null.
pub type LeafArray = (ArrayRef, Option<NullBuffer>);

/// The arrays of the leaves of a batch, in the order of `leaves_of`.
pub fn leaf_arrays(batch: &RecordBatch) -> Vec<LeafArray> {
    let mut arrays = Vec::new();
    for array in batch.columns() {
        gather_arrays(array, None, &mut arrays);
    }
    arrays
}

fn gather_arrays(array: &ArrayRef, above: Option<&NullBuffer>, into: &mut Vec<LeafArray>) {
    let own = array.logical_nulls();
    let nulls = NullBuffer::union(above, own.as_ref());
    match array.as_struct_opt() {
        Some(inner) => {
            for array in inner.columns() {
                gather_arrays(array, nulls.as_ref(), into);
            }
        }
        None => into.push((ArrayRef::clone(array), nulls)),
    }
}
