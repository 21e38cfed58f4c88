//! Identifiers: nodes with a public id each, and the label that says which profile they belong to.
//!
//! *What it is:* `OpenNodes` gathers new nodes and changes of old ones; parts have a column for each thing that is
//! known of a node, and an index from public id to node; `NodeView` reads them. *Invariants:* a node is never removed
//! nor renumbered within a store; its public id is a digest of the identifier, keyed with the store's salt, so an
//! identifier is found by it. A node of which only evidence speaks, and which no record named yet, has no label.

use super::evidence::Namespace;
use crate::base::codec::{self, DigestMap, NumberMap};
use crate::base::error::{Error, Result};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::time::Timestamp;
use crate::base::value::ValueType;
use crate::column::{
    BlockView, ColumnWriter, Keeping, Layout, Near, OpenColumn, Stored, find_keys, integers_of,
    merge_column, merge_keys, release, rows_in, write_keys,
};
use bincode::{Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The row space of nodes.
pub(super) const NODES: BlockKey = BlockKey::new(1, 0, 0, 0);
pub(super) const NAMESPACE: u32 = 0;
pub(super) const VALUE: u32 = 1;
pub(super) const PUBLIC: u32 = 2;
pub(super) const FIRST_SEEN: u32 = 3;
pub(super) const LABEL: u32 = 4;
pub(super) const NUMBER: u32 = 5;

/// The label of a node that no record named yet.
pub(super) const NOBODY: u32 = u32::MAX;

/// The profile of a node: none when no record named it yet.
pub type LabelOf = Option<Ordinal>;

/// Public ids that are looked up before the pages they touched are let go of.
const LOOKED_UP: usize = 2048;

/// A public id: 128 bits of a digest keyed with the store's salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct PublicId(pub u128);

impl std::fmt::Display for PublicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl PublicId {
    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<PublicId> {
        let digits =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| u128::from_str_radix(text, 16).ok().map(PublicId)).flatten()
    }

    /// The public id of an identifier (namespace and value, normalised) in the store of a salt.
    pub fn of((namespace, value): (&str, &str), salt: &[u8; 32]) -> PublicId {
        let mut hasher = blake3::Hasher::new_keyed(salt);
        hasher.update(&(namespace.len() as u64).to_le_bytes());
        hasher.update(namespace.as_bytes());
        hasher.update(value.as_bytes());
        PublicId(u128::from_be_bytes(codec::first_half(hasher.finalize())))
    }
}

/// What decides which member names a profile: rank of the namespace, first event time, public id. The least one does.
pub type NamingKey = (u16, i64, PublicId);

/// What parts say of a public id.
#[derive(Debug, Clone, Copy)]
pub struct StoredNode {
    public: PublicId,
    node: Option<NodeId>,
    /// Its label and the least time that it was seen at.
    about: Option<(u32, i64)>,
}

#[derive(Debug, Clone)]
struct NewNode {
    namespace: Arc<str>,
    number: Namespace,
    value: Box<str>,
    public: PublicId,
    first_seen: i64,
    label: u32,
}

/// New nodes, and changes of old ones, that are not in a part yet.
#[derive(Debug, Default)]
pub struct OpenNodes {
    /// The number of the first new node.
    first: u32,
    new: Vec<NewNode>,
    by_public: DigestMap<PublicId, u32>,
    /// What parts say of the public ids of the rows at hand.
    looked_up: DigestMap<PublicId, Option<NodeId>>,
    /// What parts say of the nodes of the rows at hand: label and first time.
    at_hand: NumberMap<u32, (u32, i64)>,
    first_seen: NumberMap<u32, i64>,
    labels: BTreeMap<u32, u32>,
    namespaces: Vec<Arc<str>>,
    bytes: usize,
    stored: Stored,
}

impl OpenNodes {
    /// Nothing open; the next new node gets a number.
    pub fn starting_at(first: u32) -> OpenNodes {
        OpenNodes { first, ..OpenNodes::default() }
    }

    /// Takes note that all parts are files.
    pub fn settled(&mut self, files: &[Arc<Part>]) {
        self.stored.settled(files, self.first);
    }

    /// What is open is in a part in memory now: nothing is open any more.
    pub fn frozen(&mut self) -> OpenNodes {
        let mut stored = std::mem::take(&mut self.stored);
        stored.touch(self.labels.keys().chain(self.first_seen.keys()).copied());
        OpenNodes { first: self.count(), stored, ..OpenNodes::default() }
    }

    /// How many nodes there are with those in parts.
    pub fn count(&self) -> u32 {
        self.first + u32::try_from(self.new.len()).unwrap_or(u32::MAX - self.first)
    }

    /// How many nodes are new or changed.
    pub fn changes(&self) -> usize {
        self.new.len() + self.first_seen.len() + self.labels.len()
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        let changed = self.first_seen.len() + self.labels.len();
        let new = self.new.len() * (size_of::<NewNode>() + 33);
        self.bytes + new + changed * 24
    }

    /// Forgets what is open, which is in a part now, and keeps the memory for what comes next.
    pub fn recycle(&mut self) {
        self.first = self.count();
        self.new.clear();
        self.by_public.clear();
        self.looked_up.clear();
        self.at_hand.clear();
        self.first_seen.clear();
        self.labels.clear();
        self.bytes = 0;
    }

    /// The node of a public id.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold, as for all that reads parts.
    pub fn find(&self, parts: &[Arc<Part>], public: PublicId) -> Result<Option<NodeId>> {
        if let Some(node) = self.by_public.get(&public) {
            return Ok(Some(NodeId(*node)));
        }
        match self.looked_up.get(&public) {
            Some(known) => Ok(*known),
            None => Ok(self.stored.find_key(parts, NODES.field(PUBLIC), public.0)?.map(NodeId)),
        }
    }

    /// Finds public ids in parts ahead of the rows that name them. In their order each page of an index is read once
    /// and let go of, so that a load of many rows does not hold the whole index in memory.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn look_up(&mut self, parts: &[Arc<Part>], mut publics: Vec<PublicId>) -> Result<()> {
        self.looked_up.clear();
        self.at_hand.clear();
        publics.retain(|public| !self.by_public.contains_key(public));
        publics.sort_unstable();
        publics.dedup();
        let mut nodes = Vec::with_capacity(publics.len());
        for some in publics.chunks(LOOKED_UP) {
            let sorted: Vec<u128> = some.iter().map(|public| public.0).collect();
            let mut found = vec![None; sorted.len()];
            find_keys(parts, NODES.field(PUBLIC), &sorted, &mut found)?;
            nodes.extend(found.iter().flatten());
            let found = found.into_iter().map(|node| node.map(NodeId));
            self.looked_up.extend(some.iter().copied().zip(found));
        }
        nodes.sort_unstable();
        for some in nodes.chunks(LOOKED_UP) {
            let labels = integers_of(parts, NODES.field(LABEL), some)?;
            let times = integers_of(parts, NODES.field(FIRST_SEEN), some)?;
            for ((node, label), time) in some.iter().zip(labels).zip(times) {
                if let Some((label, time)) = label.zip(time) {
                    let label = u32::try_from(label).unwrap_or(NOBODY);
                    self.at_hand.insert(*node, (label, time));
                }
            }
            release(parts);
        }
        Ok(())
    }

    /// What parts say of public ids, those aside that are new: node, label and least time. What one waits for comes
    /// while others are looked at.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn stored_together(
        &self,
        parts: &[Arc<Part>],
        publics: &[PublicId],
    ) -> Result<Vec<StoredNode>> {
        let stored = publics.iter().filter(|public| !self.by_public.contains_key(public));
        let stored: Vec<PublicId> = stored.copied().collect();
        let keys: Vec<u128> = stored.iter().map(|public| public.0).collect();
        let found = self.stored.find_together(parts, NODES.field(PUBLIC), &keys)?;
        for field in [LABEL, FIRST_SEEN] {
            let places = found.iter().flatten().map(|node| (NODES.field(field), *node));
            places.for_each(|place| self.stored.bring_near(place, Near::Place));
        }
        let mut labels = Vec::with_capacity(found.len());
        for node in &found {
            let label = node
                .map(|node| self.stored.read(parts, (NODES.field(LABEL), node), BlockView::number));
            labels.push(label.transpose()?.flatten());
        }
        let mut all = Vec::with_capacity(found.len());
        for ((public, node), label) in stored.into_iter().zip(found).zip(labels) {
            let time = node.map(|node| {
                self.stored.read(parts, (NODES.field(FIRST_SEEN), node), BlockView::integer)
            });
            let about = label.zip(time.transpose()?.flatten());
            all.push(StoredNode { public, node: node.map(NodeId), about });
        }
        Ok(all)
    }

    /// Keeps what parts say for the rows at hand.
    pub fn keep(&mut self, stored: Vec<StoredNode>) {
        for StoredNode { public, node, about } in stored {
            self.looked_up.insert(public, node);
            self.at_hand.extend(node.zip(about).map(|(node, about)| (node.0, about)));
        }
    }

    /// The least event time that a node at hand was seen at.
    pub fn first_seen(&self, node: NodeId) -> Option<i64> {
        let known = self.new_node(node).map(|new| new.first_seen);
        let known = known.or_else(|| self.first_seen.get(&node.0).copied());
        known.or_else(|| self.at_hand.get(&node.0).map(|(_, time)| *time))
    }

    fn new_node(&self, node: NodeId) -> Option<&NewNode> {
        self.new.get(node.0.checked_sub(self.first)? as usize)
    }

    /// The profile of a node.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn label(&self, parts: &[Arc<Part>], node: NodeId) -> Result<LabelOf> {
        let known = self.new_node(node).map(|new| new.label);
        let known = known.or_else(|| self.labels.get(&node.0).copied());
        let label = match known.or_else(|| self.at_hand.get(&node.0).map(|(label, _)| *label)) {
            Some(label) => Some(label),
            None => {
                let place = (NODES.field(LABEL), node.0);
                self.stored.read(parts, place, BlockView::number)?
            }
        };
        Ok(label.filter(|label| *label != NOBODY).map(Ordinal))
    }

    /// The namespace of a node, the least event time that it was seen at, and its public id.
    ///
    /// # Errors
    /// `Corrupt`, also when there is no such node.
    pub fn about(&self, parts: &[Arc<Part>], node: NodeId) -> Result<(Namespace, i64, PublicId)> {
        if let Some(new) = self.new_node(node) {
            return Ok((new.number, new.first_seen, new.public));
        }
        let place = |field| (NODES.field(field), node.0);
        let number = self.stored.read_once(parts, place(NUMBER), BlockView::number)?;
        let known = self.first_seen.get(&node.0).copied();
        let seen = match known.or_else(|| self.at_hand.get(&node.0).map(|(_, time)| *time)) {
            Some(seen) => Some(seen),
            None => self.stored.read(parts, place(FIRST_SEEN), BlockView::integer)?,
        };
        let public = self.stored.read_once(parts, place(PUBLIC), BlockView::wide)?;
        let all = number.zip(seen).zip(public).ok_or_else(|| no_identifier(node))?;
        let ((number, seen), public) = all;
        Ok((u16::try_from(number).unwrap_or(u16::MAX), seen, PublicId(public)))
    }

    /// Asks for the memory that tells of a node what `about` gives.
    pub fn bring_near(&self, node: NodeId) {
        for field in [NUMBER, FIRST_SEEN, PUBLIC] {
            self.stored.bring_near((NODES.field(field), node.0), Near::Place);
        }
    }

    /// Asks for the value of a node.
    pub fn bring_value_near(&self, node: NodeId, near: Near) {
        self.stored.bring_near((NODES.field(VALUE), node.0), near);
    }

    /// Gives a node to a profile.
    pub fn set_label(&mut self, node: NodeId, label: Ordinal) {
        let new = node.0.checked_sub(self.first).and_then(|index| self.new.get_mut(index as usize));
        match new {
            Some(new) => new.label = label.0,
            None => {
                self.labels.insert(node.0, label.0);
            }
        }
    }

    /// The value of a node.
    ///
    /// # Errors
    /// `Corrupt`, also when there is no such node.
    pub fn value(&self, parts: &[Arc<Part>], node: NodeId) -> Result<Vec<u8>> {
        match self.new_node(node) {
            Some(new) => Ok(new.value.as_bytes().to_vec()),
            None => {
                let place = (NODES.field(VALUE), node.0);
                let value =
                    self.stored.read_once(parts, place, |b, slot| b.bytes(slot).to_vec())?;
                value.ok_or_else(|| no_identifier(node))
            }
        }
    }

    /// Takes note that a node was seen at a time; says whether that is earlier than was known.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn seen_at(&mut self, parts: &[Arc<Part>], node: NodeId, time: Timestamp) -> Result<bool> {
        let new = node.0.checked_sub(self.first).and_then(|index| self.new.get_mut(index as usize));
        if let Some(new) = new {
            let earlier = time.0 < new.first_seen;
            new.first_seen = new.first_seen.min(time.0);
            return Ok(earlier);
        }
        let known = self.first_seen.get(&node.0).copied();
        let known = match known.or_else(|| self.at_hand.get(&node.0).map(|(_, time)| *time)) {
            Some(known) => Some(known),
            None => {
                self.stored.read(parts, (NODES.field(FIRST_SEEN), node.0), BlockView::integer)?
            }
        };
        let earlier = known.is_none_or(|known| known > time.0);
        if earlier {
            self.first_seen.insert(node.0, time.0);
        }
        Ok(earlier)
    }

    /// A new node of a profile, or of none when no record named it.
    pub fn add(
        &mut self,
        (namespace, value): (&str, &str),
        (number, public): (Namespace, PublicId),
        seen: Option<(Ordinal, Timestamp)>,
    ) -> NodeId {
        let node = self.count();
        let known = self.namespaces.iter().find(|name| &***name == namespace);
        let known = known.cloned();
        let namespace = known.unwrap_or_else(|| {
            let name: Arc<str> = Arc::from(namespace);
            self.namespaces.push(Arc::clone(&name));
            name
        });
        self.bytes += value.len();
        self.by_public.insert(public, node);
        self.new.push(NewNode {
            namespace,
            number,
            value: Box::from(value),
            public,
            first_seen: seen.map_or(i64::MAX, |(_, time)| time.0),
            label: seen.map_or(NOBODY, |(label, _)| label.0),
        });
        NodeId(node)
    }

    /// Writes what is open into a part.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter) -> Result<()> {
        let new = || (self.first..).zip(&self.new);
        let changed = |field,
                       old: Vec<(u32, i64)>,
                       part: &mut PartWriter,
                       of: fn(&NewNode) -> i64| {
            if old.is_empty() && self.new.is_empty() {
                return Ok(());
            }
            let mut column = ColumnWriter::new(part, NODES.field(field), Layout::Integers, None);
            for (node, value) in old.into_iter().chain(new().map(|(node, new)| (node, of(new)))) {
                column.integer(node, value)?;
            }
            column.finish()
        };
        let labels = self.labels.iter().map(|(node, label)| (*node, i64::from(*label))).collect();
        changed(LABEL, labels, part, |new| i64::from(new.label))?;
        let mut seen: Vec<(u32, i64)> =
            self.first_seen.iter().map(|(node, time)| (*node, *time)).collect();
        seen.sort_unstable();
        changed(FIRST_SEEN, seen, part, |new| new.first_seen)?;
        if self.new.is_empty() {
            return Ok(());
        }
        let mut namespaces = OpenColumn::new(ValueType::Text);
        new().for_each(|(node, new)| namespaces.push_text(node, &new.namespace));
        namespaces.write(part, NODES.field(NAMESPACE), None, true)?;
        let mut numbers = ColumnWriter::new(part, NODES.field(NUMBER), Layout::Integers, None);
        for (node, new) in new() {
            numbers.integer(node, i64::from(new.number))?;
        }
        numbers.finish()?;
        let mut values = ColumnWriter::new(part, NODES.field(VALUE), Layout::Bytes, None);
        for (node, new) in new() {
            values.bytes(node, new.value.as_bytes())?;
        }
        values.finish()?;
        let mut publics = ColumnWriter::new(part, NODES.field(PUBLIC), Layout::Wide, None);
        for (node, new) in new() {
            publics.wide(node, new.public.0)?;
        }
        publics.finish()?;
        let mut keys: Vec<(u128, u32)> = new().map(|(node, new)| (new.public.0, node)).collect();
        keys.sort_unstable();
        write_keys(part, NODES.field(PUBLIC), keys.len(), keys.into_iter())
    }
}

pub(super) fn no_identifier(node: NodeId) -> Error {
    Error::corrupt(format!("there is no identifier of number {}", node.0))
}

/// How many nodes parts tell of.
///
/// # Errors
/// `Corrupt`.
pub fn nodes_in(parts: &[Arc<Part>]) -> Result<u64> {
    rows_in(parts, NODES.field(LABEL))
}

/// Merges the nodes of parts.
///
/// # Errors
/// `Corrupt`, `Io`.
pub fn merge_nodes(parts: &[Arc<Part>], writer: &mut PartWriter) -> Result<()> {
    let keeping = |index| Keeping { index, nulls: true };
    merge_column(parts, NODES.field(NAMESPACE), writer, keeping(true))?;
    for field in [VALUE, PUBLIC, FIRST_SEEN, LABEL, NUMBER] {
        merge_column(parts, NODES.field(field), writer, keeping(false))?;
    }
    merge_keys(parts, NODES.field(PUBLIC), writer)
}
