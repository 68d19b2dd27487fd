//! A *frontend* reads what a person wrote and lowers it to recipes. Whatever is wrong with the
//! text is found here, before any disk is touched, and reported where it stands.

pub mod dockerfile;
pub mod spec;
pub mod vddk;
