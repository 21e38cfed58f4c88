//! Amounts of money in records: a number, and beside it the text of its currency, which are always told together.
//!
//! A record says an amount as a number, as a text with its currency (`12.50 EUR`), or as an object of amount and
//! currency, which comes as `NAME.amount` and `NAME.currency`. The definition of the field fixes the currency or names
//! the field that has it. *Invariant:* neither half is told without the other; what cannot be told goes to quarantine.

use super::apply::Fact;
use super::fields::Owner;
use super::{Fold, ToldTraits};
use crate::base::error::Result;
use crate::base::value::{Value, ValueType};
use crate::catalog::{AMOUNT, CURRENCY, Currency, Rule, folded};
use crate::definition::{Mapping, Target};
use crate::record::{CellText, FieldValue};
use std::sync::Arc;

/// What a record says of money.
#[derive(Default)]
pub(super) struct Amounts {
    /// The amounts and their currencies.
    pub told: ToldTraits,
    /// The fields of the record that are used up.
    pub taken: Vec<usize>,
}

/// A field of money, and where the record says it.
struct Place {
    number: usize,
    name: String,
    rule: Arc<Rule>,
    amount: Option<usize>,
    currency: Option<usize>,
    /// The field that the definition takes the currency from.
    from: Option<usize>,
}

/// The code of a currency: three letters, in upper case.
fn code_of(text: &str) -> Option<String> {
    let text = text.trim();
    let letters = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| text.to_ascii_uppercase())
}

/// The number and the currency of a text that says both.
fn apart(text: &str) -> Option<(String, String)> {
    let (first, last) = text.trim().split_once(char::is_whitespace)?;
    let last = last.trim();
    match (code_of(first), code_of(last)) {
        (Some(code), None) => Some((last.to_owned(), code)),
        (None, Some(code)) => Some((first.to_owned(), code)),
        _ => None,
    }
}

impl Fold {
    /// What a record says of the fields that are money.
    pub(super) fn amounts(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        mapping: Option<&Mapping>,
        fields: &[(String, FieldValue)],
    ) -> Result<Amounts> {
        let mut amounts = Amounts::default();
        if !self.state.fields(owner).is_some_and(|known| known.has_money()) {
            return Ok(amounts);
        }
        for place in self.places(owner, mapping, fields) {
            amounts.taken.extend(place.amount);
            amounts.taken.extend(place.currency);
            let told = self.amount(fact, owner, &place, fields)?;
            amounts.told.extend(told.into_iter().flatten());
        }
        Ok(amounts)
    }

    /// Where a record says the amounts of money of an owner; those that it says nothing of are left out.
    fn places(
        &self,
        owner: Owner<'_>,
        mapping: Option<&Mapping>,
        fields: &[(String, FieldValue)],
    ) -> Vec<Place> {
        let Some(known) = self.state.fields(owner) else { return Vec::new() };
        // Of a name that is said twice the last counts, as elsewhere.
        let named = |wanted: &dyn Fn(&str) -> bool| {
            fields.iter().rposition(|(name, _)| {
                match mapping.and_then(|mapping| mapping.target(name)) {
                    None => wanted(name),
                    Some(Target::Ignored) => false,
                    Some(Target::Field(to, _)) => wanted(to),
                }
            })
        };
        let places = known.money().map(|(number, name, rule)| {
            let ends = |end: &str| {
                let whole = folded(&format!("{name}{end}"));
                named(&|said| folded(said) == whole)
            };
            let amount = named(&|said| known.find(said) == Some(number)).or_else(|| ends(AMOUNT));
            let from = match &rule.money {
                Some(Currency::From(from)) => named(&|said| folded(said) == folded(from))
                    .or_else(|| fields.iter().rposition(|(name, _)| name == from)),
                _ => None,
            };
            let (name, rule, currency) = (name.to_owned(), Arc::clone(rule), ends(CURRENCY));
            Place { number, name, rule, amount, currency, from }
        });
        places.filter(|place| place.amount.is_some() || place.currency.is_some()).collect()
    }

    /// The two halves of an amount; nothing when it goes to quarantine.
    fn amount(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        place: &Place,
        fields: &[(String, FieldValue)],
    ) -> Result<Option<[(u32, Option<Value>); 2]>> {
        let at = |index: Option<usize>| index.and_then(|index| fields.get(index));
        let known = self.state.fields(owner).and_then(|known| known.get(place.number));
        let Some(currency) = known.and_then(|field| field.money) else { return Ok(None) };
        let number = u32::try_from(place.number).unwrap_or(u32::MAX);
        let refused = |fold: &mut Fold, field: &FieldValue, reason: String| {
            fold.reject_value(fact, owner.name(), &place.name, field, reason).map(|()| None)
        };
        let Some((_, field)) = at(place.amount) else {
            let Some((_, field)) = at(place.currency) else { return Ok(None) };
            if *field == FieldValue::Null {
                return Ok(None);
            }
            return refused(self, field, "a currency is said without its amount".to_owned());
        };
        let cell = match field {
            FieldValue::Null if matches!(owner, Owner::Event(..)) => return Ok(None),
            FieldValue::Null => return Ok(Some([(number, None), (currency, None)])),
            FieldValue::List => return refused(self, field, "a list is no amount".to_owned()),
            FieldValue::Cell(cell) => cell,
        };
        let (text, inside) = match apart(&cell.text) {
            Some((text, code)) => (text, Some(code)),
            None => (cell.text.clone(), None),
        };
        let said = |field: Option<&(String, FieldValue)>| match field {
            Some((_, FieldValue::Cell(cell))) => Some(cell.text.clone()),
            _ => None,
        };
        let code =
            inside.or_else(|| said(at(place.currency))).or_else(|| match &place.rule.money {
                Some(Currency::Fixed(code)) => Some(code.clone()),
                _ => said(at(place.from)),
            });
        let Some(code) = code else {
            let reason = format!("'{}' is an amount without a currency", cell.text);
            return refused(self, field, reason);
        };
        let Some(code) = code_of(&code) else {
            let shown: String = code.chars().take(20).collect();
            let reason = format!("'{shown}' is no currency; a currency has three letters");
            return refused(self, field, reason);
        };
        let plain = if text == cell.text { cell.clone() } else { CellText::number(&text) };
        let rules = (None, Some(place.rule.as_ref()));
        match self.state.declared_value(owner, place.number, rules, &plain) {
            Ok(Some(value)) if value.value_type() == ValueType::Decimal => {
                Ok(Some([(number, Some(value)), (currency, Some(Value::Text(code)))]))
            }
            Ok(_) => Ok(None),
            Err(reason) => refused(self, field, reason),
        }
    }
}
