//! Reading a state: columns and tables, each opened when it is first asked for.

use super::clustering::{Clustering, naming_key};
use super::entity::EntityView;
use super::opened::OpenedParts;
use super::{FACTS, PROFILES, QUARANTINE, Quarantined, State, events_of};
use crate::base::codec;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, Position, SourceId};
use crate::base::part::Part;
use crate::base::patience::Patience;
use crate::base::tagged::Told;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::column::{Cell, ColumnView, Faults};
use crate::event::{TablePart, TableView};
use crate::identity::{Grounds, NamingKey, NodeView, PublicId, Rules, find_node, point_label};
use crate::profile::{GoldenRow, RowView, trait_key};
use crate::record::Identifier;
use std::cell::{Cell as Flag, OnceCell};
use std::sync::Arc;

/// Of so many small steps one asks whether to go on.
const PACE: u32 = 256;

/// What one question reads of a state. It belongs to one thread; what could not be read is told by `check` at its end.
#[derive(Debug)]
pub struct Reader<'s> {
    /// The state.
    pub state: &'s State,
    now: Timestamp,
    faults: Faults,
    rules: OnceCell<Clustering>,
    nodes: OnceCell<NodeView>,
    rows: OnceCell<RowView>,
    traits: Vec<OnceCell<ColumnView>>,
    events: Vec<OnceCell<TableView>>,
    entities: Vec<OnceCell<EntityView>>,
    facts: OnceCell<TableView>,
    quarantine: OnceCell<TableView>,
    opened: OnceCell<Arc<OpenedParts>>,
    /// How often it was asked whether to go on.
    paces: Flag<u32>,
}

/// What one record said of a trait.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The identifier that the record named first.
    pub node: NodeId,
    /// The event time.
    pub time: Timestamp,
    /// Whether the record named a time.
    pub dated: bool,
    /// The source.
    pub source: SourceId,
    /// The record.
    pub position: Position,
    /// Traits by number; nothing is NULL.
    pub traits: Vec<(u32, Option<Value>)>,
}

impl State {
    /// The same state, for somebody who waits so long.
    pub fn patient(&self, patience: Patience) -> State {
        State { patience, memo: self.memo.shared(), ..self.clone() }
    }

    /// Begins to read.
    pub fn reader(&self) -> Reader<'_> {
        Reader {
            state: self,
            now: self.clock,
            faults: Faults::default(),
            rules: OnceCell::new(),
            nodes: OnceCell::new(),
            rows: OnceCell::new(),
            traits: self.catalog.traits().all().iter().map(|_| OnceCell::new()).collect(),
            events: self.catalog.events().all().iter().map(|_| OnceCell::new()).collect(),
            entities: self.catalog.entities().all().iter().map(|_| OnceCell::new()).collect(),
            facts: OnceCell::new(),
            quarantine: OnceCell::new(),
            opened: OnceCell::new(),
            paces: Flag::new(0),
        }
    }
}

impl State {
    /// The profile of an identifier.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn find(&self, identifier: &Identifier) -> Result<Option<Ordinal>> {
        let Some(public) = self.public(identifier) else { return Ok(None) };
        let Some(node) = find_node(&self.parts, public)? else { return Ok(None) };
        point_label(&self.parts, node)
    }
}

impl<'s> Reader<'s> {
    /// Reads at another moment than that of the state.
    pub fn at(self, now: Timestamp) -> Reader<'s> {
        Reader { now, ..self }
    }
}

impl Reader<'_> {
    /// The moment that is asked about, where a question leaves it open.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Fails when something could not be read: the answer is then none.
    ///
    /// # Errors
    /// `Corrupt`, with the file.
    pub fn check(&self) -> Result<()> {
        let opened = self.opened.get().into_iter().flat_map(|parts| &parts.opened);
        opened.map(|part| &part.faults).chain([&self.faults]).try_for_each(Faults::check)
    }

    /// Whether who asked still waits; when not, the answer is none. To be asked now and then by what takes long.
    pub fn goes_on(&self) -> bool {
        self.state.patience.is_endless()
            || self.faults.or_note(self.state.patience.check()).is_some()
    }

    /// The same, of many small steps: it looks at some of them alone.
    #[inline]
    pub fn keeps_pace(&self) -> bool {
        if self.state.patience.is_endless() {
            return true;
        }
        let pace = self.paces.get().wrapping_add(1);
        self.paces.set(pace);
        !pace.is_multiple_of(PACE) || self.goes_on()
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The rules of identity in force.
    pub fn rules(&self) -> &Rules {
        self.rules.get_or_init(|| self.state.clustering()).rules()
    }

    /// The identifiers.
    pub fn nodes(&self) -> &NodeView {
        self.nodes.get_or_init(|| NodeView::new(&self.state.parts, &self.faults))
    }

    fn rows(&self) -> &RowView {
        self.rows.get_or_init(|| RowView::new(&self.state.parts, PROFILES, &self.faults))
    }

    /// Everything that is known of a profile.
    pub fn row(&self, ordinal: Ordinal) -> GoldenRow {
        self.rows().row(ordinal)
    }

    /// The identifiers of a profile.
    pub fn nodes_of(&self, ordinal: Ordinal) -> Vec<NodeId> {
        self.rows().head(ordinal).0
    }

    /// The column of a trait.
    pub fn trait_column(&self, number: usize) -> Option<&ColumnView> {
        let wanted = self.state.catalog.traits().get(number)?.value_type;
        Some(self.traits.get(number)?.get_or_init(|| {
            let key = trait_key(PROFILES, number);
            ColumnView::new(self.state.parts.iter(), key, wanted, &self.faults)
        }))
    }

    /// The value of a trait.
    #[inline]
    pub fn trait_cell(&self, number: usize, ordinal: Ordinal) -> Cell<'_> {
        self.trait_column(number).map_or(Cell::Null, |column| column.cell(ordinal.0))
    }

    /// The events of a type.
    pub fn events(&self, number: usize) -> Option<&TableView> {
        let slot = self.events.get(number)?;
        Some(slot.get_or_init(|| self.table_of(number, &|_| true)))
    }

    /// The events of a type that some parts of the state have.
    pub(super) fn events_in(&self, parts: &[Arc<Part>], number: usize) -> TableView {
        self.table_of(number, &|part| parts.iter().any(|known| Arc::ptr_eq(known, part)))
    }

    fn table_of(&self, number: usize, wanted: &dyn Fn(&Arc<Part>) -> bool) -> TableView {
        let fields = self.state.catalog.properties(number);
        let fields = fields.map(|fields| fields.all()).unwrap_or_default();
        let types: Vec<_> = fields.iter().map(|field| field.value_type).collect();
        let space = events_of(u32::try_from(number).unwrap_or(u32::MAX));
        let parts = self.opened.get_or_init(|| self.state.opened()).opened.iter();
        let parts = parts.filter(|of| wanted(&of.part));
        TableView::of(parts.filter_map(|part| part.table(space, &types)).collect())
    }

    /// The entities of a type.
    pub fn entities(&self, number: usize) -> Option<&EntityView> {
        let fields = self.state.catalog.entity_fields(number)?;
        Some(self.entities.get(number)?.get_or_init(|| {
            let count = self.state.counts.entities.get(number).copied().unwrap_or_default();
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            EntityView::new(&self.state.parts, number, count, fields, &self.faults)
        }))
    }

    fn table(&self, slot: &'_ OnceCell<TableView>, space: crate::base::part::BlockKey) {
        slot.get_or_init(|| TableView::new(self.state.parts.iter(), space, &[], &self.faults));
    }

    /// What is in quarantine.
    pub fn quarantine(&self) -> impl Iterator<Item = Quarantined> + '_ {
        self.table(&self.quarantine, QUARANTINE);
        let parts = self.quarantine.get().map(TableView::parts).unwrap_or_default();
        let rows = parts.iter().flat_map(|part| (0..part.len()).map(move |row| (part, row)));
        rows.filter_map(|(part, row)| self.faults.or_note(codec::decode_row(part.bytes(row))))
    }

    /// The records that said something of traits and named an identifier first, in the order of the log.
    pub fn told_of(&self, node: NodeId) -> Vec<Position> {
        self.table(&self.facts, FACTS);
        let parts = self.facts.get().map(TableView::parts).unwrap_or_default();
        let rows = |part: &'_ Arc<TablePart>| -> Vec<Position> {
            part.rows_of(node).into_iter().map(|row| part.position(row)).collect()
        };
        let mut found: Vec<Position> = parts.iter().flat_map(rows).collect();
        found.sort_unstable();
        found
    }

    /// What records said of traits, of those that named an identifier first.
    pub fn facts_of(&self, node: NodeId) -> Vec<Facts> {
        self.table(&self.facts, FACTS);
        let parts = self.facts.get().map(TableView::parts).unwrap_or_default();
        let mut found = Vec::new();
        for part in parts {
            for row in part.rows_of(node) {
                let told: Option<Told> = self.faults.or_note(codec::decode_row(part.bytes(row)));
                found.push(Facts {
                    node,
                    time: part.time(row),
                    dated: part.dated(row),
                    source: part.source(row),
                    position: part.position(row),
                    traits: told.map(|Told(traits)| traits).unwrap_or_default(),
                });
            }
        }
        found
    }

    /// The profile of an identifier.
    pub fn find(&self, identifier: &Identifier) -> Option<Ordinal> {
        self.faults.or_note(self.state.find(identifier)).flatten()
    }

    /// The profile that holds a public id now, whichever of its members the id was made from.
    pub fn resolve(&self, public: PublicId) -> Option<Ordinal> {
        let node = self.faults.or_note(find_node(&self.state.parts, public)).flatten()?;
        self.nodes().label(node)
    }

    /// What decides whether an identifier names its profile.
    pub fn naming(&self, node: NodeId) -> Option<NamingKey> {
        self.faults.or_note(self.about(node)).map(|about| naming_key(about, self.rules()))
    }

    /// The public id of a profile: that of its member with the least namespace rank, first time and digest.
    pub fn profile_id(&self, ordinal: Ordinal) -> Option<PublicId> {
        let (_, name) = self.rows().head(ordinal);
        self.nodes().public(name?)
    }
}
