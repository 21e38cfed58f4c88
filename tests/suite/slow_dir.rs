//! A disk in memory whose syncs take time and are counted, to see writers share them.

use navedb::Result;
use navedb::dir::{AppendFile, Dir, FileBytes, MemoryDir};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Default)]
pub struct SlowDir {
    pub disk: MemoryDir,
    pub syncs: Arc<AtomicU64>,
}

struct SlowFile {
    file: Arc<dyn AppendFile>,
    syncs: Arc<AtomicU64>,
}

impl AppendFile for SlowFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&self) -> Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        self.file.sync()
    }
}

impl Dir for SlowDir {
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        let file = self.disk.append(name)?;
        Ok(Arc::new(SlowFile { file, syncs: self.syncs.clone() }))
    }

    fn len(&self, name: &str) -> Result<u64> {
        self.disk.len(name)
    }

    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.disk.read_at(name, offset, len)
    }

    fn map(&self, name: &str) -> Result<FileBytes> {
        self.disk.map(name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        self.disk.sync_folder(folder)
    }

    fn lock(&self) -> Result<Box<dyn Send + Sync>> {
        self.disk.lock()
    }

    fn place(&self) -> String {
        self.disk.place()
    }
}
