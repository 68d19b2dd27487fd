//! *Raw* files: the disk itself, so that what is in it tells whether it is one.

use std::io;

use crate::disk::bytes::{Fault, le16, le32, padded, part};
use crate::disk::{ExtentKind, Flaw, FlawKind, Format, Info, ReadAt};

/// How much is read to find a byte that is not zero, in bytes.
const BLANK_MAX: u64 = 16 << 20;
const STEP: usize = 16 << 10;

/// How many stretches of a file are asked for.
const EXTENTS_MAX: usize = 1 << 16;

/// Padding behind an ISO 9660 file system that nobody misses when it is cut off, in bytes.
const ISO_PADDING: u64 = 1 << 20;

/// Looks at a raw file.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut Info) -> Result<(), Fault> {
    if is_blank(bytes)? {
        let detail = match bytes.len() {
            0 => "it is empty".into(),
            len => format!("all of its {len} bytes are zero"),
        };
        return Err(Flaw { kind: FlawKind::Blank, detail }.into());
    }
    if info.format == Format::Iso {
        return iso(bytes);
    }
    let start: [u8; 512] = padded(bytes, 0)?;
    match no_disk(&start) {
        Some(what) => {
            let detail = format!("it is {what}, and no disk");
            Err(Flaw { kind: FlawKind::Unsupported, detail }.into())
        }
        None => Ok(()),
    }
}

/// Tells whether there is nothing but zeros. A file that is too long to be read here, and of which
/// nobody says where it is empty, is not called blank.
fn is_blank(bytes: &dyn ReadAt) -> io::Result<bool> {
    let (mut at, mut left) = (0, BLANK_MAX);
    let mut space = vec![0; STEP];
    for _ in 0..EXTENTS_MAX {
        if at >= bytes.len() {
            return Ok(true);
        }
        let extent = bytes.extent(at)?;
        let len = match extent.kind {
            ExtentKind::Zero => extent.len,
            ExtentKind::Data => extent.len.min(STEP as u64).min(bytes.len() - at),
        };
        if extent.kind == ExtentKind::Data {
            let space = &mut space[..usize::try_from(len).unwrap_or(STEP)];
            match bytes.read_exact_at(space, at) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(error),
            }
            if len > left || space.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            left -= len;
        }
        if len == 0 {
            return Ok(false);
        }
        at = at.saturating_add(len);
    }
    Ok(false)
}

/// Checks that all of an ISO 9660 file system is there: its primary volume descriptor tells how many
/// blocks it has, and how long one is (ECMA-119, 8.4.8 and 8.4.12).
fn iso(bytes: &dyn ReadAt) -> Result<(), Fault> {
    let descriptor: [u8; 132] = part(bytes, 0x8000, "its volume descriptor")?;
    if descriptor[0] != 1 {
        return Ok(());
    }
    let len = u64::from(le32(&descriptor, 80)) * u64::from(le16(&descriptor, 128));
    if len <= bytes.len().saturating_add(ISO_PADDING) {
        return Ok(());
    }
    let detail = format!(
        "it ends after {} bytes, and its file system has {len}: was a download cut off?",
        bytes.len()
    );
    Err(Flaw { kind: FlawKind::Truncated, detail }.into())
}

/// How files begin that are taken for disks by mistake.
const OTHERS: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x04\x22\x4d\x18", "packed with lz4"),
    (b"\x5d\0\0", "packed with lzma"),
    (b"version https://git-lfs", "a pointer of Git LFS to a file"),
    (b"\x7fELF", "a program"),
];

/// Returns what a file is that was taken for a disk by mistake.
fn no_disk(start: &[u8]) -> Option<&'static str> {
    if start.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        return Some("a tar archive (an OVA is one)");
    }
    let trimmed = start.trim_ascii_start();
    let is_page = ["<!doctype html", "<html"].iter().any(|page| {
        let text = trimmed.get(..page.len());
        text.is_some_and(|text| text.eq_ignore_ascii_case(page.as_bytes()))
    });
    if is_page {
        return Some("a web page");
    }
    OTHERS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| *what)
}
