//! Turns virtual-machine disks into OCI images in one pass over the bytes.
//!
//! Frontends read what a person wrote and lower it to a [`recipe`]; [`build`] makes the
//! [`layer`]s and the [`image`]'s documents and hands them to a [`sink`], such as the layouts of
//! [`store`]. The library never prints, never reads the environment or the clock, and opens no
//! path: directories, files, time and progress are given to it.

pub mod archive;
pub mod base;
pub mod build;
pub mod cache;
pub mod compare;
pub mod context;
pub mod contract;
pub mod convert;
pub mod copy;
pub mod credentials;
pub mod diagnostic;
pub mod disk;
pub mod examine;
pub mod extract;
pub mod frontend;
pub mod http;
pub mod image;
pub mod images;
pub mod join;
pub mod kubernetes;
pub mod layer;
mod moves;
pub mod overview;
mod path;
pub mod pattern;
pub mod progress;
pub mod proxy;
pub mod quay;
pub mod recipe;
pub mod registries;
pub mod registry;
pub mod secret;
pub mod sink;
pub mod source;
pub mod store;
pub mod survey;
pub mod sync;
pub mod tee;
pub mod tree;
pub mod unpacked;
pub mod upstream;
