//! Whether the rules leave room for a profile that evidence would make.

use super::people::Claimed;
use crate::base::error::Result;
use crate::identity::{Holding, Namespace, PublicId, Rules, barred};

/// A profile that evidence would make.
pub(super) struct Room<'r> {
    pub rules: &'r Rules,
    pub claimed: &'r Claimed,
    pub size: usize,
    /// Whether evidence that may not join two known profiles holds it together already.
    pub conditional: bool,
}

impl Room<'_> {
    /// Whether no rule stands against its members, of whom the rest is asked only where it matters.
    pub fn has(
        &self,
        members: impl Iterator<Item = Result<(Namespace, i64, PublicId)>>,
    ) -> Result<bool> {
        let Room { rules, claimed, size, conditional } = self;
        let (of_left, of_right) = claimed.namespaces;
        let caps = [rules.cap(of_left, of_right), rules.cap(of_right, of_left)];
        // Whom evidence that counts links to an identifier is in its profile.
        if caps.into_iter().flatten().any(|most| *size > most as usize) {
            return Ok(false);
        }
        let knowing = *conditional || barred(claimed.kind, claimed.source, rules).is_some();
        if !knowing && !rules.limit_anything() {
            return Ok(true);
        }
        let mut known = 0;
        let mut held = Holding::default();
        for about in members {
            let (namespace, first, _) = about?;
            known += usize::from(rules.unique(namespace));
            rules.held(namespace, first).into_iter().for_each(|one| held.add(one));
        }
        Ok(held.excess().is_none() && !(knowing && known > 1))
    }
}
