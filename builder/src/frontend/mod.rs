//! A *frontend* reads what a person wrote and lowers it to recipes. Whatever is wrong with the
//! text is found here, before any disk is touched, and reported where it stands.
//!
//! - [`spec`]: `diskette.yaml`, and catalogues of it
//! - [`dockerfile`]: a Dockerfile, evaluated without executing anything
//! - [`vddk`]: VMware's Virtual Disk Development Kit

pub mod artifact;
pub mod dockerfile;
pub mod spec;
pub mod vddk;
