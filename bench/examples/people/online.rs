//! What happens online: accounts of the shop, visits with cookies, devices, and who is seen in the same places.

use super::World;
use super::files::{DAY, Expected, identifier, instant};
use super::household::{CHANGES, Person};
use super::mistakes::{short_name, typed};
use std::io::Result;

/// No visit is before this day or after that one.
const VISITS: (i64, i64) = (0, 330);
/// An old e-mail address is not used after this day.
const OLD_MAIL: i64 = CHANGES.0 - 10;

fn login(account: &str, namespace: &str, value: &str, at: i64) -> String {
    let with = match namespace {
        "advertising_id" => format!(r#""context":{{"device":{{"advertisingId":"{value}"}}}}"#),
        _ => format!(r#""anonymousId":"{value}""#),
    };
    let at = instant(at);
    format!(r#"{{"type":"identify","userId":"{account}",{with},"timestamp":"{at}"}}"#)
}

impl World {
    fn at(&mut self, first: i64, last: i64) -> i64 {
        self.chance.between(first * DAY, last * DAY + DAY - 1)
    }

    /// The accounts of the shop.
    pub fn shop(&mut self, members: &mut [Person]) -> Result<()> {
        for person in members {
            let accounts = person.accounts.clone();
            for (place, account) in accounts.iter().enumerate() {
                self.files.truth("user_id", account, person, "own")?;
                let at = self.at(0, OLD_MAIL);
                self.account(person, account, person.mail(), at);
                if place > 0 {
                    let first = accounts.first().map_or("", String::as_str);
                    let ids = (("user_id", first), ("user_id", account.as_str()));
                    self.files.link(("second account", "e-mail"), Expected::One, ids.0, ids.1)?;
                } else if person.mail_told.shop {
                    let at = self.at(person.changed, person.changed);
                    self.account(person, account, person.new_mail(), at);
                    self.mail_changed(person)?;
                }
            }
        }
        Ok(())
    }

    fn mail_changed(&mut self, person: &Person) -> Result<()> {
        // What the CRM knows as well is told of there.
        if person.mail_told.crm {
            return Ok(());
        }
        let retired = person.mails.iter().any(|mail| mail.kind == "retired");
        let (kind, expected) = match retired {
            true => ("retired e-mail", Expected::ApartOnceCorrected),
            false => ("changed e-mail", Expected::One),
        };
        let mails = (("email", person.mail()), ("email", person.new_mail()));
        self.files.link((kind, "account"), expected, mails.0, mails.1)
    }

    fn account(&mut self, person: &Person, account: &str, mail: &str, at: i64) {
        let given = match self.chance.often(0.25) {
            true => short_name(&mut self.chance, &person.given),
            false => person.given.clone(),
        };
        let mail = typed(&mut self.chance, mail);
        let town = match self.chance.often(0.4) {
            true => {
                format!(r#","city":"{}","postcode":"{}""#, person.home.town, person.home.postcode)
            }
            false => String::new(),
        };
        let surname = &person.surname;
        let traits = format!(
            r#""first_name":"{given}","last_name":"{surname}","contact_email":"{mail}"{town}"#
        );
        let ids = format!(r#""userId":"{account}","identifiers":{{"email":"{mail}"}}"#);
        let time = instant(at);
        let row =
            format!(r#"{{"type":"identify",{ids},"timestamp":"{time}","traits":{{{traits}}}}}"#);
        self.files.shop.row(at, &row);
    }

    /// Visits: each cookie lives for some weeks.
    pub fn web(&mut self, members: &[Person]) -> Result<()> {
        for person in members {
            let cookies = self.chance.pick(&[0, 0, 1, 1, 2, 2, 3, 4, 5, 8]);
            for _ in 0..cookies {
                self.cookie(members, person)?;
            }
        }
        Ok(())
    }

    fn cookie(&mut self, members: &[Person], person: &Person) -> Result<()> {
        let cookie = format!("w{:016x}", self.chance.number());
        let born = self.chance.between(VISITS.0, VISITS.1);
        let expires = born + self.chance.between(7, 34);
        for _ in 0..self.chance.between(1, 3) {
            let at = self.at(born, expires);
            let page = self.chance.pick(&["home", "search", "product", "basket", "help"]);
            let row = format!(
                r#"{{"type":"page","anonymousId":"{cookie}","name":"{page}","timestamp":"{}"}}"#,
                instant(at)
            );
            self.files.web.row(at, &row);
        }
        let cookie_id = ("anonymous_id", cookie.as_str());
        if let Some(account) = person.accounts.first()
            && self.chance.often(0.55)
        {
            let at = self.at(born, expires);
            self.files.web.row(at, &login(account, "anonymous_id", &cookie, at));
            self.files.truth("anonymous_id", &cookie, person, "own")?;
            let lent = self.lent(person, account, &cookie, at)?;
            let kind =
                if lent { ("login with a lent cookie", "account") } else { ("login", "cookie") };
            return self.files.link(kind, Expected::One, cookie_id, ("user_id", account));
        }
        if born <= OLD_MAIL && !person.mail().is_empty() && self.chance.often(0.08) {
            let at = self.at(born, OLD_MAIL.min(expires));
            let row = format!(
                r#"{{"type":"identify","anonymousId":"{cookie}","identifiers":{{"email":"{}"}},"timestamp":"{}"}}"#,
                person.mail(),
                instant(at)
            );
            self.files.web.row(at, &row);
            // A click on a newsletter that several get is one of them, and nobody knows who.
            let own = person.mails.first().is_some_and(|mail| mail.kind == "own");
            self.files.truth("anonymous_id", &cookie, person, if own { "own" } else { "alone" })?;
            if own {
                let mail = ("email", person.mail());
                self.files.link(("newsletter", "cookie"), Expected::One, cookie_id, mail)?;
            }
            return Ok(());
        }
        self.unknown(members, person, &cookie)
    }

    /// A cookie of nobody known, which may be seen where a device is.
    fn unknown(&mut self, members: &[Person], person: &Person, cookie: &str) -> Result<()> {
        let own = !person.accounts.is_empty() && self.chance.often(0.12);
        let other = members.iter().find(|member| member.place != person.place);
        // The vendor errs more often of those whom it knows well.
        let share = if own { 0.1 } else { 0.01 };
        let other = other.filter(|member| !member.accounts.is_empty() && self.chance.often(share));
        self.files.truth("anonymous_id", cookie, person, if own { "own" } else { "alone" })?;
        if own {
            let score = self.chance.between(550, 950);
            self.seen((person, own), person, cookie, score)?;
        }
        if let Some(other) = other {
            let score = self.chance.between(300, 700);
            self.seen((person, own), other, cookie, score)?;
        }
        Ok(())
    }

    /// A vendor says that a cookie is where a device is.
    fn seen(
        &mut self,
        (person, own): (&Person, bool),
        other: &Person,
        cookie: &str,
        score: i64,
    ) -> Result<()> {
        let at = 350 * DAY;
        let device = device(other, 0);
        let (left, right) =
            (identifier("advertising_id", &device), identifier("anonymous_id", cookie));
        let pair = format!(r#""left":{left},"right":{right},"score":0.{score}"#);
        let row = format!(
            r#"{{"type":"link","kind":"behavioural",{pair},"rule":"same-places","timestamp":"{}"}}"#,
            instant(at)
        );
        self.files.places.row(at, &row);
        let (kind, expected) = match person.number == other.number {
            true => ("same places", Expected::One),
            false => ("same places, another of the family", Expected::Apart),
        };
        let by = if person.number != other.number && own { "score, own known" } else { "score" };
        let account = other.accounts.first().map_or("", String::as_str);
        let cookie = ("anonymous_id", cookie);
        self.files.link((kind, by), expected, cookie, ("user_id", account))
    }

    /// Somebody of another household logs in with the cookie, and a correction says so later.
    fn lent(&mut self, person: &Person, account: &str, cookie: &str, at: i64) -> Result<bool> {
        let other = self.guest.as_ref().filter(|(household, _)| *household != person.household);
        let Some((_, guest)) = other.cloned().filter(|_| self.chance.often(0.01)) else {
            self.guest.get_or_insert_with(|| (person.household, account.to_owned()));
            return Ok(false);
        };
        self.guest = Some((person.household, account.to_owned()));
        let later = at + 3_600;
        self.files.web.row(later, &login(&guest, "anonymous_id", cookie, later));
        let (left, right) = (identifier("user_id", &guest), identifier("anonymous_id", cookie));
        let until = instant(later);
        self.correct(&format!(
            r#""type":"unlink","left":{left},"right":{right},"until":"{until}""#
        ));
        let ids = (("user_id", guest.as_str()), ("user_id", account));
        let kind = ("login of a guest", "cookie");
        self.files.link(kind, Expected::ApartOnceCorrected, ids.0, ids.1).map(|()| true)
    }

    /// Devices, each of one person but for tablets of families and kiosks.
    pub fn app(&mut self, members: &[Person]) -> Result<()> {
        for person in members {
            let Some(account) = person.accounts.first() else { continue };
            let count = self.chance.pick(&[1, 1, 1, 1, 1, 2, 2]);
            for number in 0..count {
                let device = device(person, number);
                self.device_login(account, &device);
                self.files.truth("advertising_id", &device, person, "own")?;
                let ids = (("advertising_id", device.as_str()), ("user_id", account.as_str()));
                self.files.link(("login", "device"), Expected::One, ids.0, ids.1)?;
            }
            if self.chance.often(0.1) {
                let number = self.chance.below((self.people / 50_000).max(1));
                let kiosk = format!("{number:08x}-0000-4000-8000-00000000cafe");
                self.device_login(account, &kiosk);
                self.crowd(person, "kiosk", ("advertising_id", &kiosk), ("user_id", account))?;
            }
        }
        self.tablet(members)
    }

    fn device_login(&mut self, account: &str, device: &str) {
        let at = self.at(VISITS.0, VISITS.1);
        self.files.app.row(at, &login(account, "advertising_id", device, at));
    }

    /// A tablet with which all of a family log in.
    fn tablet(&mut self, members: &[Person]) -> Result<()> {
        let with: Vec<(&Person, &String)> = members
            .iter()
            .filter_map(|person| person.accounts.first().map(|account| (person, account)))
            .collect();
        let [(owner, first), others @ ..] = with.as_slice() else { return Ok(()) };
        if others.is_empty() || !self.chance.often(0.15) {
            return Ok(());
        }
        let tablet = device(owner, 9);
        self.files.truth("advertising_id", &tablet, owner, "shared")?;
        self.device_login(first, &tablet);
        for (other, account) in others {
            self.device_login(account, &tablet);
            // Those who share an e-mail address too are told of there.
            if !(owner.shares_mail() && other.shares_mail()) {
                let ids = (("user_id", first.as_str()), ("user_id", account.as_str()));
                self.files.link(("shared tablet", ""), Expected::Apart, ids.0, ids.1)?;
            }
        }
        Ok(())
    }
}

/// A device of a person: what its advertising id is.
fn device(person: &Person, number: usize) -> String {
    let mixed = (person.number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{number:03x}-9000-{:012x}",
        mixed >> 32,
        mixed >> 16 & 0xffff,
        person.number
    )
}
