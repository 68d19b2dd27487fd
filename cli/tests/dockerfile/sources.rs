//! Where ADD and COPY take files from, besides the context: the Dockerfile itself, servers and
//! archives.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::dockerfile::context;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// Builds a Dockerfile and returns what is in its layers.
fn build(scene: &Scene, dockerfile: &str, args: &[&str]) -> Vec<String> {
    scene.write("c/Dockerfile", dockerfile);
    scene.build(&[args, &["c"]].concat());
    let image = Documents::only(&scene.path("out"));
    std::fs::remove_dir_all(scene.path("out")).unwrap();
    (0..image.layers().len()).flat_map(|number| image.layer(number)).collect()
}

#[test]
fn heredocs() {
    let dockerfile = "FROM scratch\nARG WHO=you\n\
        COPY <<one <<-'two' --chmod=600 /d/\nhello $WHO\none\n\t\tkept $WHO\n\ttwo\n\
        COPY --chown=1:2 <<EOF /etc/hosts\n127.0.0.1 localhost\nEOF\n\
        RUN <<EOF\nset -e\nmkdir -p /x\nEOF\n\
        RUN cat > /x/a <<A && cp /x/a /x/b <<'B'\n$WHO\nA\n$WHO\nB\n";
    let dockerfile = dockerfile.replace(" --chmod=600", "");
    let dockerfile = dockerfile.replace("COPY <<one", "COPY --chmod=600 <<one");
    assert_eq!(
        build(&Scene::new(), &dockerfile, &["--build-arg", "WHO=me"]),
        [
            "dir 600 d",
            "file 600 d/one = \"hello me\\n\"",
            "file 600 d/two = \"kept $WHO\\n\"",
            "dir 1:2 etc",
            "file 1:2 etc/hosts = \"127.0.0.1 localhost\\n\"",
            "dir x",
            "dir x",
            "file x/a = \"me\\n\"",
            "file x/b = \"me\\n\"",
        ]
    );
}

/// Each of a layer's sizes that no server says is found before the layer is made.
#[test]
fn downloads_of_unknown_sizes() {
    let answer = |text: &str| ServerAnswer::Unsized(text.as_bytes().to_vec());
    let server = Server::start([("/one", answer("first")), ("/two", answer("second one"))]);
    let (one, two) = (server.url("/one"), server.url("/two"));
    let dockerfile = format!("FROM scratch\nADD --chmod=644 {one} {two} /d/\n");
    assert_eq!(
        build(&Scene::new(), &dockerfile, &["--allow-unverified"]),
        ["dir 644 d", "file d/one = first", "file d/two = second one"]
    );
}

#[test]
fn servers() {
    let disk = qcow2_disk(4, 200_000);
    let digest = sha256(&disk);
    let server = Server::start([
        ("/d/disk.qcow2?sig=1", ServerAnswer::Content(disk.clone())),
        ("/moved", ServerAnswer::Redirect("/d/disk.qcow2?sig=1".into())),
    ]);
    let url = server.url("/d/disk.qcow2?sig=1");
    let file = format!("file 444 107:107 disk/disk.qcow2 = sha256:{digest}");
    let expected = ["dir 555 107:107 disk", &file];
    let scene = Scene::new();
    let dockerfile = format!("FROM scratch\nADD --checksum=sha256:{digest} {url} /disk/\n");
    assert_eq!(build(&scene, &dockerfile, &[]), expected);
    let dockerfile = format!("FROM scratch\nADD {url} /disk/\n");
    assert_eq!(build(&scene, &dockerfile, &["--allow-unverified"]), expected);
    let moved = server.url("/moved");
    let dockerfile =
        format!("FROM scratch\nADD --checksum=sha256:{digest} {moved} /disk/disk.qcow2\n");
    assert_eq!(build(&scene, &dockerfile, &["--no-cache"]), expected);
}

#[test]
fn servers_that_are_not_believed() {
    let server = Server::start([("/disk.qcow2", ServerAnswer::Content(qcow2_disk(4, 200_000)))]);
    let url = server.url("/disk.qcow2");
    let wrong = "0".repeat(64);
    for (add, expected) in [
        (format!("{url} /disk/"), "checksum"),
        (format!("--checksum=sha256:{wrong} {url} /disk/"), &wrong[..]),
        (format!("{} /disk/", server.url("/missing")), "checksum"),
        (format!("--checksum=sha256:{wrong} {} /disk/", server.url("/missing")), "404"),
    ] {
        let scene = Scene::new();
        scene.write("c/Dockerfile", format!("FROM scratch\nADD {add}\n"));
        let said = scene.run_refused(scene.program([
            "build",
            "--no-cache",
            "--retry",
            "0",
            "-o",
            "oci-archive:out.tar",
            "c",
        ]));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn archives() {
    for compression in ["none", "gz", "bz2", "xz", "zst"] {
        let scene = Scene::new();
        let text = format!(
            "tar t.tar = {compression}\n dir 750 3:4 d\n file 4755 3:4 d/a = a\n link d/l = a\n hard 4755 3:4 d/h = d/a\n file 5:6 top = t"
        );
        context::make(&scene.path("c"), &text);
        let unpacked = build(&scene, "FROM scratch\nADD t.tar /\n", &[]);
        // What comes out of the archive stands last, in its order.
        let expected = [
            "dir 750 3:4 d",
            "link d/l = a",
            "file 4755 3:4 d/a = a",
            "hard 4755 3:4 d/h = d/a",
            "file 5:6 top = t",
        ];
        assert_eq!(unpacked, expected, "{compression}");
        // COPY leaves it as it is.
        let copied = build(&scene, "FROM scratch\nCOPY t.tar /\n", &[]);
        assert!(copied.len() == 1 && copied[0].starts_with("file t.tar = "), "{copied:?}");
    }
}

#[test]
fn archives_on_servers() {
    let scene = Scene::new();
    let text =
        "tar t.tar.gz = gz\n file 4755 3:4 d/a = a\n fifo 600 p\n file top = t\nfile plain = p";
    context::make(&scene.path("c"), text);
    let (archive, plain) = (scene.read("c/t.tar.gz"), scene.read("c/plain"));
    let digests = [sha256(&archive), sha256(&plain)];
    let server = Server::start([
        ("/t.tar.gz", ServerAnswer::Content(archive)),
        ("/plain", ServerAnswer::Content(plain)),
    ]);
    let add = |flags: &str, name: &str, digest: &str| {
        let url = server.url(name);
        format!("FROM scratch\nADD {flags} --checksum=sha256:{digest} {url} /x/\n")
    };
    // Owners of members, and root for what the archive only implies.
    let found = build(&scene, &add("--unpack", "/t.tar.gz", &digests[0]), &[]);
    let expected =
        ["dir x", "dir x/d", "fifo 600 x/p", "file 4755 3:4 x/d/a = a", "file x/top = t"];
    assert_eq!(found, expected);
    let owned = build(&scene, &add("--unpack=true --chown=7:8", "/t.tar.gz", &digests[0]), &[]);
    let expected = [
        "dir 7:8 x",
        "dir x/d",
        "fifo 600 7:8 x/p",
        "file 4755 7:8 x/d/a = a",
        "file 7:8 x/top = t",
    ];
    assert_eq!(owned, expected);
    // What is no archive is copied.
    let copied = build(&scene, &add("--unpack", "/plain", &digests[1]), &[]);
    assert_eq!(copied, ["dir x", "file 600 x/plain = p"]);
    let refuse = |dockerfile: &str, expected: &str| {
        scene.write("c/Dockerfile", dockerfile);
        let said = scene.run_refused(scene.program(["build", "-o", "oci:out", "c"]));
        assert!(said.contains(expected), "{said}");
    };
    refuse(&add("--unpack", "/t.tar.gz", &digests[1]), "the checksum is wrong: expected sha256:");
    let url = server.url("/t.tar.gz");
    refuse(&format!("FROM scratch\nADD --unpack {url} /\n"), "has no checksum");
}

#[test]
fn nothing_is_in_scratch() {
    let scene = Scene::new();
    let dockerfile = "FROM scratch\nCOPY --from=scratch / /x/\n";
    assert_eq!(build(&scene, dockerfile, &[]), ["dir x"]);
    scene.write("c/Dockerfile", "FROM scratch\nCOPY --from=scratch /etc/passwd /\n");
    let said = scene.run_refused(scene.program(["build", "-o", "oci:out", "c"]));
    assert!(said.contains("`/etc/passwd` does not exist"), "{said}");
}
