//! Smaller questions that may still show the same error: the parts, and the whole without a part.

use crate::ast::{Events, Item, Predicate, Scalar, Table};

/// Every way to put one of its smaller forms in the place of one thing in a list.
fn one_of<T: Clone>(items: &[T], smaller: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut found = Vec::new();
    for (at, item) in items.iter().enumerate() {
        for small in smaller(item) {
            let mut all = items.to_vec();
            all[at] = small;
            found.push(all);
        }
    }
    found
}

/// Every way to leave one thing out.
fn without_one<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let without = |at: usize| [&items[..at], &items[at + 1..]].concat();
    (0..items.len()).map(without).collect()
}

pub fn smaller(predicate: &Predicate) -> Vec<Predicate> {
    match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => {
            let rebuilt = |parts: Vec<Predicate>| match predicate {
                Predicate::And(_) => Predicate::And(parts),
                _ => Predicate::Or(parts),
            };
            let mut found = parts.clone();
            if parts.len() > 2 {
                found.extend(without_one(parts).into_iter().map(rebuilt));
            }
            found.extend(one_of(parts, smaller).into_iter().map(rebuilt));
            found
        }
        Predicate::Not(part) => {
            let mut found = vec![(**part).clone()];
            found.extend(smaller(part).into_iter().map(|p| Predicate::Not(Box::new(p))));
            found
        }
        Predicate::Exists { events, negated } => {
            let rebuilt = |events| Predicate::Exists { events, negated: *negated };
            smaller_events(events).into_iter().map(rebuilt).collect()
        }
        Predicate::Funnel { within, steps } => {
            let rebuilt = |steps| Predicate::Funnel { within: within.clone(), steps };
            let mut found: Vec<Predicate> =
                one_of(steps, smaller_events).into_iter().map(rebuilt).collect();
            if steps.len() > 2 {
                found.push(rebuilt(steps[..steps.len() - 1].to_vec()));
            }
            found
        }
        test => smaller_test(test),
    }
}

/// Smaller forms of what compares values.
fn smaller_test(test: &Predicate) -> Vec<Predicate> {
    match test {
        Predicate::Compare(comparison, left, right) => pairs(left, right)
            .into_iter()
            .map(|(l, r)| Predicate::Compare(*comparison, l, r))
            .collect(),
        Predicate::AnyOf(text, set) => {
            smaller_scalar(text).into_iter().map(|t| Predicate::AnyOf(t, set.clone())).collect()
        }
        Predicate::Between { subject, low, high, negated } => {
            let parts = [subject.clone(), low.clone(), high.clone()];
            let rebuilt = |p: Vec<Scalar>| Predicate::Between {
                subject: p[0].clone(),
                low: p[1].clone(),
                high: p[2].clone(),
                negated: *negated,
            };
            one_of(&parts, smaller_scalar).into_iter().map(rebuilt).collect()
        }
        Predicate::In { subject, list, negated } => {
            let rebuilt =
                |subject: Scalar, list| Predicate::In { subject, list, negated: *negated };
            let mut found: Vec<Predicate> =
                smaller_scalar(subject).into_iter().map(|s| rebuilt(s, list.clone())).collect();
            let mut lists = one_of(list, smaller_scalar);
            if list.len() > 1 {
                lists.extend(without_one(list));
            }
            found.extend(lists.into_iter().map(|list| rebuilt(subject.clone(), list)));
            found
        }
        Predicate::IsNull { subject, negated } => smaller_scalar(subject)
            .into_iter()
            .map(|subject| Predicate::IsNull { subject, negated: *negated })
            .collect(),
        Predicate::Like { subject, pattern, escape, any_case, negated } => pairs(subject, pattern)
            .into_iter()
            .map(|(subject, pattern)| Predicate::Like {
                subject,
                pattern,
                escape: *escape,
                any_case: *any_case,
                negated: *negated,
            })
            .collect(),
        Predicate::Bare(scalar) => {
            smaller_scalar(scalar).into_iter().map(Predicate::Bare).collect()
        }
        _ => Vec::new(),
    }
}

fn pairs(left: &Scalar, right: &Scalar) -> Vec<(Scalar, Scalar)> {
    let found = one_of(&[left.clone(), right.clone()], smaller_scalar);
    found.into_iter().map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn smaller_scalar(scalar: &Scalar) -> Vec<Scalar> {
    let boxed = |inner: &Scalar, rebuilt: &dyn Fn(Box<Scalar>) -> Scalar| {
        let smaller = smaller_scalar(inner).into_iter().map(|s| rebuilt(Box::new(s)));
        smaller.chain([inner.clone()]).collect()
    };
    match scalar {
        Scalar::Literal(_)
        | Scalar::Trait(_)
        | Scalar::ProfileId
        | Scalar::Column(..)
        | Scalar::Now
        | Scalar::Bucket(..)
        | Scalar::Amount(_)
        | Scalar::Convert(..) => Vec::new(),
        Scalar::Shifted { base, by } => {
            boxed(base, &|base| Scalar::Shifted { base, by: by.clone() })
        }
        Scalar::Negate(inner) => boxed(inner, &Scalar::Negate),
        Scalar::Part(part, inner) => boxed(inner, &|inner| Scalar::Part(*part, inner)),
        Scalar::Truncate(part, inner) => boxed(inner, &|inner| Scalar::Truncate(*part, inner)),
        Scalar::AsDate(inner) => boxed(inner, &Scalar::AsDate),
        Scalar::InZone(inner, zone) => boxed(inner, &|inner| Scalar::InZone(inner, zone)),
        Scalar::Arithmetic(operator, left, right) => {
            let rebuilt = |(l, r)| Scalar::Arithmetic(*operator, Box::new(l), Box::new(r));
            let parts = [(**left).clone(), (**right).clone()];
            parts.into_iter().chain(pairs(left, right).into_iter().map(rebuilt)).collect()
        }
        Scalar::Coalesce(values) => {
            let mut found = values.clone();
            if values.len() > 1 {
                found.extend(without_one(values).into_iter().map(Scalar::Coalesce));
            }
            found.extend(one_of(values, smaller_scalar).into_iter().map(Scalar::Coalesce));
            found
        }
        Scalar::CountAll(events) => {
            smaller_events(events).into_iter().map(Scalar::CountAll).collect()
        }
        Scalar::Aggregate(aggregate, argument, events) => {
            let rebuilt = |argument: &Scalar, events: Events| {
                Scalar::Aggregate(*aggregate, Box::new(argument.clone()), events)
            };
            let arguments = smaller_scalar(argument);
            let fewer = smaller_events(events).into_iter().map(|e| rebuilt(argument, e));
            fewer.chain(arguments.iter().map(|a| rebuilt(a, events.clone()))).collect()
        }
        Scalar::Edge { value, last, events } => {
            let rebuilt = |value: &Scalar, events: Events| Scalar::Edge {
                value: Box::new(value.clone()),
                last: *last,
                events,
            };
            let values = smaller_scalar(value);
            let fewer = smaller_events(events).into_iter().map(|e| rebuilt(value, e));
            fewer.chain(values.iter().map(|v| rebuilt(v, events.clone()))).collect()
        }
    }
}

/// Joins stay: what is inside may name their columns.
fn smaller_events(events: &Events) -> Vec<Events> {
    let with =
        |filter: Option<Predicate>| Events { filter: filter.map(Box::new), ..events.clone() };
    let Some(filter) = &events.filter else { return Vec::new() };
    let mut found = vec![with(None)];
    found.extend(smaller(filter).into_iter().map(|p| with(Some(p))));
    found
}

/// Smaller statements: without the filter, a column, the order or the limit, or with smaller values in them.
pub fn smaller_table(table: &Table) -> Vec<Table> {
    let mut found = Vec::new();
    let with = |change: &dyn Fn(&mut Table)| {
        let mut table = table.clone();
        change(&mut table);
        table
    };
    if let Some(filter) = &table.filter {
        found.push(with(&|t| t.filter = None));
        found.extend(smaller(filter).into_iter().map(|f| with(&|t| t.filter = Some(f.clone()))));
    }
    if table.limit.is_some() {
        found.push(with(&|t| t.limit = None));
    }
    for order in without_one(&table.order) {
        found.push(with(&|t| t.order = order.clone()));
    }
    if table.order.is_empty() && table.columns.len() > 1 {
        for columns in without_one(&table.columns) {
            found.push(with(&|t| t.columns = columns.clone()));
        }
    }
    for columns in one_of(&table.columns, |(item, name)| {
        let named = |item| (item, name.clone());
        smaller_item(item).into_iter().map(named).collect()
    }) {
        found.push(with(&|t| t.columns = columns.clone()));
    }
    for groups in one_of(&table.groups, smaller_scalar) {
        found.push(with(&|t| t.groups = groups.clone()));
    }
    found
}

fn smaller_item(item: &Item) -> Vec<Item> {
    match item {
        Item::Value(scalar) => smaller_scalar(scalar).into_iter().map(Item::Value).collect(),
        Item::Aggregate(aggregate, argument) => smaller_scalar(argument)
            .into_iter()
            .map(|argument| Item::Aggregate(*aggregate, argument))
            .collect(),
        Item::Key(_) | Item::CountAll => Vec::new(),
    }
}
