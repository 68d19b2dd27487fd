//! Rules about disk artifacts, which a runtime mounts as a volume, as they are.

super::table! {
    ARTIFACT_LAYER = Error "artifact-layer" {
        must: "a disk artifact has one layer, which is the disk itself: in no tar, and not compressed",
        else: "KubeVirt finds no disk: CRI-O mounts each layer as a file, as it is, and KubeVirt takes the only file",
        from: "KubeVirt pkg/virt-launcher/virtwrap/manager.go findDiskFileInImageVolume; CRI-O internal/ociartifact/store.go",
        fix: "build it again with `--format artifact`",
    }
    ARTIFACT_TITLE = Error "artifact-title" {
        must: "the layer of a disk artifact has a file name in `org.opencontainers.image.title`, without `/`, of at most 255 bytes",
        else: "CRI-O does not mount the artifact: it names the file by this annotation",
        from: "CRI-O internal/ociartifact/store.go; containers libartifact store.go",
        fix: "build it again with `--format artifact`, or name the file without a directory: `oras push REF disk.qcow2`",
    }
    ARTIFACT_CONFIG = Warning "artifact-config" {
        must: "the config of a disk artifact is the empty one, `application/vnd.oci.empty.v1+json`",
        else: "some tools take the config for something that they have to understand",
        from: "OCI image specification, manifest.md, guidelines for artifact usage",
        fix: "build it again with `--format artifact`",
    }
    ARTIFACT_KUBEVIRT = Error "artifact-kubevirt" {
        must: "KubeVirt is 1.10 or later, to boot from a disk artifact",
        else: "earlier versions make a container of the image, which fails with `CreateContainerError`, and look for the disk \
               in `/disk` alone",
        from: "kubevirt/kubevirt#18491",
        fix: "build a container image that has the disk in `/disk`: leave out `--format artifact`",
    }
    ARTIFACT_RUNTIME = Error "artifact-runtime" {
        must: "the container runtime of the nodes is CRI-O, to mount a disk artifact",
        else: "containerd cannot mount artifacts as volumes",
        from: "containerd#11907 and containerd#11381",
        fix: "build a container image that has the disk in `/disk`: leave out `--format artifact`",
    }
}
