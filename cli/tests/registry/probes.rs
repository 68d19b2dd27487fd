//! A probe advises: whatever HEAD is answered, by the registry or by the storage it redirects to, an
//! image is pushed, copied and promoted, and what is known to exist is not sent again.

use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::{Server, ServerAnswer};

/// What answers HEAD instead of the registry.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// The registry, with this status.
    Here(u16),
    /// A server that the registry redirects to, with this status.
    Elsewhere(u16),
    /// A login page that the registry redirects to.
    LoginPage,
    /// Nobody: the registry redirects to a server that cannot be reached.
    Nobody,
}

const ANSWERS: [Answer; 15] = [
    Answer::Here(400),
    Answer::Here(401),
    Answer::Here(403),
    Answer::Here(404),
    Answer::Here(405),
    Answer::Here(500),
    Answer::Here(501),
    Answer::Here(503),
    Answer::Elsewhere(400),
    Answer::Elsewhere(401),
    Answer::Elsewhere(403),
    Answer::Elsewhere(404),
    Answer::Elsewhere(405),
    Answer::LoginPage,
    Answer::Nobody,
];

const KINDS: [RequestKind; 2] = [RequestKind::HeadBlob, RequestKind::HeadManifest];

impl Answer {
    fn inject(self, kind: RequestKind, registry: &Registry) -> Server {
        let page = ServerAnswer::Unsized(b"<html><title>Sign in</title>".to_vec());
        let answer = match self {
            Self::Elsewhere(status) => ServerAnswer::Status(status),
            _ => ServerAnswer::With("Content-Type: text/html; charset=utf-8", Box::new(page)),
        };
        let server = Server::start([("/elsewhere", answer)]);
        let fault = match self {
            Self::Here(status) => Fault::Status(status),
            Self::Nobody => Fault::Redirect("http://127.0.0.1:1/elsewhere".into()),
            _ => Fault::Redirect(server.url("/elsewhere")),
        };
        registry.inject(kind, fault, FaultTimes::Always);
        server
    }
}

fn cases() -> Vec<(RequestKind, Answer)> {
    KINDS.into_iter().flat_map(|kind| ANSWERS.map(|answer| (kind, answer))).collect()
}

fn profile() -> Profile {
    Profile { faults: &[], ..Profile::DISTRIBUTION_3 }
}

fn assert_success(outcome: &ProgramOutcome) {
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}

#[test]
fn heads_that_say_nothing_do_not_decide() {
    let Some(goods) = TestImages::new() else { return };
    check_all(&cases(), |(kind, answer)| {
        let registry = goods.registry(profile());
        let _server = answer.inject(*kind, &registry);
        let scene = TestImages::scene(&registry);
        let push = |tag: &str| {
            let there = registry.reference(&format!("team/vm:{tag}"));
            assert_success(&goods.push(&scene, "new", &["--retry", "2", &there]));
        };
        push("1");
        goods.assert_served(&registry, &goods.new);
        assert_eq!(registry.received_bytes(), goods.len);
        assert_ne!(registry.fault_count(), 0, "nothing was asked by HEAD");
        // A 404 of the registry itself is believed, and costs another upload.
        push("2");
        let is_believed = matches!((kind, answer), (RequestKind::HeadBlob, Answer::Here(404)));
        let expected = if is_believed { 2 * goods.len } else { goods.len };
        assert_eq!(registry.received_bytes(), expected);
        let copied = [registry.reference("team/vm:1"), registry.reference("team/copy:1")];
        assert_success(&run(&scene, &["copy", "--retry", "2", &copied[0], &copied[1]]));
        assert_eq!(registry.verify_image("team/copy", "1"), Ok(()));
    });
    goods.assert_untouched();
}

fn run(scene: &Scene, args: &[&str]) -> ProgramOutcome {
    scene.run(args.iter().chain(&["--authfile", "auth.json"]))
}

/// A registry that serves the tag, but not to HEAD, and refuses to have it written again.
#[test]
fn a_tag_that_is_right_need_not_be_written() {
    let Some(goods) = TestImages::new() else { return };
    for status in [400, 403, 405, 409, 412] {
        let registry = goods.registry(profile());
        registry.inject(RequestKind::HeadManifest, Fault::Status(404), FaultTimes::Always);
        registry.inject(RequestKind::PutTag, Fault::Status(status), FaultTimes::Always);
        let scene = TestImages::scene(&registry);
        let push = |layout: &str| {
            goods.push(&scene, layout, &["--retry", "0", &registry.reference("team/vm:1")])
        };
        assert_success(&push("old"));
        let other = push("new");
        assert_eq!(other.status, 1, "{status}: {}", other.stderr);
        assert!(other.stderr.contains(&format!("answered {status}")), "{}", other.stderr);
        goods.assert_served(&registry, &goods.old);
    }
}

/// A credential that may only write: the response to the write decides, and a note says so.
#[test]
fn a_tag_that_cannot_be_read_back_is_noted() {
    let Some(goods) = TestImages::new() else { return };
    for (status, said) in [(403, "the server answered 403"), (405, "the server answered 405")] {
        let registry = goods.registry(profile());
        for kind in [RequestKind::HeadManifest, RequestKind::GetManifest] {
            registry.inject(kind, Fault::Status(status), FaultTimes::Always);
        }
        let scene = TestImages::scene(&registry);
        let outcome =
            goods.push(&scene, "new", &["--retry", "0", &registry.reference("team/vm:1")]);
        assert_success(&outcome);
        let note = format!("team/vm:1 was written, but cannot be read back: {said}");
        assert!(outcome.stderr.contains(&note), "{}", outcome.stderr);
        goods.assert_served(&registry, &goods.new);
    }
}

/// A tag that names something else after it was written is still an error.
#[test]
fn a_tag_that_names_something_else_is_an_error() {
    let Some(goods) = TestImages::new() else { return };
    let registry = goods.registry(profile());
    registry.inject(RequestKind::HeadManifest, Fault::Status(405), FaultTimes::Always);
    registry.inject(RequestKind::GetManifest, Fault::Status(404), FaultTimes::Always);
    let scene = TestImages::scene(&registry);
    let outcome = goods.push(&scene, "new", &["--retry", "0", &registry.reference("team/vm:1")]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the tag points at nothing (404) now"), "{}", outcome.stderr);
}

/// The storage's refusal is not the registry's.
#[test]
fn who_refused_is_named() {
    let Some(goods) = TestImages::new() else { return };
    for status in [401, 403, 404, 500] {
        let registry = goods.registry(profile());
        let server = Server::start([("/storage", ServerAnswer::Status(status))]);
        let to = Fault::Redirect(server.url("/storage"));
        registry.inject(RequestKind::GetBlob, to, FaultTimes::Always);
        let scene = TestImages::scene(&registry);
        let there = registry.reference("team/vm:1");
        let outcome = run(&scene, &["pull", "--retry", "0", &there, "-o", "oci:back"]);
        let expected = if status == 500 { 75 } else { 1 };
        assert_eq!(outcome.status, expected, "{status}: {}", outcome.stderr);
        let host = server.url("").replace("http://", "");
        let said = format!("`{host}`, to which the registry redirects, answered {status}");
        assert!(outcome.stderr.contains(&said), "{status}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("the credential is known"), "{}", outcome.stderr);
    }
}
