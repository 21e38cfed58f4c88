//! A question whose names are columns: what the evaluator works on.

use super::ast::{Aggregate, Comparison};
use crate::base::time::Span;
use crate::base::value::{Value, ValueType};
use crate::identity::PublicId;

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

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub condition: Condition,
    pub subqueries: Vec<EventQuery>,
    pub text: String,
}
