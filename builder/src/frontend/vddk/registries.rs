//! Registries that strangers may pull from: VMware's licence forbids handing out the kit.

use crate::oci::image::reference::Reference;

/// Registries where an image is, or may be, for everybody, without its owner having opened it
/// explicitly. Clouds' registries for the accounts of one customer (ECR, GCR and pkg.dev, ACR) and
/// those in clusters are none.
const PUBLIC: [&str; 7] = [
    // A repository that a push makes is public, unless the account says otherwise.
    "docker.io",
    "registry-1.docker.io",
    // Private when it is pushed to first; public on plans that pay nothing, and often made so.
    "quay.io",
    // Private at first; takes over the visibility of the source repository that it is linked to.
    "ghcr.io",
    // As visible as the project.
    "registry.gitlab.com",
    // There is nothing private in these.
    "public.ecr.aws",
    "ttl.sh",
];

/// Tells whether strangers may be able to pull an image of this name.
pub fn may_be_public(name: &Reference) -> bool {
    PUBLIC.contains(&name.registry())
}
