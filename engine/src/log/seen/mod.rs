//! What exactly-once remembers: for every key, the positions of its rows.
//!
//! *What it is:* a table in memory for the newest rows, and sorted runs on disk, mapped, each behind a filter. 16 bytes
//! a row: 64 bits of the key, and the position; of rows whose keys are a stem and a number, stretches of such
//! rows. *Invariants:* a look-up gives every position whose key may
//! be the one asked for, and the caller compares the whole key in the log, so that a collision of 64 bits costs a read
//! and never an answer; nothing is ever removed (a retracted row is told by the retractions). Runs are derived: lost or
//! damaged ones are made again from the log.

mod numbered;
mod run;

use crate::base::codec::{Digest128, DigestMap};
use crate::base::dir::Dir;
use crate::base::error::Result;
use crate::base::ids::Position;
use crate::base::limits::{KEY_RUN_ROWS_MAX, KEY_RUNS_MAX};
use crate::base::row_key::Stretch;
use bincode::{Decode, Encode};
use numbered::Numbered;
use run::Run;
use std::collections::HashMap;
use std::sync::Arc;

pub use run::RunName;

/// One remembered row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SeenRow {
    prefix: u64,
    position: Position,
}

/// Where the keys of all rows are: in these files, and these stretches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct SeenNames {
    /// The runs.
    pub runs: Vec<RunName>,
    /// Stretches of rows by position.
    pub stretches: Vec<Stretch>,
}

/// The keys of all rows.
pub struct SeenKeys {
    dir: Arc<dyn Dir>,
    folder: &'static str,
    newest: DigestMap<u64, Position>,
    /// Rows whose key prefix is already in `newest`: after a retraction, and for collisions.
    repeated: HashMap<u64, Vec<Position>>,
    count: usize,
    runs: Vec<Run>,
    numbered: Numbered,
    memory_max: usize,
}

/// Half of the bits of a key: of both halves, since keys of rows of files differ in their last bytes alone.
fn prefix_of(key: &Digest128) -> u64 {
    let half = |half: Option<&[u8; 8]>| u64::from_le_bytes(half.copied().unwrap_or_default());
    half(key.first_chunk()) ^ half(key.last_chunk())
}

impl SeenKeys {
    /// Opens the runs of a folder; `memory_max` rows are held in memory before they become a run.
    ///
    /// # Errors
    /// `Corrupt` when a run does not hold; `NotFound`, `Io`.
    pub fn open(
        dir: Arc<dyn Dir>,
        folder: &'static str,
        names: &SeenNames,
        memory_max: usize,
    ) -> Result<SeenKeys> {
        let runs: Result<Vec<Run>> =
            names.runs.iter().map(|name| Run::open(dir.as_ref(), folder, name)).collect();
        Ok(SeenKeys {
            dir,
            folder,
            newest: DigestMap::default(),
            repeated: HashMap::new(),
            count: 0,
            runs: runs?,
            numbered: Numbered::of(&names.stretches),
            memory_max,
        })
    }

    /// Remembers a row.
    pub fn add(&mut self, key: &Digest128, position: Position) {
        let prefix = prefix_of(key);
        self.count += 1;
        if let Some(before) = self.newest.insert(prefix, position) {
            self.repeated.entry(prefix).or_default().push(before);
        }
    }

    /// Remembers rows whose keys are a stem and numbers that grow as their positions do.
    pub fn add_stretch(&mut self, stretch: Stretch) {
        self.numbered.add(stretch);
    }

    /// The positions of all rows that may have the key, the newest first.
    pub fn candidates(&self, key: &Digest128) -> Vec<Position> {
        let prefix = prefix_of(key);
        let mut found = Vec::new();
        if let Some(position) = self.newest.get(&prefix) {
            found.push(*position);
            found.extend(self.repeated.get(&prefix).into_iter().flatten());
        }
        for run in &self.runs {
            run.find(prefix, &mut found);
        }
        self.numbered.find(key, &mut found);
        found.sort_unstable_by(|a, b| b.cmp(a));
        found
    }

    /// Whether the table in memory should become a run.
    pub fn full(&self) -> bool {
        self.count >= self.memory_max
    }

    /// Lets the table in memory grow to twice its size before it is full again: after a run could not be written.
    pub fn postpone(&mut self) {
        self.memory_max = self.memory_max.saturating_mul(2);
    }

    /// Writes the table in memory as a run, merges the runs when they are many, and returns the names of all; files
    /// that are no longer named may be removed.
    ///
    /// # Errors
    /// `Io`; the table stays in memory then.
    pub fn spill(&mut self) -> Result<SeenNames> {
        if self.count > 0 {
            let mut rows: Vec<SeenRow> = self
                .newest
                .iter()
                .map(|(prefix, position)| SeenRow { prefix: *prefix, position: *position })
                .collect();
            for (prefix, positions) in &self.repeated {
                rows.extend(positions.iter().map(|p| SeenRow { prefix: *prefix, position: *p }));
            }
            rows.sort_unstable();
            self.runs.push(Run::write(
                self.dir.as_ref(),
                self.folder,
                rows.len(),
                rows.into_iter(),
            )?);
            self.newest = DigestMap::default();
            self.repeated = HashMap::new();
            self.count = 0;
        }
        self.merge_small()?;
        Ok(self.names())
    }

    /// Merges the small runs when they are many, as far as a merge fits into bounded memory.
    fn merge_small(&mut self) -> Result<()> {
        let small = |run: &Run| run.len() < KEY_RUN_ROWS_MAX;
        if self.runs.iter().filter(|run| small(run)).count() <= KEY_RUNS_MAX {
            return Ok(());
        }
        let mut total = 0;
        let (chosen, kept): (Vec<Run>, Vec<Run>) = self.runs.drain(..).partition(|run| {
            let fits = small(run) && total + run.len() <= KEY_RUN_ROWS_MAX.max(run.len());
            total += if fits { run.len() } else { 0 };
            fits
        });
        self.runs = kept;
        match Run::write(self.dir.as_ref(), self.folder, total, run::merge(&chosen)) {
            Ok(merged) => self.runs.push(merged),
            Err(e) => {
                self.runs.extend(chosen);
                return Err(e);
            }
        }
        Ok(())
    }

    /// Lets go of the memory that mapped runs take, until they are next needed: of millions of look-ups enough pass a
    /// filter by chance to touch all of a run.
    pub fn release(&self) {
        self.runs.iter().for_each(Run::release);
    }

    /// The names of the runs, and the stretches.
    pub fn names(&self) -> SeenNames {
        SeenNames {
            runs: self.runs.iter().map(Run::name).collect(),
            stretches: self.numbered.all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::digest;
    use crate::base::dir::MemoryDir;
    use crate::base::row_key;
    use std::collections::BTreeMap;

    #[test]
    fn runs_answer_as_a_plain_map_would() {
        let dir: Arc<dyn Dir> = Arc::new(MemoryDir::new());
        let mut seen =
            SeenKeys::open(Arc::clone(&dir), "derived", &SeenNames::default(), 100).unwrap();
        let mut plain: BTreeMap<Digest128, Vec<Position>> = BTreeMap::new();
        for number in 0..3000_u64 {
            // Some keys come again, as after a retraction.
            let key = digest(&(number % 2500).to_le_bytes());
            seen.add(&key, Position(number));
            plain.entry(key).or_default().insert(0, Position(number));
            if seen.full() {
                seen.spill().unwrap();
            }
        }
        let names = seen.spill().unwrap();
        let reopened = SeenKeys::open(Arc::clone(&dir), "derived", &names, 100).unwrap();
        for (key, positions) in &plain {
            assert_eq!(&seen.candidates(key), positions);
            assert_eq!(&reopened.candidates(key), positions);
        }
        for number in 5000..6000_u64 {
            assert!(reopened.candidates(&digest(&number.to_le_bytes())).is_empty());
        }
        assert!(names.runs.len() <= KEY_RUNS_MAX);
    }

    #[test]
    fn keys_of_one_stem_are_told_apart() {
        let dir: Arc<dyn Dir> = Arc::new(MemoryDir::new());
        let names = SeenNames::default();
        let mut seen = SeenKeys::open(Arc::clone(&dir), "derived", &names, 100).unwrap();
        let stem = row_key::stem_of(&digest(b"x"));
        (0..90).for_each(|n| seen.add(&row_key::numbered(&stem, n), Position(n)));
        let names = seen.spill().unwrap();
        (90..150).for_each(|n| seen.add(&row_key::numbered(&stem, n), Position(n)));
        for n in 0..150 {
            assert_eq!(seen.candidates(&row_key::numbered(&stem, n)), [Position(n)]);
        }
        let seen = SeenKeys::open(Arc::clone(&dir), "derived", &names, 100).unwrap();
        assert_eq!(seen.candidates(&row_key::numbered(&stem, 7)), [Position(7)]);
    }

    #[test]
    fn a_damaged_run_is_refused() {
        let disk = MemoryDir::new();
        let dir: Arc<dyn Dir> = Arc::new(disk.clone());
        let mut seen =
            SeenKeys::open(Arc::clone(&dir), "derived", &SeenNames::default(), 100).unwrap();
        (0..10_u64).for_each(|n| seen.add(&digest(&n.to_le_bytes()), Position(n)));
        let names = seen.spill().unwrap();
        let (name, bytes) = disk.files().remove(0);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            disk.put(&name, flipped);
            assert!(SeenKeys::open(Arc::clone(&dir), "derived", &names, 100).is_err(), "bit {bit}");
        }
    }
}
