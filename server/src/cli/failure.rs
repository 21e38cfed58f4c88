//! What goes wrong on the command line.
//!
//! *Invariant:* the message is one line that names the remedy; anything longer is detail, for people only. *Where to
//! start reading:* `Failure`.

use navedb::{Error, ErrorKind};

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    place: Option<usize>,
    detail: Vec<String>,
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
        Failure { kind, message, place: None, detail: Vec::new(), told: false }
    }

    /// The same failure, of which the output has already told the whole.
    pub(crate) fn already_told(mut self) -> Failure {
        self.told = true;
        self
    }

    /// The failure of a question, showing the place in its text.
    pub(crate) fn in_text(error: Error, text: &str) -> Failure {
        let mut failure = Failure::from(error);
        if let Some(place) = failure.place.filter(|_| !text.trim().is_empty()) {
            failure.detail = point_at(text, place);
        }
        failure
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

    /// Further lines for people.
    pub(crate) fn detail(&self) -> &[String] {
        &self.detail
    }

    /// Whether the arguments are wrong.
    pub(crate) fn is_usage(&self) -> bool {
        self.kind == "usage"
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
        };
        Failure { place: error.place(), ..Failure::new(kind, error.message()) }
    }
}

/// The line of a text that a place is in, cut to a width, and a caret under the place.
fn point_at(text: &str, place: usize) -> Vec<String> {
    const BEFORE: usize = 60;
    const WIDTH: usize = 100;
    let place = text.floor_char_boundary(place.min(text.len()));
    let (before, after) = text.split_at(place);
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let left: Vec<char> = before.get(from..).unwrap_or_default().chars().collect();
    let right = after.lines().next().unwrap_or_default();
    let skipped = left.len().saturating_sub(BEFORE);
    let shown: String =
        left.iter().skip(skipped).chain(&right.chars().collect::<Vec<_>>()).take(WIDTH).collect();
    let indent: String =
        left.iter().skip(skipped).map(|c| if *c == '\t' { '\t' } else { ' ' }).collect();
    vec![format!("  {}", shown.trim_end()), format!("  {indent}^")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(point_at("p.contry = 'FR'", 2), ["  p.contry = 'FR'", "    ^"]);
        assert_eq!(point_at("a = 1\n  AND é = x\nOR b", 17), ["    AND é = x", "            ^"]);
        assert_eq!(point_at("p.a", 99), ["  p.a", "     ^"]);
        assert_eq!(point_at("", 0), ["  ", "  ^"]);
        let long = format!("{}x{}", "a".repeat(1000), "b".repeat(1000));
        let shown = point_at(&long, 1000);
        assert_eq!(shown[1].len(), 63);
        assert_eq!(shown[0].find('x'), Some(62));
        assert!(shown[0].len() <= 102);
    }

    #[test]
    fn a_message_is_one_line() {
        let failure = Failure::from(Error::invalid("a\nb").at(3)).about("first");
        assert_eq!(
            (failure.message(), failure.kind(), failure.place()),
            ("first: a b", "invalid", Some(3))
        );
    }
}
