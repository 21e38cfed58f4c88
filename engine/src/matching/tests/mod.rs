//! Matching as a whole, on small sets of made-up persons.

mod arrival;
mod levels;
mod order;
mod sense;

use super::text::mix;
use super::{Model, Role, Roles, Rows, match_records};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Rows with keys.
#[derive(Debug, Clone)]
struct Keyed(Vec<(u64, Vec<String>)>);

impl Rows for Keyed {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        let text = self.0.get(row)?.1.get(column)?;
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }

    fn key(&self, row: usize) -> u64 {
        self.0[row].0
    }
}

/// Numbers that look like chance.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mix(self.0) % bound as u64) as usize
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

const COLUMNS: [Role; 8] = [
    Role::GivenName,
    Role::Surname,
    Role::BirthDate,
    Role::Email,
    Role::Phone,
    Role::Street,
    Role::City,
    Role::Postcode,
];

fn roles() -> Roles {
    COLUMNS.into_iter().collect()
}

const GIVEN: [&str; 12] = [
    "anna", "peter", "maria", "john", "sophie", "lucas", "emma", "paul", "clara", "hugo", "nina",
    "oscar",
];
const BEGIN: [&str; 10] = ["ber", "mar", "lin", "hof", "sten", "dal", "gar", "pres", "wil", "tor"];
const END: [&str; 8] = ["ton", "son", "berg", "man", "ley", "ner", "field", "well"];

/// A model of made-up persons.
fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| match_records(&roles(), &made(1, 140).0, None, 1).model)
}

/// Made-up persons, some in families, with one to four records each; some records are equal to others.
fn made(seed: u64, persons: usize) -> (Keyed, Vec<usize>) {
    let mut draw = Draw(seed);
    let mut rows = Vec::new();
    let mut truth = Vec::new();
    let mut home = (String::new(), String::new(), String::new(), String::new(), String::new());
    for person in 0..persons {
        if person == 0 || draw.below(3) > 0 {
            home = (
                format!("{}{}", draw.of(&BEGIN), draw.of(&END)),
                format!("{} {}{} street", 1 + draw.below(90), draw.of(&BEGIN), draw.of(&END)),
                format!("{}ville", draw.of(&BEGIN)),
                format!("{:05}", 10_000 + draw.below(80)),
                format!("06{:08}", draw.below(100_000_000)),
            );
        }
        let given = draw.of(&GIVEN);
        let day = (1940 + draw.below(60), 1 + draw.below(12), 1 + draw.below(28));
        let own = vec![
            given.to_owned(),
            home.0.clone(),
            format!("{}-{:02}-{:02}", day.0, day.1, day.2),
            format!("{given}{}@example.org", draw.below(10_000)),
            home.4.clone(),
            home.1.clone(),
            home.2.clone(),
            home.3.clone(),
        ];
        for copy in 0..1 + draw.below(4) {
            let mut row = own.clone();
            for _ in 0..if copy > 0 { draw.below(4) } else { 0 } {
                let field = draw.below(row.len());
                match draw.below(3) {
                    0 => row[field].clear(),
                    1 => drop(row[field].pop()),
                    _ => row[field].insert(0, 'x'),
                }
            }
            rows.push((rows.len() as u64 * 31 + 7, row));
            truth.push(person);
        }
    }
    (Keyed(rows), truth)
}
