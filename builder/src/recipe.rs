//! A *recipe* says what an image shall be, without how or where to: for each platform the layers,
//! as lists of entries, and the image config. Frontends write recipes from what people wrote; the
//! engine builds them and cannot tell which frontend one came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostic::Span;
use crate::image::platform::Platform;
use crate::image::reference::Reference;

/// One image, for one or more platforms.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The names the finished image gets; none is allowed.
    pub names: Vec<Reference>,
    /// In the order of the index; no platform twice.
    pub platforms: Vec<PlatformRecipe>,
    /// Set on the index and on every manifest.
    pub annotations: BTreeMap<String, String>,
}

/// What one platform's image holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformRecipe {
    /// What it runs on.
    pub platform: Platform,
    /// Lowest first.
    pub layers: Vec<LayerRecipe>,
    /// Environment of the image config.
    pub env: BTreeMap<String, String>,
    /// Labels of the image config.
    pub labels: BTreeMap<String, String>,
}

/// One layer: entries in the order they have in the tar.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRecipe {
    /// What the image's history says of it.
    pub history: String,
    /// Parents stand before their children.
    pub entries: Vec<Entry>,
}

/// One file or directory of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Relative, `/` between parts, no `.` or `..`, no slash at either end.
    pub path: String,
    /// What it is, and where its content comes from.
    pub kind: EntryKind,
    /// Permission bits, e.g. `0o444`.
    pub mode: u32,
    /// Numeric owner and group; names are never written.
    pub owner: Owner,
}

/// Who owns an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file with the content of a source.
    File(SourceRecipe),
}

/// Where a file's content comes from, and what must be true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRecipe {
    /// A file or a URL.
    pub location: Location,
    /// How the content is packed there, if it is to be unpacked on its way into the layer.
    pub packing: Option<Packing>,
    /// Digest of the content as it lies there, before unpacking.
    pub checksum: Option<Checksum>,
    /// Where the user named it, for messages.
    pub origin: Option<Span>,
    /// What the content must be for the image to make sense.
    pub role: Role,
}

/// What a source is used as; decides what it is checked for before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A virtual machine's disk.
    Disk,
    /// Any other file.
    File,
}

/// A place that bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A path, absolute or relative to the directory of what the user wrote.
    Path(PathBuf),
    /// An `http://` or `https://` address.
    Url(String),
}

/// A compression that a source can be unpacked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952.
    Gzip,
    /// The .xz format, one or more streams.
    Xz,
    /// RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
}

/// A digest that a source's bytes must have, lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// 64 digits.
    Sha256(String),
    /// 128 digits.
    Sha512(String),
}
