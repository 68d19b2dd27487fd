//! The examples of virtual machines on the pages of images are what KubeVirt accepts.

use std::path::Path;

use diskette_integration::kubernetes::{ObjectTypes, check_object, parse_objects};
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

/// Returns the object that a page applies with kubectl.
fn applied_object(page: &str) -> Value {
    let (_, text) = page.split_once("kubectl apply -f - <<'EOF'\n").unwrap();
    let (text, _) = text.split_once("EOF\n").unwrap();
    let [object] = &parse_objects(text)[..] else { panic!("{text}") };
    check_object(object);
    if let Some(types) = ObjectTypes::load() {
        types.check(object);
    }
    object.clone()
}

fn page(catalogue: &str) -> ProgramOutcome {
    let scene = Scene::new();
    scene.write("c.yaml", catalogue);
    scene.run(["docs", "c.yaml"])
}

const RELEASE: &str = "apiVersion: diskette/v1\nimage: r.example/a/vm.x\n\
    release: {from: checksums, url: 'https://r.example/SUMS', file: a}\n";

#[test]
fn machines_start_with_secure_boot_where_it_is_said() {
    let fedora =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec-files/containerdisks/fedora.yaml");
    let outcome = Scene::new().run(["docs", fedora.to_str().unwrap()]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let text = String::from_utf8(outcome.stdout).unwrap();
    let machine = applied_object(&text);
    let spec = &machine["spec"];
    assert_eq!(spec["preference"], json!({ "name": "fedora" }));
    let instance = &spec["template"]["spec"];
    assert_eq!(instance["architecture"], "amd64");
    let domain = &instance["domain"];
    let efi = json!({ "bootloader": { "efi": { "secureBoot": true } } });
    assert_eq!((&domain["firmware"], &domain["features"]), (&efi, &json!({ "smm": {} })));
    let disk = &instance["volumes"][0]["containerDisk"]["image"];
    assert_eq!(disk, "quay.io/containerdisks/fedora:latest");
    assert!(text.contains("Secure boot is for amd64; on other architectures leave out"), "{text}");
    assert!(text.contains(
        "--volume-import=type:registry,url:docker://quay.io/containerdisks/fedora:latest"
    ));

    // Without an instance type the machine has a size, and a name that Kubernetes accepts.
    let docs =
        "platforms: [linux/amd64]\nkubevirt: {preference: oraclelinux}\ndocs: {secureBoot: true}\n";
    let text = String::from_utf8(page(&format!("{RELEASE}{docs}")).stdout).unwrap();
    let machine = applied_object(&text);
    assert_eq!(machine["metadata"]["name"], "vm-x");
    let domain = &machine["spec"]["template"]["spec"]["domain"];
    assert_eq!((&domain["memory"]["guest"], &domain["cpu"]["sockets"]), (&json!("4Gi"), &json!(2)));
    assert!(!text.contains("other architectures"), "{text}");

    let off = format!("{RELEASE}platforms: [linux/arm64]\ndocs: {{secureBoot: false}}\n");
    let text = String::from_utf8(page(&off).stdout).unwrap();
    assert!(!text.contains("secureBoot") && text.contains("virtctl create vm"), "{text}");
}

#[test]
fn secure_boot_is_for_amd64() {
    let refused = page(&format!("{RELEASE}platforms: [linux/arm64]\ndocs: {{secureBoot: true}}\n"));
    assert_eq!(refused.status, 1);
    assert_data_eq!(
        refused.stderr,
        str![[r#"
error: only machines for amd64 start with secure boot
 --> c.yaml:5:20
  |
5 | docs: {secureBoot: true}
  |                    ^^^^
  |
  = help: remove `secureBoot`: the image has no platform `linux/amd64`

"#]]
        .raw()
    );
    let artifact = page(&format!(
        "{RELEASE}platforms: [linux/amd64]\nformat: artifact\ndocs: {{secureBoot: true}}\n"
    ));
    assert_eq!(artifact.status, 1);
    assert_data_eq!(
        artifact.stderr,
        str![[r#"
error: `secureBoot` is for images; this is a disk artifact
 --> c.yaml:6:20
  |
6 | docs: {secureBoot: true}
  |                    ^^^^
  |
  = help: remove it: the page of an artifact has no machine, but `diskette manifests vm`

"#]]
        .raw()
    );
    let other =
        page(&format!("{RELEASE}platforms: [linux/amd64]\ndocs: {{secureBoot: sometimes}}\n"));
    assert!(other.stderr.contains("error: expected true or false"), "{}", other.stderr);
}

/// A page of several images says of each what it has, whichever is the first.
#[test]
fn each_kind_of_image_has_its_example() {
    let document = |tag: &str, more: &str| {
        format!("---\n{RELEASE}platforms: [linux/amd64]\ntags: [{tag}]\n{more}")
    };
    let plain = document("plain", "docs: {description: a.md, user: one}\n");
    let secure = document("secure", "docs: {description: b.md, user: two, secureBoot: true}\n");
    let artifact = document("disk", "format: artifact\ndocs: {description: a.md, user: one}\n");
    let more = document("more", "docs: {description: a.md, user: two, secureBoot: true}\n");
    let check = |documents: &[&String]| {
        let scene = Scene::new();
        scene.write("a.md", "Text A.\n");
        scene.write("b.md", "Text B.\n");
        scene.write("c.yaml", documents.iter().map(|it| it.as_str()).collect::<String>());
        let outcome = scene.run(["docs", "c.yaml"]);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
        String::from_utf8(outcome.stdout).unwrap()
    };
    for documents in [[&plain, &secure, &more, &artifact], [&artifact, &more, &plain, &secure]] {
        let text = check(&documents);
        let count = |part: &str| text.matches(part).count();
        assert_eq!((count("Text A."), count("Text B.")), (1, 1), "{text}");
        let first = documents.iter().position(|it| **it == secure)
            < documents.iter().position(|it| **it == more);
        let tag = if first { "secure" } else { "more" };
        let image = &applied_object(&text)["spec"]["template"]["spec"]["domain"];
        assert_eq!(image["firmware"]["bootloader"]["efi"]["secureBoot"], true);
        for part in [
            format!(
                "## `vm.x:{tag}`\n\nA virtual machine whose disk lasts as long as it runs, with UEFI"
            ),
            "## `vm.x:plain`\n\nA virtual machine".into(),
            "## `vm.x:disk`\n\nA virtual machine".into(),
            "diskette manifests vm r.example/a/vm.x:disk".into(),
            "the user `one` in `vm.x:".into(),
            "the user `two` in `vm.x:".into(),
        ] {
            assert_eq!(count(&part), 1, "{part}: {text}");
        }
    }
    // What is the same of all is said once, without names.
    let text = check(&[&secure, &more]);
    assert!(!text.contains("## `") && text.contains("makes the user `two`: `virtctl"), "{text}");
}
