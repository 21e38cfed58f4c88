//! Made-up persons with slips of typing, as messages.

use crate::rng::Rng;
use crate::store::identify;

const GIVEN: [&str; 16] = [
    "anna", "peter", "maria", "john", "sophie", "lucas", "emma", "paul", "clara", "hugo", "nina",
    "oscar", "irene", "walter", "judith", "felix",
];
const BEGIN: [&str; 14] = [
    "ber", "mar", "lin", "hof", "sten", "dal", "gar", "pres", "wil", "tor", "kol", "rui", "fen",
    "sax",
];
const END: [&str; 12] =
    ["ton", "son", "berg", "man", "ley", "ner", "field", "well", "dottir", "sen", "ova", "ic"];
const NAMES: [&str; 7] =
    ["first_name", "last_name", "birth_date", "phone_number", "street", "city", "postcode"];

/// One record: its user, and what it says, by `NAMES`.
#[derive(Debug, Clone)]
pub struct Row {
    pub user: String,
    pub person: usize,
    pub says: [String; 7],
}

impl Row {
    /// As a message with an id and a day.
    pub fn message(&self, id: &str, day: usize) -> String {
        let told = NAMES.iter().zip(&self.says).filter(|(_, text)| !text.is_empty());
        let told: Vec<String> = told.map(|(name, text)| format!(r#""{name}":"{text}""#)).collect();
        let time = format!("2024-01-{:02}T00:00:00Z", 1 + day % 28);
        identify(&self.user, id, &time, &format!("{{{}}}", told.join(",")))
    }

    /// Says something else in some places.
    pub fn slip(&mut self, rng: &mut Rng) {
        let place = rng.below(self.says.len());
        let Some(text) = self.says.get_mut(place) else { return };
        match rng.below(3) {
            0 => text.clear(),
            1 => drop(text.pop()),
            _ => text.insert(0, 'x'),
        }
    }
}

/// Records of so many persons, some of whom live together, one to four each, shuffled.
pub fn made(seed: u64, persons: usize) -> Vec<Row> {
    let mut rng = Rng::new(seed);
    let mut rows = Vec::new();
    let mut home: [String; 4] = Default::default();
    let mut family = String::new();
    for person in 0..persons {
        if person == 0 || rng.below(3) > 0 {
            let mut name = || format!("{}{}", rng.pick(&BEGIN), rng.pick(&END));
            family = name();
            let (street, city) = (name(), name());
            home = [
                format!("06{:08}", rng.below(100_000_000)),
                format!("{} {street} street", 1 + rng.below(90)),
                format!("{city}ville"),
                format!("{:05}", 10_000 + rng.below(400)),
            ];
        }
        let (year, month, day) = (1940 + rng.below(60), 1 + rng.below(12), 1 + rng.below(28));
        let [phone, street, city, postcode] = home.clone();
        let own = [
            (*rng.pick(&GIVEN)).to_owned(),
            family.clone(),
            format!("{year}-{month:02}-{day:02}"),
            phone,
            street,
            city,
            postcode,
        ];
        for copy in 0..1 + rng.below(4) {
            let mut row = Row { user: format!("u{}", rows.len()), person, says: own.clone() };
            for _ in 0..if copy > 0 { rng.below(4) } else { 0 } {
                row.slip(&mut rng);
            }
            rows.push(row);
        }
    }
    rng.shuffle(&mut rows);
    rows
}
