//! Whatever goes wrong upstream: what is bad is never published, what is good always is, and one
//! image keeps no other back.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::server::ServerAnswer::{self, *};
use diskette_integration::upstream::Upstream;

/// What is to come of a fault.
#[derive(Clone, Copy)]
enum Outcome {
    /// It is overcome.
    Good,
    /// Nothing is published, for this reason.
    Bad(&'static str),
    /// Nothing is published, and it may go well later.
    Later(&'static str),
}
use Outcome::{Bad, Good, Later};

/// What a server has of one release, to be spoilt.
struct Release {
    /// The disk for amd64.
    disk: Vec<u8>,
    /// The list of checksums.
    list: Vec<u8>,
    version: String,
}

/// Where a fault shows.
#[derive(Clone, Copy)]
enum At {
    Disk,
    List,
    OtherDisk,
}
use At::{Disk, List, OtherDisk};

struct Stage {
    scene: Scene,
    upstream: Upstream,
    registry: DockerRegistry,
    round: u64,
}

const PAGE: &str = "Content-Type: text/html; charset=utf-8";

impl Stage {
    fn new() -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let upstream = Upstream::start();
        let text = upstream.catalogue(&registry.address(), &["checksums", "directory"]);
        scene.write("diskette.yaml", text);
        Some(Self { scene, upstream, registry, round: 1 })
    }

    fn digest(&self, kind: &str) -> Option<String> {
        peer::read_manifest_by_skopeo(&self.registry.reference(&format!("disks/{kind}:1")))
            .map(|it| sha256(&it))
    }

    /// Publishes a new release of both images, spoils the first, and looks at what becomes of it.
    fn check(
        &mut self,
        name: &str,
        at: At,
        spoil: impl Fn(&Release) -> ServerAnswer,
        expected: Outcome,
    ) {
        self.round += 1;
        let version = format!("1.{}", self.round);
        for kind in ["checksums", "directory"] {
            self.upstream.publish_release(kind, &version, self.round);
        }
        let file = |uname: &str| format!("/checksums/checksums-{version}.{uname}.qcow2");
        let disk = qcow2_disk(self.round * 100 * 7 + "checksums".len() as u64, 300_000);
        let other = qcow2_disk((self.round * 100 + 1) * 7 + "checksums".len() as u64, 300_000);
        let sums = [("x86_64", &disk), ("aarch64", &other)]
            .map(|(uname, disk)| format!("{}  checksums-{version}.{uname}.qcow2\n", sha256(disk)));
        let release = Release { disk, list: sums.concat().into_bytes(), version: version.clone() };
        let path = match at {
            Disk => file("x86_64"),
            OtherDisk => file("aarch64"),
            List => "/checksums/SHA256SUMS".to_owned(),
        };
        self.upstream.server.set_answer(path, spoil(&release));
        let before = (self.digest("checksums"), self.digest("directory"));
        let outcome =
            self.scene.run(["sync", "--progress", "none", "--retry", "1", "diskette.yaml"]);
        let after = (self.digest("checksums"), self.digest("directory"));
        let said = &outcome.stderr;
        assert_ne!(before.1, after.1, "{name}: the other image was not published: {said}");
        let (status, why) = match expected {
            Good => (0, ""),
            Bad(why) => (1, why),
            Later(why) => (75, why),
        };
        assert_eq!(outcome.status, status, "{name}: {said}");
        assert!(said.contains(why), "{name}: {said}");
        let is_new = before.0 != after.0;
        assert_eq!(is_new, status == 0, "{name}: {said}");
    }
}

/// The first bytes of a disk.
fn start(disk: &[u8]) -> Vec<u8> {
    disk[..disk.len() / 2].to_vec()
}

fn cut(disk: &[u8]) -> ServerAnswer {
    Cut(disk.to_vec(), disk.len() / 2)
}

fn other(disk: &[u8]) -> Vec<u8> {
    let mut other = disk.to_vec();
    *other.last_mut().unwrap() ^= 1;
    other
}

#[test]
fn disks_that_do_not_come_as_they_should() {
    let Some(mut stage) = Stage::new() else { return };
    let mut disk = |name: &str, spoil: &dyn Fn(&[u8]) -> ServerAnswer, expected: Outcome| {
        stage.check(name, Disk, |release| spoil(&release.disk), expected);
    };
    disk("all is well", &|d| Content(d.to_vec()), Good);
    disk("404", &|_| Status(404), Bad("the server answered 404"));
    disk("403", &|_| Status(403), Bad("the server answered 403"));
    disk("500", &|_| Status(500), Later("the server answered 500"));
    disk("503 once", &|d| Then(vec![Status(503), Content(d.to_vec())]), Good);
    let busy = || With("Retry-After: 1", Box::new(Status(429)));
    disk("429 once", &|d| Then(vec![busy(), Content(d.to_vec())]), Good);
    disk("cut at once", &|d| Then(vec![Cut(d.to_vec(), 0), Content(d.to_vec())]), Good);
    disk("cut in the middle", &|d| Then(vec![cut(d), Content(d.to_vec())]), Good);
    disk("cut, and no parts", &|d| Then(vec![cut(d), Whole(d.to_vec())]), Good);
    disk("cut again and again", &cut, Later("closed the connection"));
    disk("cut, then busy", &|d| Then(vec![cut(d), Status(503)]), Later("the server answered 503"));
}

#[test]
fn disks_that_change_on_their_way() {
    let Some(mut stage) = Stage::new() else { return };
    let mut disk = |name: &str, spoil: &dyn Fn(&[u8]) -> ServerAnswer, expected: Outcome| {
        stage.check(name, Disk, |release| spoil(&release.disk), expected);
    };
    let changed = "changed while it was downloaded";
    disk(
        "cut, then another file",
        &|d| Then(vec![cut(d), Content(other(d))]),
        Bad("checksum is wrong"),
    );
    let tagged = |tag: &'static str, answer: ServerAnswer| With(tag, Box::new(answer));
    disk(
        "cut, then another ETag",
        &|d| Then(vec![tagged("ETag: \"a\"", cut(d)), tagged("ETag: \"b\"", Content(d.to_vec()))]),
        Later(changed),
    );
    disk(
        "cut, then another date",
        &|d| {
            let first = tagged("Last-Modified: Thu, 26 Nov 2026 10:00:00 GMT", cut(d));
            let second =
                tagged("Last-Modified: Thu, 26 Nov 2026 11:00:00 GMT", Content(d.to_vec()));
            Then(vec![first, second])
        },
        Later(changed),
    );
    disk(
        "cut, then the same ETag",
        &|d| Then(vec![tagged("ETag: \"a\"", cut(d)), tagged("ETag: \"a\"", Content(d.to_vec()))]),
        Good,
    );
    disk(
        "cut, then another weak ETag",
        &|d| {
            Then(vec![
                tagged("ETag: W/\"a\"", cut(d)),
                tagged("ETag: W/\"b\"", Content(d.to_vec())),
            ])
        },
        Good,
    );
    disk("cut, then another part", &|d| Then(vec![cut(d), Elsewhere(d.to_vec())]), Later(changed));
    disk("cut, then 416", &|d| Then(vec![cut(d), Status(416)]), Later(changed));
    disk("cut, then a shorter file", &|d| Then(vec![cut(d), Whole(start(d))]), Later(changed));
}

#[test]
fn what_is_not_the_disk() {
    let Some(mut stage) = Stage::new() else { return };
    let mut disk = |name: &str, spoil: &dyn Fn(&[u8]) -> ServerAnswer, expected: Outcome| {
        stage.check(name, Disk, |release| spoil(&release.disk), expected);
    };
    disk("truncated", &|d| Content(start(d)), Bad("cannot use"));
    disk("longer", &|d| Content([d, b"x"].concat()), Bad("checksum is wrong"));
    disk("another file", &|d| Content(other(d)), Bad("checksum is wrong"));
    disk("empty", &|_| Content(Vec::new()), Bad("cannot use"));
    disk("a page", &|_| With(PAGE, Box::new(Content(b"<html>".to_vec()))), Bad("sent a web page"));
    disk("a page that says nothing", &|_| Content(b"<html>".to_vec()), Bad("cannot use"));
    let packed = |how: &'static str, d: &[u8]| With(how, Box::new(Content(d.to_vec())));
    // The checksum decides, not what a server says of the content.
    disk("called packed", &|d| packed("Content-Encoding: x-gzip", d), Good);
    disk("called a page", &|d| packed(PAGE, d), Good);
    let other_packed = |d: &[u8]| With("Content-Encoding: gzip", Box::new(Content(other(d))));
    disk("packed", &|d| other_packed(d), Bad("compressed with gzip"));
    disk("packed with nothing", &|d| packed("Content-Encoding: identity", d), Good);
    disk("without a length", &|d| Unsized(d.to_vec()), Good);
    disk("without a length, truncated", &|d| Unsized(start(d)), Bad("cannot use"));
    disk("sent to nowhere", &|_| Redirect("/gone".into()), Bad("the server answered 404"));
    disk(
        "sent to the link",
        &|_| Redirect("http://169.254.169.254/x".into()),
        Bad("refusing the redirect"),
    );
    disk(
        "sent to a file",
        &|_| Redirect("file:///etc/passwd".into()),
        Bad("neither http nor https"),
    );
}

#[test]
fn lists_that_do_not_say_what_they_should() {
    let Some(mut stage) = Stage::new() else { return };
    let mut list = |name: &str, spoil: &dyn Fn(&Release) -> Vec<u8>, expected: Outcome| {
        stage.check(name, List, |release| Content(spoil(release)), expected);
    };
    list("all is well", &|it| it.list.clone(), Good);
    list("empty", &|_| Vec::new(), Bad("it has no checksum"));
    list("a page", &|_| b"<html>no</html>".to_vec(), Bad("it has no checksum"));
    list("not text", &|_| vec![0xff; 100], Bad("not text"));
    let name = |it: &Release| format!("checksums-{}.x86_64.qcow2", it.version);
    let edit = |it: &Release, from: &str, to: &str| {
        String::from_utf8(it.list.clone()).unwrap().replace(from, to).into_bytes()
    };
    let bsd = |it: &Release, digits: &str| {
        let line = format!("SHA256 ({}) = {digits}\n", name(it)).into_bytes();
        let rest = it.list.split(|byte| *byte == b'\n').nth(1).unwrap();
        [&line, rest].concat()
    };
    list("an empty checksum", &|it| bsd(it, ""), Bad("it is empty"));
    list("a short checksum", &|it| bsd(it, "abcd"), Bad("it has 4 digits, not 64"));
    list("the checksum of an older disk", &|it| bsd(it, &"a".repeat(64)), Bad("checksum is wrong"));
    list("an old list", &|it| edit(it, &it.version, "1.0"), Bad("which is older than"));
    list(
        "one architecture",
        &|it| edit(it, "aarch64", "ppc64le"),
        Bad("for linux/arm64: no file of"),
    );
    list(
        "two of one version",
        &|it| [&it.list[..], &edit(it, "checksums-1.", "checksums-1.0")].concat(),
        Bad("has more than one file"),
    );
    list(
        "two checksums",
        &|it| [&it.list[..], &bsd(it, &"b".repeat(64))].concat(),
        Bad("has two checksums"),
    );
    list(
        "one architecture behind",
        &|it| edit(it, &format!("{}.aarch64", it.version), "1.1.aarch64"),
        Later("upstream has only 1.1 for this platform"),
    );
    list(
        "another length",
        &|it| [format!("# {}: 7 bytes\n", name(it)).as_bytes(), &it.list].concat(),
        Later("not the 7 that are published"),
    );
    list(
        "the right length",
        &|it| [format!("# {}: {} bytes\n", name(it), it.disk.len()).as_bytes(), &it.list].concat(),
        Good,
    );
    stage.check("404", List, |_| Status(404), Bad("the server answered 404"));
    stage.check("503", List, |_| Status(503), Later("the server answered 503"));
    stage.check("cut", List, |it| Cut(it.list.clone(), 9), Later("cannot fetch"));
    stage.check("404 for one", OtherDisk, |_| Status(404), Bad("for linux/arm64: cannot download"));
}
