//! What a field of a record is for: told by its owner, or inferred from its name and from what stands in it.

use super::people::Rows;
use super::text::simplified;
use super::value::{DayOrder, told_gender};
use std::collections::HashSet;

/// What a field tells of a person or a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Given names.
    GivenName,
    /// The surname.
    Surname,
    /// The whole name, or the name of an organisation.
    FullName,
    /// The day of birth, or another day that does not change.
    BirthDate,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The number of a house.
    StreetNumber,
    /// The street, with or without the number, and other lines of an address.
    Street,
    /// The suburb, or another part of a town.
    Suburb,
    /// The city, or the place of birth.
    City,
    /// The postcode.
    Postcode,
    /// The state, county or region.
    State,
    /// A number or code that belongs to one person, such as that of an insurance.
    NationalId,
    /// The gender, or the form of address that tells it.
    Gender,
    /// The occupation, or another word of a few.
    Occupation,
    /// Free text: not compared.
    FreeText,
    /// Not compared: record numbers, and what says nothing.
    Ignored,
}

/// All roles, with the words that name them.
const ROLES: [(Role, &str); 17] = [
    (Role::GivenName, "given_name"),
    (Role::Surname, "surname"),
    (Role::FullName, "full_name"),
    (Role::BirthDate, "birth_date"),
    (Role::Email, "email"),
    (Role::Phone, "phone"),
    (Role::StreetNumber, "street_number"),
    (Role::Street, "street"),
    (Role::Suburb, "suburb"),
    (Role::City, "city"),
    (Role::Postcode, "postcode"),
    (Role::State, "state"),
    (Role::NationalId, "national_id"),
    (Role::Gender, "gender"),
    (Role::Occupation, "occupation"),
    (Role::FreeText, "free_text"),
    (Role::Ignored, "ignored"),
];

impl Role {
    /// The word that names the role.
    pub fn name(self) -> &'static str {
        ROLES.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }

    /// The role that a word names.
    pub fn parse(name: &str) -> Option<Role> {
        ROLES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role)
    }

    /// Whether fields of this role are compared.
    pub fn is_compared(self) -> bool {
        !matches!(self, Role::FreeText | Role::Ignored)
    }
}

/// The role of each column, in the order of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    columns: Vec<(Role, DayOrder)>,
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Roles {
        Roles { columns: roles.into_iter().map(|role| (role, DayOrder::default())).collect() }
    }
}

impl Roles {
    /// The roles of columns, by their names and by what stands in the first rows that say something. Which rows come
    /// first may decide; where that must not be, infer once, keep the roles, and set what is wrong.
    pub fn infer<R: Rows + ?Sized>(names: &[impl AsRef<str>], rows: &R) -> Roles {
        let columns = names.iter().enumerate().map(|(column, name)| {
            let values: Vec<_> = (0..rows.count())
                .filter_map(|row| rows.text(row, column))
                .filter(|text| !text.trim().is_empty())
                .take(LOOKED_AT)
                .collect();
            let role = infer_role(name.as_ref(), values.iter().map(AsRef::as_ref));
            (role, day_order(values.iter().map(AsRef::as_ref)))
        });
        Roles { columns: columns.collect() }
    }

    /// Sets the role of a column; columns between are ignored if they had none.
    pub fn set(&mut self, column: usize, role: Role) {
        if self.columns.len() <= column {
            self.columns.resize(column + 1, (Role::Ignored, DayOrder::default()));
        }
        if let Some(known) = self.columns.get_mut(column) {
            known.0 = role;
        }
    }

    /// Sets how a column writes days.
    pub fn set_day_order(&mut self, column: usize, order: DayOrder) {
        if let Some(known) = self.columns.get_mut(column) {
            known.1 = order;
        }
    }

    /// The role of a column.
    pub fn role(&self, column: usize) -> Role {
        self.columns.get(column).map_or(Role::Ignored, |(role, _)| *role)
    }

    /// How a column writes days.
    pub fn day_order(&self, column: usize) -> DayOrder {
        self.columns.get(column).map_or(DayOrder::default(), |(_, order)| *order)
    }

    /// The role of each column.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.columns.iter().map(|(role, _)| *role)
    }
}

/// Words of field names, and the role that they tell; the first that is found and that the values allow counts.
const NAMES: [(&[&str], Role); 22] = [
    (
        &[
            "given name",
            "first name",
            "firstname",
            "forename",
            "fname",
            "givenname",
            "prenom",
            "prenoms",
        ],
        Role::GivenName,
    ),
    (
        &[
            "surname",
            "last name",
            "lastname",
            "family name",
            "lname",
            "nom de famille",
            "maiden name",
        ],
        Role::Surname,
    ),
    (&["email", "e mail", "mail", "courriel"], Role::Email),
    (&["phone", "telephone", "tel", "mobile", "cell", "portable", "fixe", "msisdn"], Role::Phone),
    (
        &["birth place", "birthplace", "place of birth", "lieu naissance", "lieu de naissance"],
        Role::City,
    ),
    (
        &[
            "dob",
            "date of birth",
            "birth date",
            "birthdate",
            "birthday",
            "born",
            "naissance",
            "ddn",
        ],
        Role::BirthDate,
    ),
    (
        &[
            "soc sec",
            "ssn",
            "national id",
            "nino",
            "nir",
            "passport",
            "insurance",
            "tax id",
            "national insurance",
            "medicare",
            "tfn",
            "securite sociale",
            "nhs",
        ],
        Role::NationalId,
    ),
    (&["street number", "house number", "street no", "numero", "house no"], Role::StreetNumber),
    (
        &["postcode", "post code", "postal code", "zip", "zipcode", "code postal", "cp"],
        Role::Postcode,
    ),
    (&["city", "town", "ville", "commune"], Role::City),
    (&["suburb", "locality", "district", "quartier", "lieu dit"], Role::Suburb),
    (&["lieu"], Role::City),
    (&["state", "county", "region", "province", "departement"], Role::State),
    (
        &["address", "addr", "street", "adresse", "rue", "voie", "address1", "address2"],
        Role::Street,
    ),
    (&["job title"], Role::Occupation),
    (&["gender", "sex", "sexe", "genre", "civilite", "title", "salutation"], Role::Gender),
    (&["occupation", "job", "profession", "metier"], Role::Occupation),
    (&["type", "category", "class"], Role::Occupation),
    (&["country", "pays", "created", "updated", "created at", "updated at"], Role::Ignored),
    (&["full name", "fullname", "nom complet", "name"], Role::FullName),
    (&["nom"], Role::Surname),
    (
        &["note", "notes", "comment", "comments", "commentaire", "description", "text", "message"],
        Role::FreeText,
    ),
];

/// Values that are looked at to infer a role.
const LOOKED_AT: usize = 5_000;

/// What the values of a field look like, in shares of those that say something.
#[derive(Debug, Default)]
struct Look {
    said: usize,
    distinct: f64,
    distinct_count: usize,
    at_sign: f64,
    days: f64,
    digits: f64,
    has_digit: f64,
    words: f64,
    characters: f64,
    genders: f64,
}

impl Look {
    fn of<'a>(values: impl Iterator<Item = &'a str>) -> Look {
        let mut look = Look::default();
        let mut distinct = HashSet::new();
        for value in values.filter(|value| !value.trim().is_empty()).take(LOOKED_AT) {
            let simple = simplified(value);
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            let letters = simple.chars().filter(|letter| letter.is_alphabetic()).count();
            look.said += 1;
            look.at_sign += f64::from(u8::from(value.contains('@')));
            look.days += f64::from(u8::from(is_day(value)));
            look.digits += f64::from(u8::from(letters == 0 && digits > 0));
            look.has_digit += f64::from(u8::from(digits > 0));
            look.words += simple.split(' ').count() as f64;
            look.characters += simple.len() as f64;
            look.genders += f64::from(u8::from(told_gender(&simple).is_some()));
            distinct.insert(simple);
        }
        let said = look.said.max(1) as f64;
        look.distinct_count = distinct.len();
        look.distinct = distinct.len() as f64 / said;
        for share in [
            &mut look.at_sign,
            &mut look.days,
            &mut look.digits,
            &mut look.has_digit,
            &mut look.words,
            &mut look.characters,
            &mut look.genders,
        ] {
            *share /= said;
        }
        look
    }

    /// Whether values that look like this can have a role that a name tells.
    fn allows(&self, role: Role) -> bool {
        match role {
            Role::Email => self.at_sign > 0.5,
            Role::Phone => self.has_digit > 0.5,
            Role::BirthDate => self.has_digit > 0.5 && self.words < 4.0,
            Role::GivenName | Role::Surname | Role::FullName => self.digits < 0.5,
            Role::Occupation => self.distinct < 0.5 || self.distinct_count < 50,
            // A title is a form of address, or one of a job.
            Role::Gender => self.distinct_count <= 12,
            _ => true,
        }
    }

    /// The role that the values alone tell.
    fn role(&self) -> Role {
        let few = self.distinct_count <= 1_000 && self.distinct < 0.2;
        if self.at_sign > 0.6 {
            Role::Email
        } else if self.genders > 0.8 && self.distinct_count <= 8 {
            Role::Gender
        } else if self.days > 0.7 {
            Role::BirthDate
        } else if self.digits > 0.8 && self.characters >= 9.0 {
            Role::Phone
        } else if few && self.words < 3.0 && self.digits < 0.5 {
            Role::Occupation
        } else if self.words >= 8.0 {
            Role::FreeText
        } else if self.digits < 0.1 && self.has_digit > 0.5 && self.words >= 2.0 {
            Role::Street
        } else if self.has_digit < 0.1 && self.words < 5.0 && self.distinct_count > 20 {
            Role::FullName
        } else {
            Role::Ignored
        }
    }
}

/// Whether a text has the form of a day: eight digits, or three numbers with marks between them.
fn is_day(text: &str) -> bool {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.len() - digits;
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count();
    (digits == 8 && others == 0) || ((5..=8).contains(&digits) && others == 2 && numbers == 3)
}

/// The order in which days are written: month first if more of them can be read only so.
fn day_order<'a>(values: impl Iterator<Item = &'a str>) -> DayOrder {
    let (mut day_first, mut month_first) = (0, 0);
    for text in values {
        let mut parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        let mut number = || parts.next().filter(|part| part.len() <= 2)?.parse::<u32>().ok();
        if let (Some(first), Some(second)) = (number(), number()) {
            day_first += usize::from(first > 12 && second <= 12);
            month_first += usize::from(second > 12 && first <= 12);
        }
    }
    if month_first > day_first { DayOrder::MonthFirst } else { DayOrder::DayFirst }
}

/// The role of a field.
///
/// The name tells it, unless what stands in the field contradicts; without a telling name the values do.
pub fn infer_role<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Role {
    let look = Look::of(values);
    if look.said == 0 {
        return Role::Ignored;
    }
    let name = simplified(&spaced(name));
    if name == "id" || name.ends_with(" id") && look.distinct > 0.98 && !told_id(&name) {
        return Role::Ignored;
    }
    let told = NAMES.iter().filter(|(words, _)| words.iter().any(|word| tells(&name, word)));
    let told = told.map(|(_, role)| *role).find(|role| look.allows(*role));
    told.unwrap_or_else(|| look.role())
}

/// Whether a name that ends in `id` is that of a number which belongs to one person.
fn told_id(name: &str) -> bool {
    NAMES.iter().any(|(words, role)| {
        *role == Role::NationalId && words.iter().any(|word| tells(name, word))
    })
}

/// A name with its words parted where a small letter is followed by a capital (`birthDate`), and at full stops, as
/// names of inner fields have them (`address.city`).
fn spaced(name: &str) -> String {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut small = false;
    for letter in name.chars() {
        if small && letter.is_uppercase() {
            spaced.push(' ');
        }
        small = letter.is_lowercase();
        spaced.push(if letter == '.' { ' ' } else { letter });
    }
    spaced
}

/// Whether a name holds a word, or the words, as words of its own.
fn tells(name: &str, word: &str) -> bool {
    let padded = format!(" {name} ");
    padded.contains(&format!(" {word} ")) || (word.len() > 4 && name.replace(' ', "") == *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_tell_roles() {
        let role = |name: &str, values: &[&str]| infer_role(name, values.iter().copied());
        for (name, values, expected) in [
            ("given_name", &["ann", "bob"][..], Role::GivenName),
            ("firstName", &["ann", "bob"], Role::GivenName),
            ("Prénom", &["anne", "bob"], Role::GivenName),
            ("nom", &["martin", "petit"], Role::Surname),
            ("Date of Birth", &["19081209"], Role::BirthDate),
            ("date_naissance", &["31/01/1999"], Role::BirthDate),
            ("address_1", &["tullaroop street"], Role::Street),
            ("adresse", &["3 rue des lilas"], Role::Street),
            ("street_number", &["6"], Role::StreetNumber),
            ("soc_sec_id", &["6988048", "7364009"], Role::NationalId),
            ("birth_place", &["devon"], Role::City),
            ("suburb", &["kew"], Role::Suburb),
            ("postcode_fake", &["tq13 8df"], Role::Postcode),
            ("code_postal", &["75001"], Role::Postcode),
            ("civilite", &["M.", "Mme"], Role::Gender),
            ("title", &["Mr", "Mrs", "Ms"], Role::Gender),
            ("rec_id", &["rec-1-org", "rec-2-org"], Role::Ignored),
            ("country", &["FR", "GB"], Role::Ignored),
            ("notes", &["called on monday"], Role::FreeText),
            ("x", &["ann@x.org", "bob@x.org"], Role::Email),
            ("address.city", &["paris", "aix en provence"], Role::City),
            ("address.postal_code", &["75001", "13100"], Role::Postcode),
            ("address.street", &["3 rue des lilas"], Role::Street),
            ("job_title", &["nurse", "clerk"], Role::Occupation),
            ("lieu_naissance", &["lyon", "nice"], Role::City),
            ("lieu_dit", &["le bourg", "la croix"], Role::Suburb),
            ("numero_securite_sociale", &["1850578006084", "2840278006084"], Role::NationalId),
            ("numero_voie", &["3", "12 bis"], Role::StreetNumber),
            ("email", &["none", "ask"], Role::Ignored),
            ("x", &["1999-01-31", "2001-02-28"], Role::BirthDate),
            ("x", &["", " "], Role::Ignored),
        ] {
            assert_eq!(role(name, values), expected, "{name} {values:?}");
        }
    }

    #[test]
    fn roles_have_names() {
        for (role, name) in ROLES {
            assert_eq!((role.name(), Role::parse(name)), (name, Some(role)));
        }
        assert_eq!(Role::parse("person"), None);
    }

    #[test]
    fn days_show_how_they_are_written_and_owners_overrule() {
        let rows = vec![vec!["01/31/1999", "31/01/1999"], vec!["02/03/1999", "02/03/1999"]];
        let mut roles = Roles::infer(&["dob", "born"], &rows);
        assert_eq!(roles.day_order(0), DayOrder::MonthFirst);
        assert_eq!(roles.day_order(1), DayOrder::DayFirst);
        roles.set(3, Role::Email);
        roles.set(0, Role::Ignored);
        let all: Vec<Role> = roles.iter().collect();
        assert_eq!(all, [Role::Ignored, Role::BirthDate, Role::Ignored, Role::Email]);
    }
}
