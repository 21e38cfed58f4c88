//! The real disk.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this module is where the engine meets the file system"
)]

use super::{AppendFile, Dir, folder_of};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::mmap::{FileBytes, map_file};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder on disk.
#[derive(Debug, Clone)]
pub struct DiskDir {
    root: PathBuf,
}

impl DiskDir {
    /// The folder at a path; it is made when something is first written, readable by its owner alone.
    pub fn new(root: impl AsRef<Path>) -> DiskDir {
        DiskDir { root: root.as_ref().to_path_buf() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn make_folder(&self, folder: &str) -> Result<()> {
        let path = self.path(folder);
        if path.is_dir() {
            return Ok(());
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&path)
            .map_err(|e| Error::io("make the folder", &path.display().to_string(), &e))?;
        // The new folder's own name must survive a crash too.
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_path(parent)?;
        }
        Ok(())
    }

    fn failed<'a>(
        &'a self,
        action: &'a str,
        name: &'a str,
    ) -> impl Fn(std::io::Error) -> Error + 'a {
        move |e| Error::io(action, &self.path(name).display().to_string(), &e)
    }
}

fn sync_path(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::io("sync the folder", &path.display().to_string(), &e))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Dir for DiskDir {
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.failed("list", folder)(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(self.failed("list", folder))?;
            if entry.file_type().is_ok_and(|t| t.is_file()) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn append(&self, name: &str) -> Result<Arc<dyn AppendFile>> {
        self.make_folder(folder_of(name))?;
        let file = private().append(true).create(true).open(self.path(name));
        let file = file.map_err(self.failed("open", name))?;
        Ok(Arc::new(DiskFile { file, name: self.path(name).display().to_string() }))
    }

    fn len(&self, name: &str) -> Result<u64> {
        fs::metadata(self.path(name)).map(|m| m.len()).map_err(self.failed("look at", name))
    }

    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut file = File::open(self.path(name)).map_err(self.failed("open", name))?;
        file.seek(SeekFrom::Start(offset)).map_err(self.failed("read", name))?;
        let mut bytes = Vec::new();
        file.take(len as u64).read_to_end(&mut bytes).map_err(self.failed("read", name))?;
        Ok(bytes)
    }

    fn map(&self, name: &str) -> Result<FileBytes> {
        let file = File::open(self.path(name)).map_err(self.failed("open", name))?;
        map_file(&file).map_err(self.failed("map", name))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        fs::rename(self.path(from), self.path(to)).map_err(self.failed("rename", from))
    }

    fn remove(&self, name: &str) -> Result<()> {
        fs::remove_file(self.path(name)).map_err(self.failed("remove", name))
    }

    fn sync_folder(&self, folder: &str) -> Result<()> {
        sync_path(&self.path(folder))
    }

    fn lock(&self) -> Result<Box<dyn Send + Sync>> {
        self.make_folder("")?;
        let name = "LOCK";
        let mut file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path(name))
            .map_err(self.failed("open", name))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
                let owner = match owner.trim() {
                    "" => "another process".to_owned(),
                    pid => format!("process {pid}"),
                };
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "{} is in use by {owner}; stop it, or ask it through its server",
                        self.place()
                    ),
                ));
            }
            Err(fs::TryLockError::Error(e)) => return Err(self.failed("lock", name)(e)),
        }
        // The pid is for people; only the system's lock decides.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(self.failed("write", name))?;
        Ok(Box::new(file))
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }
}

struct DiskFile {
    file: File,
    name: String,
}

impl AppendFile for DiskFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        loop {
            match (&self.file).write(bytes) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                other => return other.map_err(|e| Error::io("write", &self.name, &e)),
            }
        }
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io("sync", &self.name, &e))
    }
}

/// The length of a file outside any store; none when it cannot tell, such as a pipe.
pub fn input_len(path: &Path) -> Option<u64> {
    let known = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    known.map(|known| known.len())
}

/// Opens a file outside any store, to load from it.
///
/// # Errors
/// `NotFound`, `Io`.
pub fn open_input(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(|e| Error::io("open", &path.display().to_string(), &e))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(Error::invalid(format!("{} is a folder; name a file", path.display())));
    }
    Ok(Box::new(file))
}
