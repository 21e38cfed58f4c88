//! What is wrong with a definition, and where in its text.

use crate::catalog::nearest;
use std::ops::Range;

/// What is wrong, and the bytes of the text that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Where it stands.
    pub at: Range<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What was read, or what is wrong.
pub type Found<T> = Result<T, Trouble>;

impl Trouble {
    /// Something wrong at a place.
    pub fn new(at: Range<usize>, message: impl Into<String>) -> Trouble {
        Trouble { at, message: message.into() }
    }

    /// A name that is none of those that are known.
    pub fn unknown(at: Range<usize>, what: &str, name: &str, known: &[&str]) -> Trouble {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("use {}", known.join(", ")),
        };
        Trouble::new(at, format!("'{name}' is no {what}; {hint}"))
    }
}
