//! Lists, structs and maps as JSON.

use super::cells::{Scalar, scalar};
use super::schema::LeafBytes;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type};

/// Writes a value as JSON.
pub fn write_json(array: &dyn Array, row: usize, into: &mut Vec<u8>) {
    Json::new(array).write(row, into);
}

/// Writes values of one array as JSON.
struct Json<'a> {
    array: &'a dyn Array,
    nulls: Option<arrow::buffer::NullBuffer>,
    scalar: Scalar<'a>,
    /// Whether the text of a scalar is JSON as it stands.
    bare: bool,
    float: bool,
}

fn is_bare(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean => true,
        DataType::Dictionary(_, values) => is_bare(values),
        DataType::RunEndEncoded(_, values) => is_bare(values.data_type()),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => true,
        other => other.is_numeric(),
    }
}

fn is_float(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_float(values),
        DataType::RunEndEncoded(_, values) => is_float(values.data_type()),
        other => other.is_floating(),
    }
}

/// Writes text as a JSON string.
fn string(text: &[u8], into: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(into, &String::from_utf8_lossy(text));
}

impl<'a> Json<'a> {
    fn new(array: &'a dyn Array) -> Json<'a> {
        Json {
            array,
            nulls: array.logical_nulls(),
            scalar: scalar(array, LeafBytes::Any),
            bare: is_bare(array.data_type()),
            float: is_float(array.data_type()),
        }
    }

    fn write(&self, row: usize, into: &mut Vec<u8>) {
        let null = matches!(self.array.data_type(), DataType::Null)
            || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if null {
            into.extend_from_slice(b"null");
            return;
        }
        match self.array.data_type() {
            DataType::List(_) => list(&self.array.as_list::<i32>().value(row), into),
            DataType::LargeList(_) => list(&self.array.as_list::<i64>().value(row), into),
            DataType::FixedSizeList(..) => list(&self.array.as_fixed_size_list().value(row), into),
            DataType::ListView(_) => list(&self.array.as_list_view::<i32>().value(row), into),
            DataType::LargeListView(_) => list(&self.array.as_list_view::<i64>().value(row), into),
            DataType::Map(..) => self.map(row, into),
            DataType::Struct(fields) => {
                let columns = self.array.as_struct().columns();
                into.push(b'{');
                for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
                    if index > 0 {
                        into.push(b',');
                    }
                    string(field.name().as_bytes(), into);
                    into.push(b':');
                    write_json(column.as_ref(), row, into);
                }
                into.push(b'}');
            }
            DataType::Dictionary(..) => {
                let dictionary = self.array.as_any_dictionary();
                if let Some(key) = dictionary.normalized_keys().get(row) {
                    write_json(dictionary.values().as_ref(), *key, into);
                }
            }
            DataType::RunEndEncoded(..) => self.run(row, into),
            _ => self.scalar(row, into),
        }
    }

    fn scalar(&self, row: usize, into: &mut Vec<u8>) {
        let start = into.len();
        (self.scalar)(row, into);
        let text = into.get(start..).unwrap_or_default();
        // A float that is no number is no JSON.
        let odd = self.float && !text.last().is_some_and(u8::is_ascii_digit);
        if !self.bare || odd {
            let text = into.split_off(start);
            string(&text, into);
        }
    }

    fn run(&self, row: usize, into: &mut Vec<u8>) {
        macro_rules! runs {
            ($ends:ty) => {
                if let Some(runs) = self.array.as_run_opt::<$ends>() {
                    write_json(runs.values().as_ref(), runs.get_physical_index(row), into);
                }
            };
        }
        runs!(Int16Type);
        runs!(Int32Type);
        runs!(Int64Type);
    }

    fn map(&self, row: usize, into: &mut Vec<u8>) {
        let entries = self.array.as_map().value(row);
        let [keys, values] = entries.columns() else { return };
        let (keys, values) = (scalar(keys.as_ref(), LeafBytes::Any), Json::new(values.as_ref()));
        into.push(b'{');
        let mut key = Vec::new();
        for entry in 0..entries.len() {
            if entry > 0 {
                into.push(b',');
            }
            key.clear();
            keys(entry, &mut key);
            string(&key, into);
            into.push(b':');
            values.write(entry, into);
        }
        into.push(b'}');
    }
}

fn list(items: &ArrayRef, into: &mut Vec<u8>) {
    let writer = Json::new(items.as_ref());
    into.push(b'[');
    for item in 0..items.len() {
        if item > 0 {
            into.push(b',');
        }
        writer.write(item, into);
    }
    into.push(b']');
}
