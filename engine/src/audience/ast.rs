//! An audience as it was written.

use crate::base::number::Decimal;
use crate::base::time::{Date, Span, Timestamp};

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
    /// The local time in a zone, which a text names.
    InZone(Box<Expr>, Box<Expr>),
    /// The instant of a local time in a zone: both are written as AT TIME ZONE.
    FromZone(Box<Expr>, Box<Expr>),
    HasIdentifier(String),
    /// The profile allows a purpose on a channel, and a topic of it if one is named.
    Consents {
        channel: String,
        purpose: String,
        topic: Option<String>,
    },
    /// The profile is in a segment.
    InSegment(String),
    /// A text is in a set.
    AnyOf(Box<Expr>, Box<Expr>),
    /// A number below `n` that depends on the profile and a salt alone.
    Bucket {
        salt: String,
        n: u64,
    },
    /// The number of a field of money, whatever its currencies.
    Amount(Box<Expr>),
    /// A field of money in one currency.
    Convert(Box<Conversion>),
    /// A subquery that gives one value.
    Scalar(Box<Subquery>),
    Exists {
        subquery: Box<Subquery>,
        negated: bool,
    },
    /// Events one after another, all within a span of the first.
    Funnel {
        span: Span,
        steps: Vec<Subquery>,
    },
}

/// `convert(value, 'EUR')`; what was found out when names were looked up stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    pub value: Expr,
    pub to: String,
    /// The field that has the currency.
    pub currency: Option<Expr>,
    /// The time that decides which rate holds.
    pub day: Option<Expr>,
    /// The name of the field of rates that says from which day on they hold.
    pub dated: String,
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

impl Comparison {
    /// The comparison with its sides exchanged.
    pub fn turned(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
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

impl Part {
    /// Whether it is the same of all instants of a day.
    pub fn is_of_day(self) -> bool {
        !matches!(self, Part::Hour | Part::Minute | Part::Second | Part::Epoch)
    }
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
    /// TIMESTAMP without a zone.
    Local(Timestamp),
}

/// A subquery over one event type, and entities beside its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub select: Select,
    pub event: String,
    pub event_at: usize,
    pub alias: Option<String>,
    pub joins: Vec<Join>,
    pub filter: Option<Expr>,
    /// Whether it belongs to the profile at hand although that is not written.
    pub implied: bool,
}

/// An entity beside the events of a subquery.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    pub entity: String,
    pub entity_at: usize,
    pub alias: Option<String>,
    /// Whether events without such an entity stay.
    pub left: bool,
    pub on: Expr,
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
    /// The most frequent value, of several the least.
    Mode,
    First,
    Last,
}

/// How profiles are counted, and the heading of the count.
pub const COUNT: &str = "count(*)";

/// A question as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The alias of profiles.
    pub alias: String,
    /// The condition; none selects everybody.
    pub condition: Option<Expr>,
    /// Whether it is a whole statement, in which nothing is implied.
    pub statement: bool,
    /// The heading of the count, when profiles are counted.
    pub heading: String,
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

impl Subquery {
    /// The name under which its columns are known.
    pub fn name(&self) -> &str {
        self.alias.as_ref().unwrap_or(&self.event)
    }
}

impl Join {
    /// The name under which its columns are known.
    pub fn name(&self) -> &str {
        self.alias.as_ref().unwrap_or(&self.entity)
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
            Aggregate::Mode => "mode",
            Aggregate::First => "first",
            Aggregate::Last => "last",
        }
    }
}
