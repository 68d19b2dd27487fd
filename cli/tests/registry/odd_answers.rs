//! What is odd is named as what it is, with the server's words.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{Fault, FaultTimes, Profile, RequestKind};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

const PAGE: &str = "<!doctype html><html><head><title>Sign in to Example</title></head></html>";

fn page() -> ServerAnswer {
    ServerAnswer::With("Content-Type: text/html", Box::new(ServerAnswer::Content(PAGE.into())))
}

fn content(text: &str) -> ServerAnswer {
    ServerAnswer::Content(text.into())
}

/// Starts a registry of which only this is known, and returns its messages to these arguments, in
/// which `HOST` stands for it.
fn check(answers: &[(&str, ServerAnswer)], args: &str, expected: &str) {
    let scene = Scene::with_disk();
    let server = Server::start(answers.iter().map(|(path, answer)| (*path, answer.clone())));
    let host = server.url("").replace("http://", "");
    let args = args.replace("HOST", &host);
    let args = args.split(' ').chain(["--retry", "0"]);
    let outcome = scene.run(args.collect::<Vec<_>>());
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let said = outcome.stderr.replace(&host, "HOST");
    assert!(said.contains(expected), "{expected}\n{said}");
    assert!(!said.contains("does not speak HTTP"), "{said}");
}

#[test]
fn pages_are_told_as_pages() {
    let said = "the server sent a web page, `Sign in to Example`, not ";
    check(&[("/v2/a/manifests/1", page())], "pull HOST/a:1 -o oci:x", &format!("{said}a manifest"));
    check(&[("/v2/a/tags/list", page())], "tags HOST/a", &format!("{said}a list of tags"));
    let login = ("/login", page());
    let redirect = ("/v2/a/manifests/1", ServerAnswer::Redirect("/login".into()));
    check(&[redirect, login], "pull HOST/a:1 -o oci:x", &format!("{said}a manifest"));
}

/// A page without a length is not a blob with a wrong digest, and one of a mirror is no obstacle.
#[test]
fn pages_in_place_of_blobs_are_told_as_pages() {
    let Some(goods) = TestImages::new() else { return };
    let sized = || ServerAnswer::Content(PAGE.into());
    let long = || ServerAnswer::Unsized(PAGE.repeat(100_000).into());
    let short = || ServerAnswer::Unsized(PAGE.into());
    for body in [sized(), short(), long()] {
        let page = ServerAnswer::With("Content-Type: text/html", Box::new(body));
        let server = Server::start([("/login", page)]);
        let registry = goods.registry(Profile { faults: &[], ..Profile::DISTRIBUTION_3 });
        let to = Fault::Redirect(server.url("/login"));
        registry.inject(RequestKind::GetBlob, to, FaultTimes::Always);
        let scene = TestImages::scene(&registry);
        let image = registry.reference("team/vm:1");
        let args = ["--retry", "0", "--authfile", "auth.json", "-o", "oci:back"];
        let outcome = scene.run(["pull", &image].iter().chain(&args));
        assert_eq!(outcome.status, 1, "{}", outcome.stderr);
        let said = "the server sent a web page, `Sign in to Example`, not the blob sha256:";
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        let other = goods.registry(Profile { faults: &[], ..Profile::DISTRIBUTION_3 });
        let config = format!(
            "[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
            other.address(),
            registry.address(),
        );
        scene.write("registries.conf", config);
        let image = other.reference("team/vm:1");
        let mut command = scene.program(["pull", &image].iter().chain(&args));
        command.env("CONTAINERS_REGISTRIES_CONF", scene.path("registries.conf"));
        let outcome = scene.run_command(command);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
}

#[test]
fn errors_have_the_servers_words() {
    let Some(goods) = TestImages::new() else { return };
    let registry = goods.registry(Profile::DISTRIBUTION_3);
    registry.inject(
        RequestKind::Post,
        Fault::Redirect("/login?secret=5".into()),
        FaultTimes::Always,
    );
    let scene = TestImages::scene(&registry);
    let there = registry.reference("team/vm:1");
    let said = goods.push(&scene, "new", &["--retry", "0", &there]).stderr;
    let expected = format!(
        "the server answered 307: it redirects to `http://{}/login?secret=…`",
        registry.address()
    );
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn token_servers_are_quoted() {
    let check = |answer: ServerAnswer, expected: &str| {
        let scene = Scene::new();
        let server = Server::start([("/token?scope=repository%3Aa%3Apull", answer)]);
        let host = server.url("").replace("http://", "");
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\"");
        let challenge: &'static str = challenge.leak();
        let refusal = ServerAnswer::With(challenge, Box::new(ServerAnswer::Status(401)));
        server.set_answer("/v2/a/manifests/1", refusal);
        let image = format!("{host}/a:1");
        let outcome = scene.run(["pull", &image, "-o", "oci:x", "--retry", "0"]);
        assert!(matches!(outcome.status, 1 | 75), "{}", outcome.stderr);
        let said = outcome.stderr.replace(&host, "HOST");
        assert!(said.contains(expected), "{expected}\n{said}");
        assert!(!said.contains("does not speak HTTP"), "{said}");
    };
    let none = "the token server `HOST` sent no token";
    check(page(), &format!("{none}, but a web page, `Sign in to Example`"));
    check(content(r#"{"error":"quota exceeded"}"#), &format!("{none}, but quota exceeded"));
    check(content(r#"{"token":{}}"#), none);
    check(content("{}"), none);
    check(content(""), none);
    check(ServerAnswer::Status(503), "the token server `HOST` answered 503");
    // What is a token in every way that matters is taken: the registry refuses it here.
    let refused = "the server answered 401: ";
    for token in [
        r#"{"token":"a","expires_in":"300"}"#,
        r#"{"token":"a","expires_in":0}"#,
        r#"{"token":"a","expires_in":-1}"#,
        r#"{"token":"a","expires_in":300.5,"issued_at":7}"#,
        r#"{"token":null,"access_token":"a","expires_in":null}"#,
    ] {
        check(content(token), refused);
    }
}

#[test]
fn other_protocols_are_named() {
    let check = |greeting: &'static [u8], args: &[&str], expected: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _received = stream.read(&mut [0; 4096]);
                let _sent = stream.write_all(greeting);
            }
        });
        let image = format!("{host}/a:1");
        let scene = Scene::new();
        let started = std::time::Instant::now();
        let outcome = scene.run(["pull", &image, "-o", "oci:x"].iter().chain(args));
        let said = outcome.stderr.replace(&host, "HOST");
        assert!(matches!(outcome.status, 1 | 75), "{said}");
        assert!(said.contains(expected), "{expected}\n{said}");
        assert!(started.elapsed() < std::time::Duration::from_secs(3), "{said}");
    };
    let says = "the server does not speak HTTP: ";
    check(b"SSH-2.0-OpenSSH_9.2\r\n", &[], &format!("{says}it sent `SSH-2.0-OpenSSH_9.2`"));
    check(b"\x15\x03\x01\x00\x02\x02\x46", &[], &format!("{says}it speaks TLS"));
    check(b"HTTP/1.1 400 Bad\r\n\r\n", &["--tls-verify"], "HOST does not speak TLS");
}
