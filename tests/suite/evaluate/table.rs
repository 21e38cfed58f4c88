//! The rows of a statement.

use super::number::order;
use super::{Expected, Fault, Notes, Row, Scope, aggregate, constants, selected};
use crate::ast::{Item, Order, Scalar, Table, table_scalars};
use crate::oracle::{Person, World};
use navedb::Value;
use std::cmp::Ordering;

type Cell = Option<Value>;

/// The keys of a group, and who is in it.
type Group<'a> = (Vec<Cell>, Vec<&'a Person>);

/// A row before it is cut: what is shown, what it is ordered by, and what decides between rows that are ordered alike.
struct Filled {
    shown: Result<Vec<Cell>, Fault>,
    order: Vec<Cell>,
    tie: Vec<Cell>,
}

/// The rows that a statement gives, in order.
pub fn table(world: &World, table: &Table, now: i64) -> Expected<Vec<Vec<Cell>>> {
    let notes = Notes::default();
    if super::money::clashes_in(world, table) {
        return Expected::new(Err(Fault::Currencies), &notes);
    }
    let mut scalars = Vec::new();
    table_scalars(table, &mut |scalar| scalars.push(scalar));
    constants(world, &scalars, now, &notes);
    let answer = rows(world, table, now, &notes);
    if answer.is_ok() {
        subqueries(world, &scalars, now, &notes);
    }
    Expected::new(answer, &notes)
}

/// Subqueries may be answered for everybody, also for those whom the statement does not select.
fn subqueries(world: &World, scalars: &[&Scalar], now: i64, notes: &Notes) {
    let scope = Scope::default();
    for person in &world.people {
        let row = Row { world, person, scope: &scope, slots: &[], now, notes };
        for scalar in scalars.iter().filter(|scalar| scalar.is_subquery()) {
            if let Err(fault) = row.value(scalar) {
                notes.masked(fault);
            }
        }
    }
}

fn rows(world: &World, table: &Table, now: i64, notes: &Notes) -> Result<Vec<Vec<Cell>>, Fault> {
    let people = selected(world, table.filter.as_ref(), now, notes)?;
    let scope = Scope::default();
    let row = |person| Row { world, person, scope: &scope, slots: &[], now, notes };
    let mut filled = Vec::new();
    if table.grouped() {
        for (keys, group) in groups(table, &people, &row)? {
            let cell = |item: &Item| gathered(item, &keys, &group, &row);
            filled.push(fill(table, &cell, keys.clone())?);
        }
    } else {
        for person in people {
            let cell = |item: &Item| match item {
                Item::Value(scalar) => row(person).value(scalar),
                _ => Err(Fault::IllTyped),
            };
            let id = Some(Value::Text(person.id.clone()));
            filled.push(fill(table, &cell, vec![id])?);
        }
    }
    filled.sort_by(|a, b| compare(table, a, b));
    let most = table.limit.map_or(usize::MAX, |limit| limit as usize);
    // Rows beyond the limit need not be computed whole.
    for row in filled.iter().skip(most) {
        if let Err(fault) = row.shown {
            notes.masked(fault);
        }
    }
    filled.into_iter().take(most).map(|row| row.shown).collect()
}

/// The groups, each with its keys. Without keys there is one group, even of nobody.
fn groups<'a>(
    table: &Table,
    people: &[&'a Person],
    row: &dyn Fn(&'a Person) -> Row<'a>,
) -> Result<Vec<Group<'a>>, Fault> {
    let mut groups: Vec<Group> = Vec::new();
    if table.groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    for person in people {
        let keys = table.groups.iter().map(|key| row(person).value(key));
        let keys: Vec<Cell> = keys.collect::<Result<_, _>>()?;
        let alike = |(known, _): &&mut Group| {
            known.iter().zip(&keys).all(|(a, b)| cells(a, b, false).is_eq())
        };
        match groups.iter_mut().find(alike) {
            Some((_, group)) => group.push(person),
            None => groups.push((keys, vec![person])),
        }
    }
    Ok(groups)
}

/// A cell of a group.
fn gathered<'a>(
    item: &Item,
    keys: &[Cell],
    group: &[&'a Person],
    row: &dyn Fn(&'a Person) -> Row<'a>,
) -> Result<Cell, Fault> {
    match item {
        Item::Key(number) => Ok(keys[*number].clone()),
        Item::CountAll => Ok(Some(Value::Integer(group.len() as i64))),
        Item::Aggregate(how, argument) => {
            let given = group.iter().map(|person| row(person).value(argument));
            let values: Vec<Cell> = given.collect::<Result<_, _>>()?;
            let values: Vec<Value> = values.into_iter().flatten().collect();
            let notes = Notes::default();
            let found = aggregate::gather(*how, &values, &notes);
            if notes.doubt.get() {
                group.iter().take(1).for_each(|person| row(person).notes.doubt());
            }
            found
        }
        Item::Value(_) => Err(Fault::IllTyped),
    }
}

fn fill(
    table: &Table,
    cell: &dyn Fn(&Item) -> Result<Cell, Fault>,
    tie: Vec<Cell>,
) -> Result<Filled, Fault> {
    let shown = table.columns.iter().map(|(item, _)| cell(item)).collect();
    let order = table.order.iter().map(|(order, _)| match order {
        Order::Shown(number) => cell(&table.columns[*number].0),
        Order::Other(item) => cell(item),
    });
    Ok(Filled { order: order.collect::<Result<_, _>>()?, shown, tie })
}

/// NULL comes last, upwards and downwards.
fn compare(table: &Table, left: &Filled, right: &Filled) -> Ordering {
    let ordered = left.order.iter().zip(&right.order).zip(&table.order);
    let found = ordered.map(|((a, b), (_, down))| cells(a, b, *down)).find(|o| o.is_ne());
    let ties = left.tie.iter().zip(&right.tie).map(|(a, b)| cells(a, b, false));
    found.or_else(|| ties.into_iter().find(|o| o.is_ne())).unwrap_or(Ordering::Equal)
}

fn cells(left: &Cell, right: &Cell, down: bool) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let order = order(a, b).expect("values of one column");
            if down { order.reverse() } else { order }
        }
    }
}
