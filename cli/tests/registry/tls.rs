//! Whom the program trusts, and which registries it goes to: certificates, `certs.d` and
//! `registries.conf`, with real registries.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;
use std::path::Path;

use diskette_integration::certificates::{Authority, KeyPair, Validity};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

/// What the program says when all is well.
const GOOD: &str = "status: 0\nstdout:\n1\nstderr:\n";

/// A scene with a registry that speaks TLS.
struct Secure {
    scene: Scene,
    registry: DockerRegistry,
    authority: Authority,
}

impl Secure {
    /// Starts a registry with a certificate, and puts an image into it.
    fn start(
        certificate: impl FnOnce(&Authority) -> KeyPair,
        more: &[(&str, Value)],
    ) -> Option<Self> {
        let scene = Scene::with_disk();
        let authority = Authority::new(&scene, "authority")?;
        let pair = certificate(&authority);
        let settings = [
            ("/http/tls/certificate", json!(pair.certificate)),
            ("/http/tls/key", json!(pair.key)),
        ];
        let settings: Vec<_> = settings.iter().chain(more).cloned().collect();
        // What is in it was put there when it asked for nothing.
        let plain = DockerRegistry::start_open(&scene)?;
        scene.build(&[]);
        scene.run(["push", "-q", "-l", "out", "1", &plain.reference("vm:1")]).digest();
        drop(plain);
        let registry = DockerRegistry::start(&scene, "registry", &settings)?;
        Some(Self { scene, registry, authority })
    }

    /// Asks for the tags, and compares all that is said.
    fn check(&self, args: &[&str], environment: &[(&str, &Path)], expected: impl IntoData) {
        let name = self.registry.reference("vm");
        let mut command = self.scene.program(["tags", &name, "--retry", "0"].iter().chain(args));
        command.envs(environment.iter().copied());
        let said = self.scene.run_command(command).transcript();
        // OpenSSL 3.0 has an older name for the alerts of TLS.
        let said = said.replace("sslv3 alert", "ssl/tls alert");
        assert_data_eq!(said.replace(&self.registry.address(), "[REGISTRY]"), expected.raw());
    }

    /// Copies a file to where it is looked for.
    fn certs_d(&self, name: &str, file: &Path) {
        let directory = format!("home/.config/containers/certs.d/{}", self.registry.address());
        self.scene.write(&format!("{directory}/{name}"), fs::read(file).unwrap());
    }

    fn authority(&self) -> &str {
        self.authority.own.certificate.to_str().unwrap()
    }
}

fn good(authority: &Authority) -> KeyPair {
    authority.issue("server", "IP:127.0.0.1", Validity::Good)
}

#[test]
fn an_authority_that_is_named() {
    let Some(secure) = Secure::start(good, &[]) else { return };
    secure.check(&["--ca-file", secure.authority()], &[], GOOD);
    secure.check(&["--tls-verify=false"], &[], GOOD);
    let roots = [("SSL_CERT_FILE", Path::new(secure.authority()))];
    secure.check(&["--tls-verify=true"], &roots, GOOD);
    let other = Authority::new(&secure.scene, "other").unwrap();
    let other = other.own.certificate.to_str().unwrap();
    secure.check(&["--ca-file", other], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot trust [REGISTRY]: unable to get local issuer certificate
 |
 = help: name the registry's authority with `--ca-file`, or put it into `/etc/containers/certs.d/[REGISTRY]/ca.crt`; `--tls-verify=false` accepts any certificate

"#]]);
    secure.check(&["--tls-verify"], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot trust [REGISTRY]: unable to get local issuer certificate
 |
 = help: name the registry's authority with `--ca-file`, or put it into `/etc/containers/certs.d/[REGISTRY]/ca.crt`; `--tls-verify=false` accepts any certificate

"#]]);
    secure.check(
        &[],
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: the server answered 400: Client sent an HTTP request to an HTTPS server.
 |
 = help: if the registry uses https, add `--tls-verify`: the default for this machine is http

"#]],
    );
    secure.check(
        &["--ca-file", "nowhere.pem"],
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `nowhere.pem`: no such file

"#]],
    );
    secure.scene.write("empty.pem", "");
    secure.check(&["--ca-file", "empty.pem"], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot use the certificates for [REGISTRY]: a file has none in it; they begin with `-----BEGIN`

"#]]);
    let rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    secure.scene.write("rubbish.pem", rubbish);
    secure.check(&["--ca-file", "rubbish.pem"], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot use the certificates for [REGISTRY]: wrong tag, nested asn1 error, ASN1 lib

"#]]);
    secure.certs_d("ca.crt", Path::new(secure.authority()));
    secure.check(&[], &[], GOOD);
    secure.check(&["--tls-verify"], &[], GOOD);
    secure.certs_d("ca.crt", Path::new(other));
    secure.check(&[], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot trust [REGISTRY]: unable to get local issuer certificate
 |
 = help: name the registry's authority with `--ca-file`, or put it into `/etc/containers/certs.d/[REGISTRY]/ca.crt`; `--tls-verify=false` accepts any certificate

"#]]);
}

#[test]
fn a_certificate_that_is_its_own_authority() {
    let own = |authority: &Authority| authority.self_signed("server", "IP:127.0.0.1");
    let Some(secure) = Secure::start(own, &[]) else { return };
    let certificate = secure.scene.path("authority/server.pem");
    secure.check(&["--ca-file", certificate.to_str().unwrap()], &[], GOOD);
    secure.check(&["--tls-verify=false"], &[], GOOD);
    secure.check(&["--tls-verify"], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot trust [REGISTRY]: self-signed certificate
 |
 = help: name the registry's authority with `--ca-file`, or put it into `/etc/containers/certs.d/[REGISTRY]/ca.crt`; `--tls-verify=false` accepts any certificate

"#]]);
    secure.certs_d("ca.crt", &certificate);
    secure.check(&[], &[], GOOD);
}

/// A server's certificate alone is trusted, too, although it is not its own authority.
#[test]
fn a_certificate_that_is_trusted_itself() {
    let Some(secure) = Secure::start(good, &[]) else { return };
    let certificate = secure.scene.path("authority/server.pem");
    secure.check(&["--ca-file", certificate.to_str().unwrap()], &[], GOOD);
}

#[test]
fn certificates_that_do_not_hold() {
    let name = |authority: &Authority| {
        authority.issue("server", "DNS:registry.test,IP:127.0.0.2", Validity::Good)
    };
    let Some(secure) = Secure::start(name, &[]) else { return };
    secure.check(
        &["--ca-file", secure.authority()],
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot trust [REGISTRY]: IP address mismatch
 |
 = help: its certificate is for other names: use one of them, or give it one for this name

"#]],
    );
    secure.check(&["--tls-verify=false"], &[], GOOD);
    let over = |authority: &Authority| authority.issue("server", "IP:127.0.0.1", Validity::Over);
    let Some(secure) = Secure::start(over, &[]) else { return };
    secure.check(
        &["--ca-file", secure.authority()],
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot trust [REGISTRY]: certificate has expired
 |
 = help: give the registry a new certificate; or is the clock of this machine wrong?

"#]],
    );
    secure.check(&["--tls-verify=false"], &[], GOOD);
}

#[test]
fn a_registry_that_knows_its_clients() {
    let scene = Scene::new();
    let Some(clients) = Authority::new(&scene, "clients") else { return };
    let known = clients.issue("me", "DNS:me", Validity::Good);
    let unknown = clients.self_signed("somebody", "DNS:somebody");
    let settings = [("/http/tls/clientcas", json!([clients.own.certificate]))];
    let Some(secure) = Secure::start(good, &settings) else { return };
    secure.check(&["--ca-file", secure.authority()], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: the server requires a client certificate: ssl/tls alert bad certificate
 |
 = help: put yours into `/etc/containers/certs.d/[REGISTRY]/client.cert`, and its key into `/etc/containers/certs.d/[REGISTRY]/client.key`

"#]]);
    secure.certs_d("ca.crt", Path::new(secure.authority()));
    secure.check(&[], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: the server requires a client certificate: ssl/tls alert bad certificate
 |
 = help: put yours into `/etc/containers/certs.d/[REGISTRY]/client.cert`, and its key into `/etc/containers/certs.d/[REGISTRY]/client.key`

"#]]);
    secure.certs_d("client.cert", &known.certificate);
    secure.check(&[], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot use the certificates for [REGISTRY]: `[ROOT]/home/.config/containers/certs.d/[REGISTRY]/client.cert` needs its key beside it, in `[ROOT]/home/.config/containers/certs.d/[REGISTRY]/client.key`; the certificate of an authority ends in `.crt`

"#]]);
    secure.certs_d("client.key", &known.key);
    secure.check(&[], &[], GOOD);
    secure.certs_d("client.key", &unknown.key);
    secure.check(&[], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: cannot use the certificates for [REGISTRY]: key values mismatch

"#]]);
    secure.certs_d("client.cert", &unknown.certificate);
    secure.check(&[], &[], str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: the server requires a client certificate: ssl/tls alert bad certificate
 |
 = help: put yours into `/etc/containers/certs.d/[REGISTRY]/client.cert`, and its key into `/etc/containers/certs.d/[REGISTRY]/client.key`

"#]]);
}

#[test]
fn without_tls_only_where_it_was_said() {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    scene.run(["push", "-q", "-l", "out", "1", &registry.reference("vm:1")]).digest();
    let check = |args: &[&str], expected| {
        let name = registry.reference("vm");
        let outcome = scene.run(["tags", &name, "--retry", "0"].iter().chain(args));
        let said = outcome.transcript().replace(&registry.address(), "[REGISTRY]");
        assert_data_eq!(said, expected);
    };
    check(&[], GOOD.raw());
    check(&["--plain-http"], GOOD.raw());
    // podman and skopeo use HTTP then, too.
    check(&["--tls-verify=false"], GOOD.raw());
    check(
        &["--tls-verify"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [REGISTRY]/vm: [REGISTRY] does not speak TLS
 |
 = help: if the registry has no TLS, use `--plain-http`

"#]]
        .raw(),
    );
    check(
        &["--tls-verify", "--plain-http"],
        str![[r#"
status: 2
stdout:
stderr:
error: the argument '--tls-verify[=<BOOL>]' cannot be used with '--plain-http'

Usage: diskette tags --retry <N> --tls-verify[=<BOOL>] <REF>

For more information, try '--help'.

"#]]
        .raw(),
    );
}

/// What registries.conf allows for one path holds for no other path of the registry, whichever is
/// used first.
#[test]
fn registries_conf_is_about_paths() {
    let Some(secure) = Secure::start(good, &[]) else { return };
    let scene = &secure.scene;
    let name = |path: &str| secure.registry.reference(&format!("{path}/vm:1"));
    let check = |args: &[&str], status: i32, expected: &str| {
        let mut command = scene.program(args.iter().chain(&["--retry", "0"]));
        command.env("CONTAINERS_REGISTRIES_CONF", scene.path("registries.conf"));
        let outcome = scene.run_command(command);
        assert_eq!(outcome.status, status, "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{args:?}: {}", outcome.stderr);
    };
    scene.write(
        "registries.conf",
        format!(
            "[[registry]]\nlocation = \"{}/open\"\ninsecure = true\n",
            secure.registry.address()
        ),
    );
    let (open, shut) = (name("open"), name("shut"));
    check(&["push", "-q", "-l", "out", "1", &open], 0, "");
    let why = "cannot trust";
    let tls = "--ca-file";
    let other = Authority::new(scene, "other").unwrap();
    let other = other.own.certificate.to_str().unwrap();
    // With an option about TLS, a registry on this machine is contacted as any other.
    check(&["push", "-q", "-l", "out", "1", &open, tls, other], 0, "");
    check(&["push", "-q", "-l", "out", "1", &shut, tls, other], 1, why);
    check(&["copy", "-q", &open, &shut, tls, other], 1, why);
    check(&["copy", "-q", &shut, &open, tls, other], 1, why);
    check(&["copy", "-q", &open, &name("open/more"), tls, other], 0, "");
    check(&["push", "-q", "-l", "out", "1", &open, &shut, tls, other], 1, why);
    check(&["push", "-q", "-l", "out", "1", &shut, &open, tls, other], 1, why);
    check(&["copy", "-q", &open, &shut, tls, secure.authority()], 0, "");
}

#[test]
fn registries_conf() {
    let Some(secure) = Secure::start(good, &[]) else { return };
    let Some(plain) = DockerRegistry::start(&secure.scene, "plain", &[]) else { return };
    let scene = &secure.scene;
    let conf = scene.path("registries.conf");
    let check = |args: &[&str], config: String, expected: snapbox::Data| {
        scene.write("registries.conf", config);
        let mut command = scene.program(args.iter().chain(&["--retry", "0"]));
        command.env("CONTAINERS_REGISTRIES_CONF", &conf);
        let said = scene.run_command(command).transcript();
        let said = said.replace(&secure.registry.address(), "[SECURE]");
        assert_data_eq!(said.replace(&plain.address(), "[PLAIN]"), expected);
    };
    let digest = scene.run(["build", "-q", "-o", "out"]).digest();
    let quiet = format!("status: 0\nstdout:\n{digest}\nstderr:\n");
    let registry =
        |location: &str, rest: &str| format!("[[registry]]\nlocation = \"{location}\"\n{rest}\n");
    let mirror = |location: &str, rest: &str| {
        format!("[[registry.mirror]]\nlocation = \"{location}\"\n{rest}\n")
    };
    let (one, two) = (secure.registry.reference("vm:1"), plain.reference("vm:1"));
    let (here, there) = (secure.registry.address(), plain.address());
    // Insecure is any certificate, or none.
    let tags = ["tags", &secure.registry.reference("vm")];
    check(&tags, registry(&here, "insecure = true"), GOOD.raw());
    check(
        &tags,
        registry(&here, ""),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot list the tags of [SECURE]/vm: the server answered 400: Client sent an HTTP request to an HTTPS server.
 |
 = help: if the registry uses https, add `--tls-verify`: the default for this machine is http

"#]]
        .raw(),
    );
    let push = ["push", "-q", "-l", "out", "1", &two];
    check(&push, registry(&there, "insecure = true"), quiet.clone().raw());
    // Blocked for reading and writing.
    check(
        &tags,
        registry(&here, "blocked = true"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read [SECURE]/vm:latest: `[SECURE]` is blocked in [ROOT]/registries.conf

"#]]
        .raw(),
    );
    check(
        &push,
        registry(&there, "blocked = true"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write to [PLAIN]/vm:1: `[PLAIN]` is blocked in [ROOT]/registries.conf

"#]]
        .raw(),
    );
    check(
        &push,
        registry(&format!("{there}/vm"), "blocked = true"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write to [PLAIN]/vm:1: `[PLAIN]/vm` is blocked in [ROOT]/registries.conf

"#]]
        .raw(),
    );
    check(&push, registry(&format!("{there}/other"), "blocked = true"), quiet.clone().raw());
    // Read from a mirror, although the registry is nowhere; not written to it.
    let pull = ["pull", "-q", "registry.invalid/vm:1", "-o", "back"];
    let mirrored = registry("registry.invalid", "") + &mirror(&there, "");
    check(&pull, mirrored, quiet.clone().raw());
    // A mirror that fails, and one that has it.
    let failing = mirror("127.0.0.1:1", "") + &mirror(&here, "insecure = true");
    check(&pull, registry("registry.invalid", "") + &failing, quiet.clone().raw());
    // None of the mirrors has it: the registry itself does.
    let missing = registry(&there, "") + &mirror(&format!("{there}/nothing"), "");
    check(&["pull", "-q", &two, "-o", "back"], missing, quiet.raw());
    check(
        &["pull", "-q", &one, "-o", "back"],
        "[[registry]\n".into(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read [SECURE]/vm:1: [ROOT]/registries.conf:1:12: this is not a registries.conf: unclosed array table, expected `]`
 |
 = help: `man 5 containers-registries.conf` describes the file

"#]]
        .raw(),
    );
}
