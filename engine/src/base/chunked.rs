//! Copy-on-write containers: a clone is one reference, a change copies only the chunk that it touches.
//!
//! *Invariants:* a clone never sees a later change of the original; equal contents give equal answers whatever the
//! history. *What it does not know:* what the values mean.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Bytes of a chunk, and chunks in a group: what one change copies is a chunk and the references of a group.
const CHUNK_BYTES: usize = 4096;
const GROUP_CHUNKS: usize = 128;
/// Shards in a group, and groups: as for vectors.
const SHARDS: usize = 32;

/// A dense vector in chunks that snapshots share.
#[derive(Debug, Clone)]
pub struct Chunked<T> {
    groups: Arc<Vec<Group<T>>>,
    len: usize,
}

type Group<T> = Arc<Vec<Arc<Vec<T>>>>;

impl<T> Default for Chunked<T> {
    fn default() -> Chunked<T> {
        Chunked { groups: Arc::new(Vec::new()), len: 0 }
    }
}

/// How many values of a size a chunk has: a power of two.
const fn values_in_chunk(size: usize) -> usize {
    let mut values = 32;
    while values * 2 * size <= CHUNK_BYTES && values < CHUNK_BYTES {
        values *= 2;
    }
    values
}

impl<T: Clone> Chunked<T> {
    const CHUNK: usize = values_in_chunk(size_of::<T>());
    const GROUP: usize = GROUP_CHUNKS * Self::CHUNK;

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The value at an index.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.groups
            .get(index / Self::GROUP)?
            .get(index % Self::GROUP / Self::CHUNK)?
            .get(index % Self::CHUNK)
    }

    /// The value at an index, to change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let group = Arc::make_mut(&mut self.groups).get_mut(index / Self::GROUP)?;
        let chunk = Arc::make_mut(group).get_mut(index % Self::GROUP / Self::CHUNK)?;
        Arc::make_mut(chunk).get_mut(index % Self::CHUNK)
    }

    /// Appends a value.
    pub fn push(&mut self, value: T) {
        let groups = Arc::make_mut(&mut self.groups);
        if self.len.is_multiple_of(Self::GROUP) {
            groups.push(Arc::default());
        }
        if let Some(group) = groups.last_mut().map(Arc::make_mut) {
            if self.len.is_multiple_of(Self::CHUNK) {
                group.push(Arc::new(Vec::with_capacity(Self::CHUNK)));
            }
            if let Some(chunk) = group.last_mut() {
                Arc::make_mut(chunk).push(value);
            }
        }
        self.len += 1;
    }

    /// Grows to `len` values, the new ones being copies of `value`; never shrinks.
    pub fn grow(&mut self, len: usize, value: &T) {
        while self.len < len {
            self.push(value.clone());
        }
    }

    /// Sets the value at an index, growing with `filler` up to it.
    pub fn set(&mut self, index: usize, value: T, filler: &T) {
        self.grow(index + 1, filler);
        if let Some(slot) = self.get_mut(index) {
            *slot = value;
        }
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.groups.iter().flat_map(|group| group.iter()).flat_map(|chunk| chunk.iter())
    }
}

impl<T: Clone> FromIterator<T> for Chunked<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Chunked<T> {
        let mut result = Chunked::default();
        values.into_iter().for_each(|value| result.push(value));
        result
    }
}

type Shard<K, V> = Arc<HashMap<K, V>>;
type ShardGroup<K, V> = Arc<Vec<Shard<K, V>>>;

/// A hash map in shards that snapshots share.
#[derive(Debug, Clone)]
pub struct Sharded<K, V> {
    groups: Arc<Vec<ShardGroup<K, V>>>,
    hasher: RandomState,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Sharded<K, V> {
        let hasher = RandomState::new();
        let shard = Arc::new(HashMap::with_hasher(hasher.clone()));
        let group = Arc::new(vec![shard; SHARDS]);
        Sharded { groups: Arc::new(vec![group; SHARDS]), hasher }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Sharded<K, V> {
    /// The group and the shard in it.
    fn place_of<Q: Hash + ?Sized>(&self, key: &Q) -> (usize, usize) {
        // The map inside a shard takes its bucket from the low bits and its tag from the highest seven.
        let hash = self.hasher.hash_one(key) >> 40;
        (hash as usize / SHARDS % SHARDS, hash as usize % SHARDS)
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (group, shard) = self.place_of(key);
        self.groups.get(group)?.get(shard)?.get(key)
    }

    /// Sets the value of a key and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (group, shard) = self.place_of(&key);
        let group = Arc::make_mut(&mut self.groups).get_mut(group)?;
        let shard = Arc::make_mut(group).get_mut(shard)?;
        Arc::make_mut(shard).insert(key, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_keep_what_they_saw() {
        let mut vector: Chunked<u32> = (0..100_000).collect();
        let before = vector.clone();
        *vector.get_mut(5000).unwrap() = 7;
        vector.push(1);
        assert_eq!((before.len(), before.get(5000)), (100_000, Some(&5000)));
        assert_eq!(
            (vector.len(), vector.get(5000), vector.get(100_000)),
            (100_001, Some(&7), Some(&1))
        );
        assert_eq!(vector.iter().count(), 100_001);

        let mut map: Sharded<String, u32> = Sharded::default();
        (0..5000).for_each(|i| assert!(map.insert(i.to_string(), i).is_none()));
        let seen = map.clone();
        assert_eq!(map.insert("17".into(), 0), Some(17));
        assert_eq!((seen.get("17"), map.get("17"), map.get("5000")), (Some(&17), Some(&0), None));
    }
}
