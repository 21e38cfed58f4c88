//! Copy-on-write containers: a clone is one reference, a change copies only the chunk that it touches.
//!
//! *Invariants:* a clone never sees a later change of the original; equal contents give equal answers whatever the
//! history. *What it does not know:* what the values mean.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

const CHUNK: usize = 2048;
const SHARDS: usize = 1024;

/// A dense vector in chunks that snapshots share.
#[derive(Debug, Clone)]
pub struct Chunked<T> {
    chunks: Arc<Vec<Arc<Vec<T>>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Chunked<T> {
        Chunked { chunks: Arc::new(Vec::new()), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The value at an index.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// The value at an index, to change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(index / CHUNK)?;
        Arc::make_mut(chunk).get_mut(index % CHUNK)
    }

    /// Appends a value.
    pub fn push(&mut self, value: T) {
        let chunks = Arc::make_mut(&mut self.chunks);
        match chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(value),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(value);
                chunks.push(Arc::new(chunk));
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
        self.chunks.iter().flat_map(|chunk| chunk.iter())
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

/// A hash map in shards that snapshots share.
#[derive(Debug, Clone)]
pub struct Sharded<K, V> {
    shards: Arc<Vec<Shard<K, V>>>,
    hasher: RandomState,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Sharded<K, V> {
        let hasher = RandomState::new();
        let shard = Arc::new(HashMap::with_hasher(hasher.clone()));
        Sharded { shards: Arc::new(vec![shard; SHARDS]), hasher }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Sharded<K, V> {
    fn shard_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The map inside a shard takes its bucket from the low bits and its tag from the highest seven.
        (self.hasher.hash_one(key) >> 40) as usize % SHARDS
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards.get(self.shard_of(key))?.get(key)
    }

    /// Sets the value of a key and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.shard_of(&key);
        let shard = Arc::make_mut(&mut self.shards).get_mut(index)?;
        Arc::make_mut(shard).insert(key, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_keep_what_they_saw() {
        let mut vector: Chunked<u32> = (0..10_000).collect();
        let before = vector.clone();
        *vector.get_mut(5000).unwrap() = 7;
        vector.push(1);
        assert_eq!((before.len(), before.get(5000)), (10_000, Some(&5000)));
        assert_eq!(
            (vector.len(), vector.get(5000), vector.get(10_000)),
            (10_001, Some(&7), Some(&1))
        );
        assert_eq!(vector.iter().count(), 10_001);

        let mut map: Sharded<String, u32> = Sharded::default();
        (0..5000).for_each(|i| assert!(map.insert(i.to_string(), i).is_none()));
        let seen = map.clone();
        assert_eq!(map.insert("17".into(), 0), Some(17));
        assert_eq!((seen.get("17"), map.get("17"), map.get("5000")), (Some(&17), Some(&0), None));
    }
}
