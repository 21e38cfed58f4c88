//! How people and programs write phone numbers: prefixes, separators, digits of other scripts, extensions.

use super::super::clean::{digit, is_hidden, narrow, trim};

/// What a text is.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// Digits, as of a phone number.
    Number(Number),
    /// A number that a spreadsheet rounded.
    Rounded,
    /// No number: its text in lower case.
    Words(String),
}

/// The digits of a number.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Number {
    /// Whether a plus stands before them.
    pub plus: bool,
    /// The digits, in ASCII.
    pub digits: String,
    /// The digits of its extension.
    pub extension: Option<String>,
}

/// What programs write before a number.
const PREFIXES: [&str; 4] = ["tel:", "sms:", "whatsapp:", "tel."];

/// What stands before an extension, the longer before what it ends with.
const EXTENSION_WORDS: [&str; 8] =
    ["extension", "extn", "ext", "poste", "durchwahl", "anexo", "x", "#"];

/// Digits of an extension.
const EXTENSION_DIGITS_MAX: usize = 10;

/// Digits that a number has before `.0` when that is what a program made of an integer.
const FLOAT_DIGITS_MIN: usize = 7;

/// What a text is, of which blanks around it are gone.
pub fn read(text: &str) -> Written {
    let seen: String = text.chars().filter(|c| !is_hidden(*c)).map(narrow).collect();
    let lower = trim(&seen).to_lowercase();
    let prefix = PREFIXES.iter().find_map(|prefix| lower.strip_prefix(prefix));
    let body = prefix.unwrap_or(&lower);
    if is_rounded(body) {
        return Written::Rounded;
    }
    match parts(body) {
        Some(number) => Written::Number(number),
        None => Written::Words(lower),
    }
}

fn parts(body: &str) -> Option<Number> {
    let mut pieces = body.split(';');
    let head = pieces.next()?;
    let mut number = Number::default();
    let mut context = None;
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let (key, value) = piece.split_once('=')?;
        match key {
            "ext" => number.extension = Some(only_digits(value)?),
            "phone-context" => context = value.strip_prefix('+'),
            _ => {}
        }
    }
    let head = without_float(head);
    let (head, extension) = extension_of(head);
    number.extension = extension.or(number.extension);
    digits_of(head, &mut number)?;
    if let Some(code) = context
        && !number.plus
    {
        number.digits.insert_str(0, &only_digits(code)?);
        number.plus = true;
    }
    Some(number)
}

fn only_digits(text: &str) -> Option<String> {
    let digits = text.chars().filter(|c| !matches!(c, '-' | '.' | ' '));
    let digits: String = digits.map(digit).collect::<Option<String>>()?;
    (!digits.is_empty() && digits.len() <= EXTENSION_DIGITS_MAX).then_some(digits)
}

/// Puts the digits of a text into a number; nothing when it holds anything but digits and what stands between them.
fn digits_of(text: &str, number: &mut Number) -> Option<()> {
    for c in text.chars() {
        if let Some(digit) = digit(c) {
            number.digits.push(digit);
        } else if c == '+' {
            if !number.digits.is_empty() {
                return None;
            }
            number.plus = true;
        } else if !separates(c) {
            return None;
        }
    }
    Some(())
}

fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '.' | ',' | '/' | '\\' | '(' | ')' | '[' | ']' | '_' | '~' | ':' | '\''
        )
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2022}' | '\u{2212}' | '\u{b7}' | '\u{30fc}')
}

/// A number without the fraction of nothing that programs give to integers: `33612345678.0`.
fn without_float(text: &str) -> &str {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let digits = whole.strip_prefix('+').unwrap_or(whole);
    let is_integer = digits.len() >= FLOAT_DIGITS_MIN && digits.bytes().all(|b| b.is_ascii_digit());
    if is_integer { whole } else { text }
}

/// What stands before an extension, and its digits.
fn extension_of(text: &str) -> (&str, Option<String>) {
    let before = text.trim_end_matches(|c| digit(c).is_some());
    let Some(last) = text.get(before.len()..).filter(|last| !last.is_empty()) else {
        return (text, None);
    };
    let joint = |c: char| c.is_whitespace() || matches!(c, '.' | ':' | '-' | '\u{b0}');
    let word = before.trim_end_matches(joint);
    for known in EXTENSION_WORDS {
        if let Some(head) = word.strip_suffix(known)
            && head.chars().any(|c| digit(c).is_some())
            && let Some(digits) = only_digits(last)
        {
            return (head, Some(digits));
        }
    }
    (text, None)
}

/// Whether a text is a number in scientific notation: `3.36123e+10`.
fn is_rounded(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once('e') else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let all = |text: &str, mark: bool| {
        text.bytes().any(|byte| byte.is_ascii_digit())
            && text.bytes().all(|byte| {
                byte.is_ascii_digit() || (mark && matches!(byte, b'.' | b',' | b'-' | b'+'))
            })
    };
    all(mantissa, true) && all(exponent, false)
}
