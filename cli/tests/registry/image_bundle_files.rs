//! Which files and names `diskette bundle` replaces, and which it refuses.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use diskette_integration::peer;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use snapbox::{IntoData as _, assert_data_eq, data::Inline, str};

use crate::image_bundles::{create, fill, scene};

/// Makes a scene, a registry, and the names of three images in it.
fn start() -> (Scene, Registry, [String; 3]) {
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let names = fill(&scene, &source.address());
    (scene, source, names)
}

fn refused(scene: &Scene, source: &Registry, args: &[&str], expected: Inline) {
    let said = scene.run_refused(scene.program(args)).replace(&source.address(), "REGISTRY");
    assert_data_eq!(said, expected.raw());
}

fn files(scene: &Scene, start: &str) -> Vec<String> {
    let all = fs::read_dir(scene.path("")).unwrap();
    let all = all.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = all.filter(|name| name.starts_with(start)).collect();
    found.sort();
    found
}

#[test]
fn a_bundle_has_one_form() {
    let (scene, source, [first, _, third]) = start();
    create(&scene, "y.tar", &[&first]);
    let whole = scene.read("y.tar");
    create(&scene, "y.tar", &["--split-size", "128K", &third]);
    let parts = files(&scene, "y.tar");
    assert!(parts.len() > 2 && parts[0] == "y.tar.000", "{parts:?}");
    assert_eq!(parts.last().unwrap(), "y.tar.sha256");
    let target = Registry::start(Profile::DISTRIBUTION_3);
    let push = ["bundle", "push", "y.tar", &target.address()];
    assert_eq!(scene.run(push).status, 0);
    assert!(target.manifest("me/fedora", "43").is_some());
    assert!(target.manifest("me/fedora", "42").is_none());
    // Another program has put the other form beside it.
    scene.write("y.tar", &whole);
    let expected = || {
        str![[r#"
status: 1
stdout:
stderr:
error: `y.tar` is there as one file and in parts, `y.tar.000`
 |
 = help: remove the one that is not meant: `y.tar`, or its parts and their list `y.tar.sha256`

"#]]
    };
    refused(&scene, &source, &push, expected());
    let since = ["bundle", "create", "-o", "z.tar", "--since", "y.tar", &first];
    refused(&scene, &source, &since, expected());
    // So it is without the list.
    let list = scene.read("y.tar.sha256");
    fs::remove_file(scene.path("y.tar.sha256")).unwrap();
    refused(&scene, &source, &push, expected());
    scene.write("y.tar.sha256", list);
    create(&scene, "y.tar", &[&first]);
    assert_eq!(files(&scene, "y.tar"), ["y.tar"]);
    assert!(scene.read("y.tar") == whole);
    // A checksum of the file itself is no list of parts.
    let sum = format!("{}  y.tar\n", diskette_integration::disk::sha256(&whole));
    scene.write("y.tar.sha256", &sum);
    assert_eq!(scene.run(push).status, 0);
    create(&scene, "y.tar", &[&first]);
    assert_eq!(scene.read("y.tar.sha256"), sum.as_bytes());
}

/// A program that is killed while it gives the parts their names leaves some with and some without.
#[test]
fn half_named_parts_are_continued() {
    let (scene, _source, [first, ..]) = start();
    let args = ["--split-size", "64K", &first];
    create(&scene, "h.tar", &args);
    let (made, digests) = (files(&scene, "h.tar"), scene.file_digests(""));
    for name in made.iter().filter(|name| *name != "h.tar.000" && *name != "h.tar.sha256") {
        fs::rename(scene.path(name), scene.path(&format!("{name}.partial"))).unwrap();
    }
    fs::remove_file(scene.path("h.tar.sha256")).unwrap();
    create(&scene, "h.tar", &args);
    assert!(scene.file_digests("") == digests, "{:?}", files(&scene, "h.tar"));
}

#[test]
fn a_bundle_does_not_replace_its_base() {
    let (scene, source, [first, _, third]) = start();
    create(&scene, "x.tar", &[&first]);
    create(&scene, "p.tar", &["--split-size", "128K", &first]);
    symlink("x.tar", scene.path("link.tar")).unwrap();
    fs::hard_link(scene.path("x.tar"), scene.path("hard.tar")).unwrap();
    let before = scene.file_digests("");
    for (output, base) in [
        ("x.tar", "x.tar"),
        ("./x.tar", "x.tar"),
        ("link.tar", "x.tar"),
        ("x.tar", "link.tar"),
        ("hard.tar", "x.tar"),
        ("p.tar", "p.tar"),
        ("p.tar", "p.tar.000"),
    ] {
        for split in [&[][..], &["--split-size", "64K"]] {
            let args = ["bundle", "create", "-o", output, "--since", base, &first, &third];
            let said = scene.run(args.iter().chain(split));
            assert_eq!(said.status, 2, "{output} {base}: {}", said.stderr);
            let message = format!("error: `{output}` would replace `{base}`, which has the blobs");
            assert!(said.stderr.starts_with(&message), "{}", said.stderr);
        }
    }
    assert!(scene.file_digests("") == before);
    refused(
        &scene,
        &source,
        &["bundle", "create", "-o", "x.tar", "--since", "x.tar", &third],
        str![[r#"
status: 2
stdout:
stderr:
error: `x.tar` would replace `x.tar`, which has the blobs that it lacks
 |
 = help: write it to another file with `-o`

"#]],
    );
    create(&scene, "y.tar", &["--since", "link.tar", &first, &third]);
}

#[test]
fn no_image_is_left_out_because_of_its_name() {
    let (scene, _source, [first, second, _]) = start();
    create(&scene, "oci:b", &[&first, &second]);
    let target = Registry::start(Profile::DISTRIBUTION_3);
    let index = String::from_utf8(scene.read("b/index.json")).unwrap();
    let renamed = |name: &str| {
        let name = name.replace('\u{1b}', "\\u001b");
        scene
            .write("b/index.json", index.replace(&format!("\"{second}\""), &format!("\"{name}\"")));
        scene.run(["bundle", "push", "oci:b", &target.address()])
    };
    for name in ["v1", "../../x:1", "\u{1b}[2J"] {
        let said = renamed(name);
        let shown = name.escape_debug();
        let message = format!(
            "error: `{shown}` of `oci:b` is no full name; nothing was sent\n |\n = help: `diskette copy` copies an image alone, under another name\n"
        );
        assert!(said.status == 1 && said.stderr.contains(&message), "{}", said.stderr);
    }
    let zeros = "0".repeat(64);
    let said = renamed(&format!("{second}@sha256:{zeros}"));
    let digest = scene.run(["digest", &second]).digest();
    let message = format!(
        "error: the image of the name `{second}@sha256:{zeros}` is {digest}; nothing was sent\n"
    );
    assert!(said.status == 1 && said.stderr.starts_with(&message), "{}", said.stderr);
    assert!(target.manifest("me/fedora", "42").is_none());
    // A true digest does not take the tag away.
    let said = renamed(&format!("{second}@{digest}"));
    assert_eq!(said.status, 0, "{}", said.stderr);
    target.verify_image("you/copy", "1").unwrap();
}

#[test]
fn a_tag_with_a_digest_stays_a_tag() {
    let (scene, source, [first, _, third]) = start();
    let digest = scene.run(["digest", &first]).digest();
    let pinned = format!("{first}@{digest}");
    create(&scene, "tag.tar", &[&first]);
    create(&scene, "pinned.tar", &[&pinned, &first]);
    assert!(scene.read("tag.tar") == scene.read("pinned.tar"));
    let other = scene.run(["digest", &third]).digest();
    let said = scene.run(["bundle", "create", "-o", "c.tar", &format!("{third}@{digest}")]);
    let message = format!(
        "error: `{third}` is {other}, not {digest}\n |\n = help: name the image by its tag, or by its digest alone\n"
    );
    assert!(said.status == 1 && said.stderr.contains(&message), "{}", said.stderr);
    let gone = source.reference("me/fedora:gone");
    let said = scene.run(["bundle", "create", "-o", "c.tar", &format!("{gone}@{digest}")]);
    assert!(said.stderr.contains(&format!("there is no image `{gone}`")), "{}", said.stderr);
    assert!(!scene.path("c.tar").exists());
}

#[test]
fn a_file_of_something_else_is_not_replaced() {
    let (scene, source, [first, ..]) = start();
    let split = &["--split-size", "128K"][..];
    for (name, options) in [
        ("n.tar.partial", &[][..]),
        ("n.tar.000", split),
        ("n.tar.007", split),
        ("n.tar.000.partial", split),
        ("n.tar.001.partial", split),
        ("n.tar.sha256", split),
        ("n.tar", split),
    ] {
        scene.write(name, "notes\n");
        let args = ["bundle", "create", "-o", "n.tar", &first];
        let said = scene.run_refused(scene.program(args.iter().chain(options)));
        let said = said.replace(name, "NAME");
        assert_data_eq!(
            said,
            str![[r#"
status: 1
stdout:
stderr:
error: `NAME` is there, and no bundle was written to it
 |
 = help: it would be replaced: move it, or give the bundle another name

"#]]
            .raw()
        );
        assert_eq!(scene.read(name), b"notes\n");
        assert_eq!(files(&scene, "n.tar"), [name]);
        fs::remove_file(scene.path(name)).unwrap();
    }
    // One file leaves what is no part beside it.
    scene.write("n.tar.000", "notes\n");
    create(&scene, "n.tar", &[&first]);
    assert_eq!(scene.run(["bundle", "push", "n.tar", &source.address(), "--dry-run"]).status, 0);
    assert_eq!(scene.read("n.tar.000"), b"notes\n");
}

#[test]
fn a_full_disk_is_told_what_to_do() {
    let (scene, _source, [first, _, third]) = start();
    fs::create_dir(scene.path("small")).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=256k", "tmpfs"];
    let mounted =
        Command::new("mount").args(mount).arg(scene.path("small")).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return peer::note_skipped("mounting a small tmpfs is not permitted");
    }
    let args = ["bundle", "create", "-o", "small/b.tar", "--progress", "none", &first, &third];
    let said = scene.run(args.iter().chain(&["--split-size", "64K"]));
    assert!(Command::new("umount").arg(scene.path("small")).status().unwrap().success());
    assert_data_eq!(
        said.stderr,
        str![[r#"
note: the same command continues what is in `small/b.tar.000.partial`
error: cannot write b.tar: No space left on device (os error 28)
 |
 = help: make room, and give the same command again; or remove what it has left

"#]]
        .raw()
    );
}

#[test]
fn a_registry_that_loses_blobs_is_not_believed() {
    let (scene, _source, [first, ..]) = start();
    create(&scene, "b.tar", &[&first]);
    let target = Registry::start(Profile::DISTRIBUTION_3);
    target.inject(RequestKind::HeadBlob, Fault::Status(404), FaultTimes::Always);
    let args = ["bundle", "push", "b.tar", &target.address(), "--progress", "none"];
    refused(
        &scene,
        &target,
        &args,
        str![[r#"
status: 1
stdout:
stderr:
error: `REGISTRY/me/fedora:42` was pushed, but the registry lacks 234862 bytes of its blobs
 |
 = help: push the bundle again

"#]],
    );
}
