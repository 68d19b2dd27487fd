//! Rules about VM artifacts: virtual machines with their disks, as KubeVirt exports and imports them.

super::table! {
    VM_TYPE = Error "vm-type" {
        must: "index, manifest and config of a VM artifact have the types of the same kind of object, a virtual machine or a template",
        else: "importers refuse the artifact: `unsupported artifactType`, `does not match manifest artifactType`",
        from: "kubevirt/virt-import internal/artifact ValidateManifest; KubeVirt hack/oci-import.sh",
        fix: "build it again with `kind: vm`",
    }
    VM_CONFIG = Error "vm-config" {
        must: "the config of a VM artifact is a VirtualMachine or a VirtualMachineTemplate with a name, as its type says; its \
               volumes have different names, and those of a VirtualMachine are not DataVolumes",
        else: "importers cannot make the virtual machine: `expected …`, `PVC volumes only`, `must not have the same Name`",
        from: "kubevirt/virt-import internal/artifact ValidateConfig; KubeVirt cmd/virt-exportserver prepareVMConfig, \
               pkg/virt-api/webhooks/validating-webhook/admitters validateVolumes",
        fix: "build it again with `kind: vm`, which turns DataVolumes into claims",
    }
    VM_CLUSTER = Warning "vm-cluster" {
        must: "the config of a VM artifact has none of the fields that a cluster sets",
        else: "another cluster refuses to create the object: `resourceVersion should not be set on objects to be created`",
        from: "KubeVirt hack/oci-import.sh, which calls `kubectl create`; cmd/virt-exportserver prepareVMConfig",
        fix: "build it again with `kind: vm`, which removes them",
    }
    VM_PLATFORM = Error "vm-platform" {
        must: "an index of VM artifacts has one manifest for each architecture, on linux, and its virtual machine is for that \
               architecture; one that names none is for amd64",
        else: "importers choose by the index: they find none, several, or a machine for another architecture",
        from: "kubevirt/virt-import internal/artifact SelectManifest and ConfigArchitecture",
        fix: "build it again, with `spec.template.spec.architecture` as the platform or left out",
    }
    VM_LAYER = Error "vm-layer" {
        must: "every layer of a VM artifact is a raw disk, compressed with zstd, in no tar: \
               `application/vnd.kubevirt.disk.raw+zstd`",
        else: "importers refuse the artifact: `unsupported media type`, or cannot decompress the disk",
        from: "kubevirt/virt-import internal/artifact ValidateManifest; KubeVirt pkg/storage/oci/oci.go",
        fix: "build it again with `kind: vm`",
    }
    VM_DISK_NAME = Error "vm-disk-name" {
        must: "every layer of a VM artifact names its disk in `io.kubevirt.disk.name`, each another",
        else: "importers refuse the artifact: `named by more than one layer`",
        from: "kubevirt/virt-import internal/artifact ValidateManifest",
        fix: "build it again with `kind: vm`",
    }
    VM_DISK_SIZE = Error "vm-disk-size" {
        must: "every layer of a VM artifact has the size of its disk in `io.kubevirt.disk.size`, a quantity of Kubernetes, and the \
               disk is not larger",
        else: "importers refuse the artifact, or make a volume on which the disk does not fit",
        from: "kubevirt/virt-import internal/artifact ValidateManifest; KubeVirt pkg/storage/oci/oci.go",
        fix: "build it again with `kind: vm`",
    }
    VM_DISK_VOLUME = Error "vm-disk-volume" {
        must: "every volume of the virtual machine that is a claim has a layer of its name, and every layer has such a volume",
        else: "importers refuse the artifact: `is not named by any disk layer`, `does not name a PVC volume`",
        from: "kubevirt/virt-import internal/artifact ValidateConfig",
        fix: "build it again with a disk for each of the claims",
    }
    VM_DISK_FORMAT = Warning "vm-disk-format" {
        must: "the disk in a layer of a VM artifact is raw, not a file of another format",
        else: "importers that write the layer to a block device as it is make a disk that does not boot",
        from: "KubeVirt enhancements, VEP 256; kubevirt pkg/storage/oci/oci.go",
        fix: "build it again with `kind: vm`, which converts disks to raw",
    }
    VM_KUBEVIRT = Warning "vm-kubevirt" {
        must: "KubeVirt is 1.10 or later, to import a VM artifact itself",
        else: "nothing in the cluster makes the virtual machine and its volumes of the artifact",
        from: "KubeVirt enhancements, VEP 395, which is alpha in 1.10",
        fix: "import it with KubeVirt's script `hack/oci-import.sh`, or create what `diskette manifests vm,pvc` writes, and fill the volumes",
    }
}
