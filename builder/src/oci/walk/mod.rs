//! The *walk* over the documents of an image: from its index, or its only manifest, down to the
//! configs. All documents are read by a walk, within its limits: images are untrusted, and can
//! refer to anything any number of times.
//!
//! - [`DocumentWalk`] reads documents, each once, within [`DocumentLimits`]
//! - [`images`](DocumentWalk::images) lists the images of an index,
//!   [`choose`](DocumentWalk::choose) finds that of a platform
//! - [`closure`](DocumentWalk::closure) is all that belongs to an image, to copy it

mod closure;
mod error;
mod images;
mod limits;
mod reader;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use self::closure::ImageClosure;
pub use self::error::WalkError;
pub(crate) use self::images::{ImageEntry, NestedIndexes};
pub(crate) use self::limits::DocumentLimits;
pub(crate) use self::reader::{DocumentWalk, read_index};
pub(crate) use self::source::DocumentSource;
