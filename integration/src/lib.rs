//! What the integration tests share. They use only the program, as a user would, and check its
//! images with other programs.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "only tests use this, and a test fails by panicking"
)]

pub mod bootable;
pub mod certificates;
pub mod cluster;
pub mod container;
pub mod daemon;
pub mod disk;
pub mod docker_registry;
pub mod dockerfile;
pub mod guest_root;
pub mod image;
pub mod image_volume;
pub mod kubernetes;
pub mod machine;
pub mod nginx;
pub mod pairs;
pub mod peer;
pub mod proxy;
pub mod qemu_img;
pub mod recorder;
pub mod registry;
pub mod scene;
pub mod server;
pub mod token_server;
pub mod trixie;
pub mod upstream;
