//! Rules about the paths of files in the image.

super::table! {
    DISK_PATH = Error "disk-path" {
        must: "the disk is a file at the path that `containerDisk.path` names, if it names one",
        else: "KubeVirt does not find the disk",
        from: "KubeVirt pkg/container-disk/container-disk.go GetImage",
        fix: "name the path of the file itself, or put the disk into `/disk` and name none",
    }
    DISK_NAME = Error "disk-name" {
        must: "the disk's name has only letters, digits, `.`, `_`, `+` and `-`",
        else: "CDI takes the path of the disk for a URL: it does not find the file, or crashes",
        from: "CDI pkg/importer/registry-datasource.go Transfer; tools/cdi-containerimage-server/main.go",
        fix: "rename the disk in the image: `COPY DISK /disk/disk.img`, or `name: disk.img` in a spec",
    }
    DISK_MISSING = Error "disk-missing" {
        must: "there is a file in `/disk`",
        else: "KubeVirt says `no file found in folder /disk, no disk present`, CDI `Failed to find VM disk image file in the \
               container image`",
        from: "KubeVirt pkg/container-disk/container-disk.go GetImage; CDI pkg/importer/transport.go",
        fix: "put the disk into `/disk`: `COPY my.qcow2 /disk/`, with the slash at the end",
    }
    KERNEL_ONLY = Warning "kernel-only" {
        must: "an image with a kernel in `/boot` has a disk as well",
        else: "it can be used for `kernelBoot` only: as a containerDisk, or imported by CDI, it has no disk",
        from: "KubeVirt user guide, boot_from_external_source.md",
        fix: "nothing need be done if it is meant for `kernelBoot`; else put the disk into `/disk`",
    }
    DISK_SEVERAL = Error "disk-several" {
        must: "there is exactly one entry in `/disk`; hidden files and directories count",
        else: "KubeVirt says `more than one file found in folder /disk, only one disk is allowed`",
        from: "KubeVirt pkg/container-disk/container-disk.go GetImage; CDI tools/cdi-containerimage-server/main.go",
        fix: "leave only the disk in `/disk`; make an image for each disk",
    }
    DISK_NOT_DIRECTORY = Error "disk-not-directory" {
        must: "`/disk` is a directory",
        else: "KubeVirt fails with `readdirent: not a directory` (kubevirt#3047), CDI with `image file does not exist in image \
               directory`; `ADD my.qcow2 /disk` on scratch makes a file",
        from: "KubeVirt pkg/container-disk/container-disk.go GetImage; CDI pkg/importer/registry-datasource.go",
        fix: "write the slash at the end: `COPY my.qcow2 /disk/`",
    }
    DISK_NESTED = Error "disk-nested" {
        must: "the disk lies in `/disk` itself, not in a directory in it",
        else: "CDI says `image directory contains another directory`, and KubeVirt takes the directory for the disk",
        from: "CDI pkg/importer/registry-datasource.go; KubeVirt pkg/container-disk/container-disk.go GetImage",
        fix: "move the disk up into `/disk`",
    }
    DISK_LINK = Error "disk-link" {
        must: "the disk is a file, not a link to one",
        else: "CDI writes what the layer has for the link: an empty file",
        from: "CDI pkg/importer/transport.go, processLayer",
        fix: "put the file itself into `/disk`",
    }
    DISK_SPECIAL = Error "disk-special" {
        must: "the disk is a regular file",
        else: "a device or a pipe has no content in an image",
        from: "KubeVirt pkg/os/disk/validation.go; CDI pkg/importer/transport.go",
        fix: "put a file into `/disk`",
    }
    DISK_TAR_NAME = Error "disk-tar-name" {
        must: "the disk's name in the tar begins with `disk/` or `./disk/`",
        else: "CDI compares the name as it stands, does not find `/disk/…`, and says `Failed to find VM disk image file in the \
               container image`",
        from: "CDI pkg/importer/transport.go, hasPrefix",
        fix: "write the tar with relative names",
    }
    TAR_NAME = Warning "tar-name" {
        must: "names in layers are relative",
        else: "readers disagree about a slash in front: container runtimes drop it, CDI and others do not",
        from: "OCI image specification, layer.md; CDI pkg/importer/transport.go",
        fix: "write the tar with relative names",
    }
    PATH_TWICE = Error "path-twice" {
        must: "a layer has each path once",
        else: "podman, CRI-O and docker's own store refuse the layer: `duplicates of file paths not supported`; CDI takes the \
               first of two disks, containerd the last",
        from: "vbatts/tar-split tar/storage/packer.go, which containers/storage reads layers with; OCI image specification, layer.md",
        fix: "write the tar anew, with each path once",
    }
    DISK_WHITEOUT = Error "disk-whiteout" {
        must: "`/disk` has no whiteout in a layer that alone has the directory",
        else: "overlayfs hides a whiteout only where it merges directories: KubeVirt and CDI's node pull see a second entry, and say \
               `more than one file found in folder /disk, only one disk is allowed`",
        from: "Linux fs/overlayfs/readdir.c; containers/storage drivers/overlay; KubeVirt pkg/container-disk/container-disk.go GetImage",
        fix: "build the image again without the whiteout: there is nothing below it to hide",
    }
    DISK_SMALL = Error "disk-small" {
        must: "the disk has 512 bytes or more",
        else: "CDI's node pull reads so many to detect a format: `could not process image header: unexpected EOF`",
        from: "CDI pkg/importer/format-readers.go matchHeader, from http-datasource.go Info",
        fix: "use the right file; was its download or conversion cut off?",
    }
    DISK_DIFFERS = Error "disk-differs" {
        must: "CDI and KubeVirt take the same file",
        else: "CDI takes the first file whose name begins with `disk` in the lowest layer that has one, and sees no file that \
               replaces or removes it; KubeVirt sees the uppermost",
        from: "CDI pkg/importer/transport.go CopyRegistryImage; KubeVirt pkg/container-disk/container-disk.go",
        fix: "put nothing that begins with `disk` into the image but the one disk, in one layer",
    }
    DISK_REPEATED = Warning "disk-repeated" {
        must: "one layer has the disk",
        else: "a later change of owner or mode copies the whole disk; CDI takes that of the lowest layer",
        from: "CDI pkg/importer/transport.go CopyRegistryImage",
        fix: "say owner and mode where the disk is copied, with `--chown` and `--chmod`",
    }
    DISK_PREFIX = Warning "disk-prefix" {
        must: "nothing but the disk has a path that begins with `disk`",
        else: "CDI takes the first such file for the disk; it is the right one only because of the order",
        from: "CDI pkg/importer/transport.go, hasPrefix",
        fix: "choose another path",
    }
    DISK_UNREADABLE = Error "disk-unreadable" {
        must: "the user 107 may read the disk",
        else: "QEMU and CDI's node pull run as 107 and say `Permission denied` (kubevirt#3367)",
        from: "KubeVirt user guide, disks_and_volumes.md; CDI pkg/controller/import-controller.go",
        fix: "give the disk the owner 107:107 or the mode 0444: `COPY --chown=107:107 --chmod=0444 …`",
    }
    DISK_CLOSED = Error "disk-closed" {
        must: "the user 107 may list and enter `/disk`",
        else: "QEMU and CDI's node pull run as 107 and do not reach the disk",
        from: "CDI tools/cdi-containerimage-server/main.go; KubeVirt user guide, disks_and_volumes.md",
        fix: "give the directory the mode 0755 or 0555",
    }
    MOUNT_POINT = Error "mount-point" {
        must: "where KubeVirt, CDI and container runtimes mount something there is no file",
        else: "the container does not start: nothing can be mounted on a file",
        from: "KubeVirt pkg/container-disk/container-disk.go; CDI pkg/controller/import-controller.go",
        fix: "remove the file from the image",
    }
    MOUNT_FILE = Error "mount-file" {
        must: "where container runtimes mount a file there is no directory",
        else: "the container does not start: a file cannot be mounted on a directory",
        from: "Kubernetes pkg/kubelet/kubelet_pods.go; containerd internal/cri/server; CRI-O server/container_create.go",
        fix: "remove the directory from the image",
    }
    BOOTC_DIRECTORY = Error "bootc-directory" {
        must: "there is no directory `/sysroot` or `/ostree`, and no link to one",
        else: "CDI's node pull takes such an image for a bootable container and refuses it",
        from: "CDI tools/cdi-containerimage-server/main.go",
        fix: "build from scratch, not on a bootc or ostree image",
    }
    KERNEL_UNREADABLE = Warning "kernel-unreadable" {
        must: "the user 107 may read the files in `/boot`",
        else: "QEMU runs as 107 and cannot load a kernel or initrd for `kernelBoot` that it may not read",
        from: "KubeVirt user guide, boot_from_external_source.md",
        fix: "give the files the owner 107:107 or the mode 0444",
    }
}
