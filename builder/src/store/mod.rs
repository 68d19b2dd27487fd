//! The *store* is where images lie on disk: an OCI image layout, as a directory or as an archive
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>).

mod archive;
mod index;
mod layout;
mod writeback;

pub use archive::Archive;
pub use layout::Layout;

/// Where blobs lie in a layout.
const BLOBS: &str = "blobs/sha256";

/// The file that names the images of a layout.
const INDEX: &str = "index.json";
