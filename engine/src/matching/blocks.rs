//! Which pairs are compared at all: those that share a key.
//!
//! A key joins two or three things that a person keeps through most errors: sounds of names with parts of the day of
//! birth, with words of the place or the street, with the postcode; the day alone; numbers that belong to one person. A
//! key that more records share than a cap says nothing and is left out: the pairs in it have rarer keys too. Two
//! records are compared if they share two keys, or one that hardly anybody else has.
//!
//! *Invariants:* the keys of a record depend on what it says alone, so that a batch and an index that grows have the
//! same blocks.

use super::people::{People, Record};
use super::text::mix;
use super::threads::in_pieces;
use super::vocabulary::{Kind, NONE, Word};

/// Records that share a key before it says nothing.
pub(super) const BLOCK_MAX: usize = 60;
/// Records that share a key as long as it alone is reason enough to compare them; else two keys are needed.
const RARE_MAX: usize = 4;

/// A key: what it is made of, mixed into one number. Two keys that fall together join two blocks, which costs time and
/// no truth.
pub(super) type Key = u32;

fn key(tag: u32, parts: [u32; 3]) -> Key {
    let [first, second, third] = parts;
    let one = (u64::from(tag) << 32) | u64::from(first);
    let other = (u64::from(second) << 32) | u64::from(third);
    (mix(one.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ other) >> 32) as u32
}

/// Gathers the keys of records; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    sounds: Vec<u32>,
    names: Vec<u32>,
    places: Vec<u32>,
    streets: Vec<u32>,
}

/// What keys are made of, of the values that are compared whole.
struct Parts {
    day: Option<u32>,
    year: Option<u32>,
    in_year: Option<u32>,
    postcode: Option<u32>,
    number: Option<u32>,
}

impl Parts {
    fn of(people: &People, record: &Record) -> Parts {
        let digest = |kind| {
            let word = record.single(kind);
            (word != NONE).then(|| people.vocabulary.get(word).digest as u32)
        };
        let text = people.vocabulary.text(record.single(Kind::Day));
        let number =
            |text: Option<&[u8]>| -> Option<u32> { std::str::from_utf8(text?).ok()?.parse().ok() };
        let (year, in_year) = match text.len() {
            8 => (number(text.get(..4)), number(text.get(4..))),
            _ => (None, None),
        };
        Parts {
            day: digest(Kind::Day),
            year,
            in_year,
            postcode: digest(Kind::Postcode),
            number: digest(Kind::Number),
        }
    }
}

impl Keys {
    /// The keys of a record, each once, sorted.
    pub(super) fn of(&mut self, people: &People, record: &Record) -> &[Key] {
        self.keys.clear();
        let words = &people.vocabulary;
        let digest = |word: &Word| words.get(*word).digest as u32;
        let lists = [
            (people.names(record), &mut self.names),
            (people.places(record), &mut self.places),
            (people.streets(record), &mut self.streets),
        ];
        for (list, digests) in lists {
            digests.clear();
            let telling = list.iter().filter(|word| !words.get(**word).common);
            digests.extend(telling.map(digest));
        }
        self.sounds.clear();
        self.sounds.extend(people.names(record).iter().map(|word| words.get(*word).sound));
        let parts = Parts::of(people, record);
        let keys = &mut self.keys;
        for (index, (sound, word)) in self.sounds.iter().zip(&self.names).enumerate() {
            let one = |tag, part| key(tag, [*sound, part, 0]);
            keys.push(key(1, [*word, 0, 0]));
            for other in self.sounds.iter().skip(index + 1) {
                let (first, second) = (*sound.min(other), *sound.max(other));
                keys.push(key(2, [first, second, 0]));
                keys.extend(parts.year.map(|year| key(3, [first, second, year])));
                keys.extend(self.places.iter().map(|place| key(4, [first, second, *place])));
            }
            keys.extend(parts.year.map(|year| one(5, year)));
            keys.extend(parts.in_year.map(|in_year| one(6, in_year)));
            keys.extend(parts.day.map(|day| one(8, day)));
            keys.extend(parts.postcode.map(|postcode| one(9, postcode)));
            keys.extend(self.places.iter().map(|place| one(10, *place)));
            keys.extend(self.streets.iter().map(|street| one(12, *street)));
        }
        self.place_keys(&parts);
        for (tag, kind) in [(20, Kind::NationalId), (21, Kind::Phone), (22, Kind::Email)] {
            let word = record.single(kind);
            if word != NONE {
                self.keys.push(key(tag, [digest(&word), 0, 0]));
            }
        }
        self.keys.sort_unstable();
        self.keys.dedup();
        &self.keys
    }

    fn place_keys(&mut self, parts: &Parts) {
        let keys = &mut self.keys;
        if let Some(day) = parts.day {
            let one = |tag, part| key(tag, [day, part, 0]);
            keys.push(one(13, 0));
            keys.extend(parts.postcode.map(|postcode| one(14, postcode)));
        }
        if let Some(postcode) = parts.postcode {
            keys.push(key(17, [postcode, 0, 0]));
            keys.extend(parts.number.map(|number| key(18, [postcode, number, 0])));
        }
        for (index, street) in self.streets.iter().enumerate() {
            keys.extend(parts.number.map(|number| key(19, [*street, number, 0])));
            for other in self.streets.iter().skip(index + 1) {
                keys.push(key(30, [*street.min(other), *street.max(other), 0]));
            }
        }
    }
}

/// The blocks of all records: for each key that says something, who shares it.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// The records of all blocks, block after block, each after their number.
    members: Vec<u32>,
    /// Where in `members` the blocks of all records begin, record after record.
    blocks: Vec<u32>,
    /// For each record where its blocks end.
    ends: Vec<u32>,
}

/// The block that begins at a place: how many records it has, and which.
fn block(members: &[u32], start: usize) -> Option<(usize, &[u32])> {
    let length = *members.get(start)? as usize;
    Some((length, members.get(start + 1..start + 1 + length)?))
}

/// Records whose keys are gathered at once, and parts that keys are sorted in.
const PIECE: usize = 16_384;
const PARTS: usize = 64;

impl Blocks {
    /// The blocks of all records, gathered by so many threads.
    pub(super) fn of(people: &People, threads: usize) -> Blocks {
        let count = people.count() as usize;
        let gathered = in_pieces(threads, count.div_ceil(PIECE), Keys::default, |keys, piece| {
            let mut parts: Vec<Vec<u64>> = vec![Vec::new(); PARTS];
            let from = piece * PIECE;
            for number in from..(from + PIECE).min(count) {
                let number = number as u32;
                for key in keys.of(people, &people.record(number)) {
                    let part = parts.get_mut((key >> 26) as usize);
                    part.into_iter().for_each(|part| {
                        part.push((u64::from(*key) << 32) | u64::from(number));
                    });
                }
            }
            parts
        });
        let sorted = in_pieces(threads, PARTS, Vec::new, |all: &mut Vec<u64>, part| {
            all.clear();
            gathered.iter().for_each(|parts| all.extend(parts.get(part).into_iter().flatten()));
            all.sort_unstable();
            let mut members = Vec::new();
            for block in all.chunk_by(|left, right| left >> 32 == right >> 32) {
                if (2..=BLOCK_MAX).contains(&block.len()) {
                    members.push(block.len() as u32);
                    members.extend(block.iter().map(|one| *one as u32));
                }
            }
            members
        });
        drop(gathered);
        Blocks::laid_out(count, sorted)
    }

    fn laid_out(count: usize, sorted: Vec<Vec<u32>>) -> Blocks {
        let mut all = Blocks { ends: vec![0; count], ..Blocks::default() };
        all.members.reserve_exact(sorted.iter().map(Vec::len).sum());
        sorted.into_iter().for_each(|members| all.members.extend(members));
        let mut starts = Vec::new();
        let mut start = 0;
        while let Some((length, members)) = block(&all.members, start) {
            starts.push(start as u32);
            for member in members {
                if let Some(end) = all.ends.get_mut(*member as usize) {
                    *end += 1;
                }
            }
            start += length + 1;
        }
        let mut sum = 0;
        for end in &mut all.ends {
            let begin = sum;
            sum += *end;
            *end = begin;
        }
        // What now says where each record's blocks begin moves on to where they end as they are laid down.
        let mut blocks = vec![0; sum as usize];
        let mut ends = std::mem::take(&mut all.ends);
        for start in starts {
            for member in
                block(&all.members, start as usize).map_or(&[][..], |(_, members)| members)
            {
                if let Some(end) = ends.get_mut(*member as usize) {
                    if let Some(place) = blocks.get_mut(*end as usize) {
                        *place = start;
                    }
                    *end += 1;
                }
            }
        }
        (all.blocks, all.ends) = (blocks, ends);
        all
    }

    /// Those who share enough with a record and have a higher number, each once, sorted.
    pub(super) fn later(&self, number: u32, partners: &mut Partners) {
        partners.begin();
        for members in self.of_record(number) {
            partners.share(members, |member| member > number);
        }
        partners.finish();
    }

    /// All who share enough with a record, each once, sorted.
    pub(super) fn partners(&self, number: u32, partners: &mut Partners) {
        partners.begin();
        for members in self.of_record(number) {
            partners.share(members, |member| member != number);
        }
        partners.finish();
    }

    /// The records of each block that a record is in.
    fn of_record(&self, number: u32) -> impl Iterator<Item = &[u32]> {
        let end = |number: u32| self.ends.get(number as usize).copied().unwrap_or(0) as usize;
        let from = number.checked_sub(1).map_or(0, end);
        let blocks = self.blocks.get(from..end(number)).unwrap_or_default();
        // Blocks lie far apart: they are fetched from memory together.
        let fetched = blocks.iter().fold(0, |fetched, start| {
            fetched ^ self.members.get(*start as usize).copied().unwrap_or(0)
        });
        std::hint::black_box(fetched);
        blocks.iter().filter_map(|start| Some(block(&self.members, *start as usize)?.1))
    }
}

/// Those who share keys with a record; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Partners {
    met: Vec<u64>,
    pub numbers: Vec<u32>,
}

impl Partners {
    pub(super) fn begin(&mut self) {
        self.met.clear();
        self.numbers.clear();
    }

    /// The records of one block, those that are wanted.
    pub(super) fn share(&mut self, members: &[u32], wanted: impl Fn(u32) -> bool) {
        let rare = u64::from(members.len() <= RARE_MAX);
        let members = members.iter().filter(|member| wanted(**member));
        self.met.extend(members.map(|member| (u64::from(*member) << 1) | rare));
    }

    /// Keeps those who share a rare key, or two.
    pub(super) fn finish(&mut self) {
        self.met.sort_unstable();
        let records = self.met.chunk_by(|left, right| left >> 1 == right >> 1);
        let enough = records.filter(|met| met.len() > 1 || met.iter().any(|one| one & 1 == 1));
        self.numbers.extend(enough.filter_map(|met| met.first()).map(|one| (one >> 1) as u32));
    }
}
