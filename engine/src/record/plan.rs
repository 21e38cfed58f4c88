//! What messages of a form and a type say, and where: found once, and then read from the values of each of them.
//!
//! *Invariants:* what a plan reads of a message is what `decode_message` reads of its bytes; where a value is none that
//! the plan was made for (a list where a text should be, null where an object may be), it reads nothing, and the
//! message is for the slow reader. *Where to start reading:* `MessagePlans::find`.

use super::message::{CATEGORIES_UPDATED, GROUP, right_time};
use super::reserved::{Beside, entity_id, membership};
use super::roles::ValueColumn;
use super::template::{Template, scalar};
use super::token::Token;
use super::{check_reserved, identifier_text};
use crate::base::limits::RECORD_IDENTIFIERS_MAX;
use crate::base::time::{Timestamp, parse_timestamp};
use std::borrow::Cow;
use std::collections::HashMap;

/// An identifier of a message: its namespace, and the place of its value.
#[derive(Debug)]
pub(super) struct PlannedId {
    pub(super) namespace: String,
    pub(super) place: usize,
    pub(super) rank: Rank,
}

/// What an identifier must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// A text, or nothing.
    Text,
    /// Without it the message says nothing.
    Needed,
    /// What is no text, or says noughts, is nothing.
    Device,
}

/// What a message is, with the places of the words that say it.
#[derive(Debug)]
pub(super) enum What {
    Identify,
    Alias,
    Track(usize),
    Called(&'static str),
    Group { entity: Option<usize>, id: usize, state: Option<usize> },
    Entity { entity: usize, id: usize },
}

/// What a message is, as its values say.
#[derive(Debug)]
pub enum MessageKind<'t> {
    /// What a person is.
    Identify,
    /// That an identifier is another name of a person.
    Alias,
    /// What a person did.
    Track(Cow<'t, str>),
    /// What a thing is, and the membership in it that the message tells, if it is a group.
    Entity {
        /// The type of entity.
        entity: Cow<'t, str>,
        /// Which one, without white space around it.
        id: String,
        /// The membership.
        beside: Option<Beside>,
    },
}

/// Places of the values that say when a message happened.
#[derive(Debug)]
pub(super) struct TimePlaces {
    pub(super) timestamp: Option<usize>,
    pub(super) received: Option<usize>,
    pub(super) original: Option<usize>,
    pub(super) sent: Option<usize>,
}

/// What messages of a form and a type say, and at which places of the form.
#[derive(Debug)]
pub struct MessagePlan {
    pub(super) what: What,
    pub(super) ids: Vec<PlannedId>,
    pub(super) time: TimePlaces,
    pub(super) message_id: Option<usize>,
    /// Places that must say null: an object may stand there that is looked into.
    pub(super) null: Vec<usize>,
    /// Places that must not: what the batch says would count in place of null.
    pub(super) said: Vec<usize>,
    /// Traits, properties or fields. Their column is a place.
    pub fields: Vec<ValueColumn>,
    /// The names of the fields among those of all plans.
    pub(super) names: Vec<usize>,
    /// Places of fields that say nothing with null, where others would take a trait away.
    pub unless_null: Vec<usize>,
}

/// Lists of objects that stand deeper in objects are for the slow reader.
const OBJECTS_DEPTH_MAX: usize = 8;

/// The text at a place, or that there is none; nothing for what is no text, of which the slow reader says why.
fn text<'t>(
    said: &impl Fn(usize) -> Option<Token<'t>>,
    place: Option<usize>,
) -> Option<Option<Cow<'t, str>>> {
    let Some(place) = place else { return Some(None) };
    match said(place)? {
        Token::Null => Some(None),
        Token::Text(text) | Token::Number(text) => Some(Some(text)),
        _ => None,
    }
}

impl MessagePlan {
    /// Whether the values of a message are of the kinds that the plan was made for. `said` gives what it has at a
    /// place.
    pub fn fits<'t>(&self, said: &impl Fn(usize) -> Option<Token<'t>>) -> bool {
        self.null.iter().all(|place| said(*place) == Some(Token::Null))
            && self.said.iter().all(|place| said(*place).is_some_and(|token| token != Token::Null))
    }

    /// Whether a list of objects may stand at a place: in a property of what a person did, and not too deep.
    pub(super) fn takes_objects(&self, place: usize) -> bool {
        let mut of_place = self.fields.iter().filter(|field| field.column == place);
        matches!(self.what, What::Track(_) | What::Called(_))
            && !self.unless_null.contains(&place)
            && of_place.any(|field| field.name.matches('.').count() <= OBJECTS_DEPTH_MAX)
    }

    /// What a message is.
    pub fn kind<'t>(&self, said: &impl Fn(usize) -> Option<Token<'t>>) -> Option<MessageKind<'t>> {
        let needed = |place: usize| text(said, Some(place))?.filter(|text| !text.is_empty());
        Some(match &self.what {
            What::Identify => MessageKind::Identify,
            What::Alias => MessageKind::Alias,
            What::Called(event) => MessageKind::Track(Cow::Borrowed(event)),
            What::Track(place) => {
                let event = needed(*place)?;
                check_reserved("event", &event).ok()?;
                // What a consent manager sends tells consents.
                let consents = match event.is_ascii() {
                    true => event.eq_ignore_ascii_case(CATEGORIES_UPDATED),
                    false => event.to_lowercase() == CATEGORIES_UPDATED,
                };
                (!consents).then_some(MessageKind::Track(event))?
            }
            What::Group { entity, id, state } => {
                let given = text(said, *entity)?.map(|name| name.trim().to_owned());
                let given = given.filter(|name| !name.is_empty());
                let entity = given.map_or(Cow::Borrowed(GROUP), Cow::Owned);
                check_reserved("type of group", &entity).ok()?;
                let id = entity_id(text(said, Some(*id))?.map(Cow::into_owned), "").ok()?;
                let state = state.and_then(|place| said(place)?.text());
                let beside = Some(membership(&entity, &id, state.as_deref()).ok()?);
                MessageKind::Entity { entity, id, beside }
            }
            What::Entity { entity, id } => {
                let entity = needed(*entity)?;
                check_reserved("entity type", &entity).ok()?;
                let id = entity_id(text(said, Some(*id))?.map(Cow::into_owned), "").ok()?;
                MessageKind::Entity { entity, id, beside: None }
            }
        })
    }

    /// Whether messages say something of a person.
    pub fn of_person(&self) -> bool {
        !matches!(self.what, What::Entity { .. })
    }

    /// Appends the identifiers of a message, the most important first; says whether they are as they should be.
    pub fn identifiers<'p, 't>(
        &'p self,
        said: &impl Fn(usize) -> Option<Token<'t>>,
        found: &mut Vec<(&'p str, Cow<'t, str>)>,
    ) -> bool {
        found.clear();
        for PlannedId { namespace, place, rank } in &self.ids {
            let Some(token) = said(*place) else { return false };
            let given = match (token, rank) {
                (Token::Null, _) => None,
                (Token::Text(text) | Token::Number(text), Rank::Text | Rank::Needed) => Some(text),
                (_, Rank::Text | Rank::Needed) => return false,
                (token, Rank::Device) => {
                    let followed =
                        |text: &Cow<'_, str>| text.chars().any(|c| !matches!(c, '0' | '-'));
                    token.text().filter(followed)
                }
            };
            match given.and_then(|text| identifier_text(namespace, text)) {
                None if *rank == Rank::Needed => return false,
                Some(value)
                    if !found.iter().any(|(of, same)| of == namespace && *same == value) =>
                {
                    found.push((namespace, value));
                }
                _ => {}
            }
        }
        !self.of_person() || (1..=RECORD_IDENTIFIERS_MAX).contains(&found.len())
    }

    /// When a message happened, if it says so; nothing when what it says is no time.
    pub fn time<'t>(
        &self,
        said: &impl Fn(usize) -> Option<Token<'t>>,
    ) -> Option<Option<Timestamp>> {
        let instant = |place: Option<usize>| match text(said, place)? {
            None => Some(None),
            Some(text) => {
                parse_timestamp(text.trim(), &jiff::tz::TimeZone::UTC).map(|(time, _)| Some(time))
            }
        };
        let TimePlaces { timestamp, received, original, sent } = self.time;
        if let Some(time) = instant(timestamp)? {
            return Some(Some(time));
        }
        let received = instant(received)?;
        let Some(original) = instant(original)? else { return Some(received) };
        Some(Some(right_time(original, received, instant(sent)?)))
    }

    /// The message id, if there is one; nothing when it is no text.
    pub fn message_id<'t>(
        &self,
        said: &impl Fn(usize) -> Option<Token<'t>>,
    ) -> Option<Option<Cow<'t, str>>> {
        Some(text(said, self.message_id)?.filter(|id| !id.is_empty()))
    }
}

/// Types of messages that are planned; others are for the slow reader.
const PLANNED: [&str; 7] = ["identify", "track", "page", "screen", "group", "alias", "entity"];

/// The plans of one form.
#[derive(Debug, Default)]
struct OfForm {
    /// Nothing when messages of the form are for the slow reader.
    template: Option<Template>,
    /// For each type that is planned its plan, once it was asked for.
    plans: [Option<Option<usize>>; PLANNED.len()],
}

/// The plans of the messages of a block.
#[derive(Debug, Default)]
pub struct MessagePlans {
    forms: Vec<Option<OfForm>>,
    all: Vec<MessagePlan>,
    /// The names of fields.
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl MessagePlans {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.forms.clear();
        self.all.clear();
        self.names.clear();
        self.numbers.clear();
    }

    /// The number of the plan of a message of a form, which has a number and pieces; nothing when it is for the slow
    /// reader. `said` gives what the message has at a place.
    pub fn find<'t>(
        &mut self,
        (form, pieces): (usize, &[Vec<u8>]),
        said: &impl Fn(usize) -> Option<Token<'t>>,
    ) -> Option<usize> {
        if self.forms.len() <= form {
            self.forms.resize_with(form + 1, || None);
        }
        let of_form = self
            .forms
            .get_mut(form)?
            .get_or_insert_with(|| OfForm { template: Template::of(pieces), ..OfForm::default() });
        let template = of_form.template.as_ref()?;
        let Some(Token::Text(given)) = said(scalar(&template.object, "type")??) else {
            return None;
        };
        let kind = PLANNED.iter().position(|known| *known == given)?;
        let slot = of_form.plans.get_mut(kind)?;
        if slot.is_none() {
            let plan = template.plan(&given);
            *slot = Some(plan.map(|plan| {
                self.all.push(plan);
                self.all.len() - 1
            }));
            if let (Some(Some(_)), Some(plan)) = (&slot, self.all.last_mut()) {
                let (names, numbers) = (&mut self.names, &mut self.numbers);
                let number = |field: &ValueColumn| {
                    *numbers.entry(field.name.clone()).or_insert_with(|| {
                        names.push(field.name.clone());
                        names.len() - 1
                    })
                };
                plan.names = plan.fields.iter().map(number).collect();
            }
        }
        (*slot)?
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// A plan of a number.
    pub fn get(&self, number: usize) -> Option<&MessagePlan> {
        self.all.get(number)
    }

    /// The name of a field of a number.
    pub(super) fn name(&self, number: usize) -> &str {
        self.names.get(number).map(String::as_str).unwrap_or_default()
    }
}
