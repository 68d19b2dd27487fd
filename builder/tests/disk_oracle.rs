//! What is said of a disk is what `qemu-img info` says of it: for images that `qemu-img` makes in
//! every format and with every option that tells, and for some that were changed by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test opens its files and asks whether it is CI")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use diskette_builder::disk::qcow2::{Qcow2Compression, Qcow2Encryption, Qcow2Header};
use diskette_builder::disk::{Flaw, FlawKind, ReadAt, examine_disk};
use serde_json::{Value, json};

/// A file of which nothing behind its end is asked for.
struct BoundedFile(File, u64);

impl BoundedFile {
    fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let len = file.metadata().unwrap().len();
        Self(file, len)
    }
}

impl ReadAt for BoundedFile {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        assert!(at + space.len() as u64 <= self.1, "{} bytes at {at}", space.len());
        self.0.read_exact_at(space, at)
    }
}

/// How images are made: a script in an empty directory, in which `x` is the image.
#[expect(clippy::too_many_lines, reason = "a table")]
fn image_scripts() -> Vec<String> {
    let mut all = Vec::new();
    let mut create = |format: &str, options: &str, size: &str| {
        let options = if options.is_empty() { String::new() } else { format!("-o {options}") };
        all.push(format!("qemu-img create -q -f {format} {options} x {size}"));
    };
    for compat in ["0.10", "1.1"] {
        for size in ["0", "512", "1000", "64K", "1M", "1G", "100G", "1T"] {
            create("qcow2", &format!("compat={compat}"), size);
        }
        for cluster in ["512", "1K", "4K", "64K", "256K", "1M", "2M"] {
            create("qcow2", &format!("compat={compat},cluster_size={cluster}"), "1G");
        }
        for preallocation in ["metadata", "falloc", "full"] {
            let options = format!("compat={compat},preallocation={preallocation}");
            create("qcow2", &options, "3M");
        }
        create("qcow2", &format!("compat={compat},cluster_size=512"), "7G");
    }
    for bits in [1, 2, 4, 8, 16, 32, 64] {
        create("qcow2", &format!("refcount_bits={bits}"), "1G");
    }
    for options in [
        "lazy_refcounts=on",
        "extended_l2=on",
        "extended_l2=on,cluster_size=16K",
        "extended_l2=on,cluster_size=2M",
        "extended_l2=on,preallocation=metadata",
        "compression_type=zlib",
        "compression_type=zstd",
        "compression_type=zstd,extended_l2=on,lazy_refcounts=on,refcount_bits=1",
        "data_file=data",
        "data_file=data,data_file_raw=on",
        "data_file=data,preallocation=metadata",
    ] {
        create("qcow2", options, "20M");
    }
    for size in ["512", "1000", "1M", "20G", "2T"] {
        for format in ["qcow", "qed", "vdi", "parallels", "vhdx", "vmdk", "raw"] {
            create(format, "", size);
        }
    }
    for size in ["512", "1000", "1M", "20G", "2000G"] {
        create("vpc", "", size);
        create("vpc", "force_size=on", size);
    }
    for options in ["cluster_size=4K", "cluster_size=1M", "table_size=2", "table_size=16"] {
        create("qed", options, "1G");
    }
    for options in ["subformat=fixed", "subformat=fixed,force_size=on"] {
        create("vpc", options, "3M");
        create("vpc", options, "3000K");
    }
    create("vdi", "static=on", "5M");
    create("vdi", "static=on", "5000K");
    for options in ["subformat=fixed", "block_size=1M", "block_size=256M", "log_size=2M"] {
        create("vhdx", options, "30M");
    }
    for subformat in [
        "monolithicSparse",
        "monolithicFlat",
        "streamOptimized",
        "twoGbMaxExtentSparse",
        "twoGbMaxExtentFlat",
    ] {
        create("vmdk", &format!("subformat={subformat}"), "5M");
        create("vmdk", &format!("subformat={subformat},adapter_type=lsilogic"), "5G");
    }
    for size in ["0", "1", "511", "513", "1000001"] {
        all.push(format!("truncate -s {size} x"));
    }
    let secret = "--object secret,id=s,data=abc";
    for (format, options) in [
        ("qcow2", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"),
        ("qcow2", "encrypt.format=aes,encrypt.key-secret=s"),
        ("qcow", "encrypt.format=aes,encrypt.key-secret=s"),
        ("luks", "key-secret=s,iter-time=10"),
        ("luks", "key-secret=s,iter-time=10,cipher-alg=aes-128,hash-alg=sha1"),
    ] {
        all.push(format!("qemu-img create -q {secret} -f {format} -o {options} x 6M"));
    }
    for format in ["qcow2", "qcow", "qed"] {
        all.push(format!(
            "qemu-img create -q -f raw base.raw 3M
             qemu-img create -q -f {format} -b base.raw -F raw x 4M"
        ));
        all.push(format!(
            "qemu-img create -q -f qcow2 'a b.qcow2' 3M
             qemu-img create -q -f {format} -b \"$PWD/a b.qcow2\" -F qcow2 x"
        ));
    }
    all.push(
        "qemu-img create -q -f raw base.raw 3M
         qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=512 -b base.raw -F raw x"
            .into(),
    );
    add_converted_images(&mut all);
    add_modified_images(&mut all);
    all
}

/// A disk with data in it, converted.
fn add_converted_images(all: &mut Vec<String>) {
    const MAKE: &str =
        "for i in 1 2 3; do seq $((i * 1000)) 60000; head -c 200000 /dev/zero; done >raw";
    for options in [
        "qcow2",
        "qcow2 -c",
        "qcow2 -c -o compression_type=zstd",
        "qcow2 -c -o cluster_size=4K",
        "qcow2 -c -o cluster_size=2M,compression_type=zstd",
        "qcow2 -c -o compat=0.10",
        "qcow2 -c -o extended_l2=on",
        "qcow2 -o extended_l2=on",
        "qcow2 -S 0",
        "qcow2 -o preallocation=metadata",
        "qcow",
        "qed",
        "vdi",
        "vpc",
        "vpc -o subformat=fixed",
        "vhdx",
        "parallels",
        "vmdk",
        "vmdk -o subformat=streamOptimized",
        "raw",
    ] {
        all.push(format!("{MAKE}; qemu-img convert -q -f raw raw -O {options} x"));
    }
    for program in ["gzip -c", "xz -c", "zstd -qc", "bzip2 -c"] {
        all.push(format!("{MAKE}; {program} raw >x"));
    }
}

/// Images of which something was changed.
fn add_modified_images(all: &mut Vec<String>) {
    let mut change = |make: &str| {
        all.push(format!("qemu-img create -q -f qcow2 x 10M; {make}"));
    };
    change("qemu-img snapshot -c one x");
    change("qemu-img snapshot -c one x; qemu-img snapshot -c two x; qemu-img snapshot -d one x");
    change("qemu-io -c 'write -P 7 1M 2M' x >/dev/null; qemu-img snapshot -c one x");
    change("qemu-io -c 'write -P 7 0 10M' -c 'discard 3M 2M' x >/dev/null");
    change("qemu-io -c 'write -z 3M 2M' x >/dev/null");
    change("qemu-img bitmap --add x map");
    change("qemu-img resize -q x 17M");
    change("qemu-img amend -q -o compat=0.10 x");
    change("qemu-img amend -q -o lazy_refcounts=on x");
    for (byte, at) in [
        ("\\001", 79), // dirty
        ("\\002", 79), // corrupt
        ("\\003", 79), // both
        ("\\001", 87), // lazy reference counts
        ("\\377", 86), // unknown compatible features
        ("\\377", 95), // unknown features that are cleared
        ("\\001", 31), // a size that is no whole sector
    ] {
        change(&format!("printf '{byte}' | dd of=x bs=1 seek={at} conv=notrunc status=none"));
    }
}

/// Returns what `qemu-img` says, as far as it is about the same things.
fn facts_from_qemu(directory: &Path) -> Value {
    let output = Command::new("qemu-img")
        .args(["info", "--output", "json", "x"])
        .current_dir(directory)
        .output()
        .unwrap();
    if !output.status.success() {
        return String::from_utf8(output.stderr).unwrap().into();
    }
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut facts = json!({
        "format": told["format"],
        "virtual-size": told["virtual-size"],
        "backing": told["backing-filename"],
        "encrypted": told["encrypted"].as_bool().unwrap_or_default(),
        "dirty": told["dirty-flag"].as_bool().unwrap_or_default(),
    });
    if told["format"] == "qcow2" {
        let data = &told["format-specific"]["data"];
        facts["backing-format"] = told["backing-filename-format"].clone();
        facts["snapshots"] = told["snapshots"].as_array().map_or(0, Vec::len).into();
        facts["cluster-size"] = told["cluster-size"].clone();
        facts["compat"] = data["compat"].clone();
        facts["refcount-bits"] = data["refcount-bits"].as_u64().unwrap_or(16).into();
        facts["lazy"] = data["lazy-refcounts"].as_bool().unwrap_or_default().into();
        facts["corrupt"] = data["corrupt"].as_bool().unwrap_or_default().into();
        facts["subclusters"] = data["extended-l2"].as_bool().unwrap_or_default().into();
        facts["data-file"] = data["data-file"].clone();
        facts["compression"] = data["compression-type"].clone();
        facts["encryption"] = data["encrypt"]["format"].clone();
    }
    facts
}

/// Returns what we say.
fn facts_from_diskette(path: &Path) -> (Value, Vec<Flaw>) {
    let bytes = BoundedFile::open(path);
    let info = examine_disk(&bytes).unwrap();
    let has = |kind| info.flaws.iter().any(|flaw| flaw.kind == kind);
    let header = Qcow2Header::read(&bytes);
    let backing = header.as_ref().ok().and_then(|header| header.backing_file.clone());
    let foreign = has(FlawKind::BackingFile) && backing.is_none();
    let backing_name = if foreign {
        json!("another")
    } else {
        json!(backing.as_ref().map(|backing| &backing.name))
    };
    let mut facts = json!({
        "format": info.format.qemu_name(),
        "virtual-size": info.virtual_size,
        "backing": backing_name,
        "encrypted": has(FlawKind::Encrypted),
        "dirty": has(FlawKind::Dirty),
    });
    if let Ok(header) = header {
        facts["backing-format"] = json!(backing.and_then(|backing| backing.format));
        facts["snapshots"] = header.snapshot_count.into();
        facts["cluster-size"] = header.cluster_size().into();
        facts["compat"] = if header.version == 2 { "0.10" } else { "1.1" }.into();
        facts["refcount-bits"] = (1 << header.refcount_order).into();
        facts["lazy"] = (header.compatible & 1 != 0).into();
        facts["corrupt"] = has(FlawKind::Corrupt).into();
        facts["subclusters"] = header.has_subclusters().into();
        facts["data-file"] = json!(header.data_file);
        facts["compression"] = match header.compression {
            Qcow2Compression::Zlib => "zlib".into(),
            Qcow2Compression::Zstd => "zstd".into(),
        };
        facts["encryption"] = match header.encryption {
            Qcow2Encryption::None => Value::Null,
            Qcow2Encryption::Aes => "aes".into(),
            Qcow2Encryption::Luks => "luks".into(),
        };
    }
    (facts, info.flaws)
}

/// Returns how the two differ.
fn compare_facts(directory: &Path) -> String {
    let mut text = String::new();
    let mut theirs = facts_from_qemu(directory);
    let (mut ours, flaws) = facts_from_diskette(&directory.join("x"));
    // What is not read of a format that is refused anyway.
    if ours["backing"] == "another" && theirs["backing"].is_string() {
        ours["backing"] = theirs["backing"].clone();
    }
    // Written only into headers of version 3.
    if theirs["compression"].is_null() {
        ours["compression"] = Value::Null;
    }
    for facts in [&mut theirs, &mut ours] {
        if let Some(facts) = facts.as_object_mut() {
            facts.retain(|_, value| !value.is_null());
        }
    }
    // QEMU takes a fixed VHD for raw unless it is told, and its footer for a sector of the disk.
    if ours["format"] == "vpc" && theirs["format"] == "raw" {
        let size = ours["virtual-size"].as_u64().map(|size| size + 512);
        (ours["format"], ours["virtual-size"]) = ("raw".into(), size.into());
    }
    if theirs != ours {
        writeln!(text, "  qemu: {theirs}\n  ours: {ours}").unwrap();
    }
    // qemu-img has made it: nothing is out of place.
    let wrong =
        [FlawKind::Malformed, FlawKind::OutsideFile, FlawKind::Truncated, FlawKind::UnknownFeature];
    for flaw in flaws.iter().filter(|flaw| wrong.contains(&flaw.kind)) {
        writeln!(text, "  wrong: {flaw}").unwrap();
    }
    text
}

#[test]
fn facts_match_qemu_img_info() {
    if Command::new("qemu-img").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no qemu-img");
        return say_skipped();
    }
    let mut different = String::new();
    let scripts = image_scripts();
    assert!(scripts.len() >= 150, "{}", scripts.len());
    for script in &scripts {
        let scratch = tempfile::tempdir().unwrap();
        let command = Command::new("sh").args(["-ec", script]).current_dir(&scratch).output();
        let output = command.unwrap();
        if !output.status.success() {
            writeln!(different, "{script}\n  {}", String::from_utf8_lossy(&output.stderr)).unwrap();
            continue;
        }
        let difference = compare_facts(scratch.path());
        if !difference.is_empty() {
            writeln!(different, "{script}\n{difference}").unwrap();
        }
        fs::remove_file(scratch.path().join("x")).unwrap();
    }
    assert!(different.is_empty(), "{different}\nof {}", scripts.len());
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn say_skipped() {
    eprintln!("skipped: there is no qemu-img");
}
