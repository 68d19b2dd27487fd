//! RUN lines of disk builds: what they download, unpack and convert is in the layers.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::dockerfile::context;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::image::Layout;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// Builds a Dockerfile and returns what is in its layers, and what is said.
fn build(scene: &Scene, dockerfile: &str, args: &[&str]) -> (Vec<String>, String) {
    scene.write("c/Dockerfile", dockerfile);
    let args = [&["build", "-o", "oci:out"], args, &["c"]].concat();
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let image = Documents::only(&scene.path("out"));
    std::fs::remove_dir_all(scene.path("out")).unwrap();
    let entries = (0..image.layers().len()).flat_map(|number| image.layer(number)).collect();
    (entries, outcome.stderr)
}

fn refuse(scene: &Scene, dockerfile: &str, expected: &[&str]) {
    scene.write("c/Dockerfile", dockerfile);
    let said =
        scene.run_refused(scene.program(["build", "--no-cache", "-o", "oci-archive:out.tar", "c"]));
    for expected in expected {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn disks_are_downloaded_checked_and_decompressed() {
    let disk = qcow2_disk(4, 200_000);
    let packed = zstd::encode_all(&disk[..], 1).unwrap();
    let (digest, inner) = (sha256(&packed), sha256(&disk));
    let server = Server::start([("/d.qcow2.zst", ServerAnswer::Content(packed))]);
    let url = server.url("/d.qcow2.zst");
    let scene = Scene::new();
    let expected =
        ["dir 555 107:107 disk", &format!("file 444 107:107 disk/d.qcow2 = sha256:{inner}")];
    let stage = |run: &str| {
        format!(
            "FROM scratch AS get\nARG SUM={digest}\nRUN {run}\nFROM scratch\n\
             COPY --from=get /d.qcow2 /disk/\n"
        )
    };
    for run in [
        format!(
            "curl -fsSLO {url} && echo \"$SUM  d.qcow2.zst\" | sha256sum -c - && zstd -d d.qcow2.zst"
        ),
        format!(
            "set -eux; wget -q {url} -O x.zst; echo $SUM '*x.zst' > s; sha256sum -c s; zstdcat x.zst > d.qcow2"
        ),
        format!(
            "curl -L {url} -o d.qcow2.zst; unzstd --rm d.qcow2.zst; echo '{inner}  d.qcow2' | sha256sum -c"
        ),
    ] {
        let run = run.replace("echo $SUM '*x", "echo \"$SUM *x");
        let run = run.replace(".zst' > s", ".zst\" > s");
        let (entries, _) = build(&scene, &stage(&run), &["--no-cache"]);
        assert_eq!(entries, expected, "{run}");
    }
    let unchecked = stage(&format!("curl -L {url} | zstd -d > d.qcow2"));
    let (entries, said) = build(&scene, &unchecked, &["--no-cache", "--allow-unverified"]);
    assert_eq!(entries, expected, "{said}");
    refuse(&scene, &unchecked, &["has no checksum", "sha256sum -c", "Dockerfile:"]);
    let wrong = "0".repeat(64);
    let run = format!(
        "curl -O {url} && echo '{wrong}  d.qcow2.zst' | sha256sum -c && zstd -d d.qcow2.zst"
    );
    refuse(&scene, &stage(&run), &["the checksum is wrong"]);
}

#[test]
fn disks_are_converted() {
    let scene = Scene::new();
    let mut raw = vec![0; 1 << 20];
    raw[510..512].copy_from_slice(&[0x55, 0xaa]);
    scene.write("c/disk.img", &raw);
    let dockerfile = "FROM scratch AS convert\nCOPY disk.img /tmp/\n\
        RUN qemu-img convert -c -O qcow2 /tmp/disk.img /tmp/disk.qcow2 && qemu-img info /tmp/disk.qcow2\n\
        FROM scratch\nCOPY --from=convert /tmp/disk.qcow2 /disk/\n";
    scene.write("c/Dockerfile", dockerfile);
    scene.build(&["c"]);
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images(&layout.tags()[0]).remove(0);
    let disk = layout.layer_file(&image, "disk/disk.qcow2");
    assert_eq!(&disk[..4], b"QFI\xfb");
    assert_eq!(u64::from_be_bytes(disk[24..32].try_into().unwrap()), 1 << 20);
    assert!(disk.len() < raw.len() / 2);
    let compressed = dockerfile.replace("COPY disk.img", "ADD https://localhost:1/disk.img");
    refuse(
        &scene,
        &compressed,
        &["reads a disk in any order", "is a download", "before the build"],
    );
}

#[test]
fn archives_are_unpacked() {
    let scene = Scene::new();
    let text =
        "tar t.tar.gz = gz\n dir 750 3:4 d\n file 4755 3:4 d/a = a\n link d/l = a\n file top = t";
    context::make(&scene.path("c"), text);
    let archive = scene.read("c/t.tar.gz");
    let digest = sha256(&archive);
    let server = Server::start([("/t.tar.gz", ServerAnswer::Content(archive))]);
    let url = server.url("/t.tar.gz");
    let expected = [
        "dir x",
        "dir 750 3:4 x/d",
        "link 3:4 x/d/l = a",
        "file 4755 3:4 x/d/a = a",
        "file x/top = t",
    ];
    let copied = "FROM scratch AS a\nCOPY t.tar.gz /\nFROM scratch\nCOPY --from=a / /\n\
        RUN mkdir x && tar -xzf t.tar.gz -C x\n";
    let (entries, _) = build(&scene, copied, &[]);
    let entries: Vec<_> = entries.iter().filter(|line| !line.contains("t.tar.gz")).collect();
    let expected_names: Vec<_> = expected.iter().map(|line| line.rsplit(' ').next()).collect();
    let names: Vec<_> = entries.iter().map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(names, expected_names, "{entries:?}");
    let downloaded = format!(
        "FROM scratch\nRUN curl -sO {url} && echo '{digest}  t.tar.gz' | sha256sum -c && mkdir x && \
         tar xf t.tar.gz -C x --no-same-owner d/a && rm t.tar.gz\n"
    );
    let (entries, _) = build(&scene, &downloaded, &[]);
    assert_eq!(entries, ["dir x", "dir x/d", "file 4755 x/d/a = a"]);
}

#[test]
fn tools_are_not_installed() {
    let scene = Scene::new();
    let install = "FROM scratch\nRUN apk add --no-cache curl qemu-img && echo $(uname -m) > m\n";
    let (entries, said) = build(&scene, install, &["--platform", "linux/arm64"]);
    assert_eq!(entries, ["file m = \"aarch64\\n\""]);
    assert!(said.contains("warning: `curl`, `qemu-img` are not installed"), "{said}");
    refuse(&scene, "FROM scratch\nRUN dnf install -y nginx\n", &["`nginx` is not installed"]);
}

/// A stage from which only files of its own are copied is evaluated without its base.
#[test]
fn bases_of_which_nothing_is_used_are_not_loaded() {
    let scene = Scene::new();
    scene.write("c/a.qcow2", qcow2_disk(1, 70_000));
    let stage = |lines: &str, copied: &str| {
        format!(
            "FROM localhost:1/none AS get\n{lines}\nFROM scratch\nCOPY --from=get {copied} /x/\n"
        )
    };
    let check = |lines: &str, copied: &str, expected: &[&str]| {
        let (entries, _) = build(&scene, &stage(lines, copied), &["--retry", "0"]);
        assert_eq!(entries, expected, "{lines}");
    };
    check("RUN apk add curl && echo a > /tmp/a", "/tmp/a", &["dir x", "file x/a = \"a\\n\""]);
    let lines = "WORKDIR /build\nADD a.qcow2 /disk/\nRUN chmod 440 /disk/* && mv /disk/*.qcow2 b && rm -rf /var/lib/apt/lists/*";
    let (entries, _) = build(&scene, &stage(lines, "/build/b"), &["--retry", "0"]);
    assert!(entries.len() == 2 && entries[1].starts_with("file 440 107:107 x/b = "), "{entries:?}");
    check("USER 0\nRUN mkdir /o && cd /o && touch a b", "/o/", &["dir x", "file x/a", "file x/b"]);
    let uses = [
        ("RUN echo a > a", "/a"),
        ("RUN echo a > /a; [ -e /etc/alpine-release ] || rm /a", "/a"),
        ("RUN echo $HOSTING > /a", "/a"),
        ("RUN touch /tmp/a", "/tmp/"),
        ("RUN touch /tmp/a", "/tmp/*"),
        ("RUN ls /etc/passwd && touch /a", "/a"),
        ("COPY a.qcow2 a", "/a"),
        ("USER 7\nRUN touch /tmp/a", "/tmp/a"),
        ("ENV A=$B\nRUN touch /a", "/a"),
        ("RUN touch /a", "/b"),
    ];
    for (lines, copied) in uses {
        scene.write("c/Dockerfile", stage(lines, copied));
        let said =
            scene.run_refused(scene.program(["build", "--retry", "0", "-o", "oci:out", "c"]));
        assert!(said.contains("localhost:1/none"), "{lines}: {said}");
    }
    scene.write("c/Dockerfile", "FROM localhost:1/none\nRUN touch /a\n");
    let said = scene.run_refused(scene.program(["build", "--retry", "0", "-o", "oci:out", "c"]));
    assert!(said.contains("localhost:1/none"), "{said}");
}
