//! A disk in memory whose syncs take time and are counted, to see writers share them.

use crate::store::left_to_the_disk;
use navedb::Result;
use navedb::dir::{AppendFile, Dir, MemoryDir};
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
    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        let file = self.disk.append(name)?;
        Ok(Arc::new(SlowFile { file, syncs: self.syncs.clone() }))
    }

    left_to_the_disk!();
}
