//! Bytes that can be read but once, kept in a temporary file so that they can be read again.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this module is where the engine meets the file system"
)]

use crate::base::error::{Error, Result};
use parking_lot::Mutex;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A temporary file that is being written: readable by its owner alone, and without a name where the system can do so.
#[derive(Debug)]
pub struct SpoolWriter {
    file: BufWriter<File>,
    remains: Remains,
}

/// A file that can be read at any place, again and again. A temporary one is gone when the last reader is.
#[derive(Debug, Clone)]
pub struct Spool {
    file: Arc<Mutex<File>>,
    _remains: Arc<Remains>,
}

/// Removes the name of a file that the system did not let go while it was open.
#[derive(Debug)]
struct Remains(Option<PathBuf>);

impl Drop for Remains {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Nothing is left to be done when a temporary file cannot be removed.
            let _ = fs::remove_file(path);
        }
    }
}

fn failed(action: &str, error: &std::io::Error) -> Error {
    Error::io(action, "a temporary file (TMPDIR names another folder)", error)
}

impl SpoolWriter {
    /// An empty one, in the folder for temporary files.
    ///
    /// # Errors
    /// `Io`.
    pub fn new() -> Result<SpoolWriter> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|e| Error::invalid(format!("the system gives no random bytes: {e}")))?;
        let path = std::env::temp_dir().join(format!("nave-{}", crate::base::codec::hex(&random)));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| failed("make", &e))?;
        // Without its name the file is gone with the process, however that ends.
        let named = fs::remove_file(&path).is_err();
        Ok(SpoolWriter { file: BufWriter::new(file), remains: Remains(named.then_some(path)) })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| failed("write", &e))
    }

    /// Appends all bytes of an input that has a name.
    ///
    /// # Errors
    /// `Io`.
    pub fn copy(&mut self, input: &mut dyn Read, name: &str) -> Result<()> {
        let mut piece = vec![0; 256 << 10];
        loop {
            match input.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => self.write(piece.get(..read).unwrap_or_default())?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("read", name, &e)),
            }
        }
    }

    /// The whole file.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<Spool> {
        let file = self.file.into_inner().map_err(|e| failed("write", e.error()))?;
        Ok(Spool { file: Arc::new(Mutex::new(file)), _remains: Arc::new(self.remains) })
    }
}

impl Spool {
    /// A file outside any store, which stays where it is.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub fn open(path: &Path) -> Result<Spool> {
        let named = path.display().to_string();
        let file = File::open(path).map_err(|e| Error::io("open", &named, &e))?;
        Ok(Spool { file: Arc::new(Mutex::new(file)), _remains: Arc::new(Remains(None)) })
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> SpoolReader {
        SpoolReader { spool: self.clone(), offset: 0 }
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// `Io`.
    pub fn bytes(&self) -> Result<u64> {
        self.file.lock().metadata().map(|m| m.len()).map_err(|e| failed("look at", &e))
    }
}

impl PartialEq for Spool {
    fn eq(&self, other: &Spool) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

impl Eq for Spool {}

/// Reads a temporary file.
#[derive(Debug)]
pub struct SpoolReader {
    spool: Spool,
    offset: u64,
}

impl SpoolReader {
    /// Goes on at an offset.
    pub fn at(mut self, offset: u64) -> SpoolReader {
        self.offset = offset;
        self
    }
}

impl Read for SpoolReader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.spool.file.lock();
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.read(into)?;
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_twice_and_side_by_side() {
        let mut writer = SpoolWriter::new().unwrap();
        writer.write(b"one ").unwrap();
        writer.copy(&mut &b"two"[..], "x").unwrap();
        let spool = writer.finish().unwrap();
        let (mut first, mut second) = (spool.reader(), spool.reader().at(4));
        let (mut left, mut right) = (String::new(), String::new());
        first.read_to_string(&mut left).unwrap();
        second.read_to_string(&mut right).unwrap();
        assert_eq!((left.as_str(), right.as_str()), ("one two", "two"));
        assert_eq!(spool.bytes().unwrap(), 7);
    }
}
