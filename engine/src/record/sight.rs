//! A row at hand, split into its columns: what the look at a file and exactly-once need of it.

use super::block::split_fields;
use super::delimited::parse_time;
use super::identifier::identifier_text;
use super::object::{Form, Forms};
use super::plan::{MessageKind, MessagePlan, MessagePlans};
use super::quick::quick_instant;
use super::reserved::{about, entity_id};
use super::roles::Roles;
use super::token::{Token, begins_with_object};
use super::words::Words;
use super::{Kind, message_id_of};
use crate::base::limits::RECORD_BYTES_MAX;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::entry::{FileShape, RowFormat, TimeUnit};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Of what a message speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpeaksOf {
    /// Of a person.
    #[default]
    Person,
    /// Of what a person did.
    Event,
    /// Of a thing that is no person.
    Entity,
}

/// A row at hand, and what was learnt from those before.
#[derive(Debug)]
pub struct RowSight {
    shape: FileShape,
    roles: Roles,
    times: Times,
    /// Whether each column of JSON is a value, or may be one under another mapping.
    is_value: Vec<bool>,
    /// What rows are by the words in their columns, and what they are about.
    words: Words<Option<String>>,
    /// What the row that was looked at last is about, where words or messages say that.
    about: String,
    /// What messages of a form and a type say, the plan of the last, and of what it speaks.
    plans: MessagePlans,
    plan: usize,
    speaks_of: SpeaksOf,
    /// The fields of the delimited row that was looked at last.
    pub(super) fields: Vec<(Range<usize>, bool)>,
    /// The forms of the rows of JSON since the block began.
    pub(super) forms: Forms,
}

impl RowSight {
    /// A sight of the rows of a shape; nothing for those that are read row by row.
    pub fn of(shape: &FileShape) -> Option<RowSight> {
        Some(RowSight {
            roles: Roles::of(shape)?,
            shape: shape.clone(),
            times: Times::default(),
            is_value: Vec::new(),
            words: Words::default(),
            about: String::new(),
            plans: MessagePlans::default(),
            plan: 0,
            speaks_of: SpeaksOf::default(),
            fields: Vec::new(),
            forms: Forms::new(shape.may_share()),
        })
    }

    /// What the columns are for. Those of JSON are known as far as rows of the block have shown them.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Begins a block: what is kept of the rows before is forgotten, so that memory is bounded by the block.
    pub fn begin_block(&mut self) {
        if !self.roles.are_json() {
            return;
        }
        self.forms.clear();
        self.plans.clear();
        self.is_value.clear();
        self.roles = Roles::of(&self.shape).unwrap_or_default();
    }

    /// Looks at a row. It is plain when it is regular, names an identifier or the entity that it is, its words say what
    /// it is, its time, if it names one, is one, and each of its cells is one value: such a row can be read.
    pub fn plain(&mut self, original: &[u8]) -> bool {
        if original.len() > RECORD_BYTES_MAX || !self.splits(original) {
            return false;
        }
        if self.shape.may_share() {
            return self.is_message(original).is_some();
        }
        self.objects(original).next().is_none() && self.can_be_read(original)
    }

    /// The places of a row of JSON where a list of objects stands.
    fn objects<'l>(&'l self, original: &'l [u8]) -> impl Iterator<Item = usize> + 'l {
        let json = self.roles.are_json();
        let tokens = self.forms.tokens.iter().enumerate().filter(move |_| json);
        let stands =
            |range: &Range<usize>| original.get(range.clone()).is_some_and(begins_with_object);
        tokens.filter(move |(_, range)| stands(range)).map(|(place, _)| place)
    }

    /// Whether the row that was looked at last is a message with what its batch shares behind it.
    pub fn shares(&self) -> bool {
        self.form().is_some_and(|(_, form)| form.shares)
    }

    /// Whether a row that is split is a message that can be read, and what it is about.
    fn is_message(&mut self, original: &[u8]) -> Option<()> {
        let tokens = &self.forms.tokens;
        let said = |place: usize| Token::of_json(original.get(tokens.get(place)?.clone())?);
        let form = self.forms.list.get(self.forms.last)?;
        self.plan = self.plans.find((self.forms.last, &form.pieces), &said)?;
        let plan = self.plans.get(self.plan)?;
        let found = plan.fits(&said) && plan.identifiers(&said, &mut Vec::new());
        let found = found && self.objects(original).all(|place| plan.takes_objects(place));
        let kind = plan.kind(&said).filter(|_| found)?;
        plan.time(&said)?;
        plan.message_id(&said)?;
        self.about.clear();
        self.speaks_of = match kind {
            MessageKind::Identify | MessageKind::Alias => SpeaksOf::Person,
            MessageKind::Track(event) => {
                self.about.push_str(&event);
                SpeaksOf::Event
            }
            MessageKind::Entity { entity, .. } => {
                self.about.push_str(&entity);
                SpeaksOf::Entity
            }
        };
        Some(())
    }

    /// The plan of the message that was looked at last.
    fn plan(&self) -> Option<&MessagePlan> {
        self.shape.may_share().then(|| self.plans.get(self.plan))?
    }

    /// Of what the plain message that was looked at last speaks.
    pub fn speaks_of(&self) -> SpeaksOf {
        self.speaks_of
    }

    fn splits(&mut self, original: &[u8]) -> bool {
        if !self.roles.are_json() {
            return split_fields(&self.shape.format, original, &mut self.fields);
        }
        let split = self.forms.look(original);
        for name in self.forms.names.iter().skip(self.is_value.len()) {
            let values = |roles: &Roles| roles.values.len() + roles.lent.len();
            let before = values(&self.roles);
            self.roles.add(&self.shape, name);
            self.is_value.push(values(&self.roles) > before);
        }
        split
    }

    fn can_be_read(&mut self, original: &[u8]) -> bool {
        if !self.one_value_each(original) || !self.names_one(original) || !self.says_what(original)
        {
            return false;
        }
        let said = self.roles.time.and_then(|column| self.said(original, column));
        // An empty text in JSON says nothing.
        match said.filter(|text| !self.roles.are_json() || !text.is_empty()) {
            Some(text) => self.times.read(&self.shape, &text).is_some(),
            None => true,
        }
    }

    /// Whether each cell is one value, and no list has a role of its own.
    fn one_value_each(&self, original: &[u8]) -> bool {
        if self.roles.are_json() {
            let first = |column| self.forms.bytes(original, column).and_then(<[u8]>::first);
            return !self.roles.used().any(|column| first(column) == Some(&b'['));
        }
        self.roles.values.iter().all(|value| match self.token(original, value.column) {
            Some(Token::Cell(text)) => value.is_plain(text),
            _ => true,
        })
    }

    /// Whether the row names the entity that it is, or else an identifier.
    fn names_one(&self, original: &[u8]) -> bool {
        if let Some(column) = self.roles.entity {
            return entity_id(self.said(original, column).map(Cow::into_owned), "").is_ok();
        }
        self.roles.ids.iter().any(|(namespace, column)| {
            let text = self.said(original, *column);
            text.and_then(|text| identifier_text(namespace, text)).is_some()
        })
    }

    /// Whether the words of the row, where words say what it is, say something.
    fn says_what(&mut self, original: &[u8]) -> bool {
        if !Roles::by_words(&self.shape.kind) {
            return true;
        }
        let mut words = std::mem::take(&mut self.words);
        let said = |column| self.said(original, column);
        let meaning = words.read(&self.shape.kind, &self.roles.words, said);
        let says = meaning.map(|meaning| {
            self.about.clear();
            match &meaning.kind {
                Kind::Track(event) => self.about.push_str(event),
                _ => {
                    let about = || about(&meaning.beside);
                    self.about.push_str(meaning.found.get_or_insert_with(about));
                }
            }
        });
        let says = says.is_some();
        self.words = words;
        says
    }

    /// What the plain row that was looked at last is about, where words say what rows are: its event, or what its
    /// consent or membership says but how it stands. Of a message, its event or its type of entity.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What the row has in a column.
    pub fn token<'l>(&self, original: &'l [u8], column: usize) -> Option<Token<'l>> {
        if self.roles.are_json() {
            return self.forms.token(original, column);
        }
        let (range, quoted) = self.fields.get(column)?;
        if range.is_empty() && !quoted {
            return None;
        }
        Some(Token::Cell(std::str::from_utf8(original.get(range.clone())?).ok()?))
    }

    /// The text that the row has in a column.
    pub fn said<'l>(&self, original: &'l [u8], column: usize) -> Option<Cow<'l, str>> {
        self.token(original, column)?.text()
    }

    /// Whether the row says the names of all columns: a header, as files that were put together have in their midst.
    pub fn is_header(&self, original: &[u8]) -> bool {
        let (RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header }) =
            &self.shape.format
        else {
            return false;
        };
        let says = |((range, _), name): (&(Range<usize>, bool), &String)| {
            original.get(range.clone()) == Some(name.as_bytes())
        };
        self.fields.iter().zip(header).all(says)
    }

    /// The values of a row of JSON, and what would be one under another mapping: column and what it has there.
    pub fn values<'l>(&self, original: &'l [u8]) -> impl Iterator<Item = (usize, Token<'l>)> {
        let values = self.forms.values(original);
        let wanted = values.filter(|(column, _)| self.is_value.get(*column) == Some(&true));
        let told = self.plan().into_iter().flat_map(|plan| plan.names.iter().zip(&plan.fields));
        let told = told.filter_map(|(name, field)| {
            Some((*name, original.get(self.forms.tokens.get(field.column)?.clone())?))
        });
        wanted.chain(told).filter_map(|(column, bytes)| Some((column, Token::of_json(bytes)?)))
    }

    /// The name of a column of JSON, or of a field of messages.
    pub fn name(&self, column: usize) -> &str {
        if self.shape.may_share() {
            return self.plans.name(column);
        }
        self.forms.names.get(column).map(String::as_str).unwrap_or_default()
    }

    /// The message id that the row names.
    pub fn message_id(&self, original: &[u8]) -> Option<String> {
        if let Some(plan) = self.plan() {
            let place = |place: usize| self.forms.tokens.get(place).cloned();
            let said = |of: usize| Token::of_json(original.get(place(of)?)?);
            return plan.message_id(&said)?.map(Cow::into_owned);
        }
        if self.roles.message_id.is_empty() {
            return None;
        }
        let said = |column: &usize| self.said(original, *column).map(Cow::into_owned);
        let parts: Vec<Option<String>> = self.roles.message_id.iter().map(said).collect();
        message_id_of(&parts)
    }

    /// The form of the row of JSON that was looked at last, and its number.
    pub(super) fn form(&self) -> Option<(usize, &Form)> {
        Some((self.forms.last, self.forms.list.get(self.forms.last)?))
    }
}

/// Times of a file, remembered by their texts: the same few are said again and again.
#[derive(Debug, Default)]
pub struct Times {
    known: HashMap<Box<str>, Option<Timestamp>>,
}

/// A time in its most common form, which says the same in every zone, or is one of UTC.
fn quick_time(shape: &FileShape, text: &str) -> Option<Timestamp> {
    if shape.time_unit != TimeUnit::Iso {
        return None;
    }
    match quick_instant(text)? {
        Value::Timestamp(time) => Some(time),
        Value::Date(day) if shape.zone == "UTC" => Some(day.midnight()),
        _ => None,
    }
}

/// Texts of times that are remembered at once.
const TIMES_KNOWN: usize = 4096;

impl Times {
    /// The instant of a text; nothing when it is none.
    pub fn read(&mut self, shape: &FileShape, text: &str) -> Option<Timestamp> {
        if let Some(time) = quick_time(shape, text) {
            return Some(time);
        }
        if let Some(time) = self.known.get(text) {
            return *time;
        }
        if self.known.len() >= TIMES_KNOWN {
            self.known.clear();
        }
        let time = parse_time(shape, text);
        self.known.insert(Box::from(text), time);
        time
    }
}
