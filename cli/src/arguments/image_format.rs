//! The *format* of documents, `--format`.

use clap::ValueEnum;
use diskette_builder::frontend::spec::SpecFormat;
use diskette_builder::oci::image::format::ImageFormat;

/// A value of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatKind {
    /// OCI image specification
    Oci,
    /// Docker's Image Manifest V2, Schema 2, for old registries
    Docker,
    /// The disk itself as an OCI artifact, which CRI-O mounts and KubeVirt 1.10 boots
    Artifact,
}

impl FormatKind {
    /// Returns the `format` of a spec that builds it.
    pub(crate) fn spec_format(self) -> SpecFormat {
        match self {
            Self::Oci | Self::Docker => SpecFormat::Oci,
            Self::Artifact => SpecFormat::Artifact,
        }
    }
}

impl From<FormatKind> for ImageFormat {
    fn from(kind: FormatKind) -> Self {
        match kind {
            FormatKind::Oci | FormatKind::Artifact => Self::Oci,
            FormatKind::Docker => Self::Docker,
        }
    }
}
