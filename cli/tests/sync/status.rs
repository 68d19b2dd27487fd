//! The page of a catalogue's state.

use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::upstream::Upstream;
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::markup;

const IMAGES: [&str; 2] = ["checksums", "directory"];

/// Returns the cells of a row, of what skopeo says of an image.
fn row(registry: &DockerRegistry, first: &str, tag: &str) -> [String; 4] {
    let repository = registry.reference("disks/checksums");
    let read = |name: &str| peer::read_manifest_by_skopeo(&format!("{repository}{name}")).unwrap();
    let index = read(&format!(":{tag}"));
    let digest = format!("sha256:{}", sha256(&index));
    let index: Value = serde_json::from_slice(&index).unwrap();
    let platforms = index["manifests"].as_array().unwrap().iter().map(|entry| {
        let manifest = read(&format!("@{}", entry["digest"].as_str().unwrap()));
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        let size: u64 = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).sum();
        let platform = entry["platform"]["architecture"].as_str().unwrap();
        format!("linux/{platform} {}", HumanBytes(size))
    });
    let version = &index["manifests"][0]["annotations"]["org.opencontainers.image.version"];
    let platforms = platforms.collect::<Vec<_>>().join(", ");
    [first.to_owned(), version.as_str().unwrap().to_owned(), platforms, digest]
}

#[test]
fn the_page_has_what_the_registry_has() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &IMAGES));
    let sync = || {
        let args = ["sync", "diskette.yaml", "--progress", "none", "--focus", "checksums"];
        let synced = scene.run(args);
        assert_eq!(synced.status, 0, "{}", synced.stderr);
    };
    for (version, seed) in [("1.9", 1), ("1.10", 2), ("1.11", 3)] {
        upstream.publish_release("checksums", version, seed);
        sync();
    }
    let image = registry.reference("disks/checksums:1");
    let tagged = scene.run(["tag", &image, "mine"]);
    assert_eq!(tagged.status, 0, "{}", tagged.stderr);
    let page = |args: &[&str]| {
        let shown = scene.run([&["docs", "diskette.yaml", "--status"], args].concat());
        assert_eq!(shown.status, 0, "{}", shown.stderr);
        String::from_utf8(shown.stdout).unwrap()
    };
    let head = |first: &str| [first, "Version", "Platforms", "Digest"].map(str::to_owned);
    let missing = [registry.reference("disks/directory:1"), "not published".into()];
    let missing = [&missing[..], &[String::new(), String::new()]].concat();
    let current = row(&registry, &image, "1");
    // 1.10 is newer than 1.9; `latest` and `1` name no release.
    let history = ["1.11", "1.10", "1.9"].map(|tag| row(&registry, tag, tag));
    let rows = |count: usize| {
        let first = [&head("Image")[..], &current, &missing, &head("Tags")].concat();
        json!([first, history[..count].concat()].concat())
    };
    let Some(found) = markup::read_markdown(&scene, page(&[]).as_bytes()) else { return };
    // `mine` fits `{version}` too; it is another name of the newest.
    let mut expected = rows(3);
    expected[16] = "1.11, mine".into();
    assert_eq!(found["cells"], expected);
    let found = markup::read_html(&page(&["--format", "html", "--history", "2"])).unwrap();
    assert_eq!(found["cells"], rows(2));
    let found = markup::read_html(&page(&["--format", "html", "--history", "0"])).unwrap();
    assert_eq!(found["cells"], json!([&head("Image")[..], &current, &missing].concat()));

    // One registry that fails keeps the others' state from nobody.
    let more = upstream.catalogue("127.0.0.1:9", &["simplestreams"]);
    let both = [upstream.catalogue(&registry.address(), &IMAGES), more].concat();
    scene.write("diskette.yaml", both);
    let shown = scene.run(["docs", "diskette.yaml", "--status", "--retry", "0"]);
    assert_eq!(shown.status, 75, "{}", shown.stderr);
    assert!(shown.stderr.contains("cannot connect to 127.0.0.1:9"), "{}", shown.stderr);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains(&current[3]), "{text}");
    let both = scene.run(["docs", "diskette.yaml", "--status", "--publish"]);
    assert_eq!(both.status, 2, "{}", both.stderr);
}
