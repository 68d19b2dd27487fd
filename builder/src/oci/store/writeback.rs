//! *Writing back* while more is written: a blob is synced before it gets its name, and a gigabyte
//! that only then begins to move to the disk costs as much time as hashing it did.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

/// How much is written before the system is asked to move it, in bytes.
const SYNC_LEN: u64 = 16 << 20;

/// Syncs a file from time to time on a thread of its own.
#[derive(Debug)]
pub(super) struct Writeback {
    sender: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
    unsynced: u64,
}

impl Writeback {
    pub(super) fn start(file: File) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("writeback".into())
            .spawn(move || receiver.iter().try_for_each(|()| file.sync_data()))?;
        Ok(Self { sender, thread, unsynced: 0 })
    }

    /// Counts bytes that were written.
    pub(super) fn count_written(&mut self, len: usize) {
        self.unsynced += len as u64;
        if self.unsynced < SYNC_LEN {
            return;
        }
        match self.sender.try_send(()) {
            // One that waits already will do for these bytes too. A thread that failed says why in
            // the end.
            Ok(()) | Err(TrySendError::Disconnected(())) => self.unsynced = 0,
            Err(TrySendError::Full(())) => {}
        }
    }

    /// Waits for the thread; the rest is left to a last sync.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
