//! A *pax header* says of the member behind it what its own header has no room for
//! (POSIX.1-2024, `pax`, "pax Extended Header").

/// What a pax header says, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) sparse: Sparse,
}

/// Whether holes are left out of the member's content.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Sparse {
    #[default]
    No,
    Yes,
}

impl Pax {
    /// Reads the records of a header, unless one is malformed. Of two with the same key the later
    /// counts, and one without a value takes the earlier back.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes)?;
            bytes = rest;
            let text = || Some(value.to_vec()).filter(|value| !value.is_empty());
            match key {
                b"path" => pax.path = text(),
                b"linkpath" => pax.link = text(),
                b"size" => pax.size = number(value)?,
                b"uid" => pax.uid = number(value)?,
                b"gid" => pax.gid = number(value)?,
                key if key.starts_with(b"GNU.sparse.") => pax.sparse = Sparse::Yes,
                _ => {}
            }
        }
        Some(pax)
    }
}

/// Takes a record apart: `LENGTH KEY=VALUE\n`, where the length is that of all of it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    /// Digits of the longest header there may be, and more.
    const DIGITS_MAX: usize = 20;
    let space = bytes.iter().take(DIGITS_MAX).position(|byte| *byte == b' ')?;
    let len = usize::try_from(number(&bytes[..space])??).ok()?;
    if len <= space || len > bytes.len() {
        return None;
    }
    let (record, rest) = bytes.split_at(len);
    let record = record[space + 1..].strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    (!key.is_empty() && !key.contains(&0)).then_some((key, value, rest))
}

/// Returns a decimal number, or that there is none.
#[expect(clippy::option_option, reason = "malformed, taken back, and given are three things")]
fn number(value: &[u8]) -> Option<Option<u64>> {
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
        let check = |bytes: &[u8], expected: Pax| {
            assert_eq!(Pax::parse(bytes), Some(expected), "{bytes:?}");
        };
        let path = |path: &[u8]| Pax { path: Some(path.to_vec()), ..Pax::default() };
        check(b"", Pax::default());
        check(b"9 path=a\n", path(b"a"));
        check(b"11 path=\xff\n\n", path(b"\xff\n"));
        check(b"9 path=a\n9 path=b\n", path(b"b"));
        check(b"9 path=a\n8 path=\n", Pax::default());
        check(b"14 linkpath=b\n", Pax { link: Some(b"b".to_vec()), ..Pax::default() });
        check(b"11 size=10\n", Pax { size: Some(10), ..Pax::default() });
        let (uid, gid) = (Some(1), Some(2));
        check(b"8 uid=1\n8 gid=2\n", Pax { uid, gid, ..Pax::default() });
        check(b"16 SCHILY.x.a=b\n", Pax::default());
        check(b"8 a==\n=\n", Pax::default());
        check(b"22 GNU.sparse.major=1\n", Pax { sparse: Sparse::Yes, ..Pax::default() });
    }

    #[test]
    fn malformed_headers_are_refused() {
        let check = |bytes: &[u8]| assert_eq!(Pax::parse(bytes), None, "{bytes:?}");
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
