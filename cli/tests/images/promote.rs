//! From staging to where everybody gets images: what was verified is promoted, and nothing else.

use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::registry::trap::SecretTrap;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use diskette_integration::upstream::Upstream;
use serde_json::Value;

fn digest(registry: &DockerRegistry, name: &str) -> Option<String> {
    peer::read_manifest_by_skopeo(&registry.reference(name)).map(|index| sha256(&index))
}

fn results(scene: &Scene) -> Value {
    serde_json::from_slice(&scene.read("results.json")).unwrap()
}

/// Signs an image with the key `me.key`, and returns its reference.
fn sign(scene: &Scene, registry: &DockerRegistry, name: &str) -> String {
    let name = registry.reference(name);
    scene.make_signing_key("ED25519", "me");
    scene.run(["sign", "-q", &name, "--key", "me.key"]).digest();
    name
}

/// Checks that an image has the signatures that were made of another.
fn check_signature(scene: &Scene, name: &str, signed: &str) {
    let args = ["verify", "--progress", "none", "--key", "me.pub", "--identity", signed, name];
    let checked = scene.run(args);
    assert_eq!(checked.status, 0, "{}", checked.stderr);
}

#[test]
fn what_was_verified_is_promoted() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    let kinds = ["checksums", "directory", "coreos-stream"];
    scene.write("diskette.yaml", upstream.catalogue("prod.example", &kinds));
    let staging = format!("{}/staging", registry.address());
    let public = format!("{}/public", registry.address());
    let run = |args: &[&str]| scene.run(args.iter().chain(&["--progress", "none"]));
    let file = ["--results-file", "results.json"];
    let synced =
        run(&[&["sync", "diskette.yaml", "--target-registry", &staging][..], &file].concat());
    assert_eq!(synced.status, 0, "{}", synced.stderr);
    let promote = [&["promote", "--target-registry", &public][..], &file].concat();

    // Nothing was verified yet.
    let early = run(&promote);
    assert_eq!(early.status, 1);
    assert!(early.stderr.contains("checksums:1: not verified for linux/amd64, linux/arm64"));
    assert!(early.stderr.contains("diskette verify --results-file"));
    assert_eq!(digest(&registry, "public/checksums:1"), None);
    let synced =
        run(&[&["sync", "diskette.yaml", "--target-registry", &staging][..], &file].concat());
    assert_eq!(synced.status, 0, "{}", synced.stderr);

    // One platform of one image, all of the others.
    let mut edited = results(&scene);
    for (key, image) in edited.as_object_mut().unwrap() {
        if key != "checksums:1" {
            image["Err"] = "later".into();
        }
    }
    scene.write("results.json", edited.to_string());
    let one = run(&[&["verify", "--platform", "linux/amd64"][..], &file].concat());
    assert_eq!(one.status, 0, "{}", one.stderr);
    let mut edited = results(&scene);
    assert_eq!(edited["checksums:1"]["Stage"], "verify");
    edited["directory:1"]["Err"] = "".into();
    scene.write("results.json", edited.to_string());
    for name in ["checksums:1", "directory:1"] {
        edited[name]["Err"] = "".into();
    }
    let rest = run(&[&["verify"][..], &file].concat());
    assert_eq!(rest.status, 0, "{}", rest.stderr);
    let mut edited = results(&scene);
    edited["checksums:1"]["Platforms"]["linux/arm64"]["Verified"] = false.into();
    scene.write("results.json", edited.to_string());

    let planned = run(&[&promote[..], &["--dry-run", "--focus", "directory"]].concat());
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    assert!(String::from_utf8(planned.stdout).unwrap().starts_with("would-promote\t"));
    assert_eq!(digest(&registry, "public/directory:1"), None);
    let signed = sign(&scene, &registry, "staging/directory:1");
    let promoted = run(&promote);
    assert_eq!(promoted.status, 1);
    check_signature(&scene, &registry.reference("public/directory:1"), &signed);
    assert!(promoted.stderr.contains("checksums:1: not verified for linux/arm64"));
    assert_eq!(digest(&registry, "public/checksums:1"), None);
    assert_eq!(digest(&registry, "public/coreos-stream:1"), None);
    let expected = digest(&registry, "staging/directory:1").unwrap();
    for tag in ["1.1", "latest", "1"] {
        let found = digest(&registry, &format!("public/directory:{tag}"));
        assert_eq!(found.as_ref(), Some(&expected), "{tag}");
    }
    assert_eq!(results(&scene)["directory:1"]["Stage"], "promote");
    assert_eq!(run(&[&promote[..], &["--no-fail"]].concat()).status, 0);
}

#[test]
fn what_is_bad_is_not_promoted() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.allow_bad_images("the image shall be one that KubeVirt refuses");
    scene.write("d.img", mixed_bytes(1, 8192));
    let dockerfile = "FROM scratch\nADD d.img /disk/a\nADD d.img /disk/b\n";
    scene.write("Dockerfile", dockerfile);
    let image = registry.reference("staging/two:1");
    let built = scene.run(["build", "-q", "-t", &image, "--push", "."]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let digest = built.digest();
    let entry = |digest: &str| {
        serde_json::json!({ "Tags": ["1"], "Stage": "push", "Err": "",
            "Image": registry.reference("staging/two"), "Outcome": "published", "Digest": digest,
            "Platforms": { "linux/amd64": { "Outcome": "published", "Digest": digest } } })
    };
    let missing = format!("sha256:{}", "0".repeat(64));
    let all = serde_json::json!({ "two:1": entry(&digest), "gone:1": entry(&missing) });
    scene.write("results.json", all.to_string());
    let file = ["--results-file", "results.json"];
    let judged = scene.run([&["verify", "--progress", "none"][..], &file].concat());
    assert_eq!(judged.status, 1);
    assert!(
        judged.stderr.contains("two:1: KubeVirt or CDI would not take it"),
        "{}",
        judged.stderr
    );
    assert!(judged.stderr.contains("gone:1: there is no image"), "{}", judged.stderr);
    let target = format!("{}/public", registry.address());
    let promoted = scene.run([&["promote", "--target-registry", &target][..], &file].concat());
    // Both have failed before: there is nothing left to promote.
    assert_eq!((promoted.status, promoted.stdout.len()), (0, 0));
    let mut again = results(&scene);
    again["gone:1"] = entry(&missing);
    again["gone:1"]["Platforms"]["linux/amd64"]["Verified"] = true.into();
    scene.write("results.json", again.to_string());
    let promoted = scene.run([&["promote", "--target-registry", &target][..], &file].concat());
    assert_eq!(promoted.status, 1);
    assert!(promoted.stderr.contains("does not exist"), "{}", promoted.stderr);
    scene.write("results.json", "{\"a\": 1}");
    let unreadable = scene.run([&["promote", "--target-registry", &target][..], &file].concat());
    assert!(unreadable.stderr.contains("cannot read the results in `results.json`"));
}

#[test]
fn repositories_are_described() {
    let scene = Scene::new();
    let upstream = Upstream::start();
    let ok = || ServerAnswer::Content(b"{}".to_vec());
    let server = Server::start([
        ("/api/v1/repository/disks/checksums", ok()),
        ("/api/v1/repository/disks/checksums/changevisibility", ok()),
        ("/api/v1/repository/disks/directory", ServerAnswer::Status(403)),
    ]);
    let host = server.url("").trim_start_matches("http://").to_owned();
    let docs = "docs: {description: about.md, user: me}\n";
    let text = upstream.catalogue_document(&host, "checksums", docs)
        + &upstream.catalogue_document(&host, "directory", "");
    scene.write("diskette.yaml", text);
    scene.write("about.md", "A disk for *tests*.\n");
    scene.write("token", "sesame\n");
    let printed = scene.run(["docs", "diskette.yaml"]);
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    let printed = String::from_utf8(printed.stdout).unwrap().replace(&host, "[HOST]");
    let expected = "# checksums\n\nA disk for *tests*.\n\n| Tags | Platforms |\n|---|---|\n\
        | `1`, `latest`, `{version}` | linux/amd64, linux/arm64 |\n";
    assert!(printed.contains(expected), "{printed}");
    for part in [
        "| [HOST]/disks/directory | `1`, `latest`, `{version}` | linux/amd64, linux/arm64 |\n",
        "--volume-containerdisk=src:[HOST]/disks/checksums:1 |",
        "--volume-import=type:registry,url:docker://[HOST]/disks/checksums:1,size:10Gi |",
        "`virtctl ssh me@checksums`",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(server.take_requests().is_empty());
    let publish = ["docs", "--publish", "--quay-token-file", "token", "--debug", "diskette.yaml"];
    let published = scene.run(publish);
    assert_eq!(published.status, 1);
    let stdout = String::from_utf8(published.stdout).unwrap();
    assert_eq!(stdout, format!("published\t{host}/disks/checksums\n"));
    let why = "cannot describe disks/directory: the server answered 403";
    assert!(published.stderr.contains(why), "{}", published.stderr);
    assert!(!published.stderr.contains("sesame"), "{}", published.stderr);
    assert_eq!(server.take_requests().len(), 3);
    let without = scene.run(["docs", "--publish", "diskette.yaml"]);
    assert_eq!(without.status, 2);
}

/// The token goes to one registry, and never in clear because of how the registry's name begins.
#[test]
fn the_token_of_quay_has_a_scope() {
    let scene = Scene::new();
    let upstream = Upstream::start();
    let trap = SecretTrap::new();
    scene.write("token", "sesame\n");
    scene
        .write("registries.conf", "[[registry]]\nlocation = \"blocked.example\"\nblocked = true\n");
    let check = |hosts: &[&str], status: i32, expected: &str| {
        let names = ["checksums", "directory"];
        let documents = hosts.iter().zip(names);
        let text = documents.map(|(host, name)| upstream.catalogue_document(host, name, ""));
        scene.write("diskette.yaml", text.collect::<String>());
        let args =
            ["docs", "--publish", "--quay-token-file", "token", "--retry", "0", "--timeout", "2"];
        let mut command = scene.program(args.iter().chain(&["diskette.yaml"]));
        // Whoever resolves these names for the program hears all that it sends in clear.
        let proxy = trap.url("");
        command.env("http_proxy", &proxy).env("https_proxy", &proxy);
        command.env("CONTAINERS_REGISTRIES_CONF", scene.path("registries.conf"));
        let outcome = scene.run_command(command);
        assert_eq!(outcome.status, status, "{hosts:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{hosts:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("sesame"), "{}", outcome.stderr);
        assert!(!trap.received_text().contains("sesame"), "{hosts:?}: {}", trap.received_text());
    };
    for host in ["localhost.example", "127.0.0.1.example", "127.0.0.1.example:8081", "quay.example"]
    {
        check(&[host], 1, "refused to connect: it answered 401");
    }
    check(&["blocked.example"], 1, "`blocked.example` is blocked in");
    check(
        &["quay.example", "quay.example.org"],
        2,
        "`--quay-token-file` is a token for one registry, not for `quay.example` and \
         `quay.example.org`",
    );
    check(
        &["quay.example", "quay.example:8443"],
        2,
        "not for `quay.example` and `quay.example:8443`",
    );
}
