//! The *content* of a raw file, which shows whether it is a disk.

use std::io;

use super::iso;
use crate::disk::bytes::read_padded;
use crate::disk::sector::SECTOR;
use crate::disk::{DiskFormat, DiskInfo, ExtentKind, Fault, Flaw, FlawKind, ReadAt, is_zero};

/// Maximum number of bytes that are read to find one that is not zero.
const BLANK_MAX: u64 = 16 << 20;
const STEP: usize = 16 << 10;

/// Maximum number of extents of a file that are queried.
const EXTENTS_MAX: usize = 1 << 16;

/// Examines a raw file.
pub(in crate::disk) fn examine(bytes: &dyn ReadAt, info: &mut DiskInfo) -> Result<(), Fault> {
    if is_blank(bytes)? {
        let detail = match bytes.len() {
            0 => "it is empty".to_owned(),
            len => format!("all of its {len} bytes are zero"),
        };
        return Err(Fault::new(FlawKind::Blank, detail));
    }
    if info.format == DiskFormat::Iso {
        return iso::check_end(bytes);
    }
    let start: [u8; SECTOR] = read_padded(bytes, 0)?;
    recognize_other_file(&start).map_or(Ok(()), |file| {
        let detail = format!("it is {}, and no disk", file.noun);
        Err(Flaw::new(FlawKind::Unsupported, detail).with_remedy(file.remedy).into())
    })
}

/// Returns whether a file has only zeros. A file that is too long to be read here, and whose holes
/// are not known, is not called blank.
pub(in crate::disk) fn is_blank(bytes: &dyn ReadAt) -> io::Result<bool> {
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
            if len > left || !is_zero(space) {
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

/// A kind of file that is given as a disk by mistake.
#[derive(Clone, Copy)]
pub(in crate::disk) struct OtherFile {
    /// What it is, as a noun.
    pub(in crate::disk) noun: &'static str,
    /// How to come by the disk.
    remedy: &'static str,
}

impl OtherFile {
    const fn new(noun: &'static str, remedy: &'static str) -> Self {
        Self { noun, remedy }
    }
}

const TAR: OtherFile = OtherFile::new(
    "a tar archive (an OVA is one)",
    "unpack it with `tar -xf DISK`, and name the disk in it",
);
const PAGE: OtherFile = OtherFile::new(
    "a web page",
    "download the disk again: a server sent a page in its place, to log in or to choose, or an error",
);

/// Beginnings of files that are given as disks by mistake.
const OTHERS: [(&[u8], OtherFile); 7] = [
    (
        b"PK\x03\x04",
        OtherFile::new("a zip archive", "unpack it with `unzip DISK`, and name the disk in it"),
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        OtherFile::new("a 7z archive", "unpack it with `7z x DISK`, and name the disk in it"),
    ),
    (
        b"Rar!\x1a\x07",
        OtherFile::new("a rar archive", "unpack it with `unrar x DISK`, and name the disk in it"),
    ),
    (
        b"\x04\x22\x4d\x18",
        OtherFile::new(
            "compressed with lz4",
            "unpack it with `lz4 -dc DISK >NEW`, and name the result",
        ),
    ),
    (
        b"\x5d\0\0",
        OtherFile::new(
            "compressed with lzma",
            "unpack it with `xz --format=lzma -dc DISK >NEW`, and name the result",
        ),
    ),
    (
        b"version https://git-lfs",
        OtherFile::new(
            "a pointer of Git LFS to a file",
            "fetch the file that it stands for with `git lfs pull`",
        ),
    ),
    (b"\x7fELF", OtherFile::new("a program", "name the file of the disk")),
];

/// Returns what a file is that was given as a disk by mistake.
pub(in crate::disk) fn recognize_other_file(start: &[u8]) -> Option<OtherFile> {
    if start.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        return Some(TAR);
    }
    let trimmed = start.trim_ascii_start();
    let is_page = ["<!doctype html", "<html"].iter().any(|page| {
        let text = trimmed.get(..page.len());
        text.is_some_and(|text| text.eq_ignore_ascii_case(page.as_bytes()))
    });
    if is_page {
        return Some(PAGE);
    }
    OTHERS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, file)| *file)
}
