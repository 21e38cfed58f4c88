//! What two records have in common: for each comparison a level, from equal to different.
//!
//! *Invariants:* what two records show depends on what they say alone: not on which is first, nor on the numbers of
//! their words.

use super::comparison::Comparison;
use super::distance::{changes, jaro_winkler};
use super::people::{People, Record, WORDS_MAX};
use super::vocabulary::{Kind, NONE, Word};

/// The likeness of Jaro and Winkler from which words that sound alike are.
const ALIKE: f32 = 0.78;

/// The level of words that have nothing in common.
const DIFFERENT: u8 = 5;

/// The logarithm of the likeliest chance agreement: beyond it a value says nothing, but never the contrary.
pub(super) const CHANCE_MAX: f32 = -0.105_360_5;

/// What one comparison of two records shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub comparison: Comparison,
    pub level: u8,
    /// The logarithm of how likely two records of different persons agree on this very value; zero where the level
    /// tells it.
    pub chance: f32,
}

/// A step of comparing: cheap ones first, so that hopeless pairs are left early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Whole,
    Place,
    Name,
    Street,
}

/// All steps, in order.
pub(super) const STEPS: [Step; 4] = [Step::Whole, Step::Place, Step::Name, Step::Street];

/// Pairs of words that are remembered, where many pairs of records are compared and where few are: powers of two.
pub(super) const KNOWN_MANY: usize = 1 << 15;
pub(super) const KNOWN_FEW: usize = 1 << 6;

/// The bytes of the letter that a word begins with.
fn first_letter(word: &[u8]) -> &[u8] {
    let end = word.iter().skip(1).position(|byte| (byte & 0xc0) != 0x80);
    word.get(..end.map_or(word.len(), |end| end + 1)).unwrap_or(word)
}

/// Compares records, and remembers what it learnt of pairs of words.
#[derive(Debug)]
pub(super) struct Comparer<'p> {
    people: &'p People,
    /// Pairs of words with their level, each in the place that its numbers tell.
    known: Vec<(u64, u8)>,
    found: Vec<(u8, f32)>,
}

impl<'p> Comparer<'p> {
    /// Compares records, and remembers so many pairs of words: a power of two.
    pub(super) fn new(people: &'p People, known: usize) -> Comparer<'p> {
        Comparer { people, known: vec![(0, 0); known], found: Vec::with_capacity(WORDS_MAX) }
    }

    /// Everything that two records show, into `seen`; what either does not tell shows nothing.
    pub(super) fn compare(&mut self, left: u32, right: u32, seen: &mut Vec<Seen>) {
        let (left, right) = (self.people.record(left), self.people.record(right));
        for step in STEPS {
            self.step(step, &left, &right, |one| seen.push(one));
        }
    }

    /// What one step of comparing two records shows.
    pub(super) fn step(
        &mut self,
        step: Step,
        left: &Record,
        right: &Record,
        mut see: impl FnMut(Seen),
    ) {
        match step {
            Step::Whole => self.wholes(left, right, &mut see),
            Step::Place => self.places(left, right, &mut see),
            Step::Name => self.names(left, right, &mut see),
            Step::Street => self.streets(left, right, &mut see),
        }
    }

    fn log_share(&self, word: Word) -> f32 {
        self.people.vocabulary.get(word).log_share
    }

    /// How alike two words are: equal, one change, nearly alike, a short form, an initial, different.
    fn likeness(&mut self, left: Word, right: Word) -> u8 {
        if left == right {
            return 0;
        }
        if self.hopeless(left, right) {
            return DIFFERENT;
        }
        let pair = (u64::from(left.min(right)) << 32) | u64::from(left.max(right));
        let place =
            (pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize & (self.known.len() - 1);
        if let Some((known, level)) = self.known.get(place)
            && *known == pair
        {
            return *level;
        }
        let level = self.likeness_of(left, right);
        if let Some(known) = self.known.get_mut(place) {
            *known = (pair, level);
        }
        level
    }

    /// Whether two words are different for sure, by what is quick to see: what they begin with, how long they are, and
    /// which letters they have.
    fn hopeless(&self, left: Word, right: Word) -> bool {
        let words = &self.people.vocabulary;
        let (one, other) = (words.get(left), words.get(right));
        let apart = (one.letters ^ other.letters).count_ones();
        if one.first == other.first || apart <= 4 {
            return false;
        }
        let alone = |one: u32, other: u32, length: u16| {
            u32::from(length).saturating_sub((one & !other).count_ones()) as f32
        };
        let common = alone(one.letters, other.letters, one.length);
        let common = common.min(alone(other.letters, one.letters, other.length));
        let (length, other_length) = (f32::from(one.length), f32::from(other.length));
        // The likeness of Jaro with all common letters in order: bytes are at least as many as letters.
        common * (length + other_length) < (3.0 * ALIKE - 1.0) * length * other_length
    }

    fn likeness_of(&self, left: Word, right: Word) -> u8 {
        let words = &self.people.vocabulary;
        // In the order of their texts, so that it does not matter which is left.
        let (left, right) =
            if words.text(left) <= words.text(right) { (left, right) } else { (right, left) };
        let (one, other) = (words.get(left), words.get(right));
        let (first, second) = (words.text(left), words.text(right));
        let letters = |text: &[u8]| text.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
        let short = letters(first).min(letters(second));
        if short == 1 && first_letter(first) == first_letter(second) {
            return 4;
        }
        // Each change alters two classes of letters at most.
        let apart = (one.letters ^ other.letters).count_ones();
        if one.number || other.number {
            let near = short >= 3 && apart <= 2 && changes(first, second, 1) == 1;
            return if near { 2 } else { DIFFERENT };
        }
        let changes = if apart <= 4 { changes(first, second, 2) } else { 3 };
        match (changes, short) {
            (1, 4..) => return 1,
            (_, 3..) if second.starts_with(first) => return 3,
            (1, 3) | (2, 6..) => return 2,
            _ => {}
        }
        match jaro_winkler(first, second) {
            0.9.. => 2,
            ALIKE.. if one.sound == other.sound => 3,
            _ => DIFFERENT,
        }
    }

    /// Two lists of words, the shorter first; of lists of one length the one whose digests are less.
    fn ordered<'w>(&self, left: &'w [Word], right: &'w [Word]) -> (&'w [Word], &'w [Word]) {
        let digests =
            |list: &'w [Word]| list.iter().map(|word| self.people.vocabulary.get(*word).digest);
        let turned = match left.len().cmp(&right.len()) {
            std::cmp::Ordering::Equal => left != right && digests(left).gt(digests(right)),
            order => order.is_gt(),
        };
        if turned { (right, left) } else { (left, right) }
    }

    /// For each word of the shorter list the level of the word of the other that it agrees with best, into `found`;
    /// equal words first.
    fn align(&mut self, short: &[Word], long: &[Word]) {
        self.found.clear();
        let mut free = [NONE; WORDS_MAX];
        let mut free_count = 0;
        for (place, word) in free.iter_mut().zip(long) {
            *place = *word;
            free_count += 1;
        }
        let mut rest = [NONE; WORDS_MAX];
        let mut rest_count = 0;
        // Each word of the longer list is a chance to agree with one of the shorter.
        let chances = (long.len() as f32).ln();
        for word in short {
            let free = free.get_mut(..free_count).unwrap_or_default();
            match free.iter().position(|other| other == word) {
                Some(place) => {
                    free.copy_within(place + 1.., place);
                    free_count -= 1;
                    self.found.push((0, (self.log_share(*word) + chances).min(CHANCE_MAX)));
                }
                None => {
                    if let Some(place) = rest.get_mut(rest_count) {
                        *place = *word;
                        rest_count += 1;
                    }
                }
            }
        }
        for word in rest.iter().take(rest_count) {
            let free = free.get_mut(..free_count).unwrap_or_default();
            let mut best = (DIFFERENT, None);
            for (place, other) in free.iter().enumerate() {
                let level = self.likeness(*word, *other);
                if level < best.0 {
                    best = (level, Some(place));
                }
            }
            if let Some(place) = best.1 {
                free.copy_within(place + 1.., place);
                free_count -= 1;
            }
            self.found.push((best.0, 0.0));
        }
    }

    fn names(&mut self, left: &Record, right: &Record, see: &mut impl FnMut(Seen)) {
        let (short, long) = self.ordered(self.people.names(left), self.people.names(right));
        if short.is_empty() {
            return;
        }
        self.align(short, long);
        self.found.sort_unstable_by(|(a, p), (b, q)| a.cmp(b).then(p.total_cmp(q)));
        for (index, (level, chance)) in self.found.iter().copied().enumerate() {
            let comparison = if index == 0 { Comparison::Name } else { Comparison::OtherName };
            see(Seen { comparison, level, chance });
        }
    }

    /// The streets as one: words of one street stand together, so that each of them tells little more than the first.
    fn streets(&mut self, left: &Record, right: &Record, see: &mut impl FnMut(Seen)) {
        let (short, long) = self.ordered(self.people.streets(left), self.people.streets(right));
        if short.is_empty() {
            return;
        }
        self.align(short, long);
        let rarity = |word: &Word| -self.log_share(*word);
        let total: f32 = short.iter().map(rarity).sum();
        let equal = short.iter().filter(|word| long.contains(word));
        let (total, equal) = if total > 0.0 {
            (total, equal.map(rarity).sum())
        } else {
            // Words that everybody says, or of which the model knows nothing, are as rare as one another.
            (short.len() as f32, equal.count() as f32)
        };
        let near = self.found.iter().filter(|(level, _)| *level <= 2).count();
        let mut chance = 0.0;
        let level = if equal >= total * 0.999 {
            let whole = |record: &Record| self.log_share(record.single(Kind::WholeStreet));
            let apart: f32 = self.found.iter().map(|(_, chance)| *chance).sum();
            chance = apart.max(whole(left)).max(whole(right)).min(CHANCE_MAX);
            0
        } else if near == self.found.len() {
            1
        } else if equal >= total * 0.5 {
            2
        } else if near > 0 && equal >= total * 0.25 {
            3
        } else if near > 0 {
            4
        } else {
            5
        };
        see(Seen { comparison: Comparison::Street, level, chance });
    }

    /// Postcode and place as one, since the first tells the second.
    fn places(&mut self, left: &Record, right: &Record, see: &mut impl FnMut(Seen)) {
        let (short, long) = self.ordered(self.people.places(left), self.people.places(right));
        let place = self.place_level(short, long);
        let postcodes = (left.single(Kind::Postcode), right.single(Kind::Postcode));
        let postcode = self.postcode_level(postcodes);
        let rarest = || short.iter().map(|word| self.log_share(*word)).fold(CHANCE_MAX, f32::min);
        let (level, chance) = match (postcode, place) {
            (None, None) => return,
            (Some(0), _) => (0, self.log_share(postcodes.0).min(CHANCE_MAX)),
            (Some(1), None | Some(0..=2)) => (1, 0.0),
            (Some(2), Some(0..=2)) => (2, 0.0),
            (None, Some(0)) => (3, rarest()),
            (_, Some(0)) => (4, rarest()),
            (_, Some(1 | 2)) => (5, 0.0),
            (Some(1 | 2), _) => (6, 0.0),
            _ => (7, 0.0),
        };
        see(Seen { comparison: Comparison::Place, level, chance });
    }

    /// Equal, all words alike, some alike, none.
    fn place_level(&mut self, short: &[Word], long: &[Word]) -> Option<u8> {
        if short.is_empty() {
            return None;
        }
        if short == long {
            return Some(0);
        }
        let mut alike = 0;
        for word in short {
            alike += usize::from(long.iter().any(|other| self.likeness(*word, *other) <= 2));
        }
        Some(match alike {
            0 => 3,
            alike if alike == short.len() => 1,
            _ => 2,
        })
    }

    /// Equal, one change, the same district, two changes, different.
    fn postcode_level(&self, (left, right): (Word, Word)) -> Option<u8> {
        if left == NONE || right == NONE {
            return None;
        }
        if left == right {
            return Some(0);
        }
        let words = &self.people.vocabulary;
        let (first, second) = (words.text(left), words.text(right));
        // The last three signs of a British postcode are the street; in shorter ones they are the town.
        let district =
            |text: &'p [u8]| text.get(..text.len().checked_sub(3).filter(|end| *end > 1)?);
        let same_district = district(first).is_some() && district(first) == district(second);
        Some(match self.changes(left, right) {
            0 => 0,
            1 => 1,
            _ if same_district => 2,
            2 => 3,
            _ => 4,
        })
    }

    /// Changes between two words, three if there are more than two.
    fn changes(&self, left: Word, right: Word) -> usize {
        let words = &self.people.vocabulary;
        let apart = (words.get(left).letters ^ words.get(right).letters).count_ones();
        if apart > 4 { 3 } else { changes(words.text(left), words.text(right), 2) }
    }

    /// Values that are compared whole.
    fn wholes(&self, left: &Record, right: &Record, see: &mut impl FnMut(Seen)) {
        let exact = [
            (Comparison::BirthDate, Kind::Day),
            (Comparison::NationalId, Kind::NationalId),
            (Comparison::StreetNumber, Kind::Number),
            (Comparison::Phone, Kind::Phone),
            (Comparison::Email, Kind::Email),
            (Comparison::Gender, Kind::Gender),
            (Comparison::State, Kind::State),
            (Comparison::Occupation, Kind::Occupation),
        ];
        for (comparison, kind) in exact {
            let (one, other) = (left.single(kind), right.single(kind));
            if one == NONE || other == NONE {
                continue;
            }
            if one == other {
                let chance = self.log_share(one).min(CHANCE_MAX);
                see(Seen { comparison, level: 0, chance });
                continue;
            }
            let words = &self.people.vocabulary;
            let texts = || (words.text(one), words.text(other));
            let own = left.letters(kind).zip(right.letters(kind));
            let level = match comparison {
                Comparison::BirthDate if left.day != 0 && right.day != 0 => {
                    day_level(left.day, right.day)
                }
                Comparison::NationalId | Comparison::Phone
                    if own.is_some_and(|(one, other)| (one ^ other).count_ones() > 4) =>
                {
                    3
                }
                Comparison::Gender | Comparison::State | Comparison::Occupation => 1,
                Comparison::BirthDate => {
                    if self.changes(one, other) == 1 {
                        1
                    } else {
                        6
                    }
                }
                Comparison::Email if same_person(texts()) => 1,
                // Two changes in a long number of a person are errors; telephones of one house are as near.
                _ => match (self.changes(one, other), comparison) {
                    (1, _) => 1,
                    (2, Comparison::NationalId | Comparison::Email) => 2,
                    _ => 3,
                },
            };
            see(Seen { comparison, level, chance: 0.0 });
        }
    }
}

/// Whether two addresses have the same part before the sign, at different hosts.
fn same_person((left, right): (&[u8], &[u8])) -> bool {
    let local = |address: &[u8]| address.iter().position(|byte| *byte == b'@').unwrap_or(0);
    let end = local(left);
    end > 5 && end == local(right) && left.get(..end) == right.get(..end)
}

/// One change, day and month changed places, two of three parts equal, the year equal, two changes, different: of two
/// days whose digits have four bits each.
fn day_level(left: u32, right: u32) -> u8 {
    let parts = |day: u32| (day >> 16, (day >> 8) & 0xff, day & 0xff);
    let ((year, month, day), (other_year, other_month, other_day)) = (parts(left), parts(right));
    let equal = [year == other_year, month == other_month, day == other_day];
    let swapped = year == other_year && month == other_day && day == other_month;
    let letters = |day: u32| -> [u8; 8] {
        let mut digits = [0; 8];
        (0..)
            .step_by(4)
            .zip(&mut digits)
            .for_each(|(bits, digit)| *digit = (day >> bits) as u8 & 0xf);
        digits
    };
    let changes = changes(&letters(left), &letters(right), 2);
    match changes {
        1 => 1,
        _ if swapped => 2,
        _ if equal.iter().filter(|equal| **equal).count() == 2 => 3,
        _ if year == other_year => 4,
        2 => 5,
        _ => 6,
    }
}
