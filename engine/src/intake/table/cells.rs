//! The text of a cell for every type that an array has.

use super::nested::write_json;
use super::schema::{Leaf, LeafBytes};
use crate::base::time::Date;
use crate::entry::Reading;
use crate::intake::typed::text_cell;
use arrow::array::{Array, ArrayAccessor, ArrowPrimitiveType, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use std::fmt::Display;
use std::io::Write;

/// Writes the text of the cell of a row that is not null.
pub type Scalar<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;

/// Writes the cells of a column.
pub struct CellWriter<'a> {
    array: &'a dyn Array,
    nulls: Option<&'a NullBuffer>,
    reading: Reading,
    scalar: Scalar<'a>,
}

impl<'a> CellWriter<'a> {
    /// The cells of an array; where `nulls` has none there is nothing.
    pub fn new(array: &'a dyn Array, nulls: Option<&'a NullBuffer>, leaf: &Leaf) -> CellWriter<'a> {
        CellWriter { array, nulls, reading: leaf.reading, scalar: scalar(array, leaf.bytes) }
    }

    /// Writes a cell as typed rows have it.
    pub fn write(&self, row: usize, into: &mut Vec<u8>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return;
        }
        match self.reading {
            Reading::Plain | Reading::Float => (self.scalar)(row, into),
            Reading::Json => write_json(self.array, row, into),
            Reading::Text => {
                const QUOTE: u8 = 0x1e;
                let start = into.len();
                into.push(QUOTE);
                (self.scalar)(row, into);
                if into.get(start + 1..).is_some_and(|text| text.contains(&QUOTE)) {
                    let text = into.split_off(start);
                    text_cell(into, &String::from_utf8_lossy(text.get(1..).unwrap_or_default()));
                } else {
                    into.push(QUOTE);
                }
            }
        }
    }
}

/// Two decimal digits.
fn two(number: i64, into: &mut Vec<u8>) {
    let digit = |number: i64| b'0' + u8::try_from(number.rem_euclid(10)).unwrap_or(0);
    into.extend_from_slice(&[digit(number / 10), digit(number)]);
}

/// The decimal digits of a number, with zeros before them up to a length.
fn digits(number: u64, least: usize, into: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut used) = (number, 0);
    for place in digits.iter_mut().rev() {
        if rest == 0 && used >= least {
            break;
        }
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
    }
    into.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

/// A whole number in decimal digits.
fn whole(number: i64, into: &mut Vec<u8>) {
    if number < 0 {
        into.push(b'-');
    }
    digits(number.unsigned_abs(), 1, into);
}

/// Writing to memory cannot fail.
fn put(into: &mut Vec<u8>, text: impl Display) {
    let _ = write!(into, "{text}");
}

fn numbers<'a, T: ArrowPrimitiveType>(array: &'a dyn Array) -> Scalar<'a>
where
    T::Native: Display,
{
    let array = array.as_primitive::<T>();
    Box::new(move |row, into| put(into, array.value(row)))
}

fn integers<'a, T: ArrowPrimitiveType>(array: &'a dyn Array) -> Scalar<'a>
where
    T::Native: Into<i64>,
{
    let array = array.as_primitive::<T>();
    Box::new(move |row, into| whole(array.value(row).into(), into))
}

fn decimals<'a, T: ArrowPrimitiveType + DecimalType>(array: &'a dyn Array) -> Scalar<'a>
where
    T::Native: TryInto<i64>,
{
    let array = array.as_primitive::<T>();
    let scale = usize::try_from(array.scale()).ok().filter(|scale| (1..=18).contains(scale));
    Box::new(move |row, into| match (scale, array.value(row).try_into()) {
        (Some(scale), Ok(number)) => {
            let number: i64 = number;
            if number < 0 {
                into.push(b'-');
            }
            digits(number.unsigned_abs(), scale + 1, into);
            let point = into.len() - scale;
            into.insert(point, b'.');
        }
        _ => into.extend_from_slice(array.value_as_string(row).as_bytes()),
    })
}

fn wide_decimals<'a, T: ArrowPrimitiveType + DecimalType>(array: &'a dyn Array) -> Scalar<'a> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, into| into.extend_from_slice(array.value_as_string(row).as_bytes()))
}

fn texts<'a, A: ArrayAccessor<Item = &'a str> + 'a>(array: A) -> Scalar<'a> {
    Box::new(move |row, into| into.extend_from_slice(array.value(row).as_bytes()))
}

fn blobs<'a, A: ArrayAccessor<Item = &'a [u8]> + 'a>(array: A) -> Scalar<'a> {
    Box::new(move |row, into| base64(array.value(row), into))
}

/// A count of parts of a second: into whole ones and nanoseconds.
fn seconds(count: i64, per_second: i64) -> (i64, i64) {
    (count.div_euclid(per_second), count.rem_euclid(per_second) * (1_000_000_000 / per_second))
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn fraction(nanos: i64, into: &mut Vec<u8>) {
    if nanos != 0 {
        into.push(b'.');
        digits(nanos.unsigned_abs(), 9, into);
        while into.last() == Some(&b'0') {
            into.pop();
        }
    }
}

fn clock(second: i64, nanos: i64, into: &mut Vec<u8>) {
    let (hour, minute, second_of) = (second / 3600, second / 60 % 60, second % 60);
    if !(0..360_000).contains(&second) {
        // No time of a day: it is shown as it is, so that nobody takes it for one.
        put(into, format_args!("{hour:02}:{minute:02}:{second_of:02}"));
        return fraction(nanos, into);
    }
    two(hour, into);
    into.push(b':');
    two(minute, into);
    into.push(b':');
    two(second_of, into);
    fraction(nanos, into);
}

fn day(days: i64, into: &mut Vec<u8>) {
    match i32::try_from(days).map(Date) {
        Ok(date) => match date.ymd() {
            Some((year @ 0.., month, of_month)) => {
                digits(u64::from(year.unsigned_abs()), 4, into);
                into.push(b'-');
                two(month.into(), into);
                into.push(b'-');
                two(of_month.into(), into);
            }
            _ => put(into, date),
        },
        Err(_) => put(into, format_args!("day {days}")),
    }
}

fn instant(count: i64, per_second: i64, zone: bool, into: &mut Vec<u8>) {
    let (second, nanos) = seconds(count, per_second);
    day(second.div_euclid(86_400), into);
    into.push(b'T');
    clock(second.rem_euclid(86_400), nanos, into);
    if zone {
        into.push(b'Z');
    }
}

fn span(count: i64, per_second: i64, into: &mut Vec<u8>) {
    let parts = count.unsigned_abs();
    let scale = per_second.unsigned_abs();
    into.extend_from_slice(if count < 0 { b"-PT" } else { b"PT" });
    put(into, parts / scale);
    fraction(i64::try_from(parts % scale * (1_000_000_000 / scale)).unwrap_or(0), into);
    into.push(b'S');
}

fn base64(bytes: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let code = (word >> (18 - 6 * digit) & 63) as usize;
            let letter = if digit > group.len() { None } else { DIGITS.get(code) };
            into.push(letter.copied().unwrap_or(b'='));
        }
    }
}

fn uuid(bytes: &[u8], into: &mut Vec<u8>) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            into.push(b'-');
        }
        put(into, format_args!("{byte:02x}"));
    }
}

/// Writes the cells of an array of scalars; those of lists, structs and maps are JSON.
pub fn scalar(array: &dyn Array, held: LeafBytes) -> Scalar<'_> {
    match array.data_type() {
        DataType::Boolean => {
            let array = array.as_boolean();
            Box::new(move |row, into| put(into, array.value(row)))
        }
        DataType::Int8 => integers::<Int8Type>(array),
        DataType::Int16 => integers::<Int16Type>(array),
        DataType::Int32 => integers::<Int32Type>(array),
        DataType::Int64 => integers::<Int64Type>(array),
        DataType::UInt8 => integers::<UInt8Type>(array),
        DataType::UInt16 => integers::<UInt16Type>(array),
        DataType::UInt32 => integers::<UInt32Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::Float16 => {
            let array = array.as_primitive::<Float16Type>();
            Box::new(move |row, into| put(into, format_args!("{:?}", array.value(row).to_f32())))
        }
        DataType::Float32 => {
            let array = array.as_primitive::<Float32Type>();
            Box::new(move |row, into| put(into, format_args!("{:?}", array.value(row))))
        }
        DataType::Float64 => {
            let array = array.as_primitive::<Float64Type>();
            Box::new(move |row, into| put(into, format_args!("{:?}", array.value(row))))
        }
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => wide_decimals::<Decimal256Type>(array),
        DataType::Utf8 => texts(array.as_string::<i32>()),
        DataType::LargeUtf8 => texts(array.as_string::<i64>()),
        DataType::Utf8View => texts(array.as_string_view()),
        DataType::Binary => blobs(array.as_binary::<i32>()),
        DataType::LargeBinary => blobs(array.as_binary::<i64>()),
        DataType::BinaryView => blobs(array.as_binary_view()),
        DataType::FixedSizeBinary(16) if held == LeafBytes::Uuid => {
            let array = array.as_fixed_size_binary();
            Box::new(move |row, into| uuid(array.value(row), into))
        }
        DataType::FixedSizeBinary(12) if held == LeafBytes::Interval => {
            let array = array.as_fixed_size_binary();
            Box::new(move |row, into| whole_interval(array.value(row), into))
        }
        DataType::FixedSizeBinary(_) => blobs(array.as_fixed_size_binary()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let keys = dictionary.normalized_keys();
            let value = scalar(dictionary.values().as_ref(), held);
            Box::new(move |row, into| {
                if let Some(key) = keys.get(row) {
                    value(*key, into);
                }
            })
        }
        DataType::RunEndEncoded(..) => run_ends(array, held),
        _ => temporal(array),
    }
}

fn run_ends(array: &dyn Array, held: LeafBytes) -> Scalar<'_> {
    macro_rules! runs {
        ($ends:ty) => {
            if let Some(runs) = array.as_run_opt::<$ends>() {
                let value = scalar(runs.values().as_ref(), held);
                return Box::new(move |row, into| value(runs.get_physical_index(row), into));
            }
        };
    }
    runs!(Int16Type);
    runs!(Int32Type);
    runs!(Int64Type);
    Box::new(|_, _| {})
}

/// Days, instants, times of day and spans.
fn temporal(array: &dyn Array) -> Scalar<'_> {
    macro_rules! counts {
        ($kind:ty, $write:expr) => {{
            let array = array.as_primitive::<$kind>();
            Box::new(move |row: usize, into: &mut Vec<u8>| $write(array.value(row).into(), into))
        }};
    }
    match array.data_type() {
        DataType::Date32 => counts!(Date32Type, day),
        DataType::Date64 => counts!(Date64Type, |millis: i64, into: &mut Vec<u8>| {
            if millis.rem_euclid(86_400_000) == 0 {
                day(millis.div_euclid(86_400_000), into);
            } else {
                instant(millis, 1_000, false, into);
            }
        }),
        DataType::Timestamp(unit, zone) => {
            let (scale, zone) = (per_second(unit), zone.is_some());
            let write = move |count: i64, into: &mut Vec<u8>| instant(count, scale, zone, into);
            match unit {
                TimeUnit::Second => counts!(TimestampSecondType, write),
                TimeUnit::Millisecond => counts!(TimestampMillisecondType, write),
                TimeUnit::Microsecond => counts!(TimestampMicrosecondType, write),
                TimeUnit::Nanosecond => counts!(TimestampNanosecondType, write),
            }
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let scale = per_second(unit);
            let write = move |count: i64, into: &mut Vec<u8>| {
                let (second, nanos) = seconds(count, scale);
                clock(second, nanos, into);
            };
            match unit {
                TimeUnit::Second => counts!(Time32SecondType, write),
                TimeUnit::Millisecond => counts!(Time32MillisecondType, write),
                TimeUnit::Microsecond => counts!(Time64MicrosecondType, write),
                TimeUnit::Nanosecond => counts!(Time64NanosecondType, write),
            }
        }
        DataType::Duration(unit) => {
            let scale = per_second(unit);
            let write = move |count: i64, into: &mut Vec<u8>| span(count, scale, into);
            match unit {
                TimeUnit::Second => counts!(DurationSecondType, write),
                TimeUnit::Millisecond => counts!(DurationMillisecondType, write),
                TimeUnit::Microsecond => counts!(DurationMicrosecondType, write),
                TimeUnit::Nanosecond => counts!(DurationNanosecondType, write),
            }
        }
        DataType::Interval(unit) => interval(array, *unit),
        // Nothing is in it; lists, structs and maps are written as JSON.
        _ => Box::new(|_, _| {}),
    }
}

fn interval(array: &dyn Array, unit: IntervalUnit) -> Scalar<'_> {
    match unit {
        IntervalUnit::YearMonth => {
            let array = array.as_primitive::<IntervalYearMonthType>();
            Box::new(move |row, into| put(into, format_args!("P{}M", array.value(row))))
        }
        IntervalUnit::DayTime => {
            let array = array.as_primitive::<IntervalDayTimeType>();
            Box::new(move |row, into| {
                let value = array.value(row);
                put(into, format_args!("P{}DT", value.days));
                signed_seconds(i64::from(value.milliseconds), 1_000, into);
            })
        }
        IntervalUnit::MonthDayNano => {
            let array = array.as_primitive::<IntervalMonthDayNanoType>();
            Box::new(move |row, into| {
                let value = array.value(row);
                put(into, format_args!("P{}M{}DT", value.months, value.days));
                signed_seconds(value.nanoseconds, 1_000_000_000, into);
            })
        }
    }
}

/// An interval of Parquet: months, days and milliseconds, none of which has a sign.
fn whole_interval(bytes: &[u8], into: &mut Vec<u8>) {
    let (parts, _) = bytes.as_chunks::<4>();
    if let [months, days, millis] = parts {
        let number = |part: &[u8; 4]| u32::from_le_bytes(*part);
        put(into, format_args!("P{}M{}DT", number(months), number(days)));
        signed_seconds(i64::from(number(millis)), 1_000, into);
    }
}

fn signed_seconds(count: i64, per_second: i64, into: &mut Vec<u8>) {
    let mut text = Vec::new();
    span(count.checked_abs().unwrap_or(i64::MAX), per_second, &mut text);
    if count < 0 {
        into.push(b'-');
    }
    into.extend_from_slice(text.strip_prefix(b"PT").unwrap_or(&text));
}
