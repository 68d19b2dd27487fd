//! *Attachments* belong to an image, and are copied with it: signatures, attestations and SBOMs. They are referrers, or
//! have a tag that cosign makes of the digest of the image
//! (<https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>). The image of each platform has its own, and an
//! attachment can have some too.
//!
//! - [`selector`]: which attachments are copied
//! - [`search`]: all attachments of an image
//! - [`union`]: one manifest of two with the same tag, so that no signature of the destination is lost
//! - [`tag_update`]: adds to a tag at the destination, which other clients can change at the same time
//! - [`list`]: what belongs to an image, to show it
//! - [`publish`]: writes what was found to a sink

mod list;
mod publish;
mod search;
mod selector;
mod tag_update;
#[cfg(test)]
mod tests;
pub(crate) mod union;

pub use list::{Attachment, list_attachments};
pub(crate) use publish::put_attachments;
pub(crate) use search::find_attachments;
pub use selector::{AttachmentSelector, AttachmentSelectorError};
pub(crate) use tag_update::{TagUpdate, update_tags};
