//! A *recipe* says what an image shall be, without how or where to: for each platform the layers,
//! as lists of entries, and the image config. Frontends write recipes from what people wrote; the
//! engine builds them and cannot tell which frontend one came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::Span;
use crate::image::config::Config;
use crate::image::digest::Digest;
use crate::image::place::Place;
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
    /// What it stands on; nothing means `scratch`.
    pub base: Option<Base>,
    /// What is done on top of the base, first to last.
    pub steps: Vec<Step>,
    /// The image config, as it comes from the base and was changed; what layers and history there
    /// are is added when they are finished.
    pub config: Config,
    /// Set on its manifest alone; those of the recipe go before them.
    pub annotations: BTreeMap<String, String>,
}

impl PlatformRecipe {
    /// Returns the layers that have to be made, lowest first.
    pub fn layers(&self) -> impl Iterator<Item = &LayerRecipe> {
        self.steps.iter().filter_map(|step| match step {
            Step::Layer(layer) => Some(layer),
            Step::Config { .. } => None,
        })
    }
}

/// One entry of the image's history.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A layer.
    Layer(LayerRecipe),
    /// A change of the config alone.
    Config {
        /// What the image's history says of it.
        history: String,
    },
}

/// The image that another stands on. Its layers are taken as they are, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Where it is.
    pub place: Place,
    /// Its manifest, that of the platform.
    pub manifest: Digest,
    /// Lowest first.
    pub layers: Vec<BaseLayer>,
}

/// A layer of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLayer {
    /// An OCI media type: Docker's are translated, the bytes are the same.
    pub media_type: String,
    /// Of the blob.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file with the content of a source.
    File(SourceRecipe),
    /// A symbolic link and what it says, to be kept as it is.
    Symlink(String),
    /// Another name of a file that stands before it in the layer, whose path this is.
    Hardlink(String),
    /// What the layers below have at this path is gone
    /// (<https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>).
    Whiteout,
    /// What the layers below have in this directory is gone.
    Opaque,
}

/// Where a file's content comes from, and what must be true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecipe {
    /// A file or a URL.
    pub location: Location,
    /// How the content is packed there, if it is to be unpacked on its way into the layer.
    pub packing: Option<Packing>,
    /// Digest of the content as it lies there, before unpacking.
    pub checksum: Option<Checksum>,
    /// Where the user named it, for messages.
    pub origin: Option<Span>,
    /// What the disk in it is converted to on its way into the layer, if it is.
    pub convert: Option<Conversion>,
    /// What the content must be for the image to make sense.
    pub role: Role,
    /// What else is known of it, if it is downloaded; trees of thousands of files have none.
    pub download: Option<Box<Download>>,
}

impl SourceRecipe {
    /// Returns the recipe of a source of which nothing else is known.
    pub fn new(location: Location, role: Role) -> Self {
        let (packing, checksum, origin) = (None, None, None);
        Self { location, packing, checksum, origin, convert: None, role, download: None }
    }
}

/// What is known of a download beside its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Download {
    /// Where the same bytes are too, in the order in which they are asked for.
    pub mirrors: Vec<String>,
    /// How long the file is as it lies there, in bytes.
    pub size: Option<u64>,
    /// Digest of the content when it has been unpacked.
    pub unpacked: Option<Checksum>,
}

/// What a disk is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The disk itself, byte for byte.
    Raw,
    /// qcow2, version 3, whose clusters are packed or not.
    Qcow2(ClusterPacking),
}

/// How the clusters of a qcow2 are packed, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterPacking {
    /// They lie plain.
    None,
    /// Deflate, which qcow2 calls zlib: read by every QEMU.
    Zlib,
    /// RFC 8878: read by QEMU 5.1 and later.
    Zstd,
}

impl Conversion {
    /// Returns what a disk of this name is called when it has been converted: disk formats are told
    /// by the end of the name.
    pub fn file_name(self, name: &str) -> String {
        const ENDS: [&str; 11] =
            ["qcow2", "qcow", "raw", "img", "iso", "vmdk", "vhd", "vhdx", "vpc", "vdi", "qed"];
        let own: &[&str] = match self {
            Self::Raw => &["img", "raw"],
            Self::Qcow2(_) => &["qcow2"],
        };
        let is_in = |ends: &[&str], end: &str| ends.iter().any(|one| one.eq_ignore_ascii_case(end));
        match name.rsplit_once('.') {
            Some((_, end)) if is_in(own, end) => name.to_owned(),
            Some((stem, end)) if is_in(&ENDS, end) && !stem.is_empty() => {
                format!("{stem}.{}", own[0])
            }
            _ => format!("{name}.{}", own[0]),
        }
    }
}

/// Written into cache keys: `raw`, `qcow2`, `qcow2-zlib`, `qcow2-zstd`.
impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Qcow2(ClusterPacking::None) => "qcow2",
            Self::Qcow2(ClusterPacking::Zlib) => "qcow2-zlib",
            Self::Qcow2(ClusterPacking::Zstd) => "qcow2-zstd",
        })
    }
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
    /// A file in a build context.
    Context(ContextFile),
    /// An `http://` or `https://` address.
    Url(String),
    /// The bytes themselves, for example those of a here-document.
    Inline(Arc<[u8]>),
    /// A file in an archive.
    Member(Member),
}

impl Location {
    /// Returns the last part of the path, or of the URL's path; may be empty.
    pub fn file_name(&self) -> &str {
        let path = match self {
            Self::Path(path) => path.to_str().unwrap_or_default(),
            Self::Context(file) => &file.path,
            Self::Url(url) => {
                let end = url.find(['?', '#']).unwrap_or(url.len());
                let after_scheme = url[..end].split_once("://").map_or("", |(_, rest)| rest);
                after_scheme.split_once('/').map_or("", |(_, path)| path)
            }
            Self::Inline(_) | Self::Member(_) => "",
        };
        path.rsplit('/').next().unwrap_or_default()
    }
}

/// A file in a build context: it is opened without leaving the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// What the context is called; empty for the one that every build has.
    pub context: Arc<str>,
    /// Relative to the context, without links.
    pub path: String,
}

/// A regular file in a tar, packed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The tar.
    pub archive: Arc<Archive>,
    /// Where its content begins in the unpacked tar, in bytes.
    pub offset: u64,
    /// How long its content is, in bytes.
    pub size: u64,
}

/// A tar that files are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// A file, packed as it says itself.
    File(Box<SourceRecipe>),
    /// A layer of an image.
    Layer {
        /// Where the image is.
        place: Place,
        /// Of the blob.
        digest: Digest,
        /// Of the blob, in bytes.
        size: u64,
    },
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

impl Packing {
    /// What names of packed files end with.
    const ENDS: [(&str, Self); 4] =
        [(".gz", Self::Gzip), (".xz", Self::Xz), (".zst", Self::Zstd), (".bz2", Self::Bzip2)];

    /// Returns how a file of this name is packed, if its name says so.
    pub fn of_name(name: &str) -> Option<Self> {
        let is_end = |end: &str| {
            let start = name.len().checked_sub(end.len());
            start
                .and_then(|start| name.get(start..))
                .is_some_and(|own| own.eq_ignore_ascii_case(end))
        };
        Self::ENDS.iter().find(|(end, _)| is_end(end)).map(|(_, packing)| *packing)
    }

    /// Returns the name without the end that says how the file is packed, if it has that end.
    pub fn strip(self, name: &str) -> &str {
        let end = Self::ENDS.iter().find(|(_, packing)| *packing == self);
        match end {
            Some((end, _)) if Self::of_name(name) == Some(self) => &name[..name.len() - end.len()],
            _ => name,
        }
    }
}

/// A digest that a source's bytes must have, lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// 64 digits.
    Sha256(String),
    /// 128 digits.
    Sha512(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converted_disks_are_named_after_their_format() {
        let check = |name: &str, qcow2: &str, raw: &str| {
            assert_eq!(Conversion::Qcow2(ClusterPacking::Zlib).file_name(name), qcow2);
            assert_eq!(Conversion::Raw.file_name(name), raw);
        };
        check("vm.vmdk", "vm.qcow2", "vm.img");
        check("vm.1.VHDX", "vm.1.qcow2", "vm.1.img");
        check("vm.qcow2", "vm.qcow2", "vm.img");
        check("vm.QCOW2", "vm.QCOW2", "vm.img");
        check("vm.raw", "vm.qcow2", "vm.raw");
        check("vm.img", "vm.qcow2", "vm.img");
        check("debian-12.5", "debian-12.5.qcow2", "debian-12.5.img");
        check("disk", "disk.qcow2", "disk.img");
        check(".vmdk", ".vmdk.qcow2", ".vmdk.img");
    }
}
