//! Subqueries over events: their table, the implied correlation, and what they compute.

use super::ast::{Aggregate, Comparison, Expr, ExprKind, Select, Subquery};
use super::resolve::{Named, Resolver, Scope, same};
use super::resolved::{AggregateOf, Condition, EventQuery};
use super::typing::comparable;
use crate::base::error::{Error, Result};
use crate::base::limits::AUDIENCE_SUBQUERIES_MAX;
use crate::base::value::ValueType;
use crate::catalog::nearest;

impl Resolver<'_> {
    pub(super) fn subquery(
        &mut self,
        subquery: &mut Subquery,
        outer: Option<Scope<'_>>,
        at: usize,
    ) -> Result<usize> {
        if outer.is_some() {
            return Err(Error::invalid("a subquery inside a subquery is not understood").at(at));
        }
        if self.subqueries.len() >= AUDIENCE_SUBQUERIES_MAX {
            return Err(Error::limit(format!(
                "an audience has at most {AUDIENCE_SUBQUERIES_MAX} subqueries"
            ))
            .at(at));
        }
        let catalog = &self.state.catalog;
        let Some(event) = catalog.events().find(&subquery.event) else {
            let names = catalog.events().all().iter().map(|f| f.name.as_str());
            let hint = match nearest(&subquery.event, names) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "`nave stats` lists what there is".to_owned(),
            };
            let message = format!("'{}' is no event type; {hint}", subquery.event);
            return Err(Error::invalid(message).at(subquery.event_at));
        };
        let name = subquery.alias.clone().unwrap_or_else(|| subquery.event.clone());
        let scope = Scope { event, name: &name };
        self.correlate(subquery, scope, at)?;
        let filter = match &mut subquery.filter {
            Some(filter) => self.condition(filter, Some(scope))?,
            None => Condition::Constant(Some(true)),
        };
        let aggregate = self.aggregate(&mut subquery.select, Some(scope))?;
        self.subqueries.push(EventQuery { event, aggregate, filter, text: subquery.to_string() });
        Ok(self.subqueries.len() - 1)
    }

    /// Makes sure that the subquery is about the events of the profile at hand.
    fn correlate(&self, subquery: &mut Subquery, scope: Scope<'_>, at: usize) -> Result<()> {
        let is_id = |expr: &Expr, qualifier: Option<&str>| match &expr.kind {
            ExprKind::Name(parts) => match parts.as_slice() {
                [name] => qualifier.is_none_or(|q| same(q, scope.name)) && same(name, "profile_id"),
                [table, name] => {
                    qualifier.is_none_or(|q| same(q, table)) && same(name, "profile_id")
                }
                _ => false,
            },
            _ => false,
        };
        let correlates = |expr: &Expr| match &expr.kind {
            ExprKind::Compare(Comparison::Equal, left, right) => {
                let (inner, outer) = (Some(scope.name), Some(self.profiles));
                (is_id(left, inner) && is_id(right, outer))
                    || (is_id(left, outer) && is_id(right, inner))
            }
            _ => false,
        };
        let there = match &subquery.filter {
            Some(Expr { kind: ExprKind::And(parts), .. }) => parts.iter().any(correlates),
            Some(filter) => correlates(filter),
            None => false,
        };
        if there {
            return Ok(());
        }
        if self.statement {
            let missing = format!("{}.profile_id = {}.profile_id", scope.name, self.profiles);
            return Err(
                Error::invalid(format!("in a statement the subquery needs {missing}")).at(at)
            );
        }
        let name = |table: &str| Expr {
            kind: ExprKind::Name(vec![table.to_owned(), "profile_id".to_owned()]),
            at,
        };
        let kind = ExprKind::Compare(
            Comparison::Equal,
            Box::new(name(scope.name)),
            Box::new(name(self.profiles)),
        );
        let implied = Expr { kind, at };
        let kind = match subquery.filter.take() {
            None => implied.kind,
            Some(Expr { kind: ExprKind::And(parts), .. }) => {
                ExprKind::And(std::iter::once(implied).chain(parts).collect())
            }
            Some(filter) => ExprKind::And(vec![implied, filter]),
        };
        subquery.filter = Some(Expr { kind, at });
        Ok(())
    }

    pub(super) fn aggregate(
        &mut self,
        select: &mut Select,
        scope: Option<Scope<'_>>,
    ) -> Result<Option<AggregateOf>> {
        let rows = AggregateOf {
            aggregate: Aggregate::Count,
            distinct: false,
            value: None,
            value_type: ValueType::Integer,
        };
        let (aggregate, distinct, value) = match select {
            Select::Row => return Ok(None),
            Select::CountAll => return Ok(Some(rows)),
            Select::Edge { value, last } => {
                let (aggregate, at) =
                    (if *last { Aggregate::Last } else { Aggregate::First }, value.at);
                let (scalar, found) = self.scalar(value, scope)?;
                comparable(found, found, at)?;
                let value_type = found.unwrap_or(ValueType::Text);
                return Ok(Some(AggregateOf {
                    aggregate,
                    distinct: false,
                    value: Some(scalar),
                    value_type,
                }));
            }
            Select::Of { aggregate, distinct, value } => (*aggregate, *distinct, value),
        };
        let at = value.at;
        if let (Some(Named::ProfileId), Aggregate::Count, false) =
            (self.named(value, scope)?, aggregate, distinct)
        {
            return Ok(Some(rows));
        }
        let (scalar, found) = self.scalar(value, scope)?;
        let value_type = match (aggregate, found) {
            (_, Some(ValueType::Set)) => {
                return Err(Error::invalid("a set has no aggregate; ask 'x' = ANY(set)").at(at));
            }
            (Aggregate::Count, _) => ValueType::Integer,
            (Aggregate::Min | Aggregate::Max | Aggregate::First | Aggregate::Last, found) => {
                found.unwrap_or(ValueType::Text)
            }
            (Aggregate::Sum, Some(ValueType::Integer | ValueType::Decimal)) => ValueType::Decimal,
            (Aggregate::Sum | Aggregate::Average, Some(t)) if t.is_number() => ValueType::Float,
            (Aggregate::Sum | Aggregate::Average, None) => ValueType::Float,
            (_, Some(found)) => {
                let name = aggregate.name();
                return Err(
                    Error::invalid(format!("{name} takes a number, but this is {found}")).at(at)
                );
            }
        };
        Ok(Some(AggregateOf { aggregate, distinct, value: Some(scalar), value_type }))
    }
}
