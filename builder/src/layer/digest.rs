//! A *digester* computes a SHA-256 on a thread of its own, so that hashing is on no other thread's
//! path: of a build of incompressible data, hashing twice is most of the work.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use sha2::{Digest as _, Sha256};

use crate::image::digest::Digest;

/// Something with bytes to hash, perhaps in several pieces.
pub(crate) trait Pieces: Send {
    /// Calls `each` with every piece in order.
    fn for_each(&self, each: &mut dyn FnMut(&[u8]));
}

/// A running hash of all that is sent to it.
pub(crate) struct Digester<'scope, T> {
    sender: SyncSender<T>,
    thread: ScopedJoinHandle<'scope, (Digest, u64)>,
}

impl<'scope, T: Pieces + 'scope> Digester<'scope, T> {
    /// Starts a thread that at most `depth` items wait for.
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, depth: usize) -> Self {
        let (sender, receiver) = sync_channel(depth);
        Self { sender, thread: scope.spawn(move || digest_all(&receiver)) }
    }

    /// Hashes one more item.
    pub(crate) fn update(&self, item: T) {
        // The thread only ends when this sender is gone.
        drop(self.sender.send(item));
    }

    /// Returns the digest of everything, and its length in bytes.
    pub(crate) fn finish(self) -> (Digest, u64) {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn digest_all<T: Pieces>(items: &Receiver<T>) -> (Digest, u64) {
    let mut hash = Sha256::new();
    let mut len = 0;
    for item in items {
        item.for_each(&mut |piece| {
            hash.update(piece);
            len += piece.len() as u64;
        });
    }
    (Digest::of(hash), len)
}
