//! The *locks* of a layout. A build holds a shared lock of the blobs until the index lists them; the
//! collection of garbage locks them alone. The index has a lock of its own, for the moment in which
//! it is replaced. The lock of the blobs is taken first.

use std::fs::File;

use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::oci::error::StorageError;

/// What happens if a build writes to the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusyLayout {
    /// Wait until the build ends.
    Wait,
    /// Do nothing.
    Skip,
}

/// A lock of the blobs of a layout, until it is dropped.
#[derive(Debug)]
pub(super) struct BlobsLock {
    _dir: File,
}

impl BlobsLock {
    /// Takes a lock that several builds can hold. That it cannot be locked is ignored, since not all
    /// file systems can lock directories; [`exclusive`](Self::exclusive) fails there. `path` is the path
    /// of the layout in messages.
    pub(super) fn shared(blobs: &Dir, path: &str) -> Result<Self, StorageError> {
        let dir = Self::open(blobs, path)?;
        flock(&dir, FlockOperation::LockShared).unwrap_or_default();
        Ok(Self { _dir: dir })
    }

    /// Takes a lock that excludes builds; none if one is running that is not to be waited for.
    pub(super) fn exclusive(
        blobs: &Dir,
        path: &str,
        busy: BusyLayout,
    ) -> Result<Option<Self>, StorageError> {
        let dir = Self::open(blobs, path)?;
        let operation = match busy {
            BusyLayout::Wait => FlockOperation::LockExclusive,
            BusyLayout::Skip => FlockOperation::NonBlockingLockExclusive,
        };
        match flock(&dir, operation) {
            Ok(()) => Ok(Some(Self { _dir: dir })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(StorageError::io("lock", path)(error.into())),
        }
    }

    fn open(blobs: &Dir, path: &str) -> Result<File, StorageError> {
        Ok(blobs.open(".").map_err(StorageError::io("lock", path))?.into_std())
    }
}

/// The lock of a layout's index, until it is dropped.
#[derive(Debug)]
pub(super) struct IndexLock {
    _file: File,
}

impl IndexLock {
    /// Takes the lock of the layout in a directory. `path` is its path in messages.
    pub(super) fn take(layout: &Dir, path: &str) -> Result<Self, StorageError> {
        let lock = || {
            // This is the only file of a layout that is never replaced.
            let options = OpenOptions::new().read(true).write(true).clone();
            let file = layout.open_with("oci-layout", &options)?.into_std();
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(Self { _file: file })
        };
        lock().map_err(StorageError::io("lock", path))
    }
}
