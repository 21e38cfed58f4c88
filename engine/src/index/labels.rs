//! The values of a column over all its parts, numbered: what groups are made by.

use super::layer::{ColumnIndex, Layer, Side, Tier};
use crate::base::bits::Bits;
use crate::base::time::Date;
use crate::base::value::{Value, ValueType};
use crate::column::{BlockView, Layout, known_rows};
use std::collections::HashMap;

/// Whole numbers that lie further apart than this are not numbered: most of them would be none of the column.
const SPAN: i64 = 1 << 16;

/// The values of a chunk as a byte for each row.
#[derive(Debug)]
pub struct LabelBytes<'c> {
    /// The number of each byte.
    pub numbers: Vec<u32>,
    /// A byte for each row; rows behind the last are NULL.
    pub bytes: &'c [u8],
    /// A bit for each of these rows that is NULL; nothing when none is.
    pub nulls: Option<&'c [u8]>,
}

impl LabelBytes<'_> {
    /// Adds to the count of each number how many of some rows have it; the last count is that of NULL. Nothing when a
    /// byte stands for no value.
    pub fn count(&self, rows: &Bits, counts: &mut [u64]) -> Option<()> {
        let known = known_rows(rows, self.nulls, self.bytes.len());
        let mut of_bytes = [0; 256];
        known.histogram(self.bytes, &mut of_bytes);
        for (byte, count) in of_bytes.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            *counts.get_mut(*self.numbers.get(byte)? as usize)? += count;
        }
        *counts.last_mut()? += u64::from(rows.count() - known.count());
        Some(())
    }
}

/// The values of a column of texts or truths, or of whole numbers that lie close together, numbered from 0 on; the
/// number behind the last stands for NULL.
#[derive(Debug)]
pub struct Labels {
    values: Vec<Value>,
    /// For each part of each layer the number of each code.
    base: Vec<Vec<u32>>,
    over: Vec<Vec<u32>>,
    /// What codes are counted from: of whole numbers the least one, which is their code.
    least: i64,
}

impl Labels {
    /// The values of a column; nothing for one of another type.
    pub fn new(column: &ColumnIndex) -> Option<Labels> {
        if column.value_type() == Some(ValueType::Boolean) {
            let values = vec![Value::Boolean(false), Value::Boolean(true)];
            let codes = |layer: &Layer| layer.shares.iter().map(|_| vec![0, 1]).collect();
            let (base, over) = (codes(&column.base), codes(&column.over));
            return Some(Labels { values, base, over, least: 0 });
        }
        if let Some(value_type @ (ValueType::Integer | ValueType::Date)) = column.value_type() {
            return Labels::of_numbers(column, value_type);
        }
        matches!(column.value_type(), Some(ValueType::Text | ValueType::Set)).then_some(())?;
        let (mut numbers, mut values) = (HashMap::new(), Vec::new());
        let base = numbered(&column.base, &mut numbers, &mut values)?;
        let over = numbered(&column.over, &mut numbers, &mut values)?;
        Some(Labels { values, base, over, least: 0 })
    }

    /// Whole numbers from the least to the greatest that the blocks may have.
    fn of_numbers(column: &ColumnIndex, value_type: ValueType) -> Option<Labels> {
        let (mut least, mut behind) = (i64::MAX, i64::MIN);
        for tier in column.base.chunks.iter().chain(&column.over.chunks).flatten() {
            let stored = tier.view.numbers().filter(|stored| stored.width <= 2)?;
            (tier.view.value_type() == Some(value_type)).then_some(())?;
            least = least.min(stored.base);
            behind = behind.max(stored.base.checked_add(1 << (8 * stored.width))?);
        }
        let span = behind.checked_sub(least).filter(|span| (1..=SPAN).contains(span))?;
        let value = |number: i64| match value_type {
            ValueType::Date => i32::try_from(number).ok().map(|days| Value::Date(Date(days))),
            _ => Some(Value::Integer(number)),
        };
        let values = (least..behind).map(value).collect::<Option<Vec<_>>>()?;
        let numbers: Vec<u32> = (0..u32::try_from(span).ok()?).collect();
        let each = |layer: &Layer| layer.shares.iter().map(|_| numbers.clone()).collect();
        Some(Labels { values, base: each(&column.base), over: each(&column.over), least })
    }

    /// The code of a slot.
    #[inline]
    fn code(&self, view: &BlockView, slot: usize) -> Option<usize> {
        usize::try_from(view.integer(slot).checked_sub(self.least)?).ok()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of a number; nothing is NULL.
    pub fn value(&self, number: usize) -> Option<&Value> {
        self.values.get(number)
    }

    /// The codes of a chunk, a byte for each row from the first on, when it has that form.
    pub fn bytes<'c>(&self, column: &'c ColumnIndex, chunk: u32) -> Option<LabelBytes<'c>> {
        let view = column.only(chunk)?;
        let [tier] = column.base.tiers(chunk) else { return None };
        let stored = view.numbers().filter(|stored| stored.width == 1)?;
        let base = usize::try_from(stored.base.checked_sub(self.least)?).ok()?;
        let numbers = self.base.get(tier.share)?.get(base..)?;
        let numbers = numbers.iter().take(256).copied().collect();
        Some(LabelBytes { numbers, bytes: stored.bytes, nulls: view.null_bits() })
    }

    /// Shows the number of each value of the rows that are asked for: several of a row of a set.
    pub fn each(&self, column: &ColumnIndex, chunk: u32, asked: &Bits, see: &mut dyn FnMut(u32)) {
        asked.each(|row| {
            let Some((side, tier, slot)) = column.place(chunk, row) else { return };
            let maps = if side == Side::Base { &self.base } else { &self.over };
            let Some(map) = maps.get(tier.share) else { return };
            let mut code = |code: Option<usize>| {
                if let Some(number) = code.and_then(|code| map.get(code)) {
                    see(*number);
                }
            };
            if tier.view.layout() == Layout::Sets {
                let codes = 0..tier.view.code_count(slot);
                let codes = codes.filter_map(|index| tier.view.code(slot, index));
                codes.for_each(|found| code(Some(found as usize)));
            } else {
                code(self.code(&tier.view, slot));
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
        {
            let map = (self.base.get(tier.share)?.as_slice(), self.least);
            return narrow(tier, map, null, asked, numbers);
        }
        let mut whole = true;
        asked.each(|row| {
            let number = match column.place(chunk, row) {
                None => Some(null),
                Some((side, tier, slot)) => {
                    let maps = if side == Side::Base { &self.base } else { &self.over };
                    let map = maps.get(tier.share);
                    map.and_then(|map| map.get(self.code(&tier.view, slot)?)).copied()
                }
            };
            whole &= number.is_some();
            numbers.push(number.unwrap_or(null));
        });
        whole.then_some(())
    }
}

/// The numbers of rows of a block whose rows follow one another from the first of the chunk on; rows behind them are
/// NULL.
fn narrow(
    tier: &Tier,
    (map, least): (&[u32], i64),
    null: u32,
    asked: &Bits,
    numbers: &mut Vec<u32>,
) -> Option<()> {
    let stored = tier.view.numbers()?;
    let base = usize::try_from(stored.base.checked_sub(least)?).ok()?;
    let mut whole = true;
    let mut push = |row: u16, code: Option<usize>| {
        let number = match code {
            Some(code) if !tier.view.is_null(usize::from(row)) => map.get(code).copied(),
            _ => Some(null),
        };
        whole &= number.is_some();
        numbers.push(number.unwrap_or(null));
    };
    match stored.width {
        1 => asked.each(|row| {
            let code = stored.bytes.get(usize::from(row));
            push(row, code.map(|code| base + usize::from(*code)));
        }),
        2 => {
            let codes = stored.bytes.as_chunks::<2>().0;
            asked.each(|row| {
                let code = codes.get(usize::from(row));
                push(row, code.map(|code| base + usize::from(u16::from_le_bytes(*code))));
            });
        }
        _ => asked.each(|row| {
            let slot = tier.view.slot(u32::from(row));
            let code = slot.map(|slot| tier.view.integer(slot).wrapping_sub(least));
            push(row, code.map(|code| usize::try_from(code).unwrap_or(usize::MAX)));
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
