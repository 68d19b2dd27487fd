//! Disks that are **bootable**: the smallest that say something on a serial console. One starts from
//! a BIOS, the others from UEFI.

use std::io::{Cursor, Write as _};
use std::path::PathBuf;

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use crate::disk::MIB;
use crate::peer;
use crate::scene;

/// Where a BIOS puts the first sector of a disk.
const SECTOR_AT: u16 = 0x7c00;

/// Where the system partition begins, and how long it is, in bytes.
const PARTITION_AT: usize = MIB;
const PARTITION_LEN: usize = 8 * MIB;

/// Processor of a UEFI program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// x86-64
    Amd64,
    /// `AArch64`
    Arm64,
}

/// Returns the directory with QEMU's programs: `Some("")` if they are in PATH, `None` if they are
/// missing.
pub fn find_machines() -> Option<PathBuf> {
    let programs = ["qemu-system-x86_64", "qemu-system-aarch64"];
    if programs.iter().all(|program| peer::find_optional(program).is_some()) {
        return Some(PathBuf::new());
    }
    let target = scene::program_path().parent()?.parent()?.join("machines/bin");
    if programs.iter().all(|program| target.join(program).exists()) {
        return Some(target);
    }
    peer::skip_test("QEMU's machines are missing; `make peers` unpacks them");
    None
}

/// Returns a disk whose first sector writes a text to the first serial port, and waits.
pub fn bios_disk(text: &str) -> Vec<u8> {
    // xor ax, ax; mov ds, ax; cli; mov si, text
    let mut code = vec![0x31, 0xc0, 0x8e, 0xd8, 0xfa, 0xbe, 0, 0];
    // mov dx, 0x3f8; next: lodsb; test al, al; jz end; out dx, al; jmp next; end: hlt; jmp end
    code.extend([
        0xba, 0xf8, 0x03, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xf4, 0xeb, 0xfd,
    ]);
    let text_at = SECTOR_AT + u16::try_from(code.len()).unwrap();
    code[6..8].copy_from_slice(&text_at.to_le_bytes());
    code.extend(text.bytes());
    let mut disk = vec![0; MIB];
    disk[..code.len()].copy_from_slice(&code);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

/// Returns a disk with an EFI system partition, whose program writes a text to the console, and
/// waits.
pub fn uefi_disk(processor: Processor, text: &str) -> Vec<u8> {
    let mut disk = vec![0; PARTITION_AT + PARTITION_LEN];
    let partition = &mut disk[PARTITION_AT..];
    format_volume(Cursor::new(&mut *partition), FormatVolumeOptions::new()).unwrap();
    let volume = FileSystem::new(Cursor::new(partition), FsOptions::new()).unwrap();
    let boot = volume.root_dir().create_dir("EFI").unwrap().create_dir("BOOT").unwrap();
    let name = match processor {
        Processor::Amd64 => "BOOTX64.EFI",
        Processor::Arm64 => "BOOTAA64.EFI",
    };
    boot.create_file(name).unwrap().write_all(&uefi_program(processor, text)).unwrap();
    drop(boot);
    volume.unmount().unwrap();

    // One entry in the table of partitions, of the kind that UEFI knows.
    let sectors = |bytes: usize| u32::try_from(bytes / 512).unwrap().to_le_bytes();
    disk[446 + 4] = 0xef;
    disk[446 + 8..446 + 12].copy_from_slice(&sectors(PARTITION_AT));
    disk[446 + 12..446 + 16].copy_from_slice(&sectors(PARTITION_LEN));
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

/// Returns code that calls `OutputString` of the console in the system table (UEFI 2.10, 4.3 and
/// 12.4) with what stands behind the code, and waits.
fn uefi_code(processor: Processor) -> Vec<u8> {
    match processor {
        Processor::Amd64 => vec![
            0x48, 0x83, 0xec, 0x28, // sub rsp, 40
            0x48, 0x8b, 0x4a, 0x40, // mov rcx, [rdx + 64]
            0x48, 0x8d, 0x15, 7, 0, 0, 0, // lea rdx, [text]
            0xff, 0x51, 0x08, // call [rcx + 8]
            0xf3, 0x90, 0xeb, 0xfc, // wait: pause; jmp wait
        ],
        Processor::Arm64 => {
            let words: [u32; 6] = [
                0xf940_2020, // ldr x0, [x1, 64]
                0xf940_0408, // ldr x8, [x0, 8]
                0x1000_0081, // adr x1, text
                0xd63f_0100, // blr x8
                0xd503_207f, // wait: wfi
                0x17ff_ffff, // b wait
            ];
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        }
    }
}

/// Returns a program for UEFI: a PE32+ file of one section.
fn uefi_program(processor: Processor, text: &str) -> Vec<u8> {
    let mut section = uefi_code(processor);
    section.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    section.resize(512, 0);
    let machine: u16 = match processor {
        Processor::Amd64 => 0x8664,
        Processor::Arm64 => 0xaa64,
    };
    let mut pe = Vec::new();
    let mut put = |bytes: &[u8]| pe.extend_from_slice(bytes);
    let u32s = |values: &[u32]| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    // The header of DOS, which leads to the other at 64.
    put(b"MZ");
    put(&[0; 58]);
    put(&u32s(&[64]));
    put(b"PE\0\0");
    put(&machine.to_le_bytes());
    put(&[1, 0]);
    put(&u32s(&[0, 0, 0]));
    // The length of what follows, and: executable, for large addresses.
    put(&[0xf0, 0, 0x22, 0]);
    put(&[0x0b, 2, 0, 0]);
    // Lengths, entry, and where code and image begin.
    put(&u32s(&[512, 0, 0, 0x1000, 0x1000, 0, 0]));
    // Alignments and versions; the lengths of image and headers.
    put(&u32s(&[0x1000, 512, 0, 0, 0, 0, 0x2000, 512, 0]));
    // An application of EFI.
    put(&[10, 0, 0, 1]);
    put(&[0; 32]);
    put(&u32s(&[0, 16]));
    put(&[0; 128]);
    put(b".text\0\0\0");
    put(&u32s(&[512, 0x1000, 512, 512, 0, 0, 0, 0x6000_0020]));
    pe.resize(512, 0);
    pe.extend(section);
    pe
}
