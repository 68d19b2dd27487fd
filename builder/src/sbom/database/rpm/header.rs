//! A *header* of rpm: an index of tags, and their values
//! (<https://rpm-software-management.github.io/rpm/manual/format_header.html>). In a database it has no magic
//! in front.

use crate::disk::bytes::be32;
use crate::sbom::error::FileProblem;
use crate::sbom::inventory::{Package, PackageKind, PackageList, PackageSource};

/// Length in bytes of the two numbers at the start, and of an entry of the index.
const START: usize = 8;
const ENTRY: usize = 16;

/// How many tags a header has at most, and how long its values are together (`hdrblobInit` in rpm).
const TAGS_MAX: u32 = 0xffff;
const VALUES_MAX: u32 = 256 << 20;

/// Length in bytes of the longest value that is kept.
const VALUE_MAX: usize = 1024;

/// Types of values: numbers of 32 bits, and strings.
const INT32: u32 = 4;
const STRING: u32 = 6;

/// Tags that are kept, in the order of [`Values`].
const TAGS: [(u32, u32); 7] = [
    (1000, STRING),
    (1001, STRING),
    (1002, STRING),
    (1003, INT32),
    (1014, STRING),
    (1022, STRING),
    (1044, STRING),
];

/// Values of name, version, release, epoch, license, architecture and source package.
type Values = [Option<Vec<u8>>; TAGS.len()];

/// Keys of vendors, which rpm keeps as packages.
const KEY: &str = "gpg-pubkey";

/// Fills space with bytes of a header from an offset on. Offsets ascend.
pub(super) type ReadPart<'r> = dyn FnMut(u64, &mut [u8]) -> Result<(), FileProblem> + 'r;

fn damaged() -> FileProblem {
    FileProblem::damaged("a header of a package is damaged")
}

/// Reads a header of a length in bytes, and adds its package.
pub(super) fn read_header(
    len: u64,
    packages: &mut PackageList,
    read: &mut ReadPart<'_>,
) -> Result<(), FileProblem> {
    let values = read_values(len, read)?;
    let text = |value: Option<Vec<u8>>| {
        value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).filter(|it| !it.is_empty())
    };
    let [name, version, release, epoch, license, architecture, source] = values;
    let (name, version) = (text(name).ok_or_else(damaged)?, text(version).ok_or_else(damaged)?);
    let version = match text(release) {
        Some(release) => format!("{version}-{release}"),
        None => version,
    };
    if name == KEY {
        return Ok(());
    }
    let source = text(source).and_then(|file| parse_source(&file));
    let is_other = |it: &PackageSource| it.name != name || it.version.as_ref() != Some(&version);
    let source = source.filter(is_other).map(|source| {
        let version = source.version.filter(|it| *it != version);
        PackageSource { version, ..source }
    });
    let epoch = epoch.map(|bytes| be32(&bytes, 0));
    let (architecture, license) = (text(architecture), text(license));
    let kind = PackageKind::Rpm;
    packages.push(Package { name, version, epoch, architecture, kind, source, license })
}

/// Reads the values of the tags that are kept.
fn read_values(len: u64, read: &mut ReadPart<'_>) -> Result<Values, FileProblem> {
    let mut start = [0; START];
    if len < START as u64 {
        return Err(damaged());
    }
    read(0, &mut start)?;
    let (tags, values_len) = (be32(&start, 0), be32(&start, 4));
    let values_at = START as u64 + u64::from(tags) * ENTRY as u64;
    let end = values_at + u64::from(values_len);
    if tags > TAGS_MAX || values_len > VALUES_MAX || end > len {
        return Err(damaged());
    }
    let mut index = vec![0; tags as usize * ENTRY];
    read(START as u64, &mut index)?;
    let mut wanted = Vec::new();
    for entry in index.as_chunks::<ENTRY>().0 {
        let [tag, kind, offset, _] = [0, 4, 8, 12].map(|at| be32(entry, at));
        let known = TAGS.iter().position(|known| *known == (tag, kind));
        wanted.extend(known.map(|number| (values_at + u64::from(offset), number)));
    }
    wanted.sort_unstable();
    let mut window = Window { read, bytes: Vec::new(), start: values_at, end };
    let mut values = Values::default();
    for (offset, number) in wanted {
        let Some(value) = values.get_mut(number).filter(|value| value.is_none()) else { continue };
        *value = Some(match TAGS[number].1 {
            INT32 => window.read_number(offset)?,
            _ => window.read_string(offset)?,
        });
    }
    Ok(values)
}

/// The part of a header that was read last. Values follow each other closely, and long ones are skipped.
struct Window<'w, 'r> {
    read: &'w mut ReadPart<'r>,
    bytes: Vec<u8>,
    /// Offset of the part in the header.
    start: u64,
    /// Where the header ends.
    end: u64,
}

impl Window<'_, '_> {
    /// Returns the bytes from an offset on, at least so many if the header has them. Offsets ascend.
    fn fill(&mut self, from: u64, len: usize) -> Result<&[u8], FileProblem> {
        const STEP: u64 = 64;
        let skipped = usize::try_from(from.checked_sub(self.start).ok_or_else(damaged)?);
        let skipped = skipped.unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.drain(..skipped);
        self.start = from;
        loop {
            let at = self.start + self.bytes.len() as u64;
            let left = self.end.saturating_sub(at).min(STEP);
            if self.bytes.len() >= len || left == 0 {
                return Ok(&self.bytes);
            }
            let mut part = vec![0; usize::try_from(left).unwrap_or(0)];
            (self.read)(at, &mut part)?;
            self.bytes.append(&mut part);
        }
    }

    fn read_number(&mut self, offset: u64) -> Result<Vec<u8>, FileProblem> {
        let bytes = self.fill(offset, 4)?;
        Ok(bytes.get(..4).ok_or_else(damaged)?.to_vec())
    }

    fn read_string(&mut self, offset: u64) -> Result<Vec<u8>, FileProblem> {
        let mut len = 32;
        while len <= 2 * VALUE_MAX {
            let bytes = self.fill(offset, len)?;
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                return Ok(bytes[..end].to_vec());
            }
            if bytes.len() < len {
                break;
            }
            len *= 2;
        }
        Err(damaged())
    }
}

/// Parses the file name of a source package, `NAME-VERSION-RELEASE.src.rpm`.
fn parse_source(file: &str) -> Option<PackageSource> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(PackageSource { name: name.to_owned(), version: Some(format!("{version}-{release}")) })
}
