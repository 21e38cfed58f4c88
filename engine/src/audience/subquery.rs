//! Subqueries over events: their tables, the implied correlation, and what they compute; and the steps of funnels.

use super::ast::{Aggregate, Comparison, Expr, ExprKind, Join, Select, Subquery};
use super::names::{Named, Scope, Table, TableKind, hint, same};
use super::resolve::Resolver;
use super::resolved::{
    AggregateOf, Condition, ConsentQuery, EntityColumn, EventQuery, FunnelQuery, FunnelStep,
    JoinOf, Query, Rows, Scalar,
};
use super::typing::comparable;
use crate::base::error::{Error, Result};
use crate::base::limits::AUDIENCE_SUBQUERIES_MAX;
use crate::base::time::Span;
use crate::base::value::ValueType;
use crate::catalog::folded;

impl Resolver<'_> {
    pub(super) fn subquery(
        &mut self,
        subquery: &mut Subquery,
        outer: Option<&Scope>,
        at: usize,
    ) -> Result<usize> {
        self.one_more(outer, 1, at)?;
        let mut scope = Scope::default();
        let rows = self.rows(subquery, &mut scope, at)?;
        let aggregate = self.aggregate(&mut subquery.select, Some(&scope))?;
        // What was asked before, under whatever aliases, is answered once.
        let known = self.queries.iter().position(|query| match query {
            Query::Events(known) => known.rows == rows && known.aggregate == aggregate,
            Query::Funnel(_) | Query::Consents(_) | Query::Segment(_) => false,
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let text = self.shown(|| subquery.to_string());
        self.queries.push(Query::Events(Box::new(EventQuery { rows, aggregate, text })));
        Ok(self.queries.len() - 1)
    }

    pub(super) fn funnel(
        &mut self,
        span: Span,
        steps: &mut [Subquery],
        outer: Option<&Scope>,
        at: usize,
    ) -> Result<usize> {
        self.one_more(outer, steps.len(), at)?;
        let mut scope = Scope::default();
        let mut found: Vec<FunnelStep> = Vec::with_capacity(steps.len());
        for step in steps {
            let mut rows = self.rows(step, &mut scope, step.event_at)?;
            // What looks at earlier steps can only be asked beside their events.
            let parts = std::mem::replace(&mut rows.filter, Condition::TRUE).parts();
            let (own, between): (Vec<Condition>, Vec<Condition>) = parts
                .into_iter()
                .partition(|part| part.slots().iter().all(|slot| *slot >= rows.slot));
            rows.filter = Condition::all(own);
            let between = Condition::all(between);
            let slots = between.slots();
            let before = found.iter().map(|step| step.rows.slots());
            let looks_at = before.map(|of| slots.iter().any(|slot| of.contains(slot))).collect();
            let text = self.shown(|| step.to_string());
            found.push(FunnelStep { rows, between, looks_at, text });
        }
        self.queries.push(Query::Funnel(FunnelQuery { span, steps: found, at }));
        Ok(self.queries.len() - 1)
    }

    /// A pass over the consents.
    pub(super) fn consents(
        &mut self,
        asked: ConsentQuery,
        outer: Option<&Scope>,
        at: usize,
    ) -> Result<usize> {
        self.one_more(outer, 1, at)?;
        let asked = Query::Consents(asked);
        if let Some(known) = self.queries.iter().position(|query| *query == asked) {
            return Ok(known);
        }
        self.queries.push(asked);
        Ok(self.queries.len() - 1)
    }

    /// Whether profiles are in a segment whose members are known.
    pub(super) fn in_segment(&mut self, name: &str) -> Condition {
        let asked = Query::Segment(folded(name));
        let known = self.queries.iter().position(|query| *query == asked);
        Condition::Exists(known.unwrap_or_else(|| {
            self.queries.push(asked);
            self.queries.len() - 1
        }))
    }

    /// Whether there may be one more subquery here, or as many as a funnel has steps.
    fn one_more(&mut self, outer: Option<&Scope>, passes: usize, at: usize) -> Result<()> {
        if outer.is_some() {
            return Err(Error::invalid("a subquery inside a subquery is not understood").at(at));
        }
        self.passes += passes;
        if self.passes > AUDIENCE_SUBQUERIES_MAX {
            let message = format!(
                "an audience has at most {AUDIENCE_SUBQUERIES_MAX} subqueries and steps of funnels"
            );
            return Err(Error::limit(message).at(at));
        }
        Ok(())
    }

    /// Resolves the tables of a subquery, which join the scope, and its condition.
    fn rows(&mut self, subquery: &mut Subquery, scope: &mut Scope, at: usize) -> Result<Rows> {
        let event = self.event(subquery)?;
        let slot = scope.tables.len();
        scope.own = slot;
        self.add_table(scope, subquery.name(), TableKind::Event(event), subquery.event_at)?;
        let mut joins = Vec::with_capacity(subquery.joins.len());
        for join in &mut subquery.joins {
            joins.push(self.join(join, scope)?);
        }
        self.correlate(subquery, at)?;
        let filter = match &mut subquery.filter {
            Some(filter) => Condition::all(self.condition(filter, Some(&*scope))?.parts()),
            None => Condition::TRUE,
        };
        Ok(Rows { event, slot, joins, filter })
    }

    /// The event type of a subquery.
    fn event(&self, subquery: &mut Subquery) -> Result<usize> {
        let catalog = &self.state.catalog;
        let (name, at) = (&subquery.event, subquery.event_at);
        if let Some(number) = catalog.events().find(name) {
            if let Some(field) = catalog.events().get(number) {
                subquery.event.clone_from(&field.name);
            }
            return Ok(number);
        }
        if catalog.entities().find(name).is_some() {
            let message = format!(
                "'{name}' is an entity type, not an event type; join it to an event type: \
                 FROM purchase e JOIN {name} d ON d.id = e.{name}_id"
            );
            return Err(Error::invalid(message).at(at));
        }
        let names = catalog.events().all().iter().map(|f| f.name.as_str());
        Err(Error::invalid(format!("'{name}' is no event type; {}", hint(name, names))).at(at))
    }

    fn add_table(&self, scope: &mut Scope, name: &str, kind: TableKind, at: usize) -> Result<()> {
        let taken = if same(name, self.profiles) {
            Some("the profiles".to_owned())
        } else {
            let known = scope.tables.iter().find(|table| same(&table.name, name));
            known.map(|_| "another table".to_owned())
        };
        if let Some(other) = taken {
            let message = format!("'{name}' names {other} here; give this table another alias");
            return Err(Error::invalid(message).at(at));
        }
        scope.tables.push(Table { name: name.to_owned(), kind });
        Ok(())
    }

    /// An entity beside the events: one equality between its id and a text of what stands before.
    fn join(&mut self, join: &mut Join, scope: &mut Scope) -> Result<JoinOf> {
        let catalog = &self.state.catalog;
        let (name, at) = (&join.entity, join.entity_at);
        let Some(entity) = catalog.entities().find(name) else {
            let message = if catalog.events().find(name).is_some() {
                format!("'{name}' is an event type; entity types alone are joined")
            } else {
                let names = catalog.entities().all().iter().map(|f| f.name.as_str());
                format!("'{name}' is no entity type; {}", hint(name, names))
            };
            return Err(Error::invalid(message).at(at));
        };
        if let Some(field) = catalog.entities().get(entity) {
            join.entity.clone_from(&field.name);
        }
        let name = join.name().to_owned();
        self.add_table(scope, &name, TableKind::Entity(entity), at)?;
        let slot = scope.tables.len() - 1;
        let place = join.on.at;
        let (events, entity_name) = (scope.tables.get(scope.own), join.entity.as_str());
        let events = events.map_or("e", |table| &table.name);
        let message = format!(
            "ON takes one equality between {name}.id and a text value of what stands before in \
             this subquery, such as ON {name}.id = {events}.{entity_name}_id"
        );
        let wrong = || Error::invalid(message.as_str()).at(place);
        let ExprKind::Compare(Comparison::Equal, left, right) = &mut join.on.kind else {
            return Err(wrong());
        };
        let mut sides = Vec::with_capacity(2);
        for side in [left, right] {
            if let Some(Named::ProfileId) = self.named(side, Some(scope))? {
                return Err(wrong());
            }
            let (scalar, kind) = self.scalar(side, Some(scope))?;
            let is_id = scalar == Scalar::Entity(slot, EntityColumn::Id);
            sides.push((is_id, scalar, kind, side.at));
        }
        sides.sort_by_key(|(is_id, ..)| *is_id);
        let mut sides = sides.into_iter();
        let (Some((false, key, kind, key_at)), Some((true, ..))) = (sides.next(), sides.next())
        else {
            return Err(wrong());
        };
        if !key.slots().iter().all(|at| (scope.own..slot).contains(at)) {
            return Err(wrong());
        }
        if let Some(kind) = kind.filter(|kind| *kind != ValueType::Text) {
            let message = format!("{name}.id is text, but this is {kind}; send it as text");
            return Err(Error::invalid(message).at(key_at));
        }
        Ok(JoinOf { entity, key, required: !join.left })
    }

    /// Makes sure that the subquery is about the events of the profile at hand.
    fn correlate(&self, subquery: &mut Subquery, at: usize) -> Result<()> {
        let events = subquery.name().to_owned();
        let is_id = |expr: &Expr, qualifier: Option<&str>| match &expr.kind {
            ExprKind::Name(parts) => match parts.as_slice() {
                [name] => qualifier.is_none_or(|q| same(q, &events)) && same(name, "profile_id"),
                [table, name] => {
                    qualifier.is_none_or(|q| same(q, table)) && same(name, "profile_id")
                }
                _ => false,
            },
            _ => false,
        };
        let correlates = |expr: &Expr| match &expr.kind {
            ExprKind::Compare(Comparison::Equal, left, right) => {
                let (inner, outer) = (Some(events.as_str()), Some(self.profiles));
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
        if self.statement && !subquery.implied {
            let missing = format!("{}.profile_id = {}.profile_id", events, self.profiles);
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
            Box::new(name(&events)),
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
        scope: Option<&Scope>,
    ) -> Result<Option<AggregateOf>> {
        let rows = AggregateOf {
            aggregate: Aggregate::Count,
            distinct: false,
            value: None,
            value_type: Some(ValueType::Integer),
        };
        let (aggregate, distinct, value) = match select {
            Select::Row => return Ok(None),
            Select::CountAll => return Ok(Some(rows)),
            Select::Edge { value, last } => {
                let (aggregate, at) =
                    (if *last { Aggregate::Last } else { Aggregate::First }, value.at);
                let (scalar, found) = self.scalar(value, scope)?;
                comparable(found, found, at)?;
                return Ok(Some(AggregateOf {
                    aggregate,
                    distinct: false,
                    value: Some(scalar),
                    value_type: found,
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
        let counts = aggregate == Aggregate::Count && !distinct;
        let given = if counts { self.bare(value, scope) } else { self.scalar(value, scope) };
        let (scalar, found) = given?;
        let value_type = match (aggregate, found) {
            (_, Some(ValueType::Set)) => {
                return Err(Error::invalid("a set has no aggregate; ask 'x' = ANY(set)").at(at));
            }
            (Aggregate::Count, _) => Some(ValueType::Integer),
            (
                Aggregate::Min
                | Aggregate::Max
                | Aggregate::Mode
                | Aggregate::First
                | Aggregate::Last,
                found,
            ) => found,
            (Aggregate::Sum, Some(ValueType::Integer | ValueType::Decimal)) => {
                Some(ValueType::Decimal)
            }
            (Aggregate::Sum | Aggregate::Average, Some(t)) if t.is_number() => {
                Some(ValueType::Float)
            }
            (Aggregate::Sum | Aggregate::Average, None) => Some(ValueType::Float),
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
