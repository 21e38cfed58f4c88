//! The checkpoint: everything that was in memory becomes a file, and one small file names what is in force.
//!
//! `derived/MANIFEST` (sealed bytes, replaced atomically) names the parts with the digests of their directories, the
//! runs of message keys, up to which position they fold the log, and the version of the fold; it holds what is small:
//! names and types, loads, counts. Parts are mapped, not read; each block is held against its checksum when it is first
//! needed. What does not hold is thrown away and folded again from the log; so is what another version wrote.

use super::entity::entities_of;
use super::{
    Counts, Fold, Group, Hindsight, LoadInfo, Members, Memberships, Names, PROFILES, QUARANTINE,
    State, StreamName,
};
use crate::base::codec::{self, Digest128};
use crate::base::dir::{Dir, remove_if_there, replace};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, NodeId, Position, SourceId};
use crate::base::part::Part;
use crate::base::time::Timestamp;
use crate::catalog::{Catalog, Field};
use crate::column::{Faults, containers};
use crate::entry::{FileShape, Shape};
use crate::event::TableView;
use crate::identity::nodes_in;
use crate::log::{SeenNames, read_sealed_bytes, sealed_bytes};
use crate::profile::ordinals_in;
use bincode::{Decode, Encode};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The folder of derived files.
pub const DERIVED: &str = "derived";
const MANIFEST: &str = "derived/MANIFEST";
const MAGIC: &[u8; 8] = b"NAVEDERV";
/// One more whenever the fold or the form of parts changes: older derived files are then folded again.
const FOLD_VERSION: u32 = 19;

/// What the derived files are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DerivedManifest {
    version: u32,
    store: Digest128,
    /// The first position that is not folded.
    pub end: Position,
    /// The files of parts, the oldest first, with the digests of their directories.
    parts: Vec<(String, Digest128)>,
    next_file: u64,
    /// The rest of the state, which is small.
    head: Vec<u8>,
    /// The identifiers of which anything is retracted, as a bitmap.
    retracted: Vec<u8>,
    /// The runs and stretches of message keys, folded up to the same position.
    pub runs: SeenNames,
}

#[derive(Encode, Decode)]
struct Head {
    salt: [u8; 32],
    normalisers: u32,
    clock: Timestamp,
    sources: Vec<String>,
    namespaces: Vec<String>,
    rules: Vec<String>,
    traits: Vec<Field>,
    events: Vec<Field>,
    properties: Vec<Vec<Field>>,
    entities: Vec<Field>,
    entity_fields: Vec<Vec<Field>>,
    counts: Counts,
    dead: Vec<u8>,
    watched: Vec<u8>,
    crowded: BTreeSet<(NodeId, u16)>,
    hindsight: Hindsight,
    records: BTreeMap<SourceId, u64>,
    names: BTreeMap<SourceId, Names>,
    held: BTreeMap<SourceId, u64>,
    loads: Vec<StoredLoad>,
    /// The moment at which the segments are true, in microseconds.
    told_at: Timestamp,
    segments: Vec<StoredSegment>,
    streams: Vec<(String, Vec<Position>)>,
    groups: Vec<((StreamName, String), Group)>,
}

#[derive(Encode, Decode)]
struct StoredSegment {
    name: String,
    version: u32,
    members: Vec<u8>,
    ledger: Vec<Position>,
}

#[derive(Encode, Decode)]
struct StoredLoad {
    id: LoadId,
    source: SourceId,
    file: String,
    content: Digest128,
    shape: FileShape,
    rows: u64,
    withdrawn: u64,
    line: u64,
}

fn head_of(state: &State) -> Result<Vec<u8>> {
    let catalog = &state.catalog;
    let (events, entities) = (catalog.events().all(), catalog.entities().all());
    let names = |all: &[Arc<str>]| all.iter().map(|name| name.as_ref().to_owned()).collect();
    let loads = state.loads.iter().filter_map(|(id, info)| {
        let Shape::File(shape) = info.shape.as_ref() else { return None };
        let (source, file, content) = (info.source, info.file.clone(), info.content);
        let (shape, rows, line) = (FileShape::clone(shape), info.rows, info.line);
        let withdrawn = info.withdrawn;
        Some(StoredLoad { id: *id, source, file, content, shape, rows, line, withdrawn })
    });
    let segments = state.memberships.all().map(|segment| {
        let (name, version) = (segment.name.clone(), segment.version);
        let members = bitmap_bytes(&segment.members.to_set())?;
        Ok(StoredSegment { name, version, members, ledger: segment.ledger.iter().collect() })
    });
    let streams = state.streams.all();
    let streams = streams.map(|(name, ledger)| (name.to_owned(), ledger.iter().collect()));
    let groups = state.groups.all().map(|(name, group)| (name.clone(), group.clone()));
    codec::encode_large(&Head {
        salt: state.salt,
        normalisers: state.normalisers,
        clock: state.clock,
        sources: names(catalog.sources()),
        namespaces: names(catalog.namespaces()),
        rules: names(catalog.rules()),
        traits: catalog.traits().all().to_vec(),
        events: events.to_vec(),
        properties: (0..events.len())
            .map(|n| catalog.properties(n).map(|f| f.all().to_vec()).unwrap_or_default())
            .collect(),
        entities: entities.to_vec(),
        entity_fields: (0..entities.len())
            .map(|n| catalog.entity_fields(n).map(|f| f.all().to_vec()).unwrap_or_default())
            .collect(),
        counts: state.counts.clone(),
        dead: bitmap_bytes(&state.dead)?,
        watched: bitmap_bytes(&state.watched)?,
        crowded: BTreeSet::clone(&state.crowded),
        hindsight: Hindsight::clone(&state.hindsight),
        records: BTreeMap::clone(&state.records),
        names: BTreeMap::clone(&state.names),
        held: BTreeMap::clone(&state.held),
        loads: loads.collect(),
        told_at: state.memberships.clock,
        segments: segments.collect::<Result<_>>()?,
        streams: streams.collect(),
        groups: groups.collect(),
    })
}

fn bitmap_bytes(bitmap: &RoaringBitmap) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = bitmap.serialize_into(&mut bytes);
    written.map_err(|e| Error::limit(format!("cannot write a bitmap: {e}"))).map(|()| bytes)
}

fn bitmap_of(bytes: &[u8]) -> Result<Arc<RoaringBitmap>> {
    let bitmap = RoaringBitmap::deserialize_from(bytes);
    bitmap.map(Arc::new).map_err(|e| Error::corrupt(format!("{MANIFEST} is damaged: {e}")))
}

/// Writes what is in memory as files, merges those that are due up to `most` rows and changes, and names all files,
/// with the runs of keys, in the manifest.
///
/// # Errors
/// `Io`, `Corrupt`; the checkpoint before is then still in force.
pub fn write_checkpoint(
    dir: &dyn Dir,
    fold: &mut Fold,
    (runs, most): (SeenNames, u64),
) -> Result<()> {
    let current = read_manifest(dir).ok().flatten();
    let end = fold.state.end;
    fold.write_files(dir, most)?;
    let state = &fold.state;
    let stored = |part: &Arc<Part>| Some((part.place().to_owned(), part.digest()?));
    let parts: Vec<(String, Digest128)> = state.parts.iter().filter_map(stored).collect();
    let manifest = DerivedManifest {
        version: FOLD_VERSION,
        store: state.store,
        end,
        parts,
        next_file: state.next_file,
        head: head_of(state)?,
        retracted: bitmap_bytes(&fold.retracted)?,
        runs,
    };
    if current.is_some_and(|known| known == manifest) {
        return Ok(());
    }
    // A store of nothing but definitions has no files beside this one, and no folder before it.
    if !(manifest.parts.is_empty() && manifest.runs.runs.is_empty()) {
        dir.sync_folder(DERIVED)?;
    }
    replace(dir, MANIFEST, &sealed_bytes(MAGIC, &codec::encode_large(&manifest)?))?;
    remove_strays(dir, &manifest.names())
}

impl DerivedManifest {
    /// The files that are in force, within their folder.
    pub fn names(&self) -> Vec<String> {
        let folder = format!("{DERIVED}/");
        let parts = self.parts.iter().map(|(name, _)| name.replacen(&folder, "", 1));
        let runs = self.runs.runs.iter().map(|r| r.file.clone());
        parts.chain(runs).chain(["MANIFEST".to_owned()]).collect()
    }
}

/// Removes derived files that nothing names; readers who have them mapped keep them.
///
/// # Errors
/// `Io`.
pub fn remove_strays(dir: &dyn Dir, named: &[String]) -> Result<()> {
    for name in dir.list(DERIVED)? {
        if !named.contains(&name) {
            // A thread that merges may have removed its own leftover meanwhile.
            remove_if_there(dir, &format!("{DERIVED}/{name}"))?;
        }
    }
    Ok(())
}

fn read_manifest(dir: &dyn Dir) -> Result<Option<DerivedManifest>> {
    let len = match dir.len(MANIFEST) {
        Ok(len) => len,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let bytes = dir.read_at(MANIFEST, 0, usize::try_from(len).unwrap_or(usize::MAX))?;
    let payload = read_sealed_bytes(MAGIC, &bytes);
    let payload = payload.ok_or_else(|| Error::corrupt(format!("{MANIFEST} is damaged")))?;
    codec::decode_large(payload).map(Some)
}

/// Maps the checkpoint of a store, if there is one.
///
/// # Errors
/// `Corrupt` when a file does not hold or is of another version or store: the caller throws all of them away.
pub fn load_checkpoint(
    dir: &dyn Dir,
    store: &Digest128,
) -> Result<Option<(State, DerivedManifest)>> {
    let Some(manifest) = read_manifest(dir)? else { return Ok(None) };
    if manifest.version != FOLD_VERSION || manifest.store != *store {
        return Err(Error::corrupt(format!("{MANIFEST} is of another version or store")));
    }
    let damaged = || Error::corrupt(format!("{MANIFEST} is damaged"));
    let head: Head = codec::decode_large(&manifest.head)?;
    let nodes = head.counts.nodes;
    let fits = manifest.names_well() && head.fits() && manifest.retracted_within(nodes)?;
    fits.then_some(()).ok_or_else(damaged)?;
    let mut state = State::new(head.hindsight);
    state.store = manifest.store;
    state.end = manifest.end;
    state.next_file = manifest.next_file;
    state.salt = head.salt;
    state.normalisers = head.normalisers;
    state.clock = head.clock;
    state.counts = head.counts;
    state.records = Arc::new(head.records);
    state.names = Arc::new(head.names);
    state.held = Arc::new(head.held);
    state.dead = bitmap_of(&head.dead)?;
    state.watched = bitmap_of(&head.watched)?;
    state.crowded = Arc::new(head.crowded);
    let catalog = Catalog::from_stored(head.sources, head.traits, head.events, head.properties);
    let catalog = catalog.with_entities(head.entities, head.entity_fields);
    let mut catalog = catalog.with_identity(head.namespaces, head.rules);
    state.definitions.install(&mut catalog);
    state.catalog = Arc::new(catalog);
    let loads = head.loads.into_iter().map(|stored| {
        let StoredLoad { id, source, file, content, shape, rows, line, withdrawn } = stored;
        let shape = Arc::new(Shape::File(Box::new(shape)));
        (id, LoadInfo { source, file, content, shape, rows, line, withdrawn })
    });
    state.loads = Arc::new(loads.collect());
    let streams = Arc::make_mut(&mut state.streams);
    head.streams.into_iter().for_each(|(name, at)| streams.put(name, at.into_iter().collect()));
    let groups = Arc::make_mut(&mut state.groups);
    head.groups.into_iter().for_each(|(name, group)| groups.put(name, group));
    state.memberships = Arc::new(memberships(head.told_at, &head.segments)?);
    let open = |(name, digest): &(String, Digest128)| Part::open(dir, name, digest).map(Arc::new);
    state.parts = Arc::new(manifest.parts.iter().map(open).collect::<Result<_>>()?);
    if !counts_hold(&state)? {
        return Err(damaged());
    }
    // What was damaged before anybody asked is found, also where counts were looked at.
    state.parts.iter().for_each(|part| part.disbelieve());
    Ok(Some((state, manifest)))
}

fn memberships(told_at: Timestamp, stored: &[StoredSegment]) -> Result<Memberships> {
    let mut memberships = Memberships::default();
    memberships.clock = told_at;
    for known in stored {
        if let Some(segment) = memberships.get_mut(&known.name) {
            segment.version = known.version;
            segment.members = Members::from(bitmap_of(&known.members)?.as_ref());
            segment.ledger = known.ledger.iter().copied().collect();
        }
    }
    Ok(memberships)
}

/// Whether the counts of a state are those of its parts.
fn counts_hold(state: &State) -> Result<bool> {
    let Counts { nodes, entities, ordinals, broken, conflicts, values, .. } = &state.counts;
    let (parts, same) = (&state.parts, |found: u64, count: u32| found == u64::from(count));
    let mut hold = same(nodes_in(parts)?, *nodes) && same(ordinals_in(parts, PROFILES)?, *ordinals);
    for (number, count) in (0..).zip(entities) {
        hold &= same(ordinals_in(parts, entities_of(number))?, *count);
    }
    let faults = Faults::default();
    let rejected = TableView::new(parts.iter(), QUARANTINE, &[], &faults).len();
    faults.check()?;
    let counted = broken.checked_add(*conflicts).and_then(|sum| sum.checked_add(*values));
    let within = |bitmap: &RoaringBitmap| bitmap.max().is_none_or(|last| last < *ordinals);
    let crowded = state.crowded.last().is_none_or(|(node, _)| node.0 < *nodes);
    let mut members = state.memberships.all().map(|segment| segment.members.to_set());
    let named = within(&state.dead)
        && within(&state.watched)
        && members.all(|members| within(&members))
        && crowded;
    Ok(hold && counted == Some(rejected) && named)
}

impl Head {
    /// Whether its lists are as long as one another, and what its bitmap claims is bounded by the profiles.
    fn fits(&self) -> bool {
        let chunks = (self.counts.ordinals as usize).div_ceil(1 << 16);
        let members = self.segments.iter().map(|segment| &segment.members);
        self.properties.len() == self.events.len()
            && self.entity_fields.len() == self.entities.len()
            && self.counts.entities.len() <= self.entities.len()
            && [&self.dead, &self.watched]
                .into_iter()
                .chain(members)
                .all(|bytes| containers(bytes).is_some_and(|containers| containers <= chunks))
    }
}

impl DerivedManifest {
    /// The identifiers of which anything is retracted.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn retracted(&self) -> Result<RoaringBitmap> {
        bitmap_of(&self.retracted).map(Arc::unwrap_or_clone)
    }

    /// Whether these are among so many identifiers.
    fn retracted_within(&self, nodes: u32) -> Result<bool> {
        let chunks = (nodes as usize).div_ceil(1 << 16);
        let few = containers(&self.retracted).is_some_and(|containers| containers <= chunks);
        Ok(few && self.retracted()?.max().is_none_or(|last| last < nodes))
    }

    /// Whether each part is named once, as parts are named, with a number that is not taken again.
    fn names_well(&self) -> bool {
        let number = |(name, _): &(String, Digest128)| {
            let digits =
                name.strip_prefix(DERIVED)?.strip_prefix("/part-")?.strip_suffix(".nave")?;
            digits.parse::<u64>().ok().filter(|number| *number < self.next_file)
        };
        let numbers: Option<BTreeSet<u64>> = self.parts.iter().map(number).collect();
        numbers.is_some_and(|numbers| numbers.len() == self.parts.len())
            && self.next_file < u64::from(u32::MAX)
            && self.end > Position(0)
    }
}
