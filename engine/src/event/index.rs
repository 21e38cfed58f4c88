//! The events of a type by profile: for each chunk of profiles its events in the order of time.
//!
//! *What it is:* what a pass over events asks of each row, its profile, its time and its place, gathered by the chunk
//! of the profile, so that a window of a chunk is one stretch of memory; beside it the values of properties in the same
//! order, each made when it is first asked for. *Invariants:* it tells of all rows of its table whose identifier has a
//! profile, under the labels that it was made with; who asks knows which profiles these are still true of. *Why:* an
//! audience looks at a chunk of profiles at a time, and counts of one chunk stay in the fastest cache.

use super::view::TableView;
use crate::base::sync::Mutex;
use crate::base::time::Timestamp;
use crate::base::value::ValueType;
use crate::column::{CHUNK_BITS, Cell};
use crate::index::Domain;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// What was made of properties, by number and the type in force, which may be widened while the files stay.
type Properties = HashMap<(usize, Option<ValueType>), Option<Arc<Ordered>>>;

/// The events of a type, by chunk of their profiles.
#[derive(Debug, Default)]
pub struct EventIndex {
    chunks: Vec<EventChunk>,
    properties: Mutex<Properties>,
}

/// The events of a chunk of profiles, the oldest first.
#[derive(Debug, Default)]
pub struct EventChunk {
    /// The profile of each, within the chunk.
    pub profiles: Vec<u16>,
    /// When each happened: UTC microseconds.
    pub times: Vec<i64>,
    /// The number of each among the rows of the table, as `TableView::locate` takes it.
    pub rows: Vec<u32>,
    /// The same by profile, when one was asked about.
    by_profile: OnceLock<ByProfile>,
}

/// The places of events, those of one profile after those of another.
#[derive(Debug)]
struct ByProfile {
    /// Where the places of each profile begin, and where those of the last one end.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl EventChunk {
    /// The numbers of the rows of one profile within the chunk, in the order of time.
    pub fn of_profile(&self, profile: u16) -> impl Iterator<Item = u32> {
        let known = self.by_profile.get_or_init(|| self.order_by_profile());
        let start = |at: usize| known.starts.get(at).map_or(0, |start| *start as usize);
        let range = start(usize::from(profile))..start(usize::from(profile) + 1);
        let places = known.places.get(range).unwrap_or_default();
        places.iter().filter_map(|place| self.rows.get(*place as usize).copied())
    }

    fn order_by_profile(&self) -> ByProfile {
        let mut starts = vec![0_u32; (1 << CHUNK_BITS) + 1];
        for profile in &self.profiles {
            if let Some(start) = starts.get_mut(usize::from(*profile) + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let (mut next, mut places) = (starts.clone(), vec![0; self.profiles.len()]);
        for (place, profile) in (0_u32..).zip(&self.profiles) {
            let Some(slot) = next.get_mut(usize::from(*profile)) else { continue };
            if let Some(at) = places.get_mut(*slot as usize) {
                *at = place;
            }
            *slot += 1;
        }
        ByProfile { starts, places }
    }
}

/// The values of a property, in the order of the events of each chunk.
#[derive(Debug)]
pub enum Ordered {
    /// Keys of a domain, a bit for each that is a value, and whether the value of a key has just as many digits as the
    /// one that was said.
    Keys(Domain, Vec<(Vec<u64>, Vec<u64>)>, bool),
    /// Codes of texts; `u32::MAX` for NULL.
    Codes(Vec<Vec<u32>>, Vec<Arc<str>>),
    /// True, false, or neither, which is NULL.
    Truths(Vec<Vec<u8>>),
}

impl EventIndex {
    /// The events of a table that are in files, or in parts in memory; `owner` gives the ordinal of the profile of an
    /// identifier, nothing or `u32::MAX` for none. Nothing when there are more rows than can be numbered.
    pub fn new(
        table: &TableView,
        files: bool,
        owner: &dyn Fn(u32) -> Option<u32>,
    ) -> Option<EventIndex> {
        u32::try_from(table.len()).ok()?;
        let mut counts: Vec<usize> = Vec::new();
        let owner = |node: u32| owner(node).filter(|ordinal| *ordinal != u32::MAX);
        table.each_owner(files, &mut |_, node, _| {
            let Some(ordinal) = owner(node) else { return };
            let chunk = (ordinal >> CHUNK_BITS) as usize;
            if counts.len() <= chunk {
                counts.resize(chunk + 1, 0);
            }
            if let Some(count) = counts.get_mut(chunk) {
                *count += 1;
            }
        });
        let room = |count: &usize| EventChunk {
            profiles: Vec::with_capacity(*count),
            times: Vec::with_capacity(*count),
            rows: Vec::with_capacity(*count),
            by_profile: OnceLock::new(),
        };
        let mut chunks: Vec<EventChunk> = counts.iter().map(room).collect();
        table.each_owner(files, &mut |row, node, time| {
            let Some(ordinal) = owner(node) else { return };
            if let Some(chunk) = chunks.get_mut((ordinal >> CHUNK_BITS) as usize) {
                chunk.profiles.push((ordinal & 0xffff) as u16);
                chunk.times.push(time);
                chunk.rows.push(row);
            }
        });
        chunks.iter_mut().for_each(EventChunk::sort);
        Some(EventIndex { chunks, properties: Mutex::default() })
    }

    /// The events of a chunk of profiles.
    pub fn chunk(&self, chunk: u32) -> Option<&EventChunk> {
        self.chunks.get(chunk as usize).filter(|events| !events.rows.is_empty())
    }

    /// How many events there are.
    pub fn len(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.rows.len() as u64).sum()
    }

    /// The values of a property of the table that the index was made of, or of one with the same rows; nothing when
    /// they have no form that is quick to ask.
    pub fn property(&self, table: &TableView, number: usize) -> Option<Arc<Ordered>> {
        let key = (number, table.parts().first().and_then(|part| part.value_type(number)));
        if let Some(known) = self.properties.lock().get(&key) {
            return known.clone();
        }
        let found = self.order(table, number).map(Arc::new);
        self.properties.lock().insert(key, found.clone());
        found
    }

    fn order(&self, table: &TableView, number: usize) -> Option<Ordered> {
        let wanted = table.parts().first()?.value_type(number)?;
        match wanted {
            ValueType::Text => Some(self.codes(table, number)),
            ValueType::Boolean => {
                let truth = |cell: Cell<'_>| match cell {
                    Cell::Boolean(value) => u8::from(value),
                    _ => 2,
                };
                Some(Ordered::Truths(self.each_cell(table, number, truth)))
            }
            ValueType::Integer => self.keys(table, number, Domain::Integer),
            ValueType::Date => self.keys(table, number, Domain::Date),
            ValueType::Timestamp => self.keys(table, number, Domain::Timestamp),
            ValueType::Float => self.keys(table, number, Domain::Float),
            ValueType::Decimal => {
                let mut scale = 0;
                self.each_cell(table, number, |cell| {
                    if let Cell::Decimal(decimal) = cell {
                        scale = scale.max(decimal.scale);
                    }
                });
                self.keys(table, number, Domain::Decimal(scale))
            }
            ValueType::Set => None,
        }
    }

    fn each_cell<T>(
        &self,
        table: &TableView,
        number: usize,
        mut take: impl FnMut(Cell<'_>) -> T,
    ) -> Vec<Vec<T>> {
        let mut cell = |row: &u32| {
            let place = table.locate(u64::from(*row));
            take(place.map_or(Cell::Null, |(part, row)| part.cell(number, row)))
        };
        self.chunks.iter().map(|chunk| chunk.rows.iter().map(&mut cell).collect()).collect()
    }

    fn keys(&self, table: &TableView, number: usize, domain: Domain) -> Option<Ordered> {
        let (mut whole, mut exact) = (true, true);
        let found = self.each_cell(table, number, |cell| {
            let key = domain.key_of(cell);
            whole &= key.is_some() || cell.is_null();
            if let (Domain::Decimal(scale), Cell::Decimal(decimal)) = (domain, cell) {
                exact &= decimal.scale == scale;
            }
            // Both zeros have one key, and so has all that is no number.
            if let Cell::Float(value) = cell {
                exact &= !(value.is_nan() || value == 0.0 && value.is_sign_negative());
            }
            key
        });
        let chunks = found.into_iter().map(|keys| {
            let mut present = vec![0_u64; keys.len().div_ceil(64)];
            for (place, _) in keys.iter().enumerate().filter(|(_, key)| key.is_some()) {
                if let Some(word) = present.get_mut(place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
            (keys.into_iter().map(Option::unwrap_or_default).collect(), present)
        });
        whole.then(|| Ordered::Keys(domain, chunks.collect(), exact))
    }

    fn codes(&self, table: &TableView, number: usize) -> Ordered {
        let mut texts: Vec<Arc<str>> = Vec::new();
        let mut numbers: HashMap<Arc<str>, u32> = HashMap::new();
        let codes = self.each_cell(table, number, |cell| {
            let Some(text) = cell.text() else { return u32::MAX };
            if let Some(known) = numbers.get(text) {
                return *known;
            }
            let next = u32::try_from(texts.len()).unwrap_or(u32::MAX);
            let text: Arc<str> = Arc::from(text);
            texts.push(Arc::clone(&text));
            numbers.insert(text, next);
            next
        });
        Ordered::Codes(codes, texts)
    }
}

impl Ordered {
    /// The code of the text at a place of a chunk, `u32::MAX` for NULL; nothing when there are no codes.
    #[inline]
    pub fn code(&self, chunk: u32, place: usize) -> Option<u32> {
        match self {
            Ordered::Codes(chunks, _) => chunks.get(chunk as usize)?.get(place).copied(),
            _ => None,
        }
    }

    /// Whether there is a value at a place of a chunk.
    #[inline]
    pub fn is_known(&self, chunk: u32, place: usize) -> bool {
        let chunk = chunk as usize;
        match self {
            Ordered::Keys(_, chunks, _) => {
                let word = chunks.get(chunk).and_then(|(_, present)| present.get(place / 64));
                word.is_some_and(|word| word >> (place % 64) & 1 == 1)
            }
            Ordered::Codes(chunks, _) => {
                let code = chunks.get(chunk).and_then(|codes| codes.get(place));
                code.is_some_and(|code| *code != u32::MAX)
            }
            Ordered::Truths(chunks) => {
                let truth = chunks.get(chunk).and_then(|truths| truths.get(place));
                truth.is_some_and(|truth| *truth < 2)
            }
        }
    }

    /// The value at a place of a chunk; nothing when it is not exactly the one that was said.
    #[inline]
    pub fn cell(&self, chunk: u32, place: usize) -> Option<Cell<'_>> {
        let chunk = chunk as usize;
        match self {
            Ordered::Keys(domain, chunks, exact) => {
                let (keys, present) = chunks.get(chunk).filter(|_| *exact)?;
                let known = present.get(place / 64)? >> (place % 64) & 1 == 1;
                Some(if known { domain.cell(*keys.get(place)?) } else { Cell::Null })
            }
            Ordered::Codes(chunks, texts) => {
                let code = *chunks.get(chunk)?.get(place)?;
                Some(texts.get(code as usize).map_or(Cell::Null, |text| Cell::Text(text)))
            }
            Ordered::Truths(chunks) => Some(match chunks.get(chunk)?.get(place)? {
                0 => Cell::Boolean(false),
                1 => Cell::Boolean(true),
                _ => Cell::Null,
            }),
        }
    }
}

impl EventChunk {
    /// Puts events of several parts in the order of time; those of one part are in it.
    fn sort(&mut self) {
        if self.times.is_sorted() {
            return;
        }
        let mut order: Vec<u32> = (0..u32::try_from(self.times.len()).unwrap_or(0)).collect();
        order.sort_by_key(|place| self.times.get(*place as usize).copied());
        fn pick<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
            order.iter().filter_map(|place| values.get(*place as usize).copied()).collect()
        }
        self.profiles = pick(&self.profiles, &order);
        self.rows = pick(&self.rows, &order);
        self.times = pick(&self.times, &order);
    }

    /// The places of the events from one instant to another, both included.
    pub fn window(&self, from: Timestamp, to: Timestamp) -> Range<usize> {
        let start = self.times.partition_point(|time| *time < from.0);
        let end = self.times.partition_point(|time| *time <= to.0);
        start..end.max(start)
    }
}
