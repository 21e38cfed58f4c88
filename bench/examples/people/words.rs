//! Names of persons, streets and towns, built of syllables.

use super::chance::Chance;
use std::collections::HashSet;

/// The lists that names are drawn from, the most frequent ones first.
pub struct Words {
    pub male: Vec<String>,
    pub female: Vec<String>,
    pub surnames: Vec<String>,
    pub streets: Vec<String>,
    pub towns: Vec<String>,
}

const BEGIN: [&str; 24] = [
    "b", "br", "c", "cl", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "r",
    "s", "st", "t", "tr", "v", "w",
];
const MIDDLE: [&str; 14] =
    ["a", "e", "i", "o", "u", "ar", "en", "or", "al", "in", "ou", "ei", "é", "an"];

fn build(chance: &mut Chance, count: usize, syllables: (i64, i64), ends: &[&str]) -> Vec<String> {
    let mut known = HashSet::new();
    let mut list = Vec::new();
    while list.len() < count {
        let mut word = String::new();
        for _ in 0..chance.between(syllables.0, syllables.1) {
            word.push_str(chance.pick(&BEGIN));
            word.push_str(chance.pick(&MIDDLE));
        }
        word.push_str(chance.pick(ends));
        let word = capital(&word);
        if known.insert(word.clone()) {
            list.push(word);
        }
    }
    list
}

/// A word with a capital letter first.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text as it stands in an e-mail address.
pub fn plain(text: &str) -> String {
    text.to_lowercase().replace('é', "e").replace([' ', '\''], "")
}

impl Words {
    /// Lists for so many people: there are more towns for more of them, and about as many names.
    pub fn build(chance: &mut Chance, people: usize) -> Words {
        Words {
            male: build(chance, 400, (1, 2), &["n", "s", "rd", "do", "x", ""]),
            female: build(chance, 400, (1, 2), &["a", "ie", "ne", "lla", "ra"]),
            surnames: build(chance, 6_000, (1, 3), &["t", "son", "ier", "field", "mann", "ez", ""]),
            streets: build(chance, 3_000, (1, 3), &["wood", "mont", "brook", "val", "ne", "r"]),
            towns: build(chance, (people / 2_000).max(8), (1, 2), &["ville", "ton", "ham", "bury"]),
        }
    }
}
