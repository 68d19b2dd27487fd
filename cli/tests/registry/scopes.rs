//! Where each secret goes, of two registries with two repositories that speak HTTP and HTTPS at one port
//! each: to the registry, the repository and in the scheme that it is for, and nowhere else.

use std::collections::BTreeSet;
use std::path::PathBuf;

use diskette_integration::certificates::{Authority, KeyPair, Validity};
use diskette_integration::disk::sha256;
use diskette_integration::recorder::{RecordedRequest, Recorder, Wanted, token_of};
use diskette_integration::registry::MANIFEST;
use diskette_integration::registry::cases::check_all;
use diskette_integration::scene::Scene;
use diskette_integration::upstream::Upstream;
use serde_json::{Value, json};

/// Names of the secrets, and what is looked for in requests. Passwords are seen as `user:password` in base64.
const SECRETS: [(&str, &str); 4] = [
    ("alpha", "bWU6YWxwaGEtczNjcjN0"),
    ("beta", "bWU6YmV0YS1zM2NyM3Q="),
    ("refresh", "r3fr3sh-s3cr3t"),
    ("quay", "qu4y-s3cr3t"),
];

/// The certificates of all cases.
struct Keys {
    authority: PathBuf,
    server: KeyPair,
    client: KeyPair,
}

/// The registries `ONE` and `TWO`, and what the program finds.
struct World {
    scene: Scene,
    one: Recorder,
    two: Recorder,
}

/// A run of the program, in which `ONE` and `TWO` are the addresses of the registries, and `SCHEME` is how
/// they are asked.
struct Case {
    what: &'static str,
    /// Key of an entry in the auth file, and its value.
    auths: &'static [(&'static str, &'static str)],
    /// registries.conf.
    registries: &'static str,
    set_up: fn(&World, &str),
    args: &'static str,
    /// The schemes in which it is run.
    schemes: &'static [&'static str],
    /// What was sent, as `ONE alpha`. All of it is sent in the scheme that was asked for.
    expected: &'static [&'static str],
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.what)
    }
}

impl World {
    fn start(keys: &Keys, scheme: &str) -> Self {
        let scene = Scene::with_disk();
        let [one, two] = [(), ()].map(|()| Recorder::start(&keys.server, Some(&keys.authority)));
        if scheme == "https" {
            let directory = format!("home/.config/containers/certs.d/{}", one.address());
            let files =
                [("client.cert", &keys.client.certificate), ("client.key", &keys.client.key)];
            for (name, file) in files {
                scene.write(&format!("{directory}/{name}"), std::fs::read(file).unwrap());
            }
        }
        Self { scene, one, two }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("ONE", &self.one.address()).replace("TWO", &self.two.address())
    }

    /// Checks what holds for each request: the client's certificate goes to the one registry, and what is for
    /// one repository is not sent to the other.
    fn check_request(&self, server: &str, request: &RecordedRequest) {
        let expected = server == "ONE" && request.scheme == "https";
        assert_eq!(request.has_certificate, expected, "{server} {}", request.text);
        let auths = String::from_utf8(self.scene.read("auth.json")).unwrap();
        for (repository, (_, secret)) in [("y", SECRETS[0]), ("x", SECRETS[1])] {
            let is_apart = ["x", "y"].iter().all(|name| auths.contains(&format!("/team/{name}\"")));
            let is_there = request.text.contains(&format!(" /v2/team/{repository}/"));
            let is_sent = request.text.contains(secret);
            assert!(!(is_apart && is_there && is_sent), "{}", request.text);
        }
    }

    /// Returns what was sent where, as `ONE https alpha`.
    fn sent(&self) -> BTreeSet<String> {
        let mut sent = BTreeSet::new();
        for (name, server) in [("ONE", &self.one), ("TWO", &self.two)] {
            for request in server.take_requests() {
                let tokens = [("token-of-ONE", &self.one), ("token-of-TWO", &self.two)];
                let tokens = tokens.map(|(name, server)| (name, token_of(&server.address())));
                let tokens = tokens.iter().map(|(name, token)| (*name, &**token));
                for (secret, text) in SECRETS.into_iter().chain(tokens) {
                    if request.text.contains(text) {
                        sent.insert(format!("{name} {} {secret}", request.scheme));
                    }
                }
                self.check_request(name, &request);
            }
        }
        sent
    }
}

fn auth_entry(secret: &str) -> Value {
    let value = |name: &str| SECRETS.iter().find(|(known, _)| *known == name).unwrap().1;
    match secret {
        "refresh" => json!({ "identitytoken": value("refresh") }),
        name => json!({ "auth": value(name) }),
    }
}

fn check(keys: &Keys, case: &Case, scheme: &str) {
    let world = World::start(keys, scheme);
    let scene = &world.scene;
    let auths: serde_json::Map<_, _> =
        case.auths.iter().map(|(key, secret)| (world.fill(key), auth_entry(secret))).collect();
    scene.write("auth.json", json!({ "auths": auths }).to_string());
    scene.write("registries.conf", world.fill(case.registries));
    scene.write("token", "qu4y-s3cr3t\n");
    (case.set_up)(&world, scheme);
    let mut args: Vec<String> = world.fill(case.args).split(' ').map(str::to_owned).collect();
    if args[0] == "push" {
        scene.build(&[]);
    }
    args.extend(["--retry", "0", "--timeout", "3"].map(str::to_owned));
    if args[0] != "docs" {
        args.extend(["--authfile", "auth.json"].map(str::to_owned));
    }
    if scheme == "https" {
        args.extend(["--ca-file".into(), keys.authority.display().to_string()]);
    }
    let mut command = scene.program(&args);
    command.env("CONTAINERS_REGISTRIES_CONF", scene.path("registries.conf"));
    let outcome = scene.run_command(command);
    let sent = world.sent();
    let expected = case.expected.iter().map(|sent| {
        let (server, secret) = sent.split_once(' ').unwrap();
        format!("{server} {scheme} {secret}")
    });
    // The certificate is for the one registry, and there is none without TLS.
    let certificate = "ONE https certificate".to_owned();
    let has_certificate = sent.contains(&certificate);
    let expected: BTreeSet<_> = expected.chain(has_certificate.then_some(certificate)).collect();
    assert_eq!(sent, expected, "{case:?} {scheme}: {}", outcome.stderr);
    for (_, secret) in SECRETS {
        assert!(!outcome.stderr.contains(secret), "{case:?}: {}", outcome.stderr);
    }
}

fn nothing(_: &World, _: &str) {}

/// The first registry sends to the second one at this request.
fn redirect(world: &World, scheme: &str, request: &str) {
    let (_, path) = request.split_once(' ').unwrap();
    let to = format!("{scheme}://{}{path}", world.two.address());
    world.one.set_answer(request, format!("307 There\r\nLocation: {to}"));
}

fn token_at(world: &World, server: &Recorder, scheme: &str) {
    world.one.want(Wanted::Token(format!("{scheme}://{}/token", server.address())));
}

const TAGS: &str = "tags ONE/team/x";
const PUSH: &str = "push -l out 1 ONE/team/x:1";
const BOTH: &[(&str, &str)] = &[("ONE", "alpha"), ("TWO", "beta")];

fn case(
    what: &'static str,
    auths: &'static [(&'static str, &'static str)],
    set_up: fn(&World, &str),
    args: &'static str,
    expected: &'static [&'static str],
) -> Case {
    Case { what, auths, registries: "", set_up, args, schemes: &["http", "https"], expected }
}

/// Entries of an auth file and options.
fn places() -> Vec<Case> {
    vec![
        case("host and port", BOTH, nothing, TAGS, &["ONE alpha"]),
        case("a path", &[("ONE/team/x", "alpha")], nothing, TAGS, &["ONE alpha"]),
        case("the path above", &[("ONE/team", "alpha")], nothing, TAGS, &["ONE alpha"]),
        case("another path", &[("ONE/team/y", "alpha")], nothing, TAGS, &[]),
        case("the beginning of a path", &[("ONE/team/xy", "alpha")], nothing, TAGS, &[]),
        case("half of a path", &[("ONE/tea", "alpha")], nothing, TAGS, &[]),
        case(
            "paths",
            &[("ONE/team/x", "alpha"), ("ONE/team/y", "beta")],
            nothing,
            TAGS,
            &["ONE alpha"],
        ),
        case("another port", &[("TWO", "alpha")], nothing, TAGS, &[]),
        case("a host without its port", &[("127.0.0.1", "alpha")], nothing, TAGS, &[]),
        case(
            "--creds",
            &[("TWO", "beta")],
            nothing,
            "tags ONE/team/x --creds me:alpha-s3cr3t",
            &["ONE alpha"],
        ),
        case(
            "--src-creds and --dest-creds",
            &[],
            nothing,
            "copy TWO/team/x:1 ONE/team/x:1 --src-creds me:beta-s3cr3t --dest-creds me:alpha-s3cr3t",
            // The image is not there, so nothing is written.
            &["TWO beta"],
        ),
        case(
            "--dest-creds alone",
            &[],
            nothing,
            "copy TWO/team/x:1 ONE/team/x:1 --dest-creds me:alpha-s3cr3t",
            &[],
        ),
        case(
            "a base is not the destination",
            &[],
            |world, _| {
                world
                    .scene
                    .write("Dockerfile", world.fill("FROM TWO/team/x:1\nCOPY disk.raw /disk/\n"));
            },
            "build -f Dockerfile -t ONE/team/x:1 --push --dest-creds me:alpha-s3cr3t",
            &[],
        ),
    ]
}

/// Servers that name another one.
fn others() -> Vec<Case> {
    let refresh: &[(&str, &str)] = &[("ONE", "refresh")];
    vec![
        case(
            "a redirected ping",
            BOTH,
            |world, scheme| redirect(world, scheme, "GET /v2/"),
            TAGS,
            &["ONE alpha"],
        ),
        case(
            "a redirected list",
            BOTH,
            |world, scheme| {
                redirect(world, scheme, "GET /v2/team/x/tags/list");
            },
            TAGS,
            &["ONE alpha"],
        ),
        case(
            "a next page elsewhere",
            BOTH,
            |world, scheme| {
                let next =
                    format!("<{scheme}://{}/v2/team/x/tags/list?last=1>", world.two.address());
                let answer = format!("200 OK\r\nLink: {next}; rel=\"next\"");
                world.one.set_answer("GET /v2/team/x/tags/list", answer);
            },
            TAGS,
            &["ONE alpha"],
        ),
        case(
            "a redirected manifest",
            BOTH,
            |world, scheme| {
                redirect(world, scheme, "GET /v2/team/x/manifests/1");
            },
            "pull ONE/team/x:1 -o oci:back",
            &["ONE alpha"],
        ),
        case(
            "a redirected upload",
            BOTH,
            |world, scheme| {
                redirect(world, scheme, "POST /v2/team/x/blobs/uploads/");
            },
            PUSH,
            &["ONE alpha"],
        ),
        case(
            "an upload location",
            BOTH,
            |world, scheme| {
                let to = format!("{scheme}://{}/v2/team/x/blobs/uploads/1", world.two.address());
                let answer = format!("202 Accepted\r\nLocation: {to}");
                world.one.set_answer("POST /v2/team/x/blobs/uploads/", answer);
            },
            PUSH,
            &["ONE alpha"],
        ),
        case(
            "the token server of the registry",
            BOTH,
            |world, scheme| {
                token_at(world, &world.one, scheme);
            },
            TAGS,
            &["ONE alpha", "ONE token-of-ONE"],
        ),
        // What the registry names as its token server is for its credential, and not for that of the other.
        case(
            "the token server elsewhere",
            BOTH,
            |world, scheme| {
                token_at(world, &world.two, scheme);
            },
            TAGS,
            &["TWO alpha", "ONE token-of-TWO"],
        ),
        case(
            "a redirected token",
            BOTH,
            |world, scheme| {
                token_at(world, &world.one, scheme);
                redirect(world, scheme, "GET /token");
            },
            TAGS,
            &["ONE alpha", "ONE token-of-TWO"],
        ),
        case(
            "an identity token",
            refresh,
            |world, scheme| {
                token_at(world, &world.one, scheme);
            },
            TAGS,
            &["ONE refresh", "ONE token-of-ONE"],
        ),
        case(
            "an identity token of another registry",
            &[("TWO", "refresh")],
            |world, scheme| {
                token_at(world, &world.one, scheme);
            },
            TAGS,
            &["ONE token-of-ONE"],
        ),
        case(
            "an identity token that is redirected",
            refresh,
            |world, scheme| {
                token_at(world, &world.one, scheme);
                redirect(world, scheme, "POST /token");
            },
            TAGS,
            &["ONE refresh"],
        ),
        case(
            "a token of one repository",
            &[("ONE/team/x", "alpha"), ("ONE/team/y", "beta")],
            |world, scheme| {
                token_at(world, &world.one, scheme);
            },
            "copy ONE/team/y:1 ONE/team/x:1",
            &["ONE beta", "ONE token-of-ONE"],
        ),
    ]
}

/// Servers that name themselves in the other scheme.
fn schemes() -> Vec<Case> {
    let secure = |case: Case| Case { schemes: &["https"], ..case };
    vec![
        case(
            "a list in the other scheme",
            BOTH,
            |world, scheme| {
                let to = itself(world, scheme, "/v2/team/x/tags/list");
                world
                    .one
                    .set_answer("GET /v2/team/x/tags/list", format!("307 There\r\nLocation: {to}"));
            },
            TAGS,
            &["ONE alpha"],
        ),
        case(
            "a next page in the other scheme",
            BOTH,
            |world, scheme| {
                let next = itself(world, scheme, "/v2/team/x/tags/list?last=1");
                let answer = format!("200 OK\r\nLink: <{next}>; rel=\"next\"");
                world.one.set_answer("GET /v2/team/x/tags/list", answer);
            },
            TAGS,
            &["ONE alpha"],
        ),
        case(
            "an upload in the other scheme",
            BOTH,
            |world, scheme| {
                let to = itself(world, scheme, "/v2/team/x/blobs/uploads/1");
                let answer = format!("202 Accepted\r\nLocation: {to}");
                world.one.set_answer("POST /v2/team/x/blobs/uploads/", answer);
            },
            PUSH,
            &["ONE alpha"],
        ),
        // The program asks a token server at the registry's own host as it asks the registry: servers behind a
        // proxy do not know that they are asked through TLS.
        secure(case(
            "a token server without TLS",
            BOTH,
            |world, _| {
                token_at(world, &world.one, "http");
            },
            TAGS,
            &["ONE alpha", "ONE token-of-ONE"],
        )),
        secure(case(
            "an identity token without TLS",
            &[("ONE", "refresh")],
            |world, _| {
                token_at(world, &world.one, "http");
            },
            TAGS,
            &["ONE refresh", "ONE token-of-ONE"],
        )),
        secure(case(
            "a token server elsewhere without TLS",
            BOTH,
            |world, _| {
                token_at(world, &world.two, "http");
            },
            TAGS,
            &[],
        )),
        secure(case(
            "an identity token elsewhere without TLS",
            &[("ONE", "refresh")],
            |world, _| {
                token_at(world, &world.two, "http");
            },
            TAGS,
            &[],
        )),
    ]
}

/// Returns a URL of the first registry in the other scheme.
fn itself(world: &World, scheme: &str, path: &str) -> String {
    let other = if scheme == "http" { "https" } else { "http" };
    format!("{other}://{}{path}", world.one.address())
}

/// A copy within a registry, where the blobs are mounted, and the token of quay.
fn writes() -> Vec<Case> {
    let apart: &[(&str, &str)] = &[("ONE/team/x", "alpha"), ("ONE/team/y", "beta")];
    vec![
        case(
            "mounts",
            apart,
            |world, _| put_image(&world.one),
            "copy ONE/team/y:1 ONE/team/x:1",
            &["ONE alpha", "ONE beta"],
        ),
        case(
            "a copy between registries",
            BOTH,
            |world, _| put_image(&world.two),
            "copy TWO/team/y:1 ONE/team/x:1",
            &["ONE alpha", "TWO beta"],
        ),
        case("the token of quay", BOTH, write_catalogue, DOCS, &["ONE quay"]),
        case(
            "the token of quay that is redirected",
            BOTH,
            |world, scheme| {
                write_catalogue(world, scheme);
                redirect(world, scheme, "PUT /api/v1/repository/disks/checksums");
            },
            DOCS,
            &["ONE quay"],
        ),
        case(
            "the token of quay in the other scheme",
            BOTH,
            |world, scheme| {
                write_catalogue(world, scheme);
                let to = itself(world, scheme, "/api/v1/repository/disks/checksums");
                let answer = format!("307 There\r\nLocation: {to}");
                world.one.set_answer("PUT /api/v1/repository/disks/checksums", answer);
            },
            DOCS,
            &["ONE quay"],
        ),
    ]
}

const DOCS: &str = "docs --publish --quay-token-file token diskette.yaml";

fn write_catalogue(world: &World, _: &str) {
    let document = Upstream::start().catalogue_document(&world.one.address(), "checksums", "");
    world.scene.write("diskette.yaml", document);
}

/// Puts an image of one layer into the repository `team/y`.
fn put_image(server: &Recorder) {
    let put = |media_type: &str, body: &str| {
        let digest = format!("sha256:{}", sha256(body.as_bytes()));
        for method in ["GET", "HEAD"] {
            server.set_content(&format!("{method} /v2/team/y/blobs/{digest}"), "200 OK", body);
        }
        json!({ "mediaType": media_type, "digest": digest, "size": body.len() })
    };
    let config =
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put("application/vnd.oci.image.config.v1+json", config),
        "layers": [put("application/vnd.oci.image.layer.v1.tar", "a layer")],
    });
    let manifest = manifest.to_string();
    for reference in ["1".to_owned(), format!("sha256:{}", sha256(manifest.as_bytes()))] {
        for method in ["GET", "HEAD"] {
            let head = format!("200 OK\r\nContent-Type: {MANIFEST}");
            let path = format!("{method} /v2/team/y/manifests/{reference}");
            server.set_content(&path, head, manifest.clone());
        }
    }
}

/// Mirrors and other names of registries.conf.
fn mirrors() -> Vec<Case> {
    let config = |case: Case, registries| Case { registries, ..case };
    const MIRROR: &str =
        "[[registry]]\nlocation = \"ONE\"\n[[registry.mirror]]\nlocation = \"TWO\"\n";
    const MOVED: &str = "[[registry]]\nprefix = \"ONE/team\"\nlocation = \"TWO/team\"\n";
    let pull = "pull ONE/team/x:1 -o oci:back";
    vec![
        config(
            case("a mirror has its own", BOTH, nothing, pull, &["ONE alpha", "TWO beta"]),
            MIRROR,
        ),
        config(
            case("a mirror without one", &[("ONE", "alpha")], nothing, pull, &["ONE alpha"]),
            MIRROR,
        ),
        config(
            case(
                "--creds is not for mirrors",
                &[],
                nothing,
                "pull ONE/team/x:1 -o oci:back --creds me:alpha-s3cr3t",
                &["ONE alpha"],
            ),
            MIRROR,
        ),
        config(case("a registry that has moved", BOTH, nothing, pull, &["TWO beta"]), MOVED),
    ]
}

#[test]
fn secrets_go_where_they_are_for() {
    let scene = Scene::new();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let keys = Keys {
        authority: authority.own.certificate.clone(),
        server: authority.issue("server", "IP:127.0.0.1", Validity::Good),
        client: authority.issue("client", "DNS:client", Validity::Good),
    };
    let tables = [places(), others(), schemes(), writes(), mirrors()];
    let cases: Vec<Case> = tables.into_iter().flatten().collect();
    let rows = cases.iter().flat_map(|case| case.schemes.iter().map(move |scheme| (case, *scheme)));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 80, "{rows:?}");
    check_all(&rows, |(case, scheme)| check(&keys, case, scheme));
}
