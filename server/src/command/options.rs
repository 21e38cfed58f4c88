//! Words behind the fixed arguments of a request: options with their values, in any order.
//!
//! *Invariants:* an option stands once; whatever is not understood is refused. *Where to start
//! reading:* `Options::word`.

use super::{Call, Failure, shown};

/// The arguments from one on, read from the left.
pub(super) struct Options<'a, 'b> {
    call: &'b Call<'a>,
    next: usize,
    /// The option at hand, for errors.
    at: String,
    seen: Vec<String>,
}

impl<'a, 'b> Options<'a, 'b> {
    /// The arguments from one on.
    pub(super) fn new(call: &'b Call<'a>, next: usize) -> Options<'a, 'b> {
        Options { call, next, at: String::new(), seen: Vec::new() }
    }

    /// Whether an argument is left.
    pub(super) fn is_left(&self) -> bool {
        self.next < self.call.args.len()
    }

    /// The name of the next option, in upper case.
    pub(super) fn word(&mut self) -> Result<Option<String>, Failure> {
        let Some(word) = self.call.args.get(self.next) else { return Ok(None) };
        let word = shown(word).to_uppercase();
        if self.seen.contains(&word) {
            return Err(Failure::err(format!("syntax error: {word} stands twice")));
        }
        self.next += 1;
        self.seen.push(word.clone());
        self.at.clone_from(&word);
        Ok(Some(word))
    }

    /// The next argument must be this word.
    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), Failure> {
        match self.word()? {
            Some(found) if found == wanted => Ok(()),
            _ => Err(Failure::err(format!(
                "syntax error: {wanted} is expected before '{}'",
                self.at
            ))),
        }
    }

    /// The next argument, which must be text.
    pub(super) fn value(&mut self) -> Result<&'a str, Failure> {
        if !self.is_left() {
            return Err(Failure::err(format!("syntax error: too little follows {}", self.at)));
        }
        self.next += 1;
        self.call.text(self.next - 1)
    }

    /// The next argument, which must be a number.
    pub(super) fn number(&mut self) -> Result<usize, Failure> {
        let text = self.value()?;
        text.parse().map_err(|_| {
            let text = shown(text.as_bytes());
            Failure::err(format!("syntax error: {} takes a number, not '{text}'", self.at))
        })
    }

    /// The error of a word that is no option here.
    pub(super) fn unexpected(&self) -> Failure {
        Failure::err(format!("syntax error: '{}' is not understood here", self.at))
    }
}
