//! The types that the rows of a whole file show.

use super::plan::LoadPlan;
use super::rows::{RawRows, Rows};
use super::watch::Watch;
use crate::base::error::Result;
use crate::base::limits::{INFERRED_MAX, LOAD_FRAME_BYTES};
use crate::base::value::ValueType;
use crate::catalog::folded;
use crate::entry::{FileShape, InferredType, Reading, RowKind, Said};
use crate::record::{
    Children, Decoded, FieldValue, Kind, ReadRow, RowSight, SpeaksOf, Token, ValueColumn,
    is_quick_list, joined_type, objects, quick_decimal, quick_instant, quick_integer,
    show_file_row,
};
use std::collections::{BTreeMap, HashMap};

/// Reads all rows for the types that they show, whoever they name and when: columns of identifiers and of the time show
/// theirs too, and rows without an identifier those of their cells, because a mapping may say otherwise later.
pub(super) fn infer(
    plan: &mut LoadPlan,
    reader: &mut dyn Rows,
    watch: &mut Watch<'_>,
) -> Result<()> {
    match RowSight::of(&plan.shape) {
        Some(mut sight) => infer_columns(plan, &mut sight, reader, watch),
        None => infer_rows(plan, reader, watch),
    }
}

/// Reads all rows one by one.
fn infer_rows(plan: &mut LoadPlan, reader: &mut dyn Rows, watch: &mut Watch<'_>) -> Result<()> {
    let mut types = Types::default();
    let mut rows = RawRows::default();
    while plan.next_rows(reader, &mut rows, watch)? {
        let name = watch.file();
        for (line, original) in rows.iter() {
            for record in plan.records_of(original.to_vec()) {
                if let Some(shown) = shown(plan, name, (line, record.at), &record.original()) {
                    note_types(&mut types, &plan.shape, shown);
                }
            }
        }
    }
    plan.types = types.into_types();
    Ok(())
}

/// What a row shows; nothing when it is no record whatever is mapped. Takes note of a row that is none. `place` is its
/// line, and where in it the row begins.
fn shown(plan: &mut LoadPlan, name: &str, place: (u64, usize), original: &[u8]) -> Option<Decoded> {
    let (line, at) = place;
    let (record, trouble) = match show_file_row(&plan.shape, original) {
        Ok(ReadRow { record, trouble }) => (Some(record), trouble),
        Err(e) => (None, Some(e)),
    };
    if let Some(e) = trouble {
        let column = e.column.map(|column| column + at as u64);
        plan.note_broken(name, line, column, e.reason);
    }
    record
}

/// The event type or entity type of the row that was looked at last.
fn owner<'o>(kind: &'o RowKind, sight: &'o RowSight) -> Owner<'o> {
    match kind {
        RowKind::Track(Said::Fixed(event)) => (Some(event), None),
        RowKind::Track(Said::Column(_)) => (Some(sight.about()), None),
        RowKind::Entity { entity, .. } => (None, Some(entity)),
        RowKind::Message => match sight.speaks_of() {
            SpeaksOf::Person => (None, None),
            SpeaksOf::Event => (Some(sight.about()), None),
            SpeaksOf::Entity => (None, Some(sight.about())),
        },
        _ => (None, None),
    }
}

/// Reads all rows for the types that their columns show. It gives what `infer_rows` does.
fn infer_columns(
    plan: &mut LoadPlan,
    sight: &mut RowSight,
    reader: &mut dyn Rows,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let mut types = Types::default();
    let kind = plan.shape.kind.clone();
    let roles = sight.roles();
    let columns: Vec<ValueColumn> = roles.values.iter().chain(&roles.lent).cloned().collect();
    let mut rows = RawRows::default();
    while plan.next_rows(reader, &mut rows, watch)? {
        let name = watch.file();
        sight.begin_block();
        let (mut seen, mut looked) = (Seen::default(), 0);
        for (line, original) in rows.iter() {
            if sight.plain(original) && !sight.shares() {
                if !sight.is_header(original) {
                    seen.take_row(&mut types, (sight, &columns), original, owner(&kind, sight));
                }
                continue;
            }
            for record in plan.records_of(original.to_vec()) {
                let row = record.original();
                // One line may be a batch of many messages, whose forms are to be forgotten as well.
                looked += row.len();
                if looked > LOAD_FRAME_BYTES {
                    seen.tell(&mut types, (sight, &columns));
                    sight.begin_block();
                    looked = 0;
                }
                if kind == RowKind::Message && sight.plain(&row) {
                    seen.take_row(&mut types, (sight, &columns), &row, owner(&kind, sight));
                } else if let Some(record) = shown(plan, name, (line, record.at), &row) {
                    note_types(&mut types, &plan.shape, record);
                }
            }
        }
        seen.tell(&mut types, (sight, &columns));
    }
    plan.types = types.into_types();
    Ok(())
}

/// What columns show, and how often since they showed the first value.
type Slots = Vec<Option<(ValueType, u64)>>;

/// What the columns of a block show, by the event or the type of entity that rows are of.
#[derive(Default)]
struct Seen {
    persons: Slots,
    events: HashMap<String, Slots>,
    entities: HashMap<String, Slots>,
    /// How many places for a type there are.
    places: usize,
}

/// More places for a type are not kept at once.
const SEEN_MAX: usize = 1 << 16;

impl Seen {
    fn take_row(
        &mut self,
        types: &mut Types,
        (sight, columns): (&RowSight, &[ValueColumn]),
        original: &[u8],
        owner: Owner<'_>,
    ) {
        if self.places > SEEN_MAX {
            self.tell(types, (sight, columns));
        }
        let slots = match owner {
            (None, None) => Some(&mut self.persons),
            (Some(event), _) => slots_of(&mut self.events, event),
            (_, Some(entity)) => slots_of(&mut self.entities, entity),
        };
        let Some(slots) = slots else { return };
        let before = slots.len();
        if sight.roles().are_json() {
            for (column, token) in sight.values(original) {
                if let (Token::Objects(text), (Some(event), _)) = (&token, owner) {
                    let children = objects(sight.name(column), text);
                    children.into_iter().for_each(|children| note_children(types, event, children));
                } else if token != Token::Null {
                    let name = sight.name(column);
                    let widened = |known| widened_by_token(known, &token);
                    see(slots, (column, name), types, owner, widened);
                }
            }
        } else {
            for (place, column) in columns.iter().enumerate() {
                if let Some(Token::Cell(text)) = sight.token(original, column.column) {
                    let widened = |known| widened_by(known, text, column);
                    see(slots, (place, &column.name), types, owner, widened);
                }
            }
        }
        self.places += slots.len() - before;
    }

    /// Lets the types know, and forgets.
    fn tell(&mut self, types: &mut Types, (sight, columns): (&RowSight, &[ValueColumn])) {
        self.places = 0;
        let json = sight.roles().are_json();
        let mut tell = |owner: Owner<'_>, slots: Slots| {
            for (place, slot) in slots.into_iter().enumerate() {
                let of_column = || columns.get(place).map(|column| column.name.as_str());
                let name = if json { Some(sight.name(place)) } else { of_column() };
                if let (Some((value_type, said)), Some(name)) = (slot, name) {
                    types.note(owner, name, value_type, said);
                }
            }
        };
        tell((None, None), std::mem::take(&mut self.persons));
        self.events.drain().for_each(|(event, slots)| tell((Some(&event), None), slots));
        self.entities.drain().for_each(|(entity, slots)| tell((None, Some(&entity)), slots));
    }
}

fn slots_of<'s>(all: &'s mut HashMap<String, Slots>, name: &str) -> Option<&'s mut Slots> {
    if !all.contains_key(name) {
        all.insert(name.to_owned(), Slots::new());
    }
    all.get_mut(name)
}

/// Takes note of a value: the type of its column with it.
fn see(
    slots: &mut Slots,
    (place, name): (usize, &str),
    types: &mut Types,
    owner: Owner<'_>,
    widened: impl Fn(Option<ValueType>) -> Option<ValueType>,
) {
    if slots.len() <= place {
        slots.resize(place + 1, None);
    }
    let Some(slot) = slots.get_mut(place) else { return };
    let known = slot.map(|(known, _)| known).or_else(|| types.known(owner, name));
    let Some(value_type) = widened(known) else { return };
    match slot {
        Some((known, said)) => (*known, *said) = (value_type, *said + 1),
        None => {
            // Of two spellings of a name the first counts, so it is noted at once.
            types.note(owner, name, value_type, 1);
            *slot = Some((value_type, 0));
        }
    }
}

/// The type of values of JSON with one more.
fn widened_by_token(known: Option<ValueType>, token: &Token<'_>) -> Option<ValueType> {
    match (known, token) {
        (Some(ValueType::Text), _) => return known,
        (Some(ValueType::Integer), Token::Number(text)) if quick_integer(text).is_some() => {
            return known;
        }
        (Some(ValueType::Decimal), Token::Number(text)) if quick_decimal(text).is_some() => {
            return known;
        }
        (Some(ValueType::Date | ValueType::Timestamp), Token::Text(text))
            if quick_instant(text).map(|value| value.value_type()) == known =>
        {
            return known;
        }
        _ => {}
    }
    let FieldValue::Cell(cell) = token.json_field() else { return known };
    Some(known.map_or(cell.value_type, |known| joined_type(known, cell.value_type)))
}

/// The type of a column that may have shown one and shows a text.
fn widened_by(known: Option<ValueType>, text: &str, column: &ValueColumn) -> Option<ValueType> {
    match (known, column.reading) {
        (Some(ValueType::Text), _) => return known,
        (Some(ValueType::Integer), None | Some(Reading::Plain))
            if quick_integer(text).is_some() =>
        {
            return known;
        }
        (Some(ValueType::Decimal), None | Some(Reading::Plain))
            if quick_decimal(text).is_some() =>
        {
            return known;
        }
        (Some(ValueType::Date | ValueType::Timestamp), reading)
            if matches!(reading, None | Some(Reading::Plain | Reading::Text))
                && quick_instant(text).map(|value| value.value_type()) == known =>
        {
            return known;
        }
        (Some(ValueType::Boolean), None | Some(Reading::Plain))
            if matches!(text, "true" | "false") =>
        {
            return known;
        }
        (Some(ValueType::Float), Some(Reading::Float)) => return known,
        (Some(ValueType::Set), Some(Reading::Json)) if is_quick_list(text) => return known,
        _ => {}
    }
    joined_cell(known, column.cell(text).value_type, column.reading)
}

/// The type of a column with a cell more. A cell that is no value of a column with a type of its own, such as a day
/// beyond the calendar, does not make the column one of text.
fn joined_cell(
    known: Option<ValueType>,
    cell: ValueType,
    reading: Option<Reading>,
) -> Option<ValueType> {
    let own = matches!(reading, Some(Reading::Plain | Reading::Float));
    if own && cell == ValueType::Text {
        return known;
    }
    Some(known.map_or(cell, |known| joined_type(known, cell)))
}

/// Types by event type or entity type, and name, all without case.
#[derive(Default)]
struct Types(BTreeMap<Place, (InferredType, u64)>);

/// An event type or an entity type, and a name, all without case.
type Place = ((Option<String>, Option<String>), String);

/// An event type or an entity type, as it is written.
type Owner<'o> = (Option<&'o str>, Option<&'o str>);

fn place((event, entity): Owner<'_>, name: &str) -> Place {
    ((event.map(folded), entity.map(folded)), folded(name))
}

impl Types {
    /// The types, those of names that are said most first: where a source may bring no more names, it is the rare ones
    /// that go without.
    fn into_types(self) -> Vec<InferredType> {
        let mut types: Vec<(InferredType, u64)> = self.0.into_values().collect();
        types.sort_by_key(|(_, said)| std::cmp::Reverse(*said));
        types.into_iter().map(|(inferred, _)| inferred).collect()
    }

    /// The type that a name has shown.
    fn known(&self, owner: Owner<'_>, name: &str) -> Option<ValueType> {
        self.0.get(&place(owner, name)).map(|(known, _)| known.value_type)
    }

    /// Takes note of a type that a name of an event type or entity type has shown, so many times.
    fn note(&mut self, owner: Owner<'_>, name: &str, value_type: ValueType, said: u64) {
        let key = place(owner, name);
        if let Some((known, count)) = self.0.get_mut(&key) {
            known.value_type = joined_type(known.value_type, value_type);
            *count += said;
        } else if self.0.len() < INFERRED_MAX {
            let (event, entity) = (owner.0.map(str::to_owned), owner.1.map(str::to_owned));
            let inferred = InferredType { event, entity, name: name.to_owned(), value_type };
            self.0.insert(key, (inferred, said));
        }
    }
}

fn note_types(types: &mut Types, shape: &FileShape, record: Decoded) {
    let (event, entity) = match record.kind {
        Kind::Identify | Kind::Alias | Kind::Statement(_) => (None, None),
        Kind::Track(event) => (Some(event), None),
        Kind::Entity { entity, .. } => (None, Some(entity)),
    };
    if let Some(event) = event.as_deref() {
        record.children.into_iter().for_each(|children| note_children(types, event, children));
    }
    let reading = |name: &str| shape.reading(name);
    note_fields(types, (event.as_deref(), entity.as_deref()), &reading, record.fields);
}

/// A child table is told by its event and its property.
fn note_children(types: &mut Types, event: &str, Children { property, rows }: Children) {
    for fields in rows {
        note_fields(types, (Some(event), Some(&property)), &|_| None, fields);
    }
}

fn note_fields(
    types: &mut Types,
    owner: Owner<'_>,
    reading: &dyn Fn(&str) -> Option<Reading>,
    fields: Vec<(String, FieldValue)>,
) {
    for (name, value) in fields {
        let FieldValue::Cell(cell) = value else { continue };
        let known = types.known(owner, &name);
        if let Some(value_type) = joined_cell(known, cell.value_type, reading(&name)) {
            types.note(owner, &name, value_type, 1);
        }
    }
}
