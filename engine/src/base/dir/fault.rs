//! A disk in memory that fails at a chosen call.

use super::memory::MemoryFile;
use super::{AppendFile, Dir, MemoryDir};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::mmap::FileBytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How the chosen call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call gives an error once. A failed sync forgets the unsynced data for ever, as Linux does.
    Fail,
    /// The call gives an error, and so does every later call that would write.
    FailForever,
    /// A write stores half of its bytes and the process dies; another call dies before it does anything.
    Tear,
    /// A write takes only part of its bytes, which is allowed; another call is not touched.
    Shorten,
    /// The process dies: this call and all later ones fail and change nothing.
    Stop,
}

/// Which call fails, counted from 1, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultPlan {
    /// The number of the call.
    pub at: u64,
    /// What happens then.
    pub fault: Fault,
}

#[derive(Debug)]
struct Script {
    plan: Option<FaultPlan>,
    calls: AtomicU64,
    stopped: AtomicBool,
    read_only: AtomicBool,
}

/// A folder in memory with a fault planned.
#[derive(Debug, Clone)]
pub struct FaultDir {
    disk: MemoryDir,
    script: Arc<Script>,
}

fn failed(what: &str) -> Error {
    Error::new(ErrorKind::Io, format!("planned fault: {what}"))
}

impl Script {
    /// Counts a call; says what the plan wants of it, or refuses it.
    fn step(&self, writes: bool) -> Result<Option<Fault>> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.stopped.load(Ordering::SeqCst) {
            return Err(failed("the process is dead"));
        }
        if writes && self.read_only.load(Ordering::SeqCst) {
            return Err(failed("the disk takes no more writes"));
        }
        let Some(plan) = self.plan.filter(|p| p.at == number) else { return Ok(None) };
        match plan.fault {
            Fault::Fail => {}
            Fault::FailForever => self.read_only.store(true, Ordering::SeqCst),
            Fault::Stop | Fault::Tear => self.stopped.store(true, Ordering::SeqCst),
            Fault::Shorten => return Ok(Some(Fault::Shorten)),
        }
        Ok(Some(plan.fault))
    }

    /// A call that either happens or does not.
    fn whole(&self, writes: bool, what: &str) -> Result<()> {
        match self.step(writes)? {
            None | Some(Fault::Shorten) => Ok(()),
            Some(_) => Err(failed(what)),
        }
    }
}

impl FaultDir {
    /// A folder in memory that follows a plan; without one it only counts.
    pub fn new(disk: MemoryDir, plan: Option<FaultPlan>) -> FaultDir {
        let script = Script {
            plan,
            calls: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            read_only: AtomicBool::new(false),
        };
        FaultDir { disk, script: Arc::new(script) }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.script.calls.load(Ordering::SeqCst)
    }

    /// The disk under the faults.
    pub fn disk(&self) -> &MemoryDir {
        &self.disk
    }
}

impl Dir for FaultDir {
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.script.whole(false, "list")?;
        self.disk.list(folder)
    }

    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        self.script.whole(true, "open")?;
        Ok(Arc::new(FaultFile { file: self.disk.open_append(name), dir: self.clone() }))
    }

    fn len(&self, name: &str) -> Result<u64> {
        self.script.whole(false, "look at")?;
        self.disk.len(name)
    }

    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.script.whole(false, "read")?;
        self.disk.read_at(name, offset, len)
    }

    fn map(&self, name: &str) -> Result<FileBytes> {
        self.script.whole(false, "map")?;
        self.disk.map(name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.script.whole(true, "rename")?;
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.script.whole(true, "remove")?;
        self.disk.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        self.script.whole(true, "sync the folder")?;
        self.disk.sync_folder(folder)
    }

    fn lock(&self) -> Result<Box<dyn Send + Sync>> {
        self.script.whole(true, "lock")?;
        self.disk.lock()
    }

    fn place(&self) -> String {
        self.disk.place()
    }
}

struct FaultFile {
    file: Arc<MemoryFile>,
    dir: FaultDir,
}

impl AppendFile for FaultFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        let half = bytes.get(..bytes.len().div_ceil(2)).unwrap_or_default();
        match self.dir.script.step(true)? {
            None => self.file.write(bytes),
            Some(Fault::Shorten) => self.file.write(half),
            Some(Fault::Tear) => {
                self.file.write(half)?;
                Err(failed("torn write"))
            }
            Some(_) => Err(failed("write")),
        }
    }

    fn sync(&self) -> Result<()> {
        match self.dir.script.step(true)? {
            None | Some(Fault::Shorten) => self.file.sync(),
            Some(fault) => {
                if matches!(fault, Fault::Fail | Fault::FailForever) {
                    self.dir.disk.forget_unsynced(self.file.id);
                }
                Err(failed("sync"))
            }
        }
    }
}
