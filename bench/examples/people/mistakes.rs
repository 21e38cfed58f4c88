//! How the same is written otherwise: addresses, short names, slips of the keyboard.

use super::chance::Chance;
use super::words::Words;

/// Where a household lives.
#[derive(Clone, Default)]
pub struct Address {
    number: i64,
    flat: i64,
    /// The kind of street in full and short: before its name, as in French, or behind it.
    kind: (&'static str, &'static str),
    before: bool,
    name: String,
    pub postcode: String,
    pub town: String,
}

const ENGLISH: [(&str, &str); 6] = [
    ("Street", "St"),
    ("Road", "Rd"),
    ("Avenue", "Ave"),
    ("Lane", "Ln"),
    ("Close", "Cl"),
    ("Drive", "Dr"),
];
const FRENCH: [(&str, &str); 6] = [
    ("rue de la", "R. de la"),
    ("rue du", "r du"),
    ("avenue de", "av. de"),
    ("boulevard des", "Bd des"),
    ("place du", "Pl. du"),
    ("chemin de", "ch. de"),
];

impl Address {
    pub fn of(chance: &mut Chance, words: &Words) -> Address {
        let before = chance.often(0.4);
        let town = chance.ranked(words.towns.len(), 20.0);
        let district = chance.below(4);
        // A town has streets of its own, and some that every town has.
        let street = if chance.often(0.3) {
            chance.below(40)
        } else {
            (town * 131 + chance.below(150)) % words.streets.len().max(1)
        };
        Address {
            number: chance.between(1, 180),
            flat: if chance.often(0.25) { chance.between(1, 24) } else { 0 },
            kind: chance.pick(if before { &FRENCH } else { &ENGLISH }),
            before,
            name: words.streets.get(street).cloned().unwrap_or_default(),
            postcode: format!("{:05}", 10_000 + (town * 7_919 + district) % 90_000),
            town: words.towns.get(town).cloned().unwrap_or_default(),
        }
    }

    pub fn written(&self) -> String {
        let street = self.street(self.kind.0);
        match self.flat {
            0 => format!("{} {street}", self.number),
            flat => format!("Flat {flat} {} {street}", self.number),
        }
    }

    fn street(&self, kind: &str) -> String {
        match self.before {
            true => format!("{kind} {}", self.name),
            false => format!("{} {kind}", self.name),
        }
    }

    /// The same address as somebody else writes it.
    pub fn otherwise(&self, chance: &mut Chance) -> String {
        let short = self.street(self.kind.1);
        let written = match (self.flat, chance.below(4)) {
            (0, 0..2) => format!("{} {short}", self.number),
            (0, 2) => format!("{short} {}", self.number),
            (0, _) => format!("{}  {}", self.number, self.street(self.kind.0).replace(' ', "-")),
            (flat, 0..2) => format!("{flat}/{} {short}", self.number),
            (flat, 2) => format!("{} {short} Apt {flat}", self.number),
            (_, _) => format!("{} {short}", self.number),
        };
        match chance.below(4) {
            0 => written.to_uppercase(),
            1 => written.to_lowercase(),
            _ => written,
        }
    }
}

/// A slip of the keyboard: a letter replaced, left out, doubled, or two that changed places.
pub fn slip(chance: &mut Chance, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() < 3 {
        return text.to_owned();
    }
    let place = chance.below(letters.len());
    let letter = letters.get(place).copied().unwrap_or_default();
    let other = match letter.is_ascii_digit() {
        true => char::from(b'0' + chance.below(10) as u8),
        false => char::from(b'a' + chance.below(26) as u8),
    };
    match chance.below(4) {
        0 => {
            letters.remove(place);
        }
        1 => letters.insert(place, letter),
        2 if place > 0 => letters.swap(place - 1, place),
        _ => {
            if let Some(letter) = letters.get_mut(place) {
                *letter = other;
            }
        }
    }
    letters.into_iter().collect()
}

/// What somebody is called by those who know them: the beginning of the name, mostly.
pub fn short_name(chance: &mut Chance, given: &str) -> String {
    let head: String = given.chars().take(3).collect();
    match chance.below(10) {
        0..5 => head,
        5..8 => format!("{head}y"),
        _ => given.chars().take(1).collect::<String>() + ".",
    }
}

/// A telephone number with blanks, dashes, or 00 for the plus.
pub fn dialled(chance: &mut Chance, phone: &str) -> String {
    let Some((code, rest)) = phone.split_at_checked(4) else { return phone.to_owned() };
    let Some((area, rest)) = rest.split_at_checked(2) else { return phone.to_owned() };
    match chance.below(4) {
        0 => format!("{code} {area} {rest}"),
        1 => format!("{}{area}-{rest}", code.replace('+', "00")),
        _ => phone.to_owned(),
    }
}

/// An e-mail address as somebody types it.
pub fn typed(chance: &mut Chance, mail: &str) -> String {
    match chance.below(15) {
        0 => mail.to_uppercase(),
        1 => super::words::capital(mail),
        _ => mail.to_owned(),
    }
}
