//! A server that sends a byte from time to time is never silent, but it is left too, wherever it does so.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::{TokenExpiry, TokenForm};
use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{Fault, FaultTimes, Profile, RequestKind};
use diskette_integration::scene::{ProgramOutcome, Scene};

use RequestKind::{
    Body, Commit, GetBlob, GetManifest, Ping, Post, PutManifest, PutTag, Tag, Token,
};

/// The pause after each byte: a head of 150 bytes takes 15 s, an image's manifest a minute.
const PAUSE: Duration = Duration::from_millis(100);

/// `--timeout 1`: at most a second for the first byte and one for the others.
const ONCE: [&str; 5] = ["--timeout", "1", "--retry", "0", "--debug"];

/// Far less than the whole response takes.
const LONGEST: Duration = Duration::from_secs(8);

const SLOW: &str = "timed out: less than 1024 bytes per second for 1 s";

fn assert_left(outcome: &ProgramOutcome, started: Instant, what: &str) {
    assert!(outcome.stderr.contains(SLOW), "{what}: {}", outcome.stderr);
    assert_eq!(outcome.status, 75, "{what}: {}", outcome.stderr);
    assert!(started.elapsed() < LONGEST, "{what}: {:?}", started.elapsed());
}

#[derive(Debug)]
struct Case {
    kind: RequestKind,
    fault: Fault,
    command: &'static str,
}

fn cases() -> Vec<Case> {
    let places = [
        ("pull", Ping),
        ("pull", Token),
        ("pull", Tag),
        ("pull", GetManifest),
        ("pull", GetBlob),
        ("tags", Token),
        ("push", Token),
        ("push", Post),
        ("push", Body),
        ("push", Commit),
        ("push", PutManifest),
        ("push", PutTag),
    ];
    let all = places.into_iter().flat_map(|(command, kind)| {
        let interim = Case { kind, fault: Fault::DripInterim(PAUSE), command };
        let head = Case { kind, fault: Fault::Drip(PAUSE), command };
        let body = Case { kind, fault: Fault::DripBody(PAUSE), command };
        let has_body = matches!(kind, Token | Tag | GetManifest | GetBlob);
        [Some(interim), Some(head), has_body.then_some(body)].into_iter().flatten()
    });
    all.collect()
}

#[test]
fn dripping_registries_are_left() {
    let Some(goods) = TestImages::new() else { return };
    check_all(&cases(), |case| {
        let profile = Profile { faults: &[], ..Profile::DISTRIBUTION_3 };
        let lifetime = Duration::from_secs(300);
        let profile = profile.with_tokens(lifetime, TokenExpiry::Declared, TokenForm::Opaque);
        let registry = goods.registry(profile);
        registry.inject(case.kind, case.fault.clone(), FaultTimes::Always);
        let scene = TestImages::scene(&registry);
        let image = registry.reference("team/vm:1");
        let layout = goods.layout("new");
        let args = match case.command {
            "push" => vec!["push", "-l", &layout, "1", &image],
            "tags" => vec!["tags", &image],
            _ => vec!["pull", &image, "-o", "oci:back"],
        };
        let started = Instant::now();
        let outcome = scene.run([&args, &ONCE[..], &["--authfile", "auth.json"]].concat());
        assert_ne!(registry.fault_count(), 0, "there was no such request: {}", outcome.stderr);
        if matches!(case.kind, Body | Commit) && matches!(case.fault, Fault::Drip(_)) {
            // The registry has the blob, and is asked for it after the answer to the upload did not come.
            assert_eq!(outcome.status, 0, "{case:?} {}", outcome.stderr);
            assert!(started.elapsed() < LONGEST, "{case:?}: {:?}", started.elapsed());
            return goods.assert_served(&registry, &goods.new);
        }
        assert_left(&outcome, started, &format!("{case:?}"));
        assert!(!scene.path("back/index.json").exists(), "{case:?}");
    });
    goods.assert_untouched();
}

/// Starts a server that answers each connection's first bytes with these, one at a time, and returns
/// its host and port.
fn dripping(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let mut space = [0; 4096];
                drop(stream.read(&mut space));
                // A client that has left ends it.
                drop(answer.iter().try_for_each(|byte| {
                    thread::sleep(PAUSE);
                    stream.write_all(&[*byte])
                }));
            });
        }
    });
    address
}

#[test]
fn dripping_handshakes_proxies_and_downloads_are_left() {
    let check = |answer: Vec<u8>, run: &dyn Fn(&Scene, &str) -> ProgramOutcome, what: &str| {
        let server = dripping(answer);
        let started = Instant::now();
        assert_left(&run(&Scene::new(), &server), started, what);
    };
    let pull = |scene: &Scene, host: &str, more: &[&str]| {
        let image = format!("{host}/a:1");
        scene.run([&["pull", &image, "-o", "oci:x"], &ONCE[..], more].concat())
    };
    // The first bytes of a handshake of TLS.
    let hello = [&[22, 3, 3, 64, 0, 2, 0, 63, 0][..], &[3; 300]].concat();
    check(hello, &|scene, host| pull(scene, host, &["--tls-verify"]), "TLS");
    let through = |scheme: &'static str| {
        move |scene: &Scene, host: &str| {
            let mut command =
                scene.program([&["tags", "registry.example.org/a"], &ONCE[..]].concat());
            command.env("HTTPS_PROXY", format!("{scheme}://{host}"));
            scene.run_command(command)
        }
    };
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes();
    check(head(&"X: y\r\n".repeat(50)), &through("http"), "CONNECT");
    check([&[5, 0, 5, 0, 0, 3, 255][..], &[b'x'; 255]].concat(), &through("socks5"), "SOCKS");
    let build = |scene: &Scene, host: &str| {
        let disk =
            format!("{{disk: {{url: 'http://{host}/d.raw', sha256: '{}'}}}}", "0".repeat(64));
        scene.write_spec(&format!("amd64: {disk}"));
        scene.run([&["build", "-o", "oci:x"], &ONCE[..]].concat())
    };
    let body = head(&format!("Content-Length: 1000000\r\n\r\n{}", "x".repeat(300)));
    check(head(&"X: y\r\n".repeat(50)), &build, "the head of a download");
    check(body, &build, "a download");
}
