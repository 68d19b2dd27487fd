//! The *descriptor* of a VMDK: lines of `name=value`, and one line for each extent.

use std::io;

use crate::disk::bytes::fill_part;
use crate::disk::refusals::{JOIN, JOIN_EXTENTS, NAME_THE_DESCRIPTOR, needs_parent};
use crate::disk::sector::SECTOR_LEN;
use crate::disk::{Fault, Flaw, FlawKind, ReadAt};

/// Maximum length of a descriptor in bytes, as in QEMU for descriptors that are files.
const LEN_MAX: u64 = (1 << 20) - 1;

/// Length in bytes that is read if the rest is not available: the maximum that QEMU writes.
const START_LEN: usize = 10 << 10;

/// Maximum number of names of other files in a message.
const NAMES_MAX: usize = 3;

/// Kinds of VMDKs whose data is in several files (*Virtual Disk Format 5.0*, `createType`).
const SPLIT_KINDS: [&str; 2] = ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat"];

/// What to do with a descriptor that describes nothing.
const NO_DATA: &str = "get the disk again, with all of its files";

/// Contents of a descriptor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Kind of the VMDK, by VMware's name.
    pub(super) kind: String,
    /// Whether there is a `CID`, without which QEMU opens no VMDK (`vmdk_read_cid`).
    pub(super) has_id: bool,
    /// The parent disk, if this one only has the differences from it.
    pub(super) parent: Option<String>,
    /// Extents, in the order of the disk.
    pub(super) extents: Vec<DescriptorExtent>,
}

/// A part of the disk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DescriptorExtent {
    /// Whether the extent is writable; QEMU ignores others in a descriptor that is a file.
    pub(super) is_writable: bool,
    /// Length in sectors.
    pub(super) sectors: u64,
    /// Kind of the extent, by VMware's name: `SPARSE`, `FLAT`, `VMFS`.
    pub(super) kind: String,
    /// Name of the file that holds the extent.
    pub(super) file_name: String,
    /// Offset in that file in sectors, of an extent without tables.
    pub(super) offset: u64,
}

/// Returns whether a text describes a VMDK: it begins with comments and `version=` (`vmdk_probe` in
/// QEMU's `block/vmdk.c`).
pub(super) fn detect(start: &[u8]) -> bool {
    let mut rest = start;
    loop {
        match rest.first() {
            Some(b'#') => match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
                None => return false,
            },
            Some(b' ') => {
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                rest = rest.get(spaces..).unwrap_or_default();
                rest = rest.strip_prefix(b"\r").unwrap_or(rest);
                match rest.strip_prefix(b"\n") {
                    Some(next) => rest = next,
                    None => return false,
                }
            }
            _ => break,
        }
    }
    let Some([version, end @ ..]) = rest.strip_prefix(b"version=") else { return false };
    matches!(version, b'1'..=b'3') && (end.starts_with(b"\n") || end.starts_with(b"\r\n"))
}

impl Descriptor {
    /// Returns whether it describes nothing: QEMU leaves room for a descriptor in extents whose
    /// descriptor is another file.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the descriptor at offset `at`, with the maximum length `len`, in bytes.
    pub(super) fn read(bytes: &dyn ReadAt, at: u64, len: u64) -> Result<Self, Fault> {
        let len = len.min(LEN_MAX).min(bytes.len().saturating_sub(at));
        let mut text = vec![0; usize::try_from(len).unwrap_or(0)];
        match fill_part(bytes, &mut text, at, "the descriptor") {
            // If only the start of a disk is available, the descriptor rarely exceeds it.
            Err(Fault::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let count = text.len().min(START_LEN);
                text.truncate(count);
                fill_part(bytes, &mut text, at, "the descriptor")?;
            }
            done => done?,
        }
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self::parse(&String::from_utf8_lossy(text)))
    }

    fn parse(text: &str) -> Self {
        let mut descriptor = Self::default();
        let (mut delta, mut hint) = (false, None);
        for line in text.lines().map(str::trim) {
            if let Some(extent) = DescriptorExtent::parse(line) {
                descriptor.extents.push(extent);
                continue;
            }
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "createType" => descriptor.kind = value.into(),
                "CID" => descriptor.has_id = u32::from_str_radix(value, 16).is_ok(),
                "parentCID" => delta = !value.eq_ignore_ascii_case("ffffffff"),
                "parentFileNameHint" => hint = Some(value.to_owned()),
                _ => {}
            }
        }
        descriptor.parent = hint.or_else(|| delta.then(|| "another disk".into()));
        descriptor
    }

    /// Returns the size of the disk, in bytes.
    pub(super) fn virtual_size(&self) -> Result<u64, Flaw> {
        let sectors =
            self.writable().try_fold(0_u64, |sum, extent| sum.checked_add(extent.sectors));
        sectors.and_then(|sectors| sectors.checked_mul(SECTOR_LEN)).ok_or_else(|| {
            Flaw::new(FlawKind::Malformed, "the extents of the descriptor are too long")
        })
    }

    /// Returns the flaws of a disk whose descriptor is a separate file.
    pub(super) fn flaws(&self) -> Vec<Flaw> {
        let Some(names) = list_names(self.writable()) else { return self.whole_flaws() };
        let detail = format!("its data is in other files: {names}");
        let mut flaws = vec![Flaw::new(FlawKind::DataFile, detail).with_remedy(JOIN_EXTENTS)];
        flaws.extend(self.parent_flaw());
        flaws
    }

    /// Returns the flaws of a disk whose descriptor is read together with the files that it names.
    pub(super) fn whole_flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.writable().next().is_none() {
            let detail = "it is a VMDK's descriptor that names no files with data";
            flaws.push(Flaw::new(FlawKind::DataFile, detail).with_remedy(NO_DATA));
        }
        flaws.extend(self.parent_flaw());
        flaws
    }

    /// Returns the flaws of a disk whose descriptor is in the file with the data of `capacity`
    /// sectors: the file may be one of several, and the disk may need another.
    pub(super) fn embedded_flaws(&self, capacity: u64) -> Vec<Flaw> {
        let part =
            |detail: String| Flaw::new(FlawKind::DataFile, detail).with_remedy(NAME_THE_DESCRIPTOR);
        let mut flaws = Vec::new();
        let len = self.extents.iter().map(|extent| extent.sectors).fold(0, u64::saturating_add);
        if self.extents.len() > 1 {
            let names = list_names(self.extents.iter()).unwrap_or_default();
            let count = self.extents.len();
            flaws.push(part(format!("it is one of the {count} extents of a disk: {names}")));
        } else if len > capacity {
            let detail = format!(
                "it holds {capacity} sectors of a disk that has {len} as its descriptor says"
            );
            flaws.push(part(detail));
        } else if self.extents.is_empty() && SPLIT_KINDS.contains(&self.kind.as_str()) {
            flaws.push(part(format!("it is one extent of a disk of the kind {}", self.kind)));
        }
        if !self.has_id {
            let detail = "its descriptor has no CID, without which QEMU does not open it";
            flaws.push(Flaw::new(FlawKind::Malformed, detail));
        }
        flaws.extend(self.parent_flaw());
        flaws
    }

    /// Returns the extents that QEMU reads.
    pub(super) fn writable(&self) -> impl Iterator<Item = &DescriptorExtent> {
        self.extents.iter().filter(|extent| extent.is_writable)
    }

    pub(super) fn parent_flaw(&self) -> Option<Flaw> {
        self.parent.as_deref().map(|parent| needs_parent(Some(parent), JOIN))
    }
}

impl DescriptorExtent {
    /// Parses `RW 4192256 SPARSE "name.vmdk"`.
    fn parse(line: &str) -> Option<Self> {
        let (access, rest) = line.split_once(' ')?;
        let is_writable = match access {
            "RW" => true,
            "RDONLY" | "NOACCESS" => false,
            _ => return None,
        };
        let rest = rest.trim_start();
        let (len, rest) = rest.split_once(' ')?;
        let (kind, rest) = rest.trim_start().split_once(' ')?;
        let (name, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        let offset = rest.split_whitespace().next().and_then(|offset| offset.parse().ok());
        Some(Self {
            is_writable,
            sectors: len.parse().ok()?,
            kind: kind.into(),
            file_name: name.into(),
            offset: offset.unwrap_or(0),
        })
    }
}

/// Returns the first names of extents, and how many there are beyond them.
fn list_names<'a>(extents: impl Iterator<Item = &'a DescriptorExtent>) -> Option<String> {
    let mut names = extents.map(|extent| extent.file_name.as_str()).collect::<Vec<_>>();
    let more = names.len().saturating_sub(NAMES_MAX);
    names.truncate(NAMES_MAX);
    match (names.is_empty(), more) {
        (true, _) => None,
        (_, 0) => Some(names.join(", ")),
        (_, more) => Some(format!("{}, {more} more", names.join(", "))),
    }
}
