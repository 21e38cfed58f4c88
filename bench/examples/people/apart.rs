//! Who is not one person although much is the same, and what corrections say.

use super::World;
use super::files::{DAY, Expected, identifier, instant};
use super::household::{GIVEN_UP, Person};
use std::io::Result;

/// The day on which corrections are made.
const CORRECTED: i64 = 364;

impl World {
    /// Tells of all pairs of a household, and of what its members gave up.
    pub fn apart(&mut self, members: &[Person]) -> Result<()> {
        for (place, other) in members.iter().enumerate() {
            for one in members.iter().take(place) {
                self.pair(one, other)?;
            }
            for mail in other.mails.iter().filter(|mail| mail.kind == "retired") {
                self.retire("email", &mail.value);
            }
            let phones = other.phones.iter();
            for phone in phones.filter(|phone| phone.kind == "retired" && !phone.taken_over) {
                self.retire("phone", &phone.value);
            }
        }
        Ok(())
    }

    fn pair(&mut self, one: &Person, other: &Person) -> Result<()> {
        let customers = one.customers.first().zip(other.customers.first());
        if one.shares_mail() && other.shares_mail() {
            let accounts = one.accounts.first().zip(other.accounts.first());
            let forbidden = self.chance.often(0.3);
            for (namespace, pair) in [("user_id", accounts), ("customer", customers)] {
                let Some((left, right)) = pair else { continue };
                if forbidden {
                    self.forbid(namespace, left, right);
                }
                let (kind, expected) = match forbidden {
                    true => ("shared e-mail, then forbidden", Expected::ApartOnceCorrected),
                    false => ("shared e-mail", Expected::Apart),
                };
                let ids = ((namespace, left.as_str()), (namespace, right.as_str()));
                self.files.link((kind, namespace), expected, ids.0, ids.1)?;
            }
            return Ok(());
        }
        let Some((left, right)) = customers else { return Ok(()) };
        let initials = one.given.chars().next() == other.given.chars().next();
        let kind = if other.relation == "twins" && one.place == 2 {
            if initials { "twins, same initials" } else { "twins" }
        } else if other.namesake_of == Some(one.place) {
            "parent and child of one name"
        } else if other.relation == "couple" {
            "couple"
        } else {
            "family"
        };
        let forbidden = kind.starts_with("twins") && self.chance.often(0.2);
        if forbidden {
            self.forbid("customer", left, right);
        }
        let by = if forbidden { "then forbidden" } else { "" };
        self.files.link((kind, by), Expected::Apart, ("customer", left), ("customer", right))
    }

    fn retire(&mut self, namespace: &str, value: &str) {
        let (identifier, until) = (identifier(namespace, value), instant(GIVEN_UP * DAY));
        self.correct(&format!(r#""type":"retire","identifier":{identifier},"until":"{until}""#));
    }

    fn forbid(&mut self, namespace: &str, left: &str, right: &str) {
        let (left, right) = (identifier(namespace, left), identifier(namespace, right));
        self.correct(&format!(r#""type":"forbid","left":{left},"right":{right}"#));
    }

    /// Writes a correction, by what it says.
    pub fn correct(&mut self, said: &str) {
        let at = CORRECTED * DAY;
        let row = format!(r#"{{{said},"timestamp":"{}"}}"#, instant(at));
        self.files.corrections.row(at, &row);
    }
}
