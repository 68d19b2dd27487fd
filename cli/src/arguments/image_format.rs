//! The *format* of documents, `--format`.

use clap::ValueEnum;
use diskette_builder::oci::image::format::ImageFormat;

/// A value of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatKind {
    /// OCI image specification
    Oci,
    /// Docker's Image Manifest V2, Schema 2, for old registries
    Docker,
}

impl From<FormatKind> for ImageFormat {
    fn from(kind: FormatKind) -> Self {
        match kind {
            FormatKind::Oci => Self::Oci,
            FormatKind::Docker => Self::Docker,
        }
    }
}
