//! What goes wrong on the command line.
//!
//! *Invariant:* the message is one line that names the remedy. *Where to start reading:* `Failure`.

use crate::place;
use navedb::{Error, ErrorKind};

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    place: Option<usize>,
    shown: Option<String>,
    told: bool,
}

impl Failure {
    /// The arguments are wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new("usage", message)
    }

    /// The arguments are right, but it did not work.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Failure {
        let message = message.into().replace(['\r', '\n'], " ");
        Failure { kind, message, place: None, shown: None, told: false }
    }

    /// The same failure, of which the output has already told the whole.
    pub(crate) fn already_told(mut self) -> Failure {
        self.told = true;
        self
    }

    /// The failure of a question, which tells the place in its text.
    pub(crate) fn in_text(error: Error, text: &str) -> Failure {
        let shown = error.place().map(|place| place::in_words(text, place));
        Failure { shown, ..Failure::from(error) }
    }

    /// The same failure, which tells its place, if it has one, in a text.
    pub(crate) fn shown_in(mut self, text: &str) -> Failure {
        self.shown = self.place.map(|place| place::in_words(text, place));
        self
    }

    /// The same failure, saying first what it happened to.
    pub(crate) fn about(mut self, what: &str) -> Failure {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The kind, one word.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The message, one line.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The byte in the text that the failure is about, if it is about a text.
    pub(crate) fn place(&self) -> Option<usize> {
        self.place
    }

    /// The message and the place, one line.
    pub(crate) fn line(&self) -> String {
        match &self.shown {
            Some(shown) => format!("{} ({shown})", self.message),
            None => self.message.clone(),
        }
    }

    /// Whether standard output holds the JSON document of the command already.
    pub(crate) fn is_told(&self) -> bool {
        self.told
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let kind = match error.kind() {
            ErrorKind::Invalid => "invalid",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Limit => "limit",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Io => "io",
            ErrorKind::Closed => "closed",
            ErrorKind::Stopped => "stopped",
        };
        Failure { place: error.place(), ..Failure::new(kind, error.message()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        let failure = Failure::in_text(Error::invalid("a\nb").at(2), "p.x = 1").about("first");
        assert_eq!((failure.message(), failure.kind()), ("first: a b", "invalid"));
        assert_eq!(failure.line(), "first: a b (at character 3, near \"x = 1\")");
        assert_eq!(Failure::from(Error::invalid("c")).line(), "c");
    }
}
