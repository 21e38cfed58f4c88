//! Profiles: what each person is.

use super::words::{COUNTRIES, LANGUAGES, PLANS, TAGS, city, skewed_word};
use super::{GROUP_ROWS, Writer, chance, user};
use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, ListBuilder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// 2018-01-01T00:00:00Z in seconds since 1970, and the seconds from there to 2026.
const FIRST_SIGN_UP: i64 = 1_514_764_800;
const SIGN_UPS: u64 = 2_922 * 86_400;
const KIND: u64 = 1;

pub fn write(path: &Path, seed: u64, count: u64) -> Result<(), Box<dyn Error>> {
    let mut writer = Writer::create(path);
    for first in (0..count).step_by(GROUP_ROWS) {
        let mut group = Group::default();
        for number in first..(first + GROUP_ROWS as u64).min(count) {
            group.person(seed, number);
        }
        writer.write(&group.batch()?)?;
    }
    writer.close()
}

/// The columns of a row group.
#[derive(Default)]
struct Group {
    user: StringBuilder,
    country: StringBuilder,
    city: StringBuilder,
    plan: StringBuilder,
    language: StringBuilder,
    consent_email: BooleanBuilder,
    consent_sms: BooleanBuilder,
    age: Int32Builder,
    value: Float64Builder,
    signed_up: TimestampMicrosecondBuilder,
    tags: ListBuilder<StringBuilder>,
}

impl Group {
    fn person(&mut self, seed: u64, number: u64) {
        let rng = &mut chance(seed, KIND, number);
        self.user.append_value(user(number));
        let country = rng.skewed(COUNTRIES.len() as u64, 2.0);
        self.country.append_option(COUNTRIES.get(country as usize));
        self.city.append_value(city(rng, country));
        self.plan.append_value(skewed_word(rng, &PLANS, 1.5));
        self.language.append_value(skewed_word(rng, &LANGUAGES, 1.5));
        self.consent_email.append_value(rng.below(10) < 6);
        self.consent_sms.append_value(rng.below(10) < 2);
        let age = 18 + rng.below(37) + rng.below(37);
        self.age.append_option((rng.below(10) > 0).then(|| i32::try_from(age).unwrap_or(18)));
        self.value.append_value(rng.cents(80.0, 1.0) as f64 / 100.0);
        let after = i64::try_from(SIGN_UPS - 1 - rng.skewed(SIGN_UPS, 1.5)).unwrap_or(0);
        self.signed_up.append_value((FIRST_SIGN_UP + after) * 1_000_000);
        let mut tags: Vec<&str> =
            (0..rng.skewed(9, 1.5)).map(|_| skewed_word(rng, &TAGS, 2.0)).collect();
        tags.sort_unstable();
        tags.dedup();
        self.tags.append_value(tags.into_iter().map(Some));
    }

    fn batch(mut self) -> Result<RecordBatch, Box<dyn Error>> {
        let signed_up = self.signed_up.finish().with_timezone("UTC");
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("user_id", Arc::new(self.user.finish()), false),
            ("country", Arc::new(self.country.finish()), true),
            ("city", Arc::new(self.city.finish()), true),
            ("plan", Arc::new(self.plan.finish()), true),
            ("language", Arc::new(self.language.finish()), true),
            ("consent_email", Arc::new(self.consent_email.finish()), true),
            ("consent_sms", Arc::new(self.consent_sms.finish()), true),
            ("age", Arc::new(self.age.finish()), true),
            ("value", Arc::new(self.value.finish()), true),
            ("signed_up", Arc::new(signed_up), true),
            ("tags", Arc::new(self.tags.finish()), true),
        ];
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}
