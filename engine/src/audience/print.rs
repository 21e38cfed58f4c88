//! An audience back to SQL: to its own, and to that of a warehouse.
//!
//! *Invariants:* what is written in its own SQL is the same question again; what is written for a warehouse has no
//! function that only Nave knows, and the same answer, given tables as `docs/audience-language.md` describes them.
//! *Where to start reading:* `Printer`.

use super::ast::{
    Aggregate, COUNT, Conversion, Expr, ExprKind, Item, ItemKind, Literal, Question, Select,
    Subquery,
};
use super::money::RATES;
use crate::base::time::{DAY_MICROS, Span, Timestamp};
use crate::record::EVERY;
use std::fmt;

/// What a warehouse must be told.
#[derive(Clone, Copy)]
pub struct Warehouse<'a> {
    /// The alias of profiles.
    pub profiles: &'a str,
    /// What `now()` is.
    pub now: Timestamp,
    /// Whether a name is one of an event type as well as of an entity type.
    pub shared: &'a dyn Fn(&str) -> bool,
}

/// Writes SQL: for a warehouse, or else its own.
#[derive(Clone, Copy)]
pub struct Printer<'a> {
    pub warehouse: Option<Warehouse<'a>>,
}

/// A name as SQL writes it: in quotes, so that it never is a word of the language.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Null => "NULL".to_owned(),
        Literal::Boolean(b) => (if *b { "TRUE" } else { "FALSE" }).to_owned(),
        Literal::Integer(i) => i.to_string(),
        Literal::Decimal(d) => d.to_string(),
        Literal::Float(x) => format!("{x:e}"),
        Literal::Text(text) => text_literal(text),
        Literal::Date(d) => format!("DATE '{d}'"),
        Literal::Timestamp(t) => format!("TIMESTAMPTZ '{t}'"),
        Literal::Local(t) => format!("TIMESTAMP '{}'", t.to_string().trim_end_matches('Z')),
    }
}

/// A span as an INTERVAL literal, without its sign.
fn interval(span: Span) -> String {
    let mut parts = Vec::new();
    if span.months != 0 {
        parts.push(format!("{} months", span.months));
    }
    if span.micros != 0 || parts.is_empty() {
        parts.push(match (span.micros % DAY_MICROS, span.micros % 1_000_000) {
            (0, _) => format!("{} days", span.micros / DAY_MICROS),
            (_, 0) => format!("{} seconds", span.micros / 1_000_000),
            _ => format!("{} microseconds", span.micros),
        });
    }
    format!("INTERVAL '{}'", parts.join(" "))
}

fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    parts.collect::<Vec<_>>().join(by)
}

impl Printer<'_> {
    pub fn expr(&self, expr: &Expr) -> String {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        let all = |parts: &[Expr], by: &str| joined(parts.iter().map(|part| self.expr(part)), by);
        let bracketed = |parts: &[Expr], by: &str| {
            joined(parts.iter().map(|part| format!("({})", self.expr(part))), by)
        };
        let of = |value: &Expr| self.expr(value);
        match &expr.kind {
            ExprKind::Literal(value) => literal(value),
            ExprKind::Name(parts) => joined(parts.iter().map(|part| quoted(part)), "."),
            ExprKind::Now => self.now(),
            ExprKind::Shift(value, span) => {
                let back = span.months < 0 || (span.months == 0 && span.micros < 0);
                match span.negated().filter(|_| back) {
                    Some(forward) => format!("({} - {})", of(value), interval(forward)),
                    None => format!("({} + {})", of(value), interval(*span)),
                }
            }
            ExprKind::Not(inner) => format!("NOT ({})", of(inner)),
            ExprKind::And(parts) => bracketed(parts, " AND "),
            ExprKind::Or(parts) => bracketed(parts, " OR "),
            ExprKind::Compare(comparison, left, right) => {
                format!("{} {} {}", of(left), comparison.sign(), of(right))
            }
            ExprKind::Between { value, low, high, negated } => {
                format!("{} {}BETWEEN {} AND {}", of(value), not(*negated), of(low), of(high))
            }
            ExprKind::In { value, list, negated } => {
                format!("{} {}IN ({})", of(value), not(*negated), all(list, ", "))
            }
            ExprKind::IsNull { value, negated } => {
                format!("{} IS {}NULL", of(value), not(*negated))
            }
            ExprKind::Arithmetic(operator, left, right) => {
                format!("({} {} {})", of(left), operator.sign(), of(right))
            }
            ExprKind::Negate(inner) => format!("(- {})", of(inner)),
            ExprKind::Coalesce(values) => format!("coalesce({})", all(values, ", ")),
            ExprKind::Like { value, pattern, escape, any_case, negated } => {
                let like = if *any_case { "ILIKE" } else { "LIKE" };
                let escape = escape.map(|c| format!(" ESCAPE {}", text_literal(&c.to_string())));
                let escape = escape.unwrap_or_default();
                format!("{} {}{like} {}{escape}", of(value), not(*negated), of(pattern))
            }
            ExprKind::Part(part, value) => format!("extract({} FROM {})", part.name(), of(value)),
            ExprKind::Truncate(part, value) => {
                format!("date_trunc('{}', {})", part.name(), of(value))
            }
            ExprKind::AsDate(value) => format!("CAST({} AS DATE)", of(value)),
            ExprKind::InZone(value, zone) => self.in_zone(value, zone, "TIMESTAMPTZ"),
            ExprKind::FromZone(value, zone) => self.in_zone(value, zone, "TIMESTAMP"),
            ExprKind::AnyOf(value, set) => self.any_of(value, set),
            ExprKind::HasIdentifier(namespace) => self.has_identifier(namespace),
            ExprKind::InSegment(name) => self.in_segment(name),
            ExprKind::Consents { channel, purpose, topic } => {
                self.consents(channel, purpose, topic.as_deref())
            }
            ExprKind::Bucket { salt, n } => self.bucket(salt, *n),
            ExprKind::Amount(value) if self.warehouse.is_some() => of(value),
            ExprKind::Amount(value) => format!("amount({})", of(value)),
            ExprKind::Convert(convert) => self.convert(convert),
            ExprKind::Scalar(subquery) => format!("({})", self.subquery(subquery)),
            ExprKind::Exists { subquery, negated } => {
                format!("{}EXISTS ({})", not(*negated), self.subquery(subquery))
            }
            ExprKind::Funnel { span, steps } => self.funnel(*span, steps),
        }
    }

    fn now(&self) -> String {
        self.warehouse
            .map_or("now()".to_owned(), |warehouse| literal(&Literal::Timestamp(warehouse.now)))
    }

    /// A warehouse tells by the type whether a time is a local one, and takes an unknown name for an error.
    fn in_zone(&self, value: &Expr, zone: &Expr, kind: &str) -> String {
        let (value, name) = (self.expr(value), self.expr(zone));
        if self.warehouse.is_none() {
            return format!("({value} AT TIME ZONE {name})");
        }
        let local = format!("(CAST({value} AS {kind}) AT TIME ZONE {name})");
        if matches!(zone.kind, ExprKind::Literal(_)) {
            return local;
        }
        let known = "(SELECT lower(name) FROM pg_timezone_names())";
        format!("CASE WHEN lower({name}) IN {known} THEN {local} END")
    }

    /// In a warehouse a set that is absent is NULL, not empty.
    fn any_of(&self, value: &Expr, set: &Expr) -> String {
        let (value, set) = (self.expr(value), self.expr(set));
        match self.warehouse {
            None => format!("{value} = ANY({set})"),
            Some(_) => format!("{value} = ANY(coalesce({set}, []))"),
        }
    }

    /// A conversion; a warehouse looks for the latest rate of the pair up to the day.
    fn convert(&self, convert: &Conversion) -> String {
        let (value, to) = (self.expr(&convert.value), text_literal(&convert.to));
        let known = self.warehouse.zip(convert.currency.as_ref()).zip(convert.day.as_ref());
        let Some(((warehouse, currency), day)) = known else {
            return format!("convert({value}, {to})");
        };
        let shared = (warehouse.shared)(RATES);
        let table = if shared { format!("entities.{RATES}") } else { RATES.to_owned() };
        let (currency, dated) = (self.expr(currency), quoted(&convert.dated));
        let dated = format!("CAST(\"nave.r\".{dated} AS DATE)");
        format!(
            "CASE WHEN {currency} = {to} THEN {value} ELSE {value} * (SELECT \"nave.r\".\"rate\" FROM {} \
             \"nave.r\" WHERE \"nave.r\".\"from\" = {currency} AND \"nave.r\".\"to\" = {to} AND \
             \"nave.r\".\"rate\" IS NOT NULL AND {dated} <= CAST({} AS DATE) ORDER BY {dated} DESC, \
             \"nave.r\".\"id\" DESC LIMIT 1) END",
            quoted(&table),
            self.expr(day),
        )
    }

    fn has_identifier(&self, namespace: &str) -> String {
        let Some(warehouse) = self.warehouse else {
            return format!("has_identifier({})", text_literal(namespace));
        };
        format!(
            "EXISTS (SELECT 1 FROM identifiers \"nave.i\" WHERE \"nave.i\".profile_id = \
             {}.profile_id AND \"nave.i\".namespace = {})",
            quoted(warehouse.profiles),
            text_literal(&namespace.trim().to_lowercase())
        )
    }

    /// Membership of a segment; a warehouse has one row for each member of a segment.
    fn in_segment(&self, name: &str) -> String {
        let name = text_literal(name);
        let Some(warehouse) = self.warehouse else { return format!("in_segment({name})") };
        format!(
            "{}.profile_id IN (SELECT \"nave.m\".profile_id FROM segment_members \"nave.m\" \
             WHERE \"nave.m\".segment = {name})",
            quoted(warehouse.profiles)
        )
    }

    /// Consents; for a warehouse the latest of each identifier, channel, purpose and topic, of two at the same time the
    /// one that refuses, and then whether all of them are given.
    fn consents(&self, channel: &str, purpose: &str, topic: Option<&str>) -> String {
        let topic = topic.map(text_literal);
        let Some(warehouse) = self.warehouse else {
            let words = [text_literal(channel), text_literal(purpose)].into_iter().chain(topic);
            return format!("consents({})", joined(words, ", "));
        };
        let either = |word: &str| format!("({}, {})", text_literal(word), text_literal(EVERY));
        let topic = topic.map_or_else(String::new, |topic| {
            format!(" AND (\"nave.r\".topic = {topic} OR \"nave.r\".topic IS NULL)")
        });
        let columns = ["namespace", "value", "channel", "purpose", "topic"].into_iter();
        let within = joined(columns.map(|name| format!("\"nave.r\".{name}")), ", ");
        format!(
            "coalesce((SELECT bool_and(\"nave.c\".given) FROM (SELECT \"nave.r\".profile_id, \
             \"nave.r\".state = 'granted' AS given, row_number() OVER (PARTITION BY {within} \
             ORDER BY \"nave.r\".\"time\" DESC, \"nave.r\".state = 'granted') AS place \
             FROM \"nave.consent\" \"nave.r\" WHERE \"nave.r\".channel IN {} \
             AND \"nave.r\".purpose IN {}{topic}) \"nave.c\" WHERE \"nave.c\".place = 1 \
             AND \"nave.c\".profile_id = {}.profile_id), FALSE)",
            either(channel),
            either(purpose),
            quoted(warehouse.profiles)
        )
    }

    fn bucket(&self, salt: &str, n: u64) -> String {
        let Some(warehouse) = self.warehouse else {
            return format!("bucket({}, {n})", text_literal(salt));
        };
        let salted = text_literal(&format!("{salt}:"));
        let id = format!("{}.profile_id", quoted(warehouse.profiles));
        format!("(CAST('0x' || substr(md5({salted} || {id}), 1, 8) AS BIGINT) % {n})")
    }

    /// A funnel; for a warehouse as a chain of joins, each step later than the one before. A warehouse that is only
    /// told that all steps are of the profile outside makes pairs of all events first, so each join says it of its own.
    fn funnel(&self, span: Span, steps: &[Subquery]) -> String {
        let (Some(first), Some(_)) = (steps.first(), self.warehouse) else {
            let steps = joined(steps.iter().map(|s| format!("({})", self.subquery(s))), ", ");
            return format!("funnel({}, {steps})", interval(span));
        };
        let time = |step: &Subquery| format!("{}.\"time\"", quoted(step.name()));
        let profile = |step: &Subquery| format!("{}.\"profile_id\"", quoted(step.name()));
        let later = steps.iter().zip(steps.iter().skip(1)).map(|(before, step)| {
            let on = format!(
                " ON {} = {} AND {at} > {} AND {at} <= {} + {}",
                profile(step),
                profile(first),
                time(before),
                time(first),
                interval(span),
                at = time(step),
            );
            format!(" JOIN {}", self.from(step, &on))
        });
        let filters = steps.iter().filter_map(|step| step.filter.as_ref());
        let filters = joined(filters.map(|filter| format!("({})", self.expr(filter))), " AND ");
        format!(
            "EXISTS (SELECT 1 FROM {}{} WHERE {filters})",
            self.from(first, ""),
            joined(later, "")
        )
    }

    /// The events of a subquery, how they join what stands before, and the entities beside them.
    fn from(&self, subquery: &Subquery, on: &str) -> String {
        let aliased = |table: &str, alias: &Option<String>| match alias {
            Some(alias) => format!("{} {}", quoted(table), quoted(alias)),
            None => quoted(table),
        };
        let mut text = aliased(&subquery.event, &subquery.alias) + on;
        for join in &subquery.joins {
            let kind = if join.left { "LEFT JOIN" } else { "JOIN" };
            let shared = self.warehouse.is_some_and(|warehouse| (warehouse.shared)(&join.entity));
            let table = if shared {
                let alias = Some(join.name().to_owned());
                aliased(&format!("entities.{}", join.entity), &alias)
            } else {
                aliased(&join.entity, &join.alias)
            };
            text += &format!(" {kind} {table} ON {}", self.expr(&join.on));
        }
        text
    }

    pub fn subquery(&self, subquery: &Subquery) -> String {
        let mut text =
            format!("SELECT {} FROM {}", self.select(&subquery.select), self.from(subquery, ""));
        if let Some(filter) = &subquery.filter {
            text += &format!(" WHERE {}", self.expr(filter));
        }
        if let Select::Edge { last, .. } = &subquery.select {
            let table = quoted(subquery.name());
            let order = if *last { " DESC" } else { "" };
            text += &format!(
                " ORDER BY {table}.\"time\"{order}, {table}.\"message_id\"{order} LIMIT 1"
            );
        }
        text
    }

    fn select(&self, select: &Select) -> String {
        match select {
            Select::Row => "1".to_owned(),
            Select::CountAll => COUNT.to_owned(),
            Select::Edge { value, .. } => self.expr(value),
            // A warehouse takes the first of the most frequent that it meets.
            Select::Of { aggregate: Aggregate::Mode, value, .. } if self.warehouse.is_some() => {
                let value = self.expr(value);
                format!("mode({value} ORDER BY {value})")
            }
            Select::Of { aggregate, distinct, value } => {
                let distinct = if *distinct { "DISTINCT " } else { "" };
                format!("{}({distinct}{})", aggregate.name(), self.expr(value))
            }
        }
    }

    fn item(&self, item: &Item) -> String {
        match &item.kind {
            ItemKind::Value(value) => self.expr(value),
            ItemKind::Aggregate(select) => self.select(select),
        }
    }

    pub fn question(&self, question: &Question) -> String {
        let items = question.table.as_ref().map(|table| {
            let items = table.items.iter();
            joined(items.map(|i| format!("{} AS {}", self.item(i), quoted(&i.name))), ", ")
        });
        let count = || match question.heading.as_str() {
            COUNT => COUNT.to_owned(),
            heading => format!("{COUNT} AS {}", quoted(heading)),
        };
        let items = items.unwrap_or_else(count);
        let mut text = format!("SELECT {items} FROM profiles {}", quoted(&question.alias));
        if let Some(condition) = &question.condition {
            text += &format!(" WHERE {}", self.expr(condition));
        }
        let Some(table) = &question.table else { return text };
        if !table.groups.is_empty() {
            let groups = joined(table.groups.iter().map(|group| self.expr(group)), ", ");
            text += &format!(" GROUP BY {groups}");
        }
        let by = table.order.iter().map(|(item, down)| {
            format!("{}{} NULLS LAST", self.item(item), if *down { " DESC" } else { "" })
        });
        let by: Vec<String> = by.chain(self.ties(question)).collect();
        if !by.is_empty() {
            text += &format!(" ORDER BY {}", by.join(", "));
        }
        table.limit.map_or(text.clone(), |limit| format!("{text} LIMIT {limit}"))
    }

    /// What decides between rows that are ordered alike, which a warehouse must be told.
    fn ties(&self, question: &Question) -> Vec<String> {
        let (Some(warehouse), Some(table)) = (self.warehouse, &question.table) else {
            return Vec::new();
        };
        let grouped = table.items.iter().any(|i| matches!(i.kind, ItemKind::Aggregate(_)));
        if grouped || !table.groups.is_empty() {
            let groups = table.groups.iter();
            return groups.map(|group| format!("{} NULLS LAST", self.expr(group))).collect();
        }
        vec![format!("{}.\"profile_id\"", quoted(warehouse.profiles))]
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Printer { warehouse: None }.expr(self))
    }
}

impl fmt::Display for Subquery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Printer { warehouse: None }.subquery(self))
    }
}
