//! The files: rows in the order of days, as sources write them, and the truth beside them.

use super::household::Person;
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

const DAYS: usize = 365;
const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
pub const DAY: i64 = 86_400;

/// An instant of 2025, in seconds since it began, as ISO 8601 has it.
pub fn instant(seconds: i64) -> String {
    let (mut day, second) = (seconds / DAY, seconds % DAY);
    let mut month = 1;
    for days in MONTHS {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("2025-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}Z", day + 1, second % 60)
}

/// An identifier in JSON.
pub fn identifier(namespace: &str, value: &str) -> String {
    format!(r#"{{"namespace":"{namespace}","value":"{value}"}}"#)
}

/// Rows that are kept until all are known, by day: a source writes in the order of time, not of persons.
#[derive(Default)]
pub struct Dated {
    days: Vec<String>,
    rows: usize,
}

impl Dated {
    /// Adds a row at an instant.
    pub fn row(&mut self, at: i64, row: &str) {
        let day = ((at / DAY).max(0) as usize).min(DAYS - 1);
        if self.days.len() <= day {
            self.days.resize(day + 1, String::new());
        }
        if let Some(text) = self.days.get_mut(day) {
            text.push_str(row);
            text.push('\n');
            self.rows += 1;
        }
    }

    fn write(&self, path: &Path, header: &str) -> Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(header.as_bytes())?;
        for day in &self.days {
            file.write_all(day.as_bytes())?;
        }
        file.flush()
    }
}

/// Whether two identifiers that were planted together are of one person.
#[derive(Clone, Copy, PartialEq)]
pub enum Expected {
    One,
    Apart,
    /// They are not, and only a correction can tell.
    ApartOnceCorrected,
}

pub struct Files {
    pub crm: Dated,
    pub shop: Dated,
    pub web: Dated,
    pub app: Dated,
    pub places: Dated,
    pub corrections: Dated,
    truth: BufWriter<File>,
    links: BufWriter<File>,
}

pub const CRM_HEADER: &str = "customer,updated,title,first_name,last_name,birth_date,address,postcode,city,\
                              email,phone,contact_email,contact_phone\n";

impl Files {
    pub fn create(folder: &Path) -> Result<Files> {
        let mut truth = BufWriter::new(File::create(folder.join("truth.csv"))?);
        let mut links = BufWriter::new(File::create(folder.join("links.csv"))?);
        writeln!(truth, "namespace,value,person,household,kind")?;
        writeln!(links, "kind,by,expected,left_namespace,left,right_namespace,right")?;
        Ok(Files {
            crm: Dated::default(),
            shop: Dated::default(),
            web: Dated::default(),
            app: Dated::default(),
            places: Dated::default(),
            corrections: Dated::default(),
            truth,
            links,
        })
    }

    /// Tells whose an identifier is.
    pub fn truth(&mut self, namespace: &str, value: &str, of: &Person, kind: &str) -> Result<()> {
        writeln!(self.truth, "{namespace},{value},{},{},{kind}", of.number, of.household)
    }

    /// Tells of a pair that was planted; `by` is what the two have in common.
    pub fn link(
        &mut self,
        (kind, by): (&str, &str),
        expected: Expected,
        left: (&str, &str),
        right: (&str, &str),
    ) -> Result<()> {
        let expected = match expected {
            Expected::One => "one",
            Expected::Apart => "apart",
            Expected::ApartOnceCorrected => "corrected",
        };
        let ((one, left), (other, right)) = (left, right);
        writeln!(self.links, "\"{kind}\",\"{by}\",{expected},{one},{left},{other},{right}")
    }

    /// Writes all; the names of the files with their rows.
    pub fn finish(mut self, folder: &Path) -> Result<Vec<(&'static str, usize)>> {
        self.truth.flush()?;
        self.links.flush()?;
        let files = [
            ("crm.csv", &self.crm, CRM_HEADER),
            ("shop.ndjson", &self.shop, ""),
            ("web.ndjson", &self.web, ""),
            ("app.ndjson", &self.app, ""),
            ("places.ndjson", &self.places, ""),
            ("corrections.ndjson", &self.corrections, ""),
        ];
        let mut told = Vec::new();
        for (name, rows, header) in files {
            rows.write(&folder.join(name), header)?;
            told.push((name, rows.rows));
        }
        Ok(told)
    }
}
