//! What questions found out of a state that holds for the whole of it, so that the next one need not look again.
//!
//! *Invariants:* a clone is another state, and knows nothing yet; nor does a state that was changed. What is kept is
//! bounded. *What it does not know:* what it keeps.

use crate::base::error::Result;
use crate::base::sync::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// More than this is not kept: there are few fields of money, and few currencies.
const KEPT: usize = 1024;

/// What is known of a state, by what it is about.
#[derive(Default)]
pub struct Memo(Arc<Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>>);

impl Memo {
    /// The same of the same state, which somebody else asks.
    pub fn shared(&self) -> Memo {
        Memo(Arc::clone(&self.0))
    }

    /// What is known, or is found now. Two that come at once may both look for it.
    ///
    /// # Errors
    /// Those of finding it; they are not kept.
    pub fn known<T: Any + Send + Sync>(
        &self,
        about: String,
        find: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let known = self.0.lock().get(&about).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return Ok(known);
        }
        let found = Arc::new(find()?);
        let mut kept = self.0.lock();
        if kept.len() < KEPT {
            kept.insert(about, Arc::clone(&found) as Arc<dyn Any + Send + Sync>);
        }
        Ok(found)
    }
}

impl Clone for Memo {
    fn clone(&self) -> Memo {
        Memo::default()
    }
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;

    #[test]
    fn what_is_found_is_kept_and_a_clone_knows_nothing() {
        let memo = Memo::default();
        let ask = |memo: &Memo, answer: u32| *memo.known("x".into(), || Ok(answer)).unwrap();
        assert!(memo.known::<u32>("x".into(), || Err(Error::invalid("not now"))).is_err());
        assert_eq!((ask(&memo, 1), ask(&memo, 2)), (1, 1));
        assert_eq!(ask(&memo.clone(), 3), 3);
        assert_eq!(ask(&memo.shared(), 4), 1);
        for number in 0..2 * KEPT {
            memo.known(number.to_string(), || Ok(number)).unwrap();
        }
        assert_eq!(memo.0.lock().len(), KEPT);
    }
}
