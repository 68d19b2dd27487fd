//! Dockerfiles as **cases**: each is built by us and by a peer, and both images are held against what
//! the case says shall come out.
//!
//! A [`case::Case`] has a Dockerfile, a context, and a result: the entries and the fields by which
//! the image differs from its base. [`entry`] is how files are written down in one line, in contexts,
//! in the layers of a [`base::Base`] and in results alike. [`built`] reads an image back, [`tree`] and
//! [`config`] are its two halves and find their differences, the [`builder`]s build, and the [`judge`]
//! asks them and tells what is wrong.

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
