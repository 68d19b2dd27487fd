//! Runs the same work on many items *in parallel*, on a bounded number of threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Calls `work` with the number of every item and the item, on up to `width` threads, the calling
/// one among them. Returns the results in the order of the items.
///
/// Items are started in order. After an error no further item is started, and those that were are
/// waited for. Of several errors that of the first item is returned, so that the result does not
/// depend on timing. Work that can be cancelled returns an error when it is.
pub(crate) fn in_parallel<T: Sync, R: Send, E: Send>(
    items: &[T],
    width: usize,
    work: impl Fn(usize, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let results: Vec<Mutex<Option<Result<R, E>>>> =
        items.iter().map(|_| Mutex::default()).collect();
    let run = || {
        while !has_failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return };
            let result = work(number, item);
            if result.is_err() {
                has_failed.store(true, Ordering::Relaxed);
            }
            *results[number].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (1..width.min(items.len())).map(|_| scope.spawn(run)).collect();
        run();
        drop(threads);
    });
    let results = results.into_iter();
    // Items that were not started come after an error only.
    results
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        for width in [0, 1, 3, 200] {
            let doubled = in_parallel(&items, width, |number, item| {
                assert_eq!(number, *item);
                Ok::<_, ()>(2 * item)
            });
            assert_eq!(doubled, Ok(items.iter().map(|item| 2 * item).collect()), "{width}");
        }
        assert_eq!(in_parallel(&[0; 0], 4, |_, _| Ok::<_, ()>(())), Ok(vec![]));
    }

    #[test]
    fn as_many_items_are_worked_on_as_wanted_and_no_more() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // Nobody passes it before three are there.
        let barrier = Barrier::new(3);
        let worked = in_parallel(&[(); 30], 3, |_, ()| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ()>(())
        });
        assert_eq!(worked.map(|done| done.len()), Ok(30));
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn an_error_stops_it_and_the_first_item_counts() {
        let begun = AtomicUsize::new(0);
        let failed = in_parallel(&[(); 100], 1, |number, ()| {
            begun.fetch_add(1, Ordering::SeqCst);
            if number == 7 { Err(number) } else { Ok(()) }
        });
        assert_eq!((failed.map(drop), begun.into_inner()), (Err(7), 8));
        // The second fails first.
        let (first, second) = (Barrier::new(2), AtomicBool::new(false));
        let failed = in_parallel(&[(); 100], 2, |number, ()| {
            match number {
                0 => {
                    first.wait();
                    while !second.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                }
                1 => {
                    first.wait();
                    second.store(true, Ordering::SeqCst);
                }
                _ => {}
            }
            Err::<(), _>(number)
        });
        assert_eq!(failed.map(drop), Err(0));
    }
}
