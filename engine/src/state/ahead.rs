//! Reading files before anybody asks: what a first look at a row waits for is done by then.

use super::{PROFILES, State};
use crate::base::error::Result;
use crate::base::part::BlockKey;
use crate::identity::is_identity;

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
