//! Random Arrow arrays of every type, and what each cell must then be, by `docs/formats.md`.

use crate::rng::Rng;
use arrow::array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, DecimalType, Int8Type, Int32Type, UInt16Type,
};
use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Field, Float16Type, Float32Type, Float64Type, Int16Type, Int64Type, IntervalDayTime,
    IntervalMonthDayNano, UInt8Type, UInt32Type, UInt64Type, i256,
};
use navedb::{Date, Decimal, Timestamp, Value};
use std::sync::Arc;

/// A column: its array, and the values that its cells are, by the name of the field in a record behind the column's.
pub(super) struct Told {
    pub array: ArrayRef,
    pub wanted: Vec<(&'static str, Vec<Option<Value>>)>,
    /// Whether the writer of Parquet takes the type.
    pub in_parquet: bool,
}

fn told(array: impl Array + 'static, wanted: Vec<Option<Value>>) -> Told {
    Told { array: Arc::new(array), wanted: vec![("", wanted)], in_parquet: true }
}

/// So many cells, a fifth of them NULL.
fn some<T>(rng: &mut Rng, rows: usize, mut cell: impl FnMut(&mut Rng) -> T) -> Vec<Option<T>> {
    (0..rows).map(|_| (!rng.one_in(5)).then(|| cell(rng))).collect()
}

fn values<T: Clone>(cells: &[Option<T>], value: impl Fn(T) -> Value) -> Vec<Option<Value>> {
    cells.iter().map(|cell| cell.clone().map(&value)).collect()
}

fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}

fn whole<T: ArrowPrimitiveType>(rng: &mut Rng, rows: usize, of: fn(u64) -> T::Native) -> Told
where
    T::Native: std::fmt::Display,
    PrimitiveArray<T>: FromIterator<Option<T::Native>>,
{
    let cells = some(rng, rows, |rng| of(rng.next() >> rng.below(64)));
    let value = |n: T::Native| Value::Decimal(Decimal::parse(&n.to_string()).unwrap());
    let wanted = values(&cells, value);
    told(cells.into_iter().collect::<PrimitiveArray<T>>(), wanted)
}

fn numbers(rng: &mut Rng, rows: usize) -> Vec<Told> {
    let mut all = vec![
        whole::<Int8Type>(rng, rows, |n| n as i8),
        whole::<Int16Type>(rng, rows, |n| n as i16),
        whole::<Int32Type>(rng, rows, |n| n as i32),
        whole::<Int64Type>(rng, rows, |n| n as i64),
        whole::<UInt8Type>(rng, rows, |n| n as u8),
        whole::<UInt16Type>(rng, rows, |n| n as u16),
        whole::<UInt32Type>(rng, rows, |n| n as u32),
        whole::<UInt64Type>(rng, rows, |n| n),
    ];
    let flags = some(rng, rows, |rng| rng.one_in(2));
    let wanted = values(&flags, Value::Boolean);
    all.push(told(BooleanArray::from(flags), wanted));
    // Quarters, which every width holds.
    let quarters = some(rng, rows, |rng| rng.between(-2000, 2000) as f64 / 4.0);
    let wanted = values(&quarters, Value::Float);
    all.push(told(Float64Array::from(quarters.clone()), wanted.clone()));
    let narrow = quarters.iter().map(|q| q.map(|q| q as f32));
    all.push(told(narrow.clone().collect::<PrimitiveArray<Float32Type>>(), wanted.clone()));
    let half = narrow.map(|q| q.map(<Float16Type as ArrowPrimitiveType>::Native::from_f32));
    all.push(told(half.collect::<PrimitiveArray<Float16Type>>(), wanted));
    let wild = some(rng, rows, |rng| f64::from_bits(rng.next()));
    let wanted = wild.iter().map(|f| f.filter(|f| f.is_finite()).map(Value::Float)).collect();
    all.push(told(wild.into_iter().collect::<PrimitiveArray<Float64Type>>(), wanted));
    all.push(decimal::<Decimal32Type>(rng, rows, (9, 3), |n| n as i32));
    all.push(decimal::<Decimal64Type>(rng, rows, (18, 0), |n| n as i64));
    all.push(decimal::<Decimal128Type>(rng, rows, (38, 30), |n| n));
    all.push(decimal::<Decimal256Type>(rng, rows, (60, 10), i256::from_i128));
    all
}

fn decimal<T: DecimalType + ArrowPrimitiveType>(
    rng: &mut Rng,
    rows: usize,
    (precision, scale): (u8, i8),
    of: fn(i128) -> T::Native,
) -> Told
where
    PrimitiveArray<T>: FromIterator<Option<T::Native>>,
{
    let digits = u32::from(precision).min(38);
    let cells = some(rng, rows, |rng| {
        (i128::from(rng.next()) << 64 | i128::from(rng.next()))
            % 10_i128.pow(1 + rng.below(digits as usize) as u32)
    });
    let scaled = |n| Value::Decimal(Decimal::new(n, scale.unsigned_abs()).unwrap());
    let wanted = values(&cells, scaled);
    let array: PrimitiveArray<T> = cells.into_iter().map(|n| n.map(of)).collect();
    told(array.with_precision_and_scale(precision, scale).unwrap(), wanted)
}

fn times(rng: &mut Rng, rows: usize) -> Vec<Told> {
    let days = some(rng, rows, |rng| rng.between(-700_000, 2_900_000) as i32);
    let wanted = values(&days, |day| Value::Date(Date(day)));
    let millis = days.iter().map(|d| d.map(|d| i64::from(d) * 86_400_000));
    let mut all = vec![
        told(millis.collect::<PrimitiveArray<Date64Type>>(), wanted.clone()),
        told(days.into_iter().collect::<PrimitiveArray<Date32Type>>(), wanted),
    ];
    // Seconds that nanoseconds reach too.
    let seconds = some(rng, rows, |rng| rng.between(-9_000_000_000, 9_000_000_000));
    let wanted = values(&seconds, |s| Value::Timestamp(Timestamp(s * 1_000_000)));
    let by = |scale: i64| seconds.iter().map(|s| s.map(|s| s * scale)).collect::<Vec<_>>();
    for zone in [None, Some("UTC"), Some("+05:30"), Some("Europe/Paris")] {
        all.push(told(TimestampSecondArray::from(by(1)).with_timezone_opt(zone), wanted.clone()));
        let array = TimestampMillisecondArray::from(by(1000)).with_timezone_opt(zone);
        all.push(told(array, wanted.clone()));
        let array = TimestampMicrosecondArray::from(by(1_000_000)).with_timezone_opt(zone);
        all.push(told(array, wanted.clone()));
        let array = TimestampNanosecondArray::from(by(1_000_000_000)).with_timezone_opt(zone);
        all.push(told(array, wanted.clone()));
    }
    let hours = some(rng, rows, |rng| rng.between(0, 23));
    let wanted = values(&hours, |h| text(format!("{h:02}:00:01")));
    let by = |scale: i64| hours.iter().map(move |h| h.map(|h| (h * 3600 + 1) * scale));
    let narrow = |scale| by(scale).map(|n| n.map(|n| n as i32));
    all.push(told(narrow(1).collect::<Time32SecondArray>(), wanted.clone()));
    all.push(told(narrow(1000).collect::<Time32MillisecondArray>(), wanted.clone()));
    all.push(told(by(1_000_000).collect::<Time64MicrosecondArray>(), wanted.clone()));
    all.push(told(by(1_000_000_000).collect::<Time64NanosecondArray>(), wanted));
    all
}

fn spans(rng: &mut Rng, rows: usize) -> Vec<Told> {
    let mut all = Vec::new();
    let count = some(rng, rows, |rng| rng.between(-5000, 5000));
    let shown = |n: i64| {
        let (sign, n) = (if n < 0 { "-" } else { "" }, n.abs());
        text(format!("{sign}PT{}.{}S", n / 4, [0, 25, 5, 75][(n % 4) as usize]).replace(".0S", "S"))
    };
    let wanted = values(&count, shown);
    let by = |scale: i64| count.iter().map(move |n| n.map(|n| n * scale));
    all.push(told(by(250).collect::<DurationMillisecondArray>(), wanted.clone()));
    all.push(told(by(250_000).collect::<DurationMicrosecondArray>(), wanted.clone()));
    all.push(told(by(250_000_000).collect::<DurationNanosecondArray>(), wanted));
    let seconds = values(&count, |n| text(shown(n * 4).to_string()));
    all.push(told(by(1).collect::<DurationSecondArray>(), seconds));
    let months = some(rng, rows, |rng| rng.between(-40, 40) as i32);
    let wanted = values(&months, |m| text(format!("P{m}M")));
    let array = months.into_iter().collect::<IntervalYearMonthArray>();
    all.push(Told { in_parquet: false, ..told(array, wanted) });
    let parts = some(rng, rows, |rng| (rng.between(-9, 9) as i32, rng.between(0, 99) as i32));
    let wanted = values(&parts, |(d, s)| text(format!("P{d}DT{s}S")));
    let array = parts.iter().map(|p| p.map(|(d, s)| IntervalDayTime::new(d, s * 1000)));
    let array = array.collect::<IntervalDayTimeArray>();
    all.push(Told { in_parquet: false, ..told(array, wanted) });
    let wanted = values(&parts, |(d, s)| text(format!("P{}M{d}DT-{s}.5S", d + 1)));
    let nanos = |s: i32| -i64::from(s) * 1_000_000_000 - 500_000_000;
    let array = parts.iter().map(|p| p.map(|(d, s)| IntervalMonthDayNano::new(d + 1, d, nanos(s))));
    let array = array.collect::<IntervalMonthDayNanoArray>();
    all.push(Told { in_parquet: false, ..told(array, wanted) });
    all
}

fn dictionary<K: ArrowDictionaryKeyType>(texts: &[Option<String>]) -> DictionaryArray<K> {
    texts.iter().map(|text| text.as_deref()).collect()
}

fn texts(rng: &mut Rng, rows: usize) -> Vec<Told> {
    let texts = some(rng, rows, super::columns::odd_text);
    let wanted = values(&texts, text);
    let mut all = vec![
        told(StringArray::from(texts.clone()), wanted.clone()),
        told(LargeStringArray::from(texts.clone()), wanted.clone()),
        told(StringViewArray::from_iter(texts.iter().map(|t| t.as_deref())), wanted.clone()),
        told(dictionary::<Int8Type>(&texts), wanted.clone()),
        told(dictionary::<UInt16Type>(&texts), wanted),
    ];
    // Runs have no NULL of their own here.
    let runs: Vec<String> = (0..rows).map(|row| format!("run {}", row / 7)).collect();
    let array: RunArray<Int32Type> = runs.iter().map(String::as_str).collect();
    let wanted = runs.iter().map(|run| Some(text(run))).collect();
    all.push(Told { in_parquet: false, ..told(array, wanted) });
    all.push(told(NullArray::new(rows), vec![None; rows]));
    let bytes = some(rng, rows, |rng| *rng.pick(&[&b""[..], b"\0", b"\xff\xfe", b"abc"]));
    let wanted = values(&bytes, |bytes| match bytes {
        b"" => text(""),
        b"\0" => text("AA=="),
        b"abc" => text("YWJj"),
        _ => text("//4="),
    });
    all.push(told(BinaryArray::from_iter(bytes.clone()), wanted.clone()));
    all.push(told(LargeBinaryArray::from_iter(bytes.clone()), wanted.clone()));
    all.push(told(BinaryViewArray::from_iter(bytes), wanted));
    let fixed = some(rng, rows, |_| [0xff_u8, 0, 1]);
    let wanted = values(&fixed, |_| text("/wAB"));
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed.into_iter(), 3).unwrap();
    all.push(told(array, wanted));
    all
}

fn set(texts: &[String]) -> Value {
    let mut texts = texts.to_vec();
    texts.sort();
    texts.dedup();
    Value::Set(texts)
}

fn nested(rng: &mut Rng, rows: usize) -> Vec<Told> {
    let mut all = Vec::new();
    let lists = some(rng, rows, |rng| {
        (0..rng.below(4)).map(|_| rng.below(50).to_string()).collect::<Vec<_>>()
    });
    let wanted = values(&lists, |list| set(&list));
    let nulls = NullBuffer::from_iter(lists.iter().map(Option::is_some));
    let lengths: Vec<usize> = lists.iter().map(|l| l.as_ref().map_or(0, Vec::len)).collect();
    let items: Vec<&String> = lists.iter().flatten().flatten().collect();
    let strings: ArrayRef = Arc::new(StringArray::from_iter_values(&items));
    let integers: ArrayRef =
        Arc::new(Int64Array::from_iter_values(items.iter().map(|i| i.parse::<i64>().unwrap())));
    let item = |array: &ArrayRef| Arc::new(Field::new("item", array.data_type().clone(), true));
    for array in [&strings, &integers] {
        let offsets = OffsetBuffer::from_lengths(lengths.clone());
        let (field, nulls) = (item(array), Some(nulls.clone()));
        let list = ListArray::new(Arc::clone(&field), offsets, Arc::clone(array), nulls.clone());
        all.push(told(list, wanted.clone()));
        let offsets = OffsetBuffer::from_lengths(lengths.clone());
        let list = LargeListArray::new(field, offsets, Arc::clone(array), nulls);
        all.push(told(list, wanted.clone()));
    }
    let starts = OffsetBuffer::<i32>::from_lengths(lengths.clone());
    let starts = ScalarBuffer::from(starts[..rows].to_vec());
    let sizes = ScalarBuffer::from(lengths.iter().map(|l| *l as i32).collect::<Vec<_>>());
    let view = ListViewArray::new(item(&strings), starts, sizes, strings, Some(nulls));
    all.push(Told { in_parquet: false, ..told(view, wanted) });
    let pairs = Int32Array::from_iter_values((0..rows as i32).flat_map(|row| [row, 7]));
    let field = Arc::new(Field::new("item", DataType::Int32, true));
    let array = FixedSizeListArray::new(field, 2, Arc::new(pairs), None);
    let wanted = (0..rows).map(|row| Some(set(&[row.to_string(), "7".to_owned()]))).collect();
    all.push(told(array, wanted));
    all.extend([structs(rng, rows), maps(rng, rows)]);
    all
}

/// A struct in a struct: NULL above is NULL below.
fn structs(rng: &mut Rng, rows: usize) -> Told {
    let (numbers, words) = (some(rng, rows, |rng| rng.below(99) as i64), some(rng, rows, |_| "w"));
    let (above, below) = (some(rng, rows, |_| ()), some(rng, rows, |_| ()));
    let nulls =
        |cells: &[Option<()>]| Some(NullBuffer::from_iter(cells.iter().map(Option::is_some)));
    let field = |name: &str, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
    let arrays: [ArrayRef; 2] =
        [Arc::new(Int64Array::from(numbers.clone())), Arc::new(StringArray::from(words.clone()))];
    let inner = StructArray::new(
        vec![field("w", &arrays[1])].into(),
        vec![arrays[1].clone()],
        nulls(&below),
    );
    let inner: ArrayRef = Arc::new(inner);
    let fields = vec![field("n", &arrays[0]), field("in", &inner)].into();
    let array = StructArray::new(fields, vec![arrays[0].clone(), inner], nulls(&above));
    let n = (0..rows).map(|row| above[row].and(numbers[row]).map(Value::Integer)).collect();
    let w = (0..rows).map(|row| above[row].and(below[row]).and(words[row]).map(text)).collect();
    Told { array: Arc::new(array), wanted: vec![(".n", n), (".in.w", w)], in_parquet: true }
}

/// A map becomes fields, of which some rows have some.
fn maps(rng: &mut Rng, rows: usize) -> Told {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let there = !rng.one_in(5);
        for (name, cells) in [("a", &mut a), ("b b", &mut b)] {
            let value = (there && rng.one_in(2)).then(|| rng.between(-9, 9));
            if let Some(value) = value {
                builder.keys().append_value(name);
                builder.values().append_value(value);
            }
            cells.push(value.map(Value::Integer));
        }
        builder.append(there).unwrap();
    }
    Told {
        array: Arc::new(builder.finish()),
        wanted: vec![(".a", a), (".b b", b)],
        in_parquet: true,
    }
}

/// An array of each type.
pub(super) fn all(rng: &mut Rng, rows: usize) -> Vec<Told> {
    let mut all = numbers(rng, rows);
    all.extend(times(rng, rows));
    all.extend(spans(rng, rows));
    all.extend(texts(rng, rows));
    all.extend(nested(rng, rows));
    all
}
