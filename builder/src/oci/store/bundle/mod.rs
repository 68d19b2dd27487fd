//! A *bundle* is an OCI archive with the images of many repositories, which is carried to where the registry cannot be
//! reached. Its bytes depend only on the images and their order, so that an interrupted bundle is continued: what was
//! written is compared with what would be written. It can be split into parts of a given size.
//!
//! - `files`: the files that there are before it is written
//! - `parts`: the files of a bundle that is being written
//! - `tape`: the tar in them
//! - `sink`: receives images
//! - `base`: what an earlier bundle has

mod base;
mod files;
mod missing;
mod parts;
mod sink;
mod tape;

pub use self::base::BundleBase;
pub use self::files::{bundle_file_names, find_parts};
pub use self::missing::find_missing;
pub use self::sink::BundleSink;
