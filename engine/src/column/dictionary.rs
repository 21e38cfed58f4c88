//! Texts of a column in one part, sorted: their codes are their places.

use super::block::BlockView;
use super::sound;
use super::write::{ColumnWriter, Layout};
use super::{CHUNK_BITS, TEXTS};
use crate::base::codec::TextMap;
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part, PartWriter};
use std::ops::Range;
use std::sync::Arc;

/// The texts of a column in one part.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    blocks: Vec<BlockView>,
    len: u32,
}

impl Dictionary {
    /// The dictionary of a column; empty when it has none.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn open(part: &Arc<Part>, key: BlockKey) -> Result<Dictionary> {
        let key = key.form(TEXTS);
        let mut found = Dictionary::default();
        for chunk in 0.. {
            let Some(block) = part.sound_block(key.chunk(chunk), sound::texts)? else { break };
            // All blocks but the last are full.
            let full = found.len == chunk << CHUNK_BITS;
            let view = BlockView::new(block).filter(|_| full).ok_or_else(|| part.damaged())?;
            found.len = found.len.saturating_add(u32::try_from(view.count()).unwrap_or(u32::MAX));
            found.blocks.push(view);
        }
        Ok(found)
    }

    /// How many texts there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// The bytes of the text of a code.
    pub fn bytes(&self, code: u32) -> Option<&[u8]> {
        let block = self.blocks.get((code >> CHUNK_BITS) as usize)?;
        Some(block.bytes(block.slot(code & 0xffff)?))
    }

    /// The text of a code.
    pub fn text(&self, code: u32) -> Option<&str> {
        std::str::from_utf8(self.bytes(code)?).ok()
    }

    /// The code of the first text that is not less than one.
    pub fn lower_bound(&self, text: &[u8]) -> u32 {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = u32::midpoint(low, high);
            if self.bytes(middle).is_some_and(|known| known < text) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The code of a text, if it is there.
    pub fn find(&self, text: &str) -> Option<u32> {
        let code = self.lower_bound(text.as_bytes());
        (self.bytes(code) == Some(text.as_bytes())).then_some(code)
    }

    /// The codes of the texts that begin with a prefix.
    pub fn prefixed(&self, prefix: &str) -> Range<u32> {
        let start = self.lower_bound(prefix.as_bytes());
        let (mut low, mut high) = (start, self.len);
        while low < high {
            let middle = u32::midpoint(low, high);
            if self.bytes(middle).is_some_and(|known| known.starts_with(prefix.as_bytes())) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        start..low
    }
}

/// Gathers texts in order of appearance, before their order is known.
#[derive(Debug, Clone, Default)]
pub struct TextGatherer {
    numbers: TextMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    bytes: usize,
}

impl TextGatherer {
    /// The number of a text, new if need be.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.bytes += text.len() + 16;
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        self.bytes + self.texts.len() * 48
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(AsRef::as_ref)
    }

    /// Writes the texts in their order and gives the code of each number.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter, key: BlockKey) -> Result<Vec<u32>> {
        let mut order: Vec<u32> =
            (0..u32::try_from(self.texts.len()).unwrap_or(u32::MAX)).collect();
        let text = |number: &u32| self.texts.get(*number as usize).map(AsRef::as_ref);
        order.sort_unstable_by(|left, right| {
            let bytes = |number| text(number).map(str::as_bytes);
            bytes(left).cmp(&bytes(right))
        });
        let mut codes = vec![0; order.len()];
        let mut writer = ColumnWriter::new(part, key.form(TEXTS), Layout::Bytes, None);
        for (code, number) in (0..).zip(&order) {
            writer.bytes(code, text(number).unwrap_or_default().as_bytes())?;
            if let Some(slot) = codes.get_mut(*number as usize) {
                *slot = code;
            }
        }
        writer.finish()?;
        Ok(codes)
    }
}

/// Writes the union of dictionaries, and gives for each of them the new code of each old one.
///
/// # Errors
/// `Io`.
pub fn merge_texts(
    dictionaries: &[Dictionary],
    part: &mut PartWriter,
    key: BlockKey,
) -> Result<Vec<Vec<u32>>> {
    let mut next = vec![0_u32; dictionaries.len()];
    let mut codes: Vec<Vec<u32>> =
        dictionaries.iter().map(|d| Vec::with_capacity(d.len() as usize)).collect();
    let mut writer = ColumnWriter::new(part, key.form(TEXTS), Layout::Bytes, None);
    let mut code = 0;
    loop {
        let heads = dictionaries.iter().zip(&next).filter_map(|(d, n)| d.bytes(*n));
        let Some(least) = heads.min() else { break };
        writer.bytes(code, least)?;
        for ((dictionary, next), codes) in dictionaries.iter().zip(&mut next).zip(&mut codes) {
            if dictionary.bytes(*next) == Some(least) {
                codes.push(code);
                *next += 1;
            }
        }
        code += 1;
    }
    writer.finish()?;
    Ok(codes)
}
