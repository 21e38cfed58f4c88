//! Messages by column: each form and type of a block is planned once, and then its values are folded.
//!
//! *Invariants:* a message is taken exactly as it would be folded by itself, or not at all: types of events and of
//! entities begin with messages that are folded by themselves, and so do namespaces. *Where to start reading:*
//! `Fold::take_message`.

use super::Fold;
use super::apply::Fact;
use super::block::{Block, Going, Identified, Named};
use super::fields::Owner;
use super::people::Normal;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::definition::{Mapped, MappedColumn};
use crate::entry::RowStatus;
use crate::identity::{Kind as Said, PublicId};
use crate::record::{Beside, MessageKind, MessagePlan, MessagePlans, Token, objects};
use std::borrow::Cow;
use std::collections::HashMap;

/// Events, or types of entities, of one plan that are not kept at once with what becomes of the fields.
const ABOUT_KNOWN: usize = 64;

/// The plans of the messages of a block.
#[derive(Default)]
pub(super) struct Messages {
    plans: MessagePlans,
    /// The plan of each row.
    of_row: Vec<Option<usize>>,
}

/// What becomes of the fields of a plan; nothing where messages must be folded one by one.
#[derive(Default)]
pub(super) struct Told {
    /// By event or type of entity, with its number.
    about: HashMap<String, Option<(usize, Vec<MappedColumn>)>>,
    /// Where messages are of persons.
    person: Option<Option<Vec<MappedColumn>>>,
}

impl Messages {
    /// The plans of the rows of a block; none where its rows are no messages.
    pub fn of(block: &Block<'_>) -> Messages {
        let mut messages = Messages::default();
        if block.shape.may_share() {
            for row in 0..block.entry.rows() {
                let plain = block.entry.odd(row).is_none();
                let form = (block.entry.form_number(row), block.entry.form(row));
                let said = |place| block.fields.token_at(row, place);
                let plan = if plain { messages.plans.find(form, &said) } else { None };
                messages.of_row.push(plan);
            }
        }
        messages
    }

    /// What becomes of the fields of each plan, of which nothing is known yet.
    pub fn told(&self) -> Vec<Told> {
        std::iter::repeat_with(Told::default).take(self.plans.count()).collect()
    }

    fn plan(&self, row: usize) -> Option<(usize, &MessagePlan)> {
        let number = (*self.of_row.get(row)?)?;
        Some((number, self.plans.get(number)?))
    }

    /// The identifiers of all messages that can be taken, as far as their namespaces are known.
    pub fn identifiers<'n, 'b>(&'n self, block: &Block<'b>, fold: &mut Fold) -> Identified<'n, 'b> {
        let salt = fold.state.salt;
        let rows = block.entry.rows();
        let mut identified = Identified::with_room(rows);
        let mut found = Vec::new();
        for row in 0..rows {
            identified.begin_row();
            let Some((_, plan)) = self.plan(row) else { continue };
            if block.entry.status(row) != RowStatus::Accepted
                || !plan.identifiers(&|place| block.fields.token_at(row, place), &mut found)
            {
                continue;
            }
            let known = |(namespace, _): &(&str, Cow<'_, str>)| {
                fold.state.catalog.find_namespace(namespace).is_none()
            };
            if found.iter().any(known) {
                identified.leave(row);
                continue;
            }
            for (namespace, received) in found.drain(..) {
                let number = fold.namespace(namespace);
                let Some(value) = fold.normal(number, &received) else { continue };
                let public = PublicId::of((namespace, &value), &salt);
                let form = if value == received { None } else { Some(value.into_owned()) };
                identified.add(Named { namespace, number, received, form, public });
            }
        }
        identified.begin_row();
        identified
    }
}

/// A message of a row.
struct Message<'m, 'b> {
    block: &'m Block<'b>,
    row: usize,
    plan: &'m MessagePlan,
    number: usize,
}

impl<'b> Message<'_, 'b> {
    fn said(&self) -> impl Fn(usize) -> Option<Token<'b>> + '_ {
        |place| self.block.fields.token_at(self.row, place)
    }

    /// The values of the message, and what becomes of them.
    fn values<'c>(
        &'c self,
        columns: &'c [MappedColumn],
    ) -> impl Iterator<Item = (&'c MappedColumn, Token<'b>)> {
        columns.iter().filter_map(|mapped| {
            let place = mapped.column.column;
            let token = self.block.fields.token_at(self.row, place)?;
            let says = token != Token::Null || !self.plan.unless_null.contains(&place);
            says.then_some((mapped, token))
        })
    }
}

/// The number of an event or of a type of entity, and what becomes of the fields of a message of it.
fn about<'g>(
    going: &'g Going<'_, '_>,
    message: &Message<'_, '_>,
    about: &str,
) -> Option<&'g (usize, Vec<MappedColumn>)> {
    going.told.get(message.number)?.about.get(about)?.as_ref()
}

impl Fold {
    /// Takes a message that is not withdrawn; says whether it could: one that is not plain must be folded by itself.
    pub(super) fn take_message<'n>(
        &mut self,
        (block, row): (&Block<'_>, usize),
        messages: &'n Messages,
        going: &mut Going<'n, '_>,
    ) -> Result<bool> {
        let Some((number, plan)) = messages.plan(row) else { return Ok(false) };
        let message = Message { block, row, plan, number };
        let said = message.said();
        let (Some(kind), Some(key)) = (plan.kind(&said), block.entry.key(row)) else {
            return Ok(false);
        };
        let (Some(time), Some(id)) = (plan.time(&said), plan.message_id(&said)) else {
            return Ok(false);
        };
        let names = going.identified.leaves(row) || !going.identified.of_row(row).is_empty();
        if !plan.fits(&said) || (plan.of_person() && !names) {
            return Ok(false);
        }
        let time = block.at.dated(time);
        if self.is_later(time.0) {
            return Ok(true);
        }
        let fact = block.fact(row, time, &key, id.as_deref());
        match kind {
            MessageKind::Identify => self.take_identify(&message, &fact, going),
            MessageKind::Alias => {
                let person = self.take_named(&message, &fact, Said::Alias, going)?;
                Ok(person.is_some())
            }
            MessageKind::Track(event) => self.take_track(&message, &fact, &event, going),
            MessageKind::Entity { entity, id, beside } => {
                self.take_thing(&message, &fact, (&entity, &id), beside, going)
            }
        }
    }

    fn take_identify(
        &mut self,
        message: &Message<'_, '_>,
        fact: &Fact<'_>,
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        let (source, fields) = (fact.record.source, &message.plan.fields);
        let Some(known) = going.told.get_mut(message.number) else { return Ok(false) };
        known.person.get_or_insert_with(|| {
            let mapping = self.state.mapping(source, Mapped::Identify);
            self.state.definitions.columns(Mapped::Identify, mapping.as_deref(), fields)
        });
        let going = &*going;
        let known = going.told.get(message.number).and_then(|told| told.person.as_ref());
        let Some(Some(columns)) = known else { return Ok(false) };
        let found = self.take_named(message, fact, Said::Deterministic, going)?;
        let Some((node, profile)) = found else { return Ok(false) };
        let told = self.told(message.values(columns), fact, Owner::Profile)?;
        self.apply_told(fact, node, profile, told)?;
        Ok(true)
    }

    fn take_track(
        &mut self,
        message: &Message<'_, '_>,
        fact: &Fact<'_>,
        event: &str,
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        let Some(number) = self.state.catalog.events().find(event) else { return Ok(false) };
        self.learn(message, fact, (Mapped::Track(event), event, number), going);
        let going = &*going;
        let Some((number, columns)) = about(going, message, event) else { return Ok(false) };
        let found = self.take_named(message, fact, Said::Deterministic, going)?;
        let Some((node, _)) = found else { return Ok(false) };
        let is_table = |token: &Token<'_>| matches!(token, Token::Objects(_));
        let values = message.values(columns).filter(|(_, token)| !is_table(token));
        self.take_properties(values, fact, (*number, event), node)?;
        for (mapped, token) in message.values(columns) {
            if let Token::Objects(text) = token
                && let Some(children) = objects(&mapped.name, text)
            {
                self.apply_children(fact, node, event, &children)?;
            }
        }
        Ok(true)
    }

    /// Takes a message of a thing, and the membership in it that it tells.
    fn take_thing(
        &mut self,
        message: &Message<'_, '_>,
        fact: &Fact<'_>,
        (entity, id): (&str, &str),
        beside: Option<Beside>,
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        let Some(number) = self.state.catalog.entities().find(entity) else { return Ok(false) };
        self.learn(message, fact, (Mapped::Entity(entity), entity, number), going);
        let going = &*going;
        let Some((number, columns)) = about(going, message, entity) else { return Ok(false) };
        let membership = match &beside {
            None => None,
            Some(beside) => {
                let Some(event) = self.state.catalog.events().find(beside.event) else {
                    return Ok(false);
                };
                // What a thing is told of is not told twice, so who names nobody is found before.
                if going.identified.leaves(message.row)
                    || self.names_nobody(going.identified.of_row(message.row))?
                {
                    return Ok(false);
                }
                Some((event, beside))
            }
        };
        let ordinal = self.observe_entity(*number, id)?;
        let told = self.told(message.values(columns), fact, Owner::Entity(*number, entity))?;
        self.tell_entity(fact, *number, ordinal, told)?;
        let Some((event, beside)) = membership else {
            self.count_record(message.block);
            return Ok(true);
        };
        let found = self.take_named(message, fact, Said::Deterministic, going)?;
        let Some((node, _)) = found else { return Ok(true) };
        let told = self.fitting(fact, Owner::Event(event, beside.event), None, &beside.fields)?;
        self.push_event(event, &fact.row(node), told);
        Ok(true)
    }

    /// Learns what becomes of the fields of a plan in messages of an event or of a type of entity.
    fn learn(
        &self,
        message: &Message<'_, '_>,
        fact: &Fact<'_>,
        (mapped, about, number): (Mapped<'_>, &str, usize),
        going: &mut Going<'_, '_>,
    ) {
        let Some(Told { about: known, .. }) = going.told.get_mut(message.number) else { return };
        if known.contains_key(about) {
            return;
        }
        if known.len() >= ABOUT_KNOWN {
            known.clear();
        }
        let mapping = self.state.mapping(fact.record.source, mapped);
        let definitions = &self.state.definitions;
        let columns = definitions.columns(mapped, mapping.as_deref(), &message.plan.fields);
        known.insert(about.to_owned(), columns.map(|columns| (number, columns)));
    }

    /// Takes the person whom a message names, and counts the message; nothing when it names nobody.
    fn take_named(
        &mut self,
        message: &Message<'_, '_>,
        fact: &Fact<'_>,
        kind: Said,
        going: &Going<'_, '_>,
    ) -> Result<Option<(NodeId, Ordinal)>> {
        let found = if going.identified.leaves(message.row) {
            let mut named = Vec::new();
            if !message.plan.identifiers(&message.said(), &mut named) {
                return Ok(None);
            }
            let named = named.iter().map(|(namespace, value)| (*namespace, value.as_ref()));
            self.observe(named, kind, fact)?
        } else {
            let named = going.identified.of_row(message.row).iter();
            let named: Vec<Normal<'_>> = named.map(Named::normal).collect();
            self.observe_known(&named, kind, fact)?
        };
        if found.is_some() {
            self.count_record(message.block);
        }
        Ok(found)
    }
}
