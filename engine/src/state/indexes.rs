//! Indexes of a snapshot: columns and events in the form that audiences are evaluated over, shared by all who ask.
//!
//! *What it is:* what is made of the files of a state is kept as long as these are in force, by whatever state; what
//! parts in memory add is made for each state that is asked, and is small. *Invariants:* an index of files is true of
//! every state with the same files; a profile whose identifiers changed hands since the files were written is named in
//! `Events::moved`, and is answered from its rows. *What it does not know:* questions.

use super::{PROFILES, Reader, State};
use crate::base::bits::{Bits, MappedBitmap};
use crate::base::codec::Digest128;
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::part::Part;
use crate::base::sync::Mutex;
use crate::column::Faults;
use crate::event::EventIndex;
use crate::identity::NodeView;
use crate::index::{ColumnIndex, Layer};
use crate::profile::trait_key;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;

/// What was made of some files.
#[derive(Debug, Default)]
pub(super) struct OfFiles {
    files: Vec<Digest128>,
    layers: Mutex<HashMap<usize, Arc<Layer>>>,
    events: Mutex<HashMap<usize, Arc<EventIndex>>>,
    /// The profiles of identifiers, `u32::MAX` for none.
    labels: Mutex<Option<Arc<Vec<u32>>>>,
}

/// The indexes of the newest files that were asked about: one for all states of a store.
#[derive(Debug, Clone, Default)]
pub struct Indexes(Arc<Mutex<Arc<OfFiles>>>);

/// The events of a type, by profile.
#[derive(Debug)]
pub struct Events {
    /// Those in files, under the labels that the files have.
    pub base: Arc<EventIndex>,
    /// Those in parts in memory, under the labels of the snapshot.
    pub over: EventIndex,
    /// Profiles that have other identifiers than the files say.
    pub moved: RoaringBitmap,
}

/// Which ordinals are profiles.
#[derive(Debug)]
pub struct Live {
    ordinals: u32,
    count: u64,
    /// The others, in the portable form.
    dead: Vec<u8>,
}

impl Live {
    fn new(ordinals: u32, dead: &RoaringBitmap) -> Live {
        let mut bytes = Vec::with_capacity(dead.serialized_size());
        // A vector takes all that is written to it.
        let _ = dead.serialize_into(&mut bytes);
        Live { ordinals, count: u64::from(ordinals) - dead.len(), dead: bytes }
    }

    /// How many profiles there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether all ordinals are profiles.
    pub fn all(&self) -> bool {
        self.count == u64::from(self.ordinals)
    }

    /// How many chunks they are in.
    pub fn chunks(&self) -> u32 {
        self.ordinals.div_ceil(1 << 16)
    }

    /// Whether no ordinal of a chunk that was given is dead: rows of columns are then profiles.
    pub fn is_whole(&self, chunk: u32) -> bool {
        let dead = MappedBitmap::open(&self.dead);
        dead.is_none_or(|dead| dead.find(chunk as u16).is_none())
    }

    /// Makes `rows` the profiles of a chunk.
    pub fn fill(&self, chunk: u32, rows: &mut Bits) {
        rows.clear();
        let Some(last) = self.ordinals.checked_sub(1) else { return };
        match chunk.cmp(&(last >> 16)) {
            std::cmp::Ordering::Less => rows.fill(),
            std::cmp::Ordering::Equal => rows.insert_range(0, (last & 0xffff) as u16),
            std::cmp::Ordering::Greater => return,
        }
        let dead = MappedBitmap::open(&self.dead);
        if let Some(container) = dead.and_then(|dead| dead.find(chunk as u16)) {
            rows.and_not_container(container);
        }
    }

    /// Whether an ordinal is a profile.
    pub fn holds(&self, ordinal: u32) -> bool {
        let dead =
            MappedBitmap::open(&self.dead).and_then(|dead| dead.find((ordinal >> 16) as u16));
        ordinal < self.ordinals && !dead.is_some_and(|dead| dead.contains(ordinal as u16))
    }
}

fn is_file(part: &&Arc<Part>) -> bool {
    part.digest().is_some()
}

impl State {
    fn of_files(&self) -> Arc<OfFiles> {
        let files = self.parts.iter().filter_map(|part| part.digest());
        let mut kept = self.indexes.0.lock();
        if !kept.files.iter().copied().eq(files.clone()) {
            *kept = Arc::new(OfFiles { files: files.collect(), ..OfFiles::default() });
        }
        Arc::clone(&kept)
    }

    /// Which ordinals are profiles.
    pub fn alive(&self) -> Arc<Live> {
        let find = || Live::new(self.counts.ordinals, &self.dead);
        let known = self.memo.known("live".to_owned(), || Ok(find()));
        known.unwrap_or_else(|_| Arc::new(find()))
    }

    /// The column of a trait.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn trait_index(&self, number: usize) -> Result<Arc<ColumnIndex>> {
        self.memo.known(format!("trait {number}"), || {
            let key = trait_key(PROFILES, number);
            let of_files = self.of_files();
            let known = of_files.layers.lock().get(&number).cloned();
            let base = match known {
                Some(known) => known,
                None => {
                    let made = Layer::new(self.parts.iter().filter(is_file), key)?;
                    let made = Arc::new(made.spread()?);
                    of_files.layers.lock().insert(number, Arc::clone(&made));
                    made
                }
            };
            let over = Layer::new(self.parts.iter().filter(|part| !is_file(part)), key)?;
            let wanted = self.catalog.traits().get(number).and_then(|field| field.value_type);
            Ok(ColumnIndex::new(base, over, wanted))
        })
    }

    /// The events of a type by profile; nothing when there are too many to be numbered.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn event_index(&self, number: usize, reader: &Reader<'_>) -> Result<Arc<Option<Events>>> {
        self.memo.known(format!("events {number}"), || {
            let Some(table) = reader.events(number) else { return Ok(None) };
            let of_files = self.of_files();
            let known = of_files.events.lock().get(&number).cloned();
            let base = match known {
                Some(known) => known,
                None => {
                    let labels = self.file_labels(&of_files)?;
                    let owner = |node: u32| labels.get(node as usize).copied().unwrap_or(u32::MAX);
                    let owners = |all: &mut [u32]| all.iter_mut().for_each(|n| *n = owner(*n));
                    let Some(made) = EventIndex::new(table, true, &owners) else {
                        return Ok(None);
                    };
                    reader.check()?;
                    let made = Arc::new(made);
                    of_files.events.lock().insert(number, Arc::clone(&made));
                    made
                }
            };
            let nodes = reader.nodes();
            let owner = |node: u32| nodes.label(NodeId(node)).map_or(u32::MAX, |o| o.0);
            let owners = |all: &mut [u32]| all.iter_mut().for_each(|n| *n = owner(*n));
            let Some(over) = EventIndex::new(table, false, &owners) else { return Ok(None) };
            let moved = self.moved(&of_files)?;
            reader.check()?;
            Ok(Some(Events { base, over, moved }))
        })
    }

    /// The numbers of the rows in files that the events of some identifiers may be, of which all of theirs are among;
    /// nothing when no index is at hand. None is made for it: that is for those who ask about all.
    pub fn stored_events(&self, number: usize, nodes: &[NodeId]) -> Option<Vec<u32>> {
        let of_files = self.of_files();
        let index = of_files.events.lock().get(&number).cloned()?;
        let labels = of_files.labels.lock().clone()?;
        let mut profiles: Vec<u32> =
            nodes.iter().filter_map(|node| labels.get(node.0 as usize).copied()).collect();
        profiles.retain(|profile| *profile != u32::MAX);
        profiles.sort_unstable();
        profiles.dedup();
        let rows = profiles.iter().flat_map(|profile| {
            let chunk = index.chunk(profile >> 16);
            chunk.into_iter().flat_map(move |chunk| chunk.of_profile((profile & 0xffff) as u16))
        });
        Some(rows.collect())
    }

    /// The profiles of identifiers, as the files have them.
    fn file_labels(&self, of_files: &OfFiles) -> Result<Arc<Vec<u32>>> {
        let mut kept = of_files.labels.lock();
        if let Some(known) = kept.as_ref() {
            return Ok(Arc::clone(known));
        }
        let faults = Faults::default();
        let files: Vec<Arc<Part>> = self.parts.iter().filter(is_file).cloned().collect();
        let labels = NodeView::new(&files, &faults).labels(self.counts.nodes);
        faults.check()?;
        let labels = Arc::new(labels);
        *kept = Some(Arc::clone(&labels));
        Ok(labels)
    }

    /// Profiles that have other identifiers than the files say.
    fn moved(&self, of_files: &OfFiles) -> Result<RoaringBitmap> {
        let faults = Faults::default();
        let over: Vec<Arc<Part>> =
            self.parts.iter().filter(|part| !is_file(part)).cloned().collect();
        let mut moved = RoaringBitmap::new();
        if over.len() == self.parts.len() {
            return Ok(moved);
        }
        let before = self.file_labels(of_files)?;
        NodeView::new(&over, &faults).each_label(&mut |node, label| {
            let known = before.get(node as usize).copied();
            if known.is_some_and(|known| known != label) {
                moved.extend(known.into_iter().chain([label]).filter(|o| *o != u32::MAX));
            }
        });
        faults.check().map(|()| moved)
    }
}
