//! Printing: text for people, or one JSON document for programs.
//!
//! *Invariants:* with `--json`, standard output gets exactly one document, also when the command
//! fails; answers go to standard output, errors and notes to standard error; a reader that closes
//! its end early is no failure. *Where to start reading:* `Output::answer`.

use super::failure::Failure;
use crate::resp::Reply;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Bytes of an answer that are printed at once.
const PIECE_BYTES: usize = 1 << 16;

/// Where a command prints.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// An output of text or JSON.
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    /// Prints the answer in the form that was asked for.
    pub(crate) fn answer(
        &self,
        text: impl FnOnce() -> String,
        document: impl FnOnce() -> Reply,
    ) -> Result<(), Failure> {
        if self.json {
            return write_out(format!("{}\n", document().to_json()).as_bytes());
        }
        write_out(text().as_bytes())
    }

    /// Prints bytes as they are, or the document.
    pub(crate) fn bytes(
        &self,
        bytes: &[u8],
        document: impl FnOnce() -> Reply,
    ) -> Result<(), Failure> {
        if self.json { self.answer(String::new, document) } else { write_out(bytes) }
    }

    /// Prints a piece of an answer that comes piece by piece; with JSON, nothing.
    pub(crate) fn piece(&self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { write_out(text.as_bytes()) }
    }

    /// Tells something beside the answer.
    pub(crate) fn note(&self, text: &str) {
        // There is no other place to tell that standard error is gone.
        let _ = writeln!(io::stderr(), "nave: {text}");
    }

    /// Whether the answer is one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person watches what goes to standard error.
    pub(crate) fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Shows how far a command is whose length nobody knows, on one line that is written over, if a person watches.
    pub(crate) fn progress(&self, text: &str) {
        if self.is_watched() {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }

    /// Tells why the command failed.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.note(&failure.line());
        if self.json && !failure.is_told() {
            let place = failure.place().map_or(Reply::Null, |place| Reply::count(place as u64));
            let error = Reply::map([
                ("kind", Reply::from(failure.kind())),
                ("message", Reply::from(failure.message())),
                ("place", place),
            ]);
            let document = Reply::map([("error", error)]);
            let _ = write_out(format!("{}\n", document.to_json()).as_bytes());
        }
    }
}

/// An answer of very many lines, printed piece by piece; with JSON they are gathered.
#[derive(Debug)]
pub(crate) struct Lines<'o> {
    output: &'o Output,
    text: String,
    /// The document.
    rows: Vec<Reply>,
    printed: Result<(), Failure>,
}

impl<'o> Lines<'o> {
    /// No line yet; the header is printed with text alone.
    pub(crate) fn new(output: &'o Output, header: &str) -> Lines<'o> {
        Lines { output, text: header.to_owned(), rows: Vec::new(), printed: Ok(()) }
    }

    /// Prints a line, or keeps it as a row of the document. After a failure nothing is printed.
    pub(crate) fn put(&mut self, line: impl FnOnce() -> String, row: impl FnOnce() -> Reply) {
        if self.output.is_json() {
            self.rows.push(row());
            return;
        }
        self.text.push_str(&line());
        if self.text.len() > PIECE_BYTES && self.printed.is_ok() {
            self.printed = self.output.piece(&std::mem::take(&mut self.text));
        }
    }

    /// Prints the rest, or the document that is made of the rows.
    pub(crate) fn finish(self, document: impl FnOnce(Vec<Reply>) -> Reply) -> Result<(), Failure> {
        self.printed?;
        self.output.answer(|| self.text, || document(self.rows))
    }
}

fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new("io", format!("cannot write the answer: {e}; is the disk full?")))
        }
        _ => Ok(()),
    }
}
