//! How good what sources say is: per source and day of receipt, counted from the log when it is asked for.
//!
//! *Invariants:* counts are exact, and of what is in force: a withdrawn row is as if it had never come; the days are
//! those of the engine clock, in UTC, when a record was received. Nothing of it is kept, so nothing of it can be
//! wrong. Memory is bounded by days, kinds and names, never by rows. *Where to start reading:* `Tally`.

use super::expect;
use super::quality_types::{
    DayQuality, KindQuality, Lateness, Quality, QualityRequest, SourceQuality,
};
use super::types::Breach;
use super::view::View;
use super::{Inner, Level, Session, Writer};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{FIELDS_MAX, QUALITY_DAYS_MAX};
use crate::base::time::{Date, Timestamp};
use crate::catalog::{Catalog, folded};
use crate::definition::{Mapped, Mapping, Target};
use crate::entry::{BLOCK_KIND, COUNTED_KIND, Entry, RECORDS_KIND, Row, RowStatus, Shape};
use crate::log::{Frame, LogReader};
use crate::record::{Decoded, FieldValue, Kind, RowError, decode};
use crate::state::{QuarantineKind, SourceState, State};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

impl View {
    /// How good what sources say is, and which expectations are not met.
    ///
    /// # Errors
    /// `Limit` for too many days; `NotFound` for an unknown source; `Corrupt`, `Io`.
    pub fn quality(&self, request: &QualityRequest) -> Result<Quality> {
        if request.days == 0 || request.days > QUALITY_DAYS_MAX {
            return Err(Error::limit(format!("days are 1 to {QUALITY_DAYS_MAX}")));
        }
        let state = self.state();
        if let Some(name) = &request.source
            && state.catalog.find_source(name).is_none()
            && !state.hindsight.sources.contains_key(name)
        {
            return Err(Error::not_found(format!(
                "there is no source '{name}'; `nave source list` lists the sources"
            )));
        }
        self.flush()?;
        quality_of(state, &self.inner.reader, request, Position(1))
    }
}

impl Session {
    /// The same, and sources whose expectations ask for it are held from now on when one is not met. Gives their names
    /// too. Level sync.
    ///
    /// # Errors
    /// As `quality`; `Closed`.
    pub fn check_quality(&self, request: &QualityRequest) -> Result<(Quality, Vec<String>)> {
        let quality = self.view().quality(request)?;
        let (held, end) = {
            let mut writer = self.inner.writer.lock();
            self.inner.writable(&mut writer)?;
            let held = self.inner.hold_for(&mut writer, &quality.breaches)?;
            (held, writer.log.next())
        };
        self.inner.reach(end, Level::Sync)?;
        Ok((quality, held))
    }
}

impl Inner {
    /// Holds the sources of breaches that ask for it; gives the names of those that were live.
    pub(super) fn hold_for(&self, writer: &mut Writer, breaches: &[Breach]) -> Result<Vec<String>> {
        let mut held: Vec<String> = Vec::new();
        for breach in breaches.iter().filter(|breach| breach.hold) {
            if writer.fold.state.hindsight.source(&breach.source).state == SourceState::Live {
                let (name, reason) = (&breach.source, breach.to_string());
                self.set_source_locked(writer, name, SourceState::Held, &reason)?;
                held.push(breach.source.clone());
            }
        }
        Ok(held)
    }

    /// The breaches of the expectations about a source today, at the end of a load; it is held when they ask for it.
    pub(super) fn check_load(&self, writer: &mut Writer, source: &str) -> Result<Vec<Breach>> {
        if !expect::any(&writer.fold.state, source) {
            return Ok(Vec::new());
        }
        writer.log.flush()?;
        let state = &writer.fold.state;
        let from = begin_of(&self.reader, state.end, state.clock.date())?;
        let request = QualityRequest { source: Some(source.to_owned()), days: 1 };
        let breaches = quality_of(state, &self.reader, &request, from)?.breaches;
        self.hold_for(writer, &breaches)?;
        Ok(breaches)
    }
}

/// The quality of a state; what was received before `from`, the first position of a frame, is left out.
fn quality_of(
    state: &State,
    reader: &LogReader,
    request: &QualityRequest,
    from: Position,
) -> Result<Quality> {
    let today = state.clock.date();
    let first = Date(today.0.saturating_sub(i32::try_from(request.days).unwrap_or(i32::MAX) - 1));
    let wanted = request.source.as_ref().map(|name| state.catalog.find_source(name));
    let mut tally = Tally { state, first, wanted, days: Vec::new(), sources: BTreeMap::new() };
    reader.scan(from, state.end, &mut |frame| tally.frame(&frame))?;
    tally.contradictions()?;
    let sources: Vec<SourceQuality> =
        tally.sources.into_iter().map(|(id, source)| source.told(state, id)).collect();
    let breaches = expect::breaches(state, &sources, (first, today), request.source.as_deref());
    Ok(Quality { clock: state.clock, first, sources, breaches })
}

/// The first position of the frame that begins a day: the engine clock never goes back, so halves find it.
fn begin_of(reader: &LogReader, end: Position, day: Date) -> Result<Position> {
    let (mut low, mut high) = (1, end.0);
    while low < high {
        let header = &reader.frame_at(Position(u64::midpoint(low, high)))?.header;
        if header.clock.date() < day {
            low = header.end().0;
        } else {
            high = header.first.0;
        }
    }
    Ok(Position(low))
}

/// What is counted of one kind of records of a source.
#[derive(Default)]
struct KindTally {
    kind: &'static str,
    what: String,
    /// How its fields are named, when a mapping says so.
    mapping: Option<Arc<Mapping>>,
    /// The field of each name that the source gives; none for one that a mapping ignores.
    names: HashMap<String, Option<usize>>,
    fields: Vec<(String, Date)>,
    days: BTreeMap<Date, KindDay>,
}

#[derive(Default)]
struct KindDay {
    rows: u64,
    newest_event: Option<Timestamp>,
    /// How many rows said each field.
    said: Vec<u64>,
}

#[derive(Default)]
struct DayTally {
    broken: u64,
    conflicts: u64,
    duplicates: u64,
    revised: u64,
    contradictions: BTreeMap<String, u64>,
    lateness: Histogram,
}

#[derive(Default)]
struct SourceTally {
    kinds: Vec<KindTally>,
    numbers: HashMap<(&'static str, String), usize>,
    days: BTreeMap<Date, DayTally>,
    newest_receipt: Option<Timestamp>,
    newest_event: Option<Timestamp>,
}

/// What is counted while the log is read.
struct Tally<'s> {
    state: &'s State,
    first: Date,
    /// The one source that is wanted, if it has a number.
    wanted: Option<Option<SourceId>>,
    /// Where each day begins.
    days: Vec<(Position, Date)>,
    sources: BTreeMap<SourceId, SourceTally>,
}

impl Tally<'_> {
    fn frame(&mut self, frame: &Frame) -> Result<()> {
        let header = &frame.header;
        let day = header.clock.date();
        if self.days.last().is_none_or(|(_, last)| *last < day) {
            self.days.push((header.first, day));
        }
        let other = self.wanted.is_some_and(|wanted| wanted != Some(header.source));
        if other || header.stub || ![RECORDS_KIND, BLOCK_KIND, COUNTED_KIND].contains(&header.kind)
        {
            return Ok(());
        }
        let retracted = &self.state.hindsight.retracted;
        if retracted.loads.contains(&header.load) {
            return Ok(());
        }
        let rows = match Entry::decode(header.kind, header.payload_version, &frame.payload)? {
            Entry::Records(records) => records.rows,
            Entry::Block(block) => block.to_rows(),
            Entry::Counted(counted) if day >= self.first => {
                let source = self.sources.entry(header.source).or_default();
                let told = source.days.entry(day).or_default();
                told.duplicates += counted.duplicates;
                told.revised += counted.revised;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let shape = match header.load {
            LoadId(0) => Some(Arc::new(Shape::Message)),
            load => self.state.loads.get(&load).map(|info| Arc::clone(&info.shape)),
        };
        let source = self.sources.entry(header.source).or_default();
        for (index, row) in rows.iter().enumerate() {
            if !retracted.holds_row(header.source, header.first.plus(index as u64)) {
                let read = match &shape {
                    Some(shape) => decode(shape, &row.original),
                    None => Err(RowError::lost_load()),
                };
                source.row((self.state, header.source), row, read, (header.clock, self.first));
            }
        }
        Ok(())
    }

    /// Adds the values in quarantine, on the days when their records were received.
    fn contradictions(&mut self) -> Result<()> {
        let reader = self.state.reader();
        for item in reader.quarantine().filter(|item| item.kind == QuarantineKind::Value) {
            let place = self.days.partition_point(|(position, _)| *position <= item.position);
            let day = place.checked_sub(1).and_then(|place| self.days.get(place));
            let Some((_, day)) = day.filter(|(_, day)| *day >= self.first) else { continue };
            let Some(source) = self.sources.get_mut(&item.source) else { continue };
            let field = item.field.unwrap_or_default();
            let name = item.event.map_or_else(|| field.clone(), |event| format!("{event}.{field}"));
            let told = source.days.entry(*day).or_default();
            if told.contradictions.len() < FIELDS_MAX || told.contradictions.contains_key(&name) {
                *told.contradictions.entry(name).or_default() += 1;
            }
        }
        reader.check()
    }
}

impl SourceTally {
    fn row(
        &mut self,
        (state, id): (&State, SourceId),
        row: &Row,
        read: std::result::Result<Decoded, RowError>,
        (clock, first): (Timestamp, Date),
    ) {
        let day = clock.date();
        self.newest_receipt = self.newest_receipt.max(Some(clock));
        let record = match (row.status, read) {
            (RowStatus::Conflict, _) => {
                self.days.entry(day).or_default().conflicts += 1;
                return;
            }
            (_, Err(_)) => {
                self.days.entry(day).or_default().broken += 1;
                return;
            }
            (RowStatus::Accepted, Ok(record)) => record,
        };
        let dated = record.time.filter(|time| *time <= clock);
        self.newest_event = self.newest_event.max(Some(dated.unwrap_or(clock)));
        let (kind, what) = match &record.kind {
            Kind::Identify | Kind::Alias => ("identify", "identify"),
            Kind::Statement(_) => ("identify", "statement"),
            Kind::Track(event) => ("track", event.as_str()),
            Kind::Entity { entity, .. } => ("entity", entity.as_str()),
        };
        if day >= first {
            let told = self.days.entry(day).or_default();
            if let Some(time) = dated {
                told.lateness.add(clock.0.saturating_sub(time.0));
            }
        }
        let kinds = &mut self.kinds;
        let number = *self.numbers.entry((kind, folded(what))).or_insert_with(|| {
            let mapped = match kind {
                "identify" => Mapped::Identify,
                "track" => Mapped::Track(what),
                _ => Mapped::Entity(what),
            };
            let mapping = state.definitions().mapping(state.catalog.source_name(id), mapped);
            kinds.push(KindTally { kind, what: what.to_owned(), mapping, ..KindTally::default() });
            kinds.len() - 1
        });
        if let Some(known) = self.kinds.get_mut(number) {
            known.row(&state.catalog, &record, dated.unwrap_or(clock), (day, first));
        }
    }

    fn told(self, state: &State, id: SourceId) -> SourceQuality {
        let mut days: BTreeMap<Date, DayQuality> = BTreeMap::new();
        let at = |day: Date| DayQuality { day, ..DayQuality::default() };
        for (day, tally) in self.days {
            let told = days.entry(day).or_insert_with(|| at(day));
            told.broken = tally.broken;
            told.conflicts = tally.conflicts;
            told.duplicates = tally.duplicates;
            told.revised = tally.revised;
            told.contradictions = tally.contradictions.into_iter().collect();
            told.lateness = tally.lateness.told();
        }
        for kind in self.kinds {
            for (field, day) in &kind.fields {
                if let Some(told) = days.get_mut(day) {
                    told.new_fields.push(format!("{}.{field}", kind.what));
                }
            }
            for (day, tally) in kind.days {
                let nulls = kind.fields.iter().enumerate().map(|(number, (field, _))| {
                    let said = tally.said.get(number).copied().unwrap_or_default();
                    (field.clone(), tally.rows.saturating_sub(said))
                });
                let told = days.entry(day).or_insert_with(|| at(day));
                told.kinds.push(KindQuality {
                    kind: kind.kind,
                    what: kind.what.clone(),
                    rows: tally.rows,
                    newest_event: tally.newest_event,
                    nulls: nulls.collect(),
                });
            }
        }
        SourceQuality {
            name: state.catalog.source_name(id).to_owned(),
            newest_receipt: self.newest_receipt,
            newest_event: self.newest_event,
            days: days.into_values().collect(),
        }
    }
}

/// The name of a field of a kind of records, of which a name may be another one.
pub(super) fn field_name<'n>(
    catalog: &'n Catalog,
    (kind, what): (&str, &str),
    name: &'n str,
) -> &'n str {
    let fields = match kind {
        "identify" => Some(catalog.traits()),
        "track" => catalog.events().find(what).and_then(|n| catalog.properties(n)),
        _ => catalog.entities().find(what).and_then(|n| catalog.entity_fields(n)),
    };
    let known = fields.and_then(|fields| fields.get(fields.find(name)?));
    known.map_or(name, |field| field.name.as_str())
}

impl KindTally {
    /// The number of the field that a name of the source stands for, as mappings and aliases have it.
    fn field(&mut self, catalog: &Catalog, name: &str, day: Date) -> Option<usize> {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        // Names that are not remembered are not counted: a source may bring any number of them.
        if self.names.len() >= 2 * FIELDS_MAX {
            return None;
        }
        let number = match self.mapping.as_ref().and_then(|mapping| mapping.target(name)) {
            Some(Target::Ignored) => None,
            Some(Target::Field(to, _)) => self.number(catalog, &to.clone(), day),
            None => self.number(catalog, name, day),
        };
        self.names.insert(name.to_owned(), number);
        number
    }

    fn number(&mut self, catalog: &Catalog, name: &str, day: Date) -> Option<usize> {
        let name = field_name(catalog, (self.kind, &self.what), name);
        let same = self.fields.iter().position(|(field, _)| folded(field) == folded(name));
        if same.is_some() || self.fields.len() >= FIELDS_MAX {
            return same;
        }
        self.fields.push((name.to_owned(), day));
        Some(self.fields.len() - 1)
    }

    fn row(
        &mut self,
        catalog: &Catalog,
        record: &Decoded,
        time: Timestamp,
        (day, first): (Date, Date),
    ) {
        let mut said = Vec::with_capacity(record.fields.len());
        for (name, value) in &record.fields {
            let Some(number) = self.field(catalog, name, day) else { continue };
            if *value != FieldValue::Null {
                said.push(number);
            }
        }
        if day < first {
            return;
        }
        let told = self.days.entry(day).or_default();
        told.rows += 1;
        told.newest_event = told.newest_event.max(Some(time));
        said.sort_unstable();
        said.dedup();
        for number in said {
            if told.said.len() <= number {
                told.said.resize(number + 1, 0);
            }
            if let Some(count) = told.said.get_mut(number) {
                *count += 1;
            }
        }
    }
}

/// Spans in classes, each less than one part in a hundred wide: 128 for each power of two.
#[derive(Default)]
struct Histogram {
    classes: BTreeMap<u32, u64>,
    count: u64,
    most: i64,
}

const STEPS: u32 = 7;

/// The class of a span, and the greatest span of a class.
fn class_of(micros: u64) -> u32 {
    let bits = 64 - micros.leading_zeros();
    let shift = bits.saturating_sub(STEPS + 1);
    (shift << (STEPS + 1)) | u32::try_from(micros >> shift).unwrap_or(u32::MAX)
}

fn greatest_of(class: u32) -> u64 {
    let shift = class >> (STEPS + 1);
    let head = u64::from(class & ((1 << (STEPS + 1)) - 1));
    ((head + 1) << shift) - 1
}

impl Histogram {
    fn add(&mut self, micros: i64) {
        *self.classes.entry(class_of(micros.max(0).unsigned_abs())).or_default() += 1;
        self.count += 1;
        self.most = self.most.max(micros);
    }

    /// The span that so many percent of all do not pass.
    fn quantile(&self, percent: u64) -> i64 {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut before = 0;
        for (class, count) in &self.classes {
            before += count;
            if before >= rank {
                return i64::try_from(greatest_of(*class)).unwrap_or(i64::MAX).min(self.most);
            }
        }
        self.most
    }

    fn told(&self) -> Option<Lateness> {
        (self.count > 0).then(|| Lateness {
            p50: self.quantile(50),
            p95: self.quantile(95),
            most: self.most,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_narrow_and_in_order() {
        let mut last = 0;
        for micros in (0..5000).chain((13..62).map(|bits| (1 << bits) + 12_345)) {
            let class = class_of(micros);
            assert!(class >= last, "{micros}");
            last = class;
            let greatest = greatest_of(class);
            assert!(greatest >= micros && (greatest - micros) * 100 <= micros.max(1), "{micros}");
        }
        let mut all = Histogram::default();
        (1..=1000).for_each(|n| all.add(n * 1000));
        let told = all.told().unwrap();
        assert_eq!(told.most, 1_000_000);
        assert!((500_000..=505_000).contains(&told.p50) && (950_000..=960_000).contains(&told.p95));
    }
}
