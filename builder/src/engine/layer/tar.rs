//! The headers of a layer's *tar*: POSIX ustar, with a pax record only where a field does
//! not fit: base-256 sizes are not POSIX, and GNU's sparse entries are refused by Podman. Owners are
//! numbers alone. The tar is dense whatever holes the source has, as the image specification asks.

use std::ops::Range;

use tar::{EntryType, Header};
use thiserror::Error;

use crate::oci::tar::{Owner, PAX_PREFIX};
use crate::recipe::{LayerEntry, LayerEntryKind, SpecialKind};

/// The unit of a tar file, in bytes.
const RECORD_LEN: u64 = 512;

/// A tar ends with two records of zeros.
pub(super) const END_LEN: usize = 2 * 512;

/// The largest number eleven octal digits hold: sizes and times beyond it do not fit ustar.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// The largest owner that seven octal digits hold.
const ID_MAX: u32 = 0o777_7777;

/// Byte ranges of the name and the link target in a header.
const NAME: Range<usize> = 0..100;
const LINK: Range<usize> = 157..257;

/// Why a tar cannot be written.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TarError {
    /// The modification time does not fit a tar header.
    #[error("the time {0} does not fit a tar header, which ends in the year 2242")]
    Time(u64),
    /// A path contains a NUL byte, which would end it.
    #[error("the path {0:?} holds a NUL byte")]
    Path(String),
}

/// Returns the length of the padding after a content, in bytes.
pub(super) fn padding_len(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(RECORD_LEN) - size).unwrap_or_default()
}

/// Returns the header of an entry, after its pax records if it needs any.
pub(super) fn entry_headers(
    entry: &LayerEntry,
    size: u64,
    mtime: u64,
) -> Result<Vec<u8>, TarError> {
    if mtime > OCTAL_MAX {
        return Err(TarError::Time(mtime));
    }
    let (kind, path, target) = tar_names(entry);
    for name in [&path, target] {
        if name.contains('\0') {
            return Err(TarError::Path(name.to_owned()));
        }
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(entry.mode);
    header.set_mtime(mtime);
    let mut records = Vec::new();
    if !path.is_ascii() || header.set_path(&path).is_err() {
        records.extend(pax_record("path", path.as_bytes()));
        set_ascii(&mut header, NAME, &path);
    }
    if !target.is_ascii() || target.len() > LINK.len() {
        records.extend(pax_record("linkpath", target.as_bytes()));
    }
    // Copied unchanged: [`Header::set_link_name`] would normalize it.
    set_ascii(&mut header, LINK, target);
    records.extend(set_owner(&mut header, entry.owner));
    records.extend(set_size(&mut header, size));
    set_device(&mut header, &entry.kind);
    for (name, value) in entry.xattrs.iter() {
        records.extend(pax_record(&format!("{PAX_PREFIX}{name}"), value));
    }
    header.set_cksum();
    let mut headers = pax_header(&records, mtime);
    headers.extend_from_slice(header.as_bytes());
    Ok(headers)
}

/// Sets the owner in a header; returns the pax records of numbers that do not fit it.
fn set_owner(header: &mut Header, owner: Owner) -> Vec<u8> {
    let mut records = Vec::new();
    let mut fitting = |key, id: u32| {
        if id <= ID_MAX {
            return u64::from(id);
        }
        records.extend(pax_record(key, id.to_string().as_bytes()));
        0
    };
    header.set_uid(fitting("uid", owner.uid));
    header.set_gid(fitting("gid", owner.gid));
    records
}

/// Sets the size in a header; returns the pax record of a size that does not fit it.
fn set_size(header: &mut Header, size: u64) -> Vec<u8> {
    if size <= OCTAL_MAX {
        header.set_size(size);
        return Vec::new();
    }
    header.set_size(0);
    pax_record("size", size.to_string().as_bytes())
}

/// Sets the numbers of a device.
fn set_device(header: &mut Header, kind: &LayerEntryKind) {
    let LayerEntryKind::Special(
        SpecialKind::Character { major, minor } | SpecialKind::Block { major, minor },
    ) = kind
    else {
        return;
    };
    // A ustar header has both fields.
    drop(header.set_device_major(*major));
    drop(header.set_device_minor(*minor));
}

/// Returns an entry's type, and its path and link target as the tar has them.
pub(super) fn tar_names(entry: &LayerEntry) -> (EntryType, String, &str) {
    let path = entry.tar_path();
    match &entry.kind {
        // Old readers, CDI's first importer among them, recognize a directory by the slash.
        LayerEntryKind::Directory => (EntryType::Directory, format!("{path}/"), ""),
        LayerEntryKind::File(_) | LayerEntryKind::Whiteout | LayerEntryKind::Opaque => {
            (EntryType::Regular, path, "")
        }
        LayerEntryKind::Symlink(target) => (EntryType::Symlink, path, target),
        LayerEntryKind::Hardlink(target) => (EntryType::Link, path, target),
        LayerEntryKind::Special(SpecialKind::Fifo) => (EntryType::Fifo, path, ""),
        LayerEntryKind::Special(SpecialKind::Character { .. }) => (EntryType::Char, path, ""),
        LayerEntryKind::Special(SpecialKind::Block { .. }) => (EntryType::Block, path, ""),
    }
}

/// Writes as much of a text as a field can hold; readers of pax use the record instead.
fn set_ascii(header: &mut Header, field: Range<usize>, text: &str) {
    // Some readers require a NUL after the name; a link target may fill its field.
    let max = if field == NAME { field.len() - 1 } else { field.len() };
    let text: String = text.chars().filter(char::is_ascii).take(max).collect();
    header.as_mut_bytes()[field][..text.len()].copy_from_slice(text.as_bytes());
}

/// Returns the extended header with `records`; empty if there are none.
fn pax_header(records: &[u8], mtime: u64) -> Vec<u8> {
    if records.is_empty() {
        return Vec::new();
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    let name = b"PaxHeaders/record";
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(records.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(records);
    bytes.resize(bytes.len() + padding_len(records.len() as u64), 0);
    bytes
}

/// Returns one pax record, `LENGTH KEY=VALUE\n`, whose length counts itself.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + " =\n".len();
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::plan::{LayerPiece, LayerPlan};
    use super::*;
    use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

    fn file(path: &str) -> LayerEntry {
        let source = SourceRecipe::new(SourceLocation::path(path), SourceRole::File);
        let owner = Owner { uid: 107, gid: 107 };
        LayerEntry::new(path, LayerEntryKind::File(source), 0o444, owner)
    }

    fn first_bytes(plan: &LayerPlan) -> &[u8] {
        match &plan.pieces[0] {
            LayerPiece::Bytes(bytes) => bytes,
            LayerPiece::Content(..) => panic!("a tar begins with a header"),
        }
    }

    /// Reads the tar of one file of `size` bytes back, as far as its header goes.
    fn check(path: &str, size: u64, head_len: usize) {
        let plan = LayerPlan::of_tar(&[file(path)], &[size], 1_700_000_000).unwrap();
        assert_eq!(plan.head_len(), head_len, "{path:?} of {size} bytes");
        assert_eq!(plan.len() % RECORD_LEN, 0);
        let mut archive = ::tar::Archive::new(std::io::repeat(0).take(0).chain(first_bytes(&plan)));
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(&*entry.path_bytes(), path.as_bytes());
        assert_eq!(entry.size(), size);
        let header = entry.header();
        assert_eq!(header.mode().unwrap(), 0o444);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (107, 107));
        assert_eq!(header.mtime().unwrap(), 1_700_000_000);
        assert_eq!(header.as_ustar().unwrap().uname, [0; 32]);
        assert_eq!(header.as_ustar().unwrap().gname, [0; 32]);
    }

    #[test]
    fn pax_records_only_where_a_field_does_not_fit() {
        let long = format!("disk/{}", "x".repeat(200));
        let split = format!("{}/{}", "d".repeat(90), "x".repeat(90));
        check("disk/a.qcow2", 1, 512);
        check("disk/a.qcow2", OCTAL_MAX, 512);
        check("disk/a.qcow2", OCTAL_MAX + 1, 1536);
        check("disk/a.qcow2", 1 << 50, 1536);
        check(&split, 1, 512);
        check(&long, 1, 1536);
        check(&long, OCTAL_MAX + 1, 1536);
        check("disk/größe.qcow2", 1, 1536);
    }

    #[test]
    fn extended_attributes_and_devices_are_written() {
        let mut entries = [file("a"), file("dev")];
        entries[0].xattrs.insert("security.capability", b"\0\xff=");
        entries[0].xattrs.insert("user.a", b"");
        entries[1].kind = LayerEntryKind::Special(SpecialKind::Block { major: 8, minor: 300 });
        let plan = LayerPlan::of_tar(&entries, &[0], 0).unwrap();
        let tar: Vec<u8> = plan
            .pieces
            .iter()
            .flat_map(|piece| match piece {
                LayerPiece::Bytes(bytes) => bytes.clone(),
                LayerPiece::Content(..) => Vec::new(),
            })
            .collect();
        let mut tar = ::tar::Archive::new(&tar[..]);
        let mut found = tar.entries().unwrap();
        let mut first = found.next().unwrap().unwrap();
        let records = first.pax_extensions().unwrap().unwrap().map(|record| {
            let record = record.unwrap();
            (record.key().unwrap().to_owned(), record.value_bytes().to_vec())
        });
        let expected = [
            ("SCHILY.xattr.security.capability".to_owned(), b"\0\xff=".to_vec()),
            ("SCHILY.xattr.user.a".to_owned(), Vec::new()),
        ];
        assert_eq!(records.collect::<Vec<_>>(), expected);
        let second = found.next().unwrap().unwrap();
        let header = second.header();
        assert_eq!(header.entry_type(), EntryType::Block);
        let numbers = (header.device_major().unwrap(), header.device_minor().unwrap());
        assert_eq!(numbers, (Some(8), Some(300)));
    }

    #[test]
    fn what_fits_no_header_is_refused() {
        let plan = |path: &str, mtime| LayerPlan::of_tar(&[file(path)], &[1], mtime).map(|_| ());
        assert_eq!(plan("disk/a", OCTAL_MAX), Ok(()));
        assert_eq!(plan("disk/a", OCTAL_MAX + 1), Err(TarError::Time(OCTAL_MAX + 1)));
        assert_eq!(plan("disk/a\0b", 0), Err(TarError::Path("disk/a\0b".into())));
    }

    #[test]
    fn records_count_themselves() {
        let check = |key: &str, value: &str, expected: &str| {
            assert_eq!(pax_record(key, value.as_bytes()), expected.as_bytes());
        };
        check("size", "8589934592", "19 size=8589934592\n");
        check("a", "b", "6 a=b\n");
        check("path", &"x".repeat(90), &format!("99 path={}\n", "x".repeat(90)));
        check("path", &"x".repeat(91), &format!("101 path={}\n", "x".repeat(91)));
    }
}
