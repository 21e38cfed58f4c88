//! A question whose names are columns: what the evaluator works on.

use super::ast::{Aggregate, Arithmetic, Comparison, Part};
use crate::base::time::Span;
use crate::base::value::{Value, ValueType};
use crate::identity::PublicId;
use jiff::tz::TimeZone;

/// A value of a profile or of an event row.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A constant; none is NULL.
    Constant(Option<Value>),
    /// A trait, by its number.
    Trait(usize),
    /// A property of the event type at hand, by its number.
    Property(usize),
    /// When the event happened.
    EventTime,
    /// The name of the source of the event.
    EventSource,
    /// The message id of the event.
    EventMessage,
    /// A day or instant moved by a span.
    Shift(Box<Scalar>, Span),
    Arithmetic(Arithmetic, Box<Scalar>, Box<Scalar>),
    Negate(Box<Scalar>),
    Coalesce(Vec<Scalar>),
    Part(Part, Box<Scalar>),
    Truncate(Part, Box<Scalar>),
    AsDate(Box<Scalar>),
    InZone(Box<Scalar>, TimeZone),
    Bucket {
        salt: String,
        n: u64,
    },
    /// The answer of a subquery, by its number.
    Subquery(usize),
}

/// A condition with three values.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Constant(Option<bool>),
    Compare(Comparison, Scalar, Scalar),
    /// Like one of these; unknown when none is like it but one is NULL.
    In(Scalar, Vec<Scalar>),
    IsNull(Scalar),
    /// A boolean value that stands for itself.
    Is(Scalar),
    /// The profile is one of these.
    ProfileIn {
        ids: Vec<PublicId>,
        or_null: bool,
    },
    Like {
        value: Scalar,
        pattern: Scalar,
        escape: Option<char>,
        any_case: bool,
    },
    /// A text is in a set; what is absent is an empty set.
    AnyOf(Scalar, Scalar),
    /// The profile has an identifier of this namespace.
    HasIdentifier(String),
    /// A subquery has a row, by its number.
    Exists(usize),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// A subquery over one event type.
#[derive(Debug, Clone, PartialEq)]
pub struct EventQuery {
    /// The number of the event type.
    pub event: usize,
    /// What is computed; none asks only whether there is a row.
    pub aggregate: Option<AggregateOf>,
    /// Which rows.
    pub filter: Condition,
    /// The subquery in words, for `explain`.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AggregateOf {
    pub aggregate: Aggregate,
    pub distinct: bool,
    /// The value; none counts rows.
    pub value: Option<Scalar>,
    pub value_type: ValueType,
}

impl AggregateOf {
    /// The value of the first or last event, and whether it is the last; nothing for what is gathered over all.
    pub fn edge(&self) -> Option<(&Scalar, bool)> {
        let last = match self.aggregate {
            Aggregate::First => false,
            Aggregate::Last => true,
            _ => return None,
        };
        self.value.as_ref().map(|value| (value, last))
    }
}

/// A table that can be filled.
#[derive(Debug, Clone, PartialEq)]
pub struct TableOf {
    /// The headings of the columns that are shown, which come first.
    pub names: Vec<String>,
    /// All columns: shown ones, then those that only order the rows.
    pub columns: Vec<Column>,
    /// What groups are made by, when the rows are groups.
    pub groups: Option<Vec<Scalar>>,
    /// Columns that order the rows, and whether downwards.
    pub order: Vec<(usize, bool)>,
    pub limit: Option<u64>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    ProfileId,
    Value(Scalar),
    /// What groups are made by, by its number.
    Group(usize),
    Aggregate(AggregateOf),
}

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub table: Option<TableOf>,
    pub condition: Condition,
    pub subqueries: Vec<EventQuery>,
    pub text: String,
}
