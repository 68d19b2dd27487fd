//! What every target for disks does with its bytes: it looks at them as a whole file, and as the
//! beginning of a longer one. Nothing outside is read, nothing panics, no more than 16 MiB are
//! allocated; that it takes no longer than a second is for `-timeout=1`.

use std::alloc::System;
use std::io;

use cap::Cap;
use diskette_builder::disk::{Extent, DiskInfo, ReadAt, DiskStart, examine_disk};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// How much may be allocated at a time, in bytes.
const MEMORY: usize = 16 << 20;

/// How much longer files are than what is known of them, in bytes.
const MORE: u64 = 1 << 40;

/// Bytes of which nothing outside is asked for.
struct Watched<'a>(&'a [u8]);

impl ReadAt for Watched<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64).expect("a place in the file");
        assert!(end <= self.len(), "{} bytes at {at}", space.len());
        self.0.read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        assert!(at < self.len(), "what is at {at}");
        self.0.extent(at)
    }
}

/// Looks at bytes; `magic` is what their format begins with, at some places, which no fuzzer finds.
pub fn check(bytes: &[u8], magic: &[(usize, &[u8])]) {
    let mut bytes = bytes.to_vec();
    for &(at, part) in magic {
        if let Some(place) = bytes.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + MEMORY).expect("more memory");
    let whole = examine_disk(&Watched(&bytes)).expect("what is there can be read");
    let start = examine_disk(&DiskStart { bytes: &bytes, len: bytes.len() as u64 + MORE });
    ALLOCATOR.set_limit(usize::MAX).expect("all memory");
    tell(&whole);
    // A beginning that is shorter than what QEMU probes is none.
    if let Ok(start) = start {
        tell(&start);
    }
}

fn tell(info: &DiskInfo) {
    for flaw in &info.flaws {
        assert!(!flaw.detail.is_empty() && !flaw.detail.contains('\n'), "{flaw:?}");
    }
}
