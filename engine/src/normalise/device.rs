//! Ids of devices and of advertising.
//!
//! *Invariants:* a UUID has one form, however it was written; an id of another form is compared byte for byte, as the
//! ids of many makers tell capitals from small letters.

use std::borrow::Cow;

const UUID_DIGITS: usize = 32;
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// The one form of a UUID, and of all else itself. Nothing when it is nobody's: all zeros, as devices write whose
/// owners want not to be followed.
pub fn device(text: &str) -> Option<Cow<'_, str>> {
    if is_canonical(text.as_bytes()) {
        let nobody = text.bytes().all(|byte| matches!(byte, b'0' | b'-'));
        return (!nobody).then_some(Cow::Borrowed(text));
    }
    let Some(digits) = digits(text) else {
        let nobody =
            !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0' | b'-' | b':'));
        return (!nobody).then_some(Cow::Borrowed(text));
    };
    if digits.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let mut uuid = String::with_capacity(UUID_DIGITS + DASHES.len());
    for digit in digits.chars() {
        if DASHES.contains(&uuid.len()) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    Some(Cow::Owned(uuid))
}

fn is_canonical(bytes: &[u8]) -> bool {
    bytes.len() == UUID_DIGITS + DASHES.len()
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'-' => DASHES.contains(&at),
            b'0'..=b'9' | b'a'..=b'f' => !DASHES.contains(&at),
            _ => false,
        })
}

/// The 32 digits of a UUID in lower case, when it is one: with dashes or without, in braces, or as a name.
fn digits(text: &str) -> Option<String> {
    let name = "urn:uuid:";
    let head = text.get(..name.len()).filter(|head| head.eq_ignore_ascii_case(name));
    let text = head.and_then(|head| text.get(head.len()..)).unwrap_or(text);
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let text = inner.unwrap_or(text);
    let mut digits = String::with_capacity(UUID_DIGITS);
    for byte in text.bytes() {
        match byte {
            b'-' => {}
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' if digits.len() < UUID_DIGITS => {
                digits.push(char::from(byte.to_ascii_lowercase()));
            }
            _ => return None,
        }
    }
    (digits.len() == UUID_DIGITS).then_some(digits)
}
