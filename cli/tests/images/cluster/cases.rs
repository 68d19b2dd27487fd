//! Images by hand, and what each of the cluster's readers says of them.

use diskette_integration::cluster::handmade::{
    HandmadeImage, LayerCompression, LayerItem, dir, file, hardlink, item, symlink,
};
use diskette_integration::disk::{mixed_bytes, noise_bytes};
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use tar::EntryType;

/// An image, and what CDI's pod, CDI's node, KubeVirt's classic lookup and its image volume say of
/// it: nothing if they accept it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) image: HandmadeImage,
    pub(crate) said: [&'static str; 4],
}

const GOOD: [&str; 4] = [""; 4];
const NONE: &str = "Failed to find VM disk image";

/// Where a disk's entry is, and its directory's.
const DISK: &str = "disk/disk.img";

pub(crate) fn cases() -> Vec<Case> {
    let groups = [places(), names(), links(), owners(), layers(), packings(), roots(), documents()];
    let others = [indexes(), variables(), formats()];
    groups.into_iter().chain(others).flatten().collect()
}

fn case(name: &'static str, image: HandmadeImage, said: [&'static str; 4]) -> Case {
    Case { name, image, said }
}

/// An image whose only layer has these entries.
fn of(name: &'static str, items: &[LayerItem], said: [&'static str; 4]) -> Case {
    case(name, HandmadeImage::new().layer(items), said)
}

fn raw() -> Vec<u8> {
    mixed_bytes(1, 8192)
}

fn disk() -> LayerItem {
    file(DISK, &raw())
}

fn good() -> HandmadeImage {
    HandmadeImage::new().layer(&[dir("disk"), disk()])
}

fn places() -> Vec<Case> {
    let readme = || file("diskette/README", b"what prefixes do");
    let no_dir = "open /disk: no such file";
    let outside = ["image directory does not exist", no_dir, no_dir, no_dir];
    let many = "more than one file found";
    let long = format!("disk/{}.img", "long".repeat(40));
    vec![
        case("good", good(), GOOD),
        of("without-directory", &[disk()], GOOD),
        of("dotted", &[dir("./disk"), file("./disk/disk.img", &raw())], GOOD),
        of("long-name", &[dir("disk"), file(&long, &raw())], GOOD),
        of("up-and-down", &[dir("disk"), file("disk/../disk/disk.img", &raw())], GOOD),
        of("up-first", &[dir("disk"), file("x/../disk/disk.img", &raw())], [NONE, "", "", ""]),
        of("rooted", &[dir("/disk"), file("/disk/disk.img", &raw())], [NONE, "", "", ""]),
        of(
            "file-called-disk",
            &[file("disk", &raw())],
            [
                "does not exist in image directory",
                "not a directory",
                "not a directory",
                "not a dir",
            ],
        ),
        of("beside-disk", &[file("disk.img", &raw())], outside),
        of("in-diskette", &[file("diskette/disk.img", &raw())], outside),
        of("prefix-in-front", &[readme(), disk()], [outside[0], "", "", ""]),
        of("prefix-behind", &[disk(), readme()], GOOD),
        of(
            "nested",
            &[dir("disk"), dir("disk/sub"), file("disk/sub/disk.img", &raw())],
            ["another directory", "a directory in", "not a regular", "a directory in"],
        ),
        of(
            "two",
            &[dir("disk"), disk(), file("disk/other.img", &raw())],
            ["", "not exactly one", many, "2 entries"],
        ),
        of(
            "dot-file",
            &[disk(), file("disk/.keep", b"")],
            ["", "not exactly one", many, "2 entries"],
        ),
        of("empty-directory", &[dir("disk")], [NONE, "not exactly", "no file found", "0 entries"]),
        of("elsewhere", &[file("data/disk.img", &raw())], [NONE, no_dir, no_dir, no_dir]),
        of("kernel-too", &[disk(), file("boot/vmlinuz", b"MZ"), file("boot/initrd", b"1")], GOOD),
    ]
}

fn names() -> Vec<Case> {
    let of = |name, disk: &str, said| {
        self::of(name, &[dir("disk"), file(&format!("disk/{disk}"), &raw())], said)
    };
    let (gone, panic, not) = ("Could not open", "panic", "not the disk");
    let parse = "unable to parse endpoint";
    vec![
        of("name-plain", "Fedora-Cloud_42.1+b.x86_64.img", GOOD),
        of("name-of-info", "information", GOOD),
        of("name-with-space", "my disk.img", [gone, "", "", ""]),
        of("name-with-umlaut", "größe.img", [gone, "", "", ""]),
        of("name-with-quotes", "\"disk\".img", [gone, "", "", ""]),
        of("name-with-backslash", "a\\b.img", [gone, "", "", ""]),
        of("name-with-braces", "{a}.img", [gone, "", "", ""]),
        of("name-with-angles", "<a>.img", [gone, "", "", ""]),
        of("name-with-pipe", "a|b.img", [gone, "", "", ""]),
        of("name-with-percent", "100%.img", [panic, parse, "", ""]),
        of("name-with-tab", "a\tb.img", [panic, parse, "", ""]),
        of("name-with-delete", "a\u{7f}b.img", [panic, parse, "", ""]),
        of("name-encoded", "a%20b.img", ["", not, "", ""]),
        of("name-with-hash", "a#b.img", ["", not, "", ""]),
        of("name-with-question", "a?b.img", ["", not, "", ""]),
        of("name-info", "info", ["", not, "", ""]),
        of("name-index", "index.html", ["", not, "", ""]),
    ]
}

fn links() -> Vec<Case> {
    let data = || file("data/disk.img", &raw());
    let gone = "no such file";
    let pipe = item(DISK, EntryType::Fifo);
    vec![
        of("link", &[data(), symlink(DISK, "../data/disk.img")], ["empty", "", "", ""]),
        of("rooted-link", &[data(), symlink(DISK, "/data/disk.img")], ["empty", "", "", gone]),
        of("dangling-link", &[symlink(DISK, "../data/x")], ["empty", gone, gone, gone]),
        of("hard-link", &[data(), hardlink(DISK, "data/disk.img")], ["empty", "", "", ""]),
        of("pipe", &[pipe], ["empty", "no file", "not a regular file", "not a regular file"]),
        of(
            "linked-directory",
            &[data(), symlink("disk", "data")],
            ["does not exist in image directory", "", "", ""],
        ),
    ]
}

fn owners() -> Vec<Case> {
    let denied = "permission denied";
    let file = |mode, uid, gid| [dir("disk"), disk().mode(mode).owner(uid, gid)];
    let inside = |mode| [dir("disk").mode(mode).owner(0, 0), disk()];
    let hidden = ["", denied, denied, denied];
    let dir_hidden = ["", denied, "", denied];
    vec![
        of("private-to-root", &file(0o600, 0, 0), hidden),
        of("private-to-107", &file(0o600, 107, 0), GOOD),
        of("group-107", &file(0o040, 0, 107), GOOD),
        of("all-but-107", &file(0o004, 107, 107), hidden),
        of("all-but-group-107", &file(0o604, 0, 107), hidden),
        of("everybody", &file(0o444, 0, 0), GOOD),
        of("private-directory", &inside(0o700), dir_hidden),
        of("unlisted-directory", &inside(0o711), dir_hidden),
        of("unsearched-directory", &inside(0o744), dir_hidden),
        of("open-directory", &inside(0o755), GOOD),
        of("closed-root", &[dir(".").mode(0o700).owner(0, 0), dir("disk"), disk()], GOOD),
        of("read-only-root", &[dir(".").mode(0o500).owner(0, 0), dir("disk"), disk()], GOOD),
    ]
}

fn layers() -> Vec<Case> {
    let other = || file("disk/other.img", &mixed_bytes(2, 8192));
    let etc = || file("etc/motd", b"hello");
    let made =
        |lower: &[LayerItem], upper: &[LayerItem]| HandmadeImage::new().layer(lower).layer(upper);
    let none = ["", "not exactly one", "no file found", "0 entries"];
    let whiteout = || item("disk/.wh.other", EntryType::Regular);
    let listed = ["", "not exactly one", "more than one", "2 entries"];
    let twice = "duplicates of file paths";
    let deflate = "incomplete deflate stream";
    let broken = HandmadeImage::new()
        .compressed_layer(LayerCompression::Gzip, &[file("etc/random", &noise_bytes(3, 8192))])
        .truncate_layer(2048);
    vec![
        case("replaced", made(&[disk()], &[file(DISK, &mixed_bytes(3, 8192))]), GOOD),
        case("whited-out", made(&[disk()], &[item("disk/.wh.disk.img", EntryType::Regular)]), none),
        case(
            "renamed",
            made(&[disk()], &[item("disk/.wh.disk.img", EntryType::Regular), other()]),
            GOOD,
        ),
        case(
            "opaque",
            made(&[disk()], &[item("disk/.wh..wh..opq", EntryType::Regular), other()]),
            GOOD,
        ),
        case("on-top", made(&[etc()], &[dir("disk"), disk()]), GOOD),
        case("below", made(&[dir("disk"), disk()], &[etc()]), GOOD),
        case("unrelated-whiteout", made(&[etc(), disk()], &[file("etc/.wh.motd", b"")]), GOOD),
        case(
            "directory-closed-above",
            made(&[dir("disk"), disk()], &[dir("disk").mode(0o700).owner(0, 0)]),
            ["", "permission denied", "", "permission denied"],
        ),
        case(
            "two-in-two-layers",
            made(&[disk()], &[other()]),
            ["", "not exactly one", "more than one", "2 entries"],
        ),
        case("broken-below", broken.layer(&[disk()]), ["", deflate, deflate, deflate]),
        of("disk-twice", &[dir("disk"), disk(), disk()], ["", twice, twice, twice]),
        of("directory-twice", &[dir("disk"), disk(), dir("./disk")], ["", twice, twice, twice]),
        of("other-twice", &[dir("disk"), disk(), etc(), etc()], ["", twice, twice, twice]),
        case(
            "twice-in-two-layers",
            made(&[etc(), dir("disk"), disk()], &[etc(), dir("etc")]),
            GOOD,
        ),
        of("listed-whiteout", &[dir("disk"), disk(), whiteout()], listed),
        of("listed-whiteout-alone", &[disk(), whiteout()], listed),
        case("listed-whiteout-on-top", made(&[etc()], &[dir("disk"), disk(), whiteout()]), listed),
        case("hidden-whiteout", made(&[dir("disk")], &[dir("disk"), disk(), whiteout()]), GOOD),
        case("hidden-whiteout-below", made(&[disk(), whiteout()], &[dir("disk")]), GOOD),
    ]
}

fn packings() -> Vec<Case> {
    let zeros = |len| {
        let mut disk = vec![0; len];
        disk[len - 512..].copy_from_slice(&noise_bytes(4, 512));
        [dir("disk"), file(DISK, &disk)]
    };
    let dense = || [dir("disk"), file(DISK, &noise_bytes(5, 65536))];
    let made = |packed, items: &[LayerItem]| HandmadeImage::new().compressed_layer(packed, items);
    let tiny = || [file(DISK, b"a disk of few bytes, which is none")];
    let id = "wrong diff id";
    let header = "could not process image header";
    let deflate = "incomplete deflate stream";
    vec![
        case("gzip", made(LayerCompression::Gzip, &dense()), GOOD),
        case("gzip-members", made(LayerCompression::GzipMembers, &dense()), GOOD),
        case("gzip-of-zeros", made(LayerCompression::Gzip, &zeros(1 << 20)), GOOD),
        case("gzip-tiny", made(LayerCompression::Gzip, &tiny()), [NONE, header, "", ""]),
        of("disk-of-511", &[dir("disk"), file(DISK, &mixed_bytes(5, 511))], ["", header, "", ""]),
        of("disk-of-512", &[dir("disk"), file(DISK, &mixed_bytes(5, 512))], GOOD),
        case("zstd", made(LayerCompression::Zstd, &dense()), GOOD),
        case("zstd-of-zeros", made(LayerCompression::Zstd, &zeros(1 << 20)), [NONE, "", "", ""]),
        case("zstd-guarded", made(LayerCompression::ZstdGuarded, &zeros(1 << 20)), GOOD),
        case("zstd-tiny", made(LayerCompression::Zstd, &tiny()), [NONE, header, "", ""]),
        case("zstd-skippable", made(LayerCompression::ZstdSkippable, &dense()), [NONE, "", "", ""]),
        case("xz", made(LayerCompression::Xz, &dense()), ["", id, id, id]),
        case("bzip2", made(LayerCompression::Nonsense, &dense()), [NONE, id, id, id]),
        case(
            "gzip-cut",
            made(LayerCompression::Gzip, &dense()).truncate_layer(30_000),
            [NONE, deflate, deflate, deflate],
        ),
    ]
}

fn roots() -> Vec<Case> {
    let with =
        |items: &[LayerItem]| HandmadeImage::new().layer(&[&[dir("disk"), disk()], items].concat());
    let bootc = "bootc image detected";
    let mount = "not a directory";
    let files = "a file onto a directory";
    let usr = [dir("usr"), symlink("usr/bin", "sbin"), dir("usr/sbin")];
    vec![
        case("sysroot", with(&[dir("sysroot")]), ["", bootc, "", ""]),
        case("ostree", with(&[dir("ostree")]), ["", bootc, "", ""]),
        case("sysroot-implied", with(&[file("sysroot/a", b"")]), ["", bootc, "", ""]),
        case("sysroot-link", with(&[symlink("sysroot", "data"), dir("data")]), ["", bootc, "", ""]),
        case(
            "ostree-link",
            with(&[symlink("ostree", "/mnt/a"), file("mnt/a/b", b"")]),
            ["", bootc, "", ""],
        ),
        case(
            "sysroot-links",
            with(&[symlink("sysroot", "a"), symlink("a", "./b/../c"), dir("c"), dir("b")]),
            ["", bootc, "", ""],
        ),
        case("sysroot-to-root", with(&[symlink("sysroot", "/")]), ["", bootc, "", ""]),
        case("sysroot-dangling", with(&[symlink("sysroot", "nowhere")]), GOOD),
        case("sysroot-to-file", with(&[symlink("sysroot", "a"), file("a", b"")]), GOOD),
        case("hosts", with(&[file("etc/hosts", b"")]), GOOD),
        case("hosts-directory", with(&[dir("etc/hosts")]), ["", files, files, files]),
        case(
            "resolv-directory",
            with(&[file("etc/resolv.conf/a", b"")]),
            ["", files, files, files],
        ),
        case("hostname-dangling", with(&[symlink("etc/hostname", "../run/a")]), GOOD),
        case("sysroot-file", with(&[file("sysroot", b"")]), GOOD),
        case("bootc-label", good().label("containers.bootc", "1"), [bootc, "", "", ""]),
        case("ostree-label", good().label("ostree.bootable", "1"), [bootc, "", "", ""]),
        case("bootc-label-off", good().label("containers.bootc", "0"), GOOD),
        case("usr-file", with(&[file("usr", b"")]), ["", "", mount, ""]),
        case("usr-bin-file", with(&[dir("usr"), file("usr/bin", b"")]), ["", "", mount, ""]),
        case("usr-bin-link", with(&usr), GOOD),
        case("usr-bin-dangling", with(&[symlink("usr", "nowhere")]), GOOD),
        case("var-file", with(&[file("var", b"")]), ["", "", mount, ""]),
        case("shared-file", with(&[file("shared", b"")]), ["", mount, "", ""]),
        case("binary-file", with(&[file("container-disk-binary", b"")]), ["", "", mount, mount]),
    ]
}

fn documents() -> Vec<Case> {
    let digest = "has another digest";
    let id = "wrong diff id";
    let count = "mismatched image rootfs";
    let zeros = format!("sha256:{}", "0".repeat(64));
    let index = "no image found in image index";
    let artifact = "unsupported image-specific operation";
    vec![
        case("index", good().index(&["unknown/unknown", "linux/amd64"]), GOOD),
        case("attested", good().index(&["linux/amd64", "unknown/unknown"]), GOOD),
        case("docker", good().docker(), GOOD),
        case("windows", good().index(&["windows/amd64"]), [index; 4]),
        case(
            "artifact",
            good().artifact().config(|config| *config = serde_json::json!({})),
            [artifact, "no rootfs", "no match for platform", "no match for platform"],
        ),
        case(
            "wrong-diff-id",
            good().config(|config| config["rootfs"]["diff_ids"][0] = zeros.into()),
            ["", id, id, id],
        ),
        case(
            "no-diff-id",
            good().config(|config| config["rootfs"]["diff_ids"] = serde_json::json!([])),
            ["", count, count, count],
        ),
        case("damaged", good().damage_layer(|blob| blob[2000] ^= 1), ["", digest, digest, digest]),
        case(
            "damaged-head",
            good().damage_layer(|blob| blob[0] ^= 1),
            [NONE, digest, digest, digest],
        ),
        case(
            "config-of-another",
            good().index(&["linux/amd64"]).config(|config| config["architecture"] = "arm64".into()),
            ["doesn't match requested", "", "", ""],
        ),
        case(
            "no-architecture",
            good().config(|config| config["architecture"] = "".into()),
            ["doesn't match requested", "", "no match", "no match"],
        ),
    ]
}

fn indexes() -> Vec<Case> {
    let index = ["no image found in image index"; 4];
    vec![
        case("undeclared", good().index(&[""]), GOOD),
        case("undeclared-behind", good().index(&["linux/amd64", "unknown/unknown", ""]), GOOD),
        case("undeclared-in-a-list", good().docker().index(&[""]), index),
        case("variant-v1", good().index(&["linux/amd64/v1"]), index),
        case("variant-v2", good().index(&["linux/amd64/v2"]), index),
        case("variant-v3", good().index(&["linux/amd64/v3"]), index),
        case("variant-beside", good().index(&["linux/amd64/v3", "linux/amd64"]), GOOD),
        case("variant-in-a-list", good().docker().index(&["linux/amd64/v2"]), index),
    ]
}

fn variables() -> Vec<Case> {
    let invalid = ["Invalid value", "Invalid value", "", ""];
    let long = ["exceeds maximum length", "exceeds maximum length", "", ""];
    let value = |len| format!("KUBEVIRT_IO_X={}", "v".repeat(len));
    let reports =
        |len: usize| good().env(&report_of(len).iter().map(String::as_str).collect::<Vec<_>>());
    let many = (0..60).map(|n| format!("KUBEVIRT_IO_LABEL_NUMBER_{n}={}", "v".repeat(60)));
    let many: Vec<String> = many.collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let of = |name, variable: &str, said| case(name, good().env(&[variable]), said);
    vec![
        of("label", "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora", GOOD),
        of("label-empty", "KUBEVIRT_IO_X=", GOOD),
        of("label-of-63", &value(63), GOOD),
        of("label-of-64", &value(64), invalid),
        of("label-with-space", "KUBEVIRT_IO_X=a b", invalid),
        of("label-of-dash", "KUBEVIRT_IO_X=-", invalid),
        of("label-without-name", "KUBEVIRT_IO_=x", invalid),
        of("label-with-dots", "A__KUBEVIRT_IO_B=x", invalid),
        of("label-with-dash-behind", "KUBEVIRT_IO_A_=x", invalid),
        of("label-in-lower-case", "kubevirt_io_x=a b", GOOD),
        case("labels-too-many", good().env(&many), long),
        case("labels-many", good().env(&many[..30]), GOOD),
        case("report-of-4095", reports(4095), GOOD),
        case("report-of-4096", reports(4096), GOOD),
        case("report-of-4097", reports(4097), long),
    ]
}

/// Returns variables with which CDI's report of an import has a length.
fn report_of(len: usize) -> Vec<String> {
    let frame = r#"{"scratchSpaceRequired":false,"preallocationApplied":false,"labels":{},"message":"Import Complete"}"#;
    // Four quotes, a colon and a comma of a label; the last has no comma.
    let around = 6;
    let mut rest = len + 1 - frame.len();
    let mut variables = Vec::new();
    while rest > 0 {
        let number = variables.len();
        let name = format!("kubevirt.io/l{number:03}");
        let most = rest.min(around + name.len() + 60);
        // What is left for another has room for one.
        let own = if rest - most < 30 && rest > most { most - 30 } else { most };
        let value = "v".repeat(own - around - name.len());
        variables.push(format!("KUBEVIRT_IO_L{number:03}={value}"));
        rest -= own;
    }
    variables
}

/// Disks by `qemu-img`, where it is.
fn formats() -> Vec<Case> {
    let wrapped = || {
        HandmadeImage::new()
            .compressed_layer(LayerCompression::None, &[file(DISK, &gzip(&noise_bytes(6, 65536)))])
    };
    let mut found = vec![
        of("empty", &[file(DISK, b"")], ["empty", "image header", "empty", "empty"]),
        of("zeros", &[file(DISK, &vec![0; 1 << 20])], GOOD),
        case("packed", wrapped(), GOOD),
    ];
    let Some(qemu) = peer::find("qemu-img") else { return found };
    let scene = Scene::new();
    scene.write("raw", mixed_bytes(7, 1 << 20));
    let source = scene.path("raw");
    let make = |format: &str, options: &[&str]| {
        let path = scene.path(&format!("{format}.img"));
        let args = ["convert", "-f", "raw", "-O", format].into_iter();
        let paths = [source.to_str().unwrap(), path.to_str().unwrap()];
        qemu.run(args.chain(options.iter().copied()).chain(paths));
        scene.read(&format!("{format}.img"))
    };
    let mut add = |name, bytes: &[u8], said| found.push(of(name, &[file(DISK, bytes)], said));
    let cdi_only = ["", "", "unsupported image format", "unsupported image format"];
    let nobodys = ["Invalid format", "Invalid format", "unsupported image", "unsupported image"];
    let qcow2 = make("qcow2", &[]);
    add("qcow2", &qcow2, GOOD);
    add("qcow2-v2", &make("qcow2", &["-o", "compat=0.10"]), GOOD);
    add("qcow2-cut", &qcow2[..60], ["qemu-img", "image header", "qemu-img", "qemu-img"]);
    add("vmdk", &make("vmdk", &[]), cdi_only);
    add("vdi", &make("vdi", &[]), cdi_only);
    add("vhdx", &make("vhdx", &[]), cdi_only);
    add("vhd", &make("vpc", &[]), cdi_only);
    add("qed", &make("qed", &[]), nobodys);
    let [blank, backed] = ["blank", "backed"].map(|name| scene.path(name));
    let create = ["create", "-q", "-f", "qcow2", blank.to_str().unwrap(), "8M"];
    qemu.run(create);
    add("qcow2-blank", &scene.read("blank"), GOOD);
    let base = ["-F", "raw", "-b", source.to_str().unwrap(), backed.to_str().unwrap()];
    qemu.run(["create", "-q", "-f", "qcow2"].iter().chain(&base));
    let backed = scene.read("backed");
    let backing = ["invalid backing", "invalid backing", "no backing file", "no backing file"];
    add("qcow2-backed", &backed, backing);
    found
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
