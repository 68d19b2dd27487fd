//! The *schemes* of image names: those that are supported, and what to write in place of the others.

use super::StoreKind;

/// Schemes in one line, for messages.
pub(super) const SCHEMES: &str =
    "`oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:REF]` and `docker://REF`";

/// Schemes of skopeo, buildx and browsers that are not supported, and what to write instead.
const UNSUPPORTED: &[(&[&str], &str)] = &[
    (
        &["docker-daemon", "containers-storage", "docker-image-store"],
        "`docker-archive:FILE` and `oci-archive:FILE` carry images to and from docker and podman",
    ),
    (&["dir", "ostree", "sif", "tarball", "atomic"], "use `oci:DIR` or `oci-archive:FILE`"),
    (&["oci-layout"], "write it as `oci:DIR` or `oci:DIR:TAG`"),
    (&["docker-image"], "write it as `docker://quay.io/me/fedora:42`"),
    (&["http", "https"], "a registry is named without `https://`, e.g. `quay.io/me/fedora:42`"),
    (&["file"], "write the path itself"),
];

/// Returns the kind of store of a scheme.
pub(super) fn store_kind(scheme: &str) -> Option<StoreKind> {
    let all = [StoreKind::Layout, StoreKind::OciArchive, StoreKind::DockerArchive];
    all.into_iter().find(|kind| kind.scheme() == scheme)
}

/// Returns the message for a scheme that other programs have and that is not supported.
pub(super) fn unsupported(scheme: &str) -> Option<String> {
    let lower = scheme.to_ascii_lowercase();
    if lower != scheme && (store_kind(&lower).is_some() || lower == "docker") {
        return Some(format!("unknown scheme `{scheme}:`; write it in lower case, `{lower}:`"));
    }
    let (_, help) = UNSUPPORTED.iter().find(|(names, _)| names.contains(&lower.as_str()))?;
    Some(format!("`{scheme}:` is not supported; {help}"))
}

/// Returns the message for a scheme that nothing has.
pub(super) fn unknown(scheme: &str) -> String {
    format!("unknown scheme `{scheme}:`; there are {SCHEMES}")
}

/// Returns whether text before a colon can be meant as a scheme, and not as a host or a repository.
pub(super) fn is_scheme(text: &str) -> bool {
    text != "localhost"
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '+')
}
