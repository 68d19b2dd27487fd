use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::*;

/// Lists by their URLs.
struct Lists(BTreeMap<String, Vec<u8>>);

impl FetchList for Lists {
    fn fetch(&self, url: &str, _: u64) -> Result<Arc<[u8]>, FetchError> {
        let list = self.0.get(url).map(|list| list.as_slice().into());
        list.ok_or_else(|| FetchError {
            url: url.into(),
            why: "the server answered 404".into(),
            kind: FetchErrorKind::Missing,
        })
    }

    fn check_reach(&self, _list: &str, _named: &str) -> Result<(), FetchError> {
        Ok(())
    }
}

/// Takes `signed by KEY` as the signature of anything.
struct Signatures;

impl VerifySignature for Signatures {
    fn verify(
        &self,
        keyring: &ListKeyring,
        signed: &[u8],
        detached: Option<&[u8]>,
    ) -> Result<SignedText, String> {
        let good = format!("signed by {}", keyring.path);
        let text = String::from_utf8_lossy(signed).into_owned();
        let text = match detached {
            Some(signature) if signature == good.as_bytes() => signed.to_vec(),
            None if text.contains(&good) => {
                text.lines().skip(1).collect::<Vec<_>>().join("\n").into_bytes()
            }
            _ => return Err("it is not the signature of this text".into()),
        };
        Ok(SignedText { text, key: "AA".into() })
    }
}

const HOST: &str = "https://upstream.example/d/";

/// Returns a source whose list is `name` on [`HOST`].
fn source(kind: UpstreamKind, name: &str, file: &str) -> UpstreamSource {
    UpstreamSource {
        kind,
        url: UpstreamTemplate::new(format!("{HOST}{name}")),
        file: (!file.is_empty()).then(|| UpstreamTemplate::new(file)),
        version: None,
        checksums: None,
        mirrors: Vec::new(),
        signature: None,
    }
}

fn find(
    source: &UpstreamSource,
    platform: &str,
    lists: &[(&str, &[u8])],
) -> Result<UpstreamDisk, String> {
    let lists = lists.iter().map(|(name, list)| (format!("{HOST}{name}"), list.to_vec()));
    let platform = platform.parse().unwrap();
    find_newest_disk(source, &platform, &Lists(lists.collect()), &Signatures)
        .map_err(|error| error.to_string())
}

/// Returns `VERSION NAME CHECKSUM` with the checksum's first digits.
fn summary(disk: &UpstreamDisk) -> String {
    let checksum = disk.checksum.to_string();
    format!("{} {} {}", disk.version, json::file_name(&disk.url), &checksum[..19])
}

/// A release file that others gathered, or nothing where they are not at hand.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "cases of others lie outside")]
fn conformance(file: &str) -> Option<Vec<u8>> {
    let given = std::env::var_os("DISKETTE_CONFORMANCE").map(std::path::PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let list = std::fs::read(given.unwrap_or_else(beside).join("releases").join(file)).ok();
    if list.is_none() {
        eprintln!("skipped: {file} is missing");
    }
    list
}

#[test]
fn real_lists_have_the_disks_that_they_are_known_for() {
    let check = |source: &UpstreamSource, platform: &str, file: &str, expected: &str| {
        let Some(list) = conformance(file) else { return };
        let url = source.url.fill(&platform.parse().unwrap()).unwrap();
        let name = url.strip_prefix(HOST).unwrap();
        let found = find(source, platform, &[(name, &list)]);
        assert_eq!(found.as_ref().map(summary), Ok(expected.to_owned()), "{file}");
    };
    let alma = r"AlmaLinux-10-GenericCloud-(?<version>10\.\d+-\d{8}\.\d+)\.{arch.uname}\.qcow2";
    let alma = source(UpstreamKind::Checksums, "{arch.uname}/images/CHECKSUM", alma);
    let file = "almalinux/almalinux10-x86_64.checksum";
    let disk = "10.2-20260526.0 AlmaLinux-10-GenericCloud-10.2-20260526.0.x86_64.qcow2 sha256:47f2218668dd";
    check(&alma, "linux/amd64", file, disk);
    let file = "almalinux/almalinux10-s390x.checksum";
    let disk =
        "10.2-20260526.0 AlmaLinux-10-GenericCloud-10.2-20260526.0.s390x.qcow2 sha256:db1f7e8247e1";
    check(&alma, "linux/s390x", file, disk);
    let centos = r"CentOS-Stream-GenericCloud-\d+-(?<version>\d{8}\.\d+)\.{arch.uname}\.qcow2";
    let centos = source(UpstreamKind::Checksums, "CHECKSUM", centos);
    let file = "centosstream/centos-stream10-x86_64.checksum";
    let disk =
        "20241118.0 CentOS-Stream-GenericCloud-10-20241118.0.x86_64.qcow2 sha256:3cb1310f39d9";
    check(&centos, "linux/amd64", file, disk);
    let disk =
        "20211119.0 CentOS-Stream-GenericCloud-9-20211119.0.x86_64.qcow2 sha256:84e67ec05f08";
    check(&centos, "linux/amd64", "hashsum/broken.checksum", disk);
    let ubuntu = r"ubuntu-22\.04-server-cloudimg-{arch}\.img";
    let ubuntu = source(UpstreamKind::Checksums, "SHA256SUMS", ubuntu);
    let disk = " ubuntu-22.04-server-cloudimg-amd64.img sha256:de5e632e17b8";
    check(&ubuntu, "linux/amd64", "ubuntu/SHA256SUM", disk);
    let disk = " ubuntu-22.04-server-cloudimg-arm64.img sha256:66224c7fed99";
    check(&ubuntu, "linux/arm64", "ubuntu/SHA256SUM", disk);
    let leap = r"Leap-16\.0-Minimal-VM\.{arch.uname}-Cloud\.qcow2";
    let list = "Leap-16.0-Minimal-VM.{arch.uname}-Cloud.qcow2.sha256";
    let leap = source(UpstreamKind::Checksums, list, leap);
    let file = "opensuse/leap/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2.sha256";
    let disk = " Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2 sha256:6c3b6b2ded57";
    check(&leap, "linux/amd64", file, disk);
    let name =
        r"openSUSE-Tumbleweed-Minimal-VM\.{arch.uname}-.*-Cloud-Snapshot(?<version>\d+)\.qcow2";
    let tumbleweed = source(UpstreamKind::Checksums, "SHA256SUMS", name);
    let file = "opensuse/microos/microos.SHA256SUM";
    let disk = "20260207 openSUSE-Tumbleweed-Minimal-VM.x86_64-1.0.0-Cloud-Snapshot20260207.qcow2 sha256:a0e5f832435b";
    check(&tumbleweed, "linux/amd64", file, disk);
    let debian = source(UpstreamKind::DebianCloud, "debian-12-genericcloud-{arch}.json", "");
    let file = "debian/debian-12-genericcloud-amd64.json";
    let disk = "20250210-2019 debian-12-genericcloud-amd64.qcow2 sha512:a58d86525d75";
    check(&debian, "linux/amd64", file, disk);
    let fedora = r"Fedora-Cloud-Base-Generic\..*\.qcow2";
    let fedora = source(UpstreamKind::FedoraReleases, "releases.json", fedora);
    let disk = "40 Fedora-Cloud-Base-Generic.s390x-40-1.14.qcow2 sha256:808226b31c6c";
    check(&fedora, "linux/s390x", "fedora/releases.json", disk);
    let name = r"Fedora-Cloud-Base-(?<version>39-\d+\.\d+)\.{arch.uname}\.qcow2";
    let fedora = UpstreamSource {
        version: Some("39".into()),
        file: Some(UpstreamTemplate::new(name)),
        ..fedora
    };
    let disk = "39-1.5 Fedora-Cloud-Base-39-1.5.aarch64.qcow2 sha256:765996d5b774";
    check(&fedora, "linux/arm64", "fedora/releases.json", disk);
}

/// As many digits as SHA-256 has, all the same.
fn digits(digit: char) -> String {
    digit.to_string().repeat(64)
}

#[test]
fn lists_of_checksums_are_read_strictly_where_it_matters() {
    let file = r"d-(?<version>[\d.]+)\.img";
    let check = |list: &str, expected: Result<&str, &str>| {
        let list = list.replace("AAA", &digits('a')).replace("BBB", &digits('b'));
        let found = find(
            &source(UpstreamKind::Checksums, "L", file),
            "linux/amd64",
            &[("L", list.as_bytes())],
        );
        let found = found.as_ref().map(summary).map_err(|error| error.replace(HOST, ""));
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{list}");
    };
    let (old, new) = ("9.8 d-9.8.img sha256:aaaaaaaaaaaa", "9.10 d-9.10.img sha256:bbbbbbbbbbbb");
    check("AAA  d-9.8.img\nBBB *d-9.10.img\n", Ok(new));
    check("BBB  ./d-9.10.img\r\nAAA d-9.8.img", Ok(new));
    check("# d-9.8.img: 5 bytes\nSHA256 (d-9.8.img) = AAA\nnot a checksum", Ok(old));
    check("AAA  d-9.8.img\nAAA  d-9.8.img", Ok(old));
    check(
        "AAA  d-9.8.img\nBBB  d-9.8.img",
        Err("L is not a list of checksums: it has two checksums for d-9.8.img"),
    );
    check(
        "AAA  d-9.8.img\nBBB  d-9.08.img",
        Err(
            r"L has more than one file that matches `d-(?<version>[\d.]+)\.img`: d-9.8.img, d-9.08.img",
        ),
    );
    check("AAA  e.img\n", Err(r"no file of L matches `d-(?<version>[\d.]+)\.img`; it has e.img"));
    check("<html>", Err("L is not a list of checksums: it has no checksum"));
    check("", Err("L is not a list of checksums: it has no checksum"));
    let unusable = "L has no checksum for d-9.10.img that can be used: it";
    check("AAA  d-9.8.img\nSHA256 (d-9.10.img) = ", Err(&format!("{unusable} is empty")));
    check("SHA256 (d-9.10.img) = abcd", Err(&format!("{unusable} has 4 digits, not 64")));
    check("SHA512 (d-9.10.img) = AAA", Err(&format!("{unusable} has 64 digits, not 128")));
    check("SHA256 (d-9.10.img) = xyz", Err(&format!("{unusable} is not hexadecimal")));
    check("MD5 (d-9.10.img) = abcd", Err("L is not a list of checksums: it has no checksum"));
}

#[test]
fn a_digest_alone_is_that_of_the_file_which_the_list_is_named_after() {
    let lists = [("d.qcow2.sha256", digits('c') + "\n")];
    let lists = lists.each_ref().map(|(name, list)| (*name, list.as_bytes()));
    let found =
        find(&source(UpstreamKind::Checksums, "d.qcow2.sha256", ".*"), "linux/amd64", &lists)
            .unwrap();
    assert_eq!(summary(&found), " d.qcow2 sha256:cccccccccccc");
    assert_eq!(found.url, format!("{HOST}d.qcow2"));
}

/// Compares what is found for arm64 in these lists, where `AAA` stands for the digits of a digest.
#[track_caller]
fn check(source: &UpstreamSource, lists: &[(&str, &str)], expected: Result<&str, &str>) {
    let lists: Vec<(&str, String)> =
        lists.iter().map(|(name, list)| (*name, list.replace("AAA", &digits('a')))).collect();
    let lists: Vec<_> = lists.iter().map(|(name, list)| (*name, list.as_bytes())).collect();
    let found = find(source, "linux/arm64", &lists);
    let found = found.as_ref().map(summary).map_err(|error| error.replace(HOST, ""));
    assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{lists:?}");
}

#[test]
fn simplestreams_are_read() {
    let index = r#"{"index": {"a": {"datatype": "image-downloads", "path": "streams/v1/p.sjson"},
        "b": {"datatype": "image-ids", "path": "streams/v1/gone.json"}}}"#;
    let products = r#"{"products": {"x:24.04:arm64": {"arch": "arm64", "version": "24.04", "aliases": "noble,lts",
        "versions": {"20260101": {"items": {"disk1.img": {"path": "s/20260101/d-arm64.img", "sha256": "AAA", "size": 9}}},
        "20260110": {"items": {"disk1.img": {"path": "s/20260110/d-arm64.img", "sha256": "AAA"},
        "root.tar.xz": {"path": "s/20260110/root.tar.xz", "sha256": "AAA"}}}}},
        "x:22.04:arm64": {"arch": "arm64", "version": "22.04", "versions": {"20270101": {"items": {"d": {"path": "d-arm64.img"}}}}}}}"#;
    let mut streams =
        source(UpstreamKind::Simplestreams, "streams/v1/index.json", r"d-{arch}\.img");
    streams.version = Some("noble".into());
    let signed = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{products}\n-----BEGIN PGP SIGNATURE-----\n"
    );
    let lists = [("streams/v1/index.json", index), ("streams/v1/p.sjson", &signed)];
    check(&streams, &lists, Ok("20260110 d-arm64.img sha256:aaaaaaaaaaaa"));
    check(&streams, &lists[..1], Err("cannot fetch streams/v1/p.sjson: the server answered 404"));
    streams.version = Some("22.04".into());
    let none =
        "streams/v1/index.json has no checksum for d-arm64.img that can be used: there is none";
    check(&streams, &lists, Err(none));

    let named = |count: usize| {
        let list = |number| {
            format!(
                r#""{number}": {{"datatype": "image-downloads", "path": "streams/v1/p.sjson"}}"#
            )
        };
        let all: Vec<String> = (0..count).map(list).collect();
        format!(r#"{{"index": {{{}}}}}"#, all.join(","))
    };
    let many = named(33);
    let lists = [("streams/v1/index.json", &*many), ("streams/v1/p.sjson", &signed)];
    let why = "streams/v1/index.json is not a simplestreams list: it names more than 32 lists";
    check(&streams, &lists, Err(why));
}

#[test]
fn coreos_streams_are_read() {
    let stream = r#"{"architectures": {"aarch64": {"artifacts": {"qemu": {"release": "43.1", "formats": {
        "qcow2.xz": {"disk": {"location": "https://b.example/f-43.1-qemu.aarch64.qcow2.xz", "sha256": "AAA",
        "uncompressed-sha256": "AAA"}}}}}}}}"#;
    let coreos =
        source(UpstreamKind::CoreosStream, "stable.json", r".*-qemu\.{arch.uname}\.qcow2\.xz");
    let disk = "43.1 f-43.1-qemu.aarch64.qcow2.xz sha256:aaaaaaaaaaaa";
    check(&coreos, &[("stable.json", stream)], Ok(disk));
    let none = r"no file of stable.json matches `.*-qemu\.aarch64\.qcow2\.xz`; it lists no file for this platform";
    check(&coreos, &[("stable.json", r#"{"architectures": {}}"#)], Err(none));
    let wrong =
        "stable.json is not a CoreOS stream: missing field `architectures` at line 1 column 2";
    check(&coreos, &[("stable.json", "{}")], Err(wrong));
}

#[test]
fn pages_of_directories_are_read() {
    let page = r#"<a href="../">up</a> <A HREF='d-1.9.raw'>x</a><a class=x href="d-1.10.raw">y</a><a href="d-1.99.raw/">z</a>"#;
    let directory = source(UpstreamKind::Directory, "", r"d-(?<version>.*)\.raw");
    let sums = ("SHA256SUMS", "AAA  d-1.10.raw");
    check(&directory, &[("", page), sums], Ok("1.10 d-1.10.raw sha256:aaaaaaaaaaaa"));
    let none = "SHA256SUMS has no checksum for d-1.10.raw that can be used: there is none";
    check(&directory, &[("", page), ("SHA256SUMS", "AAA  d-1.9.raw")], Err(none));
    let beside = UpstreamSource { checksums: Some("{file}.sha256".into()), ..directory };
    check(
        &beside,
        &[("", page), ("d-1.10.raw.sha256", "AAA")],
        Ok("1.10 d-1.10.raw sha256:aaaaaaaaaaaa"),
    );
}

#[test]
fn indexes_of_virt_builder_are_read() {
    let index = "[fedora-40]\nname=Fedora\narch=aarch64\nfile=f/d.xz\nrevision=2\nchecksum[sha512]=AAAAAA\nnotes=a\n b\n\n\
        [fedora-41]\narch=aarch64\nfile=e.xz\n";
    let mut builder = source(UpstreamKind::VirtBuilder, "index", "");
    builder.version = Some("fedora-40".into());
    check(&builder, &[("index", index)], Ok("2 d.xz sha512:aaaaaaaaaaaa"));
    builder.version = Some("fedora-41".into());
    let none = "index has no checksum for e.xz that can be used: there is none";
    check(&builder, &[("index", index)], Err(none));
    let wrong = "index is not an index of virt-builder: line 1 is neither a section nor a key";
    check(&builder, &[("index", "<html>")], Err(wrong));
}

#[test]
fn signatures_are_looked_for_and_hold() {
    let check = |signature: Option<&str>, lists: &[(&str, &str)], expected: Result<&str, &str>| {
        let keyring = ListKeyring { path: "me".into(), fingerprints: Vec::new() };
        let signature = signature.map(UpstreamTemplate::new);
        let mut source = source(UpstreamKind::Checksums, "SUMS", r"d\.img");
        source.signature = Some(ListSignature { keyring, url: signature });
        let lists: Vec<(&str, String)> =
            lists.iter().map(|(name, list)| (*name, list.replace("AAA", &digits('a')))).collect();
        let lists: Vec<_> = lists.iter().map(|(name, list)| (*name, list.as_bytes())).collect();
        let found = find(&source, "linux/amd64", &lists);
        let found = found.as_ref().map(summary).map_err(|error| error.replace(HOST, ""));
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{lists:?}");
    };
    let (sums, disk) = (("SUMS", "AAA  d.img"), Ok(" d.img sha256:aaaaaaaaaaaa"));
    check(None, &[sums, ("SUMS.gpg", "signed by me")], disk);
    check(Some("../d/other"), &[sums, ("other", "signed by me")], disk);
    check(None, &[("SUMS", "-----BEGIN PGP SIGNED MESSAGE----- signed by me\nAAA  d.img")], disk);
    let wrong = Err("the signature of SUMS does not hold: it is not the signature of this text");
    check(None, &[sums, ("SUMS.asc", "signed by you")], wrong);
    check(None, &[sums, ("SUMS.asc", "")], wrong);
    check(None, &[("SUMS", "-----BEGIN PGP SIGNED MESSAGE-----\nAAA  d.img")], wrong);
    let none = "the signature of SUMS does not hold: there is none, neither in it nor beside it \
        (.asc, .gpg, .sig, .sign)";
    check(None, &[sums], Err(none));
    check(Some("other"), &[sums], Err("cannot fetch other: the server answered 404"));
}

#[test]
fn mirrors_have_what_lies_beside_the_list() {
    let mut source = source(UpstreamKind::Checksums, "{arch}/SUMS", r".*\.xz");
    source.mirrors = vec![UpstreamTemplate::new("https://m.example/{arch}/")];
    let list = format!("{}  sub/d.xz", digits('a'));
    let found = find(&source, "linux/arm64", &[("arm64/SUMS", list.as_bytes())]).unwrap();
    assert_eq!(found.url, format!("{HOST}arm64/sub/d.xz"));
    assert_eq!(found.mirrors, ["https://m.example/arm64/sub/d.xz"]);
    assert_eq!(found.compression, Some(CompressionFormat::Xz));
}
