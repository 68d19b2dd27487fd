//! *Numbers* in tar headers: octal digits or, as GNU tar writes those that are too large, base 256.

/// Returns the number in a field, unless it is malformed, negative, or larger than `u64`.
pub(super) fn parse_number(field: &[u8]) -> Option<u64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => parse_base_256(field),
        _ => parse_octal(field),
    }
}

/// Parses a number to the base 256. Its first bit marks the format, the second is the sign.
fn parse_base_256(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x40 != 0 {
        return None;
    }
    rest.iter().try_fold(u64::from(first & 0x3f), |number, byte| {
        Some(number.checked_mul(256)? | u64::from(*byte))
    })
}

/// Parses octal digits, which spaces and NULs may surround. An empty field is 0.
fn parse_octal(field: &[u8]) -> Option<u64> {
    let is_digit = |byte: &u8| !matches!(byte, b' ' | 0);
    let Some(start) = field.iter().position(is_digit) else { return Some(0) };
    let end = field.iter().rposition(is_digit)? + 1;
    field[start..end].iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'7' => Some(number.checked_mul(8)? | u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_to_the_base_256() {
        let check = |field: &[u8], expected| assert_eq!(parse_number(field), expected, "{field:?}");
        check(b"", Some(0));
        check(b"        ", Some(0));
        check(b"0000644\0", Some(0o644));
        check(b" 644 \0\0\0", Some(0o644));
        check(b"77777777777", Some(0o777_7777_7777));
        check(b"1777777777777777777777", Some(u64::MAX));
        check(b"2777777777777777777777", None);
        check(b"0000648\0", None);
        check(b"-000001\0", None);
        check(b"+1", None);
        check(b"1 1", None);
        check(b"1\x001", None);
        check(&[0x80, 0, 0, 1], Some(1));
        check(&[0x81, 0, 0, 0], Some(1 << 24));
        check(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(u64::MAX));
        check(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], None);
        check(&[0xff; 12], None);
        check(&[0xc0, 0, 0, 0], None);
    }
}
