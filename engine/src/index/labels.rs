//! The texts of a column over all its parts, numbered: what groups are made by.

use super::layer::{ColumnIndex, Layer, Side, Tier};
use crate::base::bits::Bits;
use crate::base::value::{Value, ValueType};
use crate::column::Layout;
use std::collections::HashMap;

/// The values of a column of texts or truths, numbered from 0 on; the number behind the last stands for NULL.
#[derive(Debug)]
pub struct Labels {
    values: Vec<Value>,
    /// For each part of each layer the number of each code.
    base: Vec<Vec<u32>>,
    over: Vec<Vec<u32>>,
}

impl Labels {
    /// The values of a column; nothing for one of another type.
    pub fn new(column: &ColumnIndex) -> Option<Labels> {
        if column.value_type() == Some(ValueType::Boolean) {
            let values = vec![Value::Boolean(false), Value::Boolean(true)];
            let codes = |layer: &Layer| layer.shares.iter().map(|_| vec![0, 1]).collect();
            return Some(Labels { values, base: codes(&column.base), over: codes(&column.over) });
        }
        matches!(column.value_type(), Some(ValueType::Text | ValueType::Set)).then_some(())?;
        let (mut numbers, mut values) = (HashMap::new(), Vec::new());
        let base = numbered(&column.base, &mut numbers, &mut values)?;
        let over = numbered(&column.over, &mut numbers, &mut values)?;
        Some(Labels { values, base, over })
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of a number; nothing is NULL.
    pub fn value(&self, number: usize) -> Option<&Value> {
        self.values.get(number)
    }

    /// The codes of a chunk, a byte for each row from the first on, and the number of each of these bytes; when it has
    /// that form, and a value for every row.
    pub fn bytes<'c>(&self, column: &'c ColumnIndex, chunk: u32) -> Option<(Vec<u32>, &'c [u8])> {
        let view = column.only(chunk).filter(|view| view.null_bits().is_none())?;
        let [tier] = column.base.tiers(chunk) else { return None };
        let stored = view.numbers().filter(|stored| stored.width == 1)?;
        let base = usize::try_from(stored.base).ok()?;
        let numbers = self.base.get(tier.share)?.get(base..)?;
        Some((numbers.iter().take(256).copied().collect(), stored.bytes))
    }

    /// Shows the number of each value of the rows that are asked for: several of a row of a set.
    pub fn each(&self, column: &ColumnIndex, chunk: u32, asked: &Bits, see: &mut dyn FnMut(u32)) {
        asked.each(|row| {
            let Some((side, tier, slot)) = column.place(chunk, row) else { return };
            let maps = if side == Side::Base { &self.base } else { &self.over };
            let Some(map) = maps.get(tier.share) else { return };
            let mut code = |code: u32| {
                if let Some(number) = map.get(code as usize) {
                    see(*number);
                }
            };
            if tier.view.layout() == Layout::Sets {
                let codes = 0..tier.view.code_count(slot);
                codes.filter_map(|index| tier.view.code(slot, index)).for_each(code);
            } else {
                code(tier.view.number(slot));
            }
        });
    }

    /// Puts the number of each row that is asked for, in order. Nothing when a code stands for no value.
    pub fn of_rows(
        &self,
        column: &ColumnIndex,
        chunk: u32,
        asked: &Bits,
        numbers: &mut Vec<u32>,
    ) -> Option<()> {
        numbers.clear();
        let null = u32::try_from(self.values.len()).ok()?;
        if let ([tier], None) = (column.base.tiers(chunk), column.told(chunk))
            && tier.view.begins() == Some(0)
            && tier.view.null_bits().is_none()
        {
            let map = self.base.get(tier.share)?;
            return narrow(tier, map, null, asked, numbers);
        }
        let mut whole = true;
        asked.each(|row| {
            let number = match column.place(chunk, row) {
                None => Some(null),
                Some((side, tier, slot)) => {
                    let maps = if side == Side::Base { &self.base } else { &self.over };
                    let map = maps.get(tier.share);
                    map.and_then(|map| map.get(tier.view.number(slot) as usize)).copied()
                }
            };
            whole &= number.is_some();
            numbers.push(number.unwrap_or(null));
        });
        whole.then_some(())
    }
}

/// The numbers of rows of a block that has a value for each of its rows, from the first of the chunk on; rows behind
/// them are NULL.
fn narrow(tier: &Tier, map: &[u32], null: u32, asked: &Bits, numbers: &mut Vec<u32>) -> Option<()> {
    let stored = tier.view.numbers()?;
    let base = u32::try_from(stored.base).ok()?;
    let mut whole = true;
    let mut push = |code: Option<u32>| {
        let number = match code {
            Some(code) => map.get(code as usize).copied(),
            None => Some(null),
        };
        whole &= number.is_some();
        numbers.push(number.unwrap_or(null));
    };
    match stored.width {
        1 => asked.each(|row| {
            let code = stored.bytes.get(usize::from(row));
            push(code.map(|code| base + u32::from(*code)));
        }),
        2 => {
            let codes = stored.bytes.as_chunks::<2>().0;
            asked.each(|row| {
                let code = codes.get(usize::from(row));
                push(code.map(|code| base + u32::from(u16::from_le_bytes(*code))));
            });
        }
        _ => asked.each(|row| {
            let slot = tier.view.slot(u32::from(row));
            push(slot.map(|slot| tier.view.number(slot)));
        }),
    }
    whole.then_some(())
}

/// The number of each code of each part of a layer.
fn numbered<'l>(
    layer: &'l Layer,
    numbers: &mut HashMap<&'l str, u32>,
    values: &mut Vec<Value>,
) -> Option<Vec<Vec<u32>>> {
    let mut found = Vec::with_capacity(layer.shares.len());
    for share in &layer.shares {
        let mut codes = Vec::with_capacity(share.dictionary.len() as usize);
        for code in 0..share.dictionary.len() {
            let text = share.dictionary.text(code)?;
            let next = u32::try_from(values.len()).ok()?;
            let number = *numbers.entry(text).or_insert(next);
            if number == next {
                values.push(Value::Text(text.to_owned()));
            }
            codes.push(number);
        }
        found.push(codes);
    }
    Some(found)
}
