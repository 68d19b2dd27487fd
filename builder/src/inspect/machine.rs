//! What a *machine* boots of an image: its disk, and the kernel that KubeVirt starts itself. Layers
//! are read as far as needed to see both, and not checked.

use std::io::{self, Read};

use crate::cluster::contract::facts::LayerFacts;
use crate::cluster::contract::{
    KERNEL_DIRECTORY, LAYERS_MAX, Rootfs, cdi_takes, is_disk, is_relevant,
};
use crate::cluster::kubernetes::{CdromBus, DiskDevice, KernelFiles, MachineContent, SecureBoot};
use crate::disk::{self, DiskFormat, FlawKind, UefiBoot};
use crate::inspect::facts::ContentKind;
use crate::inspect::kept::kept_len;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::tar::{self, TarEntryKind, TarLimits, TarReader};
use crate::recipe::path::split;

/// Number of a layer's first bytes that are read.
const LAYER_START_LEN: u64 = 512 << 20;

/// Maximum number of bytes of a layer's tar that are read.
const TAR_LEN_MAX: u64 = 4 << 30;

/// How many of a disk's first bytes are read at most, to find its boot loaders.
const DISK_START_MAX: usize = 32 << 20;

/// Maximum number of bytes that are kept of the members of an image's layers.
const KEPT_LEN: usize = 16 << 20;

/// Largest layer that is read further behind its disk.
const SMALL_LAYER: u64 = 16 << 20;

/// GOARCH names of architectures: that with a BIOS and SATA, and the other that boots by UEFI.
const PC: &str = "amd64";
const ARM: &str = "arm64";

/// Names of kernels begin with these; the first that is found is taken.
const KERNELS: [&str; 5] = ["vmlinuz", "vmlinux", "bzImage", "zImage", "Image"];
const INITRDS: [&str; 2] = ["initramfs", "initrd"];

/// What was seen of one platform's image.
#[derive(Debug, Default)]
struct SeenImage {
    architecture: String,
    /// Whether it is a disk artifact.
    is_artifact: bool,
    disk: Option<SeenDisk>,
    kernel: Option<KernelFiles>,
    /// Whether all layers were read to the end, or to their disk.
    is_whole: bool,
    /// Number of bytes that are kept of the members of layers.
    kept: usize,
}

/// What was seen of a disk.
#[derive(Debug, Clone, Copy)]
struct SeenDisk {
    is_cd: bool,
    /// Whether its partition table is for long sectors.
    has_long_sectors: bool,
    uefi: Option<UefiBoot>,
}

/// Returns what a machine boots of images for several platforms, or `None` if none of them has a
/// disk at `path`. Without a path the disk is the file in `/disk`.
pub fn read_machine_content(
    all: &[&PlatformImage],
    images: &dyn Images,
    path: Option<&str>,
) -> Option<MachineContent> {
    let path = path.map(|path| path.trim_matches('/'));
    let seen: Vec<SeenImage> = all.iter().map(|image| see_image(image, images, path)).collect();
    let lacks_disk = seen.iter().all(|image| image.is_whole && image.disk.is_none());
    if path.is_some() && lacks_disk {
        return None;
    }
    let kernel = seen.first().and_then(|first| first.kernel.clone());
    let kernel = kernel.filter(|kernel| seen.iter().all(|one| one.kernel.as_ref() == Some(kernel)));
    let disk = (!lacks_disk || kernel.is_none()).then(|| disk_device(&seen));
    let is_artifact = seen.iter().any(|image| image.is_artifact);
    let (sector_len, uefi) = (sector_len(&seen), find_uefi(&seen));
    Some(MachineContent { disk, sector_len, uefi, kernel, is_artifact })
}

/// Returns the device for the disk: a CD drive if all disks are CDs. Only PCs have SATA
/// (`validateDiskBus`, `pkg/virt-api/webhooks/arm64.go` in KubeVirt).
fn disk_device(seen: &[SeenImage]) -> DiskDevice {
    let mut disks = seen.iter().filter_map(|image| image.disk).peekable();
    if disks.peek().is_none() || !disks.all(|disk| disk.is_cd) {
        return DiskDevice::Disk;
    }
    let has_others = seen.iter().any(|image| !is_pc(image));
    DiskDevice::Cdrom(if has_others { CdromBus::Scsi } else { CdromBus::Sata })
}

/// Returns the length of the sectors that the partition tables of all disks are for, if they are long.
fn sector_len(seen: &[SeenImage]) -> Option<u64> {
    let mut disks = seen.iter().filter_map(|image| image.disk).peekable();
    disks.peek()?;
    disks.all(|disk| disk.has_long_sectors).then_some(disk::SECTOR_LEN_MAX)
}

fn is_pc(image: &SeenImage) -> bool {
    image.architecture.is_empty() || image.architecture == PC
}

/// Returns whether a machine needs UEFI, and secure boot: if all PCs do, and where there are none, all
/// others. Secure boot is for PCs alone: it needs SMM (`validateDomainSpec` in
/// `vmi-create-admitter.go`), and KubeVirt turns it off on arm64 (`pkg/defaults/arm64.go`).
fn find_uefi(seen: &[SeenImage]) -> Option<SecureBoot> {
    let has_pcs = seen.iter().any(is_pc);
    let decisive = seen.iter().filter(|image| is_pc(image) == has_pcs);
    let mut is_signed = has_pcs && seen.iter().all(is_pc);
    for image in decisive {
        let uefi = image.disk?.uefi.filter(|_| has_pcs || image.architecture == ARM)?;
        is_signed &= uefi.is_signed == Some(true);
    }
    Some(if is_signed { SecureBoot::On } else { SecureBoot::Off })
}

fn see_image(image: &PlatformImage, images: &dyn Images, path: Option<&str>) -> SeenImage {
    let architecture = image.platform().map(|platform| platform.architecture).unwrap_or_default();
    let mut seen = SeenImage { architecture, is_whole: true, ..SeenImage::default() };
    if ContentKind::of(image) == ContentKind::Disk {
        seen.is_artifact = true;
        seen.disk = image.layers.first().and_then(|blob| see_blob(blob, images).ok());
        return seen;
    }
    let mut layers = Vec::new();
    for blob in image.layers.iter().take(LAYERS_MAX) {
        let mut facts = LayerFacts::default();
        let is_whole = see_layer(blob, images, path, &mut seen, &mut facts).unwrap_or(false);
        seen.is_whole &= is_whole;
        layers.push(facts);
    }
    seen.kernel = find_kernel(&layers);
    seen
}

/// Reads a layer, and returns whether it was read to the end, or to the disk.
fn see_layer(
    blob: &Descriptor,
    images: &dyn Images,
    path: Option<&str>,
    seen: &mut SeenImage,
    facts: &mut LayerFacts,
) -> io::Result<bool> {
    let reach = LAYER_START_LEN.min(blob.size);
    let reader =
        images.open_blob_part(blob.digest, blob.size, 0..reach).map_err(io::Error::other)?;
    let (compression, tar) = tar::decompress(reader.take(reach)).map_err(io::Error::other)?;
    let tar = TarReader::new(tar.take(TAR_LEN_MAX), compression, TarLimits::default());
    let mut tar = tar.with_sparse_files();
    while let Some(found) = tar.next() {
        let found = found.map_err(io::Error::other)?;
        let is_wanted = match path {
            Some(path) => found.path == path,
            None => is_disk(&found.path) && cdi_takes(&found),
        };
        if is_wanted && found.kind == TarEntryKind::File {
            let more = |len| tar.read_content_start(len).map_err(io::Error::other);
            seen.disk = Some(see_disk(more, found.size)?);
            if blob.size > SMALL_LAYER {
                return Ok(true);
            }
        }
        if is_relevant(&found.path) {
            seen.kept += kept_len(&found);
            if seen.kept > KEPT_LEN {
                return Err(io::Error::other("it has too many files"));
            }
            facts.members.push(found);
        }
    }
    Ok(reach == blob.size)
}

/// Reads the start of a layer that is a disk.
fn see_blob(blob: &Descriptor, images: &dyn Images) -> io::Result<SeenDisk> {
    let reach = (DISK_START_MAX as u64).min(blob.size);
    let reader = images.open_blob_part(blob.digest, blob.size, 0..reach);
    let mut reader = reader.map_err(io::Error::other)?;
    let read = |len: usize| {
        let mut bytes = Vec::new();
        reader.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    see_disk(read, blob.size)
}

/// Reads as much of a disk as shows how it boots; `read` returns its next bytes, fewer than asked at its end.
fn see_disk(mut read: impl FnMut(usize) -> io::Result<Vec<u8>>, len: u64) -> io::Result<SeenDisk> {
    let mut bytes = Vec::new();
    let mut wanted = disk::START_LEN;
    loop {
        bytes.extend(read(wanted - bytes.len())?);
        let is_end = bytes.len() < wanted;
        let start = disk::DiskStart { bytes: &bytes, len };
        let info = disk::examine_disk(&start)?;
        let format = info.format;
        let uefi = disk::find_uefi_boot(&start, format);
        let needs_more = match &uefi {
            Ok(found) => found.is_some_and(|uefi| uefi.is_signed.is_none()),
            Err(_) => true,
        };
        if is_end || !needs_more || wanted >= DISK_START_MAX {
            let uefi = uefi.unwrap_or_default();
            let has_long_sectors = info.flaws.iter().any(|flaw| flaw.kind == FlawKind::SectorSize);
            return Ok(SeenDisk { is_cd: format == DiskFormat::Iso, has_long_sectors, uefi });
        }
        wanted *= 2;
    }
}

/// Returns the kernel and its initial file system in `/boot`.
fn find_kernel(layers: &[LayerFacts]) -> Option<KernelFiles> {
    let rootfs = Rootfs::new(layers);
    let is_file = |kind: &TarEntryKind| {
        matches!(kind, TarEntryKind::File | TarEntryKind::Hardlink(_) | TarEntryKind::Symlink(_))
    };
    let below = rootfs.below(KERNEL_DIRECTORY).map(|seen| seen.entry);
    let files: Vec<&str> =
        below.filter(|entry| is_file(&entry.kind)).map(|entry| entry.path.as_str()).collect();
    // Of several with the same beginning the shortest is most likely meant.
    let find = |starts: &[&str]| {
        let of_start = |start: &&str| {
            let found = files.iter().filter(|path| split(path).1.starts_with(start));
            found.min_by_key(|path| path.len()).map(|path| format!("/{path}"))
        };
        starts.iter().find_map(of_start)
    };
    Some(KernelFiles { kernel: find(&KERNELS)?, initrd: find(&INITRDS) })
}
