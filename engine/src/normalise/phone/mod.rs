//! Phone numbers.
//!
//! *What it is:* version 1, which keeps digits and a leading plus, and version 2: E.164, `+33612345678`, with an
//! extension as RFC 3966 writes it, `+16502530000;ext=12`. *Invariants:* the form of a form is itself; what is no
//! number is kept as its lower-case text, never lost; a national number without a region keeps its digits alone, and
//! so does one that its region cannot have. *What it does not know:* whether a number is in use. *Where to start
//! reading:* `second`, then `written`, and `region` for national numbers.

mod region;
mod written;

pub use region::Region;

use super::clean::{trim, trim_blanks};
use region::Plan;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use written::{Number, Written, read};

/// Digits of an international number with its country code: at least and at most. E.164 sets the greatest; the least
/// are those of small islands.
const INTERNATIONAL_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Digits of a number that is taken as it is when it begins with a plus.
const PLAIN_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// What becomes of an extension.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Extension {
    /// It is kept: who share a switchboard are not one person.
    #[default]
    Kept,
    /// It is dropped.
    Dropped,
}

/// How phone numbers are read by version 2.
#[derive(Debug, Clone, Default)]
pub struct PhoneRules {
    region: Option<Region>,
    /// What becomes of extensions.
    pub extension: Extension,
    /// How the region dials, found when it is first asked for.
    plan: Arc<OnceLock<Option<Plan>>>,
}

impl PartialEq for PhoneRules {
    fn eq(&self, other: &PhoneRules) -> bool {
        // The plan follows from the region.
        (self.region, self.extension) == (other.region, other.extension)
    }
}

impl Eq for PhoneRules {}

impl PhoneRules {
    /// National numbers are those of a region, if one is given. The first of them reads the numbering plans of all
    /// regions, which takes about a tenth of a second.
    pub fn new(region: Option<Region>, extension: Extension) -> PhoneRules {
        PhoneRules { region, extension, ..PhoneRules::default() }
    }

    fn plan(&self) -> Option<&Plan> {
        let region = self.region?;
        self.plan.get_or_init(|| Plan::of(region)).as_ref()
    }

    /// The region whose national numbers are understood.
    pub fn region(&self) -> Option<Region> {
        self.region
    }
}

/// Version 1: the digits and a leading plus.
pub fn first(text: &str) -> Cow<'_, str> {
    let trimmed = trim_blanks(text);
    let (plus, rest) = match trimmed.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, trimmed),
    };
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(trimmed);
    }
    let mut kept = String::with_capacity(trimmed.len());
    kept.extend(rest.chars().filter(char::is_ascii_digit));
    if plus && !kept.is_empty() {
        kept.insert(0, '+');
    }
    Cow::Owned(kept)
}

/// Why a text is no phone number, and nothing else either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPhone {
    /// It has neither digits nor letters.
    NoDigits,
    /// A spreadsheet made a rounded number of it: `3.36E+10`, which many people share.
    Rounded,
}

/// Version 2.
///
/// # Errors
/// `NoPhone`.
pub fn second<'t>(text: &'t str, rules: &PhoneRules) -> Result<Cow<'t, str>, NoPhone> {
    let text = trim(text);
    if is_plain(text.as_bytes()) {
        return Ok(Cow::Borrowed(text));
    }
    let form = match common(text.as_bytes()) {
        Some((plus, digits)) => form_of(plus, digits, rules),
        None => match read(text) {
            Written::Number(number) => form_of_number(number, rules)?,
            Written::Rounded => return Err(NoPhone::Rounded),
            Written::Words(words) => words,
        },
    };
    Ok(if form == text { Cow::Borrowed(text) } else { Cow::Owned(form) })
}

fn form_of_number(number: Number, rules: &PhoneRules) -> Result<String, NoPhone> {
    if number.digits.is_empty() {
        return Err(NoPhone::NoDigits);
    }
    let mut form = form_of(number.plus, number.digits, rules);
    if let Some(extension) = number.extension
        && rules.extension == Extension::Kept
    {
        form.push_str(";ext=");
        form.push_str(&extension);
    }
    Ok(form)
}

/// The digits of a number as most are written, and whether a plus stands before them.
fn common(bytes: &[u8]) -> Option<(bool, String)> {
    let (plus, rest) = match bytes.split_first() {
        Some((b'+', rest)) => (true, rest),
        _ => (false, bytes),
    };
    let mut digits = String::with_capacity(rest.len() + 1);
    for byte in rest {
        match byte {
            b'0'..=b'9' => digits.push(char::from(*byte)),
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' => {}
            _ => return None,
        }
    }
    // What ends so may be the fraction of a number.
    (!digits.is_empty() && !bytes.ends_with(b".0")).then_some((plus, digits))
}

/// Whether bytes are an international number with nothing between its digits.
fn is_plain(bytes: &[u8]) -> bool {
    let Some((b'+', digits)) = bytes.split_first() else { return false };
    PLAIN_DIGITS.contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && code_length(digits)
            .and_then(|code| digits.split_at_checked(code))
            .is_some_and(|(code, national)| needs_nothing(code, national))
}

/// The number that digits after a plus, or none, are.
fn form_of(plus: bool, mut digits: String, rules: &PhoneRules) -> String {
    // No country code begins with a zero: a plus before one was put there by a program.
    if plus && !digits.starts_with('0') {
        return international(&digits).unwrap_or_else(|| {
            digits.insert(0, '+');
            digits
        });
    }
    let found = match rules.plan() {
        Some(plan) => plan.national(&digits),
        None => digits.strip_prefix("00").filter(|rest| is_dialled(rest)).and_then(international),
    };
    found.unwrap_or(digits)
}

/// Whether what follows `00` is an international number, as far as its length says.
fn is_dialled(digits: &str) -> bool {
    digits.len() >= *PLAIN_DIGITS.start() && is_american(digits).unwrap_or(true)
}

/// Whether digits after the country code 1 are a number of North America: ten, of which the first is no 0 or 1. So
/// 0011, which is dialled in Australia, is not understood where no region is given.
fn is_american(digits: &str) -> Option<bool> {
    let rest = digits.strip_prefix('1')?;
    Some(rest.len() == 10 && !rest.starts_with(['0', '1']))
}

/// The form of a number that begins with its country code; nothing when none has so many digits.
fn international(digits: &str) -> Option<String> {
    let (code, dialled) = digits.split_at_checked(code_length(digits.as_bytes())?)?;
    // What is dialled within the country alone: the 0 of `+44 (0)20`, and the 1 that Mexico gave up in 2019.
    let from_abroad = |national: &str| needs_nothing(code.as_bytes(), national.as_bytes());
    let national = if from_abroad(dialled) { dialled } else { dialled.get(1..)? };
    let fits = INTERNATIONAL_DIGITS.contains(&(code.len() + national.len()));
    // A number from which one zero was taken must not lose another one when it comes again.
    (fits && from_abroad(national)).then(|| with_code(code, national))
}

/// The international form of a number.
fn with_code(code: &str, national: &str) -> String {
    let mut form = String::with_capacity(1 + code.len() + national.len());
    form.push('+');
    form.push_str(code);
    form.push_str(national);
    form
}

/// How many digits the country code has that digits begin with: those of E.164, of which no new ones are given but in
/// the zones of three digits.
fn code_length(digits: &[u8]) -> Option<usize> {
    match digits {
        [b'1' | b'7', ..] => Some(1),
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => Some(2),
        [b'2'..=b'6' | b'8' | b'9', ..] => Some(3),
        _ => None,
    }
}

/// The country codes after which a number may begin with a zero.
const ZERO_CODES: [&[u8]; 15] = [
    b"39", b"47", b"225", b"227", b"229", b"241", b"242", b"267", b"268", b"378", b"501", b"676",
    b"679", b"687", b"853",
];

const MEXICO: &[u8] = b"52";
const MEXICAN_MOBILE_DIGITS: usize = 11;

/// Whether digits after a country code are those that are dialled from abroad.
fn needs_nothing(code: &[u8], national: &[u8]) -> bool {
    match national.first() {
        Some(b'0') => ZERO_CODES.contains(&code),
        Some(b'1') => code != MEXICO || national.len() != MEXICAN_MOBILE_DIGITS,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
