//! What is not in files yet, and how parts are merged.
//!
//! `Open` gathers the changes of entries. Publishing makes a part in memory of it: the overlay is the row of such
//! parts, of which there are few however many writes there were (`merging`). A checkpoint writes what is in memory as a
//! file, and merges files of about one size in the same way. A part tells of a row the newest value that it knows;
//! readers take the newest part that tells of it.

use super::entity::{ENTITIES, OpenEntities, entities_of, merge_entities};
use super::memo::Memo;
use super::merging::{Merged, run_at_end};
use super::timers::{RUNG, TIMERS};
use super::{Counts, EVENTS, FACTS, Fold, HISTORY, PROFILES, QUARANTINE, Quarantined, events_of};
use crate::base::codec;
use crate::base::dir::{Dir, remove_if_there};
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::limits::PART_WEIGHT_MAX;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::catalog::Catalog;
use crate::event::{EventRow, OpenTable, merge_table};
use crate::identity::{
    OpenEdges, OpenNodes, OpenSpellings, merge_edges, merge_nodes, merge_spellings,
};
use crate::profile::{OpenRows, merge_rows};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files of about one size that become one.
const FILE_FAN: usize = 4;

/// So many at the end, and who writes more waits for the thread that merges.
const FILES_WAITING: usize = 16;

/// What entries changed and no part has yet.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub nodes: OpenNodes,
    pub edges: OpenEdges,
    pub spellings: OpenSpellings,
    pub history: OpenTable,
    pub profiles: OpenRows,
    pub facts: OpenTable,
    pub events: BTreeMap<u32, OpenTable>,
    pub entities: BTreeMap<u32, OpenEntities>,
    pub timers: OpenTable,
    pub rung: OpenTable,
    quarantine: OpenTable,
}

impl Open {
    pub(super) fn after(counts: &Counts) -> Open {
        Open {
            nodes: OpenNodes::starting_at(counts.nodes),
            profiles: OpenRows::starting_at(counts.ordinals),
            ..Open::default()
        }
    }

    /// Keeps what could not be folded.
    pub(super) fn reject(&mut self, item: &Quarantined, row: &EventRow<'_>) -> Result<()> {
        self.quarantine.push(row);
        self.quarantine.push_bytes(&codec::encode_row(item)?);
        Ok(())
    }

    /// The tables that every store may have.
    fn tables(&self) -> [(BlockKey, &OpenTable); 5] {
        let (facts, quarantine) = ((FACTS, &self.facts), (QUARANTINE, &self.quarantine));
        [facts, quarantine, (HISTORY, &self.history), (TIMERS, &self.timers), (RUNG, &self.rung)]
    }

    /// All tables: those, and the events of each type.
    fn all_tables(&self) -> impl Iterator<Item = &OpenTable> {
        self.events.values().chain(self.tables().map(|(_, table)| table))
    }

    /// How many rows and changes there are.
    fn changes(&self) -> u64 {
        let rows: usize = self.all_tables().map(OpenTable::len).sum();
        let entities: usize = self.entities.values().map(OpenEntities::changes).sum();
        let identity = self.nodes.changes() + self.edges.changes() + self.spellings.changes();
        (identity + self.profiles.changes() + entities + rows) as u64
    }

    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize {
        let rows: usize = self.all_tables().map(OpenTable::weight).sum();
        let entities: usize = self.entities.values().map(OpenEntities::weight).sum();
        let identity = self.nodes.weight() + self.edges.weight() + self.spellings.weight();
        identity + self.profiles.weight() + entities + rows
    }

    /// What is open is in a part in memory now: nothing is open any more.
    fn frozen(&mut self) -> Open {
        let (nodes, profiles) = (self.nodes.frozen(), self.profiles.frozen());
        Open { nodes, edges: self.edges.frozen(), profiles, ..Open::default() }
    }

    /// Takes note that all parts are files.
    pub(super) fn settled(&mut self, files: &[Arc<Part>]) {
        self.nodes.settled(files);
        self.edges.settled(files);
        self.profiles.settled(files);
    }

    /// Begins anew in the same memory: a load fills it again at once.
    fn recycle(&mut self) {
        self.nodes.recycle();
        self.edges.recycle();
        self.spellings.recycle();
        self.history.recycle();
        self.profiles.recycle();
        self.events.values_mut().for_each(OpenTable::recycle);
        self.facts.recycle();
        self.quarantine.recycle();
        self.timers.recycle();
        self.rung.recycle();
        self.entities.clear();
    }

    fn write(&self, part: &mut PartWriter, catalog: &Catalog) -> Result<()> {
        self.nodes.write(part)?;
        self.edges.write(part)?;
        self.spellings.write(part)?;
        self.profiles.write(part, PROFILES, catalog.traits())?;
        self.tables().into_iter().try_for_each(|(key, table)| table.write(part, key))?;
        for (number, open) in &self.entities {
            if let Some(fields) = catalog.entity_fields(*number as usize) {
                open.write(part, entities_of(*number), fields)?;
            }
        }
        self.events.iter().try_for_each(|(number, table)| table.write(part, events_of(*number)))
    }
}

/// The node of rows that belong to none.
pub(super) const NOBODY: NodeId = NodeId(u32::MAX);

/// Merges parts that stand beside each other, the oldest first, into a new one. `whole`: none is older.
pub(super) fn merge(parts: &[Arc<Part>], writer: &mut PartWriter, whole: bool) -> Result<u64> {
    merge_nodes(parts, writer)?;
    merge_edges(parts, writer)?;
    merge_spellings(parts, writer)?;
    merge_rows(parts, PROFILES, writer, whole)?;
    let mut tables: Vec<BlockKey> = vec![FACTS, QUARANTINE, HISTORY, TIMERS, RUNG];
    for part in parts {
        let keys = part.keys_from(EVENTS).take_while(|key| key.space == EVENTS.space);
        tables.extend(keys.map(|key| events_of(key.number)));
    }
    tables.sort_unstable();
    tables.dedup();
    tables.into_iter().try_for_each(|table| merge_table(parts, table, writer))?;
    let mut entities: Vec<BlockKey> = Vec::new();
    for part in parts {
        let keys = part.keys_from(ENTITIES).take_while(|key| key.space == ENTITIES.space);
        entities.extend(keys.map(|key| entities_of(key.number)));
    }
    entities.sort_unstable();
    entities.dedup();
    for space in entities {
        merge_entities(parts, space, writer, whole)?;
    }
    Ok(weight_of(parts.iter()))
}

/// How much is in parts, for the choice of what to merge.
fn weight_of<'p>(parts: impl Iterator<Item = &'p Arc<Part>>) -> u64 {
    parts.fold(0, |sum, part| part.weight().saturating_add(sum))
}

impl Fold {
    /// Makes a part in memory of what is open, so that a clone of the state is the newest snapshot, and merges what is
    /// due.
    ///
    /// # Errors
    /// `Corrupt` when a part that is to be merged cannot be read.
    pub fn freeze(&mut self) -> Result<()> {
        self.freeze_alone()?;
        self.merge_overlay()
    }

    /// As `freeze`, without merging.
    ///
    /// # Errors
    /// `Limit` when a row cannot be written.
    pub fn freeze_alone(&mut self) -> Result<()> {
        let changes = self.open.changes();
        if changes == 0 {
            return Ok(());
        }
        let mut writer = PartWriter::memory();
        self.open.write(&mut writer, &self.state.catalog)?;
        self.close_open();
        self.state.memo = Memo::default();
        Arc::make_mut(&mut self.state.parts).push(Arc::new(writer.into_memory(changes)));
        Ok(())
    }

    /// Takes note of the counts, and begins anew.
    fn close_open(&mut self) {
        self.count_open();
        self.open = self.open.frozen();
    }

    fn count_open(&mut self) {
        self.state.counts.nodes = self.open.nodes.count();
        self.state.counts.ordinals = self.open.profiles.count();
        for (number, open) in &self.open.entities {
            if let Some(count) = self.state.counts.entities.get_mut(*number as usize) {
                *count = open.count();
            }
        }
    }

    /// Writes what is open as a file when it takes more bytes than `most`; without a folder it becomes a part in
    /// memory, which takes less. Readers do not see either before the next publishing.
    ///
    /// # Errors
    /// `Io`, `Corrupt`.
    pub fn spill_if_large(&mut self, dir: Option<&dyn Dir>, most: usize) -> Result<()> {
        if self.open.weight() < most {
            return Ok(());
        }
        match dir {
            None => self.freeze(),
            Some(dir) if self.state.parts.iter().any(|part| part.digest().is_none()) => {
                self.write_files(dir, PART_WEIGHT_MAX)
            }
            Some(dir) => self.spill(dir, PART_WEIGHT_MAX),
        }
    }

    /// As `spill_if_large` into a folder, without merging the files that there are; that is for who asks `due_files`.
    ///
    /// # Errors
    /// As `spill_if_large`.
    pub fn spill_unmerged(&mut self, dir: &dyn Dir, most: usize) -> Result<()> {
        match self.state.parts.iter().any(|part| part.digest().is_none()) {
            true => self.spill_if_large(Some(dir), most),
            false if self.open.weight() < most => Ok(()),
            false => self.spill_alone(dir),
        }
    }

    fn spill(&mut self, dir: &dyn Dir, most: u64) -> Result<()> {
        self.spill_alone(dir)?;
        let merged = self.merge_files(dir, most);
        self.note_files();
        merged
    }

    /// Takes note that all parts are files, if they are.
    pub(super) fn note_files(&mut self) {
        if self.state.parts.iter().all(|part| part.digest().is_some()) {
            self.open.settled(&self.state.parts);
        }
    }

    fn spill_alone(&mut self, dir: &dyn Dir) -> Result<()> {
        let changes = self.open.changes();
        if changes == 0 {
            return Ok(());
        }
        let open = &self.open;
        let catalog = &self.state.catalog;
        let part = write_file(dir, self.state.next_file, |writer| {
            open.write(writer, catalog)?;
            Ok(changes)
        })?;
        self.state.next_file += 1;
        Arc::make_mut(&mut self.state.parts).push(part);
        self.count_open();
        self.open.recycle();
        self.open.settled(&self.state.parts);
        Ok(())
    }

    /// Lets go of the memory that mapped files take: a load looks into all of them for identifiers that it knows, and
    /// what it touched would stay in memory.
    pub fn release(&self) {
        self.state.parts.iter().for_each(|part| part.release());
    }

    /// Writes everything that is in memory as files, and merges those that are due, up to `most` rows and changes.
    ///
    /// # Errors
    /// `Io`, `Corrupt`; the state is then as before.
    pub fn write_files(&mut self, dir: &dyn Dir, most: u64) -> Result<()> {
        let first = self.state.parts.iter().take_while(|part| part.digest().is_some()).count();
        if first == self.state.parts.len() {
            self.spill(dir, most)?;
            self.close_open();
            self.open.settled(&self.state.parts);
            return Ok(());
        }
        self.freeze()?;
        let overlay = self.state.parts.get(first..).unwrap_or_default();
        let number = self.state.next_file;
        let part = write_file(dir, number, |writer| merge(overlay, writer, first == 0))?;
        self.state.next_file += 1;
        let parts = Arc::make_mut(&mut self.state.parts);
        parts.truncate(first);
        parts.push(part);
        let merged = self.merge_files(dir, most);
        self.open.settled(&self.state.parts);
        merged
    }

    fn merge_files(&mut self, dir: &dyn Dir, most: u64) -> Result<()> {
        while let Some(run) = self.due_files(most) {
            let merged = run.merge(dir)?;
            self.adopt(merged);
        }
        Ok(())
    }

    /// Files that are due for merging and have at most so many rows and changes together, and the number of the file
    /// that they become. Newer and smaller ones may stand behind them.
    pub fn due_files(&mut self, most: u64) -> Option<FileRun> {
        let parts = &self.state.parts;
        let mut end = parts.iter().take_while(|part| part.digest().is_some()).count();
        while end > 0 {
            let files = parts.get(..end).unwrap_or_default();
            let alike = run_at_end(files, FILE_FAN as u64);
            let mut run = alike;
            while run >= FILE_FAN && weight_of(files.iter().rev().take(run)) > most {
                run -= 1;
            }
            if run >= FILE_FAN {
                let (parts, whole) = (files.get(end - run..)?.to_vec(), run == end);
                let number = self.state.next_file;
                self.state.next_file += 1;
                return Some(FileRun { parts, whole, number });
            }
            end -= alike.max(1);
        }
        None
    }

    /// All parts in memory, to be made a file beside who writes on: until they are taken back they are merged with no
    /// other.
    pub fn hand_over(&mut self) -> Option<FileRun> {
        let parts = &self.state.parts;
        let first = parts.iter().take_while(|part| part.digest().is_some()).count();
        let parts = parts.get(first..).filter(|parts| !parts.is_empty())?.to_vec();
        self.handed = parts.last().map(Arc::clone);
        let number = self.state.next_file;
        self.state.next_file += 1;
        Some(FileRun { parts, whole: first == 0, number })
    }

    /// Whether so many files are due that it is better to wait for their merging.
    pub fn many_files_wait(&self) -> bool {
        run_at_end(&self.state.parts, FILE_FAN as u64) >= FILES_WAITING
    }
}

/// Files that are to become one.
#[derive(Debug)]
pub struct FileRun {
    parts: Vec<Arc<Part>>,
    /// Whether no part is older.
    whole: bool,
    /// The number of the new file.
    number: u64,
}

impl FileRun {
    /// The name of the file that is made.
    pub fn place(&self) -> String {
        file_name(self.number)
    }

    /// Makes one file of all.
    ///
    /// # Errors
    /// `Corrupt` when one of them cannot be read; `Io`. There is then no new file.
    pub fn merge(self, dir: &dyn Dir) -> Result<Merged> {
        let made = write_file(dir, self.number, |writer| merge(&self.parts, writer, self.whole));
        if made.is_err() {
            // It is no error of its own when the rest of it stays: opening the store removes it.
            let _ = remove_if_there(dir, &file_name(self.number));
        }
        Ok(Merged::new(self.parts, made?))
    }
}

fn file_name(number: u64) -> String {
    format!("{}/part-{number:010}.nave", super::DERIVED)
}

/// Writes a new file and maps it. The file has no name yet that a crash would leave in force.
fn write_file(
    dir: &dyn Dir,
    number: u64,
    fill: impl FnOnce(&mut PartWriter) -> Result<u64>,
) -> Result<Arc<Part>> {
    let name = file_name(number);
    remove_if_there(dir, &name)?;
    let mut writer = PartWriter::file(dir.append(&name)?);
    let weight = fill(&mut writer)?;
    let digest = writer.into_file(weight)?;
    Part::open(dir, &name, &digest).map(Arc::new)
}
