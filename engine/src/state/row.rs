//! The plain rows of a block, one after another in their turn.
//!
//! *Invariants:* a row is taken exactly as it would be folded by itself, or not at all: what stands in the way is found
//! before anything changes. *Where to start reading:* `Fold::take_row`.

use super::apply::Fact;
use super::block::{Block, Columns, Going, Named};
use super::fields::Owner;
use super::people::Normal;
use super::{Fold, ToldTraits};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::definition::{Mapped, MappedColumn};
use crate::entry::{Reading, RowKind};
use crate::identity;
use crate::record::{
    Beside, Kind, Meaning, Roles, Token, entity_id, quick_decimal, quick_instant, quick_integer,
    quick_set,
};
use std::borrow::Cow;
use std::sync::Arc;

/// More events are not kept at once with what becomes of their columns.
const EVENTS_KNOWN: usize = 64;

/// A token in one of the common forms, when the field has a type that it is a value of.
fn quick(
    token: &Token<'_>,
    reading: Option<Reading>,
    (in_force, free): (Option<ValueType>, bool),
) -> Option<Value> {
    let in_force = in_force?;
    // A type that is declared may have a form of its own.
    let instant = |text: &str| {
        let found = quick_instant(text).filter(|_| free && in_force.is_temporal())?;
        if found.value_type() == in_force { Some(found) } else { found.widen_to(in_force) }
    };
    let text = match token {
        Token::Cell(text) => *text,
        Token::Number(text) => text.as_ref(),
        Token::Text(text) if in_force == ValueType::Text => {
            return Some(Value::Text(text.clone().into_owned()));
        }
        Token::Text(text) => return instant(text),
        Token::Boolean(text) if free && in_force == ValueType::Boolean => {
            return Some(Value::Boolean(*text == "true"));
        }
        Token::Null | Token::Boolean(_) | Token::List(_) | Token::Objects(_) => return None,
    };
    let is_cell = matches!(token, Token::Cell(_));
    match (in_force, reading) {
        (ValueType::Set, Some(Reading::Json)) if free && is_cell => quick_set(text).map(Value::Set),
        (_, Some(Reading::Json)) => None,
        (ValueType::Text, _) => Some(Value::Text(text.to_owned())),
        (ValueType::Float, Some(Reading::Float)) if free => {
            text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
        }
        (ValueType::Date | ValueType::Timestamp, None | Some(Reading::Plain | Reading::Text))
            if is_cell =>
        {
            instant(text)
        }
        (_, Some(Reading::Text | Reading::Float)) => None,
        (ValueType::Integer, _) => quick_integer(text).map(Value::Integer),
        (ValueType::Decimal, _) => quick_decimal(text).map(Value::Decimal),
        (ValueType::Boolean, None | Some(Reading::Plain)) if free && is_cell => match text {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        _ => None,
    }
}

impl Fold {
    /// Takes a row that is not withdrawn; says whether it could: one that is not plain must be folded by itself.
    pub(super) fn take_row(
        &mut self,
        block: &Block<'_>,
        row: usize,
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        let time = block.time(row, &mut going.times);
        let (Some(time), Some(key)) = (time, block.entry.key(row)) else { return Ok(false) };
        if !block.one_value_each(row) {
            return Ok(false);
        }
        if let (RowKind::Entity { entity, .. }, Some(column)) =
            (&block.shape.kind, block.roles.entity)
        {
            let said = block.said(column, row).map(Cow::into_owned);
            let Ok(id) = entity_id(said, "") else { return Ok(false) };
            let fact = block.fact(row, time, &key, None);
            return self.take_entity(block, (row, &fact), (entity, &id), going);
        }
        if going.identified.of_row(row).is_empty() {
            return Ok(false);
        }
        if self.is_later(time.0) {
            return Ok(true);
        }
        let id = block.message_id(row);
        let fact = block.fact(row, time, &key, id.as_deref());
        if Roles::by_words(&block.shape.kind) {
            return self.take_by_words(block, (row, &fact), going);
        }
        let event = block.shape.fixed_event();
        if let (Some(name), None) = (event, going.number) {
            if self.names_nobody(going.identified.of_row(row))? {
                return Ok(false);
            }
            // An event type begins with its first event.
            match self.state.event_number(block.at.source, name) {
                Ok(Some(number)) => going.number = Some(number),
                Ok(None) | Err(_) => return Ok(false),
            }
        }
        let Some((node, profile)) = self.take_person(block, (row, &fact), going)? else {
            return Ok(false);
        };
        match event.zip(going.number) {
            Some((name, number)) => {
                let values = block.values(row, &block.columns);
                self.take_properties(values, &fact, (number, name), node)?;
            }
            None => {
                let told = self.told(block.values(row, &block.columns), &fact, Owner::Profile)?;
                self.apply_told(&fact, node, profile, told)?;
            }
        }
        Ok(true)
    }

    /// Whether a question as of a time hides what happened at another.
    pub(super) fn is_later(&self, time: Timestamp) -> bool {
        self.state.as_of.is_some_and(|limit| time > limit)
    }

    pub(super) fn count_record(&mut self, block: &Block<'_>) {
        *Arc::make_mut(&mut self.state.records).entry(block.at.source).or_default() += 1;
    }

    /// Whether the rules say that all identifiers of a row are nobody's.
    pub(super) fn names_nobody(&mut self, named: &[Named<'_, '_>]) -> Result<bool> {
        for one in named {
            let known = self.open.nodes.find(&self.state.parts, one.public)?;
            if known.is_some() || self.rules().blocks(one.number, &one.normal().value).is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes the person whom a row names, and counts the row; nothing when it names nobody.
    fn take_person(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        going: &Going<'_, '_>,
    ) -> Result<Option<(NodeId, Ordinal)>> {
        let named = going.identified.of_row(row).iter();
        let named: Vec<Normal<'_>> = named.map(Named::normal).collect();
        let found = self.observe_known(&named, identity::Kind::Deterministic, fact)?;
        if found.is_some() {
            self.count_record(block);
        }
        Ok(found)
    }

    /// Takes a row whose words say what it is. Types of events and of groups begin with rows that are folded by
    /// themselves.
    fn take_by_words(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        // They are taken out for as long as the rest of what is known is looked at.
        let mut words = std::mem::take(&mut going.words);
        let said = |column| block.said(column, row);
        let meaning = words.read(&block.shape.kind, &block.roles.words, said);
        let taken = match meaning {
            None => Ok(false),
            Some(Meaning { kind: Kind::Track(event), .. }) => {
                self.take_named_event(block, (row, fact), event, going)
            }
            Some(Meaning { kind, beside, found }) => {
                self.take_beside(block, (row, fact), (kind, beside, found), going)
            }
        };
        going.words = words;
        taken
    }

    /// Takes a row that names its event.
    fn take_named_event(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        event: &str,
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        if !going.events.contains_key(event) {
            let Some(number) = self.state.catalog.events().find(event) else { return Ok(false) };
            if going.events.len() >= EVENTS_KNOWN {
                going.events.clear();
            }
            let mapped = Mapped::Track(event);
            let columns = Columns::of(&self.state, block.at.source, mapped, &block.roles);
            going.events.insert(event.to_owned(), columns.map(|columns| (number, columns)));
        }
        let going = &*going;
        let Some(Some((number, columns))) = going.events.get(event) else { return Ok(false) };
        let Some((node, _)) = self.take_person(block, (row, fact), going)? else {
            return Ok(false);
        };
        self.take_properties(block.values(row, columns), fact, (*number, event), node)?;
        Ok(true)
    }

    /// Takes a row that tells a consent or a membership.
    fn take_beside(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        (kind, beside, settled): (&Kind, &[Beside], &mut Option<ToldTraits>),
        going: &Going<'_, '_>,
    ) -> Result<bool> {
        let [beside] = beside else { return Ok(false) };
        let Some(event) = self.state.catalog.events().find(beside.event) else { return Ok(false) };
        if let Kind::Entity { entity, id } = kind {
            let Some(number) = self.state.catalog.entities().find(entity) else {
                return Ok(false);
            };
            let ordinal = self.observe_entity(number, id)?;
            self.tell_entity(fact, number, ordinal, ToldTraits::new())?;
        }
        let Some((node, _)) = self.take_person(block, (row, fact), going)? else {
            return Ok(false);
        };
        if settled.is_none() {
            let owner = Owner::Event(event, beside.event);
            let told = self.fitting(fact, owner, None, &beside.fields)?;
            if !self.is_settled(owner, beside) {
                self.push_event(event, &fact.row(node), told);
                return Ok(true);
            }
            *settled = Some(Self::last_of_each(told));
        }
        let told = settled.as_deref().unwrap_or_default();
        self.push_told(event, &fact.row(node), told);
        Ok(true)
    }

    /// Whether what a consent or a membership tells will be the same whenever it tells it again: all its fields are
    /// known, and text as it stands.
    fn is_settled(&self, owner: Owner<'_>, beside: &Beside) -> bool {
        let Some(fields) = self.state.fields(owner).filter(|fields| !fields.has_money()) else {
            return false;
        };
        let is_text = |name: &str| {
            fields.find(name).is_some_and(|number| {
                let field = fields.get(number);
                fields.rule(number).is_none()
                    && field.is_some_and(|field| field.value_type == Some(ValueType::Text))
            })
        };
        beside.fields.iter().all(|(name, _)| is_text(name))
    }

    fn take_entity(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        (entity, id): (&str, &str),
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        if self.is_later(fact.time) {
            return Ok(true);
        }
        if going.number.is_none() {
            match self.state.entity_number(block.at.source, entity) {
                Ok(Some(number)) => going.number = Some(number),
                Ok(None) | Err(_) => return Ok(false),
            }
        }
        let Some(number) = going.number else { return Ok(false) };
        let ordinal = self.observe_entity(number, id)?;
        let values = block.values(row, &block.columns);
        let told = self.told(values, fact, Owner::Entity(number, entity))?;
        self.tell_entity(fact, number, ordinal, told)?;
        self.count_record(block);
        Ok(true)
    }

    /// Takes an event and its properties.
    pub(super) fn take_properties<'v>(
        &mut self,
        values: impl Iterator<Item = (&'v MappedColumn, Token<'v>)>,
        fact: &Fact<'_>,
        (number, name): (usize, &str),
        node: NodeId,
    ) -> Result<()> {
        let owner = Owner::Event(number, name);
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        let index = self.open.events.entry(short).or_default().push(&fact.row(node));
        for (mapped, token) in values {
            // Null says nothing of a property.
            if token == Token::Null {
                continue;
            }
            if let Some((property, text)) = self.quick_text(owner, mapped, &token) {
                let table = self.open.events.entry(short).or_default();
                let column = table.column(property, ValueType::Text);
                column.into_iter().for_each(|column| column.push_text(index, text));
            } else if let Some((property, Some(value))) =
                self.fit_token(fact, owner, mapped, &token)?
            {
                self.push_property(number, index, property, &value);
            }
        }
        Ok(())
    }

    /// A token in a common form of a field that is known.
    fn quick_field(
        &self,
        owner: Owner<'_>,
        mapped: &MappedColumn,
        token: &Token<'_>,
    ) -> Option<(u32, Option<Value>)> {
        let (number, in_force) = self.known_field(owner, mapped)?;
        let value = quick(token, mapped.column.reading, in_force)?;
        Some((u32::try_from(number).ok()?, Some(value)))
    }

    /// A token that is text of a field of text, without a copy.
    fn quick_text<'t>(
        &self,
        owner: Owner<'_>,
        mapped: &MappedColumn,
        token: &'t Token<'_>,
    ) -> Option<(usize, &'t str)> {
        let text = match token {
            Token::Cell(text) if mapped.column.reading != Some(Reading::Json) => *text,
            Token::Text(text) => text.as_ref(),
            _ => return None,
        };
        let (number, (in_force, _)) = self.known_field(owner, mapped)?;
        (in_force == Some(ValueType::Text)).then_some((number, text))
    }

    /// The number and the type in force of a field that is known and whose values may be read quickly, and whether the
    /// type is declared.
    fn known_field(
        &self,
        owner: Owner<'_>,
        mapped: &MappedColumn,
    ) -> Option<(usize, (Option<ValueType>, bool))> {
        if !mapped.quick {
            return None;
        }
        let fields = self.state.fields(owner)?;
        let number = match mapped.number.get() {
            Some(number) => *number,
            None => {
                let found = fields.find(&mapped.name)?;
                *mapped.number.get_or_init(|| found)
            }
        };
        let free = fields.rule(number).is_none_or(|rule| rule.value_type.is_none());
        Some((number, (fields.get(number)?.value_type, free)))
    }

    fn fit_token(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        mapped: &MappedColumn,
        token: &Token<'_>,
    ) -> Result<Option<(u32, Option<Value>)>> {
        if let Some(found) = self.quick_field(owner, mapped, token) {
            return Ok(Some(found));
        }
        let field = mapped.column.field(token);
        self.fit_one(fact, owner, &mapped.name, mapped.rule.as_deref(), &field)
    }

    /// What a row tells of its owner.
    pub(super) fn told<'v>(
        &mut self,
        values: impl Iterator<Item = (&'v MappedColumn, Token<'v>)>,
        fact: &Fact<'_>,
        owner: Owner<'_>,
    ) -> Result<ToldTraits> {
        let mut told = ToldTraits::new();
        for (mapped, token) in values {
            told.extend(self.fit_token(fact, owner, mapped, &token)?);
        }
        Ok(told)
    }
}
