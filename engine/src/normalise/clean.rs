//! Characters that nobody sees or means: what copying, keyboards and spreadsheets leave in identifiers.

use std::borrow::Cow;

/// Whether a character is nowhere seen and never meant: zero-width blanks, marks of direction, byte order marks and
/// soft hyphens. The joiners U+200C and U+200D are not among them: they tell words of Persian and of Indian
/// languages apart.
pub fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text without blanks of any kind around it.
#[inline]
pub fn trim_blanks(text: &str) -> &str {
    if is_trimmed(text) { text } else { text.trim() }
}

/// A text without blanks of any kind, and without hidden characters, around it.
#[inline]
pub fn trim(text: &str) -> &str {
    if is_trimmed(text) {
        return text;
    }
    text.trim_matches(|c: char| c.is_whitespace() || is_hidden(c))
}

/// Whether a text surely has nothing around it.
#[inline]
fn is_trimmed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    plain(bytes.first()) && plain(bytes.last())
}

/// Whether a text is ASCII without capitals. All bytes are looked at, which takes less time than to stop at one.
#[inline]
pub fn is_plain(text: &str) -> bool {
    !text.bytes().fold(false, |odd, byte| odd | !byte.is_ascii() | byte.is_ascii_uppercase())
}

/// The character of ASCII that a full-width or small form stands for, as keyboards of East Asia write them.
pub fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{fe6b}' => '@',
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// The least digit of each script whose digits people type.
const ZEROS: [char; 14] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{be6}',
    '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{1040}',
];

/// The digit of ASCII that a digit of any script stands for.
pub fn digit(c: char) -> Option<char> {
    let c = narrow(c);
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let zero = ZEROS.iter().rfind(|zero| **zero <= c)?;
    char::from_digit(u32::from(c) - u32::from(*zero), 10)
}

/// A text in lower case.
pub fn lower(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.to_lowercase())
}
