//! One value of a row.

use super::kind::{Scope, kind_of};
use super::number::{moment, negate, operate, widened};
use super::{Fault, Row, Slot, md5};
use crate::ast::{Column, Scalar};
use crate::calendar::{self, DAY, Part};
use crate::oracle::HELD;
use navedb::{Date, Timestamp, Value, ValueType};

/// 9999-12-30T22:00:00Z.
const LAST_KNOWN: i64 = 253_402_207_200_000_000;

type Given = Result<Option<Value>, Fault>;

impl<'a> Row<'a> {
    pub fn value(&self, scalar: &Scalar) -> Given {
        match scalar {
            Scalar::Literal(value) => Ok(value.clone()),
            Scalar::Trait(name) => {
                let golden = self.person.traits.get(&name.to_lowercase());
                let value = golden.map(|golden| golden.value.clone());
                Ok(value.or_else(|| self.absent(scalar)))
            }
            Scalar::ProfileId => Ok(Some(Value::Text(self.person.id.clone()))),
            Scalar::Column(table, column) => {
                Ok(self.column(*table, column)?.or_else(|| self.absent(scalar)))
            }
            Scalar::Now => Ok(Some(Value::Timestamp(Timestamp(self.now)))),
            Scalar::Shifted { base, by } => {
                let Some(from) = self.time(base)? else { return Ok(None) };
                let (moved, strayed) = calendar::shift_all(from, by);
                if strayed {
                    self.notes.doubt();
                }
                instant(moved.ok_or(Fault::Range)?)
            }
            Scalar::Arithmetic(operator, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                operate(*operator, left?, right?, self.notes)
            }
            Scalar::Negate(inner) => negate(self.value(inner)?),
            Scalar::Coalesce(values) => self.coalesce(scalar, values),
            Scalar::Part(part, inner) => Ok(self.time(inner)?.map(|time| match part {
                Part::Epoch => Value::Float(time as f64 / 1e6),
                part => Value::Integer(calendar::part(*part, time)),
            })),
            Scalar::Truncate(part, inner) => match self.time(inner)? {
                None => Ok(None),
                Some(time) => instant(calendar::truncate(*part, time).ok_or(Fault::IllTyped)?),
            },
            Scalar::AsDate(inner) => {
                Ok(self.time(inner)?.map(|time| Value::Date(Date(time.div_euclid(DAY) as i32))))
            }
            Scalar::InZone(inner, zone) => match self.time(inner)? {
                None => Ok(None),
                Some(time) => {
                    if !HELD.zones_reach_the_last_day && time > LAST_KNOWN {
                        return Err(Fault::Unknown);
                    }
                    let local = calendar::zones::local(zone, time).ok_or(Fault::Unknown)?;
                    let inside = calendar::in_range(local).then_some(local);
                    instant(inside.ok_or(Fault::Range)?)
                }
            },
            Scalar::Bucket(salt, n) => {
                let first = md5::first_word(&format!("{salt}:{}", self.person.id));
                Ok(Some(Value::Integer(i64::from(first % n))))
            }
            Scalar::Amount(inner) => self.value(inner),
            Scalar::Convert(inner, to) => self.converted(inner, to),
            Scalar::CountAll(events) => {
                Ok(Some(Value::Integer(self.passing(events)?.len() as i64)))
            }
            Scalar::Aggregate(aggregate, argument, events) => {
                let scope = self.scope.inside(events);
                let rows = self.passing(events)?;
                let values = self.inner(argument, &rows, &scope)?;
                super::aggregate::gather(*aggregate, &values, self.notes)
            }
            Scalar::Edge { value, last, events } => self.edge(value, *last, events),
        }
    }

    /// What an absent column is: NULL, but a set is empty.
    fn absent(&self, scalar: &Scalar) -> Option<Value> {
        let kind = kind_of(scalar, &self.world.types, self.scope);
        (kind == Some(ValueType::Set)).then(|| Value::Set(Vec::new()))
    }

    /// A time as an instant.
    fn time(&self, scalar: &Scalar) -> Result<Option<i64>, Fault> {
        match self.value(scalar)? {
            None => Ok(None),
            Some(value) => moment(&value).map(Some).ok_or(Fault::IllTyped),
        }
    }

    fn column(&self, table: usize, column: &Column) -> Given {
        let found = match (self.slots.get(table).ok_or(Fault::IllTyped)?, column) {
            (Slot::Event(event), Column::Field(name)) => {
                event.properties.get(&name.to_lowercase()).cloned()
            }
            (Slot::Event(event), Column::Time) => Some(Value::Timestamp(Timestamp(event.time))),
            (Slot::Event(event), Column::Source) => Some(Value::Text(event.source.clone())),
            (Slot::Event(event), Column::Message) => {
                let id = event.message_id.clone().expect("the ids of all messages are known");
                Some(Value::Text(id))
            }
            (Slot::Event(_), Column::Owner) => Some(Value::Text(self.person.id.clone())),
            (Slot::Entity(entity), Column::Field(name)) => {
                entity.and_then(|entity| entity.fields.get(&name.to_lowercase()).cloned())
            }
            (Slot::Entity(entity), Column::Id) => entity.map(|e| Value::Text(e.id.clone())),
            _ => return Err(Fault::IllTyped),
        };
        Ok(found)
    }

    /// The first value that is not NULL, in the type that holds all. What stands behind it need not be looked at.
    fn coalesce(&self, whole: &Scalar, values: &[Scalar]) -> Given {
        let mut found = None;
        for value in values {
            match self.value(value) {
                Ok(value) => found = found.or(value),
                Err(fault) if found.is_some() => self.notes.masked(fault),
                Err(fault) => return Err(fault),
            }
        }
        let kinds = values.iter().filter_map(|v| kind_of(v, &self.world.types, self.scope));
        let several = kinds.collect::<std::collections::HashSet<_>>().len() > 1;
        if several && !HELD.coalesce_widens {
            return Err(Fault::Unknown);
        }
        let Some(kind) = kind_of(whole, &self.world.types, self.scope) else { return Ok(found) };
        found.map(|value| widened(value, kind).ok_or(Fault::IllTyped)).transpose()
    }

    /// The values of rows that are not NULL.
    fn inner(
        &self,
        argument: &Scalar,
        rows: &[Vec<Slot<'a>>],
        scope: &Scope,
    ) -> Result<Vec<Value>, Fault> {
        let given = rows.iter().map(|slots| Row { slots, scope, ..*self }.value(argument));
        Ok(given.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn edge(&self, value: &Scalar, last: bool, events: &crate::ast::Events) -> Given {
        let scope = self.scope.inside(events);
        let mut rows = self.passing(events)?;
        let event = self.slots.len();
        let key = |slots: &Vec<Slot<'a>>| match slots[event] {
            Slot::Event(event) => (event.time, event.message_id.clone()),
            Slot::Entity(_) => unreachable!("an event stands first"),
        };
        rows.sort_by_key(key);
        let chosen = if last { rows.pop() } else { (!rows.is_empty()).then(|| rows.remove(0)) };
        let given = |slots: &[Slot<'a>]| Row { slots, scope: &scope, ..*self }.value(value);
        // An engine may compute the value of every row before it chooses one.
        let others = rows.iter().filter_map(|slots| given(slots).err());
        others.for_each(|fault| self.notes.masked(fault));
        chosen.map_or(Ok(None), |slots| given(&slots))
    }
}

fn instant(time: i64) -> Given {
    Ok(Some(Value::Timestamp(Timestamp(time))))
}
