//! Why a command failed, as an error reply: the first word is a code that programs read, the rest
//! is for people.
//!
//! *Invariant:* the code of an engine error depends on its kind alone, by one table. *Where to
//! start reading:* `CODES`.

use crate::place;
use crate::resp::Reply;
use navedb::{Error, ErrorKind};

/// The code of each kind of engine error, and what the client can do about it.
pub(crate) const CODES: [(ErrorKind, &str, &str); 8] = [
    (ErrorKind::Invalid, "INVALID", "the request is wrong: change it"),
    (ErrorKind::NotFound, "NOTFOUND", "what was asked for is not there"),
    (ErrorKind::Conflict, "CONFLICT", "the request contradicts what is stored"),
    (ErrorKind::Limit, "LIMIT", "a limit was passed: split the request"),
    (ErrorKind::Corrupt, "CORRUPT", "bytes on disk are not what was written: run `nave check`"),
    (ErrorKind::Io, "IOERR", "the file system refused: the store may now be read-only"),
    (
        ErrorKind::Stopped,
        "TIMEOUT",
        "the question took too long: ask for less, or give it more time",
    ),
    (ErrorKind::Closed, "READONLY", "the store takes no writes until it is opened again"),
];

/// The codes of the server itself.
pub(crate) const SERVER_CODES: [(&str, &str); 7] = [
    (
        "ERR",
        "no such command, wrong arguments, or no request at all (then the connection is closed)",
    ),
    ("BROKEN", "the record could not be understood: it is in quarantine, with this reason"),
    ("NOAUTH", "AUTH, or HELLO with AUTH, must come first"),
    ("WRONGPASS", "the user or the password is wrong"),
    ("NOPROTO", "HELLO named a version that is neither 2 nor 3"),
    ("EXECABORT", "EXEC ran nothing, because a queued request was refused"),
    ("OOM", "too many unfinished requests and unread replies are held: try again later"),
];

/// A failed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure with its code.
    pub(crate) fn new(code: &str, message: impl AsRef<str>) -> Failure {
        Failure(format!("{code} {}", message.as_ref()))
    }

    /// A failure of the general kind.
    pub(crate) fn err(message: impl AsRef<str>) -> Failure {
        Failure::new("ERR", message)
    }

    /// The failure of a question, which tells the place in its text.
    pub(crate) fn in_text(error: &Error, text: &str) -> Failure {
        let shown = error.place().map(|place| format!(" ({})", place::in_words(text, place)));
        Failure::new(code(error), format!("{}{}", error.message(), shown.unwrap_or_default()))
    }
}

fn code(error: &Error) -> &'static str {
    CODES.iter().find(|(kind, ..)| *kind == error.kind()).map_or("ERR", |row| row.1)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::new(code(&error), error.message())
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Reply {
        Reply::Error(failure.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_one_upper_case_word() {
        let codes = CODES.iter().map(|row| row.1).chain(SERVER_CODES.iter().map(|row| row.0));
        for code in codes {
            assert!(code.bytes().all(|byte| byte.is_ascii_uppercase()), "{code}");
        }
    }

    #[test]
    fn a_place_is_named() {
        let failure = Failure::in_text(&Error::invalid("no trait 'x'").at(2), "p.x = 1");
        let wanted = "INVALID no trait 'x' (at character 3, near \"x = 1\")";
        assert_eq!(Reply::from(failure), Reply::Error(wanted.into()));
    }
}
