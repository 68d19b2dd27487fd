//! The *range* of a file that a response has (RFC 9110, 14.4).

use super::head::{ResponseHead, parse_decimal};

/// A `Content-Range` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// Offset of the first byte.
    pub(crate) first: u64,
    /// Offset of the last byte; not before the first one.
    pub(crate) last: u64,
    /// Length of the whole file in bytes, if the server knows it.
    pub(crate) len: Option<u64>,
}

impl ContentRange {
    /// Returns the range of a response; nothing if it has none, or one that cannot be.
    pub(crate) fn of_response(head: &ResponseHead) -> Option<Self> {
        Self::parse(head.header("content-range")?)
    }

    /// Parses the value of the header.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (unit, range) = value.split_once(' ')?;
        let (range, len) = range.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (parse_decimal(first)?, parse_decimal(last)?);
        let len = if len == "*" { None } else { Some(parse_decimal(len)?) };
        let is_possible = first <= last && len.is_none_or(|len| last < len);
        (unit.eq_ignore_ascii_case("bytes") && is_possible).then_some(Self { first, last, len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let check = |value: &str, expected: Option<(u64, u64, Option<u64>)>| {
            let found = ContentRange::parse(value);
            assert_eq!(found.map(|it| (it.first, it.last, it.len)), expected, "{value}");
        };
        check("bytes 0-0/1", Some((0, 0, Some(1))));
        check("bytes 5-9/10", Some((5, 9, Some(10))));
        check("Bytes  5-9/*", Some((5, 9, None)));
        check(
            "bytes 0-18446744073709551614/18446744073709551615",
            Some((0, u64::MAX - 1, Some(u64::MAX))),
        );
        for wrong in [
            "",
            "bytes",
            "bytes */10",
            "bytes 5-9",
            "bytes 5-9/",
            "bytes 9-5/10",
            "bytes 5-10/10",
            "bytes 5-9/+10",
            "bytes +5-9/10",
            "bytes -5-9/10",
            "bytes 5-9/10/10",
            "bytes 5 - 9/10",
            "bytes=5-9/10",
            "items 5-9/10",
            "bytes 0-18446744073709551616/*",
        ] {
            check(wrong, None);
        }
    }
}
