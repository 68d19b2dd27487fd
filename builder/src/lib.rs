//! The library of the program `diskette`. It is published only so that `cargo install diskette` works;
//! nothing in it is promised to stay as it is.
//!
//! Frontends read what a person wrote and lower it to a [`recipe`]; the [`engine`] makes the layers and
//! documents of an [`oci`] image from it and hands them to a sink. The library never prints, never
//! reads the environment or the clock, and opens no path: directories, files, time and progress are
//! arguments.
//!
//! The wings, from the top down; each uses only those below it:

/// Follows releases: detects, builds and publishes what changed.
pub mod sync;

/// What the fuzz targets need of the inside.
#[doc(hidden)]
pub mod fuzzing;

/// The ways to ask the engine: spec, Dockerfile, VDDK.
pub mod frontend;

/// Builds images from recipes.
pub mod engine;

/// Reports on finished images: verify, inspect, diff, extract.
pub mod inspect;

/// Transfer, credentials and settings of registries.
pub mod registry;

/// What KubeVirt and CDI accept, and the Kubernetes objects that use an image.
pub mod cluster;

/// Where distributions publish their disks.
pub mod upstream;

/// What is said of images, and who says it: provenance.
pub mod attestation;

/// Signatures of images: made, checked, and what a policy requires of them.
pub mod signature;

/// The software of a guest: its packages, and documents that list them.
pub mod sbom;

/// The description of an image to build, and diagnostics that point at a line.
pub mod recipe;

/// Images as data, layouts and archives, copies.
pub mod oci;

/// Disk formats, guests, conversion.
pub mod disk;

/// HTTP, proxies, secrets.
pub mod net;

/// Recognizes and decompresses compressed files.
pub mod compression;
