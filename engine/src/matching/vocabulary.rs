//! Words and values as numbers: each text of each kind once, with how often it is said and how it sounds.
//!
//! *Invariants:* what is told of a word (digest, sound, letters) depends on its text and kind alone, never on its
//! number; a word that nobody says any more is forgotten, its text overwritten.

use super::address::is_common;
use super::text::{digest, sound};

/// A word or value: its number, which means nothing outside this vocabulary. 0 is none.
pub(super) type Word = u32;

/// No word.
pub(super) const NONE: Word = 0;

/// A slot without a word.
const FREE: (u32, Word) = (0, NONE);

/// The kinds of words, which are counted apart: the same letters are as rare as they are in their own field. Their
/// order is part of the digests in saved models. Three kinds come in lists; of the others a record has one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Name,
    Street,
    Place,
    Occupation,
    Day,
    Number,
    Postcode,
    State,
    NationalId,
    Phone,
    Email,
    Gender,
    WholeStreet,
}

/// All kinds, with the words that name them in a saved model.
pub(super) const KINDS: [(Kind, &str); 13] = [
    (Kind::Name, "name"),
    (Kind::Street, "street"),
    (Kind::Place, "place"),
    (Kind::Occupation, "occupation"),
    (Kind::Day, "birth_date"),
    (Kind::Number, "street_number"),
    (Kind::Postcode, "postcode"),
    (Kind::State, "state"),
    (Kind::NationalId, "national_id"),
    (Kind::Phone, "phone"),
    (Kind::Email, "email"),
    (Kind::Gender, "gender"),
    (Kind::WholeStreet, "whole_street"),
];

/// A word that is about to be said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saying {
    pub kind: Kind,
    from: usize,
    to: usize,
    digest: u64,
}

impl Saying {
    /// A word that stands from a place on in a text.
    pub(super) fn of(kind: Kind, text: &str, from: usize) -> Saying {
        let bytes = text.as_bytes();
        let bytes = bytes.get(..TEXT_MAX).unwrap_or(bytes);
        Saying { kind, from, to: from + bytes.len(), digest: digest(kind as u64, bytes) }
    }
}

/// What is known of a word.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// A digest of kind and text.
    pub digest: u64,
    start: u32,
    pub length: u16,
    pub kind: Kind,
    /// Whether the word is made of digits alone.
    pub number: bool,
    /// Whether it is a kind of street, or a number in one: too common to look for.
    pub common: bool,
    /// Its first byte.
    pub first: u8,
    /// How it sounds.
    pub sound: u32,
    /// Which letters it has, 32 classes of them.
    pub letters: u32,
    /// How many records say it.
    pub count: u32,
    /// The logarithm of the share of records that are taken to say it, by the model in use; positive before it is
    /// rated.
    pub log_share: f32,
}

impl Entry {
    /// What a text tells of itself; it is rated by nobody, and stands nowhere yet.
    fn of(kind: Kind, bytes: &[u8], digest: u64) -> Entry {
        let classes = |text: &str| text.chars().fold(0, |all, letter| all | 1 << class(letter));
        Entry {
            digest,
            start: 0,
            length: u16::try_from(bytes.len()).unwrap_or(u16::MAX),
            kind,
            number: bytes.iter().all(u8::is_ascii_digit),
            common: kind == Kind::Street && is_common(bytes),
            first: bytes.first().copied().unwrap_or(0),
            sound: u32::from_le_bytes(sound(bytes)),
            letters: classes(&String::from_utf8_lossy(bytes)),
            count: 0,
            log_share: 1.0,
        }
    }
}

/// All words: of up to four gigabytes of text, each text counted once.
#[derive(Debug, Clone)]
pub(super) struct Vocabulary {
    entries: Vec<Entry>,
    texts: Vec<u8>,
    /// Open addressing over the digests, whose upper halves stand beside the words; its length is a power of two.
    slots: Vec<(u32, Word)>,
    free: Vec<Word>,
    /// Bytes of `texts` that nobody says any more.
    wasted: usize,
}

/// The longest text of a word, in bytes; of longer ones this much is compared.
const TEXT_MAX: usize = 256;
/// Wasted bytes below which texts are not moved together.
const WASTE_MIN: usize = 1 << 16;

impl Vocabulary {
    /// An empty vocabulary with room for about so many words.
    pub(super) fn with_room(words: usize) -> Vocabulary {
        let mut vocabulary = Vocabulary::new();
        vocabulary.slots = vec![FREE; (words * 2).next_power_of_two().max(64)];
        vocabulary
    }

    pub(super) fn new() -> Vocabulary {
        let (entries, slots) = (vec![NOTHING.clone()], vec![FREE; 64]);
        Vocabulary { entries, texts: Vec::new(), slots, free: Vec::new(), wasted: 0 }
    }

    /// Looks at words that will be said one after another, so that they are fetched from memory together.
    pub(super) fn fetch(&self, said: &[Saying]) {
        let slots = said.iter().map(|saying| self.slots.get(self.slot(saying.digest)));
        let fetched = slots.fold(0, |fetched, slot| fetched ^ slot.map_or(0, |slot| slot.1));
        std::hint::black_box(fetched);
    }

    /// The number of a word that stands in `texts`, given one if it has none, and said once more.
    pub(super) fn say(&mut self, saying: &Saying, texts: &str) -> Word {
        let bytes = texts.as_bytes().get(saying.from..saying.to).unwrap_or_default();
        let Saying { kind, digest, .. } = *saying;
        self.say_entry((kind, digest, 1), bytes, || Entry::of(kind, bytes, digest))
    }

    /// Says a word some times; what is known of it beside its text is asked for only if it is new.
    fn say_entry(
        &mut self,
        (kind, digest, times): (Kind, u64, u32),
        bytes: &[u8],
        new: impl FnOnce() -> Entry,
    ) -> Word {
        let mut slot = self.slot(digest);
        let upper = (digest >> 32) as u32;
        while let Some((known, word)) = self.slots.get(slot).copied().filter(|slot| *slot != FREE) {
            if known == upper && self.is(word, kind, bytes) {
                if let Some(entry) = self.entries.get_mut(word as usize) {
                    entry.count += times;
                }
                return word;
            }
            slot = self.after(slot);
        }
        let word = self.enter(Entry { count: times, ..new() }, bytes);
        if let Some(place) = self.slots.get_mut(slot) {
            *place = (upper, word);
        }
        if self.entries.len() * 2 > self.slots.len() {
            self.spread();
        }
        word
    }

    fn is(&self, word: Word, kind: Kind, bytes: &[u8]) -> bool {
        self.get(word).kind == kind && self.text(word) == bytes
    }

    fn enter(&mut self, entry: Entry, bytes: &[u8]) -> Word {
        let start = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let entry = Entry { start, ..entry };
        self.texts.extend_from_slice(bytes);
        if let Some(word) = self.free.pop() {
            if let Some(old) = self.entries.get_mut(word as usize) {
                *old = entry;
            }
            return word;
        }
        self.entries.push(entry);
        u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
    }

    fn slot(&self, digest: u64) -> usize {
        (digest as usize) & (self.slots.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    fn spread(&mut self) {
        self.slots = vec![FREE; self.slots.len() * 2];
        for (word, entry) in (0..).zip(&self.entries).skip(1) {
            if entry.count == 0 {
                continue;
            }
            let mut slot = (entry.digest as usize) & (self.slots.len() - 1);
            while self.slots.get(slot).is_some_and(|slot| *slot != FREE) {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            if let Some(place) = self.slots.get_mut(slot) {
                *place = ((entry.digest >> 32) as u32, word);
            }
        }
    }

    /// Says a word one time less; one that nobody says is forgotten.
    pub(super) fn unsay(&mut self, word: Word) {
        let Some(entry) = self.entries.get_mut(word as usize).filter(|entry| entry.count > 0)
        else {
            return;
        };
        entry.count -= 1;
        if entry.count > 0 {
            return;
        }
        let (digest, start, length) =
            (entry.digest, entry.start as usize, usize::from(entry.length));
        if let Some(text) = self.texts.get_mut(start..start + length) {
            text.fill(0);
        }
        self.wasted += length;
        self.unslot(digest, word);
        self.free.push(word);
        if self.wasted > WASTE_MIN && self.wasted * 2 > self.texts.len() {
            self.move_together();
        }
    }

    /// Takes a word out of its slot, and moves back those that stand further on because of it.
    fn unslot(&mut self, digest: u64, word: Word) {
        let mut hole = self.slot(digest);
        while self.slots.get(hole).is_some_and(|slot| slot.1 != word && *slot != FREE) {
            hole = self.after(hole);
        }
        let mut slot = self.after(hole);
        while let Some(next) = self.slots.get(slot).copied().filter(|next| *next != FREE) {
            let home = self.slot(self.get(next.1).digest);
            let mask = self.slots.len() - 1;
            // A word may move back if its home is not after the hole.
            if (slot.wrapping_sub(home) & mask) >= (slot.wrapping_sub(hole) & mask) {
                if let Some(place) = self.slots.get_mut(hole) {
                    *place = next;
                }
                hole = slot;
            }
            slot = self.after(slot);
        }
        if let Some(place) = self.slots.get_mut(hole) {
            *place = FREE;
        }
    }

    fn move_together(&mut self) {
        let mut texts = Vec::with_capacity(self.texts.len() - self.wasted);
        for entry in self.entries.iter_mut().filter(|entry| entry.count > 0) {
            let from = entry.start as usize;
            let text = self.texts.get(from..from + usize::from(entry.length)).unwrap_or_default();
            entry.start = u32::try_from(texts.len()).unwrap_or(u32::MAX);
            texts.extend_from_slice(text);
        }
        self.texts = texts;
        self.wasted = 0;
    }

    /// Takes in the words of another vocabulary; gives the number that each of its words has here.
    pub(super) fn take_in(&mut self, other: &Vocabulary) -> Vec<Word> {
        let mut numbers = Vec::with_capacity(other.entries.len());
        numbers.push(NONE);
        let all: Vec<&Entry> = other.entries.iter().skip(1).collect();
        for some in all.chunks(64) {
            let slots = some.iter().map(|entry| self.slots.get(self.slot(entry.digest)));
            let fetched = slots.fold(0, |fetched, slot| fetched ^ slot.map_or(0, |slot| slot.1));
            std::hint::black_box(fetched);
            for entry in some {
                let word = u32::try_from(numbers.len()).unwrap_or(NONE);
                // What is known of the word there holds here, but where its text begins.
                let new = || Entry { log_share: 1.0, ..Entry::clone(entry) };
                let said = (entry.kind, entry.digest, entry.count);
                numbers.push(self.say_entry(said, other.text(word), new));
            }
        }
        numbers
    }

    /// What is known of a word.
    pub(super) fn get(&self, word: Word) -> &Entry {
        self.entries.get(word as usize).or(self.entries.first()).unwrap_or(&NOTHING)
    }

    /// The text of a word.
    pub(super) fn text(&self, word: Word) -> &[u8] {
        let entry = self.get(word);
        let from = entry.start as usize;
        self.texts.get(from..from + usize::from(entry.length)).unwrap_or_default()
    }

    /// Words that are said.
    pub(super) fn said(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(1).filter(|entry| entry.count > 0)
    }

    /// Gives each word the logarithm of its share.
    pub(super) fn set_log_shares(&mut self, log_share: impl Fn(&Entry) -> f32) {
        for entry in &mut self.entries {
            entry.log_share = log_share(entry);
        }
    }

    /// Gives one word the logarithm of its share.
    pub(super) fn set_log_share(&mut self, word: Word, log_share: f32) {
        if let Some(entry) = self.entries.get_mut(word as usize) {
            entry.log_share = log_share;
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.texts.capacity()
            + self.slots.capacity() * size_of::<(u32, Word)>()
            + self.free.capacity() * size_of::<Word>()
    }
}

static NOTHING: Entry = Entry {
    digest: 0,
    start: 0,
    length: 0,
    kind: Kind::Name,
    number: false,
    common: false,
    first: 0,
    sound: 0,
    letters: 0,
    count: 0,
    log_share: 1.0,
};

/// One of 32 classes of letters, rare ones together: a change of one letter changes two of them at most.
fn class(letter: char) -> u32 {
    match letter {
        'j' => class('y'),
        'q' => class('k'),
        'w' => class('v'),
        'x' => class('z'),
        'a'..='i' => u32::from(letter) - u32::from('a'),
        'k'..='p' => u32::from(letter) - u32::from('b'),
        'r'..='v' => u32::from(letter) - u32::from('c'),
        'y' | 'z' => u32::from(letter) - u32::from('e'),
        '0'..='9' => 22 + u32::from(letter) - u32::from('0'),
        other => u32::from(other) % 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Vocabulary {
        fn say_text(&mut self, kind: Kind, text: &str) -> Word {
            self.say(&Saying::of(kind, text, 0), text)
        }
    }

    #[test]
    fn words_have_numbers_by_text_and_kind() {
        let mut words = Vocabulary::new();
        let ann = words.say_text(Kind::Name, "ann");
        assert_eq!(words.say_text(Kind::Name, "ann"), ann);
        assert_ne!(words.say_text(Kind::Street, "ann"), ann);
        assert_eq!((words.get(ann).count, words.text(ann)), (2, b"ann".as_slice()));
    }

    #[test]
    fn letters_have_classes() {
        let classes: std::collections::BTreeSet<u32> =
            ('a'..='z').chain('0'..='9').map(class).collect();
        assert_eq!(classes.into_iter().collect::<Vec<_>>(), (0..32).collect::<Vec<_>>());
    }

    #[test]
    fn words_that_nobody_says_are_forgotten_and_their_texts_overwritten() {
        let mut words = Vocabulary::new();
        let texts: Vec<String> = (0..5_000).map(|number| format!("word{number}")).collect();
        let numbers: Vec<Word> =
            texts.iter().map(|text| words.say_text(Kind::Name, text)).collect();
        numbers.iter().step_by(2).for_each(|number| words.unsay(*number));
        assert!(!words.texts.windows(8).any(|part| part == b"word4998"));
        for (text, number) in texts.iter().zip(&numbers).skip(1).step_by(2) {
            assert_eq!(words.say_text(Kind::Name, text), *number);
            assert_eq!(words.text(*number), text.as_bytes());
        }
        assert_eq!(words.said().count(), 2_500);
        for text in texts.iter().step_by(2) {
            let number = words.say_text(Kind::Name, text);
            assert_eq!((words.get(number).count, words.text(number)), (1, text.as_bytes()));
        }
        assert_eq!(words.entries.len(), 5_001);
    }

    #[test]
    fn texts_move_together_when_half_of_them_is_waste() {
        let mut words = Vocabulary::new();
        let long = "x".repeat(200);
        let numbers: Vec<Word> = (0..1_000)
            .map(|number| words.say_text(Kind::Street, &format!("{long}{number}")))
            .collect();
        numbers.iter().skip(1).for_each(|number| words.unsay(*number));
        assert!(words.texts.len() < 110_000, "{}", words.texts.len());
        assert_eq!(words.text(numbers[0]), format!("{long}0").as_bytes());
    }

    #[test]
    fn another_vocabulary_is_taken_in() {
        let (mut one, mut other) = (Vocabulary::new(), Vocabulary::new());
        one.say_text(Kind::Name, "ann");
        let (bob, ann) = (other.say_text(Kind::Name, "bob"), other.say_text(Kind::Name, "ann"));
        let numbers = one.take_in(&other);
        assert_eq!(one.text(numbers[bob as usize]), b"bob");
        assert_eq!(one.get(numbers[ann as usize]).count, 2);
    }
}
