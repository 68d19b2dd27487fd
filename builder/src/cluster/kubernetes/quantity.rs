//! A *quantity* is a number of bytes as Kubernetes writes it: `10Gi`, `512M`, `1.5Ti`
//! (apimachinery, `pkg/api/resource/quantity.go`).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub(super) const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Suffixes and their factors.
const UNITS: [(&str, u64); 12] = [
    ("Ki", 1 << 10),
    ("Mi", MIB),
    ("Gi", GIB),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];

/// How many of the units are powers of 1,024.
const BINARY_UNITS: usize = 6;

/// Maximum number of digits after the decimal point.
const FRACTION_MAX: usize = 9;

/// A number of bytes, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    bytes: u64,
}

/// Why a text is not a number of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// It is not a number with a unit.
    #[error("write it as a number and a unit, `10Gi` or `500M`")]
    Syntax,
    /// It is zero. CDI refuses a volume without a size (`validateStorageSize`,
    /// `pkg/apiserver/webhooks/datavolume-validate.go`), and QEMU a machine without memory.
    #[error("it must be more than nothing")]
    Zero,
    /// It is more than the signed 64 bits that Kubernetes counts bytes in.
    #[error("it must be less than 8Ei, the most that Kubernetes counts")]
    TooLarge,
}

impl Quantity {
    /// Returns the smallest quantity that `bytes` fit in, in MiB or GiB: CDI allocates a disk in
    /// whole MiB (`GetRequiredSpace`, `pkg/util/util.go`), and refuses less than one
    /// (`validateStorageSize`, `pkg/apiserver/webhooks/datavolume-validate.go`).
    pub fn fitting(bytes: u64) -> Self {
        let mebibytes = bytes.div_ceil(MIB).max(1);
        let text = if mebibytes.is_multiple_of(GIB / MIB) {
            format!("{}Gi", mebibytes / (GIB / MIB))
        } else {
            format!("{mebibytes}Mi")
        };
        Self { text, bytes: mebibytes.saturating_mul(MIB) }
    }

    /// Returns the quantity of exactly `bytes`, as Kubernetes writes one of format `BinarySI`: with
    /// the largest power of 1,024 that leaves a whole number.
    pub(crate) fn exact(bytes: u64) -> Self {
        let mut powers = UNITS.iter().take(BINARY_UNITS).rev();
        let unit = powers.find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
        let text = match unit {
            Some((unit, factor)) => format!("{}{unit}", bytes / factor),
            None => bytes.to_string(),
        };
        Self { text, bytes }
    }

    /// Returns the number of bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
        let (unit, factor) = unit.map_or(("", 1), |(unit, factor)| (*unit, *factor));
        let number = text.strip_suffix(unit).unwrap_or(text);
        let bytes = parse_bytes(number, factor)?;
        if bytes == 0 {
            return Err(QuantityError::Zero);
        }
        Ok(Self { text: text.into(), bytes })
    }
}

fn parse_bytes(number: &str, factor: u64) -> Result<u64, QuantityError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > FRACTION_MAX {
        return Err(QuantityError::Syntax);
    }
    let factor = u128::from(factor);
    // Both are short enough now, or the number is too large.
    let scale = fraction.bytes().fold(1_u128, |scale, _| scale * 10);
    let fraction: u128 = fraction.parse().map_err(|_| QuantityError::Syntax)?;
    let whole: u64 = whole.parse().map_err(|_| QuantityError::TooLarge)?;
    let bytes = u128::from(whole) * factor + (fraction * factor).div_ceil(scale);
    let bytes = i64::try_from(bytes).map_err(|_| QuantityError::TooLarge)?;
    Ok(bytes.unsigned_abs())
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_quantities_are_those_of_kubernetes() {
        let check = |bytes: u64, expected: &str| {
            let quantity = Quantity::exact(bytes);
            assert_eq!((quantity.to_string().as_str(), quantity.bytes()), (expected, bytes));
            assert_eq!(expected.parse::<Quantity>().ok(), Some(quantity));
        };
        check(1, "1");
        check(1000, "1000");
        check(1 << 10, "1Ki");
        check(1536, "1536");
        check(1 << 20, "1Mi");
        check((1 << 20) + 512, "1049088");
        check((5 << 30) + (1 << 20), "5121Mi");
        check(10 << 30, "10Gi");
        check(3 << 40, "3Ti");
        check(1 << 60, "1Ei");
    }

    #[test]
    fn quantities_parse() {
        let check = |text: &str, expected: Option<u64>| {
            let found = text.parse::<Quantity>().ok();
            assert_eq!(found.as_ref().map(Quantity::bytes), expected, "{text}");
            assert!(found.is_none_or(|found| found.to_string() == text), "{text}");
        };
        check("10Gi", Some(10 << 30));
        check("512M", Some(512_000_000));
        check("1k", Some(1000));
        check("4096", Some(4096));
        check("1.5Ti", Some(3 << 39));
        check("0.1", Some(1));
        check("1.0000000001Gi", None);
        check("7Ei", Some(7 << 60));
        check("9223372036854775807", Some((1 << 63) - 1));
        for wrong in
            ["", "Gi", "10 Gi", "-1Gi", "+1", "1e3", "10gi", "10GiB", "1,5Gi", ".5Gi", "1.Gi", "1m"]
        {
            check(wrong, None);
        }
        let refused = |text: &str, expected: QuantityError| {
            assert_eq!(text.parse::<Quantity>(), Err(expected), "{text}");
        };
        refused("1GiB", QuantityError::Syntax);
        refused("0", QuantityError::Zero);
        refused("0.0Gi", QuantityError::Zero);
        refused("8Ei", QuantityError::TooLarge);
        refused("16Ei", QuantityError::TooLarge);
        refused("9223372036854775808", QuantityError::TooLarge);
        refused("99999999999999999999", QuantityError::TooLarge);
    }

    #[test]
    fn a_disk_fits() {
        let check = |bytes: u64, expected: &str| {
            let found = Quantity::fitting(bytes);
            assert_eq!(found.to_string(), expected);
            assert_eq!(expected.parse::<Quantity>(), Ok(found.clone()), "{expected}");
            assert!(found.bytes() >= bytes);
        };
        check(0, "1Mi");
        check(1, "1Mi");
        check(MIB, "1Mi");
        check(MIB + 1, "2Mi");
        check(5 << 30, "5Gi");
        check((5 << 30) - 1, "5Gi");
        check((5 << 30) + 1, "5121Mi");
        check(1 << 50, "1048576Gi");
    }
}
