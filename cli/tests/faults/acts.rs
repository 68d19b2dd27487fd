//! The acts: what is made before, the command, and what is whole after.

use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::image::Layout;

use crate::act::{Act, Site};

/// Returns all acts.
pub(crate) fn acts() -> Vec<Act> {
    local_acts().into_iter().chain(registry_acts()).collect()
}

fn act(
    name: &'static str,
    prepare: fn(&Site),
    args: fn(&Site) -> Vec<String>,
    state: fn(&Site) -> String,
) -> Act {
    Act { name, prepare, args, state }
}

/// Returns the acts on files.
fn local_acts() -> Vec<Act> {
    vec![
        act(
            "build",
            old_image_new_disk,
            |_| words("build -q -o out --iidfile iid"),
            |site| layout_state(site, "out"),
        ),
        act(
            "archive",
            |site| {
                old_image(site);
                site.scene.build_to("oci-archive:out.tar", &[]);
                site.scene.write("disk.raw", mixed_bytes(6, 400_000));
            },
            |_| words("build -q -o oci-archive:out.tar"),
            |site| file_state(site, "out.tar"),
        ),
        act(
            "copy",
            |site| {
                pulled_image(site);
                let copied = site.scene.run(["copy", "-q", "oci:got:1", "oci:copied:1"]);
                assert_eq!(copied.status, 0, "{}", copied.stderr);
            },
            |_| words("copy -q oci:out:1 oci:copied:1"),
            |site| layout_state(site, "copied"),
        ),
        act(
            "extract",
            |site| {
                old_image(site);
                site.scene.write("got.raw", "old");
            },
            |_| words("extract -q -f oci:out:1 -o got.raw"),
            |site| file_state(site, "got.raw"),
        ),
        act(
            "gc",
            |site| {
                old_image_new_disk(site);
                site.scene.build(&[]);
            },
            |_| words("gc -q out"),
            garbage_state,
        ),
    ]
}

/// Returns the acts that need a registry.
fn registry_acts() -> Vec<Act> {
    vec![
        act(
            "push",
            pushed_image,
            |site| words(&format!("push -q -l out {}", site.registry.reference("me/vm:1"))),
            |site| registry_state(site, "me/vm"),
        ),
        act(
            "pull",
            pulled_image,
            |site| words(&format!("pull -q {} -o oci:got:1", site.registry.reference("me/vm:1"))),
            |site| layout_state(site, "got"),
        ),
        act(
            "login",
            |site| {
                let other = r#"{"auths":{"other.example.com":{"auth":"bWU6eA=="}}}"#;
                site.scene.write("auth.json", other);
            },
            |site| {
                let address = site.registry.address();
                words(&format!("login --authfile auth.json -u me -p x {address}"))
            },
            login_state,
        ),
        act(
            "sync",
            old_release,
            |_| words("sync diskette.yaml --results-file results.json"),
            release_state,
        ),
    ]
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Builds an image of a disk in `out`.
fn old_image(site: &Site) {
    site.scene.write("disk.raw", mixed_bytes(5, 300_000));
    site.scene.write_spec("amd64: { disk: disk.raw }");
    site.scene.build(&[]);
}

/// Builds an image in `out`, and replaces the disk.
fn old_image_new_disk(site: &Site) {
    old_image(site);
    site.scene.write("disk.raw", mixed_bytes(6, 400_000));
}

/// Pushes an image, and builds another.
fn pushed_image(site: &Site) {
    old_image(site);
    let reference = site.registry.reference("me/vm:1");
    assert_eq!(site.scene.run(["push", "-q", "-l", "out", &reference]).status, 0);
    site.scene.write("disk.raw", mixed_bytes(6, 400_000));
    site.scene.build(&[]);
}

/// Pushes an image, after an older one was pulled into `got`.
fn pulled_image(site: &Site) {
    pushed_image(site);
    let reference = site.registry.reference("me/vm:1");
    assert_eq!(site.scene.run(["pull", "-q", &reference, "-o", "oci:got:1"]).status, 0);
    assert_eq!(site.scene.run(["push", "-q", "-l", "out", &reference]).status, 0);
}

fn layout_state(site: &Site, name: &str) -> String {
    let layout = Layout::open(&site.scene.path(name));
    layout.verify_blobs("1").unwrap();
    layout.find_tag("1").digest().to_string()
}

fn registry_state(site: &Site, name: &str) -> String {
    let Some(manifest) = site.registry.manifest(name, "1") else { return "nothing".into() };
    site.registry.verify_image(name, "1").unwrap();
    sha256(&manifest.bytes)
}

fn file_state(site: &Site, name: &str) -> String {
    sha256(&site.scene.read(name))
}

fn login_state(site: &Site) -> String {
    let file = site.scene.read("auth.json");
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let names: Vec<&String> = file["auths"].as_object().unwrap().keys().collect();
    assert!(names.iter().any(|name| *name == "other.example.com"), "{file}");
    format!("{} logins", names.len())
}

/// A release that was published, and a newer one.
fn old_release(site: &Site) {
    let upstream = site.upstream.as_ref().unwrap();
    let catalogue = upstream.catalogue(&site.registry.address(), &["checksums"]);
    site.scene.write("diskette.yaml", catalogue);
    upstream.publish_release("checksums", "1.1", 1);
    let outcome = site.scene.run(["sync", "diskette.yaml", "--results-file", "results.json"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    upstream.publish_release("checksums", "1.2", 2);
}

/// Returns the version of the published release. Its digest depends on the address of the upstream.
fn release_state(site: &Site) -> String {
    let name = "disks/checksums";
    site.registry.verify_image(name, "1").unwrap();
    let digest = |tag| site.registry.manifest(name, tag).map(|manifest| sha256(&manifest.bytes));
    let version = ["1.1", "1.2"].into_iter().find(|version| digest(version) == digest("1"));
    version.unwrap().to_owned()
}

/// Returns whether the layout has blobs that no image uses.
fn garbage_state(site: &Site) -> String {
    let count = site.scene.file_digests("out/blobs/sha256").len();
    format!("{}, {}", layout_state(site, "out"), if count > 4 { "more" } else { "no more" })
}
