//! The *cluster* that uses an image: what KubeVirt and CDI accept, and the Kubernetes objects that
//! make them use it. No cluster is ever contacted.
//!
//! - [`contract`]: the rules of KubeVirt and CDI, and how an image is judged by them
//! - [`kubernetes`]: virtual machines, volumes and secrets, written as YAML
//! - `vm`: artifacts of virtual machines with their disks

pub mod contract;
pub mod disk_artifact;
pub mod kubernetes;
pub(crate) mod vm;
