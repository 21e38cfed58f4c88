//! How long somebody waits for an answer.
//!
//! *What it is:* a limit of time, and a word with which a question is given up from another thread. *Invariant:* an
//! answer is whole or none: who gives up gets an error, never a part of the answer.

use super::clock::Stopwatch;
use super::error::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A word that ends questions, wherever they are asked; a clone is the same word.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A word that was not said yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Says it: every question that listens to it ends with an error, those that are asked later too.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// When a question is given up.
#[derive(Debug, Clone, Default)]
pub struct Patience {
    within: Option<(Stopwatch, Duration)>,
    cancel: Option<Cancel>,
}

impl Patience {
    /// The same, but for so long from now on.
    pub fn within(self, most: Duration) -> Patience {
        Patience { within: Some((Stopwatch::start(), most)), ..self }
    }

    /// The same, but until a word is said.
    pub fn until(self, cancel: &Cancel) -> Patience {
        Patience { cancel: Some(cancel.clone()), ..self }
    }

    /// Whether it never ends.
    pub fn is_endless(&self) -> bool {
        self.within.is_none() && self.cancel.is_none()
    }

    /// Fails when it is at its end.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn check(&self) -> Result<()> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(Error::new(ErrorKind::Stopped, "the question was cancelled"));
        }
        match self.within {
            Some((since, most)) if since.elapsed() >= most => {
                let message = format!(
                    "there is no answer after {} ms, which was all the time that it had; give it more, or ask for less",
                    most.as_millis()
                );
                Err(Error::new(ErrorKind::Stopped, message))
            }
            _ => Ok(()),
        }
    }
}
