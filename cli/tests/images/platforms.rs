//! A platform means the same image to every command, whatever its variant is called.

use diskette_integration::disk::{mixed_bytes, qcow2_disk, sha256};
use diskette_integration::image::Layout;
use diskette_integration::registry::{INDEX, Profile, Registry, StoredManifest};
use diskette_integration::scene::Scene;
use diskette_integration::upstream::Upstream;
use serde_json::{Value, json};

/// An image of an index: what the index declares and what its config says; `-` is nothing.
type Entry = (&'static str, &'static str);

/// The entries of an index, the platform that is asked for, and the number of the entry that it
/// means.
type Case = (&'static [Entry], &'static str, Option<usize>);

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Variants that may be left out.
    (&[("linux/amd64", "linux/amd64"), ("linux/arm64/v8", "linux/arm64")], "linux/arm64", Some(1)),
    (&[("linux/amd64", "linux/amd64"), ("linux/arm64", "linux/arm64")], "linux/arm64/v8", Some(1)),
    (&[("linux/arm/v7", "linux/arm")], "linux/arm", Some(0)),
    // The nearest that runs there, and never another architecture.
    (&[("linux/arm/v6", "linux/arm"), ("linux/arm/v7", "linux/arm")], "linux/arm", Some(1)),
    (&[("linux/amd64/v2", "linux/amd64"), ("linux/amd64", "linux/amd64")], "linux/amd64", Some(1)),
    (&[("linux/amd64", "linux/amd64")], "linux/amd64/v3", Some(0)),
    (&[("linux/amd64/v3", "linux/amd64")], "linux/amd64/v2", None),
    (&[("linux/arm/v7", "linux/arm")], "linux/arm64", None),
    // Of several that are equally near the first.
    (&[("linux/arm64/v8", "linux/arm64"), ("linux/arm64", "linux/arm64")], "linux/arm64", Some(0)),
    (&[("linux/arm64/v8", "linux/arm64"), ("linux/arm64", "linux/arm64")], "linux/arm64/v8", Some(0)),
    // Where the index is silent the config decides.
    (&[("-", "linux/amd64"), ("-", "linux/arm64/v8")], "linux/arm64", Some(1)),
    (&[("unknown/unknown", "linux/arm64"), ("-", "linux/arm64")], "linux/arm64", Some(1)),
    (&[("-", "linux/amd64")], "linux/arm64", None),
];

/// A layout `out` with an index of several images.
struct Stage {
    scene: Scene,
    /// Digests of the manifests.
    manifests: Vec<String>,
}

impl Stage {
    fn new(entries: &[Entry]) -> Self {
        let scene = Scene::new();
        scene.allow_bad_images("indexes are made that say other things than their images");
        let built = entries.iter().enumerate().map(|(number, (declared, config))| {
            scene.write(&disk(number), mixed_bytes(number as u64, 70_000 + 4096 * number));
            let text = format!("{config}: {{ disk: {} }}", disk(number));
            scene.write_spec(&text);
            scene.build(&["-t", &name(number)]);
            let index: Value =
                serde_json::from_slice(&blob(&scene, &tagged(&scene, number))).unwrap();
            let mut entry = index["manifests"][0].clone();
            match declared.split('/').collect::<Vec<_>>()[..] {
                [os, architecture] => {
                    entry["platform"] = json!({ "os": os, "architecture": architecture });
                }
                [os, architecture, variant] => {
                    entry["platform"] =
                        json!({ "os": os, "architecture": architecture, "variant": variant });
                }
                _ => drop(entry.as_object_mut().unwrap().remove("platform")),
            }
            entry
        });
        let built: Vec<Value> = built.collect();
        let manifests = built.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned());
        let manifests = manifests.collect();
        let stage = Self { scene, manifests };
        stage.name(&built);
        stage
    }

    /// Makes `oci:out:all` of all images.
    fn name(&self, entries: &[Value]) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        let index = index.to_string();
        let digest = sha256(index.as_bytes());
        self.scene.write(&format!("out/blobs/sha256/{digest}"), &index);
        let names = json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": INDEX,
            "digest": format!("sha256:{digest}"),
            "size": index.len(),
            "annotations": { "org.opencontainers.image.ref.name": "all" },
        }] });
        self.scene.write("out/index.json", names.to_string());
    }

    /// Runs a command that is about `wanted`, and returns what it printed, or the message.
    fn run(&self, args: &[&str]) -> Result<Vec<u8>, String> {
        let outcome = self.scene.run(args);
        match outcome.status {
            0 => Ok(outcome.stdout),
            _ => Err(outcome.stderr),
        }
    }

    fn json(&self, args: &[&str]) -> Result<Value, String> {
        self.run(args).map(|printed| serde_json::from_slice(&printed).unwrap())
    }

    /// Returns the number of the image with this digest.
    fn number(&self, digest: &str) -> usize {
        self.manifests.iter().position(|manifest| manifest == digest.trim()).unwrap()
    }
}

fn disk(number: usize) -> String {
    format!("{number}.raw")
}

fn name(number: usize) -> String {
    format!("quay.io/me/vm:{number}")
}

/// Returns the digest of an image in the layout.
fn tagged(scene: &Scene, number: usize) -> String {
    let index: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    let mut entries = index["manifests"].as_array().unwrap().iter();
    let found = entries.find(|it| it["annotations"]["io.containerd.image.name"] == name(number));
    found.unwrap_or_else(|| panic!("{index}"))["digest"].as_str().unwrap().to_owned()
}

fn blob(scene: &Scene, digest: &str) -> Vec<u8> {
    scene.read(&format!("out/blobs/{}", digest.replace(':', "/")))
}

/// Tries every case with a command, which returns the number of the image that it found.
fn check(command: impl Fn(&Stage, &str) -> Result<usize, String>) {
    for (entries, wanted, expected) in CASES {
        let stage = Stage::new(entries);
        let found = command(&stage, wanted);
        if let Some(number) = expected {
            assert_eq!(found, Ok(*number), "{wanted} of {entries:?}");
            continue;
        }
        let offered = entries.iter().map(|(declared, config)| match *declared {
            "-" => *config,
            declared => declared,
        });
        let offered = offered.collect::<Vec<_>>().join(", ");
        let (said, message) =
            (found.unwrap_err(), format!("` has no image for {wanted}; it has {offered}\n"));
        assert!(said.contains(&message), "{wanted} of {entries:?}: {said}");
    }
}

#[test]
fn copy() {
    check(|stage, wanted| {
        let digest =
            stage.run(&["copy", "-q", "oci:out:all", "oci:copied:1", "--platform", wanted])?;
        Ok(stage.number(&String::from_utf8(digest).unwrap()))
    });
}

#[test]
fn pull() {
    check(|stage, wanted| {
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let there = registry.reference("team/vm:1");
        stage.run(&["copy", "-q", "oci:out:all", &there]).unwrap();
        let digest =
            stage.run(&["pull", "-q", &there, "-o", "oci:pulled", "--platform", wanted])?;
        Ok(stage.number(&String::from_utf8(digest).unwrap()))
    });
}

#[test]
fn inspect() {
    check(|stage, wanted| {
        let args = ["inspect", "oci:out:all", "--format", "json", "--platform", wanted];
        let seen = stage.json(&args)?;
        let [image] = &seen["platforms"].as_array().unwrap()[..] else { panic!("{seen}") };
        Ok(stage.number(image["digest"].as_str().unwrap()))
    });
}

#[test]
fn extract() {
    check(|stage, wanted| {
        let disk = stage.run(&["extract", "-q", "oci:out:all", "-o", "-", "--platform", wanted])?;
        let is_it = |number: &usize| stage.scene.read(&self::disk(*number)) == disk;
        Ok((0..stage.manifests.len()).find(is_it).unwrap())
    });
}

#[test]
fn verify() {
    check(|stage, wanted| {
        let args = ["verify", "oci:out:all", "--format", "json", "--progress", "none"];
        let outcome = stage.scene.run([&args[..], &["--platform", wanted]].concat());
        if outcome.status == 2 {
            return Err(outcome.stderr);
        }
        // What the index says beside the image may be wrong.
        let report: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let [image] = &report["platforms"].as_array().unwrap()[..] else { panic!("{report}") };
        Ok(stage.number(image["digest"].as_str().unwrap()))
    });
}

#[test]
fn manifests() {
    check(|stage, wanted| {
        let args = ["manifests", "datavolume", "oci:out:all", "--image", "quay.io/me/vm:1"];
        let printed = stage.run(&[&args[..], &["--platform", wanted]].concat())?;
        let printed = String::from_utf8(printed).unwrap();
        let (_, rest) = printed.split_once("quay.io/me/vm@").unwrap();
        Ok(stage.number(&rest[..71]))
    });
}

#[test]
fn from() {
    check(|stage, wanted| {
        stage.scene.write("c/Dockerfile", "FROM base\nLABEL a=b\n");
        let base = "base=oci-layout://out:all";
        let args = ["build", "-q", "--no-cache", "-f", "c/Dockerfile", "-o", "built", "c"];
        stage.run(&[&args[..], &["--build-context", base, "--platform", wanted]].concat())?;
        let seen = stage.json(&["inspect", "built", "--format", "json"]).unwrap();
        let layer = &seen["platforms"][0]["layers"][0]["digest"];
        let is_it = |manifest: &String| {
            let manifest: Value = serde_json::from_slice(&blob(&stage.scene, manifest)).unwrap();
            manifest["layers"][0]["digest"] == *layer
        };
        Ok(stage.manifests.iter().position(is_it).unwrap())
    });
}

/// What is verified for a platform is what is promoted, whatever the results call its variant.
#[test]
fn promote() {
    let check = |called: &'static str, wanted: &str, expected: Result<(), &str>| {
        let stage = Stage::new(&[(called, "linux/arm64")]);
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let image = registry.reference("staging/vm");
        let digest = stage.run(&["copy", "-q", "oci:out:all", &format!("{image}:1")]).unwrap();
        let digest = String::from_utf8(digest).unwrap().trim().to_owned();
        let platforms = json!({ called: { "Outcome": "published", "Digest": stage.manifests[0] } });
        let results = json!({ "vm:1": {
            "Tags": ["1"], "Stage": "push", "Err": "", "Image": image, "Outcome": "published",
            "Digest": digest, "Platforms": platforms,
        } });
        stage.scene.write("results.json", results.to_string());
        let file = ["--results-file", "results.json", "--progress", "none"];
        let verified = stage.run(&[&["verify", "--platform", wanted][..], &file].concat());
        let public = format!("{}/public", registry.address());
        let promote = [&["promote", "--target-registry", &public][..], &file].concat();
        let promoted = verified.and_then(|_| stage.run(&promote));
        match expected {
            Ok(()) => {
                promoted.unwrap();
                assert!(registry.manifest("public/vm", "1").is_some(), "{called} {wanted}");
            }
            Err(expected) => {
                let said = promoted.unwrap_err();
                assert!(said.contains(expected), "{called} {wanted}: {said}");
                assert!(registry.manifest("public/vm", "1").is_none());
            }
        }
    };
    check("linux/arm64/v8", "linux/arm64", Ok(()));
    check("linux/arm64", "linux/arm64/v8", Ok(()));
    check("linux/arm64", "linux/amd64", Err("has no image for linux/amd64; it has linux/arm64"));
}

/// Runs sync for a catalogue of one platform, and returns the first word of what it prints.
fn sync(scene: &Scene, registry: &Registry, upstream: &Upstream, platform: &str) -> String {
    let catalogue = upstream.catalogue(&registry.address(), &["checksums"]);
    let catalogue = catalogue.replace("[linux/amd64, linux/arm64]", &format!("[{platform}]"));
    scene.write("diskette.yaml", catalogue);
    let outcome = scene.run(["sync", "--progress", "none", "diskette.yaml"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let printed = String::from_utf8(outcome.stdout).unwrap();
    printed.split('\t').next().unwrap().to_owned()
}

/// Changes what the published index declares its only image to be for.
fn redeclare(registry: &Registry, variant: &str) {
    let published = registry.manifest("disks/checksums", "1").unwrap();
    let mut index: Value = serde_json::from_slice(&published.bytes).unwrap();
    index["manifests"][0]["platform"]["variant"] = json!(variant);
    let bytes = index.to_string().into_bytes();
    registry.put_document("disks/checksums", "1", StoredManifest::new(INDEX, bytes));
}

#[test]
fn sync_of_what_sync_published() {
    let (scene, upstream) = (Scene::new(), Upstream::start());
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    assert_eq!(sync(&scene, &registry, &upstream, "linux/arm64"), "published");
    assert_eq!(sync(&scene, &registry, &upstream, "linux/arm64"), "unchanged");
    redeclare(&registry, "v8");
    assert_eq!(sync(&scene, &registry, &upstream, "linux/arm64"), "unchanged");
    // Another variant is another image.
    redeclare(&registry, "v9");
    assert_eq!(sync(&scene, &registry, &upstream, "linux/arm64"), "published");
}

#[test]
fn sync_of_what_others_published() {
    let upstream = Upstream::start();
    // The one for arm64.
    let disk = qcow2_disk(101 * 7 + "checksums".len() as u64, 300_000);
    let checksum = sha256(&disk);
    for (config, wanted) in [("linux/arm64", "linux/arm64/v8"), ("linux/arm64/v8", "linux/arm64")] {
        let scene = Scene::new();
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        scene.write("d.qcow2", &disk);
        let spec = format!(
            "apiVersion: diskette/v1\nplatforms: {{ {config}: {{ disk: d.qcow2 }} }}\nlabels: {{ shasum: \"{checksum}\" }}\n"
        );
        scene.write("other.yaml", spec);
        scene.run(["build", "-q", "-f", "other.yaml", "-o", "other"]).digest();
        let layout = scene.path("other");
        let tag = Layout::open(&layout).tags().remove(0);
        registry.put_image("disks/checksums", "1", &layout, &tag);
        assert_eq!(sync(&scene, &registry, &upstream, wanted), "unchanged", "{config} {wanted}");
    }
}

/// Images that differ only in a variant that may be left out are for the same platform.
#[test]
fn index_create() {
    let scene = Scene::new();
    for (name, platform) in [("a", "linux/arm64"), ("b", "linux/arm64/v8"), ("c", "linux/amd64")] {
        scene.write("disk.raw", mixed_bytes(u64::from(name.as_bytes()[0]), 70_000));
        scene.write_spec(&format!("{platform}: {{ disk: disk.raw }}"));
        scene.build_to(name, &[]);
    }
    let create = |more: &[&str]| {
        let args = ["index", "create", "--progress", "none", "oci:joined:1"];
        scene.run([&args[..], more].concat())
    };
    let refused = create(&["oci:a:1", "oci:b:1"]);
    assert_eq!(refused.status, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("have an image for linux/arm64"), "{}", refused.stderr);
    assert_eq!(create(&["oci:a:1", "oci:c:1"]).status, 0);
    assert_eq!(create(&["--append", "oci:b:1"]).status, 0);
    let joined = Layout::open(&scene.path("joined"));
    let index: Value = serde_json::from_slice(&joined.blob(&joined.find_tag("1"))).unwrap();
    let platforms = index["manifests"].as_array().unwrap().iter().map(|it| &it["platform"]);
    let expected = [
        json!({ "os": "linux", "architecture": "amd64" }),
        json!({ "os": "linux", "architecture": "arm64" }),
    ];
    assert_eq!(platforms.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}
