//! Batches of messages: where each message stands in its line, and what all of them share.
//!
//! A message of a batch is a row of its own. What the batch says for all of them stands behind its bytes, after a byte
//! that no JSON outside of an escape has, so that a replay reads the same message; where nothing is shared the row is
//! the message alone. *Invariant:* `message_of(with_shared(message, shared))` is `message` again, whatever its bytes
//! are.

use super::RowError;
use crate::base::limits::BATCH_BYTES_MAX;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::ops::Range;

/// The byte between a message and what its batch shares.
pub(super) const SEAM: u8 = 0x1e;
/// What a batch says for all its messages; all else that stands beside them, such as a write key, is not kept.
const SHARED: [&str; 3] = ["context", "integrations", "sentAt"];

/// The messages of a line of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// Where each stands in the line.
    pub places: Vec<Range<usize>>,
    /// What they share, in JSON; empty when that is nothing.
    pub shared: Vec<u8>,
}

/// Finds the messages of a line: the items of a batch or of a list, or the line itself.
pub fn messages_of(line: &[u8]) -> Messages {
    let whole = Messages { places: std::iter::once(0..line.len()).collect(), shared: Vec::new() };
    let list = line.trim_ascii_start().first() == Some(&b'[');
    let named = || line.windows(7).any(|piece| piece == b"\"batch\"");
    if !list && !named() {
        return whole;
    }
    let (items, shared) = match serde_json::from_slice(line) {
        Ok(Json::Array(items)) => (items.len(), Vec::new()),
        Ok(Json::Object(object)) => match object.get("batch") {
            Some(Json::Array(items)) => (items.len(), shared_of(&object)),
            _ => return whole,
        },
        _ => return whole,
    };
    let places = items_of(line);
    // A line that would become far more than it is stays one row, which is broken; so does one that spells the name
    // of its list with escapes.
    if places.len() != items || items.saturating_mul(shared.len()) > BATCH_BYTES_MAX {
        return whole;
    }
    Messages { places, shared }
}

fn shared_of(object: &Map<String, Json>) -> Vec<u8> {
    let said = SHARED.iter().filter_map(|name| Some(((*name).to_owned(), object.get(*name)?)));
    let said: Map<String, Json> = said.map(|(name, value)| (name, value.clone())).collect();
    if said.is_empty() { Vec::new() } else { Json::Object(said).to_string().into_bytes() }
}

/// Where the items of the list stand in JSON that is valid: of the list that it is, or of the last one that is called
/// `batch` in the object that it is.
fn items_of(line: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    // The depth of the items, in the list that is looked for.
    let mut inside = None;
    let (mut item, mut name) = (None, 0..0);
    let mut index = 0;
    while let Some(byte) = line.get(index) {
        let start = index;
        index += 1;
        match byte {
            b'"' => {
                while let Some(byte) = line.get(index) {
                    index += 1 + usize::from(*byte == b'\\');
                    if *byte == b'"' {
                        break;
                    }
                }
                if depth == 1 && inside.is_none() {
                    name = start..index;
                }
            }
            b'[' | b'{' => {
                depth += 1;
                let batch = || line.get(name.clone()) == Some(br#""batch""#.as_slice());
                let wanted = *byte == b'[' && (depth == 1 || (depth == 2 && batch()));
                if wanted && inside.is_none() {
                    found.clear();
                    inside = Some(depth);
                    item = None;
                    continue;
                }
            }
            b']' | b'}' => {
                if inside == Some(depth) {
                    found.extend(item.take().map(|from| trimmed(line, from..start)));
                    inside = None;
                    name = 0..0;
                }
                depth = depth.saturating_sub(1);
            }
            b',' if inside == Some(depth) => {
                found.extend(item.take().map(|from| trimmed(line, from..start)));
                continue;
            }
            byte if byte.is_ascii_whitespace() => continue,
            _ => {}
        }
        if inside.is_some() && item.is_none() {
            item = Some(start);
        }
    }
    found
}

fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let length = line.get(range.clone()).unwrap_or_default().trim_ascii_end().len();
    range.start..range.start + length
}

/// The bytes of a row: a message, and what its batch shares.
pub fn with_shared<'m>(message: Cow<'m, [u8]>, shared: &[u8]) -> Cow<'m, [u8]> {
    if shared.is_empty() && !message.contains(&SEAM) {
        return message;
    }
    let mut whole = message.into_owned();
    whole.push(SEAM);
    whole.extend_from_slice(shared);
    Cow::Owned(whole)
}

/// The message of a row, as it was sent, and what its batch shares.
pub(super) fn apart(original: &[u8]) -> (&[u8], &[u8]) {
    match original.iter().rposition(|byte| *byte == SEAM) {
        None => (original, &[]),
        Some(seam) => {
            (original.get(..seam).unwrap_or_default(), original.get(seam + 1..).unwrap_or_default())
        }
    }
}

/// The message of a row, as it was sent.
pub fn message_of(original: &[u8]) -> &[u8] {
    apart(original).0
}

/// Merges what a batch shares into one of its messages, which says it better where it says it itself.
pub(super) fn merge(object: &mut Map<String, Json>, shared: &[u8]) -> Result<(), RowError> {
    if shared.is_empty() {
        return Ok(());
    }
    let Ok(Json::Object(shared)) = serde_json::from_slice(shared) else {
        return Err(RowError::new("what the messages of the batch share is no JSON object"));
    };
    for (name, value) in shared {
        match (object.get_mut(&name), value) {
            (Some(Json::Object(own)), Json::Object(of_all)) => {
                for (name, value) in of_all {
                    own.entry(name).or_insert(value);
                }
            }
            (None | Some(Json::Null), value) => drop(object.insert(name, value)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(line: &str) -> Vec<&str> {
        messages_of(line.as_bytes()).places.into_iter().map(|place| &line[place]).collect()
    }

    #[test]
    fn the_messages_of_a_batch_are_ranges_of_its_line() {
        let line = r#" {"a":["batch",[1]],"batch" : [ {"x":[1,{"y":"],\"}"}]} , {"z" : 2} ],"sentAt":"t","writeKey":"k"}"#;
        assert_eq!(items(line), [r#"{"x":[1,{"y":"],\"}"}]}"#, r#"{"z" : 2}"#]);
        assert_eq!(messages_of(line.as_bytes()).shared, br#"{"sentAt":"t"}"#);
        assert_eq!(items(r#"[{"a":1},"b" ,3]"#), [r#"{"a":1}"#, "\"b\"", "3"]);
        assert_eq!(items(r#"{"batch":[]}"#), [""; 0]);
        assert_eq!(items("[ ]"), [""; 0]);
        assert_eq!(items(r#"{"batch":[1],"batch":[2,[3]]}"#), ["2", "[3]"]);
        assert_eq!(items(r#"{"batch":[{"batch":[1,2]}]}"#), [r#"{"batch":[1,2]}"#]);
        for whole in [
            r#"{"x":"batch","b\u0061tch":[{}]}"#,
            r#"{"batch":7}"#,
            r#"{"event":"batch"}"#,
            r#"{"batch":[1}"#,
            "[1",
            "x",
            "",
        ] {
            assert_eq!(items(whole), [whole]);
        }
        let wide = format!(
            r#"{{"context":{{"x":"{}"}},"batch":[{}1]}}"#,
            "x".repeat(1 << 20),
            "1,".repeat(300)
        );
        assert_eq!(
            messages_of(wide.as_bytes()).places.as_slice(),
            std::slice::from_ref(&(0..wide.len()))
        );
    }

    #[test]
    fn a_message_comes_back_whatever_its_bytes_are() {
        for message in ["{}", "", "\u{1e}", "a\u{1e}{}", "{}\u{1e}"] {
            for shared in ["", "{\"sentAt\":\"t\"}"] {
                let row = with_shared(message.as_bytes().into(), shared.as_bytes());
                assert_eq!(apart(&row), (message.as_bytes(), shared.as_bytes()));
            }
        }
        assert_eq!(with_shared(b"{}".as_slice().into(), b""), b"{}".as_slice());
    }
}
