//! The *list of parts*: their names and SHA-256, in the format of `sha256sum`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::oci::image::digest::Digest;

/// The most parts of a bundle: their names have three digits, so that they are sorted as they follow each other.
pub(super) const PARTS_MAX: usize = 1000;

/// The longest list that is read, in bytes.
pub const LIST_MAX: usize = 1 << 20;

/// The parts of a bundle, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartList(pub Vec<PartChecksum>);

/// A part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChecksum {
    /// Name of the file, without directories.
    pub name: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// A text is no list of parts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {0} is not a checksum and the name of a part")]
pub struct PartListError(usize);

/// Returns the name of a part of the bundle `name`.
pub(super) fn part_name(name: &str, number: usize) -> String {
    format!("{name}.{number:03}")
}

impl PartList {
    /// Returns the name of the file with the list for the bundle `name`.
    pub fn file_name(name: &str) -> String {
        format!("{name}.sha256")
    }

    /// Returns whether the parts have the names of those of the bundle `name`.
    pub(super) fn is_of(&self, name: &str) -> bool {
        let mut parts = self.0.iter().enumerate();
        parts.all(|(number, part)| part.name == part_name(name, number))
    }
}

impl FromStr for PartList {
    type Err = PartListError;

    fn from_str(text: &str) -> Result<Self, PartListError> {
        let parse = |(number, line): (usize, &str)| {
            let wrong = PartListError(number + 1);
            let (hex, name) = line.split_once("  ").ok_or(wrong.clone())?;
            let digest = format!("sha256:{hex}").parse().map_err(|_| wrong.clone())?;
            let is_name = !name.is_empty() && !name.contains('/') && number < PARTS_MAX;
            is_name.then(|| PartChecksum { name: name.into(), digest }).ok_or(wrong)
        };
        let parts: Vec<PartChecksum> =
            text.lines().enumerate().map(parse).collect::<Result<_, _>>()?;
        if parts.is_empty() { Err(PartListError(1)) } else { Ok(Self(parts)) }
    }
}

impl fmt::Display for PartList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| writeln!(f, "{}  {}", part.digest.to_hex(), part.name))
    }
}
