//! Values of a property of events, in the order of their index.
//!
//! *What it is:* for each chunk of profiles a number for the value of each of its events: the key of a number, the code
//! of a text, a truth. Numbers take as few bytes as those of the chunk need, so that a kernel tests a stretch of them
//! at once. *Invariants:* a number tells the value exactly, or `Ordered::cell` says that it does not. *Where to start
//! reading:* `Ordered::of`, which reads the table block by block, in the order in which it lies in memory.

use super::values::Values;
use super::view::TableView;
use crate::base::bits::Bits;
use crate::base::value::ValueType;
use crate::column::{BlockView, CHUNK_BITS, Cell, ColumnView, Tier};
use crate::index::Domain;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of a block.
const ROWS: usize = 1 << CHUNK_BITS;

/// The values of a property, in the order of the events of each chunk.
#[derive(Debug)]
pub struct Ordered {
    kind: Kind,
    chunks: Vec<Values>,
}

/// What numbers stand for.
#[derive(Debug)]
pub enum Kind {
    /// Keys of a domain, and whether the value of a key has just as many digits as the one that was said.
    Keys(Domain, bool),
    /// The places of texts among these, which are in order.
    Codes(Vec<Arc<str>>),
    /// 0 and 1 for false and true.
    Truths,
}

impl Ordered {
    /// The values of a property of a table, in the order of the rows of each chunk; nothing when they have no form that
    /// is quick to ask.
    pub(super) fn of<'i>(
        chunks: impl Iterator<Item = &'i [u32]>,
        table: &TableView,
        number: usize,
    ) -> Option<Ordered> {
        let wanted = table.parts().first()?.value_type(number)?;
        let rows: Vec<InRows<'i>> = chunks.map(InRows::new).collect();
        let domain = match wanted {
            ValueType::Text | ValueType::Boolean => None,
            ValueType::Integer => Some(Domain::Integer),
            ValueType::Date => Some(Domain::Date),
            ValueType::Timestamp => Some(Domain::Timestamp),
            ValueType::Float => Some(Domain::Float),
            ValueType::Decimal => {
                let mut scale = 0;
                walk((table, number), rows.clone(), &mut |seen| {
                    if let Seen::Block(column, tier) = seen {
                        scale = scale.max(scale_of(column, tier));
                    }
                });
                Some(Domain::Decimal(scale))
            }
            ValueType::Set => return None,
        };
        let mut reading = Reading::new(wanted, domain);
        let places = rows.iter().map(|rows| rows.rows.len());
        let empty = |places: usize| (vec![0_u64; places], vec![0_u64; places.div_ceil(64)]);
        let mut found: Vec<(Vec<u64>, Vec<u64>)> = places.map(empty).collect();
        walk((table, number), rows, &mut |seen| match seen {
            Seen::Part => reading.texts_of_part.clear(),
            Seen::Block(column, tier) => reading.block(column, tier),
            Seen::Rows(chunk, pairs) => {
                let Some((numbers, present)) = found.get_mut(chunk) else { return };
                for (row, place) in pairs {
                    reading.put(row, place, numbers, present);
                }
            }
            Seen::End => reading.known.clear(),
        });
        let renumbered = reading.in_order();
        let kind = reading.kind()?;
        let values = found.into_iter().map(|(mut numbers, present)| {
            for number in numbers.iter_mut().filter(|_| !renumbered.is_empty()) {
                let place = usize::try_from(*number).ok();
                *number = place.and_then(|at| renumbered.get(at)).copied().unwrap_or_default();
            }
            Values::new(&numbers, present)
        });
        Some(Ordered { kind, chunks: values.collect() })
    }

    /// What its numbers stand for.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether no event has a value.
    pub fn is_empty(&self) -> bool {
        self.chunks.iter().all(Values::is_empty)
    }

    /// The numbers of a chunk.
    pub fn values(&self, chunk: u32) -> Option<&Values> {
        self.chunks.get(chunk as usize)
    }

    /// The value at a place of a chunk; nothing when it is not exactly the one that was said.
    #[inline]
    pub fn cell(&self, chunk: u32, place: usize) -> Option<Cell<'_>> {
        let values = self.values(chunk)?;
        if let Kind::Keys(_, false) = self.kind {
            return None;
        }
        let Some(number) = values.get(place) else { return Some(Cell::Null) };
        Some(match &self.kind {
            Kind::Keys(domain, _) => domain.cell(number),
            Kind::Codes(texts) => {
                let text = usize::try_from(number).ok().and_then(|code| texts.get(code));
                text.map_or(Cell::Null, |text| Cell::Text(text))
            }
            Kind::Truths => Cell::Boolean(number == 1),
        })
    }
}

/// The events of a chunk in the order of their rows.
#[derive(Clone)]
struct InRows<'i> {
    rows: &'i [u32],
    /// The places in the order of the rows, where those are not in it already.
    order: Option<Arc<Vec<u32>>>,
    next: usize,
}

impl<'i> InRows<'i> {
    fn new(rows: &'i [u32]) -> InRows<'i> {
        let order = (!rows.is_sorted()).then(|| {
            let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(0)).collect();
            order.sort_unstable_by_key(|place| rows.get(*place as usize).copied());
            Arc::new(order)
        });
        InRows { rows, order, next: 0 }
    }

    /// The next row, and its place.
    #[inline]
    fn peek(&self) -> Option<(u32, usize)> {
        let place = match &self.order {
            None => self.next,
            Some(order) => *order.get(self.next)? as usize,
        };
        Some((*self.rows.get(place)?, place))
    }
}

/// What a walk over a column comes to.
enum Seen<'w> {
    /// A part.
    Part,
    /// A block that has rows of some chunk.
    Block(&'w ColumnView, &'w Tier),
    /// The rows of a chunk in the block, from its first row on, with their places.
    Rows(usize, &'w mut dyn Iterator<Item = (u32, usize)>),
    /// The end of the block.
    End,
}

/// Walks over the blocks of a column that have rows of chunks.
fn walk(
    (table, number): (&TableView, usize),
    mut chunks: Vec<InRows<'_>>,
    see: &mut dyn FnMut(Seen<'_>),
) {
    let mut first = 0_u32;
    for part in table.parts() {
        see(Seen::Part);
        let column = part.property(number);
        let behind = first.saturating_add(part.len());
        for block in 0..part.len().div_ceil(1 << CHUNK_BITS) {
            let start = first.saturating_add(block << CHUNK_BITS);
            let end = start.saturating_add(1 << CHUNK_BITS).min(behind);
            if !chunks.iter().any(|rows| rows.peek().is_some_and(|(row, _)| row < end)) {
                continue;
            }
            if let Some(column) = column {
                column.tiers(block).iter().rev().for_each(|tier| see(Seen::Block(column, tier)));
            }
            for (chunk, rows) in chunks.iter_mut().enumerate() {
                let mut pairs = std::iter::from_fn(|| {
                    let (row, place) = rows.peek().filter(|(row, _)| *row < end)?;
                    rows.next += 1;
                    Some((row.saturating_sub(start), place))
                });
                see(Seen::Rows(chunk, &mut pairs));
                pairs.for_each(drop);
            }
            see(Seen::End);
        }
        first = behind;
    }
}

/// The most digits behind the point that a decimal of a block has.
fn scale_of(column: &ColumnView, tier: &Tier) -> u8 {
    if let Some(scale) = tier.view.common_scale() {
        return scale;
    }
    let scale = |slot| match column.cell_of(tier, slot) {
        Cell::Decimal(decimal) => decimal.scale,
        _ => 0,
    };
    (0..tier.view.count()).map(scale).max().unwrap_or(0)
}

/// The values of a block as numbers.
struct Reading {
    wanted: ValueType,
    domain: Option<Domain>,
    /// The number of each row of the block, and whether it has one.
    numbers: Vec<u64>,
    known: Box<Bits>,
    /// All texts, and the numbers of those that were met.
    texts: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u64>,
    /// The number of each text of the part at hand.
    texts_of_part: Vec<Option<u64>>,
    /// Whether all values have numbers, and whether these tell all of them.
    whole: bool,
    exact: bool,
}

impl Reading {
    fn new(wanted: ValueType, domain: Option<Domain>) -> Reading {
        Reading {
            wanted,
            domain,
            numbers: vec![0; ROWS],
            known: Bits::boxed(),
            texts: Vec::new(),
            places: HashMap::new(),
            texts_of_part: Vec::new(),
            whole: true,
            exact: true,
        }
    }

    fn kind(self) -> Option<Kind> {
        Some(match (self.domain, self.wanted) {
            (Some(_), _) if !self.whole => return None,
            (Some(domain), _) => Kind::Keys(domain, self.exact),
            (None, ValueType::Text) => Kind::Codes(self.texts),
            (None, _) => Kind::Truths,
        })
    }

    /// Puts the texts in order, so that those with one beginning are a stretch; gives the new number of each.
    fn in_order(&mut self) -> Vec<u64> {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_unstable_by_key(|place| self.texts.get(*place));
        let mut numbers = vec![0; order.len()];
        for (place, number) in order.iter().zip(0..) {
            numbers.get_mut(*place).into_iter().for_each(|slot| *slot = number);
        }
        self.texts.sort_unstable();
        numbers
    }

    /// Puts the number of a row of the block at a place.
    #[inline]
    fn put(&self, row: u32, place: usize, numbers: &mut [u64], present: &mut [u64]) {
        let at = (row & 0xffff) as u16;
        if !self.known.contains(at) {
            return;
        }
        let found = self.numbers.get(usize::from(at)).zip(numbers.get_mut(place));
        if let (Some((number, slot)), Some(word)) = (found, present.get_mut(place / 64)) {
            *slot = *number;
            *word |= 1 << (place % 64);
        }
    }

    /// Reads a block.
    fn block(&mut self, column: &ColumnView, tier: &Tier) {
        let view = &tier.view;
        let plain = view.value_type() == Some(self.wanted);
        match self.domain {
            Some(domain) if plain && self.is_plain(domain, view) => {
                let float = domain == Domain::Float;
                for slot in 0..view.count() {
                    if view.is_null(slot) {
                        continue;
                    }
                    // Both zeros have one key, and so has all that is no number.
                    let value = if float { view.float(slot) } else { 1.0 };
                    self.exact &= !(value.is_nan() || value == 0.0 && value.is_sign_negative());
                    self.see(view.row(slot), domain.key(view, slot));
                }
            }
            Some(domain) => self.keys(domain, column, tier),
            None if self.wanted == ValueType::Text => self.codes(column, tier, plain),
            None => {
                for slot in 0..view.count() {
                    if let Cell::Boolean(value) = column.cell_of(tier, slot) {
                        self.see(view.row(slot), u64::from(value));
                    }
                }
            }
        }
    }

    /// Whether the integers of a block are what keys are made of.
    fn is_plain(&self, domain: Domain, view: &BlockView) -> bool {
        match domain {
            Domain::Decimal(scale) => view.common_scale() == Some(scale),
            _ => true,
        }
    }

    fn see(&mut self, row: u32, number: u64) {
        let at = (row & 0xffff) as u16;
        if let Some(slot) = self.numbers.get_mut(usize::from(at)) {
            *slot = number;
            self.known.insert(at);
        }
    }

    fn keys(&mut self, domain: Domain, column: &ColumnView, tier: &Tier) {
        for slot in 0..tier.view.count() {
            let cell = column.cell_of(tier, slot);
            match (domain, cell) {
                (Domain::Decimal(scale), Cell::Decimal(value)) => {
                    self.exact &= value.scale == scale
                }
                (_, Cell::Float(value)) => {
                    self.exact &= !(value.is_nan() || value == 0.0 && value.is_sign_negative());
                }
                _ => {}
            }
            match domain.key_of(cell) {
                Some(key) => self.see(tier.view.row(slot), key),
                None => self.whole &= cell.is_null(),
            }
        }
    }

    fn codes(&mut self, column: &ColumnView, tier: &Tier, plain: bool) {
        let view = &tier.view;
        for slot in 0..view.count() {
            if view.is_null(slot) {
                continue;
            }
            let code = if plain { view.number(slot) as usize } else { usize::MAX };
            let known = self.texts_of_part.get(code).copied().flatten();
            let number = known.or_else(|| self.number_of(column.cell_of(tier, slot)));
            let Some(number) = number else { continue };
            // A code that has a text is one of its dictionary, which is held in memory as well.
            if known.is_none() && plain {
                if self.texts_of_part.len() <= code {
                    self.texts_of_part.resize(code + 1, None);
                }
                if let Some(place) = self.texts_of_part.get_mut(code) {
                    *place = Some(number);
                }
            }
            self.see(view.row(slot), number);
        }
    }

    fn number_of(&mut self, cell: Cell<'_>) -> Option<u64> {
        let text = cell.text()?;
        if let Some(known) = self.places.get(text) {
            return Some(*known);
        }
        let (text, next): (Arc<str>, u64) = (Arc::from(text), self.texts.len() as u64);
        self.texts.push(Arc::clone(&text));
        self.places.insert(text, next);
        Some(next)
    }
}
