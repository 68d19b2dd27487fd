//! The text of sources in messages.

use std::fmt;

use super::{Checksum, SourceLocation, TarOrigin};

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) if file.directory.is_empty() => write!(f, "{}", file.path.display()),
            Self::File(file) => write!(f, "{}:{}", file.directory, file.path.display()),
            Self::Url(url) => f.write_str(url),
            Self::Inline(bytes) => write!(f, "{} bytes given inline", bytes.len()),
            Self::Member(member) => write!(f, "{} at byte {}", member.archive, member.offset),
        }
    }
}

impl fmt::Display for TarOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source) => write!(f, "{}", source.location),
            Self::Layer { location, digest, .. } => write!(f, "layer {digest} of {location}"),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digits) => write!(f, "sha256:{digits}"),
            Self::Sha512(digits) => write!(f, "sha512:{digits}"),
        }
    }
}
