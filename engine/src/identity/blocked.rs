//! Values that are nobody's identifier, in a form in which most values are passed with a look at a few bytes.
//!
//! *Invariants:* values are compared without case and without blanks around them; the answer is that of trying every
//! pattern. *Where to start reading:* `Blocked::find_plain`.

use crate::normalise::clean;
use std::borrow::Cow;
use std::collections::HashMap;

/// Which values are nobody's identifier. Values are compared without case and without blanks around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Text in which a star stands for any text.
    Text(String),
    /// Nothing but these characters, at least one of them a letter or digit, and as long as ids of devices are: a short
    /// number of noughts may be somebody's.
    Only(String),
}

/// Bytes of the shortest id of a device: an address of a network card without separators.
const ONLY_FROM: usize = 12;

impl Pattern {
    /// Text in which a star stands for any text.
    pub fn text(text: &str) -> Pattern {
        Pattern::Text(text.trim().to_lowercase())
    }

    /// Whether it is a value in lower case.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Pattern::Text(text) => glob(text, value),
            Pattern::Only(characters) => {
                value.len() >= ONLY_FROM
                    && value.chars().any(char::is_alphanumeric)
                    && value.chars().all(|c| characters.contains(c))
            }
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pattern::Text(text) => f.write_str(text),
            Pattern::Only(characters) => write!(f, "nothing but [{characters}]"),
        }
    }
}

/// Whether text in which stars stand for any text fits a value.
fn glob(text: &str, value: &str) -> bool {
    let mut pieces = text.split('*');
    let head = pieces.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(head) else { return false };
    let Some(mut last) = pieces.next() else { return rest.is_empty() };
    for next in pieces {
        match rest.find(last) {
            Some(at) => rest = rest.get(at + last.len()..).unwrap_or_default(),
            None => return false,
        }
        last = next;
    }
    rest.ends_with(last)
}

/// A set of bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn add(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    #[inline]
    fn has(&self, byte: Option<&u8>) -> bool {
        let word = |byte: &u8| self.0.get(usize::from(byte >> 6)).map_or(0, |w| w >> (byte & 63));
        byte.is_some_and(|byte| word(byte) & 1 == 1)
    }
}

/// Patterns, sorted by how they are tried.
#[derive(Debug, Clone, Default)]
pub struct Blocked {
    patterns: Vec<Pattern>,
    /// The patterns without a star, by their text.
    exact: HashMap<Box<str>, u32>,
    /// The lengths of these texts: one bit for each, the last for all that are longer.
    lengths: u64,
    /// Their first bytes.
    exact_first: Bytes,
    /// Patterns that begin with text: their numbers.
    heads: Vec<u32>,
    heads_first: Bytes,
    /// Patterns that begin with a star and end with text.
    tails: Vec<u32>,
    tails_last: Bytes,
    /// All other patterns.
    others: Vec<u32>,
    /// Patterns of characters.
    only: Vec<u32>,
    only_first: Bytes,
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

impl Blocked {
    /// These patterns; of two that are equal the first counts.
    pub fn new(patterns: Vec<Pattern>) -> Blocked {
        let mut blocked = Blocked::default();
        for (number, pattern) in (0..).zip(&patterns) {
            blocked.add(number, pattern);
        }
        blocked.patterns = patterns;
        blocked
    }

    fn add(&mut self, number: u32, pattern: &Pattern) {
        let text = match pattern {
            Pattern::Text(text) => text,
            Pattern::Only(characters) => {
                let mut bytes = [0; 4];
                for c in characters.chars() {
                    let first = c.encode_utf8(&mut bytes).bytes().next();
                    first.into_iter().for_each(|byte| self.only_first.add(byte));
                }
                return self.only.push(number);
            }
        };
        let bytes = text.as_bytes();
        match (bytes.first(), bytes.last()) {
            _ if !text.contains('*') => {
                self.lengths |= length_bit(text.len());
                bytes.first().into_iter().for_each(|byte| self.exact_first.add(*byte));
                self.exact.entry(Box::from(text.as_str())).or_insert(number);
            }
            (Some(b'*'), Some(b'*')) | (None, _) | (_, None) => self.others.push(number),
            (Some(b'*'), Some(last)) => {
                self.tails_last.add(*last);
                self.tails.push(number);
            }
            (Some(first), _) => {
                self.heads_first.add(*first);
                self.heads.push(number);
            }
        }
    }

    /// A pattern that blocks a value in lower case without blanks around it, if any does: one without stars before one
    /// with stars, else the first.
    #[inline]
    pub fn find_plain(&self, value: &str) -> Option<&Pattern> {
        let (first, last) = (value.as_bytes().first(), value.as_bytes().last());
        if self.lengths & length_bit(value.len()) != 0
            && (first.is_none() || self.exact_first.has(first))
            && let Some(number) = self.exact.get(value)
        {
            return self.patterns.get(*number as usize);
        }
        let some = |there: bool, numbers: &'_ [u32]| {
            let numbers = if there { numbers } else { &[] };
            let mut fitting =
                numbers.iter().filter_map(|number| self.patterns.get(*number as usize));
            fitting.find(|pattern| pattern.matches(value))
        };
        some(self.heads_first.has(first), &self.heads)
            .or_else(|| some(self.tails_last.has(last), &self.tails))
            .or_else(|| some(!self.others.is_empty(), &self.others))
            .or_else(|| some(self.only_first.has(first), &self.only))
    }
}

/// A value in the form that patterns are compared with.
#[inline]
pub fn plain(value: &str) -> Cow<'_, str> {
    let trimmed = clean::trim_blanks(value);
    if clean::is_plain(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    Cow::Owned(trimmed.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;

    #[test]
    fn stars_stand_for_any_text() {
        for (text, value, fits) in [
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abd", false),
            ("*b*", "abc", true),
            ("a*b*c", "axbxbc", true),
            ("a*ba", "aba", true),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(glob(text, value), fits, "{text} {value}");
        }
    }

    /// The answer is that of trying every pattern.
    #[test]
    fn sorted_patterns_block_what_patterns_block() {
        let mut rng = Rng(7);
        let pieces = ["a", "b", "*", "A", "é", "@", "0", "-", " "];
        for _ in 0..3_000 {
            let mut patterns: Vec<Pattern> =
                (0..rng.below(6)).map(|_| Pattern::text(&rng.text(&pieces, 5))).collect();
            if rng.below(3) == 0 {
                patterns.push(Pattern::Only(String::from("0-é")));
            }
            let blocked = Blocked::new(patterns.clone());
            for _ in 0..20 {
                let value = rng.text(&pieces[..], 6).replace('*', "");
                let plain = value.trim().to_lowercase();
                let expected = patterns.iter().any(|pattern| pattern.matches(&plain));
                assert_eq!(
                    blocked.find_plain(&self::plain(&value)).is_some(),
                    expected,
                    "{patterns:?} {value:?}"
                );
            }
        }
    }

    #[test]
    fn a_plain_value_is_not_copied() {
        assert!(matches!(plain("ann@example.org"), Cow::Borrowed(_)));
        assert_eq!(plain(" Ann\u{a0}"), "ann");
    }
}
