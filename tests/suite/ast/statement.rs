//! The text of statements that give tables.

use super::names::quoted;
use super::write::Writer;
use super::{Item, Order, Scalar, Table};
use crate::generator::Schema;
use crate::oracle::HELD;
use crate::rng::Rng;

/// The text of a statement, and the headings that its columns must have; nothing where the language leaves it open.
pub fn write_table(rng: &mut Rng, table: &Table, schema: &Schema) -> (String, Vec<Option<String>>) {
    let mut writer = Writer::new(rng, schema, true);
    writer.table_of_profiles();
    let from = std::mem::take(&mut writer.text);
    // What groups are made by is the same text wherever it stands.
    let keys = writer.keys(table);
    writer.word("SELECT");
    writer.text.push(' ');
    let mut headings = Vec::new();
    let columns: Vec<&(Item, Option<String>)> = table.columns.iter().collect();
    writer.listed(&columns, |writer, (item, alias)| {
        let start = writer.text.len();
        writer.item(item, &keys);
        let plain = matches!(item, Item::Value(Scalar::Trait(_) | Scalar::ProfileId))
            || matches!(item, Item::Key(n) if matches!(table.groups[*n], Scalar::Trait(_)));
        let own = plain.then(|| last_name(&writer.text[start..])).flatten();
        if let Some(alias) = alias {
            let named = if writer.rng.one_in(3) { " " } else { " AS " };
            writer.word(named);
            writer.text.push_str(&quoted(alias));
        }
        headings.push(alias.clone().or(own));
    });
    writer.spaced("FROM");
    writer.text.push_str(&from);
    if let Some(filter) = &table.filter {
        writer.spaced("WHERE");
        writer.predicate(filter, 0);
    }
    if !keys.is_empty() {
        writer.spaced("GROUP BY");
        let written = std::mem::take(&mut writer.text);
        let keys = if HELD.keys_may_be_spelled_anew { writer.keys(table) } else { keys.clone() };
        writer.text = written + &keys.join(", ");
    }
    if !table.order.is_empty() {
        writer.spaced("ORDER BY");
        writer.qualified = true;
        writer.listed(&table.order, |writer, (order, down)| {
            writer.order(table, order, &keys);
            let upwards = if writer.rng.one_in(3) { " ASC" } else { "" };
            writer.word(if *down { " DESC" } else { upwards });
            let last = if writer.rng.one_in(3) { " NULLS LAST" } else { "" };
            writer.word(last);
        });
    }
    if let Some(limit) = table.limit {
        writer.spaced("LIMIT");
        writer.text.push_str(&limit.to_string());
    }
    (writer.text, headings)
}

/// The last part of a qualified name; nothing when it is in brackets.
fn last_name(text: &str) -> Option<String> {
    if text.starts_with('(') {
        return None;
    }
    match text.strip_suffix('"') {
        None => Some(text.rsplit('.').next()?.to_owned()),
        Some(rest) => {
            // The quote that opens is the last one that is not doubled.
            let doubled = rest.replace("\"\"", "\u{1}");
            Some(doubled.rsplit('"').next()?.replace('\u{1}', "\""))
        }
    }
}

impl Writer<'_> {
    fn keys(&mut self, table: &Table) -> Vec<String> {
        let key = |key: &Scalar| {
            self.scalar(key, 0);
            std::mem::take(&mut self.text)
        };
        table.groups.iter().map(key).collect()
    }

    fn item(&mut self, item: &Item, keys: &[String]) {
        match item {
            Item::Value(scalar) => self.scalar(scalar, 0),
            Item::Key(number) => self.text.push_str(&keys[*number]),
            Item::CountAll => self.word("count(*)"),
            Item::Aggregate(aggregate, argument) => self.aggregate(*aggregate, argument),
        }
    }

    fn order(&mut self, table: &Table, order: &Order, keys: &[String]) {
        match order {
            Order::Other(item) => self.item(item, keys),
            Order::Shown(number) => match &table.columns[*number].1 {
                Some(alias) if self.rng.one_in(2) => self.text.push_str(&quoted(alias)),
                _ => self.text.push_str(&(number + 1).to_string()),
            },
        }
    }
}
