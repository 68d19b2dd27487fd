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
    let other =
        page(&format!("{RELEASE}platforms: [linux/amd64]\ndocs: {{secureBoot: sometimes}}\n"));
    assert!(other.stderr.contains("error: expected true or false"), "{}", other.stderr);
}
