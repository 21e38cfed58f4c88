//! Golden rows: for each profile or entity its members and, for each trait, the value that won.
//!
//! *What it is:* `GoldenRow`, everything of one profile in one place; `OpenRows`, those that are not in a part yet,
//! with the traits that changed; in parts a row for each profile and beside it a column for each trait. *Invariants:*
//! the winner is the greatest fact by (event time, name of the source, value; NULL is the least), so the order of
//! arrival never matters; a NULL that wins removes the trait; rows and columns tell the same. *What it does not know:*
//! where facts come from. *Where to start reading:* `GoldenRow::tell`.

mod golden;
mod open;
mod stored;
mod view;

pub use golden::{Support, is_counted, order, support};
pub use open::OpenRows;
pub use view::{RowView, rows_told};

use crate::base::error::Result;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::{Catalog, Fields};
use crate::column::{Cell, Keeping, merge_column, rows_in};
use bincode::{Decode, Encode};
use std::cmp::Ordering;
use std::sync::Arc;

/// The rows themselves, as bytes.
const ROW: u32 = 0;
/// The node that a profile began with.
const ANCHOR: u32 = 1;
/// The first trait.
const TRAIT: u32 = 16;

/// Who said the value that won, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Winner {
    /// The event time; the time of receipt when the record named none.
    pub time: Timestamp,
    /// Whether the record named a time.
    pub dated: bool,
    /// The source.
    pub source: SourceId,
    /// The record.
    pub position: Position,
}

/// A trait in a golden row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowTrait {
    /// Its number in the catalog.
    pub number: u32,
    /// The value that won, in the type that it was told in; none when NULL won.
    pub value: Option<Value>,
    /// Who said so.
    pub winner: Winner,
    /// What its rule asks for beside that.
    pub support: Support,
}

impl RowTrait {
    /// What one record says of a trait.
    pub fn told(number: u32, value: Option<Value>, winner: Winner) -> RowTrait {
        RowTrait { number, value, winner, support: Support::None }
    }
}

/// Everything that is known of a profile or entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GoldenRow {
    /// The nodes of a profile; none for an entity.
    pub members: Vec<NodeId>,
    /// The node that names a profile; nothing for an entity.
    pub name: Option<NodeId>,
    /// Whether evidence that may not join two known profiles holds a profile together.
    pub conditional: bool,
    /// The traits, by number.
    pub traits: Vec<RowTrait>,
}

impl GoldenRow {
    /// A profile of which no more is known than the node that it began with.
    pub fn of_anchor(anchor: Option<NodeId>) -> GoldenRow {
        GoldenRow { members: anchor.into_iter().collect(), name: anchor, ..GoldenRow::default() }
    }

    /// What is known of a trait.
    pub fn get(&self, number: u32) -> Option<&RowTrait> {
        let found = self.traits.binary_search_by_key(&number, |known| known.number);
        found.ok().and_then(|index| self.traits.get(index))
    }

    /// Tells a fact; says whether it won.
    fn tell(&mut self, fact: RowTrait, fields: &Fields, catalog: &Catalog) -> bool {
        if is_counted(fields, fact.number) {
            if fact.value.is_none() && fact.support == Support::None {
                return false;
            }
            let fact = golden::count(self.get(fact.number), fact, fields, catalog);
            self.put(fact);
            return true;
        }
        match self.traits.binary_search_by_key(&fact.number, |known| known.number) {
            Err(index) => {
                self.traits.insert(index, fact);
                true
            }
            Ok(index) => match self.traits.get_mut(index) {
                Some(known) if beats(&fact, known, fields, catalog) => {
                    *known = fact;
                    true
                }
                _ => false,
            },
        }
    }
}

impl GoldenRow {
    /// Tells the facts of one record; notes the numbers of those that won.
    pub fn tell_record(
        &mut self,
        mut facts: Vec<RowTrait>,
        fields: &Fields,
        catalog: &Catalog,
        changed: &mut Vec<u32>,
    ) {
        support(&mut facts, fields);
        self.tell_all(facts, fields, catalog, changed);
    }

    /// Tells the traits of another row, which have what their rules ask for: what stands beside them there may be of
    /// other records. Notes the numbers of those that won. An amount of money and its currency win together, so that
    /// both are always of one record.
    pub fn tell_all(
        &mut self,
        facts: Vec<RowTrait>,
        fields: &Fields,
        catalog: &Catalog,
        changed: &mut Vec<u32>,
    ) {
        let pairs: Vec<(u32, u32)> = if fields.has_money() {
            let amounts = facts
                .iter()
                .filter_map(|fact| Some((fact.number, fields.get(fact.number as usize)?.money?)));
            amounts.filter(|(_, currency)| facts.iter().any(|f| f.number == *currency)).collect()
        } else {
            Vec::new()
        };
        let of = |number: u32| facts.iter().rfind(|fact| fact.number == number);
        for (amount, currency) in &pairs {
            let (Some(amount), Some(currency)) = (of(*amount), of(*currency)) else { continue };
            let known = (self.get(amount.number), self.get(currency.number));
            let wins = match known {
                (Some(known), Some(beside)) => {
                    let order = order(amount, known, fields, catalog);
                    let order = order
                        .then_with(|| value_order(currency.value.as_ref(), beside.value.as_ref()));
                    order.then_with(|| known.winner.position.cmp(&amount.winner.position))
                        == Ordering::Greater
                }
                (Some(known), None) => beats(amount, known, fields, catalog),
                (None, _) => true,
            };
            if wins {
                for fact in [amount, currency] {
                    self.put(fact.clone());
                    changed.push(fact.number);
                }
            }
        }
        for fact in facts {
            let paired = pairs.iter().any(|(a, c)| [*a, *c].contains(&fact.number));
            let number = fact.number;
            if !paired && self.tell(fact, fields, catalog) {
                changed.push(number);
            }
        }
    }

    fn put(&mut self, fact: RowTrait) {
        match self.traits.binary_search_by_key(&fact.number, |known| known.number) {
            Err(index) => self.traits.insert(index, fact),
            Ok(index) => {
                if let Some(known) = self.traits.get_mut(index) {
                    *known = fact;
                }
            }
        }
    }
}

/// Whether a fact beats another of the same trait.
pub fn beats(fact: &RowTrait, known: &RowTrait, fields: &Fields, catalog: &Catalog) -> bool {
    // Of equal facts the first in the log is named, so that a replay names the same one.
    let position = || known.winner.position.cmp(&fact.winner.position);
    order(fact, known, fields, catalog).then_with(position) == Ordering::Greater
}

/// The order of two values in which the greater one wins: NULL is less than every value.
pub fn value_order(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => Cell::of(a).compare(Cell::of(b)).unwrap_or(Ordering::Equal),
    }
}

/// The column of a trait.
pub fn trait_key(space: BlockKey, number: usize) -> BlockKey {
    space.field(TRAIT + u32::try_from(number).unwrap_or(u32::MAX - TRAIT))
}

/// One more than the greatest ordinal that parts tell of.
///
/// # Errors
/// `Corrupt`.
pub fn ordinals_in(parts: &[Arc<Part>], space: BlockKey) -> Result<u64> {
    rows_in(parts, space.field(ANCHOR))
}

/// Merges the rows and columns of parts. `whole`: no older part tells of these rows.
///
/// # Errors
/// `Corrupt`, `Io`.
pub fn merge_rows(
    parts: &[Arc<Part>],
    space: BlockKey,
    writer: &mut PartWriter,
    whole: bool,
) -> Result<()> {
    let mut fields = Vec::new();
    for part in parts {
        let same = |key: &BlockKey| (key.space, key.number) == (space.space, space.number);
        let keys = part.keys_from(space).take_while(same).filter(|key| key.form == 0);
        fields.extend(keys.map(|key| key.field));
    }
    fields.sort_unstable();
    fields.dedup();
    for field in fields {
        let keeping = Keeping { index: field >= TRAIT, nulls: !whole };
        merge_column(parts, space.field(field), writer, keeping)?;
    }
    Ok(())
}

/// A value in the type in force: rows keep the type that it was told in.
pub fn widened(value: &Value, wanted: Option<ValueType>) -> Value {
    wanted.and_then(|wanted| value.widen_to(wanted)).unwrap_or_else(|| value.clone())
}
