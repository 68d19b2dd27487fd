//! Numbers of *bytes* in options: the size of a chunk, of a part.

use std::ops::RangeInclusive;

/// Limits of `--chunk-size` in bytes: smaller parts are mostly overhead, larger ones need too much
/// memory.
const CHUNK_SIZES: RangeInclusive<u64> = 64 << 10..=16 << 20;

/// The shortest part of a bundle, in bytes: headers of a tar and a little more.
const PART_MIN: u64 = 64 << 10;

/// Parses the value of `--chunk-size`.
pub(crate) fn parse_chunk_size(text: &str) -> Result<u64, String> {
    let size = parse_bytes(text).ok_or("write it as a number of bytes, or as `8M`")?;
    if CHUNK_SIZES.contains(&size) { Ok(size) } else { Err("it lies between 64K and 16M".into()) }
}

/// Parses the value of `--split-size`.
pub(crate) fn parse_part_size(text: &str) -> Result<u64, String> {
    let size = parse_bytes(text).ok_or("write it as a number of bytes, or as `4G`")?;
    if size >= PART_MIN { Ok(size) } else { Err("a part has 64K at least".into()) }
}

/// Parses a number of bytes, with `K`, `M`, `G` or `T` for powers of 1024.
fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse() {
        let check = |text: &str, expected: Result<u64, &str>| {
            assert_eq!(parse_chunk_size(text), expected.map_err(str::to_owned), "{text}");
        };
        check("65536", Ok(65536));
        check("64K", Ok(65536));
        check("16MiB", Ok(16 << 20));
        check("1m", Ok(1 << 20));
        check("1", Err("it lies between 64K and 16M"));
        check("1G", Err("it lies between 64K and 16M"));
        check("99999999999999999999G", Err("write it as a number of bytes, or as `8M`"));
        check("M", Err("write it as a number of bytes, or as `8M`"));
        check("1 M", Err("write it as a number of bytes, or as `8M`"));
        check("", Err("write it as a number of bytes, or as `8M`"));
    }

    #[test]
    fn sizes_of_parts_parse() {
        let check = |text: &str, expected: Result<u64, &str>| {
            assert_eq!(parse_part_size(text), expected.map_err(str::to_owned), "{text}");
        };
        check("4G", Ok(4 << 30));
        check("700MiB", Ok(700 << 20));
        check("4700000000", Ok(4_700_000_000));
        check("1t", Ok(1 << 40));
        check("64K", Ok(64 << 10));
        check("65535", Err("a part has 64K at least"));
        for wrong in ["", "G", "4 G", "4X", "99999999999T"] {
            check(wrong, Err("write it as a number of bytes, or as `4G`"));
        }
    }
}
