//! What a hostile registry answers is refused: soon, with one message that says what and where, and
//! nothing gets a name.

use std::time::{Duration, Instant};

use diskette_integration::disk::sha256;
use diskette_integration::registry::FaultTimes;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::test_images::NAME;
use diskette_integration::registry::{
    Fault, INDEX, MANIFEST, Profile, Registry, RequestKind, StoredManifest,
};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

/// All else is waiting for something.
const QUICK: Duration = Duration::from_secs(10);

const CONFIG: &[u8] = b"{}";
const LAYER: &[u8] = b"a layer";

/// The digest of nothing in particular.
const ZEROS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Where clouds keep the secrets of a machine.
const METADATA: &str = "http://169.254.169.254/latest/";

/// What a hostile registry sends to a client that pulls, and the expected message.
#[derive(Clone)]
struct Case {
    attack: &'static str,
    set_up: fn(&Registry),
    expected: &'static str,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.attack)
    }
}

fn case(attack: &'static str, set_up: fn(&Registry), expected: &'static str) -> Case {
    Case { attack, set_up, expected }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn descriptor(bytes: &[u8]) -> Value {
    json!({ "mediaType": "application/octet-stream", "digest": digest(bytes), "size": bytes.len() })
}

/// Makes a manifest that is right but for one value in it.
fn manifest(parent: &str, key: &str, value: Value) -> Vec<u8> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG),
        "layers": [descriptor(LAYER)],
    });
    manifest.pointer_mut(parent).unwrap()[key] = value;
    manifest.to_string().into_bytes()
}

fn put(registry: &Registry, parent: &str, key: &str, value: Value) {
    registry.put_manifest(NAME, "1", &manifest(parent, key, value));
}

fn index(children: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children }).to_string().into()
}

/// Puts a document where the tag leads, and where its digest does.
fn put_as(registry: &Registry, media_type: &str, bytes: &[u8]) {
    registry.put_document(NAME, "1", StoredManifest::new(media_type, bytes.to_vec()));
}

/// Puts manifests, and the index of them.
fn put_all(registry: &Registry, manifests: &[Vec<u8>]) {
    for manifest in manifests {
        put_as(registry, MANIFEST, manifest);
    }
    let children: Vec<_> = manifests.iter().map(|manifest| descriptor(manifest)).collect();
    put_as(registry, INDEX, &index(&children));
}

/// Puts a document under a digest that is not its own.
fn forge(registry: &Registry, tag: &str, media_type: &str, bytes: Vec<u8>) {
    let forged = StoredManifest { digest: ZEROS.into(), ..StoredManifest::new(media_type, bytes) };
    registry.put_document(NAME, tag, forged);
}

fn text(registry: &Registry, text: &str) {
    registry.put_manifest(NAME, "1", text.as_bytes());
}

/// Manifests that are not what they seem.
#[rustfmt::skip]
fn documents() -> Vec<Case> {
    vec![
        case("a long manifest", |registry| put(registry, "", "x", json!("x".repeat(4 << 20))),
            "cannot read [REGISTRY]/team/vm:1: the response is longer than 4194304 bytes"),
        case("no JSON", |registry| text(registry, "<html>"),
            "cannot read [REGISTRY]/team/vm:1: the server sent a web page, not a manifest"),
        case("deep JSON", |registry| text(registry, &"[".repeat(10_000)),
            "cannot read [REGISTRY]/team/vm:1: the manifest is not JSON: recursion limit exceeded at line 1 column 128"),
        case("a list", |registry| text(registry, "[]"),
            "cannot read [REGISTRY]/team/vm:1: the manifest is not a JSON object"),
        case("two lists of layers", |registry| text(registry, r#"{"layers":[],"layers":[]}"#),
            "the document [DIGEST] cannot be used: duplicate field `layers` at line 1 column 21"),
        case("another digest", |registry| forge(registry, "1", MANIFEST, manifest("", "x", json!(1))),
            "cannot read [REGISTRY]/team/vm:1: the registry sent a manifest whose digest is [DIGEST], not [ZEROS]"),
        case("both kinds", |registry| put(registry, "", "manifests", json!([])),
            "cannot read [REGISTRY]/team/vm:1: it is both a manifest and an index"),
        case("a manifest that says it is an index", |registry| put(registry, "", "mediaType", json!(INDEX)),
            "cannot read [REGISTRY]/team/vm:1: it is called `application/vnd.oci.image.index.v1+json`, but it is a manifest"),
        case("another kind", |registry| put(registry, "", "mediaType", json!("text/html")),
            "cannot read [REGISTRY]/team/vm:1: `text/html` is neither an image nor an index of images"),
        case("a kind for terminals", |registry| put(registry, "", "mediaType", json!("\u{1b}[31mred")),
            "cannot read [REGISTRY]/team/vm:1: `\\u{1b}[31mred` is neither an image nor an index of images"),
    ]
}

/// Indexes that lead astray.
#[rustfmt::skip]
fn indexes() -> Vec<Case> {
    vec![
        case("itself", |registry| {
            let itself = index(&[json!({ "digest": ZEROS, "size": 200 })]);
            forge(registry, "some", INDEX, itself.clone());
            put_as(registry, INDEX, &index(&[json!({ "digest": ZEROS, "size": itself.len() })]));
        },
            "cannot read [REGISTRY]/team/vm@[ZEROS]: the registry sent a manifest whose digest is [DIGEST], not [ZEROS]"),
        case("too deep", |registry| {
            let bytes = manifest("", "x", json!(1));
            put_as(registry, MANIFEST, &bytes);
            (0..6).fold(bytes, |inner, _| {
                let outer = index(&[descriptor(&inner)]);
                put_as(registry, INDEX, &outer);
                outer
            });
        },
            "the document [DIGEST] cannot be used: more than 3 indexes are nested"),
        case("many manifests", |registry| {
            let many: Vec<_> = (0..1001).map(|number| manifest("", "x", json!(number))).collect();
            put_all(registry, &many);
        },
            "the document [DIGEST] cannot be used: the image has more than 1000 manifests and indexes"),
        case("long manifests", |registry| {
            let long = |number| manifest("", "x", json!("x".repeat(3 << 20) + &format!("{number}")));
            let long: Vec<_> = (0..6).map(long).collect();
            put_all(registry, &long);
        },
            "the document [DIGEST] cannot be used: the image's documents are longer than 16 MiB together"),
        case("a manifest of another size", |registry| {
            let bytes = manifest("", "x", json!(1));
            put_as(registry, MANIFEST, &bytes);
            put_as(registry, INDEX, &index(&[json!({ "digest": digest(&bytes), "size": 7 })]));
        },
            "the document [DIGEST] cannot be used: it gives another size than one of its manifests has"),
        case("a manifest that is not there", |registry| put_as(registry, INDEX, &index(&[json!({ "digest": ZEROS, "size": 7 })])),
            "the image names [ZEROS], which is not there"),
        case("a digest that is a path", |registry| put_as(registry, INDEX, &index(&[json!({ "digest": "sha256:../../x", "size": 7 })])),
            "the document [DIGEST] cannot be used: `sha256:../../x` is not a sha256 digest"),
    ]
}

/// Descriptors of nothing that can be.
#[rustfmt::skip]
fn descriptors() -> Vec<Case> {
    vec![
        case("a config at a path", |registry| put(registry, "/config", "digest", json!("sha256:../../x")),
            "the document [DIGEST] cannot be used: `sha256:../../x` is not a sha256 digest"),
        case("a layer at a path", |registry| put(registry, "/layers/0", "digest", json!("../../../etc/passwd")),
            "the document [DIGEST] cannot be used: `../../../etc/passwd` is not a sha256 digest"),
        case("upper case", |registry| put(registry, "/layers/0", "digest", json!(ZEROS.to_uppercase())),
            "the document [DIGEST] cannot be used: `SHA256:0000000000000000000000000000000000000000000000000000000000000000` is not a sha256 digest"),
        case("a short digest", |registry| put(registry, "/layers/0", "digest", json!("sha256:00")),
            "the document [DIGEST] cannot be used: `sha256:00` is not a sha256 digest"),
        case("a digest of no kind", |registry| put(registry, "/layers/0", "digest", json!("")),
            "the document [DIGEST] cannot be used: `` is not a sha256 digest"),
        case("a digest for terminals", |registry| put(registry, "/layers/0", "digest", json!("\u{1b}]0;x\u{7}\u{1b}[2J")),
            "the document [DIGEST] cannot be used: `\\u{1b}]0;x\\u{7}\\u{1b}[2J` is not a sha256 digest"),
        case("another algorithm", |registry| put(registry, "/layers/0", "digest", json!(ZEROS.replace("sha256", "sha512"))),
            "the document [DIGEST] cannot be used: `sha512:0000000000000000000000000000000000000000000000000000000000000000` is not a sha256 digest"),
        case("less than nothing", |registry| put(registry, "/layers/0", "size", json!(-1)),
            "the document [DIGEST] cannot be used: invalid value: integer `-1`, expected u64 at line 1 column 285"),
        case("half a byte", |registry| put(registry, "/layers/0", "size", json!(0.5)),
            "the document [DIGEST] cannot be used: invalid type: floating point `0.5`, expected u64 at line 1 column 286"),
        case("two sizes", |registry| put(registry, "", "layers", json!([descriptor(LAYER), { "digest": digest(LAYER), "size": 8 }])),
            "the document [DIGEST] cannot be used: a blob has two sizes"),
    ]
}

/// Blobs that are something else or elsewhere.
#[rustfmt::skip]
fn blobs() -> Vec<Case> {
    vec![
        case("a blob that is not there", |registry| put(registry, "/layers/0", "digest", json!(ZEROS)),
            "cannot read a blob of [REGISTRY]/team/vm: the registry does not have the blob [ZEROS]"),
        case("a blob that is longer", |registry| put(registry, "/layers/0", "size", json!(6)),
            "cannot read a blob of [REGISTRY]/team/vm: the blob [DIGEST] is not 6 bytes long"),
        case("a blob that is shorter", |registry| put(registry, "/layers/0", "size", json!(u64::MAX)),
            "cannot read a blob of [REGISTRY]/team/vm: the blob [DIGEST] is not 18446744073709551615 bytes long"),
        case("other bytes", |registry| {
            registry.put_blob(NAME, ZEROS, b"b layer");
            put(registry, "/layers/0", "digest", json!(ZEROS));
        },
            "[ZEROS] is damaged: its bytes have another digest"),
        case("a blob elsewhere", |registry| {
            put(registry, "", "x", json!(1));
            registry.inject(RequestKind::GetBlob, Fault::Redirect(METADATA.into()), FaultTimes::Always);
        },
            "cannot read a blob of [REGISTRY]/team/vm: refusing the redirect to `http://169.254.169.254/latest/`: a private or local address\n |\n = help: if that address is meant, use `--allow-private-redirects`; for good, `allow-private-redirects = true` for the registry in registries.conf"),
        case("a manifest elsewhere", |registry| registry.inject(RequestKind::Tag, Fault::Redirect(METADATA.into()), FaultTimes::Always),
            "cannot read [REGISTRY]/team/vm:1: refusing the redirect to `http://169.254.169.254/latest/`: a private or local address\n |\n = help: if that address is meant, use `--allow-private-redirects`; for good, `allow-private-redirects = true` for the registry in registries.conf"),
        case("a greeting elsewhere", |registry| registry.inject(RequestKind::Ping, Fault::Redirect(METADATA.into()), FaultTimes::Always),
            "cannot read [REGISTRY]/team/vm:1: refusing the redirect to `http://169.254.169.254/latest/`: a private or local address\n |\n = help: if that address is meant, use `--allow-private-redirects`; for good, `allow-private-redirects = true` for the registry in registries.conf"),
    ]
}

#[test]
fn pulls() {
    let cases = [documents(), indexes(), descriptors(), blobs()].concat();
    assert_eq!(cases.len(), 34);
    check_all(&cases, |case| {
        let registry = start();
        (case.set_up)(&registry);
        let scene = Scene::new();
        let there = registry.reference("team/vm:1");
        let args = ["pull", &there, "-o", "oci:back", "--progress", "none"];
        check(&scene, &args, &registry.address(), case.expected);
        assert!(!scene.path("back/index.json").exists(), "{:?}", scene.file_digests("back"));
    });
}

/// A document is what it says itself, whatever a server calls it: static servers know no types.
#[test]
fn documents_are_what_their_bytes_say() {
    let image = manifest("", "x", json!(1));
    let all = index(&[descriptor(&image)]);
    for called in ["text/plain", "application/octet-stream", MANIFEST, INDEX] {
        for (document, kind) in [(&image, MANIFEST), (&all, INDEX)] {
            let registry = start();
            put_as(&registry, MANIFEST, &image);
            put_as(&registry, called, document);
            let scene = Scene::new();
            let outcome = scene.run(["pull", "-q", &registry.reference("team/vm:1"), "-o", "back"]);
            assert_eq!(outcome.status, 0, "{called} {kind}: {}", outcome.stderr);
            let written = std::fs::read_to_string(scene.path("back/index.json")).unwrap();
            let written: Value = serde_json::from_str(&written).unwrap();
            assert_eq!(written["manifests"][0]["mediaType"], kind, "{called}");
        }
    }
}

/// Starts a registry that has the blobs.
fn start() -> Registry {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    registry.put_blob(NAME, &digest(CONFIG), CONFIG);
    registry.put_blob(NAME, &digest(LAYER), LAYER);
    registry
}

/// Runs the program, which must refuse, soon, and say this.
fn check(scene: &Scene, args: &[&str], address: &str, expected: &str) {
    let started = Instant::now();
    let outcome = scene.run(args);
    let said = outcome.stderr.replace(address, "[REGISTRY]").replace(ZEROS, "[ZEROS]");
    let expected = format!("error: {expected}\n");
    assert_eq!((outcome.status, without_digests(&said)), (1, expected));
    assert!(started.elapsed() < QUICK, "{:?}: {said}", started.elapsed());
    assert!(outcome.stdout.is_empty());
}

/// Replaces digests; they follow from what the table says.
fn without_digests(text: &str) -> String {
    let (first, rest) = text.split_once("sha256:").unwrap_or((text, ""));
    if rest.is_empty() {
        return first.to_owned();
    }
    let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    let shown = if hex == 64 { "[DIGEST]".to_owned() } else { format!("sha256:{}", &rest[..hex]) };
    format!("{first}{shown}{}", without_digests(&rest[hex..]))
}

/// What would be asked for thousands of times is asked for once.
#[test]
fn one_manifest_many_times() {
    let registry = start();
    let bytes = manifest("", "x", json!(1));
    registry.put_manifest(NAME, "some", &bytes);
    put_as(&registry, INDEX, &index(&vec![descriptor(&bytes); 10_000]));
    let there = registry.reference("team/vm:1");
    let outcome = Scene::new().run(["pull", "-q", &there, "-o", "oci:back"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let name = format!("/manifests/{}", digest(&bytes));
    let asked = registry.take_requests();
    assert_eq!(asked.iter().filter(|asked| asked.path.contains(&name)).count(), 1);
}

#[test]
fn pushes() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let check = |kind: RequestKind, fault: Fault, expected: &str| {
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        registry.inject(kind, fault, FaultTimes::Always);
        let there = registry.reference("team/vm:1");
        let args = ["push", "-l", "out", "1", &there, "--progress", "none"];
        check(&scene, &args, &registry.address(), expected);
        assert!(registry.manifest(NAME, "1").is_none());
    };
    let why = "refusing the redirect to `http://169.254.169.254/latest/`: a private or local address\n |\n = help: if that address is meant, use `--allow-private-redirects`; for good, `allow-private-redirects = true` for the registry in registries.conf";
    let said = |act: &str| format!("cannot {act} [REGISTRY]/team/vm: {why}");
    check(RequestKind::Post, Fault::Location(METADATA.into()), &said("upload a blob to"));
    check(
        RequestKind::Body,
        Fault::Redirect(METADATA.into()),
        "cannot upload a blob to [REGISTRY]/team/vm: the server answered 307: it redirects to `http://169.254.169.254/latest/`",
    );
    // What only asks is not followed there either, and does not decide.
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    registry.inject(RequestKind::HeadBlob, Fault::Redirect(METADATA.into()), FaultTimes::Always);
    let there = registry.reference("team/vm:1");
    let outcome = scene.run(["push", "-l", "out", "1", &there, "--progress", "none", "--debug"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("/latest/"), "{}", outcome.stderr);
    assert_eq!(registry.verify_image(NAME, "1"), Ok(()));
}
