//! Records as numbers: every word and value that is compared has a number, and how many records say it.
//!
//! *Invariants:* the words of a record are a function of its texts and roles alone; records keep their numbers.

use super::draft::Draft;
use super::role::Roles;
use super::text::mix;
use super::vocabulary::{KINDS, Kind, NONE, Vocabulary, Word};
use std::borrow::Cow;

/// Words of one list of a record that are compared.
pub(super) const WORDS_MAX: usize = 24;

/// Rows to match: for each the texts of its columns, and a key.
pub trait Rows: Sync {
    /// How many rows there are.
    fn count(&self) -> usize;

    /// What a row says in a column; `None` if nothing.
    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>>;

    /// A key of the row that does not depend on where it stands, such as its id: between rows whose texts are the same
    /// the key decides. By default there is none, and such rows cannot be told apart.
    fn key(&self, _row: usize) -> u64 {
        0
    }
}

impl<T: AsRef<str> + Sync> Rows for [Vec<T>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        self.get(row)?.get(column).map(|text| Cow::Borrowed(text.as_ref()))
    }
}

impl<T: AsRef<str> + Sync> Rows for Vec<Vec<T>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        self.as_slice().text(row, column)
    }
}

/// How many values of a record are compared whole.
pub(super) const SINGLES: usize = KINDS.len() - LISTS;
/// How many kinds come in lists.
pub(super) const LISTS: usize = 3;

/// What is compared of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Record {
    /// Where its lists begin: words of the name, the street, the place, each once and in the order of the columns.
    start: u32,
    names: u8,
    streets: u8,
    places: u8,
    singles: [Word; SINGLES],
    /// The classes of letters of the values that are mostly a person's own, which are told from others by them alone
    /// most of the time: national id, telephone, e-mail address.
    own: [u32; 3],
    /// The day of birth, a decimal digit in each four bits; 0 if it is no day.
    pub day: u32,
}

impl Record {
    /// A value that is compared whole.
    pub(super) fn single(&self, kind: Kind) -> Word {
        let place = (kind as usize).wrapping_sub(LISTS);
        self.singles.get(place).copied().unwrap_or(NONE)
    }

    /// The classes of letters of a value, if they stand here.
    pub(super) fn letters(&self, kind: Kind) -> Option<u32> {
        let [national_id, phone, email] = self.own;
        match kind {
            Kind::NationalId => Some(national_id),
            Kind::Phone => Some(phone),
            Kind::Email => Some(email),
            _ => None,
        }
    }

    fn length(&self) -> usize {
        usize::from(self.names) + usize::from(self.streets) + usize::from(self.places)
    }
}

/// All records.
#[derive(Debug, Clone)]
pub(super) struct People {
    pub vocabulary: Vocabulary,
    records: Vec<Record>,
    lists: Vec<Word>,
    wasted: usize,
}

/// Wasted words of lists below which they are not moved together.
const WASTE_MIN: usize = 1 << 14;
/// Rows that one thread reads at least.
const ROWS_MIN: usize = 4_096;

impl People {
    pub(super) fn new() -> People {
        let vocabulary = Vocabulary::new();
        People { vocabulary, records: Vec::new(), lists: Vec::new(), wasted: 0 }
    }

    /// Reads rows, with so many threads.
    pub(super) fn read<R: Rows + ?Sized>(roles: &Roles, rows: &R, threads: usize) -> People {
        let count = rows.count();
        let share = count.div_ceil(threads.max(1)).max(ROWS_MIN);
        if share >= count {
            return People::read_range(roles, rows, 0, count);
        }
        let mut parts = std::thread::scope(|scope| {
            let reading: Vec<_> = (0..count)
                .step_by(share)
                .map(|from| {
                    let to = (from + share).min(count);
                    scope.spawn(move || People::read_range(roles, rows, from, to))
                })
                .collect();
            let read = reading.into_iter().map(|thread| match thread.join() {
                Ok(people) => people,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            read.collect::<Vec<People>>()
        });
        let mut people = parts.remove(0);
        parts.into_iter().for_each(|part| people.take_in(part));
        people
    }

    fn read_range<R: Rows + ?Sized>(roles: &Roles, rows: &R, from: usize, to: usize) -> People {
        let mut people = People::new();
        people.vocabulary = Vocabulary::with_room((to - from) * 2);
        people.records.reserve_exact(to - from);
        let mut draft = Draft::default();
        for row in from..to {
            let record = draft.read(&mut people, roles, |column| rows.text(row, column));
            people.records.push(record);
        }
        people
    }

    /// Takes in the records of others, after its own.
    fn take_in(&mut self, other: People) {
        let numbers = self.vocabulary.take_in(&other.vocabulary);
        let number = |word: Word| numbers.get(word as usize).copied().unwrap_or(NONE);
        let start = self.start();
        self.lists.extend(other.lists.into_iter().map(number));
        self.records.extend(other.records.into_iter().map(|mut record| {
            record.start += start;
            record.singles = record.singles.map(number);
            record
        }));
    }

    /// Adds what a record says to the lists.
    pub(super) fn record_of(
        &mut self,
        lists: [&[Word]; LISTS],
        singles: [Word; SINGLES],
    ) -> Record {
        let start = self.start();
        let length = |list: &[Word]| u8::try_from(list.len()).unwrap_or(u8::MAX);
        lists.iter().for_each(|list| self.lists.extend_from_slice(list));
        let single = |kind: Kind| {
            let word = singles.get((kind as usize).wrapping_sub(LISTS)).copied();
            word.unwrap_or(NONE)
        };
        let letters = |kind| self.vocabulary.get(single(kind)).letters;
        let [names, streets, places] = lists.map(length);
        let own = [Kind::NationalId, Kind::Phone, Kind::Email].map(letters);
        let day = digits(self.vocabulary.text(single(Kind::Day)));
        Record { start, names, streets, places, singles, own, day }
    }

    fn start(&self) -> u32 {
        u32::try_from(self.lists.len()).unwrap_or(u32::MAX)
    }

    /// Adds a record, at a number that is free or the next one.
    pub(super) fn put<'t>(
        &mut self,
        number: u32,
        roles: &Roles,
        text: impl Fn(usize) -> Option<Cow<'t, str>>,
    ) {
        let record = Draft::default().read(self, roles, text);
        match self.records.get_mut(number as usize) {
            Some(free) => *free = record,
            None => self.records.push(record),
        }
    }

    /// Takes a record out; its number is free.
    pub(super) fn take(&mut self, number: u32) {
        let record = self.record(number);
        let words: Vec<Word> = self.words(number).collect();
        words.into_iter().for_each(|word| self.vocabulary.unsay(word));
        if let Some(place) = self.records.get_mut(number as usize) {
            *place = Record::default();
        }
        self.wasted += record.length();
        if self.wasted > WASTE_MIN && self.wasted * 2 > self.lists.len() {
            let mut lists = Vec::with_capacity(self.lists.len() - self.wasted);
            for record in &mut self.records {
                let from = record.start as usize;
                record.start = u32::try_from(lists.len()).unwrap_or(u32::MAX);
                let words = self.lists.get(from..from + record.length());
                lists.extend_from_slice(words.unwrap_or_default());
            }
            self.lists = lists;
            self.wasted = 0;
        }
    }

    /// How many records there are, with those that were taken out.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX)
    }

    /// A record by its number; one that says nothing, if there is none.
    pub(super) fn record(&self, number: u32) -> Record {
        self.records.get(number as usize).copied().unwrap_or_default()
    }

    /// Looks at records that will be compared one after another, so that they are fetched from memory together.
    pub(super) fn fetch(&self, numbers: &[u32]) {
        let fetched = numbers.iter().fold(0, |fetched, number| {
            let record = self.records.get(*number as usize);
            let start = record.map_or(0, |record| record.start as usize);
            fetched
                ^ self.lists.get(start).copied().unwrap_or(0)
                ^ record.map_or(0, |record| record.day)
        });
        std::hint::black_box(fetched);
    }

    /// The words of a record's name.
    pub(super) fn names(&self, record: &Record) -> &[Word] {
        self.list(record, 0, record.names)
    }

    /// The words of a record's street.
    pub(super) fn streets(&self, record: &Record) -> &[Word] {
        self.list(record, record.names, record.streets)
    }

    /// The words of a record's suburb and city.
    pub(super) fn places(&self, record: &Record) -> &[Word] {
        self.list(record, record.names + record.streets, record.places)
    }

    /// All words and values of a record.
    pub(super) fn words(&self, number: u32) -> impl Iterator<Item = Word> {
        let record = self.record(number);
        let from = record.start as usize;
        let words = self.lists.get(from..from + record.length()).unwrap_or_default();
        words.iter().copied().chain(record.singles)
    }

    /// Whether a record says anything that is compared.
    pub(super) fn says(&self, number: u32) -> bool {
        self.words(number).any(|word| word != NONE)
    }

    fn list(&self, record: &Record, skip: u8, length: u8) -> &[Word] {
        let from = record.start as usize + usize::from(skip);
        self.lists.get(from..from + usize::from(length)).unwrap_or_default()
    }

    /// A digest of all that a record says.
    pub(super) fn digest(&self, number: u32) -> u64 {
        let state = self.record(number).length() as u64;
        self.words(number)
            .fold(state, |state, word| mix(state.rotate_left(7) ^ self.vocabulary.get(word).digest))
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.vocabulary.bytes()
            + self.records.capacity() * size_of::<Record>()
            + self.lists.capacity() * size_of::<Word>()
    }
}

/// A day as eight decimal digits of four bits; 0 if it is none.
fn digits(text: &[u8]) -> u32 {
    if text.len() != 8 || !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    text.iter().fold(0, |all, digit| (all << 4) | u32::from(digit - b'0'))
}
