//! Audiences as they were parsed, by their text: a question that is asked again is not parsed again.
//!
//! *What it is:* two generations of plans. What is asked for is young; when the young ones are too many, they become
//! the old ones, and the old ones that nobody asked for since are forgotten. *Invariants:* what is kept stays below its
//! limits; a text is parsed to the same question whatever is kept; nothing here depends on a state.

use crate::audience::{Question, parse};
use crate::base::error::Result;
use crate::base::limits::{PLAN_TEXT_BYTES_MAX, PLANS_MAX};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

type Generation = HashMap<Arc<str>, Arc<Question>>;

/// Parsed audiences, shared by all views of a store.
#[derive(Default)]
pub(super) struct Plans {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    young: Generation,
    old: Generation,
    /// Bytes of the texts of the young ones.
    bytes: usize,
}

impl Plans {
    /// The question of a text.
    ///
    /// # Errors
    /// As `parse`; what is not understood is not kept.
    pub(super) fn get(&self, text: &str) -> Result<Arc<Question>> {
        if let Some(known) = self.kept.lock().find(text) {
            return Ok(known);
        }
        let question = Arc::new(parse(text)?);
        self.kept.lock().keep(Arc::from(text), Arc::clone(&question));
        Ok(question)
    }
}

impl Kept {
    fn find(&mut self, text: &str) -> Option<Arc<Question>> {
        if let Some(known) = self.young.get(text) {
            return Some(Arc::clone(known));
        }
        let (text, known) = self.old.remove_entry(text)?;
        self.keep(text, Arc::clone(&known));
        Some(known)
    }

    fn keep(&mut self, text: Arc<str>, question: Arc<Question>) {
        let bytes = self.bytes + text.len();
        if self.young.len() >= PLANS_MAX / 2 || bytes > PLAN_TEXT_BYTES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if self.young.insert(Arc::clone(&text), question).is_none() {
            self.bytes += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_again_is_kept_and_the_rest_forgotten() {
        let plans = Plans::default();
        let first = plans.get("p.a = 0").unwrap();
        for number in 1..PLANS_MAX * 3 {
            let text = format!("p.a = {number}");
            let question = plans.get(&text).unwrap();
            assert!(Arc::ptr_eq(&question, &plans.get(&text).unwrap()), "{text}");
            assert!(Arc::ptr_eq(&first, &plans.get("p.a = 0").unwrap()), "asked at {number}");
            let kept = plans.kept.lock();
            assert!(kept.young.len() + kept.old.len() <= PLANS_MAX);
        }
        assert!(plans.kept.lock().find("p.a = 1").is_none());
        assert!(plans.get("p.a =").is_err() && plans.get("p.a =").is_err());
    }

    #[test]
    fn long_texts_are_kept_within_their_bytes() {
        let plans = Plans::default();
        for number in 0..200 {
            let list = vec![number.to_string(); 9000].join(",");
            plans.get(&format!("p.a IN ({list})")).unwrap();
            let kept = plans.kept.lock();
            let bytes = |of: &Generation| of.keys().map(|text| text.len()).sum::<usize>();
            assert_eq!(bytes(&kept.young), kept.bytes);
            assert!(bytes(&kept.young) + bytes(&kept.old) <= PLAN_TEXT_BYTES_MAX);
        }
    }
}
