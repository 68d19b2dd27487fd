//! Signatures, SBOMs and other things that belong to an image are copied with it.

use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::ReferrersPolicy;
use diskette_integration::registry::{INDEX, MANIFEST, Profile, Registry, StoredManifest};
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::trixie::Trixie;
use serde_json::{Value, json};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SPDX: &str = "application/spdx+json";

/// A registry whose `me/vm:1` has attachments: of the index a signature and an SBOM which is signed itself, of each platform a
/// signature and an attestation.
struct Attached {
    scene: Scene,
    registry: Registry,
    root: String,
    platforms: Vec<String>,
    sbom: String,
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn tag(digest: &str, suffix: &str) -> String {
    format!("{}.{suffix}", digest.replace(':', "-"))
}

/// Stores a manifest in the way of cosign, with payloads of these texts.
fn put_tagged(registry: &Registry, name: &str, tag: &str, payloads: &[&str]) -> String {
    let digests: Vec<String> = payloads.iter().map(|it| digest_of(it.as_bytes())).collect();
    let config = json!({ "rootfs": { "type": "layers", "diff_ids": digests } }).to_string();
    registry.put_blob(name, &digest_of(config.as_bytes()), config.as_bytes());
    let layers = payloads.iter().zip(&digests).map(|(payload, digest)| {
        registry.put_blob(name, digest, payload.as_bytes());
        json!({ "mediaType": PAYLOAD, "digest": digest, "size": payload.len(), "annotations": { "dev.cosignproject.cosign/signature": payload } })
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": layers.collect::<Vec<_>>(),
        "config": { "mediaType": CONFIG, "digest": digest_of(config.as_bytes()), "size": config.len() },
    });
    let manifest = StoredManifest::new(MANIFEST, manifest.to_string().into_bytes());
    let digest = manifest.digest.clone();
    registry.put_document(name, tag, manifest);
    digest
}

/// Stores an artifact that refers to an image, and returns its digest.
fn put_referrer(registry: &Registry, subject: &str, kind: &str) -> String {
    let empty = digest_of(b"{}");
    registry.put_blob("me/vm", &empty, b"{}");
    let config =
        json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": [config],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 7 },
    });
    let manifest = StoredManifest::new(MANIFEST, manifest.to_string().into_bytes());
    let digest = manifest.digest.clone();
    let entry = json!({ "mediaType": MANIFEST, "digest": digest, "size": manifest.bytes.len(), "artifactType": kind });
    registry.put_untagged("me/vm", manifest);
    if registry.profile().referrers != ReferrersPolicy::Listed {
        let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
        let list = StoredManifest::new(INDEX, list.to_string().into_bytes());
        registry.put_document("me/vm", &subject.replace(':', "-"), list);
    }
    digest
}

impl Attached {
    fn new(referrers: ReferrersPolicy) -> Self {
        let registry = Registry::start(Profile { referrers, ..Profile::DISTRIBUTION_3 });
        let scene = Scene::with_two_disks();
        scene.build(&[]);
        let name = registry.reference("me/vm:1");
        let root = scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
        let index = registry.manifest("me/vm", "1").unwrap().json();
        let images = index["manifests"].as_array().unwrap();
        let platforms: Vec<String> =
            images.iter().map(|it| it["digest"].as_str().unwrap().to_owned()).collect();
        for digest in platforms.iter().chain([&root]) {
            put_tagged(&registry, "me/vm", &tag(digest, "sig"), &[digest]);
        }
        put_tagged(&registry, "me/vm", &tag(&platforms[0], "att"), &["attested"]);
        let sbom = put_referrer(&registry, &root, SPDX);
        put_tagged(&registry, "me/vm", &tag(&sbom, "sig"), &["of the SBOM"]);
        Self { scene, registry, root, platforms, sbom }
    }

    /// Returns the tags of all attachments.
    fn tags(&self) -> Vec<String> {
        let signed = self.platforms.iter().chain([&self.root, &self.sbom]);
        let tags = signed.map(|digest| tag(digest, "sig"));
        tags.chain([tag(&self.platforms[0], "att")]).collect()
    }

    fn run(&self, args: &[&str]) -> ProgramOutcome {
        let outcome = self.scene.run(args);
        assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
        outcome
    }

    /// Returns the digests of the referrers that the program lists.
    fn referrers(&self, image: &str) -> Vec<String> {
        let listed = self.run(&["referrers", "--output-format", "json", image]);
        let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
        listed.iter().map(|it| it["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// Checks that a repository has all attachments, the same as where they come from.
    fn check_repository(&self, name: &str) {
        for tag in self.tags() {
            let (found, expected) =
                (self.registry.manifest(name, &tag), self.registry.manifest("me/vm", &tag));
            assert_eq!(found, expected, "{tag}");
            self.registry.verify_image(name, &tag).unwrap();
        }
        assert_eq!(self.referrers(&self.registry.reference(&format!("{name}:1"))), [&*self.sbom]);
        self.registry.verify_image(name, &self.sbom).unwrap();
    }
}

const POLICIES: [ReferrersPolicy; 2] = [ReferrersPolicy::Listed, ReferrersPolicy::Unknown(404)];

#[test]
fn attachments_are_copied_between_registries_layouts_and_archives() {
    check_all(&POLICIES, |policy| {
        let it = Attached::new(*policy);
        let to = |name: &str| it.registry.reference(&format!("{name}:1"));
        it.run(&["copy", "-q", &to("me/vm"), &to("me/copy")]);
        it.check_repository("me/copy");
        it.run(&["pull", "-q", &to("me/vm"), "-o", "layout"]);
        assert_eq!(it.referrers("oci:layout"), [&*it.sbom]);
        // The image is still the only one.
        it.run(&["verify", "oci:layout"]);
        it.run(&["push", "-q", "-l", "layout", &to("me/pushed")]);
        it.check_repository("me/pushed");
        for archive in ["oci-archive:a.tar", "oci:renamed:v1"] {
            it.run(&["copy", "-q", "oci:layout", archive]);
            it.run(&["pull", "-q", &to("me/vm"), "-o", archive]);
            assert_eq!(it.referrers(archive), [&*it.sbom]);
            it.run(&["copy", "-q", archive, &to("me/back")]);
            it.check_repository("me/back");
        }
        // What gc removes is not what belongs to an image.
        it.run(&["gc", "layout"]);
        it.run(&["copy", "-q", "oci:layout", &to("me/kept")]);
        it.check_repository("me/kept");
    });
}

#[test]
fn some_or_no_attachments_are_copied() {
    let it = Attached::new(ReferrersPolicy::Listed);
    let check = |which: &str, expected: &[&str]| {
        let name = format!("me/{}", which.replace([',', '/', '+'], "-"));
        let (from, to) =
            (it.registry.reference("me/vm:1"), it.registry.reference(&format!("{name}:1")));
        it.registry.take_requests();
        it.run(&["copy", "-q", "--referrers", which, &from, &to]);
        let asked = it.registry.take_requests();
        let is_search = |path: &str| path.contains("/referrers/") || path.contains("/sha256-");
        assert_eq!(asked.iter().any(|it| is_search(&it.path)), which != "none", "{which}");
        let mut found: Vec<&str> = Vec::new();
        let has = |digest: &str, suffix: &str| {
            it.registry.manifest(&name, &tag(digest, suffix)).is_some()
        };
        found.extend(has(&it.root, "sig").then_some("sig"));
        found.extend(has(&it.platforms[0], "att").then_some("att"));
        found.extend(it.registry.manifest(&name, &it.sbom).map(|_| SPDX));
        found.extend(has(&it.sbom, "sig").then_some("sig of SBOM"));
        assert_eq!(found, expected, "{which}");
    };
    check("all", &["sig", "att", SPDX, "sig of SBOM"]);
    check("none", &[]);
    check("att", &["att"]);
    check(SPDX, &[SPDX]);
    check(&format!("sig,{SPDX}"), &["sig", SPDX, "sig of SBOM"]);
    check("a/b", &[]);
    let wrong = it.scene.run(["copy", "--referrers", "signatures", "a/b", "oci:x"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("`signatures` is no type of attachments"), "{}", wrong.stderr);
}

/// An index and each platform cost a request for each tag of cosign and one for the referrers, and one more where the
/// registry has no list of them.
#[test]
fn requests_for_an_image_without_attachments() {
    check_all(
        &[(ReferrersPolicy::Listed, 12), (ReferrersPolicy::Unknown(404), 15)],
        |(it, more)| {
            let registry = Registry::start(Profile { referrers: *it, ..Profile::DISTRIBUTION_3 });
            let scene = Scene::with_two_disks();
            scene.build(&[]);
            let [from, to] = ["me/vm:1", "me/copy:1"].map(|name| registry.reference(name));
            scene.run(["push", "-q", "-l", "out", "1", &from]).digest();
            let count = |which: &str| {
                registry.take_requests();
                scene.run(["copy", "-q", "--referrers", which, &from, &to]).digest();
                registry.take_requests().len()
            };
            count("none");
            assert_eq!(count("all") - count("none"), *more);
        },
    );
}

/// Of one platform only what belongs to its image is copied.
#[test]
fn attachments_of_a_platform() {
    let it = Attached::new(ReferrersPolicy::Listed);
    let (from, to) = (it.registry.reference("me/vm:1"), it.registry.reference("me/one:1"));
    it.run(&["copy", "-q", "--platform", "linux/amd64", &from, &to]);
    let has = |tag: &str| it.registry.manifest("me/one", tag).is_some();
    let tags = it.tags();
    let found: Vec<&String> = tags.iter().filter(|tag| has(tag)).collect();
    assert_eq!(found, [&tag(&it.platforms[0], "sig"), &tag(&it.platforms[0], "att")]);
}

#[test]
fn signatures_of_the_destination_are_kept() {
    let it = Attached::new(ReferrersPolicy::Listed);
    let (from, to) = (it.registry.reference("me/vm:1"), it.registry.reference("me/copy:1"));
    let signature = tag(&it.root, "sig");
    put_tagged(&it.registry, "me/copy", &signature, &["of the destination"]);
    let payloads = || {
        let manifest = it.registry.manifest("me/copy", &signature).unwrap().json();
        let layers = manifest["layers"].as_array().unwrap().clone();
        let name = "dev.cosignproject.cosign/signature";
        let text = |it: &Value| it["annotations"][name].as_str().unwrap().to_owned();
        layers.iter().map(text).collect::<Vec<_>>()
    };
    it.run(&["copy", "-q", &from, &to]);
    assert_eq!(payloads(), ["of the destination", &it.root]);
    it.registry.verify_image("me/copy", &signature).unwrap();
    // To copy again changes nothing.
    let before = it.registry.manifest("me/copy", &signature);
    it.run(&["copy", "-q", &from, &to]);
    assert_eq!(it.registry.manifest("me/copy", &signature), before);
    // A layout keeps its own too.
    it.run(&["pull", "-q", &to, "-o", "oci:layout:1"]);
    it.run(&["copy", "-q", &from, "oci:layout:1"]);
    let third = it.registry.reference("me/third:1");
    it.run(&["copy", "-q", "oci:layout:1", &third]);
    assert_eq!(it.registry.manifest("me/third", &signature), before);
}

#[test]
fn all_tags_are_copied_with_their_attachments() {
    let it = Attached::new(ReferrersPolicy::Unknown(404));
    put_tagged(&it.registry, "me/copy", &tag(&it.root, "sig"), &["of the destination"]);
    let orphan = tag(&digest_of(b"another image"), "sig");
    put_tagged(&it.registry, "me/vm", &orphan, &["of another image"]);
    let [from, to] = ["me/vm", "me/copy"].map(|name| it.registry.reference(name));
    it.run(&["copy", "-q", "--all-tags", &from, &to]);
    let signed = it.registry.manifest("me/copy", &tag(&it.root, "sig")).unwrap().json();
    assert_eq!(signed["layers"].as_array().unwrap().len(), 2);
    assert!(it.registry.manifest("me/copy", &orphan).is_some());
    assert_eq!(it.referrers(&it.registry.reference("me/copy:1")), [&*it.sbom]);
}

/// A layout has one manifest of signatures for a digest, whatever repositories its images are of.
#[test]
fn signatures_of_two_repositories_meet_in_a_layout() {
    let it = Attached::new(ReferrersPolicy::Listed);
    let [one, two] = ["me/vm:1", "you/vm:1"].map(|name| it.registry.reference(name));
    it.run(&["copy", "-q", "--referrers", "none", &one, &two]);
    let signature = tag(&it.root, "sig");
    put_tagged(&it.registry, "you/vm", &signature, &["of another"]);
    for name in [&one, &two] {
        it.run(&["pull", "-q", name, "-o", "layout"]);
    }
    let layers = |name: &str| {
        it.registry.manifest(name, &signature).unwrap().json()["layers"].as_array().unwrap().len()
    };
    for (from, to) in [(&one, "me/third"), (&two, "me/fourth")] {
        let to = it.registry.reference(&format!("{to}:1"));
        it.run(&["copy", "-q", &format!("oci:layout:{from}"), &to]);
    }
    assert_eq!([layers("me/third"), layers("me/fourth")], [2, 2]);
    let asked = it.scene.run(["inspect", "oci:layout"]);
    assert!(!asked.stderr.contains(".sig"), "{}", asked.stderr);
}

/// What is missing or damaged in a layout, and does not belong to the image that is copied.
#[test]
fn layouts_that_are_not_whole() {
    let it = Attached::new(ReferrersPolicy::Listed);
    it.run(&["pull", "-q", &it.registry.reference("me/vm:1"), "-o", "oci:layout:1"]);
    let mut index: Value = serde_json::from_slice(&it.scene.read("layout/index.json")).unwrap();
    let gone = json!({ "mediaType": MANIFEST, "digest": digest_of(b"gone"), "size": 4 });
    index["manifests"].as_array_mut().unwrap().push(gone);
    it.scene.write("layout/index.json", index.to_string());
    it.run(&["copy", "-q", "oci:layout:1", "oci:copy:1"]);
    assert_eq!(it.referrers("oci:copy:1"), [&*it.sbom]);
    it.scene.write(&format!("layout/blobs/sha256/{}", &it.sbom[7..]), "{}");
    let refused = it.scene.run(["copy", "-q", "oci:layout:1", "oci:other:1"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("is damaged"), "{}", refused.stderr);
    it.run(&["copy", "-q", "--referrers", "none", "oci:layout:1", "oci:other:1"]);
}

/// What belongs to an image is deleted with it, in a registry and in a layout.
#[test]
fn attachments_are_deleted_with_their_image() {
    check_all(&POLICIES, |policy| {
        let it = Attached::new(*policy);
        let name = it.registry.reference("me/vm:1");
        it.run(&["pull", "-q", &name, "-o", "oci:layout:1"]);
        it.run(&["copy", "-q", "oci:layout:1", "oci:layout:2"]);
        it.run(&["delete", "oci:layout:1"]);
        assert_eq!(it.referrers("oci:layout:2"), [&*it.sbom]);
        it.run(&["delete", "oci:layout:2"]);
        let index: Value = serde_json::from_slice(&it.scene.read("layout/index.json")).unwrap();
        assert_eq!(index["manifests"], json!([]));
        it.run(&["gc", "layout"]);
        assert_eq!(it.scene.file_digests("layout/blobs").len(), 0);
        // What has a name of its own stays: a signature that was tagged, and an image under a tag of cosign.
        put_tagged(&it.registry, "me/vm", "my-own", &["attested"]);
        put_tagged(&it.registry, "me/vm", &tag(&it.root, "att"), &["attested"]);
        let image = it.registry.manifest("me/vm", "1").unwrap().json();
        let other = StoredManifest::new(INDEX, json!({ "x": 1, "schemaVersion": 2, "mediaType": INDEX, "manifests": image["manifests"] }).to_string().into_bytes());
        for name in ["other", &tag(&it.root, "sbom")] {
            it.registry.put_document("me/vm", name, other.clone());
        }
        let by_digest = format!("{}@{}", it.registry.reference("me/vm"), it.root);
        let planned = it.run(&["delete", "--dry-run", &by_digest]);
        assert_eq!(planned.stdout, it.run(&["delete", &by_digest]).stdout);
        for tag in [tag(&it.root, "sig"), tag(&it.sbom, "sig"), it.root.replace(':', "-")] {
            assert_eq!(it.registry.manifest("me/vm", &tag), None, "{tag}");
        }
        assert_eq!(it.registry.manifest("me/vm", &it.sbom), None);
        for name in ["my-own", "other"] {
            assert!(it.registry.manifest("me/vm", name).is_some(), "{name}");
        }
        // Another index may list the images of the platforms.
        assert!(it.registry.manifest("me/vm", &tag(&it.platforms[0], "sig")).is_some());
    });
}

/// Attachments that lead back to their image, lists that are wrong, and more attachments than are read.
#[test]
fn hostile_attachments() {
    let it = Attached::new(ReferrersPolicy::Unknown(404));
    let (from, to) = (it.registry.reference("me/vm:1"), it.registry.reference("me/copy:1"));
    let put_list = |entries: Value| {
        let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        let list = StoredManifest::new(INDEX, list.to_string().into_bytes());
        it.registry.put_document("me/vm", &it.root.replace(':', "-"), list);
    };
    let entry = |digest: &str| json!({ "mediaType": MANIFEST, "digest": digest, "size": 2 });
    // The signature of the SBOM's signature is the image itself.
    let signature = it.registry.manifest("me/vm", &tag(&it.sbom, "sig")).unwrap().digest;
    let index = it.registry.manifest("me/vm", "1").unwrap();
    it.registry.put_document("me/vm", &tag(&signature, "sig"), index);
    // Of what a list has, one does not exist, and one does not refer to the image.
    put_list(json!([entry(&it.sbom), entry(&digest_of(b"gone")), entry(&it.platforms[0])]));
    it.run(&["copy", "-q", &from, &to]);
    assert_eq!(it.referrers(&to), [&*it.sbom]);
    let many: Vec<Value> = (0..1001)
        .map(|number| {
            let digest = put_referrer(&it.registry, &it.root, &format!("a/{number}"));
            entry(&digest)
        })
        .collect();
    put_list(Value::Array(many));
    let refused = it.scene.run(["copy", "-q", &from, &it.registry.reference("me/many:1")]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("more than 1000 manifests"), "{}", refused.stderr);
    assert!(it.registry.manifest("me/many", "1").is_none());
    it.run(&["copy", "-q", "--referrers", "sig", &from, &it.registry.reference("me/many:1")]);
}

#[test]
fn attachments_are_shown() {
    let it = Attached::new(ReferrersPolicy::Listed);
    let name = it.registry.reference("me/vm:1");
    let shown = String::from_utf8(it.run(&["inspect", &name]).stdout).unwrap();
    let rows: Vec<&str> = shown.lines().filter_map(|it| it.strip_prefix("  attached ")).collect();
    let rows: Vec<&str> =
        rows.iter().map(|it| it.split("  ").find(|it| !it.is_empty()).unwrap().trim()).collect();
    let spdx = format!("{SPDX} of index");
    assert_eq!(
        rows,
        ["sig of index", &spdx, "sig of linux/amd64", "att of linux/amd64", "sig of linux/arm64"]
    );
    let json = it.run(&["inspect", "--output-format", "json", &name]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    let sbom = json!({ "subject": it.root, "platform": null, "digest": it.sbom, "tag": null, "artifact_type": SPDX });
    assert_eq!(json["attachments"][1], sbom);
    assert_eq!(json["attachments"].as_array().unwrap().len(), 5);
}

/// Attachments are found before the image has its name.
#[test]
fn attachments_are_written_before_the_name() {
    let it = Attached::new(ReferrersPolicy::Listed);
    let (from, to) = (it.registry.reference("me/vm:1"), it.registry.reference("me/copy:1"));
    it.registry.take_requests();
    it.run(&["copy", "-q", &from, &to]);
    let requests = it.registry.take_requests();
    let at = |path: &str| {
        let path = format!("/v2/me/copy/manifests/{path}");
        requests.iter().position(|it| it.method == "PUT" && it.path == path).unwrap()
    };
    let name = at("1");
    for tag in it.tags() {
        assert!(at(&tag) < name, "{tag}");
    }
    assert!(at(&it.root) < at(&it.sbom) && at(&it.sbom) < name);
}

/// cosign of Debian 13 signs, attests and attaches; its signatures are valid after a way through a layout, an archive and
/// another registry, and oras finds the referrers.
#[test]
fn cosign_accepts_what_was_copied() {
    let scene = Scene::with_two_disks();
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    let [image, copy] = ["me/vm:1", "you/vm:2"].map(|name| registry.reference(name));
    let args = ["push", "-q", "--tls-verify=false", "-l", "out", "1", &image];
    let digest = scene.run(args).digest();
    let by_digest = format!("{}@{digest}", registry.reference("me/vm"));
    let cosign = |args: &[&str]| {
        let mut command = trixie.command("cosign");
        let output = command.args(args).env("COSIGN_PASSWORD", "").output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(trixie.path("predicate.json"), "{}").unwrap();
    cosign(&["generate-key-pair"]);
    let key = ["--key", "cosign.key", "--tlog-upload=false", "-y"];
    cosign(&[&["sign", "-r"], &key[..], &[&by_digest]].concat());
    cosign(&[&["attest", "--predicate", "predicate.json"], &key[..], &[&by_digest]].concat());
    std::fs::write(trixie.path("sbom.json"), "{}").unwrap();
    let sbom = format!("sbom.json:{SPDX}");
    trixie.run(&["oras", "attach", "--plain-http", "--artifact-type", SPDX, &image, &sbom]);
    for (from, to) in [
        (&*image, "oci:layout:1"),
        ("oci:layout:1", "oci-archive:a.tar:1"),
        ("oci-archive:a.tar:1", &*copy),
    ] {
        let copied = scene.run(["copy", "-q", "--tls-verify=false", from, to]);
        assert_eq!(copied.status, 0, "{}", copied.stderr);
    }
    let key = ["--key", "cosign.pub", "--insecure-ignore-tlog=true"];
    let by_digest = format!("{}@{digest}", registry.reference("you/vm"));
    cosign(&[&["verify"], &key[..], &[&by_digest]].concat());
    cosign(&[&["verify-attestation", "--type", "custom"], &key[..], &[&by_digest]].concat());
    let index = scene.run(["digest", "--tls-verify=false", "--platform", "linux/arm64", &copy]);
    let platform = String::from_utf8(index.stdout).unwrap();
    let platform = format!("{}@{}", registry.reference("you/vm"), platform.trim());
    cosign(&[&["verify"], &key[..], &[&platform]].concat());
    let found = trixie.run(&["oras", "discover", "--plain-http", "--format", "json", &copy]);
    assert!(found.contains(SPDX), "{found}");
}
