//! Requests from bytes, as they arrive.
//!
//! A request is an array of bulk strings (`*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n`) or an inline line
//! (`ECHO hi\r\n`).
//!
//! *Invariants:*
//! - Each byte is looked at once: whatever the pieces that the bytes arrive in, the requests and
//!   the error are the same.
//! - Memory grows with the bytes that have arrived, never with what a header claims.
//! - A header that claims more than the limits is refused before its content arrives.
//! - After an error the stream has no meaning any more, and the connection must be closed.
//!
//! *Where to start reading:* `Decoder::decode`, then `State`.

use super::inline::split_inline;
use crate::limits::{ARG_OVERHEAD, DecodeLimits, HEADER_LINE_BYTES};
use std::fmt;

/// One request: the name of the command and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Request(pub(crate) Vec<Vec<u8>>);

impl Request {
    /// About how many bytes of memory the request holds.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|arg| arg.len() + ARG_OVERHEAD).sum()
    }
}

/// Bytes that are no request; the words are those of Redis, which clients know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    /// A count of arguments that is no number, negative, or above the limit.
    Count,
    /// A length of an argument that is no number, negative, or above the limit.
    Length,
    /// The arguments of one request are too long together.
    RequestTooLong,
    /// A header line without end.
    HeaderTooLong,
    /// An inline request that is too long.
    InlineTooLong,
    /// A quote that does not end, or ends within a word.
    Quotes,
    /// Something else than a bulk string inside the array.
    NotBulk(u8),
    /// Not CR LF where a line or an argument must end.
    LineEnd,
    /// A web browser was led here to speak to the database in the name of its user.
    Http,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            ProtocolError::Count => f.write_str("invalid multibulk length"),
            ProtocolError::Length => f.write_str("invalid bulk length"),
            ProtocolError::RequestTooLong => f.write_str("too big request"),
            ProtocolError::HeaderTooLong => f.write_str("too big count string"),
            ProtocolError::InlineTooLong => f.write_str("too big inline request"),
            ProtocolError::Quotes => f.write_str("unbalanced quotes in request"),
            ProtocolError::NotBulk(got) => {
                write!(f, "expected '$', got '{}'", char::from(*got).escape_default())
            }
            ProtocolError::LineEnd => f.write_str("expected CR LF"),
            ProtocolError::Http => f.write_str("this is no HTTP port"),
        }
    }
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first byte of a request.
    Start,
    /// The line `*count`.
    Count,
    /// The line of an inline request.
    Inline,
    /// The first byte of an argument's header, with the number of arguments that are missing.
    ArgStart { missing: usize },
    /// The line `$length`.
    Length { missing: usize },
    /// The content of an argument, with the bytes that are missing.
    Content { missing: usize, bytes: usize },
    /// CR and LF after an argument: `seen` of the two are there.
    ContentEnd { missing: usize, seen: usize },
}

/// The state machine: give it bytes, take requests.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    /// The part of a line that has arrived.
    line: Vec<u8>,
    /// The arguments that have arrived; in `Content` and `ContentEnd` the last one is not whole.
    args: Vec<Vec<u8>>,
    /// Claimed bytes of the arguments of this request.
    claimed: usize,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub(crate) fn new() -> Decoder {
        Decoder { state: State::Start, line: Vec::new(), args: Vec::new(), claimed: 0 }
    }

    /// Whether the stream stands between two requests.
    pub(crate) fn at_start(&self) -> bool {
        self.state == State::Start
    }

    /// About how many bytes of memory an unfinished request holds.
    pub(crate) fn bytes(&self) -> usize {
        self.line.capacity()
            + self.args.iter().map(|arg| arg.capacity() + ARG_OVERHEAD).sum::<usize>()
    }

    /// Takes bytes off the front of `input` until a request is whole or the input is empty. Empty
    /// lines and empty arrays are no requests and are passed over.
    ///
    /// # Errors
    /// The bytes are no request; close the connection.
    pub(crate) fn decode(
        &mut self,
        input: &mut &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<Request>, ProtocolError> {
        while let Some(&first) = input.first() {
            let done = match self.state {
                State::Start => {
                    self.state = if first == b'*' { State::Count } else { State::Inline };
                    if first == b'*' {
                        *input = input.get(1..).unwrap_or_default();
                    }
                    None
                }
                State::Count => self.count(input, limits)?,
                State::Inline => self.inline(input, limits)?,
                State::ArgStart { missing } => {
                    if first != b'$' {
                        return Err(ProtocolError::NotBulk(first));
                    }
                    *input = input.get(1..).unwrap_or_default();
                    self.state = State::Length { missing };
                    None
                }
                State::Length { missing } => self.length(missing, input, limits)?,
                State::Content { missing, bytes } => self.content(missing, bytes, input),
                State::ContentEnd { missing, seen } => self.content_end(missing, seen, input)?,
            };
            if done.is_some() {
                return Ok(done);
            }
        }
        Ok(None)
    }

    fn count(
        &mut self,
        input: &mut &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<Request>, ProtocolError> {
        let Some(count) = self.header_line(input, ProtocolError::Count)? else { return Ok(None) };
        if count > limits.args {
            return Err(ProtocolError::Count);
        }
        self.claimed = 0;
        self.state = if count == 0 { State::Start } else { State::ArgStart { missing: count } };
        Ok(None)
    }

    fn length(
        &mut self,
        missing: usize,
        input: &mut &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<Request>, ProtocolError> {
        let Some(bytes) = self.header_line(input, ProtocolError::Length)? else { return Ok(None) };
        if bytes > limits.arg_bytes {
            return Err(ProtocolError::Length);
        }
        self.claimed = self.claimed.saturating_add(bytes);
        if self.claimed > limits.request_bytes {
            return Err(ProtocolError::RequestTooLong);
        }
        self.args.push(Vec::new());
        self.state = State::Content { missing, bytes };
        if bytes == 0 {
            self.state = State::ContentEnd { missing, seen: 0 };
        }
        Ok(None)
    }

    fn content(&mut self, missing: usize, bytes: usize, input: &mut &[u8]) -> Option<Request> {
        let (here, rest) = input.split_at(bytes.min(input.len()));
        if let Some(arg) = self.args.last_mut() {
            if here.len() == bytes {
                arg.reserve_exact(bytes);
            }
            arg.extend_from_slice(here);
        }
        *input = rest;
        self.state = match bytes - here.len() {
            0 => State::ContentEnd { missing, seen: 0 },
            bytes => State::Content { missing, bytes },
        };
        None
    }

    fn content_end(
        &mut self,
        missing: usize,
        seen: usize,
        input: &mut &[u8],
    ) -> Result<Option<Request>, ProtocolError> {
        let wanted = if seen == 0 { b'\r' } else { b'\n' };
        if input.first() != Some(&wanted) {
            return Err(ProtocolError::LineEnd);
        }
        *input = input.get(1..).unwrap_or_default();
        self.state = match (seen, missing) {
            (0, _) => State::ContentEnd { missing, seen: 1 },
            (_, 1) => {
                self.state = State::Start;
                return Ok(Some(Request(std::mem::take(&mut self.args))));
            }
            _ => State::ArgStart { missing: missing - 1 },
        };
        Ok(None)
    }

    fn inline(
        &mut self,
        input: &mut &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<Request>, ProtocolError> {
        // One more for the carriage return.
        let Some(mut line) =
            self.line(input, limits.inline_bytes + 1, ProtocolError::InlineTooLong)?
        else {
            return Ok(None);
        };
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.state = State::Start;
        if line.len() > limits.inline_bytes {
            return Err(ProtocolError::InlineTooLong);
        }
        if is_http(&line) {
            return Err(ProtocolError::Http);
        }
        let args = split_inline(&line).ok_or(ProtocolError::Quotes)?;
        if args.len() > limits.args {
            return Err(ProtocolError::Count);
        }
        Ok((!args.is_empty()).then_some(Request(args)))
    }

    /// The number of a header line, once the line is whole.
    fn header_line(
        &mut self,
        input: &mut &[u8],
        wrong: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(line) = self.line(input, HEADER_LINE_BYTES, ProtocolError::HeaderTooLong)? else {
            return Ok(None);
        };
        let digits = line.strip_suffix(b"\r").ok_or(ProtocolError::LineEnd)?;
        let canonical = digits == b"0" || (!digits.is_empty() && digits.first() != Some(&b'0'));
        if !canonical || !digits.iter().all(u8::is_ascii_digit) {
            return Err(wrong);
        }
        let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or(wrong)
    }

    /// Takes bytes up to a line feed; the line without it, once it is whole.
    fn line(
        &mut self,
        input: &mut &[u8],
        most: usize,
        too_long: ProtocolError,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (here, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.line.len() + here.len() > most {
            return Err(too_long);
        }
        self.line.extend_from_slice(here);
        *input = rest.get(1..).unwrap_or_default();
        Ok(end.map(|_| std::mem::take(&mut self.line)))
    }
}

/// Whether a line is the beginning or a header of an HTTP request.
fn is_http(line: &[u8]) -> bool {
    let starts = |word: &[u8]| line.get(..word.len()).is_some_and(|l| l.eq_ignore_ascii_case(word));
    let mut words = line.split(|byte| *byte == b' ');
    let version = words.nth(2).is_some_and(|word| word.starts_with(b"HTTP/"));
    starts(b"POST ") || starts(b"Host:") || (version && words.next().is_none())
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
