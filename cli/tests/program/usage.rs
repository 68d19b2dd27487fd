//! What the program says when it is asked for something that makes no sense.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

fn check(args: &[&str], expected: impl IntoData) {
    let scene = Scene::with_two_disks();
    assert_data_eq!(scene.run_refused(scene.program(args)), expected.raw());
}

#[test]
fn unknown() {
    check(
        &["biuld"],
        str![[r#"
status: 2
stdout:
stderr:
error: unrecognized subcommand 'biuld'

  tip: some similar subcommands exist: 'bundle', 'build'

Usage: diskette [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "--outptu", "out"],
        str![[r#"
status: 2
stdout:
stderr:
error: unexpected argument '--outptu' found

  tip: a similar argument exists: '--output'

Usage: diskette build --output <DEST> [DISK|CONTEXT]...

For more information, try '--help'.

"#]],
    );
    check(
        &["completions", "tcsh"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'tcsh' for '<SHELL>'
  [possible values: bash, elvish, fish, powershell, zsh]

  tip: a similar value exists: 'zsh'

For more information, try '--help'.

"#]],
    );
    check(
        &["schema", "more"],
        str![[r#"
status: 2
stdout:
stderr:
error: unexpected argument 'more' found

Usage: diskette schema [OPTIONS]

For more information, try '--help'.

"#]],
    );
}

#[test]
fn destination() {
    check(
        &["build"],
        str![[r#"
status: 2
stdout:
stderr:
error: no destination for the image
 |
 = help: use `--push`, or `-o oci:DIR` for an OCI layout, or `-o oci-archive:FILE`

"#]],
    );
    check(
        &["build", "-o", ""],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '' for '--output <DEST>': the name is empty

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "docker://quay.io/me/vm"],
        str![[r#"
status: 75
stdout:
stderr:
error: cannot upload a blob to quay.io/me/vm: cannot find the host `quay.io`: failed to lookup address information: Name or service not known

"#]],
    );
    check(
        &["build", "-o", "docker-daemon:vm"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'docker-daemon:vm' for '--output <DEST>': `docker-daemon:` is not supported; `docker-archive:FILE` and `oci-archive:FILE` carry images to and from docker and podman

For more information, try '--help'.

"#]],
    );
}

#[test]
fn name() {
    check(
        &["build", "-o", "out", "-t", "Not A Name"],
        str![[r#"
status: 2
stdout:
stderr:
error: `Not A Name` is not an image name: `library/Not A Name` is not a repository
 |
 = help: for example quay.io/me/fedora:42

"#]],
    );
    check(
        &["build", "-o", "out", "-t", "vm:1:2"],
        str![[r#"
status: 2
stdout:
stderr:
error: `vm:1:2` is not an image name: `1:2` is not a tag
 |
 = help: for example quay.io/me/fedora:42

"#]],
    );
    check(
        &["build", "-o", "out", "-t", ""],
        str![[r#"
status: 2
stdout:
stderr:
error: `` is not an image name: the repository is missing
 |
 = help: for example quay.io/me/fedora:42

"#]],
    );
    let digest = format!("vm@sha256:{}", "0".repeat(64));
    check(
        &["build", "-o", "out", "-t", &digest],
        str![[r#"
status: 2
stdout:
stderr:
error: `vm@sha256:0000000000000000000000000000000000000000000000000000000000000000` is not an image name: a name to be given has no digest
 |
 = help: for example quay.io/me/fedora:42

"#]],
    );
}

#[test]
fn name_for_several_images() {
    let scene = Scene::with_disk();
    let spec = "{apiVersion: diskette/v1, image: a, platforms: {amd64: {disk: disk.raw}}}";
    scene.write("diskette.yaml", format!("{spec}\n---\n{}", spec.replace("image: a", "image: b")));
    assert_data_eq!(
        scene.run(["build", "-o", "out", "-t", "vm"]).transcript(),
        str![[r#"
status: 2
stdout:
stderr:
error: `-t` names one image, and the spec has 2
 |
 = help: name them in the spec

"#]]
        .raw()
    );
}

#[test]
fn platform() {
    check(
        &["build", "-o", "out", "--platform", "x86_64"],
        str![[r#"
status: 2
stdout:
stderr:
error: unknown architecture `x86_64`
 |
 = help: did you mean `linux/amd64`?

"#]],
    );
    check(
        &["build", "-o", "out", "--platform", "linux/amd46"],
        str![[r#"
status: 2
stdout:
stderr:
error: unknown architecture `amd46`
 |
 = help: did you mean `linux/amd64`?

"#]],
    );
    check(
        &["build", "-o", "out", "--platform", "s390x"],
        str![[r#"
status: 2
stdout:
stderr:
error: the spec has no platform linux/s390x
 |
 = help: it has linux/amd64, linux/arm64

"#]],
    );
    check(
        &["build", "-o", "out", "--platform", "amd64,"],
        str![[r#"
status: 2
stdout:
stderr:
error: `` is not a platform
 |
 = help: write it as `linux/amd64`

"#]],
    );
}

#[test]
fn compression() {
    check(
        &["build", "-o", "out", "--compression", "xz"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'xz' for '--compression <KIND>'
  [possible values: gzip, zstd, zstd:chunked, none]

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "out", "--compression-level", "13"],
        str![[r#"
status: 2
stdout:
stderr:
error: unknown compression level 13
 |
 = help: gzip has the levels 1 to 12

"#]],
    );
    check(
        &["build", "-o", "out", "--compression-level", "0"],
        str![[r#"
status: 2
stdout:
stderr:
error: unknown compression level 0
 |
 = help: gzip has the levels 1 to 12

"#]],
    );
    check(
        &["build", "-o", "out", "--compression-level", "300"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '300' for '--compression-level <N>': 300 is not in 0..=255

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "out", "--compression", "zstd", "--compression-level", "20"],
        str![[r#"
status: 2
stdout:
stderr:
error: unknown compression level 20
 |
 = help: zstd has the levels 1 to 19

"#]],
    );
    check(
        &["build", "-o", "out", "--compression", "none", "--compression-level", "1"],
        str![[r#"
status: 2
stdout:
stderr:
error: unknown compression level 1
 |
 = help: without compression there are no levels

"#]],
    );
}

#[test]
fn values() {
    check(
        &["build", "-o", "out", "--jobs", "0"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '0' for '--jobs <N>': number would be zero for non-zero type

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "out", "--jobs", "many"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'many' for '--jobs <N>': invalid digit found in string

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "out", "--env", "A"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'A' for '--env <K=V>': KEY=VALUE is expected

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "out", "--label", "=b"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '=b' for '--label <K=V>': KEY=VALUE is expected

For more information, try '--help'.

"#]],
    );
    check(
        &["build", "-o", "out", "--progress", "loud"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'loud' for '--progress <HOW>'
  [possible values: auto, plain, json, none]

For more information, try '--help'.

"#]],
    );
}

#[test]
fn source_date_epoch() {
    for (value, expected) in [
        (
            "yesterday",
            str![[r#"
status: 1
stdout:
stderr:
error: SOURCE_DATE_EPOCH is `yesterday`: not a number of seconds since 1970 between 0 and 8589934591
 |
 = help: unset it, or set it to `git log -1 --format=%ct`

"#]],
        ),
        (
            "-1",
            str![[r#"
status: 1
stdout:
stderr:
error: SOURCE_DATE_EPOCH is `-1`: not a number of seconds since 1970 between 0 and 8589934591
 |
 = help: unset it, or set it to `git log -1 --format=%ct`

"#]],
        ),
        (
            "8589934592",
            str![[r#"
status: 1
stdout:
stderr:
error: SOURCE_DATE_EPOCH is `8589934592`: not a number of seconds since 1970 between 0 and 8589934591
 |
 = help: unset it, or set it to `git log -1 --format=%ct`

"#]],
        ),
    ] {
        let scene = Scene::with_disk();
        let mut command = scene.program(["build", "-o", "out"]);
        let outcome = scene.run_command({
            command.env("SOURCE_DATE_EPOCH", value);
            command
        });
        assert_data_eq!(outcome.transcript(), expected.raw());
    }
}

#[test]
fn checks_report_what_they_find() {
    let scene = Scene::with_disk();
    let checked = scene.run(["build", "--check"]);
    assert_eq!((checked.status, checked.stderr.trim()), (0, "no problems found"));
    let missing = scene.run(["build", "--check", "-f", "diskette.yaml", "gone"]);
    assert_eq!(missing.status, 1);
    assert!(missing.stderr.contains("cannot find the directory `gone`"), "{}", missing.stderr);
    let help = scene.run(["help", "build"]);
    assert_eq!((help.status, help.stdout), (0, scene.run(["build", "--help"]).stdout));
}
