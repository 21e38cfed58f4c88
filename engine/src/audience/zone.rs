//! AT TIME ZONE: an instant to the local time that clocks show, and a local time to its instant, as in SQL.

use super::ast::{Aggregate, Expr, ExprKind, Literal, Select, Subquery};
use super::names::{Named, Scope, Table, TableKind};
use super::resolve::{Resolver, Typed};
use super::resolved::Scalar;
use super::time;
use crate::base::error::{Error, Result};
use crate::base::value::ValueType;

/// What a time is a time of. All are written as if they were UTC; only AT TIME ZONE tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// NULL.
    Nothing,
    /// A day, or a day moved or cut down: it may be one of any zone.
    Day,
    /// What clocks of a zone show.
    Local,
    Instant,
}

impl Clock {
    /// The clock of a value that is of either.
    fn or(self, other: Clock) -> Clock {
        match (self, other) {
            (Clock::Nothing, one) | (one, Clock::Nothing) => one,
            (Clock::Instant, _) | (_, Clock::Instant) => Clock::Instant,
            (Clock::Day, _) | (_, Clock::Day) => Clock::Day,
            (Clock::Local, Clock::Local) => Clock::Local,
        }
    }
}

impl Resolver<'_> {
    /// `value AT TIME ZONE zone`. The expression becomes one of the way back when the value is a local time.
    pub(super) fn at_time_zone(&mut self, expr: &mut Expr, scope: Option<&Scope>) -> Result<Typed> {
        let (ExprKind::InZone(value, zone) | ExprKind::FromZone(value, zone)) = &mut expr.kind
        else {
            return Err(Error::invalid("a time is expected").at(expr.at));
        };
        let time = Box::new(self.time(value, scope)?);
        let (known, named) = self.zone(zone, scope)?;
        let back = match self.clock(value, scope)? {
            Clock::Nothing | Clock::Instant => false,
            Clock::Local => true,
            Clock::Day => {
                let message = "a day is a day in any zone: AT TIME ZONE takes a time, such as \
                               e.time AT TIME ZONE 'Europe/Paris'";
                return Err(Error::invalid(message).at(value.at));
            }
        };
        let scalar = match (known, back) {
            (Some(zone), false) => Scalar::InZone(time, zone),
            (Some(zone), true) => Scalar::FromZone(time, zone),
            (None, false) => Scalar::InZoneOf(time, Box::new(named)),
            (None, true) => Scalar::FromZoneOf(time, Box::new(named)),
        };
        if back
            && let ExprKind::InZone(value, zone) = std::mem::replace(&mut expr.kind, ExprKind::Now)
        {
            expr.kind = ExprKind::FromZone(value, zone);
        }
        Ok((scalar, Some(ValueType::Timestamp)))
    }

    /// A zone that the question names, or else the text that does. The first must exist; one that is in the data need
    /// not.
    fn zone(
        &mut self,
        zone: &mut Expr,
        scope: Option<&Scope>,
    ) -> Result<(Option<jiff::tz::TimeZone>, Scalar)> {
        if let ExprKind::Literal(Literal::Text(name)) = &mut zone.kind {
            let known = time::zone(name).ok_or_else(|| {
                let message = format!("'{name}' is no time zone; write it like 'Europe/Paris'");
                Error::invalid(message).at(zone.at)
            })?;
            if let Some(canonical) = known.iana_name() {
                *name = canonical.to_owned();
            }
            return Ok((Some(known), Scalar::Constant(None)));
        }
        Ok((None, self.typed(zone, scope, ValueType::Text)?))
    }

    /// What a time, which was resolved, is a time of.
    fn clock(&self, expr: &mut Expr, scope: Option<&Scope>) -> Result<Clock> {
        if let ExprKind::Name(_) = expr.kind {
            return Ok(match self.named(expr, scope)? {
                Some(Named::Value(_, None)) => Clock::Nothing,
                Some(Named::Value(_, Some(ValueType::Date))) => Clock::Day,
                _ => Clock::Instant,
            });
        }
        match &mut expr.kind {
            ExprKind::Literal(Literal::Null) => Ok(Clock::Nothing),
            ExprKind::Literal(Literal::Date(_)) | ExprKind::AsDate(_) => Ok(Clock::Day),
            ExprKind::Literal(Literal::Local(_)) | ExprKind::InZone(..) => Ok(Clock::Local),
            ExprKind::Shift(value, _) | ExprKind::Truncate(_, value) => self.clock(value, scope),
            ExprKind::Coalesce(values) => values
                .iter_mut()
                .try_fold(Clock::Nothing, |clock, value| Ok(clock.or(self.clock(value, scope)?))),
            ExprKind::Scalar(subquery) => {
                let scope = self.scope_of(subquery);
                match &mut subquery.select {
                    Select::Edge { value, .. }
                    | Select::Of {
                        aggregate: Aggregate::Min | Aggregate::Max | Aggregate::Mode,
                        value,
                        ..
                    } => self.clock(value, Some(&scope)),
                    _ => Ok(Clock::Instant),
                }
            }
            _ => Ok(Clock::Instant),
        }
    }

    /// The tables of a subquery, whose names were found before.
    fn scope_of(&self, subquery: &Subquery) -> Scope {
        let catalog = &self.state.catalog;
        let mut scope = Scope::default();
        let event = catalog.events().find(&subquery.event).map(TableKind::Event);
        let joined = subquery.joins.iter().map(|join| {
            let kind = catalog.entities().find(&join.entity).map(TableKind::Entity);
            (join.name().to_owned(), kind)
        });
        let tables = std::iter::once((subquery.name().to_owned(), event)).chain(joined);
        let known = tables.filter_map(|(name, kind)| Some(Table { name, kind: kind? }));
        scope.tables = known.collect();
        scope
    }
}
