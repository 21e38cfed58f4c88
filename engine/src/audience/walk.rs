//! A walk over what was written, to change it in place.

use super::ast::{Expr, ExprKind, Item, ItemKind, Question, Select, Subquery};

/// Shows the expressions that one is made of, without those of subqueries.
fn outer_parts<'e>(kind: &'e mut ExprKind, see: &mut dyn FnMut(&'e mut Expr)) {
    match kind {
        ExprKind::Shift(inner, _)
        | ExprKind::Not(inner)
        | ExprKind::IsNull { value: inner, .. }
        | ExprKind::Negate(inner)
        | ExprKind::Part(_, inner)
        | ExprKind::Truncate(_, inner)
        | ExprKind::AsDate(inner)
        | ExprKind::Amount(inner) => see(inner),
        ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Coalesce(parts) => {
            parts.iter_mut().for_each(see);
        }
        ExprKind::Compare(_, left, right)
        | ExprKind::Arithmetic(_, left, right)
        | ExprKind::InZone(left, right)
        | ExprKind::FromZone(left, right)
        | ExprKind::AnyOf(left, right)
        | ExprKind::Like { value: left, pattern: right, .. } => {
            see(left);
            see(right);
        }
        ExprKind::Between { value, low, high, .. } => {
            [value, low, high].into_iter().for_each(|part| see(part));
        }
        ExprKind::In { value, list, .. } => {
            see(value);
            list.iter_mut().for_each(see);
        }
        ExprKind::Convert(convert) => see(&mut convert.value),
        ExprKind::Literal(_)
        | ExprKind::Name(_)
        | ExprKind::Now
        | ExprKind::HasIdentifier(_)
        | ExprKind::Consents { .. }
        | ExprKind::InSegment(_)
        | ExprKind::Bucket { .. }
        | ExprKind::Scalar(_)
        | ExprKind::Exists { .. }
        | ExprKind::Funnel { .. } => {}
    }
}

fn subqueries<'e>(kind: &'e mut ExprKind, see: &mut dyn FnMut(&'e mut Subquery)) {
    match kind {
        ExprKind::Scalar(subquery) | ExprKind::Exists { subquery, .. } => see(subquery),
        ExprKind::Funnel { steps, .. } => steps.iter_mut().for_each(see),
        _ => {}
    }
}

impl Expr {
    /// Shows every expression in it that is asked of profiles, itself first; not those in subqueries.
    pub(super) fn each_outer(&mut self, see: &mut dyn FnMut(&mut Expr)) {
        see(self);
        outer_parts(&mut self.kind, &mut |part| part.each_outer(see));
    }

    /// Shows every expression in it, itself first.
    pub(super) fn each(&mut self, see: &mut dyn FnMut(&mut Expr)) {
        see(self);
        if let ExprKind::Scalar(_) | ExprKind::Exists { .. } | ExprKind::Funnel { .. } = self.kind {
            subqueries(&mut self.kind, &mut |subquery| {
                if let Select::Edge { value, .. } | Select::Of { value, .. } = &mut subquery.select
                {
                    value.each(see);
                }
                subquery.joins.iter_mut().for_each(|join| join.on.each(see));
                subquery.filter.iter_mut().for_each(|filter| filter.each(see));
            });
            return;
        }
        outer_parts(&mut self.kind, &mut |part| part.each(see));
    }

    /// Shows every subquery in it.
    pub(super) fn each_subquery(&mut self, see: &mut dyn FnMut(&mut Subquery)) {
        subqueries(&mut self.kind, see);
        outer_parts(&mut self.kind, &mut |part| part.each_subquery(see));
    }
}

impl Question {
    /// Shows every expression in it that is asked of profiles.
    pub(super) fn each_outer(&mut self, see: &mut dyn FnMut(&mut Expr)) {
        self.condition.iter_mut().for_each(|condition| condition.each_outer(see));
        let Some(table) = &mut self.table else { return };
        let mut item = |item: &mut Item| match &mut item.kind {
            ItemKind::Value(value)
            | ItemKind::Aggregate(Select::Edge { value, .. } | Select::Of { value, .. }) => {
                value.each_outer(see);
            }
            ItemKind::Aggregate(Select::Row | Select::CountAll) => {}
        };
        table.items.iter_mut().for_each(&mut item);
        table.order.iter_mut().for_each(|(ordered, _)| item(ordered));
        table.groups.iter_mut().for_each(|group| group.each_outer(see));
    }
}
