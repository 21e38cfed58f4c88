//! The checkpoint: the whole state as one derived file, so that opening need not fold the whole log.
//!
//! `derived/MANIFEST` (sealed bytes, replaced atomically) names the state file and the runs of message keys, up to
//! which position they fold the log, and the version of the fold. The state file is a row of blocks: length (4),
//! BLAKE3-128 of the payload (16), payload; the manifest holds the digest over all block digests. Anything that does
//! not hold is thrown away and folded again from the log; a new version of the fold is treated like damage.

use super::{LoadInfo, Quarantined, Retracted, State};
use crate::base::codec::{self, Digest128};
use crate::base::dir::{AppendFile, Dir, remove_if_there, replace, write_all};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, NodeId, Ordinal, Position, SourceId};
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::catalog::{Catalog, Field, Fields};
use crate::entry::{FileShape, Shape};
use crate::event::{EventRow, EventTable};
use crate::identity::Identity;
use crate::log::{RunName, read_sealed_bytes, sealed_bytes};
use crate::profile::Winner;
use crate::record::Identifier;
use bincode::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The folder of derived files.
pub const DERIVED: &str = "derived";
const MANIFEST: &str = "derived/MANIFEST";
const MAGIC: &[u8; 8] = b"NAVEDERV";
/// One more whenever the fold or these blocks change: older checkpoints are then folded again.
const FOLD_VERSION: u32 = 2;
const ROWS_PER_BLOCK: usize = 8192;

/// What the derived files are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DerivedManifest {
    version: u32,
    store: Digest128,
    /// The first position that is not folded.
    pub end: Position,
    state_file: String,
    state_digest: Digest128,
    /// The runs of message keys, folded up to the same position.
    pub runs: Vec<RunName>,
}

#[derive(Encode, Decode)]
struct HeadBlock {
    salt: [u8; 32],
    clock: Timestamp,
    sources: Vec<String>,
    traits: Vec<Field>,
    events: Vec<Field>,
    properties: Vec<Vec<Field>>,
    ordinals: u32,
    retracted: Retracted,
    records: BTreeMap<SourceId, u64>,
}

#[derive(Clone, Encode, Decode)]
struct StoredEvent {
    node: NodeId,
    time: Timestamp,
    dated: bool,
    source: SourceId,
    message_id: String,
    given_id: bool,
    position: Position,
    properties: Vec<(u32, Value)>,
}

#[derive(Clone, Encode, Decode)]
struct StoredLoad {
    id: LoadId,
    source: SourceId,
    file: String,
    shape: FileShape,
    rows: u64,
}

type StoredNode = (Identifier, Ordinal, Timestamp);
type StoredTrait = (Ordinal, Option<Value>, Winner);

#[derive(Encode, Decode)]
enum Block {
    Head(HeadBlock),
    Nodes(Vec<StoredNode>),
    Trait(u32, Vec<StoredTrait>),
    Events(u32, Vec<StoredEvent>),
    Quarantine(Vec<Quarantined>),
    Loads(Vec<StoredLoad>),
}

struct BlockWriter {
    file: Arc<dyn AppendFile>,
    digests: blake3::Hasher,
    buffer: Vec<u8>,
}

impl BlockWriter {
    fn put(&mut self, block: &Block) -> Result<()> {
        let payload = codec::encode(block)?;
        let digest = codec::digest(&payload);
        self.digests.update(&digest);
        self.buffer
            .extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.buffer.extend_from_slice(&digest);
        self.buffer.extend_from_slice(&payload);
        if self.buffer.len() > 1 << 20 {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        write_all(self.file.as_ref(), &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Puts rows in blocks of bounded size: a block that is too large is halved.
    fn put_rows<T: Clone>(&mut self, rows: Vec<T>, make: &dyn Fn(Vec<T>) -> Block) -> Result<()> {
        let half = rows.len() / 2;
        match self.put(&make(rows.clone())) {
            Err(e) if e.kind() == ErrorKind::Limit && half > 0 => {
                let (left, right) = rows.split_at(half);
                self.put_rows(left.to_vec(), make)?;
                self.put_rows(right.to_vec(), make)
            }
            other => other,
        }
    }

    fn put_all<T: Clone>(
        &mut self,
        rows: impl Iterator<Item = T>,
        make: &dyn Fn(Vec<T>) -> Block,
    ) -> Result<()> {
        let mut block = Vec::new();
        for row in rows {
            block.push(row);
            if block.len() == ROWS_PER_BLOCK {
                self.put_rows(std::mem::take(&mut block), make)?;
            }
        }
        if block.is_empty() { Ok(()) } else { self.put_rows(block, make) }
    }
}

fn fields_of(fields: &Fields) -> Vec<Field> {
    fields.all().to_vec()
}

/// Writes a state and names it, with the runs of keys, in the manifest.
///
/// # Errors
/// `Io`; the checkpoint before is then still in force.
pub fn write_checkpoint(
    dir: &dyn Dir,
    state: &State,
    salt: [u8; 32],
    runs: Vec<RunName>,
) -> Result<()> {
    let current = read_manifest(dir).ok().flatten();
    if current.is_some_and(|m| m.version == FOLD_VERSION && m.end == state.end && m.runs == runs) {
        return Ok(());
    }
    let state_file = format!("state-{:020}.bin", state.end.0);
    let path = format!("{DERIVED}/{state_file}");
    let temporary = format!("{path}.new");
    remove_if_there(dir, &temporary)?;
    let file = dir.append(&temporary)?;
    let mut blocks = BlockWriter { file, digests: blake3::Hasher::new(), buffer: Vec::new() };
    write_blocks(state, salt, &mut blocks)?;
    blocks.flush()?;
    blocks.file.sync()?;
    dir.rename(&temporary, &path)?;
    dir.sync_folder(DERIVED)?;
    let state_digest = codec::first_half(blocks.digests.finalize());
    let manifest = DerivedManifest {
        version: FOLD_VERSION,
        store: state.store,
        end: state.end,
        state_file,
        state_digest,
        runs,
    };
    replace(dir, MANIFEST, &sealed_bytes(MAGIC, &codec::encode(&manifest)?))?;
    remove_strays(dir, &manifest.names())
}

impl DerivedManifest {
    /// The files that are in force.
    pub fn names(&self) -> Vec<String> {
        let runs = self.runs.iter().map(|r| r.file.clone());
        runs.chain([self.state_file.clone(), "MANIFEST".to_owned()]).collect()
    }
}

/// Removes derived files that nothing names; readers who have them mapped keep them.
///
/// # Errors
/// `Io`.
pub fn remove_strays(dir: &dyn Dir, named: &[String]) -> Result<()> {
    for name in dir.list(DERIVED)? {
        if !named.contains(&name) {
            dir.remove(&format!("{DERIVED}/{name}"))?;
        }
    }
    Ok(())
}

fn write_blocks(state: &State, salt: [u8; 32], blocks: &mut BlockWriter) -> Result<()> {
    let catalog = &state.catalog;
    let events = catalog.events().all();
    blocks.put(&Block::Head(HeadBlock {
        salt,
        clock: state.clock,
        sources: catalog.sources().iter().map(|s| s.as_ref().to_owned()).collect(),
        traits: fields_of(catalog.traits()),
        events: events.to_vec(),
        properties: (0..events.len())
            .map(|n| catalog.properties(n).map(fields_of).unwrap_or_default())
            .collect(),
        ordinals: state.identity.ordinals(),
        retracted: Retracted::clone(&state.retracted),
        records: BTreeMap::clone(&state.records),
    }))?;
    let nodes = state.identity.labelled();
    let nodes = nodes.map(|(n, ordinal)| (Identifier::clone(&n.identifier), ordinal, n.first_seen));
    blocks.put_all(nodes, &Block::Nodes)?;
    for number in 0..catalog.traits().all().len() {
        let Some(golden) = state.golden.get(number) else { continue };
        let rows = (0..state.identity.ordinals()).map(Ordinal);
        let rows = rows.filter_map(|o| Some((o, golden.value(o).to_value(), golden.winner(o)?)));
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        blocks.put_all(rows, &move |rows| Block::Trait(number, rows))?;
    }
    for (number, table) in state.events.iter().enumerate() {
        let rows =
            table.rows().iter().enumerate().map(|(index, row)| stored_event(table, index, row));
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        blocks.put_all(rows, &move |rows| Block::Events(number, rows))?;
    }
    blocks.put_all(state.quarantine.iter().cloned(), &Block::Quarantine)?;
    let loads = state.loads.iter().filter_map(|(id, info)| {
        let Shape::File(shape) = info.shape.as_ref() else { return None };
        let (source, file) = (info.source, info.file.clone());
        Some(StoredLoad { id: *id, source, file, shape: shape.clone(), rows: info.rows })
    });
    blocks.put_all(loads, &Block::Loads)
}

fn stored_event(table: &EventTable, index: usize, row: &EventRow) -> StoredEvent {
    let columns = (0..table.property_count()).filter_map(|n| Some((n, table.property(n)?)));
    let properties = columns.filter_map(|(number, column)| {
        Some((u32::try_from(number).unwrap_or(u32::MAX), column.get(index).to_value()?))
    });
    StoredEvent {
        node: row.node,
        time: row.time,
        dated: row.dated,
        source: row.source,
        message_id: row.message_id.as_ref().to_owned(),
        given_id: row.given_id,
        position: row.position,
        properties: properties.collect(),
    }
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
    codec::decode(payload).map(Some)
}

/// Reads the checkpoint of a store, if there is one.
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
    let path = format!("{DERIVED}/{}", manifest.state_file);
    let bytes = dir.map(&path).map_err(|e| Error::corrupt(e.message().to_owned()))?;
    let damaged = || Error::corrupt(format!("{path} is damaged"));
    let mut digests = blake3::Hasher::new();
    let mut reading =
        Reading { state: State::new(Retracted::default()), nodes: Vec::new(), head: None };
    let mut rest: &[u8] = &bytes;
    while !rest.is_empty() {
        let length = codec::u32_at(rest, 0).ok_or_else(damaged)? as usize;
        let digest = codec::digest_at(rest, 4).ok_or_else(damaged)?;
        let payload = rest.get(20..20 + length).ok_or_else(damaged)?;
        if codec::digest(payload) != digest {
            return Err(damaged());
        }
        digests.update(&digest);
        reading.take(codec::decode(payload)?)?;
        rest = rest.get(20 + length..).unwrap_or_default();
    }
    if codec::first_half(digests.finalize()) != manifest.state_digest {
        return Err(damaged());
    }
    reading.finish_nodes();
    let mut state = reading.state;
    state.store = manifest.store;
    state.end = manifest.end;
    Ok(Some((state, manifest)))
}

/// A state that is being read block by block.
struct Reading {
    state: State,
    nodes: Vec<StoredNode>,
    head: Option<([u8; 32], u32)>,
}

impl Reading {
    /// Nodes come in several blocks; the first block after them makes the graph.
    fn finish_nodes(&mut self) {
        if let Some((salt, ordinals)) = self.head.take() {
            let nodes = std::mem::take(&mut self.nodes);
            self.state.identity = Identity::from_stored(salt, nodes.into_iter(), ordinals);
        }
    }

    fn take(&mut self, block: Block) -> Result<()> {
        if !matches!(block, Block::Head(_) | Block::Nodes(_)) {
            self.finish_nodes();
        }
        let state = &mut self.state;
        match block {
            Block::Head(head) => {
                self.head = Some((head.salt, head.ordinals));
                state.identity = Identity::new(head.salt);
                state.clock = head.clock;
                state.retracted = Arc::new(head.retracted);
                state.records = Arc::new(head.records);
                state.catalog = Arc::new(Catalog::from_stored(
                    head.sources,
                    head.traits,
                    head.events,
                    head.properties,
                ));
                state.prepare_columns();
            }
            Block::Nodes(nodes) => self.nodes.extend(nodes),
            Block::Trait(number, rows) => {
                let golden = Arc::make_mut(&mut state.golden);
                for (ordinal, value, winner) in rows {
                    golden.restore(number as usize, ordinal, value.as_ref(), winner);
                }
            }
            Block::Events(number, rows) => {
                let tables = Arc::make_mut(&mut state.events);
                let table = tables.get_mut(number as usize);
                let table = table.ok_or_else(|| Error::corrupt("events of an unknown type"))?;
                rows.into_iter().for_each(|row| restore_event(table, row));
            }
            Block::Quarantine(items) => {
                items.into_iter().for_each(|item| state.quarantine.push(item))
            }
            Block::Loads(loads) => {
                let known = Arc::make_mut(&mut state.loads);
                for StoredLoad { id, source, file, shape, rows } in loads {
                    let shape = Arc::new(Shape::File(shape));
                    known.insert(id, LoadInfo { source, file, shape, rows });
                }
            }
        }
        Ok(())
    }
}

fn restore_event(table: &mut EventTable, row: StoredEvent) {
    let properties: Vec<(usize, Value)> =
        row.properties.into_iter().map(|(number, value)| (number as usize, value)).collect();
    let event = EventRow {
        node: row.node,
        time: row.time,
        dated: row.dated,
        source: row.source,
        message_id: Arc::from(row.message_id),
        given_id: row.given_id,
        position: row.position,
    };
    table.push(event, &properties);
}
