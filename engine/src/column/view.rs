//! A column over all parts of a snapshot: for each row the newest part that tells of it.

use super::block::{BlockView, Near, begun_block, block_of};
use super::dictionary::Dictionary;
use super::index::RowsByCode;
use super::write::Layout;
use super::{CHUNK_BITS, Cell, SetCell};
use crate::base::error::{Error, Result};
use crate::base::part::{BlockKey, Part};
use crate::base::time::{Date, Timestamp};
use crate::base::value::ValueType;
use roaring::RoaringBitmap;
use std::sync::{Arc, OnceLock};

/// The first thing that went wrong while columns were read: a question asks at its end, and then has no answer.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<OnceLock<Error>>);

impl Faults {
    /// Takes note of an error, unless there is one already.
    pub fn note(&self, error: Error) {
        drop(self.0.set(error));
    }

    /// The value, or nothing and a note.
    pub fn or_note<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.note(error)).ok()
    }

    /// Fails when something went wrong.
    ///
    /// # Errors
    /// What was noted first.
    pub fn check(&self) -> Result<()> {
        self.0.get().cloned().map_or(Ok(()), Err)
    }
}

/// Opens a block of a part.
type BlockOf = fn(&Arc<Part>, BlockKey) -> Result<Option<BlockView>>;

/// A block of the chunk at hand, and which of the parts it is of.
#[derive(Debug)]
pub struct Tier {
    /// The block.
    pub view: BlockView,
    part: usize,
}

/// The blocks of chunks that were asked for.
#[derive(Debug, Default)]
struct Opened {
    /// Of the chunk that was asked for first: who reads a single row asks for no other.
    first: OnceLock<(u32, Vec<Tier>)>,
    others: OnceLock<Others>,
}

/// The chunks that any part has, in order, and the blocks of each that was asked for.
#[derive(Debug)]
struct Others {
    chunks: Vec<u32>,
    tiers: Box<[OnceLock<Vec<Tier>>]>,
}

impl Others {
    fn of(chunks: Vec<u32>) -> Others {
        let tiers = chunks.iter().map(|_| OnceLock::new()).collect();
        Others { chunks, tiers }
    }

    #[inline]
    fn slot(&self, chunk: u32) -> Option<&OnceLock<Vec<Tier>>> {
        // Files mostly have all chunks.
        let place = match self.chunks.get(chunk as usize) {
            Some(known) if *known == chunk => chunk as usize,
            _ => self.chunks.binary_search(&chunk).ok()?,
        };
        self.tiers.get(place)
    }
}

impl Opened {
    /// Those of a chunk, if they were opened.
    #[inline]
    fn known(&self, chunk: u32) -> Option<&[Tier]> {
        match self.first.get()? {
            (first, tiers) if *first == chunk => Some(tiers),
            _ => Some(self.others.get()?.slot(chunk)?.get()?),
        }
    }
}

/// One column over the parts of a snapshot.
#[derive(Debug)]
pub struct ColumnView {
    /// The parts that have the column, the newest first.
    parts: Vec<Arc<Part>>,
    key: BlockKey,
    wanted: Option<ValueType>,
    chunks: u32,
    /// Whether single rows are read by the pieces of blocks that they are in.
    few: bool,
    /// Blocks all of which hold.
    whole: Opened,
    /// Blocks of which single rows were asked for.
    begun: Opened,
    dictionaries: Vec<OnceLock<Dictionary>>,
    indexes: Vec<OnceLock<Option<RowsByCode>>>,
    faults: Faults,
}

impl ColumnView {
    /// A column over parts, the oldest first. Values are given in the wanted type.
    pub fn new<'p>(
        parts: impl DoubleEndedIterator<Item = &'p Arc<Part>>,
        key: BlockKey,
        wanted: Option<ValueType>,
        faults: &Faults,
    ) -> ColumnView {
        let mut chunks = 0;
        let mut has_any = |part: &Arc<Part>| {
            let last = part.last_chunk(key);
            chunks = chunks.max(last.map_or(0, |last| last + 1));
            last.is_some()
        };
        let parts: Vec<Arc<Part>> = parts.rev().filter(|part| has_any(part)).cloned().collect();
        ColumnView {
            dictionaries: parts.iter().map(|_| OnceLock::new()).collect(),
            indexes: parts.iter().map(|_| OnceLock::new()).collect(),
            chunks,
            few: true,
            whole: Opened::default(),
            begun: Opened::default(),
            parts,
            key,
            wanted,
            faults: faults.clone(),
        }
    }

    /// The same column for who reads most of its rows: blocks are read whole.
    pub fn of_all(self) -> ColumnView {
        ColumnView { few: false, ..self }
    }

    /// The same column with values given in a type.
    pub fn wanting(self, wanted: Option<ValueType>) -> ColumnView {
        ColumnView { wanted, ..self }
    }

    /// How many chunks any part tells of.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// How many rows all blocks tell of, those told twice counted twice.
    pub fn slots(&self) -> usize {
        let tiers = self.own_chunks().into_iter().flat_map(|chunk| self.tiers(chunk));
        tiers.map(|tier| tier.view.count()).sum()
    }

    /// The blocks of a chunk, the newest first, for who reads many of its rows.
    #[inline]
    pub fn tiers(&self, chunk: u32) -> &[Tier] {
        self.whole.known(chunk).unwrap_or_else(|| self.opened(&self.whole, chunk, block_of))
    }

    /// The blocks of a chunk, opened now unless another thread does.
    fn opened<'o>(&self, opened: &'o Opened, chunk: u32, block_of: BlockOf) -> &'o [Tier] {
        if chunk >= self.chunks {
            return &[];
        }
        let (first, tiers) = opened.first.get_or_init(|| (chunk, self.open(chunk, block_of)));
        if *first == chunk {
            return tiers;
        }
        let others = opened.others.get_or_init(|| Others::of(self.own_chunks()));
        let slot = others.slot(chunk);
        slot.map_or(&[], |slot| slot.get_or_init(|| self.open(chunk, block_of)))
    }

    /// The chunks that any part has, in order.
    pub fn own_chunks(&self) -> Vec<u32> {
        let mut chunks: Vec<u32> =
            self.parts.iter().flat_map(|part| part.chunks_of(self.key)).collect();
        if self.parts.len() > 1 {
            chunks.sort_unstable();
            chunks.dedup();
        }
        chunks
    }

    fn open(&self, chunk: u32, block_of: BlockOf) -> Vec<Tier> {
        let mut tiers = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let block = self.faults.or_note(block_of(part, self.key.chunk(chunk))).flatten();
            tiers.extend(block.map(|view| Tier { view, part: number }));
        }
        tiers
    }

    /// The newest block that tells of a row, and the slot in it. Of large blocks no more is read than it takes, unless
    /// all of them was before.
    #[inline]
    pub(super) fn find(&self, row: u32) -> Option<(&Tier, usize)> {
        let (chunk, low) = (row >> CHUNK_BITS, row & 0xffff);
        let begun = || self.begun.known(chunk);
        let whole = if self.few { self.whole.known(chunk) } else { Some(self.tiers(chunk)) };
        let known = whole.or_else(begun);
        let tiers = known.unwrap_or_else(|| self.opened(&self.begun, chunk, begun_block));
        let (tier, slot) = tiers.iter().find_map(|tier| Some((tier, tier.view.slot(low)?)))?;
        if !tier.view.holds(slot) {
            self.note_damage(tier);
            return None;
        }
        Some((tier, slot))
    }

    /// Asks for the memory that tells of a row, and opens the block.
    pub fn bring_near(&self, row: u32, near: Near) {
        let (chunk, low) = (row >> CHUNK_BITS, row & 0xffff);
        let known = self.whole.known(chunk).or_else(|| self.begun.known(chunk));
        let tiers = known.unwrap_or_else(|| self.opened(&self.begun, chunk, begun_block));
        let tiers = tiers.iter().map(|tier| &tier.view);
        if let Some((view, slot)) = tiers.filter_map(|view| Some((view, view.slot(low)?))).next() {
            view.bring_near(slot, near);
        }
    }

    /// The integer, code or row number of a row.
    #[inline]
    pub fn integer(&self, row: u32) -> Option<i64> {
        let (tier, slot) = self.find(row)?;
        (!tier.view.is_null(slot)).then(|| tier.view.integer(slot))
    }

    /// The integer of a row as a number that is never negative.
    #[inline]
    pub fn number(&self, row: u32) -> Option<u32> {
        self.integer(row).and_then(|number| u32::try_from(number).ok())
    }

    /// The numbers of the first rows; `u32::MAX` where there is none.
    pub fn numbers(&self, count: u32) -> Vec<u32> {
        let mut found = vec![u32::MAX; count as usize];
        for chunk in self.own_chunks() {
            let start = (chunk << CHUNK_BITS) as usize;
            for tier in self.tiers(chunk).iter().rev() {
                let view = &tier.view;
                for slot in (0..view.count()).filter(|slot| !view.is_null(*slot)) {
                    if let Some(place) = found.get_mut(start + view.row(slot) as usize) {
                        *place = view.number(slot);
                    }
                }
            }
        }
        found
    }

    /// Which texts of the newest part pass a test, by code.
    pub fn passing(&self, test: &dyn Fn(&str) -> bool) -> Vec<bool> {
        let Some(dictionary) = self.dictionary(0) else { return Vec::new() };
        (0..dictionary.len()).map(|code| dictionary.text(code).is_some_and(test)).collect()
    }

    /// The bytes of a row.
    pub fn bytes(&self, row: u32) -> Option<&[u8]> {
        let (tier, slot) = self.find(row)?;
        (!tier.view.is_null(slot)).then(|| tier.view.bytes(slot))
    }

    /// The 128 bits of a row.
    pub fn wide(&self, row: u32) -> Option<u128> {
        let (tier, slot) = self.find(row)?;
        (!tier.view.is_null(slot)).then(|| tier.view.wide(slot))
    }

    fn dictionary(&self, part: usize) -> Option<&Dictionary> {
        let (slot, part) = (self.dictionaries.get(part)?, self.parts.get(part)?);
        Some(slot.get_or_init(|| {
            self.faults.or_note(Dictionary::open(part, self.key)).unwrap_or_default()
        }))
    }

    fn index(&self, part: usize) -> Option<&RowsByCode> {
        let (slot, part) = (self.indexes.get(part)?, self.parts.get(part)?);
        let open = || self.faults.or_note(RowsByCode::open(part, self.key)).flatten();
        slot.get_or_init(open).as_ref()
    }

    /// The value of a row.
    #[inline]
    pub fn cell(&self, row: u32) -> Cell<'_> {
        match self.find(row) {
            Some((tier, slot)) => self.cell_of(tier, slot),
            None => Cell::Null,
        }
    }

    /// Takes note that a code of a block stands for no text.
    #[cold]
    fn no_text(&self, tier: &Tier) -> Cell<'_> {
        self.note_damage(tier);
        Cell::Null
    }

    /// Takes note that a block is not what it says.
    pub(super) fn note_damage(&self, tier: &Tier) {
        if let Some(part) = self.parts.get(tier.part) {
            self.faults.note(part.damaged());
        }
    }

    /// One more than the greatest row that a part tells of.
    pub fn end(&self) -> u64 {
        let Some(chunk) = self.chunks().checked_sub(1) else { return 0 };
        let last = |tier: &Tier| tier.view.row(tier.view.count().saturating_sub(1));
        let last = self.tiers(chunk).iter().map(last).max();
        last.map_or(0, |last| (u64::from(chunk) << CHUNK_BITS) + u64::from(last) + 1)
    }

    /// The value of a slot of a block.
    pub fn cell_of<'a>(&'a self, tier: &'a Tier, slot: usize) -> Cell<'a> {
        let view = &tier.view;
        if view.is_null(slot) {
            return Cell::Null;
        }
        let cell = match view.value_type() {
            Some(ValueType::Text) => {
                let text = self.dictionary(tier.part).and_then(|d| d.text(view.number(slot)));
                text.map_or_else(|| self.no_text(tier), Cell::Text)
            }
            Some(ValueType::Set) => match self.dictionary(tier.part) {
                Some(dictionary) if view.last_code(slot).is_none_or(|c| c < dictionary.len()) => {
                    Cell::Set(SetCell::Codes(view, slot, dictionary))
                }
                _ => self.no_text(tier),
            },
            Some(ValueType::Integer) => Cell::Integer(view.integer(slot)),
            Some(ValueType::Boolean) => Cell::Boolean(view.integer(slot) != 0),
            Some(ValueType::Timestamp) => Cell::Timestamp(Timestamp(view.integer(slot))),
            Some(ValueType::Date) => {
                Cell::Date(Date(i32::try_from(view.integer(slot)).unwrap_or_default()))
            }
            Some(ValueType::Float) => Cell::Float(view.float(slot)),
            Some(ValueType::Decimal) => Cell::Decimal(view.decimal(slot)),
            None => Cell::Null,
        };
        self.wanted.map_or(cell, |wanted| cell.widened(wanted))
    }

    /// The rows whose text (or one of whose texts, or whose truth) is among the codes that a dictionary gives.
    ///
    /// `pick` is asked for each part; for a column of booleans the dictionary is empty and the codes are 0 and 1.
    pub fn matching(&self, pick: &dyn Fn(&Dictionary) -> Vec<u32>) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        for number in (0..self.parts.len()).rev() {
            if !found.is_empty() {
                self.each_block(number, |chunk, view| found -= view.rows(chunk));
            }
            let Some(dictionary) = self.dictionary(number) else { continue };
            let codes = pick(dictionary);
            if codes.is_empty() {
                continue;
            }
            if let Some(index) = self.index(number) {
                for code in codes {
                    if index.add(code, self.chunks(), &mut found).is_none()
                        && let Some(part) = self.parts.get(number)
                    {
                        self.faults.note(part.damaged());
                    }
                }
                continue;
            }
            self.each_block(number, |chunk, view| scan_codes(view, chunk, &codes, &mut found));
        }
        found
    }

    fn each_block(&self, part: usize, mut take: impl FnMut(u32, &BlockView)) {
        for chunk in self.own_chunks() {
            for tier in self.tiers(chunk).iter().filter(|tier| tier.part == part) {
                take(chunk, &tier.view);
            }
        }
    }

    /// The rows that have a value.
    pub fn present(&self) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        self.own_chunks().into_iter().for_each(|chunk| found |= self.present_in(chunk));
        found
    }

    /// The rows of a chunk that have a value.
    pub(super) fn present_in(&self, chunk: u32) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        for tier in self.tiers(chunk).iter().rev() {
            if !found.is_empty() {
                found -= tier.view.rows(chunk);
            }
            found |= tier.view.present(chunk);
        }
        found
    }

    /// Shows the texts of each part.
    pub(super) fn each_dictionary(&self, see: impl FnMut(&Dictionary)) {
        (0..self.parts.len()).filter_map(|part| self.dictionary(part)).for_each(see);
    }
}

/// One more than the greatest row that parts tell of in a column.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn rows_in(parts: &[Arc<Part>], key: BlockKey) -> Result<u64> {
    let faults = Faults::default();
    let end = ColumnView::new(parts.iter(), key, None, &faults).end();
    faults.check().map(|()| end)
}

fn scan_codes(view: &BlockView, chunk: u32, codes: &[u32], found: &mut RoaringBitmap) {
    let start = chunk << CHUNK_BITS;
    let sets = view.layout() == Layout::Sets;
    for slot in (0..view.count()).filter(|slot| !view.is_null(*slot)) {
        let hit = if sets {
            (0..view.code_count(slot))
                .any(|index| view.code(slot, index).is_some_and(|c| codes.contains(&c)))
        } else {
            codes.contains(&view.number(slot))
        };
        if hit {
            found.insert(start + view.row(slot));
        }
    }
}
