//! The fields of a record in the names and types in force, amounts of money with their currencies among them.
//!
//! *Invariants:* an amount and its currency are told together or not at all; what a record says of either and cannot be
//! used goes to quarantine. *Where to start reading:* `Fold::fitting`.

use super::apply::Fact;
use super::fields::Owner;
use super::{Fold, ToldTraits};
use crate::base::error::Result;
use crate::base::value::{Value, ValueType};
use crate::catalog::{AMOUNT, CURRENCY, Currency, Fields, Rule, folded};
use crate::definition::{Mapping, Target, code_of, says_nothing};
use crate::record::{CellText, FieldValue};
use std::sync::Arc;

/// A field as a mapping calls it, how the mapping reads it, and what the record says.
type Named<'n> = (&'n str, Option<&'n Rule>, &'n FieldValue);

/// A field of money: its number and name, and how it is read.
type Money = (usize, String, Arc<Rule>);

/// An amount, and the currency that stands before or behind it.
fn parted(text: &str) -> (&str, Option<String>) {
    let text = text.trim();
    let behind = text.rsplit_once(' ').and_then(|(amount, code)| Some((amount, code_of(code)?)));
    let before = || text.split_once(' ').and_then(|(code, amount)| Some((amount, code_of(code)?)));
    match behind.or_else(before) {
        Some((amount, code)) => (amount.trim(), Some(code)),
        None => (text, None),
    }
}

/// The currency that one of two places says, held against the one that is declared.
fn agreed(
    rule: &Rule,
    beside: Option<&str>,
    within: Option<String>,
) -> std::result::Result<String, String> {
    let beside =
        match beside {
            None => None,
            Some(text) => Some(code_of(text).ok_or_else(|| {
                format!("'{text}' is no currency; three letters are, such as EUR")
            })?),
        };
    let fixed = match &rule.money {
        Some(Currency::Fixed(code)) => Some(code.clone()),
        _ => None,
    };
    let mut said = fixed.into_iter().chain(beside).chain(within);
    let Some(first) = said.next() else {
        return Err("this amount has no currency; define one, or send it".to_owned());
    };
    match said.find(|other| *other != first) {
        Some(other) => Err(format!("this amount is of {other}, but also of {first}")),
        None => Ok(first),
    }
}

impl Fold {
    /// The values of fields that fit, by number; the others go to quarantine.
    pub(super) fn fitting(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        mapping: Option<&Mapping>,
        fields: &[(String, FieldValue)],
    ) -> Result<ToldTraits> {
        let mut named: Vec<Named<'_>> = Vec::with_capacity(fields.len());
        for (name, field) in fields {
            if matches!((owner, field), (Owner::Event(..), FieldValue::Null)) {
                continue;
            }
            match mapping.and_then(|mapping| mapping.target(name)) {
                None => named.push((name, None, field)),
                Some(Target::Ignored) => {}
                Some(Target::Field(to, rule)) => named.push((to, rule.as_deref(), field)),
            }
        }
        let mut told = Vec::with_capacity(named.len());
        if self.state.fields(owner).is_some_and(Fields::has_money) {
            self.take_money(fact, owner, &mut named, &mut told)?;
        }
        for (name, rule, field) in named {
            told.extend(self.fit_one(fact, owner, name, rule, field)?);
        }
        Ok(told)
    }

    /// Takes what is said of amounts of money out of the fields of a record.
    fn take_money(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        named: &mut Vec<Named<'_>>,
        told: &mut ToldTraits,
    ) -> Result<()> {
        let Some(fields) = self.state.fields(owner) else { return Ok(()) };
        let all: Vec<Money> = fields
            .money()
            .map(|(number, name, rule)| (number, name.to_owned(), Arc::clone(rule)))
            .collect();
        // A field may name the currency of several amounts, and is one of its own.
        let said = named.clone();
        for money in &all {
            let (number, name, rule) = money;
            let (amount, currency) =
                (folded(&format!("{name}{AMOUNT}")), folded(&format!("{name}{CURRENCY}")));
            let find = |name: &str| self.state.fields(owner).and_then(|fields| fields.find(name));
            let is_amount = |said: &str| find(said) == Some(*number) || folded(said) == amount;
            let is_currency = |said: &str| match &rule.money {
                Some(Currency::From(from)) => folded(said) == folded(from),
                _ => folded(said) == currency,
            };
            let amounts: Vec<Named<'_>> =
                said.iter().filter(|(said, ..)| is_amount(said)).copied().collect();
            if amounts.is_empty() {
                let alone = said.iter().filter(|(said, ..)| folded(said) == currency);
                for (_, _, field) in alone.filter(|(.., field)| **field != FieldValue::Null) {
                    let reason = "a currency is said without its amount".to_owned();
                    self.reject_value(fact, owner.name(), name, field, reason)?;
                }
                named.retain(|(said, ..)| folded(said) != currency);
                continue;
            }
            let beside = said.iter().find_map(|(name, _, field)| match field {
                FieldValue::Cell(cell) if is_currency(name) => Some(cell.text.as_str()),
                _ => None,
            });
            named.retain(|(said, ..)| !is_amount(said) && folded(said) != currency);
            for one in amounts {
                self.take_amount(fact, owner, money, one, beside, told)?;
            }
        }
        Ok(())
    }

    /// Takes one amount with its currency.
    fn take_amount(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        (number, name, rule): &Money,
        (_, mapped, field): Named<'_>,
        beside: Option<&str>,
        told: &mut ToldTraits,
    ) -> Result<()> {
        let fields = self.state.fields(owner);
        let currency = fields.and_then(|fields| fields.get(*number)).and_then(|field| field.money);
        let Some(currency) = currency else { return Ok(()) };
        let cell = match field {
            FieldValue::Cell(cell) => cell,
            other => {
                let taken = self.fit_one(fact, owner, name, mapped, other)?;
                if taken.is_some() {
                    told.extend(taken);
                    told.push((currency, None));
                }
                return Ok(());
            }
        };
        if [mapped, Some(rule.as_ref())].into_iter().flatten().any(|rule| says_nothing(rule, cell))
        {
            return Ok(());
        }
        let (amount, within) = parted(&cell.text);
        let code = match agreed(rule, beside, within) {
            Ok(code) => code,
            Err(reason) => return self.reject_value(fact, owner.name(), name, field, reason),
        };
        let value_type = if amount == cell.text { cell.value_type } else { ValueType::Decimal };
        let amount = FieldValue::Cell(CellText {
            text: amount.to_owned(),
            value_type,
            is_number: cell.is_number,
        });
        if let Some(taken) = self.fit_one(fact, owner, name, mapped, &amount)? {
            told.push(taken);
            told.push((currency, Some(Value::Text(code))));
        }
        Ok(())
    }
}
