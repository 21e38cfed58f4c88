//! One word for all logical state: equal for the same definitions and the same set of dated records.
//!
//! Every item (a golden value, an event, a field of the catalog, a thing in quarantine) has a digest over the
//! identifiers of its profile and its content; the word is a digest of their sum, so that order does not matter and
//! repeated items count. Ordinals, positions, times of receipt, public ids, load ids and generated message ids are left
//! out.

use super::State;
use crate::base::codec::{self, Digest128};
use crate::base::ids::{Ordinal, SourceId};
use crate::catalog::{Fields, folded};
use crate::event::EventRow;
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
    pub fn digest(&self) -> String {
        let mut sum = Sum::default();
        let owners = self.owners(&mut sum);
        self.add_traits(&owners, &mut sum);
        self.add_events(&owners, &mut sum);
        add_fields("trait", "", self.catalog.traits(), &mut sum);
        for (number, event) in self.catalog.events().all().iter().enumerate() {
            sum.add(&[b"event type", folded(&event.name).as_bytes()]);
            if let Some(fields) = self.catalog.properties(number) {
                add_fields("property", &event.name, fields, &mut sum);
            }
        }
        for item in self.quarantine.iter() {
            let time = item.time.map(|t| t.0.to_le_bytes());
            let text = |part: &Option<String>| part.as_deref().map(folded).unwrap_or_default();
            sum.add(&[
                b"quarantine",
                self.source(item.source),
                item.kind.name().as_bytes(),
                text(&item.event).as_bytes(),
                text(&item.field).as_bytes(),
                item.text.as_bytes(),
                time.as_ref().map_or(&[], |t| t.as_slice()),
            ]);
        }
        codec::hex(&codec::digest_of_parts(&[&sum.total.to_le_bytes(), &sum.items.to_le_bytes()]))
    }

    fn source(&self, source: SourceId) -> &[u8] {
        self.catalog.source_name(source).as_bytes()
    }

    /// For each profile a digest of its identifiers, which stands for it.
    fn owners(&self, sum: &mut Sum) -> HashMap<u32, Digest128> {
        let mut owners = HashMap::new();
        for ordinal in self.identity.live().iter() {
            let nodes = self
                .identity
                .members(Ordinal(ordinal))
                .iter()
                .filter_map(|n| self.identity.node(*n));
            let mut identifiers: Vec<_> = nodes.map(|n| n.identifier.as_ref()).collect();
            identifiers.sort_unstable();
            let parts: Vec<&[u8]> = identifiers
                .iter()
                .flat_map(|i| [i.namespace.as_bytes(), i.value.as_bytes()])
                .collect();
            let owner = codec::digest_of_parts(&parts);
            sum.add(&[b"profile", &owner]);
            owners.insert(ordinal, owner);
        }
        owners
    }

    fn add_traits(&self, owners: &HashMap<u32, Digest128>, sum: &mut Sum) {
        for (number, field) in self.catalog.traits().all().iter().enumerate() {
            let Some(golden) = self.golden.get(number) else { continue };
            let name = folded(&field.name);
            for (ordinal, owner) in owners {
                let Some(value) = golden.value(Ordinal(*ordinal)).to_value() else { continue };
                let Some(winner) = golden.winner(Ordinal(*ordinal)) else { continue };
                let time = winner.dated.then(|| winner.time.0.to_le_bytes());
                sum.add(&[
                    b"golden",
                    owner,
                    name.as_bytes(),
                    &value.canonical_bytes(),
                    time.as_ref().map_or(&[], |t| t.as_slice()),
                    self.source(winner.source),
                ]);
            }
        }
    }

    fn add_events(&self, owners: &HashMap<u32, Digest128>, sum: &mut Sum) {
        for (number, event) in self.catalog.events().all().iter().enumerate() {
            let Some(table) = self.events.get(number) else { continue };
            let fields = self.catalog.properties(number).map(Fields::all).unwrap_or_default();
            let mut order: Vec<(String, usize)> =
                fields.iter().enumerate().map(|(i, f)| (folded(&f.name), i)).collect();
            order.sort_unstable();
            let name = folded(&event.name);
            for (index, row) in table.rows().iter().enumerate() {
                let owner = self.identity.ordinal_of(row.node).and_then(|o| owners.get(&o.0));
                let mut parts: Vec<Vec<u8>> = vec![b"event".to_vec(), name.clone().into_bytes()];
                parts.push(owner.map(|o| o.to_vec()).unwrap_or_default());
                parts.extend(self.event_parts(row));
                for (property, number) in &order {
                    let cell =
                        table.property(*number).map(|c| c.get(index)).and_then(|c| c.to_value());
                    if let Some(value) = cell {
                        parts.push(property.clone().into_bytes());
                        parts.push(value.canonical_bytes());
                    }
                }
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                sum.add(&parts);
            }
        }
    }

    fn event_parts(&self, row: &EventRow) -> [Vec<u8>; 4] {
        let anchor = self.identity.node(row.node).map(|n| n.identifier.as_ref());
        let anchor = anchor.map(|i| format!("{}\0{}", i.namespace, i.value)).unwrap_or_default();
        let time = if row.dated { row.time.0.to_le_bytes().to_vec() } else { Vec::new() };
        let id = if row.given_id { row.message_id.as_bytes().to_vec() } else { Vec::new() };
        [anchor.into_bytes(), time, self.source(row.source).to_vec(), id]
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
