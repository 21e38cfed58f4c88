//! What persons are: the files of the crm, and the browsers that the web has seen.

use super::rng::Rng;
use super::text::{DAY, day, float, instant, json, json_list, json_object, money};
use super::words::{
    CATEGORIES, CITIES, COUNTRIES, CURRENCIES, DEVICES, FIRST_NAMES, LAST_NAMES, PLANS, TAGS, ZONES,
};
use super::{Lines, Person, Shop, typed};
use std::path::Path;

const HEADER: [&str; 18] = [
    "no",
    "mail",
    "changed",
    "country",
    "city",
    "name",
    "plan",
    "zone",
    "address.zip",
    "age",
    "select",
    "balance",
    "balance.currency",
    "größe",
    "score",
    "vip",
    "born",
    "last seen",
];

impl Shop {
    pub(super) fn write_people(self, folder: &Path) -> std::io::Result<()> {
        let header: Vec<Option<String>> = HEADER.map(|name| Some(name.to_owned())).to_vec();
        let mut dated = Lines::create(folder, "crm_people.csv")?;
        let mut undated = Lines::create(folder, "crm_undated.csv")?;
        dated.cells(&header)?;
        undated.cells(&header)?;
        let mut tags = Lines::create(folder, "crm_tags.ndjson")?;
        let mut signups = Lines::create(folder, "web_signups.ndjson")?;
        for number in 0..self.persons {
            let person = self.person(number);
            let mut rng = Rng::of(self.seed, 4, number);
            if person.no.is_some() {
                let time = self.time(&mut rng, &person);
                dated.cells(&crm_row(&mut rng, &person, Some(time)))?;
                if rng.percent(1) {
                    undated.cells(&crm_row(&mut rng, &person, None))?;
                }
                if rng.percent(50) {
                    let time = self.time(&mut rng, &person);
                    tags.line(&tagged(&mut rng, &person, time))?;
                }
            }
            for cookie in 0..person.cookies {
                self.signups(&mut rng, &person, cookie, &mut signups)?;
            }
        }
        // Changes, half of them older than what the file says above.
        for number in (0..self.persons).filter(|number| number % 7 == 3) {
            let person = self.person(number);
            let mut rng = Rng::of(self.seed, 5, number);
            if person.no.is_some() {
                let time = self.time(&mut rng, &person);
                dated.cells(&crm_row(&mut rng, &person, Some(time)))?;
            }
        }
        dated.finish()?;
        undated.finish()?;
        tags.finish()?;
        signups.finish()
    }

    /// What the web knows of a browser: who it is, mostly, and a few traits.
    fn signups(
        self,
        rng: &mut Rng,
        person: &Person,
        cookie: u64,
        file: &mut Lines,
    ) -> std::io::Result<()> {
        let linked = self.linked(person, cookie);
        let mut mail = person.mail.as_ref().filter(|_| linked).map(|mail| typed(rng, mail));
        let mut no = person.no.clone().filter(|_| linked && (mail.is_none() || rng.percent(50)));
        if !linked && rng.percent(40) {
            return Ok(());
        }
        loop {
            let time = self.time(rng, person);
            let fields = [
                ("cookie", Some(json(&Shop::cookie(person.number, cookie)))),
                ("no", no.as_deref().map(json)),
                ("mail", mail.as_deref().map(json)),
                ("at", Some(json(&instant(rng, time)))),
                ("country", rng.percent(60).then(|| json(rng.word(&COUNTRIES)))),
                ("device", rng.percent(80).then(|| json(rng.word(&DEVICES)))),
                ("visits", rng.percent(70).then(|| rng.below(40).to_string())),
                ("score", rng.percent(30).then(|| float(rng, 100.0))),
            ];
            file.line(&json_object(&fields))?;
            // A browser that somebody else uses as well: both become one profile.
            let next = self.person(person.number + 1);
            if !linked || next.no.is_none() || person.number + 1 == self.persons || !rng.percent(1)
            {
                return Ok(());
            }
            (no, mail) = (next.no, None);
            if rng.percent(50) {
                return Ok(());
            }
        }
    }
}

fn crm_row(rng: &mut Rng, person: &Person, time: Option<i64>) -> Vec<Option<String>> {
    let word = |rng: &mut Rng, percent: u64, words: &[&str]| {
        rng.percent(percent).then(|| (*rng.pick(words)).to_owned())
    };
    let name = format!("{} {}", rng.word(&FIRST_NAMES), rng.word(&LAST_NAMES));
    let zip = if rng.percent(50) { "0" } else { "F-" };
    let balance = rng.between(-50_000, 500_000);
    let balance = rng.percent(85).then(|| (money(rng, balance), rng.word(&CURRENCIES).to_owned()));
    let (balance, currency) = balance.unzip();
    let size = rng.between(1400, 2100) * 10;
    let seen = super::OPENED + rng.between(0, (super::DAYS - 1) * DAY / 1000) * 1000;
    vec![
        person.no.clone(),
        person.mail.clone().filter(|_| rng.percent(80)).map(|mail| typed(rng, &mail)),
        time.map(|time| instant(rng, time)),
        word(rng, 85, &COUNTRIES),
        word(rng, 90, &CITIES),
        rng.percent(97).then_some(name),
        word(rng, 70, &PLANS),
        word(rng, 75, &ZONES),
        rng.percent(80).then(|| format!("{zip}{:04}", rng.below(3000))),
        rng.percent(80).then(|| rng.between(16, 99).to_string()),
        rng.percent(60).then(|| rng.between(-3, 9).to_string()),
        balance,
        currency,
        rng.percent(70).then(|| money(rng, size)),
        rng.percent(75).then(|| float(rng, 100.0)),
        rng.percent(80).then(|| rng.percent(30).to_string()),
        rng.percent(80).then(|| day(rng, 1930, 2010)),
        rng.percent(75).then(|| instant(rng, seen)),
    ]
}

/// Some of several, in any order, perhaps twice.
pub(super) fn some<'a>(rng: &mut Rng, words: &[&'a str]) -> Vec<&'a str> {
    (0..rng.below(5)).map(|_| *rng.pick(words)).collect()
}

fn tagged(rng: &mut Rng, person: &Person, time: i64) -> String {
    let plan = match rng.below(10) {
        0..2 => Some("null".to_owned()),
        2..5 => Some(json(rng.word(&PLANS))),
        _ => None,
    };
    let opted = match rng.below(10) {
        0 => Some("null".to_owned()),
        1..8 => Some(rng.percent(40).to_string()),
        _ => None,
    };
    let zip = rng.percent(5).then(|| format!("{{\"zip\":\"0{:04}\"}}", rng.below(3000)));
    // An age is a number: this one goes to quarantine, and says nothing.
    let age = rng.percent(1).then(|| json("unknown"));
    json_object(&[
        ("no", person.no.as_deref().map(json)),
        ("at", Some(json(&instant(rng, time)))),
        ("tags", rng.percent(90).then(|| json_list(&some(rng, &TAGS)))),
        ("interests", rng.percent(70).then(|| json_list(&some(rng, &CATEGORIES)))),
        ("plan", plan),
        ("opt in", opted),
        ("address", zip),
        ("age", age),
    ])
}
