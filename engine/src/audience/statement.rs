//! Whole statements: a count, a table of profiles, or a table of groups of profiles.

use super::ast::{COUNT, Item, ItemKind, Question, Select, Table};
use super::parse::Places;
use crate::base::error::{Error, Result};
use crate::base::limits::{GROUPS_MAX, TABLE_COLUMNS_MAX};
use sqlparser::ast::{self as sql, Expr as Sql, GroupByExpr, SetExpr};

const EXPECTED: &str =
    "a statement is SELECT values FROM profiles p [WHERE] [GROUP BY] [ORDER BY] [LIMIT]";

fn refuse<T>(what: &str, place: usize) -> Result<T> {
    Err(Error::invalid(format!("{what} is not understood here; {EXPECTED}")).at(place))
}

impl Places<'_> {
    /// Reads a statement; a single `count(*)` counts profiles, everything else gives a table.
    pub(super) fn statement(&self, query: sql::Query, at: usize) -> Result<Question> {
        let shown = query.to_string();
        let select = match *query.body {
            SetExpr::Select(select) => *select,
            SetExpr::SetOperation { op, .. } => {
                return refuse(&op.to_string(), self.word(&op.to_string(), at));
            }
            _ => return refuse("this", at),
        };
        let unknown = [
            (query.with.is_some(), "WITH"),
            (query.fetch.is_some(), "FETCH"),
            (!query.locks.is_empty(), "FOR"),
            (select.distinct.is_some(), "DISTINCT"),
            (select.having.is_some(), "HAVING"),
            (select.qualify.is_some(), "QUALIFY"),
            (select.from.iter().any(|table| !table.joins.is_empty()), "JOIN"),
        ];
        if let Some((_, clause)) = unknown.iter().find(|(there, _)| *there) {
            return refuse(clause, self.word(clause, at));
        }
        let GroupByExpr::Expressions(groups, _) = &select.group_by else {
            return refuse("GROUP BY ALL", at);
        };
        let [table] = select.from.as_slice() else {
            return refuse("this FROM", self.word("FROM", at));
        };
        let table_at = self.place(table, at);
        let (name, alias) = self.table(&table.relation, table_at)?;
        if !name.eq_ignore_ascii_case("profiles") {
            let message = format!("'{name}' is no table of people; did you mean 'profiles'?");
            return Err(Error::invalid(message).at(table_at));
        }
        let order = query.order_by.as_ref();
        let understood = format!(
            "SELECT {} FROM {table}{}{}{}{}",
            listed(&select.projection),
            select.selection.as_ref().map(|c| format!(" WHERE {c}")).unwrap_or_default(),
            if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", listed(groups)) },
            order.map(|order| format!(" {order}")).unwrap_or_default(),
            query.limit_clause.as_ref().map(ToString::to_string).unwrap_or_default(),
        );
        if understood != shown {
            return refuse("a part of this statement", at);
        }
        let mut table = Table {
            items: self.items(select.projection, at)?,
            groups: groups.iter().map(|g| self.expr(g.clone(), at, 1)).collect::<Result<_>>()?,
            order: Vec::new(),
            limit: query.limit_clause.as_ref().map(|limit| self.limit(limit, at)).transpose()?,
        };
        if table.groups.len() > GROUPS_MAX {
            return Err(
                Error::limit(format!("a table is grouped by at most {GROUPS_MAX} values")).at(at)
            );
        }
        table.order =
            order.map(|order| self.order(order, &table.items, at)).transpose()?.unwrap_or_default();
        let condition = select.selection.map(|c| self.expr(c, at, 0)).transpose()?;
        let count = matches!(
            table.items.as_slice(),
            [Item { kind: ItemKind::Aggregate(Select::CountAll), .. }]
        ) && table.groups.is_empty()
            && table.order.is_empty()
            && table.limit.is_none();
        let heading = table.items.first().map_or(COUNT.to_owned(), |item| item.name.clone());
        let table = (!count).then_some(table);
        let alias = alias.unwrap_or(name);
        Ok(Question { alias, condition, statement: true, heading, table })
    }

    fn items(&self, projection: Vec<sql::SelectItem>, at: usize) -> Result<Vec<Item>> {
        if projection.len() > TABLE_COLUMNS_MAX {
            return Err(
                Error::limit(format!("a table has at most {TABLE_COLUMNS_MAX} columns")).at(at)
            );
        }
        let items = projection.into_iter().map(|item| {
            let place = self.place(&item, at);
            match item {
                sql::SelectItem::UnnamedExpr(expr) => self.item(expr, None, place),
                sql::SelectItem::ExprWithAlias { expr, alias } => {
                    self.item(expr, Some(alias.value), place)
                }
                other => refuse(&other.to_string(), place),
            }
        });
        items.collect()
    }

    fn item(&self, expr: Sql, alias: Option<String>, at: usize) -> Result<Item> {
        let heading = match &expr {
            Sql::Identifier(name) => name.value.clone(),
            Sql::CompoundIdentifier(names) => {
                names.last().map(|n| n.value.clone()).unwrap_or_default()
            }
            other => other.to_string(),
        };
        let aggregate = match &expr {
            Sql::Function(function) => super::call::is_aggregate(function),
            _ => false,
        };
        let kind = if aggregate {
            ItemKind::Aggregate(self.select(expr, at, 1)?)
        } else {
            ItemKind::Value(self.expr(expr, at, 1)?)
        };
        Ok(Item { kind, name: alias.unwrap_or(heading), at })
    }

    fn order(&self, order: &sql::OrderBy, items: &[Item], at: usize) -> Result<Vec<(Item, bool)>> {
        let place = self.word("ORDER BY", at);
        let sql::OrderByKind::Expressions(columns) = &order.kind else {
            return refuse("ORDER BY ALL", place);
        };
        let mut found = Vec::with_capacity(columns.len());
        for column in columns {
            let column_at = self.at(&column.expr, place);
            if column.with_fill.is_some() || column.options.nulls_first == Some(true) {
                return Err(Error::invalid("NULLs sort last here").at(column_at));
            }
            let item = match &column.expr {
                Sql::Value(value) => {
                    let number: Option<usize> = value.to_string().parse().ok();
                    let item = number.and_then(|n| items.get(n.checked_sub(1)?)).cloned();
                    item.ok_or_else(|| Error::invalid("ORDER BY has no such column").at(column_at))?
                }
                Sql::Identifier(name)
                    if items.iter().any(|item| item.name.eq_ignore_ascii_case(&name.value)) =>
                {
                    let item = items
                        .iter()
                        .find(|item| item.name.eq_ignore_ascii_case(&name.value))
                        .cloned();
                    item.ok_or_else(|| Error::invalid("ORDER BY has no such column").at(column_at))?
                }
                expr => self.item(expr.clone(), None, column_at)?,
            };
            found.push((item, column.options.asc == Some(false)));
        }
        Ok(found)
    }

    fn limit(&self, limit: &sql::LimitClause, at: usize) -> Result<u64> {
        let text = limit.to_string();
        let number = text.trim().strip_prefix("LIMIT ").and_then(|number| number.parse().ok());
        number.ok_or_else(|| Error::invalid("LIMIT takes a number").at(self.word("LIMIT", at)))
    }
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
