//! Threads that questions and large batches borrow: parked until one has enough work for several.

use super::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A question with less work than this, in nanoseconds, is answered by the thread that asks: waking others takes some
/// ten thousand.
const ENOUGH: u64 = 150_000;

/// Items with less work than this, in nanoseconds, are not shared out: a writer shares its processor with threads that
/// merge, and waits for the slowest.
const MANY: u64 = 500_000;

/// Shares of items that each thread takes, about.
const SHARES: usize = 2;

/// The threads that questions may borrow.
#[derive(Debug, Clone, Default)]
pub struct Workers(Option<Arc<rayon::ThreadPool>>);

impl Workers {
    /// So many threads for a question, the one that asks among them; with fewer than two none is started.
    ///
    /// # Errors
    /// `Limit` when the system gives none.
    pub fn new(threads: usize) -> Result<Workers> {
        if threads < 2 {
            return Ok(Workers(None));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads - 1)
            .thread_name(|number| format!("nave-question-{number}"))
            .build();
        let none = |e| Error::limit(format!("the system gives no threads for questions: {e}"));
        pool.map(|pool| Workers(Some(Arc::new(pool)))).map_err(none)
    }

    /// How many threads do work that is shared.
    pub fn threads(&self) -> usize {
        self.0.as_ref().map_or(1, |pool| pool.current_num_threads() + 1)
    }

    /// Whether work of so many nanoseconds is worth waking others.
    pub fn are_worth(&self, weight: u64) -> bool {
        self.0.is_some() && weight >= ENOUGH
    }

    /// What comes of items, in their order, each of which takes about so many nanoseconds: by several threads, some
    /// items at a time, where that is worth it.
    ///
    /// # Errors
    /// What one of them fails with.
    pub fn map<I: Sync, T: Send>(
        &self,
        items: &[I],
        nanos: u64,
        come_of: impl Fn(&[I]) -> Result<Vec<T>> + Sync,
    ) -> Result<Vec<T>> {
        let weight = items.len() as u64 * nanos;
        if weight < MANY || !self.are_worth(weight) {
            return come_of(items);
        }
        let share = items.len().div_ceil(self.threads() * SHARES);
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Vec<T>)>> {
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(some) = items.chunks(share).nth(number) else { return Ok(made) };
                made.push((number, come_of(some)?));
            }
        };
        let mut made = Vec::new();
        for some in self.share(work) {
            made.extend(some?);
        }
        made.sort_unstable_by_key(|(number, _)| *number);
        Ok(made.into_iter().flat_map(|(_, some)| some).collect())
    }

    /// Does work in as many shares as there are threads, and gives what each came to.
    pub fn share<T: Send>(&self, work: impl Fn() -> T + Sync) -> Vec<T> {
        let Some(pool) = &self.0 else { return vec![work()] };
        let mut others: Vec<Option<T>> = (0..pool.current_num_threads()).map(|_| None).collect();
        let mut own = None;
        pool.in_place_scope(|scope| {
            for place in &mut others {
                let work = &work;
                scope.spawn(move |_| *place = Some(work()));
            }
            own = Some(work());
        });
        own.into_iter().chain(others.into_iter().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_threads_make_of_items_comes_in_their_order() {
        for threads in 1..4 {
            let workers = Workers::new(threads).unwrap();
            for count in [0, 1, 2, 7, 1000_usize] {
                let items: Vec<usize> = (0..count).collect();
                let twice = |some: &[usize]| Ok(some.iter().map(|item| item * 2).collect());
                let made = workers.map(&items, MANY, twice).unwrap();
                assert!(made.into_iter().eq((0..count).map(|item| item * 2)));
                let bad = |some: &[usize]| match some.contains(&5) {
                    true => Err(Error::invalid("five")),
                    false => Ok(some.to_vec()),
                };
                assert_eq!(workers.map(&items, MANY, bad).is_err(), count > 5);
            }
        }
    }
}
