//! What a Parquet schema declares of its columns, where the library by itself would read less than stands in the file.
//!
//! *What it does:* enumerated words are text; the old instants of 96 bits reach over all years; intervals keep their
//! months; texts point into the page that they come from, so that one that is said a thousand times is in memory once.
//! *Where to start reading:* `Wanted::fields`.

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::file::metadata::{FileMetaData, ParquetMetaData};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, SchemaDescriptor, Type, TypePtr};
use std::sync::Arc;

/// Bytes of an interval: months, days and milliseconds.
pub const INTERVAL_BYTES: i32 = 12;

/// Whether a column holds UUIDs.
pub fn is_uuid(column: &ColumnDescriptor) -> bool {
    matches!(column.logical_type_ref(), Some(LogicalType::Uuid))
}

/// Whether a column holds intervals.
pub fn is_interval(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::INTERVAL
}

/// Whether a column holds instants of 96 bits.
fn is_old_instant(column: &ColumnDescriptor) -> bool {
    column.physical_type() == Physical::INT96
}

fn is_enum(column: &ColumnDescriptor) -> bool {
    matches!(column.logical_type_ref(), Some(LogicalType::Enum))
        || column.converted_type() == ConvertedType::ENUM
}

/// The types to ask the library for, column by column.
pub struct Wanted<'c> {
    columns: std::slice::Iter<'c, ColumnDescPtr>,
}

impl<'c> Wanted<'c> {
    /// For the columns of a schema.
    pub fn of(schema: &'c SchemaDescriptor) -> Wanted<'c> {
        Wanted { columns: schema.columns().iter() }
    }

    /// Whether the library by itself would read another value of some column.
    pub fn matters(schema: &SchemaDescriptor) -> bool {
        let of_column = |column: &ColumnDescPtr| is_enum(column) || is_old_instant(column);
        schema.columns().iter().any(of_column)
    }

    /// The fields, which have the columns in their order, with the types to ask for.
    pub fn fields(&mut self, fields: &Fields) -> Fields {
        fields.iter().map(|field| Arc::new(self.field(field))).collect()
    }

    fn field(&mut self, field: &Field) -> Field {
        field.clone().with_data_type(self.data_type(field.data_type()))
    }

    fn data_type(&mut self, data_type: &DataType) -> DataType {
        let mut inner = |field: &FieldRef| Arc::new(self.field(field));
        match data_type {
            DataType::List(field) => DataType::List(inner(field)),
            DataType::LargeList(field) => DataType::LargeList(inner(field)),
            DataType::FixedSizeList(field, size) => DataType::FixedSizeList(inner(field), *size),
            DataType::ListView(field) => DataType::ListView(inner(field)),
            DataType::LargeListView(field) => DataType::LargeListView(inner(field)),
            DataType::Map(field, sorted) => DataType::Map(inner(field), *sorted),
            DataType::Struct(fields) => DataType::Struct(self.fields(fields)),
            leaf => self.leaf(leaf),
        }
    }

    fn leaf(&mut self, data_type: &DataType) -> DataType {
        let column = self.columns.next();
        let instant = column.is_some_and(|column| is_old_instant(column));
        let word = column.is_some_and(|column| is_enum(column));
        match data_type {
            DataType::Timestamp(TimeUnit::Nanosecond, zone) if instant => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            DataType::Binary | DataType::LargeBinary if word => DataType::Utf8View,
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            other => other.clone(),
        }
    }
}

/// The same metadata with intervals declared as the bytes that they are, since the library drops months or days;
/// nothing when there are none, or when they stand in a list.
pub fn with_plain_intervals(metadata: &ParquetMetaData) -> Option<ParquetMetaData> {
    let file = metadata.file_metadata();
    let schema = file.schema_descr();
    if !schema.columns().iter().any(|column| is_interval(column)) {
        return None;
    }
    let root = restated(&schema.root_schema_ptr())?;
    let changed = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        file.key_value_metadata().cloned(),
        Arc::new(SchemaDescriptor::new(root)),
        file.column_orders().cloned(),
    );
    Some(ParquetMetaData::new(changed, metadata.row_groups().to_vec()))
}

fn restated(declared: &TypePtr) -> Option<TypePtr> {
    let info = declared.get_basic_info();
    let built = match declared.as_ref() {
        Type::GroupType { fields, .. } => {
            let fields = fields.iter().map(restated).collect::<Option<Vec<TypePtr>>>()?;
            let group = Type::group_type_builder(info.name())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_converted_type(info.converted_type())
                .with_id(info.has_id().then(|| info.id()))
                .with_fields(fields);
            match info.has_repetition() {
                true => group.with_repetition(info.repetition()).build(),
                false => group.build(),
            }
        }
        Type::PrimitiveType { .. } if info.converted_type() == ConvertedType::INTERVAL => {
            Type::primitive_type_builder(info.name(), Physical::FIXED_LEN_BYTE_ARRAY)
                .with_repetition(info.repetition())
                .with_length(INTERVAL_BYTES)
                .with_id(info.has_id().then(|| info.id()))
                .build()
        }
        Type::PrimitiveType { .. } => return Some(Arc::clone(declared)),
    };
    built.ok().map(Arc::new)
}
