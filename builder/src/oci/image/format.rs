//! An image's *format*: the family of media types of its documents. OCI's is the standard; Docker's
//! Image Manifest V2, Schema 2 is for old registries and clusters
//! (<https://github.com/distribution/distribution/blob/main/docs/content/spec/manifest-v2-2.md>).

use oci_spec::image::MediaType;

/// Media type of the empty config
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor>).
pub(crate) const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";

/// A family of media types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ImageFormat {
    /// The media types of the OCI image specification.
    #[default]
    Oci,
    /// Docker's media types; their manifests have no annotations.
    Docker,
}

/// Media type of an index in OCI's family.
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Media type of a manifest in OCI's family.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Media type of an image's config in OCI's family.
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Media types with the same meaning in OCI's and in Docker's family.
const TYPES: &[(&str, &str)] = &[
    (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"),
    (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"),
    (OCI_CONFIG, "application/vnd.docker.container.image.v1+json"),
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

impl ImageFormat {
    /// Returns a media type translated to this family; one without a counterpart is unchanged.
    #[must_use]
    pub(crate) fn media_type(self, media_type: &MediaType) -> MediaType {
        match (find_media_type(media_type.as_ref()), self) {
            (Some((oci, _)), Self::Oci) => MediaType::from(*oci),
            (Some((_, docker)), Self::Docker) => MediaType::from(*docker),
            (None, _) => media_type.clone(),
        }
    }
}

/// Returns whether a media type is that of an index, in either family.
pub(crate) fn is_index(media_type: &str) -> bool {
    find_media_type(media_type).is_some_and(|(oci, _)| *oci == OCI_INDEX)
}

/// Returns whether a media type is that of a manifest, in either family.
pub(crate) fn is_manifest(media_type: &str) -> bool {
    find_media_type(media_type).is_some_and(|(oci, _)| *oci == OCI_MANIFEST)
}

/// Returns whether a media type is that of an image's config, in either family.
pub(crate) fn is_image_config(media_type: &str) -> bool {
    find_media_type(media_type).is_some_and(|(oci, _)| *oci == OCI_CONFIG)
}

fn find_media_type(media_type: &str) -> Option<&'static (&'static str, &'static str)> {
    TYPES.iter().find(|(oci, docker)| [*oci, *docker].contains(&media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_have_a_name_in_both_families() {
        let check = |format: ImageFormat, from: &str, expected: &str| {
            assert_eq!(format.media_type(&MediaType::from(from)).to_string(), expected);
        };
        for (oci, docker) in TYPES {
            check(ImageFormat::Oci, oci, oci);
            check(ImageFormat::Oci, docker, oci);
            check(ImageFormat::Docker, oci, docker);
            check(ImageFormat::Docker, docker, docker);
        }
        check(ImageFormat::Docker, "application/x", "application/x");
    }

    #[test]
    fn documents_are_told_apart_by_their_media_types() {
        let kinds = |media_type| {
            [is_index(media_type), is_manifest(media_type), is_image_config(media_type)]
        };
        for (number, (oci, docker)) in TYPES.iter().enumerate() {
            let expected = [number == 0, number == 1, number == 2];
            assert_eq!((kinds(oci), kinds(docker)), (expected, expected), "{oci}");
        }
        assert_eq!(kinds(""), [false; 3]);
    }
}
