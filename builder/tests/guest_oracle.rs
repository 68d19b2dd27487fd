//! What a virtual machine reads from a disk is what QEMU reads from it: images that `qemu-img` and
//! `qemu-io` of this machine make in all their formats, read here and by `qemu-img convert -O raw`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test makes files, and asks whether it runs in CI"
)]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use diskette_builder::disk::guest::{self, GuestError};
use diskette_builder::disk::{DiskFormat, Extent, ExtentKind, FlawKind, ReadAt, examine_disk};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Options of images that are made from a raw disk: format, options of `convert`.
const CONVERTED: &[(DiskFormat, &str)] = &[
    (DiskFormat::Raw, ""),
    (DiskFormat::Raw, "-o preallocation=falloc"),
    (DiskFormat::Qcow2, ""),
    (DiskFormat::Qcow2, "-o compat=0.10"),
    (DiskFormat::Qcow2, "-o compat=0.10,cluster_size=4k"),
    (DiskFormat::Qcow2, "-o cluster_size=512"),
    (DiskFormat::Qcow2, "-o cluster_size=4k"),
    (DiskFormat::Qcow2, "-o cluster_size=2M"),
    (DiskFormat::Qcow2, "-o lazy_refcounts=on"),
    (DiskFormat::Qcow2, "-o refcount_bits=1"),
    (DiskFormat::Qcow2, "-o refcount_bits=64,cluster_size=32k"),
    (DiskFormat::Qcow2, "-o preallocation=metadata"),
    (DiskFormat::Qcow2, "-o preallocation=falloc"),
    (DiskFormat::Qcow2, "-o preallocation=full"),
    (DiskFormat::Qcow2, "-o extended_l2=on"),
    (DiskFormat::Qcow2, "-o extended_l2=on,cluster_size=16k"),
    (DiskFormat::Qcow2, "-o extended_l2=on,cluster_size=128k"),
    (DiskFormat::Qcow2, "-o extended_l2=on,cluster_size=2M"),
    (DiskFormat::Qcow2, "-o extended_l2=on,preallocation=metadata"),
    (DiskFormat::Qcow2, "-c"),
    (DiskFormat::Qcow2, "-c -o compat=0.10"),
    (DiskFormat::Qcow2, "-c -o cluster_size=512"),
    (DiskFormat::Qcow2, "-c -o cluster_size=4k"),
    (DiskFormat::Qcow2, "-c -o cluster_size=2M"),
    (DiskFormat::Qcow2, "-c -o extended_l2=on"),
    (DiskFormat::Qcow2, "-c -o extended_l2=on,cluster_size=16k,compression_type=zstd"),
    (DiskFormat::Qcow2, "-c -o compression_type=zstd"),
    (DiskFormat::Qcow2, "-c -o compression_type=zstd,cluster_size=4k"),
    (DiskFormat::Qcow2, "-c -o compression_type=zstd,cluster_size=2M"),
    (DiskFormat::Qcow2, "-o compression_type=zstd"),
    (DiskFormat::Qcow2, "-S 0 -c"),
    (DiskFormat::Vmdk, ""),
    (DiskFormat::Vmdk, "-o subformat=monolithicSparse,zeroed_grain=on"),
    (DiskFormat::Vmdk, "-o compat6=on,adapter_type=lsilogic"),
    (DiskFormat::Vmdk, "-o hwversion=6"),
    (DiskFormat::Vmdk, "-S 0"),
    (DiskFormat::Vmdk, "-o subformat=streamOptimized"),
    (DiskFormat::Vmdk, "-S 0 -o subformat=streamOptimized"),
    (DiskFormat::Vhd, ""),
    (DiskFormat::Vhd, "-o force_size=on"),
    (DiskFormat::Vhd, "-o subformat=fixed"),
    (DiskFormat::Vhd, "-o subformat=fixed,force_size=on"),
    (DiskFormat::Vhd, "-S 0"),
    (DiskFormat::Vhdx, ""),
    (DiskFormat::Vhdx, "-o subformat=fixed"),
    (DiskFormat::Vhdx, "-o block_size=1M"),
    (DiskFormat::Vhdx, "-o block_size=32M,log_size=2M"),
    (DiskFormat::Vhdx, "-o block_state_zero=off"),
    (DiskFormat::Vhdx, "-S 0"),
    (DiskFormat::Vdi, ""),
    (DiskFormat::Vdi, "-o static=on"),
    (DiskFormat::Vdi, "-S 0"),
];

/// Options of images that are made empty and written to: format, options of `create`.
const WRITTEN: &[(DiskFormat, &str)] = &[
    (DiskFormat::Qcow2, ""),
    (DiskFormat::Qcow2, "-o compat=0.10"),
    (DiskFormat::Qcow2, "-o cluster_size=512"),
    (DiskFormat::Qcow2, "-o cluster_size=2M"),
    (DiskFormat::Qcow2, "-o extended_l2=on"),
    (DiskFormat::Qcow2, "-o extended_l2=on,cluster_size=16k"),
    (DiskFormat::Qcow2, "-o extended_l2=on,cluster_size=1M,compression_type=zstd"),
    (DiskFormat::Qcow2, "-o preallocation=metadata"),
    (DiskFormat::Qcow2, "-o preallocation=full"),
    (DiskFormat::Vmdk, ""),
    (DiskFormat::Vmdk, "-o zeroed_grain=on"),
    (DiskFormat::Vhd, ""),
    (DiskFormat::Vhd, "-o subformat=fixed"),
    (DiskFormat::Vhdx, ""),
    (DiskFormat::Vhdx, "-o block_size=1M"),
    (DiskFormat::Vhdx, "-o subformat=fixed"),
    (DiskFormat::Vdi, ""),
    (DiskFormat::Vdi, "-o static=on"),
    (DiskFormat::Raw, ""),
];

/// What is written to them, in two goes: the tables are read again in between.
const WRITES: [&[&str]; 2] = [
    &[
        "write -P 0x11 0 512",
        "write -P 0x12 65000 2000",
        "write -P 0x13 1M 3M",
        "write -z 2M 512k",
        "write -P 0x14 7340032 65536",
        "write -P 0x15 41943040 1048576",
        "write -P 0 20M 1M",
    ],
    &[
        "write -P 0x21 1536 512",
        "write -z 1114112 4096",
        "write -z 3670016 131072",
        "discard 1M 256k",
        "discard 40M 512k",
        "write -z 30M 4M",
        "write -P 0x22 31M 1536",
        "write -P 0x23 67043328 65536",
    ],
];

#[test]
fn converted_images_are_read_as_qemu_reads_them() {
    let Some(bench) = Bench::new() else { return };
    for (number, disk) in
        [mixed_disk(), vec![0; 3 * MIB], text_bytes(512), text_bytes(9 * MIB + 1536)]
            .iter()
            .enumerate()
    {
        let source = bench.dir.path().join(format!("source-{number}.raw"));
        fs::write(&source, disk).unwrap();
        for (format, options) in CONVERTED {
            let image = bench.unused_path("converted");
            let mut convert = Command::new("qemu-img");
            convert.args(["convert", "-f", "raw", "-O", format.qemu_name()]);
            run_command(convert.args(options.split_whitespace()).arg(&source).arg(&image));
            bench.check_image(&image, *format, &format!("{format} {options} of disk {number}"));
        }
    }
}

#[test]
fn written_images_are_read_as_qemu_reads_them() {
    let Some(bench) = Bench::new() else { return };
    for (format, options) in WRITTEN {
        let image = bench.unused_path("written");
        let mut create = Command::new("qemu-img");
        create.args(["create", "-q", "-f", format.qemu_name()]);
        run_command(create.args(options.split_whitespace()).arg(&image).arg("67108864"));
        let mut writes: Vec<&str> = Vec::new();
        for more in WRITES {
            writes.extend(more);
            let mut io = Command::new("qemu-io");
            io.args(["-d", "unmap", "-f", format.qemu_name()]);
            for write in more.iter().filter(|write| supports_write(*format, write)) {
                io.args(["-c", write]);
            }
            run_command(io.arg(&image));
            bench.check_image(&image, *format, &format!("{format} {options} after {writes:?}"));
        }
    }
}

/// A disk of 2 TiB costs no more than its tables.
#[test]
fn extents_of_a_large_empty_disk_are_found_quickly() {
    let Some(bench) = Bench::new() else { return };
    for (format, options) in [
        (DiskFormat::Qcow2, ""),
        (DiskFormat::Qcow2, "-o extended_l2=on"),
        (DiskFormat::Vmdk, ""),
        (DiskFormat::Vhdx, ""),
        (DiskFormat::Vdi, ""),
    ] {
        let image = bench.unused_path("large");
        let mut create = Command::new("qemu-img");
        create.args(["create", "-q", "-f", format.qemu_name()]);
        run_command(create.args(options.split_whitespace()).arg(&image).arg("2000G"));
        let mut io = Command::new("qemu-io");
        run_command(io.args(["-f", format.qemu_name(), "-c", "write -P 7 1999G 64k"]).arg(&image));
        let guest = guest::open(Arc::new(FileAt::open(&image)), format).unwrap();
        let known = collect_extents(&*guest);
        let data = known.iter().filter(|(_, extent)| extent.kind == ExtentKind::Data);
        let data: u64 = data.map(|(_, extent)| extent.len).sum();
        assert!((64 << 10..=64 << 20).contains(&data), "{format}: {data} bytes of data");
    }
}

#[test]
fn threads_share_a_guest() {
    let Some(bench) = Bench::new() else { return };
    let disk = mixed_disk();
    let source = bench.dir.path().join("source.raw");
    fs::write(&source, &disk).unwrap();
    for (format, options) in [
        (DiskFormat::Qcow2, "-c -o compression_type=zstd,cluster_size=1M"),
        (DiskFormat::Vmdk, "-o subformat=streamOptimized"),
    ] {
        let image = bench.unused_path("shared");
        let mut convert = Command::new("qemu-img");
        convert.args(["convert", "-f", "raw", "-O", format.qemu_name()]);
        run_command(convert.args(options.split_whitespace()).arg(&source).arg(&image));
        let guest = guest::open(Arc::new(FileAt::open(&image)), format).unwrap();
        std::thread::scope(|scope| {
            for step in [3000, 4096, 100_000, 65536] {
                let (guest, disk) = (&guest, &disk);
                scope.spawn(move || {
                    for (number, expected) in disk.chunks(step).enumerate() {
                        let mut space = vec![1; expected.len()];
                        guest.read_exact_at(&mut space, (number * step) as u64).unwrap();
                        assert!(space == expected, "{format}, step {step}, piece {number}");
                    }
                });
            }
        });
    }
}

#[test]
fn disks_that_need_another_file_are_refused() {
    let Some(bench) = Bench::new() else { return };
    let check = |format: DiskFormat, create: &str, kind: FlawKind| {
        let image = bench.unused_path("refused");
        let base = bench.unused_path("base");
        let mut command = Command::new("qemu-img");
        command.args(["create", "-q", "-f", format.qemu_name()]);
        run_command(command.arg(&base).arg("8M"));
        let create = create.replace("BASE", base.to_str().unwrap());
        let mut command = Command::new("qemu-img");
        command.args(["create", "-q", "-f", format.qemu_name()]);
        run_command(command.args(create.split_whitespace()).arg(&image).arg("8M"));
        let opened = guest::open(Arc::new(FileAt::open(&image)), format);
        match opened.err() {
            Some(GuestError::Flaw(flaw)) => {
                assert_eq!(flaw.kind, kind, "{format} {create}: {flaw}");
            }
            other => panic!("{format} {create}: {other:?}"),
        }
    };
    check(DiskFormat::Qcow2, "-b BASE -F qcow2", FlawKind::BackingFile);
    check(DiskFormat::Qcow2, "-o data_file=BASE.data", FlawKind::DataFile);
    check(DiskFormat::Vmdk, "-b BASE -F vmdk", FlawKind::BackingFile);
    check(DiskFormat::Vmdk, "-o subformat=monolithicFlat", FlawKind::DataFile);
    check(DiskFormat::Vmdk, "-o subformat=twoGbMaxExtentSparse", FlawKind::DataFile);
    check(DiskFormat::Vmdk, "-o subformat=twoGbMaxExtentFlat", FlawKind::DataFile);
}

/// A directory for images, which there is if QEMU's programs are there.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Option<Self> {
        for program in ["qemu-img", "qemu-io"] {
            if Command::new(program).arg("--version").output().is_err() {
                assert!(std::env::var_os("CI").is_none(), "{program} is missing");
                drop(writeln!(std::io::stderr(), "skipped: {program} is missing"));
                return None;
            }
        }
        Some(Self { dir: tempfile::tempdir().unwrap() })
    }

    /// Returns a name that is not in use.
    fn unused_path(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        drop(fs::remove_file(&path));
        path
    }

    /// Compares what is read here with what QEMU reads.
    fn check_image(&self, image: &Path, format: DiskFormat, name: &str) {
        let raw = self.unused_path("expected.raw");
        let mut convert = Command::new("qemu-img");
        convert.args(["convert", "-f", format.qemu_name(), "-O", "raw"]);
        run_command(convert.arg(image).arg(&raw));
        let expected = fs::read(raw).unwrap();
        let guest = guest::open(Arc::new(FileAt::open(image)), format)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(guest.len(), expected.len() as u64, "{name}: length");
        let info = examine_disk(&FileAt::open(image)).unwrap();
        // A fixed VHD is raw for QEMU if it is not told otherwise.
        if !name.contains("vhd -o subformat=fixed") {
            assert_eq!((info.format, info.virtual_size), (format, guest.len()), "{name}");
        }
        let may = [FlawKind::Blank, FlawKind::CdiOnly];
        assert!(info.flaws.iter().all(|flaw| may.contains(&flaw.kind)), "{name}: {:?}", info.flaws);
        for step in [MIB + 512, 4 * KIB + 7] {
            for (number, expected) in expected.chunks(step).enumerate() {
                let mut space = vec![1; expected.len()];
                let at = number * step;
                let read = guest.read_exact_at(&mut space, at as u64);
                read.unwrap_or_else(|error| panic!("{name}: byte {at}: {error}"));
                assert!(space == expected, "{name}: {step} bytes at {at}");
            }
        }
        let mut zeros = 0;
        for (at, extent) in collect_extents(&*guest) {
            let (at, len) = (usize::try_from(at).unwrap(), usize::try_from(extent.len).unwrap());
            if extent.kind == ExtentKind::Zero {
                let wrong = expected[at..at + len].iter().any(|byte| *byte != 0);
                assert!(!wrong, "{name}: {len} bytes at {at} are said to be zero");
                zeros += len;
            }
        }
        // An empty disk has to be seen as such, but for the first block that `qemu-img` writes.
        let is_written =
            ["-S 0", "preallocation", "fixed", "static"].iter().any(|how| name.contains(how));
        let is_empty = expected.iter().all(|byte| *byte == 0);
        assert!(
            !is_empty || is_written || zeros + 8 * KIB >= expected.len(),
            "{name}: {zeros} zeros"
        );
    }
}

/// Returns all extents of a disk and where they begin, those of one kind joined.
fn collect_extents(guest: &dyn ReadAt) -> Vec<(u64, Extent)> {
    let mut found: Vec<(u64, Extent)> = Vec::new();
    let mut at = 0;
    while at < guest.len() {
        let extent = guest.extent(at).unwrap();
        assert!(extent.len > 0 && at + extent.len <= guest.len(), "{extent:?} at {at}");
        match found.last_mut() {
            Some((_, last)) if last.kind == extent.kind => last.len += extent.len,
            _ => found.push((at, extent)),
        }
        at += extent.len;
    }
    assert_eq!(guest.extent(at).unwrap().len, 0);
    found
}

/// Tells whether `qemu-io` can do this to a disk of a format.
fn supports_write(format: DiskFormat, write: &str) -> bool {
    match format {
        DiskFormat::Qcow2 | DiskFormat::Raw => true,
        _ => !write.starts_with("discard"),
    }
}

fn run_command(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// Returns bytes that compress.
fn text_bytes(len: usize) -> Vec<u8> {
    b"a disk is what a virtual machine boots from\n".iter().copied().cycle().take(len).collect()
}

/// Returns a disk with zeros, words and noise side by side, and with single bytes at edges.
fn mixed_disk() -> Vec<u8> {
    let mut disk = vec![0; 21 * MIB + 512];
    disk[3 * MIB..3 * MIB + 700 * KIB].copy_from_slice(&text_bytes(700 * KIB));
    let mut state: u64 = 1;
    for byte in &mut disk[4 * MIB..6 * MIB + 12345] {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56).try_into().unwrap();
    }
    for at in [0, 511, 64 * KIB, 8 * MIB - 1, 8 * MIB, 10 * MIB + 511, 13 * MIB - 4096] {
        disk[at] = 0xa5;
    }
    let end = disk.len() - 1;
    disk[end] = 1;
    disk
}

/// A file, and its holes.
struct FileAt {
    file: File,
    len: u64,
}

impl FileAt {
    fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let len = file.metadata().unwrap().len();
        Self { file, len }
    }
}

impl ReadAt for FileAt {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        assert!(at + space.len() as u64 <= self.len, "read behind the end of the file");
        self.file.read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        match seek(&self.file, SeekFrom::Data(at)) {
            Ok(data) if data > at => Ok(Extent::zero(data.min(self.len) - at)),
            Ok(_) => Ok(Extent::data(seek(&self.file, SeekFrom::Hole(at))? - at)),
            Err(Errno::NXIO) => Ok(Extent::zero(self.len.saturating_sub(at))),
            Err(error) => Err(error.into()),
        }
    }
}
