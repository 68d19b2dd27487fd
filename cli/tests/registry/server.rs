//! The registry of the tests is one that other programs can use, and it does what its profile says.

use std::path::Path;
use std::time::Duration;

use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::registry::profile::{BlobStorage, TokenExpiry, TokenForm};
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;

const HOUR: Duration = Duration::from_secs(3600);

/// skopeo copies an image of two platforms there and back.
fn check_round_trip(skopeo: &Peer, scene: &Scene, profile: Profile) {
    let name = profile.name;
    let registry = Registry::start(Profile { faults: &[], ..profile });
    registry.create_repository("team/vm");
    let there = format!("docker://{}", registry.reference("team/vm:1"));
    let creds = registry.profile().credentials();
    let copy = ["copy", "--all", "--preserve-digests"];
    let to = ["--dest-tls-verify=false", "--dest-creds", &creds];
    skopeo.run(copy.iter().chain(&to).chain(&["oci:out:1", &there]).map(|arg| located(scene, arg)));
    let expected = Layout::open(&scene.path("out")).find_tag("1").digest().to_string();
    assert_eq!(registry.manifest("team/vm", "1").unwrap().digest, expected, "{name}");
    assert_eq!(registry.verify_image("team/vm", "1"), Ok(()), "{name}");
    assert_eq!(registry.open_sessions(), 0, "{name}");
    let from = ["--src-tls-verify=false", "--src-creds", &creds];
    skopeo.run(
        copy.iter().chain(&from).chain(&[&there[..], "oci:back:1"]).map(|arg| located(scene, arg)),
    );
    let back = Layout::open(&scene.path("back"));
    assert_eq!(back.find_tag("1").digest().to_string(), expected, "{name}");
    back.verify_blobs("1").unwrap();
    std::fs::remove_dir_all(scene.path("back")).unwrap();
}

/// Turns `oci:out:1` into a path in the scene.
fn located(scene: &Scene, arg: &str) -> String {
    let Some(layout) = arg.strip_prefix("oci:") else { return arg.to_owned() };
    format!("oci:{}", scene.path(layout).display())
}

#[test]
fn skopeo_copies_there_and_back() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let v3 = || Profile::DISTRIBUTION_3;
    let mut profiles = Profile::ALL.to_vec();
    profiles.extend([
        Profile { name: "basic", ..v3().with_basic() },
        Profile {
            name: "opaque",
            ..v3().with_tokens(HOUR, TokenExpiry::Declared, TokenForm::Opaque)
        },
        Profile {
            name: "untold",
            ..v3().with_tokens(HOUR, TokenExpiry::Undeclared, TokenForm::Opaque)
        },
        Profile { name: "jwt", ..v3().with_tokens(HOUR, TokenExpiry::Declared, TokenForm::Jwt) },
    ]);
    for profile in profiles {
        check_round_trip(&skopeo, &scene, profile);
    }
}

#[test]
fn skopeo_is_refused_with_a_wrong_password() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = Scene::with_disk();
    scene.build(&[]);
    for profile in [Profile::ZOT, Profile::HARBOR, Profile::OPENSHIFT] {
        let registry = Registry::start(profile);
        let there = format!("docker://{}", registry.reference("team/vm:1"));
        let creds = ["copy", "--dest-tls-verify=false", "--dest-creds", "user:wrong"];
        let args = creds.into_iter().chain(["oci:out:1", &there]);
        skopeo.run_refused(args.map(|arg| located(&scene, arg)));
        assert!(registry.manifest("team/vm", "1").is_none(), "{}", registry.profile().name);
        assert_eq!(registry.received_bytes(), 0, "{}", registry.profile().name);
    }
}

/// curl, and a directory for the bodies it sends.
struct Curl {
    peer: Peer,
    scene: Scene,
}

/// What curl made of a request.
struct Got {
    /// curl's exit status.
    exit: i32,
    /// 0 if there was no answer.
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Curl {
    fn find() -> Option<Self> {
        Some(Self { peer: peer::find("curl")?, scene: Scene::new() })
    }

    fn ask(&self, method: &str, url: &str, args: &[&str]) -> Got {
        let mut command = self.peer.command();
        command.args(["-sS", "-m", "5", "-D"]).arg(self.scene.path("head"));
        command.arg("-o").arg(self.scene.path("body")).args(["-w", "%{http_code}"]);
        match method {
            "HEAD" => command.arg("-I"),
            _ => command.args(["-X", method]),
        };
        for file in ["head", "body"] {
            self.scene.write(file, "");
        }
        let output = command.args(args).arg(url).env_remove("http_proxy").output().unwrap();
        Got {
            exit: output.status.code().unwrap(),
            status: String::from_utf8(output.stdout).unwrap().parse().unwrap(),
            head: String::from_utf8_lossy(&self.scene.read("head")).into_owned(),
            body: self.scene.read("body"),
        }
    }

    /// Sends a body, with a `Content-Range` if there is one.
    fn send(&self, method: &str, url: &str, range: &str, body: &[u8]) -> Got {
        let path = self.scene.write("sent", body);
        let data = format!("@{}", path.display());
        let range = format!("Content-Range: {range}");
        self.ask(method, url, &["--data-binary", &data, "-H", &range, "-H", "Content-Type:"])
    }

    /// Opens an upload session and returns its URL.
    fn open(&self, registry: &Registry) -> String {
        registry.create_repository("a/b");
        let url = format!("http://{}/v2/a/b/blobs/uploads/", registry.address());
        let got = self.ask("POST", &url, &["-H", "Content-Length: 0"]);
        assert_eq!(got.status, 202, "{}", got.head);
        got.location(registry)
    }
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().rev();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        pairs
            .into_iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn location(&self, registry: &Registry) -> String {
        let location = self.header("location").unwrap();
        if location.starts_with('/') {
            return format!("http://{}{location}", registry.address());
        }
        location.to_owned()
    }
}

fn without_auth(profile: Profile) -> Registry {
    Registry::start(Profile { auth: Profile::DISTRIBUTION_3.auth, ..profile })
}

/// Two pieces, and what is answered to each: status and `Range`.
fn check_pieces(
    profile: Profile,
    lens: [usize; 2],
    starts: [usize; 2],
    expected: [(u16, Option<&str>); 2],
) {
    let Some(curl) = Curl::find() else { return };
    let name = profile.name;
    let registry = without_auth(profile);
    let blob = mixed_bytes(1, lens[0] + lens[1]);
    let mut url = curl.open(&registry);
    let mut at = 0;
    for ((len, start), (status, range)) in lens.into_iter().zip(starts).zip(expected) {
        let content_range = format!("{start}-{}", start + len - 1);
        let got = curl.send("PATCH", &url, &content_range, &blob[at..at + len]);
        assert_eq!((got.status, got.header("range")), (status, range), "{name}: {}", got.head);
        if status >= 300 {
            return;
        }
        url = got.location(&registry);
        at += len;
    }
    let digest = format!("sha256:{}", sha256(&blob));
    let got = curl.ask("PUT", &format!("{url}&digest={digest}"), &["-H", "Content-Length: 0"]);
    assert_eq!(got.status, 201, "{name}: {}", got.head);
    assert_eq!(registry.blob(&digest).unwrap().1.unwrap()[..], blob[..], "{name}");
    assert_eq!(registry.received_bytes_of(&digest), blob.len() as u64, "{name}");
}

#[test]
fn pieces_with_ranges() {
    let taken = |range| (202, Some(range));
    check_pieces(
        Profile::DISTRIBUTION_3,
        [1000, 500],
        [0, 1000],
        [taken("0-999"), taken("0-1499")],
    );
    check_pieces(
        Profile::DISTRIBUTION_3,
        [1000, 500],
        [0, 7],
        [taken("0-999"), (416, Some("0-999"))],
    );
    check_pieces(Profile::DISTRIBUTION_2_8, [1000, 500], [0, 7], [taken("0-999"), taken("0-1499")]);
    check_pieces(Profile::ECR, [1000, 500], [0, 1000], [(201, Some("0-999")); 2]);
    check_pieces(Profile::ZOT, [1000, 500], [0, 1000], [taken("0-1000"), taken("0-1500")]);
    check_pieces(
        Profile::GHCR,
        [4 << 20, 1],
        [0, 4 << 20],
        [taken("0-4194303"), taken("0-4194304")],
    );
    check_pieces(Profile::GHCR, [(4 << 20) + 1, 1], [0, 0], [(416, Some("0-0")); 2]);
    check_pieces(Profile::GAR, [1000, 500], [0, 1000], [(400, None); 2]);
}

/// A body that breaks off, and what the session's status is afterwards.
fn check_cut(profile: Profile, chunked: &[&str], expected: (u16, Option<&str>)) {
    let Some(curl) = Curl::find() else { return };
    let name = profile.name;
    let registry = without_auth(profile);
    registry.inject(RequestKind::Body, Fault::CutAt(500), FaultTimes::First(1));
    let url = curl.open(&registry);
    let blob = mixed_bytes(2, 1000);
    let data = format!("@{}", curl.scene.write("sent", &blob).display());
    let got = curl.ask("PATCH", &url, &[&["--data-binary", &data], chunked].concat());
    assert_ne!(got.exit, 0, "{name}");
    assert_eq!((registry.fault_count(), registry.received_bytes()), (1, 500), "{name}");
    let got = curl.ask("GET", &url, &[]);
    assert_eq!((got.status, got.header("range")), expected, "{name}: {}", got.head);
    if got.status != 204 {
        return;
    }
    let digest = format!("sha256:{}", sha256(&blob));
    let url = format!("{}&digest={digest}", got.location(&registry));
    assert_eq!(curl.send("PUT", &url, "500-999", &blob[500..]).status, 201, "{name}");
    assert_eq!(registry.received_bytes_of(&digest), 1000, "{name}");
}

#[test]
fn broken_bodies() {
    let chunked = ["-H", "Transfer-Encoding: chunked"];
    check_cut(Profile::DISTRIBUTION_3, &[], (204, Some("0-499")));
    check_cut(Profile::DISTRIBUTION_3, &chunked, (204, Some("0-499")));
    check_cut(Profile::DISTRIBUTION_2_8, &[], (404, None));
    check_cut(Profile::DISTRIBUTION_2_8, &chunked, (404, None));
}

/// What curl makes of a fault: its exit status and the answer's.
fn check_fault(kind: RequestKind, method: &str, fault: &Fault, expected: (i32, u16)) {
    let Some(curl) = Curl::find() else { return };
    let registry = without_auth(Profile::DISTRIBUTION_3);
    let session = curl.open(&registry);
    registry.inject(kind, fault.clone(), FaultTimes::First(1));
    let data = format!("@{}", curl.scene.write("sent", mixed_bytes(1, 20_000)).display());
    let ping = format!("http://{}/v2/", registry.address());
    let ask = || match kind {
        RequestKind::Body => curl.ask(method, &session, &["-m", "1", "--data-binary", &data]),
        _ => curl.ask(method, &ping, &["-m", "1"]),
    };
    let got = ask();
    assert_eq!((got.exit, got.status), expected, "{fault:?} at {kind:?}: {}", got.head);
    assert_eq!(registry.fault_count(), 1, "{fault:?} at {kind:?}");
    // It happens once, and the server goes on.
    assert_eq!(ask().exit, 0, "{fault:?} at {kind:?}");
}

#[test]
fn faults_as_curl_sees_them() {
    const EMPTY: i32 = 52;
    const RESET: i32 = 56;
    const TIMEOUT: i32 = 28;
    for (fault, at_ping, at_body) in [
        (Fault::Close, (EMPTY, 0), (EMPTY, 0)),
        (Fault::ResetBefore, (RESET, 0), (RESET, 0)),
        (Fault::ResetInside, (RESET, 200), (RESET, 0)),
        (Fault::ResetAfter, (RESET, 0), (RESET, 0)),
        (Fault::HangBefore, (TIMEOUT, 0), (TIMEOUT, 0)),
        (Fault::HangInside, (TIMEOUT, 200), (TIMEOUT, 0)),
        (Fault::CutHead, (0, 200), (0, 202)),
        (Fault::Status(503), (0, 503), (0, 503)),
        (Fault::RetrySeconds, (0, 429), (0, 429)),
        (Fault::RetryDate, (0, 429), (0, 429)),
        (Fault::Garbage(504), (0, 504), (0, 504)),
        (Fault::CutAt(7000), (0, 200), (RESET, 0)),
        (Fault::Delay(Duration::from_millis(300)), (0, 200), (0, 202)),
    ] {
        if fault != Fault::CutAt(7000) {
            check_fault(RequestKind::Ping, "GET", &fault, at_ping);
        }
        check_fault(RequestKind::Body, "PATCH", &fault, at_body);
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let Some(curl) = Curl::find() else { return };
    let registry = Registry::start(Profile { keep: BlobStorage::Bytes(1000), ..Profile::QUAY });
    let open =
        Registry::start(Profile { keep: BlobStorage::Bytes(1000), ..Profile::DISTRIBUTION_3 });
    let digest = format!("sha256:{}", sha256(b"something else"));
    let manifest =
        format!(r#"{{"schemaVersion": 2, "config": {{"digest": "{digest}"}}, "layers": []}}"#);
    let session = curl.open(&open);
    let commit = format!("{session}&digest={digest}");
    let base = format!("http://{}/v2/a/b", open.address());
    for (method, url, body, expected) in [
        ("PUT", &commit, &b"x"[..], 400),
        ("PUT", &commit, b"x", 404),
        ("PUT", &curl.open(&open), b"x", 400),
        ("PUT", &format!("{}&digest={digest}", curl.open(&open)), &[0; 1001], 413),
        ("PATCH", &session.replace("_state", "state"), b"x", 404),
        ("PATCH", &format!("{base}/blobs/uploads/session-99?_state=x"), b"x", 404),
        ("PUT", &format!("{base}/manifests/1"), manifest.as_bytes(), 404),
        ("PUT", &format!("{base}/manifests/1"), b"nonsense", 400),
        ("PUT", &format!("{base}/manifests/{digest}"), b"{\"schemaVersion\": 2}", 400),
        ("GET", &format!("{base}/manifests/1"), b"", 404),
        ("GET", &format!("{base}/blobs/{digest}"), b"", 404),
        ("GET", &format!("http://{}/v2/a/b/tags/list", registry.address()), b"", 401),
        ("POST", &format!("http://{}/v2/a/b/blobs/uploads/", registry.address()), b"", 401),
    ] {
        let got = curl.send(method, url, "", body);
        assert_eq!(got.status, expected, "{method} {url}: {}", got.head);
    }
}

#[test]
fn blobs_in_parts_and_elsewhere() {
    let Some(curl) = Curl::find() else { return };
    let blob = mixed_bytes(3, 5000);
    let digest = format!("sha256:{}", sha256(&blob));
    for profile in [Profile::DISTRIBUTION_3, Profile::GHCR] {
        let registry = without_auth(profile);
        let session = curl.open(&registry);
        let put = curl.send("PUT", &format!("{session}&digest={digest}"), "", &blob);
        assert_eq!(put.status, 201, "{}", put.head);
        let url = format!("http://{}/v2/a/b/blobs/{digest}", registry.address());
        let head = curl.ask("HEAD", &url, &[]);
        assert_eq!((head.status, head.header("content-length")), (200, Some("5000")));
        for (range, expected, part) in [
            ("0-", 206, &blob[..]),
            ("1000-1999", 206, &blob[1000..2000]),
            ("4999-", 206, &blob[4999..]),
            ("5000-", 416, &[]),
        ] {
            let got = curl.ask("GET", &url, &["-L", "-r", range]);
            assert_eq!((got.status, &got.body[..]), (expected, part), "{range}");
        }
        for (query, expected) in [
            (format!("mount={digest}&from=a/b"), 201),
            (format!("mount={digest}&from=a/c"), 202),
            (format!("mount=sha256:{}", sha256(b"?")), 202),
        ] {
            let url = format!("http://{}/v2/x/y/blobs/uploads/?{query}", registry.address());
            assert_eq!(curl.send("POST", &url, "", b"").status, expected, "{query}");
        }
    }
}

#[test]
fn tags_come_in_pages() {
    let Some(curl) = Curl::find() else { return };
    let scene = Scene::with_disk();
    scene.build(&[]);
    let registry = without_auth(Profile::ZOT);
    for tag in ["e", "a", "c", "b", "d"] {
        registry.put_image("a/b", tag, &scene.path("out"), "1");
    }
    let mut url = format!("http://{}/v2/a/b/tags/list", registry.address());
    let mut pages = Vec::new();
    loop {
        let got = curl.ask("GET", &url, &[]);
        let json: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
        pages.push(json["tags"].to_string());
        let Some(link) = got.header("link") else { break };
        let path = link.strip_prefix('<').unwrap().split('>').next().unwrap();
        url = format!("http://{}{path}", registry.address());
    }
    assert_eq!(pages, [r#"["a","b"]"#, r#"["c","d"]"#, r#"["e"]"#]);
}

#[test]
fn large_blobs_leave_only_their_digest() {
    let Some(curl) = Curl::find() else { return };
    let registry =
        Registry::start(Profile { keep: BlobStorage::Digest, ..Profile::DISTRIBUTION_3 });
    let blob = mixed_bytes(4, 80 << 20);
    let digest = format!("sha256:{}", sha256(&blob));
    let url = format!("{}&digest={digest}", curl.open(&registry));
    // Of such a length curl asks first whether it may send the body.
    let path = curl.scene.write("sent", &blob);
    let args = ["-m", "60", "-T", path.to_str().unwrap(), "-H", "Content-Type:"];
    let got = curl.ask("PUT", &url, &args);
    assert!(got.head.starts_with("HTTP/1.1 100 Continue"), "{}", got.head);
    assert_eq!(got.status, 201, "{}", got.head);
    let (len, bytes) = registry.blob(&digest).unwrap();
    assert_eq!((len, bytes), (blob.len() as u64, None));
    assert!(Path::new(&path).exists());
}
