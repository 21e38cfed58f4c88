//! A question whose names are columns: what the evaluator works on.

use super::ast::{Aggregate, Arithmetic, Comparison, Part};
use super::money::Rates;
use crate::base::time::Span;
use crate::base::value::{Value, ValueType};
use crate::identity::PublicId;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// A value of a profile, or of the events and entities at hand.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A constant; none is NULL.
    Constant(Option<Value>),
    /// The moment of the question, when that is not known yet.
    Now,
    /// A trait, by its number.
    Trait(usize),
    /// A column of the event in a slot.
    Event(usize, EventColumn),
    /// A column of the entity in a slot.
    Entity(usize, EntityColumn),
    /// A day or instant moved by a span.
    Shift(Box<Scalar>, Span),
    Arithmetic(Arithmetic, Box<Scalar>, Box<Scalar>),
    Negate(Box<Scalar>),
    /// The first value that is not NULL, in the type that holds all of them.
    Coalesce(Vec<Scalar>, Option<ValueType>),
    Part(Part, Box<Scalar>),
    Truncate(Part, Box<Scalar>),
    AsDate(Box<Scalar>),
    InZone(Box<Scalar>, TimeZone),
    /// The local time in a zone that a text names; NULL when no zone is called so.
    InZoneOf(Box<Scalar>, Box<Scalar>),
    /// The instant of a local time in a zone.
    FromZone(Box<Scalar>, TimeZone),
    FromZoneOf(Box<Scalar>, Box<Scalar>),
    Bucket {
        salt: String,
        n: u64,
    },
    /// An amount of money in one currency.
    Convert(Box<Convert>),
    /// The answer of a subquery, by its number.
    Subquery(usize),
}

/// An amount and what converts it.
#[derive(Debug, Clone, PartialEq)]
pub struct Convert {
    pub value: Scalar,
    /// The currency of the amount.
    pub currency: Scalar,
    /// The time whose day decides which rate holds.
    pub day: Scalar,
    pub to: String,
    pub rates: Arc<Rates>,
}

/// A column of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventColumn {
    /// A property, by its number.
    Property(usize),
    /// When it happened.
    Time,
    /// The name of its source.
    Source,
    /// Its message id.
    Message,
}

/// A column of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntityColumn {
    Id,
    /// A field, by its number.
    Field(usize),
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

/// The rows of a subquery: the events of a type that a condition holds for, with entities beside them.
///
/// The events stand in a slot, the entities in the slots behind it; the slots before it are those of earlier steps of a
/// funnel.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The number of the event type.
    pub event: usize,
    /// The slot of the event.
    pub slot: usize,
    pub joins: Vec<JoinOf>,
    /// Which rows.
    pub filter: Condition,
}

/// An entity beside an event.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinOf {
    /// The number of the entity type.
    pub entity: usize,
    /// The id, from what stands in the slots before.
    pub key: Scalar,
    /// Whether an event without such an entity is no row.
    pub required: bool,
}

/// What is answered for all profiles before the condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    Events(Box<EventQuery>),
    Funnel(FunnelQuery),
    Consents(ConsentQuery),
    /// Whether they are in a segment, by its name in the folded form.
    Segment(String),
}

/// Whether profiles allow a purpose on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentQuery {
    pub channel: String,
    pub purpose: String,
    /// None asks for all topics.
    pub topic: Option<String>,
}

/// A subquery over one event type.
#[derive(Debug, Clone, PartialEq)]
pub struct EventQuery {
    pub rows: Rows,
    /// What is computed; none asks only whether there is a row.
    pub aggregate: Option<AggregateOf>,
    /// The subquery in words, for `explain`.
    pub text: String,
}

/// Events one after another, at times that grow, all within a span of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct FunnelQuery {
    pub span: Span,
    pub steps: Vec<FunnelStep>,
    /// Where it stands in the text.
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FunnelStep {
    /// Its rows, by what can be said of an event of the step alone.
    pub rows: Rows,
    /// What must hold beside the events of earlier steps.
    pub between: Condition,
    /// At which of the earlier steps that looks.
    pub looks_at: Vec<bool>,
    /// The step in words, for `explain`.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AggregateOf {
    pub aggregate: Aggregate,
    pub distinct: bool,
    /// The value; none counts rows.
    pub value: Option<Scalar>,
    /// The type of the answer; none is the type of NULL.
    pub value_type: Option<ValueType>,
}

impl AggregateOf {
    /// Whether it counts, so that nothing is nought.
    pub fn counts(&self) -> bool {
        self.aggregate == Aggregate::Count
    }

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
    pub queries: Vec<Query>,
}

impl Rows {
    /// A property and the text that it has in all rows; nothing when there is none that must be.
    pub fn needed_text(&self) -> Option<(usize, &str)> {
        self.needed_texts().next()
    }

    /// The text that a property has in all rows.
    pub fn text_of(&self, property: usize) -> Option<&str> {
        self.needed_texts().find(|(known, _)| *known == property).map(|(_, text)| text)
    }

    /// The texts of which a property has one in all rows; nothing when it may have any.
    pub fn texts_of(&self, property: usize) -> Option<Vec<&str>> {
        let listed = self.needed().iter().find_map(|part| match part {
            Condition::In(Scalar::Event(slot, EventColumn::Property(number)), options)
                if *slot == self.slot && *number == property =>
            {
                options.iter().map(Scalar::text).collect()
            }
            _ => None,
        });
        self.text_of(property).map(|text| vec![text]).or(listed)
    }

    /// What must hold of all rows.
    fn needed(&self) -> &[Condition] {
        match &self.filter {
            Condition::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        }
    }

    fn needed_texts(&self) -> impl Iterator<Item = (usize, &str)> {
        self.needed().iter().filter_map(|part| match part {
            Condition::Compare(Comparison::Equal, left, right) => match (left, right) {
                (
                    Scalar::Event(slot, EventColumn::Property(number)),
                    Scalar::Constant(Some(Value::Text(text))),
                )
                | (
                    Scalar::Constant(Some(Value::Text(text))),
                    Scalar::Event(slot, EventColumn::Property(number)),
                ) if *slot == self.slot => Some((*number, text.as_str())),
                _ => None,
            },
            _ => None,
        })
    }

    /// The slots of the event and of the entities beside it.
    pub fn slots(&self) -> std::ops::RangeInclusive<usize> {
        self.slot..=self.slot + self.joins.len()
    }
}

impl Scalar {
    /// The text of a constant.
    pub fn text(&self) -> Option<&str> {
        match self {
            Scalar::Constant(Some(Value::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// Shows every value that this one is made of, itself among them.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Scalar)) {
        see(self);
        self.each_part(&mut |part| part.visit(see));
    }

    /// Shows the values that this one is made of at once.
    pub fn each_part<'a>(&'a self, see: &mut dyn FnMut(&'a Scalar)) {
        match self {
            Scalar::Shift(inner, _)
            | Scalar::Negate(inner)
            | Scalar::Part(_, inner)
            | Scalar::Truncate(_, inner)
            | Scalar::AsDate(inner)
            | Scalar::InZone(inner, _)
            | Scalar::FromZone(inner, _) => see(inner),
            Scalar::Arithmetic(_, left, right)
            | Scalar::InZoneOf(left, right)
            | Scalar::FromZoneOf(left, right) => {
                see(left);
                see(right);
            }
            Scalar::Coalesce(values, _) => values.iter().for_each(see),
            Scalar::Convert(convert) => {
                [&convert.value, &convert.currency, &convert.day].into_iter().for_each(see);
            }
            Scalar::Constant(_)
            | Scalar::Now
            | Scalar::Trait(_)
            | Scalar::Event(..)
            | Scalar::Entity(..)
            | Scalar::Bucket { .. }
            | Scalar::Subquery(_) => {}
        }
    }

    /// The slots that it looks at.
    pub fn slots(&self) -> Vec<usize> {
        let mut slots = Vec::new();
        self.visit(&mut |scalar| slots.extend(scalar.slot()));
        slots
    }

    fn slot(&self) -> Option<usize> {
        match self {
            Scalar::Event(slot, _) | Scalar::Entity(slot, _) => Some(*slot),
            _ => None,
        }
    }
}

impl Condition {
    /// What always holds.
    pub const TRUE: Condition = Condition::Constant(Some(true));

    /// Whether it is unknown as soon as one of its values is NULL, and a look at it never fails: who is not looked at
    /// is then neither, and nothing goes untold.
    pub fn is_strict(&self) -> bool {
        let mut strict = matches!(self, Condition::Compare(..));
        self.visit(&mut |scalar| {
            strict &=
                matches!(scalar, Scalar::Constant(_) | Scalar::Trait(_) | Scalar::Subquery(_));
        });
        strict
    }

    /// Shows every value in it.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Scalar)) {
        match self {
            Condition::Compare(_, left, right)
            | Condition::AnyOf(left, right)
            | Condition::Like { value: left, pattern: right, .. } => {
                left.visit(see);
                right.visit(see);
            }
            Condition::In(value, options) => {
                value.visit(see);
                options.iter().for_each(|option| option.visit(see));
            }
            Condition::IsNull(value) | Condition::Is(value) => value.visit(see),
            Condition::Not(inner) => inner.visit(see),
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| part.visit(see));
            }
            Condition::Constant(_)
            | Condition::ProfileIn { .. }
            | Condition::HasIdentifier(_)
            | Condition::Exists(_) => {}
        }
    }

    /// The slots that it looks at.
    pub fn slots(&self) -> Vec<usize> {
        let mut slots = Vec::new();
        self.visit(&mut |scalar| slots.extend(scalar.slot()));
        slots
    }

    /// Conditions that all hold exactly when it does.
    pub fn parts(self) -> Vec<Condition> {
        match self {
            Condition::And(parts) => parts.into_iter().flat_map(Condition::parts).collect(),
            Condition::Constant(Some(true)) => Vec::new(),
            other => vec![other],
        }
    }

    /// All of several conditions.
    pub fn all(mut parts: Vec<Condition>) -> Condition {
        match parts.len() {
            0 => Condition::TRUE,
            1 => parts.pop().unwrap_or(Condition::TRUE),
            _ => Condition::And(parts),
        }
    }
}
