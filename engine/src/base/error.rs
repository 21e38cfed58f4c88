//! One error type for the whole engine, sorted by what the caller should do about it.

use std::fmt;

/// What went wrong, by what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is wrong; change it.
    Invalid,
    /// What was asked for is not there.
    NotFound,
    /// The request contradicts what is stored, or another process holds the store.
    Conflict,
    /// A limit of `base::limits` was passed; split the request.
    Limit,
    /// Bytes on disk are not what was written; see `nave check` and `nave repair`.
    Corrupt,
    /// The file system refused; the writer may now be read-only.
    Io,
    /// The writer or the store is closed; open it again.
    Closed,
    /// The question was given up: its time was over, or somebody cancelled it.
    Stopped,
}

/// An error with its kind, a one-line message that names the remedy, and, for audience texts, a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    place: Option<usize>,
}

/// The result type of the engine.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of a kind, with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        // One line, whatever was quoted: errors end in logs and protocols that know lines.
        let message: String = message.into();
        let message = if message.contains(char::is_control) {
            message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        } else {
            message
        };
        Error { kind, message, place: None }
    }

    /// A request that must be changed.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid, message)
    }

    /// Something that does not exist.
    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotFound, message)
    }

    /// Bytes on disk that are not what was written.
    pub fn corrupt(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Corrupt, message)
    }

    /// A limit that was passed.
    pub fn limit(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Limit, message)
    }

    /// A failed operation of the file system on a named file.
    pub fn io(action: &str, name: &str, error: &std::io::Error) -> Error {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("cannot {action} {name}: {error}"))
    }

    /// The same error, pointing at a byte offset of the text that was given.
    pub fn at(mut self, offset: usize) -> Error {
        self.place = Some(offset);
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The byte offset in the text that the error is about, if it is about a text.
    pub fn place(&self) -> Option<usize> {
        self.place
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
