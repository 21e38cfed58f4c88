//! The forms of rows of JSON by what they begin with: rows that begin alike are read alike up to where they part.
//!
//! *Invariants:* what is found is the one form that the slow look finds; where nothing is found, there may be a form
//! all the same. *Where to start reading:* `Forks::find`.

use super::token::value_end;
use std::ops::Range;

/// Pieces of forms that may come next at one place; forms with others there are not found here.
const WAYS_MAX: usize = 32;

/// What may come at a place.
#[derive(Debug, Default)]
struct Fork {
    /// What stands before a value, and the place behind that.
    ways: Vec<(Vec<u8>, usize)>,
    /// What stands behind the last value, and the form that ends so.
    ends: Vec<(Vec<u8>, usize)>,
}

/// The forms by what they begin with.
#[derive(Debug, Default)]
pub(super) struct Forks(Vec<Fork>);

impl Forks {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a form, unless there are too many beside it.
    pub fn add(&mut self, pieces: &[Vec<u8>], form: usize) {
        let Some((end, pieces)) = pieces.split_last() else { return };
        if self.0.is_empty() {
            self.0.push(Fork::default());
        }
        let mut at = 0;
        for piece in pieces {
            let next = self.0.len();
            let Some(fork) = self.0.get_mut(at) else { return };
            at = match fork.ways.iter().find(|(known, _)| known == piece) {
                Some((_, known)) => *known,
                None if fork.ways.len() >= WAYS_MAX => return,
                None => {
                    fork.ways.push((piece.clone(), next));
                    self.0.push(Fork::default());
                    next
                }
            };
        }
        if let Some(fork) = self.0.get_mut(at).filter(|fork| fork.ends.len() < WAYS_MAX) {
            fork.ends.push((end.clone(), form));
        }
    }

    /// The form of a row, and where its values stand.
    pub fn find(&self, line: &[u8], tokens: &mut Vec<Range<usize>>) -> Option<usize> {
        tokens.clear();
        let (mut fork, mut at) = (self.0.first()?, 0);
        loop {
            let rest = line.get(at..)?;
            if let Some((_, form)) = fork.ends.iter().find(|(end, _)| end == rest) {
                return Some(*form);
            }
            // One way may be the beginning of another: where the value cannot follow, it was not the right one.
            let step = |(piece, next): &(Vec<u8>, usize)| {
                let start = at + rest.starts_with(piece).then_some(piece.len())?;
                Some((start..value_end(line, start)?, *next))
            };
            let (token, next) = fork.ways.iter().find_map(step)?;
            at = token.end;
            tokens.push(token);
            fork = self.0.get(next)?;
        }
    }
}
