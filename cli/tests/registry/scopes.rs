//! Where each secret goes, of two registries with two repositories that speak HTTP and HTTPS at one port each:
//! to the registry, the repository and in the scheme that it is for, and nowhere else.

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

/// The registries `ONE` and `TWO`, how they are asked, and what the program finds.
struct World {
    scene: Scene,
    one: Recorder,
    two: Recorder,
    scheme: &'static str,
}

/// A block of the table, and the scheme in which it is run.
struct Case {
    block: &'static str,
    scheme: &'static str,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.value("what").unwrap(), self.scheme)
    }
}

impl Case {
    /// Returns the values of a key.
    fn values(&self, key: &str) -> impl Iterator<Item = &'static str> {
        let lines = self.block.lines().filter_map(|line| line.split_once(':'));
        let lines = lines.filter(move |(name, _)| *name == key);
        lines.map(|(_, value)| value.trim()).collect::<Vec<_>>().into_iter()
    }

    fn value(&self, key: &str) -> Option<&'static str> {
        self.values(key).next()
    }

    /// Returns the parts of a value, as `ONE alpha`.
    fn pairs(&self, key: &str, otherwise: &'static str) -> Vec<(&'static str, &'static str)> {
        let value = self.value(key).unwrap_or(otherwise);
        value.split(", ").filter_map(|pair| pair.split_once(' ')).collect()
    }
}

impl World {
    fn start(keys: &Keys, scheme: &'static str) -> Self {
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
        Self { scene, one, two, scheme }
    }

    /// Returns a text of the table as it is meant.
    fn fill(&self, text: &str) -> String {
        let other = if self.scheme == "http" { "https" } else { "http" };
        let text = text.replace("ONE", &self.one.address()).replace("TWO", &self.two.address());
        text.replace("SCHEME", self.scheme).replace("OTHER", other)
    }

    fn server(&self, name: &str) -> &Recorder {
        if name == "TWO" { &self.two } else { &self.one }
    }

    /// Does what a `set` of the table says.
    fn set_up(&self, what: &str) {
        let (word, rest) = what.split_once(' ').unwrap();
        match word {
            "token" => self.one.want(Wanted::Token(self.fill(rest))),
            "image" => put_image(self.server(rest)),
            "file" => {
                let (name, text) = rest.split_once(' ').unwrap();
                self.scene.write(name, self.fill(text).replace('|', "\n"));
            }
            "catalogue" => {
                let host = self.server(rest).address();
                let document = Upstream::start().catalogue_document(&host, "checksums", "");
                self.scene.write("diskette.yaml", document);
            }
            _ => {
                let (request, head) = what.split_once(" = ").unwrap();
                self.one.set_answer(request, self.fill(head).replace('|', "\r\n"));
            }
        }
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
        let tokens = [("token-of-ONE", &self.one), ("token-of-TWO", &self.two)];
        let tokens = tokens.map(|(name, server)| (name, token_of(&server.address())));
        let secrets = tokens.iter().map(|(name, token)| (*name, &**token)).chain(SECRETS);
        let secrets: Vec<_> = secrets.collect();
        let mut sent = BTreeSet::new();
        for (name, server) in [("ONE", &self.one), ("TWO", &self.two)] {
            for request in server.take_requests() {
                self.check_request(name, &request);
                let found = secrets.iter().filter(|(_, text)| request.text.contains(text));
                sent.extend(found.map(|(secret, _)| format!("{name} {} {secret}", request.scheme)));
            }
        }
        sent
    }
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
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put("application/vnd.oci.image.config.v1+json", &config.to_string()),
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

fn auth_entry(secret: &str) -> Value {
    let (_, value) = SECRETS.iter().find(|(known, _)| *known == secret).unwrap();
    if secret == "refresh" { json!({ "identitytoken": value }) } else { json!({ "auth": value }) }
}

fn check(keys: &Keys, case: &Case) {
    let world = World::start(keys, case.scheme);
    let scene = &world.scene;
    let auths = case.pairs("auths", "ONE alpha, TWO beta").into_iter();
    let auths: serde_json::Map<_, _> =
        auths.map(|(key, secret)| (world.fill(key), auth_entry(secret))).collect();
    scene.write("auth.json", json!({ "auths": auths }).to_string());
    let conf = world.fill(case.value("conf").unwrap_or_default()).replace('|', "\n");
    scene.write("registries.conf", conf);
    scene.write("token", "qu4y-s3cr3t\n");
    case.values("set").for_each(|what| world.set_up(what));
    let args = world.fill(case.value("run").unwrap_or("tags ONE/team/x"));
    let mut args: Vec<&str> = args.split(' ').collect();
    if args[0] == "push" {
        scene.build(&[]);
    }
    if args[0] != "docs" {
        args.extend(["--authfile", "auth.json"]);
    }
    args.extend(["--retry", "0", "--timeout", "3"]);
    if case.scheme == "https" {
        args.extend(["--ca-file", keys.authority.to_str().unwrap()]);
    }
    let mut command = scene.program(&args);
    command.env("CONTAINERS_REGISTRIES_CONF", scene.path("registries.conf"));
    let outcome = scene.run_command(command);
    let expected = case.pairs("sent", "").into_iter();
    let expected = expected.map(|(server, secret)| format!("{server} {} {secret}", case.scheme));
    assert_eq!(world.sent(), expected.collect(), "{case:?}: {}", outcome.stderr);
    for (_, secret) in SECRETS {
        assert!(!outcome.stderr.contains(secret), "{case:?}: {}", outcome.stderr);
    }
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
    let blocks = include_str!("scopes.txt").split("\n\n").filter(|block| block.contains("what: "));
    let cases = blocks.flat_map(|block| {
        let of = |scheme| Case { block, scheme };
        let only = of("http").value("in");
        ["http", "https"]
            .into_iter()
            .filter(move |scheme| only.is_none_or(|it| it == *scheme))
            .map(of)
    });
    let cases: Vec<Case> = cases.collect();
    assert!(cases.len() >= 75, "{}", cases.len());
    check_all(&cases, |case| check(&keys, case));
}
