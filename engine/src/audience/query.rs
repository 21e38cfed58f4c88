//! Statements and subqueries: one item, one table, one condition; every other clause is refused by name.

use super::ast::{Question, Select, Subquery};
use super::parse::Places;
use crate::base::error::{Error, Result};
use sqlparser::ast::{self as sql, Expr as Sql, GroupByExpr, SetExpr, Spanned};

/// `SELECT item FROM table [WHERE condition]`.
struct Plain {
    item: sql::SelectItem,
    table: sql::TableWithJoins,
    condition: Option<Sql>,
}

impl Places<'_> {
    pub(super) fn statement(&self, query: sql::Query, at: usize) -> Result<Question> {
        let expected = "a statement is SELECT count(*) FROM profiles p [WHERE ...]";
        let plain = self.plain(query, at, expected)?;
        let item_at = self.place(&plain.item, at);
        if plain.item.to_string().to_lowercase() != "count(*)" {
            return Err(Error::invalid(format!(
                "{} is not understood here; {expected}",
                plain.item
            ))
            .at(item_at));
        }
        let table_at = self.place(&plain.table, at);
        let (name, alias) = self.table(&plain.table, table_at)?;
        if !name.eq_ignore_ascii_case("profiles") {
            let message = format!("'{name}' is no table of people; did you mean 'profiles'?");
            return Err(Error::invalid(message).at(table_at));
        }
        let condition = plain.condition.map(|c| self.expr(c, at, 0)).transpose()?;
        Ok(Question { alias: alias.unwrap_or(name), condition, statement: true })
    }

    pub(super) fn subquery(
        &self,
        query: sql::Query,
        at: usize,
        depth: usize,
        exists: bool,
    ) -> Result<Subquery> {
        let expected = if exists {
            "EXISTS takes (SELECT 1 FROM event e [WHERE ...])"
        } else {
            "a subquery is (SELECT aggregate FROM event e [WHERE ...])"
        };
        let plain = self.plain(query, at, expected)?;
        let event_at = self.place(&plain.table, at);
        let (event, alias) = self.table(&plain.table, event_at)?;
        let item_at = self.place(&plain.item, at);
        let select = match plain.item {
            sql::SelectItem::Wildcard(_) if exists => Select::Row,
            sql::SelectItem::UnnamedExpr(Sql::Value(_)) if exists => Select::Row,
            sql::SelectItem::UnnamedExpr(item) if !exists => self.select(item, at, depth)?,
            other => {
                return Err(Error::invalid(format!("{other} is not understood here; {expected}"))
                    .at(item_at));
            }
        };
        let filter = plain.condition.map(|c| self.expr(c, at, depth + 1)).transpose()?;
        Ok(Subquery { select, event, event_at, alias, filter })
    }

    fn place(&self, what: &impl Spanned, otherwise: usize) -> usize {
        match what.span().start {
            place if place.line == 0 => otherwise,
            place => self.offset(place),
        }
    }

    /// Where a word of the language stands, from a place on.
    fn word(&self, word: &str, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default().to_ascii_lowercase();
        from + rest.find(&word.to_ascii_lowercase()).unwrap_or(0)
    }

    /// The parts of a query that has no others.
    fn plain(&self, query: sql::Query, at: usize, expected: &str) -> Result<Plain> {
        let shown = query.to_string();
        let refuse = |what: &str, place: usize| {
            Err(Error::invalid(format!("{what} is not understood here; {expected}")).at(place))
        };
        let around = [
            (query.with.is_some(), "WITH"),
            (query.order_by.is_some(), "ORDER BY"),
            (query.limit_clause.is_some(), "LIMIT"),
            (query.fetch.is_some(), "FETCH"),
            (!query.locks.is_empty(), "FOR"),
        ];
        let select = match *query.body {
            SetExpr::Select(select) => *select,
            SetExpr::SetOperation { op, .. } => {
                return refuse(&op.to_string(), self.word(&op.to_string(), at));
            }
            _ => return refuse("this", at),
        };
        let grouped = match &select.group_by {
            GroupByExpr::Expressions(by, more) => !by.is_empty() || !more.is_empty(),
            GroupByExpr::All(_) => true,
        };
        let inside = [
            (select.distinct.is_some(), "DISTINCT"),
            (grouped, "GROUP BY"),
            (select.having.is_some(), "HAVING"),
            (select.qualify.is_some(), "QUALIFY"),
            (select.from.iter().any(|table| !table.joins.is_empty()), "JOIN"),
        ];
        if let Some((_, clause)) = around.iter().chain(&inside).find(|(there, _)| *there) {
            return refuse(clause, self.word(clause, at));
        }
        let mut items = select.projection.into_iter();
        let mut tables = select.from.into_iter();
        let (Some(item), Some(table)) = (items.next(), tables.next()) else {
            return refuse("this", at);
        };
        if let Some(second) = items.next() {
            return refuse("a second column", self.place(&second, at));
        }
        if let Some(second) = tables.next() {
            return refuse("a second table", self.place(&second, at));
        }
        let understood = match &select.selection {
            Some(condition) => format!("SELECT {item} FROM {table} WHERE {condition}"),
            None => format!("SELECT {item} FROM {table}"),
        };
        if understood != shown {
            return refuse("a part of this query", at);
        }
        Ok(Plain { item, table, condition: select.selection })
    }

    /// The name and alias of a plain table.
    fn table(&self, table: &sql::TableWithJoins, at: usize) -> Result<(String, Option<String>)> {
        let refused = || Error::invalid("the name of an event type is expected after FROM").at(at);
        let sql::TableFactor::Table { name, alias, .. } = &table.relation else {
            return Err(refused());
        };
        let [part] = name.0.as_slice() else {
            return Err(
                Error::invalid("a name with dots needs quotes: FROM \"order.completed\"").at(at)
            );
        };
        let name = part.as_ident().ok_or_else(refused)?.value.clone();
        Ok((name, alias.as_ref().map(|a| a.name.value.clone())))
    }
}
