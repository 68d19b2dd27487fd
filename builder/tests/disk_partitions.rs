//! Partitions and boot loaders are found on disks as their virtual machines see them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disks;

use diskette_builder::disk::FlawKind;
use disks::{
    CLUSTER, ESP, FatKind, LINUX, PREP, examine_bytes, fat_file_system, gpt_disk, iso_disk,
    mbr_sector, noise_bytes, patched, put_bytes, qcow2_disk,
};

const AMD64: (&[u8; 11], u16) = (b"BOOTX64 EFI", 0x8664);
const ARM64: (&[u8; 11], u16) = (b"BOOTAA64EFI", 0xaa64);
const IA32: (&[u8; 11], u16) = (b"BOOTIA32EFI", 0x14c);
const ARM: (&[u8; 11], u16) = (b"BOOTARM EFI", 0x1c2);
const RISCV: (&[u8; 11], u16) = (b"BOOTRI~1EFI", 0x5064);
const OTHER: (&[u8; 11], u16) = (b"GRUBX64 EFI", 0x8664);

/// Puts a file system into a partition of a disk.
fn disk_with_efi_partition(file_system: &[u8], sector: usize) -> Vec<u8> {
    let sectors = file_system.len() / sector + 200;
    let last = 64 + file_system.len() / sector - 1;
    let parts = [(LINUX, 50, 60), (ESP, 64, last as u64)];
    let mut disk = gpt_disk(sector, sectors, &parts);
    put_bytes(&mut disk, 64 * sector, file_system);
    disk
}

#[test]
fn machines_are_found_by_their_boot_loaders() {
    let check = |disk: &[u8], partitions: Option<&str>, boot: &[&str]| {
        let info = examine_bytes(disk);
        assert_eq!((info.partitions, &info.boot[..]), (partitions, boot), "{:?}", info.flaws);
    };
    let gpt = |disk: &[u8], boot: &[&str]| check(disk, Some("gpt"), boot);
    for kind in [FatKind::Fat12, FatKind::Fat16, FatKind::Fat32] {
        gpt(&disk_with_efi_partition(&fat_file_system(kind, &[AMD64]), 512), &["amd64"]);
        gpt(&disk_with_efi_partition(&fat_file_system(kind, &[OTHER, ARM64]), 512), &["arm64"]);
    }
    let several = fat_file_system(FatKind::Fat16, &[AMD64, IA32, ARM, RISCV, OTHER]);
    gpt(&disk_with_efi_partition(&several, 512), &["amd64", "386", "arm", "riscv64"]);
    gpt(&disk_with_efi_partition(&fat_file_system(FatKind::Fat16, &[ARM64]), 4096), &["arm64"]);
    gpt(&disk_with_efi_partition(&fat_file_system(FatKind::Fat16, &[OTHER]), 512), &[]);
    gpt(&disk_with_efi_partition(&noise_bytes(300 * 512), 512), &[]);
    gpt(&gpt_disk(512, 200, &[(PREP, 50, 60)]), &["ppc64le"]);

    let file_system = fat_file_system(FatKind::Fat12, &[ARM64]);
    let mut disk = mbr_sector(&[(0xef, 1, u32::try_from(file_system.len() / 512).unwrap())]);
    disk.extend(&file_system);
    check(&disk, Some("mbr"), &["arm64"]);
    let grub = patched(mbr_sector(&[(0x83, 1, 1)]), &[(0x180, b"GRUB \0Geom")]);
    check(&[grub, vec![1; 1024]].concat(), Some("mbr"), &["amd64"]);
    check(&[mbr_sector(&[(0x83, 1, 1)]), vec![1; 1024]].concat(), Some("mbr"), &[]);
    check(&[mbr_sector(&[]), vec![1; 1024]].concat(), None, &[]);
    // The boot sector of a file system has no partitions, whatever it ends with.
    let boot_sector = patched(noise_bytes(2048), &[(510, &[0x55, 0xaa])]);
    check(&boot_sector, None, &[]);
}

#[test]
fn one_good_table_is_enough() {
    let good = disk_with_efi_partition(&fat_file_system(FatKind::Fat12, &[AMD64]), 512);
    let last = good.len() - 512;
    for at in [512, 512 + 56, 1024, last, last - 512] {
        let info = examine_bytes(&patched(good.clone(), &[(at, &[0xff])]));
        assert_eq!((info.partitions, &info.boot[..]), (Some("gpt"), &["amd64"][..]), "{at}");
        assert_eq!(info.flaws, [], "{at}");
    }
    // Nobody moves the second table when a disk becomes larger.
    let info = examine_bytes(&[good, vec![0; 4096]].concat());
    assert_eq!((info.flaws, &info.boot[..]), (Vec::new(), &["amd64"][..]));
}

#[test]
fn partitions_in_a_qcow2_are_found() {
    // The first sectors of what is in the qcow2, whose two clusters are 128 KiB of 1 MiB.
    let sector = mbr_sector(&[(0x41, 100, 100)]);
    let info = examine_bytes(&patched(qcow2_disk(), &[(5 * disks::CLUSTER, &sector)]));
    assert_eq!((info.partitions, &info.boot[..]), (Some("mbr"), &["ppc64le"][..]));
}

#[test]
fn boot_loaders_of_a_cd_are_found_in_its_catalogue() {
    let file_system = fat_file_system(FatKind::Fat12, &[ARM64]);
    let mut disk = iso_disk(1000);
    let mut put = |at: usize, part: &[u8]| put_bytes(&mut disk, at, part);
    let mut record = vec![0; 128];
    record[..30].copy_from_slice(b"\0CD001\x01EL TORITO SPECIFICATION");
    record[0x47] = 30;
    put(17 * 2048, &record);
    put(40 * 2048, &file_system);
    let mut catalogue = vec![0; 128];
    catalogue[0] = 1;
    catalogue[32] = 0x88;
    put(30 * 2048, &catalogue);
    assert_eq!(examine_bytes(&disk).boot, ["amd64"]);
    catalogue[64] = 0x91;
    catalogue[65] = 0xef;
    catalogue[96] = 0x88;
    catalogue[96 + 8] = 40;
    put_bytes(&mut disk, 30 * 2048, &catalogue);
    assert_eq!(examine_bytes(&disk).boot, ["arm64"]);
}

/// `qemu-img` reads both; the firmware of a virtual machine looks at the second sector of 512 bytes.
#[test]
fn tables_for_long_sectors_are_told() {
    let check = |sector: usize, expected: &[&str]| {
        let raw = gpt_disk(sector, 100, &[(LINUX, 40, 60)]);
        let packed =
            patched(qcow2_disk(), &[(5 * CLUSTER, &raw[..2 * CLUSTER.min(raw.len() / 2)])]);
        for disk in [raw, packed] {
            let flaws = examine_bytes(&disk).flaws;
            let found = flaws.iter().filter(|flaw| flaw.kind == FlawKind::SectorSize);
            let found: Vec<_> = found.map(|flaw| &flaw.detail[..]).collect();
            assert_eq!(found, expected, "{sector}");
        }
    };
    check(512, &[]);
    check(4096, &["its partition table is for sectors of 4096 bytes"]);
}
