//! Base images in KubeVirt's documentation that no longer exist.

/// Base images in KubeVirt's documentation that no longer exist: they had an empty `/disk`, and
/// today's KubeVirt needs nothing of them. The last is in its design documents only.
const CONTAINER_DISKS: [&str; 3] =
    ["kubevirt/container-disk-v1alpha", "kubevirt/registry-disk-v1alpha", "kubevirt.io:disk"];

/// Returns whether a name is one of KubeVirt's old base images, whatever its registry and tag.
pub(super) fn is_container_disk(name: &str) -> bool {
    let [alpha, registry, design] = CONTAINER_DISKS;
    let path = name.split('@').next().unwrap_or(name);
    let path = match path.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => path,
        _ => path,
    };
    let path = path.strip_prefix("docker.io/").or(path.strip_prefix("quay.io/")).unwrap_or(path);
    name == design || path == alpha || path == registry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubevirts_old_bases_are_known() {
        let check = |name: &str, expected: bool| {
            assert_eq!(is_container_disk(name), expected, "{name}");
        };
        check("kubevirt/container-disk-v1alpha", true);
        check("kubevirt/container-disk-v1alpha:v0.13.0", true);
        check("docker.io/kubevirt/container-disk-v1alpha", true);
        check("kubevirt/registry-disk-v1alpha:v0.10.0", true);
        check("quay.io/kubevirt/container-disk-v1alpha@sha256:00", true);
        check("kubevirt.io:disk", true);
        check("kubevirt.io:other", false);
        check("example.com/kubevirt/container-disk-v1alpha", false);
        check("kubevirt/container-disk-v2alpha", false);
        check("example.com:5000/kubevirt", false);
    }
}
