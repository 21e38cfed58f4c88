//! What persons did: views, purchases in the web shop and at the till, refunds, wish lists.

use super::people::some;
use super::rng::Rng;
use super::text::{DAY, day, float, instant, json, json_list, json_object, money};
use super::words::{
    CAMPAIGNS, CATEGORIES, CURRENCIES, DEVICES, FLAGS, NOTES, PAGES, PLANS, REASONS, TAGS,
};
use super::{Lines, Person, Shop, typed};
use navedb::{Date, Timestamp};
use std::path::Path;

const VIEWS: [&str; 10] =
    ["no", "cookie", "at", "page", "campaign", "product_id", "seconds", "depth", "Gerät", "first"];
const PURCHASES: [&str; 15] = [
    "no",
    "mail",
    "cookie",
    "at",
    "order_no",
    "product_id",
    "quantity",
    "price",
    "price.currency",
    "discount",
    "campaign",
    "gift",
    "delivery",
    "note",
    "ship.city",
];
const TILL: [&str; 8] =
    ["no", "at", "receipt", "product_id", "quantity", "price", "price.currency", "gift"];

/// The rows of a purchase in the web shop.
type Cells = Vec<Option<String>>;

fn named(header: &[&str]) -> Cells {
    header.iter().map(|name| Some((*name).to_owned())).collect()
}

impl Shop {
    /// How many rows there are of so many for a thousand persons.
    fn share(self, thousandth: u64) -> u64 {
        self.persons * thousandth / 1000
    }

    pub(super) fn write_events(self, folder: &Path) -> std::io::Result<()> {
        self.write_views(folder)?;
        self.write_purchases(folder)?;
        self.write_till(folder)?;
        self.write_mixed(folder)?;
        self.write_stream(folder)
    }

    fn write_views(self, folder: &Path) -> std::io::Result<()> {
        let mut file = Lines::create(folder, "web_views.csv")?;
        file.cells(&named(&VIEWS))?;
        let mut rng = Rng::of(self.seed, 10, 0);
        for _ in 0..self.share(3300) {
            let person = self.somebody(&mut rng);
            let time = self.time(&mut rng, &person);
            let [no, _, cookie] = self.who(&mut rng, &person, false);
            file.cells(&[
                no,
                cookie,
                Some((time / 1000).to_string()),
                Some(rng.word(&PAGES).to_owned()),
                self.campaign(&mut rng, &person),
                rng.percent(60).then(|| product(&mut rng)),
                rng.percent(85).then(|| float(&mut rng, 600.0)),
                rng.percent(80).then(|| rng.below(30).to_string()),
                rng.percent(70).then(|| rng.word(&DEVICES).to_owned()),
                rng.percent(50).then(|| rng.percent(20).to_string()),
            ])?;
        }
        file.finish()
    }

    fn write_purchases(self, folder: &Path) -> std::io::Result<()> {
        let mut file = Lines::create(folder, "web_purchases.csv")?;
        file.cells(&named(&PURCHASES))?;
        let mut rng = Rng::of(self.seed, 11, 0);
        let rows = self.share(950);
        let mut number = 0;
        while number < rows {
            let person = self.somebody(&mut rng);
            let time = self.time(&mut rng, &person);
            // Some buy several things at the same instant.
            for _ in 0..if rng.percent(6) { 3 } else { 1 } {
                number += 1;
                let mut row = self.purchase(&mut rng, &person, number);
                set(&mut row, "at", Some(instant(&mut rng, time)));
                file.cells(&row)?;
                if rng.percent(1) {
                    file.cells(&row)?;
                }
                // The same order with another price contradicts the first one, and is not believed.
                if rng.below(500) == 0 {
                    set(&mut row, "price", Some("999999.99".to_owned()));
                    file.cells(&row)?;
                }
            }
        }
        file.finish()?;
        let mut file = Lines::create(folder, "web_undated.csv")?;
        file.cells(&named(&PURCHASES))?;
        for number in rows + 10..rows + 10 + self.share(20) {
            let person = self.somebody(&mut rng);
            let mut row = self.purchase(&mut rng, &person, number);
            // A time ahead of the clock is like none.
            set(&mut row, "at", rng.percent(10).then(|| "2031-05-06T07:08:09Z".to_owned()));
            file.cells(&row)?;
        }
        file.finish()
    }

    /// A purchase without its time.
    fn purchase(self, rng: &mut Rng, person: &Person, number: u64) -> Cells {
        let [no, mail, cookie] = self.who(rng, person, true);
        let price = rng.between(50, 99_999);
        let price = rng.percent(93).then(|| money(rng, price));
        // A currency without an amount says nothing.
        let currency = price.is_some() || rng.percent(20);
        let currency = currency.then(|| rng.word(&CURRENCIES).to_owned());
        vec![
            no,
            mail,
            cookie,
            None,
            Some(format!("o-{}", number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff)),
            rng.percent(95).then(|| product(rng)),
            rng.percent(97).then(|| rng.between(1, 9).to_string()),
            price,
            currency,
            rng.percent(40).then(|| {
                match number % 4 {
                    0 => "0.05",
                    1 => "0.1",
                    2 => "0.15",
                    _ => "2.5e-1",
                }
                .to_owned()
            }),
            self.campaign(rng, person),
            rng.percent(80).then(|| rng.percent(25).to_string()),
            rng.percent(60).then(|| day(rng, 2021, 2025)),
            rng.percent(40).then(|| rng.word(&NOTES).to_owned()),
            rng.percent(50).then(|| rng.word(&super::words::CITIES).to_owned()),
        ]
    }

    /// Purchases at the till: local times of Paris, by day, to the minute.
    fn write_till(self, folder: &Path) -> std::io::Result<()> {
        let mut file = Lines::create(folder, "crm_till.csv")?;
        file.cells(&named(&TILL))?;
        let mut rng = Rng::of(self.seed, 12, 0);
        for number in 0..self.share(350) {
            let person = self.somebody(&mut rng);
            let Some(no) = person.no.clone() else { continue };
            let date = Timestamp(self.time(&mut rng, &person)).date();
            let (year, month, day) = date.ymd().expect("a day of the shop");
            let (hour, minute) = (rng.between(8, 20), rng.below(60));
            let price = rng.between(50, 99_999);
            file.cells(&[
                Some(no),
                Some(format!("{day:02}/{month:02}/{year:04} {hour:02}:{minute:02}")),
                Some(format!("t-{number:x}")),
                Some(product(&mut rng)),
                Some(rng.between(1, 9).to_string()),
                Some(money(&mut rng, price)),
                Some("EUR".to_owned()),
                Some(rng.percent(10).to_string()),
            ])?;
        }
        file.finish()
    }

    /// Refunds and wish lists in one file, whose rows say what they are.
    fn write_mixed(self, folder: &Path) -> std::io::Result<()> {
        let mut file = Lines::create(folder, "web_mixed.ndjson")?;
        let mut rng = Rng::of(self.seed, 13, 0);
        for number in 0..self.share(400) {
            let person = self.somebody(&mut rng);
            let time = self.time(&mut rng, &person);
            let [no, mail, cookie] =
                self.who(&mut rng, &person, true).map(|id| id.as_deref().map(json));
            let event = if rng.percent(30) { "refund" } else { "Wish List" };
            let mut fields = vec![
                ("event", Some(json(event))),
                ("no", no),
                ("mail", mail),
                ("cookie", cookie),
                ("at", Some(json(&instant(&mut rng, time)))),
                ("key", Some(json(&format!("m-{number:x}")))),
                ("product_id", rng.percent(90).then(|| json(&product(&mut rng)))),
            ];
            fields.extend(if event == "refund" { refund(&mut rng) } else { wish(&mut rng) });
            file.line(&json_object(&fields))?;
        }
        file.finish()
    }

    /// Messages, as a site sends them while people look at it.
    fn write_stream(self, folder: &Path) -> std::io::Result<()> {
        let mut file = Lines::create(folder, "web_stream.ndjson")?;
        let mut rng = Rng::of(self.seed, 14, 0);
        for number in 0..self.share(10) {
            let person = self.somebody(&mut rng);
            let [no, mail, cookie] =
                self.who(&mut rng, &person, true).map(|id| id.as_deref().map(json));
            let time = self.time(&mut rng, &person);
            let mails = mail.map(|mail| format!("{{\"email\":[{mail}]}}"));
            let mut fields = vec![("userId", no), ("identifiers", mails), ("anonymousId", cookie)];
            fields.push(("messageId", Some(json(&format!("s-{number:x}")))));
            fields.push(("timestamp", Some(json(&instant(&mut rng, time)))));
            if rng.percent(40) {
                fields.push(("type", Some(json("identify"))));
                let plan = if rng.percent(30) { "null".to_owned() } else { json(rng.word(&PLANS)) };
                let traits = [
                    ("plan", rng.percent(60).then_some(plan)),
                    ("tags", rng.percent(50).then(|| json_list(&some(&mut rng, &TAGS)))),
                    ("visits", rng.percent(50).then(|| rng.below(90).to_string())),
                    ("opt in", rng.percent(40).then(|| rng.percent(50).to_string())),
                ];
                fields.push(("traits", Some(json_object(&traits))));
            } else {
                fields.push(("type", Some(json("track"))));
                fields.push(("event", Some(json("purchase"))));
                let price = rng.between(50, 99_999);
                let properties = [
                    ("product_id", Some(json(&product(&mut rng)))),
                    ("quantity", Some(rng.between(1, 9).to_string())),
                    ("price", Some(money(&mut rng, price))),
                    ("price.currency", Some(json(rng.word(&CURRENCIES)))),
                    ("campaign", self.campaign(&mut rng, &person).as_deref().map(json)),
                    ("gift", Some(rng.percent(50).to_string())),
                ];
                fields.push(("properties", Some(json_object(&properties))));
            }
            file.line(&json_object(&fields))?;
        }
        file.finish()
    }

    /// The identifiers that a record of a person names: number, mail, cookie; at least one.
    fn who(self, rng: &mut Rng, person: &Person, mails: bool) -> [Option<String>; 3] {
        let cookie = |rng: &mut Rng| Shop::cookie(person.number, rng.below(person.cookies.max(1)));
        let browsing = person.cookies > 0 && rng.percent(35);
        let mail =
            person.mail.as_ref().filter(|_| mails && (person.no.is_none() || rng.percent(30)));
        let mail = mail.map(|mail| typed(rng, mail));
        match &person.no {
            // Half of these say who the browser is.
            Some(_) if browsing && rng.percent(95) => [None, None, Some(cookie(rng))],
            Some(no) if browsing => [Some(no.clone()), None, Some(cookie(rng))],
            Some(no) => [Some(no.clone()), mail, None],
            None if mail.is_some() && !browsing => [None, mail, None],
            None => [None, None, Some(cookie(rng))],
        }
    }

    /// Half of all comes from no campaign, much of the rest from the one that the person likes.
    fn campaign(self, rng: &mut Rng, person: &Person) -> Option<String> {
        let mut own = Rng::of(self.seed, 6, person.number);
        let favourite = own.word(&CAMPAIGNS);
        match rng.below(10) {
            0..5 => None,
            5..8 => Some(favourite.to_owned()),
            _ => Some(rng.word(&CAMPAIGNS).to_owned()),
        }
    }
}

fn set(row: &mut Cells, name: &str, value: Option<String>) {
    let place = PURCHASES.iter().position(|known| *known == name).expect("a column");
    if let Some(cell) = row.get_mut(place) {
        *cell = value;
    }
}

/// The id of a product: some are bought often, one in a hundred is unknown.
pub(super) fn product(rng: &mut Rng) -> String {
    if rng.percent(1) {
        return format!("x{}", rng.below(20));
    }
    let place = rng.unit() * rng.unit();
    format!("p{}", 1 + (place * super::things::PRODUCTS as f64) as u64)
}

fn refund(rng: &mut Rng) -> Vec<(&'static str, Option<String>)> {
    let amount = rng.between(10, 50_000);
    vec![
        ("reason", rng.percent(85).then(|| json(rng.word(&REASONS)))),
        ("amount", rng.percent(95).then(|| money(rng, amount))),
        ("order", rng.percent(70).then(|| json(&format!("o-{}", rng.below(1 << 32))))),
        ("flags", rng.percent(60).then(|| json_list(&some(rng, &FLAGS)))),
        // A property with a name that every event has.
        ("source", rng.percent(50).then(|| json(rng.word(&DEVICES)))),
        ("fee", rng.percent(40).then(|| float(rng, 20.0))),
    ]
}

fn wish(rng: &mut Rng) -> Vec<(&'static str, Option<String>)> {
    let price = rng.between(50, 99_999);
    let price = rng.percent(80).then(|| format!("{{\"price\":{}}}", money(rng, price)));
    let remind = super::OPENED + rng.between(0, 1500) * DAY + rng.between(0, DAY - 1);
    let date = Date(i32::try_from(remind / DAY).expect("a day")).to_string();
    let remind = if rng.percent(20) { date } else { instant(rng, remind) };
    vec![
        ("item", price),
        ("priority", rng.percent(70).then(|| rng.between(-2, 5).to_string())),
        ("labels", rng.percent(60).then(|| json_list(&some(rng, &CATEGORIES)))),
        ("remind at", rng.percent(60).then(|| json(&remind))),
    ]
}
