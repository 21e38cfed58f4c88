//! All access to files: one folder with a few calls, so that every call can be counted, made to fail, or forgotten.
//!
//! *What it is:* `Dir`, the calls that the engine needs; `DiskDir`, the real one; `MemoryDir`, a disk in memory that
//! knows what was synced; `FaultDir`, a disk in memory that fails at a chosen call. *Invariants:* names are relative
//! with `/` between parts and never leave the folder; a file is replaced only by `replace`, which is atomic; files
//! that others may have mapped are removed, and no file is ever cut. *Where to start reading:* the trait.

mod disk;
mod fault;
mod memory;
mod spool;

pub use disk::{DiskDir, input_len, open_input};
pub use fault::{Fault, FaultDir, FaultPlan};
pub use memory::{Crash, MemoryDir};
pub use spool::{Spool, SpoolReader, SpoolWriter};

pub use super::mmap::FileBytes;

use super::error::{Error, ErrorKind, Result};
use std::sync::Arc;

/// A folder of files.
pub trait Dir: Send + Sync {
    /// The names of the files directly in a folder, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// `Io` when the folder cannot be read.
    fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Opens a file to append to it, making it and its folder when they do not exist.
    ///
    /// # Errors
    /// `Io` when it cannot be opened.
    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>>;

    /// The length of a file in bytes.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn len(&self, name: &str) -> Result<u64>;

    /// Some bytes of a file: fewer than asked for only at its end.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>>;

    /// A whole immutable file, mapped where the system can do so.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn map(&self, name: &str) -> Result<FileBytes>;

    /// Gives a file another name in the same folder, replacing what had that name.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Removes a file; readers who have it mapped keep it.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn remove(&self, name: &str) -> Result<()>;

    /// Makes names that were created, changed or removed in a folder durable.
    ///
    /// # Errors
    /// `Io`.
    fn sync_folder(&self, folder: &str) -> Result<()>;

    /// Takes the folder for this process; held until the guard is dropped.
    ///
    /// # Errors
    /// `Conflict` when another process holds it, with its pid.
    fn lock(&self) -> Result<Box<dyn Send + Sync>>;

    /// Where the folder is, for messages.
    fn place(&self) -> String;
}

/// A file that only grows.
pub trait AppendFile: Send + Sync {
    /// Appends some of the bytes and returns how many.
    ///
    /// # Errors
    /// `Io`.
    fn write(&self, bytes: &[u8]) -> Result<usize>;

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// `Io`; after it, nothing is known about what was written since the last success, and it must not be tried again.
    fn sync(&self) -> Result<()>;
}

/// Appends all of the bytes.
///
/// # Errors
/// `Io`; part of the bytes may have been written.
pub fn write_all(file: &dyn AppendFile, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = file.write(bytes)?;
        if written == 0 {
            return Err(Error::new(ErrorKind::Io, "the file system takes no more bytes"));
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Replaces a file atomically and durably: a temporary file, its sync, the rename, the sync of the folder.
///
/// # Errors
/// `Io`; the old file is then still whole.
pub fn replace(dir: &dyn Dir, name: &str, bytes: &[u8]) -> Result<()> {
    let temporary = format!("{name}.new");
    remove_if_there(dir, &temporary)?;
    let file = dir.append(&temporary)?;
    write_all(file.as_ref(), bytes)?;
    file.sync()?;
    drop(file);
    dir.rename(&temporary, name)?;
    dir.sync_folder(folder_of(name))
}

/// Removes a file that may not be there.
///
/// # Errors
/// `Io`.
pub fn remove_if_there(dir: &dyn Dir, name: &str) -> Result<()> {
    match dir.remove(name) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// The length of a file that may not be there. Only "not found" means that it is not: any other failure is one.
///
/// # Errors
/// `Io`.
pub fn len_if_there(dir: &dyn Dir, name: &str) -> Result<Option<u64>> {
    match dir.len(name) {
        Ok(len) => Ok(Some(len)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The folder part of a name; empty for the top.
pub fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
