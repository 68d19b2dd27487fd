//! The *contract* is what KubeVirt and its importer, CDI, accept in an image: the same rules
//! refuse a wrong image before it is built and judge one that is finished.

pub(crate) mod disk;
pub mod labels;
