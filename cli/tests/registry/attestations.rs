//! **Attestations**: what an image was built from, in registries and layouts, signed or not; read by cosign too.
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::guest_root::GuestRoot;
use diskette_integration::image::Layout;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;
use diskette_integration::upstream::Upstream;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Makes a scene with disks for two platforms and a pair of keys.
fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    scene.make_signing_key("EC -pkeyopt ec_paramgen_curve:P-256", "me");
    scene
}

fn run(scene: &Scene, args: &[&str]) {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
}

/// Returns what `verify` reads of the attestations of an image.
fn attestations(scene: &Scene, image: &str, args: &[&str]) -> Vec<Value> {
    let own = ["verify", image, "--progress", "none", "--output-format", "json"];
    let outcome = scene.run(own.iter().chain(args));
    let report: Value = serde_json::from_slice(&outcome.stdout)
        .unwrap_or_else(|_| panic!("{image}: {}", outcome.stderr));
    report["attestations"].as_array().cloned().unwrap_or_default()
}

/// Returns the platforms of attestations, and who has signed them.
fn summary(all: &[Value]) -> String {
    let one = |it: &Value| {
        let (platform, by) = (it["platform"].as_str().unwrap_or("index"), &it["signedBy"]);
        assert_eq!(it["predicateType"], PROVENANCE, "{it}");
        format!("{platform} {}", by.as_str().unwrap())
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn dependencies(attestation: &Value) -> Value {
    attestation["predicate"]["buildDefinition"]["resolvedDependencies"].clone()
}

#[test]
fn a_build_says_what_it_was_made_from() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("me/vm:1");
    let args = ["--attest", "provenance", "--label", "a=b", "--compression", "zstd"];
    run(&scene, &[&["build", "-q", "-t", &name, "--push", "-o", "oci:out"][..], &args].concat());
    let all = attestations(&scene, &name, &[]);
    assert_eq!(summary(&all), "index none, linux/amd64 none, linux/arm64 none");
    let index = registry.manifest("me/vm", "1").unwrap().json();
    assert_eq!(all[1]["digest"], index["manifests"][0]["digest"]);
    let spec =
        json!({ "name": "diskette.yaml", "digest": { "sha256": hex(&scene, "diskette.yaml") } });
    let expected = json!({
        "buildDefinition": {
            "buildType": "https://github.com/diskette/diskette/blob/main/docs/attestations.md#v1",
            "externalParameters": {
                "options": { "compression": "zstd", "label": ["a=b"] },
                "platform": "linux/amd64",
                "spec": spec,
            },
            "internalParameters": { "compression": "zstd-3", "created": 0, "layerFormat": 1 },
            "resolvedDependencies": [{ "name": "x.raw", "digest": { "sha256": hex(&scene, "x.raw") } }],
        },
        "runDetails": {
            "builder": {
                "id": "https://github.com/diskette/diskette",
                "version": { "diskette": env!("CARGO_PKG_VERSION") },
            },
        },
    });
    assert_eq!(all[1]["predicate"], expected);
    let disks = ["a.raw", "x.raw"]
        .map(|file| json!({ "name": file, "digest": { "sha256": hex(&scene, file) } }));
    assert_eq!(dependencies(&all[0]), json!(disks));
    // The layout has the same, and so has a build of unchanged disks: byte for byte.
    assert_eq!(attestations(&scene, &format!("oci:out:{name}"), &[]), all);
    let before = scene.file_digests("out");
    run(&scene, &[&["build", "-q", "-t", &name, "--push", "-o", "oci:out"][..], &args].concat());
    assert_eq!(scene.file_digests("out"), before);
    assert_eq!(attestations(&scene, &name, &[]).len(), 3);
    // They travel with the image, and into archives.
    run(&scene, &["copy", "-q", &name, "oci-archive:out.tar"]);
    assert_eq!(attestations(&scene, "oci-archive:out.tar", &[]), all);
}

/// Times are stated only if that is asked for.
#[test]
fn times_of_a_build_are_stated_if_asked_for() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let upstream = Upstream::start();
    let catalogue = upstream.catalogue("prod.example", &["checksums"]);
    scene.write("catalogue.yaml", catalogue);
    let (built, address) = (registry.reference("me/vm:1"), registry.reference("me"));
    let published = registry.reference("me/checksums:1");
    let now = || -> String {
        let date = diskette_integration::peer::find("date").unwrap();
        date.run(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).trim().to_owned()
    };
    let image = ["build", "-q", "-t", &built, "--push", "--attest", "provenance"];
    let sync = ["sync", "catalogue.yaml", "--progress", "none", "--attest", "provenance"];
    let sync = [&sync[..], &["--force", "--target-registry", &address]].concat();
    for (command, name) in [(&image[..], &built), (&sync, &published)] {
        run(&scene, command);
        let without = command.iter().filter(|it| !["--attest", "provenance"].contains(it));
        let unused = scene.run(without.copied().chain(["--attest-times"]));
        let says = "warning: `--attest-times` does nothing without provenance";
        assert!(unused.stderr.contains(says), "{}", unused.transcript());
        run(&scene, command);
        let before = attestations(&scene, name, &[]);
        assert_eq!(before.len(), 3);
        for it in &before {
            assert!(it["predicate"]["runDetails"].get("metadata").is_none(), "{it}");
        }
        let first = now();
        run(&scene, &[command, &["--attest-times"]].concat());
        let last = now();
        let all = attestations(&scene, name, &[]);
        assert_eq!(all.len(), 6);
        for it in all.iter().filter(|it| !before.contains(it)) {
            let times = &it["predicate"]["runDetails"]["metadata"];
            let [started, finished] =
                ["startedOn", "finishedOn"].map(|it| times[it].as_str().unwrap());
            assert!(*first <= *started && started <= finished && *finished <= *last, "{times}");
        }
    }
}

fn hex(scene: &Scene, file: &str) -> String {
    sha256(&scene.read(file)).trim_start_matches("sha256:").to_owned()
}

#[test]
fn signed_attestations_are_added_once() {
    let scene = scene();
    scene.make_signing_key("ED25519", "other");
    let registry = Registry::start(Profile::DISTRIBUTION_2_8);
    let name = registry.reference("me/vm:1");
    let build = ["build", "-q", "-t", &name, "--push", "--attest", "provenance"];
    run(&scene, &[&build[..], &["--sign-key", "me.key"]].concat());
    run(&scene, &[&build[..], &["--sign-key", "me.key"]].concat());
    let check = |keys: &[&str], expected: &str| {
        assert_eq!(summary(&attestations(&scene, &name, keys)), expected, "{keys:?}");
    };
    check(&["--key", "me.pub"], "index key, linux/amd64 key, linux/arm64 key");
    check(&[], "index other, linux/amd64 other, linux/arm64 other");
    run(&scene, &[&build[..], &["--sign-key", "other.key"]].concat());
    let both = "index other, index key, linux/amd64 other, linux/amd64 key, linux/arm64 other, linux/arm64 key";
    check(&["--key", "other.pub"], both);
}

#[test]
fn attestations_are_in_the_index_as_buildkit_writes_them() {
    let scene = scene();
    let args = ["--attest", "type=provenance,mode=max", "--attest-format", "buildkit"];
    run(&scene, &[&["build", "-q", "-o", "oci:out"][..], &args].concat());
    let index = Layout::open(&scene.path("out")).find_tag("1");
    let blob = |digest: &str| -> Value {
        let path = format!("out/blobs/sha256/{}", digest.trim_start_matches("sha256:"));
        serde_json::from_slice(&scene.read(&path)).unwrap()
    };
    let entries = blob(index.digest().as_ref())["manifests"].as_array().unwrap().clone();
    let platforms: Vec<String> = entries
        .iter()
        .map(|it| {
            format!(
                "{}/{}",
                it["platform"]["os"].as_str().unwrap(),
                it["platform"]["architecture"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"]);
    let annotations = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": entries[1]["digest"],
    });
    assert_eq!(entries[3]["annotations"], annotations);
    let manifest = blob(entries[3]["digest"].as_str().unwrap());
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.in-toto+json");
    assert_eq!(layer["annotations"], json!({ "in-toto.io/predicate-type": PROVENANCE }));
    let config = blob(manifest["config"]["digest"].as_str().unwrap());
    assert_eq!(config["rootfs"]["diff_ids"], json!([layer["digest"]]));
    let statement = blob(layer["digest"].as_str().unwrap());
    let arm64 = entries[1]["digest"].as_str().unwrap().trim_start_matches("sha256:");
    assert_eq!(
        statement["subject"],
        json!([{ "name": "quay.io/me/vm", "digest": { "sha256": arm64 } }])
    );
    assert_eq!(
        summary(&attestations(&scene, "oci:out:1", &[])),
        "linux/amd64 none, linux/arm64 none"
    );
}

/// What nobody else can state: the lists of a release, and the key that has signed them.
#[test]
fn provenance_of_a_release_names_its_lists() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let upstream = Upstream::start();
    let repository = registry.reference("me");
    let catalogue = upstream.catalogue("prod.example", &["checksums"]);
    scene.write("diskette.yaml", format!("{catalogue}attest: [provenance]\n"));
    let sync = ["sync", "diskette.yaml", "--progress", "none", "--target-registry", &repository];
    run(&scene, &[&sync[..], &["--sign-key", "me.key"]].concat());
    let name = registry.reference("me/checksums:1");
    let all = attestations(&scene, &name, &["--key", "me.pub"]);
    assert_eq!(summary(&all), "index key, linux/amd64 key, linux/arm64 key");
    let found = dependencies(&all[1]);
    let uris: Vec<&str> =
        found.as_array().unwrap().iter().map(|it| it["uri"].as_str().unwrap()).collect();
    assert_eq!(uris.len(), 2, "{found:#}");
    assert!(uris.iter().any(|uri| uri.contains("SUMS") || uri.contains("CHECKSUM")), "{uris:?}");
    assert!(found.as_array().unwrap().iter().all(|it| it["digest"].is_object()), "{found:#}");
}

/// Statements and envelopes that are damaged do not count, and do not hide the others.
#[test]
fn damaged_attestations_do_not_count() {
    let scene = scene();
    scene.build(&["--attest", "provenance", "--sign-key", "me.key"]);
    let index = Layout::open(&scene.path("out")).find_tag("1").digest().to_string();
    let tag = format!("{}.att", index.replace(':', "-"));
    let blob = |bytes: &[u8]| {
        let digest = sha256(bytes);
        scene.write(&format!("out/blobs/sha256/{digest}"), bytes);
        json!({ "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let root: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    let check = |payload: &[u8], keep: bool, expected: &str| {
        let mut layer = blob(payload);
        layer["mediaType"] = "application/vnd.dsse.envelope.v1+json".into();
        if !keep {
            let path = format!("out/blobs/{}", layer["digest"].as_str().unwrap().replace(':', "/"));
            fs::remove_file(scene.path(&path)).unwrap();
        }
        let config = blob(b"{}");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [layer],
        });
        let mut entry = blob(manifest.to_string().as_bytes());
        entry["mediaType"] = "application/vnd.oci.image.manifest.v1+json".into();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        let mut changed = root.clone();
        let entries = changed["manifests"].as_array_mut().unwrap();
        entries.retain(|it| it["annotations"]["org.opencontainers.image.ref.name"] != tag.as_str());
        entries.push(entry);
        scene.write("out/index.json", changed.to_string());
        let all = attestations(&scene, "oci:out:1", &["--key", "me.pub"]);
        let found = all[0]["problem"].as_str().unwrap_or(all[0]["signedBy"].as_str().unwrap());
        assert!(found.contains(expected), "{found}");
        assert_eq!(summary(&all[1..]), "linux/amd64 key, linux/arm64 key");
    };
    let statement = |digest: &str| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": PROVENANCE, "predicate": {},
            "subject": [{ "name": "a", "digest": { "sha512": "00" } }, { "name": "b", "digest": { "sha256": digest } }],
        });
        STANDARD.encode(statement.to_string())
    };
    let envelope = |payload: &str, signatures: Value| {
        json!({ "payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": signatures }).to_string()
    };
    let hex = index.trim_start_matches("sha256:");
    check(b"{", true, "EOF");
    check(b"{}", true, "missing field");
    check(b"[1,2]", false, "cannot be read");
    check(envelope("!!", json!([])).as_bytes(), true, "Invalid");
    check(envelope(&statement(hex), json!([])).as_bytes(), true, "none");
    check(envelope(&statement(hex), json!([{ "sig": "!!" }])).as_bytes(), true, "none");
    check(envelope(&statement(hex), json!([{ "sig": "AAAA" }])).as_bytes(), true, "other");
    check(envelope(&statement(&"0".repeat(64)), json!([])).as_bytes(), true, "another image");
    check("[".repeat(100_000).as_bytes(), true, "");
}

/// Names of sources in a provenance, of each kind.
#[test]
fn each_kind_of_source_is_named() {
    let scene = scene();
    scene.allow_bad_images("images of files alone have no disk");
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let base = registry.reference("me/base:1");
    let digest = scene.run(["build", "-q", "-t", &base, "--push"]).digest();
    scene.write("context/Dockerfile", format!("FROM {base}\nARG SECRET\nCOPY hello d/x /data/\n"));
    scene.write("context/hello", "hello");
    scene.write("context/d/x", "x");
    let build = ["build", "-q", "--attest", "provenance", "-o", "oci:out"];
    let check = |args: &[&str], tag: &str, expected: Value| {
        run(&scene, &[&build[..], args].concat());
        let all = attestations(&scene, &format!("oci:out:{tag}"), &[]);
        assert_eq!(dependencies(&all[0]), expected, "{args:?}");
        assert!(!all[0].to_string().contains("hidden"), "{args:?}");
    };
    let file =
        |name: &str, path: &str| json!({ "name": name, "digest": { "sha256": hex(&scene, path) } });
    let address = registry.address();
    let amd64 = registry.manifest("me/base", "1").unwrap().json()["manifests"][0]["digest"].clone();
    let hex_of = |digest: &Value| digest.as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let image = |hex: &str, tag: &str| json!({ "uri": format!("pkg:oci/base@sha256%3A{hex}?repository_url={address}/me/base{tag}"), "digest": { "sha256": hex } });
    check(
        &[
            "-t",
            "q.io/me/a:1",
            "--build-arg",
            "SECRET=hidden",
            "--platform",
            "linux/amd64",
            "context",
        ],
        "q.io/me/a:1",
        json!([
            file("d/x", "context/d/x"),
            file("hello", "context/hello"),
            image(&hex_of(&amd64), "")
        ]),
    );
    let absolute = scene.path("x.raw");
    check(
        &["-t", "q.io/me/b:1", "--platform", "linux/amd64", absolute.to_str().unwrap()],
        "q.io/me/b:1",
        json!([file("x.raw", "x.raw")]),
    );
    let spec = format!(
        "apiVersion: diskette/v1\nimage: q.io/me/c\ntags: [\"1\"]\nplatforms:\n  amd64: {{ disk: {{ image: {base} }} }}\n"
    );
    scene.write("c.yaml", spec);
    let root = json!(digest);
    check(&["-f", "c.yaml"], "q.io/me/c:1", json!([image(&hex_of(&root), "&tag=1")]));
}

#[test]
fn what_cannot_be_attested_is_explained() {
    let scene = scene();
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        assert_data_eq!(scene.run_refused(scene.program(args)), expected);
    };
    check(
        &["build", "-o", "oci:other", "--attest", "provenanse"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'provenanse' for '--attest <LIST>': unknown attestation `provenanse`; known are provenance, sbom

For more information, try '--help'.

"#]],
    );
    scene.write("bad.yaml", "apiVersion: diskette/v1\nimage: q.io/me/c\nattest: [provenanse]\nplatforms:\n  amd64: { disk: x.raw }\n");
    check(
        &["build", "-o", "oci:other", "-f", "bad.yaml"],
        str![[r#"
status: 1
stdout:
stderr:
error: unknown attestation `provenanse`
 --> bad.yaml:3:10
  |
3 | attest: [provenanse]
  |          ^^^^^^^^^^
  |
  = help: did you mean `provenance`?

"#]],
    );
    check(
        &[
            "build",
            "-o",
            "oci:other",
            "--attest",
            "provenance",
            "--format",
            "artifact",
            "--attest-format",
            "buildkit",
        ],
        str![[r#"
status: 2
stdout:
stderr:
error: the index of an artifact has no attestations
 |
 = help: use `--attest-format referrer`

"#]],
    );
}

/// Returns the names of the packages in an SPDX document, of which one is the disk.
fn packages(attestation: &Value) -> Vec<&str> {
    let all = attestation["predicate"]["packages"].as_array().unwrap();
    all.iter().map(|package| package["name"].as_str().unwrap()).collect()
}

/// The packages in a disk, listed while it is built, and from a finished image of any compression.
#[test]
fn packages_are_listed_in_attestations() {
    let scene = scene();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let kinds = |all: &[Value]| {
        let kind = |it: &Value| it["predicateType"].as_str().unwrap().to_owned();
        all.iter().map(kind).collect::<Vec<_>>()
    };
    let name = registry.reference("me/vm:1");
    let build = ["build", "-q", "-t", &name, "--push", "--platform", "linux/arm64", "disk.raw"];
    for (convert, compression) in [("raw", "zstd"), ("qcow2", "gzip")] {
        let args = ["--convert", convert, "--compression", compression];
        run(&scene, &[&build[..], &args, &["--attest", "sbom", "--sign-key", "me.key"]].concat());
        let all = attestations(&scene, &name, &["--key", "me.pub"]);
        assert_eq!(kinds(&all), ["https://spdx.dev/Document"], "{args:?}");
        assert_eq!(all[0]["platform"], "linux/arm64");
        assert_eq!(all[0]["signedBy"], "key");
        for package in ["base-files", "libtiny2", "tiny-tools"] {
            assert!(packages(&all[0]).contains(&package), "{package}: {:?}", packages(&all[0]));
        }
    }
    for compression in ["gzip", "zstd", "zstd:chunked", "none"] {
        let image = registry.reference(&format!("me/{}:1", compression.replace(':', "-")));
        let args = ["build", "-q", "-t", &image, "--push", "--platform", "linux/arm64", "disk.raw"];
        run(&scene, &[&args[..], &["--compression", compression]].concat());
        run(&scene, &["attest", "-q", &image, "--sbom", "cyclonedx"]);
        run(&scene, &["attest", "-q", &image, "--sbom", "cyclonedx"]);
        let all = attestations(&scene, &image, &[]);
        assert_eq!(kinds(&all), ["https://cyclonedx.org/bom"], "{compression}");
        assert!(all[0]["predicate"].to_string().contains("libtiny2"), "{compression}");
    }
}

#[test]
fn what_a_file_says_is_attached() {
    let scene = scene();
    scene.build(&[]);
    scene.write("vex.json", r#"{"statements":[]}"#);
    let attest = ["attest", "oci:out:1", "--predicate", "vex.json", "--type", "openvex"];
    let check = |more: &[&str], expected: &str| {
        run(&scene, &[&attest[..], more].concat());
        let all = attestations(&scene, "oci:out:1", &["--key", "me.pub"]);
        let one = |it: &Value| {
            assert_eq!(it["predicateType"], "https://openvex.dev/ns");
            assert_eq!(it["predicate"], json!({ "statements": [] }));
            format!(
                "{} {}",
                it["platform"].as_str().unwrap_or("index"),
                it["signedBy"].as_str().unwrap()
            )
        };
        assert_eq!(all.iter().map(one).collect::<Vec<_>>().join(", "), expected, "{more:?}");
    };
    run(&scene, &["sign", "-q", "oci:out:1", "--key", "me.key", "--identity", "quay.io/me/vm:1"]);
    check(&[], "index none");
    check(&["--platform", "linux/arm64", "--key", "me.key"], "index none, linux/arm64 key");
    check(&["--key", "me.key"], "index key, index none, linux/arm64 key");
    check(&["--key", "me.key"], "index key, index none, linux/arm64 key");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of commands and their messages")]
fn what_cannot_be_attached_is_explained() {
    let scene = scene();
    scene.build(&[]);
    scene.write("bad.json", "{");
    let server = diskette_integration::server::Server::start([(
        "/x.raw",
        diskette_integration::server::ServerAnswer::Content(scene.read("x.raw")),
    )]);
    let spec = format!(
        "apiVersion: diskette/v1\nimage: q.io/me/c\nattest: [sbom]\nplatforms:\n  amd64: {{ disk: {{ url: {}, sha256: {} }} }}\n",
        server.url("/x.raw"),
        hex(&scene, "x.raw"),
    );
    scene.write("download.yaml", spec);
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        let found = scene.run_refused(scene.program(args)).replace(&server.url(""), "[URL]");
        assert_data_eq!(found, expected);
    };
    check(
        &["attest", "oci:out:1"],
        str![[r#"
status: 2
stdout:
stderr:
error: the following required arguments were not provided:
  --sbom <FORMAT>

Usage: diskette attest --sbom <FORMAT> <IMAGE>

For more information, try '--help'.

"#]],
    );
    check(
        &["attest", "oci:out:1", "--predicate", "bad.json", "--type", "openvex"],
        str![[r#"
status: 1
stdout:
stderr:
error: `bad.json` is not JSON: EOF while parsing an object at line 1 column 1

"#]],
    );
    check(
        &["attest", "oci:out:1", "--predicate", "bad.json", "--type", "vexx"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'vexx' for '--type <TYPE>': slsaprovenance1, spdxjson, cyclonedx, openvex, vuln or a URI is expected

For more information, try '--help'.

"#]],
    );
    check(
        &["attest", "oci:out:1", "--sbom", "spdx", "--platform", "linux/amd64"],
        str![[r#"
status: 1
stdout:
stderr:
blob 5c29b4009453: 782.81 KiB
error: cannot list the packages in the disk of `oci:out:1`: no operating system was found on it: the whole disk (unknown)
 |
 = help: ext2, ext3, ext4, XFS and btrfs in partitions or on the whole disk are read

"#]],
    );
    check(
        &["build", "-q", "-o", "oci:other", "--attest", "sbom"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `x.raw`: its packages cannot be listed: no operating system was found on it: the whole disk (unknown)
 --> ./diskette.yaml:5:24
  |
5 |   linux/amd64: { disk: x.raw }
  |                        ^^^^^
  |
  = help: leave `sbom` out of `--attest` and of `attest` in the spec
error: cannot use `a.raw`: its packages cannot be listed: no operating system was found on it: the whole disk (unknown)
 --> ./diskette.yaml:6:24
  |
6 |   linux/arm64: { disk: a.raw }
  |                        ^^^^^
  |
  = help: leave `sbom` out of `--attest` and of `attest` in the spec

"#]],
    );
    check(
        &["build", "-q", "-o", "oci:other", "-f", "download.yaml"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `[URL]/x.raw`: its packages can be listed only if it is one file that is not compressed, and not a download
 --> download.yaml:5:25
  |
5 |   amd64: { disk: { url: [URL]/x.raw, sha256: 7c2cc088d3eb4e7f2b9704c5b64d25090e4fc6baa53ecf8cc4d78de75cee7119 } }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: leave `sbom` out of `--attest` and of `attest` in the spec; `diskette attest IMAGE --sbom spdx` lists the packages of an image that exists

"#]],
    );
}

/// cosign verifies signed provenance, of the index and of an image.
#[test]
fn cosign_verifies_provenance() {
    let scene = scene();
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("me/vm:1");
    run(
        &scene,
        &["build", "-q", "-t", &name, "--push", "--attest", "provenance", "--sign-key", "me.key"],
    );
    fs::copy(scene.path("me.pub"), trixie.path("me.pub")).unwrap();
    scene.write("vex.json", "{}");
    run(
        &scene,
        &[
            "attest",
            "-q",
            &name,
            "--predicate",
            "vex.json",
            "--type",
            "https://example.com/v1",
            "--key",
            "me.key",
        ],
    );
    trixie.run(&[
        "cosign",
        "verify-attestation",
        "--key",
        "me.pub",
        "--type",
        "https://example.com/v1",
        "--insecure-ignore-tlog",
        &name,
    ]);
    let all = attestations(&scene, &name, &["--key", "me.pub"]);
    let repository = name.rsplit_once(':').unwrap().0;
    for attestation in &all {
        let image = format!("{repository}@{}", attestation["digest"].as_str().unwrap());
        trixie.run(&[
            "cosign",
            "verify-attestation",
            "--key",
            "me.pub",
            "--type",
            "slsaprovenance1",
            "--insecure-ignore-tlog",
            &image,
        ]);
    }
}
