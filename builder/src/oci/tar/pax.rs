//! A *pax header* has properties of the next member that do not fit into its ustar header
//! (POSIX.1-2024, `pax`, "pax Extended Header").

use super::sparse::SparseRecords;
use super::xattrs::{ExtendedAttributes, PAX_PREFIX};

/// The records of a pax header that are used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PaxHeader {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// The records about a sparse file, which is stored without its holes.
    pub(super) sparse: Option<SparseRecords>,
    /// The extended attributes; a value may be empty.
    pub(super) xattrs: ExtendedAttributes,
}

impl PaxHeader {
    /// Parses the records of a header; none if one is malformed. Of two with the same key the later
    /// counts, and one without a value removes the earlier.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) = split_record(bytes)?;
            bytes = rest;
            let text = || Some(value.to_vec()).filter(|value| !value.is_empty());
            match key {
                b"path" => pax.path = text(),
                b"linkpath" => pax.link = text(),
                b"size" => pax.size = parse_decimal(value)?,
                b"uid" => pax.uid = parse_decimal(value)?,
                b"gid" => pax.gid = parse_decimal(value)?,
                key => {
                    if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                        pax.sparse.get_or_insert_default().insert(key, value);
                    }
                    let attribute = key.strip_prefix(PAX_PREFIX.as_bytes());
                    if let Some(Ok(name)) = attribute.map(std::str::from_utf8) {
                        pax.xattrs.insert(name, value);
                    }
                }
            }
        }
        Some(pax)
    }
}

/// Splits the first record, `LENGTH KEY=VALUE\n`, into key and value, and returns the rest. The
/// length is that of the whole record.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    /// More digits than the length of the longest header has.
    const DIGITS_MAX: usize = 20;
    let space = bytes.iter().take(DIGITS_MAX).position(|byte| *byte == b' ')?;
    let len = usize::try_from(parse_decimal(&bytes[..space])??).ok()?;
    if len <= space || len > bytes.len() {
        return None;
    }
    let (record, rest) = bytes.split_at(len);
    let record = record[space + 1..].strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    (!key.is_empty() && !key.contains(&0)).then_some((key, value, rest))
}

/// Parses a decimal number; the inner option is none for an empty value.
#[expect(clippy::option_option, reason = "malformed, taken back, and given are three things")]
fn parse_decimal(value: &[u8]) -> Option<Option<u64>> {
    if value.is_empty() {
        return Some(None);
    }
    let number = value.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    });
    number.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let check = |bytes: &[u8], expected: PaxHeader| {
            assert_eq!(PaxHeader::parse(bytes), Some(expected), "{bytes:?}");
        };
        let path = |path: &[u8]| PaxHeader { path: Some(path.to_vec()), ..PaxHeader::default() };
        check(b"", PaxHeader::default());
        check(b"9 path=a\n", path(b"a"));
        check(b"11 path=\xff\n\n", path(b"\xff\n"));
        check(b"9 path=a\n9 path=b\n", path(b"b"));
        check(b"9 path=a\n8 path=\n", PaxHeader::default());
        check(b"14 linkpath=b\n", PaxHeader { link: Some(b"b".to_vec()), ..PaxHeader::default() });
        check(b"11 size=10\n", PaxHeader { size: Some(10), ..PaxHeader::default() });
        let (uid, gid) = (Some(1), Some(2));
        check(b"8 uid=1\n8 gid=2\n", PaxHeader { uid, gid, ..PaxHeader::default() });
        check(b"16 SCHILY.x.a=b\n", PaxHeader::default());
        check(b"8 a==\n=\n", PaxHeader::default());
        let mut xattrs = ExtendedAttributes::default();
        xattrs.insert("user.a", b"");
        let with_xattrs = PaxHeader { xattrs, ..PaxHeader::default() };
        check(b"24 SCHILY.xattr.user.a=\n", with_xattrs);
        check(b"35 SCHILY.xattr.security.selinux=x\n", PaxHeader::default());
        check(b"25 SCHILY.xattr.user.\xff=x\n", PaxHeader::default());
        let mut sparse = SparseRecords::default();
        sparse.insert(b"major", b"1");
        check(
            b"22 GNU.sparse.major=1\n",
            PaxHeader { sparse: Some(sparse), ..PaxHeader::default() },
        );
    }

    #[test]
    fn malformed_headers_are_refused() {
        let check = |bytes: &[u8]| assert_eq!(PaxHeader::parse(bytes), None, "{bytes:?}");
        check(b"\0");
        check(b"path=a\n");
        check(b"8 path=a\n");
        check(b"11 path=a\n");
        check(b"9 path=a ");
        check(b"0 path=a\n");
        check(b"1 path=a\n");
        check(b"2 path=a\n");
        check(b" path=a\n");
        check(b"-9 path=a\n");
        check(b"99999999999999999999999 path=a\n");
        check(b"18446744073709551616 path=a\n");
        check(b"5 =a\n");
        check(b"5 ab\n");
        check(b"7 a\0b=\n");
        check(b"10 size=-1\n");
        check(b"11 size=0x1\n");
        check(b"28 size=18446744073709551616\n");
        check(b"9 uid=+1\n");
    }
}
