//! What upstream has published is listed, and nothing that is not signed as it should be.

use std::path::Path;

use diskette_integration::disk::sha256;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::{Server, ServerAnswer};
use snapbox::{IntoData, assert_data_eq, str};

/// Where the lists that others gathered stand in the world.
const WORLD: [(&str, &str); 17] = [
    ("/almalinux/10/cloud/x86_64/images/CHECKSUM", "almalinux/almalinux10-x86_64.checksum"),
    ("/almalinux/10/cloud/aarch64/images/CHECKSUM", "almalinux/almalinux10-aarch64.checksum"),
    ("/almalinux/10/cloud/s390x/images/CHECKSUM", "almalinux/almalinux10-s390x.checksum"),
    ("/centos/10-stream/x86_64/images/CHECKSUM", "centosstream/centos-stream10-x86_64.checksum"),
    ("/centos/10-stream/aarch64/images/CHECKSUM", "centosstream/centos-stream10-aarch64.checksum"),
    ("/centos/10-stream/s390x/images/CHECKSUM", "centosstream/centos-stream10-s390x.checksum"),
    (
        "/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.json",
        "debian/debian-12-genericcloud-amd64.json",
    ),
    (
        "/images/cloud/bookworm/latest/debian-12-genericcloud-arm64.json",
        "debian/debian-12-genericcloud-arm64.json",
    ),
    ("/releases.json", "fedora/releases.json"),
    (
        "/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2.sha256",
        "opensuse/leap/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2.sha256",
    ),
    (
        "/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.aarch64-Cloud.qcow2.sha256",
        "opensuse/leap/Leap-16.0-Minimal-VM.aarch64-Cloud.qcow2.sha256",
    ),
    ("/tumbleweed/appliances/SHA256SUMS", "opensuse/microos/microos.SHA256SUM"),
    (
        "/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.s390x-s390x-Cloud.qcow2.sha256",
        "opensuse/leap/Leap-16.0-Minimal-VM.s390x-s390x-Cloud.qcow2.sha256",
    ),
    (
        "/distribution/leap/15.6/appliances/openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2.sha256",
        "opensuse/leap/openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2.sha256",
    ),
    (
        "/distribution/leap/15.6/appliances/openSUSE-Leap-15.6-Minimal-VM.aarch64-Cloud.qcow2.sha256",
        "opensuse/leap/openSUSE-Leap-15.6-Minimal-VM.aarch64-Cloud.qcow2.sha256",
    ),
    (
        "/ports/zsystems/tumbleweed/appliances/SHA256SUMS",
        "opensuse/microos/microos-s390x.SHA256SUM",
    ),
    ("/releases/22.04/release/SHA256SUMS", "ubuntu/SHA256SUM"),
];

/// Parts of what is said of releases whose lists nobody gathered.
const NOT_GATHERED: [&str; 9] = [
    "almalinux/9/",
    "9-stream",
    "bullseye",
    "trixie",
    "leap/15.5",
    "20.04",
    "24.04",
    "25.04",
    "26.04",
];

const HOSTS: [&str; 6] = [
    "repo.almalinux.org",
    "cloud.centos.org",
    "cloud.debian.org",
    "getfedora.org",
    "download.opensuse.org",
    "cloud-images.ubuntu.com",
];

#[test]
fn the_catalogue_of_containerdisks_finds_what_was_published() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let gathered = root.join("../shared/conformance/releases");
    if !gathered.exists() {
        return peer::note_skipped("the release files that others gathered are missing");
    }
    let answers = WORLD.map(|(path, file)| {
        (path, ServerAnswer::Content(std::fs::read(gathered.join(file)).unwrap()))
    });
    let server = Server::start(answers);
    let scene = Scene::new();
    let mut args = vec!["releases".to_owned()];
    args.push(root.join("spec-files/containerdisks").display().to_string());
    for host in HOSTS {
        args.extend(["--rewrite-url".into(), format!("https://{host}/={}", server.url("/"))]);
    }
    let outcome = scene.run(&args);
    // Of some releases nobody gathered the lists.
    assert_eq!(outcome.status, 1);
    for error in outcome.stderr.lines().filter(|line| line.starts_with("error: ")) {
        assert!(NOT_GATHERED.iter().any(|part| error.contains(part)), "{error}");
    }
    let lines = String::from_utf8(outcome.stdout).unwrap();
    let short: String = lines.lines().map(|line| short(line) + "\n").collect();
    assert_data_eq!(short, str![[r#"
quay.io/containerdisks/almalinux 10.2-20260526.0 linux/amd64 sha256:47f22186 AlmaLinux-10-GenericCloud-10.2-20260526.0.x86_64.qcow2
quay.io/containerdisks/almalinux 10.2-20260526.0 linux/arm64 sha256:336c6861 AlmaLinux-10-GenericCloud-10.2-20260526.0.aarch64.qcow2
quay.io/containerdisks/almalinux 10.2-20260526.0 linux/s390x sha256:db1f7e82 AlmaLinux-10-GenericCloud-10.2-20260526.0.s390x.qcow2
quay.io/containerdisks/centos-stream 20241118.0 linux/amd64 sha256:3cb1310f CentOS-Stream-GenericCloud-10-20241118.0.x86_64.qcow2
quay.io/containerdisks/centos-stream 20241118.0 linux/arm64 sha256:dc929660 CentOS-Stream-GenericCloud-10-20241118.0.aarch64.qcow2
quay.io/containerdisks/centos-stream 20241118.0 linux/s390x sha256:dc854a20 CentOS-Stream-GenericCloud-10-20241118.0.s390x.qcow2
quay.io/containerdisks/debian 20250210-2019 linux/amd64 sha512:a58d8652 debian-12-genericcloud-amd64.qcow2
quay.io/containerdisks/debian 20250210-2019 linux/arm64 sha512:a17a462a debian-12-genericcloud-arm64.qcow2
quay.io/containerdisks/fedora 40-1.14 linux/amd64 sha256:ac58f3c3 Fedora-Cloud-Base-Generic.x86_64-40-1.14.qcow2
quay.io/containerdisks/fedora 40-1.14 linux/arm64 sha256:ebdce26d Fedora-Cloud-Base-Generic.aarch64-40-1.14.qcow2
quay.io/containerdisks/fedora 39-1.5 linux/amd64 sha256:ab5be505 Fedora-Cloud-Base-39-1.5.x86_64.qcow2
quay.io/containerdisks/fedora 39-1.5 linux/arm64 sha256:765996d5 Fedora-Cloud-Base-39-1.5.aarch64.qcow2
quay.io/containerdisks/fedora 39-1.5 linux/s390x sha256:36dec66c Fedora-Cloud-Base-39-1.5.s390x.qcow2
quay.io/containerdisks/fedora 41_Beta-1.2 linux/amd64 sha256:aaaaaaaa Fedora-Cloud-Base-Generic-41_Beta-1.2.x86_64.qcow2
quay.io/containerdisks/fedora 41_Beta-1.2 linux/arm64 sha256:bbbbbbbb Fedora-Cloud-Base-Generic-41_Beta-1.2.aarch64.qcow2
quay.io/containerdisks/opensuse-leap - linux/amd64 sha256:6c3b6b2d Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2
quay.io/containerdisks/opensuse-leap - linux/arm64 sha256:efd9fe80 Leap-16.0-Minimal-VM.aarch64-Cloud.qcow2
quay.io/containerdisks/opensuse-leap - linux/s390x sha256:647bc07f Leap-16.0-Minimal-VM.s390x-s390x-Cloud.qcow2
quay.io/containerdisks/opensuse-leap - linux/amd64 sha256:0f7f09a9 openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2
quay.io/containerdisks/opensuse-leap - linux/arm64 sha256:d2ff4017 openSUSE-Leap-15.6-Minimal-VM.aarch64-Cloud.qcow2
quay.io/containerdisks/opensuse-tumbleweed 20260207 linux/amd64 sha256:a0e5f832 openSUSE-Tumbleweed-Minimal-VM.x86_64-1.0.0-Cloud-Snapshot20260207.qcow2
quay.io/containerdisks/opensuse-tumbleweed 20260207 linux/s390x sha256:db4270f2 openSUSE-Tumbleweed-Minimal-VM.s390x-16.0.0-s390x-Cloud-Snapshot20260207.qcow2
quay.io/containerdisks/opensuse-microos 20260207 linux/amd64 sha256:bbc3613d openSUSE-MicroOS.x86_64-16.0.0-OpenStack-Cloud-Snapshot20260207.qcow2
quay.io/containerdisks/opensuse-microos 20260207 linux/s390x sha256:59d312f3 openSUSE-MicroOS.s390x-16.0.0-s390x-Cloud-Snapshot20260207.qcow2
quay.io/containerdisks/ubuntu - linux/amd64 sha256:de5e632e ubuntu-22.04-server-cloudimg-amd64.img
quay.io/containerdisks/ubuntu - linux/arm64 sha256:66224c7f ubuntu-22.04-server-cloudimg-arm64.img
quay.io/containerdisks/ubuntu - linux/s390x sha256:192c18a5 ubuntu-22.04-server-cloudimg-s390x.img

"#]].raw());
    // Each list is asked for once, however many platforms share it.
    let asked = server.take_requests();
    for (path, _) in WORLD {
        assert_eq!(asked.iter().filter(|other| *other == path).count(), 1, "{path}");
    }
}

/// A line without most of the checksum's digits, and without the directories of the URL.
fn short(line: &str) -> String {
    let fields: Vec<&str> = line.split('\t').collect();
    let [image, version, platform, checksum, url] = fields[..] else { panic!("{line}") };
    let file = url.rsplit('/').next().unwrap();
    format!("{image} {version} {platform} {} {file}", &checksum[..15])
}

/// A catalogue of one image, whose list is at `URL/SUMS`, with more keys of its release.
fn catalogue(scene: &Scene, server: &Server, more: &str) -> ProgramOutcome {
    let text = format!(
        "apiVersion: diskette/v1\nimage: example.com/d\nplatforms: [linux/amd64]\nrelease:\n  \
         from: checksums\n  url: {}\n  file: d-(?<version>.*)[.]img\n{more}",
        server.url("/SUMS")
    );
    let path = scene.write("diskette.yaml", text);
    let mut outcome = scene.run(["releases", path.to_str().unwrap()]);
    outcome.stderr = outcome.stderr.replace(&server.url(""), "[URL]");
    outcome
}

#[test]
fn json_tells_all_that_is_known() {
    let scene = Scene::new();
    let list = format!("# d-1.img.xz: 7 bytes\nSHA512 (d-1.img.xz) = {}\n", "b".repeat(128));
    let digest = format!("sha256:{}", sha256(list.as_bytes()));
    let server = Server::start([("/SUMS", ServerAnswer::Content(list.into_bytes()))]);
    let text = format!(
        "apiVersion: diskette/v1\nimage: example.com/d\nplatforms: [linux/arm64]\nrelease:\n  \
         from: checksums\n  url: {}\n  file: d-(?<version>.*)[.](?<end>img[.]xz)\n  \
         mirrors: ['https://mirror.example/{{arch}}']\n",
        server.url("/SUMS")
    );
    let path = scene.write("diskette.yaml", text);
    let outcome = scene.run(["releases", "--format", "json", path.to_str().unwrap()]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let found: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let expected = serde_json::json!([{
        "image": "example.com/d", "platform": "linux/arm64", "version": "1",
        "url": server.url("/d-1.img.xz"), "checksum": format!("sha512:{}", "b".repeat(128)),
        "mirrors": ["https://mirror.example/arm64/d-1.img.xz"], "size": 7, "packing": "xz",
        "groups": { "version": "1", "end": "img.xz" },
        "lists": [{ "url": server.url("/SUMS"), "digest": digest, "signedBy": null }],
    }]);
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_there_is_said_where_it_was_asked_for() {
    let scene = Scene::new();
    let list = format!("{}  e.img\n", "a".repeat(64));
    let server = Server::start([
        ("/SUMS", ServerAnswer::Content(list.into_bytes())),
        ("/busy", ServerAnswer::Status(503)),
    ]);
    let check = |outcome: ProgramOutcome, expected: snapbox::data::Inline| {
        assert_eq!(outcome.status, 1);
        assert_data_eq!(outcome.stderr, expected.raw());
    };
    check(
        catalogue(&scene, &server, ""),
        str![[r#"
error: example.com/d for linux/amd64: no file of [URL]/SUMS matches `d-(?<version>.*)[.]img`; it has e.img
 --> [ROOT]/diskette.yaml:4:1
  |
4 | release:
  | ^^^^^^^
  |
  = help: check the list, and change `file` or `version`

"#]],
    );
    let entry = |image: &str, list: &str| {
        format!(
            "---\napiVersion: diskette/v1\nimage: {image}\nplatforms: [linux/amd64]\nrelease: \
             {{from: checksums, url: \"{}\", file: e.img}}\n",
            server.url(list)
        )
    };
    let text = [entry("a", "/busy"), entry("b", "/SUMS"), entry("c", "/gone")].concat();
    let path = scene.write("diskette.yaml", text);
    let mut outcome = scene.run(["releases", path.to_str().unwrap()]);
    outcome.stderr = outcome.stderr.replace(&server.url(""), "[URL]");
    // One that fails keeps none of the others back.
    assert!(outcome.stdout.starts_with(b"b\t-\tlinux/amd64\tsha256:aaaa"));
    check(
        outcome,
        str![[r#"
error: a for linux/amd64: cannot fetch [URL]/busy: the server answered 503
 --> [ROOT]/diskette.yaml:5:1
  |
5 | release: {from: checksums, url: "[URL]/busy", file: e.img}
  | ^^^^^^^
  |
  = help: try again later, or read it from a mirror with `--rewrite-url`
error: c for linux/amd64: cannot fetch [URL]/gone: the server answered 404
  --> [ROOT]/diskette.yaml:15:1
   |
15 | release: {from: checksums, url: "[URL]/gone", file: e.img}
   | ^^^^^^^
   |
   = help: check whether upstream has moved it, and change `url`

"#]],
    );
    let refused = scene.run(["releases", path.to_str().unwrap(), "--rewrite-url", "a=b"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("https://example.org/=http://mirror.lan/example/"));
    let built = scene.run(["build", "-f", path.to_str().unwrap(), "-o", "oci:out"]);
    assert_eq!(built.status, 1);
    assert!(built.stderr.contains("follows a release"), "{}", built.stderr);
}
