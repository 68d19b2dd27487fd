//! `diskette verify --boot`: disks in virtual machines of two architectures.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::path::Path;
use std::process::Command;

use diskette_integration::bootable::{Processor, bios_disk, find_machines, uefi_disk};
use diskette_integration::cluster::handmade::{HandmadeImage, dir, file};
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::Value;
use snapbox::{IntoData as _, assert_data_eq, str};

const PROMPT: &str = "\r\ndiskette login: ";

/// A scene with an image of disks that say something, in the layout `out`.
fn scene(disks: &[(&str, Vec<u8>)]) -> Scene {
    let scene = Scene::new();
    let mut platforms = Vec::new();
    for (architecture, disk) in disks {
        scene.write(&format!("{architecture}.raw"), disk);
        platforms.push(format!("linux/{architecture}: {{ disk: {architecture}.raw }}"));
    }
    scene.write_spec(&platforms.join("\n  "));
    scene.build(&[]);
    scene
}

/// A command that boots the image; without KVM, which is not everywhere, and not the same.
fn verify(scene: &Scene, machines: &Path, args: &[&str]) -> Command {
    let verify = ["verify", "--progress", "none", "--boot", "--accelerator", "tcg", "oci:out:1"];
    let mut command = scene.program(verify.iter().chain(args));
    command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", machines.display()));
    command
}

/// Runs a command that changes nothing but the console's file, and leaves nothing behind.
fn run(scene: &Scene, command: Command) -> ProgramOutcome {
    let before = scene.file_digests("out");
    let outcome = scene.run_command(command);
    assert_eq!(scene.file_digests("out"), before, "the image was changed");
    assert!(scene.file_digests("tmp").is_empty(), "something was left behind");
    outcome
}

/// Leaves out what is another every time.
fn without_numbers(outcome: &ProgramOutcome) -> String {
    let text = outcome.transcript();
    // What the BIOS says itself, and where it ends its lines, is not the same every time.
    let is_bios = |line: &str| line.contains("SeaBIOS") || line.contains("Booting from");
    let lines = text.lines().filter(|line| !is_bios(line));
    let lines = lines.map(|line| match (line.split_once("sha256:"), line.split_once(" s): ")) {
        (Some((image, _)), _) => format!("{image}sha256:[DIGEST]\n"),
        (_, Some((start, end))) => {
            let (start, _) = start.rsplit_once(' ').unwrap();
            format!("{start} [TIME] s): {end}\n")
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn two_architectures_boot() {
    let Some(machines) = find_machines() else { return };
    let scene =
        scene(&[("amd64", bios_disk(PROMPT)), ("arm64", uefi_disk(Processor::Arm64, PROMPT))]);
    let args = ["--format", "json", "--console", "log"];
    let outcome = run(&scene, verify(&scene, &machines, &args));
    assert_eq!(outcome.status, 0, "{}", outcome.transcript());
    let result: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let boots = result["boots"].as_array().unwrap();
    let check = |boot: &Value, platform: &str, firmware: &str| {
        assert_eq!(boot["platform"], platform);
        assert_eq!(boot["firmware"], firmware);
        assert_eq!(boot["accelerator"], "tcg");
        assert_eq!(boot["boots"], true);
        assert_eq!(boot["seen"], "diskette login:");
        let log = scene.read(boot["console"].as_str().unwrap());
        assert!(String::from_utf8_lossy(&log).contains("diskette login:"));
    };
    check(&boots[0], "linux/amd64", "bios");
    check(&boots[1], "linux/arm64", "uefi");
}

#[test]
fn a_disk_that_only_uefi_starts_is_started_by_it() {
    let Some(machines) = find_machines() else { return };
    let scene = scene(&[("amd64", uefi_disk(Processor::Amd64, PROMPT))]);
    let outcome = run(&scene, verify(&scene, &machines, &[]));
    assert_data_eq!(
        without_numbers(&outcome),
        str![[r#"
status: 0
stdout:
oci:out:1  sha256:[DIGEST]

linux/amd64: /disk/amd64.raw, raw, 9.00 MiB

linux/amd64: boots (tcg, uefi, [TIME] s): diskette login:

no problems found
stderr:

"#]]
        .raw()
    );
    let outcome =
        run(&scene, verify(&scene, &machines, &["--firmware", "bios", "--boot-timeout", "6"]));
    assert_data_eq!(
        without_numbers(&outcome),
        str![[r#"
status: 1
stdout:
oci:out:1  sha256:[DIGEST]

linux/amd64: /disk/amd64.raw, raw, 9.00 MiB

linux/amd64: does not boot (tcg, bios, [TIME] s): what is expected was not seen within 6 s

no problems found
stderr:

"#]]
        .raw()
    );
}

#[test]
fn what_is_expected_is_waited_for() {
    let Some(machines) = find_machines() else { return };
    let scene = scene(&[("amd64", bios_disk("\r\none\r\ntwo \x1b[1mwords\x1b[0m\r\nthree"))]);
    let outcome = run(&scene, verify(&scene, &machines, &["--expect", "^two words$"]));
    assert_data_eq!(
        without_numbers(&outcome),
        str![[r#"
status: 0
stdout:
oci:out:1  sha256:[DIGEST]

linux/amd64: /disk/amd64.raw, raw, 1.00 MiB

linux/amd64: boots (tcg, bios, [TIME] s): two words

no problems found
stderr:

"#]]
        .raw()
    );
    let args = ["--boot-timeout", "8", "--console", "log"];
    let outcome = run(&scene, verify(&scene, &machines, &args));
    assert_data_eq!(
        without_numbers(&outcome),
        str![[r#"
status: 1
stdout:
oci:out:1  sha256:[DIGEST]

linux/amd64: /disk/amd64.raw, raw, 1.00 MiB

linux/amd64: does not boot (tcg, bios, [TIME] s): what is expected was not seen within 8 s
  | one
  | two words
  | three
  = the console is in `log`

no problems found
stderr:

"#]]
        .raw()
    );
    assert!(scene.read("log").ends_with(b"three"));
}

#[test]
fn what_cannot_be_booted_is_refused_before_anything_is_read() {
    let scene = scene(&[("amd64", bios_disk(PROMPT)), ("riscv64", vec![1; 4096])]);
    let nowhere = scene.path("nowhere");
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        let mut command = verify(&scene, &nowhere, args);
        command.env("PATH", &nowhere);
        assert_data_eq!(scene.run_refused(command), expected.raw());
    };
    check(
        &["--platform", "linux/amd64"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot boot linux/amd64: there is no `qemu-system-x86_64` in $PATH
 |
 = help: install `qemu-system-x86` (Debian, Fedora) or `qemu-kvm` (RHEL)

"#]],
    );
    check(
        &["--platform", "linux/riscv64"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot boot linux/riscv64: no virtual machine is known for it
 |
 = help: choose one of amd64, arm64, s390x

"#]],
    );
    check(
        &["--format", "sarif"],
        str![[r#"
status: 2
stdout:
stderr:
error: the result of a boot test cannot be written as SARIF
 |
 = help: use `--output-format json`

"#]],
    );
    check(
        &["--expect", "("],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '(' for '--expect <REGEX>': regex parse error:
    (
    ^
error: unclosed group

For more information, try '--help'.

"#]],
    );
    check(
        &["--boot-timeout", "0"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '0' for '--boot-timeout <SECONDS>': 0 is not in 1..=86400

For more information, try '--help'.

"#]],
    );
}

#[test]
fn a_disk_that_names_a_file_of_this_machine_is_not_booted() {
    let (Some(machines), Some(qemu)) = (find_machines(), peer::find("qemu-img")) else { return };
    let scene = Scene::new();
    let base = scene.write("secret.raw", vec![1; 65536]);
    let disk = scene.path("disk.qcow2");
    let base = ["-F", "raw", "-b", base.to_str().unwrap(), disk.to_str().unwrap()];
    qemu.run(["create", "-q", "-f", "qcow2"].iter().chain(&base));
    let image =
        HandmadeImage::new().layer(&[dir("disk"), file("disk/a.qcow2", &scene.read("disk.qcow2"))]);
    image.write(&scene.path("out"));
    let outcome = run(&scene, verify(&scene, &machines, &["--format", "json"]));
    assert_eq!(outcome.status, 1);
    let result: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let boot = &result["boots"][0];
    assert_eq!(boot["boots"], false);
    assert!(boot["accelerator"].is_null(), "it was tried: {boot}");
    assert!(boot["reason"].as_str().unwrap().contains("file"), "{boot}");
}

#[test]
fn an_interrupt_ends_the_machine() {
    let Some(machines) = find_machines() else { return };
    let scene = scene(&[("amd64", bios_disk("waiting"))]);
    let mut child = verify(&scene, &machines, &["--console", "log"]).spawn().unwrap();
    while !std::fs::read(scene.path("log")).is_ok_and(|log| log.ends_with(b"waiting")) {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(scene.file_digests("tmp").is_empty(), "something was left behind");
    let tmp = scene.path("tmp");
    let is_ours = |process: std::fs::DirEntry| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(tmp.to_str().unwrap())
    };
    let processes = std::fs::read_dir("/proc").unwrap().map(Result::unwrap);
    assert!(!processes.into_iter().any(is_ours), "the machine runs on");
}

/// The disks of `integration/disks/make-bootable.sh`, in `$DISKETTE_BOOTABLE`: see `make soak`.
#[test]
fn debians_installer_boots() {
    let Some(disks) = std::env::var_os("DISKETTE_BOOTABLE") else {
        peer::note_skipped("it takes minutes; DISKETTE_BOOTABLE is not set");
        return;
    };
    let Some(machines) = find_machines() else { return };
    let scene = Scene::new();
    let disk = |architecture: &str| {
        Path::new(&disks).join(format!("installer-{architecture}.qcow2")).display().to_string()
    };
    let (amd64, arm64) = (disk("amd64"), disk("arm64"));
    scene.write_spec(&format!(
        "linux/amd64: {{ disk: {amd64} }}\n  linux/arm64: {{ disk: {arm64} }}"
    ));
    scene.build(&[]);
    let args = ["--format", "json", "--expect", "^Select a language", "--boot-timeout", "900"];
    let outcome = run(&scene, verify(&scene, &machines, &args));
    assert_eq!(outcome.status, 0, "{}", outcome.transcript());
    let result: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    for boot in result["boots"].as_array().unwrap() {
        assert_eq!(boot["seen"], "Select a language", "{boot}");
    }
}
