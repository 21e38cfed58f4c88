//! Tables: values of profiles, or of groups of profiles, ordered and cut.

use super::aggregate::{Answers, Gather, Known};
use super::ast::{self, Item, ItemKind};
use super::columnar;
use super::first;
use super::names::Named;
use super::program::Chosen;
use super::resolve::Resolver;
use super::resolved::{Column, Scalar, TableOf};
use super::row::Row;
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::value::{Value, ValueType};
use crate::base::workers::Workers;
use crate::column::Cell;
use crate::state::Reader;
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What a statement gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The headings.
    pub columns: Vec<String>,
    /// The rows; nothing is NULL.
    pub rows: Vec<Vec<Option<Value>>>,
}

impl Resolver<'_> {
    pub(super) fn table(&mut self, table: &mut ast::Table) -> Result<TableOf> {
        let grouped = !table.groups.is_empty()
            || table.items.iter().any(|item| matches!(item.kind, ItemKind::Aggregate(_)));
        let mut groups = Vec::with_capacity(table.groups.len());
        for group in &mut table.groups {
            let at = group.at;
            match self.scalar(group, None)? {
                (_, Some(ValueType::Set)) => {
                    return Err(Error::invalid("a set makes no groups; ask 'x' = ANY(set)").at(at));
                }
                (scalar, _) => groups.push(scalar),
            }
        }
        let keys = grouped.then_some((groups.as_slice(), table.groups.as_slice()));
        let mut columns = Vec::with_capacity(table.items.len());
        for item in &mut table.items {
            columns.push(self.item(item, keys)?);
        }
        let mut order = Vec::with_capacity(table.order.len());
        for (item, down) in &mut table.order {
            let column = self.item(item, keys)?;
            // A field as it stands is shown, but rows are not ordered by it.
            if let (ItemKind::Value(value), Column::Value(scalar)) = (&item.kind, &column)
                && matches!(value.kind, ast::ExprKind::Name(_))
            {
                self.guard(value, scalar, None)?;
            }
            let known = columns.iter().position(|c| *c == column).unwrap_or(columns.len());
            if known == columns.len() {
                columns.push(column);
            }
            order.push((known, *down));
        }
        let names = table.items.iter().map(|item| item.name.clone()).collect();
        Ok(TableOf { names, columns, groups: grouped.then_some(groups), order, limit: table.limit })
    }

    /// A column; `keys` are what groups are made by, resolved and as it is written, when rows are groups.
    fn item(&mut self, item: &mut Item, keys: Option<(&[Scalar], &[ast::Expr])>) -> Result<Column> {
        let at = item.at;
        match (&mut item.kind, keys) {
            (ItemKind::Aggregate(select), Some(_)) => {
                let aggregate = self.aggregate(select, None)?;
                aggregate
                    .map(Column::Aggregate)
                    .ok_or_else(|| Error::invalid("an aggregate is expected").at(at))
            }
            (ItemKind::Aggregate(_), None) => {
                Err(Error::invalid("an aggregate here needs the other columns in GROUP BY").at(at))
            }
            (ItemKind::Value(value), Some((keys, written))) => {
                let text = value.to_string();
                let number = match self.named(value, None)? {
                    Some(Named::ProfileId) => None,
                    _ => {
                        let scalar = self.scalar(value, None)?.0;
                        keys.iter().position(|key| *key == scalar)
                    }
                };
                let number = number.ok_or_else(|| {
                    Error::invalid(format!("{text} is neither in GROUP BY nor in an aggregate"))
                        .at(at)
                })?;
                // A warehouse finds it by what is written.
                if let Some(group) = written.get(number) {
                    *value = group.clone();
                }
                Ok(Column::Group(number))
            }
            (ItemKind::Value(value), None) => match self.named(value, None)? {
                Some(Named::ProfileId) => Ok(Column::ProfileId),
                _ => Ok(Column::Value(self.bare(value, None)?.0)),
            },
        }
    }
}

/// Fills a table from the selected profiles.
///
/// # Errors
/// `Invalid` when a sum, a number or a time overflows.
pub(super) fn fill(
    table: &TableOf,
    (reader, workers): (&Reader<'_>, &Workers),
    answers: &[Answers],
    chosen: &Chosen,
) -> Result<Table> {
    if let Some(rows) = columnar::groups(table, (reader, workers), chosen)? {
        return Ok(cut(table, rows));
    }
    let selected = match first::first(table, (reader.state, workers), chosen)? {
        Some(first) => first.into_iter().collect(),
        None => chosen.to_set(),
    };
    fill_by_row(table, reader, answers, &selected)
}

/// Fills a table profile by profile.
///
/// # Errors
/// As `fill`.
pub(super) fn fill_by_row(
    table: &TableOf,
    reader: &Reader<'_>,
    answers: &[Answers],
    selected: &RoaringBitmap,
) -> Result<Table> {
    let (fault, known) = (Flag::new(None), Known { all: answers, here: &[], one: None });
    let row = |ordinal| Row::new(reader, known, Ordinal(ordinal), &fault);
    let mut rows = match &table.groups {
        None => {
            let some = selected.iter().take_while(|_| reader.keeps_pace());
            some.map(|ordinal| profile_row(table, &row(ordinal))).collect()
        }
        Some(keys) => group_rows(table, keys, selected, &row)?,
    };
    if let Some(reason) = fault.get() {
        return Err(Error::invalid(reason));
    }
    rows.sort_by(|a, b| compare(&table.order, a, b));
    Ok(cut(table, rows))
}

/// The table of rows that are in order: as many as are wanted, with the columns that are shown.
fn cut(table: &TableOf, mut rows: Vec<Filled>) -> Table {
    rows.truncate(
        table.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    );
    let shown = table.names.len();
    let rows = rows.into_iter().map(|mut row| {
        row.values.truncate(shown);
        row.values
    });
    Table { columns: table.names.clone(), rows: rows.collect() }
}

/// A row, and what decides between rows that are ordered alike: the profile's id, or the keys of the group.
pub(super) struct Filled {
    pub values: Vec<Option<Value>>,
    pub tie: Vec<Option<Value>>,
}

fn profile_row(table: &TableOf, row: &Row<'_>) -> Filled {
    let id = row.reader.profile_id(row.ordinal).map(|id| Value::Text(id.to_string()));
    let values = table.columns.iter().map(|column| match column {
        Column::ProfileId => id.clone(),
        Column::Value(scalar) => owned(row, scalar),
        Column::Group(_) | Column::Aggregate(_) => None,
    });
    Filled { values: values.collect(), tie: vec![id.clone()] }
}

fn owned(row: &Row<'_>, scalar: &Scalar) -> Option<Value> {
    // The borrow of the scalar is shorter than that of the state, so the value is taken through a copy of the row.
    let row = Row::new(row.reader, row.answers, row.ordinal, row.fault);
    row.value(scalar).to_value()
}

fn group_rows<'a>(
    table: &'a TableOf,
    keys: &'a [Scalar],
    selected: &RoaringBitmap,
    row: &dyn Fn(u32) -> Row<'a>,
) -> Result<Vec<Filled>> {
    let mut numbers: HashMap<Vec<Option<Vec<u8>>>, u32> = HashMap::new();
    let mut groups: Vec<Vec<Option<Value>>> = Vec::new();
    let mut members = Vec::with_capacity(usize::try_from(selected.len()).unwrap_or(0));
    for ordinal in selected {
        let row = row(ordinal);
        if !row.reader.keeps_pace() {
            break;
        }
        let values: Vec<Option<Value>> = keys.iter().map(|key| row.value(key).to_value()).collect();
        let bytes = values.iter().map(|value| value.as_ref().map(Value::canonical_bytes)).collect();
        let next = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let group = *numbers.entry(bytes).or_insert(next);
        if group == next {
            groups.push(values);
        }
        members.push((ordinal, group));
    }
    // Without GROUP BY there is one group, even of nobody.
    if keys.is_empty() && groups.is_empty() {
        groups.push(Vec::new());
    }
    let mut filled: Vec<Filled> =
        groups.iter().map(|keys| Filled { values: Vec::new(), tie: keys.clone() }).collect();
    for column in &table.columns {
        let answers = match column {
            Column::Aggregate(of) => {
                let mut gather = Gather::new(Some(of), groups.len());
                for (ordinal, group) in &members {
                    let row = row(*ordinal);
                    let cell = of.value.as_ref().map(|value| row.value(value));
                    gather.take(Ordinal(*group), cell)?;
                }
                Some(gather.finish(groups.len())?)
            }
            _ => None,
        };
        for (number, row) in (0_u32..).zip(&mut filled) {
            row.values.push(match (column, &answers) {
                (Column::Group(key), _) => row.tie.get(*key).cloned().flatten(),
                (_, Some(answers)) => answers.value(Ordinal(number)).to_value(),
                _ => None,
            });
        }
    }
    Ok(filled)
}

/// NULL comes last, upwards and downwards.
pub(super) fn compare(order: &[(usize, bool)], left: &Filled, right: &Filled) -> Ordering {
    let value = |row: &'_ Filled, column: usize| row.values.get(column).cloned().flatten();
    for (column, down) in order {
        let found = compare_values(&value(left, *column), &value(right, *column), *down);
        if found.is_ne() {
            return found;
        }
    }
    let ties = left.tie.iter().zip(&right.tie).map(|(a, b)| compare_values(a, b, false));
    ties.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_values(left: &Option<Value>, right: &Option<Value>, down: bool) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let order = Cell::of(a).compare(Cell::of(b)).unwrap_or(Ordering::Equal);
            if down { order.reverse() } else { order }
        }
    }
}
