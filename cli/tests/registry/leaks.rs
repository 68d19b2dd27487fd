//! Secrets go to the registry they are for, and nowhere else: not to whom it redirects, not to whom it
//! names, not into messages, arguments or files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use diskette_integration::disk::sha256;
use diskette_integration::peer;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::{TokenExpiry, TokenForm};
use diskette_integration::registry::test_images::{NAME, TestImages};
use diskette_integration::registry::trap::SecretTrap;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use serde_json::json;

/// The password of the user and of the proxy.
const CANARY: &str = "c4nary-0f-a-t3st";

/// `user:` and the canary, as `Authorization` has it.
const ENCODED: &str = "dXNlcjpjNG5hcnktMGYtYS10M3N0";

/// Where the secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    AuthFile,
    DockerConfig,
    /// `DOCKER_AUTH_CONFIG`
    Variable,
    /// `--creds-file -`
    StandardInput,
    Helper,
    /// The user and password of a proxy, besides those of an auth file.
    Proxy,
}

/// How an attacker tries to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attack {
    /// Nobody does: the push succeeds.
    None,
    /// The ping is redirected to where credentials are asked for.
    Ping,
    /// Whoever asks for a token is redirected.
    Token,
    /// `HEAD` of a blob is redirected.
    Head,
    /// The `POST` is redirected.
    Post,
    /// The upload session is elsewhere.
    Location,
    /// The manifest is redirected.
    Manifest,
    /// The registry repeats the headers of the request.
    Echo,
    /// A pulled blob is redirected.
    Pull,
    /// A pulled image has a layer with a URL elsewhere.
    Foreign,
}

const SOURCES: [Source; 6] = [
    Source::AuthFile,
    Source::DockerConfig,
    Source::Variable,
    Source::StandardInput,
    Source::Helper,
    Source::Proxy,
];

const ATTACKS: [Attack; 10] = [
    Attack::None,
    Attack::Ping,
    Attack::Token,
    Attack::Head,
    Attack::Post,
    Attack::Location,
    Attack::Manifest,
    Attack::Echo,
    Attack::Pull,
    Attack::Foreign,
];

#[derive(Debug)]
struct Case {
    source: Source,
    attack: Attack,
}

/// What was heard of a run in all places where a secret may turn up.
#[derive(Debug, Default)]
struct Heard {
    status: i32,
    /// Name of the place, and what was there.
    places: Vec<(String, String)>,
}

#[test]
fn leaks() {
    let Some(goods) = TestImages::new() else { return };
    let cases = |source| ATTACKS.map(|attack| Case { source, attack });
    let cases: Vec<_> = SOURCES.into_iter().flat_map(cases).collect();
    assert_eq!(cases.len(), 60);
    check_all(&cases, |case| check(&goods, case));
    goods.assert_untouched();
}

fn check(goods: &TestImages, case: &Case) {
    let profile = Profile { password: CANARY, ..Profile::DISTRIBUTION_3 };
    let lifetime = Duration::from_secs(300);
    let registry =
        goods.registry(profile.with_tokens(lifetime, TokenExpiry::Declared, TokenForm::Opaque));
    let trap = SecretTrap::new();
    arm(&registry, &trap, case.attack);
    let scene = Scene::new();
    let mut command = command(goods, &scene, &registry, case);
    give(&mut command, &scene, &registry, case.source);
    let mut heard = watch(&scene, command, case.source, &[CANARY, ENCODED]);
    heard.places.push(("the trap".into(), trap.received_text()));
    if case.attack == Attack::None {
        assert_eq!(heard.status, 0, "{:?}", heard.places);
        goods.assert_served(&registry, &goods.new);
    } else if case.attack != Attack::Foreign {
        assert_ne!(registry.fault_count(), 0, "there was no such request: {:?}", heard.places);
    }
    assert!(!registry.tokens().is_empty() || heard.status == 1, "it did not use the secret");
    assert_nothing_leaked(&heard, &registry.tokens());
}

/// Prepares what the registry does.
fn arm(registry: &Registry, trap: &SecretTrap, attack: Attack) {
    let (kind, fault) = match attack {
        Attack::None => return,
        Attack::Ping => (RequestKind::Ping, Fault::Redirect(trap.url("/v2/"))),
        Attack::Token => (RequestKind::Token, Fault::Redirect(trap.url("/token"))),
        Attack::Head => (RequestKind::HeadBlob, Fault::Redirect(trap.url("/v2/a/blobs/b"))),
        Attack::Post => (RequestKind::Post, Fault::Redirect(trap.url("/v2/a/blobs/uploads/"))),
        Attack::Location => {
            (RequestKind::Post, Fault::Location(trap.url("/v2/a/blobs/uploads/1?x=y")))
        }
        Attack::Manifest => {
            (RequestKind::PutManifest, Fault::Redirect(trap.url("/v2/a/manifests/1")))
        }
        Attack::Echo => (RequestKind::Post, Fault::Echo(403)),
        Attack::Pull => (RequestKind::GetBlob, Fault::Redirect(trap.url("/storage"))),
        Attack::Foreign => return registry.put_manifest(NAME, "1", &foreign(trap)),
    };
    registry.inject(kind, fault, FaultTimes::Always);
}

/// Returns a manifest whose layer is in the trap.
fn foreign(trap: &SecretTrap) -> Vec<u8> {
    let digest = format!("sha256:{}", sha256(b"{}"));
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2,
    });
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": digest, "size": 2, "urls": [trap.url("/layer")],
    });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]})
        .to_string()
        .into_bytes()
}

fn command(goods: &TestImages, scene: &Scene, registry: &Registry, case: &Case) -> Command {
    let there = registry.reference("team/vm:1");
    let layout = goods.layout("new");
    let mut args = match case.attack {
        Attack::Pull | Attack::Foreign => vec!["pull", &there, "-o", "oci:back"],
        _ => vec!["push", "-l", &layout, "1", &there],
    };
    args.extend(["--debug", "--retry", "1", "--timeout", "2"]);
    match case.source {
        Source::AuthFile | Source::Proxy => args.extend(["--authfile", "auth.json"]),
        Source::StandardInput => args.extend(["--creds-file", "-"]),
        Source::DockerConfig | Source::Variable | Source::Helper => {}
    }
    scene.program(args)
}

/// Puts the secret where it comes from.
fn give(command: &mut Command, scene: &Scene, registry: &Registry, source: Source) {
    let auths = json!({ "auths": { registry.address(): { "auth": ENCODED } } }).to_string();
    match source {
        Source::AuthFile => drop(scene.write("auth.json", auths)),
        Source::DockerConfig => drop(scene.write("home/.docker/config.json", auths)),
        Source::Variable => drop(command.env("DOCKER_AUTH_CONFIG", auths)),
        Source::StandardInput => {}
        Source::Helper => {
            let helpers = json!({ "credHelpers": { registry.address(): "canary" } });
            scene.write("home/.docker/config.json", helpers.to_string());
            let secret = json!({ "ServerURL": "", "Username": "user", "Secret": CANARY });
            let text = format!("#!/bin/sh\ncat >/dev/null\necho '{secret}'\n");
            let path = scene.write("bin/docker-credential-canary", text);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            command.env("PATH", format!("{}:/usr/bin:/bin", scene.path("bin").display()));
        }
        Source::Proxy => {
            scene.write("auth.json", auths);
            // Whether or not it is used for what is on this machine, it leads to the registry.
            let proxy = format!("http://user:{CANARY}@{}", registry.address());
            command.env("http_proxy", &proxy).env("HTTP_PROXY", &proxy);
        }
    }
}

/// Runs the program and listens where secrets may turn up.
fn watch(scene: &Scene, mut command: Command, source: Source, secrets: &[&str]) -> Heard {
    let mut heard = Heard::default();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    if source == Source::StandardInput {
        writeln!(stdin, "user:{CANARY}").unwrap();
    }
    drop(stdin);
    std::thread::scope(|scope| {
        let output = scope.spawn(|| child.wait_with_output().unwrap());
        while !output.is_finished() {
            heard.places.extend(arguments(secrets));
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = output.join().unwrap();
        heard.status = output.status.code().unwrap();
        for (name, said) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            heard.places.push((name.into(), String::from_utf8_lossy(&said).into_owned()));
        }
    });
    for name in scene.file_digests("").into_keys() {
        let is_source = ["auth.json", "home/.docker/config.json", "bin/docker-credential-canary"];
        if !is_source.contains(&&name[..]) {
            let content = String::from_utf8_lossy(&scene.read(&name)).into_owned();
            heard.places.push((name, content));
        }
    }
    heard
}

/// Returns the arguments of all programs that have a secret among them.
fn arguments(secrets: &[&str]) -> Vec<(String, String)> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    let told = lines.filter(|line| secrets.iter().any(|secret| line.contains(secret)));
    told.map(|line| ("arguments".to_owned(), line)).collect()
}

fn assert_nothing_leaked(heard: &Heard, tokens: &[String]) {
    let secrets = [CANARY, ENCODED].into_iter().chain(tokens.iter().map(String::as_str));
    for secret in secrets {
        for (place, said) in &heard.places {
            assert!(!said.contains(secret), "{secret} is in {place}: {said}");
        }
    }
}

/// What these tests look for, they would find.
#[test]
fn leaks_are_found() {
    let Some(curl) = peer::find("curl") else { return };
    // Not the secret of the other tests, which look at the arguments of all programs.
    let (secret, encoded) = ("an0ther-c4nary", "dXNlcjphbjB0aGVyLWM0bmFyeQ==");
    let scene = Scene::new();
    let trap = SecretTrap::new();
    let login = format!("user:{secret}");
    let args = ["-sS", "-m", "5", "-u", &login, &trap.url("/")];
    curl.command().args(args).output().unwrap();
    assert!(trap.received_text().contains(encoded), "{}", trap.received_text());
    let mut command = Command::new("sh");
    let script = "echo $0; echo $0 >&2; echo $0 >left; sleep 0.5";
    command.args(["-c", script, secret]).current_dir(scene.path(""));
    let heard = watch(&scene, command, Source::AuthFile, &[secret]);
    for expected in ["stdout", "stderr", "left", "arguments"] {
        let found =
            heard.places.iter().any(|(place, said)| place == expected && said.contains(secret));
        assert!(found, "{expected}");
    }
    let found = std::panic::catch_unwind(|| assert_nothing_leaked(&heard, &[secret.into()]));
    assert!(found.is_err());
}
