//! Proxies lead to registries, where the environment says so; what they are shown is for them
//! alone. The names of the registries here have no address: only the proxy finds them.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use diskette_integration::certificates::{Authority, Validity};
use diskette_integration::daemon::Daemon;
use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::proxy::{Proxy, ProxyAccess};
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::json;
use snapbox::{IntoData, assert_data_eq, str};

const NAME: &str = "registry.invalid:5000";

/// `proxy:secret`, as it is shown.
const SHOWN: &str = "Basic cHJveHk6c2VjcmV0";

/// Runs the program with some variables, in which `PROXY` is the proxy's address.
fn run(scene: &Scene, proxy: &Proxy, variables: &[(&str, &str)], args: &[&str]) -> ProgramOutcome {
    let mut command = scene.program(args);
    for (name, value) in variables {
        command.env(name, value.replace("PROXY", &proxy.address().to_string()));
    }
    scene.run_command(command)
}

/// Returns the first words of what a proxy was asked, each once.
fn asked(proxy: &Proxy) -> Vec<String> {
    let requests = proxy.take_requests();
    let mut methods: Vec<String> =
        requests.iter().map(|head| head[0].split(" HTTP/").next().unwrap().to_owned()).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn push(name: &str) -> [&str; 8] {
    ["push", "-q", "-l", "out", "1", name, "--retry", "0"]
}

#[test]
fn https_goes_through_a_tunnel() {
    let scene = Scene::with_disk();
    let Some(authority) = Authority::new(&scene, "authority") else { return };
    let pair = authority.issue("server", "DNS:registry.invalid", Validity::Good);
    let tls = json!({ "certificate": pair.certificate, "key": pair.key });
    let settings = [("/http/tls", tls), htpasswd_settings(&scene)];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let server = registry.address().parse().unwrap();
    let digest = scene.build(&[]);
    scene.write("user", USER);
    let ca = authority.own.certificate.to_str().unwrap();
    let name = format!("{NAME}/vm:1");
    let args = [&push(&name)[..], &["--ca-file", ca, "--creds-file", "user"]].concat();
    let open = Proxy::start(server, ProxyAccess::All);
    let tunnel = [format!("CONNECT {NAME}")];
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let pushed = run(&scene, &open, &[(variable, "http://PROXY")], &args);
        assert_eq!(pushed.digest(), digest, "{variable}");
        let requests = open.take_requests();
        assert!(!requests.is_empty(), "{variable}: it went by another way");
        for head in requests {
            // The registry's password goes through the tunnel, not to the proxy.
            assert_eq!(head[0], format!("{} HTTP/1.1", tunnel[0]), "{variable}");
            let shown = head.iter().any(|line| line.contains("uthorization"));
            assert!(!shown, "{variable}: {head:?}");
        }
    }
    let closed = Proxy::start(server, ProxyAccess::Only(SHOWN));
    let with = [("HTTPS_PROXY", "http://proxy:secret@PROXY")];
    assert_eq!(run(&scene, &closed, &with, &args).digest(), digest);
    assert_eq!(asked(&closed), tunnel);
    // One address without a scheme, and a name without a port.
    let with = [("HTTPS_PROXY", "proxy:secret@PROXY")];
    assert_eq!(run(&scene, &closed, &with, &args).digest(), digest);
    let said = |variables: &[(&str, &str)]| {
        let outcome = run(&scene, &closed, variables, &args);
        outcome.transcript().replace(&closed.address().to_string(), "[PROXY]")
    };
    let expected = str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in registry.invalid:5000/vm: the proxy [PROXY] refused to connect: it answered 407
 |
 = help: the proxy wants a user and a password; write them in front of it, as in `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`

"#]];
    assert_data_eq!(said(&[("HTTPS_PROXY", "http://PROXY")]), expected.raw());
    let expected = str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in registry.invalid:5000/vm: the proxy [PROXY] refused to connect: it answered 407
 |
 = help: the proxy wants a user and a password; write them in front of it, as in `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`

"#]];
    assert_data_eq!(said(&[("HTTPS_PROXY", "http://proxy:wrong@PROXY")]), expected.raw());
    let expected = str![[r#"
status: 75
stdout:
stderr:
error: cannot look for a blob in registry.invalid:5000/vm: cannot connect to the proxy 127.0.0.1:1: Connection refused (os error 111)

"#]];
    assert_data_eq!(said(&[("HTTPS_PROXY", "http://127.0.0.1:1")]), expected.raw());
    let expected = str![[r#"
status: 1
stdout:
stderr:
error: cannot look for a blob in registry.invalid:5000/vm: `$HTTPS_PROXY` names a proxy that is neither `http://`, `https://` nor `socks5://`
 |
 = help: set another one, unset it, or name the server in `NO_PROXY`

"#]];
    assert_data_eq!(said(&[("HTTPS_PROXY", "ftp://PROXY")]), expected.raw());
}

#[test]
fn http_is_passed_on() {
    let scene = Scene::with_disk();
    let settings = [("/http/relativeurls", json!(true)), htpasswd_settings(&scene)];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let server = registry.address().parse().unwrap();
    let digest = scene.build(&[]);
    scene.write("user", USER);
    let name = format!("{NAME}/vm:1");
    let args = [&push(&name)[..], &["--plain-http", "--creds-file", "user"]].concat();
    let proxy = Proxy::start(server, ProxyAccess::Only(SHOWN));
    for variable in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        let pushed = run(&scene, &proxy, &[(variable, "http://proxy:secret@PROXY")], &args);
        assert_eq!(pushed.digest(), digest, "{variable}");
        let requests = proxy.take_requests();
        assert!(!requests.is_empty(), "{variable}: it went by another way");
        for head in requests {
            assert!(head[0].contains(&format!(" http://{NAME}/v2/")), "{variable}: {head:?}");
        }
    }
    let back = ["pull", "-q", &name, "-o", "back", "--plain-http", "--creds-file", "user"];
    let with = [("http_proxy", "http://proxy:secret@PROXY")];
    assert_eq!(run(&scene, &proxy, &with, &back).digest(), digest);
    Layout::open(&scene.path("back")).verify_blobs("1").unwrap();
}

/// A real SOCKS server leads to a registry whose name is none of this machine's to us.
#[test]
fn socks_servers_lead_to_registries() {
    let Some(server) = peer::find("microsocks") else { return };
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let digest = scene.build(&[]);
    let start = |args: &'static [&str]| {
        Daemon::start(|port| {
            let mut command = server.command();
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(args);
            command
        })
    };
    let (open, closed) = (start(&[]), start(&["-u", "me", "-P", "s@cret"]));
    let name = format!("{}/vm:1", registry.address().replace("127.0.0.1", "0.0.0.0"));
    let run = |variable: &str, value: String, name: &str| {
        let mut command = scene.program(push(name).iter().chain(&["--plain-http"]));
        command.env(variable, value);
        scene.run_command(command)
    };
    for (variable, scheme) in
        [("http_proxy", "socks5"), ("HTTP_PROXY", "socks5h"), ("ALL_PROXY", "SOCKS5")]
    {
        let pushed = run(variable, format!("{scheme}://{}", open.address()), &name);
        assert_eq!(pushed.digest(), digest, "{variable} {scheme}");
        let pushed = run(variable, format!("{scheme}://me:s%40cret@{}", closed.address()), &name);
        assert_eq!(pushed.digest(), digest, "{variable} {scheme}");
    }
    let check = |user: &str, name: &str, expected: &str| {
        let outcome = run("http_proxy", format!("socks5://{user}{}", closed.address()), name);
        assert!(matches!(outcome.status, 1 | 75), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    };
    check("", &name, "did not connect: it requires a user and a password");
    check("me:hunter2@", &name, "did not connect: it refused the user or the password");
    check("me:s%40cret@", "0.0.0.0:1/vm:1", "did not connect: the connection was refused");
    check("me:s%40cret@", "registry.invalid/vm:1", "did not connect: ");
    // This machine needs no proxy, whatever the variable says.
    let pushed = run("http_proxy", "socks5://127.0.0.1:1".into(), &registry.reference("vm:1"));
    assert_eq!(pushed.digest(), digest);
}

/// What is excepted from the proxy does not ask it, and does not find the registry either.
#[test]
fn exceptions() {
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let server = registry.address().parse().unwrap();
    let digest = scene.build(&[]);
    let proxy = Proxy::start(server, ProxyAccess::All);
    let check = |exceptions: &str, name: &str, through: usize| {
        let variables = [
            ("http_proxy", "http://PROXY"),
            ("HTTPS_PROXY", "http://PROXY"),
            ("NO_PROXY", exceptions),
        ];
        let name = format!("{name}/vm:1");
        let args = [&push(&name)[..], &["--plain-http"]].concat();
        let outcome = run(&scene, &proxy, &variables, &args);
        assert_eq!(proxy.take_requests().len().min(1), through, "{exceptions} {name}");
        outcome
    };
    let none = check("", NAME, 1);
    assert_eq!(none.digest(), digest);
    for exceptions in
        ["registry.invalid", "registry.invalid:5000", ".invalid", "invalid", "*", "a.b, .invalid"]
    {
        let outcome = check(exceptions, NAME, 0);
        let said = "cannot find the host `registry.invalid`";
        assert!(outcome.stderr.contains(said), "{exceptions}: {}", outcome.stderr);
    }
    for exceptions in ["registry.invalid:80", "other.invalid", "gistry.invalid", "127.0.0.0/8"] {
        assert_eq!(check(exceptions, NAME, 1).digest(), digest, "{exceptions}");
    }
    // This machine is not reached through a proxy.
    assert_eq!(check("", &registry.address(), 0).digest(), digest);
}
