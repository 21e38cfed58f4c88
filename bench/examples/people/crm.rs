//! The customers of the CRM: rows of its exports, among them customers who are there twice.

use super::World;
use super::files::{DAY, Expected};
use super::household::Person;
use super::mistakes::{dialled, short_name, slip, typed};
use std::io::Result;

/// What a row says of a customer.
struct Row {
    customer: String,
    at: i64,
    title: &'static str,
    given: String,
    surname: String,
    born: String,
    address: String,
    postcode: String,
    town: String,
    mail: String,
    phone: String,
}

impl Row {
    fn of(person: &Person, customer: &str, at: i64) -> Row {
        Row {
            customer: customer.to_owned(),
            at,
            title: if person.female { "Ms" } else { "Mr" },
            given: person.given.clone(),
            surname: person.surname.clone(),
            born: day(person.born),
            address: person.home.written(),
            postcode: person.home.postcode.clone(),
            town: person.home.town.clone(),
            mail: person.mail().to_owned(),
            phone: person.phone().to_owned(),
        }
    }
}

fn day((year, month, day): (i64, i64, i64)) -> String {
    format!("{year}-{month:02}-{day:02}")
}

/// What nobody should be found by: the address of a travel agency, and what a call centre types for nothing.
const NO_MAIL: &str = "nomail@shop.example.org";
const TEST_MAIL: &str = "test@test.invalid";
const TEST_PHONE: &str = "+999000000000";

impl World {
    pub fn crm(&mut self, members: &mut [Person]) -> Result<()> {
        for person in members {
            let Some(customer) = person.customers.first().cloned() else { continue };
            let at = person.registered * DAY + self.chance.between(0, DAY - 1);
            let mut row = Row::of(person, &customer, at);
            self.crowded(person, &mut row)?;
            let shops = person.accounts.first().filter(|_| row.mail == person.mail());
            if let Some(account) = shops {
                let ids = (("customer", customer.as_str()), ("user_id", account.as_str()));
                self.files.link(("shop and crm", "e-mail"), Expected::One, ids.0, ids.1)?;
            }
            self.files.truth("customer", &customer, person, "own")?;
            let (mail, phone) = (row.mail.clone(), row.phone.clone());
            self.write(row);
            self.changes(person, &customer, (mail, phone))?;
            self.taken_over(person, &customer)?;
            for _ in 0..2 {
                if !self.chance.often(0.13) {
                    break;
                }
                self.again(person, &customer)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, row: Row) {
        let missing = [self.chance.often(0.12), self.chance.often(0.08)];
        let born = if missing[0] { "" } else { row.born.as_str() };
        let address = if missing[1] { "" } else { row.address.as_str() };
        let (mail, phone) =
            (typed(&mut self.chance, &row.mail), dialled(&mut self.chance, &row.phone));
        let at = super::files::instant(row.at);
        let cells = [
            row.customer.as_str(),
            &at,
            row.title,
            &row.given,
            &row.surname,
            born,
            address,
            if address.is_empty() { "" } else { &row.postcode },
            &row.town,
            &mail,
            &phone,
            &mail,
            &phone,
        ];
        self.files.crm.row(row.at, &cells.join(","));
    }

    /// Some give an address or a number that is not theirs alone.
    fn crowded(&mut self, person: &Person, row: &mut Row) -> Result<()> {
        let plain = person.mails.len() < 2 && !person.shares_mail();
        let agencies = (self.people / 20_000).max(1);
        let mail = match self.chance.below(1_000) {
            0..15 => format!("bookings{}@agency.example.org", self.chance.below(agencies)),
            15..25 => NO_MAIL.to_owned(),
            25..30 => TEST_MAIL.to_owned(),
            _ => String::new(),
        };
        if plain && !mail.is_empty() {
            let kind = if mail.starts_with("bookings") { "agency e-mail" } else { "test e-mail" };
            self.crowd(person, kind, ("email", &mail), ("customer", &row.customer))?;
            row.mail = mail;
        }
        if person.phones.is_empty() && self.chance.often(0.1) {
            self.crowd(person, "test phone", ("phone", TEST_PHONE), ("customer", &row.customer))?;
            row.phone = TEST_PHONE.to_owned();
        }
        Ok(())
    }

    /// Somebody who uses what many use is not one with who used it before.
    pub fn crowd(
        &mut self,
        person: &Person,
        kind: &str,
        (namespace, value): (&str, &str),
        (of, own): (&str, &str),
    ) -> Result<()> {
        match self.crowds.insert(format!("{namespace} {value}"), own.to_owned()) {
            Some(last) => self.files.link((kind, ""), Expected::Apart, (of, &last), (of, own)),
            None => self.files.truth(namespace, value, person, "crowd"),
        }
    }

    /// A later export has what changed.
    fn changes(&mut self, person: &Person, customer: &str, before: (String, String)) -> Result<()> {
        let mail = person.mail_told.crm.then(|| person.new_mail().to_owned());
        let phone = Some(person.new_phone().to_owned()).filter(|phone| !phone.is_empty());
        if mail.is_none() && phone.is_none() {
            return Ok(());
        }
        if let Some(mail) = &mail {
            self.changed(person, "e-mail", "email", (person.mail(), mail))?;
        }
        if let Some(phone) = &phone {
            self.changed(person, "phone", "phone", (person.phone(), phone))?;
        }
        let at = person.changed * DAY + self.chance.between(0, DAY - 1);
        let mut row = Row::of(person, customer, at);
        row.mail = mail.unwrap_or(before.0);
        row.phone = phone.unwrap_or(before.1);
        self.write(row);
        Ok(())
    }

    fn changed(
        &mut self,
        person: &Person,
        what: &str,
        namespace: &str,
        (old, new): (&str, &str),
    ) -> Result<()> {
        let mut contacts = person.mails.iter().chain(&person.phones);
        let retired = contacts.any(|contact| contact.value == old && contact.kind == "retired");
        let (kind, expected) = match retired {
            true => ("retired", Expected::ApartOnceCorrected),
            false => ("changed", Expected::One),
        };
        let kind = format!("{kind} {what}");
        self.files.link((&kind, "customer"), expected, (namespace, old), (namespace, new))
    }

    fn taken_over(&mut self, person: &Person, customer: &str) -> Result<()> {
        if person.phone_of.is_empty() {
            return Ok(());
        }
        self.files.link(
            ("recycled phone", ""),
            Expected::ApartOnceCorrected,
            ("customer", &person.phone_of),
            ("customer", customer),
        )
    }

    /// The same customer under another number.
    fn again(&mut self, person: &mut Person, customer: &str) -> Result<()> {
        self.customers += 1;
        let other = format!("C{:08}", self.customers);
        let last = if person.registered > 180 { 360 } else { 180 };
        let day = self.chance.between(person.registered, last);
        let mut row = Row::of(person, &other, day * DAY + self.chance.between(0, DAY - 1));
        let kind = self.vary(person, &mut row);
        let mut by = self.chance.pick(&["phone", "e-mail", "none", "none"]);
        let nothing = (by == "phone" && row.phone.is_empty())
            || (by == "e-mail" && (row.mail.is_empty() || person.shares_mail()));
        by = if nothing { "none" } else { by };
        if by != "phone" {
            row.phone.clear();
        }
        if by != "e-mail" {
            row.mail.clear();
            if self.chance.often(0.4) {
                row.mail = self.new_mail(person);
                self.files.truth("email", &row.mail, person, "own")?;
            }
        }
        self.files.truth("customer", &other, person, "own")?;
        let retired = person.phones.iter().any(|phone| phone.kind == "retired");
        by = if by == "phone" && retired { "phone, then given up" } else { by };
        let ids = (("customer", customer), ("customer", other.as_str()));
        self.files.link((kind, by), Expected::One, ids.0, ids.1)?;
        self.write(row);
        person.customers.push(other);
        Ok(())
    }

    /// Changes a row as it is when a customer is there twice, and says how.
    fn vary(&mut self, person: &Person, row: &mut Row) -> &'static str {
        let chance = &mut self.chance;
        match chance.below(100) {
            0..10 => "twice: same row",
            10..35 => {
                match chance.below(3) {
                    0 => row.given = slip(chance, &row.given),
                    1 => row.surname = slip(chance, &row.surname),
                    _ => {
                        row.surname = slip(chance, &row.surname);
                        row.born = slip(chance, &row.born.replace('-', "")).replace(' ', "");
                    }
                }
                "twice: typo"
            }
            35..60 => {
                row.address = person.home.otherwise(chance);
                "twice: address variant"
            }
            60..75 => {
                row.given = short_name(chance, &row.given);
                "twice: nickname"
            }
            75..85 if person.born.1 != person.born.2 && person.born.2 <= 12 => {
                row.born = day((person.born.0, person.born.2, person.born.1));
                "twice: day and month swapped"
            }
            85..92 => {
                let home = super::mistakes::Address::of(chance, &self.words);
                row.address = home.written();
                (row.postcode, row.town) = (home.postcode, home.town);
                "twice: moved"
            }
            92..100 if !person.former.is_empty() => {
                row.surname.clone_from(&person.former);
                "twice: married name"
            }
            _ => {
                row.given = slip(chance, &row.given);
                row.address = person.home.otherwise(chance);
                "twice: typo and address variant"
            }
        }
    }
}
