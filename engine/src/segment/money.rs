//! Rules that take amounts of money for plain numbers: they are understood as long as the amounts have one currency.
//!
//! *Invariants:* a rule is prepared again as soon as a currency is told that was not known of an amount that it reads;
//! so a second currency stalls it before anybody enters or leaves by it.

use super::rules::Rules;
use crate::audience::Amount;
use crate::base::ids::Ordinal;
use crate::state::{News, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// The currencies that amounts are known to have.
#[derive(Debug, Default)]
pub struct Currencies(BTreeMap<Amount, BTreeSet<String>>);

impl Currencies {
    /// The places of the rules that read an amount of which a currency is new.
    pub fn concerned(&mut self, rules: &Rules, news: &News, reader: &Reader<'_>) -> Vec<usize> {
        let mut concerned = BTreeSet::new();
        for (amount, places) in &rules.amounts {
            let known = self.0.entry(*amount).or_default();
            let before = known.len();
            known.extend(told(*amount, news, reader));
            if known.len() > before {
                concerned.extend(places);
            }
        }
        concerned.into_iter().collect()
    }
}

/// The currencies that are told of an amount.
fn told(amount: Amount, news: &News, reader: &Reader<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match amount.event {
        None => {
            for ordinal in news.told_trait(amount.currency, reader) {
                let cell = reader.trait_cell(amount.currency, Ordinal(ordinal));
                found.extend(cell.text().map(str::to_owned));
            }
        }
        Some(event) => {
            let table = news.events(event, reader);
            for part in table.parts() {
                for row in 0..part.len() {
                    if let Some(text) = part.text(amount.currency, row)
                        && !found.contains(text)
                    {
                        found.insert(text.to_owned());
                    }
                }
            }
        }
    }
    found
}
