//! Disks that tests make, byte by byte.

use std::sync::Arc;

use super::examine::examine_disk;
use super::{DiskFormat, FlawKind, ReadAt, guest};

pub(super) const MIB: usize = 1 << 20;

/// A file to be.
#[derive(Clone)]
pub(super) struct DiskImage {
    pub(super) bytes: Vec<u8>,
    pub(super) format: DiskFormat,
    /// Computes checksums anew.
    pub(super) update_checksums: fn(&mut [u8]),
}

impl DiskImage {
    pub(super) fn new(len: usize, format: DiskFormat, update_checksums: fn(&mut [u8])) -> Self {
        Self { bytes: vec![0; len], format, update_checksums }
    }

    pub(super) fn put(mut self, at: usize, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(super) fn with_checksums(mut self) -> Self {
        (self.update_checksums)(&mut self.bytes);
        self
    }

    pub(super) fn truncated(mut self, len: usize) -> Self {
        self.bytes.truncate(len);
        self
    }

    pub(super) fn open_guest(&self) -> Result<Box<dyn ReadAt>, String> {
        let file: Arc<dyn ReadAt> = Arc::new(self.bytes.clone());
        guest::open(file, self.format).map_err(|error| error.to_string())
    }

    pub(super) fn read_guest(&self, at: u64, len: usize) -> Result<Vec<u8>, String> {
        let mut space = vec![0xee; len];
        let read = self.open_guest()?.read_exact_at(&mut space, at);
        read.map(|()| space).map_err(|error| error.to_string())
    }
}

/// The flaw of differencing disks.
pub(super) const PARENT: &str = "what is not in it is in another disk, its parent";

/// Checks that a disk has this one flaw, and that it is the error of opening it.
pub(super) fn assert_refused(image: &DiskImage, kind: FlawKind, detail: &str) {
    let info = examine_disk(&image.bytes).unwrap();
    let flaws = info.flaws.iter().filter(|flaw| flaw.kind != FlawKind::CdiOnly);
    let flaws: Vec<_> = flaws.map(|flaw| (flaw.kind, &flaw.detail[..])).collect();
    assert_eq!(flaws, [(kind, detail)]);
    assert_eq!(image.open_guest().err().as_deref(), Some(detail));
}
