//! An image's *format*: which family of media types its documents are written with. OCI's is the
//! standard, Docker's Image Manifest V2, Schema 2 is what old registries and clusters read
//! (<https://github.com/distribution/distribution/blob/main/docs/content/spec/manifest-v2-2.md>).

use oci_spec::image::MediaType;

/// A family of media types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Of the image specification.
    #[default]
    Oci,
    /// Docker's; its manifests have no annotations.
    Docker,
}

/// Media types of one thing in both families.
const TYPES: &[(&str, &str)] = &[
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ),
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ),
    ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"),
    ("application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"),
    (
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    (
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ),
];

impl Format {
    /// Returns what a media type is called in this family; one that only one family has stays.
    #[must_use]
    pub fn media_type(self, media_type: &MediaType) -> MediaType {
        let name = media_type.to_string();
        let found = TYPES.iter().find(|(oci, docker)| [*oci, *docker].contains(&name.as_str()));
        match (found, self) {
            (Some((oci, _)), Self::Oci) => MediaType::from(*oci),
            (Some((_, docker)), Self::Docker) => MediaType::from(*docker),
            (None, _) => media_type.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_have_a_name_in_both_families() {
        let check = |format: Format, from: &str, expected: &str| {
            assert_eq!(format.media_type(&MediaType::from(from)).to_string(), expected);
        };
        for (oci, docker) in TYPES {
            check(Format::Oci, oci, oci);
            check(Format::Oci, docker, oci);
            check(Format::Docker, oci, docker);
            check(Format::Docker, docker, docker);
        }
        check(Format::Docker, "application/x", "application/x");
    }
}
