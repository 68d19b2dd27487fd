//! What the program says of Dockerfiles that are wrong, and that it changes nothing then.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;
use std::os::unix::fs::symlink;

use diskette_integration::disk::qcow2;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

/// A context with a disk, a text and a few traps.
fn scene(dockerfile: &str) -> Scene {
    let scene = Scene::with_image();
    fs::create_dir(scene.path("c")).unwrap();
    scene.write("c/disk.qcow2", qcow2(1, 70_000));
    scene.write("c/a.txt", "a\n");
    scene.write("c/hidden.txt", "h\n");
    scene.write("c/.dockerignore", "# what is not for the image\nhidden.*\n");
    symlink("../../outside", scene.path("c/out")).unwrap();
    scene.write("c/Dockerfile", dockerfile);
    scene
}

/// Builds what must fail, changing nothing, and compares all that is said.
fn check(dockerfile: &str, args: &[&str], expected: impl IntoData) {
    let scene = scene(dockerfile);
    let command = scene.program(["build", "-o", "out", "--iidfile", "iid", "c"].iter().chain(args));
    assert_data_eq!(scene.refused(command), expected.raw());
}

#[test]
fn the_language() {
    check(
        "FORM scratch\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: unknown instruction: FORM
 --> c/Dockerfile:1:1
  |
1 | FORM scratch
  | ^^^^
  |
  = help: did you mean `FROM`?

"#]],
    );
    check(
        "FROM scratch\nCOPPY a b\nCOPY --chwon=1 a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: unknown instruction: COPPY
 --> c/Dockerfile:2:1
  |
2 | COPPY a b
  | ^^^^^
  |
  = help: did you mean `COPY`?
error: unknown flag: --chwon
 --> c/Dockerfile:3:6
  |
3 | COPY --chwon=1 a.txt /
  |      ^^^^^^^^^
  |
  = help: did you mean `--chown`?

"#]],
    );
    check(
        "",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `c/Dockerfile` is a file with no instructions
 |
 = help: begin it with `FROM scratch`

"#]],
    );
    check(
        "# nothing\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `c/Dockerfile` is a file with no instructions
 |
 = help: begin it with `FROM scratch`

"#]],
    );
    check(
        "COPY a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: no build stage in current context
 --> c/Dockerfile:1:1
  |
1 | COPY a.txt /
  | ^^^^^^^^^^^^
  |
  = help: only ARG can stand in front of the first FROM

"#]],
    );
    check(
        "# syntax=me/mine\nFROM scratch\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: the Dockerfile wants the frontend `me/mine`
 --> c/Dockerfile:1:10
  |
1 | # syntax=me/mine
  |          ^^^^^^^
  |
  = help: frontends are not run; only the language of `docker/dockerfile` is known

"#]],
    );
    check(
        "ARG BASE\nFROM $BASE\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: base name (`$BASE`) should not be blank
 --> c/Dockerfile:2:6
  |
2 | FROM $BASE
  |      ^^^^^
  |
  = help: give the ARG a default in front of the first FROM, or set it with --build-arg

"#]],
    );
    check(
        "FROM scratch\nENV A=\"${B:?must be set}\"\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: B: must be set
 --> c/Dockerfile:2:7
  |
2 | ENV A="${B:?must be set}"
  |       ^^^^^^^^^^^^^^^^^^^
  |
  = help: set the variable with ARG, ENV or `--build-arg`

"#]],
    );
    check(
        "FROM scratch AS a\n",
        &["--target", "b"],
        str![[r#"
status: 1
stdout:
stderr:
error: target stage `b` could not be found
 |
 = help: there are a

"#]],
    );
}

#[test]
fn sources() {
    check(
        "FROM scratch\nCOPY nothing.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `nothing.txt` is not in the build context
 --> c/Dockerfile:2:6
  |
2 | COPY nothing.txt /
  |      ^^^^^^^^^^^
  |
  = help: sources are relative to the build context, the directory given to the build

"#]],
    );
    check(
        "FROM scratch\nCOPY *.raw /disk/\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: nothing matches `*.raw`
 --> c/Dockerfile:2:6
  |
2 | COPY *.raw /disk/
  |      ^^^^^
  |
  = help: a pattern has to match something; is it hidden by .dockerignore?

"#]],
    );
    check(
        "FROM scratch\nCOPY ../c/a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `../c/a.txt` is outside the build context
 --> c/Dockerfile:2:6
  |
2 | COPY ../c/a.txt /
  |      ^^^^^^^^^^
  |
  = help: sources are relative to the context; build in a directory further up, or use --build-context

"#]],
    );
    check(
        "FROM scratch\nCOPY out /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `out` is outside the build context: the symbolic link `out` leads to `../../outside`
 --> c/Dockerfile:2:6
  |
2 | COPY out /
  |      ^^^
  |
  = help: copy what the link leads to into the context

"#]],
    );
    check(
        "FROM scratch\nCOPY hidden.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `hidden.txt` is excluded from the build context by `hidden.*`
 --> c/Dockerfile:2:6
  |
2 | COPY hidden.txt /
  |      ^^^^^^^^^^
  |
  = help: `hidden.*` stands at c/.dockerignore:2:1; remove it or add a `!`

"#]],
    );
    check(
        "FROM scratch\nCOPY a.txt disk.qcow2 /both\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: with more than one source, the destination must be a directory and end with a /
 --> c/Dockerfile:2:23
  |
2 | COPY a.txt disk.qcow2 /both
  |                       ^^^^^
  |
  = help: write `/both/`

"#]],
    );
    check(
        "FROM scratch\nCOPY --from=1 a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no stage 1 above
 --> c/Dockerfile:2:6
  |
2 | COPY --from=1 a.txt /
  |      ^^^^^^^^
  |
  = help: stages are counted from 0, and only those above can be copied from

"#]],
    );
    check(
        "FROM scratch\nCOPY --from=$X a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: variable expansion is not supported for --from
 --> c/Dockerfile:2:6
  |
2 | COPY --from=$X a.txt /
  |      ^^^^^^^^^
  |
  = help: begin a stage with `FROM $IMAGE AS name`, ARG in front of it, and copy from that

"#]],
    );
    check(
        "FROM scratch\nCOPY --exclude=[ . /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `[` is not a pattern
 --> c/Dockerfile:2:6
  |
2 | COPY --exclude=[ . /
  |      ^^^^^^^^^^^
  |
  = help: write `\[` for a `[` that is part of a name

"#]],
    );
}

#[test]
fn owners_and_modes() {
    check(
        "FROM scratch\nCOPY --chown=qemu a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no user `qemu` in /etc/passwd
 --> c/Dockerfile:2:6
  |
2 | COPY --chown=qemu a.txt /
  |      ^^^^^^^^^^^^
  |
  = help: the image names none; write numbers, for example `107:107`

"#]],
    );
    check(
        "FROM scratch\nCOPY --chmod=rwx a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: invalid mode: `rwx`
 --> c/Dockerfile:2:6
  |
2 | COPY --chmod=rwx a.txt /
  |      ^^^^^^^^^^^
  |
  = help: write it like `0444` or `u=rwX,go=rX`

"#]],
    );
}

#[test]
fn disks() {
    check(
        "FROM scratch\nADD disk.qcow2 /disk\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: this makes a file named /disk, which KubeVirt cannot use
 --> c/Dockerfile:2:16
  |
2 | ADD disk.qcow2 /disk
  |                ^^^^^
  |
  = help: write `/disk/`: then ADD puts the disk into that directory

"#]],
    );
}

#[test]
fn downloads() {
    check(
        "FROM scratch\nCOPY https://localhost/disk.qcow2 /disk/\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: source can't be a URL for COPY
 --> c/Dockerfile:2:6
  |
2 | COPY https://localhost/disk.qcow2 /disk/
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: ADD takes URLs

"#]],
    );
    check(
        "FROM scratch\nADD https://localhost/disk.qcow2 /disk/\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `https://localhost/disk.qcow2` has no checksum
 --> c/Dockerfile:2:5
  |
2 | ADD https://localhost/disk.qcow2 /disk/
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add the digest that the publisher gives: `sha256:` in a spec, `--checksum=sha256:…` with ADD
  = help: or pass `--allow-unverified` to take whatever comes

"#]],
    );
    check(
        "FROM scratch\nADD --checksum=md5:0 https://localhost/disk.qcow2 /disk/\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `md5:0` is not a checksum
 --> c/Dockerfile:2:5
  |
2 | ADD --checksum=md5:0 https://localhost/disk.qcow2 /disk/
  |     ^^^^^^^^^^^^^^^^
  |
  = help: write `sha256:` and 64 hexadecimal digits, or `sha512:` and 128

"#]],
    );
    check(
        "FROM scratch\nADD --checksum=sha256:0 a.txt /\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: --checksum is for downloads, and this is a local source
 --> c/Dockerfile:2:5
  |
2 | ADD --checksum=sha256:0 a.txt /
  |     ^^^^^^^^^^^^^^^^^^^
  |
  = help: remove it

"#]],
    );
    check(
        "FROM scratch\nADD https://localhost/ /disk/\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot determine a file name from `https://localhost/`
 --> c/Dockerfile:2:5
  |
2 | ADD https://localhost/ /disk/
  |     ^^^^^^^^^^^^^^^^^^
  |
  = help: write the whole path at the end, with the name that the file shall have

"#]],
    );
    check(
        "FROM scratch\nADD https://localhost/me/disks.git#main /disk/\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `https://localhost/me/disks.git#main` is a git repository, which is not cloned here
 --> c/Dockerfile:2:5
  |
2 | ADD https://localhost/me/disks.git#main /disk/
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: clone it before the build, and COPY what is needed

"#]],
    );
}

#[test]
fn run_lines() {
    check(
        "FROM scratch\nRUN mkdir /a && \\\n    apt-get update\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: RUN is evaluated, not executed; `apt-get` is not among mkdir, ln, chmod, chown, touch, rm, rmdir, true, false
 --> c/Dockerfile:3:5
  |
3 |     apt-get update
  |     ^^^^^^^^^^^^^^
  |
  = help: use mkdir, ln, chmod, chown, touch, rm, rmdir, true, false, joined by `&&`, `||` or `;`; for anything else COPY its result, or take a base image in which it was done

"#]],
    );
    check(
        "FROM scratch\nRUN --mount=type=cache,target=/a true\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: RUN is evaluated, not executed; it has no use for `--mount`
 --> c/Dockerfile:2:5
  |
2 | RUN --mount=type=cache,target=/a true
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: COPY what the command needs, or use `--build-context`

"#]],
    );
    check(
        "FROM scratch\nRUN mkdir /a/b\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `mkdir` fails: cannot create directory '/a/b': No such file or directory
 --> c/Dockerfile:2:5
  |
2 | RUN mkdir /a/b
  |     ^^^^^^^^^^

"#]],
    );
    check(
        "FROM scratch\nRUN echo a > /b\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: RUN is evaluated, not executed; a redirection is not understood
 --> c/Dockerfile:2:12
  |
2 | RUN echo a > /b
  |            ^
  |
  = help: use mkdir, ln, chmod, chown, touch, rm, rmdir, true, false, joined by `&&`, `||` or `;`; for anything else COPY its result, or take a base image in which it was done

"#]],
    );
}

#[test]
fn config() {
    check(
        "FROM scratch\nEXPOSE 80/icmp\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `icmp` is not a protocol; tcp, udp and sctp are
 --> c/Dockerfile:2:8
  |
2 | EXPOSE 80/icmp
  |        ^^^^^^^
  |
  = help: write it like `80`, `53/udp` or `8000-8010`

"#]],
    );
    check(
        "FROM scratch\nSTOPSIGNAL SIGNONE\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: invalid signal: `SIGNONE`
 --> c/Dockerfile:2:12
  |
2 | STOPSIGNAL SIGNONE
  |            ^^^^^^^
  |
  = help: for example SIGTERM, or 15

"#]],
    );
    check(
        "FROM scratch\nUSER $NOBODY\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: USER can not be an empty string
 --> c/Dockerfile:2:6
  |
2 | USER $NOBODY
  |      ^^^^^^^
  |
  = help: is a variable not set?

"#]],
    );
    check(
        "FROM scratch\nWORKDIR /a\nCOPY a.txt /b\nWORKDIR /b/c\n",
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `/b` is not a directory
 --> c/Dockerfile:4:9
  |
4 | WORKDIR /b/c
  |         ^^^^

"#]],
    );
}

#[test]
fn options() {
    check(
        "FROM scratch\n",
        &["--format", "docker", "--annotation", "a=b"],
        str![[r#"
status: 2
stdout:
stderr:
error: an image in docker's format has no annotations
 |
 = help: leave them out, or build with `--format oci`

"#]],
    );
    check(
        "FROM scratch\n",
        &["--platform", "linux/x86_64"],
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
        "FROM scratch\n",
        &["--build-context", "a"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'a' for '--build-context <NAME=CONTEXT>': NAME=CONTEXT is expected

For more information, try '--help'.

"#]],
    );
    check(
        "FROM scratch\n",
        &["--build-context", "a=nowhere"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot open the build context `nowhere`: No such file or directory (os error 2)

"#]],
    );
    check(
        "FROM scratch\n",
        &["--source-date-epoch", "yesterday"],
        str![[r#"
status: 1
stdout:
stderr:
error: SOURCE_DATE_EPOCH is `yesterday`: not a number of seconds since 1970 between 0 and 8589934591
 |
 = help: unset it, or set it to `git log -1 --format=%ct`

"#]],
    );
    check(
        "FROM scratch\n",
        &["-f", "nowhere"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `nowhere`: No such file or directory (os error 2)
 |
 = help: write a `diskette.yaml` or a `Dockerfile`, or name another file with `-f`

"#]],
    );
    check(
        "FROM scratch\n",
        &["--squash"],
        str![[r#"
status: 2
stdout:
stderr:
error: `--squash` has no meaning here
 |
 = help: leave it out: each layer has only what its instruction adds

"#]],
    );
}

#[test]
fn what_is_doubtful_is_said_and_built() {
    let check = |dockerfile: &str, args: &[&str], expected: &dyn Fn() -> snapbox::Data| {
        let scene = scene(dockerfile);
        scene.unjudged("what is doubtful is also refused, by some");
        let outcome =
            scene.run(["build", "-o", "out", "--progress", "none", "c"].iter().chain(args));
        assert_data_eq!(outcome.stderr, expected().raw());
        assert_eq!(outcome.status, 0);
    };
    check("FROM kubevirt.io:disk\nADD disk.qcow2 /disk\n", &[], &|| {
        str![[r#"
warning: `kubevirt.io:disk` is taken for `scratch` with a directory /disk
 --> c/Dockerfile:1:6
  |
1 | FROM kubevirt.io:disk
  |      ^^^^^^^^^^^^^^^^
  |
  = help: write `FROM scratch` and `ADD --chown=107:107 DISK /disk/`; KubeVirt needs nothing else

"#]]
        .into_data()
    });
    check("FROM scratch\nCOPY a.txt disk.qcow2 /disk/\n", &[], &|| {
        str![[r#"
warning[disk-several]: /disk: it holds 2: a.txt, disk.qcow2
 --> c/Dockerfile:1:6
  |
1 | FROM scratch
  |      ^^^^^^^
  |
  = help: KubeVirt says `more than one file found in folder /disk, only one disk is allowed`
  = help: leave only the disk in `/disk`; make an image for each disk

"#]]
        .into_data()
    });
    check("FROM scratch\nCOPY a.txt /\n", &["--build-arg", "A=b"], &|| {
        str![[r#"
warning: no ARG declares the build argument `A`
 |
 = help: is it misspelt? one that is not declared changes nothing

"#]]
        .into_data()
    });
}

#[test]
fn checking_writes_nothing() {
    let scene = scene("FROM scratch\nADD disk.qcow2 /disk/\n");
    let before = scene.files(".");
    let outcome = scene.run(["build", "--check", "-o", "new", "c"]);
    assert_eq!((outcome.status, outcome.stdout.as_slice()), (0, &b""[..]), "{}", outcome.stderr);
    assert_eq!(scene.files("."), before);
}
