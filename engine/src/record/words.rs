//! What rows are by the words in the columns of their kind: the name of an event, a consent, a membership.
//!
//! Few words are said again and again, so what they mean is remembered by their texts, together with what the caller
//! finds out about it. *Invariants:* it is what the slow reader makes of the same texts; what is remembered is bounded.
//! *Where to start reading:* `Words::read`.

use super::Kind;
use super::kinds::told;
use super::reserved::Beside;
use crate::base::codec::TextMap;
use crate::entry::RowKind;
use std::borrow::Cow;

/// Texts that are remembered at once.
const WORDS_KNOWN: usize = 1024;
/// Longer texts are not remembered.
const WORDS_BYTES_MAX: usize = 256;

/// What rows are, by the words in the columns of their kind.
#[derive(Debug, Default)]
pub struct Words<T> {
    known: TextMap<Box<[u8]>, Option<Meaning<T>>>,
    key: Vec<u8>,
    /// What the last row was, when it is not remembered.
    single: Option<Meaning<T>>,
}

/// What words say.
#[derive(Debug)]
pub struct Meaning<T> {
    /// What the row is.
    pub kind: Kind,
    /// What it tells beside that.
    pub beside: Vec<Beside>,
    /// What the caller found out about it.
    pub found: T,
}

impl<T: Default> Words<T> {
    /// What a row is; nothing when its words say nothing. `said` is what it has in a column, of which `columns` gives
    /// those that the kind names.
    pub fn read<'t>(
        &mut self,
        kind: &RowKind,
        columns: &[(String, usize)],
        said: impl Fn(usize) -> Option<Cow<'t, str>>,
    ) -> Option<&mut Meaning<T>> {
        let meaning = || {
            let column = |name: &str| {
                let (_, column) = columns.iter().find(|(known, _)| known == name)?;
                said(*column).map(Cow::into_owned)
            };
            let told = told(kind, column, |_| None).ok()?;
            Some(Meaning { kind: told.kind, beside: told.beside, found: T::default() })
        };
        self.key.clear();
        for (_, column) in columns {
            let text = said(*column);
            let length = text.as_ref().map_or(0, |text| text.len() + 1);
            self.key.extend_from_slice(&length.to_le_bytes());
            self.key.extend_from_slice(text.as_deref().unwrap_or_default().as_bytes());
        }
        // Each membership is of another group.
        if matches!(kind, RowKind::Membership { .. }) || self.key.len() > WORDS_BYTES_MAX {
            self.single = meaning();
            return self.single.as_mut();
        }
        if !self.known.contains_key(self.key.as_slice()) {
            if self.known.len() >= WORDS_KNOWN {
                self.known.clear();
            }
            self.known.insert(Box::from(self.key.as_slice()), meaning());
        }
        self.known.get_mut(self.key.as_slice())?.as_mut()
    }
}
