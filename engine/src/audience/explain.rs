//! How a question was answered: the steps in words, with what each looked at and selected.
//!
//! *Invariant:* the numbers are those of the very evaluation that gave the answer. Bytes are counted, not measured: for
//! each column that a step names, the width of its values times the rows that the step looked at. Texts and sets count
//! with their codes, not with their letters. *Where to start reading:* `Steps`.

use super::aggregate::{Answers, events_of};
use super::funnel::Found;
use super::program::EventTest;
use super::resolved::{
    Condition, ConsentQuery, EntityColumn, EventColumn, EventQuery, FunnelQuery, Rows, Scalar,
};
use crate::base::clock::Stopwatch;
use crate::base::value::ValueType;
use crate::record::CONSENT;
use crate::state::{Reader, State};

/// One step of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How deep it stands in the plan.
    pub depth: usize,
    /// What it does.
    pub text: String,
    /// Rows of events that it looked at, when it is a pass over events.
    pub rows: Option<u64>,
    /// How many profiles it was asked about, when it is a condition.
    pub asked: Option<u64>,
    /// How many profiles it selected, or found something for.
    pub selected: u64,
    /// Bytes of the columns that it names: the width of their values times the rows, or profiles, that it looked at.
    pub bytes: u64,
    /// How many profiles a condition was expected to select: by the counts of indexes, and where there are none by a
    /// sample of profiles.
    pub expected: Option<u64>,
    /// How long it took, those below it among it, in nanoseconds; nothing for what was answered with the condition that
    /// it stands in. Telling steps takes time itself.
    pub nanos: Option<u64>,
}

impl Step {
    /// The step in words, with what was expected of it, and how long it took.
    pub fn analyzed(&self) -> String {
        let expected = self.expected.map(|expected| format!(", {expected} expected"));
        let micros = self.nanos.map(|nanos| format!(", {}.{:03} µs", nanos / 1000, nanos % 1000));
        format!("{self}{}{}", expected.unwrap_or_default(), micros.unwrap_or_default())
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}: {}", "  ".repeat(self.depth), self.text, self.selected)?;
        match (self.asked, self.rows) {
            (Some(asked), _) => write!(f, " of {asked}")?,
            (None, Some(rows)) => write!(f, " profiles, {rows} rows looked at")?,
            (None, None) => f.write_str(" profiles")?,
        }
        if self.bytes > 0 { write!(f, ", {} bytes of columns", self.bytes) } else { Ok(()) }
    }
}

/// Bytes of a row that say whose an event is, and of its time, its source and its message id.
const OWNER_BYTES: u64 = 4;
const TIME_BYTES: u64 = 8;
const SOURCE_BYTES: u64 = 4;
const MESSAGE_BYTES: u64 = 16;

/// Bytes of a value in a column.
fn width(value_type: Option<ValueType>) -> u64 {
    match value_type {
        None => 0,
        Some(ValueType::Boolean) => 1,
        Some(ValueType::Text | ValueType::Set | ValueType::Date) => 4,
        Some(ValueType::Integer | ValueType::Float | ValueType::Timestamp) => 8,
        Some(ValueType::Decimal) => 16,
    }
}

/// Gathers steps, if anybody asked for them.
pub struct Steps<'a> {
    reader: &'a Reader<'a>,
    steps: Option<Vec<Step>>,
}

impl<'a> Steps<'a> {
    pub fn new(reader: &'a Reader<'a>, wanted: bool) -> Steps<'a> {
        Steps { reader, steps: wanted.then(Vec::new) }
    }

    pub fn done(self) -> Vec<Step> {
        self.steps.unwrap_or_default()
    }

    /// Begins the step of a condition; gives its place.
    pub fn condition(&mut self, condition: &Condition, asked: u64, depth: usize) -> usize {
        let Some(steps) = &mut self.steps else { return 0 };
        // What stands below AND, OR and NOT has steps of its own.
        let whole = matches!(condition, Condition::And(_) | Condition::Or(_) | Condition::Not(_));
        let mut columns = Columns { state: self.reader.state, tables: &[], seen: Vec::new() };
        if !whole {
            condition.visit(&mut |scalar| columns.see(scalar));
        }
        steps.push(Step {
            depth,
            text: describe(condition, self.reader.state),
            rows: None,
            asked: Some(asked),
            selected: 0,
            bytes: asked * columns.width(),
            expected: None,
            nanos: None,
        });
        steps.len() - 1
    }

    /// Ends the step at a place.
    pub fn selected(&mut self, place: usize, selected: u64, expected: Option<u64>, nanos: u64) {
        if let Some(step) = self.steps.as_mut().and_then(|steps| steps.get_mut(place)) {
            (step.selected, step.expected, step.nanos) = (selected, expected, Some(nanos));
        }
    }

    /// Says how long the first step took, with those that belong to it.
    pub fn took(&mut self, since: Stopwatch) {
        if let Some(step) = self.steps.as_mut().and_then(|steps| steps.first_mut()) {
            step.nanos = u64::try_from(since.elapsed().as_nanos()).ok();
        }
    }

    /// A subquery that was answered.
    pub fn subquery(&mut self, number: usize, query: &EventQuery, found: &Answers) {
        let Some(steps) = &mut self.steps else { return };
        let selected = match found {
            Answers::Measured(of) => of.len(),
            Answers::Exists(set) => set.len(),
            Answers::Some { places, .. } => {
                places.iter().filter(|place| **place > 0).count() as u64
            }
            Answers::Count(counts) => counts.iter().filter(|c| **c > 0).count() as u64,
            Answers::Values(values) => values.iter().flatten().count() as u64,
        };
        let value = query.aggregate.as_ref().and_then(|aggregate| aggregate.value.as_ref());
        let text = format!("subquery {}: {}", number + 1, query.text);
        steps.push(pass(self.reader, &[&query.rows], value, None, 0, text, selected));
    }

    /// A subquery that was answered chunk by chunk, with the condition that it stands in.
    pub fn test(&mut self, test: &EventTest<'_>) {
        let Some(steps) = &mut self.steps else { return };
        let value = test.aggregate.and_then(|aggregate| aggregate.value.as_ref());
        let text = format!("subquery {}: {}", test.number + 1, test.text);
        let rows = test.rows;
        let whole = pass(self.reader, &[rows], value, None, 0, text, test.found.get());
        let all = whole.rows.unwrap_or_default();
        let looked = test.looked.get();
        // As much of the columns as was looked at of their rows.
        let bytes = whole.bytes.checked_div(all).unwrap_or_default() * looked;
        steps.push(Step { rows: Some(looked), bytes, ..whole });
    }

    /// A question for consents that was answered. It looks at all of them: whose they are, when, and four texts.
    pub fn consents(&mut self, number: usize, query: &ConsentQuery, selected: u64) {
        let Some(steps) = &mut self.steps else { return };
        let table = self.reader.state.catalog.events().find(CONSENT);
        let rows = table.map_or(0, |table| events_of(self.reader, table));
        let ConsentQuery { channel, purpose, topic } = query;
        let topic = topic.as_ref().map_or_else(String::new, |topic| format!(" about {topic}"));
        steps.push(Step {
            depth: 0,
            text: format!("subquery {}: consents to {purpose}{topic} on {channel}", number + 1),
            rows: Some(rows),
            asked: None,
            selected,
            bytes: rows * (OWNER_BYTES + TIME_BYTES + 4 * width(Some(ValueType::Text))),
            expected: None,
            nanos: None,
        });
    }

    /// A segment whose members are known.
    pub fn segment(&mut self, number: usize, name: &str, selected: u64) {
        let Some(steps) = &mut self.steps else { return };
        let text = format!("subquery {}: members of the segment {name}", number + 1);
        let (depth, bytes, rows, asked, expected, nanos) = (0, 0, None, None, None, None);
        steps.push(Step { depth, text, rows, asked, selected, bytes, expected, nanos });
    }

    /// A funnel that was answered, with its steps.
    pub fn funnel(&mut self, number: usize, query: &FunnelQuery, found: &Found) {
        let Some(steps) = &mut self.steps else { return };
        let place = steps.len();
        let all: Vec<&Rows> = query.steps.iter().map(|step| &step.rows).collect();
        for (index, (step, reached)) in query.steps.iter().zip(&found.reached).enumerate() {
            let text = format!("step {}: {}", index + 1, step.text);
            let tables = all.get(..=index).unwrap_or_default();
            let between = Some(&step.between);
            steps.push(pass(self.reader, tables, None, between, 1, text, *reached));
        }
        let looked = steps.get(place..).unwrap_or_default();
        let sum = |of: fn(&Step) -> u64| looked.iter().map(of).sum();
        let whole = Step {
            depth: 0,
            text: format!("subquery {}: funnel of {} steps", number + 1, query.steps.len()),
            rows: Some(sum(|step| step.rows.unwrap_or(0))),
            asked: None,
            selected: found.through.len(),
            bytes: sum(|step| step.bytes),
            expected: None,
            nanos: None,
        };
        steps.insert(place, whole);
    }
}

/// A pass over the events of the last of several tables.
fn pass(
    reader: &Reader<'_>,
    tables: &[&Rows],
    value: Option<&Scalar>,
    between: Option<&Condition>,
    depth: usize,
    text: String,
    selected: u64,
) -> Step {
    let mut columns = Columns { state: reader.state, tables, seen: Vec::new() };
    let mut rows = 0;
    if let Some(last) = tables.last() {
        rows = events_of(reader, last.event);
        last.joins.iter().for_each(|join| join.key.visit(&mut |scalar| columns.see(scalar)));
        last.filter.visit(&mut |scalar| columns.see(scalar));
    }
    // A step of a funnel is ordered by time.
    if between.is_some() {
        let slot = tables.last().map_or(0, |last| last.slot);
        columns.seen.push(Scalar::Event(slot, EventColumn::Time));
    }
    between.into_iter().for_each(|c| c.visit(&mut |scalar| columns.see(scalar)));
    value.into_iter().for_each(|v| v.visit(&mut |scalar| columns.see(scalar)));
    let bytes = rows * (OWNER_BYTES + columns.width());
    let (rows, asked, expected, nanos) = (Some(rows), None, None, None);
    Step { depth, text, rows, asked, selected, bytes, expected, nanos }
}

/// The columns that a step names, each once.
struct Columns<'a> {
    state: &'a State,
    tables: &'a [&'a Rows],
    seen: Vec<Scalar>,
}

impl Columns<'_> {
    fn see(&mut self, scalar: &Scalar) {
        let column = matches!(scalar, Scalar::Trait(_) | Scalar::Event(..) | Scalar::Entity(..));
        if column && !self.seen.contains(scalar) {
            self.seen.push(scalar.clone());
        }
    }

    fn width(&self) -> u64 {
        self.seen.iter().map(|scalar| self.width_of(scalar)).sum()
    }

    fn width_of(&self, scalar: &Scalar) -> u64 {
        let catalog = &self.state.catalog;
        let fields = |slot: &usize| {
            let rows = self.tables.iter().find(|rows| rows.slots().contains(slot))?;
            match slot.checked_sub(rows.slot + 1) {
                None => catalog.properties(rows.event),
                Some(join) => catalog.entity_fields(rows.joins.get(join)?.entity),
            }
        };
        let value_type = match scalar {
            Scalar::Trait(number) => catalog.traits().get(*number),
            Scalar::Event(_, EventColumn::Time) => return TIME_BYTES,
            Scalar::Event(_, EventColumn::Source) => return SOURCE_BYTES,
            Scalar::Event(_, EventColumn::Message) => return MESSAGE_BYTES,
            Scalar::Entity(_, EntityColumn::Id) => return width(Some(ValueType::Text)),
            Scalar::Event(slot, EventColumn::Property(number))
            | Scalar::Entity(slot, EntityColumn::Field(number)) => {
                fields(slot).and_then(|fields| fields.get(*number))
            }
            _ => None,
        };
        width(value_type.and_then(|field| field.value_type))
    }
}

/// A step in words.
fn describe(condition: &Condition, state: &State) -> String {
    let value = |scalar: &Scalar| describe_value(scalar, state);
    match condition {
        Condition::Constant(Some(true)) => "everybody".to_owned(),
        Condition::Constant(Some(false)) => "nobody".to_owned(),
        Condition::Constant(None) => "unknown".to_owned(),
        Condition::Compare(comparison, left, right) => {
            format!("{} {} {}", value(left), comparison.sign(), value(right))
        }
        Condition::In(scalar, options) => format!("{} in {} values", value(scalar), options.len()),
        Condition::IsNull(scalar) => format!("{} is null", value(scalar)),
        Condition::Is(scalar) => value(scalar),
        Condition::Like { value: text, pattern, any_case, .. } => {
            let like = if *any_case { "ilike" } else { "like" };
            format!("{} {like} {}", value(text), value(pattern))
        }
        Condition::AnyOf(text, set) => format!("{} in {}", value(text), value(set)),
        Condition::HasIdentifier(namespace) => format!("has an identifier {namespace}"),
        Condition::ProfileIn { ids, .. } => format!("one of {} profiles", ids.len()),
        Condition::Exists(number) => format!("subquery {} has a row", number + 1),
        Condition::Not(_) => "not".to_owned(),
        Condition::And(_) => "all of".to_owned(),
        Condition::Or(_) => "any of".to_owned(),
    }
}

pub fn describe_value(scalar: &Scalar, state: &State) -> String {
    let of = |scalar: &Scalar| describe_value(scalar, state);
    match scalar {
        Scalar::Constant(value) => value.as_ref().map_or("NULL".to_owned(), |v| format!("'{v}'")),
        Scalar::Now => "now".to_owned(),
        Scalar::Trait(number) => {
            state.catalog.traits().get(*number).map_or_else(String::new, |f| f.name.clone())
        }
        Scalar::Shift(inner, _) => format!("{} moved", of(inner)),
        Scalar::Arithmetic(operator, left, right) => {
            format!("({} {} {})", of(left), operator.sign(), of(right))
        }
        Scalar::Negate(inner) => format!("-{}", of(inner)),
        Scalar::Coalesce(values, _) => {
            format!("coalesce({})", values.iter().map(of).collect::<Vec<_>>().join(", "))
        }
        Scalar::Part(part, inner) | Scalar::Truncate(part, inner) => {
            format!("{} of {}", part.name(), of(inner))
        }
        Scalar::AsDate(inner) => format!("day of {}", of(inner)),
        Scalar::InZone(inner, _) => format!("{} in a zone", of(inner)),
        Scalar::InZoneOf(inner, zone) => format!("{} in the zone {}", of(inner), of(zone)),
        Scalar::FromZone(inner, _) => format!("{} from a zone", of(inner)),
        Scalar::FromZoneOf(inner, zone) => format!("{} from the zone {}", of(inner), of(zone)),
        Scalar::Convert(convert) => format!("{} in {}", of(&convert.value), convert.to),
        Scalar::Bucket { n, .. } => format!("bucket of {n}"),
        Scalar::Subquery(number) => format!("subquery {}", number + 1),
        Scalar::Event(..) => "event".to_owned(),
        Scalar::Entity(..) => "entity".to_owned(),
    }
}
