//! Random columns of money, the rates between their currencies, and what is computed of them.

use super::scalars::Class;
use super::values::{null, text};
use super::{Field, Kind, Questions, RowType, moment};
use crate::ast::Scalar;
use crate::calendar::DAY;
use crate::evaluate::{currency_of, kind_of};
use crate::oracle::{Meaning, Said};
use crate::rng::Rng;
use navedb::{Date, Value, ValueType};

/// What is written behind the name of an amount in that of its currency.
pub const CURRENCY: &str = ".currency";
pub const CURRENCIES: [&str; 3] = ["EUR", "USD", "¥"];

/// The entities that convert money.
pub(super) const RATES: &str = "currency_rate";

/// The pairs of currencies that rates may be told of, and are asked for.
pub(super) fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let to = |from| ["EUR", "USD"].into_iter().map(move |to| (from, to));
    CURRENCIES.into_iter().flat_map(to).filter(|(from, to)| from != to)
}

/// A column of money, sometimes: mostly of one currency, as it must be to compute with it as it stands.
pub(super) fn money(rng: &mut Rng, fields: &mut Vec<Field>) {
    if !rng.one_in(2) {
        return;
    }
    let amount = *rng.pick(&["Wallet", "Paid out", "item.Total"]);
    let decimal = Kind::Decimal;
    let kinds = [decimal, decimal, decimal, Kind::Integer, Kind::Float, Kind::BigDecimal];
    let several = *rng.pick(&[1, 1, 2, 3]);
    fields.push(Field { name: amount.to_owned(), kind: *rng.pick(&kinds) });
    fields.push(Field { name: format!("{amount}{CURRENCY}"), kind: Kind::Currency(several) });
}

/// What the rates say.
pub(super) fn rates(rng: &mut Rng) -> RowType {
    let day = *rng.pick(&["date", "day"]);
    let rate = *rng.pick(&[Kind::Decimal, Kind::Decimal, Kind::Integer, Kind::BigDecimal]);
    let kinds = [("from", Kind::Code), ("to", Kind::Code), (day, Kind::RateDay), ("rate", rate)];
    let field = |(name, kind): &(&str, Kind)| Field { name: (*name).to_owned(), kind: *kind };
    RowType { name: RATES.to_owned(), fields: kinds.iter().map(field).collect() }
}

/// The day of a rate: mostly before all that happens, or around it.
pub(super) fn rate_day(rng: &mut Rng, base: i64) -> Date {
    let early = if rng.one_in(2) { rng.between(400, 2000) * DAY } else { 0 };
    Date((moment(rng, base) - early).div_euclid(DAY) as i32)
}

/// The currency of an amount that was said before. Where there are all of them it is sometimes left out; and
/// sometimes it is said alone.
pub(super) fn currency(
    rng: &mut Rng,
    field: &Field,
    several: usize,
    said: &[(String, Said)],
) -> Option<(String, Said)> {
    let amount = field.name.strip_suffix(CURRENCY)?;
    let amount = said.iter().find(|(name, _)| name.eq_ignore_ascii_case(amount));
    let meaning = amount.map(|(_, amount)| &amount.meaning);
    let told = match meaning {
        Some(Meaning::Value(Value::Integer(_) | Value::Decimal(_) | Value::Float(_))) => {
            let left_out = several == CURRENCIES.len() && rng.one_in(12);
            (!left_out).then(|| text(CURRENCIES[rng.below(several)]))
        }
        Some(Meaning::Null) if !rng.one_in(4) => Some(null()),
        _ => rng.one_in(12).then(|| text(rng.pick::<&str>(&CURRENCIES))),
    };
    told.map(|told| (field.name.clone(), told))
}

impl Questions<'_> {
    /// The columns of money among some, if there are any and chance wants them.
    pub(super) fn some_of_money(&mut self, found: Vec<Scalar>, class: Class) -> Vec<Scalar> {
        if class != Class::Number || !self.rng.one_in(3) {
            return found;
        }
        let money: Vec<Scalar> = found.iter().filter(|c| self.is_money(c)).cloned().collect();
        if money.is_empty() { found } else { money }
    }

    fn is_money(&self, column: &Scalar) -> bool {
        let kind =
            currency_of(column).and_then(|beside| kind_of(&beside, self.types, &self.here()));
        kind == Some(ValueType::Text)
    }

    /// A column, or, when it is one of money, as a rule what makes a number of its amounts.
    pub(super) fn priced(&mut self, column: Scalar, class: Class) -> Scalar {
        if class != Class::Number || !self.is_money(&column) || self.rng.one_in(4) {
            return column;
        }
        if !self.rng.one_in(3) {
            let to = *self.rng.pick(&["EUR", "EUR", "USD"]);
            return Scalar::Convert(Box::new(column), to);
        }
        Scalar::Amount(Box::new(column))
    }
}
