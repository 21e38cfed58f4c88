//! How the files of the shop are written: times, numbers, CSV and JSON.

use super::rng::Rng;
use navedb::Timestamp;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// A file that is written line by line.
#[derive(Debug)]
pub struct Lines(BufWriter<File>);

impl Lines {
    /// Makes a file in a folder.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn create(folder: &Path, name: &str) -> std::io::Result<Lines> {
        Ok(Lines(BufWriter::with_capacity(1 << 20, File::create(folder.join(name))?)))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, line: &str) -> std::io::Result<()> {
        self.0.write_all(line.as_bytes())?;
        self.0.write_all(b"\n")
    }

    /// Writes a line of CSV; nothing stands for a cell that says nothing, an empty text is quoted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn cells(&mut self, cells: &[Option<String>]) -> std::io::Result<()> {
        let cells = cells.iter().map(|cell| cell.as_deref().map_or_else(String::new, csv));
        self.line(&cells.collect::<Vec<_>>().join(","))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn csv(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A text in JSON.
pub fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// A list of texts in JSON.
pub fn json_list(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| json(text)).collect();
    format!("[{}]", texts.join(","))
}

/// An object in JSON, of the fields that say something; their values are JSON already.
pub fn json_object(fields: &[(&str, Option<String>)]) -> String {
    let said = fields
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{}:{value}", json(name))));
    format!("{{{}}}", said.collect::<Vec<_>>().join(","))
}

/// So many hundredths, as a decimal that is sometimes written shorter.
pub fn money(rng: &mut Rng, hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.abs() / 100, hundredths.abs() % 100);
    match rest {
        0 if rng.percent(50) => format!("{sign}{whole}"),
        rest if rest % 10 == 0 && rng.percent(50) => format!("{sign}{whole}.{}", rest / 10),
        rest => format!("{sign}{whole}.{rest:02}"),
    }
}

/// A float from 0 to `limit`: with an exponent, or as a short decimal.
pub fn float(rng: &mut Rng, limit: f64) -> String {
    if rng.percent(70) {
        format!("{:e}", rng.unit() * limit)
    } else {
        format!("{:.2}", rng.unit() * limit)
    }
}

/// A day between two years; ends of months and leap days are more frequent than chance has it.
pub fn day(rng: &mut Rng, first_year: i64, last_year: i64) -> String {
    let year = rng.between(first_year, last_year);
    if rng.percent(8) {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let ends = ["01-31", if leap { "02-29" } else { "02-28" }, "04-30", "12-31", "01-01"];
        return format!("{year:04}-{}", rng.pick(&ends));
    }
    format!("{year:04}-{:02}-{:02}", rng.between(1, 12), rng.between(1, 28))
}

/// An instant in ISO 8601: in UTC, named or not, or with an offset; the last digits may be missing.
pub fn instant(rng: &mut Rng, micros: i64) -> String {
    match rng.below(8) {
        0 => Timestamp(micros).to_string().trim_end_matches('Z').replace('T', " "),
        1 => {
            let local = Timestamp(micros + 7_200_000_000).to_string();
            format!("{}+02:00", local.trim_end_matches('Z'))
        }
        2 => {
            let local = Timestamp(micros - 12_600_000_000).to_string();
            format!("{}-03:30", local.trim_end_matches('Z'))
        }
        _ => Timestamp(micros).to_string(),
    }
}
