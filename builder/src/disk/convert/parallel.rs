//! *Parallel* work on batches, ahead of their consumer: some batches at a time, on the threads that
//! compress layers, too. Results are returned in the order of the batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::ThreadPool;

use super::ConvertError;

/// Work on a batch.
type BatchWork<B, T> = dyn Fn(B) -> Result<T, ConvertError> + Send + Sync;

/// The results of batches, in order.
pub(super) struct OrderedParallelMap<B, T> {
    batches: Box<dyn Iterator<Item = B> + Send>,
    work: Arc<BatchWork<B, T>>,
    pool: Arc<ThreadPool>,
    pending: VecDeque<Receiver<Result<T, ConvertError>>>,
}

impl<B: Send + 'static, T: Send + 'static> OrderedParallelMap<B, T> {
    pub(super) fn new(
        batches: impl Iterator<Item = B> + Send + 'static,
        work: impl Fn(B) -> Result<T, ConvertError> + Send + Sync + 'static,
        pool: &Arc<ThreadPool>,
    ) -> Self {
        let (batches, work) = (Box::new(batches), Arc::new(work));
        Self { batches, work, pool: Arc::clone(pool), pending: VecDeque::new() }
    }

    /// Returns the number of batches in progress: one in each thread, one waiting for it, and one that
    /// is being consumed.
    fn queue_depth(&self) -> usize {
        2 * self.pool.current_num_threads() + 1
    }

    fn start_batch(&mut self, batch: B) {
        let (done, pending) = sync_channel(1);
        let work = Arc::clone(&self.work);
        // The receiver is gone if an earlier batch has failed.
        self.pool.spawn_fifo(move || drop(done.send(work(batch))));
        self.pending.push_back(pending);
    }
}

impl<B: Send + 'static, T: Send + 'static> Iterator for OrderedParallelMap<B, T> {
    type Item = Result<T, ConvertError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.pending.len() < self.queue_depth() {
            let Some(batch) = self.batches.next() else { break };
            self.start_batch(batch);
        }
        let first = self.pending.pop_front()?;
        Some(first.recv().unwrap_or(Err(ConvertError::Worker)))
    }
}
