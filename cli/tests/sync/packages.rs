//! The packages in the disks of releases are attached to what is published.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use diskette_integration::guest_root::GuestRoot;
use diskette_integration::peer;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::trixie::Trixie;
use diskette_integration::upstream::Upstream;
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

/// A scene with an upstream whose disks have Debian's packages, and a registry.
struct Stage {
    scene: Scene,
    root: GuestRoot,
    upstream: Upstream,
    registry: Registry,
}

impl Stage {
    fn new(more: &str) -> Option<Self> {
        let scene = Scene::new();
        let root = GuestRoot::debian(&scene)?;
        scene.make_signing_key("ED25519", "me");
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let stage = Self { scene, root, upstream: Upstream::start(), registry };
        stage.catalogue(more);
        stage.release("1.1")?;
        Some(stage)
    }

    /// Writes a catalogue of one image, with more lines at its end.
    fn catalogue(&self, more: &str) {
        let text = self.upstream.catalogue_document("prod.example", "checksums", more);
        self.scene.write("diskette.yaml", text);
    }

    /// Releases disks that have the packages of the root.
    fn release(&self, version: &str) -> Option<()> {
        let raw = self.root.make_ext(&self.scene, "disk.raw", &[])?;
        let qcow2 = self.scene.path("disk.qcow2");
        peer::find("qemu-img")?.run(["convert", "-O", "qcow2", path(&raw), path(&qcow2)]);
        let disk = fs::read(qcow2).unwrap();
        self.upstream.publish_disks("checksums", version, [disk.clone(), disk]);
        Some(())
    }

    fn sync(&self, args: &[&str]) -> ProgramOutcome {
        let address = self.registry.reference("disks");
        let common = ["sync", "--progress", "none", "diskette.yaml", "--target-registry", &address];
        self.scene.run(common.iter().chain(args))
    }

    /// Returns the packages that the attestations of a platform list, as dpkg writes them, and who signed them.
    fn attested(&self, platform: &str, keys: &[&str]) -> Vec<(BTreeSet<String>, String)> {
        let name = self.registry.reference("disks/checksums:1");
        let args = ["verify", "--progress", "none", &name, "--platform", platform];
        let format = ["--output-format", "json"];
        let outcome = self.scene.run(args.iter().chain(&format).chain(keys));
        let report: Value = serde_json::from_slice(&outcome.stdout)
            .unwrap_or_else(|_| panic!("{}", outcome.stderr));
        let all = report["attestations"].as_array().unwrap().iter();
        let lists = all.filter(|it| it["predicateType"] == "https://spdx.dev/Document");
        lists.map(|it| (spdx_packages(&it["predicate"]), text(&it["signedBy"]))).collect()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns names and versions of the packages of a document; the first is the system.
fn spdx_packages(document: &Value) -> BTreeSet<String> {
    let all = document["packages"].as_array().unwrap().iter().skip(1);
    all.map(|it| format!("{} {}", text(&it["name"]), text(&it["versionInfo"]))).collect()
}

/// Returns names and versions of the packages that dpkg lists.
fn dpkg_packages(root: &GuestRoot) -> BTreeSet<String> {
    let fields = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    root.list_debs().iter().map(fields).collect()
}

#[test]
fn packages_are_attached_to_what_is_published() {
    for (more, args, signed) in [
        ("attest: [sbom]\n", &[][..], "none"),
        ("compression: zstd:chunked\n", &["--attest", "sbom", "--sign-key", "me.key"], "key"),
        (
            "attest: [sbom, provenance]\nformat: artifact\n",
            &["--sign-key", "me.key", "--sign-format", "bundle"],
            "key",
        ),
    ] {
        let Some(stage) = Stage::new(more) else { return };
        let outcome = stage.sync(args);
        assert_eq!(outcome.status, 0, "{more}: {}", outcome.stderr);
        let expected = vec![(dpkg_packages(&stage.root), signed.to_owned())];
        let keys = if signed == "key" { &["--key", "me.pub"][..] } else { &[] };
        assert_eq!(stage.attested("linux/amd64", keys), expected, "{more}");
        assert_eq!(stage.attested("linux/arm64", keys), expected, "{more}");
        // Nothing is attached to what stays as it is.
        assert!(stage.sync(args).stdout.starts_with(b"unchanged"), "{more}");
        assert_eq!(stage.attested("linux/amd64", keys), expected, "{more}");
    }
}

/// cosign takes the lists for what they are.
#[test]
fn cosign_verifies_lists_of_packages() {
    let Some(stage) = Stage::new("") else { return };
    let Some(trixie) = Trixie::find(&stage.scene) else { return };
    let outcome = stage.sync(&["--attest", "sbom", "--sign-key", "me.key"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    fs::copy(stage.scene.path("me.pub"), trixie.path("me.pub")).unwrap();
    let index = stage.registry.manifest("disks/checksums", "1").unwrap().json();
    for image in index["manifests"].as_array().unwrap() {
        let name = format!("disks/checksums@{}", text(&image["digest"]));
        let options = ["--key", "me.pub", "--type", "spdxjson", "--insecure-ignore-tlog"];
        let verify = ["cosign", "verify-attestation", &stage.registry.reference(&name)];
        trixie.run(&[&verify[..], &options].concat());
    }
}

/// As in a build, a disk whose packages cannot be listed is refused; nothing gets a name.
#[test]
fn a_disk_without_a_system_is_refused() {
    let Some(stage) = Stage::new("") else { return };
    stage.upstream.publish_release("checksums", "1.2", 2);
    let refused = stage.sync(&["--attest", "sbom"]);
    assert_eq!(refused.status, 1);
    assert_data_eq!(refused.stderr, str![[r#"
0 published, 0 unchanged, 1 with failures
error: prod.example/disks/checksums for linux/amd64: the packages in its disk cannot be listed: no operating system was found on it: the whole disk (unknown)
 --> diskette.yaml:6:1
  |
6 | release:
  | ^^^^^^^
  |
  = help: leave `sbom` out of `--attest` and of `attest` in the catalogue

"#]].raw());
    assert!(stage.registry.manifest("disks/checksums", "1").is_none());
    let refused = stage.sync(&["--attest", "sbom", "--spool", "/nowhere"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("cannot open the directory `/nowhere`"), "{}", refused.stderr);
}

/// Changes the root: one package is new, one gone, one has another version.
fn change_packages(root: &GuestRoot) {
    let path = root.path.join("var/lib/dpkg/status");
    let status = fs::read_to_string(&path).unwrap();
    let status = status.replace("Version: 0.1\n", "Version: 0.2\n");
    let status = status.replace("Package: base-files\n", "Package: base-`files`\n");
    fs::write(path, status).unwrap();
}

impl Stage {
    /// Publishes, and returns what is said of it.
    fn news(&self, args: &[&str]) -> String {
        let outcome = self.sync(&[&["--results-file", "results.json"][..], args].concat());
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        outcome.stderr.replace(&self.registry.reference("disks"), "[REGISTRY]")
    }

    /// Returns what the results file has of the packages for a platform.
    fn results(&self) -> Value {
        let all: Value = serde_json::from_slice(&self.scene.read("results.json")).unwrap();
        all["checksums:1"]["Platforms"]["linux/amd64"]["Packages"].clone()
    }

    /// Returns what the page of the image has of changes.
    fn docs(&self) -> String {
        let args = ["docs", "diskette.yaml", "--results-file", "results.json"];
        let page = String::from_utf8(self.scene.run(args).stdout).unwrap();
        page.find("\n## What changed").map(|at| page[at..].to_owned()).unwrap_or_default()
    }
}

#[test]
fn what_a_release_changed_is_told() {
    let Some(stage) = Stage::new("attest: [sbom]\n") else { return };
    let first = str![[r#"
[REGISTRY]/checksums:1 for linux/amd64: 3 packages
[REGISTRY]/checksums:1 for linux/arm64: 3 packages
1 published, 0 unchanged, 0 with failures

"#]];
    assert_data_eq!(stage.news(&[]), first.raw());
    assert_eq!((stage.results(), stage.docs()), (json!({ "Count": 3 }), String::new()));
    change_packages(&stage.root);
    stage.release("1.2");
    let second = str![[r#"
[REGISTRY]/checksums:1 for linux/amd64: 3 packages, 1 added, 1 removed, 1 changed
  + base-`files` 12.4+deb12u5
  - base-files 12.4+deb12u5
  ~ tiny-tools 0.1 -> 0.2
[REGISTRY]/checksums:1 for linux/arm64: 3 packages, 1 added, 1 removed, 1 changed
  + base-`files` 12.4+deb12u5
  - base-files 12.4+deb12u5
  ~ tiny-tools 0.1 -> 0.2
1 published, 0 unchanged, 0 with failures

"#]];
    assert_data_eq!(stage.news(&[]), second.raw());
    let package = |name: &str, version: &str| json!({ "Name": name, "Version": version, "Architecture": "all" });
    let mut tools = package("tiny-tools", "0.2");
    tools["From"] = "0.1".into();
    let changes = json!({
        "AddedCount": 1, "Added": [package("base-`files`", "12.4+deb12u5")],
        "RemovedCount": 1, "Removed": [package("base-files", "12.4+deb12u5")],
        "ChangedCount": 1, "Changed": [tools],
    });
    assert_eq!(stage.results(), json!({ "Count": 3, "Changes": changes }));
    let page = str![[r#"

## What changed in `checksums:1`

linux/amd64, linux/arm64: 1 added, 1 removed, 1 changed of 3 packages:

- `+ base-'files' 12.4+deb12u5`
- `- base-files 12.4+deb12u5`
- `~ tiny-tools 0.1 -> 0.2`

"#]];
    assert_data_eq!(stage.docs(), page.raw());
    // With a key a list counts that it has signed; the one of 1.2 is not signed.
    stage.release("1.3");
    assert!(stage.news(&["--sign-key", "me.key"]).contains(": 3 packages\n"));
    stage.release("1.4");
    assert!(stage.news(&["--sign-key", "me.key"]).contains(": 3 packages, as before\n"));
}
