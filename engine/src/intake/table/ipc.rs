//! Arrow IPC: its messages one after another. A file is read as the stream that it holds.

use super::schema::leaves_of;
use super::{BatchTable, Batches, guarded};
use crate::base::error::{Error, Result};
use crate::base::limits::ARROW_MESSAGE_BYTES_MAX;
use crate::intake::input;
use crate::intake::request::Input;
use crate::intake::rows::Trouble;
use crate::intake::typed::Table;
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::Schema;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{Message, MessageHeader, root_as_message};
use std::io::Read;

/// The rows of an Arrow file or stream.
///
/// # Errors
/// `Invalid` when it is none, or has columns that rows cannot have; `NotFound`, `Io`.
pub fn arrow(input: &Input) -> Result<Box<dyn Table + Send>> {
    let name = input.name();
    let opened = input::open(input)?;
    let mut bytes = opened.bytes;
    if opened.arrow_file {
        bytes = behind_magic(bytes).map_err(|e| Error::io("read", &name, &e))?;
    }
    let mut messages =
        Messages { bytes, decoder: StreamDecoder::new(), kept: Vec::new(), count: 0, ended: false };
    let broken = |reason: String| Error::invalid(format!("{name} is no Arrow IPC: {reason}"));
    let (header, schema) =
        messages.read().map_err(broken)?.ok_or_else(|| broken("it is empty".into()))?;
    if header != MessageHeader::Schema {
        return Err(broken("it does not begin with a schema".to_owned()));
    }
    // The decoder looks at a message without a body only when the next one comes.
    messages.decode(&schema).map_err(broken)?;
    let fields = guarded(|| Ok(schema_of(&schema))).map_err(broken)?;
    messages.kept.push(schema);
    let schema = fields.ok_or_else(|| broken("it does not begin with a schema".to_owned()))?;
    let leaves = leaves_of(schema.fields(), &name)?;
    Ok(Box::new(BatchTable::new(messages, leaves)))
}

/// The stream in a file: it begins behind the magic word and the zeros that align it.
fn behind_magic(mut bytes: Box<dyn Read + Send>) -> std::io::Result<Box<dyn Read + Send>> {
    const ALIGNED_TO_MOST: usize = 64;
    let mut word = [0; 8];
    bytes.read_exact(&mut word)?;
    for _ in 0..ALIGNED_TO_MOST / word.len() {
        bytes.read_exact(&mut word)?;
        if word != [0; 8] {
            break;
        }
    }
    Ok(Box::new(std::io::Cursor::new(word).chain(bytes)))
}

/// The messages of a stream.
struct Messages {
    bytes: Box<dyn Read + Send>,
    decoder: StreamDecoder,
    /// The schema and the dictionaries: a new decoder needs them after a batch that does not hold.
    kept: Vec<Buffer>,
    count: u64,
    ended: bool,
}

type Told<T> = std::result::Result<T, String>;

impl Messages {
    /// The next message: what it is, and its bytes with what frames them.
    fn read(&mut self) -> Told<Option<(MessageHeader, Buffer)>> {
        let mut whole = Vec::new();
        self.take(4, &mut whole)?;
        if whole.is_empty() {
            return Ok(None);
        }
        // Before 0.15 there was no mark in front of the length.
        if whole.starts_with(&[0xff; 4]) {
            self.take(4, &mut whole)?;
        }
        let length = whole.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length));
        if length == 0 {
            return Ok(None);
        }
        let head = whole.len();
        if u64::from(length) > ARROW_MESSAGE_BYTES_MAX {
            return Err(too_large(u64::from(length)));
        }
        self.take(u64::from(length), &mut whole)?;
        let message = root_as_message(whole.get(head..).unwrap_or_default())
            .map_err(|e| format!("a message does not hold: {e}"))?;
        let (header, body) = (message.header_type(), message.bodyLength());
        let body =
            u64::try_from(body).map_err(|_| "a message has less than no bytes".to_owned())?;
        if body > ARROW_MESSAGE_BYTES_MAX {
            return Err(too_large(body));
        }
        self.take(body, &mut whole)?;
        Ok(Some((header, Buffer::from(whole))))
    }

    fn take(&mut self, count: u64, whole: &mut Vec<u8>) -> Told<()> {
        let before = whole.len() as u64;
        let read = self.bytes.by_ref().take(count).read_to_end(whole).map_err(|e| e.to_string())?;
        // Nothing at the place of a new message is an end like any other.
        let ended = before == 0 && read == 0;
        if read as u64 == count || ended { Ok(()) } else { Err("it was cut".to_owned()) }
    }

    fn decode(&mut self, message: &Buffer) -> Told<Option<RecordBatch>> {
        let (mut buffer, decoder) = (message.clone(), &mut self.decoder);
        check_unpacked(message)?;
        guarded(|| {
            let mut found = None;
            while !buffer.is_empty() {
                found = decoder.decode(&mut buffer).map_err(|e| e.to_string())?;
            }
            Ok(found)
        })
    }

    /// A decoder that knows what it knew before.
    fn renew(&mut self) {
        self.decoder = StreamDecoder::new();
        for message in self.kept.clone() {
            // What was decoded before is decoded again.
            let _ = self.decode(&message);
        }
    }
}

fn too_large(bytes: u64) -> String {
    format!(
        "a batch has {bytes} bytes; at most {ARROW_MESSAGE_BYTES_MAX} are taken, write smaller ones"
    )
}

/// The message of bytes with what frames them, and where its body begins.
fn framed(bytes: &[u8]) -> Option<(Message<'_>, usize)> {
    let head = if bytes.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let length = bytes.get(head - 4..)?.first_chunk::<4>()?;
    let body = head + u32::from_le_bytes(*length) as usize;
    Some((root_as_message(bytes.get(head..body)?).ok()?, body))
}

/// Buffers that are packed say how long they become: the library believes them.
fn check_unpacked(bytes: &[u8]) -> Told<()> {
    let Some((message, start)) = framed(bytes) else { return Ok(()) };
    let batch = message
        .header_as_record_batch()
        .or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()));
    let Some(batch) = batch.filter(|batch| batch.compression().is_some()) else { return Ok(()) };
    let body = bytes.get(start..).unwrap_or_default();
    let mut sum = 0_u64;
    for buffer in batch.buffers().iter().flatten() {
        let at = usize::try_from(buffer.offset()).unwrap_or(usize::MAX);
        let length = body.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let length = length.map_or(0, |length| i64::from_le_bytes(*length));
        // An empty buffer has no length, and -1 says that it is not packed.
        if buffer.length() > 8 && length > 0 {
            sum = sum.saturating_add(length.unsigned_abs());
        }
    }
    if sum > ARROW_MESSAGE_BYTES_MAX { Err(too_large(sum)) } else { Ok(()) }
}

fn schema_of(message: &[u8]) -> Option<Schema> {
    let (message, _) = framed(message)?;
    message.header_as_schema().map(fb_to_schema)
}

fn rows_of(message: &[u8]) -> u64 {
    let batch = framed(message).and_then(|(message, _)| message.header_as_record_batch());
    batch.map_or(0, |batch| u64::try_from(batch.length()).unwrap_or(0))
}

impl Batches for Messages {
    fn next(&mut self, trouble: &mut Trouble) -> Option<RecordBatch> {
        while !self.ended {
            let (header, message) = match self.read() {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(reason) => {
                    let said = format!("it cannot be read behind batch {}: {reason}", self.count);
                    trouble.add(&said, 0);
                    self.ended = true;
                    break;
                }
            };
            self.count += u64::from(header == MessageHeader::RecordBatch);
            match self.decode(&message) {
                Ok(batch) => {
                    if header == MessageHeader::DictionaryBatch {
                        self.kept.push(message);
                    }
                    if let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) {
                        return Some(batch);
                    }
                }
                Err(reason) => {
                    let lost = rows_of(&message);
                    let number = self.count;
                    let said =
                        format!("batch {number} is broken ({reason}); {lost} rows of it are lost");
                    trouble.add(&said, lost);
                    self.renew();
                }
            }
        }
        None
    }
}
