//! A cache of the bytes that were used *recently*, by number.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pieces of bytes, for several threads; the one used last is in front.
#[derive(Default)]
pub(in crate::disk) struct RecentBytes(Mutex<Vec<(u64, Arc<[u8]>)>>);

impl RecentBytes {
    /// Returns a piece, if it is cached.
    pub(in crate::disk) fn get(&self, number: u64) -> Option<Arc<[u8]>> {
        let mut kept = self.lock();
        let index = kept.iter().position(|(kept, _)| *kept == number)?;
        kept.get_mut(..=index)?.rotate_right(1);
        kept.first().map(|(_, bytes)| Arc::clone(bytes))
    }

    /// Caches a piece; at most `count` pieces are kept in all.
    pub(in crate::disk) fn insert(&self, number: u64, bytes: Vec<u8>, count: usize) -> Arc<[u8]> {
        let bytes: Arc<[u8]> = bytes.into();
        let mut kept = self.lock();
        kept.truncate(count.saturating_sub(1));
        kept.insert(0, (number, Arc::clone(&bytes)));
        bytes
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Arc<[u8]>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
