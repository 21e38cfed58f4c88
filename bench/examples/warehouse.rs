//! Writes the two Parquet files of `bench/warehouses`: profiles, and what they did in the year before the questions.
//!
//! ```text
//! cargo run --release -p nave-bench --example warehouse -- FOLDER PROFILES [SEED]
//! ```
//!
//! | file | rows |
//! |---|---|
//! | `profiles.parquet` | one a person: country, city of many, plan, language, consents, age, value, sign-up, tags |
//! | `events.parquet` | five a person on average, in the order of time, each with the name of its event |
//!
//! The same seed and number give the same rows. One row group, or one day of events, is in memory at a time. All
//! events lie in 2025, so that questions are asked for 2026-01-01T00:00:00Z.

#[path = "warehouse/events.rs"]
mod events;
#[path = "warehouse/profiles.rs"]
mod profiles;
#[path = "warehouse/words.rs"]
mod words;

use arrow::array::RecordBatch;
use nave_bench::million::Rng;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::error::Error;
use std::fs::File;
use std::path::Path;

/// Rows of a row group: as many as DuckDB puts into one.
pub const GROUP_ROWS: usize = 122_880;

/// What chance is drawn from: one stream of numbers for each kind of thing and its number.
pub fn chance(seed: u64, kind: u64, number: u64) -> Rng {
    let mut rng = Rng(seed ^ kind.wrapping_mul(0xa076_1d64_78bd_642f));
    Rng(rng.next() ^ number.wrapping_mul(0xe703_7ed1_a0b4_28db))
}

/// The identifier of a person.
pub fn user(number: u64) -> String {
    format!("u{number:08}")
}

/// A Parquet file that is written batch by batch, each a row group.
pub struct Writer {
    path: std::path::PathBuf,
    writer: Option<ArrowWriter<File>>,
    rows: usize,
}

impl Writer {
    /// A file that is made when the first row group comes.
    pub fn create(path: &Path) -> Writer {
        Writer { path: path.to_owned(), writer: None, rows: 0 }
    }

    /// Writes a row group.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Box<dyn Error>> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let properties = WriterProperties::builder()
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .set_compression(Compression::SNAPPY)
                    .build();
                let file = File::create(&self.path)?;
                none.insert(ArrowWriter::try_new(file, batch.schema(), Some(properties))?)
            }
        };
        self.rows += batch.num_rows();
        writer.write(batch)?;
        Ok(writer.flush()?)
    }

    /// Ends the file and tells how large it is.
    pub fn close(self) -> Result<(), Box<dyn Error>> {
        if let Some(writer) = self.writer {
            writer.close()?;
        }
        let bytes = std::fs::metadata(&self.path)?.len();
        println!("{}: {} rows, {bytes} bytes", self.path.display(), self.rows);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, count, seed) = match arguments.as_slice() {
        [folder, count] => (folder, count, "1"),
        [folder, count, seed] => (folder, count, *seed),
        _ => return Err("usage: warehouse FOLDER PROFILES [SEED]".into()),
    };
    let (folder, count, seed) = (Path::new(folder), count.parse()?, seed.parse()?);
    if count == 0 || count >= 1_000_000_000 {
        return Err("PROFILES is from 1 to 999,999,999".into());
    }
    std::fs::create_dir_all(folder)?;
    profiles::write(&folder.join("profiles.parquet"), seed, count)?;
    events::write(&folder.join("events.parquet"), seed, count)
}
