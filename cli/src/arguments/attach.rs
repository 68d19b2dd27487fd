//! Options that *attach* an image to another.

use clap::Args;
use diskette_builder::oci::image::location::ImageLocation;

use super::image_name::parse_source;

/// The image that others are attached to.
#[derive(Debug, Default, Args)]
pub(crate) struct AttachArguments {
    /// Attach the image to this one, which the repository must have: `referrers` lists it there.
    /// The digest depends on it
    #[arg(long, value_name = "REF", value_parser = parse_source)]
    pub(crate) subject: Option<ImageLocation>,
}
