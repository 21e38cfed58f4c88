//! The events of a type by profile: for each chunk of profiles its events in the order of time.
//!
//! *What it is:* what a pass over events asks of each row, its profile, its time and its place, gathered by the chunk
//! of the profile, so that a window of a chunk is one stretch of memory; beside it the values of properties in the same
//! order, each made when it is first asked for. *Invariants:* it tells of all rows of its table whose identifier has a
//! profile, under the labels that it was made with; who asks knows which profiles these are still true of. *Why:* an
//! audience looks at a chunk of profiles at a time, and counts of one chunk stay in the fastest cache.

use super::ordered::Ordered;
use super::view::TableView;
use crate::base::sync::Mutex;
use crate::base::time::Timestamp;
use crate::base::value::ValueType;
use crate::column::CHUNK_BITS;
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

impl EventIndex {
    /// The events of a table that are in files, or in parts in memory; `owners` puts in the place of each identifier
    /// the ordinal of its profile, or `u32::MAX` for none. Nothing when there are more rows than can be numbered.
    pub fn new(table: &TableView, files: bool, owners: &dyn Fn(&mut [u32])) -> Option<EventIndex> {
        u32::try_from(table.len()).ok()?;
        let chunk_of = |ordinal: u32| (ordinal >> CHUNK_BITS) as usize;
        let mut counts: Vec<usize> = Vec::new();
        table.each_owner(files, false, &mut |_, nodes, _| {
            owners(nodes);
            for ordinal in nodes.iter().filter(|ordinal| **ordinal != u32::MAX) {
                let chunk = chunk_of(*ordinal);
                if counts.len() <= chunk {
                    counts.resize(chunk + 1, 0);
                }
                if let Some(count) = counts.get_mut(chunk) {
                    *count += 1;
                }
            }
        });
        let room = |count: &usize| EventChunk {
            profiles: Vec::with_capacity(*count),
            times: Vec::with_capacity(*count),
            rows: Vec::with_capacity(*count),
            by_profile: OnceLock::new(),
        };
        let mut chunks: Vec<EventChunk> = counts.iter().map(room).collect();
        table.each_owner(files, true, &mut |first, nodes, times| {
            owners(nodes);
            for ((ordinal, time), row) in nodes.iter().zip(times).zip(first..) {
                let place = if *ordinal == u32::MAX { usize::MAX } else { chunk_of(*ordinal) };
                if let Some(chunk) = chunks.get_mut(place) {
                    chunk.profiles.push((ordinal & 0xffff) as u16);
                    chunk.times.push(*time);
                    chunk.rows.push(row);
                }
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
        let rows = self.chunks.iter().map(|chunk| chunk.rows.as_slice());
        let found = Ordered::of(rows, table, number).map(Arc::new);
        self.properties.lock().insert(key, found.clone());
        found
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
