//! `--referrers`: what is copied with an image.

use clap::Args;
use diskette_builder::oci::attachments::AttachmentSelector;

/// What is copied with an image.
#[derive(Debug, Args)]
pub(crate) struct ReferrersSelection {
    /// What is copied with an image and the images of its platforms: all, none, or some of sig, att,
    /// sbom (cosign's tags) and artifact types such as application/spdx+json
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub(crate) referrers: AttachmentSelector,
}
