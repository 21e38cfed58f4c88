//! Work in pieces, by as many threads as the caller asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `count` pieces of work, and gives their results in the order of the pieces, whatever the number of threads.
/// `begin` makes what one thread keeps between its pieces. One thread is the caller's own.
pub(super) fn in_pieces<S, T: Send>(
    threads: usize,
    count: usize,
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    if threads < 2 || count < 2 {
        let mut state = begin();
        return (0..count).map(|piece| work(&mut state, piece)).collect();
    }
    let next = AtomicUsize::new(0);
    let one = || {
        let mut state = begin();
        let mut done = Vec::new();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= count {
                return done;
            }
            done.push((piece, work(&mut state, piece)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let running: Vec<_> = (1..threads.min(count)).map(|_| scope.spawn(one)).collect();
        let mut all = one();
        for thread in running {
            match thread.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(piece, _)| *piece);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_pieces() {
        for threads in [0, 1, 2, 5] {
            let squares = in_pieces(threads, 100, || (), |(), piece| piece * piece);
            assert_eq!(squares, (0..100).map(|piece| piece * piece).collect::<Vec<_>>());
        }
        assert!(in_pieces(3, 0, || (), |(), piece| piece).is_empty());
    }
}
