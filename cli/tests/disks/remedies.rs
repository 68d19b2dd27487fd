//! Every remedy that names a command is tried on the file that was refused: the command succeeds, and
//! its result is taken.

use std::fs;
use std::path::Path;
use std::process::Command;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::peer;
use diskette_integration::scene::Scene;

/// Rules that files break.
const DATA_FILE: &str = "disk-data-file";
const BACKING_FILE: &str = "disk-backing-file";
const CORRUPT: &str = "disk-corrupt";
const ENCRYPTED: &str = "disk-encrypted";
const PACKED: &str = "disk-packed";
const UNSUPPORTED: &str = "disk-unsupported";

/// Files that are refused: the name, a script that makes it of the raw disk `raw`, the rule, and the
/// name of what the remedy makes.
const REFUSED: [(&str, &str, &str, &str); 22] = [
    ("vm-s001.vmdk", "into vmdk vm.vmdk -o subformat=twoGbMaxExtentSparse", DATA_FILE, "new.qcow2"),
    ("vm-f001.vmdk", "into vmdk vm.vmdk -o subformat=twoGbMaxExtentFlat", DATA_FILE, "new.qcow2"),
    ("a.vmdk", "into vmdk a.vmdk -o subformat=monolithicFlat", DATA_FILE, "new.qcow2"),
    ("a.qcow2", "into qcow2 a.qcow2 -o data_file=data", DATA_FILE, "new.qcow2"),
    ("a.vmdk", "into vmdk b.vmdk; on vmdk b.vmdk a.vmdk", BACKING_FILE, "new.qcow2"),
    ("a.qcow2", "on raw raw a.qcow2", BACKING_FILE, "new.qcow2"),
    ("a.qcow2", "into qcow2 a.qcow2; mark_corrupt", CORRUPT, "a.qcow2"),
    ("log.vhdx", "into vhdx log.vhdx", CORRUPT, "log.vhdx"),
    (
        "a.qcow2",
        "encrypt qcow2 encrypt.format=luks,encrypt.iter-time=10,encrypt.",
        ENCRYPTED,
        "new.qcow2",
    ),
    ("a.qcow2", "encrypt qcow2 encrypt.format=aes,encrypt.", ENCRYPTED, "new.qcow2"),
    ("a.img", "encrypt qcow encrypt.format=aes,encrypt.; mv a.qcow2 a.img", ENCRYPTED, "new.qcow2"),
    ("a.img", "encrypt luks iter-time=10,; mv a.qcow2 a.img", ENCRYPTED, "new.qcow2"),
    ("a.img", "into qed a.img", UNSUPPORTED, "new.qcow2"),
    ("a.img", "into parallels a.img", UNSUPPORTED, "new.qcow2"),
    ("my disk.img.gz", "gzip -c raw >'my disk.img.gz'", PACKED, "my disk.img"),
    ("a.img", "xz -c raw >a.img", PACKED, "new.img"),
    ("a.img.zst", "zstd -qc raw >a.img.zst", PACKED, "a.img"),
    ("a.img", "bzip2 -c raw >a.img", PACKED, "new.img"),
    ("a.qcow2", "into vmdk b; mv b raw; into qcow2 a.qcow2", UNSUPPORTED, "inner"),
    ("a.ova", "tar -cf a.ova raw", UNSUPPORTED, "raw"),
    ("a.img", "xz --format=lzma -c raw >a.img", UNSUPPORTED, "new.img"),
    // What comes out is the packed file.
    ("a.qcow2", "gzip raw; mv raw.gz raw; into qcow2 a.qcow2", PACKED, ""),
];

/// What the scripts call.
const FUNCTIONS: &str = r#"
into() { format=$1; file=$2; shift 2; qemu-img convert -f raw -O "$format" "$@" raw "$file"; }
on() { qemu-img create -q -f "${3##*.}" -b "$2" -F "$1" "$3"; }
mark_corrupt() { printf '\2' | dd of=a.qcow2 bs=1 seek=79 conv=notrunc status=none; }
encrypt() {
  printf abc >KEYFILE
  qemu-img convert --object secret,id=s,data=abc -f raw -O "$1" -o "$2key-secret=s" raw a.qcow2
}
"#;

/// Runs a script in a scene.
fn run(scene: &Scene, script: &str) {
    let status =
        Command::new("bash").args(["-ec", script]).current_dir(scene.path(".")).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Returns the commands in the help of errors and warnings: what stands in backticks and has a space in
/// it, unless it is an argument, a line of a spec or an instruction of a Dockerfile.
fn commands(said: &str) -> Vec<&str> {
    let help = said.lines().filter_map(|line| line.trim_start().strip_prefix("= help: "));
    let quoted = help.flat_map(|help| help.split('`').skip(1).step_by(2));
    quoted
        .filter(|text| {
            text.contains(' ')
                && text.starts_with(|c: char| c.is_ascii_lowercase())
                && !text.contains(": ")
        })
        .collect()
}

#[test]
fn every_remedy_that_names_a_command_works() {
    for tool in ["qemu-img", "gzip", "xz", "zstd", "bzip2", "tar"] {
        if peer::find(tool).is_none() {
            return;
        }
    }
    for (name, script, rule, made) in REFUSED {
        let scene = Scene::new();
        scene.write("raw", mixed_bytes(3, 3 << 20));
        run(&scene, &format!("{FUNCTIONS}{script}"));
        if name == "log.vhdx" {
            leave_log(&scene.path(name));
        }
        let said = build(&scene, name, &[]).1;
        assert!(said.contains(&format!("error[{rule}]")), "{script}: {said}");
        let commands = commands(&said);
        assert!(!commands.is_empty(), "{script}: {said}");
        for command in commands {
            run(&scene, command);
        }
        if !made.is_empty() {
            let (status, said) = build(&scene, made, &["--convert", "qcow2"]);
            assert_eq!(status, 0, "{script}: {said}");
        }
    }
}

/// Builds an image with a disk. Returns the exit status and the messages.
fn build(scene: &Scene, disk: &str, args: &[&str]) -> (i32, String) {
    scene.write("Dockerfile", format!("FROM scratch\nCOPY [\"{disk}\", \"/disk/disk.img\"]\n"));
    let always = ["build", ".", "-o", "out", "--progress", "none"];
    let outcome = scene.run(always.iter().chain(args));
    (outcome.status, outcome.stderr)
}

/// Leaves an empty entry in the log of a VHDX, as a machine does that was not shut down.
fn leave_log(path: &Path) {
    let mut file = fs::read(path).unwrap();
    write_log(&mut file, &[]);
    fs::write(path, file).unwrap();
}

/// Writes an entry into the log of a VHDX that changes sectors of the file: to these bytes, or to zeros
/// (MS-VHDX 2.3).
pub(crate) fn write_log(file: &mut [u8], changes: &[(u64, Option<&[u8]>)]) {
    let number = |file: &[u8], at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let header = [1 << 16, 2 << 16].into_iter().max_by_key(|at| number(file, at + 8)).unwrap();
    let log = usize::try_from(number(file, header + 72)).unwrap();
    let len = file.len() as u64;
    let (id, sequence) = ([7; 16], 1_u64);
    let mut entry = vec![0; 4096];
    for (change, (at, bytes)) in changes.iter().enumerate() {
        let mut descriptor = [0; 32];
        descriptor[16..24].copy_from_slice(&at.to_le_bytes());
        descriptor[24..].copy_from_slice(&sequence.to_le_bytes());
        if let Some(bytes) = bytes {
            descriptor[..4].copy_from_slice(b"desc");
            descriptor[4..8].copy_from_slice(&bytes[4092..]);
            descriptor[8..16].copy_from_slice(&bytes[..8]);
            let mut sector = bytes.to_vec();
            sector[..4].copy_from_slice(b"data");
            sector[4..8].fill(0);
            sector[4092..].copy_from_slice(&1_u32.to_le_bytes());
            entry.extend(sector);
        } else {
            descriptor[..4].copy_from_slice(b"zero");
            descriptor[8..16].copy_from_slice(&4096_u64.to_le_bytes());
        }
        let start = 64 + change * 32;
        entry[start..start + 32].copy_from_slice(&descriptor);
    }
    entry[..4].copy_from_slice(b"loge");
    let entry_len = u32::try_from(entry.len()).unwrap();
    entry[8..12].copy_from_slice(&entry_len.to_le_bytes());
    entry[16..24].copy_from_slice(&sequence.to_le_bytes());
    entry[24..28].copy_from_slice(&u32::try_from(changes.len()).unwrap().to_le_bytes());
    entry[32..48].copy_from_slice(&id);
    entry[48..56].copy_from_slice(&len.to_le_bytes());
    entry[56..64].copy_from_slice(&len.to_le_bytes());
    file[log..log + entry.len()].copy_from_slice(&entry);
    file[header + 48..header + 64].copy_from_slice(&id);
    for (at, len) in [(log, entry.len()), (header, 4096)] {
        file[at + 4..at + 8].fill(0);
        let sum = crc32c(&file[at..at + len]);
        file[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        let step = |sum: u32, _| (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 };
        (0..8).fold(sum ^ u32::from(*byte), step)
    })
}
