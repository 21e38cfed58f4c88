//! A store's records and blocks, which grow and shrink as records come and go, so that a new record is scored as it
//! arrives.
//!
//! *Invariants:* the blocks are those of a batch over the records that are in the index now, in whatever order they
//! came; a hot key, which more records share than the cap, says nothing until enough of them are gone.

use super::blocks::{BLOCK_MAX, Key, Keys, Partners};
use super::explain::{Explanation, explain};
use super::model::{Model, Weights, Zone};
use super::people::{People, Rows};
use super::role::Roles;
use super::text::NumberHasher;
use super::threads::in_pieces;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

type Map<K> = HashMap<K, u32, BuildHasherDefault<NumberHasher>>;

/// In a slot: the number of the one record with a key, or, with this bit, that of the list of all its records.
const LIST: u32 = 1 << 31;

/// Records by keys that the caller chooses, with their blocks.
#[derive(Debug, Clone)]
pub struct Index {
    roles: Roles,
    pub(super) people: People,
    /// The keys of records by their numbers, and numbers by keys.
    pub(super) names: Vec<u64>,
    pub(super) numbers: Map<u64>,
    free: Vec<u32>,
    slots: Map<Key>,
    lists: Vec<Vec<u32>>,
    free_lists: Vec<u32>,
    /// The model whose shares the words have, and the records that came since.
    rated: Option<u64>,
    unrated: Vec<u32>,
}

impl Index {
    /// An index without records.
    pub fn new(roles: Roles) -> Index {
        Index {
            roles,
            people: People::new(),
            names: Vec::new(),
            numbers: Map::default(),
            free: Vec::new(),
            slots: Map::default(),
            lists: Vec::new(),
            free_lists: Vec::new(),
            rated: None,
            unrated: Vec::new(),
        }
    }

    /// An index of rows, by their keys, read with so many threads. Of rows with one key the last counts.
    pub fn of<R: Rows + ?Sized>(roles: Roles, rows: &R, threads: usize) -> Index {
        let mut index = Index::new(roles);
        let count = rows.count();
        let keys = (0..count).map(|row| rows.key(row));
        let mut numbers = Map::with_capacity_and_hasher(count, BuildHasherDefault::default());
        numbers.extend(keys.zip(0..));
        if numbers.len() < count {
            for row in 0..count {
                index.add_with(rows.key(row), |column| rows.text(row, column));
            }
            return index;
        }
        index.people = People::read(&index.roles, rows, threads);
        index.numbers = numbers;
        index.names = (0..count).map(|row| rows.key(row)).collect();
        let people = &index.people;
        let pieces = count.div_ceil(PIECE);
        // A few pieces at a time, so that their keys are not all in memory at once.
        for from in (0..pieces).step_by(16) {
            let gathered =
                in_pieces(threads, (pieces - from).min(16), Keys::default, |keys, piece| {
                    let first = (from + piece) * PIECE;
                    let numbers = first..(first + PIECE).min(count);
                    let mut all = Vec::new();
                    for number in numbers {
                        let number = number as u32;
                        let keys = keys.of(people, &people.record(number));
                        all.extend(keys.iter().map(|key| (*key, number)));
                    }
                    all
                });
            for (key, number) in gathered.into_iter().flatten() {
                enter(&mut index.slots, &mut index.lists, &mut index.free_lists, key, number);
            }
        }
        index
    }

    /// How many records are in the index.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no record is in the index.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Adds a record: the texts of its columns, in the order of the roles. It takes the place of one with the same key.
    pub fn add<T: AsRef<str>>(&mut self, key: u64, texts: &[Option<T>]) {
        self.add_with(key, |column| {
            texts.get(column)?.as_ref().map(|text| Cow::Borrowed(text.as_ref()))
        });
    }

    fn add_with<'t>(&mut self, key: u64, text: impl Fn(usize) -> Option<Cow<'t, str>>) {
        self.remove(key);
        let number = self.free.pop().unwrap_or(self.people.count());
        self.people.put(number, &self.roles, text);
        self.numbers.insert(key, number);
        match self.names.get_mut(number as usize) {
            Some(name) => *name = key,
            None => self.names.push(key),
        }
        let mut keys = Keys::default();
        for key in keys.of(&self.people, &self.people.record(number)) {
            enter(&mut self.slots, &mut self.lists, &mut self.free_lists, *key, number);
        }
        self.unrated.push(number);
    }

    /// Takes a record out; answers whether it was there. Nothing that it said is left in memory that another record
    /// does not say too.
    pub fn remove(&mut self, key: u64) -> bool {
        let Some(number) = self.numbers.remove(&key) else { return false };
        let mut keys = Keys::default();
        for key in keys.of(&self.people, &self.people.record(number)) {
            self.leave(*key, number);
        }
        self.people.take(number);
        self.free.push(number);
        true
    }

    fn leave(&mut self, key: Key, number: u32) {
        let Some(slot) = self.slots.get_mut(&key) else { return };
        if *slot & LIST == 0 {
            self.slots.remove(&key);
            return;
        }
        let place = *slot & !LIST;
        let Some(list) = self.lists.get_mut(place as usize) else { return };
        if let Ok(found) = list.binary_search(&number) {
            list.remove(found);
        }
        if let [last] = list.as_slice() {
            *slot = *last;
            *list = Vec::new();
            self.free_lists.push(place);
        }
    }

    /// The records that are worth comparing with a record of the index: those that share keys with it which are not
    /// hot.
    pub fn candidates(&self, key: u64) -> Vec<u64> {
        let Some(number) = self.numbers.get(&key) else { return Vec::new() };
        let numbers = self.partners(*number);
        numbers.iter().filter_map(|number| self.names.get(*number as usize).copied()).collect()
    }

    pub(super) fn partners(&self, number: u32) -> Vec<u32> {
        let mut keys = Keys::default();
        let mut partners = Partners::default();
        for key in keys.of(&self.people, &self.people.record(number)) {
            let list = self.slots.get(key).filter(|slot| **slot & LIST != 0);
            let list = list.and_then(|slot| self.lists.get((*slot & !LIST) as usize));
            if let Some(list) = list.filter(|list| list.len() <= BLOCK_MAX) {
                partners.share(list, |other| other != number);
            }
        }
        partners.finish();
        partners.numbers
    }

    /// Keys that are shared by more records than the cap, and say nothing.
    pub fn hot_keys(&self) -> usize {
        self.lists.iter().filter(|list| list.len() > BLOCK_MAX).count()
    }

    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        let lists: usize = self.lists.iter().map(|list| list.capacity() * size_of::<u32>()).sum();
        self.people.bytes()
            + lists
            + self.lists.capacity() * size_of::<Vec<u32>>()
            + self.names.capacity() * size_of::<u64>()
            + self.numbers.capacity() * (size_of::<(u64, u32)>() + 1)
            + self.slots.capacity() * (size_of::<(Key, u32)>() + 1)
    }
}

/// Records whose keys are gathered at once.
const PIECE: usize = 16_384;

fn enter(
    slots: &mut Map<Key>,
    lists: &mut Vec<Vec<u32>>,
    free: &mut Vec<u32>,
    key: Key,
    number: u32,
) {
    let slot = slots.entry(key).or_insert(number);
    if *slot == number {
        return;
    }
    if *slot & LIST == 0 {
        let place = free.pop().unwrap_or_else(|| {
            lists.push(Vec::new());
            u32::try_from(lists.len() - 1).unwrap_or(0)
        });
        if let Some(list) = lists.get_mut(place as usize) {
            list.push(*slot);
        }
        *slot = place | LIST;
    }
    let Some(list) = lists.get_mut((*slot & !LIST) as usize) else { return };
    if let Err(place) = list.binary_search(&number) {
        list.insert(place, number);
    }
}

/// A candidate of a record, and how likely both are of one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The key of the candidate.
    pub key: u64,
    /// The natural logarithm of the odds.
    pub score: f32,
    /// The zone of the score.
    pub zone: Zone,
}

/// A model and an index: scores records against the others of the index as they arrive.
#[derive(Debug)]
pub struct Matcher<'a> {
    pub(super) model: &'a Model,
    pub(super) weights: Weights,
    pub(super) index: &'a mut Index,
}

impl<'a> Matcher<'a> {
    /// Scores with a model against an index. The first time with a model takes a moment for each word of the index;
    /// after that it costs nothing.
    pub fn against(model: &'a Model, index: &'a mut Index) -> Matcher<'a> {
        if index.rated != Some(model.id()) {
            model.rate(&mut index.people);
            index.rated = Some(model.id());
            index.unrated.clear();
        }
        for number in std::mem::take(&mut index.unrated) {
            model.rate_record(&mut index.people, number);
        }
        Matcher { model, weights: Weights::of(model), index }
    }

    /// Adds a record to the index, in the place of one with the same key, and scores it: its candidates in the zones to
    /// accept and to review, the likeliest first. The scores are those of a batch over the same records.
    pub fn arrive<T: AsRef<str>>(&mut self, key: u64, texts: &[Option<T>]) -> Vec<Found> {
        self.put(key, texts);
        self.found(key)
    }

    /// Adds a record to the index, in the place of one with the same key, without scoring it.
    pub fn put<T: AsRef<str>>(&mut self, key: u64, texts: &[Option<T>]) {
        self.index.add(key, texts);
        for number in std::mem::take(&mut self.index.unrated) {
            self.model.rate_record(&mut self.index.people, number);
        }
    }

    /// Takes a record out of the index; answers whether it was there.
    pub fn remove(&mut self, key: u64) -> bool {
        self.index.remove(key)
    }

    /// The candidates of a record of the index in the zones to accept and to review, the likeliest first.
    pub fn found(&mut self, key: u64) -> Vec<Found> {
        let Some(number) = self.index.numbers.get(&key).copied() else { return Vec::new() };
        let scored = self.scored(number, &mut 0).into_iter();
        let mut found: Vec<Found> = scored
            .filter_map(|pair| {
                let key = self.index.names.get(pair.right as usize).copied()?;
                Some(Found { key, score: pair.score, zone: self.model.zone(pair.score) })
            })
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        found
    }

    /// Why two records of the index have the score that they have; `None` if one of them is not there.
    pub fn explain(&self, left: u64, right: u64) -> Option<Explanation> {
        let number = |key| self.index.numbers.get(&key).copied();
        Some(explain(&self.index.people, self.model, number(left)?, number(right)?))
    }
}
