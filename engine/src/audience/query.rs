//! Subqueries: one item, one event type with entities beside it, one condition; every other clause is refused by name.

use super::ast::{Join, Select, Subquery};
use super::parse::Places;
use crate::base::error::{Error, Result};
use crate::base::limits::AUDIENCE_JOINS_MAX;
use crate::catalog::folded;
use sqlparser::ast::{
    self as sql, Expr as Sql, GroupByExpr, JoinConstraint, JoinOperator, SetExpr, Spanned,
};

/// `SELECT item FROM table [JOIN ...] [WHERE condition]`.
struct Plain {
    item: sql::SelectItem,
    table: sql::TableWithJoins,
    condition: Option<Sql>,
    /// Whether the last row is wanted (or the first), by time and message id.
    last: Option<bool>,
}

/// What a subquery is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Exists,
    Value,
    /// A step of a funnel.
    Step,
}

impl Use {
    fn expected(self) -> &'static str {
        match self {
            Use::Exists => "EXISTS takes (SELECT 1 FROM event e [JOIN ...] [WHERE ...])",
            Use::Value => "a subquery is (SELECT aggregate FROM event e [JOIN ...] [WHERE ...])",
            Use::Step => "a step of a funnel is (SELECT 1 FROM event s1 [JOIN ...] [WHERE ...])",
        }
    }
}

impl Places<'_> {
    pub(super) fn subquery(
        &self,
        query: sql::Query,
        at: usize,
        depth: usize,
        wanted: Use,
    ) -> Result<Subquery> {
        let expected = wanted.expected();
        let plain = self.plain(query, at, wanted)?;
        let event_at = self.place(&plain.table.relation, at);
        let (event, alias) = self.table(&plain.table.relation, event_at)?;
        let item_at = self.place(&plain.item, at);
        let value = wanted == Use::Value;
        let select = match plain.item {
            sql::SelectItem::Wildcard(_) if !value => Select::Row,
            sql::SelectItem::UnnamedExpr(Sql::Value(_)) if !value => Select::Row,
            sql::SelectItem::UnnamedExpr(item) if value => match plain.last {
                Some(last) => Select::Edge { value: self.expr(item, at, depth + 1)?, last },
                None => self.select(item, at, depth)?,
            },
            other => {
                return Err(Error::invalid(format!("{other} is not understood here; {expected}"))
                    .at(item_at));
            }
        };
        let joins = plain.table.joins.into_iter().map(|join| self.join(join, event_at, depth));
        let joins = joins.collect::<Result<_>>()?;
        let filter = plain.condition.map(|c| self.expr(c, at, depth + 1)).transpose()?;
        let implied = false;
        Ok(Subquery { select, event, event_at, alias, joins, filter, implied })
    }

    /// `JOIN entity d ON ...`, `INNER JOIN` or `LEFT JOIN`.
    fn join(&self, join: sql::Join, at: usize, depth: usize) -> Result<Join> {
        let entity_at = self.place(&join.relation, at);
        let (left, on) = match join.join_operator {
            JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on))
                if !join.global =>
            {
                (false, on)
            }
            JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on))
                if !join.global =>
            {
                (true, on)
            }
            _ => {
                let known = "an entity joins with JOIN or LEFT JOIN, such as \
                             JOIN product d ON d.id = e.product_id";
                return Err(Error::invalid(known).at(entity_at));
            }
        };
        let (entity, alias) = self.table(&join.relation, entity_at)?;
        let on = self.expr(on, entity_at, depth + 1)?;
        Ok(Join { entity, entity_at, alias, left, on })
    }

    pub(super) fn place(&self, what: &impl Spanned, otherwise: usize) -> usize {
        match what.span().start {
            place if place.line == 0 => otherwise,
            place => self.offset(place),
        }
    }

    /// Where a word of the language stands, from a place on.
    pub(super) fn word(&self, word: &str, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default().to_ascii_lowercase();
        from + rest.find(&word.to_ascii_lowercase()).unwrap_or(0)
    }

    /// The parts of a query that has no others.
    fn plain(&self, query: sql::Query, at: usize, wanted: Use) -> Result<Plain> {
        let (expected, edges) = (wanted.expected(), wanted == Use::Value);
        let shown = query.to_string();
        let edge = query.order_by.as_ref().zip(query.limit_clause.as_ref()).filter(|_| edges);
        let tail = edge.map_or_else(String::new, |(order, limit)| format!(" {order}{limit}"));
        let last = match edge {
            Some((order, limit)) => Some(self.edge(order, limit, &query.body, at)?),
            None => None,
        };
        let refuse = |what: &str, place: usize| {
            Err(Error::invalid(format!("{what} is not understood here; {expected}")).at(place))
        };
        let around = [
            (query.with.is_some(), "WITH"),
            (query.order_by.is_some() && last.is_none(), "ORDER BY"),
            (query.limit_clause.is_some() && last.is_none(), "LIMIT"),
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
        if understood + &tail != shown {
            return refuse("a part of this query", at);
        }
        if table.joins.len() > AUDIENCE_JOINS_MAX {
            let message = format!("a subquery joins at most {AUDIENCE_JOINS_MAX} entities");
            return Err(Error::limit(message).at(self.place(&table, at)));
        }
        Ok(Plain { item, table, condition: select.selection, last })
    }

    /// Whether `ORDER BY time, message_id LIMIT 1` asks for the last row, which both columns in descending order do.
    fn edge(
        &self,
        order: &sql::OrderBy,
        limit: &sql::LimitClause,
        body: &SetExpr,
        at: usize,
    ) -> Result<bool> {
        let place = self.word("ORDER BY", at);
        let events = self.event_name(body, at);
        let wrong = || {
            Error::invalid("the first or last event is asked with ORDER BY e.time, e.message_id LIMIT 1, both alike")
                .at(place)
        };
        let sql::OrderByKind::Expressions(columns) = &order.kind else { return Err(wrong()) };
        let [time, id] = columns.as_slice() else { return Err(wrong()) };
        let named = |column: &sql::OrderByExpr, wanted: &str| match &column.expr {
            Sql::Identifier(name) => name.value.eq_ignore_ascii_case(wanted),
            Sql::CompoundIdentifier(names) => match (names.as_slice(), &events) {
                ([table, name], Some(events)) => {
                    folded(&table.value) == folded(events)
                        && name.value.eq_ignore_ascii_case(wanted)
                }
                _ => false,
            },
            _ => false,
        };
        let last = |column: &sql::OrderByExpr| column.options.asc == Some(false);
        let plain = |c: &sql::OrderByExpr| c.options.nulls_first.is_none() && c.with_fill.is_none();
        let alike =
            last(time) == last(id) && plain(time) && plain(id) && order.interpolate.is_none();
        let one = limit.to_string().trim() == "LIMIT 1";
        if named(time, "time") && named(id, "message_id") && alike && one {
            Ok(last(time))
        } else {
            Err(wrong())
        }
    }

    /// The name under which the columns of the events are known.
    fn event_name(&self, body: &SetExpr, at: usize) -> Option<String> {
        let SetExpr::Select(select) = body else { return None };
        let (event, alias) = self.table(&select.from.first()?.relation, at).ok()?;
        Some(alias.unwrap_or(event))
    }

    /// The name and alias of a plain table.
    pub(super) fn table(
        &self,
        table: &sql::TableFactor,
        at: usize,
    ) -> Result<(String, Option<String>)> {
        let refused = || Error::invalid("the name of an event or entity type is expected").at(at);
        let sql::TableFactor::Table { name, alias, .. } = table else {
            return Err(refused());
        };
        let [part] = name.0.as_slice() else {
            return Err(
                Error::invalid("a name with dots needs quotes: FROM \"order.completed\"").at(at)
            );
        };
        let alias = alias.as_ref().map(|alias| &alias.name);
        let shown = table.to_string();
        let plain = match alias {
            None => shown == name.to_string(),
            Some(alias) => {
                shown == format!("{name} {alias}") || shown == format!("{name} AS {alias}")
            }
        };
        if !plain {
            let message =
                format!("{shown} is not understood; a table has a name and an alias alone");
            return Err(Error::invalid(message).at(at));
        }
        let name = part.as_ident().ok_or_else(refused)?.value.clone();
        Ok((name, alias.map(|alias| alias.value.clone())))
    }
}
