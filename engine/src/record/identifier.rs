//! Identifiers, as the words of a source name them.

use crate::base::limits::{IDENTIFIER_BYTES_MAX, NAME_BYTES_MAX};
use bincode::{Decode, Encode};
use std::borrow::Cow;

/// A namespace and a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Identifier {
    /// The namespace, in lower case.
    pub namespace: String,
    /// The value, as it was received but for white space around it.
    pub value: String,
}

/// The identifier that a source's words stand for; nothing when they stand for nobody.
///
/// White space around the value is dropped. Blank, `null`, `0` and `-1` are never identifiers, nor are values that are
/// longer than any of `IDENTIFIER_BYTES_MAX` bytes could be written. In which form values are compared, a fold says.
pub fn identifier_of(namespace: &str, value: &str) -> Option<Identifier> {
    let namespace = namespace.trim().to_lowercase();
    let value = identifier_value(&namespace, value)?.to_owned();
    Some(Identifier { namespace, value })
}

/// The value of an identifier in a namespace that is in its one form already.
pub fn identifier_value<'v>(namespace: &str, value: &'v str) -> Option<&'v str> {
    let value = value.trim();
    let nobody =
        value.is_empty() || value == "0" || value == "-1" || value.eq_ignore_ascii_case("null");
    let fits =
        value.len() <= 4 * IDENTIFIER_BYTES_MAX && (1..=NAME_BYTES_MAX).contains(&namespace.len());
    (!nobody && fits).then_some(value)
}

/// `identifier_value` of a text that may be owned.
pub fn identifier_text<'t>(namespace: &str, text: Cow<'t, str>) -> Option<Cow<'t, str>> {
    match text {
        Cow::Borrowed(text) => identifier_value(namespace, text).map(Cow::Borrowed),
        Cow::Owned(text) => {
            identifier_value(namespace, &text).map(|value| Cow::Owned(value.to_owned()))
        }
    }
}
