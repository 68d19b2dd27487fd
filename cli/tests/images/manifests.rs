//! The objects that `diskette manifests` writes: what schemas, registries, skopeo and openssl make
//! of them.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::os::unix::fs::PermissionsExt as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use diskette_integration::certificates::{Authority, Validity};
use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::kubernetes::{self, ObjectTypes};
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::Value;
use snapbox::{IntoData, assert_data_eq, str};

/// A scene with an image of two platforms in the layout `out`, and what else the options below
/// name.
fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    let spec = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    let told = "kubevirt: { instancetype: u1.medium, preference: fedora }\n";
    scene.write("diskette.yaml", spec + told);
    scene.build(&[]);
    scene.write("id.pub", "# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me: here #1\n");
    scene.write("cloud", "#cloud-config\npassword: on\n");
    scene.write("long", "#cloud-config\n".repeat(200));
    scene
}

/// Runs the command, which must succeed, and returns the objects.
fn objects(scene: &Scene, args: &[&str]) -> Vec<Value> {
    let outcome = scene.run(["manifests"].iter().chain(args));
    assert_eq!((outcome.status, &outcome.stderr[..]), (0, ""), "{args:?}");
    kubernetes::parse_objects(&String::from_utf8(outcome.stdout).unwrap())
}

const OUT: [&str; 3] = ["oci:out:1", "--image", "quay.io/me/vm:1"];

#[test]
fn schemas_accept_them() {
    let scene = scene();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let authority = authority.own.certificate.to_str().unwrap().to_owned();
    let types = ObjectTypes::load();
    let check = |kinds: &str, args: &[&str], expected: &[&str]| {
        let found = objects(&scene, &[&[kinds], &OUT[..], args].concat());
        let named: Vec<&str> = found.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(named, expected, "{kinds} {args:?}");
        for object in &found {
            kubernetes::check_object(object);
            if let Some(types) = &types {
                types.check(object);
            }
        }
    };
    check("vm", &[], &["VirtualMachine"]);
    let arm64 = ["--platform", "arm64", "--preference", "fedora.arm64", "--ssh-key", "id.pub"];
    check("vm", &arm64, &["VirtualMachine"]);
    check("vm", &["--memory", "4Gi", "--cpus", "2", "--user-data", "cloud"], &["VirtualMachine"]);
    check("vm", &["--disk", "import", "--pull-method", "node"], &["VirtualMachine"]);
    check("vm", &["--instancetype", "o1.nano", "--preference", "rhel.9"], &["VirtualMachine"]);
    for name in ["oraclelinux", "rhel.9.dpdk", "rhel.9.realtime", "windows.11", "windows.2k22"] {
        check("vm", &["--memory", "4Gi", "--preference", name], &["VirtualMachine"]);
        check("vm", &["--cpus", "8", "--preference", name], &["VirtualMachine"]);
    }
    check("vm", &["--user-data", "long"], &["Secret", "VirtualMachine"]);
    check("vm,secret", &["--user-data", "long"], &["Secret", "Secret", "VirtualMachine"]);
    check("secret", &["--user-data", "long"], &["Secret", "Secret"]);
    check("datavolume", &["-n", "vms", "--storage", "1.5Gi"], &["DataVolume"]);
    check(
        "dataimportcron",
        &["--schedule", "@every 1h30m", "--keep", "2147483647"],
        &["DataImportCron"],
    );
    check("datasource,datavolume", &["-n", "vms"], &["DataVolume", "DataSource"]);
    check("secret", &["--name", "x"], &["Secret", "Secret"]);
    check("secret", &["--pull-secret", "x.y"], &["Secret"]);
    check("secret,vm", &[], &["Secret", "VirtualMachine"]);
    check("configmap", &["--ca-file", &authority], &["ConfigMap"]);
    let all = ["--ca-file", &authority, "--disk", "clone", "--namespace", "vms", "--by-tag"];
    let more =
        ["--storage-class", "fast", "--access-mode", "rwx", "--delete-imports", "--keep", "1"];
    check(
        "configmap,secret,dataimportcron,vm",
        &[&all[..], &more].concat(),
        &["Secret", "ConfigMap", "DataImportCron", "VirtualMachine"],
    );
    check(
        "datavolume,vm,secret,configmap",
        &["--ca-file", &authority, "--disk", "import", "--access-mode", "rwop"],
        &["Secret", "ConfigMap", "DataVolume", "VirtualMachine"],
    );
}

#[test]
fn what_is_written_together_fits_together() {
    let scene = scene();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let authority = authority.own.certificate.to_str().unwrap().to_owned();
    let all = objects(
        &scene,
        &[&["vm,datavolume,secret,configmap"], &OUT[..], &["--ca-file", &authority]].concat(),
    );
    let [pull, import, authorities, volume, machine] = &all[..] else { panic!("{all:?}") };
    let registry = &volume["spec"]["source"]["registry"];
    let disk = &machine["spec"]["template"]["spec"]["volumes"][0]["containerDisk"];
    assert_eq!(registry["secretRef"], import["metadata"]["name"]);
    assert_eq!(registry["certConfigMap"], authorities["metadata"]["name"]);
    assert_eq!(disk["imagePullSecret"], pull["metadata"]["name"]);
    let long = objects(&scene, &[&["vm"], &OUT[..], &["--user-data", "long"]].concat());
    let [secret, machine] = &long[..] else { panic!("{long:?}") };
    let cloud = &machine["spec"]["template"]["spec"]["volumes"][1]["cloudInitNoCloud"];
    assert_eq!(cloud["secretRef"]["name"], secret["metadata"]["name"]);
    let text = BASE64_STANDARD.decode(secret["data"]["userdata"].as_str().unwrap()).unwrap();
    assert_eq!(text, scene.read("long"));
    assert_eq!(registry["url"], format!("docker://{}", disk["image"].as_str().unwrap()));
}

/// Collects what objects say at some keys, in whatever depth.
fn strings<'v>(value: &'v Value, keys: &[&str], found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value {
            Value::String(text) if keys.contains(&key.as_str()) => found.push(text),
            value => strings(value, keys, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| strings(item, keys, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let Some(skopeo) = peer::find("skopeo") else { return };
    let name = registry.reference("me/vm:1");
    let index = scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    let check = |args: &[&str], expected: &dyn Fn(&str, &str)| {
        let kinds = "vm,datavolume,dataimportcron";
        for kinds in [kinds, "helm-values"] {
            let all = objects(&scene, &[&[kinds, &name], args].concat());
            let mut found = Vec::new();
            for one in &all {
                strings(one, &["image", "url", "reference"], &mut found);
            }
            assert!(found.len() >= 2, "{found:?}");
            for reference in found {
                let bare = reference.strip_prefix("docker://").unwrap_or(reference);
                let remote = format!("docker://{bare}");
                let raw = skopeo.run_for_bytes(["inspect", "--raw", "--tls-verify=false", &remote]);
                expected(bare, &format!("sha256:{}", sha256(&raw)));
            }
        }
    };
    let tagged = |reference: &str| reference.ends_with("/me/vm:1");
    check(&[], &|reference, digest| {
        assert!(tagged(reference) || reference.ends_with(&format!("/me/vm@{digest}")));
        assert_eq!(digest, index);
    });
    check(&["--by-tag"], &|reference, _| assert!(tagged(reference), "{reference}"));
    check(&["--platform", "arm64", "--preference", "fedora.arm64"], &|reference, digest| {
        let is_pinned = reference.ends_with(&format!("/me/vm@{digest}"));
        assert!(is_pinned != tagged(reference), "{reference}");
        assert_eq!(is_pinned, digest != index, "{reference}");
    });
    // A cron follows the tag, whatever the rest does.
    let crons = objects(&scene, &["dataimportcron", &name]);
    let url = &crons[0]["spec"]["template"]["spec"]["source"]["registry"]["url"];
    assert_eq!(*url, format!("docker://{name}"));
}

#[test]
fn volumes_are_as_large_as_the_largest_disk() {
    let scene = scene();
    let (Some(qemu), Some(io)) = (peer::find("qemu-img"), peer::find("qemu-io")) else { return };
    let size = |args: &[&str]| {
        let volume = objects(&scene, &[&["datavolume"], args].concat()).remove(0);
        volume["spec"]["storage"]["resources"]["requests"]["storage"].as_str().unwrap().to_owned()
    };
    let at = |platform: &'static str| [&OUT[..], &["--platform", platform]].concat();
    assert_eq!(size(&OUT), "2Mi");
    assert_eq!(size(&at("amd64")), "2Mi");
    assert_eq!(size(&at("arm64")), "2Mi");
    assert_eq!(size(&[&OUT[..], &["--storage", "10G"]].concat()), "10G");
    for (file, format, len) in [("x.raw", "qcow2", "5G"), ("a.raw", "qcow2", "6000M")] {
        let path = scene.path(file);
        let path = path.to_str().unwrap();
        qemu.run(["create", "-q", "-f", format, path, len]);
        // A disk on which nothing is would be refused.
        io.run(["-f", format, "-c", "write -P 7 0 4k", path]);
    }
    for compression in ["gzip", "zstd", "none"] {
        scene.build(&["--compression", compression]);
        assert_eq!(size(&OUT), "6000Mi", "{compression}");
        assert_eq!(size(&at("amd64")), "5Gi", "{compression}");
    }
}

#[test]
fn secrets_let_in() {
    let scene = scene();
    let settings = [htpasswd_settings(&scene)];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let Some(skopeo) = peer::find("skopeo") else { return };
    let name = registry.reference("me/vm:1");
    scene.write("creds", USER);
    scene.run(["push", "-q", "-l", "out", "1", &name, "--creds", USER]).digest();
    let decode = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();

    let args = ["secret", &name, "--with-credentials", "--creds", USER];
    let [pull, import] = &objects(&scene, &args)[..] else { panic!("two secrets") };
    kubernetes::check_object(pull);
    let file = scene.write("auth.json", decode(&pull["data"][".dockerconfigjson"]));
    let inspect = ["inspect", "--raw", "--tls-verify=false"];
    let remote = format!("docker://{name}");
    let with = |option: &str, value: &str| {
        skopeo.run(inspect.iter().chain(&[option, value, remote.as_str()]))
    };
    with("--authfile", file.to_str().unwrap());
    let data = &import["data"];
    let user = [decode(&data["accessKeyId"]), decode(&data["secretKey"])].join(&b':');
    assert_eq!(user, USER.as_bytes());
    with("--creds", USER);
    skopeo.run_refused(inspect.iter().chain(&["--no-creds", remote.as_str()]));

    // Credentials of the user's own files are asked for by name, and go to nobody else.
    let login = ["auth.json", "home/.docker/config.json"];
    scene.write(login[1], scene.read(login[0]));
    let outcome = scene.run(["manifests", "secret,datavolume,vm", &name, "--debug"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let said = String::from_utf8(outcome.stdout).unwrap() + &outcome.stderr;
    assert!(!said.contains("sesame") && !said.contains("bWU6c2VzYW1l"), "{said}");
    let mut args = vec!["manifests", "secret", &name, "--with-credentials", "-o", "secrets.yaml"];
    args.push("--debug");
    let outcome = scene.run(&args);
    assert_eq!((outcome.status, &outcome.stdout[..]), (0, &b""[..]));
    assert!(!outcome.stderr.contains("sesame"), "{}", outcome.stderr);
    let path = scene.path("secrets.yaml");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written = kubernetes::parse_objects(&std::fs::read_to_string(path).unwrap());
    assert_eq!(written, [pull.clone(), import.clone()]);
}

#[test]
fn certificates_are_trusted() {
    let scene = Scene::new();
    let Some(openssl) = peer::find("openssl") else { return };
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let server = authority.issue("server", "DNS:quay.io", Validity::Good);
    let other = authority.self_signed("other", "DNS:other");
    let read = |path| String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    let both =
        read(&authority.own.key) + &read(&authority.own.certificate) + &read(&other.certificate);
    scene.write("both.pem", both);
    let all = objects(&scene, &["configmap", "quay.io/me/vm", "--ca-file", "both.pem"]);
    let text = all[0]["data"]["ca.crt"].as_str().unwrap();
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(!text.contains("PRIVATE"), "{text}");
    let trusted = scene.write("ca.crt", text);
    let verify = ["verify", "-no-CApath", "-CAfile", trusted.to_str().unwrap()];
    openssl.run(verify.iter().chain(&[server.certificate.to_str().unwrap()]));
}

#[test]
fn a_file_is_written_whole() {
    let scene = scene();
    let args = [&["manifests", "vm"], &OUT[..], &["-o", "vm.yaml"]].concat();
    assert_data_eq!(scene.run(&args).transcript(), "status: 0\nstdout:\nstderr:\n");
    let text = String::from_utf8(scene.read("vm.yaml")).unwrap();
    assert_eq!(kubernetes::parse_objects(&text)[0]["kind"], "VirtualMachine");
}

#[test]
fn mistakes_are_explained() {
    let scene = scene();
    scene.write("none.pem", "not a certificate");
    scene.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n");
    scene.write("nothing", "");
    scene.write("huge", "#cloud-config\n".repeat(80_000));
    scene.allow_bad_images("an image without a disk");
    scene.write("Dockerfile", "FROM scratch\nCOPY a.raw /data/\n");
    scene.build_to("empty", &["-f", "Dockerfile", "-t", "quay.io/me/empty:1", "."]);
    let index = objects(&scene, &[&["helm-values"], &OUT[..]].concat());
    let index = index[0]["image"]["digest"].as_str().unwrap().to_owned();
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        let said = scene.run_refused(scene.program(["manifests"].iter().chain(args)));
        assert_data_eq!(said.replace(&index, "[INDEX]"), expected.raw());
    };
    let out =
        |kinds: &'static str, args: &'static [&'static str]| [&[kinds], &OUT[..], args].concat();
    let digest =
        "quay.io/me/vm@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    check(
        &["machine", "quay.io/me/vm"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'machine' for '<KIND>': `machine` is none of vm, datavolume, pvc, datasource, dataimportcron, secret, configmap, helm-values

For more information, try '--help'.

"#]],
    );
    check(
        &["vm", "oci:out"],
        str![[r#"
status: 2
stdout:
stderr:
error: no cluster can pull `oci:out`
 |
 = help: name it as the cluster will find it, `--image quay.io/me/fedora:42`

"#]],
    );
    check(
        &out("vm,helm-values", &[]),
        str![[r#"
status: 2
stdout:
stderr:
error: `helm-values` are no object of a cluster
 |
 = help: write them by themselves

"#]],
    );
    check(
        &out("datasource,dataimportcron", &["-n", "vms"]),
        str![[r#"
status: 2
stdout:
stderr:
error: a DataImportCron makes the DataSource itself
 |
 = help: leave out `datasource`

"#]],
    );
    check(
        &out("datasource", &[]),
        str![[r#"
status: 2
stdout:
stderr:
error: a DataSource names its volume with the namespace
 |
 = help: use `--namespace NAME`

"#]],
    );
    check(
        &["dataimportcron", digest],
        str![[r#"
status: 2
stdout:
stderr:
error: `quay.io/me/vm@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef` has no tag, and a DataImportCron follows one
 |
 = help: name the image with the tag that moves

"#]],
    );
    check(
        &["vm", digest, "--by-tag"],
        str![[r#"
status: 2
stdout:
stderr:
error: `quay.io/me/vm@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef` has no tag
 |
 = help: name the image with its tag, or leave out `--by-tag`

"#]],
    );
    check(
        &["vm", "oci:out:1", "--image", digest],
        str![[r#"
status: 2
stdout:
stderr:
error: `--image` names sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, and what was looked at is [INDEX]

"#]],
    );
    check(
        &["vm", "oci:out:2", "--image", "quay.io/me/vm"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `oci:out:2`

"#]],
    );
    check(
        &out("vm", &["--platform", "s390x"]),
        str![[r#"
status: 2
stdout:
stderr:
error: `oci:out:1` has no image for linux/s390x; it has linux/amd64, linux/arm64
 |
 = help: choose one of them with `--platform`

"#]],
    );
    check(
        &out("configmap", &[]),
        str![[r#"
status: 2
stdout:
stderr:
error: no certificates given for the ConfigMap
 |
 = help: use `--ca-file ca.crt`; `openssl s_client -showcerts -connect HOST:PORT </dev/null` prints a server's

"#]],
    );
    check(
        &out("configmap", &["--ca-file", "nowhere.pem"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `nowhere.pem`: no such file

"#]],
    );
    check(
        &out("configmap", &["--ca-file", "none.pem"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `none.pem`: there is no certificate in it in PEM
 |
 = help: `openssl x509 -inform der -in FILE` makes PEM of DER

"#]],
    );
    check(
        &out("secret", &["--with-credentials"]),
        str![[r#"
status: 1
stdout:
stderr:
error: no credential for `quay.io/me/vm` is known
 |
 = help: log in with `diskette login quay.io`, or use `--creds USER:PASSWORD`

"#]],
    );
    check(
        &out("vm", &["--with-credentials"]),
        str![[r#"
status: 2
stdout:
stderr:
error: `--with-credentials` is for a secret, and none is written
 |
 = help: write `secret` too, e.g. `secret,vm`

"#]],
    );
    check(
        &out("datavolume", &["--pull-method", "node", "--secret", "x"]),
        str![[r#"
status: 2
stdout:
stderr:
error: `--secret` is for CDI's importer, and with `--pull-method node` nodes pull
 |
 = help: they pull with the secrets of the namespace's service account, and trust what the node trusts

"#]],
    );
    check(
        &out("datavolume", &["--pull-method", "node", "--cert-configmap", "x"]),
        str![[r#"
status: 2
stdout:
stderr:
error: `--cert-configmap` is for CDI's importer, and with `--pull-method node` nodes pull
 |
 = help: they pull with the secrets of the namespace's service account, and trust what the node trusts

"#]],
    );
    check(
        &out("vm", &["--pull-secret", "%Generated%"]),
        str![[r#"
status: 2
stdout:
stderr:
error: `%Generated%` names no secret: a name has at most 253 lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit

"#]],
    );
    check(
        &out("datavolume", &["--storage", "1Mi"]),
        str![[r#"
status: 2
stdout:
stderr:
error: the disk is of 2.00 MiB, and does not fit on 1Mi
 |
 = help: use at least `--storage 2Mi`, or leave it out

"#]],
    );
    check(
        &out("vm", &["--disk", "clone", "--storage", "1000k"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '1000k' for '--storage <SIZE>': a volume has at least 1Mi

For more information, try '--help'.

"#]],
    );
    check(
        &out("datavolume", &["--storage", "1GB"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '1GB' for '--storage <SIZE>': write it as a number and a unit, `10Gi` or `500M`

For more information, try '--help'.

"#]],
    );
    check(
        &["datavolume", "oci:empty", "--image", "quay.io/me/empty:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: no disk is seen in the first 4 MiB of any layer
 |
 = help: set the size of the volume, `--storage 20Gi`

"#]],
    );
    check(
        &out("vm", &["--ssh-key", "id"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `id`: it is a private key, which nobody else may see
 |
 = help: name the public one, `id.pub`

"#]],
    );
    check(
        &out("vm", &["--ssh-key", "cloud"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `cloud`: it is no public key of ssh
 |
 = help: a public key is a line such as `ssh-ed25519 AAAA… me`

"#]],
    );
    check(
        &out("vm", &["--user-data", "huge"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `huge`: it comes to 1120000 bytes, and a Secret takes 1048576

"#]],
    );
    check(
        &out("vm", &["--user-data", "nothing"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `nothing`: it is empty, and a machine with cloud-init needs user data

"#]],
    );
    check(
        &out("vm", &["--preference", "rhel.9.dpdk", "--cpus", "4"]),
        str![[r#"
status: 2
stdout:
stderr:
error: the preference `rhel.9.dpdk` requires 8 processors, and a cluster refuses less
 |
 = help: use at least `--cpus 8`, or leave it out

"#]],
    );
    check(
        &out("vm", &["--preference", "rhel.9.s390x", "--instancetype", "u1.medium"]),
        str![[r#"
status: 2
stdout:
stderr:
error: the preference `rhel.9.s390x` requires s390x, and the image is for amd64, arm64
 |
 = help: name a preference for the image's architecture with `--preference`

"#]],
    );
    check(
        &out("vm", &["--preference", "windows.11", "--memory", "2Gi"]),
        str![[r#"
status: 2
stdout:
stderr:
error: the preference `windows.11` requires 4Gi of memory, and a cluster refuses less
 |
 = help: use at least `--memory 4Gi`, or leave it out

"#]],
    );
    check(
        &out("vm", &["--memory", "0"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '0' for '--memory <SIZE>': it must be more than nothing

For more information, try '--help'.

"#]],
    );
    check(
        &out("datavolume", &["--storage", "8Ei"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '8Ei' for '--storage <SIZE>': it must be less than 8Ei, the most that Kubernetes counts

For more information, try '--help'.

"#]],
    );
    check(
        &out("dataimportcron", &["--keep", "2147483648"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '2147483648' for '--keep <N>': 2147483648 is not in 0..=2147483647

For more information, try '--help'.

"#]],
    );
    check(
        &out("dataimportcron", &["--schedule", "@every day"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '@every day' for '--schedule <CRON>': `day` is not a duration; it looks like `1h`, `90m` or `1h30m`

For more information, try '--help'.

"#]],
    );
    check(
        &out("vm", &["--user-data", "nowhere"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `nowhere`: there is no such file

"#]],
    );
    check(
        &out("vm", &["--instancetype", "u1.small", "--memory", "2Gi"]),
        str![[r#"
status: 2
stdout:
stderr:
error: the argument '--instancetype <NAME>' cannot be used with '--memory <SIZE>'

Usage: diskette manifests --image <REF> --instancetype <NAME> <KIND> <REF>

For more information, try '--help'.

"#]],
    );
    check(
        &out("vm", &["--name", "A"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'A' for '--name <NAME>': a name has at most 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit

For more information, try '--help'.

"#]],
    );
    check(
        &out("dataimportcron", &["--schedule", "daily"]),
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'daily' for '--schedule <CRON>': it has five fields, minute, hour, day of the month, month and day of the week, or is a word like `@daily`

For more information, try '--help'.

"#]],
    );
    check(
        &out("vm", &["-o", "nowhere/vm.yaml"]),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write `nowhere/vm.yaml`: No such file or directory (os error 2)

"#]],
    );
}

#[test]
fn a_chart_may_have_a_name_made_later() {
    let scene = scene();
    let args = [&["helm-values"], &OUT[..], &["--pull-secret", "%GeneratedDockerCredential%"]];
    let values = objects(&scene, &args.concat());
    assert_eq!(values[0]["image"]["pullSecret"], "%GeneratedDockerCredential%");
    assert_eq!(values[0]["image"]["tag"], "1");
    assert_eq!(values[0]["storage"]["size"], "2Mi");
}

#[test]
fn a_registry_that_nobody_trusts_is_told_of() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    let said = |kinds: &str| {
        let outcome = scene.run(["manifests", kinds, &name, "--plain-http"]);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        outcome.stderr.replace(&registry.address(), "[REGISTRY]")
    };
    let expected = "note: CDI speaks to `[REGISTRY]` only if `insecureRegistries` in its configuration \
        has `[REGISTRY]`\n";
    assert_eq!(said("datavolume"), expected);
    assert_eq!(said("vm"), "");
}
