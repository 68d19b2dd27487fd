//! `diskette bundle` carries images of many repositories in one archive to another registry.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::collections::BTreeSet;
use std::fs;

use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use snapbox::{IntoData as _, assert_data_eq, str};

const COSIGN_KEY: &str = include_str!("../../../builder/src/signature/key/testing/cosign.key");
const COSIGN_PUB: &str = include_str!("../../../builder/src/signature/key/testing/cosign.pub");

/// Makes a scene with an image of two platforms in a layout, and with keys.
pub(crate) fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("x.raw", mixed_bytes(21, 300_000));
    scene.write("a.raw", mixed_bytes(22, 200_000));
    scene.write_spec("linux/amd64: { disk: x.raw }\n  linux/arm64: { disk: a.raw }");
    scene.build(&[]);
    scene.write("cosign.key", COSIGN_KEY);
    scene.write("cosign.pub", COSIGN_PUB);
    scene.write("password", "secret\n");
    scene
}

fn push(scene: &Scene, name: &str) -> String {
    scene.run(["push", "-q", "-l", "out", "1", name]).digest()
}

/// Pushes the image of the scene to two repositories, signed in the first, and an image of another disk.
pub(crate) fn fill(scene: &Scene, address: &str) -> [String; 3] {
    let names =
        ["me/fedora:42", "you/copy:1", "me/fedora:43"].map(|name| format!("{address}/{name}"));
    push(scene, &names[0]);
    push(scene, &names[1]);
    let args = ["sign", &names[0], "--key", "cosign.key", "--key-password-file", "password"];
    assert_eq!(scene.run(args).status, 0);
    scene.write("x.raw", mixed_bytes(23, 250_000));
    scene.build(&[]);
    push(scene, &names[2]);
    names
}

pub(crate) fn create(scene: &Scene, file: &str, args: &[&str]) -> String {
    let said = scene.run(["bundle", "create", "--progress", "none", "-o", file].iter().chain(args));
    assert_eq!(said.status, 0, "{}", said.transcript());
    said.transcript()
}

fn check(scene: &Scene, args: &[&str], expected: snapbox::data::Inline) {
    assert_data_eq!(scene.run_refused(scene.program(args)), expected.raw());
}

/// Checks that a copy has the signature that was made for another name.
fn check_signature(scene: &Scene, copy: &str, name: &str) {
    let repository = name.rsplit_once(':').unwrap().0;
    let args = ["verify", copy, "--key", "cosign.pub", "--identity", repository];
    let verified = scene.run(args.iter().chain(&["--progress", "none"]));
    assert_eq!(verified.status, 0, "{}", verified.transcript());
}

fn members(scene: &Scene, file: &str) -> Vec<String> {
    let tar = peer::find("tar").unwrap();
    let listed = tar.run(["-tf", scene.path(file).to_str().unwrap()]);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn images_of_many_repositories_are_carried_to_another_registry() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let [first, second, third] = fill(&scene, &registry.address());
    create(&scene, "b.tar", &[&first, &second, &third]);
    // The same in, the same out.
    create(&scene, "again.tar", &[&third, &first, &second, &first]);
    assert!(scene.read("b.tar") == scene.read("again.tar"));
    let all = members(&scene, "b.tar");
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "{all:?}");
    if let Some(skopeo) = peer::find("skopeo") {
        for name in [&first, &second, &third] {
            let from = format!("oci-archive:{}:{name}", scene.path("b.tar").display());
            let raw = skopeo.run_for_bytes(["inspect", "--raw", &from]);
            assert_eq!(format!("sha256:{}", sha256(&raw)), scene.run(["digest", name]).digest());
            let to =
                format!("dir:{}", scene.path(&format!("dir{}", name.len() + raw.len())).display());
            skopeo.run(["copy", "-q", "--all", "--insecure-policy", &from, &to]);
        }
    }
    let target = Registry::start(Profile::DISTRIBUTION_3);
    let rewrite = format!("{}/you/copy:1=vms/copied:stable", registry.address());
    let args =
        ["bundle", "push", "b.tar", &format!("{}/mirror", target.address()), "--rewrite", &rewrite];
    let pushed = scene.run(args);
    assert_eq!(pushed.status, 0, "{}", pushed.stderr);
    let carried = [
        ("mirror/me/fedora", "42", &first),
        ("mirror/vms/copied", "stable", &second),
        ("mirror/me/fedora", "43", &third),
    ];
    for (repository, tag, source) in carried {
        target.verify_image(repository, tag).unwrap();
        let digest = target.manifest(repository, tag).unwrap().digest;
        assert_eq!(digest, scene.run(["digest", source]).digest());
        assert!(
            String::from_utf8_lossy(&pushed.stdout).contains(&format!("{repository}@{digest}\n"))
        );
    }
    let copy = target.reference("mirror/me/fedora:42");
    check_signature(&scene, &copy, &first);
    // A second push sends nothing.
    let sent = target.received_bytes();
    assert_eq!(scene.run(args).status, 0);
    assert_eq!(target.received_bytes(), sent);
}

#[test]
fn parts_are_joined_checked_and_pushed() {
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let names = fill(&scene, &source.address());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    create(&scene, "whole.tar", &names);
    let mut args = names.clone();
    args.extend(["--split-size", "64K"]);
    let said = create(&scene, "b.tar", &args);
    let whole = scene.read("whole.tar");
    let count = whole.len().div_ceil(65536);
    assert!(count > 3, "{count}");
    assert!(
        said.ends_with(&format!(
            "note: {count} parts; `b.tar.sha256` lists them, with their checksums\n"
        )),
        "{said}"
    );
    let part = |number: usize| format!("b.tar.{number:03}");
    let joined: Vec<u8> = (0..count).flat_map(|number| scene.read(&part(number))).collect();
    assert!(joined == whole);
    let mut sha256sum = peer::find("sha256sum").unwrap().command();
    sha256sum.args(["-c", "--strict", "--quiet", "b.tar.sha256"]).current_dir(scene.path(""));
    assert!(sha256sum.status().unwrap().success());
    let target = Registry::start(Profile::DISTRIBUTION_3);
    let address = target.address();
    let pushing = ["bundle", "push", "b.tar", &address, "--progress", "none"];
    assert_eq!(scene.run(pushing).status, 0);
    for (repository, tag) in [("me/fedora", "42"), ("you/copy", "1"), ("me/fedora", "43")] {
        target.verify_image(repository, tag).unwrap();
    }
    // A part that is damaged, wherever it is, and one that is missing, is named.
    for number in 0..count {
        let (name, empty) = (part(number), Registry::start(Profile::DISTRIBUTION_3));
        let good = scene.read(&name);
        let mut bad = good.clone();
        bad.iter_mut().skip(100).for_each(|byte| *byte ^= 0x55);
        scene.write(&name, &bad);
        let said = scene.run(["bundle", "push", "b.tar", &empty.address(), "--retry", "0"]);
        assert_eq!(said.status, 1, "{}", said.stderr);
        let help = format!("help: the part `{name}` is damaged: copy it again\n");
        assert!(said.stderr.contains(&help), "{number}: {}", said.stderr);
        scene.write(&name, &good[..good.len() / 2]);
        let said = scene.run(["bundle", "push", "b.tar", &empty.address(), "--retry", "0"]);
        assert!(said.stderr.contains(&help), "{number}: {}", said.stderr);
        scene.write(&name, good);
    }
    fs::remove_file(scene.path(&part(1))).unwrap();
    check(
        &scene,
        &["bundle", "push", "b.tar", "localhost:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: the part `b.tar.001` of the bundle is missing
 |
 = help: copy it beside `b.tar.sha256`

"#]],
    );
    // A shorter bundle of the same name leaves no parts of the longer one.
    create(&scene, "b.tar", &[names[2], "--split-size", "128K"]);
    let list = String::from_utf8(scene.read("b.tar.sha256")).unwrap();
    for number in 0..count {
        let is_listed = list.contains(&format!("{}\n", part(number)));
        assert_eq!(scene.path(&part(number)).exists(), is_listed, "{number}");
    }
}

#[test]
fn a_bundle_since_another_has_what_the_other_lacks() {
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let [first, second, third] = fill(&scene, &source.address());
    create(&scene, "old.tar", &[&first]);
    create(&scene, "new.tar", &[&first, &third, "--since", "old.tar"]);
    create(&scene, "whole.tar", &[&first, &third]);
    let size = |file: &str| fs::metadata(scene.path(file)).unwrap().len();
    assert!(size("new.tar") + 200_000 < size("whole.tar"), "{}", size("new.tar"));
    // Another repository lacks the blobs that the first has.
    create(&scene, "more.tar", &[&first, &second, &third, "--since", "old.tar"]);
    assert!(size("more.tar") > size("whole.tar"), "{}", size("more.tar"));
    let target = Registry::start(Profile::DISTRIBUTION_3);
    let address = target.address();
    let said = scene.run(["bundle", "push", "new.tar", &address]).transcript();
    let digest = said.split("sha256:").nth(1).unwrap()[..64].to_owned();
    assert_data_eq!(
        said.replace(&address, "REGISTRY").replace(&digest, "DIGITS"),
        str![[r#"
status: 1
stdout:
stderr:
error: neither the bundle nor `REGISTRY/me/fedora` has sha256:DIGITS, 116631 bytes, and 3 more blobs
 |
 = help: the bundle was made with `--since`: push the earlier bundle first, under the same names

"#]]
        .raw()
    );
    assert!(target.manifest("me/fedora", "42").is_none());
    for file in ["old.tar", "new.tar", "more.tar"] {
        let said = scene.run(["bundle", "push", file, &address]);
        assert_eq!(said.status, 0, "{file}: {}", said.stderr);
    }
    for (repository, tag) in [("me/fedora", "42"), ("you/copy", "1"), ("me/fedora", "43")] {
        target.verify_image(repository, tag).unwrap();
    }
    let copy = target.reference("me/fedora:42");
    check_signature(&scene, &copy, &first);
    // What was left out of a bundle is on the other side too.
    create(&scene, "newer.tar", &[&third, "--since", "new.tar"]);
    assert!(size("newer.tar") < 20_000, "{}", size("newer.tar"));
    assert_eq!(scene.run(["bundle", "push", "newer.tar", &address]).status, 0);
}

/// Killed at any write, the same command makes the same bundle, and reads from the registry only what is missing.
#[test]
fn a_killed_bundle_is_continued() {
    let Some(strace) = peer::find("strace") else { return };
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let names = fill(&scene, &source.address());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    create(&scene, "whole.tar", &names);
    let whole = scene.read("whole.tar");
    for split in [None, Some("128K")] {
        let mut kills = 0;
        for when in [1, 3, 6, 12, 14, 15, 16, 17, 18, 20, 25] {
            let mut outer = strace.command();
            outer.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64"]);
            outer.args(["-e", &format!("inject=pwrite64:signal=KILL:when={when}")]);
            let mut args = vec!["bundle", "create", "--progress", "none", "-o", "b.tar"];
            args.extend(&names);
            args.extend(split.iter().flat_map(|size| ["--split-size", size]));
            let killed = scene.program_under(outer, &args).output().unwrap();
            kills += u32::from(!killed.status.success());
        }
        assert!(kills > 3, "{kills}");
        source.take_requests();
        let args = split.iter().flat_map(|size| ["--split-size", size]);
        create(&scene, "b.tar", &names.iter().copied().chain(args).collect::<Vec<_>>());
        let made: Vec<u8> = match split {
            None => scene.read("b.tar"),
            Some(_) => (0..whole.len().div_ceil(128 << 10))
                .flat_map(|number| scene.read(&format!("b.tar.{number:03}")))
                .collect(),
        };
        assert!(made == whole, "{split:?}");
        let left = fs::read_dir(scene.path("")).unwrap();
        let left = left.filter(|file| {
            file.as_ref().unwrap().file_name().to_string_lossy().contains("partial")
        });
        assert_eq!(left.count(), 0);
    }
    // What another bundle left under the name is not used, and neither is what was changed.
    for garbage in [[whole[..512].to_vec(), vec![7; 700_000]].concat(), {
        let mut bytes = whole.clone();
        bytes[300_000] ^= 1;
        bytes
    }] {
        scene.write("b.tar.partial", garbage);
        create(&scene, "b.tar", &names);
        assert!(scene.read("b.tar") == whole);
    }
}

#[test]
fn a_killed_push_is_continued() {
    let Some(strace) = peer::find("strace") else { return };
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let names = fill(&scene, &source.address());
    create(&scene, "b.tar", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let target = Registry::start(Profile::DISTRIBUTION_3);
    let address = target.address();
    for when in [30, 60, 90] {
        let mut outer = strace.command();
        outer.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,write,writev,sendmsg"]);
        outer.args(["-e", &format!("inject=sendto,write,writev,sendmsg:signal=KILL:when={when}")]);
        let args = ["bundle", "push", "b.tar", &address, "--progress", "none"];
        scene.program_under(outer, args).output().unwrap();
    }
    let said = scene.run(["bundle", "push", "b.tar", &address]);
    assert_eq!(said.status, 0, "{}", said.stderr);
    for (repository, tag) in [("me/fedora", "42"), ("you/copy", "1"), ("me/fedora", "43")] {
        target.verify_image(repository, tag).unwrap();
    }
}

#[test]
fn a_bundle_is_a_layout_or_made_of_a_catalogue() {
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let [first, _, third] = fill(&scene, &source.address());
    let spec = format!(
        "apiVersion: diskette/v1\nimage: {}/me/fedora\ntags: [\"42\", \"43\", \"{{version}}\"]\nplatforms: [linux/amd64]\n\
         release: {{ from: checksums, url: \"https://example.org/SHA256SUMS\", file: '(?<version>x).qcow2' }}\n",
        source.address()
    );
    scene.write("catalogue/fedora.yaml", spec);
    create(&scene, "refs.tar", &[&first, &third]);
    create(&scene, "b.tar", &["catalogue"]);
    assert!(scene.read("b.tar") == scene.read("refs.tar"));
    create(&scene, "oci:bundle", &["catalogue/fedora.yaml"]);
    let layout = Layout::open(&scene.path("bundle"));
    let tags: Vec<String> =
        layout.tags().into_iter().filter(|tag| !tag.starts_with("sha256-")).collect();
    assert_eq!(tags, ["42", "43"]);
    let target = Registry::start(Profile::DISTRIBUTION_3);
    assert_eq!(scene.run(["bundle", "push", "oci:bundle", &target.address()]).status, 0);
    target.verify_image("me/fedora", "42").unwrap();
    target.verify_image("me/fedora", "43").unwrap();
    let dry =
        scene.run(["bundle", "push", "b.tar", &format!("{}/x", target.address()), "--dry-run"]);
    assert!(dry.stderr.contains(" would be sent, "), "{}", dry.stderr);
    assert!(target.manifest("x/me/fedora", "42").is_none());
}

#[test]
fn mistakes_are_explained() {
    let scene = scene();
    let source = Registry::start(Profile::DISTRIBUTION_3);
    let names = fill(&scene, &source.address());
    create(&scene, "b.tar", &names.iter().map(String::as_str).collect::<Vec<_>>());
    scene.write("bad.tar.sha256", "x\n");
    scene.build_to("oci-archive:a.tar:1", &[]);
    let refused = |args: &[&str], expected: snapbox::data::Inline| {
        let said = scene.run_refused(scene.program(args)).replace(&source.address(), "REGISTRY");
        assert_data_eq!(said, expected.raw());
    };
    let missing = source.reference("me/fedora:1");
    refused(
        &["bundle", "create", "-o", "c.tar", &missing],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `REGISTRY/me/fedora:1`

"#]],
    );
    refused(
        &["bundle", "create", "-o", "c.tar", "Me/x"],
        str![[r#"
status: 2
stdout:
stderr:
error: `Me/x` is neither an image nor a catalogue: the repository `Me/x` has upper-case letters; it looks like `quay.io/me/fedora:42`

"#]],
    );
    refused(
        &["bundle", "create", "-o", "oci:d", &missing, "--split-size", "1G"],
        str![[r#"
status: 2
stdout:
stderr:
error: a layout is not split, and has all blobs
 |
 = help: use `-o FILE`

"#]],
    );
    refused(
        &["bundle", "create", "-o", "oci:d:1", &missing],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'oci:d:1' for '--output <FILE>': a bundle has images with names of their own: write `FILE` or `oci:DIR`

For more information, try '--help'.

"#]],
    );
    refused(
        &["bundle", "create", "-o", "c.TAR.gz", &missing],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'c.TAR.gz' for '--output <FILE>': a bundle is not compressed: write a name without `.gz`

For more information, try '--help'.

"#]],
    );
    refused(
        &["bundle", "create", "-o", "docker-archive:c.tar", &missing],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'docker-archive:c.tar' for '--output <FILE>': a bundle is an OCI archive: write `FILE` or `oci:DIR`

For more information, try '--help'.

"#]],
    );
    refused(
        &["bundle", "create", "-o", "-", &missing],
        str![[r#"
status: 2
stdout:
stderr:
error: a bundle is no stream: an interrupted one is continued
 |
 = help: use `-o FILE`

"#]],
    );
    refused(
        &["bundle", "create", "-o", "c.tar", &missing, "--split-size", "1K"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '1K' for '--split-size <SIZE>': a part has 64K at least

For more information, try '--help'.

"#]],
    );
    refused(
        &["bundle", "push", "none.tar", "localhost:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no bundle `none.tar`
 |
 = help: if it was split, its parts are listed in `none.tar.sha256`, which is missing

"#]],
    );
    refused(
        &["bundle", "push", "bad.tar", "localhost:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `bad.tar.sha256`: line 1 is not a checksum and the name of a part

"#]],
    );
    refused(
        &["bundle", "push", "a.tar", "localhost:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: `a.tar` has no images with full names
 |
 = help: `diskette bundle create` makes a bundle; `diskette copy` copies other images

"#]],
    );
    refused(
        &["bundle", "push", "b.tar", "Localhost:1/X"],
        str![[r#"
status: 2
stdout:
stderr:
error: `REGISTRY/me/fedora:42` would become `Localhost:1/X/me/fedora:42`, which is no name: the repository `X/me/fedora` has upper-case letters; it looks like `quay.io/me/fedora:42`
 |
 = help: name a registry like `registry.example.com` or `registry.example.com/mirror`, and rewrite the beginnings of full names

"#]],
    );
    let same = format!("{}/me/fedora:42=x:1", source.address());
    let other = format!("{}/me/fedora:43=x:1", source.address());
    refused(
        &["bundle", "push", "b.tar", "localhost:1", "--rewrite", &same, "--rewrite", &other],
        str![[r#"
status: 2
stdout:
stderr:
error: `REGISTRY/me/fedora:42` and `REGISTRY/me/fedora:43` would both become `localhost:1/x:1`
 |
 = help: give one of them another name, with `--rewrite FROM=TO`

"#]],
    );
    refused(
        &["bundle", "push", "b.tar", "localhost:1", "--rewrite", "x"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'x' for '--rewrite <FROM=TO>': write it like `quay.io/containerdisks/=vms/`: the beginning of a full name, and what stands for it below the registry

For more information, try '--help'.

"#]],
    );
}
