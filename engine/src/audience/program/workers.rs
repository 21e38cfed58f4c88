//! Threads that questions borrow: parked until one has enough work for several.

use crate::base::error::{Error, Result};

/// A question with less work than this, in nanoseconds, is answered by the thread that asks: waking others takes some
/// ten thousand.
const ENOUGH: u64 = 150_000;

/// The threads that questions may borrow.
#[derive(Debug, Default)]
pub struct Workers(Option<rayon::ThreadPool>);

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
        pool.map(|pool| Workers(Some(pool))).map_err(none)
    }

    /// How many threads do work that is shared.
    pub fn threads(&self) -> usize {
        self.0.as_ref().map_or(1, |pool| pool.current_num_threads() + 1)
    }

    /// Whether work of so many nanoseconds is worth waking others.
    pub fn are_worth(&self, weight: u64) -> bool {
        self.0.is_some() && weight >= ENOUGH
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
