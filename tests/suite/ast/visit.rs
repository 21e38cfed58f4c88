//! All values of a question, wherever they stand.

use super::{Events, Item, Order, Predicate, Scalar, Table};

/// The values of a predicate, each before its parts, those of subqueries among them.
pub fn scalars_of<'a>(predicate: &'a Predicate, take: &mut dyn FnMut(&'a Scalar)) {
    match predicate {
        Predicate::Constant(_)
        | Predicate::HasIdentifier(_)
        | Predicate::Consents { .. }
        | Predicate::Profile { .. } => {}
        Predicate::And(parts) | Predicate::Or(parts) => {
            parts.iter().for_each(|part| scalars_of(part, take));
        }
        Predicate::Not(part) => scalars_of(part, take),
        Predicate::Compare(_, left, right) | Predicate::AnyOf(left, right) => {
            [left, right].into_iter().for_each(|scalar| within(scalar, take));
        }
        Predicate::Between { subject, low, high, .. } => {
            [subject, low, high].into_iter().for_each(|scalar| within(scalar, take));
        }
        Predicate::In { subject, list, .. } => {
            within(subject, take);
            list.iter().for_each(|scalar| within(scalar, take));
        }
        Predicate::IsNull { subject, .. } => within(subject, take),
        Predicate::Like { subject, pattern, .. } => {
            [subject, pattern].into_iter().for_each(|scalar| within(scalar, take));
        }
        Predicate::Exists { events, .. } => within_events(events, take),
        Predicate::Funnel { steps, .. } => steps.iter().for_each(|s| within_events(s, take)),
        Predicate::Bare(scalar) => within(scalar, take),
    }
}

fn within_events<'a>(events: &'a Events, take: &mut dyn FnMut(&'a Scalar)) {
    events.joins.iter().for_each(|join| within(&join.on, take));
    events.filter.iter().for_each(|filter| scalars_of(filter, take));
}

fn within<'a>(scalar: &'a Scalar, take: &mut dyn FnMut(&'a Scalar)) {
    take(scalar);
    match scalar {
        Scalar::Literal(_)
        | Scalar::Trait(_)
        | Scalar::ProfileId
        | Scalar::Column(..)
        | Scalar::Now
        | Scalar::Bucket(..) => {}
        Scalar::Shifted { base: inner, .. }
        | Scalar::Negate(inner)
        | Scalar::Part(_, inner)
        | Scalar::Truncate(_, inner)
        | Scalar::AsDate(inner)
        | Scalar::InZone(inner, _)
        | Scalar::Amount(inner)
        | Scalar::Convert(inner, _) => within(inner, take),
        Scalar::Arithmetic(_, left, right) => {
            within(left, take);
            within(right, take);
        }
        Scalar::Coalesce(values) => values.iter().for_each(|value| within(value, take)),
        Scalar::CountAll(events) => within_events(events, take),
        Scalar::Aggregate(_, argument, events) | Scalar::Edge { value: argument, events, .. } => {
            within(argument, take);
            within_events(events, take);
        }
    }
}

/// The values of a statement.
pub fn table_scalars<'a>(table: &'a Table, take: &mut dyn FnMut(&'a Scalar)) {
    table.filter.iter().for_each(|filter| scalars_of(filter, take));
    table.groups.iter().for_each(|key| within(key, take));
    let ordered = table.order.iter().filter_map(|(order, _)| match order {
        Order::Other(item) => Some(item),
        Order::Shown(_) => None,
    });
    for item in table.columns.iter().map(|(item, _)| item).chain(ordered) {
        if let Item::Value(scalar) | Item::Aggregate(_, scalar) = item {
            within(scalar, take);
        }
    }
}

impl Scalar {
    /// Whether it is the same for everybody and every row.
    pub fn is_constant(&self) -> bool {
        let mut constant = true;
        within(self, &mut |scalar| {
            constant &= !matches!(
                scalar,
                Scalar::Trait(_)
                    | Scalar::ProfileId
                    | Scalar::Column(..)
                    | Scalar::Bucket(..)
                    | Scalar::CountAll(_)
                    | Scalar::Aggregate(..)
                    | Scalar::Edge { .. }
            );
        });
        constant
    }

    /// Whether it is a subquery itself.
    pub fn is_subquery(&self) -> bool {
        matches!(self, Scalar::CountAll(_) | Scalar::Aggregate(..) | Scalar::Edge { .. })
    }
}
