//! The type of a value before it is computed: what a coalesce makes of its parts depends on it.

use crate::ast::{Aggregate, Column, Events, Operator, Scalar, Space};
use crate::calendar::Part;
use crate::oracle::{Table, Types};
use navedb::ValueType;

/// The tables in scope.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    tables: Vec<Space>,
}

impl Scope {
    /// The tables, in the order of the text.
    pub fn tables(&self) -> &[Space] {
        &self.tables
    }

    pub fn of(tables: &[Space]) -> Scope {
        Scope { tables: tables.to_vec() }
    }

    /// The scope inside a subquery.
    pub fn inside(&self, events: &Events) -> Scope {
        Scope { tables: self.tables.iter().cloned().chain(events.tables()).collect() }
    }
}

/// The table of a row space.
pub fn table_of(space: &Space) -> Table {
    match space {
        Space::Event(name) => Table::Event(name.to_lowercase()),
        Space::Entity(name) => Table::Entity(name.to_lowercase()),
    }
}

/// The type that holds both.
fn common(left: Option<ValueType>, right: Option<ValueType>) -> Option<ValueType> {
    match (left, right) {
        (Some(left), Some(right)) => {
            let numbers = [ValueType::Integer, ValueType::Decimal, ValueType::Float];
            let times = [ValueType::Date, ValueType::Timestamp];
            let place = |order: &[ValueType]| {
                let at = |kind| order.iter().position(|other| *other == kind);
                Some(order[at(left)?.max(at(right)?)])
            };
            place(&numbers).or_else(|| place(&times)).or(Some(left))
        }
        (left, right) => left.or(right),
    }
}

/// The type of a value; nothing for what is always NULL.
pub fn kind_of(scalar: &Scalar, types: &Types, scope: &Scope) -> Option<ValueType> {
    let kind = |inner: &Scalar| kind_of(inner, types, scope);
    match scalar {
        Scalar::Literal(value) => value.as_ref().map(navedb::Value::value_type),
        Scalar::Trait(name) => types.get(&(Table::Traits, name.to_lowercase())).copied(),
        Scalar::ProfileId => Some(ValueType::Text),
        Scalar::Column(table, column) => match column {
            Column::Time => Some(ValueType::Timestamp),
            Column::Source | Column::Message | Column::Owner | Column::Id => Some(ValueType::Text),
            Column::Field(name) => {
                let table = table_of(scope.tables.get(*table)?);
                types.get(&(table, name.to_lowercase())).copied()
            }
        },
        Scalar::Now | Scalar::Shifted { .. } | Scalar::Truncate(..) | Scalar::InZone(..) => {
            Some(ValueType::Timestamp)
        }
        Scalar::Arithmetic(Operator::Divide, ..) => Some(ValueType::Float),
        Scalar::Arithmetic(Operator::Minus, left, _) if kind(left) == Some(ValueType::Date) => {
            Some(ValueType::Integer)
        }
        Scalar::Arithmetic(_, left, right) => common(kind(left), kind(right)),
        Scalar::Negate(inner) | Scalar::Amount(inner) => kind(inner),
        Scalar::Convert(inner, _) => common(kind(inner), Some(ValueType::Decimal)),
        Scalar::Coalesce(values) => values.iter().map(kind).fold(None, common),
        Scalar::Part(Part::Epoch, _) => Some(ValueType::Float),
        Scalar::Part(..) | Scalar::Bucket(..) | Scalar::CountAll(_) => Some(ValueType::Integer),
        Scalar::AsDate(_) => Some(ValueType::Date),
        Scalar::Aggregate(aggregate, argument, events) => {
            let inner = scope.inside(events);
            gathered(*aggregate, kind_of(argument, types, &inner))
        }
        Scalar::Edge { value, events, .. } => kind_of(value, types, &scope.inside(events)),
    }
}

/// The type of an aggregate over values of a type.
pub fn gathered(aggregate: Aggregate, of: Option<ValueType>) -> Option<ValueType> {
    match (aggregate, of) {
        (Aggregate::Count | Aggregate::CountDistinct, _) => Some(ValueType::Integer),
        (Aggregate::Min | Aggregate::Max | Aggregate::Mode, of) => of,
        (Aggregate::Sum, Some(ValueType::Integer | ValueType::Decimal)) => Some(ValueType::Decimal),
        (Aggregate::Sum | Aggregate::Avg, _) => Some(ValueType::Float),
    }
}
