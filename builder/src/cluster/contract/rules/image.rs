//! Rules about indexes, manifests and configs.

super::table! {
    DOCUMENT = Error "document" {
        must: "every manifest, index and config that the image names is there, undamaged and readable",
        else: "nobody can pull the image",
        from: "OCI image specification, descriptor.md; containers/image, which CDI reads with",
        fix: "push or copy the image again from where it is whole",
    }
    INDEX_EMPTY = Error "index-empty" {
        must: "an index has an image",
        else: "there is nothing to pull: an index may hold attestations only after its images",
        from: "CDI pkg/importer/transport.go, by containers/image",
        fix: "build the image for at least one platform",
    }
    INDEX_UNKNOWN = Note "index-unknown" {
        must: "every entry of an index is an image for a platform",
        else: "entries for `unknown/unknown` are attestations, as BuildKit adds them; KubeVirt and CDI pass over them, \
               other tools count them as images",
        from: "BuildKit docs/attestations/attestation-storage.md",
        fix: "nothing need be done; with docker buildx, `--provenance=false --sbom=false` leaves them out",
    }
    INDEX_UNTOLD = Error "index-untold" {
        must: "an index says what platform each of its images is for; in an OCI index one image may leave it to its config",
        else: "CDI and the kubelet choose by platform and do not find the image: `no image found in image index for \
               architecture`; of several without a platform CDI takes the first, whatever it is for",
        from: "containers/image internal/manifest/oci_index.go and docker_schema2_list.go chooseInstance",
        fix: "build the index with platforms, for example with diskette",
    }
    INDEX_TWICE = Warning "index-twice" {
        must: "an index has one image for each platform",
        else: "readers take the first of them, and the other is never used",
        from: "containers/image and containerd, choosing from an index",
        fix: "leave the image out that is not wanted",
    }
    INDEX_VARIANT = Error "index-variant" {
        must: "each architecture of an index has an image that readers find when they ask for no variant",
        else: "CDI, CRI-O and podman find no image: they try no variant, `v8` of arm64, and `v5` to `v8` of arm; containerd \
               asks for none on amd64",
        from: "containers/image internal/pkg/platform/platform_matcher.go WantedPlatforms; CDI pkg/importer/transport.go",
        fix: "build the image for the architecture without a variant",
    }
    ARTIFACT = Error "artifact" {
        must: "the manifest is that of a container image: its config has an image's type, and it has no `artifactType`",
        else: "CDI refuses OCI artifacts (`NonImageArtifactError`), containerd cannot mount them (containerd#11907), and \
               KubeVirt up to 1.9 does not boot them; CRI-O takes an image with an `artifactType` for an artifact, and does \
               not unpack it",
        from: "CDI pkg/importer/transport.go checkBootcImage; KubeVirt pkg/virt-launcher/virtwrap/manager.go; CRI-O \
               internal/ociartifact/store.go",
        fix: "build a container image that has the disk in `/disk`, without an `artifactType`",
    }
    PLATFORM_MISSING = Error "platform-missing" {
        must: "the config says the architecture and the operating system",
        else: "containerd's import fails on it (kubevirt/containerdisks#43), and CDI refuses the image when a platform is \
               asked for: `manifest image architecture: \"\" doesn't match`",
        from: "CDI pkg/importer/transport.go",
        fix: "build the image with a platform, e.g. `--platform linux/amd64`",
    }
    PLATFORM_ARCHITECTURE = Error "platform-architecture" {
        must: "the architecture is one by Go's name",
        else: "nodes call their architecture `amd64` or `arm64`, never `x86_64` or `aarch64`, and find no image",
        from: "OCI image specification, config.md; CDI pkg/importer/transport.go",
        fix: "build the image with a platform such as `linux/arm64`",
    }
    PLATFORM_OS = Error "platform-os" {
        must: "the operating system is linux, whatever system the disk holds",
        else: "CDI and the nodes ask for images for linux: `no image found in image index for … OS \"linux\"`",
        from: "CDI pkg/importer/transport.go",
        fix: "build the image for `linux/…`",
    }
    PLATFORM_DIFFERS = Error "platform-differs" {
        must: "index and config say the same architecture and operating system",
        else: "one reader goes by the index, another by the config: CDI refuses the image or imports a disk for another \
               architecture",
        from: "CDI pkg/importer/transport.go",
        fix: "build the index anew from images for the right platforms",
    }
    PLATFORM_VARIANT = Warning "platform-variant" {
        must: "there is no variant but the usual one",
        else: "KubeVirt and CDI choose by operating system and architecture alone: an image for a certain variant may not \
               be found, or be taken for any",
        from: "CDI pkg/importer/transport.go; KubeVirt enhancements, VEP 48",
        fix: "build the image for the architecture without a variant",
    }
    HISTORY = Warning "history" {
        must: "the config's history has an entry for each layer",
        else: "tools that convert images, such as skopeo, refuse the image",
        from: "OCI image specification, config.md; containers/image, image/docker_schema2.go",
        fix: "build the image with a tool that writes the history",
    }
    LAYER_COUNT = Error "layer-count" {
        must: "the config has a diff ID for each layer of the manifest",
        else: "no container runtime unpacks the image",
        from: "OCI image specification, config.md; containerd rootfs/apply.go",
        fix: "build the image again: manifest and config do not belong together",
    }
    BOOTC_LABEL = Error "bootc-label" {
        must: "the image has none of bootc's labels",
        else: "CDI refuses it as a bootable container: `ErrBootcImageDetected`",
        from: "CDI pkg/importer/transport.go checkBootcImage",
        fix: "build from scratch, not on a bootc image; remove the labels `containers.bootc` and `ostree.bootable`",
    }
}
