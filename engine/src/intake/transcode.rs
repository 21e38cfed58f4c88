//! A file in another encoding, line by line, as UTF-8.

use crate::base::limits::RECORD_BYTES_MAX;
use crate::record::Charset;
use std::io::Read;

/// Bytes of a line, as its file has them, beyond which it can be no record in any encoding.
const LINE_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;

/// What stands for bytes of a line that is too long: no UTF-8.
const FILLER: u8 = 0xff;

/// Reads a file in another encoding as UTF-8.
pub struct Transcoder {
    input: Box<dyn Read + Send>,
    charset: Charset,
    raw: Vec<u8>,
    text: Vec<u8>,
    used: usize,
    /// Whether the line at hand is too long.
    long: bool,
    ended: bool,
    failed: Option<std::io::Error>,
}

impl Transcoder {
    /// Reads on in an encoding.
    pub fn new(input: Box<dyn Read + Send>, charset: Charset) -> Transcoder {
        Transcoder {
            input,
            charset,
            raw: Vec::new(),
            text: Vec::new(),
            used: 0,
            long: false,
            ended: false,
            failed: None,
        }
    }

    fn fill(&mut self) {
        const PIECE: u64 = 256 << 10;
        match self.input.by_ref().take(PIECE).read_to_end(&mut self.raw) {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(failed) => {
                self.failed = Some(failed);
                self.ended = true;
            }
        }
        let mut start = 0;
        while let Some(length) = self.charset.line_end(self.raw.get(start..).unwrap_or_default()) {
            let line = self.raw.get(start..start + length).unwrap_or_default();
            if std::mem::take(&mut self.long) {
                self.text.resize(self.text.len() + line.len() - 1, FILLER);
                self.text.push(b'\n');
            } else {
                self.charset.decode_line(line, &mut self.text);
            }
            start += length;
        }
        self.raw.drain(..start);
        if self.raw.len() > LINE_BYTES_MAX || (self.long && self.raw.len() > 1) {
            self.long = true;
            let whole = self.raw.len() & !1;
            self.text.resize(self.text.len() + whole, FILLER);
            self.raw.drain(..whole);
        }
        // What is left of a file that was cut is no whole line.
        if self.ended && self.failed.is_none() && !self.raw.is_empty() {
            self.charset.decode_line(&std::mem::take(&mut self.raw), &mut self.text);
        }
    }
}

impl Read for Transcoder {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.used == self.text.len() {
            self.text.clear();
            self.used = 0;
            if self.ended {
                return self.failed.take().map_or(Ok(0), Err);
            }
            self.fill();
        }
        let rest = self.text.get(self.used..).unwrap_or_default();
        let length = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.used += length;
        Ok(length)
    }
}
