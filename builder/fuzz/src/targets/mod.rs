//! What is done with the input of each target. A target panics if what the library makes of the input is wrong.

pub mod auth_file;
pub mod challenge;
pub mod content_range;
pub mod copy_tree;
pub mod credentials;
pub mod disk;
pub mod disk_discard;
pub mod disk_fat;
pub mod disk_gpt;
pub mod disk_iso;
pub mod disk_resize;
pub mod dockerfile;
pub mod dockerignore;
pub mod expansion;
pub mod files;
mod guest;
pub mod guest_qcow2;
pub mod guest_vdi;
pub mod guest_vhd;
pub mod guest_vhdx;
pub mod guest_vmdk;
pub mod http_exchange;
pub mod image_walk;
pub mod manifest;
pub mod members;
pub mod oci_archive;
pub mod ovf;
pub mod reference;
pub mod registries_conf;
pub mod releases;
pub mod render;
pub mod rpm;
pub mod run;
pub mod span;
pub mod spec;
pub mod statement;
pub mod tar_index;
pub mod toc;

use crate::Target;

/// All targets by name.
pub const ALL: &[(&str, Target)] = &[
    ("auth_file", auth_file::run),
    ("challenge", challenge::run),
    ("content_range", content_range::run),
    ("copy_tree", copy_tree::run),
    ("credentials", credentials::run),
    ("disk_discard", disk_discard::run),
    ("disk_fat", disk_fat::run),
    ("disk_gpt", disk_gpt::run),
    ("disk_iso", disk_iso::run),
    ("disk_luks", disk::luks),
    ("disk_parallels", disk::parallels),
    ("disk_qcow", disk::qcow),
    ("disk_qcow2", disk::qcow2),
    ("disk_qed", disk::qed),
    ("disk_raw", disk::raw),
    ("disk_resize", disk_resize::run),
    ("disk_vdi", disk::vdi),
    ("disk_vhd", disk::vhd),
    ("disk_vhdx", disk::vhdx),
    ("disk_vmdk", disk::vmdk),
    ("disk_vmdk_descriptor", disk::vmdk_descriptor),
    ("dockerfile", dockerfile::run),
    ("dockerignore", dockerignore::run),
    ("expansion", expansion::run),
    ("files_btrfs", files::run),
    ("files_ext", files::run),
    ("files_xfs", files::run),
    ("guest_qcow2", guest_qcow2::run),
    ("guest_vdi", guest_vdi::run),
    ("guest_vhd", guest_vhd::run),
    ("guest_vhdx", guest_vhdx::run),
    ("guest_vmdk", guest_vmdk::run),
    ("http_exchange", http_exchange::run),
    ("image_walk", image_walk::run),
    ("manifest", manifest::run),
    ("members", members::run),
    ("oci_archive", oci_archive::run),
    ("ovf", ovf::run),
    ("reference", reference::run),
    ("registries_conf", registries_conf::run),
    ("releases", releases::run),
    ("render", render::run),
    ("rpm_ndb", rpm::ndb),
    ("rpm_sqlite", rpm::sqlite),
    ("run", run::run),
    ("span", span::run),
    ("spec", spec::run),
    ("statement", statement::run),
    ("tar_index", tar_index::run),
    ("toc", toc::run),
];

/// Returns the longest beginning that is text.
fn valid_text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}
