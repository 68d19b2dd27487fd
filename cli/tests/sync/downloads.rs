//! Disks come from URLs as they come from files.

use diskette_integration::daemon::{Daemon, free_port};
use diskette_integration::disk::{mixed_bytes, qcow2_disk, sha256, sha512};
use diskette_integration::image::Layout;
use diskette_integration::nginx;
use diskette_integration::peer;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use snapbox::{IntoData, assert_data_eq, file};

/// A scene that expects `url`, with the checksum of what should be there.
fn spec(scene: &Scene, url: &str, content: &[u8]) {
    scene
        .write_spec(&format!("amd64: {{ disk: {{ url: {url:?}, sha256: {} }} }}", sha256(content)));
}

/// Returns the packed disk of [`Scene::with_disk`].
fn packed(scene: &Scene, packer: &'static str) -> Option<Vec<u8>> {
    Some(peer::find(packer)?.run_for_bytes(["-c", scene.path("disk.raw").to_str().unwrap()]))
}

#[test]
fn downloads_are_what_files_are() {
    let scene = Scene::with_disk();
    let expected = scene.build(&[]);
    let disk = scene.read("disk.raw");
    let (Some(xz), Some(gz), Some(bz2)) =
        (packed(&scene, "xz"), packed(&scene, "gzip"), packed(&scene, "bzip2"))
    else {
        return;
    };
    let server = Server::start([
        ("/disk.raw", ServerAnswer::Content(disk.clone())),
        ("/whole/disk.raw", ServerAnswer::Whole(disk.clone())),
        ("/unsized/disk.raw", ServerAnswer::Unsized(disk.clone())),
        ("/disk.raw.xz", ServerAnswer::Content(xz.clone())),
        ("/whole/disk.raw.xz", ServerAnswer::Whole(xz.clone())),
        ("/unsized/disk.raw.xz", ServerAnswer::Unsized(xz.clone())),
        ("/disk.raw.gz", ServerAnswer::Content(gz.clone())),
        ("/disk.raw.bz2", ServerAnswer::Content(bz2.clone())),
        ("/moved/disk.raw", ServerAnswer::Redirect("/moved/again".into())),
        ("/moved/again", ServerAnswer::Redirect("/disk.raw".into())),
    ]);
    for (path, content, requests) in [
        ("/disk.raw", &disk, 1),
        ("/whole/disk.raw", &disk, 1),
        // Sizes that nothing tells have to be found by reading to the end first.
        ("/unsized/disk.raw", &disk, 3),
        // A range for the footer, one for the index of blocks, besides the content.
        ("/disk.raw.xz", &xz, 3),
        ("/whole/disk.raw.xz", &xz, 4),
        ("/unsized/disk.raw.xz", &xz, 3),
        ("/disk.raw.gz", &gz, 2),
        ("/disk.raw.bz2", &bz2, 3),
        ("/moved/disk.raw", &disk, 3),
    ] {
        spec(&scene, &server.url(path), content);
        assert_eq!(scene.build_to("fresh", &["--no-cache"]), expected, "{path}");
        let asked = server.take_requests();
        assert_eq!(asked.len(), requests, "{path}: {asked:?}");
        std::fs::remove_dir_all(scene.path("fresh")).unwrap();
    }
    scene.write_spec(&format!(
        "amd64: {{ disk: {{ url: {}, sha512: {} }} }}",
        server.url("/disk.raw"),
        sha512(&disk)
    ));
    assert_eq!(scene.build_to("fresh", &[]), expected);
}

#[test]
fn a_known_checksum_needs_no_request() {
    let scene = Scene::with_disk();
    let disk = scene.read("disk.raw");
    let server = Server::start([("/disk.raw", ServerAnswer::Content(disk.clone()))]);
    spec(&scene, &server.url("/disk.raw"), &disk);
    let first = scene.build(&[]);
    assert_eq!(server.take_requests().len(), 1);
    assert_eq!(scene.build(&[]), first);
    assert_eq!(server.take_requests(), [""; 0]);
    scene.build(&["--no-cache"]);
    assert_eq!(server.take_requests().len(), 1);
}

#[test]
fn without_a_checksum_only_when_asked() {
    let scene = Scene::with_disk();
    let expected = scene.build(&[]);
    let server = Server::start([("/disk.raw", ServerAnswer::Content(scene.read("disk.raw")))]);
    scene.write_spec(&format!("amd64: {{ disk: {} }}", server.url("/disk.raw")));
    assert_eq!(scene.build(&["--allow-unverified"]), expected);
    assert_eq!(server.take_requests().len(), 1);
    // Nothing tells whether it is the same the next time.
    assert_eq!(scene.build(&["--allow-unverified"]), expected);
    assert_eq!(server.take_requests().len(), 1);
}

fn check(answer: Option<ServerAnswer>, expected: impl IntoData) {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let server = Server::start(answer.into_iter().map(|answer| ("/disk.raw", answer)));
    spec(&scene, &server.url("/disk.raw"), &scene.read("disk.raw"));
    check_in(&scene, &server.url(""), expected);
}

fn check_in(scene: &Scene, address: &str, expected: impl IntoData) {
    let said = scene.run_refused(scene.program([
        "build",
        "--retry",
        "1",
        "--iidfile",
        "iid",
        "-o",
        "out",
    ]));
    let host = address.trim_start_matches("http://");
    assert_data_eq!(said.replace(host, "[SERVER]"), expected.raw());
}

#[test]
fn failures() {
    check(None, file!["../../errors/downloads/cannot-download-the-server-answered.stderr"]);
    check(
        Some(ServerAnswer::Status(503)),
        file!["../../errors/downloads/cannot-download-the-server-answered-2.stderr"],
    );
    check(
        Some(ServerAnswer::Content(mixed_bytes(9, 1000))),
        file!["../../errors/downloads/cannot-use-the-checksum-is-wrong-expected-sha.stderr"],
    );
    check(
        Some(ServerAnswer::Content(Vec::new())),
        file!["../../errors/downloads/cannot-use-the-checksum-is-wrong-expected-sha-2.stderr"],
    );
    check(
        Some(ServerAnswer::Cut(mixed_bytes(1, 3 << 20), 100_000)),
        file!["../../errors/downloads/cannot-download-the-server-closed-the-connection.stderr"],
    );
    check(
        Some(ServerAnswer::Redirect("/disk.raw".into())),
        file!["../../errors/downloads/cannot-download-refusing-to-follow-to-too-many.stderr"],
    );
}

#[test]
fn no_checksum() {
    let scene = Scene::with_disk();
    let server = Server::start([("/disk.raw", ServerAnswer::Content(Vec::new()))]);
    scene.write_spec(&format!("amd64: {{ disk: \"{}\" }}", server.url("/disk.raw")));
    check_in(&scene, &server.url(""), file!["../../errors/downloads/has-no-checksum.stderr"]);
    assert_eq!(server.take_requests(), [""; 0]);
}

#[test]
fn nobody_listens() {
    let scene = Scene::with_disk();
    let address = format!("http://127.0.0.1:{}", free_port());
    scene.build(&[]);
    spec(&scene, &format!("{address}/disk.raw"), b"");
    check_in(
        &scene,
        &address,
        file![
            "../../errors/downloads/cannot-download-cannot-connect-to-server-connection-refused.stderr"
        ],
    );
}

type Start = fn(&Scene) -> Option<Daemon>;

fn nginx(scene: &Scene) -> Option<Daemon> {
    let root = scene.path("");
    nginx::start_nginx(scene, "nginx", |port| {
        format!("server {{ listen 127.0.0.1:{port}; root {}; }}", root.display())
    })
}

fn python(scene: &Scene) -> Option<Daemon> {
    let peer = peer::find("python3")?;
    Some(Daemon::start(|port| {
        let mut command = peer.command();
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]);
        command.current_dir(scene.path(""));
        command
    }))
}

#[test]
fn real_servers() {
    let servers: [(&str, Start); 2] = [("nginx", nginx), ("python3", python)];
    for (name, start) in servers {
        let scene = Scene::with_disk();
        let expected = scene.build(&[]);
        let Some(xz) = packed(&scene, "xz") else { continue };
        scene.write("disk.raw.xz", &xz);
        let Some(server) = start(&scene) else { continue };
        for file in ["disk.raw", "disk.raw.xz"] {
            spec(&scene, &format!("http://{}/{file}", server.address()), &scene.read(file));
            let layout = format!("{name}-{}", file.replace('.', "-"));
            assert_eq!(scene.build_to(&layout, &["--no-cache"]), expected, "{layout}");
            Layout::open(&scene.path(&layout)).verify_blobs("1").unwrap();
        }
    }
}

/// A build from a file renames the disk with the same warning.
#[test]
fn a_disk_of_a_release_is_renamed_with_a_warning() {
    let scene = Scene::new();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let disk = qcow2_disk(7, 300_000);
    let list = format!("{}  vm~1.qcow2\n", sha256(&disk));
    let server = Server::start([
        ("/SHA256SUMS", ServerAnswer::Content(list.into_bytes())),
        ("/vm~1.qcow2", ServerAnswer::Content(disk)),
    ]);
    let text = format!(
        "apiVersion: diskette/v1\nimage: {}\nplatforms: [linux/amd64]\ntags: ['1']\n\
         release: {{ from: checksums, url: '{}', file: 'vm~(?<version>.*)\\.qcow2' }}\n",
        registry.reference("disks/vm"),
        server.url("/SHA256SUMS"),
    );
    scene.write("diskette.yaml", text);
    let outcome = scene.run(["sync", "--progress", "none", "diskette.yaml"]);
    assert_eq!(outcome.status, 0, "{}", outcome.transcript());
    let warning =
        "warning[disk-name]: `vm~1.qcow2` is named `vm-1.qcow2` in the image: its name has `~`\n";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
}

/// Kali publishes its disks so.
#[test]
fn a_disk_of_a_release_may_be_in_an_archive() {
    let scene = Scene::with_disk();
    let Some(tar) = peer::find("tar") else { return };
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let archive = scene.path("vm-7.tar.xz");
    tar.run(["-cJf", peer::text(&archive), "-C", peer::text(&scene.path("")), "disk.raw"]);
    let packed = scene.read("vm-7.tar.xz");
    let list = format!("{}  vm-7.tar.xz\n", sha256(&packed));
    let server = Server::start([
        ("/SHA256SUMS", ServerAnswer::Content(list.into_bytes())),
        ("/vm-7.tar.xz", ServerAnswer::Content(packed)),
    ]);
    let image = registry.reference("disks/vm");
    let text = format!(
        "apiVersion: diskette/v1\nimage: {image}\nplatforms: [linux/amd64]\ntags: ['{{version}}', latest]\n\
         release: {{ from: checksums, url: '{}', file: 'vm-(?<version>.*)\\.tar\\.xz' }}\n",
        server.url("/SHA256SUMS"),
    );
    scene.write("diskette.yaml", text);
    let outcome = scene.run(["sync", "--progress", "none", "diskette.yaml"]);
    assert_eq!(outcome.status, 0, "{}", outcome.transcript());
    let extracted = scene.run(["extract", &format!("{image}:7"), "-o", "out.raw"]);
    assert!(extracted.stderr.contains("/disk/vm-7.img of linux/amd64"), "{}", extracted.stderr);
    assert!(scene.read("out.raw") == scene.read("disk.raw"));
    let again = scene.run(["sync", "--progress", "none", "diskette.yaml"]);
    assert!(again.stdout.starts_with(b"unchanged\t"), "{}", again.transcript());
}
