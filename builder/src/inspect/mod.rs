//! To *inspect* a finished image is to report what is in it, whatever tool made it and wherever it
//! is stored. Whatever is wrong with the image is a result, not a reason to stop.
//!
//! - [`verify`]: every document and layer, held against the contract of KubeVirt and CDI
//! - [`overview`]: what the documents and the first bytes of the layers show, for the command `inspect`
//! - [`machine`]: what a virtual machine boots of an image
//! - [`diff`]: why two images differ
//! - [`extract`]: the disk as a file again
//! - [`guest`]: the disk of an image, read in any order
//! - `chunked`: what the table of contents of a layer in zstd:chunked says of the disk
//! - [`packages`]: the packages in the disk of an image
//! - [`vm`]: the virtual machine and the disks of a VM artifact

mod chunked;
pub mod diff;
pub mod extract;
mod facts;
pub mod guest;
mod kept;
pub mod machine;
pub mod overview;
pub mod packages;
pub mod verify;
pub mod vm;

pub use self::facts::artifact_kind;
