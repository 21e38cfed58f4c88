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

impl Aggregate {
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Average => "avg",
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
        match &self.select {
            Select::Row => f.write_str("SELECT 1")?,
            Select::CountAll => f.write_str("SELECT count(*)")?,
            Select::Of { aggregate, distinct, value } => {
                let distinct = if *distinct { "DISTINCT " } else { "" };
                write!(f, "SELECT {}({distinct}{value})", aggregate.name())?;
            }
        }
        write!(f, " FROM {}", quoted(&self.event))?;
        if let Some(alias) = &self.alias {
            write!(f, " {}", quoted(alias))?;
        }
        self.filter.as_ref().map_or(Ok(()), |filter| write!(f, " WHERE {filter}"))
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT count(*) FROM profiles {}", quoted(&self.alias))?;
        self.condition.as_ref().map_or(Ok(()), |condition| write!(f, " WHERE {condition}"))
    }
}
