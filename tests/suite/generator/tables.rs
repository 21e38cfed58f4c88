//! Random statements that give tables.

use super::Questions;
use super::scalars::Class;
use crate::ast::{Aggregate, Item, Order, Scalar, Table};
use crate::evaluate::kind_of;
use crate::oracle::HELD;
use navedb::ValueType;

const CLASSES: [Class; 5] =
    [Class::Text, Class::Number, Class::Number, Class::Boolean, Class::Time];
const NAMES: [&str; 4] = ["c1", "Total", "The sum", "日"];

impl Questions<'_> {
    /// A random statement over a number of profiles.
    pub fn table(&mut self, profiles: usize) -> Table {
        self.subqueries = 4;
        self.scope.clear();
        self.calm = self.rng.one_in(2);
        let (groups, mut items) = if self.rng.one_in(2) { self.grouped() } else { self.plain() };
        let calm = self.calm;
        let filter = (!self.rng.one_in(3)).then(|| {
            let depth = self.rng.below(3);
            self.predicate(depth)
        });
        self.calm = calm;
        self.rng.shuffle(&mut items);
        let mut names = NAMES.to_vec();
        self.rng.shuffle(&mut names);
        let mut columns = Vec::new();
        for item in items {
            let name = if self.rng.one_in(3) { names.pop() } else { None };
            columns.push((item, name.map(str::to_owned)));
        }
        let mut table = Table { columns, filter, groups, order: Vec::new(), limit: None };
        for _ in 0..self.rng.below(3) {
            if let Some(order) = self.order(&table) {
                table.order.push((order, self.rng.one_in(2)));
            }
        }
        table.limit = self.rng.one_in(2).then(|| self.rng.below(profiles + 2) as u64);
        table
    }

    /// Keys of groups, and columns of groups.
    fn grouped(&mut self) -> (Vec<Scalar>, Vec<Item>) {
        let subqueries = std::mem::take(&mut self.subqueries);
        let mut keys = Vec::new();
        for _ in 0..self.rng.below(3) {
            keys.extend(self.key());
        }
        self.subqueries = subqueries;
        let mut items: Vec<Item> = (0..keys.len()).map(Item::Key).collect();
        if items.len() > 1 && self.rng.one_in(6) {
            items.pop();
        }
        if items.is_empty() || self.rng.one_in(2) {
            items.push(Item::CountAll);
        }
        for _ in 0..self.rng.below(3) {
            items.push(self.gathered());
        }
        (keys, items)
    }

    /// Something that groups are made by: no constant, which could be read as the number of a column.
    fn key(&mut self) -> Option<Scalar> {
        let class = *self.rng.pick(&CLASSES);
        let depth = usize::from(self.rng.one_in(3));
        let key = if depth == 0 { self.column(class)? } else { self.scalar(class, depth) };
        (!key.is_constant()).then_some(key)
    }

    fn gathered(&mut self) -> Item {
        let aggregates = [
            Aggregate::Count,
            Aggregate::CountDistinct,
            Aggregate::Sum,
            Aggregate::Avg,
            Aggregate::Min,
            Aggregate::Max,
            Aggregate::Mode,
        ];
        let aggregate = *self.rng.pick(&aggregates);
        let class = match aggregate {
            Aggregate::Sum | Aggregate::Avg => Class::Number,
            _ => *self.rng.pick(&CLASSES),
        };
        let depth = usize::from(self.rng.one_in(3));
        self.typed = !HELD.untyped_columns_stand_everywhere;
        let wild = if self.rng.one_in(4) { self.wild_number() } else { None };
        let argument = match wild.filter(|_| class == Class::Number) {
            Some(wild) => wild,
            None => self.scalar(class, depth),
        };
        self.typed = false;
        Item::Aggregate(aggregate, argument)
    }

    /// Columns of profiles.
    fn plain(&mut self) -> (Vec<Scalar>, Vec<Item>) {
        let mut items = Vec::new();
        for _ in 0..1 + self.rng.below(4) {
            let sets = self.columns(|kind| kind == ValueType::Set, |_| true);
            let class = *self.rng.pick(&CLASSES);
            let depth = *self.rng.pick(&[0, 1, 1, 2]);
            items.push(Item::Value(match self.rng.below(8) {
                0 => Scalar::ProfileId,
                1 if HELD.absent_sets_are_shown_empty && !sets.is_empty() => {
                    self.rng.pick(&sets).clone()
                }
                _ => self.scalar(class, depth),
            }));
        }
        (Vec::new(), items)
    }

    /// What rows are ordered by; sets have no order that a warehouse shares.
    fn order(&mut self, table: &Table) -> Option<Order> {
        let number = self.rng.below(table.columns.len());
        let shown = &table.columns[number].0;
        let set = match shown {
            Item::Value(scalar) => {
                kind_of(scalar, self.types, &self.here()) == Some(ValueType::Set)
            }
            _ => false,
        };
        if !set && self.rng.one_in(2) {
            return Some(Order::Shown(number));
        }
        Some(Order::Other(if table.grouped() {
            match table.groups.len() {
                0 => self.gathered(),
                keys if self.rng.one_in(2) => Item::Key(self.rng.below(keys)),
                _ => self.gathered(),
            }
        } else {
            let class = *self.rng.pick(&CLASSES);
            let depth = self.rng.below(2);
            let scalar = self.scalar(class, depth);
            if scalar.is_constant() {
                return None;
            }
            Item::Value(scalar)
        }))
    }
}
