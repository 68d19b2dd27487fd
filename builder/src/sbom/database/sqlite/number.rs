//! *Numbers* of variable length: seven bits in each byte, the highest first; the ninth byte has eight.

/// Returns the number at the beginning of some bytes, and its length in bytes.
pub(super) fn read_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some((number << 8 | u64::from(*byte), 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_up_to_nine_bytes() {
        let check = |bytes: &[u8], expected: Option<(u64, usize)>| {
            assert_eq!(read_number(bytes), expected, "{bytes:x?}");
        };
        check(&[0x7f, 1], Some((0x7f, 1)));
        check(&[0x81, 0], Some((0x80, 2)));
        check(&[0x82, 0x80, 1], Some((0x8001, 3)));
        check(&[0xff; 9], Some((u64::MAX, 9)));
        check(&[0x80], None);
        check(&[], None);
    }
}
