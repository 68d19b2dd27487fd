//! *Units* of the numbers in a description: programmatic units of DMTF DSP0004, `byte * 2^20`, and the words of
//! older programs.

/// Returns how many bytes a unit has; none if it is unknown.
pub(super) fn bytes_of_unit(text: &str) -> Option<u64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.to_ascii_lowercase();
    if let Some(power) = text.strip_prefix("byte*") {
        let (base, exponent) = power.split_once('^')?;
        let (base, exponent) = (base.parse::<u64>().ok()?, exponent.parse().ok()?);
        return base.checked_pow(exponent);
    }
    Some(match text.as_str() {
        "" | "byte" | "bytes" => 1,
        "kilobytes" | "kb" => 1 << 10,
        "megabytes" | "mb" => 1 << 20,
        "gigabytes" | "gb" => 1 << 30,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_the_standard_and_of_old_programs() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(bytes_of_unit(text), expected, "{text}");
        check("byte * 2^20", Some(1 << 20));
        check("byte*2^30", Some(1 << 30));
        check("byte * 10^9", Some(1_000_000_000));
        check("byte", Some(1));
        check("", Some(1));
        check("MegaBytes", Some(1 << 20));
        check("byte * 2^64", None);
        check("byte * 2^-1", None);
        check("hertz * 10^6", None);
    }
}
