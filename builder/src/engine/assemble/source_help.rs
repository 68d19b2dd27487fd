//! What to do about a source that cannot be used, and breaks no rule.

use std::io;

use crate::disk::{DiscardError, ResizeError};
use crate::engine::source::{ArchivedError, DownloadError, SequentialSource, SourceErrorKind};
use crate::net::http::HttpError;

/// Help for a disk that can be read only from front to back.
const SPOOL: &str = "or pass `--spool DIR`, which writes it to a temporary file in that directory";

/// Help for a disk whose packages cannot be listed.
pub(super) const LIST_LATER: &[&str] = &[
    "leave `sbom` out of `--attest` and of `attest` in the spec; `diskette attest IMAGE --sbom spdx` lists \
     the packages of an image that exists",
];

/// Help for a disk without packages.
const LIST_NOTHING: &[&str] = &["leave `sbom` out of `--attest` and of `attest` in the spec"];

/// Returns help for an archive out of which no disk can be taken.
fn archived_help(error: &ArchivedError) -> &'static [&'static str] {
    match error {
        ArchivedError::Several(_) => {
            &["choose one by name or number: `ova: { path: ARCHIVE, disk: 1 }` in a spec"]
        }
        ArchivedError::Unknown { .. } => {
            &["`disk:` takes the name of a file, or its position from 1 on"]
        }
        ArchivedError::Context(_) => &[
            "pass it on standard input, `diskette build - <ARCHIVE`; `ova: { path: ARCHIVE, disk: 1 }` in a spec takes a disk out of it",
        ],
        ArchivedError::Tar(_)
        | ArchivedError::Ovf(_)
        | ArchivedError::NoDisk
        | ArchivedError::NoDescription
        | ArchivedError::Missing(_)
        | ArchivedError::Length { .. }
        | ArchivedError::Order(_) => &["check that the archive is complete, and the right one"],
    }
}

/// Returns help for an error that breaks no rule, if there is any.
pub(super) fn source_help(error: &SourceErrorKind) -> &'static [&'static str] {
    match error {
        SourceErrorKind::Io(error) => match error.kind() {
            io::ErrorKind::NotFound => &["paths are relative to the directory of the spec"],
            io::ErrorKind::PermissionDenied => &["make the file readable for the user who builds"],
            _ => &[],
        },
        SourceErrorKind::Http(DownloadError::Http(HttpError::PrivateRedirect(_))) => {
            &["if that address is meant, use `--allow-private-redirects`"]
        }
        SourceErrorKind::RequestFile { .. } => &[
            "`headers-file` has lines like `Authorization: Bearer TOKEN`, `ca-file` certificates as PEM; both are for https \
             URLs",
        ],
        SourceErrorKind::NotAFile => &["name the disk image itself"],
        SourceErrorKind::Packages => LIST_LATER,
        SourceErrorKind::Inventory(_) => LIST_NOTHING,
        SourceErrorKind::NotCompressed(_) => &[
            "the name says that it is compressed, the content does not; use `unpack: none` to take it \
               as it is",
        ],
        SourceErrorKind::Checksum { .. } => {
            &["the file is not the one that the checksum was made of; nothing was written"]
        }
        SourceErrorKind::DecompressedChecksum { .. } => {
            &["the file is what was published, but not the disk in it; tell the publisher"]
        }
        SourceErrorKind::Archived(error) => archived_help(error),
        SourceErrorKind::ImageDisk(error) => error.help(),
        SourceErrorKind::SplitChecksum(_) => {
            &["remove the checksum, or make one file of the disk and name that"]
        }
        SourceErrorKind::Resize(error) => resize_help(error),
        SourceErrorKind::Discard(error) => discard_help(error),
        SourceErrorKind::TooLong => &["is it the file that was meant?"],
        SourceErrorKind::Changed => &["build again when nothing writes to it any more"],
        SourceErrorKind::Damaged(..) => &["was the download cut off?"],
        SourceErrorKind::Sequential(SequentialSource::Compressed(_)) => {
            &["unpack it first, and name the unpacked file", SPOOL]
        }
        SourceErrorKind::Sequential(SequentialSource::Download) => {
            &["download it first, and name the file", SPOOL]
        }
        SourceErrorKind::Sequential(SequentialSource::Part) => {
            &["take it out first, and name the file", SPOOL]
        }
        SourceErrorKind::Sequential(SequentialSource::Image) => {
            &["take it out with `diskette extract` first, and name the file", SPOOL]
        }
        SourceErrorKind::Unverified => &[
            "add the digest that the publisher gives: `sha256:` in a spec, `--checksum=sha256:…` \
             with ADD, `sha256sum -c` in RUN",
            "or pass `--allow-unverified` to accept the file without one",
        ],
        _ => &[],
    }
}

fn resize_help(error: &ResizeError) -> &'static [&'static str] {
    match error {
        ResizeError::Smaller { .. } => &[
            "a file system at its end would be cut off; shrink it inside the virtual machine, and the disk \
             with `qemu-img resize --shrink`",
        ],
        ResizeError::Format(_) => {
            &["convert it too: `--convert qcow2`, or `convert: qcow2` in a spec"]
        }
        _ => &[],
    }
}

fn discard_help(error: &DiscardError) -> &'static [&'static str] {
    match error {
        DiscardError::Unclean { .. } => &[
            "start the virtual machine and shut it down, or check the file system with `e2fsck -f` or \
             `fsck.fat -a`; then build again",
        ],
        DiscardError::Volume { .. } => {
            &["check the file system with `e2fsck -f` or `fsck.fat`, or build without `discard`"]
        }
        DiscardError::NoFileSystem(_) => &[
            "remove `discard`; `fstrim -av` in the virtual machine frees what others have, if its disk \
             passes discards on",
        ],
        DiscardError::Ambiguous(..) | DiscardError::Partitioned(_) => &[
            "`wipefs DISK` lists signatures, and erases an old one with `--offset`; or remove `discard`",
        ],
        _ => &["remove `discard`"],
    }
}
