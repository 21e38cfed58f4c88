//! Synthetic records with planted truth: every person and address is made up from lists of common names and a seed.
//!
//! * `people`: like the sets of Febrl: Australian persons, some with up to five records, errors of typing in all
//!   fields.
//! * `families`: customers of a shop: families share address and telephone, some an e-mail address; twins share the day
//!   of birth too; people move, marry, change e-mail addresses and telephones, use short forms of names.
//! * `french`: customers in France: accents that are lost, compound names, streets in all spellings, days in two forms.

#[path = "customers.rs"]
mod customers;

use std::error::Error;

/// Records, with the number of the person that each is of.
pub struct Made {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    pub persons: Vec<u32>,
}

/// Makes about so many records of a kind from a seed.
pub fn make(which: &str, records: usize, seed: u64) -> Result<Made, Box<dyn Error>> {
    let draw = Draw(seed);
    match which {
        "people" => Ok(people(draw, records)),
        "families" => Ok(customers::families(draw, records)),
        "french" => Ok(customers::french(draw, records)),
        _ => Err(format!("`{which}` is not made; say people, families or french").into()),
    }
}

/// Numbers that look like chance (SplitMix64, Steele and others 2014).
struct Draw(u64);

impl Draw {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    fn yes(&mut self, percent: usize) -> bool {
        self.below(1000) < percent * 10
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// A member of a list whose first ones are the most frequent, as names are.
    fn frequent<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let (one, other) = (self.below(list.len()), self.below(list.len()));
        list[one * other / list.len()]
    }

    /// A word of syllables, the first kinds of which are frequent.
    fn word(&mut self, syllables: usize, ends: &[&str]) -> String {
        let mut word = String::new();
        for _ in 0..syllables {
            let begin = [
                "b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "w", "br",
                "st", "tr",
            ];
            let middle = ["a", "e", "i", "o", "u", "ar", "en", "or", "al", "in"];
            word.push_str(self.frequent(&begin));
            word.push_str(self.frequent(&middle));
        }
        word.push_str(self.of(ends));
        word
    }

    fn day(&mut self) -> (u32, u32, u32) {
        (1935 + self.below(75) as u32, 1 + self.below(12) as u32, 1 + self.below(28) as u32)
    }

    /// An error of typing: a letter replaced, left out, added, or two changed places.
    fn typo(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        if letters.len() < 2 {
            return text.to_owned();
        }
        let place = self.below(letters.len());
        let letter = if letters[place].is_ascii_digit() {
            char::from(b'0' + self.below(10) as u8)
        } else {
            char::from(b'a' + self.below(26) as u8)
        };
        match self.below(4) {
            0 => letters[place] = letter,
            1 => drop(letters.remove(place)),
            2 => letters.insert(place, letter),
            _ => letters.swap(place.max(1) - 1, place.max(1)),
        }
        letters.into_iter().collect()
    }
}

const GIVEN: [&str; 72] = [
    "emily",
    "jack",
    "joshua",
    "thomas",
    "lachlan",
    "matthew",
    "james",
    "william",
    "sophie",
    "isabella",
    "jessica",
    "georgia",
    "chloe",
    "daniel",
    "samuel",
    "benjamin",
    "nicholas",
    "olivia",
    "hannah",
    "ruby",
    "ella",
    "charlotte",
    "mia",
    "grace",
    "lucy",
    "amelia",
    "zoe",
    "madison",
    "liam",
    "ethan",
    "noah",
    "lucas",
    "harrison",
    "mitchell",
    "jayden",
    "riley",
    "cooper",
    "dylan",
    "luke",
    "ryan",
    "alexander",
    "oliver",
    "max",
    "harry",
    "isaac",
    "jacob",
    "joel",
    "caitlin",
    "holly",
    "alyssa",
    "amy",
    "abbey",
    "brooke",
    "claire",
    "eliza",
    "erin",
    "imogen",
    "jasmine",
    "kate",
    "laura",
    "maddison",
    "natasha",
    "paige",
    "rachel",
    "sarah",
    "tahlia",
    "victoria",
    "zara",
    "connor",
    "finn",
    "hugo",
    "declan",
];

const STREETS: [&str; 12] = [
    "street", "road", "avenue", "crescent", "place", "close", "drive", "court", "circuit",
    "parade", "lane", "way",
];
const STATES: [&str; 7] = ["nsw", "vic", "qld", "wa", "sa", "tas", "act"];
const ENDS: [&str; 10] = ["son", "er", "man", "ley", "ton", "field", "", "by", "well", "ing"];

fn list(draw: &mut Draw, count: usize, syllables: usize, ends: &[&str]) -> Vec<String> {
    (0..count).map(|_| draw.word(syllables, ends)).collect()
}

fn people(mut draw: Draw, records: usize) -> Made {
    let header = vec![
        "rec_id",
        "given_name",
        "surname",
        "street_number",
        "address_1",
        "address_2",
        "suburb",
        "postcode",
        "state",
        "date_of_birth",
        "soc_sec_id",
    ];
    let surnames = list(&mut draw, 9_000, 2, &ENDS);
    let streets = list(&mut draw, 14_000, 2, &ENDS);
    let suburbs = list(&mut draw, 2_600, 2, &["ville", "ton", "ham", "bury", "dale", "vale", ""]);
    let estates = list(&mut draw, 6_000, 2, &["lea", "brook", "mount", "park", ""]);
    fn some<'l>(draw: &mut Draw, list: &'l [String]) -> &'l str {
        let texts: usize = draw.below(list.len()) * draw.below(list.len()) / list.len();
        &list[texts]
    }
    let (mut rows, mut persons) = (Vec::with_capacity(records), Vec::with_capacity(records));
    for person in 0.. {
        if rows.len() >= records {
            break;
        }
        let suburb = draw.below(suburbs.len());
        let (year, month, day) = draw.day();
        let given = if draw.yes(70) {
            draw.frequent(&GIVEN).to_owned()
        } else {
            draw.word(2, &["a", "e", "y", "n"])
        };
        let estate =
            if draw.yes(60) { some(&mut draw, &estates).to_owned() } else { String::new() };
        let own = vec![
            String::new(),
            given,
            some(&mut draw, &surnames).to_owned(),
            (1 + draw.below(250)).to_string(),
            format!("{} {}", some(&mut draw, &streets), draw.of(&STREETS)),
            estate,
            suburbs[suburb].clone(),
            (2_000 + suburb * 3 + draw.below(2)).to_string(),
            STATES[suburb % STATES.len()].to_owned(),
            format!("{year:04}{month:02}{day:02}"),
            (1_000_000 + draw.below(8_999_999)).to_string(),
        ];
        let copies = if draw.yes(40) { draw.below(5) } else { 0 };
        for copy in 0..=copies {
            let mut row = own.clone();
            for _ in 0..if copy > 0 { 1 + draw.below(4) } else { 0 } {
                spoil(&mut draw, &mut row);
            }
            row[0] = format!("rec-{person}-{copy}");
            rows.push(row);
            persons.push(person);
        }
    }
    rows.truncate(records);
    persons.truncate(records);
    shuffled(&mut draw, Made { header, rows, persons })
}

/// One error as Febrl makes them: mostly of typing, else a value that is left out, or two fields that changed places.
fn spoil(draw: &mut Draw, row: &mut [String]) {
    let field = 1 + draw.below(row.len() - 1);
    match draw.below(10) {
        0 => row[field].clear(),
        1 => row.swap(1, 2),
        2 => row.swap(4, 5),
        _ => row[field] = draw.typo(&row[field]),
    }
}

fn shuffled(draw: &mut Draw, mut made: Made) -> Made {
    for last in (1..made.rows.len()).rev() {
        let other = draw.below(last + 1);
        made.rows.swap(last, other);
        made.persons.swap(last, other);
    }
    made
}
