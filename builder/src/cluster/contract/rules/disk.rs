//! Rules about the disk itself.

super::table! {
    DISK_BLANK = Error "disk-blank" {
        must: "the disk holds something",
        else: "a virtual machine finds nothing to boot",
        from: "QEMU takes any file for a raw disk, so KubeVirt and CDI do not notice",
        fix: "use the right file; was its download or conversion cut off?",
    }
    DISK_PACKED = Error "disk-packed" {
        must: "the disk is not compressed as a file",
        else: "neither KubeVirt nor CDI unpacks it: QEMU takes the compressed bytes for a raw disk, and boots or imports \
               garbage without an error",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/importer/registry-datasource.go",
        fix: "unpack it with `UNPACK DISK >NEW`, and name the result; in a spec, `unpack: SUFFIX` does that during the build",
    }
    DISK_TRUNCATED = Error "disk-truncated" {
        must: "the disk is complete",
        else: "what is missing is read as an error or as zeros by the virtual machine",
        from: "QEMU block/qcow2.c; UEFI specification, GPT",
        fix: "get the disk again; was its download or conversion cut off?",
    }
    DISK_OUTSIDE_FILE = Error "disk-outside-file" {
        must: "the disk's tables lie in the file, and not over each other",
        else: "QEMU refuses it, or reads garbage",
        from: "QEMU block/qcow2.c qcow2_do_open",
        fix: "get the disk again; was its download or conversion cut off?",
    }
    DISK_MALFORMED = Error "disk-malformed" {
        must: "the disk's header is one that its format allows",
        else: "`qemu-img info`, which KubeVirt and CDI call, refuses it or hangs",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/image/qemu.go",
        fix: "get the disk again, or make it anew",
    }
    DISK_CORRUPT = Error "disk-corrupt" {
        must: "the disk is not marked as corrupt",
        else: "QEMU opens it for reading only, and what it reads is wrong somewhere",
        from: "QEMU docs/interop/qcow2.txt, incompatible features",
        fix: "repair it with the program that wrote it, or make it anew",
    }
    DISK_UNKNOWN_FEATURE = Error "disk-unknown-feature" {
        must: "the disk needs no feature that QEMU does not know",
        else: "QEMU refuses it",
        from: "QEMU docs/interop/qcow2.txt, incompatible features",
        fix: "write it with the program that made it, in an older version of the format",
    }
    DISK_BACKING_FILE = Error "disk-backing-file" {
        must: "the disk has no backing file",
        else: "KubeVirt says `expected no backing file`, CDI `invalid backing file`: it would be read from the node",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/image/qemu.go",
        fix: "make one file of both, with the program that wrote them",
    }
    DISK_DATA_FILE = Error "disk-data-file" {
        must: "the disk's data is in it, not in another file",
        else: "the other file is not in the image, and QEMU would read it from the node (OSSA-2024-001)",
        from: "QEMU docs/interop/qcow2.txt; OpenStack OSSA-2024-001",
        fix: "make one file of both with `qemu-img convert -O qcow2 DISK new.qcow2`",
    }
    DISK_ENCRYPTED = Error "disk-encrypted" {
        must: "the disk file is not encrypted",
        else: "neither KubeVirt nor CDI has a key for it",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/image/qemu.go",
        fix: "decrypt it; encrypt file systems inside the virtual machine instead",
    }
    DISK_CDI_ONLY = Error "disk-cdi-only" {
        must: "the disk is qcow2 or raw",
        else: "CDI imports vmdk, vhd, vhdx and vdi, but KubeVirt refuses a containerDisk of them: `unsupported image format`",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/image/qemu.go",
        fix: "build with `--convert qcow2`, or `convert: qcow2` in a spec; pass `--allow-cdi-only` if CDI alone will import the image",
    }
    DISK_UNSUPPORTED = Error "disk-unsupported" {
        must: "the disk is of a format that KubeVirt and CDI know",
        else: "KubeVirt takes qcow2 and raw, CDI vmdk, vpc, vhdx and vdi too; all others are refused",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/image/qemu.go",
        fix: "use the right file, or convert it to qcow2 with a program that reads its format",
    }
    DISK_MISNAMED = Error "disk-misnamed" {
        must: "the disk is of the format that its name says",
        else: "QEMU goes by the content: what is not what it is called is booted as a raw disk, often an error page or a part",
        from: "KubeVirt pkg/os/disk/validation.go, which leaves the format to `qemu-img info`",
        fix: "is it the right file? if so, rename it after its content",
    }
    DISK_DIRTY = Warning "disk-dirty" {
        must: "the disk was closed properly",
        else: "its reference counts may be wrong; QEMU repairs them each time that it opens the disk for writing",
        from: "QEMU docs/interop/qcow2.txt, incompatible features",
        fix: "repair it with `qemu-img check -r all DISK`",
    }
    DISK_SNAPSHOTS = Warning "disk-snapshots" {
        must: "the disk has no internal snapshots",
        else: "they are carried along, but neither KubeVirt nor CDI can use them",
        from: "CDI pkg/image/qemu.go, which converts the active state only",
        fix: "drop them with `qemu-img convert -O qcow2 DISK new.qcow2`",
    }
    DISK_SECTOR_SIZE = Warning "disk-sector-size" {
        must: "the disk's partition table is for sectors of 512 bytes",
        else: "disks of virtual machines have such sectors unless `blockSize` says otherwise: the firmware finds no partition",
        from: "UEFI specification, GPT; KubeVirt staging/src/kubevirt.io/api/core/v1/schema.go BlockSize",
        fix: "set `blockSize: {custom: {logical: 4096, physical: 4096}}` of the disk in the VirtualMachine, or install the system \
              on a disk with sectors of 512 bytes",
    }
    DISK_ARCHITECTURE = Warning "disk-architecture" {
        must: "the boot loader on the disk is for the image's architecture",
        else: "the virtual machine's firmware finds nothing to boot",
        from: "UEFI specification, removable media boot; KubeVirt takes the image that is for the node's architecture",
        fix: "is it the right disk for this platform?",
    }
}
