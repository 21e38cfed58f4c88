//! A file of the shop as Parquet: each column has the type that its cells have as CSV.

use super::text::DAY;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use navedb::Timestamp;
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Digits of the decimals.
const PRECISION: u8 = 38;
/// Rows of a group: the files of a small shop have several.
const GROUP_ROWS: usize = 1000;

/// The cells of a column; nothing stands for an empty one without quotes.
type Cells<'c> = [Option<&'c str>];

/// Writes rows of cells, the first of which are the names.
///
/// # Panics
/// When the file cannot be written, or a row is shorter than the names.
pub fn write(file: &Path, rows: &[Vec<Option<String>>]) {
    let (header, rows) = rows.split_first().expect("a file has names");
    let columns = header.iter().enumerate().map(|(at, name)| {
        let cells: Vec<Option<&str>> = rows.iter().map(|row| row.get(at)?.as_deref()).collect();
        (name.clone().expect("a column has a name"), column(&cells), true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let file = File::create(file).expect("a file can be made");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a schema");
    writer.write(&batch).expect("rows can be written");
    writer.close().expect("a file can be ended");
}

fn column(cells: &Cells<'_>) -> ArrayRef {
    let said = || cells.iter().flatten();
    let all = |holds: fn(&str) -> bool| said().count() > 0 && said().all(|cell| holds(cell));
    if all(|cell| scale(cell) == Some(0)) {
        return Arc::new(each(cells, |cell| cell.parse().ok()).collect::<Int64Array>());
    }
    if all(|cell| scale(cell).is_some()) {
        let most = said().filter_map(|cell| scale(cell)).max().unwrap_or(0);
        let decimals = each(cells, |cell| units(cell, most)).collect::<Decimal128Array>();
        let scale = i8::try_from(most).expect("few digits");
        return Arc::new(decimals.with_precision_and_scale(PRECISION, scale).expect("they fit"));
    }
    if all(|cell| cell.parse::<f64>().is_ok() && !has_leading_zero(cell)) {
        return Arc::new(each(cells, |cell| cell.parse().ok()).collect::<Float64Array>());
    }
    if all(|cell| matches!(cell, "true" | "false")) {
        return Arc::new(each(cells, |cell| Some(cell == "true")).collect::<BooleanArray>());
    }
    if all(|cell| day(cell).is_some()) {
        return Arc::new(each(cells, day).collect::<Date32Array>());
    }
    if all(|cell| instant(cell).is_some()) {
        let instants = each(cells, instant).collect::<TimestampMicrosecondArray>();
        return Arc::new(instants.with_timezone("UTC"));
    }
    Arc::new(each(cells, |cell| Some(cell.to_owned())).collect::<StringArray>())
}

fn each<T>(cells: &Cells<'_>, read: impl Fn(&str) -> Option<T>) -> impl Iterator<Item = Option<T>> {
    cells.iter().map(move |cell| cell.map(|cell| read(cell).expect("a value of the column's type")))
}

/// A code such as `01126` is text.
fn has_leading_zero(cell: &str) -> bool {
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    unsigned.starts_with('0') && unsigned.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

/// How many digits a number without an exponent has behind its point.
pub(super) fn scale(cell: &str) -> Option<u32> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let pointed = unsigned.len() > whole.len();
    let number = digits(whole) && (digits(fraction) || !pointed) && !has_leading_zero(cell);
    number.then(|| u32::try_from(fraction.len()).ok()).flatten()
}

/// A number in units of its last digit, of which there are so many behind the point.
fn units(cell: &str, digits: u32) -> Option<i128> {
    let missing = digits.checked_sub(scale(cell)?)?;
    let number: i128 = cell.replace('.', "").parse().ok()?;
    number.checked_mul(10_i128.checked_pow(missing)?)
}

fn day(cell: &str) -> Option<i32> {
    let midnight = Timestamp::parse(&format!("{cell}T00:00:00Z")).ok()?;
    i32::try_from(midnight.0.div_euclid(DAY)).ok()
}

fn instant(cell: &str) -> Option<i64> {
    Timestamp::parse(cell).ok().filter(|_| cell.contains('T')).map(|time| time.0)
}
