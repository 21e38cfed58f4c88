//! A disk in memory that knows what was synced, so that a test can take the power away.
//!
//! *Invariants:* what was synced survives every crash; the name of a file survives only when its folder was synced
//! after the name was given. What was not synced survives as the kind of crash says.

use super::{AppendFile, Dir};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::mmap::FileBytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a crash leaves of the data that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Everything, as when only the process dies.
    KeepAll,
    /// Nothing.
    LoseUnsynced,
    /// A random part: some writes, cut at 512 bytes, and the first few changes of names.
    Tear {
        /// Chooses the part.
        seed: u64,
    },
}

#[derive(Debug, Clone, Default)]
struct File {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Stretches of `current` that were written and not synced.
    unsynced: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(String, u64),
    Gone(String),
}

#[derive(Debug, Clone, Default)]
struct Disk {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending: Vec<NameChange>,
    next: u64,
    locked: bool,
}

/// A folder in memory; a clone is the same folder.
#[derive(Debug, Clone, Default)]
pub struct MemoryDir {
    disk: Arc<Mutex<Disk>>,
}

fn missing(name: &str) -> Error {
    Error::not_found(format!("there is no file {name}"))
}

impl Disk {
    fn file(&self, name: &str) -> Result<&File> {
        self.names.get(name).and_then(|id| self.files.get(id)).ok_or_else(|| missing(name))
    }

    fn change_name(&mut self, change: NameChange) {
        match &change {
            NameChange::Set(name, id) => self.names.insert(name.clone(), *id),
            NameChange::Gone(name) => self.names.remove(name),
        };
        self.pending.push(change);
    }

    fn make_names_durable(&mut self, changes: impl IntoIterator<Item = NameChange>) {
        for change in changes {
            match change {
                NameChange::Set(name, id) => self.durable_names.insert(name, id),
                NameChange::Gone(name) => self.durable_names.remove(&name),
            };
        }
    }
}

/// A step of splitmix64 (Steele, Lea and Flood 2014), enough to choose what a crash leaves.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl File {
    /// What is left of the file when a random part of its unsynced bytes reached the disk.
    fn torn(&self, state: &mut u64) -> Vec<u8> {
        let mut left = self.durable.clone();
        for &(from, to) in &self.unsynced {
            let mut start = from;
            while start < to {
                let end = to.min((start / 512 + 1) * 512);
                if random(state).is_multiple_of(2) {
                    if left.len() < end {
                        left.resize(end, 0);
                    }
                    if let (Some(slot), Some(bytes)) =
                        (left.get_mut(start..end), self.current.get(start..end))
                    {
                        slot.copy_from_slice(bytes);
                    }
                }
                start = end;
            }
        }
        left
    }
}

impl MemoryDir {
    /// An empty folder.
    pub fn new() -> MemoryDir {
        MemoryDir::default()
    }

    /// What a new process finds after the power went, or the process died. This folder is not touched.
    pub fn crash(&self, how: Crash) -> MemoryDir {
        let mut disk = self.disk.lock().clone();
        disk.locked = false;
        let pending = std::mem::take(&mut disk.pending);
        let mut state = if let Crash::Tear { seed } = how { seed } else { 0 };
        match how {
            Crash::KeepAll => disk.make_names_durable(pending),
            Crash::LoseUnsynced => {}
            Crash::Tear { .. } => {
                let kept = random(&mut state) as usize % (pending.len() + 1);
                disk.make_names_durable(pending.into_iter().take(kept));
            }
        }
        for file in disk.files.values_mut() {
            file.current = match how {
                Crash::KeepAll => std::mem::take(&mut file.current),
                Crash::LoseUnsynced => file.durable.clone(),
                Crash::Tear { .. } => file.torn(&mut state),
            };
            file.durable.clone_from(&file.current);
            file.unsynced.clear();
        }
        disk.names.clone_from(&disk.durable_names);
        MemoryDir { disk: Arc::new(Mutex::new(disk)) }
    }

    /// All files with their current bytes, sorted by name.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let disk = self.disk.lock();
        let bytes = |id: &u64| disk.files.get(id).map(|f| f.current.clone()).unwrap_or_default();
        disk.names.iter().map(|(name, id)| (name.clone(), bytes(id))).collect()
    }

    /// Sets the bytes of a file, as if they had always been there.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.disk.lock();
        let id = disk.next;
        disk.next += 1;
        disk.files
            .insert(id, File { durable: bytes.clone(), current: bytes, unsynced: Vec::new() });
        disk.names.insert(name.to_owned(), id);
        disk.durable_names.insert(name.to_owned(), id);
    }

    /// Removes a file, as if it had never been there.
    pub fn delete(&self, name: &str) {
        let mut disk = self.disk.lock();
        disk.names.remove(name);
        disk.durable_names.remove(name);
    }

    /// Forgets for ever what is unsynced in a file, while readers still see it: what Linux does after a failed sync.
    pub(super) fn forget_unsynced(&self, id: u64) {
        if let Some(file) = self.disk.lock().files.get_mut(&id) {
            file.unsynced.clear();
        }
    }

    /// Opens a file to append and returns it with its number.
    pub(super) fn open_append(&self, name: &str) -> Arc<MemoryFile> {
        let mut disk = self.disk.lock();
        let id = match disk.names.get(name) {
            Some(id) => *id,
            None => {
                let id = disk.next;
                disk.next += 1;
                disk.files.insert(id, File::default());
                disk.change_name(NameChange::Set(name.to_owned(), id));
                id
            }
        };
        Arc::new(MemoryFile { disk: self.clone(), id })
    }
}

impl Dir for MemoryDir {
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let disk = self.disk.lock();
        let inside = disk.names.keys().filter_map(|name| name.strip_prefix(&prefix));
        Ok(inside.filter(|rest| !rest.contains('/')).map(str::to_owned).collect())
    }

    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        Ok(self.open_append(name))
    }

    fn len(&self, name: &str) -> Result<u64> {
        Ok(self.disk.lock().file(name)?.current.len() as u64)
    }

    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>> {
        let disk = self.disk.lock();
        let bytes = &disk.file(name)?.current;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = from.saturating_add(len).min(bytes.len());
        Ok(bytes.get(from..to).unwrap_or_default().to_vec())
    }

    fn map(&self, name: &str) -> Result<FileBytes> {
        Ok(FileBytes::Heap(Arc::new(self.disk.lock().file(name)?.current.clone())))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut disk = self.disk.lock();
        let id = *disk.names.get(from).ok_or_else(|| missing(from))?;
        disk.change_name(NameChange::Set(to.to_owned(), id));
        disk.change_name(NameChange::Gone(from.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut disk = self.disk.lock();
        disk.file(name)?;
        disk.change_name(NameChange::Gone(name.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        let mut disk = self.disk.lock();
        let inside = |change: &NameChange| {
            let (NameChange::Set(name, _) | NameChange::Gone(name)) = change;
            super::folder_of(name) == folder
        };
        let (synced, rest) = std::mem::take(&mut disk.pending).into_iter().partition(inside);
        disk.pending = rest;
        let synced: Vec<NameChange> = synced;
        disk.make_names_durable(synced);
        Ok(())
    }

    fn lock(&self) -> Result<Box<dyn Send + Sync>> {
        let mut disk = self.disk.lock();
        if std::mem::replace(&mut disk.locked, true) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the folder in memory is in use; close it first",
            ));
        }
        Ok(Box::new(MemoryLock(self.clone())))
    }

    fn place(&self) -> String {
        "the folder in memory".to_owned()
    }
}

struct MemoryLock(MemoryDir);

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.disk.lock().locked = false;
    }
}

/// An open file of a folder in memory.
pub(super) struct MemoryFile {
    disk: MemoryDir,
    pub(super) id: u64,
}

impl AppendFile for MemoryFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        let mut disk = self.disk.disk.lock();
        let file = disk.files.get_mut(&self.id).ok_or_else(|| missing("that was open"))?;
        let from = file.current.len();
        file.current.extend_from_slice(bytes);
        file.unsynced.push((from, file.current.len()));
        Ok(bytes.len())
    }

    fn sync(&self) -> Result<()> {
        let mut disk = self.disk.disk.lock();
        let file = disk.files.get_mut(&self.id).ok_or_else(|| missing("that was open"))?;
        for (from, to) in std::mem::take(&mut file.unsynced) {
            if file.durable.len() < to {
                file.durable.resize(to, 0);
            }
            if let (Some(slot), Some(bytes)) =
                (file.durable.get_mut(from..to), file.current.get(from..to))
            {
                slot.copy_from_slice(bytes);
            }
        }
        Ok(())
    }
}
