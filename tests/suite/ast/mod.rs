//! Audiences and statements as data, and their text.
//!
//! The text is made with chance in everything that must not matter: spelling of names, keywords, aliases, brackets,
//! whether the correlation is written out.

mod names;
mod statement;
mod value;
mod visit;
mod write;

pub use statement::write_table;
pub use visit::{scalars_of, table_scalars};
pub use write::write;

use crate::calendar::{Part, Unit};
use navedb::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
}

impl Operator {
    pub fn sign(self) -> char {
        match self {
            Operator::Plus => '+',
            Operator::Minus => '-',
            Operator::Times => '*',
            Operator::Divide => '/',
            Operator::Remainder => '%',
        }
    }
}

/// Counts of units that are added together, such as a month and three days.
pub type Interval = Vec<(i64, Unit)>;

#[derive(Debug, Clone)]
pub enum Predicate {
    Constant(Option<bool>),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Compare(Comparison, Scalar, Scalar),
    Between {
        subject: Scalar,
        low: Scalar,
        high: Scalar,
        negated: bool,
    },
    In {
        subject: Scalar,
        list: Vec<Scalar>,
        negated: bool,
    },
    IsNull {
        subject: Scalar,
        negated: bool,
    },
    Like {
        subject: Scalar,
        pattern: Scalar,
        escape: Option<char>,
        any_case: bool,
        negated: bool,
    },
    /// A text is in a set.
    AnyOf(Scalar, Scalar),
    HasIdentifier(String),
    /// The profile allows a purpose on a channel.
    Consents {
        channel: String,
        purpose: String,
        topic: Option<String>,
    },
    /// The profile is one of these; written as a comparison when there is one, unless a list is asked for. The subject
    /// is the profile's own id or that of an event.
    Profile {
        subject: Scalar,
        ids: Vec<Option<String>>,
        list: bool,
        negated: bool,
    },
    Exists {
        events: Events,
        negated: bool,
    },
    Funnel {
        within: Interval,
        steps: Vec<Events>,
    },
    /// A boolean that stands for itself.
    Bare(Scalar),
}

#[derive(Debug, Clone)]
pub enum Scalar {
    Literal(Option<Value>),
    /// A trait of the profile, by the name that the schema gave it.
    Trait(String),
    ProfileId,
    /// A column of one of the tables in scope, which are numbered in the order of the text.
    Column(usize, Column),
    Now,
    Shifted {
        base: Box<Scalar>,
        by: Interval,
    },
    Arithmetic(Operator, Box<Scalar>, Box<Scalar>),
    Negate(Box<Scalar>),
    Coalesce(Vec<Scalar>),
    Part(Part, Box<Scalar>),
    Truncate(Part, Box<Scalar>),
    AsDate(Box<Scalar>),
    InZone(Box<Scalar>, &'static str),
    Bucket(String, u32),
    /// The number of a column of money, whatever its currencies.
    Amount(Box<Scalar>),
    /// A column of money in one currency.
    Convert(Box<Scalar>, &'static str),
    CountAll(Events),
    Aggregate(Aggregate, Box<Scalar>, Events),
    /// The value of the first or last event, by time and message id.
    Edge {
        value: Box<Scalar>,
        last: bool,
        events: Events,
    },
}

/// A column of an event or of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// A property or a field of an entity.
    Field(String),
    Time,
    Source,
    Message,
    /// The id of the profile that the event belongs to.
    Owner,
    /// The id of an entity.
    Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    CountDistinct,
    Sum,
    Min,
    Max,
    Avg,
    Mode,
}

/// The events of one type of a profile, with the entities that they name, that pass a filter.
#[derive(Debug, Clone)]
pub struct Events {
    pub event: String,
    pub joins: Vec<Join>,
    pub filter: Option<Box<Predicate>>,
}

/// An entity whose id equals a text of what stands before.
#[derive(Debug, Clone)]
pub struct Join {
    pub entity: String,
    /// Whether events stay that name no entity.
    pub left: bool,
    pub on: Scalar,
}

/// What a table in scope is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Space {
    Event(String),
    Entity(String),
}

impl Events {
    /// The tables of the subquery, in the order of the text.
    pub fn tables(&self) -> Vec<Space> {
        let joined = self.joins.iter().map(|join| Space::Entity(join.entity.clone()));
        std::iter::once(Space::Event(self.event.clone())).chain(joined).collect()
    }
}

/// A statement that gives a table.
#[derive(Debug, Clone)]
pub struct Table {
    /// With the name that each column is given, if it is given one.
    pub columns: Vec<(Item, Option<String>)>,
    pub filter: Option<Predicate>,
    pub groups: Vec<Scalar>,
    /// With whether it goes downwards.
    pub order: Vec<(Order, bool)>,
    pub limit: Option<u64>,
}

#[derive(Debug, Clone)]
pub enum Item {
    Value(Scalar),
    /// What groups are made by, by its number.
    Key(usize),
    CountAll,
    Aggregate(Aggregate, Scalar),
}

#[derive(Debug, Clone)]
pub enum Order {
    /// A column that is shown, by its number.
    Shown(usize),
    Other(Item),
}

impl Table {
    /// Whether it is nothing but the number of profiles.
    pub fn counts(&self) -> bool {
        matches!(self.columns.as_slice(), [(Item::CountAll, _)])
            && self.groups.is_empty()
            && self.order.is_empty()
            && self.limit.is_none()
    }

    /// Whether the rows are groups of profiles.
    pub fn grouped(&self) -> bool {
        let gathers = |(item, _): &(Item, Option<String>)| {
            matches!(item, Item::CountAll | Item::Aggregate(..))
        };
        !self.groups.is_empty() || self.columns.iter().any(gathers)
    }
}
