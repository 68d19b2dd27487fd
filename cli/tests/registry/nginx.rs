//! Registries stand behind nginx, as administrators set it up, and it does not always suit them.

use diskette_integration::certificates::{Authority, Validity};
use diskette_integration::daemon::Daemon;
use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::nginx;
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::json;
use snapbox::{IntoData, assert_data_eq, str};

/// A scene with an image of 8 MiB in the layout `out`, most of which does not compress.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("disk.raw", mixed_bytes(4, 8 * MIB));
    scene.write_spec("amd64: { disk: disk.raw }");
    scene.build(&["--compression", "none"]);
    scene
}

/// What every administrator writes; the rest is the test's.
const PASS: &str = "proxy_set_header Host $http_host; proxy_http_version 1.1;";

/// Starts nginx in front of a registry. In its `server` block, `more` comes first.
fn front(scene: &Scene, registry: &DockerRegistry, more: &str) -> Option<Daemon> {
    let back = registry.address();
    nginx::start_nginx(scene, "nginx", |port| {
        format!(
            "limit_req_zone $binary_remote_addr zone=few:1m rate=6r/s;\n\
             server {{ listen 127.0.0.1:{port}; {more} {PASS}\n\
             location / {{ proxy_pass http://{back}; }} }}"
        )
    })
}

/// Pushes from the layout and while building; both must come to the same image. Somewhere on the
/// way, nginx says `troubled`.
fn pushes(more: &str, troubled: &str) {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let Some(front) = front(&scene, &registry, more) else { return };
    let digest = Layout::open(&scene.path("out")).find_tag("1").digest().to_string();
    let name = |repository: &str| format!("{}/{repository}:1", front.address());
    let build = ["build", "--push", "--no-cache", "--compression", "none", "-t"];
    let commands = [("pushed", &["push", "-l", "out", "1"][..]), ("built", &build)];
    for (repository, command) in commands {
        let name = name(repository);
        let args = command.iter().copied().chain([&name[..], "-q"]);
        let outcome = scene.run(args);
        assert_eq!(outcome.stderr, "", "{more}: it says something is wrong");
        assert_eq!(outcome.digest(), digest, "{more}");
        let pulled = scene.run(["pull", "-q", &name, "-o", repository]);
        assert_eq!(pulled.digest(), digest, "{more}");
        Layout::open(&scene.path(repository)).verify_blobs("1").unwrap();
    }
    let log = String::from_utf8(scene.read("nginx/error.log")).unwrap();
    assert!(log.contains(troubled), "{more}: nothing was hindered: {log}");
}

#[test]
fn bodies_are_limited() {
    let check = |more: &str| pushes(more, "client intended to send too large");
    // The default, which is what most people have who see 413.
    check("");
    check("client_max_body_size 2m;");
    check("client_max_body_size 3000000;");
    check("client_max_body_size 1m; proxy_request_buffering off;");
}

#[test]
fn bodies_are_buffered_or_not() {
    let check = |more: &str, troubled| {
        pushes(&format!("client_max_body_size 0; {more}"), troubled);
    };
    check("proxy_request_buffering on;", "a client request body is buffered");
    check("proxy_request_buffering off;", "");
    check("proxy_buffering off; keepalive_requests 2;", "");
    check("proxy_read_timeout 1s; proxy_send_timeout 1s; client_body_timeout 1s;", "");
}

#[test]
fn requests_are_limited() {
    let check = |more: &str| {
        let limits = "client_max_body_size 0; limit_req zone=few burst=3 nodelay;";
        pushes(&format!("{limits} {more}"), "limiting requests");
    };
    check("limit_req_status 429;");
    check("limit_req_status 503;");
}

/// Pushes, which must fail, and compares all that is said.
fn refused(scene: &Scene, front: &Daemon, retry: &str, expected: impl IntoData) {
    let name = format!("{}/vm:1", front.address());
    let args =
        ["push", "-l", "out", "1", &name, "--progress", "none", "--retry", retry, "--jobs", "1"];
    let ProgramOutcome { stderr, status, .. } = scene.run(args);
    let said = stderr.replace(&front.address().to_string(), "[REGISTRY]");
    assert_data_eq!(format!("{status}\n{said}"), expected.raw());
}

#[test]
fn what_is_said_of_refusals() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let check = |more: &str, expected: snapbox::Data| {
        let Some(front) = front(&scene, &registry, more) else { return };
        refused(&scene, &front, "1", expected);
    };
    check("client_max_body_size 500k;", str![[r#"
1
error: cannot upload a blob to [REGISTRY]/vm: the server answered 413
 |
 = help: a proxy in front of the registry limits the size of requests; raise its limit (nginx: `client_max_body_size 0`), or send less at a time with `--chunk-size`

"#]].raw());
    check(
        "return 403;",
        str![[r#"
1
error: cannot upload a blob to [REGISTRY]/vm: the server answered 403
 |
 = help: no credential was sent: log in with `diskette login [REGISTRY]`, if it has users

"#]]
        .raw(),
    );
    check(
        "return 502;",
        str![[r#"
75
error: cannot look for a blob in [REGISTRY]/vm: the server answered 502

"#]]
        .raw(),
    );
    check("return 301 http://$http_host$request_uri;", str![[r#"
1
error: cannot upload a blob to [REGISTRY]/vm: refusing the redirect to `http://[REGISTRY]/v2/`: too many redirects

"#]].raw());
    check(
        "add_header Retry-After 1 always; return 429;",
        str![[r#"
75
error: cannot look for a blob in [REGISTRY]/vm: the server answered 429

"#]]
        .raw(),
    );
}

/// A pause that the server asks for is kept: the second attempt comes after it, and goes well.
#[test]
fn pauses_that_are_asked_for_are_kept() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let limits = "client_max_body_size 0; limit_req zone=few burst=2 nodelay;\n\
        limit_req_status 429; error_page 429 = @pause;\n\
        location @pause { internal; add_header Retry-After 2 always; return 429; }";
    let Some(front) = front(&scene, &registry, limits) else { return };
    let name = format!("{}/vm:1", front.address());
    let started = std::time::Instant::now();
    let outcome = scene.run(["push", "-l", "out", "1", &name, "--debug", "--jobs", "1"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let refusals = outcome.stderr.lines().filter(|line| line.starts_with("< 429")).count();
    assert!(refusals > 0, "nothing was refused: {}", outcome.stderr);
    assert!(started.elapsed().as_secs() >= 2, "{}", outcome.stderr);
}

#[test]
fn paths_have_a_prefix() {
    let scene = scene();
    let Some(registry) =
        DockerRegistry::start(&scene, "registry", &[("/http/relativeurls", json!(true))])
    else {
        return;
    };
    let back = registry.address();
    // The registry knows `team/…` as `inner/…`: what it sends back is rewritten on the way.
    let front = nginx::start_nginx(&scene, "nginx", |port| {
        format!(
            "server {{ listen 127.0.0.1:{port}; client_max_body_size 0; {PASS}\n\
             location = /v2/ {{ proxy_pass http://{back}; }}\n\
             location /v2/team/ {{ proxy_pass http://{back}/v2/inner/;\n\
             proxy_redirect ~^(?:https?://[^/]+)?/v2/inner/(.*)$ /v2/team/$1; }} }}"
        )
    });
    let Some(front) = front else { return };
    let name = format!("{}/team/vm:1", front.address());
    let pushed = scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    assert_eq!(scene.run(["pull", "-q", &name, "-o", "back"]).digest(), pushed);
    let inner = registry.reference("inner/vm:1");
    assert_eq!(scene.run(["pull", "-q", &inner, "-o", "inner"]).digest(), pushed);
}

/// nginx ends TLS and does not tell, so that the registry sends to `http://` of the same host.
#[test]
fn tls_ends_in_front() {
    let scene = scene();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let pair = authority.issue("front", "IP:127.0.0.1", Validity::Good);
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let back = registry.address();
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    for protocols in ["TLSv1.3", "TLSv1.2"] {
        let front = nginx::start_nginx(&scene, "nginx", |port| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate};\n\
                 ssl_certificate_key {key}; ssl_protocols {protocols};\n\
                 client_max_body_size 0; {PASS} location / {{ proxy_pass http://{back}; }} }}"
            )
        });
        let Some(front) = front else { return };
        let name = format!("{}/{}:1", front.address(), protocols.to_lowercase());
        let ca = ["--ca-file", authority.own.certificate.to_str().unwrap()];
        let push = ["push", "-l", "out", "1", &name, "--debug"];
        let pushed = scene.run(push.iter().chain(&ca));
        assert_eq!(pushed.status, 0, "{}", pushed.stderr);
        let address = format!("http://{}", front.address());
        assert!(!pushed.stderr.contains(&address), "it spoke http: {}", pushed.stderr);
        let parts = ["build", "--push", "--no-cache", "-q", "-t", &name, "--chunk-size", "1M"];
        let built = scene.run(parts.iter().chain(&["--compression", "none"]).chain(&ca)).digest();
        let pulled = scene.run(["pull", "-q", &name, "-o", protocols].iter().chain(&ca));
        assert_eq!(pulled.digest(), built);
    }
}

/// Two registries with one store behind nginx, each with a secret of its own: the state of an
/// upload that one signs means nothing to the other.
#[test]
fn replicas_that_do_not_know_each_other() {
    let scene = Scene::new();
    scene.write("disk.raw", mixed_bytes(4, 70_000));
    scene.write_spec("amd64: { disk: disk.raw }");
    scene.build(&[]);
    let data = json!(scene.path("shared"));
    let start = |name: &str| {
        let root = ("/storage/filesystem/rootdirectory", data.clone());
        DockerRegistry::start(&scene, name, &[root, ("/http/secret", json!(name))])
    };
    let (Some(one), Some(two)) = (start("one"), start("two")) else { return };
    let front = |upstream: &str, back: &str| {
        nginx::start_nginx(&scene, "nginx", |port| {
            format!(
                "upstream both {{ {upstream} server {one}; server {two}; }}\n\
                 map $request_method $back {{ POST {one}; default {two}; }}\n\
                 server {{ listen 127.0.0.1:{port}; client_max_body_size 0; {PASS}\n\
                 location / {{ proxy_pass http://{back}; }} }}",
                one = one.address(),
                two = two.address()
            )
        })
    };
    let push = |front: &Daemon, name: &str, retry: &str| {
        let name = format!("{}/{name}:1", front.address());
        let outcome = scene.run(["push", "-q", "-l", "out", "1", &name, "--retry", retry]);
        // Either all of it is there or nothing is. How it fails differs: what nginx answers with 502
        // may be temporary (status 75), an image that is missing is not.
        let pulled = scene.run(["pull", "-q", &name, "-o", "back"]);
        assert_eq!((outcome.status == 0, &outcome.stdout), (pulled.status == 0, &pulled.stdout));
        outcome
    };
    if let Some(front) = front("", "$back") {
        let outcome = push(&front, "unlucky", "1");
        assert_ne!(outcome.status, 0);
        // nginx says 502 if the registry refuses before it has read what nginx sends.
        let said = ["`http.secret`", "answered 502"].map(|text| outcome.stderr.contains(text));
        assert_ne!(said, [false; 2], "{}", outcome.stderr);
    }
    // In turn: with luck, a request goes to the registry that knows the upload.
    if let Some(front) = front("", "both") {
        push(&front, "perhaps", "4");
    }
    // What the administrator should have done.
    let Some(front) = front("ip_hash;", "both") else { return };
    assert_eq!(push(&front, "vm", "0").status, 0);
}
