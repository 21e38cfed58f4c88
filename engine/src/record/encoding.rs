//! Encodings of files: rows are kept in UTF-8, and given back in the encoding of their file.
//!
//! A line is taken only when encoding it again gives its very bytes. One that is not is kept as a byte that UTF-8 never
//! has and the line in hexadecimal digits: it is a broken row, and is given back like any other.

use super::RowError;
use crate::entry::{FileShape, RowFormat};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};
use std::fmt::Write;

/// What stands before a line that could not be decoded.
const UNDECODED: u8 = 0xff;

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

/// Why a line is none of its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Undecodable {
    /// The first byte that does not belong there, from 1, and what stands there.
    at: Option<(usize, String)>,
}

impl Charset {
    /// UTF-8.
    pub const UTF_8: Charset = Charset(UTF_8);

    /// The encoding of a label, such as `latin1`, as the WHATWG Encoding Standard has them.
    pub fn labelled(label: &str) -> Option<Charset> {
        Encoding::for_label(label.as_bytes()).filter(|e| *e != REPLACEMENT).map(Charset)
    }

    /// UTF-16, when a file begins with its mark.
    pub fn marked(first: &[u8]) -> Option<Charset> {
        let (encoding, _) = Encoding::for_bom(first)?;
        (encoding != UTF_8).then_some(Charset(encoding))
    }

    /// Its name in lower case.
    pub fn name(self) -> String {
        self.0.name().to_lowercase()
    }

    /// Whether it is one of UTF-16.
    pub fn is_wide(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
    }

    /// Where the first line of `raw` ends, with its end.
    pub fn line_end(self, raw: &[u8]) -> Option<usize> {
        if !self.is_wide() {
            return raw.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        }
        raw.chunks_exact(2).position(|unit| self.unit(unit) == 0x0a).map(|at| 2 * at + 2)
    }

    fn unit(self, bytes: &[u8]) -> u16 {
        let pair = [bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)];
        if self.0 == UTF_16BE { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    }

    /// Appends a line, with its end, in UTF-8, or as one that could not be decoded.
    pub fn decode_line(self, raw: &[u8], into: &mut Vec<u8>) {
        match self.decoded(raw) {
            Ok(text) => into.extend_from_slice(text.as_bytes()),
            Err(_) => {
                let end =
                    if self.line_end(raw).is_some() { 1 + usize::from(self.is_wide()) } else { 0 };
                let content = raw.get(..raw.len() - end).unwrap_or_default();
                into.push(UNDECODED);
                into.extend_from_slice(crate::base::codec::hex(content).as_bytes());
                into.extend_from_slice(if end > 0 { b"\n" } else { b"" });
            }
        }
    }

    fn decoded(self, raw: &[u8]) -> Result<String, Undecodable> {
        let text = if self.is_wide() { self.decode_wide(raw)? } else { self.decode_narrow(raw)? };
        // Some encodings write one character in two ways.
        if self.encoded(&text).as_deref() == Some(raw) {
            Ok(text)
        } else {
            Err(Undecodable { at: None })
        }
    }

    fn decode_narrow(self, raw: &[u8]) -> Result<String, Undecodable> {
        let mut decoder = self.0.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length_without_replacement(raw.len());
        let mut text = String::with_capacity(room.unwrap_or(0));
        let (found, read) = decoder.decode_to_string_without_replacement(raw, &mut text, true);
        match found {
            encoding_rs::DecoderResult::InputEmpty => Ok(text),
            encoding_rs::DecoderResult::Malformed(bad, after) => {
                let at = read.saturating_sub(usize::from(bad) + usize::from(after));
                let byte = raw.get(at).map_or_else(String::new, |byte| format!("0x{byte:02X}"));
                Err(Undecodable { at: Some((at + 1, byte)) })
            }
            encoding_rs::DecoderResult::OutputFull => Err(Undecodable { at: None }),
        }
    }

    fn decode_wide(self, raw: &[u8]) -> Result<String, Undecodable> {
        let mut text = String::with_capacity(raw.len());
        let mut at = 0;
        let units = raw.chunks_exact(2).map(|unit| self.unit(unit));
        for character in char::decode_utf16(units) {
            match character {
                Ok(character) => {
                    text.push(character);
                    at += 2 * character.len_utf16();
                }
                Err(half) => {
                    let unit = format!("0x{:04X}", half.unpaired_surrogate());
                    return Err(Undecodable { at: Some((at + 1, unit)) });
                }
            }
        }
        if raw.len() % 2 == 1 {
            return Err(Undecodable { at: Some((raw.len(), "half of a unit".to_owned())) });
        }
        Ok(text)
    }

    /// The bytes of a text; nothing when the encoding lacks a character of it.
    fn encoded(self, text: &str) -> Option<Vec<u8>> {
        if self.is_wide() {
            let bytes = |unit: u16| {
                if self.0 == UTF_16BE { unit.to_be_bytes() } else { unit.to_le_bytes() }
            };
            return Some(text.encode_utf16().flat_map(bytes).collect());
        }
        let (bytes, _, lossy) = self.0.encode(text);
        (!lossy).then(|| bytes.into_owned())
    }
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digits = std::str::from_utf8(digits).ok()?;
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// The bytes of a row in the encoding of its file.
pub(super) fn in_file(shape: &FileShape, original: Vec<u8>) -> Vec<u8> {
    let charset = match Charset::labelled(&shape.encoding) {
        Some(charset) if charset != Charset::UTF_8 => charset,
        _ => return original,
    };
    let mut bytes = Vec::with_capacity(original.len());
    for line in original.split_inclusive(|byte| *byte == b'\n') {
        let (content, end) = match line.strip_suffix(b"\n") {
            Some(content) => (content, "\n"),
            None => (line, ""),
        };
        match content.strip_prefix(&[UNDECODED]) {
            Some(digits) => {
                bytes.extend_from_slice(&unhex(digits).unwrap_or_else(|| content.to_vec()));
                bytes.extend(charset.encoded(end).unwrap_or_default());
            }
            None => {
                let text = String::from_utf8_lossy(line);
                bytes.extend(charset.encoded(&text).unwrap_or_else(|| line.to_vec()));
            }
        }
    }
    bytes
}

/// Why a row that is no UTF-8 cannot be read.
pub fn undecodable(format: &RowFormat, encoding: &str, original: &[u8]) -> RowError {
    let valid = original.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let column = column_of(format, valid);
    let mut reason = String::new();
    let named = Charset::labelled(encoding).filter(|charset| *charset != Charset::UTF_8);
    // Writing to a string cannot fail.
    let _ = match named {
        None => {
            let byte = original.get(valid.len()).copied().unwrap_or(0);
            let at = valid.len() + 1;
            write!(
                reason,
                "byte {at} is 0x{byte:02X}, which is not UTF-8; \
                 say what the file is written in, such as --encoding windows-1252"
            )
        }
        Some(charset) => {
            let line =
                original.split(|byte| *byte == b'\n').find_map(|l| l.strip_prefix(&[UNDECODED]));
            let raw = line.and_then(unhex).unwrap_or_default();
            let name = charset.name();
            match charset.decoded(&raw) {
                Err(Undecodable { at: Some((at, what)) }) => write!(
                    reason,
                    "byte {at} is {what}, which {name} does not have; \
                     give the right --encoding, or mend the line"
                ),
                _ => write!(
                    reason,
                    "the line is not written as {name} writes it, \
                     so that its bytes could not be given back; convert the file to UTF-8"
                ),
            }
        }
    };
    RowError { column, reason }
}

/// The field, or the character of a JSON record, behind what can be read of a row.
fn column_of(format: &RowFormat, valid: &str) -> Option<u64> {
    let before = match format {
        RowFormat::Delimited { dialect, .. } => {
            valid.bytes().filter(|byte| *byte == dialect.delimiter).count()
        }
        RowFormat::Whitespace { .. } => {
            let inside = valid.ends_with(|last: char| !last.is_ascii_whitespace());
            valid.split_ascii_whitespace().count().saturating_sub(usize::from(inside))
        }
        RowFormat::Json => valid.chars().count(),
    };
    Some(before as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_in_their_encoding() {
        let latin = Charset::labelled("latin1").unwrap();
        assert_eq!(latin.name(), "windows-1252");
        let all: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
        let mut text = Vec::new();
        latin.decode_line(&all, &mut text);
        assert_eq!(latin.encoded(std::str::from_utf8(&text).unwrap()).unwrap(), all);
        for (label, raw, at) in [
            ("utf-16le", &b"a\0\x00\xd8b\0"[..], Some((3, "0xD800".to_owned()))),
            ("utf-16be", b"\0a\0", Some((3, "half of a unit".to_owned()))),
            ("windows-1253", b"ab\xd2", Some((3, "0xD2".to_owned()))),
            ("shift_jis", b"\x81\x40\x87\x90", None),
        ] {
            let charset = Charset::labelled(label).unwrap();
            assert_eq!(charset.decoded(raw).err().map(|e| e.at), Some(at), "{label}");
            let mut kept = Vec::new();
            charset.decode_line(raw, &mut kept);
            assert!(std::str::from_utf8(&kept).is_err());
            assert_eq!(unhex(kept.get(1..).unwrap()).unwrap(), raw);
        }
    }
}
