//! Images that refer to others: `--subject` attaches them, `diskette referrers` lists them.

use std::io::{Read as _, Write as _};

use diskette_integration::disk::mixed_bytes;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::ReferrersPolicy;
use diskette_integration::registry::{INDEX, MANIFEST, Profile, Registry, StoredManifest};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use diskette_integration::trixie::Trixie;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

/// Registries that list referrers, and those that do not, each in its own way.
const POLICIES: [ReferrersPolicy; 5] = [
    ReferrersPolicy::Listed,
    ReferrersPolicy::Unknown(404),
    ReferrersPolicy::Unknown(400),
    ReferrersPolicy::Unknown(405),
    ReferrersPolicy::Page,
];

fn start(referrers: ReferrersPolicy) -> Registry {
    Registry::start(Profile { referrers, page_size: 2, ..Profile::DISTRIBUTION_3 })
}

/// Makes a scene whose image of two platforms is in the registry as `me/vm:1`; returns its digest.
fn pushed(registry: &Registry) -> (Scene, String) {
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let name = registry.reference("me/vm:1");
    let digest = scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    scene.write("disk.raw", mixed_bytes(4, 90_000));
    (scene, digest)
}

/// Builds the image of a disk and pushes it, attached to `me/vm:1`.
fn attach(scene: &Scene, registry: &Registry, tag: &str) -> String {
    let (name, subject) =
        (registry.reference(&format!("me/vm:{tag}")), registry.reference("me/vm:1"));
    let label = format!("tag={tag}");
    let args = [
        "build",
        "-q",
        "disk.raw",
        "--label",
        &label,
        "-t",
        &name,
        "--push",
        "--subject",
        &subject,
    ];
    scene.run(args).digest()
}

/// Lists referrers as JSON.
fn list(scene: &Scene, image: &str, args: &[&str]) -> Vec<Value> {
    let listed = scene.run(["referrers", "--format", "json", image].iter().chain(args));
    assert_eq!(listed.status, 0, "{}", listed.stderr);
    serde_json::from_slice(&listed.stdout).unwrap()
}

fn digests(list: &[Value]) -> Vec<&str> {
    let mut digests: Vec<&str> = list.iter().map(|it| it["digest"].as_str().unwrap()).collect();
    digests.sort_unstable();
    digests
}

/// Returns the tag of the list of an image's referrers.
fn list_tag(digest: &str) -> String {
    digest.replace(':', "-")
}

/// Stores an artifact that refers to an image, and returns its digest.
fn put_artifact(registry: &Registry, subject: &str, kind: &str) -> String {
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    registry.put_blob("me/vm", empty, b"{}");
    let config =
        json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": [config],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 7 },
        "annotations": { "who": "it was" },
    });
    let manifest = StoredManifest::new(MANIFEST, manifest.to_string().into_bytes());
    let digest = manifest.digest.clone();
    registry.put_document("me/vm", &list_tag(kind).replace('/', "."), manifest);
    digest
}

#[test]
fn what_is_attached_is_listed() {
    check_all(&POLICIES, |policy| {
        let registry = start(*policy);
        let (scene, subject) = pushed(&registry);
        let name = registry.reference("me/vm:1");
        assert_eq!(list(&scene, &name, &[]), [] as [Value; 0]);
        let attached = ["a", "b", "c"].map(|tag| attach(&scene, &registry, tag));
        let mut expected: Vec<&str> = attached.iter().map(String::as_str).collect();
        expected.sort_unstable();
        let listed = list(&scene, &name, &[]);
        assert_eq!(digests(&listed), expected);
        for referrer in &listed {
            let stored = registry.manifest("me/vm", referrer["digest"].as_str().unwrap()).unwrap();
            assert_eq!(stored.json()["subject"]["digest"], subject);
            assert_eq!(
                *referrer,
                json!({
                    "subject": subject, "platform": null, "digest": stored.digest, "media_type": INDEX,
                    "size": stored.bytes.len(), "artifact_type": "", "annotations": {},
                })
            );
        }
        // The list is a tag only where the registry does not have it.
        let is_listed = *policy == ReferrersPolicy::Listed;
        assert_eq!(registry.manifest("me/vm", &list_tag(&subject)).is_none(), is_listed);
        // To push it again changes nothing.
        let before = registry.manifest("me/vm", &list_tag(&subject));
        assert_eq!(attach(&scene, &registry, "a"), attached[0]);
        assert_eq!(registry.manifest("me/vm", &list_tag(&subject)), before);
        registry.verify_image("me/vm", "1").unwrap();
        for digest in &attached {
            registry.verify_image("me/vm", digest).unwrap();
        }
    });
}

#[test]
fn the_list_is_written_before_the_tag() {
    let registry = start(ReferrersPolicy::Unknown(404));
    let (scene, subject) = pushed(&registry);
    registry.take_requests();
    let digest = attach(&scene, &registry, "a");
    let requests = registry.take_requests();
    let at = |path: String| {
        let path = format!("/v2/me/vm/manifests/{path}");
        requests.iter().position(|it| it.method == "PUT" && it.path == path).unwrap()
    };
    let order = [at(digest), at(list_tag(&subject)), at("a".into())];
    assert!(order.is_sorted(), "{order:?}");
    // The subject is not sent again.
    let sent = |it: &&_| -> bool {
        matches!(it, diskette_integration::registry::LoggedRequest { method, path, .. } if method == "PUT" && path.contains(&subject))
    };
    assert_eq!(requests.iter().filter(sent).count(), 0);
}

#[test]
fn platforms_have_referrers_of_their_own() {
    check_all(&[ReferrersPolicy::Listed, ReferrersPolicy::Unknown(404)], |policy| {
        let registry = start(*policy);
        let (scene, index) = pushed(&registry);
        let name = registry.reference("me/vm:1");
        let arm = scene.run(["digest", &name, "--platform", "linux/arm64"]).digest();
        let (sbom, seal) =
            (put_artifact(&registry, &index, "a/sbom"), put_artifact(&registry, &arm, "a/seal"));
        if *policy != ReferrersPolicy::Listed {
            // As a program that leaves out the artifact type lists them.
            for (subject, referrer) in [(&index, &sbom), (&arm, &seal)] {
                let size = registry.manifest("me/vm", referrer).unwrap().bytes.len();
                let entry = json!({ "mediaType": MANIFEST, "digest": referrer, "size": size });
                let list = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
                let list = StoredManifest::new(INDEX, list.into_bytes());
                registry.put_document("me/vm", &list_tag(subject), list);
            }
        }
        let text = |args: &[&str]| {
            let listed = scene.run(["referrers", &name].iter().chain(args));
            assert_eq!((listed.status, &listed.stderr[..]), (0, ""));
            String::from_utf8(listed.stdout).unwrap()
        };
        let (first, second) =
            (format!("index\ta/sbom\t{sbom}\n"), format!("linux/arm64\ta/seal\t{seal}\n"));
        assert_eq!(text(&[]), format!("{first}{second}"));
        assert_eq!(text(&["--platform", "linux/arm64"]), second);
        assert_eq!(text(&["--platform", "linux/amd64"]), "");
        assert_eq!(text(&["--artifact-type", "a/sbom"]), first);
        assert_eq!(text(&["--artifact-type", "a/none"]), "");
        let listed = list(&scene, &name, &["--artifact-type", "a/seal"]);
        assert_eq!(
            (&listed[0]["platform"], &listed[0]["subject"]),
            (&json!("linux/arm64"), &json!(arm))
        );
    });
}

#[test]
fn layouts_and_archives_have_referrers() {
    let scene = Scene::with_disk();
    let subject = scene.build(&["-t", "quay.io/me/vm:1"]);
    let refer = |target: &str, tag: &str, subject: &str| {
        let (name, label) = (format!("quay.io/me/vm:{tag}"), format!("tag={tag}"));
        scene.build_to(target, &["-t", &name, "--label", &label, "--subject", subject])
    };
    let first = refer("out", "a", "oci:out:1");
    let second = refer("out", "b", &format!("oci:out@{subject}"));
    let third = refer("out", "c", "oci:out:a");
    let mut expected = [first.as_str(), &second];
    expected.sort_unstable();
    assert_eq!(digests(&list(&scene, "oci:out:1", &[])), expected);
    assert_eq!(digests(&list(&scene, "oci:out:a", &[])), [third.as_str()]);
    assert_eq!(list(&scene, "oci:out:c", &[]), [] as [Value; 0]);
    scene.pack("out", "a.tar");
    assert_eq!(digests(&list(&scene, "oci-archive:a.tar:1", &[])), expected);
    // Removed from the index, it is listed by the index with the referrers tag alone.
    scene.run(["delete", "oci:out:a"]);
    assert_eq!(digests(&list(&scene, "oci:out:1", &[])), [second.as_str()]);
    let list_of = |digest: &str| {
        let size = scene.read(&format!("out/blobs/sha256/{}", &digest[7..])).len();
        let entry = json!({ "mediaType": INDEX, "digest": digest, "size": size });
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry, entry] }).to_string()
    };
    let listing = StoredManifest::new(INDEX, list_of(&first).into_bytes());
    scene.write(&format!("out/blobs/sha256/{}", &listing.digest[7..]), &listing.bytes);
    let mut index: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    let tag = json!({ "org.opencontainers.image.ref.name": list_tag(&subject) });
    let entry = json!({ "mediaType": INDEX, "digest": listing.digest, "size": listing.bytes.len(), "annotations": tag });
    index["manifests"].as_array_mut().unwrap().push(entry);
    scene.write("out/index.json", index.to_string());
    assert_eq!(digests(&list(&scene, "oci:out:1", &[])), expected);
    // A list that is none.
    index["manifests"].as_array_mut().unwrap().pop();
    let manifest = Layout::open(&scene.path("out")).images("1").remove(0).descriptor;
    let entry = json!({ "mediaType": MANIFEST, "digest": manifest.digest().to_string(), "size": manifest.size(), "annotations": tag });
    index["manifests"].as_array_mut().unwrap().push(entry);
    scene.write("out/index.json", index.to_string());
    let said = scene.run(["referrers", "oci:out:1"]).transcript();
    let why = format!("it is `{MANIFEST}`, and a list of referrers is an OCI index");
    let list = format!("a list of referrers, {}, that cannot be used", manifest.digest());
    let error = format!("error: out/index.json has {list}: {why}");
    assert_eq!(said, format!("status: 1\nstdout:\nstderr:\n{error}\n"));
}

/// Referrers may be inside of an index, as attestations are.
#[test]
fn referrers_inside_of_indexes_are_listed() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let manifest = Layout::open(&scene.path("out")).images("1").remove(0).descriptor;
    let subject = manifest.digest().to_string();
    let put = |media_type: &str, document: Value| {
        let stored = StoredManifest::new(media_type, document.to_string().into_bytes());
        scene.write(&format!("out/blobs/sha256/{}", &stored.digest[7..]), &stored.bytes);
        json!({ "mediaType": media_type, "digest": stored.digest, "size": stored.bytes.len() })
    };
    let image = json!({ "mediaType": MANIFEST, "digest": subject, "size": manifest.size() });
    let config = json!({ "mediaType": "a/b", "digest": subject, "size": manifest.size() });
    let seal = put(
        MANIFEST,
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/\u{1}\nb", "config": config, "layers": [], "subject": image }),
    );
    let index = |entries: &[&Value]| {
        put(INDEX, json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }))
    };
    let missing =
        json!({ "mediaType": MANIFEST, "digest": format!("sha256:{}", "0".repeat(64)), "size": 7 });
    let inner = index(&[&seal, &seal, &missing]);
    let mut outer = index(&[&image, &inner]);
    outer["annotations"] = json!({ "org.opencontainers.image.ref.name": "2" });
    let mut entries: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    entries["manifests"].as_array_mut().unwrap().push(outer);
    scene.write("out/index.json", entries.to_string());
    let listed = scene.run(["referrers", "oci:out:1"]).transcript();
    let digest = seal["digest"].as_str().unwrap();
    let line = format!("linux/amd64\ta/\\u{{1}}\\nb\t{digest}\n");
    assert_eq!(listed, format!("status: 0\nstdout:\n{line}stderr:\n"));
    scene.pack("out", "a.tar");
    assert_eq!(scene.run(["referrers", "oci-archive:a.tar:1"]).transcript(), listed);
}

/// A spec names the image that its own refers to; the option wins.
#[test]
fn specs_name_subjects() {
    let registry = start(ReferrersPolicy::Listed);
    let (scene, subject) = pushed(&registry);
    let name = |tag: &str| registry.reference(&format!("me/vm:{tag}"));
    let write = |named: &str| {
        let rest = "platforms: { amd64: { disk: disk.raw } }";
        let spec = format!("apiVersion: diskette/v1\nsubject: {named}\n{rest}\n");
        scene.write("specs/diskette.yaml", spec);
    };
    scene.write("specs/disk.raw", mixed_bytes(4, 90_000));
    let build = |tag: &str, rest: &[&str]| {
        scene.run([&["build", "-q", "specs", "-t", &name(tag), "--push"], rest].concat())
    };
    let subject_of = |digest: &str| {
        registry.manifest("me/vm", digest).unwrap().json()["subject"]["digest"].clone()
    };
    write(&name("1"));
    let first = build("a", &[]).digest();
    assert_eq!(subject_of(&first), subject);
    assert_eq!(digests(&list(&scene, &name("1"), &[])), [&*first]);
    // A layout is found beside the spec, and for the option in the working directory.
    let option = ["--subject", "oci:out:1"];
    write(&name("none"));
    assert_eq!(build("b", &option).digest(), first);
    write("'oci:../out:1'");
    assert_eq!(build("c", &[]).digest(), first);

    let check = |named: &str, tag: &str, rest: &[&str], status: i32, expected: &str| {
        write(named);
        let said = build(tag, rest);
        assert_eq!(said.status, status, "{named} {}", said.stderr);
        let stderr = said.stderr.replace(&registry.address(), "REGISTRY");
        let expected = format!("error: {expected}\n --> specs/diskette.yaml:2:10\n");
        assert!(stderr.starts_with(&expected), "{named} {stderr}");
    };
    check(&name("none"), "d", &[], 1, "there is no image `REGISTRY/me/vm:none`");
    check(&name("none"), "d", &["--check"], 1, "there is no image `REGISTRY/me/vm:none`");
    check("me/vm:a:b", "d", &[], 1, "`a:b` is not a tag; it looks like `quay.io/me/fedora:42`");
    write("'oci:../out:1'");
    scene.build_to("out", &["-t", "quay.io/me/vm:3", "specs"]);
    check("'oci:../out'", "d", &[], 1, "which image of `oci:../out`?");
    let docker = ["--format", "docker"];
    check(&name("1"), "d", &docker, 2, "an image in docker's format cannot refer to another");
    write(&name("1"));
    let elsewhere = registry.reference("me/other:1");
    let said = scene.run(["build", "-q", "specs", "-t", &elsewhere, "--push"]);
    let expected = format!("does not have {subject}, which the image is to refer to\n --> specs");
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
}

/// An image that is pushed from a layout gets a subject on its way.
#[test]
fn a_pushed_image_is_attached() {
    let registry = start(ReferrersPolicy::Unknown(404));
    let (scene, subject) = pushed(&registry);
    let plain = scene.build_to("other", &["disk.raw", "-t", "quay.io/me/other:1"]);
    let (name, to) = (registry.reference("me/vm:1"), registry.reference("me/vm:other"));
    let args = ["push", "-q", "-l", "other", &to, "--subject", &name];
    let planned = scene.run(args.iter().chain(&["--dry-run"])).digest();
    assert!(registry.manifest("me/vm", "other").is_none());
    let digest = scene.run(args).digest();
    assert_eq!(planned, digest);
    assert_ne!(digest, plain);
    let mut index = registry.manifest("me/vm", "other").unwrap().json();
    let size = registry.manifest("me/vm", &subject).unwrap().bytes.len();
    let expected = json!({ "mediaType": INDEX, "digest": subject, "size": size });
    assert_eq!(index["subject"].take(), expected);
    registry.verify_image("me/vm", "other").unwrap();
    assert_eq!(digests(&list(&scene, &name, &[])), [digest.as_str()]);
    // A copy of it is listed in its new repository, too.
    let copied = registry.reference("me/copy:other");
    assert_eq!(scene.run(["copy", "-q", &to, &copied]).digest(), digest);
    let listed = registry.manifest("me/copy", &list_tag(&subject)).unwrap().json();
    assert_eq!(listed["manifests"][0]["digest"], digest);
}

#[test]
fn several_clients_attach_at_once() {
    let registry = start(ReferrersPolicy::Unknown(404));
    let (scene, _) = pushed(&registry);
    let tags = ["a", "b", "c", "d", "e", "f"];
    let attached: Vec<String> = std::thread::scope(|scope| {
        let (scene, registry) = (&scene, &registry);
        let attach = |tag| scope.spawn(move || attach(scene, registry, tag));
        let all: Vec<_> = tags.map(attach).into_iter().collect();
        all.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let mut expected: Vec<&str> = attached.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(digests(&list(&scene, &registry.reference("me/vm:1"), &[])), expected);
}

/// A client that writes its own list again and again.
#[test]
fn a_list_that_is_always_replaced_is_an_error() {
    let registry = start(ReferrersPolicy::Unknown(404));
    let (scene, subject) = pushed(&registry);
    let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }).to_string();
    let list = StoredManifest::new(INDEX, list.into_bytes());
    let (name, target) = (registry.reference("me/vm:1"), registry.reference("me/vm:new"));
    let args = ["build", "-q", "disk.raw", "--platform", "amd64", "-t", &target, "--push"];
    let more = ["--subject", &name, "--retry", "0"];
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                registry.put_document("me/vm", &list_tag(&subject), list.clone());
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        let said = scene.run(args.iter().chain(&more)).transcript();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        said
    });
    let place = format!("{}:{}", registry.reference("me/vm"), list_tag(&subject));
    let why = "other clients keep replacing the list of referrers";
    let error = format!("error: cannot update the list of referrers {place}: {why}");
    assert_eq!(said, format!("status: 1\nstdout:\nstderr:\n{error}\n"));
    assert!(registry.manifest("me/vm", "new").is_none());
}

/// Debian's registry refuses a list that names an image which was deleted.
#[test]
fn deleted_referrers_leave_the_list() {
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let settings = [("/storage/delete", json!({ "enabled": true }))];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let name = |tag: &str| registry.reference(&format!("me/vm:{tag}"));
    scene.run(["push", "-q", "-l", "out", "1", &name("1")]);
    let attach = |label: &str| {
        let tag = name(label);
        let label = format!("label={label}");
        let args = ["build", "-q", "x.raw", "--label", &label, "-t", &tag, "--push"];
        scene.run(args.iter().chain(&["--subject", &name("1")])).digest()
    };
    let [first, second, third] = ["a", "b", "c"].map(attach);
    let delete = |digest: &str| {
        let deleted = scene.run(["delete", &registry.reference(&format!("me/vm@{digest}"))]);
        assert_eq!(deleted.status, 0, "{}", deleted.stderr);
    };
    let check = |expected: &[&String]| {
        let mut expected: Vec<&str> = expected.iter().map(|it| it.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(digests(&list(&scene, &name("1"), &[])), expected);
    };
    check(&[&first, &second, &third]);
    delete(&first);
    check(&[&second, &third]);
    // Another program leaves the entry of an image that it deletes, which no list can have that is written.
    let address = registry.address();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!("DELETE /v2/me/vm/manifests/{second} HTTP/1.1");
    write!(stream, "{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    check(&[&second, &third]);
    let fourth = attach("d");
    check(&[&third, &fourth]);
    delete(&third);
    delete(&fourth);
    check(&[]);
}

/// Runs commands that are refused, at a registry that has the image `me/vm:1`, and checks what is said.
fn check_refused(commands: &[(&str, snapbox::data::Inline)]) {
    let registry = start(ReferrersPolicy::Unknown(404));
    let (scene, subject) = pushed(&registry);
    scene.build_to("docker", &["disk.raw", "-t", "quay.io/me/old:1", "--format", "docker"]);
    scene.build_to("attached", &["disk.raw", "-t", "quay.io/me/a:1", "--subject", "oci:docker:1"]);
    let address = registry.address();
    for (command, expected) in commands {
        let args = command.split(' ').map(|arg| arg.replace("REGISTRY", &address));
        let said = scene.run(args).transcript().replace(&address, "REGISTRY");
        assert_data_eq!(said.replace(&subject, "SUBJECT"), expected.clone().raw());
    }
    assert!(registry.manifest("me/vm", "new").is_none());
    assert!(registry.manifest("me/other", "1").is_none());
}

#[test]
fn pushes_that_cannot_be_attached_are_refused() {
    check_refused(&[
        (
            "push -l out 1 REGISTRY/me/other:1 --subject REGISTRY/me/vm:1",
            str![[r#"
status: 1
stdout:
stderr:
error: REGISTRY/me/other does not have SUBJECT, which the image is to refer to
 |
 = help: an image refers to one of its own repository; copy that one there first, with `diskette copy`

"#]],
        ),
        (
            "push -l docker REGISTRY/me/vm:new --subject REGISTRY/me/vm:1",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot attach sha256:c75259fc8ba871514bb6ac59b54c573326cc684f088c605a749acb4283877b75: an image with documents of type `application/vnd.docker.distribution.manifest.list.v2+json` cannot refer to another
 |
 = help: build it with `--format oci`

"#]],
        ),
        (
            "push -l attached REGISTRY/me/vm:new --subject REGISTRY/me/vm:1",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot attach sha256:051a1940409962afc1fcdfc7cd8b53efdf5847d166f402c0ae21b26169bb7d8c: it refers to sha256:c75259fc8ba871514bb6ac59b54c573326cc684f088c605a749acb4283877b75 already

"#]],
        ),
    ]);
}

#[test]
fn builds_that_cannot_be_attached_are_refused() {
    let build = "build -q disk.raw --platform amd64 --push";
    let check = |rest: &str, expected| check_refused(&[(&format!("{build} {rest}"), expected)]);
    check(
        "-t REGISTRY/me/other:1 --subject REGISTRY/me/vm:1",
        str![[r#"
status: 1
stdout:
stderr:
error: REGISTRY/me/other does not have SUBJECT, which the image is to refer to
 |
 = help: an image refers to one of its own repository; copy that one there first, with `diskette copy`

"#]],
    );
    check(
        "-t REGISTRY/me/vm:new --subject REGISTRY/me/vm:none",
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `REGISTRY/me/vm:none`

"#]],
    );
    check(
        "-t REGISTRY/me/vm:new --subject REGISTRY/me/vm:1 --format docker",
        str![[r#"
status: 2
stdout:
stderr:
error: an image in docker's format cannot refer to another
 |
 = help: leave the subject out, or build with `--format oci`

"#]],
    );
}

#[test]
fn lists_that_cannot_be_used_are_refused() {
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    let digest = StoredManifest::new(MANIFEST, manifest.to_vec()).digest;
    let api = format!("/v2/me/vm/referrers/{digest}");
    let tag = format!("/v2/me/vm/manifests/{}", list_tag(&digest));
    let check = |answers: &[(&str, ServerAnswer)], expected: &str| {
        let image = ("/v2/me/vm/manifests/1", ServerAnswer::Content(manifest.to_vec()));
        let server = Server::start([image].into_iter().chain(answers.iter().cloned()));
        let address = server.url("").replace("http://", "");
        let said = Scene::new().run(["referrers", &format!("{address}/me/vm:1")]).transcript();
        assert_eq!(
            said.replace(&address, "[REGISTRY]")
                .replace(&digest, "[DIGEST]")
                .replace(&list_tag(&digest), "[TAG]"),
            expected
        );
    };
    let page = |text: &str| {
        ServerAnswer::With(
            "Content-Type: application/vnd.oci.image.index.v1+json",
            Box::new(ServerAnswer::Content(text.as_bytes().to_vec())),
        )
    };
    let text = |text: &str| ServerAnswer::Content(text.as_bytes().to_vec());
    let error = |why: &str| {
        format!(
            "status: 1\nstdout:\nstderr:\nerror: cannot list the referrers of an image in [REGISTRY]/me/vm{why}\n"
        )
    };
    check(&[], "status: 0\nstdout:\nstderr:\n");
    check(&[(&api, page(r#"{"manifests":[]}"#))], "status: 0\nstdout:\nstderr:\n");
    check(&[(&api, text(r#"{"manifests":[]}"#))], "status: 0\nstdout:\nstderr:\n");
    check(
        &[(&api, page("{"))],
        &error(": the manifest is not JSON: EOF while parsing an object at line 1 column 1"),
    );
    check(
        &[(&api, page(r#"{"manifests":[{"digest":"sha512:00","size":1}]}"#))],
        &error(": `sha512:00` is not a sha256 digest"),
    );
    let manifest = std::str::from_utf8(manifest).unwrap();
    let is_manifest = "it is `application/vnd.oci.image.manifest.v1+json`, and a list of referrers is an OCI index";
    check(&[(&api, page(manifest))], &error(&format!(": {is_manifest}")));
    check(&[(&tag, text(manifest))], &error(&format!(":[TAG]: {is_manifest}")));
    let next: &'static str = Box::leak(api.clone().into_boxed_str());
    let linked = |next| {
        ServerAnswer::With(
            "Content-Type: application/vnd.oci.image.index.v1+json",
            Box::new(ServerAnswer::Page(br#"{"manifests":[]}"#.to_vec(), next)),
        )
    };
    check(&[(&api, linked(next))], &error(": the list of referrers leads back to a page before"));
    let forbidden = "\n |\n = help: no credential was sent: log in with `diskette login [REGISTRY]`, if it has users";
    check(
        &[(&api, ServerAnswer::Status(403))],
        &error(&format!(": the server answered 403{forbidden}")),
    );
}

/// `oras discover` lists what is attached here, and what `oras attach` made is listed here.
#[test]
fn oras_and_diskette_see_the_same_referrers() {
    let scene = Scene::with_two_disks();
    let Some(trixie) = Trixie::find(&scene) else { return };
    scene.build(&[]);
    let Some(docker) = DockerRegistry::start_open(&scene) else { return };
    let own = start(ReferrersPolicy::Listed);
    std::fs::write(trixie.path("sbom.json"), "{}").unwrap();
    for address in [docker.address(), own.address()] {
        let name = |tag: &str| format!("{address}/me/vm:{tag}");
        scene.run(["push", "-q", "-l", "out", "1", &name("1")]);
        let subject = name("1");
        let args = ["build", "-q", "x.raw", "-t", &name("disk"), "--push", "--subject", &subject];
        let ours = scene.run(args).digest();
        let discover = || {
            let args = ["oras", "discover", "--plain-http", "--format", "json", &subject];
            let found: Value = serde_json::from_str(&trixie.run(&args)).unwrap();
            found["manifests"].as_array().unwrap().clone()
        };
        assert_eq!(digests(&discover()), [ours.as_str()]);
        let args = [
            "oras",
            "attach",
            "--plain-http",
            "--artifact-type",
            "application/spdx+json",
            "--annotation",
            "a=b",
        ];
        trixie.run(&[&args[..], &[&subject, "sbom.json:application/spdx+json"]].concat());
        let listed = list(&scene, &subject, &[]);
        assert_eq!(digests(&listed), digests(&discover()));
        assert_eq!(listed.len(), 2);
        let sboms = list(&scene, &subject, &["--artifact-type", "application/spdx+json"]);
        assert_eq!((sboms.len(), &sboms[0]["annotations"]["a"]), (1, &json!("b")));
        let args = [
            "oras",
            "attach",
            "--plain-http",
            "--platform",
            "linux/arm64",
            "--artifact-type",
            "a/seal",
        ];
        trixie.run(&[&args[..], &[&subject, "sbom.json:a/seal"]].concat());
        let seals = list(&scene, &subject, &["--platform", "linux/arm64"]);
        assert_eq!((seals.len(), &seals[0]["artifact_type"]), (1, &json!("a/seal")));
    }
}

#[test]
fn oras_and_diskette_see_the_same_referrers_of_a_layout() {
    let scene = Scene::with_two_disks();
    let Some(trixie) = Trixie::find(&scene) else { return };
    std::fs::write(trixie.path("sbom.json"), "{}").unwrap();
    let layout = format!("oci:{}", trixie.path("layout").display());
    scene.build_to(&format!("{layout}:1"), &[]);
    let name = format!("{layout}:1");
    let args = [
        "oras",
        "attach",
        "--oci-layout",
        "--artifact-type",
        "a/seal",
        "layout:1",
        "sbom.json:a/seal",
    ];
    trixie.run(&args);
    let ours = scene.build_to(&format!("{layout}:disk"), &["x.raw", "--subject", &name]);
    let listed = list(&scene, &name, &[]);
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(digests(&listed).contains(&ours.as_str()));
    let args = ["oras", "discover", "--oci-layout", "--format", "json", "layout:1"];
    let found: Value = serde_json::from_str(&trixie.run(&args)).unwrap();
    assert_eq!(digests(found["manifests"].as_array().unwrap()), digests(&listed));
}
