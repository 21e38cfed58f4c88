//! Identifiers, and the one form of each that is compared.

use crate::base::limits::{IDENTIFIER_BYTES_MAX, NAME_BYTES_MAX};
use bincode::{Decode, Encode};
use std::borrow::Cow;

/// The version of these rules; the log's first entry names it.
pub const NORMALISER_VERSION: u32 = 1;

/// A namespace and a value after normalising.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Identifier {
    /// The namespace, in lower case.
    pub namespace: String,
    /// The value.
    pub value: String,
}

/// The identifier that a source's words stand for; nothing when they stand for nobody.
///
/// White space around the value is dropped everywhere. An e-mail is put in lower case. Of a phone number the digits
/// and a leading plus stay. All else is compared byte for byte. Blank, `null`, `0` and `-1` are never identifiers, nor
/// are values of more than `IDENTIFIER_BYTES_MAX` bytes.
pub fn normalise(namespace: &str, value: &str) -> Option<Identifier> {
    let namespace = namespace.trim().to_lowercase();
    let value = normalise_value(&namespace, value)?.into_owned();
    Some(Identifier { namespace, value })
}

/// The value of an identifier in a namespace that is in its one form already.
pub fn normalise_value<'v>(namespace: &str, value: &'v str) -> Option<Cow<'v, str>> {
    let trimmed = value.trim();
    let value = match namespace {
        "email" => Cow::Owned(trimmed.to_lowercase()),
        "phone" => Cow::Owned(phone(trimmed)),
        _ => Cow::Borrowed(trimmed),
    };
    let nobody =
        value.is_empty() || value == "0" || value == "-1" || value.eq_ignore_ascii_case("null");
    let fits =
        value.len() <= IDENTIFIER_BYTES_MAX && (1..=NAME_BYTES_MAX).contains(&namespace.len());
    (!nobody && fits).then_some(value)
}

fn phone(text: &str) -> String {
    let plus = text.starts_with('+');
    let digits = text.chars().filter(char::is_ascii_digit);
    plus.then_some('+')
        .into_iter()
        .chain(digits)
        .collect::<String>()
        .trim_end_matches('+')
        .to_owned()
}
