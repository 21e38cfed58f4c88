//! A column that is being filled: rows and typed values in memory, until they are written into a part.

use super::dictionary::TextGatherer;
use super::write::{ColumnWriter, Layout};
use crate::base::error::Result;
use crate::base::number::Decimal;
use crate::base::part::{BlockKey, PartWriter};
use crate::base::value::{Value, ValueType};

/// The values of a column, by slot.
#[derive(Debug, Clone)]
enum Values {
    /// Integers, days, instants, booleans.
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Decimals(Vec<Decimal>),
    Texts(Vec<u32>, TextGatherer),
    /// The end of each set among the numbers of texts.
    Sets(Vec<u32>, Vec<u32>, TextGatherer),
}

/// A column that is being filled. Rows come in ascending order; of a row that comes twice the last value stays.
#[derive(Debug, Clone)]
pub struct OpenColumn {
    value_type: ValueType,
    rows: Vec<u32>,
    nulls: Vec<u32>,
    values: Values,
}

impl OpenColumn {
    /// An empty column of a type.
    pub fn new(value_type: ValueType) -> OpenColumn {
        let values = match value_type {
            ValueType::Text => Values::Texts(Vec::new(), TextGatherer::default()),
            ValueType::Set => Values::Sets(Vec::new(), Vec::new(), TextGatherer::default()),
            ValueType::Float => Values::Floats(Vec::new()),
            ValueType::Decimal => Values::Decimals(Vec::new()),
            _ => Values::Integers(Vec::new()),
        };
        OpenColumn { value_type, rows: Vec::new(), nulls: Vec::new(), values }
    }

    /// How many rows it tells of.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let values = match &self.values {
            Values::Integers(values) => values.len() * 8,
            Values::Floats(values) => values.len() * 8,
            Values::Decimals(values) => values.len() * size_of::<Decimal>(),
            Values::Texts(codes, texts) => codes.len() * 4 + texts.weight(),
            Values::Sets(ends, codes, texts) => (ends.len() + codes.len()) * 4 + texts.weight(),
        };
        self.rows.len() * 4 + values
    }

    /// Forgets the rows and keeps the memory for the next ones.
    pub fn recycle(&mut self) {
        self.rows.clear();
        self.nulls.clear();
        match &mut self.values {
            Values::Integers(values) => values.clear(),
            Values::Floats(values) => values.clear(),
            Values::Decimals(values) => values.clear(),
            Values::Texts(codes, texts) => {
                codes.clear();
                *texts = TextGatherer::default();
            }
            Values::Sets(ends, codes, texts) => {
                ends.clear();
                codes.clear();
                *texts = TextGatherer::default();
            }
        }
    }

    /// Appends the value of a row, NULL for none. A value of another type is widened to that of the column.
    pub fn push(&mut self, row: u32, value: Option<&Value>) {
        let widened = value.filter(|v| v.value_type() != self.value_type);
        let widened = widened.and_then(|v| v.widen_to(self.value_type));
        let value = widened.as_ref().or(value);
        self.begin(row);
        match (&mut self.values, value) {
            (Values::Integers(values), Some(Value::Integer(v))) => values.push(*v),
            (Values::Integers(values), Some(Value::Boolean(v))) => values.push(i64::from(*v)),
            (Values::Integers(values), Some(Value::Date(v))) => values.push(i64::from(v.0)),
            (Values::Integers(values), Some(Value::Timestamp(v))) => values.push(v.0),
            (Values::Floats(values), Some(Value::Float(v))) => values.push(*v),
            (Values::Decimals(values), Some(Value::Decimal(v))) => values.push(*v),
            (Values::Texts(codes, texts), Some(Value::Text(text))) => {
                codes.push(texts.number(text))
            }
            (Values::Sets(ends, codes, texts), Some(Value::Set(set))) => {
                codes.extend(set.iter().map(|text| texts.number(text)));
                ends.push(u32::try_from(codes.len()).unwrap_or(u32::MAX));
            }
            _ => self.push_null(),
        }
    }

    /// Appends a text to a column of texts.
    pub fn push_text(&mut self, row: u32, text: &str) {
        if matches!(self.values, Values::Texts(..)) {
            self.begin(row);
        }
        if let Values::Texts(codes, texts) = &mut self.values {
            codes.push(texts.number(text));
        }
    }

    /// Begins a row. One event may tell a property twice: two spellings of a name are the same name.
    fn begin(&mut self, row: u32) {
        if self.rows.last() == Some(&row) {
            let slot = self.rows.len() - 1;
            if self.is_null(slot) {
                self.nulls.pop();
            }
            match &mut self.values {
                Values::Integers(values) => values.truncate(slot),
                Values::Floats(values) => values.truncate(slot),
                Values::Decimals(values) => values.truncate(slot),
                Values::Texts(codes, _) => codes.truncate(slot),
                Values::Sets(ends, codes, _) => {
                    ends.truncate(slot);
                    codes.truncate(ends.last().map_or(0, |end| *end as usize));
                }
            }
            return;
        }
        self.rows.push(row);
    }

    fn push_null(&mut self) {
        self.nulls.push(u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX));
        match &mut self.values {
            Values::Integers(values) => values.push(0),
            Values::Floats(values) => values.push(0.0),
            Values::Decimals(values) => values.push(Decimal::default()),
            Values::Texts(codes, _) => codes.push(u32::MAX),
            Values::Sets(ends, codes, _) => ends.push(u32::try_from(codes.len()).unwrap_or(0)),
        }
    }

    /// Gives the column a wider type.
    pub fn widen(&mut self, wanted: ValueType) {
        if self.value_type == wanted {
            return;
        }
        let mut wide = OpenColumn::new(wanted);
        for (slot, row) in self.rows.iter().enumerate() {
            wide.push(*row, self.value(slot).as_ref());
        }
        *self = wide;
    }

    fn is_null(&self, slot: usize) -> bool {
        !self.nulls.is_empty()
            && u32::try_from(slot).is_ok_and(|slot| self.nulls.binary_search(&slot).is_ok())
    }

    fn value(&self, slot: usize) -> Option<Value> {
        if self.is_null(slot) {
            return None;
        }
        let integer = |values: &[i64]| values.get(slot).copied();
        match (&self.values, self.value_type) {
            (Values::Integers(values), ValueType::Boolean) => {
                integer(values).map(|v| Value::Boolean(v != 0))
            }
            (Values::Integers(values), ValueType::Date) => integer(values)
                .map(|v| Value::Date(crate::base::time::Date(i32::try_from(v).unwrap_or(0)))),
            (Values::Integers(values), ValueType::Timestamp) => {
                integer(values).map(|v| Value::Timestamp(crate::base::time::Timestamp(v)))
            }
            (Values::Integers(values), _) => integer(values).map(Value::Integer),
            (Values::Floats(values), _) => values.get(slot).map(|v| Value::Float(*v)),
            (Values::Decimals(values), _) => values.get(slot).map(|v| Value::Decimal(*v)),
            (Values::Texts(codes, texts), _) => {
                texts.text(*codes.get(slot)?).map(|text| Value::Text(text.to_owned()))
            }
            (Values::Sets(ends, codes, texts), _) => {
                let end = *ends.get(slot)? as usize;
                let start =
                    slot.checked_sub(1).and_then(|s| ends.get(s)).map_or(0, |e| *e as usize);
                let set = codes.get(start..end)?.iter().filter_map(|code| texts.text(*code));
                Some(Value::Set(set.map(str::to_owned).collect()))
            }
        }
    }

    /// The slot of each row when rows are reordered: row `order[i]` becomes row `i`.
    fn picks(&self, order: Option<&[u32]>) -> Vec<(u32, u32)> {
        let slots = 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let Some(order) = order else {
            return self.rows.iter().copied().zip(slots).collect();
        };
        if self.rows.len() == order.len() {
            return (0..).zip(order.iter().copied()).collect();
        }
        let mut slot_of = vec![u32::MAX; order.len()];
        for (row, slot) in self.rows.iter().zip(slots) {
            if let Some(place) = slot_of.get_mut(*row as usize) {
                *place = slot;
            }
        }
        let slot = |row: &u32| slot_of.get(*row as usize).copied().unwrap_or(u32::MAX);
        let picks = (0..).zip(order.iter().map(slot));
        picks.filter(|(_, slot)| *slot != u32::MAX).collect()
    }

    /// Writes the column into a part; `order` gives the old row of each new one.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(
        &self,
        part: &mut PartWriter,
        key: BlockKey,
        order: Option<&[u32]>,
        indexed: bool,
    ) -> Result<()> {
        let codes = match &self.values {
            Values::Texts(_, texts) | Values::Sets(_, _, texts) => texts.write(part, key)?,
            _ => Vec::new(),
        };
        let code = |number: u32| codes.get(number as usize).copied().unwrap_or_default();
        let layout = Layout::of(self.value_type);
        let mut writer = ColumnWriter::new(part, key, layout, Some(self.value_type));
        if indexed {
            writer = writer.indexed();
        }
        for (row, slot) in self.picks(order) {
            let slot = slot as usize;
            if self.is_null(slot) {
                writer.null(row)?;
                continue;
            }
            match &self.values {
                Values::Integers(values) => {
                    writer.integer(row, values.get(slot).copied().unwrap_or_default())?;
                }
                Values::Floats(values) => {
                    writer.float(row, values.get(slot).copied().unwrap_or_default())?;
                }
                Values::Decimals(values) => {
                    writer.decimal(row, values.get(slot).copied().unwrap_or_default())?;
                }
                Values::Texts(numbers, _) => {
                    let number = numbers.get(slot).copied().unwrap_or_default();
                    writer.integer(row, i64::from(code(number)))?;
                }
                Values::Sets(ends, numbers, _) => {
                    let end = ends.get(slot).map_or(0, |end| *end as usize);
                    let before = slot.checked_sub(1).and_then(|slot| ends.get(slot));
                    let start = before.map_or(0, |end| *end as usize);
                    let numbers = numbers.get(start..end).unwrap_or_default();
                    let mut set: Vec<u32> = numbers.iter().map(|number| code(*number)).collect();
                    set.sort_unstable();
                    writer.codes(row, set.into_iter())?;
                }
            }
        }
        writer.finish()
    }
}
