//! Opening what is loaded: unpacking it, and learning from its first bytes what it is.

use super::request::{Format, Input};
use super::watch::Counted;
use crate::base::dir::open_input;
use crate::base::error::{Error, Result};
use crate::record::Charset;
use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const PIECE: usize = 256 << 10;

/// How the bytes of an input are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
}

impl Packing {
    /// The name in messages.
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only Arrow and Parquet ask"))]
    pub fn name(self) -> &'static str {
        match self {
            Packing::None => "plain",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

/// An input that was opened.
#[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only Arrow and Parquet ask"))]
pub struct Opened {
    /// Its bytes, unpacked.
    pub bytes: Box<dyn Read + Send>,
    /// How many bytes of it, as it is stored, were read.
    pub stored: Arc<AtomicU64>,
    /// How they were packed.
    pub packing: Packing,
    /// What the first bytes, unpacked, are known for.
    pub format: Option<Format>,
    /// Whether it is an Arrow file, not a stream.
    pub arrow_file: bool,
    /// The encoding that a mark names.
    pub charset: Option<Charset>,
}

/// Reads the first bytes of an input, and gives them back with the rest.
fn peek(mut bytes: Box<dyn Read + Send>, count: usize) -> (Vec<u8>, Box<dyn Read + Send>) {
    let mut first = Vec::with_capacity(count);
    let failed = bytes.by_ref().take(count as u64).read_to_end(&mut first).err();
    let begin = Cursor::new(first.clone());
    match failed {
        // Whoever reads on meets the failure at its place.
        Some(error) => (first, Box::new(begin.chain(Failing(Some(error))))),
        None => (first, Box::new(begin.chain(bytes))),
    }
}

/// Nothing but a failure.
struct Failing(Option<std::io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Opens an input; one that begins like gzip or zstd is unpacked.
///
/// # Errors
/// `NotFound`, `Io`.
pub fn open(input: &Input) -> Result<Opened> {
    let plain: Box<dyn Read + Send> = match input {
        Input::Path(path) => open_input(path)?,
        Input::Bytes { bytes, .. } => Box::new(Cursor::new(bytes.clone())),
        Input::Spooled { spool, .. } => Box::new(spool.reader()),
        Input::Rows(_) => return Err(Error::invalid("rows of typed columns have no bytes")),
    };
    let (plain, stored) = Counted::new(plain);
    let plain: Box<dyn Read + Send> = Box::new(BufReader::with_capacity(PIECE, plain));
    let (first, plain) = peek(plain, 4);
    let (packing, bytes): (Packing, Box<dyn Read + Send>) = match first.as_slice() {
        [0x1f, 0x8b, ..] => (Packing::Gzip, Box::new(flate2::read::MultiGzDecoder::new(plain))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let decoder = zstd::stream::read::Decoder::new(plain)
                .map_err(|e| Error::io("unpack", &input.name(), &e))?;
            (Packing::Zstd, Box::new(decoder))
        }
        _ => (Packing::None, plain),
    };
    let (first, bytes) = peek(bytes, 8);
    let arrow_file = first.starts_with(b"ARROW1");
    let arrow_stream = first.starts_with(&[0xff; 4]);
    let format = if first.starts_with(b"PAR1") {
        Some(Format::Parquet)
    } else {
        (arrow_file || arrow_stream).then_some(Format::Arrow)
    };
    let charset = Charset::marked(&first);
    Ok(Opened { bytes, stored, packing, format, arrow_file, charset })
}
