//! Registries with public images: VMware's licence forbids distributing the kit.

use crate::oci::image::reference::Reference;

/// Registries in which an image is or may be public without an explicit step of its owner. Cloud
/// registries of one customer's accounts (ECR, GCR and pkg.dev, ACR) and registries in clusters are
/// not listed.
const PUBLIC_REGISTRIES: [&str; 7] = [
    // A repository that is created by a push is public, unless the account's settings differ.
    "docker.io",
    "registry-1.docker.io",
    // Private after the first push; free plans have public repositories only.
    "quay.io",
    // Private at first; inherits the visibility of the source repository that it is linked to.
    "ghcr.io",
    // As visible as the project.
    "registry.gitlab.com",
    // These have public repositories only.
    "public.ecr.aws",
    "ttl.sh",
];

/// Returns whether an image of this name may be public.
pub fn may_be_public(name: &Reference) -> bool {
    PUBLIC_REGISTRIES.contains(&name.registry())
}
