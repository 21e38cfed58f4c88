//! Reading before it is asked for: files before the first look at them, and what a batch names before its rows are
//! folded one by one.
//!
//! *Invariant:* nothing depends on it. *Why:* a row of a large store is a wait for memory; many rows wait together.

use super::{Fold, PROFILES, State};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::part::BlockKey;
use crate::identity::{Namespace, PublicId, is_identity};
use crate::record::{Decoded, Kind, RowError};

/// Fewer rows than these are folded as quickly without.
const TOGETHER: usize = 8;

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
    /// Looks up the identifiers that the rows of a batch name, and the profiles that may be joined, split or told of.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn look_ahead(
        &mut self,
        rows: &[std::result::Result<Decoded, RowError>],
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
        let publics: Vec<PublicId> = named.iter().map(|(_, public)| *public).collect();
        let found = self.open.nodes.look_up_together(&self.state.parts, &publics)?;
        let mut labels: Vec<Ordinal> = Vec::new();
        for (((number, public), found), concerned) in named.into_iter().zip(found).zip(concerned) {
            let Some((node, time)) = found.filter(|_| concerned) else { continue };
            self.known.about(node, || Ok((number, time, public)))?;
            labels.extend(self.open.nodes.label(&self.state.parts, node)?);
        }
        labels.sort_unstable();
        labels.dedup();
        self.open.profiles.fetch_together(&self.state.parts, PROFILES, &labels)?;
        let names = labels
            .into_iter()
            .map(|label| self.open.profiles.name(&self.state.parts, PROFILES, label));
        let names: Vec<Option<NodeId>> = names.collect::<Result<_>>()?;
        for name in names.into_iter().flatten() {
            self.known.about(name, || self.open.nodes.about(&self.state.parts, name))?;
        }
        Ok(())
    }
}
