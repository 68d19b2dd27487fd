//! A tar *header*: 512 bytes in front of each member, of POSIX's format, GNU's, or the one before
//! both (POSIX.1-2024, `pax`, "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format").

use std::ops::Range;

use super::{TarEntryKind, TarReadError, number, path};

/// Length of a block of a tar in bytes.
pub(super) const BLOCK: usize = 512;

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const FLAG: usize = 156;
const LINK: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..263;
const MAJOR: Range<usize> = 329..337;
const MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;

/// The fields of a header.
#[derive(Debug)]
pub(super) struct UstarHeader {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    /// Type of the member.
    pub(super) flag: u8,
    /// Major number of a device.
    pub(super) major: u32,
    /// Minor number of a device.
    pub(super) minor: u32,
}

impl UstarHeader {
    /// Parses the header at byte `at`; none if it is a block of zeros, which ends the tar.
    pub(super) fn parse(block: &[u8; BLOCK], at: u64) -> Result<Option<Self>, TarReadError> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if !has_checksum(block) {
            return Err(TarReadError::Header(at));
        }
        let number = |field: &'static str, range: Range<usize>| {
            number::parse_number(&block[range]).ok_or(TarReadError::Number { field, at })
        };
        let small = |field: &'static str, range: Range<usize>| {
            u32::try_from(number(field, range)?).map_err(|_| TarReadError::Number { field, at })
        };
        let flag = block[FLAG];
        let (major, minor) = match flag {
            b'3' | b'4' => (small("device number", MAJOR)?, small("device number", MINOR)?),
            _ => (0, 0),
        };
        Ok(Some(Self {
            name: full_name(block),
            link: until_nul(&block[LINK]).to_vec(),
            mode: small("mode", MODE)? & 0o7777,
            uid: number("user id", UID)?,
            gid: number("group id", GID)?,
            size: number("size", SIZE)?,
            flag,
            major,
            minor,
        }))
    }

    /// Returns the type of the entry that the header describes, with this name and target of a
    /// link; `path` is the normalized name.
    pub(super) fn entry_kind(
        &self,
        name: &[u8],
        link: &[u8],
        path: &str,
    ) -> Result<TarEntryKind, TarReadError> {
        let (major, minor) = (self.major, self.minor);
        Ok(match self.flag {
            // Before there was a type for directories, a slash marked them.
            0 if name.ends_with(b"/") => TarEntryKind::Directory,
            0 | b'0' | b'7' => TarEntryKind::File,
            b'1' => TarEntryKind::Hardlink(path::clean_path(link)?),
            b'2' => TarEntryKind::Symlink(path::parse_text(link)?),
            b'3' => TarEntryKind::Character { major, minor },
            b'4' => TarEntryKind::Block { major, minor },
            b'5' => TarEntryKind::Directory,
            b'6' => TarEntryKind::Fifo,
            flag => {
                return Err(TarReadError::Type { path: path.into(), flag: char::from(flag) });
            }
        })
    }
}

/// Returns whether the checksum is the sum of all bytes, with spaces in its own field. Some old
/// programs summed signed bytes.
fn has_checksum(block: &[u8; BLOCK]) -> bool {
    let Some(expected) = number::parse_number(&block[CHECKSUM]) else { return false };
    let bytes = || {
        let byte = |(at, byte): (usize, &u8)| if CHECKSUM.contains(&at) { b' ' } else { *byte };
        block.iter().enumerate().map(byte)
    };
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    expected == unsigned || i64::try_from(expected) == Ok(signed)
}

/// Returns the name. POSIX's format has a field for the first part of a long name; GNU's format
/// uses it for something else.
fn full_name(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(&block[NAME]);
    let prefix = until_nul(&block[PREFIX]);
    if &block[MAGIC] != b"ustar\0" || prefix.is_empty() {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

/// Returns the bytes of a field before the first NUL.
pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}
