//! The names of normalisers, as definitions write them: a kind and a version, `email@2`.

use super::{EmailRules, Normaliser, PhoneRules};
use crate::base::nearest::nearest;
use std::fmt;

/// A normaliser without settings, by its name.
type Named = (&'static str, fn() -> Normaliser);

/// The names of all normalisers, and what they are without settings.
pub const KINDS: [Named; 11] = [
    ("text@1", || Normaliser::Text),
    ("lower@1", || Normaliser::Lower),
    ("email@1", || Normaliser::EmailFirst),
    ("email@2", || Normaliser::Email(EmailRules::default())),
    ("phone@1", || Normaliser::PhoneFirst),
    ("phone@2", || Normaliser::Phone(PhoneRules::default())),
    ("device@1", || Normaliser::Device),
    ("name@1", || Normaliser::Name),
    ("address@1", || Normaliser::Address),
    ("digits@1", || Normaliser::Digits),
    ("national_id@1", || Normaliser::NationalId),
];

impl Normaliser {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Normaliser::Text => "text@1",
            Normaliser::Lower => "lower@1",
            Normaliser::EmailFirst => "email@1",
            Normaliser::Email(_) => "email@2",
            Normaliser::PhoneFirst => "phone@1",
            Normaliser::Phone(_) => "phone@2",
            Normaliser::Device => "device@1",
            Normaliser::Name => "name@1",
            Normaliser::Address => "address@1",
            Normaliser::Digits => "digits@1",
            Normaliser::NationalId => "national_id@1",
        }
    }

    /// The normaliser of a name, without settings.
    ///
    /// # Errors
    /// Why there is none, and what to write.
    pub fn named(name: &str) -> Result<Normaliser, String> {
        const ALL: &[Named] = &KINDS;
        if let Some((_, make)) = ALL.iter().find(|(known, _)| *known == name) {
            return Ok(make());
        }
        let kind = name.split('@').next().unwrap_or(name);
        let of_kind = |known: &&str| known.split('@').next() == Some(kind);
        let versions: Vec<&str> = ALL.iter().map(|(known, _)| *known).filter(of_kind).collect();
        let hint = match versions.last() {
            Some(_) if !name.contains('@') => {
                format!("name its version too: {}", versions.join(" or "))
            }
            Some(_) => format!("there is {}", versions.join(" and ")),
            None => match nearest(name, ALL.iter().map(|(known, _)| *known)) {
                Some(near) => format!("did you mean '{near}'?"),
                None => {
                    let all: Vec<&str> = ALL.iter().map(|(known, _)| *known).collect();
                    format!("use {}", all.join(", "))
                }
            },
        };
        Err(format!("'{name}' is no normaliser; {hint}"))
    }
}

impl fmt::Display for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
