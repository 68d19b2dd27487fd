//! Dockerfiles as **cases**: each is built by diskette and by buildah, and both images are compared
//! with the result that the case expects.
//!
//! A [`case::Case`] has a Dockerfile, a context, and a result: the entries and the fields by which
//! the image differs from its base. [`entry`] is the notation of a file in one line, in contexts,
//! in the layers of a [`base::Base`] and in results. [`built`] reads an image back, [`tree`] and
//! [`config`] are its two parts and find their differences, the [`builder`]s build, and the [`judge`]
//! compares their results with the case.

pub mod base;
pub mod builder;
pub mod built;
pub mod case;
pub mod compression;
pub mod config;
pub mod context;
pub mod documents;
pub mod entry;
pub mod judge;
pub mod layer;
pub mod record;
pub mod sections;
pub mod tree;
