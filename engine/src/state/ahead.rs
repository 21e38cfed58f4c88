//! Reading before it is asked for: files before the first look at them, and what a batch names before its rows are
//! folded one by one.
//!
//! *Invariant:* nothing depends on it. *Why:* a row of a large store is a wait for memory; many rows wait together.

use super::known::About;
use super::{Fold, PROFILES, State};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::BlockKey;
use crate::base::workers::Workers;
use crate::identity::{Namespace, PublicId, is_identity};
use crate::profile::GoldenRow;
use crate::record::{Decoded, Kind, RowError};
use std::sync::Arc;

/// Fewer rows than these are folded as quickly without.
const TOGETHER: usize = 8;
/// About how many nanoseconds it takes to find an identifier in files of gigabytes, and to read a profile.
const NODE_NANOS: u64 = 1_500;
const PROFILE_NANOS: u64 = 2_000;

/// Columns of profiles before the first trait: golden rows and what they began with.
const TRAITS: u32 = 16;

/// Which blocks are read first: what joins, splits and each look at a profile need, then events, then the rest.
fn rank(key: BlockKey) -> u8 {
    match key {
        _ if is_identity(key) => 0,
        _ if key.space == PROFILES.space && key.field < TRAITS => 0,
        _ if key.space == PROFILES.space => 2,
        _ => 1,
    }
}

impl State {
    /// Reads blocks of files and holds them against their checksums, those first that most looks at single rows need,
    /// up to so many bytes; gives how many it read.
    ///
    /// # Errors
    /// `Corrupt` when one does not hold.
    pub fn read_ahead(&self, most: u64) -> Result<u64> {
        let mut read = 0;
        for wanted in 0..=2 {
            for part in self.parts.iter().filter(|part| part.digest().is_some()) {
                for key in part.keys().filter(|key| rank(*key) == wanted) {
                    if read >= most {
                        return Ok(read);
                    }
                    read += part.block(key)?.map_or(0, |block| block.len() as u64);
                }
            }
        }
        Ok(read)
    }
}

impl Fold {
    /// Looks up the identifiers that the rows of a batch name, and the profiles that may be joined, split or told of:
    /// before the batch is folded, by several threads where it is large.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn look_ahead(
        &mut self,
        rows: &[std::result::Result<Decoded, RowError>],
        workers: &Workers,
    ) -> Result<()> {
        if rows.len() < TOGETHER {
            return Ok(());
        }
        let salt = self.state.salt;
        let mut named: Vec<(Namespace, PublicId)> = Vec::with_capacity(rows.len() * 2);
        // Whether the profile is changed beside what it did.
        let mut concerned: Vec<bool> = Vec::with_capacity(rows.len() * 2);
        for record in rows.iter().flatten() {
            let events = matches!(record.kind, Kind::Track(_)) && record.identifiers.len() < 2;
            for (namespace, received) in record.named() {
                let Some(number) = self.state.catalog.find_namespace(namespace) else { continue };
                let Some(value) = self.normal(number, received) else { continue };
                named.push((number, PublicId::of((namespace, &value), &salt)));
                concerned.push(!events);
            }
        }
        let parts = Arc::clone(&self.state.parts);
        let publics: Vec<PublicId> = named.iter().map(|(_, public)| *public).collect();
        let nodes = &self.open.nodes;
        let stored = |some: &[PublicId]| nodes.stored_together(&parts, some);
        let stored = workers.map(&publics, NODE_NANOS, stored)?;
        self.open.nodes.keep(stored);
        let mut labels: Vec<Ordinal> = Vec::new();
        for ((number, public), _) in named.into_iter().zip(concerned).filter(|(_, is)| *is) {
            let Some(node) = self.open.nodes.find(&parts, public)? else { continue };
            if let Some(time) = self.open.nodes.first_seen(node) {
                self.known.about(node, || Ok((number, time, public)))?;
            }
            labels.extend(self.open.nodes.label(&parts, node)?);
        }
        labels.sort_unstable();
        labels.dedup();
        let labels = self.open.profiles.unread(labels.into_iter());
        let (nodes, profiles) = (&self.open.nodes, &self.open.profiles);
        // What names a profile decides what it is called when it is joined.
        let rows = |some: &[Ordinal]| {
            let rows = profiles.stored_together(&parts, PROFILES, some)?;
            rows.iter().flat_map(|row| &row.members).for_each(|node| nodes.bring_near(*node));
            let name = |row: &GoldenRow| row.name.map(|n| Ok((n, nodes.about(&parts, n)?)));
            let names = rows.iter().map(|row| name(row).transpose()).collect::<Result<Vec<_>>>()?;
            Ok(rows.into_iter().zip(names).collect())
        };
        let rows: Vec<(GoldenRow, Option<(NodeId, About)>)> =
            workers.map(&labels, PROFILE_NANOS, rows)?;
        let (rows, names): (Vec<GoldenRow>, Vec<_>) = rows.into_iter().unzip();
        self.open.profiles.keep(labels.into_iter().zip(rows));
        for (name, about) in names.into_iter().flatten() {
            self.known.about(name, || Ok(about))?;
        }
        Ok(())
    }
}
