//! The rows of a chunk that have one of some texts, or a truth: by the bitmaps and lists that parts store.

use super::layer::{ColumnIndex, Layer, Share, Side, Tier};
use crate::base::bits::{AMONG_MAX, Bits, Container, MappedBitmap};
use crate::column::{BlockView, Dictionary, Layout, RowsByCode, and_not_bytes};

/// So many single rows of a chunk take about as long to put into a set as a look at the codes of all its rows.
const SCATTERED: usize = 2048;

/// To look for the rows of so many codes takes longer than to look at the numbers of all rows.
const CODES_OF_STRETCH: usize = 128;

/// How one part finds the rows of the codes.
#[derive(Debug)]
enum Pick<'a> {
    /// A bitmap for each code.
    Bitmaps(Vec<MappedBitmap<'a>>),
    /// The rows of each code, ascending.
    Lists(Vec<&'a [u8]>),
    /// By looking at each value.
    Values(Vec<u32>),
}

/// The rows of a column that have one of some codes.
#[derive(Debug)]
pub struct Codes<'a> {
    column: &'a ColumnIndex,
    base: Vec<Pick<'a>>,
    over: Vec<Pick<'a>>,
    /// The codes themselves, ascending, for each part.
    base_codes: Vec<Vec<u32>>,
    over_codes: Vec<Vec<u32>>,
    /// The first and last codes of their stretches, for each part of the files, where these are worth it.
    stretches: Vec<Vec<(u32, u32)>>,
    /// How many rows there are at most.
    at_most: u64,
    /// Whether that is how many there are: no row is told of twice, and none has two codes.
    exact: bool,
}

impl<'a> Codes<'a> {
    /// The rows whose codes a test gives for each part; for truth the dictionary is empty and the codes are 0 and 1.
    /// Nothing when a part's index is not one.
    pub fn new(
        column: &'a ColumnIndex,
        codes: &dyn Fn(&Dictionary) -> Vec<u32>,
    ) -> Option<Codes<'a>> {
        Codes::of(column, column.each_dictionary(codes))
    }

    /// The rows of codes that are given for each part of both layers, ascending.
    pub fn of(
        column: &'a ColumnIndex,
        [base_codes, over_codes]: [Vec<Vec<u32>>; 2],
    ) -> Option<Codes<'a>> {
        let mut at_most = 0;
        let base = picks(&column.base, &base_codes, &mut at_most)?;
        let stored = base.iter().all(|pick| !matches!(pick, Pick::Values(_)));
        let mut over_most = 0;
        let over = picks(&column.over, &over_codes, &mut over_most)?;
        let one = |pick: &Pick<'_>| match pick {
            Pick::Bitmaps(of) => of.len() < 2,
            Pick::Lists(of) => of.len() < 2,
            Pick::Values(_) => false,
        };
        let sets = column.value_type() == Some(crate::base::value::ValueType::Set);
        let single = !sets || base.iter().all(one);
        let exact = column.base.alone && column.over.is_empty() && stored && single;
        let at_most = at_most + over_most;
        let stretches = base.iter().zip(&base_codes).map(|(pick, codes)| match pick {
            Pick::Bitmaps(_) => Vec::new(),
            Pick::Lists(_) | Pick::Values(_) => stretches(codes),
        });
        let stretches = stretches.collect();
        Some(Codes { column, base, over, base_codes, over_codes, stretches, at_most, exact })
    }

    /// The column.
    pub fn column(&self) -> &'a ColumnIndex {
        self.column
    }

    /// How many rows there are at most, by what parts store.
    pub fn at_most(&self) -> u64 {
        self.at_most
    }

    /// About how many nanoseconds it takes to find the rows of a chunk.
    pub fn weight(&self) -> u64 {
        let most = self.base_codes.iter().chain(&self.over_codes).map(Vec::len).max();
        500 + 250 * most.unwrap_or(0).min(8) as u64
    }

    /// How many rows there are, those that died among them, when what parts store says so.
    pub fn count(&self) -> Option<u64> {
        self.exact.then_some(self.at_most)
    }

    /// All rows of a chunk in one container in place, when there is such a one; the inner nothing is no row.
    pub fn container(&self, chunk: u32) -> Option<Option<Container<'a>>> {
        let (bitmap, key) = (self.bitmap(chunk)?, u16::try_from(chunk).ok()?);
        Some(bitmap.and_then(|bitmap| bitmap.find(key)))
    }

    /// How many rows of a chunk there are, when one bitmap says so.
    pub fn count_in(&self, chunk: u32) -> Option<u32> {
        let (bitmap, key) = (self.bitmap(chunk)?, u16::try_from(chunk).ok()?);
        Some(bitmap.map_or(0, |bitmap| bitmap.count_of(key)))
    }

    /// The one bitmap that all rows of a chunk are in, when there is such a one; the inner nothing is no row.
    fn bitmap(&self, chunk: u32) -> Option<Option<&MappedBitmap<'a>>> {
        match (self.column.base.tiers(chunk), self.column.told(chunk)) {
            ([], None) => Some(None),
            ([tier], None) => match self.base.get(tier.share)? {
                Pick::Bitmaps(of) if of.len() < 2 => Some(of.first()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Makes `rows` the rows of a chunk that have one of the codes.
    pub fn select(&self, chunk: u32, rows: &mut Bits) {
        if self.by_bytes(chunk, rows).is_some() || self.by_stretches(chunk, rows).is_some() {
            return;
        }
        self.column.gather(chunk, rows, |side, tier, rows| {
            let picks = if side == Side::Base { &self.base } else { &self.over };
            rows.clear();
            if let Some(pick) = picks.get(tier.share) {
                pick.fill(chunk, tier, rows);
            }
        });
    }

    /// By the codes themselves, when these are a byte for each row and the rows of each code lie scattered: to put
    /// single rows in takes longer than to look at all.
    fn by_bytes(&self, chunk: u32, rows: &mut Bits) -> Option<()> {
        let view = self.column.only(chunk).filter(|view| view.layout() == Layout::Integers)?;
        let [tier] = self.column.base.tiers(chunk) else { return None };
        let Pick::Bitmaps(bitmaps) = self.base.get(tier.share)? else { return None };
        let codes = self.base_codes.get(tier.share).filter(|codes| codes.len() <= AMONG_MAX)?;
        let key = u16::try_from(chunk).ok()?;
        let scattered = |bitmap: &MappedBitmap<'_>| match bitmap.find(key) {
            Some(Container::Array(bytes)) => bytes.len() / 2,
            _ => 0,
        };
        (bitmaps.iter().map(scattered).sum::<usize>() > SCATTERED).then_some(())?;
        let numbers = view.numbers().filter(|numbers| numbers.width == 1)?;
        let byte = |code: &u32| u8::try_from(i64::from(*code) - numbers.base).ok();
        let wanted: Vec<u8> = codes.iter().filter_map(byte).collect();
        rows.among(numbers.bytes, &wanted);
        if let Some(nulls) = view.null_bits() {
            and_not_bytes(rows, nulls);
        }
        Some(())
    }

    /// By the numbers of all rows, when the codes are a few stretches of many: to look for the rows of each code takes
    /// longer.
    fn by_stretches(&self, chunk: u32, rows: &mut Bits) -> Option<()> {
        let view = self.column.only(chunk).filter(|view| view.layout() == Layout::Integers)?;
        let [tier] = self.column.base.tiers(chunk) else { return None };
        let (first, rest) = self.stretches.get(tier.share)?.split_first()?;
        let numbers = view.numbers()?;
        // What lies before the least number of the block is none of it.
        let number = |code: u32| u64::try_from(i64::from(code) - numbers.base).ok();
        let select = |(low, high): &(u32, u32), rows: &mut Bits| {
            let low = number(*low).unwrap_or(0);
            match number(*high) {
                None => rows.clear(),
                Some(_) if numbers.width == 0 && low == 0 => view.present_rows(rows),
                Some(high) => rows.between(numbers.bytes, numbers.width, low, high),
            }
        };
        select(first, rows);
        let mut found = Bits::empty();
        for stretch in rest {
            select(stretch, &mut found);
            rows.or(&found);
        }
        if let Some(nulls) = view.null_bits() {
            and_not_bytes(rows, nulls);
        }
        Some(())
    }

    /// Shows all rows that have one of the codes, ascending.
    pub fn each(&self, see: &mut dyn FnMut(u32)) {
        if !self.column.base.alone || !self.column.over.is_empty() {
            let mut rows = Bits::empty();
            for chunk in 0..self.column.chunks() {
                self.select(chunk, &mut rows);
                rows.each(|row| see(chunk << 16 | u32::from(row)));
            }
            return;
        }
        let mut all = Vec::new();
        for (pick, number) in self.base.iter().zip(0..) {
            match pick {
                Pick::Lists(lists) => {
                    let rows = lists.iter().flat_map(|list| list.as_chunks::<4>().0);
                    all.extend(rows.map(|row| u32::from_le_bytes(*row)));
                }
                Pick::Bitmaps(bitmaps) => {
                    for (key, container) in bitmaps.iter().flat_map(|bitmap| bitmap.iter()) {
                        container.each(|row| all.push(u32::from(key) << 16 | u32::from(row)));
                    }
                }
                Pick::Values(codes) if codes.is_empty() => {}
                Pick::Values(codes) => {
                    let mut rows = Bits::empty();
                    for (tiers, chunk) in self.column.base.chunks.iter().zip(0_u32..) {
                        for tier in tiers.iter().filter(|tier| tier.share == number) {
                            rows.clear();
                            look(&tier.view, codes, &mut rows);
                            rows.each(|row| all.push(chunk << 16 | u32::from(row)));
                        }
                    }
                }
            }
        }
        // The stable sort, since it sees that each part and code has its rows in order.
        all.sort();
        all.dedup();
        all.into_iter().for_each(see);
    }

    /// Whether a row has one of the codes; nothing when it has no value.
    pub fn holds(&self, chunk: u32, row: u16) -> Option<bool> {
        let (side, tier, slot) = self.column.place(chunk, row)?;
        let codes = match side {
            Side::Base => &self.base_codes,
            Side::Over => &self.over_codes,
        };
        let codes = codes.get(tier.share).map(Vec::as_slice).unwrap_or_default();
        Some(has_code(&tier.view, slot, codes))
    }
}

fn picks<'a>(layer: &'a Layer, codes: &[Vec<u32>], at_most: &mut u64) -> Option<Vec<Pick<'a>>> {
    let mut found = Vec::with_capacity(layer.shares.len());
    for (number, (share, codes)) in layer.shares.iter().zip(codes).enumerate() {
        found.push(pick(share, codes, at_most, || rows_of(layer, number))?);
    }
    Some(found)
}

/// The stretches of codes that ascend, when there are so many codes for each that to look at all rows is quicker.
fn stretches(codes: &[u32]) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for code in codes {
        match found.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*code) => *last = *code,
            _ => found.push((*code, *code)),
        }
    }
    if found.len() * CODES_OF_STRETCH > codes.len() { Vec::new() } else { found }
}

fn rows_of(layer: &Layer, share: usize) -> u64 {
    let tiers = layer.chunks.iter().flatten().filter(|tier| tier.share == share);
    tiers.map(|tier| tier.view.count() as u64).sum()
}

fn pick<'a>(
    share: &'a Share,
    codes: &[u32],
    at_most: &mut u64,
    rows: impl FnOnce() -> u64,
) -> Option<Pick<'a>> {
    let Some(index) = &share.rows else {
        if !codes.is_empty() {
            *at_most += rows();
        }
        return Some(Pick::Values(codes.to_vec()));
    };
    *at_most += codes.iter().map(|code| index.cardinality(*code)).sum::<u64>();
    Some(match index {
        RowsByCode::Bitmaps(_) => {
            let stored: Vec<&[u8]> =
                codes.iter().map(|c| index.stored(*c)).collect::<Option<_>>()?;
            let some = stored.into_iter().filter(|bytes| !bytes.is_empty());
            Pick::Bitmaps(some.map(MappedBitmap::open).collect::<Option<_>>()?)
        }
        RowsByCode::Postings(_) => {
            let lists = codes.iter().map(|code| index.stored(*code));
            Pick::Lists(lists.collect::<Option<_>>()?)
        }
    })
}

/// The rows of a list that are of a chunk.
fn of_chunk(list: &[u8], chunk: u32) -> impl Iterator<Item = u16> {
    let rows = list.as_chunks::<4>().0;
    let first = u64::from(chunk) << 16;
    let start = rows.partition_point(|row| u64::from(u32::from_le_bytes(*row)) < first);
    let rest = rows.get(start..).unwrap_or_default();
    let rows = rest.iter().map(|row| u32::from_le_bytes(*row));
    rows.take_while(move |row| row >> 16 == chunk).map(|row| row as u16)
}

impl Pick<'_> {
    fn fill(&self, chunk: u32, tier: &Tier, rows: &mut Bits) {
        match self {
            Pick::Bitmaps(bitmaps) => {
                let Ok(key) = u16::try_from(chunk) else { return };
                let containers = bitmaps.iter().filter_map(|bitmap| bitmap.find(key));
                containers.for_each(|container| rows.or_container(container));
            }
            Pick::Lists(lists) => {
                let all = lists.iter().flat_map(|list| of_chunk(list, chunk));
                all.for_each(|row| rows.insert(row));
            }
            Pick::Values(codes) if codes.is_empty() => {}
            Pick::Values(codes) => look(&tier.view, codes, rows),
        }
    }
}

/// Looks at each value of a block.
fn look(view: &BlockView, codes: &[u32], rows: &mut Bits) {
    for slot in (0..view.count()).filter(|slot| !view.is_null(*slot)) {
        if has_code(view, slot, codes) {
            rows.insert(view.row(slot) as u16);
        }
    }
}

/// Whether a slot that is not NULL has one of some codes, which ascend.
fn has_code(view: &BlockView, slot: usize, codes: &[u32]) -> bool {
    let has = |code: u32| codes.binary_search(&code).is_ok();
    if view.layout() == Layout::Sets {
        return (0..view.code_count(slot)).any(|index| view.code(slot, index).is_some_and(has));
    }
    has(view.number(slot))
}
