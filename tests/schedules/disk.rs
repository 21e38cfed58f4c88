//! A disk in memory at which other threads get a turn around every write and sync, and which may fail at some call.

use navedb::Result;
use navedb::dir::{AppendFile, Crash, Dir, Fault, FaultDir, FaultPlan, FileBytes, MemoryDir};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// A clone is the same disk.
#[derive(Clone)]
pub(crate) struct TurnDir {
    fault: FaultDir,
    point: Arc<AtomicBool>,
}

struct TurnFile {
    file: Arc<dyn AppendFile>,
    dir: TurnDir,
}

impl TurnDir {
    /// A disk that fails once, at a call; a failed sync forgets what it was to write, and later ones seem to hold.
    pub(crate) fn new(failing: Option<u64>) -> TurnDir {
        let plan = failing.map(|at| FaultPlan { at, fault: Fault::Fail });
        let fault = FaultDir::new(MemoryDir::new(), plan);
        TurnDir { fault, point: Arc::new(AtomicBool::new(false)) }
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> u64 {
        self.fault.calls()
    }

    /// What a loss of power would leave.
    pub(crate) fn left(&self) -> MemoryDir {
        self.fault.disk().crash(Crash::LoseUnsynced)
    }

    /// Others may run here.
    fn turn(&self) {
        self.point.load(Ordering::SeqCst);
    }
}

/// Whether some bytes are in the log.
pub(crate) fn logged(disk: &MemoryDir, bytes: &str) -> bool {
    let holds = |file: &[u8]| file.windows(bytes.len()).any(|part| part == bytes.as_bytes());
    disk.files().iter().any(|(name, file)| name.starts_with("log/") && holds(file))
}

impl AppendFile for TurnFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        self.dir.turn();
        self.file.write(bytes)
    }

    fn sync(&self) -> Result<()> {
        self.dir.turn();
        let done = self.file.sync();
        self.dir.turn();
        done
    }
}

impl Dir for TurnDir {
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.fault.list(folder)
    }

    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        Ok(Arc::new(TurnFile { file: self.fault.append(name)?, dir: self.clone() }))
    }

    fn len(&self, name: &str) -> Result<u64> {
        self.fault.len(name)
    }

    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.fault.read_at(name, offset, len)
    }

    fn map(&self, name: &str) -> Result<FileBytes> {
        self.fault.map(name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.fault.rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.fault.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        self.fault.sync_folder(folder)
    }

    fn lock(&self) -> Result<Box<dyn Send + Sync>> {
        self.fault.lock()
    }

    fn place(&self) -> String {
        self.fault.place()
    }
}
