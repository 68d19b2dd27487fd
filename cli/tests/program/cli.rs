//! What the program says when nothing is wrong.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;
use std::path::Path;

use diskette_integration::peer;
use diskette_integration::scene::{self, Scene};
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, file, str};

fn check(args: &[&str], expected: impl IntoData) {
    assert_data_eq!(Scene::new().run(args).transcript(), expected.raw());
}

#[test]
fn help() {
    check(
        &["--help"],
        str![[r#"
status: 0
stdout:
Put virtual-machine disks into container images that KubeVirt boots and CDI imports.

No daemon, no root, no temporary copy: every byte is read once, compressed in parallel, and the same
input gives the same digest everywhere.

Usage: diskette [OPTIONS] <COMMAND>

Commands:
  init         Write a spec for the disks of a directory, ready to build
  build        Build the image of a disk, or the images that a spec or a Dockerfile describes
  vddk         Make an image of VMware's disk library (VDDK) for CDI and Forklift
  push         Push an image of a layout or archive to registries
  pull         Pull an image from a registry into a layout
  copy         Copy an image from a registry, layout or archive to another, byte for byte
  bundle       Carry images of many repositories to where a registry cannot be reached
  tag          Add tags to an image in a registry or a layout
  tags         List the tags of a repository, a layout or an archive, one per line
  digest       Print the digest of an image
  referrers    List what refers to an image: signatures, SBOMs, disks
  sign         Sign an image in a registry or a layout, as cosign does
  attest       Attach an attestation to an image in a registry or a layout: a list of its packages,
               or what a file says
  delete       Delete an image of a registry or a layout
  prune        Delete old images of a repository or a layout
  gc           Remove the blobs of a layout that none of its images uses
  index        Work on indexes, which name an image for each platform
  sync         Publish the new releases of distributions
  results      Merge the results files of several runs of `sync` into one report
  promote      Copy verified images from a staging registry to the public one
  docs         Generate documentation for the images of a catalogue
  releases     List the newest disks that distributions have published for a catalogue
  inspect      Show the contents of an image or a disk file
  sbom         List the packages in a disk
  extract      Extract the disk from an image
  diff         Show why two images have different digests
  verify       Check an image against the rules of KubeVirt and CDI
  manifests    Write the Kubernetes objects that use an image, for `kubectl apply -f -`
  doctor       Check this machine's setup and registry credentials
  login        Log in to a registry
  logout       Log out of a registry
  auth         Look at credentials
  schema       Print the JSON Schema of diskette.yaml, for editors and linters
  completions  Print a completion script for a shell
  man          Write the manual pages into a directory
  help         Print this message or the help of the given subcommand(s)

Options:
      --message-format <FORMAT>
          Format of errors and warnings; github also annotates the pull request
          
          [default: text]

  -h, --help
          Print help (see a summary with '-h')

  -V, --version
          Print version

Exit status: 0 done, 1 failed, 2 wrong usage, 75 temporary failure, 130/143 stopped.
stderr:

"#]],
    );
    check(
        &["-h"],
        str![[r#"
status: 0
stdout:
Put virtual-machine disks into container images that KubeVirt boots and CDI imports

Usage: diskette [OPTIONS] <COMMAND>

Commands:
  init         Write a spec for the disks of a directory, ready to build
  build        Build the image of a disk, or the images that a spec or a Dockerfile describes
  vddk         Make an image of VMware's disk library (VDDK) for CDI and Forklift
  push         Push an image of a layout or archive to registries
  pull         Pull an image from a registry into a layout
  copy         Copy an image from a registry, layout or archive to another, byte for byte
  bundle       Carry images of many repositories to where a registry cannot be reached
  tag          Add tags to an image in a registry or a layout
  tags         List the tags of a repository, a layout or an archive, one per line
  digest       Print the digest of an image
  referrers    List what refers to an image: signatures, SBOMs, disks
  sign         Sign an image in a registry or a layout, as cosign does
  attest       Attach an attestation to an image in a registry or a layout: a list of its packages,
               or what a file says
  delete       Delete an image of a registry or a layout
  prune        Delete old images of a repository or a layout
  gc           Remove the blobs of a layout that none of its images uses
  index        Work on indexes, which name an image for each platform
  sync         Publish the new releases of distributions
  results      Merge the results files of several runs of `sync` into one report
  promote      Copy verified images from a staging registry to the public one
  docs         Generate documentation for the images of a catalogue
  releases     List the newest disks that distributions have published for a catalogue
  inspect      Show the contents of an image or a disk file
  sbom         List the packages in a disk
  extract      Extract the disk from an image
  diff         Show why two images have different digests
  verify       Check an image against the rules of KubeVirt and CDI
  manifests    Write the Kubernetes objects that use an image, for `kubectl apply -f -`
  doctor       Check this machine's setup and registry credentials
  login        Log in to a registry
  logout       Log out of a registry
  auth         Look at credentials
  schema       Print the JSON Schema of diskette.yaml, for editors and linters
  completions  Print a completion script for a shell
  man          Write the manual pages into a directory
  help         Print this message or the help of the given subcommand(s)

Options:
      --message-format <FORMAT>  Format of errors and warnings; github also annotates the pull
                                 request [default: text]
  -h, --help                     Print help (see more with '--help')
  -V, --version                  Print version

Exit status: 0 done, 1 failed, 2 wrong usage, 75 temporary failure, 130/143 stopped.
stderr:

"#]],
    );
    // Without a command the same is printed as an error.
    let (asked, nothing) = (Scene::new().run(["-h"]), Scene::new().run::<&str>([]));
    assert_eq!((nothing.status, nothing.stdout.len()), (2, 0));
    assert_eq!(nothing.stderr.as_bytes(), asked.stdout);
    check(
        &["--version"],
        str![[r#"
status: 0
stdout:
diskette 0.1.0
stderr:

"#]],
    );
    check(
        &["init", "build", "--version"],
        str![[r#"
status: 0
stdout:
diskette-init 0.1.0
stderr:

"#]],
    );
}

#[test]
fn reference() {
    let commands = [
        "init",
        "build",
        "vddk",
        "push",
        "pull",
        "copy",
        "bundle create",
        "bundle push",
        "tag",
        "tags",
        "digest",
        "referrers",
        "sign",
        "delete",
        "prune",
        "gc",
        "index create",
        "sync",
        "results",
        "promote",
        "docs",
        "releases",
        "inspect",
        "extract",
        "diff",
        "verify",
        "manifests",
        "doctor",
        "login",
        "logout",
        "auth explain",
        "schema",
        "completions",
        "man",
    ];
    let help = |command: &&str| {
        let outcome = Scene::new().run(command.split(' ').chain(["--help"]));
        assert_eq!((outcome.status, &outcome.stderr[..]), (0, ""));
        let text = String::from_utf8(outcome.stdout).unwrap();
        let text: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
        format!("\n## diskette {command}\n\n```text\n{}\n```\n", text.join("\n"))
    };
    let head =
        "# The commands\n\nWhat `diskette COMMAND --help` says of each, written by a test.\n";
    let reference: Vec<String> = commands.iter().map(help).collect();
    assert_data_eq!(format!("{head}{}", reference.concat()), file!["../../../docs/cli.md"].raw());
}

#[test]
fn the_schema_is_the_one_in_spec_files() {
    let outcome = Scene::new().run(["schema"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec-files/diskette.schema.json");
    assert_eq!(String::from_utf8(outcome.stdout).unwrap(), fs::read_to_string(path).unwrap());
}

#[test]
fn examples_that_have_their_disks_build() {
    let scene = Scene::new();
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec-files/demo.yaml");
    let digest = scene.build(&["-f", spec.to_str().unwrap()]);
    assert_eq!(scene.build_to("again", &["-f", spec.to_str().unwrap(), "--jobs", "1"]), digest);
}

#[test]
fn completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let scene = Scene::with_image();
        let outcome = scene.run(["completions", shell]);
        assert_eq!((outcome.status, &outcome.stderr[..]), (0, ""), "{shell}");
        let path = scene.write("script", &outcome.stdout);
        let script = String::from_utf8(outcome.stdout).unwrap();
        assert!(script.contains("_DISKETTE_COMPLETE"), "{shell}");
        if shell == "bash"
            && let Some(bash) = peer::find("bash")
        {
            bash.run(["-n", path.to_str().unwrap()]);
            let script = path.display();
            let diskette = scene::program_path();
            // Words as bash splits them.
            let completed = bash.run([
                "-c",
                &format!(
                    "PATH={}:$PATH; . {script}; cd {}; COMP_WORDS=(diskette push oci : out :); \
                     COMP_CWORD=5; COMP_TYPE=9; _diskette diskette : out; echo \"${{COMPREPLY[@]}}\"",
                    diskette.parent().unwrap().display(),
                    scene.path("").display()
                ),
            ]);
            assert_eq!(completed.trim(), "1 1-amd64");
        }
    }
}

/// A shell asks the program for what can follow.
#[test]
fn completions_of_words() {
    let scene = Scene::with_image();
    let check = |words: &[&str], expected: &[&str]| {
        let mut program = scene.program([&["--", "diskette"], words].concat());
        program.env("_DISKETTE_COMPLETE", "fish");
        let outcome = scene.run_command(program);
        let printed = String::from_utf8(outcome.stdout).unwrap();
        let found: Vec<_> = printed.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(found, expected, "{words:?} {}", outcome.stderr);
    };
    check(&["build", "--per-a"], &["--per-arch-tags"]);
    check(&["build", "--compression", "z"], &["zstd", "zstd:chunked"]);
    check(&["build", "--platform", "linux/s3"], &["linux/s390x"]);
    check(&["verify", "--allow", "disk-bl"], &["disk-blank"]);
    check(&["push", "oci:ou"], &["oci:out/"]);
    check(&["push", "oci:out:"], &["oci:out:1", "oci:out:1-amd64"]);
    check(&["copy", "oci:out:1", "oci:out:1-"], &["oci:out:1-amd64"]);
    check(&["build", "-f", "diskette"], &["diskette.yaml"]);
    check(&["inspect", "nowhere/"], &[]);
}

#[test]
fn manual_pages() {
    let scene = Scene::new();
    assert_eq!(scene.run(["man", "share/man1"]).status, 0);
    let pages: Vec<String> = scene.file_digests("share/man1").into_keys().collect();
    let expected = [
        "diskette-attest.1",
        "diskette-auth-explain.1",
        "diskette-auth.1",
        "diskette-build.1",
        "diskette-bundle-create.1",
        "diskette-bundle-push.1",
        "diskette-bundle.1",
        "diskette-completions.1",
        "diskette-copy.1",
        "diskette-delete.1",
        "diskette-diff.1",
        "diskette-digest.1",
        "diskette-docs.1",
        "diskette-doctor.1",
        "diskette-extract.1",
        "diskette-gc.1",
        "diskette-index-create.1",
        "diskette-index.1",
        "diskette-init.1",
        "diskette-inspect.1",
        "diskette-login.1",
        "diskette-logout.1",
        "diskette-man.1",
        "diskette-manifests.1",
        "diskette-promote.1",
        "diskette-prune.1",
        "diskette-pull.1",
        "diskette-push.1",
        "diskette-referrers.1",
        "diskette-releases.1",
        "diskette-results.1",
        "diskette-sbom.1",
        "diskette-schema.1",
        "diskette-sign.1",
        "diskette-sync.1",
        "diskette-tag.1",
        "diskette-tags.1",
        "diskette-vddk.1",
        "diskette-verify.1",
        "diskette.1",
    ];
    assert_eq!(pages, expected);
    for page in &pages {
        let text = String::from_utf8(scene.read(&format!("share/man1/{page}"))).unwrap();
        for section in ["EXAMPLES", "FILES", "ENVIRONMENT", "\"SEE ALSO\""] {
            let is_there = text.contains(&format!(".SH {}", section.trim_matches('"')));
            assert!(is_there, "{page}: {section}");
        }
        let text = text.replace("\\fB", "").replace("\\fR", "").replace("\\-", "-");
        for cited in text.split("(1)").filter_map(|before| before.split([' ', '\n']).next_back()) {
            let is_page = !cited.starts_with("diskette") || pages.contains(&format!("{cited}.1"));
            assert!(is_page, "{page} cites {cited}");
        }
    }
    let Some(groff) = peer::find("groff") else { return };
    for page in pages {
        let path = scene.path("share/man1").join(&page);
        let text = groff.run(["-man", "-Tascii", "-ww", "-P-cbou", path.to_str().unwrap()]);
        assert!(text.contains("NAME") && text.contains("SYNOPSIS"), "{page}: {text}");
    }
}

#[test]
fn a_build_says_what_it_made() {
    let scene = Scene::with_disk();
    scene.write_spec("amd64: { disk: disk.raw }\n  arm64: { disk: disk.raw }");
    let build = |args: &[&str]| {
        let outcome = scene.run(["build", "-o", "out"].iter().chain(args)).transcript();
        normalised(&outcome)
    };
    assert_data_eq!(
        build(&[]),
        str![[r#"
status: 0
stdout:
quay.io/me/vm@sha256:[DIGEST]
stderr:
linux/amd64 disk/disk.raw: [SIZE] sha256:[DIGEST]

"#]]
        .raw()
    );
    assert_data_eq!(
        build(&["-q"]),
        str![[r#"
status: 0
stdout:
sha256:[DIGEST]
stderr:

"#]]
        .raw()
    );
    assert_data_eq!(
        build(&["--progress", "none"]),
        str![[r#"
status: 0
stdout:
quay.io/me/vm@sha256:[DIGEST]
stderr:

"#]]
        .raw()
    );
    assert_data_eq!(
        build(&["-q", "-t", "a.b/c:d", "-t", "e"]),
        str![[r#"
status: 0
stdout:
sha256:[DIGEST]
stderr:

"#]]
        .raw()
    );
    assert_data_eq!(
        build(&["-t", "a.b/c:d", "-t", "e", "--no-cache"]),
        str![[r#"
status: 0
stdout:
a.b/c@sha256:[DIGEST]
stderr:
linux/amd64 disk/disk.raw: [SIZE] sha256:[DIGEST]

"#]]
        .raw()
    );
}

/// Replaces what compression has a say in: digests and sizes.
fn normalised(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<String> = line.split(' ').map(normalised_word).collect();
        words.join(" ").replace("[NUMBER] MiB", "[SIZE]").replace("[NUMBER] KiB", "[SIZE]")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn normalised_word(word: &str) -> String {
    match word.find("sha256:") {
        Some(at) => format!("{}sha256:[DIGEST]{}", &word[..at], &word[at + 71..]),
        None if word.contains('.') && word.parse::<f64>().is_ok() => "[NUMBER]".into(),
        None => word.into(),
    }
}

#[test]
fn progress_in_json() {
    let scene = Scene::with_disk();
    let outcome = scene.run(["build", "-q", "--progress", "json", "-o", "out"]);
    assert_eq!(outcome.stderr, "", "-q goes before");
    let outcome = scene.run(["build", "--no-cache", "--progress", "json", "-o", "out"]);
    let events: Vec<Value> =
        outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["started", "finished"]);
    assert_eq!(events[1]["platform"], json!("linux/amd64"));
    assert_eq!(events[1]["reused"], json!(false));
}

#[test]
fn files_for_scripts() {
    for (platforms, spec) in [
        (1, "amd64: { disk: disk.raw }"),
        (2, "amd64: { disk: disk.raw }\n  arm64: { disk: disk.raw }"),
    ] {
        let scene = Scene::with_disk();
        scene.write_spec(spec);
        let files = ["--iidfile", "iid", "--digestfile", "digest", "--metadata-file", "meta"];
        let digest = scene.build(&files);
        let metadata: Value = serde_json::from_slice(&scene.read("meta")).unwrap();
        assert_eq!(scene.read("digest"), digest.as_bytes());
        assert_eq!(metadata["containerimage.digest"], json!(digest));
        assert_eq!(metadata["containerimage.descriptor"]["digest"], json!(digest));
        assert_eq!(metadata["image.name"], json!("quay.io/me/vm:1"));
        let described = metadata["diskette.platforms"].as_object().unwrap();
        assert_eq!(described.len(), platforms);
        let config = &described["linux/amd64"]["config"];
        let iid = if platforms == 1 { config } else { &json!(digest) };
        assert_eq!(String::from_utf8(scene.read("iid")).unwrap(), iid.as_str().unwrap());
        let layout = diskette_integration::image::Layout::open(&scene.path("out"));
        for image in layout.images("1") {
            let found = &described[&image.platform];
            assert_eq!(found["digest"], json!(image.descriptor.digest().to_string()));
            assert_eq!(found["size"], json!(image.descriptor.size()));
            assert_eq!(found["config"], json!(image.manifest.config().digest().to_string()));
            let layer = &image.manifest.layers()[0];
            assert_eq!(found["layers"][0]["digest"], json!(layer.digest().to_string()));
            assert_eq!(found["layers"][0]["size"], json!(layer.size()));
        }
    }
}

#[test]
fn options_change_the_image() {
    let scene = Scene::with_two_disks();
    let options =
        ["--env", "A=b=c", "--label", "l=m", "--annotation", "n=o", "--platform", "arm64"];
    scene.build(&options);
    let layout = diskette_integration::image::Layout::open(&scene.path("out"));
    let images = layout.images("1");
    let [image] = &images[..] else { panic!("{images:?}") };
    assert_eq!(image.platform, "linux/arm64");
    let config = layout.config(image);
    let config = config.config().as_ref().unwrap();
    assert_eq!(config.env().as_ref().unwrap(), &["A=b=c"]);
    assert_eq!(config.labels().as_ref().unwrap()["l"], "m");
    assert_eq!(image.manifest.annotations().as_ref().unwrap()["n"], "o");
    let index: Value = serde_json::from_slice(&layout.blob(&layout.find_tag("1"))).unwrap();
    assert_eq!(index["annotations"]["n"], json!("o"));
}

#[test]
fn colors_only_on_a_terminal_that_wants_them() {
    let Some(python) = peer::find("python3") else { return };
    let scene = Scene::new();
    let spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    for (variable, value, colored) in [
        ("TERM", "xterm", true),
        ("NO_COLOR", "1", false),
        ("NO_COLOR", "", true),
        ("TERM", "dumb", false),
    ] {
        let mut outer = python.command();
        outer.args(["-c", spawn]);
        let mut command = scene.program_under(outer, ["build", "-o", "out"]);
        let outcome = scene.run_command({
            command.env("TERM", "xterm").env(variable, value);
            command
        });
        let text = String::from_utf8(outcome.stdout).unwrap();
        assert_eq!(
            (outcome.status, text.contains("\x1b[")),
            (1, colored),
            "{variable}={value}: {text}"
        );
    }
}
