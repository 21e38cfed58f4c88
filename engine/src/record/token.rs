//! Values where they stand in a row: cells of a delimited file, scalars of JSON and lists, without a copy.

use super::{CellText, FieldValue};
use std::borrow::Cow;

/// What stands in a column of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token<'t> {
    /// A cell of a delimited file.
    Cell(&'t str),
    /// JSON null.
    Null,
    /// A JSON boolean.
    Boolean(&'t str),
    /// A JSON number, as the slow reader writes it: with an exponent in one form.
    Number(Cow<'t, str>),
    /// A JSON string, without its quotes and escapes.
    Text(Cow<'t, str>),
    /// A JSON list of scalars.
    List(&'t str),
    /// A JSON list of objects, of which the first is one and others may be null.
    Objects(&'t str),
}

impl<'t> Token<'t> {
    /// The token of the bytes of a scalar, or of a list of scalars or objects, of JSON.
    pub fn of_json(bytes: &'t [u8]) -> Option<Token<'t>> {
        let text = std::str::from_utf8(bytes).ok()?;
        Some(match bytes.first()? {
            b'"' if bytes.contains(&b'\\') => {
                Token::Text(Cow::Owned(serde_json::from_str(text).ok()?))
            }
            b'"' => Token::Text(Cow::Borrowed(text.get(1..text.len().checked_sub(1)?)?)),
            b't' | b'f' => Token::Boolean(text),
            b'n' => Token::Null,
            b'[' if begins_with_object(bytes) => Token::Objects(text),
            b'[' => Token::List(text),
            _ if bytes.iter().any(|byte| matches!(byte, b'e' | b'E')) => {
                let number: serde_json::Number = serde_json::from_str(text).ok()?;
                Token::Number(Cow::Owned(number.to_string()))
            }
            _ => Token::Number(Cow::Borrowed(text)),
        })
    }

    /// Its text; nothing for null, and for a list, which is for the slow reader.
    pub fn text(self) -> Option<Cow<'t, str>> {
        match self {
            Token::Cell(text) | Token::Boolean(text) => Some(Cow::Borrowed(text)),
            Token::Number(text) | Token::Text(text) => Some(text),
            Token::Null | Token::List(_) | Token::Objects(_) => None,
        }
    }

    /// The field of JSON that it is.
    pub fn json_field(&self) -> FieldValue {
        FieldValue::Cell(match self {
            Token::Null => return FieldValue::Null,
            Token::Cell(text) => CellText::inferred(text),
            Token::Boolean(text) => CellText::boolean(*text == "true"),
            Token::Number(text) => CellText::number(text),
            Token::Text(text) => CellText::string(text),
            Token::Objects(_) => return FieldValue::List,
            Token::List(text) => match serde_json::from_str(text) {
                Ok(list) => CellText::set(&list),
                Err(_) => return FieldValue::List,
            },
        })
    }
}

/// Where a value that begins at a place ends: a scalar, or a list of scalars or of objects. Nothing for all else, and
/// for what the slow reader refuses.
pub(super) fn value_end(line: &[u8], at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    let length = match rest.first()? {
        b'[' if begins_with_object(rest) => objects_length(rest, 0)?,
        b'[' => list_length(rest)?,
        _ => scalar_length(rest)?,
    };
    Some(at + length)
}

/// Objects in lists that stand in one another deeper than this are for the slow reader.
const DEPTH_MAX: usize = 8;

/// Whether a list has an object in its first place.
pub(super) fn begins_with_object(list: &[u8]) -> bool {
    list.first() == Some(&b'[') && list.get(1 + blanks(list, 1)) == Some(&b'{')
}

/// The length of a list of objects and nulls.
fn objects_length(rest: &[u8], depth: usize) -> Option<usize> {
    let mut at = 1 + blanks(rest, 1);
    loop {
        let item = rest.get(at..)?;
        at += match item.first()? {
            b'{' => object_length(item, depth + 1)?,
            b'n' => scalar_length(item)?,
            _ => return None,
        };
        at += blanks(rest, at);
        match rest.get(at)? {
            b',' => at += 1 + blanks(rest, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn object_length(rest: &[u8], depth: usize) -> Option<usize> {
    let mut at = 1 + blanks(rest, 1);
    if depth > DEPTH_MAX {
        return None;
    }
    if rest.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let name = rest.get(at..).filter(|name| name.first() == Some(&b'"'))?;
        // The library has a meaning of its own for names that begin so.
        let length = text_length(name).filter(|_| !name.starts_with(b"\"$"))?;
        if name.get(..length)?.contains(&b'\\') {
            return None;
        }
        at += length;
        at += blanks(rest, at);
        (rest.get(at) == Some(&b':')).then(|| at += 1)?;
        at += blanks(rest, at);
        let value = rest.get(at..)?;
        at += match value.first()? {
            b'{' => object_length(value, depth + 1)?,
            b'[' if begins_with_object(value) => objects_length(value, depth + 1)?,
            b'[' => list_length(value)?,
            _ => scalar_length(value)?,
        };
        at += blanks(rest, at);
        match rest.get(at)? {
            b',' => at += 1 + blanks(rest, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn scalar_length(rest: &[u8]) -> Option<usize> {
    let word = |word: &[u8]| rest.starts_with(word).then_some(word.len());
    match rest.first()? {
        b'"' => text_length(rest),
        b'-' | b'0'..=b'9' => number_length(rest),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => None,
    }
}

/// The length of a string with its quotes.
pub(super) fn text_length(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    let mut escaped = false;
    loop {
        match rest.get(at)? {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..=0x1f => return None,
            _ => at += 1,
        }
    }
    // Halves of characters and unknown escapes are for the library to judge.
    let sound = || serde_json::from_slice::<String>(rest.get(..=at)?).ok();
    (!escaped || sound().is_some()).then_some(at + 1)
}

fn digits(rest: &[u8], at: usize) -> usize {
    rest.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn number_length(rest: &[u8]) -> Option<usize> {
    let sign = usize::from(rest.first() == Some(&b'-'));
    let whole = digits(rest, sign);
    if whole == 0 || (whole > 1 && rest.get(sign) == Some(&b'0')) {
        return None;
    }
    let mut at = sign + whole;
    if rest.get(at) == Some(&b'.') {
        let fraction = digits(rest, at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(rest.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(rest, at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}

/// How many blanks of JSON there are from a place on.
pub(super) fn blanks(bytes: &[u8], at: usize) -> usize {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    bytes.get(at..).unwrap_or_default().iter().take_while(blank).count()
}

fn list_length(rest: &[u8]) -> Option<usize> {
    let mut at = 1 + blanks(rest, 1);
    if rest.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        at += scalar_length(rest.get(at..)?)?;
        at += blanks(rest, at);
        match rest.get(at)? {
            b',' => at += 1 + blanks(rest, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    const TEXTS: [&str; 80] = [
        "0",
        "-0",
        "00",
        "01",
        "-",
        "-01",
        "1.",
        "1.0",
        ".5",
        "1.50",
        "1e5",
        "1E5",
        "1e+5",
        "1E-05",
        "1e",
        "1e+",
        "-0.0e0",
        "123456789012345678901234567890",
        "1e999",
        "true",
        "True",
        "tru",
        "false",
        "null",
        "nul",
        "\"\"",
        "\"a\"",
        "\"é\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\q\"",
        "\"\\\"\"",
        "\"\\\\\"",
        "\"\\\"",
        "\"a\tb\"",
        "\"\u{7f}\"",
        "\"open",
        "[]",
        "[ ]",
        "[1]",
        "[1,]",
        "[,]",
        "[ 1 , \"a\" ]",
        "[1 2]",
        "[null,true]",
        "[[1]]",
        "[{}]",
        "[1",
        "{}",
        "",
        "NaN",
        "+1",
        "'a'",
        "1_0",
        "0x1",
        "\"\\/\"",
        "\"\\u0000\"",
        "[{},null]",
        "[ { } , { \"a\" : [ 1 , {} ] } ]",
        "[{\"a\":1,\"b\":{\"c\":[true,\"x\"]}}]",
        "[{\"a\":[{\"b\":null}]}]",
        "[{\"a\":1},{\"a\":2,\"a\":3}]",
        "[{\"a\":[]}]",
        "[{\"é\":\"\\u00e9\"}]",
        "[null,{}]",
        "[{},1]",
        "[{},[]]",
        "[{}]]",
        "[{},]",
        "[{,}]",
        "[{\"a\"}]",
        "[{\"a\":}]",
        "[{\"a\":1,}]",
        "[{\"a\" 1}]",
        "[{a:1}]",
        "[{\"a\":01}]",
        "[{\"a\":1}",
        "[{\"a\":[1,{}]}]",
        "[{\"\\u0061\":1}]",
    ];

    /// Lists of objects in which something is rare: the library reads them.
    const FOR_THE_SLOW_READER: [&str; 3] =
        ["[ { } , { \"a\" : [ 1 , {} ] } ]", "[{\"a\":[1,{}]}]", "[{\"\\u0061\":1}]"];

    #[test]
    fn values_are_those_of_the_slow_reader() {
        for text in TEXTS {
            let whole = value_end(text.as_bytes(), 0) == Some(text.len());
            let known: Option<Json> = serde_json::from_str(text).ok();
            let plain = known.filter(|value| match value {
                Json::Array(items) if items.first().is_some_and(Json::is_object) => {
                    items.iter().all(|item| item.is_object() || item.is_null())
                }
                Json::Array(items) => !items.iter().any(|item| item.is_array() || item.is_object()),
                other => !other.is_object(),
            });
            let slow = plain.filter(|_| !FOR_THE_SLOW_READER.contains(&text));
            assert_eq!(whole, slow.is_some(), "{text}");
            let plain = slow;
            let Some(value) = plain else { continue };
            let slow = match &value {
                Json::Null => FieldValue::Null,
                Json::Bool(value) => FieldValue::Cell(CellText::boolean(*value)),
                Json::Number(number) => FieldValue::Cell(CellText::number(&number.to_string())),
                Json::String(text) => FieldValue::Cell(CellText::string(text)),
                Json::Array(items) if items.first().is_some_and(Json::is_object) => {
                    FieldValue::List
                }
                _ => FieldValue::Cell(CellText::set(&value)),
            };
            assert_eq!(Token::of_json(text.as_bytes()).unwrap().json_field(), slow, "{text}");
        }
    }
}
