//! What a command answers, and how it is written in RESP2 and RESP3.
//!
//! *Invariants:* the same reply is the same data in both versions; a line never contains a line
//! end; the first word of an error is its code; decimals are text, so that no digit is lost. *Where
//! to start reading:* `Reply::write`.

use serde_json::{Map, Number, Value as Json};

/// The version of the protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    /// The version of all clients: arrays, bulk strings and integers.
    #[default]
    Resp2,
    /// With maps, booleans, doubles and one null.
    Resp3,
}

impl Protocol {
    /// The number that HELLO names.
    pub(crate) fn number(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// An answer. The command line prints the same tree as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// A short word of the server itself, such as `OK`.
    Simple(&'static str),
    /// A code and a message.
    Error(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Double(f64),
    /// An exact decimal, as its digits: text on the wire, a number in JSON.
    Decimal(String),
    /// True or false; in RESP2 1 or 0.
    Boolean(bool),
    /// Text.
    Text(String),
    /// Bytes that need not be text.
    Bytes(Vec<u8>),
    /// Nothing.
    Null,
    /// A list.
    Array(Vec<Reply>),
    /// Names with values, in order; in RESP2 an array of both in turn.
    Map(Vec<(Reply, Reply)>),
}

/// Text, from whatever is text.
impl<T: Into<String>> From<T> for Reply {
    fn from(text: T) -> Reply {
        Reply::Text(text.into())
    }
}

impl Reply {
    /// An integer. Counts and positions stay far below the point where 64 signed bits end.
    pub(crate) fn count(number: u64) -> Reply {
        Reply::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A map with names that the server chose.
    pub(crate) fn map<const N: usize>(fields: [(&'static str, Reply); N]) -> Reply {
        Reply::Map(fields.into_iter().map(|(name, value)| (Reply::from(name), value)).collect())
    }

    /// A list, each element made by a function.
    pub(crate) fn list<T>(
        items: impl IntoIterator<Item = T>,
        make: impl FnMut(T) -> Reply,
    ) -> Reply {
        Reply::Array(items.into_iter().map(make).collect())
    }

    /// Text, or null.
    pub(crate) fn optional(text: Option<impl Into<String>>) -> Reply {
        text.map_or(Reply::Null, |text| Reply::Text(text.into()))
    }

    /// Appends the reply as a protocol writes it.
    pub(crate) fn write(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let new = protocol == Protocol::Resp3;
        match self {
            Reply::Simple(word) => line(out, b'+', word),
            Reply::Error(message) => line(out, b'-', message),
            Reply::Integer(number) => line(out, b':', &number.to_string()),
            Reply::Double(number) if new => line(out, b',', &double(*number)),
            Reply::Double(number) => bulk(out, double(*number).as_bytes()),
            Reply::Boolean(yes) if new => line(out, b'#', if *yes { "t" } else { "f" }),
            Reply::Boolean(yes) => line(out, b':', if *yes { "1" } else { "0" }),
            Reply::Decimal(text) | Reply::Text(text) => bulk(out, text.as_bytes()),
            Reply::Bytes(bytes) => bulk(out, bytes),
            Reply::Null if new => line(out, b'_', ""),
            Reply::Null => line(out, b'$', "-1"),
            Reply::Array(items) => {
                begin_array(out, items.len());
                items.iter().for_each(|item| item.write(protocol, out));
            }
            Reply::Map(fields) => {
                if new {
                    line(out, b'%', &fields.len().to_string());
                } else {
                    begin_array(out, fields.len() * 2);
                }
                for (name, value) in fields {
                    name.write(protocol, out);
                    value.write(protocol, out);
                }
            }
        }
    }

    /// The same data as JSON. Numbers that JSON lacks (NaN, infinities) are text; bytes that are no
    /// text, hexadecimal.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Reply::Simple(word) => Json::from(*word),
            Reply::Error(text) | Reply::Text(text) => Json::from(text.as_str()),
            Reply::Integer(number) => Json::from(*number),
            Reply::Double(number) => {
                Number::from_f64(*number).map_or_else(|| Json::from(double(*number)), Json::Number)
            }
            Reply::Decimal(digits) => {
                digits.parse().map_or_else(|_| Json::from(digits.as_str()), Json::Number)
            }
            Reply::Boolean(yes) => Json::from(*yes),
            Reply::Bytes(bytes) => Json::from(match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            }),
            Reply::Null => Json::Null,
            Reply::Array(items) => Json::Array(items.iter().map(Reply::to_json).collect()),
            Reply::Map(fields) => {
                let name = |reply: &Reply| reply.to_json().as_str().unwrap_or_default().to_owned();
                Json::Object(
                    fields.iter().map(|(n, v)| (name(n), v.to_json())).collect::<Map<_, _>>(),
                )
            }
        }
    }
}

/// Appends the head of an array whose elements follow one by one.
pub(crate) fn begin_array(out: &mut Vec<u8>, elements: usize) {
    line(out, b'*', &elements.to_string());
}

fn line(out: &mut Vec<u8>, kind: u8, text: &str) {
    out.push(kind);
    out.extend(text.bytes().map(|byte| if byte == b'\r' || byte == b'\n' { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    line(out, b'$', &bytes.len().to_string());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// The shortest digits that read back as the same float; `inf`, `-inf` and `nan` as RESP3 writes
/// them.
fn double(number: f64) -> String {
    if number.is_nan() { "nan".to_owned() } else { format!("{number:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply, protocol: Protocol) -> String {
        let mut out = Vec::new();
        reply.write(protocol, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_table_for_both_protocols() {
        let pair = || Reply::map([("a", Reply::Integer(1)), ("b", Reply::Null)]);
        let cases = [
            (Reply::Simple("OK"), "+OK\r\n", "+OK\r\n"),
            (Reply::Error("ERR a\r\nb".into()), "-ERR a  b\r\n", "-ERR a  b\r\n"),
            (Reply::Integer(-7), ":-7\r\n", ":-7\r\n"),
            (Reply::Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
            (Reply::Double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
            (Reply::Double(f64::NAN), "$3\r\nnan\r\n", ",nan\r\n"),
            (Reply::Decimal("11.770".into()), "$6\r\n11.770\r\n", "$6\r\n11.770\r\n"),
            (Reply::Boolean(true), ":1\r\n", "#t\r\n"),
            (Reply::Boolean(false), ":0\r\n", "#f\r\n"),
            (Reply::from("é\n"), "$3\r\né\n\r\n", "$3\r\né\n\r\n"),
            (Reply::Bytes(vec![b'x']), "$1\r\nx\r\n", "$1\r\nx\r\n"),
            (Reply::Null, "$-1\r\n", "_\r\n"),
            (Reply::Array(vec![]), "*0\r\n", "*0\r\n"),
            (Reply::list([1, 2], Reply::Integer), "*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n"),
            (
                pair(),
                "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$-1\r\n",
                "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n",
            ),
        ];
        for (reply, two, three) in cases {
            assert_eq!(written(&reply, Protocol::Resp2), two, "{reply:?}");
            assert_eq!(written(&reply, Protocol::Resp3), three, "{reply:?}");
        }
    }

    #[test]
    fn json_keeps_every_digit_and_the_order() {
        let reply = Reply::map([
            ("z", Reply::Decimal("12345678901234567890.10".into())),
            ("a", Reply::Double(f64::NAN)),
            ("b", Reply::Bytes(vec![0xff, 0x0a])),
            ("c", Reply::list(["x"], Reply::from)),
        ]);
        let wanted = r#"{"z":12345678901234567890.10,"a":"nan","b":"ff0a","c":["x"]}"#;
        assert_eq!(reply.to_json().to_string(), wanted);
    }
}
