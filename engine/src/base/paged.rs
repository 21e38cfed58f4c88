//! A list that is cheap to clone and to change after: clones share what neither changed.
//!
//! *What it is:* values behind pointers, gathered into pages behind pointers; a change copies one page and one value.
//! *Invariants:* a clone never changes by what happens to another. *What it does not know:* its values.

use std::sync::Arc;

/// Values of a page. A change copies so many pointers, and as many as there are pages.
const PAGE: usize = 32;

/// A list whose clones share pages.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    pages: Vec<Arc<Vec<Arc<T>>>>,
    len: usize,
}

impl<T> Default for Paged<T> {
    fn default() -> Paged<T> {
        Paged { pages: Vec::new(), len: 0 }
    }
}

impl<T> Paged<T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The value at a place.
    pub fn get(&self, place: usize) -> Option<&T> {
        self.pages.get(place / PAGE)?.get(place % PAGE).map(Arc::as_ref)
    }

    /// All values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter().map(Arc::as_ref))
    }
}

impl<T: Clone> Paged<T> {
    /// Puts a value at the end.
    pub fn push(&mut self, value: T) {
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Arc::default());
        }
        if let Some(page) = self.pages.last_mut() {
            Arc::make_mut(page).push(Arc::new(value));
            self.len += 1;
        }
    }

    /// The value at a place, to change it.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        let page = Arc::make_mut(self.pages.get_mut(place / PAGE)?);
        page.get_mut(place % PAGE).map(Arc::make_mut)
    }
}

impl<T: Clone> FromIterator<T> for Paged<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Paged<T> {
        let mut made = Paged::default();
        values.into_iter().for_each(|value| made.push(value));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;

    #[test]
    fn clones_stay_as_they_were() {
        let mut random = Rng(3);
        let (mut paged, mut plain) = (Paged::<u64>::default(), Vec::new());
        let mut kept = Vec::new();
        for step in 0..2000_u64 {
            if plain.is_empty() || random.below(3) == 0 {
                paged.push(step);
                plain.push(step);
            } else {
                let place = random.below(plain.len());
                *paged.get_mut(place).unwrap() = step;
                plain[place] = step;
            }
            if random.below(100) == 0 {
                kept.push((paged.clone(), plain.clone()));
            }
        }
        kept.push((paged, plain));
        for (paged, plain) in &kept {
            assert_eq!(paged.len(), plain.len());
            assert!(paged.iter().eq(plain.iter()));
            assert_eq!(paged.get(plain.len()), None);
            assert_eq!(paged.get(plain.len() / 2), plain.get(plain.len() / 2));
        }
    }
}
