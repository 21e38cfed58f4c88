//! One word for all logical state: equal for the same definitions and the same set of dated records.
//!
//! Every item (a golden value, an event, an entity and its values, a field of the catalog, a thing in quarantine) has a
//! digest over the identifiers of its profile and its content; the word is a digest of their sum, so that order does
//! not matter and repeated items count. Ordinals, positions, times of receipt, public ids, load ids, generated
//! message ids and the bytes of records are left out.

use super::{QuarantineKind, Reader, State};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, Position, SourceId};
use crate::base::time::Timestamp;
use crate::catalog::{Fields, folded};
use crate::event::TablePart;
use crate::identity::{EdgeKey, Grounds, Kind};
use crate::profile::widened;
use std::collections::HashMap;

#[derive(Default)]
struct Sum {
    total: u128,
    items: u64,
}

impl Sum {
    fn add(&mut self, parts: &[&[u8]]) {
        self.total = self.total.wrapping_add(u128::from_le_bytes(codec::digest_of_parts(parts)));
        self.items += 1;
    }
}

impl State {
    /// The digest, as hexadecimal digits.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read.
    pub fn digest(&self) -> Result<String> {
        let reader = self.reader();
        let mut sum = Sum::default();
        let owners = reader.owners(&mut sum);
        reader.add_evidence(&mut sum)?;
        reader.add_events(&owners, &mut sum);
        reader.add_entities(&mut sum);
        add_fields("trait", "", self.catalog.traits(), &mut sum);
        for (number, event) in self.catalog.events().all().iter().enumerate() {
            sum.add(&[b"event type", folded(&event.name).as_bytes()]);
            if let Some(fields) = self.catalog.properties(number) {
                add_fields("property", &event.name, fields, &mut sum);
            }
        }
        for (number, entity) in self.catalog.entities().all().iter().enumerate() {
            sum.add(&[b"entity type", folded(&entity.name).as_bytes()]);
            if let Some(fields) = self.catalog.entity_fields(number) {
                add_fields("entity field", &entity.name, fields, &mut sum);
            }
        }
        for item in reader.quarantine() {
            let time = item.time.map(|t| t.0.to_le_bytes());
            // Of records their bytes are left out: the same record may be written in several forms.
            let shown = if item.kind == QuarantineKind::Value { item.text.as_str() } else { "" };
            let text = |part: &Option<String>| part.as_deref().map(folded).unwrap_or_default();
            sum.add(&[
                b"quarantine",
                reader.source_bytes(item.source),
                item.kind.name().as_bytes(),
                text(&item.event).as_bytes(),
                text(&item.field).as_bytes(),
                shown.as_bytes(),
                time.as_ref().map_or(&[], |t| t.as_slice()),
            ]);
        }
        let timers = self.timers();
        for timer in timers.pending((Timestamp(i64::MIN), Position(0)), Timestamp(i64::MAX)) {
            let (stream, due) = (folded(&timer.stream), timer.due.0.to_le_bytes());
            let (name, text) = (timer.name.as_bytes(), timer.text.as_bytes());
            sum.add(&[b"timer", stream.as_bytes(), name, &due, text]);
        }
        timers.check()?;
        reader.check()?;
        let word = codec::digest_of_parts(&[&sum.total.to_le_bytes(), &sum.items.to_le_bytes()]);
        Ok(codec::hex(&word))
    }
}

impl Reader<'_> {
    fn source_bytes(&self, source: SourceId) -> &[u8] {
        self.state.catalog.source_name(source).as_bytes()
    }

    /// For each profile a digest of its identifiers, which stands for it. Its golden record is added.
    fn owners(&self, sum: &mut Sum) -> HashMap<u32, Digest128> {
        let mut owners = HashMap::new();
        for ordinal in self.state.live() {
            let row = self.row(Ordinal(ordinal));
            let nodes = row.members.iter().filter_map(|node| self.nodes().identifier(*node));
            let mut identifiers: Vec<(&str, &str)> = nodes.collect();
            identifiers.sort_unstable();
            let parts: Vec<&[u8]> = identifiers
                .iter()
                .flat_map(|(namespace, value)| [namespace.as_bytes(), value.as_bytes()])
                .collect();
            let owner = codec::digest_of_parts(&parts);
            sum.add(&[b"profile", &owner]);
            owners.insert(ordinal, owner);
            for known in &row.traits {
                let field = self.state.catalog.traits().get(known.number as usize);
                let (Some(field), Some(value)) = (field, &known.value) else { continue };
                let time = known.winner.dated.then(|| known.winner.time.0.to_le_bytes());
                sum.add(&[
                    b"golden",
                    &owner,
                    folded(&field.name).as_bytes(),
                    &widened(value, field.value_type).canonical_bytes(),
                    time.as_ref().map_or(&[], |t| t.as_slice()),
                    self.source_bytes(known.winner.source),
                ]);
            }
        }
        owners
    }

    /// Each piece of evidence once, at that of its two identifiers which has the smaller number.
    fn add_evidence(&self, sum: &mut Sum) -> Result<()> {
        for node in (0..self.state.counts.nodes).map(NodeId) {
            for edge in self.edges(&EdgeKey::all(node))? {
                let (kind, other) = (edge.kind(), edge.key.other());
                let (Some(kind), true) = (kind, node <= other) else { continue };
                let ends = [node, other].map(|node| self.nodes().identifier(node));
                let ends =
                    ends.map(|end| end.map(|(n, v)| format!("{n}\0{v}")).unwrap_or_default());
                let [mut left, mut right] = ends;
                if left > right {
                    std::mem::swap(&mut left, &mut right);
                }
                let forbids = matches!(kind, Kind::CannotLink | Kind::HouseholdForbid);
                let retracts = !(kind.links() || forbids || kind == Kind::HouseholdLink);
                let until = if retracts { edge.told.last } else { 0 };
                sum.add(&[
                    b"evidence",
                    left.as_bytes(),
                    right.as_bytes(),
                    kind.name().as_bytes(),
                    self.source_bytes(edge.key.source()),
                    self.rule(edge.key.rule()).as_bytes(),
                    &edge.told.count.to_le_bytes(),
                    &edge.told.strength.to_le_bytes(),
                    &[u8::from(edge.told.withdrawn)],
                    &until.to_le_bytes(),
                ]);
            }
        }
        Ok(())
    }

    fn add_entities(&self, sum: &mut Sum) {
        for (number, entity) in self.state.catalog.entities().all().iter().enumerate() {
            let Some(table) = self.entities(number) else { continue };
            let fields = self.state.catalog.entity_fields(number);
            let entity = folded(&entity.name);
            for ordinal in (0..table.len()).map(Ordinal) {
                let Some(id) = table.id(ordinal) else { continue };
                sum.add(&[b"entity", entity.as_bytes(), id.as_bytes()]);
                for known in &table.row(ordinal).traits {
                    let field = fields.and_then(|fields| fields.get(known.number as usize));
                    let (Some(field), Some(value)) = (field, &known.value) else { continue };
                    let time = known.winner.dated.then(|| known.winner.time.0.to_le_bytes());
                    sum.add(&[
                        b"entity value",
                        entity.as_bytes(),
                        id.as_bytes(),
                        folded(&field.name).as_bytes(),
                        &widened(value, field.value_type).canonical_bytes(),
                        time.as_ref().map_or(&[], |t| t.as_slice()),
                        self.source_bytes(known.winner.source),
                    ]);
                }
            }
        }
    }

    fn add_events(&self, owners: &HashMap<u32, Digest128>, sum: &mut Sum) {
        for (number, event) in self.state.catalog.events().all().iter().enumerate() {
            let Some(table) = self.events(number) else { continue };
            let fields = self.state.catalog.properties(number).map(Fields::all).unwrap_or_default();
            let mut order: Vec<(String, usize)> =
                fields.iter().enumerate().map(|(i, f)| (folded(&f.name), i)).collect();
            order.sort_unstable();
            let name = folded(&event.name);
            let rows =
                table.parts().iter().flat_map(|part| (0..part.len()).map(move |r| (part, r)));
            for (part, row) in rows {
                let node = part.node(row);
                let owner = self.nodes().label(node).and_then(|o| owners.get(&o.0));
                let kind: &[u8] = if part.child(row) { b"child" } else { b"event" };
                let mut parts: Vec<Vec<u8>> = vec![kind.to_vec(), name.clone().into_bytes()];
                parts.push(owner.map(|o| o.to_vec()).unwrap_or_default());
                parts.extend(self.event_parts(part, row, node));
                for (property, number) in &order {
                    if let Some(value) = part.cell(*number, row).to_value() {
                        parts.push(property.clone().into_bytes());
                        parts.push(value.canonical_bytes());
                    }
                }
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                sum.add(&parts);
            }
        }
    }

    fn event_parts(&self, part: &TablePart, row: u32, node: NodeId) -> [Vec<u8>; 4] {
        let anchor = self.nodes().identifier(node);
        let anchor = anchor.map(|(n, v)| format!("{n}\0{v}")).unwrap_or_default();
        let time =
            if part.dated(row) { part.time(row).0.to_le_bytes().to_vec() } else { Vec::new() };
        let given = part.given_id(row);
        let id = if given { part.message_id(row).as_bytes().to_vec() } else { Vec::new() };
        [anchor.into_bytes(), time, self.source_bytes(part.source(row)).to_vec(), id]
    }
}

fn add_fields(kind: &str, scope: &str, fields: &Fields, sum: &mut Sum) {
    for field in fields.all() {
        let Some(value_type) = field.value_type else { continue };
        let lists = field.lists.to_le_bytes();
        sum.add(&[
            kind.as_bytes(),
            folded(scope).as_bytes(),
            folded(&field.name).as_bytes(),
            value_type.name().as_bytes(),
            &lists,
        ]);
    }
}
