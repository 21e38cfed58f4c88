//! Amounts of money in questions: a number beside the text of its currency.
//!
//! *Invariants:* a field of money is a number as long as all its values have one currency in the snapshot that is
//! asked; when they have several, only `amount` and `convert` give numbers. A rate is an entity of the type
//! `currency_rate`; the latest of its pair up to the day decides, and of one day that with the greatest id. Nothing is
//! rounded. *Where to start reading:* `Resolver::guard`.

use super::ast::{Conversion, Expr, ExprKind};
use super::names::{Scope, TableKind};
use super::resolve::{Resolver, Typed};
use super::resolved::{Convert, EntityColumn, EventColumn, Scalar};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::number::Decimal;
use crate::base::time::Date;
use crate::base::value::ValueType;
use crate::catalog::Fields;
use crate::column::{Cell, ColumnView};
use crate::state::{EntityView, Reader, State};
use std::collections::BTreeMap;

/// The entity type of rates.
pub const RATES: &str = "currency_rate";
/// More currencies than these are not named in an error.
const NAMED: usize = 5;

/// The rates to one currency: for each other one the rate from each day on.
#[derive(Debug, PartialEq)]
pub struct Rates {
    pairs: BTreeMap<String, BTreeMap<Date, (String, Decimal)>>,
    /// The field that has their day.
    dated: &'static str,
}

impl Rates {
    /// The rate from a currency on a day.
    pub fn on(&self, from: &str, day: Date) -> Option<Decimal> {
        let known = self.pairs.get(from)?.range(..=day).next_back();
        known.map(|(_, (_, rate))| *rate)
    }

    /// Reads the entities that have all of from, to, day and rate.
    fn read(state: &State, to: &str, at: usize) -> Result<Rates> {
        let mut rates = Rates { pairs: BTreeMap::new(), dated: "date" };
        let catalog = &state.catalog;
        let Some(number) = catalog.entities().find(RATES) else {
            return Ok(rates);
        };
        let fields = catalog.entity_fields(number);
        let (fields, reader) = (fields.unwrap_or(&NO_FIELDS), state.reader());
        rates.dated = if fields.find("date").is_some() { "date" } else { "day" };
        let (from, into) = (field(fields, "from", "text", at)?, field(fields, "to", "text", at)?);
        let (day, rate) =
            (field(fields, rates.dated, "a date", at)?, field(fields, "rate", "a decimal", at)?);
        if let (Some(table), Some(from), Some(into), Some(day), Some(rate)) =
            (reader.entities(number), from, into, day, rate)
        {
            for entity in (0..table.len()).map(Ordinal) {
                if table.value(into, entity).text() == Some(to) {
                    rates.add(table, entity, (from, day, rate));
                }
            }
        }
        reader.check().map(|()| rates)
    }

    fn add(
        &mut self,
        table: &EntityView,
        entity: Ordinal,
        (from, day, rate): (usize, usize, usize),
    ) {
        let day = super::time::instant(table.value(day, entity)).map(|instant| instant.date());
        let rate = match table.value(rate, entity) {
            Cell::Integer(rate) => Some(Decimal::from(rate)),
            Cell::Decimal(rate) => Some(rate),
            _ => None,
        };
        let from = table.value(from, entity);
        let (Some(from), Some(day), Some(rate), Some(id)) =
            (from.text(), day, rate, table.id(entity))
        else {
            return;
        };
        let days = self.pairs.entry(from.to_owned()).or_default();
        let known = days.get(&day).is_some_and(|(known, _)| known.as_str() > id);
        if !known {
            days.insert(day, (id.to_owned(), rate));
        }
    }
}

static NO_FIELDS: std::sync::LazyLock<Fields> = std::sync::LazyLock::new(Fields::default);

/// A field of rates; nothing when none was told.
fn field(fields: &Fields, name: &str, wanted: &str, at: usize) -> Result<Option<usize>> {
    let Some(number) = fields.find(name) else { return Ok(None) };
    let fits = match fields.get(number).and_then(|field| field.value_type) {
        None => return Ok(None),
        Some(ValueType::Text) => wanted == "text",
        Some(ValueType::Date | ValueType::Timestamp) => wanted == "a date",
        Some(ValueType::Integer | ValueType::Decimal) => wanted == "a decimal",
        Some(_) => false,
    };
    if fits {
        return Ok(Some(number));
    }
    Err(Error::invalid(format!("'{name}' of the entities {RATES} must be {wanted} to convert"))
        .at(at))
}

/// Why a row has no answer.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// What is the same for all rows.
    Plain(&'static str),
    /// There is no rate between two currencies on a day.
    NoRate(Code, Code, Date),
}

/// The name of a currency, cut to what a message needs.
#[derive(Debug, Clone, Copy)]
pub struct Code([u8; 16]);

impl Code {
    pub fn of(text: &str) -> Code {
        let mut code = [0; 16];
        let whole =
            text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 16);
        let bytes = text.as_bytes().iter().take(whole.last().unwrap_or(0));
        code.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Code(code)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default().trim_end_matches('\0'))
    }
}

impl From<&'static str> for Fault {
    fn from(reason: &'static str) -> Fault {
        Fault::Plain(reason)
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> String {
        match fault {
            Fault::Plain(reason) => reason.to_owned(),
            Fault::NoRate(from, to, day) => format!(
                "there is no rate from {from} to {to} on {day} or before; write an entity {RATES} with from, to, \
                 date and rate"
            ),
        }
    }
}

impl Resolver<'_> {
    /// The fields that a column is among, its number, and the number of the field with its currency when it is money.
    fn money(&self, scalar: &Scalar, scope: Option<&Scope>) -> Option<(usize, usize, &str)> {
        let catalog = &self.state.catalog;
        let kind = |slot: &usize| scope?.tables.get(*slot).map(|table| table.kind);
        let (fields, number) = match scalar {
            Scalar::Trait(number) => (catalog.traits(), *number),
            Scalar::Event(slot, EventColumn::Property(number)) => match kind(slot)? {
                TableKind::Event(event) => (catalog.properties(event)?, *number),
                TableKind::Entity(_) => return None,
            },
            Scalar::Entity(slot, EntityColumn::Field(number)) => match kind(slot)? {
                TableKind::Entity(entity) => (catalog.entity_fields(entity)?, *number),
                TableKind::Event(_) => return None,
            },
            _ => return None,
        };
        let currency = fields.currency_of(number)?;
        Some((number, currency, fields.get(number)?.name.as_str()))
    }

    /// A value as it stands, whatever its currencies: where nothing is computed of it.
    pub(super) fn bare(&mut self, expr: &mut Expr, scope: Option<&Scope>) -> Result<Typed> {
        match self.named(expr, scope)? {
            Some(super::names::Named::Value(scalar, value_type)) => Ok((scalar, value_type)),
            _ => self.scalar(expr, scope),
        }
    }

    /// Refuses a field of money as a number when its values have several currencies.
    ///
    /// # Errors
    /// `Invalid`, with the currencies and the remedies.
    pub(super) fn guard(&self, expr: &Expr, scalar: &Scalar, scope: Option<&Scope>) -> Result<()> {
        let Some((number, currency, name)) = self.money(scalar, scope) else { return Ok(()) };
        let place = match (scalar, scope) {
            (Scalar::Event(slot, _) | Scalar::Entity(slot, _), Some(scope)) => {
                scope.tables.get(*slot).map(|table| table.kind)
            }
            _ => None,
        };
        let about = format!("the currencies of {place:?} {number}");
        let look = || self.currencies(scalar, (number, currency), scope);
        let found = self.state.memo.known(about, look)?;
        if found.kinds() < 2 {
            return Ok(());
        }
        let named: Vec<&str> = found.names.iter().map(String::as_str).take(NAMED).collect();
        let more = if found.names.len() > NAMED { ", ..." } else { "" };
        let without = if found.without { ", and some have none" } else { "" };
        let first = named.first().copied().unwrap_or("EUR");
        Err(Error::invalid(format!(
            "the amounts of '{name}' have several currencies ({}{more}{without}); write amount({expr}) for the number \
             alone, or convert({expr}, '{first}')",
            named.join(", ")
        ))
        .at(expr.at))
    }

    /// The currencies of a field.
    fn currencies(
        &self,
        scalar: &Scalar,
        columns: (usize, usize),
        scope: Option<&Scope>,
    ) -> Result<Currencies> {
        let reader = self.state.reader();
        // What the parts know is seldom more than what is in force.
        let mut found = Currencies::default();
        for exactly in [false, true] {
            found = Currencies { exactly, ..Currencies::default() };
            self.see(&mut found, &reader, scalar, columns, scope);
            if found.kinds() < 2 {
                break;
            }
        }
        reader.check().map(|()| found)
    }

    /// Looks at the currencies of a field.
    fn see(
        &self,
        found: &mut Currencies,
        reader: &Reader<'_>,
        scalar: &Scalar,
        (number, currency): (usize, usize),
        scope: Option<&Scope>,
    ) {
        let kind = |slot: usize| scope?.tables.get(slot).map(|table| table.kind);
        match scalar {
            Scalar::Trait(_) => {
                found.see(reader.trait_column(number), reader.trait_column(currency));
            }
            Scalar::Event(slot, _) => {
                let Some(TableKind::Event(event)) = kind(*slot) else { return };
                let parts = reader.events(event).into_iter().flat_map(|events| events.parts());
                parts.for_each(|part| found.see(part.property(number), part.property(currency)));
            }
            Scalar::Entity(slot, _) => {
                let Some(TableKind::Entity(entity)) = kind(*slot) else { return };
                let Some(table) = reader.entities(entity) else { return };
                found.see(table.column(number), table.column(currency));
            }
            _ => {}
        }
    }

    /// `amount(p.balance)`.
    pub(super) fn amount(&mut self, value: &mut Expr, scope: Option<&Scope>) -> Result<Typed> {
        self.amount_of(value, scope, "amount").map(|(scalar, value_type, _)| (scalar, value_type))
    }

    /// A field of money, with the name of the field that has its currency.
    fn amount_of(
        &mut self,
        value: &mut Expr,
        scope: Option<&Scope>,
        function: &str,
    ) -> Result<(Scalar, Option<ValueType>, String)> {
        let at = value.at;
        let (scalar, value_type) = self.bare(value, scope)?;
        match self.money(&scalar, scope) {
            Some((_, _, name)) => {
                let currency = format!("{name}{}", crate::catalog::CURRENCY);
                Ok((scalar, value_type, currency))
            }
            None => Err(Error::invalid(format!(
                "{function} takes a field of money: a number NAME beside the text NAME.currency"
            ))
            .at(at)),
        }
    }

    /// `convert(e.amount, 'EUR')`: on the day of the event, or, for a trait, on that of `now()`.
    pub(super) fn convert(
        &mut self,
        asked: &mut Conversion,
        scope: Option<&Scope>,
        at: usize,
    ) -> Result<Typed> {
        let (value, value_type, currency) = self.amount_of(&mut asked.value, scope, "convert")?;
        let table = match &asked.value.kind {
            ExprKind::Name(parts) => parts.first().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let name = |table: &str, name: &str| Expr {
            kind: ExprKind::Name(vec![table.to_owned(), name.to_owned()]),
            at,
        };
        let mut currency = name(&table, &currency);
        let slot = match value {
            Scalar::Event(slot, _) | Scalar::Entity(slot, _) => Some(slot),
            _ => None,
        };
        let before = slot.zip(scope).and_then(|(slot, scope)| scope.tables.get(..=slot));
        let event = before.into_iter().flatten().rev();
        let mut event = event.filter(|table| matches!(table.kind, TableKind::Event(_)));
        let mut day = match event.next() {
            Some(events) => name(&events.name, "time"),
            None => Expr { kind: ExprKind::Now, at },
        };
        let about = format!("the rates to {}", asked.to);
        let look = || Rates::read(self.state, &asked.to, at);
        let rates = self.state.memo.known(about, look)?;
        let dated = rates.dated.to_owned();
        let convert = Convert {
            value,
            currency: self.bare(&mut currency, scope)?.0,
            day: self.scalar(&mut day, scope)?.0,
            to: asked.to.clone(),
            rates,
        };
        (asked.currency, asked.day, asked.dated) = (Some(currency), Some(day), dated);
        let float = value_type == Some(ValueType::Float);
        let value_type = if float { ValueType::Float } else { ValueType::Decimal };
        Ok((Scalar::Convert(Box::new(convert)), Some(value_type)))
    }
}

/// The currencies of a column of amounts.
#[derive(Default)]
struct Currencies {
    names: std::collections::BTreeSet<String>,
    /// Whether an amount has none.
    without: bool,
    /// Whether only the currencies of amounts in force count.
    exactly: bool,
}

impl Currencies {
    /// How many kinds of amounts there are.
    fn kinds(&self) -> usize {
        self.names.len() + usize::from(self.without)
    }

    fn see(&mut self, amounts: Option<&ColumnView>, currencies: Option<&ColumnView>) {
        let (Some(amounts), Some(currencies)) = (amounts, currencies) else { return };
        self.without |= amounts.tells_beyond(currencies);
        currencies.texts_beside(self.exactly.then_some(amounts), &mut self.names);
    }
}
