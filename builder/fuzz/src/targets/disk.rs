//! What every target for disks does with its bytes: it looks at them as a whole file, and as the
//! beginning of a longer one. Nothing outside is read, nothing panics, no more than 16 MiB are
//! allocated.

use std::io;

use diskette_builder::disk::{DiskInfo, DiskStart, Extent, ReadAt, examine_disk};

use crate::with_memory;

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
pub(super) fn check(bytes: &[u8], magic: &[(usize, &[u8])]) {
    let mut bytes = bytes.to_vec();
    for &(at, part) in magic {
        if let Some(place) = bytes.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }
    let (whole, start) = with_memory(MEMORY, || {
        let whole = examine_disk(&Watched(&bytes)).expect("what is there can be read");
        (whole, examine_disk(&DiskStart { bytes: &bytes, len: bytes.len() as u64 + MORE }))
    });
    check_flaws(&whole);
    // A beginning that is shorter than what QEMU probes is none.
    if let Ok(start) = start {
        check_flaws(&start);
    }
}

fn check_flaws(info: &DiskInfo) {
    for flaw in &info.flaws {
        assert!(!flaw.detail.is_empty() && !flaw.detail.contains('\n'), "{flaw:?}");
    }
}

/// Any bytes are looked at as a LUKS volume.
pub fn luks(bytes: &[u8]) {
    check(bytes, &[(0, b"LUKS\xba\xbe\0\x01")]);
}

/// Any bytes are looked at as Parallels' format.
pub fn parallels(bytes: &[u8]) {
    check(bytes, &[(0, b"WithouFreSpacExt\x02\0\0\0")]);
}

/// Any bytes are looked at as qcow, version 1.
pub fn qcow(bytes: &[u8]) {
    check(bytes, &[(0, b"QFI\xfb\0\0\0\x01")]);
}

/// Any bytes are looked at as qcow2.
pub fn qcow2(bytes: &[u8]) {
    check(bytes, &[(0, b"QFI\xfb\0\0\0")]);
}

/// Any bytes are looked at as QED.
pub fn qed(bytes: &[u8]) {
    check(bytes, &[(0, b"QED\0")]);
}

/// Any bytes are looked at as whatever they are.
pub fn raw(bytes: &[u8]) {
    check(bytes, &[]);
}

/// Any bytes are looked at as VDI.
pub fn vdi(bytes: &[u8]) {
    check(bytes, &[(0x40, b"\x7f\x10\xda\xbe")]);
}

/// Any bytes are looked at as VHD.
pub fn vhd(bytes: &[u8]) {
    check(bytes, &[(0, b"conectix")]);
}

/// Any bytes are looked at as VHDX.
pub fn vhdx(bytes: &[u8]) {
    check(bytes, &[(0, b"vhdxfile")]);
}

/// Any bytes are looked at as VMDK.
pub fn vmdk(bytes: &[u8]) {
    check(bytes, &[(0, b"KDMV")]);
}

/// Any bytes are looked at as the text that describes a VMDK disk.
pub fn vmdk_descriptor(bytes: &[u8]) {
    check(bytes, &[(0, b"# Disk DescriptorFile\nversion=1\n")]);
}
