//! Products and brands: entities, written through the engine's API as a shop's catalogue would be.

use super::people::some;
use super::rng::Rng;
use super::text::{day, float, json, json_list, json_object, money};
use super::words::{ADJECTIVES, BRANDS, CATEGORIES, COUNTRIES, CURRENCIES, MATERIALS};
use super::{Lines, Shop};
use navedb::Date;
use std::path::Path;

/// How many products there are.
pub(super) const PRODUCTS: u64 = 2000;
/// The pairs of currencies that have rates.
const PAIRS: [(&str, &str); 4] = [("USD", "EUR"), ("GBP", "EUR"), ("EUR", "USD"), ("GBP", "USD")];
/// How many rates a pair has.
const RATES: u64 = 60;
/// The type of the entities that are rates.
const RATE: &str = "currency_rate";
/// How many brands there are.
pub(super) const MAKERS: u64 = 60;

impl Shop {
    pub(super) fn write_things(self, folder: &Path) -> std::io::Result<()> {
        let mut file = Lines::create(folder, "entities.ndjson")?;
        for number in 1..=MAKERS {
            let mut rng = Rng::of(self.seed, 20, number);
            let traits = json_object(&[
                ("name", Some(json(rng.word(&BRANDS)))),
                ("country", rng.percent(85).then(|| json(rng.word(&COUNTRIES)))),
                ("since", rng.percent(80).then(|| json(&day(&mut rng, 1850, 2020)))),
                ("id", rng.percent(50).then(|| json(&format!("B{}", rng.below(9))))),
            ]);
            file.line(&message("brand", &json(&format!("b{number}")), 0, number, &traits))?;
        }
        for number in 1..=PRODUCTS {
            let mut rng = Rng::of(self.seed, 21, number);
            let traits = self.product(&mut rng, true);
            // An id with white space around it is the same id.
            let id = if rng.percent(5) { format!(" p{number} ") } else { format!("p{number}") };
            file.line(&message("product", &json(&id), 0, number, &traits))?;
        }
        // Later and earlier words on some of them; null takes a field away.
        for number in (1..=PRODUCTS).filter(|number| number % 5 == 2) {
            let mut rng = Rng::of(self.seed, 22, number);
            let traits = self.product(&mut rng, false);
            let version = if rng.percent(50) { 1 } else { -1 };
            file.line(&message("product", &json(&format!("p{number}")), version, number, &traits))?;
        }
        self.write_rates(&mut file)?;
        file.finish()
    }

    /// Rates of each pair: one from before the first day, and others of any day, also several of one. Some lack what
    /// makes a rate, and some are corrected, or taken away, later on.
    fn write_rates(self, file: &mut Lines) -> std::io::Result<()> {
        let mut number = 0;
        for (from, to) in PAIRS {
            for place in 0..RATES {
                number += 1;
                let mut rng = Rng::of(self.seed, 23, number);
                let mut day = Date(18_597);
                if place > 0 {
                    day.0 += i32::try_from(rng.below(250) * 6).unwrap_or_default();
                }
                let rate = |rng: &mut Rng| format!("{}.{:05}", rng.below(2), 1 + rng.below(99_999));
                let told =
                    |rng: &mut Rng, value: String| (place == 0 || rng.percent(97)).then_some(value);
                let fields = [
                    ("from", told(&mut rng, json(from))),
                    ("to", told(&mut rng, json(to))),
                    ("date", told(&mut rng, json(&day.to_string()))),
                    ("rate", Some(rate(&mut rng))),
                ];
                let id = json(&format!("{from}-{to}-{place}"));
                let say = |file: &mut Lines, version, fields: &[(&str, Option<String>)]| {
                    file.line(&message(RATE, &id, version, number, &json_object(fields)))
                };
                say(file, 0, &fields)?;
                if place > 0 && rng.percent(10) {
                    let later = if rng.percent(50) { "null".to_owned() } else { rate(&mut rng) };
                    say(file, 1, &[("rate", Some(later))])?;
                }
            }
        }
        Ok(())
    }

    fn product(self, rng: &mut Rng, first: bool) -> String {
        let percent = if first { 92 } else { 30 };
        let null = |rng: &mut Rng, value: String| {
            if !first && rng.percent(20) { "null".to_owned() } else { value }
        };
        let name =
            format!("{} {} {}", rng.word(&ADJECTIVES), rng.word(&CATEGORIES), rng.below(100));
        let price = rng.between(100, 90_000);
        let currency = json(rng.word(&CURRENCIES));
        let mut field = |make: &dyn Fn(&mut Rng) -> String| {
            rng.percent(percent).then(|| {
                let value = make(rng);
                null(rng, value)
            })
        };
        let (name, price) = (field(&|_| json(&name)), field(&|rng| money(rng, price)));
        // Both are told, taken away, or left out.
        let currency = price.as_ref().map(|price| match price.as_str() {
            "null" => price.clone(),
            _ => currency,
        });
        let fields = [
            ("name", name),
            ("price", price),
            ("price.currency", currency),
            ("weight", field(&|rng| float(rng, 50.0))),
            ("category", field(&|rng| json(rng.word(&CATEGORIES)))),
            ("brand_id", field(&|rng| json(&format!("b{}", 1 + rng.below(MAKERS + 3))))),
            ("materials", field(&|rng| json_list(&some(rng, &MATERIALS)))),
            ("launched", field(&|rng| json(&day(rng, 2015, 2024)))),
            ("in stock", field(&|rng| rng.percent(70).to_string())),
            ("stock", field(&|rng| rng.between(0, 500).to_string())),
        ];
        json_object(&fields)
    }
}

/// The message that says something of a thing, in one of three years.
fn message(entity: &str, id: &str, version: i64, number: u64, traits: &str) -> String {
    let day = number % 28 + 1;
    json_object(&[
        ("type", Some(json("entity"))),
        ("entity", Some(json(entity))),
        ("id", Some(id.to_owned())),
        ("traits", Some(traits.to_owned())),
        ("timestamp", Some(json(&format!("{}-03-{day:02}T10:00:00Z", 2022 + version)))),
        ("messageId", Some(json(&format!("{entity}-{number}-{version}")))),
    ])
}
