//! Random Parquet columns of every physical and logical type, and what each cell must then be, by `docs/formats.md`.

use crate::rng::Rng;
use navedb::{Date, Decimal, Timestamp, Value};
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, Int96};

/// What stands in the file.
pub(super) enum Cells {
    Boolean(Vec<Option<bool>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Int96(Vec<Option<Int96>>),
    Float(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Bytes(Vec<Option<ByteArray>>),
    Fixed(Vec<Option<ByteArray>>),
}

/// A column: how the schema declares it, around its name; its cells; and the values that they are.
pub(super) struct Column {
    pub declared: (String, String),
    pub cells: Cells,
    /// Nothing for NULL, and for what goes to quarantine.
    pub wanted: Vec<Option<Value>>,
    /// How many cells go to quarantine.
    pub odd: u64,
    /// The encodings, beside plain and dictionary, that the type may have.
    pub encodings: &'static [Encoding],
}

const INTEGERS: &[Encoding] = &[Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT];
const FLOATS: &[Encoding] = &[Encoding::BYTE_STREAM_SPLIT];
const TEXTS: &[Encoding] = &[Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];
const FIXED: &[Encoding] = &[Encoding::DELTA_BYTE_ARRAY, Encoding::BYTE_STREAM_SPLIT];
const DAY: i64 = 86_400_000_000;
/// Years 1 to 9999, in microseconds since 1970.
const TIMES: (i64, i64) = (-62_135_596_800_000_000, 253_402_300_799_999_999);

/// So many cells, a fifth of them NULL: what stands in the file, and the value.
fn draw<T>(
    rng: &mut Rng,
    rows: usize,
    mut cell: impl FnMut(&mut Rng) -> (T, Value),
) -> (Vec<Option<T>>, Vec<Option<Value>>) {
    (0..rows)
        .map(|_| match rng.one_in(5) {
            true => (None, None),
            false => {
                let (cell, value) = cell(rng);
                (Some(cell), Some(value))
            }
        })
        .unzip()
}

fn column<T>(
    declared: (&str, &str),
    into: fn(Vec<Option<T>>) -> Cells,
    (cells, wanted): (Vec<Option<T>>, Vec<Option<Value>>),
    encodings: &'static [Encoding],
) -> Column {
    let odd = cells.iter().zip(&wanted).filter(|(c, w)| c.is_some() && w.is_none()).count() as u64;
    let declared = (declared.0.to_owned(), declared.1.to_owned());
    Column { declared, cells: into(cells), wanted, odd, encodings }
}

/// Any number of a width, often one at its edges.
fn bits(rng: &mut Rng, width: u32) -> u64 {
    let all = u64::MAX >> (64 - width);
    match rng.below(6) {
        0 => 0,
        1 => all,
        2 => all >> 1,
        3 => (all >> 1) + 1,
        _ => (rng.next() & all) >> rng.below(width as usize),
    }
}

/// The same bits as a number with a sign.
fn signed(bits: u64, width: u32) -> i64 {
    (bits << (64 - width)) as i64 >> (64 - width)
}

fn integers(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let mut all = Vec::new();
    for (width, sign) in [8, 16, 32, 64].into_iter().flat_map(|w| [(w, true), (w, false)]) {
        let annotation = format!("INTEGER({width},{sign})");
        let value = |bits: u64| match (sign, i64::try_from(bits)) {
            (true, _) => Value::Integer(signed(bits, width)),
            (false, Ok(small)) => Value::Integer(small),
            (false, Err(_)) => Value::Decimal(Decimal::new(i128::from(bits), 0).unwrap()),
        };
        if width == 64 {
            let cells = draw(rng, rows, |rng| {
                let bits = bits(rng, width);
                (bits as i64, value(bits))
            });
            all.push(column(("int64", &annotation), Cells::Int64, cells, INTEGERS));
        } else {
            let cells = draw(rng, rows, |rng| {
                let bits = bits(rng, width);
                let stored = if sign { signed(bits, width) as i32 } else { bits as u32 as i32 };
                (stored, value(bits))
            });
            all.push(column(("int32", &annotation), Cells::Int32, cells, INTEGERS));
        }
    }
    let plain = draw(rng, rows, |rng| {
        let bits = bits(rng, 64);
        (bits as i64, Value::Integer(bits as i64))
    });
    all.push(column(("int64", ""), Cells::Int64, plain, INTEGERS));
    let plain = draw(rng, rows, |rng| {
        let number = rng.next() as i32;
        (number, Value::Integer(number.into()))
    });
    all.push(column(("int32", ""), Cells::Int32, plain, INTEGERS));
    let flags = draw(rng, rows, |rng| {
        let flag = rng.one_in(2);
        (flag, Value::Boolean(flag))
    });
    all.push(column(("boolean", ""), Cells::Boolean, flags, &[Encoding::RLE]));
    all
}

/// A decimal of at most so many digits.
fn decimal(rng: &mut Rng, digits: u32, scale: u8) -> (i128, Value) {
    let limit = 10_i128.pow(1 + rng.below(digits as usize) as u32);
    let number = (i128::from(rng.next()) << 64 | i128::from(rng.next())) % limit;
    (number, Value::Decimal(Decimal::new(number, scale).unwrap()))
}

/// The bytes of a number, the highest first: all sixteen, or no more than it needs.
fn big_endian(number: i128, length: usize) -> ByteArray {
    let sign = if number < 0 { 0xff } else { 0 };
    let bytes = number.to_be_bytes();
    let mut all = vec![sign; length.saturating_sub(16)];
    all.extend_from_slice(&bytes[16 - length.min(16)..]);
    ByteArray::from(all)
}

fn shortest(number: i128) -> ByteArray {
    let bits = 129 - if number < 0 { (!number).leading_zeros() } else { number.leading_zeros() };
    big_endian(number, bits.div_ceil(8).max(1) as usize)
}

fn decimals(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let mut all = Vec::new();
    for (digits, scale) in [(9, 2), (9, 0), (5, 5)] {
        let cells = draw(rng, rows, |rng| {
            let (number, value) = decimal(rng, digits, scale);
            (number as i32, value)
        });
        let annotation = format!("DECIMAL({digits},{scale})");
        all.push(column(("int32", &annotation), Cells::Int32, cells, INTEGERS));
    }
    for (digits, scale) in [(18, 4), (18, 18)] {
        let cells = draw(rng, rows, |rng| {
            let (number, value) = decimal(rng, digits, scale);
            (number as i64, value)
        });
        let annotation = format!("DECIMAL({digits},{scale})");
        all.push(column(("int64", &annotation), Cells::Int64, cells, INTEGERS));
    }
    for (length, digits, scale) in [(16, 38, 10), (7, 16, 2), (20, 38, 38)] {
        let cells = draw(rng, rows, |rng| {
            let (number, value) = decimal(rng, digits, scale);
            (big_endian(number, length), value)
        });
        let (kind, annotation) =
            (format!("fixed_len_byte_array({length})"), format!("DECIMAL({digits},{scale})"));
        all.push(column((&kind, &annotation), Cells::Fixed, cells, FIXED));
    }
    let cells = draw(rng, rows, |rng| {
        let (number, value) = decimal(rng, 38, 3);
        (shortest(number), value)
    });
    all.push(column(("binary", "DECIMAL(38,3)"), Cells::Bytes, cells, TEXTS));
    all
}

/// A float, sometimes one that is no number and goes to quarantine: its text in the shortest form is kept.
fn floats(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let some = |rng: &mut Rng| match rng.below(8) {
        0 => *rng.pick(&[0.0, -0.0, 1.0, -1e300, 5e-324, f64::MAX]),
        1 => *rng.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        2 => rng.between(-1000, 1000) as f64 / 4.0,
        _ => f64::from_bits(rng.next()),
    };
    // What is told of a narrow float is what its shortest text says.
    let told = |text: String| text.parse::<f64>().ok().filter(|f| f.is_finite()).map(Value::Float);
    let mut all = Vec::new();
    let (mut cells, mut wanted) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let cell = (!rng.one_in(5)).then(|| some(rng));
        wanted.push(cell.and_then(|cell| told(format!("{cell:?}"))));
        cells.push(cell);
    }
    all.push(column(("double", ""), Cells::Double, (cells, wanted), FLOATS));
    let (mut cells, mut wanted) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let cell = (!rng.one_in(5)).then(|| some(rng) as f32);
        wanted.push(cell.and_then(|cell| told(format!("{cell:?}"))));
        cells.push(cell);
    }
    all.push(column(("float", ""), Cells::Float, (cells, wanted), FLOATS));
    // Halves that are exact: an integer below 2048 by a power of two.
    let cells = draw(rng, rows, |rng| {
        let half = (rng.below(0x7c00) | rng.below(2) << 15) as u16;
        let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
        let (exponent, fraction) = (i32::from(half >> 10 & 31), f64::from(half & 0x3ff));
        let value = match exponent {
            0 => fraction * 2_f64.powi(-24),
            exponent => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
        };
        let told = format!("{:?}", (sign * value) as f32).parse().unwrap();
        (ByteArray::from(half.to_le_bytes().to_vec()), Value::Float(told))
    });
    all.push(column(("fixed_len_byte_array(2)", "FLOAT16"), Cells::Fixed, cells, FIXED));
    all
}

/// A text of hours, minutes, seconds and nanoseconds.
fn clock(nanos: i64) -> String {
    let second = nanos / 1_000_000_000;
    let text = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    match nanos % 1_000_000_000 {
        0 => text,
        part => format!("{text}.{part:09}").trim_end_matches('0').to_owned(),
    }
}

/// An instant, sometimes one of no calendar that we have; the value is exact to the microsecond.
fn instants(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let mut all = Vec::new();
    for (unit, micros, zone) in
        ["MILLIS", "MICROS"].iter().zip([1000, 1]).flat_map(|(u, m)| [(u, m, true), (u, m, false)])
    {
        let cells = draw(rng, rows, |rng| {
            let count = rng.between(TIMES.0 / micros, TIMES.1 / micros);
            (count, Value::Timestamp(Timestamp(count * micros)))
        });
        let annotation = format!("TIMESTAMP({unit},{zone})");
        all.push(column(("int64", &annotation), Cells::Int64, cells, INTEGERS));
    }
    for zone in [true, false] {
        let cells = draw(rng, rows, |rng| {
            let count = rng.next() as i64;
            (count, Value::Timestamp(Timestamp(count.div_euclid(1000))))
        });
        let annotation = format!("TIMESTAMP(NANOS,{zone})");
        all.push(column(("int64", &annotation), Cells::Int64, cells, INTEGERS));
    }
    // Julian days and nanoseconds: the far days that stand for never are among them.
    let cells = draw(rng, rows, |rng| {
        let time = *rng.pick(&[TIMES.0, TIMES.1, rng.clone().between(TIMES.0, TIMES.1)]);
        rng.next();
        let (day, nanos) = (time.div_euclid(DAY), time.rem_euclid(DAY) * 1000);
        let mut cell = Int96::new();
        cell.set_data(nanos as u32, (nanos >> 32) as u32, (day + 2_440_588) as u32);
        (cell, Value::Timestamp(Timestamp(time)))
    });
    all.push(column(("int96", ""), Cells::Int96, cells, &[]));
    all
}

fn times(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let mut all = instants(rng, rows);
    // Days, of which those behind the year 9999 go to quarantine.
    let (mut cells, mut wanted) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let day = match rng.below(12) {
            0 => None,
            1 => Some((i32::MAX, None)),
            _ => Some(rng.between(TIMES.0 / DAY, TIMES.1 / DAY) as i32)
                .map(|day| (day, Some(Value::Date(Date(day))))),
        };
        cells.push(day.as_ref().map(|(day, _)| *day));
        wanted.push(day.and_then(|(_, value)| value));
    }
    all.push(column(("int32", "DATE"), Cells::Int32, (cells, wanted), INTEGERS));
    let cells = draw(rng, rows, |rng| {
        let millis = rng.between(0, 86_399_999);
        (millis as i32, Value::Text(clock(millis * 1_000_000)))
    });
    all.push(column(("int32", "TIME(MILLIS,true)"), Cells::Int32, cells, INTEGERS));
    for (unit, nanos) in [("MICROS", 1000), ("NANOS", 1)] {
        let cells = draw(rng, rows, |rng| {
            let count = rng.between(0, 86_400_000_000_000 / nanos - 1);
            (count, Value::Text(clock(count * nanos)))
        });
        let annotation = format!("TIME({unit},false)");
        all.push(column(("int64", &annotation), Cells::Int64, cells, INTEGERS));
    }
    let cells = draw(rng, rows, |rng| {
        let mut bytes = Vec::new();
        let parts = [rng.below(30), rng.below(400), rng.below(100_000_000)];
        parts.iter().for_each(|part| bytes.extend_from_slice(&(*part as u32).to_le_bytes()));
        let [months, days, millis] = parts;
        let seconds = (millis / 1000, millis % 1000);
        let text = match seconds.1 {
            0 => format!("P{months}M{days}DT{}S", seconds.0),
            part => {
                format!("P{months}M{days}DT{}", seconds.0)
                    + format!(".{part:03}").trim_end_matches('0')
                    + "S"
            }
        };
        (ByteArray::from(bytes), Value::Text(text))
    });
    all.push(column(("fixed_len_byte_array(12)", "INTERVAL"), Cells::Fixed, cells, FIXED));
    all
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(*group.get(index).unwrap_or(&0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let code = DIGITS[(word >> (18 - 6 * digit) & 63) as usize];
            text.push(if digit > group.len() { '=' } else { char::from(code) });
        }
    }
    text
}

/// Texts that a reader may stumble over. None looks like a day or an instant: those would be such.
pub(super) fn odd_text(rng: &mut Rng) -> String {
    const PIECES: [&str; 19] = [
        "", " ", "a", "Ann", "ü", "日本", "🦀", "\u{1e}", "\u{1f}", "\n", "\r\n", "\t", "\"", "\\",
        ",", "null", "007", "\u{feff}", "\u{0}",
    ];
    (0..rng.below(6)).map(|_| *rng.pick(&PIECES)).collect()
}

fn texts(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let mut all = Vec::new();
    for annotation in ["STRING", "UTF8", "ENUM", "JSON"] {
        let cells = draw(rng, rows, |rng| {
            let text = if annotation == "JSON" {
                format!("{{\"a\": [{}, 1.10]}}", rng.below(9))
            } else {
                odd_text(rng)
            };
            (ByteArray::from(text.as_str()), Value::Text(text))
        });
        all.push(column(("binary", annotation), Cells::Bytes, cells, TEXTS));
    }
    for annotation in ["", "BSON"] {
        let cells = draw(rng, rows, |rng| {
            let bytes: Vec<u8> = (0..rng.below(9)).map(|_| rng.next() as u8).collect();
            (ByteArray::from(bytes.clone()), Value::Text(base64(&bytes)))
        });
        all.push(column(("binary", annotation), Cells::Bytes, cells, TEXTS));
    }
    let cells = draw(rng, rows, |rng| {
        let bytes: Vec<u8> = (0..16).map(|_| rng.next() as u8).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        (ByteArray::from(bytes), Value::Text(parts.join("-")))
    });
    all.push(column(("fixed_len_byte_array(16)", "UUID"), Cells::Fixed, cells, FIXED));
    let cells = draw(rng, rows, |rng| {
        let bytes: Vec<u8> = (0..5).map(|_| rng.next() as u8).collect();
        (ByteArray::from(bytes.clone()), Value::Text(base64(&bytes)))
    });
    all.push(column(("fixed_len_byte_array(5)", ""), Cells::Fixed, cells, FIXED));
    all
}

/// A column of each type.
pub(super) fn all(rng: &mut Rng, rows: usize) -> Vec<Column> {
    let mut all = integers(rng, rows);
    all.extend(decimals(rng, rows));
    all.extend(floats(rng, rows));
    all.extend(times(rng, rows));
    all.extend(texts(rng, rows));
    all
}
