//! A row becomes a record: its texts are read by the roles of their columns.

use super::address::{self, Line};
use super::people::{LISTS, People, Record, SINGLES, WORDS_MAX};
use super::place;
use super::role::{Role, Roles};
use super::text::simplify;
use super::value::{self, DayOrder};
use super::vocabulary::{Kind, NONE, Saying, Word};
use std::borrow::Cow;

/// A record that is being read; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What the row says, in the order of the columns.
    said: Vec<Saying>,
    texts: String,
    /// The values that are said already, a bit for each kind.
    values: u32,
    lists: [Vec<Word>; LISTS],
    whole: String,
    simple: String,
    joined: String,
    reader: address::Reader,
    line: Line,
}

impl Draft {
    /// Reads a row.
    pub(super) fn read<'t>(
        &mut self,
        people: &mut People,
        roles: &Roles,
        text: impl Fn(usize) -> Option<Cow<'t, str>>,
    ) -> Record {
        self.said.clear();
        self.texts.clear();
        self.whole.clear();
        self.values = 0;
        let mut number_in_line = String::new();
        for (column, role) in roles.iter().enumerate().filter(|(_, role)| role.is_compared()) {
            if let Some(text) = text(column) {
                self.add(roles.day_order(column), role, &text);
                if role == Role::Street && number_in_line.is_empty() {
                    std::mem::swap(&mut number_in_line, &mut self.line.number);
                }
            }
        }
        self.value(Kind::Number, &number_in_line);
        let whole = std::mem::take(&mut self.whole);
        self.value(Kind::WholeStreet, &whole);
        self.whole = whole;
        self.record(people)
    }

    /// Says all words, and makes a record of them.
    fn record(&mut self, people: &mut People) -> Record {
        self.lists.iter_mut().for_each(Vec::clear);
        let mut singles = [NONE; SINGLES];
        let words = &mut people.vocabulary;
        words.fetch(&self.said);
        for saying in &self.said {
            let word = words.say(saying, &self.texts);
            if let Some(list) = self.lists.get_mut(saying.kind as usize) {
                // A list has each word once, and is as long as a record can hold.
                if list.contains(&word) || list.len() == WORDS_MAX {
                    words.unsay(word);
                } else {
                    list.push(word);
                }
            } else if let Some(single) = singles.get_mut((saying.kind as usize).wrapping_sub(LISTS))
            {
                *single = word;
            }
        }
        let [names, streets, places] = &self.lists;
        people.record_of([names, streets, places], singles)
    }

    fn say(&mut self, kind: Kind, text: &str) {
        let from = self.texts.len();
        self.texts.push_str(text);
        self.said.push(Saying::of(kind, text, from));
    }

    /// Says a value; of a kind the first one counts.
    fn value(&mut self, kind: Kind, text: &str) {
        let bit = 1 << kind as u32;
        if !text.is_empty() && self.values & bit == 0 {
            self.values |= bit;
            self.say(kind, text);
        }
    }

    fn add(&mut self, order: DayOrder, role: Role, text: &str) {
        match role {
            Role::Email => return self.value(Kind::Email, &value::email(text).unwrap_or_default()),
            Role::Phone => return self.value(Kind::Phone, &value::phone(text).unwrap_or_default()),
            Role::BirthDate => {
                return self.value(Kind::Day, &value::day(text, order).unwrap_or_default());
            }
            Role::Street => return self.add_line(text),
            _ => {}
        }
        let mut simple = std::mem::take(&mut self.simple);
        simplify(text, &mut simple);
        if !simple.is_empty() {
            self.add_simple(role, &simple);
        }
        self.simple = simple;
    }

    fn add_simple(&mut self, role: Role, simple: &str) {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.extend(simple.split(' '));
        match role {
            Role::GivenName | Role::Surname | Role::FullName => {
                name_words(simple).for_each(|word| self.say(Kind::Name, word));
            }
            Role::Suburb | Role::City => {
                place::place_words(simple).for_each(|word| self.say(Kind::Place, word));
            }
            Role::StreetNumber => self.add_number(simple, &joined),
            Role::Postcode => self.value(Kind::Postcode, place::postcode(&joined)),
            Role::State => self.value(Kind::State, place::state(&joined)),
            Role::NationalId => self.value(Kind::NationalId, &joined),
            Role::Gender => self.value(Kind::Gender, value::gender(simple)),
            Role::Occupation => self.value(Kind::Occupation, simple),
            _ => {}
        }
        self.joined = joined;
    }

    /// The number of a house in the form that a line of an address gives it.
    fn add_number(&mut self, simple: &str, joined: &str) {
        let mut line = std::mem::take(&mut self.line);
        let found = if self.reader.number(simple, &mut line) { &line.number } else { joined };
        self.value(Kind::Number, found);
        self.line = line;
    }

    fn add_line(&mut self, text: &str) {
        let mut line = std::mem::take(&mut self.line);
        self.reader.line(text, &mut line);
        line.words().for_each(|word| self.say(Kind::Street, word));
        self.whole.push_str(&line.words);
        self.line = line;
    }
}

/// The words of a name without forms of address, if anything else is there.
fn name_words(simple: &str) -> impl Iterator<Item = &str> {
    let title = |word: &str| {
        matches!(
            word,
            "mr" | "mrs"
                | "ms"
                | "miss"
                | "mme"
                | "mlle"
                | "monsieur"
                | "madame"
                | "mademoiselle"
                | "prof"
        )
    };
    let only = simple.split(' ').all(title);
    simple.split(' ').filter(move |word| only || !title(word))
}
