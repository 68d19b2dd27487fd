//! **Bundles**: signatures and attestations in the form of cosign 3, made and checked, by cosign too.

use std::fs;

use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::registry::profile::ReferrersPolicy;
use diskette_integration::registry::{INDEX, MANIFEST, Profile, Registry, StoredManifest};
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    scene.make_signing_key("EC -pkeyopt ec_paramgen_curve:P-256", "me");
    scene.make_signing_key("ED25519", "other");
    scene
}

fn run(scene: &Scene, args: &[&str]) {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
}

/// Checks whether `verify` accepts an image.
fn check(scene: &Scene, image: &str, args: &[&str], expected: Result<(), &str>) {
    let outcome = scene.run(["verify", "--progress", "none", image].iter().chain(args));
    match expected {
        Ok(()) => assert_eq!(outcome.status, 0, "{image} {args:?}: {}", outcome.stderr),
        Err(why) => {
            assert_eq!(outcome.status, 1, "{image} {args:?}");
            assert!(outcome.stderr.contains(why), "{image} {args:?}: {}", outcome.stderr);
        }
    }
}

#[test]
fn images_are_signed_and_checked_in_bundles() {
    let scene = scene();
    for referrers in [ReferrersPolicy::Unknown(404), ReferrersPolicy::Listed] {
        let registry = Registry::start(Profile { referrers, ..Profile::DISTRIBUTION_3 });
        let name = registry.reference("me/vm:1");
        let repository = registry.reference("me/vm");
        let sign = ["--sign-key", "me.key", "--sign-format", "bundle", "--attest", "provenance"];
        let build = [&["build", "-q", "-t", &name, "--push"][..], &sign].concat();
        run(&scene, &build);
        let own = ["--key", "me.pub"];
        check(&scene, &name, &own, Ok(()));
        check(&scene, &name, &["--key", "me.pub", "--identity", &repository], Ok(()));
        let other = ["--key", "me.pub", "--identity", "q.io/me/vm"];
        check(&scene, &name, &other, Err("a bundle is for another name"));
        check(&scene, &name, &["--key", "other.pub"], Err("a bundle is by another key"));
        // The same is not signed again, whatever the tag, and another key is added.
        let list = || scene.run(["referrers", &name]).stdout;
        let before = list();
        run(&scene, &build);
        assert_eq!(list(), before);
        run(&scene, &["sign", "-q", &name, "--key", "me.key", "--sign-format", "bundle"]);
        assert_eq!(list(), before);
        run(&scene, &["sign", "-q", &name, "--key", "other.key", "--sign-format", "bundle"]);
        assert_eq!(list().len(), before.len() + before.len() / 2, "{before:?}");
        check(&scene, &name, &own, Ok(()));
        check(&scene, &name, &["--key", "other.pub"], Ok(()));
        // They travel, and count in a layout for the same name.
        run(&scene, &["copy", "-q", &name, "oci:out"]);
        check(&scene, &format!("oci:out:{name}"), &own, Ok(()));
        let elsewhere = registry.reference("you/vm:1");
        run(&scene, &["copy", "-q", &name, &elsewhere]);
        check(&scene, &elsewhere, &own, Err("a bundle is for another name"));
        let gate = ["copy", "-q", &elsewhere, "oci:new", "--verify-key", "me.pub"];
        assert_eq!(scene.run(gate).status, 1);
        fs::remove_dir_all(scene.path("out")).unwrap();
    }
}

/// A bundle that was changed, or is attached to another image, does not count.
#[test]
fn bundles_of_other_images_do_not_count() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let (first, second) = (registry.reference("me/vm:1"), registry.reference("me/vm:2"));
    let build = ["build", "-q", "--push", "-t"];
    run(
        &scene,
        &[&build[..], &[&first, "--sign-key", "me.key", "--sign-format", "bundle"]].concat(),
    );
    run(&scene, &[&build[..], &[&second, "--label", "a=b"]].concat());
    let listed = String::from_utf8(scene.run(["referrers", &first]).stdout).unwrap();
    let digest = |name: &str| scene.run(["digest", name]).digest();
    let bundle = listed.lines().next().unwrap().split('\t').nth(2).unwrap();
    let manifest = registry.manifest("me/vm", bundle).unwrap();
    let text = String::from_utf8(manifest.bytes.clone()).unwrap();
    let moved = text.replace(&digest(&first), &digest(&second));
    assert_ne!(moved, text);
    registry.put_manifest("me/vm", "moved", moved.as_bytes());
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"sha256:{}","size":{},"artifactType":"{BUNDLE}"}}]}}"#,
        sha256(moved.as_bytes()),
        moved.len(),
    );
    let tag = digest(&second).replace(':', "-");
    registry.put_document("me/vm", &tag, StoredManifest::new(INDEX, list.into()));
    check(&scene, &first, &["--key", "me.pub"], Ok(()));
    check(&scene, &second, &["--key", "me.pub"], Err("a bundle is for another image"));
}

/// cosign 2.5 checks bundles of attestations with a list of trusted services, which is empty here.
#[test]
fn cosign_and_diskette_accept_the_same_bundles() {
    let scene = scene();
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("me/vm:1");
    let sign = ["--sign-key", "me.key", "--sign-format", "bundle", "--attest", "provenance"];
    run(&scene, &[&["build", "-q", "-t", &name, "--push"][..], &sign].concat());
    fs::copy(scene.path("me.pub"), trixie.path("me.pub")).unwrap();
    let root = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
    fs::write(trixie.path("root.json"), root).unwrap();
    let verify = |kind: &str| {
        let args =
            ["cosign", "verify-attestation", "--new-bundle-format", "--trusted-root", "root.json"];
        let rest = ["--key", "me.pub", "--insecure-ignore-tlog", "--type", kind, &name];
        trixie.run(&[&args[..], &rest].concat());
    };
    verify("slsaprovenance1");
    verify("https://sigstore.dev/cosign/sign/v1");
    // The other way around: a bundle of cosign for the index and each image, of which its list of referrers gives another
    // type than it has.
    let theirs = registry.reference("you/vm:1");
    run(&scene, &["build", "-q", "-t", &theirs, "--push"]);
    fs::write(trixie.path("empty.json"), "{}").unwrap();
    let kind = "https://sigstore.dev/cosign/sign/v1";
    let mut command = trixie.command("cosign");
    command.env("COSIGN_PASSWORD", "secret").args(["generate-key-pair"]);
    assert!(command.output().unwrap().status.success());
    let index = peer::read_manifest_by_skopeo(&theirs).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let repository = theirs.rsplit_once(':').unwrap().0;
    let digests = index["manifests"].as_array().unwrap().iter().map(|it| it["digest"].as_str());
    let images = digests.map(|digest| format!("{repository}@{}", digest.unwrap()));
    for image in images.chain([theirs.clone()]) {
        let mut command = trixie.command("cosign");
        command.env("COSIGN_PASSWORD", "secret").args(["attest", "--new-bundle-format", "--yes"]);
        command.args(["--tlog-upload=false", "--key", "cosign.key", "--type", kind]);
        let output = command.args(["--predicate", "empty.json", &image]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    scene.write("cosign.pub", fs::read(trixie.path("cosign.pub")).unwrap());
    check(&scene, &theirs, &["--key", "cosign.pub"], Ok(()));
    check(&scene, &theirs, &["--key", "me.pub"], Err("a bundle is by another key"));
}
