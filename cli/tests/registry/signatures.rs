//! **Signatures** of images in registries and layouts: made and checked, by cosign and skopeo too.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

/// A key of cosign 2.5, whose password is `secret`.
const COSIGN_KEY: &str = include_str!("../../../builder/src/signature/key/testing/cosign.key");
const COSIGN_PUB: &str = include_str!("../../../builder/src/signature/key/testing/cosign.pub");

/// Makes a scene with an image of two platforms in a layout, and with keys.
fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    scene.write("cosign.key", COSIGN_KEY);
    scene.write("cosign.pub", COSIGN_PUB);
    scene.write("password", "secret\n");
    scene.make_signing_key("EC -pkeyopt ec_paramgen_curve:P-256", "other");
    scene
}

/// Signs with the key of cosign.
fn sign(scene: &Scene, image: &str, args: &[&str]) -> String {
    let own = ["sign", image, "--key", "cosign.key", "--key-password-file", "password"];
    scene.run(own.iter().chain(args)).transcript()
}

fn verify(scene: &Scene, image: &str, args: &[&str]) -> String {
    let own = ["verify", image, "--progress", "none", "--output-format", "json"];
    scene.run(own.iter().chain(args)).transcript()
}

/// Returns the names of accepted signatures, or the message.
fn identities(scene: &Scene, image: &str, args: &[&str]) -> String {
    let found = verify(scene, image, args);
    let Some(start) = found.find('{').filter(|_| found.contains("\"findings\"")) else {
        return found;
    };
    let end = found.rfind('}').unwrap();
    let report: Value = serde_json::from_str(&found[start..=end]).unwrap();
    let all = report["signatures"].as_array().cloned().unwrap_or_default();
    let names = all.iter().map(|it| it["identity"].as_str().unwrap().to_owned());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn an_image_in_a_registry_is_signed_and_checked() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    let show = |text: String| text.replace(&registry.address(), "REGISTRY");
    let check = |args: &[&str]| show(identities(&scene, &name, args));
    assert_data_eq!(
        check(&["--key", "cosign.pub"]),
        str![[r#"
status: 1
stdout:
stderr:
error: `REGISTRY/me/vm:1` is not signed: there is no signature of the index, sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
 |
 = help: `diskette sign` signs an index and the image of each platform, `cosign sign` does with `--recursive`

"#]]
    );
    assert_data_eq!(
        show(sign(&scene, &name, &[])),
        str![[r#"
status: 0
stdout:
sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
stderr:
signed: index sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
signed: linux/amd64 sha256:b11636e3d31e4e727f2b6c64ce4d5992c950019959950b503db177d9b5984f06
signed: linux/arm64 sha256:3cf91d82c571579c604d447d6a15604ab215f1af2e4678d21559ebd16f18f04a

"#]]
    );
    assert_data_eq!(
        show(sign(&scene, &name, &[])),
        str![[r#"
status: 0
stdout:
sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
stderr:
already signed: index sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
already signed: linux/amd64 sha256:b11636e3d31e4e727f2b6c64ce4d5992c950019959950b503db177d9b5984f06
already signed: linux/arm64 sha256:3cf91d82c571579c604d447d6a15604ab215f1af2e4678d21559ebd16f18f04a

"#]]
    );
    assert_eq!(check(&["--key", "cosign.pub"]), ["REGISTRY/me/vm:1"; 3].join(" "));
    assert_eq!(
        check(&["--key", "other.pub", "--key", "cosign.pub"]),
        ["REGISTRY/me/vm:1"; 3].join(" ")
    );
    assert_eq!(check(&["--key", "cosign.pub", "--platform", "linux/arm64"]), "REGISTRY/me/vm:1");
    assert_eq!(check(&[]), "");
    assert_data_eq!(
        check(&["--key", "other.pub"]),
        str![[r#"
status: 1
stdout:
stderr:
error: no signature of `REGISTRY/me/vm:1` is accepted: of the index, sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36, one is by another key, or its payload was changed

"#]]
    );
    let other = registry.reference("you/vm");
    assert_data_eq!(
        check(&["--key", "cosign.pub", "--identity", &other]),
        str![[r#"
status: 1
stdout:
stderr:
error: no signature of `REGISTRY/me/vm:1` is accepted: of the index, sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36, one is for the name `REGISTRY/me/vm:1`, not `REGISTRY/you/vm`

"#]]
    );
    // The other key is added to the signatures that exist.
    scene.run(["sign", "-q", &name, "--key", "other.key", "--identity", &other]).digest();
    for (key, identity) in [("cosign.pub", &name), ("other.pub", &other)] {
        let args = ["--key", key, "--identity", identity];
        assert_eq!(identities(&scene, &name, &args), [identity.as_str(); 3].join(" "));
    }
}

#[test]
fn an_image_in_a_layout_is_signed_and_checked() {
    let scene = scene();
    assert_data_eq!(
        sign(&scene, "oci:out:1", &[]),
        str![[r#"
status: 0
stdout:
sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
stderr:
signed: index sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
signed: linux/amd64 sha256:b11636e3d31e4e727f2b6c64ce4d5992c950019959950b503db177d9b5984f06
signed: linux/arm64 sha256:3cf91d82c571579c604d447d6a15604ab215f1af2e4678d21559ebd16f18f04a

"#]]
    );
    sign(&scene, "oci:out:1", &["--identity", "q.io/me/vm"]);
    let index = fs::read(scene.path("out/index.json")).unwrap();
    assert_data_eq!(
        sign(&scene, "oci:out:1", &["--identity", "q.io/me/vm"]),
        str![[r#"
status: 0
stdout:
sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
stderr:
already signed: index sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36
already signed: linux/amd64 sha256:b11636e3d31e4e727f2b6c64ce4d5992c950019959950b503db177d9b5984f06
already signed: linux/arm64 sha256:3cf91d82c571579c604d447d6a15604ab215f1af2e4678d21559ebd16f18f04a

"#]]
    );
    assert_eq!(fs::read(scene.path("out/index.json")).unwrap(), index);
    let check = |identity: &str| {
        let args = ["--key", "cosign.pub", "--identity", identity];
        identities(&scene, "oci:out:1", &args)
    };
    let key = ["--key", "cosign.pub"];
    assert_eq!(identities(&scene, "oci:out:1", &key), ["quay.io/me/vm:1"; 3].join(" "));
    assert_eq!(check("q.io/me/vm"), ["q.io/me/vm"; 3].join(" "));
    scene.run(["copy", "-q", "oci:out:1", "oci:plain:1"]);
    scene.run(["copy", "-q", "oci:out:1", "oci-archive:a.tar"]);
    let errors = [
        check("q.io/me/vm:1"),
        sign(&scene, "oci:plain:1", &[]),
        sign(&scene, "oci-archive:a.tar", &[]),
        sign(&scene, "oci:out:2", &[]),
    ];
    assert_data_eq!(
        errors.concat(),
        str![[r#"
status: 1
stdout:
stderr:
error: no signature of `oci:out:1` is accepted: of the index, sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36, one is for the name `q.io/me/vm`, not `q.io/me/vm:1`; one is for the name `quay.io/me/vm:1`, not `q.io/me/vm:1`
status: 2
stdout:
stderr:
error: the name that `oci:plain:1` is signed for is missing
 |
 = help: name it with `--identity`, e.g. `--identity quay.io/me/fedora:42`
status: 2
stdout:
stderr:
error: an image in an archive cannot be signed
 |
 = help: copy it to a layout first: `diskette copy oci-archive:FILE oci:DIR`
status: 1
stdout:
stderr:
error: there is no image `oci:out:2`

"#]]
    );
}

/// A layout has one list of signatures for an image, whatever the repositories of its names.
#[test]
fn signatures_in_a_layout_are_found_under_each_name() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    sign(&scene, &name, &[]);
    let by_other = |image: &str| {
        let identity = ["--identity", &name];
        scene.run(["sign", "-q", image, "--key", "other.key"].iter().chain(&identity)).digest()
    };
    let check = |image: &str| {
        for key in ["cosign.pub", "other.pub"] {
            let args = ["--key", key, "--identity", &name];
            assert_eq!(identities(&scene, image, &args), [&name[..]; 3].join(" "), "{image} {key}");
        }
    };
    // The names are full, short, and full after another signature has a short one.
    scene.run(["pull", "-q", &name, "-o", "oci:full"]).digest();
    by_other(&format!("oci:full:{name}"));
    scene.run(["pull", "-q", &name, "-o", "oci:short:1"]).digest();
    by_other("oci:short:1");
    scene.run(["copy", "-q", "--referrers", "none", "oci:out:1", "oci:mixed:1"]).digest();
    by_other("oci:mixed:1");
    scene.run(["copy", "-q", &name, &format!("oci:mixed:{name}")]).digest();
    for (layout, image) in [("full", &name[..]), ("short", "1"), ("mixed", &name)] {
        check(&format!("oci:{layout}:{image}"));
        let target = registry.reference(&format!("{layout}/vm:1"));
        scene.run(["push", "-q", "-l", layout, image, &target]).digest();
        check(&target);
    }
}

/// OpenSSL accepts the signatures of all kinds of keys.
#[test]
fn openssl_accepts_signatures_of_diskette() {
    let scene = scene();
    let kinds = [
        ("p256", "EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "EC -pkeyopt ec_paramgen_curve:P-384"),
        ("p521", "EC -pkeyopt ec_paramgen_curve:P-521"),
        ("rsa", "RSA -pkeyopt rsa_keygen_bits:2048"),
        ("ed25519", "ED25519"),
    ];
    for (name, kind) in kinds {
        scene.make_signing_key(kind, name);
        let (key, public) = (format!("{name}.key"), format!("{name}.pub"));
        let identity = format!("q.io/me/{name}");
        scene.run(["sign", "-q", "oci:out:1", "--key", &key, "--identity", &identity]).digest();
        let layout = Layout::open(&scene.path("out"));
        let index = layout.find_tag("1").digest().to_string();
        let manifest = layout.find_tag(&format!("{}.sig", index.replace(':', "-")));
        let manifest: Value = serde_json::from_slice(&layout.blob(&manifest)).unwrap();
        let newest = manifest["layers"].as_array().unwrap().last().unwrap();
        let payload = newest["digest"].as_str().unwrap().replace("sha256:", "out/blobs/sha256/");
        let payload = scene.read(&payload);
        assert!(String::from_utf8(payload.clone()).unwrap().contains(&identity), "{name}");
        scene.write("payload", payload);
        let signature = newest["annotations"]["dev.cosignproject.cosign/signature"].as_str();
        scene.write("signature.b64", signature.unwrap());
        let check = match name {
            "ed25519" => format!(
                "pkeyutl -verify -pubin -inkey {public} -rawin -in payload -sigfile signature"
            ),
            _ => format!("dgst -sha256 -verify {public} -signature signature payload"),
        };
        let script =
            format!("openssl base64 -d -A -in signature.b64 -out signature && openssl {check}");
        let mut openssl = std::process::Command::new("sh");
        let checked = openssl.current_dir(scene.path("")).args(["-c", &script]).output().unwrap();
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stderr));
        let args = ["--key", &public, "--identity", &identity];
        assert_eq!(identities(&scene, "oci:out:1", &args), [identity.as_str(); 3].join(" "));
    }
}

/// A node of a cluster checks only the image of its platform.
#[test]
fn a_signature_of_the_index_alone_does_not_count_for_its_images() {
    let scene = scene();
    sign(&scene, "oci:out:1", &[]);
    let text = String::from_utf8(scene.read("out/index.json")).unwrap();
    let mut index: Value = serde_json::from_str(&text).unwrap();
    let root = index["manifests"].as_array().unwrap().iter().find_map(|it| {
        let is_image = it["annotations"]["org.opencontainers.image.ref.name"] == "1";
        is_image.then(|| it["digest"].as_str().unwrap().replace(':', "-"))
    });
    let root = root.unwrap();
    index["manifests"].as_array_mut().unwrap().retain(|it| {
        let name = it["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap();
        !name.contains("sha256-") || name.contains(&root)
    });
    scene.write("out/index.json", index.to_string());
    assert_data_eq!(
        identities(&scene, "oci:out:1", &["--key", "cosign.pub"]),
        str![[r#"
status: 1
stdout:
stderr:
error: `oci:out:1` is not signed: there is no signature of the image for linux/amd64, sha256:b11636e3d31e4e727f2b6c64ce4d5992c950019959950b503db177d9b5984f06
 |
 = help: `diskette sign` signs an index and the image of each platform, `cosign sign` does with `--recursive`

"#]]
    );
}

#[test]
fn keys_that_cannot_be_used_are_explained() {
    let scene = scene();
    let check = |args: &[&str]| {
        let name = ["--identity", "q.io/me/vm"];
        let args: Vec<&str> =
            ["sign", "oci:out:1"].iter().chain(&name).chain(args).copied().collect();
        scene.run(args).transcript()
    };
    assert_data_eq!(
        [
            check(&["--key", "none.key"]),
            check(&["--key", "env://NONE"]),
            check(&["--key", "cosign.key"]),
            check(&["--key", "cosign.key", "--key-password-file", "cosign.pub"]),
            check(&["--key", "cosign.pub"]),
            check(&["--key", "x.raw"]),
            verify(&scene, "oci:out:1", &["--key", "cosign.key"]),
            verify(&scene, "oci:out:1", &["--key", "password"]),
        ]
        .concat(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read the key `none.key`: No such file or directory (os error 2)
status: 1
stdout:
stderr:
error: there is no key in `env://NONE`: the variable is not set, or empty
status: 1
stdout:
stderr:
error: cannot use the key `cosign.key`: it is encrypted, and no password was given
 |
 = help: set COSIGN_PASSWORD, or name a file that has the password with `--key-password-file`
status: 1
stdout:
stderr:
error: cannot use the key `cosign.key`: it cannot be decrypted: the password is wrong, or the key is damaged
 |
 = help: set COSIGN_PASSWORD, or name a file that has the password with `--key-password-file`
status: 1
stdout:
stderr:
error: cannot use the key `cosign.pub`: it is a public key, and a private key signs
 |
 = help: name the file of the private key: cosign calls it cosign.key
status: 1
stdout:
stderr:
error: cannot read the key `x.raw`: it is longer than 1 MiB
status: 1
stdout:
stderr:
error: cannot use the key `cosign.key`: it is a private key, and a public key checks
 |
 = help: name the file of the public key, cosign.pub for example; `openssl pkey -in FILE -pubout` writes it
status: 1
stdout:
stderr:
error: cannot use the key `password`: it is not a public key in PEM form
 |
 = help: `cosign public-key --key FILE` and `openssl pkey -in FILE -pubout` write the public key of a private one

"#]]
    );
    let key = |name: &str, value: &str| {
        let mut command = scene.program(["sign", "oci:out:1", "--identity", "q.io/me/vm", "--key"]);
        command.arg(format!("env://{name}")).env(name, value).env("COSIGN_PASSWORD", "secret");
        scene.run_command(command).digest()
    };
    key("COSIGN_PRIVATE_KEY", COSIGN_KEY);
}

#[test]
fn a_policy_decides_what_is_required() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    sign(&scene, &name, &[]);
    let key = scene.path("cosign.pub");
    let check = |image: &str, policy: Value| {
        scene.write("policy.json", policy.to_string());
        let found = identities(&scene, image, &["--policy", "policy.json"]);
        found.replace(&registry.address(), "REGISTRY")
    };
    let signed = json!({ "type": "sigstoreSigned", "keyPath": key });
    let reject = json!([{ "type": "reject" }]);
    let scopes = json!({ registry.address(): [signed] });
    let policy = json!({ "default": reject, "transports": { "docker": scopes } });
    assert_eq!(check(&name, policy.clone()), ["REGISTRY/me/vm:1"; 3].join(" "));
    let anything = json!({ "default": [{ "type": "insecureAcceptAnything" }] });
    assert_eq!(check("oci:out:1", anything), "");
    scene.run(["tag", &name, "2"]);
    let errors = [
        check("oci:out:1", policy.clone()),
        check(&registry.reference("me/vm:2"), policy),
        check(&name, json!({ "default": [] })),
        check(&name, json!({ "default": [{ "type": "sigstoreSigned", "keyPath": "none.pub" }] })),
        identities(&scene, &name, &["--policy", "none.json"]),
        identities(&scene, &name, &["--policy", "policy.json", "--key", "cosign.pub"]),
    ];
    assert_data_eq!(
        errors.concat(),
        str![[r#"
status: 1
stdout:
stderr:
error: `oci:out:1` is refused: the policy rejects it
status: 1
stdout:
stderr:
error: no signature of `REGISTRY/me/vm:2` is accepted: of the index, sha256:027ea8ea6b7dfae97fd806417bce3cd37f763199fa40106c5fe30f8bbcdbbc36, one is for the name `REGISTRY/me/vm:1`, not `REGISTRY/me/vm:2`
status: 1
stdout:
stderr:
error: cannot use the policy `policy.json`: a list of requirements is empty: write `reject` or `insecureAcceptAnything` at line 1 column 14
status: 1
stdout:
stderr:
error: cannot use the policy `policy.json`: cannot read the key `none.pub`: No such file or directory (os error 2)
status: 1
stdout:
stderr:
error: cannot read the policy `none.json`: No such file or directory (os error 2)
status: 2
stdout:
stderr:
error: the argument '--policy <FILE>' cannot be used with '--key <FILE>'

Usage: diskette verify --progress <HOW> --output-format <HOW> --policy <FILE> <IMAGE>

For more information, try '--help'.

"#]]
    );
}

/// Tests of both directions, in a registry that cosign reaches.
#[test]
fn cosign_and_diskette_accept_the_same_signatures() {
    let scene = scene();
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let kinds = [
        ("cosign", ""),
        ("other", ""),
        ("rsa", "RSA -pkeyopt rsa_keygen_bits:2048"),
        ("ed", "ED25519"),
    ];
    for (name, kind) in kinds {
        if !kind.is_empty() {
            scene.make_signing_key(kind, name);
        }
        for file in ["key", "pub"].map(|end| format!("{name}.{end}")) {
            fs::copy(scene.path(&file), trixie.path(&file)).unwrap();
        }
        let (ours, theirs) =
            ["ours", "theirs"].map(|it| registry.reference(&format!("me/{name}-{it}:1"))).into();
        for image in [&ours, &theirs] {
            scene.run(["push", "-q", "-l", "out", "1", image]).digest();
        }
        let mut command = scene.program(["sign", "-q", &ours, "--key", &format!("{name}.key")]);
        command.env("COSIGN_PASSWORD", "secret");
        scene.run_command(command).digest();
        let public = format!("{name}.pub");
        let check = ["cosign", "verify", "--key", &public, "--insecure-ignore-tlog", &ours];
        trixie.run(&check);
        if name != "cosign" {
            // cosign signs with keys that it made: Debian's 2.5.0 imports none of OpenSSL.
            continue;
        }
        cosign_signs(&trixie, name, &theirs);
        let repository = theirs.strip_suffix(":1").unwrap();
        let found = identities(&scene, &theirs, &["--key", &public]);
        assert_eq!(found, [repository; 3].join(" "), "{name}");
        // A signature of diskette is added to that of cosign, and the other way around.
        let mut command = scene.program(["sign", "-q", &theirs, "--key", "other.key"]);
        command.env("COSIGN_PASSWORD", "secret");
        scene.run_command(command).digest();
        assert_eq!(identities(&scene, &theirs, &["--key", &public]), found, "{name}");
        let both = ["cosign", "verify", "--key", &public, "--insecure-ignore-tlog", &theirs];
        trixie.run(&both);
    }
}

/// Signs an index and its images with cosign.
fn cosign_signs(trixie: &Trixie, key: &str, image: &str) {
    let file = format!("{key}.key");
    let mut command = trixie.command("cosign");
    command.env("COSIGN_PASSWORD", "secret");
    command.args(["sign", "--recursive", "--tlog-upload=false", "--key", &file]);
    let output = command.args(["--yes", image]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// skopeo checks the index and each image by a policy, as podman and CRI-O check the image of a platform.
#[test]
fn skopeo_accepts_signatures_of_diskette() {
    let scene = scene();
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    fs::copy(scene.path("cosign.pub"), trixie.path("cosign.pub")).unwrap();
    fs::create_dir_all(trixie.path("registries.d")).unwrap();
    fs::write(
        trixie.path("registries.d/all.yaml"),
        format!("docker:\n  {}:\n    use-sigstore-attachments: true\n", registry.address()),
    )
    .unwrap();
    let key = format!("{}/cosign.pub", trixie.home());
    let copy = |identity: &str, args: &[&str]| {
        let requirement = json!({
            "type": "sigstoreSigned", "keyPath": key, "signedIdentity": { "type": identity },
        });
        let policy = json!({ "default": [requirement] });
        fs::write(trixie.path("policy.json"), policy.to_string()).unwrap();
        let mut command = trixie.command("skopeo");
        command.args(["--policy", "policy.json", "--registries.d", "registries.d", "copy", "-q"]);
        command.args(["--src-tls-verify=false"]).args(args);
        command.args([&format!("docker://{name}"), &format!("dir:{}/copy", trixie.home())]);
        let output = command.output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), log)
    };
    let (is_copied, log) = copy("matchRepository", &["--all"]);
    assert!(!is_copied && log.contains("signature"), "{log}");
    sign(&scene, &name, &[]);
    for identity in ["matchExact", "matchRepoDigestOrExact", "matchRepository"] {
        for args in [&["--all"][..], &[]] {
            let (is_copied, log) = copy(identity, args);
            assert!(is_copied, "{identity} {args:?}: {log}");
        }
    }
}

/// Signatures that are not the image's own do not count.
#[test]
fn a_signature_counts_for_one_digest() {
    let scene = scene();
    sign(&scene, "oci:out:1", &[]);
    scene.write("x.raw", diskette_integration::disk::mixed_bytes(9, 90_000));
    scene.build_to("oci:out:2", &["x.raw"]);
    let layout = Layout::open(&scene.path("out"));
    let digest = |name: &str| layout.find_tag(name).digest().to_string();
    let (signed, other) = (digest("1"), digest("2"));
    let mut index: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    let renamed = index.to_string().replace(
        &format!("{}.sig", signed.replace(':', "-")),
        &format!("{}.sig", other.replace(':', "-")),
    );
    index = serde_json::from_str(&renamed).unwrap();
    scene.write("out/index.json", index.to_string());
    let found = identities(&scene, "oci:out:2", &["--key", "cosign.pub"]);
    let found = found.replace(&signed, "SIGNED").replace(&other, "OTHER");
    assert_data_eq!(
        found,
        str![[r#"
status: 1
stdout:
stderr:
error: no signature of `oci:out:2` is accepted: of the index, OTHER, one is for another image, SIGNED

"#]]
    );
}
