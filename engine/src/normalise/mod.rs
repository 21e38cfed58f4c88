//! Normalisers: the one form of an identifier that is compared.
//!
//! *What it is:* a closed list of forms, each with a version, since a fold must read a log today as it did when it was
//! written: what changes what comes out is a new version, chosen by a definition. *Invariants:* the form of a form is
//! itself; a text that its form does not fit is kept in a plainer one and is never lost; blank, `null`, `0` and `-1`
//! are nobody's; what is in its form already is borrowed, not copied. *What it does not know:* namespaces beyond their
//! defaults, which values a rule set blocks. *Where to start reading:* `Normaliser`.

pub mod clean;
mod device;
pub mod email;
mod kind;
pub mod phone;
mod words;

pub use email::{EmailRules, Folding};
#[cfg(test)]
pub use kind::KINDS;
pub use phone::{Extension, PhoneRules, Region};

use crate::base::limits::IDENTIFIER_BYTES_MAX;
use phone::NoPhone;
use std::borrow::Cow;

/// The version of what is done without a definition; the log's first entry names it.
pub const NORMALISER_VERSION: u32 = 2;

/// How the identifiers of a namespace are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Normaliser {
    /// `text@1`: byte for byte, but for blanks around it.
    #[default]
    Text,
    /// `lower@1`: without case.
    Lower,
    /// `email@1`: without case.
    EmailFirst,
    /// `email@2`: an address with its domain in ASCII, and what its rules fold.
    Email(EmailRules),
    /// `phone@1`: the digits and a leading plus.
    PhoneFirst,
    /// `phone@2`: E.164.
    Phone(PhoneRules),
    /// `device@1`: a UUID in lower case with dashes; all else byte for byte.
    Device,
    /// `name@1`: words without case, accents and marks.
    Name,
    /// `address@1`: as names are, with short forms of what streets and flats are called.
    Address,
    /// `digits@1`: digits alone; a text with letters is compared without case.
    Digits,
    /// `national_id@1`: letters and digits alone, without case.
    NationalId,
}

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Nothing is in it.
    Blank,
    /// It is what programs write for nobody: `null`, `0`, `-1`, a device id of zeros.
    Nobody,
    /// It has more than `IDENTIFIER_BYTES_MAX` bytes.
    TooLong,
    /// It should be a number and has no digit.
    NoDigits,
    /// A spreadsheet rounded it.
    Rounded,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::Blank => f.write_str("it is blank"),
            Unusable::Nobody => f.write_str("it stands for nobody"),
            Unusable::TooLong => {
                write!(f, "an identifier has at most {IDENTIFIER_BYTES_MAX} bytes")
            }
            Unusable::NoDigits => f.write_str("it has no digit"),
            Unusable::Rounded => {
                f.write_str("a spreadsheet rounded it: export the column as text, not as a number")
            }
        }
    }
}

/// The namespaces that hold ids of devices and of advertising.
const DEVICE_NAMESPACES: [&str; 11] = [
    "device_id",
    "advertising_id",
    "android_advertising_id",
    "idfa",
    "idfv",
    "gaid",
    "aaid",
    "oaid",
    "rida",
    "tifa",
    "afai",
];

impl Normaliser {
    /// How the identifiers of a namespace, in lower case, are compared when no definition says otherwise, in a store
    /// whose log names this version. Version 1: e-mails without case, digits of phones, all else byte for byte.
    /// Version 2: `email@2` without foldings, `phone@2` without a region, `device@1`, all else byte for byte; user and
    /// anonymous ids are, since their makers may tell capitals from small letters.
    pub fn for_namespace(namespace: &str, version: u32) -> Normaliser {
        match (namespace, version) {
            ("email", 1) => Normaliser::EmailFirst,
            ("phone", 1) => Normaliser::PhoneFirst,
            ("email", _) => Normaliser::Email(EmailRules::default()),
            ("phone", _) => Normaliser::Phone(PhoneRules::default()),
            (name, version) if version > 1 && DEVICE_NAMESPACES.contains(&name) => {
                Normaliser::Device
            }
            _ => Normaliser::Text,
        }
    }

    /// The form of a text; nothing when it is no identifier.
    #[inline]
    pub fn apply<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        self.form(text).ok()
    }

    /// The form of a text.
    ///
    /// # Errors
    /// Why it is no identifier.
    pub fn form<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Unusable> {
        // However a normaliser shortens it, what is so long is no identifier, and is not worth reading.
        if text.len() > 4 * IDENTIFIER_BYTES_MAX {
            let trimmed = text.trim();
            return if trimmed.len() > 4 * IDENTIFIER_BYTES_MAX {
                Err(Unusable::TooLong)
            } else {
                self.form(trimmed)
            };
        }
        let form = match self {
            Normaliser::Text => Cow::Borrowed(clean::trim_blanks(text)),
            Normaliser::Lower => clean::lower(clean::trim(text)),
            Normaliser::EmailFirst => email::first(text),
            Normaliser::Email(rules) => email::second(text, rules),
            Normaliser::PhoneFirst => phone::first(text),
            Normaliser::Phone(rules) => {
                phone::second(text, rules).map_err(|why| self.reason(text, Unusable::from(why)))?
            }
            Normaliser::Device => device::device(clean::trim(text)).ok_or(Unusable::Nobody)?,
            Normaliser::Name => kept(text, words::name(text)),
            Normaliser::Address => kept(text, words::address(text)),
            Normaliser::Digits => match words::digits(text) {
                Some(digits) => kept(text, digits),
                None if text.chars().any(char::is_alphabetic) => clean::lower(clean::trim(text)),
                None => Cow::Borrowed(""),
            },
            Normaliser::NationalId => kept(text, words::national_id(text)),
        };
        usable(form).map_err(|why| self.reason(text, why))
    }

    /// Why a text has no form, told from what it was.
    fn reason(&self, text: &str, why: Unusable) -> Unusable {
        let number =
            matches!(self, Normaliser::PhoneFirst | Normaliser::Phone(_) | Normaliser::Digits);
        match why {
            Unusable::Blank | Unusable::NoDigits if clean::trim(text).is_empty() => Unusable::Blank,
            Unusable::Blank if number => Unusable::NoDigits,
            other => other,
        }
    }
}

/// What was made of a text, without a copy when that is the text itself.
fn kept(text: &str, form: String) -> Cow<'_, str> {
    if form == text { Cow::Borrowed(text) } else { Cow::Owned(form) }
}

fn usable(form: Cow<'_, str>) -> Result<Cow<'_, str>, Unusable> {
    match form.as_bytes() {
        [] => Err(Unusable::Blank),
        b"0" | b"-1" => Err(Unusable::Nobody),
        word if word.eq_ignore_ascii_case(b"null") => Err(Unusable::Nobody),
        long if long.len() > IDENTIFIER_BYTES_MAX => Err(Unusable::TooLong),
        _ => Ok(form),
    }
}

impl From<NoPhone> for Unusable {
    fn from(why: NoPhone) -> Unusable {
        match why {
            NoPhone::NoDigits => Unusable::NoDigits,
            NoPhone::Rounded => Unusable::Rounded,
        }
    }
}

#[cfg(test)]
mod tests;
