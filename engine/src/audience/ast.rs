//! An audience as it was written, and back to SQL.

use crate::base::number::Decimal;
use crate::base::time::{Date, Span, Timestamp};
use std::fmt;

/// An expression and where it begins in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Literal(Literal),
    /// A name, qualified or not.
    Name(Vec<String>),
    Now,
    /// An instant or day, moved by a span.
    Shift(Box<Expr>, Span),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Between {
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    IsNull {
        value: Box<Expr>,
        negated: bool,
    },
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    /// The first value that is not NULL.
    Coalesce(Vec<Expr>),
    Like {
        value: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<char>,
        any_case: bool,
        negated: bool,
    },
    /// A number out of a time.
    Part(Part, Box<Expr>),
    /// A time cut down to a unit.
    Truncate(Part, Box<Expr>),
    AsDate(Box<Expr>),
    /// The local time in a zone.
    InZone(Box<Expr>, String),
    HasIdentifier(String),
    /// A text is in a set.
    AnyOf(Box<Expr>, Box<Expr>),
    /// A number below `n` that depends on the profile and a salt alone.
    Bucket {
        salt: String,
        n: u64,
    },
    /// A subquery that gives one value.
    Scalar(Box<Subquery>),
    Exists {
        subquery: Box<Subquery>,
        negated: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Epoch,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Float(f64),
    Text(String),
    Date(Date),
    Timestamp(Timestamp),
}

/// A subquery over one event type.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub select: Select,
    pub event: String,
    pub event_at: usize,
    pub alias: Option<String>,
    pub filter: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Select {
    /// A constant: the select of EXISTS.
    Row,
    CountAll,
    /// The value of the first or last event, by time and message id.
    Edge {
        value: Expr,
        last: bool,
    },
    Of {
        aggregate: Aggregate,
        distinct: bool,
        value: Expr,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    Sum,
    Min,
    Max,
    Average,
    First,
    Last,
}

/// A question as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The alias of profiles.
    pub alias: String,
    /// The condition; none selects everybody.
    pub condition: Option<Expr>,
    /// Whether it is a whole statement, in which nothing is implied.
    pub statement: bool,
    /// The table that a statement asks for; none counts profiles.
    pub table: Option<Table>,
}

/// What a statement gives: values of profiles, or of groups of profiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub items: Vec<Item>,
    pub groups: Vec<Expr>,
    /// What the rows are ordered by, and whether downwards.
    pub order: Vec<(Item, bool)>,
    pub limit: Option<u64>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub kind: ItemKind,
    /// Its heading.
    pub name: String,
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    Value(Expr),
    Aggregate(Select),
}

impl Comparison {
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// Whether an order of two values satisfies it.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Arithmetic {
    pub fn sign(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

const PARTS: [(Part, &str); 12] = [
    (Part::Year, "year"),
    (Part::Quarter, "quarter"),
    (Part::Month, "month"),
    (Part::Week, "week"),
    (Part::Day, "day"),
    (Part::Hour, "hour"),
    (Part::Minute, "minute"),
    (Part::Second, "second"),
    (Part::DayOfWeek, "dow"),
    (Part::IsoDayOfWeek, "isodow"),
    (Part::DayOfYear, "doy"),
    (Part::Epoch, "epoch"),
];

impl Part {
    pub fn name(self) -> &'static str {
        PARTS.iter().find(|(part, _)| *part == self).map_or("", |(_, name)| name)
    }

    pub fn parse(name: &str) -> Option<Part> {
        PARTS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(part, _)| *part)
    }
}

impl Aggregate {
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Average => "avg",
            Aggregate::First => "first",
            Aggregate::Last => "last",
        }
    }
}

/// A name as SQL writes it: in quotes, so that it never is a word of the language.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("NULL"),
            Literal::Boolean(b) => f.write_str(if *b { "TRUE" } else { "FALSE" }),
            Literal::Integer(i) => write!(f, "{i}"),
            Literal::Decimal(d) => write!(f, "{d}"),
            Literal::Float(x) => write!(f, "{x:e}"),
            Literal::Text(text) => f.write_str(&text_literal(text)),
            Literal::Date(d) => write!(f, "DATE '{d}'"),
            Literal::Timestamp(t) => write!(f, "TIMESTAMPTZ '{t}'"),
        }
    }
}

/// A span as an INTERVAL literal, without its sign.
fn interval(span: Span) -> String {
    let mut parts = Vec::new();
    if span.months != 0 {
        parts.push(format!("{} months", span.months));
    }
    if span.micros != 0 || parts.is_empty() {
        parts.push(match (span.micros % crate::base::time::DAY_MICROS, span.micros % 1_000_000) {
            (0, _) => format!("{} days", span.micros / crate::base::time::DAY_MICROS),
            (_, 0) => format!("{} seconds", span.micros / 1_000_000),
            _ => format!("{} microseconds", span.micros),
        });
    }
    format!("INTERVAL '{}'", parts.join(" "))
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match &self.kind {
            ExprKind::Literal(literal) => write!(f, "{literal}"),
            ExprKind::Name(parts) => {
                f.write_str(&parts.iter().map(|p| quoted(p)).collect::<Vec<_>>().join("."))
            }
            ExprKind::Now => f.write_str("now()"),
            ExprKind::Shift(value, span) => {
                let back = span.months < 0 || (span.months == 0 && span.micros < 0);
                match span.negated().filter(|_| back) {
                    Some(forward) => write!(f, "({value} - {})", interval(forward)),
                    None => write!(f, "({value} + {})", interval(*span)),
                }
            }
            ExprKind::Not(inner) => write!(f, "NOT ({inner})"),
            ExprKind::And(parts) => f.write_str(&joined(parts, " AND ")),
            ExprKind::Or(parts) => f.write_str(&joined(parts, " OR ")),
            ExprKind::Compare(comparison, left, right) => {
                write!(f, "{left} {} {right}", comparison.sign())
            }
            ExprKind::Between { value, low, high, negated } => {
                write!(f, "{value} {}BETWEEN {low} AND {high}", not(*negated))
            }
            ExprKind::In { value, list, negated } => {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                write!(f, "{value} {}IN ({})", not(*negated), list.join(", "))
            }
            ExprKind::IsNull { value, negated } => write!(f, "{value} IS {}NULL", not(*negated)),
            ExprKind::Arithmetic(operator, left, right) => {
                write!(f, "({left} {} {right})", operator.sign())
            }
            ExprKind::Negate(inner) => write!(f, "(- {inner})"),
            ExprKind::Coalesce(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, "coalesce({})", values.join(", "))
            }
            ExprKind::Like { value, pattern, escape, any_case, negated } => {
                let like = if *any_case { "ILIKE" } else { "LIKE" };
                write!(f, "{value} {}{like} {pattern}", not(*negated))?;
                let literal = escape.map(|c| format!(" ESCAPE {}", text_literal(&c.to_string())));
                f.write_str(&literal.unwrap_or_default())
            }
            ExprKind::Part(part, value) => write!(f, "extract({} FROM {value})", part.name()),
            ExprKind::Truncate(part, value) => write!(f, "date_trunc('{}', {value})", part.name()),
            ExprKind::AsDate(value) => write!(f, "CAST({value} AS DATE)"),
            ExprKind::InZone(value, zone) => {
                write!(f, "({value} AT TIME ZONE {})", text_literal(zone))
            }
            ExprKind::AnyOf(value, set) => write!(f, "{value} = ANY({set})"),
            ExprKind::HasIdentifier(namespace) => {
                write!(f, "has_identifier({})", text_literal(namespace))
            }
            ExprKind::Bucket { salt, n } => write!(f, "bucket({}, {n})", text_literal(salt)),
            ExprKind::Scalar(subquery) => write!(f, "({subquery})"),
            ExprKind::Exists { subquery, negated } => {
                write!(f, "{}EXISTS ({subquery})", not(*negated))
            }
        }
    }
}

fn joined(parts: &[Expr], by: &str) -> String {
    parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(by)
}

impl fmt::Display for Subquery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT {}", self.select)?;
        write!(f, " FROM {}", quoted(&self.event))?;
        if let Some(alias) = &self.alias {
            write!(f, " {}", quoted(alias))?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        let Select::Edge { last, .. } = &self.select else { return Ok(()) };
        let table = quoted(self.alias.as_ref().unwrap_or(&self.event));
        let order = if *last { " DESC" } else { "" };
        write!(f, " ORDER BY {table}.\"time\"{order}, {table}.\"message_id\"{order} LIMIT 1")
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Select::Row => f.write_str("1"),
            Select::CountAll => f.write_str("count(*)"),
            Select::Edge { value, .. } => write!(f, "{value}"),
            Select::Of { aggregate, distinct, value } => {
                let distinct = if *distinct { "DISTINCT " } else { "" };
                write!(f, "{}({distinct}{value})", aggregate.name())
            }
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ItemKind::Value(value) => write!(f, "{value}"),
            ItemKind::Aggregate(select) => write!(f, "{select}"),
        }
    }
}

fn listed<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.table.as_ref().map(|table| {
            listed(table.items.iter().map(|item| format!("{item} AS {}", quoted(&item.name))))
        });
        let items = items.unwrap_or_else(|| "count(*)".to_owned());
        write!(f, "SELECT {items} FROM profiles {}", quoted(&self.alias))?;
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        let Some(table) = &self.table else { return Ok(()) };
        if !table.groups.is_empty() {
            write!(f, " GROUP BY {}", listed(table.groups.iter()))?;
        }
        if !table.order.is_empty() {
            let by = table.order.iter().map(|(item, down)| {
                format!("{item}{} NULLS LAST", if *down { " DESC" } else { "" })
            });
            write!(f, " ORDER BY {}", listed(by))?;
        }
        table.limit.map_or(Ok(()), |limit| write!(f, " LIMIT {limit}"))
    }
}
