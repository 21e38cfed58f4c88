//! Whole immutable files as bytes, mapped where the system can do so.
//!
//! *Invariants:* only files that are never written again are mapped (sorted runs, parts); such files are unlinked,
//! never truncated, and the folder is locked, so the bytes under a map do not change and the map does not shrink.

use std::ops::Deref;
use std::sync::Arc;

/// The bytes of an immutable file; a clone shares them.
#[derive(Debug, Clone)]
pub enum FileBytes {
    /// Mapped from disk.
    Mapped(Arc<memmap2::Mmap>),
    /// Held in memory.
    Heap(Arc<Vec<u8>>),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            FileBytes::Mapped(map) => map,
            FileBytes::Heap(bytes) => bytes,
        }
    }
}

impl FileBytes {
    /// Lets go of the memory that mapped bytes take: they are read from the file again when they are next needed.
    #[expect(
        unsafe_code,
        reason = "advice that drops pages is unsafe where pages may be private or changed"
    )]
    pub fn release(&self) {
        if let FileBytes::Mapped(map) = self {
            // SAFETY: the map is shared, read-only and of a file that never changes, so a page that is dropped comes
            // back with the same bytes. The system may refuse; nothing depends on it.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }
}

/// Maps an open file for reading.
///
/// # Errors
/// What the system says. An empty file gives empty bytes without a map.
#[expect(clippy::disallowed_types, reason = "base::dir opens the file and hands it over")]
pub(super) fn map_file(file: &std::fs::File) -> std::io::Result<FileBytes> {
    if file.metadata()?.len() == 0 {
        return Ok(FileBytes::Heap(Arc::default()));
    }
    #[expect(
        unsafe_code,
        reason = "mapping a file is unsafe by nature; the invariants above make it sound"
    )]
    // SAFETY: the engine maps only files that it has finished writing and never changes or truncates, in a folder that
    // it holds the lock of.
    let map = unsafe { memmap2::Mmap::map(file)? };
    Ok(FileBytes::Mapped(Arc::new(map)))
}
