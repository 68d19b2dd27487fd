//! The *size* of the parts of a bundle.

/// The shortest part, in bytes: headers of a tar and a little more.
const LEAST: u64 = 64 << 10;

/// Parses a number of bytes, with `K`, `M`, `G` or `T` for powers of 1024.
pub(super) fn parse_part_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "t" | "tib" => Some(1 << 40),
        _ => None,
    };
    let number = digits.parse().ok().zip(factor);
    let size = number.and_then(|(number, factor): (u64, u64)| number.checked_mul(factor));
    let size = size.ok_or("write it as a number of bytes, or as `4G`")?;
    if size >= LEAST { Ok(size) } else { Err("a part has 64K at least".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
