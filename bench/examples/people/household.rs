//! Who lives in a household, and what each of them has: a name, a day of birth, an e-mail address, a telephone.

use super::World;
use super::chance::Chance;
use super::mistakes::Address;
use super::words::{Words, plain};

/// The last day on which what is given up may be in use, and that up to which corrections speak.
pub const GIVEN_UP: i64 = 290;
/// Days on which an e-mail address or a telephone changes.
pub const CHANGES: (i64, i64) = (200, 280);
/// Days on which somebody registers who has a telephone number after somebody else.
const TAKEN_OVER: (i64, i64) = (300, 345);

/// An e-mail address or a telephone number.
pub struct Contact {
    pub value: String,
    /// `own`, `shared` with others of the household, or `retired`: given up, and perhaps somebody else's later.
    pub kind: &'static str,
    pub taken_over: bool,
}

/// A telephone number that somebody gave up.
pub struct Released {
    pub value: String,
    pub customer: String,
}

/// Where a change of e-mail address is told.
#[derive(Clone, Copy, Default)]
pub struct Told {
    pub crm: bool,
    pub shop: bool,
}

#[derive(Default)]
pub struct Person {
    pub number: usize,
    pub household: usize,
    /// The place in the household: 0 and 1 are a couple, all others their children.
    pub place: usize,
    pub female: bool,
    pub given: String,
    pub surname: String,
    /// The surname before marriage; empty without one.
    pub former: String,
    pub born: (i64, i64, i64),
    pub home: Address,
    /// The addresses that they have or had, the latest last.
    pub mails: Vec<Contact>,
    pub mail_told: Told,
    pub phones: Vec<Contact>,
    /// Who had the telephone number before; empty without one.
    pub phone_of: String,
    pub registered: i64,
    pub changed: i64,
    pub customers: Vec<String>,
    pub accounts: Vec<String>,
    /// How they are of one family with the others who were born before them.
    pub relation: &'static str,
    pub namesake_of: Option<usize>,
}

impl Person {
    pub fn mail(&self) -> &str {
        self.mails.first().map_or("", |mail| mail.value.as_str())
    }

    pub fn new_mail(&self) -> &str {
        self.mails.get(1).map_or("", |mail| mail.value.as_str())
    }

    pub fn phone(&self) -> &str {
        self.phones.first().map_or("", |phone| phone.value.as_str())
    }

    pub fn new_phone(&self) -> &str {
        self.phones.get(1).map_or("", |phone| phone.value.as_str())
    }

    pub fn shares_mail(&self) -> bool {
        self.mails.iter().any(|mail| mail.kind == "shared")
    }
}

fn contact(value: String, kind: &'static str) -> Contact {
    Contact { value, kind, taken_over: false }
}

/// A given name; of a twin that is named alike, one with the same letter first if there is one.
fn given(chance: &mut Chance, words: &Words, female: bool, like: Option<&str>) -> String {
    let list = if female { &words.female } else { &words.male };
    let letter = like.and_then(|name| name.chars().next());
    for _ in 0..200 {
        let name = chance.frequent(list, 6.0);
        if like.is_none() || (name.chars().next() == letter && Some(name) != like) {
            return name.to_owned();
        }
    }
    chance.frequent(list, 6.0).to_owned()
}

impl World {
    /// Who lives in the next household; the first of them has a number.
    pub fn members(&mut self, first: usize) -> Vec<Person> {
        let size = match self.chance.below(100) {
            0..40 => 1,
            40..70 => 2,
            70..82 => 3,
            82..95 => 4,
            _ => 5,
        };
        let size = size.min(self.people - first);
        let home = Address::of(&mut self.chance, &self.words);
        let surname = self.chance.frequent(&self.words.surnames, 15.0).to_owned();
        let twins = size >= 4 && self.chance.often(0.25);
        let mut members: Vec<Person> = Vec::new();
        for place in 0..size {
            let mut person = self.named(&members, place, &surname, twins);
            person.number = first + place;
            person.household = self.households;
            person.home = home.clone();
            members.push(person);
        }
        let shared = size >= 2 && self.chance.often(0.1);
        for person in &mut members {
            self.known(person);
        }
        if shared {
            self.share_mail(&mut members);
        }
        for person in &mut members {
            self.change(person);
        }
        members
    }

    fn named(&mut self, members: &[Person], place: usize, surname: &str, twins: bool) -> Person {
        let (chance, words) = (&mut self.chance, &self.words);
        let mut person = Person {
            place,
            surname: surname.to_owned(),
            relation: "relatives",
            ..Person::default()
        };
        let eldest = members.first().map_or(1960, |eldest| eldest.born.0);
        let before = members.last();
        person.female = chance.often(0.5);
        let year = match place {
            0 => chance.between(1945, 1985),
            1 => eldest + chance.between(-5, 5),
            _ => (eldest + chance.between(22, 34)).min(2007),
        };
        person.born = (year, chance.between(1, 12), chance.between(1, 28));
        let mut like = None;
        if let Some(before) = before.filter(|_| place == 1) {
            person.relation = "couple";
            person.female = before.female == chance.often(0.05);
            if chance.often(0.25) {
                person.surname = chance.frequent(&words.surnames, 15.0).to_owned();
            } else if person.female {
                person.former = chance.frequent(&words.surnames, 15.0).to_owned();
            }
        }
        if let Some(before) = before.filter(|_| twins && place == 3) {
            person.relation = "twins";
            person.born = before.born;
            like = chance.often(0.5).then_some(before.given.as_str());
        }
        person.given = given(chance, words, person.female, like);
        let parent = members.iter().take(2).find(|parent| parent.female == person.female);
        if let Some(parent) = parent.filter(|_| place == 2 && chance.often(0.15)) {
            person.given.clone_from(&parent.given);
            person.namesake_of = Some(parent.place);
        }
        person
    }

    /// By what somebody is known.
    fn known(&mut self, person: &mut Person) {
        person.registered = self.chance.between(0, 120);
        person.changed = self.chance.between(CHANGES.0, CHANGES.1);
        if self.chance.often(0.75) {
            self.customers += 1;
            person.customers.push(format!("C{:08}", self.customers));
        }
        if self.chance.often(0.85) {
            let mail = self.new_mail(person);
            person.mails.push(contact(mail, "own"));
            if self.chance.often(0.6) {
                self.accounts += 1;
                person.accounts.push(format!("U{:08}", self.accounts));
                if self.chance.often(0.1) {
                    self.accounts += 1;
                    person.accounts.push(format!("U{:08}", self.accounts));
                }
            }
        }
        if !person.customers.is_empty() && self.chance.often(0.85) {
            self.give_phone(person);
        }
    }

    fn give_phone(&mut self, person: &mut Person) {
        if self.released.len() > 50 && self.chance.often(0.06) {
            if let Some(released) = self.released.pop_front() {
                person.registered = self.chance.between(TAKEN_OVER.0, TAKEN_OVER.1);
                person.phone_of = released.customer;
                let phone = Contact { value: released.value, kind: "retired", taken_over: true };
                person.phones.push(phone);
            }
            return;
        }
        let phone = self.number();
        person.phones.push(contact(phone, "own"));
    }

    /// The first two share the address of the first; of such a household nobody changes it.
    fn share_mail(&mut self, members: &mut [Person]) {
        let [one, other, ..] = members else { return };
        if let Some(mail) = one.mails.first_mut() {
            mail.kind = "shared";
            let shared = contact(mail.value.clone(), "shared");
            other.mails = vec![shared];
        }
    }

    /// What becomes of e-mail address and telephone in the course of the year.
    fn change(&mut self, person: &mut Person) {
        let early = person.registered < CHANGES.0;
        let (customer, account) = (!person.customers.is_empty(), !person.accounts.is_empty());
        let known = customer || account;
        let own = person.mails.first().is_some_and(|mail| mail.kind == "own");
        if own && known && early && self.chance.often(0.14) {
            let retired = person.accounts.len() < 2 && self.chance.often(0.5);
            let both = retired || self.chance.often(0.3);
            let crm = customer && (both || !account || self.chance.often(0.6));
            person.mail_told = Told { crm, shop: account && (both || !crm) };
            let mail = self.later_mail(person);
            if let Some(old) = person.mails.first_mut().filter(|_| retired) {
                old.kind = "retired";
            }
            person.mails.push(contact(mail, "own"));
        }
        let own = person.phones.first().is_some_and(|phone| phone.kind == "own");
        if own && early && self.chance.often(0.12) {
            let retired = self.chance.often(0.5);
            if let Some(old) = person.phones.first_mut().filter(|_| retired) {
                old.kind = "retired";
                let customer = person.customers.first().cloned().unwrap_or_default();
                self.released.push_back(Released { value: old.value.clone(), customer });
            }
            let phone = self.number();
            person.phones.push(contact(phone, "own"));
        }
    }

    pub fn new_mail(&mut self, person: &Person) -> String {
        self.mailboxes += 1;
        let code = self.mailboxes;
        let surname = plain(&person.surname);
        let host = self.chance.pick(&HOSTS);
        match self.chance.below(10) {
            0..5 => format!("{}.{surname}.{code:x}@{host}", plain(&person.given)),
            5..8 => format!("{surname}{code:x}@{host}"),
            _ => {
                let word = plain(self.chance.frequent(&self.words.streets, 100.0));
                format!("{word}-{code:x}@{host}")
            }
        }
    }

    /// The address after another: with the same name at another host, or quite another.
    fn later_mail(&mut self, person: &Person) -> String {
        let (name, host) = person.mail().split_once('@').unwrap_or_default();
        let other = self.chance.pick(&HOSTS);
        if other != host && self.chance.often(0.5) {
            return format!("{name}@{other}");
        }
        self.new_mail(person)
    }

    /// A telephone number that nobody has or had.
    pub fn number(&mut self) -> String {
        self.telephones += 1;
        // The factor has no divisor in common with the number of numbers, so that none comes twice.
        format!("+999{}", 100_000_000 + self.telephones * 611_953 % 900_000_000)
    }
}

const HOSTS: [&str; 7] = [
    "north.example.org",
    "south.example.org",
    "east.example.org",
    "west.example.org",
    "mail.example.org",
    "post.example.org",
    "mail.invalid",
];
