//! *Writeback* syncs a file to disk while more of it is written. A file has to be synced before it
//! is renamed; to sync a gigabyte only then takes as long as hashing it.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

/// Number of bytes that are written before the next sync.
const SYNC_LEN: u64 = 16 << 20;

/// Syncs a file from time to time, on a separate thread.
#[derive(Debug)]
pub(crate) struct Writeback {
    sender: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
    unsynced: u64,
}

impl Writeback {
    pub(crate) fn start(file: File) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("writeback".into())
            .spawn(move || receiver.iter().try_for_each(|()| file.sync_data()))?;
        Ok(Self { sender, thread, unsynced: 0 })
    }

    /// Counts bytes that were written.
    pub(crate) fn count_written(&mut self, len: usize) {
        self.unsynced += len as u64;
        if self.unsynced < SYNC_LEN {
            return;
        }
        match self.sender.try_send(()) {
            // A sync that has been requested includes these bytes. If the thread has failed,
            // `finish` returns its error.
            Ok(()) | Err(TrySendError::Disconnected(())) => self.unsynced = 0,
            Err(TrySendError::Full(())) => {}
        }
    }

    /// Waits for the thread. The caller syncs the rest.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
